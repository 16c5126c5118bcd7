#!/usr/bin/env python3
"""The API reference, made from the public headers.

    tools/api-doc.py            write docs/api/<header>.md and docs/api/README.md
    tools/api-doc.py --check    say which of them differ from what the headers say; exit status 1

What stands in a header becomes a page in the same order. A comment at the left edge and the
declarations right below it, up to a blank line or the next comment, are one item; a comment
followed by a blank line is text; a comment that begins with ---- is a section.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADERS = ["base", "json", "model", "codec", "store", "ops", "ggcode", "yoi", "pirust", "ckptmgr"]
PAGES = os.path.join("docs", "api")
API = "RAMET_API "

# What is for the compiler only.
MACHINERY = re.compile(r"^#if.*?^#endif\n", re.MULTILINE | re.DOTALL)
GUARD = re.compile(r"^#(?:ifndef|define) RAMET_\w*H\n|^#endif\s*\Z|^#include .*\n", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FOR_COMPILER = re.compile(r" RAMET_PRINTF\([^)]*\)")
SECTION = re.compile(r"^---- (.*?) ----\s*")
IDENTIFIER = re.compile(r"\b(?:ramet_\w+\*?|RAMET_\w+(?:\.\.\.)?)")
NAMES = re.compile(r"""^(?:\#define\ (?P<macro>RAMET_\w+) | (?P<struct>struct\ ramet_\w+)\s*[{;] |
    (?P<enum>enum\ ramet_\w+)\s*{ | typedef\b[^;]*?\b(?P<type>ramet_\w+)\( |
    RAMET_API\b[^;({]*?\b(?P<call>ramet_\w+)\s*[(;\[])""", re.MULTILINE | re.VERBOSE)
KINDS = [("call", "Calls"), ("struct", "Structs"), ("enum", "Enums"), ("type", "Types of calls"),
         ("macro", "Macros")]


def comment_text(comment):
    """The lines of a comment without its marks."""
    lines = comment.strip()[2:-2].strip().split("\n")
    return "\n".join(re.sub(r"^\s*\*? ?", "", line).rstrip() if i else line.rstrip()
                     for i, line in enumerate(lines))


def markdown(text):
    """Prose of a comment as Markdown: names as code, nothing else with a meaning of its own."""
    out = []
    for line in text.split("\n"):
        if line.startswith("    "):
            out.append(line)
            continue
        parts = line.split("`")
        for i in range(0, len(parts), 2):
            parts[i] = IDENTIFIER.sub(lambda m: "\0" + m[0].replace("*", "\1") + "\0", parts[i])
            parts[i] = parts[i].replace("*", "\\*").replace("<", "&lt;").replace("|", "\\|")
        out.append("`".join(parts).replace("\0", "`").replace("\1", "*"))
    return "\n".join(out)


def code_text(code):
    """Declarations as a reader needs them: without RAMET_API, and what hangs below it moved along."""
    out = []
    inside = False
    for line in code.expandtabs(8).rstrip().split("\n"):
        if line.startswith(API):
            line = FOR_COMPILER.sub("", line[len(API):])
            inside = True
        elif inside and line.startswith(" " * len(API)):
            line = line[len(API):]
        inside = inside and ";" not in COMMENT.sub("", line)
        out.append(line.rstrip())
    return "\n".join(out)


def pieces(text):
    """(comment, code) in order; either may be empty."""
    for part in re.split(r"\n\s*\n(?=\S)|\n(?=/\*)", text):
        match = re.match(r"\s*(/\*.*?\*/)?(.*)", part, re.DOTALL)
        yield match[1] or "", match[2]


def names_in(code):
    """(kind, name) declared by an item."""
    plain = COMMENT.sub("", code)
    return [(m.lastgroup, m[m.lastgroup]) for m in NAMES.finditer(plain)]


def heading_of(names):
    words = list(dict.fromkeys(name for _, name in names))
    return ", ".join(words) if len(words) <= 4 else ", ".join(words[:3]) + " and more"


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def body_of(header):
    """The header's first comment as text, and what is declared below it."""
    with open(os.path.join(ROOT, "include", header), encoding="utf-8") as f:
        text = f.read()
    first = COMMENT.match(text)
    rest = GUARD.sub("", text[first.end():])
    rest = MACHINERY.sub("\n", rest)
    return comment_text(first[0]).split(" - ", 1)[1], rest


def page(room, index):
    """The page of ramet/<room>.h; index collects (kind, name, link)."""
    intro, body = body_of(f"ramet/{room}.h")
    out = [f"# ramet/{room}.h", markdown(intro[0].upper() + intro[1:])]
    for comment, code in pieces(body):
        text = comment_text(comment) if comment else ""
        section = SECTION.match(text)
        if section:
            out.append("## " + section[1][0].upper() + section[1][1:])
            text = text[section.end():]
        names = names_in(code)
        if names:
            heading = heading_of(names)
            out.append("### " + heading)
            index += [(kind, name, f"{room}.md#{slug(heading)}") for kind, name in names]
        if text:
            out.append(markdown(text))
        if code.strip():
            out.append("```h\n" + code_text(code.strip("\n")) + "\n```")
    return "\n\n".join(out) + "\n"


def all_pages():
    """Path to text, in order."""
    index = []
    files = {f"{room}.md": page(room, index) for room in HEADERS}
    intro, _ = body_of("ramet.h")
    out = ["# The C interface", markdown(intro[0].upper() + intro[1:]),
           "These pages are made from the headers by `make docs`. How to build with ramet, and the rules that all "
           "calls keep, stand in [embed ramet](../guide/embed.md); what may change between versions in "
           "[versions](../guide/versions.md).",
           "| header | what it is for |\n|---|---|\n" + "\n".join(
               f"| [ramet/{room}.h]({room}.md) | {first_sentence(room)} |" for room in HEADERS)]
    for kind, title in KINDS:
        found = sorted({(name, link) for k, name, link in index if k == kind})
        out.append(f"## {title}")
        out.append("\n".join(f"- [{name}]({link})" for name, link in found))
    files["README.md"] = "\n\n".join(out) + "\n"
    return files


def first_sentence(room):
    intro = " ".join(body_of(f"ramet/{room}.h")[0].split("\n\n")[0].split())
    return markdown(intro.rstrip("."))


def main():
    folder = os.path.join(ROOT, PAGES)
    wrong = []
    for name, text in all_pages().items():
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as f:
                same = f.read() == text
        except FileNotFoundError:
            same = False
        if not same:
            wrong.append(os.path.join(PAGES, name))
            if "--check" not in sys.argv[1:]:
                os.makedirs(folder, exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
    if "--check" in sys.argv[1:] and wrong:
        print("not what the headers say, `make docs` writes them anew: " + " ".join(wrong))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

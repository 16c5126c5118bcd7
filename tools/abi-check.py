#!/usr/bin/env python3
"""Has the binary interface changed? docs/api/abi.txt says what it is.

    tools/abi-check.py                         compare the headers with docs/api/abi.txt
    tools/abi-check.py --write [--unreleased]  accept the headers as they are

Recorded, for 64-bit Linux: the type of every call, size, alignment and members of every public
struct with their offsets, the values of enums, macros. A compiler gives the numbers and confirms
that the types of calls were understood.

What was there and is not the same now breaks programs that are already built: --write takes it
only with a version whose library has another name (docs/guide/versions.md), or with --unreleased,
when the version in the headers was never given to anyone. Additions are always taken.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from c_source import blank, c_files, read  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORD = os.path.join("docs", "api", "abi.txt")
HOW = """
If that is intended: raise RAMET_VERSION in include/ramet/base.h (while 0.x the middle number, from 1.0 on
the first one; for additions alone the last or the middle one), then run

    tools/abi-check.py --write

(--write --unreleased when the version in the headers has not been released yet)."""

STRUCT = re.compile(r"^struct (ramet_\w+) \{(.*?)^\};", re.MULTILINE | re.DOTALL)
ENUM = re.compile(r"^enum (ramet_\w+) \{(.*?)\};", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"^RAMET_API\s+([^;({]*?)\b(ramet_\w+)\s*\(([^;]*?)\)\s*(?:RAMET_PRINTF\([^)]*\))?;",
                  re.MULTILINE)
TYPEDEF = re.compile(r"^typedef ([^;]*);", re.MULTILINE)
MACRO = re.compile(r"^#define (RAMET_\w+(?:\([^)]*\))?)[ \t]+(.*)$", re.MULTILINE)
NOT_ABI = ("RAMET_API", "RAMET_PRINTF(", "RAMET_VERSION")


def squeeze(text):
    return re.sub(r"\s*\*\s*", " *", re.sub(r"\s+", " ", text.strip())).replace("* *", "**").replace("( *", "(*")


def split_commas(text):
    """At commas outside parentheses."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def parameter(text):
    """The type of a parameter, without its name."""
    text = squeeze(text)
    if text in ("void", "..."):
        return text
    if "(*" in text:
        return re.sub(r"\(\*\w+\)", "(*)", text)
    return re.sub(r"\s*\b\w+$", "", text)


def members(body):
    """(name, declaration) of the members of a struct."""
    for declaration in filter(None, map(squeeze, body.split(";"))):
        pointer = re.search(r"\(\*(\w+)\)", declaration)
        if pointer:
            yield pointer[1], declaration
            continue
        first, *rest = split_commas(declaration)
        base = re.match(r"(.*?)(?=[ *]+\w+(?:\[[^\]]*\])?$)", first)[1]
        for part in [first[len(base):]] + rest:
            yield re.search(r"(\w+)(?:\[[^\]]*\])?$", part)[1], squeeze(f"{base} {part}")


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Program:
    """A C program that prints the record."""

    def __init__(self):
        self.checks = []
        self.lines = []

    def text(self, line):
        self.lines.append(f"\tputs({c_string(line)});")

    def struct(self, name, body):
        self.lines.append(f'\tprintf("struct {name}: %zu bytes, aligned to %zu\\n", '
                          f"sizeof(struct {name}), _Alignof(struct {name}));")
        for member, declaration in members(body):
            at = f"(struct {name} *)0)->{member}"
            self.lines.append(f'\tprintf("    %4zu %4zu  %s\\n", offsetof(struct {name}, {member}), '
                              f"sizeof(({at}), {c_string(declaration)});")

    def enum(self, name, body):
        self.text(f"enum {name}")
        for part in split_commas(body):
            value = part.split("=")[0].strip()
            self.lines.append(f'\tprintf("    {value} = %lld\\n", (long long){value});')

    def call(self, result, name, parameters):
        types = ", ".join(map(parameter, split_commas(parameters)))
        result = squeeze(result)
        self.checks.append(f"_Static_assert(__builtin_types_compatible_p(__typeof__({name}), "
                           f'{result}({types})), "{name}");')
        self.text(f"call {result + ('' if result.endswith('*') else ' ')}{name}({types})")

    def output(self):
        source = "\n".join(["#include <ramet.h>", "#include <stdio.h>", *self.checks, "int main(void)", "{",
                            *self.lines, "\treturn sizeof(void *) != 8;", "}", ""])
        with tempfile.TemporaryDirectory(prefix="ramet-abi-") as work:
            program = os.path.join(work, "abi")
            subprocess.run(["cc", "-std=gnu11", "-I", os.path.join(ROOT, "include"), "-x", "c", "-",
                            "-o", program], input=source, text=True, check=True)
            done = subprocess.run([program], capture_output=True, text=True)
        if done.returncode:
            print("skipped: the record is of 64-bit machines")
            sys.exit(77)
        return done.stdout


def describe():
    """The record of the headers as they are."""
    program = Program()
    version = re.search(r'RAMET_VERSION "(.*?)"', read(ROOT, "include/ramet/base.h"))[1]
    program.text(f"ramet {version}")
    for path in c_files(ROOT, "include"):
        code = blank(read(ROOT, path), strings=False)
        found = [(m.start(), "struct", m) for m in STRUCT.finditer(code)]
        found += [(m.start(), "enum", m) for m in ENUM.finditer(code)]
        found += [(m.start(), "call", m) for m in CALL.finditer(code)]
        for _, kind, match in sorted(found, key=lambda f: f[0]):
            getattr(program, kind)(*match.groups())
        for match in TYPEDEF.finditer(code):
            program.text("type " + squeeze(match[1]))
        for match in MACRO.finditer(code):
            if not match[1].startswith(NOT_ABI):
                program.text(f"macro {match[1]} {squeeze(match[2])}")
    return program.output()


def items(record):
    """First line to all lines, of each item; without the version."""
    found, key = {}, None
    for line in record.split("\n")[1:]:
        if line.startswith(" "):
            found[key].append(line)
        elif line:
            key = re.sub(r":.*", "", line) if line.startswith("struct") else line
            found[key] = [line]
    return found


def broken(old, new):
    """What was there and is not as it was; an enum may grow at its end."""
    now = items(new)
    return [key for key, lines in items(old).items()
            if key not in now or now[key][:len(lines)] != lines
            or (key.startswith("struct") and now[key] != lines)]


def name_of_library(record):
    """The part of a version that the library's file name carries."""
    major, minor = re.match(r"ramet (\d+)\.(\d+)", record).groups()
    return f"0.{minor}" if major == "0" else major


def main():
    new = describe()
    path = os.path.join(ROOT, RECORD)
    old = read(ROOT, RECORD) if os.path.exists(path) else ""
    if "--write" in sys.argv[1:]:
        lost = broken(old, new) if old else []
        if lost and name_of_library(old) == name_of_library(new) and "--unreleased" not in sys.argv[1:]:
            print("\n".join(lost))
            print("These break programs built with the same version: raise RAMET_VERSION first" + HOW)
            return 1
        with open(path, "w", encoding="utf-8") as f:
            f.write(new)
        return 0
    if old == new:
        return 0
    print("".join(line + "\n" for line in difflib.unified_diff(
        old.split("\n"), new.split("\n"), RECORD, "the headers", n=1, lineterm="")), end="")
    lost = broken(old, new)
    print("\nThe binary interface changed" + (": " + ", ".join(lost) if lost else ", additions only") + HOW)
    return 1


if __name__ == "__main__":
    sys.exit(main())

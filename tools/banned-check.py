#!/usr/bin/env python3
"""Functions nobody may call here, and the plain text rules of the house.

Everywhere in src/: functions that overflow, keep hidden state, ignore errors or go around the
allocation hook. Outside base/ also the C library's own memory functions (use ramet_alloc and kin).
Text, in src/, include/, tests/, bench/ and examples/: lines of at most 100 columns with tabs of 8,
no // comments, no white space at a line's end, a newline at the end of the file; in src/ at most
600 lines a file. In Python files no function may take the name of another one before it.

    tools/banned-check.py [ROOT]
"""

import ast
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from c_source import blank, c_files, read, report  # noqa: E402

EVERYWHERE = """
strcpy strcat sprintf vsprintf strtok atoi atol atoll atof strtol fgets gets localtime gmtime
asctime ctime rand srand random system alloca malloc
""".split()
OUTSIDE_BASE = "calloc realloc reallocarray free strdup strndup asprintf vasprintf".split()
COLUMNS = 100
LINES = 600


def pattern(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


EVERYWHERE_CALL = pattern(EVERYWHERE)
OUTSIDE_BASE_CALL = pattern(OUTSIDE_BASE)


def check_calls(path, code):
    problems = []
    for number, line in enumerate(code.split("\n"), 1):
        for match in EVERYWHERE_CALL.finditer(line):
            problems.append((path, number, f"{match.group(1)}() is banned"))
        if path.startswith("src/base/"):
            continue
        for match in OUTSIDE_BASE_CALL.finditer(line):
            problems.append((path, number, f"{match.group(1)}(): use ramet_alloc and kin"))
    return problems


def check_text(path, text):
    problems = []
    code = blank(text).split("\n")
    lines = text.split("\n")
    if text and lines[-1] != "":
        problems.append((path, len(lines), "no newline at the end of the file"))
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > COLUMNS:
            problems.append((path, number, f"{len(line.expandtabs(8))} columns, {COLUMNS} fit"))
        if line != line.rstrip():
            problems.append((path, number, "white space at the end of the line"))
        # blank() has hidden both kinds of comment: what is gone and began with // was one.
        if "//" in line and re.search(r"(^|\s)//", line) and "//" not in code[number - 1]:
            if "/*" not in line and '"' not in line and not line.lstrip().startswith("*"):
                problems.append((path, number, "// comment, write /* */"))
    if path.startswith("src/") and len(lines) > LINES + 1:
        problems.append((path, len(lines), f"{len(lines) - 1} lines, {LINES} are the limit"))
    return problems


def python_files(root, *rooms):
    for room in rooms:
        for folder, _, names in os.walk(os.path.join(root, room)):
            for name in sorted(names):
                if name.endswith(".py"):
                    yield os.path.relpath(os.path.join(folder, name), root)


def check_names(path, text):
    """The second function of a name is the only one that is ever called."""
    problems, seen = [], {}
    for node in ast.parse(text, path).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        if node.name in seen:
            problems.append((path, node.lineno, f"{node.name} is in line {seen[node.name]} already"))
        seen[node.name] = node.lineno
    return problems


def check_tree(root):
    problems = []
    for path in python_files(root, "bench", "tests", "tools"):
        problems += check_names(path, read(root, path))
    for path in c_files(root, "src", "include", "tests", "bench", "examples"):
        text = read(root, path)
        if path.startswith("src/"):
            problems += check_calls(path, blank(text))
        problems += check_text(path, text)
    return problems


if __name__ == "__main__":
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(report(check_tree(sys.argv[1] if len(sys.argv) > 1 else here), "banned"))

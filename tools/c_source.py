"""What the checkers of this directory share: where sources are, and C text without its comments."""

import os
import re

ROOMS = ["base", "json", "model", "codec", "store", "ops"]
FACES = ["ui", "cli"]

_TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)


def c_files(root, *folders):
    """Paths of C files below the folders, relative to root, sorted."""
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith((".c", ".h")):
                    found.append(os.path.relpath(os.path.join(where, name), root))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def blank(text, strings=True):
    """The text with comments (and the insides of strings) blanked; lines and columns stay."""

    def hide(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        if strings:
            return token[0] + " " * (len(token) - 2) + token[-1]
        return token

    return _TOKEN.sub(hide, text)


def report(problems, what):
    """Print problems as PATH:LINE: TEXT; returns the exit status."""
    for path, line, message in problems:
        print(f"{path}:{line}: {message}")
    if problems:
        print(f"{what}: {len(problems)} problem(s)")
        return 1
    print(f"{what}: fine")
    return 0

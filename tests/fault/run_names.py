#!/usr/bin/env python3
"""Every public call is in the table of the allocation failures, or among those that cannot allocate,
or named with a unit test of its own that lets allocations fail.

Ends with "N passed, N failed".
"""

import glob
import os
import re
import sys

ROOT = os.environ.get("RAMET_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def read(pattern):
    text = ""
    for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
        with open(path, encoding="utf-8") as f:
            text += f.read()
    return text


def main():
    declared = set(re.findall(r"RAMET_API\s[^;]*?\b(ramet_\w+)\(", read("include/ramet/*.h")))
    tables = read("tests/fault/alloc_*.c")
    tried = {"ramet_" + name for name in re.findall(r"\bROW\((\w+)", tables)}
    listed = set()
    for part in re.findall(r"NONE:(.*?)\*/", tables, re.DOTALL):
        listed |= set(re.findall(r"\bramet_\w+", part))
    elsewhere = set()
    wrong = []
    for path, part in re.findall(r"ELSEWHERE ([\w./]+): ((?:ramet_\w+|[\s*])+)", tables):
        text = read(path)
        names = set(re.findall(r"\bramet_\w+", part))
        elsewhere |= names
        if not re.search(r"failing_memory_start|scarce_start", text):
            wrong.append(f"{path} lets no allocation fail")
        wrong += [f"{path} does not call {name}" for name in sorted(names)
                  if not re.search(rf"\b{name}\(", text)]
    listed |= elsewhere
    wrong += [f"{name} is neither in a table nor listed" for name in
             sorted(declared - tried - listed)]
    wrong += [f"{name} is no public call" for name in sorted((tried | listed) - declared)]
    wrong += [f"{name} is in a table and listed" for name in sorted(tried & listed)]
    for line in wrong:
        print(line)
    print(f"{len(declared)} public calls, {len(tried)} tried, {len(elsewhere)} elsewhere, "
          f"{len(listed - elsewhere)} cannot allocate")
    print(f"{len(declared) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Does the library show what its public headers promise, and nothing else?

- libramet.so exports exactly the names that the public headers declare with RAMET_API;
- every global symbol of libramet.a begins with ramet_ or rameti_;
- no executable stack, no text relocations, the soname carries the major version (0.x: 0.x).

    tools/symbol-check.py BUILD [ROOT]
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from c_source import blank, c_files, read  # noqa: E402

# RAMET_API, then a declaration up to its name: a function's is before "(", a variable's before
# "[" or ";".
DECLARATION = re.compile(r"^RAMET_API\b([^;({]*?)\b(ramet_\w+)\s*(?=[(\[;])", re.MULTILINE)


def declared(root):
    names = set()
    n_marks = 0
    for path in c_files(root, "include"):
        code = blank(read(root, path))
        n_marks += len(re.findall(r"^(?!#).*\bRAMET_API\b", code, re.MULTILINE))
        names |= {match.group(2) for match in DECLARATION.finditer(code)}
    return names, n_marks


def symbols(*arguments):
    out = subprocess.run(["nm", "-P", *arguments], check=True, capture_output=True, text=True)
    names = set()
    for line in out.stdout.splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[1]) == 1:
            names.add(fields[0].split("@")[0])
    return names


def dynamic_section(library):
    out = subprocess.run(["readelf", "-dlW", library], check=True, capture_output=True, text=True)
    return out.stdout


def main():
    build = sys.argv[1]
    root = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(
        os.path.dirname(os.path.abspath(__file__)))
    shared = os.path.join(build, "libramet.so")
    problems = []
    for library in (shared, os.path.join(build, "libramet.a")):
        if not os.path.exists(library):
            print(f"{library} is not there: build first")
            return 1

    promised, n_marks = declared(root)
    if len(promised) != n_marks:
        problems.append(f"{n_marks} declarations with RAMET_API, {len(promised)} names understood")
    exported = symbols("-D", "--defined-only", shared)
    problems += [f"{name} is declared but not in the library" for name in sorted(promised - exported)]
    problems += [f"{name} is exported but not declared with RAMET_API"
                 for name in sorted(exported - promised)]
    for name in sorted(symbols("-g", "--defined-only", os.path.join(build, "libramet.a"))):
        if not name.startswith(("ramet_", "rameti_")):
            problems.append(f"{name} is global in libramet.a but neither ramet_ nor rameti_")

    facts = dynamic_section(shared)
    version = re.search(r'RAMET_VERSION "(0\.\d+|\d+)', read(root, "include/ramet/base.h")).group(1)
    if f"[libramet.so.{version}]" not in facts:
        problems.append(f"the soname is not libramet.so.{version}")
    if "TEXTREL" in facts:
        problems.append("libramet.so has text relocations")
    if re.search(r"GNU_STACK.*RWE", facts):
        problems.append("libramet.so wants an executable stack")

    for problem in problems:
        print(problem)
    print(f"symbols: {len(problems)} problem(s)" if problems else
          f"symbols: fine, {len(exported)} exported")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

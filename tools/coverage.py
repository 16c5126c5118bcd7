#!/usr/bin/env python3
"""Lines of src/ executed by the tests of a coverage build, per file, with gcov.

    tools/coverage.py BUILD
"""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def reports(build):
    """gcov's view of each object that belongs to src/."""
    notes = []
    for where, _, names in os.walk(build):
        notes += [os.path.join(where, name) for name in names if name.endswith(".gcda")]
    for note in sorted(notes):
        out = subprocess.run(["gcov", "--json-format", "--stdout", note], check=True,
                             capture_output=True, text=True, cwd=build).stdout
        for line in out.splitlines():
            if line.strip():
                yield json.loads(line)


def main():
    build = os.path.abspath(sys.argv[1])
    lines = {}
    for report in reports(build):
        for file in report["files"]:
            path = os.path.relpath(os.path.join(report["current_working_directory"], file["file"]),
                                   ROOT)
            if not path.startswith("src/"):
                continue
            seen = lines.setdefault(path, {})
            for line in file["lines"]:
                number = line["line_number"]
                seen[number] = max(seen.get(number, 0), line["count"])
    n_all = n_hit = 0
    for path in sorted(lines):
        hit = sum(1 for count in lines[path].values() if count)
        n_all += len(lines[path])
        n_hit += hit
        print(f"{100 * hit / len(lines[path]):5.1f} %  {hit:>5} of {len(lines[path]):<5}  {path}")
    if n_all:
        print(f"{100 * n_hit / n_all:5.1f} %  {n_hit:>5} of {n_all:<5}  all")
    return 0 if n_all else 1


if __name__ == "__main__":
    sys.exit(main())

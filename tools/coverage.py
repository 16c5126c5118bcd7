#!/usr/bin/env python3
"""Lines and branches of src/ taken by the tests of a coverage build, per file and room, with gcov.

    tools/coverage.py BUILD [--missing PREFIX]

--missing lists the branches never taken below PREFIX (src, src/store, src/store/log.c). A branch
is one way out of a condition, each operand of && and || being a condition, or one case of a
switch; it counts as taken when any test took it at least once, in any object made of its file.
Left out are those no caller can take or no author wrote: every branch of an assert statement (its
other way ends the process), and the edges gcov marks as thrown exceptions. The preset makes
ordinary functions of those that are inlined by order, so that each is counted once.
Exit status 1: a room is below the bar.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BARRED = ("base", "json", "model", "codec", "store")
BAR = 95.0
OTHERS = ("ops", "cli")
ASSERT = re.compile(r"^\s*(else\s+)?assert\(")


def reports(build):
    """gcov's view of each object, run or not; a test may hold a file of src/ as a part."""
    notes = []
    for where, _, names in os.walk(build):
        notes += [os.path.join(where, name) for name in names if name.endswith(".gcno")]
    notes.sort()
    for at in range(0, len(notes), 50):
        # not checked: gcov complains of objects that no test ran
        out = subprocess.run(["gcov", "-b", "--json-format", "--stdout", *notes[at:at + 50]],
                             check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, cwd=build).stdout
        for line in out.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def asserted(path):
    """Numbers of the lines that assert statements stand on."""
    numbers = set()
    inside = False
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            inside = inside or bool(ASSERT.match(line))
            if inside:
                numbers.add(number)
                inside = ");" not in line
    return numbers


class File:
    """How often each line and each branch of a source file was taken, over all objects."""

    def __init__(self, path):
        self.asserts = asserted(path)
        self.lines = {}
        self.branches = {}

    def add(self, line):
        number = line["line_number"]
        self.lines[number] = max(self.lines.get(number, 0), line["count"])
        if number in self.asserts:
            return
        written = [b["count"] for b in line["branches"] if not b["throw"]]
        for at, count in enumerate(written):
            key = (number, line.get("function_name", ""), at)
            self.branches[key] = max(self.branches.get(key, 0), count)

    def missing(self):
        """Lines with branches never taken: number, how many, of how many."""
        found = {}
        for (number, _, _), count in self.branches.items():
            never, all_of_it = found.get(number, (0, 0))
            found[number] = (never + (count == 0), all_of_it + 1)
        return [(n, *found[n]) for n in sorted(found) if found[n][0]]


class Sum:
    def __init__(self):
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0

    def add(self, file):
        self.lines += len(file.lines)
        self.lines_hit += sum(1 for count in file.lines.values() if count)
        self.branches += len(file.branches)
        self.branches_hit += sum(1 for count in file.branches.values() if count)

    def percent(self):
        return 100 * self.branches_hit / self.branches if self.branches else 100.0

    def show(self, name):
        lines = 100 * self.lines_hit / self.lines if self.lines else 100.0
        print(f"{lines:5.1f} %  {self.lines_hit:>5} of {self.lines:<5}  "
              f"{self.percent():5.1f} %  {self.branches_hit:>5} of {self.branches:<5}  {name}")


def read(build):
    files = {}
    for report in reports(build):
        for file in report["files"]:
            path = os.path.relpath(os.path.join(report["current_working_directory"], file["file"]),
                                   ROOT)
            if not path.startswith("src/") or not os.path.exists(os.path.join(ROOT, path)):
                continue
            if path not in files:
                files[path] = File(path)
            for line in file["lines"]:
                files[path].add(line)
    return files


def show_missing(files, prefix):
    for path in sorted(files):
        if not (path + "/").startswith(prefix.rstrip("/") + "/"):
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8") as source:
            text = source.read().split("\n")
        for number, never, all_of_it in files[path].missing():
            print(f"{path}:{number}: {never} of {all_of_it}: {text[number - 1].strip()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--missing", metavar="PREFIX")
    args = parser.parse_args()
    files = read(os.path.abspath(args.build))
    if not any(count for file in files.values() for count in file.lines.values()):
        print("nothing was executed", file=sys.stderr)
        return 1
    if args.missing:
        show_missing(files, args.missing)
        return 0

    print("lines                   branches")
    rooms = {}
    for path in sorted(files):
        one = Sum()
        one.add(files[path])
        one.show(path)
        rooms.setdefault(path.split("/")[1], Sum()).add(files[path])
    print()
    for name in (*BARRED, *OTHERS, *sorted(set(rooms) - {*BARRED, *OTHERS})):
        if name in rooms:
            rooms[name].show(name)
    print()
    low = 0
    for name in BARRED:
        percent = rooms[name].percent() if name in rooms else 0.0
        met = percent >= BAR
        low += not met
        print(f"{'ok  ' if met else 'FAIL'} {name:<6} {percent:5.1f} % of branches, "
              f"at least {BAR:.0f} %")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())

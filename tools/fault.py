#!/usr/bin/env python3
"""The fault harness in its long form: everything in tests/fault, one after the other.

Each runner prints its table and says "N passed, N failed"; exit status 77 means skipped. The last
line is the sum. --soak: more of the same, for hours.

    tools/fault.py [--build DIR] [--soak] [--only NAME]
"""

import argparse
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed\s*$")
# name, what it does, the program (in BUILD/tests/fault) or script (in tests/fault); each gets
# "long" or "soak" as its argument.
RUNNERS = [
    ("crash", "power cuts: every image of a file system that they may leave", "crash_run"),
    ("points", "every system call fails, at every place, in every way", "points_run"),
    ("alloc", "every allocation fails", "alloc_run"),
    ("valgrind", "the same under valgrind", "alloc_valgrind.py"),
    ("names", "every public call is among those", "run_names.py"),
    ("procs", "killed writers, many writers, writers without a lock, full disks", "run_procs.py"),
    ("homes", "writers of every home and layout are killed, a few hundred times",
     "../contract/test_together"),
    ("planted", "bugs planted into the library are found", "run_planted.py"),
]


def run(command, env):
    """Pass the output on, but for its counts; returns them, or None for skipped."""
    counts = None
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as child:
        for line in child.stdout:
            match = COUNTS.match(line)
            if match:
                counts = int(match.group(1)), int(match.group(2))
            else:
                print(line, end="", flush=True)
    if child.returncode == 77:
        return None
    ok = child.returncode == 0
    passed, failed = counts if counts else (int(ok), 0)
    return passed, failed if ok or failed else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--only", choices=[name for name, _, _ in RUNNERS])
    args = parser.parse_args()
    build = os.path.abspath(os.path.join(ROOT, args.build))
    env = dict(os.environ, RAMET_BIN=os.path.join(build, "ramet"), RAMET_BUILD=build,
               RAMET_CONTRACT_KILLS="3000" if args.soak else "250", RAMET_SOURCE=ROOT,
               PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8")
    passed = failed = 0
    rows = []
    for name, about, program in RUNNERS:
        if args.only not in (None, name):
            continue
        print(f"==== {name}: {about}", flush=True)
        start = time.monotonic()
        if program.endswith(".py"):
            command = [sys.executable, os.path.join(ROOT, "tests", "fault", program)]
        else:
            command = [os.path.join(build, "tests", "fault", program)]
        counts = run(command + ["soak" if args.soak else "long"], env)
        took = time.monotonic() - start
        rows.append((name, counts, took))
        if counts:
            passed += counts[0]
            failed += counts[1]
    print("====", flush=True)
    for name, counts, took in rows:
        said = f"{counts[0]:>8} passed {counts[1]:>6} failed" if counts else "skipped"
        print(f"{name:<10} {said:<31} {took:8.1f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

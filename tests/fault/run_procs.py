#!/usr/bin/env python3
"""Real processes at real files: killed writers, many writers, writers without a lock, full disks.

    RAMET_BIN=build/ramet RAMET_BUILD=build tests/fault/run_procs.py [quick|long|soak]

procs_run.c does the work. What it cannot do itself is here: file systems that are small enough to be
full (root only; skipped, and said so, without), and the published pi as the writer without a lock
(where tools/peer.sh has it; "quick" does not install it). Ends with "N passed, N failed".
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("RAMET_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("RAMET_BUILD") or os.path.join(ROOT, "build"))
BIN = os.path.abspath(os.environ.get("RAMET_BIN") or os.path.join(BUILD, "ramet"))
RUNNER = os.path.join(BUILD, "tests", "fault", "procs_run")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$")
RACES = {"quick": 2, "long": 20, "soak": 100}
PI_RACES = {"quick": 1, "long": 10, "soak": 50}
PI_LINES = 300                                      # as tests/interop/race.mjs has it
PATIENCE = 20                                       # s, for mounting


class Sum:
    def __init__(self):
        self.passed = self.failed = 0

    def play(self, *args, **env):
        """Run a part, passing its table on; did all of it hold?"""
        with subprocess.Popen([RUNNER, *args], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                              env={**os.environ, **env}) as child:
            counted = None
            for line in child.stdout:
                counted = COUNTS.match(line) or counted
                if not COUNTS.match(line):
                    print(line, end="", flush=True)
        passed, failed = (int(n) for n in counted.groups()) if counted else (0, 1)
        if child.returncode and not failed:
            failed = 1
        if not counted:
            print(f"FAIL  {args[0]}: ended with {child.returncode}", flush=True)
        self.passed += passed
        self.failed += failed
        return not failed

    def case(self, ok, text):
        print(f"{'ok  ' if ok else 'FAIL'}  {text}", flush=True)
        self.passed += ok
        self.failed += not ok


@contextlib.contextmanager
def small_disk(at, size):
    """A file system of this size at a directory, or None where that is not allowed."""
    os.makedirs(at, exist_ok=True)
    try:
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "ramet-procs", at],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=PATIENCE).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        mounted = False
    try:
        yield at if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", at], timeout=PATIENCE, check=False)


def full_disks(total, form, work):
    with small_disk(os.path.join(work, "small"), "256k") as disk:
        if not disk:
            print("skip  full disk: mounting a tmpfs is not allowed here (root only)")
            return
        total.play("full", disk, BIN)
    with small_disk(os.path.join(work, "larger"), "8m") as disk:
        if disk:
            total.play("full-lockless", disk, str(RACES[form]))


# ---- the published pi ----

def peer(form):
    """(node, package), or why there is none."""
    if os.environ.get("RAMET_NODE") and os.environ.get("RAMET_PEER"):
        return os.environ["RAMET_NODE"], os.environ["RAMET_PEER"]
    at = os.environ.get("RAMET_PEER_DIR") or os.path.join(ROOT, "build", "peer")
    if form == "quick" and not os.path.exists(os.path.join(at, ".ready")):
        return "build/peer is not there (make interop gets it)"
    done = subprocess.run([os.path.join(ROOT, "tools", "peer.sh")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().split("\n") or ["no peer"])[-1]
    return tuple(done.stdout.split("\n")[:2])


def lines_of_pi(path):
    """How many of pi's messages stand in a file, each once, in order, under the one before."""
    before, n = None, 0
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            text = entry.get("message", {}).get("content")
            if not isinstance(text, str) or not text.startswith(f"user {n} x"):
                continue
            if before and entry["parentId"] != before:
                break
            before, n = entry["id"], n + 1
    return n


def beside_pi(total, form, work):
    found = peer(form)
    if isinstance(found, str):
        print(f"skip  pi beside it: {found}")
        return
    node, package = found
    at = os.path.join(work, "pi")
    os.makedirs(at)
    races = PI_RACES[form]
    total.play("lockless", at, str(races), node, os.path.join(ROOT, "tests/interop/race.mjs"),
               RAMET_PEER=package, RAMET_BUILD=BUILD, TZ="UTC")
    have = [lines_of_pi(os.path.join(at, name)) for name in sorted(os.listdir(at))
            if name.endswith(".jsonl")]
    total.case(have == [PI_LINES] * races,
               f"pi's lines: {sum(have)} of {races * PI_LINES} there, in order")


def main():
    form = sys.argv[1] if len(sys.argv) > 1 else "quick"
    if form not in RACES or not os.path.exists(RUNNER):
        print(f"usage: run_procs.py [quick|long|soak]; {RUNNER} must be built")
        return 2
    total = Sum()
    work = tempfile.mkdtemp(prefix="procs-", dir=BUILD)
    total.play(form, work, BIN)
    full_disks(total, form, work)
    beside_pi(total, form, work)
    if total.failed:
        print(f"kept: {work}")
    else:
        shutil.rmtree(work)
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

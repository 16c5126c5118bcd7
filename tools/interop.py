#!/usr/bin/env python3
"""Compare ramet with the published pi: run every tests/interop/run_*.py against it.

Each runner gets RAMET_BIN, RAMET_BUILD, RAMET_NODE (a node new enough), RAMET_PEER (the folder of
the installed package) and RAMET_ROUNDS (sessions to try) in its environment and reports
"N passed, N failed". Exit status 77: skipped, because the peer cannot be had.

    tools/interop.py [--build DIR] [--rounds N]
"""

import argparse
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed\s*$")


def run(script, env):
    """Pass the script's output on, but for its counts; returns them."""
    counts = None
    with subprocess.Popen([sys.executable, script], cwd=ROOT, env=env, stdout=subprocess.PIPE,
                          text=True, errors="replace") as child:
        for line in child.stdout:
            match = COUNTS.match(line)
            if match:
                counts = int(match.group(1)), int(match.group(2))
            else:
                print(line, end="", flush=True)
    ok = child.returncode == 0
    passed, failed = counts if counts else (int(ok), 0)
    if not ok and not failed:
        failed = 1
    return passed, failed


# runners that compare with other programs than the peer
WITHOUT_PEER = ("run_sqlite.py", "run_yoi.py")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=1000)
    args = parser.parse_args()

    runners = sorted(glob.glob(os.path.join(ROOT, "tests", "interop", "run_*.py")))
    if not runners:
        print("no runner in tests/interop")
        return 77
    peer = subprocess.run([os.path.join(ROOT, "tools", "peer.sh")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    node = package = ""
    if peer.returncode != 0:
        print((peer.stderr.strip() or "no peer").split("\n")[-1])
        runners = [name for name in runners if os.path.basename(name) in WITHOUT_PEER]
        if not runners:
            return 77
    else:
        node, package = peer.stdout.split("\n")[:2]
    build = os.path.abspath(os.path.join(ROOT, args.build))
    env = dict(os.environ, RAMET_BIN=os.path.join(build, "ramet"), RAMET_BUILD=build,
               RAMET_SOURCE=ROOT, RAMET_NODE=node, RAMET_PEER=package,
               RAMET_ROUNDS=str(args.rounds), PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8")

    passed = failed = 0
    for script in runners:
        p, f = run(script, env)
        passed += p
        failed += f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Write sessions turn by turn with the published pi (turns.mjs), on the Node and the package that
tools/peer.sh gives; skipped, and said so, where they cannot be had.

A fifth of RAMET_ROUNDS sessions, at least 12.

    tests/interop/run_turns.py [OPTIONS of turns.mjs]
"""

import os
import subprocess
import sys

import run_pi

COUNT = max(12, int(os.environ.get("RAMET_ROUNDS") or 1000) // 5)


def main():
    found = run_pi.peer()
    if not found:
        print("0 passed, 0 failed, 1 skipped")
        return 0
    node, package = found
    env = {**os.environ, "RAMET_PEER": package, "TZ": "UTC"}
    env.setdefault("RAMET_BUILD", os.path.join(run_pi.ROOT, "build"))
    script = os.path.join(run_pi.HERE, "turns.mjs")
    return subprocess.run([node, script, "--count", str(COUNT), *sys.argv[1:]], env=env).returncode


if __name__ == "__main__":
    sys.exit(main())

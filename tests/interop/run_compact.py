#!/usr/bin/env python3
"""Plan compactions and branch summaries of random sessions with the published pi (compact.mjs), on
the Node and the package that tools/peer.sh gives; skipped, and said so, where they cannot be had.

A third of RAMET_ROUNDS sessions, at least 30.

    tests/interop/run_compact.py [OPTIONS of compact.mjs]
"""

import os
import subprocess
import sys

import run_pi

COUNT = max(30, int(os.environ.get("RAMET_ROUNDS") or 1000) // 3)


def main():
    found = run_pi.peer()
    if not found:
        print("0 passed, 0 failed, 1 skipped")
        return 0
    node, package = found
    env = {**os.environ, "RAMET_PEER": package, "TZ": "UTC"}
    env.setdefault("RAMET_BUILD", os.path.join(run_pi.ROOT, "build"))
    script = os.path.join(run_pi.HERE, "compact.mjs")
    return subprocess.run([node, script, "--count", str(COUNT), *sys.argv[1:]], env=env).returncode


if __name__ == "__main__":
    sys.exit(main())

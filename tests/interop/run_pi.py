#!/usr/bin/env python3
"""Run the comparison with the published pi (run.mjs) on the Node and the package that
tools/peer.sh gives; skipped, and said so, where they cannot be had.

    tests/interop/run_pi.py [OPTIONS of run.mjs]
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def peer():
    """(node, package), from the environment or installed; None when there is none."""
    if os.environ.get("RAMET_NODE") and os.environ.get("RAMET_PEER"):
        return os.environ["RAMET_NODE"], os.environ["RAMET_PEER"]
    done = subprocess.run([os.path.join(ROOT, "tools", "peer.sh")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print("skipped: " + (done.stderr.strip().split("\n") or ["no peer"])[-1])
        return None
    return tuple(done.stdout.split("\n")[:2])


def main():
    found = peer()
    if not found:
        print("0 passed, 0 failed, 1 skipped")
        return 0
    node, package = found
    env = {**os.environ, "RAMET_PEER": package, "TZ": "UTC"}
    env.setdefault("RAMET_BUILD", os.path.join(ROOT, "build"))
    return subprocess.run([node, os.path.join(HERE, "run.mjs"), *sys.argv[1:]], env=env).returncode


if __name__ == "__main__":
    sys.exit(main())

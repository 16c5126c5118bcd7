#!/usr/bin/env python3
"""The allocation failures once more, under valgrind: nothing lost, nothing read that was not there.

Ends with "N passed, N failed"; exit status 77 without valgrind.
"""

import os
import shutil
import subprocess
import sys

FOUND = 9
HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    build = os.environ.get("RAMET_BUILD") or os.path.join(HERE, "..", "..", "build")
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return 77
    if os.environ.get("RAMET_SANITIZE"):
        print("valgrind and the sanitizers do not go together")
        return 77
    done = subprocess.run(
        ["valgrind", "-q", f"--error-exitcode={FOUND}", "--leak-check=full",
         "--errors-for-leak-kinds=definite", os.path.join(build, "tests/fault/alloc_run"), "quick"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    # What is wrong without valgrind as well is the other run's to say.
    wrong = done.returncode not in (0, 1)
    print(done.stdout if wrong else "valgrind has nothing to say")
    print(f"{int(not wrong)} passed, {int(wrong)} failed")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The binary interface is the recorded one, and tools/abi-check.py sees what changes it.

Each case plants one change in a copy of the headers. Ends with "N passed, N failed".
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALL = "RAMET_API const char *ramet_version(void);"
passed = failed = 0


def check(what, ok, said):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"failed: {what}\n{said}")


def abi(root, *words):
    done = subprocess.run([sys.executable, os.path.join(root, "tools/abi-check.py"), *words],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def raised(text):
    """Another library name than the one recorded."""
    return re.sub(r'(RAMET_VERSION ")[^"]*', r"\g<1>77.0.0", text)


# what, change, is it a break, what must be named
CASES = [
    ("a parameter of another type", (CALL, CALL.replace("void", "int how")), True, "ramet_version"),
    ("a call that is gone", (CALL, ""), True, "ramet_version"),
    ("a struct that grew", ("\tconst char *ptr;\n\tsize_t len;\n", "\tconst char *ptr;\n\tsize_t len, more;\n"),
     True, "struct ramet_bytes"),
    ("members in another order", ("\tint code; ", "\tint swapped;\n\tint code; "), True, "struct ramet_error"),
    ("an enum value that moved", ("RAMET_ENOMEM = -1", "RAMET_ENOMEM = -99"), True, "enum ramet_code"),
    ("a limit that callers compiled in", ("RAMET_ERROR_TEXT 256", "RAMET_ERROR_TEXT 512"), True,
     "RAMET_ERROR_TEXT"),
    ("a call that is new", (CALL, CALL + "\nRAMET_API int ramet_added(int n);"), False, "additions only"),
    ("an enum value at the end", ("RAMET_EJSON = -12", "RAMET_EJSON = -12,\n\tRAMET_ENEW = -13"), False,
     "additions only"),
]


def try_case(root, what, change, is_break, named):
    base = os.path.join(root, "include/ramet/base.h")
    record = os.path.join(root, "docs/api/abi.txt")
    with open(base, encoding="utf-8") as f:
        original = f.read()
    with open(record, encoding="utf-8") as f:
        recorded = f.read()

    def put(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    assert change[0] in original, what
    put(base, original.replace(*change))
    code, said = abi(root)
    check(f"{what} is seen", code == 1 and named in said and "abi-check.py --write" in said, said)
    code, said = abi(root, "--write")
    check(f"{what}, same version", code == (1 if is_break else 0), said)
    put(record, recorded)
    put(base, raised(original.replace(*change)))
    wrote = abi(root, "--write")
    check(f"{what}, accepted under a new version", wrote[0] == 0 and abi(root)[0] == 0, wrote[1])
    put(base, original)
    put(record, recorded)


def main(top):
    code, said = abi(ROOT)
    if code == 77:
        print(said, end="")
        sys.exit(77)
    check("the headers are as recorded", code == 0, said)
    for folder in ("include", "tools", "docs/api"):
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(top, folder))
    abi(top, "--write", "--unreleased")
    for case in CASES:
        try_case(top, *case)


place = tempfile.mkdtemp(prefix="ramet-abi-")
try:
    main(place)
finally:
    shutil.rmtree(place)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

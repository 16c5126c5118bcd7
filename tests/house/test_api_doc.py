#!/usr/bin/env python3
"""docs/api says what the headers say. Ends with "N passed, N failed"."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from c_source import blank, read  # noqa: E402

passed = failed = 0


def check(what, trouble):
    global passed, failed
    if trouble:
        failed += 1
        print(f"failed: {what}\n{trouble}")
    else:
        passed += 1


def api_doc(root, *words):
    done = subprocess.run([sys.executable, os.path.join(root, "tools/api-doc.py"), *words],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def declared():
    """Names of all calls, structs and enums of the public headers."""
    names = set()
    for path in glob.glob(os.path.join(ROOT, "include/ramet/*.h")):
        code = blank(read(ROOT, os.path.relpath(path, ROOT)))
        names |= set(re.findall(r"^RAMET_API\b[^;({]*?\b(ramet_\w+)\s*[(;\[]", code, re.MULTILINE))
        names |= set(re.findall(r"^((?:struct|enum) ramet_\w+) \{", code, re.MULTILINE))
    return names


def check_index():
    """Each name is in the index, and each link of the index goes to a heading that is there."""
    index = read(ROOT, "docs/api/README.md")
    links = dict(re.findall(r"^- \[([^\]]+)\]\(([^)]+)\)$", index, re.MULTILINE))
    check("every name is in the index", " ".join(sorted(declared() - set(links))))
    dead = []
    for name, link in links.items():
        path, anchor = link.split("#")
        headings = re.findall(r"^### (.*)$", read(ROOT, f"docs/api/{path}"), re.MULTILINE)
        if anchor not in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]:
            dead.append(f"{name}: {link}")
    check("every link of the index", "\n".join(dead))


def check_planted(top):
    """A changed comment, and a page that is gone, are seen and mended."""
    for folder in ("include", "tools", "docs/api"):
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(top, folder))
    api_doc(top)
    path = os.path.join(top, "include/ramet/base.h")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("Borrowed bytes;", "Bytes of another;"))
    os.unlink(os.path.join(top, "docs/api/ops.md"))
    code, said = api_doc(top, "--check")
    check("a changed comment is seen", "" if code == 1 and "docs/api/base.md docs/api/ops.md\n" in said else said)
    api_doc(top)
    check("and mended", api_doc(top, "--check")[1])


check("docs/api is what the headers say", api_doc(ROOT, "--check")[1])
check_index()
place = tempfile.mkdtemp(prefix="ramet-api-doc-")
try:
    check_planted(place)
finally:
    shutil.rmtree(place)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

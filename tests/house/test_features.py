#!/usr/bin/env python3
"""docs/features.md says what is so: calls, commands, tests exist, and nothing of pi is missing.

Ends with "N passed, N failed".
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from c_source import read  # noqa: E402

PAGE = "docs/features.md"
# Public items of pi's session manager.
PI = """migrateSessionEntries parseSessionEntries loadEntriesFromFile getLatestCompactionEntry buildSessionContext
    buildContextEntries buildSessionProjection getDefaultSessionDir PI_CODING_AGENT_DIR PI_CODING_AGENT_SESSION_DIR
    findMostRecentSession findById create open continueRecent inMemory forkFrom list listAll newSession
    setSessionFile isPersisted getCwd getSessionDir getSessionId getSessionFile getHeader getSessionName appendMessage
    appendThinkingLevelChange appendModelChange appendCompaction appendCustomEntry appendCustomMessageEntry
    appendSessionInfo appendLabelChange appendUsage appendContextEdit getLeafId getLeafEntry getEntry getChildren
    getLabel getBranch getEntries getTree branch resetLeaf branchWithSummary createBranchedSession""".split()
# Where the cases of a runner that only starts them are defined.
BESIDE = {"golden/run_golden.py": ["golden/stores.py"]}

passed = failed = 0


def check(what, trouble):
    global passed, failed
    if trouble:
        failed += 1
        print(f"failed: {what}: {trouble}")
    else:
        passed += 1


def cells(line):
    return [c.strip() for c in line.strip().strip("|").split("|")]


def test_trouble(name):
    """What is wrong with a test named FILE or FILE: CASE."""
    file, _, case = name.partition(": ")
    if not os.path.exists(os.path.join(ROOT, "tests", file)):
        return f"tests/{file} does not exist"
    if case:
        texts = [read(ROOT, os.path.join("tests", f)) for f in [file, *BESIDE.get(file, [])]]
        if not any(re.search(rf"\b{re.escape(case)}\b", text) for text in texts):
            return f"{case} is not in tests/{file}"
    return ""


def command_trouble(name, *words):
    """What is wrong with a command and its options, as its source has them."""
    path = f"src/cli/cmd_{name}.c"
    if not os.path.exists(os.path.join(ROOT, path)):
        return "there is no such command"
    text = read(ROOT, path) + read(ROOT, "src/cli/options.c")
    options = [w[2:] for w in words if w.startswith("--")]
    return " ".join(f"no --{o}" for o in options if f'{{ "{o}",' not in text)


def check_code(words, headers, names_of_tests):
    """Every `...` of a line: a call, a command or a test."""
    for word in words:
        if re.fullmatch(r"ramet_\w+", word):
            check(word, "" if re.search(rf"\b{word}\(", headers) else "is not declared")
        elif word.startswith("ramet "):
            check(word, command_trouble(*word.split()[1:]))
        elif re.match(r"(unit|golden|cli|interop)/.", word):
            names_of_tests.append(word)
            check(word, test_trouble(word))


def main():
    headers = "\n".join(read(ROOT, os.path.relpath(p, ROOT)) for p in glob.glob(f"{ROOT}/include/ramet/*.h"))
    seen = ""
    for line in read(ROOT, PAGE).split("\n"):
        tests = []
        check_code(re.findall(r"`([^`]+)`", line), headers, tests)
        if not line.startswith("|") or line.startswith(("|---", "| | ")):
            continue
        row = cells(line)
        seen += row[1] + "\n"
        check(f"{row[1]} is ticked", "" if row[0] == "✓" else "no")
        check(f"{row[1]} has a proof", "" if len(row) == 5 and any(f"`{t}`" in row[4] for t in tests) else "none")
    for name in PI:
        check(f"pi's {name}", "" if re.search(rf"\b{name}\b", seen) else "is not in the table")


main()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

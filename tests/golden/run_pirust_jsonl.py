#!/usr/bin/env python3
"""JSONL files of pi_agent_rust: what the command says of them, against pirust/*/expected.json.

    RAMET_BIN=build/ramet tests/golden/run_pirust_jsonl.py

The expectations say what two generations of the original conclude; the newer one rules. Where ramet
answers otherwise on purpose, DIFFERENCES says what and why.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
RAMET = os.environ.get("RAMET_BIN", "build/ramet")
CASES = ["01-all-types", "02-g1-sidecar", "03-branched-leaf", "05-empty", "07-jsonl-diagnostics",
         "08-duplicate-id"]

# (case, field): (ours, reason)
DIFFERENCES = {
    ("05-empty", "format"): (
        "pi", "a header with nothing of its own, and no entry: every program reads it alike"),
    ("07-jsonl-diagnostics", "format"): (
        "pi", "an entry of a type that only pi has makes the file doubtful"),
    ("07-jsonl-diagnostics", "skipped_lines"): (
        [3, 11], "entries of types and members that the original does not know are read"),
    ("07-jsonl-diagnostics", "orphans"): (
        [], "the entry that the original skips is there, so nothing lost its parent"),
    ("07-jsonl-diagnostics", "entries"): (
        7, "the entries that the original skips"),
    ("07-jsonl-diagnostics", "messages"): (
        4, "the bash run without an exit code, which the original skips"),
}


def ramet(*words):
    out = subprocess.run([RAMET, *words], capture_output=True, text=True, check=False)
    if out.returncode not in (0, 1):
        raise SystemExit(f"ramet {' '.join(words)}: {out.stderr}")
    return out.stdout


def ours(path):
    info = json.loads(ramet("info", "--json", path))
    branches = json.loads(ramet("branches", "--json", path))
    found = json.loads(ramet("verify", "--json", path))["findings"]
    entries = [json.loads(line) for line in ramet("entries", "--json", path).split("\n") if line]
    by_id = {e["id"]: e for e in entries if "id" in e}
    children = {}
    for e in entries:
        if e.get("parentId") is not None:
            children[e["parentId"]] = children.get(e["parentId"], 0) + 1
    return {
        "format": info["format"],
        "entries": info["entries"],
        "messages": info["messageCount"],
        "name": info.get("name"),
        "leaf": info["leafId"],
        "path": json.loads(ramet("path", "--json", path)),
        "leaves": sorted(b["leaf"] for b in branches if b["leaf"] is not None),
        "branch_points": [i for i in by_id if children.get(i, 0) > 1],
        "orphans": [[f["id"], by_id[f["id"]].get("parentId")] for f in found
                    if f["code"] == "orphan"],
        "skipped_lines": [f["line"] for f in found if f["code"] in ("malformed", "torn-tail")],
        "duplicates": [f["id"] for f in found if f["code"] == "duplicate-id"],
    }


def expected(case):
    with open(os.path.join(HERE, "pirust", case, "expected.json"), encoding="utf-8") as f:
        e = json.load(f)
    want = {"format": "pirust"}
    for key in ("entries", "messages", "name", "leaf", "leaves", "branch_points", "skipped_lines",
                "orphans"):
        if key in e:
            want[key] = e[key]
    if "skipped" in e:
        want["skipped_lines"] = e["skipped"]
    if "leaf_0_2_0" in e:
        want["leaf"] = e["leaf_0_2_0"]
    if "active_path_0_2_0" in e:
        want["path"] = e["active_path_0_2_0"]
    if case.startswith("08"):
        want.update(entries=2, duplicates=["e0000001"], leaf="e0000001")
    return want


def check_read(case, problems):
    got = ours(os.path.join(HERE, "pirust", case, "session.jsonl"))
    want = expected(case)
    for field, value in want.items():
        if (case, field) in DIFFERENCES:
            meant = DIFFERENCES[case, field][0]
            if got[field] != meant or got[field] == value:
                problems.append(f"{case}: {field}: {got[field]!r}, not the difference {meant!r}")
        elif got[field] != value:
            problems.append(f"{case}: {field}: {got[field]!r} instead of {value!r}")
    return len(want)


def check_written(problems):
    """Every entry of 01, appended anew, makes the line that stands there but for id and time."""
    source = os.path.join(HERE, "pirust", "01-all-types", "session.jsonl")
    with open(source, encoding="utf-8") as f:
        lines = f.read().split("\n")[:-1]
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "s.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.write(lines[0] + "\n" + lines[1] + "\n")
        ids = {"a0000001": "a0000001"}
        for line in lines[2:]:
            entry = json.loads(line)
            old = entry["id"]
            own = {k: v for k, v in entry.items() if k not in ("id", "parentId", "timestamp")}
            for key in ("firstKeptEntryId", "targetId", "fromId"):
                if key in own:
                    own[key] = ids[own[key]]
            given = own["message"] if own["type"] == "message" else own
            ids[old] = ramet("append", path, json.dumps(given)).split()[-1]
            with open(path, encoding="utf-8") as f:
                written = f.read().split("\n")[-2]
            want = line
            for a, b in ids.items():
                want = want.replace(a, b)
            want = want.replace(entry["timestamp"], json.loads(written)["timestamp"], 1)
            if written != want:
                problems.append(f"written: {written}\n    instead of {want}")
    return len(lines) - 2


def main():
    problems = []
    n = sum(check_read(case, problems) for case in CASES)
    n += check_written(problems)
    for p in problems:
        print(p)
    print(f"{n} checks, {len(problems)} problems, {len(DIFFERENCES)} differences that are meant")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Damaged sessions: every kind of damage is found, and hides nothing but itself.

    RAMET_BUILD=build RAMET_BIN=build/ramet tests/golden/run_damage.py [--seeds N] [--step N]

Made-up sessions are damaged in each way that tests/tools/gen_session.py knows: the right findings
must appear at the right line, no others, untouched entries must read as before, and the file must
stay as it is. Then a session of 20 kB is cut at every byte and gets single bits flipped.
"""

import argparse
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tools")]
import gen_session  # noqa: E402
import sources  # noqa: E402
from compare import Results, parse, same  # noqa: E402
from sources import probe_files, run  # noqa: E402

PROBE_DAMAGE = os.path.join(os.path.dirname(sources.PROBE), "probe_damage")

# Codes that must appear, and codes that may come with them; no other new one may.
FINDINGS = {
    "torn-tail": (["torn-tail"], ["dangling-target", "unanswered-call"]),
    "no-final-newline": (["no-newline"], []),
    "bad-utf8": (["bad-utf8"], []),
    "bad-json": (["malformed"], ["orphan", "dangling-target", "unanswered-call"]),
    "nul-block": (["nul-run"], ["orphan", "dangling-target", "unanswered-call"]),
    "blank-lines": (["blank-line"], []),
    "crlf": (["crlf"], []),
    "orphan-parent": (["orphan"], ["unanswered-call", "bad-edit"]),
    "duplicate-id": (["duplicate-id"], ["orphan", "dangling-target", "loop", "bad-edit",
                                        "unanswered-call"]),
    "cycle": (["loop"], ["unanswered-call", "bad-edit"]),
    "duplicate-key": (["duplicate-key"], []),
    "deep-nesting": ([], []),
    "lone-surrogate": ([], []),
    "bom": (["bom"], []),
    "huge-number": ([], []),
    "glued-lines": (["glued"], ["orphan", "dangling-target", "unanswered-call"]),
    "unknown-type": (["unknown-type"], ["unanswered-call", "bad-edit", "dangling-target"]),
    "unordered-keys": ([], []),
    "whitespace": ([], ["crlf"]),
}
# These are found on the line that was damaged.
ON_LINE = {"bad-utf8", "bad-json", "nul-block", "orphan-parent", "duplicate-key", "glued-lines",
           "unknown-type"}
FINDINGS_PAGE = os.path.join(sources.ROOT, "docs", "findings.md")


def documented():
    """Codes and their severities as docs/findings.md has them."""
    with open(FINDINGS_PAGE, encoding="utf-8") as f:
        rows = [[cell.strip(" `") for cell in line.split("|")] for line in f if line.startswith("| `")]
    return {row[1]: row[2] for row in rows}


SEVERITIES = documented()
WITHOUT_IDS = {"orphan-parent", "duplicate-id", "cycle"}     # need ids: not in version 1


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def bare(entry, version):
    """An entry as far as it is its line's own: ids of version 1 are made, roles migrate."""
    if version == 1:
        entry = {k: v for k, v in entry.items()
                 if k not in ("id", "parentId", "firstKeptEntryId", "firstKeptEntryIndex")}
    message = entry.get("message")
    if version < 3 and isinstance(message, dict) and message.get("role") == "hookMessage":
        entry = {**entry, "message": {**message, "role": "custom"}}
    return entry


class Try:
    """One made-up session, as it was and damaged."""

    def __init__(self, work, kind, seed, version):
        self.kind, self.version, self.name = kind, version, f"{kind}/v{version} seed {seed}"
        self.session = gen_session.Session(seed, entries=40, version=version)
        self.damaged = gen_session.damage(self.session.lines, kind, seed)
        whole = b"".join(t.encode("utf-8", "surrogatepass") + b"\n" for t in self.session.lines)
        self.whole_path = os.path.join(work, f"{kind}-{seed}-{version}-whole.jsonl")
        self.path = os.path.join(work, f"{kind}-{seed}-{version}.jsonl")
        write(self.whole_path, whole)
        write(self.path, self.damaged.data)

    def judge(self, results, whole, hurt):
        if whole is None or hurt is None:
            results.fail(self.name, "the probe died")
            return
        with open(self.path, "rb") as f:
            results.check(self.name, "file unchanged", True, f.read() == self.damaged.data)
        if self.kind == "missing-header":
            results.check(self.name, "refused", "EFORMAT", hurt.get("error", {}).get("code"))
            done = run(sources.RAMET, "info", self.path)
            results.check(self.name, "exit", [3, 1], [done.returncode, done.stderr.count(b"\n")])
            return
        if "error" in hurt:
            results.fail(self.name, f"not opened: {hurt['error']}")
            return
        self.judge_findings(results, whole["findings"], hurt["findings"])
        self.judge_entries(results, hurt["entries"])

    def judge_findings(self, results, before, after):
        known = {f["code"] for f in before}
        codes = {f["code"] for f in after}
        must, may = FINDINGS[self.kind]
        results.check(self.name, "findings", [], sorted(set(must) - codes))
        results.check(self.name, "no other findings", [], sorted(codes - known - set(must) - set(may)))
        if self.kind in ON_LINE:
            hit = min(self.damaged.changed | self.damaged.lost) + 1
            results.check(self.name, "line", True,
                          any(f["code"] in must and f["line"] == hit for f in after))
        odd = [f for f in after if SEVERITIES.get(f["code"]) != f["severity"]]
        results.check(self.name, "severities as documented", [], odd[:3])

    def judge_entries(self, results, entries):
        """Every entry that was not lost is there, in order; the untouched ones as they were."""
        kept = [i for i in range(1, len(self.session.lines)) if i not in self.damaged.lost]
        results.check(self.name, "entries", float(len(kept)), float(len(entries)))
        if len(kept) != len(entries):
            return
        for i, entry in zip(kept, entries):
            if i in self.damaged.changed:
                continue
            wanted = bare(parse(self.session.lines[i]), self.version)
            if not same(wanted, bare(entry, self.version)):
                results.check(self.name, f"line {i + 1}", wanted, bare(entry, self.version))
                return
        results.check(self.name, "neighbours", True, True)


def check_kinds(results, work, seeds):
    tries = [Try(work, kind, seed, version) for kind in gen_session.KINDS for seed in range(seeds)
             for version in (1, 2, 3) if version > 1 or kind not in WITHOUT_IDS]
    for group in (tries[i:i + 100] for i in range(0, len(tries), 100)):
        answers = probe_files([p for t in group for p in (t.whole_path, t.path)], views=3)
        for i, one in enumerate(group):
            one.judge(results, answers[2 * i], answers[2 * i + 1])


# ---- cuts and flips ----

def line_starts(data):
    starts, at = [], 0
    for line in data.split(b"\n")[:-1]:
        starts.append(at)
        at += len(line) + 1
    return starts + [at]


def tries_of(results, name, how, path, step):
    done = run(PROBE_DAMAGE, how, path, str(step))
    if done.returncode:
        print(done.stderr.decode("utf-8", "replace")[-3000:])
        results.fail(name, f"ended with {done.returncode} after {done.stdout.count(10)} tries")
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def check_cuts(results, work, version, step):
    """Cut anywhere, every complete line before the cut is there."""
    name = f"cut/v{version}"
    path, data = big_enough(work, version)
    ends = [end - 1 for end in line_starts(data)[1:]]
    tries = tries_of(results, name, "cut", path, step)
    wrong = []
    for at, error, rows, _ in tries:
        # A line is whole as soon as its last byte is there; the first is the header.
        lines = sum(end <= at for end in ends)
        if (error is not None) != (lines == 0) or (error is None and rows != lines - 1):
            wrong.append([at, error, rows, lines - 1])
    results.check(name, f"{len(tries)} cuts", [], wrong[:5])
    results.check(name, "all tried", (len(data) + step - 1) // step, len(tries))


def check_flips(results, work, version, step):
    """Flip a bit anywhere, only the line it lies in (or the next, if it was the newline) may go."""
    name = f"flip/v{version}"
    path, data = big_enough(work, version)
    starts = line_starts(data)
    tries = tries_of(results, name, "flip", path, step)
    wrong = []
    for at, error, _, missing in tries:
        line = next(i for i in range(len(starts) - 1) if starts[i + 1] > at)
        newline = at == starts[line + 1] - 1
        allowed = {line - 1} | ({line} if newline else set())
        # What is left of a session with another header is anybody's guess: it must not crash.
        if line > 0 and (error is not None or not set(missing) <= allowed):
            wrong.append([at, error, missing, line])
    results.check(name, f"{len(tries)} flips", [], wrong[:5])
    results.check(name, "all tried", (len(data) + step - 1) // step, len(tries))


def big_enough(work, version):
    entries = 10
    while True:
        lines = gen_session.Session(7, entries, version, compact_every=12).lines
        data = "".join(t + "\n" for t in lines).encode("utf-8", "surrogatepass")
        if len(data) >= 20000:
            path = os.path.join(work, f"big-{version}.jsonl")
            write(path, data)
            return path, data
        entries += 5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--step", type=int, default=1, help="cut and flip at every so many bytes")
    args = parser.parse_args()
    sources.need(sources.PROBE, PROBE_DAMAGE, sources.RAMET)
    results = Results()
    with tempfile.TemporaryDirectory() as work:
        check_kinds(results, work, args.seeds)
        for version, step in ((3, args.step), (1, args.step * 7)):
            check_cuts(results, work, version, step)
            check_flips(results, work, version, step)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())

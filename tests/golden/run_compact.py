#!/usr/bin/env python3
"""Compactions and branch summaries as pi plans them: where it cuts, what is summarised, which
files, the text for the summariser, estimates; asked of the library (probe_compact) and of the
command. Reads pi/compaction, pi/branch-summary and what pi-current/sessions say of them.
"""

import os
import subprocess
import sys
import tempfile

import sources
from compare import Results, load, parse, parse_lines

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.join(sources.BUILD, "tests", "golden", "probe_compact")
COMPACTION = os.path.join(HERE, "pi", "compaction")
SESSIONS = os.path.join(HERE, "pi-current", "sessions")


def ask(*words):
    line = "\t".join("null" if w is None else str(w) for w in words) + "\n"
    done = subprocess.run([PROBE], input=line.encode(), stdout=subprocess.PIPE, check=True,
                          timeout=sources.TIMEOUT)
    return parse(done.stdout.decode())


def command(*words):
    done = sources.run(sources.RAMET, *words)
    if done.returncode > 1:
        raise RuntimeError(f"ramet {words}: exit {done.returncode}: {done.stderr.decode()[:500]}")
    return done.returncode, parse(done.stdout.decode())


# ---- pi/compaction ----

def check_compaction(results):
    path = os.path.join(COMPACTION, "input.jsonl")
    expect = load(os.path.join(COMPACTION, "expect-1.5.2.json"))
    results.check("compaction/estimates", "tokens", expect["estimateTokensPerEntry"],
                  dict(ask("tokens", path)["tokens"]))
    for keep, cut in expect["prepareCompaction_by_keepRecentTokens"].items():
        name = f"compaction/keep {keep}"
        plan = ask("compact", path, "-", keep)["plan"]
        status, told = command("compact", path, "--plan", "--keep-tokens", keep, "--json")
        results.check(name, "command", {k: v for k, v in plan.items() if k != "text"}, told)
        results.check(name, "exit", float(cut == "nothing to compact"), float(status))
        results.check(name, "cut", cut, in_short(plan))
    check_files_text(results, path, expect)
    check_conversation(results, path)


def in_short(plan):
    if plan["firstKeptEntryId"] is None:
        return plan["reason"]
    return {
        "firstKeptEntryId": plan["firstKeptEntryId"], "isSplitTurn": "turnId" in plan,
        "tokensBefore": plan["tokensBefore"], "messagesToSummarize": plan["messages"],
        "turnPrefixMessages": plan["turnMessages"],
        "fileLists": {k: plan[k] for k in ("readFiles", "modifiedFiles")},
    }


def stored(path, words, summary):
    """The entry that a command appends to a copy of a session, which is read anew."""
    with tempfile.TemporaryDirectory() as work:
        copy = os.path.join(work, "s.jsonl")
        with open(path, "rb") as source, open(copy, "wb") as f:
            f.write(source.read())
        done = sources.run(sources.RAMET, words[0], copy, *words[1:], stdin=summary.encode())
        if done.returncode:
            raise RuntimeError(f"ramet {words}: {done.stderr.decode()[:500]}")
        entries = sources.run(sources.RAMET, "entries", "--json", copy)
        return parse_lines(entries.stdout.decode())[-1]


def check_files_text(results, path, expect):
    entry = stored(path, ("compact", "--apply", "-", "--keep-tokens", "50"), "what was done\n")
    results.check("compaction/apply", "summary", "what was done" + expect["fileOperationsText"],
                  entry["summary"])
    cut = expect["prepareCompaction_by_keepRecentTokens"]["50"]
    got = {k: entry[k] for k in ("type", "parentId", "firstKeptEntryId", "tokensBefore", "details")}
    results.check("compaction/apply", "entry",
                  {"type": "compaction", "parentId": "cc000018", "details": cut["fileLists"],
                   **{k: cut[k] for k in ("firstKeptEntryId", "tokensBefore")}}, got)


def check_conversation(results, path):
    """The text of all messages: as much as a cut tells, and that is all of the beginning."""
    with open(os.path.join(COMPACTION, "serialized-conversation.txt"), encoding="utf-8") as f:
        expected = f.read()
    for keep in ("2000", "1"):
        text = ask("compact", path, "-", keep)["plan"]["text"]
        head, _, rest = text.partition("\n</conversation>\n\n<turn-prefix>\n")
        told = head.removeprefix("<conversation>\n") + "\n\n" + rest.removesuffix("\n</turn-prefix>")
        results.check(f"compaction/keep {keep}", "text", expected[:len(told)], told)
        after = expected[len(told):]
        results.check(f"compaction/keep {keep}", "text ends with a block", True,
                      after.startswith("\n\n["))


# ---- pi-current/sessions ----

def check_sessions(results):
    for file in sorted(f for f in os.listdir(SESSIONS) if f.endswith(".expected.json")):
        expect = load(os.path.join(SESSIONS, file))
        path = os.path.join(SESSIONS, file.replace(".expected.json", ".jsonl"))
        name = "plans/" + file.removesuffix(".expected.json")
        for case in expect.get("compactionPreparation", []):
            check_preparation(results, name, path, case)
        for case in expect.get("branchSummaryCollection", []):
            check_collection(results, name, path, case["from"], case["to"], case)


def check_preparation(results, name, path, case):
    keep = int(case["keepRecentTokens"])
    answer = ask("compact", path, case["leaf"], keep)
    plan, got = answer["plan"], None
    if plan["firstKeptEntryId"] is not None:
        got = {
            "firstKeptEntryId": plan["firstKeptEntryId"], "isSplitTurn": "turnId" in plan,
            "tokensBefore": plan["tokensBefore"],
            "previousSummary": plan.get("previousSummary"),
            "summarizeRoles": answer["roles"], "turnPrefixRoles": answer["turnRoles"],
            "read": plan["readFiles"], "changed": plan["modifiedFiles"],
        }
    expected = case["result"]
    if expected:
        changed = sorted(set(expected.pop("written") + expected.pop("edited")))
        expected["read"] = sorted(set(expected["read"]) - set(changed))
        expected["changed"] = changed
    results.check(name, f"keep {keep}", expected, got)


# ---- branch summaries ----

def check_collection(results, name, path, source, target, case):
    plan = ask("branch", path, source, target, 0)["plan"]
    results.check(name, f"{source} to {target}",
                  {k: case[k] for k in ("entries", "commonAncestorId")},
                  {"entries": plan["entries"], "commonAncestorId": plan["ancestorId"]})
    if source is None or target is None:
        return
    _, told = command("branch", path, target, "--plan", "--leaf", source, "--json")
    results.check(name, f"{source} to {target} (command)",
                  {k: v for k, v in plan.items() if k != "text"}, told)


def check_branch_summary(results):
    expect = load(os.path.join(HERE, "pi", "branch-summary", "expect-1.5.2.json"))
    path = os.path.join(HERE, "pi", expect["input"])
    for case in expect["collect"]:
        check_collection(results, "branch-summary/02-branched", path, case["oldLeaf"],
                         case["target"], case)


def main():
    sources.need(PROBE, sources.RAMET)
    os.environ["TZ"] = "UTC"
    results = Results()
    check_compaction(results)
    check_sessions(results)
    check_branch_summary(results)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())

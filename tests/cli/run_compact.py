#!/usr/bin/env python3
"""ramet compact, and ramet branch with a summary, from outside.

    RAMET_BIN=build/ramet tests/cli/run_compact.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed".
"""

import json
import os
import shutil
import subprocess
import sys
import traceback

sys.dont_write_bytecode = True
import run_cli as cli  # noqa: E402
from run_cli import (BIN, TMP, WORK, Failure, Skipped, assistant, at_terminal, check,  # noqa: E402
                     entry, harmless, header, refused, same, tool, user, write)

HERE = os.path.join(TMP, "compact")
SUMMARY = os.path.join(TMP, "summary.md")
LONG = "four score and seven " * 20


def session(*lines):
    shutil.rmtree(HERE, ignore_errors=True)
    return write(os.path.join(HERE, "s.jsonl"), header("0196ffff-0000-7000-8000-0000000000c0"), *lines)


def talk():
    return [user("u1", None, 1, "first " + LONG),
            assistant("a1", "u1", 2, "", calls=[("read", {"path": "src/a.c"}), ("edit", {"path": "src/b.c"})]),
            tool("t1", "a1", 3, LONG),
            assistant("a2", "t1", 4, "did it"),
            user("u2", "a2", 5, "second"),
            assistant("a3", "u2", 6, "done too")]


def plan(path, *more, code=0):
    return json.loads(cli.run("compact", path, "--plan", "--json", *more, code=code).out)


def entries(path):
    return [json.loads(line) for line in cli.run("entries", path, "--json").out.splitlines()]


def piped(text, *args, code=0):
    done = subprocess.run([BIN, *args], input=text.encode(), cwd=WORK, env=cli.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    same(done.returncode, code, done.stderr.decode())
    return done.stdout.decode(), done.stderr.decode()


# -- compact

def test_plan():
    path = session(*talk())
    got = plan(path, "--keep-tokens", "3")
    same({k: got[k] for k in ("leafId", "firstKeptEntryId", "messages", "turnMessages", "readFiles",
                              "modifiedFiles")},
         {"leafId": "a3", "firstKeptEntryId": "u2", "messages": 4, "turnMessages": 0,
          "readFiles": ["src/a.c"], "modifiedFiles": ["src/b.c"]})
    check("turnId" not in got and "text" not in got and "previousSummary" not in got, got)
    got = plan(path, "--keep-tokens", "1", "--text")
    same([got["firstKeptEntryId"], got["turnId"], got["turnMessages"]], ["a3", "u2", 1])
    check(got["text"].startswith("<conversation>\n[User]: first four"), got["text"])
    check(got["text"].endswith("</conversation>\n\n<turn-prefix>\n[User]: second\n</turn-prefix>"), got)
    text = cli.run("compact", path, "--plan", "--keep-tokens", "3").out
    for part in ("keep from  u2", "summarize  4 messages, about ", "read       src/a.c",
                 "modified   src/b.c"):
        check(part in text, text)


def test_plan_text_is_for_a_program():
    path = session(*talk())
    whole = plan(path, "--keep-tokens", "3", "--text")["text"]
    same(cli.run("compact", path, "--plan", "--text", "--keep-tokens", "3").out, whole + "\n")


def test_plan_at_a_leaf():
    path = session(*talk())
    same(plan(path, "--keep-tokens", "1", "--leaf", "a2")["leafId"], "a2")
    same(plan(path, "--leaf", "null", code=1),
         {"leafId": None, "firstKeptEntryId": None, "reason": "nothing to compact"})
    refused("compact", path, "--plan", "--leaf", "zz", code=3, says="zz")


def test_plan_of_nothing():
    path = session(*talk())
    same(cli.run("compact", path, "--plan", code=1).out, "nothing to compact\n")
    same(cli.run("compact", path, "--plan", "--text", code=1).out, "")
    path = session(*talk(), entry("k", "a3", 7, type="compaction", summary="so far",
                                  firstKeptEntryId="u2", tokensBefore=3))
    same(cli.run("compact", path, "--plan", "--keep-tokens", "1", code=1).out, "already compacted\n")


def test_apply():
    path = session(*talk())
    write(SUMMARY, "\n# What was done\n\nboth\n")
    new = cli.run("compact", path, "--apply", SUMMARY, "--keep-tokens", "3", "--expect", "a3",
                  unchanged=False).out.strip()
    last = entries(path)[-1]
    same({k: last[k] for k in ("type", "id", "parentId", "firstKeptEntryId", "details")},
         {"type": "compaction", "id": new, "parentId": "a3", "firstKeptEntryId": "u2",
          "details": {"readFiles": ["src/a.c"], "modifiedFiles": ["src/b.c"]}})
    same(last["summary"], "# What was done\n\nboth\n\n<read-files>\nsrc/a.c\n</read-files>\n\n"
                          "<modified-files>\nsrc/b.c\n</modified-files>")
    roles = [m["role"] for m in json.loads(cli.run("context", path, "--json").out)["messages"]]
    same(roles, ["compactionSummary", "user", "assistant"])
    same(cli.run("compact", path, "--apply", SUMMARY, "--keep-tokens", "3", code=1).out, "already compacted\n")


def test_apply_from_standard_input():
    path = session(*talk())
    out, _ = piped("short\n", "compact", path, "--apply", "-", "--keep-tokens", "3", "--no-files", "--json")
    last = entries(path)[-1]
    same([json.loads(out)["id"], last["summary"]], [last["id"], "short"])


def from_pipe(path, *args):
    """What a program writes into a pipe that is named, slowly and in parts, as bash's <(...) does."""
    pipe = os.path.join(HERE, "pipe")
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"exec >'{pipe}'; printf 'The sum'; sleep 0.3; printf 'mary\\n'"]):
        told = json.loads(cli.run(*args, pipe, "--json", unchanged=False).out)
    os.unlink(pipe)
    return [e for e in entries(path) if e["id"] == told["id"]][0]["summary"]


def test_a_summary_from_a_pipe():
    path = session(*talk())
    got = from_pipe(path, "compact", path, "--keep-tokens", "3", "--no-files", "--apply")
    same(got.strip(), "The summary")
    path = session(*talk())
    same(from_pipe(path, "branch", path, "a1", "--no-files", "--summary").strip().split("\n")[-1], "The summary")


def test_apply_refuses():
    path = session(*talk())
    write(SUMMARY, "x")
    keep = ("--keep-tokens", "3")
    refused("compact", path, "--apply", SUMMARY, *keep, "--expect", "u2", code=3, says="u2")
    refused("compact", path, "--apply", os.path.join(HERE, "none"), *keep, code=3, says="none")
    refused("compact", path, "--apply", HERE, *keep, code=3, says="is a directory")
    refused("compact", path, "--apply", "/dev/null", *keep, code=3, says="dev/null")
    same(cli.run("compact", path, "--apply", SUMMARY, code=1).out, "nothing to compact\n")
    told = json.loads(cli.run("compact", path, "--apply", SUMMARY, "--json", code=1).out)
    same([told["firstKeptEntryId"], told["reason"]], [None, "nothing to compact"])
    write(SUMMARY, " \n")
    refused("compact", path, "--apply", SUMMARY, *keep, code=3, says="the summary is empty")
    _, err = piped("", "compact", path, "--apply", "-", *keep, code=3)
    check("the summary is empty" in err, err)


def test_wrong_usage():
    path = session(*talk())
    refused("compact", path, code=2, says="--plan")
    refused("compact", path, "--plan", "--apply", "x", code=2, says="exclude")
    refused("compact", path, "--apply", "x", "--text", code=2, says="--text")
    refused("compact", path, "--plan", "--expect", "a3", code=2, says="--expect")
    refused("compact", path, "--plan", "--keep-tokens", "many", code=2, says="keep-tokens")
    refused("compact", "--plan", code=2, says="too few")
    refused("branch", path, "u1", "--text", code=2, says="--text")
    refused("branch", path, "u1", "--max-tokens", "3", code=2, says="--max-tokens")
    refused("branch", path, "u1", "--plan", "--summary", "x", code=2, says="exclude")
    refused("branch", path, "u1", "--plan", "--no-files", code=2, says="--no-files")


def test_hostile_text_stays_on_its_line():
    bad = "\033[2Jx\u202e\n\ttab"
    path = session(user("u1", None, 1, bad),
                   assistant("a1", "u1", 2, bad, calls=[("read", {"path": "\033[31mred"})]),
                   entry("k", "a1", 3, type="compaction", summary=bad, firstKeptEntryId="u1", tokensBefore=1),
                   user("u2", "k", 4, bad), assistant("a2", "u2", 5, "end"))
    for more in ((), ("--text",)):
        harmless(at_terminal("compact", path, "--plan", "--keep-tokens", "1", *more))
        harmless(cli.run("compact", path, "--plan", "--keep-tokens", "1").out)


# -- branch

def test_branch_plan():
    path = session(*cli.branched()[1:])
    got = json.loads(cli.run("branch", path, "b2", "--plan", "--json").out)
    same({k: got[k] for k in ("leafId", "targetId", "ancestorId", "entries", "messages")},
         {"leafId": "c5", "targetId": "b2", "ancestorId": "a2",
          "entries": ["c1", "c2", "c3", "c4", "c5"], "messages": 3})
    text = cli.run("branch", path, "b2", "--plan", "--text").out
    same(text, "<conversation>\n[User]: yes, OAuth\n\n[Assistant tool calls]: "
               "bash(command=\"ls src\")\n\n[Assistant]: OAuth works\n</conversation>\n")
    few = json.loads(cli.run("branch", path, "b2", "--plan", "--json", "--max-tokens", "3").out)
    same(few["messages"], 1)
    same(json.loads(cli.run("branch", path, "null", "--plan", "--json", "--leaf", "b1").out)["entries"],
         ["a1", "a2", "b1"])
    check("left       5 entries" in cli.run("branch", path, "b2", "--plan").out)
    same(cli.run("branch", path, "c5", "--plan", "--text").out, "")


def test_branch_with_a_summary():
    path = session(*cli.branched()[1:])
    write(SUMMARY, "tried OAuth")
    refused("branch", path, "b2", "--summary", SUMMARY, "--expect", "b2", code=3, says="b2")
    new = cli.run("branch", path, "b2", "--summary", SUMMARY, "--expect", "c5", unchanged=False).out.strip()
    last = entries(path)[-1]
    same([last["type"], last["id"], last["parentId"], last["fromId"]],
         ["branch_summary", new, "b2", "c5"])
    check(last["summary"].endswith("tried OAuth"), last)
    out, _ = piped("and back", "branch", path, "a2", "--summary", "-", "--json")
    same(json.loads(out)["leaf"], "a2")
    same(entries(path)[-1]["parentId"], "a2")


def run_test(name, test, verbose):
    try:
        test()
    except Skipped as e:
        print(f"skip  {name}: {e}")
        return -1
    except Exception as e:
        print(f"FAIL  {name}\n{e if isinstance(e, Failure) else ''}{traceback.format_exc(limit=-3)}")
        return 0
    if verbose:
        print(f"ok    {name}")
    return 1


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    if wanted:
        tests = [(name, f) for name, f in tests if any(w in name for w in wanted)]
    if not os.access(BIN, os.X_OK):
        print(f"no command at {BIN} (RAMET_BIN)\n0 passed, 1 failed")
        return 1
    os.makedirs(WORK, exist_ok=True)
    done = [run_test(name, test, "-v" in sys.argv) for name, test in tests]
    shutil.rmtree(TMP, ignore_errors=True)
    if -1 in done:
        print(f"{done.count(-1)} skipped")
    print(f"{done.count(1)} passed, {done.count(0)} failed")
    return 1 if 0 in done else 0


if __name__ == "__main__":
    sys.exit(main())

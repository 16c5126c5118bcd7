#!/usr/bin/env python3
"""ramet sidecar from outside: what it answers, what it refuses, what is left of a session that goes
on; every sidecar it makes is read by a checker that shares nothing with it.

    RAMET_BIN=build/ramet tests/cli/run_sidecar.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import fcntl
import json
import os
import random
import shutil
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
import check_sidecar  # noqa: E402
import run_cli as cli  # noqa: E402
from run_cli import TMP, WORK, Failure, Skipped, check, refused, same  # noqa: E402

HERE = os.path.join(TMP, "sidecar")
ID = "0196ffff-0000-7000-8000-00000000000b"
HEADER = {"type": "session", "version": 3, "id": ID, "timestamp": "2026-03-01T09:00:00.000Z", "cwd": "/w"}


def run(*args, code=0, unchanged=False, **kw):
    return cli.run("sidecar", *args, code=code, unchanged=unchanged, **kw)


def answer(*args, **kw):
    return json.loads(run(*args, "--json", **kw).out)


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def entry(n, parent, kind="message"):
    e = {"type": kind, "id": f"e{n:07}"}
    if parent:
        e["parentId"] = f"e{parent:07}"
    e["timestamp"] = "2026-03-01T09:00:01.000Z"
    if kind == "message":
        e["message"] = {"role": "user", "content": f"number {n} \u2603 \"quoted\" \u2028"}
    elif kind == "custom":
        e.update(customType="x", data={"unknown": [1.0, None, "\u00e9"]})
    else:
        e.update(summary="s", firstKeptEntryId=e["id"], tokensBefore=n)
    return e


def session(count, seed=0, name="s.jsonl"):
    at = random.Random(seed)
    entries = [entry(n, at.randrange(n) if seed else n - 1, at.choice(["message", "custom", "compaction"]))
               for n in range(1, count + 1)]
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    path = os.path.join(HERE, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(dump(e) + "\n" for e in [HEADER] + entries))
    return path, entries


def names():
    return sorted(os.listdir(HERE))


def test_created_ones_are_sound():
    for seed in range(12):
        path, entries = session([0, 1, 2, 50, 300][seed % 5], seed)
        done = answer("create", path)
        same((done["state"], done["entries"], done["kept"] if "kept" in done else ""),
             ("migrated", len(entries), ""))
        same(check_sidecar.check(path, modes=True), [])
        same(run("verify", path, unchanged=True).out.split(":")[0], "migrated")
        out = run("tail", path, "--mode", "full", unchanged=True).out
        same(out, "".join(dump(e) + "\n" for e in entries))
        same(run("tail", path, "-n", "7", "--json", unchanged=True).out,
             "".join(dump(e) + "\n" for e in entries[-7:]))


def test_active_path():
    path, entries = session(200, 5)
    run("create", path)
    by_id = {e["id"]: e for e in entries}
    want, at = [], entries[-1]
    while at:
        want.insert(0, at["id"])
        at = by_id.get(at.get("parentId"))
    out = run("tail", path, "--mode", "active").out
    same([json.loads(line)["id"] for line in out.split("\n")[:-1]], want)


def test_a_session_that_goes_on():
    path, entries = session(5)
    run("create", path)
    with open(path, "a", encoding="utf-8") as f:
        f.write(dump(entry(6, 5)) + "\n")
    same(run("status", path, code=1, unchanged=True).out.split(":")[0], "stale")
    refused("sidecar", "tail", path, code=3, says=["stale", "s.v2"])
    done = answer("create", path)
    same((done["removed"], done["movedAside"]), (1, 0))
    same(check_sidecar.check(path, modes=True), [])
    with open(os.path.join(HERE, "s.v2", "migrations", "ledger.jsonl"), encoding="utf-8") as f:
        same(len(f.readlines()), 2)


def test_dry_runs_change_nothing():
    path, _ = session(5)
    same(answer("create", path, "--dry-run", unchanged=True)["entries"], 5)
    run("create", path)
    os.unlink(os.path.join(HERE, "s.v2", "manifest.json"))
    same(answer("recover", path, "--dry-run", unchanged=True)["state"], "corrupt")
    same(answer("rollback", path, "--dry-run", unchanged=True)["changed"], True)


def test_leftovers():
    """Every state that two renames can leave."""
    for place, beside in (("s.v2", []), (None, ["backup"]), (None, ["backup", "staging"]), (None, ["staging"]),
                          ("s.v2", ["backup"]), ("s.v2", ["staging"]), (None, ["gone"]), ("s.v2", ["kept"])):
        path, entries = session(20, 3)
        run("create", path)
        made = os.path.join(HERE, "s.v2")
        for kind in beside:
            shutil.copytree(made, f"{made}.{kind}.{'0' * 32}")
        if not place:
            shutil.rmtree(made)
        back = place or "backup" in beside
        same(answer("recover", path)["state"], "migrated" if back else "unmigrated")
        left = {n for n in names() if ".v2." in n}
        same(left, {f"s.v2.kept.{'0' * 32}"} if beside == ["kept"] else set())
        same(answer("recover", path, "--migrate")["state"], "migrated")
        same(check_sidecar.check(path), [])


def test_what_only_the_sidecar_has_is_kept():
    path, entries = session(10)
    run("create", path)
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(dump(e) + "\n" for e in [HEADER] + entries[:4]))
    kept = answer("create", path)["kept"]
    with open(os.path.join(kept, "segments", "0000000000000001.seg"), encoding="utf-8") as f:
        check("e0000010" in f.read(), kept)
    same(check_sidecar.check(path), [])


def test_checkpoints():
    path, entries = session(10)
    run("create", path)
    same(answer("checkpoint", path)["checkpoint"], 1)
    with open(path, "a", encoding="utf-8") as f:
        f.write(dump(entry(11, 10)) + "\n")
    done = answer("create", path)
    same(done["movedAside"], 1)
    same(answer("checkpoint", path)["checkpoint"], 1)
    same(answer("checkpoint", path)["checkpoint"], 2)
    same(check_sidecar.check(path, modes=True), [])
    same(answer("rollback", path, "--to", "1")["state"], "stale")
    same(answer("recover", path)["state"], "migrated")
    refused("sidecar", "rollback", path, "--to", "7", code=3, says="no such checkpoint")


def test_locks():
    path, _ = session(3)
    with open(path + ".lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        refused("sidecar", "create", path, code=3, says="s.jsonl.lock")
    run("create", path)


def test_usage():
    path, _ = session(3)
    refused("sidecar", "melt", path, code=2, says="melt")
    refused("sidecar", "status", code=2, says="sidecar")
    refused("sidecar", "tail", path, "--mode", "all", code=2, says="--mode")
    for mode in ("full", "active"):
        refused("sidecar", "tail", path, "--mode", mode, "-n", "1", code=2, says=f"--mode {mode} prints all of it")
    for to in ("ggcode", "yoi"):
        other = os.path.join(HERE, to + ".jsonl")
        cli.run("convert", path, "--to", to, "-o", other, unchanged=False)
        for action in ("create", "status", "verify", "tail", "checkpoint", "rollback", "recover"):
            refused("sidecar", action, other, code=3, says=f"not for the format {to}")
    refused("sidecar", "rollback", path, "--to", "x", code=2, says="to")
    refused("sidecar", "tail", path, code=3, says="no sidecar")
    refused("sidecar", "status", path + ".gone", code=3, says="s.jsonl.gone")
    same(run("status", path, unchanged=True).out.split(":")[0], "unmigrated")
    same(run("rollback", path).out, "nothing to do: unmigrated\n")


def test_hostile_trees():
    """Directories, links and FIFOs in the places of files: an answer, never a hang."""
    for victim in ("manifest.json", "source-state.json", "index/offsets.jsonl", "segments/0000000000000001.seg",
                   "index", "segments", "tmp", "migrations", "."):
        for make in (os.mkdir, os.mkfifo, lambda p: os.symlink("/etc/passwd", p), lambda p: os.symlink(p, p)):
            path, _ = session(3)
            run("create", path)
            at = os.path.normpath(os.path.join(HERE, "s.v2", victim))
            shutil.move(at, os.path.join(HERE, "old"))
            make(at)
            r = run("status", path, code=None)
            check(r.code in (0, 1), r.err)
            run("tail", path, code=None)
            run("recover", path, code=None)
            r = run("recover", path, "--migrate", code=None)
            if r.code == 0:
                same(check_sidecar.check(path), [])
            check(os.path.exists("/etc/passwd"), "a link was followed")


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    os.makedirs(WORK, exist_ok=True)
    passed = failed = 0
    for name, test in tests:
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            test()
            passed += 1
            if "-v" in sys.argv:
                print("ok  ", name)
        except Skipped as e:
            print("skip", name, e)
        except (Failure, AssertionError, OSError, ValueError, KeyError) as e:
            failed += 1
            print("FAIL", name, e)
            if "-v" in sys.argv:
                traceback.print_exc()
    shutil.rmtree(TMP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

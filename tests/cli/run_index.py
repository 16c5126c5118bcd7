#!/usr/bin/env python3
"""The index from outside: every command answers the same with it and without, on sessions of every
kind; ramet index status, rebuild and clear.

    RAMET_BIN=build/ramet tests/cli/run_index.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import json
import os
import random
import re
import shutil
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import gen_session  # noqa: E402
import run_cli as cli  # noqa: E402
from run_cli import BIN, SLOW, TMP, Failure, Skipped, check, run, same, write  # noqa: E402

HERE = os.path.join(TMP, "index")
CACHE = os.path.join(TMP, "index-cache")
INDEXES = os.path.join(CACHE, "ramet", "index")
READING = [["info"], ["entries"], ["tree"], ["path"], ["context"], ["context", "--llm"],
           ["context", "--system"], ["branches"], ["stats"], ["tail", "-n", "5"]]
OLD = 1_700_000_000


def ramet(*args, cache=CACHE):
    return run(*args, code=None, unchanged=False, env={"XDG_CACHE_HOME": cache})


def large(seed, version=3, kind=None, entries=400):
    """The bytes of a session that is large enough for an index."""
    session = gen_session.Session(seed, entries=entries, version=version)
    at = random.Random(seed)
    for e in session.entries:
        if e["type"] == "message" and "content" in e["message"] and at.random() < 0.5:
            if isinstance(e["message"]["content"], str):
                e["message"]["content"] += " more" * 1500
    lines = [gen_session.dump(e) for e in [session.header] + session.entries]
    if kind:
        return gen_session.damage(lines, kind, seed).data
    return gen_session.join([t.encode("utf-8", "surrogatepass") for t in lines])


def session(name, data):
    path = os.path.join(HERE, name)
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    with open(path, "wb") as f:
        f.write(data)
    return path


def indexes():
    return sorted(os.listdir(INDEXES)) if os.path.isdir(INDEXES) else []


def clear():
    shutil.rmtree(CACHE, ignore_errors=True)


def answers_alike(path, told):
    """Twice with the cache (the second time through what the first wrote) and once without."""
    for words in READING:
        args = [words[0], path, *words[1:], "--json"]
        plain = ramet(*args, "--no-cache")
        for _ in range(2):
            got = ramet(*args)
            same((got.code, got.out, got.err), (plain.code, plain.out, plain.err),
                 f"{told}: {' '.join(words)}")


def status(path):
    return ramet("index", "status", path, "--json").json()


def test_every_command_answers_the_same():
    kinds = [None, *gen_session.KINDS]
    for seed, kind in enumerate(kinds if not SLOW else kinds[::4]):
        clear()
        path = session("s.jsonl", large(seed, version=3 - seed % 3 % 2, kind=kind))
        check(os.path.getsize(path) > 256 << 10, os.path.getsize(path))
        answers_alike(path, kind)


def test_old_versions_answer_the_same():
    for version in (1, 2, 3):
        clear()
        path = session("s.jsonl", large(77, version=version, entries=500))
        answers_alike(path, version)
        same(len(indexes()), 1)


def test_others_append_meanwhile():
    clear()
    data = large(5)
    lines = data.splitlines(keepends=True)
    path = session("s.jsonl", b"".join(lines[:-60]))
    ramet("info", path)
    same(len(indexes()), 1)
    for i in range(60, 0, -12):
        with open(path, "ab") as f:
            f.write(b"".join(lines[-i:len(lines) - i + 12]))
        answers_alike(path, i)
        check(status(path)["holds"])
    same(open(path, "rb").read(), data)


def test_nothing_beside_the_session():
    clear()
    path = session("s.jsonl", large(6))
    before = os.stat(path)
    ramet("info", path)
    same(os.listdir(HERE), ["s.jsonl"])
    after = os.stat(path)
    same((after.st_mtime_ns, after.st_ctime_ns, after.st_size),
         (before.st_mtime_ns, before.st_ctime_ns, before.st_size))
    check(re.fullmatch(r"[0-9a-f]+-[0-9a-f]+\.idx", *indexes()), indexes())
    same(os.stat(os.path.join(INDEXES, *indexes())).st_mode & 0o777, 0o600)


def test_no_cache_makes_none():
    clear()
    path = session("s.jsonl", large(7))
    for words in READING:
        ramet(words[0], path, *words[1:], "--no-cache")
    check(not os.path.exists(CACHE))


def test_caches_that_cannot_be():
    path = session("s.jsonl", large(8))
    plain = ramet("tree", path, "--json", "--no-cache")
    clear()
    for where in (path, "relative", "/proc/nowhere", "/dev/null", "/dev/full/x"):
        same(ramet("tree", path, "--json", cache=where).out, plain.out, where)
    same(os.listdir(HERE), ["s.jsonl"])
    check(not os.path.exists("relative"))


def test_status():
    clear()
    path = session("s.jsonl", large(9))
    r = ramet("index", "status", path)
    check(r.code == 0 and r.out.endswith("\n  no index\n"), r.out)
    same(ramet("index", "status", "--json").json(),
         {"directory": INDEXES, "indexes": 0, "size": 0, "limit": 2 << 30})
    os.utime(path, (OLD, OLD))
    ramet("info", path)
    s = status(path)
    n = ramet("info", path, "--json").json()["entries"]
    same((s["path"], s["present"], s["covered"], s["sessionSize"], s["entries"]),
         (path, True, os.path.getsize(path), os.path.getsize(path), n))
    same(s["index"], os.path.join(INDEXES, *indexes()))
    same(s["size"], os.path.getsize(s["index"]))
    total = ramet("index", "status", "--json").json()
    same((total["indexes"], total["size"]), (1, s["size"]))
    check(ramet("index", "status").out.startswith("1 index, "))


def test_status_says_why_not():
    clear()
    path = session("s.jsonl", large(10))
    ramet("info", path)
    with open(path, "r+b") as f:
        f.truncate(280_000)
    r = ramet("index", "status", path)
    check(r.code == 1 and "  holds   no: the session is shorter" in r.out, r.out)
    r = ramet("index", "status", path, "--json")
    s = r.json()
    same((r.code, s["holds"], s["why"]), (1, False, "the session is shorter than what it covers"))


def test_rebuild():
    clear()
    path, small = session("s.jsonl", large(11)), os.path.join(HERE, "small.jsonl")
    write(small, cli.header("0196ffff-0000-7000-8000-00000000000b"))
    r = ramet("index", "rebuild", path, small, "--json")
    same([json.loads(t) for t in r.out.splitlines()],
         [{"path": path, "built": True}, {"path": small, "built": False}])
    same(len(indexes()), 1)
    r = ramet("index", "rebuild", path, small)
    check("s.jsonl: index written\n" in r.out and "small.jsonl: no index needed\n" in r.out, r.out)


def test_clear():
    clear()
    path = session("s.jsonl", large(12))
    same(ramet("index", "clear", "--json").json(), {"removed": 0, "size": 0})
    ramet("info", path)
    size = status(path)["size"]
    same(ramet("index", "clear", path, "--json").json(), {"removed": 1, "size": size})
    same(indexes(), [])
    ramet("info", path)
    write(os.path.join(INDEXES, "notes.idx"), "mine")
    check(ramet("index", "clear").out.startswith("1 index, "))
    same(indexes(), ["notes.idx"])
    same(ramet("index", "clear").out, "0 indexes removed\n")


def test_damaged_index():
    clear()
    path = session("s.jsonl", large(13))
    ramet("info", path)
    with open(path, "ab") as f:             # longer: no time is looked at
        f.write(b"\n")
    plain = ramet("tree", path, "--json", "--no-cache").out
    index = status(path)["index"]
    whole = open(index, "rb").read()
    dice = random.Random(13)
    for _ in range(10 if SLOW else 60):
        at = dice.randrange(len(whole))
        with open(index, "wb") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 1 << dice.randrange(8)]) + whole[at + 1:])
        r = ramet("tree", path, "--json")
        same((r.code, r.out), (0, plain), at)


def test_wrong_usage():
    for args in ((), ("what",), ("rebuild",), ("status", "--at", "x")):
        r = ramet("index", *args)
        same((r.code, r.out), (2, ""), args)
    for action in ("status", "rebuild", "clear"):
        r = ramet("index", action, os.path.join(HERE, "nothing.jsonl"))
        check(r.code == 3 and "nothing.jsonl" in r.err, r.err)


def run_test(name, test, verbose):
    """1 passed, 0 failed, -1 skipped."""
    try:
        test()
    except Skipped as e:
        print(f"skip  {name}: {e}")
        return -1
    except Exception as e:
        told = e if isinstance(e, Failure) else traceback.format_exc()
        where = traceback.extract_tb(e.__traceback__)
        at = next((x.lineno for x in reversed(where) if x.name.startswith("test_")), "?")
        print(f"FAIL  {name} (line {at})\n{told}")
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
    cli.make_home()
    done = [run_test(name, test, "-v" in sys.argv) for name, test in tests]
    shutil.rmtree(TMP, ignore_errors=True)
    if -1 in done:
        print(f"{done.count(-1)} skipped")
    print(f"{done.count(1)} passed, {done.count(0)} failed")
    return 1 if 0 in done else 0


if __name__ == "__main__":
    sys.exit(main())

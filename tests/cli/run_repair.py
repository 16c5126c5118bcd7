#!/usr/bin/env python3
"""verify and repair, on every kind of damage that tests/tools/gen_session.py knows.

    RAMET_BIN=build/ramet RAMET_SOURCE=. tests/cli/run_repair.py [-v] [--seeds N] [NAME...]

What was repaired is intact, every entry that could be read before is there with equal bytes, and the
original can be put together again from the new file, the .lost file and the plan. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import base64
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.environ.get("RAMET_SOURCE") or os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import gen_session  # noqa: E402

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
SLOW = bool(os.environ.get("RAMET_SANITIZE"))
SEEDS = 1 if SLOW else 3
TMP = tempfile.mkdtemp(prefix="ramet-repair-")
# Kinds whose damage is in the middle, and those that repair leaves as they are.
NEED_SALVAGE = {"bad-json", "nul-block", "missing-header"}
REPAIRED = NEED_SALVAGE | {"torn-tail", "no-final-newline", "bom", "glued-lines"}
WITHOUT_IDS = {"orphan-parent", "duplicate-id", "cycle"}     # need ids: not in version 1
NOT_INTACT = NEED_SALVAGE | {"torn-tail", "bom", "glued-lines", "bad-utf8"}


class Failure(Exception):
    pass


def check(good, told=""):
    if not good:
        raise Failure(str(told))


def same(got, want, told=""):
    if got != want:
        raise Failure(f"got  {got!r:.1500}\nwant {want!r:.1500}\n{told}")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


counter = 0


def fresh(data, name="s.jsonl"):
    """A file in a directory of its own."""
    global counter
    counter += 1
    return write(os.path.join(TMP, f"d{counter}", name), data)


def run(*args, code=0, cwd=TMP):
    env = {"PATH": os.environ.get("PATH", ""), "HOME": os.path.join(TMP, "home"), "LC_ALL": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    p = subprocess.run([BIN, *args], env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    if code is not None:
        same(p.returncode, code, f"{args}\n{p.stdout.decode()}{p.stderr.decode()}")
    return p


def verdict(path, code=None):
    p = run("verify", path, "--json", code=code)
    check(p.returncode in (0, 1), p.stderr)
    answer = json.loads(p.stdout)
    same(p.returncode, 0 if answer["intact"] and answer["complete"] else 1)
    same(answer["path"], path)
    return answer


def codes(answer):
    return {f["code"] for f in answer["findings"]}


def is_object(line):
    try:
        return isinstance(json.loads(line.decode("utf-8", "replace")), dict)
    except (ValueError, RecursionError):
        return line.startswith(b'{"type"') and line.rstrip(b"\r ").endswith(b"}") and b"[[[[" in line


def objects(data):
    """The lines that are JSON objects, as they stand."""
    return [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if is_object(line)]


def rebuilt(path, told):
    """The original, from the new file, the .lost file and the plan."""
    new, old, at = read(path), b"", 0
    lost = [json.loads(line) for line in read(told["lost"]).split(b"\n")[:-1]] if "lost" in told else []
    for action in told["actions"]:
        gap = action["offset"] - len(old)
        old, at = old + new[at:at + gap], at + gap
        same(len(old), action["offset"])
        if action["action"] == "drop":
            one = lost.pop(0)
            same([one["line"], one["offset"], one["code"]], [action["line"], action["offset"], action["code"]])
            data = base64.b64decode(one["base64"], validate=True) if "base64" in one else one["text"].encode()
            same(len(data), action["bytes"])
            old += data
        else:
            at = new.index(b"\n", at) + 1
    same(lost, [])
    return old + new[at:]


def repaired(path):
    """Repair, and check what must hold after any repair; what repair said."""
    before = read(path)
    told = json.loads(run("repair", path, "--salvage", "--json").stdout)
    after = read(path)
    same(told["repaired"], bool(told["actions"]))
    if told["repaired"]:
        same(read(told["kept"]), before)
        same(rebuilt(path, told), before)
    else:
        same(after, before)
    rest = iter(objects(after))
    for line in objects(before):
        check(line in rest, line)
    damage = [f for f in verdict(path)["findings"] if f["severity"] == "damage" and f["code"] != "bad-utf8"]
    same(damage, [])
    same(json.loads(run("repair", path, "--json").stdout)["actions"], [])
    run("info", path)
    return told


# ---- tests ----


def test_json_is_documented():
    """Each member stands in the man page and in --help."""
    path = fresh("\n".join(gen_session.Session(1, 5).lines) + "\n")
    told = list(json.loads(run("repair", path, "--json").stdout)) + ["kept", "lost"]
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "docs", "man", "ramet-repair.1"), encoding="utf-8") as f:
        man = f.read()
    for key in told:
        for where, text in (("man", man), ("help", run("repair", "--help").stdout.decode())):
            check(f'"{key}"' in text, f"{key} is not in {where}")


def test_every_kind():
    for kind in gen_session.KINDS:
        for version in (1, 2, 3):
            if version == 1 and kind in WITHOUT_IDS:
                continue
            for seed in range(SEEDS):
                session = gen_session.Session(seed, 40, version)
                data = gen_session.damage(session.lines, kind, seed).data
                path = fresh(data)
                same(verdict(path)["intact"], kind not in NOT_INTACT, (kind, version, seed))
                refused = kind in NEED_SALVAGE
                p = run("repair", path, code=3 if refused else 0)
                if refused:
                    check(b"--salvage" in p.stderr and p.stderr.count(b"\n") == 1, p.stderr)
                if refused or kind not in REPAIRED:
                    same(os.listdir(os.path.dirname(path)), ["s.jsonl"], kind)
                    same(read(path), data, kind)
                path = fresh(data)
                told = repaired(path)
                same(told["repaired"], kind in REPAIRED, (kind, version, seed))
                answer = verdict(path)
                same(answer["intact"], kind != "bad-utf8", (kind, version, seed))
                if kind in ("glued-lines", "bom", "no-final-newline"):
                    whole = fresh("".join(t + "\n" for t in session.lines).encode("utf-8", "surrogatepass"))
                    same(read(path), read(whole), kind)


def test_several_kinds_at_once():
    rng = random.Random(5)
    for _ in range(5 if SLOW else 40):
        data = bytearray("".join(t + "\n" for t in gen_session.Session(rng.random(), 20).lines).encode())
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            what = rng.randrange(5)
            if what == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif what == 1:
                data[at:at + rng.randrange(300)] = b""
            elif what == 2:
                size = min(rng.randrange(300), len(data) - at)
                data[at:at + size] = bytes(size)
            elif what == 3:
                data[at:at] = rng.choice([b"\n", b"{", b"}", b'"', b"\xff", b"#", b"{}", b"\n7\n"])
            else:
                data[at:at] = data[at:at + 500]
        repaired(fresh(bytes(data)))


def test_cuts_and_flips():
    data = "".join(t + "\n" for t in gen_session.Session(7, 6).lines).encode()
    for at in range(0, len(data), 331 if SLOW else 97):
        if b"\n" in data[:at]:
            repaired(fresh(data[:at]))
        repaired(fresh(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]))


def test_verify_texts_and_codes():
    good = fresh("".join(t + "\n" for t in gen_session.Session(1, 20).lines))
    bad = fresh(read(good) + b'{"type":"mess', "bad.jsonl")
    empty = fresh(b"", "empty.jsonl")
    p = run("verify", good)
    check(re.fullmatch(rb"intact, complete: .*s\.jsonl \(20 entries\)\n(  info .*\n)*", p.stdout), p.stdout)
    p = run("verify", good, bad, empty, code=1)
    heads = [line for line in p.stdout.decode().split("\n") if not line.startswith("  ")]
    same([h.split(": ")[0] for h in heads[:-1]],
         ["intact, complete", "DAMAGED, INCOMPLETE", "DAMAGED, INCOMPLETE"])
    same(len(run("verify", good, bad, "--json", code=1).stdout.split(b"\n")), 3)
    same(codes(verdict(empty)), {"no-header"})
    same(verdict(bad)["findings"][-1]["code"], "torn-tail")
    run("verify", code=2)
    p = run("verify", os.path.join(TMP, "none.jsonl"), good, code=3)
    check(b"intact" in p.stdout and p.stderr.count(b"\n") == 1, p.stdout + p.stderr)
    run("verify", good, "--key", good, code=3)


def test_directories():
    data = "".join(t + "\n" for t in gen_session.Session(2, 5).lines).encode()
    top = os.path.join(TMP, "store")
    for name in ("a/1.jsonl", "a/2.jsonl", "b/3.jsonl", "b/x.txt", "b/3.jsonl.damaged"):
        write(os.path.join(top, name), data)
    write(os.path.join(top, "b/broken.jsonl"), b"garbage")
    p = run("verify", top, "--json", code=1)
    told = [json.loads(line) for line in p.stdout.split(b"\n")[:-1]]
    same([os.path.relpath(t["path"], top) for t in told], ["a/1.jsonl", "a/2.jsonl", "b/3.jsonl", "b/broken.jsonl"])
    same([t["intact"] for t in told], [True, True, True, False])
    same(len(run("verify", os.path.join(top, "a") + "/").stdout.split(b"complete")), 3)
    os.makedirs(os.path.join(TMP, "void"))
    p = run("verify", os.path.join(TMP, "void"), code=3)
    check(b"no session" in p.stderr, p.stderr)
    home = os.path.join(TMP, "home", ".pi", "agent", "sessions", "--x--")
    write(os.path.join(home, "2026-03-01T10-00-00-000Z_abc.jsonl"), data)
    check(b"intact, complete: ~/.pi/agent" in run("verify", "pi").stdout)


def test_dry_run():
    good = "".join(t + "\n" for t in gen_session.Session(1, 20).lines).encode()
    path = fresh(good + b"oops\n" + good.split(b"\n")[3] + b'\n{"type":')
    st = os.stat(path)
    p = run("repair", path, "--dry-run")
    text = p.stdout.decode()
    check(text.startswith("would repair 2 places, if it were asked to salvage\n"), text)
    check(re.search(r"line 22 +offset \d+ +5 bytes +malformed .*\(--salvage\)\n", text), text)
    check(re.search(r"line 24 +offset \d+ +8 bytes +torn-tail [^(]*\n", text), text)
    told = json.loads(run("repair", path, "--dry-run", "--json").stdout)
    same((told["repaired"], told["refused"], told["lostBytes"]), (False, True, 13))
    run("repair", path, "--dry-run", "--salvage")
    now = os.stat(path)
    same((st.st_mtime_ns, st.st_ctime_ns, st.st_ino), (now.st_mtime_ns, now.st_ctime_ns, now.st_ino))
    same(os.listdir(os.path.dirname(path)), ["s.jsonl"])


def test_repair_texts():
    path = fresh("".join(t + "\n" for t in gen_session.Session(1, 20).lines) + "#x")
    os.chmod(path, 0o640)
    text = run("repair", path).stdout.decode()
    check(text.startswith("repaired 1 place\n  line 22 "), text)
    check(text.endswith(f"the original is kept as {path}.damaged\nwhat went is in {path}.lost\n"), text)
    for name in (path, path + ".damaged", path + ".lost"):
        same(stat.S_IMODE(os.stat(name).st_mode), 0o640)
    same(run("repair", path).stdout.decode(), "nothing to do: there is no damage that could be repaired\n")
    same(run("verify", path).stdout[:16], b"intact, complete")
    p = run("repair", os.path.join(TMP, "none.jsonl"), code=3)
    same(p.stderr.count(b"\n"), 1)
    run("repair", code=2)


def test_no_session_is_made():
    """A file in which no whole entry is found is none, and stays as it is."""
    state = b'{\n  "sessions": {\n    "a": {\n      "ID": "a"\n    }\n  }\n}\n'
    files = {"t.txt": b"hello\n", "e.jsonl": b"", "r.bin": bytes(range(256)) * 20, "a.json": b'{"a":1}\n',
             "p.json": b'{\n "a": [1,2],\n "type":"x", "b":{}\n}\n', "n.jsonl": b'{"type":"x","n":1}\n',
             "cut.jsonl": b'{"type":"session","version":3,"id":"x","timest', "state.json": state}
    for name, data in files.items():
        path = fresh(data, name)
        for more in ([], ["--salvage"], ["--dry-run"]):
            p = run("repair", path, *more, code=3)
            same((p.stdout, p.stderr.count(b"\n")), (b"", 1), name)
            check((b"ckptmgr:" if name == "state.json" else b"nothing to salvage") in p.stderr, p.stderr)
            same((read(path), os.listdir(os.path.dirname(path))), (data, [name]))
    p = run("verify", fresh(state, "state.json"), code=3)
    check(b"give it as ckptmgr:/" in p.stderr, p.stderr)
    custom = fresh(b'{"type":"mine","id":"a","parentId":null,"timestamp":"2026-03-02T09:00:00.000Z"}\n')
    same(json.loads(run("repair", custom, "--salvage", "--json").stdout)["repaired"], True)


def test_a_made_header():
    lines = gen_session.Session(3, 12).lines
    path = fresh("".join(t + "\n" for t in lines[1:]), "2026-03-01T10-00-00-000Z_0199-abc.jsonl")
    run("info", path, code=3)
    told = repaired(path)
    same([a["action"] for a in told["actions"]], ["header"])
    header = json.loads(read(path).split(b"\n")[0])
    same((header["type"], header["version"], header["id"]), ("session", 3, "0199-abc"))
    same(header["timestamp"], json.loads(lines[1])["timestamp"])
    same(read(path).split(b"\n", 1)[1], "".join(t + "\n" for t in lines[1:]).encode())


def test_full_disk():
    """No room for the new file: the old one stays, and nothing stands beside it."""
    import resource
    path = fresh("".join(t + "\n" for t in gen_session.Session(1, 60).lines).encode() + b'{"type"')
    before = read(path)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    p = subprocess.run([BIN, "repair", path], stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=limit,
                       timeout=300)
    same(p.returncode, 3, p.stderr)
    same(p.stderr.count(b"\n"), 1)
    same(read(path), before)
    same(os.listdir(os.path.dirname(path)), ["s.jsonl"])


# ---- records of other systems ----

GOLDEN = os.path.join(ROOT, "tests", "golden")
LEFT = {"hash", "chain", "bad-utf8"}                        # damage that repair leaves


def check_records(path):
    """repaired() for lines that are no entries of pi's: what repair said, None if there is no record."""
    before = read(path)
    p = run("repair", path, "--salvage", "--json", code=None)
    if p.returncode:
        same(p.stderr.count(b"\n"), 1, p.stderr)
        check(b"no record" in p.stderr, p.stderr)
        same(read(path), before)
        return None
    told = json.loads(p.stdout)
    check(all(a["action"] != "header" for a in told["actions"]), told)
    if told["repaired"]:
        same(read(told["kept"]), before)
        same(rebuilt(path, told), before)
    answer = verdict(path)
    same([f for f in answer["findings"] if f["severity"] == "damage" and f["code"] not in LEFT], [])
    same(json.loads(run("repair", path, "--salvage", "--json").stdout)["actions"], [])
    return told


def entries(path):
    """All entries but for their ids, which are made by their place."""
    p = run("export", path, "--jsonl")
    out = []
    for line in p.stdout.split(b"\n")[1:-1]:
        e = json.loads(line)
        out.append({k: v for k, v in e.items() if k not in ("id", "parentId", "timestamp")})
    return out


def golden_files(*where):
    top = os.path.join(GOLDEN, *where)
    return sorted(os.path.join(d, n) for d, _, names in os.walk(top) for n in names if n.endswith(".jsonl"))


def format_of(path):
    p = run("info", path, "--json", code=None)
    return json.loads(p.stdout)["format"] if p.returncode == 0 else None


def is_unfinished_g2(line, data):
    return line and data.endswith(line) and b'"hash":"' not in line


def test_golden_of_other_systems():
    n = 0
    for file in [*golden_files("ggcode", "v1.3.216", "damaged"), *golden_files("yoi", "g1"),
                 *golden_files("yoi", "g1-late"), *golden_files("yoi", "g2")]:
        path = fresh(read(file), os.path.basename(file))
        if format_of(path) not in ("ggcode", "yoi") or file.endswith(".trace.jsonl"):
            continue
        before = entries(path)
        data = read(path)
        told = check_records(path)
        if told is None:
            continue
        n += told["repaired"]
        rest = iter(entries(path))
        for e in before:
            check(e in rest, (file, e))
        # every whole object that is no line any more was no record
        kept = read(path).split(b"\n")
        gone = [line for line in objects(data) if line not in kept]
        for line in gone:
            check(is_unfinished_g2(line, data) or "ggcode" in file, (file, line))
        check(all(not line or line.strip(b" \r\t") in data for line in kept), file)
    check(n >= 20, n)


def case_named(folder, name):
    with open(os.path.join(GOLDEN, "yoi", folder, "expected", "damaged.json")) as f:
        for case in (c for cases in json.load(f).values() for c in cases):
            if case["case"] == name:
                return os.path.join(GOLDEN, "yoi", folder, case["file"])
    raise Failure(name)


def test_yoi_records():
    g1 = read(case_named("g1", "clean"))
    lines = g1.split(b"\n")[:-1]
    path = fresh(g1.removesuffix(b"\n"))
    same([a["code"] for a in check_records(path)["actions"]], ["no-newline"])
    same(read(path), g1)
    path = fresh(b"\xef\xbb\xbf" + lines[0] + lines[1] + b"\n" + lines[2][:50] + lines[2] + b"\n" + b"\0" * 9)
    same([a["code"] for a in check_records(path)["actions"]], ["bom", "glued", "malformed", "nul-run"])
    same(read(path), g1)
    check(b"broken" not in run("repair", path).stdout)
    path = fresh(lines[0] + b"\n" + lines[1].replace(b'"kind"', b'"kind" ', 1) + b"\noops\n" + lines[2] + b"\n")
    p = run("repair", path, code=3)
    check(b"--salvage" in p.stderr, p.stderr)
    p = run("repair", path, "--salvage")
    same(p.stdout.count(b"the chain of hashes is broken, and stays so"), 1, p.stdout)
    same(codes(verdict(path)) & {"hash", "chain", "malformed"}, {"hash"})
    p = run("repair", path)
    check(p.stdout.startswith(b"nothing to do") and b"stays so" in p.stdout, p.stdout)
    g2 = b'{"kind":"segment_start","ts":1,"session_id":"019dbd75-b0a0-7164-80c0-ffee00000064","system_prompt":null,' \
         b'"config":{},"history":[]}\n{"kind":"turn_end","ts":2,"turn_count":1}\n'
    path = fresh(g2[:-1])
    same([a["code"] for a in check_records(path)["actions"]], ["torn-tail"])
    same(read(path), g2[:g2.index(b"\n") + 1])
    path = fresh(g2[:g2.index(b"\n")])
    same(check_records(path), None)


def test_ggcode_records():
    one = b'{"type":"message","session_id":"x","message":{"id":"a%d","role":"user","content":[{"type":"text",' \
          b'"text":"t"}]},"timestamp":"2026-08-01T10:00:01Z"}'
    good = b"".join(one % i + b"\n" for i in range(3))
    path = fresh(one % 0 + b"\n" + one % 1 + one % 2 + b'{"type":"message","session')
    told = check_records(path)
    same([a["code"] for a in told["actions"]], ["glued", "torn-tail", "no-newline"])
    same(read(path), good)
    same(sorted(os.listdir(os.path.dirname(path))), ["s.jsonl", "s.jsonl.damaged", "s.jsonl.flock", "s.jsonl.lost"])
    # neither a block nor an entry that a record carries is a record
    for inside in (b'[{"type":"text","text":"t"}\n', b'{"entry":{"type":"message","id":"u1","parentId":null}\n'):
        path = fresh(good + inside)
        check_records(path)
        same(read(path), good)


def test_locks_of_other_systems():
    import fcntl
    one = b'{"type":"message","session_id":"x","message":{"id":"a1","role":"user","content":[]},' \
          b'"timestamp":"2026-08-01T10:00:01Z"}\n'
    path = fresh(one + b"{")
    with open(path + ".flock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        check(b"would repair" in run("repair", path, "--dry-run").stdout)
        p = run("repair", path, code=3)
        same(p.stderr.count(b"\n"), 1, p.stderr)
        same(read(path), one + b"{")
    run("repair", path)
    same(read(path), one)


def main():
    global SEEDS
    args = sys.argv[1:]
    verbose = "-v" in args
    if "--seeds" in args:
        at = args.index("--seeds")
        SEEDS = int(args[at + 1])
        del args[at:at + 2]
    wanted = [a for a in args if not a.startswith("-")]
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    if wanted:
        tests = [(name, f) for name, f in tests if any(w in name for w in wanted)]
    if not os.access(BIN, os.X_OK):
        print(f"no command at {BIN} (RAMET_BIN)\n0 passed, 1 failed")
        return 1
    passed = failed = 0
    for name, test in tests:
        try:
            test()
            passed += 1
            if verbose:
                print(f"ok    {name}")
        except Exception as e:
            failed += 1
            where = traceback.extract_tb(e.__traceback__)
            at = next((x.lineno for x in reversed(where) if x.name.startswith("test_")), "?")
            print(f"FAIL  {name} (line {at})\n{e if isinstance(e, Failure) else traceback.format_exc()}")
    shutil.rmtree(TMP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

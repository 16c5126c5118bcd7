#!/usr/bin/env python3
"""The ramet command against input that means it harm, at small sizes.

    RAMET_BIN=build/ramet tests/cli/run_hostile.py [-v] [NAME...]

Every case runs every command that reads a session. What is promised: output, or one line on
standard error; exit code 0 or 3; memory within a multiple of the input; time that grows with the
input's size and not with its square; nothing changed on disk. A NAME runs only the tests whose
name contains it. Ends with "N passed, N failed". Python's library only.
"""

import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
SLOW = bool(os.environ.get("RAMET_SANITIZE"))
TIME_LIMIT = 120 if SLOW else 20
TMP = tempfile.mkdtemp(prefix="ramet-hostile-")
FILE = os.path.join(TMP, "s.jsonl")
COMMANDS = ["info", "info --json", "entries", "entries --json", "tree", "tree --json",
            "tree --all", "path", "context", "context --json", "context --projection --json",
            "context --llm --json", "context --system", "context --tokens", "branches",
            "branches --json", "stats", "stats --json", "list", "list --json --text"]
WHEN = '"timestamp":"2026-01-01T00:00:00.000Z"'
HEADER = f'{{"type":"session","version":3,"id":"hostile",{WHEN},"cwd":"/w"}}\n'.encode()


def check(good, told=""):
    if not good:
        raise AssertionError(told)


def quoted(ident):
    return "null" if ident is None else f'"{ident}"'


def entry(kind, ident, parent, more):
    return f'{{"type":"{kind}","id":"{ident}","parentId":{quoted(parent)},{WHEN},{more}}}\n'


def said(ident, parent, role="user", text='"x"'):
    return entry("message", ident, parent, f'"message":{{"role":"{role}","content":{text}}}')


def linear(n):
    return [said(f"{i:08x}", f"{i - 1:08x}" if i else None) for i in range(n)]


def write(*parts):
    with open(FILE, "wb") as f:
        for part in parts:
            f.write(part if isinstance(part, bytes) else "".join(part).encode())


def run(words, path=FILE, env=None, **kw):
    """Exit code, standard output, standard error."""
    command, *options = words.split()
    arguments = [BIN, command, *options] + ([path] if path is not None else [])
    where = {"HOME": os.path.join(TMP, "home"), "PATH": os.environ.get("PATH", "")}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            where[name] = os.environ[name]
    where.update(env or {})
    where = {k: v for k, v in where.items() if v is not None}
    p = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=where, timeout=TIME_LIMIT, **kw)
    return p.returncode, p.stdout, p.stderr.decode("utf-8", "replace")


def all_commands(*codes):
    """Every command over FILE: one of the codes, silent on success, one line else, no change."""
    before = os.stat(FILE)
    for words in COMMANDS:
        code, _, err = run(words)
        check(code in codes, f"{words}: exit code {code}\n{err[-2000:]}")
        check(err.count("\n") == (code != 0), f"{words}: {err[-2000:]}")
    after = os.stat(FILE)
    check((before.st_size, before.st_mtime_ns, before.st_mode) ==
          (after.st_size, after.st_mtime_ns, after.st_mode), "the file was changed")


def accepted(*parts):
    write(*parts)
    all_commands(0)


def refused(*parts):
    write(*parts)
    all_commands(3)


# ---- what is no session ----


def test_no_session():
    refused(b"")
    refused(b"\n \n\t\n")
    refused(b"\0" * 100000)
    refused(random.Random(1).randbytes(100000))
    refused(b"null\n")
    refused(b"{}\n" + HEADER)
    refused(b"[" * 200000)
    refused(b'{"type":"session"}\n')
    refused(b"\xef\xbb\xbf" * 2 + HEADER)
    refused(HEADER[:40])
    refused(b"x" * (3 << 20))


def test_the_line_of_a_first_value_is_named():
    for text in (b"garbage\n{}\n", b"garbage\n[]\n"):
        write(text)
        check("s.jsonl:2: not a session" in run("info")[2], run("info")[2])


def test_other_kinds_of_files():
    os.makedirs(os.path.join(TMP, "odd", "dir.jsonl"))
    at = lambda name: os.path.join(TMP, "odd", name)
    os.mkfifo(at("fifo.jsonl"))
    os.symlink("loop.jsonl", at("loop.jsonl"))
    os.symlink("/dev/zero", at("zero.jsonl"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(at("sock.jsonl"))
    for name in os.listdir(at("")):
        for words in COMMANDS:
            if name == "dir.jsonl" and words.startswith("list"):
                continue
            code, out, err = run(words, at(name))
            check(code == 3 and not out and err.count("\n") == 1 and name in err, err)
    for path in ("/dev/zero", "/proc/self/mem", "/proc/cpuinfo", FILE + "/x", "\xff\x1b\n/x"):
        code, out, err = run("info", path)
        check(code == 3 and not out and err.count("\n") == 1 and "\x1b" not in err, err)
    code, out, err = run("list", at(""))
    check(code == 0 and not out and not err, err)


# ---- shapes of trees ----


def test_version_1_of_some_length():
    header = b'{"type":"session","id":"v1","cwd":"/w"}\n'
    accepted(header, ['{"type":"message","message":{"role":"user","content":"x"}}\n'] * 60000)
    ids = run("path --json")[1].count(b",") + 1
    check(ids == 60000, f"{ids} on the path")


def test_trees():
    n = 3000
    accepted(HEADER, linear(n))
    accepted(HEADER, reversed(linear(n)))
    accepted(HEADER, [said(f"{i:x}", "0" if i else None) for i in range(n)])
    accepted(HEADER, [said(f"{i:x}", None) for i in range(n)])
    accepted(HEADER, [said(f"{i:x}", f"none{i}") for i in range(n)])
    accepted(HEADER, [said("same", "same") for i in range(n)])
    accepted(HEADER, [said(f"{i:x}", f"{(i + 1) % n:x}") for i in range(n)])
    accepted(HEADER, [said(f"{i:x}", f"{i ^ 1:x}") for i in range(n)])


def test_many_special_entries():
    n, before = 2000, lambda i: f"{i - 1:x}" if i else None
    accepted(HEADER, said("t", None), [entry("compaction", f"{i:x}", before(i) or "t",
             '"summary":"s","firstKeptEntryId":"t","tokensBefore":1') for i in range(n)])
    accepted(HEADER, said("t", None), [entry("label", f"{i:x}", before(i) or "t",
             f'"targetId":"t","label":"{i}"') for i in range(n)])
    accepted(HEADER, [entry("label", f"{i:x}", before(i),
             f'"targetId":"{i:x}","label":"{i}"') for i in range(n)])
    accepted(HEADER, said("t", None), [entry("context_edit", f"{i:x}", before(i) or "t",
             '"targetId":"t","replacement":{"content":"x"}') for i in range(n)])
    calls = ",".join(f'{{"type":"toolCall","id":"c{i}","name":"x","arguments":{{}}}}'
                     for i in range(n))
    accepted(HEADER, said("t", None, "assistant", f"[{calls}]"))


# ---- odd lines ----


def test_depth_and_numbers():
    for depth in (99990, 100010, 1000000):
        for left, right in (("[", "]"), ('{"a":', "}")):
            deep = left * depth + ("1" if left != "[" else "") + right * depth
            accepted(HEADER, said("a", None), entry("custom", "b", "a", f'"data":{deep}'),
                     said("c", "b", "user", deep), said("d", "a"))
    nines = "9" * 100000
    usage = f'"usage":{{"input":{nines},"output":1e{nines},"cost":{{"total":-1e{nines}}}}}'
    accepted(HEADER, f'{{"type":"message","id":"a","parentId":{nines},"timestamp":{nines},'
             f'"message":{{"role":"assistant","content":[],{usage},"timestamp":1e300}}}}\n')


def test_lines():
    some = said("a", None).encode()
    accepted(HEADER, b"{}\n" * 20000)
    accepted(HEADER, b"\n" * 300000, some)
    accepted(HEADER, b"0\n" * 50000, some)
    accepted(HEADER, b"{\n" * 50000, some)
    accepted(HEADER, b"\0\n" * 50000, some)
    accepted(HEADER, some, b"\0" * (3 << 20), b"\n", said("b", "a"))
    accepted(HEADER, HEADER * 20000)
    accepted(HEADER, some * 5000)
    accepted(HEADER, some.replace(b"\n", b"") * 5000, b"\n")
    accepted(HEADER.replace(b"\n", b"\r\n"), some.replace(b"\n", b"\r\n"))
    accepted(HEADER, some[:-9] + b"\xe2\x82\xff" + some[-9:], some[:80])
    accepted(b"garbage\n" * 200000, HEADER, some)
    accepted(HEADER.replace(b"/w", b"w" * (3 << 20)), some)
    accepted(HEADER, said("i" * 300000, None), said("b", "i" * 300000))
    accepted(HEADER, b'{"type":"custom",' + b'"id":"a",' * 50000 + b'"x":1}\n')


# ---- time and memory ----


def cost(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    check(run(words)[0] == 0, words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_time_is_linear():
    shapes = {
        "children": lambda n: [said(f"{i:x}", "0" if i else None) for i in range(n)],
        "loops": lambda n: [said(f"{i:x}", f"{i ^ 1:x}") for i in range(n)],
        "loop": lambda n: [said(f"{i:x}", f"{(i + 1) % n:x}") for i in range(n)],
    }
    for name, make in shapes.items():
        for words in ("tree", "branches", "context --json"):
            write(HEADER, make(5000))
            small = cost(words)
            write(HEADER, make(40000))
            large = cost(words)
            check(large < 24 * max(small, 0.02), f"{name}, {words}: {small:.2f} s, {large:.2f} s")


def test_lists_of_many_files():
    store = os.path.join(TMP, "many")
    os.makedirs(store)
    for i in range(3000):
        with open(os.path.join(store, f"{i}.jsonl"), "wb") as f:
            f.write(HEADER.replace(b"hostile", b"%08d" % i))
    code, out, err = run("list --json", store)
    check(code == 0 and out.count(b"\n") == 3000, err)
    check(run("info --store " + store, "00002999")[0] == 0)
    code, _, err = run("info --store " + store, "000029")
    check(code == 3 and "two sessions start so" in err, err)


# ---- surroundings ----


def test_a_usual_place_may_be_missing():
    gone = os.path.join(TMP, "gone")
    code, out, err = run("list", None, env={"PI_CODING_AGENT_SESSION_DIR": gone})
    check(code == 0 and not out and not err, err)
    code, _, err = run("info", "zzz", env={"PI_CODING_AGENT_SESSION_DIR": gone})
    check(code == 3 and 'no session "zzz"' in err, err)
    write(HEADER)
    code, out, err = run("list --json", None,
                         env={"HOME": None, "PI_CODING_AGENT_SESSION_DIR": TMP})
    check(code == 0 and b'"hostile"' in out, err)


def test_output_that_cannot_be_written():
    write(HEADER, linear(3000))
    for words in COMMANDS:
        if words == "context --system":
            continue                     # there is none to print
        with open("/dev/full", "wb") as full:
            command, *options = words.split()
            p = subprocess.run([BIN, command, *options, FILE], stdin=subprocess.DEVNULL,
                               stdout=full, stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        check(p.returncode == 3 and p.stderr.count(b"\n") == 1, f"{words}: {p.stderr}")


def test_files_that_change_meanwhile():
    whole = HEADER + "".join(linear(20000)).encode()
    done = threading.Event()

    def disturb():
        r = random.Random(3)
        while not done.is_set():
            with open(FILE if r.random() < 0.5 else FILE + ".new", "wb") as f:
                f.write(whole)
            if os.path.exists(FILE + ".new"):
                os.rename(FILE + ".new", FILE)
            time.sleep(r.random() / 50)
            os.truncate(FILE, r.randrange(len(whole)))

    write(whole)
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for i in range(20 if SLOW else 60):
            words = COMMANDS[i % len(COMMANDS)]
            code, _, err = run(words)
            check(code in (0, 3) and err.count("\n") == (code != 0), f"{words}: {code} {err}")
    finally:
        done.set()
        thread.join()


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    if wanted:
        tests = [(name, f) for name, f in tests if any(w in name for w in wanted)]
    passed = failed = 0
    if not os.access(BIN, os.X_OK):
        print(f"no command at {BIN} (RAMET_BIN)\n0 passed, 1 failed")
        return 1
    os.makedirs(os.path.join(TMP, "home"))
    for name, test in tests:
        started = time.monotonic()
        try:
            test()
            passed += 1
            if "-v" in sys.argv:
                print(f"ok    {name} ({time.monotonic() - started:.1f} s)")
        except Exception:
            failed += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}")
    shutil.rmtree(TMP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

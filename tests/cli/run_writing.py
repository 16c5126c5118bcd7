#!/usr/bin/env python3
"""The commands that write: new, append, branch, fork, label, name, migrate.

    RAMET_BIN=build/ramet tests/cli/run_writing.py [-v] [NAME...]

Works in a home directory of its own. Where nothing may change, the whole tree of files is compared
byte for byte before and after. A NAME runs only the tests whose name contains it. Ends with "N
passed, N failed". Python's library only.
"""

import fcntl
import json
import os
import re
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
SLOW = bool(os.environ.get("RAMET_SANITIZE"))
TIME_LIMIT = 300 if SLOW else 60
TMP = tempfile.mkdtemp(prefix="ramet-writing-")
HOME = os.path.join(TMP, "home")
AGENT = os.path.join(HOME, ".pi", "agent")
WORK = os.path.join(HOME, "work", "shop")
ID = re.compile(r"[0-9a-f]{8}")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HELLO = '{"role":"user","content":"hello","timestamp":1772442000000}'


class Failure(Exception):
    pass


class Skipped(Exception):
    pass


def check(good, told=""):
    if not good:
        raise Failure(str(told))


def same(got, want, told=""):
    if got != want:
        raise Failure(f"got  {got!r:.1500}\nwant {want!r:.1500}\n{told}")


# ---- sessions made for the tests ----


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def line(**members):
    return compact(members) + "\n"


def header(ident="s-1", version=3, **more):
    members = {"type": "session", "version": version, "id": ident,
               "timestamp": "2026-03-02T09:00:00.000Z", "cwd": WORK, **more}
    if version == 1:
        del members["version"]
    return line(**members)


def entry(ident, parent, n, **more):
    return line(type=more.pop("type"), id=ident, parentId=parent,
                timestamp=f"2026-03-02T09:00:{n:02d}.000Z", **more)


def said(ident, parent, n, role, text):
    return entry(ident, parent, n, type="message", message={
        "role": role, "content": text, "timestamp": 1772442000000 + n * 1000})


def branched():
    return "".join([
        header(),
        said("a1", None, 1, "user", "add a login page"),
        said("a2", "a1", 2, "assistant", "Shall I use OAuth?"),
        said("b1", "a2", 3, "user", "no, passwords"),
        said("b2", "b1", 4, "assistant", "done with passwords"),
        said("c1", "a2", 5, "user", "yes, OAuth\nand tests"),
        said("c2", "c1", 6, "assistant", "OAuth works"),
        entry("c3", "c2", 7, type="label", targetId="c1", label="the good one"),
    ])


def version_1():
    return "".join([header(version=1)] + [
        line(type="message", timestamp=f"2026-03-02T09:00:0{n}.000Z",
             message={"role": role, "content": "x", "timestamp": n})
        for n, role in ((1, "user"), (2, "assistant"))])


def write(path, *parts):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        for part in parts:
            f.write(part if isinstance(part, bytes) else part.encode())
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def lines(path):
    text = read(path).decode()
    check(text.endswith("\n"), "the last line has no end")
    return text.split("\n")[:-1]


def entries(path):
    return [json.loads(text) for text in lines(path)[1:]]


counter = 0


def fresh(text=None, name="s.jsonl"):
    """A new path in a directory of its own, with a file when text is given."""
    global counter
    counter += 1
    path = os.path.join(TMP, f"d{counter}", name)
    os.makedirs(os.path.dirname(path))
    return write(path, text) if text is not None else path


# ---- running ----


def snapshot(*roots):
    seen = {}
    for root in roots or (TMP,):
        for where, folders, files in os.walk(root):
            for name in folders + files:
                path = os.path.join(where, name)
                st = os.lstat(path)
                text = read(path) if stat.S_ISREG(st.st_mode) and st.st_size < 1 << 24 else b""
                seen[path] = (st.st_mode, st.st_size, text)
    return seen


class Result:
    def __init__(self, code, out, err):
        self.code, self.raw = code, out
        self.out, self.err = out.decode(), err.decode()
        self.lines = self.out.split("\n")[:-1]

    def json(self):
        return json.loads(self.out)

    def one(self):
        same(len(self.lines), 1, self.out)
        return self.lines[0]

    def id(self):
        check(ID.fullmatch(self.one()), self.out)
        return self.lines[0]


def environment(**more):
    env = {"HOME": HOME, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC",
           "PI_CODING_AGENT_DIR": AGENT}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


def run(*args, code=0, stdin=b"", cwd=WORK, env=None, **kw):
    if isinstance(stdin, str):
        stdin = stdin.encode()
    p = subprocess.run([BIN, *args], input=stdin, cwd=cwd, env=environment(**(env or {})),
                       capture_output=True, timeout=TIME_LIMIT, **kw)
    r = Result(p.returncode, p.stdout, p.stderr)
    if code is not None:
        same(r.code, code, f"{args}\n--- out\n{r.out[:2000]}\n--- err\n{r.err[:2000]}")
    return r


def one_line_of_error(r, says):
    check(r.err.startswith("ramet: ") and r.err.count("\n") == 1 and r.err.endswith("\n"), r.err)
    for word in [says] if isinstance(says, str) else says:
        check(word in r.err, f"{word!r} is not in {r.err!r}")


def refused(*args, says, code=3, out="", **kw):
    """One line of error, this on standard output, and not a byte on disk is another."""
    before = snapshot()
    r = run(*args, code=code, **kw)
    same(r.out, out)
    one_line_of_error(r, says)
    same(snapshot(), before, "something on disk has changed")
    return r


def query(path, command, *args):
    return run(command, path, "--json", *args).json()


def sound(path, n=None):
    """It reads without a finding, with so many entries."""
    info = query(path, "info")
    same(info["findings"], [])
    if n is not None:
        same(info["entries"], n)
    return info


def test_help():
    for name in ("new", "append", "branch", "fork", "label", "name", "migrate"):
        text = run(name, "--help").out
        check(text.startswith(f"Usage: ramet {name} "), text)
        check("Examples:" in text and all(len(part) <= 90 for part in text.split("\n")), text)
        check(re.search(rf"^  {name} ", run("--help").out, re.M), name)


# ---- new ----


def test_new():
    path = run("new").one()
    folder = os.path.join(AGENT, "sessions", "--" + WORK.strip("/").replace("/", "-") + "--")
    same(os.path.dirname(path), folder)
    head = json.loads(lines(path)[0])
    same(list(head), ["type", "version", "id", "timestamp", "cwd"])
    check(UUID7.fullmatch(head["id"]), head)
    check(TIME.fullmatch(head["timestamp"]), head)
    same(head["cwd"], WORK)
    same(os.path.basename(path),
         re.sub("[:.]", "-", head["timestamp"]) + "_" + head["id"] + ".jsonl")
    same(len(lines(path)), 1)
    same(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    same(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
    sound(path, 0)
    run("append", head["id"], HELLO)
    sound(path, 1)


def test_new_options():
    store = os.path.join(TMP, "new", "deep", "store")
    r = run("new", "--store", store, "--id", "first_one.1", "--cwd", "sub/../other", "--json").json()
    same(sorted(r), ["id", "path"])
    same(r["id"], "first_one.1")
    same(os.path.dirname(r["path"]), store)
    same(query(r["path"], "info")["header"]["cwd"], os.path.join(WORK, "other"))
    child = run("new", "--store", store, "--parent-session", "first", "--cwd", "/srv/x").one()
    same(json.loads(lines(child)[0])["parentSession"], r["path"])
    same(os.path.dirname(run("new", "--store", "here").one()), os.path.join(WORK, "here"))
    at_pi = run("new", "--store", "pi", "--cwd", "/srv/x").one()
    same(os.path.dirname(at_pi), os.path.join(AGENT, "sessions", "--srv-x--"))
    shutil.rmtree(os.path.join(WORK, "here"))


def test_new_where_the_environment_says():
    flat = os.path.join(TMP, "flat-env")
    env = {"PI_CODING_AGENT_SESSION_DIR": flat}
    path = run("new", env=env).one()
    same(os.path.dirname(path), flat)
    same(run("info", "@last", "--json", env=env).json()["path"], path)
    check(not os.path.dirname(run("new", "--store", "pi", env=env).one()).startswith(flat))


def test_new_ids_with_path_parts():
    for bad in ("a/b", "../x", "..", ".", "/abs", ".x", "x.", "", "a b", "a\n", "é", "-"):
        refused("new", "--id=" + bad, code=2, says="id")


def test_new_ids_are_taken_once():
    store = fresh()
    path = run("new", "--store", store, "--id", "one").out.strip()
    before = snapshot(store)
    refused("new", "--store", store, "--id", "one", says="one")
    refused("fork", path, "--id", "one", says="one")
    same(snapshot(store), before)


def test_new_where_nothing_can_be():
    plain = fresh("not a directory", "plain")
    for store in (plain, plain + "/below", "/proc/nowhere", "/dev/null"):
        refused("new", "--store", store, says=store.split("/below")[0])
    refused("fork", fresh(branched()), "--into", "sqlite:x", says="no directory")
    refused("new", "--store", "", code=2, says="empty")
    refused("new", "word", code=2, says="too many")
    refused("new", "--parent-session", "no-such", says="no session")


# ---- append ----


def test_append_a_message():
    path = fresh(branched())
    before = read(path)
    ident = run("append", path, HELLO).id()
    check(read(path).startswith(before))
    new = read(path)[len(before):].decode()
    want = (f'{{"type":"message","id":"{ident}","parentId":"c3","timestamp":"TIME","message":{HELLO}}}\n')
    same(TIME.sub("TIME", new), want)
    again = run("append", path, HELLO, "--json").json()
    same(entries(path)[-1]["parentId"], ident)
    same(again, {"id": entries(path)[-1]["id"]})


def test_append_gives_a_time():
    path = fresh(branched())
    start = int(time.time() * 1000)
    run("append", path, '{ "role" : "user" , "content" : "x \\u00e9  y" }')
    message = entries(path)[-1]["message"]
    same(list(message), ["role", "content", "timestamp"])
    check(start <= message["timestamp"] <= time.time() * 1000 + 1, message)
    check('"message":{"role":"user","content":"x \\u00e9  y","timestamp":' in lines(path)[-1])
    run("append", path, '{"timestamp":5,"role":"user","content":[],"extra":1.50}')
    check('"message":{"timestamp":5,"role":"user","content":[],"extra":1.50}}' in lines(path)[-1])


def test_append_an_entry():
    path = fresh(branched())
    ident = run("append", path, '{"type":"custom","customType":"x","data":{"n":1e2}}').id()
    same(TIME.sub("TIME", lines(path)[-1]), '{"type":"custom","customType":"x","data":{"n":1e2},'
         f'"id":"{ident}","parentId":"c3","timestamp":"TIME"}}')
    run("append", path, '{"type":"of_the_future","what":[1,2]}')
    same(entries(path)[-1]["what"], [1, 2])
    run("append", path, '{"type":"session_info","name":"Login"}')
    same(run("name", path).one(), "Login")


def test_append_makes_a_session():
    path = fresh()
    ident = run("append", path, HELLO).id()
    same(query(path, "path"), [ident])
    same(sound(path, 1)["header"]["cwd"], WORK)
    same(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    empty = fresh("")
    run("append", empty, HELLO)
    sound(empty, 1)
    deep = os.path.join(os.path.dirname(path), "made", "too", "s.jsonl")
    run("append", deep, HELLO)
    sound(deep, 1)
    short = os.path.join(TMP, "short.jsonl")
    run("append", "short.jsonl", HELLO, cwd=TMP)
    sound(short, 1)
    other = fresh()
    run("append", other, '{"type":"session_info","name":"before any message"}')
    sound(other, 1)


def test_append_many_make_one_session():
    """Whoever loses the race of making the file goes on in the one that is there."""
    for n in range(2 if SLOW else 8):
        path = fresh("" if n % 4 == 3 else None)
        lines = ('{"type":"session_info","name":"x"}\n' if n % 2 else "") + HELLO + "\n" + HELLO + "\n"
        running = [subprocess.Popen([BIN, "append", path, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env=environment()) for _ in range(8)]
        for p in running:
            p.stdin.write(lines.encode())
            p.stdin.flush()
        told = [p.communicate(timeout=TIME_LIMIT) for p in running]
        same([(p.returncode, err) for p, (_, err) in zip(running, told)], [(0, b"")] * 8)
        ids = sorted(i for out, _ in told for i in out.decode().split())
        same(len(ids), 8 * lines.count("\n"))
        same(sorted(e["id"] for e in entries(path)), ids)
        same(run("verify", path).out[:16], "intact, complete")


def test_append_expecting_loses_the_race():
    path = fresh()
    running = [subprocess.Popen([BIN, "append", path, HELLO, "--expect", "null"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment()) for _ in range(8)]
    told = [p.communicate(timeout=TIME_LIMIT) for p in running]
    same(sorted(p.returncode for p in running), [0] + [3] * 7, told)
    same(len(entries(path)), 1)


def test_append_says_what_will_not_be_read():
    path = fresh(branched())
    r = run("append", path, '{"type":"compaction","summary":"x","firstKeptEntryId":"nobody","tokensBefore":3}')
    one_line_of_error(r, "no entry has the id in firstKeptEntryId")
    same(r.out.strip(), entries(path)[-1]["id"])
    one_line_of_error(run("append", path, '{"role":"","content":"x"}'), "the role is empty")
    one_line_of_error(run("append", path, '{"type":"message","message":{"role":"","content":"x"}}'), "empty")
    one_line_of_error(run("append", path, "-", stdin=HELLO + '\n{"role":"","content":"x"}\n'), "line 2: the role")
    same(run("append", path, HELLO).err, "")
    long = os.path.join(os.path.dirname(path), "gg.jsonl")
    run("convert", path, "--to", "ggcode", "-o", long)
    same(run("append", long, HELLO).err, "")
    text = json.dumps({"role": "user", "content": "x" * (10 << 20)})
    one_line_of_error(run("append", long, "-", stdin=text), "ggcode reads no line of more than 10 MiB")


def test_append_prints_the_entry_that_was_given():
    """A record of ggcode says more than one entry."""
    path = fresh(branched())
    place = os.path.join(os.path.dirname(path), "gg.jsonl")
    run("convert", path, "--to", "ggcode", "-o", place)
    ident = run("append", place, '{"type":"model_change","provider":"p","modelId":"m"}').out.strip()
    same([e["type"] for e in map(json.loads, run("entries", place, "--json").out.splitlines())
          if e["id"] == ident], ["model_change"])
    run("append", place, HELLO, "--expect", ident)


def test_append_makes_nothing_of_bad_input():
    refused("append", fresh(), "{", says="")
    refused("append", fresh(), "-", says="standard input:1", stdin="[]\n")
    refused("append", "no-such-id", HELLO, says="no session")
    refused("append", "no/such/directory/s.jsonl", "[]", says="object")
    before = snapshot()
    same(run("append", fresh(), "-").out, "")
    same([p for p in snapshot() if p not in before and not os.path.isdir(p)], [])


def test_append_lines():
    path = fresh(branched())
    text = ('{"role":"user","content":"one"}\n\n  \t\r\n{"role":"assistant","content":"two"}\r\n'
            '{"type":"custom","customType":"x"}\n{"role":"user","content":"last, without an end"}')
    r = run("append", path, "-", stdin=text)
    same([e["id"] for e in entries(path)[-4:]], r.lines)
    same([e["parentId"] for e in entries(path)[-4:]], ["c3"] + r.lines[:3])
    sound(path)
    r = run("append", path, "-", "--json", stdin=text)
    same([json.loads(text) for text in r.lines], [{"id": e["id"]} for e in entries(path)[-4:]])


def test_append_many_lines():
    n = 2000 if SLOW else 20000
    path = fresh(branched())
    text = "".join(f'{{"role":"{"user" if i % 2 else "assistant"}","content":"é {i}"}}\n'
                   for i in range(n))
    r = run("append", path, "-", "--level", "none", stdin=text)
    same(len(set(r.lines)), n)
    same(query(path, "path")[-n:], r.lines)
    same([e["message"]["content"] for e in entries(path)[-n:]], [f"é {i}" for i in range(n)])
    sound(path)


def test_append_a_long_line():
    path = fresh(branched())
    long = "x" * (5 << 20)
    r = run("append", path, "-", stdin=f'{{"role":"user","content":"{long}"}}\n{HELLO}\n')
    same(len(r.lines), 2)
    same(entries(path)[-2]["message"]["content"], long)


def test_append_up_to_the_bad_line():
    for n_good in (0, 1, 2, 700):
        for bad, says in (('{"role":"user","content":"x"', "offset"), ("null", "object"), ('"x"', "object"),
                          ('{"content":"x"}', "role"), ('{"role":"user"}', ""), ('{"role":5,"content":"x"}', ""),
                          ('{"type":"message","message":5}', ""), ('{"type":"custom"}', ""),
                          ('{"type":"custom","customType":"x","id":"mine"}', "id"),
                          ('{"role":"user","content":"x"}{}', "offset"), ('{"role":"user","content":"\xff"}', "")):
            if n_good > 2 and bad[0] != "n":
                continue
            path = fresh(branched())
            before = read(path)
            raw = "".join(f'{{"role":"user","content":"{i}"}}\n' for i in range(n_good)).encode()
            raw += bad.encode("latin-1") + b"\n" + HELLO.encode() + b"\n"
            r = run("append", path, "-", code=3, stdin=raw)
            one_line_of_error(r, [f"standard input:{n_good + 1}: ", says])
            same(len(r.lines), n_good, bad)
            check(read(path).startswith(before))
            same([e["id"] for e in entries(path)[7:]], r.lines, bad)
            sound(path, 7 + n_good)


def test_append_says_where_in_the_input():
    path = fresh(branched())
    r = run("append", path, "-", code=3, stdin=HELLO + '\n{"role":"user", oops}\n')
    one_line_of_error(r, f"(offset {len(HELLO) + 1 + 16})")


class Dialogue:
    """The command as another program's companion: a line in, an id out."""

    def __init__(self, *args, **kw):
        self.p = subprocess.Popen([BIN, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, cwd=WORK, env=environment(), **kw)

    def say(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def answer(self):
        got = []
        reader = threading.Thread(target=lambda: got.append(self.p.stdout.readline()), daemon=True)
        reader.start()
        reader.join(TIME_LIMIT)
        check(got, "no answer came")
        return got[0].decode().rstrip("\n")

    def end(self):
        out, err = self.p.communicate(timeout=TIME_LIMIT)
        return Result(self.p.returncode, out, err)


def test_append_answers_line_by_line():
    path = fresh(branched())
    talk = Dialogue("append", path, "-")
    told = []
    for i in range(20):
        talk.say(f'{{"role":"user","content":"{i}"}}\n')
        told.append(talk.answer())
        same(entries(path)[-1]["id"], told[-1], "answered before it was stored")
    talk.say('{"role":"user",')
    time.sleep(0.1)
    talk.say('"content":"in two parts"}\n{"role":"assistant","content":"and one more"}\n')
    told += [talk.answer(), talk.answer()]
    r = talk.end()
    same((r.code, r.out, r.err), (0, "", ""))
    same(query(path, "path")[-22:], told)


def test_append_when_nobody_reads_the_ids():
    path = fresh(branched())
    p = subprocess.Popen([BIN, "append", path, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, cwd=WORK, env=environment())
    p.stdout.close()
    p.stdin.write((HELLO + "\n").encode())
    p.stdin.flush()
    time.sleep(0.3)
    try:
        p.stdin.write((HELLO + "\n").encode() * 3)
        p.stdin.close()
    except BrokenPipeError:
        pass
    err = p.stderr.read().decode()
    same((p.wait(TIME_LIMIT), err), (3, ""))
    sound(path, 8)


def test_append_elsewhere():
    path = fresh(branched())
    run("append", path, HELLO, "--parent", "b2")
    same(entries(path)[-1]["parentId"], "b2")
    run("append", path, HELLO, "--parent", "null")
    same(entries(path)[-1]["parentId"], None)
    ids = run("append", path, "-", "--parent=a2", stdin=HELLO + "\n" + HELLO + "\n").lines
    same([e["parentId"] for e in entries(path)[-2:]], ["a2", ids[0]])
    refused("append", path, HELLO, "--parent", "zzz", says="zzz")
    refused("append", path, HELLO, "--parent", "c", says="c")
    refused("append", path, HELLO, "--parent", "", says="")


def test_append_expecting_a_leaf():
    path = fresh(branched())
    first = run("append", path, HELLO, "--expect", "c3").id()
    second = run("append", path, HELLO, "--expect", first, "--on-conflict", "branch").id()
    same(entries(path)[-1]["parentId"], first)
    refused("append", path, HELLO, "--expect", first, says=[path, first, second])
    refused("append", path, HELLO, "--expect", first, "--on-conflict=refuse", says=second)
    refused("append", path, "-", "--expect", "null", says=second, stdin=HELLO + "\n")
    refused("append", path, HELLO, "--expect", "zzz", "--on-conflict=branch", says="zzz")
    run("append", path, HELLO, "--expect", first, "--on-conflict", "branch")
    same(entries(path)[-1]["parentId"], first)
    run("append", path, HELLO, "--expect", "null", "--on-conflict", "branch")
    same(entries(path)[-1]["parentId"], None)
    before = read(path)
    fork, third = run("append", path, HELLO, "--expect", first, "--on-conflict", "fork").out.split()
    same(read(path), before)
    ids = [e["id"] for e in entries(fork)]
    same((ids[-1], first in ids, second in ids), (third, True, False))
    same(json.loads(lines(fork)[0])["parentSession"], path)
    told = [json.loads(text) for text in run("append", path, HELLO, "--expect", first, "--on-conflict=fork",
                                             "--json").out.splitlines()]
    same([sorted(item) for item in told], [["path"], ["id"]])
    new = fresh()
    run("append", new, HELLO, "--expect", "null")
    refused("append", new, HELLO, "--expect", "null", says="leaf")
    last = entries(path)[-1]["id"]
    run("append", path, HELLO, "--expect", last, "--parent", "b2")
    same(entries(path)[-1]["parentId"], "b2")


def test_append_usage():
    path = fresh(branched())
    for bad in (["--level", "always"], ["--level="], ["--on-conflict", "x", "--expect", "c3"],
                ["--on-conflict", "refuse"], ["--expect", "a2", "--on-conflict", "branch", "--parent", "c3"],
                ["more"], ["--parent"]):
        refused("append", path, HELLO, *bad, code=2, says="--help")
    refused("append", path, code=2, says="too few")


def test_append_levels():
    for level in ("each", "turn", "none"):
        path = fresh(branched())
        run("append", path, HELLO, "--level", level)
        sound(path, 8)


def test_append_ends_a_torn_line():
    path = fresh(branched() + '{"type":"message","id":"torn"')
    ident = run("append", path, HELLO).id()
    same(lines(path)[-2], '{"type":"message","id":"torn"')
    same(json.loads(lines(path)[-1])["id"], ident)
    same(query(path, "path"), ["a1", "a2", "c1", "c2", "c3", ident])


# ---- branch, label, name ----


def test_branch():
    path = fresh(branched())
    before = read(path)
    ident = run("branch", path, "b2").id()
    check(read(path).startswith(before))
    kept = entries(path)[-1]
    same([kept[k] for k in ("type", "id", "parentId", "customType")], ["custom", ident, "b2", "ramet.leaf"])
    same(query(path, "path"), ["a1", "a2", "b1", "b2", ident])
    message = run("append", path, HELLO).id()
    same(query(path, "path")[-2:], [ident, message])
    null = run("branch", path, "null", "--json").json()
    same((sorted(null), null["leaf"], query(path, "path")), (["id", "leaf"], None, [null["id"]]))
    same(query(path, "context")["messages"], [])
    prefix = run("branch", path, message[:6], "--json").json()
    same(prefix["leaf"], message)
    sound(path)


def test_branch_fails():
    path = fresh(branched())
    refused("branch", path, "zzz", says="zzz")
    refused("branch", path, "c", says="c")
    refused("branch", path, code=2, says="too few")
    refused("branch", fresh(), "null", says="d")
    refused("branch", fresh(""), "null", says="empty")


def test_label():
    path = fresh(branched())
    same(run("label", path, "c1").out, "the good one\n")
    same(run("label", path, "c1", "--json").json(), {"label": "the good one"})
    r = run("label", path, "a1", code=1)
    same((r.out, r.err), ("", ""))
    ident = run("label", path, "b2", "a way\tout").id()
    same([entries(path)[-1][k] for k in ("type", "id", "parentId", "targetId", "label")],
         ["label", ident, "c3", "b2", "a way\tout"])
    same(run("label", path, "b2", "--json").json(), {"label": "a way\tout"})
    same(run("label", path, "b2").out, "a way out\n")
    run("label", path, "b2", "", "--json")
    check("label" not in entries(path)[-1], entries(path)[-1])
    run("label", path, "b2", code=1)
    refused("label", path, "zzz", "x", says="zzz")
    refused("label", path, "zzz", says="zzz")
    run("label", path, "a1", "\033[2Jx")
    check("\033" not in run("label", path, "a1").out)
    sound(path)


def test_name():
    path = fresh(branched())
    r = run("name", path, code=1)
    same((r.out, r.err), ("", ""))
    ident = run("name", path, " Login\npage ").id()
    same([entries(path)[-1][k] for k in ("type", "id", "parentId", "name")],
         ["session_info", ident, "c3", "Login page"])
    same(run("name", path).out, "Login page\n")
    same(run("name", path, "--json").json(), {"name": "Login page"})
    check(ID.fullmatch(run("name", path, "", "--json").json()["id"]))
    run("name", path, code=1)
    same(query(path, "info").get("name"), None)
    sound(path)


# ---- fork ----


def messages(path):
    return [e["message"]["content"] for e in entries(path) if e["type"] == "message"]


def test_fork_whole():
    path = fresh(branched())
    before = snapshot(os.path.dirname(path))
    new = run("fork", path).one()
    same(os.path.dirname(new), os.path.dirname(path))
    same(lines(new)[1:], lines(path)[1:])
    head = json.loads(lines(new)[0])
    same((head["parentSession"], head["cwd"], head["version"]), (path, WORK, 3))
    check(head["id"] != "s-1" and head["timestamp"] > "2026-03-02T09:00:01")
    same({p: v for p, v in snapshot(os.path.dirname(path)).items() if p in before}, before)
    got = run("fork", path, "--json", "--id", "two", "--into", os.path.join(TMP, "forks", "new")).json()
    same(got, {"path": got["path"], "id": "two", "parentSession": path, "leafId": "c3"})
    same(os.path.dirname(got["path"]), os.path.join(TMP, "forks", "new"))
    sound(got["path"], 7)


def test_fork_names_an_absolute_parent():
    path = fresh(branched())
    for word in ("./s.jsonl", "s.jsonl"):
        new = run("fork", word, "--into", "x", cwd=os.path.dirname(path)).one()
        same(json.loads(lines(new)[0])["parentSession"], path)


def test_fork_at_an_entry():
    path = fresh(branched())
    new = run("fork", path, "c2", "--json").json()
    same((new["parentSession"], "text" in new), (path, False))
    same(query(new["path"], "path")[:4], ["a1", "a2", "c1", "c2"])
    same(messages(new["path"]), ["add a login page", "Shall I use OAuth?", "yes, OAuth\nand tests", "OAuth works"])
    same(run("label", new["path"], "c1").one(), "the good one")
    same(new["leafId"], query(new["path"], "info")["leafId"])
    sound(new["path"])


def test_fork_before_a_user_message():
    path = fresh(branched())
    r = run("fork", path, "c1")
    same(messages(r.one()), ["add a login page", "Shall I use OAuth?"])
    same(r.err, "ramet: left out, to be edited: yes, OAuth\n")
    r = run("fork", path, "c1", "--json")
    same((r.json()["text"], r.json()["leafId"], r.err), ("yes, OAuth\nand tests", "a2", ""))
    kept = run("fork", path, "c1", "--keep")
    same((messages(kept.one())[-1], kept.err), ("yes, OAuth\nand tests", ""))


def test_fork_before_the_first_message():
    path = fresh(branched())
    new = run("fork", path, "a1", "--json").json()
    same((new["leafId"], new["text"], new["parentSession"]), (None, "add a login page", path))
    same(json.loads(lines(new["path"])[0])["parentSession"], path)
    same(len(lines(new["path"])), 1)
    r = run("fork", path, "a1", "--id", "empty", "--cwd", "/srv/x", "--into", "pi")
    same(os.path.dirname(r.one()), os.path.join(AGENT, "sessions", "--srv-x--"))
    same(r.err, "ramet: left out, to be edited: add a login page\n")
    kept = run("fork", path, "a1", "--keep").one()
    same(messages(kept), ["add a login page"])


def test_fork_without_a_conversation_is_on_disk():
    path = fresh(header() + entry("m1", None, 1, type="model_change", provider="a", modelId="b")
                 + said("u1", "m1", 2, "user", "hello"))
    new = run("fork", path, "u1").one()
    same([e["type"] for e in entries(new)], ["model_change"])


def test_fork_across_projects():
    path = fresh(branched())
    for args in ((), ("c2",)):
        new = run("fork", path, *args, "--cwd", "/srv/other").one()
        same(os.path.dirname(new), os.path.join(AGENT, "sessions", "--srv-other--"))
        same(json.loads(lines(new)[0])["cwd"], "/srv/other")


def test_fork_of_version_1():
    path = fresh(version_1())
    before = read(path)
    new = run("fork", path).one()
    same(json.loads(lines(new)[0])["version"], 3)
    sound(new, 2)
    same(read(path), before)
    run("append", new, HELLO)


def test_fork_plan():
    path = fresh(branched())
    before = snapshot()
    same(run("fork", path, "c1", "--plan", "--json").json(),
         {"leafId": "a2", "entries": 2, "text": "yes, OAuth\nand tests"})
    same(run("fork", path, "c2", "--plan", "--json").json(), {"leafId": "c2", "entries": 4})
    same(run("fork", path, "c1", "--keep", "--plan", "--json").json(), {"leafId": "c1", "entries": 3})
    same(run("fork", path, "a1", "--plan", "--json").json(),
         {"leafId": None, "entries": 0, "text": "add a login page"})
    same(run("fork", path, "--plan", "--json").json(), {"leafId": "c3", "entries": 7})
    same(run("fork", path, "c1", "--plan").out, "entries   2\nleaf      a2\nleft out  yes, OAuth\n")
    same(run("fork", path, "a1", "--plan").lines[1], "leaf      none")
    same(run("fork", path, "--plan").out, "entries   7\nleaf      c3\n")
    same(snapshot(), before)


def test_fork_fails():
    path = fresh(branched())
    refused("fork", path, "zzz", says="zzz")
    refused("fork", path, "--keep", code=2, says="--keep")
    refused("fork", fresh(), says="d")
    refused("fork", path, "--into", path, says=path)
    refused("fork", path, "c2", "--into", path + "/x", says=path)
    refused("fork", path, "a1", "--into", "/proc/nowhere", says="/proc/nowhere")
    for bad in ("a/b", "../x", ""):
        for args in ((), ("c2",), ("a1",)):
            refused("fork", path, *args, "--id=" + bad, code=2, says="id")


# ---- migrate ----


def test_migrate():
    path = fresh(version_1())
    before = read(path)
    plan = run("migrate", path, "--dry-run", "--json").json()
    same(plan, {"path": path, "from": 1, "to": 3, "entries": 2, "dropped": 0, "carried": 0, "dryRun": True})
    same(run("migrate", path, "--dry-run").out, "would go from version 1 to 3: 2 entries\n")
    same(snapshot(os.path.dirname(path))[path][2], before)
    shown = run("entries", path, "--json").out
    done = run("migrate", path, "--json").json()
    same({**done, "kept": ""}, {**plan, "dryRun": False, "kept": ""})
    kept = done["kept"] if "/" in done["kept"] else os.path.join(os.path.dirname(path), done["kept"])
    same(read(kept), before)
    same(json.loads(lines(path)[0])["version"], 3)
    same(run("entries", path, "--json").out, shown)
    same(len(os.listdir(os.path.dirname(path))), 2)
    run("append", path, HELLO)
    sound(path, 3)
    again = refused_nothing("migrate", path)
    check("nothing to do" in again.out, again.out)


def refused_nothing(*args):
    before = snapshot()
    r = run(*args)
    same(snapshot(), before)
    return r


def test_migrate_tells_what_it_left():
    path = fresh(version_1() + "broken\n{also\n")
    r = run("migrate", path)
    same(r.lines[0], "went from version 1 to 3: 2 entries; 2 lines that are no entry stay in the original")
    check(r.lines[1].startswith("the original is kept as "), r.out)
    same(len(r.lines), 2)


def test_migrate_fails():
    refused("migrate", fresh("hello\n"), says="s.jsonl")
    refused("migrate", fresh(""), says="s.jsonl")
    refused("migrate", fresh(), says="s.jsonl")
    refused("migrate", "no-such", says="no session")


def test_version_1_is_read_only():
    path = fresh(version_1())
    for args in (("append", path, HELLO), ("append", path, "-"), ("branch", path, "null"), ("name", path, "x")):
        refused(*args, says=["ramet migrate", path], stdin=HELLO + "\n")
    run("append", fresh(version_1().replace('"session"', '"session","version":2')
                        .replace('"message",', '"message","id":"a1","parentId":null,', 1)), HELLO)


# ---- bad input, bad places ----

BAD_MESSAGES = [
    "", "{", "[]", "null", "5", '"text"', "{}", '{"role":null,"content":"x"}', '{"role":"user"}',
    '{"role":"user","content":"x",}', '{"role":"user","content":"x"} x', '{"role":"user","content":"\x01"}',
    '{"type":5}', '{"type":"message"}', '{"type":"message","message":[]}', '{"type":"label","label":"x"}',
    '{"type":"label","targetId":"nowhere","label":"x"}', '{"type":"compaction"}', '{"type":"session","id":"x"}',
    '{"type":"custom","customType":"x","parentId":"a1"}', '{"type":"context_edit","targetId":"zzz","replacement":null}',
]


def test_bad_values_change_nothing():
    path = fresh(branched())
    for bad in BAD_MESSAGES:
        refused("append", path, bad, says="")
    refused("append", path, "-", says="standard input", stdin=b'{"role":"user","content":"\xc3("}\n')
    refused("append", path, "-", says="standard input:1", stdin=b"\0\n")


def test_unknown_sessions():
    for args in (("append", "zzz", HELLO), ("branch", "zzz", "null"), ("fork", "zzz"), ("label", "zzz", "a", "b"),
                 ("name", "zzz", "x"), ("migrate", "zzz")):
        refused(*args, says="no session")
    refused("name", TMP, "x", says="directory")
    refused("name", fresh("hello\nworld\n"), "x", says="s.jsonl")
    refused("append", fresh("hello\nworld\n"), HELLO, says="s.jsonl")
    refused("append", fresh(bytes(range(256))), HELLO, says="s.jsonl")


def test_a_directory_below_a_file():
    plain = fresh("x", "plain")
    refused("append", plain + "/s.jsonl", HELLO, says=plain)
    refused("append", "/proc/no/s.jsonl", HELLO, says="/proc/no")


def test_read_only_for_nobody():
    """The rights that root does not feel: as another user."""
    if os.geteuid() == 0:
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    else:
        drop = []
    if drop and not shutil.which("setpriv"):
        raise Skipped("no setpriv")
    path = fresh(branched())
    folder = os.path.dirname(path)
    bin_dir = tempfile.mkdtemp(prefix="ramet-bin-", dir="/tmp")
    mine = shutil.copy(BIN, bin_dir)
    counts = os.path.join(bin_dir, "counts")    # where a coverage build counts, not in the build
    os.mkdir(counts)
    os.chmod(counts, 0o777)
    os.chmod(bin_dir, 0o755)
    os.chmod(TMP, 0o711)
    os.chmod(path, 0o444)
    os.chmod(folder, 0o555)
    try:
        before = snapshot(folder)
        for args in (("append", path, HELLO), ("branch", path, "b2"), ("name", path, "x"),
                     ("append", os.path.join(folder, "new.jsonl"), HELLO), ("new", "--store", folder),
                     ("fork", path), ("fork", path, "c2"), ("fork", path, "a1")):
            p = subprocess.run([*drop, mine, *args], cwd="/",
                               env=environment(HOME="/nonexistent", GCOV_PREFIX=counts),
                               capture_output=True, timeout=TIME_LIMIT)
            r = Result(p.returncode, p.stdout, p.stderr)
            same((r.code, r.out), (3, ""), r.err)
            one_line_of_error(r, [folder, "ermission denied"])
            same(snapshot(folder), before)
    finally:
        os.chmod(folder, 0o755)
        os.chmod(TMP, 0o700)
        shutil.rmtree(bin_dir)


def full_disk(name, *args, stdin=""):
    """Runs in a mount namespace of its own, where DIR is a file system of 64 kB with a session."""
    folder = os.path.join(TMP, name)
    os.makedirs(folder, exist_ok=True)
    source = fresh(branched())
    command = (f"mount -t tmpfs -o size=64k,mode=755 none {folder} && cp {source} {folder}/s.jsonl || exit 77\n"
               f"head -c 1M /dev/zero > {folder}/fill 2>/dev/null\n"
               f"{shlex.join([BIN, *[a.replace('DIR', folder) for a in args]])}\n"
               f"echo code $?; cat {folder}/s.jsonl; ls {folder}")
    p = subprocess.run(["unshare", "-m", "sh", "-c", command], input=stdin.encode(), cwd=WORK,
                       env=environment(), capture_output=True, timeout=TIME_LIMIT)
    if p.returncode == 77 or b"unshare" in p.stderr:
        raise Skipped("no file system can be mounted here")
    return Result(p.returncode, p.stdout, p.stderr), read(source).decode()


def test_full_disk():
    if not shutil.which("unshare"):
        raise Skipped("no unshare")
    long = '{"role":"user","content":"' + "x" * 9000 + '"}\n'
    for args in (("append", "DIR/s.jsonl", "-"), ("fork", "DIR/s.jsonl"), ("fork", "DIR/s.jsonl", "a1"),
                 ("new", "--store", "DIR"), ("append", "DIR/new.jsonl", "-")):
        r, before = full_disk("full", *args, stdin=long)
        one_line_of_error(r, ["ramet: ", "no space left"])
        check(r.out.startswith("code 3\n" + before), (args, r.out[:300]))
        rest = r.out[len("code 3\n" + before):]
        if args[0] != "append":
            same(rest, "fill\ns.jsonl\n", args)
        else:
            check(rest.endswith("fill\ns.jsonl\n"), rest)


def test_one_of_many_gets_the_id():
    """Names of files have the time in them: they do not meet by those."""
    source = fresh(branched())
    for words in (("new", "--store"), ("fork", source, "--into"), ("fork", source, "c2", "--into")):
        store = os.path.join(os.path.dirname(fresh()), "store")
        made = [subprocess.Popen([BIN, *words, store, "--id", "same"], env=environment(), cwd=WORK,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
        told = [p.communicate()[1].decode() for p in made]
        same(sorted(p.returncode for p in made), [0] + [3] * 7, told)
        same(len(os.listdir(store)), 1)
        same(sum("has the id same already" in t for t in told), 7, told)


def test_file_size_limit():
    """A write that is cut short: what was there stays, and the session can be read and continued."""
    path = fresh(branched())
    before = read(path)
    limit = len(before) + 4000
    r = run("append", path, "-", code=3, stdin='{"role":"user","content":"' + "x" * 9000 + '"}\n',
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    one_line_of_error(r, path)
    same(r.out, "")
    check(read(path).startswith(before))
    same(query(path, "info")["entries"], 7)
    ident = run("append", path, HELLO).id()
    same(query(path, "path")[-2:], ["c3", ident])
    told = json.loads(run("verify", path, "--json", code=1).out)["findings"]
    same([(f["code"], f["text"]) for f in told],
         [("malformed", "ramet's '#': a write that failed; the line was skipped")])


def test_the_file_goes_away_meanwhile():
    def removed(path):
        os.unlink(path)

    def cut(path):
        os.truncate(path, len(header()) + 10)

    def replaced(path):
        write(path + ".other", header("another"))
        os.rename(path + ".other", path)

    for change in (removed, cut, replaced):
        path = fresh(branched())
        talk = Dialogue("append", path, "-")
        talk.say(HELLO + "\n")
        check(ID.fullmatch(talk.answer()))
        change(path)
        before = snapshot(os.path.dirname(path))
        talk.say(HELLO + "\n")
        r = talk.end()
        same((r.code, r.out), (3, ""), change.__name__)
        one_line_of_error(r, path)
        same(snapshot(os.path.dirname(path)), before, change.__name__)


def test_another_writer_is_waited_for():
    path = fresh(branched())
    with open(path, "ab") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        start = time.monotonic()
        p = subprocess.Popen([BIN, "append", path, HELLO], cwd=WORK, env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.6)
        same(p.poll(), None, "it did not wait")
        f.write(said("z1", "c3", 9, "user", "of another").encode())
        f.flush()
        fcntl.flock(f, fcntl.LOCK_UN)
        out, err = p.communicate(timeout=TIME_LIMIT)
        same((p.returncode, err), (0, b""))
        check(time.monotonic() - start < 30)
    same([e["id"] for e in entries(path)[-2:]], ["z1", out.decode().strip()])
    with open(path, "ab") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        refused("append", path, HELLO, says=path)


def test_many_writers():
    path = fresh(branched())
    n, each = (4, 25) if SLOW else (6, 60)
    running = [subprocess.Popen([BIN, "append", path, "-", "--level", "none"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, cwd=WORK, env=environment()) for _ in range(n)]
    for i, p in enumerate(running):
        threading.Thread(target=lambda p=p, i=i: [
            (p.stdin.write(f'{{"role":"user","content":"{i}-{k}"}}\n'.encode()), p.stdin.flush())
            for k in range(each)] + [p.stdin.close()]).start()
    told = [text for p in running for text in p.stdout.read().decode().split()]
    same([p.wait(TIME_LIMIT) for p in running], [0] * n)
    same(sorted(e["id"] for e in entries(path)[7:]), sorted(told))
    same(len(told), n * each)
    sound(path, 7 + n * each)


def test_closed_descriptors():
    def shell(text, *args):
        p = subprocess.run(["/bin/sh", "-c", f'exec "$0" "$@" {text}', BIN, *args], cwd=WORK, env=environment(),
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT)
        return p.returncode

    path = fresh(branched())
    before = read(path)
    same(shell("<&- >&- 2>&-", "append", path, "-"), 3)
    same(shell("<&-", "append", path, "-"), 3)
    same(read(path), before)
    # nobody would hear of what is stored: nothing is
    same(shell(">&- 2>&-", "append", path, HELLO), 3)
    same(shell("<&- >&- 2>&-", "name", path, "x"), 3)
    same(shell("<&- >&- 2>&-", "fork", path, "a1"), 3)
    same(shell("<&- >&- 2>&-", "append", path, "bad"), 3)
    same(read(path), before)
    new = fresh()
    same(shell("<&- >&- 2>&-", "append", new, HELLO), 3)
    check(not os.path.exists(new))
    same(shell("<&- 2>&-", "append", new, HELLO), 0)


def test_killed_while_writing():
    """What was printed is there; whatever else is there can be read."""
    for _ in range(3 if SLOW else 10):
        path = fresh(branched())
        talk = Dialogue("append", path, "-", "--level", "none")
        talk.say("".join(f'{{"role":"user","content":"{i}"}}\n' for i in range(300)))
        first = talk.answer()
        talk.p.send_signal(signal.SIGKILL)
        told = [first] + talk.end().lines
        known = [json.loads(text)["id"] for text in lines(path)[1:]]
        same(known[7:7 + len(told)], told)


def main():
    verbose = "-v" in sys.argv
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    if wanted:
        tests = [(name, f) for name, f in tests if any(w in name for w in wanted)]
    passed = failed = skipped = 0
    if not os.access(BIN, os.X_OK):
        print(f"no command at {BIN} (RAMET_BIN)\n0 passed, 1 failed")
        return 1
    os.makedirs(WORK)
    for name, test in tests:
        try:
            test()
            passed += 1
            if verbose:
                print(f"ok    {name}")
        except Skipped as e:
            skipped += 1
            print(f"skip  {name}: {e}")
        except Exception as e:
            failed += 1
            told = e if isinstance(e, Failure) else traceback.format_exc()
            where = traceback.extract_tb(e.__traceback__)
            at = next((x.lineno for x in reversed(where) if x.name.startswith("test_")), "?")
            print(f"FAIL  {name} (line {at})\n{told}")
    shutil.rmtree(TMP, ignore_errors=True)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

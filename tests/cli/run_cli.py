#!/usr/bin/env python3
"""The ramet command from outside: every command, every option, every error.

    RAMET_BIN=build/ramet tests/cli/run_cli.py [-v] [NAME...]

Makes a home directory of its own with small sessions in it, runs the command there, and checks
after every run that nothing on disk has changed: names, sizes, times, modes, content. A NAME runs
only the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import errno
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import unicodedata

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
SLOW = bool(os.environ.get("RAMET_SANITIZE"))
TIME_LIMIT = 300 if SLOW else 60
COMMANDS = ["list", "info", "tree", "entries", "path", "context", "branches", "stats"]
OF_A_SESSION = [c for c in COMMANDS if c != "list"]
SGR = re.compile(r"\033\[[0-9;]*m")

TMP = tempfile.mkdtemp(prefix="ramet-cli-")
HOME = os.path.join(TMP, "home")
AGENT = os.path.join(HOME, ".pi", "agent")
SESSIONS = os.path.join(AGENT, "sessions")
WORK = os.path.join(HOME, "code", "shop")


# ---- sessions made for the tests ----


def line(**members):
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")) + "\n"


def header(ident, cwd=WORK, when="2026-03-02T09:00:00.000Z", **more):
    return line(type="session", version=3, id=ident, timestamp=when, cwd=cwd, **more)


def stamp(n):
    return f"2026-03-02T09:{n // 60:02d}:{n % 60:02d}.000Z"


def entry(ident, parent, n, **more):
    kind = more.pop("type")
    return line(type=kind, id=ident, parentId=parent, timestamp=stamp(n), **more)


def user(ident, parent, n, text):
    return entry(ident, parent, n, type="message", message={
        "role": "user", "content": text, "timestamp": 1772442000000 + n * 1000})


def assistant(ident, parent, n, text, cost=0.25, calls=()):
    content = [{"type": "text", "text": text}] if text else []
    content += [{"type": "toolCall", "id": f"call-{ident}", "name": name, "arguments": arguments}
                for name, arguments in calls]
    return entry(ident, parent, n, type="message", message={
        "role": "assistant", "content": content, "api": "x", "provider": "acme", "model": "m-1",
        "usage": {"input": 100, "output": 20, "cacheRead": 1000, "cacheWrite": 0,
                  "totalTokens": 1120, "cost": {"input": 0, "output": 0, "cacheRead": 0,
                                                "cacheWrite": 0, "total": cost}},
        "stopReason": "stop", "timestamp": 1772442000000 + n * 1000})


def tool(ident, parent, n, text):
    return entry(ident, parent, n, type="message", message={
        "role": "toolResult", "toolCallId": f"call-{parent}", "toolName": "bash",
        "content": [{"type": "text", "text": text}], "isError": False,
        "timestamp": 1772442000000 + n * 1000})


def write(path, *parts):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        for part in parts:
            f.write(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
    return path


def project_dir(cwd):
    return os.path.join(SESSIONS, "--" + cwd.lstrip("/").replace("/", "-") + "--")


def in_store(cwd, name, *parts):
    return write(os.path.join(project_dir(cwd), name + ".jsonl"), *parts)


def branched():
    """A question, two ways on; the second one goes on, carries a label and is current."""
    return [
        header("0196aaaa-0000-7000-8000-000000000001"),
        user("a1", None, 1, "add a login page"),
        assistant("a2", "a1", 2, "Shall I use OAuth?"),
        user("b1", "a2", 3, "no, passwords"),
        assistant("b2", "b1", 4, "done with passwords"),
        user("c1", "a2", 5, "yes, OAuth"),
        assistant("c2", "c1", 6, "", calls=[("bash", {"command": "ls src"})]),
        tool("c3", "c2", 7, "main.c\nlogin.c"),
        assistant("c4", "c3", 8, "OAuth works"),
        entry("c5", "c4", 9, type="label", targetId="c1", label="the good one"),
    ]


def long_linear(n):
    parts = [header("0196bbbb-0000-7000-8000-000000000002", when="2026-03-01T09:00:00.000Z")]
    parent = None
    for i in range(n):
        ident = f"{i:08x}"
        make = user if i % 3 == 0 else assistant if i % 3 == 1 else tool
        parts.append(make(ident, parent, i % 3000, f"text number {i}"))
        parent = ident
    return parts


def a_day_earlier(text):
    return text.replace("2026-03-02T", "2026-03-01T").replace("17724420", "17723556")


HOSTILE = "\033[2J\033]0;owned\a e\u202egpj.exe \u009b31m \u200bzero\x7f\r\n\ttabs 日本語 e\u0301"
HOSTILE_DIR = HOME + "/\033[31mred\u202e/日本"

BRANCHED = LINEAR = HOSTILE_FILE = OTHER = DAMAGED = EMPTY = ""


def make_home():
    global BRANCHED, LINEAR, HOSTILE_FILE, OTHER, DAMAGED, EMPTY
    os.makedirs(WORK)
    os.makedirs(os.path.join(HOME, "code", "empty"))
    BRANCHED = in_store(WORK, "2026-03-02_branched", *branched())
    LINEAR = in_store(WORK, "2026-03-01_linear", *map(a_day_earlier, long_linear(60)))
    HOSTILE_FILE = in_store(HOSTILE_DIR.replace("\033", "_").replace("\u202e", "_"), "hostile",
                            header("0196cccc-hostile", cwd=HOSTILE_DIR),
                            user("h1\033[1m", None, 10, HOSTILE),
                            assistant("h2", "h1\033[1m", 11, HOSTILE),
                            entry("h3", "h2", 12, type="session_info", name=HOSTILE),
                            entry("h4", "h3", 13, type="label", targetId="h2", label=HOSTILE),
                            entry("h5", "h4", 14, type="future\033[5m", data=HOSTILE),
                            entry("h6", "h5", 15, type="model_change", provider=HOSTILE,
                                  modelId=HOSTILE),
                            entry("h7", "h6", 16, type="custom", customType=HOSTILE))
    OTHER = in_store("/srv/api", "other",
                     header("0196dddd-0000-7000-8000-000000000003", cwd="/srv/api"),
                     user("o1", None, 20, "fix the parser"),
                     entry("o2", "o1", 21, type="session_info", name="Parser work"))
    DAMAGED = write(os.path.join(TMP, "loose", "damaged.jsonl"),
                    header("damaged"), user("d1", None, 1, "one"), b"{broken\n",
                    user("d2", "d1", 2, b"bad \xff".decode("latin-1")),
                    user("d3", "nowhere", 3, "orphan"),
                    b'{"type":"message","id":"d4","parentId":"d3","timest')
    EMPTY = write(os.path.join(TMP, "loose", "only-header.jsonl"), header("only-header"))
    loose = os.path.dirname(DAMAGED)
    write(os.path.join(loose, "empty.jsonl"))
    write(os.path.join(loose, "binary.jsonl"), bytes(range(256)) * 64)
    write(os.path.join(loose, "text.jsonl"), "hello\nworld\n")
    os.makedirs(os.path.join(loose, "folder.jsonl"))
    os.mkfifo(os.path.join(loose, "pipe.jsonl"))
    set_times()


def set_times():
    """Listing orders by the conversation's times; the files' own times are fixed beside them."""
    for n, path in enumerate([LINEAR, BRANCHED, HOSTILE_FILE, OTHER]):
        os.utime(path, (1772445600 + n, 1772445600 + n))


# ---- running ----


def snapshot(root):
    seen = {}
    for where, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            digest = ""
            if stat.S_ISREG(st.st_mode) and os.access(path, os.R_OK) and st.st_size < 1 << 20:
                with open(path, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
            seen[path] = (st.st_mode, st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, digest)
    return seen


class Result:
    def __init__(self, code, out, err):
        self.code, self.raw, self.err = code, out, err
        self.out = out.decode("utf-8", "surrogateescape")
        self.lines = self.out.split("\n")[:-1] if self.out.endswith("\n") else self.out.split("\n")

    def json(self):
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(text) for text in self.lines if text]


def environment(**more):
    env = {"HOME": HOME, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC",
           "PI_CODING_AGENT_DIR": AGENT, "TERM": "xterm-256color",
           "GCOV_ERROR_FILE": os.devnull}            # counts that cannot be written are no news
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


def run(*args, code=0, cwd=WORK, env=None, unchanged=True, **kw):
    before = snapshot(TMP) if unchanged else None
    p = subprocess.run([BIN, *args], cwd=cwd, env=environment(**(env or {})), timeout=TIME_LIMIT,
                       stdin=subprocess.DEVNULL, stdout=kw.pop("stdout", subprocess.PIPE),
                       stderr=subprocess.PIPE, **kw)
    r = Result(p.returncode, p.stdout or b"", p.stderr.decode("utf-8", "surrogateescape"))
    told = f"{args}: code {r.code}\n--- out\n{r.out[:2000]}\n--- err\n{r.err[:2000]}"
    if code is not None:
        same(r.code, code, told)
    if unchanged:
        same(snapshot(TMP), before, "something on disk has changed")
    return r


def refused(*args, code, says, **kw):
    """One line on standard error that says this; nothing on standard output."""
    r = run(*args, code=code, **kw)
    same(r.out, "", r.err)
    check(r.err.startswith("ramet: ") and r.err.count("\n") == 1 and r.err.endswith("\n"), r.err)
    check(not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in r.err[:-1]), repr(r.err))
    for word in [says] if isinstance(says, str) else says:
        check(word in r.err, f"{word!r} is not in {r.err!r}")
    return r


class Terminal:
    """The command at a pseudo-terminal of a given size."""

    def __init__(self, *args, columns=80, rows=24, cwd=WORK, env=None):
        try:
            self.master, slave = pty.openpty()
        except OSError as e:
            raise Skipped("no pseudo-terminals here") from e
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        settings = environment(**{"PAGER": "cat", **(env or {})})
        self.p = subprocess.Popen([BIN, *args], cwd=cwd, env=settings, stdin=slave, stdout=slave,
                                  stderr=slave, start_new_session=True, close_fds=True)
        os.close(slave)
        self.seen = b""

    def read(self, until=None):
        end = time.monotonic() + TIME_LIMIT
        while until is None or until not in self.seen:
            check(time.monotonic() < end, f"nothing more came after {self.seen[-500:]!r}")
            if not select.select([self.master], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError as e:
                if e.errno != errno.EIO:
                    raise
                data = b""
            if not data:
                break
            self.seen += data
        return self.seen.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        text = self.read()
        code = self.p.wait(TIME_LIMIT)
        os.close(self.master)
        return code, text


def at_terminal(*args, **kw):
    code, text = Terminal(*args, **kw).end()
    same(code, 0, text)
    return text


# ---- checking ----


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


def cells(text):
    n = 0
    for c in text:
        if unicodedata.combining(c) or c in "\u200d\ufe0f":
            continue
        n += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return n


def harmless(text, told=""):
    """No control character but the end of a line, and nothing that turns the direction."""
    for c in SGR.sub("", text):
        bad = (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u2028\u2029\u200b\ufeff"
        bad = bad or "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"
        check(not bad, f"{c!r} in {text!r:.500} {told}")


# ---- the tests ----


def test_version():
    r = run("--version")
    check(re.fullmatch(r"ramet \d+\.\d+\.\d+\n", r.out), r.out)
    same(run("-V").out, r.out)
    same(run("list", "--version").out, r.out)


def test_no_command_shows_the_commands():
    r = run(code=2)
    for name in COMMANDS:
        check(re.search(rf"^  {name} ", r.out, re.M), name)
    same(r.err, "")


def test_help():
    overview = run("--help").out
    same(run("help").out, overview)
    same(run("-h").out, overview)
    writers = overview[overview.index("Reading changes nothing;"):].partition(".\n")[0]
    for name in ("new", "append", "branch", "fork", "label", "name", "migrate", "repair", "seal",
                 "delete"):
        check(re.search(rf"\b{name}\b", writers), writers)
    for name in COMMANDS + ["help"]:
        text = run(name, "--help").out
        same(run("help", name).out, text)
        same(run("--help", name).out, text)
        check(text.startswith(f"Usage: ramet {name} "), text)
        for word in ("Examples:", "Exit codes:", "--json", "--store", "--no-cache", "--color",
                     "--width", "--no-pager", "--help"):
            check(word in text, f"{word} in help of {name}")
        check(all(len(part) <= 90 for part in text.split("\n")), "a long line in the help")
    for option in ("--leaf", "--projection", "--llm", "--system", "--tokens"):
        check(option in run("context", "--help").out, option)
    for option in ("--here", "--cwd", "--text", "--number"):
        check(option in run("list", "--help").out, option)


def test_help_needs_nothing_else():
    run("info", "--help", "/nowhere.jsonl", "too", "many")
    refused("help", "nonsense", code=2, says="nonsense")


def test_unknown_words():
    refused("lst", code=2, says=['"lst"', "did you mean list?"])
    refused("tere", code=2, says="did you mean tree?")
    refused("quite-different", code=2, says="quite-different")
    refused("info", "--jsn", BRANCHED, code=2, says=["--jsn", "did you mean --json?"])
    refused("path", "--laef", "x", BRANCHED, code=2, says="did you mean --leaf?")
    refused("info", "-q", BRANCHED, code=2, says="-q")
    refused("info", "--leaf", "x", BRANCHED, code=2, says="--leaf")
    refused("info", BRANCHED, LINEAR, code=2, says="too many")
    refused("\033[31mred", code=2, says="unknown command")


def test_bad_values():
    refused("list", "-n", code=2, says="-n")
    refused("list", "-n", "x", code=2, says="number")
    refused("list", "-n", "-1", code=2, says="number")
    refused("list", "--width", "1e3", code=2, says="--width")
    refused("list", "--width", "99999999999999999999", code=2, says="--width")
    refused("list", "--color", "blue", code=2, says="blue")
    refused("list", "--json=1", code=2, says="--json")
    refused("list", "--here", "--cwd", "/", code=2, says=["--here", "--cwd"])
    refused("context", BRANCHED, "--llm", "--tokens", code=2, says=["--llm", "--tokens"])
    refused("path", BRANCHED, "--leaf", code=2, says="--leaf")


def test_options_anywhere():
    want = run("path", BRANCHED, "--leaf", "b2", "--json").raw
    for args in (["path", "--leaf", "b2", "--json", BRANCHED], ["--json", "path", BRANCHED, "-lb2"],
                 ["path", "--leaf=b2", "--json", "--", BRANCHED],
                 ["--leaf", "b2", "--json", "path", BRANCHED],
                 ["--store", SESSIONS, "path", "--json", "-l", "b2", BRANCHED],
                 ["path", "--leaf", "zzz", BRANCHED, "--json", "--leaf", "b2"],
                 ["--no-cache", "path", BRANCHED, "-l=b2"[:2] + "b2", "--json", "--no-pager"]):
        same(run(*args).raw, want, args)


# -- list


def test_list_json():
    items = run("list", "--json").json_lines()
    same([i["id"][:8] for i in items], ["0196dddd", "0196cccc", "0196aaaa", "0196bbbb"])
    by = {i["path"]: i for i in items}
    same(set(by), {BRANCHED, LINEAR, HOSTILE_FILE, OTHER})
    b = by[BRANCHED]
    same(b["id"], "0196aaaa-0000-7000-8000-000000000001")
    same(b["cwd"], WORK)
    same(b["created"], "2026-03-02T09:00:00.000Z")
    same(b["modified"], "2026-03-02T09:00:08.000Z")
    same(b["messageCount"], 8)
    same(b["firstMessage"], "add a login page")
    same(b["format"], "pi")
    check("name" not in b and "parentSessionPath" not in b and "allMessagesText" not in b)
    same(by[OTHER]["name"], "Parser work")
    texts = {i["path"]: i for i in run("list", "--json", "--text").json_lines()}
    check("done with passwords" in texts[BRANCHED]["allMessagesText"])


def test_list_table():
    r = run("list")
    check(re.match(r" AGE +MSGS +SIZE +ID +PROJECT +SESSION$", r.lines[0]), r.lines[0])
    same(len(r.lines), 5)
    at = r.lines[0].index("SESSION")
    row = next(text for text in r.lines if "add a login page" in text)
    same(row.index("add a login page"), at)
    check("~/code/shop" in row and " 8 " in row and "0196aaaa" in row, row)
    check(any("Parser work" in text and "/srv/api" in text for text in r.lines))
    same(r.err, "")


def test_list_columns_align_with_wide_names():
    r = run("list", "--width", "120")
    at = r.lines[0].index("SESSION")
    for text in r.lines[1:]:
        check(cells(text) <= 120, text)
        used, i = 0, 0
        while used < at:
            used += cells(text[i])
            i += 1
        same(used, at, text)
        check(text[i] != " " and text[i - 1] == " ", text)


def test_list_filters():
    ids = lambda *a, **k: [i["id"][:8] for i in run("list", "--json", *a, **k).json_lines()]
    same(ids("--here"), ["0196aaaa", "0196bbbb"])
    same(ids("--here", cwd=os.path.join(HOME, "code", "empty")), [])
    same(ids("--cwd", "/srv/api"), ["0196dddd"])
    same(ids("--cwd", "/srv/./x/../api/"), ["0196dddd"])
    same(ids("--cwd", "../shop"), ["0196aaaa", "0196bbbb"])
    same(len(ids("-n", "2")), 2)
    same(ids("-n0"), [])
    same(len(ids("-n", "100")), 4)


def test_list_stores():
    ids = lambda *a, **k: sorted(i["id"] for i in run("list", "--json", *a, **k).json_lines())
    every = ids()
    same(ids("pi"), every)
    same(ids(SESSIONS), every)
    same(ids(SESSIONS + "/"), every)
    same(ids("--store", "pi"), every)
    same(len(ids(project_dir(WORK))), 2)
    same(ids(OTHER), ["0196dddd-0000-7000-8000-000000000003"])
    same(len(ids(project_dir(WORK), project_dir("/srv/api"))), 3)
    same(ids(os.path.dirname(DAMAGED)), ["damaged", "only-header"])
    loose = os.path.dirname(DAMAGED)
    same(len(ids(env={"PI_CODING_AGENT_SESSION_DIR": loose})), 6)


def test_list_tells_of_places_that_are_wrong():
    config = os.path.join(TMP, "config")
    lines = ("yoi:", "# a remark", "", "/no/such/place", "sqlite:", "rel/ative", os.path.dirname(OTHER), "pi")
    os.makedirs(os.path.join(config, "ramet"), exist_ok=True)
    with open(os.path.join(config, "ramet", "stores"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines))
    env = {"XDG_CONFIG_HOME": config}
    for form in ((), ("--json",)):
        r = run("list", *form, env=env)
        check("0196dddd" in r.out, r.out)
        told = r.err.splitlines()
        same([line.split("stores:")[1].split(" ")[0] for line in told], ["1:", "4:", "5:", "6:"], r.err)
        for line, says in zip(told, ("no place", "no such file", "which file?", "not a path in full")):
            check(line.startswith("ramet: ") and says in line, line)
    same(run("list", "pi", env=env).err, "")
    shutil.rmtree(config)
    same(run("list", env=env).err, "")


def test_list_merges_newest_first():
    items = run("list", "--json", project_dir("/srv/api"), project_dir(WORK)).json_lines()
    times = [i["modified"] for i in items]
    same(times, sorted(times, reverse=True))


def test_list_of_nothing():
    r = run("list", os.path.join(HOME, "code"))
    same((r.out, r.err), ("", ""))
    r = run("list", env={"PI_CODING_AGENT_DIR": os.path.join(TMP, "none")})
    same((r.out, r.err), ("", ""))


def test_list_ids_can_be_typed():
    d = os.path.join(TMP, "close")
    for n in range(3):
        write(os.path.join(d, f"{n}.jsonl"), header(f"0196eeee-aa{n}0-7000-8000-0000000000{n:02d}"),
              user("x", None, n, f"session {n}"))
    for row in run("list", d).lines[1:]:
        ident = next(word for word in row.split() if word.startswith("0196eeee"))
        run("info", ident, "--store", d)
    for n in range(3):
        write(os.path.join(d, f"late{n}.jsonl"), header(f"0196eeef-0000-7000-8000-00000000000{n}"))
    idents = re.findall(r"(?m)^.* (0196eee[0-9a-f-]*) ", run("list", d).out)
    same(len(idents), 6)
    for ident in idents:
        run("info", ident, "--store", d)


def test_list_failures():
    refused("list", "/nowhere/at/all", code=3, says="/nowhere/at/all")
    refused("list", os.path.join(TMP, "loose", "text.jsonl"), code=3, says="text.jsonl")
    refused("list", os.path.join(TMP, "loose", "pipe.jsonl"), code=3, says="pipe.jsonl")
    refused("list", "postgres://x/y", code=3, says="postgres")


# -- one session


def test_info_json():
    i = run("info", BRANCHED, "--json").json()
    same((i["format"], i["path"], i["entries"], i["leafId"]), ("pi", BRANCHED, 9, "c5"))
    same(i["header"]["id"], "0196aaaa-0000-7000-8000-000000000001")
    same((i["messageCount"], i["created"]), (8, "2026-03-02T09:00:00.000Z"))
    same(i["findings"], [])
    found = {f["code"]: f for f in run("info", DAMAGED, "--json").json()["findings"]}
    check({"malformed", "torn-tail", "orphan"} <= set(found), found)
    same(found["malformed"]["line"], 3)


def test_info_card():
    r = run("info", BRANCHED)
    same(r.lines[0], "add a login page")
    for name, value in (("format", "pi, version 3"), ("project", "~/code/shop"), ("leaf", "c5"),
                        ("created", "2026-03-02 09:00:00"), ("entries", "9, 8 of them messages")):
        check(re.search(rf"^  {name} +{re.escape(value)}", r.out, re.M), f"{name} in\n{r.out}")
    check("findings" not in r.out)
    r = run("info", DAMAGED)
    check(re.search(r"^    damage +line 3 +malformed ", r.out, re.M), r.out)
    check(re.search(r"^  findings +\d+ \(", r.out, re.M), r.out)
    same(run("info", OTHER).lines[0], "Parser work")
    check(run("info", EMPTY).lines[0], "(no messages)")


def test_info_cuts_many_findings():
    path = write(os.path.join(TMP, "many", "many.jsonl"), header("many"), "{x\n" * 50,
                 user("m", None, 1, "hi"))
    r = run("info", path)
    same(sum("malformed" in text for text in r.lines), 19)
    check(r.lines[-1].strip().startswith("… 31 more"), r.lines[-1])
    same(sum("malformed" in text for text in run("info", path, "--all").lines), 50)


def test_entries():
    got = run("entries", BRANCHED, "--json").json_lines()
    with open(BRANCHED, encoding="utf-8") as f:
        same(got, [json.loads(text) for text in f][1:])
    r = run("entries", BRANCHED)
    same(len(r.lines), 9)
    check(re.match(r" +1  a1 +03-02 09:00  user +add a login page$", r.lines[0]), r.lines[0])
    check(re.search(r"  assistant  → bash\(ls src\)$", r.lines[5]), r.lines[5])
    same(len(run("entries", LINEAR, "--json").lines), 60)
    same(run("entries", EMPTY, "--json").out, "")
    same(run("entries", EMPTY).out, "")


def test_tree_drawing():
    same(run("tree", BRANCHED).lines, [
        "a1        ● user       add a login page",
        "a2        ● assistant  Shall I use OAuth?",
        "b1        ├─○ user       no, passwords",
        "b2        │ ○ assistant  done with passwords",
        "c1        ● user       [the good one] yes, OAuth",
        "c2        ● assistant  → bash(ls src)",
        "c3        ● tool       bash: main.c login.c",
        "c4        ● assistant  OAuth works",
        "c5        ● label      label on c1: the good one  ◀ leaf",
    ])
    same(run("tree", EMPTY).out, "")


def test_tree_draws_side_branches_inside_each_other():
    path = write(os.path.join(TMP, "shape", "shape.jsonl"), header("shape"),
                 user("r", None, 1, "root"), user("s", "r", 2, "side"), user("s1", "s", 3, "one"),
                 user("s2", "s", 4, "two"), user("s3", "s2", 5, "three"), user("t", "r", 6, "trunk"),
                 user("q", None, 7, "second root"), user("u", "t", 8, "end"))
    same(run("tree", path).lines, [
        "r         ● user       root",
        "s         ├─○ user       side",
        "s1        │ ├─○ user       one",
        "s2        │ └─○ user       two",
        "s3        │   ○ user       three",
        "t         ● user       trunk",
        "u         ● user       end  ◀ leaf",
        "",
        "q         ○ user       second root",
    ])


def test_tree_folds_runs():
    r = run("tree", LINEAR)
    same(r.lines[1].strip(), "│ … 57 entries (19 user, 19 assistant, 19 tool results)"
         if len(r.lines) == 4 else r.lines[1].strip())
    same(len(r.lines), 4, r.out)
    check(r.lines[-1].endswith("◀ leaf"))
    same(len(run("tree", LINEAR, "--all").lines), 60)
    same(run("tree", LINEAR, "-a").out, run("tree", LINEAR, "--all").out)


def test_tree_json():
    nodes = run("tree", BRANCHED, "--json").json()
    same([n["id"] for n in nodes], ["a1", "a2", "b1", "b2", "c1", "c2", "c3", "c4", "c5"])
    same([n["depth"] for n in nodes], [0, 1, 2, 3, 2, 3, 4, 5, 6])
    c1 = nodes[4]
    same((c1["parent"], c1["type"], c1["role"], c1["label"]), ("a2", "message", "user",
                                                               "the good one"))
    same(c1["labelTimestamp"], stamp(9))
    check("label" not in nodes[0] and nodes[0].get("parent") is None)


def test_path():
    same(run("path", BRANCHED, "--json").json(), ["a1", "a2", "c1", "c2", "c3", "c4", "c5"])
    same(run("path", BRANCHED, "--leaf", "b2", "--json").json(), ["a1", "a2", "b1", "b2"])
    same(run("path", BRANCHED, "--leaf", "null", "--json").json(), [])
    same(run("path", BRANCHED, "--leaf", "null").out, "")
    r = run("path", BRANCHED, "--leaf", "b2")
    same([text.split()[1] for text in r.lines], ["a1", "a2", "b1", "b2"])
    same(run("path", EMPTY, "--json").json(), [])
    refused("path", BRANCHED, "--leaf", "zz", code=3, says="zz")
    refused("path", BRANCHED, "--leaf", "c", code=3, says=["c"])
    refused("path", BRANCHED, "--leaf", "", code=3, says="")
    same(run("path", LINEAR, "--leaf", "0000003b", "--json").json()[-1], "0000003b")
    same(run("path", LINEAR, "--leaf", "0000003", "--json", code=3).out, "")


def test_context():
    c = run("context", BRANCHED, "--json").json()
    same([m["role"] for m in c["messages"]],
         ["user", "assistant", "user", "assistant", "toolResult", "assistant"])
    same(c["thinkingLevel"], "off")
    same(c["model"], {"provider": "acme", "modelId": "m-1"})
    c = run("context", BRANCHED, "--leaf", "b1", "--json").json()
    same([m["content"] for m in c["messages"] if m["role"] == "user"],
         ["add a login page", "no, passwords"])
    same(run("context", BRANCHED, "--leaf", "null", "--json").json()["messages"], [])
    p = run("context", BRANCHED, "--projection", "--json").json()
    same([x["sourceId"] for x in p if x["messages"]], ["a1", "a2", "c1", "c2", "c3", "c4"])
    same([m["role"] for m in run("context", BRANCHED, "--llm", "--json").json()][:2],
         ["user", "assistant"])
    same(run("context", BRANCHED, "--system", "--json").json(), None)
    n = run("context", BRANCHED, "--tokens", "--json").json()["tokens"]
    same(int(run("context", BRANCHED, "--tokens").out), n)
    check(n > 0)
    refused("context", BRANCHED, "--leaf", "nope", code=3, says="nope")


def test_context_for_people():
    text = run("context", BRANCHED).out
    for part in ("── user\n  add a login page\n", "── assistant  m-1\n  Shall I use OAuth?\n",
                 "  → bash  {\"command\":\"ls src\"}\n",
                 "── tool result  bash\n  main.c\n  login.c\n"):
        check(part in text, f"{part!r} in\n{text}")
    check("passwords" not in text)
    check("Shall I use OAuth?" in run("context", BRANCHED, "--llm").out)
    check(len(run("context", BRANCHED, "--projection").lines) >= 6)
    same(run("context", BRANCHED, "--system").out, "")


def test_context_folds_output():
    path = write(os.path.join(TMP, "output", "output.jsonl"), header("output"),
                 user("a", None, 1, "go"),
                 assistant("b", "a", 2, "", calls=[("bash", {"command": "seq"})]),
                 tool("c", "b", 3, "".join(f"row {i}\n" for i in range(100))))
    r = run("context", path)
    check("row 11\n" in r.out and "row 12\n" not in r.out)
    check("… 88 more lines" in r.out, r.out[-300:])
    check("row 99\n" in run("context", path, "--all").out)


def test_context_system():
    path = write(os.path.join(TMP, "system", "system.jsonl"), header("system"),
                 entry("a", None, 1, type="message", message={
                     "role": "system", "content": "You are\033[31m kind.", "timestamp": 1}),
                 user("b", "a", 2, "hi"))
    text = run("context", path, "--system").out
    check("You are␛[31m kind." in text, text)
    same(run("context", path, "--system", "--json").json()["role"], "system")


def test_branches():
    branches = run("branches", BRANCHED, "--json").json()
    same([b["leaf"] for b in branches], ["c5", "b2"])
    same([b["current"] for b in branches], [True, False])
    same([b["forkedAt"] for b in branches], ["a2", "a2"])
    r = run("branches", BRANCHED)
    same(len(r.lines), 3)
    check(r.lines[1].startswith("● ") and "yes, OAuth" in r.lines[1], r.lines[1])
    check(r.lines[2].startswith("○ ") and "no, passwords" in r.lines[2], r.lines[2])
    same(run("branches", EMPTY, "--json").json(), [])
    same(run("branches", EMPTY).out, "")


def test_stats():
    s = run("stats", BRANCHED, "--json").json()
    same((s["userMessages"], s["assistantMessages"], s["toolCalls"], s["toolResults"],
          s["totalMessages"]), (3, 4, 1, 1, 8))
    same(s["tokens"], {"input": 400, "output": 80, "cacheRead": 4000, "cacheWrite": 0,
                       "total": 4480})
    same(s["cost"], 1)
    r = run("stats", BRANCHED)
    check(re.search(r"^  read from cache +4,000$", r.out, re.M), r.out)
    check(re.search(r"^  all +\$1\.00$", r.out, re.M), r.out)
    check("Where it went" in r.out and "m-1" in r.out)


# -- the words for a session


def test_session_words():
    want = run("info", BRANCHED, "--json").raw
    for word in ("0196aaaa-0000-7000-8000-000000000001", "0196a", "0196aaaa"):
        same(run("info", word, "--json").raw, want, word)
        same(run("info", word, "--json", "--store", SESSIONS).raw, want, word)
        same(run("info", word, "--json", "--store", "pi").raw, want, word)
    same(run("info", "@last", "--json").raw, want)
    same(run("info", "@last", "--json", "--store", project_dir("/srv/api")).json()["path"], OTHER)
    name = os.path.basename(BRANCHED)
    same(run("info", name, "--json", cwd=os.path.dirname(BRANCHED)).json()["entries"], 9)


def test_session_words_that_fail():
    r = refused("info", "0196", code=3, says=" and ")
    same(len(set(re.findall(r"0196[a-d]{4}", r.err))), 2, r.err)
    refused("info", "ffff", code=3, says="ffff")
    refused("info", "ffff\033[2J", code=3, says="ffff")
    refused("info", "@last", code=3, says="directory", cwd=os.path.join(HOME, "code", "empty"))
    refused("info", "@first", code=2, says="@first")
    refused("info", "", code=2, says="empty")
    refused("info", code=2, says="which session")
    refused("info", "sqlite:x.db#1", code=3, says="x.db")
    refused("info", "postgres://x/y", code=3, says="PostgreSQL")
    refused("info", "x", "--store", "/nowhere/at/all", code=3, says="/nowhere/at/all")


def test_session_dir_from_the_environment():
    env = {"PI_CODING_AGENT_SESSION_DIR": os.path.dirname(DAMAGED)}
    same(run("info", "only-header", "--json", env=env).json()["path"], EMPTY)
    check(run("info", "@last", "--json", env=env).json()["path"] in (EMPTY, DAMAGED))


def test_bad_files():
    loose = os.path.dirname(DAMAGED)
    for command in OF_A_SESSION:
        for json_too in ([], ["--json"]):
            refused(command, "/nowhere/x.jsonl", *json_too, code=3, says="/nowhere/x.jsonl")
            for name in ("empty", "binary", "text", "folder", "pipe"):
                path = os.path.join(loose, name + ".jsonl")
                refused(command, path, *json_too, code=3, says=path)
    refused("info", "folder.jsonl", code=3, says=["folder.jsonl", "directory"], cwd=loose)
    refused("info", ".", code=3, says="directory", cwd=loose)
    refused("info", "/dev/null", code=3, says="/dev/null")
    refused("info", "/dev/zero", code=3, says="/dev/zero")
    name = "\033[31mred\n\u202e.jsonl"
    refused("info", os.path.join(loose, name), code=3, says="red")


def test_no_permission():
    if os.geteuid() == 0:
        raise Skipped("root may read everything")
    path = write(os.path.join(TMP, "locked", "locked.jsonl"), *branched())
    os.chmod(path, 0)
    refused("info", path, code=3, says=[path, "ermission"])
    os.chmod(path, 0o600)


def test_no_permission_as_nobody():
    if os.geteuid() != 0:
        raise Skipped("only root can become somebody else")
    path = write(os.path.join(TMP, "locked", "locked.jsonl"), *branched())
    os.chmod(path, 0)
    os.chmod(TMP, 0o755)
    probe = subprocess.run(["true"], user=65534, group=65534, check=False)
    try:
        subprocess.run([BIN, "--version"], user=65534, group=65534, check=True,
                       stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as e:
        raise Skipped("the command is out of reach of others") from e
    same(probe.returncode, 0)
    with tempfile.TemporaryDirectory(prefix="ramet-counts-") as counts:
        os.chmod(counts, 0o777)             # where a coverage build counts, not in the build
        other = dict(cwd="/", user=65534, group=65534, env={"GCOV_PREFIX": counts})
        refused("info", path, code=3, says=[path, "ermission"], **other)
        list_tells_what_it_may_not_read(path, other)


def list_tells_what_it_may_not_read(path, other):
    """It would seem gone; what is no session is none of it."""
    place = os.path.dirname(path)
    write(os.path.join(place, "open.jsonl"), *branched())
    write(os.path.join(place, "none.jsonl"), "nothing")
    for name in ("open.jsonl", "none.jsonl"):
        os.chmod(os.path.join(place, name), 0o644)
    os.chmod(place, 0o755)
    for words in ((place,), ("--store", place), (place, "--json"), (place, "--cwd", "/nowhere")):
        r = run("list", *words, **other)
        same([("ermission" in line, path in line) for line in r.err.splitlines()], [(True, True)], r.err)
        check("none.jsonl" not in r.err, r.err)
    os.chmod(place, 0)
    r = run("list", os.path.dirname(place), code=None, **other)
    check("ermission" in r.err and place in r.err, r.err)
    os.chmod(place, 0o755)
    os.chmod(path, 0o600)
    same(run("list", place).err, "", "all may be read")


# -- output


def test_closed_pipe_is_quiet():
    path = write(os.path.join(TMP, "wide", "wide.jsonl"), *long_linear(20000))
    for args in (["entries", path, "--json"], ["entries", path], ["tree", path, "--all"]):
        p = subprocess.Popen([BIN, *args], env=environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdout.read(10)
        p.stdout.close()
        err = p.stderr.read()
        same((p.wait(TIME_LIMIT), err), (3, b""), args)
        p.stderr.close()


def test_full_disk():
    if not os.path.exists("/dev/full"):
        raise Skipped("no /dev/full")
    for args in (["list"], ["list", "--json"], ["tree", BRANCHED], ["--version"], ["--help"]):
        with open("/dev/full", "wb") as full:
            r = run(*args, code=3, stdout=full)
        check("no space left" in r.err.lower() and r.err.count("\n") == 1, r.err)


def test_closed_output():
    p = subprocess.run(["/bin/sh", "-c", 'exec "$0" "$@" >&-', BIN, "tree", BRANCHED],
                       env=environment(), stderr=subprocess.PIPE, check=False)
    same(p.returncode, 3)
    same(p.stderr.count(b"\n"), 1, p.stderr)


def test_hostile_text():
    for command in OF_A_SESSION:
        for width in ("40", "80", "0"):
            for colour in ("never", "always"):
                r = run(command, HOSTILE_FILE, "--width", width, "--color", colour)
                harmless(r.out, command)
                check(colour == "always" or "\033" not in r.out, command)
    for more in (["--llm"], ["--projection"], ["--all"], ["--system"]):
        harmless(run("context", HOSTILE_FILE, *more).out, more)
    r = run("list", "--width", "300")
    harmless(r.out)
    check("␛[2J␛]0;owned␇ e�gpj.exe �31m zero␡ tabs 日本語 é" in
          unicodedata.normalize("NFC", r.out), r.out)


def test_hostile_json_at_a_terminal():
    plain = run("entries", HOSTILE_FILE, "--json").json_lines()
    shown = at_terminal("entries", HOSTILE_FILE, "--json", columns=5000, rows=500)
    harmless(shown)
    same([json.loads(text) for text in shown.split("\n") if text], plain)


def test_json_is_utf8():
    for command in OF_A_SESSION:
        run(command, DAMAGED, "--json").raw.decode("utf-8")
        run(command, HOSTILE_FILE, "--json").raw.decode("utf-8")


def test_colour():
    plain = run("tree", BRANCHED).out
    check("\033" not in plain)
    coloured = run("tree", BRANCHED, "--color", "always").out
    check("\033[" in coloured)
    same(SGR.sub("", coloured), plain)
    for text in coloured.split("\n"):
        check(not SGR.findall(text) or SGR.findall(text)[-1] == "\033[0m", repr(text))
    check("\033" not in run("tree", BRANCHED, "--json", "--color", "always").out)
    check("\033[" in at_terminal("tree", BRANCHED))
    check("\033" not in at_terminal("tree", BRANCHED, "--color", "never"))
    check("\033" not in at_terminal("tree", BRANCHED, env={"NO_COLOR": "1"}))
    check("\033[" in at_terminal("tree", BRANCHED, env={"NO_COLOR": ""}))
    check("\033" not in at_terminal("tree", BRANCHED, env={"TERM": "dumb"}))
    check("\033[" in at_terminal("tree", BRANCHED, "--color=always", env={"NO_COLOR": "1"}))
    check("\033[" in run("list", "--color", "always").out)


def test_width():
    for width in (40, 60, 80, 120):
        for args in (["list"], ["tree", LINEAR], ["entries", LINEAR], ["context", LINEAR],
                     ["branches", BRANCHED], ["info", DAMAGED], ["tree", HOSTILE_FILE]):
            for text in run(*args, "--width", str(width)).lines:
                if args[0] == "info" and re.match(r"  (file|project) ", text):
                    continue
                check(cells(text) <= max(width, 64), f"{args} {width}: {cells(text)} {text}")
    words = "long " * 100
    path = write(os.path.join(TMP, "long", "long.jsonl"), header("long"),
                 user("a", None, 1, words))
    check(words.strip() in run("tree", path, "--width", "0").out)
    same(cells(run("tree", path).lines[0]), 100 - 0)
    same(max(cells(text) for text in SGR.sub("", at_terminal("tree", path, columns=70)).split("\n")),
         70)


def test_pager():
    sink = os.path.join(TMP, "pager.out")
    env = {"PAGER": f"cat > '{sink}'"}
    text = at_terminal("tree", LINEAR, "--all", rows=20, env=env)
    same(text.strip(), "")
    with open(sink, encoding="utf-8") as f:
        same(SGR.sub("", f.read()).count("text number"), 60)
    os.unlink(sink)
    check("text number 59" in at_terminal("tree", LINEAR, "--all", "--no-pager", rows=20, env=env))
    check("OAuth works" in at_terminal("tree", BRANCHED, rows=50, env=env))
    check("text number 59" in at_terminal("tree", LINEAR, "--all", rows=20, env={"PAGER": ""}))
    check(not os.path.exists(sink))
    at_terminal("tree", LINEAR, "--all", rows=20, env={"PAGER": "head -n 1 >/dev/null"})
    run("tree", LINEAR, "--all", env={"PAGER": f"touch '{sink}'"})
    check(not os.path.exists(sink), "a pager although there is no terminal")


def test_pager_quits_early():
    path = write(os.path.join(TMP, "wide", "wide.jsonl"), *long_linear(20000))
    text = at_terminal("entries", path, rows=20, env={"PAGER": "true"})
    same(text.strip(), "")


def test_hints_only_at_a_terminal():
    check("sessions; ramet tree ID" in at_terminal("list"))
    check("sessions;" not in run("list").out)
    check("no sessions found" in at_terminal("list", os.path.join(HOME, "code")))


def test_pick_a_session():
    t = Terminal("info", "--color", "never")
    text = t.read(b"look for: ")
    check("add a login page" in text and "text number 0" in text and "Parser" not in text, text)
    t.type("2\n")
    code, text = t.end()
    same(code, 0, text)
    check("0196bbbb-0000" in text.split("look for: ")[1], text)


def test_pick_by_words():
    t = Terminal("info", "--color", "never", cwd=os.path.join(HOME, "code", "empty"))
    t.read(b"look for: ")
    t.type("no such thing\n")
    t.read(b"no such session")
    t.type("PARSER\n")
    time.sleep(0.1)
    t.type("1\n")
    code, text = t.end()
    same(code, 0, text)
    check("0196dddd-0000" in text, text)


def test_pick_nothing():
    t = Terminal("info")
    t.read(b"look for: ")
    t.type("\n")
    code, text = t.end()
    same(code, 3, text)
    check("ramet: nothing picked" in text, text)


def test_very_deep():
    n = 100000 if SLOW else 1000000
    path = os.path.join(TMP, "deep", "deep.jsonl")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write(header("deep"))
        for i in range(n):
            parent = f'"{i - 1:08x}"' if i else "null"
            f.write(f'{{"type":"custom","id":"{i:08x}","parentId":{parent},'
                    '"timestamp":"2026-03-02T09:00:00.000Z","customType":"x"}\n')
    r = run("tree", path, unchanged=False)
    check(f"… {n - 3} entries ({n - 3} other)" in r.out, r.out)
    same(len(run("tree", path, "--all", unchanged=False).lines), n)
    same(len(run("path", path, "--json", unchanged=False).json()), n)
    run("branches", path, unchanged=False)
    os.unlink(path)


def test_deep_forks():
    n = 20000 if SLOW else 100000
    path = os.path.join(TMP, "comb", "comb.jsonl")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write(header("comb"))
        f.write(user("r", None, 0, "root"))
        parent = "r"
        for i in range(n // 2):
            f.write(user(f"x{i}", parent, 1, "side"))
            f.write(user(f"y{i}", parent, 2, "down"))
            parent = f"y{i}"
        f.write(user("end", "r", 3, "end"))
    r = run("tree", path, "--width", "80", unchanged=False)
    same(len(r.lines), n + 2)
    check(all(cells(text) <= 80 for text in r.lines[-100:]))
    os.unlink(path)


def test_interrupt_at_a_pager_is_the_pagers():
    path = write(os.path.join(TMP, "wide", "wide.jsonl"), *long_linear(20000))
    sink = os.path.join(TMP, "interrupt.out")
    t = Terminal("entries", path, rows=20, env={"PAGER": f"trap '' INT; sleep 1; cat > '{sink}'"})
    time.sleep(0.5)
    t.p.send_signal(signal.SIGINT)
    code, text = t.end()
    same(code, 0, text)
    os.unlink(sink)


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
    make_home()
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

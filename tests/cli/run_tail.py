#!/usr/bin/env python3
"""ramet tail from outside, with other programs at the file.

    RAMET_BIN=build/ramet tests/cli/run_tail.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
import run_cli as cli  # noqa: E402
from run_cli import (BIN, SLOW, TMP, WORK, Failure, Skipped, Terminal,  # noqa: E402,F401
                     check, environment, header, refused, run, same,
                     snapshot, user, write)

WAIT = 120 if SLOW else 30
HERE = os.path.join(TMP, "tail")
ID = "0196ffff-0000-7000-8000-00000000000a"


def session(name, *lines, head=None):
    return write(os.path.join(HERE, name), head or header(ID), *lines)


def chain(first, last):
    """Entries e<first> to e<last>, each under the one before."""
    return [user(f"e{i}", f"e{i - 1}" if i else None, i % 3000, f"text {i}")
            for i in range(first, last + 1)]


def ids(first, last):
    return [f"e{i}" for i in range(first, last + 1)]


def add(path, *parts):
    with open(path, "ab", buffering=0) as f:
        f.write(b"".join(part if isinstance(part, bytes) else part.encode() for part in parts))


def replace(path, *parts):
    write(path + ".new", *parts)
    os.rename(path + ".new", path)


class Tail:
    """ramet tail -f at work; what it prints is collected as it comes."""

    def __init__(self, path, *more, as_json=True, cwd=WORK):
        args = [BIN, "tail", "-f", path, *(["--json"] if as_json else []), *more]
        self.p = subprocess.Popen(args, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = b"", b""
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self.collect, args=(name, pipe), daemon=True)
                        for name, pipe in (("out", self.p.stdout), ("err", self.p.stderr))]
        for reader in self.readers:
            reader.start()

    def collect(self, name, pipe):
        while True:
            data = os.read(pipe.fileno(), 1 << 16)
            with self.changed:
                setattr(self, name, getattr(self, name) + data)
                self.changed.notify_all()
            if not data:
                return

    def until(self, good, told=""):
        with self.changed:
            if not self.changed.wait_for(good, WAIT):
                raise Failure(f"waited in vain {told}\n--- out\n{self.out[-1500:]!r}\n"
                              f"--- err\n{self.err[-1500:]!r}")

    def ids(self):
        whole = self.out[:self.out.rfind(b"\n") + 1]
        return [json.loads(text)["id"] for text in whole.split(b"\n") if text]

    def shows(self, want):
        """All of these are there, once each, in this order, and nothing else."""
        self.until(lambda: self.out.count(b"\n") >= len(want), f"for {want[-3:]}")
        same(self.ids(), want, self.err)

    def says(self, text, times=1):
        self.until(lambda: self.err.count(text.encode()) >= times, f"for {text!r}")

    def cpu(self):
        with open(f"/proc/{self.p.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, how=signal.SIGINT):
        self.p.send_signal(how)
        code = self.p.wait(WAIT)
        for reader in self.readers:
            reader.join(WAIT)
        self.p.stdout.close()
        self.p.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.p.poll() is None:
            self.p.kill()
            self.stop(signal.SIGKILL)


# ---- without -f ----


def test_the_last_entries():
    path = session("last.jsonl", *chain(0, 24))
    everything = run("entries", path).out.split("\n")
    same(run("tail", path).out.split("\n"), everything[15:])
    same(run("tail", path, "-n", "3").out.split("\n"), everything[22:])
    same(run("tail", "-n3", path).out.split("\n"), everything[22:])
    same(run("tail", path, "--number=100").out.split("\n"), everything)
    same(run("tail", path, "-n", "0").out, "")
    everything = run("entries", path, "--json").out.split("\n")
    same(run("tail", path, "--json").out.split("\n"), everything[15:])
    same(run("tail", path, "-n", "1", "--json").json()["id"], "e24")
    same(run("tail", session("bare.jsonl")).out, "")


def test_words():
    refused("tail", os.path.join(HERE, "none.jsonl"), code=3, says="none.jsonl")
    refused("tail", "-f", os.path.join(HERE, "none.jsonl"), code=3, says="none.jsonl")
    refused("tail", "-f", session("no.jsonl", head="no session\n"), code=3, says="no.jsonl")
    refused("tail", "-n", "x", session("w.jsonl"), code=2, says="number")
    refused("tail", "a", "b", code=2, says="too many")


# ---- growing ----


def test_entries_as_they_arrive():
    path = session("grow.jsonl", *chain(0, 2))
    with Tail(path, "-n", "1") as t:
        t.shows(ids(2, 2))
        add(path, *chain(3, 3))
        t.shows(ids(2, 3))
        add(path, *chain(4, 6))
        t.shows(ids(2, 6))
        same(t.err, b"")
        same(t.stop(), -signal.SIGINT)
        same(t.ids(), ids(2, 6))


def test_lines_for_people_are_those_of_entries():
    path = session("people.jsonl", *chain(0, 2))
    with Tail(path, as_json=False) as t:
        t.until(lambda: t.out.count(b"\n") == 3)
        add(path, *chain(3, 3))
        t.until(lambda: t.out.count(b"\n") == 4)
        same(t.out.decode(), run("entries", path).out)


def test_at_a_terminal_without_a_pager():
    path = session("tty.jsonl", *chain(0, 60))
    t = Terminal("tail", "-f", "-n", "60", path, env={"PAGER": "false"})
    t.read(until=b"text 60")
    add(path, *chain(61, 61))
    t.read(until=b"text 61")
    t.p.send_signal(signal.SIGINT)
    code, text = t.end()
    same(code, -signal.SIGINT)
    same(text.count("text "), 61)


def test_our_own_appends():
    path = session("own.jsonl", *chain(0, 0))
    with Tail(path) as t:
        t.shows(ids(0, 0))                       # it has begun
        made = [run("append", path, '{"role":"user","content":"x"}', unchanged=False).out.strip()
                for _ in range(5)]
        t.shows(ids(0, 0) + made)


def test_many_lines_at_once():
    path = session("burst.jsonl", *chain(0, 0))
    n = 20000 if SLOW else 100000
    with Tail(path) as one, Tail(path) as two:
        one.shows(ids(0, 0))
        two.shows(ids(0, 0))
        add(path, *chain(1, n))
        one.shows(ids(0, n))
        two.shows(ids(0, n))
        add(path, *chain(n + 1, n + 1))
        one.shows(ids(0, n + 1))
        two.shows(ids(0, n + 1))


def test_many_writes_miss_nothing():
    path = session("writes.jsonl", *chain(0, 0))
    lines = chain(1, 3000)
    with Tail(path) as t:
        t.shows(ids(0, 0))
        for i, text in enumerate(lines):
            add(path, text)
            if i % 300 == 299:
                t.shows(ids(0, i + 1))


def test_half_lines():
    path = session("half.jsonl", *chain(0, 0))
    with Tail(path) as t:
        t.shows(ids(0, 0))
        for i in range(1, 6):
            text = chain(i, i)[0].encode()
            for at in range(0, len(text), 40):
                add(path, text[at:at + 40])
                time.sleep(0.03)
                check(len(t.ids()) <= i + 1)
        t.shows(ids(0, 5))
        same(t.err, b"")


def test_a_line_without_its_end_and_what_is_no_entry():
    path = session("odd.jsonl", *chain(0, 0))
    with Tail(path) as t:
        t.shows(ids(0, 0))
        add(path, chain(1, 1)[0][:-1])
        t.shows(ids(0, 1))
        add(path, "\nno entry\n\n", chain(2, 2)[0])
        t.shows(ids(0, 2))
        add(path, chain(2, 2)[0])
        t.shows(ids(0, 2) + ["e2"])
        same(t.err, b"")


# ---- others at the file ----


def test_replaced_by_rename():
    path = session("replaced.jsonl", *chain(0, 9))
    with Tail(path, "-n", "2") as t:
        t.shows(ids(8, 9))
        for round_ in range(4):
            n = 10 + 2 * round_
            replace(path, header(ID), *chain(0, n))
            t.says("replaced", round_ + 1)
            add(path, *chain(n + 1, n + 1))
            t.shows(ids(8, n + 1))
        check(path in t.err.decode() and t.err.startswith(b"ramet: "), t.err)
        replace(path, header(ID), *chain(0, 3))
        t.says("replaced", 5)
        add(path, *chain(4, 20))
        t.shows(ids(8, 20))


def test_replaced_by_another_session():
    path = session("another.jsonl", *chain(0, 3))
    with Tail(path) as t:
        t.shows(ids(0, 3))
        replace(path, header("other"), user("x1", None, 1, "x"))
        t.shows(ids(0, 3) + ["x1"])
        t.says("replaced")
        add(path, user("x2", "x1", 2, "x"))
        t.shows(ids(0, 3) + ["x1", "x2"])


def test_migrated():
    lines = [json.dumps({"type": "session", "id": ID, "timestamp": cli.stamp(0), "cwd": WORK})]
    lines += [json.dumps({"type": "message", "timestamp": cli.stamp(i),
                          "message": {"role": "user", "content": f"old {i}"}}) for i in range(4)]
    path = session("old.jsonl", head="\n".join(lines) + "\n")
    with Tail(path) as t:
        t.until(lambda: t.out.count(b"\n") == 4)
        made = t.ids()
        run("migrate", path, unchanged=False)
        t.says("replaced")
        new = run("append", path, '{"role":"user","content":"x"}', unchanged=False).out.strip()
        t.shows(made + [new])


def test_removed_and_made_again():
    path = session("removed.jsonl", *chain(0, 3))
    with Tail(path) as t:
        t.shows(ids(0, 3))
        os.unlink(path)
        t.says("waiting")
        session("removed.jsonl", *chain(0, 4))
        t.shows(ids(0, 4))
        t.says("again")
        same(t.err.count(b"waiting"), 1)
        os.rename(path, path + ".away")
        t.says("waiting", 2)
        add(path + ".away", *chain(5, 5))
        os.rename(path + ".away", path)
        t.shows(ids(0, 5))


def test_cut():
    path = session("cut.jsonl", *chain(0, 5))
    with open(path, "rb") as f:
        whole = f.read()
    with Tail(path) as t:
        t.shows(ids(0, 5))
        os.truncate(path, 0)
        t.says("waiting")
        add(path, whole[:100])
        time.sleep(0.1)
        for at in range(100, len(whole), 200):
            add(path, whole[at:at + 200])
            time.sleep(0.02)
        t.says("again")
        add(path, *chain(6, 6))
        t.shows(ids(0, 6))
        os.truncate(path, len(whole) // 2)
        t.says("cut")
        write(path, header(ID), *chain(0, 8))
        t.shows(ids(0, 8))


def test_changed_in_place():
    path = session("place.jsonl", *chain(0, 5))
    with Tail(path) as t:
        t.shows(ids(0, 5))
        with open(path, "r+b", buffering=0) as f:
            f.write("".join([header(ID), *chain(0, 4), user("new", "e4", 5, "x" * 50)]).encode())
        t.shows(ids(0, 5) + ["new"])
        t.says("changed in place")


def test_no_session_for_a_while():
    path = session("while.jsonl", *chain(0, 1))
    with Tail(path) as t:
        t.shows(ids(0, 1))
        replace(path, "not a session\n")
        t.says("waiting")
        os.unlink(path)
        os.mkdir(path)
        time.sleep(0.3)
        os.rmdir(path)
        os.symlink("nowhere", path)
        time.sleep(0.3)
        replace(path, header(ID), *chain(0, 2))
        t.shows(ids(0, 2))
        same(t.err.count(b"waiting"), 1)


def test_directory_removed_and_made_again():
    path = session("deep/er/s.jsonl", *chain(0, 1))
    with Tail(path) as t:
        t.shows(ids(0, 1))
        shutil.rmtree(os.path.join(HERE, "deep"))
        t.says("waiting")
        time.sleep(0.5)
        session("deep/er/s.jsonl", *chain(0, 2))
        t.shows(ids(0, 2))
        add(path, *chain(3, 3))
        t.shows(ids(0, 3))
        os.rename(os.path.join(HERE, "deep"), os.path.join(HERE, "deep2"))
        t.says("waiting", 2)
        os.rename(os.path.join(HERE, "deep2"), os.path.join(HERE, "deep"))
        add(path, *chain(4, 4))
        t.shows(ids(0, 4))


def test_through_a_link():
    path = session("target/s.jsonl", *chain(0, 1))
    link = os.path.join(HERE, "link.jsonl")
    os.symlink(path, link)
    with Tail(link) as t:
        t.shows(ids(0, 1))
        add(path, *chain(2, 2))
        t.shows(ids(0, 2))
        replace(path, header(ID), *chain(0, 3))
        t.shows(ids(0, 3))
        os.unlink(path)
        t.says("waiting")
        session("target/s.jsonl", *chain(0, 4))
        t.shows(ids(0, 4))


def test_a_relative_path():
    session("relative.jsonl", *chain(0, 1))
    with Tail("relative.jsonl", cwd=HERE) as t:
        t.shows(ids(0, 1))
        add(os.path.join(HERE, "relative.jsonl"), *chain(2, 2))
        t.shows(ids(0, 2))


# ---- manners ----


def test_idle_costs_nothing():
    path = session("idle.jsonl", *chain(0, 100))
    with Tail(path) as t, Tail(session("torn.jsonl", *chain(0, 3), '{"type":"mess')) as torn, \
            Tail(session("gone.jsonl", *chain(0, 3))) as gone:
        t.shows(ids(91, 100))
        torn.shows(ids(0, 3))
        gone.shows(ids(0, 3))
        os.unlink(os.path.join(HERE, "gone.jsonl"))
        gone.says("waiting")
        before = [x.cpu() for x in (t, torn, gone)]
        for i in range(30):
            write(os.path.join(HERE, f"neighbour{i % 3}"), "x" * i)
            time.sleep(0.1)
        spent = [x.cpu() - b for x, b in zip((t, torn, gone), before)]
        check(max(spent) < (1.0 if SLOW else 0.1), f"{spent} s of processor time in 3 s")


def test_writes_nothing():
    path = session("quiet.jsonl", *chain(0, 3))
    before = snapshot(TMP)
    with Tail(path) as t:
        t.shows(ids(0, 3))
        time.sleep(1.5)
        t.stop()
    same(snapshot(TMP), before)


def test_reader_goes_away():
    path = session("pipe.jsonl", *chain(0, 3))
    p = subprocess.Popen([BIN, "tail", "-f", path], cwd=WORK, env=environment(),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.read(5)
    p.stdout.close()
    p.wait(WAIT)
    same(p.stderr.read(), b"")
    p.stderr.close()


def test_signals_end_it():
    path = session("signals.jsonl", *chain(0, 3))
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Tail(path) as t:
            t.shows(ids(0, 3))
            same(t.stop(how), -how)
            same(t.err, b"")
    shell = subprocess.run(["sh", "-c", 'timeout -s INT 1 "$0" tail -f "$1" >/dev/null; '
                            '"$0" tail -f "$1" & sleep 0.5; kill -TERM $!; wait $!; echo $?',
                            BIN, path], env=environment(), stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, timeout=WAIT)
    check(re.search(rb"\n143\n$", shell.stdout), shell.stdout)


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
    os.makedirs(HERE)
    os.makedirs(WORK, exist_ok=True)
    done = [run_test(name, test, "-v" in sys.argv) for name, test in tests]
    shutil.rmtree(TMP, ignore_errors=True)
    if -1 in done:
        print(f"{done.count(-1)} skipped")
    print(f"{done.count(1)} passed, {done.count(0)} failed")
    return 1 if 0 in done else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Databases we wrote, read by the sqlite3 shell, and databases the shell made, read by us.

The shell knows nothing of ours: what it says is compared with the lines that went in. The schemas it
makes are those of docs/format/pirust-sqlite.md. Skipped, and said so, without the shell.

    tests/interop/run_sqlite.py
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("RAMET_BUILD", os.path.join(HERE, "..", "..", "build"))
PROBE = os.path.join(BUILD, "tests", "interop", "probe_sqlite")
ROUNDS = max(10, int(os.environ.get("RAMET_ROUNDS") or 1000) // 20)
PIRUST = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;
CREATE TABLE pi_session_header(id TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE pi_session_entries(seq INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE pi_session_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
INDEX = """
PRAGMA journal_mode=WAL;
CREATE TABLE sessions(path TEXT PRIMARY KEY, id TEXT NOT NULL, cwd TEXT NOT NULL,
timestamp TEXT NOT NULL, message_count INTEGER NOT NULL, last_modified_ms INTEGER NOT NULL,
size_bytes INTEGER NOT NULL, name TEXT);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
WORDS = ["one", "zwei", "数据", "quote'", '"double"', "back\\slash", "tab\t", "🙂", "null\u0001"]
counts = {True: 0, False: 0}


def check(what, got, wanted):
    counts[got == wanted] += 1
    if got != wanted:
        print(f"FAIL {what}\n  got    {got!r:.300}\n  wanted {wanted!r:.300}")


def probe(*words, text=None):
    r = subprocess.run([PROBE, *words], input=text, capture_output=True)
    if r.returncode:
        print("FAIL", " ".join(words), r.stderr.decode())
        counts[False] += 1
    return r.stdout


def shell(path, script):
    r = subprocess.run(["sqlite3", "-batch", "-bail", path], input=script.encode(), capture_output=True)
    if r.returncode:
        print("FAIL sqlite3", r.stderr.decode())
        counts[False] += 1
    return r.stdout


def rows(path, query):
    """Rows as lists of bytes; values are taken in hexadecimal."""
    out = shell(path, f".mode list\n.separator ' '\n{query};\n").decode().split("\n")[:-1]
    return [[bytes.fromhex(v) for v in line.split(" ")] for line in out]


def quoted(text):
    return "CAST(x'" + text.encode().hex() + "' AS TEXT)"


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def session(rng, number, pirust):
    """(header, lines, messages, name) of a random session."""
    header = {"type": "session", "version": 3, "id": f"s{number}", "timestamp": "2026-03-01T10:00:00.000Z",
              "cwd": "/w/" + rng.choice(WORDS)}
    lines, parent, messages, name = [], None, 0, ""
    for i in range(rng.randint(0, 30)):
        entry = {"type": "message", "id": f"{i:08x}"}
        if parent or not pirust:
            entry["parentId"] = parent
        entry["timestamp"] = f"2026-03-01T10:00:{i:02}.000Z"
        if rng.random() < 0.8:
            text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 400)))
            entry["message"] = {"role": rng.choice(["user", "assistant"]), "content": text}
            messages += 1
        else:
            entry["type"] = "session_info"
            name = entry["name"] = rng.choice(WORDS)
        lines.append(compact(entry))
        parent = entry["id"]
    return compact(header), lines, messages, name


def check_home(folder, rng):
    path = os.path.join(folder, "home.db")
    made = {}
    for i in range(ROUNDS):
        header, lines, messages, name = session(rng, i, False)
        cut = rng.randint(0, len(lines))
        probe("make", path, text="\n".join([header] + lines[:cut]).encode())
        if cut < len(lines):
            probe("append", path, f"s{i}", text="\n".join(lines[cut:]).encode())
        made[f"s{i}"] = header, lines, messages, name
    for id_, (header, lines, messages, name) in made.items():
        got = rows(path, f"SELECT hex(line) FROM entries JOIN sessions ON key=session WHERE id='{id_}' ORDER BY seq")
        check(f"{id_}: lines", [r[0].decode() for r in got], lines)
        got = rows(path, f"SELECT hex(header), hex(message_count), hex(ifnull(name,'')) FROM sessions "
                         f"JOIN state ON session=key WHERE id='{id_}'")
        check(f"{id_}: header and state", [v.decode() for v in got[0]],
              [header, str(messages), name.strip()])
    check("integrity", shell(path, "PRAGMA integrity_check;"), b"ok\n")
    check("whose", shell(path, "PRAGMA application_id; PRAGMA user_version;"), b"1918987636\n1\n")
    check("files beside it", sorted(os.listdir(folder)), ["home.db"])
    # what the shell adds is ours too
    header, lines, _, _ = session(rng, 9999, False)
    script = f"INSERT INTO sessions(id, header) VALUES('s9999', {quoted(header)});\n"
    key = "(SELECT key FROM sessions WHERE id='s9999')"
    for i, line in enumerate(lines):
        script += f"INSERT INTO entries(session, seq, line) VALUES({key}, {i + 1}, {quoted(line)});\n"
    script += f"INSERT INTO state VALUES({key}, {len(lines)}, 0, 0, NULL, 0, NULL, 0);\n"
    shell(path, script)
    check("the shell's session", probe("text", path, "s9999").decode(), "\n".join([header] + lines) + "\n")
    check("its state is told to be wrong", b"s9999" in probe("check", path), True)
    shell(path, f"DELETE FROM state WHERE session={key}; DELETE FROM entries WHERE session={key}; "
                "DELETE FROM sessions WHERE id='s9999';")
    check("sound", probe("check", path), b"")
    check("list", len(probe("list", path).split(b"\n")), ROUNDS + 1)


def check_pirust(folder, rng):
    for i in range(ROUNDS):
        header, lines, messages, name = session(rng, i, True)
        ours, theirs = (os.path.join(folder, f"{who}{i}.sqlite") for who in ("ours", "theirs"))
        # theirs, made by the shell and gone on with by us
        cut = rng.randint(0, len(lines))
        script = PIRUST + f"INSERT INTO pi_session_header VALUES('s{i}', {quoted(header)});\n"
        for k, line in enumerate(lines[:cut]):
            script += f"INSERT INTO pi_session_entries VALUES({k + 1}, {quoted(line)});\n"
        if rng.random() < 0.5:
            names = [json.loads(line)["name"] for line in lines[:cut] if '"session_info"' in line]
            count = sum('"message"' in line[:20] for line in lines[:cut])
            script += (f"INSERT INTO pi_session_meta VALUES('message_count', '{count}'), "
                       f"('name', {quoted(names[-1] if names else '')});\n")
        shell(theirs, script)
        text = "\n".join([header] + lines[:cut]) + "\n"
        check("the shell's session", probe("pirust-text", theirs).decode(), text)
        if cut < len(lines):
            probe("pirust-append", theirs, text="\n".join(lines[cut:]).encode())
        probe("pirust-make", ours, text="\n".join([header] + lines).encode())
        for path in (ours, theirs) if cut < len(lines) else (ours,):
            got = rows(path, "SELECT hex(seq), hex(json) FROM pi_session_entries ORDER BY seq")
            check("rows", [[v.decode() for v in r] for r in got],
                  [[str(k + 1), line] for k, line in enumerate(lines)])
            got = rows(path, "SELECT hex(id), hex(json) FROM pi_session_header")
            check("header", [[v.decode() for v in r] for r in got], [[f"s{i}", header]])
            got = rows(path, "SELECT hex(key), hex(value), hex(typeof(value)) FROM pi_session_meta ORDER BY key")
            check("meta", [[v.decode() for v in r] for r in got],
                  [["message_count", str(messages), "text"], ["name", name, "text"]])
            check("integrity", shell(path, "PRAGMA integrity_check; PRAGMA journal_mode;"), b"ok\nwal\n")


def check_index(folder, rng):
    project = os.path.join(folder, "--w--")
    os.mkdir(project)
    wanted = {}
    for i in range(10):
        header, lines, messages, name = session(rng, i, True)
        path = os.path.join(project, f"x{i}.{'sqlite' if i % 2 else 'jsonl'}")
        text = ("\n".join([header] + lines) + "\n").encode()
        if i % 2:
            probe("pirust-make", path, text=text)
        else:
            with open(path, "wb") as f:
                f.write(text)
        wanted[path] = [f"s{i}", json.loads(header)["cwd"], str(messages), name]
    probe("index-refresh", folder)
    index = os.path.join(folder, "session-index.sqlite")
    got = rows(index, "SELECT hex(path), hex(id), hex(cwd), hex(message_count), hex(ifnull(name, '')) FROM sessions")
    check("index rows", {r[0].decode(): [v.decode() for v in r[1:]] for r in got}, wanted)
    got = rows(index, "SELECT hex(value) FROM meta WHERE key='last_sync_epoch_ms'")
    check("sync time", len(got) == 1 and got[0][0].isdigit(), True)
    os.unlink(index)
    shell(index, INDEX + "INSERT INTO sessions VALUES('/x/1.jsonl','i','/c','t',3,7,8,'N');")
    check("the shell's index", probe("index-list", folder), b"/x/1.jsonl\ti\t/c\t3\tN\t7\t8\n")


def main():
    if not shutil.which("sqlite3"):
        print("skipped: no sqlite3\n0 passed, 0 failed, 1 skipped")
        return 0
    rng = random.Random(1)
    for part in (check_home, check_pirust, check_index):
        with tempfile.TemporaryDirectory() as folder:
            part(os.path.realpath(folder), rng)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""ramet seal from outside: what it appends is computed here once more, and so are signatures.

    RAMET_BIN=build/ramet tests/cli/run_seal.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only; signatures
are checked with openssl where it is installed.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import traceback

sys.dont_write_bytecode = True
import run_cli as cli  # noqa: E402
from run_cli import (BIN, TMP, WORK, Failure, Skipped, check, header, refused,  # noqa: E402
                     same, user, write)

HERE = os.path.join(TMP, "seal")
ID = "0196ffff-0000-7000-8000-00000000000b"
HEAD = re.compile(r"head [0-9a-f]{64}")


def run(*args):
    return cli.run(*args, unchanged=False)


def session(name, *lines, head=None):
    shutil.rmtree(HERE, ignore_errors=True)
    return write(os.path.join(HERE, name), head or header(ID), *lines)


def talk(first, last):
    return [user(f"e{i}", f"e{i - 1}" if i else None, i % 3000, f"text {i}")
            for i in range(first, last + 1)]


def add(path, *parts):
    with open(path, "ab", buffering=0) as f:
        f.write("".join(parts).encode())


def stored(path):
    with open(path, "rb") as f:
        return f.read()


def seal(path, *more):
    got = run("seal", path, "--json", *more)
    same(got.code, 0, got.err)
    return json.loads(got.out)


def sha(data):
    return hashlib.sha256(data).digest()


def expected(data, done):
    """(head, short hashes, offset) of the lines behind the first `done` ones of data."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    head, short, offset = sha(lines[0]), "", len(lines[0]) + 1
    for n, text in enumerate(lines[1:], 1):
        head = sha(head + sha(text))
        offset += len(text) + 1
        if n > done:
            short += sha(text)[:4].hex()
    return head.hex(), short, offset


def check_seal(entry, before, done):
    """The entry seals what stood in the file before, but for the first `done` lines."""
    head, short, offset = expected(before, done)
    data = entry["data"]
    same(entry["customType"], "ramet.seal")
    same(data["version"], 1)
    same(data["header"], sha(before.split(b"\n")[0]).hex())
    same(data["head"], head)
    same(data["hashes"], short)
    same(data["count"], len(short) // 8)
    same(data["upTo"], {"lines": done + len(short) // 8, "offset": offset})


def last(path):
    return json.loads(stored(path).split(b"\n")[-2])


# ---- tests ----


def test_content():
    path = session("a.jsonl", *talk(0, 4))
    before = stored(path)
    got = seal(path)
    check_seal(last(path), before, 0)
    data = last(path)["data"]
    same(got, {"id": last(path)["id"], "seals": 1, "lines": 5, "upTo": data["upTo"],
               "head": data["head"], "signed": False})
    check(stored(path).startswith(before), "bytes before the seal changed")
    same(data["session"], ID)
    same(last(path)["parentId"], "e4")


def test_goes_on():
    path = session("a.jsonl", *talk(0, 4))
    seal(path)
    add(path, *talk(5, 7))
    before = stored(path)
    same(seal(path)["lines"], 4)
    check_seal(last(path), before, 5)
    before = stored(path)
    got = seal(path)
    same((got["seals"], got["lines"], "id" in got), (0, 0, False))
    same(stored(path), before, "there was nothing to seal")


def test_odd_lines():
    for tail in ("", "{\"type\":\"mess", user("zz", "e1", 9, "no newline").rstrip("\n")):
        path = session("a.jsonl", *talk(0, 1), "\n", "no JSON\r\n", "{}{}\n", "\xe9\x00\n", tail)
        before = stored(path)
        seal(path)
        check_seal(last(path), before, 0)
        again = stored(path)
        same(seal(path)["seals"], 0)
        same(stored(path), again)


def test_bom():
    path = session("a.jsonl", *talk(0, 1), head="\ufeff" + header(ID))
    before = stored(path)
    seal(path)
    data = last(path)["data"]
    same(data["header"], sha(before[3:].split(b"\n")[0]).hex())
    same(data["head"], expected(before[3:], 0)[0])
    same(data["upTo"]["offset"], len(before))


def test_many_lines():
    path = session("a.jsonl", *talk(0, 100001))
    before = stored(path)
    got = seal(path)
    same((got["seals"], got["lines"]), (3, 100002))
    entries = [json.loads(text) for text in stored(path).split(b"\n")[-4:-1]]
    same([e["data"]["count"] for e in entries], [50000, 50000, 2])
    head, short, offset = expected(before, 0)
    same("".join(e["data"]["hashes"] for e in entries), short)
    same(entries[2]["data"]["head"], head)
    same(entries[2]["data"]["upTo"], {"lines": 100002, "offset": offset})
    same(seal(path)["seals"], 0)


def test_text():
    path = session("a.jsonl", *talk(0, 0))
    got = run("seal", path)
    lines = got.out.split("\n")
    same((got.code, lines[0], got.err), (0, "sealed 1 line", ""))
    check(HEAD.fullmatch(lines[1]), got.out)
    got = run("seal", path)
    same(got.out.split("\n"), ["nothing new to seal", lines[1], ""])


def test_keys():
    session("a.jsonl")
    key = os.path.join(HERE, "key.pem")
    got = run("seal", "--new-key", key)
    same((got.code, got.out), (0, f"{key}\n{key}.pub\n"))
    same(stat.S_IMODE(os.stat(key).st_mode), 0o600)
    check(stored(key).startswith(b"-----BEGIN PRIVATE KEY-----\n"))
    check(stored(key + ".pub").startswith(b"-----BEGIN PUBLIC KEY-----\n"))
    before = stored(key), stored(key + ".pub")
    refused("seal", "--new-key", key, code=3, says="there is a file of this name already", unchanged=False)
    os.remove(key)
    refused("seal", "--new-key", key, code=3, says="there is a file of this name already", unchanged=False)
    check(not os.path.exists(key), "half a pair was made")
    same(stored(key + ".pub"), before[1])
    os.remove(key + ".pub")
    same(json.loads(run("seal", "--json", "--new-key", key).out),
         {"key": key, "public": key + ".pub"})
    check(stored(key) != before[0], "the same key twice")


def signed_text(data):
    return (f"ramet.seal 1\nheader {data['header']}\nlines {data['upTo']['lines']}\n"
            f"head {data['head']}\n").encode()


def test_signature():
    path = session("a.jsonl", *talk(0, 2))
    key = os.path.join(HERE, "key.pem")
    same(run("seal", "--new-key", key).code, 0)
    same(seal(path)["signed"], False)
    got = seal(path, "--sign", key)
    same((got["signed"], got["lines"]), (True, 1))
    same(seal(path, "--sign", key)["seals"], 0)
    data = last(path)["data"]
    same(len(data["signature"]), 128)
    if not shutil.which("openssl"):
        raise Skipped("openssl is not installed")
    text = write(os.path.join(HERE, "text"), signed_text(data))
    signature = write(os.path.join(HERE, "sig"), bytes.fromhex(data["signature"]))
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key + ".pub",
                           "-rawin", "-in", text, "-sigfile", signature], capture_output=True)
    same(done.returncode, 0, done)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", key + ".pub", "-outform", "DER"],
                         capture_output=True).stdout
    same(der[-32:].hex(), data["key"])


def test_key_of_openssl():
    if not shutil.which("openssl"):
        raise Skipped("openssl is not installed")
    path = session("a.jsonl", *talk(0, 2))
    key = os.path.join(HERE, "key.pem")

    def generate(*args):
        subprocess.run(["openssl", "genpkey", "-out", key, *args], check=True,
                       capture_output=True)

    generate("-algorithm", "ed25519")
    same(seal(path, "--sign", key)["signed"], True)
    before = stored(path)
    for args in (["-algorithm", "x25519"], ["-algorithm", "ed448"],
                 ["-algorithm", "ed25519", "-aes-128-cbc", "-pass", "pass:secret"]):
        generate(*args)
        refused("seal", path, "--sign", key, code=3, says="no private Ed25519 key", unchanged=False)
    same(stored(path), before)


def test_refusals():
    path = session("a.jsonl", *talk(0, 2))
    before = stored(path)
    refused("seal", code=2, says="which session", unchanged=False)
    refused("seal", path, "--new-key", os.path.join(HERE, "k"), code=2, says="alone", unchanged=False)
    refused("seal", path, "--sign", os.path.join(HERE, "none"), code=3, says="none", unchanged=False)
    refused("seal", path, "--sign", path, code=3, says="no private Ed25519 key", unchanged=False)
    refused("seal", os.path.join(HERE, "none.jsonl"), code=3, says="none.jsonl", unchanged=False)
    same(stored(path), before)
    same(sorted(os.listdir(HERE)), ["a.jsonl"])
    seal(path)
    add(path, user("e9", "e2", 9, "more"))
    lines = stored(path).split(b"\n")
    write(path, b"\n".join(lines[:2] + lines[3:]))
    before = stored(path)
    refused("seal", path, code=3, says="not where they were", unchanged=False)
    same(stored(path), before)


def test_fork_starts_anew():
    path = session("a.jsonl", *talk(0, 2))
    seal(path)
    got = run("fork", path, "--json")
    same(got.code, 0, got.err)
    copy = json.loads(got.out)["path"]
    before = stored(copy)
    same(seal(copy)["lines"], 4)
    check_seal(last(copy), before, 0)


def test_two_at_once():
    path = session("a.jsonl", *talk(0, 200))
    results = []

    def work(n):
        for i in range(5):
            run("append", path, json.dumps({"role": "user", "content": f"{n} {i}"}))
            results.append(run("seal", path).code)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(results, [0] * 20)
    same(seal(path)["head"], seal(path)["head"])
    lines = stored(path).split(b"\n")[:-1]
    heads = [sha(lines[0])]
    for text in lines[1:]:
        heads.append(sha(heads[-1] + sha(text)))
    for text in lines[1:]:
        entry = json.loads(text)
        if entry.get("customType") == "ramet.seal":
            data = entry["data"]
            same(data["head"], heads[data["upTo"]["lines"]].hex())


def run_test(name, test, verbose):
    """1 passed, 0 failed, -1 skipped."""
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

#!/usr/bin/env python3
"""yoi's logs: replay, forks, damage, accidents, hashes, floats, lists, traces, and writing.

    RAMET_BUILD=build RAMET_BIN=build/ramet tests/golden/run_yoi.py

Everything in tests/golden/yoi is looked at; what is meant to differ from the original stands with its
reason in yoi/differences.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "interop")]
from compare import Results  # noqa: E402
import check_yoi  # noqa: E402

BUILD = os.environ.get("RAMET_BUILD", "build")
GOLD = os.path.join(HERE, "yoi")
G1, G2, LATE = (os.path.join(GOLD, x) for x in ("g1", "g2", "g1-late"))
R = Results(os.path.join(GOLD, "differences.json"))
S2 = "01a01180-11e8-7201-80c0-ffee00000001"


PROBE = os.path.join(BUILD, "tests", "golden", "probe_yoi")


def probe(*args, stdin=b""):
    r = subprocess.run([PROBE, *map(str, args)], input=stdin, capture_output=True)
    if r.returncode:
        sys.exit(f"probe_yoi {args}: {r.stderr.decode()}")
    return r.stdout


def answer(*args, stdin=b""):
    return json.loads(probe(*args, stdin=stdin).decode().rstrip("\n").split("\n")[-1])


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return json.load(f)


def lines(path):
    with open(path, "rb") as f:
        return [x for x in f.read().split(b"\n") if x.strip()]


# ---- states ----

def as_runtime(v):
    """Stored items as the original's memory has them: tag "type", images with a payload."""
    if isinstance(v, list):
        return [as_runtime(x) for x in v]
    if not isinstance(v, dict):
        return v
    v = {("type" if k == "kind" else k): as_runtime(x) for k, x in v.items()}
    if v.get("type") == "image":
        v = {"type": "image", "payload": {k: x for k, x in v.items() if k != "type"}}
    return v


def single(x):
    """A float as the original shows it: 32 bits, widened."""
    import struct
    return struct.unpack("f", struct.pack("f", x))[0] if isinstance(x, float) else x


def state_of(answer_, expected):
    got = dict(answer_)
    got["history"] = as_runtime(got.get("history"))
    config = got.get("config") or {}
    for key in ("temperature", "top_p"):
        if key in config:
            config[key] = single(config[key])
    return {k: got.get(k) for k in expected}


def check_state(case, path, expected, *options):
    R.check(case, "state", expected, state_of(answer("restore", path, *options), expected))
    R.check(case, "strict state", expected,
            state_of(answer("restore", path, "strict", *options), expected))


def states():
    s = os.path.join(G1, "sessions")
    for name in ("s1-all-variants", "s2-minimal", "s3-live-api"):
        e = load(G1, "expected", name + ".json")
        check_state(f"g1/{name}", os.path.join(s, e["session"] + ".jsonl"), e["state"])
    e = load(LATE, "expected", "late-g1.json")
    check_state("g1-late/state", os.path.join(LATE, "sessions", e["session"] + ".jsonl"), e["state"])
    for name in ("all-variants", "save-path"):
        e = load(G2, "expected", name + ".json")
        check_state(f"g2/{name}", os.path.join(G2, "sessions", e["session"],
                                              e["segment"] + ".jsonl"), e["state"])
    path = os.path.join(G2, "sessions", S2, "01a01180-15d0-7202-80c0-ffee00000002.jsonl")
    for e in load(G2, "expected", "prefix-states.json"):
        got = answer("restore", path, f"n={e['prefix_entries']}")
        got = {"history_len": len(got["history"]), "prefix_entries": got["entries_count"],
               **{k: got[k] for k in ("last_run_interrupted", "turn_count")}}
        R.check("g2/prefix-states", str(e["prefix_entries"]), e, got)


# ---- damage ----

def error_of(expected):
    return {"error": "Corrupt" if expected.get("line") else "Io", "line": expected.get("line", 0)}


def outcome(got):
    if "error" not in got:
        return got
    return {"error": "Corrupt" if got["line"] else "Io", "line": got["line"]}


def damaged_g1():
    e = load(G1, "expected", "damaged.json")
    for c in e["cases"]:
        case, path = "g1-damaged/" + c["case"], os.path.join(G1, c["file"])
        got = outcome(answer("restore", path, "strict", "gen=G1"))
        want = c["read_all"]
        R.check(case, "read_all", error_of(want) if "error" in want else want,
                got if "error" in got else {"entries": got["entries_count"]})
        want = c["restore"]
        R.check(case, "restore", error_of(want) if "error" in want else want,
                got if "error" in got else {"history_len": len(got["history"]),
                                            "turn_count": got["turn_count"]})
        want = c["read_head_hash"]
        R.check(case, "head", error_of(want) if "error" in want else want,
                outcome(answer("head", path)))
        v = answer("verify", path)
        if c["chain_would_verify_if_checked"] is not None:
            R.check(case, "chain", c["chain_would_verify_if_checked"], v["intact"])
        else:
            R.check(case, "verify finds it", False, v["intact"])
        tolerant = answer("restore", path)
        R.check(case, "tolerant reading goes on", False, "error" in tolerant)
    for c in e["append_after"]:
        case = "g1-damaged/" + c["case"]
        want = c["read_all_after"]
        R.check(case, "read_all", error_of(want),
                outcome(answer("restore", os.path.join(G1, c["file"]), "strict", "gen=G1")))


def copy_to(folder, path):
    to = os.path.join(folder, os.path.basename(path))
    shutil.copyfile(path, to)
    return to


def append_to_damaged(folder):
    """No append ever glues: it is refused or goes behind what counts."""
    for c in load(G1, "expected", "damaged.json")["cases"]:
        path = copy_to(folder, os.path.join(G1, c["file"]))
        before = open(path, "rb").read()
        got = answer("save", path, stdin=b'["turn_end",9]\n')
        after = open(path, "rb").read()
        torn = before and not before.endswith(b"\n")
        R.check("g1-append/" + c["case"], "refused", bool(torn), "error" in got)
        R.check("g1-append/" + c["case"], "nothing is changed before the new line", True,
                after == before if torn else after.startswith(before) and after.count(b"\n") ==
                before.count(b"\n") + 1)
    for c in load(G2, "expected", "damaged.json"):
        case = "g2-damaged/" + c["case"]
        source = os.path.join(G2, c["file"])
        path = copy_to(folder, source)
        for side in (path + ".torn",):
            if os.path.exists(side):
                os.unlink(side)
        want = c["read_all"]
        got = outcome(answer("restore", path, "strict", "gen=G2"))
        R.check(case, "read_all", error_of(want) if "error" in want else want,
                got if "error" in got else {"entries": got["entries_count"]})
        before = open(path, "rb").read()
        got = answer("save", path, stdin=b'["record",{"kind":"turn_end","ts":9,"turn_count":9}]\n')
        R.check(case, "append", c["after_append"]["append_ok"], "error" not in got)
        if "error" in got:
            continue
        after = open(path, "rb").read()
        counted = before[:before.rfind(b"\n") + 1]
        R.check(case, "what counted stays", True, after.startswith(counted))
        torn = before[len(counted):]
        kept = open(path + ".torn", "rb").read() if os.path.exists(path + ".torn") else b""
        R.check(case, "the torn tail is kept", torn.decode("latin-1"), kept.decode("latin-1"))
        want = c["after_append"]["read_all"]
        got = outcome(answer("restore", path, "strict", "gen=G2"))
        R.check(case, "read_all after append", error_of(want) if "error" in want else want,
                got if "error" in got else {"entries": got["entries_count"]})


def incidents():
    path = os.path.join(G1, "incidents", "enospc-8k.jsonl")
    got = answer("restore", path)
    R.check("incidents/g1-enospc", "records", 15, got["entries_count"])
    v = answer("verify", path)
    R.check("incidents/g1-enospc", "verify", [15, 269, 16, False],
            [v["records"], v["torn"], v["badLine"], v["intact"]])
    path = os.path.join(G1, "incidents", "two-writers-glued.jsonl")
    got = answer("restore", path)
    R.check("incidents/two-writers", "records", 120, got["entries_count"])
    v = answer("verify", path)
    R.check("incidents/two-writers", "verify",
            {"records": 120, "wrong": 0, "chains": 2, "badJson": 0, "intact": False},
            {k: v[k] for k in ("records", "wrong", "chains", "badJson", "intact")})
    got = answer("restore", os.path.join(G2, "incidents", "enospc-8k.jsonl"), "strict")
    R.check("incidents/g2-enospc", "records", 22, got["entries_count"])
    v = answer("verify", os.path.join(G1, "sessions", "019dbd74-3d88-7105-80c0-ffee00000005.jsonl"))
    R.check("incidents/interleaved", "branches, no tampering", [0, 2, 2],
            [v["wrong"], v["branches"], v["broken"]])


# ---- chain, floats ----

def chain():
    vectors = [json.loads(x) for x in lines(os.path.join(G1, "hash-vectors.jsonl"))]
    for i, v in enumerate(vectors):
        got = probe("hash", v["prev"] or "", stdin=v["canonical"].encode()).decode().strip()
        R.check("hash-vectors/hash", str(i), v["hash"], got)
    # a chain built from the texts is the file, byte for byte
    path = os.path.join(G1, "sessions", "019dbd74-2de8-7101-80c0-ffee00000001.jsonl")
    texts = [b"{" + x[x.index(b'"kind"'):] for x in lines(path)]
    R.check("hash-vectors/build", "bytes", open(path, "rb").read().decode(),
            probe("chain", stdin=b"\n".join(texts) + b"\n").decode())
    folder = os.path.join(G1, "sessions")
    for name in sorted(os.listdir(folder)):
        if not re.fullmatch(r"[0-9a-f-]{36}\.jsonl", name):
            continue
        v = answer("verify", os.path.join(folder, name))
        theirs = check_yoi.check_chain(os.path.join(folder, name))
        R.check("chain/" + name, "ours and the checker's", not theirs, v["intact"])
    late = os.path.join(LATE, "sessions", os.listdir(os.path.join(LATE, "sessions"))[0])
    R.check("chain/late", "intact", True, answer("verify", late)["intact"])


def floats():
    rows = [x.decode().split("\t") for x in lines(os.path.join(G1, "float-format.tsv"))
            if not x.startswith(b"#")]
    got = probe("floats", stdin="".join(f"{w} {new}\n" for w, _, new, _ in rows).encode())
    for (width, old, new, _), line in zip(rows, got.decode().splitlines()):
        a, b, plain = line.split("\t")
        R.check("floats/old", f"{width} {old}", old, a)
        R.check("floats/new", f"{width} {new}", new, b)
        R.check("floats/plain", f"{width} {new}", [False, float(new)],
                ["e" in plain, float(plain)])


# ---- lists ----

def lists(folder):
    got = probe("sessions", os.path.join(G1, "sessions"), 1).decode().split()
    R.check("list/g1", "sessions", load(G1, "expected", "list.json"), got)
    e = load(G2, "expected", "list.json")
    where = os.path.join(G2, "sessions")
    R.check("list/g2", "sessions", e["sessions"], probe("sessions", where, 2).decode().split())
    R.check("list/g2", "segments", e["segments_of_first"],
            probe("segments", where, S2).decode().split())
    R.check("list/g2", "lookup", e["lookup_session_of_seg1"],
            probe("session", where, "01a01180-15d0-7202-80c0-ffee00000002").decode().strip())
    R.check("list/g2", "an id that leaves the directory", "EINVAL",
            answer("find", where, "../../etc/passwd")["error"])
    worker = os.path.join(folder, "worker")
    shutil.copytree(os.path.join(G2, "worker-aggregate"), worker)
    owner = load(worker, "session", "session.json")["session_id"]
    R.check("list/worker", "session", [owner], probe("sessions", worker).decode().split())
    segments = probe("segments", worker, owner).decode().split()
    R.check("list/worker", "segments", ["01a01180-8718-721f-80c0-ffee0000001f"], segments)
    e = load(G2, "expected", "worker-aggregate.json")["other_session_rejected"]
    other = re.findall(r"[0-9a-f-]{36}", e["message"])[1]
    R.check("list/worker", "another session is refused", "ECONFLICT",
            answer("create", worker, "{}", "G2", other)["error"])
    made = answer("create", worker, "{}", "G2")
    R.check("list/worker", "a new segment of its own", [owner, True],
            [made["session"], made["path"].startswith(worker + "/session/segments/")])


# ---- writing ----

def without(line, *keys):
    """A record without its hashes and these members."""
    o = json.loads(line)
    return {k: v for k, v in o.items() if k not in ("hash", "prev_hash", "ts") + keys}


def text_of(line):
    """The record's own text, its time blanked."""
    return re.sub(rb'"ts":\d+', b'"ts":0', b"{" + line[line.index(b'"kind"'):])


def forks(folder):
    out = os.path.join(folder, "forks")
    source = os.path.join(G1, "sessions", "019dbd74-35b8-7103-80c0-ffee00000003.jsonl")
    for e in load(G1, "expected", "forks.json"):
        if "fork" not in e:
            continue
        theirs = os.path.join(G1, "sessions", e["fork"] + ".jsonl")
        check_state("g1-forks/" + e["case"][:24], theirs, e["state"])
        if not e["case"].startswith("fork_at"):
            continue
        got = answer("fork-hash", out, source, e["at_hash"], "seed")
        R.check("g1-forks/" + e["case"][:24], "is made", True, "path" in got)
        if "path" not in got:
            continue
        R.check("g1-forks/" + e["case"][:24], "bytes but for time and hash",
                text_of(lines(theirs)[0]).decode(), text_of(lines(got["path"])[0]).decode())
        check_yoi_file("g1-forks/" + e["case"][:24], got["path"])
    source = os.path.join(G2, "sessions", S2, "01a01180-15d0-7202-80c0-ffee00000002.jsonl")
    for e in load(G2, "expected", "forks.json"):
        m = re.fullmatch(r"fork_at turn (\d+)", e["case"])
        if not m:
            continue
        theirs = os.path.join(G2, "sessions", S2, e["segment"] + ".jsonl")
        check_state("g2-forks/" + e["case"], theirs, e["state"])
        got = answer("fork-turn", out, source, m[1], "seed")
        R.check("g2-forks/" + e["case"], "is made", True, "path" in got)
        if "path" in got:
            R.check("g2-forks/" + e["case"], "bytes but for time",
                    text_of(lines(theirs)[0]).decode(), text_of(lines(got["path"])[0]).decode())
    # with the whole state: what the original loses comes along
    for turn in (0, 1, 2):
        got = answer("fork-turn", out, source, turn)
        a = answer("restore", got["path"], "strict")
        b = answer("restore", source, f"turn={turn}")
        for o in (a, b):
            for k in ("entries_count", "user_segments"):
                o.pop(k)
        R.check("state-of-fork/turn", str(turn), b, a)
    source = os.path.join(G1, "sessions", "019dbd74-2de8-7101-80c0-ffee00000001.jsonl")
    for line in lines(source):
        h = json.loads(line)["hash"]
        got = answer("fork-hash", out, source, h)
        a, b = answer("restore", got["path"], "strict"), answer("restore", source, "hash=" + h)
        for o in (a, b):
            for k in ("entries_count", "head_hash"):
                o.pop(k)
        R.check("state-of-fork/hash", h[:8], b, a)
        R.check("state-of-fork/hash", h[:8] + " verifies", True,
                answer("verify", got["path"])["intact"])
        check_yoi_file("state-of-fork/" + h[:8], got["path"])


def check_yoi_file(case, path):
    for text in check_yoi.check(path):
        R.fail(case, f"{path}: {text}")
    R.count(case, True)


CONFIG = {"max_tokens": 1024, "stop_sequences": []}
DELTA = [{"type": "message", "role": "user", "content": [{"type": "text", "text": "Which city is "
                                                         "warmer today?"}]},
         {"type": "reasoning", "text": "hm"},
         {"type": "tool_call", "call_id": "c1", "name": "lookup_city",
          "arguments": "{\"q\":\"Porto\"}"},
         {"type": "tool_call", "call_id": "c2", "name": "clock", "arguments": "{}"},
         {"type": "tool_result", "call_id": "c1", "summary": "mild"},
         {"type": "tool_result", "call_id": "c2", "summary": "10:00"},
         {"type": "message", "role": "assistant",
          "content": [{"type": "text", "text": "Porto, by a little."}]},
         {"type": "message", "role": "system", "content": [{"type": "text", "text": "(aside) first"}]},
         {"type": "message", "role": "system",
          "content": [{"type": "text", "text": "(aside) second"}]},
         {"type": "message", "role": "assistant",
          "content": [{"type": "text", "text": "More questions?"}]},
         {"type": "message", "role": "user", "content": [{"type": "text", "text": "no"}]},
         {"type": "message", "role": "user", "content": [{"type": "text", "text": "thanks"}]}]


def usage(*n):
    return dict(zip(("history_len", "input_total_tokens", "cache_read_tokens", "cache_write_tokens",
                     "output_tokens"), n))


def saving(folder):
    """The original's public functions, one after the other: the same records, byte for byte."""
    e = load(G1, "expected", "s3-live-api.json")
    theirs = lines(os.path.join(G1, "sessions", e["session"] + ".jsonl"))
    made = answer("create", os.path.join(folder, "save"),
                  json.dumps({"system_prompt": "sys", "config": CONFIG}), "G1", e["session"])
    steps = [["delta", DELTA], ["turn_end", 1], ["usage", usage(1, 50, 0, 0, 10)],
             ["usage", usage(6, 90, 50, 5, 12)], ["completed", True, "paused"],
             ["config", {"temperature": 0.5, "stop_sequences": []}],
             ["extension", "notes.cursor", {"upto": 7}], ["errored", False, "boom"]]
    got = answer("save", made["path"], stdin="".join(json.dumps(s) + "\n" for s in steps).encode())
    R.check("save/g1", "saved", False, "error" in got)
    ours = lines(made["path"])
    R.check("save/g1", "kinds", e["kinds"], [json.loads(x)["kind"] for x in ours])
    for i, (a, b) in enumerate(zip(theirs, ours)):
        R.check("save/g1", f"record {i}", text_of(a).decode(), text_of(b).decode())
    R.check("save/g1", "verifies", True, answer("verify", made["path"])["intact"])
    check_yoi_file("save/g1", made["path"])
    R.check("save/g1", "an existing log is not replaced", "ECONFLICT",
            answer("create", os.path.join(folder, "save"), "{}", "G1", e["session"])["error"])

    e = load(G2, "expected", "save-path.json")
    theirs = lines(os.path.join(G2, "sessions", e["session"], e["segment"] + ".jsonl"))
    made = answer("create", os.path.join(folder, "save"), "{}", "G2", e["session"], e["segment"])
    steps = [["input", [{"kind": "text", "content": "hello"}]],
             ["delta", [{"kind": "message", "role": "user",
                         "content": [{"kind": "text", "text": "hello"}]},
                        {"kind": "reasoning", "text": "r"},
                        {"kind": "message", "role": "assistant",
                         "content": [{"kind": "text", "text": "a"}]},
                        {"kind": "tool_call", "call_id": "c", "name": "n", "arguments": "{}"},
                        {"kind": "tool_result", "call_id": "c", "summary": "ok"},
                        {"kind": "message", "role": "system",
                         "content": [{"kind": "text", "text": "a system text lands here"}]}]],
             ["turn_end", 1], ["completed", True, "paused"]]
    got = answer("save", made["path"], stdin="".join(json.dumps(s) + "\n" for s in steps).encode())
    for i, (a, b) in enumerate(zip(theirs, lines(made["path"]))):
        R.check("save/g2", f"record {i}", text_of(a).decode(), text_of(b).decode())
    R.check("save/g2", "records", len(theirs), got.get("records"))
    check_yoi_file("save/g2", made["path"])

    kept = probe("truncate", made["path"], 2).decode().splitlines()
    e = load(G2, "expected", "truncate.json")
    R.check("truncate/g2", "entries_after", e["entries_after"],
            answer("restore", made["path"], "strict")["entries_count"])
    R.check("truncate/g2", "the rest is kept", 7, len(lines(kept[0])))
    R.check("truncate/g2", "beyond the end", ["EINVAL", e["beyond_end"]["line"]],
            [answer("truncate", made["path"], 5)[k] for k in ("error", "line")])
    R.check("truncate/g2", "rewind with a wrong count", "ECONFLICT",
            answer("rewind", made["path"], 0, 3)["error"])
    probe("rewind", made["path"], 0, 2)
    R.check("truncate/g2", "rewind before the input", 1,
            answer("restore", made["path"], "strict")["entries_count"])


def ensure(folder):
    for gen, golden in (("G1", "019dbd74-39a0-7104-80c0-ffee00000004"), ("G2", None)):
        made = answer("create", os.path.join(folder, "ensure"), json.dumps({"config": CONFIG}), gen)
        start = json.dumps({"config": CONFIG, "history": DELTA[:1]})
        for meddle in (False, True):
            p = subprocess.Popen([PROBE, "ensure", made["path"], start], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
            p.stdout.readline()
            if meddle:
                answer("save", made["path"], stdin=b'["turn_end",3]\n')
            out = p.communicate()[0].decode().splitlines()
            R.check("ensure/" + gen, f"forked: {meddle}", str(int(meddle)), out[0])
            got = json.loads(out[1])
            R.check("ensure/" + gen, f"a new log: {meddle}", meddle, got["path"] != made["path"])
            if meddle:
                first = json.loads(lines(got["path"])[0])
                parent = made["session"] if gen == "G1" else made["segment"]
                R.check("ensure/" + gen, "names its parent", parent,
                        list(first["forked_from"].values())[0])
                R.check("ensure/" + gen, "same session", gen == "G2",
                        got["session"] == made["session"])
    source = os.path.join(G1, "sessions", "019dbd74-35b8-7103-80c0-ffee00000003.jsonl")
    got = answer("compact", os.path.join(folder, "ensure"), source,
                 json.dumps({"system_prompt": "sys", "config": CONFIG, "history": [
                     {"type": "message", "role": "system", "content": [
                         {"type": "text", "text": "SUMMARY so far: two cities compared"}]},
                     DELTA[9]]}), "seed")
    e = [x for x in load(G1, "expected", "forks.json") if x["case"] == "create_compacted_session"][0]
    R.check("compact/g1", "bytes but for time and hash",
            text_of(lines(os.path.join(G1, "sessions", e["fork"] + ".jsonl"))[0]).decode(),
            text_of(lines(got["path"])[0]).decode())


def encoding():
    """Entries made of a log, and records made of them: the original's bytes again."""
    files = [("G1", os.path.join(G1, "sessions", x + ".jsonl")) for x in
             ("019dbd74-2de8-7101-80c0-ffee00000001", "019dbd74-35b8-7103-80c0-ffee00000003")]
    files.append(("G1d", os.path.join(LATE, "sessions",
                                      os.listdir(os.path.join(LATE, "sessions"))[0])))
    files.append(("G2", os.path.join(G2, "sessions", S2,
                                     "01a01180-15d0-7202-80c0-ffee00000002.jsonl")))
    for gen, path in files:
        theirs = [b"{" + x[x.index(b'"kind"'):] for x in lines(path)]
        ours = []
        for x in probe("encode", path, gen).split(b"\n"):
            if x:
                x = b"{" + x[x.index(b'"kind"'):]
                ours.append(re.sub(rb',"ramet":"(?:[^"\\]|\\.)*"\}$', b"}", x))
        R.check("encode/" + gen, os.path.basename(path)[-12:] + " is read", True, len(ours) > 5)
        for i, x in enumerate(theirs[1:], 1):
            R.check("encode/" + gen, f"{os.path.basename(path)[-12:-6]} record {i}", True, x in ours)


def traces(folder):
    for gen, path in (("G1", os.path.join(G1, "sessions",
                                          "019dbd74-2de8-7101-80c0-ffee00000001.trace.jsonl")),
                      ("G2", os.path.join(G2, "sessions", S2,
                                          "01a01180-15d0-7202-80c0-ffee00000002.trace.jsonl"))):
        to = os.path.join(folder, gen + ".trace.jsonl")
        probe("trace", path, gen, to)
        R.check("trace/" + gen, "the same bytes", open(path, "rb").read().decode(),
                open(to, "rb").read().decode())


def converted(folder):
    """Sessions of pi's, written as yoi's: the independent checker has nothing to say."""
    ramet = os.environ.get("RAMET_BIN", os.path.join(BUILD, "ramet"))
    source = os.path.join(HERE, "pi-current", "sessions")
    for name in sorted(os.listdir(source)):
        to = os.path.join(folder, "converted-" + name)
        r = subprocess.run([ramet, "convert", os.path.join(source, name), "--to", "yoi", "--lean",
                            "-o", to], capture_output=True)
        if not r.returncode:
            check_yoi_file("converted/" + name, to)
            got = answer("restore", to, "strict")
            R.check("converted/" + name, "the original reads it", False, "error" in got)


def main():
    with tempfile.TemporaryDirectory() as folder:
        states()
        damaged_g1()
        append_to_damaged(folder)
        incidents()
        chain()
        floats()
        lists(folder)
        forks(folder)
        saving(folder)
        ensure(folder)
        encoding()
        traces(folder)
        converted(folder)
    return R.finish()


if __name__ == "__main__":
    sys.exit(main())

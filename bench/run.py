#!/usr/bin/env python3
"""Measurements, each against a floor or a peer in the same run, printed as ratios.

Every figure is the median of several runs with a warm page cache (of conversions: the slowest of the
quickest quarter); what is compared runs by turns. A line without the peer says so. Nothing here is a
test: `make check` never times anything.
"""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
BUILD = os.path.abspath(os.environ.get("RAMET_BUILD", "build"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
RUNS = int(os.environ.get("BENCH_RUNS", "15"))
PEER_RUNS = int(os.environ.get("BENCH_PEER_RUNS", "3"))
CONVERT_RUNS = int(os.environ.get("BENCH_CONVERT_RUNS", "15"))
ENTRIES = 100_000
SIZE = 140_000_000
WRITE_RUNS = int(os.environ.get("BENCH_WRITE_RUNS", "7"))
LOG_RUNS = int(os.environ.get("BENCH_LOG_RUNS", "15"))
APPENDS = 1000
WARM = 3000
FORK_ENTRIES = 10_000
FORK_SIZE = 14_000_000


def tool(name):
    for folder in (os.path.join(BUILD, "bench"), BUILD):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    sys.exit(f"bench: {name} is not built")


def peer():
    """(node, package folder) of the live peer, or None."""
    r = subprocess.run([os.path.join(ROOT, "tools", "peer.sh")], capture_output=True, text=True)
    paths = r.stdout.split("\n")
    return (paths[0], paths[1]) if r.returncode == 0 and len(paths) > 1 else None


def seconds(command, env=None):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=env)
    return time.perf_counter() - start


def by_turns(a, b, runs=RUNS, env=None):
    """Median times of two commands that run one after the other, again and again."""
    times = [(seconds(a, env), seconds(b, env)) for _ in range(runs + 1)][1:]
    return [statistics.median(column) for column in zip(*times)]


def report(command, env=None):
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout)


def median_of(command, key, runs, env=None):
    return statistics.median(report(command, env)[key] for _ in range(runs))


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, other, ratio, bar):
        self.rows.append((what, ours, other, ratio, bar))
        print(f"  {what}: {ours} | {other} | {ratio} (bar: {bar})", flush=True)

    def show(self):
        head = ("what", "ramet", "against", "ratio", "bar")
        rows = [head] + self.rows
        wide = [max(len(row[i]) for row in rows) for i in range(5)]
        print()
        for i, row in enumerate(rows):
            print("| " + " | ".join(text.ljust(wide[k]) for k, text in enumerate(row)) + " |")
            if i == 0:
                print("|" + "|".join("-" * (w + 2) for w in wide) + "|")


def ms(s):
    return f"{s * 1e3:.2f} ms"


def bench_open(table, big, node):
    subprocess.run(["cat", big], stdout=subprocess.DEVNULL, check=True)
    ours, floor = by_turns([tool("bench_open"), big], ["wc", "-l", big])
    table.add("open 100k entries, 140 MB", ms(ours), f"wc -l {ms(floor)}", f"{ours / floor:.2f}x wc -l", "<= 3")
    if node:
        theirs = median_of([node[0], f"{HERE}/peer.mjs", node[1], "open", big], "ms", PEER_RUNS) / 1e3
        table.add("the same against pi's open", ms(ours), ms(theirs), f"{theirs / ours:.0f}x faster", ">= 20")
    facts = report([tool("bench_open"), "--report", big])
    share = facts["privateKb"] * 1024 / os.path.getsize(big)
    table.add("private memory after opening", f"{facts['privateKb'] / 1024:.1f} MB", "file 140 MB",
              f"{share * 100:.1f} %", "<= 10 %")
    us = statistics.median(report([tool("bench_open"), "--report", big])["contextUs"] for _ in range(5))
    table.add(f"context of {facts['contextMessages']} messages at the leaf", f"{us / 1e3:.3f} ms", "-",
              f"{us / 1e3:.3f} ms", "<= 1 ms")


def tape_seconds(path):
    """bench_json prints a line a measure: name, seconds, rate."""
    out = subprocess.run([tool("bench_json"), path], capture_output=True, text=True, check=True).stdout
    return next(float(line.split()[1]) for line in out.split("\n") if line.startswith("tape "))


def bench_parse(table, big, node):
    ours = tape_seconds(big)
    other, ratio = "no peer", "-"
    if node:
        theirs = median_of([node[0], f"{HERE}/peer.mjs", node[1], "parse", big], "ms", PEER_RUNS) / 1e3
        other, ratio = f"JSON.parse {ms(theirs)}", f"{theirs / ours:.1f}x faster"
    table.add("validating view of every line", ms(ours), other, ratio, ">= 6")


def make_many(folder, count, size):
    """An agent directory with count sessions in 20 projects."""
    for i in range(count):
        project = os.path.join(folder, "sessions", f"--home-dev-project{i % 20}--")
        os.makedirs(project, exist_ok=True)
        subprocess.run([tool("make_session"), os.path.join(project, f"2025-01-01T00-00-00-000Z_s{i:05}.jsonl"),
                        "70", str(size), "40", str(i)], check=True)


def bench_list(table, folder, node):
    make_many(folder, 2000, 100_000)
    size = int(subprocess.run(["du", "-sb", folder], capture_output=True, text=True).stdout.split()[0])
    env = dict(os.environ, PI_CODING_AGENT_DIR=folder)
    command = [BIN, "list", "pi", "--json", "--no-cache"]
    ours = statistics.median(seconds(command, env) for _ in range(RUNS))
    other, ratio = "no peer", "-"
    if node:
        theirs = median_of([node[0], f"{HERE}/peer.mjs", node[1], "list", folder], "ms", PEER_RUNS, env) / 1e3
        other, ratio = f"listAll {ms(theirs)}", f"{theirs / ours:.0f}x faster"
    table.add(f"list 2 000 sessions, {size / 1e6:.0f} MB, no cache", ms(ours), other, ratio, ">= 10")


def bench_start(table):
    ours, floor = by_turns([BIN, "--version"], ["/bin/true"], runs=200)
    table.add("ramet --version", ms(ours), f"/bin/true {ms(floor)}", f"{ours / floor:.2f}x", "<= 3")


WORDS = ("the parser fails when a stale token is left in the queue; retry() the \"index\" then\n\t "
         "const rows = await this.take({ limit: 500 });\n \\d+ C:\\\\tmp Größe 数据 naïve → ✓ 🙂").split(" ")


def make_messages(path):
    """User and assistant by turns, texts of 300 to 1500 bytes, as JSON.stringify writes them."""
    rng = random.Random(1)
    with open(path, "w", encoding="utf-8") as f:
        for i in range(APPENDS):
            text, size = "", rng.randint(300, 1500)
            while len(text.encode()) < size - 8:
                text += rng.choice(WORDS) + " "
            m = {"role": "user", "content": text, "timestamp": 1750000000000 + i * 4000}
            if i % 2:
                n = [rng.randint(2, 90000) for _ in range(4)]
                cost = [rng.randint(1, 9999) / 10000 for _ in range(4)]
                keys = ("input", "output", "cacheRead", "cacheWrite")
                m = {"role": "assistant", "content": [{"type": "text", "text": text}],
                     "api": "anthropic-messages", "provider": "anthropic", "model": "model-4",
                     "usage": {**dict(zip(keys, n)), "totalTokens": sum(n),
                               "cost": {**dict(zip(keys, cost)), "total": round(sum(cost) + 0.00005, 5)}},
                     "stopReason": "stop", "timestamp": m["timestamp"]}
            f.write(json.dumps(m, ensure_ascii=False, separators=(",", ":")) + "\n")


def in_rounds(folder, commands, runs=WRITE_RUNS):
    """Runs commands (name: command, DIR standing for a fresh directory) by turns, a fresh process each;
    {name: (median seconds, a report)}. Each turn is two runs and the second counts: memory that a
    virtual machine has to fetch from its host first would make the order of the turns matter."""
    told = {name: [] for name in commands}
    for i in range(runs):
        for name, command in commands.items():
            for k in range(2):
                fresh = os.path.join(folder, f"{name}-{i}-{k}")
                os.mkdir(fresh)
                answer = report([fresh if word == "DIR" else word for word in command])
                shutil.rmtree(fresh)
            told[name].append(answer)
    return {name: (statistics.median(r["ms"] for r in rs) / 1e3, rs[0]) for name, rs in told.items()}


def bench_append(table, folder, node):
    messages = os.path.join(folder, "messages.jsonl")
    make_messages(messages)
    ours = {mode: [tool("bench_append"), mode, messages, "DIR"] for mode in ("one", "batch", "each")}
    # the floor writes the very lines of a session made beforehand
    first = os.path.join(folder, "first")
    os.mkdir(first)
    session = report([tool("bench_append"), "one", messages, first])["path"]
    floors = {mode: [tool("bench_append"), mode, session, "DIR"] for mode in ("floor", "floor-each", "floor-write")}
    pi = {}
    if node:
        command = [node[0], f"{HERE}/peer.mjs", node[1], "append", messages, "DIR"]
        pi = {"pi": command, "pi-warm": command + [str(WARM)]}
    got = in_rounds(folder, {**ours, **pi, **floors})
    for mode, what in (("one", "one by one"), ("batch", "in batches of 100")):
        for peer_mode, state in (("pi", "fresh"), ("pi-warm", f"after {WARM} appends")):
            other, ratio = "no peer", "-"
            if node:
                other = f"pi {state} {ms(got[peer_mode][0])}"
                ratio = f"{got[peer_mode][0] / got[mode][0]:.1f}x faster"
            table.add(f"append {APPENDS} messages {what}, level none", ms(got[mode][0]), other, ratio,
                      ">= 10" if mode == "batch" else "-")
        table.add("the same against lock, two stats, tail read, write", ms(got[mode][0]),
                  f"bare loop {ms(got['floor'][0])}", f"{got['floor'][0] / got[mode][0]:.2f} of it",
                  ">= 0.8" if mode == "one" else "-")
    if node:
        bare = got["floor-write"][0]
        table.add("for scale: one bare write(2) a message", ms(bare), f"pi fresh {ms(got['pi'][0])}",
                  f"{got['pi'][0] / bare:.1f}x faster", "-")
    table.add(f"append {APPENDS} messages, level each", ms(got["each"][0]),
              f"write + fdatasync {ms(got['floor-each'][0])}", f"{got['each'][0] / got['floor-each'][0]:.2f}x floor", "-")
    if node:
        sizes = {mode: got[mode][1]["bytes"] for mode in ("one", "batch", "pi")}
        table.add("file of the same appends", f"{sizes['one']} B", f"pi {sizes['pi']} B",
                  "equal" if len(set(sizes.values())) == 1 else f"differ: {sizes}", "equal")


def bench_fork(table, folder, node):
    source = os.path.join(folder, "source.jsonl")
    subprocess.run([tool("make_session"), source, str(FORK_ENTRIES), str(FORK_SIZE), "300"], check=True)
    leaf = report([tool("bench_fork"), "leaf", source, "-"])
    first = os.path.join(folder, "first-branch")
    os.mkdir(first)
    path = report([tool("bench_fork"), "branch", source, first])["path"]
    for mode, target, what, method, end in (
            ("all", source, f"fork of {leaf['entries']} entries", "fork", []),
            ("branch", path, f"fork of the longest path ({leaf['depth'] + 1})", "branch", [leaf["leaf"]])):
        commands = {m: [tool("bench_fork"), m, source, "DIR"] for m in (mode, f"{mode}-each")}
        commands.update({m: [tool("bench_fork"), m, target, "DIR"] for m in ("floor", "floor-each")})
        if node:
            commands["pi"] = [node[0], f"{HERE}/peer.mjs", node[1], method, source, "DIR"] + end
        got = in_rounds(folder, commands)
        for level, floor in ((mode, "floor"), (f"{mode}-each", "floor-each")):
            name = f"{what}, level {'each' if '-' in level else 'none'}"
            other, ratio = "no peer", "-"
            if node:
                other, ratio = f"pi {ms(got['pi'][0])}", f"{got['pi'][0] / got[level][0]:.1f}x faster"
            table.add(name, ms(got[level][0]), other, ratio, ">= 10" if mode == "all" else "-")
            table.add("the same against copying the bytes", ms(got[level][0]), f"floor {ms(got[floor][0])}",
                      f"{got[level][0] / got[floor][0]:.2f}x floor", "-")


def real_folder():
    """A directory for what is written, on a disk: memory file systems would flatter syncing."""
    folder = tempfile.mkdtemp(prefix="ramet-bench-")
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="ramet-bench-", dir=BUILD)
        kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip()
    print(f"bench: files are written in {folder} ({kind})")
    return folder


def bench_big(table, folder, node):
    big = os.path.join(folder, "big.jsonl")
    subprocess.run([tool("make_session"), big, str(ENTRIES), str(SIZE), "300"], check=True)
    bench_open(table, big, node)
    bench_parse(table, big, node)
    os.unlink(big)


SQLITE = """
import json, os, sqlite3, sys, time
batch, messages, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(messages, encoding="utf-8") as f:
    lines = f.read().split("\\n")[:-1]
db = sqlite3.connect(os.path.join(folder, "x.db"), isolation_level=None)
db.execute("pragma journal_mode=wal")
db.execute("pragma synchronous=full")
db.execute("create table entry(id text primary key, parent text, time integer, json text)")
db.execute("insert into entry values('0', null, 0, '')")
start = time.perf_counter()
for i in range(0, len(lines), batch):
    db.execute("begin")
    for k, line in enumerate(lines[i:i + batch]):
        db.execute("insert into entry values(?, ?, ?, ?)", (f"{i + k + 1:08x}", f"{i + k:08x}", i, line))
    db.execute("commit")
print(json.dumps({"ms": (time.perf_counter() - start) * 1e3}))
"""


def log_turns(folder, threads, messages):
    """Median seconds of appends, and of the same lines written bare by turns with them."""
    told = []
    for i in range(LOG_RUNS):
        fresh = os.path.join(folder, f"turns-{threads}-{i}")
        os.mkdir(fresh)
        told.append(report([tool("bench_log"), "threads", str(threads), messages, fresh])["ms"])
        shutil.rmtree(fresh)
    ours, bare = zip(*told)
    return statistics.median(ours) / 1e3, statistics.median(bare) / 1e3


def bench_log(table, folder, node):
    """Appends that survive a power cut, against write + fdatasync and against SQLite."""
    messages = os.path.join(folder, "log-messages.jsonl")
    make_messages(messages)
    for threads, name, floor in ((1, f"append {APPENDS} messages, level each", "write + fdatasync"),
                                 (8, "8 threads, 8 sessions, level each", "8 bare loops")):
        ours, bare = log_turns(folder, threads, messages)
        table.add(name, ms(ours), f"{floor} {ms(bare)}", f"{bare / ours:.2f} of it", ">= 0.9")
    sqlite = [sys.executable, "-c", SQLITE]
    got = in_rounds(folder, {
        "single": [tool("bench_log"), "batch", "1", messages, "DIR"],
        "hundred": [tool("bench_log"), "batch", "100", messages, "DIR"],
        "sqlite": sqlite + ["1", messages, "DIR"],
        "sqlite-hundred": sqlite + ["100", messages, "DIR"],
    })
    s = {name: answer[0] for name, answer in got.items()}
    table.add(f"{APPENDS} messages, 100 a call", ms(s["hundred"]), f"single {ms(s['single'])}",
              f"{s['single'] / s['hundred']:.0f}x the lines", ">= 30")
    table.add("single, against SQLite (WAL, synchronous=FULL)", ms(s["single"]), f"SQLite {ms(s['sqlite'])}",
              f"{s['sqlite'] / s['single']:.2f}x", ">= 0.9")
    table.add("100 a call, against SQLite, 100 a transaction", ms(s["hundred"]), f"SQLite {ms(s['sqlite-hundred'])}",
              f"{s['sqlite-hundred'] / s['hundred']:.2f}x", ">= 2.5")


def warm_open(path, env):
    """Milliseconds to open with an index and get the context, and private kB; the index is made first."""
    for _ in range(3):                               # the second time it is not younger than its file
        report([tool("bench_open"), "--report", path], env)
        time.sleep(2.1)
    facts = [report([tool("bench_open"), "--report", path], env) for _ in range(RUNS)]
    return statistics.median(f["openMs"] + f["contextUs"] / 1e3 for f in facts), facts[0]["privateKb"]


def bench_sealed(table, folder, path):
    """The same session sealed every 4 000 lines."""
    sealed = os.path.join(folder, "sealed.jsonl")
    subprocess.run([tool("seal_session"), path, sealed, "4000"], check=True,
                   env=dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache")))
    with open(sealed, "rb") as f:
        os.fsync(f.fileno())                         # else writing it back goes on meanwhile
    ours, floor = by_turns([BIN, "verify", sealed], ["wc", "-l", sealed], runs=5)
    table.add("verify 1 GB, sealed every 4 000 lines", ms(ours), f"wc -l {ms(floor)}", f"{ours / floor:.1f}x wc -l",
              "<= 12")
    os.unlink(sealed)


def bench_index(table, folder, node):
    """Opening at the cost of the context: sessions of any length with 300 messages at the leaf."""
    env = dict(os.environ, BENCH_INDEX="1", XDG_CACHE_HOME=os.path.join(folder, "cache"))
    cost, kb = {}, 0
    for entries in (10_000, 100_000, 1_000_000):
        path = os.path.join(folder, f"index-{entries}.jsonl")
        subprocess.run([tool("make_session"), path, str(entries), str(entries * 1050), "300"], check=True)
        cost[entries], kb = warm_open(path, env)
        if entries == 100_000:
            other, ratio = "no peer", "-"
            if node:
                theirs = median_of([node[0], f"{HERE}/peer.mjs", node[1], "context", path], "ms", PEER_RUNS)
                other, ratio = f"pi {theirs:.0f} ms", f"{theirs / cost[entries]:.0f}x faster"
            table.add("open + context of 300, 100k entries, index warm", f"{cost[entries]:.2f} ms", other, ratio,
                      ">= 1000, <= 1 ms")
        if entries < 1_000_000:
            os.unlink(path)
    table.add("the same at 10k, 100k and 1M entries", " / ".join(f"{c:.2f}" for c in cost.values()) + " ms", "-",
              f"{max(cost.values()) / min(cost.values()):.2f} largest/smallest", "<= 2")
    table.add("private memory of 1 GB opened so", f"{kb / 1024:.1f} MB", "-", f"{kb / 1024:.1f} MB", "<= 8 MB")
    us = report([tool("bench_log"), "catchup", "200", path, "-"], env)["us"]
    table.add("catching up on an entry of another process, 1 GB", f"{us / 1e3:.3f} ms", "-", f"{us / 1e3:.3f} ms",
              "<= 0.2 ms")
    if os.path.exists(os.path.join(HERE, "../src/ops/verify.c")):
        ours, floor = by_turns([BIN, "verify", path], ["wc", "-l", path], runs=3)
        table.add("verify 1 GB, not sealed", ms(ours), f"wc -l {ms(floor)}", f"{ours / floor:.1f}x wc -l", "<= 8")
        bench_sealed(table, folder, path)
    os.unlink(path)


def bench_sidecar(table, folder, node):
    path = os.path.join(folder, "sidecar.jsonl")
    subprocess.run([tool("bench_sidecar"), "make", path, str(ENTRIES)], check=True)
    full = median_of([tool("bench_sidecar"), "full", path], "ms", RUNS)
    for mode, bar in (("tail", ">= 50"), ("active", "-")):
        ms = median_of([tool("bench_sidecar"), mode, path], "ms", RUNS)
        what = "the tail (256 entries)" if mode == "tail" else "the active path (all of them)"
        table.add(f"open and read {what} of a V2 sidecar with 100k frames", f"{ms:.2f} ms",
                  f"full {full:.2f} ms", f"{full / ms:.1f}x faster", bar)


def bench_sqlite(table, folder, node):
    """A home in a database against the same rows in plain SQLite, and against a file."""
    messages = os.path.join(folder, "sqlite-messages.jsonl")
    make_messages(messages)
    sqlite = [sys.executable, "-c", SQLITE]
    got = in_rounds(folder, {
        "single": [tool("bench_sqlite"), "1", messages, "DIR"],
        "plain": sqlite + ["1", messages, "DIR"],
        "file": [tool("bench_log"), "batch", "1", messages, "DIR"],
        "hundred": [tool("bench_sqlite"), "100", messages, "DIR"],
        "plain-hundred": sqlite + ["100", messages, "DIR"],
    })
    s = {name: answer[0] for name, answer in got.items()}
    table.add(f"append {APPENDS} messages to sqlite:FILE, level each", ms(s["single"]),
              f"plain SQLite {ms(s['plain'])}", f"{s['single'] / s['plain']:.2f}x", "<= 1.3")
    table.add("the same against a session file", ms(s["single"]), f"file {ms(s['file'])}",
              f"{s['single'] / s['file']:.2f}x", "-")
    table.add("100 a call to sqlite:FILE", ms(s["hundred"]),
              f"plain SQLite, 100 a transaction {ms(s['plain-hundred'])}",
              f"{s['hundred'] / s['plain-hundred']:.2f}x", "<= 1.5")


def make_yoi(folder, count):
    """The same talk as pi, as yoi's hashed log and as its segment."""
    import hashlib
    rng = random.Random(5)
    paths = [os.path.join(folder, name) for name in
             ("yoi-pi.jsonl", "01a01180-11e8-7201-80c0-ffee00000001.jsonl", "yoi-segment.jsonl")]
    pi, g1, g2 = (open(p, "w") for p in paths)
    prev, config = None, {"max_tokens": None, "temperature": None, "top_p": None, "top_k": None,
                          "stop_sequences": [], "reasoning": None}

    def compact(o):
        return json.dumps(o, separators=(",", ":"))

    def hashed(record):
        nonlocal prev
        text = compact(record)
        h = hashlib.sha256((bytes.fromhex(prev) if prev else bytes(32)) + text.encode()).hexdigest()
        g1.write('{"hash":"%s","prev_hash":%s,%s\n' % (h, compact(prev), text[1:]))
        prev = h

    start = {"system_prompt": None, "config": config, "history": []}
    hashed({"kind": "session_start", "ts": 1, **start})
    g2.write(compact({"kind": "segment_start", "ts": 1, "session_id":
                      "01a01180-11e8-7201-80c0-ffee00000001", **start}) + "\n")
    pi.write(compact({"type": "session", "version": 3, "id": "s", "cwd": "/w",
                      "timestamp": "2026-03-01T10:00:00.000Z"}) + "\n")
    for i in range(count):
        text = " ".join(rng.choice(("alpha", "beta", "gamma", "delta")) for _ in range(rng.randint(20, 180)))
        role = "assistant" if i % 2 else "user"
        part = {"type": "text", "text": text}
        item = {"type": "message", "role": role, "content": [part]}
        kind = {"kind": "message", "role": role, "content": [{"kind": "text", "text": text}]}
        pi.write(compact({"type": "message", "id": f"{i:08x}", "parentId": f"{i - 1:08x}" if i else None,
                          "timestamp": "2026-03-01T10:00:00.000Z",
                          "message": {"role": role, "content": [part], "timestamp": 1}}) + "\n")
        if i % 2:
            hashed({"kind": "assistant_items", "ts": 2, "items": [item]})
            g2.write(compact({"kind": "assistant_item", "ts": 2, "item": kind}) + "\n")
        else:
            hashed({"kind": "user_input", "ts": 2, "item": item})
            g2.write(compact({"kind": "user_input", "ts": 2, "segments":
                              [{"kind": "text", "content": text}]}) + "\n")
    for f in (pi, g1, g2):
        f.close()
    return paths


def bench_yoi(table, folder, node):
    pi, g1, g2 = make_yoi(folder, 10_000)
    base = median_of([tool("bench_yoi"), "load", pi], "ms", 3)
    for path, name in ((g1, "hashed log"), (g2, "segment")):
        t = median_of([tool("bench_yoi"), "load", path], "ms", 3)
        table.add(f"load a {name} of yoi, 10 000 messages", f"{t:.2f} ms", f"as pi {base:.2f} ms",
                  f"{t / base:.2f}x", "<= 2")
    got = report([tool("bench_yoi"), "verify", g1])
    table.add("verify the hash chain, JSON included", f"{got['verify']:.0f} MB/s",
              f"bare SHA-256 {got['sha256']:.0f} MB/s", f"{got['verify'] / got['sha256']:.2f}",
              ">= 0.4")


def strip_ours(source, target):
    """A log as yoi itself writes it: without our member, and without what we carry in it."""
    with open(source, encoding="utf-8") as a, open(target, "w", encoding="utf-8") as b:
        for line in a:
            record = json.loads(line)
            if record.get("domain") != "ramet.entry":
                record.pop("ramet", None)
                b.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


def bench_formats(table, folder, node):
    """Sessions of the other systems, each against the same entries as pi has them."""
    def path(name):
        return os.path.join(folder, name + ".jsonl")

    def make(source, to, target):
        return report([tool("bench_formats"), "make", path(source), to, path(target)])

    subprocess.run([tool("make_session"), path("whole"), "13000", "17000000", "4500"], check=True)
    n = make("whole", "pi", "pi")["entries"]
    make("pi", "ggcode", "ggcode")
    make("pi", "yoi", "carried")
    strip_ours(path("carried"), path("yoi"))
    make("yoi", "pi", "yoi-as-pi")
    for name, same, what, bar in (
            ("ggcode", "pi", "a ggcode session", "<= 2"), ("yoi", "yoi-as-pi", "a yoi session", "<= 2"),
            ("carried", "pi", "a yoi session made of pi's, which carries pi's entries", "-")):
        other, ours = report([tool("bench_formats"), "load", str(RUNS * 3), path(same), path(name)])["ms"]
        table.add(f"load {what}, {n} messages", f"{ours:.2f} ms", f"as pi {other:.2f} ms", f"{ours / other:.2f}x", bar)
    subprocess.run([tool("bench_formats"), "hashed", path("yoi"), path("hashed")], check=True)
    ours, bare = report([tool("bench_formats"), "verify", str(RUNS * 3), path("hashed")])["ms"]
    table.add(f"verify a hashed yoi log, {os.path.getsize(path('hashed')) / 1e6:.0f} MB", f"{ours:.2f} ms",
              f"SHA-256 {bare:.2f} ms", f"{bare / ours:.2f} of it", ">= 0.4")


LINES = ("pi", "pirust", "ggcode", "yoi")


def convert(table, folder, what, path, to, bar):
    out = os.path.join(folder, "converted.jsonl")
    ours, floor = report([tool("bench_formats"), "convert", str(CONVERT_RUNS), path, to, out])["ms"]
    table.add(what, f"{ours:.0f} ms", f"read + write {floor:.0f} ms", f"{ours / floor:.2f}x", bar)


def bench_convert(table, folder, node):
    """All pairs of formats of lines, with the stored lines carried along: first from a session as the
    format's own program has it, then back from one that carries pi's lines."""
    source = os.path.join(folder, "convert-pi.jsonl")
    subprocess.run([tool("make_session"), source, str(ENTRIES), str(SIZE), "300"], check=True)
    for a in LINES:
        own, full = (os.path.join(folder, f"convert-{kind}-{a}.jsonl") for kind in ("own", "full"))
        if a != "pi":
            report([tool("bench_formats"), "make", source, a, own])
            subprocess.run([BIN, "convert", source, "--to", a, "-o", full], check=True, stdout=subprocess.DEVNULL)
        for b in LINES:
            if a != b:
                convert(table, folder, f"convert 100k entries from {a} to {b}", source if a == "pi" else own, b,
                        "<= 3")
        if a != "pi":
            convert(table, folder, f"and back from pi by way of {a}", full, "pi", "-")
            os.unlink(own)
            os.unlink(full)
    os.unlink(source)


def bench_ggcode(table, folder, node):
    home = os.path.join(folder, "ggcode")
    subprocess.run([tool("bench_ggcode"), "make", home, "2000"], check=True)
    first, second, bare, append = report([tool("bench_ggcode"), "append", "201", home])["ms"]
    table.add("append to ggcode, 2 000 sessions, index in step", f"{first:.2f} ms", f"bare {bare:.2f} ms",
              f"{first / bare:.2f}x", "<= 1.5")
    table.add("the same within five seconds of the last", f"{second:.2f} ms", f"bare {bare:.2f} ms",
              f"{second / bare:.2f}x", "-")
    table.add("the same against write + fdatasync alone", f"{second:.2f} ms", f"bare {append:.2f} ms",
              f"{second / append:.2f}x", "-")


PARTS = {
    "open": bench_big,
    "index": bench_index,
    "log": bench_log,
    "list": lambda table, folder, node: bench_list(table, os.path.join(folder, "agent"), node),
    "start": lambda table, folder, node: bench_start(table),
    "append": bench_append,
    "fork": bench_fork,
    "sidecar": bench_sidecar,
    "sqlite": bench_sqlite,
    "formats": bench_formats,
    "convert": bench_convert,
    "ggcode": bench_ggcode,
    "yoi": bench_yoi,
}


def main():
    """run.py [PART...]: all parts, or those named."""
    wanted = sys.argv[1:] or list(PARTS)
    if set(wanted) - set(PARTS):
        sys.exit(f"usage: run.py [{'|'.join(PARTS)}]...")
    node = peer()
    if not node:
        print("bench: pi could not be installed from npm; rows against it say 'no peer'")
    table = Table()
    folder = real_folder()
    try:
        for part in wanted:
            PARTS[part](table, folder, node)
    finally:
        shutil.rmtree(folder)
    table.show()


main()

#!/usr/bin/env python3
"""Measurements, each against a floor or a peer in the same run, printed as ratios.

Every figure is the median of several runs with a warm page cache; what is compared runs by turns. A
line without the peer says so. Nothing here is a test: `make check` never times anything.
"""
import json
import os
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
ENTRIES = 100_000
SIZE = 140_000_000


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


def main():
    node = peer()
    if not node:
        print("bench: pi could not be installed from npm; rows against it say 'no peer'")
    table = Table()
    folder = tempfile.mkdtemp(prefix="ramet-bench-")
    try:
        big = os.path.join(folder, "big.jsonl")
        subprocess.run([tool("make_session"), big, str(ENTRIES), str(SIZE), "300"], check=True)
        bench_open(table, big, node)
        bench_parse(table, big, node)
        os.unlink(big)
        bench_list(table, os.path.join(folder, "agent"), node)
        bench_start(table)
    finally:
        shutil.rmtree(folder)
    table.show()


main()

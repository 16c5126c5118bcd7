#!/usr/bin/env python3
"""Sessions of ggcode, both generations, against what the original made and answered.

    RAMET_BUILD=build RAMET_BIN=build/ramet tests/golden/run_ggcode.py

Reading: fields, counts, usage, contexts, Markdown, list and search. Writing: each entry of a stored
session written again gives the stored line, or its normal form. Damage: what the original skips is
skipped and found, the rest is there, and no file changes. What is meant to differ stands with its
reason in ggcode/differences.json.
"""

import datetime
import glob
import json
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
import sources  # noqa: E402
from compare import Results, load, parse, parse_lines  # noqa: E402
from sources import RAMET, run  # noqa: E402

PROBE = os.path.join(os.path.dirname(sources.PROBE), "probe_ggcode")
GOLDEN = os.path.join(HERE, "ggcode")
OLD, NEW = os.path.join(GOLDEN, "v1.3.33"), os.path.join(GOLDEN, "v1.3.216")
FIELDS = ["id", "title", "preview", "workspace", "vendor", "endpoint", "model", "token_usage",
          "permission_mode", "sidebar_visible", "context_window", "max_tokens", "message_count",
          "tunnel_events_complete", "last_turn_index", "cost", "has_user_interaction",
          "endpoint_usage"]
NO_TIME = "0001-01-01T00:00:00Z"


def probe(*args, env=None):
    done = run(PROBE, *args, env=env)
    if done.returncode:
        raise RuntimeError(f"{args}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8")


def ask(*args):
    done = run(RAMET, *args)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"ramet {args}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8")


def text_of(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def bytes_of(path):
    with open(path, "rb") as f:
        return f.read()


# ---- contexts ----

def context(path):
    """What the model gets: the id of each message ("" for a made one) and the first text."""
    entries = {e["id"]: e for e in parse_lines(ask("entries", "--json", "--no-cache", path))}
    stored = bytes_of(path).decode("utf-8", "replace")
    ids, first = [], None
    for source in parse(ask("context", "--projection", "--json", "--no-cache", path)):
        entry = entries[source["sourceId"]]
        if not source["messages"]:
            continue
        own = entry.get("details", {}).get("summaryId", "") if entry["type"] == "compaction" \
            else re.sub(r"--\d+$", "", entry["id"])
        if f'"{own}"' not in stored:
            own = ""
        if not own or not ids or ids[-1] != own:
            ids.append(own)
        if first is None:
            message = source["messages"][0]
            first = "".join(b.get("text", "") for b in message.get("content", []))
            if message["role"] == "compactionSummary":
                first = "[Previous conversation summary]\n" + message["summary"]
    return ids, first


def check_context(results, case, path, expected):
    ids, first = context(path)
    # the old version has one list only: that of the context
    count = expected.get("context_count", len(expected.get("messages") or []))
    results.check(case, "context_count", count, len(ids))
    if "context_count" not in expected:
        return
    if first is not None:
        results.check(case, "context_first_text", expected["context_first_text"], first)
    if all(ids):
        results.check(case, "context_ids", expected["context_ids"] or [], ids)


# ---- reading ----

def check_read(results, case, path, expected):
    info = parse(probe("info", path))
    for field in FIELDS:
        if field in expected:
            results.check(case, field, expected[field], info[field])
    for field in ("created_at", "updated_at"):
        results.check(case, field, expected[field], info[field] or NO_TIME)
    check_context(results, case, path, expected)


def read_all(results, area, store, expect):
    for path in sorted(glob.glob(os.path.join(expect, "*.json"))):
        name = os.path.basename(path)[:-5]
        session = os.path.join(store, name + ".jsonl")
        if name.startswith("_") or not os.path.getsize(session):
            continue
        case = f"{area}/{name}"
        check_read(results, case, session, load(path))
        markdown = path[:-5] + ".md"
        if os.path.exists(markdown):
            results.check(case, "markdown", text_of(markdown), probe("md", session))


def read_windows(results):
    """The 24-hour window and the 200-message cap are not copied: all is there."""
    for path in sorted(glob.glob(os.path.join(NEW, "window", "expect", "*.json"))):
        name, expected = os.path.basename(path)[:-5], load(path)
        session = os.path.join(NEW, "window", "store", name + ".jsonl")
        case = f"window/{name}"
        info = parse(probe("info", session))
        results.check(case, "full_messages", expected["full_messages"], info["message_count"])
        ids, _ = context(session)
        results.check(case, "full_context", expected["full_context"], len(ids))
        results.check(case, "export_markdown_messages", expected["export_markdown_messages"],
                      float(probe("md", session).count("\n---\n") - 1))


def read_lists(results):
    for version, store in ((OLD, os.path.join(OLD, "store")),
                           (NEW, os.path.join(NEW, "main", "store"))):
        expected = load(os.path.join(version if version == OLD else os.path.join(version, "main"),
                                     "list.json"))
        got = parse(probe("list", store))
        case = f"list/{os.path.basename(version)}"
        results.check(case, "ids", [s["id"] for s in expected], [s["id"] for s in got])
        by_id = {s["id"]: s for s in got}
        for session in expected:
            for field in ("title", "workspace", "vendor", "endpoint", "model", "created_at",
                          "updated_at"):
                results.check(f"{case}/{session['id']}", field, session.get(field, ""),
                              by_id.get(session["id"], {}).get(field))
    store = os.path.join(NEW, "main", "store")
    for search in load(os.path.join(NEW, "main", "search.json")):
        got = parse(probe("search", store, search["query"], str(int(search["max"]))))
        results.check(f"search/{search['query']}", str(int(search["max"])),
                      search["results"] or [], got)


def read_vectors(results):
    folder = os.path.join(NEW, "vectors")
    for row in load(os.path.join(folder, "auto-titles.json")):
        results.check("title/" + row["in"][:40], "out", row["out"], probe("title", row["in"]))
    for row in load(os.path.join(folder, "truncate.json")):
        results.check(f"truncate/{row['in'][:8]}/{int(row['max'])}", "out", row["out"],
                      probe("truncate", row["in"], str(int(row["max"]))))
    for row in load(os.path.join(folder, "endpoint-keys.json")):
        results.check(f"key/{row['vendor']}/{row['endpoint']}", "key", row["key"],
                      probe("key", row["vendor"], row["endpoint"]))
    for row in load(os.path.join(folder, "session-id-validity.json")):
        valid = not row["lock_file"].startswith("_invalid_id_")
        results.check("id/" + row["id"][:20], "valid", "1\n" if valid else "0\n",
                      probe("valid", row["id"]))


def read_workspaces(results):
    """The table speaks of /home/dev: the same tree below a directory of ours."""
    with tempfile.TemporaryDirectory() as top:
        top = os.path.realpath(top)
        home = os.path.join(top, "home", "dev")
        for name in ("real/sub", "cwd"):
            os.makedirs(os.path.join(home, name))
        os.symlink(os.path.join(home, "real"), os.path.join(home, "link"))
        os.symlink(os.path.join(home, "nowhere"), os.path.join(home, "broken"))
        here = os.getcwd()
        os.chdir(os.path.join(home, "cwd"))
        try:
            for row in load(os.path.join(NEW, "vectors", "workspace-normalise.json")):
                given, out = (t.replace("/home/dev", home, 1) for t in (row["in"], row["out"]))
                results.check("workspace/" + row["in"], "out", out, probe("workspace", given))
        finally:
            os.chdir(here)


# ---- writing ----

def instant(text):
    """A time as milliseconds: ramet keeps no more, and writes UTC."""
    match = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    at = datetime.datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    return int(at.timestamp()) * 1000 + int(((match[2] or "") + "000")[:3])


def parts(message):
    """A message as its entries tell it: each tool result apart, the rest together."""
    blocks, runs = message["content"] or [], []
    for block in blocks:
        result = message["role"] == "user" and block.get("type") == "tool_result"
        if result or not runs or runs[-1][1]:
            runs.append(([], result))
        runs[-1][0].append(block)
    for n, (run_, _) in enumerate(runs or [([], False)]):
        one = dict(message, content=run_)
        if n and "id" in one:
            one["id"] += f"--{n}"
        yield one


def normal(lines):
    """Records in the form in which ramet writes them again."""
    for record in parse_lines(lines):
        for key in ("timestamp",):
            if key in record and record["type"] == "message":
                record[key] = instant(record[key])
        if record["type"] == "message":
            yield from (dict(record, message=m) for m in parts(record["message"]))
            continue
        messages = record.get("checkpoint_messages", [])
        rest = [m for m in messages if m["role"] != "system"]
        if rest:
            record["checkpoint_messages"] = [m for m in messages if m["role"] == "system"]
        yield record
        for m in rest:
            yield {**{k: v for k, v in record.items() if not k.startswith("checkpoint")},
                   "type": "message", "message": m}


def write_all(results):
    for store, dialect in ((os.path.join(NEW, "main", "store"), "0"),
                           (os.path.join(OLD, "store"), "1")):
        for path in sorted(glob.glob(os.path.join(store, "*.jsonl"))):
            case = "write/" + os.path.basename(path)[:-6]
            stored, written = text_of(path), probe("records", path, dialect)
            results.check(case, "bytes", stored, written)
            results.check(case, "normal form", list(normal(stored)), list(normal(written)))


def read_rewritten(results):
    """What the old version made of the new one's sessions: every message of it is there."""
    for path in sorted(glob.glob(os.path.join(OLD, "rewrites-v1.3.216-store", "*.jsonl"))):
        case = "rewritten/" + os.path.basename(path)[:-6]
        messages = [r for r in parse_lines(text_of(path)) if r["type"] == "message"]
        info = parse(probe("info", path))
        results.check(case, "message_count", float(len(messages)), info["message_count"])
        results.check(case, "findings", [],
                      [f for f in parse(ask("verify", "--json", path))["findings"]
                       if f["severity"] == "damage"])


# ---- damage ----

def damage(results):
    folder = os.path.join(NEW, "damaged", "before")
    with tempfile.TemporaryDirectory() as top:
        store = os.path.join(top, "store")
        shutil.copytree(folder, store)
        before = {n: (bytes_of(os.path.join(store, n)), os.stat(os.path.join(store, n)).st_mtime_ns)
                  for n in os.listdir(store)}
        read_all(results, "damaged", store, os.path.join(NEW, "damaged", "expect"))
        listed = {s["id"] for s in parse(probe("list", store))}
        results.check("damaged/list", "listed",
                      load(os.path.join(NEW, "damaged", "expect", "_after-list.json"))["listed"],
                      sorted(listed))
        after = {n: (bytes_of(os.path.join(store, n)), os.stat(os.path.join(store, n)).st_mtime_ns)
                 for n in os.listdir(store)}
        results.check("damaged/files", "unchanged by reading", True, before == after)
        junk = parse(ask("verify", "--json", os.path.join(store, "junk.jsonl")))
        codes = sorted({(f["code"], f["line"]) for f in junk["findings"]
                        if f["severity"] == "damage"})
        results.check("damaged/junk", "findings",
                      [["malformed", float(n)] for n in (5, 6, 7, 8, 9, 15, 16, 17, 21)] +
                      [["nul-run", 11.0]], [list(c) for c in codes])


# ---- the store: appending, the index, locks, deleting ----

def index_of(store):
    with open(os.path.join(store, "index.json"), encoding="utf-8") as f:
        return {e["id"]: e for e in json.load(f)}


def hang(text, what):
    """A message appended with the command."""
    message = json.dumps({"role": "user", "content": what})
    done = run(RAMET, "append", "--no-cache", text, message)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode().strip()


def appending(results, store):
    name = "20260822-144318-5a85309a082dd6de"
    path = os.path.join(store, name + ".jsonl")
    stored, before = bytes_of(path), index_of(store)
    id_ = hang(path, "third")
    line = bytes_of(path)[len(stored):].decode()
    results.check("append/line", "as the original writes it", re.sub(r'"[^"]*Z"}$', "", (
        stored.decode().split("\n")[0].replace("msg_e1", id_).replace("no metadata here", "third"))),
        re.sub(r'"[^"]*Z"}\n$', "", line))
    after = index_of(store)
    results.check("append/index", "others", {k: v for k, v in before.items() if k != name},
                  {k: v for k, v in after.items() if k != name})
    results.check("append/index", "order", list(before), list(after))
    entry = dict(after[name], updated_at=before[name]["updated_at"])
    results.check("append/index", "entry", dict(before[name], msg_count=3), entry)
    results.check("append/index", "newer", True,
                  after[name]["updated_at"] > before[name]["updated_at"])
    probe("save", path, "A <new> title")
    results.check("append/save", "title in the index", "A <new> title",
                  index_of(store)[name]["title"])
    results.check("append/save", "again", "0\n", probe("save", path, "A <new> title"))
    probe("checkpoint", path, "all summed up", "msg_e1", "77")
    results.check("append/checkpoint", "context", ["", "msg_e2", id_],
                  [i if i in ("msg_e2", id_) else "" for i in context(path)[0]])
    probe("event", path, '{"event_id":"ev-000000000001","type":"text"}')
    probe("metric", path, '{"timestamp":"2026-08-22T14:00:42.25Z","turn_index":4,"type":"llm"}')
    probe("usage", path, '{"timestamp":"2026-08-22T14:00:42.25Z","turn_index":5,"vendor":"v",'
                         '"usage":{"input_tokens":3,"output_tokens":4,"cache_read_tokens":0,'
                         '"cache_write_tokens":0}}')
    info = parse(probe("info", path))
    results.check("append/records", "turn, events, skipped", [5.0, 1.0, 0.0],
                  [info["last_turn_index"], info["tunnel_events"], info["skipped"]])
    bad = run(PROBE, "metric", path, '{"turn_index":"four"}')
    results.check("append/records", "what the original could not read", 3, bad.returncode)


def foreign_index(results, store):
    """Entries and members that nobody knows survive; what cannot be parsed is left alone."""
    name = "20260822-142133-6da1a0cb53281510"
    path, index = os.path.join(store, name + ".jsonl"), os.path.join(store, "index.json")
    with open(index, encoding="utf-8") as f:
        entries = json.load(f)
    entries = [dict(e, colour="red") for e in entries] + [{"id": "gone", "title": "no file"}]
    with open(index, "w", encoding="utf-8") as f:
        json.dump(entries, f)
    os.chmod(index, 0o644)
    hang(path, "more")
    now = index_of(store)
    results.check("index/unknown", "members", ["red"] * (len(entries) - 1) + [None],
                  [e.get("colour") for e in now.values()])
    results.check("index/unknown", "mode", 0o644, os.stat(index).st_mode & 0o777)
    results.check("index/list", "without what has no file", False,
                  "gone" in [s["id"] for s in parse(probe("list", store))])
    for text in ("not json", "{}", '[{"id":7}]'):
        with open(index, "w", encoding="utf-8") as f:
            f.write(text)
        hang(path, "and more")
        results.check("index/damaged", text, text, text_of(index))
        results.check("index/damaged", text + " list", 5, len(parse(probe("list", store))))
    os.remove(index)


def locks(results, store):
    import subprocess
    name = "20260822-140000-c64f14afd84b9a2e"
    holder = subprocess.Popen([PROBE, "hold", store, name], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    lock = os.path.join(store, name + ".lock")
    results.check("lock/held", "process id", str(holder.pid), text_of(lock))
    results.check("lock/held", "asked", "1\n", probe("ask", store, name))
    second = run(PROBE, "hold", store, name, stdin=b"")
    results.check("lock/held", "taken again", f"held by {holder.pid}\n", second.stdout.decode())
    results.check("lock/held", "deleted", 3, run(PROBE, "delete", store, name).returncode)
    late = str(2 ** 50)
    results.check("lock/held", "cleaned up", True,
                  f"{name} ECONFLICT" in probe("cleanup", store, late, "dry"))
    holder.stdin.close()
    holder.wait()
    results.check("lock/released", "file", False, os.path.exists(lock))
    results.check("lock/released", "asked", "0\n", probe("ask", store, name))
    with open(lock, "w", encoding="utf-8") as f:
        f.write("999999999")
    results.check("lock/stale", "asked", "0\n", probe("ask", store, name))
    results.check("lock/stale", "is left where it is", True, os.path.exists(lock))


def deleting(results, store):
    name = "20260822-143229-938c23a5d3d938ed"
    hang(os.path.join(store, name + ".jsonl"), "soon gone")
    probe("delete", store, name)
    results.check("delete/session", "file", False,
                  os.path.exists(os.path.join(store, name + ".jsonl")))
    results.check("delete/session", "in the index", False, name in index_of(store))
    results.check("delete/missing", "fine", 0, run(PROBE, "delete", store, "nobody").returncode)
    results.check("delete/hostile", "refused", 3, run(PROBE, "delete", store, "../x").returncode)
    results.check("ensure/new", "made", "1\n", probe("ensure", store, "fresh-1", "Hello"))
    results.check("ensure/again", "left alone", "0\n", probe("ensure", store, "fresh-1", "Other"))
    results.check("ensure/index", "title", "Hello", index_of(store)["fresh-1"]["title"])
    left = sorted(os.listdir(store))
    before = instant("2026-08-22T12:00:00Z")
    # the oldest session was changed at 14:11 UTC
    results.check("cleanup/none", "dry", "", probe("cleanup", store, str(before), "dry"))
    before = instant("2026-08-22T14:20:00Z")
    dry = probe("cleanup", store, str(before), "dry")
    results.check("cleanup/dry", "changes nothing", left, sorted(
        n for n in os.listdir(store) if not n.endswith(".flock") or n in left))
    results.check("cleanup/real", "as said", dry, probe("cleanup", store, str(before), "real"))
    results.check("cleanup/real", "sessions", sorted(
        n[:-6] for n in left if n.endswith(".jsonl") and n[:-6] + " OK" not in dry),
        sorted(n[:-6] for n in os.listdir(store) if n.endswith(".jsonl")))
    results.check("cleanup/real", "how many", 2, len(dry.splitlines()))


def torn(results, store):
    path = os.path.join(store, "torn-tail.jsonl")
    shutil.copy(os.path.join(NEW, "damaged", "before", "torn-tail.jsonl"), path)
    hang(path, "after the tear")
    golden = text_of(os.path.join(NEW, "damaged", "after", "torn-tail.jsonl")).split("\n")
    got = text_of(path).split("\n")
    results.check("torn/append", "lines before", golden[:3], got[:3])
    results.check("torn/append", "message", "after the tear",
                  json.loads(got[3])["message"]["content"][0]["text"])


def stores(results):
    with tempfile.TemporaryDirectory() as top:
        store = os.path.join(top, "sessions")
        shutil.copytree(os.path.join(NEW, "main", "store"), store)
        appending(results, store)
        foreign_index(results, store)
        locks(results, store)
        # outside ggcode's own directory a list is kept in step where there is one
        with open(os.path.join(store, "index.json"), "w", encoding="utf-8") as f:
            f.write("[]")
        deleting(results, store)
        torn(results, store)


def main():
    sources.need(RAMET, PROBE)
    os.environ["TZ"] = "UTC"
    results = Results(os.path.join(GOLDEN, "differences.json"))
    read_all(results, "main", os.path.join(NEW, "main", "store"),
             os.path.join(NEW, "main", "expect"))
    read_all(results, "v1.3.33", os.path.join(OLD, "store"), os.path.join(OLD, "expect"))
    read_all(results, "legacy", os.path.join(NEW, "legacy", "before"),
             os.path.join(NEW, "legacy", "expect"))
    read_all(results, "migrated", os.path.join(NEW, "legacy", "after"),
             os.path.join(NEW, "legacy", "expect"))
    read_rewritten(results)
    read_windows(results)
    read_lists(results)
    read_vectors(results)
    read_workspaces(results)
    write_all(results)
    damage(results)
    stores(results)
    sys.exit(results.finish())


if __name__ == "__main__":
    main()

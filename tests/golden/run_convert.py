#!/usr/bin/env python3
"""The conversion table: sessions of every format told in every other, and told back.

    RAMET_BIN=build/ramet tests/golden/run_convert.py [-v] [FOLDER...]

Sources are the golden sessions of each format, damaged ones too (or those below FOLDER). For each
pair of formats: sessions, entries, those said, carried and left out, stored lines carried along,
and how many sessions come back byte for byte. Beyond that some go three ways, some are appended to
before they go back, and some go without their stored lines. A session of a home comes back as the
same lines.

What does not come back, of files: what stands before the header, blank lines, and white space
around a line's end; a missing newline at the end is there afterwards.
"""

import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
RAMET = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
FORMATS = ["pi", "pirust", "ggcode", "yoi", "ckptmgr", "sqlite"]
HOMES = {"ckptmgr": "ckptmgr:", "sqlite": "sqlite:"}
WITH_HEADER = ("pi", "pirust")
FOLDERS = [os.path.join(HERE, name) for name in ("pi", "pi-current", "pirust", "ggcode", "yoi", "ckptmgr")]
BLANK = b" \t\r"

passed = failed = 0
failures = {}
verbose = False
work = tempfile.mkdtemp(prefix="ramet-convert-")
serial = 0


def check(ok, what, *more):
    global passed, failed
    if ok:
        passed += 1
        return True
    failed += 1
    if failures.setdefault(what.split()[-1], 0) < 4:
        failures[what.split()[-1]] += 1
        print("FAIL", what, *[str(m)[:1200] for m in more])
    return False


def run(*args, stdin=None):
    env = dict(os.environ, HOME=os.path.join(work, "home"), XDG_CACHE_HOME=os.path.join(work, "cache"),
               XDG_CONFIG_HOME=os.path.join(work, "config"), TZ="UTC")
    for name in [n for n in env if n.startswith("PI_")]:
        del env[name]
    return subprocess.run([RAMET, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=env, cwd=work)


def convert(source, to, place, *more):
    """The report, with its path; None and what was said when it failed."""
    done = run("convert", source, "--to", to, "-o", place, "--json", *more)
    if done.returncode:
        return None, done.stderr.decode("utf-8", "replace")
    return json.loads(done.stdout), ""


def fresh(to, name=None):
    """A place for one session: a directory of its own, in which it has the name it had."""
    global serial
    serial += 1
    folder = os.path.join(work, f"{serial}")
    os.mkdir(folder)
    if to in HOMES:
        return HOMES[to] + os.path.join(folder, "all.db" if to == "sqlite" else "state.json")
    return os.path.join(folder, name or "s.jsonl")


def content(path):
    with open(path, "rb") as f:
        return f.read()


def format_of(path):
    done = run("info", path, "--json")
    return json.loads(done.stdout)["format"] if done.returncode == 0 else None


def is_header(line):
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("type") == "session" and "id" in value


def normal(data, name):
    """A file as it comes back."""
    lines = [line.rstrip(BLANK) for line in data.split(b"\n")]
    lines = [line for line in lines if line.strip(BLANK)]
    if name in WITH_HEADER:
        first = 0
        while first < len(lines) and not is_header(lines[first].lstrip(b"\xef\xbb\xbf")):
            first += 1
        lines = lines[first:]
        if lines:
            lines[0] = lines[0].lstrip(b"\xef\xbb\xbf").lstrip(BLANK)
    return [line.strip(BLANK) for line in lines]


def without_torn(path, name, lines):
    """Without the last line of a log of yoi's where that has no end, and so is none: it stays carried."""
    data = content(path)
    cut = name == "yoi" and lines and not data.endswith(b"\n") and not data.startswith(b'{"hash"')
    return lines[:-1] if cut else lines


def told(path):
    """A session of a home as lines: its header and entries."""
    done = run("entries", path, "--json")
    return done.stdout.splitlines() if done.returncode == 0 else [done.stderr]


class Source:
    def __init__(self, name, path):
        self.name, self.path = name, path
        self.home = name in HOMES
        self.file = None if self.home else os.path.basename(path)

    def same(self, other):
        if self.home:
            return told(self.path) == told(other)
        ours, theirs = normal(content(self.path), self.name), normal(content(other), self.name)
        whole = without_torn(self.path, self.name, ours)
        more = theirs[len(whole):]
        return theirs == ours or (whole != ours and theirs[:len(whole)] == whole and len(more) == 1 and
                                  b'\\"torn\\":true' in more[0])

    def difference(self, other):
        if self.home:
            ours, theirs = told(self.path), told(other)
        else:
            ours, theirs = normal(content(self.path), self.name), normal(content(other), self.name)
        for n, (a, b) in enumerate(zip(ours, theirs)):
            if a != b:
                return f"line {n + 1}:\n  {a[:500]}\n  {b[:500]}"
        return f"{len(ours)} and {len(theirs)} lines: {(ours + theirs)[min(len(ours), len(theirs)):][:2]}"


def sources(folders):
    """Every file and every session of a file of many that ramet opens."""
    found = collections.OrderedDict((name, []) for name in FORMATS)
    for folder in folders:
        paths = sorted(glob.glob(os.path.join(folder, "**", "*.json*"), recursive=True))
        for path in paths:
            if path.endswith(".trace.jsonl") or ".v2/" in path:
                continue
            if path.endswith(".jsonl"):
                name = format_of(path)
                if name:
                    found[name].append(Source(name, path))
            elif "ckptmgr" in path:
                listed = run("list", "--store", "ckptmgr:" + path, "--json")
                for line in listed.stdout.splitlines():
                    found["ckptmgr"].append(Source("ckptmgr", json.loads(line)["path"]))
    return found


def pick(items, most):
    """At most so many, from the whole length of a list."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]


class Pair:
    def __init__(self):
        self.sessions = self.entries = self.said = self.carried = self.left_out = 0
        self.lines = self.back = 0


def there_and_back(source, to, pair):
    place = fresh(to, source.file)
    there, why = convert(source.path, to, place)
    if not check(there, f"{source.path} to {to}", why):
        return
    pair.sessions += 1
    for key, member in (("entries", "entries"), ("said", "said"), ("carried", "carried"),
                        ("left_out", "leftOut"), ("lines", "lines")):
        setattr(pair, key, getattr(pair, key) + there[member])
    check(there["entries"] == there["said"] + there["carried"] + there["leftOut"],
          f"{source.path} to {to}: the sum", there)
    back, why = convert(there["path"], source.name, fresh(source.name, source.file))
    if not check(back, f"{source.path} to {to} and back", why):
        return
    same = source.same(back["path"])
    if check(same, f"{source.path} by way of {to}", "" if same else source.difference(back["path"])):
        pair.back += 1
    if not source.home:
        shutil.rmtree(os.path.dirname(back["path"]), ignore_errors=True)


def ids(path):
    return {json.loads(line).get("id") for line in told(path)}


def three_ways(source, via):
    """A to B to C and home."""
    path = source.path
    for to in via + [source.name]:
        done, why = convert(path, to, fresh(to, source.file))
        if not check(done, f"{source.path} by {via}: {to}", why):
            return
        path = done["path"]
    if "ckptmgr" in via:
        # its file has no lines of its own, so some may come back written anew or stay carried; but
        # none is missing
        text = b"\n".join(told(path)).decode("utf-8", "replace")
        missing = [i for i in ids(source.path) if i and i not in text]
        check(not missing, f"{source.path} by {via}: entries", missing)
        check(context(path) == context(source.path), f"{source.path} by {via}: context", context(path))
        return
    check(source.same(path), f"{source.path} by {via}",
          "" if source.same(path) else source.difference(path))


def context(path):
    """What the model is shown, as the command tells it, or the code it ends with."""
    done = run("context", path, "--json")
    return json.loads(done.stdout).get("messages") if done.returncode == 0 else done.returncode


def texts(path):
    """The texts of the messages of a session, in order."""
    out = []
    for line in told(path):
        entry = json.loads(line)
        message = entry.get("message") or {}
        blocks = message.get("content")
        if entry.get("type") == "message" and message.get("role") in ("user", "assistant"):
            out.append(blocks if isinstance(blocks, str) else
                       "".join(b.get("text", "") for b in blocks or [] if isinstance(b, dict)))
    return out


def appended(source, to):
    """What is appended to the converted session comes back behind what was there."""
    there, why = convert(source.path, to, fresh(to, source.file))
    if not check(there, f"{source.path} to {to}, to append", why):
        return
    for role, text in (("user", "and now this"), ("assistant", "done, as you said")):
        message = {"role": role, "content": [{"type": "text", "text": text}]}
        done = run("append", there["path"], json.dumps(message))
        if not check(done.returncode == 0, f"{source.path} to {to}: append", done.stderr):
            return
    back, why = convert(there["path"], source.name, fresh(source.name, source.file))
    if not check(back, f"{source.path} to {to}, appended, and back", why):
        return
    if not source.home:
        ours, theirs = normal(content(source.path), source.name), normal(content(back["path"]), source.name)
        ours = without_torn(source.path, source.name, ours)
        # a leaf that the header named is no longer the leaf
        ours = [re.sub(rb',"leafId":"[^"]*"', b"", line) if b'"leafId"' in line and not i else line for i, line in enumerate(ours)]
        check(theirs[:len(ours)] == ours, f"{source.path} to {to}: what was there",
              "" if theirs[:len(ours)] == ours else source.difference(back["path"]))
        check(len(theirs) > len(ours), f"{source.path} to {to}: what was appended", len(theirs))
    check(texts(back["path"])[-2:] == ["and now this", "done, as you said"],
          f"{source.path} to {to}: the new texts", texts(back["path"])[-3:])


def lean(source, to):
    """Without stored lines nothing but the entries goes over; what is said reads the same."""
    full, _ = convert(source.path, to, fresh(to, source.file))
    slim, why = convert(source.path, to, fresh(to, source.file), "--lean")
    if not check(slim, f"{source.path} to {to} --lean", why):
        return
    check(slim["lines"] == 0 and slim["bytes"] <= full["bytes"], f"{source.path} to {to} --lean", slim)
    check(texts(slim["path"]) == texts(full["path"])[:len(texts(slim["path"]))],
          f"{source.path} to {to} --lean: texts")


def table(found):
    pairs = collections.OrderedDict()
    for name, items in found.items():
        for to in FORMATS:
            if to == name:
                continue
            pair = pairs[name, to] = Pair()
            for source in items:
                there_and_back(source, to, pair)
    return pairs


def show(pairs):
    print(f"{'from':8} {'to':8} {'sessions':>8} {'entries':>8} {'said':>7} {'carried':>7} {'left out':>8} "
          f"{'lines':>7}  back the same")
    for (name, to), p in pairs.items():
        print(f"{name:8} {to:8} {p.sessions:8} {p.entries:8} {p.said:7} {p.carried:7} {p.left_out:8} "
              f"{p.lines:7}  {p.back} of {p.sessions}")


def small_things(found):
    """A dry run, a place that is taken, hostile ids, one branch, formats nobody knows."""
    source = found["pi"][0]
    there = os.path.join(work, "dry")
    os.mkdir(there)
    for to in FORMATS:
        place = HOMES.get(to, "") + os.path.join(there, "x.jsonl")
        report, why = convert(source.path, to, place, "--dry-run")
        check(report and report["dryRun"] and "path" not in report, f"dry run to {to}", why)
    check(not os.listdir(there), "a dry run writes nothing", os.listdir(there))
    taken = os.path.join(work, "taken.jsonl")
    with open(taken, "w", encoding="utf-8") as f:
        f.write("mine\n")
    for to in ("pi", "pirust", "ggcode", "yoi"):
        report, why = convert(source.path, to, taken)
        check(report is None and content(taken) == b"mine\n", f"a place that is taken: {to}", why)
    outside = os.path.join(work, "inside")
    os.mkdir(outside)
    evil = os.path.join(work, "evil.jsonl")
    for ident in ("../up", "a/b", "..", "-x", "x" * 300, ""):
        with open(evil, "w", encoding="utf-8") as f:
            f.write(json.dumps({"type": "session", "version": 3, "id": ident,
                                "timestamp": "2026-03-01T10:00:00.000Z", "cwd": "/w"}) + "\n")
        for to in ("pi", "pirust", "ggcode", "yoi"):
            report, why = convert(evil, to, outside)
            check(report is None or report["path"].startswith(outside + "/"),
                  f"id {ident[:9]!r} to {to}", why)
    names = [os.path.join(d, f) for d, _, files in os.walk(work) for f in files if f == "up.jsonl"]
    check(not [n for n in names if not n.startswith(outside)], "nothing left the directory", names)
    done = run("convert", source.path, "--to", "word")
    check(done.returncode == 2, "a format nobody knows", done)
    for item in found["pi"]:
        if "02-branched" not in item.path:
            continue
        leaf = json.loads(told(item.path)[2])["id"]
        for to in FORMATS:
            report, why = convert(item.path, to, fresh(to, "branch.jsonl"), "--leaf", leaf, "--lean")
            check(report and report["offBranch"] == report["leftOut"], f"one branch to {to}", report, why)


def make_sqlite(found):
    """There are no golden sessions of our own home: some of all others, as it tells them."""
    place = "sqlite:" + os.path.join(work, "sources.db")
    for name in FORMATS[:-1]:
        for source in pick(found[name], 4):
            done, why = convert(source.path, "sqlite", place, "--lean")
            if done:
                found["sqlite"].append(Source("sqlite", done["path"]))
            else:
                check("ECONFLICT" in why or "already" in why, f"{source.path} to {place}", why)


def main(folders):
    found = sources(folders or [f for f in FOLDERS if os.path.isdir(f)])
    make_sqlite(found)
    pairs = table(found)
    for name, items in found.items():
        for to in FORMATS:
            for source in pick(items, 3) if to != name else []:
                appended(source, to)
                lean(source, to)
                for third in FORMATS:
                    if third not in (to, name):
                        three_ways(source, [to, third])
    small_things(found)
    show(pairs)
    for name in FORMATS:
        check(found[name], f"no session of the format {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    words = sys.argv[1:]
    verbose = "-v" in words
    try:
        sys.exit(main([os.path.abspath(w) for w in words if w != "-v"]))
    finally:
        shutil.rmtree(work, ignore_errors=True)

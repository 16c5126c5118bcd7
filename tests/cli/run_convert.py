#!/usr/bin/env python3
"""ramet convert, import, export to other forms, events, trace and prune, from outside.

    RAMET_BIN=build/ramet tests/cli/run_convert.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". What conversion does to every
golden session is golden/run_convert.py's.
"""

import fcntl
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
import run_cli as cli  # noqa: E402
from run_cli import (HOME, TMP, Skipped, assistant, check, header, refused, same, tool,  # noqa: E402
                     user, write)

HERE = os.path.join(TMP, "convert")
ID = "0196ffff-0000-7000-8000-0000000000d0"


def session(name="s.jsonl", *lines):
    shutil.rmtree(HERE, ignore_errors=True)
    talk = lines or (user("u1", None, 1, "list it"),
                     assistant("a1", "u1", 2, "I look.", calls=[("ls", {"path": "."})]),
                     tool("t1", "a1", 3, "a.c ```\nb.c"),
                     user("u2", "a1", 4, "the other branch"))
    return write(os.path.join(HERE, name), header(ID), *talk)


def doing(*args, **kw):
    return cli.run(*args, unchanged=False, **kw)


def content(path):
    with open(path, "rb") as f:
        return f.read()


# -- convert

def texts(path):
    """The texts of the context's messages."""
    found = []
    for message in json.loads(cli.run("context", path, "--json", "--llm").out):
        blocks = message.get("content", message.get("summary", ""))
        found.append(blocks if isinstance(blocks, str) else "".join(b.get("text", "") for b in blocks))
    return found


def said(role, text):
    return json.dumps({"role": role, "content": [{"type": "text", "text": text}]})


def converted(path, to, place, *more):
    place = os.path.join(HERE, place)
    return json.loads(doing("convert", path, "--to", to, "-o", place, "--json", *more).out)["path"]


FORMATS = ("pi", "pirust", "ggcode", "yoi", "ckptmgr", "sqlite")


def test_a_fork_goes_home_as_itself():
    """What its original was carried in with stands for nothing in it: no entry is lost by that."""
    for home in FORMATS:
        for to in FORMATS:
            if to == home:
                continue
            session("s.jsonl", user("u1", None, 1, "q1"))
            there = converted(os.path.join(HERE, "s.jsonl"), home, "home")
            for message in (said("assistant", "a1"), said("user", "q2")):
                doing("append", there, message)
            away = converted(there, to, "away")
            fork = doing("fork", away).out.strip()
            back = converted(fork, home, "back")
            same(texts(back), ["q1", "a1", "q2"], f"{home} {to}")
            ids = [json.loads(cli.run("info", p, "--json").out)["header"]["id"] for p in (there, fork, back)]
            same(ids[2], "back" if home in ("ggcode", "yoi") else ids[1], f"{home} {to}: {ids}")
            check(cli.run("verify", back).out.startswith("intact, complete"), back)


def labels_of(path):
    return {row["id"]: row["label"] for row in json.loads(cli.run("tree", path, "--json").out) if row.get("label")}


def test_a_fork_at_an_entry_keeps_the_labels_now_set():
    """Also those that were set behind the entry, or on another branch; and what was cleared stays so."""
    for to in FORMATS:
        there = converted(session("s.jsonl", user("u1", None, 1, "q1"), assistant("a1", "u1", 2, "a1"),
                                  cli.entry("l1", "a1", 3, type="label", targetId="u1", label="old"),
                                  cli.entry("l2", "l1", 4, type="label", targetId="a1", label="cleared"),
                                  user("u2", "l2", 5, "q2"), user("u3", "u2", 6, "q3")), to, "there")
        for target, text in (("a1", "A"), ("u2", "U"), ("a1", ""), ("u1", "new"), ("u3", "gone"), ("u2", "U2")):
            doing("label", there, target, text)
        fork = doing("fork", there, "u2", "--keep").out.strip()
        same(labels_of(fork), {"u1": "new", "u2": "U2"}, to)
        same(texts(fork), ["q1", "a1", "q2"], to)
        check(cli.run("verify", fork).out.startswith("intact, complete"), fork)
        same(labels_of(doing("fork", fork, "a1").out.strip()), {"u1": "new"}, to)
        same(labels_of(doing("fork", there).out.strip()), {"u1": "new", "u3": "gone", "u2": "U2"}, to)
        if to not in ("ckptmgr", "sqlite"):
            times = [{r["label"]: r["labelTimestamp"] for r in json.loads(cli.run("tree", path, "--json").out)
                      if r.get("label")} for path in (there, fork)]
            same(times[0]["new"], times[1]["new"], to)


def test_a_fork_has_a_directory_of_its_own():
    """ggcode says it in a record that the source has too, and the last one counts."""
    for to in FORMATS:
        there = converted(session("s.jsonl", user("u1", None, 1, "q1"), assistant("a1", "u1", 2, "a1")), to, "there")
        doing("name", there, "a title")
        for more in ((), ("a1",)):
            fork = doing("fork", there, *more, "--cwd", "/usr").out.strip()
            info = json.loads(cli.run("info", fork, "--json").out)
            same([info["header"]["cwd"], info.get("name")], ["/usr", None if more else "a title"], to)
            created = info["header"]["timestamp"]
            check(created > json.loads(cli.run("info", there, "--json").out)["header"]["timestamp"], f"{to} {created}")
            fork = doing("fork", there, *more).out.strip()
            same(json.loads(cli.run("info", fork, "--json").out)["header"]["cwd"],
                 json.loads(cli.run("info", there, "--json").out)["header"]["cwd"], to)


def test_a_fork_in_ggcode_says_once_what_it_is():
    path = doing("new", "--format", "ggcode", "--store", HERE).out.strip()
    doing("append", path, '{"role":"user","content":"x"}')
    fork = doing("fork", path, "--cwd", "/usr").out.strip()
    metas = [r for r in map(json.loads, content(fork).decode().splitlines()) if r["type"] == "meta"]
    same([m["workspace"] for m in metas], ["/usr"])
    check(metas[0]["session_id"] in fork, metas)
    fork = doing("fork", path, json.loads(cli.run("path", path, "--json").out)[-1], "--cwd", "/usr").out.strip()
    same(json.loads(cli.run("info", fork, "--json").out)["header"]["cwd"], "/usr", "and of no entry")


def test_what_is_kept_elsewhere_is_kept_at_home():
    """A compaction made in another format keeps the same entries in the first one."""
    for to in ("pirust", "ggcode", "yoi", "sqlite"):
        path = session("s.jsonl", user("u1", None, 1, "q1"))
        there = converted(path, to, "there")
        doing("append", there, said("assistant", "KEPT"))
        doing("compact", there, "--apply", write(os.path.join(HERE, "sum.json"), '{"summary":"SUM"}'),
              "--keep-tokens", "1")
        back = converted(there, "pi", "back.jsonl")
        same([t for t in texts(back) if "KEPT" in t], ["KEPT"], to)
        check(any("SUM" in t for t in texts(back)), to)
        check(cli.run("verify", back).out.startswith("intact, complete"), to)


class Walk:
    """A session that is gone on with in one format after another."""

    def __init__(self, form):
        self.n = self.said = 0
        self.form = form
        self.path = json.loads(doing("new", "--format", form, "--store", self.place(form), "--json").out)["path"]

    def place(self, form):
        self.n += 1
        name = os.path.join(HERE, f"walk{self.n}")
        return f"{form}:{name}" if form in ("sqlite", "ckptmgr") else name

    def say(self, n):
        for _ in range(n):
            self.said += 1
            doing("append", self.path, said("user" if self.said % 2 else "assistant", f"m{self.said}"))

    def message(self, at):
        entries = [json.loads(line) for line in cli.run("entries", self.path, "--json").out.splitlines()]
        path = set(json.loads(cli.run("path", self.path, "--json").out))
        found = [e["id"] for e in entries if e["type"] == "message" and e["id"] in path]
        return found[int(at * len(found))]

    def go(self, op, arg):
        if op == "say":
            self.say(arg)
        elif op == "branch":
            if self.form in ("pi", "pirust", "sqlite"):
                doing("branch", self.path, self.message(arg))
            self.say(2)
        elif op == "compact":
            doing("append", self.path, json.dumps({"type": "compaction", "summary": "SUM", "tokensBefore": 5,
                                                   "firstKeptEntryId": self.message(arg)}))
            self.say(1)
        elif op == "fork":
            self.path = json.loads(doing("fork", self.path, "--json").out)["path"]
        else:
            self.form = op
            self.path = json.loads(doing("convert", self.path, "--to", op, "-o", self.place(op), "--json").out)["path"]
            check(cli.run("verify", self.path).out.startswith("intact, complete"), f"{op}: {self.path}")


def walk(form, *ops):
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    w = Walk(form)
    w.say(4)
    for i, (op, arg) in enumerate(ops):
        before = texts(w.path)
        w.go(op, arg)
        if op in FORMATS or op == "fork":
            same(texts(w.path), before, f"{form} {ops[:i + 1]}")


def test_the_model_is_shown_the_same_on_every_way():
    for home in ("ggcode", "yoi"):
        for away in ("pi", "pirust", "sqlite"):
            walk(home, (away, 0), ("branch", 0.3), (home, 0), (away, 0), (home, 0), ("say", 1), (away, 0))
    walk("pi", ("branch", 0.5), ("ckptmgr", 0), ("yoi", 0), ("pi", 0), ("pi", 0), ("yoi", 0), ("pi", 0))
    walk("yoi", ("ckptmgr", 0), ("ckptmgr", 0), ("ggcode", 0), ("sqlite", 0), ("ckptmgr", 0))
    walk("pi", ("branch", 0.5), ("pirust", 0), ("ckptmgr", 0), ("pi", 0))
    walk("pirust", ("sqlite", 0), ("branch", 0.5), ("ggcode", 0), ("pi", 0))
    walk("yoi", ("sqlite", 0), ("branch", 0.1), ("ggcode", 0), ("sqlite", 0))
    walk("ggcode", ("pi", 0), ("compact", 0.3), ("ggcode", 0))
    walk("pi", ("compact", 0), ("ggcode", 0))
    walk("ckptmgr", ("ggcode", 0), ("pirust", 0), ("compact", 0.5), ("ggcode", 0))
    dice = random.Random(4)
    for _ in range(40):
        ops = [dice.choice([(dice.choice(FORMATS), 0)] * 5 + [("say", 1)] * 2 +
                           [("branch", dice.random()), ("compact", dice.random()), ("fork", 0)])
               for _ in range(dice.randint(3, 6))]
        walk(dice.choice(FORMATS), *ops)


def test_a_second_way_home_changes_nothing():
    """What is appended at home keeps its line on the next way, though what it hung from is gone."""
    path = session("s.jsonl", user("u1", None, 1, "q1"))
    there = converted(path, "ggcode", "there")
    doing("append", there, said("user", "there"))
    back = converted(there, "pi", "back.jsonl")
    doing("append", back, '{"role":"user","content":"home","timestamp":1791288000001}')
    again = converted(converted(back, "ggcode", "there2"), "pi", "again.jsonl")
    line = [json.loads(text)["message"] for text in content(again).split(b"\n") if b'"home"' in text]
    same(line, [{"role": "user", "content": "home", "timestamp": 1791288000001}])


def test_a_way_through_a_format_twice():
    path = session("s.jsonl", user("u1", None, 1, "q1"), assistant("a1", "u1", 2, "a1"))
    there = path
    for i, to in enumerate(("ggcode", "yoi", "ggcode", "pi")):
        there = converted(there, to, f"{i}.jsonl")
    same(content(there), content(path))


def test_convert_there_and_back():
    path = session()
    for to in ("pirust", "ggcode", "yoi", "ckptmgr", "sqlite"):
        place = os.path.join(HERE, f"to-{to}")
        there = json.loads(doing("convert", path, "--to", to, "-o", place, "--json").out)
        same([there["from"], there["to"], there["entries"], there["dryRun"]], ["pi", to, 4, False])
        same(there["said"] + there["carried"] + there["leftOut"], 4)
        back = os.path.join(HERE, f"from-{to}.jsonl")
        done = json.loads(doing("convert", there["path"], "--to", "pi", "-o", back, "--json").out)
        same(done["path"], back)
        same(content(back), content(path), to)


def test_convert_says_what_it_does():
    path = session()
    told = cli.run("convert", path, "--to", "ggcode", "--dry-run").out
    check("would convert 4 entries from pi to ggcode" in told, told)
    check("1 entry is not on the branch; carried along as a line\n" in told, told)
    check("stored lines would be carried" in told, told)
    same(os.listdir(HERE), ["s.jsonl"])


def test_convert_goes_where_the_program_keeps_its_own():
    path = session()
    told = json.loads(doing("convert", path, "--to", "ggcode", "--json").out)
    check(told["path"].startswith(os.path.join(HOME, ".ggcode", "sessions")), told["path"])
    listed = cli.run("list", "--store", "ggcode", "--json").out
    check(told["id"] in listed, listed)
    refused("convert", path, "--to", "ggcode", code=3, says="there is a file of this name already")


def test_convert_one_branch():
    path = session()
    place = os.path.join(HERE, "one.jsonl")
    told = json.loads(doing("convert", path, "--to", "pi", "-o", place, "--leaf", "t1", "--lean", "--json").out)
    same([told["entries"], told["said"], told["offBranch"], told["leftOut"]], [4, 3, 1, 1])
    same(json.loads(cli.run("path", place, "--json").out), ["u1", "a1", "t1"])
    told = cli.run("convert", path, "--to", "ggcode", "--leaf", "t1", "--dry-run").out
    check("1 entry is not on the branch; left out\n" in told, told)


def test_convert_tells_of_damage():
    path = session()
    with open(path, "a", encoding="utf-8") as f:
        f.write('{"type":"mess\n{"torn')
    place = os.path.join(HERE, "damaged.jsonl")
    told = doing("convert", path, "--to", "ggcode", "-o", place).out
    check("2 damaged lines go along as they are; ramet verify tells where\n" in told, told)
    with open(place, encoding="utf-8") as f:
        check('{\\\"torn' in f.read(), "the torn line is not there")
    told = cli.run("convert", path, "--to", "yoi", "--lean", "--dry-run").out
    check("2 damaged lines are left out; ramet verify tells where\n" in told, told)


def test_convert_of_no_entry():
    """The path to null is empty, as the context there is."""
    path = session()
    for to in ("pi", "pirust", "ggcode", "yoi", "ckptmgr", "sqlite"):
        for words in (("convert", path, "--to", to), ("export", path, "--format", to)):
            place = os.path.join(HERE, f"none-{words[0]}-{to}")
            told = json.loads(doing(*words, "-o", place, "--leaf", "null", "--json").out)
            same(told["entries"], 0, to)
            same(json.loads(cli.run("info", told["path"], "--json").out)["messageCount"], 0, to)


def test_a_tool_is_no_prefix():
    path = session()
    for words in (("import", path, "--into", "yoi:x"), ("convert", path, "--to", "yoi", "-o", "yoi:x"),
                  ("export", path, "--format", "yoi", "-o", "yoi:x"), ("list", "ggcode:/tmp/x"),
                  ("list", "--store", "ggcode:/tmp/x"), ("new", "--store", "pirust:x"),
                  ("fork", path, "--into", "pi:x"), ("info", "pirust:x"), ("verify", "yoi:x"),
                  ("append", "ggcode:x/y.jsonl", '{"role":"user","content":"x"}')):
        refused(*words, code=2, says="is no place")
    for words in (("import", path, "--into", "sqlite"), ("list", "--store", "ckptmgr"), ("verify", "sqlite")):
        refused(*words, code=2, says="which file?")
    refused("fork", path, "--into", "yoi", code=2, says="ramet import --into yoi")


def test_a_prefix_of_another_format():
    """Neither a file nor a directory of that name is made."""
    path = session()
    before = sorted(os.listdir(HERE))
    for words in (("new", "--format", "yoi", "--store", "sqlite:x.db"), ("new", "--format", "pi", "--store", "sqlite:x.db"),
                  ("new", "--format", "ckptmgr", "--store", "sqlite:x.db"), ("new", "--format", "sqlite", "--store", "ckptmgr:x"),
                  ("convert", path, "--to", "yoi", "-o", "sqlite:z.db"), ("convert", path, "--to", "pi", "-o", "ckptmgr:z"),
                  ("export", path, "--format", "ggcode", "-o", "sqlite:q.db")):
        refused(*words, code=2, says="is no place for a session of the format", cwd=HERE)
    for form in ("--jsonl", "--md"):
        refused("export", path, form, "-o", "sqlite:q.db", code=2, says="is a file of many sessions", cwd=HERE)
    refused("new", "--format", "yoi", "--store", "yoi:x", code=2, says="is no place", cwd=HERE)
    refused("new", "--format", "yoi", "--store", "", code=2, says="is empty", cwd=HERE)
    for words in (("new", "--store", "sqlite:"), ("import", path, "--into", "sqlite:"),
                  ("convert", path, "--to", "sqlite", "-o", "sqlite:")):
        refused(*words, code=2, says="which file? sqlite:FILE", cwd=HERE)
    same(sorted(os.listdir(HERE)), before)


def in_files_of_many():
    path = session()
    for home in ("sqlite", "ckptmgr"):
        place = f"{home}:{os.path.join(HERE, 'many.' + home)}"
        yield place, json.loads(doing("convert", path, "--to", home, "-o", place, "--json").out)["path"]


def test_what_a_file_of_many_has_not():
    for place, path in in_files_of_many():
        refused("tail", "-f", path, code=3, says="only a session in a file of its own can be followed")
        check("list it" in cli.run("tail", path).out, path)
        for words in (("index", "status"), ("index", "rebuild"), ("index", "clear")):
            refused(*words, path, code=3, says="own has an index")
        refused("sidecar", "status", path, code=3, says="own has a sidecar")
        for more in ((), ("--yes",)):
            refused("prune", "--before", "2126-01-01", "--store", place, *more, code=3, says="ramet delete --permanently")


def test_new_in_a_store():
    for store, begins in (("yoi", os.path.join(HOME, ".local/share/yoi/sessions/")),
                          ("ggcode", os.path.join(HOME, ".ggcode/sessions/")),
                          ("sqlite:" + os.path.join(HERE, "n.db"), "sqlite:"),
                          ("ckptmgr:" + os.path.join(HERE, "n.json"), "ckptmgr:")):
        session()
        told = json.loads(doing("new", "--store", store, "--json").out)
        check(told["path"].startswith(begins), told)
        same(json.loads(cli.run("info", told["path"], "--json").out)["format"], store.split(":")[0])
    refused("new", "--store", "yoi", "--format", "ggcode", code=2, says="takes no session")
    refused("new", "--format", "word", code=2, says="no such format: word")
    refused("new", "--format", "sqlite", code=2, says="which file?")
    refused("new", "--format", "ggcode", "--store", HERE, "--id", "../x", code=2, says="cannot be the id")
    for to, rule in (("pi", "letters"), ("pirust", "with - _ . between"), ("ggcode", "no - first"), ("yoi", ": a UUID"),
                     ("sqlite", "with - _ . between"), ("ckptmgr", "with - _ . between")):
        refused("new", "--format", to, "--store", os.path.join(HERE, "x"), "--id", "../x", code=2, says=rule)


def test_nothing_is_left_of_what_was_not_made():
    """yoi's sessions have directories of their own: none stays empty when the disk is full."""
    full = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)))
    store = os.path.join(HERE, "store")
    path = session()
    doing("new", "--format", "yoi", "--store", store)
    there = converted(path, "yoi", "there/")
    for words in (("new", "--format", "yoi", "--store", store), ("fork", there, "--into", store), ("fork", there)):
        for _ in range(2):
            before = sorted(d for d, _, _ in os.walk(HERE))
            refused(*words, code=3, says="", unchanged=False, **full)
            same(sorted(d for d, _, _ in os.walk(HERE)), before, words)


def test_verify_stores():
    path = session()
    for to in ("pirust", "ggcode", "yoi"):
        done = json.loads(doing("convert", path, "--to", to, "--id", f"0196ffff-0000-7000-8000-0000000000f{len(to)}",
                                "--json").out)
        told = [json.loads(line) for line in doing("verify", to, "--json").out.splitlines()]
        check(done["path"] in [t["path"] for t in told], told)
        same([t["intact"] for t in told], [True] * len(told), told)
    for home in ("sqlite", "ckptmgr"):
        place = f"{home}:{os.path.join(HERE, 'all.' + home)}"
        for name in ("a1", "a2"):
            doing("convert", path, "--to", home, "-o", place, "--id", name)
        same([line.split("#")[1][:2] for line in cli.run("verify", place).out.splitlines()], ["a1", "a2"])
        same(len(cli.run("verify", place + "#a1").out.splitlines()), 1)


def test_convert_is_refused():
    path = session()
    refused("convert", path, code=2, says="which format?")
    refused("convert", path, "--to", "word", code=2, says="no such format: word")
    refused("convert", path, "--to", "sqlite", code=2, says="which file?")
    refused("convert", path, "--to", "pi", "-o", path, code=3, says="already")
    refused("convert", path, "--to", "pi", "-o", HERE, "--id", "../up", code=2, says="cannot be the id")
    refused("convert", path, "--to", "pi", "--leaf", "nobody", code=3, says="nobody")


def test_convert_where_it_is_already():
    path = doing("new", "--id", "already").out.strip()
    doing("append", path, '{"role":"user","content":"x"}')
    refused("convert", path, "--to", "pi", code=3, says="is of the format pi already")
    refused("convert", path, "--to", "pi", code=3, says="--id ID")
    doing("convert", path, "--to", "pi", "--id", "another")


def test_convert_tells_branches_apart():
    """An entry of another branch is not there for want of words."""
    path = session()
    told = cli.run("convert", path, "--to", "yoi", "--dry-run").out
    check("1 entry is not on the branch; carried" in told and "no words" not in told, told)
    labels = [user("u1", None, 1, "q"), user("u2", "u1", 2, "other"), user("u3", "u1", 3, "this"),
              cli.entry("l1", "u3", 4, type="label", targetId="u1", label="x")]
    path = session("l.jsonl", *labels)
    told = cli.run("convert", path, "--to", "yoi", "--dry-run").out
    check("yoi has no words for:\n  label                      1 carried\n1 entry is not" in told, told)
    told = cli.run("convert", path, "--to", "yoi", "--lean", "--dry-run").out
    check("message user" not in told and "1 entry is not on the branch; left out\n" in told, told)


# -- import, export

def test_import():
    path = session()
    yoi = os.path.join(HERE, "y.jsonl")
    doing("export", path, "--format", "yoi", "-o", yoi)
    into = os.path.join(HERE, "store")
    told = json.loads(doing("import", yoi, "--into", into, "--json").out)
    same([told["from"], told["to"]], ["yoi", "pi"])
    check(told["path"].startswith(into + "/"), told["path"])
    check(content(told["path"]) == content(path), "the way back")
    told = json.loads(doing("import", yoi, "--into", "sqlite:" + os.path.join(HERE, "all.db"), "--json").out)
    same(told["to"], "sqlite")
    same(len(cli.run("list", "--store", "sqlite:" + os.path.join(HERE, "all.db"), "--json").out.splitlines()), 1)
    told = json.loads(cli.run("import", yoi, "--dry-run", "--json").out)
    check("path" not in told and told["dryRun"], told)


def test_import_of_a_named_format():
    path = session()
    for to in ("pi", "pirust", "ggcode", "yoi", "ckptmgr", "sqlite"):
        place = os.path.join(HERE, "as-" + to)
        doing("convert", path, "--to", to, "-o", place)
        told = json.loads(cli.run("import", place, "--format", to, "--dry-run", "--json").out)
        same(told["from"], to)
    text, other = os.path.join(HERE, "t.txt"), os.path.join(HERE, "a.json")
    write(text, "hello\n")
    write(other, '{"a":1}\n')
    for is_of, named in (("pi", "yoi"), ("pi", "ggcode"), ("yoi", "ggcode"), ("ggcode", "yoi"), ("yoi", "pirust")):
        refused("import", os.path.join(HERE, "as-" + is_of), "--format", named, code=3, says="not")
    for named in ("ggcode", "yoi"):
        for name in (text, other):
            refused("import", name, "--format", named, code=3, says="no record of the format " + named)
    refused("import", path, "--format", "word", code=2, says="no such format: word")
    refused("import", "sqlite:" + os.path.join(HERE, "as-sqlite"), "--format", "yoi", code=2, says="is not of")


def test_files_of_many_without_their_prefix():
    """import takes them; the others say how they are named."""
    for place, _ in in_files_of_many():
        name = shutil.copy(place.split(":", 1)[1], os.path.join(HERE, "many"))
        place = place.split(":")[0] + ":" + name
        told = json.loads(cli.run("import", name, "--dry-run", "--json").out)
        same(told["from"], place.split(":")[0])
        for words in (("info",), ("convert", "--to", "yoi", "--dry-run"), ("entries",), ("verify",),
                      ("append", '{"role":"user","content":"x"}')):
            refused(words[0], name, *words[1:], code=3, says=f"give it as {place}")
        refused("import", name, "--format", "yoi", code=3, says="no record of the format yoi")
        doing("convert", os.path.join(HERE, "s.jsonl"), "--to", place.split(":")[0], "-o", place, "--id", "other")
        refused("import", name, "--dry-run", code=3, says="session")
    broken = write(os.path.join(HERE, "broken.json"), '{"sessions":[')
    refused("import", broken, code=3, says="give it as ckptmgr:")


def test_export_wants_a_place():
    path = session()
    for more in ((), ("-o", "-")):
        refused("export", path, "--format", "ggcode", *more, code=2, says="ramet import")
    refused("export", path, "--format", "word", "-o", HERE, code=2, says="no such format: word")


def test_migrate_of_other_formats():
    path = session()
    for to in ("ggcode", "yoi", "sqlite", "ckptmgr"):
        place = json.loads(doing("convert", path, "--to", to, "-o", os.path.join(HERE, to), "--json").out)["path"]
        check("only pi's files have versions" in cli.run("migrate", place).out, to)
    same(cli.run("migrate", path).out, "nothing to do: it is version 3 already\n")


def test_export_markdown():
    path = session()
    out = cli.run("export", path, "--md", "--leaf", "t1").out
    same(out.splitlines()[:1], ["# list it"])
    for part in (f"**Session:** {ID}\n", "**Created:** 2026-03-02T09:00:00Z\n", "**Messages:** 3\n\n---\n",
                 "## User\n\nlist it\n\n---\n", "## Assistant\n\nI look.\n\n**Tool Call:** `ls`\n",
                 "```json\n{\"path\":\".\"}\n```\n", "**Tool Result** (error=false):\n````\na.c ```\nb.c\n````\n"):
        check(part in out, f"{part!r} is not in {out!r}")
    check(out.endswith("\n---\n\n"), out[-20:])
    check("the other branch" not in out, out)
    place = os.path.join(HERE, "talk.md")
    doing("export", path, "--md", "-o", place)
    same(content(place).decode(), cli.run("export", path, "--md").out)
    refused("export", path, "--md", "--jsonl", code=2, says="which form?")
    refused("export", path, "--format", "yoi", "--force", "-o", place, code=2, says="never replaces")


# -- events, trace

def test_events():
    path = session()
    event = {"event_id": "e1", "type": "text", "data": {"text": "hi"}}
    for to in ("pi", "ggcode", "yoi"):
        place = path if to == "pi" else os.path.join(HERE, to + ".jsonl")
        if to != "pi":
            doing("convert", path, "--to", to, "-o", place)
        doing("events", place, "--append", json.dumps(event))
        events = [json.loads(line) for line in cli.run("events", place, "--json").out.splitlines()]
        same(events[-1]["event_id"], "e1", to)
        same(events[-1]["data"], {"text": "hi"}, to)
    refused("events", path, "--append", "[1]", code=3, says="an event is a JSON object")


def test_trace():
    other = session()
    for more in ((), ("--append", '{"turn":2,"label":"retry"}')):
        refused("trace", other, *more, code=3, says="traces are yoi's, and this is a session of the format pi")
    path = os.path.join(HERE, "y.jsonl")
    doing("convert", other, "--to", "yoi", "-o", path)
    refused("trace", path, code=3, says="there is no trace of this session")
    doing("trace", path, "--append", '{"turn":2,"label":"retry","data":{"n":1}}')
    doing("trace", path, "--append", '{"turn":2,"llm_call":1,"event":{"Ping":{"timestamp":1}},"ts":1000}')
    lines = [json.loads(line) for line in cli.run("trace", path, "--json").out.splitlines()]
    same([lines[0]["label"], lines[0]["turn"], lines[1]["ts"]], ["retry", 2, 1000])
    check("1970-01-01T00:00:01.000Z turn 2 call 1 " in cli.run("trace", path).out, "text")
    check(os.path.exists(os.path.join(HERE, "y.trace.jsonl")), "beside the session")
    told = [json.loads(line) for line in cli.run("verify", HERE, "--json").out.splitlines()]
    same([os.path.basename(t["path"]) for t in told], ["s.jsonl", "y.jsonl"], "a trace is no session")
    refused("trace", path, "--append", '{"turn":2}', code=3, says='an "event" or a "label"')


def test_trace_stores_what_is_given_or_nothing():
    path = os.path.join(HERE, "y.jsonl")
    doing("convert", session(), "--to", "yoi", "-o", path)
    for line, why in (('{"turn":-1,"label":"x"}', '"turn" is a whole number'), ('{"turn":"a","label":"x"}', '"turn" is'),
                      ('{"turn":1.5,"label":"x"}', '"turn" is'), ('{"turn":1e30,"label":"x"}', '"turn" is'),
                      ('{"turn":null,"label":"x"}', '"turn" is'), ('{"turn":9007199254740992,"label":"x"}', '"turn" is'),
                      ('{"turn":1,"ts":-5,"event":1}', '"ts" is a whole number from 1'),
                      ('{"turn":1,"ts":0,"event":1}', '"ts" is'), ('{"turn":1,"llm_call":"q","event":1}', '"llm_call" is'),
                      ('{"turn":1,"event":1,"zz":9}', "no other member"), ('{"label":"x"}', 'has a "turn"'),
                      ('{"turn":1,"label":5}', "is a text"), ('{"turn":1,"event":1,"label":5}', 'an "event" or a "label"'),
                      ('{"turn":1,"event":1,"data":2}', 'only a "label"'),
                      ('{"turn":1,"event":1,"kind":"lifecycle"}', '"kind"'), ("[1]", "is a JSON object")):
        refused("trace", path, "--append", line, code=3, says=why)
    check(not os.path.exists(os.path.join(HERE, "y.trace.jsonl")), "a trace was made")
    for line in ('{"ts":1,"turn":0,"llm_call":0,"kind":"stream_event","event":null}',
                 '{"ts":9007199254740991,"turn":9007199254740991,"kind":"lifecycle","label":"","data":[1]}'):
        doing("trace", path, "--append", line)
        same(cli.run("trace", path, "--json").out.splitlines()[-1], line)


# -- prune

def test_prune():
    path = session()
    old = time.time() - 400 * 86400
    os.utime(path, (old, old))
    fresh = write(os.path.join(HERE, "new.jsonl"), header("0196ffff-0000-7000-8000-0000000000d1"),
                  user("u1", None, 1, "x"))
    check(os.path.exists(fresh), fresh)
    same(cli.run("prune", "--before", "2020-01-01", "--store", HERE).out, "0 old sessions\n")
    told = cli.run("prune", "--before", "2026-06-01", "--store", HERE).out
    check("would go" in told and "s.jsonl" in told and "1 old session; --yes" in told, told)
    check("new.jsonl" not in told, "its file is new")
    done = json.loads(doing("prune", "--before", "2026-06-01", "--store", HERE, "--yes", "--json").out)
    same([done["result"], os.path.basename(done["path"])], ["moved", "s.jsonl"])
    check(os.path.exists(done["movedTo"]) and not os.path.exists(path), done)
    refused("prune", "--store", HERE, code=2, says="--before DATE")
    refused("prune", "--before", "2026-01-01", code=2, says="--store ST")
    refused("prune", "--before", "soon", "--store", HERE, code=2, says="is no date")


def test_prune_takes_no_day_that_is_none():
    """Its next of kin is later, and more would go than was meant."""
    path = session()
    old = time.time() - 400 * 86400
    os.utime(path, (old, old))
    for day in ("2026-02-30", "2026-02-29", "2026-04-31T10:00:00Z", "2026-02-31 10:00", "2026-13-01", "2026-3-1",
                "Feb 30, 2026", "", " ", "T"):
        refused("prune", "--before", day, "--store", HERE, "--yes", code=2, says="is no date")
    for day in ("2024-02-29", "2026-02-28T24:00:00Z", "2026-02-28T10:00Z", "2026-02-28 10:00", "2026-02", "2026"):
        same(cli.run("prune", "--before", day, "--store", HERE).out, "0 old sessions\n", day)


def test_prune_counts_those_in_use():
    shutil.rmtree(os.path.join(HOME, ".ggcode"), ignore_errors=True)
    ids = []
    for name in ("in-use", "free"):
        path = doing("new", "--store", "ggcode", "--id", name).out.strip()
        doing("append", path, '{"role":"user","content":"x"}')
        ids.append(path)
    lock = ids[0].replace(".jsonl", ".lock")
    with open(lock, "w", encoding="utf-8") as f:
        f.write(str(os.getpid()))
        f.flush()
        fcntl.flock(f, fcntl.LOCK_EX)
        told = cli.run("prune", "--before", "2126-01-01", "--store", "ggcode").out
        check("2 old sessions, 1 of them in use; --yes moves the others to the trash\n" in told, told)
        doing("prune", "--before", "2126-01-01", "--store", "ggcode", "--yes")
        told = cli.run("prune", "--before", "2126-01-01", "--store", "ggcode").out
        check(told.endswith("1 old session, 1 of them in use\n"), told)


def test_a_fresh_session_has_no_name():
    session()
    for to in ("ggcode", "pi"):
        path = doing("new", "--format", to, "--store", os.path.join(HERE, to)).out.strip()
        check("cleared" not in cli.run("tree", path).out, to)


def append_all(path, messages):
    """In one go; the ids that were told."""
    p = subprocess.run([cli.BIN, "append", path, "-"], input="\n".join(messages).encode(), env=cli.environment(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=cli.TIME_LIMIT)
    same((p.returncode, p.stderr), (0, b""), path)
    return p.stdout.decode().splitlines()


def test_ggcode_keeps_what_a_compaction_keeps():
    """Wherever it begins: also in what came from ggcode, in a long session, and at the first message."""
    for home, talk in (("pi", 3), ("ggcode", 3), ("ggcode", 80)):
        for kept in sorted({0, 1, 2, talk - 3, talk - 1, talk, talk + 1}):
            shutil.rmtree(HERE, ignore_errors=True)
            path = doing("new", "--format", home, "--store", HERE).out.strip()
            append_all(path, [said("user", f"{n} " + "x" * 500) for n in range(talk)])
            if home == "ggcode":
                path = converted(path, "pi", "away")
            for n in (talk, talk + 1):
                doing("append", path, said("user", str(n)))
            ids = [e["id"] for e in map(json.loads, cli.run("entries", path, "--json").out.splitlines())
                   if e["type"] == "message"]
            doing("append", path, json.dumps({"type": "compaction", "summary": "S", "firstKeptEntryId": ids[kept],
                                              "tokensBefore": 5}))
            doing("append", path, said("user", "last"))
            back = converted(path, "ggcode", "back")
            same(texts(back), texts(path), f"{home} {talk} {kept}")
            same(len(texts(back)), 1 + talk + 2 - kept + 1, f"{home} {talk} {kept}")
            same(texts(converted(back, "pi", "again")), texts(path), f"{home} {talk} {kept}")


def test_ggcode_keeps_messages_of_any_members():
    """A member named as one of ggcode's own does not take its place: each message is there, under the id that was told."""
    shutil.rmtree(HERE, ignore_errors=True)
    path = doing("new", "--format", "ggcode", "--store", HERE).out.strip()
    result = {"role": "toolResult", "toolCallId": "t", "toolName": "x", "content": [{"type": "text", "text": "m"}]}
    messages = [{"role": "user", "content": "m", name: value} for name, value in
                (("id", "k"), ("id", "k"), ("x", 1), ("ID", "k"), ("id", "null"), ("Content", "v"), ("Role", "v"))]
    messages += [{**result, name: value} for name, value in
                 (("output", "other"), ("type", "x"), ("tool_id", "zz"), ("id", "k"))]
    told = append_all(path, [json.dumps(message) for message in messages])
    for message in messages:
        told.append(json.loads(doing("append", path, json.dumps(message), "--json").out)["id"])
    same(len(set(told)), 2 * len(messages), told)
    check("k" not in told and "null" not in told, told)
    stored = {e["id"]: e["message"] for e in map(json.loads, cli.run("entries", path, "--json").out.splitlines())
              if e["type"] == "message"}
    same(list(stored), told, "ids")
    for ident, message in zip(told, 2 * messages):
        for name, value in message.items():
            if name != "content":
                same(stored[ident][name], value, f"{message}: {stored[ident]}")
    same(texts(path), ["m"] * 2 * len(messages), "texts")
    check(cli.run("verify", path).out.startswith("intact, complete"), path)
    path = doing("new", "--store", os.path.join(HERE, "pi")).out.strip()
    append_all(path, [json.dumps(message) for message in messages])
    same(texts(converted(path, "ggcode", "there")), texts(path), "from pi")


def main():
    cli.make_home()
    wanted = [w for w in sys.argv[1:] if not w.startswith("-")]
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (wanted and not any(w in name for w in wanted)):
            continue
        try:
            test()
            passed += 1
        except Skipped as e:
            print(f"skipped {name}: {e}")
        except Exception:
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        shutil.rmtree(TMP, ignore_errors=True)
    sys.exit(code)

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
import shutil
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
    for message in json.loads(cli.run("context", path, "--json").out)["messages"]:
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

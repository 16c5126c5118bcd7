#!/usr/bin/env python3
"""ramet show, export and delete from outside.

    RAMET_BIN=build/ramet tests/cli/run_show.py [-v] [NAME...]

Works in a home directory of its own, as run_cli.py does, whose helpers it uses. A NAME runs only
the tests whose name contains it. Ends with "N passed, N failed". Python's library only.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import traceback

sys.dont_write_bytecode = True
import run_cli as cli  # noqa: E402
from run_cli import (BIN, DAMAGED, HOME, SLOW, TMP, Failure, Skipped, Terminal,  # noqa: E402,F401
                     at_terminal, assistant, branched, cells, check, entry, environment, harmless,
                     header, refused, run, same, snapshot, stamp, tool, user, write)

OUT = os.path.join(TMP, "out")
TRASH = os.path.join(HOME, ".local", "share", "Trash")
HOSTILE = cli.HOSTILE
PNG = "iVBORw0KGgoAAAANSUhEUgAA" * 2000


def message(ident, parent, n, role, content, **more):
    return entry(ident, parent, n, type="message", message={"role": role, "content": content,
                                                            **more})


def rich():
    """One of everything that a conversation can hold."""
    return [
        header("0196eeee-0000-7000-8000-000000000009"),
        entry("m1", None, 1, type="model_change", provider="acme", modelId="m-1"),
        entry("m2", "m1", 2, type="thinking_level_change", thinkingLevel="high"),
        user("u1", "m2", 3, "list the files\nand the picture"),
        message("a1", "u1", 4, "assistant", [
            {"type": "thinking", "thinking": "hé hmm"},
            {"type": "text", "text": "Here they are"},
            {"type": "toolCall", "id": "t", "name": "bash", "arguments": {"command": "ls -la"}},
            {"type": "toolCall", "id": "u", "name": "odd", "arguments": {"n": 1}},
            {"type": "toolCall", "id": "v", "name": "none", "arguments": {}},
            {"type": "thinking", "thinking": "", "redacted": True},
            {"type": "hologram"}], model="m-1"),
        message("t1", "a1", 5, "toolResult", [
            {"type": "text", "text": "\n".join(f"file {i}" for i in range(20))},
            {"type": "image", "mimeType": "image/png", "data": PNG}],
            toolName="bash", isError=True),
        message("b1", "t1", 6, "bashExecution", None, command="make", output="done\n", exitCode=0),
        entry("c1", "b1", 7, type="compaction", summary="It went well", firstKeptEntryId="u1",
              tokensBefore=12345),
        entry("s1", "c1", 8, type="branch_summary", summary="Elsewhere", fromId="root"),
        entry("x1", "s1", 9, type="custom_message", customType="note", content="remember",
              display=False),
        entry("x2", "x1", 10, type="custom", customType="ramet.leaf"),
        entry("n1", "x2", 11, type="session_info", name="Files"),
        entry("l1", "n1", 12, type="label", targetId="u1", label="start here"),
        entry("e1", "l1", 13, type="context_edit", targetId="t1", replacement=None),
        entry("f1", "e1", 14, type="future"),
        user("u2", "f1", 15, "thanks"),
    ]


SHOWN = """\
·· model  acme/m-1  2026-03-02 09:00:01  m1
·· thinking  high  2026-03-02 09:00:02  m2

── user  2026-03-02 09:00:03  u1  [start here]
  list the files
  and the picture

── assistant  m-1  2026-03-02 09:00:04  a1
  [thinking: 6 characters]
  Here they are
  [bash: ls -la]
  [odd: {"n":1}]
  [none]
  [thinking: redacted]
  [hologram]

── tool result  bash  error  2026-03-02 09:00:05  t1
  file 0
  file 1
  file 2
  file 3
  file 4
  file 5
  … 14 more lines (--all)
  [image: image/png, 36 kB]

── bash  2026-03-02 09:00:06  b1
  $ make
  done

── compaction summary  12,345 tokens before  2026-03-02 09:00:07  c1
  It went well

── branch summary  2026-03-02 09:00:08  s1
  Elsewhere

── custom  note  hidden  2026-03-02 09:00:09  x1
  remember

·· custom  ramet.leaf  2026-03-02 09:00:10  x2
·· name  Files  2026-03-02 09:00:11  n1
·· label  label on u1: start here  2026-03-02 09:00:12  l1
·· edit  omit t1  2026-03-02 09:00:13  e1
·· other  future  2026-03-02 09:00:14  f1

── user  2026-03-02 09:00:15  u2
  thanks

"""


def loose(name, *parts):
    return write(os.path.join(OUT, name), *parts)


# -- show


def test_show_everything():
    path = loose("rich.jsonl", *rich())
    same(run("show", path).out, SHOWN)
    same(run("show", path, "--at", "u2").out, SHOWN)


def test_show_unfolds():
    path = loose("rich.jsonl", *rich())
    text = run("show", path, "--thinking").out
    same(text.replace("\n  hé hmm\n", "\n  [thinking: 6 characters]\n"),
         SHOWN.replace("  [thinking: redacted]\n", ""))
    text = run("show", path, "--all").out
    for part in ("  hé hmm\n", "  file 19\n", "  → bash\n  {\"command\":\"ls -la\"}\n",
                 "[image: image/png"):
        check(part in text, part)
    check("more lines" not in text, text)


def test_show_one_branch():
    path = loose("branched.jsonl", *branched())
    text = run("show", path).out
    check("yes, OAuth" in text and "passwords" not in text, text)
    check("[the good one]" in text, text)
    text = run("show", path, "--at", "b2").out
    check("passwords" in text and "OAuth works" not in text, text)
    same(run("show", path, "--at", "null").out, "")
    for name in ("--leaf", "-l"):
        same(run("show", path, name, "b2").out, text)
    refused("show", path, "--at", "u2", "--leaf", "b2", code=2, says="exclude each other")
    refused("show", path, "--at", "zz", code=3, says="zz")
    refused("show", path, "--at", "c", code=3, says="c")
    refused("show", path, "--at", code=2, says="--at")
    refused("show", path, "extra", code=2, says="too many")
    refused("show", os.path.join(OUT, "missing.jsonl"), code=3, says="missing.jsonl")


def test_show_json():
    path = loose("branched.jsonl", *branched())
    every = run("entries", path, "--json").lines
    wanted = [t for t in every if json.loads(t)["id"] in ("a1", "a2", "b1", "b2")]
    same(run("show", path, "--at", "b2", "--json").lines, wanted)
    same(run("show", path, "--at", "null", "--json").raw, b"")
    ids = [e["id"] for e in run("show", path, "--json").json_lines()]
    same(ids, run("path", path, "--json").json())


def hostile():
    ident = "h\033[1m"
    return [
        header("0196cccd-hostile"),
        user(ident, None, 1, HOSTILE),
        message("h2", ident, 2, "assistant", [
            {"type": "thinking", "thinking": HOSTILE},
            {"type": "toolCall", "name": HOSTILE, "arguments": {"command": HOSTILE}},
            {"type": "toolCall", "name": "x", "arguments": {HOSTILE: HOSTILE}},
            {"type": "toolCall", "name": "y", "arguments": [HOSTILE]},
            {"type": "image", "mimeType": HOSTILE, "data": "AAAA"},
            {"type": HOSTILE}], model=HOSTILE, errorMessage=HOSTILE),
        message("h3", "h2", 3, "toolResult", HOSTILE, toolName=HOSTILE),
        message("h4", "h3", 4, "bashExecution", None, command=HOSTILE, output=HOSTILE),
        message("h5", "h4", 5, HOSTILE, HOSTILE),
        entry("h6", "h5", 6, type="custom_message", customType=HOSTILE, content=HOSTILE),
        entry("h7", "h6", 7, type="custom", customType=HOSTILE),
        entry("h8", "h7", 8, type="label", targetId=ident, label=HOSTILE),
        entry("h9", "h8", 9, type="session_info", name=HOSTILE),
        entry("ha", "h9", 10, type="compaction", summary=HOSTILE, tokensBefore=1e300),
        entry("hb", "ha", 11, type="branch_summary", summary=HOSTILE),
        entry("hc", "hb", 12, type="model_change", provider=HOSTILE, modelId=HOSTILE),
        entry("hd", "hc", 13, type="context_edit", targetId=HOSTILE,
              replacement={"content": HOSTILE}),
        entry("he", "hd", 14, type=HOSTILE),
        message("hf", "he", 15, "system", HOSTILE, sections={HOSTILE: HOSTILE}),
        entry("hg", "hf", 16, type="message", message=HOSTILE),
    ]


def test_show_neutralises_hostile_text():
    path = loose("hostile.jsonl", *hostile())
    for options in ([], ["--all"], ["--thinking"], ["--width", "0"], ["--color", "always"]):
        harmless(run("show", path, *options).out, options)
        harmless(at_terminal("show", path, *options), options)
    harmless(at_terminal("show", path, "--json"))


def test_show_keeps_to_the_width():
    for name, parts in (("rich", rich()), ("hostile", hostile())):
        path = loose(name + ".jsonl", *parts)
        for width in (44, 60, 79, 80, 100):
            for text in run("show", path, "--width", str(width)).lines:
                check(cells(text) <= width, f"{width}: {text!r}")


def test_show_damaged_sessions():
    text = run("show", cli.DAMAGED).out
    check("orphan" in text, text)
    same(run("show", cli.EMPTY).out, "")
    path = loose("odd.jsonl", header("odd"), '{"type":"message","id":"o1","parentId":null}\n',
                 '{"type":"message","id":"o2","parentId":"o1","timestamp":7,"message":[1]}\n',
                 '{"type":"message","id":"o3","parentId":"o2","message":{}}\n',
                 '{"type":"message","id":"o4","parentId":"o3","message":{"role":"user",'
                 '"content":[5,null,{"type":7},{"type":"text"},{"type":"toolCall"},'
                 '{"type":"image"},{"type":"thinking"}]}}\n',
                 '{"type":"compaction","id":"o5","parentId":"o4","tokensBefore":"many"}\n')
    for options in ([], ["--all"]):
        text = run("show", path, *options).out
        check("── compaction summary  -  o5\n" in text, text)


def test_show_streams():
    if SLOW:
        raise Skipped("memory is not measured under a sanitizer")
    path = loose("long.jsonl", header("long"))
    with open(path, "a", encoding="utf-8") as f:
        text = "word " * 400
        for i in range(50000):
            f.write(user(f"{i:08x}", f"{i - 1:08x}" if i else None, i % 3000, text))
    size = os.path.getsize(path)
    for options in ([], ["--json"]):
        with open(os.devnull, "wb") as sink:
            p = subprocess.Popen([BIN, "show", path, *options], stdout=sink, env=environment())
            _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
        same(status, 0)
        check(usage.ru_maxrss * 1024 < size / 2, f"{usage.ru_maxrss} kB for {size} bytes")
    os.unlink(path)


def test_show_pages_and_hints():
    path = loose("rich.jsonl", *rich())
    sink = os.path.join(TMP, "paged.out")
    code, _ = Terminal("show", path, rows=10, columns=100,
                       env={"PAGER": f"cat > '{sink}'"}).end()
    same(code, 0)
    with open(sink, encoding="utf-8") as f:
        text = f.read()
    check("thanks" in text and "15 entries" in text, text)
    check("15 entries" not in run("show", path).out)
    os.unlink(sink)


# -- export


def test_export_to_standard_output():
    path = loose("branched.jsonl", *branched())
    lines = run("export", path, "--jsonl").json_lines()
    same(lines[0]["type"], "session")
    same([e["id"] for e in lines[1:]], run("path", path, "--json").json())
    lines = run("export", path, "--jsonl", "--leaf", "b2", "-o", "-").json_lines()
    same([e["id"] for e in lines[1:]], ["a1", "a2", "b1", "b2"])
    same([e["parentId"] for e in lines[1:]], [None, "a1", "a2", "b1"])
    same(len(run("export", path, "--jsonl", "--leaf", "null").lines), 1)
    refused("export", path, "--jsonl", "--leaf", "zz", code=3, says="zz")


def test_export_to_a_file():
    path = loose("branched.jsonl", *branched())
    out = os.path.join(OUT, "x", "exported.jsonl")
    os.makedirs(os.path.dirname(out))
    same(run("export", path, "--jsonl", "-o", out, unchanged=False).raw, b"")
    same(os.listdir(os.path.dirname(out)), ["exported.jsonl"])
    same(stat.S_IMODE(os.stat(out).st_mode), 0o600)
    same(run("path", out, "--json").json(), run("path", path, "--json").json())
    refused("export", path, "--jsonl", "-o", out, code=3, says=["exported.jsonl", "--force"])
    run("export", path, "--jsonl", "--leaf", "b2", "-fo", out, unchanged=False)
    same(run("path", out, "--json").json(), ["a1", "a2", "b1", "b2"])
    same(os.listdir(os.path.dirname(out)), ["exported.jsonl"])
    shutil.rmtree(os.path.dirname(out))


def test_export_refuses():
    path = loose("branched.jsonl", *branched())
    os.link(path, path + ".hard")
    os.symlink(path, path + ".soft")
    for same_file in (path, path + ".hard", path + ".soft"):
        for force in ([], ["--force"]):
            refused("export", path, "--jsonl", "-o", same_file, *force, code=3, says="itself")
    os.unlink(path + ".hard")
    os.unlink(path + ".soft")
    refused("export", path, "--jsonl", "-o", OUT, "--force", code=3, says="is a directory")
    refused("export", path, "--jsonl", "-o", "/dev/null", "--force", code=3, says="regular")
    refused("export", path, "--jsonl", "-o", os.path.join(OUT, "no", "x"), code=3, says="no/x")
    refused("export", path, code=2, says="--jsonl")
    refused("export", path, "--json", code=2, says="--jsonl")
    refused("export", path, "--jsonl", "--json", code=2, says="no --json here")
    refused("export", path, "--html", code=2, says="--html")
    refused("export", path, "--jsonl", "-o", "", code=2, says="empty")
    refused("export", path, "--jsonl", "--force", code=2, says="--output")
    refused("export", os.path.join(TMP, "loose", "text.jsonl"), "--jsonl", code=3, says="session")


def test_export_failing_leaves_nothing():
    path = loose("rich.jsonl", *rich())
    p = subprocess.run(f"ulimit -f 8; exec '{BIN}' export '{path}' --jsonl -o '{OUT}/big.jsonl'",
                       shell=True, capture_output=True, text=True, env=environment(), check=False)
    same(p.returncode, 3, p.stderr)
    check(p.stderr.startswith("ramet: "), p.stderr)
    check(not [n for n in os.listdir(OUT) if "big" in n], os.listdir(OUT))


# -- delete


def doomed(name="doomed.jsonl", **more):
    return loose(name, header("0196ffff-doomed", **more), user("u", None, 1, "old stuff"))


def in_trash(name):
    return os.path.join(TRASH, "files", name)


def test_delete_to_the_trash():
    path = doomed()
    open(path + ".trace", "w", encoding="utf-8").close()
    text = run("delete", path, unchanged=False).out
    same(text, f"{path} → ~/.local/share/Trash/files/doomed.jsonl\n".replace(HOME, "~"))
    check(not os.path.exists(path) and os.path.exists(in_trash("doomed.jsonl")))
    check(os.path.exists(path + ".trace"))
    with open(os.path.join(TRASH, "info", "doomed.jsonl.trashinfo"), encoding="ascii") as f:
        check(re.fullmatch(rf"\[Trash Info\]\nPath={re.escape(path)}\nDeletionDate="
                           r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\n", f.read()), "info")
    doomed()
    moved = run("delete", path, "--json", unchanged=False).json()
    same(moved, {"path": path, "movedTo": in_trash("doomed.jsonl.2")})
    data = os.path.join(TMP, "data")
    doomed()
    run("delete", path, env={"XDG_DATA_HOME": data}, unchanged=False)
    same(os.listdir(os.path.join(data, "Trash", "files")), ["doomed.jsonl"])


def test_delete_by_id():
    path = cli.in_store(cli.WORK, "doomed", header("0196fffe-by-id"), user("u", None, 1, "x"))
    run("delete", "0196fffe", unchanged=False)
    check(not os.path.exists(path))


def test_delete_several_or_none():
    paths = [doomed(f"several{i}.jsonl") for i in range(3)]
    refused("delete", paths[0], os.path.join(OUT, "missing.jsonl"), code=3, says="missing")
    refused("delete", paths[0], os.path.join(TMP, "loose", "text.jsonl"), code=3, says="session")
    refused("delete", paths[0], os.path.join(TMP, "loose", "empty.jsonl"), code=3, says="session")
    refused("delete", paths[0], OUT, code=3, says="is a directory")
    os.symlink(paths[0], os.path.join(OUT, "link.jsonl"))
    for options in ([], ["--permanently", "--yes"]):
        refused("delete", paths[1], os.path.join(OUT, "link.jsonl"), *options, code=3,
                says="symbolic link")
    os.unlink(os.path.join(OUT, "link.jsonl"))
    refused("delete", code=2, says="too few")
    same(len(run("delete", *paths, unchanged=False).lines), 3)
    check(not any(map(os.path.exists, paths)))


def test_delete_for_good():
    path = doomed()
    before = snapshot(TRASH)
    refused("delete", path, "--permanently", code=2, says=["terminal", "--yes"])
    text = run("delete", path, "--permanently", "--yes", unchanged=False).out
    same(text, f"{path} deleted\n".replace(HOME, "~"))
    path = doomed()
    same(run("delete", path, "--permanently", "-y", "--json", unchanged=False).json(),
         {"path": path, "movedTo": None})
    check(not os.path.exists(path))
    same(snapshot(TRASH), before)


def test_delete_asks():
    path = loose("asked.jsonl", header("0196fffd"), user("u", None, 1, "x"),
                 entry("n", "u", 2, type="session_info", name="Odd \033[31mname"))
    for answer, code, gone in (("n\n", 1, 0), ("\n", 1, 0), ("\4", 1, 0), ("Y\n", 1, 0),
                               ("yes\n", 0, 1)):
        t = Terminal("delete", path, "--permanently")
        t.read(until=b"[y/N] ")
        t.type(answer)
        got, text = t.end()
        same((got, os.path.exists(path)), (code, not gone), text)
        harmless(text)
        check("delete Odd ␛[31mname (" in text and "for good?" in text, text)


def test_delete_without_a_trash():
    """On a file system whose top holds something else under the trash's name."""
    shm, own = "/dev/shm", f"/dev/shm/.Trash-{os.getuid()}"
    if not os.access(shm, os.W_OK) or not os.path.ismount(shm):
        raise Skipped("no other file system")
    if os.path.lexists(own) or os.path.lexists(shm + "/.Trash"):
        raise Skipped("there is a trash")
    path = os.path.join(shm, f"ramet-{os.getpid()}.jsonl")
    try:
        open(own, "w", encoding="utf-8").close()
        write(path, header("0196fffc"), user("u", None, 1, "x"))
        refused("delete", path, code=3, says=["no trash", "--yes"])
        t = Terminal("delete", path)
        t.read(until=b"[y/N] ")
        t.type("n\n")
        same(t.end()[0], 1)
        check(os.path.exists(path))
        run("delete", path, "--yes", unchanged=False)
        check(not os.path.exists(path))
    finally:
        os.unlink(own)
        if os.path.exists(path):
            os.unlink(path)


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
    cli.make_home()
    os.makedirs(OUT)
    done = [run_test(name, test, "-v" in sys.argv) for name, test in tests]
    shutil.rmtree(TMP, ignore_errors=True)
    if -1 in done:
        print(f"{done.count(-1)} skipped")
    print(f"{done.count(1)} passed, {done.count(0)} failed")
    return 1 if 0 in done else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Golden writing: pi's scripts of operations done again through the library, step by step.

    RAMET_BUILD=build tests/golden/run_writing.py [AREA...]

Areas: ops forks timeline calls exported migrated failing. After every step the returned value or
error, the leaf and the number of lines must be pi's; files are compared line by line, byte for
byte, after ids, times and the directory got the names that the expectations have for them. What
1.5.2 does holds; where 0.74.2 or 0.87.1 did something else is in differences.json with the reason.
"""

import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import sources  # noqa: E402
from compare import Results, same  # noqa: E402
from refusals import check_calls, error_of  # noqa: E402
from run_golden import digest, text_of  # noqa: E402
from timeline import check_timeline  # noqa: E402
from writer import ALPHA, ASSISTANT, BETA, PROBE, USER, Writer, as_line, exact  # noqa: E402


def state_of(answer):
    """A look at the session as the expectations have it."""
    s = answer["session"]
    leaf = "(undefined)" if s["leaf"] is None and s["leafRow"] is not None else s["leaf"]
    return {"leaf": leaf, "name": s["name"], "file": s["path"] and os.path.basename(s["path"]),
            "entries": [[e.get("type"), e.get("id"), e.get("parentId", "(absent)")]
                        for e in s["entries"]],
            "labels": s["labels"], "context": [text_of(m) for m in s["context"]["messages"]]}


# ---- golden/pi/ops ----

FILE_CALLS = {"open", "forkFrom"}


class Script:
    """One script of operations in a directory of its own."""

    def __init__(self, writer):
        self.writer = writer
        self.cwd = None
        self.put_files = set()

    def command(self, step):
        """The step as a command: with our ids, our paths and the calls that we have for it."""
        skip = ("as", "returned", "error", "leafAfter", "linesInFile", "state", "files")
        step = {k: v for k, v in step.items() if k not in skip}
        do = step["do"]
        if do == "newSession":                   # a new handle with the same directory
            stored = self.writer.session["path"] is not None
            step.update(step.pop("options", {}), do="create" if stored else "inMemory", cwd=self.cwd)
        if do == "reopen":
            return {"do": "open", "path": self.writer.session["path"]}
        if do == "resetLeaf":
            return {"do": "branch", "to": None}
        if do in FILE_CALLS:
            step["path"] = os.path.join(self.writer.dir, step.pop("file"))
            step["create"] = do == "open"
        if step["do"] in ("create", "forkFrom"):
            step["dir"] = self.writer.dir
        self.cwd = step.get("cwd", self.cwd)
        return step

    def run(self, step):
        """Do it; the outcome in the shape of the expectation."""
        w, do = self.writer, step["do"]
        if do == "put":
            self.put(step)
            answer = w.ask({"do": "look"}) if w.session else {"session": None}
        elif do == "deleteFile":
            os.unlink(w.session["path"])
            answer = w.ask({"do": "look"})
        else:
            answer = w.ask(self.command(step), name=step.get("as"))
        return answer

    def put(self, step):
        if "bytesOf" in step:
            with open(os.path.join(HERE, "pi", "read", step["bytesOf"], "input.jsonl"), "rb") as f:
                data = f.read()
        else:
            data = step["text"].encode()
        self.writer.put(step["file"], data)
        self.put_files.add(step["file"])

    def outcome(self, step, answer):
        wanted = {k: step[k] for k in ("returned", "leafAfter", "linesInFile") if k in step}
        got = {}
        if answer["session"]:
            got = {"leafAfter": state_of(answer)["leaf"], "linesInFile": self.writer.n_lines()}
        if "returned" in answer:
            got["returned"] = answer["returned"]
        if step["do"] == "createBranchedSession" and "error" not in answer:
            path = answer["session"]["path"]
            got["returned"] = path if path else "(undefined)"
        wanted["error"], got["error"] = error_of(step.get("error"), answer)
        return wanted, self.writer.named(got)

    def seen(self, step, answer):
        """(field, wanted, got) for everything that this step shows."""
        if step["do"] == "look":
            return [("state", step["state"], self.writer.named(state_of(answer))),
                    ("files", step["files"], self.writer.named(self.writer.files()))]
        wanted, got = self.outcome(step, answer)
        return [("outcome", wanted, got)]


def check_ops(results, work):
    folder = os.path.join(HERE, "pi", "ops")
    modes = set()
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".0.74.2.json"):
            modes |= run_script(results, work, folder, file)
    # pi's files have the modes that the umask leaves, ours are for their owner.
    results.check("ops/modes", "of a file that was made", ["644"], sorted(modes))


def run_script(results, work, folder, file):
    """Returns the modes of the files that were made."""
    name = file.removesuffix(".json").removesuffix(".1.5.2")
    expect = exact(os.path.join(folder, file))
    oldest = os.path.join(folder, name + ".0.74.2.json")
    oldest = exact(oldest)["steps"] if os.path.exists(oldest) else None
    case, differ = "ops/" + name, []
    with Writer(os.path.join(work, name)) as writer:
        script = Script(writer)
        for i, step in enumerate(expect["steps"]):
            answer = script.run(step)
            for field, wanted, got in script.seen(step, answer):
                results.check(case, f"step {i} {step['do']} {field}", wanted, got)
            if oldest and not all(same(w, g) for _, w, g in script.seen(oldest[i], answer)):
                differ.append(i)
        modes = writer.modes()
        results.check(case, "times", [], writer.odd_times())
    results.check(case, "files at the end", sorted(expect["modes"]), sorted(modes))
    kept = {f: m for f, m in modes.items() if f in script.put_files}
    results.check(case, "modes of what was there", {f: "644" for f in kept}, kept)
    if oldest:
        results.check("ops-0.74.2/" + name, "steps that differ", [], differ)
    return {m for f, m in modes.items() if f not in kept}


# ---- golden/pi-current/forks ----

ALPHA_DIR = "/home/dev/.pi/agent/sessions/--home-dev-projects-alpha--"


def check_forks(results, work):
    folder = os.path.join(HERE, "pi-current", "forks")
    expect = exact(os.path.join(folder, "expected.json"))
    with open(os.path.join(folder, "source.jsonl"), "rb") as f:
        source = f.read()
    for case in expect["createBranchedSession"]:
        check_branched(results, os.path.join(work, case["case"]), source, case)
    check_fork_from(results, os.path.join(work, "all"), source, expect["forkFrom"])
    check_fork_v1(results, os.path.join(work, "v1"), expect["forkFromVersion1"])


def fork_writer(work):
    return Writer(work, stands_for=ALPHA_DIR, auto="<new-{}>", session="<new-session-id>")


def check_branched(results, work, source, case):
    name = "forks/" + case["case"]
    with fork_writer(work) as w:
        path = w.put("src.jsonl", source)
        w.ask({"do": "open", "path": path})
        before = w.lines(path)
        answer = w.ask({"do": "createBranchedSession", "at": case["leaf"]})
        results.check(name, "leafAfter", case["leafAfter"], w.named(answer["session"]["leaf"]))
        results.check(name, "writtenImmediately", case["writtenImmediately"],
                      answer["session"]["stored"] and os.path.exists(answer["session"]["path"]))
        got = w.named(w.lines(answer["session"]["path"]))
        results.check(name, "lines", [as_line(line) for line in case["lines"]] + [""], got)
        results.check(name, "source untouched", before, w.lines(path))
        results.check(name, "times", [], w.odd_times())


def check_fork_from(results, work, source, expect):
    with fork_writer(work) as w:
        path = w.put("src.jsonl", source)
        answer = w.ask({"do": "forkFrom", "path": path, "cwd": BETA, "dir": w.dir,
                        "id": "forked-id"})
        lines = w.lines(answer["session"]["path"])
        results.check("forks/forkFrom", "headerAfter", as_line(expect["headerAfter"]),
                      w.named(lines[0]))
        results.check("forks/forkFrom", "copiedEntryIds", expect["copiedEntryIds"],
                      [e["id"] for e in answer["session"]["entries"]])
        results.check("forks/forkFrom", "sameAsSource", expect["sameAsSource"],
                      lines[1:] == w.lines(path)[1:])


def check_fork_v1(results, work, expect):
    lines = [{"type": "session", "id": "v1", "timestamp": "2025-01-01T00:00:00.000Z", "cwd": ALPHA}]
    text = "".join(as_line(line) + "\n" for line in lines + expect["entries"])
    with fork_writer(work) as w:
        path = w.put("v1.jsonl", text.encode())
        s = w.ask({"do": "forkFrom", "path": path, "cwd": BETA, "dir": w.dir})["session"]
        stored = [json.loads(line) for line in w.lines(s["path"]) if line]
        got = {"headerVersion": stored[0]["version"], "entries": w.named(stored[1:]),
               "contextMessages": len(s["context"]["messages"])}
        for field, value in got.items():
            results.check("forks/v1", field, expect[field], value)
        results.check("forks/v1", "source untouched", text, "\n".join(w.lines(path)))


# ---- golden/pi/export ----

def check_exported(results, work):
    """The bytes; run_golden.py compares the values."""
    folder = os.path.join(HERE, "pi", "export")
    for file in sorted(os.listdir(folder)):
        case = file.removesuffix(".branch.jsonl")
        with open(os.path.join(folder, file), encoding="utf-8", newline="") as f:
            wanted = f.read()
        with Writer(os.path.join(work, case)) as w:
            path = os.path.join(HERE, "pi", "read", case, "input.jsonl")
            w.ask({"do": "open", "path": path})
            got = w.ask({"do": "export", "now": 1772445600000})["returned"]
            got = got.replace("2026-03-02T10:00:00.000Z", "<now>")
        results.check("exported/" + case, "bytes", wanted, got)


# ---- golden/pi/read and pi-current/sessions: what pi rewrites when it opens, we do on request ----

def check_migrated(results, work):
    for case in ("08-v1-compaction", "09-v1-odd-index", "10-v2"):
        source = os.path.join(HERE, "pi", "read", case, "input.jsonl")
        wanted = exact(os.path.join(os.path.dirname(source), "expect.json"))["fileAfterOpen"]
        with Writer(os.path.join(work, case), auto="@{}") as w:
            path = migrated(results, w, case, source)
            w.ask({"do": "open", "path": path})
            results.check("migrated/" + case, "bytes", wanted, w.named("\n".join(w.lines(path))))
    for case in ("10-migrate-v1", "11-migrate-v2"):
        source = os.path.join(HERE, "pi-current", "sessions", case + ".jsonl")
        wanted = exact(source.removesuffix(".jsonl") + ".expected.json")["rewritten"]
        with Writer(os.path.join(work, case)) as w:
            path = migrated(results, w, case, source)
            results.check("migrated/" + case, "size", wanted["bytesAfter"], os.path.getsize(path))
    check_empty(results, os.path.join(work, "empty"))


def migrated(results, w, case, source):
    """The path of a migrated copy; version 1 takes no entry before, and the original is kept."""
    with open(source, "rb") as f:
        data = f.read()
    path = w.put("session.jsonl", data)
    w.ask({"do": "open", "path": path})
    if b'"version"' not in data.split(b"\n")[0]:
        answer = w.ask({"do": "message", "message": USER})
        results.check("migrated/" + case, "append before", "EVERSION",
                      answer.get("error", {}).get("code"))
    kept = w.ask({"do": "migrate", "path": path, "dryRun": True})["returned"]
    results.check("migrated/" + case, "a dry run keeps nothing", "", kept)
    with open(path, "rb") as f:
        results.check("migrated/" + case, "untouched before", True, f.read() == data)
    kept = w.ask({"do": "migrate", "path": path})["returned"]
    with open(kept, "rb") as f:
        results.check("migrated/" + case, "the original is kept", True, f.read() == data)
    return path


def check_empty(results, work):
    """A file of zero bytes becomes a session when it is written, not when it is opened."""
    expect = exact(os.path.join(HERE, "pi", "read", "30-empty", "expect.json"))
    with Writer(work, session="<session-id>") as w:
        path = w.put("empty.jsonl", b"")
        w.ask({"do": "open", "path": path, "create": True})
        results.check("migrated/empty", "before", 0, os.path.getsize(path))
        w.ask({"do": "write"})
        results.check("migrated/empty", "bytes", expect["fileAfterOpen"],
                      w.named("\n".join(w.lines(path))))


# ---- ours: a full disk ----

def check_failing(results, work):
    """A write that comes to an end early loses nothing and leaves no half entry behind."""
    with Writer(os.path.join(work, "full")) as w:
        w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir})
        ids = [w.ask({"do": "message", "message": m})["returned"] for m in (USER, ASSISTANT)]
        path = w.session["path"]
        before = w.lines(path)
        size = os.path.getsize(path)
        for room in (0, 1, 40):
            w.ask({"do": "fileLimit", "bytes": size + room})
            answer = w.ask({"do": "message", "message": USER})
            name = f"room for {room} bytes"
            results.check("failing/full", name, ["EIO", ids[-1], ids],
                          [answer.get("error", {}).get("code"), answer["session"]["leaf"],
                           [e["id"] for e in answer["session"]["entries"]]])
            results.check("failing/full", name + ": what was there", before[:-1],
                          w.lines(path)[:len(before) - 1])
            size = os.path.getsize(path)
        w.ask({"do": "fileLimit"})
        ids.append(w.ask({"do": "message", "message": USER})["returned"])
        w.ask({"do": "open", "path": path})
        results.check("failing/full", "afterwards", ids, [e["id"] for e in w.session["entries"]])
        results.check("failing/full", "the next one's parent", ids[1],
                      w.session["entries"][-1]["parentId"])


AREAS = {"ops": check_ops, "forks": check_forks, "timeline": check_timeline, "calls": check_calls,
         "exported": check_exported, "migrated": check_migrated, "failing": check_failing}


def main():
    sources.need(PROBE)
    os.environ["TZ"] = "UTC"
    results = Results(os.path.join(HERE, "differences.json"))
    areas = sys.argv[1:] or list(AREAS)
    # An area of the table may name the version it is about: ops-0.74.2.
    results.table = {k: v for k, v in results.table.items()
                     if k[0].split("/")[0].split("-")[0] in areas}
    before = digest()
    with tempfile.TemporaryDirectory() as work:
        for area in areas:
            AREAS[area](results, os.path.join(os.path.realpath(work), area))
    results.check("files", "unchanged", True, digest() == before)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())

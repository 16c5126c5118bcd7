"""Golden timeline: when a session's file appears, what is in it after every call, a failing write."""

import json
import os
import re

from compare import same
from writer import ALPHA, ASSISTANT, USER, Writer, exact

HERE = os.path.dirname(os.path.abspath(__file__))


def timeline_command(call, args, ids):
    """A call of pi as a command; its arguments by position."""
    a = list(args) + [None] * 4
    if call == "appendModelChange":
        return {"do": "model", "provider": a[0], "modelId": a[1]}
    if call == "appendThinkingLevelChange":
        return {"do": "thinking", "level": a[0]}
    if call == "appendMessage":
        return {"do": "message", "message": a[0]}
    if call == "appendSessionInfo":
        return {"do": "info", "name": a[0]}
    if call == "appendCustomEntry":
        return {"do": "custom", "customType": a[0], "data": a[1]}
    if call == "appendCustomMessageEntry":
        return {"do": "customMessage", "customType": a[0], "content": a[1], "display": a[2]}
    if call == "appendUsage":
        return {"do": "usage", "kind": a[0], "provider": a[1], "model": a[2], "usage": a[3]}
    if call == "appendLabelChange":
        return {"do": "label", "target": ids[a[0]], "label": a[1]}
    raise ValueError(f"unknown call {call}")


def run_timeline(work, run):
    """The run done here, in the shape of the expectation; ids are given pi's names."""
    ids = {}
    with Writer(work) as w:
        w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir, "id": "timeline"})
        steps = []
        for step in run["steps"]:
            if step["call"] != "create":
                answer = w.ask(timeline_command(step["call"], step["args"], ids))
                ids[step["id"]] = answer["returned"]
                w.names[answer["returned"]] = step["id"]
            path = w.session["path"]
            entries = [json.loads(line) for line in w.lines(path) if line] if os.path.exists(path) \
                else None
            file = entries and [":".join([e["type"]] + ([e["id"]] if e["type"] != "session" else []))
                                for e in entries]
            steps.append({**step, "file": w.named(file)})
        final = w.named(w.lines(path))[:-1] if os.path.exists(path) else None
        name = w.named(os.path.basename(path))
    return {"steps": steps, "fileName": name, "finalFile": final}


def unpinned(value):
    """An expectation whose pinned times are given the names that ours get."""
    text = re.sub(r"2026-05-0\dT\d\d:\d\d:\d\d\.\d{3}Z", "<now>", json.dumps(value))
    return json.loads(re.sub(r"2026-05-0\dT\d\d-\d\d-\d\d-\d{3}Z", "<file-now>", text))


def check_timeline(results, work):
    runs = exact(os.path.join(HERE, "pi-current", "timeline.json"))["runs"]
    odd = {"branch-at-user-message": run_branch_at_user, "failed-append": run_failed_append}
    for i, run in enumerate(runs):
        name = ("timeline/" if run["pi"] == "1.5.2" else f"timeline-{run['pi']}/") + run["script"]
        here = os.path.join(work, str(i))
        wanted = {k: unpinned(v) for k, v in run.items() if k not in ("script", "pi")}
        got = odd[run["script"]](here) if run["script"] in odd else run_timeline(here, run)
        for field in sorted(set(wanted) | set(got)):
            if field == "steps":
                check_timeline_steps(results, name, wanted[field], got[field])
            else:
                results.check(name, field, wanted.get(field), got.get(field))


def check_timeline_steps(results, name, wanted, got):
    if name.startswith("timeline/"):
        results.check(name, "steps", wanted, got)
        return
    differ = [i for i, (a, b) in enumerate(zip(wanted, got)) if not same(a, b)]
    results.check(name, "steps that differ", [], differ)


def run_branch_at_user(work):
    with Writer(work, stands_for="<dir>") as w:
        w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir, "id": "origin"})
        user = w.ask({"do": "message", "message": USER})["returned"]
        w.ask({"do": "message", "message": ASSISTANT})
        source = os.path.basename(w.session["path"])
        w.ask({"do": "createBranchedSession", "at": user})
        path, header = w.session["path"], w.session["header"]
        w.names[header["id"]] = "019de5fc-2fb8-76db-add0-07072ec7c9e2"
        exists = [os.path.exists(path)]
        for command in ({"do": "custom", "customType": "x"}, {"do": "message", "message": ASSISTANT}):
            w.ask(command)
            exists.append(os.path.exists(path))
        got = {"source": source, "newFile": os.path.basename(path), "header": header,
               "existsAfterBranch": exists[0], "existsAfterCustom": exists[1],
               "existsAfterAssistant": exists[2]}
        return w.named(got)


def run_failed_append(work):
    """A directory in the place of the file; then the file comes back and the session goes on."""
    with Writer(work) as w:
        w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir})
        w.ask({"do": "message", "message": USER})
        assistant = w.ask({"do": "message", "message": ASSISTANT})["returned"]
        path = w.session["path"]
        os.rename(path, path + ".aside")
        os.mkdir(path)
        failed = w.ask({"do": "message", "message": USER})
        after = {"leafIsAssistant": failed["session"]["leaf"] == assistant,
                 "entries": len(failed["session"]["entries"])}
        os.rmdir(path)
        os.rename(path + ".aside", path)
        answer = w.ask({"do": "message", "message": USER})
        stored = [json.loads(line) for line in w.lines(path) if line]
        ids = [e.get("id") for e in stored[:-1]]
        return {"errorCode": failed.get("error", {}).get("code"), "afterFailure": after,
                "nextParentOnDisk": stored[-1].get("id") == answer.get("returned")
                and stored[-1].get("parentId") in ids}

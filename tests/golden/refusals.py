"""Golden errors: what may not be called, which ids and files are taken, how an edit is stored."""

import os
import re

from stores import OPENED
from writer import ALPHA, ASSISTANT, BETA, USER, Writer, as_line, exact

HERE = os.path.dirname(os.path.abspath(__file__))

# pi's error texts and the codes that say the same.
ERRORS = [
    (r"Entry \S+ not found", ["ENOTFOUND"]),
    (r"is not on the active branch", ["EINVAL"]),
    (r"does not contribute editable model content", ["EINVAL"]),
    (r"replacement must be null or contain string/array content", ["EINVAL"]),
    (r"Session id must be non-empty", ["EINVAL"]),
    (r"is not a valid pi session", ["EFORMAT"]),
    (r"Cannot fork: source session file is empty or invalid", ["EFORMAT", "ENOTFOUND"]),
    (r"EEXIST", ["ECONFLICT"]),
]


def as_codes(text):
    for pattern, codes in ERRORS:
        if re.search(pattern, text):
            return codes
    raise ValueError(f"no code for the error {text!r}")


def error_of(expected, answer):
    """Both errors as one word, equal when our code is one that says what pi says."""
    codes = as_codes(expected) if expected else []
    got = answer.get("error", {}).get("code")
    return (codes[0] if codes else None), (codes[0] if got in codes else got)


BASH = {"role": "bashExecution", "command": "ls", "output": "", "exitCode": 0, "cancelled": False,
        "truncated": False, "timestamp": 1}
TOOL = {"role": "toolResult", "toolCallId": "c", "toolName": "t", "content": [], "isError": False,
        "timestamp": 2}
SYSTEM = {"role": "system", "content": "", "sections": {"preamble": "P"}, "timestamp": 1}


def small_session(w):
    """A session with an entry of each sort; the ids by name."""
    ids = {}
    w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir})
    for name, command in (
            ("sys", {"do": "message", "message": SYSTEM}),
            ("user", {"do": "message", "message": USER}),
            ("side", {"do": "message", "message": ASSISTANT})):
        ids[name] = w.ask(command)["returned"]
    w.ask({"do": "branch", "to": ids["user"]})
    for name, command in (
            ("assistant", {"do": "message", "message": ASSISTANT}),
            ("toolResult", {"do": "message", "message": TOOL}),
            ("bash", {"do": "message", "message": BASH}),
            ("custom", {"do": "custom", "customType": "x"}),
            ("custom_message", {"do": "customMessage", "customType": "x", "content": "c",
                                "display": True}),
            ("compaction", {"do": "compaction", "summary": "s", "firstKept": ids["user"],
                            "tokensBefore": 1}),
            ("label", {"do": "label", "target": ids["user"], "label": "l"})):
        ids[name] = w.ask(command)["returned"]
    return ids


def edit(target, *replacement):
    command = {"do": "contextEdit", "target": target}
    return {**command, "replacement": replacement[0]} if replacement else command


def error_calls(ids):
    user = ids["user"]
    return {
        "branch unknown": {"do": "branch", "to": "nope"},
        "branchWithSummary unknown": {"do": "branchWithSummary", "to": "nope", "summary": "s"},
        "appendLabelChange unknown": {"do": "label", "target": "nope", "label": "l"},
        "createBranchedSession unknown": {"do": "createBranchedSession", "at": "nope"},
        "edit unknown": edit("nope", None),
        "edit off branch": edit(ids["side"], None),
        "edit system": edit(ids["sys"], None),
        "edit bash": edit(ids["bash"], None),
        "edit custom": edit(ids["custom"], None),
        "edit compaction": edit(ids["compaction"], None),
        "edit label": edit(ids["label"], None),
        "edit undefined replacement": edit(user),
        "edit string replacement": edit(user, "text"),
        "edit empty object": edit(user, {}),
        "edit number content": edit(user, {"content": 1}),
        "edit null content": edit(user, {"content": None}),
        "bad replacement is reported before an unknown target": edit("nope", "text"),
    }


READ_CALLS = {"getBranch unknown", "getLabel unknown", "getChildren null"}


def check_calls(results, work):
    expect = exact(os.path.join(HERE, "pi-current", "errors.json"))
    check_refused_calls(results, os.path.join(work, "calls"), expect["calls"])
    check_edits(results, os.path.join(work, "edits"), expect["contextEditNormalisation"])
    check_ids(results, os.path.join(work, "ids"), expect["sessionId"])
    check_opened(results, os.path.join(work, "open"), expect["open"])
    check_new(results, os.path.join(work, "fork"), expect["fork"])


def check_refused_calls(results, work, expect):
    """The code is the right one and nothing has changed: session, files."""
    with Writer(work) as w:
        calls = error_calls(small_session(w))
        before = (w.ask({"do": "look"})["session"], w.files())
        for item in expect:
            name = item["case"]
            if name in READ_CALLS:
                continue
            answer = w.ask(calls[name])
            wanted, got = error_of(item["result"]["error"], answer)
            results.check("calls/refused", name, wanted, got)
            results.check("calls/refused", name + ": nothing changed", True,
                          (answer["session"], w.files()) == before)
        roots = [e for e in before[0]["entries"] if e["parentId"] is None]
        values = {i["case"]: i["result"].get("value") for i in expect}
        results.check("calls/read", "getChildren null", values["getChildren null"], len(roots))
        results.check("calls/read", "getLabel unknown", values["getLabel unknown"],
                      before[0]["labels"].get("nope"))


def check_edits(results, work, expect):
    for i, item in enumerate(expect):
        with Writer(os.path.join(work, str(i))) as w:
            ids = small_session(w)
            w.ask(edit(ids[item["targetRole"]], item["given"]))
            line = w.lines(w.session["path"])[-2]
            results.check("calls/edits", f"{item['targetRole']} {as_line(item['given'])}",
                          f',"replacement":{as_line(item["stored"])}' + "}",
                          line[line.index(',"replacement":'):])


def check_ids(results, work, expect):
    with Writer(work) as w:
        for item in expect:
            name = "x" * 300 if item["id"] == "x*300" else item["id"]
            answer = w.ask({"do": "create", "cwd": ALPHA, "dir": w.dir, "id": name})
            code = answer.get("error", {}).get("code")
            results.check("calls/session id", item["id"], None if item["valid"] else "EINVAL", code)
        results.check("calls/session id", "files", {}, w.files())


def check_opened(results, work, expect):
    """Opening as a writer does: what is missing becomes a session."""
    for item in expect:
        with Writer(os.path.join(work, item["case"].replace(" ", "-"))) as w:
            path = os.path.join(w.dir, "open.jsonl")
            data = OPENED[item["case"]]
            if data is not None:
                w.put("open.jsonl", data)
            before = w.files()
            answer = w.ask({"do": "open", "path": path, "create": True})
            results.check("calls/open", item["case"], item["result"]["ok"], "error" not in answer)
            if item["result"]["ok"] and "error" not in answer:
                results.check("calls/open", item["case"] + ": entries", item["result"]["entries"],
                              len(answer["session"]["entries"]))
                n = w.n_lines()
                results.check("calls/open", item["case"] + ": fileLines",
                              item["result"]["fileLines"], None if n == "(no file)" else n)
            results.check("calls/open", item["case"] + ": nothing is written", before, w.files())


def check_new(results, work, expect):
    with Writer(work) as w:
        bad = w.put("bad.jsonl", b"no session\n")
        good = w.put("good.jsonl", OPENED["header only"])
        fork = {"do": "forkFrom", "cwd": BETA, "dir": w.dir}
        calls = {
            "fork of an invalid file": {**fork, "path": bad},
            "fork with an invalid new id": {**fork, "path": good, "id": "-a"},
            "create with an invalid id": {"do": "create", "cwd": ALPHA, "dir": w.dir, "id": "-a"},
        }
        before = w.files()
        for item in expect:
            wanted, got = error_of(item["result"]["error"], w.ask(calls[item["case"]]))
            results.check("calls/new", item["case"], wanted, got)
        results.check("calls/new", "nothing is written", before, w.files())

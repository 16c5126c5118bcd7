#!/usr/bin/env python3
"""Golden sessions: what pi answered to these files, asked again of the library and the command.

    RAMET_BIN=build/ramet RAMET_BUILD=build tests/golden/run_golden.py [AREA...]

Areas: read sessions list store dirs errors. Reading must leave every file as it was.
"""

import hashlib
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import sources  # noqa: E402
from compare import Results, load, parse_lines  # noqa: E402
from sources import CommandSession, ProbeSession, probe, run  # noqa: E402
from stores import check_dirs, check_errors, check_list, check_store  # noqa: E402

READ_MTIME = 1772445600                          # 2026-03-02T10:00:00Z
NEWEST = "1.5.2"
OLDEST = "0.74.2"
# The one case where we side with the older pi: a byte order mark is skipped.
AS_OLDEST = {"32-bom"}


def text_of(message):
    """A message in short, as the expectations have it."""
    content = message.get("content")
    if isinstance(content, list):
        text = "|".join(b["text"] if b.get("type") == "text" else b["type"] for b in content)
    else:
        text = content or message.get("summary") or message.get("command") or ""
    return message["role"] + ":" + text[:40]


def in_short(context):
    model = context["model"]
    return {"thinkingLevel": context["thinkingLevel"],
            "model": model and f"{model['provider']}/{model['modelId']}",
            "messages": [text_of(m) for m in context["messages"]]}


def flat(nodes, parent=None, depth=0):
    """A nested tree as the preorder rows that ramet prints."""
    rows = []
    for node in nodes:
        row = {"id": node["id"], "parent": parent, "depth": float(depth)}
        row.update({k: node[k] for k in ("label", "labelTimestamp") if k in node})
        rows.append(row)
        rows += flat(node.get("children", []), node["id"], depth + 1)
    return rows


def bare(rows):
    """Tree rows without the members that pi's expectations do not have."""
    return [{k: v for k, v in row.items() if k not in ("type", "role", "children")} for row in rows]


def masked(value, names):
    """Made ids replaced by the names that the expectations have for them."""
    if isinstance(value, dict):
        return {k: masked(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


class Case:
    """One golden file asked through one source."""

    def __init__(self, results, case, session, mark=None):
        self.results, self.case, self.session = results, case, session
        self.names = {}
        if mark:
            self.names = {e["id"]: f"{mark}{i + 1}" for i, e in enumerate(session.entries)}
        self.real = {v: k for k, v in self.names.items()}

    def check(self, field, expected, got):
        self.results.check(self.case, field, masked(expected, self.names), masked(got, self.names),
                           self.session.via)

    def view(self, leaf=Ellipsis):
        return self.session.view(self.real.get(leaf, leaf))

    def check_consistent(self):
        """What pi has no word for: types and roles in the tree, info, the same answer twice."""
        s, tree = self.session, self.session.tree
        by_id = {e.get("id"): e for e in s.entries if isinstance(e.get("id"), str)}
        for row in tree:
            entry = by_id.get(row["id"])
            if entry is None:
                continue
            self.check(f"type of {row['id']}", entry.get("type"), row.get("type"))
            message = entry.get("message") if entry.get("type") == "message" else None
            role = message.get("role") if isinstance(message, dict) else None
            self.check(f"role of {row['id']}", role, row.get("role"))
        counts = {"entries": float(len(s.entries)), "leafId": s.leaf_id, "header": s.header,
                  "messageCount": float(sum(e.get("type") == "message" for e in s.entries))}
        self.check("info", counts, {k: s.info.get(k) for k in counts})
        if s.via == "probe":
            self.check("entry lines", s.entries, s.answer["entryLines"])
            self.check("path report", [v["path"] for v in s.answer["views"]],
                       [v["pathReport"] for v in s.answer["views"]])
        # One branch for each entry without children; the current one ends in the leaf.
        parents = {row["parent"] for row in tree}
        tips = [row["id"] for row in tree if row["id"] is not None and row["id"] not in parents]
        leaves = [b["leaf"] for b in s.branches if b["leaf"] is not None]
        self.check("branch leaves", sorted(tips), sorted(leaves))
        self.check("branch lengths",
                   [(float(len(self.session.view(leaf)["path"]))) for leaf in leaves if leaf != ""],
                   [b["entries"] for b in s.branches if b["leaf"] not in (None, "")])


# ---- golden/pi/read ----

def check_read(results, work):
    folder = os.path.join(HERE, "pi", "read")
    for case in sorted(load(os.path.join(folder, "cases.json"))):
        source = os.path.join(folder, case)
        expect = load(expectation(source, OLDEST if case in AS_OLDEST else NEWEST))
        alone = os.path.join(work, "read", case)
        os.makedirs(alone)
        path = os.path.join(alone, case + ".jsonl")
        shutil.copyfile(os.path.join(source, "input.jsonl"), path)
        os.utime(path, (READ_MTIME, READ_MTIME))
        name = "read/" + case
        for make in (ProbeSession, CommandSession):
            read_case(results, name, make(path), expect)
        read_lists(results, name, path, expect)
        check_untouched(results, name, os.path.join(source, "input.jsonl"), path)
    notes = load(os.path.join(folder, "version-differences.json"))
    return (f"; {len(notes)} cases of read differ between {OLDEST} and {NEWEST}: {NEWEST} holds, "
            f"but for {', '.join(sorted(AS_OLDEST))}")


def check_untouched(results, name, source, copy):
    with open(source, "rb") as a, open(copy, "rb") as b:
        same = a.read() == b.read()
    alone = sorted(os.listdir(os.path.dirname(copy)))
    results.check(name, "file untouched", [True, float(READ_MTIME)],
                  [same, float(os.stat(copy).st_mtime)])
    if name.startswith("read/"):
        results.check(name, "nothing beside it", [os.path.basename(copy)], alone)


def expectation(folder, version):
    both = os.path.join(folder, "expect.json")
    return both if os.path.exists(both) else os.path.join(folder, f"expect-{version}.json")


def read_lists(results, name, path, expect):
    info = probe("read", path)["listInfo"]
    check_list_info(results, name, expect["listInfo"], list_info(info), "probe")
    found = "found" in probe("recent", os.path.dirname(path), "-")
    results.check(name, "validForContinue", expect["validForContinue"], found, "probe")
    done = run(sources.RAMET, "list", "--json", "--text", os.path.dirname(path))
    items = parse_lines(done.stdout.decode())
    check_list_info(results, name, expect["listInfo"], list_info(items[0] if items else None), "command")


def check_list_info(results, name, expected, got, via):
    """A very long text is cut in the expectations."""
    text = (expected or {}).get("allMessagesText", "")
    if got and text.endswith("\u2026"):
        got = {**got, "allMessagesText": got["allMessagesText"][:len(text) - 1] + "\u2026"}
    results.check(name, "listInfo", expected, got, via)


def list_info(info):
    if info is None or "error" in info:
        return None
    info = {k: v for k, v in info.items() if k != "format"}
    return {**info, "path": os.path.basename(info["path"])}


def read_case(results, name, session, expect):
    refused = results.check(name, "refused", "error" in expect, session.error is not None, session.via)
    if session.error or not refused:
        check_refusal(results, name, session)
        return
    mark = "@" if any(str(e[1]).startswith("@") for e in expect["entries"]) else None
    c = Case(results, name, session, mark)
    c.check("header", expect["header"], session.header)
    c.check("sessionName", expect["sessionName"], session.name)
    c.check("leafId", expect["leafId"], session.leaf_id)
    c.check("entries", expect["entries"],
            [[e.get("type"), e.get("id"), e.get("parentId", "(absent)")] for e in session.entries])
    c.check("tree", flat(expect["tree"]), bare(session.tree))
    read_views(c, expect)
    if session.via == "probe":
        c.check("cwd", expect["cwd"], session.cwd)
        c.check("sessionId", expect["sessionId"], session.answer["headerFields"]["id"])
        c.check("labels", expect["labels"], known_labels(session))
    if isinstance(expect.get("fileAfterOpen"), str) and mark:
        c.check("fileAfterOpen", parse_lines(expect["fileAfterOpen"]), [session.header] + session.entries)
    c.check_consistent()


def known_labels(session):
    return {l["target"]: l["text"] for l in session.labels if l["targetRow"] is not None}


def read_views(c, expect):
    here = c.view()
    c.check("branch", expect["branch"], here["path"])
    context = here["context"]
    if expect["context"]["messages"] and isinstance(expect["context"]["messages"][0], str):
        context = {**context, "messages": [m["role"] for m in context["messages"]]}
    c.check("context", expect["context"], context)
    if "llm" in expect:
        c.check("llm", expect["llm"], here["llm"])
    c.check("contextNull", expect["contextNull"], c.view(None)["context"])
    if c.session.via == "probe":
        c.check("contextEntryIds", expect.get("contextEntryIds", here["selected"]), here["selected"])
        # A caller that finds no such id falls back to the leaf, as pi does.
        short = {k: here["context"][k] for k in ("thinkingLevel", "model")}
        short["roles"] = [m["role"] for m in here["context"]["messages"]]
        c.check("contextUnknownLeaf", expect["contextUnknownLeaf"], short)
    else:
        done = run(sources.RAMET, "context", "--json", "--leaf", "no such entry", c.session.path)
        c.check("unknown leaf is refused", [3, 1], [done.returncode, done.stderr.count(b"\n")])
    by_leaf = {leaf: in_short(c.view(leaf)["context"]) for leaf in expect["byLeaf"]}
    for leaf, short in expect["byLeaf"].items():
        c.check(f"byLeaf {leaf}", short, by_leaf[leaf])


def check_refusal(results, name, session):
    if session.via == "probe":
        results.check(name, "error code", "EFORMAT", (session.error or {}).get("code"), session.via)
    elif session.error:
        error = session.error
        results.check(name, "error exit and lines", [3, 1], [error["exit"], error["text"].count("\n")],
                      session.via)


# ---- golden/pi/export ----

def check_export(results, work):
    folder = os.path.join(HERE, "pi", "export")
    for file in sorted(os.listdir(folder)):
        case = file.removesuffix(".branch.jsonl")
        with open(os.path.join(folder, file), encoding="utf-8") as f:
            expected = parse_lines(f.read())
        session = ProbeSession(os.path.join(HERE, "pi", "read", case, "input.jsonl"))
        got = session.exported()
        got[0]["timestamp"] = "<now>"
        results.check("export/" + case, "lines", expected, got)


# ---- golden/pi-current/sessions ----

def check_sessions(results, work):
    folder = os.path.join(HERE, "pi-current", "sessions")
    for file in sorted(f for f in os.listdir(folder) if f.endswith(".jsonl")):
        name = "sessions/" + file.removesuffix(".jsonl")
        path = os.path.join(work, "sessions", file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(os.path.join(folder, file), path)
        os.utime(path, (READ_MTIME, READ_MTIME))
        expect = load(path.replace(work + "/sessions", folder).replace(".jsonl", ".expected.json"))
        for make in (ProbeSession, CommandSession):
            session_case(results, name, make(path, 1775001600000), expect)
        check_untouched(results, name, os.path.join(folder, file), path)


def session_case(results, name, session, expect):
    c = Case(results, name, session, "#" if expect.get("idsMasked") else None)
    c.check("header", expect["header"], session.header)
    c.check("entriesCount", expect["entriesCount"], float(len(session.entries)))
    c.check("entryIds", expect["entryIds"], [e.get("id") for e in session.entries])
    if "entries" in expect:
        c.check("entries", expect["entries"], session.entries)
    c.check("leafId", expect["leafId"], session.leaf_id)
    c.check("name", expect["name"], session.name)
    children = {}
    for row in expect["tree"]:
        children[row["id"]] = row.pop("children")
    c.check("tree", expect["tree"], bare(session.tree))
    expect["tree"] = [{**row, "children": children[row["id"]]} for row in expect["tree"]]
    stats = {k: v for k, v in expect["stats"].items() if k != "sessionId"}
    c.check("stats", stats, {k: v for k, v in session.stats.items() if k != "breakdown"})
    c.check("usageBreakdown", expect["usageBreakdown"], session.stats["breakdown"])
    if session.via == "probe":
        c.check("listInfo", expect["listInfo"], list_info(session.list_info))
        c.check("labels", expect["labels"], known_labels(session))
        c.check("forkMessages", expect["forkMessages"], session.fork_messages)
        for export in expect.get("exportedBranch", []):
            c.check(f"export {export['leaf']}", export["lines"], session.exported(export["leaf"]))
    for view in expect["views"]:
        session_view(c, view)
    c.check_consistent()


def session_view(c, expect):
    leaf = expect["leaf"]
    view = c.view(leaf)
    if expect.get("cycle"):
        path = view["path"]
        c.check(f"view {leaf} ends", len(path), len(set(path)))
        return
    c.check(f"view {leaf} branch", expect["branch"], view["path"])
    if "selected" in view:
        c.check(f"view {leaf} contextEntries", expect["contextEntries"], view["selected"])
    if "context" not in expect:                  # pi throws where we answer
        answers = {k: "answered" for k in expect["errors"] if view[k] and "error" not in view[k]}
        c.check(f"view {leaf} errors", expect["errors"], answers)
        return
    projection = view["projection"]
    c.check(f"view {leaf} projection", expect["projection"],
            [{"source": p["sourceId"], "type": p["type"], "messages": float(len(p["messages"]))}
             for p in projection])
    c.check(f"view {leaf} projected messages", expect["context"]["messages"],
            [m for p in projection for m in p["messages"]])
    c.check(f"view {leaf} context", expect["context"], view["context"])
    c.check(f"view {leaf} systemMessage", expect["systemMessage"], view["system"])
    if "prompt" in view:
        c.check(f"view {leaf} systemPrompt", expect["systemPrompt"], view["prompt"])
    c.check(f"view {leaf} llmMessages", expect["llmMessages"], view["llm"])
    c.check(f"view {leaf} contextTokens", expect["contextTokens"], view["tokens"])


AREAS = {"read": check_read, "export": check_export, "sessions": check_sessions, "list": check_list,
         "store": check_store, "dirs": check_dirs, "errors": check_errors}


def digest():
    """Every golden file: bytes, mode, time."""
    found = {}
    for place, _, files in [step for top in ("pi", "pi-current") for step in os.walk(os.path.join(HERE, top))]:
        for file in files:
            path = os.path.join(place, file)
            with open(path, "rb") as f:
                found[path] = (hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mode,
                               os.stat(path).st_mtime_ns)
    return found


def main():
    sources.need(sources.PROBE, sources.RAMET)
    os.environ["TZ"] = "UTC"
    results = Results(os.path.join(HERE, "differences.json"))
    areas = sys.argv[1:] or list(AREAS)
    results.table = {k: v for k, v in results.table.items() if k[0].split("/")[0] in areas}
    before = digest()
    note = ""
    with tempfile.TemporaryDirectory() as work:
        for area in areas:
            note += AREAS[area](results, work) or ""
    results.check("files", "unchanged", True, digest() == before)
    return results.finish(note)


if __name__ == "__main__":
    sys.exit(main())

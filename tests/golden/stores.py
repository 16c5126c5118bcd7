"""Golden stores: listing, looking up, directory names, and what may not be opened."""

import datetime
import os
import shutil

from compare import load, parse_lines
from sources import RAMET, probe, run

HERE = os.path.dirname(os.path.abspath(__file__))
ALPHA = "/home/dev/projects/alpha"
BETA = "/home/dev/projects/beta"
ADA = "/home/ada/project"
WEB = "/home/ada/web-app"


def bare(item, base):
    """A list item without what pi does not tell, its path relative to base."""
    item = {k: v for k, v in item.items() if k != "format"}
    return {**item, "path": os.path.relpath(item["path"], base)}


class Asked:
    """Questions about stores below a folder, answered with paths relative to it."""

    def __init__(self, base, env=None):
        self.base, self.env = base, env

    def ask(self, verb, url, *args):
        if url != "pi":
            url = os.path.join(self.base, url)
        return probe(verb, url, *args, env=self.env)

    def items(self, url, *args):
        answer = self.ask("list", url, *args)
        return answer if "error" in answer else [bare(i, self.base) for i in answer["items"]]

    def paths(self, url, *args):
        items = self.items(url, *args)
        return items if "error" in items else [i["path"] for i in items]

    def found(self, verb, url, *args):
        answer = self.ask(verb, url, *args)
        if answer.get("error"):
            return None if answer["error"]["code"] == "ENOTFOUND" else answer["error"]
        return os.path.relpath(answer["found"], self.base)

    def command(self, *args):
        done = run(RAMET, "list", "--json", "--text", *args, env=self.env)
        if done.returncode:
            return done.stderr.decode()
        return [bare(i, self.base) for i in parse_lines(done.stdout.decode())]


# ---- golden/pi-current/store ----

def check_store(results, work):
    expected = load(os.path.join(HERE, "pi-current", "store", "expected.json"))
    base = os.path.join(work, "store")
    shutil.copytree(os.path.join(HERE, "pi-current", "store"), base)
    os.unlink(os.path.join(base, "expected.json"))
    for item in expected["manifest"]:
        when = datetime.datetime.fromisoformat(item["mtime"].replace("Z", "+00:00")).timestamp()
        os.utime(os.path.join(base, item["file"]), (when, when))
    ask = Asked(base, {"PI_CODING_AGENT_DIR": base, "PI_CODING_AGENT_SESSION_DIR": ""})
    for question, answer in store_questions(ask).items():
        results.check("store/expected", question, expected["expected"][question], answer, "probe")
    left = set(expected["expected"]) - set(store_questions(ask))
    for question in sorted(left):
        results.fail("store/expected", f"nobody asks {question}")
    check_store_command(results, ask, expected["expected"])
    check_progress(results, work, expected["progress"])
    for item in expected["directoryNames"]:
        results.check("store/names", item["cwd"], item["dir"], probe("dirs", item["cwd"])[item["cwd"]])


def store_questions(ask):
    alpha_dir = "sessions/--home-dev-projects-alpha--"
    return {
        "list(alpha)": ask.items("pi", ALPHA),
        "list(beta)": ask.items("pi", BETA),
        "list(alpha, custom dir)": ask.items("custom", "-", ALPHA),
        "list(alpha, its own default dir given explicitly)": ask.paths(alpha_dir, "-"),
        "list(alpha, missing dir)": ask.items("missing", "-", ALPHA),
        "listAll()": ask.paths("pi", "-"),
        "listAll(custom dir)": ask.paths("custom", "-"),
        "findById(alpha, one)": ask.found("find", "pi", ALPHA, "one"),
        "findById(beta, one)": ask.found("find", "pi", BETA, "one"),
        "findById(alpha, on)": ask.found("find", "pi", ALPHA, "on"),
        "findById(alpha, collision)": ask.found("find", "pi", ALPHA, "collision"),
        "findById(alpha, x, custom)": ask.found("find", "custom", "-", "x", ALPHA),
        "findById(alpha, y, custom)": ask.found("find", "custom", "-", "y", ALPHA),
        "findById(alpha, z, custom)": ask.found("find", "custom", "-", "z", ALPHA),
        "findMostRecentSession(alpha dir)": ask.found("recent", alpha_dir, "-"),
        "findMostRecentSession(alpha dir, alpha)": ask.found("recent", alpha_dir, "-", ALPHA),
        "findMostRecentSession(custom, alpha)": ask.found("recent", "custom", "-", ALPHA),
        "findMostRecentSession(custom)": ask.found("recent", "custom", "-"),
        "findMostRecentSession(missing)": ask.found("recent", "missing", "-"),
        "continueRecent(alpha)": ask.found("recent", "pi", ALPHA),
        "continueRecent(alpha, custom)": ask.found("recent", "custom", "-", ALPHA),
        "usesDefaultSessionDir(alpha default)": is_default(alpha_dir),
        "usesDefaultSessionDir(custom)": is_default("custom"),
        "list aborted": aborted(ask, "pi", ALPHA),
        "listAll aborted": aborted(ask, "pi", "-"),
        "listAll aborted (signal second)": aborted(ask, "custom", "-"),
    }


def is_default(folder):
    return folder == "sessions/" + probe("dirs", ALPHA)[ALPHA]


def aborted(ask, url, cwd):
    """A callback that says stop at the first file; ECANCELED is our word for pi's AbortError."""
    answer = ask.ask("progress", url, cwd, "-", "1")
    stopped = answer.get("error", {}).get("code") == "ECANCELED" and len(answer["progress"]) == 1
    return "AbortError: This operation was aborted" if stopped else answer


def check_store_command(results, ask, expected):
    custom = os.path.join(ask.base, "custom")
    got = ask.command("--cwd", ALPHA, custom)
    results.check("store/expected", "list(alpha, custom dir)", expected["list(alpha, custom dir)"], got,
                  "command")
    for question, url in {"listAll()": "pi", "listAll(custom dir)": custom}.items():
        got = ask.command(url)
        paths = [i["path"] for i in got] if isinstance(got, list) else got
        results.check("store/expected", question, expected[question], paths, "command")


def check_progress(results, work, expected):
    """25 files, one of them no session: how often and with what the caller is told."""
    folder = os.path.join(work, "progress")
    os.makedirs(folder)
    for i in range(25):
        with open(os.path.join(folder, f"{i:02}.jsonl"), "w") as f:
            f.write('{"type":"session","version":3,"id":"p%d","timestamp":'
                    '"2026-01-%02dT00:00:00.000Z","cwd":"/p"}\n' % (i, i + 1) if i != 3 else "no\n")
    for name in ("list", "listAllCustomDir"):
        seen = probe("progress", folder, "-")["progress"]
        # What is in a partial list depends on which file comes first: k files, one may be bad.
        seen = [[n, total, fits(n, partial)] for n, total, partial in seen]
        wanted = [[n, total, fits(n, partial)] for n, total, partial in expected[name]]
        results.check("store/progress", name, wanted, seen)


def fits(loaded, partial):
    if partial is None:
        return None
    return partial == 24 if loaded == 25 else loaded - 1 <= partial <= loaded


# ---- golden/pi/list ----

def check_list(results, work):
    source = os.path.join(HERE, "pi", "list")
    expected = load(os.path.join(source, "expect-1.5.2.json"))
    base = os.path.join(work, "list")
    shutil.copytree(os.path.join(source, "dir"), base)
    os.rename(os.path.join(base, "dot-hidden.jsonl"), os.path.join(base, ".hidden.jsonl"))
    for i, file in enumerate(load(os.path.join(source, "mtimes.json"))):
        os.utime(os.path.join(base, file), (1772600000 + 1000 * i,) * 2)
    ask = Asked(base)
    exact = expected["list"][3]["id"]
    seen = ask.ask("progress", "", "-", ADA)["progress"]
    asked = {
        "list": ask.items("", "-", ADA),
        "listAll": ask.paths("", "-"),
        "progressCalls": [float(len(seen)), seen[-1][:2]],
        "findById": {"exact": ask.found("find", "", "-", exact, ADA),
                     "otherCwd": ask.found("find", "", "-", exact, WEB) or "(none)",
                     "prefix": ask.found("find", "", "-", exact[:8], ADA) or "(none)"},
        "mostRecent": ask.found("recent", "", "-"),
        "mostRecentForCwd": {cwd: ask.found("recent", "", "-", cwd)
                             for cwd in expected["mostRecentForCwd"]},
    }
    for question, answer in asked.items():
        results.check("list/1.5.2", question, expected[question], answer, "probe")
    results.check("list/1.5.2", "listAll", expected["listAll"],
                  [i["path"] for i in ask.command(base)], "command")
    # Our own word on ids: a prefix of one session finds it, of several says so.
    for word, answer in {exact[:8]: os.path.basename(expected["list"][3]["path"])}.items():
        results.check("list/ours", "prefix of one", answer, ask.found("resolve", "", "-", word))
    several = ask.ask("resolve", "", "-", "019c9d")
    results.check("list/ours", "prefix of many", "EAMBIGUOUS", several.get("error", {}).get("code"))


# ---- dirs.json, errors.json ----

def check_dirs(results, work):
    for cwd, name in load(os.path.join(HERE, "pi", "dirs.json")).items():
        wanted = name["1.5.2"] if isinstance(name, dict) else name
        results.check("dirs/names", cwd, wanted, probe("dirs", cwd)[cwd])


HEADER = b'{"type":"session","version":3,"id":"x","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}\n'
ENTRY = b'{"type":"custom","id":"a","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z"}\n'
OPENED = {
    "missing file": None,
    "empty file": b"",
    "only a newline": b"\n",
    "garbage": b"this is no session\n",
    "entry before header": ENTRY + HEADER,
    "header id is a number": HEADER.replace(b'"x"', b"7", 1),
    "header only": HEADER,
    "byte order mark": b"\xef\xbb\xbf" + HEADER,
    "future version 99": HEADER.replace(b":3,", b":99,"),
}


def check_errors(results, work):
    expected = load(os.path.join(HERE, "pi-current", "errors.json"))
    for item in expected["sessionId"]:
        name = "x" * 300 if item["id"] == "x*300" else item["id"]
        results.check("errors/session id", item["id"], item["valid"], probe("ids", name)[name])
    for item in expected["open"]:
        path = os.path.join(work, "open.jsonl")
        data = OPENED[item["case"]]
        if os.path.exists(path):
            os.unlink(path)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        answer = probe("read", path)
        results.check("errors/open", item["case"], item["result"]["ok"], "error" not in answer, "probe")
        done = run(RAMET, "info", "--json", path)
        results.check("errors/open", item["case"], item["result"]["ok"], done.returncode == 0, "command")
        if done.returncode:
            results.check("errors/open", item["case"] + ": exit, lines, name", [3, 1, True],
                          [done.returncode, done.stderr.count(b"\n"), path.encode() in done.stderr])
    calls = {c["case"]: c["result"] for c in expected["calls"]}
    with open(os.path.join(work, "one.jsonl"), "wb") as f:
        f.write(HEADER + ENTRY)
    views = probe("read", f.name)["views"]
    results.check("errors/calls", "getBranch unknown", calls["getBranch unknown"]["value"],
                  float(len(views[1]["path"])))
    for verb in ("path", "context"):
        done = run(RAMET, verb, "--leaf", "nope", f.name)
        results.check("errors/calls", f"{verb} unknown", [3, 1, True],
                      [done.returncode, done.stderr.count(b"\n"), b"nope" in done.stderr])

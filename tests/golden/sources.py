"""Two ways of asking ramet the same questions: the library through probe, and the command.

Both give a Session with the same attributes, so that every expectation is checked against both.
"""

import os
import subprocess
import sys

from compare import parse, parse_lines

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RAMET_BUILD", os.path.join(ROOT, "build"))
RAMET = os.environ.get("RAMET_BIN", os.path.join(BUILD, "ramet"))
PROBE = os.path.join(BUILD, "tests", "golden", "probe")
TIMEOUT = 120


def need(*programs):
    for program in programs:
        if not os.access(program, os.X_OK):
            print(f"{program} is not built")
            print("0 passed, 1 failed")
            sys.exit(1)


def run(*command, env=None, stdin=None):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                          input=stdin, env={**os.environ, **env} if env else None)


def probe(*args, env=None):
    done = run(PROBE, *args, env=env)
    if done.returncode:
        raise RuntimeError(f"probe {args[:2]}: exit {done.returncode}: {done.stderr.decode()[:2000]}")
    return parse(done.stdout.decode("utf-8"))


def probe_files(paths, views=0):
    """One answer per file; None where the process died."""
    answers = []
    while len(answers) < len(paths):
        rest = "\n".join(paths[len(answers):]) + "\n"
        done = run(PROBE, "read", "--views", str(views), "-", stdin=rest.encode())
        answers += [parse(line) for line in done.stdout.decode("utf-8").split("\n")[:-1]]
        if len(answers) < len(paths):
            print(f"probe died at {paths[len(answers)]}: {done.stderr.decode('utf-8', 'replace')[-3000:]}")
            answers.append(None)
    return answers


def leaf_options(leaf):
    return [] if leaf is Ellipsis else ["--leaf", "null" if leaf is None else leaf]


class ProbeSession:
    via = "probe"

    def __init__(self, path, now_ms=0):
        self.answer = a = probe("read", "--now", str(now_ms), path)
        self.list_info = a["listInfo"]
        self.error = a.get("error")
        if self.error:
            return
        self.header = a["header"]
        self.cwd = a["cwd"]
        self.entries = a["entries"]
        self.tree = a["tree"]
        self.leaf_id = a["leafId"]
        self.name = a["name"]
        self.stats = a["stats"]
        self.info = a["info"]
        self.branches = a["branches"]
        self.fork_messages = a["forkMessages"]
        self.labels = a["labels"]
        self.views = {}
        # The last row of an id is the one that the id names.
        for view in sorted(a["views"], key=lambda v: v["row"] if v["row"] is not None else -1):
            self.views[view["leaf"] if view["row"] is not None else None] = view
        if a["rows"]:
            self.views[Ellipsis] = next(v for v in a["views"] if v["row"] == len(a["rows"]) - 1)
        else:
            self.views[Ellipsis] = a["views"][0]

    def view(self, leaf=Ellipsis):
        return self.views[leaf]

    def exported(self, leaf=Ellipsis):
        return self.views[leaf]["exported"]


class CommandSession:
    via = "command"
    fork_messages = None                         # no verb for it yet
    labels = None

    def __init__(self, path, now_ms=0):
        self.path = path
        self.error = None
        done = run(RAMET, "info", "--json", path)
        if done.returncode:
            self.error = {"exit": done.returncode, "text": done.stderr.decode()}
            return
        self.info = parse(done.stdout.decode())
        self.header = self.info["header"]
        self.name = self.info.get("name")
        self.leaf_id = self.info.get("leafId")
        self.entries = parse_lines(self.text("entries"))
        self.tree = self.ask("tree")
        self.branches = self.ask("branches")
        self.stats = self.ask("stats")
        self.known = {}

    def text(self, verb, *options):
        done = run(RAMET, verb, "--json", *options, self.path)
        if done.returncode:
            raise RuntimeError(f"ramet {verb} {options}: exit {done.returncode}: "
                               f"{done.stderr.decode()[:500]}")
        return done.stdout.decode("utf-8")

    def ask(self, verb, *options):
        return parse(self.text(verb, *options))

    def view(self, leaf=Ellipsis):
        return CommandView(self, leaf_options(leaf))


class CommandView:
    """The members of probe's views, each asked for when it is needed."""

    ASK = {
        "path": ["path"], "context": ["context"], "projection": ["context", "--projection"],
        "llm": ["context", "--llm"], "system": ["context", "--system"],
        "tokens": ["context", "--tokens"],
    }

    def __init__(self, session, options):
        self.session, self.options = session, options

    def __contains__(self, key):
        return key in self.ASK

    def __getitem__(self, key):
        verb, *flags = self.ASK[key]
        answer = self.session.ask(verb, *flags, *self.options)
        return answer["tokens"] if key == "tokens" else answer

"""probe_write in a directory of its own, and the names that expectations have for what is made.

An id that a session gives itself, and that no file put there has, gets a name in the order of its
appearance; a time between the start and now becomes <now> (in a file name <file-now>, as a number
<now-ms>); the directory becomes the one that the expectations name.
"""

import datetime
import json
import os
import re
import subprocess
import time

import sources

PROBE = os.path.join(sources.BUILD, "tests", "golden", "probe_write")
ALPHA = "/home/dev/projects/alpha"
BETA = "/home/dev/projects/beta"
USER = {"role": "user", "content": "one", "timestamp": 1}
ASSISTANT = {"role": "assistant", "content": [{"type": "text", "text": "two"}], "api": "x",
             "provider": "p", "model": "m", "stopReason": "stop", "timestamp": 2}
PI_DIR = "/home/ada/.pi/agent/sessions/--home-ada-project--"
ISO = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d[.-]\d{3}Z")
MS = re.compile(r'(?<="timestamp":)\d{13}\b')
SLACK_MS = 5                                     # clocks are read in steps


def exact(path):
    """A JSON file as it is: numbers keep their kind."""
    with open(path, encoding="utf-8", newline="") as f:
        return json.loads(f.read())


def as_line(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def ms_of(text):
    """Milliseconds since 1970 of an ISO time or of the time in a file name."""
    date, clock = text[:10], re.sub(r"\D", "", text[10:])
    at = datetime.datetime.fromisoformat(
        f"{date}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}.{clock[6:]}+00:00")
    return round(at.timestamp() * 1000)


class Writer:
    def __init__(self, work, stands_for=PI_DIR, auto="$auto{}", session="$session{}"):
        self.dir = os.path.join(work, "sessions")
        self.cwd = os.path.join(work, "cwd")
        os.makedirs(self.dir)
        os.makedirs(self.cwd)
        self.stands_for, self.auto, self.session_name = stands_for, auto, session
        self.names = {}                          # what was made -> its name
        self.n_auto = self.n_sessions = 0
        self.given = ""                          # every text that was put or sent
        self.start = time.time() * 1000 - SLACK_MS
        self.session = None                      # as the last answer has it
        self.probe = None

    def __enter__(self):
        self.probe = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      cwd=self.cwd)
        return self

    def __exit__(self, *why):
        self.probe.stdin.close()
        code = self.probe.wait(timeout=sources.TIMEOUT)
        self.probe.stdout.close()
        if code and not why[0]:
            raise RuntimeError(f"probe_write ended with {code}")

    # ---- doing ----

    def ask(self, command, name=None):
        """One command, its ids and paths ours; name: the script's word for the id it returns."""
        text = json.dumps(self.unnamed(command))
        self.given += text
        self.probe.stdin.write(text.encode() + b"\n")
        self.probe.stdin.flush()
        line = self.probe.stdout.readline()
        if not line:
            raise RuntimeError(f"probe_write died at {text[:1000]}")
        answer = json.loads(line)
        said = answer.get("error", {}).get("text", "one line")
        if not said or "\n" in said:
            raise RuntimeError(f"{said!r} is not one line, at {text[:1000]}")
        self.session = answer["session"]
        if name and "returned" in answer:
            self.names[answer["returned"]] = "$" + name
        if self.session:
            self.name_session(command["do"])
            self.name_all()
        return answer

    def put(self, file, data):
        path = os.path.join(self.dir, file)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, 0o644)
        self.given += data.decode("utf-8", "replace")
        return path

    # ---- names ----

    def name_session(self, do):
        made = self.session["header"].get("id")
        if do != "look" and isinstance(made, str) and made not in self.names \
                and f'"{made}"' not in self.given:
            self.n_sessions += 1
            self.names[made] = self.session_name.format(self.n_sessions)

    def name_all(self):
        """Entries that nobody has named and that no given text has."""
        for entry in self.session["entries"]:
            made = entry.get("id")
            if isinstance(made, str) and made not in self.names and f'"{made}"' not in self.given:
                self.n_auto += 1
                self.names[made] = self.auto.format(self.n_auto)

    def unnamed(self, command):
        real = {v: k for k, v in self.names.items()}
        out = {}
        for key, value in command.items():
            if isinstance(value, str):
                value = real.get(value, value).replace(self.stands_for, self.dir)
            out[key] = value
        return out

    def named(self, value):
        """Any value with what was made here replaced by its name."""
        if isinstance(value, dict):
            return {self.named(k): self.named(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.named(v) for v in value]
        if not isinstance(value, str):
            return value
        value = value.replace(self.dir, self.stands_for).replace(self.cwd, "<process-cwd>")
        value = ISO.sub(self.name_time, value)
        value = MS.sub(lambda m: '"<now-ms>"' if self.is_now(int(m[0])) else m[0], value)
        for made, name in sorted(self.names.items(), key=lambda n: -len(n[0])):
            value = value.replace(made, name)
        return value

    def is_now(self, ms):
        return self.start <= ms <= time.time() * 1000 + SLACK_MS

    def name_time(self, match):
        text = match[0]
        if not self.is_now(ms_of(text)):
            return text
        return "<now>" if ":" in text else "<file-now>"

    # ---- what is on disk ----

    def lines(self, path):
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as f:
            return f.read().split("\n")

    def files(self):
        """Every file of the directory as a list of lines."""
        return {file: self.lines(os.path.join(self.dir, file)) for file in sorted(os.listdir(self.dir))}

    def n_lines(self):
        path = self.session["path"]
        if path is None:
            return "(in memory)"
        if not os.path.exists(path):
            return "(no file)"
        with open(path, "rb") as f:
            return f.read().count(b"\n")

    def modes(self):
        return {self.named(file): format(os.stat(os.path.join(self.dir, file)).st_mode & 0o7777, "o")
                for file in os.listdir(self.dir)}

    def odd_times(self):
        """Made files whose name and header disagree about the time."""
        odd = []
        for file, lines in self.files().items():
            stamp = ISO.match(file)
            if stamp and re.sub("[:.]", "-", json.loads(lines[0])["timestamp"]) != stamp[0]:
                odd.append(self.named(file))
        return odd

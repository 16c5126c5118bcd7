#!/usr/bin/env python3
"""Make up pi sessions for tests: realistic ones, and ones damaged in a named way.

The same seed and options give the same bytes. As a module: Session(seed, ...).lines gives the
JSON texts, damage(lines, kind, seed) the bytes of a file and what was done to it.

    gen_session.py [--seed N] [--entries N] [--version 1|2|3] [--branching P] [--unicode P]
                   [--compact-every N] [--damage KIND] [-o FILE]
"""

import argparse
import datetime
import json
import random
import sys

KINDS = """torn-tail no-final-newline bad-utf8 bad-json nul-block blank-lines crlf orphan-parent
duplicate-id cycle duplicate-key deep-nesting lone-surrogate bom missing-header huge-number
glued-lines unknown-type unordered-keys whitespace""".split()

WORDS = """parser socket buffer retry index branch queue the of and when because without
please check rename module test failure timeout cache header stream commit merge quickly why
where does this return null again after twelve lines of output nothing changed""".split()
ODD_WORDS = ["naïve", "Größe", "данные", "日本語", "🌱", "👩‍👩‍👧", "שלום", "e\u0301", "a\u2028b",
             "tab\there", "quote\"d", "back\\slash", "</script>", "\u0000", "\u001b[31m"]
MODELS = [("anthropic", "claude-test-1"), ("openai", "gpt-test"), ("local", "small/7b")]
COMMANDS = ["ls -la", "git status", "make check", "grep -rn 'x' src", "printf 'a\\n'"]


class Session:
    """A session as a list of entries; self.lines are their JSON texts, header first."""

    def __init__(self, seed, entries=60, version=3, branching=0.15, unicode=0.1,
                 compact_every=25, cwd="/home/ada/project"):
        self.rng = random.Random(seed)
        self.version = version
        self.unicode = unicode
        self.now = 1_767_225_600_000 + self.rng.randrange(10 ** 9)
        self.leaf = None
        self.model = MODELS[0]
        self.calls = 0
        self.entries = []
        self.header = self.make_header(cwd)
        self.system()
        while len(self.entries) < entries:
            self.turn()
            if self.tree() and self.rng.random() < branching:
                self.branch()
            if compact_every and len(self.entries) % compact_every >= compact_every - 6:
                self.compaction()
        del self.entries[entries:]
        self.lines = [dump(e) for e in [self.header] + self.entries]

    def tree(self):
        return self.version > 1

    def make_header(self, cwd):
        header = {"type": "session", "version": self.version, "id": self.uuid(),
                  "timestamp": iso(self.now), "cwd": cwd}
        if self.version == 1:
            del header["version"]
            header.update(provider="anthropic", modelId="claude-test-1", thinkingLevel="off")
        return header

    def uuid(self):
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-7{h[13:16]}-8{h[17:20]}-{h[20:]}"

    def text(self, most=30):
        words = [self.rng.choice(ODD_WORDS if self.rng.random() < self.unicode else WORDS)
                 for _ in range(self.rng.randint(1, most))]
        return self.rng.choice([" ", " ", " ", "\n"]).join(words)

    def add(self, kind, /, **members):
        self.now += self.rng.choice([0, 1, 15, 400, 2500, 90_000])
        entry = {"type": kind}
        if self.tree():
            entry.update(id=f"{self.rng.getrandbits(32):08x}", parentId=self.leaf)
        entry.update(timestamp=iso(self.now), **members)
        self.entries.append(entry)
        self.leaf = entry.get("id")
        return entry

    def message(self, role, **members):
        return self.add("message", message={"role": role, **members, "timestamp": self.now})

    def usage(self):
        n = [self.rng.randrange(5000) for _ in range(4)]
        cost = [round(x * 3e-6, 9) for x in n]
        keys = ("input", "output", "cacheRead", "cacheWrite")
        return {**dict(zip(keys, n)), "totalTokens": sum(n),
                "cost": {**dict(zip(keys, cost)), "total": sum(cost)}}

    # ---- what happens in a conversation ----

    def system(self):
        if self.version == 3:
            self.add("model_change", provider=self.model[0], modelId=self.model[1])
            self.add("thinking_level_change", thinkingLevel="medium")
            self.message("system", content="", sections={"preamble": "You help.", "rules": "Be brief."},
                         toolsAdded=[{"name": "bash", "description": "run", "parameters": {"type": "object"}}])

    def turn(self):
        r = self.rng
        blocks = [{"type": "text", "text": self.text()}]
        if r.random() < 0.05:
            blocks.append({"type": "image", "data": "iVBORw0KGgo" + "A" * 40, "mimeType": "image/png"})
        self.message("user", content=blocks if r.random() < 0.4 else self.text())
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            self.tool_round()
        self.assistant([{"type": "text", "text": self.text(60)}], "stop")
        if r.random() < 0.5:
            self.misc()

    def assistant(self, content, stop):
        if self.rng.random() < 0.3:
            content = [{"type": "thinking", "thinking": self.text(), "thinkingSignature": "c2ln"}] + content
        return self.message("assistant", content=content, api="test-api", provider=self.model[0],
                            model=self.model[1], usage=self.usage(), stopReason=stop)

    def tool_round(self):
        self.calls += 1
        call = {"type": "toolCall", "id": f"call_{self.calls}", "name": "bash",
                "arguments": {"command": self.rng.choice(COMMANDS), "n": self.calls}}
        self.assistant([call], "toolUse")
        extra = {"usage": self.usage()} if self.rng.random() < 0.1 else {}
        self.message("toolResult", toolCallId=call["id"], toolName="bash",
                     content=[{"type": "text", "text": self.text(80)}],
                     isError=self.rng.random() < 0.1, **extra)

    def misc(self):
        old = ["bash", "model", "level", "hook"]
        kind = self.rng.choice(old if not self.tree() else old + [
            "label", "name", "custom", "custom_message", "usage", "edit"])
        getattr(self, "misc_" + kind)()

    def misc_bash(self):
        self.message("bashExecution", command=self.rng.choice(COMMANDS), output=self.text(), exitCode=0,
                     cancelled=False, truncated=False)

    def misc_model(self):
        self.model = self.rng.choice(MODELS)
        self.add("model_change", provider=self.model[0], modelId=self.model[1])

    def misc_level(self):
        self.add("thinking_level_change", thinkingLevel=self.rng.choice(["off", "low", "high"]))

    def misc_hook(self):
        if self.version < 3:
            self.message("hookMessage", customType="note", content=self.text(), display=True)
        else:
            self.misc_custom_message()

    def misc_label(self):
        target = self.rng.choice(self.entries)["id"]
        text = self.rng.choice(["here", "try again", "", self.text(3)])
        self.add("label", targetId=target, **({"label": text} if self.rng.random() < 0.9 else {}))

    def misc_name(self):
        self.add("session_info", name=self.text(4))

    def misc_custom(self):
        self.add("custom", customType="ext.state", data={"n": self.calls, "list": [1, 2.5, None]})

    def misc_custom_message(self):
        self.add("custom_message", customType="ext.note", content=self.text(), display=self.rng.random() < 0.5)

    def misc_usage(self):
        if self.version == 3:
            self.add("usage", kind="cache_warm", provider=self.model[0], model=self.model[1], usage=self.usage())

    def misc_edit(self):
        if self.version == 3:
            target = self.rng.choice(self.path())["id"]
            new = self.rng.choice([None, {"content": self.text()}, {"content": [{"type": "text", "text": "cut"}]}])
            self.add("context_edit", targetId=target, replacement=new)

    def path(self):
        by_id = {e["id"]: e for e in self.entries}
        path, at = [], self.leaf
        while at is not None:
            path.append(by_id[at])
            at = by_id[at]["parentId"]
        return path[::-1]

    def branch(self):
        left = self.leaf
        self.leaf = self.rng.choice([e["id"] for e in self.path()] + [None])
        if self.rng.random() < 0.4:
            extra = {"usage": self.usage()} if self.version == 3 else {}
            self.add("branch_summary", fromId=left, summary=self.rng.choice(["", self.text()]), **extra)

    def compaction(self):
        if not self.tree():
            self.add("compaction", summary=self.text(), tokensBefore=9000,
                     firstKeptEntryIndex=max(1, len(self.entries) - self.rng.randint(0, 8)))
            return
        path = self.path()
        if not path:
            return
        kept = self.rng.choice(path[-8:])["id"]
        extra = {}
        if self.version == 3:
            extra["systemMessage"] = {"role": "system", "content": "", "sections": {"preamble": "You help."},
                                      "timestamp": self.now}
        self.add("compaction", summary=self.text(), firstKeptEntryId=kept, tokensBefore=9000,
                 details={"readFiles": ["a.c"], "modifiedFiles": []}, **extra)


def iso(ms):
    t = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ---- damage ----

class Damaged:
    """The bytes of a damaged file, and which of the given lines (0 is the header) it touches:
    changed ones may read differently, lost ones may be gone, the others must read as before."""

    def __init__(self, data, changed=(), lost=(), note=""):
        self.data, self.changed, self.lost, self.note = data, set(changed), set(lost), note


def join(lines, end=b"\n"):
    return b"".join(line + end for line in lines)


def damage(texts, kind, seed):
    rng = random.Random(f"{kind}/{seed}")
    lines = [t.encode("utf-8", "surrogatepass") for t in texts]
    at = rng.randrange(2, len(lines) - 3)
    if kind in WHOLE:
        return WHOLE[kind](lines, rng, at)
    lines[at] = LINE[kind](lines[at], rng)
    lost = [at] if kind == "bad-json" else []
    return Damaged(join(lines), changed=[at], lost=lost)


def torn_tail(lines, rng, at):
    data = join(lines)
    return Damaged(data[:-rng.randint(2, len(lines[-1]))], lost=[len(lines) - 1])


def nul_block(lines, rng, at):
    """What a power cut leaves: a run of zero bytes over the middle of a line and a bit beyond."""
    start = len(join(lines[:at])) + len(lines[at]) // 2
    end = start + len(lines[at]) // 2 + rng.choice([0, 0, 10])
    data = bytearray(join(lines))
    data[start:end] = bytes(end - start)
    return Damaged(bytes(data), lost=[at] + ([at + 1] if data.count(b"\n") < len(lines) else []))


def blank_lines(lines, rng, at):
    lines.insert(at, rng.choice([b"", b"   ", b"\t"]))
    return Damaged(join(lines))


def duplicate_id(lines, rng, at):
    first, second = json.loads(lines[at]), json.loads(lines[at + 2])
    second["id"] = first["id"]
    lines[at + 2] = dump(second).encode()
    return Damaged(join(lines), changed=[at, at + 2])


def cycle(lines, rng, at):
    entry, later = json.loads(lines[at]), json.loads(lines[at + 1])
    entry["parentId"], later["parentId"] = later["id"], entry["id"]
    lines[at], lines[at + 1] = dump(entry).encode(), dump(later).encode()
    return Damaged(join(lines), changed=[at, at + 1])


def glued(lines, rng, at):
    lines[at] += lines.pop(at + 1)
    return Damaged(join(lines), lost=[at, at + 1])


def with_member(line, text):
    return line[:-1] + b"," + text + b"}"


def orphan(line, rng):
    return dump({**json.loads(line), "parentId": "no-such-entry"}).encode()


def bad_utf8(line, rng):
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
    return with_member(line, b'"bad":"x' + bad + b'y"')


def bad_json(line, rng):
    return rng.choice([line[:-1], line[1:], b"oops " + line, line.replace(b":", b"=", 1),
                       line + b"}", line.replace(b'"', b"'", 2)])


def twice(line, rng):
    """A second member of the same name; the last one counts."""
    return with_member(line, b'"timestamp":' + json.dumps(json.loads(line)["timestamp"]).encode())


def shuffled(line, rng):
    items = list(json.loads(line).items())
    rng.shuffle(items)
    return dump(dict(items)).encode()


def spaced(line, rng):
    return b"  \t" + json.dumps(json.loads(line), separators=(" , ", " :\t")).encode() + b" \r "


WHOLE = {
    "torn-tail": torn_tail,
    "no-final-newline": lambda lines, rng, at: Damaged(join(lines)[:-1]),
    "nul-block": nul_block,
    "blank-lines": blank_lines,
    "crlf": lambda lines, rng, at: Damaged(join(lines, b"\r\n")),
    "duplicate-id": duplicate_id,
    "cycle": cycle,
    "bom": lambda lines, rng, at: Damaged(b"\xef\xbb\xbf" + join(lines)),
    "missing-header": lambda lines, rng, at: Damaged(join(lines[1:]), lost=range(len(lines))),
    "glued-lines": glued,
}
LINE = {
    "bad-utf8": bad_utf8,
    "bad-json": bad_json,
    "orphan-parent": orphan,
    "duplicate-key": twice,
    "deep-nesting": lambda line, rng: with_member(line, b'"deep":' + b"[" * 2000 + b"]" * 2000),
    "lone-surrogate": lambda line, rng: with_member(line, b'"half":"\\ud83d x \\udc00"'),
    "huge-number": lambda line, rng: with_member(line, b'"big":12345678901234567890123,"far":1e400,"z":-0'),
    "unknown-type": lambda line, rng: dump({**json.loads(line), "type": "from_the_future"}).encode(),
    "unordered-keys": shuffled,
    "whitespace": spaced,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--entries", type=int, default=60)
    parser.add_argument("--version", type=int, choices=[1, 2, 3], default=3)
    parser.add_argument("--branching", type=float, default=0.15)
    parser.add_argument("--unicode", type=float, default=0.1)
    parser.add_argument("--compact-every", type=int, default=25)
    parser.add_argument("--damage", choices=KINDS)
    parser.add_argument("-o", "--output", default="-")
    args = parser.parse_args()
    session = Session(args.seed, args.entries, args.version, args.branching, args.unicode,
                      args.compact_every)
    data = (damage(session.lines, args.damage, args.seed).data if args.damage
            else join([line.encode("utf-8", "surrogatepass") for line in session.lines]))
    if args.output == "-":
        sys.stdout.buffer.write(data)
    else:
        with open(args.output, "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()

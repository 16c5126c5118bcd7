#!/usr/bin/env python3
"""The V2 sidecars of tests/golden/pirust-v2, sound and damaged, asked of `ramet sidecar`.

    RAMET_BIN=build/ramet tests/golden/run_pirust_v2.py [-v] [CASE...]

What version 0.2.0 of the original concludes is expected; where ramet does otherwise,
pirust-v2/differences.json says so and why. Every case is worked on in a copy. Ends with
"N passed, N failed". Python's library only.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "interop"))
import check_sidecar  # noqa: E402

BIN = os.path.abspath(os.environ.get("RAMET_BIN", "build/ramet"))
CASES = os.path.join(HERE, "pirust-v2")
ENV = {k: v for k, v in os.environ.items() if not k.startswith("PI_")}

# What 0.2.0 concludes: the state; entries of a full reading; ids of a tail of three; the state
# after a recovery that does not migrate again. "refused": the sidecar is not to be used.
TAIL4 = ["c000000a", "c000000b", "c000000c"]
SOUND = {
    "01-all-types": ("migrated", 15, ["a000000d", "a000000e", "a000000f"], "migrated"),
    "02-g1-sidecar": ("corrupt", 15, ["a000000d", "a000000e", "a000000f"], "migrated"),
    "03-branched-leaf": ("migrated", 7, ["b0000001", "b0000002", "b0000003", "b0000004"], "migrated"),
    "04-multi-segment": ("migrated", 12, TAIL4, "migrated"),
    "05-empty": ("migrated", 0, [], "migrated"),
}
NO = "refused"
DAMAGED = {
    "torn-last-frame": ("corrupt", NO, NO, "unmigrated"),
    "unindexed-tail-bytes": ("corrupt", NO, NO, "unmigrated"),
    "last-frame-without-newline": ("partial", NO, NO, "unmigrated"),
    "flipped-byte-mid-store": ("migrated", NO, TAIL4, "unmigrated"),
    "garbage-line-mid-store": ("partial", NO, NO, "unmigrated"),
    "index-missing": ("partial", NO, NO, "unmigrated"),
    "index-torn-last-row": ("corrupt", NO, NO, "unmigrated"),
    "dirty-state": ("stale", NO, NO, "unmigrated"),
    "jsonl-grew": ("stale", NO, NO, "unmigrated"),
    "manifest-edited": ("corrupt", NO, NO, "unmigrated"),
    "manifest-forged": ("migrated", 12, TAIL4, "unmigrated"),
}
FIELDS = ("state", "full", "tail", "recover")


class Failure(Exception):
    pass


def same(what, ours, expected):
    if ours != expected:
        raise Failure(f"{what}: {ours!r}, not {expected!r}")


def ramet(*args):
    return subprocess.run([BIN, "sidecar", *args, "--json"], capture_output=True, text=True, env=ENV)


def answer(r, codes=(0, 1)):
    if r.returncode not in codes:
        raise Failure(f"{r.args}: exit code {r.returncode}: {r.stderr.strip()}")
    return json.loads(r.stdout)


def snapshot(folder):
    """Every file and its bytes, and the identity of what is not written anew."""
    out = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                out[os.path.relpath(path, folder)] = (f.read(), os.lstat(path).st_ino)
    return out


def entries(path, *args):
    """(ids, lines) or "refused"."""
    r = ramet("tail", path, *args)
    if r.returncode == 3:
        return NO
    if r.returncode:
        raise Failure(r.stderr)
    return [json.loads(line)["id"] for line in r.stdout.split("\n")[:-1]]


def lines_of(path):
    with open(path, "rb") as f:
        return [line for line in f.read().split(b"\n") if line.strip()][1:]


def all_frames(folder):
    """Every frame line that is in any segment file under the folder, moved aside or not."""
    out = set()
    for where, _, names in os.walk(folder):
        for name in names:
            if ".seg" in name:
                with open(os.path.join(where, name), "rb") as f:
                    out.update(f.read().split(b"\n"))
    return out - {b""}


class Case:
    def __init__(self, name, expected, differences):
        self.name, self.expected = name, dict(zip(FIELDS, expected))
        self.differences = {d["field"]: d for d in differences if d["case"] == name}
        self.used = set()

    def compare(self, field, ours):
        d = self.differences.get(field)
        if d:
            same(f"{field}: theirs in the table", d["theirs"], self.expected[field])
            self.used.add(field)
        same(field, ours, d["ours"] if d else self.expected[field])

    def run(self, folder):
        path = os.path.join(folder, "session.jsonl")
        before = snapshot(folder)
        status = answer(ramet("status", path))
        self.compare("state", status["state"])
        full, tail = entries(path, "--mode", "full"), entries(path, "-n", "3")
        self.compare("full", full if full == NO else len(full))
        self.compare("tail", tail)
        same("reading changed nothing", snapshot(folder), before)
        self.check_values(path)
        self.check_recover(folder, path)
        same("unused differences", set(self.differences) - self.used, set())

    def check_values(self, path):
        with open(os.path.join(CASES, self.name, "expected.json"), encoding="utf-8") as f:
            expected = json.load(f)
        v = answer(ramet("verify", path))
        for ours, theirs in (("chainHash", "chainHash"), ("entries", "entries"), ("messages", "messages"),
                             ("segments", "segments"), ("bytes", "bytesTotal")):
            if theirs in expected:
                same(f"verify {ours}", v[ours], expected[theirs])
        if "active_path_0_2_0" in expected:
            same("active path", entries(path, "--mode", "active"), expected["active_path_0_2_0"])
        if "tail_3" in expected:
            same("tail", entries(path, "-n", "3"), expected["tail_3"])

    def check_recover(self, folder, path):
        before = all_frames(folder)
        with open(path, "rb") as f:
            text = f.read()
        self.compare("recover", answer(ramet("recover", path))["state"])
        left = before - all_frames(folder)
        payloads = set(lines_of(path))
        for frame in left:
            if check_sidecar.payload_of(frame + b"\n") not in payloads:
                raise Failure(f"a frame is lost: {frame[:120]!r}")
        done = answer(ramet("recover", path, "--migrate"))
        same("state after migrating", done["state"], "migrated")
        # what was there before keeps the modes of the checkout
        if "manifest.json" in os.listdir(os.path.join(folder, "session.v2")):
            same("checker", check_sidecar.check(path), [])
        same("full after all", entries(path, "--mode", "full"), [json.loads(x)["id"] for x in lines_of(path)])
        with open(path, "rb") as f:
            same("the JSONL", f.read(), text)
        again = answer(ramet("recover", path))
        same("recovering again changes", again["changed"], False)


def run_case(name, expected, differences, tmp):
    folder = os.path.join(tmp, os.path.basename(name))
    shutil.copytree(os.path.join(CASES, name), folder)
    Case(name, expected, differences).run(folder)


def refused(name, tmp, line):
    """A JSONL that cannot be migrated: nothing is left behind."""
    folder = os.path.join(tmp, name)
    shutil.copytree(os.path.join(CASES, name), folder)
    path = os.path.join(folder, "session.jsonl")
    before = set(os.listdir(folder))
    for args in (["create", path], ["create", path, "--dry-run"], ["recover", path, "--migrate"]):
        r = ramet(*args)
        same(f"{args[0]}: exit code", r.returncode, 3)
        if f":{line}: " not in r.stderr:
            raise Failure(f"{args[0]} names another line: {r.stderr}")
    same("left behind", set(os.listdir(folder)) - before, {"session.jsonl.lock"})


def create_anew(name, tmp):
    """Made from the JSONL alone, and read by the checker that shares nothing with the library."""
    folder = os.path.join(tmp, name + "-anew")
    os.mkdir(folder)
    path = os.path.join(folder, "session.jsonl")
    shutil.copy(os.path.join(CASES, name, "session.jsonl"), path)
    dry = answer(ramet("create", path, "--dry-run"))
    same("a dry run makes", os.listdir(folder), ["session.jsonl"])
    done = answer(ramet("create", path))
    same("dry run's entries", dry["entries"], done["entries"])
    same("checker", check_sidecar.check(path, modes=True), [])
    with open(os.path.join(CASES, name, "session.v2", "manifest.json"), encoding="utf-8") as f:
        golden = json.load(f)
    with open(os.path.join(folder, "session.v2", "manifest.json"), encoding="utf-8") as f:
        ours = json.load(f)
    same("chain hash", ours["integrity"]["chainHash"], golden["integrity"]["chainHash"])
    if name != "04-multi-segment":
        same("counters", ours["counters"], golden["counters"])
    rolled = answer(ramet("rollback", path))
    same("rolled back", (rolled["state"], rolled["removed"], rolled["movedAside"]), ("unmigrated", 1, 0))
    same("left", sorted(os.listdir(folder)), ["session.jsonl", "session.jsonl.lock"])


def checkpoints(tmp):
    folder = os.path.join(tmp, "checkpoints")
    shutil.copytree(os.path.join(CASES, "04-multi-segment"), folder)
    path = os.path.join(folder, "session.jsonl")
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as f:
        expected = json.load(f)["rollback_to_1"]
    same("next checkpoint", answer(ramet("checkpoint", path))["checkpoint"], 3)
    same("checker", check_sidecar.check(path), [])
    before = all_frames(folder)
    answer(ramet("rollback", path, "--to", "1"))
    v = answer(ramet("verify", path), codes=(1,))
    same("state", v["state"], "stale")
    same("after", (v["entries"], v["chainHash"]), (expected["entries"], expected["chainHash"]))
    same("checker", check_sidecar.check(path, fresh=False), [])
    same("all frames are still there", all_frames(folder), before)
    same("a stale one is not read", entries(path), NO)
    same("unknown checkpoint", ramet("rollback", path, "--to", "9").returncode, 3)
    done = answer(ramet("recover", path, "--migrate"))
    same("state", done["state"], "migrated")
    same("frames that are gone", before - all_frames(folder), set())
    same("checker", check_sidecar.check(path), [])


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    with open(os.path.join(CASES, "differences.json"), encoding="utf-8") as f:
        differences = json.load(f)
    tests = [(n, lambda t, n=n, e=e: run_case(n, e, differences, t)) for n, e in SOUND.items()]
    tests += [("06-damaged/" + n, lambda t, n=n, e=e: run_case("06-damaged/" + n, e, differences, t))
              for n, e in DAMAGED.items()]
    tests += [(n + " anew", lambda t, n=n: create_anew(n, t)) for n in SOUND if n != "02-g1-sidecar"]
    tests += [("07-jsonl-diagnostics", lambda t: refused("07-jsonl-diagnostics", t, 3)),
              ("08-duplicate-id", lambda t: refused("08-duplicate-id", t, 3)),
              ("checkpoints", checkpoints)]
    passed = failed = 0
    for name, test in tests:
        if names and not any(n in name for n in names):
            continue
        with tempfile.TemporaryDirectory() as tmp:
            try:
                test(tmp)
                passed += 1
                if "-v" in sys.argv:
                    print("ok", name)
            except (Failure, OSError, ValueError, KeyError) as e:
                failed += 1
                print(f"FAILED {name}: {type(e).__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

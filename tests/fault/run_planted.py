#!/usr/bin/env python3
"""The test of the tests: bugs planted into the library must be found.

    RAMET_BUILD=build RAMET_SOURCE=. tests/fault/run_planted.py [NAME...]

Each planted/NAME.patch begins with "# runner: NAMES", then a line that says what the bug is, then
a unified diff. Its old lines must stand in the source exactly once, wherever that is: a patch that
no longer fits is a failure. The changed files are compiled and linked in front of the built
library, with tests/fault/RUNNER_run.c and its parts; the quick form of each runner must then
fail, and without the change it must pass. "# slow" asks for the long form.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("RAMET_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("RAMET_BUILD") or os.path.join(ROOT, "build"))
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-O1", "-w"]
LIBRARIES = ["-Wl,--as-needed", "-lcrypto", "-lpthread", "-lm", "-ldl"]
SECONDS = 300


class Misfit(Exception):
    """A patch that does not fit the source any more."""


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(*command, **more):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=SECONDS, **more)


class Patch:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".patch")]
        head, self.files, old, new = [], {}, None, None
        for line in read(path).split("\n"):
            if line.startswith("#"):
                head.append(line[1:].strip())
            elif line.startswith("+++ b/"):
                hunks = self.files.setdefault(line[len("+++ b/"):], [])
            elif line.startswith("@@"):
                old, new = [], []
                hunks.append((old, new))
            elif old is not None and line[:1] in (" ", "-", "+"):
                if line[0] != "+":
                    old.append(line[1:])
                if line[0] != "-":
                    new.append(line[1:])
        found = [h for h in head if h.startswith("runner:")]
        if not found or not self.files:
            raise Misfit(f"{self.name}: no runner, or no change")
        self.runners = found[0][len("runner:"):].split()
        self.slow = "slow" in head
        self.about = next((h for h in head if not h.startswith("runner:") and h != "slow"), "")

    def apply(self, to):
        """Write the changed files below the directory `to`; their paths."""
        for path, hunks in self.files.items():
            text = read(os.path.join(ROOT, path))
            for old, new in hunks:
                was = "\n".join(old) + "\n"
                if text.count(was) != 1:
                    raise Misfit(f"{self.name}: {path} has not these lines once:\n{was}")
                text = text.replace(was, "\n".join(new) + "\n")
            os.makedirs(os.path.dirname(os.path.join(to, path)), exist_ok=True)
            with open(os.path.join(to, path), "w", encoding="utf-8") as f:
                f.write(text)
        return list(self.files)


def includes(*first):
    return [f"-I{path}" for path in (*first, os.path.join(ROOT, "include"),
                                     os.path.join(ROOT, "src"))]


def compile_to(objects, sources, *first):
    """Compile sources into the directory; the objects' paths."""
    os.makedirs(objects, exist_ok=True)
    out = []
    for source in sources:
        out.append(os.path.join(objects, os.path.basename(source)[:-2] + ".o"))
        done = run("cc", *FLAGS, *includes(*first), "-c", source, "-o", out[-1])
        if done.returncode:
            raise Misfit(f"{source} cannot be compiled:\n{done.stdout}")
    return out


def program(to, objects):
    done = run("cc", *objects, os.path.join(BUILD, "libramet.a"), *LIBRARIES, "-o", to)
    if done.returncode:
        raise Misfit(f"{to} cannot be linked:\n{done.stdout}")
    return to


def runner_objects(scratch, runner):
    sources = sorted(glob.glob(os.path.join(HERE, f"{runner}_*.c")))
    if os.path.join(HERE, f"{runner}_run.c") not in sources:
        raise Misfit(f"there is no {runner}_run.c")
    return compile_to(os.path.join(scratch, runner), sources)


def verdict(path, slow=False):
    """Did the runner pass?"""
    try:
        done = run(path, "long" if slow else "quick")
    except subprocess.TimeoutExpired:
        raise Misfit(f"{os.path.basename(path)} did not end")
    if done.returncode not in (0, 1):
        raise Misfit(f"{os.path.basename(path)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.returncode == 0, done.stdout


def try_control(scratch, runner, objects):
    try:
        passed, output = verdict(program(os.path.join(scratch, f"{runner}_sound"), objects))
    except Misfit as why:
        passed, output = False, str(why)
    return passed, f"{runner}: passes without a change", output[-3000:]


def try_patch(scratch, patch, objects):
    where = os.path.join(scratch, "patch", patch.name)
    try:
        files = patch.apply(where)
        changed = compile_to(os.path.join(where, "objects"),
                             [os.path.join(where, f) for f in files if f.endswith(".c")],
                             os.path.join(where, "src"))
        missed = [runner for runner in patch.runners if verdict(program(
            os.path.join(where, runner), changed + objects[runner]), patch.slow)[0]]
    except Misfit as why:
        return False, patch.name, str(why)
    return not missed, f"{patch.name}: {patch.about}", f"not found by {' '.join(missed)}"


def main():
    cache = os.path.join(BUILD, "CMakeCache.txt")
    cache = read(cache) if os.path.exists(cache) else ""
    if os.environ.get("RAMET_SANITIZE") or re.search(r"^RAMET_COVERAGE:\w+=(ON|1)", cache, re.M):
        print("bugs are planted into a plain build only")
        return 77
    asked = [name for name in sys.argv[1:] if name not in ("quick", "long", "soak")]
    patches = [Patch(path) for path in sorted(glob.glob(os.path.join(HERE, "planted", "*.patch")))
               if not asked or os.path.basename(path)[:-len(".patch")] in asked]
    results = []
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        runners = sorted({runner for patch in patches for runner in patch.runners})
        objects = dict(zip(runners, pool.map(lambda r: runner_objects(scratch, r), runners)))
        jobs = [pool.submit(try_control, scratch, r, objects[r]) for r in runners]
        jobs += [pool.submit(try_patch, scratch, p, objects) for p in patches]
        for job in jobs:
            ok, what, output = job.result()
            results.append(ok)
            print(f"{'ok  ' if ok else 'FAIL'} {what}", flush=True)
            if not ok:
                print("     | " + output.strip().replace("\n", "\n     | "))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Misfit as problem:
        print(problem)
        print("0 passed, 1 failed")
        sys.exit(1)

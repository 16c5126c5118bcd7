#!/usr/bin/env python3
"""Everything that must hold, in one run; the last line is "N passed, N failed".

Steps: build with gcc and with clang, warnings being errors; all tests (unit, fuzz corpus, header,
house, golden, cli) of the gcc build; the same tests but the house's and the headers' under the
address and undefined behaviour sanitizers; installation into a scratch directory; a short
comparison with the live peer.
A build counts as one; a test program counts as the cases it reports.

    tools/check.py [--jobs N] [--only asan|tsan|coverage]      tests of that preset alone
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed\s*$", re.MULTILINE)
CMOCKA_PASSED = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)", re.MULTILINE)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (\d+) test\(s\)", re.MULTILINE)
INTEROP_ROUNDS = 30
# What says nothing new in a second build of the same sources.
ONCE = "^(header|house)$"


def counts_of(output, ok):
    """Cases passed and failed that a test program reports; a silent one counts as a single case."""
    found = COUNTS.findall(output)
    if found:
        passed, failed = (int(n) for n in found[-1])
    else:
        passed = sum(int(n) for n in CMOCKA_PASSED.findall(output))
        failed = sum(int(n) for n in CMOCKA_FAILED.findall(output))
        if passed + failed == 0:
            passed = 1 if ok else 0
    if not ok and failed == 0:
        failed = 1
    return passed, failed


class Check:
    def __init__(self, jobs):
        self.jobs = jobs
        self.passed = self.failed = 0
        self.skipped = []
        # An outer make's job server is not for the builds in here.
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(self, *command, **more):
        return subprocess.run(command, cwd=ROOT, env={**self.env, **more.pop("extra_env", {})},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", **more)

    def count(self, what, passed, failed, seconds, output="", lines=slice(-60, None)):
        self.passed += passed
        self.failed += failed
        mark = "ok  " if failed == 0 else "FAIL"
        print(f"{mark} {what:<34} {passed:>6} of {passed + failed:<6} {seconds:6.1f} s", flush=True)
        if failed:
            for line in output.strip().split("\n")[lines]:
                print("     | " + line)
            sys.stdout.flush()

    def skip(self, what, why):
        self.skipped.append(what)
        print(f"skip {what:<34} {why}", flush=True)

    def build(self, preset):
        """Configure and build a preset, as much of it as can be; is there anything to test?"""
        start = time.monotonic()
        done = self.run("cmake", "--preset", preset)
        if done.returncode == 0:
            done = self.run("cmake", "--build", "--preset", preset, "-j", str(self.jobs),
                            "--", "-k")
        # The compilers' words, not the list of files.
        output = "\n".join(line for line in done.stdout.split("\n")
                           if not re.match(r"\[ *\d+%\]|-- |g?make(\[\d+\])?:", line))
        ok = done.returncode == 0
        self.count(f"build {preset}", int(ok), int(not ok), time.monotonic() - start, output,
                   slice(0, 60))
        return ok or os.path.exists(os.path.join(ROOT, "build", preset, "libramet.a"))

    def test(self, preset, *selection):
        """Run ctest in a preset's build; one line per label, the output of what failed."""
        report = os.path.join(ROOT, "build", preset, "tests.xml")
        if os.path.exists(report):
            os.unlink(report)
        done = self.run("ctest", "--test-dir", os.path.join("build", preset), "-j", str(self.jobs),
                        "--output-junit", report, "--test-output-size-passed", "1000000",
                        "--test-output-size-failed", "1000000", *selection)
        if not os.path.exists(report):
            self.count(f"{preset}: tests", 0, 1, 0, done.stdout)
            return
        labels = {}
        for case in xml.parse(report).getroot().iter("testcase"):
            self.add_case(preset, labels, case)
        for label in sorted(labels):
            self.count(f"{preset}: {label}", *labels[label])
        if not labels:
            self.count(f"{preset}: tests", 0, 1, 0, "no tests found")

    def add_case(self, preset, labels, case):
        name = case.get("name")
        status = case.get("status")
        output = case.findtext("system-out") or ""
        left_out = case.find("skipped")
        if left_out is not None and "SKIP_RETURN_CODE" in (left_out.get("message") or ""):
            reason = [line for line in output.strip().split("\n") if line]
            self.skip(f"{preset}: {name}", reason[-1] if reason else "not run")
            return
        ok = status == "run"
        passed, failed = counts_of(output, ok)
        total = labels.setdefault(name.split(".")[0], [0, 0, 0.0, ""])
        total[0] += passed
        total[1] += failed
        total[2] += float(case.get("time") or 0)
        if failed:
            tail = "\n".join(output.strip().split("\n")[-30:])
            total[3] += f"--- {name}\n{tail}\n"

    def install(self, preset):
        """The installed library is found through pkg-config and a program runs with it."""
        start = time.monotonic()
        place = os.path.join(ROOT, "build", preset, "installed")
        shutil.rmtree(place, ignore_errors=True)
        done = self.run("sh", "tests/house/install.sh", os.path.join("build", preset), place)
        passed, failed = counts_of(done.stdout, done.returncode == 0)
        self.count("install", passed, failed, time.monotonic() - start, done.stdout)

    def interop(self, build, rounds):
        start = time.monotonic()
        done = self.run("python3", "tools/interop.py", "--build", build, "--rounds", str(rounds))
        if done.returncode == 77:
            self.skip("interop", done.stdout.strip().split("\n")[-1])
            return
        passed, failed = counts_of(done.stdout, done.returncode == 0)
        self.count("interop", passed, failed, time.monotonic() - start, done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=["asan", "tsan", "coverage"])
    args = parser.parse_args()
    check = Check(max(1, args.jobs))
    start = time.monotonic()

    if args.only:
        if check.build(args.only):
            check.test(args.only, "-LE", ONCE)
    else:
        if check.build("gcc"):
            check.test("gcc")
            check.install("gcc")
            check.interop("build/gcc", INTEROP_ROUNDS)
        check.build("clang")
        if check.build("asan"):
            check.test("asan", "-LE", ONCE)
    if check.skipped:
        print(f"skipped: {', '.join(check.skipped)}")
    print(f"took {time.monotonic() - start:.0f} s")
    print(f"{check.passed} passed, {check.failed} failed", flush=True)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

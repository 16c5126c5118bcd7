#!/usr/bin/env python3
"""What an embedder does after `make install`: find ramet, build the examples, run them.

    tests/header/examples.py BUILD

Installs the build under a DESTDIR of its own. Builds every examples/*.c with what pkg-config says
(shared, static), as C++, and through the CMake package (both targets), runs them on directories
of their own and looks at what they print and leave. Ends with "N passed, N failed".
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
PREFIX = "/opt/ramet"
EXAMPLES = sorted(os.path.basename(p)[:-2] for p in glob.glob(os.path.join(ROOT, "examples", "*.c")))
INSTALLED = """include/ramet.h include/ramet/base.h include/ramet/store.h share/man/man1/ramet.1
    share/bash-completion/completions/ramet share/zsh/site-functions/_ramet
    share/fish/vendor_completions.d/ramet.fish share/doc/ramet/README.md
    share/doc/ramet/docs/guide/embed.md share/doc/ramet/docs/api/README.md
    share/doc/ramet/examples/append.c bin/ramet""".split()
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.16)
project(embedder C)
find_package(ramet {version} REQUIRED)
foreach(name {names})
	add_executable(${{name}}_shared {root}/examples/${{name}}.c)
	target_link_libraries(${{name}}_shared PRIVATE ramet::ramet)
	add_executable(${{name}}_static {root}/examples/${{name}}.c)
	target_link_libraries(${{name}}_static PRIVATE ramet::static)
endforeach()
find_package(Threads REQUIRED)
target_link_libraries(threads_shared PRIVATE Threads::Threads)
"""

passed = failed = 0


def check(what, trouble=""):
    """trouble: empty when all is well."""
    global passed, failed
    if trouble:
        failed += 1
        print(f"failed: {what}\n    " + str(trouble).strip().replace("\n", "\n    "))
    else:
        passed += 1
    return not trouble


def run(words, text="", **env):
    return subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True,
                          timeout=300, env={**os.environ, **env})


def trouble_of(done):
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}" if done.returncode else ""


class Installed:
    """A build installed under a DESTDIR: where it is, and how to compile with it."""

    def __init__(self, top):
        done = run(["cmake", "--install", BUILD, "--prefix", PREFIX], DESTDIR=top)
        check("install", trouble_of(done))
        self.prefix = top + PREFIX
        self.pc = glob.glob(f"{self.prefix}/**/ramet.pc", recursive=True)[0]
        self.libdir = os.path.dirname(os.path.dirname(self.pc))

    def pkg_config(self, *words):
        done = run(["pkg-config", *words, "ramet"], PKG_CONFIG_PATH=os.path.dirname(self.pc))
        check(f"pkg-config {' '.join(words)}", trouble_of(done))
        return done.stdout.split()

    def compile(self, what, folder, compiler, link):
        os.mkdir(folder)
        for name in EXAMPLES:
            threads = ["-pthread"] if name == "threads" else []
            check(f"{name}.c, {what}", trouble_of(
                run(compiler + WARNINGS + [f"{ROOT}/examples/{name}.c", "-x", "none", *link, *threads,
                                           "-o", f"{folder}/{name}"])))

    def check_files(self):
        for path in INSTALLED:
            check(path, "" if os.path.isfile(f"{self.prefix}/{path}") else "is not installed")
        done = run([f"{self.prefix}/bin/ramet", "--version"])
        check("the installed command runs", trouble_of(done))


# ---- what the examples do ----


def entries_of(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f][1:]


def sessions_in(folder):
    return glob.glob(f"{folder}/*.jsonl")


def try_append(run_example, home):
    """Two turns of one conversation; its file."""
    for turn in (1, 2):
        lines = run_example("append", "What is a ramet?", home).stdout.split("\n")
        roles = [m["role"] for m in json.loads(lines[2])]
        assert roles == ["user", "assistant"] * turn, roles
    (path,) = sessions_in(home)
    stored = [e["id"] for e in entries_of(path)]
    assert [line.split()[0] for line in lines[:2]] == stored[-2:], "printed ids are not the stored ones"
    return path


def try_context(run_example, path):
    lines = run_example("context", path).stdout.split("\n")
    assert [x.split(":")[0] for x in lines if x] == ["user", "assistant"] * 2, lines


def try_compact(run_example, path):
    told = run_example("compact", path).stdout
    assert told == "nothing to compact\n", told


def try_export(run_example, path):
    lines = [json.loads(line) for line in run_example("export", path).stdout.splitlines()]
    with open(path, encoding="utf-8") as f:
        ident = json.loads(f.readline())["id"]
    assert lines[0]["id"] == ident and len(lines) > 1, lines


def try_branch(run_example, path):
    entry = entries_of(path)[1]["id"]
    branches = json.loads(run_example("branch", path, entry, "it went nowhere", "second try").stdout)
    assert len(branches) == 2, branches
    summary, label = entries_of(path)[-2:]
    assert (summary["type"], summary["parentId"]) == ("branch_summary", entry), summary
    assert (label["targetId"], label["label"]) == (summary["id"], "second try"), label
    return summary["id"]


def try_fork(run_example, path, labelled, folder):
    said = dict(line.split(maxsplit=1) for line in
                run_example("fork", path, folder, "/home/ada/shop").stdout.strip().split("\n"))
    assert said["cwd"] == "/home/ada/shop" and said["parent"] == path, said
    assert os.path.dirname(said["path"]) == folder, said
    assert said["entries"] == str(len(entries_of(path))) and said["label"] == f"second try on {labelled}"
    assert entries_of(said["path"]) == entries_of(path), "the fork's entries differ"


def try_list(run_example, path, home):
    done = run_example("list", home, text="1\n")
    assert done.stdout.strip().split("\n")[-1] == path, done.stdout
    assert done.stderr.endswith("1 of 1\n"), done.stderr


def try_threads(run_example, folder):
    count, path = run_example("threads", folder).stdout.strip().split("\n")
    assert count == "4 threads, 200 entries", count
    entries = entries_of(path)
    assert len(entries) == 200 and len({e["id"] for e in entries}) == 200
    for before, entry in zip([None] + entries, entries):
        assert entry["parentId"] == (before and before["id"]), "not one chain"
    for question, answer in zip(entries[::2], entries[1::2]):
        assert question["message"]["content"] == answer["message"]["content"], "turns are mixed"


def try_autosave(run_example, folder):
    count, path = run_example("autosave", folder).stdout.strip().split("\n")
    assert count == "90 messages, fewer writes", count
    entries = entries_of(path)
    for before, entry in zip([None] + entries, entries):
        assert entry["parentId"] == (before and before["id"]), "not one chain"
    said = [(e["message"]["role"], e["message"]["content"]) for e in entries]
    turns = [[("user", f"turn {n}, step 0")] + [("assistant", f"turn {n}, step {i}") for i in range(8)]
             for n in range(10)]
    assert said == sum(turns, []), said


def try_failures(run_example):
    for name, words in (("context", ["/nowhere"]), ("branch", ["/nowhere", "a", "b", "c"]),
                        ("fork", ["/nowhere", "/tmp", "/"]), ("list", ["/nowhere"]),
                        ("compact", ["/nowhere"]), ("export", ["/nowhere"]),
                        ("append", ["x", "/dev/null/no"]), ("threads", ["/dev/null/no"]),
                        ("autosave", ["/dev/null/no"])):
        done = run_example(name, *words, status=1)
        last = done.stderr.rstrip("\n").split("\n")[-1]
        assert last.startswith(f"{name}: /"), f"{name} says {done.stderr}"


def scenario(what, program, work, **env):
    """All examples one after the other; program(name) is where one was built."""
    home, forks, shared, queued = (os.path.join(work, n) for n in ("sessions", "forks", "threads", "queued"))
    for folder in (work, home, forks, shared, queued):
        os.mkdir(folder)
    env["HOME"] = work

    def run_example(name, *words, text="", status=0):
        done = run([program(name), *words], text, **env)
        assert done.returncode == status, f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def step(name, fn, *args):
        try:
            answer = fn(run_example, *args)
            check(f"{name}, {what}")
            return answer
        except (AssertionError, ValueError, LookupError, OSError) as e:
            check(f"{name}, {what}", f"{type(e).__name__}: {e}")
            return None

    path = step("append", try_append, home)
    if path:
        step("context", try_context, path)
        step("compact", try_compact, path)
        step("export", try_export, path)
        labelled = step("branch", try_branch, path)
        step("fork", try_fork, path, labelled, forks)
        step("list", try_list, path, home)
    step("threads", try_threads, shared)
    step("autosave", try_autosave, queued)
    step("failures", try_failures)


def with_cmake(installed, work):
    with open(os.path.join(ROOT, "include/ramet/base.h"), encoding="utf-8") as f:
        version = re.search(r'RAMET_VERSION "(\d+)\.(\d+)', f.read())
    major, minor = int(version[1]), int(version[2])

    def configure(folder, wanted):
        os.makedirs(folder)
        with open(f"{folder}/CMakeLists.txt", "w", encoding="utf-8") as f:
            f.write(CMAKE_PROJECT.format(version=wanted, names=" ".join(EXAMPLES), root=ROOT))
        return run(["cmake", "-S", folder, "-B", f"{folder}/build", f"-DCMAKE_PREFIX_PATH={installed.prefix}"])

    built = f"{work}/project/build"
    check("find_package(ramet)", trouble_of(configure(f"{work}/project", f"{major}.{minor}")))
    check("build with the CMake package", trouble_of(run(["cmake", "--build", built])))
    refused = configure(f"{work}/other", f"{major}.{minor + 1}").returncode != 0
    check("another minor version is refused", "" if refused else "found all the same")
    for kind in ("shared", "static"):
        scenario(f"CMake {kind}", lambda name, kind=kind: f"{built}/{name}_{kind}", f"{work}/run-{kind}")


def main(top):
    installed = Installed(f"{top}/root")
    installed.check_files()
    flags = installed.pkg_config("--cflags")
    shared = installed.pkg_config("--libs")
    static = [w if w != "-lramet" else "-l:libramet.a" for w in installed.pkg_config("--libs", "--static")]
    for what, compiler, link in (("shared", ["cc", "-std=c99"], shared),
                                 ("static", ["cc", "-std=c99"], static),
                                 ("C++", ["c++", "-std=c++11", "-x", "c++", "-Wno-missing-field-initializers"],
                                  shared)):
        folder = f"{top}/bin-{what}"
        installed.compile(what, folder, compiler + flags, link)
        env = {} if what == "static" else {"LD_LIBRARY_PATH": installed.libdir}
        scenario(what, lambda name, folder=folder: f"{folder}/{name}", f"{top}/run-{what}", **env)
    with_cmake(installed, f"{top}/cmake")


if os.environ.get("RAMET_SANITIZE"):
    print("skipped: a sanitized library wants a sanitized program")
    sys.exit(77)
for variable in [v for v in os.environ if v.startswith("PI_CODING_AGENT")]:
    del os.environ[variable]
place = tempfile.mkdtemp(prefix="ramet-examples-")
try:
    main(place)
finally:
    shutil.rmtree(place)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

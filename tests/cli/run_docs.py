#!/usr/bin/env python3
"""What the documents show is what the command prints.

    RAMET_BIN=build/ramet RAMET_SOURCE=. RAMET_BUILD=build tests/cli/run_docs.py [-v]

Reads README.md, ARCHITECTURE.md and every docs/**/*.md:

- Blocks fenced as ```console hold commands and what they print. A line "$ ramet ..." is run in a
  directory with a copy of examples/, made anew for each document, without a shell, with standard
  error after standard output; the lines up to the next "$ " must be exactly what it prints. "<
  FILE" at its end is standard input. "$ ./NAME ..." runs examples/NAME.c, compiled here.
    ...     alone on a line stands for any number of lines, also none
    [..]    inside a line stands for any text
  Eight hex digits alone on a line stand for the id that is printed there, from then on in the
  whole document. An age in front of a row ("1mo", behind ● or ○ too) or at the end of a line in parentheses
  stands for any age, since it changes with the day.
- Blocks fenced as ```c are a part of an example in examples/, or a whole program that compiles.
- Links between files name files that exist.

Also: each command has a man page that says every option of its help, and no other; completions
know every command and option; shell syntax is right as far as the shells are installed. Ends with
"N passed, N failed". Python's library only.
"""

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.environ.get("RAMET_SOURCE") or os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.environ.get("RAMET_BUILD") or os.path.join(ROOT, "build"))
BIN = os.path.abspath(os.environ.get("RAMET_BIN") or os.path.join(BUILD, "ramet"))
CC = shlex.split(os.environ.get("CC", "cc"))
C_FLAGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(ROOT, "include")]
SANITIZED = bool(os.environ.get("RAMET_SANITIZE"))
VERBOSE = "-v" in sys.argv[1:]
TIME_LIMIT = 120

FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
AGE = r"(?:now|\+?\d+(?:mo|[ywdhm])|\+\d*…)"
AGES = [(re.compile(rf"^((?:[●○] )?) *{AGE}(?=  )"), r"\1 AGE"), (re.compile(rf"\({AGE}\)$"), "(AGE)")]
LONG_OPTION = re.compile(r"^  (?:-\w, |    )?\s*--([a-z-]+)", re.MULTILINE)
MAN_OPTION = re.compile(r"^\.It Fl (?:\w , )?(?:Fl )?-([a-z-]+)", re.MULTILINE)

NEW_ID = re.compile(r"[0-9a-f]{8}")

TMP = tempfile.mkdtemp(prefix="ramet-docs-")
passed = failed = 0


def check(what, trouble):
    """trouble: empty when all is well."""
    global passed, failed
    if trouble:
        failed += 1
        print(f"FAIL {what}\n" + "\n".join("     " + line for line in str(trouble).split("\n")))
    else:
        passed += 1
        if VERBOSE:
            print(f"ok   {what}")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def documents():
    found = ["README.md", "ARCHITECTURE.md"]
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(".md")]
    return sorted(found)


def fresh_work():
    """Where commands run, and their home: documents that write do not see each other."""
    for name in ("work", "home"):
        shutil.rmtree(os.path.join(TMP, name), ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(TMP, "work", "examples"))
    os.mkdir(os.path.join(TMP, "home"))


def run(words, given=os.devnull):
    """Exit status and all output, in a surrounding that is the same everywhere."""
    keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env.update(TZ="UTC", LC_ALL="C.UTF-8", HOME=os.path.join(TMP, "home"))
    work = os.path.join(TMP, "work")
    with open(os.path.join(work, given), "rb") as f:
        done = subprocess.run(words, cwd=work, env=env, stdin=f, capture_output=True,
                              timeout=TIME_LIMIT)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def compile_c(source, program):
    """What the compiler complains about; empty if nothing. Sanitized libraries are not linked."""
    command = CC + C_FLAGS + [source]
    if SANITIZED:
        command.append("-fsyntax-only")
    else:
        command += ["-o", program, "-L", BUILD, "-lramet", "-Wl,-rpath," + BUILD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    return done.stdout + done.stderr if done.returncode else ""


# ---- console blocks ----


def without_age(line):
    for pattern, text in AGES:
        line = pattern.sub(text, line)
    return line


def line_fits(wanted, line):
    parts = [re.escape(without_age(part)) for part in wanted.split("[..]")]
    return re.fullmatch(".*".join(parts), without_age(line)) is not None


def fits(wanted, lines):
    """Which prefixes of lines are matched by what is wanted so far; ends are numbers of lines."""
    ends = {0}
    for text in wanted:
        if text == "...":
            ends = set(range(min(ends), len(lines) + 1)) if ends else ends
        else:
            ends = {e + 1 for e in ends if e < len(lines) and line_fits(text, lines[e])}
    return len(lines) in ends


def steps_of(block):
    """(command, wanted lines) of a console block; text before the first command is an error."""
    steps = []
    for line in block.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps:
            steps[-1][1].append(line.rstrip())
        else:
            raise ValueError(f"a console block starts with no command: {line}")
    return steps


def with_ids(text, ids):
    return NEW_ID.sub(lambda found: ids.get(found[0], found[0]), text)


def learn_ids(wanted, lines, ids):
    """ids: what the document calls an id, to what it is now."""
    for name, ident in zip(wanted, lines):
        if NEW_ID.fullmatch(name) and NEW_ID.fullmatch(ident):
            ids.setdefault(name, ident)


def check_step(where, command, wanted, programs, ids):
    words = shlex.split(with_ids(command, ids), comments=True)
    given = words.pop() if "<" in words else os.devnull
    if words[-1] == "<":
        words.pop()
    what = f"{where}: {command}"
    if words[0].startswith("./"):
        if SANITIZED:
            return
        program = programs.get(words[0][2:])
        if not program:
            check(what, "no such example")
            return
        words[0] = program
    elif words[0] == "ramet":
        words[0] = BIN
    else:
        check(what, "only ramet and ./EXAMPLE can be shown in a console block")
        return
    _, text = run(words, given)
    learn_ids(wanted, text.split("\n"), ids)
    text = with_ids(text, {ident: name for name, ident in ids.items()})
    lines = [line.rstrip() for line in text.rstrip("\n").split("\n")] if text else []
    while wanted and not wanted[-1]:
        wanted.pop()
    while lines and not lines[-1]:
        lines.pop()
    trouble = ""
    if not fits(wanted, lines):
        trouble = "\n".join(difflib.unified_diff([without_age(w) for w in wanted],
                                                 [without_age(x) for x in lines],
                                                 "document", "command", lineterm="", n=1))
    check(what, trouble)


# ---- C, links ----


def compile_examples():
    programs = {}
    folder = os.path.join(ROOT, "examples")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".c")):
        program = os.path.join(TMP, name[:-2])
        check(f"examples/{name} compiles", compile_c(os.path.join(folder, name), program))
        if os.path.exists(program):
            programs[name[:-2]] = program
    return programs


def check_c(where, block, examples):
    if any(block.strip("\n") in text for text in examples):
        check(f"{where}: C from an example", "")
        return
    if "int main(" not in block:
        check(f"{where}: C", "neither a part of an example nor a whole program:\n" + block)
        return
    source = os.path.join(TMP, "block.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(block)
    check(f"{where}: C compiles", compile_c(source, os.path.join(TMP, "block")))


def check_links(name, text):
    broken = []
    for target in LINK.findall(FENCE.sub("", text)):
        path = target.split("#")[0]
        if path and "://" not in path:
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(name), path)):
                broken.append(target)
    check(f"{name}: links", "\n".join(broken))


def check_document(name, programs, examples):
    text = read(name)
    check_links(name, text)
    fresh_work()
    ids = {}
    for found in FENCE.finditer(text):
        where = f"{name}:{text.count(chr(10), 0, found.start()) + 1}"
        if found[1] == "c":
            check_c(where, found[2], examples)
        elif found[1] == "console":
            try:
                steps = steps_of(found[2])
            except ValueError as e:
                check(where, e)
                continue
            for command, wanted in steps:
                check_step(where, command, wanted, programs, ids)


# ---- man pages and completions ----


def commands():
    """Names from the overview, without help itself."""
    text = run([BIN, "--help"])[1].split("\nCommands\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in text.split("\n") if line.split()[0] != "help"]


def options(command):
    return set(LONG_OPTION.findall(run([BIN, command, "--help"] if command else [BIN, "--help"])[1]))


def check_man(page, wanted):
    path = os.path.join("docs", "man", page + ".1")
    if not os.path.exists(os.path.join(ROOT, path)):
        check(path, "is missing")
        return
    text = read(path)
    said = set(MAN_OPTION.findall(text))
    trouble = [f"--{o} is not in the page" for o in sorted(wanted - said)]
    trouble += [f"--{o} is no option" for o in sorted(said - wanted)]
    if not re.search(rf"^\.Dt {page.upper()} 1$", text, re.MULTILINE):
        trouble.append("the title is not the page's")
    if shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", os.path.join(ROOT, path)],
                              capture_output=True, text=True)
        trouble += [x for x in lint.stdout.split("\n") if x and "referenced manual not found" not in x]
    check(path, "\n".join(trouble))


def check_completions(names):
    for shell, path, dashes in (("bash", "ramet.bash", "--"), ("zsh", "_ramet", "--"),
                                ("fish", "ramet.fish", "-l ")):
        path = os.path.join("tools", "completions", path)
        text = read(path)
        words = set(re.findall(r"[\w-]+", text))
        trouble = [f"{n} is not completed" for n in names if n not in words]
        for name in names:
            trouble += [f"--{o} of {name} is not completed" for o in sorted(options(name))
                        if f"{dashes}{o}" not in text]
        check(f"{path} knows all words", "\n".join(sorted(set(trouble))))
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", os.path.join(ROOT, path)], capture_output=True, text=True)
            check(f"{path} is {shell}", done.stderr if done.returncode else "")


def completed(line):
    """What bash offers behind a line that ends where the cursor is."""
    words = line.split(" ")
    script = (f"source {shlex.quote(os.path.join(ROOT, 'tools/completions/ramet.bash'))}\n"
              f"COMP_WORDS=({' '.join(shlex.quote(w) for w in words)})\nCOMP_CWORD={len(words) - 1}\n"
              "_ramet\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    env = {"PATH": os.path.dirname(BIN) + ":" + os.environ.get("PATH", ""), "HOME": os.path.join(TMP, "home")}
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True)
    return done.stdout.split() + ([done.stderr] if done.stderr else [])


def check_bash_answers():
    for line, wanted in (("ramet cont", ["context"]), ("ramet context --pro", ["--projection"]),
                         ("ramet list --wi", ["--width"]), ("ramet --color al", ["always"]),
                         ("ramet help bra", ["branches", "branch"]),
                         ("ramet append --on-conflict b", ["branch"]), ("ramet fork --k", ["--keep"]), ("ramet tree @l", ["@last"]),
                         ("ramet list p", ["pi", "pirust"])):
        answer = completed(line)
        check(f"bash completes {line}", "" if answer == wanted else f"{answer}, wanted {wanted}")


def main():
    fresh_work()
    examples = [read("examples", n) for n in os.listdir(os.path.join(ROOT, "examples")) if n.endswith(".c")]
    programs = compile_examples()
    for name in documents():
        check_document(name, programs, examples)
    names = commands()
    check_man("ramet", options(None))
    for name in names:
        check_man("ramet-" + name, options(name))
    check_completions(names)
    check_bash_answers()


try:
    main()
finally:
    shutil.rmtree(TMP)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)

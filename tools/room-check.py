#!/usr/bin/env python3
"""Does every file stay in its room?

Checked in src/, include/ and examples/:
- includes: a room of the library sees itself and the rooms to its left; the faces (ui, cli) see
  ramet.h, ramet/*.h, base/* and themselves (cli also ui); public headers see public headers of
  rooms to their left; NAME_priv.h is for its own room; examples see public headers only;
- system calls: only base/env*.c makes them, so that tests can replace every one;
- conditional compilation: only base/env*.c, registry.c and *_x86.c, *_sse2.c, *_avx2.c and
  *_avx512.c may choose code by platform or feature; elsewhere the only #if is an include guard
  (and, in public headers, __cplusplus and __GNUC__).

    tools/room-check.py [ROOT]
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from c_source import FACES, ROOMS, blank, c_files, read, report  # noqa: E402

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
ANY_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b", re.MULTILINE)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b[ \t]*(.*)$", re.MULTILINE)
GUARD = re.compile(r"\A\s*#ifndef\s+(\w+)\n#define\s+\1\s*\n")
PLATFORM_FILE = re.compile(r"^src/(base/env\w*\.c|\w+/registry\.c|\w+/\w+_(x86|sse2|avx2|avx512)\.c)$")
PUBLIC_CONDITION = re.compile(r"^(__cplusplus|defined\s*\(?\s*(__cplusplus|__GNUC__)\s*\)?)$")

SYSTEM_CALLS = """
open openat openat2 creat close read pread readv write pwrite writev fsync fdatasync sync syncfs
sync_file_range ftruncate truncate fallocate posix_fallocate fstat stat lstat fstatat statx flock
lockf fcntl rename renameat renameat2 link linkat symlink unlink unlinkat remove mkdir mkdirat
mkdtemp mkstemp rmdir chmod fchmod chown fchown utimensat futimens readlink readlinkat realpath
opendir fdopendir readdir closedir scandir nftw access faccessat getcwd chdir mmap munmap mremap
copy_file_range sendfile fopen fdopen freopen tmpfile clock_gettime gettimeofday time
clock_nanosleep nanosleep usleep sleep getrandom getentropy getenv secure_getenv setenv
""".split()
CALL = re.compile(r"(?<![\w.>])(" + "|".join(SYSTEM_CALLS) + r")\s*\(")
SYSTEMS = ("pirust", "ggcode", "ckptmgr", "yoi")  # each has a public header of its own
ENV_FILE = re.compile(r"^src/base/env\w*\.c$")


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def left_of(room):
    """The rooms a library room may look at: itself and those to its left."""
    return ROOMS[: ROOMS.index(room) + 1]


def public_room(name):
    """ramet/<room>.h -> room; ramet/<room>_<part>.h too; what one system asks for is the store's."""
    match = re.fullmatch(r"ramet/([a-z]+)(?:_[a-z0-9_]+)?\.h", name)
    if not match:
        return None
    return "store" if match.group(1) in SYSTEMS else match.group(1)


def judge_public(seen_from, name):
    """A public header included from a library room (or from the public header of that room)."""
    if name == "ramet.h":
        return "ramet.h shows the rooms to the right too; include ramet/<room>.h"
    room = public_room(name)
    if room not in ROOMS:
        return f"{name} is not the public header of a room"
    if room not in left_of(seen_from):
        return f"{room} is to the right of {seen_from}"
    return None


def judge_internal(room, name):
    """An internal header ("room/name.h") included from src/<room>/."""
    target, _, rest = name.partition("/")
    if ".." in name.split("/") or not rest or target not in ROOMS + FACES:
        return f'write it as "room/name.h", not "{name}"'
    if name.endswith("_priv.h") and target != room:
        return f"{name} is private to {target}"
    if target == room:
        return None
    if room in FACES:
        if target == "base" or (room == "cli" and target == "ui"):
            return None
        return f"{room} may see ramet.h, base and itself, not {target}"
    if target not in left_of(room):
        return f"{target} is to the right of {room}"
    return None


def judge_include(path, quote, name):
    """What is wrong with this include, or None."""
    parts = path.split("/")
    is_public = name == "ramet.h" or name.startswith("ramet/")
    if parts[0] == "examples":
        if is_public or quote == "<":
            return None
        return f"examples use public headers only, not {name}"
    if parts[0] == "include":
        if quote == "<" and not is_public:
            return None
        if not is_public:
            return f"a public header cannot see {name}"
        if parts[1] == "ramet.h":
            return None if public_room(name) in ROOMS else f"{name} is not a room's header"
        room = public_room("/".join(parts[1:]))
        if room not in ROOMS:
            return f"{path} is not named after a room"
        return judge_public(room, name)
    room = parts[1]
    if room not in ROOMS + FACES or len(parts) < 3:
        return f"{path} is in no room"
    if is_public:
        return None if room in FACES else judge_public(room, name)
    if quote == "<":
        if name.split("/")[0] in ROOMS + FACES and name.count("/"):
            return f'write it as "{name}"'
        return None
    return judge_internal(room, name)


def check_includes(path, text):
    problems = []
    for match in INCLUDE.finditer(text):
        message = judge_include(path, match.group(1), match.group(2))
        if message:
            problems.append((path, line_of(text, match.start()), message))
    if len(ANY_INCLUDE.findall(text)) != len(INCLUDE.findall(text)):
        problems.append((path, 1, "an #include without a plain file name"))
    return problems


def check_system_calls(path, code):
    if ENV_FILE.match(path):
        return []
    problems = []
    for match in CALL.finditer(code):
        # The faces may start and feed a pager: closing its pipe is theirs to do.
        if match.group(1) == "close" and path.split("/")[1] in FACES:
            continue
        problems.append((path, line_of(code, match.start()),
                         f"{match.group(1)}() outside base/env: go through base/env.h"))
    return problems


def check_conditions(path, code):
    if PLATFORM_FILE.match(path):
        return []
    problems = []
    guard = GUARD.match(code.lstrip())
    for n, match in enumerate(CONDITION.finditer(code)):
        if n == 0 and guard and path.endswith(".h") and match.group(2).strip() == guard.group(1):
            continue
        if path.startswith("include/") and PUBLIC_CONDITION.match(match.group(2).strip()):
            continue
        problems.append((path, line_of(code, match.start()),
                         f"#{match.group(1)} {match.group(2).strip()}: code by platform or "
                         "feature belongs in base/env*.c, registry.c or *_x86.c"))
    if path.endswith(".h") and not guard:
        problems.append((path, 1, "no include guard at the top"))
    return problems


def check_tree(root):
    problems = []
    for path in c_files(root, "include", "src", "examples"):
        text = read(root, path)
        problems += check_includes(path, blank(text, strings=False))
        if path.startswith("src/"):
            problems += check_system_calls(path, blank(text))
        if not path.startswith("examples/"):
            problems += check_conditions(path, blank(text))
    return problems


if __name__ == "__main__":
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(report(check_tree(sys.argv[1] if len(sys.argv) > 1 else here), "rooms"))

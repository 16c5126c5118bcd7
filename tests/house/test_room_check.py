#!/usr/bin/env python3
"""The checkers of the house find what they are there to find.

Each case plants one offence in a small tree of its own and expects the checker to name the file
and the line; clean twins must pass. That this very tree is clean is a test beside this one.
"""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = "room-check.py"
BANNED = "banned-check.py"
GUARDED = "#ifndef X_H\n#define X_H\n{}\n#endif\n"


def header(text):
    return GUARDED.format(text)


# name, checker, path, text, what the checker must say (None: nothing)
CASES = [
    # includes of library rooms
    ("own room and left", ROOMS, "src/json/a.c",
     '#include "json/scan.h"\n#include "base/mem.h"\n#include "ramet/json.h"\n#include <string.h>\n',
     None),
    ("internal header to the right", ROOMS, "src/json/a.c", '#include "model/tree.h"\n',
     "src/json/a.c:1: model is to the right of json"),
    ("every step to the right", ROOMS, "src/base/a.c", '\n#include "json/scan.h"\n',
     "src/base/a.c:2: json is to the right of base"),
    ("codec sees store", ROOMS, "src/codec/a.h", header('#include "store/dir.h"'),
     "src/codec/a.h:3: store is to the right of codec"),
    ("store sees ops", ROOMS, "src/store/a.c", '#include "ops/verify.h"\n',
     "src/store/a.c:1: ops is to the right of store"),
    ("library sees a face", ROOMS, "src/ops/a.c", '#include "cli/cmd.h"\n',
     "src/ops/a.c:1: cli is to the right of ops"),
    ("public header to the right", ROOMS, "src/model/a.c", "#include <ramet/store.h>\n",
     "src/model/a.c:1: store is to the right of model"),
    ("umbrella inside the library", ROOMS, "src/ops/a.c", '#include "ramet.h"\n',
     "src/ops/a.c:1: ramet.h shows"),
    ("private header of another room", ROOMS, "src/model/a.c", '#include "json/tape_priv.h"\n',
     "src/model/a.c:1: json/tape_priv.h is private to json"),
    ("private header of the own room", ROOMS, "src/json/a.c", '#include "json/tape_priv.h"\n', None),
    ("relative include", ROOMS, "src/json/a.c", '#include "../model/tree.h"\n',
     "src/json/a.c:1: write it as"),
    ("include without room", ROOMS, "src/json/a.c", '#include "scan.h"\n',
     "src/json/a.c:1: write it as"),
    ("internal header in angle brackets", ROOMS, "src/base/a.c", "#include <model/tree.h>\n",
     "src/base/a.c:1: write it as"),
    ("spaces and tabs hide nothing", ROOMS, "src/base/a.c", '\t# \tinclude\t"json/scan.h"\n',
     "src/base/a.c:1: json is to the right"),
    ("include through a macro", ROOMS, "src/base/a.c", "#include WHAT\n", "without a plain file name"),
    ("include in a comment", ROOMS, "src/base/a.c", '/*\n#include "json/scan.h"\n*/\n', None),
    ("a file in no room", ROOMS, "src/attic/a.c", '#include "base/mem.h"\n', "is in no room"),
    # faces
    ("face sees public and base", ROOMS, "src/cli/a.c",
     '#include "ramet.h"\n#include <ramet/ops.h>\n#include "base/file.h"\n#include "cli/cmd.h"\n',
     None),
    ("cli starts ui", ROOMS, "src/cli/a.c", '#include "ui/tui.h"\n', None),
    ("ui sees cli", ROOMS, "src/ui/a.c", '#include "cli/cmd.h"\n',
     "src/ui/a.c:1: ui may see"),
    ("cli sees model", ROOMS, "src/cli/a.c", '#include "model/tree.h"\n',
     "src/cli/a.c:1: cli may see"),
    ("cli sees json", ROOMS, "src/cli/a.c", '#include "json/scan.h"\n',
     "src/cli/a.c:1: cli may see"),
    ("cli sees what is private to base", ROOMS, "src/cli/a.c", '#include "base/env_priv.h"\n',
     "src/cli/a.c:1: base/env_priv.h is private"),
    # public headers and examples
    ("public header to the left", ROOMS, "include/ramet/model.h",
     header("#include <ramet/json.h>"), None),
    ("public header to the right ", ROOMS, "include/ramet/json.h",
     header("#include <ramet/model.h>"), "include/ramet/json.h:3: model is to the right of json"),
    ("public header with internals", ROOMS, "include/ramet/json.h",
     header('#include "json/scan.h"'), "include/ramet/json.h:3: a public header cannot see"),
    ("public header of no room", ROOMS, "include/ramet/extra.h", header("#include <ramet/base.h>"),
     "is not named after a room"),
    ("example with internals", ROOMS, "examples/a.c", '#include "base/mem.h"\n',
     "examples/a.c:1: examples use public headers only"),
    # system calls
    ("open outside env", ROOMS, "src/store/a.c", "int f(void)\n{\n\treturn open(p, 0);\n}\n",
     "src/store/a.c:3: open() outside base/env"),
    ("fsync in base", ROOMS, "src/base/file.c", "int f(void)\n{\n\treturn fsync (1);\n}\n",
     "src/base/file.c:3: fsync() outside base/env"),
    ("fopen in cli", ROOMS, "src/cli/a.c", "FILE *f = fopen(p, m);\n",
     "src/cli/a.c:1: fopen() outside base/env"),
    ("clock in model", ROOMS, "src/model/a.c", "long t = time(NULL);\n",
     "src/model/a.c:1: time() outside base/env"),
    ("open in env_posix", ROOMS, "src/base/env_posix.c", "int fd = open(p, 0);\n", None),
    ("through the table", ROOMS, "src/base/file.c",
     "int fd = env->open(env->user, p, 0, 0);\nint r = e.read (x);\n/* open(p) */\n"
     'const char *s = "write(2)";\nint n = rameti_file_open(f);\n', None),
    # conditional compilation
    ("#ifdef by platform", ROOMS, "src/json/scan.c", "\n#ifdef __x86_64__\n#endif\n",
     "src/json/scan.c:2: #ifdef __x86_64__"),
    ("#if by feature", ROOMS, "src/cli/a.c", "# if defined(HAVE_X)\n#endif\n",
     "src/cli/a.c:1: #if defined(HAVE_X)"),
    ("#if where it may be", ROOMS, "src/json/scan_x86.c", "#ifdef __x86_64__\n#endif\n", None),
    ("#if in a registry", ROOMS, "src/store/registry.c", "#if RAMET_WITH_SQLITE\n#endif\n", None),
    ("guard and C++ in a public header", ROOMS, "include/ramet/base.h",
     header("#if defined(__GNUC__)\n#endif\n#ifdef __cplusplus\n#endif"), None),
    ("platform in a public header", ROOMS, "include/ramet/base.h",
     header("#ifdef _WIN32\n#endif"), "include/ramet/base.h:3: #ifdef _WIN32"),
    ("header without guard", ROOMS, "src/base/a.h", "int x;\n", "no include guard"),
    # banned functions and text
    ("strcpy", BANNED, "src/cli/a.c", "\n\tstrcpy(a, b);\n", "src/cli/a.c:2: strcpy() is banned"),
    ("malloc in base", BANNED, "src/base/a.c", "p = malloc(1);\n", "malloc() is banned"),
    ("free outside base", BANNED, "src/json/a.c", "free(p);\n", "free(): use ramet_alloc"),
    ("realloc inside base", BANNED, "src/base/a.c", "p = realloc(p, 1);\n", None),
    ("names that only look alike", BANNED, "src/cli/a.c",
     "ramet_free(p);\nsnprintf(b, 1, f);\nlocaltime_r(a, b);\na->free(u, p);\n"
     '/* malloc(1) */\nputs("system(1)");\n', None),
    ("a long line", BANNED, "src/cli/a.c", "/* " + "x" * 100 + " */\n", "columns, 100 fit"),
    ("tabs count eight", BANNED, "src/cli/a.c", "\t" * 12 + "int x;\n", "columns, 100 fit"),
    ("// comment", BANNED, "src/cli/a.c", "int x; // no\n", "// comment"),
    ("// in a string", BANNED, "src/cli/a.c", 'const char *s = "postgres://x //";\n', None),
    ("space at the end", BANNED, "src/cli/a.c", "int x; \n", "white space at the end"),
    ("no last newline", BANNED, "tests/unit/base/test_a.c", "int x;", "no newline at the end"),
    ("a long file", BANNED, "src/cli/a.c", "int x;\n" * 601, "601 lines"),
    ("a name twice", BANNED, "bench/a.py", "def a():\n    pass\n\n\ndef a(b):\n    pass\n",
     "bench/a.py:5: a is in line 1 already"),
    ("a name in two classes", BANNED, "tests/a.py",
     "class A:\n    def a(self):\n        pass\n\n\nclass B:\n    def a(self):\n        pass\n", None),
]


def run(checker, root):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", checker), root],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def planted(checker, path, text, expected):
    """What is wrong with the checker's answer to this file, or None."""
    with tempfile.TemporaryDirectory() as root:
        where = os.path.join(root, path)
        os.makedirs(os.path.dirname(where))
        with open(where, "w", encoding="utf-8") as f:
            f.write(text)
        status, output = run(checker, root)
    if expected is None:
        return None if status == 0 else f"should pass, said:\n{output}"
    if status == 1 and expected in output:
        return None
    return f"should say {expected!r}, exit status {status}, said:\n{output}"


def main():
    passed = failed = 0
    for name, checker, path, text, expected in CASES:
        trouble = planted(checker, path, text, expected)
        if trouble:
            print(f"FAIL {checker}: {name}: {trouble}")
            failed += 1
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/bin/sh
# Every public header compiles alone, twice in a row, as C99 and as C++11, with every compiler here.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0
failed=0

# try COMPILER LANGUAGE STANDARD HEADER
try() {
	text="#include \"$4\"
#include \"$4\"
int ramet_header_used;
"
	if printf '%s' "$text" | "$1" -x "$2" "-std=$3" -pedantic -Wall -Wextra -Werror \
		-fsyntax-only -Iinclude -; then
		passed=$((passed + 1))
	else
		echo "$4 does not compile alone with $1 -std=$3"
		failed=$((failed + 1))
	fi
}

for header in $(cd include && find . -name '*.h' | sed 's|^\./||' | sort); do
	for compiler in gcc clang; do
		command -v "$compiler" >/dev/null && try "$compiler" c c99 "$header"
	done
	for compiler in g++ clang++; do
		command -v "$compiler" >/dev/null && try "$compiler" c++ c++11 "$header"
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

#!/bin/sh
# A C99 and a C++11 program that know nothing but the public headers link with the shared library
# and with the static one, and run. Argument: the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
case ${RAMET_SANITIZE:-} in
?*)	echo "skipped: a sanitized library wants a sanitized program"
	exit 77 ;;
esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

cat >"$work/use.c" <<'END'
#include <ramet/base.h>
#include <string.h>
int main(void)
{
	return strcmp(ramet_version(), RAMET_VERSION) == 0 ? 0 : 1;
}
END
cp "$work/use.c" "$work/use.cc"

# try WHAT COMPILER ARGUMENTS...
try() {
	what=$1
	shift
	if "$@" -pedantic -Wall -Wextra -Werror -Iinclude -o "$work/use" &&
		LD_LIBRARY_PATH=$build "$work/use"; then
		passed=$((passed + 1))
	else
		echo "failed: $what"
		failed=$((failed + 1))
	fi
}

cover=
grep -q '^RAMET_COVERAGE:BOOL=ON' "$build/CMakeCache.txt" && cover=--coverage
try "C99, shared" gcc -std=c99 $cover "$work/use.c" "-L$build" -lramet
try "C++11, shared" g++ -std=c++11 $cover "$work/use.cc" "-L$build" -lramet
try "C99, static" gcc -std=c99 $cover "$work/use.c" "$build/libramet.a" -lcrypto -pthread -ldl -lm
try "C++11, static" g++ -std=c++11 $cover "$work/use.cc" "$build/libramet.a" -lcrypto -pthread -ldl -lm
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

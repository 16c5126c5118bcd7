#!/bin/sh
# Install a build into a scratch prefix; the command runs from there, and a program that asks
# pkg-config for its flags builds and runs with the shared and with the static library.
# Arguments: the build directory, the prefix (absolute).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
prefix=$2
passed=0
failed=0

try() {
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "failed: $what"
		failed=$((failed + 1))
	fi
}

cmake --install "$build" --prefix "$prefix" >/dev/null || exit 1
pc=$(find "$prefix" -name ramet.pc)
libdir=$(dirname "$(dirname "$pc")")
flags() {
	PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config "$@" ramet
}

cat >"$prefix/use.c" <<'END'
#include <ramet/base.h>
#include <string.h>
int main(void)
{
	return strcmp(ramet_version(), RAMET_VERSION) == 0 ? 0 : 1;
}
END
# shellcheck disable=SC2046
build_and_run() {
	cc -o "$prefix/use" "$prefix/use.c" $(flags --cflags) "$@" &&
		LD_LIBRARY_PATH=$libdir "$prefix/use"
}

try "pkg-config knows the version" [ "$(flags --modversion)" = \
	"$(sed -n 's/.*RAMET_VERSION "\(.*\)"/\1/p' include/ramet/base.h)" ]
try "a program with the shared library" build_and_run $(flags --libs)
try "a program with the static library" build_and_run "$libdir/libramet.a" \
	$(flags --libs --static | sed 's/-lramet//')
if [ -e "$build/ramet" ]; then
	try "the installed command runs" "$prefix/bin/ramet" --version
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

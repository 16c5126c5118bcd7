#!/bin/bash
# Install the Debian packages that a make target needs and that are missing.
#
#     tools/need.sh SET...           sets: build check fuzz peer bench
#
# Prints nothing when nothing is missing. Otherwise says what it installs and why, and uses
# apt-get, as root or through sudo; without either it names the packages and fails.
set -u

# One line per need: SET, how to see that it is there, PACKAGE, why. The probe is cmd:NAME,
# header:FILE or sanitizers (clang can link with its run-time libraries).
needs='
build cmd:gcc              gcc              the C compiler
build header:stdio.h       libc6-dev        headers of the C library
build cmd:make             make             cmake and the Makefile run it
build cmd:cmake            cmake            describes the build
build cmd:pkg-config       pkg-config       finds libraries
build header:openssl/evp.h libssl-dev       SHA-256 and signatures (libcrypto)
build header:sqlite3.h     libsqlite3-dev   databases with sessions in them (SQLite 3)
check cmd:clang            clang            second compiler, sanitizers
check sanitizers           libclang-rt-dev  run-time libraries of the sanitizers
check header:cmocka.h      libcmocka-dev    unit tests
check cmd:python3          python3          test runners and house checks
check file:/usr/share/zoneinfo/America/New_York tzdata  times with a zone
check cmd:g++              g++              public headers compile as C++
check cmd:nm               binutils         symbol check
check cmd:sqlite3          sqlite3          reads our databases, and writes some for us to read
fuzz  cmd:clang            clang            libFuzzer and sanitizers
fuzz  sanitizers           libclang-rt-dev  run-time libraries of the sanitizers
bench cmd:python3          python3          drives the benchmarks
peer  cmd:python3          python3          drives the interop tests
peer  cmd:npm              npm              the live peer comes from npm
peer  cmd:node             nodejs           npm runs on it
'

present() {
	case $1 in
	cmd:*)
		command -v "${1#cmd:}" >/dev/null ;;
	file:*) [ -e "${1#file:}" ] ;;
	header:*)
		echo "#include <${1#header:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
	sanitizers)
		echo 'int main(void) { return 0; }' |
			clang -fsanitize=address,undefined -x c -o /dev/null - 2>/dev/null ;;
	esac
}

# The run-time libraries carry clang's major version in their name where clang is there already.
package_name() {
	local major
	if [ "$1" = libclang-rt-dev ] && command -v clang >/dev/null; then
		major=$(clang -dumpversion | cut -d. -f1)
		echo "libclang-rt-$major-dev"
	else
		echo "$1"
	fi
}

packages=()
reasons=()
while read -r set probe package why; do
	[ -n "$set" ] || continue
	[[ " $* " == *" $set "* ]] || continue
	present "$probe" && continue
	package=$(package_name "$package")
	[[ " ${packages[*]-} " == *" $package "* ]] && continue
	packages+=("$package")
	reasons+=("$(printf '  %-22s %s' "$package" "$why")")
done <<<"$needs"
[ ${#packages[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing, and there is no apt-get to install them: ${packages[*]}" >&2
	exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
	as_root=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root=(sudo -n env)
elif command -v sudo >/dev/null && [ -t 0 ]; then
	as_root=(sudo env)
else
	echo "missing, please install as root: apt-get install ${packages[*]}" >&2
	exit 1
fi

echo "installing ${#packages[@]} Debian package(s):"
printf '%s\n' "${reasons[@]}"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
apt() {
	"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
		>>"$log" 2>&1
}
apt update || echo "apt-get update failed; trying with the lists that are there" >&2
if ! apt install -y --no-install-recommends "${packages[@]}"; then
	tail -n 15 "$log" >&2
	echo "could not install: ${packages[*]}" >&2
	exit 1
fi
echo "installed."

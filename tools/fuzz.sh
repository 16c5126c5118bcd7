#!/bin/bash
# Run every fuzz target for some seconds, stop at the first finding.
#
#     tools/fuzz.sh BUILD SECONDS [NAME...]       names without "fuzz_"; default: all
#
# Inputs come from tests/fuzz/corpus/NAME and from earlier runs (BUILD/corpus/NAME, where new ones
# are kept); a finding is left in BUILD/found. tests/fuzz/NAME.dict is used where there is one.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
seconds=$2
shift 2

if [ $# -eq 0 ]; then
	for target in "$build"/tests/fuzz/fuzz_*; do
		[ -x "$target" ] && [ -f "$target" ] && set -- "$@" "${target##*/fuzz_}"
	done
fi
if [ $# -eq 0 ]; then
	echo "no fuzz targets in $build/tests/fuzz"
	exit 1
fi

mkdir -p "$build/found"
export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
n=0
for name in "$@"; do
	mkdir -p "$build/corpus/$name"
	inputs=("$build/corpus/$name")
	[ -d "tests/fuzz/corpus/$name" ] && inputs+=("tests/fuzz/corpus/$name")
	options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
		-artifact_prefix="$build/found/$name-")
	[ -f "tests/fuzz/$name.dict" ] && options+=(-dict="tests/fuzz/$name.dict")
	log=$build/found/$name.log
	if "$build/tests/fuzz/fuzz_$name" "${options[@]}" "${inputs[@]}" >"$log" 2>&1; then
		printf 'ok   %-16s %12s runs, %6s inputs kept\n' "$name" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
			"$(find "$build/corpus/$name" -type f | wc -l)"
		n=$((n + 1))
	else
		tail -n 60 "$log"
		echo "FAIL $name: see $log and $build/found/$name-*"
		exit 1
	fi
done
echo "$n targets, ${seconds} s each, no finding"

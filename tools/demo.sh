#!/bin/sh
# A walk through real sessions: the user's own if there are any, else the samples in examples/.
# Only reads. Called by `make demo`, which has built the command before.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
ramet=${RAMET_BIN:-$root/build/ramet}
lines=${DEMO_LINES:-14}
samples=examples/sessions
cd "$root"

bold= dim= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

say() {
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# Show a command as typed, then its first lines.
try() {
	printf '%s$ ramet %s%s\n' "$dim" "$*" "$plain"
	"$ramet" "$@" --no-pager >"$out" 2>&1 || { cat "$out"; exit 1; }
	head -n "$lines" "$out"
	rest=$(($(wc -l <"$out") - lines))
	if [ "$rest" -gt 0 ]; then
		printf '%s... %s more lines%s\n' "$dim" "$rest" "$plain"
	fi
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT

store=pi
if [ -z "$("$ramet" list pi --json 2>/dev/null | head -c 1)" ]; then
	store=$samples
	say "No pi sessions in your home directory, so here are the samples in examples/sessions."
else
	say "These are your own pi sessions. Nothing is changed."
fi

say "1. What is there"
try list "$store" -n 10
session=$("$ramet" list "$store" --json | sed -n '1s/^{"path":"\([^"]*\)".*/\1/p')
if [ "$store" != pi ]; then
	session=$(ls "$samples"/*/*shop-cart.jsonl)
fi

say "2. One session"
try info "$session"

say "3. The session as a tree"
lines=40
try tree "$session"

say "4. What the model would see at its leaf"
lines=14
try context "$session"

say "5. The same for programs"
printf '%s$ ramet context %s --json | head -c 300%s\n' "$dim" "$session" "$plain"
"$ramet" context "$session" --json >"$out"
head -c 300 "$out"
printf ' ...\n'

say "6. What it cost"
try stats "$session"

say "7. A session whose last line was cut off: named, and nothing else is lost"
try info "$(ls "$samples"/*/*notes-search.jsonl)"

cat <<END

Try next:
  build/ramet list                      every session in your home directory
  build/ramet tree SESSION --all        nothing folded
  build/ramet path SESSION --leaf ID    from the root to any entry
  build/ramet help                      all commands
  docs/guide/look-at-my-sessions.md     the guide
END

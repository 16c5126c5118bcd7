#!/bin/sh
# A walk through real sessions: the user's own if there are any, else the samples in examples/.
# Those are only read; what is written goes into a directory of its own, which is removed at the
# end. Called by `make demo`, which has built the command before.
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

# The words of a command as one would type them.
typed() {
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./@=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
}

# Show a command as typed, then its first lines.
try() {
	printf '%s$ ramet%s%s\n' "$dim" "$(typed "$@")" "$plain"
	"$ramet" "$@" --no-pager >"$out" 2>&1 || { cat "$out"; exit 1; }
	head -n "$lines" "$out"
	rest=$(($(wc -l <"$out") - lines))
	if [ "$rest" -gt 0 ]; then
		printf '%s... %s more lines%s\n' "$dim" "$rest" "$plain"
	fi
}

# Pick the last line of what the last command printed.
last_line() {
	tail -n 1 "$out"
}

work=$(mktemp -d)
out=$work/out
trap 'rm -rf "$work"' EXIT

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

say "8. Writing: a session of our own, a turn, and a second try of it"
cd "$work"
export PI_CODING_AGENT_SESSION_DIR="$work/notes"     # where pi, and ramet, then keep sessions
try new --id demo
session=$(last_line)
try append demo '{"role":"user","content":"Plan a weekend in Porto."}'
try append demo '{"role":"assistant","content":[{"type":"text","text":"By train or by plane?"}]}'
question=$(last_line)
try append demo '{"role":"user","content":"By train."}'
try label demo "$(last_line)" "the train"
try branch demo "$question"
try append demo '{"role":"user","content":"By plane."}'
try append demo '{"role":"assistant","content":[{"type":"text","text":"At noon, then."}]}'
try name demo "Porto"
try tree demo

say "9. A fork: the path to an entry as a session of its own"
try fork demo "$question" --id demo-fork
fork=$(last_line)
try append demo-fork '{"role":"user","content":"By bus."}'
try show demo-fork
unset PI_CODING_AGENT_SESSION_DIR
cd "$root"

say "10. What pi's own reader says of both files"
if [ -e build/peer/.ready ] || command -v npm >/dev/null; then
	peer=$(timeout 70 tools/peer.sh) || peer=
else
	peer=
fi
if [ -n "$peer" ]; then
	node=$(printf '%s\n' "$peer" | sed -n 1p)
	package=$(printf '%s\n' "$peer" | sed -n 2p)
	"$node" tools/demo.mjs "$package" "$ramet" "$session" "$fork"
else
	echo "Left out: pi's npm package cannot be had here (it needs Node and npm)."
fi

cat <<END

Try next:
  build/ramet list                      every session in your home directory
  build/ramet tree SESSION --all        nothing folded
  build/ramet path SESSION --leaf ID    from the root to any entry
  build/ramet show SESSION              the conversation, to read
  build/ramet help                      all commands
  docs/guide/look-at-my-sessions.md     the guide to reading
  docs/guide/write-and-branch.md        the guide to writing
END

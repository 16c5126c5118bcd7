// bench/peer.mjs - the same work done by the published pi, timed inside the process.
//
//     node peer.mjs PACKAGE parse FILE     JSON.parse of every line of a file held in memory
//     node peer.mjs PACKAGE open FILE      SessionManager.open
//     node peer.mjs PACKAGE list ROOT      SessionManager.listAll of an agent directory
//
// Prints one JSON line {"ms":N,...}. The first argument is the directory of the installed package.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packageDir, what, target] = process.argv.slice(2);

async function sessionManager() {
	const manifest = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));
	const entry = manifest.exports?.["."]?.import ?? manifest.exports?.["."]?.default ?? manifest.main ?? "dist/index.js";
	return (await import(pathToFileURL(join(packageDir, entry)).href)).SessionManager;
}

const run = {
	async parse() {
		const lines = readFileSync(target, "utf8").split("\n").filter((line) => line !== "");
		const start = performance.now();
		for (const line of lines) JSON.parse(line);
		return { ms: performance.now() - start, lines: lines.length };
	},
	async open() {
		const manager = await sessionManager();
		const start = performance.now();
		const session = manager.open(target);
		const ms = performance.now() - start;
		return { ms, entries: session.getEntries().length };
	},
	async list() {
		process.env.PI_CODING_AGENT_DIR = target;
		const manager = await sessionManager();
		const start = performance.now();
		const sessions = await manager.listAll();
		return { ms: performance.now() - start, sessions: sessions.length };
	},
};

if (!run[what]) {
	console.error("usage: peer.mjs PACKAGE parse|open|list TARGET");
	process.exit(2);
}
console.log(JSON.stringify(await run[what]()));

// bench/peer.mjs - the same work done by the published pi, timed inside the process.
//
//     node peer.mjs PACKAGE parse FILE     JSON.parse of every line of a file held in memory
//     node peer.mjs PACKAGE open FILE      SessionManager.open
//     node peer.mjs PACKAGE context FILE   SessionManager.open and buildSessionContext
//     node peer.mjs PACKAGE list ROOT      SessionManager.listAll of an agent directory
//     node peer.mjs PACKAGE append MESSAGES DIR [WARM]   appendMessage of each (a JSON line) to a new
//                                          session; WARM: first as often to other sessions
//     node peer.mjs PACKAGE fork FILE DIR          SessionManager.forkFrom
//     node peer.mjs PACKAGE branch FILE DIR LEAF   createBranchedSession of the opened file
//
// Prints one JSON line {"ms":N,...}. The first argument is the directory of the installed package.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packageDir, what, target, folder, extra] = process.argv.slice(2);
const cwd = "/home/dev/project";

async function sessionManager() {
	const manifest = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));
	const entry = manifest.exports?.["."]?.import ?? manifest.exports?.["."]?.default ?? manifest.main ?? "dist/index.js";
	return (await import(pathToFileURL(join(packageDir, entry)).href)).SessionManager;
}

function appendAll(manager) {
	const lines = readFileSync(target, "utf8").split("\n").filter((line) => line !== "");
	const messages = lines.map((line) => JSON.parse(line));
	const session = manager.create(cwd, folder);
	const start = performance.now();
	for (const message of messages) session.appendMessage(message);
	return { ...made(start, session.getSessionFile()), entries: messages.length };
}

function made(start, path) {
	return { ms: performance.now() - start, bytes: statSync(path).size, path };
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
	async context() {
		const manager = await sessionManager();
		const start = performance.now();
		const messages = manager.open(target).buildSessionContext().messages.length;
		return { ms: performance.now() - start, messages };
	},
	async list() {
		process.env.PI_CODING_AGENT_DIR = target;
		const manager = await sessionManager();
		const start = performance.now();
		const sessions = await manager.listAll();
		return { ms: performance.now() - start, sessions: sessions.length };
	},
	async append() {
		const manager = await sessionManager();
		for (let n = Number(extra ?? 0); n > 0; ) n -= appendAll(manager).entries;
		return appendAll(manager);
	},
	async fork() {
		const manager = await sessionManager();
		const start = performance.now();
		return made(start, manager.forkFrom(target, cwd, folder).getSessionFile());
	},
	async branch() {
		const manager = await sessionManager();
		const session = manager.open(target, folder);
		const start = performance.now();
		return made(start, session.createBranchedSession(extra));
	},
};

if (!run[what]) {
	console.error("usage: peer.mjs PACKAGE parse|open|list|append|fork|branch TARGET ...");
	process.exit(2);
}
console.log(JSON.stringify(await run[what]()));

/*
 * Live stores: pi's own listing and looking up against ours, on directories made for the purpose.
 */
import fs from "node:fs";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { makeRandom, makeSession } from "./hostile.mjs";
import { probe, same, tidy, whereDifferent } from "./asking.mjs";

const CWDS = ["/home/ada/project", "/home/ada/other", "/home/ada-project", "/", "/home/ada/../ada/project/"];
const ROUNDS = 10;

/* An agent directory with several projects, and a flat directory with sessions of all of them. */
function makeStore(base, random) {
	const sessions = path.join(base, "agent", "sessions"), flat = path.join(base, "flat");
	const names = { "--home-ada-project--": 0, "--home-ada-other--": 1, "----": 3, "empty": 0 };
	fs.mkdirSync(flat, { recursive: true });
	for (const name of Object.keys(names)) {
		fs.mkdirSync(path.join(sessions, name), { recursive: true });
		for (let i = name === "empty" ? 0 : random.below(8); i > 0; i--)
			writeSession(path.join(sessions, name), i, random, CWDS[names[name]]);
	}
	for (let i = random.below(25); i > 0; i--)
		writeSession(flat, i, random, random.pick(CWDS));
	writeSession(sessions, 1, random, CWDS[0]);
	fs.writeFileSync(path.join(flat, "notes.txt"), "not a session\n");
	return { agent: path.join(base, "agent"), flat, first: path.join(sessions, "--home-ada-project--") };
}

function writeSession(folder, i, random, cwd) {
	const file = path.join(folder, random.pick(["", ".", "z", "é"]) + `s${i}.jsonl`);
	const text = makeSession(random, 0).toString("utf8").replace('"/home/ada/project"', JSON.stringify(cwd))
		.replace(/"id":"s\d+"/, `"id":"s${random.below(12)}"`);
	fs.writeFileSync(file, random.chance(0.1) ? "no session\n" : text);
	/* Times far apart, so that no order is left to chance. */
	const when = 1772400000 + random.below(1e8);
	fs.utimesSync(file, when, when);
}

/* SessionManager wants its environment before it is loaded: a worker per store. */
function askPeer(store, questions) {
	const worker = new Worker(new URL("peer_store.mjs", import.meta.url), {
		workerData: { package: process.env.RAMET_PEER, questions, flat: store.flat },
		env: { ...process.env, PI_CODING_AGENT_DIR: store.agent },
	});
	return new Promise((resolve, reject) => {
		worker.once("message", (answer) => { worker.terminate(); resolve(answer); });
		worker.once("error", reject);
	});
}

function items(answer) {
	return answer.items?.map(({ format, ...item }) => item) ?? answer;
}

function found(answer) {
	return answer.found ?? (answer.error?.code === "ENOTFOUND" ? null : answer);
}

/* The same questions for both; ours goes through the probe. */
function questions(store) {
	const env = { PI_CODING_AGENT_DIR: store.agent, PI_CODING_AGENT_SESSION_DIR: "" };
	const ask = (...args) => probe(args, undefined, env)[0];
	const list = [
		{ verb: "listAll", ours: () => items(ask("list", "pi", "-")) },
		{ verb: "listAll", flat: true, ours: () => items(ask("list", store.flat, "-")) },
		{ verb: "recent", flat: true, ours: () => found(ask("recent", store.flat, "-")) },
	];
	for (const cwd of CWDS) {
		list.push({ verb: "list", cwd, ours: () => items(ask("list", "pi", cwd)) });
		list.push({ verb: "list", cwd, flat: true, ours: () => items(ask("list", store.flat, "-", cwd)) });
		list.push({ verb: "recent", cwd, flat: true, ours: () => found(ask("recent", store.flat, "-", cwd)) });
		for (const id of ["s1", "s7", "s"]) {
			list.push({ verb: "findById", cwd, id, ours: () => found(ask("find", "pi", cwd, id)) });
			list.push({ verb: "findById", cwd, id, flat: true, ours: () => found(ask("find", store.flat, "-", id, cwd)) });
		}
	}
	list.push({ verb: "progress", flat: true, ours: () => ask("progress", store.flat, "-").progress.map(cadence) });
	return list;
}

/* How many sessions a partial list has depends on which file was read first. */
function cadence([loaded, total, partial]) {
	return [loaded, total, partial === null ? null : "some"];
}

/* Which of several sessions with one id comes first is the directory's affair. */
function sameFound(theirs, ours, verb) {
	return verb === "findById" && theirs && ours && theirs !== ours
		? idOf(theirs) === idOf(ours) : same(theirs, ours);
}

function idOf(file) {
	return JSON.parse(fs.readFileSync(file, "utf8").split("\n").find((line) => line.startsWith("{"))).id;
}

export async function checkStores(work, tally) {
	for (let round = 0; round < ROUNDS; round++) {
		const base = path.join(work, `store-${round}`);
		const store = makeStore(base, makeRandom(900 + round));
		const asked = questions(store);
		const theirs = await askPeer(store, asked.map(({ ours, ...question }) => question));
		asked.forEach(({ ours, ...question }, i) => {
			const mine = tidy(ours());
			tally.answers++;
			if (sameFound(theirs[i], mine, question.verb)) {
				tally.passed++;
			} else {
				tally.failed++;
				console.log(`FAIL store ${round} ${JSON.stringify(question)}: ${whereDifferent(theirs[i], mine).slice(0, 800)}`);
			}
		});
	}
}

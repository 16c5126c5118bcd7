/*
 * Asking both sides: pi through a worker that may be given up, ramet through the probe; and comparing
 * JSON values (numbers are doubles, sums of costs may differ by 1e-9).
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { Worker } from "node:worker_threads";

const PATIENCE_MS = 20000;

export const BUILD = process.env.RAMET_BUILD ?? "build";
const PROBE = path.join(BUILD, "tests", "golden", "probe");

export class Peer {
	constructor(packageFolder) {
		this.package = packageFolder;
	}
	async start() {
		this.worker = new Worker(new URL("peer.mjs", import.meta.url), { workerData: { package: this.package } });
		this.worker.on("message", (value) => this.settle(value));
		this.worker.on("error", (error) => this.fail(error));
		await this.answer();
	}
	answer() {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => resolve("hangs"), PATIENCE_MS);
			this.settle = (value) => { clearTimeout(timer); resolve(value); };
			this.fail = (error) => { clearTimeout(timer); reject(error); };
		});
	}
	/* "hangs" if there is no answer in time; the next question goes to a new worker. */
	async ask(question) {
		if (!this.worker)
			await this.start();
		this.worker.postMessage(question);
		const answer = await this.answer();
		if (answer === "hangs")
			await this.close();
		return answer;
	}
	async close() {
		await this.worker?.terminate();
		this.worker = null;
	}
}

export function probe(args, input, env) {
	const done = spawnSync(PROBE, args, { input, maxBuffer: 1 << 30, env: { ...process.env, ...env } });
	if (done.error)
		throw done.error;
	const lines = done.stdout.toString("utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line));
	if (done.status !== 0)
		console.log(done.stderr.toString("utf8").slice(-3000));
	return lines;
}

/* One answer per file; when the probe dies at one, the rest is asked again. */
export function probeFiles(files, views) {
	const answers = [];
	while (answers.length < files.length) {
		const rest = files.slice(answers.length);
		answers.push(...probe(["read", "--views", String(views), "-"], rest.join("\n") + "\n"));
		if (answers.length < files.length)
			answers.push(null);
	}
	return answers;
}

/* As JSON has it: too large numbers are null, -0 is 0. */
export function tidy(value) {
	return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

export function same(a, b) {
	if (typeof a === "number" && typeof b === "number")
		return a === b || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
	if (a === null || b === null || typeof a !== "object" || typeof b !== "object")
		return a === b;
	if (Array.isArray(a) !== Array.isArray(b))
		return false;
	const keys = Object.keys(a);
	return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
}

export function whereDifferent(a, b, at = "$") {
	if (a && b && typeof a === "object" && typeof b === "object" && Array.isArray(a) === Array.isArray(b)) {
		for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
			const [x, y] = [a, b].map((o) => (Object.hasOwn(o, key) ? o[key] : "(absent)"));
			if (!same(x, y))
				return whereDifferent(x, y, `${at}.${key}`);
		}
	}
	return `${at}: pi ${show(a)}, ramet ${show(b)}`;
}

function show(value) {
	const text = JSON.stringify(value) ?? "undefined";
	return text.length > 300 ? text.slice(0, 300) + "..." : text;
}

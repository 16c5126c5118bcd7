/*
 * Random and damaged sessions, read by the published pi and by ramet: the answers must be equal, but
 * for what explained.mjs names.
 *
 *     RAMET_PEER=.../pi-coding-agent RAMET_BUILD=build node run.mjs [--count N] [--seed N]
 *                                       [--only random|damaged|store] [--show N] [--keep DIR]
 *
 * N random and N damaged files (default 1 000 each), then live stores. Ends with
 * "N passed, N failed": a file counts as one.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { NO_MESSAGE, NO_TARGET, PASSED, REASONS, forListing, forReading, madeIds, toBytes } from "./explained.mjs";
import { damage, makeRandom, makeSession } from "./hostile.mjs";
import { Peer, probeFiles, same, tidy, whereDifferent } from "./asking.mjs";
import { checkStores } from "./stores.mjs";

const BATCH = 200, VIEWS = 4;

const { values: options } = parseArgs({ options: {
	count: { type: "string", default: process.env.RAMET_ROUNDS || "1000" },
	seed: { type: "string", default: "1" },
	only: { type: "string" },
	show: { type: "string", default: "10" },
	keep: { type: "string" },
} });

const tally = { passed: 0, failed: 0, answers: 0, used: new Map(), shown: 0 };

function note(name) {
	tally.used.set(name, (tally.used.get(name) ?? 0) + 1);
}

function makeFile(kind, number) {
	const random = makeRandom(Number(options.seed) * 1000003 + number * 7 + (kind === "damaged" ? 3 : 0));
	/* From plain to thoroughly odd. */
	const hostility = random.pick([0, 0.03, 0.1, 0.1, 0.3, 0.7]);
	const bytes = makeSession(random, hostility);
	return kind === "damaged" ? damage(bytes, random) : bytes;
}

/* One file on its way: the original for ramet, two rewritten ones for pi. */
function prepare(folders, kind, number) {
	const name = `${String(number).padStart(5, "0")}.jsonl`;
	const bytes = makeFile(kind, number);
	const one = { kind, number, bytes, original: path.join(folders.original, name) };
	one.reading = forReading(bytes);
	one.oddModels = one.reading.lines.some((line) => hasOddModel(line.value));
	one.oddUsage = one.reading.lines.some((line) => hasOddUsage(line.value));
	one.twice = one.reading.lines.some(hasKeyTwice);
	one.listing = forListing(bytes);
	one.readPath = path.join(folders.reading, name);
	one.listPath = path.join(folders.listing, name);
	fs.writeFileSync(one.original, bytes);
	fs.writeFileSync(one.readPath, one.reading.used.length ? toBytes(one.reading) : bytes);
	fs.writeFileSync(one.listPath, one.listing.used.length ? toBytes(one.listing) : bytes);
	for (const file of [one.original, one.listPath])
		fs.utimesSync(file, 1772445600, 1772445600);
	return one;
}

/* Would it show up in the totals under an odd name? */
function hasOddModel(entry) {
	const m = entry?.type === "message" ? entry.message : entry;
	return m && (m.role === "assistant" || m.type === "usage") && [m.provider, m.responseModel || m.model].some((part) => typeof part !== "string");
}

/* Counts and costs that are no numbers, whereas pi adds them. */
function hasOddUsage(entry) {
	return [entry?.usage, entry?.type === "message" ? entry.message?.usage : undefined].some((u) => u &&
		[u.input, u.output, u.cacheRead, u.cacheWrite, u.cost?.total].some((n) => !Number.isFinite(n)));
}

function hasKeyTwice({ raw, value }) {
	if (!value || typeof value !== "object")
		return false;
	const written = [...raw.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter((match) => match[1]).length;
	return written !== countKeys(value);
}

function countKeys(value) {
	if (!value || typeof value !== "object")
		return 0;
	const own = Array.isArray(value) ? 0 : Object.keys(value).length;
	return Object.values(value).reduce((sum, item) => sum + countKeys(item), own);
}

/* ---- comparing ---- */

class Comparison {
	constructor(one) {
		this.one = one;
		this.differences = [];
		this.explained = new Set([...one.reading.used, ...one.listing.used]);
	}
	pass(what) {
		this.explained.add(PASSED[what][0]);
	}
	check(field, theirs, ours) {
		tally.answers++;
		const thrown = theirs && theirs["\u0001thrown"];
		if (thrown === "TypeError" && !ours?.error) {
			this.explained.add(`${PASSED.thrown[0]}: ${field.replace(/^leaf .* /, "")}`);
			return;
		}
		if (!same(theirs, ours))
			this.differences.push(`${field}: ${whereDifferent(theirs, ours)}`);
	}
}

/* Names on both sides: ids that a migration makes by position, ids we made for pi as ramet has them. */
function namesFor(one, entries) {
	const names = new Map(one.reading.renamed);
	if (madeIds(one.reading))
		entries.forEach((e, i) => names.set(e?.id, `#${i}`));
	return names;
}

function renamed(value, names) {
	if (typeof value === "string")
		return names.has(value) ? names.get(value) : value;
	if (Array.isArray(value))
		return value.filter((v) => v?.role !== NO_MESSAGE).map((v) => renamed(v, names));
	if (value && typeof value === "object")
		return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, renamed(v, names)]));
	return value;
}

function compareViews(c, theirs, ours, theirNames, ourNames) {
	ours.forEach((view, i) => {
		const answers = theirs.views[i];
		if (answers.exported?.length)
			compareExports(c, answers.exported, view);
		if (oddTexts(view)) {
			c.pass("oddText");
			answers.llm = view.llm;
			answers.tokens = view.tokens;
		}
		if (timelessSystem(view)) {
			c.pass("systemTime");
			answers.tokens = view.tokens;
		}
		answers.tokens = oddNumber(c, answers.tokens, view.tokens);
		if (c.one.twice && answers.tokens < view.tokens) {
			c.pass("twice");
			answers.tokens = view.tokens;
		}
		for (const field of ["path", "selected", "context", "projection", "llm", "tokens", "exported"])
			c.check(`leaf ${JSON.stringify(view.leaf)} ${field}`, renamed(answers[field], theirNames),
				renamed(view[field], ourNames));
	});
}

function oddTexts(view) {
	return view.context.messages?.some((m) => /Summary$/.test(m.role) && typeof m.summary !== "string" ||
		m.role === "bashExecution" && (typeof m.command !== "string" || typeof m.output !== "string"));
}

function timelessSystem(view) {
	const messages = view.context.messages?.filter((m) => m.role === "system") ?? [];
	return messages.length > 0 && messages.every((m) => m.timestamp === undefined);
}

/* Theirs, or ours where pi has no number or a fraction. */
function oddNumber(c, theirs, ours) {
	if (typeof ours === "number" && (theirs === null || c.one.oddUsage && theirs !== ours)) {
		c.pass("notANumber");
		return ours;
	}
	if (typeof theirs === "number" && theirs !== ours && Math.floor(theirs) === ours) {
		c.pass("fraction");
		return ours;
	}
	return theirs;
}

/* The header's time is now; its directory is what ramet read. */
function compareExports(c, theirs, view) {
	const ours = view.exported[0];
	theirs[0].timestamp = ours.timestamp;
	if (ours.cwd !== theirs[0].cwd) {
		c.pass("exportCwd");
		if (typeof ours.cwd !== "string" || ours.cwd === "" || path.resolve(ours.cwd) === theirs[0].cwd)
			theirs[0].cwd = ours.cwd ?? null;
		ours.cwd ??= null;
	}
	view.exported.slice(1).forEach((line, i) => {
		if (typeof line.id !== "string")
			line.id = null;
		putBack(theirs[i + 1], line);
	});
}

/* Members of an entry that a rule may have rewritten for pi, put back as they were. */
function putBack(theirs, original) {
	const keys = [];
	if (theirs?.message?.role === NO_MESSAGE)
		keys.push("message");
	if (theirs?.targetId === NO_TARGET)
		keys.push("targetId");
	if (theirs?.label === "")
		keys.push("label");
	for (const key of keys) {
		delete theirs[key];
		if (key in original)
			theirs[key] = original[key];
	}
}

function compareSession(c, theirs, ours) {
	const { one } = c;
	const theirNames = namesFor(one, theirs.entries), ourNames = madeIds(one.reading) ? namesFor(one, ours.entries) : new Map();
	const put = (field, a, b) => c.check(field, renamed(a, theirNames), renamed(b, ourNames));
	const hidden = one.reading.hidden;
	put("header", theirs.header, tidy(ours.header));
	put("entries", entriesOf(one, theirs.entries), tidy(ours.entries));
	put("leafId", theirs.leafId, ours.leafId);
	put("name", theirs.name, ours.name);
	put("tree", theirs.tree.filter?.((row) => !hidden.has(row.id)) ?? theirs.tree,
		ours.tree.map(({ type, role, ...row }) => row));
	put("labels", theirs.labels, labelsOf(ours));
	const { breakdown, ...stats } = ours.stats;
	compareTotals(c, theirs, stats, breakdown);
	put("forkMessages", forkable(c, theirs.forkMessages, theirNames), ours.forkMessages);
	if (ours.views.length) {
		put("unknown leaf", theirs.unknown, tidy(ours.views[0].context));
		put("path of an unknown leaf", theirs.unknownPath, 0);
	}
	compareViews(c, theirs, c.views, theirNames, ourNames);
}

function compareTotals(c, theirs, stats, breakdown) {
	if (theirs.stats.tokens) {
		theirs.stats.cost = oddNumber(c, theirs.stats.cost, stats.cost);
		for (const key of Object.keys(stats.tokens))
			theirs.stats.tokens[key] = oddNumber(c, theirs.stats.tokens[key], stats.tokens[key]);
	}
	c.check("stats", theirs.stats, stats);
	if (c.one.oddUsage && !same(theirs.breakdown, breakdown))
		c.pass("notANumber");
	else if (c.one.oddModels)
		c.pass("model");
	else
		c.check("breakdown", theirs.breakdown, breakdown);
}

function forkable(c, messages, names) {
	const kept = messages.filter?.((m) => names.get(m.entryId) !== null) ?? messages;
	if (kept.length !== messages.length)
		c.pass("noIdToFork");
	return kept;
}

function labelsOf(ours) {
	const known = ours.labels.filter((label) => label.targetRow !== null);
	return Object.fromEntries(known.map((label) => [label.target, label.text]));
}

/* Entries as pi loads them from the original file: ids and parents that we rewrote are put back. */
function entriesOf(one, entries) {
	if (!one.reading.used.length || !entries.map)
		return entries;
	const before = forEntries(one);
	return entries.map((entry, i) => {
		if (!before[i])
			return entry;
		const back = { ...entry };
		putBack(back, before[i]);
		for (const key of madeIds(one.reading) ? [] : ["id", "parentId"]) {
			delete back[key];
			if (key in before[i])
				back[key] = before[i][key];
		}
		return back;
	});
}

function forEntries(one) {
	const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(one.bytes).replace(/^\ufeff/, "");
	const values = text.split("\n").map((line) => {
		try {
			return JSON.parse(line);
		} catch {
			return undefined;
		}
	});
	return values.filter((v) => v && typeof v === "object" && !Array.isArray(v) && v.type !== "session");
}

function compareList(c, theirs, ours) {
	const mine = ours.error ? null : { ...ours };
	if (mine) {
		delete mine.format;
		mine.path = path.basename(mine.path);
	}
	c.check("list", theirs ? { ...theirs, path: path.basename(theirs.path) } : null, tidy(mine));
}

function compare(one, theirs, ours, listed) {
	const c = new Comparison(one);
	c.views = one.views;
	if (!ours) {
		c.differences.push("ramet died");
	} else if (theirs === "hangs") {
		c.differences.push("pi did not come back");
	} else {
		compareList(c, listed.get(path.basename(one.listPath)), ours.listInfo);
		const refused = Boolean(theirs.error);
		if (refused && theirs.thrown === "TypeError" && !ours.error)
			c.explained.add(`${PASSED.thrown[0]}: open`);
		else if (one.bytes.length === 0)
			c.check("an empty file", "EFORMAT", ours.error?.code);
		else if (refused || ours.error)
			c.check("refused", refused, Boolean(ours.error));
		else
			compareSession(c, theirs, ours);
	}
	return c;
}

/* ---- running ---- */

/* Leaves to ask for: what ramet's views are, in pi's words. */
function leavesOf(one, ours) {
	if (!ours || ours.error)
		return [];
	const made = madeIds(one.reading);
	const back = [...one.reading.renamed].filter(([, id]) => id === null).map(([fresh]) => fresh);
	const noIds = ours.rows.map((row, i) => (row[1] === null ? i : -1)).filter((i) => i >= 0);
	const last = new Map(ours.rows.map((row, i) => [row[1], i]));
	one.views = ours.views.filter((v) => v.row === null || v.leaf === null || last.get(v.leaf) === v.row);
	one.emptyLeaf = one.views.some((v) => v.leaf === "");
	one.views = ours.rows.length ? one.views.filter((v) => v.leaf !== "").map(tidyView) : [];
	return one.views.map((v) => {
		if (v.row === null)
			return null;
		if (made)
			return v.row;
		return v.leaf ?? back[noIds.indexOf(v.row)];
	});
}

function tidyView(view) {
	const tidied = tidy(view);
	if (view.row === null)
		tidied.exported = null;
	return tidied;
}

function report(one, c) {
	if (one.emptyLeaf)
		c.pass("emptyLeaf");
	for (const name of c.explained)
		note(name);
	if (!c.differences.length) {
		tally.passed++;
		return;
	}
	tally.failed++;
	if (options.keep) {
		fs.mkdirSync(options.keep, { recursive: true });
		fs.writeFileSync(path.join(options.keep, `${one.kind}-${one.number}.jsonl`), one.bytes);
	}
	if (tally.shown++ < Number(options.show)) {
		console.log(`FAIL ${one.kind} ${one.number} (--seed ${options.seed})`);
		c.differences.slice(0, 4).forEach((text) => console.log("     " + text.slice(0, 1000)));
	}
}

async function runBatch(peer, work, kind, from, to) {
	const folders = {};
	for (const name of ["original", "reading", "listing"]) {
		folders[name] = path.join(work, `${kind}-${from}`, name);
		fs.mkdirSync(folders[name], { recursive: true });
	}
	const files = [];
	for (let i = from; i < to; i++)
		files.push(prepare(folders, kind, i));
	const answers = probeFiles(files.map((f) => f.original), VIEWS);
	const listed = new Map((await peer.ask({ folder: folders.listing })).map((i) => [path.basename(i.path), i]));
	for (const [i, one] of files.entries()) {
		const theirs = await peer.ask({ path: one.readPath, leaves: leavesOf(one, answers[i]) });
		report(one, compare(one, theirs, answers[i], listed));
		if (!fs.readFileSync(one.original).equals(one.bytes))
			throw new Error(`${one.original} was changed by reading`);
	}
	fs.rmSync(path.join(work, `${kind}-${from}`), { recursive: true });
}

async function main() {
	const work = fs.mkdtempSync(path.join(os.tmpdir(), "ramet-interop-"));
	const peer = new Peer(process.env.RAMET_PEER);
	const count = Number(options.count);
	const start = Date.now();
	try {
		for (const kind of ["random", "damaged"]) {
			if (options.only && options.only !== kind)
				continue;
			for (let i = 0; i < count; i += BATCH)
				await runBatch(peer, work, kind, i, Math.min(count, i + BATCH));
		}
		if (!options.only || options.only === "store")
			await checkStores(work, tally);
	} finally {
		await peer.close();
		fs.rmSync(work, { recursive: true, force: true });
	}
	console.log(`${tally.answers} answers compared in ${((Date.now() - start) / 1000).toFixed(1)} s; files with explained differences:`);
	for (const [name, n] of [...tally.used].sort((a, b) => b[1] - a[1]))
		console.log(`${String(n).padStart(6)}  ${name}: ${REASONS.get(name) ?? PASSED.thrown[1]}`);
	console.log(`${tally.passed} passed, ${tally.failed} failed`);
	process.exitCode = tally.failed ? 1 : 0;
}

await main();

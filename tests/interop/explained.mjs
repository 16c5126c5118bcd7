/*
 * Where ramet means to differ from pi, and why. Each rule rewrites the file that pi is given into one
 * that means to pi what the original means to ramet; then all answers must be equal. A rule that finds
 * nothing to change leaves the file as it is, and what it changes is counted. So nothing is excused by
 * field or by chance: only the named construct, and only what it stands for.
 */

/* The role that stands for no message at all; what has it is left out of pi's answers. */
export const NO_MESSAGE = "\u0001none";

/* The target that no entry has. */
export const NO_TARGET = "\u0001nothing";

/* Lines of a file: value is undefined for those that do not parse. */
export function parseFile(bytes) {
	const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
	const lines = text.split("\n").map((raw) => ({ raw, value: parse(raw) }));
	const header = lines.findIndex((line) => line.value);
	return { lines, header, renamed: new Map(), used: [] };
}

export function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

export function toBytes(file) {
	return Buffer.from(file.lines.map((line) => line.raw).join("\n"), "utf8");
}

function isObject(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSession(file) {
	const header = file.lines[file.header]?.value;
	return isObject(header) && header.type === "session" && typeof header.id === "string";
}

/* Will pi give every entry a new id? */
export function madeIds(file) {
	const version = file.lines[file.header]?.value.version ?? 1;
	return version < 2;
}

function set(line, changes) {
	line.value = { ...line.value, ...changes };
	line.raw = JSON.stringify(line.value);
}

function entries(file) {
	return file.lines.filter((line, i) => i > file.header && isObject(line.value) && line.value.type !== "session");
}

/* A fresh text id for pi; what ramet says in its place is kept in renamed. */
function rename(file, line, ours) {
	const id = `\u0001${file.renamed.size}`;
	file.renamed.set(id, ours);
	set(line, { id });
}

function cutLoops(file) {
	const byId = new Map(), number = new Map();
	let n = 0;
	entries(file).forEach((line, i) => {
		byId.set(line.value.id, line);
		number.set(line, i);
	});
	const done = new Set();
	for (const start of entries(file)) {
		const walk = [];
		let line = start;
		while (line && !done.has(line) && !walk.includes(line)) {
			walk.push(line);
			line = line.value.parentId ? byId.get(line.value.parentId) : undefined;
		}
		if (line && !done.has(line)) {
			const loop = walk.slice(walk.indexOf(line));
			loop.sort((a, b) => number.get(a) - number.get(b));
			set(loop[0], { parentId: null });
			n++;
		}
		walk.forEach((one) => done.add(one));
	}
	return n;
}

const RULES = [
	{
		name: "bom",
		reason: "a byte order mark is a finding, not the end of the session (pi 0.74 took it too)",
		rewrite(file) {
			if (!file.lines[0].raw.startsWith("\ufeff"))
				return 0;
			const raw = file.lines[0].raw.slice(1);
			file.lines[0] = { raw, value: parse(raw) };
			file.header = file.lines.findIndex((line) => line.value);
			return 1;
		},
	},
	{
		name: "no entry",
		reason: "a line that is no object is a finding; pi keeps numbers, texts and lists as entries without type and id",
		session: true,
		rewrite(file) {
			const bad = file.lines.filter((l, i) => i > file.header && l.value && !isObject(l.value));
			/* In version 1 such a line still counts where a compaction names its kept entry by index. */
			const nothing = madeIds(file) ? '{"type":"session"}' : "";
			bad.forEach((line) => {
				line.raw = nothing;
				line.value = parse(nothing);
			});
			return bad.length;
		},
	},
	{
		name: "ids in version 1",
		reason: "version 1 has no ids, so what stands there is not read; pi's migration takes one for a kept entry",
		session: true,
		rewrite(file) {
			const bad = madeIds(file) ? entries(file).filter((line) => "id" in line.value) : [];
			bad.forEach((line) => {
				delete line.value.id;
				line.raw = JSON.stringify(line.value);
			});
			return bad.length;
		},
	},
	{
		name: "id is no text",
		reason: "only texts are ids; pi lets entries hang from the number 7, or from no id at all",
		ids: true,
		rewrite(file) {
			const bad = entries(file).filter((line) => typeof line.value.id !== "string");
			bad.forEach((line) => rename(file, line, null));
			const odd = entries(file).filter((line) => line.value.parentId && typeof line.value.parentId !== "string");
			odd.forEach((line) => set(line, { parentId: "\u0001no such parent" }));
			return bad.length + odd.length;
		},
	},
	{
		name: "empty parent",
		reason: "an empty parentId is no parent; pi's tree, unlike its paths, hangs the entry under one whose id is empty",
		ids: true,
		rewrite(file) {
			if (!entries(file).some((line) => line.value.id === ""))
				return 0;
			const bad = entries(file).filter((line) => line.value.parentId === "" && line.value.id !== "");
			bad.forEach((line) => set(line, { parentId: null }));
			return bad.length;
		},
	},
	{
		name: "equal ids",
		reason: "of equal ids only the last is in the tree, once; pi draws it and all below it at every place",
		ids: true,
		rewrite(file) {
			const last = new Map();
			entries(file).forEach((line) => last.set(line.value.id, line));
			const bad = entries(file).filter((line) => last.get(line.value.id) !== line);
			bad.forEach((line) => {
				const ours = line.value.id;
				rename(file, line, ours);
				file.hidden.add(line.value.id);
				set(line, { parentId: null });        /* or it would be sorted among others */
			});
			return bad.length;
		},
	},
	{
		name: "message is no object",
		reason: "what is no object is no message; pi passes on a number or a list as if it were one, and throws without one",
		session: true,
		rewrite(file) {
			const bad = entries(file).filter((line) => line.value.type === "message" && !isObject(line.value.message));
			bad.forEach((line) => set(line, { message: { role: NO_MESSAGE } }));
			return bad.length;
		},
	},
	{
		name: "edit makes no sense",
		reason: "a replacement that is neither null nor has a content is no edit; pi throws, or empties the message",
		session: true,
		rewrite(file) {
			const bad = entries(file).filter((line) => line.value.type === "context_edit" && !isEdit(line.value.replacement));
			bad.forEach((line) => set(line, { targetId: NO_TARGET }));
			return bad.length;
		},
	},
	{
		name: "label is no text",
		reason: "a label is a text; anything else clears it, as no label does; pi shows whatever it is",
		session: true,
		rewrite(file) {
			const bad = entries(file).filter((line) => line.value.type === "label" && line.value.label &&
				typeof line.value.label !== "string");
			bad.forEach((line) => set(line, { label: "" }));
			return bad.length;
		},
	},
	{
		name: "loop",
		reason: "in a loop of parents the entry first in the file becomes a root; pi never returns",
		ids: true,
		rewrite: cutLoops,
	},
];

/* What listing alone stumbles over. */
const LIST_RULES = [
	{
		name: "list: header without id",
		reason: "a header without a text id makes no session, neither in lists nor when opened; pi lists it all the same",
		rewrite(file) {
			const line = file.lines[file.header];
			if (!isObject(line?.value) || line.value.type !== "session" || typeof line.value.id === "string")
				return 0;
			line.value = {};
			line.raw = "{}";
			return 1;
		},
	},
	{
		name: "list: odd parent session",
		reason: "a parentSession that is no text is no path; pi passes on whatever it is",
		session: true,
		rewrite(file) {
			const line = file.lines[file.header], { parentSession, ...rest } = line.value;
			if (!("parentSession" in line.value) || typeof parentSession === "string")
				return 0;
			line.value = rest;
			line.raw = JSON.stringify(rest);
			return 1;
		},
	},
	{
		name: "list: line ends",
		reason: "only a newline ends a line; pi's listing also cuts at U+2028, U+2029 and a lone carriage return",
		rewrite(file) {
			const bad = file.lines.filter((line) => /[\u2028\u2029]|\r./.test(line.raw.trim()));
			bad.forEach((line) => {
				line.raw = line.value === undefined ? "malformed" : escapeEnds(JSON.stringify(line.value));
			});
			return bad.length;
		},
	},
	{
		name: "list: odd message",
		reason: "one message without content, or no message at all, takes a whole session out of pi's list",
		rewrite(file) {
			const bad = file.lines.filter((line) => line.value?.type === "message" && !listable(line.value.message));
			bad.forEach((line) => {
				const { message } = line.value;
				set(line, { message: isObject(message) ? { ...message, content: [] } : { role: "none" } });
			});
			return bad.length;
		},
	},
	{
		name: "list: odd name",
		reason: "a session_info whose name is no text takes a whole session out of pi's list; it names nothing",
		rewrite(file) {
			const bad = file.lines.filter((line) => line.value?.type === "session_info" &&
				line.value.name != null && typeof line.value.name !== "string");
			bad.forEach((line) => set(line, { type: "custom" }));
			return bad.length;
		},
	},
];

function escapeEnds(text) {
	return text.replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
}

function isEdit(replacement) {
	return replacement === null || isObject(replacement) &&
		(typeof replacement.content === "string" || Array.isArray(replacement.content));
}

function listable(message) {
	if (!isObject(message))
		return false;
	if (message.role !== "user" && message.role !== "assistant" || !("content" in message))
		return true;
	return typeof message.content === "string" ||
		Array.isArray(message.content) && message.content.every(isObject);
}

/* Small things that the comparison itself passes over. */
export const PASSED = {
	thrown: ["pi throws", "a TypeError at an odd value that ramet passes over; there is nothing to compare"],
	oddText: ["summary or command is no text", "in texts for the model pi writes 'undefined' or '[object Object]', ramet nothing"],
	notANumber: ["sum is no number", "an odd cost or count makes pi's sum null; ramet counts it as nothing"],
	systemTime: ["system message without a time", "pi's replay then finds no system message at all; ramet replays it"],
	twice: ["estimate of a member that is there twice", "inside tool declarations and arguments ramet's estimate counts both"],
	fraction: ["fraction of a token", "ramet's estimates are whole numbers"],
	model: ["model is no text", "pi's totals have a row 'undefined/...'; ramet leaves the part empty"],
	emptyLeaf: ["leaf with an empty id", "ramet takes it for the entry; for pi an empty leaf is none"],
	noIdToFork: ["fork from no id", "pi offers user messages without id to be forked from; ramet leaves them out"],
	exportCwd: ["export: working directory", "pi exports its own idea of the directory (absolute, or the process's); ramet what the header says"],
};

export const REASONS = new Map([...RULES, ...LIST_RULES].map((rule) => [rule.name, rule.reason])
	.concat(Object.values(PASSED)));

function apply(rules, file) {
	file.hidden ??= new Set();
	for (const rule of rules) {
		if ((rule.session || rule.ids) && !isSession(file))
			continue;
		if (rule.ids && madeIds(file))
			continue;
		if (rule.rewrite(file) > 0)
			file.used.push(rule.name);
	}
	return file;
}

export function forReading(bytes) {
	return apply(RULES, parseFile(bytes));
}

export function forListing(bytes) {
	return apply([RULES[0], ...LIST_RULES], parseFile(bytes));
}

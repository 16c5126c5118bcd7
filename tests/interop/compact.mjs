/*
 * Random sessions, compacted and left for another branch by the published pi and by ramet: both must
 * cut at the same place, summarise the same messages, name the same files and tell the same text.
 *
 *     RAMET_PEER=.../pi-coding-agent RAMET_BUILD=build node compact.mjs [--count N] [--seed N]
 *                                                                       [--show N] [--newer]
 *
 * N sessions (default 300), several leaves and budgets each. Ends with "N passed, N failed". --newer:
 * the peer is pi 1.3 or newer, which leaves thinking out of the text (as ramet does), counts nested
 * calls and lets edits hold in branch summaries too.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { makeRandom } from "./hostile.mjs";

const { values: options } = parseArgs({ options: {
	count: { type: "string", default: process.env.RAMET_ROUNDS || "300" },
	seed: { type: "string", default: "1" },
	show: { type: "string", default: "5" },
	newer: { type: "boolean", default: false },
} });

const core = (name) => import(new URL(`dist/core/${name}.js`, pathToFileURL(process.env.RAMET_PEER + "/")));
const { SessionManager } = await core("session-manager");
const { convertToLlm } = await core("messages");
const pi = await core("compaction/index");

/* ---- sessions ---- */

const USAGE = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0,
	cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 } };
const PATHS = ["a.c", "src/b.c", "src/\u{1f331}.c", "\ufb01le", "Z", "zwei w\u00f6rter", ""];

class Maker {
	constructor(random) {
		this.r = random;
		this.entries = [];
		this.leaf = null;
		this.now = 1772442000000;
	}
	text(most = 300) {
		const { r } = this;
		return r.pick(["word ", "\u00e9\u00e8 ", "\u{1f331}", "line\n", "\"quoted\" "]).repeat(r.below(r.chance(0.1) ? most * 3 : most / 10));
	}
	add(type, members) {
		const id = `e${this.entries.length}`;
		this.now += this.r.below(5000);
		this.entries.push({ type, id, parentId: this.leaf, timestamp: new Date(this.now).toISOString(), ...members });
		this.leaf = id;
		return id;
	}
	message(message) { return this.add("message", { message: { ...message, timestamp: this.now } }); }
	call() {
		const { r } = this;
		return { type: "toolCall", id: `c${r.below(9)}`, name: r.pick(["read", "write", "edit", "bash", "grep"]),
			arguments: r.pick([{ path: r.pick(PATHS) }, { path: r.pick(PATHS), content: this.text(80), n: [1, { x: null }] }, { command: "make" }, { path: 7 }, {}]) };
	}
	answer() {
		const { r } = this, content = [];
		for (let i = r.below(4); i > 0; i--)
			content.push(r.pick([() => ({ type: "text", text: this.text() }), () => this.call(),
				() => options.newer ? { type: "thinking", thinking: this.text() } : { type: "text", text: "plain" }])());
		const usage = r.chance(0.5) ? USAGE : { ...USAGE, input: r.below(900), output: r.below(90), totalTokens: r.pick([0, r.below(5000)]) };
		return { role: "assistant", content, api: "x", provider: "p", model: "m", usage, stopReason: r.pick(["stop", "toolUse", "error", "aborted"]) };
	}
	blocks() {
		return this.r.pick([this.text(), [{ type: "text", text: this.text() }, { type: "image", data: "iVBO", mimeType: "image/png" }, { type: "text", text: "more" }]]);
	}
	result() {
		const message = { role: "toolResult", toolCallId: "c1", toolName: "read", isError: false,
			content: this.r.chance(0.1) ? [] : [{ type: "text", text: this.text(this.r.chance(0.2) ? 2000 : 100) }] };
		if (options.newer && this.r.chance(0.2))
			message.nestedCalls = { calls: [{ ...this.call(), status: "ok" }], complete: true };
		return message;
	}
	summary() {
		const lists = { readFiles: [this.r.pick(PATHS)], modifiedFiles: [this.r.pick(PATHS)].filter(Boolean) };
		const members = { summary: this.r.chance(0.05) ? "" : "so far " + this.text() };
		if (this.r.chance(0.7))
			members.details = { readFiles: lists.readFiles.filter(Boolean), modifiedFiles: lists.modifiedFiles };
		if (this.r.chance(0.2))
			members.fromHook = true;
		return members;
	}
	branch() {
		const ids = [];
		for (let id = this.leaf; id !== null; id = this.entries[Number(id.slice(1))].parentId)
			ids.unshift(id);
		return ids;
	}
	step() {
		const { r } = this, p = r.next();
		if (p < 0.22) return this.message({ role: "user", content: this.blocks() });
		if (p < 0.50) return this.message(this.answer());
		if (p < 0.66) return this.message(this.result());
		if (p < 0.70) return this.message({ role: "bashExecution", command: "ls", output: this.text(), exitCode: r.pick([0, 1]), cancelled: false, truncated: false, excludeFromContext: r.chance(0.3) });
		if (p < 0.74) return this.message({ role: "system", content: this.text(), sections: { rules: this.text() } });
		if (p < 0.78) return this.add("custom_message", { customType: "note", content: this.blocks(), display: true });
		if (p < 0.81) return this.add("custom", { customType: "x", data: { n: 1 } });
		if (p < 0.83) return this.add("thinking_level_change", { thinkingLevel: "low" });
		if (p < 0.87) return this.edit();
		if (p < 0.91) return this.compaction();
		if (p < 0.94) return this.add("branch_summary", { fromId: "root", ...this.summary() });
		if (this.entries.length && r.chance(0.8))
			this.leaf = r.pick(this.entries).id;
		return null;
	}
	edit() {
		const targets = this.entries.filter((e) => e.type === "custom_message" || e.type === "message" && ["user", "assistant", "toolResult"].includes(e.message.role)).map((e) => e.id);
		const near = this.branch().filter((id) => targets.includes(id)).slice(-4);
		if (near.length)
			this.add("context_edit", { targetId: this.r.pick(near), replacement: this.r.chance(0.5) ? null : { content: this.text(60) } });
	}
	compaction() {
		const ids = this.branch();
		if (ids.length)
			this.add("compaction", { ...this.summary(), firstKeptEntryId: this.r.pick(ids), tokensBefore: this.r.below(9000) });
	}
	make() {
		for (let i = this.r.below(60); i >= 0; i--)
			this.step();
		const header = { type: "session", version: 3, id: "s", timestamp: "2026-03-02T09:00:00.000Z", cwd: "/home/ada" };
		return [header, ...this.entries].map((e) => JSON.stringify(e)).join("\n") + "\n";
	}
}

/* ---- what pi says ---- */

function lists(fileOps) {
	const { readFiles, modifiedFiles } = pi.computeFileLists(fileOps);
	return { readFiles: readFiles.filter((f) => typeof f === "string"), modifiedFiles };
}

function told(messages) {
	return pi.serializeConversation(convertToLlm(messages));
}

function block(name, text) {
	return text ? [`<${name}>\n${text}\n</${name}>`] : [];
}

function peerCompact(manager, leaf, keep) {
	manager.branch(leaf);
	const p = pi.prepareCompaction(manager.getBranch(), { enabled: true, reserveTokens: 1, keepRecentTokens: keep });
	if (!p)
		return null;
	const text = [...block("conversation", told(p.messagesToSummarize)), ...block("previous-summary", p.previousSummary),
		...block("turn-prefix", told(p.turnPrefixMessages))].join("\n\n");
	return { firstKept: p.firstKeptEntryId, split: p.isSplitTurn, tokensBefore: p.tokensBefore, previous: p.previousSummary ?? null,
		roles: p.messagesToSummarize.map((m) => m.role), turnRoles: p.turnPrefixMessages.map((m) => m.role), ...lists(p.fileOps), text };
}

/* System messages are told to nobody, and a summary without text is none. */
function peerBranch(manager, from, to, max) {
	const { entries, commonAncestorId } = pi.collectEntriesForBranchSummary(manager, from, to);
	const p = pi.prepareBranchEntries(entries, max);
	const messages = p.messages.filter((m) => m.role !== "system" && !(m.role === "branchSummary" && !m.summary));
	return { ancestor: commonAncestorId, entries: entries.map((e) => e.id), roles: messages.map((m) => m.role), tokens: p.totalTokens,
		...lists(p.fileOps), text: block("conversation", told(messages)).join("") };
}

/* ---- what ramet says ---- */

const probe = spawn(path.join(process.env.RAMET_BUILD || "build", "tests/golden/probe_compact"), { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: probe.stdout })[Symbol.asyncIterator]();

async function ask(...words) {
	probe.stdin.write(words.join("\t") + "\n");
	const { value, done } = await answers.next();
	if (done)
		throw new Error("the probe died");
	return JSON.parse(value);
}

async function ourCompact(file, leaf, keep) {
	const { plan, roles, turnRoles, error } = await ask("compact", file, leaf, keep);
	if (error)
		return error;
	if (plan.firstKeptEntryId === null)
		return null;
	return { firstKept: plan.firstKeptEntryId, split: "turnId" in plan, tokensBefore: plan.tokensBefore, previous: plan.previousSummary ?? null,
		roles, turnRoles, readFiles: plan.readFiles, modifiedFiles: plan.modifiedFiles, text: plan.text };
}

async function ourBranch(file, from, to, max) {
	const { plan, roles, error } = await ask("branch", file, from, to, max);
	if (error)
		return error;
	return { ancestor: plan.ancestorId, entries: plan.entries, roles, tokens: plan.tokens, readFiles: plan.readFiles,
		modifiedFiles: plan.modifiedFiles, text: plan.text };
}

/* ---- both ---- */

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ramet-compact-"));
let passed = 0, failed = 0, cuts = 0;

function compare(what, theirs, ours) {
	if (isDeepStrictEqual(theirs, ours)) {
		passed++;
		return;
	}
	if (++failed > Number(options.show))
		return;
	console.log(`FAIL ${what}`);
	for (const key of new Set([...Object.keys(theirs ?? { none: 1 }), ...Object.keys(ours ?? { none: 1 })]))
		if (!isDeepStrictEqual(theirs?.[key], ours?.[key]))
			console.log(`  ${key}: pi ${JSON.stringify(theirs?.[key])?.slice(0, 600)}\n  ${key}: us ${JSON.stringify(ours?.[key])?.slice(0, 600)}`);
}

/* Edits hold in a branch summary only in newer versions, and there a compaction that is taken out is
 * told all the same. */
function hasEdit(manager, ids) {
	return ids.some((id) => manager.getEntry(id).type === "context_edit");
}

for (let n = 0; n < Number(options.count); n++) {
	const random = makeRandom(Number(options.seed) * 1000003 + n);
	const file = path.join(folder, `${n}.jsonl`);
	fs.writeFileSync(file, new Maker(random).make());
	const manager = SessionManager.open(file);
	const ids = manager.getEntries().map((e) => e.id);
	for (let i = 0; ids.length && i < 6; i++) {
		const leaf = random.pick(ids), other = random.pick(ids), keep = random.pick([1, 3, 10, 30, 100, 300, 1000]);
		const theirs = peerCompact(manager, leaf, keep);
		cuts += theirs !== null;
		compare(`${n}: ${file} leaf ${leaf} keep ${keep}`, theirs, await ourCompact(file, leaf, keep));
		const max = random.pick([0, 0, 10, 50, 200]), left = peerBranch(manager, leaf, other, max);
		if (options.newer || !hasEdit(manager, left.entries))
			compare(`${n}: ${file} from ${leaf} to ${other} max ${max}`, left, await ourBranch(file, leaf, other, max));
	}
}
probe.stdin.end();
if (!failed)
	fs.rmSync(folder, { recursive: true });
console.log(`${cuts} compactions planned`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

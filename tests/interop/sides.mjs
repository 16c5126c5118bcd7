/*
 * The two who play: the published pi's SessionManager, in this process, and our probe_turns, a child.
 * Both take the same calls (calls.mjs) and answer {id} or {error: {code, text}}.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { BUILD } from "./asking.mjs";

const PATIENCE_MS = 60000;
const PROBE = path.join(BUILD, "tests", "interop", "probe_turns");

const url = new URL("dist/core/session-manager.js", pathToFileURL(process.env.RAMET_PEER + "/"));
export const { SessionManager } = await import(url);

/* Line by line, cut at line feeds only (readline also cuts at U+2028). */
export class Ours {
	start() {
		this.child = spawn(PROBE, [], { stdio: ["pipe", "pipe", "inherit"] });
		this.parts = [];
		this.child.on("error", (error) => console.log(`cannot start the probe: ${error.message}`));
		this.child.stdin.on("error", () => {});          /* its end is seen at "close" */
		this.child.stdout.on("data", (bytes) => this.take(bytes));
		this.gone = new Promise((resolve) => this.child.on("close", (code, signal) => {
			this.child = null;
			this.settle?.(null);
			resolve(signal ?? code);
		}));
	}
	take(bytes) {
		this.parts.push(bytes);
		if (bytes.at(-1) !== 10)
			return;
		const line = Buffer.concat(this.parts).toString("utf8");
		this.parts = [];
		this.settle(line);
	}
	async ask(command) {
		if (!this.child)
			this.start();
		const { child } = this, timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
		const line = await new Promise((resolve) => {
			this.settle = resolve;
			child.stdin.write(JSON.stringify(command) + "\n");
		});
		clearTimeout(timer);
		this.settle = null;
		if (line === null)
			throw new Error(`ramet died (${await this.gone}) at ${show(command)}`);
		return JSON.parse(line);
	}
	/* Exit status: what a sanitizer found at the end shows here. */
	async close() {
		if (!this.child)
			return 0;
		this.child.stdin.end();
		return this.gone;
	}
}

const FROM_HOOK = { 0: undefined, 1: true, [-1]: false };

function perform(m, c) {
	switch (c.do) {
	case "message":
		return m.appendMessage(c.message);
	case "messages":
		return c.messages.map((message) => m.appendMessage(message)).at(-1);
	case "thinking":
		return m.appendThinkingLevelChange(c.level);
	case "model":
		return m.appendModelChange(c.provider, c.modelId);
	case "usage":
		return m.appendUsage(c.kind, c.provider, c.model, c.usage, c.note).id;
	case "custom":
		return m.appendCustomEntry(c.customType, c.data);
	case "customMessage":
		return m.appendCustomMessageEntry(c.customType, c.content, c.display, c.details);
	case "name":
		return m.appendSessionInfo(c.name);
	case "label":
		return m.appendLabelChange(c.target, c.label);
	case "compaction":
		return m.appendCompaction(c.summary, c.firstKept ?? null, c.tokensBefore, c.details, FROM_HOOK[c.fromHook], c.usage);
	case "edit":
		return m.appendContextEdit(c.target, c.replacement);
	case "branchSummary":
		return m.branchWithSummary(c.target, c.summary, c.details, FROM_HOOK[c.fromHook], c.usage);
	case "branch":
		return c.target === null ? m.resetLeaf() : m.branch(c.target);
	}
	throw new Error(`no such call ${c.do}`);
}

/* What pi says when it refuses, as our codes. */
const REFUSALS = [[/^Entry .* not found$/s, "ENOTFOUND"], [/is not on the active branch$/, "EINVAL"],
	[/does not contribute editable model content$/, "EINVAL"], [/^Context edit replacement must be/, "EINVAL"]];

export function theirs(manager, call) {
	try {
		return { id: perform(manager, JSON.parse(JSON.stringify(call))) };
	} catch (error) {
		const known = REFUSALS.find(([pattern]) => pattern.test(error.message));
		if (!known)
			throw error;
		return { error: { code: known[1], text: error.message } };
	}
}

/* pi in memory, with these entries and at this leaf. */
export function theirTwin(header, entries, leaf) {
	const manager = SessionManager.inMemory(header.cwd, { id: header.id }, [header, ...entries]);
	theirs(manager, { do: "branch", target: leaf });
	return manager;
}

export function show(value) {
	const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
	return text.length > 400 ? `${text.slice(0, 400)}... (${text.length})` : text;
}

/* ---- what each side says about a session ---- */

/* One that ramet says it does not know: a finding. */
export const UNKNOWN_TYPE = "from_the_future";

function flatten(roots) {
	const rows = [], stack = roots.map((node) => [node, null, 0]).reverse();
	while (stack.length) {
		const [node, parent, depth] = stack.pop();
		rows.push({ id: node.entry.id, parent, depth, label: node.label ?? null, labelTimestamp: node.labelTimestamp ?? null });
		for (let i = node.children.length - 1; i >= 0; i--)
			stack.push([node.children[i], node.entry.id, depth + 1]);
	}
	return rows;
}

function theirView(manager, leaf) {
	theirs(manager, { do: "branch", target: leaf });
	const projection = manager.buildSessionProjection();
	return {
		path: manager.getBranch().map((e) => e.id),
		selected: manager.buildContextEntries().map((e) => e.id),
		context: manager.buildSessionContext(),
		projection: projection.entries.map(({ sourceEntry, messages }) =>
			({ sourceId: sourceEntry.id, type: sourceEntry.type, messages })),
	};
}

/* Moves the manager's leaf. */
export function theirState(manager, leaves) {
	const entries = manager.getEntries();
	const state = {
		header: manager.getHeader(),
		entries,
		last: manager.getLeafId(),
		name: manager.getSessionName() ?? null,
		labels: Object.fromEntries(entries.map((e) => [e.id, manager.getLabel(e.id)]).filter(([, label]) => label !== undefined)),
		tree: flatten(manager.getTree()),
		findings: entries.filter((e) => e.type === UNKNOWN_TYPE).length,
		views: leaves.map((leaf) => theirView(manager, leaf)),
	};
	return JSON.parse(JSON.stringify(state));
}

export async function ourState(ours, h, leaves) {
	const answer = await ours.ask({ do: "state", h, leaves });
	return {
		header: answer.header,
		entries: answer.entries,
		last: answer.last,
		name: answer.name,
		labels: Object.fromEntries(answer.labels),
		tree: answer.tree.map(({ id, parent, depth, label, labelTimestamp }) =>
			({ id, parent, depth, label: label ?? null, labelTimestamp: labelTimestamp ?? null })),
		findings: answer.findings,
		views: answer.views,
	};
}

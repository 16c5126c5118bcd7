/*
 * The published pi, asked about files: runs in a worker so that an answer that never comes can be
 * given up. Only the package's own functions are called; nothing is computed here.
 */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

const core = (name) => import(new URL(`dist/core/${name}.js`, pathToFileURL(workerData.package + "/")));
const { SessionManager, buildSessionContext } = await core("session-manager");
const { convertToLlm } = await core("messages");
const { estimateProjectedContextTokens } = await core("compaction/compaction");
const { getUsageCostBreakdown } = await core("usage-totals");
const { serializeSessionBranch } = await core("session-export");
const { AgentSession } = await core("agent-session");

const ROWS_MAX = 100000;

/* What a call returns as JSON has it, or that it threw. */
function ask(call) {
	try {
		const value = call();
		return value === undefined ? null : JSON.parse(JSON.stringify(value));
	} catch (error) {
		return { "\u0001thrown": error.constructor.name, message: error.message };
	}
}

function flatten(roots) {
	const rows = [], stack = roots.map((node) => [node, null, 0]).reverse();
	while (stack.length && rows.length < ROWS_MAX) {
		const [node, parent, depth] = stack.pop();
		const row = { id: node.entry.id, parent, depth };
		for (const key of ["label", "labelTimestamp"])
			if (node[key] !== undefined)
				row[key] = node[key];
		rows.push(row);
		for (let i = node.children.length - 1; i >= 0; i--)
			stack.push([node.children[i], node.entry.id, depth + 1]);
	}
	return rows;
}

function asRow({ sourceEntry, messages }) {
	return { sourceId: sourceEntry.id, type: sourceEntry.type, messages };
}

function view(manager, leaf) {
	if (leaf === null)
		manager.resetLeaf();
	else
		manager.branch(leaf);
	const projection = ask(() => manager.buildSessionProjection());
	return {
		path: ask(() => manager.getBranch().map((e) => e.id)),
		selected: ask(() => manager.buildContextEntries().map((e) => e.id)),
		context: ask(() => manager.buildSessionContext()),
		projection: projection.entries ? ask(() => projection.entries.map(asRow)) : projection,
		llm: ask(() => convertToLlm(manager.buildSessionContext().messages)),
		tokens: ask(() => estimateProjectedContextTokens(manager.buildSessionProjection(), manager.getBranch()).tokens),
		exported: leaf === null ? null : ask(() => serializeSessionBranch(manager).split("\n").filter(Boolean).map((line) =>
			JSON.parse(line))),
	};
}

/* The session totals are a method of a running agent; here it gets a session and nothing else. */
function agentOf(manager) {
	const agent = Object.create(AgentSession.prototype);
	agent.sessionManager = manager;
	agent.agent = { state: { messages: [] } };
	return agent;
}

function totals(manager) {
	const { userMessages, assistantMessages, toolCalls, toolResults, totalMessages, tokens, cost } =
		agentOf(manager).getSessionStats();
	return { userMessages, assistantMessages, toolCalls, toolResults, totalMessages, tokens, cost };
}

function read({ path, leaves }) {
	let manager;
	try {
		manager = SessionManager.open(path, undefined, undefined);
	} catch (error) {
		return { error: error.message, thrown: error.constructor.name };
	}
	const entries = manager.getEntries();
	const answer = {
		header: ask(() => manager.getHeader()),
		entries: ask(() => entries),
		leafId: ask(() => manager.getLeafId()),
		name: ask(() => manager.getSessionName()),
		tree: ask(() => flatten(manager.getTree())),
		labels: ask(() => Object.fromEntries(entries.map((e) => [e.id, manager.getLabel(e.id)]).filter((l) => l[1]))),
		stats: ask(() => totals(manager)),
		breakdown: ask(() => getUsageCostBreakdown(entries)),
		forkMessages: ask(() => agentOf(manager).getUserMessagesForForking()),
		unknown: ask(() => buildSessionContext(entries, "\u0001no such leaf")),
		unknownPath: ask(() => manager.getBranch("\u0001no such leaf").length),
	};
	/* Made ids are not known beforehand: leaves of version 1 are positions. */
	answer.views = leaves.map((leaf) => view(manager, typeof leaf === "number" ? entries[leaf].id : leaf));
	return answer;
}

async function list({ folder }) {
	const infos = await SessionManager.listAll(folder);
	return JSON.parse(JSON.stringify(infos));
}

parentPort.on("message", async (request) => {
	parentPort.postMessage(request.folder ? await list(request) : read(request));
});
parentPort.postMessage("ready");

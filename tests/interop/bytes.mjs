/*
 * The same calls to pi and to ramet, each in a file of its own: both files must have the same size, and
 * the same bytes but for ids and times.
 */
import fs from "node:fs";
import path from "node:path";
import { Caller } from "./calls.mjs";
import { firstDifference } from "./game.mjs";
import { Disagreement, anonymous } from "./lines.mjs";
import { SessionManager, show, theirs } from "./sides.mjs";

const SESSIONS = 12, CALLS = 60, CWD = "/home/ada/naïve project", ID = "the-same";

async function must(ours, command) {
	const answer = await ours.ask({ level: 2, h: 0, ...command });
	if (answer.error)
		throw new Disagreement(`ramet refused ${show(command)}: ${show(answer.error)}`);
	return answer;
}

/* Ids of one side in the words of the other: entries correspond by place. */
function translated(call, from, to) {
	const word = (id) => to[from.findIndex((e) => e.id === id)]?.id ?? id;
	const made = { ...call };
	for (const key of ["target", "firstKept"])
		if (typeof made[key] === "string")
			made[key] = word(made[key]);
	return made;
}

/* All ids by place. */
function placed(lines) {
	const names = new Map(lines.slice(1).map((raw, i) => [JSON.parse(raw).id, `#${i}`]));
	return lines.slice(1).map((raw) => anonymous(raw).replace(/"(targetId|fromId|firstKeptEntryId)":"([0-9a-f]{8})"/,
		(all, key, id) => (names.has(id) ? `"${key}":"${names.get(id)}"` : all)));
}

function linesOf(file) {
	return fs.readFileSync(file, "utf8").split("\n").slice(0, -1);
}

function entriesOf(file) {
	return linesOf(file).slice(1).map((line) => JSON.parse(line));
}

async function playBoth(ours, folder, caller) {
	const manager = SessionManager.create(CWD, path.join(folder, "pi"), { id: ID });
	await must(ours, { do: "create", cwd: CWD, dir: path.join(folder, "ramet"), id: ID });
	const message = { role: "assistant", content: [], timestamp: 1 };
	theirs(manager, { do: "message", message });
	const { path: file } = await must(ours, { do: "message", message });
	for (let i = 0; i < CALLS; i++) {
		const known = manager.getEntries(), call = caller.append({ known, path: manager.getBranch() });
		const done = theirs(manager, call);
		if (done.error)
			throw new Disagreement(`pi refused ${show(call)}`);
		await must(ours, translated(call, known, entriesOf(file)));
	}
	await must(ours, { do: "close" });
	return [manager.getSessionFile(), file];
}

export async function checkBytes({ ours, tally, bytes, random }) {
	for (let i = 0; i < SESSIONS; i++) {
		bytes.turn = i;
		const files = await playBoth(ours, path.join(bytes.folder, String(i)), new Caller(random, random.pick([0.1, 0.5, 1])));
		const sizes = files.map((file) => fs.statSync(file).size);
		const [theirLines, ourLines] = files.map((file) => placed(linesOf(file)));
		tally.lines += ourLines.length;
		theirLines.forEach((line, n) => {
			if (line !== ourLines[n])
				throw new Disagreement(`line ${n}: ${firstDifference(line, ourLines[n] ?? "")}`);
		});
		if (sizes[0] !== sizes[1])
			throw new Disagreement(`the same calls give ${sizes[0]} bytes with pi, ${sizes[1]} with ramet`);
	}
}

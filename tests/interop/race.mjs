/*
 * Both write at the same time: pi, which takes no lock, in a process of its own (this file, given the
 * session's path), ramet in its probe. Every line must be there, whole, and each side's in a row.
 *
 * One thing is allowed: a blank line, where ramet saw half a line of pi and ended it to be safe while the
 * rest was on its way.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Disagreement } from "./lines.mjs";
import { SessionManager } from "./sides.mjs";

const LINES = 300, ROUNDS = 3, THIS = fileURLToPath(import.meta.url);

/* Long lines now and then, which a kernel makes visible bit by bit. */
function message(role, i) {
	const text = `${role} ${i} ${"x".repeat(i % 7 === 0 ? 40000 + i : i)}`;
	return { role, content: role === "user" ? text : [{ type: "text", text }], timestamp: i };
}

if (process.argv[1] === THIS) {
	const manager = SessionManager.open(process.argv[2]);
	fs.writeSync(1, "ready\n");
	for (let i = 0; i < LINES; i++)
		manager.appendMessage(message("user", i));
}

function fail(message) { throw new Disagreement(message); }

async function must(ours, command) {
	const answer = await ours.ask({ h: 0, level: 2, ...command });
	return answer.error ? fail(`ramet refused ${command.do}: ${answer.error.code} ${answer.error.text}`) : answer;
}

async function race(ours, dir) {
	const { path: file } = await must(ours, { do: "create", cwd: "/home/ada/project", dir });
	await must(ours, { do: "message", message: message("assistant", 0) });
	const peer = spawn(process.execPath, [THIS, file], { stdio: ["ignore", "pipe", "inherit"] });
	let going = true, made = 1;
	const gone = new Promise((resolve) => peer.on("close", (code) => { going = false; resolve(code); }));
	await new Promise((resolve) => peer.stdout.once("data", resolve).once("end", resolve));
	for (; going; made++)
		await must(ours, { do: "message", message: message("assistant", made) });
	if (await gone !== 0)
		fail("pi did not get to its end");
	await must(ours, { do: "refresh" });
	return { file, made };
}

/* How many blank lines there were. */
async function checkRace(ours, { file, made }) {
	const text = fs.readFileSync(file, "utf8"), raws = text.split("\n").slice(1, -1);
	const entries = raws.filter((raw) => raw !== "").map((raw) => JSON.parse(raw));
	const { entries: known } = await must(ours, { do: "state", leaves: [] });
	if (!text.endsWith("\n") || JSON.stringify(known) !== JSON.stringify(entries))
		fail(`the handle knows ${known.length} entries, the file has ${entries.length}`);
	for (const [role, count] of [["assistant", made], ["user", LINES]]) {
		const own = entries.filter((e) => e.message.role === role);
		const chained = own.every((e, i) => i === 0 || e.parentId === own[i - 1].id);
		if (own.length !== count || !chained || own.some((e, i) => e.message.timestamp !== i))
			fail(`${own.length} of ${count} ${role} messages, each under the one before: ${chained}`);
	}
	await must(ours, { do: "close" });
	return raws.length - entries.length;
}

export async function checkRaces({ ours, tally, races }) {
	for (races.turn = 0; races.turn < ROUNDS; races.turn++) {
		const done = await race(ours, path.join(races.folder, String(races.turn)));
		const blank = await checkRace(ours, done);
		tally.lines += done.made + LINES;
		tally.answers += 3;
		if (blank)
			tally.kinds.set("blank lines", (tally.kinds.get("blank lines") ?? 0) + blank);
	}
}

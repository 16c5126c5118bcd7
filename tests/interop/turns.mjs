/*
 * Sessions written turn by turn, by the published pi and by ramet in turns: after each turn both must
 * agree on entries, leaf, tree, labels, name and contexts, and the file must be what it was and the new
 * lines. Each line that one side writes is also compared with the line that the other makes of the same
 * call, byte for byte but for id, parentId and times.
 *
 *     RAMET_PEER=.../pi-coding-agent RAMET_BUILD=build node turns.mjs [--count N] [--seed N]
 *                                       [--first N] [--show N] [--keep DIR]
 *
 * N sessions (default 200) of 10 to 40 turns, then the byte check and both at the same time. Ends with "N passed, N failed": a
 * session counts as one, so do those two.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Caller } from "./calls.mjs";
import { checkBytes } from "./bytes.mjs";
import { Game } from "./game.mjs";
import { makeRandom } from "./hostile.mjs";
import { checkRaces } from "./race.mjs";
import { Ours, show } from "./sides.mjs";

const { values: options } = parseArgs({ options: {
	count: { type: "string", default: "200" },
	first: { type: "string", default: "0" },
	seed: { type: "string", default: "1" },
	show: { type: "string", default: "10" },
	keep: { type: "string" },
} });
const tally = { passed: 0, failed: 0, turns: 0, answers: 0, lines: 0, shown: 0, kinds: new Map() };

async function run(name, game, body) {
	try {
		await body();
		tally.passed++;
	} catch (error) {
		tally.failed++;
		if (options.keep)
			fs.cpSync(game.folder, path.join(options.keep, name), { recursive: true });
		if (tally.shown++ < Number(options.show)) {
			console.log(`FAIL turns ${name} (--seed ${options.seed}), turn ${game.turn}: ${show(error.message)}`);
			if (!error.disagreement)
				console.log(error.stack.split("\n").slice(1, 8).join("\n"));
			console.log("     " + game.log.slice(-6).map(show).join("\n     "));
		}
	}
}

async function main() {
	const work = fs.mkdtempSync(path.join(os.tmpdir(), "ramet-turns-"));
	const ours = new Ours(), start = Date.now(), first = Number(options.first);
	for (let i = first; i < first + Number(options.count); i++) {
		const random = makeRandom(Number(options.seed) * 1000003 + i * 11);
		const game = new Game({ random, caller: new Caller(random, random.pick([0, 0.05, 0.2, 0.6])), ours, tally,
			folder: path.join(work, String(i)) });
		await run(String(i), game, () => game.play());
		fs.rmSync(game.folder, { recursive: true, force: true });
	}
	const bytes = { folder: path.join(work, "bytes"), turn: 0, log: [] };
	await run("bytes", bytes, () => checkBytes({ ours, tally, bytes, random: makeRandom(Number(options.seed)) }));
	const races = { folder: path.join(work, "races"), turn: 0, log: [] };
	await run("races", races, () => checkRaces({ ours, tally, races }));
	const status = await ours.close();
	if (status !== 0) {
		tally.failed++;
		console.log(`FAIL turns: the probe ended with ${status}`);
	}
	fs.rmSync(work, { recursive: true, force: true });
	console.log(`${tally.turns} turns, ${tally.answers} answers and ${tally.lines} lines compared in ` +
		`${((Date.now() - start) / 1000).toFixed(1)} s: ` +
		[...tally.kinds].sort((a, b) => b[1] - a[1]).map(([kind, n]) => `${kind} ${n}`).join(", "));
	console.log(`${tally.passed} passed, ${tally.failed} failed`);
	process.exitCode = tally.failed ? 1 : 0;
}

await main();

/*
 * Ask pi's own session manager and ramet the same about session files, and compare.
 *
 *     node demo.mjs PACKAGE RAMET FILE...
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

const [packageDir, ramet, ...files] = process.argv.slice(2);
const url = new URL("dist/core/session-manager.js", pathToFileURL(packageDir + "/"));
const { SessionManager } = await import(url);
const { version } = (await import(new URL("package.json", pathToFileURL(packageDir + "/")),
	{ with: { type: "json" } })).default;
const work = mkdtempSync(join(tmpdir(), "ramet-demo-"));
const ask = (...words) => JSON.parse(execFileSync(ramet, [...words, "--json"]));
let differ = 0;

for (const file of files) {
	const copy = join(work, basename(file));         /* pi may write to what it opens */
	copyFileSync(file, copy);
	const pi = SessionManager.open(copy);
	const context = pi.buildSessionContext();
	const answers = [
		["path", pi.getBranch().map((entry) => entry.id), ask("path", file)],
		["context", { messages: context.messages, thinkingLevel: context.thinkingLevel, model: context.model },
			ask("context", file)],
		["name", pi.getSessionName() ?? null, ask("info", file).name ?? null],
	];
	const wrong = answers.filter(([, theirs, ours]) => !isDeepStrictEqual(JSON.parse(JSON.stringify(theirs)), ours));
	differ += wrong.length;
	console.log(`${basename(file)}: ${pi.getEntries().length} entries, ${pi.getBranch().length} on the path, ` +
		`${context.messages.length} messages in the context: ` +
		(wrong.length ? `pi ${version} differs in ${wrong.map(([what]) => what)}` : `pi ${version} and ramet agree`));
}
rmSync(work, { recursive: true });
process.exit(differ ? 1 : 0);

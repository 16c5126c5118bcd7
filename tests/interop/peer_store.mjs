/* The published pi, asked about a store; runs in a worker whose environment names the store. */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

const url = new URL("dist/core/session-manager.js", pathToFileURL(workerData.package + "/"));
const { SessionManager, findMostRecentSession } = await import(url);

async function ask({ verb, cwd, id, flat }) {
	const folder = flat ? workerData.flat : undefined;
	const seen = [];
	switch (verb) {
	case "list":
		return SessionManager.list(cwd, folder);
	case "listAll":
		return SessionManager.listAll(folder);
	case "findById":
		return SessionManager.findById(cwd, id, folder) ?? null;
	case "recent":
		return findMostRecentSession(folder, cwd);
	case "progress":
		await SessionManager.listAll(folder, (n, total, partial) => seen.push([n, total, partial ? "some" : null]));
		return seen;
	}
}

const answers = [];
for (const question of workerData.questions)
	answers.push(JSON.parse(JSON.stringify(await ask(question))));
parentPort.postMessage(answers);

/*
 * One session, played: a file that both sides write, the state that it must have, and the turns.
 *
 * pi opens the file anew at each of its turns, since it cannot catch up. ramet's handle is sometimes kept
 * over pi's turns: then it is refreshed, or catches up while appending, and goes on under its own leaf.
 */
import fs from "node:fs";
import path from "node:path";
import { same, tidy, whereDifferent } from "./asking.mjs";
import { STRICT } from "./calls.mjs";
import { Disagreement, anonymous, headerFault, isEntry } from "./lines.mjs";
import { SessionManager, UNKNOWN_TYPE, ourState, theirState, theirTwin, theirs, show } from "./sides.mjs";

const CWDS = ["/home/ada/project", "/home/ada/other", "/home/ada/naïve 🌱"];
const LEVELS = [0, 1, 2, 2, 2, 2, 2, 2], FRESH = 9, MEMORY = 8, RIVAL = 7;
const CREATES = ["user", "assistant"];

export class Game {
	constructor({ random, caller, ours, tally, folder }) {
		Object.assign(this, { r: random, caller, ours, tally, folder });
		this.turn = 0;
		this.log = [];
		this.cwd = this.r.pick(CWDS);
		this.level = this.r.pick(LEVELS);
		this.folders = 0;
		this.handle = null;                      /* ours: {h, leaf, known} */
		this.slot = 0;
	}

	/* ---- checking ---- */

	note(kind) { this.tally.kinds.set(kind, (this.tally.kinds.get(kind) ?? 0) + 1); }
	fail(message) { throw new Disagreement(message); }
	check(what, theirAnswer, ourAnswer) {
		this.tally.answers++;
		if (!same(theirAnswer, ourAnswer))
			this.fail(`${what}: ${whereDifferent(theirAnswer, ourAnswer)}`);
	}
	async ask(command) {
		const answer = await this.ours.ask({ level: this.level, ...command });
		this.log.push(`ramet ${show(command)} -> ${show(answer)}`);
		return answer;
	}
	async must(command) {
		const answer = await this.ask(command);
		if (answer.error)
			this.fail(`ramet refused ${show(command)}: ${show(answer.error)}`);
		return answer;
	}
	mustTheirs(manager, call) {
		const answer = theirs(manager, call);
		this.log.push(`pi ${show(call)} -> ${show(answer)}`);
		if (answer.error)
			this.fail(`pi refused ${show(call)}: ${answer.error.text}`);
		return answer.id;
	}

	/* ---- the file ---- */

	/* Start over with this file. */
	adopt(file) {
		const bytes = fs.readFileSync(file);
		Object.assign(this, { file, bytes: Buffer.alloc(0), entries: [], byId: new Map(), header: null });
		const raw = bytes.subarray(0, bytes.indexOf(10)).toString("utf8");
		this.header = JSON.parse(raw);
		const fault = headerFault(raw, this.header, path.basename(file) === "session.jsonl" ? null : path.basename(file));
		if (fault)
			this.fail(`header ${raw} of ${file}: ${fault}`);
		this.bytes = bytes.subarray(0, bytes.indexOf(10) + 1);
		return this.read();
	}
	/* The lines that are new in it; all others must be as they were. */
	read() {
		const now = fs.readFileSync(this.file);
		if (now.length < this.bytes.length || now.compare(this.bytes, 0, this.bytes.length, 0, this.bytes.length) !== 0)
			this.fail("the old bytes of the file changed");
		const added = now.subarray(this.bytes.length);
		if (added.length && added.at(-1) !== 10)
			this.fail("the file does not end in a newline");
		const raws = added.toString("utf8").split("\n").slice(0, -1);
		this.bytes = now;
		return raws.map((raw) => {
			const value = JSON.parse(raw);
			if (!isEntry(value) || this.byId.has(value.id))
				this.fail(`odd entry ${show(raw)}`);
			this.entries.push(value);
			this.byId.set(value.id, value);
			return { raw, value };
		});
	}
	last() { return this.entries.at(-1)?.id ?? null; }
	pathTo(leaf) {
		const list = [];
		for (let e = this.byId.get(leaf); e; e = this.byId.get(e.parentId))
			list.unshift(e);
		return list;
	}
	view(leaf, known = this.entries.length) { return { known: this.entries.slice(0, known), path: this.pathTo(leaf) }; }
	nextFolder() {
		const folder = path.join(this.folder, `d${this.folders++}`);
		fs.mkdirSync(folder, { recursive: true });
		return folder;
	}

	/* Both open it, or ours says what it knows by now: all must be the same. */
	async agree() {
		const manager = this.open();
		const last = this.last(), stale = !this.handle || this.handle.known < this.entries.length;
		const leaves = [last, ...[1, 2].map(() => (this.entries.length ? this.r.pick(this.entries).id : null)),
			...(this.r.chance(0.1) ? [null] : [])];
		const theirAnswer = theirState(manager, leaves);
		this.check("header", theirAnswer.header, this.header);
		this.check("entries and file", theirAnswer.entries, this.entries);
		if (!stale) {
			this.check("with the handle", theirAnswer, await ourState(this.ours, this.handle.h, leaves));
		}
		if (stale || this.r.chance(0.25)) {
			const opened = await this.must({ do: "open", h: FRESH, path: this.file });
			this.check("leaf after opening", last, opened.leaf);
			this.check("opened", theirAnswer, await ourState(this.ours, FRESH, leaves));
			await this.must({ do: "close", h: FRESH });
		}
		if (this.read().length)
			this.fail("reading wrote to the file");
	}
	open(dir) { return SessionManager.open(this.file, dir); }

	/* ---- appends ---- */

	/* Lines that were just added for calls made at a leaf: one after the other. */
	checkChain(lines, count, parent, lastId) {
		this.tally.lines += lines.length;
		this.check("lines added", count, lines.length);
		for (const { value } of lines) {
			this.check("parent", parent, value.parentId);
			parent = value.id;
		}
		this.check("id returned", lastId, lines.at(-1).value.id);
	}
	count(call) { return call.do === "messages" ? call.messages.length : 1; }
	parentOf(call, leaf) { return call.do === "branchSummary" ? call.target : leaf; }

	/* The same call on pi in memory must give the same lines. */
	checkBytes(before, leaf, call, lines) {
		const twin = theirTwin(this.header, before, leaf);
		this.mustTheirs(twin, call);
		const made = twin.getEntries().slice(-lines.length);
		lines.forEach(({ raw }, i) => {
			this.tally.answers++;
			const [a, b] = [anonymous(JSON.stringify(made[i])), anonymous(raw)];
			if (a !== b)
				this.fail(`bytes of ${call.do}: ${firstDifference(a, b)}`);
		});
	}
	/* The same call on ramet in memory must give the same entries. */
	async checkMemory(text, leaf, call, lines) {
		const from = await this.must({ do: "memory", h: MEMORY, cwd: this.cwd, entries: text });
		await this.must({ do: "branch", h: MEMORY, target: leaf });
		const answer = await this.must({ ...call, h: MEMORY });
		this.check("in memory", [from.count + lines.length, false, null], [answer.count, answer.stored, answer.path]);
		const { entries } = await ourState(this.ours, MEMORY, []);
		lines.forEach(({ raw }, i) => this.check("entry in memory", anonymous(raw),
			anonymous(JSON.stringify(entries[from.count + i]))));
		await this.must({ do: "close", h: MEMORY });
	}

	async oursCall(call) {
		const { handle } = this, before = [...this.entries], { leaf } = handle;
		const answer = await this.must({ ...call, h: handle.h });
		const lines = this.read();
		this.checkChain(lines, this.count(call), this.parentOf(call, leaf), answer.id);
		this.checkBytes(before, leaf, call, lines);
		this.caughtUp(answer);
	}
	/* After an append ours knows the whole file and stands at what it wrote. */
	caughtUp(answer) {
		this.check("where ours stands", [this.last(), this.last(), this.entries.length, true, this.file],
			[answer.leaf, answer.last, answer.count, answer.stored, answer.path]);
		Object.assign(this.handle, { leaf: answer.leaf, known: this.entries.length });
	}
	async theirsCall(manager, call) {
		const text = this.bytes.toString("utf8"), leaf = manager.getLeafId();
		const id = this.mustTheirs(manager, call);
		const lines = this.read();
		this.checkChain(lines, this.count(call), this.parentOf(call, leaf), id);
		if (this.r.chance(0.3))
			await this.checkMemory(text, leaf, call, lines);
	}

	/* ---- our handle ---- */

	async reopen() {
		if (this.handle)
			await this.must({ do: "close", h: this.handle.h });
		const cwd = this.header.cwd;
		const answer = await this.must(this.r.chance(0.15) && this.file.endsWith(`_${this.header.id}.jsonl`)
			? { do: "continue", h: this.slot, cwd, dir: path.dirname(this.file) }
			: { do: "open", h: this.slot, path: this.file });
		this.handle = { h: this.slot, leaf: this.last(), known: this.entries.length };
		this.check("after opening", [this.last(), this.entries.length, this.file, cwd],
			[answer.leaf, answer.count, answer.path, answer.cwd]);
	}
	async refresh() {
		const { handle } = this, answer = await this.must({ do: "refresh", h: handle.h });
		this.check("refresh", [handle.known < this.entries.length ? 1 : 0, handle.leaf, this.last(), this.entries.length],
			[answer.result, answer.leaf, answer.last, answer.count]);
		handle.known = this.entries.length;
		if (handle.leaf !== this.last() && this.r.chance(0.5))
			await this.goTo(this.last());
	}
	async goTo(target) {
		const answer = await this.must({ do: "branch", h: this.handle.h, target });
		this.check("after branching", target, answer.leaf);
		this.handle.leaf = target;
	}
	/* Opened anew, refreshed, or kept as it is and then behind the file. */
	async takeHandle(behind = true) {
		if (!this.handle || this.r.chance(0.3))
			await this.reopen();
		else if (!behind || this.r.chance(0.4))
			await this.refresh();
		if (this.handle.known < this.entries.length)
			this.note("behind the file");
		return this.handle;
	}

	/* ---- turns ---- */

	async oursAppend() {
		const handle = await this.takeHandle();
		if (this.r.chance(0.25))
			await this.goTo(this.caller.somewhere(this.view(handle.leaf, handle.known)));
		for (let i = this.r.pick([1, 1, 2, 3]); i > 0; i--)
			await this.oursCall(this.caller.append(this.view(handle.leaf, handle.known)));
	}
	async theirsAppend() {
		const manager = this.open();
		if (this.r.chance(0.25))
			this.mustTheirs(manager, { do: "branch", target: this.caller.somewhere(this.view(null)) });
		for (let i = this.r.pick([1, 1, 2, 3]); i > 0; i--)
			await this.theirsCall(manager, this.caller.append(this.view(manager.getLeafId())));
	}
	/* Three handles at once, one of pi and two of ours: each goes on under its own leaf, all lines are
	 * kept. */
	async both() {
		const handle = await this.takeHandle(), manager = this.open();
		let rival = (await this.must({ do: "open", h: RIVAL, path: this.file })).leaf;
		for (let i = 2 + this.r.below(6); i > 0; i--) {
			const who = this.r.below(5);
			if (who < 2)
				await this.oursCall(this.caller.append(this.view(handle.leaf, handle.known)));
			else if (who < 4)
				await this.theirsCall(manager, this.caller.append({ known: manager.getEntries(), path: manager.getBranch() }));
			else
				rival = await this.rivalCall(rival);
		}
		await this.must({ do: "close", h: RIVAL });
	}
	async rivalCall(leaf) {
		const { id, count } = await this.must({ ...this.caller.plain(), h: RIVAL });
		this.checkChain(this.read(), 1, leaf, id);
		this.check("what the second handle knows", this.entries.length, count);
		return id;
	}
	/* Our mark that keeps a moved leaf; pi goes on under it. */
	async leaf() {
		const handle = await this.takeHandle();
		const target = this.caller.somewhere(this.view(handle.leaf, handle.known));
		await this.goTo(target);
		const answer = await this.must({ do: "leaf", h: handle.h });
		const lines = this.read();
		this.checkChain(lines, 1, target, answer.id);
		this.check("mark", ["custom", "ramet.leaf"], [lines[0].value.type, lines[0].value.customType]);
		this.caughtUp(answer);
		await this.agree();
		const mark = this.last();
		await this.theirsCall(this.open(), { do: "message", message: this.caller.message("user") });
		this.check("pi goes on under the mark", mark, this.entries.at(-1).parentId);
	}
	/* An entry of any type, ours alone. */
	async ownEntry() {
		const handle = await this.takeHandle(), { leaf } = handle;
		const entry = this.r.pick([
			() => ({ type: UNKNOWN_TYPE, data: this.caller.value() }),
			() => ({ type: "message", message: this.caller.message() }),
			() => ({ type: "custom", customType: "ext", data: this.caller.value() }),
		])();
		for (const key of ["id", "parentId", "timestamp"])
			delete entry[key];
		const answer = await this.must({ do: "entry", h: handle.h, entry });
		const lines = this.read();
		this.checkChain(lines, 1, leaf, answer.id);
		const { id, parentId, timestamp, ...rest } = lines[0].value;
		this.check("entry", tidy(entry), rest);
		this.caughtUp(answer);
	}
	/* What both refuse, and what is left as it was. */
	async wrong() {
		const handle = await this.takeHandle(false), manager = theirTwin(this.header, this.entries, handle.leaf);
		for (let i = 0; i < 4; i++) {
			const { code, call } = this.caller.wrong(this.view(handle.leaf));
			const theirAnswer = theirs(manager, call), answer = await this.ask({ ...call, h: handle.h });
			this.check(`refusal of ${show(call)}`, [theirAnswer.error?.code, null], [answer.error?.code, answer.id ?? null]);
			this.check("expected refusal", code, answer.error?.code);
			this.check("after a refusal", [handle.leaf, this.entries.length], [answer.leaf, answer.count]);
		}
		const call = this.r.pick(STRICT), answer = await this.ask({ ...call, h: handle.h });
		this.check(`refusal of ${show(call)}`, ["EINVAL", handle.leaf, this.entries.length],
			[answer.error?.code, answer.leaf, answer.count]);
		if (this.read().length)
			this.fail("a refused call wrote");
	}
	async refreshOnly() {
		if (this.handle)
			await this.refresh();
	}

	/* ---- forks ---- */

	async fork() {
		await this.takeHandle(false);
		const dir = this.nextFolder(), cwd = this.r.pick(CWDS), ourTurn = this.r.chance(0.5), h = 1 - this.slot;
		const answer = await this.must({ do: "fork", h, from: this.slot, cwd, dir: ourTurn ? dir : this.nextFolder() });
		const twin = SessionManager.forkFrom(this.file, cwd, ourTurn ? this.nextFolder() : dir);
		const [mine, other] = [answer.path, twin.getSessionFile()].map((file) => fs.readFileSync(file, "utf8"));
		const [ourHeader, theirHeader] = [mine, other].map((text) => JSON.parse(text.slice(0, text.indexOf("\n"))));
		this.check("parent of a fork", theirHeader.parentSession, ourHeader.parentSession);
		this.check("fork", [cwd, this.last(), this.entries.length, true], [answer.cwd, answer.leaf, answer.count, answer.stored]);
		if (mine.slice(mine.indexOf("\n")) !== other.slice(other.indexOf("\n")))
			this.fail(`the lines of a fork: ${firstDifference(other.slice(other.indexOf("\n")), mine.slice(mine.indexOf("\n")))}`);
		await this.moveOn(ourTurn, ourTurn ? answer.path : twin.getSessionFile(), h);
	}
	/* Go on in a new file, with the handle that made it or without, or stay. */
	async moveOn(ourTurn, file, h) {
		if (this.read().length)
			this.fail("forking wrote to the source");
		if (this.r.chance(0.4)) {
			await this.must({ do: "close", h });
			return;
		}
		if (this.handle)
			await this.must({ do: "close", h: this.handle.h });
		this.adopt(file);
		this.cwd = this.header.cwd;
		this.handle = null;
		if (ourTurn) {
			this.slot = h;
			this.handle = { h, leaf: this.last(), known: this.entries.length };
		} else {
			await this.must({ do: "close", h });
		}
	}
	/* The path to a leaf as a session of its own; labels are made anew, so that their ids differ. */
	async branched() {
		await this.takeHandle(false);
		if (!this.entries.length)
			return;
		if (this.r.chance(0.3))
			await this.keepFromLabel();
		const target = this.r.pick(this.r.chance(0.5) ? this.entries.slice(-5) : this.entries).id;
		const dir = this.nextFolder(), ourTurn = this.r.chance(0.5), h = 1 - this.slot;
		const answer = await this.must({ do: "forkBranch", h, from: this.slot, target, dir: ourTurn ? dir : this.nextFolder() });
		const manager = this.open(ourTurn ? this.nextFolder() : dir);
		manager.createBranchedSession(target);
		if (this.pathTo(target).some((e) => this.byId.get(e.firstKeptEntryId)?.type === "label"))
			this.note("branch that keeps from a label");
		const made = await ourState(this.ours, h, []);
		const nothing = ["id", "timestamp"];
		const header = (value) => Object.fromEntries(Object.entries(value).filter(([key]) => !nothing.includes(key)));
		this.check("header of a branch", header(tidy(manager.getHeader())), header(made.header));
		this.check("entries of a branch", relabelled(manager.getEntries()), relabelled(made.entries));
		this.check("tree of a branch", "", structureFault(made.tree));
		await this.checkBranchFile(answer, made, manager);
		await this.moveBranch(ourTurn, manager, answer, h);
	}
	/* A compaction that keeps from a label on: in a branch the label is gone. */
	async keepFromLabel() {
		const { handle } = this, target = this.r.pick(this.entries).id, call = { do: "label", target, label: "from here" };
		await this.oursCall(call);
		const firstKept = handle.leaf;
		for (let i = this.r.below(3); i > 0; i--)
			await this.oursCall(this.r.chance(0.5) ? call : this.caller.plain());
		await this.oursCall({ ...this.caller.compaction(this.view(handle.leaf)), firstKept });
	}
	async checkBranchFile(answer, made, manager) {
		const roles = made.entries.map((e) => e.message?.role);
		this.note(answer.stored ? "branch with a file" : "branch without");
		this.check("branch is stored", roles.some((role) => CREATES.includes(role)), answer.stored);
		this.check("branch file is there", answer.stored, fs.existsSync(answer.path));
		this.check("leaf of a branch", made.entries.at(-1)?.id ?? null, answer.leaf);
		if (!answer.stored)
			return;
		const raws = fs.readFileSync(answer.path, "utf8").split("\n").slice(1, -1);
		this.check("lines of a branch", made.entries.length, raws.length);
		manager.getEntries().forEach((e, i) => {
			const [a, b] = e.type === "label" ? [anonymous(JSON.stringify(e)), anonymous(raws[i])]
				: [JSON.stringify(e), raws[i]];
			if (a !== b)
				this.fail(`line ${i} of a branch: ${firstDifference(a, b)}`);
		});
	}
	async moveBranch(ourTurn, manager, answer, h) {
		if (ourTurn && !answer.stored)
			await this.must({ do: "message", h, message: this.caller.message("user") });
		if (!ourTurn)
			for (const role of CREATES)
				this.mustTheirs(manager, { do: "message", message: this.caller.message(role) });
		await this.moveOn(ourTurn, ourTurn ? answer.path : manager.getSessionFile(), h);
	}

	/* ---- the beginning ---- */

	async seed() {
		const dir = this.nextFolder();
		const start = this.r.pick(["pi", "ramet", "ramet", "header", "empty", "missing", "parent"]);
		this.note(`from ${start}`);
		if (start === "pi") {
			const manager = SessionManager.create(this.cwd, dir);
			this.beforeTheirs(manager);
			this.adopt(manager.getSessionFile());
		} else {
			await this.seedOurs(start, dir);
		}
		await this.agree();
	}
	beforeTheirs(manager) {
		for (let i = this.r.below(3); i > 0; i--)
			this.mustTheirs(manager, this.quiet());
		for (const role of CREATES)
			this.mustTheirs(manager, { do: "message", message: this.caller.message(role) });
	}
	/* A call that makes no file. */
	quiet() {
		return this.r.pick([
			() => ({ do: "name", name: "early" }), () => ({ do: "thinking", level: "high" }),
			() => ({ do: "model", provider: "p", modelId: "m" }), () => ({ do: "custom", customType: "ext", data: this.caller.value() }),
			() => ({ do: "message", message: this.caller.message(this.r.pick(["system", "toolResult", "bashExecution"])) }),
		])();
	}
	async seedOurs(start, dir) {
		const h = this.slot, file = path.join(dir, "session.jsonl");
		if (start === "empty")
			fs.writeFileSync(file, "");
		const answer = await this.must(start === "empty" || start === "missing"
			? { do: "open", h, path: file, create: 1, cwd: this.cwd }
			: { do: "create", h, cwd: this.cwd, dir, writeNow: start === "header" ? 1 : 0,
				id: this.r.pick([undefined, "my.own-id"]), parentSession: start === "parent" ? "/x/y.jsonl" : undefined });
		this.check("opening writes", start === "header" || start === "empty", fs.existsSync(answer.path));
		const calls = await this.firstCalls(h, answer, start);
		const lines = this.adopt(answer.path);
		this.check("directory", [this.cwd, calls.length], [this.header.cwd, lines.length]);
		const twin = theirTwin(this.header, [], null);
		calls.forEach((call) => this.mustTheirs(twin, call));
		twin.getEntries().forEach((e, i) => this.check("first lines", anonymous(JSON.stringify(e)), anonymous(lines[i].raw)));
		this.handle = { h, leaf: this.last(), known: this.entries.length };
	}
	async firstCalls(h, answer, start) {
		const calls = start === "header" ? [] : [...Array.from({ length: this.r.below(3) }, () => this.quiet()),
			{ do: "message", message: this.caller.message(this.r.pick(CREATES)) }];
		for (const [i, call] of calls.entries()) {
			const done = await this.must({ ...call, h });
			const there = fs.existsSync(answer.path) && fs.statSync(answer.path).size > 0;
			this.check("file appears", [i === calls.length - 1, i === calls.length - 1], [there, done.stored]);
		}
		return calls;
	}

	async play() {
		await this.seed();
		const turns = { oursAppend: 8, theirsAppend: 8, both: 2, leaf: 1, ownEntry: 1, wrong: 2, refreshOnly: 1, fork: 1, branched: 2 };
		const list = Object.entries(turns).flatMap(([name, weight]) => Array(weight).fill(name));
		const n = 10 + this.r.below(31);
		for (this.turn = 1; this.turn <= n; this.turn++) {
			const kind = this.r.pick(list);
			this.log.push(`-- turn ${this.turn}: ${kind}`);
			await this[kind]();
			await this.agree();
			this.tally.turns++;
			this.note(kind);
		}
		if (this.handle)
			await this.must({ do: "close", h: this.handle.h });
	}
}

/* Label entries of a branch by place, since their ids are new. */
function relabelled(entries) {
	const names = new Map(entries.map((e, i) => [e.id, e.type === "label" ? `label ${i}` : e.id]));
	return tidy(entries).map((e) => ({ ...e, id: names.get(e.id), parentId: names.get(e.parentId) ?? e.parentId }));
}

/* A branch has no branches. */
function structureFault(tree) {
	return tree.every((row, i) => row.depth === i) ? "" : "it is no line";
}

export function firstDifference(a, b) {
	let i = 0;
	while (i < a.length && a[i] === b[i])
		i++;
	const from = Math.max(0, i - 40);
	return `at ${i}: pi ...${a.slice(from, i + 160)}, ramet ...${b.slice(from, i + 160)}`;
}

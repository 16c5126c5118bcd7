/*
 * Sessions as nobody should write them: random trees with loops, equal ids, lost parents, odd values
 * in every member, several versions and headers; and bytes damaged afterwards. Seeded.
 */

/* mulberry32: small, fast, the same everywhere. */
export function makeRandom(seed) {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = (n) => Math.floor(next() * n);
	return { next, below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] };
}

const TEXTS = ["", " ", "a", "hello world", "zwei\nZeilen", "\u2028", "x\u2029y", "naïve 日本 🌱", "\ud83d", "\udc00 half",
	"tab\t\u0000\u001f\u007f", "\\\"</script>", "a\u0301", "\ufeffbom", "\ufffd", " padded ", "null", "0",
	"long ".repeat(60), "line\r\nline", "__proto__", "constructor"];
const VALUES = [null, true, false, 0, -0, 1, 1.5, -7, 1e21, 12345678901234567890, "", "text", [], {}, [null],
	[{ type: "text", text: "block" }], { content: "x" }, { a: { b: [1, { c: null }] } }];
const ROLES = ["user", "assistant", "toolResult", "bashExecution", "custom", "system", "hookMessage", "strange",
	"branchSummary", "compactionSummary"];
const TYPES = ["message", "message", "message", "message", "model_change", "thinking_level_change", "usage", "compaction",
	"branch_summary", "custom", "custom_message", "context_edit", "label", "session_info"];
const ODD_TYPES = ["from_the_future", "", "leaf", 7, null, true, ["message"], "Message", "session_infos"];
const VERSIONS = [3, 3, 3, 3, 3, 2, 2, 1, 1, undefined, undefined, null, "1", "2", "3", 2.5, 99, 0, "x", -1, true];
const ODD_TIMES = [null, 0, -1, 1772442070995, 1e15, 8.64e15, 8.64e15 + 1, 1.7e12 + 0.5, "", "not a date", "2026-03-02",
	"2026-03-02T09:00:00", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123456Z", "2026-03-02T09:00:00+05:30",
	"2026-03-02T24:00:00Z", "2026-02-30T10:00:00Z", "2026-13-01T00:00:00Z", "+012026-03-02T00:00:00Z",
	"-000001-01-01T00:00:00Z", "2026-03", "2026", "2026-03-02 09:00:00", "Mon, 02 Mar 2026 09:00:00 GMT",
	"Mar 2, 2026", "2 March 2026 10:00 PST", "3/2/2026", "2026-3-2", "2026-03-02T09:00Z", "2026-03-02T9:00:00Z",
	" 2026-03-02T09:00:00Z", "2026-03-02T09:00:00.Z", "2026-03-02t09:00:00z", "1772442070995", {}, [], undefined];

class Maker {
	constructor(random, hostility) {
		this.r = random;
		this.hostility = hostility;
		this.now = 1772442000000 + random.below(1e6);
		this.ids = [];
		this.leaf = null;
	}
	odd(p = 1) { return this.r.chance(this.hostility * p); }
	text() {
		return this.odd(2) ? this.r.pick(TEXTS) : this.r.pick(["first question", "an answer", "ok", "see src/a.c"]);
	}
	/* A member: usually what belongs there, sometimes anything, sometimes nothing. */
	member(object, key, value) {
		if (this.odd(0.3)) {
			if (this.r.chance(0.6))
				object[key] = this.r.pick(VALUES);
		} else if (value !== undefined) {
			object[key] = value;
		}
	}
	time() {
		this.now += this.r.pick([0, 0, 1, 500, 60000, -3000]);
		return this.odd() ? this.r.pick(ODD_TIMES) : new Date(this.now).toISOString();
	}
	id(n) {
		if (this.odd(0.25) && this.ids.length)
			return this.r.pick(this.ids);
		if (this.odd(0.25))
			return this.r.pick([undefined, null, 7, 0, "", true, {}, ["x"], "id é", "x\u0000", "__proto__", "\ud83d"]);
		return `e${n}`;
	}
	parent(n) {
		if (this.odd(0.8))
			return this.r.pick([null, undefined, "", "gone", `e${n}`, `e${n + 1}`, `e${n + 3}`, 7, 0, false, true, {}, [],
				["e1"], "__proto__"]);
		if (this.r.chance(0.12) && this.ids.length)
			return this.r.pick([null, ...this.ids]);
		return this.leaf;
	}
	anyId(n) {
		if (this.odd())
			return this.r.pick(["gone", `e${n + 2}`, "", null, 7, undefined, "__proto__"]);
		return this.ids.length ? this.r.pick(this.ids) : "e0";
	}
	usage() {
		const n = () => (this.odd(0.5) ? this.r.pick([0, -1, 0.5]) : this.r.below(5000));
		const usage = { input: n(), output: n(), cacheRead: n(), cacheWrite: n(), totalTokens: this.r.pick([0, 1, 4000]) };
		this.member(usage, "cost", { input: 0.1, output: 0.2, cacheRead: 0, cacheWrite: 0, total: this.r.next() });
		return usage;
	}
	blocks(assistant) {
		const list = [];
		for (let i = this.r.below(4); i > 0; i--) {
			list.push(this.r.pick([
				{ type: "text", text: this.text() },
				{ type: "text", text: this.text(), textSignature: "c2ln" },
				assistant ? { type: "thinking", thinking: this.text() } : { type: "image", data: "iVBO", mimeType: "image/png" },
				assistant ? { type: "toolCall", id: "c1", name: "bash", arguments: { command: this.text(), n: 1.50 } }
					: { type: "text", text: "plain" },
			]));
		}
		if (this.odd(0.3))
			list.push(this.r.pick([{ type: "future", x: 1 }, { type: "text", text: "" }]));
		return list;
	}
	content(assistant) {
		return assistant || this.r.chance(0.5) ? this.blocks(assistant) : this.text();
	}
	message() {
		const role = this.odd(0.5) ? this.r.pick(ROLES) : this.r.pick(["user", "assistant", "assistant", "toolResult", "bashExecution", "system"]);
		const m = { role };
		this.member(m, "timestamp", this.now - 5);
		if (role === "bashExecution")
			return Object.assign(m, { command: this.text(), output: this.text(), exitCode: this.r.pick([0, 1, undefined]),
				cancelled: this.r.chance(0.2), truncated: this.r.chance(0.2), fullOutputPath: this.r.pick([undefined, "/tmp/o"]),
				excludeFromContext: this.r.pick([undefined, true, false]) });
		this.member(m, "content", this.odd(0.4) ? this.r.pick([null, undefined, "", []]) : this.content(role === "assistant"));
		if (role === "assistant") {
			this.member(m, "provider", this.r.pick(["p1", "p2"]));
			this.member(m, "model", this.r.pick(["m1", "m2/x"]));
			if (!this.odd(0.3))
				m.usage = this.usage();
			m.stopReason = this.r.pick(["stop", "stop", "toolUse", "error", "aborted", "length"]);
		} else if (role === "toolResult") {
			Object.assign(m, { toolCallId: "c1", toolName: "bash", isError: this.r.chance(0.2) });
			if (this.r.chance(0.2))
				m.usage = this.usage();
		} else if (role === "system") {
			this.system(m);
		} else if (role === "custom" || role === "hookMessage") {
			Object.assign(m, { customType: "note", display: true });
		} else if (role.endsWith("Summary")) {
			Object.assign(m, { summary: this.text() });
		}
		return m;
	}
	system(m) {
		const sections = {}, tool = (name) => ({ name, description: this.text(), parameters: { type: "object" } });
		m.content = this.r.chance(0.5) ? this.text() : this.r.chance(0.5) ? [{ type: "text", text: this.text() }] : "";
		for (const name of ["preamble", "rules", "cwd", "2", "1"])
			if (this.r.chance(0.3))
				sections[name] = this.r.chance(0.25) ? null : this.text();
		if (this.r.chance(0.8))
			m.sections = sections;
		if (this.r.chance(0.5))
			m.toolsAdded = [tool(this.r.pick(["read", "bash"])), tool(this.r.pick(["bash", "edit"]))];
		if (this.r.chance(0.3))
			m.toolsRemoved = [{ name: this.r.pick(["read", "bash", "none"]) }];
		return m;
	}
	body(type, n) {
		const e = {};
		switch (type) {
		case "message":
			this.member(e, "message", this.message());
			break;
		case "model_change":
			this.member(e, "provider", this.text());
			this.member(e, "modelId", this.text());
			break;
		case "thinking_level_change":
			this.member(e, "thinkingLevel", this.r.pick(["off", "high", ""]));
			break;
		case "usage":
			Object.assign(e, { kind: "cache_warm", provider: "p1", model: "m1", usage: this.usage() });
			break;
		case "compaction":
			this.member(e, "summary", this.text());
			this.member(e, "firstKeptEntryId", this.anyId(n));
			this.member(e, "tokensBefore", 900);
			if (this.r.chance(0.3))
				e.systemMessage = this.system({ role: "system", timestamp: 5 });
			if (this.r.chance(0.2))
				e.usage = this.usage();
			if (this.r.chance(0.3)) {
				delete e.firstKeptEntryId;
				e.firstKeptEntryIndex = this.r.pick([0, 1, 2, n, n + 5, -1, 1.5, "1", null]);
			}
			break;
		case "branch_summary":
			this.member(e, "fromId", this.anyId(n));
			this.member(e, "summary", this.text());
			break;
		case "custom":
			Object.assign(e, { customType: "ext", data: this.r.pick(VALUES) });
			break;
		case "custom_message":
			this.member(e, "customType", "note");
			this.member(e, "content", this.content(false));
			this.member(e, "display", this.r.chance(0.5));
			if (this.r.chance(0.3))
				e.details = this.r.pick(VALUES);
			break;
		case "context_edit":
			this.member(e, "targetId", this.anyId(n));
			this.member(e, "replacement", this.r.pick([null, { content: this.text() }, { content: this.blocks(false) }]));
			break;
		case "label":
			this.member(e, "targetId", this.anyId(n));
			this.member(e, "label", this.r.pick([undefined, "", "here", this.text()]));
			break;
		case "session_info":
			this.member(e, "name", this.text());
			break;
		}
		return e;
	}
	entry(n) {
		const type = this.odd(0.3) ? this.r.pick(ODD_TYPES) : this.r.pick(TYPES);
		const e = { type }, id = this.id(n), parentId = this.parent(n), timestamp = this.time();
		if (id !== undefined)
			e.id = id;
		if (parentId !== undefined)
			e.parentId = parentId;
		Object.assign(e, this.body(type, n));
		if (timestamp !== undefined)
			e.timestamp = timestamp;
		if (typeof id === "string") {
			this.ids.push(id);
			this.leaf = id;
		}
		return e;
	}
	header() {
		const h = { type: "session", version: 3, id: "s" + this.r.below(1e6), timestamp: new Date(this.now).toISOString(),
			cwd: "/home/ada/project" };
		if (this.r.chance(0.4))
			h.version = this.r.pick(VERSIONS);
		if (h.version === undefined)
			delete h.version;
		if (this.odd(0.4))
			h.timestamp = this.r.pick(ODD_TIMES);
		if (this.odd(0.3))
			h.cwd = this.r.pick([undefined, null, "", 7, "relative/dir", "/a/../b/"]);
		if (this.odd(0.2))
			h.parentSession = this.r.pick(["/x/y.jsonl", "", null, 7]);
		if (this.odd(0.1))
			h.id = this.r.pick(["", "odd id/\u2028", "\ud83d"]);
		return h;
	}
}

/* Lines that are no entry. */
const STRAYS = ["", "   ", "\t", "null", "false", "0", '""', "5", '"text"', "[1,2]", "true", "{}", "not json", "{", '{"a":',
	"{'a':1}", '{"type":"message",}', '{"type":"session","version":1,"id":"second","cwd":"/other"}', "\ufeff{}",
	'{"type":"message"} {"type":"message"}', '{"id":"dupkeys","id":"last","type":"custom","parentId":null}',
	'{"type":"custom","id":"\\u0065sc","parentId":null,"parentId":"e1","n":1e400,"m":-0,"k":12345678901234567890123}'];

/* The lines of a random session; hostility 0 is a plain one. */
export function makeLines(random, hostility) {
	const maker = new Maker(random, hostility);
	const lines = [JSON.stringify(maker.header())];
	const n = random.pick([0, 1, 3, 8, 15, 25, 40]);
	for (let i = 0; i < n; i++) {
		if (maker.odd(0.25))
			lines.push(random.pick(STRAYS));
		lines.push(JSON.stringify(maker.entry(i)));
	}
	if (maker.odd(0.3))
		lines.unshift(random.pick(["", "garbage", " ", "null"]));
	return lines;
}

export function makeSession(random, hostility) {
	const end = random.chance(0.05 * (hostility > 0)) ? "\r\n" : "\n";
	return Buffer.from(makeLines(random, hostility).map((line) => line + end).join(""), "utf8");
}

const CUTS = {
	torn: (b, r) => b.subarray(0, r.below(b.length + 1)),
	flip: (b, r) => {
		const out = Buffer.from(b);
		for (let i = 1 + r.below(4); i > 0 && out.length; i--)
			out[r.below(out.length)] ^= 1 << r.below(8);
		return out;
	},
	zero: (b, r) => {
		const out = Buffer.from(b), at = r.below(out.length);
		return out.fill(0, at, Math.min(out.length, at + 1 + r.below(80)));
	},
	insert: (b, r) => {
		const at = r.below(b.length + 1);
		const what = r.pick([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x0d], [0x0a], [0xe2, 0x80, 0xa8], [0], [0xef, 0xbb, 0xbf],
			[0x5c], [0x22], [0xf5, 0x80], [0x85], [0x0b]]);
		return Buffer.concat([b.subarray(0, at), Buffer.from(what), b.subarray(at)]);
	},
	remove: (b, r) => {
		const at = r.below(b.length), n = 1 + r.below(30);
		return Buffer.concat([b.subarray(0, at), b.subarray(Math.min(b.length, at + n))]);
	},
	bom: (b) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), b]),
	lines: (b, r) => {
		const lines = b.toString("latin1").split("\n"), i = r.below(lines.length), j = r.below(lines.length);
		r.pick([
			() => { [lines[i], lines[j]] = [lines[j], lines[i]]; },
			() => lines.splice(i, 1),
			() => lines.splice(j, 0, lines[i]),
			() => { lines[i] += lines.splice(i + 1, 1).join(""); },
			() => { lines[i] = lines[i].slice(0, r.below(lines[i].length + 1)); },
			() => { lines[i] = "\t " + lines[i] + " \r"; },
		])();
		return Buffer.from(lines.join("\n"), "latin1");
	},
};

export function damage(bytes, random) {
	for (let i = 1 + random.below(3); i > 0 && bytes.length; i--)
		bytes = CUTS[random.pick(Object.keys(CUTS))](bytes, random);
	return bytes;
}

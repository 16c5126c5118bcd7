/*
 * Random calls on a session: data that both sides understand, {"do":...}. From plain to thoroughly odd
 * values, but only what a JavaScript program can write down; wrong calls on request.
 */

const TEXTS = ["", " ", "a", "zwei\nZeilen", "\u2028", "x\u2029y", "naïve 日本 🌱", "\ud83d", "\udc00 half", "a\ud83d\ud83cz",
	"tab\t\u0000\u001f\u007f\u0080", "\\\"</script>\b\f\r", "a\u0301", "\ufeffbom\ufeff", "\ufffd\uffff", " padded\u00a0", "null",
	'{"type":"session"}', "line\r\nline", "__proto__", "🌱".repeat(70), '"id":"x","parentId":null'];
const NUMBERS = [0, -0, 1, -1, 0.1 + 0.2, 1e21, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2,
	-1.5e-9, 100, 4.35, 1e23];
const KEYS = ["a", "b", "2", "1", "__proto__", "", "naïve", "\ud83d", "toString", "a b"];
const LEVELS = ["off", "minimal", "low", "medium", "high", "xhigh"];
const EDITABLE = ["user", "assistant", "toolResult"];

function isEditable(e) {
	return e.type === "custom_message" || e.type === "message" && EDITABLE.includes(e.message.role);
}

function jsonWith(key, value) {
	return JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(value)}}`);
}

/* What pi writes down and ramet refuses: a value of the wrong type, which a reader of either stumbles over
 * or shows as nothing (see EINVAL in ramet/store.h). */
export const STRICT = [
	...[{}, 5, null, [], "text", { role: 7 }].map((message) => ({ do: "message", message })),
	...["user", "assistant", "toolResult", "system"].flatMap((role) => [undefined, null, 5, {}].map((content) =>
		({ do: "message", message: { role, content } }))),
	{ do: "messages", messages: [{ role: "user", content: "good" }, { role: "user", content: 5 }] },
	...[null, 5, []].map((usage) => ({ do: "usage", kind: "k", provider: "p", model: "m", usage })),
	...[null, 5, []].map((usage) => ({ do: "compaction", summary: "s", tokensBefore: 1, usage })),
	{ do: "branchSummary", target: null, summary: "s", usage: null },
	...[undefined, null, 5, {}].map((content) => ({ do: "customMessage", customType: "x", content, display: true })),
	...[{}, 5, [], { type: 5 }, { type: "session" }, { type: "message" }, { type: "x", id: "1" }, { type: "x", parentId: null },
		{ type: "x", timestamp: 1 }, { type: "custom" }, { type: "label" }].map((entry) => ({ do: "entry", entry })),
];

export class Caller {
	constructor(random, hostility) {
		this.r = random;
		this.hostility = hostility;
	}
	odd(p = 1) { return this.r.chance(this.hostility * p); }
	maybe(p, make) { return this.r.chance(p) ? make() : undefined; }
	text(plain = ["first question", "an answer", "ok", "see src/a.c"]) {
		if (this.odd(0.02))
			return this.r.pick(["x", "é", "\n", '"', "🌱"]).repeat(100000);
		return this.odd() ? this.r.pick(TEXTS) : this.r.pick(plain);
	}
	number() { return this.odd() ? this.r.pick(NUMBERS) : this.r.below(100000); }
	value(depth = 0) {
		const { r } = this;
		if (depth > 3 || r.chance(0.5))
			return r.pick([null, true, false, this.number(), this.text(), this.text(), [], {}]);
		if (r.chance(0.4))
			return Array.from({ length: r.below(4) }, () => this.value(depth + 1));
		const object = {};
		for (let i = r.below(5); i > 0; i--) {
			const key = r.pick(KEYS);
			Object.defineProperty(object, key, { value: this.value(depth + 1), enumerable: true, configurable: true });
		}
		return object;
	}
	usage() {
		const n = () => this.r.below(5000), usage = { input: n(), output: n(), cacheRead: n(), cacheWrite: n() };
		usage.totalTokens = usage.input + usage.output;
		usage.cost = { input: 0.1, output: this.r.next(), cacheRead: 0, cacheWrite: 0, total: this.r.next() };
		return usage;
	}
	blocks(assistant) {
		const list = [];
		for (let i = this.r.below(4); i > 0; i--) {
			list.push(this.r.pick([
				{ type: "text", text: this.text() },
				{ type: "text", text: this.text(), textSignature: "c2ln" },
				assistant ? { type: "thinking", thinking: this.text() } : { type: "image", data: "iVBO", mimeType: "image/png" },
				assistant ? { type: "toolCall", id: "c1", name: "bash", arguments: jsonWith(this.r.pick(KEYS), this.value(1)) }
					: { type: "text", text: "plain" },
			]));
		}
		return list;
	}
	system(m) {
		const tool = (name) => ({ name, description: this.text(), parameters: { type: "object", properties: this.value(2) } });
		const sections = {};
		for (const name of ["preamble", "rules", "cwd", "2", "1"])
			if (this.r.chance(0.3))
				sections[name] = this.r.chance(0.25) ? null : this.text();
		m.content = this.r.chance(0.5) ? this.text() : [{ type: "text", text: this.text() }];
		if (this.r.chance(0.8))
			m.sections = sections;
		if (this.r.chance(0.5))
			m.toolsAdded = [tool(this.r.pick(["read", "bash"])), tool(this.r.pick(["bash", "edit"]))];
		if (this.r.chance(0.3))
			m.toolsRemoved = [{ name: this.r.pick(["read", "bash", "none"]) }];
		return m;
	}
	message(role = this.r.pick(["user", "user", "assistant", "assistant", "toolResult", "bashExecution", "system", "custom"])) {
		const { r } = this, timestamp = 1772442000000 + r.below(1e9);
		const m = { role };
		switch (role) {
		case "system":
			this.system(m);
			break;
		case "bashExecution":
			Object.assign(m, { command: this.text(), output: this.text(), exitCode: r.pick([0, 1, undefined]), cancelled: r.chance(0.2),
				truncated: r.chance(0.2), excludeFromContext: r.pick([undefined, true, false]) });
			break;
		case "assistant":
			Object.assign(m, { content: this.blocks(true), api: "x", provider: r.pick(["p1", "p2"]), model: r.pick(["m1", "m2/x"]),
				usage: this.usage(), stopReason: r.pick(["stop", "toolUse", "error", "aborted"]) });
			break;
		case "toolResult":
			Object.assign(m, { toolCallId: "c1", toolName: "bash", content: this.blocks(false), isError: r.chance(0.2),
				details: this.maybe(0.3, () => this.value()) });
			break;
		case "custom":
			Object.assign(m, { customType: "note", content: this.text(), display: true });
			break;
		default:
			m.content = r.chance(0.5) ? this.blocks(false) : this.text();
		}
		m.timestamp = timestamp;
		if (this.odd(0.3))
			Object.assign(m, { extra: this.value() });
		return m;
	}
	summary() {
		return { summary: this.text(["what happened", "went to look"]), details: this.maybe(0.5, () => this.value()),
			usage: this.maybe(0.3, () => this.usage()), fromHook: this.r.pick([0, 0, 1, -1]) };
	}
	/* An entry on the path whose content can be edited. */
	editable(view) {
		const list = view.path.filter(isEditable);
		return list.length ? this.r.pick(list).id : undefined;
	}
	edit(view) {
		const target = this.editable(view);
		const replacement = this.r.pick([null, { content: this.text() }, { content: this.blocks(true) },
			{ content: this.text(), more: this.value() }, { more: 1, content: [] }]);
		return target === undefined ? this.plain() : { do: "edit", target, replacement };
	}
	/* Often from a label on: a branch of its own must then keep from the next entry on. */
	compaction(view) {
		const labels = view.path.filter((e) => e.type === "label");
		const from = labels.length && this.r.chance(0.4) ? labels : view.path;
		const kept = this.r.chance(0.3) || !from.length ? undefined : this.r.pick(from).id;
		return { do: "compaction", ...this.summary(), firstKept: this.odd(0.2) ? "no such entry" : kept, tokensBefore: this.number() };
	}
	label(view) {
		/* The same few entries again, so that labels are moved and cleared. */
		const known = view.known.length ? view.known[this.r.chance(0.5) ? this.r.below(Math.min(4, view.known.length)) :
			this.r.below(view.known.length)] : undefined;
		if (!known)
			return this.plain();
		const label = this.r.pick([undefined, "", "here", "there", this.text(), this.text()]);
		return { do: "label", target: known.id, label };
	}
	plain() { return { do: "message", message: this.message() }; }
	/* A call that appends. view: {known: entries, path: those from the root to the leaf}. */
	append(view) {
		const { r } = this;
		return r.pick([
			() => this.plain(), () => this.plain(), () => this.plain(), () => this.plain(), () => this.plain(),
			() => ({ do: "messages", messages: Array.from({ length: 1 + r.below(5) }, () => this.message()) }),
			() => ({ do: "thinking", level: this.text(LEVELS) }),
			() => ({ do: "model", provider: this.text(["p1", "p2"]), modelId: this.text(["m1", "m2/x"]) }),
			() => ({ do: "usage", kind: this.text(["cache_warm"]), provider: this.text(["p1"]), model: this.text(["m1"]), usage: this.usage(),
				note: r.pick([undefined, "", this.text(["warm"])]) }),
			() => ({ do: "custom", customType: this.text(["ext"]), data: this.maybe(0.8, () => this.value()) }),
			() => ({ do: "customMessage", customType: this.text(["note"]), content: r.chance(0.5) ? this.text() : this.blocks(false),
				display: r.chance(0.5), details: this.maybe(0.5, () => this.value()) }),
			() => ({ do: "name", name: r.pick(["", "a name", "two\r\n\nlines ", this.text(), this.text(), this.text()]) }),
			() => this.label(view), () => this.label(view),
			() => this.compaction(view),
			() => this.edit(view), () => this.edit(view),
			() => ({ do: "branchSummary", ...this.summary(), target: this.somewhere(view) }),
		])();
	}
	/* An entry, or null for the place before the first. */
	somewhere(view) {
		return view.known.length && !this.r.chance(0.1) ? this.r.pick(view.known).id : null;
	}
	/* A call that must be refused, and with what. */
	wrong(view) {
		const { r } = this, on = new Set(view.path.map((e) => e.id));
		const off = view.known.filter((e) => !on.has(e.id));
		const other = view.path.filter((e) => !isEditable(e));
		const list = [
			["ENOTFOUND", { do: "branch", target: "no such entry" }],
			["ENOTFOUND", { do: "label", target: "no such entry", label: "x" }],
			["ENOTFOUND", { do: "branchSummary", target: "no such entry", summary: "x" }],
			["ENOTFOUND", { do: "edit", target: "no such entry", replacement: null }],
		];
		for (const replacement of ["text", {}, { content: null }, { content: 5 }, 7, true, [], { content: {} }])
			list.push(["EINVAL", { do: "edit", target: this.editable(view) ?? "none", replacement }]);
		if (off.length)
			list.push(["EINVAL", { do: "edit", target: r.pick(off).id, replacement: null }]);
		if (other.length)
			list.push(["EINVAL", { do: "edit", target: r.pick(other).id, replacement: { content: "x" } }]);
		const [code, call] = r.chance(0.5) ? r.pick(list) : list[list.length - 1 - r.below(3)];
		return { code, call };
	}
}

// Holds rameti_time_parse and rameti_time_format against this engine's Date.
//
//     node time_differential.mjs PROBE [COUNT [SEED]]
//
// PROBE is the built probe_time.c. Each family is tried in two zones. Exit 1 on any difference.
// Ends with "N passed, M failed", counted in texts.
import { spawnSync } from "node:child_process";

const [probe, countText = "100000", seedText = "1"] = process.argv.slice(2);
const count = Number(countText);
let state = BigInt(seedText) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn || 1n;

function random() {
	state ^= state << 13n & 0xffffffffffffffffn;
	state ^= state >> 7n;
	state ^= state << 17n & 0xffffffffffffffffn;
	return Number(state >> 11n) / 2 ** 53;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const digits = (n) => Array.from({ length: n }, () => below(10)).join("");
const number = (low, high, width) => String(low + below(high - low + 1)).padStart(width, "0");

function isoText() {
	const year = pick([number(1850, 2100, 4), number(0, 9999, 4), pick("+-") + digits(6),
		pick("+-") + number(0, 280000, 6), "-000000"]);
	const date = year + pick(["", `-${number(0, 13, 2)}`, `-${number(1, 12, 2)}-${number(1, 31, 2)}`,
		`-${number(1, 12, 2)}-${number(1, 28, 2)}`, `-${number(1, 12, 2)}-${number(0, 33, 2)}`]);
	if (random() < 0.2)
		return date;
	const clock = pick(["T", "T", "T", "T", "t", " "]) + pick([number(0, 23, 2), number(0, 25, 2), "24"]) + ":" +
		pick([number(0, 59, 2), number(0, 61, 2), "00"]);
	const seconds = pick(["", `:${number(0, 59, 2)}`, `:${number(0, 61, 2)}`, ":00"]);
	const fraction = seconds && random() < 0.6 ? `.${digits(1 + below(pick([3, 3, 14])))}` : "";
	const zone = pick(["Z", "Z", "z", "", "", `${pick("+-")}${number(0, 24, 2)}:${number(0, 60, 2)}`,
		`${pick("+-")}${number(0, 14, 2)}:${pick(["00", "30", "45"])}`, `${pick("+-")}${number(0, 24, 2)}${number(0, 60, 2)}`]);
	return date + clock + seconds + fraction + zone;
}

const alphabet = "0123456789-+:.TZ tz,/()aJmpé\u00a0\u2028[_";

function damaged() {
	let text = random() < 0.7 ? isoText() : legacyText();
	for (let n = 1 + below(3); n; n--) {
		const at = below(text.length + 1);
		text = text.slice(0, at) + pick(["", pick(alphabet), pick(alphabet)]) + text.slice(at + pick([0, 1, 1]));
	}
	return text;
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec January March june SEPTEMBER Decem".split(" ");
const weekdays = "Mon Tue, Wed Thursday, Sat Sun,".split(" ");
const zones = ["", "", "Z", "GMT", "UTC", "UT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "GMT+2",
	"UTC-05:30", "+0100", "-0800", "+5", "+530", "-11:15", "GMT+0200 (CEST)", "(comment)", "+01:00"];

function legacyText() {
	const year = pick([number(1900, 2100, 4), number(1900, 2100, 4), number(0, 99, 2), number(1, 275000, 1)]);
	const month = pick(months);
	const day = pick([number(1, 31, 1), number(1, 28, 2)]);
	const date = pick([`${month} ${day}, ${year}`, `${day} ${month} ${year}`, `${year}/${number(1, 12, 2)}/${day}`,
		`${number(1, 12, 1)}/${day}/${year}`, `${day}-${month}-${year}`, `${month} ${day}`, `${year} ${month} ${day}`,
		`${year}-${number(1, 12, 1)}-${day}`, `${month} ${year}`, `${year}.${number(1, 12, 2)}.${day}`]);
	const clock = pick(["", `${number(0, 23, 1)}:${number(0, 59, 2)}`, `${number(0, 23, 2)}:${number(0, 59, 2)}:${number(0, 59, 2)}`,
		`${number(0, 23, 2)}:${number(0, 59, 2)}:${number(0, 59, 2)}.${digits(1 + below(5))}`,
		`${number(0, 13, 1)}:${number(0, 59, 2)}${pick(["", " "])}${pick(["am", "PM", "pm", "AM"])}`, "24:00", "12::30"]);
	const parts = [pick(["", "", pick(weekdays)]), date, clock, pick(zones)].filter((part) => part);
	if (random() < 0.1)
		parts.reverse();
	return parts.join(pick([" ", " ", " ", "  ", "\t"]));
}

const tokens = ["1", "12", "2026", "31", "0", "99", "007", "123456789012", ":", "::", ".", "-", "+", ",", "/", " ", " ",
	"(", ")", "T", "Z", "am", "pm", "Mar", "june", "GMT", "EST", "foo", "é", "\u00a0", "24:00", "10:20", "10:20:30.5",
	"2026-03-02", "+0100", "\u3000", "(x)", "t", "UTC", "_", "\ud83d\ude00"];

function soup() {
	return Array.from({ length: 1 + below(7) }, () => pick(tokens)).join(pick(["", "", " "]));
}

// Every quarter of an hour around the changes of the clock, without a zone.
function wallTimes() {
	const texts = [];
	for (const day of ["2026-03-08", "2026-11-01", "1974-01-06", "1945-08-14", "2007-11-04", "1967-04-30"])
		for (let minute = 0; minute < 24 * 60; minute += 15)
			texts.push(`${day}T${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`);
	return texts;
}

function expected(zone, texts, format) {
	const program = `let all = require("fs").readFileSync(0, "utf8").split("\\n"); all.pop();
		const f = ${format} ? (t) => { const d = new Date(Number(t)); return isNaN(d) ? "" : d.toISOString(); }
			: (t) => { const n = Date.parse(t); return Number.isNaN(n) ? "null" : String(n); };
		process.stdout.write(all.map(f).join("\\n") + "\\n");`;
	return run(process.execPath, ["-e", program], zone, texts);
}

function run(file, args, zone, texts) {
	const result = spawnSync(file, args, { input: texts.join("\n") + "\n", env: { ...process.env, TZ: zone },
		maxBuffer: 1 << 30, encoding: "utf8" });
	if (result.status !== 0)
		throw new Error(`${file} failed: ${result.error ?? result.stderr}`);
	return result.stdout.split("\n");
}

const make = (one) => Array.from({ length: count }, one).filter((text) => !/[\n\r]/.test(text) && text.isWellFormed?.() !== false);
const families = [["iso", make(isoText)], ["damaged", make(damaged)], ["legacy", make(legacyText)], ["soup", make(soup)],
	["wall", wallTimes()],
	["format", make(() => String(Math.trunc((random() - 0.5) * 2 * 10 ** (below(8) + 9) * (1 + 8 * random()))))]];
let passed = 0, failed = 0;
for (const [name, texts] of families)
	for (const zone of ["UTC", "America/New_York"]) {
		const format = name === "format";
		const want = expected(zone, texts, format), got = run(probe, format ? ["format"] : [], zone, texts);
		const bad = texts.flatMap((text, i) => want[i] === got[i] ? [] : [[text, want[i], got[i]]]);
		failed += bad.length;
		passed += texts.length - bad.length;
		console.log(`${name} ${zone}: ${texts.length} texts, ${want.filter((w) => w && w !== "null").length} times, ${bad.length} differences`);
		for (const [text, w, g] of bad.slice(0, 8))
			console.log(`  ${JSON.stringify(text)}: Date ${w}, ramet ${g}`);
	}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

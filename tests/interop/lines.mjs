/* Lines of a session file, and what of them must be equal whoever wrote them. */

export const ID = /^[0-9a-f]{8}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const FILE_NAME = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z)_(.+)\.jsonl$/;

/* A line without what no two writers share: id, parentId, times. The three members must stand side by
 * side, as pi writes them. */
export function anonymous(raw) {
	const e = JSON.parse(raw);
	const q = JSON.stringify;
	let text = replaceLast(raw, `"id":${q(e.id)},"parentId":${q(e.parentId)},"timestamp":${q(e.timestamp)}`, "@");
	if (e.type === "compaction" && e.firstKeptEntryId === e.id)
		text = replaceLast(text, `"firstKeptEntryId":${q(e.id)}`, '"firstKeptEntryId":@');
	if (e.type === "compaction" && e.systemMessage?.timestamp === Date.parse(e.timestamp))
		text = replaceLast(text, `"timestamp":${Date.parse(e.timestamp)}}}`, '"timestamp":@}}');
	return text;
}

function replaceLast(text, what, by) {
	/* A payload may hold the same text: of custom entries it stands before, of the others behind. */
	const at = /^\{"type":"custom/.test(text) || what.includes("}}") ? text.lastIndexOf(what) : text.indexOf(what);
	return at < 0 ? text : text.slice(0, at) + by + text.slice(at + what.length);
}

export function isEntry(e) {
	return ID.test(e.id) && TIME.test(e.timestamp) && Math.abs(Date.parse(e.timestamp) - Date.now()) < 3600e3;
}

/* What is wrong with a new header line and the name of its file; "" if nothing. */
export function headerFault(raw, header, name) {
	const { type, version, id, timestamp, cwd, parentSession } = header;
	if (raw !== JSON.stringify({ type, version, id, timestamp, cwd, parentSession }))
		return "members or their order";
	if (type !== "session" || version !== 3 || !TIME.test(timestamp))
		return "values";
	const match = FILE_NAME.exec(name);
	if (name !== null && (match?.[1] !== timestamp.replace(/[:.]/g, "-") || match[2] !== id))
		return `file name ${name}`;
	return "";
}

export class Disagreement extends Error {
	disagreement = true;
}

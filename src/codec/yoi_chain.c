/*
 * codec/yoi_chain.c - the hash chain of the older generations, and telling generations apart.
 *
 * A record's hash is SHA-256 over the hash before it and the record's text as it was stored: what
 * stands behind prev_hash in the line, never a text printed anew. Works on bytes in memory.
 */
#include "codec/yoi.h"

#include <string.h>

#include "base/add.h"
#include "base/error.h"
#include "base/hash.h"

#define HEX 64u

/* ---- lines ---- */

/* Digits by character: their value + 1, and 16 more for upper case. */
static const uint8_t digits[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 27, ['B'] = 28,
	['C'] = 29, ['D'] = 30, ['E'] = 31, ['F'] = 32,
};

/* 64 digits; 0: they are none, or (strict) not lower case. */
static int unhex(const char *text, uint8_t out[32], int strict)
{
	unsigned none = 0, upper = 0;
	size_t i;

	for (i = 0; i < 32; i++) {
		unsigned high = digits[(uint8_t)text[2 * i]],
			 low = digits[(uint8_t)text[2 * i + 1]];

		none |= (unsigned)(!high | !low);
		upper |= (high - 1) | (low - 1);
		out[i] = (uint8_t)(((high - 1) & 15) << 4 | ((low - 1) & 15));
	}
	return !none && (!strict || upper < 16);
}

int rameti_yoi_unhex(struct ramet_bytes text, uint8_t out[32])
{
	return text.len == HEX && unhex(text.ptr, out, 0);
}

/* Does text begin with this? Then it begins behind it. */
static int skip(struct ramet_bytes *text, const char *what)
{
	size_t len = strlen(what);

	if (text->len < len || memcmp(text->ptr, what, len) != 0)
		return 0;
	text->ptr += len;
	text->len -= len;
	return 1;
}

/* "<64 lower case hex digits>" */
static int skip_hash(struct ramet_bytes *text, uint8_t out[32])
{
	if (!skip(text, "\"") || text->len < HEX || !unhex(text->ptr, out, 1))
		return 0;
	text->ptr += HEX;
	text->len -= HEX;
	return skip(text, "\"");
}

int rameti_yoi_link_of(struct ramet_bytes line, struct rameti_yoi_link *link)
{
	memset(link, 0, sizeof(*link));
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (!skip(&line, "{\"hash\":") || !skip_hash(&line, link->hash) ||
	    !skip(&line, ",\"prev_hash\":"))
		return 0;
	if (!skip(&line, "null")) {
		if (!skip_hash(&line, link->prev))
			return 0;
		link->has_prev = 1;
	}
	if (!skip(&line, ","))
		return 0;
	link->rest = line;
	return 1;
}

static int hash_member(const struct ramet_json *object, const char *key, uint8_t out[32])
{
	const struct ramet_json *v = ramet_json_get(object, key);
	struct ramet_buf text = RAMET_BUF_INIT(4096);
	int ok;

	if (ramet_json_kind(v) != RAMET_JSON_STRING || v->len > 4000)
		return 0;
	if (!(v->flags & RAMET_JSON_HAS_ESCAPE))
		return rameti_yoi_unhex(ramet_json_plain(v), out);
	ramet_json_text(v, &text);
	ok = rameti_yoi_unhex(ramet_buf_bytes(&text), out);
	ramet_buf_release(&text);
	return ok;
}

int rameti_yoi_link_loose(const struct ramet_json *object, struct rameti_yoi_link *link)
{
	memset(link, 0, sizeof(*link));
	if (!hash_member(object, "hash", link->hash))
		return 0;
	link->has_prev = hash_member(object, "prev_hash", link->prev);
	return 1;
}

int rameti_yoi_hash(const uint8_t prev[32], struct ramet_bytes json, uint8_t hash[32])
{
	struct ramet_bytes pieces[2] = { { (const char *)prev, 32 }, json };

	return rameti_sha256(pieces, 2, hash);
}

int rameti_yoi_add_line(struct ramet_buf *out, struct ramet_bytes json, int gen, uint8_t chain[32],
			int *has_chain)
{
	static const uint8_t zeros[32];
	char hex[HEX + 1];
	uint8_t hash[32];

	if (gen >= RAMETI_YOI_BRIDGE) {
		ramet_buf_add(out, json);
		ramet_buf_add_char(out, '\n');
		return ramet_buf_status(out);
	}
	if (rameti_yoi_hash(*has_chain ? chain : zeros, json, hash) < 0)
		return RAMET_ENOMEM;
	rameti_hex(hash, 32, hex);
	ramet_buf_addf(out, "{\"hash\":\"%s\",\"prev_hash\":", hex);
	if (*has_chain) {
		rameti_hex(chain, 32, hex);
		ramet_buf_addf(out, "\"%s\",", hex);
	} else {
		ADD(out, "null,");
	}
	json.ptr++;
	json.len--;
	ramet_buf_add(out, json);
	ramet_buf_add_char(out, '\n');
	if (ramet_buf_status(out) < 0)
		return RAMET_ENOMEM;
	memcpy(chain, hash, 32);
	*has_chain = 1;
	return 0;
}

/* ---- kinds and generations ---- */

static const struct {
	const char *name;
	uint8_t kind;
} kinds[] = {
	{ "session_start", RAMETI_YOI_SESSION_START },
	{ "segment_start", RAMETI_YOI_SEGMENT_START },
	{ "user_input", RAMETI_YOI_USER_INPUT },
	{ "assistant_item", RAMETI_YOI_ASSISTANT_ITEM },
	{ "assistant_items", RAMETI_YOI_ASSISTANT_ITEMS },
	{ "tool_result", RAMETI_YOI_TOOL_RESULT },
	{ "tool_results", RAMETI_YOI_TOOL_RESULTS },
	{ "hook_injected_items", RAMETI_YOI_HOOK_ITEMS },
	{ "system_item", RAMETI_YOI_SYSTEM_ITEM },
	{ "system_items", RAMETI_YOI_SYSTEM_ITEMS },
	{ "invoke", RAMETI_YOI_INVOKE },
	{ "turn_end", RAMETI_YOI_TURN_END },
	{ "run_completed", RAMETI_YOI_RUN_COMPLETED },
	{ "run_errored", RAMETI_YOI_RUN_ERRORED },
	{ "run_outcome", RAMETI_YOI_RUN_OUTCOME },
	{ "paused_turn_abandoned", RAMETI_YOI_ABANDONED },
	{ "config_changed", RAMETI_YOI_CONFIG_CHANGED },
	{ "llm_usage", RAMETI_YOI_LLM_USAGE },
	{ "extension", RAMETI_YOI_EXTENSION },
	{ "locked", RAMETI_YOI_LOCKED },
	{ "cache_locked", RAMETI_YOI_LOCKED },
	{ "cache_unlocked", RAMETI_YOI_UNLOCKED },
	{ "annotated_segment_start", RAMETI_YOI_A_START },
	{ "annotated_user_input", RAMETI_YOI_A_USER_INPUT },
	{ "annotated_assistant_item", RAMETI_YOI_A_ASSISTANT_ITEM },
	{ "annotated_tool_result", RAMETI_YOI_A_TOOL_RESULT },
	{ "annotated_system_item", RAMETI_YOI_A_SYSTEM_ITEM },
	{ "input_segments_checkpoint", RAMETI_YOI_SEGMENTS_CHECKPOINT },
	{ "active_run_checkpoint", RAMETI_YOI_RUN_CHECKPOINT },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

int rameti_yoi_kind_of(struct ramet_bytes raw)
{
	size_t i;

	for (i = 0; i < N_KINDS; i++) {
		size_t len = strlen(kinds[i].name);

		if (raw.len == len + 2 && !memcmp(raw.ptr + 1, kinds[i].name, len))
			return kinds[i].kind;
	}
	if (!memchr(raw.ptr ? raw.ptr : "", '\\', raw.len))
		return RAMETI_YOI_UNKNOWN;
	for (i = 0; i < N_KINDS; i++)
		if (rameti_json_raw_is(raw, ramet_bytes_of(kinds[i].name)))
			return kinds[i].kind;
	return RAMETI_YOI_UNKNOWN;
}

/* What the tag of an item says: G1 or G1B; 0 without items. */
static int gen_of_items(const struct ramet_json *list)
{
	const struct ramet_json *first = NULL;

	if (ramet_json_kind(list) == RAMET_JSON_OBJECT)
		first = list;
	else if (ramet_json_kind(list) == RAMET_JSON_ARRAY)
		first = ramet_json_next(list, NULL);
	if (ramet_json_get(first, "type"))
		return RAMETI_YOI_G1;
	return ramet_json_get(first, "kind") ? RAMETI_YOI_G1B : RAMETI_YOI_NONE;
}

static int gen_of_hashed(int kind, const struct ramet_json *object)
{
	switch (kind) {
	case RAMETI_YOI_LOCKED:
	case RAMETI_YOI_UNLOCKED:
	case RAMETI_YOI_RUN_OUTCOME:
		return RAMETI_YOI_G0;
	case RAMETI_YOI_USER_INPUT:
		return ramet_json_get(object, "segments") ? RAMETI_YOI_G1C : RAMETI_YOI_NONE;
	case RAMETI_YOI_SYSTEM_ITEMS:
		return RAMETI_YOI_G1C;
	case RAMETI_YOI_ASSISTANT_ITEM:
	case RAMETI_YOI_TOOL_RESULT:
	case RAMETI_YOI_SYSTEM_ITEM:
	case RAMETI_YOI_INVOKE:
		return RAMETI_YOI_G1D;
	case RAMETI_YOI_SESSION_START:
		return gen_of_items(ramet_json_get(object, "history"));
	default:
		return gen_of_items(ramet_json_get(object, "items"));
	}
}

int rameti_yoi_gen_of(const struct ramet_json *object)
{
	const struct ramet_json *name = ramet_json_get(object, "kind");
	struct ramet_bytes none = { NULL, 0 };
	int kind = rameti_yoi_kind_of(
		ramet_json_kind(name) == RAMET_JSON_STRING ? ramet_json_raw(name) : none);

	if (ramet_json_get(object, "hash") || ramet_json_get(object, "prev_hash"))
		return gen_of_hashed(kind, object);
	if (kind >= RAMETI_YOI_A_START)
		return RAMETI_YOI_G3;
	if (kind == RAMETI_YOI_SESSION_START)
		return RAMETI_YOI_BRIDGE;
	return kind == RAMETI_YOI_SEGMENT_START ? RAMETI_YOI_G2 : RAMETI_YOI_NONE;
}

/* Is this the start of a line {"kind":"K","ts": with a kind we know? */
static int begins_bare(struct ramet_bytes line)
{
	struct ramet_bytes raw = line;
	const char *end;

	if (!skip(&line, "{\"kind\":\"") || !(end = memchr(line.ptr, '"', line.len)))
		return 0;
	raw.ptr = line.ptr - 1;
	raw.len = (size_t)(end - raw.ptr) + 1;
	line.len -= (size_t)(end - line.ptr);
	line.ptr = end;
	return rameti_yoi_kind_of(raw) && skip(&line, "\",\"ts\":");
}

#define NO_OBJECT (-100)

/* The generation of a whole line in any shape; 0: another object; NO_OBJECT; ENOMEM. */
static int gen_of_line(struct ramet_bytes line)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *o, *kind;
	struct rameti_yoi_link link;
	int r = ramet_json_parse(&doc, line, 0, NULL);
	int gen = r == RAMET_ENOMEM ? r : NO_OBJECT;

	if (!r && ramet_json_kind(ramet_json_root(&doc)) == RAMET_JSON_OBJECT) {
		o = ramet_json_root(&doc);
		kind = ramet_json_get(o, "kind");
		gen = 0;
		if (ramet_json_kind(kind) == RAMET_JSON_STRING &&
		    (rameti_yoi_link_loose(o, &link) ||
		     (rameti_yoi_kind_of(ramet_json_raw(kind)) && ramet_json_get(o, "ts")))) {
			gen = rameti_yoi_gen_of(o);
			if (!gen)
				gen = ramet_json_get(o, "hash") || ramet_json_get(o, "prev_hash")
					      ? RAMETI_YOI_G1
					      : RAMETI_YOI_G2;
		}
	}
	ramet_json_doc_release(&doc);
	return gen;
}

/* Of two records of one hashed file: the later, but old kinds make it old. */
int rameti_yoi_gen_join(int a, int b)
{
	if ((a == RAMETI_YOI_G0 && b <= RAMETI_YOI_G1) ||
	    (b == RAMETI_YOI_G0 && a <= RAMETI_YOI_G1))
		return RAMETI_YOI_G0;
	return a > b ? a : b;
}

/* So many lines, or bytes, tell all that can be told. */
#define SNIFF_LINES 32
#define SNIFF_DAMAGED 8
#define SNIFF_BYTES 65536u

int rameti_yoi_sniff_gen(struct ramet_bytes head)
{
	const char *start = head.ptr;
	struct rameti_yoi_link link;
	int i, gen, found = 0, broken = 0;

	(void)skip(&head, "\xef\xbb\xbf");
	for (i = 0; i < SNIFF_LINES && head.len && head.ptr < start + SNIFF_BYTES; i++) {
		struct ramet_bytes line = { head.ptr, rameti_scan_newline(head) };

		head.ptr += line.len;
		head.len -= line.len;
		(void)skip(&head, "\n");
		gen = gen_of_line(line);
		if (gen == RAMET_ENOMEM)
			return gen;
		if (gen > 0 && (!found || gen < RAMETI_YOI_BRIDGE))
			found = rameti_yoi_gen_join(found, gen);
		if (found >= RAMETI_YOI_BRIDGE || (!gen && !found))
			return found;
		/* a line longer than the head, or damaged behind its start */
		if (gen < 0 && !found && rameti_yoi_link_of(line, &link))
			found = RAMETI_YOI_G1;
		if (gen < 0 && !found && begins_bare(line))
			return RAMETI_YOI_G2;
		broken += gen < 0;
		if (!found && broken == SNIFF_DAMAGED)
			return 0;
	}
	return found;
}

/*
 * codec/yoi_strict.c - would the original read this record? Its types, as tables.
 *
 * A record that does not fit makes the original refuse the whole file. Members that are not in a
 * table are passed over, as the original does. The walk is as deep as the tables are, whatever the
 * input. Knows G1, G1D and G2 by running them, the dialects between as far as they are told apart.
 */
#include "codec/yoi.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum type {
	ANY,
	U32,
	U64,
	I64_OR_TEXT,
	NUMBER,
	BOOL,
	TEXT,
	TEXTS,
	HASH,
	UUID,
	ENUM, /* a text of names */
	STRUCT, /* fields */
	TAGGED, /* variants */
	LIST_OF_TAGGED,
	LIST_OF_STRUCT
};
enum need { REQUIRED, OPTIONAL /* or null */, DEFAULTS /* or missing */ };

struct field {
	const char *name;
	uint8_t type, need;
	const void *of; /* names, fields or variants */
};
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0, NULL                                                                   \
	}

/* A variant's fields, in generations first to last. Past the list: what an unknown name is. */
struct variant {
	const char *name;
	const struct field *fields;
	uint8_t first, last;
};
struct variants {
	const char *tag;
	const struct variant *list;
	int unknown_is_fine;
};
#define G1 RAMETI_YOI_G1
#define G1B RAMETI_YOI_G1B
#define G1C RAMETI_YOI_G1C
#define G1D RAMETI_YOI_G1D
#define G2 RAMETI_YOI_G2
#define LAST RAMETI_YOI_G3
#define BARE RAMETI_YOI_BRIDGE

/* ---- items ---- */

static const char *const roles[] = { "user", "assistant", "system", NULL };
static const char *const states[] = { "inprogress", "completed", "incomplete", NULL };

static const struct field text_part[] = { { "text", TEXT, REQUIRED, NULL }, END };
static const struct field refusal_part[] = { { "refusal", TEXT, REQUIRED, NULL }, END };
static const struct variant part_list[] = { { "text", text_part, 0, LAST },
					    { "refusal", refusal_part, 0, LAST },
					    { NULL, NULL, 0, 0 } };
static const struct variants parts_by_type = { "type", part_list, 0 };
static const struct variants parts_by_kind = { "kind", part_list, 0 };

#define ID_AND_STATUS                                                                              \
	{ "id", TEXT, OPTIONAL, NULL },                                                            \
	{                                                                                          \
		"status", ENUM, OPTIONAL, states                                                   \
	}
#define CALL                                                                                       \
	{ "call_id", TEXT, REQUIRED, NULL }, { "name", TEXT, REQUIRED, NULL },                     \
	{                                                                                          \
		"arguments", TEXT, REQUIRED, NULL                                                  \
	}
#define RESULT                                                                                     \
	{ "call_id", TEXT, REQUIRED, NULL }, { "summary", TEXT, REQUIRED, NULL },                  \
	{                                                                                          \
		"content", TEXT, OPTIONAL, NULL                                                    \
	}
#define REASONING                                                                                  \
	{ "text", TEXT, REQUIRED, NULL }, { "summary", TEXTS, DEFAULTS, NULL },                    \
	{                                                                                          \
		"encrypted_content", TEXT, OPTIONAL, NULL                                          \
	}

static const struct field old_message[] = { { "role", ENUM, REQUIRED, roles },
					    { "content", LIST_OF_TAGGED, REQUIRED, &parts_by_type },
					    ID_AND_STATUS,
					    END };
static const struct field old_call[] = { CALL, ID_AND_STATUS, END };
static const struct field old_result[] = { RESULT, { "id", TEXT, OPTIONAL, NULL }, END };
static const struct field old_reasoning[] = { REASONING, ID_AND_STATUS, END };
static const struct variant old_item_list[] = { { "message", old_message, 0, LAST },
						{ "tool_call", old_call, 0, LAST },
						{ "tool_result", old_result, 0, LAST },
						{ "reasoning", old_reasoning, 0, LAST },
						{ NULL, NULL, 0, 0 } };
static const struct variants old_items = { "type", old_item_list, 0 };

static const struct field image[] = { { "mime_type", TEXT, REQUIRED, NULL },
				      { "data", TEXT, REQUIRED, NULL },
				      END };
static const struct variant attachment_list[] = { { "image", image, 0, LAST },
						  { NULL, NULL, 0, 0 } };
static const struct variants attachments = { "kind", attachment_list, 0 };
static const struct field message[] = { { "role", ENUM, REQUIRED, roles },
					{ "content", LIST_OF_TAGGED, REQUIRED, &parts_by_kind },
					END };
static const struct field call[] = { CALL, END };
static const struct field result[] = { RESULT,
				       { "is_error", BOOL, DEFAULTS, NULL },
				       { "attachments", LIST_OF_TAGGED, DEFAULTS, &attachments },
				       END };
static const struct field reasoning[] = { REASONING, { "signature", TEXT, OPTIONAL, NULL }, END };
static const struct variant item_list[] = { { "message", message, 0, LAST },
					    { "tool_call", call, 0, LAST },
					    { "tool_result", result, 0, LAST },
					    { "reasoning", reasoning, 0, LAST },
					    { NULL, NULL, 0, 0 } };
static const struct variants items = { "kind", item_list, 0 };

/* ---- input segments, system items ---- */

static const struct field seg_text[] = { { "content", TEXT, REQUIRED, NULL }, END };
static const struct field seg_paste[] = { { "id", U32, REQUIRED, NULL },
					  { "chars", U64, REQUIRED, NULL },
					  { "lines", U64, REQUIRED, NULL },
					  { "content", TEXT, REQUIRED, NULL },
					  END };
static const struct field seg_path[] = { { "path", TEXT, REQUIRED, NULL }, END };
static const struct field seg_slug[] = { { "slug", TEXT, REQUIRED, NULL }, END };
static const struct field seg_flow[] = { { "selector", TEXT, REQUIRED, NULL }, END };
static const struct variant segment_list[] = { { "text", seg_text, 0, LAST },
					       { "paste", seg_paste, 0, LAST },
					       { "file_ref", seg_path, 0, LAST },
					       { "knowledge_ref", seg_slug, 0, G1D },
					       { "workflow_invoke", seg_slug, 0, G1D },
					       { "flow", seg_flow, BARE, LAST },
					       { NULL, NULL, 0, 0 } };
static const struct variants segments = { "kind", segment_list, 1 };

static const struct field body[] = { { "body", TEXT, REQUIRED, NULL }, END };
static const struct field notification[] = { { "message", TEXT, REQUIRED, NULL },
					     { "body", TEXT, REQUIRED, NULL },
					     END };
static const struct field event[] = { { "event", ANY, REQUIRED, NULL },
				      { "body", TEXT, REQUIRED, NULL },
				      END };
static const struct field attached[] = { { "path", TEXT, REQUIRED, NULL },
					 { "body", TEXT, REQUIRED, NULL },
					 END };
static const struct field knowledge[] = { { "slug", TEXT, REQUIRED, NULL },
					  { "body", TEXT, REQUIRED, NULL },
					  END };
static const struct field skill[] = { { "name", TEXT, REQUIRED, NULL },
				      { "body", TEXT, REQUIRED, NULL },
				      END };
static const struct variant system_list[] = { { "notification", notification, 0, LAST },
					      { "pod_event", event, 0, G1D },
					      { "worker_event", event, BARE, LAST },
					      { "file_attachment", attached, 0, LAST },
					      { "knowledge", knowledge, 0, LAST },
					      { "workflow", knowledge, 0, G1D },
					      { "workflow", seg_slug, BARE, LAST },
					      { "skill_activation", skill, BARE, LAST },
					      { "task_reminder", body, BARE, LAST },
					      { "interrupt", body, BARE, LAST },
					      { NULL, NULL, 0, 0 } };
static const struct variants system_items = { "kind", system_list, 0 };

/* ---- records ---- */

static const struct field config[] = { { "max_tokens", U32, OPTIONAL, NULL },
				       { "temperature", NUMBER, OPTIONAL, NULL },
				       { "top_p", NUMBER, OPTIONAL, NULL },
				       { "top_k", U32, OPTIONAL, NULL },
				       { "stop_sequences", TEXTS, REQUIRED, NULL },
				       { "reasoning", I64_OR_TEXT, OPTIONAL, NULL },
				       END };
static const struct field origin[] = { { "session_id", UUID, REQUIRED, NULL },
				       { "at_hash", HASH, REQUIRED, NULL },
				       END };
static const struct field segment_origin[] = { { "segment_id", UUID, REQUIRED, NULL },
					       { "at_turn_index", U64, REQUIRED, NULL },
					       END };
static const struct field extension[] = { { "domain", TEXT, REQUIRED, NULL },
					  { "payload", ANY, REQUIRED, NULL },
					  END };
static const char *const results[] = { "finished", "paused", "limit_reached", "yielded", NULL };
static const char *const old_triggers[] = { "user_send",       "notify", "pod_event",
					    "system_reminder", "wakeup", NULL };
static const char *const triggers[] = { "user_send",	   "notify", "worker_event",
					"system_reminder", "wakeup", NULL };

#define TS                                                                                         \
	{                                                                                          \
		"ts", U64, REQUIRED, NULL                                                          \
	}
#define START(tagged, from)                                                                        \
	TS, { "system_prompt", TEXT, OPTIONAL, NULL }, { "config", STRUCT, REQUIRED, config },     \
		{ "history", LIST_OF_TAGGED, REQUIRED, tagged },                                   \
		{ "forked_from", STRUCT, OPTIONAL, from },                                         \
	{                                                                                          \
		"compacted_from", STRUCT, OPTIONAL, from                                           \
	}
static const struct field g1_start[] = { START(&old_items, origin), END };
static const struct field g1b_start[] = { START(&items, origin), END };
static const struct field g2_start[] = { { "session_id", UUID, REQUIRED, NULL },
					 START(&items, segment_origin),
					 END };
static const struct field input_item[] = { TS, { "item", TAGGED, REQUIRED, &old_items }, END };
static const struct field input_segments[] = { TS,
					       { "segments", LIST_OF_TAGGED, REQUIRED, &segments },
					       END };
static const struct field input_g2[] = { TS,
					 { "segments", LIST_OF_TAGGED, REQUIRED, &segments },
					 { "extensions", LIST_OF_STRUCT, DEFAULTS, extension },
					 END };
static const struct field old_plural[] = { TS,
					   { "items", LIST_OF_TAGGED, REQUIRED, &old_items },
					   END };
static const struct field plural[] = { TS, { "items", LIST_OF_TAGGED, REQUIRED, &items }, END };
static const struct field singular[] = { TS, { "item", TAGGED, REQUIRED, &items }, END };
static const struct field notes[] = { TS,
				      { "items", LIST_OF_TAGGED, REQUIRED, &system_items },
				      END };
static const struct field note[] = { TS, { "item", TAGGED, REQUIRED, &system_items }, END };
static const struct field old_invoke[] = { TS, { "trigger", ENUM, REQUIRED, old_triggers }, END };
static const struct field invoke[] = { TS, { "trigger", ENUM, REQUIRED, triggers }, END };
static const struct field turn_end[] = { TS, { "turn_count", U64, REQUIRED, NULL }, END };
static const struct field completed[] = {
	TS, { "interrupted", BOOL, REQUIRED, NULL }, { "result", ENUM, REQUIRED, results }, END
};
static const struct field errored[] = {
	TS, { "interrupted", BOOL, REQUIRED, NULL }, { "message", TEXT, REQUIRED, NULL }, END
};
static const struct field config_changed[] = { TS, { "config", STRUCT, REQUIRED, config }, END };
static const struct field usage[] = { TS,
				      { "history_len", U64, REQUIRED, NULL },
				      { "input_total_tokens", U64, REQUIRED, NULL },
				      { "cache_read_tokens", U64, REQUIRED, NULL },
				      { "cache_write_tokens", U64, REQUIRED, NULL },
				      { "output_tokens", U64, REQUIRED, NULL },
				      END };
static const struct field extended[] = {
	TS, { "domain", TEXT, REQUIRED, NULL }, { "payload", ANY, REQUIRED, NULL }, END
};
static const struct field time_only[] = { TS, END };

static const struct variant record_list[] = {
	{ "session_start", g1_start, 0, G1 },
	{ "session_start", g1b_start, G1B, BARE },
	{ "segment_start", g2_start, G2, LAST },
	{ "user_input", input_item, 0, G1B },
	{ "user_input", input_segments, G1C, BARE },
	{ "user_input", input_g2, G2, LAST },
	{ "assistant_items", old_plural, 0, G1 },
	{ "tool_results", old_plural, 0, G1 },
	{ "hook_injected_items", old_plural, 0, G1 },
	{ "assistant_items", plural, G1B, BARE },
	{ "tool_results", plural, G1B, BARE },
	{ "hook_injected_items", plural, G1B, BARE },
	{ "system_items", notes, G1C, BARE },
	{ "assistant_item", singular, G1D, LAST },
	{ "tool_result", singular, G1D, LAST },
	{ "system_item", note, G1D, LAST },
	{ "invoke", old_invoke, G1D, G1D },
	{ "invoke", invoke, BARE, LAST },
	{ "turn_end", turn_end, 0, LAST },
	{ "run_completed", completed, 0, LAST },
	{ "run_errored", errored, 0, LAST },
	{ "paused_turn_abandoned", time_only, G2, LAST },
	{ "config_changed", config_changed, 0, LAST },
	{ "llm_usage", usage, 0, LAST },
	{ "extension", extended, 0, LAST },
	{ NULL, NULL, 0, 0 },
};
static const struct variants records = { "kind", record_list, 0 };
static const struct field link_fields[] = { { "hash", HASH, REQUIRED, NULL },
					    { "prev_hash", HASH, OPTIONAL, NULL },
					    END };

/* ---- checking ---- */

struct check {
	char *why;
	size_t why_len;
	int gen, failed;
};

static int fail(struct check *c, const char *what, const char *name)
{
	if (!c->failed)
		(void)snprintf(c->why, c->why_len, "%s `%s`", what, name);
	c->failed = 1;
	return 0;
}

/* The only member of that name; twice is an error. */
static const struct ramet_json *member(struct check *c, const struct ramet_json *object,
				       const char *name)
{
	const struct ramet_json *key = NULL, *value = NULL;
	int n = 0;

	while ((key = ramet_json_next(object, key)) != NULL) {
		const struct ramet_json *v = ramet_json_next(object, key);

		if (ramet_json_text_is(key, name)) {
			value = v;
			n++;
		}
		key = v;
	}
	if (n > 1)
		(void)fail(c, "duplicate field", name);
	return value;
}

static int is_hash(const struct ramet_json *v)
{
	struct ramet_bytes text = ramet_json_plain(v);
	uint8_t hash[32];

	return rameti_yoi_unhex(text, hash);
}

static int is_uuid(const struct ramet_json *v)
{
	struct ramet_bytes t = ramet_json_plain(v);
	size_t i, digits = 0;

	for (i = 0; i < t.len; i++)
		if (strchr("0123456789abcdefABCDEF", t.ptr[i]) && t.ptr[i])
			digits++;
	return digits == 32 && (t.len == 32 || t.len == 36);
}

static int is_texts(const struct ramet_json *v)
{
	const struct ramet_json *t = NULL;

	if (ramet_json_kind(v) != RAMET_JSON_ARRAY)
		return 0;
	while ((t = ramet_json_next(v, t)) != NULL)
		if (ramet_json_kind(t) != RAMET_JSON_STRING)
			return 0;
	return 1;
}

static int is_name(const struct ramet_json *v, const char *const *names)
{
	for (; *names; names++)
		if (ramet_json_text_is(v, *names))
			return 1;
	return 0;
}

static int is_scalar_of(const struct ramet_json *v, const struct field *f)
{
	int kind = ramet_json_kind(v);
	uint64_t u;
	int64_t i;

	switch (f->type) {
	case ANY:
		return 1;
	case U32:
		return rameti_yoi_u64(v, &u) && u <= UINT32_MAX;
	case U64:
		return rameti_yoi_u64(v, &u);
	case I64_OR_TEXT:
		return kind == RAMET_JSON_STRING || rameti_yoi_i64(v, &i);
	case NUMBER:
		return kind == RAMET_JSON_NUMBER;
	case BOOL:
		return kind == RAMET_JSON_TRUE || kind == RAMET_JSON_FALSE;
	case TEXT:
		return kind == RAMET_JSON_STRING;
	case TEXTS:
		return is_texts(v);
	case HASH:
		return is_hash(v);
	case UUID:
		return is_uuid(v);
	default:
		return is_name(v, f->of);
	}
}

static void check_fields(struct check *c, const struct ramet_json *v, const struct field *f);

static void check_tagged(struct check *c, const struct ramet_json *v, const struct variants *of)
{
	const struct ramet_json *name;
	const struct variant *x;

	if (ramet_json_kind(v) != RAMET_JSON_OBJECT) {
		(void)fail(c, "not an object with the tag", of->tag);
		return;
	}
	name = member(c, v, of->tag);
	if (ramet_json_kind(name) != RAMET_JSON_STRING) {
		(void)fail(c, "missing field", of->tag);
		return;
	}
	for (x = of->list; x->name; x++) {
		if (!ramet_json_text_is(name, x->name) || c->gen < x->first || c->gen > x->last)
			continue;
		check_fields(c, v, x->fields);
		return;
	}
	if (!of->unknown_is_fine)
		(void)fail(c, "unknown variant of", of->tag);
}

static void check_value(struct check *c, const struct ramet_json *v, const struct field *f)
{
	const struct ramet_json *item = NULL;

	if (f->type < STRUCT) {
		if (!is_scalar_of(v, f))
			(void)fail(c, "invalid value of", f->name);
		return;
	}
	if (f->type == STRUCT || f->type == TAGGED) {
		if (ramet_json_kind(v) != RAMET_JSON_OBJECT)
			(void)fail(c, "invalid type of", f->name);
		else if (f->type == STRUCT)
			check_fields(c, v, f->of);
		else
			check_tagged(c, v, f->of);
		return;
	}
	if (ramet_json_kind(v) != RAMET_JSON_ARRAY)
		(void)fail(c, "invalid type of", f->name);
	while (!c->failed && ramet_json_kind(v) == RAMET_JSON_ARRAY &&
	       (item = ramet_json_next(v, item)) != NULL) {
		if (f->type == LIST_OF_TAGGED)
			check_tagged(c, item, f->of);
		else if (ramet_json_kind(item) == RAMET_JSON_OBJECT)
			check_fields(c, item, f->of);
		else
			(void)fail(c, "invalid type in", f->name);
	}
}

/* As deep as the tables are. */
static void check_fields(struct check *c, const struct ramet_json *v, const struct field *f)
{
	for (; f->name && !c->failed; f++) {
		const struct ramet_json *value = member(c, v, f->name);

		if (!value && f->need == REQUIRED)
			(void)fail(c, "missing field", f->name);
		else if (value && (f->need != OPTIONAL || value->kind != RAMET_JSON_NULL))
			check_value(c, value, f);
	}
}

/* ---- what no typed member needs to look at ---- */

static int hex4(const char *p)
{
	int i, x = 0;

	for (i = 0; i < 4; i++) {
		int c = p[i] | 0x20;

		x = x << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return x & 0xffff;
}

/* Valid JSON: is there a surrogate escape without its other half? */
static int has_lone_surrogate(struct ramet_bytes text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		int x = p[1] == 'u' && end - p >= 6 ? hex4(p + 2) : 0;

		if (x < 0xd800 || x > 0xdfff) {
			p += 2;
			continue;
		}
		if (x >= 0xdc00 || end - p < 12 || p[6] != '\\' || p[7] != 'u' ||
		    hex4(p + 8) < 0xdc00 || hex4(p + 8) > 0xdfff)
			return 1;
		p += 12;
	}
	return 0;
}

#define DEPTH_MAX 127

static int is_readable(struct check *c, const struct ramet_json *root)
{
	const struct ramet_json *v, *ends[DEPTH_MAX + 1];
	int depth = 0;

	for (v = root; v < root + root->span; v++) {
		while (depth && v == ends[depth - 1])
			depth--;
		if (v->kind == RAMET_JSON_NUMBER && !isfinite(ramet_json_number(v)))
			return fail(c, "number out of range in", "record");
		if (v->kind < RAMET_JSON_ARRAY)
			continue;
		if (depth == DEPTH_MAX)
			return fail(c, "recursion limit exceeded in", "record");
		ends[depth++] = v + v->span;
	}
	if (has_lone_surrogate(ramet_json_raw(root)))
		return fail(c, "lone surrogate in", "record");
	return 1;
}

int rameti_yoi_strict(const struct ramet_json *object, int gen, char *why, size_t why_len)
{
	struct check c = { why, why_len, gen, 0 };

	if (gen < BARE)
		check_fields(&c, object, link_fields);
	return c.failed || rameti_yoi_strict_record(object, gen, why, why_len);
}

int rameti_yoi_strict_record(const struct ramet_json *object, int gen, char *why, size_t why_len)
{
	struct check c = { why, why_len, gen, 0 };

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return !fail(&c, "invalid type of", "record");
	if (is_readable(&c, object))
		check_tagged(&c, object, &records);
	return c.failed;
}

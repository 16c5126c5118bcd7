/*
 * codec/pirust_fit.c - what pi_agent_rust's types take, and messages made to fit them.
 *
 * The original skips a line whose members are not exactly what its types say. A message that would
 * be skipped is said again with what it has: what is missing becomes empty or zero, blocks that
 * are unknown there become a text with their type. The caller keeps the message that was meant.
 */
#include "codec/pirust_priv.h"

#include "base/add.h"
#include "codec/span.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 100 /* of 128; a message stands in an entry */

enum {
	TEXT = RAMETI_PIRUST_TEXT,
	I32 = RAMETI_PIRUST_I32,
	I64 = RAMETI_PIRUST_I64,
	U64 = RAMETI_PIRUST_U64,
	FLOAT = RAMETI_PIRUST_FLOAT,
	BOOL = RAMETI_PIRUST_BOOL,
	ANY = RAMETI_PIRUST_ANY,
	BLOCKS = RAMETI_PIRUST_BLOCKS,
	CONTENT = RAMETI_PIRUST_CONTENT,
	USAGE = RAMETI_PIRUST_USAGE,
	COST = RAMETI_PIRUST_COST,
	STOP = RAMETI_PIRUST_STOP
};

#define F RAMETI_PIRUST_FIELD
static const struct rameti_pirust_shape messages[] = {
	{ "user", { F("content", CONTENT, 0), F("timestamp", I64, 1) } },
	{ "assistant",
	  { F("content", BLOCKS, 0),
	    F("api", TEXT, 0),
	    F("provider", TEXT, 0),
	    F("model", TEXT, 0),
	    F("usage", USAGE, 0),
	    F("stopReason", STOP, 0),
	    F("errorMessage", TEXT, 1),
	    F("timestamp", I64, 0) } },
	{ "toolResult",
	  { F("toolCallId", TEXT, 0),
	    F("toolName", TEXT, 0),
	    F("content", BLOCKS, 0),
	    F("details", ANY, 1),
	    F("isError", BOOL, 0),
	    F("timestamp", I64, 1) } },
	{ "custom",
	  { F("customType", TEXT, 0),
	    F("content", TEXT, 0),
	    F("display", BOOL, 0),
	    F("details", ANY, 1),
	    F("timestamp", I64, 1) } },
	{ "bashExecution",
	  { F("command", TEXT, 0),
	    F("output", TEXT, 0),
	    F("exitCode", I32, 0),
	    F("cancelled", BOOL, 1),
	    F("truncated", BOOL, 1),
	    F("fullOutputPath", TEXT, 1),
	    F("timestamp", I64, 1) } },
	{ "branchSummary", { F("summary", TEXT, 0), F("fromId", TEXT, 0) } },
	{ "compactionSummary", { F("summary", TEXT, 0), F("tokensBefore", U64, 0) } },
};
static const struct rameti_pirust_shape blocks[] = {
	{ "text", { F("text", TEXT, 0), F("textSignature", TEXT, 1) } },
	{ "thinking", { F("thinking", TEXT, 0), F("thinkingSignature", TEXT, 1) } },
	{ "image", { F("data", TEXT, 0), F("mimeType", TEXT, 0) } },
	{ "toolCall",
	  { F("id", TEXT, 0),
	    F("name", TEXT, 0),
	    F("arguments", ANY, 0),
	    F("thoughtSignature", TEXT, 1) } },
	{ "redacted_thinking", { F("data", TEXT, 0) } },
};
static const struct rameti_pirust_field usage[] = {
	F("input", U64, 0),	   F("output", U64, 0), F("cacheRead", U64, 0),
	F("cacheWrite", U64, 0),  F("totalTokens", U64, 0), F("cost", COST, 0),
	{ NULL, 0, 0, 0 },
};
static const struct rameti_pirust_field cost[] = {
	F("input", FLOAT, 0),	    F("output", FLOAT, 0), F("cacheRead", FLOAT, 0),
	F("cacheWrite", FLOAT, 0), F("total", FLOAT, 0),  { NULL, 0, 0, 0 },
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- does it fit? ---- */

const struct rameti_pirust_shape *rameti_pirust_shape(const struct rameti_pirust_shape *shapes,
						      size_t n, const struct ramet_json *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ramet_json_text_is(name, shapes[i].name))
			return &shapes[i];
	return NULL;
}

/* An integer in digits alone, of at most max with this sign. "-0" is a double there. */
static int is_integer(const struct ramet_json *v, uint64_t max, uint64_t below)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	int negative = raw.len && *raw.ptr == '-';
	uint64_t n = 0, digit;
	size_t i;

	if (ramet_json_kind(v) != RAMET_JSON_NUMBER)
		return 0;
	max = negative ? below : max;
	for (i = (size_t)negative; i < raw.len; i++) {
		digit = (uint64_t)(raw.ptr[i] - '0');
		if (digit > 9 || digit > max || n > (max - digit) / 10)
			return 0;
		n = n * 10 + digit;
	}
	return !negative || n;
}

static int is_stop_reason(const struct ramet_json *v)
{
	static const char *const names[] = { "stop",  "length",	 "toolUse", "error",
					     "aborted", "pauseTurn", "refusal" };
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (ramet_json_text_is(v, names[i]))
			return 1;
	return 0;
}

static int is_block(const struct ramet_json *v)
{
	const struct rameti_pirust_shape *s =
		rameti_pirust_shape(blocks, COUNT(blocks), ramet_json_get(v, "type"));

	return s && rameti_pirust_fits(v, s->fields);
}

static int are_blocks(const struct ramet_json *v)
{
	const struct ramet_json *item;

	if (ramet_json_kind(v) != RAMET_JSON_ARRAY)
		return 0;
	for (item = ramet_json_next(v, NULL); item; item = ramet_json_next(v, item))
		if (!is_block(item))
			return 0;
	return 1;
}

static int is_message(const struct ramet_json *v)
{
	const struct rameti_pirust_shape *s =
		rameti_pirust_shape(messages, COUNT(messages), ramet_json_get(v, "role"));

	return s && rameti_pirust_fits(v, s->fields) && !ramet_json_get(v, RAMETI_PIRUST_MESSAGE);
}

/* Goes as deep as the shapes do, not as the input: message, usage, cost. */
static int is_kind(const struct ramet_json *v, int kind)
{
	int is = ramet_json_kind(v);

	switch (kind) {
	case TEXT:
		return is == RAMET_JSON_STRING;
	case I32:
		return is_integer(v, INT32_MAX, (uint64_t)INT32_MAX + 1);
	case I64:
		return is_integer(v, INT64_MAX, (uint64_t)INT64_MAX + 1);
	case U64:
		return is_integer(v, UINT64_MAX, 0);
	case FLOAT:
		return is == RAMET_JSON_NUMBER;
	case BOOL:
		return is == RAMET_JSON_TRUE || is == RAMET_JSON_FALSE;
	case ANY:
		return is != RAMET_JSON_NONE;
	case BLOCKS:
		return are_blocks(v);
	case CONTENT:
		return is == RAMET_JSON_STRING || are_blocks(v);
	case USAGE:
		return is == RAMET_JSON_OBJECT && rameti_pirust_fits(v, usage);
	case COST:
		return is == RAMET_JSON_OBJECT && rameti_pirust_fits(v, cost);
	case STOP:
		return is_stop_reason(v);
	default:
		return is == RAMET_JSON_OBJECT && is_message(v);
	}
}

int rameti_pirust_is_key(const struct ramet_json *key, const struct rameti_pirust_field *f)
{
	if (key->flags)
		return ramet_json_text_is(key, f->key);
	return key->len == f->len + 2u && key->ptr[1] == *f->key &&
	       !memcmp(key->ptr + 1, f->key, f->len);
}

/* Which field it is; that behind the last one for none. Most stand in this order: next is the one
 * to be expected. */
static size_t find_field(const struct rameti_pirust_field *fields, const struct ramet_json *key,
			 size_t next)
{
	size_t i;

	if (fields[next].key && rameti_pirust_is_key(key, &fields[next]))
		return next;
	for (i = 0; fields[i].key && !rameti_pirust_is_key(key, &fields[i]); i++)
		;
	return i;
}

int rameti_pirust_fits(const struct ramet_json *object, const struct rameti_pirust_field *fields)
{
	const struct ramet_json *key, *value, *end;
	unsigned seen = 0, bit;
	size_t i, next = 0;

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		object = NULL;
	end = object ? object + object->span : NULL;
	for (key = object ? object + 1 : NULL; key < end; key = value + value->span) {
		value = key + 1;
		i = find_field(fields, key, next);
		if (!fields[i].key)
			continue;
		next = i + 1;
		bit = 1u << i;
		if (seen & bit)
			return 0;
		seen |= bit;
		if (!is_kind(value, fields[i].kind) &&
		    !(fields[i].optional && value->kind == RAMET_JSON_NULL))
			return 0;
	}
	for (i = 0; fields[i].key; i++)
		if (!(seen & 1u << i) && !fields[i].optional)
			return 0;
	return 1;
}

/* ---- texts and numbers that only JavaScript takes ---- */

static int hex4(const char *p)
{
	int i, n = 0;

	for (i = 0; i < 4; i++)
		n = n * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return n;
}

/* Has the valid string escapes of surrogates that are no pair? */
static int has_lone_surrogate(const struct ramet_json *v)
{
	const char *p = v->ptr, *end = v->ptr + v->len;
	int unit, low;

	while ((p = memchr(p, '\\', (size_t)(end - p)))) {
		unit = p[1] == 'u' ? hex4(p + 2) : 0;
		p += p[1] == 'u' ? 6 : 2;
		if (unit < 0xd800 || unit > 0xdfff)
			continue;
		if (unit >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u')
			return 1;
		low = hex4(p + 2);
		if (low < 0xdc00 || low > 0xdfff)
			return 1;
		p += 6;
	}
	return 0;
}

/* Digits alone are a double when there are not too many of them. */
static int is_finite(const struct ramet_json *v)
{
	uint32_t i;

	for (i = 0; i < v->len && (v->ptr[i] | 0x20) != 'e'; i++)
		;
	return (i == v->len && v->len < 300) || isfinite(ramet_json_number(v));
}

/* All of a member's value, which stands in an object. */
static int is_tame(const struct ramet_json *value)
{
	const struct ramet_json *ends[DEPTH_MAX]; /* where each open container ends */
	const struct ramet_json *v, *end = value + value->span;
	uint32_t depth = 1;

	for (v = value; v < end; v++) {
		if (v->kind == RAMET_JSON_STRING && v->flags & RAMET_JSON_HAS_ESCAPE &&
		    has_lone_surrogate(v))
			return 0;
		if (v->kind == RAMET_JSON_NUMBER && !is_finite(v))
			return 0;
		if (v->kind < RAMET_JSON_ARRAY)
			continue;
		while (depth > 1 && ends[depth - 1] <= v)
			depth--;
		if (depth == DEPTH_MAX)
			return 0;
		ends[depth++] = v + v->span;
	}
	return 1;
}


int rameti_pirust_tame(const struct ramet_json *entry, int whole)
{
	const struct ramet_json *key, *value, *end = entry + entry->span;

	for (key = entry + 1; key < end; key = value + value->span) {
		value = key + 1;
		if (whole && rameti_span_is_common(key))
			continue;
		if ((key->flags & RAMET_JSON_HAS_ESCAPE && has_lone_surrogate(key)) ||
		    !is_tame(value))
			return 0;
	}
	return 1;
}

/* ---- made to fit ---- */

static void add_text_block(struct ramet_buf *out, const struct ramet_json *text)
{
	ADD(out, "{\"type\":\"text\",\"text\":");
	ramet_buf_add(out, ramet_json_raw(text));
	ramet_buf_add_char(out, '}');
}

/* A block as it is, its text, or its type in a text. */
static void add_block(struct ramet_buf *out, const struct ramet_json *v)
{
	const struct ramet_json *text = ramet_json_get(v, "text");
	struct ramet_buf type = RAMET_BUF_INIT(256);

	if (is_block(v)) {
		rameti_json_add_compact(out, v);
	} else if (ramet_json_kind(text) == RAMET_JSON_STRING) {
		add_text_block(out, text);
	} else {
		ramet_buf_add_char(&type, '[');
		ramet_json_text(ramet_json_get(v, "type"), &type);
		ramet_buf_add_char(&type, ']');
		ADD(out, "{\"type\":\"text\",\"text\":");
		ramet_buf_add_json_string(out, ramet_buf_bytes(&type));
		ramet_buf_add_char(out, '}');
		ramet_buf_release(&type);
	}
}

static void add_blocks(struct ramet_buf *out, const struct ramet_json *v)
{
	const struct ramet_json *item = NULL;

	ramet_buf_add_char(out, '[');
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		add_text_block(out, v);
	else if (ramet_json_kind(v) == RAMET_JSON_ARRAY)
		item = ramet_json_next(v, NULL);
	for (; item; item = ramet_json_next(v, item)) {
		add_block(out, item);
		if (ramet_json_next(v, item))
			ramet_buf_add_char(out, ',');
	}
	ramet_buf_add_char(out, ']');
}

/* The texts of blocks, a line end between them. */
static void add_joined(struct ramet_buf *out, const struct ramet_json *v)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *item;

	for (item = ramet_json_next(v, NULL); item; item = ramet_json_next(v, item)) {
		if (text.len)
			ramet_buf_add_char(&text, '\n');
		ramet_json_text(ramet_json_get(item, "text"), &text);
	}
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_add_json_string(out, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

static void add_object(struct ramet_buf *out, const struct ramet_json *o,
		       const struct rameti_pirust_field *fields);

/* The value as this kind, or what stands for none. */
static void add_value(struct ramet_buf *out, const struct ramet_json *v, int kind)
{
	static const char *const none[] = {
		[TEXT] = "\"\"", [I32] = "-1",	[I64] = "0",	  [U64] = "0",
		[FLOAT] = "0.0", [BOOL] = "false", [ANY] = "null", [STOP] = "\"stop\"",
	};

	if (kind == BLOCKS || (kind == CONTENT && ramet_json_kind(v) != RAMET_JSON_STRING))
		add_blocks(out, v);
	else if (kind == USAGE)
		add_object(out, v, usage);
	else if (kind == COST)
		add_object(out, v, cost);
	else if (is_kind(v, kind))
		rameti_json_add_compact(out, v);
	else if (kind == TEXT && ramet_json_kind(v) == RAMET_JSON_ARRAY)
		add_joined(out, v);
	else
		ramet_buf_add_str(out, none[kind]);
}

static void add_members(struct ramet_buf *out, const struct ramet_json *o,
			const struct rameti_pirust_field *fields)
{
	const struct rameti_pirust_field *f;
	const struct ramet_json *v;

	for (f = fields; f->key; f++) {
		v = ramet_json_get(o, f->key);
		if (f->optional && !is_kind(v, f->kind))
			continue;
		if (out->len && out->ptr[out->len - 1] != '{')
			ramet_buf_add_char(out, ',');
		ramet_buf_addf(out, "\"%s\":", f->key);
		add_value(out, v, f->kind);
	}
}

static void add_object(struct ramet_buf *out, const struct ramet_json *o,
		       const struct rameti_pirust_field *fields)
{
	ramet_buf_add_char(out, '{');
	add_members(out, o, fields);
	ramet_buf_add_char(out, '}');
}

int rameti_pirust_fit_message(const struct ramet_json *message, struct ramet_buf *out)
{
	const struct rameti_pirust_shape *s =
		rameti_pirust_shape(messages, COUNT(messages), ramet_json_get(message, "role"));

	if (!s || ramet_json_get(message, RAMETI_PIRUST_MESSAGE))
		return 1;
	ramet_buf_addf(out, "{\"role\":\"%s\"", s->name);
	add_members(out, message, s->fields);
	ADD(out, ",\"" RAMETI_PIRUST_MESSAGE "\":");
	ramet_buf_add_json_string(out, ramet_json_raw(message));
	ramet_buf_add_char(out, '}');
	return 0;
}

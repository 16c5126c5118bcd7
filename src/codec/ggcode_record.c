/*
 * codec/ggcode_record.c - what the original's decoder takes for a record, and how it finds members.
 *
 * Go's decoder matches keys without regard to case, lets the last of several count, takes null for
 * "not there", and refuses the whole line for one value of a wrong type, however deep, and for one
 * that is nested too deep. Unknown members are passed over. Values come from a validated parse;
 * nothing here changes them.
 */
#include "codec/ggcode.h"

#include <string.h>

#include "codec/ggcode_cursor.h"
#include "json/scan.h"

enum kind { STRING, INTEGER, BOOL, TIME, ANY, OBJECT, LIST };

struct shape;
struct field {
	const char *name;
	uint8_t len, kind;
	const struct shape *of; /* of an object, or of a list's items */
};
struct shape {
	const struct field *fields;
	size_t n;
};
#define F(name, kind)                                                                              \
	{                                                                                          \
		name, sizeof(name) - 1, kind, NULL                                                 \
	}
#define OF(name, kind, shape)                                                                      \
	{                                                                                          \
		name, sizeof(name) - 1, kind, shape                                                \
	}
#define SHAPE(fields)                                                                              \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0])                                       \
	}

static const struct field usage_fields[] = {
	F("input_tokens", INTEGER),	   F("output_tokens", INTEGER),
	F("cache_read_tokens", INTEGER),   F("cache_write_tokens", INTEGER),
	F("prompt_tokens_total", INTEGER),
};
static const struct shape usage_shape = SHAPE(usage_fields);

static const struct field picture_fields[] = { F("mime", STRING), F("base64", STRING) };
static const struct shape picture_shape = SHAPE(picture_fields);

static const struct field block_fields[] = {
	F("type", STRING),
	F("text", STRING),
	F("image_mime", STRING),
	F("image_data", STRING),
	F("tool_name", STRING),
	F("tool_id", STRING),
	F("input", ANY),
	F("output", STRING),
	F("is_error", BOOL),
	OF("images", LIST, &picture_shape),
	F("reasoning_content", STRING),
	F("thinking_signature", STRING),
	F("thinking_data", STRING),
	F("cache", BOOL),
};
static const struct shape block_shape = SHAPE(block_fields);

static const struct field message_fields[] = {
	F("id", STRING),
	F("role", STRING),
	OF("content", LIST, &block_shape),
};
static const struct shape message_shape = SHAPE(message_fields);

static const struct field tunnel_fields[] = {
	F("event_id", STRING),
	F("stream_id", STRING),
	F("type", STRING),
	F("data", ANY),
};
static const struct shape tunnel_shape = SHAPE(tunnel_fields);

static const struct field use_fields[] = {
	F("timestamp", TIME),
	F("turn_index", INTEGER),
	F("model", STRING),
	F("vendor", STRING),
	F("endpoint", STRING),
	F("source", STRING),
	OF("usage", OBJECT, &usage_shape),
};
static const struct shape use_shape = SHAPE(use_fields);

static const struct field metric_fields[] = {
	F("timestamp", TIME),
	F("turn_index", INTEGER),
	F("type", STRING),
	F("ttft", INTEGER),
	F("think_time", INTEGER),
	F("duration", INTEGER),
	F("input_tokens", INTEGER),
	F("output_tokens", INTEGER),
	F("cache_read_tokens", INTEGER),
	F("cache_write_tokens", INTEGER),
	F("tool_name", STRING),
	F("tool_success", BOOL),
	F("tool_error", STRING),
	F("tool_duration", INTEGER),
	F("model", STRING),
	F("vendor", STRING),
	F("endpoint", STRING),
};
static const struct shape metric_shape = SHAPE(metric_fields);

static const struct field record_fields[] = {
	F("type", STRING),
	F("session_id", STRING),
	F("title", STRING),
	F("preview", STRING),
	F("workspace", STRING),
	F("vendor", STRING),
	F("endpoint", STRING),
	F("model", STRING),
	OF("token_usage", OBJECT, &usage_shape),
	F("created_at", TIME),
	F("updated_at", TIME),
	F("tunnel_events_complete", BOOL),
	OF("message", OBJECT, &message_shape),
	F("timestamp", TIME),
	OF("tunnel_event", OBJECT, &tunnel_shape),
	F("cost", ANY),
	OF("usage_entry", OBJECT, &use_shape),
	OF("metric_event", OBJECT, &metric_shape),
	F("permission_mode", STRING),
	F("sidebar_visible", BOOL),
	F("context_window", INTEGER),
	F("max_tokens", INTEGER),
	F("checkpoint_summary_msg_id", STRING),
	F("checkpoint_last_msg_id", STRING),
	F("checkpoint_tokens", INTEGER),
	OF("checkpoint_messages", LIST, &message_shape),
};
static const struct shape record_shape = SHAPE(record_fields);

static const struct field listed_fields[] = {
	F("id", STRING),	F("title", STRING),    F("preview", STRING),
	F("created_at", TIME),	F("updated_at", TIME), F("msg_count", INTEGER),
	F("workspace", STRING), F("vendor", STRING),   F("endpoint", STRING),
	F("model", STRING),
};
static const struct shape listed_shape = SHAPE(listed_fields);

/* ---- keys ---- */

/* Most keys are told apart by their length and their first letter. */
static int key_is(const struct ramet_json *key, const char *name, size_t len)
{
	struct ramet_buf b;
	int is;

	if (!(key->flags & RAMET_JSON_HAS_ESCAPE))
		return key->len == len + 2 && !((key->ptr[1] ^ *name) & ~0x20) &&
		       rameti_gg_same_key((struct ramet_bytes){ key->ptr + 1, len }, name);
	ramet_buf_init(&b, 4096);
	ramet_json_text(key, &b);
	is = rameti_gg_same_key(ramet_buf_bytes(&b), name);
	ramet_buf_release(&b);
	return is;
}

int rameti_gg_key_is(const struct ramet_json *key, const char *name)
{
	if (key->flags & RAMET_JSON_HAS_ESCAPE)
		return key_is(key, name, strlen(name));
	return rameti_gg_same_key((struct ramet_bytes){ key->ptr + 1, key->len - 2 }, name);
}

/* hint: where the last one was; they mostly stand in order. */
static const struct field *field_of(const struct shape *s, const struct ramet_json *key,
				    size_t *hint)
{
	size_t i = *hint;

	for (; i < s->n; i++)
		if (key_is(key, s->fields[i].name, s->fields[i].len)) {
			*hint = i + 1;
			return &s->fields[i];
		}
	for (i = 0; i < *hint; i++)
		if (key_is(key, s->fields[i].name, s->fields[i].len))
			return &s->fields[i];
	return NULL;
}

const struct ramet_json *rameti_gg_get(const struct ramet_json *object, const char *name)
{
	const struct ramet_json *key, *value, *end, *found = NULL;
	size_t len = strlen(name);

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return NULL;
	end = object + object->span;
	for (key = object + 1; key < end; key = value + value->span) {
		value = key + 1;
		if (key_is(key, name, len) && value->kind != RAMET_JSON_NULL)
			found = value;
	}
	return found;
}

/* ---- types ---- */

/* A whole number that fits 64 bits with its sign. */
static int is_integer(const struct ramet_json *v)
{
	static const char *const most[2] = { "9223372036854775807", "9223372036854775808" };
	size_t minus = v->len && *v->ptr == '-', i, n = v->len - minus;

	for (i = minus; i < v->len; i++)
		if (v->ptr[i] < '0' || v->ptr[i] > '9')
			return 0;
	return n < 19 || (n == 19 && memcmp(v->ptr + minus, most[minus], n) <= 0);
}

static struct ramet_bytes inside(const struct ramet_json *string)
{
	return (struct ramet_bytes){ string->ptr + 1, string->len - 2 };
}

static int value_fits(const struct field *f, const struct ramet_json *v)
{
	struct rameti_gg_time t;

	if (v->kind == RAMET_JSON_NULL)
		return 1;
	switch (f->kind) {
	case STRING:
		return v->kind == RAMET_JSON_STRING;
	case INTEGER:
		return v->kind == RAMET_JSON_NUMBER && is_integer(v);
	case BOOL:
		return v->kind == RAMET_JSON_TRUE || v->kind == RAMET_JSON_FALSE;
	case TIME:
		return v->kind == RAMET_JSON_STRING && rameti_gg_time_parse(inside(v), &t);
	case OBJECT:
		return v->kind == RAMET_JSON_OBJECT;
	case LIST:
		return v->kind == RAMET_JSON_ARRAY;
	default:
		return 1;
	}
}

#define LEVELS 8 /* deeper than any shape */

struct level {
	const struct shape *shape;
	const struct ramet_json *at, *end;
	size_t hint;
	int list;
};

static void go_into(struct level *l, const struct shape *shape, const struct ramet_json *v)
{
	l->shape = shape;
	l->at = v + 1;
	l->end = v + v->span;
	l->hint = 0;
	l->list = v->kind == RAMET_JSON_ARRAY;
}

static int fits(const struct shape *shape, const struct ramet_json *object)
{
	static const struct field item = { "", 0, OBJECT, NULL };
	struct level levels[LEVELS];
	const struct ramet_json *v;
	const struct field *f;
	int n = 1;

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return 0;
	go_into(&levels[0], shape, object);
	while (n) {
		struct level *l = &levels[n - 1];

		if (l->at == l->end) {
			n--;
			continue;
		}
		f = l->list ? &item : field_of(l->shape, l->at, &l->hint);
		v = l->list ? l->at : l->at + 1;
		l->at = v + v->span;
		if (f && !value_fits(f, v))
			return 0;
		if (f && v->n && (f->kind == OBJECT || f->kind == LIST))
			go_into(&levels[n++], l->list ? l->shape : f->of, v);
	}
	return 1;
}

int rameti_gg_is_deeper(const struct ramet_json *v, uint32_t depth)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	uint32_t now = 0;
	size_t i;
	int in_string = 0;

	if (!v || v->span <= depth)
		return 0;
	for (i = 0; i < raw.len && now <= depth; i++) {
		char c = raw.ptr[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			now++;
		else if (!in_string && (c == '}' || c == ']'))
			now--;
	}
	return now > depth;
}

int rameti_gg_record_fits(const struct ramet_json *record)
{
	return fits(&record_shape, record) && !rameti_gg_is_deeper(record, RAMETI_GG_DEPTH_MAX);
}

int rameti_gg_line_fits(struct ramet_bytes line, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, line, 0, NULL);
	int yes = !r && rameti_gg_record_fits(ramet_json_root(&doc));

	ramet_json_doc_release(&doc);
	if (r == RAMET_ENOMEM)
		out->status = r;
	return yes;
}

int rameti_gg_index_fits(const struct ramet_json *entry)
{
	return fits(&listed_shape, entry);
}

/* ---- messages ---- */

static int is_result(const struct ramet_json *block)
{
	return ramet_json_text_is(rameti_gg_get(block, "type"), "tool_result");
}

static int block_is_text(const struct ramet_json *block)
{
	return ramet_json_text_is(rameti_gg_get(block, "type"), "text");
}

/* The text of a message that sums up what was before; NULL: it is none. */
static const struct ramet_json *summary_of(const struct ramet_json *message)
{
	const struct ramet_json *content = rameti_gg_get(message, "content"), *block = NULL, *text;

	if (!ramet_json_text_is(rameti_gg_get(message, "role"), "system"))
		return NULL;
	while ((block = ramet_json_next(content, block)) != NULL && !block_is_text(block))
		;
	text = rameti_gg_get(block, "text");
	return ramet_json_kind(text) == RAMET_JSON_STRING &&
			       rameti_json_raw_begins(ramet_json_raw(text),
						      ramet_bytes_of(RAMETI_GG_SUMMARY_MARK))
		       ? text
		       : NULL;
}

int rameti_gg_summary(const struct ramet_json *message, struct ramet_buf *text)
{
	const struct ramet_json *summary = summary_of(message);

	if (summary)
		ramet_json_text(summary, text);
	return summary != NULL;
}

static int role_of(const struct ramet_json *v)
{
	int role = RAMET_ROLE_NONE + 1;

	while (role < RAMET_ROLE_OTHER && !ramet_json_text_is(v, ramet_role_name(role)))
		role++;
	return role;
}

void rameti_gg_parts(struct rameti_gg_part *p, const struct ramet_json *message)
{
	memset(p, 0, sizeof(*p));
	p->message = message;
	p->content = rameti_gg_get(message, "content");
	p->role = (uint8_t)role_of(rameti_gg_get(message, "role"));
	p->user = p->role == RAMET_ROLE_USER;
	p->type = summary_of(message) ? RAMET_ENTRY_CUSTOM : RAMET_ENTRY_MESSAGE;
}

int rameti_gg_part_next(struct rameti_gg_part *p)
{
	const struct ramet_json *block;

	if (!p->started) {
		p->started = 1;
		p->next = ramet_json_next(p->content, NULL);
		if (!p->user || !p->next) {
			p->first = p->next;
			p->n = ramet_json_count(p->content);
			p->next = NULL;
			return 1;
		}
	}
	if (!p->next)
		return 0;
	p->first = p->next;
	p->n = 1;
	p->role = is_result(p->first) ? RAMET_ROLE_TOOL_RESULT : RAMET_ROLE_USER;
	block = ramet_json_next(p->content, p->first);
	while (p->role == RAMET_ROLE_USER && block && !is_result(block)) {
		p->n++;
		block = ramet_json_next(p->content, block);
	}
	p->next = block;
	return 1;
}

const struct ramet_json *rameti_gg_listed_summary(const struct ramet_json *list)
{
	const struct ramet_json *m = NULL;

	while ((m = ramet_json_next(list, m)) != NULL && !summary_of(m))
		;
	return m;
}

const struct ramet_json *rameti_gg_listed_next(const struct ramet_json *list,
					       const struct ramet_json *message)
{
	const struct ramet_json *summary = rameti_gg_listed_summary(list);

	do
		message = ramet_json_next(list, message);
	while (message && (message == summary || message->kind != RAMET_JSON_OBJECT));
	return message;
}

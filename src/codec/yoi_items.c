/*
 * codec/yoi_items.c - history items of all generations: what they are, and printing them as one
 * generation does.
 *
 * Items are read tolerantly: the tag may be "type" or "kind", members may be missing. Printing
 * gives exactly the members that the generation has, in its order; id and status exist in G1 only.
 */
#include "codec/yoi.h"

#include <string.h>

#include "base/add.h"

const struct ramet_json *rameti_yoi_unwrap(const struct ramet_json *element)
{
	const struct ramet_json *item = ramet_json_get(element, "item");

	if (item && !ramet_json_get(element, "type") && !ramet_json_get(element, "kind"))
		return item;
	return element;
}

static const struct ramet_json *tag_of(const struct ramet_json *v)
{
	const struct ramet_json *type = ramet_json_get(v, "type");

	return type ? type : ramet_json_get(v, "kind");
}

static int raw_is(struct ramet_bytes raw, const char *text)
{
	return raw.len && rameti_json_raw_is(raw, ramet_bytes_of(text));
}

int rameti_yoi_item_named(struct ramet_bytes tag, struct ramet_bytes role)
{
	if (raw_is(tag, "tool_call"))
		return RAMETI_YOI_ITEM_CALL;
	if (raw_is(tag, "tool_result"))
		return RAMETI_YOI_ITEM_RESULT;
	if (raw_is(tag, "reasoning"))
		return RAMETI_YOI_ITEM_REASONING;
	if (!raw_is(tag, "message"))
		return RAMETI_YOI_ITEM_OTHER;
	if (raw_is(role, "user"))
		return RAMETI_YOI_ITEM_USER;
	if (raw_is(role, "assistant"))
		return RAMETI_YOI_ITEM_ASSISTANT;
	return raw_is(role, "system") ? RAMETI_YOI_ITEM_SYSTEM : RAMETI_YOI_ITEM_OTHER;
}

static struct ramet_bytes raw_text(const struct ramet_json *v)
{
	struct ramet_bytes none = { NULL, 0 };

	return ramet_json_kind(v) == RAMET_JSON_STRING ? ramet_json_raw(v) : none;
}

int rameti_yoi_item_of(const struct ramet_json *item)
{
	return rameti_yoi_item_named(raw_text(tag_of(item)),
				     raw_text(ramet_json_get(item, "role")));
}

/* ---- printing ---- */

/* ,"key":"text" of a member that is a text. */
static void add_optional(struct ramet_buf *out, const struct ramet_json *item, const char *key)
{
	const struct ramet_json *v = ramet_json_get(item, key);

	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return;
	ramet_buf_addf(out, ",\"%s\":", key);
	rameti_yoi_add_string(out, v);
}

static void add_required(struct ramet_buf *out, const struct ramet_json *item, const char *key)
{
	ramet_buf_addf(out, ",\"%s\":", key);
	rameti_yoi_add_string(out, ramet_json_get(item, key));
}

static void add_part(struct ramet_buf *out, const struct ramet_json *part, const char *tag)
{
	const char *name = ramet_json_text_is(tag_of(part), "refusal") ? "refusal" : "text";

	ramet_buf_addf(out, "{\"%s\":\"%s\"", tag, name);
	add_required(out, part, name);
	ramet_buf_add_char(out, '}');
}

static void add_parts(struct ramet_buf *out, const struct ramet_json *item, const char *tag)
{
	const struct ramet_json *content = ramet_json_get(item, "content"), *part = NULL;
	uint32_t n = 0;

	add_required(out, item, "role");
	ADD(out, ",\"content\":[");
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (part = ramet_json_next(content, part)) != NULL) {
		if (n++)
			ramet_buf_add_char(out, ',');
		add_part(out, part, tag);
	}
	ramet_buf_add_char(out, ']');
}

static void add_summaries(struct ramet_buf *out, const struct ramet_json *item)
{
	const struct ramet_json *list = ramet_json_get(item, "summary"), *v = NULL;
	uint32_t n = 0;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY || !list->n)
		return;
	ADD(out, ",\"summary\":[");
	while ((v = ramet_json_next(list, v)) != NULL) {
		if (n++)
			ramet_buf_add_char(out, ',');
		rameti_yoi_add_string(out, v);
	}
	ramet_buf_add_char(out, ']');
}

/* Images of a tool result. */
static void add_attachments(struct ramet_buf *out, const struct ramet_json *item)
{
	const struct ramet_json *list = ramet_json_get(item, "attachments"), *v = NULL;
	uint32_t n = 0;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY || !list->n)
		return;
	ADD(out, ",\"attachments\":[");
	while ((v = ramet_json_next(list, v)) != NULL) {
		if (n++)
			ramet_buf_add_char(out, ',');
		ADD(out, "{\"kind\":\"image\"");
		add_required(out, v, "mime_type");
		add_required(out, v, "data");
		ramet_buf_add_char(out, '}');
	}
	ramet_buf_add_char(out, ']');
}

static void add_result(struct ramet_buf *out, const struct ramet_json *item, int gen)
{
	add_required(out, item, "call_id");
	add_required(out, item, "summary");
	add_optional(out, item, "content");
	if (gen <= RAMETI_YOI_G1)
		return;
	if (gen >= RAMETI_YOI_G2)
		add_attachments(out, item);
	if (ramet_json_kind(ramet_json_get(item, "is_error")) == RAMET_JSON_TRUE)
		ADD(out, ",\"is_error\":true");
}

static void add_reasoning(struct ramet_buf *out, const struct ramet_json *item, int gen)
{
	add_required(out, item, "text");
	add_summaries(out, item);
	add_optional(out, item, "encrypted_content");
	if (gen > RAMETI_YOI_G1)
		add_optional(out, item, "signature");
}

void rameti_yoi_add_item(struct ramet_buf *out, const struct ramet_json *item, int gen)
{
	static const char *const names[] = {
		[RAMETI_YOI_ITEM_CALL] = "tool_call",
		[RAMETI_YOI_ITEM_RESULT] = "tool_result",
		[RAMETI_YOI_ITEM_REASONING] = "reasoning",
	};
	int what = rameti_yoi_item_of(item), old = gen <= RAMETI_YOI_G1;
	const char *tag = old ? "type" : "kind";
	const char *name = what < RAMETI_YOI_ITEM_CALL ? "message" : names[what];

	ramet_buf_addf(out, "{\"%s\":\"%s\"", tag, name);
	if (old)
		add_optional(out, item, "id");
	switch (what) {
	case RAMETI_YOI_ITEM_CALL:
		add_required(out, item, "call_id");
		add_required(out, item, "name");
		add_required(out, item, "arguments");
		break;
	case RAMETI_YOI_ITEM_RESULT:
		add_result(out, item, gen);
		break;
	case RAMETI_YOI_ITEM_REASONING:
		add_reasoning(out, item, gen);
		break;
	default:
		add_parts(out, item, tag);
	}
	if (old && what != RAMETI_YOI_ITEM_RESULT)
		add_optional(out, item, "status");
	ramet_buf_add_char(out, '}');
}

void rameti_yoi_add_message(struct ramet_buf *out, const char *role, struct ramet_bytes text,
			    int gen)
{
	const char *tag = gen <= RAMETI_YOI_G1 ? "type" : "kind";

	ramet_buf_addf(out, "{\"%s\":\"message\",\"role\":\"%s\",\"content\":[{\"%s\":\"text\",",
		       tag, role, tag);
	ADD(out, "\"text\":");
	rameti_yoi_add_text(out, text);
	ADD(out, "}]}");
}

/* ---- texts that are made when records are replayed ---- */

static void join_one(struct ramet_buf *text, const struct ramet_json *s, int hashed)
{
	const struct ramet_json *kind = ramet_json_get(s, "kind");

	if (ramet_json_text_is(kind, "text") || ramet_json_text_is(kind, "paste")) {
		ramet_json_text(ramet_json_get(s, "content"), text);
	} else if (ramet_json_text_is(kind, "file_ref")) {
		ramet_buf_add_char(text, '@');
		ramet_json_text(ramet_json_get(s, "path"), text);
	} else if (hashed && ramet_json_text_is(kind, "knowledge_ref")) {
		ramet_buf_add_char(text, '#');
		ramet_json_text(ramet_json_get(s, "slug"), text);
	} else if (hashed && ramet_json_text_is(kind, "workflow_invoke")) {
		ramet_buf_add_char(text, '/');
		ramet_json_text(ramet_json_get(s, "slug"), text);
	} else if (!hashed && ramet_json_text_is(kind, "flow")) {
		ADD(text, "[Flow: ");
		ramet_json_text(ramet_json_get(s, "selector"), text);
		ramet_buf_add_char(text, ']');
	} else if (hashed) {
		ADD(text, "[unknown input segment]");
	}
}

void rameti_yoi_join_segments(struct ramet_buf *text, const struct ramet_json *segments, int hashed)
{
	const struct ramet_json *s = NULL;

	while (ramet_json_kind(segments) == RAMET_JSON_ARRAY &&
	       (s = ramet_json_next(segments, s)) != NULL)
		join_one(text, s, hashed);
}

void rameti_yoi_system_text(struct ramet_buf *text, const struct ramet_json *item, int hashed)
{
	const struct ramet_json *kind = ramet_json_get(item, "kind");

	if (!hashed && ramet_json_text_is(kind, "knowledge"))
		return;
	if (!hashed && ramet_json_text_is(kind, "workflow")) {
		ADD(text, "Ignored legacy procedure item: /");
		ramet_json_text(ramet_json_get(item, "slug"), text);
		return;
	}
	ramet_json_text(ramet_json_get(item, "body"), text);
}

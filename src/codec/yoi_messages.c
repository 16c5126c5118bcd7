/*
 * codec/yoi_messages.c - pi's messages as yoi's items.
 *
 * An item has what yoi has a member for: texts, thoughts, calls, results, and images of results.
 * What is left out here makes the record one that does not read back as the entry.
 */
#include "codec/yoi_encode_priv.h"

#include "base/add.h"

/* ---- messages ---- */

static const struct ramet_json *extra_of(const struct ramet_json *v, const char *key)
{
	return ramet_json_get(ramet_json_get(v, "yoi"), key);
}

/* An item or a part begins: what it is. */
static void put_tag(struct rameti_yoi_work *w, const char *name)
{
	rameti_yoi_put_raw(w, w->gen == RAMETI_YOI_G1 ? "{\"type\":\"" : "{\"kind\":\"");
	rameti_yoi_put_raw(w, name);
	ramet_buf_add_char(w->out, '"');
}

static void put_extra(struct rameti_yoi_work *w, const struct ramet_json *v, const char *key)
{
	const struct ramet_json *text = extra_of(v, key);

	if (ramet_json_kind(text) != RAMET_JSON_STRING)
		return;
	rameti_yoi_put_key(w, key, text);
}

static int is_text_block(const struct ramet_json *block)
{
	return ramet_json_text_is(ramet_json_get(block, "type"), "text");
}

/* Is block the first of a message of its own? */
static int starts_message(const struct ramet_json *block)
{
	return ramet_json_truthy(extra_of(block, "message"));
}

static void put_part(struct rameti_yoi_work *w, const struct ramet_json *text, int refusal)
{
	const char *name = refusal ? "refusal" : "text";

	put_tag(w, name);
	rameti_yoi_put_key(w, name, text);
	ramet_buf_add_char(w->out, '}');
}

/* Text blocks from *block on as the parts of one message; *block is the next one then. content: a
 * list, or a text. An assistant's message ends at its next call or thought. */
static void put_message(struct rameti_yoi_work *w, const char *role,
			const struct ramet_json *content, const struct ramet_json **block,
			const struct ramet_json *extra)
{
	const struct ramet_json *first = *block, *v = first;
	int whole = *role != 'a';
	uint32_t n = 0;

	put_tag(w, "message");
	if (w->gen == RAMETI_YOI_G1)
		put_extra(w, extra, "id");
	rameti_yoi_put_raw(w, ",\"role\":\"");
	rameti_yoi_put_raw(w, role);
	rameti_yoi_put_raw(w, "\",\"content\":[");
	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		put_part(w, content, 0);
	for (; v && (whole || is_text_block(v)) && (v == first || !starts_message(v));
	     v = ramet_json_next(content, v)) {
		if (!is_text_block(v) || ramet_json_truthy(extra_of(v, "empty")))
			continue;
		if (n++)
			ramet_buf_add_char(w->out, ',');
		put_part(w, ramet_json_get(v, "text"), ramet_json_truthy(extra_of(v, "refusal")));
	}
	ramet_buf_add_char(w->out, ']');
	if (w->gen == RAMETI_YOI_G1)
		put_extra(w, extra, "status");
	ramet_buf_add_char(w->out, '}');
	*block = v;
}

static void put_summaries(struct rameti_yoi_work *w, const struct ramet_json *list)
{
	const struct ramet_json *v = NULL;
	uint32_t n = 0;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY || !list->n)
		return;
	rameti_yoi_put_raw(w, ",\"summary\":[");
	while ((v = ramet_json_next(list, v)) != NULL) {
		if (n++)
			ramet_buf_add_char(w->out, ',');
		rameti_yoi_add_string(w->out, v);
	}
	ramet_buf_add_char(w->out, ']');
}

static void put_reasoning(struct rameti_yoi_work *w, const struct ramet_json *block)
{
	const struct ramet_json *signature = ramet_json_get(block, "thinkingSignature");
	int old = w->gen == RAMETI_YOI_G1;

	put_tag(w, "reasoning");
	if (old)
		put_extra(w, block, "id");
	rameti_yoi_put_key(w, "text", ramet_json_get(block, "thinking"));
	put_summaries(w, extra_of(block, "summary"));
	put_extra(w, block, "encrypted_content");
	if (!old && ramet_json_kind(signature) == RAMET_JSON_STRING)
		rameti_yoi_put_key(w, "signature", signature);
	if (old)
		put_extra(w, block, "status");
	ramet_buf_add_char(w->out, '}');
}

static void put_call(struct rameti_yoi_work *w, const struct ramet_json *block)
{
	const struct ramet_json *text = extra_of(block, "arguments");
	const struct ramet_json *object = ramet_json_get(block, "arguments");
	struct ramet_buf compact = RAMET_BUF_INIT(SIZE_MAX / 2);
	int old = w->gen == RAMETI_YOI_G1;

	put_tag(w, "tool_call");
	if (old)
		put_extra(w, block, "id");
	rameti_yoi_put_key(w, "call_id", ramet_json_get(block, "id"));
	rameti_yoi_put_key(w, "name", ramet_json_get(block, "name"));
	if (ramet_json_kind(text) == RAMET_JSON_STRING) {
		rameti_yoi_put_key(w, "arguments", text);
	} else {
		if (object)
			rameti_json_add_compact(&compact, object);
		rameti_yoi_put_raw(w, ",\"arguments\":");
		if (ramet_buf_status(&compact) < 0)
			w->out->status = RAMET_ENOMEM;
		rameti_yoi_add_text(w->out, ramet_buf_bytes(&compact));
	}
	if (old)
		put_extra(w, block, "status");
	ramet_buf_add_char(w->out, '}');
	ramet_buf_release(&compact);
}

/* The next item of an assistant's blocks; *block moves on. 0: a block yoi has no item for. */
static int put_item(struct rameti_yoi_work *w, const struct ramet_json *content,
		    const struct ramet_json **block)
{
	const struct ramet_json *v = *block, *type = ramet_json_get(v, "type");

	if (is_text_block(v)) {
		put_message(w, "assistant", content, block, v);
		return 1;
	}
	*block = ramet_json_next(content, v);
	if (ramet_json_text_is(type, "thinking"))
		put_reasoning(w, v);
	else if (ramet_json_text_is(type, "toolCall"))
		put_call(w, v);
	else
		return 0;
	return 1;
}

/* One record with all items, or one for each. */
static void put_assistant(struct rameti_yoi_work *w, const struct ramet_json *m)
{
	const struct ramet_json *content = ramet_json_get(m, "content"), *block = NULL;
	int plural = w->gen < RAMETI_YOI_G1D;
	uint32_t n = 0;

	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		block = ramet_json_next(content, NULL);
	else if (ramet_json_kind(content) != RAMET_JSON_STRING)
		return;
	if (plural) {
		rameti_yoi_put_begin(w, "assistant_items");
		rameti_yoi_put_raw(w, ",\"items\":[");
	}
	do {
		size_t from = w->out->len;

		if (plural && n)
			ramet_buf_add_char(w->out, ',');
		if (!plural) {
			rameti_yoi_put_begin(w, "assistant_item");
			rameti_yoi_put_raw(w, ",\"item\":");
		}
		if (ramet_json_kind(content) == RAMET_JSON_STRING) {
			put_message(w, "assistant", content, &block, NULL);
		} else if (!block || !put_item(w, content, &block)) {
			ramet_buf_truncate(w->out, from);
			continue;
		}
		n++;
		if (!plural)
			rameti_yoi_put_end(w);
	} while (block);
	if (plural) {
		rameti_yoi_put_raw(w, "]");
		rameti_yoi_put_end(w);
	}
	w->sure = w->gen >= RAMETI_YOI_BRIDGE;
	w->e->count[RAMETI_YOI_ITEMS] += n;
	w->e->count[RAMETI_YOI_FLAGS] |= RAMETI_YOI_HAS_ITEMS;
}

static int has_text(const struct ramet_json *content)
{
	const struct ramet_json *v = NULL;

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		return 1;
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(content, v)) != NULL)
		if (is_text_block(v))
			return 1;
	return ramet_json_kind(content) == RAMET_JSON_ARRAY && !content->n;
}

static void put_segments(struct rameti_yoi_work *w, const struct ramet_json *content)
{
	const struct ramet_json *v = NULL;
	uint32_t n = 0;

	rameti_yoi_put_raw(w, ",\"segments\":[");
	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		rameti_yoi_put_raw(w, "{\"kind\":\"text\"");
		rameti_yoi_put_key(w, "content", content);
		ramet_buf_add_char(w->out, '}');
	}
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(content, v)) != NULL) {
		if (!is_text_block(v))
			continue;
		rameti_yoi_put_raw(w, n++ ? ",{\"kind\":\"text\"" : "{\"kind\":\"text\"");
		rameti_yoi_put_key(w, "content", ramet_json_get(v, "text"));
		ramet_buf_add_char(w->out, '}');
	}
	ramet_buf_add_char(w->out, ']');
}

static const struct ramet_json *first_of(const struct ramet_json *content)
{
	return ramet_json_kind(content) == RAMET_JSON_ARRAY ? ramet_json_next(content, NULL) : NULL;
}

static void put_user(struct rameti_yoi_work *w, const struct ramet_json *m)
{
	const struct ramet_json *content = ramet_json_get(m, "content"), *block = first_of(content);
	const struct ramet_json *segments = extra_of(m, "segments");
	const struct ramet_json *extensions = extra_of(m, "extensions");

	if (!has_text(content))
		return;
	w->sure = w->gen >= RAMETI_YOI_BRIDGE && !segments && !extensions;
	rameti_yoi_put_begin(w, "user_input");
	if (w->gen < RAMETI_YOI_G1C) {
		rameti_yoi_put_raw(w, ",\"item\":");
		put_message(w, "user", content, &block, m);
	} else if (ramet_json_kind(segments) == RAMET_JSON_ARRAY) {
		rameti_yoi_put_raw(w, ",\"segments\":");
		rameti_json_add_compact(w->out, segments);
	} else {
		put_segments(w, content);
	}
	if (w->gen >= RAMETI_YOI_G2 && ramet_json_kind(extensions) == RAMET_JSON_ARRAY) {
		rameti_yoi_put_raw(w, ",\"extensions\":");
		rameti_json_add_compact(w->out, extensions);
	}
	rameti_yoi_put_end(w);
	w->e->count[RAMETI_YOI_ITEMS]++;
	w->e->count[RAMETI_YOI_FLAGS] |= RAMETI_YOI_HAS_ITEMS;
}

static const struct ramet_json *next_text(const struct ramet_json *content,
					  const struct ramet_json *v)
{
	do
		v = ramet_json_next(content, v);
	while (v && !is_text_block(v));
	return v;
}

/* The first text is the summary, the others are the content. */
static void put_result_texts(struct rameti_yoi_work *w, const struct ramet_json *content)
{
	struct ramet_buf rest = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *first = NULL, *v;

	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		first = next_text(content, NULL);
	rameti_yoi_put_key(w, "summary", first ? ramet_json_get(first, "text") : content);
	for (v = first ? next_text(content, first) : NULL; v; v = next_text(content, v)) {
		if (rest.len)
			ramet_buf_add_char(&rest, '\n');
		ramet_json_text(ramet_json_get(v, "text"), &rest);
	}
	if (first && next_text(content, first)) {
		rameti_yoi_put_raw(w, ",\"content\":");
		rameti_yoi_add_text(w->out, ramet_buf_bytes(&rest));
	}
	if (ramet_buf_status(&rest) < 0)
		w->out->status = RAMET_ENOMEM;
	ramet_buf_release(&rest);
}

static void put_images(struct rameti_yoi_work *w, const struct ramet_json *content)
{
	const struct ramet_json *v = NULL;
	uint32_t n = 0;

	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(content, v)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(v, "type"), "image"))
			continue;
		rameti_yoi_put_raw(w, n++ ? ",{\"kind\":\"image\""
					  : ",\"attachments\":[{\"kind\":\"image\"");
		rameti_yoi_put_key(w, "mime_type", ramet_json_get(v, "mimeType"));
		rameti_yoi_put_key(w, "data", ramet_json_get(v, "data"));
		ramet_buf_add_char(w->out, '}');
	}
	if (n)
		ramet_buf_add_char(w->out, ']');
}

static void put_result(struct rameti_yoi_work *w, const struct ramet_json *m)
{
	const struct ramet_json *content = ramet_json_get(m, "content");
	int plural = w->gen < RAMETI_YOI_G1D;

	rameti_yoi_put_begin(w, plural ? "tool_results" : "tool_result");
	rameti_yoi_put_raw(w, plural ? ",\"items\":[" : ",\"item\":");
	put_tag(w, "tool_result");
	if (w->gen == RAMETI_YOI_G1)
		put_extra(w, m, "id");
	rameti_yoi_put_key(w, "call_id", ramet_json_get(m, "toolCallId"));
	put_result_texts(w, content);
	if (w->gen >= RAMETI_YOI_G2)
		put_images(w, content);
	if (w->gen > RAMETI_YOI_G1 && ramet_json_truthy(ramet_json_get(m, "isError")))
		rameti_yoi_put_raw(w, ",\"is_error\":true");
	rameti_yoi_put_raw(w, plural ? "}]" : "}");
	rameti_yoi_put_end(w);
	w->sure = w->gen >= RAMETI_YOI_BRIDGE;
	w->e->count[RAMETI_YOI_ITEMS]++;
	w->e->count[RAMETI_YOI_FLAGS] |= RAMETI_YOI_HAS_ITEMS;
}

static void joined(const struct ramet_json *content, struct ramet_buf *text)
{
	const struct ramet_json *v = NULL;

	ramet_json_text(content, text);
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (v = next_text(content, v)) != NULL) {
		if (text->len)
			ramet_buf_add_char(text, '\n');
		ramet_json_text(ramet_json_get(v, "text"), text);
	}
}

static void put_prompt(struct rameti_yoi_work *w, const struct ramet_json *m)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *sections = ramet_json_get(m, "sections"), *v = NULL;
	struct ramet_bytes prompt;

	joined(ramet_json_get(m, "content"), &text);
	while (ramet_json_kind(sections) == RAMET_JSON_OBJECT &&
	       (v = ramet_json_next(sections, v)) != NULL) {
		v = ramet_json_next(sections, v);
		if (text.len && ramet_json_kind(v) == RAMET_JSON_STRING)
			ADD(&text, "\n\n");
		ramet_json_text(v, &text);
	}
	prompt = ramet_buf_bytes(&text);
	if (ramet_buf_status(&text) < 0)
		w->out->status = RAMET_ENOMEM;
	rameti_yoi_put_start(w, &prompt, NULL, NULL);
	ramet_buf_release(&text);
}

static void put_system(struct rameti_yoi_work *w, const struct ramet_json *m)
{
	const struct ramet_json *content = ramet_json_get(m, "content"), *block = first_of(content);
	const struct ramet_json *item = extra_of(m, "item");

	if (!item && !w->e->count[RAMETI_YOI_FLAGS]) {
		put_prompt(w, m);
		return;
	}
	if (!has_text(content))
		return;
	if (ramet_json_kind(item) == RAMET_JSON_OBJECT && w->gen >= RAMETI_YOI_G1D) {
		rameti_yoi_put_begin(w, "system_item");
		rameti_yoi_put_raw(w, ",\"item\":");
		rameti_json_add_compact(w->out, item);
	} else if (w->gen < RAMETI_YOI_BRIDGE) {
		rameti_yoi_put_begin(w, "hook_injected_items");
		rameti_yoi_put_raw(w, ",\"items\":[");
		put_message(w, "system", content, &block, m);
		ramet_buf_add_char(w->out, ']');
	} else {
		rameti_yoi_put_begin(w, "assistant_item");
		rameti_yoi_put_raw(w, ",\"item\":");
		put_message(w, "system", content, &block, m);
	}
	rameti_yoi_put_end(w);
	w->e->count[RAMETI_YOI_ITEMS]++;
	w->e->count[RAMETI_YOI_FLAGS] |= RAMETI_YOI_HAS_ITEMS;
}

void rameti_yoi_put_message(struct rameti_yoi_work *w)
{
	const struct ramet_json *m = ramet_json_get(w->entry, "message");
	const struct ramet_json *role = ramet_json_get(m, "role");

	if (ramet_json_text_is(role, "user"))
		put_user(w, m);
	else if (ramet_json_text_is(role, "assistant"))
		put_assistant(w, m);
	else if (ramet_json_text_is(role, "toolResult"))
		put_result(w, m);
	else if (ramet_json_text_is(role, "system"))
		put_system(w, m);
}

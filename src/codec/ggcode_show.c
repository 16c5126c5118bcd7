/*
 * codec/ggcode_show.c - messages of ggcode as pi's: blocks, tool results, assistant messages.
 *
 * What pi has no member for stays under its own name. An assistant message shows the session's
 * model, since ggcode does not note one per message.
 */
#include "codec/ggcode_priv.h"

#include "base/add.h"
#include "codec/span.h"
#include "json/scan.h"

void rameti_gg_add_key(struct ramet_buf *out, const char *key)
{
	ADD(out, ",\"");
	ramet_buf_add_str(out, key);
	ADD(out, "\":");
}

/* ,"key":value as it is, or nothing. */
void rameti_gg_add_value(struct ramet_buf *out, const char *key, const struct ramet_json *v)
{
	if (!v)
		return;
	rameti_gg_add_key(out, key);
	rameti_json_add_compact(out, v);
}

/* A text, "" when it is missing. */
void rameti_gg_show_text(struct ramet_buf *out, const char *key, const struct ramet_json *v)
{
	rameti_gg_add_key(out, key);
	if (v)
		ramet_buf_add(out, ramet_json_raw(v));
	else
		ADD(out, "\"\"");
}

static int is_named(const struct ramet_json *key, const char *const *names)
{
	for (; *names; names++)
		if (rameti_gg_key_is(key, *names))
			return 1;
	return 0;
}

void rameti_gg_add_others(struct ramet_buf *out, const struct ramet_json *object,
			  const char *const *names)
{
	const struct ramet_json *key = object, *end = object;

	if (ramet_json_kind(object) == RAMET_JSON_OBJECT) {
		key = object + 1;
		end = object + object->span;
	}
	for (; key < end; key += 1 + key[1].span)
		if (!is_named(key, names))
			rameti_span_add_member(out, key);
}

/* ---- blocks ---- */

static void show_image(struct ramet_buf *out, const struct ramet_json *data,
		       const struct ramet_json *mime)
{
	ADD(out, "{\"type\":\"image\"");
	rameti_gg_show_text(out, "data", data);
	rameti_gg_show_text(out, "mimeType", mime);
}

static void show_call(struct ramet_buf *out, const struct ramet_json *block)
{
	const struct ramet_json *input = rameti_gg_get(block, "input");

	ADD(out, "{\"type\":\"toolCall\"");
	rameti_gg_show_text(out, "id", rameti_gg_get(block, "tool_id"));
	rameti_gg_show_text(out, "name", rameti_gg_get(block, "tool_name"));
	rameti_gg_add_key(out, "arguments");
	if (input)
		rameti_json_add_compact(out, input);
	else
		ADD(out, "{}");
}

static void show_thinking(struct ramet_buf *out, const struct ramet_json *block, int redacted)
{
	const struct ramet_json *sign =
		rameti_gg_get(block, redacted ? "thinking_data" : "thinking_signature");

	ADD(out, "{\"type\":\"thinking\"");
	rameti_gg_show_text(out, "thinking", rameti_gg_get(block, "reasoning_content"));
	rameti_gg_add_value(out, "thinkingSignature", sign);
	if (redacted)
		ADD(out, ",\"redacted\":true");
}

static void show_block(struct ramet_buf *out, const struct ramet_json *block)
{
	static const char *const texts[] = { "type", "text", NULL };
	static const char *const images[] = { "type", "image_data", "image_mime", NULL };
	static const char *const calls[] = { "type", "tool_id", "tool_name", "input", NULL };
	static const char *const thoughts[] = { "type", "reasoning_content", "thinking_signature",
						NULL };
	static const char *const hidden[] = { "type", "reasoning_content", "thinking_data", NULL };
	const struct ramet_json *type = rameti_gg_get(block, "type");
	const char *const *known = thoughts;

	if (ramet_json_text_is(type, "text")) {
		ADD(out, "{\"type\":\"text\"");
		rameti_gg_show_text(out, "text", rameti_gg_get(block, "text"));
		known = texts;
	} else if (ramet_json_text_is(type, "image")) {
		show_image(out, rameti_gg_get(block, "image_data"),
			   rameti_gg_get(block, "image_mime"));
		known = images;
	} else if (ramet_json_text_is(type, "tool_use")) {
		show_call(out, block);
		known = calls;
	} else if (ramet_json_text_is(type, "thinking")) {
		show_thinking(out, block, 0);
	} else if (ramet_json_text_is(type, "redacted_thinking")) {
		show_thinking(out, block, 1);
		known = hidden;
	} else {
		rameti_json_add_compact(out, block);
		return;
	}
	rameti_gg_add_others(out, block, known);
	ADD(out, "}");
}

static void show_content(struct ramet_buf *out, const struct rameti_gg_part *p)
{
	const struct ramet_json *block = p->first;
	uint32_t i;

	ADD(out, ",\"content\":[");
	for (i = 0; i < p->n; i++) {
		if (i)
			ADD(out, ",");
		show_block(out, block);
		block = ramet_json_next(p->content, block);
	}
	ADD(out, "]");
}

/* ---- messages ---- */

const char *const rameti_gg_message_keys[] = { "id", "role", "content", NULL };

static int calls_tools(const struct rameti_gg_part *p)
{
	const struct ramet_json *block = NULL;

	while ((block = ramet_json_next(p->content, block)) != NULL)
		if (ramet_json_text_is(rameti_gg_get(block, "type"), "tool_use"))
			return 1;
	return 0;
}

void rameti_gg_show_model(struct ramet_bytes meta, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *record = NULL;
	int r = meta.len ? ramet_json_parse(&doc, meta, 0, NULL) : RAMET_ENOTFOUND;

	if (r == RAMET_ENOMEM)
		out->status = r;
	else if (!r)
		record = ramet_json_root(&doc);
	rameti_gg_show_text(out, "provider", rameti_gg_get(record, "vendor"));
	rameti_gg_show_text(out, "model", rameti_gg_get(record, "model"));
	ramet_json_doc_release(&doc);
}

void rameti_gg_show_made(struct ramet_buf *out, struct ramet_bytes meta, int calls)
{
	ADD(out, ",\"api\":\"" RAMETI_GG_API "\"");
	rameti_gg_show_model(meta, out);
	ADD(out, ",\"usage\":{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,"
		 "\"totalTokens\":0,\"cost\":{\"input\":0,\"output\":0,\"cacheRead\":0,"
		 "\"cacheWrite\":0,\"total\":0}},\"stopReason\":");
	ramet_buf_add_str(out, calls ? "\"toolUse\"" : "\"stop\"");
}

static void show_assistant(struct ramet_buf *out, const struct rameti_gg_part *p,
			   struct ramet_bytes meta)
{
	ADD(out, "{\"role\":\"assistant\"");
	show_content(out, p);
	/* one that came from elsewhere has all this of its own */
	if (!ramet_json_get(p->message, "api"))
		rameti_gg_show_made(out, meta, calls_tools(p));
}

/* The output and pictures of a result as blocks; a list that we put beside them tells better. */
static void show_result_content(struct ramet_buf *out, const struct ramet_json *block)
{
	const struct ramet_json *kept = ramet_json_get(block, "content"), *image = NULL;
	const struct ramet_json *output = rameti_gg_get(block, "output");
	const struct ramet_json *images = rameti_gg_get(block, "images");
	int n = 0;

	if (ramet_json_kind(kept) == RAMET_JSON_ARRAY) {
		rameti_gg_add_value(out, "content", kept);
		return;
	}
	ADD(out, ",\"content\":[");
	if (output && output->len > 2) {
		ADD(out, "{\"type\":\"text\",\"text\":");
		ramet_buf_add(out, ramet_json_raw(output));
		ADD(out, "}");
		n = 1;
	}
	while ((image = ramet_json_next(images, image)) != NULL) {
		if (n++)
			ADD(out, ",");
		show_image(out, rameti_gg_get(image, "base64"), rameti_gg_get(image, "mime"));
		ADD(out, "}");
	}
	ADD(out, "]");
}

static void show_result(struct ramet_buf *out, const struct rameti_gg_part *p)
{
	static const char *const known[] = { "type",	 "tool_id", "tool_name", "output",
					     "is_error", "images",  "content",	 NULL };
	const struct ramet_json *block = p->first;

	ADD(out, "{\"role\":\"toolResult\"");
	rameti_gg_show_text(out, "toolCallId", rameti_gg_get(block, "tool_id"));
	rameti_gg_show_text(out, "toolName", rameti_gg_get(block, "tool_name"));
	show_result_content(out, block);
	ADD(out, ",\"isError\":");
	ramet_buf_add_str(out,
			  ramet_json_truthy(rameti_gg_get(block, "is_error")) ? "true" : "false");
	rameti_gg_add_others(out, block, known);
}

void rameti_gg_show_end(struct ramet_buf *out, int64_t ms)
{
	if (ms != RAMET_TIME_NONE) {
		ramet_buf_add_str(out, ms < 0 ? ",\"timestamp\":-" : ",\"timestamp\":");
		rameti_span_add_count(out, ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms);
	}
	ADD(out, "}");
}

void rameti_gg_show_message(const struct rameti_gg_part *p, int with_rest, int64_t ms,
			    struct ramet_bytes meta, struct ramet_buf *out)
{
	static const char *const timed[] = { "id", "role", "content", "timestamp", NULL };

	if (p->role == RAMET_ROLE_ASSISTANT) {
		show_assistant(out, p, meta);
	} else if (p->role == RAMET_ROLE_TOOL_RESULT && p->user) {
		show_result(out, p);
	} else {
		ADD(out, "{\"role\":");
		if (rameti_gg_get(p->message, "role"))
			ramet_buf_add(out, ramet_json_raw(rameti_gg_get(p->message, "role")));
		else
			ADD(out, "\"\"");
		show_content(out, p);
	}
	if (with_rest)
		rameti_gg_add_others(out, p->message,
				     ms == RAMET_TIME_NONE ? rameti_gg_message_keys : timed);
	rameti_gg_show_end(out, ms);
}

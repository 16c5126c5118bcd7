/*
 * codec/ggcode_message.c - messages of pi as ggcode stores them: roles, blocks, tool results.
 *
 * The members that ggcode's struct has come in its order, empty ones left out; what pi has beside
 * them follows under its own name, where ggcode passes over it and reading finds it again.
 */
#include "codec/ggcode_priv.h"

#include "json/scan.h"

#define ADD(out, text) ramet_buf_add(out, (struct ramet_bytes){ text, sizeof(text) - 1 })
#define N_KEYS 13

/* ggcode's members of a block, in its order. */
static const char *const block_keys[N_KEYS + 1] = { "text",
						    "image_mime",
						    "image_data",
						    "tool_name",
						    "tool_id",
						    "input",
						    "output",
						    "is_error",
						    "images",
						    "reasoning_content",
						    "thinking_signature",
						    "thinking_data",
						    "cache",
						    NULL };

/* A kind of block: where pi has what ggcode's members hold. */
struct kind {
	const char *pi, *gg;
	struct {
		const char *gg, *pi;
	} map[3];
};
static const struct kind kinds[] = {
	{ "text", "text", { { "text", "text" } } },
	{ "image", "image", { { "image_mime", "mimeType" }, { "image_data", "data" } } },
	{ "toolCall",
	  "tool_use",
	  { { "tool_name", "name" }, { "tool_id", "id" }, { "input", "arguments" } } },
	{ "thinking",
	  "thinking",
	  { { "reasoning_content", "thinking" }, { "thinking_signature", "thinkingSignature" } } },
	{ "",
	  "redacted_thinking",
	  { { "reasoning_content", "thinking" }, { "thinking_data", "thinkingSignature" } } },
};
#define REDACTED 4

static const struct kind *kind_of(const struct ramet_json *block)
{
	const struct ramet_json *type = ramet_json_get(block, "type");
	size_t i;

	for (i = 0; i < REDACTED; i++)
		if (ramet_json_text_is(type, kinds[i].pi))
			break;
	if (i == REDACTED)
		return NULL;
	if (!ramet_json_text_is(type, "thinking"))
		return &kinds[i];
	return ramet_json_truthy(ramet_json_get(block, "redacted")) ? &kinds[REDACTED] : &kinds[i];
}

static const char *name_in_pi(const struct kind *k, const char *gg)
{
	size_t i;

	for (i = 0; i < 3 && k->map[i].gg; i++)
		if (k->map[i].gg == gg || ramet_bytes_is(ramet_bytes_of(gg), k->map[i].gg))
			return k->map[i].pi;
	return gg;
}

static void add_member(struct ramet_buf *out, const char *key, const struct ramet_json *v)
{
	if (!v || v->kind == RAMET_JSON_NULL || v->kind == RAMET_JSON_FALSE ||
	    (v->kind == RAMET_JSON_STRING && v->len == 2) || (v->kind == RAMET_JSON_ARRAY && !v->n))
		return;
	ADD(out, ",\"");
	ramet_buf_add_str(out, key);
	ADD(out, "\":");
	if (v->kind == RAMET_JSON_STRING)
		rameti_gg_add_string(out, v);
	else
		rameti_json_add_compact(out, v);
}

/* What is left of a block when its kind's members are told. */
static void add_block_others(struct ramet_buf *out, const struct kind *k,
			     const struct ramet_json *block)
{
	const char *known[N_KEYS + 6];
	size_t i, n = 0;

	known[n++] = "type";
	if (k == &kinds[REDACTED])
		known[n++] = "redacted";
	for (i = 0; i < 3 && k->map[i].pi; i++)
		known[n++] = k->map[i].pi;
	for (i = 0; i < N_KEYS; i++)
		known[n++] = block_keys[i];
	known[n] = NULL;
	rameti_gg_add_others(out, block, known);
}

static void add_block(struct ramet_buf *out, const struct ramet_json *block)
{
	const struct kind *k = kind_of(block);
	size_t i;

	if (!k) {
		rameti_json_add_compact(out, block);
		return;
	}
	ADD(out, "{\"type\":\"");
	ramet_buf_add_str(out, k->gg);
	ADD(out, "\"");
	for (i = 0; i < N_KEYS; i++)
		add_member(out, block_keys[i], ramet_json_get(block, name_in_pi(k, block_keys[i])));
	add_block_others(out, k, block);
	ADD(out, "}");
}

static void add_content(struct ramet_buf *out, const struct ramet_json *content)
{
	const struct ramet_json *block = NULL;
	int n = 0;

	ADD(out, ",\"content\":");
	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ADD(out, "[{\"type\":\"text\"");
		add_member(out, "text", content);
		ADD(out, "}]");
		return;
	}
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY) {
		ADD(out, "null");
		return;
	}
	ADD(out, "[");
	while ((block = ramet_json_next(content, block)) != NULL) {
		if (n++)
			ADD(out, ",");
		add_block(out, block);
	}
	ADD(out, "]");
}

/* ---- tool results ---- */

static int is_block(const struct ramet_json *block, const char *type, uint32_t members)
{
	return ramet_json_text_is(ramet_json_get(block, "type"), type) &&
	       ramet_json_count(block) == members;
}

/* A text that is not empty, if any, then pictures: what ggcode's members say in full. */
static int is_simple(const struct ramet_json *content)
{
	const struct ramet_json *block = ramet_json_next(content, NULL);

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		return content->len > 2;
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return 0;
	if (is_block(block, "text", 2) && ramet_json_truthy(ramet_json_get(block, "text")))
		block = ramet_json_next(content, block);
	while (block && is_block(block, "image", 3))
		block = ramet_json_next(content, block);
	return !block;
}

static void add_output(struct ramet_buf *out, const struct ramet_json *content,
		       struct ramet_buf *text)
{
	const struct ramet_json *block = NULL;
	int n = 0;

	ramet_buf_reset(text);
	ramet_json_text(content, text);
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (block = ramet_json_next(content, block)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(block, "type"), "text"))
			continue;
		if (n++)
			ramet_buf_add_char(text, '\n');
		ramet_json_text(ramet_json_get(block, "text"), text);
	}
	if (text->len) {
		ADD(out, ",\"output\":");
		rameti_gg_add_text(out, ramet_buf_bytes(text), 0);
	}
}

static void add_images(struct ramet_buf *out, const struct ramet_json *content)
{
	const struct ramet_json *block = NULL;
	int n = 0;

	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (block = ramet_json_next(content, block)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(block, "type"), "image"))
			continue;
		ramet_buf_add_str(out, n++ ? ",{\"mime\":" : ",\"images\":[{\"mime\":");
		rameti_gg_add_string(out, ramet_json_get(block, "mimeType"));
		ADD(out, ",\"base64\":");
		rameti_gg_add_string(out, ramet_json_get(block, "data"));
		ADD(out, "}");
	}
	if (n)
		ADD(out, "]");
}

static void add_result(struct ramet_buf *out, const struct ramet_json *m, struct ramet_buf *text)
{
	static const char *const known[] = { "role",	"content",   "toolCallId", "toolName",
					     "isError", "timestamp", NULL };
	const struct ramet_json *content = ramet_json_get(m, "content");

	ADD(out, ",\"content\":[{\"type\":\"tool_result\"");
	add_member(out, "tool_name", ramet_json_get(m, "toolName"));
	add_member(out, "tool_id", ramet_json_get(m, "toolCallId"));
	add_output(out, content, text);
	if (ramet_json_truthy(ramet_json_get(m, "isError")))
		ADD(out, ",\"is_error\":true");
	add_images(out, content);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY && content->n && !is_simple(content)) {
		ADD(out, ",\"content\":");
		rameti_json_add_compact(out, content);
	}
	rameti_gg_add_others(out, m, known);
	ADD(out, "}]");
}

/* ---- whole messages ---- */

int rameti_gg_add_message(struct ramet_buf *out, const struct ramet_json *m, struct ramet_bytes id,
			  struct ramet_buf *scratch)
{
	static const char *const known[] = { "role", "content", "timestamp", NULL };
	/* made when it was read */
	static const char *const shown[] = { "role",  "content", "timestamp",  "api", "provider",
					     "model", "usage",	 "stopReason", NULL };
	const struct ramet_json *role = ramet_json_get(m, "role");
	int own = ramet_json_text_is(ramet_json_get(m, "api"), RAMETI_GG_API);
	int result = ramet_json_text_is(role, "toolResult");

	if (ramet_json_kind(role) != RAMET_JSON_STRING)
		return 0;
	ADD(out, "{");
	if (id.len) {
		ADD(out, "\"id\":");
		rameti_gg_add_text(out, id, 0);
		ADD(out, ",");
	}
	ADD(out, "\"role\":");
	if (result)
		ADD(out, "\"user\"");
	else
		rameti_gg_add_string(out, role);
	if (result) {
		add_result(out, m, scratch);
	} else {
		add_content(out, ramet_json_get(m, "content"));
		rameti_gg_add_others(out, m, own ? shown : known);
	}
	ADD(out, "}");
	return 1;
}

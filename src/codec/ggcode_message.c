/*
 * codec/ggcode_message.c - messages of pi as ggcode stores them: roles, blocks, tool results.
 *
 * The members that ggcode's struct has come in its order, empty ones left out; what pi has beside
 * them follows under its own name, where ggcode passes over it and reading finds it again. A member
 * whose name, in any spelling that Go's decoder takes for it, means something else there is left
 * out, which is told.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/add.h"
#include "codec/span.h"
#include "json/scan.h"

#define N_KEYS 13
#define N_KINDS 5

/* ggcode's members of a block, in its order, and what the decoder takes for their value. */
enum slot {
	TEXT,
	IMAGE_MIME,
	IMAGE_DATA,
	TOOL_NAME,
	TOOL_ID,
	INPUT,
	OUTPUT,
	IS_ERROR,
	IMAGES,
	REASONING,
	SIGNATURE,
	THINKING_DATA,
	CACHE
};
#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
static const struct ramet_bytes block_keys[N_KEYS] = {
	[TEXT] = NAME("text"),
	[IMAGE_MIME] = NAME("image_mime"),
	[IMAGE_DATA] = NAME("image_data"),
	[TOOL_NAME] = NAME("tool_name"),
	[TOOL_ID] = NAME("tool_id"),
	[INPUT] = NAME("input"),
	[OUTPUT] = NAME("output"),
	[IS_ERROR] = NAME("is_error"),
	[IMAGES] = NAME("images"),
	[REASONING] = NAME("reasoning_content"),
	[SIGNATURE] = NAME("thinking_signature"),
	[THINKING_DATA] = NAME("thinking_data"),
	[CACHE] = NAME("cache"),
};

/* The same as they begin. */
static const struct ramet_bytes block_fronts[N_KEYS] = {
	[TEXT] = NAME(",\"text\":"),
	[IMAGE_MIME] = NAME(",\"image_mime\":"),
	[IMAGE_DATA] = NAME(",\"image_data\":"),
	[TOOL_NAME] = NAME(",\"tool_name\":"),
	[TOOL_ID] = NAME(",\"tool_id\":"),
	[INPUT] = NAME(",\"input\":"),
	[OUTPUT] = NAME(",\"output\":"),
	[IS_ERROR] = NAME(",\"is_error\":"),
	[IMAGES] = NAME(",\"images\":"),
	[REASONING] = NAME(",\"reasoning_content\":"),
	[SIGNATURE] = NAME(",\"thinking_signature\":"),
	[THINKING_DATA] = NAME(",\"thinking_data\":"),
	[CACHE] = NAME(",\"cache\":"),
};

/* A kind of block: its type, how it begins, and where pi has what ggcode's members hold (else
 * under their names). */
struct kind {
	struct ramet_bytes pi, front, names[N_KEYS];
};
static const struct kind kinds[N_KINDS] = {
	{ NAME("text"), NAME("{\"type\":\"text\""), { [TEXT] = NAME("text") } },
	{ NAME("image"),
	  NAME("{\"type\":\"image\""),
	  { [IMAGE_MIME] = NAME("mimeType"), [IMAGE_DATA] = NAME("data") } },
	{ NAME("toolCall"),
	  NAME("{\"type\":\"tool_use\""),
	  { [TOOL_NAME] = NAME("name"), [TOOL_ID] = NAME("id"), [INPUT] = NAME("arguments") } },
	{ NAME("thinking"),
	  NAME("{\"type\":\"thinking\""),
	  { [REASONING] = NAME("thinking"), [SIGNATURE] = NAME("thinkingSignature") } },
	{ NAME(""),
	  NAME("{\"type\":\"redacted_thinking\""),
	  { [REASONING] = NAME("thinking"), [THINKING_DATA] = NAME("thinkingSignature") } },
};
#define THINKING 3
#define REDACTED 4

/* A message on its way. */
struct telling {
	struct ramet_buf *out;
	int odd; /* something in it may not be what the decoder takes */
	int partly; /* a member is left out that would be taken for another one */
};

/* Does the string, a key or a value, say this? */
static int is_key(const struct ramet_json *key, struct ramet_bytes name)
{
	if (key->flags)
		return rameti_json_raw_is(ramet_json_raw(key), name);
	return key->len == name.len + 2 && key->ptr[1] == *name.ptr &&
	       !memcmp(key->ptr + 1, name.ptr, name.len);
}

static const struct kind *kind_of(const struct ramet_json *block)
{
	const struct ramet_json *type = ramet_json_get(block, "type");
	size_t i;

	for (i = 0; i < REDACTED; i++)
		if (ramet_json_kind(type) == RAMET_JSON_STRING && is_key(type, kinds[i].pi))
			break;
	if (i == REDACTED)
		return NULL;
	if (i != THINKING)
		return &kinds[i];
	return ramet_json_truthy(ramet_json_get(block, "redacted")) ? &kinds[REDACTED] : &kinds[i];
}

static struct ramet_bytes name_in_pi(const struct kind *k, size_t slot)
{
	return k->names[slot].ptr ? k->names[slot] : block_keys[slot];
}

/* Would the decoder take a value like this? */
static int value_fits(size_t slot, const struct ramet_json *v)
{
	if (slot == INPUT)
		return 1;
	if (slot == IS_ERROR || slot == CACHE)
		return v->kind == RAMET_JSON_TRUE;
	return v->kind == RAMET_JSON_STRING && slot != IMAGES;
}

static void add_member(struct telling *t, size_t slot, const struct ramet_json *v)
{
	if (!v || v->kind == RAMET_JSON_NULL || v->kind == RAMET_JSON_FALSE ||
	    (v->kind == RAMET_JSON_STRING && v->len == 2) || (v->kind == RAMET_JSON_ARRAY && !v->n))
		return;
	t->odd |= !value_fits(slot, v);
	ramet_buf_add(t->out, block_fronts[slot]);
	if (v->kind == RAMET_JSON_STRING)
		rameti_gg_add_string(t->out, v);
	else
		rameti_json_add_compact(t->out, v);
}

/* Was it told in the block's front? */
static int is_in_front(const struct kind *k, const struct ramet_json *key)
{
	return ramet_json_text_is(key, "type") ||
	       (k == &kinds[REDACTED] && ramet_json_text_is(key, "redacted"));
}

/* A key that is none of ggcode's to its decoder, nor one of those that were told already. */
static int is_other(const struct kind *k, const struct ramet_json *key)
{
	size_t i;

	if (rameti_gg_key_is(key, "type") ||
	    (k == &kinds[REDACTED] && rameti_gg_key_is(key, "redacted")))
		return 0;
	for (i = 0; i < N_KEYS; i++)
		if (rameti_gg_key_is(key, block_keys[i].ptr) ||
		    (k->names[i].ptr && rameti_gg_key_is(key, k->names[i].ptr)))
			return 0;
	return 1;
}

/* Which of ggcode's members stands in pi's under this key; N_KEYS: none. */
static size_t slot_of(const struct kind *k, const struct ramet_json *key)
{
	size_t i;

	for (i = 0; i < N_KEYS && !is_key(key, name_in_pi(k, i)); i++)
		;
	return i;
}

static void add_block(struct telling *t, const struct ramet_json *block)
{
	const struct kind *k = kind_of(block);
	const struct ramet_json *found[N_KEYS + 1] = { NULL }, *key, *end = block + block->span;
	int others = 0;
	size_t i;

	if (!k) {
		t->odd = 1;
		rameti_json_add_compact(t->out, block);
		return;
	}
	for (key = block + 1; key < end; key += 1 + key[1].span) {
		i = slot_of(k, key);
		found[i] = key + 1;
		others |= i == N_KEYS && !ramet_json_text_is(key, "type");
	}
	ramet_buf_add(t->out, k->front);
	for (i = 0; i < N_KEYS; i++)
		if (found[i])
			add_member(t, i, found[i]);
	for (key = block + 1; others && key < end; key += 1 + key[1].span) {
		if (is_other(k, key))
			rameti_span_add_member(t->out, key);
		else if (slot_of(k, key) == N_KEYS && !is_in_front(k, key))
			t->partly = 1;
	}
	ADD(t->out, "}");
}

static void add_content(struct telling *t, const struct ramet_json *content)
{
	struct ramet_buf *out = t->out;
	const struct ramet_json *block = NULL;
	int n = 0;

	ADD(out, ",\"content\":");
	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ADD(out, "[{\"type\":\"text\"");
		add_member(t, TEXT, content);
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
		add_block(t, block);
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

/* The string that is all the text there is, if one is. */
static const struct ramet_json *only_text(const struct ramet_json *content)
{
	const struct ramet_json *text;

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		return content;
	if (ramet_json_count(content) != 1 || !is_block(content + 1, "text", 2))
		return NULL;
	text = ramet_json_get(content + 1, "text");
	return ramet_json_kind(text) == RAMET_JSON_STRING ? text : NULL;
}

static void add_output(struct ramet_buf *out, const struct ramet_json *content,
		       struct ramet_buf *text)
{
	const struct ramet_json *block = only_text(content);
	int n = 0;

	if (block) {
		add_member(&(struct telling){ .out = out }, OUTPUT, block);
		return;
	}

	ramet_buf_reset(text);
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

static int is_one_of(const struct ramet_json *key, const char *const *names)
{
	for (; *names; names++)
		if (rameti_gg_key_is(key, *names))
			return 1;
	return 0;
}

/* A member of the message that stands in the block: has it one of the names the decoder knows? */
static int is_blocks_own(const struct ramet_json *key)
{
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		if (rameti_gg_key_is(key, block_keys[i].ptr))
			return 1;
	return 0;
}

/* Other members of a message, but those that would be taken for one of `told`. in_block: where they
 * stand the decoder may look at others as well. */
static void add_rest(struct telling *t, const struct ramet_json *m, const struct ramet_bytes *known,
		     const char *const *told, int in_block)
{
	const struct ramet_json *key, *end = m + m->span;
	size_t i;

	for (key = m + 1; key < end; key += 1 + key[1].span) {
		for (i = 0; known[i].ptr && !is_key(key, known[i]); i++)
			;
		if (known[i].ptr)
			continue;
		if (is_one_of(key, told)) {
			t->partly = 1;
			continue;
		}
		t->odd |= in_block && is_blocks_own(key);
		rameti_span_add_member(t->out, key);
	}
}

/* Members that messages are asked for. */
enum { ROLE, CONTENT, API, CALL_ID, CALL_NAME, IS_WRONG, N_ASKED };
static const struct ramet_bytes asked_keys[N_ASKED] = {
	[ROLE] = NAME("role"),		[CONTENT] = NAME("content"),
	[API] = NAME("api"),		[CALL_ID] = NAME("toolCallId"),
	[CALL_NAME] = NAME("toolName"), [IS_WRONG] = NAME("isError"),
};

static void add_result(struct telling *t, const struct ramet_json *m,
		       const struct ramet_json *const *asked, struct ramet_buf *text)
{
	static const struct ramet_bytes known[] = { NAME("role"),	NAME("content"),
						    NAME("toolCallId"), NAME("toolName"),
						    NAME("isError"),	NAME("timestamp"),
						    { NULL, 0 } };
	static const char *const told[] = { "type",	"tool_name", "tool_id", "output",
					    "is_error", "images",    "content", NULL };
	const struct ramet_json *content = asked[CONTENT];
	struct ramet_buf *out = t->out;

	ADD(out, ",\"content\":[{\"type\":\"tool_result\"");
	add_member(t, TOOL_NAME, asked[CALL_NAME]);
	add_member(t, TOOL_ID, asked[CALL_ID]);
	add_output(out, content, text);
	if (ramet_json_truthy(asked[IS_WRONG]))
		ADD(out, ",\"is_error\":true");
	add_images(out, content);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY && content->n && !is_simple(content)) {
		ADD(out, ",\"content\":");
		rameti_json_add_compact(out, content);
	}
	add_rest(t, m, known, told, 1);
	ADD(out, "}]");
}

/* ---- whole messages ---- */

void rameti_gg_add_id(struct ramet_buf *out, struct ramet_bytes id)
{
	if (!id.len)
		return;
	ADD(out, "\"id\":");
	rameti_gg_add_text(out, id, 0);
	ADD(out, ",");
}

int rameti_gg_add_message(struct ramet_buf *out, const struct ramet_json *m, struct ramet_bytes id,
			  struct ramet_buf *scratch)
{
	static const struct ramet_bytes known[] = { NAME("role"), NAME("content"),
						    NAME("timestamp"), { NULL, 0 } };
	static const char *const told[] = { "id", "role", "content", "timestamp", NULL };
	/* made when it was read */
	static const struct ramet_bytes shown[] = { NAME("role"),      NAME("content"),
						    NAME("timestamp"), NAME("api"),
						    NAME("provider"),  NAME("model"),
						    NAME("usage"),     NAME("stopReason"),
						    { NULL, 0 } };
	const struct ramet_json *asked[N_ASKED], *role;
	struct telling t = { .out = out };
	int own, result;

	rameti_json_pick(m, asked_keys, N_ASKED, asked);
	role = asked[ROLE];
	if (ramet_json_kind(role) != RAMET_JSON_STRING)
		return RAMETI_GG_TOLD_NOT;
	own = ramet_json_text_is(asked[API], RAMETI_GG_API);
	result = ramet_json_text_is(role, "toolResult");
	ADD(out, "{");
	rameti_gg_add_id(out, id);
	ADD(out, "\"role\":");
	if (result)
		ADD(out, "\"user\"");
	else
		rameti_gg_add_string(out, role);
	if (result) {
		add_result(&t, m, asked, scratch);
	} else {
		add_content(&t, asked[CONTENT]);
		add_rest(&t, m, own ? shown : known, told, 0);
	}
	ADD(out, "}");
	t.odd |= !result && !ramet_json_text_is(role, "user") &&
		 !ramet_json_text_is(role, "assistant");
	if (t.partly)
		return RAMETI_GG_TOLD_PARTLY;
	return t.odd || m->span > RAMETI_GG_USUAL_SPAN ? RAMETI_GG_TOLD : RAMETI_GG_TOLD_SURELY;
}

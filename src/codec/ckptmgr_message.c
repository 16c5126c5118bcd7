/*
 * codec/ckptmgr_message.c - messages of the snapshot manager and of pi, said in each other's way.
 *
 * Both ways are exact: a message of a state that does not come back from what pi can say of it is
 * kept whole in the member "ramet.message"; what a state cannot say of pi's is its caller's to
 * keep. Content that neither knows goes along as it is.
 */
#include "codec/ckptmgr.h"

#include <string.h>
#include "json/scan.h"

#define MESSAGE "ramet.message"

static int has_role(const struct ramet_json *m, const char *role)
{
	return ramet_json_text_is(ramet_json_get(m, "role"), role);
}

static void add_raw(struct ramet_buf *out, const struct ramet_json *v, const char *none)
{
	if (v)
		rameti_json_add_compact(out, v);         /* it may stand on more than one line */
	else
		ramet_buf_add_str(out, none);
}

/* A comma, unless the list or object has just begun. */
static void separate(struct ramet_buf *out)
{
	if (out->len && !strchr("[{", out->ptr[out->len - 1]))
		ramet_buf_add_char(out, ',');
}

/* ---- to pi ---- */

/* "data:MIME;base64,DATA" as an image block; 1: it is no such address. */
static int add_image(struct ramet_buf *out, const struct ramet_json *block)
{
	static const char start[] = "data:", middle[] = ";base64,";
	struct ramet_bytes url =
		ramet_json_plain(ramet_json_get(ramet_json_get(block, "image_url"), "url"));
	const char *end = url.len ? memmem(url.ptr, url.len, middle, sizeof(middle) - 1) : NULL;
	size_t skip = sizeof(start) - 1;

	if (!end || url.len < skip || memcmp(url.ptr, start, skip) || end < url.ptr + skip)
		return 1;
	ramet_buf_add_str(out, "{\"type\":\"image\",\"data\":");
	ramet_buf_add_json_string(out, (struct ramet_bytes){ end + sizeof(middle) - 1,
							     (size_t)(url.ptr + url.len - end) -
								     (sizeof(middle) - 1) });
	ramet_buf_add_str(out, ",\"mimeType\":");
	ramet_buf_add_json_string(out, (struct ramet_bytes){ url.ptr + skip,
							     (size_t)(end - url.ptr) - skip });
	ramet_buf_add_char(out, '}');
	return 0;
}

static void add_text_block(struct ramet_buf *out, const struct ramet_json *text)
{
	separate(out);
	ramet_buf_add_str(out, "{\"type\":\"text\",\"text\":");
	ramet_buf_add(out, ramet_json_raw(text));
	ramet_buf_add_char(out, '}');
}

/* The blocks of a content. */
static void add_blocks(struct ramet_buf *out, const struct ramet_json *content)
{
	const struct ramet_json *item = NULL;

	if (ramet_json_kind(content) == RAMET_JSON_STRING && content->len > 2)
		add_text_block(out, content);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		item = ramet_json_next(content, NULL);
	for (; item; item = ramet_json_next(content, item)) {
		if (ramet_json_text_is(ramet_json_get(item, "type"), "text") &&
		    ramet_json_kind(ramet_json_get(item, "text")) == RAMET_JSON_STRING) {
			add_text_block(out, ramet_json_get(item, "text"));
			continue;
		}
		separate(out);
		if (add_image(out, item))
			rameti_json_add_compact(out, item);
	}
}

/* Arguments that are a text with an object in it, as that object. */
static void add_arguments(struct ramet_buf *out, const struct ramet_json *text)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	rameti_ckpt_decode(ramet_json_kind(text) == RAMET_JSON_STRING ? ramet_json_raw(text) :
									ramet_bytes_of(""), &b);
	r = ramet_json_parse(&doc, ramet_buf_bytes(&b), 0, NULL);
	if (!r && ramet_json_kind(ramet_json_root(&doc)) == RAMET_JSON_OBJECT)
		rameti_json_add_compact(out, ramet_json_root(&doc));
	else
		ramet_buf_add_str(out, "{}");
	if (r == RAMET_ENOMEM || ramet_buf_status(&b) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
}

static void add_calls(struct ramet_buf *out, const struct ramet_json *calls)
{
	const struct ramet_json *call = NULL, *function;

	if (ramet_json_kind(calls) == RAMET_JSON_ARRAY)
		call = ramet_json_next(calls, NULL);
	for (; call; call = ramet_json_next(calls, call)) {
		function = ramet_json_get(call, "function");
		separate(out);
		ramet_buf_add_str(out, "{\"type\":\"toolCall\",\"id\":");
		add_raw(out, ramet_json_get(call, "id"), "\"\"");
		ramet_buf_add_str(out, ",\"name\":");
		add_raw(out, ramet_json_get(function, "name"), "\"\"");
		ramet_buf_add_str(out, ",\"arguments\":");
		add_arguments(out, ramet_json_get(function, "arguments"));
		ramet_buf_add_char(out, '}');
	}
}

/* The name of the tool that a result belongs to. */
static const struct ramet_json *tool_name(const struct ramet_json *calls,
					  const struct ramet_json *id)
{
	const struct ramet_json *call = NULL;

	calls = ramet_json_get(calls, "tool_calls");
	if (id && ramet_json_kind(calls) == RAMET_JSON_ARRAY)
		call = ramet_json_next(calls, NULL);
	for (; call; call = ramet_json_next(calls, call))
		if (ramet_bytes_eq(ramet_json_raw(ramet_json_get(call, "id")), ramet_json_raw(id)))
			return ramet_json_get(ramet_json_get(call, "function"), "name");
	return NULL;
}

static void add_content(struct ramet_buf *out, const struct ramet_json *content)
{
	ramet_buf_add_str(out, ",\"content\":");
	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ramet_buf_add(out, ramet_json_raw(content));
		return;
	}
	ramet_buf_add_char(out, '[');
	add_blocks(out, content);
	ramet_buf_add_char(out, ']');
}

/* What pi can say of it; the closing brace is left out. 1: only that it is there. */
static int say(const struct ramet_json *m, const struct ramet_json *calls, struct ramet_buf *out)
{
	const struct ramet_json *content = ramet_json_get(m, "content"),
				*id = ramet_json_get(m, "tool_call_id");

	if (has_role(m, "user") || has_role(m, "system")) {
		ramet_buf_add_str(out, has_role(m, "user") ? "{\"role\":\"user\"" :
							     "{\"role\":\"system\"");
		add_content(out, content);
	} else if (has_role(m, "assistant")) {
		ramet_buf_add_str(out, "{\"role\":\"assistant\",\"content\":[");
		add_blocks(out, content);
		add_calls(out, ramet_json_get(m, "tool_calls"));
		ramet_buf_add_char(out, ']');
	} else if (has_role(m, "tool")) {
		ramet_buf_add_str(out, "{\"role\":\"toolResult\",\"toolCallId\":");
		add_raw(out, id, "\"\"");
		ramet_buf_add_str(out, ",\"toolName\":");
		add_raw(out, tool_name(calls, id), "\"\"");
		ramet_buf_add_str(out, ",\"content\":[");
		add_blocks(out, content);
		ramet_buf_add_str(out, "],\"isError\":false");
	} else {
		ramet_buf_add_str(out, "{\"role\":\"ramet.unknown\"");
		return 1;
	}
	return 0;
}

/* Does this message come back as the one that is wanted (in one line)? */
static int comes_back(struct ramet_bytes said, struct ramet_bytes wanted, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf back = RAMET_BUF_INIT(SIZE_MAX / 2);
	int same = 0, r = ramet_json_parse(&doc, said, 0, NULL);

	if (!r)
		r = rameti_ckpt_from_pi(ramet_json_root(&doc), &back);
	if (!r)
		same = ramet_bytes_eq(ramet_buf_bytes(&back), wanted);
	if (r == RAMET_ENOMEM)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&back);
	ramet_json_doc_release(&doc);
	return same;
}

int rameti_ckpt_to_pi(const struct ramet_json *m, const struct ramet_json *calls,
		      struct ramet_buf *out)
{
	struct ramet_buf said = RAMET_BUF_INIT(SIZE_MAX / 2), wanted = RAMET_BUF_INIT(SIZE_MAX / 2);
	int other = say(m, calls, &said);

	ramet_buf_add_char(&said, '}');
	(void)rameti_ckpt_add_value(&wanted, m, 0, RAMETI_CKPT_COMPACT);
	if (ramet_buf_status(&said) < 0 || ramet_buf_status(&wanted) < 0) {
		out->status = RAMET_ENOMEM;
	} else if (!other && comes_back(ramet_buf_bytes(&said), ramet_buf_bytes(&wanted), out)) {
		ramet_buf_add(out, ramet_buf_bytes(&said));
	} else {
		said.len--;
		ramet_buf_add(out, ramet_buf_bytes(&said));
		ramet_buf_add_str(out, ",\"" MESSAGE "\":");
		ramet_buf_add(out, ramet_buf_bytes(&wanted));
		ramet_buf_add_char(out, '}');
	}
	ramet_buf_release(&said);
	ramet_buf_release(&wanted);
	return ramet_buf_status(out);
}

/* ---- from pi ---- */

static int is_block(const struct ramet_json *v, const char *type)
{
	return ramet_json_text_is(ramet_json_get(v, "type"), type);
}

/* The texts of a content, one behind the other. */
static void add_texts(struct ramet_buf *out, const struct ramet_json *content)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *item = NULL, *part;

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		rameti_ckpt_decode(ramet_json_raw(content), &text);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		item = ramet_json_next(content, NULL);
	for (; item; item = ramet_json_next(content, item)) {
		part = ramet_json_get(item, "text");
		if (is_block(item, "text") && ramet_json_kind(part) == RAMET_JSON_STRING)
			rameti_ckpt_decode(ramet_json_raw(part), &text);
	}
	rameti_ckpt_add_string(out, ramet_buf_bytes(&text));
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
}

static void add_list(struct ramet_buf *out, const struct ramet_json *content)
{
	const struct ramet_json *item;

	ramet_buf_add_char(out, '[');
	for (item = ramet_json_next(content, NULL); item; item = ramet_json_next(content, item)) {
		separate(out);
		if (!is_block(item, "image")) {
			ramet_buf_add(out, ramet_json_raw(item));
			continue;
		}
		ramet_buf_add_str(out, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:");
		ramet_buf_add(out, ramet_json_plain(ramet_json_get(item, "mimeType")));
		ramet_buf_add_str(out, ";base64,");
		ramet_buf_add(out, ramet_json_plain(ramet_json_get(item, "data")));
		ramet_buf_add_str(out, "\"}}");
	}
	ramet_buf_add_char(out, ']');
}

static void add_pi_calls(struct ramet_buf *out, const struct ramet_json *content)
{
	struct ramet_buf arguments = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *item = NULL, *given;
	int n = 0;

	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		item = ramet_json_next(content, NULL);
	for (; item; item = ramet_json_next(content, item)) {
		if (!is_block(item, "toolCall"))
			continue;
		ramet_buf_add_str(out, n++ ? "," : ",\"tool_calls\":[");
		ramet_buf_add_str(out, "{\"id\":");
		add_raw(out, ramet_json_get(item, "id"), "\"\"");
		ramet_buf_add_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
		add_raw(out, ramet_json_get(item, "name"), "\"\"");
		ramet_buf_add_str(out, ",\"arguments\":");
		ramet_buf_reset(&arguments);
		given = ramet_json_get(item, "arguments");
		if (given)
			rameti_json_add_compact(&arguments, given);
		rameti_ckpt_add_string(out, ramet_buf_bytes(&arguments));
		ramet_buf_add_str(out, "}}");
	}
	if (n)
		ramet_buf_add_char(out, ']');
	if (ramet_buf_status(&arguments) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&arguments);
}

/* In whatever order; 1: no place. */
static int say_back(const struct ramet_json *m, struct ramet_buf *out)
{
	const struct ramet_json *content = ramet_json_get(m, "content");
	int is_list = ramet_json_kind(content) == RAMET_JSON_ARRAY;

	if (has_role(m, "user") || has_role(m, "system")) {
		ramet_buf_add_str(out, has_role(m, "user") ? "{\"role\":\"user\",\"content\":" :
							     "{\"role\":\"system\",\"content\":");
		if (is_list)
			add_list(out, content);
		else
			add_texts(out, content);
	} else if (has_role(m, "assistant")) {
		ramet_buf_add_str(out, "{\"role\":\"assistant\",\"content\":");
		add_texts(out, content);
		add_pi_calls(out, content);
	} else if (has_role(m, "toolResult")) {
		ramet_buf_add_str(out, "{\"role\":\"tool\",\"tool_call_id\":");
		add_raw(out, ramet_json_get(m, "toolCallId"), "\"\"");
		ramet_buf_add_str(out, ",\"content\":");
		add_texts(out, content);
	} else {
		return 1;
	}
	ramet_buf_add_char(out, '}');
	return 0;
}

int rameti_ckpt_from_pi(const struct ramet_json *m, struct ramet_buf *out)
{
	const struct ramet_json *whole = ramet_json_get(m, MESSAGE);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf said = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	if (ramet_json_kind(whole) == RAMET_JSON_OBJECT)
		return rameti_ckpt_add_value(out, whole, 0, RAMETI_CKPT_COMPACT);
	r = say_back(m, &said);
	if (!r)
		r = ramet_buf_status(&said);
	if (!r)
		r = ramet_json_parse(&doc, ramet_buf_bytes(&said), 0, NULL);
	if (!r)
		r = rameti_ckpt_add_value(out, ramet_json_root(&doc), 0, RAMETI_CKPT_COMPACT);
	else if (r < 0 && r != RAMET_ENOMEM)
		r = 1;
	ramet_buf_release(&said);
	ramet_json_doc_release(&doc);
	return r;
}

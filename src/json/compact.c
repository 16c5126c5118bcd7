/*
 * json/compact.c - a value without the white space around its tokens, so that it fits in a line.
 *
 * Every token keeps its bytes: 1.0 stays 1.0, escapes stay escapes. Works on parsed values only.
 */
#include "json/scan.h"

#include <string.h>

/* How long the value is without white space: known from its nodes alone. */
static size_t compact_len(const struct ramet_json *v)
{
	const struct ramet_json *end = v + v->span;
	size_t len = 0;

	for (; v < end; v++) {
		if (v->kind == RAMET_JSON_OBJECT)
			len += 2 + v->n + (v->n ? v->n - 1 : 0);
		else if (v->kind == RAMET_JSON_ARRAY)
			len += 2 + (v->n ? v->n - 1 : 0);
		else
			len += v->len;
	}
	return len;
}

static int is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int rameti_json_is_compact(const struct ramet_json *v)
{
	return compact_len(v) == v->len;
}

size_t rameti_json_compact_at(const struct ramet_json *o, const struct ramet_json *value)
{
	const struct ramet_json *key = o + 1;
	size_t at = 1;

	for (; key + 1 < value; key += 1 + key[1].span)
		at += key->len + 1 + compact_len(key + 1) + 1;
	return at + key->len + 1;
}

void rameti_json_add_compact(struct ramet_buf *b, const struct ramet_json *v)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	const struct ramet_json *node = v, *end = v + v->span;
	const char *at = raw.ptr, *stop = raw.ptr + raw.len;

	if (rameti_json_is_compact(v)) {
		ramet_buf_add(b, raw);
		return;
	}
	/* strings are copied whole; between them only white space goes */
	for (; at < stop; at++) {
		while (node < end && (node->ptr < at || node->kind != RAMET_JSON_STRING))
			node++;
		if (node < end && node->ptr == at) {
			ramet_buf_add(b, ramet_json_raw(node));
			at += node->len - 1;
		} else if (!is_space(*at)) {
			ramet_buf_add_char(b, *at);
		}
	}
}

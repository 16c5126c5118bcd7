/*
 * codec/ggcode_cursor.h - a line of ggcode's in the form its original writes it, member by member.
 *
 * The line is valid JSON already. Each call goes over what it names and answers 1, or 0 where
 * something else stands; then the line is left to those that look at all of it.
 */
#ifndef RAMETI_CODEC_GGCODE_CURSOR_H
#define RAMETI_CODEC_GGCODE_CURSOR_H

#include <string.h>

#include "ramet/base.h"

#define RAMETI_GG_GLANCE_DEPTH 1000 /* with what stands around it, far from the decoder's limit */

struct rameti_gg_cursor {
	const char *p, *end;
	int loose; /* space was seen between the parts of a value */
};

static inline int rameti_gg_at(struct rameti_gg_cursor *c, const char *text, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return 0;
	c->p += n;
	return 1;
}
#define AT(c, text) rameti_gg_at(c, "" text, sizeof(text) - 1)

/* Over a string; its inside. */
static inline int rameti_gg_string(struct rameti_gg_cursor *c, struct ramet_bytes *inside)
{
	const char *from = c->p + 1, *q;

	if (c->p >= c->end || *c->p != '"')
		return 0;
	for (q = from; (q = memchr(q, '"', (size_t)(c->end - q))) != NULL; q++) {
		const char *back = q;

		while (back > from && back[-1] == '\\')
			back--;
		if (!((q - back) & 1))
			break;
	}
	if (!q)
		return 0;
	*inside = (struct ramet_bytes){ from, (size_t)(q - from) };
	c->p = q + 1;
	return 1;
}

/* The same of one without escapes. */
static inline int rameti_gg_plain(struct rameti_gg_cursor *c, struct ramet_bytes *inside)
{
	return rameti_gg_string(c, inside) && !memchr(inside->ptr, '\\', inside->len);
}

static inline int rameti_gg_any_string(struct rameti_gg_cursor *c)
{
	struct ramet_bytes unused;

	return rameti_gg_string(c, &unused);
}

/* Over a value of any kind. */
static inline int rameti_gg_any(struct rameti_gg_cursor *c)
{
	int depth = 0;

	while (c->p < c->end) {
		if (*c->p == '"') {
			if (!rameti_gg_any_string(c))
				return 0;
		} else if (*c->p == '{' || *c->p == '[') {
			if (++depth > RAMETI_GG_GLANCE_DEPTH)
				return 0;
			c->p++;
		} else if (*c->p == '}' || *c->p == ']') {
			if (!depth--)
				return 1; /* of the object around it */
			c->p++;
		} else if (!depth && *c->p == ',') {
			return 1;
		} else {
			c->loose |= *c->p <= ' ';
			c->p++;
		}
	}
	return 0;
}

static inline int rameti_gg_truth(struct rameti_gg_cursor *c)
{
	return AT(c, "true") || AT(c, "false");
}

/* Are they the same to Go's decoder, but for letters beyond ASCII? */
static inline int rameti_gg_same_key(struct ramet_bytes key, const char *name)
{
	size_t i;

	for (i = 0; i < key.len && name[i]; i++) {
		int a = key.ptr[i] ^ name[i];

		if (a && (a != 0x20 || (name[i] | 0x20) < 'a' || (name[i] | 0x20) > 'z'))
			return 0;
	}
	return i == key.len && !name[i];
}

/* A member that Go passes over: its key is none of names, as the decoder compares them. */
static inline int rameti_gg_foreign(struct rameti_gg_cursor *c, const char *const *names)
{
	struct ramet_bytes key;
	size_t i;

	if (!rameti_gg_string(c, &key))
		return 0;
	for (i = 0; i < key.len; i++)
		if (key.ptr[i] == '\\' || (unsigned char)key.ptr[i] >= 0x80)
			return 0;
	for (; *names; names++)
		if (rameti_gg_same_key(key, *names))
			return 0;
	return AT(c, ":") && rameti_gg_any(c);
}

/* What stands between a record's type and what it is about. */
static inline int rameti_gg_filler(struct rameti_gg_cursor *c)
{
	if (AT(c, ",\"session_id\":") && !rameti_gg_any_string(c))
		return 0;
	(void)AT(c, ",\"token_usage\":{\"input_tokens\":0,\"output_tokens\":0,"
		    "\"cache_read_tokens\":0,\"cache_write_tokens\":0}");
	(void)AT(c, ",\"created_at\":\"0001-01-01T00:00:00Z\","
		    "\"updated_at\":\"0001-01-01T00:00:00Z\"");
	return 1;
}

#endif

/*
 * ops/oneline.c - any text as one harmless line of bounded length.
 *
 * Invariants: what is added is valid UTF-8 without control characters, at most max_len bytes, cut
 * between characters; no blank at either end and no two blanks in a row.
 */
#include "ops/oneline_priv.h"

#include <string.h>
#include "json/scan.h"

static const char replacement[] = "\xef\xbf\xbd";

void rameti_oneline_init(struct rameti_oneline *l, struct ramet_buf *out, size_t max_len)
{
	memset(l, 0, sizeof(*l));
	l->out = out;
	l->left = max_len;
}

static void put(struct rameti_oneline *l, struct ramet_bytes c)
{
	size_t need = c.len + (l->blank && l->started);

	if (need > l->left) {
		l->full = 1;
		return;
	}
	if (l->blank && l->started)
		ramet_buf_add_char(l->out, ' ');
	ramet_buf_add(l->out, c);
	l->left -= need;
	l->blank = 0;
	l->started = 1;
}

/* The character of 1 to 3 valid bytes; longer ones are never of interest. */
static uint32_t code_point(struct ramet_bytes c)
{
	const unsigned char *p = (const unsigned char *)c.ptr;

	switch (c.len) {
	case 1: return p[0];
	case 2: return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3: return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	default: return 0x10000;
	}
}

static int is_blank(uint32_t c)
{
	if (c < 0x1680)
		return c <= 0x20 || (c >= 0x7f && c <= 0xa0);
	return c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || (c >= 0x2028 && c <= 0x202f) ||
	       c == 0x205f || (c >= 0x2066 && c <= 0x2069) || c == 0x3000 || c == 0xfeff;
}

/* A lone surrogate in its three-byte form, as decoded JSON may hold it. */
static int is_surrogate(struct ramet_bytes text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;

	return text.len >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf &&
	       p[2] >= 0x80 && p[2] <= 0xbf;
}

/* The character at the front of text goes out; how many bytes it was. */
static size_t add_one(struct rameti_oneline *l, struct ramet_bytes text)
{
	struct ramet_bytes c = { text.ptr, 1 };
	size_t bad = 0;

	if ((unsigned char)text.ptr[0] >= 0x80) {
		bad = is_surrogate(text) ? 3 : rameti_utf8_bad_len(text, &c.len);
		if (bad) {
			put(l, ramet_bytes_of(replacement));
			return bad;
		}
	}
	if (is_blank(code_point(c)))
		l->blank = 1;
	else
		put(l, c);
	return c.len;
}

void rameti_oneline_add(struct rameti_oneline *l, struct ramet_bytes text)
{
	size_t n;

	while (text.len && !l->full) {
		n = add_one(l, text);
		text.ptr += n;
		text.len -= n;
	}
}

void rameti_oneline_add_str(struct rameti_oneline *l, const char *text)
{
	rameti_oneline_add(l, ramet_bytes_of(text));
}

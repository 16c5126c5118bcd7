/*
 * string.c - what a raw string value means: escapes decoded, bad UTF-8 made U+FFFD.
 *
 * Takes only strings that the scan or the parser has accepted. A pair of surrogate escapes becomes
 * one character; a lone one its three-byte form (WTF-8), so that nothing is lost.
 */
#include "json/scan.h"

#include <string.h>

#include "json/escape_priv.h"

struct decoder {
	const char *p, *end;
};

static struct decoder decoder_of(struct ramet_bytes raw)
{
	struct decoder d = { NULL, NULL };

	if (raw.len >= 2) {
		d.p = raw.ptr + 1;
		d.end = raw.ptr + raw.len - 1;
	}
	return d;
}

static unsigned hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* The UTF-16 unit of \uXXXX at p, or 0x10000 if none stands there. */
static unsigned unit_at(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return 0x10000;
	return hex_value(p[2]) << 12 | hex_value(p[3]) << 8 | hex_value(p[4]) << 4 |
	       hex_value(p[5]);
}

static size_t encode(unsigned c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What a letter behind a backslash stands for. */
static char said_by(char letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return letter;
	}
}

/* The escape at d->p, which is a backslash; moves behind it. */
static size_t take_escape(struct decoder *d, char out[4])
{
	unsigned unit = 0x10000, low;

	if (d->end - d->p >= 2 && d->p[1] == 'u')
		unit = unit_at(d->p, d->end);
	if (unit < 0x10000) {
		d->p += 6;
		low = unit - 0xd800 < 0x400 ? unit_at(d->p, d->end) : 0;
		if (low - 0xdc00 < 0x400) {
			d->p += 6;
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
		return encode(unit, out);
	}
	if (d->end - d->p < 2) {
		d->p = d->end;
		return 0;
	}
	out[0] = said_by(d->p[1]);
	d->p += 2;
	return 1;
}

/* A string that is not all valid UTF-8, or may be too long as it stands. */
static void decode_odd(struct decoder d, struct ramet_buf *out)
{
	char piece[4];

	while (d.p != d.end) {
		const char *escape = memchr(d.p, '\\', (size_t)(d.end - d.p));
		size_t run = (size_t)((escape ? escape : d.end) - d.p);

		rameti_utf8_add(out, (struct ramet_bytes){ d.p, run });
		d.p += run;
		if (escape) {
			run = take_escape(&d, piece);
			ramet_buf_add(out, (struct ramet_bytes){ piece, run });
		}
	}
}

/* Copies what stands before the first backslash or quotation mark; its length. There is room for
 * len bytes. */
static size_t copy_plain(char *to, const char *from, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;
	uint64_t w, x, y;

	for (; len - i >= 8; i += 8) {
		memcpy(&w, from + i, 8);
		memcpy(to + i, &w, 8);
		x = w ^ ones * '\\';
		y = w ^ ones * '"';
		if ((((x - ones) & ~x) | ((y - ones) & ~y)) & ones << 7)
			break;
	}
	for (; i < len && from[i] != '\\' && from[i] != '"'; i++)
		to[i] = from[i];
	return i;
}

char *rameti_unescape_plain(char *to, const char **from, const char *end)
{
	const char *p = *from;
	size_t run;

	for (;;) {
		run = copy_plain(to, p, (size_t)(end - p));
		p += run;
		to += run;
		if (end - p < 2 || *p == '"' || p[1] == 'u')
			break;
		*to++ = said_by(p[1]);
		p += 2;
	}
	*from = p;
	return to;
}

/* What an escape says is never longer than the escape. */
size_t rameti_json_decode_inside(struct ramet_bytes text, struct ramet_buf *out)
{
	rameti_unescape_fn *unescape = rameti_unescape_avx512();
	struct decoder d = { text.ptr, text.ptr + text.len };
	char *to;

	if (!text.len || ramet_buf_reserve(out, text.len) < 0)
		return 0;
	if (!unescape)
		unescape = rameti_unescape_plain;
	to = out->ptr + out->len;
	while (d.p != d.end) {
		to = unescape(to, &d.p, d.end);
		if (d.p == d.end || *d.p == '"')
			break;
		to += take_escape(&d, to);
	}
	*to = '\0';
	out->len = (size_t)(to - out->ptr);
	return (size_t)(d.p - text.ptr);
}

static void decode(struct ramet_bytes raw, int is_valid, struct ramet_buf *out)
{
	struct decoder d = decoder_of(raw);
	struct ramet_bytes inside = { d.p, (size_t)(d.end - d.p) };

	if (inside.len > out->max - out->len || !is_valid)
		decode_odd(d, out);
	else
		(void)rameti_json_decode_inside(inside, out);
}

void rameti_json_decode(struct ramet_bytes raw, struct ramet_buf *out)
{
	decode(raw, rameti_utf8_valid(raw), out);
}

void ramet_json_text(const struct ramet_json *v, struct ramet_buf *out)
{
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		decode(ramet_json_raw(v), !(v->flags & RAMET_JSON_BAD_UTF8), out);
}

/* The next decoded character, at most four bytes. */
static struct ramet_bytes next_piece(struct decoder *d, char piece[4])
{
	struct ramet_bytes rest = { d->p, (size_t)(d->end - d->p) };
	size_t n, char_len;

	if (*d->p == '\\')
		return (struct ramet_bytes){ piece, take_escape(d, piece) };
	n = rameti_utf8_bad_len(rest, &char_len);
	d->p += n ? n : char_len;
	return n ? (struct ramet_bytes){ "\xef\xbf\xbd", 3 }
		 : (struct ramet_bytes){ rest.ptr, char_len };
}

int rameti_json_raw_is(struct ramet_bytes raw, struct ramet_bytes text)
{
	struct decoder d = decoder_of(raw);
	struct ramet_bytes got;
	char piece[4];

	while (d.p != d.end) {
		got = next_piece(&d, piece);
		if (got.len > text.len || memcmp(got.ptr, text.ptr, got.len) != 0)
			return 0;
		text.ptr += got.len;
		text.len -= got.len;
	}
	return text.len == 0;
}

int rameti_json_raw_begins(struct ramet_bytes raw, struct ramet_bytes text)
{
	struct decoder d = decoder_of(raw);
	struct ramet_bytes got;
	char piece[4];

	while (text.len && d.p != d.end) {
		got = next_piece(&d, piece);
		if (got.len > text.len)
			got.len = text.len;
		if (memcmp(got.ptr, text.ptr, got.len) != 0)
			return 0;
		text.ptr += got.len;
		text.len -= got.len;
	}
	return text.len == 0;
}

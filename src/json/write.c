/*
 * write.c - the writer: values appended to a buffer with their commas and colons, strings escaped
 * as JSON.stringify does.
 *
 * The writer never refuses: a full buffer remembers its failure (ramet_buf_status). That brackets
 * match and keys have values is the caller's business and asserted.
 */
#include "ramet/json.h"

#include "json/escape_priv.h"
#include "json/number_priv.h"
#include "json/scan.h"

#include <assert.h>
#include <string.h>

#define SHORT 64u

void ramet_json_writer_init(struct ramet_json_writer *w, struct ramet_buf *out)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
}

/* In front of a value or a key. */
static void begin(struct ramet_json_writer *w)
{
	if (w->need_comma && !w->after_key)
		ramet_buf_add_char(w->out, ',');
	w->after_key = 0;
	w->need_comma = 1;
}

static void open_container(struct ramet_json_writer *w, char c)
{
	begin(w);
	ramet_buf_add_char(w->out, c);
	w->need_comma = 0;
	w->depth++;
}

static void close_container(struct ramet_json_writer *w, char c)
{
	assert(w->depth > 0 && !w->after_key);
	ramet_buf_add_char(w->out, c);
	w->need_comma = 1;
	w->depth--;
}

void ramet_json_open_object(struct ramet_json_writer *w)
{
	open_container(w, '{');
}

void ramet_json_close_object(struct ramet_json_writer *w)
{
	close_container(w, '}');
}

void ramet_json_open_array(struct ramet_json_writer *w)
{
	open_container(w, '[');
}

void ramet_json_close_array(struct ramet_json_writer *w)
{
	close_container(w, ']');
}

void ramet_json_key(struct ramet_json_writer *w, const char *key)
{
	ramet_json_key_bytes(w, (struct ramet_bytes){ key, strlen(key) });
}

void ramet_json_key_bytes(struct ramet_json_writer *w, struct ramet_bytes key)
{
	assert(w->depth > 0 && !w->after_key);
	begin(w);
	ramet_buf_add_json_string(w->out, key);
	ramet_buf_add_char(w->out, ':');
	w->after_key = 1;
}

void ramet_json_add_text(struct ramet_json_writer *w, struct ramet_bytes text)
{
	begin(w);
	ramet_buf_add_json_string(w->out, text);
}

void ramet_json_add_cstr(struct ramet_json_writer *w, const char *text)
{
	if (text)
		ramet_json_add_text(w, (struct ramet_bytes){ text, strlen(text) });
	else
		ramet_json_add_null(w);
}

void ramet_json_add_int(struct ramet_json_writer *w, int64_t n)
{
	begin(w);
	ramet_buf_addf(w->out, "%lld", (long long)n);
}

void ramet_json_add_double(struct ramet_json_writer *w, double x)
{
	char text[RAMETI_NUMBER_MAX];

	begin(w);
	ramet_buf_add(w->out, (struct ramet_bytes){ text, rameti_number_format(x, text) });
}

void ramet_json_add_bool(struct ramet_json_writer *w, int b)
{
	begin(w);
	ramet_buf_add_str(w->out, b ? "true" : "false");
}

void ramet_json_add_null(struct ramet_json_writer *w)
{
	begin(w);
	ramet_buf_add_str(w->out, "null");
}

void ramet_json_add_raw(struct ramet_json_writer *w, struct ramet_bytes json)
{
	begin(w);
	ramet_buf_add_json_raw(w->out, json);
}

/* ---- the lower-level pieces ---- */

void ramet_buf_add_json_raw(struct ramet_buf *b, struct ramet_bytes json)
{
	rameti_utf8_add(b, json);
}

/* A UTF-16 surrogate in its three-byte form at s, or 0. */
static unsigned surrogate_at(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	if (len < 3 || u[0] != 0xed || (u[1] & 0xe0) != 0xa0 || (u[2] & 0xc0) != 0x80)
		return 0;
	return 0xd000u | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
}

static void add_astral(struct ramet_buf *b, unsigned high, unsigned low)
{
	unsigned c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	char out[4] = { (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
			(char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)) };

	ramet_buf_add(b, (struct ramet_bytes){ out, 4 });
}

static void add_escaped(struct ramet_buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		ramet_buf_addf(b, "\\%c", to[at - from]);
	else
		ramet_buf_addf(b, "\\u%04x", c);
}

/* What cannot be copied as it is; returns how many bytes of text that was. */
static size_t add_special(struct ramet_buf *b, struct ramet_bytes text)
{
	unsigned unit = surrogate_at(text.ptr, text.len), low = 0;
	size_t char_len;

	if (unit >= 0xd800 && unit < 0xdc00)
		low = surrogate_at(text.ptr + 3, text.len - 3);
	if (low >= 0xdc00) {
		add_astral(b, unit, low);
		return 6;
	}
	if (unit) {
		ramet_buf_addf(b, "\\u%04x", unit);
		return 3;
	}
	if ((unsigned char)*text.ptr < 0x80) {
		add_escaped(b, (unsigned char)*text.ptr);
		return 1;
	}
	ramet_buf_add_str(b, "\xef\xbf\xbd");
	return rameti_utf8_bad_len(text, &char_len);
}

/* Bytes from the start that a JSON string may hold as they are. */
static size_t plain_len(struct ramet_bytes text)
{
	size_t i = 0, n;

	while (i < text.len) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x80) {
			if (c < 0x20 || c == '"' || c == '\\')
				break;
			i++;
			continue;
		}
		if (rameti_utf8_bad_len((struct ramet_bytes){ text.ptr + i, text.len - i }, &n))
			break;
		i += n;
	}
	return i;
}

/* A string that is not all valid UTF-8. */
static void add_odd_string(struct ramet_buf *b, struct ramet_bytes text)
{
	size_t n = plain_len(text);

	ramet_buf_add_char(b, '"');
	for (; text.len; n = plain_len(text)) {
		ramet_buf_add(b, (struct ramet_bytes){ text.ptr, n });
		text.ptr += n;
		text.len -= n;
		if (!text.len)
			break;
		n = add_special(b, text);
		text.ptr += n;
		text.len -= n;
	}
	ramet_buf_add_char(b, '"');
}

static rameti_escape_fn *best_escape(void)
{
	rameti_escape_fn *escape = rameti_escape_avx512();

	if (!escape)
		escape = rameti_escape_avx2();
	return escape ? escape : rameti_escape_sse2;
}

void rameti_json_add_inside(struct ramet_buf *b, struct ramet_bytes text)
{
	rameti_escape_fn *escape = best_escape();
	const char *p = text.ptr, *end = text.len ? p + text.len : p;
	char out[RAMETI_ESCAPED_MAX], *stop;
	size_t n;

	for (; p != end; p += n) {
		n = (size_t)(end - p) < RAMETI_ESCAPE_BLOCK ? (size_t)(end - p) :
								    RAMETI_ESCAPE_BLOCK;
		if (!b->status && b->cap - b->len > RAMETI_ESCAPED_LEN(n)) {
			stop = escape(b->ptr + b->len, p, p + n);
			b->len = (size_t)(stop - b->ptr);
			*stop = '\0';
			continue;
		}
		stop = escape(out, p, p + n);
		ramet_buf_add(b, (struct ramet_bytes){ out, (size_t)(stop - out) });
	}
}

void rameti_json_add_valid(struct ramet_buf *b, struct ramet_bytes text)
{
	ramet_buf_add_char(b, '"');
	rameti_json_add_inside(b, text);
	ramet_buf_add_char(b, '"');
}

/* A short text that is a string as it stands, as most ids and types are. */
static int add_short_string(struct ramet_buf *b, struct ramet_bytes text)
{
	char copy[SHORT + 2];
	size_t i;

	if (text.len > SHORT)
		return 0;
	copy[0] = '"';
	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			return 0;
		copy[i + 1] = (char)c;
	}
	copy[i + 1] = '"';
	ramet_buf_add(b, (struct ramet_bytes){ copy, i + 2 });
	return 1;
}

void ramet_buf_add_json_string(struct ramet_buf *b, struct ramet_bytes text)
{
	if (add_short_string(b, text))
		return;
	if (text.len && !rameti_utf8_valid(text))
		add_odd_string(b, text);
	else
		rameti_json_add_valid(b, text);
}

/*
 * cli/text.c - text made safe and measured.
 *
 * One table of rules (show) decides for every character what a terminal gets to see and how wide
 * that is; all calls go through it. Widths are wcwidth's, in a UTF-8 locale that is loaded for this
 * thread when the first character beyond ASCII comes. A base character carries at most MARKS_MAX
 * zero-width marks, so that a line of few cells is also a line of few bytes.
 */
#include "cli/text.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT 0xfffdu
#define ELLIPSIS "…"
#define MARKS_MAX 6
#define TAB 4

/* How many bytes a first byte promises; 0: it is none. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at the start of text (not empty) and its bytes; what is not UTF-8 is U+FFFD. A lone
 * surrogate in its three-byte form counts as one such character. */
static size_t decode(struct ramet_bytes text, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t len = length_of(*p);
	uint32_t value;

	*cp = REPLACEMENT;
	if (len == 0 || len > text.len)
		return 1;
	value = len == 1 ? *p : *p & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < least[len] || value > 0x10ffff)
		return 1;
	if (value < 0xd800 || value > 0xdfff)
		*cp = value;
	return len;
}

static void add_char(struct ramet_buf *out, uint32_t cp)
{
	char b[4];
	size_t n = 0;

	if (cp < 0x80) {
		b[n++] = (char)cp;
	} else if (cp < 0x800) {
		b[n++] = (char)(0xc0 | cp >> 6);
	} else if (cp < 0x10000) {
		b[n++] = (char)(0xe0 | cp >> 12);
		b[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
	} else {
		b[n++] = (char)(0xf0 | cp >> 18);
		b[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		b[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	if (cp >= 0x80)
		b[n++] = (char)(0x80 | (cp & 0x3f));
	ramet_buf_add(out, (struct ramet_bytes){ b, n });
}

/* For what wcwidth does not know: newer characters, or all of them when there is no locale. */
static int guess_width(uint32_t cp)
{
	if (cp >= 0x300 && cp <= 0x36f)
		return 0;
	if ((cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) ||
	    (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
	    (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
	    (cp >= 0x1f300 && cp <= 0x1faff) || (cp >= 0x20000 && cp <= 0x3fffd))
		return 2;
	return 1;
}

static int width_beyond_ascii(uint32_t cp)
{
	int width;

	if (uselocale((locale_t)0) == LC_GLOBAL_LOCALE) {
		locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

		if (utf8)
			(void)uselocale(utf8);           /* kept until the thread ends */
	}
	width = wcwidth((wchar_t)cp);
	return width < 0 ? guess_width(cp) : width;
}

/* Characters that turn the reading direction of what follows them. */
static int is_override(uint32_t cp)
{
	return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Characters that show nothing and change how their neighbours are read or found. */
static int is_invisible(uint32_t cp)
{
	return cp == 0xad || cp == 0x61c || cp == 0x180e || cp == 0x200b || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2060 && cp <= 0x2065) || (cp >= 0x206a && cp <= 0x206f) ||
	       cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) || (cp >= 0xe0000 && cp <= 0xe00ff);
}

/* What to show in place of a character, and its cells. 0: nothing. */
static uint32_t show(uint32_t cp, int *width)
{
	*width = 1;
	if (cp >= 0x20 && cp < 0x7f)
		return cp;
	if (cp < 0x20)
		return 0x2400 + cp;
	if (cp == 0x7f)
		return 0x2421;
	if (cp < 0xa0 || is_override(cp) || cp == 0x2028 || cp == 0x2029)
		return REPLACEMENT;
	if (is_invisible(cp))
		return 0;
	*width = width_beyond_ascii(cp);
	return cp;
}

static int is_blank(uint32_t cp)
{
	return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0x2028 ||
	       cp == 0x2029;
}

/* A line under construction: how far it may go, and where it must be cut if it goes further. */
struct line {
	struct ramet_buf *out;
	size_t cells, max, cut_at, cut_cells;
	int marks, full;
};

/* The longest prefix that leaves room for the ellipsis is remembered while it grows. */
static void line_add(struct line *l, uint32_t cp)
{
	int width;

	cp = show(cp, &width);
	if (!cp || (width == 0 && ++l->marks > MARKS_MAX))
		return;
	if (width > 0)
		l->marks = 0;
	if (l->cells + (size_t)width > l->max) {
		l->full = 1;
		ramet_buf_truncate(l->out, l->cut_at);
		ramet_buf_add_str(l->out, l->max ? ELLIPSIS : "");
		l->cells = l->cut_cells + (l->max ? 1 : 0);
		return;
	}
	add_char(l->out, cp);
	l->cells += (size_t)width;
	if (l->cells < l->max) {
		l->cut_at = l->out->len;
		l->cut_cells = l->cells;
	}
}

size_t text_add_line(struct ramet_buf *out, struct ramet_bytes text, size_t max_cells)
{
	struct line l = { out, 0, max_cells, out->len, 0, 0, 0 };
	int blank = 0;
	uint32_t cp;

	while (text.len && !l.full && !ramet_buf_status(out)) {
		size_t n = decode(text, &cp);

		text.ptr += n;
		text.len -= n;
		if (is_blank(cp)) {
			blank = l.cells > 0;
			continue;
		}
		if (blank)
			line_add(&l, ' ');
		blank = 0;
		if (!l.full)
			line_add(&l, cp);
	}
	return l.cells;
}

size_t text_cells(struct ramet_bytes text)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t cells = text_add_line(&scratch, text, TEXT_ALL);

	ramet_buf_release(&scratch);
	return cells;
}

/* Drop characters from the front until at most `most` cells are left; the cells left. */
static size_t drop_front(struct ramet_bytes *path, size_t cells, size_t most)
{
	uint32_t cp;
	int width;

	while (path->len && cells > most) {
		size_t n = decode(*path, &cp);

		path->ptr += n;
		path->len -= n;
		cells -= show(cp, &width) ? (size_t)width : 0;
	}
	return cells;
}

static size_t path_cells(struct ramet_bytes path)
{
	return SIZE_MAX / 2 - drop_front(&path, SIZE_MAX / 2, 0);
}

/* A path that is cut begins with a whole name where it can. */
size_t text_add_path(struct ramet_buf *out, struct ramet_bytes path, size_t max_cells)
{
	size_t cells = path_cells(path);
	struct line l = { out, 0, TEXT_ALL, out->len, 0, 0, 0 };
	uint32_t cp;

	if (cells > max_cells) {
		const char *slash;

		if (max_cells == 0)
			return 0;
		(void)drop_front(&path, cells, max_cells - 1);
		slash = path.len ? memchr(path.ptr, '/', path.len - 1) : NULL;
		if (slash) {
			path.len -= (size_t)(slash - path.ptr);
			path.ptr = slash;
		}
		line_add(&l, 0x2026);
	}
	while (path.len && !ramet_buf_status(out)) {
		size_t n = decode(path, &cp);

		path.ptr += n;
		path.len -= n;
		line_add(&l, cp);
	}
	return l.cells;
}

void text_add_blanks(struct ramet_buf *out, size_t n)
{
	while (n-- > 0)
		ramet_buf_add_char(out, ' ');
}

void text_add_cell(struct ramet_buf *out, struct ramet_bytes text, size_t cells, int right)
{
	size_t used;

	if (right) {
		used = text_cells(text);
		text_add_blanks(out, used < cells ? cells - used : 0);
		text_add_line(out, text, cells);
		return;
	}
	used = text_add_line(out, text, cells);
	text_add_blanks(out, cells - used);
}

/* ---- lines of a longer text ---- */

/* The last blank behind a word: there a line may be broken, and the blank goes. */
struct brk {
	size_t out_len;
	struct ramet_bytes rest;
	int set, word;                           /* word: not only blanks came already */
};

static void drop_newline(struct ramet_bytes *rest)
{
	if (rest->len && *rest->ptr == '\r' && rest->len > 1 && rest->ptr[1] == '\n') {
		rest->ptr++;
		rest->len--;
	}
	if (rest->len && *rest->ptr == '\n') {
		rest->ptr++;
		rest->len--;
	}
}

static int at_newline(struct ramet_bytes rest)
{
	return *rest.ptr == '\n' || (*rest.ptr == '\r' && rest.len > 1 && rest.ptr[1] == '\n');
}

/* The line is full before cp: end it at the last blank, or right here. */
static void break_line(struct ramet_bytes *rest, const struct brk *b, uint32_t cp,
		       struct ramet_buf *out)
{
	if (cp == ' ') {
		rest->ptr++;
		rest->len--;
	} else if (b->set) {
		ramet_buf_truncate(out, b->out_len);
		*rest = b->rest;
	}
}

int text_next_line(struct ramet_bytes *rest, size_t cells, struct ramet_buf *out)
{
	struct line l = { out, 0, TEXT_ALL, out->len, 0, 0, 0 };
	struct brk b = { 0, { NULL, 0 }, 0, 0 };
	uint32_t cp;
	int width;

	if (!rest->len)
		return 0;
	while (rest->len && !at_newline(*rest) && !ramet_buf_status(out)) {
		size_t n = decode(*rest, &cp);
		size_t wide = show(cp, &width) ? (size_t)width : 0;

		if (cp == '\t')
			wide = TAB - l.cells % TAB;
		if (l.cells > 0 && l.cells + wide > cells) {
			break_line(rest, &b, cp, out);
			return 1;
		}
		rest->ptr += n;
		rest->len -= n;
		b.word |= !is_blank(cp);
		if (cp == ' ' && b.word)
			b = (struct brk){ out->len, *rest, 1, 1 };
		if (cp != '\t')
			line_add(&l, cp);
		for (size_t i = 0; cp == '\t' && i < wide; i++)
			line_add(&l, ' ');
	}
	drop_newline(rest);
	return 1;
}

/* ---- JSON ---- */

void text_add_json(struct ramet_buf *out, struct ramet_bytes json)
{
	size_t from = 0, at = 0;
	uint32_t cp;

	while (at < json.len) {
		unsigned char c = (unsigned char)json.ptr[at];
		struct ramet_bytes tail = { json.ptr + at, json.len - at };
		size_t n = c < 0x7f ? 1 : decode(tail, &cp);

		if (c >= 0x7f && (cp < 0xa0 || is_override(cp) || is_invisible(cp)) &&
		    cp < 0x10000) {
			ramet_buf_add(out, (struct ramet_bytes){ json.ptr + from, at - from });
			ramet_buf_addf(out, "\\u%04x", (unsigned)cp);
			from = at + n;
		}
		at += n;
	}
	ramet_buf_add(out, (struct ramet_bytes){ json.ptr + from, json.len - from });
}

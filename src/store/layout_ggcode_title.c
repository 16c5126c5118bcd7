/*
 * store/layout_ggcode_title.c - titles as ggcode derives them, and its cutting of texts.
 *
 * Text only. Cuts lie between code points. What the original does with inline code (it goes with
 * its content) is kept, since titles should be those of its own picker.
 */
#include <string.h>

#include "json/scan.h"
#include "store/layout_ggcode_priv.h"

#define TITLE_MAX 60
#define TITLE_MIN 3

/* Bytes of the character at the start; invalid bytes count one each. */
static size_t char_len(struct ramet_bytes text)
{
	size_t len = 1;

	if (rameti_utf8_bad_len(text, &len))
		return 1;
	return len;
}

static size_t count_chars(struct ramet_bytes text)
{
	size_t n = 0, len;

	for (; text.len; n++) {
		len = char_len(text);
		text.ptr += len;
		text.len -= len;
	}
	return n;
}

/* Its first n characters. */
static struct ramet_bytes first_chars(struct ramet_bytes text, size_t n)
{
	struct ramet_bytes left = text;
	size_t len;

	for (; n && left.len; n--) {
		len = char_len(left);
		left.ptr += len;
		left.len -= len;
	}
	text.len -= left.len;
	return text;
}

int ramet_ggcode_truncate(struct ramet_bytes text, int max, struct ramet_buf *out)
{
	size_t n = max < 0 ? SIZE_MAX : (size_t)max;
	int cut = count_chars(text) > n;

	ramet_buf_add(out, first_chars(text, cut && n > 3 ? n - 3 : n));
	if (cut && n > 3)
		ramet_buf_add_str(out, "...");
	return ramet_buf_status(out);
}

int ramet_ggcode_endpoint_key(struct ramet_bytes vendor, struct ramet_bytes endpoint,
			      struct ramet_buf *out)
{
	vendor = rameti_gg_trim(vendor);
	endpoint = rameti_gg_trim(endpoint);
	ramet_buf_add(out, vendor);
	if (vendor.len && endpoint.len)
		ramet_buf_add_char(out, '/');
	ramet_buf_add(out, endpoint);
	return ramet_buf_status(out);
}

/* ---- what a title leaves out ---- */

static int starts(struct ramet_bytes text, const char *with)
{
	size_t n = strlen(with);

	return text.len >= n && !memcmp(text.ptr, with, n);
}

static struct ramet_bytes behind(struct ramet_bytes text, size_t n)
{
	return (struct ramet_bytes){ text.ptr + n, text.len - n };
}

/* Where mark stands in text, or its length. */
static size_t find(struct ramet_bytes text, const char *mark)
{
	const char *at = memmem(text.ptr, text.len, mark, strlen(mark));

	return at ? (size_t)(at - text.ptr) : text.len;
}

static int is_space(char c)
{
	return c && strchr(" \t\n\r\v\f", c);
}

static size_t word_len(struct ramet_bytes text)
{
	size_t n = 0;

	while (n < text.len && !is_space(text.ptr[n]))
		n++;
	return n;
}

/* Fenced code, inline code and addresses: how much goes at the start of text. */
static size_t left_out(struct ramet_bytes text)
{
	size_t n;

	if (starts(text, "```")) {
		n = 3 + find(behind(text, 3), "```");
		return n < text.len ? n + 3 : 0;
	}
	if (*text.ptr == '`') {
		n = 1 + find(behind(text, 1), "`");
		return n < text.len && n > 1 ? n + 1 : 0;
	}
	if (starts(text, "http://") || starts(text, "https://"))
		return word_len(text);
	return 0;
}

static void without_code(struct ramet_bytes text, struct ramet_buf *out)
{
	size_t n;

	while (text.len) {
		n = left_out(text);
		if (!n) {
			ramet_buf_add_char(out, *text.ptr);
			n = 1;
		}
		text = behind(text, n);
	}
}

/* A heading's or a prompt's mark, a tag in brackets. */
static struct ramet_bytes without_mark(struct ramet_bytes text)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] == '#')
		n++;
	if (!n && text.len > 1 && strchr("$>%", *text.ptr) && is_space(text.ptr[1]))
		n = 1;
	if (!n && text.len && *text.ptr == '[') {
		n = find(text, "]");
		n = n < text.len ? n + 1 : 0;
	}
	return rameti_gg_trim(behind(text, n));
}

/* Bold and italic: the length of what stands between two marks; 0: no pair begins here. */
static size_t marked(struct ramet_bytes text, int at_word, size_t *mark)
{
	static const char *const marks[] = { "**", "__", "*", "_" };
	size_t i, n;

	for (i = 0; i < 4; i++) {
		*mark = strlen(marks[i]);
		if (!starts(text, marks[i]) || (*marks[i] == '_' && !at_word))
			continue;
		n = find(behind(text, *mark), marks[i]);
		if (n && n < text.len - *mark && !memchr(text.ptr + *mark, '\n', n) &&
		    !is_space(text.ptr[*mark]))
			return n;
	}
	return 0;
}

static void without_emphasis(struct ramet_bytes text, struct ramet_buf *out)
{
	size_t n, mark;
	int at_word = 1;

	while (text.len) {
		n = marked(text, at_word, &mark);
		if (n) {
			ramet_buf_add(out, (struct ramet_bytes){ text.ptr + mark, n });
			text = behind(text, n + 2 * mark);
			at_word = 0;
			continue;
		}
		at_word = is_space(*text.ptr) || strchr("([\"'", *text.ptr) != NULL;
		ramet_buf_add_char(out, *text.ptr);
		text = behind(text, 1);
	}
}

/* The base name of a word that is a path. */
static struct ramet_bytes shortened(struct ramet_bytes word)
{
	const char *slash = memrchr(word.ptr, '/', word.len);
	struct ramet_bytes base;

	if (!slash)
		return word;
	base = behind(word, (size_t)(slash - word.ptr) + 1);
	if (!base.len || (slash == memchr(word.ptr, '/', word.len) && slash != word.ptr &&
			  !memchr(base.ptr, '.', base.len)))
		return word;
	return base;
}

/* Words with one blank between them, paths shortened; only the first line, if it says enough. */
static void words_of(struct ramet_bytes text, struct ramet_buf *out)
{
	struct ramet_bytes line = text, word;
	size_t n;

	line.len = find(text, "\n");
	line = rameti_gg_trim(line);
	if (count_chars(line) >= TITLE_MIN)
		text = line;
	for (text = rameti_gg_trim(text); text.len; text = rameti_gg_trim(behind(text, n))) {
		n = word_len(text);
		word = shortened((struct ramet_bytes){ text.ptr, n });
		if (out->len)
			ramet_buf_add_char(out, ' ');
		ramet_buf_add(out, word);
	}
}

/* ---- cutting ---- */

static struct ramet_bytes first_sentence(struct ramet_bytes text)
{
	static const char *const ends[] = { ". ",	    "! ",	    "? ",
					    "\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f" };
	size_t i, n, first = text.len;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n = find(text, ends[i]);
		if (n && n < first)
			first = n;
	}
	text.len = first;
	return text;
}

static void cut_at_word(struct ramet_bytes text, struct ramet_buf *out)
{
	const char *blank;
	struct ramet_bytes cut = first_chars(text, TITLE_MAX);

	blank = memrchr(cut.ptr, ' ', cut.len);
	if (blank &&
	    count_chars((struct ramet_bytes){ cut.ptr, (size_t)(blank - cut.ptr) }) > TITLE_MAX / 2)
		cut.len = (size_t)(blank - cut.ptr);
	while (cut.len && strchr(" .,;:!?-", cut.ptr[cut.len - 1]))
		cut.len--;
	ramet_buf_add(out, cut);
	ramet_buf_add_str(out, "\xe2\x80\xa6");
}

int ramet_ggcode_title(struct ramet_bytes text, struct ramet_buf *out)
{
	struct ramet_buf a = RAMET_BUF_INIT(SIZE_MAX / 2), b = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes t;

	without_code(text, &a);
	without_emphasis(without_mark(rameti_gg_trim(ramet_buf_bytes(&a))), &b);
	if (ramet_buf_status(&a) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_reset(&a);
	words_of(ramet_buf_bytes(&b), &a);
	t = ramet_buf_bytes(&a);
	if (count_chars(t) > TITLE_MAX)
		t = first_sentence(t);
	if (count_chars(t) > TITLE_MAX)
		cut_at_word(t, out);
	else if (count_chars(t) >= TITLE_MIN)
		ramet_buf_add(out, t);
	if (ramet_buf_status(&a) < 0 || ramet_buf_status(&b) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&a);
	ramet_buf_release(&b);
	return ramet_buf_status(out);
}

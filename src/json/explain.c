/*
 * explain.c - the exact answer, byte by byte: where does a text stop being JSON, and why.
 *
 * The fast walk only says yes or no; after a no this looks again. It shares no code with the fast
 * path, so the tests use it as the fast path's twin.
 * Bytes from 0x80 on are fine inside strings, whatever they are.
 */
#include "json/index_priv.h"

#include <string.h>

struct explain {
	const char *s;
	uint32_t i, len;
	uint64_t *words;                         /* a bit per open container, 1: object */
	uint32_t depth;
};

static int here(const struct explain *x)
{
	return x->i < x->len ? (unsigned char)x->s[x->i] : -1;
}

static void skip_space(struct explain *x)
{
	int c = here(x);

	while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		x->i++;
		c = here(x);
	}
}

/* The trouble with a byte that does not fit, or with the end where a byte was wanted. */
static enum rameti_line_trouble misfit(const struct explain *x)
{
	return x->i < x->len ? RAMETI_TROUBLE_SYNTAX : RAMETI_TROUBLE_UNFINISHED;
}

static int is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static enum rameti_line_trouble take_escape(struct explain *x)
{
	int c, i;

	x->i++;
	c = here(x);
	if (c <= 0 || !strchr("\"\\/bfnrtu", c))
		return misfit(x);
	x->i++;
	for (i = 0; c == 'u' && i < 4; i++, x->i++)
		if (!is_hex(here(x)))
			return misfit(x);
	return RAMETI_TROUBLE_NONE;
}

static enum rameti_line_trouble take_string(struct explain *x)
{
	enum rameti_line_trouble t;

	if (here(x) != '"')
		return misfit(x);
	x->i++;
	for (;;) {
		int c = here(x);

		if (c < 0x20)
			return misfit(x);
		if (c == '\\') {
			t = take_escape(x);
			if (t)
				return t;
			continue;
		}
		x->i++;
		if (c == '"')
			return RAMETI_TROUBLE_NONE;
	}
}

static enum rameti_line_trouble take_digits(struct explain *x)
{
	if (!is_digit(here(x)))
		return misfit(x);
	while (is_digit(here(x)))
		x->i++;
	return RAMETI_TROUBLE_NONE;
}

static enum rameti_line_trouble take_number(struct explain *x)
{
	enum rameti_line_trouble t = RAMETI_TROUBLE_NONE;

	if (here(x) == '-')
		x->i++;
	if (here(x) == '0')
		x->i++;
	else
		t = take_digits(x);
	if (!t && here(x) == '.') {
		x->i++;
		t = take_digits(x);
	}
	if (!t && (here(x) == 'e' || here(x) == 'E')) {
		x->i++;
		if (here(x) == '+' || here(x) == '-')
			x->i++;
		t = take_digits(x);
	}
	return t;
}

static enum rameti_line_trouble take_word(struct explain *x, const char *word)
{
	for (; *word; word++, x->i++)
		if (here(x) != *word)
			return misfit(x);
	return RAMETI_TROUBLE_NONE;
}

/* A number or a word, and nothing stuck to it: "01" and "nullx" are no glued values. */
static enum rameti_line_trouble take_scalar(struct explain *x)
{
	enum rameti_line_trouble t;
	int c = here(x);

	if (c == 't')
		t = take_word(x, "true");
	else if (c == 'f')
		t = take_word(x, "false");
	else if (c == 'n')
		t = take_word(x, "null");
	else
		t = take_number(x);
	c = here(x);
	if (!t && c >= 0 && !(c && strchr(" \t\n\r,:[]{}\"", c)))
		return RAMETI_TROUBLE_SYNTAX;
	return t;
}

static int in_object(const struct explain *x)
{
	return x->words[(x->depth - 1) >> 6] >> ((x->depth - 1) & 63) & 1;
}

static enum rameti_line_trouble take_open(struct explain *x)
{
	uint64_t bit = UINT64_C(1) << (x->depth & 63);

	if (x->depth >= RAMET_JSON_DEPTH_MAX)
		return RAMETI_TROUBLE_DEPTH;
	x->words[x->depth >> 6] &= ~bit;
	if (here(x) == '{')
		x->words[x->depth >> 6] |= bit;
	x->depth++;
	x->i++;
	skip_space(x);
	return RAMETI_TROUBLE_NONE;
}

static enum rameti_line_trouble take_key(struct explain *x)
{
	enum rameti_line_trouble t = take_string(x);

	if (t)
		return t;
	skip_space(x);
	if (here(x) != ':')
		return misfit(x);
	x->i++;
	skip_space(x);
	return RAMETI_TROUBLE_NONE;
}

/* From the start of a value to the end of it or to the start of its first member's value. */
static enum rameti_line_trouble take_start(struct explain *x, int *complete)
{
	enum rameti_line_trouble t;
	int c = here(x);

	*complete = 1;
	if (c == '"')
		return take_string(x);
	if (c != '{' && c != '[')
		return take_scalar(x);
	t = take_open(x);
	if (t)
		return t;
	if (here(x) == (c == '{' ? '}' : ']')) {
		x->i++;
		x->depth--;
		return RAMETI_TROUBLE_NONE;
	}
	*complete = 0;
	return c == '{' ? take_key(x) : RAMETI_TROUBLE_NONE;
}

/* Behind a complete value: closing brackets, then a comma and the way to the next value. */
static enum rameti_line_trouble take_between(struct explain *x)
{
	for (; x->depth; x->depth--, x->i++) {
		skip_space(x);
		if (here(x) == ',') {
			x->i++;
			skip_space(x);
			return in_object(x) ? take_key(x) : RAMETI_TROUBLE_NONE;
		}
		if (here(x) != (in_object(x) ? '}' : ']'))
			return misfit(x);
	}
	return RAMETI_TROUBLE_NONE;
}

enum rameti_line_trouble rameti_json_explain(const char *text, uint32_t len, uint64_t *words,
					     uint32_t *error_at)
{
	struct explain x = { text, 0, len, words, 0 };
	enum rameti_line_trouble t;
	int complete;

	skip_space(&x);
	do {
		t = take_start(&x, &complete);
		if (!t && complete)
			t = take_between(&x);
	} while (!t && !(complete && x.depth == 0));
	if (!t) {
		skip_space(&x);
		if (x.i < x.len)
			t = RAMETI_TROUBLE_MORE;
	}
	*error_at = x.i;
	return t;
}

int rameti_json_is_blank(const char *text, uint32_t len)
{
	struct ramet_bytes left = { text, len };
	size_t n;

	while ((n = rameti_utf8_space(left)) > 0) {
		left.ptr += n;
		left.len -= n;
	}
	return left.len == 0;
}

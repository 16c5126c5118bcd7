/*
 * base/time_parse.c - the texts that JavaScript's Date.parse takes, into parts.
 *
 * The text is first read as an ISO 8601 date-time. Where that stops at a place from which an older
 * form can still follow, the older reader goes on with what has been read: it collects numbers,
 * month names, zone names, am and pm in nearly any order and ignores unknown words before the
 * first number, text in parentheses, and most punctuation. Both readers share one tokenizer that
 * takes each byte once, so the cost is linear and nothing is allocated.
 *
 * Bytes from 0x80 on count as letters, except the Unicode spaces. A zero byte ends the text.
 */
#include "base/time_priv.h"

#include <string.h>

#define DIGITS_MAX 9                             /* significant digits; more are ignored */

/* ---- tokens ---- */

enum token_kind { T_END, T_NUMBER, T_SYMBOL, T_SPACE, T_WORD, T_OTHER };
enum word_kind { W_UNKNOWN, W_MONTH, W_AM_PM, W_ZONE, W_T };

struct token {
	enum token_kind kind;
	enum word_kind word;
	int value;                               /* number, symbol, month, hours */
	size_t len;
};
struct scanner {
	const unsigned char *p, *end;
	struct token peek;
};

static const struct { char text[3]; unsigned char kind; signed char value; } words[] = {
	{ "jan", W_MONTH, 1 }, { "feb", W_MONTH, 2 }, { "mar", W_MONTH, 3 }, { "apr", W_MONTH, 4 },
	{ "may", W_MONTH, 5 }, { "jun", W_MONTH, 6 }, { "jul", W_MONTH, 7 }, { "aug", W_MONTH, 8 },
	{ "sep", W_MONTH, 9 }, { "oct", W_MONTH, 10 }, { "nov", W_MONTH, 11 },
	{ "dec", W_MONTH, 12 },
	{ "am", W_AM_PM, 0 }, { "pm", W_AM_PM, 12 }, { "ut", W_ZONE, 0 }, { "utc", W_ZONE, 0 },
	{ "z", W_ZONE, 0 }, { "gmt", W_ZONE, 0 }, { "cdt", W_ZONE, -5 }, { "cst", W_ZONE, -6 },
	{ "edt", W_ZONE, -4 }, { "est", W_ZONE, -5 }, { "mdt", W_ZONE, -6 }, { "mst", W_ZONE, -7 },
	{ "pdt", W_ZONE, -7 }, { "pst", W_ZONE, -8 }, { "t", W_T, 0 },
};

static int is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* How many bytes of white space begin at p; 0 none. U+2028 and U+2029 count as letters here. */
static size_t space_len(const unsigned char *p, const unsigned char *end)
{
	if (p == end)
		return 0;
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	if (*p == 0xc2)
		return end - p >= 2 && p[1] == 0xa0 ? 2 : 0;
	if (*p < 0xe1 || end - p < 3)
		return 0;
	switch ((unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2]) {
	case 0xe19a80: case 0xe280af: case 0xe2819f: case 0xe38080: case 0xefbbbf:
		return 3;
	default:
		return p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a ? 3 : 0;
	}
}

static struct token scan_number(struct scanner *s)
{
	struct token t = { T_NUMBER, W_UNKNOWN, 0, 0 };
	const unsigned char *start = s->p;
	int digits = 0;

	while (s->p < s->end && *s->p == '0')
		s->p++;
	for (; s->p < s->end && is_digit(*s->p); s->p++)
		if (digits++ < DIGITS_MAX)
			t.value = t.value * 10 + (*s->p - '0');
	t.len = (size_t)(s->p - start);
	return t;
}

static struct token scan_word(struct scanner *s)
{
	struct token t = { T_WORD, W_UNKNOWN, 0, 0 };
	char head[3] = { 0, 0, 0 };
	size_t i;

	for (; s->p < s->end && *s->p >= 'A' && !space_len(s->p, s->end); s->p++) {
		if (t.len < sizeof(head))
			head[t.len] = (char)(*s->p | 0x20);
		t.len++;
	}
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (memcmp(head, words[i].text, sizeof(head)) != 0)
			continue;
		if (t.len > sizeof(head) && words[i].kind != W_MONTH)
			continue;
		t.word = (enum word_kind)words[i].kind;
		t.value = words[i].value;
		break;
	}
	return t;
}

/* From '(' behind the ')' that closes it, or to the end. */
static void skip_parentheses(struct scanner *s)
{
	size_t depth = 0;

	do {
		if (*s->p == ')')
			depth--;
		else if (*s->p == '(')
			depth++;
		s->p++;
	} while (depth && s->p < s->end);
}

static struct token scan(struct scanner *s)
{
	struct token t = { T_OTHER, W_UNKNOWN, 0, 1 };
	size_t space;

	if (s->p == s->end) {
		t.kind = T_END;
		return t;
	}
	if (is_digit(*s->p))
		return scan_number(s);
	space = space_len(s->p, s->end);
	if (!space && *s->p >= 'A')
		return scan_word(s);
	if (*s->p == '(') {
		skip_parentheses(s);
		return t;
	}
	if (space) {
		t.kind = T_SPACE;
	} else if (strchr(":-+.)", *s->p)) {
		t.kind = T_SYMBOL;
		t.value = *s->p;
	}
	s->p += space ? space : 1;
	return t;
}

static struct token next(struct scanner *s)
{
	struct token t = s->peek;

	s->peek = scan(s);
	return t;
}

static int is_symbol(struct token t, int symbol)
{
	return t.kind == T_SYMBOL && t.value == symbol;
}

static int is_sign(struct token t)
{
	return is_symbol(t, '+') || is_symbol(t, '-');
}

static int is_z(struct token t)
{
	return t.kind == T_WORD && t.word == W_ZONE && t.len == 1;
}

/* A number of exactly len digits between low and high. */
static int is_fixed(struct token t, size_t len, int low, int high)
{
	return t.kind == T_NUMBER && t.len == len && t.value >= low && t.value <= high;
}

static int skip_symbol(struct scanner *s, int symbol)
{
	if (!is_symbol(s->peek, symbol))
		return 0;
	(void)next(s);
	return 1;
}

/* ---- parts ---- */

static int add_day(struct rameti_time_parts *p, int n)
{
	if (p->n_day == 3)
		return 0;
	p->day[p->n_day++] = n;
	return 1;
}

static int add_time(struct rameti_time_parts *p, int n)
{
	if (p->n_time == 4)
		return 0;
	p->time[p->n_time++] = n;
	return 1;
}

/* The last part that was given, as far as there is room for it; the others are 0. */
static void add_last_time(struct rameti_time_parts *p, int n)
{
	(void)add_time(p, n);
	while (p->n_time < 4)
		p->time[p->n_time++] = 0;
}

static int expects_time(const struct rameti_time_parts *p, int n)
{
	if (p->n_time == 1 || p->n_time == 2)
		return n < 60;
	return p->n_time == 3 && n < 1000;
}

static void set_zone(struct rameti_time_parts *p, int sign, int hour, int minute)
{
	p->sign = sign;
	p->hour = hour;
	p->minute = minute;
}

static int expects_zone_minute(const struct rameti_time_parts *p, int n)
{
	return p->hour >= 0 && p->minute < 0 && n < 60;
}

/* The digits behind the point as milliseconds. Leading zeros count as digits. */
static int read_ms(struct token t)
{
	size_t len = t.len < DIGITS_MAX ? t.len : DIGITS_MAX;

	if (len == 1)
		return t.value * 100;
	if (len == 2)
		return t.value * 10;
	for (; len > 3; len--)
		t.value /= 10;
	return t.value;
}

/* ---- the ISO reader ---- */

/* OTHER: *t is the token from which the older reader goes on. */
enum iso { ISO_DONE, ISO_INVALID, ISO_OTHER };

static int iso_date(struct scanner *s, struct rameti_time_parts *p, struct token *t)
{
	int sign = 1, year;

	if (is_sign(s->peek)) {
		*t = next(s);
		sign = t->value == '-' ? -1 : 1;
		if (!is_fixed(s->peek, 6, 0, 999999))
			return ISO_OTHER;
	} else if (!is_fixed(s->peek, 4, 0, 9999)) {
		*t = next(s);
		return ISO_OTHER;
	}
	year = next(s).value;
	if (sign < 0 && year == 0)
		return ISO_OTHER;                /* the year -0 is lost, for the older reader too */
	(void)add_day(p, sign * year);
	if (!skip_symbol(s, '-'))
		return ISO_DONE;
	if (is_fixed(s->peek, 2, 1, 12)) {
		(void)add_day(p, next(s).value);
		if (!skip_symbol(s, '-'))
			return ISO_DONE;
		if (is_fixed(s->peek, 2, 1, 31)) {
			(void)add_day(p, next(s).value);
			return ISO_DONE;
		}
	}
	*t = next(s);
	return ISO_OTHER;
}

static int iso_zone(struct scanner *s, struct rameti_time_parts *p)
{
	int sign, hour, n;

	if (is_z(s->peek)) {
		(void)next(s);
		set_zone(p, 1, 0, 0);
		return 1;
	}
	if (!is_sign(s->peek))
		return 1;
	sign = next(s).value == '-' ? -1 : 1;
	if (is_fixed(s->peek, 4, 0, 2359)) {
		n = next(s).value;
		set_zone(p, sign, n / 100, n % 100);
		return n % 100 < 60;
	}
	if (!is_fixed(s->peek, 2, 0, 23))
		return 0;
	hour = next(s).value;
	if (!skip_symbol(s, ':') || !is_fixed(s->peek, 2, 0, 59))
		return 0;
	set_zone(p, sign, hour, next(s).value);
	return 1;
}

/* From behind the T to the end of the text. */
static int iso_time(struct scanner *s, struct rameti_time_parts *p)
{
	int last;                                /* the largest minute and second */

	if (!is_fixed(s->peek, 2, 0, 24))
		return 0;
	last = s->peek.value == 24 ? 0 : 59;
	(void)add_time(p, next(s).value);
	if (!skip_symbol(s, ':') || !is_fixed(s->peek, 2, 0, last))
		return 0;
	(void)add_time(p, next(s).value);
	if (skip_symbol(s, ':')) {
		if (!is_fixed(s->peek, 2, 0, last))
			return 0;
		(void)add_time(p, next(s).value);
		if (skip_symbol(s, '.')) {
			if (s->peek.kind != T_NUMBER || (!last && s->peek.value > 0))
				return 0;
			(void)add_time(p, read_ms(next(s)));
		}
	}
	return iso_zone(s, p) && s->peek.kind == T_END;
}

static enum iso read_iso(struct scanner *s, struct rameti_time_parts *p, struct token *t)
{
	if (iso_date(s, p, t) == ISO_OTHER)
		return ISO_OTHER;
	if (s->peek.kind == T_WORD && s->peek.word == W_T) {
		(void)next(s);
		if (!iso_time(s, p))
			return ISO_INVALID;
	} else if (s->peek.kind != T_END) {
		*t = next(s);
		return ISO_OTHER;
	} else {
		set_zone(p, 1, 0, 0);            /* a date alone is UTC */
	}
	p->iso = 1;
	return ISO_DONE;
}

/* ---- the reader of older forms ---- */

static int old_number(struct scanner *s, struct rameti_time_parts *p, int n)
{
	if (skip_symbol(s, ':')) {
		if (skip_symbol(s, ':'))
			return p->n_time == 0 && add_time(p, n) && add_time(p, 0);
		if (!add_time(p, n))
			return 0;
		(void)skip_symbol(s, '.');
		return 1;
	}
	if (skip_symbol(s, '.') && expects_time(p, n)) {
		(void)add_time(p, n);
		if (s->peek.kind != T_NUMBER)
			return 0;
		add_last_time(p, read_ms(next(s)));
		return 1;
	}
	if (expects_zone_minute(p, n)) {
		p->minute = n;
		return 1;
	}
	if (expects_time(p, n)) {
		add_last_time(p, n);
		return s->peek.kind == T_END || s->peek.kind == T_SPACE || is_z(s->peek) ||
		       is_sign(s->peek);
	}
	if (!add_day(p, n))
		return 0;
	(void)skip_symbol(s, '-');
	return 1;
}

static int old_word(struct scanner *s, struct rameti_time_parts *p, struct token t, int seen_number)
{
	if (t.word == W_AM_PM && p->n_time) {
		p->half = t.value;
	} else if (t.word == W_MONTH) {
		p->month = t.value;
		(void)skip_symbol(s, '-');
	} else if (t.word == W_ZONE && seen_number) {
		set_zone(p, t.value < 0 ? -1 : 1, t.value < 0 ? -t.value : t.value, 0);
	} else {
		return !seen_number && s->peek.kind != T_NUMBER;
	}
	return 1;
}

static int old_offset(struct scanner *s, struct rameti_time_parts *p, int sign)
{
	struct token t = { T_NUMBER, W_UNKNOWN, 0, 0 };

	if (s->peek.kind == T_NUMBER)
		t = next(s);
	if (is_symbol(s->peek, ':'))
		set_zone(p, sign, t.value, -1);
	else if (t.len == 1 || t.len == 2)
		set_zone(p, sign, t.value, 0);
	else if (t.len == 3 || t.len == 4)
		set_zone(p, sign, t.value / 100, t.value % 100);
	else
		return 0;
	return 1;
}

static int read_old(struct scanner *s, struct rameti_time_parts *p, struct token t)
{
	int seen_number = p->n_day > 0, ok = 1;

	for (; ok && t.kind != T_END; t = next(s)) {
		if (t.kind == T_NUMBER) {
			seen_number = 1;
			ok = old_number(s, p, t.value);
		} else if (t.kind == T_WORD) {
			ok = old_word(s, p, t, seen_number);
		} else if (is_sign(t) && (p->n_time || (p->hour == 0 && p->minute == 0))) {
			seen_number = 1;
			ok = old_offset(s, p, t.value == '-' ? -1 : 1);
		} else if (is_sign(t) || is_symbol(t, ')')) {
			ok = !seen_number;
		}
	}
	return ok;
}

int rameti_time_read(struct ramet_bytes text, struct rameti_time_parts *p)
{
	struct token t = { T_END, W_UNKNOWN, 0, 0 };
	struct scanner s = { NULL, NULL, { T_END, W_UNKNOWN, 0, 0 } };
	const char *zero;

	if (!text.len)
		return 0;
	zero = memchr(text.ptr, '\0', text.len);
	s.p = (const unsigned char *)text.ptr;
	s.end = s.p + (zero ? (size_t)(zero - text.ptr) : text.len);
	(void)next(&s);
	switch (read_iso(&s, p, &t)) {
	case ISO_DONE: return 1;
	case ISO_OTHER: return read_old(&s, p, t);
	default: return 0;
	}
}

/*
 * codec/ggcode_time.c - times as Go reads and writes them, and strings as its JSON encoder does.
 *
 * RFC 3339 strictly: two digits each, a zone, up to nine digits of a fraction that count. What is
 * no time makes its record malformed, so nothing is guessed here. We write UTC.
 */
#include "codec/ggcode.h"

#include <string.h>

#include "base/add.h"
#include "base/clock.h"
#include "base/eight.h"
#include "codec/span.h"
#include "json/scan.h"

#define DAY 86400

static int digits(const char **at, const char *end, int n, int *value)
{
	for (*value = 0; n--; (*at)++) {
		if (*at == end || **at < '0' || **at > '9')
			return 0;
		*value = *value * 10 + (**at - '0');
	}
	return 1;
}

static int mark(const char **at, const char *end, char c)
{
	return *at < end && *(*at)++ == c;
}

static int days_of_month(int year, int month)
{
	static const unsigned char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970 to a date of the Gregorian calendar. */
static int64_t days_to(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int fraction(const char **at, const char *end, uint32_t *nanos)
{
	uint32_t unit = 100000000;

	*nanos = 0;
	if (*at == end || **at != '.')
		return 1;
	if (++*at == end || **at < '0' || **at > '9')
		return 0;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10)
		*nanos += (uint32_t)(**at - '0') * unit;
	return 1;
}

static int zone(const char **at, const char *end, int32_t *minutes)
{
	int h, m, sign;

	*minutes = 0;
	if (*at == end)
		return 0;
	sign = *(*at)++;
	if (sign == 'Z')
		return 1;
	if ((sign != '+' && sign != '-') || !digits(at, end, 2, &h) || !mark(at, end, ':') ||
	    !digits(at, end, 2, &m) || h > 23 || m > 59)
		return 0;
	*minutes = (sign == '-' ? -1 : 1) * (h * 60 + m);
	return 1;
}

int rameti_gg_time_parse(struct ramet_bytes text, struct rameti_gg_time *t)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	int year, month, day, h, m, s;

	if (!digits(&at, end, 4, &year) || !mark(&at, end, '-') || !digits(&at, end, 2, &month) ||
	    !mark(&at, end, '-') || !digits(&at, end, 2, &day) || !mark(&at, end, 'T') ||
	    !digits(&at, end, 2, &h) || !mark(&at, end, ':') || !digits(&at, end, 2, &m) ||
	    !mark(&at, end, ':') || !digits(&at, end, 2, &s))
		return 0;
	if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || h > 23 ||
	    m > 59 || s > 59 || !fraction(&at, end, &t->nanos) ||
	    !zone(&at, end, &t->zone_minutes) || at != end)
		return 0;
	t->seconds = days_to(year, month, day) * DAY + h * 3600 + m * 60 + s -
		     (int64_t)t->zone_minutes * 60;
	return 1;
}

void rameti_gg_time_of(const struct ramet_json *v, struct rameti_gg_time *t)
{
	struct ramet_bytes text = { NULL, 0 };

	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		text = (struct ramet_bytes){ v->ptr + 1, v->len - 2 };
	if (text.ptr && rameti_gg_time_parse(text, t))
		return;
	t->seconds = RAMETI_GG_ZERO_TIME;
	t->nanos = 0;
	t->zone_minutes = 0;
}

int64_t rameti_gg_time_ms(const struct rameti_gg_time *t)
{
	if (t->seconds == RAMETI_GG_ZERO_TIME && !t->nanos)
		return RAMET_TIME_NONE;
	return t->seconds * 1000 + t->nanos / 1000000;
}

void rameti_gg_add_time(struct ramet_buf *out, int64_t ms)
{
	char text[40];
	size_t len;

	if (ms != RAMET_TIME_NONE)
		rameti_time_format(ms, text);
	/* years of more than four digits are none to Go */
	if (ms == RAMET_TIME_NONE || text[4] != '-' || text[0] == '-') {
		ADD(out, "\"0001-01-01T00:00:00Z\"");
		return;
	}
	for (len = strlen("2026-01-01T00:00:00.000"); text[len - 1] == '0';)
		len--;
	if (text[len - 1] == '.')
		len--;
	ramet_buf_add_char(out, '"');
	ramet_buf_add(out, (struct ramet_bytes){ text, len });
	ADD(out, "Z\"");
}

/* ---- strings ---- */

static int is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The character at text[i]: its bytes; its escape in to, empty when it stays as it is. */
static size_t escape(struct ramet_bytes text, size_t i, int html, char to[8])
{
	static const char hex[] = "0123456789abcdef";
	static const char short_for[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const unsigned char *p = (const unsigned char *)text.ptr + i;
	const char *s = *p ? strchr(short_for, *p) : NULL;
	unsigned code = *p;
	size_t n = 1, len;

	to[0] = '\0';
	if (s) {
		to[0] = '\\';
		to[1] = letters[s - short_for];
		to[2] = '\0';
		return 1;
	}
	if (*p >= 0x80) {
		struct ramet_bytes rest = { text.ptr + i, text.len - i };

		/* U+2028 and U+2029; half of a pair, which only an escape can say */
		n = 3;
		if (rest.len >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8)
			code = 0x2000u | 0x28u | (p[2] & 1u);
		else if (rest.len >= 3 && p[0] == 0xed && p[1] >= 0xa0 && is_continuation(p[1]) &&
			 is_continuation(p[2]))
			code = 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		else if (rameti_utf8_bad_len(rest, &len))
			code = 0xfffd, n = 1;
		else
			return len;
	} else if (*p >= 0x20 && !(html && strchr("<>&", *p))) {
		return 1;
	}
	memcpy(to, "\\u", 2);
	to[2] = hex[code >> 12];
	to[3] = hex[code >> 8 & 15];
	to[4] = hex[code >> 4 & 15];
	to[5] = hex[code & 15];
	to[6] = '\0';
	return n;
}

/* Bytes that may have to be escaped: 1 each, 2 for HTML's sake, 4 where the text is not valid. */
static int doubt(unsigned char c)
{
	if (c >= 0x80)
		return c == 0xe2 ? 1 : 4;
	if (c < 0x20 || c == '"' || c == '\\')
		return 1;
	return c == '<' || c == '>' || c == '&' ? 2 : 0;
}

/* Eight bytes that are surely none of those but for HTML's sake. */
static int all_sure(const char *p)
{
	uint64_t w = rameti_eight(p);

	return !((w & RAMETI_EIGHT(0x80)) | rameti_eight_unplain(w));
}

void rameti_gg_add_text(struct ramet_buf *out, struct ramet_bytes text, int html)
{
	int doubtful = 1 | (html ? 2 : 0) | (rameti_utf8_valid(text) ? 0 : 4);
	size_t i, from = 0, n;
	char to[8];

	ramet_buf_add_char(out, '"');
	for (i = 0; i < text.len; i += n) {
		n = 8;
		if (!html && text.len - i >= n && all_sure(text.ptr + i))
			continue;
		n = 1;
		if (!(doubt((unsigned char)text.ptr[i]) & doubtful))
			continue;
		n = escape(text, i, html, to);
		if (!*to)
			continue;
		ramet_buf_add(out, (struct ramet_bytes){ text.ptr + from, i - from });
		ramet_buf_add_str(out, to);
		from = i + n;
	}
	ramet_buf_add(out, (struct ramet_bytes){ text.ptr + from, i - from });
	ramet_buf_add_char(out, '"');
}

/* Nothing in it that Go would write otherwise? */
static int is_plain(const struct ramet_json *v)
{
	const char *p = v->ptr, *end = v->ptr + v->len;

	if (!rameti_span_is_usual(v))
		return 0;
	while ((p = memchr(p, 0xe2, (size_t)(end - p))) != NULL && ++p < end)
		if ((unsigned char)*p == 0x80)
			return 0;
	return 1;
}

void rameti_gg_add_string(struct ramet_buf *out, const struct ramet_json *v)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	if (ramet_json_kind(v) == RAMET_JSON_STRING && is_plain(v)) {
		ramet_buf_add(out, ramet_json_raw(v));
		return;
	}
	ramet_json_text(v, &text);
	rameti_gg_add_text(out, ramet_buf_bytes(&text), 0);
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
}

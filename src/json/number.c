/*
 * number.c - JSON numbers to doubles, correctly rounded, and doubles to text as JavaScript does.
 *
 * strtod sees only digits and an exponent, never a decimal point, so the locale does not matter.
 */
#include "json/number_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 800 /* 767 decide every rounding; one more for the rest */

struct decimal {
	char digits[DIGITS_MAX + 1]; /* no leading zeros; the last may stand for all the rest */
	int n;
	int64_t exponent;                        /* of the unit of the last digit */
	uint64_t small;                          /* the digits as a number, while n <= 19 */
};

static void add_digit(struct decimal *d, char c, int fraction)
{
	if (fraction)
		d->exponent--;
	if (d->n == 0 && c == '0')
		return;
	if (d->n >= DIGITS_MAX) {
		d->exponent++;
		if (c != '0')
			d->digits[DIGITS_MAX - 1] = '1';
		return;
	}
	d->digits[d->n++] = c;
	if (d->n <= 19)
		d->small = d->small * 10 + (uint64_t)(c - '0');
}

static int64_t take_exponent(const char *p, const char *end)
{
	int negative = p < end && *p == '-';
	int64_t x = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end; p++)
		if (x < INT64_C(1000000000000))
			x = x * 10 + (*p - '0');
	return negative ? -x : x;
}

static double to_double(struct decimal *d)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	char text[DIGITS_MAX + 24];
	int64_t e = d->exponent;

	if (d->n == 0)
		return 0;
	if (d->n <= 19 && d->small <= UINT64_C(1) << 53 && e >= -22 && e <= 22)
		return e < 0 ? (double)d->small / powers[-e] : (double)d->small * powers[e];
	if (e > 99999)
		e = 99999;
	if (e < -99999)
		e = -99999;
	d->digits[d->n] = 0;
	(void)snprintf(text, sizeof(text), "%se%d", d->digits, (int)e);
	return strtod(text, NULL);
}

double rameti_number_parse(struct ramet_bytes raw)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;
	struct decimal d;
	int negative = 0, fraction = 0;
	double x;

	d.n = 0;
	d.exponent = 0;
	d.small = 0;
	if (p < end && *p == '-') {
		negative = 1;
		p++;
	}
	for (; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.')
			fraction = 1;
		else
			add_digit(&d, *p, fraction);
	}
	if (p < end)
		d.exponent += take_exponent(p + 1, end);
	x = to_double(&d);
	return negative ? -x : x;
}

/* ---- the other way ---- */

struct shortest {
	char digits[24];                         /* no trailing zeros */
	int n;
	int point;                               /* the value is 0.DIGITS * 10^point */
};

/* x > 0 rounded to n digits. */
static void round_to(struct shortest *s, double x, int n)
{
	char text[48];
	const char *p;

	(void)snprintf(text, sizeof(text), "%.*e", n - 1, x);
	s->n = 0;
	for (p = text; *p && *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')      /* anything else is the locale's point */
			s->digits[s->n++] = *p;
	s->point = (int)take_exponent(p + 1, text + strlen(text)) + 1;
	while (s->n > 1 && s->digits[s->n - 1] == '0')
		s->n--;
}

static double value_of(const struct shortest *s)
{
	struct decimal d;
	int i;

	d.n = 0;
	d.small = 0;
	d.exponent = s->point - s->n;
	for (i = 0; i < s->n; i++)
		add_digit(&d, s->digits[i], 0);
	return to_double(&d);
}

/* One more in the last of n places. */
static void step_up(struct shortest *s, int n)
{
	while (s->n < n)
		s->digits[s->n++] = '0';
	while (s->n && s->digits[s->n - 1] == '9')
		s->n--;
	if (s->n) {
		s->digits[s->n - 1]++;
		return;
	}
	s->digits[s->n++] = '1';
	s->point++;
}

/* The shortest digits that read back as x > 0, of those the nearest. Every normal double that has a
 * text of 15 digits or fewer shows it at 15. Below a power of two doubles are denser than above, so
 * there the nearest text of n digits may fail while its upper neighbour does not. */
static void find_shortest(struct shortest *s, double x)
{
	uint64_t bits;
	int n;

	memcpy(&bits, &x, sizeof(bits));
	for (n = bits >> 52 ? 15 : 1; n < 17; n++) {
		round_to(s, x, n);
		if (value_of(s) == x)
			return;
		if (bits << 12)
			continue;
		step_up(s, n);
		if (value_of(s) == x)
			return;
	}
	round_to(s, x, 17);
}

static int add_zeros(char *out, int n)
{
	memset(out, '0', (size_t)n);
	return n;
}

/* Number.prototype.toString's shapes. */
static int lay_out(char *out, const struct shortest *s)
{
	int at = 0;

	if (s->n <= s->point && s->point <= 21) {
		memcpy(out, s->digits, (size_t)s->n);
		at = s->n;
		return at + add_zeros(out + at, s->point - s->n);
	}
	if (0 < s->point && s->point <= 21) {
		memcpy(out, s->digits, (size_t)s->point);
		out[s->point] = '.';
		memcpy(out + s->point + 1, s->digits + s->point, (size_t)(s->n - s->point));
		return s->n + 1;
	}
	if (-6 < s->point && s->point <= 0) {
		out[at++] = '0';
		out[at++] = '.';
		at += add_zeros(out + at, -s->point);
		memcpy(out + at, s->digits, (size_t)s->n);
		return at + s->n;
	}
	out[at++] = s->digits[0];
	if (s->n > 1) {
		out[at++] = '.';
		memcpy(out + at, s->digits + 1, (size_t)(s->n - 1));
		at += s->n - 1;
	}
	return at + snprintf(out + at, 8, "e%+d", s->point - 1);
}

size_t rameti_number_format(double x, char out[RAMETI_NUMBER_MAX])
{
	struct shortest s;
	int at = 0;

	if (x != x || x - x != 0) {
		memcpy(out, "null", 4);
		return 4;
	}
	if (x < 0) {
		out[at++] = '-';
		x = -x;
	}
	if (x < 9007199254740992.0 && x == (double)(int64_t)x)
		return (size_t)(at +
				snprintf(out + at, RAMETI_NUMBER_MAX - 1, "%lld", (long long)x));
	find_shortest(&s, x);
	return (size_t)(at + lay_out(out + at, &s));
}

double ramet_json_number(const struct ramet_json *v)
{
	return ramet_json_kind(v) == RAMET_JSON_NUMBER ? rameti_number_parse(ramet_json_raw(v)) : 0;
}

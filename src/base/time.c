/*
 * base/time.c - from the parts of a date to milliseconds since 1970 UTC, and back to text.
 *
 * The calendar is the proleptic Gregorian one without leap seconds, as JavaScript has it. The local
 * zone is asked for only when the text names none. The usual form of a time takes a short way.
 */
#include "base/time_priv.h"

#include <string.h>

#define YEAR_LIMIT 1000000
#define MS_PER_DAY INT64_C(86400000)
#define TIME_MAX INT64_C(8640000000000000)       /* JavaScript's range of times, both ways */
#define EPOCH_DAYS 719468                        /* from 0000-03-01 to 1970-01-01 */

/* Days since 1970-01-01 in the Gregorian calendar; month 1..12, any day. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, year_of_era, day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - EPOCH_DAYS;
}

static int is_day(int n)
{
	return n >= 1 && n <= 31;
}

/* Numbers that were not given are 1, also the year: "Mar 2" lies in 2001. */
static int finish_day(struct rameti_time_parts *p, int64_t *days)
{
	int year, month = p->month, day, first = p->day[0];

	if (!p->n_day)
		return 0;
	while (p->n_day < 3)
		p->day[p->n_day++] = 1;
	if (month) {
		year = is_day(first) ? p->day[1] : first;
		day = is_day(first) ? first : p->day[1];
	} else if (p->iso || !is_day(first)) {
		year = first;
		month = p->day[1];
		day = p->day[2];
	} else {
		month = first;
		day = p->day[1];
		year = p->day[2];
	}
	if (!p->iso && year >= 0 && year < 100)
		year += year < 50 ? 2000 : 1900;
	if (month < 1 || month > 12 || !is_day(day) || year < -YEAR_LIMIT || year > YEAR_LIMIT)
		return 0;
	*days = days_of(year, month, day);
	return 1;
}

static int finish_time(struct rameti_time_parts *p, int64_t *ms)
{
	const int *t = p->time;
	int hour;

	while (p->n_time < 4)
		p->time[p->n_time++] = 0;
	hour = t[0];
	if (p->half >= 0) {
		if (hour > 12)
			return 0;
		hour = hour % 12 + p->half;
	}
	if ((hour > 23 || t[1] > 59 || t[2] > 59 || t[3] > 999) &&
	    (hour != 24 || t[1] || t[2] || t[3]))
		return 0;
	*ms = ((hour * INT64_C(60) + t[1]) * 60 + t[2]) * 1000 + t[3];
	return 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* What the local zone adds to UTC at a UTC time. */
static int64_t offset_at(int64_t ms)
{
	time_t seconds = (time_t)floor_div(ms, 1000);
	struct tm tm;

	return localtime_r(&seconds, &tm) ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

/* A local time that a change of the clock repeats or skips is read with the offset before it. */
static int64_t utc_of_local(int64_t local)
{
	int64_t before = offset_at(local - MS_PER_DAY), after = offset_at(local + MS_PER_DAY);

	if (before != after && offset_at(local - before) != before &&
	    offset_at(local - after) == after)
		return local - after;
	return local - before;
}

/* What the text's zone adds to UTC, counted in 32 bits as V8 does; 0 when there is no such zone. */
static int finish_zone(const struct rameti_time_parts *p, int64_t *offset)
{
	uint32_t hours = (uint32_t)(p->hour > 0 ? p->hour : 0);
	uint32_t minutes = (uint32_t)(p->minute > 0 ? p->minute : 0);
	uint32_t seconds = hours * 3600 + minutes * 60;

	*offset = p->sign * (int64_t)seconds * 1000;
	return seconds <= INT32_MAX;
}

static int64_t finish(struct rameti_time_parts *p)
{
	int64_t days, time_ms, ms, offset;

	if (!finish_day(p, &days) || !finish_time(p, &time_ms))
		return RAMETI_TIME_NONE;
	ms = days * MS_PER_DAY + time_ms;
	if (p->sign) {
		if (!finish_zone(p, &offset))
			return RAMETI_TIME_NONE;
		ms -= offset;
	} else if (ms < -TIME_MAX - 30 * MS_PER_DAY || ms > TIME_MAX + 30 * MS_PER_DAY) {
		return RAMETI_TIME_NONE;
	} else {
		ms = utc_of_local(ms);
	}
	return ms < -TIME_MAX || ms > TIME_MAX ? RAMETI_TIME_NONE : ms;
}

static int two(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Is it like 2026-03-02T09:00:00.123Z? Eight bytes at a time: what they differ in from form is at
 * most 9 for digits and 0 for all else, which is what there is room for below 16. */
static int has_usual_form(struct ramet_bytes text)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	static const char room[] = "\6\6\6\6\17\6\6\17\6\6\17\6\6\17\6\6\17\6\6\17\6\6\6\17";
	uint64_t is, want, add, over = 0;
	size_t i;

	if (text.len != sizeof(form) - 1)
		return 0;
	for (i = 0; i < sizeof(form) - 1; i += 8) {
		memcpy(&is, text.ptr + i, 8);
		memcpy(&want, form + i, 8);
		memcpy(&add, room + i, 8);
		is ^= want;
		over |= is | (is + add);
	}
	return !(over & UINT64_C(0xf0f0f0f0f0f0f0f0));
}

/* That form without the tokenizer. */
static int parse_usual(struct ramet_bytes text, int64_t *ms)
{
	const char *p = text.ptr;

	if (!has_usual_form(text) || two(p + 5) < 1 || two(p + 5) > 12 || !is_day(two(p + 8)) ||
	    two(p + 11) > 23 || two(p + 14) > 59 || two(p + 17) > 59)
		return 0;
	*ms = days_of(two(p) * 100 + two(p + 2), two(p + 5), two(p + 8)) * MS_PER_DAY +
	      two(p + 11) * INT64_C(3600000) + two(p + 14) * INT64_C(60000) + two(p + 17) * 1000 +
	      (p[20] - '0') * 100 + two(p + 21);
	return 1;
}

int64_t rameti_time_parse(struct ramet_bytes text)
{
	struct rameti_time_parts p = RAMETI_TIME_PARTS_INIT;
	int64_t ms;

	if (parse_usual(text, &ms))
		return ms;
	return rameti_time_read(text, &p) ? finish(&p) : RAMETI_TIME_NONE;
}

/* The number with exactly `width` digits, and what follows it. */
static inline char *put(char *to, uint32_t number, int width, char behind)
{
	int i;

	for (i = width - 1; i >= 0; i--, number /= 10)
		to[i] = (char)('0' + number % 10);
	to[width] = behind;
	return to + width + 1;
}

void rameti_time_format(int64_t ms, char out[32])
{
	int64_t whole, days, era, year_of_era, year, month, day;
	uint32_t rest;

	out[0] = '\0';
	if (ms < -TIME_MAX || ms > TIME_MAX)
		return;
	whole = floor_div(ms, MS_PER_DAY);
	rest = (uint32_t)(ms - whole * MS_PER_DAY);
	days = whole + EPOCH_DAYS;
	era = floor_div(days, 146097);
	days -= era * 146097;
	year_of_era = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	days -= 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
	month = (5 * days + 2) / 153;            /* 0 is March */
	day = days - (153 * month + 2) / 5 + 1;
	year = year_of_era + era * 400 + (month >= 10);
	month += month < 10 ? 3 : -9;
	if (year < 0 || year > 9999)
		*out++ = year < 0 ? '-' : '+';
	if (year >= 0 && year <= 9999)
		out = put(out, (uint32_t)year, 4, '-');
	else
		out = put(out, (uint32_t)(year < 0 ? -year : year), 6, '-');
	out = put(out, (uint32_t)month, 2, '-');
	out = put(out, (uint32_t)day, 2, 'T');
	out = put(out, rest / 3600000, 2, ':');
	out = put(out, rest / 60000 % 60, 2, ':');
	out = put(out, rest / 1000 % 60, 2, '.');
	out = put(out, rest % 1000, 3, 'Z');
	*out = '\0';
}

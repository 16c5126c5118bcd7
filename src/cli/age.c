/*
 * cli/age.c - figures for people.
 *
 * An age has one unit and rounds down, so that "2d" never means less than two days. Dates are in
 * the zone of the person who looks.
 */
#include "cli/age.h"

#include "ramet/model.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
	int64_t from, unit;
	const char *name;
} units[] = {
	{ 365 * DAY, 365 * DAY, "y" },
	{ 30 * DAY, 30 * DAY, "mo" },
	{ 7 * DAY, 7 * DAY, "w" },
	{ DAY, DAY, "d" },
	{ HOUR, HOUR, "h" },
	{ MINUTE, MINUTE, "m" },
};

void age_add(struct ramet_buf *out, int64_t now_ms, int64_t then_ms)
{
	int64_t age;

	if (then_ms == RAMET_TIME_NONE) {
		ramet_buf_add_char(out, '-');
		return;
	}
	age = now_ms - then_ms;
	if (age < -MINUTE)
		ramet_buf_add_char(out, '+');
	if (age < 0)
		age = -age;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (age < units[i].from)
			continue;
		ramet_buf_addf(out, "%lld%s", (long long)(age / units[i].unit), units[i].name);
		return;
	}
	ramet_buf_add_str(out, "now");
}

static void add_time(struct ramet_buf *out, int64_t time_ms, const char *format, const char *none)
{
	time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
	struct tm tm;
	char text[64];

	if (time_ms == RAMET_TIME_NONE || !localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), format, &tm))
		ramet_buf_add_str(out, none);
	else
		ramet_buf_add_str(out, text);
}

void age_add_date(struct ramet_buf *out, int64_t time_ms)
{
	add_time(out, time_ms, "%Y-%m-%d %H:%M:%S", "-");
}

void age_add_short_date(struct ramet_buf *out, int64_t time_ms)
{
	add_time(out, time_ms, "%m-%d %H:%M", "           ");
}

void age_add_size(struct ramet_buf *out, uint64_t bytes)
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double size = (double)bytes / 1000;
	size_t i = 0;

	if (bytes < 1000) {
		ramet_buf_addf(out, "%u B", (unsigned)bytes);
		return;
	}
	while (size >= 999.5 && i < 5) {
		size /= 1000;
		i++;
	}
	ramet_buf_addf(out, size < 9.95 ? "%.1f %s" : "%.0f %s", size, names[i]);
}

/* The digits with a comma before every third from the right. */
static void add_grouped(struct ramet_buf *out, const char *digits, int n)
{
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			ramet_buf_add_char(out, ',');
		ramet_buf_add_char(out, digits[i]);
	}
}

/* A number that need not make sense: a session may say that a call took -1e308 tokens. */
static void add_number(struct ramet_buf *out, double n, int decimals)
{
	char text[64];
	int len, whole;

	if (!isfinite(n) || fabs(n) >= 1e15) {
		ramet_buf_addf(out, "%g", n);
		return;
	}
	if (n < 0)
		ramet_buf_add_char(out, '-');
	len = snprintf(text, sizeof(text), "%.*f", decimals, fabs(n));
	whole = decimals ? len - decimals - 1 : len;
	add_grouped(out, text, whole);
	ramet_buf_add_str(out, text + whole);
}

void age_add_count(struct ramet_buf *out, double n)
{
	add_number(out, n, 0);
}

void age_add_cost(struct ramet_buf *out, double dollars)
{
	ramet_buf_add_char(out, '$');
	add_number(out, dollars, dollars != 0 && fabs(dollars) < 1 ? 4 : 2);
}

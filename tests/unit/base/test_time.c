/*
 * test_time.c - times as text. The expected numbers are V8's, in the zone of New York;
 * time_differential.mjs asks the engine itself about random texts.
 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct { const char *text; int64_t ms; } cases[] = {
	{ "2026-03-02T09:00:00.123Z", INT64_C(1772442000123) },
	{ "2026-03-02", INT64_C(1772409600000) },
	{ "2026-03", INT64_C(1772323200000) },
	{ "2026", INT64_C(1767225600000) },
	{ "2026-02-31", INT64_C(1772496000000) },
	{ "2026-03-02T24:00:00Z", INT64_C(1772496000000) },
	{ "2026-03-02T24:00:01Z", RAMETI_TIME_NONE },
	{ "2026-03-02T09:00Z", INT64_C(1772442000000) },
	{ "2026-03-02T09:00", INT64_C(1772460000000) },
	{ "2026-07-02T09:00:00", INT64_C(1782997200000) },
	{ "2026-03-02T09:00:00.1Z", INT64_C(1772442000100) },
	{ "2026-03-02T09:00:00.1239999Z", INT64_C(1772442000123) },
	{ "2026-03-02T09:00:00+05:30", INT64_C(1772422200000) },
	{ "2026-03-02T09:00:00-0800", INT64_C(1772470800000) },
	{ "2026-03-02T23:59:60Z", RAMETI_TIME_NONE },
	{ "2026-03-02T9:00Z", RAMETI_TIME_NONE },
	{ "2026-13-01", RAMETI_TIME_NONE },
	{ "2026-00-01", RAMETI_TIME_NONE },
	{ "2026-01-00", RAMETI_TIME_NONE },
	{ "2026-01-32", RAMETI_TIME_NONE },
	{ "+275760-09-13T00:00:00.000Z", INT64_C(8640000000000000) },
	{ "+275760-09-13T00:00:00.001Z", RAMETI_TIME_NONE },
	{ "-271821-04-20T00:00:00.000Z", INT64_C(-8640000000000000) },
	{ "-271821-04-19T23:59:59.999Z", RAMETI_TIME_NONE },
	{ "-000000-01-01T00:00:00Z", RAMETI_TIME_NONE },
	{ "+000000-01-01", INT64_C(-62167219200000) },
	{ "0000-01-01T00:00:00Z", INT64_C(-62167219200000) },
	{ "2026-03-02t09:00:00z", INT64_C(1772442000000) },
	{ "2026-03-02T09:00:00Z ", RAMETI_TIME_NONE },
	{ "", RAMETI_TIME_NONE },
	{ "Z", RAMETI_TIME_NONE },
	{ "T", RAMETI_TIME_NONE },
	{ "Mar 2, 2026 10:00", INT64_C(1772463600000) },
	{ "Mon, 02 Mar 2026 10:00:00 GMT", INT64_C(1772445600000) },
	{ "Mon, 02 Mar 2026 10:00:00 -0500", INT64_C(1772463600000) },
	{ "2026/03/02", INT64_C(1772427600000) },
	{ "2026-03-02 10:00", INT64_C(1772463600000) },
	{ "2026-03-02 10:00:00.5Z", INT64_C(1772445600500) },
	{ "3/2/26", INT64_C(1772427600000) },
	{ "3/2/50", INT64_C(-625950000000) },
	{ "Mar 2", INT64_C(983509200000) },
	{ "2 March 2026 3:04 PM", INT64_C(1772481840000) },
	{ "12:30 am Mar 2 2026", INT64_C(1772429400000) },
	{ "Mon Mar 02 2026 10:00:00 GMT+0100 (Central European Time)", INT64_C(1772442000000) },
	{ "2026 Mar 2 EST", INT64_C(1772427600000) },
	{ "Mar 2 2026 (10:00", INT64_C(1772427600000) },
	{ "Mar 2 2026)", RAMETI_TIME_NONE },
	{ "foo 3 2 2026", INT64_C(1772427600000) },
	{ "3 foo 2026", RAMETI_TIME_NONE },
	{ "2026-3-2", INT64_C(1772427600000) },
	{ "1", INT64_C(978325200000) },
	{ "32", INT64_C(1956546000000) },
	{ "hello", RAMETI_TIME_NONE },
	{ "2026-03-08T02:30", INT64_C(1772955000000) },
	{ "2026-03-08 02:30", INT64_C(1772955000000) },
	{ "2026-11-01 01:30", INT64_C(1793511000000) },
	{ "Mar 2 2026 25:00", RAMETI_TIME_NONE },
	{ "2026\xc2\xa0" "Mar 2 UTC", INT64_C(1772409600000) },
	{ "2 Mar 2026 10:00 +1200724:00", INT64_C(1744806496000) },
	{ "Mar 2 2026 13:00 pm", RAMETI_TIME_NONE },
	{ "+999999-01-01T00:00:00Z", RAMETI_TIME_NONE },
	{ "Mar 2 2026 10:60", INT64_C(1772463600000) },
	{ "1:2:3:4000: Mar 2 2026", RAMETI_TIME_NONE },
	{ "Mar 2 2026 1:2:3:1000", INT64_C(1772431323000) },
	{ "1:: Mar 2 2026", INT64_C(1772344802000) },
	{ "1:2:: Mar 2 2026", RAMETI_TIME_NONE },
	{ "2 Mar 2026 10:00 +600000:00", RAMETI_TIME_NONE },
	{ "Mar 2 2026 +00:30 -1", RAMETI_TIME_NONE },
	{ "Mar 2 999999999", RAMETI_TIME_NONE },
	{ "2 Mar -400000", RAMETI_TIME_NONE },
	{ "Mar\xe2\x80\x80" "2 2026", INT64_C(1772427600000) },
	{ "Mar\xe2\x80\x8a" "2 2026", INT64_C(1772427600000) },
	{ "Mar\xe2\x80\x8b" "2 2026", INT64_C(1772427600000) },
	{ "Mar\xe2\x81\xb0" "2 2026", INT64_C(1772427600000) },
	{ "Mar\xe2\xbf\xba" "2 2026", INT64_C(1772427600000) },
	{ "Mar\xc2\xa1" "2 2026", INT64_C(1772427600000) },
	{ "\xe2\xba\x80 Mar 2 2026", INT64_C(1772427600000) },
	{ "\xc3\xa9 Mar 2 2026", INT64_C(1772427600000) },
	{ "\x0e Mar 2 2026", INT64_C(1772427600000) },
	{ "Mar 2 2026\t", INT64_C(1772427600000) },
	{ "Mar 2 2026\xc2", RAMETI_TIME_NONE },
	{ "Mar 2 2026\xe2\x80", RAMETI_TIME_NONE },
};

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);     /* needs no zone files */
	tzset();
	return 0;
}

static void time__parses_as_date_parse_does(void **state)
{
	size_t i;
	int64_t ms;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ms = rameti_time_parse(ramet_bytes_of(cases[i].text));
		if (ms != cases[i].ms)
			print_error("%s\n", cases[i].text);
		assert_true(ms == cases[i].ms);
	}
}

static void time__a_zero_byte_ends_the_text(void **state)
{
	struct ramet_bytes text = { "2026-03-02\0garbage", 18 }, none = { NULL, 0 };

	(void)state;
	assert_true(rameti_time_parse(text) == INT64_C(1772409600000));
	assert_true(rameti_time_parse(none) == RAMETI_TIME_NONE);
}

static void time__takes_time_in_proportion_to_the_text(void **state)
{
	size_t len = 4u << 20;
	char *text = malloc(len);
	struct ramet_bytes bytes = { text, len };

	(void)state;
	memset(text, '(', len);
	assert_true(rameti_time_parse(bytes) == RAMETI_TIME_NONE);
	memset(text, '9', len);
	assert_true(rameti_time_parse(bytes) == RAMETI_TIME_NONE);
	memset(text, 'x', len);
	assert_true(rameti_time_parse(bytes) == RAMETI_TIME_NONE);
	free(text);
}

static void time__formats_as_to_iso_string_does(void **state)
{
	static const struct { int64_t ms; const char *text; } want[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(1772442000123), "2026-03-02T09:00:00.123Z" },
		{ INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
		{ INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
		{ INT64_C(253402300800000), "+010000-01-01T00:00:00.000Z" },
		{ INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z" },
		{ INT64_C(-62167219200001), "-000001-12-31T23:59:59.999Z" },
		{ INT64_C(8640000000000000), "+275760-09-13T00:00:00.000Z" },
		{ INT64_C(-8640000000000000), "-271821-04-20T00:00:00.000Z" },
		{ INT64_C(8640000000000001), "" },
		{ RAMETI_TIME_NONE, "" },
		{ INT64_MAX, "" },
	};
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		rameti_time_format(want[i].ms, out);
		assert_string_equal(out, want[i].text);
	}
}

static void time__what_is_written_is_read_back(void **state)
{
	const int64_t last = INT64_C(8640000000000000);
	int64_t ms;
	char out[32];

	(void)state;
	for (ms = -last; ms <= last; ms += INT64_C(86399999) * 997) {
		rameti_time_format(ms, out);
		assert_true(rameti_time_parse(ramet_bytes_of(out)) == ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time__parses_as_date_parse_does),
		cmocka_unit_test(time__a_zero_byte_ends_the_text),
		cmocka_unit_test(time__takes_time_in_proportion_to_the_text),
		cmocka_unit_test(time__formats_as_to_iso_string_does),
		cmocka_unit_test(time__what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}

/* Tests of cli/age.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "cli/age.h"
#include "ramet/model.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOW INT64_C(1772445600000)               /* 2026-03-02T10:00:00Z */

static void assert_age(int64_t age_ms, const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(100);

	age_add(&out, NOW, NOW - age_ms);
	assert_string_equal(out.ptr, expected);
	ramet_buf_release(&out);
}

static void age__has_one_unit_and_rounds_down(void **state)
{
	(void)state;
	assert_age(0, "now");
	assert_age(MINUTE - 1, "now");
	assert_age(5 * MINUTE, "5m");
	assert_age(HOUR - 1, "59m");
	assert_age(3 * HOUR, "3h");
	assert_age(2 * DAY, "2d");
	assert_age(7 * DAY, "1w");
	assert_age(29 * DAY, "4w");
	assert_age(130 * DAY, "4mo");
	assert_age(364 * DAY, "12mo");
	assert_age(800 * DAY, "2y");
	assert_age(-1000, "now");
	assert_age(-3 * DAY, "+3d");
}

static void age__of_no_time_is_a_dash(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(100);

	(void)state;
	age_add(&out, NOW, RAMET_TIME_NONE);
	age_add_date(&out, RAMET_TIME_NONE);
	age_add_short_date(&out, RAMET_TIME_NONE);
	assert_string_equal(out.ptr, "--           ");
	ramet_buf_release(&out);
}

static void age__shows_dates_in_the_local_zone(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(100);

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	age_add_date(&out, NOW);
	ramet_buf_add_char(&out, ' ');
	age_add_short_date(&out, NOW);
	ramet_buf_add_char(&out, ' ');
	age_add_date(&out, -1);
	assert_string_equal(out.ptr, "2026-03-02 10:00:00 03-02 10:00 1969-12-31 23:59:59");
	ramet_buf_release(&out);
}

static void assert_figure(const char *expected, const char *kind, double n)
{
	struct ramet_buf out = RAMET_BUF_INIT(100);

	if (kind[0] == 's')
		age_add_size(&out, (uint64_t)n);
	else if (kind[0] == 'c')
		age_add_count(&out, n);
	else
		age_add_cost(&out, n);
	assert_string_equal(out.ptr, expected);
	ramet_buf_release(&out);
}

static void age__sizes_fit_six_cells(void **state)
{
	(void)state;
	assert_figure("0 B", "size", 0);
	assert_figure("999 B", "size", 999);
	assert_figure("1.0 kB", "size", 1000);
	assert_figure("10 kB", "size", 9990);
	assert_figure("1.0 MB", "size", 999600);
	assert_figure("142 MB", "size", 142011528);
	assert_figure("18 EB", "size", 18e18);
}

static void age__groups_digits(void **state)
{
	(void)state;
	assert_figure("0", "count", 0);
	assert_figure("999", "count", 999);
	assert_figure("1,234,567", "count", 1234567);
	assert_figure("-1,000", "count", -1000);
	assert_figure("1e+300", "count", 1e300);
	assert_figure("$0.00", "money", 0);
	assert_figure("$0.0042", "money", 0.0042);
	assert_figure("$1,234.50", "money", 1234.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(age__has_one_unit_and_rounds_down),
		cmocka_unit_test(age__of_no_time_is_a_dash),
		cmocka_unit_test(age__shows_dates_in_the_local_zone),
		cmocka_unit_test(age__sizes_fit_six_cells),
		cmocka_unit_test(age__groups_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

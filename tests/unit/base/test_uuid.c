/*
 * test_uuid.c - the two kinds of UUID.
 */
#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

static void check_form(const char *id, char version)
{
	size_t i;

	assert_int_equal(strlen(id), 36);
	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23)
			assert_int_equal(id[i], '-');
		else
			assert_non_null(strchr("0123456789abcdef", id[i]));
	assert_int_equal(id[14], version);
	assert_non_null(strchr("89ab", id[19]));
}

static void uuid4__has_the_form_and_differs(void **state)
{
	char a[37], b[37];

	(void)state;
	assert_int_equal(rameti_uuid4(NULL, a, NULL), 0);
	assert_int_equal(rameti_uuid4(NULL, b, NULL), 0);
	check_form(a, '4');
	check_form(b, '4');
	assert_string_not_equal(a, b);
}

static void uuid4__every_bit_but_six_is_random(void **state)
{
	struct failing_env fe;
	char id[37];

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.random_byte = 0xff;
	assert_int_equal(rameti_uuid4(&fe.env, id, NULL), 0);
	assert_string_equal(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	fe.random_byte = 0;
	assert_int_equal(rameti_uuid4(&fe.env, id, NULL), 0);
	assert_string_equal(id, "00000000-0000-4000-8000-000000000000");
}

static void uuid7__holds_time_and_counter(void **state)
{
	struct rameti_uuid7 g = { 0, 0, 0 };
	struct failing_env fe;
	char id[37];

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.now.tv_sec = 0x0123456789ab / 1000;
	fe.now.tv_nsec = 0x0123456789ab % 1000 * 1000000;
	fe.random_byte = 0;
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), 0);
	assert_string_equal(id, "01234567-89ab-7000-8000-000000000000");
	fe.random_byte = 0xff;
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), 0);
	assert_string_equal(id, "01234567-89ab-7000-8000-0003ffffffff");
	g.counter = (UINT64_C(1) << 41) - 2;
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), 0);
	assert_string_equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), 0);
	assert_string_equal(id, "01234567-89ac-7000-8000-0001ffffffff");
}

static void uuid7__never_goes_back(void **state)
{
	struct rameti_uuid7 g = { 0, 0, 0 };
	char before[37], id[37];
	struct failing_env fe;
	int i;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.now.tv_sec = 1000000;
	assert_int_equal(rameti_uuid7(&g, &fe.env, before, NULL), 0);
	check_form(before, '7');
	for (i = 0; i < 3000; i++) {
		fe.now.tv_sec += i % 7 - 3;      /* a clock that is set back and forth */
		if (i % 1000 == 500)
			g.counter = (UINT64_C(1) << 41) - 3;
		assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), 0);
		check_form(id, '7');
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(id));
	}
}

static void uuid__fails_without_clock_or_random(void **state)
{
	struct rameti_uuid7 g = { 0, 0, 0 };
	struct failing_env fe;
	char id[37] = "untouched";
	unsigned n;

	(void)state;
	for (n = 1; n <= 2; n++) {
		failing_env_init(&fe, n, EIO);
		assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), RAMET_EIO);
	}
	failing_env_init(&fe, 1, EIO);
	assert_int_equal(rameti_uuid4(&fe.env, id, NULL), RAMET_EIO);
	failing_env_init(&fe, 0, 0);
	fe.now.tv_sec = -5;
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), RAMET_EIO);
	fe.now.tv_sec = (time_t)1 << 40;                 /* too late for 48 bits of milliseconds */
	assert_int_equal(rameti_uuid7(&g, &fe.env, id, NULL), RAMET_EIO);
	assert_string_equal(id, "untouched");
	assert_int_equal(g.started, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuid4__has_the_form_and_differs),
		cmocka_unit_test(uuid4__every_bit_but_six_is_random),
		cmocka_unit_test(uuid7__holds_time_and_counter),
		cmocka_unit_test(uuid7__never_goes_back),
		cmocka_unit_test(uuid__fails_without_clock_or_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

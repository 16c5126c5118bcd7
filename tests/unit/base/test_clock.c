/*
 * test_clock.c - the present time and random bytes, with a clock and a source of the test's own.
 */
#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

static void clock__now_is_milliseconds(void **state)
{
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.now.tv_sec = 1772442000;
	fe.now.tv_nsec = 123999999;
	assert_true(rameti_now_ms(&fe.env) == INT64_C(1772442000123));
	fe.now.tv_sec = -1;
	fe.now.tv_nsec = 999000000;
	assert_true(rameti_now_ms(&fe.env) == -1);
	assert_true(rameti_now_ms(NULL) > INT64_C(1700000000000));
}

static void clock__a_broken_clock_gives_no_time(void **state)
{
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 1, EINVAL);
	assert_true(rameti_now_ms(&fe.env) == RAMETI_TIME_NONE);
}

static void random__fills_all_whatever_the_source_does(void **state)
{
	unsigned char bytes[20] = { 0 };
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.random_byte = 0xab;
	fe.longest = 3;
	fe.interrupt = 1;
	assert_int_equal(rameti_random(&fe.env, bytes, 19, NULL), 0);
	assert_int_equal(bytes[0], 0xab);
	assert_int_equal(bytes[18], 0xab);
	assert_int_equal(bytes[19], 0);
	assert_int_equal(rameti_random(NULL, bytes, 0, NULL), 0);
}

static void random__failure_is_an_error(void **state)
{
	struct ramet_error err;
	struct failing_env fe;
	char bytes[4];

	(void)state;
	failing_env_init(&fe, 1, ENOSYS);
	assert_int_equal(rameti_random(&fe.env, bytes, 4, &err), RAMET_EIO);
	assert_int_equal(err.sys, ENOSYS);
}

static ssize_t gives_nothing(void *user, void *to, size_t len)
{
	(void)user, (void)to, (void)len;
	return 0;
}

static void random__a_source_that_gives_nothing_is_an_error(void **state)
{
	struct ramet_error err;
	struct failing_env fe;
	char bytes[4];

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.env.getrandom = gives_nothing;
	assert_int_equal(rameti_random(&fe.env, bytes, 4, &err), RAMET_EIO);
	assert_int_equal(err.sys, EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock__now_is_milliseconds),
		cmocka_unit_test(clock__a_broken_clock_gives_no_time),
		cmocka_unit_test(random__fills_all_whatever_the_source_does),
		cmocka_unit_test(random__failure_is_an_error),
		cmocka_unit_test(random__a_source_that_gives_nothing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_buf.c - byte slices and the growing buffer.
 */
#include "ramet/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

static void bytes__compare_by_content(void **state)
{
	struct ramet_bytes none = { NULL, 0 }, zero = { "a\0b", 3 }, other = { "a\0c", 3 };

	(void)state;
	assert_true(ramet_bytes_eq(none, ramet_bytes_of("")));
	assert_true(ramet_bytes_is(none, ""));
	assert_true(ramet_bytes_is(ramet_bytes_of("abc"), "abc"));
	assert_false(ramet_bytes_is(ramet_bytes_of("abc"), "ab"));
	assert_false(ramet_bytes_is(zero, "a"));
	assert_false(ramet_bytes_eq(zero, other));
	assert_int_equal(ramet_bytes_of(NULL).len, 0);
}

static void buf__grows_and_stays_terminated(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(100000);
	int i;

	(void)state;
	assert_string_equal(ramet_buf_bytes(&b).ptr, "");
	for (i = 0; i < 10000; i++) {
		ramet_buf_add_char(&b, 'a');
		ramet_buf_add_str(&b, "bc");
		ramet_buf_addf(&b, "%d", i % 10);
		assert_int_equal(b.ptr[b.len], 0);
	}
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.ptr + 39996, "abc9", 5);
	ramet_buf_truncate(&b, 3);
	assert_string_equal(b.ptr, "abc");
	ramet_buf_release(&b);
	ramet_buf_add_str(&b, "again");
	assert_string_equal(b.ptr, "again");
	ramet_buf_release(&b);
}

static void buf__the_limit_is_exact_and_sticky(void **state)
{
	struct ramet_buf b;

	(void)state;
	ramet_buf_init(&b, 5);
	ramet_buf_add_str(&b, "abcde");
	assert_int_equal(ramet_buf_status(&b), 0);
	ramet_buf_add_str(&b, "");
	assert_int_equal(ramet_buf_status(&b), 0);
	ramet_buf_add_char(&b, 'f');
	assert_int_equal(ramet_buf_status(&b), RAMET_ELIMIT);
	assert_string_equal(b.ptr, "abcde");
	ramet_buf_truncate(&b, 1);
	ramet_buf_add_char(&b, 'b');
	ramet_buf_addf(&b, "%d", 1);
	assert_string_equal(b.ptr, "a");
	assert_null(ramet_buf_detach(&b, NULL));
	ramet_buf_reset(&b);
	assert_int_equal(ramet_buf_status(&b), 0);
	ramet_buf_addf(&b, "%s", "12345");
	assert_string_equal(b.ptr, "12345");
	ramet_buf_addf(&b, "%s", "6");
	assert_int_equal(ramet_buf_status(&b), RAMET_ELIMIT);
	assert_string_equal(b.ptr, "12345");
	ramet_buf_release(&b);
}

static void buf__a_limit_of_zero_holds_nothing(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(0);

	(void)state;
	ramet_buf_add_str(&b, "");
	assert_int_equal(ramet_buf_status(&b), 0);
	ramet_buf_add_char(&b, 'x');
	assert_int_equal(ramet_buf_status(&b), RAMET_ELIMIT);
	ramet_buf_release(&b);
}

static void buf__absurd_sizes_fail_cleanly(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX);

	(void)state;
	ramet_buf_add_str(&b, "abc");
	assert_int_equal(ramet_buf_reserve(&b, SIZE_MAX), RAMET_ELIMIT);
	ramet_buf_reset(&b);
	assert_int_equal(ramet_buf_reserve(&b, SIZE_MAX - 1), RAMET_ENOMEM);
	assert_int_equal(ramet_buf_reserve(&b, 1), RAMET_ENOMEM);
	ramet_buf_release(&b);
}

static void buf__detach_hands_over_the_memory(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(100);
	size_t len = 99;
	char *text;

	(void)state;
	text = ramet_buf_detach(&b, &len);
	assert_string_equal(text, "");
	assert_int_equal(len, 0);
	ramet_free(text);
	ramet_buf_add_str(&b, "abc");
	text = ramet_buf_detach(&b, &len);
	assert_string_equal(text, "abc");
	assert_int_equal(len, 3);
	assert_null(b.ptr);
	ramet_free(text);
	ramet_buf_release(&b);
}

static void buf__survives_every_failing_allocation(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	unsigned n = 0;
	int i, status;
	size_t len;

	(void)state;
	do {
		failing_memory_start(++n);
		for (i = 0; i < 50; i++)
			ramet_buf_addf(&b, "%s", "0123456789");
		status = ramet_buf_status(&b);
		len = b.len;
		if (b.ptr)
			assert_int_equal(strlen(b.ptr), len);
		ramet_buf_release(&b);
		assert_true(failing_memory_stop() ? status == RAMET_ENOMEM : status == 0);
		assert_int_equal(len % 10, 0);
	} while (status);
	assert_true(n > 3);
	assert_int_equal(len, 500);
}

static void buf__text_that_cannot_be_made_is_an_error(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(100);

	(void)state;
	ramet_buf_add_str(&b, "before");
	ramet_buf_addf(&b, "a %ls", L"\xd800");  /* no such character in the C locale */
	assert_int_equal(ramet_buf_status(&b), RAMET_EINVAL);
	assert_string_equal(b.ptr, "before");
	ramet_buf_release(&b);
	/* also without any room yet */
	ramet_buf_addf(&b, "%ls", L"\xd800");
	assert_int_equal(ramet_buf_status(&b), RAMET_EINVAL);
	assert_string_equal(ramet_buf_bytes(&b).ptr, "");
	ramet_buf_release(&b);
}

static void buf__without_a_limit_leaves_room_for_the_zero_byte(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX);

	(void)state;
	assert_int_equal(ramet_buf_reserve(&b, SIZE_MAX), RAMET_ENOMEM);
	ramet_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes__compare_by_content),
		cmocka_unit_test(buf__grows_and_stays_terminated),
		cmocka_unit_test(buf__the_limit_is_exact_and_sticky),
		cmocka_unit_test(buf__a_limit_of_zero_holds_nothing),
		cmocka_unit_test(buf__absurd_sizes_fail_cleanly),
		cmocka_unit_test(buf__detach_hands_over_the_memory),
		cmocka_unit_test(buf__survives_every_failing_allocation),
		cmocka_unit_test(buf__text_that_cannot_be_made_is_an_error),
		cmocka_unit_test(buf__without_a_limit_leaves_room_for_the_zero_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_alloc.c - the allocation hook.
 */
#include "ramet/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

static void alloc__zero_bytes_is_a_piece(void **state)
{
	void *p = ramet_alloc(0), *q = ramet_calloc(0, 8);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	ramet_free(p);
	ramet_free(q);
	ramet_free(NULL);
}

static void alloc__impossible_sizes_give_null(void **state)
{
	void *p = ramet_alloc(8);

	(void)state;
	assert_null(ramet_alloc(SIZE_MAX));
	assert_null(ramet_calloc(SIZE_MAX / 2, 4));
	assert_null(ramet_realloc(p, SIZE_MAX));
	ramet_free(p);
}

static void alloc__the_hook_sees_everything(void **state)
{
	char *p, *q;
	int i;

	(void)state;
	failing_memory_start(3);
	p = ramet_alloc(4);
	q = ramet_calloc(4, 4);
	for (i = 0; i < 16; i++)
		assert_int_equal(q[i], 0);
	assert_null(ramet_realloc(p, 8));
	ramet_free(p);
	ramet_free(q);
	assert_true(failing_memory_stop());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc__zero_bytes_is_a_piece),
		cmocka_unit_test(alloc__impossible_sizes_give_null),
		cmocka_unit_test(alloc__the_hook_sees_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

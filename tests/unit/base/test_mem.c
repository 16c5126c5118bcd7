/*
 * test_mem.c - sizes, arenas, growing arrays.
 */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

static void mem__sizes_saturate(void **state)
{
	(void)state;
	assert_int_equal(rameti_mul(3, 4), 12);
	assert_int_equal(rameti_mul(0, SIZE_MAX), 0);
	assert_true(rameti_mul(SIZE_MAX / 2, 3) == SIZE_MAX);
	assert_int_equal(rameti_add(3, 4), 7);
	assert_true(rameti_add(SIZE_MAX, 1) == SIZE_MAX);
}

static void arena__pieces_are_aligned_and_apart(void **state)
{
	struct rameti_arena a = RAMETI_ARENA_INIT(SIZE_MAX);
	unsigned char *pieces[500];
	size_t i, k, len;

	(void)state;
	for (i = 0; i < 500; i++) {
		len = i * i % 7001;
		pieces[i] = rameti_arena_alloc(&a, len);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)(i & 0xff), len);
	}
	for (i = 0; i < 500; i++)
		for (k = 0; k < i * i % 7001; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
	rameti_arena_release(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(rameti_arena_alloc(&a, 1));
	rameti_arena_release(&a);
}

static void arena__max_bounds_the_sum(void **state)
{
	struct rameti_arena a;

	(void)state;
	rameti_arena_init(&a, 64);
	assert_non_null(rameti_arena_alloc(&a, 17));
	assert_non_null(rameti_arena_alloc(&a, 32));
	assert_null(rameti_arena_alloc(&a, 1));
	assert_null(rameti_arena_alloc(&a, SIZE_MAX));
	rameti_arena_release(&a);
}

static void arena__dup_ends_in_a_zero_byte(void **state)
{
	struct rameti_arena a = RAMETI_ARENA_INIT(1000);
	struct ramet_bytes none = { NULL, 0 }, copy, text = { "abcdef", 3 };

	(void)state;
	copy = rameti_arena_dup(&a, text);
	assert_string_equal(copy.ptr, "abc");
	assert_int_equal(copy.len, 3);
	copy = rameti_arena_dup(&a, none);
	assert_string_equal(copy.ptr, "");
	text.len = 5000;
	assert_null(rameti_arena_dup(&a, text).ptr);
	rameti_arena_release(&a);
}

static void arena__survives_every_failing_allocation(void **state)
{
	struct rameti_arena a = RAMETI_ARENA_INIT(SIZE_MAX);
	unsigned n = 0, got, i;
	int failed;

	(void)state;
	do {
		failing_memory_start(++n);
		for (i = got = 0; i < 100; i++)
			got += rameti_arena_alloc(&a, 100) != NULL;
		rameti_arena_release(&a);
		failed = failing_memory_stop();
		assert_int_equal(got, failed ? 99 : 100);
	} while (failed);
	assert_true(n > 2);
}

static void grow__doubles_up_to_the_limit(void **state)
{
	uint64_t *items = NULL;
	uint32_t cap = 0, n;

	(void)state;
	for (n = 0; n < 100; n++) {
		assert_int_equal(rameti_grow((void **)&items, &cap, n, sizeof(*items), 100), 0);
		items[n] = n;
	}
	assert_int_equal(cap, 100);
	assert_int_equal(rameti_grow((void **)&items, &cap, n, sizeof(*items), 100), RAMET_ELIMIT);
	assert_int_equal(items[99], 99);
	assert_int_equal(rameti_grow((void **)&items, &cap, n, SIZE_MAX / 4, UINT32_MAX),
			 RAMET_ENOMEM);
	assert_int_equal(cap, 100);
	ramet_free(items);
}

static void grow__a_size_that_cannot_be_doubled_is_the_largest(void **state)
{
	uint32_t cap = UINT32_MAX / 2 + 1;
	void *items = NULL;

	(void)state;
	assert_true(rameti_mul(5, 0) == 0);
	failing_memory_start(1);
	assert_int_equal(rameti_grow(&items, &cap, cap, 1, UINT32_MAX), RAMET_ENOMEM);
	assert_int_equal(failing_memory_stop(), 1);
	assert_null(items);
	assert_true(cap == UINT32_MAX / 2 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mem__sizes_saturate),
		cmocka_unit_test(arena__pieces_are_aligned_and_apart),
		cmocka_unit_test(arena__max_bounds_the_sum),
		cmocka_unit_test(arena__dup_ends_in_a_zero_byte),
		cmocka_unit_test(arena__survives_every_failing_allocation),
		cmocka_unit_test(grow__doubles_up_to_the_limit),
		cmocka_unit_test(grow__a_size_that_cannot_be_doubled_is_the_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

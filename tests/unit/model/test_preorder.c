/*
 * preorder.c: children by time, as a stable JavaScript sort orders them, roots in file order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/tree.h"

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json, (void)err;
	return RAMET_EINVAL;
}

static void add(struct ramet_tree *t, const char *id, const char *parent, int64_t time_ms)
{
	struct ramet_row row;

	memset(&row, 0, sizeof(row));
	row.time_ms = time_ms;
	row.flags = parent ? RAMET_ROW_HAS_PARENT : 0;
	assert_int_equal(rameti_tree_add(t, &row, ramet_bytes_of(id),
					 ramet_bytes_of(parent ? parent : ""), NULL),
			 0);
}

/* A root with these children; expects them in this order of their places. */
static void expect_order(const int64_t *times, const uint32_t *order, uint32_t n)
{
	struct ramet_nodes nodes = RAMET_NODES_INIT;
	struct ramet_tree *t;
	char id[16];
	uint32_t i;

	assert_int_equal(rameti_tree_new(&t, 1, no_entry, NULL, NULL), 0);
	add(t, "root", NULL, 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "c%u", (unsigned)i);
		add(t, id, "root", times[i]);
	}
	assert_int_equal(ramet_tree_preorder(t, &nodes, NULL), 0);
	assert_int_equal(nodes.n, n + 1);
	assert_int_equal(nodes.items[0].n_children, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(nodes.items[i + 1].row, order[i] + 1);
		assert_int_equal(nodes.items[i + 1].depth, 1);
	}
	ramet_nodes_release(&nodes);
	rameti_tree_free(t);
}

static void preorder__sorts_children_by_time(void **state)
{
	static const int64_t times[] = { 5, 3, 4, 3, 9, -1 };
	static const uint32_t order[] = { 5, 1, 3, 2, 0, 4 };
	static const int64_t falling[] = { 5, 4, 3, 2, 1 };
	static const uint32_t turned[] = { 4, 3, 2, 1, 0 };

	(void)state;
	expect_order(times, order, 6);
	expect_order(falling, turned, 5);
}

/* What node's [].sort gives for (a, b) => a - b with NaN at the marked places. */
static void preorder__treats_unreadable_times_as_javascript_does(void **state)
{
	static const int64_t a[] = { 3, RAMET_TIME_NONE, 1 };
	static const uint32_t a_order[] = { 0, 1, 2 };
	static const int64_t b[] = { 3, 1, RAMET_TIME_NONE, 2, 0 };
	static const uint32_t b_order[] = { 4, 1, 3, 0, 2 };

	(void)state;
	expect_order(a, a_order, 3);
	expect_order(b, b_order, 5);
}

static void preorder__sorts_many_children_stably(void **state)
{
	int64_t times[1000];
	uint32_t order[1000], i, k, n = 0;

	(void)state;
	for (i = 0; i < 1000; i++)
		times[i] = (int64_t)(i * 7919 % 13);
	for (k = 0; k < 13; k++)
		for (i = 0; i < 1000; i++)
			if (times[i] == (int64_t)k)
				order[n++] = i;
	expect_order(times, order, 1000);
}

static void preorder__keeps_roots_in_file_order(void **state)
{
	struct ramet_nodes nodes = RAMET_NODES_INIT;
	struct ramet_tree *t;

	(void)state;
	assert_int_equal(rameti_tree_new(&t, 1, no_entry, NULL, NULL), 0);
	add(t, "b", NULL, 9);
	add(t, "a", NULL, 1);
	add(t, "a1", "a", 2);
	add(t, "b1", "b", 1);
	add(t, "lost", "nobody", 0);
	assert_int_equal(ramet_tree_preorder(t, &nodes, NULL), 0);
	assert_int_equal(nodes.n, 5);
	assert_int_equal(nodes.items[0].row, 0);
	assert_int_equal(nodes.items[1].row, 3);
	assert_int_equal(nodes.items[2].row, 1);
	assert_int_equal(nodes.items[3].row, 2);
	assert_int_equal(nodes.items[4].row, 4);
	assert_int_equal(nodes.items[4].parent, RAMET_NONE);
	ramet_nodes_release(&nodes);
	rameti_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preorder__sorts_children_by_time),
		cmocka_unit_test(preorder__treats_unreadable_times_as_javascript_does),
		cmocka_unit_test(preorder__sorts_many_children_stably),
		cmocka_unit_test(preorder__keeps_roots_in_file_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

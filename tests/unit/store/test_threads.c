/*
 * A session shared by threads: each append is whole, none is lost, each entry is the child of the
 * one before it; who reads under the lock sees a session that holds together. Also a test for the
 * thread sanitizer.
 */
#include "temp_dir.h"
#include "written.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITERS 4
#define EACH 200

static char *dir;
static struct ramet_session *s;
static char ids[WRITERS][EACH][RAMET_ID_SIZE];
static atomic_int failures, done;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	failures = done = 0;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

/* Asserts belong to the main thread: the others count. */
static void *write_many(void *user)
{
	unsigned i, writer = *(unsigned *)user;
	char text[96];

	for (i = 0; i < EACH; i++) {
		int n = snprintf(text, sizeof(text), "{\"role\":\"user\",\"content\":\"%u-%u\"}",
				 writer, i);

		if (ramet_session_append_message(s, (struct ramet_bytes){ text, (size_t)n },
						 ids[writer][i], NULL) < 0)
			failures++;
	}
	return NULL;
}

static int reads_well(void)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 20);
	struct ramet_context *c = NULL;
	struct ramet_bytes json;
	uint32_t n = ramet_tree_count(t), leaf = ramet_session_leaf(s);
	int fine = n == 0 || leaf == n - 1;

	if (fine && n > 0) {
		fine = ramet_tree_entry(t, leaf, &scratch, &json, NULL) == 0 &&
		       ramet_tree_find(t, ramet_tree_id(t, leaf)) == leaf &&
		       ramet_context_new(&c, t, leaf, NULL) == 0 && c->n_messages == n;
		ramet_context_free(c);
	}
	ramet_buf_release(&scratch);
	return fine;
}

static void *read_often(void *user)
{
	(void)user;
	while (!done) {
		ramet_session_lock(s);
		if (!reads_well())
			failures++;
		ramet_session_unlock(s);
	}
	return NULL;
}

static void run_writers(void)
{
	pthread_t writers[WRITERS], reader;
	static unsigned numbers[WRITERS] = { 0, 1, 2, 3 };
	unsigned i;

	assert_int_equal(pthread_create(&reader, NULL, read_often, NULL), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_many, &numbers[i]), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
	done = 1;
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(failures, 0);
}

/* All are there once, each the child of the one before, each writer's in its order. */
static void all_in_one_chain(void)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t i, j, row, last;
	char text[64];

	assert_int_equal(ramet_tree_count(t), WRITERS * EACH);
	for (i = 0; i < WRITERS * EACH; i++)
		assert_int_equal(ramet_tree_row(t, i)->parent, i ? i - 1 : RAMET_NONE);
	for (i = 0; i < WRITERS; i++)
		for (j = 0, last = 0; j < EACH; j++) {
			row = row_of(s, ids[i][j]);
			assert_true(j == 0 || row > last);
			last = row;
			(void)snprintf(text, sizeof(text), "\"%u-%u\"", i, j);
			assert_non_null(strstr(entry_of(s, row).ptr, text));
		}
}

static void threads__lose_nothing_in_a_file(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir, .level = RAMET_LEVEL_NONE };

	(void)state;
	must(ramet_session_create(&s, "/w", &opts, &why));
	run_writers();
	all_in_one_chain();
	assert_reopens_same(s);
}

static void threads__lose_nothing_in_memory(void **state)
{
	(void)state;
	must(ramet_session_create_memory(&s, "/w", raw(""), NULL, &why));
	run_writers();
	all_in_one_chain();
}

static void threads__the_lock_may_be_taken_again(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir };

	(void)state;
	must(ramet_session_create(&s, "/w", &opts, &why));
	ramet_session_lock(s);
	ramet_session_lock(s);
	must(ramet_session_append_message(s, js(U("x")), NULL, &why));
	must(ramet_session_branch(s, 0, &why));
	must(ramet_session_append_message(s, js(A("y")), NULL, &why));
	(void)must(ramet_session_refresh(s, &why));
	ramet_session_unlock(s);
	ramet_session_unlock(s);
	assert_reopens_same(s);
}

static void *move_and_append(void *user)
{
	const struct ramet_bytes message = { "{\"role\":\"user\",\"content\":\"x\"}", 29 };
	uint32_t count;
	unsigned i;

	(void)user;
	for (i = 0; i < EACH; i++) {
		ramet_session_lock(s);
		count = ramet_tree_count(ramet_session_tree(s));
		if (ramet_session_branch(s, 0, NULL) < 0 ||
		    ramet_session_append_message(s, message, NULL, NULL) < 0 ||
		    ramet_tree_row(ramet_session_tree(s), count)->parent != 0)
			failures++;
		ramet_session_unlock(s);
	}
	return NULL;
}

static void threads__what_is_done_under_the_lock_is_one_step(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir, .level = RAMET_LEVEL_NONE };
	pthread_t threads[WRITERS];
	unsigned i;

	(void)state;
	must(ramet_session_create(&s, "/w", &opts, &why));
	must(ramet_session_append_message(s, js(U("root")), NULL, &why));
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, move_and_append, NULL), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(failures, 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1 + WRITERS * EACH);
	assert_reopens_same(s);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(threads__lose_nothing_in_a_file),
		IN_DIR(threads__lose_nothing_in_memory),
		IN_DIR(threads__the_lock_may_be_taken_again),
		IN_DIR(threads__what_is_done_under_the_lock_is_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

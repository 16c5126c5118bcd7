/*
 * view.c: a session is exported while another thread appends to it; each export is the whole of
 * what was there at some moment, and the writer waits for none.
 */
#include "given.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../store/temp_dir.h"

#define ENTRIES 400

static char *dir;
static struct ramet_session *s;
static atomic_int failures, done;

static int make(void **state)
{
	(void)state;
	dir = temp_dir_new();
	failures = done = 0;
	return 0;
}

static int drop(void **state)
{
	(void)state;
	ramet_session_close(s);
	s = NULL;
	temp_dir_remove(dir);
	return 0;
}

static void open_file(void)
{
	struct ramet_create_opts opts = { .dir = dir, .write_now = 1, .level = RAMET_LEVEL_NONE };
	struct ramet_error err = { 0 };

	if (ramet_session_create(&s, "/w", &opts, &err) < 0)
		fail_msg("%s", err.text);
}

static int append(unsigned n)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "{\"role\":\"user\",\"content\":\"%u\"}", n);

	return ramet_session_append_message(s, (struct ramet_bytes){ text, (size_t)len }, NULL,
					    NULL);
}

static void *write_many(void *user)
{
	(void)user;
	for (unsigned i = 0; i < ENTRIES; i++)
		failures += append(i) < 0;
	done = 1;
	return NULL;
}

static int add(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	(void)err;
	ramet_buf_add(user, bytes);
	return ramet_buf_status(user);
}

/* What comes out has all messages from the first on, without a gap; how many. */
static unsigned export_view(struct ramet_buf *out)
{
	struct ramet_session *view = NULL;
	struct ramet_error err = { 0 };
	const char *at;
	unsigned n = 0, found;
	uint32_t leaf;

	if (ramet_session_view(&view, s, &err) < 0)
		fail_msg("%s", err.text);
	ramet_buf_reset(out);
	if (ramet_export_jsonl_to(view, ramet_session_leaf(view), 0, add, out, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(out->ptr[out->len - 1], '\n');
	for (at = out->ptr; (at = strstr(at, "\"content\":\"")) != NULL; at += 11, n++)
		if (sscanf(at + 11, "%u", &found) != 1 || found != n)
			fail_msg("message %u stands where %u should", found, n);
	leaf = ramet_session_leaf(view);
	if (leaf != RAMET_NONE)
		assert_int_equal(n, ramet_tree_row(ramet_session_tree(view), leaf)->depth + 1);
	else
		assert_int_equal(n, 0);
	ramet_session_close(view);
	return n;
}

static void view__is_a_prefix_while_another_thread_appends(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 24);
	unsigned n = 0, before = 0;
	pthread_t writer;

	(void)state;
	open_file();
	assert_int_equal(pthread_create(&writer, NULL, write_many, NULL), 0);
	while (!done) {
		n = export_view(&out);
		assert_true(n >= before);
		before = n;
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(failures, 0);
	assert_int_equal(export_view(&out), ENTRIES);
	ramet_buf_release(&out);
}

/* A handle that is open stays what it was, whatever others append. */
static void view__stays_as_it_was(void **state)
{
	struct ramet_buf before = RAMET_BUF_INIT(1u << 20), after = RAMET_BUF_INIT(1u << 20);
	struct ramet_session *view = NULL;

	(void)state;
	open_file();
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(append(i), 0);
	assert_int_equal(ramet_session_branch(s, 10, NULL), 0);
	assert_int_equal(ramet_session_view(&view, s, NULL), 0);
	assert_int_equal(ramet_session_leaf(view), 10);
	assert_int_equal(ramet_export_jsonl(view, 10, 0, &before, NULL), 0);
	for (unsigned i = 20; i < 40; i++)
		assert_int_equal(append(i), 0);
	assert_int_equal(ramet_export_jsonl(view, 10, 0, &after, NULL), 0);
	assert_string_equal(before.ptr, after.ptr);
	ramet_session_close(view);
	ramet_buf_release(&before);
	ramet_buf_release(&after);
}

static void view__of_a_session_in_memory_is_a_copy(void **state)
{
	struct ramet_session *view = NULL;

	(void)state;
	s = given(HEADER USER("u1", "null", "01:00.000", "0") USER("u2", "'u1'", "02:00.000", "1"));
	assert_int_equal(ramet_session_branch(s, 0, NULL), 0);
	assert_int_equal(ramet_session_view(&view, s, NULL), 0);
	assert_int_equal(ramet_session_leaf(view), 0);
	assert_int_equal(append(2), 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(view)), 2);
	ramet_session_close(view);
	assert_int_equal(ramet_session_branch(s, RAMET_NONE, NULL), 0);
	assert_int_equal(ramet_session_view(&view, s, NULL), 0);
	assert_int_equal(ramet_session_leaf(view), RAMET_NONE);
	ramet_session_close(view);
}

/* Version 1 in memory: the copy has the ids that were made. */
static void view__of_an_old_session_has_its_ids(void **state)
{
	struct ramet_session *view = NULL;

	(void)state;
	s = given("{'type':'session','id':'s1','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
		  "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z',"
		  "'message':{'role':'user','content':'0'}}\n");
	assert_int_equal(ramet_session_view(&view, s, NULL), 0);
	assert_true(ramet_bytes_eq(ramet_tree_id(ramet_session_tree(view), 0),
				   ramet_tree_id(ramet_session_tree(s), 0)));
	ramet_session_close(view);
}

static void view__of_a_file_that_is_gone(void **state)
{
	struct ramet_session *view = NULL;
	struct ramet_error err = { 0 };

	(void)state;
	open_file();
	assert_int_equal(append(0), 0);
	assert_int_equal(remove(ramet_session_path(s)), 0);
	assert_int_equal(ramet_session_view(&view, s, &err), RAMET_ENOTFOUND);
	assert_null(view);
}

/* ---- pieces ---- */

struct counting {
	unsigned calls, fail_at;
	size_t largest;
};

static int count(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	struct counting *c = user;

	if (err)
		err->code = RAMET_EIO;
	if (c->largest < bytes.len)
		c->largest = bytes.len;
	return ++c->calls == c->fail_at ? RAMET_EIO : 0;
}

static void export__comes_in_pieces(void **state)
{
	static char text[20000];
	struct counting c = { 0, 0, 0 }, fails = { 0, 2, 0 };
	char message[20100];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	open_file();
	(void)snprintf(message, sizeof(message), "{\"role\":\"user\",\"content\":\"%s\"}", text);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(ramet_session_append_message(s, ramet_bytes_of(message), NULL,
							      NULL),
				 0);
	assert_int_equal(ramet_export_jsonl_to(s, ramet_session_leaf(s), 0, count, &c, NULL), 0);
	assert_true(c.calls > 4);
	assert_true(c.largest < 100000);
	assert_int_equal(ramet_export_jsonl_to(s, ramet_session_leaf(s), 0, count, &fails, NULL),
			 RAMET_EIO);
	assert_int_equal(fails.calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(view__is_a_prefix_while_another_thread_appends,
						make, drop),
		cmocka_unit_test_setup_teardown(view__stays_as_it_was, make, drop),
		cmocka_unit_test_setup_teardown(view__of_a_session_in_memory_is_a_copy, make, drop),
		cmocka_unit_test_setup_teardown(view__of_an_old_session_has_its_ids, make, drop),
		cmocka_unit_test_setup_teardown(view__of_a_file_that_is_gone, make, drop),
		cmocka_unit_test_setup_teardown(export__comes_in_pieces, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

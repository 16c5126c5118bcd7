/*
 * recover.c: after a sync that failed nothing more is acknowledged until the whole file has been
 * written anew. What was acknowledged is in the new file, whatever fails on the way.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TALK HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))

static char *dir;
static const char *path;
static struct ramet_session *s;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

/* A handle whose last append is in doubt. */
static void given_doubt(void)
{
	const struct faults f = { .kind = FAULT_FDATASYNC, .n = 1, .sys = EIO };

	ramet_session_close(s);
	s = NULL;
	put(path, TALK);
	must(ramet_session_open(&s, path, NULL, &why));
	must(ramet_session_append_message(s, js(U("kept")), NULL, &why));
	faults_start(&f);
	refused(ramet_session_append_message(s, js(A("doubtful")), NULL, &why), RAMET_EUNKNOWN);
	(void)faults_stop();
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 3);
}

static void recover__writes_the_file_anew_and_goes_on(void **state)
{
	struct stat before, after;
	struct ramet_bytes text;

	(void)state;
	given_doubt();
	refused(ramet_session_append_message(s, js(U("not yet")), NULL, &why), RAMET_EUNKNOWN);
	text = bytes_of(path);
	assert_int_equal(stat(path, &before), 0);
	must(ramet_session_recover(s, &why));
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_true(ramet_bytes_eq(bytes_of(path), text));
	assert_string_equal(names_in(dir), "s.jsonl");
	/* the entry that nobody knew of is there, and shown */
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 4);
	must(ramet_session_append_message(s, js(U("on")), NULL, &why));
	assert_reopens_same(s);
}

static void recover__does_nothing_without_doubt(void **state)
{
	struct stat before, after;

	(void)state;
	put(path, TALK);
	must(ramet_session_open(&s, path, NULL, &why));
	assert_int_equal(stat(path, &before), 0);
	must(ramet_session_recover(s, &why));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void recover__keeps_what_others_appended(void **state)
{
	(void)state;
	given_doubt();
	add_to(path, MESSAGE("b1", "'a1'", U("theirs")));
	must(ramet_session_recover(s, &why));
	(void)row_of(s, "b1");
	must(ramet_session_append_message(s, js(U("on")), NULL, &why));
	assert_reopens_same(s);
}

static void recover__refuses_a_line_that_is_not_what_was_acknowledged(void **state)
{
	struct ramet_bytes text;
	char *copy, *at;
	size_t len;

	(void)state;
	given_doubt();
	text = bytes_of(path);
	copy = strndup(text.ptr, text.len);
	len = text.len;
	at = strstr(copy, "kept");
	memcpy(at, "lost", 4);
	put_bytes(path, (struct ramet_bytes){ copy, len });
	refused(ramet_session_recover(s, &why), RAMET_ECONFLICT);
	assert_true(ramet_bytes_eq(bytes_of(path), (struct ramet_bytes){ copy, len }));
	free(copy);
	refused(ramet_session_append_message(s, js(U("x")), NULL, &why), RAMET_EUNKNOWN);
}

static void recover__old_or_new_whatever_fails(void **state)
{
	unsigned n;
	int kind, reached, r;

	(void)state;
	for (kind = 0; kind < FAULT_KINDS; kind++) {
		if (kind == FAULT_CLOSE || kind == FAULT_UNLINK)
			continue;                            /* nothing depends on them */
		for (n = 1, reached = 1; reached && n < 60; n++) {
			const struct faults f = { .kind = kind, .n = n, .sys = EIO };
			struct ramet_bytes text;

			given_doubt();
			text = bytes_of(path);
			faults_start(&f);
			r = ramet_session_recover(s, &why);
			reached = faults_stop();
			assert_true(ramet_bytes_eq(bytes_of(path), text));
			assert_string_equal(names_in(dir), "s.jsonl");
			if (r < 0) {
				assert_int_equal(why.code, r);
				(void)ramet_session_recover(s, &why);
			}
			if (ramet_session_append_message(s, js(U("on")), NULL, &why) == 0)
				assert_reopens_same(s);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		TEST(recover__writes_the_file_anew_and_goes_on),
		TEST(recover__does_nothing_without_doubt),
		TEST(recover__keeps_what_others_appended),
		TEST(recover__refuses_a_line_that_is_not_what_was_acknowledged),
		TEST(recover__old_or_new_whatever_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

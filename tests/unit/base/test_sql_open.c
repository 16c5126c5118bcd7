/*
 * test_sql_open.c - which files a database is made of or opened from, whatever their names, and
 * what is there when making one fails.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/sql.h"
#include "failing.h"
#include "scratch.h"

static struct ramet_error why;

static struct rameti_sql *opened(const char *path, unsigned flags)
{
	struct rameti_sql *s = NULL;

	if (rameti_sql_open(&s, path, flags, 0, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

/* A database with one row. */
static struct rameti_sql *fresh(const char *name)
{
	const char *path = scratch_path(name);
	struct rameti_sql *s;

	(void)unlink(path);
	s = opened(path, RAMETI_SQL_CREATE);
	assert_int_equal(rameti_sql_exec(s, "CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (7)",
					 &why),
			 0);
	return s;
}

static int64_t number(struct rameti_sql *s, const char *text)
{
	int64_t n = -1;

	if (rameti_sql_number(s, text, &n, &why) < 0)
		fail_msg("%s", why.text);
	return n;
}

static void open__refuses_what_is_no_file(void **state)
{
	struct rameti_sql *s = NULL;
	const char *fifo = scratch_path("fifo");

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(rameti_sql_open(&s, scratch_path(""), RAMETI_SQL_READ, 0, &why),
			 RAMET_EFORMAT);
	assert_string_equal(why.text, "is a directory");
	assert_int_equal(rameti_sql_open(&s, fifo, RAMETI_SQL_CREATE, 0, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "is not a regular file");
	assert_int_equal(rameti_sql_open(&s, scratch_path("none"), RAMETI_SQL_WRITE, 0, &why),
			 RAMET_ENOTFOUND);
	assert_int_equal(access(scratch_path("none"), F_OK), -1);
	assert_int_equal(unlink(fifo), 0);
}

static void open__takes_any_name_for_a_file(void **state)
{
	static const char *const names[] = { "a b?c#d%20", "\xc3\xa9;~[z]", ":memory:", "Q_-.9" };
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rameti_sql *s = fresh(names[i]);

		assert_int_equal(stat(scratch_path(names[i]), &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_true(st.st_size > 0);
		assert_int_equal(number(s, "SELECT a FROM t"), 7);
		assert_string_equal(rameti_sql_path(s), scratch_path(names[i]));
		rameti_sql_close(s);
	}
}

static void open__finds_a_relative_name(void **state)
{
	char here[4096];
	struct rameti_sql *s = NULL;

	(void)state;
	rameti_sql_close(fresh("relative"));
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(scratch_path("")), 0);
	assert_int_equal(rameti_sql_open(&s, "relative", RAMETI_SQL_READ, UINT32_MAX, &why), 0);
	assert_int_equal(number(s, "SELECT a FROM t"), 7);
	rameti_sql_close(s);
	assert_int_equal(chdir(here), 0);
}

static int rival_rename_new(void *user, const char *from, const char *to)
{
	(void)user;
	(void)from;
	(void)scratch_file(strrchr(to, '/') + 1, "", 0);
	errno = EEXIST;
	return -1;
}

static int rival_linkat(void *user, int from_dir, const char *from, int to_dir, const char *to,
			int flags)
{
	(void)from_dir;
	(void)to_dir;
	(void)flags;
	return rival_rename_new(user, from, to);
}

static void create__takes_the_file_of_one_who_was_faster(void **state)
{
	struct rameti_env rival = *rameti_env_posix();
	struct rameti_sql *s;

	(void)state;
	rival.rename_new = rival_rename_new;
	rival.linkat = rival_linkat;
	rameti_env_use(&rival);
	s = opened(scratch_path("raced"), RAMETI_SQL_CREATE);
	rameti_env_use(NULL);
	assert_int_equal(number(s, "SELECT count(*) FROM sqlite_master"), 0);
	rameti_sql_close(s);
}

static void create__survives_every_failing_call(void **state)
{
	struct failing_env f;
	struct rameti_sql *s;
	unsigned n;
	int r;

	(void)state;
	for (n = 1;; n++) {
		const char *path = scratch_path("created");

		(void)unlink(path);
		failing_env_init(&f, n, EIO);
		rameti_env_use(&f.env);
		s = NULL;
		r = rameti_sql_open(&s, path, RAMETI_SQL_CREATE, 0, &why);
		rameti_env_use(NULL);
		assert_true(!r == (s != NULL));
		if (r < 0)                       /* UNKNOWN: the directory may have it or not */
			assert_true(r == RAMET_EIO || r == RAMET_EUNKNOWN);
		rameti_sql_close(s);
		s = opened(path, RAMETI_SQL_CREATE);
		assert_int_equal(number(s, "SELECT count(*) FROM sqlite_master"), 0);
		rameti_sql_close(s);
		if (f.calls < n)
			break;
	}
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__refuses_what_is_no_file),
		cmocka_unit_test(open__takes_any_name_for_a_file),
		cmocka_unit_test(open__finds_a_relative_name),
		cmocka_unit_test(create__takes_the_file_of_one_who_was_faster),
		cmocka_unit_test(create__survives_every_failing_call),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

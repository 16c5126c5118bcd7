/*
 * test_sql_read.c - reading a database that is written meanwhile, replaced, or cannot be looked at:
 * what counts is one reading of one state, and nothing is left beside the file.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/sql.h"
#include "failing.h"
#include "scratch.h"

static struct ramet_error why;

/* ---- a file system that says what it is told to ---- */

static struct {
	struct rameti_env env;
	unsigned calls;                          /* of stat for the database itself */
	unsigned from;                           /* the call from which on what follows holds */
	struct stat add;                         /* what is added to what is true */
	int64_t age_ms;                          /* how long ago it was changed; -1: as it is */
	int fails, naps;
	const char *beside;                      /* the file beside it that now has content */
} fake;

static int ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && !strcmp(path + n - m, end);
}

static int fake_stat(void *user, const char *path, struct stat *st)
{
	struct timespec now;
	int r = rameti_env_posix()->stat(NULL, path, st);
	int beside = ends_with(path, "-wal") || ends_with(path, "-journal");

	(void)user;
	if (beside) {
		if (fake.beside && fake.calls >= fake.from && ends_with(path, fake.beside)) {
			memset(st, 0, sizeof(*st));
			st->st_size = 1;
			return 0;
		}
		return r;
	}
	fake.calls++;
	if (!r && fake.age_ms >= 0) {
		assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
		st->st_mtim = now;
		st->st_mtim.tv_sec -= fake.age_ms / 1000;
	}
	if (fake.calls < fake.from)
		return r;
	if (fake.fails) {
		errno = EIO;
		return -1;
	}
	st->st_dev += fake.add.st_dev;
	st->st_ino += fake.add.st_ino;
	st->st_size += fake.add.st_size;
	st->st_mtim.tv_sec += fake.add.st_mtim.tv_sec;
	st->st_mtim.tv_nsec += fake.add.st_mtim.tv_nsec;
	st->st_ctim.tv_sec += fake.add.st_ctim.tv_sec;
	st->st_ctim.tv_nsec += fake.add.st_ctim.tv_nsec;
	return r;
}

static int fake_nap(void *user, const struct timespec *ts)
{
	(void)user;
	(void)ts;
	fake.naps++;
	return 0;
}

static void pretend(unsigned from)
{
	memset(&fake, 0, sizeof(fake));
	fake.env = *rameti_env_posix();
	fake.env.stat = fake_stat;
	fake.env.nanosleep = fake_nap;
	fake.from = from;
	fake.age_ms = -1;
	rameti_env_use(&fake.env);
}

/* ---- readings ---- */

struct reading {
	int calls, result;
	int64_t rows;
};

static int count_rows(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct reading *g = user;
	int r = rameti_sql_number(db, "SELECT count(*) FROM t", &g->rows, err);

	g->calls++;
	if (!r && g->result)
		r = rameti_fail(err, g->result, "not today");
	return r;
}

static int reading(const char *name, struct reading *g, int result)
{
	memset(g, 0, sizeof(*g));
	g->result = result;
	memset(&why, 0, sizeof(why));
	return rameti_sql_read(scratch_path(name), 0, count_rows, g, &why);
}

/* A database in WAL mode with n rows, with nothing beside it; it was changed long ago. */
static const char *database(const char *name, int n)
{
	const struct timespec old[2] = { { 1700000000, 0 }, { 1700000000, 5 } };
	const char *path = scratch_path(name);
	struct rameti_sql *s;

	(void)unlink(path);
	assert_int_equal(rameti_sql_open(&s, path, RAMETI_SQL_CREATE, 0, &why), 0);
	assert_int_equal(rameti_sql_use_wal(s, &why), 0);
	assert_int_equal(rameti_sql_exec(s, "CREATE TABLE t (a)", &why), 0);
	while (n--)
		assert_int_equal(rameti_sql_exec(s, "INSERT INTO t VALUES (1)", &why), 0);
	rameti_sql_close(s);
	assert_int_equal(utimensat(-1, path, old, 0), 0);
	return path;
}

static int is_there(const char *name)
{
	return access(scratch_path(name), F_OK) == 0;
}

static void read__leaves_nothing_beside_a_quiet_file(void **state)
{
	struct reading g;

	(void)state;
	database("quiet", 3);
	assert_int_equal(reading("quiet", &g, 0), 0);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.rows, 3);
	assert_false(is_there("quiet-wal") || is_there("quiet-shm"));
	assert_int_equal(reading("quiet", &g, RAMET_ECANCELED), RAMET_ECANCELED);
	assert_int_equal(g.calls, 1);
	assert_string_equal(why.text, "not today");
	assert_int_equal(rameti_sql_read(scratch_path("quiet"), 0, count_rows, &g, NULL),
			 RAMET_ECANCELED);
	assert_int_equal(reading("none", &g, 0), RAMET_ENOTFOUND);
	assert_int_equal(g.calls, 0);
}

static void read__waits_for_the_clock_of_a_fresh_file(void **state)
{
	struct reading g;

	(void)state;
	database("fresh", 2);
	pretend(UINT32_MAX);
	fake.age_ms = 0;
	assert_int_equal(reading("fresh", &g, 0), 0);
	assert_int_equal(g.rows, 2);
	assert_true(fake.naps > 0);
	/* of tomorrow: nothing to wait for */
	pretend(1);
	fake.add.st_mtim.tv_sec = 1000000000;
	assert_int_equal(reading("fresh", &g, 0), 0);
	assert_int_equal(fake.naps, 0);
	/* of a time that no clock will ever show */
	pretend(1);
	fake.add.st_mtim.tv_sec = INT64_MAX - 2000000000;
	assert_int_equal(reading("fresh", &g, 0), 0);
	assert_int_equal(fake.naps, 0);
	/* a change begins while it waits */
	pretend(2);
	fake.age_ms = 0;
	fake.beside = "-wal";
	assert_int_equal(reading("fresh", &g, 0), 0);
	assert_int_equal(g.rows, 2);
	pretend(2);
	fake.age_ms = 0;
	fake.beside = "-journal";
	assert_int_equal(reading("fresh", &g, 0), 0);
	assert_int_equal(g.rows, 2);
	pretend(2);
	fake.age_ms = 0;
	fake.fails = 1;
	assert_int_equal(reading("fresh", &g, 0), RAMET_EIO);
	assert_int_equal(g.calls, 0);
	rameti_env_use(NULL);
}

/* The second look is the one after a reading; what differs then makes it count for nothing. */
static void read__starts_anew_when_anything_changed(void **state)
{
	static const struct stat changes[] = {
		{ .st_dev = 1 },	    { .st_ino = 1 },
		{ .st_size = 1 },	    { .st_mtim = { 1, 0 } },
		{ .st_mtim = { 0, 1 } },    { .st_ctim = { 1, 0 } },
		{ .st_ctim = { 0, 1 } },
	};
	struct reading g;
	size_t i;

	(void)state;
	database("changed", 4);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		/* the first call is the look before; opening looks, too */
		pretend(3);
		fake.add = changes[i];
		assert_int_equal(reading("changed", &g, 0), 0);
		assert_int_equal(g.calls, 2);
		assert_int_equal(g.rows, 4);
	}
	pretend(3);
	fake.add = changes[0];
	assert_int_equal(reading("changed", &g, RAMET_ECANCELED), RAMET_ECANCELED);
	assert_int_equal(g.calls, 2);
	pretend(3);
	fake.beside = "-journal";
	assert_int_equal(reading("changed", &g, 0), 0);
	assert_int_equal(g.calls, 2);
	pretend(3);
	fake.fails = 1;
	assert_int_equal(reading("changed", &g, 0), RAMET_EIO);
	rameti_env_use(NULL);
}

/* Each look differs from the one before: read the usual way in the end. */
static int restless_stat(void *user, const char *path, struct stat *st)
{
	int r = rameti_env_posix()->stat(NULL, path, st);

	(void)user;
	if (!ends_with(path, "-wal") && !ends_with(path, "-journal"))
		st->st_mtim.tv_nsec += fake.calls++;
	return r;
}

static void read__gives_up_on_quiet_after_some_tries(void **state)
{
	struct reading g;

	(void)state;
	database("restless", 5);
	pretend(1);
	fake.env.stat = restless_stat;
	assert_int_equal(reading("restless", &g, 0), 0);
	assert_int_equal(g.calls, 4);
	assert_int_equal(g.rows, 5);
	rameti_env_use(NULL);
}

static void read__sees_what_a_writer_has_committed(void **state)
{
	struct rameti_sql *s;
	struct reading g;

	(void)state;
	database("busy", 1);
	assert_int_equal(rameti_sql_open(&s, scratch_path("busy"), RAMETI_SQL_WRITE, 0, &why), 0);
	assert_int_equal(rameti_sql_exec(s, "INSERT INTO t VALUES (2)", &why), 0);
	assert_true(is_there("busy-wal"));
	assert_int_equal(reading("busy", &g, 0), 0);
	assert_int_equal(g.rows, 2);
	rameti_sql_close(s);
}

static void read__names_the_file_behind_a_link(void **state)
{
	struct reading g;

	(void)state;
	(void)scratch_file("broken", "not a database, and not meant to be one, either", 47);
	assert_int_equal(symlink(scratch_path("broken"), scratch_path("link")), 0);
	assert_int_equal(reading("link", &g, 0), RAMET_EFORMAT);
	assert_string_equal(why.path, scratch_path("broken"));
}

static void read__survives_every_failing_call(void **state)
{
	struct failing_env f;
	struct reading g;
	unsigned n;
	int r;

	(void)state;
	database("calls", 6);
	for (n = 1;; n++) {
		failing_env_init(&f, n, EIO);
		rameti_env_use(&f.env);
		r = reading("calls", &g, 0);
		rameti_env_use(NULL);
		if (!r)
			assert_int_equal(g.rows, 6);
		else
			assert_int_equal(r, RAMET_EIO);
		if (f.calls < n)
			break;
	}
	assert_int_equal(r, 0);
	assert_true(n > 3);
}

static void read__survives_every_failing_allocation(void **state)
{
	struct reading g;
	unsigned n;
	int r, reached = 1;

	(void)state;
	database("memory", 6);
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = reading("memory", &g, 0);
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	assert_int_equal(g.rows, 6);
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__leaves_nothing_beside_a_quiet_file),
		cmocka_unit_test(read__waits_for_the_clock_of_a_fresh_file),
		cmocka_unit_test(read__starts_anew_when_anything_changed),
		cmocka_unit_test(read__gives_up_on_quiet_after_some_tries),
		cmocka_unit_test(read__sees_what_a_writer_has_committed),
		cmocka_unit_test(read__names_the_file_behind_a_link),
		cmocka_unit_test(read__survives_every_failing_call),
		cmocka_unit_test(read__survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

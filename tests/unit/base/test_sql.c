/*
 * test_sql.c - connections of SQLite: a library that lacks a call or fails in one, what each of its
 * answers becomes, and what a failed statement leaves behind.
 *
 * The file tested is a part of this one, so that what it finds in the library can be replaced.
 */
#include <dlfcn.h>

static void *load(const char *name, int how);
static void *find(void *library, const char *name);
#define dlopen load
#define dlsym find
#include "base/sql.c"
#undef dlopen
#undef dlsym

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

/* ---- the library, and what of it is missing ---- */

static unsigned n_found, missing;                /* from 1; 0: none */
static int no_library;

static void *load(const char *name, int how)
{
	return no_library ? NULL : dlopen(name, how);
}

static void *find(void *library, const char *name)
{
	return ++n_found == missing ? NULL : dlsym(library, name);
}

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

static void open__says_what_of_the_library_is_missing(void **state)
{
	struct rameti_sql *s = fresh("whole"), *none = NULL;
	const char *path = scratch_path("whole");
	unsigned n;

	(void)state;
	rameti_sql_close(s);
	n_found = 0;
	rameti_sql_close(opened(path, RAMETI_SQL_READ));
	assert_true(n_found > 20);
	for (n = n_found; n; n--) {
		n_found = 0;
		missing = n;
		assert_int_equal(rameti_sql_open(&none, path, RAMETI_SQL_READ, 0, &why), RAMET_EIO);
		assert_string_equal(why.text, "databases need libsqlite3.so.0, which is not here");
		assert_null(none);
	}
	missing = 0;
	no_library = 1;
	assert_int_equal(rameti_sql_open(&none, path, RAMETI_SQL_READ, 0, &why), RAMET_EIO);
	assert_int_equal(rameti_sql_open(&none, path, RAMETI_SQL_READ, 0, NULL), RAMET_EIO);
	no_library = 0;
	rameti_sql_close(NULL);
}

/* ---- answers of the library ---- */

static struct {
	int code, sys, handed, moved;
	const char *statement;                   /* the one that fails; NULL: each */
	sqlite3_file file;
} told;

static int tells_code(sqlite3 *db)
{
	(void)db;
	return told.code;
}

static int tells_sys(sqlite3 *db)
{
	(void)db;
	return told.sys;
}

static int exec_fails(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **),
		      void *user, char **text_of_error)
{
	(void)db;
	(void)row;
	(void)user;
	(void)text_of_error;
	return told.statement && strcmp(text, told.statement) != 0 ? SQLITE_OK : told.code & 0xff;
}

static int step_fails(sqlite3_stmt *st)
{
	(void)st;
	return told.code;
}

static int opens_nothing(const char *name, sqlite3 **db, int flags, const char *vfs)
{
	(void)name;
	(void)flags;
	(void)vfs;
	*db = NULL;
	return SQLITE_NOMEM;
}

static int open_fails(const char *name, sqlite3 **db, int flags, const char *vfs)
{
	static int anything;

	(void)name;
	(void)flags;
	(void)vfs;
	*db = (sqlite3 *)(void *)&anything;
	return told.code;
}

static int closes(sqlite3 *db)
{
	(void)db;
	return SQLITE_OK;
}

static int is_read_only(sqlite3 *db, const char *name)
{
	(void)db;
	(void)name;
	return 1;
}

static int controls(sqlite3 *db, const char *name, int what, void *to)
{
	(void)db;
	(void)name;
	if (what == SQLITE_FCNTL_HAS_MOVED)
		*(int *)to = told.moved;
	else if (told.handed)
		*(sqlite3_file **)to = &told.file;
	return told.code;
}

static void tell(struct rameti_sql *s, int code, int sys)
{
	memset(&told, 0, sizeof(told));
	told.code = code;
	told.sys = sys;
	s->sqlite3_extended_errcode = tells_code;
	s->sqlite3_system_errno = tells_sys;
}

static const struct {
	int code, sys, is, sys_is;
	const char *text;
} answers[] = {
	{ SQLITE_NOMEM, 0, RAMET_ENOMEM, 0, "out of memory" },
	{ SQLITE_IOERR_NOMEM, 0, RAMET_ENOMEM, 0, "out of memory" },
	{ SQLITE_BUSY, 0, RAMET_ECONFLICT, 0, "the database is locked by another program" },
	{ SQLITE_LOCKED, 0, RAMET_ECONFLICT, 0, "the database is locked by another program" },
	{ SQLITE_PROTOCOL, 0, RAMET_ECONFLICT, 0, "the database is locked by another program" },
	{ SQLITE_READONLY, 0, RAMET_EIO, EROFS, "the database is read-only" },
	{ SQLITE_READONLY_DIRECTORY, 0, RAMET_EIO, EROFS, "the database is read-only" },
	{ SQLITE_READONLY_RECOVERY, 0, RAMET_EIO, EROFS,
	  "another program left a change unfinished, which a writer must put right" },
	{ SQLITE_READONLY_DBMOVED, 0, RAMET_ECONFLICT, 0,
	  "another program removed or replaced the database" },
	{ SQLITE_FULL, 0, RAMET_EIO, ENOSPC, "cannot write: no space left on device" },
	{ SQLITE_FULL, EDQUOT, RAMET_EIO, EDQUOT, "cannot write: disk quota exceeded" },
	{ SQLITE_CANTOPEN, ENOENT, RAMET_EIO, EROFS,
	  "its -wal file cannot be read where nothing can be written" },
	{ SQLITE_CANTOPEN, 0, RAMET_EIO, EACCES, "cannot open: permission denied" },
	{ SQLITE_CANTOPEN, EMFILE, RAMET_EIO, EMFILE, "cannot open: too many open files" },
	{ SQLITE_INTERRUPT, 0, RAMET_ECANCELED, 0, "canceled" },
	{ SQLITE_IOERR_READ, 0, RAMET_EIO, EIO, "cannot use the database: input/output error" },
	{ SQLITE_IOERR_READ, ENOENT, RAMET_EIO, EIO,
	  "cannot use the database: input/output error" },
	{ SQLITE_IOERR_WRITE, ENXIO, RAMET_EIO, ENXIO,
	  "cannot use the database: no such device or address" },
	{ SQLITE_NOTADB, 0, RAMET_EFORMAT, 0, "is not a database" },
	{ SQLITE_CORRUPT, 0, RAMET_EFORMAT, 0, "the database is damaged: not an error" },
	{ SQLITE_TOOBIG, 0, RAMET_ELIMIT, 0, "not an error" },
	{ SQLITE_CONSTRAINT, 0, RAMET_ECONFLICT, 0, "not an error" },
	{ SQLITE_ERROR, 0, RAMET_EFORMAT, 0, "not the database it should be: not an error" },
};
#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

static void exec__tells_each_answer_by_our_codes(void **state)
{
	struct rameti_sql *s = fresh("answers");
	size_t i;

	(void)state;
	s->sqlite3_exec = exec_fails;
	for (i = 0; i < N_ANSWERS; i++) {
		tell(s, answers[i].code, answers[i].sys);
		memset(&why, 0, sizeof(why));
		assert_int_equal(rameti_sql_exec(s, "x", &why), answers[i].is);
		assert_int_equal(why.code, answers[i].is);
		assert_int_equal(why.sys, answers[i].sys_is);
		assert_string_equal(why.text, answers[i].text);
		assert_int_equal(rameti_sql_exec(s, "x", NULL), answers[i].is);
	}
	rameti_sql_close(s);
}

static void commit__says_when_nobody_knows(void **state)
{
	static const struct {
		int code, sys, is, sys_is;
	} cases[] = {
		{ SQLITE_IOERR_FSYNC, 0, RAMET_EUNKNOWN, EIO },
		{ SQLITE_IOERR_DIR_FSYNC, ENOSPC, RAMET_EUNKNOWN, ENOSPC },
		{ SQLITE_IOERR_WRITE, 0, RAMET_EIO, EIO },
		{ SQLITE_BUSY, 0, RAMET_ECONFLICT, 0 },
	};
	struct rameti_sql *s = fresh("commit");
	__typeof__(s->sqlite3_exec) real = s->sqlite3_exec;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rameti_sql_begin(s, &why), 0);
		assert_int_equal(rameti_sql_exec(s, "INSERT INTO t VALUES (8)", &why), 0);
		s->sqlite3_exec = exec_fails;
		tell(s, cases[i].code, cases[i].sys);
		told.statement = "COMMIT";
		assert_int_equal(rameti_sql_commit(s, i & 1 ? NULL : &why), cases[i].is);
		if (!(i & 1))
			assert_int_equal(why.sys, cases[i].sys_is);
		s->sqlite3_exec = real;
		rameti_sql_rollback(s);          /* the one within was made believe */
		assert_int_equal(number(s, "SELECT count(*) FROM t"), 1);
	}
	rameti_sql_rollback(s);
	assert_int_equal(rameti_sql_begin(s, &why), 0);
	assert_int_equal(rameti_sql_exec(s, "INSERT INTO t VALUES (8)", &why), 0);
	assert_int_equal(rameti_sql_commit(s, &why), 0);
	assert_int_equal(number(s, "SELECT count(*) FROM t"), 2);
	rameti_sql_close(s);
}

static int sync_fails(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	return SQLITE_IOERR_FSYNC;
}

static void sync__is_unknown_when_it_fails(void **state)
{
	static const sqlite3_io_methods methods = { .xSync = sync_fails };
	struct rameti_sql *s = fresh("sync");

	(void)state;
	assert_int_equal(rameti_sql_use_wal(s, &why), 0);
	assert_int_equal(rameti_sql_use_wal(s, &why), 0);
	assert_int_equal(rameti_sql_exec(s, "INSERT INTO t VALUES (9)", &why), 0);
	assert_int_equal(rameti_sql_sync(s, &why), 0);
	tell(s, SQLITE_OK, 0);
	s->sqlite3_file_control = controls;
	assert_int_equal(rameti_sql_sync(s, &why), 0);   /* there is no log */
	told.handed = 1;
	assert_int_equal(rameti_sql_sync(s, &why), 0);   /* it is not open */
	told.file.pMethods = &methods;
	assert_int_equal(rameti_sql_sync(s, &why), RAMET_EUNKNOWN);
	assert_int_equal(why.code, RAMET_EUNKNOWN);
	tell(s, SQLITE_ERROR, ENOSPC);
	assert_int_equal(rameti_sql_sync(s, &why), RAMET_EUNKNOWN);
	assert_int_equal(why.sys, ENOSPC);
	assert_int_equal(rameti_sql_sync(s, NULL), RAMET_EUNKNOWN);
	rameti_sql_close(s);
}

static void begin__refuses_a_file_that_lost_its_name(void **state)
{
	struct rameti_sql *s = fresh("moved");

	(void)state;
	assert_int_equal(rename(scratch_path("moved"), scratch_path("elsewhere")), 0);
	assert_int_equal(rameti_sql_begin(s, &why), RAMET_ECONFLICT);
	assert_string_equal(why.text, "another program removed or replaced the database");
	assert_int_equal(rename(scratch_path("elsewhere"), scratch_path("moved")), 0);
	assert_int_equal(rameti_sql_begin(s, &why), 0);
	rameti_sql_rollback(s);
	rameti_sql_close(s);
}

static int no_clock(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	(void)clock;
	(void)ts;
	return -1;
}

static int naps;

static int nap(void *user, const struct timespec *ts)
{
	(void)user;
	(void)ts;
	naps++;
	return 0;
}

static void begin__waits_as_long_as_it_may(void **state)
{
	struct rameti_env env = *rameti_env_posix();
	struct rameti_sql *a = fresh("locked");
	struct rameti_sql *b = opened(scratch_path("locked"), RAMETI_SQL_WRITE);

	(void)state;
	env.nanosleep = nap;
	rameti_env_use(&env);
	assert_int_equal(rameti_sql_begin(a, &why), 0);
	assert_int_equal(rameti_sql_begin(b, &why), RAMET_ECONFLICT);
	naps = 0;
	b->wait_ms = 20;
	assert_int_equal(rameti_sql_begin(b, &why), RAMET_ECONFLICT);
	assert_true(naps > 0);
	naps = 0;
	env.clock_gettime = no_clock;
	assert_int_equal(rameti_sql_begin(b, &why), RAMET_ECONFLICT);
	assert_int_equal(naps, 0);
	rameti_sql_rollback(a);
	assert_int_equal(rameti_sql_begin(b, &why), 0);
	rameti_sql_rollback(b);
	rameti_env_use(NULL);
	rameti_sql_close(a);
	rameti_sql_close(b);
}

static void wal__is_left_to_the_next_when_others_are_there(void **state)
{
	struct rameti_sql *a = fresh("wal"), *b = opened(scratch_path("wal"), RAMETI_SQL_READ);

	(void)state;
	assert_int_equal(rameti_sql_exec(b, "BEGIN", &why), 0);
	assert_int_equal(number(b, "SELECT a FROM t"), 7);
	assert_int_equal(rameti_sql_use_wal(a, &why), 0);
	rameti_sql_rollback(b);
	rameti_sql_close(b);
	assert_int_equal(rameti_sql_use_wal(a, &why), 0);
	assert_int_equal(rameti_sql_exec(a, "INSERT INTO t VALUES (8)", &why), 0);
	assert_int_equal(access(scratch_path("wal-wal"), F_OK), 0);
	a->sqlite3_step = step_fails;
	tell(a, SQLITE_CORRUPT, 0);
	assert_int_equal(rameti_sql_use_wal(a, &why), RAMET_EFORMAT);
	rameti_sql_close(a);
	(void)scratch_file("nodb", "this is no database at all, and long enough to be sure", 54);
	a = opened(scratch_path("nodb"), RAMETI_SQL_WRITE);
	assert_int_equal(rameti_sql_use_wal(a, &why), RAMET_EFORMAT);
	rameti_sql_close(a);
}

static void connect__says_what_failed(void **state)
{
	struct rameti_sql *real = fresh("connect"), s = *real;

	(void)state;
	s.sqlite3_open_v2 = opens_nothing;
	s.db = NULL;
	assert_int_equal(connect_to(&s, s.path, RAMETI_SQL_READ, 0, &why), RAMET_ENOMEM);
	assert_null(s.db);
	s.sqlite3_open_v2 = open_fails;
	s.sqlite3_close_v2 = closes;
	tell(&s, SQLITE_CANTOPEN, EMFILE);
	assert_int_equal(connect_to(&s, s.path, RAMETI_SQL_READ, 0, &why), RAMET_EIO);
	assert_int_equal(why.sys, EMFILE);
	s = *real;
	s.sqlite3_db_readonly = is_read_only;
	assert_int_equal(connect_to(&s, s.path, RAMETI_SQL_READ, 0, &why), 0);
	(void)s.sqlite3_close_v2(s.db);
	assert_int_equal(connect_to(&s, s.path, RAMETI_SQL_WRITE, 0, &why), RAMET_EIO);
	assert_int_equal(why.sys, EROFS);
	(void)s.sqlite3_close_v2(s.db);
	rameti_sql_close(real);
}

/* ---- statements ---- */

static struct rameti_stmt *prepared(struct rameti_sql *s, const char *text)
{
	struct rameti_stmt *st = NULL;

	if (rameti_sql_prepare(&st, s, text, &why) < 0)
		fail_msg("%s", why.text);
	return st;
}

static void statement__gives_back_what_was_bound(void **state)
{
	struct rameti_sql *s = fresh("bind");
	struct rameti_stmt *st = prepared(s, "SELECT ?, ?, ?, ?, ?, ?, ?");
	struct ramet_bytes none = { NULL, 0 }, blob = { "\0b", 2 };

	(void)state;
	rameti_stmt_bind_int(st, 1, INT64_MIN);
	rameti_stmt_bind_number(st, 2, 0.5);
	rameti_stmt_bind_text(st, 3, ramet_bytes_of("t"));
	rameti_stmt_bind_text(st, 4, none);
	rameti_stmt_bind_blob(st, 5, blob);
	rameti_stmt_bind_blob(st, 6, none);
	rameti_stmt_bind_blob(st, 7, ramet_bytes_of(""));
	assert_int_equal(rameti_stmt_step(st, &why), 1);
	assert_true(rameti_stmt_int(st, 0) == INT64_MIN);
	assert_true(rameti_stmt_number(st, 1) == 0.5);
	assert_true(ramet_bytes_is(rameti_stmt_bytes(st, 2), "t"));
	assert_null(rameti_stmt_bytes(st, 3).ptr);
	assert_true(ramet_bytes_eq(rameti_stmt_bytes(st, 4), blob));
	assert_true(rameti_stmt_is_null(st, 5));
	assert_false(rameti_stmt_is_null(st, 6));
	assert_non_null(rameti_stmt_bytes(st, 6).ptr);
	assert_int_equal(rameti_stmt_bytes(st, 6).len, 0);
	assert_int_equal(rameti_stmt_step(st, &why), 0);
	assert_int_equal(rameti_stmt_run(st, &why), 0);  /* the row is thrown away */
	rameti_stmt_free(st);
	rameti_stmt_free(NULL);
	rameti_sql_close(s);
}

static void statement__tells_a_failed_binding_at_the_next_step(void **state)
{
	struct rameti_sql *s = fresh("unbound");
	struct rameti_stmt *st = prepared(s, "INSERT INTO t VALUES (?)");

	(void)state;
	rameti_stmt_bind_int(st, 1, 1);
	rameti_stmt_bind_int(st, 2, 2);
	rameti_stmt_bind_number(st, 3, 3);
	assert_int_equal(rameti_stmt_step(st, &why), RAMET_EFORMAT);
	assert_int_equal(number(s, "SELECT count(*) FROM t"), 1);
	assert_int_equal(rameti_stmt_run(st, &why), 0);  /* told once */
	assert_int_equal(rameti_sql_changes(s), 1);
	assert_int_equal(rameti_stmt_run(st, &why), RAMET_ECONFLICT);
	assert_int_equal(number(s, "SELECT count(*) FROM t"), 2);
	rameti_stmt_free(st);
	assert_int_equal(rameti_sql_prepare(&st, s, "SELECT nothing FROM t", &why), RAMET_EFORMAT);
	assert_int_equal(number(s, "SELECT a FROM t WHERE a > 99"), 0);
	assert_int_equal(number(s, "SELECT a FROM t WHERE a = 7"), 7);
	rameti_sql_close(s);
}

static void number__leaves_it_alone_on_failure(void **state)
{
	struct rameti_sql *s = fresh("number");
	int64_t n = 5;

	(void)state;
	assert_int_equal(rameti_sql_number(s, "SELECT", &n, &why), RAMET_EFORMAT);
	s->sqlite3_step = step_fails;
	tell(s, SQLITE_IOERR_READ, 0);
	assert_int_equal(rameti_sql_number(s, "SELECT 1", &n, &why), RAMET_EIO);
	assert_int_equal(n, 5);
	rameti_sql_close(s);
}

static void everything__survives_every_failing_allocation(void **state)
{
	struct rameti_sql *s;
	int64_t n_rows;
	unsigned n;
	int r, reached = 1;

	(void)state;
	rameti_sql_close(fresh("memory"));
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		s = NULL;
		n_rows = -1;
		r = rameti_sql_open(&s, scratch_path("memory"), RAMETI_SQL_CREATE, 0, &why);
		if (!r)
			r = rameti_sql_use_wal(s, &why);
		if (!r)
			r = rameti_sql_number(s, "SELECT count(*) FROM t", &n_rows, &why);
		rameti_sql_close(s);
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		assert_int_equal(n_rows, reached ? -1 : 1);
	}
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__says_what_of_the_library_is_missing),
		cmocka_unit_test(exec__tells_each_answer_by_our_codes),
		cmocka_unit_test(commit__says_when_nobody_knows),
		cmocka_unit_test(sync__is_unknown_when_it_fails),
		cmocka_unit_test(begin__refuses_a_file_that_lost_its_name),
		cmocka_unit_test(begin__waits_as_long_as_it_may),
		cmocka_unit_test(wal__is_left_to_the_next_when_others_are_there),
		cmocka_unit_test(connect__says_what_failed),
		cmocka_unit_test(statement__gives_back_what_was_bound),
		cmocka_unit_test(statement__tells_a_failed_binding_at_the_next_step),
		cmocka_unit_test(number__leaves_it_alone_on_failure),
		cmocka_unit_test(everything__survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

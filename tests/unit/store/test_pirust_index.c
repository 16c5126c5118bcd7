/*
 * pirust_index.c: the session index holds what the sessions say, under the locks of both
 * generations; writing a session keeps it in step and never fails because of it.
 */
#include "failing.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sql.h"
#include "ramet/pirust.h"
#include "store/home_pirust_sqlite.h"
#include "store/pirust_index.h"

#define PHEAD(id, cwd)                                                                             \
	"{'type':'session','version':3,'id':'" id "','timestamp':'2026-03-01T10:00:00.000Z',"      \
	"'cwd':'" cwd "'}\n"
#define SAID "{'type':'message','id':'u1','message':" U("one") "}\n"
#define NAMED(name) "{'type':'session_info','id':'n1','parentId':'u1','name':'" name "'}\n"
#define UNNAMED "{'type':'session_info','id':'n2'}\n"
#define TABLES                                                                                     \
	"CREATE TABLE sessions(path TEXT PRIMARY KEY, id TEXT NOT NULL, cwd TEXT NOT NULL, "       \
	"timestamp TEXT NOT NULL, message_count INTEGER NOT NULL, last_modified_ms INTEGER NOT "   \
	"NULL, size_bytes INTEGER NOT NULL, name TEXT); "                                          \
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"

static char *dir;
static char index_path[TEMP_PATH], lock_path[TEMP_PATH];

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(index_path, sizeof(index_path), "%s/session-index.sqlite", dir);
	(void)snprintf(lock_path, sizeof(lock_path), "%s/session-index.lock", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	temp_dir_remove(dir);
	return 0;
}

static void session(const char *name, const char *text, long mtime)
{
	text = dq(text);
	temp_file(dir, name, text, strlen(text), mtime, 0);
}

static void sql(const char *statements)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, index_path, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, statements, &why));
	rameti_sql_close(db);
}

static char listed[4000];

static int add_listed(void *user, const struct ramet_pirust_index_row *r)
{
	size_t len = strlen(listed);

	(void)user;
	(void)snprintf(listed + len, sizeof(listed) - len, "%s %s %s %s n=%d %s at %lld size %d\n",
		       r->path.ptr + strlen(dir) + 1, r->id.ptr, r->cwd.ptr, r->timestamp.ptr,
		       (int)r->message_count, r->name.ptr ? r->name.ptr : "-",
		       (long long)r->last_modified_ms, (int)r->size);
	return 0;
}

static const char *list(const char *cwd)
{
	*listed = '\0';
	must(ramet_pirust_index_list(dir, cwd, add_listed, NULL, &why));
	return listed;
}

#define A_LINE "--a--/1.jsonl s1 /a 2026-03-01T10:00:00.000Z n=2 x at 2000000 size 328\n"
#define B_LINE "--b--/2.jsonl s2 /b 2026-03-01T10:00:00.000Z n=0 - at 1000000 size 91\n"

static void two_sessions(void)
{
	session("--a--/1.jsonl", PHEAD("s1", "/a") SAID NAMED("x") SAID UNNAMED, 2000);
	session("--b--/2.jsonl", PHEAD("s2", "/b"), 1000);
	session("--b--/broken.jsonl", "nothing\n", 1000);
	session("--b--/2.v2/segments/1.jsonl", PHEAD("s3", "/b"), 1000);
	session("--b--/2.v2.staging.0/1.jsonl", PHEAD("s3", "/b"), 1000);
	session("--b--/other.txt", PHEAD("s3", "/b"), 1000);
	session("session-index.jsonl", PHEAD("s3", "/b"), 1000);
}

static void pirust_index__holds_what_sessions_say(void **state)
{
	struct ramet_pirust_index_report report;
	int64_t at = 0;

	(void)state;
	two_sessions();
	refused(ramet_pirust_index_list(dir, NULL, add_listed, NULL, &why), RAMET_ENOTFOUND);
	must(ramet_pirust_index_refresh(dir, &report, &why));
	assert_string_equal(list(NULL), A_LINE B_LINE);
	assert_string_equal(list("/b"), B_LINE);
	assert_string_equal(list("/"), "");
	assert_int_equal(report.n_rows, 2);
	assert_int_equal(report.n_read, 2);
	assert_int_equal(report.n_skipped, 1);
	assert_int_equal(mode_of(index_path), 0600);
	assert_false(exists(lock_path));
	must(ramet_pirust_index_synced(dir, &at, &why));
	assert_true(at > 1700000000000);
}

static void pirust_index__reads_only_what_changed(void **state)
{
	struct ramet_pirust_index_report report;

	(void)state;
	two_sessions();
	must(ramet_pirust_index_refresh(dir, NULL, &why));
	sql("UPDATE sessions SET id='kept' WHERE id='s1'");
	session("--b--/3.jsonl", PHEAD("s3", "/b") SAID, 3000);
	assert_int_equal(unlink(temp_path(dir, "--b--/2.jsonl")), 0);
	must(ramet_pirust_index_refresh(dir, &report, &why));
	assert_int_equal(report.n_rows, 2);
	assert_int_equal(report.n_same, 1);
	assert_int_equal(report.n_read, 1);
	assert_int_equal(report.n_removed, 1);
	assert_non_null(strstr(list(NULL), " kept "));
	must(ramet_pirust_index_reindex(dir, &report, &why));
	assert_int_equal(report.n_read, 2);
	assert_int_equal(report.n_removed, 0);
	assert_int_equal(report.n_rows, 2);
	assert_null(strstr(list(NULL), " kept "));
}

static void pirust_index__follows_links_to_files_only(void **state)
{
	struct ramet_pirust_index_report report;

	(void)state;
	two_sessions();
	assert_int_equal(symlink("1.jsonl", temp_path(dir, "--a--/link.jsonl")), 0);
	assert_int_equal(symlink("gone.jsonl", temp_path(dir, "--a--/dead.jsonl")), 0);
	assert_int_equal(symlink("..", temp_path(dir, "--a--/up")), 0);
	assert_int_equal(mkfifo(temp_path(dir, "--a--/fifo.jsonl"), 0600), 0);
	must(ramet_pirust_index_refresh(dir, &report, &why));
	assert_int_equal(report.n_rows, 3);
}

static void pirust_index__updates_and_removes_one_row(void **state)
{
	const char *one;

	(void)state;
	two_sessions();
	one = temp_path(dir, "--a--/1.jsonl");
	must(ramet_pirust_index_update(dir, one, &why));
	assert_string_equal(list(NULL), A_LINE);
	must(ramet_pirust_index_update(dir, one, &why));
	assert_string_equal(list(NULL), A_LINE);
	refused(ramet_pirust_index_update(dir, temp_path(dir, "--b--/broken.jsonl"), &why),
		RAMET_EFORMAT);
	refused(ramet_pirust_index_update(dir, temp_path(dir, "none.jsonl"), &why),
		RAMET_ENOTFOUND);
	must(ramet_pirust_index_remove(dir, one, &why));
	assert_string_equal(list(NULL), "");
}

static void pirust_index__is_kept_in_step_by_writing(void **state)
{
	const char *jsonl = temp_path(dir, "--a--/1.jsonl"), *db = temp_path(dir, "--a--/2.sqlite");
	struct rameti_pirust_sqlite *h = NULL;
	struct ramet_buf text;

	(void)state;
	ramet_buf_init(&text, SIZE_MAX / 2);
	temp_mkdir(dir, "--a--");
	/* no index, so none is made */
	must(rameti_pirust_sqlite_create(db, js(PHEAD("s2", "/b")), 1, &why));
	assert_false(exists(index_path));
	must(ramet_pirust_index_refresh(dir, NULL, &why));
	must(rameti_pirust_sqlite_open(&h, db, NULL, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
	must(rameti_pirust_sqlite_append(h, js(SAID NAMED("called")), 1, &why));
	rameti_pirust_sqlite_close(h);
	assert_non_null(strstr(list(NULL), "--a--/2.sqlite s2 /b 2026-03-01T10:00:00.000Z n=1 "
					   "called"));
	must(rameti_pirust_sqlite_remove(db, ramet_bytes_of("s2"), &why));
	assert_string_equal(list(NULL), "");
	session("--a--/1.jsonl", PHEAD("s1", "/a") SAID NAMED("x") SAID UNNAMED, 2000);
	rameti_pirust_index_renew(jsonl);
	assert_string_equal(list(NULL), A_LINE);
	rameti_pirust_index_forget(jsonl);
	assert_string_equal(list(NULL), "");
	ramet_buf_release(&text);
}

static void pirust_index__never_fails_an_append(void **state)
{
	const char *db = temp_path(dir, "--a--/2.sqlite");
	struct rameti_pirust_sqlite *h = NULL;
	struct ramet_buf text;

	(void)state;
	ramet_buf_init(&text, SIZE_MAX / 2);
	temp_mkdir(dir, "--a--");
	must(rameti_pirust_sqlite_create(db, js(PHEAD("s2", "/b")), 1, &why));
	put(index_path, "not an index");
	must(rameti_pirust_sqlite_open(&h, db, NULL, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
	must(rameti_pirust_sqlite_append(h, js(SAID), 1, &why));
	assert_string_equal(bytes_of(index_path).ptr, "not an index");
	assert_int_equal(unlink(index_path), 0);
	sql(TABLES);
	assert_int_equal(mkdir(lock_path, 0700), 0);
	must(rameti_pirust_sqlite_append(h, js(SAID), 1, &why));
	assert_true(exists(lock_path));
	assert_string_equal(list(NULL), "");
	rameti_pirust_sqlite_close(h);
	ramet_buf_release(&text);
}

/* ---- others ---- */

static void pirust_index__reads_the_originals_index(void **state)
{
	(void)state;
	sql("PRAGMA journal_mode=WAL;" TABLES
	    "INSERT INTO sessions VALUES('/x/y.jsonl','i','/c','t',3,9,8,NULL),"
	    "('/x/z.jsonl','j','/c','u',1,10,7,'N'); "
	    "INSERT INTO meta VALUES('last_sync_epoch_ms','1234')");
	*listed = '\0';
	must(ramet_pirust_index_list(dir, "/c", add_listed, NULL, &why));
	assert_non_null(strstr(listed, " j /c u n=1 N at 10 size 7\n"));
	assert_non_null(strstr(listed, " i /c t n=3 - at 9 size 8\n"));
	assert_true(strstr(listed, " j ") < strstr(listed, " i "));
	assert_string_equal(names_in(dir), "session-index.sqlite");
}

static void pirust_index__leaves_other_databases_alone(void **state)
{
	struct ramet_bytes before, after;

	(void)state;
	two_sessions();
	sql("CREATE TABLE sessions(x)");
	before = bytes_of(index_path);
	refused(ramet_pirust_index_refresh(dir, NULL, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "is a database, but not a session index");
	refused(ramet_pirust_index_list(dir, NULL, add_listed, NULL, &why), RAMET_EFORMAT);
	after = bytes_of(index_path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.ptr, after.ptr, before.len);
	assert_false(exists(lock_path));
}

static void touch(const char *path, long seconds_ago)
{
	struct timespec ts[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts[0]), 0);
	ts[0].tv_sec -= seconds_ago;
	ts[1] = ts[0];
	assert_int_equal(utimensat(AT_FDCWD, path, ts, 0), 0);
}

static void pirust_index__takes_a_lock_that_is_left_over(void **state)
{
	(void)state;
	two_sessions();
	assert_int_equal(mkdir(lock_path, 0700), 0);
	touch(lock_path, 11);
	must(ramet_pirust_index_refresh(dir, NULL, &why));
	assert_false(exists(lock_path));
	put(lock_path, "");
	touch(lock_path, 11);
	must(ramet_pirust_index_refresh(dir, NULL, &why));
	assert_false(exists(lock_path));
	/* an old program was here just now: its file stays, and is locked as it does */
	put(lock_path, "");
	must(ramet_pirust_index_refresh(dir, NULL, &why));
	assert_true(exists(lock_path));
	assert_string_equal(list("/b"), B_LINE);
}

static void pirust_index__waits_for_both_locks(void **state)
{
	int fd;

	(void)state;
	two_sessions();
	assert_int_equal(mkdir(lock_path, 0700), 0);
	refused(ramet_pirust_index_update(dir, temp_path(dir, "--b--/2.jsonl"), &why),
		RAMET_ECONFLICT);
	assert_string_equal(why.text, "another program holds the lock of the session index");
	assert_int_equal(rmdir(lock_path), 0);
	put(lock_path, "");
	touch(lock_path, 100);
	fd = open(lock_path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	refused(ramet_pirust_index_update(dir, temp_path(dir, "--b--/2.jsonl"), &why),
		RAMET_ECONFLICT);
	assert_true(exists(lock_path));
	close(fd);
	must(ramet_pirust_index_update(dir, temp_path(dir, "--b--/2.jsonl"), &why));
	assert_string_equal(list(NULL), B_LINE);
}

static void pirust_index__survives_each_failing_allocation(void **state)
{
	unsigned n;
	int r, reached = 1;

	(void)state;
	two_sessions();
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = ramet_pirust_index_refresh(dir, NULL, &why);
		*listed = '\0';
		if (!r)
			r = ramet_pirust_index_list(dir, NULL, add_listed, NULL, &why);
		reached = failing_memory_stop();
		if (r != (reached ? RAMET_ENOMEM : 0))
			fail_msg("allocation %u: %d %s", n, r, why.text);
		assert_false(exists(lock_path));
		(void)unlink(index_path);
	}
	assert_true(n > 20);
	assert_string_equal(listed, A_LINE B_LINE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(pirust_index__##name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(holds_what_sessions_say),
		CASE(reads_only_what_changed),
		CASE(follows_links_to_files_only),
		CASE(updates_and_removes_one_row),
		CASE(is_kept_in_step_by_writing),
		CASE(never_fails_an_append),
		CASE(reads_the_originals_index),
		CASE(leaves_other_databases_alone),
		CASE(takes_a_lock_that_is_left_over),
		CASE(waits_for_both_locks),
		CASE(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

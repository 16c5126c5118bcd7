/*
 * pirust_index*.c, home_pirust_sqlite*.c, pirust_facts.c: odd sessions and rows, names that are not
 * whole, and each way in which the lock of the index can be held, left over or lost.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sql.h"
#include "store/home.h"
#include "store/home_pirust_sqlite_priv.h"
#include "store/pirust_index_priv.h"

#define PHEAD(id, cwd)                                                                             \
	"{'type':'session','version':3,'id':'" id "','timestamp':'2026-03-01T10:00:00.000Z',"      \
	"'cwd':'" cwd "'}\n"
#define SAID(id)                                                                                   \
	"{'type':'message','id':'" id                                                              \
	"','timestamp':'2026-03-01T10:00:01.000Z','message':" U("one") "}\n"
#define LOCK "session-index.lock"
#define DB "--w--/s.sqlite"

static struct rameti_pirust_sqlite *h;
static struct ramet_buf text;

static int make(void **state)
{
	(void)sidecar_make_dir(state);
	h = NULL;
	ramet_buf_init(&text, SIZE_MAX / 2);
	return mkdir(in("--w--"), 0700);
}

static int drop(void **state)
{
	rameti_pirust_sqlite_close(h);
	ramet_buf_release(&text);
	(void)unsetenv("PI_SESSIONS_DIR");
	assert_int_equal(chdir("/"), 0);
	return sidecar_drop_dir(state);
}

static void sql(const char *path, const char *statement)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why));
	must(rameti_sql_exec(db, dq(statement), &why));
	rameti_sql_close(db);
}

/* ---- sessions ---- */

static void given(const char *lines)
{
	must(rameti_pirust_sqlite_create(in(DB), js(lines), 1, &why));
}

static void opened_at(int level)
{
	struct ramet_open_opts opts = { .lock_ms = 100, .level = level };

	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_reset(&text);
	must(rameti_pirust_sqlite_open(&h, in(DB), &opts, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
}

static void loads(const char *expected)
{
	opened_at(0);
	assert_string_equal(text.ptr, dq(expected));
}

static void append__goes_on_behind_rows_without_ids(void **state)
{
#define BARE(n) "{'type':'note','n':" n "}\n"
	(void)state;
	given(PHEAD("s1", "/w") BARE("1"));
	opened_at(RAMET_LEVEL_EACH);
	must(rameti_pirust_sqlite_append(h, js(BARE("2")), 1, &why));
	must(rameti_pirust_sqlite_append(h, js(SAID("u1")), 0, &why));
	must(rameti_pirust_sqlite_append(h, js(BARE("3")), 1, &why));
	must(rameti_pirust_sqlite_sync(h, &why));
	loads(PHEAD("s1", "/w") BARE("1") BARE("2") SAID("u1") BARE("3"));
	/* another said something else there */
	sql(in(DB), "UPDATE pi_session_entries SET json='{''type'':''note'',''n'':4}' WHERE seq=4");
	refused(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why), RAMET_ECONFLICT);
	refused(rameti_pirust_sqlite_more(h, &text, &why), RAMET_ECONFLICT);
	opened_at(0);
	sql(in(DB), "UPDATE pi_session_entries SET json='{''id'':''x''}' WHERE seq=4");
	refused(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why), RAMET_ECONFLICT);
	opened_at(0);
	sql(in(DB), "DELETE FROM pi_session_entries WHERE seq=4");
	refused(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why), RAMET_ECONFLICT);
	opened_at(0);
	sql(in(DB), "UPDATE pi_session_header SET id='s2'");
	refused(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why), RAMET_ECONFLICT);
}

static void append__begins_an_empty_session(void **state)
{
	(void)state;
	given(PHEAD("s1", "/w"));
	opened_at(0);
	must(rameti_pirust_sqlite_sync(h, &why));    /* nothing was written */
	assert_int_equal(rameti_pirust_sqlite_more(h, &text, &why), 0);
	must(rameti_pirust_sqlite_append(h, js(SAID("u1")), 1, &why));
	sql(in(DB), "DELETE FROM pi_session_meta WHERE key='name'");
	must(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why));
	loads(PHEAD("s1", "/w") SAID("u1") SAID("u2"));
}

/* A connection whose sync failed: nobody knows what of it is on the disk. */
static void append__after_a_failed_sync_is_refused(void **state)
{
	(void)state;
	given(PHEAD("s1", "/w"));
	opened_at(0);
	h->dead = 1;
	refused(rameti_pirust_sqlite_append(h, js(SAID("u1")), 1, &why), RAMET_EUNKNOWN);
	refused(rameti_pirust_sqlite_sync(h, &why), RAMET_EUNKNOWN);
	loads(PHEAD("s1", "/w"));
}

static void create__takes_a_header_with_an_id(void **state)
{
	static const char *const bad[] = { "{}\n", "\n", "x\n", PHEAD("", "/w"),
					   "{'type':'message','id':'a'}\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(rameti_pirust_sqlite_create(in(DB), js(bad[i]), 1, &why), RAMET_EFORMAT);
		assert_false(exists(in(DB)));
	}
	put(in(DB), "x");
	refused(rameti_pirust_sqlite_create(in(DB), js(PHEAD("s1", "/w")), 1, &why),
		RAMET_ECONFLICT);
	put(in(DB), "");
	given(PHEAD("s1", "/w"));
	loads(PHEAD("s1", "/w"));
}

static void lock__may_be_interrupted_and_no_link(void **state)
{
	struct faults f = { .interrupt = 1 };

	(void)state;
	given(PHEAD("s1", "/w"));
	opened_at(0);
	faults_start(&f);
	must(rameti_pirust_sqlite_append(h, js(SAID("u1")), 1, &why));
	(void)faults_stop();
	opened_at(0);
	assert_int_equal(unlink(in(DB ".lock")), 0);
	assert_int_equal(symlink("elsewhere", in(DB ".lock")), 0);
	assert_int_not_equal(rameti_pirust_sqlite_append(h, js(SAID("u2")), 1, &why), 0);
	loads(PHEAD("s1", "/w") SAID("u1"));
}

static void remove__takes_only_the_session_that_is_meant(void **state)
{
	struct faults f = { .kind = FAULT_UNLINK, .n = 2, .sys = EACCES };
	struct ramet_bytes none = { NULL, 0 };

	(void)state;
	given(PHEAD("s1", "/w"));
	refused(rameti_pirust_sqlite_remove(in(DB), ramet_bytes_of("s2"), &why), RAMET_ENOTFOUND);
	assert_true(exists(in(DB)));
	faults_start(&f);
	assert_int_equal(rameti_pirust_sqlite_remove(in(DB), none, &why), RAMET_EIO);
	assert_true(faults_stop());
	refused(rameti_pirust_sqlite_remove(in(DB), none, &why), RAMET_ENOTFOUND);
	assert_false(exists(in(DB)));
}

static int on_info(void *user, const struct ramet_session_info *info)
{
	(void)user;
	assert_true(ramet_bytes_is(info->first_message, "(no messages)"));
	assert_true(ramet_bytes_is(info->cwd, ""));
	assert_null(info->name.ptr);
	return 7;
}

static void info__of_an_empty_session_is_told(void **state)
{
	(void)state;
	given(PHEAD("s1", ""));
	assert_int_equal(rameti_pirust_sqlite_info(in(DB), 0, on_info, NULL, &why), 7);
	sql(in(DB), "UPDATE pi_session_header SET json='{}'");
	refused(rameti_pirust_sqlite_info(in(DB), 0, on_info, NULL, &why), RAMET_EFORMAT);
	sql(in(DB), "UPDATE pi_session_header SET json='no json'");
	refused(rameti_pirust_sqlite_info(in(DB), 0, on_info, NULL, &why), RAMET_EFORMAT);
}

static void home__knows_its_databases(void **state)
{
	static const char magic[] = "SQLite format 3";
	char page[200];
	struct ramet_bytes head = { page, sizeof(page) };

	(void)state;
	memset(page, ' ', sizeof(page));
	memcpy(page, magic, sizeof(magic));
	memcpy(page + 100, "pi_session_header", 17);
	assert_true(rameti_home_pirust_sqlite.sniff(head));
	head.len = sizeof(magic);
	assert_false(rameti_home_pirust_sqlite.sniff(head));
	head.len = 110;
	assert_false(rameti_home_pirust_sqlite.sniff(head));
	head.len = sizeof(page);
	page[0] = 's';
	assert_false(rameti_home_pirust_sqlite.sniff(head));
}

static void home__says_that_rows_are_missing(void **state)
{
	struct ramet_findings f = { 0 };
	void *door = NULL;

	(void)state;
	given(PHEAD("s1", "/w") SAID("u1") SAID("u2"));
	sql(in(DB), "UPDATE pi_session_entries SET seq=5 WHERE seq=2");
	must(rameti_home_pirust_sqlite.open(&door, in(DB), ramet_bytes_of("s1"), NULL, &why));
	must(rameti_home_pirust_sqlite.damage(door, &f, &why));
	assert_int_equal(f.n, 0);                    /* nothing is read yet */
	must(rameti_home_pirust_sqlite.load(door, &text, &why));
	scarce_start(1);
	refused(rameti_home_pirust_sqlite.damage(door, &f, &why), RAMET_ENOMEM);
	(void)scarce_stop();
	must(rameti_home_pirust_sqlite.damage(door, &f, &why));
	assert_int_equal(f.n, 1);
	ramet_findings_release(&f);
	refused(rameti_home_pirust_sqlite.append(door, js(SAID("u3")), 1, 1, &why), RAMET_EFORMAT);
	rameti_home_pirust_sqlite.close(door);
}

static void facts__pass_over_what_is_none(void **state)
{
	struct rameti_pirust_facts f;

	(void)state;
	must(rameti_pirust_facts_init(&f, &why));
	rameti_pirust_facts_begin(&f);
	must(rameti_pirust_facts_header(&f, js("{'type':'session','id':7}"), &why));
	assert_false(f.has_header);
	must(rameti_pirust_facts_header(&f, js("{'type':'other','id':'a'}"), &why));
	assert_false(f.has_header);
	must(rameti_pirust_facts_header(&f, js("no json"), &why));
	assert_false(f.has_header);
	must(rameti_pirust_facts_header(&f, js(PHEAD("s1", "/w")), &why));
	assert_true(f.has_header);
	must(rameti_pirust_facts_line(&f, js("no json"), &why));
	must(rameti_pirust_facts_line(&f, js("{'type':'session_info','name':7}"), &why));
	must(rameti_pirust_facts_line(&f, js("{'type':'message','name':'x'}"), &why));
	assert_int_equal(f.name.len, 0);
	assert_int_equal(f.n_messages, 1);
	must(rameti_pirust_facts_line(&f, js("{'type':'session_info','name':'x'}"), &why));
	assert_true(ramet_bytes_is(ramet_buf_bytes(&f.name), "x"));
	rameti_pirust_facts_release(&f);
}

/* ---- the index ---- */

static int add_row(void *user, const struct ramet_pirust_index_row *row)
{
	ramet_buf_addf(user, "%s %s\n", row->path.ptr + strlen(sc_dir) + 1, row->id.ptr);
	return 0;
}

static void lists(const char *root, const char *expected)
{
	ramet_buf_reset(&text);
	ramet_buf_add_str(&text, "");
	must(ramet_pirust_index_list(root, NULL, add_row, &text, &why));
	assert_text(ramet_buf_bytes(&text), "%s", expected);
}

static void update__takes_relative_names_and_the_usual_root(void **state)
{
	struct faults f = { .kind = FAULT_GETCWD, .n = 1, .sys = ENOENT };
	int64_t at = 0;

	(void)state;
	put(in("--w--/l.jsonl"), PHEAD("l1", ""));
	assert_int_equal(setenv("PI_SESSIONS_DIR", sc_dir, 1), 0);
	assert_int_equal(chdir(sc_dir), 0);
	must(ramet_pirust_index_update(NULL, "--w--/l.jsonl", &why));
	lists(NULL, "--w--/l.jsonl l1\n");
	assert_true(rameti_pirust_index_there("--w--/l.jsonl"));
	faults_start(&f);
	refused(ramet_pirust_index_update(NULL, "--w--/l.jsonl", &why), RAMET_EIO);
	assert_true(faults_stop());
	faults_start(&f);
	assert_false(rameti_pirust_index_there("--w--/l.jsonl"));
	assert_true(faults_stop());
	must(ramet_pirust_index_remove(NULL, "./--w--/l.jsonl", &why));
	lists(NULL, "");
	must(ramet_pirust_index_synced(NULL, &at, &why));
	assert_true(at > 0);
	sql(in("session-index.sqlite"), "DELETE FROM meta");
	must(ramet_pirust_index_synced(NULL, &at, &why));
	assert_true(at == RAMET_TIME_NONE);
	assert_false(rameti_pirust_index_there("/x"));
}

static void refresh__walks_past_what_is_no_session(void **state)
{
	struct ramet_pirust_index_report report;

	(void)state;
	put(in("--w--/l.jsonl"), PHEAD("l1", "/w"));
	assert_int_equal(mkdir(in(".v2"), 0700), 0);
	assert_int_equal(mkdir(in("v2"), 0700), 0);
	assert_int_equal(mkdir(in("x.v2"), 0700), 0);
	put(in(".v2/a.jsonl"), PHEAD("a", "/w"));
	put(in("v2/b.jsonl"), PHEAD("b", "/w"));
	put(in("x.v2/c.jsonl"), PHEAD("c", "/w"));
	assert_int_equal(symlink("gone", in("--w--/gone.jsonl")), 0);
	assert_int_equal(symlink("..", in("--w--/up.jsonl")), 0);
	assert_int_equal(mkfifo(in("--w--/pipe.jsonl"), 0600), 0);
	must(ramet_pirust_index_refresh(sc_dir, &report, &why));
	assert_int_equal(report.n_rows, 3);
	/* another size in the same instant */
	sql(in("session-index.sqlite"), "UPDATE sessions SET size_bytes=1, id='old'");
	must(ramet_pirust_index_refresh(sc_dir, &report, &why));
	assert_int_equal(report.n_read, 3);
	must(ramet_pirust_index_refresh(sc_dir, &report, &why));
	assert_int_equal(report.n_same, 3);
	refused(ramet_pirust_index_refresh(in("none"), &report, &why), RAMET_ENOTFOUND);
}

/* ---- its lock ---- */

static int locked(struct ramet_error *err)
{
	struct rameti_pindex_lock l;
	int r = rameti_pindex_lock(&l, in(LOCK), 0, err);

	if (!r)
		rameti_pindex_unlock(&l);
	return r;
}

static void make_old(const char *name)
{
	struct timespec times[2] = { { 100, 0 }, { 100, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, in(name), times, 0), 0);
}

static void lock__is_a_directory_or_an_old_file(void **state)
{
	(void)state;
	must(locked(&why));
	assert_false(exists(in(LOCK)));
	assert_int_equal(mkdir(in(LOCK), 0700), 0);
	refused(locked(&why), RAMET_ECONFLICT);
	make_old(LOCK);
	assert_int_equal(locked(&why), RAMET_ECONFLICT); /* it goes, and is taken the next time */
	must(locked(&why));
	put(in(LOCK), "");
	must(locked(&why));
	assert_true(exists(in(LOCK)));               /* the older program's stays */
	assert_int_equal(unlink(in(LOCK)), 0);
	assert_int_equal(symlink("x", in(LOCK)), 0);
	refused(locked(&why), RAMET_ECONFLICT);
	assert_int_equal(unlink(in(LOCK)), 0);
}

static void replace_lock(void *user)
{
	(void)user;
	(void)unlink(in(LOCK));
	put(in(LOCK), "");
}

static void replace_by_directory(void *user)
{
	(void)user;
	(void)unlink(in(LOCK));
	(void)mkdir(in(LOCK), 0700);
}

static void lock__that_is_lost_meanwhile_is_not_held(void **state)
{
	static const struct {
		struct faults f;
		int file, r;
	} cases[] = {
		{ { .kind = FAULT_MKDIR, .n = 1, .sys = EACCES }, 0, RAMET_EIO },
		{ { .kind = FAULT_LSTAT, .n = 1, .sys = ENOENT }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_OPEN, .n = 1, .sys = ENOENT }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_OPEN, .n = 1, .sys = EISDIR }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_OPEN, .n = 1, .sys = EACCES }, 1, RAMET_EIO },
		{ { .kind = FAULT_OPEN, .n = 1, .meanwhile = replace_by_directory }, 1,
		  RAMET_ECONFLICT },
		{ { .kind = FAULT_FLOCK, .n = 1, .sys = EWOULDBLOCK }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_FSTAT, .n = 1, .sys = EIO }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_LSTAT, .n = 2, .sys = ENOENT }, 1, RAMET_ECONFLICT },
		{ { .kind = FAULT_LSTAT, .n = 2, .meanwhile = replace_lock }, 1, RAMET_ECONFLICT },
		{ { .interrupt = 1 }, 1, 0 },
		{ { .kind = FAULT_CLOCK, .n = 1, .for_ever = 1, .sys = EINVAL }, 0, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)unlink(in(LOCK));
		(void)rmdir(in(LOCK));
		if (cases[i].file)
			put(in(LOCK), "");
		memset(&why, 0, sizeof(why));
		faults_start(&cases[i].f);
		if (locked(&why) != cases[i].r)
			fail_msg("case %zu: %s", i, why.text);
		assert_int_equal(faults_open_fds(), 0);
		(void)faults_stop();
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(append__goes_on_behind_rows_without_ids),
		TEST(append__begins_an_empty_session),
		TEST(append__after_a_failed_sync_is_refused),
		TEST(create__takes_a_header_with_an_id),
		TEST(lock__may_be_interrupted_and_no_link),
		TEST(remove__takes_only_the_session_that_is_meant),
		TEST(info__of_an_empty_session_is_told),
		TEST(home__knows_its_databases),
		TEST(home__says_that_rows_are_missing),
		TEST(facts__pass_over_what_is_none),
		TEST(update__takes_relative_names_and_the_usual_root),
		TEST(refresh__walks_past_what_is_no_session),
		TEST(lock__is_a_directory_or_an_old_file),
		TEST(lock__that_is_lost_meanwhile_is_not_held),
	};

	return cmocka_run_group_tests_name("pirust_index_odd", tests, NULL, NULL);
}

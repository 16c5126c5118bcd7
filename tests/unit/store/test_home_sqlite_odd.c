/*
 * home_sqlite*.c: databases that lost a table, hold values no program of ours writes, or cannot be
 * made durable; and the door that sessions come through.
 */
#include "failing.h"
#include "scenes.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sql.h"
#include "store/home.h"
#include "store/home_sqlite.h"

#define HEADER(id)                                                                                 \
	"{'type':'session','version':3,'id':'" id                                                  \
	"','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define ONE MESSAGE("u1", "null", U("one"))
#define TWO MESSAGE("a1", "'u1'", A("two"))

static const struct rameti_home *home = &rameti_home_sqlite;
static char path[TEMP_PATH];
static struct rameti_sqlite *h;

/* The library's own calls come here, too. */
static int syncs_fail;

static int sync_with(long number, int fd)
{
	if (!syncs_fail)
		return (int)syscall(number, fd);
	errno = EIO;
	return -1;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	return sync_with(SYS_fsync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return sync_with(SYS_fdatasync, fd);
}

static int begin(void **state)
{
	(void)scene_setup(state);
	(void)snprintf(path, sizeof(path), "%s/s.db", scene_dir);
	h = NULL;
	return 0;
}

static void close_it(void)
{
	rameti_sqlite_close(h);
	h = NULL;
}

static int end(void **state)
{
	syncs_fail = 0;
	close_it();
	return scene_teardown(state);
}

static void open_it(int create, int level)
{
	struct rameti_sqlite_opts opts = { create, level, 200 };

	close_it();
	must(rameti_sqlite_open(&h, path, &opts, &why));
}

static void sql(const char *text)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, path, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, text, &why));
	rameti_sql_close(db);
}

/* A database with one session, s1, of one message, and a handle that has written to it. */
static struct rameti_sqlite_end make_one(void)
{
	struct rameti_sqlite_end at;

	close_it();
	(void)unlink(path);
	open_it(1, RAMET_LEVEL_NONE);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &at, &why));
	return at;
}

/* ---- a table is gone ---- */

enum deed { LOAD, MORE, FIND, LIST, CHECK, APPEND, CREATE, REPLACE, REMOVE, N_DEEDS };

static int take_info(void *user, const struct ramet_session_info *info)
{
	(void)info;
	++*(int *)user;
	return 0;
}

static int do_it(enum deed deed, struct rameti_sqlite_end *at)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int n = 0, r = 0;

	memset(&why, 0, sizeof(why));
	switch (deed) {
	case LOAD:
		r = rameti_sqlite_load(h, raw("s1"), &b, at, NULL, &why);
		break;
	case MORE:
		r = rameti_sqlite_load_more(h, at, &b, NULL, &why);
		break;
	case FIND:
		r = rameti_sqlite_find(h, raw("s"), &b, &why);
		break;
	case LIST:
		r = rameti_sqlite_list(h, 1, take_info, &n, &why);
		break;
	case CHECK:
		r = rameti_sqlite_check(h, &b, &why);
		break;
	case APPEND:
		r = rameti_sqlite_append(h, at, js(TWO), 1, &why);
		break;
	case CREATE:
		r = rameti_sqlite_create(h, js(HEADER("s2") ONE), at, &why);
		break;
	case REPLACE:
		r = rameti_sqlite_replace(h, at, js(HEADER("s1") TWO), &why);
		break;
	default:
		r = rameti_sqlite_remove(h, raw("s1"), &why);
	}
	ramet_buf_release(&b);
	return r;
}

/* Each call that needs it says so, and changes nothing; others go on. */
static void tables__that_are_gone_are_told(void **state)
{
	static const char *const tables[] = { "sessions", "state", "entries" };
	static const unsigned char needs[N_DEEDS] = { 7, 6, 1, 7, 7, 7, 7, 7, 7 };
	size_t t;
	int deed, anew;

	(void)state;
	for (t = 0; t < 3; t++)
		for (deed = 0; deed < N_DEEDS; deed++)
			for (anew = 0; anew < 2; anew++) {
				struct rameti_sqlite_end at = make_one();
				char text[100];
				int r;

				(void)snprintf(text, sizeof(text),
					       "PRAGMA foreign_keys=OFF; DROP TABLE %s", tables[t]);
				sql(text);
				if (anew) {
					open_it(0, RAMET_LEVEL_NONE);
					at.session = 1;
				}
				r = do_it((enum deed)deed, &at);
				if (needs[deed] >> t & 1 ? r != RAMET_EFORMAT || why.code != r
							 : r < 0)
					fail_msg("without %s, deed %d, %d: %d %s", tables[t], deed,
						 anew, r, why.text);
			}
}

/* Statements that fail in the middle of a change: nothing of it stays. */
static void changes__that_fail_halfway_leave_all_as_it_was(void **state)
{
	static const char *const obstacles[] = {
		"ALTER TABLE state RENAME TO x; CREATE TABLE state(session PRIMARY KEY, last_seq, "
		"size, message_count, name, talk_ms, modified_ms, changed_ms CHECK(changed_ms<0)); "
		"INSERT INTO state SELECT session, last_seq, size, message_count, name, talk_ms, "
		"modified_ms, -1 FROM x",
		"ALTER TABLE entries RENAME TO x; CREATE TABLE entries(session, seq CHECK(seq<2), "
		"crc32c, line CHECK(line NOT LIKE '%two%')); INSERT INTO entries SELECT * FROM x",
		"ALTER TABLE sessions RENAME TO x; CREATE TABLE sessions(key INTEGER PRIMARY KEY, "
		"id UNIQUE, cwd CHECK(key=0), parent_session, created_ms, first_message, header)",
	};
	static const enum deed deeds[] = { APPEND, CREATE, REPLACE };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
		for (k = 0; k < sizeof(deeds) / sizeof(deeds[0]); k++) {
			struct rameti_sqlite_end at = make_one(), was = at;
			int64_t before[3], after[3];
			struct rameti_sql *db = NULL;
			int n, round;

			sql("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON;");
			sql(obstacles[i]);
			for (round = 0; round < 2; round++) {
				int64_t *to = round ? after : before;

				must(rameti_sql_open(&db, path, RAMETI_SQL_READ, 1000, &why));
				must(rameti_sql_number(db, "SELECT count(*) FROM entries", &to[0],
						       &why));
				must(rameti_sql_number(db, "SELECT count(*) FROM sessions", &to[1],
						       &why));
				must(rameti_sql_number(db, "SELECT sum(last_seq) FROM state",
						       &to[2], &why));
				rameti_sql_close(db);
				if (!round)
					(void)do_it(deeds[k], &at);
			}
			if (at.seq == was.seq && at.session == was.session)
				for (n = 0; n < 3; n++)
					assert_int_equal(before[n], after[n]);
		}
}

/* ---- values that nobody of us writes ---- */

static void append__refuses_numbers_that_cannot_be(void **state)
{
	struct rameti_sqlite_end at = make_one();

	(void)state;
	sql("UPDATE state SET last_seq=-1");
	refused(rameti_sqlite_append(h, &at, js(TWO), 0, &why), RAMET_EFORMAT);
	sql("UPDATE state SET last_seq=9007199254740993");
	refused(rameti_sqlite_append(h, &at, js(TWO), 0, &why), RAMET_EFORMAT);
	sql("UPDATE state SET last_seq=9007199254740992");
	at.seq = 9007199254740992;
	must(rameti_sqlite_append(h, &at, js(TWO), 0, &why));
	refused(rameti_sqlite_append(h, &at, js(ONE), 0, &why), RAMET_EFORMAT);
}

static void create__takes_headers_alone(void **state)
{
	static const char *const bad[] = { "{}\n", "{'type':'session','id':''}\n",
					   "x\n",  "{'type':'session'}\n",
					   "\n",   "" };
	struct rameti_sqlite_end at = make_one();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(rameti_sqlite_create(h, js(bad[i]), &at, &why) < 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(rameti_sqlite_replace(h, &at, js(bad[i]), &why) < 0);
	refused(rameti_sqlite_replace(h, &at, js(HEADER("other") ONE), &why), RAMET_EINVAL);
	must(rameti_sqlite_append(h, &at, js(TWO), 1, &why));
}

/* A session without a time, and one of which nothing was ever said. */
static void list__has_no_times_where_none_are(void **state)
{
	struct rameti_sqlite_end at;
	struct ramet_buf b = RAMET_BUF_INIT(1000), text = RAMET_BUF_INIT(10);
	int n = 0;

	(void)state;
	open_it(1, RAMET_LEVEL_NONE);
	must(rameti_sqlite_create(h,
				  js("{'type':'session','version':3,'id':'t','timestamp':"
				     "'never'}\n"),
				  &at, &why));
	must(rameti_sqlite_append(h, &at,
				  js("{'type':'session_info','id':'n','parentId':null,'name':'n'}"),
				  1, &why));
	sql("UPDATE entries SET crc32c=NULL; UPDATE sessions SET created_ms=NULL; "
	    "UPDATE state SET modified_ms=NULL");
	must(rameti_sqlite_list(h, 1, take_info, &n, &why));
	assert_int_equal(n, 1);
	must(rameti_sqlite_append(h, &at, js(MESSAGE("u", "'n'", U("x"))), 0, &why));
	assert_int_equal(rameti_sqlite_check(h, &b, &why), 1);
	/* the caller's limit */
	refused(rameti_sqlite_load(h, raw("t"), &text, &at, NULL, &why), RAMET_ELIMIT);
	refused(rameti_sqlite_load(h, raw("u"), &b, &at, NULL, &why), RAMET_ENOTFOUND);
	refused(rameti_sqlite_find(h, raw("u"), &b, &why), RAMET_ENOTFOUND);
	ramet_buf_release(&b);
	ramet_buf_release(&text);
}

/* Each kind of thing that a check can say, alone and where the report is full. */
static void check__ends_its_report_somewhere(void **state)
{
	static const char *const damages[] = {
		"UPDATE entries SET crc32c=1 WHERE session=%d",
		"UPDATE entries SET seq=7 WHERE session=%d",
		"UPDATE state SET last_seq=9 WHERE session=%d",
		"DELETE FROM state WHERE session=%d",
		"UPDATE state SET last_seq=0 WHERE session=%d",
		"UPDATE state SET size=1 WHERE session=%d",
		"UPDATE state SET name='x' WHERE session=%d",
		"UPDATE state SET message_count=5 WHERE session=%d",
		"UPDATE sessions SET first_message='x' WHERE key=%d",
	};
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	struct rameti_sqlite_end at;
	char text[1000];
	size_t lines = 0, i;
	int n;

	(void)state;
	(void)make_one();
	for (n = 2; n < 130; n++) {
		(void)snprintf(text, sizeof(text), HEADER("s%d") ONE, n);
		must(rameti_sqlite_create(h, js(text), &at, &why));
	}
	close_it();
	for (n = 1; n < 130; n++) {
		(void)snprintf(
			text, sizeof(text),
			damages[n < 110 ? 0 : (size_t)n % (sizeof(damages) / sizeof(damages[0]))],
			n);
		sql(text);
	}
	open_it(0, RAMET_LEVEL_NONE);
	assert_int_equal(rameti_sqlite_check(h, &b, &why), 0);
	for (i = 0; i < b.len; i++)
		lines += b.ptr[i] == '\n';
	assert_int_equal(lines, 100);
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		(void)make_one();
		(void)snprintf(text, sizeof(text), damages[i], 1);
		sql(text);
		ramet_buf_reset(&b);
		assert_int_equal(rameti_sqlite_check(h, &b, &why), 0);
		assert_non_null(strstr(b.ptr, "s1: "));
		assert_null(strchr(strchr(b.ptr, '\n') + 1, '\n'));
	}
	ramet_buf_release(&b);
}

static void open__takes_no_database_of_others(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "PRAGMA user_version=1", RAMET_EFORMAT },
		{ "CREATE TABLE x(y)", RAMET_EFORMAT },
		{ "PRAGMA application_id=5", RAMET_EFORMAT },
		{ "PRAGMA application_id=1918987636", RAMET_EFORMAT }, /* ours, version 0 */
		{ "PRAGMA application_id=1918987636; PRAGMA user_version=99", RAMET_EVERSION },
	};
	struct rameti_sqlite_opts opts = { 0, RAMET_LEVEL_NONE, 200 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (opts.create = 0; opts.create < 2; opts.create++) {
			(void)unlink(path);
			sql(cases[i].text);
			refused(rameti_sqlite_open(&h, path, &opts, &why), cases[i].code);
			assert_null(h);
		}
}

static void open__waits_for_who_makes_it(void **state)
{
	struct rameti_sqlite_opts opts = { 1, RAMET_LEVEL_NONE, 50 };
	struct rameti_sql *db = NULL;

	(void)state;
	put(path, "");
	must(rameti_sql_open(&db, path, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, "BEGIN EXCLUSIVE", &why));
	refused(rameti_sqlite_open(&h, path, &opts, &why), RAMET_ECONFLICT);
	rameti_sql_rollback(db);
	rameti_sql_close(db);
	must(rameti_sqlite_open(&h, path, &opts, &why));
}

/* ---- what cannot be made durable ---- */

static void sync__that_fails_ends_the_handle(void **state)
{
	struct rameti_sqlite_end at = make_one();
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);

	(void)state;
	must(rameti_sqlite_append(h, &at, js(TWO), 0, &why));
	must(rameti_sqlite_sync(h, &why));
	syncs_fail = 1;
	refused(rameti_sqlite_append(h, &at, js(MESSAGE("u2", "'a1'", U("x"))), 1, &why),
		RAMET_EUNKNOWN);
	syncs_fail = 0;
	refused(rameti_sqlite_append(h, &at, js(TWO), 1, &why), RAMET_EUNKNOWN);
	refused(rameti_sqlite_sync(h, &why), RAMET_EUNKNOWN);
	open_it(0, RAMET_LEVEL_EACH);
	must(rameti_sqlite_sync(h, &why));
	must(rameti_sqlite_load(h, raw("s1"), &b, &at, NULL, &why));
	must(rameti_sqlite_append(h, &at, js(MESSAGE("u3", "'a1'", U("x"))), 0, &why));
	syncs_fail = 1;
	assert_true(rameti_sqlite_append(h, &at, js(MESSAGE("u4", "'u3'", U("x"))), 0, &why) < 0);
	syncs_fail = 0;
	ramet_buf_release(&b);
}

/* ---- the door ---- */

static void sniff__knows_databases_of_ours(void **state)
{
	char head[100] = "SQLite format 3";

	(void)state;
	memcpy(head + 68, "ramt", 4);
	assert_true(home->sniff((struct ramet_bytes){ head, 100 }));
	assert_true(home->sniff((struct ramet_bytes){ head, 72 }));
	assert_false(home->sniff((struct ramet_bytes){ head, 71 }));
	head[70] = 'x';
	assert_false(home->sniff((struct ramet_bytes){ head, 100 }));
	head[0] = 's';
	assert_false(home->sniff((struct ramet_bytes){ head, 100 }));
}

static void door__opens_only_what_is_there(void **state)
{
	struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 100 };
	void *open = NULL;
	int n = 0;

	(void)state;
	refused(home->open(&open, path, raw("s1"), NULL, &why), RAMET_ENOTFOUND);
	refused(home->each(path, 0, take_info, &n, &why), RAMET_ENOTFOUND);
	refused(home->remove(path, raw("s1"), &why), RAMET_ENOTFOUND);
	assert_true(home->create(scene_dir, js(HEADER("s1")), 1, &why) < 0);
	must(home->create(path, js(HEADER("s1") ONE), 0, &why));
	must(home->create(path, js(HEADER("s2") ONE), 1, &why));
	refused(home->create(path, js(HEADER("s2") ONE), 1, &why), RAMET_ECONFLICT);
	must(home->open(&open, path, raw("s1"), &opts, &why));
	home->close(open);
	home->close(NULL);
	must(home->remove(path, raw("s2"), &why));
	refused(home->remove(path, raw("s2"), &why), RAMET_ENOTFOUND);
	assert_int_equal(n, 0);
	must(home->each(path, 0, take_info, &n, &why));
	assert_int_equal(n, 1);
}

/* ---- without memory ---- */

static const char header_line[] = "{\"type\":\"session\",\"version\":3,\"id\":\"made\","
				  "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n";
static const char user_line[] = "{\"type\":\"message\",\"id\":\"x1\",\"parentId\":null,"
				"\"timestamp\":\"2026-04-10T12:00:02.474Z\",\"message\":{"
				"\"role\":\"user\",\"content\":\"more\"}}\n";

static const char *db(void)
{
	static char name[TEMP_PATH];

	(void)snprintf(name, sizeof(name), "%s/s.db", scene_dir);
	return name;
}

static void have_damaged(void)
{
	must(home->create(db(), js(HEADER("s1") ONE TWO MESSAGE("u3", "'a1'", U("x"))), 0, &why));
	must(home->create(db(), js(HEADER("s2") LINE("session_info", "n", "null", ",'name':'n'")),
			  0, &why));
	memcpy(path, db(), sizeof(path));
	sql("DELETE FROM entries WHERE seq=2; UPDATE entries SET crc32c=1 WHERE seq=3; "
	    "DELETE FROM state WHERE session=2");
}

static int session_of_it(struct ramet_error *err)
{
	const struct ramet_findings *f;
	struct ramet_session *s = NULL;
	char url[TEMP_PATH + 20];
	uint32_t i;
	int r;

	(void)snprintf(url, sizeof(url), "sqlite:%s#s1", db());
	r = ramet_session_open(&s, url, NULL, err);
	if (r < 0)
		return r;
	f = ramet_session_findings(s);
	for (i = 0; i < f->n; i++)
		scene_says("%s %.*s\n", f->items[i].code, RAMET_FMT(f->items[i].text));
	ramet_session_close(s);
	return 0;
}

static int report_of_it(struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	struct rameti_sqlite *open = NULL;
	int r = rameti_sqlite_open(&open, db(), NULL, err);

	if (!r)
		r = rameti_sqlite_check(open, &b, err);
	if (r >= 0)
		scene_says_bytes(ramet_buf_bytes(&b));
	rameti_sqlite_close(open);
	ramet_buf_release(&b);
	return r;
}

static int create_in_it(struct ramet_error *err)
{
	char text[1000];

	(void)snprintf(text, sizeof(text), "%s%s", header_line, user_line);
	return home->create(db(), ramet_bytes_of(text), 0, err);
}

static int say_info(void *user, const struct ramet_session_info *info)
{
	(void)user;
	scene_says("%.*s %.*s %.*s\n", RAMET_FMT(info->id), RAMET_FMT(info->first_message),
		   RAMET_FMT(info->all_text));
	return 0;
}

static int each_of_it(struct ramet_error *err)
{
	return home->each(db(), 1, say_info, NULL, err);
}

static int append_to_it(struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	void *first = NULL, *second = NULL;
	int r = home->open(&first, db(), ramet_bytes_of("s1"), NULL, err);

	if (!r)
		r = home->open(&second, db(), ramet_bytes_of("s1"), NULL, err);
	if (!r)
		r = home->load(first, &text, err);
	if (!r)
		r = home->load(second, &text, err);
	if (!r)
		r = home->append(first, ramet_bytes_of(user_line), 1, 0, err);
	if (!r)
		r = home->more(second, &text, err);
	if (r > 0)
		r = home->sync(second, err);
	home->close(first);
	home->close(second);
	ramet_buf_release(&text);
	return r;
}

static int remove_from_it(struct ramet_error *err)
{
	return home->remove(db(), ramet_bytes_of("s2"), err);
}

static const struct scene scenes[] = {
	{ "a damaged session", have_damaged, session_of_it, 0, 1, 0 },
	{ "a report", have_damaged, report_of_it, 0, 1, 0 },
	{ "create", have_damaged, create_in_it, 0, 1, 0 },
	{ "each", have_damaged, each_of_it, 0, 1, 0 },
	{ "append", have_damaged, append_to_it, 0, 1, 0 },
	{ "remove", have_damaged, remove_from_it, 0, 1, 0 },
};

static void home__without_memory_answers_whole_or_not_at_all(void **state)
{
	(void)state;
	scenes_without_memory(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tables__that_are_gone_are_told),
		T(changes__that_fail_halfway_leave_all_as_it_was),
		T(append__refuses_numbers_that_cannot_be),
		T(create__takes_headers_alone),
		T(list__has_no_times_where_none_are),
		T(check__ends_its_report_somewhere),
		T(open__takes_no_database_of_others),
		T(open__waits_for_who_makes_it),
		T(sync__that_fails_ends_the_handle),
		T(sniff__knows_databases_of_ours),
		T(door__opens_only_what_is_there),
		T(home__without_memory_answers_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("home_sqlite_odd", tests, NULL, NULL);
}

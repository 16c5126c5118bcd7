/*
 * home_pirust_sqlite.c: a database made from the original's schema is read as it is; what is
 * appended stands in it as the original writes it, with its meta rows in step; locks, others'
 * changes and damage.
 */
#include "failing.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sql.h"
#include "store/home_pirust_sqlite.h"

#define PHEAD(more)                                                                                \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T10:00:00.000Z',"          \
	"'cwd':'/w'" more "}\n"
#define ENTRY(type, id, more)                                                                      \
	"{'type':'" type "','id':'" id "'" more ",'timestamp':'2026-03-01T10:00:01.000Z'"
#define ONE ENTRY("message", "u1", "") ",'message':" U("one") "}\n"
#define TWO ENTRY("message", "a1", ",'parentId':'u1'") ",'message':" A("two") "}\n"
#define NAMED(name) ENTRY("session_info", "n1", ",'parentId':'a1'") ",'name':'" name "'}\n"
#define UNNAMED ENTRY("session_info", "n2", ",'parentId':'a1'") "}\n"
#define TABLES                                                                                     \
	"PRAGMA journal_mode=WAL;"                                                                 \
	"CREATE TABLE pi_session_header(id TEXT PRIMARY KEY, json TEXT NOT NULL);"                 \
	"CREATE TABLE pi_session_entries(seq INTEGER PRIMARY KEY, json TEXT NOT NULL);"            \
	"CREATE TABLE pi_session_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"

static char *dir;
static char path[TEMP_PATH];
static struct rameti_pirust_sqlite *h;
static struct ramet_buf text;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/s.sqlite", dir);
	h = NULL;
	ramet_buf_init(&text, SIZE_MAX / 2);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	rameti_pirust_sqlite_close(h);
	ramet_buf_release(&text);
	h = NULL;
	temp_dir_remove(dir);
	return 0;
}

static void sql(const char *statements)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, path, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, statements, &why));
	rameti_sql_close(db);
}

static void put_row(struct rameti_sql *db, const char *statement, const char *line)
{
	struct rameti_stmt *st = NULL;
	struct ramet_bytes json = js(line);

	json.len -= json.len && json.ptr[json.len - 1] == '\n';
	must(rameti_sql_prepare(&st, db, statement, &why));
	rameti_stmt_bind_text(st, 1, json);
	must(rameti_stmt_run(st, &why));
	rameti_stmt_free(st);
}

static void insert(const char *line)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why));
	put_row(db, "INSERT INTO pi_session_entries(json) VALUES(?1)", line);
	rameti_sql_close(db);
}

/* As the original leaves it. */
static void originals(const char *header)
{
	struct rameti_sql *db = NULL;

	sql(TABLES);
	must(rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why));
	put_row(db, "INSERT INTO pi_session_header VALUES('s1', ?1)", header);
	rameti_sql_close(db);
	insert(ONE);
	insert(TWO);
	sql("INSERT INTO pi_session_meta VALUES('message_count','2'),('name','')");
}

static void loads(const char *expected)
{
	struct ramet_open_opts opts = { .lock_ms = 200 };

	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_reset(&text);
	must(rameti_pirust_sqlite_open(&h, path, &opts, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
	assert_string_equal(text.ptr, dq(expected));
}

static void meta_is(const char *key, const char *value)
{
	struct rameti_sql *db = NULL;
	struct rameti_stmt *st = NULL;
	struct ramet_bytes got;

	must(rameti_sql_open(&db, path, RAMETI_SQL_READ, 1000, &why));
	must(rameti_sql_prepare(&st, db, "SELECT value FROM pi_session_meta WHERE key=?1", &why));
	rameti_stmt_bind_text(st, 1, ramet_bytes_of(key));
	assert_int_equal(rameti_stmt_step(st, &why), 1);
	got = rameti_stmt_bytes(st, 0);
	assert_int_equal(got.len, strlen(value));
	assert_memory_equal(got.ptr, value, got.len);
	rameti_stmt_free(st);
	rameti_sql_close(db);
}

/* ---- reading ---- */

static void home_pirust_sqlite__reads_what_the_original_wrote(void **state)
{
	(void)state;
	originals(PHEAD(""));
	loads(PHEAD("") ONE TWO);
	assert_string_equal(names_in(dir), "s.sqlite");
}

static void home_pirust_sqlite__makes_one_line_of_a_row(void **state)
{
	(void)state;
	originals(PHEAD(""));
	insert("{ 'type' :\n 'label' }");
	insert("no json\nat all");
	loads(PHEAD("") ONE TWO "{'type':'label'}\nno json at all\n");
}

static void home_pirust_sqlite__refuses_other_databases(void **state)
{
	(void)state;
	sql("CREATE TABLE t(x)");
	must(rameti_pirust_sqlite_open(&h, path, NULL, &why));
	refused(rameti_pirust_sqlite_load(h, &text, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "is a database, but not a session of pi_agent_rust");
	sql(TABLES);
	refused(rameti_pirust_sqlite_load(h, &text, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "has no header");
	sql("INSERT INTO pi_session_header VALUES('a','{}'),('b','{}')");
	refused(rameti_pirust_sqlite_load(h, &text, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "has more than one header");
	put(path, "no database at all, but long enough to be the header page of one if it were "
		  "that and not just this text");
	refused(rameti_pirust_sqlite_load(h, &text, &why), RAMET_EFORMAT);
	assert_int_equal(text.len, 0);
	rameti_pirust_sqlite_close(h);
	h = NULL;
	refused(rameti_pirust_sqlite_open(&h, temp_path(dir, "no.sqlite"), NULL, &why),
		RAMET_ENOTFOUND);
}

/* ---- appending ---- */

static void home_pirust_sqlite__appends_as_the_original_does(void **state)
{
	(void)state;
	originals(PHEAD(""));
	loads(PHEAD("") ONE TWO);
	must(rameti_pirust_sqlite_append(h, js(NAMED("My \\u00e4 name") ONE), 1, &why));
	meta_is("message_count", "3");
	meta_is("name", "My \xc3\xa4 name");
	must(rameti_pirust_sqlite_append(h, js(UNNAMED), 0, &why));
	meta_is("name", "My \xc3\xa4 name");
	loads(PHEAD("") ONE TWO NAMED("My \\u00e4 name") ONE UNNAMED);
	assert_string_equal(names_in(dir), "s.sqlite s.sqlite.lock");
	assert_int_equal(mode_of(temp_path(dir, "s.sqlite.lock")), 0600);
}

static void home_pirust_sqlite__counts_where_there_is_no_count(void **state)
{
	(void)state;
	originals(PHEAD(""));
	insert(NAMED("old"));
	sql("DROP TABLE pi_session_meta");
	loads(PHEAD("") ONE TWO NAMED("old"));
	must(rameti_pirust_sqlite_append(h, js(UNNAMED ONE), 1, &why));
	meta_is("message_count", "3");
	meta_is("name", "old");
}

static void home_pirust_sqlite__takes_the_leaf_out_of_the_header(void **state)
{
	(void)state;
	originals(PHEAD(",'leafId':'u1','branchedFrom':'/x'"));
	loads(PHEAD(",'leafId':'u1','branchedFrom':'/x'") ONE TWO);
	must(rameti_pirust_sqlite_append(h, js(UNNAMED), 1, &why));
	loads(PHEAD(",'branchedFrom':'/x'") ONE TWO UNNAMED);
}

static void home_pirust_sqlite__takes_in_what_others_stored(void **state)
{
	(void)state;
	originals(PHEAD(""));
	loads(PHEAD("") ONE TWO);
	assert_int_equal(rameti_pirust_sqlite_more(h, &text, &why), 0);
	insert(NAMED("theirs"));
	refused(rameti_pirust_sqlite_append(h, js(ONE), 0, &why), RAMET_ECONFLICT);
	ramet_buf_reset(&text);
	assert_int_equal(rameti_pirust_sqlite_more(h, &text, &why), 1);
	assert_string_equal(text.ptr, dq(NAMED("theirs")));
	must(rameti_pirust_sqlite_append(h, js(UNNAMED), 0, &why));
	/* stored anew in other words, as the original does now and then: still the same session */
	sql("UPDATE pi_session_entries SET json=replace(json,'}','} ')");
	must(rameti_pirust_sqlite_append(h, js(ONE), 0, &why));
	/* another one */
	sql("DELETE FROM pi_session_entries; "
	    "INSERT INTO pi_session_entries VALUES(1,'{}'),(2,'{}'),(3,'{}'),(4,'{}'),(5,'{}')");
	refused(rameti_pirust_sqlite_append(h, js(ONE), 0, &why), RAMET_ECONFLICT);
	refused(rameti_pirust_sqlite_more(h, &text, &why), RAMET_ECONFLICT);
}

static void home_pirust_sqlite__writes_nothing_behind_a_gap(void **state)
{
	(void)state;
	originals(PHEAD(""));
	sql("UPDATE pi_session_entries SET seq=3 WHERE seq=2");
	loads(PHEAD("") ONE TWO);
	refused(rameti_pirust_sqlite_append(h, js(ONE), 0, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "its rows are not numbered from 1 on without a gap");
	loads(PHEAD("") ONE TWO);
}

static void home_pirust_sqlite__refuses_lines_the_original_cannot_read(void **state)
{
	size_t len = ((size_t)100 << 20) + 1;
	char *line = malloc(len + 1);

	(void)state;
	assert_non_null(line);
	memset(line, ' ', len);
	line[len] = '\n';
	originals(PHEAD(""));
	loads(PHEAD("") ONE TWO);
	refused(rameti_pirust_sqlite_append(h, (struct ramet_bytes){ line, len + 1 }, 0, &why),
		RAMET_ELIMIT);
	refused(rameti_pirust_sqlite_append(h, js(ONE "\n"), 0, &why), RAMET_EINVAL);
	meta_is("message_count", "2");
	must(rameti_pirust_sqlite_append(h, js(ONE), 0, &why));
	loads(PHEAD("") ONE TWO ONE);
	free(line);
}

static void home_pirust_sqlite__waits_for_locks_but_not_for_ever(void **state)
{
	struct rameti_sql *db = NULL;
	int fd;

	(void)state;
	originals(PHEAD(""));
	loads(PHEAD("") ONE TWO);
	fd = open(temp_path(dir, "s.sqlite.lock"), O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
	refused(rameti_pirust_sqlite_append(h, js(ONE), 0, &why), RAMET_ECONFLICT);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	must(rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why));
	must(rameti_sql_begin(db, &why));
	refused(rameti_pirust_sqlite_append(h, js(ONE), 0, &why), RAMET_ECONFLICT);
	assert_string_equal(why.text, "the database is locked by another program");
	rameti_sql_rollback(db);
	rameti_sql_close(db);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);           /* ours was let go */
	close(fd);
	must(rameti_pirust_sqlite_append(h, js(NAMED("x")), 0, &why));
	loads(PHEAD("") ONE TWO NAMED("x"));
}

#define WRITERS 3
#define EACH 10

static void append_many(int who)
{
	struct ramet_open_opts opts = { .lock_ms = 20000 };
	char line[200];
	int i, r;

	must(rameti_pirust_sqlite_open(&h, path, &opts, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
	for (i = 0; i < EACH; i += !r) {
		(void)snprintf(line, sizeof(line),
			       "{\"type\":\"message\",\"id\":\"w%d-%d\",\"message\":{}}\n", who, i);
		r = rameti_pirust_sqlite_append(h, ramet_bytes_of(line), 0, &why);
		if (r == RAMET_ECONFLICT && rameti_pirust_sqlite_more(h, &text, &why) >= 0)
			continue;
		if (r)
			fail_msg("%s", why.text);
	}
	rameti_pirust_sqlite_close(h);
}

static void home_pirust_sqlite__stores_what_several_programs_append(void **state)
{
	char id[40];
	int i, k, status;

	(void)state;
	originals(PHEAD(""));
	for (i = 0; i < WRITERS; i++)
		if (!fork()) {
			append_many(i);
			_exit(0);
		}
	for (i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	must(rameti_pirust_sqlite_open(&h, path, NULL, &why));
	must(rameti_pirust_sqlite_load(h, &text, &why));
	for (i = 0; i < WRITERS; i++)
		for (k = 0; k < EACH; k++) {
			(void)snprintf(id, sizeof(id), "\"w%d-%d\"", i, k);
			assert_non_null(strstr(text.ptr, id));
		}
	meta_is("message_count", "32");
}

/* ---- making, listing, removing ---- */

static char told[500];

static int tell(void *user, const struct ramet_session_info *i)
{
	(void)user;
	(void)snprintf(told, sizeof(told), "%s %s cwd=%s name=%s from=%s n=%d first=%s all=%s %d",
		       i->format, i->id.ptr, i->cwd.ptr, i->name.ptr ? i->name.ptr : "-",
		       i->parent_session.ptr ? i->parent_session.ptr : "-", (int)i->message_count,
		       i->first_message.ptr, i->all_text.ptr ? i->all_text.ptr : "-",
		       i->created_ms == RAMET_TIME_NONE ? -1 :
							  (int)(i->modified_ms - i->created_ms));
	assert_true(i->size > 0 && i->mtime_ms > 0);
	return 0;
}

static void home_pirust_sqlite__makes_lists_and_removes(void **state)
{
	(void)state;
	must(rameti_pirust_sqlite_create(path, js(PHEAD(",'branchedFrom':'/x'") ONE TWO NAMED("n")
						  UNNAMED), 1, &why));
	assert_int_equal(mode_of(path), 0600);
	meta_is("message_count", "2");
	meta_is("name", "n");
	loads(PHEAD(",'branchedFrom':'/x'") ONE TWO NAMED("n") UNNAMED);
	must(rameti_pirust_sqlite_info(path, 1, tell, NULL, &why));
	assert_string_equal(told, "pirust s1 cwd=/w name=n from=/x n=2 first=one all=one two 1000");
	refused(rameti_pirust_sqlite_create(path, js(PHEAD("")), 1, &why), RAMET_ECONFLICT);
	refused(rameti_pirust_sqlite_remove(path, ramet_bytes_of("s2"), &why), RAMET_ENOTFOUND);
	assert_true(exists(path));
	must(rameti_pirust_sqlite_remove(path, ramet_bytes_of("s1"), &why));
	assert_string_equal(names_in(dir), "s.sqlite.lock");
	refused(rameti_pirust_sqlite_remove(path, ramet_bytes_of("s1"), &why), RAMET_ENOTFOUND);
	/* what cannot be made leaves nothing */
	refused(rameti_pirust_sqlite_create(path, js(ONE), 1, &why), RAMET_EFORMAT);
	refused(rameti_pirust_sqlite_create(path, js(PHEAD("") "\n"), 1, &why), RAMET_EINVAL);
	assert_string_equal(names_in(dir), "s.sqlite.lock");
}

/* ---- damage and failures ---- */

static void home_pirust_sqlite__survives_any_damage(void **state)
{
	static char copy[1 << 20];
	struct ramet_bytes good;
	int round, i;

	(void)state;
	must(rameti_pirust_sqlite_create(path, js(PHEAD("") ONE TWO), 1, &why));
	good = bytes_of(path);
	assert_true(good.len <= sizeof(copy));
	for (round = 0; round < 300; round++) {
		uint32_t x = (uint32_t)round * 2654435761u;

		memcpy(copy, good.ptr, good.len);
		for (i = 0; i < 8; i++) {
			x = x * 1664525u + 1013904223u;
			copy[(x >> 8) % (round % 2 ? good.len : 200)] = (char)x;
		}
		put_bytes(path, (struct ramet_bytes){ copy, round % 5 ? good.len :
								      (x >> 8) % good.len });
		ramet_buf_reset(&text);
		must(rameti_pirust_sqlite_open(&h, path, NULL, &why));
		if (!rameti_pirust_sqlite_load(h, &text, &why))
			(void)rameti_pirust_sqlite_append(h, js(ONE), 1, &why);
		(void)rameti_pirust_sqlite_info(path, 1, tell, NULL, &why);
		rameti_pirust_sqlite_close(h);
		h = NULL;
		(void)unlink(temp_path(dir, "s.sqlite-wal"));
		(void)unlink(temp_path(dir, "s.sqlite-shm"));
	}
}

static struct {
	struct ramet_bytes whole, more;
} given;

static int everything(void)
{
	int r = rameti_pirust_sqlite_create(path, given.whole, 0, &why);

	ramet_buf_init(&text, SIZE_MAX / 2);
	if (!r)
		r = rameti_pirust_sqlite_open(&h, path, NULL, &why);
	if (!r)
		r = rameti_pirust_sqlite_load(h, &text, &why);
	if (!r)
		r = rameti_pirust_sqlite_append(h, given.more, 0, &why);
	if (!r) {
		/* what others would read */
		rameti_pirust_sqlite_close(h);
		h = NULL;
		ramet_buf_reset(&text);
		r = rameti_pirust_sqlite_open(&h, path, NULL, &why);
	}
	if (!r)
		r = rameti_pirust_sqlite_load(h, &text, &why);
	if (!r)
		assert_memory_equal(text.ptr + text.len - given.more.len, given.more.ptr,
				    given.more.len);
	if (!r)
		r = rameti_pirust_sqlite_more(h, &text, &why);
	if (!r)
		r = rameti_pirust_sqlite_info(path, 1, tell, NULL, &why);
	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_release(&text);
	if (!r)
		r = rameti_pirust_sqlite_remove(path, (struct ramet_bytes){ "s1", 2 }, &why);
	return r;
}

static void home_pirust_sqlite__survives_each_failing_allocation(void **state)
{
	unsigned n;
	int r, reached = 1;

	(void)state;
	given.whole = js(PHEAD(",'leafId':'u1','branchedFrom':'/x'") ONE);
	given.more = js(TWO);
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = everything();
		reached = failing_memory_stop();
		/* without memory for the index of sessions all is well */
		if (r && !(reached && r == RAMET_ENOMEM))
			fail_msg("allocation %u: %d %s", n, r, why.text);
		(void)unlink(path);
		(void)unlink(temp_path(dir, "s.sqlite.lock"));
		assert_string_equal(names_in(dir), "");
	}
	assert_true(n > 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(home_pirust_sqlite__##name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(reads_what_the_original_wrote),
		CASE(makes_one_line_of_a_row),
		CASE(refuses_other_databases),
		CASE(appends_as_the_original_does),
		CASE(counts_where_there_is_no_count),
		CASE(takes_the_leaf_out_of_the_header),
		CASE(takes_in_what_others_stored),
		CASE(writes_nothing_behind_a_gap),
		CASE(refuses_lines_the_original_cannot_read),
		CASE(waits_for_locks_but_not_for_ever),
		CASE(stores_what_several_programs_append),
		CASE(makes_lists_and_removes),
		CASE(survives_any_damage),
		CASE(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

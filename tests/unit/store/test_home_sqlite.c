/*
 * home_sqlite.c: sessions in a database come back byte for byte; two programs never lose each
 * other's lines; a database that is not ours stays as it is; reading leaves nothing behind; damage
 * is told.
 */
#include "failing.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sql.h"
#include "store/home_sqlite.h"

#define HEADER(id)                                                                                 \
	"{'type':'session','version':3,'id':'" id                                                  \
	"','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define ONE MESSAGE("u1", "null", U("one"))
#define TWO MESSAGE("a1", "'u1'", A("two"))
#define THREE MESSAGE("u2", "'a1'", U("three"))

static char *dir;
static char path[TEMP_PATH];
static struct rameti_sqlite *h;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/s.db", dir);
	h = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	rameti_sqlite_close(h);
	h = NULL;
	temp_dir_remove(dir);
	return 0;
}

static struct rameti_sqlite *home(int create)
{
	struct rameti_sqlite_opts opts = { create, RAMET_LEVEL_EACH, 200 };
	struct rameti_sqlite *made = NULL;

	must(rameti_sqlite_open(&made, path, &opts, &why));
	return made;
}

static void close_home(void)
{
	rameti_sqlite_close(h);
	h = NULL;
}

static void sql(const char *text)
{
	struct rameti_sql *db = NULL;

	must(rameti_sql_open(&db, path, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, text, &why));
	rameti_sql_close(db);
}

static void holds(const char *id, const char *text)
{
	struct rameti_sqlite_end end;
	struct rameti_sqlite_damage damage;
	struct ramet_buf got;

	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_load(h, ramet_bytes_of(id), &got, &end, &damage, &why));
	assert_string_equal(got.ptr, dq(text));
	assert_int_equal(damage.n_missing + damage.n_changed, 0);
	ramet_buf_release(&got);
}

static void is_sound(void)
{
	struct ramet_buf report;

	ramet_buf_init(&report, SIZE_MAX / 2);
	if (rameti_sqlite_check(h, &report, &why) != 1)
		fail_msg("%s%s", report.len ? report.ptr : "", why.text);
	ramet_buf_release(&report);
}

static void reports(const char *text)
{
	struct ramet_buf report;

	ramet_buf_init(&report, SIZE_MAX / 2);
	assert_int_equal(rameti_sqlite_check(h, &report, &why), 0);
	assert_string_equal(report.ptr, text);
	ramet_buf_release(&report);
}

static void home_sqlite__gives_back_what_was_stored(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	assert_int_equal(end.seq, 1);
	must(rameti_sqlite_append(h, &end, js(TWO THREE), 0, &why));
	assert_int_equal(end.seq, 3);
	holds("s1", HEADER("s1") ONE TWO THREE);
	is_sound();
	close_home();
	assert_int_equal(mode_of(path), 0600);
	assert_string_equal(names_in(dir), "s.db");
	h = home(0);
	holds("s1", HEADER("s1") ONE TWO THREE);
	assert_string_equal(names_in(dir), "s.db");
}

static void home_sqlite__keeps_bytes_that_are_no_text(void **state)
{
	static const char odd[] = "{\"a\":\"\xff\xfe\"}\n{\"b\":\"x\0y\"}\nnot json\r\n";
	struct ramet_bytes lines = { odd, sizeof(odd) - 1 };
	struct ramet_buf got;
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	must(rameti_sqlite_append(h, &end, lines, 0, &why));
	ramet_buf_init(&got, SIZE_MAX / 2);
	end.seq = 0;
	must(rameti_sqlite_load_more(h, &end, &got, NULL, &why));
	assert_int_equal(end.seq, 3);
	assert_int_equal(got.len, lines.len);
	assert_memory_equal(got.ptr, odd, lines.len);
	ramet_buf_release(&got);
	is_sound();
}

static void home_sqlite__refuses_what_is_no_line(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	refused(rameti_sqlite_append(h, &end, js(""), 0, &why), RAMET_EINVAL);
	refused(rameti_sqlite_append(h, &end, js("\n"), 0, &why), RAMET_EINVAL);
	refused(rameti_sqlite_append(h, &end, js(ONE "\n" TWO), 0, &why), RAMET_EINVAL);
	refused(rameti_sqlite_create(h, js(ONE), &end, &why), RAMET_EFORMAT);
	refused(rameti_sqlite_create(h, js(""), &end, &why), RAMET_EINVAL);
	holds("s1", HEADER("s1"));
}

static void home_sqlite__takes_an_id_once(void **state)
{
	struct rameti_sqlite_end end = { 7, 7 };

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	end.session = end.seq = 7;
	refused(rameti_sqlite_create(h, js(HEADER("s1") TWO), &end, &why), RAMET_ECONFLICT);
	assert_int_equal(end.session, 7);
	holds("s1", HEADER("s1") ONE);
	is_sound();
}

static void home_sqlite__takes_in_what_others_appended(void **state)
{
	struct rameti_sqlite_end mine, theirs;
	struct rameti_sqlite *other;
	struct ramet_buf got;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &mine, &why));
	theirs = mine;
	other = home(0);
	must(rameti_sqlite_append(other, &theirs, js(TWO), 0, &why));
	refused(rameti_sqlite_append(h, &mine, js(THREE), 0, &why), RAMET_ECONFLICT);
	assert_int_equal(mine.seq, 2);
	mine.seq = 1;
	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_load_more(h, &mine, &got, NULL, &why));
	assert_string_equal(got.ptr, dq(TWO));
	assert_int_equal(mine.seq, 2);
	must(rameti_sqlite_append(h, &mine, js(THREE), 0, &why));
	holds("s1", HEADER("s1") ONE TWO THREE);
	ramet_buf_release(&got);
	rameti_sqlite_close(other);
}

static void home_sqlite__notices_a_removed_session(void **state)
{
	struct rameti_sqlite_end end, second;
	struct rameti_sqlite *other;
	struct ramet_buf got;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	other = home(0);
	must(rameti_sqlite_remove(other, ramet_bytes_of("s1"), &why));
	refused(rameti_sqlite_remove(other, ramet_bytes_of("s1"), &why), RAMET_ENOTFOUND);
	/* another session of the same id is another session */
	must(rameti_sqlite_create(other, js(HEADER("s1") ONE), &second, &why));
	assert_true(second.session != end.session);
	rameti_sqlite_close(other);
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_ECONFLICT);
	assert_int_equal(end.seq, 1);
	ramet_buf_init(&got, SIZE_MAX / 2);
	refused(rameti_sqlite_load_more(h, &end, &got, NULL, &why), RAMET_ECONFLICT);
	assert_int_equal(got.len, 0);
	ramet_buf_release(&got);
	holds("s1", HEADER("s1") ONE);
	is_sound();
}

static void home_sqlite__replaces_a_session_whole(void **state)
{
	struct rameti_sqlite_end end, old;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE TWO), &end, &why));
	old = end;
	refused(rameti_sqlite_replace(h, &end, js(HEADER("s2") THREE), &why), RAMET_EINVAL);
	holds("s1", HEADER("s1") ONE TWO);
	must(rameti_sqlite_replace(h, &end, js(HEADER("s1") THREE), &why));
	assert_int_equal(end.seq, 1);
	holds("s1", HEADER("s1") THREE);
	refused(rameti_sqlite_replace(h, &old, js(HEADER("s1")), &why), RAMET_ECONFLICT);
	assert_int_equal(old.seq, 1);
	is_sound();
}

/* ---- finding and listing ---- */

static void finds(const char *wanted, const char *id)
{
	struct ramet_buf got;

	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_find(h, ramet_bytes_of(wanted), &got, &why));
	assert_string_equal(got.ptr, id);
	ramet_buf_release(&got);
}

static void home_sqlite__finds_by_the_start_of_an_id(void **state)
{
	struct rameti_sqlite_end end;
	struct ramet_buf got;

	(void)state;
	h = home(1);
	ramet_buf_init(&got, SIZE_MAX / 2);
	refused(rameti_sqlite_find(h, ramet_bytes_of(""), &got, &why), RAMET_ENOTFOUND);
	assert_string_equal(why.text, "holds no session");
	must(rameti_sqlite_create(h, js(HEADER("ab")), &end, &why));
	finds("", "ab");
	must(rameti_sqlite_create(h, js(HEADER("abc")), &end, &why));
	must(rameti_sqlite_create(h, js(HEADER("b")), &end, &why));
	finds("ab", "ab");
	finds("abc", "abc");
	finds("b", "b");
	refused(rameti_sqlite_find(h, ramet_bytes_of("a"), &got, &why), RAMET_EAMBIGUOUS);
	assert_string_equal(why.text, "more than one session begins so: ab and abc");
	refused(rameti_sqlite_find(h, ramet_bytes_of("c"), &got, &why), RAMET_ENOTFOUND);
	refused(rameti_sqlite_find(h, ramet_bytes_of("'; DROP"), &got, &why), RAMET_ENOTFOUND);
	ramet_buf_release(&got);
}

static char listed[2000];

static int add_listed(void *user, const struct ramet_session_info *i)
{
	size_t len = strlen(listed);

	(void)user;
	assert_string_equal(i->format, "sqlite");
	(void)snprintf(listed + len, sizeof(listed) - len,
		       "%s cwd=%s name=%s n=%d first=%s all=%s size=%d at %lld\n",
		       i->path.ptr + strlen("sqlite:") + strlen(path),
		       i->cwd.ptr ? i->cwd.ptr : "-",
		       i->name.ptr ? i->name.ptr : "-", (int)i->message_count, i->first_message.ptr,
		       i->all_text.ptr ? i->all_text.ptr : "-", (int)i->size,
		       i->created_ms == RAMET_TIME_NONE ?
			       -1 : (long long)(i->modified_ms - i->created_ms));
	return 0;
}

static const char *list(int with_text)
{
	*listed = '\0';
	must(rameti_sqlite_list(h, with_text, add_listed, NULL, &why));
	return listed;
}

#define NAMED(name) LINE("session_info", "n1", "'a1'", ",'name':'" name "'")

static void home_sqlite__lists_without_reading_lines(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	assert_string_equal(list(0), "");
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	assert_string_equal(list(0), "#s1 cwd=/w name=- n=0 first=(no messages) all=- "
				     "size=91 at 0\n");
	must(rameti_sqlite_append(h, &end, js(ONE TWO), 0, &why));
	must(rameti_sqlite_append(h, &end, js(NAMED(" My name ")), 0, &why));
	must(rameti_sqlite_append(h, &end, js(THREE), 0, &why));
	assert_string_equal(list(0),
			    "#s1 cwd=/w name=My name n=3 first=one all=- size=609 at 1000\n");
	assert_string_equal(list(1), "#s1 cwd=/w name=My name n=3 first=one all=one two three "
				     "size=609 at 1000\n");
	must(rameti_sqlite_append(h, &end, js(NAMED("")), 0, &why));
	assert_string_equal(list(0), "#s1 cwd=/w name=- n=3 first=one all=- size=708 at 1000\n");
	is_sound();
	must(rameti_sqlite_remove(h, ramet_bytes_of("s1"), &why));
	assert_string_equal(list(0), "");
}

/* ---- what is not ours ---- */

static void stays_as_it_is(int code)
{
	struct rameti_sqlite_opts opts = { 1, 0, 200 };
	struct ramet_bytes before = bytes_of(path), after;
	int create;

	for (create = 0; create < 2; create++) {
		opts.create = create;
		refused(rameti_sqlite_open(&h, path, &opts, &why), code);
		after = bytes_of(path);
		assert_int_equal(after.len, before.len);
		assert_memory_equal(after.ptr, before.ptr, before.len);
		assert_string_equal(names_in(dir), "s.db");
	}
}

static void home_sqlite__leaves_others_files_alone(void **state)
{
	(void)state;
	put(path, "just a text, though a rather long one, so that it could be a header of a file "
		  "if only it had the right beginning, which it has not at all");
	stays_as_it_is(RAMET_EFORMAT);
	assert_string_equal(why.text, "is not a database");
	assert_string_equal(why.path, path);
	unlink(path);
	sql("PRAGMA journal_mode=WAL; CREATE TABLE sessions(x); INSERT INTO sessions VALUES(1)");
	stays_as_it_is(RAMET_EFORMAT);
	unlink(path);
	sql("PRAGMA application_id=5");
	stays_as_it_is(RAMET_EFORMAT);
	unlink(path);
	sql("PRAGMA application_id=0x72616d74; PRAGMA user_version=2; CREATE TABLE sessions(x)");
	stays_as_it_is(RAMET_EVERSION);
	unlink(path);
	temp_mkdir(dir, "s.db");
	refused(rameti_sqlite_open(&h, path, NULL, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "is a directory");
	refused(rameti_sqlite_open(&h, temp_path(dir, "none.db"), NULL, &why), RAMET_ENOTFOUND);
	assert_string_equal(names_in(dir), "s.db");
}

static void home_sqlite__makes_an_empty_file_its_own(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	put(path, "");
	refused(rameti_sqlite_open(&h, path, NULL, &why), RAMET_EFORMAT);
	assert_string_equal(why.text, "is an empty database");
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	is_sound();
}

static void home_sqlite__takes_any_file_name(void **state)
{
	static const char *const names[] = { "a?immutable=1&b#c%41 d.db", ":memory:", "file:x",
					     "\xff\xfe", "x'y\"z" };
	struct rameti_sqlite_opts opts = { 1, 0, 200 };
	struct rameti_sqlite_end end;
	char cwd[TEMP_PATH];
	size_t i;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		must(rameti_sqlite_open(&h, names[i], &opts, &why));
		must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
		close_home();
		assert_string_equal(names_in(dir), names[i]);
		assert_int_equal(unlink(names[i]), 0);
	}
	assert_int_equal(chdir(cwd), 0);
}

/* ---- reading leaves nothing behind ---- */

static void home_sqlite__reads_without_a_trace(void **state)
{
	struct rameti_sqlite_end end;
	struct stat before, after;
	struct ramet_bytes bytes;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	close_home();
	bytes = bytes_of(path);
	assert_int_equal(stat(path, &before), 0);
	h = home(0);
	holds("s1", HEADER("s1") ONE);
	assert_string_equal(names_in(dir), "s.db");
	finds("s", "s1");
	(void)list(1);
	is_sound();
	assert_string_equal(names_in(dir), "s.db");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	assert_memory_equal(bytes_of(path).ptr, bytes.ptr, bytes.len);
}

static void as_nobody(void (*fn)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void read_only_part(void)
{
	struct rameti_sqlite_end end;

	h = home(0);
	holds("s1", HEADER("s1") ONE);
	end.session = 1;
	end.seq = 1;
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_EIO);
	assert_string_equal(why.text, "the database is read-only");
	holds("s1", HEADER("s1") ONE);
	close_home();
}

static void home_sqlite__reads_where_it_cannot_write(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	close_home();
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	as_nobody(read_only_part);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_string_equal(names_in(dir), "s.db");
}

static void home_sqlite__reads_while_another_writes(void **state)
{
	struct rameti_sqlite_end end;
	struct rameti_sqlite *writer;

	(void)state;
	writer = home(1);
	must(rameti_sqlite_create(writer, js(HEADER("s1") ONE), &end, &why));
	h = home(0);
	holds("s1", HEADER("s1") ONE);
	must(rameti_sqlite_append(writer, &end, js(TWO), 0, &why));
	holds("s1", HEADER("s1") ONE TWO);
	rameti_sqlite_close(writer);
	assert_string_equal(names_in(dir), "s.db");
	holds("s1", HEADER("s1") ONE TWO);
}

/* ---- others ---- */

static void home_sqlite__waits_for_a_lock_but_not_for_ever(void **state)
{
	struct rameti_sqlite_end end;
	struct rameti_sql *db = NULL;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	must(rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why));
	must(rameti_sql_begin(db, &why));
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_ECONFLICT);
	assert_string_equal(why.text, "the database is locked by another program");
	assert_int_equal(end.seq, 1);
	holds("s1", HEADER("s1") ONE);
	rameti_sql_rollback(db);
	rameti_sql_close(db);
	must(rameti_sqlite_append(h, &end, js(TWO), 0, &why));
	holds("s1", HEADER("s1") ONE TWO);
}

static void home_sqlite__notices_a_removed_file(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	assert_int_equal(rename(path, temp_path(dir, "moved.db")), 0);
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_ECONFLICT);
	assert_string_equal(why.text, "another program removed or replaced the database");
	assert_false(exists(path));
	put(path, "something else");
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_ECONFLICT);
	assert_string_equal(bytes_of(path).ptr, "something else");
}

#define WRITERS 4
#define EACH 25

static void append_many(int who)
{
	struct rameti_sqlite_opts opts = { 0, RAMET_LEVEL_NONE, 20000 };
	struct rameti_sqlite_end end;
	struct ramet_buf got;
	char line[200];
	int i, r;

	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_open(&h, path, &opts, &why));
	must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why));
	for (i = 0; i < EACH;) {
		(void)snprintf(line, sizeof(line),
			       "{\"type\":\"custom\",\"who\":%d,\"i\":%d}\n", who, i);
		r = rameti_sqlite_append(h, &end, ramet_bytes_of(line), 0, &why);
		if (r && r != RAMET_ECONFLICT)
			fail_msg("%s", why.text);
		i += !r;
	}
	ramet_buf_release(&got);
	close_home();
}

static void home_sqlite__stores_what_several_programs_append(void **state)
{
	int next[WRITERS] = { 0 }, n = 0, i, who, status;
	struct rameti_sqlite_end end;
	struct ramet_buf got;
	const char *at;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	close_home();
	for (i = 0; i < WRITERS; i++)
		if (!fork()) {
			append_many(i);
			_exit(0);
		}
	for (i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	h = home(0);
	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why));
	assert_int_equal(end.seq, WRITERS * EACH);
	for (at = got.ptr; (at = strstr(at, "\"who\":")) != NULL; n++) {
		assert_int_equal(sscanf(at, "\"who\":%d,\"i\":%d", &who, &i), 2);
		assert_int_equal(i, next[who]++);
		at++;
	}
	assert_int_equal(n, WRITERS * EACH);
	ramet_buf_release(&got);
	is_sound();
	assert_string_equal(names_in(dir), "s.db");
}

static void home_sqlite__is_made_once_by_several_programs(void **state)
{
	struct rameti_sqlite_end end;
	char text[200];
	int i, status;

	(void)state;
	for (i = 0; i < WRITERS; i++)
		if (!fork()) {
			struct rameti_sqlite_opts opts = { 1, 0, 20000 };

			(void)snprintf(text, sizeof(text), HEADER("s%d"), i);
			must(rameti_sqlite_open(&h, path, &opts, &why));
			must(rameti_sqlite_create(h, js(text), &end, &why));
			close_home();
			_exit(0);
		}
	for (i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	h = home(0);
	for (i = 0; i < WRITERS; i++) {
		(void)snprintf(text, sizeof(text), "s%d", i);
		finds(text, text);
	}
	is_sound();
}

static void home_sqlite__loses_nothing_to_a_kill(void **state)
{
	struct rameti_sqlite_end end;
	pid_t child;
	int status;

	(void)state;
	child = fork();
	if (!child) {
		h = home(1);
		must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
		must(rameti_sqlite_append(h, &end, js(TWO), 0, &why));
		_exit(0);                                /* nothing is closed */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	h = home(0);
	holds("s1", HEADER("s1") ONE TWO);
	end.session = 1;
	end.seq = 2;
	must(rameti_sqlite_append(h, &end, js(THREE), 0, &why));
	close_home();
	assert_string_equal(names_in(dir), "s.db");
}

/* A program that appends is killed at any moment: what it was told is stored is there. */
static void append_and_tell(int to)
{
	struct rameti_sqlite_opts opts = { 0, RAMET_LEVEL_NONE, 20000 };
	struct rameti_sqlite_end end;
	struct ramet_buf got;
	char line[60];

	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_open(&h, path, &opts, &why));
	must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why));
	for (;;) {
		(void)snprintf(line, sizeof(line), "{\"n\":%d}\n", (int)end.seq + 1);
		must(rameti_sqlite_append(h, &end, ramet_bytes_of(line), 0, &why));
		if (write(to, &end.seq, sizeof(end.seq)) != sizeof(end.seq))
			_exit(1);
	}
}

static void home_sqlite__keeps_what_it_acknowledged(void **state)
{
	struct rameti_sqlite_end end;
	int64_t told, last = 0;
	struct ramet_buf got;
	char expected[60];
	int round, ends[2];
	pid_t child;

	(void)state;
	ramet_buf_init(&got, SIZE_MAX / 2);
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1")), &end, &why));
	close_home();
	for (round = 0; round < 20; round++) {
		assert_int_equal(pipe(ends), 0);
		child = fork();
		if (!child)
			append_and_tell(ends[1]);
		(void)close(ends[1]);
		(void)usleep(3000u + (unsigned)round * 1100u);
		(void)kill(child, SIGKILL);
		while (read(ends[0], &told, sizeof(told)) == sizeof(told))
			last = told;
		(void)close(ends[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);
		h = home(0);
		ramet_buf_reset(&got);
		must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why));
		assert_true(end.seq >= last);
		is_sound();
		close_home();
	}
	assert_true(last > 0);
	(void)snprintf(expected, sizeof(expected), "{\"n\":%d}\n", (int)last);
	assert_non_null(strstr(got.ptr, expected));
	ramet_buf_release(&got);
}

static void full_disk_part(void)
{
	struct rlimit limit = { 150000, RLIM_INFINITY };
	struct rameti_sqlite_end end = { 1, 1 };
	char *line = malloc(200001);
	struct rlimit none;

	assert_non_null(line);
	memset(line, 'x', 200000);
	line[200000] = '\n';
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	h = home(0);
	refused(rameti_sqlite_append(h, &end, (struct ramet_bytes){ line, 200001 }, 0, &why),
		RAMET_EIO);
	assert_int_equal(end.seq, 1);
	holds("s1", HEADER("s1") ONE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	must(rameti_sqlite_append(h, &end, js(TWO), 0, &why));
	holds("s1", HEADER("s1") ONE TWO);
	is_sound();
	close_home();
	free(line);
}

static void home_sqlite__takes_a_full_disk_back(void **state)
{
	struct rameti_sqlite_end end;
	pid_t child;
	int status;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	close_home();
	child = fork();
	if (!child) {
		full_disk_part();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- damage ---- */

static void home_sqlite__tells_missing_and_changed_lines(void **state)
{
	struct rameti_sqlite_damage damage;
	struct rameti_sqlite_end end;
	struct ramet_buf got;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE TWO THREE), &end, &why));
	close_home();
	sql("DELETE FROM entries WHERE seq=1; "
	    "UPDATE entries SET line=replace(line,'two','2wo') WHERE seq=2");
	h = home(0);
	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, &damage, &why));
	assert_int_equal(damage.n_missing, 1);
	assert_int_equal(damage.first_missing, 1);
	assert_int_equal(damage.n_changed, 1);
	assert_int_equal(damage.first_changed, 2);
	assert_int_equal(end.seq, 3);
	ramet_buf_release(&got);
	reports("s1: 1 line(s) are not what was written\ns1: lines are missing\n");
	close_home();
	sql("DELETE FROM entries WHERE seq=3");
	h = home(0);
	ramet_buf_init(&got, SIZE_MAX / 2);
	must(rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, &damage, &why));
	assert_int_equal(damage.n_missing, 2);
	assert_int_equal(end.seq, 3);
	ramet_buf_release(&got);
}

static void home_sqlite__tells_what_lists_have_wrong(void **state)
{
	struct rameti_sqlite_end end;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE), &end, &why));
	must(rameti_sqlite_create(h, js(HEADER("s2") ONE), &end, &why));
	must(rameti_sqlite_create(h, js(HEADER("s3") ONE), &end, &why));
	close_home();
	sql("UPDATE state SET message_count=9 WHERE session=1; DELETE FROM state WHERE session=2; "
	    "DELETE FROM sessions WHERE key=3");
	h = home(0);
	reports("1 session(s) without a header\ns1: its state is not that of its lines\n"
		"s2: its state is missing\n");
	holds("s2", HEADER("s2") ONE);
	sql("UPDATE state SET last_seq=9223372036854775807 WHERE session=1");
	end.session = 1;
	end.seq = INT64_MAX;
	refused(rameti_sqlite_append(h, &end, js(TWO), 0, &why), RAMET_EFORMAT);
}

/* Bytes of the file changed, or it is cut: an error or what is left, never a crash or a hang. */
static void home_sqlite__survives_any_damage(void **state)
{
	static char copy[1 << 20];
	struct rameti_sqlite_end end;
	struct ramet_bytes good;
	struct ramet_buf got;
	size_t i, len;
	int round;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE TWO THREE), &end, &why));
	close_home();
	good = bytes_of(path);
	len = good.len;
	assert_true(len <= sizeof(copy));
	for (round = 0; round < 400; round++) {
		uint32_t x = (uint32_t)round * 2654435761u;

		memcpy(copy, good.ptr, len);
		for (i = 0; i < 8; i++) {
			x = x * 1664525u + 1013904223u;
			copy[(x >> 8) % (round % 2 ? len : 200)] = (char)x;
		}
		put_bytes(path, (struct ramet_bytes){ copy, round % 5 ? len : (x >> 8) % len });
		if (rameti_sqlite_open(&h, path, NULL, &why) < 0)
			continue;
		ramet_buf_init(&got, SIZE_MAX / 2);
		(void)rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why);
		(void)rameti_sqlite_list(h, 1, add_listed, NULL, &why);
		*listed = '\0';
		(void)rameti_sqlite_check(h, &got, &why);
		(void)rameti_sqlite_append(h, &end, js(ONE), 0, &why);
		(void)rameti_sqlite_remove(h, ramet_bytes_of("s1"), &why);
		ramet_buf_release(&got);
		close_home();
		(void)unlink(temp_path(dir, "s.db-wal"));
		(void)unlink(temp_path(dir, "s.db-shm"));
	}
}

/* ---- as sessions ---- */

static struct ramet_session *session(int level)
{
	struct ramet_open_opts opts = { .level = level, .lock_ms = 200 };
	struct ramet_session *s = NULL;
	char url[TEMP_PATH + 16];

	(void)snprintf(url, sizeof(url), "sqlite:%s#s1", path);
	must(ramet_session_open(&s, url, &opts, &why));
	assert_string_equal(ramet_session_format(s), "sqlite");
	return s;
}

static void home_sqlite__is_a_session_like_any_other(void **state)
{
	struct rameti_sqlite_end end;
	struct ramet_session *a, *b;
	int level;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE TWO), &end, &why));
	close_home();
	for (level = RAMET_LEVEL_EACH; level <= RAMET_LEVEL_NONE; level++) {
		a = session(level);
		b = session(level);
		must(ramet_session_append_message(a, js(U("a")), NULL, &why));
		must(ramet_session_append_message(b, js(U("b")), NULL, &why));
		assert_int_equal(ramet_session_others(b), 1);
		must(ramet_session_append_message(a, js(A("a")), NULL, &why));
		must(ramet_session_sync(a, &why));
		ramet_session_close(a);
		a = session(level);
		must(ramet_session_append_message(b, js(A("b")), NULL, &why));
		ramet_session_close(b);
		ramet_session_close(a);
		a = session(level);
		assert_int_equal(ramet_tree_count(ramet_session_tree(a)), 2 + (level + 1) * 4);
		assert_int_equal(ramet_session_findings(a)->n, 0);
		ramet_session_close(a);
	}
	assert_string_equal(names_in(dir), "s.db");
	h = home(0);
	is_sound();
}

static void home_sqlite__has_findings_for_its_damage(void **state)
{
	struct rameti_sqlite_end end;
	const struct ramet_findings *f;
	struct ramet_session *s;

	(void)state;
	h = home(1);
	must(rameti_sqlite_create(h, js(HEADER("s1") ONE TWO THREE), &end, &why));
	close_home();
	sql("DELETE FROM entries WHERE seq=2; "
	    "UPDATE entries SET line=replace(line,'three','3hree') WHERE seq=3");
	s = session(0);
	f = ramet_session_findings(s);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->items[0].code, "hash");
	assert_string_equal(f->items[1].code, "chain");
	ramet_session_close(s);
}

/* ---- failures ---- */

/* Made before memory fails. */
static struct {
	struct ramet_bytes create, append, replace;
} given;

static int everything(void)
{
	struct rameti_sqlite_opts opts = { 1, RAMET_LEVEL_NONE, 200 };
	struct rameti_sqlite_end end;
	struct ramet_buf got;
	int r = rameti_sqlite_open(&h, path, &opts, &why);

	ramet_buf_init(&got, SIZE_MAX / 2);
	if (!r)
		r = rameti_sqlite_create(h, given.create, &end, &why);
	if (!r)
		r = rameti_sqlite_append(h, &end, given.append, 0, &why);
	if (!r)
		r = rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why);
	if (!r)
		r = rameti_sqlite_find(h, ramet_bytes_of("s"), &got, &why);
	*listed = '\0';
	if (!r)
		r = rameti_sqlite_list(h, 1, add_listed, NULL, &why);
	if (!r && rameti_sqlite_check(h, &got, &why) < 0)
		r = RAMET_ENOMEM;
	if (!r)
		r = rameti_sqlite_replace(h, &end, given.replace, &why);
	close_home();
	if (!r)
		r = rameti_sqlite_open(&h, path, NULL, &why);
	if (!r)
		r = rameti_sqlite_load(h, ramet_bytes_of("s1"), &got, &end, NULL, &why);
	close_home();
	ramet_buf_release(&got);
	return r;
}

static void home_sqlite__survives_each_failing_allocation(void **state)
{
	unsigned n;
	int r, reached = 1;

	(void)state;
	given.create = js(HEADER("s1") ONE);
	given.append = js(TWO);
	given.replace = js(HEADER("s1") TWO);
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = everything();
		reached = failing_memory_stop();
		if (r != (reached ? RAMET_ENOMEM : 0))
			fail_msg("allocation %u: %d %s", n, r, why.text);
		(void)unlink(path);
		assert_string_equal(names_in(dir), "");
	}
	assert_true(n > 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(home_sqlite__##name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(gives_back_what_was_stored),
		CASE(keeps_bytes_that_are_no_text),
		CASE(refuses_what_is_no_line),
		CASE(takes_an_id_once),
		CASE(takes_in_what_others_appended),
		CASE(notices_a_removed_session),
		CASE(replaces_a_session_whole),
		CASE(finds_by_the_start_of_an_id),
		CASE(lists_without_reading_lines),
		CASE(leaves_others_files_alone),
		CASE(makes_an_empty_file_its_own),
		CASE(takes_any_file_name),
		CASE(reads_without_a_trace),
		CASE(reads_where_it_cannot_write),
		CASE(reads_while_another_writes),
		CASE(waits_for_a_lock_but_not_for_ever),
		CASE(notices_a_removed_file),
		CASE(stores_what_several_programs_append),
		CASE(is_made_once_by_several_programs),
		CASE(loses_nothing_to_a_kill),
		CASE(keeps_what_it_acknowledged),
		CASE(takes_a_full_disk_back),
		CASE(tells_missing_and_changed_lines),
		CASE(tells_what_lists_have_wrong),
		CASE(survives_any_damage),
		CASE(is_a_session_like_any_other),
		CASE(has_findings_for_its_damage),
		CASE(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

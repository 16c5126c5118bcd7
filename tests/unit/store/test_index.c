/*
 * test_index.c - a session opened through its index is the session that a scan gives, also after
 * what others or the handle itself append; where the cache cannot be, all goes on without.
 */
#include "faulty.h"
#include "indexed.h"
#include "temp_dir.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/tree_priv.h"

/* ---- the same as a scan ---- */

static void index__gives_what_a_scan_gives(void **state)
{
	const struct shape *shape;

	(void)state;
	for (shape = shapes; shape->name; shape++) {
		make_shape(indexed_session(), shape);
		assert_opens_by_scan(indexed_session());
		assert_string_not_equal(indexed_file(indexed_session()), "");
		assert_opens_from_index(indexed_session());
		assert_opens_from_index(indexed_session());
		assert_int_equal(unlink(indexed_file(indexed_session())), 0);
	}
}

static void index__is_made_for_large_files_only(void **state)
{
	(void)state;
	make_session(indexed_session(), &shapes[0], 80, 2700);
	assert_true(bytes_of(indexed_session()).len < RAMETI_INDEX_FILE_MIN);
	ramet_session_close(opened(indexed_session()));
	assert_string_equal(indexed_file(indexed_session()), "");
	make_shape(indexed_session(), &shapes[0]);
	assert_true(bytes_of(indexed_session()).len >= RAMETI_INDEX_FILE_MIN);
	make_index(indexed_session());
}

static void index__is_private(void **state)
{
	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	assert_int_equal(mode_of(indexed_file(indexed_session())), 0600);
	assert_int_equal(mode_of(indexed_cache()), 0700);
	assert_string_equal(names_in(indexed_sessions()), "s.jsonl");
}

/* An open last line may still grow: what it would mean is not written down. */
static void index__waits_for_the_end_of_a_line(void **state)
{
	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	add_to(indexed_session(), "{'type':'custom'");
	assert_opens_by_scan(indexed_session());
	assert_string_equal(indexed_file(indexed_session()), "");
}

/* ---- what comes later ---- */

static const char *const tails[] = {
	MESSAGE("y1", "'z1'", U("one")),
	MESSAGE("y1", "'p7'", U("a branch")) MESSAGE("y2", "'y1'", A("two")),
	MESSAGE("y1", "'p7'", U("torn")) "{'type':'message','id':'y2'",
	MESSAGE("p7", "'p50'", U("an id that is there")),
	MESSAGE("gone", "'p3'", U("the parent of an orphan")),
	MESSAGE("later", "'z3'", U("it closes a loop")) MESSAGE("", "null", U("empty id")),
	MESSAGE("y1", "'nobody'", U("another orphan")) MESSAGE("y2", "'gone'", U("and one more")),
	"\n\n" HEAD "{'type':'x'}{'type':'y'}\nno\n[]\n" MESSAGE("y1", "'y1'", U("x")),
	"\r\n\r\n{'type':'custom','id':'y1','parentId':'p1','customType':'x'}\r\n",
	LINE("session_info", "y1", "'p99'", ",'name':'new'")
		LINE("label", "y2", "'y1'", ",'targetId':'z1','label':'newer'")
		LINE("label", "y3", "'y2'", ",'targetId':'p4','label':'other'"),
	"{'type':'message','message':{'role':'user','content':'no id'}}\n",
};
#define N_TAILS (sizeof(tails) / sizeof(*tails))

static void index__takes_in_what_others_appended(void **state)
{
	const struct shape *shape;
	size_t i;

	(void)state;
	for (shape = shapes; shape->name; shape++)
		for (i = 0; i < N_TAILS; i++) {
			make_shape(indexed_session(), shape);
			make_index(indexed_session());
			add_to(indexed_session(), tails[i]);
			assert_opens_from_index(indexed_session());
			assert_int_equal(unlink(indexed_file(indexed_session())), 0);
		}
}

static void index__takes_in_many_lines(void **state)
{
	const struct shape *shape;

	(void)state;
	for (shape = shapes; shape->name; shape++) {
		make_shape(indexed_session(), shape);
		make_index(indexed_session());
		add_many(indexed_session(), 400, 0);
		assert_opens_from_index(indexed_session());
		add_many(indexed_session(), 400, 300);               /* a hundred ids again */
		assert_opens_from_index(indexed_session());
		assert_int_equal(unlink(indexed_file(indexed_session())), 0);
	}
}

static void append(struct ramet_session *s, unsigned n)
{
	struct ramet_bytes many[16];
	unsigned i;

	for (i = 0; i < 16; i++)
		many[i] = i % 2 ? js(A("answer")) : js(U("question"));
	for (; n >= 16; n -= 16)
		must(ramet_session_append_messages(s, many, 16, NULL, &why));
	for (; n; n--)
		must(ramet_session_append_message(s, many[0], NULL, &why));
}

static struct ramet_session *opened_quickly(const char *path)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	struct ramet_session *s = NULL;

	must(ramet_session_open(&s, path, &opts, &why));
	return s;
}

static void index__stays_right_when_the_handle_appends(void **state)
{
	const struct shape *shape;
	struct ramet_session *s;

	(void)state;
	for (shape = shapes; shape->name; shape++) {
		make_shape(indexed_session(), shape);
		make_index(indexed_session());
		s = opened_quickly(indexed_session());
		assert_true(from_index(s));
		if (ramet_session_header(s)->version >= 2) {
			append(s, 33);
			must(ramet_session_append_label(s, 3, raw("L"), NULL, &why));
			must(ramet_session_append_name(s, raw("N"), NULL, &why));
			assert_as_scanned(s);
		} else {
			refused(ramet_session_append_message(s, js(U("x")), NULL, &why),
				RAMET_EVERSION);
		}
		ramet_session_close(s);
		assert_opens_from_index(indexed_session());
		assert_int_equal(unlink(indexed_file(indexed_session())), 0);
	}
}

/* Every array leaves its mapping. */
static void index__lets_the_tree_outgrow_it(void **state)
{
	struct ramet_session *s;
	int i, left = 0;

	(void)state;
	make_shape(indexed_session(), &shapes[11]);
	make_index(indexed_session());
	s = opened_quickly(indexed_session());
	assert_true(from_index(s));
	append(s, 3000);
	assert_null(s->reader.tree->maps[RAMETI_TREE_ROWS].base);
	assert_as_scanned(s);
	add_many(indexed_session(), 60000, 0);
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	append(s, 17);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		left += !s->reader.tree->maps[i].base;
	assert_int_equal(left, RAMETI_TREE_PARTS);
	assert_int_equal(ramet_session_leaf(s), ramet_tree_count(ramet_session_tree(s)) - 1);
	ramet_session_close(s);
	s = opened(indexed_session());
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 100 + 6 + 3000 + 60000 + 17);
	ramet_session_close(s);
}

/* Each time with a handle of its own, as a command does: the index goes on being of use. */
static void index__helps_who_opens_appends_and_closes(void **state)
{
	struct ramet_session *s;
	int i;

	(void)state;
	indexed_clock(0);
	make_shape(indexed_session(), &shapes[0]);
	for (i = 0; i < 10; i++) {
		s = opened(indexed_session());
		assert_int_equal(from_index(s), i > 0);
		append(s, 1);
		assert_as_scanned(s);
		ramet_session_close(s);
	}
}

static void index__is_written_anew_when_much_came(void **state)
{
	struct ramet_session *s;
	uint64_t before;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	before = bytes_of(indexed_file(indexed_session())).len;
	add_many(indexed_session(), 20000, 0);
	s = opened(indexed_session());
	assert_true(from_index(s));
	ramet_session_close(s);
	assert_true(bytes_of(indexed_file(indexed_session())).len > before + 20000u * 64);
	s = opened(indexed_session());
	assert_true(from_index(s));
	assert_int_equal(s->indexed, bytes_of(indexed_session()).len);
	ramet_session_close(s);
}

static void index__serves_a_new_session_too(void **state)
{
	struct ramet_create_opts opts = { .dir = indexed_sessions(), .level = RAMET_LEVEL_NONE };
	struct ramet_session *s = NULL;
	char path[TEMP_PATH];

	(void)state;
	must(ramet_session_create(&s, "/w", &opts, &why));
	append(s, 4000);
	(void)snprintf(path, sizeof(path), "%s", ramet_session_path(s));
	ramet_session_close(s);
	ramet_session_close(opened(path));
	assert_opens_from_index(path);
}

static void index__is_neither_read_nor_written_with_no_cache(void **state)
{
	struct ramet_session *s;
	struct ramet_bytes kept;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	ramet_session_close(scanned(indexed_session()));
	assert_false(exists(temp_path(indexed_dir, "c")));
	make_index(indexed_session());
	kept = bytes_of(indexed_file(indexed_session()));
	add_many(indexed_session(), 20000, 0);
	s = scanned(indexed_session());
	assert_false(from_index(s));
	append(s, 3);
	ramet_session_close(s);
	assert_true(ramet_bytes_eq(kept, bytes_of(indexed_file(indexed_session()))));
}

/* A limit of one handle is not the next one's. */
static void index__does_not_carry_a_limit_over(void **state)
{
	const struct ramet_open_opts small = { .max_line = 256 << 10 };
	static char text[300000];
	struct ramet_session *s = NULL;
	FILE *f;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	memset(text, 'x', sizeof(text) - 1);
	f = fopen(indexed_session(), "ab");
	assert_true(f && fprintf(f, "{\"type\":\"custom\",\"id\":\"l\",\"parentId\":null,"
				    "\"customType\":\"%s\"}\n", text) > 0 && !fclose(f));
	must(ramet_session_open(&s, indexed_session(), &small, &why));
	assert_int_equal(ramet_session_findings(s)->n, 1);
	ramet_session_close(s);
	assert_opens_by_scan(indexed_session());
	must(ramet_session_open(&s, indexed_session(), &small, &why));
	assert_int_equal(ramet_session_findings(s)->n, 1);
	ramet_session_close(s);
	assert_opens_from_index(indexed_session());
}

/* ---- caches that cannot be ---- */

static void opens_without(const char *path)
{
	struct ramet_bytes before = bytes_of(path);

	assert_opens_by_scan(path);
	assert_opens_by_scan(path);
	assert_true(ramet_bytes_eq(before, bytes_of(path)));
	assert_string_equal(names_in(indexed_sessions()), "s.jsonl");
}

static void index__does_without_a_cache(void **state)
{
	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
	assert_int_equal(unsetenv("HOME"), 0);
	opens_without(indexed_session());
	assert_int_equal(setenv("HOME", "here", 1), 0);
	assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
	opens_without(indexed_session());
	/* a file where a directory should be */
	assert_int_equal(setenv("XDG_CACHE_HOME", indexed_session(), 1), 0);
	opens_without(indexed_session());
	assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
	opens_without(indexed_session());
}

static void index__lies_below_home_by_default(void **state)
{
	char path[TEMP_PATH];
	struct stat st;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
	ramet_session_close(opened(indexed_session()));
	assert_int_equal(stat(indexed_session(), &st), 0);
	(void)snprintf(path, sizeof(path), "%s/h/.cache/ramet/index/%llx-%llx.idx", indexed_dir,
		       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	assert_true(exists(path));
	assert_opens_from_index(indexed_session());
}

/* A call fails in opening and closing: then the index is not used or not there, that is all. */
static void fail_everywhere(int kind, int sys, size_t cut)
{
	struct faults f = { .kind = kind, .sys = sys, .cut = cut, .for_ever = 1, .hasty = 1 };
	struct ramet_session *s;
	int reached, r;

	for (f.n = 1, reached = 1; reached; f.n++) {
		make_shape(indexed_session(), &shapes[0]);
		s = NULL;
		faults_start(&f);
		r = ramet_session_open(&s, indexed_session(), NULL, NULL);
		ramet_session_close(s);
		reached = faults_stop();
		rameti_env_use(indexed_env());
		if (r == 0)
			ramet_session_close(opened(indexed_session()));
		assert_as_scanned((s = opened(indexed_session())));
		ramet_session_close(s);
		assert_string_equal(names_in(indexed_sessions()), "s.jsonl");
		assert_null(strchr(names_in(indexed_cache()), ' '));
		(void)unlink(indexed_file(indexed_session()));
	}
}

static void index__is_whole_or_not_there_on_a_full_disk(void **state)
{
	(void)state;
	fail_everywhere(FAULT_WRITE, ENOSPC, 0);
	fail_everywhere(FAULT_WRITE, ENOSPC, 100);
	fail_everywhere(FAULT_RENAME, EROFS, 0);
	fail_everywhere(FAULT_LINKAT, EROFS, 0);
	fail_everywhere(FAULT_MMAP, ENOMEM, 0);
}

static void index__needs_no_writable_cache(void **state)
{
	struct faults f = { .kind = FAULT_MKDIR, .n = 1, .for_ever = 1, .sys = EROFS };

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	faults_start(&f);
	ramet_session_close(opened(indexed_session()));
	assert_int_equal(faults_stop(), 1);
	assert_false(exists(indexed_cache()));
}

/* ---- at once ---- */

static void child(const char *path)
{
	int i, bad = 0;

	for (i = 0; i < 30; i++) {
		struct ramet_session *s = NULL;

		bad |= ramet_session_open(&s, path, NULL, NULL) < 0;
		bad |= !bad && ramet_tree_count(ramet_session_tree(s)) != 102;
		ramet_session_close(s);
		(void)unlink(indexed_file(path));
	}
	_exit(bad);
}

static void index__may_be_written_by_two_at_once(void **state)
{
	pid_t pids[3];
	int i, status;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i])
			child(indexed_session());
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	make_index(indexed_session());
	assert_opens_from_index(indexed_session());
	assert_null(strchr(names_in(indexed_cache()), ' '));
}

static struct ramet_session *shared;
static struct ramet_bytes question;
static atomic_int wrong;

static void *read_shared(void *user)
{
	const struct ramet_tree *t = ramet_session_tree(shared);
	struct ramet_buf scratch = RAMET_BUF_INIT(1 << 20);
	struct ramet_bytes json;
	uint32_t i, first = *(const uint32_t *)user;

	for (i = first; i < 400; i += 4) {
		ramet_session_lock(shared);
		wrong += ramet_tree_entry(t, i % 102, &scratch, &json, NULL) < 0;
		wrong += ramet_tree_find(t, ramet_tree_id(t, i % 102)) != i % 102;
		ramet_session_unlock(shared);
	}
	for (i = 0; first < 2 && i < 20; i++)
		wrong += ramet_session_append_message(shared, question, NULL, NULL) < 0;
	ramet_buf_release(&scratch);
	return NULL;
}

static void index__may_be_shared_by_threads(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 2, 3 };
	pthread_t threads[4];
	int i;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	shared = opened_quickly(indexed_session());
	assert_true(from_index(shared));
	question = js(U("x"));
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_shared,
						(void *)(uintptr_t)&numbers[i]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(wrong, 0);
	assert_as_scanned(shared);
	ramet_session_close(shared);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, indexed_setup, indexed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(index__gives_what_a_scan_gives),
		CASE(index__is_made_for_large_files_only),
		CASE(index__is_private),
		CASE(index__waits_for_the_end_of_a_line),
		CASE(index__takes_in_what_others_appended),
		CASE(index__takes_in_many_lines),
		CASE(index__stays_right_when_the_handle_appends),
		CASE(index__lets_the_tree_outgrow_it),
		CASE(index__helps_who_opens_appends_and_closes),
		CASE(index__is_written_anew_when_much_came),
		CASE(index__serves_a_new_session_too),
		CASE(index__is_neither_read_nor_written_with_no_cache),
		CASE(index__does_not_carry_a_limit_over),
		CASE(index__does_without_a_cache),
		CASE(index__lies_below_home_by_default),
		CASE(index__is_whole_or_not_there_on_a_full_disk),
		CASE(index__needs_no_writable_cache),
		CASE(index__may_be_written_by_two_at_once),
		CASE(index__may_be_shared_by_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * session.c, records.c, follow.c, create.c: sessions whose file is missing, empty, of another
 * format, or another one by the time it is looked at.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/records.h"

#define GGCODE                                                                                     \
	"{'type':'message','message':{'id':'q','role':'user','content':[{'type':'text','text':"    \
	"'x'}]},'timestamp':'2026-08-22T14:00:01Z'}\n"
#define UUID "01a01180-11e8-7201-80c0-ffee00000001"
#define YOI "{'ts':1,'kind':'segment_start','session_id':'" UUID "','config':{}}\n"
#define ONE HEAD MESSAGE("u1", "null", U("one"))

static char *dir;
static struct ramet_session *s;

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	s = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static const char *at(const char *name)
{
	return temp_path(dir, name);
}

static int opens(const char *path, const struct ramet_open_opts *opts)
{
	ramet_session_close(s);
	s = NULL;
	memset(&why, 0, sizeof(why));
	return ramet_session_open(&s, path, opts, &why);
}

/* ---- opening ---- */

static void open__makes_only_sessions_of_pi(void **state)
{
	struct ramet_open_opts opts = { .create = 1 };
	char url[TEMP_PATH + 20];

	(void)state;
	must(opens(at("new.jsonl"), &opts));
	assert_int_equal(ramet_session_stored(s), 0);
	(void)snprintf(url, sizeof(url), "ckptmgr:%s", at("none.json"));
	assert_int_equal(opens(url, &opts), RAMET_ENOTFOUND);
	assert_int_equal(opens(at("none.sqlite"), &opts), RAMET_ENOTFOUND);
	assert_string_equal(names_in(dir), "");
	/* an empty file: one of pi's is begun in it, of a format without a header it is one */
	put(at("empty.jsonl"), "");
	must(opens(at("empty.jsonl"), &opts));
	assert_string_equal(ramet_session_format(s), "pi");
	opts.format = "ggcode";
	must(opens(at("empty.jsonl"), &opts));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 0);
	opts.format = "nobody's";
	assert_int_equal(opens(at("empty.jsonl"), &opts), RAMET_EINVAL);
	opts.format = NULL;
	opts.create = 0;
	assert_int_equal(opens(at("empty.jsonl"), &opts), RAMET_EFORMAT);
	assert_int_equal(opens(at("none.jsonl"), &opts), RAMET_ENOTFOUND);
}

/* Where no record says the id, the name of the file does. */
static void open__takes_the_id_from_the_name(void **state)
{
	static const char *const names[][2] = { { "name.jsonl", "name" },
						{ "a.b.jsonl", "a.b" },
						{ "plain", "plain" },
						{ ".jsonl", ".jsonl" } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put(at(names[i][0]), GGCODE);
		must(opens(at(names[i][0]), NULL));
		assert_string_equal(ramet_session_format(s), "ggcode");
		assert_true(ramet_bytes_is(ramet_session_header(s)->id, names[i][1]));
	}
}

static void create__takes_the_working_directory_of_the_process(void **state)
{
	static const char *const formats[] = { "pi", "ggcode" };
	char here[TEMP_PATH];
	size_t i;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	for (i = 0; i < 2; i++) {
		struct ramet_create_opts opts = { .format = formats[i], .dir = dir };

		ramet_session_close(s);
		s = NULL;
		must(ramet_session_create(&s, NULL, &opts, &why));
		assert_true(ramet_bytes_is(ramet_session_header(s)->cwd, here));
	}
}

/* ---- replaced meanwhile ---- */

static void replace(const char *text)
{
	put(at("other"), text);
	assert_int_equal(rename(at("other"), at("s.jsonl")), 0);
}

static void append__refuses_what_took_the_files_place(void **state)
{
	static const char *const others[] = {
		"{'type':'session','version':3,'id':'other','timestamp':"
		"'2026-03-01T10:00:00.000Z','cwd':'/w'}\n",
		"no session\n", "", HEAD, /* without the entry that the next one hangs from */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		put(at("s.jsonl"), ONE);
		must(opens(at("s.jsonl"), NULL));
		replace(others[i]);
		refused(ramet_session_append_message(s, js(U("x")), NULL, &why), RAMET_ECONFLICT);
		assert_file(at("s.jsonl"), "%s", dq(others[i]));
	}
	put(at("s.jsonl"), ONE);
	must(opens(at("s.jsonl"), NULL));
	replace(ONE MESSAGE("u2", "'u1'", U("two")));
	must(ramet_session_append_message(s, js(U("x")), NULL, &why));
	assert_int_equal(ramet_session_others(s), 1);
}

static void take_away(void *user)
{
	(void)user;
	(void)unlink(at("s.jsonl"));
}

/* Gone at any moment: never made anew, and never said to be stored. */
static void append__to_a_file_that_vanishes_is_a_conflict(void **state)
{
	static const int kinds[] = { FAULT_OPEN, FAULT_FLOCK, FAULT_STAT, FAULT_FSTAT };
	struct faults f = { .meanwhile = take_away, .hasty = 1 };
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (f.n = 1; f.n < 5; f.n++) {
			int r, reached;

			put(at("s.jsonl"), ONE);
			must(opens(at("s.jsonl"), NULL));
			replace(ONE MESSAGE("u2", "'u1'", U("two")));
			f.kind = kinds[k];
			faults_start(&f);
			r = ramet_session_append_message(s, js(U("x")), NULL, &why);
			reached = faults_stop();
			assert_true(r == 0 || (reached && r == RAMET_ECONFLICT));
			if (r)
				assert_false(exists(at("s.jsonl")));
		}
}

/* A last line without its end may have grown: it is looked at anew. */
static void refresh__of_a_line_that_is_finished_now(void **state)
{
	(void)state;
	put(at("s.jsonl"), ONE "{'type':'message','id':'u2','parentId':'u1','time");
	must(opens(at("s.jsonl"), NULL));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	put(at("s.jsonl"), ONE MESSAGE("u2", "'u1'", U("two")));
	assert_true(ramet_session_refresh(s, &why) >= 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
}

/* ---- records ---- */

/* Lines and how many rows each makes; fails with what the last one answered. */
static int records_are(const char *const *lines, const unsigned *rows, size_t n)
{
	struct rameti_records records;
	struct rameti_record record;
	size_t i = 0;
	int r;

	memset(&why, 0, sizeof(why));
	must(rameti_records_open(&records, s, &why));
	while ((r = rameti_records_next(&records, &record, &why)) == 1) {
		assert_true(i < n);
		assert_true(ramet_bytes_eq(record.line, js(lines[i])));
		assert_int_equal(record.n, rows[i]);
		i++;
	}
	rameti_records_close(&records);
	if (!r)
		assert_int_equal(i, n);
	return r;
}

static void records__are_the_stored_lines(void **state)
{
	static const unsigned one[] = { 1, 1 };
	const char *texts[2];
	char first[500];

	(void)state;
	(void)snprintf(first, sizeof(first), "%.*s", (int)strlen(GGCODE) - 1, GGCODE);
	texts[0] = texts[1] = first;
	/* a byte order mark is none of it; lines of three bytes and blank ones */
	put(at("g.jsonl"), "\xef\xbb\xbf" GGCODE " \t\r\n\n");
	must(opens(at("g.jsonl"), NULL));
	must(records_are(texts, one, 1));
	put(at("g.jsonl"), GGCODE);
	must(opens(at("g.jsonl"), NULL));
	must(records_are(texts, one, 1));
}

static void records__of_a_text_without_an_end(void **state)
{
	static const unsigned rows[] = { 0, 1 };
	const char *texts[2];
	char head[500], line[500];
	struct ramet_bytes text = js(ONE);

	(void)state;
	(void)snprintf(head, sizeof(head), "%.*s", (int)strlen(HEAD) - 1, HEAD);
	(void)snprintf(line, sizeof(line), "%.*s", (int)(strlen(ONE) - strlen(HEAD)) - 1,
		       &ONE[strlen(HEAD)]);
	texts[0] = head;
	texts[1] = line;
	text.len--;
	must(ramet_session_open_bytes(&s, text, NULL, &why));
	must(records_are(texts, rows, 2));
}

static void records__that_changed_meanwhile_are_a_conflict(void **state)
{
	static const unsigned rows[] = { 0, 1 };
	const char *texts[2];
	char head[500], line[500];

	(void)state;
	put(at("s.jsonl"), ONE);
	must(opens(at("s.jsonl"), NULL));
	put(at("s.jsonl"), HEAD MESSAGE("u1", "null", U("two")));
	(void)snprintf(head, sizeof(head), "%.*s", (int)strlen(HEAD) - 1, HEAD);
	(void)snprintf(line, sizeof(line), "changed");
	texts[0] = head;
	texts[1] = line;
	assert_int_equal(records_are(texts, rows, 2), RAMET_ECONFLICT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open__makes_only_sessions_of_pi),
		T(open__takes_the_id_from_the_name),
		T(create__takes_the_working_directory_of_the_process),
		T(append__refuses_what_took_the_files_place),
		T(append__to_a_file_that_vanishes_is_a_conflict),
		T(refresh__of_a_line_that_is_finished_now),
		T(records__are_the_stored_lines),
		T(records__of_a_text_without_an_end),
		T(records__that_changed_meanwhile_are_a_conflict),
	};

	return cmocka_run_group_tests_name("session_odd", tests, NULL, NULL);
}

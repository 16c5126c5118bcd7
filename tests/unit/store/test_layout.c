/*
 * layout.c: whose a file is, and that one which cannot be read is nobody's; and a file of pi's own
 * with a sidecar of pi_agent_rust's beside it.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ramet/pirust.h"
#include "ramet/ops.h"
#include "store/home.h"
#include "store/layout.h"
#include "store/sidecar_priv.h"

#define GGCODE                                                                                     \
	"{'type':'meta','session_id':'20260301-100000-0000abcd','title':'t'}\n"                    \
	"{'type':'message','session_id':'20260301-100000-0000abcd','message':" U("m") "}\n"

#define PI_FILE                                                                                    \
	"{'type':'session','version':3,'id':'5b0f6c1e-0000-4000-8000-0000000000aa',"               \
	"'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n" MESSAGE("u1", "null", U("one"))

static char *dir;
static char path[TEMP_PATH];

static const char *in(const char *name)
{
	return temp_path(dir, name);
}

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

/* ---- whose it is ---- */

static void of_file__tells_by_bytes_and_name(void **state)
{
	const struct rameti_layout *l = NULL;

	(void)state;
	put(path, dq(HEAD));
	must(rameti_layout_of_file(&l, path, &why));
	assert_string_equal(l->format, "pi");
	put(path, dq(GGCODE));
	must(rameti_layout_of_file(&l, path, &why));
	assert_string_equal(l->format, "ggcode");
	put(in("2026-11-21T11-26-08.455Z_1d80ddca.jsonl"), dq(HEAD));
	must(rameti_layout_of_file(&l, in("2026-11-21T11-26-08.455Z_1d80ddca.jsonl"), &why));
	assert_string_equal(l->format, "pirust");
	must(rameti_layout_of_file(&l, in("s.sqlite"), &why));       /* never opened */
	assert_string_equal(l->format, "pi");
}

static void of_file__never_guesses_what_cannot_be_read(void **state)
{
	const int kinds[] = { FAULT_OPEN, FAULT_FSTAT, FAULT_PREAD };
	struct faults f = { .n = 1, .sys = EIO };
	const struct rameti_layout *l = NULL;
	size_t i;

	(void)state;
	put(path, dq(GGCODE));
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		f.kind = kinds[i];
		faults_start(&f);
		refused(rameti_layout_of_file(&l, path, &why), RAMET_EIO);
		assert_int_equal(faults_stop(), 1);
		assert_string_equal(why.path, path);
		assert_int_equal(faults_open_fds(), 0);
	}
	scarce_start(1);
	refused(rameti_layout_of_file(&l, path, &why), RAMET_ENOMEM);
	assert_int_equal(scarce_stop(), 1);
	refused(rameti_layout_of_file(&l, in("missing.jsonl"), &why), RAMET_ENOTFOUND);
	refused(rameti_layout_of_file(&l, dir, &why), RAMET_EFORMAT);
	assert_null(l);
}

/* Its callers tell the same: nothing is taken away, repaired or indexed by a guess. */
static void of_file__stops_those_who_ask(void **state)
{
	const struct ramet_repair_opts dry = { .dry_run = 1 };
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);
	struct faults f = { .kind = FAULT_PREAD, .sys = EIO, .for_ever = 1 };
	struct ramet_index_info info;
	struct ramet_repair done;
	unsigned n;

	(void)state;
	put(path, dq(GGCODE));
	for (n = 1; n <= 2; n++) {
		f.n = n;
		faults_start(&f);
		refused(ramet_session_trash(path, &where, &why), RAMET_EIO);
		refused(ramet_session_remove(path, &why), RAMET_EIO);
		refused(ramet_repair(path, &dry, &done, &why), RAMET_EIO);
		refused(ramet_index_status(path, &info, &where, &why), RAMET_EIO);
		assert_int_equal(faults_stop(), 1);
		assert_int_equal(exists(path), 1);
	}
	ramet_buf_release(&where);
}

/* Each reading of a list may fail: then the session is no session of pi's. */
static void list__never_guesses_what_cannot_be_read(void **state)
{
	const int kinds[] = { FAULT_OPEN, FAULT_FSTAT, FAULT_PREAD };
	struct faults f = { .sys = EIO };
	struct ramet_list one = RAMET_LIST_INIT;
	int reached = 1, r;
	size_t i;

	(void)state;
	put(in("20260301-100000-0000abcd.jsonl"), dq(GGCODE));
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (f.kind = kinds[i], f.n = 1, reached = 1; reached; f.n++) {
			faults_start(&f);
			memset(&why, 0, sizeof(why));
			r = ramet_session_info_read(in("20260301-100000-0000abcd.jsonl"), 0, &one,
						    &why);
			reached = faults_stop();
			if (r < 0)
				assert_int_equal(why.code, RAMET_EIO);
			else
				assert_string_equal(one.items[0].format, "ggcode");
			ramet_list_release(&one);
			assert_true(f.n < 60);
		}
	}
}

/* FILE#ID with a # in the file's name: what cannot be looked at is not passed over. */
static void home_path__stays_with_what_cannot_be_looked_at(void **state)
{
	const struct faults f = { .kind = FAULT_STAT, .n = 2, .sys = EIO };
	struct rameti_home_path home;
	char url[TEMP_PATH + 20];

	(void)state;
	put(in("a.db"), "x");
	(void)snprintf(url, sizeof(url), "sqlite:%s#b#c", in("a.db"));
	assert_int_equal(rameti_home_path(url, &home), 1);
	assert_true(ramet_bytes_is(home.id, "b#c"));
	faults_start(&f);
	assert_int_equal(rameti_home_path(url, &home), 1);
	assert_int_equal(faults_stop(), 1);
	assert_true(ramet_bytes_is(home.id, "b#c"));
}

/* ---- a file of pi's with a sidecar ---- */

static void append__marks_the_sidecar_of_a_file_of_pi(void **state)
{
	const struct ramet_sidecar_opts opts = { 0 };
	struct ramet_session *s;
	char link[TEMP_PATH];

	(void)state;
	put(path, dq(PI_FILE));
	must(ramet_sidecar_create(path, &opts, NULL, &why));
	assert_non_null(strstr(bytes_of(in("s.v2/source-state.json")).ptr, "clean"));
	(void)snprintf(link, sizeof(link), "%s/link.jsonl", dir);
	assert_int_equal(symlink("s.jsonl", link), 0);
	s = opened(link);
	assert_string_equal(ramet_session_format(s), "pi");
	must(ramet_session_append_message(s, js(U("two")), NULL, &why));
	assert_file(in("s.v2/source-state.json"), "%s",
		    dq("{'schema':'pi.session_store_v2.source_state.v1','state':'dirty'}\n"));
	must(ramet_session_append_message(s, js(U("three")), NULL, &why));
	assert_reopens_same(s);
	ramet_session_close(s);
}

/* Before a byte is written: if it cannot be told, nothing is. */
static void append__stops_when_the_sidecar_cannot_be_marked(void **state)
{
	const struct ramet_sidecar_opts opts = { 0 };
	const struct {
		int kind;
		unsigned n;
		int by_link;
	} cases[] = { { FAULT_LSTAT, 1, 1 },
		      { FAULT_OPEN, 2, 0 }, /* the first one is of the session */
		      { FAULT_WRITE, 1, 0 },
		      { FAULT_FSYNC, 1, 0 },
		      { FAULT_RENAME, 1, 0 } };
	struct faults f = { .sys = EIO };
	struct ramet_session *s;
	char link[TEMP_PATH];
	size_t i;

	(void)state;
	(void)snprintf(link, sizeof(link), "%s/link.jsonl", dir);
	assert_int_equal(symlink("s.jsonl", link), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(path, dq(PI_FILE));
		must(ramet_sidecar_create(path, &opts, NULL, &why));
		s = opened(cases[i].by_link ? link : path);
		f.kind = cases[i].kind;
		f.n = cases[i].n;
		faults_start(&f);
		refused(ramet_session_append_message(s, js(U("two")), NULL, &why), RAMET_EIO);
		assert_int_equal(faults_stop(), 1);
		assert_file(path, "%s", dq(PI_FILE));
		ramet_session_close(s);
		must(ramet_session_remove(path, &why));
	}
}

/* ---- what a fork of ggcode's is named, and ids of pieces ---- */

static void fork__of_ggcode_names_the_new_session(void **state)
{
	const struct ramet_fork_opts opts = { .dir = NULL };
	struct ramet_session *s, *fork = NULL;
	struct ramet_bytes text;

	(void)state;
	put(in("20260301-100000-0000abcd.jsonl"), dq(GGCODE));
	s = opened(in("20260301-100000-0000abcd.jsonl"));
	must(ramet_fork(&fork, s, &opts, &why));
	text = bytes_of(ramet_session_path(fork));
	assert_null(memmem(text.ptr, text.len, "20260301-100000-0000abcd", 24));
	/* and when it was made */
	assert_non_null(memmem(text.ptr, text.len, "\"title\":\"t\",\"created_at\":\"", 26));
	ramet_session_close(fork);
	ramet_session_close(s);
}

static void pieces__have_ids_that_pi_agent_rust_takes(void **state)
{
	struct ramet_session *s;
	uint32_t row;

	(void)state;
	put(path, dq("{'type':'message','session_id':'x','message':{'id':'m1','role':'user',"
		     "'content':[{'type':'tool_result','tool_id':'t1','output':'a'},"
		     "{'type':'tool_result','tool_id':'t2','output':'b'},"
		     "{'type':'text','text':'c'}]},'timestamp':'2026-08-01T10:00:01Z'}\n"));
	s = opened(path);
	assert_true(ramet_tree_count(ramet_session_tree(s)) > 1);
	for (row = 0; row < ramet_tree_count(ramet_session_tree(s)); row++)
		assert_int_equal(rameti_sc_id_ok(ramet_tree_id(ramet_session_tree(s), row)), 1);
	ramet_session_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_file__tells_by_bytes_and_name),
		TEST(of_file__never_guesses_what_cannot_be_read),
		TEST(of_file__stops_those_who_ask),
		TEST(list__never_guesses_what_cannot_be_read),
		TEST(home_path__stays_with_what_cannot_be_looked_at),
		TEST(append__marks_the_sidecar_of_a_file_of_pi),
		TEST(append__stops_when_the_sidecar_cannot_be_marked),
		TEST(fork__of_ggcode_names_the_new_session),
		TEST(pieces__have_ids_that_pi_agent_rust_takes),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}

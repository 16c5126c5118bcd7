/*
 * What goes with a session that is taken away: the directories of its own, and nothing else.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ramet/ggcode.h"
#include "ramet/ops.h"
#include "ramet/pirust.h"

#define UUID_HEAD                                                                                  \
	"{'type':'session','version':3,'id':'5b0f6c1e-0000-4000-8000-0000000000aa',"               \
	"'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define PIRUST                                                                                     \
	UUID_HEAD                                                                                  \
	"{'type':'message','id':'u1','timestamp':'2026-03-01T10:00:01.000Z','message':" U("m") "}\n"
#define UUID "01957a00-0000-7000-8000-000000000001"
#define GG "20260822-140000-00000000000000aa"
#define DIGITS "0123456789abcdef0123456789abcdef"

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
	temp_mkdir(dir, "home");
	(void)setenv("HOME", in("home"), 1);
	(void)unsetenv("XDG_DATA_HOME");
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

/* A session with all that may be beside it, and with what is not its own. */
static void given_all(const char *text)
{
	const struct ramet_sidecar_opts opts = { 0 };

	put(path, text);
	must(ramet_sidecar_create(path, &opts, NULL, &why));
	temp_mkdir(dir, "s.v2.staging." DIGITS);
	put(in("s.v2.staging." DIGITS "/manifest.json"), "{}");
	temp_mkdir(dir, "s.v2.kept." DIGITS);
	temp_mkdir(dir, "s.jsonl.blobs");
	put(in("s.jsonl.blobs/" DIGITS DIGITS), "b");
	put(in("s.jsonl.trace"), "beside it");
	temp_mkdir(dir, "s.v2.old");
	temp_mkdir(dir, "s2.v2");
	put(in("s2.v2/manifest.json"), "{}");
}

static void assert_only_others(void)
{
	assert_string_equal(names_in(dir),
			    "home s.jsonl.lock s.jsonl.trace s.v2.old s2.v2");
	assert_int_equal(exists(in("s2.v2/manifest.json")), 1);
}

static void remove__takes_all_that_is_its_own(void **state)
{
	(void)state;
	given_all(PIRUST);
	must(ramet_session_remove(path, &why));
	assert_only_others();
}

/* pi_agent_rust opens pi's files too, and may have given one a sidecar. */
static void remove__knows_the_sidecar_of_a_file_of_pi(void **state)
{
	(void)state;
	given_all(UUID_HEAD MESSAGE("u1", "null", U("one")));
	must(ramet_session_remove(path, &why));
	assert_only_others();
}

static void remove__leaves_what_only_has_the_name(void **state)
{
	(void)state;
	put(path, PIRUST);
	temp_mkdir(dir, "s.v2");
	put(in("s.v2/notes.txt"), "mine");
	temp_mkdir(dir, "s.jsonl.blobs");
	put(in("s.jsonl.blobs/notes.txt"), "mine");
	must(ramet_session_remove(path, &why));
	assert_string_equal(names_in(dir), "home s.jsonl.blobs s.v2");
	assert_int_equal(exists(in("s.v2/notes.txt")), 1);
	assert_int_equal(exists(in("s.jsonl.blobs/notes.txt")), 1);
}

static void remove__follows_no_link(void **state)
{
	(void)state;
	given_all(PIRUST);
	assert_int_equal(rename(in("s.v2"), in("elsewhere")), 0);
	assert_int_equal(symlink("elsewhere", in("s.v2")), 0);
	assert_int_equal(symlink("../s2.v2", in("s.jsonl.blobs/x")), 0);
	must(ramet_session_remove(path, &why));
	assert_string_equal(names_in(dir), "elsewhere home s.jsonl.blobs s.jsonl.lock "
					   "s.jsonl.trace s.v2 s.v2.old s2.v2");
	assert_int_equal(exists(in("elsewhere/manifest.json")), 1);
	assert_int_equal(exists(in("s2.v2/manifest.json")), 1);
}

static void remove__stops_before_what_no_sidecar_has(void **state)
{
	(void)state;
	given_all(PIRUST);
	temp_mkdir(dir, "s.v2/segments/mine");
	refused(ramet_session_remove(path, &why), RAMET_EFORMAT);
	assert_non_null(strstr(why.path, "segments/mine"));
	assert_int_equal(exists(path), 1);
	assert_int_equal(exists(in("s.v2/manifest.json")), 1);
}

/* Whatever fails, the session is there or nothing of it is; then it can be done. */
static void remove__can_be_done_again(void **state)
{
	struct faults f = { .sys = EIO };
	int r = -1, reached = 1, kind;
	const int kinds[] = { FAULT_UNLINK, FAULT_LSTAT, FAULT_OPENDIR, FAULT_READDIR };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (f.kind = kind = kinds[i], f.n = 1, reached = 1; reached; f.n++) {
			temp_dir_remove(dir);
			(void)make_dir(NULL);
			given_all(PIRUST);
			faults_start(&f);
			r = ramet_session_remove(path, NULL);
			reached = faults_stop();
			assert_int_equal(exists(path), r < 0);
			if (r < 0)
				must(ramet_session_remove(path, &why));
			assert_true(f.n < 200);
		}
		assert_int_equal(r, 0);
		assert_only_others();
	}
	(void)kind;
}

static void trash__takes_all_that_is_its_own(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);

	(void)state;
	given_all(PIRUST);
	must(ramet_session_trash(path, &where, &why));
	assert_only_others();
	assert_string_equal(names_in(in("home/.local/share/Trash/files")),
			    "s.jsonl s.jsonl.blobs s.v2 s.v2.kept." DIGITS
			    " s.v2.staging." DIGITS);
	assert_string_equal(names_in(in("home/.local/share/Trash/info")),
			    "s.jsonl.blobs.trashinfo s.jsonl.trashinfo s.v2.kept." DIGITS
			    ".trashinfo s.v2.staging." DIGITS ".trashinfo s.v2.trashinfo");
	assert_int_equal(exists(in("home/.local/share/Trash/files/s.v2/manifest.json")), 1);
	assert_non_null(strstr(bytes_of(in("home/.local/share/Trash/info/s.v2.trashinfo")).ptr,
			       "/s.v2\n"));
	ramet_buf_release(&where);
}

/* What was put back where it was is as good as before. */
static void trash__gives_back_a_sidecar_that_is_believed(void **state)
{
	struct ramet_sidecar_check check = { 0 };
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);

	(void)state;
	given_all(PIRUST);
	must(ramet_session_trash(path, &where, &why));
	assert_int_equal(rename(where.ptr, path), 0);
	assert_int_equal(rename(in("home/.local/share/Trash/files/s.v2"), in("s.v2")), 0);
	must(ramet_sidecar_verify(path, &check, &why));
	assert_int_equal(check.state, RAMET_SIDECAR_MIGRATED);
	ramet_buf_release(&where);
}

static void trash__leaves_what_cannot_follow(void **state)
{
	const struct faults f = { .kind = FAULT_RENAME_NEW, .n = 2, .sys = EPERM };
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);

	(void)state;
	given_all(PIRUST);
	faults_start(&f);
	must(ramet_session_trash(path, &where, &why));
	assert_int_equal(faults_stop(), 1);
	assert_int_equal(exists(path), 0);
	assert_int_equal(exists(in("s.v2/manifest.json")), 1);
	assert_int_equal(exists(in("home/.local/share/Trash/info/s.v2.trashinfo")), 0);
	ramet_buf_release(&where);
}

/* ---- yoi: a directory for one session ---- */

static void given_yoi(const char *name)
{
	temp_mkdir(dir, UUID);
	put(in(name), dq("{'ts':1,'kind':'segment_start','session_id':'" UUID "',"
			 "'config':{'model':'m'},'history':[]}\n"));
}

static void remove__leaves_no_empty_directory_of_yoi(void **state)
{
	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	must(ramet_session_remove(in(UUID "/" UUID ".jsonl"), &why));
	assert_string_equal(names_in(dir), "home");
}

static void remove__leaves_a_directory_with_more_in_it(void **state)
{
	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	put(in(UUID "/notes.txt"), "mine");
	must(ramet_session_remove(in(UUID "/" UUID ".jsonl"), &why));
	assert_string_equal(names_in(in(UUID)), "notes.txt");
}

static void remove__takes_the_trace_of_yoi(void **state)
{
	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	put(in(UUID "/" UUID ".trace.jsonl"), "{}\n");
	must(ramet_session_remove(in(UUID "/" UUID ".jsonl"), &why));
	assert_string_equal(names_in(dir), "home");
}

static void trash__takes_the_trace_of_yoi(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);

	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	put(in(UUID "/" UUID ".trace.jsonl"), "{}\n");
	must(ramet_session_trash(in(UUID "/" UUID ".jsonl"), &where, &why));
	assert_string_equal(names_in(in(UUID)), "");
	assert_string_equal(names_in(in("home/.local/share/Trash/files")),
			    UUID ".jsonl " UUID ".trace.jsonl");
	ramet_buf_release(&where);
}

static void remove__stops_at_a_trace_that_stays(void **state)
{
	const struct faults f = { .kind = FAULT_UNLINK, .n = 1, .sys = EPERM };

	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	put(in(UUID "/" UUID ".trace.jsonl"), "{}\n");
	faults_start(&f);
	refused(ramet_session_remove(in(UUID "/" UUID ".jsonl"), &why), RAMET_EIO);
	assert_int_equal(faults_stop(), 1);
	assert_int_equal(exists(in(UUID "/" UUID ".jsonl")), 1);
}

/* A session that is restored finds its directory. */
static void trash__leaves_the_directory_of_yoi(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);

	(void)state;
	given_yoi(UUID "/" UUID ".jsonl");
	must(ramet_session_trash(in(UUID "/" UUID ".jsonl"), &where, &why));
	assert_string_equal(names_in(dir), UUID " home");
	ramet_buf_release(&where);
}

/* ---- ggcode: a session that it has open ---- */

static void removal__leaves_what_ggcode_has_open(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(TEMP_PATH);
	struct ramet_ggcode_lock *lock = NULL;

	(void)state;
	put(in(GG ".jsonl"), dq("{'type':'meta','session_id':'" GG "','title':'t'}\n"));
	must(ramet_ggcode_lock_take(&lock, dir, raw(GG), NULL, &why));
	refused(ramet_session_trash(in(GG ".jsonl"), &where, &why), RAMET_ECONFLICT);
	assert_non_null(strstr(why.text, "has the session open"));
	refused(ramet_session_remove(in(GG ".jsonl"), &why), RAMET_ECONFLICT);
	assert_int_equal(exists(in(GG ".jsonl")), 1);
	ramet_ggcode_lock_release(lock);
	must(ramet_session_remove(in(GG ".jsonl"), &why));
	/* no id of ggcode's: nobody can have it open */
	put(in("a b.jsonl"), dq("{'type':'meta','session_id':'a b','title':'t'}\n"));
	must(ramet_session_trash(in("a b.jsonl"), &where, &why));
	assert_int_equal(exists(in("a b.jsonl")), 0);
	ramet_buf_release(&where);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(remove__takes_all_that_is_its_own),
		TEST(remove__knows_the_sidecar_of_a_file_of_pi),
		TEST(remove__leaves_what_only_has_the_name),
		TEST(remove__follows_no_link),
		TEST(remove__stops_before_what_no_sidecar_has),
		TEST(remove__can_be_done_again),
		TEST(trash__takes_all_that_is_its_own),
		TEST(trash__gives_back_a_sidecar_that_is_believed),
		TEST(trash__leaves_what_cannot_follow),
		TEST(remove__leaves_no_empty_directory_of_yoi),
		TEST(remove__leaves_a_directory_with_more_in_it),
		TEST(trash__leaves_the_directory_of_yoi),
		TEST(remove__takes_the_trace_of_yoi),
		TEST(trash__takes_the_trace_of_yoi),
		TEST(remove__stops_at_a_trace_that_stays),
		TEST(removal__leaves_what_ggcode_has_open),
	};

	return cmocka_run_group_tests_name("forget", tests, NULL, NULL);
}

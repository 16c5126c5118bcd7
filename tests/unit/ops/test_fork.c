/*
 * fork.c: a fork is a new file with a fresh header that names the source, and all entries of all
 * branches in the current version. It appears whole or not at all and leaves the source alone.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FORK_HEAD(id)                                                                              \
	"{'type':'session','version':3,'id':'" id "','timestamp':'<now>','cwd':'%s',"              \
	"'parentSession':'%s'}\n"
/* clang-format off */
#define ENTRIES                                                                                    \
	MESSAGE("u1", "null", U("one"))                                                            \
	MESSAGE("a1", "'u1'", A("two"))                                                            \
	LINE("label", "l1", "'a1'", ",'targetId':'u1','label':'x'")                                \
	MESSAGE("side", "'u1'", A("three"))                                                        \
	LINE("future", "f1", "'side'", ",'n':1.0")
/* clang-format on */

static char *dir;
static const char *path;
static struct ramet_session *s, *copy;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = copy = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	ramet_session_close(copy);
	temp_dir_remove(dir);
	return 0;
}

static void given_file(const char *text)
{
	put(path, text);
	s = opened(path);
}

static void fork_into(const char *name, const char *cwd, const char *id)
{
	const struct ramet_fork_opts opts = { .dir = temp_path(dir, name), .cwd = cwd, .id = id };

	must(ramet_fork(&copy, s, &opts, &why));
}

static void fork__copies_all_branches_under_a_new_header(void **state)
{
	(void)state;
	given_file(HEAD ENTRIES);
	fork_into("to", NULL, "forked");
	assert_file(ramet_session_path(copy), FORK_HEAD("forked") ENTRIES, "/w", path);
	assert_string_equal(ramet_session_dir(copy), temp_path(dir, "to"));
	assert_int_equal(ramet_session_stored(copy), 1);
	assert_string_equal(leaf_id(copy), "f1");
	assert_reopens_same(copy);
	assert_file(path, HEAD ENTRIES);
	assert_int_equal(mode_of(ramet_session_path(copy)), 0600);
	assert_int_equal(mode_of(temp_path(dir, "to")), 0700);
}

static void fork__names_the_file_as_pi_does(void **state)
{
	char name[128];
	struct ramet_bytes time;
	unsigned i;

	(void)state;
	given_file(HEAD ENTRIES);
	fork_into("to", NULL, "forked");
	time = ramet_session_header(copy)->timestamp;
	(void)snprintf(name, sizeof(name), "%.*s_forked.jsonl", RAMET_FMT(time));
	for (i = 0; i < time.len; i++)
		if (name[i] == ':' || name[i] == '.')
			name[i] = '-';
	assert_string_equal(names_in(temp_path(dir, "to")), name);
}

static void fork__can_be_written_to_at_once(void **state)
{
	(void)state;
	given_file(HEAD ENTRIES);
	fork_into("to", NULL, NULL);
	must(ramet_session_append_message(copy, js(A("more")), NULL, &why));
	assert_text(rest_after(entry_of(copy, 5), js("{'type':'message','id':'")),
		    "<id>','parentId':'f1','timestamp':'<now>','message':%s}", A("more"));
	assert_reopens_same(copy);
	assert_file(path, HEAD ENTRIES);
}

static void fork__of_a_header_alone(void **state)
{
	(void)state;
	given_file(HEAD);
	fork_into("to", "/else", "forked");
	assert_file(ramet_session_path(copy), FORK_HEAD("forked"), "/else", path);
	assert_int_equal(ramet_session_stored(copy), 1);
}

static void fork__drops_lines_that_are_no_entry(void **state)
{
	(void)state;
	given_file("garbage\n" HEAD MESSAGE("u1", "null", U("one")) "{'type':\n\n7\n" HEAD MESSAGE(
		"a1", "'u1'", A("two")) "{'type':'mess");
	fork_into("to", NULL, "forked");
	assert_file(ramet_session_path(copy),
		    FORK_HEAD("forked") MESSAGE("u1", "null", U("one"))
			    MESSAGE("a1", "'u1'", A("two")),
		    "/w", path);
	assert_int_equal(ramet_session_findings(copy)->n, 0);
}

static void fork__does_not_copy_unknown_members_of_the_header(void **state)
{
	(void)state;
	given_file(
		"{'type':'session','version':3,'id':'s1','timestamp':"
		"'2026-03-01T10:00:00.000Z','cwd':'/w','parentSession':'/old','extra':1}\n" MESSAGE(
			"u1", "null", U("one")));
	fork_into("to", NULL, "forked");
	assert_file(ramet_session_path(copy), FORK_HEAD("forked") MESSAGE("u1", "null", U("one")),
		    "/w", path);
}

static void fork__of_version_2_writes_version_3(void **state)
{
	(void)state;
	given_file(HEAD_OF(",'version':2")
			   MESSAGE("h", "null", "{'role':'hookMessage','content':'x'}")
				   MESSAGE("u1", "'h'", U("one")));
	fork_into("to", NULL, "forked");
	assert_file(ramet_session_path(copy),
		    FORK_HEAD("forked") MESSAGE("h", "null", "{'role':'custom','content':'x'}")
			    MESSAGE("u1", "'h'", U("one")),
		    "/w", path);
}

#define V1_LINE(more) "{'type':'" more ",'timestamp':'2026-03-01T10:00:01.000Z'}\n"

static void fork__of_version_1_writes_version_3(void **state)
{
	struct ramet_buf expected = RAMET_BUF_INIT(1u << 20);
	uint32_t i;

	(void)state;
	given_file(HEAD_OF("") V1_LINE("message','message':" U("one")) "broken\n" V1_LINE(
		"message','message':{'role':'hookMessage','content':'x'}")
			   V1_LINE("compaction','summary':'s','firstKeptEntryIndex':2,"
				   "'tokensBefore':1") V1_LINE("message','message':" A("two")));
	fork_into("to", NULL, "forked");
	for (i = 0; i < 4; i++) {
		ramet_buf_add(&expected, entry_of(s, i));
		ramet_buf_add_char(&expected, '\n');
	}
	assert_file(ramet_session_path(copy), FORK_HEAD("forked") "%s", "/w", path, expected.ptr);
	assert_int_equal(ramet_tree_row(ramet_session_tree(copy), 3)->depth,
			 ramet_tree_row(ramet_session_tree(s), 3)->depth);
	assert_int_equal(ramet_session_header(copy)->version, 3);
	must(ramet_session_append_message(copy, js(U("more")), NULL, &why));
	assert_reopens_same(copy);
	ramet_buf_release(&expected);
}

static void fork__names_its_source_absolutely(void **state)
{
	char *before = getcwd(NULL, 0);

	(void)state;
	put(path, HEAD ENTRIES);
	assert_int_equal(chdir(dir), 0);
	s = opened("./s.jsonl");
	fork_into("to", "proj/../sub", "forked");
	assert_file(ramet_session_path(copy), FORK_HEAD("forked") ENTRIES, temp_path(dir, "sub"),
		    path);
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void fork__takes_pis_directory_of_the_cwd(void **state)
{
	const struct ramet_fork_opts opts = { .cwd = "/home/ada/other" };

	(void)state;
	assert_int_equal(setenv("PI_CODING_AGENT_DIR", temp_path(dir, "agent"), 1), 0);
	given_file(HEAD ENTRIES);
	must(ramet_fork(&copy, s, &opts, &why));
	assert_string_equal(ramet_session_dir(copy),
			    temp_path(dir, "agent/sessions/--home-ada-other--"));
	assert_text(ramet_session_header(copy)->id, "<uuid>");
	assert_true(ramet_bytes_is(ramet_session_cwd(copy, raw("no")), "/home/ada/other"));
	assert_reopens_same(copy);
	ramet_session_close(copy);
	copy = NULL;
	must(ramet_fork(&copy, s, NULL, &why));
	assert_string_equal(ramet_session_dir(copy), temp_path(dir, "agent/sessions/--w--"));
	assert_int_equal(unsetenv("PI_CODING_AGENT_DIR"), 0);
}

static void fork__takes_in_what_was_appended_through_the_handle(void **state)
{
	(void)state;
	given_file(HEAD ENTRIES);
	must(ramet_session_append_message(s, js(A("more")), NULL, &why));
	must(ramet_session_branch(s, 0, &why));
	fork_into("to", NULL, "forked");
	assert_int_equal(ramet_tree_count(ramet_session_tree(copy)), 6);
	assert_int_equal(ramet_session_leaf(copy), 5);
	assert_int_equal(ramet_session_leaf(s), 0);
}

static void fork__refuses_ids_that_pi_refuses(void **state)
{
	static const char *const bad[] = { "", " ", "../a", "a/b", ".a", "a\n" };
	struct ramet_fork_opts opts = { .dir = temp_path(dir, "to") };
	unsigned i;

	(void)state;
	given_file(HEAD ENTRIES);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		opts.id = bad[i];
		refused(ramet_fork(&copy, s, &opts, &why), RAMET_EINVAL);
		refused(ramet_fork_branch(&copy, s, 0, &opts, &why), RAMET_EINVAL);
		assert_null(copy);
	}
	assert_string_equal(names_in(dir), "s.jsonl");
}

static int stopped_clock(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	(void)clock;
	ts->tv_sec = 1780000000;
	ts->tv_nsec = 0;
	return 0;
}

static void fork__never_takes_a_name_that_is_there(void **state)
{
	const struct ramet_fork_opts opts = { .dir = temp_path(dir, "to"), .id = "forked" };
	struct rameti_env env = *rameti_env_posix();
	struct ramet_session *second = NULL;
	struct ramet_bytes first;

	(void)state;
	given_file(HEAD ENTRIES);
	env.clock_gettime = stopped_clock;
	rameti_env_use(&env);
	must(ramet_fork(&copy, s, &opts, &why));
	first = bytes_of(ramet_session_path(copy));
	must(ramet_session_append_message(s, js(A("more")), NULL, &why));
	refused(ramet_fork(&second, s, &opts, &why), RAMET_ECONFLICT);
	refused(ramet_fork_branch(&second, s, 0, &opts, &why), RAMET_ECONFLICT);
	rameti_env_use(NULL);
	assert_null(second);
	assert_true(ramet_bytes_eq(first, bytes_of(ramet_session_path(copy))));
	assert_string_equal(names_in(temp_path(dir, "to")),
			    strrchr(ramet_session_path(copy), '/') + 1);
}

static void fork__of_a_session_in_memory_has_no_parent(void **state)
{
	(void)state;
	must(ramet_session_create_memory(&s, "/w", js(HEAD ENTRIES), NULL, &why));
	fork_into("to", NULL, "forked");
	assert_file(ramet_session_path(copy), "{'type':'session','version':3,'id':'forked','"
					      "timestamp':'<now>','cwd':'/w'}\n" ENTRIES);
	assert_reopens_same(copy);
}

/* One fork under one fault; 0 when it makes no such call any more. */
static int fork_under(const struct faults *f, unsigned turn)
{
	char name[32];
	const char *to;
	struct ramet_fork_opts opts = { .id = "forked" };
	int r, more;

	(void)snprintf(name, sizeof(name), "to-%u/deep", turn);
	opts.dir = to = temp_path(dir, name);
	faults_start(f);
	r = ramet_fork(&copy, s, &opts, &why);
	more = faults_stop();
	assert_true(r == 0 || (more && why.code == r));
	assert_true(r == 0 || copy == NULL);
	assert_file(path, HEAD ENTRIES);
	if (r == 0) {
		assert_file(ramet_session_path(copy), FORK_HEAD("forked") ENTRIES, "/w", path);
		assert_reopens_same(copy);
	} else if (r != RAMET_EUNKNOWN && f->kind != FAULT_UNLINK && exists(to) && *names_in(to)) {
		fail_msg("%s %u: left behind: %s", fault_name(f->kind), f->n, names_in(to));
	}
	ramet_session_close(copy);
	copy = NULL;
	return more;
}

static void fork__whole_or_absent_whatever_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC };
	struct faults f = { 0 };
	unsigned e, turn = 0;

	(void)state;
	given_file(HEAD ENTRIES);
	for (e = 0; e < 8; e++)
		for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
			for (f.n = 1;; f.n++) {
				f.sys = errors[e % 2];
				f.for_ever = e / 2 % 2;
				f.poor = e / 4;
				assert_true(f.n < 500);
				if (!fork_under(&f, turn++))
					break;
			}
}

/* One fork that runs out of memory; 0 when it needs no such allocation. */
static int fork_without_memory(unsigned n, int branch)
{
	char name[32];
	struct ramet_fork_opts opts = { .id = "forked" };
	int r, more;

	(void)snprintf(name, sizeof(name), "to-%d-%u", branch, n);
	opts.dir = temp_path(dir, name);
	scarce_start(n);
	r = branch ? ramet_fork_branch(&copy, s, 1, &opts, &why)
		   : ramet_fork(&copy, s, &opts, &why);
	more = scarce_stop();
	assert_true(r == 0 || r == RAMET_ENOMEM || r == RAMET_EUNKNOWN);
	assert_true(r == 0 || (why.code == r && !copy));
	if (r == RAMET_ENOMEM && exists(opts.dir))
		assert_string_equal(names_in(opts.dir), "");
	if (r == 0)
		assert_reopens_same(copy);
	ramet_session_close(copy);
	copy = NULL;
	return more;
}

static void fork__whole_or_absent_whichever_allocation_fails(void **state)
{
	unsigned n;
	int branch;

	(void)state;
	given_file(HEAD ENTRIES);
	for (branch = 0; branch < 2; branch++)
		for (n = 1; fork_without_memory(n, branch); n++)
			assert_true(n < 1000);
}

static void fork__whole_or_absent_after_a_short_write(void **state)
{
	struct faults f = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC };

	(void)state;
	given_file(HEAD ENTRIES);
	for (f.cut = 1; f.cut < 400; f.cut += 17)
		(void)fork_under(&f, (unsigned)f.cut);
	f.for_ever = 1;
	(void)fork_under(&f, 0);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(fork__copies_all_branches_under_a_new_header),
		IN_DIR(fork__names_the_file_as_pi_does),
		IN_DIR(fork__can_be_written_to_at_once),
		IN_DIR(fork__of_a_header_alone),
		IN_DIR(fork__drops_lines_that_are_no_entry),
		IN_DIR(fork__does_not_copy_unknown_members_of_the_header),
		IN_DIR(fork__of_version_2_writes_version_3),
		IN_DIR(fork__of_version_1_writes_version_3),
		IN_DIR(fork__names_its_source_absolutely),
		IN_DIR(fork__takes_pis_directory_of_the_cwd),
		IN_DIR(fork__takes_in_what_was_appended_through_the_handle),
		IN_DIR(fork__refuses_ids_that_pi_refuses),
		IN_DIR(fork__never_takes_a_name_that_is_there),
		IN_DIR(fork__of_a_session_in_memory_has_no_parent),
		IN_DIR(fork__whole_or_absent_whatever_fails),
		IN_DIR(fork__whole_or_absent_whichever_allocation_fails),
		IN_DIR(fork__whole_or_absent_after_a_short_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_layout_pirust.c - names and places of pi_agent_rust, and appending to its files: its lock,
 * its lines, and the leaf that its header names.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/env.h"
#include "ramet/pirust.h"
#include "store/layout.h"

#define TALK                                                                                       \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T10:00:00.000Z',"          \
	"'cwd':'/w','leafId':'a1','branchedFrom':'/old.jsonl'}\n"                                  \
	"{'type':'message','id':'u1','timestamp':'2026-03-01T10:00:01.000Z',"                      \
	"'message':{'role':'user','content':'one'}}\n"
#define REST                                                                                       \
	MESSAGE("a1", "'u1'", U("two"))                                                            \
	MESSAGE("a2", "'a1'", U("three"))
#define HEAD_NOW                                                                                   \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T10:00:00.000Z',"          \
	"'cwd':'/w','branchedFrom':'/old.jsonl'}\n"                                                \
	"{'type':'message','id':'u1','timestamp':'2026-03-01T10:00:01.000Z',"                      \
	"'message':{'role':'user','content':'one'}}\n"

static char *dir;
static char path[TEMP_PATH];
static struct ramet_session *s;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	(void)unsetenv("PI_SESSIONS_DIR");
	(void)unsetenv("PI_SHARE_VIEWER_URL");
	return 0;
}

/* ---- appending ---- */

static void append__goes_on_at_the_leaf_of_the_header(void **state)
{
	char id[RAMET_ID_SIZE];
	struct stat st;

	(void)state;
	put(path, TALK REST);
	assert_int_equal(chmod(path, 0640), 0);
	s = opened(path);
	assert_string_equal(ramet_session_format(s), "pirust");
	assert_string_equal(leaf_id(s), "a1");
	must(ramet_session_append_message(s, js(U("here")), id, &why));
	assert_file(path, "%s",
		    dq(HEAD_NOW REST "{'type':'message','id':'<id>','parentId':'a1','timestamp':"
				     "'<now>','message':{'role':'user','content':'here'}}\n"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_string_equal(leaf_id(s), id);
	assert_reopens_same(s);
	assert_int_equal(exists(temp_path(dir, "s.jsonl.lock")), 1);
	/* again: nothing more has to be replaced */
	must(ramet_session_append_name(s, js("n"), id, &why));
	assert_reopens_same(s);
}

static void append__keeps_a_link_and_what_it_names(void **state)
{
	char link[TEMP_PATH];
	struct stat st;

	(void)state;
	put(path, TALK REST);
	(void)snprintf(link, sizeof(link), "%s/link.jsonl", dir);
	assert_int_equal(symlink("s.jsonl", link), 0);
	s = opened(link);
	must(ramet_session_append_message(s, js(U("here")), NULL, &why));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_null(memmem(bytes_of(path).ptr, bytes_of(path).len, "leafId", 6));
	assert_reopens_same(s);
}

static void append__before_the_first_entry_makes_a_root(void **state)
{
	(void)state;
	put(path, TALK REST);
	s = opened(path);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	must(ramet_session_append_message(s, js(U("root")), NULL, &why));
	assert_file(path, "%s",
		    dq(HEAD_NOW REST "{'type':'message','id':'<id>','timestamp':"
				     "'<now>','message':{'role':'user','content':"
				     "'root'}}\n"));
	assert_reopens_same(s);
}

static void append__says_all_types_so_that_they_come_back(void **state)
{
	struct ramet_custom_message m = { .custom_type = js("t"),
					  .content = js("'c'"),
					  .display = 1 };
	struct ramet_usage_entry usage = {
		.kind = js("k"), .provider = js("p"), .model = js("m"), .usage = js("{}")
	};
	struct ramet_summary sum = { .summary = js("s"),
				     .first_kept = js("u1"),
				     .tokens_before = 12.5 };
	char id[RAMET_ID_SIZE];

	(void)state;
	put(path, TALK REST);
	s = opened(path);
	must(ramet_session_append_message(s, js(A("minimal")), id, &why));
	must(ramet_session_append_message(s,
					  js("{'role':'bashExecution','command':'c','output':'',"
					     "'cancelled':true}"),
					  NULL, &why));
	must(ramet_session_append_message(s, js("{'role':'system','content':'x'}"), NULL, &why));
	must(ramet_session_append_model(s, js("p"), js("m"), NULL, &why));
	must(ramet_session_append_thinking_level(s, js("low"), NULL, &why));
	must(ramet_session_append_custom_message(s, &m, NULL, &why));
	must(ramet_session_append_usage(s, &usage, NULL, &why));
	must(ramet_session_append_context_edit(s, row_of(s, id), js("null"), NULL, &why));
	must(ramet_session_append_label(s, row_of(s, id), js("l"), NULL, &why));
	must(ramet_session_append_custom(s, js("x"), js("{'a':1}"), NULL, &why));
	must(ramet_session_append_compaction(s, &sum, NULL, &why));
	must(ramet_session_append_name(s, js("n"), NULL, &why));
	must(ramet_session_append_leaf(s, NULL, &why));
	assert_reopens_same(s);
	/* nothing of pi's own types stands in a line */
	assert_null(memmem(bytes_of(path).ptr, bytes_of(path).len, "\n{\"type\":\"usage", 15));
	assert_null(memmem(bytes_of(path).ptr, bytes_of(path).len, "\n{\"type\":\"custom_m", 18));
	assert_null(memmem(bytes_of(path).ptr, bytes_of(path).len, "parentId\":null", 14));
}

static void append__waits_for_the_lock_of_the_original(void **state)
{
	const struct ramet_open_opts opts = { .lock_ms = 50 };
	int fd;

	(void)state;
	put(path, TALK REST);
	fd = open(temp_path(dir, "s.jsonl.lock"), O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	must(ramet_session_open(&s, path, &opts, &why));
	refused(ramet_session_append_name(s, js("n"), NULL, &why), RAMET_ECONFLICT);
	assert_file(path, "%s", dq(TALK REST));
	(void)close(fd);
	must(ramet_session_append_name(s, js("n"), NULL, &why));
}

/* ---- names and places ---- */

static const char *text_of(struct ramet_buf *b)
{
	static char kept[4][TEMP_PATH];
	static unsigned n;
	char *to = kept[n++ % 4];

	(void)snprintf(to, TEMP_PATH, "%s", b->ptr ? b->ptr : "");
	ramet_buf_release(b);
	return to;
}

static const char *encoded(const char *cwd)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);

	must(ramet_pirust_encode_cwd(raw(cwd), &b));
	return text_of(&b);
}

static void encode_cwd__strips_all_leading_separators(void **state)
{
	(void)state;
	assert_string_equal(encoded("/home/u/p"), "--home-u-p--");
	assert_string_equal(encoded("/"), "----");
	assert_string_equal(encoded("//\\x:y\\z/"), "--x-y-z---");
	assert_string_equal(encoded("/a/b-c"), encoded("/a-b/c"));
	assert_string_equal(encoded(""), "----");
}

static const char *file_name(const char *id)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);

	must(ramet_pirust_file_name(raw(id), 1772355600123, &b));
	return text_of(&b);
}

static void file_name__has_time_and_short_id(void **state)
{
	(void)state;
	assert_string_equal(file_name("5b0f6c1e-0000-4000"),
			    "2026-03-01T09-00-00.123Z_5b0f6c1e.jsonl");
	assert_string_equal(file_name("a/../b.c"), "2026-03-01T09-00-00.123Z_a____b_c.jsonl");
	assert_string_equal(file_name("../.."), "2026-03-01T09-00-00.123Z_session.jsonl");
	assert_string_equal(file_name(""), "2026-03-01T09-00-00.123Z_session.jsonl");
	assert_string_equal(file_name("\xc3\xa9x"), "2026-03-01T09-00-00.123Z__x.jsonl");
}

static void new_path__is_in_the_folder_of_the_cwd(void **state)
{
	struct rameti_draft_header h = { .id = ramet_bytes_of("12345678-9"),
					 .cwd = ramet_bytes_of("/w/x"),
					 .time_ms = 1772355600123 };
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	(void)state;
	must(rameti_layout_pirust.new_path(dir, &h, &b, &why));
	assert_string_equal(b.ptr + strlen(dir),
			    "/--w-x--/2026-03-01T09-00-00.123Z_12345678.jsonl");
	assert_int_equal(mode_of(temp_path(dir, "--w-x--")), 0700);
	ramet_buf_release(&b);
}

static void root__is_from_the_environment(void **state)
{
	struct ramet_buf a = RAMET_BUF_INIT(10000), b = RAMET_BUF_INIT(10000);

	(void)state;
	must(ramet_pirust_sessions_root(&a, &why));
	must(ramet_pi_sessions_root(&b, &why));
	assert_string_equal(text_of(&a), text_of(&b));
	(void)setenv("PI_SESSIONS_DIR", "/elsewhere/./x", 1);
	must(ramet_pirust_sessions_root(&a, &why));
	assert_string_equal(text_of(&a), "/elsewhere/x");
}

static void names__leave_sidecars_and_the_index_out(void **state)
{
	const struct rameti_layout *l = &rameti_layout_pirust;

	(void)state;
	assert_true(l->is_name("a.jsonl"));
	assert_false(l->is_name("a.jsonl.lock"));
	assert_false(l->is_name(".jsonl"));
	assert_false(l->is_name("a.sqlite"));
	assert_true(l->is_dir_name("--home-u--"));
	assert_false(l->is_dir_name("a.v2"));
	assert_false(l->is_dir_name("a.v2.staging.0123"));
	assert_false(l->is_dir_name("session-index.lock"));
}

static void share_url__is_base_and_gist(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);

	(void)state;
	must(ramet_pirust_share_url(raw("abc"), &b));
	assert_string_equal(text_of(&b), "https://buildwithpi.ai/session/#abc");
	(void)setenv("PI_SHARE_VIEWER_URL", "", 1);
	must(ramet_pirust_share_url(raw("abc"), &b));
	assert_string_equal(text_of(&b), "https://buildwithpi.ai/session/#abc");
	(void)setenv("PI_SHARE_VIEWER_URL", " ", 1);
	must(ramet_pirust_share_url(raw("abc"), &b));
	assert_string_equal(text_of(&b), " #abc");
}

/* ---- names and headers, one by one ---- */

static void names__have_their_alphabet(void **state)
{
	static const struct {
		const char *id, *name;
	} cases[] = {
		{ "azAZ09-_", "azAZ09-_" },
		{ "a`{@[/:", "a______" },
		{ "\xc3\xa4\xe2\x82\xac", "session" },
		{ "\xc3\xa4x", "_x" },
		{ "", "session" },
		{ "0123456789", "01234567" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ramet_buf b = RAMET_BUF_INIT(200);

		must(ramet_pirust_file_name(raw(cases[i].id), 0, &b));
		assert_text(ramet_buf_bytes(&b), "1970-01-01T00-00-00.000Z_%s.jsonl",
			    cases[i].name);
		ramet_buf_release(&b);
	}
	assert_true(rameti_layout_pirust.is_name("a.jsonl"));
	assert_false(rameti_layout_pirust.is_name("session-index.jsonl"));
	assert_false(rameti_layout_pirust.is_name(".jsonl"));
	assert_false(rameti_layout_pirust.is_name("a.json"));
	assert_true(rameti_layout_pirust.is_dir_name("--w--"));
	assert_true(rameti_layout_pirust.is_dir_name(".v2"));
	assert_false(rameti_layout_pirust.is_dir_name("a.v2"));
	assert_false(rameti_layout_pirust.is_dir_name("a.v2.kept.1"));
	assert_false(rameti_layout_pirust.is_dir_name("session-index.lock"));
}

static void new_path__is_made_or_memory_is_short(void **state)
{
	struct rameti_draft_header h = { .id = raw("abc"), .cwd = raw("/w"), .time_ms = 0 };
	struct ramet_buf b = RAMET_BUF_INIT(TEMP_PATH), tight = RAMET_BUF_INIT(8);
	unsigned n = 0;
	int reached;

	(void)state;
	do {
		int r;

		ramet_buf_reset(&b);
		scarce_start(++n);
		r = rameti_layout_pirust.new_path(dir, &h, &b, &why);
		reached = scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	} while (reached);
	assert_text(ramet_buf_bytes(&b), "%s/--w--/1970-01-01T00-00-00.000Z_abc.jsonl", dir);
	assert_true(exists(temp_path(dir, "--w--")));
	assert_int_not_equal(rameti_layout_pirust.new_path(dir, &h, &tight, &why), 0);
	ramet_buf_reset(&b);
	h.cwd = raw("");                             /* that of the process */
	must(rameti_layout_pirust.new_path(dir, &h, &b, &why));
	put(path, "x");
	assert_int_not_equal(rameti_layout_pirust.new_path(path, &h, &b, &why), 0);
	ramet_buf_release(&b);
	ramet_buf_release(&tight);
}

/* A header that has no leaf to lose, or that is none, stays as it is. */
static void before__leaves_other_headers_alone(void **state)
{
	static const char *const heads[] = {
		"{'type':'session','id':'s','x':{'leafId':'a'}}\n",
		"{'leafId':'a'",
		"{'leafId':'a'\n",
		"\n",
		"",
		"x",
	};
	static char longest[(1 << 20) + 5000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		put(path, heads[i]);
		must(rameti_layout_pirust.before(rameti_env_default(), path, &why));
		assert_file(path, "%s", dq(heads[i]));
	}
	memset(longest, ' ', sizeof(longest) - 1);
	memcpy(longest, "{\"leafId\":\"a\"", 13);
	put_bytes(path, (struct ramet_bytes){ longest, sizeof(longest) - 1 });
	must(rameti_layout_pirust.before(rameti_env_default(), path, &why));
	assert_int_equal(bytes_of(path).len, sizeof(longest) - 1);
}

static void cut_file(void *user)
{
	(void)user;
	(void)!truncate(path, 20);
}

/* Cut by another program while it is copied: refused, or replaced before that. */
static void before__notices_that_the_file_is_cut(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .meanwhile = cut_file };
	int refusals = 0, reached;

	(void)state;
	do {
		int r;

		put(path, TALK REST);
		f.n++;
		faults_start(&f);
		r = rameti_layout_pirust.before(rameti_env_default(), path, &why);
		reached = faults_stop();
		refusals += r == RAMET_ECONFLICT;
		assert_true(r == RAMET_ECONFLICT || r == 0 || r == 1);
	} while (reached);
	assert_true(refusals > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(append__goes_on_at_the_leaf_of_the_header),
		T(append__keeps_a_link_and_what_it_names),
		T(append__before_the_first_entry_makes_a_root),
		T(append__says_all_types_so_that_they_come_back),
		T(append__waits_for_the_lock_of_the_original),
		T(encode_cwd__strips_all_leading_separators),
		T(file_name__has_time_and_short_id),
		T(new_path__is_in_the_folder_of_the_cwd),
		T(root__is_from_the_environment),
		T(names__leave_sidecars_and_the_index_out),
		T(share_url__is_base_and_gist),
		T(names__have_their_alphabet),
		T(new_path__is_made_or_memory_is_short),
		T(before__leaves_other_headers_alone),
		T(before__notices_that_the_file_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

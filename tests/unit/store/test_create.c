/*
 * create.c: a new session has pi's name, header and first-write rule; its file appears whole, once,
 * readable by its owner only; opening, continuing and memory give what was asked for.
 */
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREATED_HEAD "{'type':'session','version':3,'id':'s1','timestamp':'<now>','cwd':'/w'}\n"

static char *dir;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	temp_dir_remove(dir);
	return 0;
}

static struct ramet_session *create(const char *cwd, const struct ramet_create_opts *opts)
{
	struct ramet_session *s = NULL;

	must(ramet_session_create(&s, cwd, opts, &why));
	return s;
}

static void say(struct ramet_session *s, const char *message)
{
	must(ramet_session_append_message(s, js(message), NULL, &why));
}

/* ---- names and headers ---- */

static void create__names_the_file_as_pi_does(void **state)
{
	struct ramet_session *s = created(dir);
	struct ramet_bytes time = ramet_session_header(s)->timestamp;
	char name[128];
	unsigned i;

	(void)state;
	(void)snprintf(name, sizeof(name), "%.*s_s1.jsonl", RAMET_FMT(time));
	for (i = 0; i < time.len; i++)
		if (name[i] == ':' || name[i] == '.')
			name[i] = '-';
	assert_string_equal(ramet_session_path(s), temp_path(dir, name));
	assert_string_equal(ramet_session_dir(s), dir);
	assert_int_equal(ramet_session_stored(s), 0);
	assert_int_equal(ramet_session_leaf(s), RAMET_NONE);
	assert_string_equal(names_in(dir), "");
	say(s, U("hello"));
	assert_string_equal(names_in(dir), name);
	assert_int_equal(ramet_session_stored(s), 1);
	ramet_session_close(s);
}

static void create__writes_the_header_as_pi_does(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir,
						.parent_session = "/a/\"b\".jsonl",
						.write_now = 1 };
	struct ramet_session *s = create("/w/\xc3\xa9t\xc3\xa9", &opts);

	(void)state;
	assert_int_equal(ramet_session_stored(s), 1);
	assert_text(bytes_of(ramet_session_path(s)),
		    "{'type':'session','version':3,'id':'<uuid>','timestamp':'<now>',"
		    "'cwd':'/w/\xc3\xa9t\xc3\xa9','parentSession':'/a/\\'b\\'.jsonl'}\n");
	assert_true(ramet_bytes_is(ramet_session_header(s)->parent_session, "/a/\"b\".jsonl"));
	assert_int_equal(ramet_session_header(s)->version, 3);
	assert_reopens_same_but_leaf(s);
	ramet_session_close(s);
}

static void create__header_and_file_have_one_time(void **state)
{
	struct ramet_session *s = created(dir);
	struct ramet_session *fresh;

	(void)state;
	say(s, U("hello"));
	fresh = opened(ramet_session_path(s));
	assert_true(ramet_bytes_eq(ramet_session_header(s)->timestamp,
				   ramet_session_header(fresh)->timestamp));
	assert_true(ramet_session_header(s)->created_ms == ramet_session_header(fresh)->created_ms);
	ramet_session_close(fresh);
	ramet_session_close(s);
}

static void create__makes_the_cwd_absolute(void **state)
{
	static const char *const given[] = { ".", "x/../y//z/", "../q", NULL };
	static const char *const ends[] = { "", "/y/z", "/../q", "" };
	char *before = getcwd(NULL, 0), *here, expected[TEMP_PATH];
	const struct ramet_create_opts opts = { .dir = dir };
	unsigned i;

	(void)state;
	temp_mkdir(dir, "here");
	assert_int_equal(chdir(temp_path(dir, "here")), 0);
	here = getcwd(NULL, 0);
	for (i = 0; i < 4; i++) {
		struct ramet_session *s = create(given[i], &opts);

		(void)snprintf(expected, sizeof(expected), "%s%s", here, ends[i]);
		if (i == 2)
			(void)snprintf(expected, sizeof(expected), "%.*s/q",
				       (int)(strlen(here) - strlen("/here")), here);
		assert_true(ramet_bytes_is(ramet_session_header(s)->cwd, expected));
		assert_true(ramet_bytes_is(ramet_session_cwd(s, raw("no")), expected));
		ramet_session_close(s);
	}
	assert_int_equal(chdir(before), 0);
	free(before);
	free(here);
}

static void create__takes_pis_directory_of_the_cwd(void **state)
{
	struct ramet_session *s;

	(void)state;
	assert_int_equal(setenv("PI_CODING_AGENT_DIR", temp_path(dir, "agent"), 1), 0);
	s = create("/home/ada/project", NULL);
	assert_string_equal(ramet_session_dir(s),
			    temp_path(dir, "agent/sessions/--home-ada-project--"));
	assert_string_equal(names_in(dir), "");
	say(s, "{'role':'system','content':'be brief'}");
	assert_string_equal(names_in(dir), "");
	say(s, U("hello"));
	assert_true(exists(ramet_session_path(s)));
	assert_int_equal(mode_of(temp_path(dir, "agent")), 0700);
	assert_int_equal(mode_of(temp_path(dir, "agent/sessions")), 0700);
	assert_int_equal(mode_of(ramet_session_dir(s)), 0700);
	assert_reopens_same(s);
	ramet_session_close(s);
	assert_int_equal(unsetenv("PI_CODING_AGENT_DIR"), 0);
}

static void create__refuses_ids_that_pi_refuses(void **state)
{
	static const char *const bad[] = { "",		" ",	"a b",	"a/b", "../a",
					   "a/../../b", "-a",	"a-",	".",   "..",
					   ".a",	"a.",	"_a",	"a_",  "\xc3\xa9",
					   "a\n",	"a\tb", "a\\b", "a:b" };
	static const char *const good[] = { "a", "Z9", "a-b", "a_b", "a.b", "a..b", "019a.b_c-d" };
	struct ramet_create_opts opts = { .dir = dir, .write_now = 1 };
	struct ramet_session *s = NULL;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		opts.id = bad[i];
		refused(ramet_session_create(&s, "/w", &opts, &why), RAMET_EINVAL);
		assert_null(s);
		refused(ramet_session_create_memory(&s, "/w", raw(""), &opts, &why), RAMET_EINVAL);
		assert_null(s);
	}
	assert_string_equal(names_in(dir), "");
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		opts.id = good[i];
		s = create("/w", &opts);
		assert_true(ramet_bytes_is(ramet_session_header(s)->id, good[i]));
		assert_reopens_same_but_leaf(s);
		ramet_session_close(s);
		s = NULL;
	}
}

static void create__makes_up_new_ids_that_ascend(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir };
	char last[64] = "";
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		struct ramet_session *s = create("/w", &opts);
		struct ramet_bytes id = ramet_session_header(s)->id;

		assert_text(id, "<uuid>");
		assert_true(memcmp(last, id.ptr, id.len) < 0);
		memcpy(last, id.ptr, id.len);
		ramet_session_close(s);
	}
}

/* ---- the first write ---- */

static void create__no_other_entry_makes_the_file(void **state)
{
	struct ramet_session *s = created(temp_path(dir, "sub"));
	struct ramet_usage_entry usage = { raw("cache_warm"), raw("p"), raw("m"), raw(NULL),
					   js("{'input':1}") };
	struct ramet_summary sum = { .summary = raw("sum") };
	struct ramet_custom_message cm = { raw("x"), js("'text'"), raw(NULL), 1 };

	(void)state;
	say(s, "{'role':'system','content':'be brief'}");
	say(s, "{'role':'toolResult','toolCallId':'c','toolName':'read','content':[],"
	       "'isError':false}");
	say(s, "{'role':'bashExecution','command':'ls','output':'','exitCode':0,"
	       "'cancelled':false,'truncated':false}");
	must(ramet_session_append_thinking_level(s, raw("high"), NULL, &why));
	must(ramet_session_append_model(s, raw("p"), raw("m"), NULL, &why));
	must(ramet_session_append_usage(s, &usage, NULL, &why));
	must(ramet_session_append_compaction(s, &sum, NULL, &why));
	must(ramet_session_branch_with_summary(s, 0, &sum, NULL, &why));
	must(ramet_session_append_custom(s, raw("x"), js("{'a':1}"), NULL, &why));
	must(ramet_session_append_custom_message(s, &cm, NULL, &why));
	must(ramet_session_append_name(s, raw("name"), NULL, &why));
	must(ramet_session_append_label(s, 0, raw("label"), NULL, &why));
	must(ramet_session_append_leaf(s, NULL, &why));
	must(ramet_session_append_entry(s, js("{'type':'future'}"), NULL, &why));
	must(ramet_session_sync(s, &why));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	assert_int_equal(ramet_session_stored(s), 0);
	assert_string_equal(names_in(dir), "");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 14);
	ramet_session_close(s);
	assert_string_equal(names_in(dir), "");
}

static void makes_the_file(const char *message)
{
	struct ramet_session *s = created(temp_path(dir, "sub/deep"));

	must(ramet_session_append_model(s, raw("p"), raw("m"), NULL, &why));
	say(s, "{'role':'system','content':'be brief'}");
	assert_string_equal(names_in(dir), "");
	say(s, message);
	assert_int_equal(ramet_session_stored(s), 1);
	assert_file(ramet_session_path(s),
		    CREATED_HEAD
		    "{'type':'model_change','id':'<id>','parentId':null,'timestamp':'<now>',"
		    "'provider':'p','modelId':'m'}\n"
		    "{'type':'message','id':'<id>','parentId':'<id>','timestamp':'<now>',"
		    "'message':{'role':'system','content':'be brief'}}\n"
		    "{'type':'message','id':'<id>','parentId':'<id>','timestamp':'<now>',"
		    "'message':%s}\n",
		    message);
	assert_reopens_same(s);
	must(ramet_session_append_name(s, raw("more"), NULL, &why));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void create__a_user_message_makes_the_file(void **state)
{
	(void)state;
	makes_the_file(U("hello"));
}

static void create__an_assistant_message_makes_the_file(void **state)
{
	(void)state;
	makes_the_file(A("hello"));
}

static void create__many_messages_make_the_file_at_once(void **state)
{
	struct ramet_session *s = created(dir);
	struct ramet_bytes messages[3] = { js("{'role':'system','content':'be brief'}"),
					   js(U("one")), js(A("two")) };
	char ids[3][RAMET_ID_SIZE];

	(void)state;
	must(ramet_session_append_messages(s, messages, 3, ids, &why));
	assert_file(
		ramet_session_path(s),
		CREATED_HEAD
		"{'type':'message','id':'%s','parentId':null,'timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}"
		"\n",
		ids[0], "{'role':'system','content':'be brief'}", ids[1], ids[0], U("one"), ids[2],
		ids[1], A("two"));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void create__an_entry_of_any_type_follows_the_rule(void **state)
{
	struct ramet_session *s = created(dir);

	(void)state;
	must(ramet_session_append_entry(
		s, js("{'type':'message','message':{'role':'toolResult','content':[]}}"), NULL,
		&why));
	assert_int_equal(ramet_session_stored(s), 0);
	must(ramet_session_append_entry(
		s, js("{'type':'message','message':{'content':'x','role':'user'}}"), NULL, &why));
	assert_int_equal(ramet_session_stored(s), 1);
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void create__write_makes_the_file(void **state)
{
	struct ramet_session *s = created(temp_path(dir, "sub"));

	(void)state;
	must(ramet_session_append_name(s, raw("name"), NULL, &why));
	must(ramet_session_write(s, &why));
	assert_int_equal(ramet_session_stored(s), 1);
	assert_file(ramet_session_path(s),
		    CREATED_HEAD "{'type':'session_info','id':'<id>','parentId':null,"
				 "'timestamp':'<now>','name':'name'}\n");
	must(ramet_session_write(s, &why));
	must(ramet_session_append_custom(s, raw("x"), raw(NULL), NULL, &why));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void create__never_takes_a_name_that_is_there(void **state)
{
	struct ramet_session *s = created(dir);
	const char *path = ramet_session_path(s);

	(void)state;
	must(ramet_session_append_name(s, raw("kept"), NULL, &why));
	put(path, "{'someone':'else'}\n");
	refused(ramet_session_append_message(s, js(U("hello")), NULL, &why), RAMET_ECONFLICT);
	refused(ramet_session_append_message(s, js(A("hello")), NULL, &why), RAMET_ECONFLICT);
	refused(ramet_session_write(s, &why), RAMET_ECONFLICT);
	assert_file(path, "{'someone':'else'}\n");
	assert_string_equal(names_in(dir), strrchr(path, '/') + 1);
	assert_int_equal(ramet_session_stored(s), 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	assert_int_equal(ramet_session_leaf(s), 0);
	assert_int_equal(unlink(path), 0);
	say(s, U("hello"));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void create__never_follows_a_link_that_is_there(void **state)
{
	struct ramet_session *s = created(dir);

	(void)state;
	assert_int_equal(symlink(temp_path(dir, "elsewhere"), ramet_session_path(s)), 0);
	refused(ramet_session_append_message(s, js(U("hello")), NULL, &why), RAMET_ECONFLICT);
	assert_false(exists(temp_path(dir, "elsewhere")));
	ramet_session_close(s);
}

static void modes_under(mode_t mask)
{
	const struct ramet_create_opts opts = { .dir = temp_path(dir, "sub/deep"), .write_now = 1 };
	mode_t before = umask(mask);
	struct ramet_session *s = create("/w", &opts);

	assert_int_equal(mode_of(ramet_session_path(s)), 0600);
	assert_int_equal(mode_of(temp_path(dir, "sub/deep")), 0700);
	assert_int_equal(mode_of(temp_path(dir, "sub")), 0700);
	ramet_session_close(s);
	(void)umask(before);
}

static void create__is_private_under_umask_022(void **state)
{
	(void)state;
	modes_under(022);
}

static void create__is_private_under_umask_077(void **state)
{
	(void)state;
	modes_under(077);
}

static void create__keeps_the_mode_of_a_directory_that_is_there(void **state)
{
	struct ramet_session *s = created(dir);

	(void)state;
	assert_int_equal(chmod(dir, 0755), 0);
	say(s, U("hello"));
	assert_int_equal(mode_of(dir), 0755);
	ramet_session_close(s);
}

static void create__refuses_a_directory_that_is_a_file(void **state)
{
	struct ramet_session *s;
	int r;

	(void)state;
	put(temp_path(dir, "file"), "x");
	s = created(temp_path(dir, "file/sub"));
	r = ramet_session_append_message(s, js(U("hello")), NULL, &why);
	assert_true(r < 0 && why.code == r);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 0);
	assert_file(temp_path(dir, "file"), "x");
	ramet_session_close(s);
}

/* ---- opening with create ---- */

static struct ramet_session *open_create(const char *path, const char *cwd, const char *at)
{
	const struct ramet_open_opts opts = { .create = 1, .cwd = cwd, .dir = at };
	struct ramet_session *s = NULL;

	must(ramet_session_open(&s, path, &opts, &why));
	return s;
}

static void open_create__a_missing_file_is_a_fresh_session(void **state)
{
	const char *path = temp_path(dir, "new.jsonl");
	struct ramet_session *s = open_create(path, "/w", NULL);

	(void)state;
	assert_string_equal(ramet_session_path(s), path);
	assert_string_equal(ramet_session_dir(s), dir);
	assert_int_equal(ramet_session_stored(s), 0);
	assert_string_equal(names_in(dir), "");
	must(ramet_session_append_name(s, raw("n"), NULL, &why));
	assert_string_equal(names_in(dir), "");
	say(s, U("hello"));
	assert_string_equal(names_in(dir), "new.jsonl");
	assert_file(path, "{'type':'session','version':3,'id':'<uuid>','timestamp':'<now>',"
			  "'cwd':'/w'}\n"
			  "{'type':'session_info','id':'<id>','parentId':null,'timestamp':'<now>',"
			  "'name':'n'}\n"
			  "{'type':'message','id':'<id>','parentId':'<id>','timestamp':'<now>',"
			  "'message':" U("hello") "}\n");
	assert_int_equal(mode_of(path), 0600);
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void open_create__without_cwd_takes_the_processs(void **state)
{
	struct ramet_session *s = open_create(temp_path(dir, "new.jsonl"), NULL, NULL);
	char *here = getcwd(NULL, 0);

	(void)state;
	assert_true(ramet_bytes_is(ramet_session_header(s)->cwd, here));
	free(here);
	ramet_session_close(s);
}

static void open_create__a_file_of_zero_bytes_is_a_fresh_session(void **state)
{
	const char *path = temp_path(dir, "empty.jsonl");
	struct ramet_session *s;

	(void)state;
	put(path, "");
	refused(ramet_session_open(&s, path, NULL, &why), RAMET_EFORMAT);
	s = open_create(path, "/w", NULL);
	assert_file(path, "%s", "");
	say(s, U("hello"));
	assert_file(path, "{'type':'session','version':3,'id':'<uuid>','timestamp':'<now>',"
			  "'cwd':'/w'}\n"
			  "{'type':'message','id':'<id>','parentId':null,'timestamp':'<now>',"
			  "'message':" U("hello") "}\n");
	assert_string_equal(names_in(dir), "empty.jsonl");
	assert_reopens_same(s);
	say(s, A("yes"));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void open_create__a_file_that_was_filled_meanwhile_is_a_conflict(void **state)
{
	const char *path = temp_path(dir, "empty.jsonl");
	struct ramet_session *s;

	(void)state;
	put(path, "");
	s = open_create(path, "/w", NULL);
	put(path, HEAD);
	refused(ramet_session_append_message(s, js(U("hello")), NULL, &why), RAMET_ECONFLICT);
	assert_file(path, HEAD);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 0);
	ramet_session_close(s);
}

static void open_create__the_slower_of_two_is_a_conflict(void **state)
{
	const char *path = temp_path(dir, "new.jsonl");
	struct ramet_session *a = open_create(path, "/w", NULL);
	struct ramet_session *b = open_create(path, "/w", NULL);
	struct ramet_bytes text;

	(void)state;
	say(a, U("first"));
	text = bytes_of(path);
	refused(ramet_session_append_message(b, js(U("second")), NULL, &why), RAMET_ECONFLICT);
	assert_true(ramet_bytes_eq(text, bytes_of(path)));
	ramet_session_close(a);
	ramet_session_close(b);
}

static void open_create__still_refuses_what_is_no_session(void **state)
{
	static const char *const bad[] = { "\n", "garbage\n", "{'type':'message'}\n",
					   "{'type':'session','id':7}\n" };
	const char *path = temp_path(dir, "bad.jsonl");
	const struct ramet_open_opts opts = { .create = 1 };
	struct ramet_session *s = NULL;
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		put(path, bad[i]);
		refused(ramet_session_open(&s, path, &opts, &why), RAMET_EFORMAT);
		assert_null(s);
		assert_file(path, "%s", bad[i]);
	}
	refused(ramet_session_open(&s, dir, &opts, &why), RAMET_EFORMAT);
}

static void open__takes_another_cwd_and_directory(void **state)
{
	const char *path = temp_path(dir, "s.jsonl"), *other = temp_path(dir, "other");
	const struct ramet_open_opts opts = { .cwd = "/else/where", .dir = other };
	struct ramet_session *s = NULL;

	(void)state;
	put(path, HEAD MESSAGE("u1", "null", U("hello")));
	must(ramet_session_open(&s, path, &opts, &why));
	assert_true(ramet_bytes_is(ramet_session_cwd(s, raw("no")), "/else/where"));
	assert_true(ramet_bytes_is(ramet_session_header(s)->cwd, "/w"));
	assert_string_equal(ramet_session_dir(s), other);
	assert_int_equal(ramet_session_stored(s), 1);
	say(s, A("yes"));
	assert_text(rest_after(bytes_of(path), js(HEAD MESSAGE("u1", "null", U("hello")))),
		    "{'type':'message','id':'<id>','parentId':'u1','timestamp':'<now>',"
		    "'message':" A("yes") "}\n");
	assert_false(exists(other));
	ramet_session_close(s);
	s = opened(path);
	assert_true(ramet_bytes_is(ramet_session_cwd(s, raw("no")), "/w"));
	assert_string_equal(ramet_session_dir(s), dir);
	ramet_session_close(s);
}

static void open__writes_nothing(void **state)
{
	static const char torn[] = HEAD "{'type':'mess";
	const char *path = temp_path(dir, "s.jsonl");
	struct stat before, after;
	struct ramet_session *s;

	(void)state;
	put(path, torn);
	assert_int_equal(stat(path, &before), 0);
	s = open_create(path, NULL, NULL);
	must(ramet_session_sync(s, &why));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	ramet_session_close(s);
	assert_int_equal(stat(path, &after), 0);
	assert_file(path, "%s", torn);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_string_equal(names_in(dir), "s.jsonl");
}

/* ---- continuing ---- */

static void continue__opens_the_most_recent_of_the_cwd(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir };
	struct ramet_session *s = NULL;

	(void)state;
	temp_session(dir, "a.jsonl", "a", "/w", NULL, 1000);
	temp_session(dir, "b.jsonl", "b", "/w", NULL, 3000);
	temp_session(dir, "c.jsonl", "c", "/other", NULL, 4000);
	temp_session(dir, "d.jsonl", "d", NULL, NULL, 5000);
	temp_file(dir, "e.jsonl", "garbage\n", 8, 6000, 0);
	must(ramet_session_continue(&s, "/w", &opts, &why));
	assert_true(ramet_bytes_is(ramet_session_header(s)->id, "b"));
	assert_int_equal(ramet_session_stored(s), 1);
	assert_true(ramet_bytes_is(ramet_session_cwd(s, raw("no")), "/w"));
	say(s, U("again"));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void continue__else_creates_one(void **state)
{
	const char *at = temp_path(dir, "sub");
	const struct ramet_create_opts opts = { .dir = at, .id = "fresh" };
	struct ramet_session *s = NULL;

	(void)state;
	must(ramet_session_continue(&s, "/w", &opts, &why));
	assert_true(ramet_bytes_is(ramet_session_header(s)->id, "fresh"));
	assert_int_equal(ramet_session_stored(s), 0);
	assert_string_equal(ramet_session_dir(s), at);
	assert_string_equal(names_in(dir), "");
	say(s, U("hello"));
	assert_reopens_same(s);
	ramet_session_close(s);
}

static void continue__looks_in_pis_directory(void **state)
{
	struct ramet_session *s = NULL;

	(void)state;
	assert_int_equal(setenv("PI_CODING_AGENT_DIR", dir, 1), 0);
	temp_session(dir, "sessions/--w--/a.jsonl", "a", "/w", NULL, 1000);
	temp_session(dir, "sessions/--x--/b.jsonl", "b", "/x", NULL, 2000);
	must(ramet_session_continue(&s, "/w", NULL, &why));
	assert_true(ramet_bytes_is(ramet_session_header(s)->id, "a"));
	ramet_session_close(s);
	assert_int_equal(unsetenv("PI_CODING_AGENT_DIR"), 0);
}

/* ---- memory ---- */

static struct ramet_session *in_memory(const char *entries, const struct ramet_create_opts *opts)
{
	struct ramet_session *s = NULL;

	must(ramet_session_create_memory(&s, "/w", js(entries), opts, &why));
	return s;
}

static void memory__never_has_a_file(void **state)
{
	const struct ramet_create_opts opts = { .id = "m", .parent_session = "/p.jsonl" };
	struct ramet_session *s = in_memory("", &opts);

	(void)state;
	assert_null(ramet_session_path(s));
	assert_null(ramet_session_dir(s));
	assert_text(ramet_session_header(s)->json,
		    "{'type':'session','version':3,'id':'m','timestamp':'<now>','cwd':'/w',"
		    "'parentSession':'/p.jsonl'}");
	say(s, U("hello"));
	say(s, A("yes"));
	must(ramet_session_sync(s, &why));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	assert_int_equal(ramet_session_stored(s), 0);
	assert_int_equal(ramet_session_leaf(s), 1);
	assert_text(entry_of(s, 0), "{'type':'message','id':'<id>','parentId':null,"
				    "'timestamp':'<now>','message':" U("hello") "}");
	assert_text(entry_of(s, 1),
		    "{'type':'message','id':'%s','parentId':'<id>',"
		    "'timestamp':'<now>','message':" A("yes") "}",
		    leaf_id(s));
	ramet_session_close(s);
}

static void memory__takes_entries_without_header(void **state)
{
	struct ramet_session *s =
		in_memory(MESSAGE("u1", "null", U("hello")) MESSAGE("a1", "'u1'", A("yes")), NULL);

	(void)state;
	assert_text(ramet_session_header(s)->json, "{'type':'session','version':3,'id':'<uuid>',"
						   "'timestamp':'<now>','cwd':'/w'}");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	assert_string_equal(leaf_id(s), "a1");
	say(s, U("more"));
	assert_text(entry_of(s, 2), "{'type':'message','id':'<id>','parentId':'a1',"
				    "'timestamp':'<now>','message':" U("more") "}");
	ramet_session_close(s);
}

static void memory__takes_entries_without_a_last_newline(void **state)
{
	static const char entries[] = MESSAGE("u1", "null", U("hello"));
	struct ramet_session *s = NULL;
	struct ramet_bytes text = js(entries);

	(void)state;
	text.len--;
	must(ramet_session_create_memory(&s, "/w", text, NULL, &why));
	say(s, A("yes"));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	assert_text(entry_of(s, 1), "{'type':'message','id':'<id>','parentId':'u1',"
				    "'timestamp':'<now>','message':" A("yes") "}");
	ramet_session_close(s);
}

static void memory__takes_entries_with_a_header(void **state)
{
	struct ramet_session *s = in_memory(HEAD MESSAGE("u1", "null", U("hello")), NULL);

	(void)state;
	assert_true(ramet_bytes_is(ramet_session_header(s)->id, "s1"));
	assert_string_equal(leaf_id(s), "u1");
	say(s, A("yes"));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	ramet_session_close(s);
}

static void memory__migrates_version_2(void **state)
{
	struct ramet_session *s =
		in_memory(HEAD_OF(",'version':2")
				  MESSAGE("h1", "null", "{'role':'hookMessage','content':'x'}"),
			  NULL);

	(void)state;
	assert_text(entry_of(s, 0),
		    "{'type':'message','id':'h1','parentId':null,'timestamp':"
		    "'2026-03-01T10:00:01.000Z','message':{'role':'custom','content':'x'}}");
	say(s, U("more"));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	ramet_session_close(s);
}

static void memory__reads_version_1(void **state)
{
	struct ramet_session *s = in_memory(
		HEAD_OF("") "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':" U(
			"hello") "}\n",
		NULL);

	(void)state;
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	assert_text(entry_of(s, 0),
		    "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':" U(
			    "hello") ",'id':'<id>','parentId':null}");
	ramet_session_close(s);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(create__names_the_file_as_pi_does),
		IN_DIR(create__writes_the_header_as_pi_does),
		IN_DIR(create__header_and_file_have_one_time),
		IN_DIR(create__makes_the_cwd_absolute),
		IN_DIR(create__takes_pis_directory_of_the_cwd),
		IN_DIR(create__refuses_ids_that_pi_refuses),
		IN_DIR(create__makes_up_new_ids_that_ascend),
		IN_DIR(create__no_other_entry_makes_the_file),
		IN_DIR(create__a_user_message_makes_the_file),
		IN_DIR(create__an_assistant_message_makes_the_file),
		IN_DIR(create__many_messages_make_the_file_at_once),
		IN_DIR(create__an_entry_of_any_type_follows_the_rule),
		IN_DIR(create__write_makes_the_file),
		IN_DIR(create__never_takes_a_name_that_is_there),
		IN_DIR(create__never_follows_a_link_that_is_there),
		IN_DIR(create__is_private_under_umask_022),
		IN_DIR(create__is_private_under_umask_077),
		IN_DIR(create__keeps_the_mode_of_a_directory_that_is_there),
		IN_DIR(create__refuses_a_directory_that_is_a_file),
		IN_DIR(open_create__a_missing_file_is_a_fresh_session),
		IN_DIR(open_create__without_cwd_takes_the_processs),
		IN_DIR(open_create__a_file_of_zero_bytes_is_a_fresh_session),
		IN_DIR(open_create__a_file_that_was_filled_meanwhile_is_a_conflict),
		IN_DIR(open_create__the_slower_of_two_is_a_conflict),
		IN_DIR(open_create__still_refuses_what_is_no_session),
		IN_DIR(open__takes_another_cwd_and_directory),
		IN_DIR(open__writes_nothing),
		IN_DIR(continue__opens_the_most_recent_of_the_cwd),
		IN_DIR(continue__else_creates_one),
		IN_DIR(continue__looks_in_pis_directory),
		cmocka_unit_test(memory__never_has_a_file),
		cmocka_unit_test(memory__takes_entries_without_header),
		cmocka_unit_test(memory__takes_entries_without_a_last_newline),
		cmocka_unit_test(memory__takes_entries_with_a_header),
		cmocka_unit_test(memory__migrates_version_2),
		cmocka_unit_test(memory__reads_version_1),
	};

	(void)unsetenv("PI_CODING_AGENT_SESSION_DIR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

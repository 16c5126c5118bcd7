/*
 * test_path.c - paths as text, and where links lead.
 */
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

static void path__normalizes_as_node_resolves(void **state)
{
	static const struct { const char *path, *cwd, *home, *want; } cases[] = {
		{ "", "/a/b", NULL, "/a/b" },
		{ ".", "/a/b/", NULL, "/a/b" },
		{ "..", "/a/b", NULL, "/a" },
		{ "../../../..", "/a/b", NULL, "/" },
		{ "/", "/a", NULL, "/" },
		{ "//", "/a", NULL, "/" },
		{ "/..", NULL, NULL, "/" },
		{ "/x//y/./z/", NULL, NULL, "/x/y/z" },
		{ "/x/../../y", NULL, NULL, "/y" },
		{ "c", "/", NULL, "/c" },
		{ "c/../d", "/a/../b", NULL, "/b/d" },
		{ "...", "/a", NULL, "/a/..." },
		{ "..x", "/a", NULL, "/a/..x" },
		{ ".hidden", "/a", NULL, "/a/.hidden" },
		{ "~", "/a", "/home/me", "/home/me" },
		{ "~/x/../y/", "/a", "/home/me/", "/home/me/y" },
		{ "~/..", NULL, "/home/me", "/home" },
		{ "~other", "/a", "/home/me", "/a/~other" },
		{ "x/~", "/a", "/home/me", "/a/x/~" },
		{ "~", "/a", NULL, "/a/~" },
		{ "~/x", "/a", "", "/x" },
		{ "~", "/a", "", "/a" },
		{ "~/x", "/a", "rel", "/a/rel/x" },
		{ "\xff\xfe", "/a", NULL, "/a/\xff\xfe" },
		{ "a\\b", "/a", NULL, "/a/a\\b" },
	};
	struct ramet_buf out = RAMET_BUF_INIT(1000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(rameti_path_normalize(ramet_bytes_of(cases[i].path), cases[i].cwd,
						       cases[i].home, &out, NULL), 0);
		assert_string_equal(out.ptr, cases[i].want);
		ramet_buf_reset(&out);
	}
	ramet_buf_release(&out);
}

static void path__appends_and_does_not_climb_into_what_was_there(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(1000);

	(void)state;
	ramet_buf_add_str(&out, "/keep");
	assert_int_equal(rameti_path_normalize(ramet_bytes_of("/../../x/.."), NULL, NULL, &out,
					       NULL), 0);
	assert_string_equal(out.ptr, "/keep/");
	ramet_buf_release(&out);
}

static void path__refuses_zero_bytes_and_no_base(void **state)
{
	struct ramet_bytes zero = { "/a\0b", 4 };
	struct ramet_buf out = RAMET_BUF_INIT(1000);

	(void)state;
	assert_int_equal(rameti_path_normalize(zero, "/", NULL, &out, NULL), RAMET_EINVAL);
	assert_int_equal(rameti_path_normalize(ramet_bytes_of("x"), NULL, NULL, &out, NULL),
			 RAMET_EINVAL);
	assert_int_equal(rameti_path_normalize(ramet_bytes_of("x"), "rel", NULL, &out, NULL),
			 RAMET_EINVAL);
	assert_int_equal(out.len, 0);
	ramet_buf_release(&out);
}

static void path__reports_limits_and_memory(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(6);

	(void)state;
	assert_int_equal(rameti_path_normalize(ramet_bytes_of("/abc/defg"), NULL, NULL, &out, NULL),
			 RAMET_ELIMIT);
	assert_int_equal(out.len, 0);
	ramet_buf_release(&out);
	failing_memory_start(1);
	assert_int_equal(rameti_path_normalize(ramet_bytes_of("/abc"), NULL, NULL, &out, NULL),
			 RAMET_ENOMEM);
	ramet_buf_release(&out);
	assert_true(failing_memory_stop());
}

static void path__base_is_what_follows_the_last_slash(void **state)
{
	(void)state;
	assert_string_equal(rameti_path_base("/a/b.c"), "b.c");
	assert_string_equal(rameti_path_base("b"), "b");
	assert_string_equal(rameti_path_base("/a/"), "");
}

static void path__dir_is_what_stands_before_the_last_slash(void **state)
{
	static const struct { const char *path, *want; } cases[] = {
		{ "/a/b.c", "/a" },   { "a/b", "a" },       { "b", "." },     { "", "." },
		{ "/b", "/" },        { "//b", "/" },       { "/", "/" },     { "a//b", "a" },
		{ "/a/", "/a" },      { "./b", "." },       { "../b", ".." }, { "a///", "a" },
		{ "/a/b//c", "/a/b" }
	};
	struct ramet_buf out = RAMET_BUF_INIT(100);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ramet_buf_reset(&out);
		ramet_buf_add_str(&out, "> ");
		rameti_path_dir(cases[i].path, &out);
		assert_int_equal(ramet_buf_status(&out), 0);
		assert_string_equal(out.ptr + 2, cases[i].want);
	}
	ramet_buf_release(&out);
}

/* ---- links ---- */

static void make_link(const char *to, const char *name)
{
	assert_int_equal(symlink(to, scratch_path(name)), 0);
}

static void check_leads_to(const char *name, const char *want)
{
	struct ramet_buf out = RAMET_BUF_INIT(4096);

	ramet_buf_add_str(&out, "> ");
	assert_int_equal(rameti_path_follow(NULL, scratch_path(name), &out, NULL), 0);
	assert_string_equal(out.ptr + 2, want);
	ramet_buf_release(&out);
}

static void follow__goes_where_links_lead(void **state)
{
	(void)state;
	scratch_file("file", "x", 1);
	assert_int_equal(mkdir(scratch_path("sub"), 0700), 0);
	make_link("file", "relative");
	make_link(scratch_path("file"), "absolute");
	make_link("relative", "chain");
	make_link("../absolute", "sub/up");
	make_link("sub/up", "through");
	make_link("missing", "dangling");
	make_link("sub", "directory");
	check_leads_to("file", scratch_path("file"));
	check_leads_to("relative", scratch_path("file"));
	check_leads_to("absolute", scratch_path("file"));
	check_leads_to("chain", scratch_path("file"));
	check_leads_to("sub/up", scratch_path("file"));
	check_leads_to("through", scratch_path("file"));
	check_leads_to("dangling", scratch_path("missing"));
	check_leads_to("nothing", scratch_path("nothing"));
	check_leads_to("file/below", scratch_path("file/below"));
	check_leads_to("directory", scratch_path("sub"));
	/* only the last component is looked at */
	make_link("up", "sub/again");
	check_leads_to("directory/nothing", scratch_path("directory/nothing"));
	check_leads_to("directory/again", scratch_path("file"));
}

static void follow__works_without_a_directory(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(100);

	(void)state;
	make_link("there", "here");
	assert_int_equal(chdir(scratch_path("")), 0);
	assert_int_equal(rameti_path_follow(NULL, "here", &out, NULL), 0);
	assert_string_equal(out.ptr, "there");
	ramet_buf_reset(&out);
	assert_int_equal(rameti_path_follow(NULL, "./here", &out, NULL), 0);
	assert_string_equal(out.ptr, "./there");
	ramet_buf_release(&out);
	assert_int_equal(chdir("/"), 0);
}

static void follow__gives_up_on_loops_and_long_chains(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(4096);
	struct ramet_error err;
	char from[16], to[16];
	int i;

	(void)state;
	make_link("tock", "tick");
	make_link("tick", "tock");
	make_link("self", "self");
	assert_int_equal(rameti_path_follow(NULL, scratch_path("tick"), &out, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "too many links");
	assert_string_equal(err.path, scratch_path("tick"));
	assert_int_equal(rameti_path_follow(NULL, scratch_path("self"), &out, NULL), RAMET_ELIMIT);
	for (i = 0; i < 41; i++) {
		snprintf(from, sizeof(from), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i + 1);
		make_link(to, from);
	}
	assert_int_equal(rameti_path_follow(NULL, scratch_path("n0"), &out, NULL), RAMET_ELIMIT);
	assert_int_equal(out.len, 0);
	ramet_buf_release(&out);
	check_leads_to("n1", scratch_path("n41"));
}

static void follow__says_what_fails(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(4096);
	struct failing_env fe;
	struct ramet_error err;
	unsigned n = 0;
	int r;

	(void)state;
	scratch_file("end", "x", 1);
	make_link("end", "start");
	failing_env_init(&fe, 2, EIO);                   /* lstat, then readlink */
	assert_int_equal(rameti_path_follow(&fe.env, scratch_path("start"), &out, &err), RAMET_EIO);
	assert_int_equal(err.sys, EIO);
	assert_string_equal(err.path, scratch_path("start"));
	assert_int_equal(out.len, 0);
	do {
		failing_memory_start(++n);
		r = rameti_path_follow(NULL, scratch_path("start"), &out, NULL);
		ramet_buf_release(&out);
		assert_int_equal(r, failing_memory_stop() ? RAMET_ENOMEM : 0);
	} while (r < 0);
	assert_true(n > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path__normalizes_as_node_resolves),
		cmocka_unit_test(path__appends_and_does_not_climb_into_what_was_there),
		cmocka_unit_test(path__refuses_zero_bytes_and_no_base),
		cmocka_unit_test(path__reports_limits_and_memory),
		cmocka_unit_test(path__base_is_what_follows_the_last_slash),
		cmocka_unit_test(path__dir_is_what_stands_before_the_last_slash),
		cmocka_unit_test(follow__goes_where_links_lead),
		cmocka_unit_test(follow__works_without_a_directory),
		cmocka_unit_test(follow__gives_up_on_loops_and_long_chains),
		cmocka_unit_test(follow__says_what_fails),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

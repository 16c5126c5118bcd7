/*
 * test_path.c - paths as text.
 */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path__normalizes_as_node_resolves),
		cmocka_unit_test(path__appends_and_does_not_climb_into_what_was_there),
		cmocka_unit_test(path__refuses_zero_bytes_and_no_base),
		cmocka_unit_test(path__reports_limits_and_memory),
		cmocka_unit_test(path__base_is_what_follows_the_last_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

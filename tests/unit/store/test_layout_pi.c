#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ramet/store.h"
#include "store/layout_pi.h"


static void is_dir_name(const char *cwd, const char *expected)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	assert_int_equal(ramet_pi_dir_name(ramet_bytes_of(cwd), &b, NULL), 0);
	assert_string_equal(b.ptr, expected);
	ramet_buf_release(&b);
}

static void is_path(const char *text, const char *cwd, const char *expected)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	assert_int_equal(rameti_pi_path(ramet_bytes_of(text), cwd, &b, NULL), 0);
	assert_string_equal(b.ptr, expected);
	ramet_buf_release(&b);
}

static void layout_pi__names_directories_as_pi(void **state)
{
	(void)state;
	is_dir_name("/home/ada/project", "--home-ada-project--");
	is_dir_name("/", "----");
	is_dir_name("/home/ada/my project", "--home-ada-my project--");
	is_dir_name("/home/ada/a-b/c", "--home-ada-a-b-c--");
	is_dir_name("/home/ada/a/b-c", "--home-ada-a-b-c--");
	is_dir_name("/home/ada/.config", "--home-ada-.config--");
	is_dir_name("/home/ada/\xc3\xbcn\xc3\xaf/\xe6\x97\xa5",
		    "--home-ada-\xc3\xbcn\xc3\xaf-\xe6\x97\xa5--");
	is_dir_name("/home/ada/x:y\\z", "--home-ada-x-y-z--");
	is_dir_name("/home/ada/trailing/", "--home-ada-trailing--");
	is_dir_name("//double", "--double--");
	is_dir_name("/a/../b", "--b--");
	is_dir_name("//double//slash", "--double-slash--");
	is_dir_name("/--dashes--", "----dashes----");
	is_dir_name("file:///a%20b/c", "--a b-c--");
}

static void layout_pi__resolves_home_relative_and_url(void **state)
{
	(void)state;
	setenv("HOME", "/home/ada", 1);
	is_path("~", "/x", "/home/ada");
	is_path("~/p", "/x", "/home/ada/p");
	is_path("~bob", "/x", "/x/~bob");
	is_path("../y", "/x/z", "/x/y");
	is_path("file:///q%41/../r?s#t", "/x", "/r");
	is_path("file://localhost/z", "/x", "/z");
	is_path("FILE:///z", "/x", "/x/FILE:/z");
	is_path("file:///%zz%4", "/x", "/%zz%4");
	is_dir_name("~/p", "--home-ada-p--");
}

static void refuses(const char *text, size_t len)
{
	struct ramet_bytes path = { text, len };
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;

	assert_int_equal(rameti_pi_path(path, "/x", &b, &err), RAMET_EINVAL);
	assert_int_equal(err.code, RAMET_EINVAL);
	assert_int_equal(b.len, 0);
	ramet_buf_release(&b);
}

static void layout_pi__refuses_what_is_no_path(void **state)
{
	(void)state;
	refuses("a\0b", 3);
	refuses("file://host/x", 13);
	refuses("file://", 7);
	refuses("file:///a%2fb", 13);
	refuses("file:///a%00b", 13);
}

static void is_text_of(int (*fn)(struct ramet_buf *, struct ramet_error *), int result,
		       const char *expected)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	assert_int_equal(fn(&b, NULL), result);
	assert_string_equal(ramet_buf_bytes(&b).ptr, expected);
	ramet_buf_release(&b);
}

static void layout_pi__follows_the_environment(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	(void)state;
	setenv("HOME", "/home/ada", 1);
	unsetenv("PI_CODING_AGENT_DIR");
	unsetenv("PI_CODING_AGENT_SESSION_DIR");
	is_text_of(ramet_pi_agent_dir, 0, "/home/ada/.pi/agent");
	is_text_of(ramet_pi_sessions_root, 0, "/home/ada/.pi/agent/sessions");
	is_text_of(ramet_pi_session_dir_override, 0, "");
	setenv("PI_CODING_AGENT_DIR", "~/other/", 1);
	setenv("PI_CODING_AGENT_SESSION_DIR", "/flat/", 1);
	is_text_of(ramet_pi_sessions_root, 0, "/home/ada/other/sessions");
	is_text_of(ramet_pi_session_dir_override, 1, "/flat");
	setenv("PI_CODING_AGENT_DIR", "/", 1);
	setenv("PI_CODING_AGENT_SESSION_DIR", "", 1);
	is_text_of(ramet_pi_sessions_root, 0, "/sessions");
	is_text_of(ramet_pi_session_dir_override, 0, "");
	setenv("PI_CODING_AGENT_DIR", "", 1);
	assert_int_equal(ramet_pi_session_dir(ramet_bytes_of("/a/b"), &b, NULL), 0);
	assert_string_equal(b.ptr, "/home/ada/.pi/agent/sessions/--a-b--");
	ramet_buf_release(&b);
}

/* What is set and makes no sense is told, not passed over. */
static void layout_pi__refuses_an_environment_that_makes_no_sense(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;

	(void)state;
	setenv("PI_CODING_AGENT_SESSION_DIR", "file://elsewhere/s", 1);
	assert_int_equal(ramet_pi_session_dir_override(&b, &err), RAMET_EINVAL);
	assert_int_equal(err.code, RAMET_EINVAL);
	assert_int_equal(b.len, 0);
	unsetenv("PI_CODING_AGENT_SESSION_DIR");
	ramet_buf_release(&b);
}

static void layout_pi__says_when_there_is_no_home(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;

	(void)state;
	unsetenv("HOME");
	unsetenv("PI_CODING_AGENT_DIR");
	assert_int_equal(ramet_pi_agent_dir(&b, &err), RAMET_ENOTFOUND);
	assert_string_equal(err.text, "no home directory: HOME is not set");
	assert_int_equal(ramet_pi_session_dir(ramet_bytes_of("/a"), &b, &err), RAMET_ENOTFOUND);
	assert_int_equal(b.len, 0);
	setenv("HOME", "/home/ada", 1);
}

static void layout_pi__appends(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096), small = RAMET_BUF_INIT(3);

	(void)state;
	ramet_buf_add_str(&b, "= ");
	assert_int_equal(ramet_pi_dir_name(ramet_bytes_of("/a"), &b, NULL), 0);
	assert_string_equal(b.ptr, "= --a--");
	ramet_buf_release(&b);
	assert_int_equal(ramet_pi_dir_name(ramet_bytes_of("/a"), &small, NULL), RAMET_ELIMIT);
	ramet_buf_release(&small);
}

static void session_id__accepts_what_pi_accepts(void **state)
{
	static const char *const good[] = { "a", "Z9", "a-b", "a_b", "a.b", "a..b", "019a.b_c-d" };
	static const char *const bad[] = {
		"", "-a", "a-", ".a", "a.", "_a", "a_", " ", "a b", "a/b", "\xc3\xa9", "a\n",
		"\xe6\x97\xa5\xe6\x9c\xac", ("a\xc3\xa9" "a"), "a:b", "a@b", "[", "`", "{", "a\\b",
	};
	struct ramet_bytes nul = { "a\0b", 3 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(ramet_session_id_valid(ramet_bytes_of(good[i])), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ramet_session_id_valid(ramet_bytes_of(bad[i])), 0);
	assert_int_equal(ramet_session_id_valid(nul), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_pi__names_directories_as_pi),
		cmocka_unit_test(layout_pi__resolves_home_relative_and_url),
		cmocka_unit_test(layout_pi__refuses_what_is_no_path),
		cmocka_unit_test(layout_pi__follows_the_environment),
		cmocka_unit_test(layout_pi__refuses_an_environment_that_makes_no_sense),
		cmocka_unit_test(layout_pi__says_when_there_is_no_home),
		cmocka_unit_test(layout_pi__appends),
		cmocka_unit_test(session_id__accepts_what_pi_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

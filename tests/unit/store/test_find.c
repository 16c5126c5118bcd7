#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ramet/store.h"
#include "temp_dir.h"

static int set_up(void **state)
{
	*state = temp_dir_new();
	setenv("HOME", *state, 1);
	unsetenv("PI_CODING_AGENT_DIR");
	return 0;
}

static int tear_down(void **state)
{
	temp_dir_remove(*state);
	return 0;
}

static int find(const char *url, const char *id, char path[TEMP_PATH], struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEMP_PATH - 1);
	struct ramet_store *st;
	int r = ramet_store_open(&st, url, NULL, err);

	if (r < 0)
		return r;
	r = ramet_store_find(st, ramet_bytes_of(id), &b, err);
	(void)snprintf(path, TEMP_PATH, "%s", ramet_buf_bytes(&b).ptr);
	ramet_buf_release(&b);
	ramet_store_close(st);
	return r;
}

static int find_exact(const char *url, const char *id, const char *cwd, char path[TEMP_PATH])
{
	struct ramet_buf b = RAMET_BUF_INIT(TEMP_PATH - 1);
	struct ramet_store *st;
	int r;

	assert_int_equal(ramet_store_open(&st, url, NULL, NULL), 0);
	r = ramet_store_find_exact(st, ramet_bytes_of(id), cwd, &b, NULL);
	(void)snprintf(path, TEMP_PATH, "%s", ramet_buf_bytes(&b).ptr);
	ramet_buf_release(&b);
	ramet_store_close(st);
	return r;
}

static void finds(const char *dir, const char *id, const char *name)
{
	char path[TEMP_PATH];

	assert_int_equal(find(dir, id, path, NULL), 0);
	assert_string_equal(path, temp_path(dir, name));
}

static void find__whole_id_before_start_of_one(void **state)
{
	temp_session(*state, "p/a.jsonl", "abc", "/w", NULL, 1);
	temp_session(*state, "p/b.jsonl", "ab", "/w", NULL, 1);
	temp_session(*state, "q/c.jsonl", "xyz", "/w", NULL, 1);
	temp_session(*state, "q/d.jsonl", "\\u0061\\u006e", "/w", NULL, 1);
	finds(*state, "ab", "p/b.jsonl");
	finds(*state, "abc", "p/a.jsonl");
	finds(*state, "x", "q/c.jsonl");
	finds(*state, "an", "q/d.jsonl");
}

static void find__says_what_is_ambiguous(void **state)
{
	struct ramet_error err;
	char path[TEMP_PATH];

	temp_session(*state, "a.jsonl", "abc", "/w", NULL, 1);
	temp_session(*state, "b.jsonl", "abd", "/w", NULL, 1);
	temp_session(*state, "c.jsonl", "same", "/w", NULL, 1);
	temp_session(*state, "d.jsonl", "same", "/w", NULL, 1);
	assert_int_equal(find(*state, "ab", path, &err), RAMET_EAMBIGUOUS);
	assert_string_equal(path, "");
	assert_string_equal(err.text, "two sessions start so: abc and abd");
	assert_int_equal(find(*state, "same", path, &err), RAMET_EAMBIGUOUS);
	assert_string_equal(err.path, temp_path(*state, "c.jsonl"));
	assert_non_null(strstr(err.text, "d.jsonl"));
}

static void find__says_what_is_not_there(void **state)
{
	struct ramet_error err;
	char path[TEMP_PATH];

	temp_session(*state, "a.jsonl", "abc", "/w", NULL, 1);
	temp_file(*state, "b.jsonl", "{}", 2, 1, 0);
	assert_int_equal(find(*state, "x", path, &err), RAMET_ENOTFOUND);
	assert_string_equal(err.text, "no session with the id x");
	assert_int_equal(find(*state, "abcd", path, &err), RAMET_ENOTFOUND);
	assert_int_equal(find(*state, "", path, &err), RAMET_EINVAL);
	assert_int_equal(find("pi", "x", path, &err), RAMET_ENOTFOUND);
}

static void find_exact__is_the_first_in_directory_order(void **state)
{
	char path[TEMP_PATH];

	temp_session(*state, "b.jsonl", "same", "/w", NULL, 3);
	temp_session(*state, "B.jsonl", "same", "/w", NULL, 1);
	temp_session(*state, "a.jsonl", "same", "/other", NULL, 2);
	assert_int_equal(find_exact(*state, "same", NULL, path), 0);
	assert_string_equal(path, temp_path(*state, "B.jsonl"));
	assert_int_equal(find_exact(*state, "same", "/other/", path), 0);
	assert_string_equal(path, temp_path(*state, "a.jsonl"));
	assert_int_equal(find_exact(*state, "same", "/nowhere", path), RAMET_ENOTFOUND);
	assert_int_equal(find_exact(*state, "sam", NULL, path), RAMET_ENOTFOUND);
}

static void find_exact__trusts_the_default_directory(void **state)
{
	char path[TEMP_PATH];

	temp_session(*state, ".pi/agent/sessions/--w--/a.jsonl", "x", "/elsewhere", NULL, 1);
	assert_int_equal(find_exact("pi", "x", "/w", path), 0);
	assert_int_equal(find_exact(temp_path(*state, ".pi/agent/sessions/--w--"), "x", "/w",
				    path), 0);
	assert_int_equal(find_exact("pi", "x", "/v", path), RAMET_ENOTFOUND);
}

/* pi looks at the first MiB only; we find what a list shows. */
static void find__looks_behind_garbage(void **state)
{
	static const char header[] = "\n{\"type\":\"session\",\"id\":\"deep\",\"cwd\":\"/w\"}\n";
	size_t len = (1 << 20) + 5;
	char *text = malloc(len + sizeof(header));
	char path[TEMP_PATH];

	assert_non_null(text);
	memset(text, '[', len);
	memcpy(text + len, header, sizeof(header) - 1);
	temp_file(*state, "d.jsonl", text, len + sizeof(header) - 1, 1, 0);
	free(text);
	finds(*state, "de", "d.jsonl");
	assert_int_equal(find_exact(*state, "deep", NULL, path), RAMET_ENOTFOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(find__whole_id_before_start_of_one),
		CASE(find__says_what_is_ambiguous),
		CASE(find__says_what_is_not_there),
		CASE(find_exact__is_the_first_in_directory_order),
		CASE(find_exact__trusts_the_default_directory),
		CASE(find__looks_behind_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ramet/store.h"
#include "temp_dir.h"

#define SESSION "{\"type\":\"session\",\"id\":\"s\",\"cwd\":\"/w\"}\n"

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

static int recent(const char *url, const char *cwd, char path[TEMP_PATH])
{
	struct ramet_buf b = RAMET_BUF_INIT(TEMP_PATH - 1);
	struct ramet_store *st;
	int r;

	assert_int_equal(ramet_store_open(&st, url, NULL, NULL), 0);
	r = ramet_store_recent(st, cwd, &b, NULL);
	(void)snprintf(path, TEMP_PATH, "%s", ramet_buf_bytes(&b).ptr);
	ramet_buf_release(&b);
	ramet_store_close(st);
	return r;
}

static void is_recent(const char *dir, const char *cwd, const char *name)
{
	char path[TEMP_PATH];

	assert_int_equal(recent(dir, cwd, path), 0);
	assert_string_equal(path, temp_path(dir, name));
}

static void recent__is_the_file_changed_last(void **state)
{
	temp_session(*state, "a.jsonl", "1", "/w", NULL, 1000);
	temp_session(*state, "b.jsonl", "2", "/w", NULL, 2000);
	temp_session(*state, "c.jsonl", "3", "/v", NULL, 1500);
	temp_file(*state, "d.jsonl", "{\"type\":\"x\"}\n", 13, 9000, 0);
	temp_file(*state, "e.jsonl", "", 0, 9001, 0);
	is_recent(*state, NULL, "b.jsonl");
	is_recent(*state, "", "b.jsonl");
	is_recent(*state, "/v/.", "c.jsonl");
}

static void recent__tells_small_time_steps_apart(void **state)
{
	temp_file(*state, "a.jsonl", SESSION, sizeof(SESSION) - 1, 1000, 400000);
	temp_file(*state, "b.jsonl", SESSION, sizeof(SESSION) - 1, 1000, 0);
	is_recent(*state, NULL, "a.jsonl");
	temp_file(*state, "c.jsonl", SESSION, sizeof(SESSION) - 1, 1000, 400001);
	is_recent(*state, NULL, "c.jsonl");
}

static void recent__of_equal_times_is_the_first_name(void **state)
{
	temp_session(*state, "b.jsonl", "1", "/w", NULL, 1000);
	temp_session(*state, "B.jsonl", "2", "/w", NULL, 1000);
	is_recent(*state, NULL, "B.jsonl");
}

static void recent__trusts_the_default_directory(void **state)
{
	char path[TEMP_PATH];

	temp_session(*state, ".pi/agent/sessions/--w--/a.jsonl", "1", "/elsewhere", NULL, 1000);
	temp_session(*state, ".pi/agent/sessions/--v--/b.jsonl", "2", "/v", NULL, 2000);
	assert_int_equal(recent("pi", "/w", path), 0);
	assert_string_equal(path, temp_path(*state, ".pi/agent/sessions/--w--/a.jsonl"));
	assert_int_equal(recent("pi", NULL, path), 0);
	assert_string_equal(path, temp_path(*state, ".pi/agent/sessions/--v--/b.jsonl"));
}

static void recent__of_nothing_is_not_found(void **state)
{
	char path[TEMP_PATH];

	assert_int_equal(recent(*state, NULL, path), RAMET_ENOTFOUND);
	assert_int_equal(recent("pi", "/w", path), RAMET_ENOTFOUND);
	temp_session(*state, "a.jsonl", "1", "/w", NULL, 1000);
	assert_int_equal(recent(*state, "/nowhere", path), RAMET_ENOTFOUND);
	assert_string_equal(path, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(recent__is_the_file_changed_last),
		CASE(recent__tells_small_time_steps_apart),
		CASE(recent__of_equal_times_is_the_first_name),
		CASE(recent__trusts_the_default_directory),
		CASE(recent__of_nothing_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

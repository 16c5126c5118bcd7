/*
 * test_layout_ggcode.c - ggcode's directory: its index in step with appends, its session locks,
 * names, titles, and what happens when the index cannot be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/env.h"
#include "failing.h"
#include "ramet.h"
#include "ramet/ggcode.h"
#include "store/layout.h"
#include "temp_dir.h"

#define ID "20260822-140000-00000000000000aa"
#define FILLER                                                                                     \
	"\"token_usage\":{\"input_tokens\":0,\"output_tokens\":0,\"cache_read_tokens\":0,"         \
	"\"cache_write_tokens\":0},\"created_at\":\"2026-08-22T14:00:00Z\","                       \
	"\"updated_at\":\"2026-08-22T14:00:00Z\""
static const char meta[] = "{\"type\":\"meta\",\"session_id\":\"" ID "\",\"title\":\"T <1>\","
			   "\"workspace\":\"/w\",\"vendor\":\"v\"," FILLER "}\n";
static const char question[] =
	"{\"type\":\"message\",\"message\":{\"id\":\"q\",\"role\":\"user\",\"content\":"
	"[{\"type\":\"text\",\"text\":\"hello there\"}]},\"timestamp\":\"2026-08-22T14:00:01Z\"}\n";
static const char said[] = "{\"role\":\"user\",\"content\":\"more\"}";

static char *dir;
static struct failing_env clock_env;

static void start(const char *text)
{
	dir = temp_dir_new();
	temp_file(dir, ID ".jsonl", text, strlen(text), 1787407200, 0);
	temp_file(dir, "index.json", "", 0, 1787407200, 0);
	failing_env_init(&clock_env, 0, 0);
	clock_env.now.tv_sec = 1787407300;
	rameti_env_use(&clock_env.env);
}

static void stop(void)
{
	rameti_env_use(NULL);
	temp_dir_remove(dir);
}

static const char *session_path(void)
{
	return temp_path(dir, ID ".jsonl");
}

static struct ramet_session *open_session(void)
{
	struct ramet_open_opts opts = { .no_cache = 1, .format = "ggcode", .lock_ms = 50 };
	struct ramet_session *s = NULL;

	assert_int_equal(ramet_session_open(&s, session_path(), &opts, NULL), 0);
	return s;
}

static int say(struct ramet_session *s)
{
	return ramet_session_append_message(s, ramet_bytes_of(said), NULL, NULL);
}

/* A whole file, NUL behind it; "" if there is none. */
static const char *text_of(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		(void)fclose(f);
	return text;
}

static const char *index_text(void)
{
	return text_of(temp_path(dir, "index.json"));
}

static void append__brings_the_index_up_to_date(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(meta);
	s = open_session();
	assert_int_equal(say(s), 0);
	assert_string_equal(index_text(), "[\n  {\n    \"id\": \"" ID "\",\n"
					  "    \"title\": \"T \\u003c1\\u003e\",\n"
					  "    \"created_at\": \"2026-08-22T14:00:00Z\",\n"
					  "    \"updated_at\": \"2026-08-22T14:01:40Z\",\n"
					  "    \"msg_count\": 1,\n"
					  "    \"workspace\": \"/w\",\n"
					  "    \"vendor\": \"v\"\n  }\n]");
	ramet_session_close(s);
	stop();
}

static void append__makes_no_index_where_ggcode_has_none(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(meta);
	assert_int_equal(remove(temp_path(dir, "index.json")), 0);
	s = open_session();
	assert_int_equal(say(s), 0);
	assert_null(fopen(temp_path(dir, "index.json"), "r"));
	ramet_session_close(s);
	stop();
}

static void append__waits_between_updates(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(meta);
	s = open_session();
	assert_int_equal(say(s), 0);
	clock_env.now.tv_sec += 4;
	assert_int_equal(say(s), 0);
	assert_non_null(strstr(index_text(), "\"msg_count\": 1,"));
	/* fields of the session are told at once */
	assert_int_equal(ramet_session_append_name(s, ramet_bytes_of("new"), NULL, NULL), 0);
	assert_non_null(strstr(index_text(), "\"title\": \"new\""));
	assert_non_null(strstr(index_text(), "\"msg_count\": 2,"));
	clock_env.now.tv_sec += 5;
	assert_int_equal(say(s), 0);
	assert_non_null(strstr(index_text(), "\"msg_count\": 3,"));
	ramet_session_close(s);
	stop();
}

static void append__makes_a_title_where_there_is_none(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(question);
	s = open_session();
	assert_int_equal(say(s), 0);
	assert_non_null(strstr(index_text(), "\"title\": \"hello there\""));
	ramet_session_close(s);
	stop();
}

static void append__does_not_shrink_what_the_index_knows(void **state)
{
	static const char known[] = "[{\"id\":\"" ID "\",\"title\":\"kept\",\"created_at\":"
				    "\"2020-01-01T00:00:00+02:00\",\"msg_count\":99,\"x\":[1]}]\n";
	struct ramet_session *s;

	(void)state;
	start(question);
	temp_file(dir, "index.json", known, strlen(known), 1787407200, 0);
	s = open_session();
	assert_int_equal(say(s), 0);
	assert_non_null(strstr(index_text(), "\"title\": \"kept\""));
	assert_non_null(strstr(index_text(), "\"created_at\": \"2020-01-01T00:00:00+02:00\""));
	assert_non_null(strstr(index_text(), "\"msg_count\": 99"));
	assert_non_null(strstr(index_text(), "\"x\": [1]"));
	ramet_session_close(s);
	stop();
}

/* A clock that was set back does not stop the index. */
static void append__goes_on_when_the_clock_goes_back(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(meta);
	s = open_session();
	assert_int_equal(say(s), 0);
	clock_env.now.tv_sec -= 1000;
	assert_int_equal(say(s), 0);
	assert_non_null(strstr(index_text(), "\"msg_count\": 2,"));
	assert_non_null(strstr(index_text(), "\"updated_at\": \"2026-08-22T13:45:00Z\""));
	ramet_session_close(s);
	stop();
}

static void append__leaves_a_damaged_index_and_says_so(void **state)
{
	const struct ramet_findings *f;
	struct ramet_session *s;

	(void)state;
	start(question);
	temp_file(dir, "index.json", "[{]", 3, 1787407200, 0);
	s = open_session();
	assert_int_equal(say(s), 0);
	assert_string_equal(index_text(), "[{]");
	f = ramet_session_findings(s);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->items[0].code, "tool-index");
	ramet_session_close(s);
	stop();
}

/* Whatever fails: the append is there when it says so, and the index is whole. */
static void append__survives_every_failing_call(void **state)
{
	unsigned n, stored = 0, failed = 0;
	struct ramet_session *s;
	int r;

	(void)state;
	for (n = 1; n < 400; n++) {
		start(meta);
		s = open_session();
		clock_env.now.tv_sec = 0;
		clock_env.calls = 0;
		clock_env.fail_at = n;
		clock_env.sys = 5;
		r = say(s);
		clock_env.fail_at = 0;
		if (r == 0) {
			stored++;
			assert_non_null(strstr(text_of(session_path()), "\"more\""));
		}
		failed += r != 0;
		if (*index_text())
			assert_true(index_text()[strlen(index_text()) - 1] == ']');
		r = clock_env.calls < n;
		ramet_session_close(s);
		stop();
		if (r)
			break;
	}
	assert_true(stored && failed);
}

static void removed__takes_the_entry_out(void **state)
{
	struct ramet_session *s;

	(void)state;
	start(meta);
	s = open_session();
	assert_int_equal(say(s), 0);
	ramet_session_close(s);
	assert_int_equal(rameti_layout_ggcode.removed(NULL, session_path(), NULL), 0);
	assert_string_equal(index_text(), "[]");
	assert_int_equal(rameti_layout_ggcode.removed(NULL, session_path(), NULL), 0);
	stop();
}

/* ---- locks ---- */

static void lock__is_not_somebody_elses_to_remove(void **state)
{
	struct ramet_ggcode_lock *lock = NULL, *second = NULL;
	struct ramet_bytes id = { ID, sizeof(ID) - 1 };
	int64_t holder = 0;

	(void)state;
	start(meta);
	assert_int_equal(ramet_ggcode_lock_take(&lock, dir, id, &holder, NULL), 0);
	assert_int_equal(ramet_ggcode_lock_take(&second, dir, id, &holder, NULL), RAMET_ECONFLICT);
	assert_int_equal(holder, getpid());
	assert_int_equal(ramet_ggcode_delete(dir, id, NULL), RAMET_ECONFLICT);
	/* another file takes the name */
	assert_int_equal(unlink(temp_path(dir, ID ".lock")), 0);
	temp_file(dir, ID ".lock", "1", 1, 1787407200, 0);
	ramet_ggcode_lock_release(lock);
	assert_string_equal(text_of(temp_path(dir, ID ".lock")), "1");
	assert_int_equal(ramet_ggcode_lock_ask(dir, id, NULL, NULL), 0);
	assert_int_equal(ramet_ggcode_lock_take(&lock, dir, id, NULL, NULL), 0);
	ramet_ggcode_lock_release(lock);
	assert_int_equal(access(temp_path(dir, ID ".lock"), F_OK), -1);
	assert_int_equal(ramet_ggcode_lock_take(&lock, dir, ramet_bytes_of("../x"), NULL, NULL),
			 RAMET_EINVAL);
	stop();
}

static void append__fails_when_the_lock_is_held(void **state)
{
	struct ramet_session *s;
	int fd;

	(void)state;
	start(meta);
	clock_env.now.tv_sec = 0; /* waiting needs time that passes */
	s = open_session();
	temp_file(dir, ID ".jsonl.flock", "", 0, 1787407200, 0);
	fd = rameti_env_posix()->open(NULL, temp_path(dir, ID ".jsonl.flock"), 2, 0);
	assert_int_equal(rameti_env_posix()->flock(NULL, fd, 2), 0);
	assert_int_equal(say(s), RAMET_ECONFLICT);
	(void)close(fd);
	assert_int_equal(say(s), 0);
	ramet_session_close(s);
	stop();
}

/* ---- names ---- */

static void new_id__is_time_and_hex(void **state)
{
	struct ramet_buf id = RAMET_BUF_INIT(64);

	(void)state;
	setenv("TZ", "UTC", 1);
	start(meta);
	assert_int_equal(rameti_layout_ggcode.new_id(&clock_env.env, &id, NULL), 0);
	assert_int_equal(id.len, 32);
	assert_memory_equal(id.ptr, "20260822-", 9);
	assert_true(ramet_ggcode_id_valid(ramet_buf_bytes(&id)));
	assert_false(ramet_ggcode_id_valid(ramet_bytes_of("-a")));
	assert_false(ramet_ggcode_id_valid((struct ramet_bytes){ "a\0b", 3 }));
	/* without a clock */
	ramet_buf_reset(&id);
	clock_env.fail_at = clock_env.calls + 1;
	clock_env.sys = 5;
	assert_true(rameti_layout_ggcode.new_id(&clock_env.env, &id, NULL) < 0);
	assert_int_equal(id.len, 0);
	ramet_buf_release(&id);
	stop();
}

static void dir__is_in_the_home_directory(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	(void)state;
	setenv("HOME", "/home/ada", 1);
	assert_int_equal(ramet_ggcode_dir(&b, NULL), 0);
	assert_string_equal(b.ptr, "/home/ada/.ggcode/sessions");
	unsetenv("HOME");
	assert_int_equal(ramet_ggcode_dir(&b, NULL), RAMET_ENOTFOUND);
	ramet_buf_release(&b);
}

static void search__finds_where_lower_case_is_longer(void **state)
{
	static const char odd[] =
		"{\"type\":\"message\",\"message\":{\"id\":\"q\",\"role\":\"user\",\"content\":"
		"[{\"type\":\"text\",\"text\":\"\xc8\xba\xc8\xba\xc8\xba \xc3\x84"
		"rger \xd0\x9f\"}]}}\n";
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;

	(void)state;
	start(odd);
	assert_int_equal(
		ramet_ggcode_search(dir, ramet_bytes_of(" \xc3\xa4RGER \xd0\xbf"), 0, &hits, NULL),
		0);
	assert_int_equal(hits.n, 1);
	assert_string_equal(hits.items[0].snippet.ptr, "\xc8\xba\xc8\xba\xc8\xba \xc3\x84"
						       "rger \xd0\x9f");
	ramet_ggcode_hits_release(&hits);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(append__brings_the_index_up_to_date),
		cmocka_unit_test(append__makes_no_index_where_ggcode_has_none),
		cmocka_unit_test(append__waits_between_updates),
		cmocka_unit_test(append__makes_a_title_where_there_is_none),
		cmocka_unit_test(append__does_not_shrink_what_the_index_knows),
		cmocka_unit_test(append__goes_on_when_the_clock_goes_back),
		cmocka_unit_test(append__leaves_a_damaged_index_and_says_so),
		cmocka_unit_test(append__survives_every_failing_call),
		cmocka_unit_test(removed__takes_the_entry_out),
		cmocka_unit_test(lock__is_not_somebody_elses_to_remove),
		cmocka_unit_test(append__fails_when_the_lock_is_held),
		cmocka_unit_test(new_id__is_time_and_hex),
		cmocka_unit_test(dir__is_in_the_home_directory),
		cmocka_unit_test(search__finds_where_lower_case_is_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

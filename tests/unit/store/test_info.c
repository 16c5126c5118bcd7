/*
 * info.c: one file read for a list: it may become shorter meanwhile, a line may be longer than any
 * that is read, and what its header says of the directory may make no sense.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SAID "{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":\"hello\"}}\n"
#define NAMED "{\"type\":\"session_info\",\"name\":\"n\"}\n"

static char *dir;
static const char *path;

static int set_up(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	setenv("HOME", dir, 1);
	unsetenv("PI_CODING_AGENT_DIR");
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)faults_stop();
	temp_dir_remove(dir);
	return 0;
}

/* ---- a file that becomes shorter ---- */

static void cut(void *user)
{
	assert_int_equal(truncate(path, *(const off_t *)user), 0);
}

/* Cut to len bytes after its size was looked at. */
static int read_cut(off_t len, struct ramet_list *list)
{
	const struct faults f = { .kind = FAULT_PREAD, .n = 1, .meanwhile = cut, .user = &len };
	int r;

	temp_session(dir, "s.jsonl", "id", "/w", SAID SAID SAID, 5);
	faults_start(&f);
	r = ramet_session_info_read(path, 0, list, &why);
	assert_int_equal(faults_stop(), 1);
	return r;
}

static void info__of_a_file_that_becomes_shorter_is_of_what_is_left(void **state)
{
	struct ramet_list fresh = RAMET_LIST_INIT, late = RAMET_LIST_INIT;
	off_t len, all;
	int r;

	(void)state;
	temp_session(dir, "s.jsonl", "id", "/w", SAID SAID SAID, 5);
	all = (off_t)bytes_of(path).len;
	for (len = 0; len <= all; len++) {
		r = read_cut(len, &late);
		/* the file is as short as that now */
		assert_int_equal(ramet_session_info_read(path, 0, &fresh, &why), r);
		if (r < 0) {
			assert_int_equal(r, RAMET_EFORMAT);
			continue;
		}
		assert_int_equal(late.n, 1);
		assert_string_equal(late.items[0].id.ptr, fresh.items[0].id.ptr);
		assert_string_equal(late.items[0].first_message.ptr,
				    fresh.items[0].first_message.ptr);
		assert_int_equal(late.items[0].message_count, fresh.items[0].message_count);
		ramet_list_release(&late);
		ramet_list_release(&fresh);
	}
}

/* ---- a line over the limit ---- */

#define TALL_BEGIN "{\"type\":\"session\",\"version\":3,\"id\":\"tall\",\"cwd\":\"/w\"}\n" SAID "x"
#define TALL_END "\n" SAID NAMED
#define TALL_SIZE ((off_t)RAMET_JSON_LEN_MAX + 12345)
#define TOUCHED_MAX ((size_t)64 << 20)

static int tall_fstat(void *user, int fd, struct stat *st)
{
	int r = rameti_env_posix()->fstat(user, fd, st);

	st->st_size = TALL_SIZE;
	return r;
}

/* The line has no newline, and what it has does not matter: large parts stay as they are, which are
 * zeros, so that they take no memory. */
static ssize_t tall_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	const off_t begins = sizeof(TALL_BEGIN) - 1, ends = sizeof(TALL_END) - 1;

	(void)user, (void)fd;
	if (at >= TALL_SIZE)
		return 0;
	if (at < begins) {
		len = len < (size_t)(begins - at) ? len : (size_t)(begins - at);
		memcpy(to, &TALL_BEGIN[at], len);
	} else if (at < TALL_SIZE - ends) {
		if (len > (size_t)(TALL_SIZE - ends - at))
			len = (size_t)(TALL_SIZE - ends - at);
		if (len < TOUCHED_MAX)
			memset(to, 'x', len);
	} else {
		at -= TALL_SIZE - ends;
		len = len < (size_t)(ends - at) ? len : (size_t)(ends - at);
		memcpy(to, &TALL_END[at], len);
	}
	return (ssize_t)len;
}

static void info__passes_over_a_line_beyond_the_limit(void **state)
{
	struct rameti_env tall = *rameti_env_posix();
	struct ramet_list one = RAMET_LIST_INIT;
	const char *sanitizer = getenv("RAMET_SANITIZE");

	(void)state;
	if (sanitizer && *sanitizer)
		skip();                              /* they look at every byte of it */
	temp_session(dir, "s.jsonl", "tall", "/w", NULL, 5);
	tall.fstat = tall_fstat;
	tall.pread = tall_pread;
	rameti_env_use(&tall);
	must(ramet_session_info_read(path, 1, &one, &why));
	rameti_env_use(NULL);
	assert_int_equal(one.n, 1);
	assert_string_equal(one.items[0].id.ptr, "tall");
	assert_int_equal(one.items[0].message_count, 2);
	assert_string_equal(one.items[0].name.ptr, "n");
	assert_string_equal(one.items[0].all_text.ptr, "hello hello");
	assert_int_equal(one.items[0].size, TALL_SIZE);
	ramet_list_release(&one);
}

/* ---- directories that make no sense ---- */

static uint64_t listed(const char *cwd)
{
	const struct ramet_list_opts opts = { .cwd = cwd, .threads = 1 };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	uint64_t n;

	must(ramet_store_open(&st, dir, NULL, &why));
	must(ramet_store_list(st, &opts, &list, &why));
	n = list.n;
	ramet_list_release(&list);
	ramet_store_close(st);
	return n;
}

static void filter__takes_no_session_whose_directory_is_none(void **state)
{
	const struct ramet_list_opts bad = { .cwd = "file://elsewhere/w" };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;

	(void)state;
	temp_session(dir, "a.jsonl", "a", "/w", NULL, 1);
	temp_session(dir, "b.jsonl", "b", "file:///w", NULL, 2);
	temp_session(dir, "c.jsonl", "c", "file://elsewhere/w", NULL, 3);
	temp_session(dir, "d.jsonl", "d", "/v/../w/a\\u0000b", NULL, 3);
	assert_int_equal(listed("/w"), 2);
	assert_int_equal(listed(NULL), 4);
	/* but who asks for such a one is told */
	must(ramet_store_open(&st, dir, NULL, &why));
	refused(ramet_store_list(st, &bad, &list, &why), RAMET_EINVAL);
	assert_null(list.items);
	ramet_store_close(st);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(info__of_a_file_that_becomes_shorter_is_of_what_is_left),
		CASE(info__passes_over_a_line_beyond_the_limit),
		CASE(filter__takes_no_session_whose_directory_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

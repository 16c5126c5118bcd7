/*
 * test_lines.c - the bounded line reader, held against the whole content in memory.
 */
#include "base/lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

/* Read [from, end) of data, which stands in the file, and compare each line. How many, or
 * negative. */
static int check(const struct rameti_env *env, const char *data, uint64_t from, uint64_t end,
		 size_t max_line)
{
	struct rameti_file f = { env, -1 };
	struct rameti_lines_item item;
	struct rameti_lines l;
	uint64_t at = from, stop;
	const char *newline;
	int r, n = 0;

	r = rameti_file_open(&f, scratch_path("lines"), RAMETI_FILE_READ, NULL);
	if (r < 0)
		return r;
	r = rameti_lines_open(&l, &f, from, end, max_line, NULL);
	if (r < 0)
		goto out;
	while ((r = rameti_lines_next(&l, &item, NULL)) > 0) {
		newline = memchr(data + at, '\n', end - at);
		stop = newline ? (uint64_t)(newline - data) : end;
		assert_int_equal(item.offset, at);
		assert_int_equal(item.len, stop - at);
		assert_int_equal(item.terminated, newline != NULL);
		assert_int_equal(item.too_long, stop - at > max_line);
		assert_int_equal(item.text.len, item.too_long ? 0 : item.len);
		if (item.text.len)
			assert_memory_equal(item.text.ptr, data + at, item.text.len);
		at = stop + (newline != NULL);
		n++;
	}
	assert_true(l.cap <= 65536 || (l.cap - 1) / 2 <= max_line);
	rameti_lines_close(&l);
	if (r == 0)
		assert_int_equal(at, end);
out:
	(void)rameti_file_close(&f);
	return r < 0 ? r : n;
}

static int check_text(const char *text, size_t max_line)
{
	scratch_file("lines", text, strlen(text));
	return check(NULL, text, 0, strlen(text), max_line);
}

static void lines__come_whole_and_in_order(void **state)
{
	(void)state;
	assert_int_equal(check_text("", 10), 0);
	assert_int_equal(check_text("\n", 10), 1);
	assert_int_equal(check_text("a\n\nbc\n", 10), 3);
	assert_int_equal(check_text("a\nno newline", 10), 2);
	assert_int_equal(check_text("1234567890\n", 10), 1);
	assert_int_equal(check_text("12345678901\nok\n12345678901", 10), 3);
	assert_int_equal(check_text("x\n\n", 0), 2);
}

static void lines__a_part_of_the_file(void **state)
{
	const char *text = "first\nsecond\nthird\n";

	(void)state;
	scratch_file("lines", text, strlen(text));
	assert_int_equal(check(NULL, text, 6, 13, 100), 1);
	assert_int_equal(check(NULL, text, 6, 15, 100), 2);
	assert_int_equal(check(NULL, text, 8, 19, 100), 2);
	assert_int_equal(check(NULL, text, 19, 19, 100), 0);
}

static void lines__a_file_shorter_than_said_ends_early(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct rameti_lines_item item;
	struct rameti_lines l;

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("short", "a\nb", 3), RAMETI_FILE_READ,
					  NULL), 0);
	assert_int_equal(rameti_lines_open(&l, &f, 0, INT64_MAX, SIZE_MAX, NULL), 0);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 1);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 1);
	assert_int_equal(item.terminated, 0);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 0);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 0);
	rameti_lines_close(&l);
	rameti_lines_close(&l);
	rameti_file_close(&f);
}

/* Lines of all lengths around the block's size, among them one of 300 kB. */
static char *large_text(size_t *len)
{
	static const size_t lens[] = { 0, 1, 65534, 65535, 65536, 65537, 7, 131072, 300000, 3,
		131071, 20 };
	char *text = malloc(1000000);
	size_t i, at = 0;

	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		memset(text + at, 'a' + (int)i, lens[i]);
		at += lens[i];
		text[at++] = '\n';
	}
	*len = at - 1;
	scratch_file("lines", text, *len);
	return text;
}

static void lines__of_any_length_around_the_block(void **state)
{
	static const size_t limits[] = { 0, 6, 20, 65535, 65536, 131071, 131072, 299999, 300000,
		SIZE_MAX };
	struct failing_env fe;
	size_t len, i;
	char *text = large_text(&len);

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.longest = 1000;
	fe.interrupt = 1;
	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		assert_int_equal(check(NULL, text, 0, len, limits[i]), 12);
		assert_int_equal(check(&fe.env, text, 0, len, limits[i]), 12);
	}
	free(text);
}

static void lines__survive_every_failing_call_and_allocation(void **state)
{
	struct failing_env fe;
	unsigned n = 0;
	size_t len;
	char *text = large_text(&len);
	int r;

	(void)state;
	do {
		failing_env_init(&fe, ++n, EIO);
		r = check(&fe.env, text, 0, len, 100000);
		assert_int_equal(fe.open_fds, 0);
		assert_int_equal(r, fe.calls < n || fe.calls == fe.fail_at ? r : RAMET_EIO);
	} while (fe.calls >= n);
	assert_int_equal(r, 12);
	n = 0;
	do {
		failing_memory_start(++n);
		r = check(NULL, text, 0, len, SIZE_MAX);
		assert_int_equal(r, failing_memory_stop() ? RAMET_ENOMEM : 12);
	} while (r < 0);
	assert_true(n > 3);
	free(text);
}

static void lines__go_on_where_they_are_told_to(void **state)
{
	static const char text[] = "a\nbb\nccc\ndddd\n";
	const uint64_t far = 4 * 65536;
	struct rameti_lines_item item;
	struct rameti_lines l;
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf big = RAMET_BUF_INIT(1 << 20);
	uint64_t i;

	(void)state;
	for (i = 0; i < far; i++)
		ramet_buf_add_char(&big, i % 64 ? 'x' : '\n');
	ramet_buf_add_str(&big, text);
	assert_int_equal(rameti_file_open(&f, scratch_file("far", big.ptr, big.len),
					  RAMETI_FILE_READ, NULL), 0);
	assert_int_equal(rameti_lines_open(&l, &f, 0, big.len, 100, NULL), 0);
	rameti_lines_seek(&l, 0);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 1);
	assert_int_equal(item.offset, 0);
	rameti_lines_seek(&l, 65);                           /* it has that already */
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 1);
	assert_int_equal(item.offset, 65);
	assert_int_equal(item.len, 63);
	rameti_lines_seek(&l, far + 2);
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 1);
	assert_int_equal(item.offset, far + 2);
	assert_memory_equal(item.text.ptr, "bb", 2);
	rameti_lines_seek(&l, big.len + 7);                  /* no further than the end */
	assert_int_equal(rameti_lines_next(&l, &item, NULL), 0);
	rameti_lines_close(&l);
	rameti_file_close(&f);
	ramet_buf_release(&big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines__come_whole_and_in_order),
		cmocka_unit_test(lines__a_part_of_the_file),
		cmocka_unit_test(lines__a_file_shorter_than_said_ends_early),
		cmocka_unit_test(lines__of_any_length_around_the_block),
		cmocka_unit_test(lines__survive_every_failing_call_and_allocation),
		cmocka_unit_test(lines__go_on_where_they_are_told_to),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

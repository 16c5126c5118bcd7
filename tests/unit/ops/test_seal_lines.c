/*
 * Hashes of a file's lines by several threads, held against the plain line reader.
 */
#include "ops/seal_lines_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lines.h"

#define MAX_LINE ((size_t)1 << 30)

/* A file in memory, so to say: it has no name. */
struct given {
	struct rameti_file file;
	uint64_t size;
	FILE *f;
};

static void begin(struct given *g)
{
	memset(g, 0, sizeof(*g));
	g->f = tmpfile();
	assert_non_null(g->f);
}

static void put(struct given *g, char c, size_t n)
{
	static char run[4096];

	memset(run, c, sizeof(run));
	g->size += n;
	for (; n; n -= n < sizeof(run) ? n : sizeof(run))
		assert_true(fwrite(run, n < sizeof(run) ? n : sizeof(run), 1, g->f) == 1);
}

static void put_line(struct given *g, char c, size_t n)
{
	put(g, c, n);
	put(g, '\n', 1);
}

static void end(struct given *g)
{
	assert_int_equal(fflush(g->f), 0);
	g->file.fd = fileno(g->f);
}

/* Lines of very uneven length, some empty, some longer than a block. */
static void give_mixed(struct given *g, uint64_t size)
{
	uint32_t x = 1;

	begin(g);
	while (g->size < size) {
		x = x * 1664525u + 1013904223u;
		put_line(g, (char)('a' + (x >> 28)), x >> 31 ? x >> 8 & 0xff : x >> 8 & 0x3fff);
		if (!(x >> 8 & 0x1ff))
			put_line(g, 'L', 300000 + (x & 0xfffff));
	}
	end(g);
}

/* How many lines; each as the plain reader has it. */
static uint64_t check(const struct given *g, uint64_t size, size_t max_line, unsigned threads)
{
	struct rameti_seal_lines *l;
	struct rameti_hashed_line got;
	struct rameti_lines lines;
	struct rameti_lines_item item;
	uint8_t hash[RAMETI_SEAL_HASH];
	uint64_t n = 0;

	assert_int_equal(rameti_seal_lines_new(&l, &g->file, size, max_line, threads, NULL), 0);
	assert_int_equal(rameti_lines_open(&lines, &g->file, 0, size, max_line, NULL), 0);
	for (; rameti_lines_next(&lines, &item, NULL) > 0; n++) {
		assert_int_equal(rameti_seal_lines_next(l, &got, NULL), 1);
		assert_int_equal(got.offset, item.offset);
		assert_int_equal(got.len, item.text.len);
		assert_int_equal(rameti_seal_hash(item.text, hash), 0);
		assert_memory_equal(got.hash, hash, sizeof(hash));
	}
	assert_int_equal(rameti_seal_lines_next(l, &got, NULL), 0);
	assert_int_equal(rameti_seal_lines_next(l, &got, NULL), 0);
	rameti_lines_close(&lines);
	rameti_seal_lines_free(l);
	return n;
}

static void seal_lines__are_those_of_the_plain_reader(void **state)
{
	struct given g;

	(void)state;
	give_mixed(&g, 6u << 20);
	assert_true(check(&g, g.size, MAX_LINE, 1) > 500);
	(void)check(&g, g.size, MAX_LINE, 2);
	(void)check(&g, g.size, MAX_LINE, 8);
	(void)check(&g, g.size, MAX_LINE, 0);
	(void)fclose(g.f);
}

static void seal_lines__has_nothing_of_lines_that_are_too_long(void **state)
{
	struct given g;

	(void)state;
	give_mixed(&g, 3u << 20);
	(void)check(&g, g.size, 1000, 4);
	(void)check(&g, g.size, 400000, 4);
	(void)fclose(g.f);
}

static void seal_lines__may_end_anywhere(void **state)
{
	struct given g;
	uint64_t size;

	(void)state;
	begin(&g);
	put_line(&g, 'a', (256u << 10) - 1);                 /* a block exactly */
	put_line(&g, 'b', (256u << 10) - 2);
	put(&g, '\n', 5);
	put(&g, 'c', 100);
	end(&g);
	for (size = 0; size < 4; size++)
		(void)check(&g, size, MAX_LINE, 2);
	for (size = (512u << 10) - 3; size <= g.size; size++)
		(void)check(&g, size, MAX_LINE, 2);
	(void)fclose(g.f);
}

static void seal_lines__takes_lines_of_nothing(void **state)
{
	struct given g;

	(void)state;
	begin(&g);
	put(&g, '\n', 600000);
	end(&g);
	assert_int_equal(check(&g, g.size, MAX_LINE, 2), 600000);
	(void)fclose(g.f);
}

static void seal_lines__ends_where_the_file_ends(void **state)
{
	struct given g;

	(void)state;
	give_mixed(&g, 3u << 20);
	(void)check(&g, g.size + (4u << 20), MAX_LINE, 2);
	(void)fclose(g.f);
}

static void seal_lines__may_be_left_early(void **state)
{
	struct rameti_seal_lines *l;
	struct rameti_hashed_line line;
	struct given g;
	int i;

	(void)state;
	give_mixed(&g, 6u << 20);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rameti_seal_lines_new(&l, &g.file, g.size, MAX_LINE, 4, NULL), 0);
		if (i)
			assert_int_equal(rameti_seal_lines_next(l, &line, NULL), 1);
		rameti_seal_lines_free(l);
	}
	rameti_seal_lines_free(NULL);
	(void)fclose(g.f);
}

static void seal_lines__says_why_it_cannot_read(void **state)
{
	struct rameti_seal_lines *l;
	struct rameti_hashed_line line;
	struct ramet_error err;
	struct given g;

	(void)state;
	begin(&g);
	g.file.fd = -1;
	assert_int_equal(rameti_seal_lines_new(&l, &g.file, 4u << 20, MAX_LINE, 2, NULL), 0);
	assert_int_equal(rameti_seal_lines_next(l, &line, &err), RAMET_EIO);
	assert_int_equal(err.code, RAMET_EIO);
	rameti_seal_lines_free(l);
	(void)fclose(g.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seal_lines__are_those_of_the_plain_reader),
		cmocka_unit_test(seal_lines__has_nothing_of_lines_that_are_too_long),
		cmocka_unit_test(seal_lines__may_end_anywhere),
		cmocka_unit_test(seal_lines__takes_lines_of_nothing),
		cmocka_unit_test(seal_lines__ends_where_the_file_ends),
		cmocka_unit_test(seal_lines__may_be_left_early),
		cmocka_unit_test(seal_lines__says_why_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

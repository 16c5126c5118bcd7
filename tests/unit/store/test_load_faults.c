/*
 * load.c: reading large files while memory or reading fails, with one thread and with many.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>

static char *dir;
static const char *path;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

/* Several blocks, one line too long in the middle and one without an end. */
static void large_file(size_t size, int torn)
{
	struct ramet_buf b = RAMET_BUF_INIT(16u << 20);
	unsigned n = 0;

	ramet_buf_add_str(&b, HEAD);
	while (b.len < size) {
		ramet_buf_addf(&b, "{'type':'custom','id':'c%u','parentId':null,'x':'%*d'}\n", n,
			       n == 40 ? 900000 : 20000, 7);
		n++;
	}
	if (torn)
		ramet_buf_addf(&b, "{'type':'custom','id':'c%u','x':'%*d", n, 700000, 7);
	assert_int_equal(ramet_buf_status(&b), 0);
	put(path, b.ptr);
	ramet_buf_release(&b);
}

static int open_large(unsigned threads, uint32_t *n)
{
	const struct ramet_open_opts opts = { .threads = threads, .max_line = 300000,
					      .no_cache = 1 };
	struct ramet_session *large = NULL;
	int r;

	memset(&why, 0, sizeof(why));
	r = ramet_session_open(&large, path, &opts, &why);
	if (!r)
		*n = ramet_tree_count(ramet_session_tree(large));
	ramet_session_close(large);
	return r;
}

static void load__survives_every_failing_allocation(void **state)
{
	static const unsigned threads[] = { 1, 3, 1000 };
	uint32_t all, n = 0;
	unsigned at, reached;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < 6; i++) {
		large_file(i < 3 ? (size_t)1 << 20 : (size_t)3 << 20, i % 2);
		assert_int_equal(open_large(threads[i % 3], &all), 0);
		for (at = 1, reached = 1; reached; at++) {
			scarce_start(at);
			r = open_large(threads[i % 3], &n);
			reached = (unsigned)scarce_stop();
			/* a thread less is none the worse; what is read is whole */
			assert_true(r == 0 || (reached && r == RAMET_ENOMEM && why.code == r));
			assert_true(r < 0 || n == all);
		}
		assert_true(at > 10);
	}
}

static void load__survives_every_failing_read(void **state)
{
	struct faults f = { .kind = FAULT_PREAD, .sys = EIO, .hasty = 1 };
	uint32_t n;
	int i, r, reached;

	(void)state;
	for (i = 0; i < 4; i++) {
		large_file(i < 2 ? (size_t)1 << 20 : (size_t)3 << 20, i % 2);
		for (f.n = 1, reached = 1; reached; f.n++) {
			faults_start(&f);
			r = open_large(i < 2 ? 1 : 4, &n);
			reached = faults_stop();
			assert_int_equal(r, reached ? RAMET_EIO : 0);
			assert_int_equal(why.code, r);
		}
		assert_true(f.n > 5);
	}
}

#define BLOCK ((size_t)256 << 10)

/* Lines of one entry each up to this offset exactly. */
static unsigned fill_up_to(struct ramet_buf *b, size_t offset)
{
	static const char line[] = "{'type':'custom','id':'f%06u','parentId':null,'x':'%*d'}\n";
	unsigned n = 0;

	while (b->len < offset) {
		size_t left = offset - b->len, len = left < 20000 ? left : 10000;

		ramet_buf_addf(b, line, n, (int)len - snprintf(NULL, 0, line, n, 1, 7) + 1, 7);
		n++;
	}
	assert_int_equal(b->len, offset);
	return n;
}

/* A line that begins before, at or behind the edge of a block, short or longer than a block; and
 * every kind of end. One thread or more, it is read the same. */
static void load__of_lines_at_the_edges_of_blocks(void **state)
{
	static const char *const ends[] = { "", " ", "\n \n ", "{'type':",
					    "{'type':'custom','id':'e'}" };
	static const unsigned rows[] = { 0, 0, 0, 0, 1 };
	const struct faults hasty = { .kind = FAULT_ANY, .hasty = 1 };
	unsigned i, shift, large, many;

	(void)state;
	faults_start(&hasty);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		for (shift = 0; shift < 3; shift++)
			for (large = 0; large < 2; large++)
				for (many = 0; many < 2; many++) {
					struct ramet_buf b = RAMET_BUF_INIT(16u << 20);
					uint32_t one = 0, more = 0;
					unsigned n;

					ramet_buf_add_str(&b, HEAD);
					n = fill_up_to(&b, BLOCK * (many ? 9 : 1) + shift - 1);
					ramet_buf_addf(&b,
						       "{'type':'custom','id':'l','x':'%*d'}\n",
						       large ? 290000 : 1000, 7);
					ramet_buf_add_str(&b, ends[i]);
					put(path, b.ptr);
					ramet_buf_release(&b);
					assert_int_equal(open_large(1, &one), 0);
					assert_int_equal(open_large(3, &more), 0);
					assert_int_equal(one, n + 1 + rows[i]);
					assert_int_equal(more, one);
				}
	(void)faults_stop();
}

/* The first line alone: longer than a block, and without an end. */
static void load__of_a_header_of_any_length(void **state)
{
	static const char start[] = "{'type':'session','version':3,'id':'s1','timestamp':"
				    "'2026-03-01T10:00:00.000Z','cwd':'/%0*d'}";
	static const int lengths[] = { 1, 262060, 290000 };
	struct ramet_buf b = RAMET_BUF_INIT(1u << 20);
	uint32_t n = 9;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		ramet_buf_reset(&b);
		ramet_buf_addf(&b, start, lengths[i], 7);
		put(path, b.ptr);
		assert_int_equal(open_large(1, &n), 0);
		assert_int_equal(n, 0);
		ramet_buf_add_str(&b, "\n{'type':'custom','id':'c','parentId':null}\n");
		put(path, b.ptr);
		assert_int_equal(open_large(1, &n), 0);
		assert_int_equal(n, 1);
	}
	ramet_buf_release(&b);
}

static void load__fails_without_being_asked_why(void **state)
{
	const struct ramet_open_opts opts = { .threads = 3, .no_cache = 1 };
	const struct faults f = { .kind = FAULT_PREAD, .n = 4, .sys = EIO, .for_ever = 1 };
	struct ramet_session *large = NULL;

	(void)state;
	large_file((size_t)3 << 20, 0);
	faults_start(&f);
	assert_int_equal(ramet_session_open(&large, path, &opts, NULL), RAMET_EIO);
	(void)faults_stop();
	assert_null(large);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(load__survives_every_failing_allocation),
		CASE(load__survives_every_failing_read),
		CASE(load__of_lines_at_the_edges_of_blocks),
		CASE(load__of_a_header_of_any_length),
		CASE(load__fails_without_being_asked_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

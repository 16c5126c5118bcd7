/*
 * sidecar_frame.c and sidecar_index.c, the parts that read: a frame is given only where its row
 * says it is and as long as its segment is, rows come whole from either end or not at all.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT "s.v2/segments/0000000000000001.seg"
#define INDEX "s.v2/index/offsets.jsonl"
#define HEAD_OF_B "{'entryId':'b','parentEntryId':'a','entryType':'message'}"

static struct rameti_sc_frames frames;
static struct rameti_sc_frame frame;

static int make(void **state)
{
	(void)sidecar_make_dir(state);
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	rameti_sc_frames_init(&frames, rameti_env_default(), sc_store);
	return 0;
}

static int drop(void **state)
{
	rameti_sc_frames_release(&frames);
	return sidecar_drop_dir(state);
}

/* The n-th row of the index, from 1. */
static struct rameti_sc_row row_at(unsigned n)
{
	struct rameti_sc_index x;
	struct rameti_sc_row row = { 0 };

	must(rameti_sc_index_open(&x, rameti_env_default(), sc_store, &why));
	while (n--)
		assert_int_equal(rameti_sc_index_next(&x, &row, &why), 1);
	rameti_sc_index_close(&x);
	return row;
}

/* ---- frames ---- */

static void get__gives_what_the_row_says(void **state)
{
	struct rameti_sc_row row = row_at(2);
	char parent[SC_ID];

	(void)state;
	must(rameti_sc_frames_get(&frames, &row, &frame, &why));
	assert_true(ramet_bytes_is(frame.id, "b"));
	assert_int_equal(frames.size, row.offset + row.len);
	must(rameti_sc_frames_parent(&frames, &row, parent, &why));
	assert_string_equal(parent, "a");
	must(rameti_sc_frames_covered(&frames, row.offset + row.len, &why));
	refused(rameti_sc_frames_covered(&frames, row.offset, &why), RAMET_EFORMAT);
}

static void get__refuses_a_row_that_is_not_its_frame_s(void **state)
{
	const struct rameti_sc_row good = row_at(2);
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct rameti_sc_row row = good;

		row.segment_seq += i == 0;
		row.frame_seq += i == 1;
		row.entry_seq += i == 2;
		row.id[0] = (char)(row.id[0] + (i == 3));
		row.crc32c += i == 4;
		row.len += i == 5;
		row.offset += i == 6 ? 1 << 20 : 0;
		row.len = i == 7 ? UINT64_MAX : row.len;
		refused(rameti_sc_frames_get(&frames, &row, &frame, &why), RAMET_EFORMAT);
		assert_non_null(strstr(why.path, ".seg"));
		assert_int_equal(rameti_sc_frames_get(&frames, &row, &frame, NULL), RAMET_EFORMAT);
	}
	must(rameti_sc_frames_get(&frames, &good, &frame, &why));
}

static void get__refuses_a_row_of_another_segment(void **state)
{
	struct rameti_sc_row row = row_at(2);

	(void)state;
	put_bytes(in("s.v2/segments/0000000000000002.seg"), bytes_of(in(SEGMENT)));
	row.segment_seq = 2;
	refused(rameti_sc_frames_get(&frames, &row, &frame, &why), RAMET_EFORMAT);
}

static void get__refuses_more_than_100_mib(void **state)
{
	struct rameti_sc_row row = row_at(1);

	(void)state;
	assert_int_equal(truncate(in(SEGMENT), (off_t)(SC_LINE_MAX + 10)), 0); /* a hole */
	row.len = SC_LINE_MAX + 1;
	refused(rameti_sc_frames_get(&frames, &row, &frame, &why), RAMET_EFORMAT);
	row.len = SC_LINE_MAX + 11;
	refused(rameti_sc_frames_get(&frames, &row, &frame, &why), RAMET_EFORMAT);
}

static void get__notices_a_segment_that_became_shorter(void **state)
{
	struct rameti_sc_row row = row_at(2);

	(void)state;
	must(rameti_sc_frames_enter(&frames, 1, &why));
	assert_int_equal(truncate(in(SEGMENT), (off_t)(row.offset + 5)), 0);
	refused(rameti_sc_frames_get(&frames, &row, &frame, &why), RAMET_EFORMAT);
}

static void enter__refuses_what_is_no_file(void **state)
{
	char *longer = calloc(1, SC_PATH + 1);

	(void)state;
	assert_non_null(longer);
	memset(longer, 'x', SC_PATH - 10);
	frames.dir = longer;
	refused(rameti_sc_frames_enter(&frames, 1, &why), RAMET_ELIMIT);
	frames.dir = sc_store;
	free(longer);
	assert_int_equal(mkdir(in("s.v2/segments/0000000000000002.seg"), 0700), 0);
	refused(rameti_sc_frames_enter(&frames, 2, &why), RAMET_EFORMAT);
	refused(rameti_sc_frames_enter(&frames, 3, &why), RAMET_EFORMAT);
	must(rameti_sc_frames_enter(&frames, 1, &why));
}

/* Where the head of a frame does not say it, all of the frame is read. */
static void parent__is_that_of_the_frame(void **state)
{
	static const struct {
		const char *text, *parent;       /* parent NULL: refused, for no frame is there */
	} cases[] = {
		{ HEAD_OF_B, "a" },
		{ "{'entryId':'b','entryType':'message','more':'xxxxxxxxxx'}", "" },
		{ "{'entryId':'b','entryType':'", NULL },
		{ "{'entryId':'b','parentEntryId':'aaaa", NULL },
		{ "{'entryId':'b','parentEntryId':'", NULL },
		{ "{'entryId':'b','parentEntryId':'../a','entryType':'x'}", NULL },
		{ "{'entryId':'b','parentEntryId':null,'entryType':'message'}", NULL },
		{ "{'entryId':'b','another':'member','of':'the frame'}", NULL },
		{ "{'entryId':'c','parentEntryId':'a','entryType':'message'}", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rameti_sc_row row = { 1, 1, 1, 0, strlen(cases[i].text), 0, "b" };
		char parent[SC_ID] = "old";

		rameti_sc_frames_release(&frames);
		rameti_sc_frames_init(&frames, rameti_env_default(), sc_store);
		put(in(SEGMENT), cases[i].text);
		if (cases[i].parent) {
			must(rameti_sc_frames_parent(&frames, &row, parent, &why));
			assert_string_equal(parent, cases[i].parent);
		} else {
			refused(rameti_sc_frames_parent(&frames, &row, parent, &why),
				RAMET_EFORMAT);
		}
	}
}

static void parent__is_found_behind_other_members(void **state)
{
	static const struct told told[] = { { .id = "a" }, { .id = "b", .parent = "a" }, { 0 } };
	struct rameti_sc_row row;
	char text[4096], parent[SC_ID];
	unsigned i;

	(void)state;
	for (i = 1; i <= 2; i++) {
		const char *good;
		size_t len;

		sidecar_tells(told);
		row = row_at(i);
		/* the same frame, its ids behind many unknown bytes */
		good = bytes_of(in(SEGMENT)).ptr + row.offset;
		len = (size_t)snprintf(text, sizeof(text), "{\"pad\":\"%01500d\",%.*s", 0,
				       (int)row.len - 1, good + 1);
		put_bytes(in(SEGMENT), (struct ramet_bytes){ text, len });
		row.offset = 0;
		row.len = len;
		row.crc32c = rameti_crc32c(0, text, len);
		rameti_sc_frames_release(&frames);
		rameti_sc_frames_init(&frames, rameti_env_default(), sc_store);
		must(rameti_sc_frames_parent(&frames, &row, parent, &why));
		assert_string_equal(parent, i == 1 ? "" : "a");
	}
}

/* ---- rows from the end ---- */

static int last_row(struct rameti_sc_row *row, struct ramet_error *err)
{
	struct rameti_sc_back b;
	int r = rameti_sc_back_open(&b, rameti_env_default(), sc_store, err);

	if (r < 0)
		return r;
	r = rameti_sc_back_next(&b, row, err);
	rameti_sc_back_close(&b);
	return r;
}

static int first_row(struct rameti_sc_row *row, struct ramet_error *err)
{
	struct rameti_sc_index x;
	int r = rameti_sc_index_open(&x, rameti_env_default(), sc_store, err);

	if (r < 0)
		return r;
	r = rameti_sc_index_next(&x, row, err);
	rameti_sc_index_close(&x);
	return r;
}

/* n bytes of filler, then text */
static void put_index(size_t n, const char *text)
{
	char *all = malloc(n + strlen(text) + 1);

	assert_non_null(all);
	memset(all, 'x', n);
	memcpy(all + n, text, strlen(text));
	put_bytes(in(INDEX), (struct ramet_bytes){ all, n + strlen(text) });
	free(all);
}

static void rows__are_whole_lines(void **state)
{
	static const struct {
		size_t filler;
		const char *text;
	} cases[] = {
		{ 10, "" },
		{ 10, "\n" },
		{ SC_ROW_MAX + 1, "\n" },
		{ SC_ROW_MAX + 1, "" },
		{ 200000, "\n" },
		{ 200000, "" },
		{ 0, "{}\n" },
		{ 0, "\n" },
	};
	struct rameti_sc_row row;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_index(cases[i].filler, cases[i].text);
		refused(last_row(&row, &why), RAMET_EFORMAT);
		assert_non_null(strstr(why.path, "offsets.jsonl"));
		assert_int_equal(last_row(&row, NULL), RAMET_EFORMAT);
		refused(first_row(&row, &why), RAMET_EFORMAT);
		assert_int_equal(why.line, 1);
		assert_int_equal(first_row(&row, NULL), RAMET_EFORMAT);
	}
	put_index(0, "");
	must(last_row(&row, &why));
	must(first_row(&row, &why));
	assert_int_equal(unlink(in(INDEX)), 0);
	refused(last_row(&row, &why), RAMET_ENOTFOUND);
	must(first_row(&row, &why));                 /* it has no rows */
	assert_int_equal(mkdir(in(INDEX), 0700), 0);
	refused(last_row(&row, &why), RAMET_EFORMAT);
	refused(first_row(&row, &why), RAMET_EFORMAT);
}

static void cut_index(void *user)
{
	assert_int_equal(truncate(in(INDEX), *(const off_t *)user), 0);
}

static void rows__from_the_end_notice_a_shorter_index(void **state)
{
	off_t five = 5;
	struct faults f = { .kind = FAULT_PREAD, .n = 1, .meanwhile = cut_index, .user = &five };
	struct rameti_sc_row row;

	(void)state;
	faults_start(&f);
	refused(last_row(&row, &why), RAMET_ECONFLICT);
	assert_true(faults_stop());
}

/* ---- what fails ---- */

static int read_both(struct ramet_error *err)
{
	struct rameti_sc_row row = { 0 };
	char parent[SC_ID];
	int r = first_row(&row, err);

	if (r > 0)
		r = last_row(&row, err);
	rameti_sc_frames_release(&frames);
	rameti_sc_frames_init(&frames, rameti_env_default(), sc_store);
	if (r > 0)
		r = rameti_sc_frames_parent(&frames, &row, parent, err);
	if (!r)
		r = rameti_sc_frames_get(&frames, &row, &frame, err);
	return r;
}

static void reading__says_what_failed(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .sys = EIO };
	unsigned n = 0;
	int r, reached;

	(void)state;
	do {
		f.n = ++n;
		faults_start(&f);
		r = read_both(&why);
		rameti_sc_frames_release(&frames);
		assert_int_equal(faults_open_fds(), 0);
		reached = faults_stop();
		assert_true(r == 0 || r == RAMET_EIO);
	} while (reached && n < 200);
	assert_int_equal(r, 0);
	n = 0;
	do {
		scarce_start(++n);
		r = read_both(&why);
		rameti_sc_frames_release(&frames);
		reached = scarce_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM);
	} while (reached && n < 200);
	assert_int_equal(r, 0);
	assert_true(n > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get__gives_what_the_row_says),
		TEST(get__refuses_a_row_that_is_not_its_frame_s),
		TEST(get__refuses_a_row_of_another_segment),
		TEST(get__refuses_more_than_100_mib),
		TEST(get__notices_a_segment_that_became_shorter),
		TEST(enter__refuses_what_is_no_file),
		TEST(parent__is_that_of_the_frame),
		TEST(parent__is_found_behind_other_members),
		TEST(rows__are_whole_lines),
		TEST(rows__from_the_end_notice_a_shorter_index),
		TEST(reading__says_what_failed),
	};

	return cmocka_run_group_tests_name("sidecar_frames", tests, NULL, NULL);
}

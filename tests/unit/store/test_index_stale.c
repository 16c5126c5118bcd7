/*
 * test_index_stale.c - an index that is old, another file's, damaged or made up is never believed:
 * what is read is what a scan gives, or a call fails with ECONFLICT and the next opening is right.
 */
#include "indexed.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_LEN 4096u
#define TEXT_MAX ((size_t)1 << 30)

static uint64_t random_state = 1;

static uint32_t dice(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % below);
}

static void write_at(const char *path, long at, const char *text, size_t len)
{
	FILE *f = fopen(path, "r+b");

	assert_true(f && fseek(f, at, SEEK_SET) == 0 && fwrite(text, 1, len, f) == len);
	assert_int_equal(fclose(f), 0);
}

/* Where a text stands in a file. */
static long place_of(const char *path, const char *text)
{
	struct ramet_bytes all = bytes_of(path);
	const char *at = strstr(all.ptr, dq(text));

	assert_non_null(at);
	return at - all.ptr;
}

static void set_times(const char *path, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* ---- the session changed ---- */

static void make_old_index(void)
{
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	assert_opens_from_index(indexed_session());
}

static void stale__file_was_replaced(void **state)
{
	const char *other = temp_path(indexed_dir, "s/other.jsonl");

	(void)state;
	make_old_index();
	make_shape(other, &shapes[5]);
	assert_int_equal(rename(other, indexed_session()), 0);
	assert_opens_by_scan(indexed_session());
	assert_opens_from_index(indexed_session());
}

static void stale__file_was_cut(void **state)
{
	uint64_t size;
	long back;

	(void)state;
	for (back = 1; back < 200000; back = back * 3 + 7) {
		make_old_index();
		size = bytes_of(indexed_session()).len;
		assert_int_equal(truncate(indexed_session(), (off_t)size - back), 0);
		assert_opens_by_scan(indexed_session());
	}
}

/* Same size: only the times tell. */
static void stale__file_was_changed_in_place(void **state)
{
	static const char *const changes[][2] = {
		{ "'id':'p50'", "'id':'q50'" },
		{ "'parentId':'p49'", "'parentId':'p13'" },
		{ "'parentId':'p98'", "'parentId':'nob'" },
		{ "'role':'toolResult','content':'51", "'role':'assistant'  ,'content':'52" },
		{ "{'type':'message','id':'p40'", "['type':'message','id':'p40'" },
		{ "'content':'60 ", "'content':'06 " },
		{ "'type':'session'", "'type':'Session'" },
	};
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof(changes) / sizeof(*changes); i++) {
		make_old_index();
		write_at(indexed_session(), place_of(indexed_session(), changes[i][0]),
			 dq(changes[i][1]), strlen(changes[i][1]));
		assert_opens_by_scan(indexed_session());
		assert_opens_from_index(indexed_session());
		/* somebody set its time back, too */
		assert_int_equal(stat(indexed_session(), &st), 0);
		write_at(indexed_session(), place_of(indexed_session(), changes[i][1]),
			 dq(changes[i][0]), strlen(changes[i][0]));
		set_times(indexed_session(), &st);
		assert_opens_by_scan(indexed_session());
	}
	make_old_index();
	write_at(indexed_session(), place_of(indexed_session(), changes[i][0]), dq(changes[i][1]),
		 strlen(changes[i][1]));
	refused(ramet_session_open(&(struct ramet_session *){ NULL }, indexed_session(), NULL,
				   &why), RAMET_EFORMAT);
}

/* Changed and longer: what is read through a row that is wrong is refused, and the next opening
 * reads all of it. */
static void stale__file_was_changed_and_grew(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_session *s;

	(void)state;
	make_old_index();
	write_at(indexed_session(), place_of(indexed_session(), "'parentId':'p49'"),
		 dq("'parentId':'p13'"), 16);
	add_to(indexed_session(), MESSAGE("y1", "'z1'", U("more")));
	s = opened(indexed_session());
	assert_true(from_index(s));
	refused(report_all(s, &out, &why), RAMET_ECONFLICT);
	ramet_session_close(s);
	assert_opens_by_scan(indexed_session());
	assert_opens_from_index(indexed_session());
	ramet_buf_release(&out);
}

static void stale__first_and_last_bytes_changed_and_grew(void **state)
{
	(void)state;
	make_old_index();
	write_at(indexed_session(), place_of(indexed_session(), "'cwd':'/w'"), dq("'cwd':'/v'"),
		 10);
	add_to(indexed_session(), MESSAGE("y1", "'z1'", U("more")));
	assert_opens_by_scan(indexed_session());
	make_old_index();
	write_at(indexed_session(), place_of(indexed_session(), "'content':'hi'"),
		 dq("'content':'HI'"), 14);
	add_to(indexed_session(), MESSAGE("y1", "'z1'", U("more")));
	assert_opens_by_scan(indexed_session());
}

/* Between reading and writing the index. */
static void stale__file_changes_while_it_is_open(void **state)
{
	struct ramet_session *s;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	s = opened(indexed_session());
	write_at(indexed_session(), place_of(indexed_session(), "'parentId':'p49'"),
		 dq("'parentId':'p13'"), 16);
	ramet_session_close(s);
	assert_opens_by_scan(indexed_session());
	/* and when the handle is about to write one of what it has read long ago */
	make_old_index();
	s = opened(indexed_session());
	write_at(indexed_session(), place_of(indexed_session(), "'parentId':'p13'"),
		 dq("'parentId':'p12'"), 16);
	add_many(indexed_session(), 20000, 0);
	must(ramet_session_refresh(s, &why));
	ramet_session_close(s);
	assert_opens_by_scan(indexed_session());
}

/* A file that was changed just before may be changed again in the same tick of its clock. */
static void stale__file_was_young(void **state)
{
	struct stat st;

	(void)state;
	indexed_clock(0);
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	assert_opens_by_scan(indexed_session());
	/* a time set back makes it no older */
	assert_int_equal(stat(indexed_session(), &st), 0);
	st.st_mtim.tv_sec -= 1000;
	set_times(indexed_session(), &st);
	assert_opens_by_scan(indexed_session());
	assert_opens_by_scan(indexed_session());
	/* from the future */
	indexed_clock(3600);
	st.st_mtim.tv_sec += 100000;
	set_times(indexed_session(), &st);
	assert_opens_by_scan(indexed_session());
	assert_opens_by_scan(indexed_session());
	st.st_mtim.tv_sec -= 200000;
	set_times(indexed_session(), &st);
	assert_opens_by_scan(indexed_session());
	assert_opens_from_index(indexed_session());
}

static void stale__index_is_of_another_file(void **state)
{
	const char *other = temp_path(indexed_dir, "s/other.jsonl");
	struct ramet_bytes index;

	(void)state;
	make_old_index();
	make_shape(other, &shapes[0]);
	make_index(other);
	index = bytes_of(indexed_file(other));
	put_bytes(indexed_file(indexed_session()), index);
	assert_opens_by_scan(indexed_session());
	assert_opens_from_index(indexed_session());
	/* a link to the file is the file */
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(indexed_session(), other), 0);
	ramet_session_close(opened(other));
	assert_opens_from_index(other);
}

/* ---- the index changed ---- */

static struct ramet_buf index_kept, scan_kept, one_kept[N_REPORTS];

static void keep(void)
{
	struct ramet_session *s = scanned(indexed_session());
	unsigned i;

	index_kept.max = scan_kept.max = TEXT_MAX;
	ramet_buf_reset(&index_kept);
	ramet_buf_reset(&scan_kept);
	ramet_buf_add(&index_kept, bytes_of(indexed_file(indexed_session())));
	must(report_all(s, &scan_kept, &why));
	for (i = 0; i < N_REPORTS; i++) {
		one_kept[i].max = TEXT_MAX;
		ramet_buf_reset(&one_kept[i]);
		must(report_one(s, i, &one_kept[i], &why));
	}
	ramet_session_close(s);
}

static void keep_no_more(void)
{
	unsigned i;

	ramet_buf_release(&index_kept);
	ramet_buf_release(&scan_kept);
	for (i = 0; i < N_REPORTS; i++)
		ramet_buf_release(&one_kept[i]);
}

/* Open it with this index in place: 1 when that was as good as a scan, 0 when a call said
 * ECONFLICT. Whatever came out is right. */
static int as_good(const char *index_path, struct ramet_bytes index)
{
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_session *s = NULL;
	unsigned first = dice(N_REPORTS);
	struct ramet_error e;
	int r;

	put_bytes(index_path, index);
	memset(&e, 0, sizeof(e));
	must(ramet_session_open(&s, indexed_session(), NULL, &why));
	/* any of them may be the first that is asked for */
	r = report_one(s, first, &out, &e);
	if (r == 0 && !ramet_bytes_eq(ramet_buf_bytes(&out), ramet_buf_bytes(&one_kept[first])))
		fail_msg("believed by %u", first);
	ramet_buf_reset(&out);
	if (r == 0)
		r = report_all(s, &out, &e);
	if (r < 0 && (r != RAMET_ECONFLICT || e.code != r))
		fail_msg("%s: %s", ramet_code_name(r), e.text);
	if (r == 0 && !ramet_bytes_eq(ramet_buf_bytes(&out), ramet_buf_bytes(&scan_kept)))
		fail_msg("believed");
	ramet_session_close(s);
	ramet_buf_reset(&out);
	if (r < 0) {
		s = opened(indexed_session());
		must(report_all(s, &out, &why));
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&out), ramet_buf_bytes(&scan_kept)));
		ramet_session_close(s);
	}
	ramet_buf_release(&out);
	return r == 0;
}

static void flip(const char *index_path, size_t at)
{
	char byte = index_kept.ptr[at];

	index_kept.ptr[at] = (char)(byte ^ (1 << dice(8)));
	(void)as_good(index_path, ramet_buf_bytes(&index_kept));
	index_kept.ptr[at] = byte;
}

static void start(const struct shape *shape, char *index_path)
{
	make_session(indexed_session(), shape, 300, 900);
	add_many(indexed_session(), 100, 0);
	make_index(indexed_session());
	keep();
	(void)snprintf(index_path, TEMP_PATH, "%s", indexed_file(indexed_session()));
}

static void stale__index_was_truncated(void **state)
{
	char path[TEMP_PATH];
	struct ramet_bytes index;
	size_t i, len;

	(void)state;
	start(&shapes[9], path);
	index = ramet_buf_bytes(&index_kept);
	for (len = index.len, index.len = 0; index.len < len; index.len += 4096)
		(void)as_good(path, index);
	for (i = 0; i < 100; i++) {
		index.len = dice((uint32_t)len);
		(void)as_good(path, index);
	}
	keep_no_more();
}

static void stale__index_head_was_flipped(void **state)
{
	char path[TEMP_PATH];
	size_t i;

	(void)state;
	start(&shapes[0], path);
	for (i = 0; i < HEAD_LEN; i += i < 512 ? 1 : 37)
		flip(path, i);
	keep_no_more();
}

static void stale__index_was_flipped_anywhere(void **state)
{
	const struct shape *shape;
	char path[TEMP_PATH];
	unsigned i, n = 0;

	(void)state;
	for (shape = shapes; shape->name; shape++, n++)
		;
	for (shape = shapes; shape->name; shape++) {
		start(shape, path);
		for (i = 0; i < 2000 / n + 1; i++)
			flip(path, HEAD_LEN + dice((uint32_t)index_kept.len - HEAD_LEN));
		assert_int_equal(unlink(path), 0);
	}
	keep_no_more();
}

/* Whole pages of zeros, as after a power cut, and pages that changed places. */
static void stale__index_was_torn(void **state)
{
	static char page[4096], zeros[4096];
	char path[TEMP_PATH];
	size_t at, other;

	(void)state;
	start(&shapes[12], path);
	for (at = 0; at + 4096 <= index_kept.len; at += 4096) {
		other = dice((uint32_t)(index_kept.len / 4096)) * 4096u;
		memcpy(page, index_kept.ptr + at, 4096);
		memcpy(index_kept.ptr + at, zeros, 4096);
		(void)as_good(path, ramet_buf_bytes(&index_kept));
		memcpy(index_kept.ptr + at, index_kept.ptr + other, 4096);
		(void)as_good(path, ramet_buf_bytes(&index_kept));
		memcpy(index_kept.ptr + at, page, 4096);
	}
	keep_no_more();
}

static void stale__index_is_of_another_format(void **state)
{
	char path[TEMP_PATH];

	(void)state;
	start(&shapes[0], path);
	index_kept.ptr[12]++; /* a newer format */
	assert_int_equal(as_good(path, ramet_buf_bytes(&index_kept)), 1);
	index_kept.ptr[12]--;
	index_kept.ptr[16] ^= 5, index_kept.ptr[19] ^= 5; /* the other byte order */
	assert_int_equal(as_good(path, ramet_buf_bytes(&index_kept)), 1);
	assert_int_equal(as_good(path, raw("")), 1);
	assert_int_equal(as_good(path, raw("ramet-index\n")), 1);
	keep_no_more();
	/* a directory, a link to nowhere */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_opens_by_scan(indexed_session());
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_opens_by_scan(indexed_session());
	assert_opens_from_index(indexed_session());
}

/* What is appended through a handle with a damaged index hangs where it should, or is refused. */
static void stale__index_does_not_mislead_appends(void **state)
{
	struct ramet_session *s = NULL;
	char path[TEMP_PATH], leaf[64];
	size_t at;
	unsigned i;
	int r;

	(void)state;
	for (i = 0; i < 150; i++) {
		if (i % 15 == 0)
			start(&shapes[i / 15], path);
		at = HEAD_LEN + dice((uint32_t)index_kept.len - HEAD_LEN);
		index_kept.ptr[at] ^= 0x10;
		put_bytes(path, ramet_buf_bytes(&index_kept));
		index_kept.ptr[at] ^= 0x10;
		s = scanned(indexed_session());
		(void)snprintf(leaf, sizeof(leaf), "%s", leaf_id(s));
		ramet_session_close(s);
		must(ramet_session_open(&s, indexed_session(), NULL, &why));
		r = ramet_session_append_message(s, js(U("x")), NULL, &why);
		assert_true(r == 0 || r == RAMET_ECONFLICT || r == RAMET_EVERSION);
		ramet_session_close(s);
		s = scanned(indexed_session());
		if (r == 0) {
			const struct ramet_tree *t = ramet_session_tree(s);
			uint32_t last = ramet_tree_count(t) - 1;

			if (ramet_tree_row(t, last)->parent != row_of(s, leaf))
				fail_msg("shape %u, byte %zu of %zu", i / 15, at, index_kept.len);
		}
		ramet_session_close(s);
		if (r == 0) {
			(void)unlink(path);
			make_index(indexed_session());
			keep();
		}
	}
	keep_no_more();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, indexed_setup, indexed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(stale__file_was_replaced),
		CASE(stale__file_was_cut),
		CASE(stale__file_was_changed_in_place),
		CASE(stale__file_was_changed_and_grew),
		CASE(stale__first_and_last_bytes_changed_and_grew),
		CASE(stale__file_changes_while_it_is_open),
		CASE(stale__file_was_young),
		CASE(stale__index_is_of_another_file),
		CASE(stale__index_was_truncated),
		CASE(stale__index_head_was_flipped),
		CASE(stale__index_was_flipped_anywhere),
		CASE(stale__index_was_torn),
		CASE(stale__index_is_of_another_format),
		CASE(stale__index_does_not_mislead_appends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_behind.c - a file that a thread writes: all of it in order, or the first failure and
 * nothing.
 */
#include "base/behind.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

#define PART ((size_t)300000)
#define N_PARTS 7

static const char *const NAME = "behind";

struct writing {
	struct failing_env fe;
	struct rameti_newfile file;
	struct rameti_behind behind;
	struct ramet_buf part;
};

static void begin(struct writing *w, unsigned fail_at)
{
	static const struct rameti_newfile no_file = RAMETI_NEWFILE_INIT;

	memset(w, 0, sizeof(*w));
	failing_env_init(&w->fe, 0, ENOSPC);
	w->file = no_file;
	w->file.file.env = &w->fe.env;
	ramet_buf_init(&w->behind.text, SIZE_MAX / 2);
	ramet_buf_init(&w->part, SIZE_MAX / 2);
	(void)unlink(scratch_path(NAME));
	assert_int_equal(rameti_newfile_open(&w->file, scratch_path(NAME), 0600, NULL), 0);
	w->fe.calls = 0;
	w->fe.fail_at = fail_at;
}

/* The first failure, or 0. */
static int write_parts(struct writing *w, struct ramet_error *err)
{
	int r = 0;
	size_t i, k;

	for (i = 0; !r && i < N_PARTS; i++) {
		for (k = 0; k < PART + i; k++)
			ramet_buf_add_char(&w->part, (char)('a' + i));
		r = rameti_behind_write(&w->behind, &w->file, &w->part, err);
		assert_int_equal(w->part.len, 0);
	}
	return r ? r : rameti_behind_end(&w->behind, err);
}

static void end(struct writing *w)
{
	rameti_behind_release(&w->behind);
	rameti_newfile_abort(&w->file);
	ramet_buf_release(&w->part);
	assert_int_equal(w->fe.open_fds, 0);
}

static void behind__writes_all_parts_in_order(void **state)
{
	struct writing w;
	size_t i, k;
	FILE *f;

	(void)state;
	begin(&w, 0);
	assert_int_equal(write_parts(&w, NULL), 0);
	assert_int_equal(rameti_behind_end(&w.behind, NULL), 0);
	assert_int_equal(rameti_newfile_commit(&w.file, 0, NULL), 0);
	end(&w);
	f = fopen(scratch_path(NAME), "r");
	assert_non_null(f);
	for (i = 0; i < N_PARTS; i++)
		for (k = 0; k < PART + i; k++)
			assert_int_equal(fgetc(f), 'a' + (int)i);
	assert_int_equal(fgetc(f), EOF);
	(void)fclose(f);
}

/* Told at once or later, but told; and once failed, nothing more is written. */
static void behind__tells_the_first_failure(void **state)
{
	struct ramet_error err;
	struct writing w;
	unsigned n, calls;
	int r;

	(void)state;
	for (n = 1; n <= N_PARTS; n++) {
		memset(&err, 0, sizeof(err));
		begin(&w, n);
		r = write_parts(&w, &err);
		assert_int_equal(r, RAMET_EIO);
		assert_int_equal(err.code, RAMET_EIO);
		assert_int_equal(err.sys, ENOSPC);
		assert_int_equal(rameti_behind_end(&w.behind, &err), RAMET_EIO);
		calls = w.fe.calls;
		assert_int_equal(calls, n);
		end(&w);
		assert_int_not_equal(access(scratch_path(NAME), F_OK), 0);
	}
}

static void behind__is_let_go_of_at_any_time(void **state)
{
	struct writing w;

	(void)state;
	begin(&w, 0);
	end(&w);
	begin(&w, 0);
	ramet_buf_add_str(&w.part, "half");
	assert_int_equal(rameti_behind_write(&w.behind, &w.file, &w.part, NULL), 0);
	end(&w);
	assert_int_not_equal(access(scratch_path(NAME), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind__writes_all_parts_in_order),
		cmocka_unit_test(behind__tells_the_first_failure),
		cmocka_unit_test(behind__is_let_go_of_at_any_time),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

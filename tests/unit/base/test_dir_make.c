/*
 * test_dir_make.c - newfile.c: directories made on the way to a file, and their names made to last.
 */
#include "base/newfile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

static unsigned n_syncs;
static int sync_sys;

static int counted_fsync(void *user, int fd)
{
	(void)user, (void)fd;
	n_syncs++;
	errno = sync_sys;
	return sync_sys ? -1 : 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	return st.st_mode & 07777;
}

static void dir_make__makes_what_is_missing(void **state)
{
	mode_t before = umask(0);
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.env.fsync = counted_fsync;
	n_syncs = 0;
	sync_sys = 0;
	assert_int_equal(rameti_dir_make(&fe.env, scratch_path("m/a/b"), 0, NULL), 0);
	assert_int_equal(n_syncs, 0);
	assert_int_equal(mode_of(scratch_path("m")), 0700);
	assert_int_equal(mode_of(scratch_path("m/a/b")), 0700);
	assert_int_equal(rameti_dir_make(&fe.env, scratch_path("m/a//c/./d/"), 1, NULL), 0);
	assert_int_equal(n_syncs, 2);                    /* c and d */
	assert_int_equal(mode_of(scratch_path("m/a/c/d")), 0700);
	assert_int_equal(chmod(scratch_path("m/a"), 0755), 0);
	assert_int_equal(rameti_dir_make(&fe.env, scratch_path("m/a"), 1, NULL), 0);
	assert_int_equal(rameti_dir_make(&fe.env, "/", 1, NULL), 0);
	assert_int_equal(n_syncs, 2);
	assert_int_equal(mode_of(scratch_path("m/a")), 0755);
	assert_int_equal(chdir(scratch_path("m")), 0);
	assert_int_equal(rameti_dir_make(&fe.env, "relative/too", 1, NULL), 0);
	assert_int_equal(mode_of(scratch_path("m/relative/too")), 0700);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(fe.open_fds, 0);
	(void)umask(before);
}

static void dir_make__follows_links_to_directories(void **state)
{
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_dir_make(NULL, scratch_path("l/real"), 0, NULL), 0);
	assert_int_equal(symlink("real", scratch_path("l/link")), 0);
	assert_int_equal(symlink("none", scratch_path("l/dangling")), 0);
	assert_int_equal(rameti_dir_make(NULL, scratch_path("l/link"), 0, NULL), 0);
	assert_int_equal(rameti_dir_make(NULL, scratch_path("l/link/x"), 0, NULL), 0);
	assert_int_equal(mode_of(scratch_path("l/real/x")), 0700);
	assert_int_equal(rameti_dir_make(NULL, scratch_path("l/dangling/x"), 0, NULL),
			 RAMET_ENOTFOUND);
	assert_int_equal(rameti_dir_make(NULL, scratch_path("l/dangling"), 0, &err),
			 RAMET_ENOTFOUND);
	assert_string_equal(err.text, "cannot make directory: not a directory");
	assert_int_equal(access(scratch_path("l/none"), F_OK), -1);
}

static void dir_make__says_what_is_in_the_way(void **state)
{
	const char *file = scratch_file("way", "x", 1);
	struct ramet_error err;
	struct stat st;

	(void)state;
	assert_int_equal(rameti_dir_make(NULL, file, 0, &err), RAMET_ENOTFOUND);
	assert_string_equal(err.text, "cannot make directory: not a directory");
	assert_string_equal(err.path, file);
	assert_int_equal(rameti_dir_make(NULL, scratch_path("way/a/b"), 0, &err), RAMET_ENOTFOUND);
	assert_string_equal(err.path, file);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 1);
}

static void dir_make__survives_every_failing_call(void **state)
{
	struct failing_env fe;
	struct ramet_error err;
	unsigned n = 0;
	char name[32];
	int r;

	(void)state;
	do {
		snprintf(name, sizeof(name), "f%u/a/b", ++n);
		failing_env_init(&fe, n, EIO);
		r = rameti_dir_make(&fe.env, scratch_path(name), 1, &err);
		assert_int_equal(fe.open_fds, 0);
		assert_true(r == 0 || (r == RAMET_EIO && err.sys == EIO && *err.path));
		if (r == 0)
			(void)mode_of(scratch_path(name));
	} while (fe.calls >= n);
	assert_int_equal(r, 0);
	n = 0;
	do {
		snprintf(name, sizeof(name), "g%u/a/b", ++n);
		failing_memory_start(n);
		r = rameti_dir_make(NULL, scratch_path(name), 1, NULL);
		assert_int_equal(r, failing_memory_stop() ? RAMET_ENOMEM : 0);
	} while (r < 0);
	assert_true(n > 3);
}

static void dir_sync__forgives_systems_without_it_and_nothing_else(void **state)
{
	static const struct { int sys, want; } cases[] = {
		{ 0, 0 },
		{ EINVAL, 0 },
		{ ENOTSUP, 0 },
		{ EIO, RAMET_EIO },
		{ ENOSPC, RAMET_EIO },
		{ EROFS, RAMET_EIO },
	};
	const char *path = scratch_file("synced", "x", 1);
	struct failing_env fe;
	struct ramet_error err;
	size_t i;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.env.fsync = counted_fsync;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		sync_sys = cases[i].sys;
		assert_int_equal(rameti_dir_sync(&fe.env, path, &err), cases[i].want);
		if (cases[i].want) {
			assert_int_equal(err.sys, sync_sys);
			assert_string_equal(err.path, path);
		}
		assert_int_equal(rameti_dir_sync(&fe.env, path, NULL), cases[i].want);
		assert_int_equal(fe.open_fds, 0);
	}
	assert_int_equal(rameti_dir_sync(NULL, scratch_path("gone/x"), &err), RAMET_ENOTFOUND);
	assert_string_equal(err.path, scratch_path("gone"));
	assert_int_equal(rameti_dir_sync(NULL, path, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dir_make__makes_what_is_missing),
		cmocka_unit_test(dir_make__follows_links_to_directories),
		cmocka_unit_test(dir_make__says_what_is_in_the_way),
		cmocka_unit_test(dir_make__survives_every_failing_call),
		cmocka_unit_test(dir_sync__forgives_systems_without_it_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

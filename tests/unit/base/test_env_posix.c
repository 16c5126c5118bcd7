/*
 * test_env_posix.c - the table of real calls is complete and goes through to the system.
 */
#include "base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <cmocka.h>

#include "scratch.h"

static void env__has_every_call(void **state)
{
	void (*calls[sizeof(struct rameti_env) / sizeof(void *)])(void);
	size_t i;

	(void)state;
	assert_int_equal(sizeof(calls), sizeof(struct rameti_env));
	memcpy(calls, rameti_env_default(), sizeof(calls));
	for (i = 1; i < sizeof(calls) / sizeof(*calls); i++)     /* the first is user */
		assert_true(calls[i] != NULL);
	assert_ptr_equal(rameti_env_or_default(NULL), rameti_env_default());
}

static void env__writes_reads_and_renames(void **state)
{
	const struct rameti_env *e = rameti_env_default();
	const char *path = scratch_path("w"), *other = scratch_path("v");
	struct stat st;
	char text[8];
	int fd;

	(void)state;
	fd = e->open(NULL, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(e->write(NULL, fd, "hello", 5), 5);
	assert_int_equal(e->pwrite(NULL, fd, "J", 1, 0), 1);
	assert_int_equal(e->pread(NULL, fd, text, 8, 0), 5);
	assert_memory_equal(text, "Jello", 5);
	assert_int_equal(e->read(NULL, fd, text, 8), 0);
	assert_int_equal(e->ftruncate(NULL, fd, 2), 0);
	assert_int_equal(e->fchmod(NULL, fd, 0640), 0);
	assert_int_equal(e->flock(NULL, fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(e->fdatasync(NULL, fd), 0);
	assert_int_equal(e->fsync(NULL, fd), 0);
	assert_int_equal(e->fstat(NULL, fd, &st), 0);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(e->close(NULL, fd), 0);
	assert_int_equal(e->rename(NULL, path, other), 0);
	assert_int_equal(e->lstat(NULL, path, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(e->linkat(NULL, AT_FDCWD, other, AT_FDCWD, path, 0), 0);
	assert_int_equal(e->stat(NULL, other, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(e->unlink(NULL, path), 0);
	assert_int_equal(e->readlink(NULL, other, text, 8), -1);
	assert_int_equal(errno, EINVAL);
}

static void env__lists_a_directory(void **state)
{
	const struct rameti_env *e = rameti_env_default();
	unsigned char type;
	char name[256];
	int n = 0;
	void *dir;

	(void)state;
	assert_int_equal(e->mkdir(NULL, scratch_path("d"), 0700), 0);
	dir = e->opendir(NULL, scratch_path("d"));
	assert_non_null(dir);
	while (e->readdir(NULL, dir, name, &type) > 0)
		n++;
	assert_int_equal(n, 2);
	assert_int_equal(e->closedir(NULL, dir), 0);
	assert_null(e->opendir(NULL, scratch_path("none")));
	assert_int_equal(e->openat(NULL, AT_FDCWD, scratch_path("none"), O_RDONLY, 0), -1);
}

static void env__knows_time_chance_and_surroundings(void **state)
{
	const struct rameti_env *e = rameti_env_default();
	struct timespec ts, none = { 0, 0 };
	char path[4096];

	(void)state;
	assert_int_equal(e->clock_gettime(NULL, CLOCK_MONOTONIC, &ts), 0);
	assert_int_equal(e->nanosleep(NULL, &none), 0);
	assert_int_equal(e->getrandom(NULL, path, 16), 16);
	setenv("RAMET_TEST_ENV", "x", 1);
	assert_string_equal(e->getenv(NULL, "RAMET_TEST_ENV"), "x");
	assert_ptr_equal(e->getcwd(NULL, path, sizeof(path)), path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(env__has_every_call),
		cmocka_unit_test(env__writes_reads_and_renames),
		cmocka_unit_test(env__lists_a_directory),
		cmocka_unit_test(env__knows_time_chance_and_surroundings),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

/*
 * test_mapping.c - an array that begins in a file and goes on in memory, and gives all of it back.
 */
#include "base/mapping.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

static char text[3 * RAMETI_PAGE + 100];

static struct rameti_file open_text(void)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	const char *path;
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 31 + i / 257 + 1);
	path = scratch_file("mapped", text, sizeof(text));
	assert_int_equal(rameti_file_open(&f, path, RAMETI_FILE_READ, NULL), 0);
	return f;
}

static int all_zero(const char *p, size_t len)
{
	while (len && !*p)
		p++, len--;
	return !len;
}

static void mapping__begins_in_the_file(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text();

	(void)state;
	assert_int_equal(rameti_mapping_new(&m, &f, RAMETI_PAGE, RAMETI_PAGE + 7, 0, NULL), 0);
	assert_int_equal(m.len, RAMETI_PAGE + 7);
	assert_int_equal(m.room, 2 * RAMETI_PAGE);
	assert_memory_equal(m.base, text + RAMETI_PAGE, m.len);
	rameti_mapping_release(&m);
	assert_null(m.base);
	assert_int_equal(m.len + m.room, 0);
	rameti_mapping_release(&m);
	assert_int_equal(rameti_file_close(&f), 0);
}

static void mapping__goes_on_in_memory(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text();
	size_t more = 5 * RAMETI_PAGE + 1;

	(void)state;
	assert_int_equal(rameti_mapping_new(&m, &f, 0, sizeof(text), more, NULL), 0);
	assert_true(m.room >= sizeof(text) + more);
	assert_int_equal(m.room % RAMETI_PAGE, 0);
	assert_memory_equal(m.base, text, sizeof(text));
	/* behind the end of the file, in its last page and in those after it */
	assert_true(all_zero((char *)m.base + sizeof(text), m.room - sizeof(text)));
	memset((char *)m.base + sizeof(text), 'x', m.room - sizeof(text));
	assert_memory_equal(m.base, text, sizeof(text));
	rameti_mapping_release(&m);
	assert_int_equal(rameti_file_close(&f), 0);
}

/* It needs no open file, and what is written stays here. */
static void mapping__is_private(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text();
	static char again[sizeof(text)];

	(void)state;
	assert_int_equal(rameti_mapping_new(&m, &f, 0, sizeof(text), 10, NULL), 0);
	memset(m.base, '#', m.room);
	assert_int_equal(rameti_file_read_at(&f, again, sizeof(again), 0, NULL), sizeof(again));
	assert_memory_equal(again, text, sizeof(text));
	assert_int_equal(rameti_file_close(&f), 0);
	assert_int_equal(unlink(scratch_path("mapped")), 0);
	assert_int_equal(((char *)m.base)[RAMETI_PAGE], '#');
	rameti_mapping_release(&m);
}

static void mapping__may_be_of_nothing(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text();

	(void)state;
	assert_int_equal(rameti_mapping_new(&m, &f, 0, 0, 0, NULL), 0);
	assert_non_null(m.base);
	assert_int_equal(m.len, 0);
	assert_int_equal(m.room, RAMETI_PAGE);
	assert_true(all_zero(m.base, m.room));
	rameti_mapping_release(&m);
	assert_int_equal(rameti_mapping_new(&m, &f, 0, 0, RAMETI_PAGE + 1, NULL), 0);
	assert_int_equal(m.room, 2 * RAMETI_PAGE);
	assert_true(all_zero(m.base, m.room));
	rameti_mapping_release(&m);
	assert_int_equal(rameti_file_close(&f), 0);
}

static void mapping__refuses_what_cannot_be(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text(), none = RAMETI_FILE_INIT;
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_mapping_new(&m, &f, 1, 10, 0, &err), RAMET_EINVAL);
	assert_int_equal(err.code, RAMET_EINVAL);
	assert_int_equal(rameti_mapping_new(&m, &f, (uint64_t)1 << 63, 10, 0, NULL), RAMET_EINVAL);
	assert_int_equal(rameti_mapping_new(&m, &f, 0, SIZE_MAX, 0, NULL), RAMET_EINVAL);
	assert_int_equal(rameti_mapping_new(&m, &f, 0, 1, SIZE_MAX, NULL), RAMET_ENOMEM);
	assert_int_equal(rameti_mapping_new(&m, &f, 0, SIZE_MAX / 2, 0, &err), RAMET_ENOMEM);
	assert_int_equal(rameti_mapping_new(&m, &none, 0, 10, 0, &err), RAMET_EIO);
	assert_int_equal(err.sys, EBADF);
	assert_null(m.base);
	assert_int_equal(m.len + m.room, 0);
	assert_int_equal(rameti_file_close(&f), 0);
}

/* ---- every call fails ---- */

static struct rameti_env env;
static unsigned calls, fail_at;
static long mapped;

static void *counting_mmap(void *user, void *at, size_t len, int prot, int flags, int fd,
			   off_t from)
{
	void *p;

	if (++calls == fail_at) {
		errno = ENODEV;
		return MAP_FAILED;
	}
	p = rameti_env_posix()->mmap(user, at, len, prot, flags, fd, from);
	mapped += p != MAP_FAILED && !at ? (long)len : 0;
	return p;
}

static int counting_munmap(void *user, void *at, size_t len)
{
	mapped -= (long)len;
	return rameti_env_posix()->munmap(user, at, len);
}

static void mapping__leaves_nothing_when_a_call_fails(void **state)
{
	struct rameti_mapping m = RAMETI_MAPPING_INIT;
	struct rameti_file f = open_text();
	int r = -1;

	(void)state;
	env = *rameti_env_posix();
	env.mmap = counting_mmap;
	env.munmap = counting_munmap;
	rameti_env_use(&env);
	for (fail_at = 1; r < 0; fail_at++) {
		calls = 0;
		r = rameti_mapping_new(&m, &f, 0, 100, 100, NULL);
		assert_true(r == 0 || (!m.base && !mapped));
	}
	assert_int_equal(fail_at, 4);
	assert_int_equal(mapped, (long)m.room);
	rameti_mapping_release(&m);
	assert_int_equal(mapped, 0);
	rameti_env_use(NULL);
	assert_int_equal(rameti_file_close(&f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping__begins_in_the_file),
		cmocka_unit_test(mapping__goes_on_in_memory),
		cmocka_unit_test(mapping__is_private),
		cmocka_unit_test(mapping__may_be_of_nothing),
		cmocka_unit_test(mapping__refuses_what_cannot_be),
		cmocka_unit_test(mapping__leaves_nothing_when_a_call_fails),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

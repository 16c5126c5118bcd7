/*
 * source.c: bytes by position, of a file or of memory: all that was asked for, or none and why.
 */
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <unistd.h>

#include "store/source.h"

#define NOT_A_NUMBER 77u

static void read_is(const struct rameti_source *src, size_t len, uint64_t at, const char *text)
{
	char to[16] = "untouched";

	must(rameti_source_read(src, to, len, at, &why));
	assert_memory_equal(to, text, len);
	assert_memory_equal(to + len, &"untouched\0\0\0\0\0\0"[len], sizeof(to) - len);
}

static void source__in_memory_has_what_is_in_it(void **state)
{
	const struct rameti_source src = { RAMETI_FILE_INIT, { "abcdef", 6 }, 6 };
	uint64_t size = NOT_A_NUMBER;
	char to[8];

	(void)state;
	read_is(&src, 6, 0, "abcdef");
	read_is(&src, 2, 4, "ef");
	read_is(&src, 0, 6, "");
	must(rameti_source_size(&src, &size, &why));
	assert_int_equal(size, 6);
	refused(rameti_source_read(&src, to, 1, 6, &why), RAMET_EIO);
	refused(rameti_source_read(&src, to, 7, 0, &why), RAMET_EIO);
	refused(rameti_source_read(&src, to, 0, 7, &why), RAMET_EIO);
	/* no sum of the two may be a small number */
	refused(rameti_source_read(&src, to, SIZE_MAX, 5, &why), RAMET_EIO);
	refused(rameti_source_read(&src, to, 2, UINT64_MAX, &why), RAMET_EIO);
}

static void source__of_nothing_can_be_asked(void **state)
{
	const struct rameti_source src = RAMETI_SOURCE_INIT;
	uint64_t size = NOT_A_NUMBER;
	char to[8];

	(void)state;
	read_is(&src, 0, 0, "");
	must(rameti_source_size(&src, &size, &why));
	assert_int_equal(size, 0);
	refused(rameti_source_read(&src, to, 1, 0, &why), RAMET_EIO);
}

static void source__of_a_file_tells_where_it_ends(void **state)
{
	struct rameti_source src = RAMETI_SOURCE_INIT;
	uint64_t size = NOT_A_NUMBER;
	char *dir = temp_dir_new(), to[8];
	const char *path = temp_path(dir, "f");

	(void)state;
	put(path, "abcdef");
	must(rameti_file_open(&src.file, path, RAMETI_FILE_READ, &why));
	read_is(&src, 6, 0, "abcdef");
	read_is(&src, 2, 3, "de");
	must(rameti_source_size(&src, &size, &why));
	assert_int_equal(size, 6);
	assert_int_equal(truncate(path, 3), 0);
	refused(rameti_source_read(&src, to, 2, 2, &why), RAMET_EIO);
	assert_int_equal(why.offset, 2);
	assert_string_equal(why.text, "the file became shorter while it was read");
	must(rameti_source_size(&src, &size, &why));
	assert_int_equal(size, 3);
	(void)rameti_file_close(&src.file);
	temp_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source__in_memory_has_what_is_in_it),
		cmocka_unit_test(source__of_nothing_can_be_asked),
		cmocka_unit_test(source__of_a_file_tells_where_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

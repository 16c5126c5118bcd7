/*
 * index.c: an index whose head was forged, checksum and all. Whatever it says, opening the session
 * gives a session, and reading all of it ends.
 */
#include "indexed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Where the head's own checksum stands: behind all that it covers. */
static size_t sum_at(struct ramet_bytes index)
{
	size_t at;

	for (at = 60; at + 4 <= index.len && at < 1024; at++) {
		uint32_t crc = rameti_crc32c(0, index.ptr, at);
		const unsigned char *p = (const unsigned char *)index.ptr + at;

		if (crc == ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			    (uint32_t)p[3] << 24))
			return at;
	}
	fail_msg("no checksum in the head");
	return 0;
}

static void put_number(char *to, uint64_t x, unsigned len)
{
	unsigned i;

	for (i = 0; i < len; i++)
		to[i] = (char)(x >> 8 * i);
}

/* The index with a number in its head replaced. */
static void forge(const char *path, const char *whole, size_t len, size_t sum, size_t at,
		  uint64_t x, unsigned width)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, whole, len);
	put_number(copy + at, x, width);
	put_number(copy + sum, rameti_crc32c(0, copy, sum), 4);
	put_bytes(path, (struct ramet_bytes){ copy, len });
	free(copy);
}

static void head__that_was_forged_does_no_harm(void **state)
{
	static const uint64_t numbers[] = { 0, 4096, UINT64_MAX, UINT64_MAX - 4095 };
	char path[4096], *whole;
	struct ramet_bytes index;
	size_t sum, at, len, i;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	(void)snprintf(path, sizeof(path), "%s", indexed_file(indexed_session()));
	index = bytes_of(path);
	len = index.len;
	whole = malloc(len);
	assert_non_null(whole);
	memcpy(whole, index.ptr, len);
	sum = sum_at(index);
	for (at = 8; at + 8 <= sum; at += 4)
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct ramet_session *s = NULL;
			uint32_t row, n;

			forge(path, whole, len, sum, at, numbers[i], 8);
			must(ramet_session_open(&s, indexed_session(), NULL, &why));
			n = ramet_tree_count(ramet_session_tree(s));
			for (row = 0; row < n; row += n / 7 + 1)
				(void)ramet_tree_row(ramet_session_tree(s), row);
			ramet_session_close(s);
		}
	free(whole);
}

static void head__that_is_as_it_was_is_used(void **state)
{
	char path[4096];
	struct ramet_bytes index;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	(void)snprintf(path, sizeof(path), "%s", indexed_file(indexed_session()));
	index = bytes_of(path);
	forge(path, index.ptr, index.len, sum_at(index), 0, (unsigned char)index.ptr[0], 1);
	assert_opens_from_index(indexed_session());
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, indexed_setup, indexed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(head__that_was_forged_does_no_harm),
		CASE(head__that_is_as_it_was_is_used),
	};

	return cmocka_run_group_tests_name("index_hostile", tests, NULL, NULL);
}

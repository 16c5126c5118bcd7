/*
 * test_hash.c - CRC-32C against its definition and its twin, SHA-256, hexadecimal digits.
 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t one_bit_at_a_time(uint32_t seed, const uint8_t *p, size_t len)
{
	uint32_t crc = ~seed;
	int bit;

	for (; len; len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void fill(uint8_t *to, size_t len)
{
	uint64_t random = 88172645463325252u;

	for (; len; len--) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		*to++ = (uint8_t)(random >> 32);
	}
}

static void crc32c__known_values(void **state)
{
	static const uint8_t zeros[32];

	(void)state;
	assert_int_equal(rameti_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(rameti_crc32c_portable(0, "123456789", 9), 0xe3069283);
	assert_int_equal(rameti_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(rameti_crc32c(0, NULL, 0), 0);
	assert_int_equal(rameti_crc32c_portable(0, NULL, 0), 0);
}

static void crc32c__twins_agree_on_all_lengths_and_alignments(void **state)
{
	uint8_t *data = malloc(4096), *exact;
	size_t len, at;
	uint32_t want;

	(void)state;
	fill(data, 4096);
	for (len = 0; len <= 600; len++)
		for (at = 0; at < 16; at++) {
			want = one_bit_at_a_time((uint32_t)len, data + at, len);
			assert_int_equal(rameti_crc32c((uint32_t)len, data + at, len), want);
			assert_int_equal(rameti_crc32c_portable((uint32_t)len, data + at, len),
					 want);
		}
	for (len = 601; len <= 4096; len += 7) {
		exact = malloc(len);             /* reading past the end is an error under ASan */
		memcpy(exact, data, len);
		want = rameti_crc32c_portable(1, exact, len);
		assert_int_equal(rameti_crc32c(1, exact, len), want);
		free(exact);
	}
	free(data);
}

static void crc32c__large_inputs_agree(void **state)
{
	size_t len = 3 * 1024 * 1024 + 13, lens[] = { 3071, 3072, 3073, 6144, 65536, len };
	uint8_t *data = malloc(len);
	size_t i;

	(void)state;
	fill(data, len);
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		assert_int_equal(rameti_crc32c(0, data, lens[i]),
				 rameti_crc32c_portable(0, data, lens[i]));
	free(data);
}

static void crc32c__goes_on_where_it_stopped(void **state)
{
	uint8_t data[1000];
	uint32_t whole;
	size_t cut;

	(void)state;
	fill(data, sizeof(data));
	whole = rameti_crc32c(0, data, sizeof(data));
	for (cut = 0; cut <= sizeof(data); cut++)
		assert_int_equal(rameti_crc32c(rameti_crc32c(0, data, cut), data + cut,
					       sizeof(data) - cut), whole);
}

static void sha256__known_values(void **state)
{
	struct ramet_bytes pieces[3] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	uint8_t out[32];
	char text[65];

	(void)state;
	assert_int_equal(rameti_sha256(pieces, 3, out), 0);
	rameti_hex(out, 32, text);
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(rameti_sha256(NULL, 0, out), 0);
	rameti_hex(out, 32, text);
	assert_string_equal(text,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	rameti_hex(NULL, 0, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c__known_values),
		cmocka_unit_test(crc32c__twins_agree_on_all_lengths_and_alignments),
		cmocka_unit_test(crc32c__large_inputs_agree),
		cmocka_unit_test(crc32c__goes_on_where_it_stopped),
		cmocka_unit_test(sha256__known_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_pack.c - numbers and bytes one after the other, and back; what is cut off is said to be.
 */
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct ramet_bytes bytes(const char *text, size_t len)
{
	return (struct ramet_bytes){ text, len };
}

static void pack__is_little_endian(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(100);

	(void)state;
	rameti_pack_u32(&b, 0x01020304);
	rameti_pack_u64(&b, 0x05060708090a0b0cu);
	rameti_pack_bytes(&b, bytes("a\0c", 3));
	rameti_pack_bytes(&b, bytes(NULL, 0));
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_int_equal(b.len, 4 + 8 + 8 + 3 + 8);
	assert_memory_equal(b.ptr,
			    "\4\3\2\1\14\13\12\11\10\7\6\5\3\0\0\0\0\0\0\0a\0c\0\0\0\0\0\0\0\0",
			    b.len);
	ramet_buf_release(&b);
}

static void pack__comes_back(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 255, 256, 0x7fffffff, 0x80000000,
					    UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, UINT64_MAX };
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	struct rameti_unpack u = { { NULL, 0 }, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		rameti_pack_u32(&b, (uint32_t)numbers[i]);
		rameti_pack_bytes(&b, bytes("some text", i % 10));
		rameti_pack_u64(&b, numbers[i]);
	}
	u.left = ramet_buf_bytes(&b);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct ramet_bytes text;

		assert_int_equal(rameti_unpack_u32(&u), (uint32_t)numbers[i]);
		text = rameti_unpack_bytes(&u);
		assert_true(ramet_bytes_eq(text, bytes("some text", i % 10)));
		assert_true(rameti_unpack_u64(&u) == numbers[i]);
	}
	assert_int_equal(u.left.len, 0);
	assert_int_equal(u.bad, 0);
	ramet_buf_release(&b);
}

/* Cut anywhere: nothing beyond the end is read, and bad stays. */
static void pack__says_when_it_is_cut_off(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(100);
	size_t len;

	(void)state;
	rameti_pack_u32(&b, 7);
	rameti_pack_bytes(&b, bytes("text", 4));
	rameti_pack_u64(&b, 9);
	for (len = 0; len <= b.len; len++) {
		char *copy = ramet_alloc(len ? len : 1);
		struct rameti_unpack u = { { copy, len }, 0 };
		struct ramet_bytes text;
		uint64_t number;

		assert_non_null(copy);
		memcpy(copy, b.ptr, len);
		assert_int_equal(rameti_unpack_u32(&u), len >= 4 ? 7 : 0);
		text = rameti_unpack_bytes(&u);
		assert_int_equal(text.len, len >= 16 ? 4 : 0);
		assert_non_null(text.ptr);
		number = rameti_unpack_u64(&u);
		assert_int_equal(number, len == b.len ? 9 : 0);
		assert_int_equal(u.bad, len < b.len);
		ramet_free(copy);
	}
	ramet_buf_release(&b);
}

static void pack__believes_no_length(void **state)
{
	static const char huge[] = "\377\377\377\377\377\377\377\377text";
	struct rameti_unpack u = { { huge, sizeof(huge) - 1 }, 0 };

	(void)state;
	assert_int_equal(rameti_unpack_bytes(&u).len, 0);
	assert_int_equal(u.bad, 1);
	assert_int_equal(u.left.len, 4);
	/* once bad, nothing more is given */
	assert_int_equal(rameti_unpack_u32(&u), 0);
	assert_int_equal(u.left.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pack__is_little_endian),
		cmocka_unit_test(pack__comes_back),
		cmocka_unit_test(pack__says_when_it_is_cut_off),
		cmocka_unit_test(pack__believes_no_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

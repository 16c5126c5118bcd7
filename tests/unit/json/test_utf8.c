/*
 * test_utf8.c - UTF-8 against a definition written down once more, all versions, all sequences of
 * interesting bytes at block borders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "json/index_priv.h"
#include "random_json.h"

/* Decode by the book: the code point decides, not byte ranges. */
static int valid_by_the_book(const unsigned char *s, size_t len)
{
	size_t i = 0, k, n;

	while (i < len) {
		uint32_t c = s[i];

		n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
		if (!n || i + n > len)
			return 0;
		c = n == 1 ? c : c & (0x7fu >> n);
		for (k = 1; k < n; k++) {
			if (s[i + k] >> 6 != 2)
				return 0;
			c = c << 6 | (s[i + k] & 0x3f);
		}
		if ((n == 2 && c < 0x80) || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) ||
		    c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		i += n;
	}
	return 1;
}

static void check(const unsigned char *s, size_t len)
{
	int want = valid_by_the_book(s, len);

	assert_int_equal(rameti_utf8_valid_plain((const char *)s, len), want);
	assert_int_equal(rameti_utf8_valid((struct ramet_bytes){ (const char *)s, len }), want);
}

static void utf8__four_bytes_are_judged_right_at_every_border(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
					       0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
					       0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	static const size_t at[] = { 0, 13, 28, 29, 30, 31, 32, 61, 63, 64 };
	const size_t n = sizeof(bytes);
	unsigned char text[80];
	size_t i, k;

	(void)state;
	for (k = 0; k < sizeof(at) / sizeof(*at); k++)
		for (i = 0; i < n * n * n * n; i++) {
			memset(text, 'x', sizeof(text));
			text[at[k]] = bytes[i % n];
			text[at[k] + 1] = bytes[i / n % n];
			text[at[k] + 2] = bytes[i / n / n % n];
			text[at[k] + 3] = bytes[i / n / n / n];
			check(text, k & 1 ? sizeof(text) : at[k] + 4);
		}
}

static void utf8__random_text_is_judged_right(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	struct rng r = { 5 };
	int i;

	(void)state;
	for (i = 0; i < 30000; i++) {
		ramet_buf_reset(&b);
		random_value(&r, &b, 1);
		if (rng_next(&r, 2))
			damage(&r, &b);
		if (b.len)
			check((unsigned char *)b.ptr, b.len);
	}
	ramet_buf_release(&b);
}

static void check_replaced(const char *bad, const char *good)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);

	rameti_utf8_add(&b, ramet_bytes_of(bad));
	assert_string_equal(b.ptr, good);
	ramet_buf_release(&b);
}

#define FFFD "\xef\xbf\xbd"

static void utf8__bad_sequences_are_replaced_as_javascript_does(void **state)
{
	(void)state;
	check_replaced("a\xff" "b", "a" FFFD "b");
	check_replaced("\xc3", FFFD);
	check_replaced("\xe2\x82", FFFD);
	check_replaced("\xe2\x82" "a", FFFD "a");
	check_replaced("\xf0\x9f\x98", FFFD);
	check_replaced("\xed\xa0\x80", FFFD FFFD FFFD);
	check_replaced("\xc0\xaf", FFFD FFFD);
	check_replaced("\xf0\x80\x80\x80", FFFD FFFD FFFD FFFD);
	check_replaced("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);
	check_replaced("\xf0\x9f\x98\x80\x80", "\xf0\x9f\x98\x80" FFFD);
}

static void utf8__utf16_length_counts_units(void **state)
{
	(void)state;
	assert_int_equal(rameti_utf16_len(ramet_bytes_of("")), 0);
	assert_int_equal(rameti_utf16_len(ramet_bytes_of("a\xc3\xa9\xe2\x82\xac")), 3);
	assert_int_equal(rameti_utf16_len(ramet_bytes_of("\xf0\x9f\x98\x80")), 2);
	assert_int_equal(rameti_utf16_len(ramet_bytes_of("\xed\xa0\x80")), 1);
}

/* All that JavaScript's trim() takes away, and one that it does not (U+200B). */
static void utf8__trims_as_javascript_does(void **state)
{
	static const char *const spaces[] = {
		"\t", "\n", "\v", "\f", "\r", " ", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80",
		"\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
		"\xe3\x80\x80", "\xef\xbb\xbf",
	};
	struct ramet_buf b = RAMET_BUF_INIT(1024);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		ramet_buf_add_str(&b, spaces[i]);
	assert_int_equal(rameti_utf8_trim(ramet_buf_bytes(&b)).len, 0);
	ramet_buf_add_str(&b, "a \xe2\x80\x8b");
	for (i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		ramet_buf_add_str(&b, spaces[i]);
	assert_true(ramet_bytes_is(rameti_utf8_trim(ramet_buf_bytes(&b)), "a \xe2\x80\x8b"));
	assert_int_equal(rameti_utf8_trim(ramet_bytes_of("")).len, 0);
	ramet_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8__four_bytes_are_judged_right_at_every_border),
		cmocka_unit_test(utf8__random_text_is_judged_right),
		cmocka_unit_test(utf8__bad_sequences_are_replaced_as_javascript_does),
		cmocka_unit_test(utf8__utf16_length_counts_units),
		cmocka_unit_test(utf8__trims_as_javascript_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

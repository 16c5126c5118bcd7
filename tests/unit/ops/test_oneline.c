/* Tests of ops/oneline.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "ops/oneline_priv.h"

static void assert_line(const char *text, size_t text_len, size_t max_len, const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(1000);
	struct rameti_oneline l;
	struct ramet_bytes bytes = { text, text_len };

	rameti_oneline_init(&l, &out, max_len);
	rameti_oneline_add(&l, bytes);
	assert_true(out.len <= max_len);
	assert_string_equal(ramet_buf_bytes(&out).ptr, expected);
	ramet_buf_release(&out);
}
#define LINE(text, expected) assert_line(text, sizeof(text) - 1, 1000, expected)
#define CUT(text, max_len, expected) assert_line(text, sizeof(text) - 1, max_len, expected)

static void oneline__folds_white_space(void **state)
{
	(void)state;
	LINE("", "");
	LINE(" \n\t ", "");
	LINE("  a \r\n\t b\v\fc  ", "a b c");
	LINE("a\xc2\xa0\xe2\x80\x83\xe2\x80\xa8\xe2\x80\xa9\xe3\x80\x80\xef\xbb\xbf"
	     "b",
	     "a b");
}

static void oneline__neutralises_controls(void **state)
{
	(void)state;
	LINE("\x1b[31mred\x1b[0m", "[31mred [0m");
	LINE("a\0b\x7f"
	     "c\x07\x08"
	     "d",
	     "a b c d");
	LINE("x\xc2\x9b"
	     "31my\xc2\x80z",
	     "x 31my z");
	LINE("\x1b]0;title\x07\x1b]8;;http://x\x1b\\", "]0;title ]8;;http://x \\");
}

static void oneline__neutralises_direction_changes(void **state)
{
	(void)state;
	LINE("a\xe2\x80\xae"
	     "b\xe2\x80\xaa\xe2\x81\xa6"
	     "c\xe2\x81\xa9",
	     "a b c");
}

static void oneline__keeps_characters(void **state)
{
	(void)state;
	LINE("\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xe2\x80\x8d",
	     "\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xe2\x80\x8d");
}

static void oneline__replaces_what_is_no_character(void **state)
{
	(void)state;
	LINE("a\xff"
	     "b",
	     "a\xef\xbf\xbd"
	     "b");
	LINE("a\xed\xa0\xbd"
	     "b",
	     "a\xef\xbf\xbd"
	     "b");
	LINE("\xe2\x82", "\xef\xbf\xbd");
	LINE("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
}

static void oneline__cuts_between_characters(void **state)
{
	(void)state;
	CUT("abc", 0, "");
	CUT("abc", 2, "ab");
	CUT("abc", 3, "abc");
	CUT("a bc", 2, "a");
	CUT("a\xe6\xbc\xa2"
	    "b",
	    3, "a");
	CUT("a\xe6\xbc\xa2"
	    "b",
	    4, "a\xe6\xbc\xa2");
	CUT("ab \xe6\xbc\xa2", 5, "ab");
}

static void oneline__joins_pieces(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(1000);
	struct rameti_oneline l;

	(void)state;
	rameti_oneline_init(&l, &out, 6);
	rameti_oneline_add_str(&l, " a ");
	rameti_oneline_add_str(&l, " b");
	rameti_oneline_add_str(&l, ": ");
	assert_string_equal(out.ptr, "a b:");
	rameti_oneline_add_str(&l, "cd");
	assert_string_equal(out.ptr, "a b: c");
	assert_true(l.full);
	rameti_oneline_add_str(&l, "e");
	assert_string_equal(out.ptr, "a b: c");
	ramet_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oneline__folds_white_space),
		cmocka_unit_test(oneline__neutralises_controls),
		cmocka_unit_test(oneline__neutralises_direction_changes),
		cmocka_unit_test(oneline__keeps_characters),
		cmocka_unit_test(oneline__replaces_what_is_no_character),
		cmocka_unit_test(oneline__cuts_between_characters),
		cmocka_unit_test(oneline__joins_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of cli/text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "cli/text.h"

#define BUF RAMET_BUF_INIT(1u << 20)

static void assert_line(const char *text, size_t len, size_t max, const char *expected,
			size_t cells)
{
	struct ramet_buf out = BUF;

	ramet_buf_add_str(&out, "");
	assert_int_equal(text_add_line(&out, (struct ramet_bytes){ text, len }, max), cells);
	assert_string_equal(out.ptr ? out.ptr : "", expected);
	ramet_buf_release(&out);
}
#define LINE(text, expected, cells) assert_line(text, sizeof(text) - 1, TEXT_ALL, expected, cells)
#define CUT(text, max, expected, cells) assert_line(text, sizeof(text) - 1, max, expected, cells)

static void text__is_one_line_without_outer_blanks(void **state)
{
	(void)state;
	LINE("", "", 0);
	LINE("  a \r\n\t b\v\fc  ", "a b c", 5);
	LINE("a\xc2\x85"
	     "b\xe2\x80\xa8"
	     "c",
	     "a b c", 5);
}

static void text__shows_what_a_terminal_would_obey(void **state)
{
	(void)state;
	LINE("\033[31mred\a", "␛[31mred␇", 9);
	LINE("a\0b\x7f", "a␀b␡", 4);
	LINE("\xc2\x9b"
	     "2J",
	     "�2J", 3);
	LINE("x\xe2\x80\xae"
	     "gpj.exe",
	     "x�gpj.exe", 9);
	LINE("a\xe2\x81\xa6"
	     "b\xe2\x81\xa9",
	     "a�b�", 4);
}

static void text__leaves_out_what_nobody_sees(void **state)
{
	(void)state;
	LINE("a\xe2\x80\x8b"
	     "b\xef\xbb\xbf\xc2\xad\xe2\x80\x8f"
	     "c",
	     "abc", 3);
	LINE("\xf3\xa0\x81\xa1"
	     "x",
	     "x", 1);
}

static void text__measures_wide_and_marked_characters(void **state)
{
	(void)state;
	LINE("日本", "日本", 4);
	LINE("e\xcc\x81t\xc3\xa9", "e\xcc\x81t\xc3\xa9", 3);
	LINE("🚀x", "🚀x", 3);
	LINE("o\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81z",
	     "o\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81z", 2);
}

static void text__replaces_what_is_not_utf8(void **state)
{
	(void)state;
	LINE("a\xff\xfe"
	     "b",
	     "a��b", 4);
	LINE("\xed\xa0\x80"
	     "x",
	     "�x", 2);
	LINE("\xe2\x82", "��", 2);
	LINE("\xc0\xaf\xf8", "���", 3);
	LINE("\xf4\x90\x80\x80", "����", 4);
}

static void text__cuts_at_cells(void **state)
{
	(void)state;
	CUT("abcdef", 6, "abcdef", 6);
	CUT("abcdefg", 6, "abcde…", 6);
	CUT("abc", 1, "…", 1);
	CUT("a", 1, "a", 1);
	CUT("abc", 0, "", 0);
	CUT("日本語", 5, "日本…", 5);
	CUT("日本語", 4, "日…", 3);
	CUT("ab cd", 3, "ab…", 3);
	CUT("ab   ", 2, "ab", 2);
}

static void text__keeps_the_end_of_a_path(void **state)
{
	struct ramet_buf out = BUF;

	(void)state;
	assert_int_equal(text_add_path(&out, ramet_bytes_of("/a/bc/def"), 9), 9);
	assert_string_equal(out.ptr, "/a/bc/def");
	ramet_buf_reset(&out);
	assert_int_equal(text_add_path(&out, ramet_bytes_of("/a/bc/def"), 5), 5);
	assert_string_equal(out.ptr, "…/def");
	ramet_buf_reset(&out);
	assert_int_equal(text_add_path(&out, ramet_bytes_of("/a/bc/def"), 7), 5);
	assert_string_equal(out.ptr, "…/def");
	ramet_buf_reset(&out);
	assert_int_equal(text_add_path(&out, ramet_bytes_of("/a/bcdefgh/"), 6), 6);
	assert_string_equal(out.ptr, "…efgh/");
	ramet_buf_reset(&out);
	assert_int_equal(text_add_path(&out, ramet_bytes_of("a\nb  c"), 9), 6);
	assert_string_equal(out.ptr, "a␊b  c");
	ramet_buf_reset(&out);
	assert_int_equal(text_add_path(&out, ramet_bytes_of("日本"), 3), 3);
	assert_string_equal(out.ptr, "…本");
	ramet_buf_release(&out);
}

static void text__fills_cells(void **state)
{
	struct ramet_buf out = BUF;

	(void)state;
	text_add_cell(&out, ramet_bytes_of("ab"), 4, 0);
	text_add_cell(&out, ramet_bytes_of("ab"), 4, 1);
	text_add_cell(&out, ramet_bytes_of("日本語"), 4, 0);
	text_add_cell(&out, ramet_bytes_of("abcdef"), 4, 1);
	assert_string_equal(out.ptr, "ab    ab日… abc…");
	ramet_buf_release(&out);
}

static void assert_wrapped(const char *text, size_t cells, const char *expected)
{
	struct ramet_bytes rest = ramet_bytes_of(text);
	struct ramet_buf out = BUF;

	while (text_next_line(&rest, cells, &out))
		ramet_buf_add_char(&out, '|');
	assert_string_equal(out.ptr, expected);
	ramet_buf_release(&out);
}

static void text__wraps_at_blanks(void **state)
{
	(void)state;
	assert_wrapped("one two three", 8, "one two|three|");
	assert_wrapped("one two three", 7, "one two|three|");
	assert_wrapped("one two three", 5, "one|two|three|");
	assert_wrapped("    indented x", 13, "    indented|x|");
	assert_wrapped("abcdefgh", 3, "abc|def|gh|");
	assert_wrapped("a\r\n\r\nb\n", 9, "a||b|");
	assert_wrapped("a\tb\033", 9, "a   b␛|");
	assert_wrapped("日本語", 1, "日|本|語|");
	assert_wrapped("a\rb", 9, "a␍b|");
}

static void text__makes_json_safe_and_equal(void **state)
{
	struct ramet_buf out = BUF;

	(void)state;
	text_add_json(&out, ramet_bytes_of("{\"a\":\"\xc2\x9b\x7f\xe2\x80\xae é日\\u001b\"}\n"));
	assert_string_equal(out.ptr, "{\"a\":\"\\u009b\\u007f\\u202e é日\\u001b\"}\n");
	ramet_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text__is_one_line_without_outer_blanks),
		cmocka_unit_test(text__shows_what_a_terminal_would_obey),
		cmocka_unit_test(text__leaves_out_what_nobody_sees),
		cmocka_unit_test(text__measures_wide_and_marked_characters),
		cmocka_unit_test(text__replaces_what_is_not_utf8),
		cmocka_unit_test(text__cuts_at_cells),
		cmocka_unit_test(text__keeps_the_end_of_a_path),
		cmocka_unit_test(text__fills_cells),
		cmocka_unit_test(text__wraps_at_blanks),
		cmocka_unit_test(text__makes_json_safe_and_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

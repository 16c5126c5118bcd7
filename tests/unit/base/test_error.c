/*
 * test_error.c - filling and printing errors.
 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void error__fail_returns_the_code_and_fills_everything(void **state)
{
	struct ramet_error err;

	(void)state;
	memset(&err, 'x', sizeof(err));
	assert_int_equal(rameti_fail(&err, RAMET_EJSON, "bad %s at %d", "escape", 7), RAMET_EJSON);
	assert_int_equal(err.code, RAMET_EJSON);
	assert_int_equal(err.sys, 0);
	assert_int_equal(err.line, 0);
	assert_true(err.offset == RAMET_NO_OFFSET);
	assert_string_equal(err.text, "bad escape at 7");
	assert_string_equal(err.path, "");
}

static void error__null_err_is_fine(void **state)
{
	(void)state;
	assert_int_equal(rameti_fail(NULL, RAMET_EINVAL, "x"), RAMET_EINVAL);
	assert_int_equal(rameti_fail_at(NULL, RAMET_EIO, "p", 1, 2, "x"), RAMET_EIO);
	assert_int_equal(rameti_fail_sys(NULL, ENOENT, "p", "x"), RAMET_ENOTFOUND);
	assert_int_equal(rameti_fail_nomem(NULL), RAMET_ENOMEM);
	rameti_error_set_path(NULL, "p");
}

static void error__errno_becomes_a_code(void **state)
{
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_fail_sys(&err, ENOENT, "/a", "cannot open"), RAMET_ENOTFOUND);
	assert_string_equal(err.text, "cannot open: no such file or directory");
	assert_string_equal(err.path, "/a");
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(rameti_fail_sys(&err, ENOTDIR, "/a", "x"), RAMET_ENOTFOUND);
	assert_int_equal(rameti_fail_sys(&err, ENOMEM, "/a", "x"), RAMET_ENOMEM);
	assert_int_equal(rameti_fail_sys(&err, EACCES, NULL, "x"), RAMET_EIO);
	assert_string_equal(err.path, "");
}

static void error__text_is_one_line_of_whole_characters(void **state)
{
	struct ramet_error err;
	char text[400];

	(void)state;
	rameti_fail(&err, RAMET_EINVAL, "a\nb\tc");
	assert_string_equal(err.text, "a?b?c");
	memset(text, 'a', sizeof(text));
	memcpy(text + 253, "\xe2\x82\xac\xe2\x82\xac", 6);
	text[300] = '\0';
	rameti_fail(&err, RAMET_EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), 253);
	memcpy(text + 252, "\xe2\x82\xac", 3);
	rameti_fail(&err, RAMET_EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), 255);
}

static void error__a_long_path_keeps_its_end(void **state)
{
	struct ramet_error err;
	char path[3000];

	(void)state;
	memset(path, 'd', sizeof(path));
	memcpy(path + sizeof(path) - 10, "/file.txt", 10);
	rameti_fail_at(&err, RAMET_EIO, path, 0, RAMET_NO_OFFSET, "x");
	assert_int_equal(strlen(err.path), RAMET_ERROR_PATH - 1);
	assert_string_equal(err.path + strlen(err.path) - 9, "/file.txt");
	memcpy(path + sizeof(path) - RAMET_ERROR_PATH - 1, "\xe2\x82\xac", 3);
	rameti_fail_at(&err, RAMET_EIO, path, 0, RAMET_NO_OFFSET, "x");
	assert_int_equal(err.path[0], 'd');
}

static void error__set_path_keeps_the_first(void **state)
{
	struct ramet_error err;

	(void)state;
	rameti_fail(&err, RAMET_EIO, "x");
	rameti_error_set_path(&err, "one");
	rameti_error_set_path(&err, "two");
	assert_string_equal(err.path, "one");
}

static void error__print_leaves_out_what_is_not_known(void **state)
{
	struct ramet_error err;
	char out[64], tiny[5];

	(void)state;
	rameti_fail_at(&err, RAMET_EFORMAT, "a.jsonl", 3, 120, "not an object");
	ramet_error_print(&err, out, sizeof(out));
	assert_string_equal(out, "a.jsonl:3: not an object (offset 120)");
	ramet_error_print(&err, tiny, sizeof(tiny));
	assert_string_equal(tiny, "a.js");
	ramet_error_print(&err, tiny, 0);
	rameti_fail_at(&err, RAMET_EFORMAT, NULL, 3, RAMET_NO_OFFSET, "x");
	ramet_error_print(&err, out, sizeof(out));
	assert_string_equal(out, "line 3: x");
	rameti_fail_at(&err, RAMET_EFORMAT, "a\nb", 0, RAMET_NO_OFFSET, "%s", "");
	ramet_error_print(&err, out, sizeof(out));
	assert_string_equal(out, "a?b: EFORMAT");
}

static void error__every_code_has_a_name(void **state)
{
	int code;

	(void)state;
	for (code = RAMET_EJSON; code <= RAMET_OK; code++)
		assert_string_not_equal(ramet_code_name(code), "E?");
	assert_string_equal(ramet_code_name(-99), "E?");
	assert_string_equal(ramet_code_name(RAMET_ENOTFOUND), "ENOTFOUND");
	assert_string_equal(ramet_version(), RAMET_VERSION);
}

static void error__text_that_cannot_be_made_is_no_text(void **state)
{
	struct ramet_error err;

	(void)state;
	memset(&err, 'x', sizeof(err));
	/* no such character in the C locale */
	assert_int_equal(rameti_fail(&err, RAMET_EINVAL, "a %ls", L"\xd800"), RAMET_EINVAL);
	assert_string_equal(err.text, "");
	assert_int_equal(err.code, RAMET_EINVAL);
}

static void error__is_cut_between_characters_only(void **state)
{
	struct ramet_error err;
	char text[400], path[2 * RAMET_ERROR_PATH];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 252, "\xf0\x9f\x98\x80", 4);
	text[300] = '\0';
	rameti_fail(&err, RAMET_EINVAL, "%s\x7f", text);
	assert_int_equal(strlen(err.text), 252);
	memset(text, 0x80, 300);                         /* no characters at all */
	rameti_fail(&err, RAMET_EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), 255);
	ramet_error_print(&err, text, 3);
	assert_string_equal(text, "\x80\x80");
	rameti_fail(&err, RAMET_EINVAL, "\x7f");
	assert_string_equal(err.text, "?");
	memset(path, 0x80, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	rameti_fail_at(&err, RAMET_EIO, path, 0, RAMET_NO_OFFSET, "x");
	assert_string_equal(err.path, "");
}

static void error__names_keep_their_capitals(void **state)
{
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_fail_sys(&err, EDOTDOT, NULL, "x"), RAMET_EIO);
	assert_string_equal(err.text, "x: RFS specific error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error__fail_returns_the_code_and_fills_everything),
		cmocka_unit_test(error__null_err_is_fine),
		cmocka_unit_test(error__errno_becomes_a_code),
		cmocka_unit_test(error__text_is_one_line_of_whole_characters),
		cmocka_unit_test(error__a_long_path_keeps_its_end),
		cmocka_unit_test(error__set_path_keeps_the_first),
		cmocka_unit_test(error__print_leaves_out_what_is_not_known),
		cmocka_unit_test(error__every_code_has_a_name),
		cmocka_unit_test(error__text_that_cannot_be_made_is_no_text),
		cmocka_unit_test(error__is_cut_between_characters_only),
		cmocka_unit_test(error__names_keep_their_capitals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

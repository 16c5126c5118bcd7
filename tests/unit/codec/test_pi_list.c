#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/pi_list.h"
#include "failing.h"

#define HEADER_MS 1767225600000
#define HEADER "{\"type\":\"session\",\"version\":3,\"id\":\"s\"," \
	"\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/w\"}\n"
#define ENTRY_MS 1767312000000
#define MESSAGE(role, rest) "{\"type\":\"message\",\"id\":\"m\",\"parentId\":null," \
	"\"timestamp\":\"2026-01-02T00:00:00.000Z\",\"message\":{\"role\":\"" role "\"" rest "}}\n"
#define USER(content, time) MESSAGE("user", ",\"content\":" content ",\"timestamp\":" time)

/* Read text as a whole file, in pieces of at most `lines` lines. */
static void read_bytes(struct rameti_pi_list *l, const char *text, size_t len, int lines)
{
	struct ramet_bytes piece = { text, 0 };
	const char *end = text + len, *newline;
	size_t used;
	int i;

	assert_int_equal(rameti_pi_list_init(l, 1, NULL), 0);
	for (; piece.ptr < end && l->state != RAMETI_PI_LIST_OTHER; piece.ptr += piece.len) {
		for (piece.len = 0, i = 0; i < lines && piece.ptr + piece.len < end; i++) {
			newline = memchr(piece.ptr + piece.len, '\n',
					 (size_t)(end - piece.ptr) - piece.len);
			piece.len = (size_t)((newline ? newline + 1 : end) - piece.ptr);
		}
		used = 0;
		if (l->state == RAMETI_PI_LIST_LOOKING)
			assert_int_equal(rameti_pi_list_header(l, piece, &used, NULL), 0);
		if (l->state == RAMETI_PI_LIST_SESSION) {
			struct ramet_bytes rest = { piece.ptr + used, piece.len - used };

			assert_int_equal(rameti_pi_list_lines(l, rest, NULL), 0);
		}
	}
}

static void read_text(struct rameti_pi_list *l, const char *text)
{
	read_bytes(l, text, strlen(text), 1000);
}

static void is_other(const char *text)
{
	struct rameti_pi_list l;

	read_text(&l, text);
	assert_int_not_equal(l.state, RAMETI_PI_LIST_SESSION);
	rameti_pi_list_release(&l);
}

static const char *text_of(const struct ramet_buf *b)
{
	return ramet_buf_bytes(b).ptr;
}

static void says(const char *text, uint64_t count, const char *first, const char *all,
		 int64_t modified)
{
	struct rameti_pi_list l;

	read_text(&l, text);
	assert_int_equal(l.state, RAMETI_PI_LIST_SESSION);
	assert_int_equal(l.message_count, count);
	assert_string_equal(text_of(&l.first_message), first);
	assert_string_equal(text_of(&l.all_text), all);
	assert_int_equal(rameti_pi_list_modified(&l, 77), modified);
	rameti_pi_list_release(&l);
}

static void pi_list__first_parsed_value_decides(void **state)
{
	(void)state;
	says(HEADER, 0, "", "", HEADER_MS);
	says("garbage\n\n  \n{\"type\":\"ses\nnull\nfalse\n0\n-0\n0.0e5\n\"\"\n" HEADER, 0, "", "",
	     HEADER_MS);
	is_other("");
	is_other("\n \n");
	is_other("{oops\n");
	is_other("{\"type\":\"other\"}\n" HEADER);
	is_other("5\n" HEADER);
	is_other("\"x\"\n" HEADER);
	is_other("[]\n" HEADER);
	is_other("true\n" HEADER);
	is_other("{}\n" HEADER);
}

static void pi_list__header_needs_a_text_id(void **state)
{
	struct rameti_pi_list l;

	(void)state;
	is_other("{\"type\":\"session\",\"id\":5}\n");
	is_other("{\"type\":\"session\"}\n");
	read_text(&l, "{\"type\":\"session\",\"id\":\"\"}");
	assert_int_equal(l.state, RAMETI_PI_LIST_SESSION);
	assert_string_equal(text_of(&l.id), "");
	assert_int_equal(l.has_cwd, 0);
	assert_int_equal(l.has_parent_session, 0);
	rameti_pi_list_release(&l);
}

static void pi_list__reads_the_header(void **state)
{
	struct rameti_pi_list l;

	(void)state;
	read_text(&l, "{ \"t\\u0079pe\" : \"sess\\u0069on\", \"id\":\"x\", \"id\":\"\\u00e9\","
		      "\"timestamp\":\"2026-01-01\",\"cwd\":\"/\\ud83d\\ude80\","
		      "\"parentSession\":\"/p\"} \r\n"
		      "{\"type\":\"session\",\"id\":\"second\",\"cwd\":\"/no\"}\n");
	assert_string_equal(text_of(&l.id), "\xc3\xa9");
	assert_string_equal(text_of(&l.cwd), "/\xf0\x9f\x9a\x80");
	assert_string_equal(text_of(&l.parent_session), "/p");
	assert_int_equal(l.created_ms, HEADER_MS);
	rameti_pi_list_release(&l);
}

static void pi_list__takes_a_byte_order_mark_at_the_start_only(void **state)
{
	(void)state;
	says("\xef\xbb\xbf" HEADER "\xef\xbb\xbf" USER("\"x\"", "5"), 0, "", "", HEADER_MS);
}

static void pi_list__counts_messages_of_every_role(void **state)
{
	(void)state;
	says(HEADER USER("\"a\"", "5") MESSAGE("toolResult", ",\"content\":\"t\"")
	     MESSAGE("strange", "") MESSAGE("system", ",\"content\":null")
	     "{\"type\":\"message\"}\n{\"type\":\"message\",\"message\":5}\n"
	     "{\"type\":\"custom_message\",\"content\":\"c\"}\n"
	     "{\"message\":{\"role\":\"user\",\"content\":\"no type\"}}\n[1]\n5\n{}\n",
	     6, "a", "a", 5);
}

static void pi_list__skips_lines_that_do_not_parse(void **state)
{
	(void)state;
	says(HEADER USER("\"a\"", "5") "{\"type\":\"message\",\"id\":\"m\",\"mess\n"
	     "{\"type\":\"message\",}\n{'type':'message'}\n\xff\xfe\n"
	     "{\"type\":\"message\"}{\"type\":\"message\"}\n"
	     "{\"type\":\"message\",\"x\":\"\x01\"}\n" USER("\"b\"", "6")
	     "{\"type\":\"message\",\"parentId\":nul", 2, "a", "a b", 6);
}

static void pi_list__splits_at_newline_only(void **state)
{
	(void)state;
	says(HEADER USER("\"a\xe2\x80\xa8" "b\xe2\x80\xa9" "c\"", "5") "\r\n",
	     1, "a\xe2\x80\xa8" "b\xe2\x80\xa9" "c", "a\xe2\x80\xa8" "b\xe2\x80\xa9" "c", 5);
	is_other("{\"type\":\"session\",\"id\":\"s\"}\r{\"type\":\"message\"}\r");
}

static void pi_list__joins_text_blocks(void **state)
{
	(void)state;
	says(HEADER USER("[{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"a\"},7,null,"
			 "{\"type\":\"text\",\"text\":\"b\\n\"}]", "5")
	     MESSAGE("assistant", ",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\"},"
		     "{\"type\":\"text\",\"text\":\"c\"}],\"timestamp\":4"),
	     2, "a b\n", "a b\n c", 5);
	says(HEADER USER("[{\"type\":\"text\"},{\"type\":\"text\",\"text\":\"q\"}]", "5"),
	     1, " q", " q", 5);
	says(HEADER USER("[]", "1") USER("\"\"", "2") USER("\"  \"", "3") USER("\"b\"", "4"),
	     4, "  ", "   b", 4);
}

static void pi_list__keeps_sessions_with_odd_content(void **state)
{
	(void)state;
	says(HEADER USER("null", "9") USER("5", "5") USER("{\"type\":\"text\"}", "6")
	     MESSAGE("assistant", ",\"timestamp\":99") USER("\"x\"", "7"),
	     5, "x", "x", 9);
}

static void pi_list__first_message_is_the_users(void **state)
{
	(void)state;
	says(HEADER MESSAGE("assistant", ",\"content\":\"hi\",\"timestamp\":3")
	     USER("\"me\"", "2"), 2, "me", "hi me", 3);
}

static void pi_list__modified_is_the_last_talk(void **state)
{
	(void)state;
	says(HEADER MESSAGE("user", ",\"content\":\"a\""), 1, "a", "a", ENTRY_MS);
	says(HEADER USER("\"a\"", "\"2026-01-03\""), 1, "a", "a", ENTRY_MS);
	says(HEADER USER("\"a\"", "1767000000000.9"), 1, "a", "a", 1767000000000);
	says(HEADER USER("\"a\"", "12e2"), 1, "a", "a", 1200);
	says(HEADER USER("\"a\"", "-5") USER("\"b\"", "0"), 2, "a", "a b", HEADER_MS);
	says(HEADER USER("\"a\"", "1e400"), 1, "a", "a", RAMET_TIME_NONE);
	says(HEADER USER("\"a\"", "9e15"), 1, "a", "a", RAMET_TIME_NONE);
	says(HEADER "{\"type\":\"message\",\"timestamp\":1767000000000,"
	     "\"message\":{\"role\":\"user\",\"content\":\"a\"}}\n", 1, "a", "a", 1767000000000);
	says(HEADER "{\"type\":\"message\",\"timestamp\":\"bad\","
	     "\"message\":{\"role\":\"user\",\"content\":\"a\"}}\n", 1, "a", "a", HEADER_MS);
	says(HEADER MESSAGE("toolResult", ",\"content\":\"a\",\"timestamp\":1888888888888"),
	     1, "", "", HEADER_MS);
	says("{\"type\":\"session\",\"id\":\"s\",\"timestamp\":\"nonsense\"}", 0, "", "", 77);
	says("{\"type\":\"session\",\"id\":\"s\",\"timestamp\":1767000000000}", 0, "", "", 77);
}

static void is_named(const char *lines, const char *name)
{
	struct rameti_pi_list l;
	char text[4096];

	(void)snprintf(text, sizeof(text), HEADER "%s", lines);
	read_text(&l, text);
	assert_string_equal(text_of(&l.name), name);
	rameti_pi_list_release(&l);
}

static void pi_list__last_name_counts(void **state)
{
	(void)state;
	is_named("", "");
	is_named("{\"type\":\"session_info\",\"name\":\"a\"}\n"
		 "{\"type\":\"session_info\",\"name\":\" \\tb c\\n\"}\n", "b c");
	is_named("{\"type\":\"session_info\",\"name\":\"a\"}\n"
		 "{\"type\":\"session_info\",\"name\":\"  \"}\n", "");
	is_named("{\"type\":\"session_info\",\"name\":\"a\"}\n{\"type\":\"session_info\"}\n", "");
	is_named("{\"type\":\"session_info\",\"name\":\"a\"}\n"
		 "{\"type\":\"session_info\",\"name\":null}\n", "");
	is_named("{\"type\":\"session_info\",\"name\":\"a\"}\n"
		 "{\"type\":\"session_info\",\"name\":5}\n", "a");
	is_named("{\"type\":\"session_info\",\"name\":\"\\ufeff\\u2028\\u00a0\\u0085 x "
		 "\\u3000\\u180e\\u1680\"}\n", "\xc2\x85 x \xe3\x80\x80\xe1\xa0\x8e");
	is_named("{\"name\":\"z\",\"type\":\"session_info\"}\n", "z");
	is_named("{\"type\":\"session_\\u0069nfo\",\"name\":\"z\"}\n", "z");
}

static void pi_list__reads_types_in_any_place_and_spelling(void **state)
{
	(void)state;
	says(HEADER "{\"message\":{\"content\":\"a\",\"role\":\"\\u0075ser\"},\"timestamp\":1,"
	     "\"type\":\"mess\\u0061ge\"}\n"
	     "{\"type\":\"custom\",\"customType\":\"x\",\"data\":{\"type\":\"message\"}}\n"
	     "{\"type\":\"from_the_future\",\"id\":\"a\",\"parentId\":null,\"timestamp\":\"t\","
	     "\"x\":{\"type\":\"message\"}}\n"
	     "{\"id\":\"m\",\"type\":\"custom\",\"type\":\"message\"}\n"
	     "{\"type\":\"me\\u0073sage\",\"id\":\"m\",\"parentId\":null,\"timestamp\":\"t\"}\n",
	     3, "a", "a", 1);
}

static void pi_list__keeps_surrogates_and_replaces_bad_utf8(void **state)
{
	(void)state;
	says(HEADER USER("\"x\\ud83dy \xff\xe2\x82z\"", "1"), 1,
	     "x\xed\xa0\xbdy \xef\xbf\xbd\xef\xbf\xbdz",
	     "x\xed\xa0\xbdy \xef\xbf\xbd\xef\xbf\xbdz", 1);
}

static void pi_list__pieces_make_no_difference(void **state)
{
	static const char text[] = "x\n\n" HEADER USER("\"a\"", "5") "bad\n"
		"{\"type\":\"session_info\",\"name\":\"n\"}\n" USER("\"b\"", "6")
		"{\"type\":\"model_change\",\"id\":\"a\",\"parentId\":null,\"timestamp\":\"t\"}";
	struct rameti_pi_list l;
	int lines;

	(void)state;
	for (lines = 1; lines < 8; lines++) {
		read_bytes(&l, text, sizeof(text) - 1, lines);
		assert_int_equal(l.message_count, 2);
		assert_string_equal(text_of(&l.name), "n");
		assert_string_equal(text_of(&l.all_text), "a b");
		rameti_pi_list_release(&l);
	}
}

static void pi_list__begin_forgets_the_file_before(void **state)
{
	static const char other[] = "{\"type\":\"session\",\"id\":\"t\"}\n";
	struct ramet_bytes text = { other, sizeof(other) - 1 };
	struct rameti_pi_list l;
	size_t used;

	(void)state;
	read_text(&l, HEADER USER("\"a\"", "5") "{\"type\":\"session_info\",\"name\":\"n\"}\n");
	rameti_pi_list_begin(&l);
	assert_int_equal(rameti_pi_list_header(&l, text, &used, NULL), 0);
	assert_int_equal(used, text.len);
	assert_string_equal(text_of(&l.id), "t");
	assert_int_equal(l.has_cwd, 0);
	assert_int_equal(l.name.len + l.first_message.len + l.all_text.len + l.cwd.len, 0);
	assert_int_equal(l.message_count, 0);
	assert_true(l.created_ms == RAMET_TIME_NONE);
	assert_int_equal(rameti_pi_list_modified(&l, 77), 77);
	rameti_pi_list_release(&l);
}

static void pi_list__bounds_text_at_a_character(void **state)
{
	static const char before[] = HEADER "{\"type\":\"message\",\"message\":"
		"{\"role\":\"user\",\"content\":\"x";
	static const char after[] = "\"}}\n" USER("\"more\"", "5");
	size_t n = RAMETI_PI_LIST_TEXT_MAX / 2 + 10, i, at = 0;
	char *text = malloc(sizeof(before) + 2 * n + sizeof(after));
	struct rameti_pi_list l;

	(void)state;
	assert_non_null(text);
	memcpy(text, before, sizeof(before) - 1);
	at = sizeof(before) - 1;
	for (i = 0; i < n; i++, at += 2)
		memcpy(text + at, "\xc3\xa9", 2);
	memcpy(text + at, after, sizeof(after) - 1);
	read_bytes(&l, text, at + sizeof(after) - 1, 1000);
	assert_int_equal(l.all_text.len, RAMETI_PI_LIST_TEXT_MAX - 1);
	assert_int_equal(l.first_message.len, RAMETI_PI_LIST_TEXT_MAX - 1);
	assert_memory_equal(l.all_text.ptr + l.all_text.len - 2, "\xc3\xa9", 2);
	assert_int_equal(l.message_count, 2);
	rameti_pi_list_begin(&l);
	assert_int_equal(l.all_text.cap, 0);
	rameti_pi_list_release(&l);
	free(text);
}

static int read_all(struct rameti_pi_list *l, struct ramet_bytes text, struct ramet_error *err)
{
	size_t used = 0;
	int r = rameti_pi_list_init(l, 1, err);

	if (!r)
		r = rameti_pi_list_header(l, text, &used, err);
	text.ptr += used;
	text.len -= used;
	if (!r)
		r = rameti_pi_list_lines(l, text, err);
	rameti_pi_list_release(l);
	return r;
}

static void pi_list__survives_every_failing_allocation(void **state)
{
	static const char text[] = "[0]\n";
	static const char session[] = "0\n" HEADER USER("[{\"type\":\"text\",\"text\":\"a\"}]", "5")
		"{\"type\":\"session_info\",\"name\":\"n\"}\n" USER("\"b\"", "6");
	struct rameti_pi_list l;
	struct ramet_error err;
	unsigned n, reached = 1;
	int r;

	(void)state;
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = read_all(&l, ramet_bytes_of(session), &err);
		reached = (unsigned)failing_memory_stop();
		/* a time that there is no memory to decode is one that cannot be read */
		assert_true(r == RAMET_ENOMEM || r == 0);
		assert_true(reached || r == 0);
	}
	assert_true(n > 10);
	for (n = 1, reached = 1; reached; n++) {
		failing_memory_start(n);
		r = read_all(&l, ramet_bytes_of(text), &err);
		reached = (unsigned)failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
}

/* A type written with an escape may be one that counts. */
static void pi_list__looks_at_types_with_escapes(void **state)
{
	(void)state;
	says(HEADER "{\"type\":\"m\\u0065ssage\",\"message\":{\"role\":\"user\",\"content\":\"a\","
	     "\"timestamp\":3}}\n" USER("\"b\"", "12345678901234567890")
	     USER("\"c\"", "1234567890123456") USER("\"d\"", "1.5"), 4, "a", "a b c d",
	     RAMET_TIME_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pi_list__first_parsed_value_decides),
		cmocka_unit_test(pi_list__header_needs_a_text_id),
		cmocka_unit_test(pi_list__reads_the_header),
		cmocka_unit_test(pi_list__takes_a_byte_order_mark_at_the_start_only),
		cmocka_unit_test(pi_list__counts_messages_of_every_role),
		cmocka_unit_test(pi_list__skips_lines_that_do_not_parse),
		cmocka_unit_test(pi_list__splits_at_newline_only),
		cmocka_unit_test(pi_list__joins_text_blocks),
		cmocka_unit_test(pi_list__keeps_sessions_with_odd_content),
		cmocka_unit_test(pi_list__first_message_is_the_users),
		cmocka_unit_test(pi_list__modified_is_the_last_talk),
		cmocka_unit_test(pi_list__last_name_counts),
		cmocka_unit_test(pi_list__reads_types_in_any_place_and_spelling),
		cmocka_unit_test(pi_list__keeps_surrogates_and_replaces_bad_utf8),
		cmocka_unit_test(pi_list__pieces_make_no_difference),
		cmocka_unit_test(pi_list__begin_forgets_the_file_before),
		cmocka_unit_test(pi_list__bounds_text_at_a_character),
		cmocka_unit_test(pi_list__survives_every_failing_allocation),
		cmocka_unit_test(pi_list__looks_at_types_with_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

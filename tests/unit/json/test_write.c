/*
 * test_write.c - the writer's commas, colons and escapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "json/escape_priv.h"
#include "json/scan.h"

static void check_string(struct ramet_bytes text, const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096), back = RAMET_BUF_INIT(4096);

	ramet_buf_add_json_string(&b, text);
	assert_string_equal(b.ptr, want);
	if (rameti_utf8_valid(text)) {                   /* then it reads back as it was */
		rameti_json_decode(ramet_buf_bytes(&b), &back);
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&back), text));
		assert_int_equal(rameti_json_raw_is(ramet_buf_bytes(&b), text), 1);
	}
	ramet_buf_release(&b);
	ramet_buf_release(&back);
}

static void write__strings_are_escaped_as_javascript_does(void **state)
{
	(void)state;
	check_string((struct ramet_bytes){ NULL, 0 }, "\"\"");
	check_string((struct ramet_bytes){ "a\0b", 3 }, "\"a\\u0000b\"");
	check_string(ramet_bytes_of("\"\\/\b\f\n\r\t\v\x1f\x7f"),
		     "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u001f\x7f\"");
	check_string(ramet_bytes_of("\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"),
		     "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"");
	check_string(ramet_bytes_of("\xed\xa0\xbd"), "\"\\ud83d\"");
	check_string(ramet_bytes_of("\xed\xb8\x80x\xed\xa0\xbd"), "\"\\ude00x\\ud83d\"");
	check_string(ramet_bytes_of("\xed\xa0\xbd\xed\xb8\x80"), "\"\xf0\x9f\x98\x80\"");
	check_string(ramet_bytes_of("\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80"),
		     "\"\\ud83d\xf0\x9f\x98\x80\"");
	check_string(ramet_bytes_of("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void write__commas_and_colons_are_the_writers(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_json_writer w;

	(void)state;
	ramet_json_writer_init(&w, &b);
	ramet_json_open_object(&w);
	ramet_json_key(&w, "a");
	ramet_json_open_array(&w);
	ramet_json_add_int(&w, -3);
	ramet_json_add_double(&w, 0.5);
	ramet_json_open_object(&w);
	ramet_json_close_object(&w);
	ramet_json_open_array(&w);
	ramet_json_close_array(&w);
	ramet_json_close_array(&w);
	ramet_json_key(&w, "b\n");
	ramet_json_add_null(&w);
	ramet_json_key(&w, "c");
	ramet_json_add_bool(&w, 2);
	ramet_json_key(&w, "d");
	ramet_json_add_cstr(&w, NULL);
	ramet_json_key(&w, "e");
	ramet_json_add_raw(&w, ramet_bytes_of("[1, \"\xff\"]"));
	ramet_json_close_object(&w);
	ramet_json_add_cstr(&w, "x");
	assert_string_equal(b.ptr, "{\"a\":[-3,0.5,{},[]],\"b\\n\":null,\"c\":true,\"d\":null,"
				   "\"e\":[1, \"\xef\xbf\xbd\"]},\"x\"");
	ramet_buf_release(&b);
}

static void write__a_full_buffer_is_remembered(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(8);
	struct ramet_json_writer w;

	(void)state;
	ramet_json_writer_init(&w, &b);
	ramet_json_add_cstr(&w, "0123456789");
	ramet_json_add_int(&w, 1);
	assert_true(ramet_buf_status(&b) < 0);
	ramet_buf_release(&b);
}

static void string__lone_and_paired_surrogates(void **state)
{
	(void)state;
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"\\uD83D\\uDE00\""),
					    ramet_bytes_of("\xf0\x9f\x98\x80")),
			 1);
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"\\uD83D\\uD83D\\uDE00\""),
					    ramet_bytes_of("\xed\xa0\xbd\xf0\x9f\x98\x80")), 1);
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"\\uDE00\\uD83D\""),
					    ramet_bytes_of("\xed\xb8\x80\xed\xa0\xbd")), 1);
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"\\ud83d\\n\""),
					    ramet_bytes_of("\xed\xa0\xbd\n")),
			 1);
	assert_int_equal(rameti_json_raw_begins(ramet_bytes_of("\"abc\""),
						ramet_bytes_of("ab")), 1);
	assert_int_equal(rameti_json_raw_begins(ramet_bytes_of("\"ab\""),
						ramet_bytes_of("abc")), 0);
	assert_int_equal(rameti_json_raw_begins(ramet_bytes_of("\"a\\u0062c\""),
						ramet_bytes_of("ab")), 1);
	assert_int_equal(rameti_json_raw_begins(ramet_bytes_of("\"\\u0061c\""),
						ramet_bytes_of("ab")), 0);
	assert_int_equal(rameti_json_raw_begins(ramet_bytes_of("\"\""), ramet_bytes_of("")), 1);
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"ab\""), ramet_bytes_of("abc")), 0);
	assert_int_equal(rameti_json_raw_is(ramet_bytes_of("\"abc\""), ramet_bytes_of("ab")), 0);
	assert_int_equal(
		rameti_json_raw_is(ramet_bytes_of("\"\\u0000\""), (struct ramet_bytes){ "\0", 1 }),
		1);
}

/* As the rules say it, byte by byte. */
static void escape_plainly(struct ramet_bytes text, struct ramet_buf *out)
{
	static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',
					    ['\r'] = 'r', ['\t'] = 't' };
	size_t i;

	ramet_buf_reset(out);
	ramet_buf_add_char(out, '"');
	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			ramet_buf_addf(out, "\\%c", c);
		else if (c < 0x20 && letters[c])
			ramet_buf_addf(out, "\\%c", letters[c]);
		else if (c < 0x20)
			ramet_buf_addf(out, "\\u%04x", c);
		else
			ramet_buf_add_char(out, (char)c);
	}
	ramet_buf_add_char(out, '"');
}

static void string__is_the_same_at_every_length_and_place(void **state)
{
	static const char special[] = { '"', '\\', '\0', '\n', '\x1f', '\x7f', ' ' };
	struct ramet_buf want = RAMET_BUF_INIT(65536), got = RAMET_BUF_INIT(65536);
	char text[1100];
	size_t len, at, k;

	(void)state;
	for (len = 0; len <= sizeof(text); len = len < 80 ? len + 1 : len + 127) {
		for (at = 0; at <= len; at += len < 80 ? 1 : 13) {
			memset(text, 'a', sizeof(text));
			for (k = 0; at < len && k < sizeof(special); k++)
				text[(at + k * k * 3) % len] = special[k];
			if (at % 7 == 6)
				memset(text, '\1', len); /* all of it escaped, and longest */
			escape_plainly((struct ramet_bytes){ text, len }, &want);
			ramet_buf_reset(&got);
			ramet_buf_add_json_string(&got, (struct ramet_bytes){ text, len });
			assert_true(ramet_bytes_eq(ramet_buf_bytes(&want),
						   ramet_buf_bytes(&got)));
		}
	}
	ramet_buf_release(&want);
	ramet_buf_release(&got);
}

/* Text with few and with many special characters. */
static void fill(char *text, size_t len, const char *special, uint32_t one_in, uint32_t *x)
{
	size_t i;

	for (i = 0; i < len; i++) {
		*x = *x * 1664525 + 1013904223;
		text[i] = (*x >> 8) % one_in ? 'a' : special[(*x >> 20) % 4];
		if ((*x >> 4) % 211 == 0)
			text[i] = special[4 + (*x >> 24) % 2];
	}
}

/* Each way to escape gives the same, and none writes beyond the room it asks for. */
static void string__is_the_same_in_every_way_of_escaping(void **state)
{
	rameti_escape_fn *ways[] = { rameti_escape_avx2(), rameti_escape_avx512() };
	char text[RAMETI_ESCAPE_BLOCK], plain[RAMETI_ESCAPED_MAX], quick[RAMETI_ESCAPED_MAX + 1];
	uint32_t x = 1, one_in;
	size_t len, n, way;

	(void)state;
	for (one_in = 1; one_in < 60; one_in += one_in < 4 ? 1 : 5)
		for (len = 0; len <= sizeof(text); len++) {
			fill(text, len, "\"\\\"\\\n\x1f", one_in, &x);
			n = (size_t)(rameti_escape_sse2(plain, text, text + len) - plain);
			for (way = 0; way < 2; way++) {
				if (!ways[way])
					continue;
				quick[RAMETI_ESCAPED_LEN(len)] = '!';
				assert_int_equal(ways[way](quick, text, text + len) - quick, n);
				assert_memory_equal(plain, quick, n);
				assert_int_equal(quick[RAMETI_ESCAPED_LEN(len)], '!');
			}
		}
}

/* Everything in one text: what stands for itself, letters, and what only \u can say. */
static void string__comes_back_in_every_way_of_reading(void **state)
{
	rameti_unescape_fn *quickly = rameti_unescape_avx512();
	char text[300], escaped[RAMETI_ESCAPED_LEN(300)], plain[sizeof(escaped)],
		quick[sizeof(escaped) + 1];
	struct ramet_buf got = RAMET_BUF_INIT(65536);
	const char *end, *p, *q;
	uint32_t x = 7, one_in;
	size_t len, n, room;

	(void)state;
	for (one_in = 1; one_in < 40; one_in += one_in < 4 ? 1 : 6)
		for (len = 0; len <= sizeof(text); len++) {
			fill(text, len, one_in % 2 ? "\"\\\t\n\x1f\b" : "\\\\\\\"\r\f", one_in, &x);
			end = rameti_escape_sse2(escaped + 1, text, text + len);
			escaped[0] = '"';
			escaped[end - escaped] = '"';
			ramet_buf_reset(&got);
			n = (size_t)(end - escaped) + 1;
			rameti_json_decode((struct ramet_bytes){ escaped, n }, &got);
			assert_int_equal(got.len, len);
			assert_memory_equal(got.ptr ? got.ptr : "", text, len);
			for (p = escaped + 1; quickly && p != end; p += p != end ? 6 : 0) {
				q = p;
				room = (size_t)(end - p);
				quick[room] = '!';
				n = (size_t)(rameti_unescape_plain(plain, &q, end) - plain);
				assert_int_equal(quickly(quick, &p, end) - quick, n);
				assert_ptr_equal(p, q);
				assert_int_equal(quick[room], '!');
				assert_memory_equal(plain, quick, n);
			}
		}
	ramet_buf_release(&got);
}

/* A backslash that is the last byte is left to the caller, wherever it stands in a block. */
static void string__a_last_backslash_is_left_alone(void **state)
{
	rameti_unescape_fn *ways[] = { rameti_unescape_plain, rameti_unescape_avx512() };
	char text[200], out[200];
	const char *p;
	size_t len, way;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (len = 1; len < sizeof(text); len++)
		for (way = 0; way < 2; way++) {
			if (!ways[way])
				continue;
			text[len - 1] = '\\';
			p = text;
			assert_int_equal(ways[way](out, &p, text + len) - out, len - 1);
			assert_ptr_equal(p, text + len - 1);
			text[len - 1] = 'a';
		}
}

/* So is a quotation mark that would end the string; one that is escaped is none of these. */
static void string__a_quotation_mark_ends_it(void **state)
{
	rameti_unescape_fn *ways[] = { rameti_unescape_plain, rameti_unescape_avx512() };
	struct ramet_buf got = RAMET_BUF_INIT(1024);
	char text[200], out[200];
	const char *p;
	size_t at, way;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (at = 2; at < sizeof(text); at++) {
		text[at] = '"';
		text[at - 2] = '\\';
		text[at - 1] = '"';
		for (way = 0; way < 2; way++) {
			if (!ways[way])
				continue;
			p = text;
			assert_int_equal(ways[way](out, &p, text + sizeof(text)) - out, at - 1);
			assert_ptr_equal(p, text + at);
			assert_int_equal(out[at - 2], '"');
		}
		ramet_buf_reset(&got);
		assert_int_equal(rameti_json_decode_inside(
					 (struct ramet_bytes){ text, sizeof(text) }, &got),
				 at);
		assert_int_equal(got.len, at - 1);
		text[at - 2] = 'a';
	}
	ramet_buf_release(&got);
}

/* A part of a string leaves the buffer as every addition does: with a NUL behind what it holds. */
static void string__a_part_of_one_ends_with_nul(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(65536);

	(void)state;
	assert_int_equal(ramet_buf_reserve(&b, 4096), 0);
	memset(b.ptr, '!', 4096);
	rameti_json_add_inside(&b, ramet_bytes_of("as long as what is taken at once"));
	assert_string_equal(b.ptr, "as long as what is taken at once");
	ramet_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(string__is_the_same_at_every_length_and_place),
		cmocka_unit_test(string__is_the_same_in_every_way_of_escaping),
		cmocka_unit_test(string__comes_back_in_every_way_of_reading),
		cmocka_unit_test(string__a_last_backslash_is_left_alone),
		cmocka_unit_test(string__a_quotation_mark_ends_it),
		cmocka_unit_test(string__a_part_of_one_ends_with_nul),
		cmocka_unit_test(write__strings_are_escaped_as_javascript_does),
		cmocka_unit_test(write__commas_and_colons_are_the_writers),
		cmocka_unit_test(write__a_full_buffer_is_remembered),
		cmocka_unit_test(string__lone_and_paired_surrogates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

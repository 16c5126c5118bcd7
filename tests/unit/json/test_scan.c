/*
 * test_scan.c - the exact scan: its versions against each other and against the slow twin, and what
 * it promises line by line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "json/index_priv.h"
#include "random_json.h"

#define WANT(parent, name) { (parent), { (name), sizeof(name) - 1 } }
static const struct rameti_want wants[] = {
	WANT(-1, "type"), WANT(-1, "id"), WANT(-1, "message"), WANT(2, "role"), WANT(2, "content"),
	WANT(-1, ""), WANT(2, "timestamp"), WANT(-1, "parentId")
};
enum { TYPE, ID, MESSAGE, ROLE, CONTENT, EMPTY, M_TIME, PARENT_ID, N_WANTS };

enum { LEVELS = 5 };                             /* 0 the best, then every version */

static struct rameti_scanner *scanners[LEVELS];
static uint64_t words[RAMETI_DEPTH_WORDS];

static int set_up(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < LEVELS; i++)
		if (rameti_scanner_new(&scanners[i], wants, N_WANTS, i, NULL) < 0)
			scanners[i] = NULL;      /* this machine lacks it */
	return scanners[0] && scanners[1] ? 0 : -1;
}

static int tear_down(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < LEVELS; i++)
		rameti_scanner_free(scanners[i]);
	return 0;
}

static struct rameti_line scan(struct ramet_bytes text, struct rameti_found found[N_WANTS])
{
	struct rameti_line line;

	assert_int_equal(rameti_scan_line(scanners[0], text, &line, found), 0);
	return line;
}

/* The kind and trouble the slow twin gives, and UTF-8 by the plain validator. */
static void check_against_twin(struct ramet_bytes text, const struct rameti_line *line)
{
	uint32_t at = 0;
	int trouble;

	assert_int_equal(line->len, rameti_scan_newline(text));
	assert_int_equal(line->terminated, line->len < text.len);
	if (rameti_json_is_blank(text.ptr, line->len)) {
		assert_int_equal(line->kind, RAMETI_LINE_BLANK);
		return;
	}
	trouble = (int)rameti_json_explain(text.ptr, line->len, words, &at);
	assert_int_equal(trouble == 0, line->kind != RAMETI_LINE_BAD);
	if (trouble) {
		assert_int_equal(line->error_at, at);
		if (memchr(text.ptr, 0, line->len))
			trouble = RAMETI_TROUBLE_NUL;
		assert_int_equal(line->trouble, trouble);
		return;
	}
	assert_int_equal(line->bad_utf8, !rameti_utf8_valid_plain(text.ptr, line->len));
}

/* All versions say the same, about an exact copy on the heap so that reading beyond shows. */
static void check_all(struct ramet_bytes text, size_t shift)
{
	struct rameti_found found[LEVELS][N_WANTS];
	struct rameti_line line[LEVELS];
	char *copy = ramet_alloc(text.len + shift + 1);
	struct ramet_bytes t = { copy + shift + 1, text.len };
	int i;

	memset(copy, '"', shift + 1);
	if (text.len)
		memcpy(copy + shift + 1, text.ptr, text.len);
	for (i = 1; i < LEVELS; i++) {
		if (!scanners[i])
			continue;
		memset(&line[i], 0x55, sizeof(line[i]));
		assert_int_equal(rameti_scan_line(scanners[i], t, &line[i], found[i]), 0);
		check_against_twin(t, &line[i]);
		assert_int_equal(line[i].kind, line[1].kind);
		assert_int_equal(line[i].bad_utf8, line[1].bad_utf8);
		assert_memory_equal(found[i], found[1], sizeof(found[1]));
	}
	ramet_free(copy);
}

static void random_line(struct rng *r, struct ramet_buf *b)
{
	ramet_buf_reset(b);
	random_value(r, b, 0);
	if (rng_next(r, 2))
		damage(r, b);
	if (rng_next(r, 2)) {
		ramet_buf_add_char(b, '\n');
		random_value(r, b, 0);
	}
}

static void scan__versions_agree_on_random_lines(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rng r = { 88172645463325252u };
	int i;

	(void)state;
	for (i = 0; i < 60000; i++) {
		random_line(&r, &b);
		check_all(ramet_buf_bytes(&b), rng_next(&r, 64));
	}
	ramet_buf_release(&b);
}

static void scan__versions_agree_at_every_length_and_alignment(void **state)
{
	static const char *const fill[] = {
		"x",	   "\\\\", "\\\"",     "\xc3\xa9", "\xf0\x9f\x98\x80",
		"\\u00e9", "\x80", "\xe2\x82", "{"
	};
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	size_t kind, len, shift;

	(void)state;
	for (kind = 0; kind < sizeof(fill) / sizeof(*fill); kind++)
		for (len = 0; len <= 200; len++)
			for (shift = 0; shift < 3; shift++) {
				ramet_buf_reset(&b);
				ramet_buf_add_str(&b, "{\"id\":\"");
				while (b.len < len)
					ramet_buf_add_str(&b, fill[kind]);
				check_all((struct ramet_bytes){ b.ptr, len < b.len ? len : b.len },
					  shift);
				ramet_buf_add_str(&b, "\",\"n\":[1,{}]}");
				check_all(ramet_buf_bytes(&b), (len * 7 + shift) & 63);
				ramet_buf_add_str(&b, "\n\x80\"");
				check_all(ramet_buf_bytes(&b), shift);
			}
	ramet_buf_release(&b);
}

static void scan__every_byte_pair_is_judged_alike(void **state)
{
	char text[] = "{\"a\":\"..\"  ,\"b\":[ ..  ]}";
	struct ramet_bytes t = { text, sizeof(text) - 1 };
	int a, b;

	(void)state;
	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			memcpy(text + 6, "..", 2);
			memcpy(text + 18, "01", 2);
			text[6] = (char)a;
			text[7] = (char)b;
			check_all(t, 0);
			text[6] = text[7] = '.';
			text[18] = (char)a;
			text[19] = (char)b;
			check_all(t, 0);
		}
}

static void scan__long_lines_cross_windows(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 22);
	struct rng r = { 424242 };
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		uint32_t n = 1 + rng_next(&r, 400);

		ramet_buf_reset(&b);
		ramet_buf_add_str(&b, "{\"message\":[");
		while (n--) {
			random_value(&r, &b, 0);
			ramet_buf_add_char(&b, ',');
		}
		ramet_buf_add_str(&b, "0],\"id\":\"");
		for (n = rng_next(&r, 9000); n; n--)
			ramet_buf_add_char(&b, 'y');
		ramet_buf_add_str(&b, rng_next(&r, 2) ? "\\n" : "");
		for (n = rng_next(&r, 9000); n; n--)
			ramet_buf_add_char(&b, 'z');
		ramet_buf_add_str(&b, "\"}");
		check_all(ramet_buf_bytes(&b), rng_next(&r, 64));
		damage(&r, &b);
		check_all(ramet_buf_bytes(&b), 0);
	}
	ramet_buf_release(&b);
}

static void check_found(const struct rameti_found *f, struct ramet_bytes text, int kind,
			const char *raw)
{
	assert_int_equal(f->kind, kind);
	assert_int_equal(f->len, strlen(raw));
	assert_memory_equal(text.ptr + f->at, raw, f->len);
}

static void scan__finds_wanted_members(void **state)
{
	struct rameti_found f[N_WANTS];
	struct ramet_bytes t = ramet_bytes_of(
		"{ \"type\" : \"message\", \"\\u0069d\":\"a\\\"b\", \"parentId\":null,"
		"\"x\":{\"id\":1,\"message\":{\"role\":0}},"
		"\"message\":{\"role\":\"user\",\"content\":[{\"role\":2}, 3] },"
		"\"\":-1.5e3}\r\n{");
	struct rameti_line line = scan(t, f);

	(void)state;
	assert_int_equal(line.kind, RAMETI_LINE_OBJECT);
	assert_int_equal(line.terminated, 1);
	check_found(&f[TYPE], t, RAMET_JSON_STRING, "\"message\"");
	check_found(&f[ID], t, RAMET_JSON_STRING, "\"a\\\"b\"");
	assert_int_equal(f[ID].flags, RAMET_JSON_HAS_ESCAPE);
	assert_int_equal(f[TYPE].flags, 0);
	check_found(&f[PARENT_ID], t, RAMET_JSON_NULL, "null");
	check_found(&f[MESSAGE], t, RAMET_JSON_OBJECT,
		    "{\"role\":\"user\",\"content\":[{\"role\":2}, 3] }");
	check_found(&f[ROLE], t, RAMET_JSON_STRING, "\"user\"");
	check_found(&f[CONTENT], t, RAMET_JSON_ARRAY, "[{\"role\":2}, 3]");
	check_found(&f[EMPTY], t, RAMET_JSON_NUMBER, "-1.5e3");
	assert_int_equal(f[M_TIME].kind, RAMET_JSON_NONE);
}

static void scan__the_last_of_equal_keys_wins(void **state)
{
	struct rameti_found f[N_WANTS];
	struct ramet_bytes t =
		ramet_bytes_of("{\"id\":1,\"message\":{\"role\":1,\"content\":2},\"id\":true,"
			       "\"message\":{\"role\":false,\"role\":[]}}");

	(void)state;
	(void)scan(t, f);
	check_found(&f[ID], t, RAMET_JSON_TRUE, "true");
	assert_int_equal(f[ID].seen, 2);
	check_found(&f[ROLE], t, RAMET_JSON_ARRAY, "[]");
	assert_int_equal(f[CONTENT].kind, RAMET_JSON_NONE);
	t = ramet_bytes_of("{\"message\":{\"role\":1},\"m\\u0065ssage\":\"x\"}");
	(void)scan(t, f);
	check_found(&f[MESSAGE], t, RAMET_JSON_STRING, "\"x\"");
	assert_int_equal(f[ROLE].kind, RAMET_JSON_NONE);
}

static void scan__names_the_trouble(void **state)
{
	static const struct {
		const char *text;
		int kind, trouble;
		uint32_t at;
	} cases[] = {
		{ "", RAMETI_LINE_BLANK, 0, 0 },
		{ " \t\r", RAMETI_LINE_BLANK, 0, 0 },
		{ "\xef\xbb\xbf\xc2\xa0\xe2\x80\xa8\v\f", RAMETI_LINE_BLANK, 0, 0 },
		{ "\xef\xbb\xbf{}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 0 },
		{ "{}", RAMETI_LINE_OBJECT, 0, 0 },
		{ "[]", RAMETI_LINE_VALUE, 0, 0 },
		{ " -0 ", RAMETI_LINE_VALUE, 0, 0 },
		{ "\"\"", RAMETI_LINE_VALUE, 0, 0 },
		{ "{}{}", RAMETI_LINE_BAD, RAMETI_TROUBLE_MORE, 2 },
		{ "{} x", RAMETI_LINE_BAD, RAMETI_TROUBLE_MORE, 3 },
		{ "\"a\"\"b\"", RAMETI_LINE_BAD, RAMETI_TROUBLE_MORE, 3 },
		{ "01", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 1 },
		{ "nullx", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 4 },
		{ "{\"a\":1", RAMETI_LINE_BAD, RAMETI_TROUBLE_UNFINISHED, 6 },
		{ "{\"a\":\"b\\", RAMETI_LINE_BAD, RAMETI_TROUBLE_UNFINISHED, 8 },
		{ "{\"a\":\"\\u12", RAMETI_LINE_BAD, RAMETI_TROUBLE_UNFINISHED, 10 },
		{ "{\"a\":tru", RAMETI_LINE_BAD, RAMETI_TROUBLE_UNFINISHED, 8 },
		{ "{\"a\":\"\\x\"}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 7 },
		{ "{\"a\":\"\\u12g4\"}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 10 },
		{ "{\"a\":\"\t\"}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 6 },
		{ "{a:1}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 1 },
		{ "[1,]", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 3 },
		{ "{\"a\":1,}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 7 },
		{ "[1}", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 2 },
		{ "[1 2]", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 3 },
		{ "[1.]", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 3 },
		{ "[\"\xff\"]", RAMETI_LINE_VALUE, 0, 0 },
		{ "[\xc2\xa0]", RAMETI_LINE_BAD, RAMETI_TROUBLE_SYNTAX, 1 },
	};
	struct rameti_found f[N_WANTS];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rameti_line line = scan(ramet_bytes_of(cases[i].text), f);

		assert_int_equal(line.kind, cases[i].kind);
		assert_int_equal(line.trouble, cases[i].trouble);
		assert_int_equal(line.error_at, cases[i].at);
		check_all(ramet_bytes_of(cases[i].text), i);
	}
}

static void scan__nul_bytes_win(void **state)
{
	struct rameti_found f[N_WANTS];
	struct rameti_line line = scan((struct ramet_bytes){ "{}\0\0\0", 5 }, f);

	(void)state;
	assert_int_equal(line.kind, RAMETI_LINE_BAD);
	assert_int_equal(line.trouble, RAMETI_TROUBLE_NUL);
	assert_int_equal(line.error_at, 2);
}

static void scan__marks_invalid_utf8_only_in_good_lines(void **state)
{
	struct rameti_found f[N_WANTS];

	(void)state;
	assert_int_equal(scan(ramet_bytes_of("[\"\xc3\"]"), f).bad_utf8, 1);
	assert_int_equal(scan(ramet_bytes_of("[\"\xed\xa0\x80\"]"), f).bad_utf8, 1);
	assert_int_equal(scan(ramet_bytes_of("[\"\xc3\xa9\"]"), f).bad_utf8, 0);
	assert_int_equal(scan(ramet_bytes_of("[\"a\"]\n\xff"), f).bad_utf8, 0);
}

static void scan__depth_has_a_limit(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rameti_found f[N_WANTS];
	uint32_t depth, i;

	(void)state;
	for (depth = RAMET_JSON_DEPTH_MAX - 1; depth <= RAMET_JSON_DEPTH_MAX + 1; depth++) {
		struct rameti_line line;

		ramet_buf_reset(&b);
		ramet_buf_add_str(&b, "{\"message\":{\"a\":");
		for (i = 2; i < depth; i++)
			ramet_buf_add_char(&b, '[');
		for (i = 2; i < depth; i++)
			ramet_buf_add_char(&b, ']');
		ramet_buf_add_str(&b, "}}");
		line = scan(ramet_buf_bytes(&b), f);
		assert_int_equal(line.trouble,
				 depth > RAMET_JSON_DEPTH_MAX ? RAMETI_TROUBLE_DEPTH : 0);
		check_all(ramet_buf_bytes(&b), 3);
	}
	ramet_buf_release(&b);
}

static void scan__finds_keys_that_need_escapes(void **state)
{
	const struct rameti_want odd[] = { WANT(-1, "a\\b"), WANT(-1, "\"q"), WANT(-1, "t\t") };
	struct ramet_bytes t =
		ramet_bytes_of("{\"a\\\\b\":1,\"a\\b\":2,\"\\\"q\":3,\"\\u0074\\t\":4}");
	struct rameti_scanner *s;
	struct rameti_found f[3];
	struct rameti_line line;

	(void)state;
	assert_int_equal(rameti_scanner_new(&s, odd, 3, 0, NULL), 0);
	assert_int_equal(rameti_scan_line(s, t, &line, f), 0);
	assert_int_equal(line.kind, RAMETI_LINE_OBJECT);
	assert_int_equal(t.ptr[f[0].at], '1');           /* the second one is a and backspace */
	assert_int_equal(t.ptr[f[1].at], '3');
	assert_int_equal(t.ptr[f[2].at], '4');
	rameti_scanner_free(s);
}

static void scan__sees_escapes_wherever_they_are(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rameti_found f[N_WANTS];
	size_t len, at;

	(void)state;
	for (len = 2; len < 9000; len += len < 200 ? 1 : 997)
		for (at = 0; at + 1 < len; at += 1 + len / 50) {
			ramet_buf_reset(&b);
			ramet_buf_add_str(&b, "{\"x\":\"\\n\",\"id\":\"");
			while (b.len < 16 + len)
				ramet_buf_add_char(&b, 'y');
			ramet_buf_add_str(&b, "\",\"type\":\"\\t\"}");
			(void)scan(ramet_buf_bytes(&b), f);
			assert_int_equal(f[ID].flags, 0);
			memcpy(b.ptr + 16 + at, "\\n", 2);
			(void)scan(ramet_buf_bytes(&b), f);
			assert_int_equal(f[ID].flags, RAMET_JSON_HAS_ESCAPE);
			assert_int_equal(f[ID].len, len + 2);
		}
	ramet_buf_release(&b);
}

static void scan__refuses_senseless_wants(void **state)
{
	const struct rameti_want late[] = { WANT(1, "a"), WANT(-1, "b") };
	const struct rameti_want deep[] = { WANT(-1, "a"), WANT(0, "b"), WANT(1, "c") };
	const struct rameti_want twice[] = { WANT(-1, "a"), WANT(-1, "a") };
	struct rameti_scanner *s = NULL;
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_scanner_new(&s, late, 2, 0, &err), RAMET_EINVAL);
	assert_int_equal(rameti_scanner_new(&s, deep, 3, 0, &err), RAMET_EINVAL);
	assert_int_equal(rameti_scanner_new(&s, twice, 2, 0, &err), RAMET_EINVAL);
	assert_int_equal(rameti_scanner_new(&s, NULL, 0, 5, &err), RAMET_EINVAL);
	assert_null(s);
}

static void head__knows_the_shapes_pi_writes(void **state)
{
	static const char *const good[] = {
		"{\"type\":\"message\",\"id\":\"a\",\"parentId\":null,\"timestamp\":\"t\",\"x\":{",
		"{\"type\":\"message\",\"id\":\"a\",\"parentId\":\"b\",\"timestamp\":\"t\"",
		"{\"type\":\"message\",\"customType\":"
	};
	static const char *const other[] = {
		"",
		"{",
		"{\"type\":\"message\"",
		"{\"type\":\"message\",\"id\":\"a\"}",
		"{\"type\":\"m\\u0065ssage\",\"customType\":",
		" {\"type\":\"message\",\"customType\":",
		"{\"type\":\"message\",\"id\":\"a\",\"parentId\":null,\"timestamp\":\"t"
	};
	struct ramet_bytes type;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(rameti_scan_head_type(ramet_bytes_of(good[i]), &type), 1);
		assert_true(ramet_bytes_is(type, "message"));
	}
	for (i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_int_equal(rameti_scan_head_type(ramet_bytes_of(other[i]), &type), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan__versions_agree_on_random_lines),
		cmocka_unit_test(scan__versions_agree_at_every_length_and_alignment),
		cmocka_unit_test(scan__every_byte_pair_is_judged_alike),
		cmocka_unit_test(scan__long_lines_cross_windows),
		cmocka_unit_test(scan__finds_wanted_members),
		cmocka_unit_test(scan__the_last_of_equal_keys_wins),
		cmocka_unit_test(scan__names_the_trouble),
		cmocka_unit_test(scan__nul_bytes_win),
		cmocka_unit_test(scan__marks_invalid_utf8_only_in_good_lines),
		cmocka_unit_test(scan__depth_has_a_limit),
		cmocka_unit_test(scan__finds_keys_that_need_escapes),
		cmocka_unit_test(scan__sees_escapes_wherever_they_are),
		cmocka_unit_test(scan__refuses_senseless_wants),
		cmocka_unit_test(head__knows_the_shapes_pi_writes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

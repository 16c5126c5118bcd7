/*
 * test_yoi_text.c - yoi's numbers, texts and sorted objects at their edges; records at the limits
 * of what the original reads; generations, chains, and what a file may be gone on with.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/yoi.h"
#include "damaged.h"
#include "failing.h"

static struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
static struct ramet_json_doc doc;

static const struct ramet_json *parsed(const char *text)
{
	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(text), 0, NULL), 0);
	ramet_buf_reset(&out);
	return ramet_json_root(&doc);
}

/* ---- numbers and texts ---- */

static void float__is_printed_as_by_the_original(void **state)
{
	static const struct {
		double x;
		int floats;
		const char *text;
	} cases[] = {
		{ 0, RAMETI_YOI_FLOATS_NEW, "0.0" },
		{ -0.0, RAMETI_YOI_FLOATS_NEW, "-0.0" },
		{ 100, RAMETI_YOI_FLOATS_NEW, "100.0" },
		{ 0.001, RAMETI_YOI_FLOATS_NEW, "0.001" },
		{ 1e16, RAMETI_YOI_FLOATS_NEW, "1e+16" },
		{ 1e16, RAMETI_YOI_FLOATS_OLD, "1e16" },
		{ 1e16, RAMETI_YOI_FLOATS_PLAIN, "10000000000000000.0" },
		{ -1.25e-7, RAMETI_YOI_FLOATS_NEW, "-1.25e-7" },
		{ 1.5e-7, RAMETI_YOI_FLOATS_PLAIN, "0.00000015" },
		{ INFINITY, RAMETI_YOI_FLOATS_NEW, "null" },
		{ NAN, RAMETI_YOI_FLOATS_NEW, "null" },
		{ 123456.75, RAMETI_YOI_FLOATS_OLD, "123456.75" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&out);
		rameti_yoi_add_double(&out, cases[i].x, cases[i].floats);
		assert_string_equal(out.ptr, cases[i].text);
	}
	ramet_buf_reset(&out);
	rameti_yoi_add_float(&out, 0.7f, RAMETI_YOI_FLOATS_NEW);
	rameti_yoi_add_float(&out, -3.4028235e38f, RAMETI_YOI_FLOATS_NEW);
	rameti_yoi_add_float(&out, 16777216.0f, RAMETI_YOI_FLOATS_NEW);
	rameti_yoi_add_float(&out, INFINITY, RAMETI_YOI_FLOATS_NEW);
	rameti_yoi_add_float(&out, 1e-45f, RAMETI_YOI_FLOATS_NEW);
	assert_string_equal(out.ptr, "0.7-3.4028235e+3816777216.0null1e-45");
}

static void integer__has_64_bits(void **state)
{
	uint64_t u = 0;
	int64_t i = 0;

	(void)state;
	assert_true(rameti_yoi_u64(parsed("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(rameti_yoi_u64(parsed("18446744073709551616"), &u));
	assert_false(rameti_yoi_u64(parsed("-1"), &u));
	assert_false(rameti_yoi_u64(parsed("1.0"), &u));
	assert_false(rameti_yoi_u64(parsed("\"1\""), &u));
	assert_false(rameti_yoi_u64(NULL, &u));
	assert_true(rameti_yoi_i64(parsed("-9223372036854775808"), &i));
	assert_true(i == INT64_MIN);
	assert_false(rameti_yoi_i64(parsed("-9223372036854775809"), &i));
	assert_true(rameti_yoi_i64(parsed("-0"), &i));
	assert_int_equal(i, 0);
	assert_false(rameti_yoi_i64(parsed("9223372036854775808"), &i));
	assert_false(rameti_yoi_i64(parsed("99999999999999999999"), &i));
	assert_false(rameti_yoi_i64(parsed("null"), &i));
}

static void text__has_no_halves_of_pairs(void **state)
{
	static const char *const cases[][2] = {
		{ "", "\"\"" },
		{ "\xed\x9f\xbf|", "\"\xed\x9f\xbf|\"" },
		{ "a\xed\xa0\x80z", "\"a\xef\xbf\xbdz\"" },
		{ "\xed\xa0\x80\xed\xbf\xbf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\"\\\n\x01", "\"\\\"\\\\\\n\\u0001\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&out);
		rameti_yoi_add_text(&out, ramet_bytes_of(cases[i][0]));
		assert_string_equal(out.ptr, cases[i][1]);
	}
}

static void value__is_sorted_with_the_last_of_equals(void **state)
{
	char deep[300];
	int i;

	(void)state;
	assert_int_equal(rameti_yoi_add_value(&out, parsed("{\"b\":1,\"\":[],\"a\":{},\"bb\":-0,"
							   "\"\\u0062\":1.50,\"b\":2,\"aa\":null}"),
					      RAMETI_YOI_FLOATS_NEW), 0);
	assert_string_equal(out.ptr, "{\"\":[],\"a\":{},\"aa\":null,\"b\":2,\"bb\":-0.0}");
	assert_int_equal(rameti_yoi_add_value(&out, parsed("[1e999]"), RAMETI_YOI_FLOATS_NEW), 1);
	assert_int_equal(rameti_yoi_add_value(&out, NULL, RAMETI_YOI_FLOATS_NEW), 0);
	for (i = RAMETI_YOI_DEPTH; i <= RAMETI_YOI_DEPTH + 1; i++) {
		memset(deep, '[', (size_t)i);
		memset(deep + i, ']', (size_t)i);
		deep[2 * i] = '\0';
		assert_int_equal(rameti_yoi_add_value(&out, parsed(deep), RAMETI_YOI_FLOATS_NEW),
				 i > RAMETI_YOI_DEPTH);
	}
}

static void value__survives_every_failing_allocation(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 20);
	unsigned n;
	int r, reached = 1;

	(void)state;
	(void)parsed("{\"b\":[1.5,\"\\u0062\\ud800\"],\"a\":{\"c\":{},\"d\":[{}]}}");
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = rameti_yoi_add_value(&b, ramet_json_root(&doc), RAMETI_YOI_FLOATS_NEW);
		ramet_buf_release(&b);
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	assert_true(n > 5);
}

/* ---- what the original reads ---- */

static int is_refused(const char *payload)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 20);
	char why[200] = "";
	int r;

	ramet_buf_addf(&text, "{\"kind\":\"extension\",\"ts\":1,\"domain\":\"d\",\"payload\":%s}",
		       payload);
	r = rameti_yoi_strict(parsed(text.ptr), RAMETI_YOI_G2, why, sizeof(why));
	assert_int_equal(*why != '\0', r);
	ramet_buf_release(&text);
	return r;
}

static void strict__wants_pairs_whole(void **state)
{
	static const struct {
		const char *payload;
		int refused;
	} cases[] = {
		{ "\"\\ud83d\\ude00\"", 0 },   { "\"\\uD83D\\uDE00\\n\"", 0 },
		{ "\"\\ud83d\"", 1 },	       { "\"\\ude00\\ud83d\"", 1 },
		{ "\"\\ud83d\\n12345\"", 1 },  { "\"\\ud83dxxxxxxx\"", 1 },
		{ "\"\\ud83d\\u0041\"", 1 },   { "\"\\ud83d\\ue000\"", 1 },
		{ "\"\\ud83d\\ud83d\"", 1 },   { "\"\\ud7ff\\ue000\\uFFFF\"", 0 },
		{ "\"\\\\ud83d\"", 0 },	       { "{\"\\udfff\":1}", 1 },
		{ "1e999", 1 },		       { "[1e308,-1e308]", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (is_refused(cases[i].payload) != cases[i].refused)
			fail_msg("%s", cases[i].payload);
}

static void strict__wants_an_object_not_too_deep(void **state)
{
	char deep[400], why[100];
	int i;

	(void)state;
	for (i = 120; i < 135; i++) {
		memset(deep, '[', (size_t)i);
		memset(deep + i, ']', (size_t)i);
		deep[2 * i] = '\0';
		assert_int_equal(is_refused(deep), i > 126);
	}
	assert_int_equal(rameti_yoi_strict(parsed("[]"), RAMETI_YOI_G2, why, sizeof(why)), 1);
	assert_int_equal(rameti_yoi_strict(NULL, RAMETI_YOI_G1, why, sizeof(why)), 1);
}

/* ---- generations and chains ---- */

static void generation__of_two_records_is_the_later(void **state)
{
	static const int cases[][3] = {
		{ RAMETI_YOI_G0, RAMETI_YOI_G1, RAMETI_YOI_G0 },
		{ RAMETI_YOI_G1, RAMETI_YOI_G0, RAMETI_YOI_G0 },
		{ RAMETI_YOI_G0, RAMETI_YOI_NONE, RAMETI_YOI_G0 },
		{ RAMETI_YOI_G0, RAMETI_YOI_G1C, RAMETI_YOI_G1C },
		{ RAMETI_YOI_G1D, RAMETI_YOI_G0, RAMETI_YOI_G1D },
		{ RAMETI_YOI_G1, RAMETI_YOI_G1B, RAMETI_YOI_G1B },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(rameti_yoi_gen_join(cases[i][0], cases[i][1]), cases[i][2]);
}

static void kind__may_be_spelt_with_escapes(void **state)
{
	(void)state;
	assert_int_equal(rameti_yoi_kind_of(ramet_bytes_of("\"turn_end\"")), RAMETI_YOI_TURN_END);
	assert_int_equal(rameti_yoi_kind_of(ramet_bytes_of("\"turn\\u005fend\"")),
			 RAMETI_YOI_TURN_END);
	assert_int_equal(rameti_yoi_kind_of(ramet_bytes_of("\"turn\\u005fen\"")),
			 RAMETI_YOI_UNKNOWN);
	assert_int_equal(rameti_yoi_kind_of((struct ramet_bytes){ NULL, 0 }), RAMETI_YOI_UNKNOWN);
	assert_int_equal(rameti_yoi_gen_of(parsed("{\"kind\":7}")), RAMETI_YOI_NONE);
}

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void sniff__looks_at_the_first_lines_only(void **state)
{
	static const char hashed[] = "{\"hash\":\"" SUM "\",\"prev_hash\":null,\"kind\":"
				     "\"turn_end\",\"ts\":1,\"turn_count\":1}\n";
	int i;

	(void)state;
	ramet_buf_reset(&out);
	for (i = 0; i < 40; i++)
		ramet_buf_add_str(&out, hashed);
	ramet_buf_add_str(&out, "{\"kind\":\"segment_start\",\"ts\":1}\n");
	assert_int_equal(rameti_yoi_sniff_gen(ramet_buf_bytes(&out)), RAMETI_YOI_G1);
	/* a long line, and what stands behind it */
	ramet_buf_reset(&out);
	ramet_buf_add_str(&out, hashed);
	for (i = 0; i < 70000; i++)
		ramet_buf_add_char(&out, 'x');
	ramet_buf_addf(&out, "\n%s", "{\"kind\":\"segment_start\",\"ts\":1}\n");
	assert_int_equal(rameti_yoi_sniff_gen(ramet_buf_bytes(&out)), RAMETI_YOI_G1);
	/* damage in front of everything */
	ramet_buf_reset(&out);
	for (i = 0; i < 10; i++)
		ramet_buf_add_str(&out, "damage\n");
	ramet_buf_add_str(&out, hashed);
	assert_int_equal(rameti_yoi_sniff_gen(ramet_buf_bytes(&out)), RAMETI_YOI_NONE);
}

static int resumed(const char *last, int *dialect)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;
	int r;

	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_yoi, NULL, none, NULL), 0);
	r = rameti_codec_yoi.resume(&e, NULL,
				    last ? ramet_bytes_of(damaged_quoted(last)) : none, NULL);
	*dialect = e.dialect;
	rameti_encoder_release(&e);
	return r;
}

static void resume__goes_on_with_what_it_may_write(void **state)
{
	static const struct {
		const char *last;
		int r, dialect;
	} cases[] = {
		{ NULL, 0, 0 },
		{ "", 0, 0 },
		{ "{'kind':'turn_end','ts':1,'turn_count':1}", 0, RAMETI_YOI_G2 },
		{ "no record at all", RAMET_EFORMAT, 0 },
		{ "{'kind':'session_start','ts':1}\n{'kind':'turn_end','ts':1}", 0,
		  RAMETI_YOI_BRIDGE },
		{ "{'kind':'annotated_segment_start','ts':1}", RAMET_EVERSION, 0 },
		{ "{'hash':'" SUM "','prev_hash':null,'kind':'locked','ts':1}", RAMET_EVERSION, 0 },
		{ "{'hash':'" SUM "','prev_hash':null,'kind':'invoke','ts':1}", 0, RAMETI_YOI_G1D },
		{ "{'kind':'invoke','ts':1,'prev_hash':null,'hash':'" SUM "'}", 0,
		  RAMETI_YOI_G1D },
		{ "{'hash':'short','prev_hash':null,'kind':'invoke','ts':1}", RAMET_EFORMAT,
		  RAMETI_YOI_G1D },
	};
	size_t i;
	int dialect, r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r = resumed(cases[i].last, &dialect);
		if (r != cases[i].r || (!r && dialect != cases[i].dialect))
			fail_msg("case %u: %d, dialect %d", (unsigned)i, r, dialect);
	}
}

static void encode__wants_an_object(void **state)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;

	(void)state;
	ramet_buf_reset(&out);
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_yoi, NULL, none, NULL), 0);
	assert_int_equal(e.codec->encode(&e, ramet_bytes_of("[]"), &out, NULL), RAMET_EINVAL);
	assert_true(e.codec->encode(&e, ramet_bytes_of("{"), &out, NULL) < 0);
	rameti_encoder_release(&e);
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL), 0);
	assert_int_equal(e.codec->encode(&e, ramet_bytes_of("[]"), &out, NULL), RAMET_EINVAL);
	rameti_encoder_release(&e);
	assert_int_equal(out.len, 0);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&out);
	ramet_json_doc_release(&doc);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(float__is_printed_as_by_the_original),
		cmocka_unit_test(integer__has_64_bits),
		cmocka_unit_test(text__has_no_halves_of_pairs),
		cmocka_unit_test(value__is_sorted_with_the_last_of_equals),
		cmocka_unit_test(value__survives_every_failing_allocation),
		cmocka_unit_test(strict__wants_pairs_whole),
		cmocka_unit_test(strict__wants_an_object_not_too_deep),
		cmocka_unit_test(generation__of_two_records_is_the_later),
		cmocka_unit_test(kind__may_be_spelt_with_escapes),
		cmocka_unit_test(sniff__looks_at_the_first_lines_only),
		cmocka_unit_test(resume__goes_on_with_what_it_may_write),
		cmocka_unit_test(encode__wants_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

/*
 * test_ggcode_text.c - ggcode's times and strings at their edges, lines that the quick look leaves
 * to the whole one, and how the start of a file or a record tells whose it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/begins.h"
#include "codec/ggcode_priv.h"
#include "damaged.h"

static struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
static struct ramet_json_doc doc;

/* ---- times ---- */

static void time__is_all_there_or_none(void **state)
{
	static const char whole[] = "2026-08-22T14:00:07.25+08:00";
	struct rameti_gg_time t;
	char text[sizeof(whole)];
	size_t i;

	(void)state;
	assert_true(rameti_gg_time_parse(ramet_bytes_of(whole), &t));
	for (i = 0; i < sizeof(whole) - 1; i++) {
		assert_false(rameti_gg_time_parse((struct ramet_bytes){ whole, i }, &t));
		memcpy(text, whole, sizeof(whole));
		text[i] = 'x';
		assert_false(rameti_gg_time_parse(ramet_bytes_of(text), &t));
		text[i] = '/';
		assert_false(rameti_gg_time_parse(ramet_bytes_of(text), &t));
	}
	assert_false(rameti_gg_time_parse(ramet_bytes_of("2026-08-22T14:00:07Z "), &t));
}

static void time__knows_the_calendar(void **state)
{
	static const struct {
		const char *text;
		int valid;
		int64_t seconds;
	} cases[] = {
		{ "2000-02-29T00:00:00Z", 1, 951782400 },
		{ "1900-02-28T00:00:00Z", 1, -2203977600 },
		{ "1900-02-29T00:00:00Z", 0, 0 },
		{ "0000-01-01T00:00:00Z", 1, -62167219200 },
		{ "2026-00-10T00:00:00Z", 0, 0 },
		{ "2026-13-10T00:00:00Z", 0, 0 },
		{ "2026-01-00T00:00:00Z", 0, 0 },
		{ "2026-04-31T00:00:00Z", 0, 0 },
		{ "2026-01-01T00:60:00Z", 0, 0 },
		{ "2026-01-01T00:00:00.1234567891234Z", 1, 1767225600 },
		{ "2026-01-01T00:00:00+24:00", 0, 0 },
		{ "2026-01-01T00:00:00+00:60", 0, 0 },
		{ "2026-01-01T00:00:00-23:59", 1, 1767225600 + 86340 },
		{ "2026-01-01T00:00:00z", 0, 0 },
	};
	struct rameti_gg_time t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rameti_gg_time_parse(ramet_bytes_of(cases[i].text), &t),
				 cases[i].valid);
		if (cases[i].valid)
			assert_true(t.seconds == cases[i].seconds);
	}
}

static void time__that_is_none_is_the_zero_time(void **state)
{
	struct ramet_json number = { .ptr = "7", .len = 1, .span = 1, .kind = RAMET_JSON_NUMBER };
	struct rameti_gg_time t = { 1, 1, 1 };

	(void)state;
	rameti_gg_time_of(NULL, &t);
	assert_true(rameti_gg_time_ms(&t) == RAMET_TIME_NONE);
	rameti_gg_time_of(&number, &t);
	assert_true(rameti_gg_time_ms(&t) == RAMET_TIME_NONE);
	t.nanos = 5000000;
	assert_true(rameti_gg_time_ms(&t) == RAMETI_GG_ZERO_TIME * 1000 + 5);
	ramet_buf_reset(&out);
	rameti_gg_add_time(&out, INT64_C(253402300800000));      /* the year 10000 */
	rameti_gg_add_time(&out, -INT64_C(62167219200001));      /* before the year 0 */
	assert_string_equal(out.ptr, "\"0001-01-01T00:00:00Z\"\"0001-01-01T00:00:00Z\"");
}

/* ---- strings ---- */

static void string__is_escaped_as_by_go(void **state)
{
	static const struct {
		const char *text, *want;
		int html;
	} cases[] = {
		{ "\xe2\x80", "\"\\ufffd\\ufffd\"", 0 },
		{ "\xe2", "\"\\ufffd\"", 0 },
		{ "\xe2\x82\xac", "\"\xe2\x82\xac\"", 0 },
		{ "\xe2\x80\xa9|\xe2\x81\xa8", "\"\\u2029|\xe2\x81\xa8\"", 0 },
		{ "\xed\xa0", "\"\\ufffd\\ufffd\"", 0 },
		{ "\xed\x9f\xbf", "\"\xed\x9f\xbf\"", 0 },
		{ "\xed\xa0z", "\"\\ufffd\\ufffdz\"", 0 },
		{ "\xed\xf0z", "\"\\ufffd\\ufffdz\"", 0 },
		{ "\xed\xbf\xbf", "\"\\udfff\"", 0 },
		{ "\xff<\x1f", "\"\\ufffd<\\u001f\"", 0 },
		{ "\xff<\x1f", "\"\\ufffd\\u003c\\u001f\"", 1 },
		{ "a&b>\x7f", "\"a\\u0026b\\u003e\x7f\"", 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&out);
		rameti_gg_add_text(&out, ramet_bytes_of(cases[i].text), cases[i].html);
		assert_string_equal(out.ptr, cases[i].want);
	}
}

static void string__that_go_writes_otherwise_is_written_anew(void **state)
{
	static const char *const cases[][2] = {
		{ "\"plain \xe2\x82\xac\"", "\"plain \xe2\x82\xac\"" },
		{ "\"\xe2\x80\xa8\"", "\"\\u2028\"" },
		{ "\"\\u0041\\/\"", "\"A/\"" },
		{ "\"\xe2\"", "\"\xef\xbf\xbd\"" },
		{ "7", "\"\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&out);
		assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(cases[i][0]), 0, NULL), 0);
		rameti_gg_add_string(&out, ramet_json_root(&doc));
		assert_string_equal(out.ptr, cases[i][1]);
	}
	ramet_buf_reset(&out);
	rameti_gg_add_string(&out, NULL);
	assert_string_equal(out.ptr, "\"\"");
}

/* ---- the quick look ---- */

static int quick(const char *text, size_t len)
{
	struct rameti_batch b;
	int r;

	rameti_batch_init(&b);
	r = rameti_gg_quick(&b, (struct ramet_bytes){ text, len });
	assert_true(r == 0 || b.n > 0);
	rameti_batch_release(&b);
	return r;
}

static void quick__takes_nothing_that_is_cut(void **state)
{
	static const char *const lines[] = {
		"{'type':'message','session_id':'s','message':{'id':'a','role':'user','content':"
		"[{'type':'text','text':'\\\\\\'x'},{'type':'tool_use','input':{'a':['}']}}],"
		"'other':{'a':'b'},'more':1},'timestamp':'2026-08-22T14:00:07Z'}",
		"{'type':'ramet.entry','timestamp':'2026-08-22T14:00:07Z','entry':{'type':'label',"
		"'id':'l','parentId':{'odd':[]},'timestamp':'2026-08-22T14:00:07.250Z','x':'y'}}",
		"{'type':'ramet.entry','entry':{'type':'message','id':'l','parentId':null,"
		"'timestamp':'2026-08-22T14:00:07.250Z','message':{'a':1,'role':'user','b':[2]}}}",
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *line = damaged_quoted(lines[i]);

		assert_int_equal(quick(line, strlen(line)), 1);
		for (n = 0; n < strlen(line); n++)
			assert_int_equal(quick(line, n), 0);
	}
}

static void quick__leaves_the_unusual_to_the_whole_look(void **state)
{
	static const char begin[] = "{\"type\":\"message\",\"message\":{";
	char id[200];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int k, n = i ? 40 : 20;

		ramet_buf_reset(&out);
		ramet_buf_addf(&out, "%s\"role\":\"user\",\"content\":[", begin);
		for (k = 0; k < n; k++)
			ramet_buf_addf(&out, "%s{\"type\":\"tool_result\"}", k ? "," : "");
		ramet_buf_add_str(&out, "]}}");
		assert_int_equal(quick(out.ptr, out.len), !i);
	}
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	for (i = 1; i < 3; i++) {
		ramet_buf_reset(&out);
		ramet_buf_addf(&out, "%s\"id\":\"%s\",\"role\":\"user\",\"content\":[%s"
			       "{\"type\":\"tool_result\"}]}}", begin, id,
			       i == 2 ? "{\"type\":\"tool_result\"}," : "");
		assert_int_equal(quick(out.ptr, out.len), i == 1);
	}
	ramet_buf_reset(&out);
	ramet_buf_addf(&out, "%s\"role\":\"user\",\"content\":[],\"\xc3\xa9\":1}}", begin);
	assert_int_equal(quick(out.ptr, out.len), 0);
	ramet_buf_reset(&out);
	ramet_buf_addf(&out, "%s\"role\":\"user\",\"content\":[],\"a\\nb\":1}}", begin);
	assert_int_equal(quick(out.ptr, out.len), 0);
}

/* ---- whose is it? ---- */

static const char *const starts[] = {
	"{'type':'message','session_id':'s','token_usage':{},'message':{'id':'a','role':'user'}}",
	"{'type':'message','message':{'id':'a','role':'user','content':[]}}",
	"{'type':'checkpoint','session_id':'s','checkpoint_tokens':7}",
	"{'type':'meta','created_at':'2026-08-01T10:00:00Z','meta':{}}",
	"{'type':'other','session_id':'s','created_at':'2026-08-01T10:00:00Z'}",
	"{'session_id':'s','created_at':'2026-08-01T10:00:00Z'}",
};

static void is_somebodys(void *user, struct ramet_bytes line)
{
	const struct rameti_codec *c = rameti_codec_sniffed(line);

	(void)user;
	(void)rameti_record_format(line);
	(void)rameti_record_begins(&rameti_codec_ggcode, line);
	(void)rameti_record_begins(&rameti_codec_yoi, line);
	(void)rameti_record_begins(&rameti_codec_pi, line);
	assert_true(!c || rameti_codec_find(c->name) == c);
}

static void sniff__may_see_anything(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		assert_true(damaged_each(ramet_bytes_of(damaged_quoted(starts[i])), is_somebodys,
					 NULL) > 50);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void record__begins_where_its_own_words_stand(void **state)
{
	static const struct {
		const char *text;
		const struct rameti_codec *codec;
		int begins;
	} cases[] = {
		{ "{'type':'message','session_id':", &rameti_codec_ggcode, 1 },
		{ "{'type':'usage','session_id':", &rameti_codec_ggcode, 1 },
		{ "{'type':'message','id':", &rameti_codec_ggcode, 0 },
		{ "{'type':'unknown','session_id':", &rameti_codec_ggcode, 0 },
		{ "{'type':'message'}", &rameti_codec_ggcode, 0 },
		{ "{'type':'mess", &rameti_codec_ggcode, 0 },
		{ "{'kind':'turn_end','ts':", &rameti_codec_yoi, 1 },
		{ "{'kind':'turn_end','id':", &rameti_codec_yoi, 0 },
		{ "{'kind':'nothing','ts':", &rameti_codec_yoi, 0 },
		{ "{'kind':'turn_", &rameti_codec_yoi, 0 },
		{ "{'hash':'" HASH "','prev_hash':", &rameti_codec_yoi, 1 },
		{ "{'hash':'" HASH "','other':", &rameti_codec_yoi, 0 },
		{ "{'hash':'" HASH "0','prev_hash':", &rameti_codec_yoi, 0 },
		{ "{'hash':'01", &rameti_codec_yoi, 0 },
		{ "['hash']", &rameti_codec_yoi, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ramet_bytes text = ramet_bytes_of(damaged_quoted(cases[i].text));

		assert_int_equal(rameti_record_begins(cases[i].codec, text), cases[i].begins);
	}
	assert_ptr_equal(rameti_record_format(ramet_bytes_of(damaged_quoted(
				 "\xef\xbb\xbfgarbage\n{'type':'meta','session_id':'s'}"))),
			 &rameti_codec_ggcode);
	assert_null(rameti_record_format(ramet_bytes_of(damaged_quoted(
		"{'type':'new','session_id':'s'}\n{'type':'message','id':1}\n{'type':'x"))));
	assert_null(rameti_record_format(ramet_bytes_of(damaged_quoted(
		"{'type':'session'}\n{'kind':'turn_end','ts':1}"))));
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
		cmocka_unit_test(time__is_all_there_or_none),
		cmocka_unit_test(time__knows_the_calendar),
		cmocka_unit_test(time__that_is_none_is_the_zero_time),
		cmocka_unit_test(string__is_escaped_as_by_go),
		cmocka_unit_test(string__that_go_writes_otherwise_is_written_anew),
		cmocka_unit_test(quick__takes_nothing_that_is_cut),
		cmocka_unit_test(quick__leaves_the_unusual_to_the_whole_look),
		cmocka_unit_test(sniff__may_see_anything),
		cmocka_unit_test(record__begins_where_its_own_words_stand),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

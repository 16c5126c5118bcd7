/*
 * test_ckptmgr.c - the snapshot manager's JSON, its messages in pi's words and back, and memory
 * that runs out anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/ckptmgr.h"
#include "codec/codec.h"
#include "failing.h"

static struct ramet_json_doc doc;
static struct ramet_buf out = RAMET_BUF_INIT(1u << 20);

static const struct ramet_json *parsed(const char *text)
{
	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(text), 0, NULL), 0);
	ramet_buf_reset(&out);
	return ramet_json_root(&doc);
}

static int release(void **state)
{
	(void)state;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&out);
	return 0;
}

/* ---- json ---- */

static void string__is_written_as_the_original_does(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"\\/\b\f\n\r\t\v\x1f\x7f", "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u001f\x7f\"" },
		{ "<&>", "\"\\u003c\\u0026\\u003e\"" },
		{ "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", "\"\xe2\x80\xa7\\u2028\\u2029\"" },
		{ "\xed\xa0\x80x\xff\xf0\x9f\x98\x80", "\"\\ud800x\xff\xf0\x9f\x98\x80\"" },
	};
	struct ramet_buf back = RAMET_BUF_INIT(1000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&out);
		ramet_buf_reset(&back);
		rameti_ckpt_add_string(&out, ramet_bytes_of(cases[i].text));
		assert_string_equal(out.ptr, cases[i].want);
		rameti_ckpt_decode(ramet_buf_bytes(&out), &back);
		assert_string_equal(back.ptr ? back.ptr : "", cases[i].text);
	}
	ramet_buf_reset(&back);
	rameti_ckpt_decode(ramet_bytes_of("\"\\ud83d\\ude00\\ud83d\\u0041\\/\\u0000\""), &back);
	assert_int_equal(back.len, 10);
	assert_memory_equal(back.ptr,
			    "\xf0\x9f\x98\x80\xed\xa0\xbd"
			    "A/",
			    10);
	ramet_buf_release(&back);
}

static void value__is_sorted_and_indented_or_kept(void **state)
{
	static const char text[] =
		"{\"b\":[1,{}, [] ,{\"x\":-0}],\"\\u0061\":\"\\u00e9\",\"b\":[2]}";

	(void)state;
	assert_int_equal(rameti_ckpt_add_value(&out, parsed(text), 1, RAMETI_CKPT_OWN), 0);
	assert_string_equal(out.ptr,
			    "{\n    \"a\": \"\xc3\xa9\",\n    \"b\": [\n      2\n    ]\n  }");
	assert_int_equal(rameti_ckpt_add_value(&out, parsed(text), 0, RAMETI_CKPT_COMPACT), 0);
	assert_string_equal(out.ptr, "{\"a\":\"\xc3\xa9\",\"b\":[2]}");
	assert_int_equal(rameti_ckpt_add_value(&out, parsed(text), 0, RAMETI_CKPT_KEEP), 0);
	assert_string_equal(out.ptr,
			    "{\n  \"b\": [\n    1,\n    {},\n    [],\n    {\n      \"x\": -0\n"
			    "    }\n  ],\n  \"\\u0061\": \"\\u00e9\",\n  \"b\": [\n    2\n  ]\n}");
}

static void value__may_be_deep(void **state)
{
	struct ramet_buf deep = RAMET_BUF_INIT(1u << 20);
	int i;

	(void)state;
	for (i = 0; i < 50000; i++)
		ramet_buf_add_char(&deep, '[');
	for (i = 0; i < 50000; i++)
		ramet_buf_add_char(&deep, ']');
	assert_int_equal(rameti_ckpt_add_value(&out, parsed(deep.ptr), 0, RAMETI_CKPT_COMPACT), 0);
	assert_string_equal(out.ptr, deep.ptr);
	ramet_buf_release(&deep);
}

static void object__changes_the_member_that_rules(void **state)
{
	const struct rameti_ckpt_edit edits[3] = { { ramet_bytes_of("b"), ramet_bytes_of("9") },
						   { ramet_bytes_of("aa"), ramet_bytes_of("8") },
						   { ramet_bytes_of("z"), { NULL, 0 } } };

	(void)state;
	rameti_ckpt_add_object(&out,
			       parsed("{\"a\":1,\"\\u0062\":2,\"z\":3,\"b\":[ 4 ],\"c\":{ }}"), 0,
			       edits, 3, RAMETI_CKPT_MAP);
	assert_string_equal(out.ptr, "{\n  \"a\": 1,\n  \"aa\": 8,\n  \"b\": 9,\n  \"c\": { }\n}");
	rameti_ckpt_add_object(&out, parsed("{\"A\":1,\"B\":2}"), 0, edits, 2, RAMETI_CKPT_RECORD);
	assert_string_equal(out.ptr, "{\n  \"A\": 1,\n  \"B\": 9,\n  \"aa\": 8\n}");
	ramet_buf_reset(&out);
	rameti_ckpt_add_object(&out, NULL, 0, edits + 2, 1, RAMETI_CKPT_MAP);
	assert_string_equal(out.ptr, "{}");
}

static void time__has_nanoseconds(void **state)
{
	static const char *const times[] = { "\"2026-04-10T12:00:01.239567Z\"",
					     "\"1969-12-31T23:59:59.999999999Z\"",
					     "\"2026-01-01T00:00:00Z\"",
					     "\"2026-01-01T00:00:00.5Z\"",
					     "\"1970-01-01T00:00:00.000000001Z\"" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t ns = rameti_ckpt_time_ns(parsed(times[i]));

		rameti_ckpt_add_time(&out, ns);
		assert_string_equal(out.ptr, times[i]);
	}
	assert_int_equal(rameti_ckpt_time_ns(parsed("\"2026-01-01T02:00:00.5+02:00\"")),
			 rameti_ckpt_time_ns(parsed("\"2026-01-01T00:00:00.5Z\"")));
	assert_int_equal(rameti_ckpt_time_ns(parsed("\"0001-01-01T00:00:00Z\"")), INT64_MIN);
	assert_int_equal(rameti_ckpt_time_ns(parsed("7")), INT64_MIN);
	assert_int_equal(rameti_ckpt_time_ns(NULL), INT64_MIN);
}

/* ---- messages ---- */

#define TOOL "{\"content\":\"r\",\"role\":\"tool\",\"tool_call_id\":\"c\"}"

/* pi NULL: only that it comes back. */
static const struct {
	const char *state, *pi;
} messages[] = {
	{ "{\"content\":\"x\",\"role\":\"user\"}", "{\"role\":\"user\",\"content\":\"x\"}" },
	{ "{\"content\":[{\"text\":\"a\",\"type\":\"text\"},{\"image_url\":{\"url\":"
	  "\"data:image/png;base64,QQ==\"},\"type\":\"image_url\"},{\"type\":\"new\"}],"
	  "\"role\":\"user\"}",
	  "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\","
	  "\"data\":\"QQ==\",\"mimeType\":\"image/png\"},{\"type\":\"new\"}]}" },
	{ "{\"content\":\"\",\"role\":\"assistant\"}", "{\"role\":\"assistant\",\"content\":[]}" },
	{ "{\"content\":\"t\",\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":"
	  "\"{\\\"a\\\":1}\",\"name\":\"n\"},\"id\":\"c\",\"type\":\"function\"}]}",
	  "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":"
	  "\"toolCall\",\"id\":\"c\",\"name\":\"n\",\"arguments\":{\"a\":1}}]}" },
	{ TOOL, "{\"role\":\"toolResult\",\"toolCallId\":\"c\",\"toolName\":\"\",\"content\":"
		"[{\"type\":\"text\",\"text\":\"r\"}],\"isError\":false}" },
	{ "{\"content\":null,\"role\":\"user\"}", NULL },
	{ "{\"content\":\"x\",\"extra\":1,\"role\":\"user\"}", NULL },
	{ "{\"content\":\"\",\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":"
	  "\"{ \\\"a\\\": 1 }\",\"name\":\"n\"},\"id\":\"c\",\"type\":\"function\"}]}",
	  NULL },
	{ "{\"content\":\"\",\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":"
	  "\"{cut\",\"name\":\"n\"},\"id\":\"c\",\"type\":\"function\"}]}",
	  NULL },
	{ "{\"content\":\"\",\"role\":\"assistant\",\"tool_calls\":{}}", NULL },
	{ "{\"role\":7}", NULL },
	{ "{}", NULL },
	{ "{\"content\":[\"bare\",1],\"role\":\"tool\"}", NULL },
	{ "{\"content\":\"\\ud800\\u003c\",\"role\":\"user\"}", NULL },
};
#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))

static void message__comes_back_from_pi(void **state)
{
	struct ramet_buf back = RAMET_BUF_INIT(1u << 20);
	size_t i;

	(void)state;
	for (i = 0; i < N_MESSAGES; i++) {
		assert_int_equal(rameti_ckpt_to_pi(parsed(messages[i].state), NULL, &out), 0);
		if (messages[i].pi)
			assert_string_equal(out.ptr, messages[i].pi);
		ramet_buf_reset(&back);
		assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&out), 0, NULL), 0);
		assert_int_equal(rameti_ckpt_from_pi(ramet_json_root(&doc), &back), 0);
		assert_string_equal(back.ptr, messages[i].state);
	}
	ramet_buf_release(&back);
}

#define IMAGE "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"mimeType\":\"\\u0061\"}]}"

static void message__of_roles_without_a_place_is_told(void **state)
{
	static const char *const ours[] = { "{\"role\":\"bashExecution\"}", "{\"role\":\"custom\"}",
					    "{}", IMAGE };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(rameti_ckpt_from_pi(parsed(ours[i]), &out), 1);
	assert_int_equal(rameti_ckpt_from_pi(parsed(ours[3]), &out), 0);
	assert_int_equal(rameti_ckpt_says(ramet_bytes_of("{\"type\":\"message\",\"message\":"
							 "{\"role\":\"user\",\"content\":\"\"}}")),
			 RAMETI_SAID);
	assert_int_equal(rameti_ckpt_says(ramet_bytes_of("{\"type\":\"label\"}")), RAMETI_CARRIED);
}

/* ---- sessions ---- */

/* To entries and back: the same text. */
static void session__comes_back_with_what_is_null(void **state)
{
	static const char *const values[] = { "null", "[]", "[\n        {}\n      ]" };
	static const char *const maps[] = { "null", "{}", "{\n        \"k\": null\n      }" };
	struct ramet_buf given = RAMET_BUF_INIT(4096), lines = RAMET_BUF_INIT(4096),
			 made = RAMET_BUF_INIT(4096), id = RAMET_BUF_INIT(64);
	struct ramet_json_doc session = RAMET_JSON_DOC_INIT;
	struct rameti_ckpt_session s;
	size_t i;

	(void)state;
	for (i = 0; i < 54; i++) {
		ramet_buf_reset(&given);
		ramet_buf_reset(&lines);
		ramet_buf_reset(&made);
		ramet_buf_reset(&id);
		ramet_buf_addf(&given, "{\n      \"ID\": \"s\",\n      "
				       "\"CreatedAt\": \"2026-04-10T12:00:01.239567Z\",\n      "
				       "\"UpdatedAt\": \"2026-04-10T12:00:01.239567Z\",\n      ");
		ramet_buf_addf(&given, "\"Messages\": %s,\n      \"UserTurns\": %s,\n      ",
			       values[i % 3], i / 3 % 2 ? "null" : "0");
		ramet_buf_addf(&given,
			       "\"Checkpoints\": %s,\n      \"FileCheckpoints\": %s\n    }",
			       maps[i / 6 % 3], maps[i / 18]);
		assert_int_equal(ramet_json_parse(&session, ramet_buf_bytes(&given), 0, NULL), 0);
		assert_int_equal(rameti_ckpt_view(ramet_json_root(&session), ramet_bytes_of("s"),
						  &s, NULL),
				 0);
		assert_int_equal(rameti_ckpt_entries(&s, ramet_bytes_of("s"), &lines, NULL, NULL),
				 0);
		assert_int_equal(rameti_ckpt_new_session(ramet_buf_bytes(&lines), 5, &id, &made,
							 NULL),
				 0);
		assert_string_equal(made.ptr, given.ptr);
	}
	ramet_json_doc_release(&session);
	ramet_buf_release(&given);
	ramet_buf_release(&lines);
	ramet_buf_release(&made);
	ramet_buf_release(&id);
}

/* ---- memory ---- */

static const char state_text[] =
	"{\"sessions\":{\"s\":{\"CreatedAt\":\"2026-01-01T00:00:00Z\",\"Messages\":[{\"role\":"
	"\"user\","
	"\"content\":\"x\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{"
	"\"name\":\"n\",\"arguments\":\"{}\"}}]}," TOOL
	"],\"Checkpoints\":{\"k\":[{\"role\":\"user\","
	"\"content\":\"x\"}],\"l\":[{}],\"ramet.raw\":[{\"at\":1,\"entry\":\"{\\\"id\\\":\\\"e\\\"}"
	"\"},"
	"{\"at\":9}]},\"FileCheckpoints\":{\"k\":{\"a\":null},\"z\":{}},\"More\":{\"x\":[1]}}}}";

static int all_ways(void)
{
	struct rameti_ckpt c = RAMETI_CKPT_INIT;
	struct ramet_buf text[4], lines = RAMET_BUF_INIT(1u << 20), made = RAMET_BUF_INIT(1u << 20),
				  id = RAMET_BUF_INIT(1u << 20), whole = RAMET_BUF_INIT(1u << 20);
	struct rameti_ckpt_change change = { .created_ns = 0 };
	struct rameti_ckpt_session s;
	size_t i, rest = 0;
	int r = rameti_ckpt_parse(&c, ramet_bytes_of(state_text), NULL);

	for (i = 0; i < 4; i++)
		ramet_buf_init(&text[i], 1u << 20);
	if (!r)
		r = rameti_ckpt_find(&c, ramet_bytes_of("s"), &s, NULL) == 1 ? 0 : RAMET_EFORMAT;
	if (!r)
		r = rameti_ckpt_entries(&s, ramet_bytes_of("s"), &lines, &rest, NULL);
	if (!r)
		r = rameti_ckpt_new_session(ramet_buf_bytes(&lines), 5, &id, &made, NULL);
	if (!r)
		r = rameti_ckpt_append(&s,
				       (struct ramet_bytes){ lines.ptr + rest, lines.len - rest },
				       &change, text, NULL);
	if (!r)
		r = rameti_ckpt_write(&c, ramet_bytes_of("t"), ramet_buf_bytes(&made),
				      ramet_bytes_of("t"), 1, &whole, NULL);
	for (i = 0; i < 4; i++)
		ramet_buf_release(&text[i]);
	ramet_buf_release(&lines);
	ramet_buf_release(&made);
	ramet_buf_release(&id);
	ramet_buf_release(&whole);
	rameti_ckpt_release(&c);
	return r;
}

static void memory__may_run_out_anywhere(void **state)
{
	unsigned n;
	int r, reached;

	(void)state;
	for (n = 1;; n++) {
		failing_memory_start(n);
		r = all_ways();
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		if (!reached)
			break;
	}
	assert_true(n > 100);
}

#define T(f) cmocka_unit_test_teardown(f, release)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(string__is_written_as_the_original_does),
		T(value__is_sorted_and_indented_or_kept),
		T(value__may_be_deep),
		T(object__changes_the_member_that_rules),
		T(time__has_nanoseconds),
		T(message__comes_back_from_pi),
		T(message__of_roles_without_a_place_is_told),
		T(session__comes_back_with_what_is_null),
		T(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

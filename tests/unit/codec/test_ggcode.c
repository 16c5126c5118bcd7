/*
 * test_ggcode.c - records of ggcode to entries of pi and back: the quick look against the whole
 * one, what comes back of entries that were written, and memory that runs out anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"
#include "gg_text.h"

#define TIME "\"timestamp\":\"2026-08-22T14:00:07.250Z\""
#define MS "\"timestamp\":1787407207250"

static void set_text(const char *quoted)
{
	char *p;

	ramet_buf_reset(&gg_text);
	ramet_buf_add_str(&gg_text, quoted);
	for (p = gg_text.ptr; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
}

static struct ramet_session *read_text(const char *quoted)
{
	set_text(quoted);
	return gg_open();
}

static void has_finding(const struct ramet_session *s, const char *code, uint32_t n)
{
	const struct ramet_findings *f = ramet_session_findings(s);
	uint32_t i, found = 0;

	for (i = 0; i < f->n; i++)
		found += !strcmp(f->items[i].code, code);
	assert_int_equal(found, n);
}

/* ---- recognising ---- */

static void sniff__tells_it_from_pi(void **state)
{
	(void)state;
	set_text("\n{'type':'meta','session_id':'x','created_at':'2026-08-01T10:00:00Z'}\n");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "ggcode");
	set_text("{'type':'message','message':{'role':'user','content':[]}}\n");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "ggcode");
	set_text("{'type':'ramet.entry','session_id':'x','created_at':'0001-01-01T00:00:00Z'}\n");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "ggcode");
	set_text("{'type':'message','session_id':'x','token_usage':{'input_to");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "ggcode");
	set_text("{'type':'session','version':3,'id':'a'}\n{'type':'message','message':{}}\n");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "pi");
	set_text("{'type':'message','id':'a','parentId':null,'message':{}}\n");
	assert_string_equal(ramet_codec_sniff(ramet_buf_bytes(&gg_text)), "pi");
}

/* ---- the quick look ---- */

static const char *const lines[] = {
	"{'type':'message','message':{'id':'a','role':'user','content':[]}}",
	"{'type':'message','session_id':'x','message':{'role':'user','content':"
	"[{'type':'text','text':'a\\\\'},{'type':'image','image_mime':'m','image_data':'d'}]}}",
	"{'type':'message','message':{'id':'a','role':'assistant','content':[{'type':'tool_use',"
	"'tool_name':'n','tool_id':'i','input':{'a':[1,{'b':']}'}]}},{'type':'text','text':'\\''}]}"
	","
	"'timestamp':'2026-08-22T14:00:07.25+08:00'}",
	"{'type':'message','message':{'id':'r','role':'user','content':[{'type':'tool_result',"
	"'tool_id':'1','output':'x'},{'type':'text','text':'t'},{'type':'text','text':'u'},"
	"{'type':'tool_result','tool_id':'2','is_error':true}]}}",
	"{'type':'message','message':{'id':'z','role':'user','content':[{'type':'tool_result',"
	"'images':[{'mime':'m','base64':'b'}]}]}}",
	"{'type':'message','message':{'id':'n','role':'user','content':null}}",
	"{'type':'message','message':{'id':'w','role':'user','content':[{'type':'text','text':7}]}"
	"}",
	"{'type':'message','message':{'id':'w','role':'user','content':[]},'timestamp':''}",
	"{'type':'message','message':{'id':'w','role':'user','content':[]},'Message':{'id':9}}",
	"{'type':'message','message':{'id':'w','role':'user','content':[{'type':'text',"
	"'input':1.5,'cache':true}]}}",
	"{'type':'message','message':{'id':'\\u0061','role':'user','content':[]}}",
	"{'type':'message','message':{'role':'system','content':[{'type':'text','text':'s'}]}}",
};

/* White space at the end is not what Go writes: the line is judged as a whole then. */
static void quick__says_what_the_whole_judgement_says(void **state)
{
	struct ramet_session *a, *b;
	char line[1024];
	size_t i;
	uint32_t k;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		a = read_text(lines[i]);
		snprintf(line, sizeof(line), "%s ", lines[i]);
		b = read_text(line);
		assert_int_equal(ramet_tree_count(ramet_session_tree(a)),
				 ramet_tree_count(ramet_session_tree(b)));
		for (k = 0; k < ramet_tree_count(ramet_session_tree(a)); k++) {
			const struct ramet_row *x = ramet_tree_row(ramet_session_tree(a), k);
			const struct ramet_row *y = ramet_tree_row(ramet_session_tree(b), k);

			assert_int_equal(x->type, y->type);
			assert_int_equal(x->role, y->role);
			assert_int_equal(x->time_ms, y->time_ms);
			assert_true(ramet_bytes_eq(ramet_tree_id(ramet_session_tree(a), k),
						   ramet_tree_id(ramet_session_tree(b), k)));
		}
		ramet_session_close(a);
		ramet_session_close(b);
	}
}

static void times__are_those_of_go(void **state)
{
	static const struct {
		const char *text;
		int valid;
		int64_t seconds;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 1, 0 },
		{ "0001-01-01T00:00:00Z", 1, RAMETI_GG_ZERO_TIME },
		{ "2026-08-22T14:00:07.25-05:30", 1, 1787427007 },
		{ "2024-02-29T00:00:00Z", 1, 1709164800 },
		{ "2023-02-29T00:00:00Z", 0, 0 },
		{ "2026-08-22T24:00:00Z", 0, 0 },
		{ "2026-08-22T14:00:60Z", 0, 0 },
		{ "2026-08-22T14:00:07.Z", 0, 0 },
		{ "2026-08-22T14:00:07,5Z", 0, 0 },
		{ "2026-08-22T14:00:07", 0, 0 },
		{ "2026-08-22 14:00:07Z", 0, 0 },
		{ "2026-08-22T14:00:07+0800", 0, 0 },
		{ "", 0, 0 },
	};
	struct rameti_gg_time t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rameti_gg_time_parse(ramet_bytes_of(cases[i].text), &t),
				 cases[i].valid);
		if (cases[i].valid)
			assert_int_equal(t.seconds, cases[i].seconds);
	}
	ramet_buf_reset(&gg_text);
	rameti_gg_add_time(&gg_text, 1787407207250);
	rameti_gg_add_time(&gg_text, 1787407207000);
	rameti_gg_add_time(&gg_text, 1787407210000);
	rameti_gg_add_time(&gg_text, RAMET_TIME_NONE);
	assert_string_equal(gg_text.ptr, "\"2026-08-22T14:00:07.25Z\"\"2026-08-22T14:00:07Z\""
				      "\"2026-08-22T14:00:10Z\"\"0001-01-01T00:00:00Z\"");
}

static void strings__are_escaped_as_by_go(void **state)
{
	static const char given[] = "\"\\/\b\f\n\r\t\x01\x7f<&>\xe2\x80\xa8\xe2\x80\xaa\xc3\xa9"
				    "\xf0\x9f\x98\x80\xff\xc3 \xed\xa0\x80";

	(void)state;
	ramet_buf_reset(&gg_text);
	rameti_gg_add_text(&gg_text, (struct ramet_bytes){ given, sizeof(given) - 1 }, 0);
	assert_string_equal(gg_text.ptr,
				      "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f<&>\\u2028\xe2\x80\xaa"
				      "\xc3\xa9\xf0\x9f\x98\x80\\ufffd\\ufffd \\ud800\"");
	ramet_buf_reset(&gg_text);
	rameti_gg_add_text(&gg_text, ramet_bytes_of("<&>"), 1);
	assert_string_equal(gg_text.ptr, "\"\\u003c\\u0026\\u003e\"");
}

/* ---- checkpoints ---- */

#define MESSAGE(id, role, words)                                                                   \
	"{'type':'message','message':{'id':'" id "','role':'" role                                 \
	"','content':[{'type':'text','text':'" words "'}]}}\n"
#define SUMMARY(id) MESSAGE(id, "system", "[Previous conversation summary]\\nsummed up")
#define CHECKPOINT(summary, last)                                                                  \
	"{'type':'checkpoint','checkpoint_summary_msg_id':'" summary                               \
	"','checkpoint_last_msg_id':'" last "','checkpoint_tokens':7}\n"

/* Roles of the context, a letter each. */
static void is_context(const struct ramet_session *s, const char *roles)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_context *c;
	char got[32];
	uint32_t i;

	assert_int_equal(ramet_context_new(&c, t, ramet_tree_leaf(t), NULL), 0);
	for (i = 0; i < c->n_messages && i < sizeof(got) - 1; i++)
		got[i] = *ramet_role_name(c->messages[i].role);
	got[i] = '\0';
	assert_string_equal(got, roles);
	ramet_context_free(c);
}

static void checkpoint__keeps_what_arrived_meanwhile(void **state)
{
	struct ramet_session *s = read_text(
		MESSAGE("a", "user", "1") MESSAGE("b", "assistant", "2") MESSAGE("c", "user", "3")
			SUMMARY("S") CHECKPOINT("S", "b") MESSAGE("d", "assistant", "4"));

	(void)state;
	is_context(s, "cua");
	has_finding(s, "dangling-target", 0);
	ramet_session_close(s);
}

static void checkpoint__finds_a_summary_behind_it(void **state)
{
	struct ramet_session *s = read_text(MESSAGE("a", "user", "1") CHECKPOINT("S", "a")
						    SUMMARY("S") MESSAGE("d", "assistant", "4"));

	(void)state;
	is_context(s, "ca");
	has_finding(s, "dangling-target", 0);
	assert_non_null(strstr(gg_entry(s, "S"), "\"tokensBefore\":7"));
	ramet_session_close(s);
}

static void checkpoint__that_dangles_is_none(void **state)
{
	struct ramet_session *s =
		read_text(MESSAGE("a", "user", "1") MESSAGE("b", "assistant", "2") CHECKPOINT(
			"nowhere", "b") "{'type':'checkpoint'}\n" MESSAGE("d", "user", "4")
				  CHECKPOINT("", "a"));

	(void)state;
	is_context(s, "uau");
	has_finding(s, "dangling-target", 1);
	ramet_session_close(s);
	/* the last message is gone: all before the summary counts as summed up */
	s = read_text(MESSAGE("a", "user", "1") SUMMARY("S") CHECKPOINT("S", "gone")
			      MESSAGE("d", "assistant", "4"));
	is_context(s, "ca");
	has_finding(s, "dangling-target", 1);
	ramet_session_close(s);
}

static void checkpoint__of_the_old_form_brings_its_list(void **state)
{
	struct ramet_session *s = read_text(MESSAGE("a", "user", "1") MESSAGE(
		"b", "assistant",
		"2") "{'type':'checkpoint','checkpoint_messages':[{'role':'system','content':[{'"
		     "type':"
		     "'text','text':'[Previous conversation "
		     "summary]\\nx'}]},{'role':'user','content':"
		     "[{'type':'tool_result','tool_id':'t'},{'type':'text','text':'k'}]}],"
		     "'checkpoint_tokens':9}\n" MESSAGE("d", "assistant", "4"));

	(void)state;
	is_context(s, "ctua");
	ramet_session_close(s);
}

/* ---- there and back ---- */

#define ENTRY(id, rest) "{\"type\":\"message\",\"id\":\"" id "\",\"parentId\":null," TIME rest "}"
#define SAID(id, message) ENTRY(id, ",\"message\":{" message "," MS "}")

static const char *const told[] = {
	SAID("u1",
	     "\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a \\\"b\\\" <c>\"}]"),
	SAID("u2", "\"role\":\"user\",\"content\":[{\"type\":\"image\",\"data\":\"AA==\","
		   "\"mimeType\":\"image/png\"},{\"type\":\"text\",\"text\":\"x\",\"own\":[1.0]}]"),
	SAID("a1",
	     "\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\","
	     "\"thinkingSignature\":\"s\"},{\"type\":\"thinking\",\"thinking\":\"\","
	     "\"thinkingSignature\":\"d\",\"redacted\":true},{\"type\":\"text\",\"text\":\"y\","
	     "\"textSignature\":\"q\"},{\"type\":\"toolCall\",\"id\":\"c1\",\"name\":\"read\","
	     "\"arguments\":{\"n\":12345678901234567890123,\"d\":1,\"d\":2},"
	     "\"thoughtSignature\":\"z\"}],\"api\":\"x\",\"provider\":\"p\",\"model\":\"m\","
	     "\"usage\":{\"input\":1},\"stopReason\":\"aborted\""),
	SAID("t1", "\"role\":\"toolResult\",\"toolCallId\":\"c1\",\"toolName\":\"read\","
		   "\"content\":[{\"type\":\"text\",\"text\":\"out\\n\"},{\"type\":\"image\","
		   "\"data\":\"BB\",\"mimeType\":\"m\"}],\"isError\":true,\"details\":{\"k\":1}"),
	SAID("t2", "\"role\":\"toolResult\",\"toolCallId\":\"c2\",\"toolName\":\"read\","
		   "\"content\":[{\"type\":\"image\",\"data\":\"BB\",\"mimeType\":\"m\"},"
		   "{\"type\":\"text\",\"text\":\"after\"}],\"isError\":false"),
	SAID("t3", "\"role\":\"toolResult\",\"toolCallId\":\"c3\",\"toolName\":\"read\","
		   "\"content\":[{\"type\":\"text\",\"text\":\"\"}],\"isError\":false"),
	SAID("s1", "\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"note\"}]"),
	ENTRY("b1", ",\"message\":{\"role\":\"bashExecution\",\"command\":\"ls\",\"output\":\"o\","
		    "\"exitCode\":0," MS "}"),
	ENTRY("b2", ",\"message\":{\"role\":\"bashExecution\",\"command\":\"ls\",\"output\":\"o\","
		    "\"exitCode\":0,\"excludeFromContext\":true," MS "}"),
	ENTRY("y1", ",\"message\":{\"role\":\"system\",\"content\":\"p\",\"sections\":{\"a\":\"b\"}"
		    "," MS "}"),
	"{\"type\":\"custom_message\",\"customType\":\"x\",\"content\":\"hi\",\"display\":true,"
	"\"id\":\"m1\",\"parentId\":null," TIME "}",
	"{\"type\":\"branch_summary\",\"id\":\"r1\",\"parentId\":null," TIME
	",\"fromId\":\"u1\",\"summary\":\"what was left\"}",
	"{\"type\":\"label\",\"id\":\"l1\",\"parentId\":null," TIME
	",\"targetId\":\"u1\",\"label\":\"here\"}",
	"{\"type\":\"thinking_level_change\",\"id\":\"v1\",\"parentId\":null," TIME
	",\"thinkingLevel\":\"high\"}",
	"{\"type\":\"custom\",\"customType\":\"x.y\",\"data\":{\"z\":[]},\"id\":\"k1\","
	"\"parentId\":null," TIME "}",
	"{\"type\":\"unheard_of\",\"id\":\"o1\",\"parentId\":null," TIME ",\"q\":1}",
};
#define N_TOLD (sizeof(told) / sizeof(told[0]))

/* The same but for the parent, which is the entry before. */
static void is_same(const char *expected, const char *got)
{
	struct ramet_json_doc a = RAMET_JSON_DOC_INIT, b = RAMET_JSON_DOC_INIT;
	const struct ramet_json *x, *y, *key = NULL, *v;

	assert_int_equal(ramet_json_parse(&a, ramet_bytes_of(expected), 0, NULL), 0);
	assert_int_equal(ramet_json_parse(&b, ramet_bytes_of(got), 0, NULL), 0);
	x = ramet_json_root(&a);
	y = ramet_json_root(&b);
	assert_int_equal(ramet_json_count(x), ramet_json_count(y));
	while ((key = ramet_json_next(x, key)) != NULL) {
		v = ramet_json_next(x, key);
		if (!ramet_json_text_is(key, "parentId") &&
		    !ramet_bytes_eq(ramet_json_raw(v),
				    ramet_json_raw(ramet_json_get_bytes(y, ramet_json_plain(key)))))
			fail_msg("%s\ncame back as\n%s", expected, got);
		key = v;
	}
	ramet_json_doc_release(&a);
	ramet_json_doc_release(&b);
}

static void entries__come_back_as_they_were(void **state)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_session *s;
	char id[8];
	size_t i;

	(void)state;
	gg_write(told, N_TOLD, 0);
	s = gg_open();
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), N_TOLD);
	assert_int_equal(ramet_session_findings(s)->n, 0);
	for (i = 0; i < N_TOLD; i++) {
		assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(told[i]), 0, NULL), 0);
		snprintf(id, sizeof(id), "%.*s",
			 RAMET_FMT(ramet_json_plain(ramet_json_get(ramet_json_root(&doc), "id"))));
		is_same(told[i], gg_entry(s, id));
	}
	ramet_json_doc_release(&doc);
	ramet_session_close(s);
}

static void message__is_written_as_go_writes_it(void **state)
{
	(void)state;
	gg_write(told, 1, 0);
	assert_string_equal(
		gg_text.ptr,
		"{\"type\":\"message\",\"session_id\":\"s1\",\"token_usage\":{\"input_tokens\":0,"
		"\"output_tokens\":0,\"cache_read_tokens\":0,\"cache_write_tokens\":0},"
		"\"created_at\":\"0001-01-01T00:00:00Z\",\"updated_at\":\"0001-01-01T00:00:00Z\","
		"\"message\":{\"id\":\"u1\",\"role\":\"user\",\"content\":[{\"type\":\"text\","
		"\"text\":\"a \\\"b\\\" <c>\"}]},\"timestamp\":\"2026-08-22T14:00:07.25Z\"}\n");
	gg_write(told, 1, 1);
	assert_string_equal(gg_text.ptr,
				      "{\"type\":\"message\",\"session_id\":\"s1\",\"created_at\":"
				      "\"0001-01-01T00:00:00Z\","
				      "\"updated_at\":\"0001-01-01T00:00:00Z\",\"message\":{"
				      "\"role\":\"user\",\"content\":"
				      "[{\"type\":\"text\",\"text\":\"a \\\"b\\\" <c>\"}]}}\n");
}

static void compaction__becomes_summary_and_checkpoint(void **state)
{
	static const char *const entries[] = {
		SAID("u1", "\"role\":\"user\",\"content\":\"one\""),
		SAID("u2", "\"role\":\"user\",\"content\":\"two\""),
		SAID("u3", "\"role\":\"user\",\"content\":\"three\""),
		"{\"type\":\"compaction\",\"id\":\"c1\",\"parentId\":\"u3\"," TIME
		",\"summary\":\"one and two\",\"firstKeptEntryId\":\"u3\",\"tokensBefore\":12}",
		SAID("u4", "\"role\":\"user\",\"content\":\"four\""),
	};
	struct ramet_session *s;

	(void)state;
	gg_write(entries, 5, 0);
	assert_non_null(strstr(gg_text.ptr, "\"checkpoint_summary_msg_id\":\"c1.summary\","
					 "\"checkpoint_last_msg_id\":\"u2\","
					 "\"checkpoint_tokens\":12}\n"));
	s = gg_open();
	is_context(s, "cuu");
	assert_non_null(strstr(gg_entry(s, "c1"),
			       "\"summary\":\"one and two\",\"firstKeptEntryId\":\"u3\","
			       "\"tokensBefore\":12"));
	assert_non_null(strstr(gg_entry(s, "c1.summary"), "\"customType\":\"ramet.summary\""));
	ramet_session_close(s);
	/* keeps nothing */
	gg_write(entries + 1, 1, 0);
	gg_write(
		(const char *const[]){ entries[0],
				       "{\"type\":\"compaction\",\"id\":\"c1\",\"summary\":\"s\","
				       "\"firstKeptEntryId\":\"c1\",\"tokensBefore\":0}",
				       entries[4] },
		3, 0);
	s = gg_open();
	is_context(s, "cu");
	ramet_session_close(s);
}

static void fields__are_written_whole(void **state)
{
	static const char *const entries[] = {
		"{\"type\":\"model_change\",\"id\":\"m1\"," TIME
		",\"provider\":\"v\",\"modelId\":\"m\",\"endpoint\":\"e\"}",
		"{\"type\":\"session_info\",\"id\":\"n1\"," TIME ",\"name\":\"N\"}",
		"{\"type\":\"session_info\",\"id\":\"n2\"," TIME ",\"name\":\"N\"}",
		"{\"type\":\"model_change\",\"id\":\"m2\"," TIME
		",\"provider\":\"w\",\"modelId\":\"m\"}",
	};
	struct ramet_session *s;
	struct ramet_buf name = RAMET_BUF_INIT(64);

	(void)state;
	gg_write(entries, 4, 0);
	assert_non_null(strstr(gg_text.ptr, "\"title\":\"N\",\"vendor\":\"v\",\"endpoint\":\"e\","
					 "\"model\":\"m\""));
	assert_non_null(strstr(gg_text.ptr, "\"title\":\"N\",\"vendor\":\"w\",\"model\":\"m\""));
	s = gg_open();
	/* three records: what was said already is not said again */
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 9);
	assert_int_equal(ramet_tree_name(ramet_session_tree(s), &name, NULL), 1);
	assert_string_equal(name.ptr, "N");
	ramet_buf_release(&name);
	ramet_session_close(s);
}

static void encode__never_writes_what_cannot_be_read(void **state)
{
	static const char *const entries[] = {
		SAID("u1", "\"role\":\"user\",\"content\":[{\"type\":\"strange\",\"text\":7}]"),
		SAID("u2", "\"role\":\"assistant\",\"content\":\"x\",\"Content\":3"),
		"{\"type\":\"message\",\"id\":\"u3\",\"message\":{\"role\":5}}",
		"{\"type\":\"usage\",\"id\":\"u4\",\"usage\":{\"INPUT_TOKENS\":\"a\"}}",
		"{\"type\":\"usage\",\"id\":\"u5\",\"usage\":[\"a\"]}",
	};
	struct ramet_session *s;

	(void)state;
	gg_write(entries, 5, 0);
	s = gg_open();
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 5);
	assert_int_equal(ramet_session_findings(s)->n, 0);
	assert_string_not_equal(gg_entry(s, "u1"), "");
	assert_string_not_equal(gg_entry(s, "u4"), "");
	assert_string_not_equal(gg_entry(s, "u5"), "");
	ramet_session_close(s);
}

/* ---- memory ---- */

static void encode__survives_every_failing_allocation(void **state)
{
	struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	struct rameti_encoder e;
	struct ramet_error err;
	unsigned n, reached = 1;
	size_t i;
	int r;

	(void)state;
	for (n = 1; reached && n < 5000; n++) {
		failing_memory_start(n);
		r = rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, &err);
		for (i = 0; r >= 0 && i < N_TOLD; i++)
			r = rameti_codec_ggcode.encode(&e, ramet_bytes_of(told[i]), &out, &err);
		if (r < 0)
			assert_int_equal(r, RAMET_ENOMEM);
		rameti_encoder_release(&e);
		ramet_buf_release(&out);
		reached = (unsigned)failing_memory_stop();
	}
	assert_true(n > 20);
}

static void reading__survives_every_failing_allocation(void **state)
{
	struct ramet_open_opts opts = { .format = "ggcode", .threads = 1 };
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_session *s;
	struct ramet_bytes json;
	unsigned n, reached = 1;
	uint32_t i;
	int r;

	(void)state;
	set_text("{'type':'meta','title':'T','workspace':'/"
		 "w','created_at':'2026-08-01T10:00:00Z'}\n" MESSAGE("a", "user", "1") SUMMARY("S")
			 CHECKPOINT("S", "a") CHECKPOINT("X", "a")
				 MESSAGE("d", "assistant", "\\u00e4") "{'type':'cost','cost':1}\n");
	for (n = 1; reached && n < 5000; n++) {
		failing_memory_start(n);
		s = NULL;
		r = ramet_session_open_bytes(&s, ramet_buf_bytes(&gg_text), &opts, NULL);
		for (i = 0; !r && i < ramet_tree_count(ramet_session_tree(s)); i++) {
			r = ramet_tree_entry(ramet_session_tree(s), i, &scratch, &json, NULL);
			if (r < 0)
				assert_int_equal(r, RAMET_ENOMEM);
		}
		ramet_session_close(s);
		ramet_buf_release(&scratch);
		reached = (unsigned)failing_memory_stop();
	}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sniff__tells_it_from_pi),
		cmocka_unit_test(quick__says_what_the_whole_judgement_says),
		cmocka_unit_test(times__are_those_of_go),
		cmocka_unit_test(strings__are_escaped_as_by_go),
		cmocka_unit_test(checkpoint__keeps_what_arrived_meanwhile),
		cmocka_unit_test(checkpoint__finds_a_summary_behind_it),
		cmocka_unit_test(checkpoint__that_dangles_is_none),
		cmocka_unit_test(checkpoint__of_the_old_form_brings_its_list),
		cmocka_unit_test(entries__come_back_as_they_were),
		cmocka_unit_test(message__is_written_as_go_writes_it),
		cmocka_unit_test(compaction__becomes_summary_and_checkpoint),
		cmocka_unit_test(fields__are_written_whole),
		cmocka_unit_test(encode__never_writes_what_cannot_be_read),
		cmocka_unit_test(encode__survives_every_failing_allocation),
		cmocka_unit_test(reading__survives_every_failing_allocation),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	ramet_buf_release(&gg_text);
	return failed;
}

/*
 * test_yoi.c - yoi's records to entries and back, in every generation that is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/yoi.h"
#include "failing.h"
#include "ramet.h"

#define TEXT_MAX (1u << 22)

static struct ramet_error why;

static const char *dq(const char *text, struct ramet_buf *b)
{
	for (ramet_buf_reset(b); *text; text++)
		ramet_buf_add_char(b, *text == '\'' ? '"' : *text);
	return b->len ? b->ptr : "";
}

static struct ramet_session *opened(struct ramet_bytes text)
{
	struct ramet_open_opts opts = { .format = "yoi" };
	struct ramet_session *s;

	if (ramet_session_open_bytes(&s, text, &opts, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

/* Lines with ' for ". */
static struct ramet_session *given(const char *text)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_session *s;

	(void)dq(text, &b);
	s = opened(ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return s;
}

static struct ramet_bytes entry_at(const struct ramet_session *s, uint32_t row, struct ramet_buf *b)
{
	struct ramet_bytes json;

	ramet_buf_reset(b);
	if (ramet_tree_entry(ramet_session_tree(s), row, b, &json, &why) < 0)
		fail_msg("row %u: %s", (unsigned)row, why.text);
	return json;
}

static void assert_has(const struct ramet_session *s, uint32_t row, const char *part)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX), q = b;
	struct ramet_bytes json = entry_at(s, row, &b);

	dq(part, &q);
	if (!memmem(json.ptr, json.len, q.ptr, q.len))
		fail_msg("row %u has no %s: %.*s", (unsigned)row, q.ptr, RAMET_FMT(json));
	ramet_buf_release(&b);
	ramet_buf_release(&q);
}

static uint32_t rows(const struct ramet_session *s)
{
	return ramet_tree_count(ramet_session_tree(s));
}

static uint32_t n_context(const struct ramet_session *s)
{
	struct ramet_context *c;
	uint32_t n;

	assert_int_equal(ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), &why),
			 0);
	n = c->n_messages;
	ramet_context_free(c);
	return n;
}

static int has_finding(const struct ramet_session *s, const char *code)
{
	const struct ramet_findings *f = ramet_session_findings(s);
	uint32_t i;

	for (i = 0; i < f->n; i++)
		if (!strcmp(f->items[i].code, code))
			return 1;
	return 0;
}

#define START                                                                                      \
	"{'kind':'segment_start','ts':1000,'session_id':'01a01180-11e8-7201-80c0-ffee00000001',"   \
	"'system_prompt':'P','config':{'stop_sequences':[]},'history':[{'kind':'message',"         \
	"'role':'user','content':[{'kind':'text','text':'seed'}]}]}\n"

/* ---- reading ---- */

static void yoi__start_is_config_prompt_and_history(void **unused)
{
	struct ramet_session *s = given(START);

	(void)unused;
	assert_int_equal(rows(s), 3);
	assert_has(s, 0, "'customType':'ramet.config'");
	assert_has(s, 1, "'message':{'role':'system','content':'P'");
	assert_has(s, 2, "'text':'seed'");
	assert_int_equal(ramet_session_header(s)->created_ms, 1000);
	ramet_session_close(s);
}

static void yoi__later_start_replaces_the_history(void **unused)
{
	struct ramet_session *s = given(START "{'kind':'user_input','ts':1,'segments':[]}\n" START);

	(void)unused;
	assert_int_equal(rows(s), 7);
	assert_int_equal(n_context(s), 2);
	ramet_session_close(s);
}

static void yoi__newline_commits_where_there_is_no_hash(void **unused)
{
	struct ramet_session *s = given(START "{'kind':'turn_end','ts':1,'turn_count':1}");

	(void)unused;
	assert_int_equal(rows(s), 3);
	assert_true(has_finding(s, "torn-tail"));
	ramet_session_close(s);
}

/* Lesson 16: old and unknown kinds stay, byte for byte. */
static void yoi__accident_16_unknown_kinds_and_members_are_kept(void **unused)
{
	struct ramet_session *s =
		given(START "{'kind':'future','ts':2,'x':{'y':[1.50]}}\n"
			    "{'kind':'turn_end','ts':3,'turn_count':1,'future':1}\n");

	(void)unused;
	assert_int_equal(rows(s), 5);
	assert_has(s, 3, "'customType':'ramet.raw'");
	assert_has(s, 3, "{\\'kind\\':\\'future\\',\\'ts\\':2,\\'x\\':{\\'y\\':[1.50]}}");
	assert_has(s, 4, "'customType':'ramet.turn_end','data':{'turn_count':1}");
	assert_true(has_finding(s, "unknown-type"));
	ramet_session_close(s);
}

/* Lesson 17: plural records of older versions are decoded by the same code as singular ones. */
static void yoi__accident_17_old_plural_records_are_shown(void **unused)
{
	struct ramet_session *s = given(
		START
		"{'kind':'assistant_items','ts':2,'items':[{'kind':'message','role':'assistant',"
		"'content':[{'kind':'text','text':'old'}]}]}\n");

	(void)unused;
	assert_int_equal(n_context(s), 3);
	assert_has(s, 3, "{'type':'text','text':'old'}");
	ramet_session_close(s);
}

/* Lesson 20: what the model saw is in the entry. */
static void yoi__accident_20_images_of_results_are_shown(void **unused)
{
	struct ramet_session *s = given(
		START "{'kind':'tool_result','ts':2,'item':{'kind':'tool_result','call_id':'c',"
		      "'summary':'s','attachments':[{'kind':'image','mime_type':'image/png',"
		      "'data':'QUJD'}],'is_error':true}}\n");

	(void)unused;
	assert_has(s, 3, "{'type':'image','data':'QUJD','mimeType':'image/png'}");
	assert_has(s, 3, "'isError':true");
	ramet_session_close(s);
}

static void yoi__run_of_items_is_one_message(void **unused)
{
	struct ramet_session *s = given(
		START "{'hash':'00','kind':'assistant_items','ts':2,'items':[{'type':'reasoning',"
		      "'text':'t'},{'type':'tool_call','call_id':'c','name':'n','arguments':'{}'},"
		      "{'type':'tool_call','call_id':'d','name':'n','arguments':'[1]'},"
		      "{'type':'tool_result','call_id':'c','summary':'s'},{'type':'message',"
		      "'role':'assistant','content':[]}]}\n");

	(void)unused;
	assert_int_equal(rows(s), 6);
	assert_has(s, 3, "{'type':'thinking','thinking':'t'}");
	assert_has(s, 3, "'arguments':{},'yoi':{'arguments':'[1]'}");
	assert_has(s, 4, "'toolCallId':'c'");
	ramet_session_close(s);
}

static void yoi__is_recognised_by_its_first_records(void **unused)
{
	static const char *const texts[] = {
		"{\"kind\":\"turn_end\",\"ts\":1,\"turn_count\":1}\n",
		"\xef\xbb\xbf\n{\"kind\":\"segment_start\",\"ts\":1",
		"garbage\n{\"kind\":\"session_start\",\"ts\":1}\n",
	};
	static const char *const others[] = { "", "[1]\n", "{\"type\":\"session\",\"id\":\"x\"}\n",
					      "{\"kind\":\"other\",\"ts\":1}\n", "\n\n\n" };
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(rameti_codec_yoi.sniff(ramet_bytes_of(texts[i])));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(rameti_codec_yoi.sniff(ramet_bytes_of(others[i])));
}

/* ---- there and back ---- */

#define E(type, id, more)                                                                          \
	"{'type':'" type "','id':'" id                                                             \
	"','parentId':null,'timestamp':'2026-03-01T10:00:00.000Z'" more "}"
#define M(id, message) E("message", id, ",'message':{" message "}")

static const char *const entries[] = {
	M("a1", "'role':'system','content':'Be brief.','timestamp':5"),
	M("a2", "'role':'user','content':'hi','timestamp':1772359200000"),
	M("a3", "'role':'user','content':[{'type':'text','text':'hi'}],'timestamp':1772359200000"),
	M("a4", "'role':'user','content':[{'type':'image','data':'QQ==','mimeType':'image/png'},"
		"{'type':'text','text':'look'}],'timestamp':5"),
	M("a5",
	  "'role':'assistant','content':[{'type':'thinking','thinking':'hm','thinkingSignature"
	  "':'s'},{'type':'text','text':'one'},{'type':'text','text':'two'},{'type':'toolCall',"
	  "'id':'c1','name':'read','arguments':{'path':'a','n':1e400}}],'provider':'p','model':"
	  "'m','usage':{'input':1,'cost':{'total':0.25}},'stopReason':'toolUse','timestamp':5"),
	M("a6", "'role':'toolResult','toolCallId':'c1','toolName':'read','content':[{'type':'text',"
		"'text':'x'},{'type':'text','text':'y'},{'type':'text','text':'z'}],'isError':true,"
		"'timestamp':5"),
	M("a7", "'role':'assistant','content':'plain','timestamp':5"),
	M("a8", "'role':'bashExecution','command':'ls','output':'x','timestamp':5"),
	M("a9", "'role':'user','content':'lone \\ud800 half','timestamp':5"),
	M("b1", "'role':'system','content':'later','timestamp':5"),
	M("b2", "'role':'assistant','content':[],'timestamp':5"),
	E("model_change", "c1", ",'provider':'p','modelId':'m'"),
	E("usage", "c2",
	  ",'kind':'cache_warm','provider':'p','model':'m','usage':{'input':7,"
	  "'output':2,'cacheRead':3,'cacheWrite':4}"),
	E("custom", "c3", ",'customType':'ramet.turn_end','data':{'turn_count':3}"),
	E("custom", "c4",
	  ",'customType':'ramet.run','data':{'interrupted':true,'result':'paused'}"),
	E("custom", "c5", ",'customType':'ramet.run','data':{'trigger':'user_send'}"),
	E("custom", "c6",
	  ",'customType':'ramet.config','data':{'config':{'max_tokens':5,"
	  "'temperature':0.7,'stop_sequences':['x']}}"),
	E("custom", "c7",
	  ",'customType':'ramet.extension','data':{'domain':'d','payload':{'b':1e300,"
	  "'a':[{}]}}"),
	E("custom", "c8", ",'customType':'mine','data':[1,2]"),
	E("compaction", "d1", ",'summary':'s','firstKeptEntryId':'a3','tokensBefore':10"),
	E("label", "d2", ",'targetId':'a2','label':'here'"),
	"{'type':'odd','id':'d3','parentId':'d2'}",
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

/* All entries as a file of this generation; 0, or the error. */
static int encode_all(int gen, struct ramet_buf *out)
{
	struct rameti_draft_header h = { .id = ramet_bytes_of(
						 "01a01180-11e8-7201-80c0-ffee00000001"),
					 .cwd = ramet_bytes_of("/w"),
					 .time_ms = 7 };
	struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf text = RAMET_BUF_INIT(TEXT_MAX);
	struct rameti_encoder e;
	size_t i;
	int r = rameti_encoder_init(&e, &rameti_codec_yoi, NULL, none, &why);

	e.dialect = gen;
	if (r >= 0)
		r = rameti_codec_yoi.start(&e, &h, out, &why);
	for (i = 0; r >= 0 && i < N_ENTRIES; i++) {
		(void)dq(entries[i], &text);
		r = ramet_buf_status(&text);
		if (!r)
			r = rameti_codec_yoi.encode(&e, ramet_buf_bytes(&text), out, &why);
	}
	rameti_encoder_release(&e);
	ramet_buf_release(&text);
	return r < 0 ? r : 0;
}

/* An entry without its parent, compact. */
static void without_parent(struct ramet_bytes json, struct ramet_buf *out)
{
	static const struct ramet_json_edit edit = { { "parentId", 8 }, { NULL, 0 } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;

	assert_int_equal(ramet_json_parse(&doc, json, 0, &why), 0);
	assert_int_equal(ramet_json_edit(out, json, ramet_json_root(&doc), &edit, 1, &why), 0);
	ramet_json_doc_release(&doc);
}

static void yoi__entries_are_the_same_there_and_back(void **unused)
{
	static const int gens[] = { RAMETI_YOI_G1,  RAMETI_YOI_G1B,    RAMETI_YOI_G1C,
				    RAMETI_YOI_G1D, RAMETI_YOI_BRIDGE, RAMETI_YOI_G2 };
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX), text = out, want = out, got = out;
	size_t g, i;

	(void)unused;
	for (g = 0; g < sizeof(gens) / sizeof(gens[0]); g++) {
		struct ramet_session *s;

		ramet_buf_reset(&out);
		assert_int_equal(encode_all(gens[g], &out), 0);
		s = opened(ramet_buf_bytes(&out));
		assert_int_equal(ramet_session_findings(s)->n, 0);
		assert_int_equal(rows(s), N_ENTRIES);
		assert_true(ramet_bytes_is(ramet_session_header(s)->cwd, "/w"));
		for (i = 0; i < N_ENTRIES; i++) {
			ramet_buf_reset(&want);
			ramet_buf_reset(&got);
			(void)dq(entries[i], &text);
			without_parent(ramet_buf_bytes(&text), &want);
			without_parent(entry_at(s, (uint32_t)i, &text), &got);
			assert_string_equal(got.ptr, want.ptr);
		}
		ramet_session_close(s);
	}
	ramet_buf_release(&out);
	ramet_buf_release(&text);
	ramet_buf_release(&want);
	ramet_buf_release(&got);
}

/* Every record that is written is one that the original would read. */
static void yoi__records_are_readable_for_the_original(void **unused)
{
	static const int gens[] = { RAMETI_YOI_G1, RAMETI_YOI_G1D, RAMETI_YOI_G2 };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	char text[200];
	size_t g;

	(void)unused;
	for (g = 0; g < sizeof(gens) / sizeof(gens[0]); g++) {
		struct ramet_bytes left;

		ramet_buf_reset(&out);
		assert_int_equal(encode_all(gens[g], &out), 0);
		for (left = ramet_buf_bytes(&out); left.len;) {
			struct ramet_bytes one = { left.ptr, rameti_scan_newline(left) };

			left.ptr += one.len + 1;
			left.len -= one.len + 1;
			assert_int_equal(ramet_json_parse(&doc, one, RAMET_JSON_STRICT, &why), 0);
			if (rameti_yoi_strict(ramet_json_root(&doc), gens[g], text, sizeof(text)))
				fail_msg("%s: %.*s", text, RAMET_FMT(one));
		}
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&out);
}

static void yoi__going_on_continues_the_chain(void **unused)
{
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX), q = out;
	struct ramet_bytes last;
	struct rameti_encoder e;
	struct rameti_yoi_link a, b;
	size_t n;

	(void)unused;
	assert_int_equal(encode_all(RAMETI_YOI_G1, &out), 0);
	n = out.len - 1;
	last.ptr = (const char *)memrchr(out.ptr, '\n', n) + 1;
	last.len = (size_t)(out.ptr + n - last.ptr);
	assert_true(rameti_yoi_link_of(last, &a));
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_yoi, NULL, last, &why), 0);
	assert_int_equal(rameti_codec_yoi.resume(&e, NULL, last, &why), 0);
	assert_int_equal(e.dialect, RAMETI_YOI_G1);
	dq(entries[1], &q);
	ramet_buf_reset(&out);
	assert_true(rameti_codec_yoi.encode(&e, ramet_buf_bytes(&q), &out, &why) >= 0);
	assert_true(rameti_yoi_link_of(ramet_buf_bytes(&out), &b));
	assert_memory_equal(a.hash, b.prev, 32);
	rameti_encoder_release(&e);
	/* a last line without a hash cannot be followed */
	last = ramet_bytes_of(
		"{\"prev_hash\":null,\"kind\":\"turn_end\",\"ts\":1,\"turn_count\":1}");
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_yoi, NULL, last, &why), 0);
	assert_int_equal(rameti_codec_yoi.resume(&e, NULL, last, &why), RAMET_EFORMAT);
	rameti_encoder_release(&e);
	ramet_buf_release(&out);
	ramet_buf_release(&q);
}

static void yoi__survives_without_memory(void **unused)
{
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	unsigned n;
	int r = -1;

	(void)unused;
	for (n = 1; r < 0; n++) {
		ramet_buf_reset(&out);
		failing_memory_start(n);
		r = encode_all(n % 2 ? RAMETI_YOI_G1 : RAMETI_YOI_G2, &out);
		ramet_buf_release(&out);
		if (!failing_memory_stop())
			break;
		if (r < 0)
			assert_int_equal(r, RAMET_ENOMEM);
		r = -1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yoi__start_is_config_prompt_and_history),
		cmocka_unit_test(yoi__later_start_replaces_the_history),
		cmocka_unit_test(yoi__newline_commits_where_there_is_no_hash),
		cmocka_unit_test(yoi__accident_16_unknown_kinds_and_members_are_kept),
		cmocka_unit_test(yoi__accident_17_old_plural_records_are_shown),
		cmocka_unit_test(yoi__accident_20_images_of_results_are_shown),
		cmocka_unit_test(yoi__run_of_items_is_one_message),
		cmocka_unit_test(yoi__is_recognised_by_its_first_records),
		cmocka_unit_test(yoi__entries_are_the_same_there_and_back),
		cmocka_unit_test(yoi__records_are_readable_for_the_original),
		cmocka_unit_test(yoi__going_on_continues_the_chain),
		cmocka_unit_test(yoi__survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_yoi_damage.c - yoi's records of every generation with one thing wrong: each entry can be
 * shown and written again, what is written is read by the original, and memory may run out
 * anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/yoi.h"
#include "damaged.h"

#define UUID "01a01180-11e8-7201-80c0-ffee00000001"
#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASHED "{'hash':'" SUM "','prev_hash':null,"
#define CONFIG                                                                                     \
	"{'max_tokens':5,'temperature':0.7,'top_p':null,'top_k':3,'stop_sequences':['x'],"         \
	"'reasoning':'low'}"

static const char *const lines[] = {
	"{'kind':'segment_start','ts':1000,'session_id':'" UUID "','system_prompt':'P','config':"
	CONFIG ",'history':[{'kind':'message','role':'user','content':[{'kind':'text','text':'s'}]}"
	",{'kind':'reasoning','text':'r','summary':['a'],'signature':'g'}],'forked_from':"
	"{'segment_id':'" UUID "','at_turn_index':3}}",
	HASHED "'kind':'session_start','ts':1000,'system_prompt':null,'config':" CONFIG
	",'history':[{'type':'message','role':'system','content':[{'type':'refusal','refusal':'n'}]"
	",'status':'completed'}],'compacted_from':{'session_id':'" UUID "','at_hash':'" SUM "'}}",
	"{'kind':'user_input','ts':2,'segments':[{'kind':'text','content':'c'},{'kind':'paste',"
	"'id':1,'chars':2,'lines':3,'content':'p'},{'kind':'file_ref','path':'f'},{'kind':'flow',"
	"'selector':'q'}],'extensions':[{'domain':'d','payload':{'b':1,'a':[]}}]}",
	HASHED "'kind':'user_input','ts':2,'item':{'type':'message','role':'user','content':"
	       "[{'type':'text','text':'u'}],'id':'i'}}",
	"{'kind':'assistant_item','ts':3,'item':{'kind':'message','role':'assistant','content':"
	"[{'kind':'text','text':'t'},{'kind':'refusal','refusal':'n'}]}}",
	"{'kind':'assistant_item','ts':3,'item':{'kind':'tool_call','call_id':'c','name':'n',"
	"'arguments':'{\\\"a\\\":[{}]}'}}",
	"{'kind':'assistant_items','ts':3,'items':[{'kind':'reasoning','text':'r'},{'kind':"
	"'tool_call','call_id':'c','name':'n','arguments':'{'},{'kind':'message','role':'user',"
	"'content':[]}]}",
	"{'kind':'tool_result','ts':4,'item':{'kind':'tool_result','call_id':'c','summary':'s',"
	"'content':'o','is_error':true,'attachments':[{'kind':'image','mime_type':'m','data':'d'}]}"
	"}",
	"{'kind':'tool_results','ts':4,'items':[{'kind':'tool_result','call_id':'c','summary':'s'},"
	"{'entry':{'kind':'tool_result','call_id':'d','summary':'s'}}]}",
	"{'kind':'hook_injected_items','ts':4,'items':[{'kind':'message','role':'system',"
	"'content':[{'kind':'text','text':'h'}]}]}",
	"{'kind':'system_item','ts':5,'item':{'kind':'notification','message':'m','body':'b'}}",
	HASHED "'kind':'system_items','ts':5,'items':[{'kind':'pod_event','event':{},'body':'b'},"
	       "{'kind':'message','role':'assistant','content':[]}]}",
	"{'kind':'invoke','ts':6,'trigger':'wakeup'}",
	"{'kind':'turn_end','ts':7,'turn_count':1}",
	"{'kind':'run_completed','ts':8,'interrupted':false,'result':'finished'}",
	"{'kind':'run_errored','ts':8,'interrupted':true,'message':'m'}",
	"{'kind':'config_changed','ts':9,'config':" CONFIG "}",
	"{'kind':'llm_usage','ts':9,'history_len':2,'input_total_tokens':9,'cache_read_tokens':3,"
	"'cache_write_tokens':2,'output_tokens':1}",
	"{'kind':'extension','ts':9,'domain':'d','payload':{'x':1}}",
	"{'kind':'extension','ts':9,'domain':'ramet.entry','payload':{'entry':'{\\\"type\\\":"
	"\\\"message\\\",\\\"id\\\":\\\"k\\\",\\\"message\\\":{\\\"role\\\":\\\"user\\\"}}'}}",
	"{'kind':'assistant_items','ts':9,'items':[{'kind':'tool_result','call_id':'c','summary':"
	"'s'},{'kind':'reasoning','text':'r'}],'ramet':'{\\\"id\\\":\\\"own\\\"}'}",
	"{'kind':'user_input','ts':9,'segments':[],'ramet':'{\\\"type\\\":\\\"label\\\","
	"\\\"id\\\":\\\"lab\\\"}'}",
	"{'kind':'annotated_segment_start','ts':1,'session_id':'" UUID "','history':[{'annotation'"
	":1,'item':{'kind':'message','role':'user','content':[]}}]}",
	"{'kind':'annotated_user_input','ts':1,'history':[{'item':{'kind':'message','role':'user',"
	"'content':[{'kind':'text','text':'a'}]}}],'segments':[{'kind':'text','content':'c'}]}",
	"{'kind':'annotated_assistant_item','ts':1,'entry':{'item':{'kind':'message','role':"
	"'assistant','content':[]}}}",
	"{'kind':'annotated_system_item','ts':1,'entry':{'item':{'kind':'interrupt','body':'b'}}}",
	HASHED "'kind':'locked','ts':1}",
};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

static const int gens[] = { RAMETI_YOI_G1,  RAMETI_YOI_G1B,    RAMETI_YOI_G1C,
			    RAMETI_YOI_G1D, RAMETI_YOI_BRIDGE, RAMETI_YOI_G2 };
#define N_GENS (sizeof(gens) / sizeof(gens[0]))

static struct ramet_buf text = RAMET_BUF_INIT(1u << 20);
static struct ramet_json_doc doc;

/* ---- reading ---- */

static void can_be_shown(void *user, struct ramet_bytes line)
{
	(void)user;
	ramet_buf_reset(&text);
	ramet_buf_add(&text, line);
	ramet_buf_add_str(&text, "\n{\"kind\":\"turn_end\",\"ts\":1,\"turn_count\":1}\n");
	damaged_check("yoi", ramet_buf_bytes(&text));
}

static void record__is_shown_whatever_is_wrong_with_it(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_LINES; i++)
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(lines[i])), can_be_shown,
					  NULL) > 50);
}

/* What is refused says why; what is read as strictly as the original does is a record. */
static void is_judged(void *user, struct ramet_bytes line)
{
	char why[200];
	size_t i;

	(void)user;
	assert_int_equal(ramet_json_parse(&doc, line, 0, NULL), 0);
	for (i = 0; i < N_GENS; i++) {
		*why = '\0';
		if (rameti_yoi_strict(ramet_json_root(&doc), gens[i], why, sizeof(why)))
			assert_true(strlen(why) > 5);
		else if (!rameti_yoi_kind_of(ramet_json_raw(
				 ramet_json_get(ramet_json_root(&doc), "kind"))))
			fail_msg("said to be readable: %.*s", RAMET_FMT(line));
	}
}

static void strict__refuses_or_knows_the_record(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_LINES; i++)
		(void)damaged_legal(ramet_bytes_of(damaged_quoted(lines[i])), is_judged, NULL);
}

/* The generation that the first lines tell is one that exists, and damage invents none. */
static void is_sniffed(void *user, struct ramet_bytes line)
{
	int gen, *told = user;

	ramet_buf_reset(&text);
	ramet_buf_add(&text, line);
	ramet_buf_add_str(&text, "\n[]\n\n");
	gen = rameti_yoi_sniff_gen(ramet_buf_bytes(&text));
	assert_true(gen >= RAMETI_YOI_NONE && gen <= RAMETI_YOI_G3);
	told[gen]++;
}

static void sniff__tells_a_generation_or_none(void **state)
{
	int told[RAMETI_YOI_G3 + 1] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_LINES; i++)
		(void)damaged_each(ramet_bytes_of(damaged_quoted(lines[i])), is_sniffed, told);
	for (i = RAMETI_YOI_NONE; i <= RAMETI_YOI_G3; i++)
		if (i != RAMETI_YOI_BRIDGE)
			assert_true(told[i] > 0);
}

/* ---- writing ---- */

#define E(type, id, more)                                                                          \
	"{'type':'" type "','id':'" id                                                             \
	"','parentId':null,'timestamp':'2026-03-01T10:00:00.000Z'," more "}"
#define M(id, message) E("message", id, "'message':{" message "}")
static const char *const entries[] = {
	M("a1", "'role':'system','content':'Be brief.','timestamp':5"),
	M("a3", "'role':'user','content':[{'type':'text','text':'hi'},{'type':'image','data':'Q',"
		"'mimeType':'m'}],'timestamp':1772359200000,'yoi':{'kind':'user_input','segments':"
		"[{'kind':'text','content':'hi'}]}"),
	M("a5",
	  "'role':'assistant','content':[{'type':'thinking','thinking':'hm','thinkingSignature"
	  "':'s','yoi':{'summary':['x'],'encrypted_content':'e'}},{'type':'text','text':'two',"
	  "'yoi':{'empty':true}},{'type':'toolCall','id':'c1','name':'read','arguments':{'n':1},"
	  "'yoi':{'arguments':'[1]'}}],'api':'yoi','provider':'p','model':'m','usage':{'input':1},"
	  "'stopReason':'toolUse','timestamp':5"),
	M("a6", "'role':'toolResult','toolCallId':'c1','toolName':'','content':[{'type':'text',"
		"'text':'x'},{'type':'image','data':'Q','mimeType':'m'}],'isError':true,"
		"'timestamp':5,'yoi':{'summary':'s'}"),
	E("usage", "c2",
	  "'kind':'cache_warm','usage':{'input':7,'output':2,'cacheRead':3,'cacheWrite':4},"
	  "'yoi':{'input_total_tokens':14,'history_len':2}"),
	E("custom", "c3", "'customType':'ramet.turn_end','data':{'turn_count':3}"),
	E("custom", "c4", "'customType':'ramet.run','data':{'interrupted':true,'result':'paused'}"),
	E("custom", "c5", "'customType':'ramet.run','data':{'interrupted':true,'message':'m'}"),
	E("custom", "c8", "'customType':'ramet.run','data':{'trigger':'worker_event'}"),
	E("custom", "c9", "'customType':'ramet.run','data':{'abandoned':true}"),
	E("custom", "c6", "'customType':'ramet.config','data':{'config':" CONFIG "}"),
	E("custom", "d6",
	  "'customType':'ramet.config','data':{'start':{'kind':'segment_start','session_id':'" UUID
	  "','forked_from':{'segment_id':'" UUID "','at_turn_index':1}},'config':" CONFIG "}"),
	E("custom", "c7",
	  "'customType':'ramet.extension','data':{'domain':'d','payload':{'b':1e300,'a':[{}],"
	  "'bb':-0,'':0.5}}"),
	E("custom", "e7",
	  "'customType':'ramet.raw','data':{'format':'yoi','entries':0,'record':"
	  "'{\\\"kind\\\":\\\"future\\\",\\\"ts\\\":2}'}"),
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static void can_be_written(void *user, struct ramet_bytes entry)
{
	damaged_encode("yoi", *(const int *)user, entry);
}

static void entry__is_written_so_that_it_can_be_read(void **state)
{
	static const int some[] = { RAMETI_YOI_G1, RAMETI_YOI_G1D, RAMETI_YOI_G2 };
	int gen;
	size_t i, g;

	(void)state;
	for (i = 0; i < N_ENTRIES; i++)
		for (g = 0; g < sizeof(some) / sizeof(some[0]); g++) {
			gen = some[g];
			(void)damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])),
					    can_be_written, &gen);
		}
}

/* ---- memory ---- */

static void memory__may_run_out_anywhere(void **state)
{
	size_t i;

	(void)state;
	ramet_buf_reset(&text);
	for (i = 0; i < N_LINES; i++) {
		ramet_buf_add_str(&text, damaged_quoted(lines[i]));
		ramet_buf_add_char(&text, '\n');
	}
	damaged_memory("yoi", text.ptr, 0);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&text);
	ramet_json_doc_release(&doc);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record__is_shown_whatever_is_wrong_with_it),
		cmocka_unit_test(strict__refuses_or_knows_the_record),
		cmocka_unit_test(sniff__tells_a_generation_or_none),
		cmocka_unit_test(entry__is_written_so_that_it_can_be_read),
		cmocka_unit_test(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

/*
 * test_ggcode_damage.c - records of ggcode with one thing wrong: the quick look and the whole one
 * agree, every entry can be shown and written again, and memory may run out anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/ggcode.h"
#include "damaged.h"

#define FILL                                                                                       \
	"'session_id':'s','token_usage':{'input_tokens':0,'output_tokens':0,"                      \
	"'cache_read_tokens':0,'cache_write_tokens':0},'created_at':'0001-01-01T00:00:00Z',"       \
	"'updated_at':'0001-01-01T00:00:00Z',"
#define STAMP "'timestamp':'2026-08-22T14:00:07.25Z'"

static const char user_line[] =
	"{'type':'message'," FILL "'message':{'id':'u','role':'user','content':[{'type':'text',"
	"'text':'t'},{'type':'tool_result','tool_id':'i','output':'o','is_error':true,"
	"'images':[{'mime':'m','base64':'b'}]},{'type':'image','image_mime':'m','image_data':'d'}"
	"],'Other':[{}]}," STAMP "}";
static const char quick_line[] =
	"{'type':'message','message':{'id':'p','role':'user','content':[{'type':'tool_result',"
	"'tool_id':'1','output':'x','is_error':false},{'type':'text','text':'t'},{'type':'text',"
	"'text':'u'}],'More':{'a':[1]}}," STAMP "}";
static const char assistant_line[] =
	"{'type':'message','session_id':'s','message':{'id':'a','role':'assistant','content':"
	"[{'type':'text','text':'y','reasoning_content':'r','thinking_signature':'g'},"
	"{'type':'tool_use','tool_name':'n','tool_id':'c','input':{'k':[1]}},"
	"{'type':'thinking','thinking_data':'d','cache':true}]}," STAMP "}";
static const char system_line[] =
	"{'type':'message','message':{'id':'S','role':'system','content':[{'type':'text','text':"
	"'[Previous conversation summary]\\nsum'}]}}";
static const char carried_line[] =
	"{'type':'ramet.entry'," FILL STAMP ",'entry':{'type':'message','id':'k','parentId':null,"
	"'timestamp':'2026-08-22T14:00:07.250Z','message':{'role':'custom','customType':'x',"
	"'content':'h','display':true},'x':1}}";
static const char label_line[] =
	"{'type':'ramet.entry','entry':{'type':'label','id':'l','parentId':null,"
	"'timestamp':'2026-08-22T14:00:07.250Z','targetId':'u','label':'h'}}";
static const char meta_line[] =
	"{'type':'meta','session_id':'s','title':'T','preview':'p','workspace':'/w','vendor':'v',"
	"'endpoint':'e','model':'m','tunnel_events_complete':true,'created_at':"
	"'2026-08-01T10:00:00Z','permission_mode':'p','sidebar_visible':false,'context_window':5}";
static const char usage_line[] =
	"{'type':'usage','usage_entry':{'timestamp':'2026-08-22T14:00:07Z','turn_index':3,"
	"'model':'m','vendor':'v','endpoint':'e','source':'chat','usage':{'input_tokens':5,"
	"'output_tokens':6,'cache_read_tokens':1,'cache_write_tokens':2,'prompt_tokens_total':8}}}";
static const char metric_line[] =
	"{'type':'metric','metric_event':{'timestamp':'2026-08-22T14:00:07Z','turn_index':3,"
	"'type':'llm','ttft':1,'tool_success':true,'tool_error':''}}";
static const char tunnel_line[] =
	"{'type':'tunnel_event','tunnel_event':{'event_id':'e','stream_id':'q','type':'y',"
	"'data':{'z':[]}}}";
static const char check_line[] = "{'type':'checkpoint','checkpoint_summary_msg_id':'S',"
				 "'checkpoint_last_msg_id':'u','checkpoint_tokens':7}";
static const char old_check_line[] =
	"{'type':'checkpoint','checkpoint_messages':[{'role':'system','content':[{'type':'text',"
	"'text':'[Previous conversation summary]\\nx'}]},{'role':'user','content':[{'type':"
	"'tool_result','tool_id':'t'},{'type':'text','text':'k'}]}],'checkpoint_tokens':9}";
static const char cost_line[] = "{'type':'cost','cost':{'a':1}}";

static const char *const lines[] = { user_line,	  assistant_line, system_line,	  carried_line,
				     label_line,  meta_line,	  usage_line,	  metric_line,
				     tunnel_line, check_line,	  old_check_line, cost_line };
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

/* ---- reading ---- */

static struct ramet_buf text = RAMET_BUF_INIT(1u << 20), spaced = RAMET_BUF_INIT(1u << 20);

static struct ramet_session *opened(const struct ramet_buf *b)
{
	struct ramet_open_opts opts = { .format = "ggcode", .threads = 1 };
	struct ramet_session *s = NULL;

	(void)ramet_session_open_bytes(&s, ramet_buf_bytes(b), &opts, NULL);
	return s;
}

/* White space at the end is not what Go writes: the line is judged as a whole then. */
static void is_judged_alike(void *user, struct ramet_bytes line)
{
	struct ramet_session *a, *b;
	uint32_t i;

	(void)user;
	ramet_buf_reset(&text);
	ramet_buf_add(&text, line);
	ramet_buf_reset(&spaced);
	ramet_buf_add(&spaced, line);
	ramet_buf_add_char(&spaced, ' ');
	a = opened(&text);
	b = opened(&spaced);
	assert_true(!a == !b);
	for (i = 0; a && i < ramet_tree_count(ramet_session_tree(a)); i++) {
		const struct ramet_row *x = ramet_tree_row(ramet_session_tree(a), i);
		const struct ramet_row *y = ramet_tree_row(ramet_session_tree(b), i);

		if (x->type != y->type || x->role != y->role || x->time_ms != y->time_ms ||
		    !ramet_bytes_eq(ramet_tree_id(ramet_session_tree(a), i),
				    ramet_tree_id(ramet_session_tree(b), i)))
			fail_msg("judged otherwise: %.*s", RAMET_FMT(line));
	}
	if (a)
		assert_int_equal(ramet_tree_count(ramet_session_tree(a)),
				 ramet_tree_count(ramet_session_tree(b)));
	ramet_session_close(a);
	ramet_session_close(b);
}

static void quick__agrees_about_any_damage(void **state)
{
	static const char *const quick[] = { user_line, quick_line, assistant_line,
					     carried_line, label_line };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(quick) / sizeof(quick[0]); i++)
		assert_true(damaged_each(ramet_bytes_of(damaged_quoted(quick[i])), is_judged_alike,
					 NULL) > 500);
}

/* Between records that it may have to do with. */
static void can_be_shown(void *user, struct ramet_bytes line)
{
	const char *const *around = user;

	ramet_buf_reset(&text);
	ramet_buf_add_str(&text, around[0]);
	ramet_buf_add(&text, line);
	ramet_buf_add_str(&text, around[1]);
	damaged_check("ggcode", ramet_buf_bytes(&text));
}

static void record__is_shown_whatever_is_wrong_with_it(void **state)
{
	static const char *const around[2] = {
		"{\"type\":\"meta\",\"title\":\"T\"}\n",
		"\n{\"type\":\"message\",\"message\":{\"id\":\"z\",\"role\":\"user\",\"content\":"
		"[{\"type\":\"text\",\"text\":\"z\"}]}}\n",
	};
	char first[2048], last[2048];
	const char *checkpoint[2] = { first, last };
	size_t i;

	(void)state;
	for (i = 0; i < N_LINES; i++)
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(lines[i])), can_be_shown,
					  (void *)(uintptr_t)around) > 50);
	/* a summary or a last message that is not what it should be */
	(void)snprintf(first, sizeof(first), "%s\n", damaged_quoted(user_line));
	(void)snprintf(last, sizeof(last), "\n%s\n", damaged_quoted(check_line));
	damaged_legal(ramet_bytes_of(damaged_quoted(system_line)), can_be_shown, checkpoint);
	(void)snprintf(first, sizeof(first), "%s\n", damaged_quoted(check_line));
	(void)snprintf(last, sizeof(last), "\n%s\n", damaged_quoted(user_line));
	damaged_legal(ramet_bytes_of(damaged_quoted(system_line)), can_be_shown, checkpoint);
	(void)snprintf(first, sizeof(first), "%s\n", damaged_quoted(user_line));
	(void)snprintf(last, sizeof(last), "\n%s\n", damaged_quoted(system_line));
	damaged_legal(ramet_bytes_of(damaged_quoted(check_line)), can_be_shown, checkpoint);
}

/* A summary of this text under the name that the checkpoint has for it. */
#define SUMMARY(words)                                                                             \
	"{'type':'message','message':{'id':'S','role':'system','content':[" words "]}}"
#define CARRIED(type, id, more)                                                                    \
	"{'type':'ramet.entry','entry':{'type':'" type "','id':'" id "','parentId':null,"          \
	"'timestamp':'2026-08-22T14:00:07.250Z'," more "}}"
static const char *const others[] = {
	"",
	check_line,
	old_check_line,
	user_line,
	carried_line,
	meta_line,
	cost_line,
	SUMMARY("{'type':'text','text':'[Previous conversation summary]'}"),
	SUMMARY("{'type':'text','text':'[Previous conversation summary] x'}"),
	SUMMARY("{'type':'text','text':'[Previous conversation summary]\\ny'},{'type':'image'}"),
	SUMMARY("{'type':'text','text':'[Previous conversation summary]\\nz','cache':true}"),
	SUMMARY("{'type':'image'},{'type':'text','text':'no summary'}"),
	CARRIED("custom_message", "u", "'customType':'x','content':'c'"),
	CARRIED("branch_summary", "S", "'fromId':'u','summary':'w'"),
	"{'type':'checkpoint','checkpoint_summary_msg_id':'S','checkpoint_last_msg_id':'S'}",
	"{'type':'checkpoint','checkpoint_summary_msg_id':'','checkpoint_messages':[]}",
	"{'type':'checkpoint','checkpoint_summary_msg_id':'gone','checkpoint_last_msg_id':'u'}",
};
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

static void record__is_shown_among_any_others(void **state)
{
	size_t i, k, n;

	(void)state;
	for (i = 0; i < N_OTHERS * N_OTHERS * N_OTHERS; i++) {
		ramet_buf_reset(&text);
		for (k = i, n = 0; n < 3; n++, k /= N_OTHERS)
			ramet_buf_addf(&text, "%s\n", damaged_quoted(others[k % N_OTHERS]));
		assert_true(damaged_check("ggcode", ramet_buf_bytes(&text)) >= 0);
	}
	/* a summary so far behind its checkpoint that nobody looks for that */
	ramet_buf_reset(&text);
	ramet_buf_addf(&text, "%s\n", damaged_quoted(check_line));
	for (i = 0; i < 300; i++)
		ramet_buf_addf(&text, "%s\n", damaged_quoted(cost_line));
	ramet_buf_addf(&text, "%s\n", damaged_quoted(system_line));
	assert_int_equal(damaged_check("ggcode", ramet_buf_bytes(&text)), 302);
}

/* ---- writing ---- */

#define BEGIN(type, id) "{'type':'" type "','id':'" id "','parentId':null,"
#define TIME "'timestamp':'2026-08-22T14:00:07.250Z',"
static const char *const entries[] = {
	BEGIN("message", "u") TIME "'message':{'role':'user','content':[{'type':'text','text':'t'},"
				   "{'type':'image','data':'AA==','mimeType':'image/png'}],"
				   "'timestamp':1787407207250}}",
	BEGIN("message", "v") TIME "'message':{'role':'user','content':'t'}}",
	BEGIN("message", "a") TIME
	"'message':{'role':'assistant','content':[{'type':'thinking','thinking':'h',"
	"'thinkingSignature':'s','redacted':true},{'type':'text','text':'y','textSignature':'q'},"
	"{'type':'toolCall','id':'c','name':'n','arguments':{'n':1},'thoughtSignature':'z'}],"
	"'api':'x','provider':'p','model':'m','usage':{'input':1,'output':2,'totalTokens':3,"
	"'cost':{'total':1}},'stopReason':'aborted','timestamp':1787407207250}}",
	BEGIN("message", "t") TIME
	"'message':{'role':'toolResult','toolCallId':'c','toolName':'n','content':[{'type':'text',"
	"'text':'o'},{'type':'image','data':'B','mimeType':'m'}],'isError':true,'details':{'k':1},"
	"'timestamp':1787407207250}}",
	BEGIN("message", "s") TIME "'message':{'role':'system','content':[{'type':'text',"
				   "'text':'n'}],'sections':{'a':'b'}}}",
	BEGIN("message", "b") TIME "'message':{'role':'bashExecution','command':'ls','output':'o',"
				   "'exitCode':0,'excludeFromContext':true}}",
	BEGIN("message", "h") TIME "'message':{'role':'custom','customType':'x','content':"
				   "[{'type':'text','text':'n'}],'display':true}}",
	BEGIN("custom_message", "m") TIME "'customType':'x','content':'h','display':true}",
	BEGIN("branch_summary", "r") TIME "'fromId':'u','summary':'w'}",
	BEGIN("compaction", "c") TIME
	"'summary':'s','firstKeptEntryId':'u','tokensBefore':12,'details':{'format':'ggcode',"
	"'summaryId':'S','lastId':'u','behind':true}}",
	BEGIN("custom", "i") TIME "'customType':'ramet.summary','data':{'summary':'s','message':"
				  "{'role':'system','content':[{'type':'text','text':'n'}]}}}",
	BEGIN("custom", "g") TIME "'customType':'ramet.config','data':{'format':'ggcode','record':"
				  "{'type':'meta','session_id':'o','title':'T','vendor':'v'}}}",
	BEGIN("custom", "w") TIME
	"'customType':'ramet.raw','data':{'format':'ggcode','entries':0,'record':"
	"'{\\\"type\\\":\\\"cost\\\",\\\"cost\\\":1}'}}",
	BEGIN("custom", "e") TIME "'customType':'ramet.tunnel','data':{'event_id':'e'}}",
	BEGIN("usage", "k") TIME "'kind':'chat','provider':'v','model':'m','endpoint':'e',"
				 "'usage':{'input':1,'output':2,'cacheRead':3,'cacheWrite':4,"
				 "'totalTokens':10,'cost':{}},'turn_index':3,'more':1}",
	BEGIN("session_info", "n") TIME "'name':'N'}",
	BEGIN("model_change", "o") TIME "'provider':'v','modelId':'m','endpoint':'e'}",
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static void can_be_written(void *user, struct ramet_bytes entry)
{
	damaged_encode("ggcode", *(const int *)user, entry);
}

static void entry__is_written_so_that_it_can_be_read(void **state)
{
	int dialect;
	size_t i;

	(void)state;
	for (i = 0; i < N_ENTRIES; i++)
		for (dialect = 0; dialect < 2; dialect++)
			assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])),
						  can_be_written, &dialect) > 100);
}

static void memory__may_run_out_anywhere(void **state)
{
	size_t i;

	(void)state;
	ramet_buf_reset(&text);
	for (i = 0; i < N_LINES; i++) {
		ramet_buf_add_str(&text, damaged_quoted(lines[i]));
		ramet_buf_add_char(&text, '\n');
	}
	ramet_buf_add_str(&text, damaged_quoted(system_line));
	damaged_memory("ggcode", text.ptr, 1);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&text);
	ramet_buf_release(&spaced);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quick__agrees_about_any_damage),
		cmocka_unit_test(record__is_shown_whatever_is_wrong_with_it),
		cmocka_unit_test(record__is_shown_among_any_others),
		cmocka_unit_test(entry__is_written_so_that_it_can_be_read),
		cmocka_unit_test(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

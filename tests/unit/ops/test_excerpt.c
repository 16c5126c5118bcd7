/* Tests of ops/excerpt.c. */
#include "given.h"

#include <string.h>

#define MAX_LEN 120

static int last_excerpt(const struct ramet_session *s, struct ramet_buf *out,
			struct ramet_error *err)
{
	return ramet_entry_excerpt(s, ramet_tree_count(ramet_session_tree(s)) - 1, MAX_LEN, out,
				   err);
}

/* What is shown for an entry with these members. */
static void assert_shown(const char *members, const char *expected)
{
	struct ramet_buf text = RAMET_BUF_INIT(10000);
	struct ramet_buf out = RAMET_BUF_INIT(MAX_LEN);
	struct ramet_session *s;

	ramet_buf_addf(&text, "%s{'id':'a','parentId':null,%s}\n", HEADER, members);
	s = given(text.ptr);
	assert_int_equal(last_excerpt(s, &out, NULL), 0);
	assert_string_equal(ramet_buf_bytes(&out).ptr, expected);
	ramet_session_close(s);
	ramet_buf_release(&text);
	ramet_buf_release(&out);
}
#define MESSAGE(message) "'type':'message','message':{" message "}"

static void excerpt__of_messages_is_their_text(void **state)
{
	(void)state;
	assert_shown(MESSAGE("'role':'user','content':'  fix\\n\\tthe bug '"), "fix the bug");
	assert_shown(
		MESSAGE("'role':'user','content':[{'type':'text','text':'one'},{'type':'image'},"
			"{'type':'text','text':'two'}]"),
		"one two");
	assert_shown(MESSAGE("'role':'user','content':[{'type':'image','data':'xx'}]"), "[image]");
	assert_shown(MESSAGE("'role':'assistant','content':[{'type':'thinking','thinking':'hm'},"
			     "{'type':'text','text':'done'},{'type':'toolCall','name':'x'}]"),
		     "done");
	assert_shown(MESSAGE("'role':'strange','content':'text'"), "text");
	assert_shown(MESSAGE("'role':'custom','customType':'note','content':[]"), "note");
	assert_shown(MESSAGE("'role':'branchSummary','summary':'went there'"), "went there");
}

static void excerpt__of_tool_calls_names_them(void **state)
{
	(void)state;
	assert_shown(MESSAGE("'role':'assistant','content':[{'type':'toolCall','name':'read',"
			     "'arguments':{'limit':5,'path':'src/a.c'}}]"),
		     "\xe2\x86\x92 read(src/a.c)");
	assert_shown(
		MESSAGE("'role':'assistant','content':[{'type':'toolCall','name':'bash',"
			"'arguments':{'command':'make\\n  all'}},{'type':'toolCall','name':'stop'},"
			"{'type':'toolCall','name':'n','arguments':{'a':1}}]"),
		"\xe2\x86\x92 bash(make all) \xe2\x86\x92 stop() \xe2\x86\x92 n({\"a\":1})");
	assert_shown(
		MESSAGE("'role':'assistant','content':[{'type':'toolCall','name':'w','arguments':"
			"{'x':0,'y':'0123456789012345678901234567890123456789012345678901234567890'"
			"}}]"),
		"\xe2\x86\x92 "
		"w(012345678901234567890123456789012345678901234567890123456789\xe2\x80\xa6)");
}

static void excerpt__of_an_empty_answer_tells_why(void **state)
{
	(void)state;
	assert_shown(MESSAGE("'role':'assistant','content':[],'errorMessage':'overloaded'"),
		     "overloaded");
	assert_shown(MESSAGE("'role':'assistant','content':[],'stopReason':'aborted'"), "aborted");
	assert_shown(MESSAGE("'role':'assistant','content':[],'stopReason':'stop'"), "");
	assert_shown(MESSAGE("'role':'assistant','content':[{'type':'thinking','thinking':'hm'}]"),
		     "hm");
}

static void excerpt__of_tools_and_shell(void **state)
{
	(void)state;
	assert_shown(MESSAGE("'role':'toolResult','toolName':'read','content':[{'type':'text','"
			     "text':'#!\\n'}]"),
		     "read: #!");
	assert_shown(MESSAGE("'role':'toolResult','content':[{'type':'image'}]"), "[image]");
	assert_shown(MESSAGE("'role':'bashExecution','command':'ls -l','output':'x'"), "$ ls -l");
	assert_shown(MESSAGE("'role':'system','content':'','sections':{'a':'first','b':null,'c':'"
			     "second'}"),
		     "first second");
}

static void excerpt__of_other_entries(void **state)
{
	(void)state;
	assert_shown("'type':'model_change','provider':'p','modelId':'m'", "p/m");
	assert_shown("'type':'model_change','modelId':'m'", "m");
	assert_shown("'type':'thinking_level_change','thinkingLevel':'high'", "high");
	assert_shown("'type':'usage','kind':'cache_warm','provider':'p','model':'m'",
		     "cache_warm p/m");
	assert_shown("'type':'compaction','summary':'so far\\n\\n- x'", "so far - x");
	assert_shown("'type':'branch_summary','summary':'left'", "left");
	assert_shown("'type':'custom','customType':'my.state','data':{'x':1}", "my.state");
	assert_shown("'type':'custom_message','customType':'note','content':'hello'", "hello");
	assert_shown("'type':'context_edit','targetId':'b','replacement':null", "omit b");
	assert_shown("'type':'context_edit','targetId':'b','replacement':{'content':'less'}",
		     "replace b: less");
	assert_shown("'type':'label','targetId':'b','label':'mark'", "label on b: mark");
	assert_shown("'type':'label','targetId':'b','label':''", "label on b cleared");
	assert_shown("'type':'label','targetId':'b'", "label on b cleared");
	assert_shown("'type':'session_info','name':' my session '", "my session");
	assert_shown("'type':'session_info'", "no name");
	assert_shown("'type':'leaf','targetId':'x'", "leaf");
	assert_shown("'x':1", "");
}

static void excerpt__of_wrong_kinds_is_empty(void **state)
{
	(void)state;
	assert_shown("'type':'message'", "");
	assert_shown(MESSAGE(""), "");
	assert_shown("'type':'message','message':[1]", "");
	assert_shown(MESSAGE("'role':'user','content':{'type':'text','text':'x'}"), "");
	assert_shown(MESSAGE("'role':'user','content':[1,null,{'type':'text','text':7}]"), "");
	assert_shown(MESSAGE("'role':'assistant','content':[{'type':'toolCall','name':[],'"
			     "arguments':5}]"),
		     "\xe2\x86\x92 (5)");
	assert_shown("'type':'compaction','summary':['x']", "");
	assert_shown("'type':7", "");
}

static void excerpt__neutralises_escapes(void **state)
{
	(void)state;
	assert_shown(MESSAGE("'role':'user','content':'\\u001b[2J\\u202egnp.exe\\u0000\\ud800x'"),
		     "[2J gnp.exe \xef\xbf\xbdx");
	assert_shown(MESSAGE("'role':'toolResult','toolName':'a\\u001b','content':'\\u009bx'"),
		     "a : x");
	assert_shown("'type':'label','targetId':'\\u001b','label':'\\u2066x'", "label on : x");
}

static void excerpt__is_cut(void **state)
{
	struct ramet_session *s =
		given(HEADER USER("a", "null", "01:00.000", "\\u6f22\\u6f22\\u6f22"));
	struct ramet_buf out = RAMET_BUF_INIT(100);

	(void)state;
	assert_int_equal(ramet_entry_excerpt(s, 0, 7, &out, NULL), 0);
	assert_string_equal(out.ptr, "\xe6\xbc\xa2\xe6\xbc\xa2");
	ramet_buf_reset(&out);
	assert_int_equal(ramet_entry_excerpt(s, 0, 0, &out, NULL), 0);
	assert_int_equal(out.len, 0);
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void excerpt__survives_no_memory(void **state)
{
	const char *text = HEADER ENTRY(
		"message", "a", "null", "01:00.000",
		",'message':{'role':'assistant',"
		"'content':[{'type':'toolCall','name':'read','arguments':{'path':'src/a.c'}}]}");

	(void)state;
	assert_survives_no_memory(last_excerpt, text);
	assert_survives_no_memory(last_excerpt, HEADER USER("a", "null", "01:00.000", "some text"));
	assert_keeps_limit(last_excerpt, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excerpt__of_messages_is_their_text),
		cmocka_unit_test(excerpt__of_tool_calls_names_them),
		cmocka_unit_test(excerpt__of_an_empty_answer_tells_why),
		cmocka_unit_test(excerpt__of_tools_and_shell),
		cmocka_unit_test(excerpt__of_other_entries),
		cmocka_unit_test(excerpt__of_wrong_kinds_is_empty),
		cmocka_unit_test(excerpt__neutralises_escapes),
		cmocka_unit_test(excerpt__is_cut),
		cmocka_unit_test(excerpt__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

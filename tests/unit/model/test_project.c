/*
 * project.c: what each selected entry contributes, byte for byte where nothing changes, and what
 * context edits make of it.
 */
#include "small_tree.h"

#define TIME(second) "'timestamp':17723592" second

static void stored_message__is_given_as_written(void **state)
{
	(void)state;
	assert_answer("{'type':'message','id':'a','message': { 'role' : 'user', 'n':1.50e+2,"
		      "'x':'\\u0041\\/\\ud800','content':[ ],'n':12345678901234567890123} }", "",
		      write_messages,
		      "{ 'role' : 'user', 'n':1.50e+2,'x':'\\u0041\\/\\ud800','content':[ ],"
		      "'n':12345678901234567890123}\n");
}

static void stored_message__without_content_gets_an_empty_one(void **state)
{
	(void)state;
	assert_answer(MESSAGE("a", "null", "'role':'user','content':null,'x':1")
		      MESSAGE("b", "'a'", "'role':'assistant'")
		      MESSAGE("c", "'b'", "'role':'toolResult','content': null")
		      MESSAGE("d", "'c'", "'role':'system'")
		      MESSAGE("e", "'d'", "'role':'custom','content':null")
		      MESSAGE("f", "'e'", "'role':'strange'")
		      MESSAGE("g", "'f'", "'role':'user','content':false"), "", write_messages,
		      "{'role':'user','content':[],'x':1}\n"
		      "{'role':'assistant','content':[]}\n"
		      "{'role':'toolResult','content': []}\n"
		      "{'role':'system','content':''}\n"
		      "{'role':'custom','content':null}\n"
		      "{'role':'strange'}\n"
		      "{'role':'user','content':false}\n");
}

static void message_entry__without_a_message_gives_nothing(void **state)
{
	(void)state;
	assert_answer(ENTRY("message", "a", "null", "00", "")
		      ENTRY("message", "b", "'a'", "00", ",'message':null")
		      ENTRY("message", "c", "'b'", "00", ",'message':'text'"), "", write_selection,
		      "a0 b0 c0");
}

static void custom_message__is_built_with_the_members_it_has(void **state)
{
	(void)state;
	assert_answer(ENTRY("custom_message", "a", "null", "00",
			    ",'details':{ 'k':1},'content':'x',"
			    "'display':false,'customType':'t','more':1"), "", write_messages,
		      "{'role':'custom','customType':'t','content':'x','display':false,"
		      "'details':{ 'k':1}," TIME("00000") "}\n");
	assert_answer(ENTRY("custom_message", "a", "null", "00", ",'content':null"), "",
		      write_messages, "{'role':'custom','content':[]," TIME("00000") "}\n");
	assert_answer("{'type':'custom_message','id':'a','timestamp':'no time'}", "",
		      write_messages,
		      "{'role':'custom','content':[],'timestamp':null}\n");
	assert_answer("{'type':'custom_message','id':'a','timestamp':null}", "", write_messages,
		      "{'role':'custom','content':[],'timestamp':0}\n");
	assert_answer("{'type':'custom_message','id':'a'}", "", write_messages,
		      "{'role':'custom','content':[],'timestamp':null}\n");
}

static void branch_summary__counts_unless_it_is_empty(void **state)
{
	(void)state;
	assert_answer(ENTRY("branch_summary", "a", "null", "05", ",'fromId':'z','summary':'S'"), "",
		      write_messages,
		      "{'role':'branchSummary','summary':'S','fromId':'z'," TIME("05000") "}\n");
	assert_answer(ENTRY("branch_summary", "a", "null", "05", ",'summary':''")
		      ENTRY("branch_summary", "b", "'a'", "05", ",'summary':null")
		      ENTRY("branch_summary", "c", "'b'", "05", ""), "", write_selection,
		      "a0 b0 c0");
}

static void compaction__gives_its_checkpoint_and_its_summary(void **state)
{
	(void)state;
	assert_answer(COMPACTION("k", "null", "k", ",'systemMessage':{'role':'system',"
						   "'content':'x' }"),
		      "", write_messages,
		      "{'role':'system','content':'x' }\n"
		      "{'role':'compactionSummary','summary':'S','tokensBefore':9," TIME("02000")
		      "}\n");
	assert_answer(COMPACTION("k", "null", "k", ",'systemMessage':null"), "", write_selection,
		      "k1");
	assert_answer(ENTRY("compaction", "k", "null", "02", ""), "", write_messages,
		      "{'role':'compactionSummary'," TIME("02000") "}\n");
}

static void projection__names_the_source_of_each_message(void **state)
{
	(void)state;
	assert_answer(USER("a", "null", "one") ENTRY("from_the_future", "b", "'a'", "00", "")
		      "{'type':5,'id':'c','parentId':'b'}\n{'id':'d','parentId':'c'}\n"
		      COMPACTION("k", "'d'", "a", ""), "", ramet_context_write_projection,
		      "[{'sourceId':'k','type':'compaction',"
		      "'messages':[{'role':'compactionSummary',"
		      "'summary':'S','tokensBefore':9," TIME("02000") "}]},"
		      "{'sourceId':'a','type':'message','messages':[{'role':'user',"
		      "'content':'one'}]},"
		      "{'sourceId':'b','type':'from_the_future','messages':[]},"
		      "{'sourceId':'c','type':5,'messages':[]},{'sourceId':'d','messages':[]}]");
	assert_answer("{'type':'custom'}", "", ramet_context_write_projection,
		      "[{'sourceId':null,'type':'custom','messages':[]}]");
}

/* ---- edits ---- */

#define TALK USER("a", "null", "one") ANSWER("b", "'a'", "two")

static void edit__of_null_leaves_the_target_out(void **state)
{
	(void)state;
	assert_answer(TALK EDIT("e", "'b'", "a", "null"), "", write_selection, "a0 b1 e0");
	assert_answer(TALK EDIT("e", "'b'", "a", "null"), "b", write_selection, "a1 b1");
	assert_answer(COMPACTION("k", "null", "k", ",'systemMessage':{'role':'system'}")
		      EDIT("e", "'k'", "k", "null"), "", write_selection, "k0 e0");
	assert_answer(MESSAGE("s", "null", "'role':'system','content':'x'")
		      MESSAGE("h", "'s'", "'role':'bashExecution','command':'ls'")
		      EDIT("e", "'h'", "h", "null") EDIT("f", "'e'", "s", "null"), "",
		      write_selection, "s0 h0 e0 f0");
}

static void edit__replaces_content_and_keeps_every_other_byte(void **state)
{
	(void)state;
	assert_answer("{'type':'message','id':'a','message':{ 'content' : [1,2], 'role':'user' , "
		      "'x':1}}\n"
		      EDIT("e", "'a'", "a", "{'content': 'new' ,'more':1}"), "", write_messages,
		      "{ 'content' : 'new', 'role':'user' , 'x':1}\n");
	assert_answer(ENTRY("custom_message", "a", "null", "00", ",'customType':'t','content':'x'")
		      EDIT("e", "'a'", "a", "{'content':'new'}"), "", write_messages,
		      "{'role':'custom','customType':'t','content':'new'," TIME("00000") "}\n");
	/* into a message that had none */
	assert_answer(MESSAGE("a", "null", "'role':'user','x':1")
		      EDIT("e", "'a'", "a", "{'content':[]}"), "", write_messages,
		      "{'role':'user','x':1,'content':[]}\n");
}

static void edit__makes_a_text_one_block_for_answers_and_results(void **state)
{
	(void)state;
	assert_answer(TALK MESSAGE("r", "'b'", "'role':'toolResult','content':[]")
		      EDIT("e", "'r'", "b", "{'content':'x\\ud800'}")
		      EDIT("f", "'e'", "r", "{'content':''}")
		      EDIT("g", "'f'", "a", "{'content':'y'}"), "", write_messages,
		      "{'role':'user','content':'y'}\n"
		      "{'role':'assistant','content':[{'type':'text','text':'x\\ud800'}]}\n"
		      "{'role':'toolResult','content':[{'type':'text','text':''}]}\n");
	assert_answer(TALK EDIT("e", "'b'", "b", "{'content':[{'type':'text','text':'x'}]}"), "",
		      write_messages,
		      "{'role':'user','content':'one'}\n"
		      "{'role':'assistant','content':[{'type':'text','text':'x'}]}\n");
}

static void edit__of_other_roles_changes_nothing(void **state)
{
	(void)state;
	assert_answer(MESSAGE("h", "null", "'role':'bashExecution','content':1")
		      ENTRY("branch_summary", "s", "'h'", "00", ",'summary':'S'")
		      MESSAGE("t", "'s'", "'role':'strange','content':2")
		      EDIT("e", "'t'", "h", "{'content':'new'}")
		      EDIT("f", "'e'", "s", "{'content':'new'}")
		      EDIT("g", "'f'", "t", "{'content':'new'}"), "", write_messages,
		      "{'role':'bashExecution','content':1}\n"
		      "{'role':'branchSummary','summary':'S'," TIME("00000") "}\n"
		      "{'role':'strange','content':2}\n");
	assert_answer(COMPACTION("k", "null", "k", "")
		      EDIT("e", "'k'", "k", "{'content':'new'}"), "",
		      write_messages,
		      "{'role':'compactionSummary','summary':'S','tokensBefore':9," TIME("02000")
		      "}\n");
}

static void edit__the_last_one_selected_counts(void **state)
{
	(void)state;
	assert_answer(TALK EDIT("e", "'b'", "a", "null")
		      EDIT("f", "'e'", "a", "{'content':'back'}"),
		      "", write_messages,
		      "{'role':'user','content':'back'}\n"
		      "{'role':'assistant','content':[{'type':'text','text':'two'}]}\n");
	/* before the kept range: gone; inside it: counts */
	assert_answer(TALK EDIT("e", "'b'", "c", "null") USER("c", "'e'", "three")
		      COMPACTION("k", "'c'", "c", ""), "", write_selection, "k1 c1");
	assert_answer(TALK EDIT("e", "'b'", "b", "null") COMPACTION("k", "'e'", "b", ""), "",
		      write_selection, "k1 b0 e0");
	/* placed before its target */
	assert_answer(EDIT("e", "null", "a", "null") USER("a", "'e'", "one"), "", write_selection,
		      "e0 a0");
	/* of another branch, of an unknown entry */
	assert_answer(TALK USER("x", "'a'", "side") EDIT("e", "'b'", "x", "null")
		      EDIT("f", "'e'", "gone", "null"), "", write_selection, "a1 b1 e0 f0");
}

static void edit__without_a_replacement_is_none(void **state)
{
	static const char *const bad[] = { "7", "'text'", "true", "[]" };
	char entries[1024];
	size_t i;

	(void)state;
	assert_answer(TALK "{'type':'context_edit','id':'e','parentId':'b','targetId':'a'}", "",
		      write_selection, "a1 b1 e0");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(entries, sizeof(entries), TALK EDIT("e", "'b'", "a", "%s"), bad[i]);
		assert_answer(entries, "", write_messages,
			      "{'role':'user','content':'one'}\n"
			      "{'role':'assistant','content':[{'type':'text','text':'two'}]}\n");
	}
	/* and does not stand in the way of the one before */
	assert_answer(TALK EDIT("e", "'b'", "a", "null")
		      "{'type':'context_edit','id':'f','parentId':'e','targetId':'a'}", "",
		      write_selection, "a0 b1 e0 f0");
	assert_answer(TALK "{'type':'context_edit','id':'e','parentId':'b','replacement':null}", "",
		      write_selection, "a1 b1 e0");
}

static void projection__writes_valid_text_for_bad_utf8(void **state)
{
	static const char entries[] =
		"{\"type\":\"message\",\"id\":\"a\",\"message\":{\"role\":\"user\","
		"\"content\":\"x\xff\"}}\n"
		"{\"type\":\"custom_message\",\"id\":\"b\",\"parentId\":\"a\","
		"\"content\":\"\xe2\x82\","
		"\"timestamp\":0}\n"
		"{\"type\":\"context_edit\",\"id\":\"e\",\"parentId\":\"b\",\"targetId\":\"b\","
		"\"replacement\":{\"content\":\"\xc0\"}}\n";
	struct ramet_bytes text = { entries, sizeof(entries) - 1 };

	(void)state;
	assert_answer_bytes(text, "", ramet_context_write,
			    "{'messages':[{'role':'user','content':'x\xef\xbf\xbd'},"
			    "{'role':'custom','content':'\xef\xbf\xbd','timestamp':0}],"
			    "'thinkingLevel':'off','model':null}");
	assert_answer_bytes(text, "b", ramet_context_write_llm,
			    "[{'role':'user','content':'x\xef\xbf\xbd'},{'role':'user','content':"
			    "[{'type':'text','text':'\xef\xbf\xbd'}],'timestamp':0}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_message__is_given_as_written),
		cmocka_unit_test(stored_message__without_content_gets_an_empty_one),
		cmocka_unit_test(message_entry__without_a_message_gives_nothing),
		cmocka_unit_test(custom_message__is_built_with_the_members_it_has),
		cmocka_unit_test(branch_summary__counts_unless_it_is_empty),
		cmocka_unit_test(compaction__gives_its_checkpoint_and_its_summary),
		cmocka_unit_test(projection__names_the_source_of_each_message),
		cmocka_unit_test(edit__of_null_leaves_the_target_out),
		cmocka_unit_test(edit__replaces_content_and_keeps_every_other_byte),
		cmocka_unit_test(edit__makes_a_text_one_block_for_answers_and_results),
		cmocka_unit_test(edit__of_other_roles_changes_nothing),
		cmocka_unit_test(edit__the_last_one_selected_counts),
		cmocka_unit_test(edit__without_a_replacement_is_none),
		cmocka_unit_test(projection__writes_valid_text_for_bad_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

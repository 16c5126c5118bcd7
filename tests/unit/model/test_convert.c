/*
 * convert.c: the messages a model gets, with pi's exact sentences.
 */
#include "small_tree.h"

#define BASH(more) MESSAGE("a", "null", "'role':'bashExecution'," more ",'timestamp':5")

/* A bash run becomes one user message with this text. */
static void assert_bash(const char *entry, const char *text)
{
	char expected[1024];

	snprintf(expected, sizeof(expected),
		 "[{'role':'user','content':[{'type':'text','text':'%s'}],'timestamp':5}]", text);
	assert_answer(entry, "", ramet_context_write_llm, expected);
}

static void bash__shows_command_and_output(void **state)
{
	(void)state;
	assert_bash(BASH("'command':'make','output':'ok\\n','exitCode':0,'cancelled':false"),
		    "Ran `make`\\n```\\nok\\n\\n```");
	assert_bash(BASH("'command':'true','output':''"), "Ran `true`\\n(no output)");
	assert_bash(BASH("'command':'true'"), "Ran `true`\\n(no output)");
}

static void bash__says_how_it_ended(void **state)
{
	(void)state;
	assert_bash(BASH("'command':'x','output':'o','exitCode':2.0"),
		    "Ran `x`\\n```\\no\\n```\\n\\nCommand exited with code 2");
	assert_bash(BASH("'command':'x','output':'o','exitCode':2,'cancelled':true"),
		    "Ran `x`\\n```\\no\\n```\\n\\n(command cancelled)");
	assert_bash(BASH("'command':'x','output':'o','exitCode':null"),
		    "Ran `x`\\n```\\no\\n```");
	assert_bash(BASH("'command':'x','output':'','exitCode':1,'truncated':true,"
			 "'fullOutputPath':'/o'"),
		    "Ran `x`\\n(no output)\\n\\nCommand exited with code 1\\n\\n"
		    "[Output truncated. Full output: /o]");
	assert_bash(BASH("'command':'x','output':'o','truncated':true"),
		    "Ran `x`\\n```\\no\\n```");
	assert_bash(BASH("'command':'x','output':'o','fullOutputPath':'/o'"),
		    "Ran `x`\\n```\\no\\n```");
}

static void bash__takes_numbers_for_texts(void **state)
{
	(void)state;
	assert_bash(BASH("'command':7,'output':5.0,'exitCode':'3'"),
		    "Ran `7`\\n```\\n5\\n```\\n\\nCommand exited with code 3");
	assert_bash(BASH("'output':null,'exitCode':-1.50e-7"),
		    "Ran ``\\n(no output)\\n\\nCommand exited with code -1.5e-7");
}

static void bash__excluded_from_the_context_is_left_out(void **state)
{
	(void)state;
	assert_answer(BASH("'command':'x','excludeFromContext':true"), "", ramet_context_write_llm,
		      "[]");
	assert_bash(BASH("'command':'x','excludeFromContext':false"), "Ran `x`\\n(no output)");
}

static void custom__text_becomes_a_block_and_blocks_stay(void **state)
{
	(void)state;
	assert_answer(ENTRY("custom_message", "a", "null", "00", ",'content':'x','display':false")
		      ENTRY("custom_message", "b", "'a'", "00", ",'content':[ {'type':'image'}]")
		      "{'type':'custom_message','id':'c','parentId':'b'}\n"
		      MESSAGE("d", "'c'", "'role':'custom','content':'y'"), "",
		      ramet_context_write_llm,
		      "[{'role':'user','content':[{'type':'text','text':'x'}],"
		      "'timestamp':1772359200000},"
		      "{'role':'user','content':[ {'type':'image'}],'timestamp':1772359200000},"
		      "{'role':'user','content':[],'timestamp':null},"
		      "{'role':'user','content':[{'type':'text','text':'y'}]}]");
}

static void summaries__stand_in_their_wrappers(void **state)
{
	(void)state;
	assert_answer(COMPACTION("k", "null", "k", "")
		      ENTRY("branch_summary", "b", "'k'", "00", ",'summary':'B'"), "",
		      ramet_context_write_llm,
		      "[{'role':'user','content':[{'type':'text','text':'The conversation history "
		      "before this point was compacted into the following summary:"
		      "\\n\\n<summary>\\nS\\n</summary>'}],'timestamp':1772359202000},"
		      "{'role':'user','content':[{'type':'text','text':'The following is a "
		      "summary of a branch that this conversation came back from:"
		      "\\n\\n<summary>\\nB</summary>'}],"
		      "'timestamp':1772359200000}]");
}

static void messages__of_known_roles_pass_and_others_are_dropped(void **state)
{
	(void)state;
	assert_answer(MESSAGE("a", "null", " 'role':'system','content':'x' ")
		      MESSAGE("b", "'a'", "'role':'user','x':1.0,'content':''")
		      MESSAGE("c", "'b'", "'role':'assistant','content':[]")
		      MESSAGE("d", "'c'", "'role':'toolResult','content':[]")
		      MESSAGE("e", "'d'", "'role':'strange'") MESSAGE("f", "'e'", "'content':1")
		      MESSAGE("g", "'f'", "'role':'hookMessage','content':'x'"), "",
		      ramet_context_write_llm,
		      "[{ 'role':'system','content':'x' },{'role':'user','x':1.0,'content':''},"
		      "{'role':'assistant','content':[]},{'role':'toolResult','content':[]}]");
}

static void converted_text__keeps_lone_surrogates_and_escapes_what_json_must(void **state)
{
	(void)state;
	assert_answer(ENTRY("custom_message", "a", "null", "00",
			    ",'content':'\\ud83d \\udc00 \\ud83d\\ude42 "
			    "\\u0000\\u2028\\/\\t\\u007f'"),
		      "", ramet_context_write_llm,
		      "[{'role':'user','content':[{'type':'text','text':'\\ud83d \\udc00 "
		      "\xf0\x9f\x99\x82 \\u0000\xe2\x80\xa8/\\t\x7f'}],"
		      "'timestamp':1772359200000}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bash__shows_command_and_output),
		cmocka_unit_test(bash__says_how_it_ended),
		cmocka_unit_test(bash__takes_numbers_for_texts),
		cmocka_unit_test(bash__excluded_from_the_context_is_left_out),
		cmocka_unit_test(custom__text_becomes_a_block_and_blocks_stay),
		cmocka_unit_test(summaries__stand_in_their_wrappers),
		cmocka_unit_test(messages__of_known_roles_pass_and_others_are_dropped),
		cmocka_unit_test(converted_text__keeps_lone_surrogates_and_escapes_what_json_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

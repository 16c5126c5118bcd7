/*
 * tokens.c: the size of a context, from the last answer's figures or from characters.
 */
#include "small_tree.h"

#define USAGE(more) "'role':'assistant','content':[],'usage':{" more "}"
#define ASSISTANT(content) MESSAGE("a", "null", "'role':'assistant','content':[" content "]")

static void estimate__is_four_characters_a_token_rounded_up_per_message(void **state)
{
	(void)state;
	assert_answer(USER("a", "null", ""), "", write_tokens, "0");
	assert_answer(USER("a", "null", "x"), "", write_tokens, "1");
	assert_answer(USER("a", "null", "1234"), "", write_tokens, "1");
	assert_answer(USER("a", "null", "12345") USER("b", "'a'", "1"), "", write_tokens, "3");
}

static void estimate__counts_utf16_units(void **state)
{
	(void)state;
	assert_answer(USER("a", "null", "\xc3\xa9\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), "",
		      write_tokens, "1");
	assert_answer(USER("a", "null", "\xf0\x9f\x99\x82\\ud83d\\ude42x"), "", write_tokens, "2");
	assert_answer(USER("a", "null", "\\ud83dxxx"), "", write_tokens, "1");
}

static void estimate__knows_the_blocks_of_each_role(void **state)
{
	(void)state;
	assert_answer(MESSAGE("a", "null", "'role':'user','content':[{'type':'text','text':'1234'},"
			      "{'type':'image','data':'x'},"
			      "{'type':'thinking','thinking':'12345678'}]"),
		      "", write_tokens, "1201");
	assert_answer(ASSISTANT("{'type':'thinking','thinking':'1234'},"
				"{'type':'text','text':'5678'},"
				"{'type':'strange','text':'12345678'}"), "", write_tokens, "2");
	/* bash{"command":"ls","n":1000} is 29 characters however it is written */
	assert_answer(ASSISTANT("{'type':'toolCall','name':'bash','arguments':{ 'command' : "
				"'\\u006cs',"
				"'n':1e3}}"), "", write_tokens, "8");
	assert_answer(ASSISTANT("{'type':'toolCall','name':'ab','arguments':{'a':['\\n',null,true,"
				"{},"
				"[]]}}"), "", write_tokens, "8");
	assert_answer(MESSAGE("a", "null", "'role':'bashExecution','command':'1234',"
					   "'output':'12345'"),
		      "", write_tokens, "3");
	assert_answer(COMPACTION("k", "null", "k", "")
		      ENTRY("branch_summary", "b", "'k'", "00", ",'summary':'12345'")
		      ENTRY("custom_message", "c", "'b'", "00", ",'content':'1'")
		      MESSAGE("d", "'c'", "'role':'strange','content':'1234'"), "", write_tokens,
		      "4");
}

static void estimate__counts_the_replayed_system_message_once(void **state)
{
	(void)state;
	/* content 4, section 4, [{"name":"x"}] 14: the sum is rounded, not the parts */
	assert_answer(MESSAGE("a", "null", "'role':'system','content':'1234',"
					   "'sections':{'s':'1234'},"
			      "'toolsAdded':[{'name':'x'}]")
		      MESSAGE("b", "'a'", "'role':'system','content':'',"
					  "'sections':{'s':'5678'}"), "",
		      write_tokens, "6");
}

static void tokens__are_the_last_answers_figure_and_what_follows(void **state)
{
	(void)state;
	assert_answer(USER("u", "null", "12345678") MESSAGE("a", "'u'", USAGE("'totalTokens':100"))
		      USER("b", "'a'", "12345"), "", write_tokens, "102");
	assert_answer(MESSAGE("a", "null", USAGE("'totalTokens':0,'input':1,'output':2,"
						 "'cacheRead':3,'cacheWrite':4,'reasoning':50")),
		      "", write_tokens, "10");
	/* a system message after it counts as it stands */
	assert_answer(MESSAGE("a", "null", USAGE("'totalTokens':100"))
		      MESSAGE("s", "'a'", "'role':'system','content':'1234'"), "", write_tokens,
		      "101");
}

static void tokens__pass_over_failed_answers_and_empty_figures(void **state)
{
	static const char *const unusable[] = {
		"'usage':{'totalTokens':7},'stopReason':'aborted'",
		"'usage':{'totalTokens':7},'stopReason':'error'", "'usage':{'totalTokens':0}",
		"'usage':null", "'usage':{'totalTokens':'7'}", "'x':1",
	};
	char entries[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
		snprintf(entries, sizeof(entries),
			 MESSAGE("a", "null", USAGE("'totalTokens':100"))
			 MESSAGE("b", "'a'", "'role':'assistant','content':[{'type':'text',"
				 "'text':'1234'}],%s"), unusable[i]);
		assert_answer(entries, "", write_tokens, "101");
	}
}

static void tokens__older_than_an_edit_or_a_compaction_do_not_count(void **state)
{
	(void)state;
	assert_answer(USER("u", "null", "1234") MESSAGE("a", "'u'", USAGE("'totalTokens':100"))
		      EDIT("e", "'a'", "gone", "null"), "", write_tokens, "1");
	assert_answer(USER("u", "null", "1234") MESSAGE("a", "'u'", USAGE("'totalTokens':100"))
		      COMPACTION("k", "'a'", "u", ""), "", write_tokens, "2");
	assert_answer(USER("u", "null", "1234") EDIT("e", "'u'", "u", "null")
		      MESSAGE("a", "'e'", USAGE("'totalTokens':100")), "", write_tokens, "100");
}

static void tokens__stay_sane_with_absurd_figures(void **state)
{
	(void)state;
	assert_answer(MESSAGE("a", "null", USAGE("'totalTokens':1e400")), "", write_tokens, "0");
	assert_answer(MESSAGE("a", "null", USAGE("'totalTokens':-5")), "", write_tokens, "0");
	assert_answer(MESSAGE("a", "null", USAGE("'totalTokens':8e15")), "", write_tokens,
		      "8000000000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimate__is_four_characters_a_token_rounded_up_per_message),
		cmocka_unit_test(estimate__counts_utf16_units),
		cmocka_unit_test(estimate__knows_the_blocks_of_each_role),
		cmocka_unit_test(estimate__counts_the_replayed_system_message_once),
		cmocka_unit_test(tokens__are_the_last_answers_figure_and_what_follows),
		cmocka_unit_test(tokens__pass_over_failed_answers_and_empty_figures),
		cmocka_unit_test(tokens__older_than_an_edit_or_a_compaction_do_not_count),
		cmocka_unit_test(tokens__stay_sane_with_absurd_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

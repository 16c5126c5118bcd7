/*
 * replay.c: the system message in force and the prompt it makes.
 */
#include "small_tree.h"

#define SYSTEM(id, parent, more) MESSAGE(id, parent, "'role':'system'," more)

static void replay__without_system_messages_is_nothing(void **state)
{
	(void)state;
	assert_answer(USER("a", "null", "x"), "", write_message, "null");
	assert_answer(USER("a", "null", "x"), "", write_prompt, "");
}

static void replay__joins_contents_with_a_blank_line(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':'one','timestamp':1.0")
		      SYSTEM("b", "'a'", "'content':'','timestamp':2")
		      SYSTEM("c", "'b'", "'content':[{'type':'text','text':'x'},{'type':'image'},"
			     "{'type':'text','text':''},{'type':'text','text':'y'}]")
		      SYSTEM("d", "'c'", "'content':[]"), "", write_message,
		      "{'role':'system','content':'one\\n\\nx\\n\\ny','timestamp':1.0}");
	assert_answer(SYSTEM("a", "null", "'content':''") SYSTEM("b", "'a'", "'content':'x'"), "",
		      write_message, "{'role':'system','content':'x'}");
	assert_answer(SYSTEM("a", "null", "'content':{'x':1}"), "", write_message,
		      "{'role':'system','content':''}");
}

static void replay__takes_the_time_of_the_first_message(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':''")
		      SYSTEM("b", "'a'", "'content':'','timestamp':2"), "", write_message,
		      "{'role':'system','content':''}");
}

static void sections__keep_their_place_until_they_are_removed(void **state)
{
	static const char entries[] =
		SYSTEM("a", "null", "'content':'T','sections':{'a':'A','b':'B','c':'C'}")
		SYSTEM("b", "'a'", "'content':'','sections':{'a':null,'b':'\\u0042\\ud800','d':''}")
		SYSTEM("c", "'b'", "'content':'','sections':{'a':'again','x':null}");

	(void)state;
	assert_answer(entries, "", write_message,
		      "{'role':'system','content':'T','sections':{'b':'\\u0042\\ud800','c':'C',"
		      "'d':'','a':'again'}}");
	assert_answer(entries, "", write_prompt, "T\n\nB\xed\xa0\x80\n\nC\n\nagain");
}

static void sections__all_removed_leave_no_member(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':'','sections':{'a':'A'}")
		      SYSTEM("b", "'a'", "'content':'','sections':{'a':null}"), "", write_message,
		      "{'role':'system','content':''}");
	assert_answer(SYSTEM("a", "null", "'content':'','sections':{'a':'A'}"), "", write_prompt,
		      "A");
}

static void sections__that_look_like_indices_come_first(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':'','sections':{'b':'','10':'','01':'','2':'',"
			     "'4294967295':'','4294967294':'','0':'','-1':'','\\u0000':''}"), "",
		      write_message,
		      "{'role':'system','content':'','sections':{'0':'','2':'','10':'',"
		      "'4294967294':'','b':'','01':'','4294967295':'','-1':'','\\u0000':''}}");
}

static void tools__are_removed_first_and_keep_their_place(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':'','toolsAdded':[{'name':'r','v':1},"
					  "{'name':'b'},{'name':'e'}]")
		      SYSTEM("b", "'a'", "'content':'','toolsRemoved':[{'name':'b'},{'name':'no'}],"
			     "'toolsAdded':[{ 'name':'r','v':2},{'name':'b','v':3}]"), "",
		      write_message,
		      "{'role':'system','content':'','toolsAdded':[{ 'name':'r','v':2},"
		      "{'name':'e'},"
		      "{'name':'b','v':3}]}");
	assert_answer(SYSTEM("a", "null", "'content':'','toolsAdded':[{'name':'r'}]")
		      SYSTEM("b", "'a'", "'content':'','toolsRemoved':[{'name':'r'}]"), "",
		      write_message, "{'role':'system','content':''}");
}

static void replay__starts_from_the_checkpoint_of_a_compaction(void **state)
{
	(void)state;
	assert_answer(SYSTEM("a", "null", "'content':'old','sections':{'a':'A'}")
		      COMPACTION("k", "'a'", "a", ",'systemMessage':{'role':'system',"
						  "'content':'kept',"
				 "'sections':{'b':'B'},'timestamp':7}")
		      SYSTEM("b", "'k'", "'content':'','sections':{'b':null,'c':'C'}"), "",
		      write_message,
		      "{'role':'system','content':'kept','sections':{'c':'C'},'timestamp':7}");
}

static void replay__into_a_full_buffer_says_so(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(10);
	struct ramet_context *c;
	struct ramet_error err;
	struct small_tree s;

	(void)state;
	small_tree_init(&s, SYSTEM("a", "null", "'content':'a long prompt'"));
	assert_int_equal(ramet_context_new(&c, s.tree, 0, NULL), 0);
	assert_int_equal(ramet_context_write_system(c, &out, NULL, &err), RAMET_ELIMIT);
	assert_int_equal(err.code, RAMET_ELIMIT);
	ramet_buf_reset(&out);
	assert_int_equal(ramet_context_write_system(c, NULL, &out, &err), RAMET_ELIMIT);
	assert_int_equal(ramet_context_write_system(c, NULL, NULL, &err), 0);
	ramet_buf_release(&out);
	ramet_context_free(c);
	small_tree_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay__without_system_messages_is_nothing),
		cmocka_unit_test(replay__joins_contents_with_a_blank_line),
		cmocka_unit_test(replay__takes_the_time_of_the_first_message),
		cmocka_unit_test(sections__keep_their_place_until_they_are_removed),
		cmocka_unit_test(sections__all_removed_leave_no_member),
		cmocka_unit_test(sections__that_look_like_indices_come_first),
		cmocka_unit_test(tools__are_removed_first_and_keep_their_place),
		cmocka_unit_test(replay__starts_from_the_checkpoint_of_a_compaction),
		cmocka_unit_test(replay__into_a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of ops/fork_messages.c. */
#include "given.h"

#define WITH(id, message) ENTRY("message", id, "null", "01:00.000", ",'message':" message)

static void fork_messages__are_the_users_with_text(void **state)
{
	(void)state;
	assert_report(
		ramet_report_fork_messages,
		HEADER USER("a", "null", "01:00.000", "one\\n\\\"two\\\"") REPLY("b", "'a'",
										 "02:00.000", "x")
			USER("c", "null", "02:00.000", "other \\ud83d\\ude00 branch") WITH(
				"d", "{'role':'toolResult','content':[{'type':'text','text':'x'}]}")
				WITH("e", "{'role':'user','content':[{'type':'text','text':'one'},{"
					  "'type':'image'},"
					  "{'type':'text','text':'two'},{'type':'text'},{'text':'"
					  "no'},7]}"),
		"[{'entryId':'a','text':'one\\n\\\"two\\\"'},"
		"{'entryId':'c','text':'other \xf0\x9f\x98\x80 "
		"branch'},{'entryId':'e','text':'onetwo'}]");
}

static void fork_messages__leave_out_the_empty(void **state)
{
	(void)state;
	assert_report(ramet_report_fork_messages,
		      HEADER USER("a", "null", "01:00.000",
				  "") WITH("b", "{'role':'user','content':null}")
			      WITH("c", "{'role':'user'}") WITH("d", "{'role':'user','content':[]}")
				      WITH("e", "{'role':'user','content':{'type':'text','text':'x'"
						"}}") "{'type':'message','message':{'role':'user','"
						      "content':'no id'}}\n" USER("f", "null",
										  "01:00.000", " "),
		      "[{'entryId':'f','text':' '}]");
	assert_report(ramet_report_fork_messages, HEADER, "[]");
}

/* As pi lists them: both, though only the later one can be forked from. */
static void fork_messages__tell_repeated_ids_twice(void **state)
{
	(void)state;
	assert_report(ramet_report_fork_messages,
		      HEADER USER("a", "null", "01:00.000", "x")
			      USER("a", "null", "01:00.000", "y"),
		      "[{'entryId':'a','text':'x'},{'entryId':'a','text':'y'}]");
}

static void fork_messages__survive_no_memory(void **state)
{
	const char *text = HEADER USER("a", "null", "01:00.000", "x")
		WITH("e", "{'role':'user','content':[{'type':'text','text':'one'}]}");

	(void)state;
	assert_survives_no_memory(ramet_report_fork_messages, text);
	assert_keeps_limit(ramet_report_fork_messages, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork_messages__are_the_users_with_text),
		cmocka_unit_test(fork_messages__leave_out_the_empty),
		cmocka_unit_test(fork_messages__tell_repeated_ids_twice),
		cmocka_unit_test(fork_messages__survive_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fork_plan.c: forking at a user message means before it, with its text to be edited; at any other
 * entry it means there.
 */
#include "given.h"

#define TALK                                                                                       \
	HEADER USER("u1", "null", "01:00.000", "one") REPLY("a1", "'u1'", "02:00.000", "two")      \
		ENTRY("label", "l1", "'a1'", "03:00.000", ",'targetId':'u1','label':'x'") ENTRY(   \
			"message", "u2", "'l1'", "04:00.000",                                      \
			",'message':{'role':'user','content':[{'type':'text','text':'a\\n'},"      \
			"{'type':'image','data':'AA==','mimeType':'image/png'},"                   \
			"{'type':'text','text':'\\u0062'}]}")                                      \
			REPLY("a2", "'u2'", "05:00.000", "four")                                   \
				USER("r", "null", "06:00.000", "")

static struct ramet_session *s;

static int make_talk(void **state)
{
	(void)state;
	s = given(TALK);
	return 0;
}

static int drop_talk(void **state)
{
	(void)state;
	ramet_session_close(s);
	return 0;
}

static void plan_is(uint32_t row, uint32_t leaf, uint32_t n, const char *text)
{
	struct ramet_fork_plan plan = { .text = RAMET_BUF_INIT(1u << 20) };
	struct ramet_error err = { 0 };

	if (ramet_fork_plan(s, row, &plan, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan.leaf, leaf);
	assert_int_equal(plan.n_entries, n);
	assert_int_equal(plan.has_text, text != NULL);
	if (text)
		assert_true(ramet_bytes_is(ramet_buf_bytes(&plan.text), text));
	ramet_fork_plan_release(&plan);
	ramet_fork_plan_release(&plan);
}

static void plan__before_a_user_message(void **state)
{
	(void)state;
	plan_is(3, 2, 3, "a\nb");
}

static void plan__before_the_first_message_is_empty(void **state)
{
	(void)state;
	plan_is(0, RAMET_NONE, 0, "one");
	plan_is(5, RAMET_NONE, 0, "");
}

static void plan__at_any_other_entry(void **state)
{
	(void)state;
	plan_is(1, 1, 2, NULL);
	plan_is(2, 2, 3, NULL);
	plan_is(4, 4, 5, NULL);
}

static void plan__refuses_rows_that_are_not_there(void **state)
{
	struct ramet_fork_plan plan = { .leaf = 77 };
	struct ramet_error err = { 0 };

	(void)state;
	assert_int_equal(ramet_fork_plan(s, 6, &plan, &err), RAMET_ENOTFOUND);
	assert_int_equal(err.code, RAMET_ENOTFOUND);
	assert_int_equal(ramet_fork_plan(s, RAMET_NONE, &plan, NULL), RAMET_ENOTFOUND);
	assert_int_equal(plan.leaf, 77);
}

int main(void)
{
#define WITH_TALK(test) cmocka_unit_test_setup_teardown(test, make_talk, drop_talk)
	const struct CMUnitTest tests[] = {
		WITH_TALK(plan__before_a_user_message),
		WITH_TALK(plan__before_the_first_message_is_empty),
		WITH_TALK(plan__at_any_other_entry),
		WITH_TALK(plan__refuses_rows_that_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

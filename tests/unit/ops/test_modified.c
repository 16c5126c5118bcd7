/* Tests of ops/modified.c. */
#include "given.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ops/modified_priv.h"

#define MESSAGE(id, message) ENTRY("message", id, "null", "05:00.000", ",'message':" message)
#define AT_05_00 1772359500000 /* the entry time of MESSAGE */

static int64_t modified_of(const char *text)
{
	struct ramet_session *s = given(text);
	int64_t ms = 1;

	assert_int_equal(rameti_session_modified(s, &ms, NULL), 0);
	ramet_session_close(s);
	return ms;
}

static void modified__is_the_greatest_message_time(void **state)
{
	(void)state;
	assert_int_equal(
		modified_of(
			HEADER MESSAGE("a", "{'role':'user','content':'x','timestamp':2000}")
				MESSAGE("b",
					"{'role':'assistant','content':[],'timestamp':3000.75}")
					MESSAGE("c",
						"{'role':'user','content':'x','timestamp':1e3}")),
		3000);
}

static void modified__counts_talk_only(void **state)
{
	(void)state;
	assert_int_equal(
		modified_of(
			HEADER MESSAGE("a", "{'role':'user','content':'x','timestamp':2000}")
				MESSAGE("b", "{'role':'toolResult','content':[],'timestamp':9000}")
					MESSAGE("c", "{'role':'bashExecution','content':'x','"
						     "timestamp':9000}")
						ENTRY("label", "d", "'a'", "09:00.000",
						      ",'targetId':'a','label':'l'")),
		2000);
}

static void modified__needs_a_content(void **state)
{
	(void)state;
	assert_int_equal(
		modified_of(HEADER MESSAGE("a", "{'role':'user','content':null,'timestamp':2000}")
				    MESSAGE("b", "{'role':'user','timestamp':9000}")),
		2000);
}

static void modified__takes_the_entry_time_without_a_number(void **state)
{
	(void)state;
	assert_int_equal(modified_of(HEADER MESSAGE("a", "{'role':'user','content':'x'}")),
			 AT_05_00);
	assert_int_equal(modified_of(HEADER MESSAGE(
				 "a", "{'role':'user','content':'x','timestamp':'9000'}")),
			 AT_05_00);
}

static void modified__falls_back_to_the_header(void **state)
{
	(void)state;
	assert_int_equal(modified_of(HEADER), 1772359200000);
	assert_int_equal(
		modified_of(HEADER MESSAGE("a", "{'role':'user','content':'x','timestamp':-5}")),
		1772359200000);
}

static void modified__is_nothing_without_any_time(void **state)
{
	(void)state;
	assert_int_equal(modified_of("{'type':'session','version':3,'id':'s'}\n"), RAMET_TIME_NONE);
	assert_int_equal(
		modified_of(HEADER MESSAGE("a", "{'role':'user','content':'x','timestamp':1e400}")),
		RAMET_TIME_NONE);
	assert_int_equal(
		modified_of(HEADER MESSAGE(
			"a", "{'role':'user','content':'x','timestamp':8640000000000001}")),
		RAMET_TIME_NONE);
}

static void modified__takes_the_file_time_last(void **state)
{
	char path[] = "/tmp/ramet-test-XXXXXX";
	const struct timespec times[2] = { { 5, 0 }, { 1234, 567890000 } };
	struct ramet_session *s = NULL;
	const char *text = quoted("{'type':'session','version':3,'id':'s'}\n");
	int64_t ms = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	assert_int_equal(ramet_session_open(&s, path, NULL, NULL), 0);
	assert_int_equal(rameti_session_modified(s, &ms, NULL), 0);
	assert_int_equal(ms, 1234567);
	unlink(path);
	ramet_session_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modified__is_the_greatest_message_time),
		cmocka_unit_test(modified__counts_talk_only),
		cmocka_unit_test(modified__needs_a_content),
		cmocka_unit_test(modified__takes_the_entry_time_without_a_number),
		cmocka_unit_test(modified__falls_back_to_the_header),
		cmocka_unit_test(modified__is_nothing_without_any_time),
		cmocka_unit_test(modified__takes_the_file_time_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

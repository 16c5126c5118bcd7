/* Tests of ops/report_list.c. */
#include "given.h"

static struct ramet_session_info full(void)
{
	struct ramet_session_info info = {
		.path = ramet_bytes_of("/s/a.jsonl"),
		.id = ramet_bytes_of("s1"),
		.cwd = ramet_bytes_of("/w"),
		.name = ramet_bytes_of("name"),
		.parent_session = ramet_bytes_of("/s/p.jsonl"),
		.first_message = ramet_bytes_of("say \"hi\"\n"),
		.all_text = ramet_bytes_of("all"),
		.created_ms = 0,
		.modified_ms = 1234,
		.message_count = 12,
		.size = 99,
		.format = "pi",
	};

	return info;
}

static void assert_item(const struct ramet_session_info *info, const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(1000);

	assert_int_equal(ramet_report_list_item(info, &out, NULL), 0);
	assert_string_equal(out.ptr, quoted(expected));
	ramet_buf_release(&out);
}

static void list_item__has_all_members(void **state)
{
	struct ramet_session_info info = full();

	(void)state;
	assert_item(&info,
		    "{'path':'/s/a.jsonl','id':'s1','cwd':'/w','name':'name',"
		    "'parentSessionPath':'/s/p.jsonl','created':'1970-01-01T00:00:00.000Z',"
		    "'modified':'1970-01-01T00:00:01.234Z','messageCount':12,"
		    "'firstMessage':'say \\\"hi\\\"\\n','format':'pi','allMessagesText':'all'}");
}

static void list_item__leaves_out_what_is_absent(void **state)
{
	struct ramet_session_info info = { .path = ramet_bytes_of("p"),
					   .cwd = ramet_bytes_of(""),
					   .created_ms = RAMET_TIME_NONE,
					   .modified_ms = INT64_MAX };

	(void)state;
	assert_item(&info, "{'path':'p','cwd':'','created':null,'modified':null,'messageCount':0}");
}

static void list_item__keeps_the_limit(void **state)
{
	struct ramet_session_info info = full();
	struct ramet_buf out = RAMET_BUF_INIT(40);
	struct ramet_error err = { 0 };

	(void)state;
	ramet_buf_add_str(&out, "kept");
	assert_int_equal(ramet_report_list_item(&info, &out, &err), RAMET_ELIMIT);
	assert_int_equal(err.code, RAMET_ELIMIT);
	assert_string_equal(out.ptr, "kept");
	ramet_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_item__has_all_members),
		cmocka_unit_test(list_item__leaves_out_what_is_absent),
		cmocka_unit_test(list_item__keeps_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

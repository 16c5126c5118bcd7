/* Tests of ops/report_info.c. */
#include "given.h"

#include <string.h>

static void info__tells_all(void **state)
{
	(void)state;
	assert_report(
		ramet_report_info,
		HEADER USER("a", "null", "01:00.000", "one") REPLY("b", "'a'", "02:00.000", "two")
			ENTRY("session_info", "c", "'b'", "09:00.000", ",'name':' My name '"),
		"{'format':'pi','header':{'type':'session','version':3,'id':'s1',"
		"'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'},'entries':3,'leafId':'c',"
		"'name':'My name','messageCount':2,'created':'2026-03-01T10:00:00.000Z',"
		"'modified':'2026-03-01T10:02:00.000Z','findings':[]}");
}

static void info__of_a_bare_header(void **state)
{
	(void)state;
	assert_report(
		ramet_report_info, "{'type':'session','version':3,'id':''}\n",
		"{'format':'pi','header':{'type':'session','version':3,'id':''},'entries':0,"
		"'leafId':null,'messageCount':0,'created':null,'modified':null,'findings':[]}");
}

static void info__has_no_name_when_cleared(void **state)
{
	(void)state;
	assert_report(ramet_report_info,
		      HEADER ENTRY("session_info", "a", "null", "01:00.000", ",'name':'x'")
			      ENTRY("session_info", "b", "'a'", "02:00.000", ",'name':'  '"),
		      "{'format':'pi','header':{'type':'session','version':3,'id':'s1',"
		      "'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'},'entries':2,'leafId':'b',"
		      "'messageCount':0,'created':'2026-03-01T10:00:00.000Z',"
		      "'modified':'2026-03-01T10:00:00.000Z','findings':[]}");
}

static void info__leaf_without_id_is_null(void **state)
{
	struct ramet_session *s =
		given(HEADER USER("a", "null", "01:00.000", "x") "{'type':'custom'}\n");
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);

	(void)state;
	assert_int_equal(ramet_report_info(s, &out, NULL), 0);
	assert_non_null(strstr(out.ptr, quoted("'entries':2,'leafId':null,'messageCount':1")));
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void info__counts_messages_of_every_role_and_branch(void **state)
{
	struct ramet_session *s = given(
		HEADER USER("a", "null", "01:00.000", "x") REPLY("b", "'a'", "02:00.000", "y")
			REPLY("c", "'a'", "03:00.000", "z") ENTRY(
				"message", "d", "'c'", "04:00.000", ",'message':{'role':'odd'}")
				ENTRY("message", "d", "'c'", "04:00.000", "") ENTRY(
					"custom", "e", "'d'", "05:00.000", ",'customType':'x'"));
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);

	(void)state;
	assert_int_equal(ramet_report_info(s, &out, NULL), 0);
	assert_non_null(strstr(out.ptr, quoted("'entries':6,'leafId':'e','messageCount':5")));
	assert_non_null(strstr(out.ptr, quoted("'modified':'2026-03-01T10:03:00.000Z'")));
	assert_non_null(strstr(out.ptr, quoted("'code':'duplicate-id'")));
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void info__migrates_the_header(void **state)
{
	(void)state;
	assert_report(ramet_report_info, "{'type':'session','id':'old','extra':1}\n",
		      "{'format':'pi','header':{'type':'session','id':'old','extra':1,'version':3},"
		      "'entries':0,'leafId':null,'messageCount':0,'created':null,'modified':null,"
		      "'findings':[]}");
}

static void info__survives_no_memory(void **state)
{
	const char *text = HEADER USER("a", "null", "01:00.000", "one")
		ENTRY("session_info", "c", "'gone'", "09:00.000", ",'name':'n'");

	(void)state;
	assert_survives_no_memory(ramet_report_info, text);
	assert_keeps_limit(ramet_report_info, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info__tells_all),
		cmocka_unit_test(info__of_a_bare_header),
		cmocka_unit_test(info__has_no_name_when_cleared),
		cmocka_unit_test(info__leaf_without_id_is_null),
		cmocka_unit_test(info__counts_messages_of_every_role_and_branch),
		cmocka_unit_test(info__migrates_the_header),
		cmocka_unit_test(info__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

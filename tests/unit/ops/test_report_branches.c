/* Tests of ops/report_branches.c. */
#include "given.h"

static void branches__are_told_newest_first(void **state)
{
	(void)state;
	assert_report(
		ramet_report_branches,
		HEADER USER("a", "null", "01:00.000", "root")
			REPLY("b", "'a'", "02:00.000", "answer")
				USER("c", "'b'", "03:00.000", "one way")
					REPLY("d", "'c'", "09:00.000", "newest")
						USER("e", "'b'", "04:00.000", "other way")
							ENTRY("label", "l", "'e'", "20:00.000",
							      ",'targetId':'e','label':'mark'"),
		"[{'leaf':'d','entries':4,'messages':4,'forkedAt':'b',"
		"'modified':'2026-03-01T10:09:00.000Z','firstMessage':'one way','current':false},"
		"{'leaf':'l','entries':4,'messages':3,'forkedAt':'b',"
		"'modified':'2026-03-01T10:04:00.000Z','firstMessage':'other way','label':'mark',"
		"'current':true}]");
}

static void branches__of_a_bare_header_are_none(void **state)
{
	(void)state;
	assert_report(ramet_report_branches, HEADER, "[]");
}

static void branches__of_one_line_is_one(void **state)
{
	(void)state;
	assert_report(
		ramet_report_branches,
		HEADER USER("a", "null", "01:00.000", "") USER("b", "'a'", "02:00.000", "first")
			USER("c", "'b'", "03:00.000", "second"),
		"[{'leaf':'c','entries':3,'messages':3,'forkedAt':null,"
		"'modified':'2026-03-01T10:03:00.000Z','firstMessage':'first','current':true}]");
}

/* Without talk the entry's own time counts; branches of one time go by place, later ones first. */
static void branches__without_messages_go_by_entry_time(void **state)
{
	(void)state;
	assert_report(ramet_report_branches,
		      HEADER ENTRY("custom", "x", "null", "01:00.000", "")
			      ENTRY("custom", "y", "null", "01:00.000",
				    "") "{'type':'custom','id':'z','parentId':null}\n"
					"{'type':'custom','parentId':'gone','timestamp':'2026-03-"
					"01T11:00:00.000Z'}\n",
		      "[{'leaf':null,'entries':1,'messages':0,'forkedAt':null,"
		      "'modified':'2026-03-01T11:00:00.000Z','current':true},"
		      "{'leaf':'y','entries':1,'messages':0,'forkedAt':null,"
		      "'modified':'2026-03-01T10:01:00.000Z','current':false},"
		      "{'leaf':'x','entries':1,'messages':0,'forkedAt':null,"
		      "'modified':'2026-03-01T10:01:00.000Z','current':false},"
		      "{'leaf':'z','entries':1,'messages':0,'forkedAt':null,'modified':null,"
		      "'current':false}]");
}

/* What stands above a fork belongs to all and names none. */
static void branches__are_known_by_their_own_part(void **state)
{
	(void)state;
	assert_report(ramet_report_branches,
		      HEADER USER("a", "null", "01:00.000", "root") ENTRY(
			      "label", "l", "'a'", "02:00.000", ",'targetId':'a','label':'all'")
			      REPLY("b", "'l'", "03:00.000", "x")
				      REPLY("c", "'l'", "04:00.000", "y"),
		      "[{'leaf':'c','entries':3,'messages':2,'forkedAt':'l',"
		      "'modified':'2026-03-01T10:04:00.000Z','current':true},"
		      "{'leaf':'b','entries':3,'messages':2,'forkedAt':'l',"
		      "'modified':'2026-03-01T10:03:00.000Z','current':false}]");
}

/* A last line with children (they stand before it) is on a branch but is not its leaf. */
static void branches__may_have_no_current_one(void **state)
{
	(void)state;
	assert_report(ramet_report_branches,
		      HEADER USER("b", "'a'", "02:00.000", "x") USER("a", "null", "01:00.000", "y"),
		      "[{'leaf':'b','entries':2,'messages':2,'forkedAt':null,"
		      "'modified':'2026-03-01T10:02:00.000Z','firstMessage':'y','current':false}]");
}

static void branches__join_text_blocks_as_lists_do(void **state)
{
	(void)state;
	assert_report(ramet_report_branches,
		      HEADER ENTRY("message", "a", "null", "01:00.000",
				   ",'message':{'role':'user','content':"
				   "[{'type':'text','text':'one'},{'type':'image','data':'xx'},"
				   "{'type':'text','text':'two\\n'}],'timestamp':1000}"),
		      "[{'leaf':'a','entries':1,'messages':1,'forkedAt':null,"
		      "'modified':'1970-01-01T00:00:01.000Z','firstMessage':'one "
		      "two\\n','current':true}]");
}

/* Many leaves, times in every order: the sort has no bad input. */
static void branches__many_are_in_order(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 20), expected = RAMET_BUF_INIT(1u << 20);
	int i;

	(void)state;
	ramet_buf_add_str(&text, HEADER);
	for (i = 0; i < 500; i++)
		ramet_buf_addf(&text, "{'type':'x','id':'%d','timestamp':%d}\n", i,
			       i * 7919 % 500 * 1000);
	ramet_buf_add_char(&expected, '[');
	for (i = 499; i >= 0; i--) {
		int id = 0;

		while (id * 7919 % 500 != i)
			id++;
		ramet_buf_addf(&expected,
			       "%s{'leaf':'%d','entries':1,'messages':0,'forkedAt':null,"
			       "'modified':'1970-01-01T00:%02d:%02d.000Z','current':%s}",
			       i < 499 ? "," : "", id, i / 60, i % 60,
			       id == 499 ? "true" : "false");
	}
	ramet_buf_add_char(&expected, ']');
	assert_report(ramet_report_branches, text.ptr, expected.ptr);
	ramet_buf_release(&text);
	ramet_buf_release(&expected);
}

static void branches__survive_no_memory(void **state)
{
	const char *text = HEADER USER("a", "null", "01:00.000", "root")
		REPLY("b", "'a'", "02:00.000", "x") USER("c", "'a'", "03:00.000", "y")
			ENTRY("label", "l", "'c'", "04:00.000", ",'targetId':'c','label':'mark'");

	(void)state;
	assert_survives_no_memory(ramet_report_branches, text);
	assert_keeps_limit(ramet_report_branches, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches__are_told_newest_first),
		cmocka_unit_test(branches__of_a_bare_header_are_none),
		cmocka_unit_test(branches__of_one_line_is_one),
		cmocka_unit_test(branches__without_messages_go_by_entry_time),
		cmocka_unit_test(branches__are_known_by_their_own_part),
		cmocka_unit_test(branches__may_have_no_current_one),
		cmocka_unit_test(branches__join_text_blocks_as_lists_do),
		cmocka_unit_test(branches__many_are_in_order),
		cmocka_unit_test(branches__survive_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of ops/report_entries.c. */
#include "given.h"

#include <string.h>

static int all_entries(const struct ramet_session *s, struct ramet_buf *out,
		       struct ramet_error *err)
{
	uint32_t next;

	return ramet_report_entries(s, 0, SIZE_MAX, out, &next, err);
}

static void entries__keep_their_bytes(void **state)
{
	(void)state;
	assert_report(all_entries,
		      HEADER
		      "{ 'type' : 'x', 'id':'a',  'n':1.0e5,'big':12345678901234567890123}\r\n"
		      "not json\n\n" USER("a", "null", "01:00.000", "\\u00e9\\ud800"),
		      "{ 'type' : 'x', 'id':'a',  'n':1.0e5,'big':12345678901234567890123}\n" USER(
			      "a", "null", "01:00.000", "\\u00e9\\ud800"));
}

static void entries__of_a_bare_header_are_none(void **state)
{
	struct ramet_session *s = given(HEADER);
	struct ramet_buf out = RAMET_BUF_INIT(100);
	uint32_t next = 7;

	(void)state;
	assert_int_equal(ramet_report_entries(s, 0, 10, &out, &next, NULL), 0);
	assert_int_equal(next, RAMET_NONE);
	assert_int_equal(out.len, 0);
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void entries__show_bad_utf8_as_replacement(void **state)
{
	(void)state;
	assert_report(all_entries, HEADER USER("a", "null", "01:00.000", "x\xff\xe2\x82z"),
		      USER("a", "null", "01:00.000", "x\xef\xbf\xbd\xef\xbf\xbdz"));
}

static void entries__come_in_pieces(void **state)
{
	struct ramet_session *s = given(HEADER USER("a", "null", "01:00.000", "1") USER(
		"b", "'a'", "02:00.000", "2") USER("c", "'b'", "03:00.000", "3"));
	struct ramet_buf out = RAMET_BUF_INIT(1000);
	uint32_t next = 0, turns = 0;

	(void)state;
	while (next != RAMET_NONE) {
		assert_int_equal(ramet_report_entries(s, next, 1, &out, &next, NULL), 0);
		turns++;
	}
	assert_int_equal(turns, 3);
	assert_string_equal(out.ptr, quoted(USER("a", "null", "01:00.000", "1")
						    USER("b", "'a'", "02:00.000", "2")
							    USER("c", "'b'", "03:00.000", "3")));
	ramet_buf_reset(&out);
	assert_int_equal(ramet_report_entries(s, 1, 200, &out, &next, NULL), 0);
	assert_int_equal(next, RAMET_NONE);
	assert_int_equal(ramet_report_entries(s, RAMET_NONE, 200, &out, &next, NULL), 0);
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void entries__of_version_1_have_made_ids(void **state)
{
	struct ramet_session *s =
		given("{'type':'session','id':'old'}\n"
		      "{'type':'message','message':{'role':'user','content':'x'}}\n"
		      "{'type':'message','message':{'role':'hookMessage','content':'y'}}\n");
	struct ramet_bytes a = ramet_tree_id(ramet_session_tree(s), 0);
	struct ramet_bytes b = ramet_tree_id(ramet_session_tree(s), 1);
	struct ramet_buf out = RAMET_BUF_INIT(1000), expected = RAMET_BUF_INIT(1000);

	(void)state;
	assert_int_equal(a.len, 8);
	assert_int_equal(all_entries(s, &out, NULL), 0);
	ramet_buf_addf(&expected,
		       "{'type':'message','message':{'role':'user','content':'x'},"
		       "'id':'%.*s','parentId':null}\n",
		       RAMET_FMT(a));
	ramet_buf_addf(&expected,
		       "{'type':'message','message':{'role':'custom','content':'y'},"
		       "'id':'%.*s','parentId':'%.*s'}\n",
		       RAMET_FMT(b), RAMET_FMT(a));
	assert_string_equal(out.ptr, quoted(expected.ptr));
	ramet_buf_release(&out);
	ramet_buf_release(&expected);
	ramet_session_close(s);
}

static void entries__survive_no_memory(void **state)
{
	const char *text =
		HEADER USER("a", "null", "01:00.000", "1") USER("b", "'a'", "02:00.000", "2\xff");
	const char *old = "{'type':'session','id':'old'}\n"
			  "{'type':'message','message':{'role':'hookMessage','content':'y'}}\n";

	(void)state;
	assert_survives_no_memory(all_entries, text);
	assert_survives_no_memory(all_entries, old);
	assert_keeps_limit(all_entries, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries__keep_their_bytes),
		cmocka_unit_test(entries__of_a_bare_header_are_none),
		cmocka_unit_test(entries__show_bad_utf8_as_replacement),
		cmocka_unit_test(entries__come_in_pieces),
		cmocka_unit_test(entries__of_version_1_have_made_ids),
		cmocka_unit_test(entries__survive_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

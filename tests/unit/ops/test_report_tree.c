/* Tests of ops/report_tree.c and report_path.c. */
#include "given.h"

#include <string.h>

#define N_DEEP 100000

static int path_to_leaf(const struct ramet_session *s, struct ramet_buf *out,
			struct ramet_error *err)
{
	return ramet_report_path(s, ramet_tree_leaf(ramet_session_tree(s)), out, err);
}

static void tree__has_rows_in_preorder(void **state)
{
	(void)state;
	assert_report(
		ramet_report_tree,
		HEADER USER("a", "null", "01:00.000", "x") REPLY("late", "'a'", "05:00.000", "y")
			REPLY("early", "'a'", "02:00.000", "z") ENTRY("model_change", "m", "'late'",
								      "06:00.000", "")
				ENTRY("custom", "r", "null", "00:30.000", ",'customType':'x'"),
		"[{'id':'a','parent':null,'depth':0,'type':'message','role':'user'},"
		"{'id':'early','parent':'a','depth':1,'type':'message','role':'assistant'},"
		"{'id':'late','parent':'a','depth':1,'type':'message','role':'assistant'},"
		"{'id':'m','parent':'late','depth':2,'type':'model_change'},"
		"{'id':'r','parent':null,'depth':0,'type':'custom'}]");
}

static void tree__of_a_bare_header_is_empty(void **state)
{
	(void)state;
	assert_report(ramet_report_tree, HEADER, "[]");
	assert_report(path_to_leaf, HEADER, "[]");
}

static void tree__tells_unknown_types_and_roles_as_stored(void **state)
{
	(void)state;
	assert_report(
		ramet_report_tree,
		HEADER ENTRY("n\\u00e9w", "a", "null", "01:00.000", "") ENTRY(
			"message", "b", "'a'", "02:00.000", ",'message':{'role':'r\\\"1'}")
			ENTRY("message", "c", "'b'", "03:00.000", ",'message':{'role':5}")
				ENTRY("message", "d", "'c'", "04:00.000",
				      ",'message':null") "{'id':'e','parentId':'d'}\n"
							 "{'id':'f','parentId':'e','type':['x']}\n",
		"[{'id':'a','parent':null,'depth':0,'type':'n\xc3\xa9w'},"
		"{'id':'b','parent':'a','depth':1,'type':'message','role':'r\\\"1'},"
		"{'id':'c','parent':'b','depth':2,'type':'message'},"
		"{'id':'d','parent':'c','depth':3,'type':'message'},"
		"{'id':'e','parent':'d','depth':4},{'id':'f','parent':'e','depth':5}]");
}

static void tree__shows_labels_now_set(void **state)
{
	(void)state;
	assert_report(
		ramet_report_tree,
		HEADER USER("a", "null", "01:00.000", "x") ENTRY(
			"label", "l1", "'a'", "02:00.000",
			",'targetId':'a','label':'first'") "{'type':'label','id':'l2','parentId':'"
							   "l1','targetId':'l1','label':' no time "
							   "'}\n" ENTRY("label", "l3", "'l2'",
									"03:00.500",
									",'targetId':'a','label':'"
									"then'") ENTRY("label",
										       "l4", "'l3'",
										       "04:00.000",
										       ",'targetId'"
										       ":'gone','"
										       "label':'x'")
								   ENTRY("label", "l5", "'l4'",
									 "04:00.000",
									 ",'targetId':'l5','label':"
									 "'x'") ENTRY("label", "l6",
										      "'l5'",
										      "04:00.000",
										      ",'targetId':"
										      "'l5'"),
		"[{'id':'a','parent':null,'depth':0,'type':'message','role':'user','label':'then',"
		"'labelTimestamp':'2026-03-01T10:03:00.500Z'},"
		"{'id':'l1','parent':'a','depth':1,'type':'label','label':' no time '},"
		"{'id':'l2','parent':'l1','depth':2,'type':'label'},"
		"{'id':'l3','parent':'l2','depth':3,'type':'label'},"
		"{'id':'l4','parent':'l3','depth':4,'type':'label'},"
		"{'id':'l5','parent':'l4','depth':5,'type':'label'},"
		"{'id':'l6','parent':'l5','depth':6,'type':'label'}]");
}

static void tree__survives_odd_ids_and_loops(void **state)
{
	const char *text = HEADER
		"{'type':'custom','parentId':'b'}\n"
		"{'type':'custom','id':7}\n" USER("b", "'c'", "01:00.000", "x")
			USER("c", "'b'", "02:00.000", "y") USER("self", "'self'", "03:00.000", "z")
				USER("orphan", "'gone'", "04:00.000", "z")
					USER("", "'orphan'", "05:00.000", "z")
						USER("orphan", "'c'", "06:00.000", "again");

	(void)state;
	assert_report(ramet_report_tree, text,
		      "[{'id':null,'parent':null,'depth':0,'type':'custom'},"
		      "{'id':'b','parent':null,'depth':0,'type':'message','role':'user'},"
		      "{'id':null,'parent':'b','depth':1,'type':'custom'},"
		      "{'id':'c','parent':'b','depth':1,'type':'message','role':'user'},"
		      "{'id':'orphan','parent':'c','depth':2,'type':'message','role':'user'},"
		      "{'id':'','parent':'orphan','depth':3,'type':'message','role':'user'},"
		      "{'id':'self','parent':null,'depth':0,'type':'message','role':'user'}]");
	assert_report(path_to_leaf, text, "['b','c','orphan']");
}

static void path__goes_from_root_to_leaf(void **state)
{
	(void)state;
	assert_report(path_to_leaf,
		      HEADER USER("a", "null", "01:00.000", "x") USER("b", "'a'", "02:00.000", "x")
			      USER("c\\ud800", "'a'", "02:00.000", "x"),
		      "['a','c\\ud800']");
	assert_report(
		path_to_leaf,
		HEADER USER("a", "null", "01:00.000", "x") "{'type':'custom','parentId':'a'}\n",
		"['a',null]");
}

static void path__before_the_first_entry_is_empty(void **state)
{
	struct ramet_session *s = given(HEADER USER("a", "null", "01:00.000", "x"));
	struct ramet_buf out = RAMET_BUF_INIT(100);

	(void)state;
	assert_int_equal(ramet_report_path(s, RAMET_NONE, &out, NULL), 0);
	assert_string_equal(out.ptr, "[]");
	ramet_buf_release(&out);
	ramet_session_close(s);
}

/* No recursion, and time that grows with the text only: one chain, and a comb of forks. */
static void tree__may_be_deep(void **state)
{
	report_fn *const reports[] = { ramet_report_tree, path_to_leaf, ramet_report_branches };
	struct ramet_buf text = RAMET_BUF_INIT(1u << 28), out = RAMET_BUF_INIT(1u << 28);
	struct ramet_session *s;
	size_t comb, i;

	(void)state;
	for (comb = 0; comb < 2; comb++) {
		ramet_buf_reset(&text);
		ramet_buf_add_str(&text, quoted(HEADER));
		for (i = 0; i < N_DEEP; i++)
			ramet_buf_addf(&text,
				       quoted("{'type':'custom','id':'%zu','parentId':'%zu'}\n"), i,
				       comb && i % 2 == 0 ? i - 2 : i - 1);
		assert_int_equal(ramet_buf_status(&text), 0);
		s = given_bytes(ramet_buf_bytes(&text));
		for (i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
			ramet_buf_reset(&out);
			assert_int_equal(reports[i](s, &out, NULL), 0);
		}
		ramet_session_close(s);
	}
	ramet_buf_release(&text);
	ramet_buf_release(&out);
}

static void tree__survives_no_memory(void **state)
{
	const char *text = HEADER ENTRY("new", "a", "null", "01:00.000", "")
		ENTRY("message", "b", "'a'", "02:00.000", ",'message':{'role':'r'}")
			ENTRY("label", "l1", "'b'", "02:00.000", ",'targetId':'a','label':'first'");

	(void)state;
	assert_survives_no_memory(ramet_report_tree, text);
	assert_survives_no_memory(path_to_leaf, text);
	assert_keeps_limit(ramet_report_tree, text);
	assert_keeps_limit(path_to_leaf, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree__has_rows_in_preorder),
		cmocka_unit_test(tree__of_a_bare_header_is_empty),
		cmocka_unit_test(tree__tells_unknown_types_and_roles_as_stored),
		cmocka_unit_test(tree__shows_labels_now_set),
		cmocka_unit_test(tree__survives_odd_ids_and_loops),
		cmocka_unit_test(path__goes_from_root_to_leaf),
		cmocka_unit_test(path__before_the_first_entry_is_empty),
		cmocka_unit_test(tree__may_be_deep),
		cmocka_unit_test(tree__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

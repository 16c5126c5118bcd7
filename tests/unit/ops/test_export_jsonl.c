/* Tests of ops/export_jsonl.c. */
#include "given.h"

#include <string.h>

#define NOW 1775001600000 /* 2026-04-01T00:00:00.000Z */
#define EXPORTED                                                                                   \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-04-01T00:00:00.000Z',"          \
	"'cwd':'/w'}\n"

static int export(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err)
{
	return ramet_export_jsonl(s, ramet_tree_leaf(ramet_session_tree(s)), NOW, out, err);
}

static void export__takes_the_path_only(void **state)
{
	(void)state;
	assert_report(export,
		      HEADER USER("a", "null", "01:00.000", "x") REPLY("b", "'a'", "02:00.000", "y")
			      REPLY("c", "'a'", "03:00.000", "z"),
		      EXPORTED USER("a", "null", "01:00.000", "x")
			      REPLY("c", "'a'", "03:00.000", "z"));
	assert_report(export, HEADER, EXPORTED);
}

static void export__makes_a_new_header(void **state)
{
	(void)state;
	assert_report(
		export,
		"{'parentSession':'/p','id':'s\\u0031','type':'session','version':99,'cwd':'/w'}\n",
		EXPORTED);
	assert_report(
		export, "{'type':'session','id':'','version':3,'cwd':7}\n",
		"{'type':'session','version':3,'id':'','timestamp':'2026-04-01T00:00:00.000Z'}\n");
}

/* The links a damaged file lacks are made; every other byte stays. */
static void export__chains_parents(void **state)
{
	(void)state;
	assert_report(export,
		      HEADER USER("a", "'gone'", "01:00.000",
				  "x") "{ 'id':'b\\u0031' , 'parentId' : 'a','n':1.00}\r\n"
				       "{'parentId':'x','id':'c','parentId':'b1'}\n"
				       "{'id':'d','\\u0070arentId':'c'}\n",
		      EXPORTED USER("a", "null", "01:00.000",
				    "x") "{ 'id':'b\\u0031' , 'parentId' : 'a','n':1.00}\n"
					 "{'parentId':'x','id':'c','parentId':'b\\u0031'}\n"
					 "{'id':'d','\\u0070arentId':'c'}\n");
}

static void export__adds_a_missing_parent(void **state)
{
	(void)state;
	assert_report(export, HEADER "{'type':'custom','id':'a'}\n{'id':'b','parentId':'a'}\n",
		      EXPORTED
		      "{'type':'custom','id':'a','parentId':null}\n{'id':'b','parentId':'a'}\n");
}

static void export__keeps_labels_where_they_are(void **state)
{
	const char *label =
		ENTRY("label", "l", "'a'", "02:00.000", ",'targetId':'gone','label':'x'");
	struct ramet_buf text = RAMET_BUF_INIT(2000), expected = RAMET_BUF_INIT(2000);

	(void)state;
	ramet_buf_addf(&text, "%s%s%s%s", HEADER, USER("a", "null", "01:00.000", "x"), label,
		       USER("b", "'l'", "01:00.000", "x"));
	ramet_buf_addf(&expected, "%s%s%s%s", EXPORTED, USER("a", "null", "01:00.000", "x"), label,
		       USER("b", "'l'", "01:00.000", "x"));
	assert_report(export, text.ptr, expected.ptr);
	ramet_buf_release(&text);
	ramet_buf_release(&expected);
}

static void export__keeps_bad_bytes(void **state)
{
	(void)state;
	assert_report(export,
		      HEADER USER("a\xff", "null", "01:00.000", "x\xc3")
			      USER("b", "'a\xef\xbf\xbd'", "02:00.000", "y"),
		      EXPORTED USER("a\xff", "null", "01:00.000", "x\xc3")
			      USER("b", "'a\xff'", "02:00.000", "y"));
}

/* Reading what was exported gives the same path. */
static void export__of_version_1_is_current(void **state)
{
	struct ramet_session
		*s = given("{'type':'session','id':'s1','cwd':'/w'}\n"
			   "{'type':'message','message':{'role':'user','content':'x'}}\n"
			   "{'type':'message','message':{'role':'assistant','content':[]}}\n"),
		*copy;
	struct ramet_buf out = RAMET_BUF_INIT(2000), path = RAMET_BUF_INIT(100),
			 copy_path = RAMET_BUF_INIT(100);

	(void)state;
	assert_int_equal(export(s, &out, NULL), 0);
	copy = given_bytes(ramet_buf_bytes(&out));
	assert_int_equal(ramet_report_path(s, 1, &path, NULL), 0);
	assert_int_equal(ramet_report_path(copy, 1, &copy_path, NULL), 0);
	assert_string_equal(path.ptr, copy_path.ptr);
	assert_int_equal(strncmp(out.ptr, quoted(EXPORTED), strlen(EXPORTED)), 0);
	ramet_buf_release(&out);
	ramet_buf_release(&path);
	ramet_buf_release(&copy_path);
	ramet_session_close(s);
	ramet_session_close(copy);
}

static void export__ends_at_an_entry_without_id(void **state)
{
	(void)state;
	assert_report(
		export,
		HEADER USER("a", "null", "01:00.000", "x") "{'type':'custom','parentId':'a'}\n",
		EXPORTED USER("a", "null", "01:00.000", "x") "{'type':'custom','parentId':'a'}\n");
}

static void export__survives_no_memory(void **state)
{
	const char *text = HEADER USER("a", "'gone'", "01:00.000",
				       "x") "{'type':'custom','id':'b','parentId':'a'}\n";

	(void)state;
	assert_survives_no_memory(export, text);
	assert_keeps_limit(export, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(export__takes_the_path_only),
		cmocka_unit_test(export__makes_a_new_header),
		cmocka_unit_test(export__chains_parents),
		cmocka_unit_test(export__adds_a_missing_parent),
		cmocka_unit_test(export__keeps_labels_where_they_are),
		cmocka_unit_test(export__keeps_bad_bytes),
		cmocka_unit_test(export__of_version_1_is_current),
		cmocka_unit_test(export__ends_at_an_entry_without_id),
		cmocka_unit_test(export__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

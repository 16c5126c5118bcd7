/*
 * append.c, entries of any type: an object with its type and own members becomes the line that the
 * type's own call writes; id, parentId and timestamp are the library's; nothing gets past the
 * checks of the type's own call.
 */
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>

#define TALK                                                                                       \
	HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))                       \
		MESSAGE("side", "'u1'", A("three")) MESSAGE("u2", "'a1'", U("four"))

static char *dir;
static const char *path;
static struct ramet_session *s;
static char id[RAMET_ID_SIZE];

static int make_talk(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	put(path, TALK);
	s = opened(path);
	memset(id, 0, sizeof(id));
	return 0;
}

static int drop_talk(void **state)
{
	(void)state;
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static struct ramet_bytes added(void)
{
	return rest_after(bytes_of(path), js(TALK));
}

/* A fresh copy of the talk gets this entry, as this line. */
#define stores(entry, ...)                                                                         \
	do {                                                                                       \
		ramet_session_close(s);                                                            \
		put(path, TALK);                                                                   \
		s = opened(path);                                                                  \
		must(ramet_session_append_entry(s, js(entry), id, &why));                          \
		assert_text(added(), __VA_ARGS__);                                                 \
		assert_string_equal(leaf_id(s), id);                                               \
		assert_reopens_same(s);                                                            \
	} while (0)

#define MADE "'id':'<id>','parentId':'u2','timestamp':'<now>'"

static void append_entry__writes_each_type_as_pi_does(void **state)
{
	(void)state;
	stores("{'type':'message','message':{'role':'user','content':'x'}}",
	       "{'type':'message'," MADE ",'message':{'role':'user','content':'x'}}\n");
	stores("{'type':'thinking_level_change','thinkingLevel':'high'}",
	       "{'type':'thinking_level_change'," MADE ",'thinkingLevel':'high'}\n");
	stores("{'type':'model_change','provider':'p','modelId':'m'}",
	       "{'type':'model_change'," MADE ",'provider':'p','modelId':'m'}\n");
	stores("{'type':'usage','kind':'k','provider':'p','model':'m','usage':{'input':1}}",
	       "{'type':'usage'," MADE
	       ",'kind':'k','provider':'p','model':'m','usage':{'input':1}}\n");
	stores("{'type':'compaction','summary':'s','firstKeptEntryId':'a1','tokensBefore':1}",
	       "{'type':'compaction'," MADE
	       ",'summary':'s','firstKeptEntryId':'a1','tokensBefore':1}\n");
	stores("{'type':'branch_summary','fromId':'side','summary':'s'}",
	       "{'type':'branch_summary'," MADE ",'fromId':'side','summary':'s'}\n");
	stores("{'type':'context_edit','targetId':'u1','replacement':null}",
	       "{'type':'context_edit'," MADE ",'targetId':'u1','replacement':null}\n");
	stores("{'type':'label','targetId':'u1','label':'x'}",
	       "{'type':'label'," MADE ",'targetId':'u1','label':'x'}\n");
	stores("{'type':'label','targetId':'u1'}", "{'type':'label'," MADE ",'targetId':'u1'}\n");
	stores("{'type':'session_info','name':'n'}",
	       "{'type':'session_info'," MADE ",'name':'n'}\n");
}

static void append_entry__puts_the_payload_of_custom_first(void **state)
{
	(void)state;
	stores("{'type':'custom','customType':'x','data':{'a':[1.0]}}",
	       "{'type':'custom','customType':'x','data':{'a':[1.0]}," MADE "}\n");
	stores("{'type':'custom_message','customType':'x','content':'c','display':true}",
	       "{'type':'custom_message','customType':'x','content':'c','display':true," MADE
	       "}\n");
}

static void append_entry__keeps_what_it_does_not_know(void **state)
{
	(void)state;
	stores("{ 'type' : 'future' , 'n' : [ 1.0, 1e400, 12345678901234567890123 ] , "
	       "'t' : 'a \\ud800' }",
	       "{'type':'future'," MADE ",'n':[1.0,1e400,12345678901234567890123],"
	       "'t':'a \\ud800'}\n");
	stores("{'type':'future'}", "{'type':'future'," MADE "}\n");
	stores("{'a':1,'type':'future','b':2}", "{'type':'future'," MADE ",'a':1,'b':2}\n");
}

static void append_entry__compacts_a_text_of_many_lines(void **state)
{
	(void)state;
	stores("{\n  'type': 'message',\r\n\t'message': {\n 'role': 'user',\n 'content': "
	       "'x'\n}\n}\n",
	       "{'type':'message'," MADE ",'message':{'role':'user','content':'x'}}\n");
}

static void refuses(const char *entry, int code)
{
	refused(ramet_session_append_entry(s, js(entry), id, &why), code);
	assert_string_equal(id, "");
	assert_int_equal(added().len, 0);
	assert_reopens_same(s);
}

static void append_entry__refuses_what_is_made_here(void **state)
{
	(void)state;
	refuses("{'type':'future','id':'mine'}", RAMET_EINVAL);
	refuses("{'type':'future','parentId':'u1'}", RAMET_EINVAL);
	refuses("{'type':'future','parentId':null}", RAMET_EINVAL);
	refuses("{'type':'future','timestamp':'2026-03-01T10:00:00.000Z'}", RAMET_EINVAL);
	refuses("{'type':'future','\\u0069d':'mine'}", RAMET_EINVAL);
	refuses("{'type':'future','parent\\u0049d':'u1'}", RAMET_EINVAL);
	refuses("{'type':'message','message':{'role':'user','content':'x'},'id':'mine'}",
		RAMET_EINVAL);
	refuses("{'type':'custom','customType':'x','timestamp':1}", RAMET_EINVAL);
}

static void append_entry__refuses_headers_in_any_disguise(void **state)
{
	(void)state;
	refuses("{'type':'session','version':3}", RAMET_EINVAL);
	refuses("{'type':'future','type':'session'}", RAMET_EINVAL);
	refuses("{'\\u0074ype':'session'}", RAMET_EINVAL);
	refuses("{'type':'\\u0073ession'}", RAMET_EINVAL);
	refuses("{'type':'future','\\u0074ype':'session'}", RAMET_EINVAL);
}

static void append_entry__refuses_what_has_no_type(void **state)
{
	static const char *const bad[] = {
		"null",		 "7", "'x'", "[]", "{}", "{'a':1}", "{'type':7}", "{'type':null}",
		"{'type':['x']}"
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses(bad[i], RAMET_EINVAL);
}

static void append_entry__refuses_what_is_not_json(void **state)
{
	static const char *const bad[] = { "",
					   "{",
					   "{'type':'future'}}",
					   "{'type':'future'} {}",
					   "{'type':'future','a':'\xff'}",
					   "{'type':'fut\xc3','a':1}",
					   "{'type':'future',}" };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses(bad[i], RAMET_EJSON);
}

static void append_entry__checks_known_types(void **state)
{
	static const char *const bad[] = {
		"{'type':'message'}",
		"{'type':'message','message':null}",
		"{'type':'message','message':{'content':'x'}}",
		"{'type':'message','message':{'role':'user','content':null}}",
		"{'type':'message','message':{'role':'user','content':'x'},'message':null}",
		"{'type':'thinking_level_change'}",
		"{'type':'thinking_level_change','thinkingLevel':7}",
		"{'type':'model_change','provider':'p'}",
		"{'type':'model_change','provider':'p','modelId':null}",
		"{'type':'usage','kind':'k','provider':'p','model':'m'}",
		"{'type':'usage','kind':'k','provider':'p','model':'m','usage':7}",
		"{'type':'compaction','firstKeptEntryId':'u1','tokensBefore':1}",
		"{'type':'compaction','summary':7,'firstKeptEntryId':'u1','tokensBefore':1}",
		"{'type':'branch_summary','fromId':'u1'}",
		"{'type':'custom','data':1}",
		"{'type':'custom','customType':7}",
		"{'type':'custom_message','customType':'x','display':true}",
		"{'type':'custom_message','customType':'x','content':null,'display':true}",
		"{'type':'label','label':'x'}",
		"{'type':'label','targetId':7}",
		"{'type':'label','targetId':'u1','label':7}",
		"{'type':'context_edit','targetId':'u1'}",
		"{'type':'context_edit','targetId':'u1','replacement':'str'}",
		"{'type':'context_edit','targetId':'u1','replacement':{'content':7}}",
		"{'type':'context_edit','targetId':'side','replacement':null}",
		"{'type':'context_edit','targetId':'nope','replacement':7}",
		"{'type':'session_info','name':7}",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses(bad[i], RAMET_EINVAL);
	refuses("{'type':'label','targetId':'nope','label':'x'}", RAMET_ENOTFOUND);
	refuses("{'type':'context_edit','targetId':'nope','replacement':null}", RAMET_ENOTFOUND);
}

static void append_entry__refuses_what_nests_too_deep_to_be_read(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 30);
	struct ramet_session *fresh;
	unsigned extra, i;

	(void)state;
	for (extra = 0; extra < 4; extra++) {
		ramet_buf_reset(&text);
		ramet_buf_add_str(&text, dq("{'type':'future','a':"));
		for (i = 0; i < RAMET_JSON_DEPTH_MAX - 2 + extra; i++)
			ramet_buf_add_char(&text, '[');
		for (i = 0; i < RAMET_JSON_DEPTH_MAX - 2 + extra; i++)
			ramet_buf_add_char(&text, ']');
		ramet_buf_add_char(&text, '}');
		assert_int_equal(ramet_session_append_entry(s, ramet_buf_bytes(&text), NULL, &why),
				 extra < 2 ? 0 : RAMET_ELIMIT);
		fresh = opened(path);
		assert_int_equal(ramet_tree_count(ramet_session_tree(fresh)),
				 4 + (extra < 2 ? extra + 1 : 2));
		/* all are of a type we do not know, and nothing else is odd about them */
		assert_int_equal(ramet_session_findings(fresh)->n, extra < 2 ? extra + 1 : 2);
		ramet_session_close(fresh);
	}
	ramet_buf_release(&text);
}

int main(void)
{
#define WITH_TALK(test) cmocka_unit_test_setup_teardown(test, make_talk, drop_talk)
	const struct CMUnitTest tests[] = {
		WITH_TALK(append_entry__writes_each_type_as_pi_does),
		WITH_TALK(append_entry__puts_the_payload_of_custom_first),
		WITH_TALK(append_entry__keeps_what_it_does_not_know),
		WITH_TALK(append_entry__compacts_a_text_of_many_lines),
		WITH_TALK(append_entry__refuses_what_is_made_here),
		WITH_TALK(append_entry__refuses_headers_in_any_disguise),
		WITH_TALK(append_entry__refuses_what_has_no_type),
		WITH_TALK(append_entry__refuses_what_is_not_json),
		WITH_TALK(append_entry__checks_known_types),
		WITH_TALK(append_entry__refuses_what_nests_too_deep_to_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

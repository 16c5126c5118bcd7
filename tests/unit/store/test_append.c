/*
 * append.c: each call writes exactly the line that pi writes, behind what is there; the handle then
 * knows what a fresh reading of the file knows. What is refused leaves file and handle as they
 * were.
 */
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TALK                                                                                       \
	HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))                       \
		MESSAGE("u2", "'a1'", U("three")) MESSAGE("a2", "'u2'", A("four"))

static char *dir;
static const char *path;
static struct ramet_session *s;
static char id[RAMET_ID_SIZE];
static struct ramet_buf before = RAMET_BUF_INIT(1u << 30);
static uint32_t count_before, leaf_before;
static const struct ramet_bytes missing = { NULL, 0 };

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	ramet_session_close(s);
	ramet_buf_release(&before);
	temp_dir_remove(dir);
	return 0;
}

/* From here on `now_is` and `nothing_changed` compare with this moment. */
static void remember(void)
{
	ramet_buf_reset(&before);
	ramet_buf_add(&before, bytes_of(path));
	count_before = ramet_tree_count(ramet_session_tree(s));
	leaf_before = ramet_session_leaf(s);
}

static void given(const char *text)
{
	put(path, text);
	s = opened(path);
	memset(id, 0, sizeof(id));
	remember();
}

static struct ramet_bytes added(void)
{
	return rest_after(bytes_of(path), ramet_buf_bytes(&before));
}

/* The line of the entry `id` is this, it is the new leaf and all is as a fresh reading has it. */
#define now_is(...)                                                                                \
	do {                                                                                       \
		assert_text(added(), __VA_ARGS__);                                                 \
		assert_string_equal(leaf_id(s), id);                                               \
		assert_int_equal(ramet_session_leaf(s), count_before);                             \
		assert_reopens_same(s);                                                            \
		remember();                                                                        \
	} while (0)

static void nothing_changed(void)
{
	assert_int_equal(added().len, 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), count_before);
	assert_int_equal(ramet_session_leaf(s), leaf_before);
	assert_reopens_same_but_leaf(s);
}

/* ---- messages ---- */

static void append__a_message(void **state)
{
	(void)state;
	given(HEAD);
	must(ramet_session_append_message(s, js(U("one")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':null,'timestamp':'<now>','message':%s}\n",
	       id, U("one"));
	assert_text(raw(id), "<id>");
}

static void append__messages_hang_from_the_leaf(void **state)
{
	char first[RAMET_ID_SIZE];

	(void)state;
	given(HEAD);
	must(ramet_session_append_message(s, js(U("one")), first, &why));
	remember();
	must(ramet_session_append_message(s, js(A("two")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n",
	       id, first, A("two"));
	must(ramet_session_append_message(s, js(U("three")), NULL, &why));
	assert_reopens_same(s);
}

static void append__every_role(void **state)
{
	static const char *const messages[] = {
		U("x"),
		A("x"),
		"{'role':'user','content':[{'type':'image','data':'AA==','mimeType':'image/png'}]}",
		"{'role':'user','content':[]}",
		"{'role':'user','content':''}",
		"{'role':'system','content':'p','sections':{'a':'1'},'toolsAdded':[]}",
		"{'role':'toolResult','toolCallId':'c','toolName':'read','content':"
		"[{'type':'text','text':'x'}],'isError':false}",
		"{'role':'bashExecution','command':'ls','output':'x','exitCode':0,'cancelled':"
		"false,'truncated':false}",
		"{'role':'custom','customType':'x','content':'y','display':true}",
	};
	char parent[RAMET_ID_SIZE] = "a2";
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		must(ramet_session_append_message(s, js(messages[i]), id, &why));
		assert_text(added(),
			    "{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>',"
			    "'message':%s}\n",
			    id, parent, messages[i]);
		assert_reopens_same(s);
		memcpy(parent, id, sizeof(parent));
		remember();
	}
}

static void append__keeps_tokens_and_drops_blanks(void **state)
{
	static const char given_text[] =
		"\t{ \"role\" : \"user\" ,\r\n \"content\": [ { \"type\":\"text\", \"text\" : "
		"\"a  b\\u0041\\ud800 \\/ \\u2028\xe2\x80\xa8 ' {}\" } ] ,\n\"n\": [1.0, 1e400, "
		"-0, "
		"0.10,\n 12345678901234567890123, 1E+2 ], \"d\":1 , \"d\" : 2, \"\\u0065\":null } "
		"\n";
	static const char stored[] =
		"\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"a  b\\u0041\\ud800 \\/ \\u2028\xe2\x80\xa8 ' {}\"}],\"n\":[1.0,1e400,-0,"
		"0.10,12345678901234567890123,1E+2],\"d\":1,\"d\":2,\"\\u0065\":null}}\n";
	struct ramet_bytes line;

	(void)state;
	given(TALK);
	must(ramet_session_append_message(s, raw(given_text), id, &why));
	line = added();
	assert_true(line.len > sizeof(stored));
	assert_string_equal(line.ptr + line.len - (sizeof(stored) - 1), stored);
	assert_int_equal(strchr(line.ptr, '\n') - line.ptr, line.len - 1);
	assert_reopens_same(s);
}

/* Rows made from what was given, and those a reader finds, must be the same. */
static void append__knows_the_role_wherever_it_stands(void **state)
{
	static const char *const messages[] = {
		"{ 'role' : 'assistant' , 'content' : [ ] }",
		"{'content': [ {'type':'text', 'text':' { '} ],\n 'n': {'role':'x'},'role':'user'}",
		"{'content':'x','role':'user'}",
		"{ 'r': 1 , 'role': '\\u0075ser' , 'content': 'x' }",
		"{ 'role': 'user', 'content': 'x', 'role': 'assistant' }",
	};
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		must(ramet_session_append_message(s, js(messages[i]), id, &why));
		assert_reopens_same(s);
	}
}

static void refuses_message(const char *message, int code)
{
	int r = ramet_session_append_message(s, js(message), NULL, &why);

	if (r != code)
		fail_msg("%s: %s: %s", message, ramet_code_name(r), why.text);
	refused(ramet_session_append_message(s, js(message), id, &why), code);
	assert_string_equal(id, "");
	nothing_changed();
}

static void append__refuses_what_is_not_json(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"{'role':'user','content':'x'",
		"{'role':'user','content':'x'}}",
		"{'role':'user','content':'x'},'id':'evil'",
		"{'role':'user','content':'x'}\n{'type':'session'}",
		"{'role':'user','content':'x'} x",
		"{'role':'user','content':'x\ny'}",
		"{'role':'user','content':'x',}",
		"{role:'user','content':'x'}",
		"{'role':'user','content':01}",
		"{'role':'user','content':NaN}",
		"{'role':'user','content':'\\x'}",
		"\xef\xbb\xbf{'role':'user','content':'x'}",
	};
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses_message(bad[i], RAMET_EJSON);
	refused(ramet_session_append_message(s, js("{'role':'user','content':'x',}"), NULL, &why),
		RAMET_EJSON);
	assert_int_equal(why.offset, 29);
}

static void append__refuses_nul_bytes(void **state)
{
	static const char nul[] = "{\"role\":\"user\",\"content\":\"x\"}\0";
	static const char inside[] = "{\"role\":\"user\",\"content\":\"\0\"}";

	(void)state;
	given(TALK);
	refused(ramet_session_append_message(s, (struct ramet_bytes){ nul, sizeof(nul) }, NULL,
					     &why),
		RAMET_EJSON);
	refused(ramet_session_append_message(s, (struct ramet_bytes){ inside, sizeof(inside) - 1 },
					     NULL, &why),
		RAMET_EJSON);
	nothing_changed();
}

static void append__refuses_what_is_no_message(void **state)
{
	static const char *const bad[] = {
		"null",
		"true",
		"7",
		"'text'",
		"[]",
		"[" U("x") "]",
		"{}",
		"{'content':'x'}",
		"{'role':null,'content':'x'}",
		"{'role':7,'content':'x'}",
		"{'role':['user'],'content':'x'}",
		"{'role':'user','content':null}",
		"{'role':'user'}",
		"{'role':'user','content':7}",
		"{'role':'user','content':{}}",
		"{'role':'assistant','content':null}",
		"{'role':'toolResult','content':false}",
		"{'role':'user','content':'x','role':7}",
		"{'role':'user','content':'x','content':null}",
	};
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses_message(bad[i], RAMET_EINVAL);
	refused(ramet_session_append_message(s, js("{'role':'user'}"), NULL, &why), RAMET_EINVAL);
	assert_string_equal(why.text, "the message has no content");
	refused(ramet_session_append_message(s, missing, NULL, &why), RAMET_EJSON);
}

static void append__refuses_bad_utf8(void **state)
{
	static const char *const bad[] = { "\x80",     "\xff",	       "\xc3",
					   "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xe2\x82" };
	char text[64];
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(text, sizeof(text), "{'role':'user','content':'x%sy'}", bad[i]);
		refuses_message(text, RAMET_EJSON);
		(void)snprintf(text, sizeof(text), "{'role':'user','%s':1,'content':'x'}", bad[i]);
		refuses_message(text, RAMET_EJSON);
	}
}

static struct ramet_bytes nested(struct ramet_buf *b, unsigned depth)
{
	unsigned i;

	ramet_buf_reset(b);
	ramet_buf_add_str(b, dq("{'role':'user','content':"));
	for (i = 1; i < depth; i++)
		ramet_buf_add_char(b, '[');
	for (i = 1; i < depth; i++)
		ramet_buf_add_char(b, ']');
	ramet_buf_add_char(b, '}');
	return ramet_buf_bytes(b);
}

/* Whatever is accepted can be read again: the entry around the message counts too. */
static void append__refuses_what_nests_too_deep_to_be_read(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 30);
	unsigned depth, accepted = 0;

	(void)state;
	given(HEAD MESSAGE("u1", "null", U("one")));
	for (depth = RAMET_JSON_DEPTH_MAX - 4; depth <= RAMET_JSON_DEPTH_MAX + 2; depth++) {
		int r = ramet_session_append_message(s, nested(&text, depth), NULL, &why);
		struct ramet_session *fresh = opened(path);

		if (depth < RAMET_JSON_DEPTH_MAX)
			assert_int_equal(r, 0);
		else
			assert_true(r == RAMET_ELIMIT || r == RAMET_EINVAL);
		accepted += r == 0;
		assert_int_equal(ramet_session_findings(fresh)->n, 0);
		assert_int_equal(ramet_tree_count(ramet_session_tree(fresh)), 1 + accepted);
		ramet_session_close(fresh);
	}
	ramet_buf_release(&text);
}

static void append__refuses_a_line_longer_than_can_be_read(void **state)
{
	const struct ramet_open_opts opts = { .max_line = 256 << 10 };
	struct ramet_buf text = RAMET_BUF_INIT(1u << 30);
	unsigned i;

	(void)state;
	put(path, TALK);
	must(ramet_session_open(&s, path, &opts, &why));
	remember();
	ramet_buf_add_str(&text, dq("{'role':'user','content':'"));
	for (i = 0; i < 256 << 10; i++)
		ramet_buf_add_char(&text, 'x');
	ramet_buf_add_str(&text, dq("'}"));
	refused(ramet_session_append_message(s, ramet_buf_bytes(&text), id, &why), RAMET_ELIMIT);
	nothing_changed();
	ramet_buf_release(&text);
}

/* ---- many messages ---- */

static void append_messages__chains_them(void **state)
{
	struct ramet_bytes messages[3] = { js(U("x")), js(A("y")), js(U("z")) };
	char ids[3][RAMET_ID_SIZE];

	(void)state;
	given(TALK);
	must(ramet_session_append_messages(s, messages, 3, ids, &why));
	assert_text(
		added(),
		"{'type':'message','id':'%s','parentId':'a2','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}"
		"\n",
		ids[0], U("x"), ids[1], ids[0], A("y"), ids[2], ids[1], U("z"));
	assert_string_equal(leaf_id(s), ids[2]);
	assert_reopens_same(s);
	must(ramet_session_append_messages(s, messages, 3, NULL, &why));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 10);
	assert_reopens_same(s);
}

/* Some go there as they are, others without their blanks. */
static void append_messages__mixes_compact_ones_and_others(void **state)
{
	struct ramet_bytes messages[4] = { js(" {'role':'user', 'content':'w'}"), js(U("x")),
					   js("{'role':'user','content':'y' }"), js(U("z")) };
	char ids[4][RAMET_ID_SIZE];

	(void)state;
	given(TALK);
	must(ramet_session_append_messages(s, messages, 4, ids, &why));
	assert_text(
		added(),
		"{'type':'message','id':'%s','parentId':'a2','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'%s','timestamp':'<now>','message':%s}\n",
		ids[0], U("w"), ids[1], ids[0], U("x"), ids[2], ids[1], U("y"), ids[3], ids[2],
		U("z"));
	assert_reopens_same(s);
}

static struct ramet_bytes message_of(uint32_t row, struct ramet_buf *scratch)
{
	struct ramet_bytes json, message;

	must(ramet_tree_entry(ramet_session_tree(s), row, scratch, &json, &why));
	message.ptr = memmem(json.ptr, json.len, "{\"role", 6);
	assert_non_null(message.ptr);
	message.len = (size_t)(json.ptr + json.len - 1 - message.ptr);
	return message;
}

/* Of a session in memory: its text moves while it grows. */
static void append_messages__takes_bytes_of_the_session_itself(void **state)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 20), kept = RAMET_BUF_INIT(1u << 20);
	uint32_t i;

	(void)state;
	must(ramet_session_create_memory(&s, "/w", js(TALK), NULL, &why));
	for (i = 1; i < 300; i++) {
		struct ramet_bytes message = message_of(i, &scratch);

		ramet_buf_reset(&kept);
		ramet_buf_add(&kept, message);
		must(ramet_session_append_message(s, message, id, &why));
		message = message_of(i + 3, &scratch);
		assert_true(ramet_bytes_eq(message, ramet_buf_bytes(&kept)));
	}
	ramet_buf_release(&kept);
	ramet_buf_release(&scratch);
}

static void append_messages__all_or_none(void **state)
{
	static const char *const bad[] = { "{", "{'role':7}", "null",
					   "{'role':'user','content':null}" };
	struct ramet_bytes messages[3] = { js(U("x")), js(A("y")), js(U("z")) };
	char ids[3][RAMET_ID_SIZE];
	unsigned i, at;

	(void)state;
	given(TALK);
	memset(ids, 0, sizeof(ids));
	for (i = 0; i < 4; i++)
		for (at = 0; at < 3; at++) {
			struct ramet_bytes kept = messages[at];

			messages[at] = js(bad[i]);
			refused(ramet_session_append_messages(s, messages, 3, ids, &why),
				i == 0 ? RAMET_EJSON : RAMET_EINVAL);
			assert_string_equal(ids[0], "");
			nothing_changed();
			messages[at] = kept;
		}
}

static void append_messages__none_is_fine(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_messages(s, NULL, 0, NULL, &why));
	nothing_changed();
}

/* ---- settings, usage, names, labels ---- */

static void append__a_thinking_level(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_thinking_level(s, raw("high"), id, &why));
	now_is("{'type':'thinking_level_change','id':'%s','parentId':'a2','timestamp':'<now>',"
	       "'thinkingLevel':'high'}\n",
	       id);
}

static void append__a_model(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_model(s, raw("p"), raw("m/1"), id, &why));
	now_is("{'type':'model_change','id':'%s','parentId':'a2','timestamp':'<now>',"
	       "'provider':'p','modelId':'m/1'}\n",
	       id);
}

static void append__texts_cannot_break_out(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_thinking_level(s, raw("\"},\n{\"\\\x01\x7f\t</script>"), id,
						 &why));
	now_is("{'type':'thinking_level_change','id':'%s','parentId':'a2','timestamp':'<now>',"
	       "'thinkingLevel':'\\'},\\n{\\'\\\\\\u0001\x7f\\t</script>'}\n",
	       id);
}

/* Whether refused or mended, what is in the file is always UTF-8. */
static void append__never_stores_bad_utf8(void **state)
{
	struct ramet_usage_entry usage = { raw("a\xff"), raw("p"), raw("m"), missing, js("{}") };
	struct ramet_summary sum = { .summary = raw("a\xff") };
	struct ramet_custom_message cm = { raw("a\xff"), js("'x'"), missing, 1 };
	uint32_t i;

	(void)state;
	given(TALK);
	(void)ramet_session_append_thinking_level(s, raw("a\xff"), id, &why);
	(void)ramet_session_append_model(s, raw("p"), raw("a\xff"), id, &why);
	(void)ramet_session_append_usage(s, &usage, id, &why);
	(void)ramet_session_append_compaction(s, &sum, id, &why);
	(void)ramet_session_branch_with_summary(s, 0, &sum, id, &why);
	(void)ramet_session_append_custom(s, raw("a\xff"), missing, id, &why);
	(void)ramet_session_append_custom_message(s, &cm, id, &why);
	(void)ramet_session_append_name(s, raw("a\xff"), id, &why);
	(void)ramet_session_append_label(s, 0, raw("a\xff"), id, &why);
	assert_null(strchr(added().ptr, '\xff'));
	assert_reopens_same(s);
	for (i = 0; i < ramet_tree_count(ramet_session_tree(s)); i++)
		assert_false(ramet_tree_row(ramet_session_tree(s), i)->flags & RAMET_ROW_BAD_UTF8);
}

static void append__usage(void **state)
{
	struct ramet_usage_entry u = { raw("cache_warm"), raw("p"), raw("m"), missing,
				       js("{'input':10, 'cost':{'total':0.30}}") };
	char first[RAMET_ID_SIZE];

	(void)state;
	given(TALK);
	must(ramet_session_append_usage(s, &u, id, &why));
	memcpy(first, id, sizeof(first));
	now_is("{'type':'usage','id':'%s','parentId':'a2','timestamp':'<now>','kind':'cache_warm',"
	       "'provider':'p','model':'m','usage':{'input':10,'cost':{'total':0.30}}}\n",
	       id);
	u.note = raw("why");
	must(ramet_session_append_usage(s, &u, id, &why));
	now_is("{'type':'usage','id':'%s','parentId':'%s','timestamp':'<now>','kind':'cache_warm',"
	       "'provider':'p','model':'m','usage':{'input':10,'cost':{'total':0.30}},"
	       "'note':'why'}\n",
	       id, first);
	u.note = raw("");
	must(ramet_session_append_usage(s, &u, id, &why));
	assert_null(strstr(added().ptr, "note"));
	remember();
	u.usage = js("[]");
	refused(ramet_session_append_usage(s, &u, NULL, &why), RAMET_EINVAL);
	u.usage = js("{");
	refused(ramet_session_append_usage(s, &u, NULL, &why), RAMET_EJSON);
	nothing_changed();
}

static void append__a_name_as_pi_trims_it(void **state)
{
	static const char *const names[][2] = {
		{ "  My session ", "My session" },
		{ "two\r\n\nlines", "two lines" },
		{ "\n a \n\r b\t\n", "a   b" },
		{ "\xc2\xa0x\xef\xbb\xbf", "x" },
		{ "", "" },
		{ " \r\n ", "" },
	};
	unsigned i;

	(void)state;
	given(TALK);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct ramet_buf name = RAMET_BUF_INIT(1024);

		must(ramet_session_append_name(s, raw(names[i][0]), id, &why));
		now_is("{'type':'session_info','id':'%s','parentId':'%s','timestamp':'<now>',"
		       "'name':'%s'}\n",
		       id, i ? "<id>" : "a2", names[i][1]);
		assert_int_equal(must(ramet_tree_name(ramet_session_tree(s), &name, &why)),
				 *names[i][1] != '\0');
		assert_true(ramet_bytes_is(ramet_buf_bytes(&name), names[i][1]));
		ramet_buf_release(&name);
	}
}

static void label_is(const char *target, const char *text)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	const struct ramet_label *l;

	must(ramet_tree_labels(ramet_session_tree(s), &labels, &why));
	l = ramet_labels_find(&labels, row_of(s, target));
	if (text)
		assert_true(l && ramet_bytes_is(l->text, text));
	else
		assert_null(l);
	ramet_labels_release(&labels);
}

static void append__labels(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_label(s, row_of(s, "u1"), raw(" start "), id, &why));
	now_is("{'type':'label','id':'%s','parentId':'a2','timestamp':'<now>','targetId':'u1',"
	       "'label':' start '}\n",
	       id);
	label_is("u1", " start ");
	must(ramet_session_append_label(s, row_of(s, "u1"), raw("again"), id, &why));
	now_is("{'type':'label','id':'%s','parentId':'<id>','timestamp':'<now>','targetId':'u1',"
	       "'label':'again'}\n",
	       id);
	label_is("u1", "again");
	must(ramet_session_append_label(s, row_of(s, "u1"), missing, id, &why));
	now_is("{'type':'label','id':'%s','parentId':'<id>','timestamp':'<now>',"
	       "'targetId':'u1'}\n",
	       id);
	label_is("u1", NULL);
	must(ramet_session_append_label(s, row_of(s, "u2"), raw(""), id, &why));
	now_is("{'type':'label','id':'%s','parentId':'<id>','timestamp':'<now>','targetId':'u2',"
	       "'label':''}\n",
	       id);
	label_is("u2", NULL);
	refused(ramet_session_append_label(s, 8, raw("x"), NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_session_append_label(s, RAMET_NONE, raw("x"), NULL, &why), RAMET_ENOTFOUND);
	nothing_changed();
}

static void append__ids_with_escapes_are_kept(void **state)
{
	(void)state;
	given(HEAD MESSAGE("a\\u0022b\\n\\ud83d\\ude00", "null", U("one")));
	must(ramet_session_append_label(s, 0, raw("x"), id, &why));
	now_is("{'type':'label','id':'%s','parentId':'a\\'b\\n\xf0\x9f\x98\x80','timestamp':"
	       "'<now>','targetId':'a\\'b\\n\xf0\x9f\x98\x80','label':'x'}\n",
	       id);
	label_is("a\"b\n\xf0\x9f\x98\x80", "x");
}

/* ---- custom ---- */

static void append__custom(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_append_custom(s, raw("x"), missing, id, &why));
	now_is("{'type':'custom','customType':'x','id':'%s','parentId':'a2','timestamp':'<now>'}\n",
	       id);
	must(ramet_session_append_custom(s, raw("x"), js("null"), id, &why));
	now_is("{'type':'custom','customType':'x','data':null,'id':'%s','parentId':'<id>',"
	       "'timestamp':'<now>'}\n",
	       id);
	must(ramet_session_append_custom(s, raw("x"), js("{ 'a' : [ 1.0 ] }"), id, &why));
	now_is("{'type':'custom','customType':'x','data':{'a':[1.0]},'id':'%s','parentId':'<id>',"
	       "'timestamp':'<now>'}\n",
	       id);
	refused(ramet_session_append_custom(s, raw("x"), js("{},'id':'evil'"), NULL, &why),
		RAMET_EJSON);
	refused(ramet_session_append_custom(s, raw("x"), js(""), NULL, &why), RAMET_EJSON);
	nothing_changed();
}

static void append__custom_messages(void **state)
{
	struct ramet_custom_message m = { raw("x"), js("'text'"), missing, 1 };

	(void)state;
	given(TALK);
	must(ramet_session_append_custom_message(s, &m, id, &why));
	now_is("{'type':'custom_message','customType':'x','content':'text','display':true,"
	       "'id':'%s','parentId':'a2','timestamp':'<now>'}\n",
	       id);
	m.content = js("[{'type':'text','text':'a'}]");
	m.details = js("{'d':1}");
	m.display = 0;
	must(ramet_session_append_custom_message(s, &m, id, &why));
	now_is("{'type':'custom_message','customType':'x','content':[{'type':'text','text':'a'}],"
	       "'display':false,'details':{'d':1},'id':'%s','parentId':'<id>',"
	       "'timestamp':'<now>'}\n",
	       id);
	m.content = js("null");
	refused(ramet_session_append_custom_message(s, &m, NULL, &why), RAMET_EINVAL);
	m.content = js("{}");
	refused(ramet_session_append_custom_message(s, &m, NULL, &why), RAMET_EINVAL);
	m.content = js("[");
	refused(ramet_session_append_custom_message(s, &m, NULL, &why), RAMET_EJSON);
	nothing_changed();
}

/* ---- summaries ---- */

static void append__a_compaction(void **state)
{
	struct ramet_summary c = { .summary = raw("sum"),
				   .first_kept = raw("u2"),
				   .tokens_before = 1234,
				   .details = js("{'readFiles':['a']}"),
				   .usage = js("{'input':1}") };

	(void)state;
	given(TALK);
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'a2','timestamp':'<now>','summary':'sum',"
	       "'firstKeptEntryId':'u2','tokensBefore':1234,'details':{'readFiles':['a']},"
	       "'usage':{'input':1}}\n",
	       id);
	c = (struct ramet_summary){ .summary = raw("hook"),
				    .first_kept = raw("a2"),
				    .tokens_before = 0.5,
				    .from_hook = 1 };
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'<id>','timestamp':'<now>','summary':"
	       "'hook','firstKeptEntryId':'a2','tokensBefore':0.5,'fromHook':true}\n",
	       id);
	c.from_hook = -1;
	c.details = js("{'a'}");
	refused(ramet_session_append_compaction(s, &c, NULL, &why), RAMET_EJSON);
	nothing_changed();
}

static void append__a_compaction_that_keeps_nothing(void **state)
{
	struct ramet_summary c = { .summary = raw("none kept"),
				   .tokens_before = 5,
				   .from_hook = -1 };

	(void)state;
	given(TALK);
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'a2','timestamp':'<now>',"
	       "'summary':'none kept','firstKeptEntryId':'%s','tokensBefore':5,'fromHook':false}\n",
	       id, id);
}

static void append__a_compaction_takes_the_system_message_along(void **state)
{
	struct ramet_summary c = { .summary = raw("sum"), .tokens_before = 5 };

	(void)state;
	given(HEAD MESSAGE("s1", "null",
			   "{'role':'system','content':'Base','sections':{'a':'1','b':'2'},"
			   "'toolsAdded':[{'name':'read','description':'d'}],'timestamp':1}")
		      MESSAGE("u1", "'s1'", U("one"))
			      MESSAGE("s2", "'u1'",
				      "{'role':'system','content':'More','sections':{'a':null,"
				      "'c':'3'},'toolsAdded':[{'name':'bash','description':'e'}],"
				      "'toolsRemoved':[{'name':'read'}],'timestamp':2}"));
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'s2','timestamp':'<now>','summary':'sum',"
	       "'firstKeptEntryId':'%s','tokensBefore':5,'systemMessage':{'role':'system',"
	       "'content':'Base\\n\\nMore','sections':{'b':'2','c':'3'},"
	       "'toolsAdded':[{'name':'bash','description':'e'}],'timestamp':<ms>}}\n",
	       id, id);
	must(ramet_session_append_message(
		s, js("{'role':'system','content':'','sections':{'c':null},'timestamp':3}"), NULL,
		&why));
	remember();
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'<id>','timestamp':'<now>','summary':"
	       "'sum','firstKeptEntryId':'%s','tokensBefore':5,'systemMessage':{'role':'system',"
	       "'content':'Base\\n\\nMore','sections':{'b':'2'},"
	       "'toolsAdded':[{'name':'bash','description':'e'}],'timestamp':<ms>}}\n",
	       id, id);
}

static void append__a_compaction_looks_at_the_leaf_not_at_the_last_row(void **state)
{
	struct ramet_summary c = { .summary = raw("sum"), .tokens_before = 5 };

	(void)state;
	given(HEAD MESSAGE("u1", "null", U("one"))
		      MESSAGE("s1", "'u1'", "{'role':'system','content':'Base','timestamp':1}"));
	must(ramet_session_branch(s, row_of(s, "u1"), &why));
	must(ramet_session_append_compaction(s, &c, id, &why));
	now_is("{'type':'compaction','id':'%s','parentId':'u1','timestamp':'<now>','summary':'sum',"
	       "'firstKeptEntryId':'%s','tokensBefore':5}\n",
	       id, id);
}

static void append__a_branch_summary_names_the_leaf_that_was_left(void **state)
{
	struct ramet_summary b = { .summary = raw("tried"),
				   .details = js("{'readFiles':[]}"),
				   .usage = js("{'input':1}"),
				   .from_hook = -1 };
	char first[RAMET_ID_SIZE];

	(void)state;
	given(TALK);
	must(ramet_session_branch_with_summary(s, row_of(s, "a1"), &b, id, &why));
	memcpy(first, id, sizeof(first));
	now_is("{'type':'branch_summary','id':'%s','parentId':'a1','timestamp':'<now>',"
	       "'fromId':'a2','summary':'tried','details':{'readFiles':[]},'usage':{'input':1},"
	       "'fromHook':false}\n",
	       id);
	b = (struct ramet_summary){ .summary = raw("restart"), .from_hook = 1 };
	must(ramet_session_branch_with_summary(s, RAMET_NONE, &b, id, &why));
	now_is("{'type':'branch_summary','id':'%s','parentId':null,'timestamp':'<now>',"
	       "'fromId':'%s','summary':'restart','fromHook':true}\n",
	       id, first);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	b = (struct ramet_summary){ .summary = raw("") };
	must(ramet_session_branch_with_summary(s, row_of(s, "u1"), &b, id, &why));
	now_is("{'type':'branch_summary','id':'%s','parentId':'u1','timestamp':'<now>',"
	       "'fromId':'root','summary':''}\n",
	       id);
	refused(ramet_session_branch_with_summary(s, 99, &b, NULL, &why), RAMET_ENOTFOUND);
	b.details = js("{");
	refused(ramet_session_branch_with_summary(s, 0, &b, NULL, &why), RAMET_EJSON);
	nothing_changed();
}

/* ---- context edits ---- */

/* An entry a line: clang-format cannot know. */
/* clang-format off */
#define EDITABLE                                                                                   \
	TALK                                                                                       \
	MESSAGE("t1", "'a2'", "{'role':'toolResult','toolCallId':'c','content':[],"                \
			      "'isError':false}")                                                  \
	LINE("custom_message", "cm", "'t1'", ",'customType':'x','content':'y','display':true")     \
	LINE("custom", "x", "'cm'", ",'customType':'x'")                                           \
	MESSAGE("sys", "'x'", "{'role':'system','content':'p'}")                                   \
	MESSAGE("bash", "'sys'", "{'role':'bashExecution','command':'ls','output':''}")            \
	LINE("compaction", "c1", "'bash'",                                                         \
	     ",'summary':'s','firstKeptEntryId':'u1','tokensBefore':1")                            \
	LINE("label", "l1", "'c1'", ",'targetId':'u1','label':'x'")                                \
	MESSAGE("side", "'u1'", A("aside"))                                                        \
	LINE("session_info", "end", "'l1'", ",'name':'n'")
/* clang-format on */

static void edits(const char *target, const char *replacement, const char *stored)
{
	must(ramet_session_append_context_edit(s, row_of(s, target), js(replacement), id, &why));
	now_is("{'type':'context_edit','id':'%s','parentId':'%s','timestamp':'<now>',"
	       "'targetId':'%s','replacement':%s}\n",
	       id, leaf_before == row_of(s, "end") ? "end" : "<id>", target, stored);
}

static void append__context_edits_as_pi_normalises_them(void **state)
{
	static const char *const plain[] = { "null",
					     "{'content':'str'}",
					     "{'content':''}",
					     "{'content':[]}",
					     "{'content':[{'type':'text','text':'blk'}]}",
					     "{'content':'str','extra':1}" };
	static const char *const blocks[] = {
		"null",
		"{'content':[{'type':'text','text':'str'}]}",
		"{'content':[{'type':'text','text':''}]}",
		"{'content':[]}",
		"{'content':[{'type':'text','text':'blk'}]}",
		"{'content':[{'type':'text','text':'str'}]}",
	};
	unsigned i;

	(void)state;
	given(EDITABLE);
	for (i = 0; i < 6; i++) {
		edits("u1", plain[i], plain[i]);
		edits("cm", plain[i], plain[i]);
		edits("a1", plain[i], blocks[i]);
		edits("t1", plain[i], blocks[i]);
	}
	edits("a1", "{'content': [ {'type':'text','text':'x', 'n':1.0} ], 'extra' : [ ] }",
	      "{'content':[{'type':'text','text':'x','n':1.0}],'extra':[]}");
	edits("a1", "{'content':'\\u0041\\ud800'}",
	      "{'content':[{'type':'text','text':'\\u0041\\ud800'}]}");
}

static void append__context_edits_are_checked_in_pis_order(void **state)
{
	static const char *const bad[] = {
		"'str'", "{}", "{'content':7}", "{'content':null}", "{'text':'x'}",
		"[]",	 "7",  "true"
	};
	static const char *const fixed[] = { "x", "sys", "bash", "c1", "l1", "end" };
	unsigned i;

	(void)state;
	given(EDITABLE);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		refused(ramet_session_append_context_edit(s, row_of(s, "u1"), js(bad[i]), id, &why),
			RAMET_EINVAL);
		/* the replacement is looked at first */
		refused(ramet_session_append_context_edit(s, 999, js(bad[i]), id, &why),
			RAMET_EINVAL);
	}
	refused(ramet_session_append_context_edit(s, 0, missing, id, &why), RAMET_EINVAL);
	refused(ramet_session_append_context_edit(s, 0, js("{"), id, &why), RAMET_EJSON);
	refused(ramet_session_append_context_edit(s, 0, js("null,'id':'evil'"), id, &why),
		RAMET_EJSON);
	refused(ramet_session_append_context_edit(s, 999, js("null"), id, &why), RAMET_ENOTFOUND);
	refused(ramet_session_append_context_edit(s, RAMET_NONE, js("null"), id, &why),
		RAMET_ENOTFOUND);
	refused(ramet_session_append_context_edit(s, row_of(s, "side"), js("null"), id, &why),
		RAMET_EINVAL);
	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		refused(ramet_session_append_context_edit(s, row_of(s, fixed[i]), js("null"), id,
							  &why),
			RAMET_EINVAL);
	assert_string_equal(id, "");
	nothing_changed();
}

static void append__context_edits_see_the_moved_leaf(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_branch(s, row_of(s, "u1"), &why));
	remember();
	refused(ramet_session_append_context_edit(s, row_of(s, "a1"), js("null"), id, &why),
		RAMET_EINVAL);
	nothing_changed();
	must(ramet_session_append_context_edit(s, row_of(s, "u1"), js("null"), id, &why));
	now_is("{'type':'context_edit','id':'%s','parentId':'u1','timestamp':'<now>',"
	       "'targetId':'u1','replacement':null}\n",
	       id);
}

/* ---- the leaf ---- */

static void branch__moves_the_leaf_in_memory_only(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_branch(s, row_of(s, "u1"), &why));
	assert_string_equal(leaf_id(s), "u1");
	assert_int_equal(added().len, 0);
	must(ramet_session_append_message(s, js(A("other")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':'u1','timestamp':'<now>','message':%s}\n",
	       id, A("other"));
	must(ramet_session_branch(s, RAMET_NONE, &why));
	assert_int_equal(ramet_session_leaf(s), RAMET_NONE);
	must(ramet_session_append_message(s, js(U("root")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':null,'timestamp':'<now>','message':%s}\n",
	       id, U("root"));
}

static void branch__refuses_rows_that_cannot_have_children(void **state)
{
	(void)state;
	given(TALK "{'type':'future','timestamp':'2026-03-01T10:00:01.000Z'}\n");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 5);
	refused(ramet_session_branch(s, 4, &why), RAMET_EINVAL);
	assert_int_equal(ramet_session_leaf(s), leaf_before);
	assert_true(ramet_session_branch(s, 5, &why) < 0);
	assert_true(ramet_session_branch(s, RAMET_NONE - 1, &why) < 0);
	assert_int_equal(ramet_session_leaf(s), leaf_before);
}

static void append_leaf__keeps_the_leaf(void **state)
{
	struct ramet_session *fresh;

	(void)state;
	given(TALK);
	must(ramet_session_branch(s, row_of(s, "u1"), &why));
	must(ramet_session_append_leaf(s, id, &why));
	now_is("{'type':'custom','customType':'ramet.leaf','id':'%s','parentId':'u1',"
	       "'timestamp':'<now>'}\n",
	       id);
	fresh = opened(path);
	assert_string_equal(leaf_id(fresh), id);
	ramet_session_close(fresh);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	must(ramet_session_append_leaf(s, id, &why));
	now_is("{'type':'custom','customType':'ramet.leaf','id':'%s','parentId':null,"
	       "'timestamp':'<now>'}\n",
	       id);
}

/* ---- ids ---- */

static void append__ids_are_unique(void **state)
{
	struct ramet_bytes messages[100];
	static char ids[10][100][RAMET_ID_SIZE];
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	unsigned i, j;

	(void)state;
	put(path, HEAD);
	must(ramet_session_open(&s, path, &opts, &why));
	for (i = 0; i < 100; i++)
		messages[i] = js(U("x"));
	for (i = 0; i < 10; i++)
		must(ramet_session_append_messages(s, messages, 100, ids[i], &why));
	for (i = 0; i < 10; i++)
		for (j = 0; j < 100; j++) {
			assert_text(raw(ids[i][j]), "<id>");
			assert_int_equal(row_of(s, ids[i][j]), i * 100 + j);
		}
	assert_reopens_same(s);
}

/* ---- what the file ends with ---- */

/* The next entry is the child of `parent`, on a line of its own, and `n` entries were there. */
static void goes_on_after(const char *text, size_t len, const char *parent, uint32_t n)
{
	struct ramet_session *fresh;

	put_bytes(path, (struct ramet_bytes){ text, len });
	s = opened(path);
	remember();
	assert_int_equal(count_before, n);
	must(ramet_session_append_message(s, js(A("more")), id, &why));
	assert_text(added(),
		    "%s{'type':'message','id':'%s','parentId':%s,'timestamp':'<now>','message':%s}"
		    "\n",
		    text[len - 1] == '\n' ? "" : "\n", id, parent, A("more"));
	assert_reopens_same(s);
	remember();
	must(ramet_session_append_message(s, js(U("and more")), NULL, &why));
	assert_text(added(),
		    "{'type':'message','id':'<id>','parentId':'%s','timestamp':'<now>',"
		    "'message':%s}\n",
		    id, U("and more"));
	fresh = opened(path);
	assert_int_equal(ramet_tree_count(ramet_session_tree(fresh)), n + 2);
	ramet_session_close(fresh);
	ramet_session_close(s);
	s = NULL;
}

static void append__starts_on_its_own_line(void **state)
{
	static const char talk[] = HEAD MESSAGE("u1", "null", U("one"));
	char text[1024];
	size_t len = strlen(talk), cut;

	(void)state;
	goes_on_after(dq(talk), len, "'u1'", 1);
	goes_on_after(dq(talk), len - 1, "'u1'", 1);
	goes_on_after(dq(HEAD), strlen(HEAD) - 1, "null", 0);
	for (cut = strlen(HEAD) + 1; cut < len - 1; cut += 7)
		goes_on_after(dq(talk), cut, "null", 0);
	memcpy(text, dq(talk), len);
	memset(text + len, ' ', 20);
	goes_on_after(text, len + 20, "'u1'", 1);
	memset(text + len, 0, 20);
	goes_on_after(text, len + 20, "'u1'", 1);
	memset(text + len - 1, 0, 20);
	goes_on_after(text, len + 19, "null", 0);
	memset(text + len, 0, 20);
	text[len - 1] = text[len + 19] = '\n';
	goes_on_after(text, len + 20, "'u1'", 1);
	text[len] = '{';
	goes_on_after(text, len + 1, "'u1'", 1);
}

static void append__leaves_crlf_lines_alone(void **state)
{
	static const char head[] = HEAD;
	static const char line[] = MESSAGE("u1", "null", U("one"));
	char text[1024];
	size_t len;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text), "%.*s\r\n%.*s\r\n", (int)strlen(head) - 1,
			       dq(head), (int)strlen(line) - 1, dq(line));
	goes_on_after(text, len, "'u1'", 1);
	goes_on_after(text, len - 1, "'u1'", 1);
}

static void append__leaves_odd_lines_alone(void **state)
{
	(void)state;
	given("garbage\n\n" HEAD "not json\n" MESSAGE(
		"u1", "null", U("one")) "7\n" HEAD
					"{'type':'message','id':'u1','parentId':'zz'}\n\n" MESSAGE(
						"o", "'nowhere'", U("x")));
	must(ramet_session_append_message(s, js(A("more")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':'o','timestamp':'<now>','message':%s}\n", id,
	       A("more"));
}

static void append__can_adopt_nobodys_orphans(void **state)
{
	uint32_t i;

	(void)state;
	given(HEAD MESSAGE("o1", "'ffffffff'", U("x")) MESSAGE("o2", "'00000000'", U("x"))
		      MESSAGE("p", "'p'", U("x")));
	for (i = 0; i < 50; i++)
		must(ramet_session_append_message(s, js(U("x")), NULL, &why));
	assert_reopens_same(s);
}

/* ---- versions ---- */

static void append__refuses_version_1(void **state)
{
	struct ramet_summary sum = { .summary = raw("sum") };

	(void)state;
	given(HEAD_OF("") "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':" U(
		"one") "}\n");
	refused(ramet_session_append_message(s, js(A("two")), id, &why), RAMET_EVERSION);
	assert_non_null(strstr(why.text, "ramet migrate"));
	refused(ramet_session_append_name(s, raw("n"), id, &why), RAMET_EVERSION);
	refused(ramet_session_append_label(s, 0, raw("n"), id, &why), RAMET_EVERSION);
	refused(ramet_session_append_compaction(s, &sum, id, &why), RAMET_EVERSION);
	refused(ramet_session_branch_with_summary(s, 0, &sum, id, &why), RAMET_EVERSION);
	refused(ramet_session_append_leaf(s, id, &why), RAMET_EVERSION);
	refused(ramet_session_append_entry(s, js("{'type':'future'}"), id, &why), RAMET_EVERSION);
	assert_string_equal(id, "");
	nothing_changed();
}

static void append__takes_version_2(void **state)
{
	(void)state;
	given(HEAD_OF(",'version':2") MESSAGE("h", "null", "{'role':'hookMessage','content':'x'}"));
	must(ramet_session_append_message(s, js(A("two")), id, &why));
	now_is("{'type':'message','id':'%s','parentId':'h','timestamp':'<now>','message':%s}\n", id,
	       A("two"));
}

/* ---- where ---- */

static void append__goes_to_the_file_that_was_meant_when_opening(void **state)
{
	const struct ramet_open_opts create = { .create = 1 };
	char *before_cwd = getcwd(NULL, 0);
	struct ramet_session *fresh = NULL;

	(void)state;
	put(path, TALK);
	assert_int_equal(chdir(dir), 0);
	must(ramet_session_open(&s, "s.jsonl", NULL, &why));
	must(ramet_session_open(&fresh, "./new.jsonl", &create, &why));
	assert_int_equal(chdir("/"), 0);
	must(ramet_session_append_message(s, js(U("x")), id, &why));
	add_to(path, MESSAGE("pi", "'a2'", U("pi")));
	must(ramet_session_append_message(s, js(U("y")), id, &why));
	assert_string_equal(ramet_session_path(s), "s.jsonl");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 7);
	must(ramet_session_append_message(fresh, js(U("z")), id, &why));
	assert_true(exists(temp_path(dir, "new.jsonl")));
	assert_int_equal(unlink(path), 0);
	refused(ramet_session_append_message(s, js(U("w")), id, &why), RAMET_ECONFLICT);
	assert_string_equal(why.path, "s.jsonl");
	ramet_session_close(fresh);
	assert_int_equal(chdir(before_cwd), 0);
	free(before_cwd);
}

/* ---- levels ---- */

static void append__works_at_every_level(void **state)
{
	int level;

	(void)state;
	for (level = RAMET_LEVEL_EACH; level <= RAMET_LEVEL_NONE; level++) {
		const struct ramet_open_opts opts = { .level = level };

		put(path, TALK);
		must(ramet_session_open(&s, path, &opts, &why));
		remember();
		must(ramet_session_append_message(s, js(U("x")), id, &why));
		now_is("{'type':'message','id':'%s','parentId':'a2','timestamp':'<now>',"
		       "'message':%s}\n",
		       id, U("x"));
		must(ramet_session_append_message(s, js(A("y")), id, &why));
		must(ramet_session_sync(s, &why));
		must(ramet_session_sync(s, &why));
		assert_reopens_same(s);
		ramet_session_close(s);
		s = NULL;
	}
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(append__a_message),
		IN_DIR(append__messages_hang_from_the_leaf),
		IN_DIR(append__every_role),
		IN_DIR(append__keeps_tokens_and_drops_blanks),
		IN_DIR(append__knows_the_role_wherever_it_stands),
		IN_DIR(append__refuses_what_is_not_json),
		IN_DIR(append__refuses_nul_bytes),
		IN_DIR(append__refuses_what_is_no_message),
		IN_DIR(append__refuses_bad_utf8),
		IN_DIR(append__refuses_what_nests_too_deep_to_be_read),
		IN_DIR(append__refuses_a_line_longer_than_can_be_read),
		IN_DIR(append_messages__chains_them),
		IN_DIR(append_messages__mixes_compact_ones_and_others),
		IN_DIR(append_messages__takes_bytes_of_the_session_itself),
		IN_DIR(append_messages__all_or_none),
		IN_DIR(append_messages__none_is_fine),
		IN_DIR(append__a_thinking_level),
		IN_DIR(append__a_model),
		IN_DIR(append__texts_cannot_break_out),
		IN_DIR(append__never_stores_bad_utf8),
		IN_DIR(append__usage),
		IN_DIR(append__a_name_as_pi_trims_it),
		IN_DIR(append__labels),
		IN_DIR(append__ids_with_escapes_are_kept),
		IN_DIR(append__custom),
		IN_DIR(append__custom_messages),
		IN_DIR(append__a_compaction),
		IN_DIR(append__a_compaction_that_keeps_nothing),
		IN_DIR(append__a_compaction_takes_the_system_message_along),
		IN_DIR(append__a_compaction_looks_at_the_leaf_not_at_the_last_row),
		IN_DIR(append__a_branch_summary_names_the_leaf_that_was_left),
		IN_DIR(append__context_edits_as_pi_normalises_them),
		IN_DIR(append__context_edits_are_checked_in_pis_order),
		IN_DIR(append__context_edits_see_the_moved_leaf),
		IN_DIR(branch__moves_the_leaf_in_memory_only),
		IN_DIR(branch__refuses_rows_that_cannot_have_children),
		IN_DIR(append_leaf__keeps_the_leaf),
		IN_DIR(append__ids_are_unique),
		IN_DIR(append__starts_on_its_own_line),
		IN_DIR(append__leaves_crlf_lines_alone),
		IN_DIR(append__leaves_odd_lines_alone),
		IN_DIR(append__can_adopt_nobodys_orphans),
		IN_DIR(append__refuses_version_1),
		IN_DIR(append__takes_version_2),
		IN_DIR(append__goes_to_the_file_that_was_meant_when_opening),
		IN_DIR(append__works_at_every_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

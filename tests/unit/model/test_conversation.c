/*
 * conversation.c and files.c: messages as one text, and the files they name.
 */
#include "model/conversation.h"

#include "small_tree.h"

#define CALLS(id, parent, calls) MESSAGE(id, parent, "'role':'assistant','content':[" calls "]")
#define CALL(name, arguments) "{'type':'toolCall','name':'" name "','arguments':" arguments "}"

static int write_conversation(const struct ramet_context *c, struct ramet_buf *out,
			      struct ramet_error *err)
{
	return rameti_conversation_add(c->messages, c->n_messages, out, err);
}

static void told(const char *entries, const char *expected)
{
	assert_answer(entries, "", write_conversation, expected);
}

static void conversation__has_a_block_for_each_message(void **state)
{
	(void)state;
	told(USER("a", "null", "one") ANSWER("b", "'a'", "two"), "[User]: one\n\n[Assistant]: two");
	told(MESSAGE("a", "null", "'role':'user','content':[{'type':'text','text':'x'},"
				  "{'type':'image'},{'type':'text','text':'y'}]"),
	     "[User]: xy");
	told(CALLS("a", "null", "{'type':'thinking','thinking':'no'},{'type':'text','text':'x'},"
				"{'type':'text','text':'y'}," CALL("f", "{'a':[1, {}],'b':'c'}") ","
				CALL("g", "{}") "," CALL("h", "null")),
	     "[Assistant]: x\ny\n\n[Assistant tool calls]: f(a=[1,{}], b='c'); g(); h()");
	told(MESSAGE("a", "null", "'role':'assistant','content':'a text'"), "[Assistant]: a text");
}

static void conversation__leaves_out_what_says_nothing(void **state)
{
	(void)state;
	told(USER("a", "null", "") MESSAGE("b", "'a'", "'role':'system','content':'s'")
		     MESSAGE("c", "'b'", "'role':'assistant','content':[]")
		     MESSAGE("d", "'c'", "'role':'toolResult','content':[{'type':'image'}]")
		     MESSAGE("e", "'d'", "'role':'bashExecution','command':'ls','output':'o',"
					 "'excludeFromContext':true")
		     MESSAGE("f", "'e'", "'role':'strange','content':'x'"),
	     "");
}

static void conversation__retells_commands_and_summaries(void **state)
{
	(void)state;
	told(MESSAGE("a", "null", "'role':'bashExecution','command':'ls','output':''"),
	     "[User]: Ran `ls`\n(no output)");
	told(ENTRY("branch_summary", "b", "null", "00", ",'summary':'S'"),
	     "[User]: The following is a summary of a branch that this conversation came back "
	     "from:\n\n<summary>\nS</summary>");
}

/* 2000 units, and no half of a character. */
static void conversation__cuts_long_results(void **state)
{
	char entries[3000], expected[3000], x[2001];

	(void)state;
	memset(x, 'x', 1999);
	x[1999] = '\0';
	(void)snprintf(entries, sizeof(entries),
		       MESSAGE("a", "null", "'role':'toolResult','content':[{'type':'text',"
					    "'text':'%s\\ud83c\\udf31yz'}]"), x);
	(void)snprintf(expected, sizeof(expected),
		       "[Tool result]: %s\n\n[... 3 more characters truncated]", x);
	told(entries, expected);
	(void)snprintf(entries, sizeof(entries),
		       MESSAGE("a", "null", "'role':'toolResult','content':'%sy'"), x);
	(void)snprintf(expected, sizeof(expected), "[Tool result]: %sy", x);
	told(entries, expected);
}

/* ---- files ---- */

static int add_list(const struct rameti_files *f, int changed, struct rameti_arena *a,
		    struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_bytes *list;
	uint32_t n, i;
	int r = rameti_files_list(f, changed, a, &list, &n, err);

	for (i = 0; !r && i < n; i++)
		ramet_buf_addf(out, " %.*s", RAMET_FMT(list[i]));
	return r;
}

static int write_files(const struct ramet_context *c, struct ramet_buf *out,
		       struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_arena arena = RAMETI_ARENA_INIT(1u << 20);
	struct rameti_files f;
	uint32_t i;
	int r = 0;

	rameti_files_init(&f);
	for (i = 0; !r && i < c->n_messages; i++)
		r = rameti_files_add_message(&f, &doc, &c->messages[i], err);
	ramet_buf_add_str(out, "read");
	if (!r)
		r = add_list(&f, 0, &arena, out, err);
	ramet_buf_add_str(out, " changed");
	if (!r)
		r = add_list(&f, 1, &arena, out, err);
	rameti_files_release(&f);
	rameti_arena_release(&arena);
	ramet_json_doc_release(&doc);
	return r < 0 ? r : ramet_buf_status(out);
}

static void files__are_those_that_tools_named(void **state)
{
	(void)state;
	assert_answer(CALLS("a", "null", CALL("read", "{'path':'r'}") ","
					 CALL("edit", "{'path':'e'}") ","
					 CALL("read", "{'path':'w'}") ","
					 CALL("write", "{'path':'w'}") ","
					 CALL("read", "{'path':7}") "," CALL("read", "{'path':''}")
					 "," CALL("grep", "{'path':'g'}")),
		      "", write_files, "read r changed e w");
	assert_answer(MESSAGE("a", "null", "'role':'toolResult','content':[],'nestedCalls':"
			      "{'calls':[{'name':'read','arguments':{'path':'n'}},"
			      "{'name':'write','arguments':{'path':'m'}}]}"),
		      "", write_files, "read n changed m");
	assert_answer(USER("a", "null", "x"), "", write_files, "read changed");
}

/* U+FB01 is one unit, and greater than the first of the two that U+1F331 has. */
static void files__are_in_the_order_of_utf16(void **state)
{
	(void)state;
	assert_answer(CALLS("a", "null", CALL("read", "{'path':'\xef\xac\x81'}") ","
					 CALL("read", "{'path':'\xf0\x9f\x8c\xb1'}") ","
					 CALL("read", "{'path':'b'}") ","
					 CALL("read", "{'path':'B'}") ","
					 CALL("read", "{'path':'bb'}")),
		      "", write_files, "read B b bb \xf0\x9f\x8c\xb1 \xef\xac\x81 changed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversation__has_a_block_for_each_message),
		cmocka_unit_test(conversation__leaves_out_what_says_nothing),
		cmocka_unit_test(conversation__retells_commands_and_summaries),
		cmocka_unit_test(conversation__cuts_long_results),
		cmocka_unit_test(files__are_those_that_tools_named),
		cmocka_unit_test(files__are_in_the_order_of_utf16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

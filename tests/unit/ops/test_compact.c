/*
 * compact.c: where the cut is, what is summarised and what the writer of the summary reads; a
 * summary is stored only where it was planned.
 */
#include "given.h"

#include <stdio.h>
#include <string.h>

#include "../store/temp_dir.h"

#define CALL(id, parent, time, name, path)                                                         \
	ENTRY("message", id, parent, time,                                                         \
	      ",'message':{'role':'assistant','content':[{'type':'toolCall','id':'c','name':"      \
	      "'" name "','arguments':{'path':'" path "'}}]}")
#define RESULT(id, parent, time, text)                                                             \
	ENTRY("message", id, parent, time,                                                         \
	      ",'message':{'role':'toolResult','toolCallId':'c','content':[{'type':'text',"        \
	      "'text':'" text "'}]}")
#define TALK                                                                                       \
	USER("u1", "null", "01:00.000", "one") CALL("a1", "'u1'", "02:00.000", "read", "a.c")      \
		RESULT("r1", "'a1'", "03:00.000", "text of a")                                     \
		CALL("a2", "'r1'", "04:00.000", "edit", "b.c")                                     \
		RESULT("r2", "'a2'", "05:00.000", "done")                                          \
		REPLY("a3", "'r2'", "06:00.000", "all done")                                       \
		USER("u2", "'a3'", "07:00.000", "two") REPLY("a4", "'u2'", "08:00.000", "yes")
#define COMPACTED                                                                                  \
	ENTRY("compaction", "k1", "'a4'", "09:00.000",                                             \
	      ",'summary':'so far','firstKeptEntryId':'u2','tokensBefore':9,"                      \
	      "'details':{'readFiles':['old.c'],'modifiedFiles':['b.c']}")                         \
	USER("u3", "'k1'", "10:00.000", "three") REPLY("a5", "'u3'", "11:00.000", "yes again")

static struct ramet_session *s;
static struct ramet_compact_plan plan;

static int drop(void **state)
{
	(void)state;
	ramet_compact_plan_release(&plan);
	ramet_session_close(s);
	s = NULL;
	return 0;
}

static void plan_of(const char *text, uint64_t keep)
{
	const struct ramet_compact_opts opts = { .keep_tokens = keep };
	struct ramet_error err = { 0 };

	s = given(text);
	if (ramet_compact_plan(s, ramet_session_leaf(s), &opts, &plan, &err) < 0)
		fail_msg("%s", err.text);
}

static void id_is(uint32_t row, const char *id)
{
	assert_int_not_equal(row, RAMET_NONE);
	assert_true(ramet_bytes_is(ramet_tree_id(ramet_session_tree(s), row), id));
}

static void nothing(const char *text, uint64_t keep, const char *why)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 16);

	plan_of(text, keep);
	assert_int_equal(plan.first_kept, RAMET_NONE);
	assert_string_equal(plan.why, why);
	assert_int_equal(ramet_compact_text(&plan, &out, NULL), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(ramet_report_compact_plan(s, &plan, 1, &out, NULL), 0);
	assert_non_null(strstr(out.ptr, why));
	ramet_buf_release(&out);
	(void)drop(NULL);
}

static void compact__cuts_before_a_turn(void **state)
{
	(void)state;
	plan_of(HEADER TALK, 2);
	id_is(plan.first_kept, "u2");
	assert_int_equal(plan.turn, RAMET_NONE);
	assert_int_equal(plan.n_messages, 6);
	assert_int_equal(plan.n_turn_messages, 0);
	assert_null(plan.previous.ptr);
	assert_int_equal(plan.n_read_files, 1);
	assert_true(ramet_bytes_is(plan.read_files[0], "a.c"));
	assert_int_equal(plan.n_modified_files, 1);
	assert_true(ramet_bytes_is(plan.modified_files[0], "b.c"));
}

static void compact__tells_the_beginning_of_a_cut_turn_apart(void **state)
{
	(void)state;
	plan_of(HEADER TALK, 1);
	id_is(plan.first_kept, "a4");
	id_is(plan.turn, "u2");
	assert_int_equal(plan.n_messages, 6);
	assert_int_equal(plan.n_turn_messages, 1);
}

/* A result must not lose its call. */
static void compact__never_cuts_before_a_result(void **state)
{
	(void)state;
	plan_of(HEADER USER("u1", "null", "01:00.000", "one")
			CALL("a1", "'u1'", "02:00.000", "read", "a.c")
				RESULT("r1", "'a1'", "03:00.000", "a long text"),
		1);
	id_is(plan.first_kept, "a1");
	id_is(plan.turn, "u1");
	assert_int_equal(plan.n_messages, 0);
	assert_int_equal(plan.n_turn_messages, 1);
}

static void compact__takes_along_what_shows_nothing(void **state)
{
	(void)state;
	plan_of(HEADER USER("u1", "null", "01:00.000", "one") REPLY("a1", "'u1'", "02:00.000", "y")
			ENTRY("custom", "c1", "'a1'", "03:00.000", ",'customType':'x'")
				USER("u2", "'c1'", "04:00.000", "two"),
		1);
	id_is(plan.first_kept, "c1");
	id_is(plan.turn, "u1");                  /* an entry that shows nothing begins no turn */
	assert_int_equal(plan.n_turn_messages, 2);
}

static void compact__finds_nothing_to_do(void **state)
{
	(void)state;
	nothing(HEADER, 1, "nothing to compact");
	nothing(HEADER TALK, 0, "nothing to compact");
	nothing(HEADER USER("u1", "null", "01:00.000", "one"), 1, "nothing to compact");
	nothing(HEADER TALK
			ENTRY("compaction", "k1", "'a4'", "09:00.000",
			      ",'summary':'so far','firstKeptEntryId':'u2','tokensBefore':9"),
		1, "already compacted");
}

static void compact__goes_on_from_the_summary_in_force(void **state)
{
	(void)state;
	plan_of(HEADER TALK COMPACTED, 3);
	id_is(plan.first_kept, "a5");
	id_is(plan.turn, "u3");
	assert_true(ramet_bytes_is(plan.previous, "so far"));
	assert_int_equal(plan.n_messages, 2);    /* what it kept is summarised now */
	assert_int_equal(plan.n_read_files, 1);
	assert_true(ramet_bytes_is(plan.read_files[0], "old.c"));
	assert_true(ramet_bytes_is(plan.modified_files[0], "b.c"));
}

static void compact__tells_what_to_read(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 16);

	(void)state;
	plan_of(HEADER TALK COMPACTED, 3);
	ramet_buf_add_str(&out, "before");
	assert_int_equal(ramet_compact_text(&plan, &out, NULL), 0);
	assert_string_equal(out.ptr, "before<conversation>\n[User]: two\n\n[Assistant]: yes\n"
				     "</conversation>\n\n<previous-summary>\nso far\n"
				     "</previous-summary>\n\n<turn-prefix>\n[User]: three\n"
				     "</turn-prefix>");
	ramet_buf_release(&out);
}

/* ---- storing ---- */

static int apply(const char *text, int no_files, struct ramet_error *err)
{
	const struct ramet_written_summary w = { .text = ramet_bytes_of(text),
						 .no_files = no_files };

	return ramet_compact_apply(s, &plan, &w, NULL, err);
}

static void last_has(const char *part)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 16), json_text = RAMET_BUF_INIT(1u << 16);
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_bytes json;

	assert_int_equal(ramet_tree_entry(t, ramet_tree_leaf(t), &scratch, &json, NULL), 0);
	ramet_buf_add(&json_text, json);
	if (!strstr(json_text.ptr, quoted(part)))
		fail_msg("%s is not in %s", quoted(part), json_text.ptr);
	ramet_buf_release(&scratch);
	ramet_buf_release(&json_text);
}

static void apply__stores_the_summary_and_the_files(void **state)
{
	struct ramet_error err = { 0 };
	struct ramet_context *c = NULL;

	(void)state;
	plan_of(HEADER TALK, 2);
	if (apply("  we did it\n", 0, &err) < 0)
		fail_msg("%s", err.text);
	last_has("'summary':'we did it\\n\\n<read-files>\\na.c\\n</read-files>\\n\\n"
		 "<modified-files>\\nb.c\\n</modified-files>','firstKeptEntryId':'u2'");
	last_has("'details':{'readFiles':['a.c'],'modifiedFiles':['b.c']}");
	assert_int_equal(ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), NULL),
			 0);
	assert_int_equal(c->n_messages, 3);
	ramet_context_free(c);
	/* the place is another one now */
	assert_int_equal(apply("again", 0, &err), RAMET_ECONFLICT);
}

static void apply__leaves_the_lists_out_if_told_so(void **state)
{
	(void)state;
	plan_of(HEADER TALK, 2);
	assert_int_equal(apply("we did it", 1, NULL), 0);
	last_has("'summary':'we did it','firstKept");
}

static void apply__refuses(void **state)
{
	struct ramet_error err = { 0 };
	uint32_t n;

	(void)state;
	plan_of(HEADER TALK, 2);
	n = ramet_tree_count(ramet_session_tree(s));
	assert_int_equal(apply(" \n\t", 0, &err), RAMET_EINVAL);
	assert_string_equal(err.text, "the summary is empty");
	assert_int_equal(ramet_session_branch(s, 0, NULL), 0);
	assert_int_equal(apply("x", 0, &err), RAMET_ECONFLICT);
	assert_int_equal(ramet_session_branch(s, RAMET_NONE, NULL), 0);
	assert_int_equal(apply("x", 0, &err), RAMET_ECONFLICT);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), n);
	(void)drop(NULL);
	plan_of(HEADER, 1);
	assert_int_equal(apply("x", 0, &err), RAMET_EINVAL);
}

/* Another program goes on with the conversation while the summary is being written. */
static void apply__refuses_when_others_went_on(void **state)
{
	struct ramet_error err = { 0 };
	struct ramet_session *other = NULL;
	const struct ramet_compact_opts opts = { .keep_tokens = 2 };
	const char *text = quoted(HEADER TALK);
	char *dir = temp_dir_new();
	char path[256];

	(void)state;
	temp_file(dir, "s.jsonl", text, strlen(text), 1000000, 0);
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	assert_int_equal(ramet_session_open(&s, path, NULL, &err), 0);
	assert_int_equal(ramet_session_open(&other, path, NULL, &err), 0);
	assert_int_equal(ramet_compact_plan(s, ramet_session_leaf(s), &opts, &plan, &err), 0);
	assert_int_equal(ramet_session_append_message(
				 other, ramet_bytes_of("{\"role\":\"user\",\"content\":\"x\"}"),
				 NULL, &err),
			 0);
	assert_int_equal(apply("x", 0, &err), RAMET_ECONFLICT);
	assert_string_equal(err.text, "the session has grown since the plan was made");
	/* on another branch it is no harm */
	assert_int_equal(ramet_session_branch(other, 0, &err), 0);
	(void)drop(NULL);
	assert_int_equal(ramet_session_open(&s, path, NULL, &err), 0);
	assert_int_equal(ramet_compact_plan(s, ramet_session_leaf(s), &opts, &plan, &err), 0);
	assert_int_equal(ramet_session_append_message(
				 other, ramet_bytes_of("{\"role\":\"user\",\"content\":\"y\"}"),
				 NULL, &err),
			 0);
	assert_int_equal(apply("x", 0, &err), 0);
	ramet_session_close(other);
	(void)drop(NULL);
	temp_dir_remove(dir);
}

/* ---- estimates, bad input, no memory ---- */

static uint64_t tokens(const char *message)
{
	uint64_t n = 99;

	assert_int_equal(ramet_message_tokens(ramet_bytes_of(quoted(message)), &n, NULL), 0);
	return n;
}

static void tokens__are_a_quarter_of_the_characters(void **state)
{
	uint64_t n = 99;

	(void)state;
	assert_int_equal(tokens("{'role':'user','content':'12345'}"), 2);
	assert_int_equal(tokens("{'role':'user','content':[{'type':'image'}]}"), 1200);
	assert_int_equal(tokens("{'role':'nobody','content':'12345'}"), 0);
	assert_int_equal(tokens("{}"), 0);
	assert_int_equal(ramet_message_tokens(ramet_bytes_of("[]"), &n, NULL), RAMET_EFORMAT);
	assert_int_equal(ramet_message_tokens(ramet_bytes_of("{"), &n, NULL), RAMET_EJSON);
	assert_int_equal(n, 99);
}

static void compact__refuses_rows_that_are_not_there(void **state)
{
	struct ramet_error err = { 0 };

	(void)state;
	s = given(HEADER TALK);
	plan.leaf = 77;
	assert_int_equal(ramet_compact_plan(s, 8, NULL, &plan, &err), RAMET_EINVAL);
	assert_int_equal(plan.leaf, 77);
	assert_null(plan.priv);
}

static int report(const struct ramet_session *given_session, struct ramet_buf *out,
		  struct ramet_error *err)
{
	const struct ramet_compact_opts opts = { .keep_tokens = 3 };
	uint32_t leaf = ramet_session_leaf(given_session);
	struct ramet_compact_plan p;
	int r = ramet_compact_plan(given_session, leaf, &opts, &p, err);

	if (!r) {
		r = ramet_report_compact_plan(given_session, &p, 1, out, err);
		ramet_compact_plan_release(&p);
	}
	return r;
}

static void compact__survives_no_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(report, HEADER TALK COMPACTED);
	assert_keeps_limit(report, HEADER TALK COMPACTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(compact__cuts_before_a_turn, drop),
		cmocka_unit_test_teardown(compact__tells_the_beginning_of_a_cut_turn_apart, drop),
		cmocka_unit_test_teardown(compact__never_cuts_before_a_result, drop),
		cmocka_unit_test_teardown(compact__takes_along_what_shows_nothing, drop),
		cmocka_unit_test(compact__finds_nothing_to_do),
		cmocka_unit_test_teardown(compact__goes_on_from_the_summary_in_force, drop),
		cmocka_unit_test_teardown(compact__tells_what_to_read, drop),
		cmocka_unit_test_teardown(apply__stores_the_summary_and_the_files, drop),
		cmocka_unit_test_teardown(apply__leaves_the_lists_out_if_told_so, drop),
		cmocka_unit_test_teardown(apply__refuses, drop),
		cmocka_unit_test(apply__refuses_when_others_went_on),
		cmocka_unit_test(tokens__are_a_quarter_of_the_characters),
		cmocka_unit_test_teardown(compact__refuses_rows_that_are_not_there, drop),
		cmocka_unit_test(compact__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

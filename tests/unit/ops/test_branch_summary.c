/*
 * branch_summary.c: which entries are left on the way to another, what of them is told within a
 * limit, and the summary at the other end.
 */
#include "given.h"

#include <string.h>

#define TREE                                                                                       \
	HEADER USER("u1", "null", "01:00.000", "one") REPLY("a1", "'u1'", "02:00.000", "yes")      \
		USER("u2", "'a1'", "03:00.000", "12345678") ENTRY(                                 \
			"message", "a2", "'u2'", "04:00.000",                                      \
			",'message':{'role':'assistant','content':[{'type':'toolCall','id':'c',"   \
			"'name':'write','arguments':{'path':'w.c'}}]}")                            \
			ENTRY("message", "r2", "'a2'", "05:00.000",                                \
			      ",'message':{'role':'toolResult','content':'written'}")              \
				ENTRY("branch_summary", "b2", "'r2'", "06:00.000",                 \
				      ",'fromId':'x','summary':'12345678','details':"              \
				      "{'readFiles':['r.c'],'modifiedFiles':[]}")                  \
					REPLY("a3", "'b2'", "07:00.000", "12345678")               \
						USER("v1", "'a1'", "08:00.000", "other way")       \
							USER("w1", "null", "09:00.000", "root")

static struct ramet_session *s;
static struct ramet_branch_summary_plan plan;

static int make(void **state)
{
	(void)state;
	s = given(TREE);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	ramet_branch_summary_plan_release(&plan);
	ramet_session_close(s);
	return 0;
}

static uint32_t row(const char *id)
{
	return id ? ramet_tree_find(ramet_session_tree(s), ramet_bytes_of(id)) : RAMET_NONE;
}

static void way(const char *from, const char *to, uint64_t max)
{
	const struct ramet_branch_summary_opts opts = { .max_tokens = max };
	struct ramet_error err = { 0 };

	if (plan.priv)
		ramet_branch_summary_plan_release(&plan);
	if (ramet_branch_summary_plan(s, row(from), row(to), &opts, &plan, &err) < 0)
		fail_msg("%s", err.text);
}

static void summary__of_what_is_behind_the_common_entry(void **state)
{
	(void)state;
	way("a3", "v1", 0);
	assert_int_equal(plan.ancestor, row("a1"));
	assert_int_equal(plan.n_rows, 5);
	assert_int_equal(plan.rows[0], row("u2"));
	assert_int_equal(plan.rows[4], row("a3"));
	assert_int_equal(plan.n_messages, 4);    /* not the result */
	way("v1", "a3", 0);
	assert_int_equal(plan.n_rows, 1);
	way("a3", "w1", 0);
	assert_int_equal(plan.ancestor, RAMET_NONE);
	assert_int_equal(plan.n_rows, 7);
	way("a3", NULL, 0);
	assert_int_equal(plan.n_rows, 7);
}

static void summary__of_nothing(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 16);

	(void)state;
	way("a1", "a3", 0);
	assert_int_equal(plan.n_rows, 0);
	assert_int_equal(plan.n_messages, 0);
	assert_int_equal(ramet_branch_summary_text(&plan, &out, NULL), 0);
	assert_int_equal(out.len, 0);
	way(NULL, "a3", 0);
	assert_int_equal(plan.ancestor, RAMET_NONE);
	assert_int_equal(plan.n_rows, 0);
	ramet_buf_release(&out);
}

/* a3 has 2 tokens, b2 2, a2 5, u2 2. */
static void summary__keeps_to_its_limit(void **state)
{
	(void)state;
	way("a3", "v1", 1);
	assert_int_equal(plan.n_messages, 0);
	way("a3", "v1", 2);
	assert_int_equal(plan.n_messages, 1);
	assert_int_equal(plan.tokens, 2);
	way("a3", "v1", 3);                      /* a summary that nearly fits is taken */
	assert_int_equal(plan.n_messages, 2);
	assert_int_equal(plan.tokens, 4);
	way("a3", "v1", 4);
	assert_int_equal(plan.n_messages, 2);
	/* the lists of a summary count wherever it is */
	assert_int_equal(plan.n_read_files, 1);
	assert_true(ramet_bytes_is(plan.read_files[0], "r.c"));
}

static void summary__is_hung_at_the_target(void **state)
{
	const struct ramet_written_summary w = { .text = ramet_bytes_of("went there\n") };
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 16), copy = RAMET_BUF_INIT(1u << 16);
	struct ramet_error err = { 0 };
	struct ramet_bytes json;

	(void)state;
	assert_int_equal(ramet_session_branch(s, row("a3"), NULL), 0);
	way("a3", "v1", 0);
	if (ramet_branch_summary_apply(s, &plan, &w, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ramet_tree_row(t, ramet_tree_leaf(t))->parent, row("v1"));
	assert_int_equal(ramet_tree_entry(t, ramet_tree_leaf(t), &scratch, &json, NULL), 0);
	ramet_buf_add(&copy, json);
	assert_non_null(strstr(copy.ptr, quoted("'fromId':'a3','summary':'The user explored a "
						"different conversation branch before returning "
						"here.\\nSummary of that exploration:\\n\\n"
						"went there\\n\\n<read-files>\\nr.c\\n"
						"</read-files>\\n\\n<modified-files>\\nw.c\\n"
						"</modified-files>'")));
	assert_int_equal(ramet_branch_summary_apply(s, &plan, &w, NULL, &err), RAMET_ECONFLICT);
	ramet_buf_release(&scratch);
	ramet_buf_release(&copy);
}

static void summary__refuses(void **state)
{
	const struct ramet_written_summary w = { .text = ramet_bytes_of("x") }, empty = { 0 };
	struct ramet_error err = { 0 };

	(void)state;
	assert_int_equal(ramet_branch_summary_plan(s, 9, 0, NULL, &plan, &err), RAMET_EINVAL);
	assert_int_equal(ramet_branch_summary_plan(s, 0, 9, NULL, &plan, &err), RAMET_EINVAL);
	way("a3", "v1", 0);
	assert_int_equal(ramet_branch_summary_apply(s, &plan, &w, NULL, &err), RAMET_ECONFLICT);
	assert_int_equal(ramet_session_branch(s, row("a3"), NULL), 0);
	assert_int_equal(ramet_branch_summary_apply(s, &plan, &empty, NULL, &err), RAMET_EINVAL);
}

static int report(const struct ramet_session *given_session, struct ramet_buf *out,
		  struct ramet_error *err)
{
	struct ramet_branch_summary_plan p;
	int r = ramet_branch_summary_plan(given_session, 6, 7, NULL, &p, err);

	if (!r) {
		r = ramet_report_branch_summary(given_session, &p, 1, out, err);
		ramet_branch_summary_plan_release(&p);
	}
	return r;
}

static void summary__is_reported(void **state)
{
	(void)state;
	assert_report(report, TREE,
		      "{'leafId':'a3','targetId':'v1','ancestorId':'a1','entries':['u2','a2','r2',"
		      "'b2','a3'],'messages':4,'tokens':11,'readFiles':['r.c'],"
		      "'modifiedFiles':['w.c'],'text':'<conversation>\\n[User]: 12345678\\n\\n"
		      "[Assistant tool calls]: write(path=\\'w.c\\')\\n\\n[User]: The following is "
		      "a summary of a branch that this conversation came back from:\\n\\n"
		      "<summary>\\n12345678</summary>\\n\\n[Assistant]: 12345678\\n"
		      "</conversation>'}");
	assert_survives_no_memory(report, TREE);
	assert_keeps_limit(report, TREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(summary__of_what_is_behind_the_common_entry, make,
						drop),
		cmocka_unit_test_setup_teardown(summary__of_nothing, make, drop),
		cmocka_unit_test_setup_teardown(summary__keeps_to_its_limit, make, drop),
		cmocka_unit_test_setup_teardown(summary__is_hung_at_the_target, make, drop),
		cmocka_unit_test_setup_teardown(summary__refuses, make, drop),
		cmocka_unit_test(summary__is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

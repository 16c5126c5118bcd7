/*
 * cut.c: where a compaction cuts a context, entry by entry; what pi answers for whole sessions is
 * in the golden files.
 */
#include "model/cut.h"

#include "small_tree.h"

#define RESULT(id, parent, text)                                                                   \
	MESSAGE(id, parent, "'role':'toolResult','content':[{'type':'text','text':'" text "'}]")
#define NOTHING(id, parent) ENTRY("custom", id, parent, "00", ",'customType':'x'")

static uint64_t keep;

/* "BEGIN TURN AT" as ids; - behind the last entry. */
static int write_cut(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_cut cut;
	uint32_t places[3], i;
	int r = rameti_cut_find(c, keep, &cut, err);

	if (r < 0)
		return r;
	places[0] = cut.begin;
	places[1] = cut.turn;
	places[2] = cut.at;
	for (i = 0; i < 3; i++) {
		struct ramet_bytes id = { "-", 1 };

		if (places[i] < c->n_selected)
			id = ramet_tree_id(c->tree, c->selected[places[i]].row);
		ramet_buf_addf(out, "%s%.*s", i ? " " : "", RAMET_FMT(id));
	}
	return ramet_buf_status(out);
}

static void cuts(uint64_t tokens, const char *entries, const char *expected)
{
	keep = tokens;
	assert_answer(entries, "", write_cut, expected);
}

static void cut__keeps_about_so_much(void **state)
{
	static const char talk[] = USER("a", "null", "12345678") ANSWER("b", "'a'", "12345678")
		USER("c", "'b'", "12345678") ANSWER("d", "'c'", "12345678");

	(void)state;
	cuts(1, talk, "a c d");
	cuts(2, talk, "a c d");
	cuts(3, talk, "a c c");
	cuts(5, talk, "a a b");
	cuts(7, talk, "a a a");
	cuts(99, talk, "a a a");
}

static void cut__never_parts_a_result_from_its_call(void **state)
{
	(void)state;
	cuts(1, USER("a", "null", "1") ANSWER("b", "'a'", "2") RESULT("c", "'b'", "1234567"),
	     "a a b");
	cuts(1, RESULT("a", "null", "1") RESULT("b", "'a'", "1"), "a a a");
}

static void cut__goes_back_over_what_shows_nothing(void **state)
{
	(void)state;
	cuts(1, USER("a", "null", "1") NOTHING("b", "'a'") NOTHING("c", "'b'")
		     USER("d", "'c'", "1"),
	     "a a b");
	cuts(1, NOTHING("a", "null") USER("b", "'a'", "1"), "a a a");
}

static void cut__begins_behind_the_compaction_in_force(void **state)
{
	(void)state;
	cuts(1, USER("a", "null", "1") USER("b", "'a'", "1") COMPACTION("k", "'b'", "b", "")
		     USER("c", "'k'", "1"),
	     "b c c");
	/* an older one that was kept is not gone over */
	cuts(1, USER("a", "null", "1") COMPACTION("j", "'a'", "a", "")
		     COMPACTION("k", "'j'", "a", "") USER("c", "'k'", "1"),
	     "a c c");
}

/* The answer was taken back to be given again: the question before it will be asked again. */
static void cut__goes_on_over_an_answer_that_was_taken_back(void **state)
{
	(void)state;
	cuts(1, USER("a", "null", "1") USER("b", "'a'", "1") ANSWER("c", "'b'", "1")
		     EDIT("e", "'c'", "c", "null"),
	     "a b c");
	/* not if something else was changed there too */
	cuts(1, USER("a", "null", "1") USER("b", "'a'", "1") ANSWER("c", "'b'", "1")
		     EDIT("e", "'c'", "c", "null") EDIT("f", "'e'", "a", "{'content':'2'}"),
	     "a b b");
	/* nor if nothing was taken back */
	cuts(1, USER("a", "null", "1") USER("b", "'a'", "1") NOTHING("c", "'b'"), "a b b");
}

static void cut__of_nothing(void **state)
{
	(void)state;
	cuts(1, NOTHING("a", "null"), "a a a");
	cuts(0, USER("a", "null", "1") USER("b", "'a'", "1"), "a b b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut__keeps_about_so_much),
		cmocka_unit_test(cut__never_parts_a_result_from_its_call),
		cmocka_unit_test(cut__goes_back_over_what_shows_nothing),
		cmocka_unit_test(cut__begins_behind_the_compaction_in_force),
		cmocka_unit_test(cut__goes_on_over_an_answer_that_was_taken_back),
		cmocka_unit_test(cut__of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * context.c: which entries a context selects and which settings are in force, at the price of the
 * context and not of the history.
 */
#include "small_tree.h"

#define CHAIN USER("a", "null", "one") ANSWER("b", "'a'", "two") USER("c", "'b'", "three")

static void context__without_compaction_is_the_path(void **state)
{
	(void)state;
	assert_answer(CHAIN USER("d", "'a'", "side"), "c", write_selection, "a1 b1 c1");
	assert_answer(CHAIN USER("d", "'a'", "side"), "", write_selection, "a1 d1");
	assert_answer(CHAIN, "a", write_selection, "a1");
	/* types that say nothing to the model are selected and give no message */
	assert_answer(CHAIN ENTRY("custom", "x", "'c'", "01", "")
		      ENTRY("from_the_future", "y", "'x'", "01", "")
		      ENTRY("label", "l", "'y'", "01", ""), "", write_selection,
		      "a1 b1 c1 x0 y0 l0");
}

static void context__before_the_first_entry_is_empty(void **state)
{
	(void)state;
	assert_answer(CHAIN, "-", ramet_context_write,
		      "{'messages':[],'thinkingLevel':'off','model':null}");
	assert_answer("", "-", ramet_context_write_projection, "[]");
	assert_answer("", "-", ramet_context_write_llm, "[]");
	assert_answer("", "-", write_message, "null");
	assert_answer("", "-", write_prompt, "");
	assert_answer("", "-", write_tokens, "0");
}

static void context__of_an_unknown_row_is_refused(void **state)
{
	struct ramet_context *c = NULL;
	struct ramet_error err;
	struct small_tree s;

	(void)state;
	small_tree_init(&s, CHAIN);
	assert_int_equal(ramet_context_new(&c, s.tree, 3, &err), RAMET_EINVAL);
	assert_null(c);
	ramet_context_free(NULL);
	small_tree_release(&s);
}

static void context__starts_with_the_last_compaction_and_what_it_keeps(void **state)
{
	(void)state;
	assert_answer(CHAIN COMPACTION("k", "'c'", "b", "") USER("d", "'k'", "four"), "",
		      write_selection, "k1 b1 c1 d1");
	assert_answer(CHAIN COMPACTION("k", "'c'", "b", ""), "", write_selection, "k1 b1 c1");
	/* the older compaction inside the kept range gives nothing */
	assert_answer(CHAIN COMPACTION("k", "'c'", "b", "") USER("d", "'k'", "four")
		      COMPACTION("m", "'d'", "c", ""), "", write_selection, "m1 c1 k0 d1");
	assert_answer(CHAIN COMPACTION("k", "'c'", "b", "") USER("d", "'k'", "four")
		      COMPACTION("m", "'d'", "k", ""), "", write_selection, "m1 k0 d1");
}

static void context__keeps_nothing_for_an_id_not_before_the_compaction(void **state)
{
	(void)state;
	/* its own id, an unknown one, a later entry, another branch, no text at all */
	assert_answer(CHAIN COMPACTION("k", "'c'", "k", ""), "", write_selection, "k1");
	assert_answer(CHAIN COMPACTION("k", "'c'", "gone", ""), "", write_selection, "k1");
	assert_answer(CHAIN COMPACTION("k", "'c'", "d", "") USER("d", "'k'", "four"), "",
		      write_selection, "k1 d1");
	assert_answer(CHAIN USER("e", "'a'", "x") COMPACTION("k", "'c'", "e", ""), "",
		      write_selection, "k1");
	assert_answer(CHAIN ENTRY("compaction", "k", "'c'", "02", ",'firstKeptEntryId':['b']"), "",
		      write_selection, "k1");
	assert_answer(CHAIN ENTRY("compaction", "k", "'c'", "02", ""), "", write_selection, "k1");
}

static void context__drops_system_messages_of_the_kept_range_only(void **state)
{
	(void)state;
	assert_answer(CHAIN MESSAGE("s", "'c'", "'role':'system','content':'x'")
		      COMPACTION("k", "'s'", "b", "")
		      MESSAGE("t", "'k'", "'role':'system','content':'y'"), "", write_selection,
		      "k1 b1 c1 t1");
	/* keeping from the system message itself keeps what follows it */
	assert_answer(USER("a", "null", "one") MESSAGE("s", "'a'", "'role':'system','content':'x'")
		      USER("b", "'s'", "two") COMPACTION("k", "'b'", "s", ""), "", write_selection,
		      "k1 b1");
}

static void context__stops_at_lost_parents_and_loops(void **state)
{
	(void)state;
	assert_answer(USER("a", "'gone'", "x") USER("b", "'a'", "y"), "", write_selection, "a1 b1");
	assert_answer(USER("a", "'a'", "x"), "", write_selection, "a1");
	assert_answer(USER("a", "'c'", "x") USER("b", "'a'", "y") USER("c", "'b'", "z"), "c",
		      write_selection, "a1 b1 c1");
	/* of equal ids the later entry is meant */
	assert_answer(USER("a", "null", "x") USER("b", "'a'", "y") USER("a", "null", "z"), "b",
		      write_messages, "{'role':'user','content':'z'}\n"
				      "{'role':'user','content':'y'}\n");
}

#define MODEL(id, parent, provider, model)                                                         \
	ENTRY("model_change", id, parent, "00", ",'provider':'" provider "','modelId':'" model "'")
#define LEVEL(id, parent, level)                                                                   \
	ENTRY("thinking_level_change", id, parent, "00", ",'thinkingLevel':'" level "'")

static void settings__come_from_the_whole_path(void **state)
{
	(void)state;
	assert_answer(MODEL("m", "null", "p", "one") LEVEL("l", "'m'", "low") USER("a", "'l'", "x")
		      COMPACTION("k", "'a'", "k", "") ENTRY("x", "x", "'k'", "03", ""), "",
		      ramet_context_write,
		      "{'messages':[{'role':'compactionSummary','summary':'S','tokensBefore':9,"
		      "'timestamp':1772359202000}],'thinkingLevel':'low',"
		      "'model':{'provider':'p','modelId':'one'}}");
	/* an answer sets the model too; another branch does not */
	assert_answer(MODEL("m", "null", "p", "one") LEVEL("l", "'m'", "low")
		      MESSAGE("a", "'l'", "'role':'assistant','content':[],'provider':'q',"
					  "'model':'two','modelId':'no'")
		      ENTRY("custom", "z", "'a'", "00", "") MODEL("n", "'m'", "r", "three"), "z",
		      ramet_context_write,
		      "{'messages':[{'role':'assistant','content':[],'provider':'q',"
		      "'model':'two','modelId':'no'}],'thinkingLevel':'low',"
		      "'model':{'provider':'q','modelId':'two'}}");
}

static void settings__of_the_wrong_kind_are_passed_on_or_left_out(void **state)
{
	(void)state;
	assert_answer("{'type':'model_change','id':'m','provider':7}\n"
		      "{'type':'thinking_level_change','id':'l','parentId':'m'}\n", "",
		      ramet_context_write, "{'messages':[],'model':{'provider':7}}");
	assert_answer("{'type':'model_change','id':'m','modelId':null}\n"
		      "{'type':'thinking_level_change','id':'l','parentId':'m',"
		      "'thinkingLevel':[1]}\n", "", ramet_context_write,
		      "{'messages':[],'thinkingLevel':[1],'model':{'modelId':null}}");
}

/* A long history, a compaction that keeps two of its entries, two more. */
static void context__costs_its_own_size(void **state)
{
	enum { HISTORY = 20000 };
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2), out = RAMET_BUF_INIT(4096);
	struct ramet_context *c = NULL;
	struct small_tree s;
	unsigned i;

	(void)state;
	for (i = 0; i < HISTORY; i++)
		ramet_buf_addf(&text, "{\"type\":\"message\",\"id\":\"%u\",\"parentId\":\"%u\","
				      "\"message\":{\"role\":\"user\",\"content\":\"x\"}}\n",
			       i, i - 1);
	ramet_buf_addf(&text, "{\"type\":\"compaction\",\"id\":\"k\",\"parentId\":\"%u\","
			      "\"summary\":\"s\",\"firstKeptEntryId\":\"%u\"}\n", i - 1, i - 2);
	ramet_buf_add_str(&text, "{\"type\":\"context_edit\",\"id\":\"e\",\"parentId\":\"k\"}\n");
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_context_new(&c, s.tree, ramet_tree_leaf(s.tree), NULL), 0);
	assert_int_equal(write_selection(c, &out, NULL), 0);
	assert_string_equal(out.ptr, "k1 199981 199991 e0");
	assert_true(s.calls <= 8);
	ramet_context_free(c);
	ramet_buf_release(&out);
	ramet_buf_release(&text);
	small_tree_release(&s);
}

/* ---- errors ---- */

#define EVERYTHING                                                                                 \
	MODEL("m", "null", "p", "one") LEVEL("l", "'m'", "low")                                    \
	MESSAGE("s", "'l'", "'role':'system','content':'x','sections':{'b':'B','1':'C'},"          \
			    "'toolsAdded':[{'name':'t'}],'timestamp':1")                           \
	USER("a", "'s'", "one") ANSWER("b", "'a'", "two")                                          \
	MESSAGE("r", "'b'", "'role':'toolResult'")                                                 \
	MESSAGE("h", "'r'", "'role':'bashExecution','command':'ls','output':'o'")                  \
	ENTRY("custom_message", "cm", "'h'", "00", ",'content':'c'")                               \
	ENTRY("branch_summary", "bs", "'cm'", "00", ",'summary':'sum'")                            \
	COMPACTION("k", "'bs'", "a", ",'systemMessage':{'role':'system','content':'y'}")           \
	EDIT("e1", "'k'", "a", "{'content':'new'}") EDIT("e2", "'e1'", "b", "null")                \
	ENTRY("other", "z", "'e2'", "00", "")

static int everything(struct small_tree *s, struct ramet_error *err)
{
	static small_tree_fn *const writers[] = {
		ramet_context_write, ramet_context_write_projection, ramet_context_write_llm,
		write_message, write_prompt, write_tokens,
	};
	struct ramet_buf out = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_context *c = NULL;
	size_t i;
	int r = ramet_context_new(&c, s->tree, ramet_tree_leaf(s->tree), err);

	for (i = 0; !r && i < sizeof(writers) / sizeof(writers[0]); i++) {
		r = writers[i](c, &out, err);
		if (!r)
			r = ramet_buf_status(&out);
		if (r < 0 && err)
			err->code = r;
	}
	ramet_context_free(c);
	ramet_buf_release(&out);
	return r;
}

static void context__survives_the_lack_of_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(EVERYTHING, everything);
}

static void context__passes_up_what_the_callback_says(void **state)
{
	struct ramet_context *c;
	struct small_tree s;
	unsigned i = 0;
	int r;

	(void)state;
	small_tree_init(&s, EVERYTHING);
	do {
		s.calls = 0;
		s.fail_call = ++i;
		c = NULL;
		r = ramet_context_new(&c, s.tree, ramet_tree_leaf(s.tree), NULL);
		assert_true(r == 0 || r == RAMET_EIO);
		assert_true(r == 0 || c == NULL);
		ramet_context_free(c);
	} while (r < 0);
	assert_true(i > 10);
	small_tree_release(&s);
}

static void context__of_hostile_entries_is_built_at_every_leaf(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2), out = RAMET_BUF_INIT(SIZE_MAX / 2);
	static small_tree_fn *const writers[] = {
		ramet_context_write, ramet_context_write_projection, ramet_context_write_llm,
		write_message,
	};
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_context *c;
	struct small_tree s;
	uint64_t tokens;
	uint32_t row;
	size_t i;

	(void)state;
	hostile_entries(&text);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	for (row = 0; row < ramet_tree_count(s.tree); row++) {
		assert_int_equal(ramet_context_new(&c, s.tree, row, NULL), 0);
		assert_int_equal(ramet_context_tokens(c, &tokens, NULL), 0);
		for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
			ramet_buf_reset(&out);
			assert_int_equal(writers[i](c, &out, NULL), 0);
			assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&out),
							  RAMET_JSON_STRICT, NULL), 0);
		}
		ramet_buf_reset(&out);
		assert_int_equal(write_prompt(c, &out, NULL), 0);
		ramet_context_free(c);
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	ramet_buf_release(&out);
	small_tree_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context__without_compaction_is_the_path),
		cmocka_unit_test(context__before_the_first_entry_is_empty),
		cmocka_unit_test(context__of_an_unknown_row_is_refused),
		cmocka_unit_test(context__starts_with_the_last_compaction_and_what_it_keeps),
		cmocka_unit_test(context__keeps_nothing_for_an_id_not_before_the_compaction),
		cmocka_unit_test(context__drops_system_messages_of_the_kept_range_only),
		cmocka_unit_test(context__stops_at_lost_parents_and_loops),
		cmocka_unit_test(settings__come_from_the_whole_path),
		cmocka_unit_test(settings__of_the_wrong_kind_are_passed_on_or_left_out),
		cmocka_unit_test(context__costs_its_own_size),
		cmocka_unit_test(context__survives_the_lack_of_memory),
		cmocka_unit_test(context__passes_up_what_the_callback_says),
		cmocka_unit_test(context__of_hostile_entries_is_built_at_every_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

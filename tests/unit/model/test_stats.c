/*
 * stats.c: totals over all entries of the file, whatever branch they are on.
 */
#include "small_tree.h"

#define USAGE(input, output, read, write, cost)                                                    \
	"'usage':{'input':" input ",'output':" output ",'cacheRead':" read ",'cacheWrite':" write \
	",'totalTokens':999,'cost':{'total':" cost "}}"
#define REPLY(id, parent, provider, model, usage)                                                  \
	MESSAGE(id, parent, "'role':'assistant','provider':'" provider "','model':'" model         \
			    "','content':[]," usage)

/* "user/assistant/calls/results/total input/output/read/write/total cost" and a line a key. */
static void assert_stats(const char *entries, const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct ramet_stats *t = NULL;
	struct small_tree s;
	uint32_t i;

	small_tree_init(&s, entries);
	assert_int_equal(ramet_stats_new(&t, s.tree, NULL), 0);
	ramet_buf_addf(&out, "%d/%d/%d/%d/%d %g/%g/%g/%g/%g %g", (int)t->user_messages,
		       (int)t->assistant_messages, (int)t->tool_calls, (int)t->tool_results,
		       (int)t->total_messages, t->input, t->output, t->cache_read, t->cache_write,
		       t->total, t->cost);
	for (i = 0; i < t->n_breakdown; i++)
		ramet_buf_addf(&out, "\n%.*s %g %g", RAMET_FMT(t->breakdown[i].key),
			       t->breakdown[i].cost, t->breakdown[i].tokens);
	assert_string_equal(out.ptr, expected);
	ramet_buf_release(&out);
	ramet_stats_free(t);
	small_tree_release(&s);
}

static void stats__count_messages_of_every_role_and_branch(void **state)
{
	(void)state;
	assert_stats("", "0/0/0/0/0 0/0/0/0/0 0");
	assert_stats(USER("a", "null", "x") USER("b", "null", "y") ANSWER("c", "'a'", "z")
		     MESSAGE("d", "'a'", "'role':'assistant','content':[{'type':'toolCall'},"
			     "{'type':'text'},{'type':'toolCall'},null,7]")
		     MESSAGE("e", "'d'", "'role':'toolResult'")
		     MESSAGE("f", "'e'", "'role':'system'")
		     MESSAGE("g", "'f'", "'role':'strange'") ENTRY("message", "h", "'g'", "00", "")
		     ENTRY("custom_message", "i", "'h'", "00", ""), "2/2/2/1/8 0/0/0/0/0 0");
}

static void stats__add_up_usage_wherever_it_stands(void **state)
{
	(void)state;
	assert_stats(REPLY("a", "null", "p", "m", USAGE("1", "2", "3", "4", "0.5"))
		     MESSAGE("b", "'a'", "'role':'toolResult'," USAGE("10", "0", "0", "0", "1"))
		     COMPACTION("c", "'b'", "c", "," USAGE("100", "0", "0", "0", "2"))
		     ENTRY("branch_summary", "d", "'a'", "00", ","
			   USAGE("1000", "0", "0", "0", "4"))
		     ENTRY("usage", "e", "'d'", "00", ",'provider':'p','model':'m',"
			   USAGE("0", "0", "10000", "0", "8"))
		     /* neither of these says what was used */
		     MESSAGE("f", "'e'", "'role':'user'," USAGE("9", "9", "9", "9", "9"))
		     ENTRY("custom", "g", "'f'", "00", "," USAGE("9", "9", "9", "9", "9")),
		     "1/1/0/1/3 1111/2/10003/4/11120 15.5\n"
		     "p/m 8.5 10010\nTools/summaries 7 1110");
}

static void breakdown__prefers_the_model_that_answered(void **state)
{
	(void)state;
	assert_stats(MESSAGE("a", "null", "'role':'assistant','provider':'p','model':'m',"
			     "'responseModel':'r\\u002fx'," USAGE("1", "0", "0", "0", "1"))
		     MESSAGE("b", "'a'", "'role':'assistant','provider':'p','model':'m',"
			     "'responseModel':''," USAGE("1", "0", "0", "0", "2")),
		     "0/2/0/0/2 2/0/0/0/2 3\np/m 2 1\np/r/x 1 1");
}

static void breakdown__leaves_out_rows_that_say_nothing(void **state)
{
	(void)state;
	assert_stats(REPLY("a", "null", "p", "free", USAGE("0", "0", "0", "0", "0"))
		     REPLY("b", "'a'", "p", "tokens", USAGE("1", "0", "0", "0", "0"))
		     REPLY("c", "'b'", "p", "cost", USAGE("0", "0", "0", "0", "1")),
		     "0/3/0/0/3 1/0/0/0/1 1\np/cost 1 0\np/tokens 0 1");
}

static void breakdown__keeps_the_order_of_equal_costs(void **state)
{
	enum { N = 500 };
	struct ramet_buf text = RAMET_BUF_INIT(1u << 20);
	struct ramet_stats *t = NULL;
	struct small_tree s;
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++)
		ramet_buf_addf(&text, "{\"type\":\"usage\",\"id\":\"%u\",\"provider\":\"p\","
				      "\"model\":"
				      "\"%03u\",\"usage\":{\"input\":1,\"cost\":{\"total\":%u}}}\n",
			       i, i, i % 3);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_stats_new(&t, s.tree, NULL), 0);
	assert_int_equal(t->n_breakdown, N);
	for (i = 1; i < N; i++) {
		const struct ramet_stats_row *a = &t->breakdown[i - 1], *b = a + 1;

		assert_true(a->cost > b->cost ||
			    (a->cost == b->cost && memcmp(a->key.ptr, b->key.ptr, 5) < 0));
	}
	ramet_stats_free(t);
	ramet_buf_release(&text);
	small_tree_release(&s);
}

static void stats__take_missing_and_odd_usage_as_nothing(void **state)
{
	(void)state;
	assert_stats(REPLY("a", "null", "p", "m", "'usage':null")
		     REPLY("b", "'a'", "p", "m", "'x':1")
		     REPLY("c", "'b'", "p", "m", "'usage':[]")
		     REPLY("d", "'c'", "p", "m", "'usage':{'input':'7','output':null,'cost':3}")
		     REPLY("e", "'d'", "p", "m", "'usage':{'input':1e400,'output':5}"),
		     "0/5/0/0/5 0/5/0/0/5 0\np/m 0 5");
}

static void stats__survive_hostile_entries(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_stats *t = NULL;
	struct small_tree s;

	(void)state;
	hostile_entries(&text);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_stats_new(&t, s.tree, NULL), 0);
	ramet_stats_free(t);
	ramet_stats_free(NULL);
	ramet_buf_release(&text);
	small_tree_release(&s);
}

static int all_stats(struct small_tree *s, struct ramet_error *err)
{
	struct ramet_stats *t = NULL;
	int r = ramet_stats_new(&t, s->tree, err);

	ramet_stats_free(t);
	return r;
}

static void stats__survive_the_lack_of_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(REPLY("a", "null", "p", "m", USAGE("1", "2", "3", "4", "0.5"))
				  MESSAGE("b", "'a'", "'role':'toolResult',"
					  USAGE("10", "0", "0", "0", "1")), all_stats);
}

static void stats__pass_up_what_the_callback_says(void **state)
{
	struct ramet_stats *t = NULL;
	struct small_tree s;

	(void)state;
	small_tree_init(&s, REPLY("a", "null", "p", "m", "'x':1"));
	s.fail_call = 1;
	assert_int_equal(ramet_stats_new(&t, s.tree, NULL), RAMET_EIO);
	assert_null(t);
	small_tree_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stats__count_messages_of_every_role_and_branch),
		cmocka_unit_test(stats__add_up_usage_wherever_it_stands),
		cmocka_unit_test(breakdown__prefers_the_model_that_answered),
		cmocka_unit_test(breakdown__leaves_out_rows_that_say_nothing),
		cmocka_unit_test(breakdown__keeps_the_order_of_equal_costs),
		cmocka_unit_test(stats__take_missing_and_odd_usage_as_nothing),
		cmocka_unit_test(stats__survive_hostile_entries),
		cmocka_unit_test(stats__survive_the_lack_of_memory),
		cmocka_unit_test(stats__pass_up_what_the_callback_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of ops/report_stats.c. */
#include "given.h"

#define USAGE                                                                                      \
	"'usage':{'input':10,'output':5,'cacheRead':1,'cacheWrite':2,'totalTokens':99,"            \
	"'cost':{'total':0.25}}"

static void stats__of_a_bare_header_are_zero(void **state)
{
	(void)state;
	assert_report(
		ramet_report_stats, HEADER,
		"{'userMessages':0,'assistantMessages':0,'toolCalls':0,'toolResults':0,'"
		"totalMessages':0,"
		"'tokens':{'input':0,'output':0,'cacheRead':0,'cacheWrite':0,'total':0},'cost':0,"
		"'breakdown':[]}");
}

static void stats__count_the_whole_file(void **state)
{
	(void)state;
	assert_report(
		ramet_report_stats,
		HEADER USER("a", "null", "01:00.000", "x") ENTRY(
			"message", "b", "'a'", "02:00.000",
			",'message':{'role':'assistant','content':["
			"{'type':'toolCall','id':'t','name':'read','arguments':{}},{'type':'text','"
			"text':'x'}],"
			"'provider':'p','model':'m'," USAGE
			"}") ENTRY("message", "c", "'b'", "03:00.000",
				   ",'message':{'role':'toolResult','toolCallId':'t','content':[]}")
			ENTRY("compaction", "d", "'a'", "04:00.000", ",'summary':'s'," USAGE),
		"{'userMessages':1,'assistantMessages':1,'toolCalls':1,'toolResults':1,'"
		"totalMessages':3,"
		"'tokens':{'input':20,'output':10,'cacheRead':2,'cacheWrite':4,'total':36},'cost':"
		"0.5,"
		"'breakdown':[{'key':'p/m','cost':0.25,'tokens':18},"
		"{'key':'Tools/summaries','cost':0.25,'tokens':18}]}");
}

static void stats__survive_no_memory(void **state)
{
	const char *text = HEADER ENTRY("message", "b", "null", "02:00.000",
					",'message':{'role':'assistant',"
					"'content':[],'provider':'p','model':'m'," USAGE "}");

	(void)state;
	assert_survives_no_memory(ramet_report_stats, text);
	assert_keeps_limit(ramet_report_stats, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stats__of_a_bare_header_are_zero),
		cmocka_unit_test(stats__count_the_whole_file),
		cmocka_unit_test(stats__survive_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

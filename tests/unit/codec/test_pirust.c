/*
 * test_pirust.c - lines of pi_agent_rust: which files are its, what a header says, what is written
 * so that it reads all of it, and that everything comes back as it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "failing.h"
#include "ramet/store.h"

#define HEAD                                                                                       \
	"{\"type\":\"session\",\"version\":3,\"id\":\"s1\",\"timestamp\":\"2026-03-01T09:00:00."   \
	"000Z\","
#define TIME "\"timestamp\":\"2026-03-01T09:00:01.000Z\""
#define PLACE "\"id\":\"0123abcd\",\"parentId\":\"p0\"," TIME
#define USAGE                                                                                      \
	"\"usage\":{\"input\":1,\"output\":2,\"cacheRead\":0,\"cacheWrite\":0,\"totalTokens\":3,"  \
	"\"cost\":{\"input\":0,\"output\":0.5,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0.5}}"
#define NO_USAGE                                                                                   \
	"\"usage\":{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"totalTokens\":0,"  \
	"\"cost\":{\"input\":0.0,\"output\":0.0,\"cacheRead\":0.0,\"cacheWrite\":0.0,"             \
	"\"total\":0.0}}"
#define ASSISTANT(stop)                                                                            \
	"{\"role\":\"assistant\",\"content\":[],\"api\":\"\",\"provider\":\"p\",\"model\":"        \
	"\"m\"," USAGE ",\"stopReason\":\"" stop "\",\"timestamp\":5}"

/* ---- whose file? ---- */

static void sniff(const char *text, const char *format)
{
	assert_string_equal(ramet_codec_sniff(ramet_bytes_of(text)), format);
}

static void sniff__knows_its_own_header_members(void **state)
{
	(void)state;
	sniff(HEAD "\"cwd\":\"/\",\"branchedFrom\":\"/x\"}\n", "pirust");
	sniff(HEAD "\"cwd\":\"/\",\"leafId\":\"\"}", "pirust");
	sniff(HEAD "\"cwd\":\"/\",\"thinkingLevel\":\"off\"}\n{\"type\":\"label\",\"id\":\"a\","
		   "\"parentId\":\"b\"," TIME "}\n",
	      "pirust");
}

static void sniff__knows_a_root_without_a_parent(void **state)
{
	static char text[70000];
	size_t len;

	(void)state;
	sniff(HEAD "\"cwd\":\"/\"}\n{\"type\":\"label\",\"id\":\"a\"," TIME "}\n", "pirust");
	sniff(HEAD "\"cwd\":\"/\"}\n{not json\n\n{\"type\":\"label\",\"id\":\"a\"," TIME "}\n",
	      "pirust");
	/* also of an entry whose end is not in what is looked at */
	strcpy(text, HEAD "\"cwd\":\"/\"}\n{\"type\":\"message\",\"id\":\"a\"," TIME
			  ",\"message\":{\"content\":\"");
	len = strlen(text);
	memset(text + len, 'x', sizeof(text) - len - 1);
	sniff(text, "pirust");
}

static void sniff__leaves_the_doubtful_to_pi(void **state)
{
	(void)state;
	sniff(HEAD "\"cwd\":\"/\"}\n", "pi");
	sniff(HEAD "\"cwd\":\"/\"}\n{\"type\":\"label\",\"id\":\"a\",\"parentId\":null," TIME "}\n",
	      "pi");
	sniff(HEAD "\"cwd\":\"/\",\"leafId\":\"a\"}\n{\"type\":\"label\",\"id\":\"a\","
		   "\"parentId\":null," TIME "}\n",
	      "pi");
	sniff(HEAD "\"cwd\":\"/\"}\n{\"type\":\"label\",\"id\":\"a\"," TIME "}\n"
		   "{\"type\":\"custom_message\",\"id\":\"b\",\"parentId\":\"a\"," TIME "}\n",
	      "pi");
	/* version 1 has neither ids nor parents */
	sniff("{\"type\":\"session\",\"id\":\"s\",\"provider\":\"p\"}\n{\"type\":\"message\"}\n",
	      "pi");
	sniff(HEAD "\"cwd\":\"/\"}\n{\"type\":\"message\"," TIME "}\n", "pi");
}

/* ---- reading ---- */

static struct ramet_session *opened(const char *text)
{
	const struct ramet_open_opts opts = { .format = "pirust" };
	struct ramet_session *s = NULL;

	assert_int_equal(ramet_session_open_bytes(&s, ramet_bytes_of(text), &opts, NULL), 0);
	return s;
}

static void header__tells_parent_and_leaf(void **state)
{
	static const char entries[] =
		"\n{\"type\":\"label\",\"id\":\"a\"," TIME "}\n"
		"{\"type\":\"label\",\"id\":\"b\",\"parentId\":\"a\"," TIME "}\n";
	static const struct {
		const char *members;
		uint32_t leaf;
	} cases[] = {
		{ "\"cwd\":\"/w\",\"leafId\":\"a\",\"branchedFrom\":\"/from\"}", 0 },
		{ "\"cwd\":\"/w\",\"leafId\":\"\",\"parentSession\":\"/from\"}", RAMET_NONE },
		{ "\"cwd\":\"/w\",\"leafId\":\"zzz\",\"future\":1,\"branchedFrom\":\"/from\"}", 1 },
		{ "\"cwd\":\"/w\",\"leafId\":7,\"branchedFrom\":\"/from\"}", 1 },
		{ "\"cwd\":\"/w\",\"parentSession\":\"/other\",\"branchedFrom\":\"/from\"}", 1 },
	};
	struct ramet_buf text = RAMET_BUF_INIT(10000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ramet_session *s;
		const struct ramet_header *h;

		ramet_buf_reset(&text);
		ramet_buf_addf(&text, "%s%s%s", HEAD, cases[i].members, entries);
		s = opened(text.ptr);
		h = ramet_session_header(s);
		assert_int_equal(ramet_session_leaf(s), cases[i].leaf);
		assert_true(ramet_bytes_is(h->parent_session, "/from"));
		assert_true(ramet_bytes_is(h->cwd, "/w"));
		assert_true(ramet_bytes_is(h->id, "s1"));
		assert_memory_equal(h->json.ptr, HEAD, sizeof(HEAD) - 1);
		ramet_session_close(s);
	}
	ramet_buf_release(&text);
}

static void entry__is_handed_out_as_it_stands(void **state)
{
	static const char line[] = "{\"type\":\"label\", \"id\":\"a\"," TIME
				   ",\"x\":\"ramet.\",\"targetId\":\"\\\"ramet.entry\\\"\"}";
	struct ramet_buf text = RAMET_BUF_INIT(10000), scratch = RAMET_BUF_INIT(10000);
	struct ramet_bytes json;
	struct ramet_session *s;

	(void)state;
	ramet_buf_addf(&text, "%s\"cwd\":\"/\"}\n%s\n", HEAD, line);
	s = opened(text.ptr);
	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, NULL), 0);
	assert_true(ramet_bytes_is(json, line));
	ramet_session_close(s);
	ramet_buf_release(&text);
	ramet_buf_release(&scratch);
}

/* ---- writing ---- */

static void write_draft(struct ramet_buf *b, const char *type, const char *members, int root)
{
	struct rameti_draft d = { .type = ramet_bytes_of(type),
				  .members = ramet_bytes_of(members),
				  .id = ramet_bytes_of("0123abcd"),
				  .timestamp = ramet_bytes_of("\"2026-03-01T09:00:01.000Z\"") };

	if (!root)
		d.parent = ramet_bytes_of("p0");
	assert_int_equal(rameti_codec_pirust.write_entry(&d, b, NULL), 0);
	assert_int_equal(ramet_buf_status(b), 0);
}

static void check(const char *type, const char *members, const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	write_draft(&b, type, members, 0);
	assert_string_equal(b.ptr, want);
	ramet_buf_release(&b);
}

static void write__has_its_member_order(void **state)
{
	(void)state;
	check("model_change", "\"modelId\":\"m\",\"provider\":\"p\"",
	      "{\"type\":\"model_change\"," PLACE ",\"provider\":\"p\",\"modelId\":\"m\"}");
	check("custom", "\"customType\":\"x\",\"data\":[1]",
	      "{\"type\":\"custom\"," PLACE ",\"customType\":\"x\",\"data\":[1]}");
	check("branch_summary", "\"summary\":\"s\",\"usage\":{},\"fromHook\":true,\"fromId\":\"f\"",
	      "{\"type\":\"branch_summary\"," PLACE
	      ",\"fromId\":\"f\",\"summary\":\"s\",\"fromHook\":true,\"usage\":{}}");
	check("compaction", "\"tokensBefore\":12,\"firstKeptEntryId\":\"k\",\"summary\":\"s\"",
	      "{\"type\":\"compaction\"," PLACE
	      ",\"summary\":\"s\",\"firstKeptEntryId\":\"k\",\"tokensBefore\":12}");
	check("label", "\"targetId\":\"t\"", "{\"type\":\"label\"," PLACE ",\"targetId\":\"t\"}");
	check("session_info", "", "{\"type\":\"session_info\"," PLACE "}");
	check("message", "{\"role\":\"user\",\"content\":\"hi\",\"later\":1}",
	      "{\"type\":\"message\"," PLACE
	      ",\"message\":{\"role\":\"user\",\"content\":\"hi\",\"later\":1}}");
	check("message", "\"message\":" ASSISTANT("stop"),
	      "{\"type\":\"message\"," PLACE ",\"message\":" ASSISTANT("stop") "}");
}

static void write__leaves_out_the_parent_of_a_root(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	(void)state;
	write_draft(&b, "label", "\"targetId\":\"t\"", 1);
	assert_string_equal(b.ptr,
			    "{\"type\":\"label\",\"id\":\"0123abcd\"," TIME ",\"targetId\":\"t\"}");
	ramet_buf_release(&b);
}

static void write__says_messages_so_that_they_are_read(void **state)
{
	(void)state;
	check("message", "{\"role\":\"bashExecution\",\"command\":\"ls\",\"output\":\"\"}",
	      "{\"type\":\"message\"," PLACE
	      ",\"message\":{\"role\":\"bashExecution\",\"command\":\"ls\",\"output\":\"\","
	      "\"exitCode\":-1,\"ramet.message\":\"{\\\"role\\\":\\\"bashExecution\\\","
	      "\\\"command\\\":\\\"ls\\\",\\\"output\\\":\\\"\\\"}\"}}");
	check("message",
	      "{\"role\":\"custom\",\"customType\":\"t\",\"content\":[{\"type\":\"text\","
	      "\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}],\"display\":true}",
	      "{\"type\":\"message\"," PLACE
	      ",\"message\":{\"role\":\"custom\",\"customType\":\"t\",\"content\":\"a\\nb\","
	      "\"display\":true,\"ramet.message\":\"{\\\"role\\\":\\\"custom\\\","
	      "\\\"customType\\\":\\\"t\\\",\\\"content\\\":[{\\\"type\\\":\\\"text\\\","
	      "\\\"text\\\":\\\"a\\\"},{\\\"type\\\":\\\"text\\\",\\\"text\\\":\\\"b\\\"}],"
	      "\\\"display\\\":true}\"}}");
	check("message",
	      "{\"role\":\"assistant\",\"content\":[{\"type\":\"new\"}],\"timestamp\":5.5}",
	      "{\"type\":\"message\"," PLACE
	      ",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
	      "\"[new]\"}],\"api\":\"\",\"provider\":\"\",\"model\":\"\"," NO_USAGE
	      ",\"stopReason\":\"stop\",\"timestamp\":0,\"ramet.message\":\"{\\\"role\\\":"
	      "\\\"assistant\\\",\\\"content\\\":[{\\\"type\\\":\\\"new\\\"}],"
	      "\\\"timestamp\\\":5.5}\"}}");
}

static void write__carries_what_its_types_cannot_say(void **state)
{
	(void)state;
	check("custom_message", "\"customType\":\"x\",\"content\":\"c\",\"display\":true",
	      "{\"type\":\"custom\"," PLACE
	      ",\"customType\":\"ramet.entry\",\"data\":{\"entry\":\"{\\\"type\\\":"
	      "\\\"custom_message\\\",\\\"customType\\\":\\\"x\\\",\\\"content\\\":\\\"c\\\","
	      "\\\"display\\\":true,\\\"id\\\":\\\"0123abcd\\\",\\\"parentId\\\":\\\"p0\\\","
	      "\\\"timestamp\\\":\\\"2026-03-01T09:00:01.000Z\\\"}\"}}");
}

/* ---- there and back ---- */

static const struct {
	const char *type, *members;
	int carried;
} entries[] = {
	{ "message",
	  "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"data\":\"A\","
	  "\"mimeType\":\"i\"}],\"timestamp\":1}",
	  0 },
	{ "message", "{\"role\":\"user\",\"content\":\"x\",\"timestamp\":1.0}", 1 },
	{ "message", "{\"role\":\"user\",\"content\":\"\\ud800\"}", 1 },
	{ "message", "{\"role\":\"user\",\"content\":\"\\ud83d\\ude00\"}", 0 },
	{ "message", "{\"role\":\"user\",\"content\":\"x\",\"n\":1e400}", 1 },
	{ "message", "{\"role\":\"user\",\"role\":\"user\",\"content\":\"x\",\"content\":\"y\"}",
	  1 },
	{ "message", "{\"role\":\"system\",\"content\":\"x\"}", 1 },
	{ "message", "{\"role\":\"new\"}", 1 },
	{ "message", "{\"role\":\"user\",\"content\":\"x\",\"ramet.message\":\"{}\"}", 1 },
	{ "message", ASSISTANT("length"), 0 },
	{ "message", ASSISTANT("odd"), 1 },
	{ "message", "{\"role\":\"assistant\",\"content\":\"text\"}", 1 },
	{ "message",
	  "{\"role\":\"toolResult\",\"toolCallId\":\"c\",\"toolName\":\"t\",\"content\":[],"
	  "\"details\":null,\"isError\":false}",
	  0 },
	{ "message", "{\"role\":\"toolResult\",\"toolCallId\":\"c\",\"content\":\"r\"}", 1 },
	{ "message",
	  "{\"role\":\"bashExecution\",\"command\":\"c\",\"output\":\"o\","
	  "\"exitCode\":2147483648}",
	  1 },
	{ "message",
	  "{\"role\":\"bashExecution\",\"command\":\"c\",\"output\":\"o\","
	  "\"exitCode\":-2147483648,\"excludeFromContext\":true}",
	  0 },
	{ "message", "{\"role\":\"compactionSummary\",\"summary\":\"s\",\"tokensBefore\":-1}", 1 },
	{ "message", "{\"role\":\"branchSummary\",\"summary\":\"s\",\"fromId\":\"f\"}", 0 },
	{ "compaction", "\"summary\":\"s\",\"firstKeptEntryId\":\"k\",\"tokensBefore\":1.5", 1 },
	{ "compaction", "\"summary\":\"s\",\"tokensBefore\":1", 1 },
	{ "custom", "\"customType\":\"ramet.entry\",\"data\":{\"entry\":\"{}\"}", 1 },
	{ "custom", "\"customType\":\"ramet.leaf\"", 0 },
	{ "custom_message", "\"customType\":\"x\",\"content\":[],\"display\":false", 1 },
	{ "context_edit", "\"targetId\":\"t\",\"replacement\":null", 1 },
	{ "usage", "\"kind\":\"k\",\"provider\":\"p\",\"model\":\"m\",\"usage\":{}", 1 },
	{ "model_change", "\"provider\":\"p\",\"modelId\":null", 1 },
	{ "future", "\"a\":{\"b\":[1,-0,1E2]}", 1 },
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static void round_trip__gives_what_was_written(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(100000), want = RAMET_BUF_INIT(100000),
			 scratch = RAMET_BUF_INIT(100000);
	size_t i;

	(void)state;
	for (i = 0; i < N_ENTRIES; i++) {
		struct ramet_bytes json;
		struct ramet_session *s;
		struct rameti_draft d = { .type = ramet_bytes_of(entries[i].type),
					  .members = ramet_bytes_of(entries[i].members),
					  .id = ramet_bytes_of("0123abcd"),
					  .parent = ramet_bytes_of("p0"),
					  .timestamp =
						  ramet_bytes_of("\"2026-03-01T09:00:01.000Z\"") };
		int type = ramet_entry_type_of(d.type);

		ramet_buf_reset(&text);
		ramet_buf_reset(&want);
		ramet_buf_add_str(&text, HEAD "\"cwd\":\"/\"}\n");
		write_draft(&text, entries[i].type, entries[i].members, 0);
		ramet_buf_add_char(&text, '\n');
		assert_int_equal(!!strstr(text.ptr, "\"ramet.entry\"") ||
					 !!strstr(text.ptr, "\"ramet.message\""),
				 entries[i].carried);
		s = opened(text.ptr);
		assert_int_equal(ramet_tree_row(ramet_session_tree(s), 0)->type, type);
		assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, NULL),
				 0);
		if (entries[i].carried)
			rameti_codec_pi.write_entry(&d, &want, NULL);
		else
			write_draft(&want, entries[i].type, entries[i].members, 0);
		if (type != RAMET_ENTRY_MESSAGE || !strstr(text.ptr, "\"ramet.message\""))
			assert_true(ramet_bytes_eq(json, ramet_buf_bytes(&want)));
		else
			assert_non_null(memmem(json.ptr, json.len, entries[i].members,
					       strlen(entries[i].members)));
		ramet_session_close(s);
	}
	ramet_buf_release(&text);
	ramet_buf_release(&want);
	ramet_buf_release(&scratch);
}

static void carried__damaged_ones_stay_custom(void **state)
{
	static const char *const data[] = { "{\"entry\":\"{\"}", "{\"entry\":\"[]\"}",
					    "{\"entry\":7}",
					    "{\"entry\":\"{\\\"type\\\":\\\"session\\\"}\"}", "7" };
	struct ramet_buf text = RAMET_BUF_INIT(10000), scratch = RAMET_BUF_INIT(10000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		struct ramet_bytes json;
		struct ramet_session *s;

		ramet_buf_reset(&text);
		ramet_buf_addf(&text,
			       "%s\"cwd\":\"/\"}\n{\"type\":\"custom\",\"id\":\"a\",%s,"
			       "\"customType\":\"ramet.entry\",\"data\":%s}\n",
			       HEAD, TIME, data[i]);
		s = opened(text.ptr);
		assert_int_equal(ramet_tree_row(ramet_session_tree(s), 0)->type,
				 RAMET_ENTRY_CUSTOM);
		assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, NULL),
				 0);
		assert_non_null(memmem(json.ptr, json.len, data[i], strlen(data[i])));
		ramet_session_close(s);
	}
	ramet_buf_release(&text);
	ramet_buf_release(&scratch);
}

/* ---- headers, and memory ---- */

static void header__is_written_as_the_original_does(void **state)
{
	struct rameti_draft_header h = { .id = ramet_bytes_of("i"),
					 .cwd = ramet_bytes_of("/w"),
					 .parent_session = ramet_bytes_of("/p"),
					 .time_ms = 1772355600000 };
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	(void)state;
	rameti_codec_pirust.write_header(&h, &b);
	assert_string_equal(b.ptr, "{\"type\":\"session\",\"version\":3,\"id\":\"i\",\"timestamp\":"
				   "\"2026-03-01T09:00:00.000Z\",\"cwd\":\"/w\",\"branchedFrom\":"
				   "\"/p\"}");
	ramet_buf_reset(&b);
	h.cwd.ptr = h.parent_session.ptr = NULL;
	h.cwd.len = 0;
	rameti_codec_pirust.write_header(&h, &b);
	assert_string_equal(b.ptr, "{\"type\":\"session\",\"version\":3,\"id\":\"i\",\"timestamp\":"
				   "\"2026-03-01T09:00:00.000Z\",\"cwd\":\"/\"}");
	ramet_buf_release(&b);
}

static void codec__survives_any_failing_allocation(void **state)
{
	const struct ramet_open_opts opts = { .format = "pirust" };
	struct ramet_buf text = RAMET_BUF_INIT(100000);
	unsigned n;
	size_t i;

	(void)state;
	ramet_buf_add_str(&text, HEAD "\"cwd\":\"/\",\"leafId\":\"p0\",\"branchedFrom\":\"/x\"}\n");
	for (i = 0; i < N_ENTRIES; i++) {
		write_draft(&text, entries[i].type, entries[i].members, 0);
		ramet_buf_add_char(&text, '\n');
	}
	for (n = 1;; n++) {
		struct ramet_buf b = RAMET_BUF_INIT(100000), scratch = RAMET_BUF_INIT(100000);
		struct ramet_session *s = NULL;
		struct ramet_bytes json;
		struct rameti_draft d = { .type = ramet_bytes_of(entries[n % N_ENTRIES].type),
					  .members = ramet_bytes_of(entries[n % N_ENTRIES].members),
					  .id = ramet_bytes_of("a"),
					  .timestamp = ramet_bytes_of("\"t\"") };
		int r, reached;

		failing_memory_start(n);
		r = ramet_session_open_bytes(&s, ramet_buf_bytes(&text), &opts, NULL);
		if (!r)
			r = ramet_tree_entry(ramet_session_tree(s), n % N_ENTRIES, &scratch, &json,
					     NULL);
		if (!r)
			rameti_codec_pirust.write_entry(&d, &b, NULL);
		if (!r)
			r = ramet_buf_status(&b);
		ramet_session_close(s);
		ramet_buf_release(&b);
		ramet_buf_release(&scratch);
		reached = failing_memory_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM);
		if (!reached)
			break;
	}
	assert_true(n > 20);
	ramet_buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sniff__knows_its_own_header_members),
		cmocka_unit_test(sniff__knows_a_root_without_a_parent),
		cmocka_unit_test(sniff__leaves_the_doubtful_to_pi),
		cmocka_unit_test(header__tells_parent_and_leaf),
		cmocka_unit_test(entry__is_handed_out_as_it_stands),
		cmocka_unit_test(write__has_its_member_order),
		cmocka_unit_test(write__leaves_out_the_parent_of_a_root),
		cmocka_unit_test(write__says_messages_so_that_they_are_read),
		cmocka_unit_test(write__carries_what_its_types_cannot_say),
		cmocka_unit_test(round_trip__gives_what_was_written),
		cmocka_unit_test(carried__damaged_ones_stay_custom),
		cmocka_unit_test(header__is_written_as_the_original_does),
		cmocka_unit_test(codec__survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

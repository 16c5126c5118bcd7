/*
 * test_ggcode_kept.c - what a compaction keeps, wherever that stands; and members of a message
 * whose names mean something else to ggcode: each message has its entry's id, and all its members.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"
#include "gg_text.h"
#include "store/session_priv.h"

#define TIME "\"timestamp\":\"2026-08-22T14:00:07.250Z\""
#define SAID(id, message)                                                                          \
	"{\"type\":\"message\",\"id\":\"" id "\",\"parentId\":null," TIME ",\"message\":{" message \
	"}}"
#define USER(id) SAID(id, "\"role\":\"user\",\"content\":\"" id "\"")
#define COMPACTED(kept)                                                                            \
	"{\"type\":\"compaction\",\"id\":\"c1\"," TIME ",\"summary\":\"s\","                       \
	"\"firstKeptEntryId\":\"" kept "\",\"tokensBefore\":1}"
#define CARRIED(id) "{\"type\":\"custom\",\"id\":\"" id "\"," TIME ",\"customType\":\"x\"}"
#define HIDDEN(id)                                                                                 \
	SAID(id, "\"role\":\"bashExecution\",\"command\":\"c\",\"excludeFromContext\":true")
#define META(title)                                                                                \
	"{\"type\":\"meta\",\"title\":\"" title "\",\"workspace\":\"/w\",\"created_at\":"          \
	"\"2026-08-01T00:00:00Z\"}\n"
#define LINE(id)                                                                                   \
	"{\"type\":\"message\",\"message\":{\"id\":\"" id "\",\"role\":\"user\",\"content\":"      \
	"[{\"type\":\"text\",\"text\":\"" id "\"}]}}\n"
/* r, r--1 and r--2: two results and a text */
#define RESULTS                                                                                    \
	"{\"type\":\"message\",\"message\":{\"id\":\"r\",\"role\":\"user\",\"content\":["          \
	"{\"type\":\"tool_result\",\"tool_id\":\"1\",\"output\":\"r\"},"                           \
	"{\"type\":\"tool_result\",\"tool_id\":\"2\",\"output\":\"r--1\"},"                        \
	"{\"type\":\"text\",\"text\":\"r--2\"}]}}\n"

/* Behind what stands in text, of which a reader knows. */
static void append_entries(const char *const *entries, size_t n)
{
	struct ramet_bytes none = { NULL, 0 };
	struct ramet_session *s = gg_open();
	struct rameti_encoder e;

	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, &s->reader, none, NULL), 0);
	gg_encode(&e, entries, n);
	rameti_encoder_release(&e);
	ramet_session_close(s);
}

/* The ids of the messages in the context, behind the summary. */
static void keeps(const char *ids)
{
	struct ramet_session *s = gg_open();
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf got = RAMET_BUF_INIT(4096);
	struct ramet_context *c;
	uint32_t i;

	assert_int_equal(ramet_session_findings(s)->n, 0);
	assert_int_equal(ramet_context_new(&c, t, ramet_tree_leaf(t), NULL), 0);
	assert_int_equal(c->messages[0].role, RAMET_ROLE_COMPACTION_SUMMARY);
	for (i = 1; i < c->n_messages; i++) {
		ramet_buf_add_str(&got, i > 1 ? " " : "");
		ramet_buf_add(&got, ramet_tree_id(t, c->messages[i].row));
	}
	assert_string_equal(got.len ? got.ptr : "", ids);
	ramet_context_free(c);
	ramet_buf_release(&got);
	ramet_session_close(s);
}

/* ---- compactions ---- */

static void compaction__keeps_what_it_kept(void **state)
{
	static const struct {
		const char *entries[6], *want, *checkpoint;
	} cases[] = {
		{ { USER("a"), USER("b"), COMPACTED("a"), USER("c") },
		  "a b c", "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"a\"}" },
		{ { USER("a"), USER("b"), COMPACTED("b"), USER("c") },
		  "b c", "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1}" },
		{ { USER("a"), USER("b"), COMPACTED("c1"), USER("c") },
		  "c", "\"checkpoint_last_msg_id\":\"b\",\"checkpoint_tokens\":1}" },
		{ { USER("a"), USER("b"), COMPACTED("gone"), USER("c") },
		  "c", "\"checkpoint_last_msg_id\":\"b\",\"checkpoint_tokens\":1}" },
		/* of an entry that is no message the next one counts */
		{ { CARRIED("m"), USER("a"), COMPACTED("m"), USER("c") },
		  "a c", "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"a\"}" },
		{ { USER("a"), CARRIED("m"), USER("b"), COMPACTED("m") },
		  "b", "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1}" },
		/* what ggcode has no message for stands in between */
		{ { USER("a"), HIDDEN("h"), USER("b"), COMPACTED("b") },
		  "b", "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"b\"}" },
		{ { COMPACTED("gone"), USER("a") },
		  "a", "\"c1.summary\",\"checkpoint_tokens\":1}" },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (n = 0; n < 6 && cases[i].entries[n]; n++)
			;
		gg_write(cases[i].entries, n, 0);
		if (!strstr(gg_text.ptr, cases[i].checkpoint))
			fail_msg("%zu: %s", i, gg_text.ptr);
		keeps(cases[i].want);
	}
}

/* In a file that was read before. */
static void compaction__behind_a_file_keeps_what_it_kept(void **state)
{
	static const struct {
		const char *lines, *entries[3], *want, *checkpoint;
	} cases[] = {
		{ LINE("a") LINE("b"), { COMPACTED("a") }, "a b",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"a\"}" },
		{ LINE("a") LINE("b"), { COMPACTED("b"), USER("c") }, "b c",
		  "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1}" },
		{ LINE("a") LINE("b"), { USER("c"), COMPACTED("c") }, "c",
		  "\"checkpoint_last_msg_id\":\"b\",\"checkpoint_tokens\":1}" },
		{ LINE("a") LINE("b"), { USER("c"), COMPACTED("a") }, "a b c",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"a\"}" },
		/* ggcode has these three as one message */
		{ LINE("a") RESULTS, { COMPACTED("r"), USER("c") }, "r r--1 r--2 c",
		  "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1}" },
		{ LINE("a") RESULTS, { COMPACTED("r--2"), USER("c") }, "r--2 c",
		  "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1,"
		  "\"firstKeptEntryId\":\"r--2\"}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&gg_text);
		ramet_buf_add_str(&gg_text, cases[i].lines);
		append_entries(cases[i].entries, cases[i].entries[1] ? 2 : 1);
		if (!strstr(gg_text.ptr, cases[i].checkpoint))
			fail_msg("%zu: %s", i, gg_text.ptr);
		keeps(cases[i].want);
	}
}

/* ---- behind lines that are written as they were ---- */

/* The encoder is told of the first lines and the last, as the store does it. */
static int resume(struct rameti_encoder *e, const char *first, const char *last)
{
	struct ramet_buf told = RAMET_BUF_INIT(TEXT_MAX);
	int r;

	ramet_buf_add_str(&told, first);
	ramet_buf_add(&told, (struct ramet_bytes){ last, strlen(last) - 1 });
	r = ramet_buf_status(&told);
	if (!r)
		r = rameti_codec_ggcode.resume(e, NULL, ramet_buf_bytes(&told), NULL);
	ramet_buf_release(&told);
	return r;
}

static void compaction__behind_lines_keeps_what_it_kept(void **state)
{
	static const struct {
		const char *first, *between, *last, *entry, *want, *checkpoint;
	} cases[] = {
		{ LINE("a") LINE("b"), "", LINE("b"), COMPACTED("b"), "b z",
		  "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1}" },
		{ LINE("a") LINE("b"), "", LINE("b"), COMPACTED("z"), "z",
		  "\"checkpoint_last_msg_id\":\"b\",\"checkpoint_tokens\":1}" },
		{ LINE("a") LINE("b"), "", LINE("b"), COMPACTED("a"), "a b z",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"a\"}" },
		{ LINE("a") RESULTS, "", RESULTS, COMPACTED("r--1"), "r--1 r--2 z",
		  "\"checkpoint_last_msg_id\":\"a\",\"checkpoint_tokens\":1,"
		  "\"firstKeptEntryId\":\"r--1\"}" },
		{ LINE("a") RESULTS, "", RESULTS, COMPACTED("z"), "z",
		  "\"checkpoint_last_msg_id\":\"r\",\"checkpoint_tokens\":1}" },
		/* what stands between them is not known */
		{ LINE("a"), LINE("b") LINE("c"), LINE("d"), COMPACTED("b"), "b c d z",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"b\"}" },
		{ LINE("a"), LINE("b") LINE("c"), LINE("d"), COMPACTED("d"), "d z",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"d\"}" },
		{ LINE("a"), LINE("b") LINE("c"), LINE("d"), COMPACTED("z"), "z",
		  "\"checkpoint_last_msg_id\":\"d\",\"checkpoint_tokens\":1}" },
		{ LINE("a"), LINE("b"), META("t"), COMPACTED("z"), "z",
		  "\"checkpoint_tokens\":1,\"firstKeptEntryId\":\"z\"}" },
	};
	const char *const z[] = { USER("z") };
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&gg_text);
		ramet_buf_add_str(&gg_text, cases[i].first);
		ramet_buf_add_str(&gg_text, cases[i].between);
		if (*cases[i].between)
			ramet_buf_add_str(&gg_text, cases[i].last);
		assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL),
				 0);
		assert_int_equal(resume(&e, cases[i].first, cases[i].last), 0);
		gg_encode(&e, z, 1);
		gg_encode(&e, &cases[i].entry, 1);
		rameti_encoder_release(&e);
		if (!strstr(gg_text.ptr, cases[i].checkpoint))
			fail_msg("%zu: %s", i, gg_text.ptr);
		keeps(cases[i].want);
	}
}

/* Lines, entries, and lines again: each is told once. */
static void compaction__behind_lines_twice_keeps_what_it_kept(void **state)
{
	static const char *const entries[] = { USER("x"), USER("y"), COMPACTED("b") };
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;

	(void)state;
	ramet_buf_reset(&gg_text);
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL), 0);
	ramet_buf_add_str(&gg_text, LINE("a"));
	assert_int_equal(resume(&e, LINE("a"), LINE("a")), 0);
	gg_encode(&e, entries, 1);
	ramet_buf_add_str(&gg_text, LINE("b"));
	assert_int_equal(resume(&e, LINE("a") LINE("b"), LINE("b")), 0);
	gg_encode(&e, entries + 1, 2);
	rameti_encoder_release(&e);
	assert_non_null(strstr(gg_text.ptr, "\"checkpoint_last_msg_id\":\"x\","
					 "\"checkpoint_tokens\":1}"));
	keeps("b y");
}

/* A title or a model leaves the other fields as the last record had them. */
static void fields__go_on_from_those_of_lines(void **state)
{
	static const char *const model[] = { "{\"type\":\"model_change\",\"id\":\"m\"," TIME
					     ",\"provider\":\"v\",\"modelId\":\"m\"}" };
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;
	int late;

	(void)state;
	for (late = 0; late < 2; late++) {
		ramet_buf_reset(&gg_text);
		assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL),
				 0);
		assert_int_equal(late ? resume(&e, META("old"), META("new"))
				      : resume(&e, META("old") META("new") LINE("a"), LINE("a")),
				 0);
		gg_encode(&e, model, 1);
		rameti_encoder_release(&e);
		assert_non_null(strstr(gg_text.ptr, "\"title\":\"new\",\"workspace\":\"/w\","
						 "\"vendor\":\"v\",\"model\":\"m\""));
		assert_non_null(strstr(gg_text.ptr, "\"created_at\":\"2026-08-01T00:00:00Z\""));
	}
}

static void resume__survives_every_failing_allocation(void **state)
{
	static const char *const entries[] = { USER("z"), COMPACTED("b") };
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;
	unsigned n, reached = 1;
	size_t i;
	int r;

	(void)state;
	ramet_buf_release(&gg_text);
	for (n = 1; reached && n < 1000; n++) {
		failing_memory_start(n);
		r = rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL);
		if (!r)
			r = resume(&e, META("t") LINE("a") RESULTS, LINE("b"));
		for (i = 0; r >= 0 && i < 2; i++)
			r = rameti_codec_ggcode.encode(&e, ramet_bytes_of(entries[i]), &gg_text,
						       NULL);
		rameti_encoder_release(&e);
		ramet_buf_release(&gg_text);
		reached = (unsigned)failing_memory_stop();
		if (reached ? r != RAMET_ENOMEM : r < 0)
			fail_msg("%u: %d", n, r);
	}
	assert_true(n > 20 && n < 1000);
}

/* ---- members with names of ggcode's ---- */

/* One record with one id, which is the entry's, and the entry as it was. */
static void comes_back(const char *entry, const char *id)
{
	const char *const entries[] = { USER("k"), entry };
	struct ramet_session *s;
	char front[64];
	const char *line;

	gg_write(entries, 2, 0);
	line = strchr(gg_text.ptr, '\n') + 1;
	assert_ptr_equal(strchr(line, '\n') + 1, gg_text.ptr + gg_text.len);
	(void)snprintf(front, sizeof(front), ",\"message\":{\"id\":\"%s\",\"role\":", id);
	if (!strstr(line, front))
		fail_msg("%s", line);
	s = gg_open();
	assert_int_equal(ramet_session_findings(s)->n, 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	if (!strstr(gg_entry(s, id), strstr(entry, ",\"message\":")))
		fail_msg("%s\n%s", entry, gg_entry(s, id));
	ramet_session_close(s);
}

static void message__keeps_members_that_mean_something_else(void **state)
{
	static const char *const members[] = {
		"\"id\":\"k\"", "\"id\":\"free\"", "\"ID\":\"k\"", "\"\\u0069D\":\"k\"",
		"\"id\":7", "\"id\":\"null\"", "\"id\":\"k\",\"Id\":\"k\",\"x\":1",
		"\"Role\":\"v\"", "\"Content\":\"v\"", "\"CONTENT\":[]", "\"Timestamp\":3",
	};
	struct ramet_buf entry = RAMET_BUF_INIT(TEXT_MAX);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry,
			       SAID("u1", "\"role\":\"user\",\"content\":\"text\",%s"),
			       members[i]);
		comes_back(entry.ptr, "u1");
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, SAID("a1", "\"role\":\"assistant\",\"content\":[],%s"),
			       members[i]);
		comes_back(entry.ptr, "a1");
	}
	ramet_buf_release(&entry);
}

static void result__keeps_members_that_mean_something_else(void **state)
{
	static const char *const members[] = {
		"\"output\":\"other\"", "\"OUTPUT\":7", "\"type\":\"x\"", "\"Type\":\"text\"",
		"\"tool_id\":\"zz\"", "\"tool_name\":\"zz\"", "\"is_error\":true",
		"\"Is_Error\":0", "\"images\":[{\"mime\":\"m\",\"base64\":\"b\"}]",
		"\"Content\":3", "\"id\":\"k\",\"output\":\"\"",
	};
	struct ramet_buf entry = RAMET_BUF_INIT(TEXT_MAX);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry,
			       SAID("t1", "\"role\":\"toolResult\",\"toolCallId\":\"t\","
					  "\"toolName\":\"x\",\"content\":[{\"type\":\"text\","
					  "\"text\":\"RESULT\"}],%s"),
			       members[i]);
		comes_back(entry.ptr, "t1");
		assert_non_null(strstr(gg_text.ptr, "{\"type\":\"tool_result\",\"tool_name\":\"x\","
						 "\"tool_id\":\"t\",\"output\":\"RESULT\""));
	}
	ramet_buf_release(&entry);
}

static void block__keeps_members_that_mean_something_else(void **state)
{
	static const char *const blocks[] = {
		"{\"type\":\"text\",\"text\":\"a\",\"Text\":\"b\"}",
		"{\"type\":\"text\",\"text\":\"a\",\"TYPE\":\"b\"}",
		"{\"type\":\"toolCall\",\"id\":\"i\",\"name\":\"n\",\"arguments\":{},"
		"\"tool_id\":\"z\"}",
		"{\"type\":\"toolCall\",\"id\":\"i\",\"name\":\"n\",\"arguments\":{},"
		"\"Input\":1}",
		"{\"type\":\"image\",\"data\":\"d\",\"mimeType\":\"m\",\"image_data\":\"e\"}",
	};
	struct ramet_buf entry = RAMET_BUF_INIT(TEXT_MAX);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, SAID("a1", "\"role\":\"assistant\",\"content\":[%s]"),
			       blocks[i]);
		comes_back(entry.ptr, "a1");
	}
	ramet_buf_release(&entry);
}

/* A record or a summary that somebody made up takes no id that is another's. */
static void custom__takes_no_id_that_is_taken(void **state)
{
	static const char *const entries[] = {
		USER("k"),
		"{\"type\":\"custom\",\"id\":\"x1\"," TIME ",\"customType\":\"ramet.raw\",\"data\":"
		"{\"format\":\"ggcode\",\"entries\":0,\"record\":\"{\\\"type\\\":\\\"message\\\","
		"\\\"message\\\":{\\\"id\\\":\\\"k\\\",\\\"role\\\":\\\"user\\\"}}\"}}",
		"{\"type\":\"custom\",\"id\":\"x2\"," TIME ",\"customType\":\"ramet.summary\","
		"\"data\":{\"summary\":\"s\",\"message\":{\"id\":\"k\",\"role\":\"system\","
		"\"content\":[{\"type\":\"text\",\"text\":"
		"\"[Previous conversation summary]s\"}]}}}",
	};
	struct ramet_session *s;

	(void)state;
	gg_write(entries, 3, 0);
	s = gg_open();
	assert_int_equal(ramet_session_findings(s)->n, 0);
	assert_non_null(strstr(gg_entry(s, "x1"), "ramet.raw"));
	assert_non_null(strstr(gg_entry(s, "x2"), "ramet.summary"));
	ramet_session_close(s);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&gg_text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compaction__keeps_what_it_kept),
		cmocka_unit_test(compaction__behind_a_file_keeps_what_it_kept),
		cmocka_unit_test(compaction__behind_lines_keeps_what_it_kept),
		cmocka_unit_test(compaction__behind_lines_twice_keeps_what_it_kept),
		cmocka_unit_test(fields__go_on_from_those_of_lines),
		cmocka_unit_test(resume__survives_every_failing_allocation),
		cmocka_unit_test(message__keeps_members_that_mean_something_else),
		cmocka_unit_test(result__keeps_members_that_mean_something_else),
		cmocka_unit_test(block__keeps_members_that_mean_something_else),
		cmocka_unit_test(custom__takes_no_id_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

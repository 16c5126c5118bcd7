/*
 * test_ggcode_carried.c - what ggcode passes over: entries of pi's in a record of ours, as a text
 * when they are nested too deep for its decoder, and what stands beside a compaction.
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

#define TIME "\"timestamp\":\"2026-08-22T14:00:07.250Z\""
#define SAID(id, message)                                                                          \
	"{\"type\":\"message\",\"id\":\"" id "\"," TIME ",\"message\":{" message "}}"

static void has_finding(const struct ramet_session *s, const char *code, uint32_t n)
{
	const struct ramet_findings *f = ramet_session_findings(s);
	uint32_t i, found = 0;

	for (i = 0; i < f->n; i++)
		found += !strcmp(f->items[i].code, code);
	assert_int_equal(found, n);
}

/* Roles of the context, a letter each. */
static void is_context(const struct ramet_session *s, const char *roles)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_context *c;
	char got[32];
	uint32_t i;

	assert_int_equal(ramet_context_new(&c, t, ramet_tree_leaf(t), NULL), 0);
	for (i = 0; i < c->n_messages && i < sizeof(got) - 1; i++)
		got[i] = *ramet_role_name(c->messages[i].role);
	got[i] = '\0';
	assert_string_equal(got, roles);
	ramet_context_free(c);
}

/* What the model saw of the system stays beside a compaction. */
static void compaction__keeps_the_system_message(void **state)
{
	static const char system[] = "\"systemMessage\":{\"role\":\"system\",\"content\":\"P\"}";
	static const char *const entries[] = {
		SAID("u0", "\"role\":\"user\",\"content\":\"none\""),
		SAID("u1", "\"role\":\"user\",\"content\":\"one\""),
		"{\"type\":\"compaction\",\"id\":\"c1\"," TIME ",\"summary\":\"s\","
		"\"firstKeptEntryId\":\"u1\",\"tokensBefore\":1,\"systemMessage\":"
		"{\"role\":\"system\", \"content\":\"P\"}}",
		"{\"type\":\"compaction\",\"id\":\"c2\"," TIME ",\"summary\":\"s\","
		"\"firstKeptEntryId\":\"u1\",\"tokensBefore\":1,\"systemMessage\":7}",
	};
	struct ramet_session *s;

	(void)state;
	gg_write(entries, 3, 0);
	assert_non_null(strstr(gg_text.ptr, system));
	s = gg_open();
	is_context(s, "scu");
	assert_non_null(strstr(gg_entry(s, "c1"), system));
	ramet_session_close(s);
	gg_write(entries, 3, 1);
	s = gg_open();
	is_context(s, "sc");
	ramet_session_close(s);
	gg_write(entries + 3, 1, 0);
	assert_null(strstr(gg_text.ptr, "systemMessage"));
}

/* ---- depth ---- */

#define DEEP(id) SAID(id, "\"role\":\"user\",\"content\":\"" id "\",\"x\":%s")

/* n lists in one another, with a bracket in a text inside. */
static const char *nested(struct ramet_buf *b, uint32_t n)
{
	uint32_t i;

	ramet_buf_reset(b);
	for (i = 0; i < n; i++)
		ramet_buf_add_char(b, '[');
	ramet_buf_add_str(b, "\"\\\"[[{\"");
	for (i = 0; i < n; i++)
		ramet_buf_add_char(b, ']');
	assert_int_equal(ramet_buf_status(b), 0);
	return b->ptr;
}

static void is_said(const char *type, const char *entry, const char *id)
{
	const char *const entries[] = { SAID("a", "\"role\":\"user\",\"content\":\"a\""), entry };
	struct ramet_session *s;
	const char *line;

	gg_write(entries, 2, 0);
	line = strchr(gg_text.ptr, '\n') + 1;
	assert_int_equal(!strncmp(line, "{\"type\":\"message\"", 17), *type == 'm');
	assert_int_equal(strstr(line, "\"entry\":\"") != NULL, *type == 't');
	s = gg_open();
	assert_int_equal(ramet_session_findings(s)->n, 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
	assert_non_null(strstr(gg_entry(s, id), "[[{"));
	assert_int_equal(ramet_tree_row(ramet_session_tree(s), 1)->type,
			 strstr(entry, "compaction") ? RAMET_ENTRY_COMPACTION :
						       RAMET_ENTRY_MESSAGE);
	ramet_session_close(s);
}

/* A record nested deeper than Go's decoder goes is no record, and never written. */
static void encode__carries_as_a_text_what_is_too_deep(void **state)
{
	struct ramet_buf list = RAMET_BUF_INIT(TEXT_MAX), entry = RAMET_BUF_INIT(TEXT_MAX);
	uint32_t n;

	(void)state;
	/* two more are around it; a pair is around an entry, too */
	for (n = RAMETI_GG_DEPTH_MAX - 3; n < RAMETI_GG_DEPTH_MAX + 2; n++) {
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, DEEP("u1"), nested(&list, n));
		is_said(n <= RAMETI_GG_DEPTH_MAX - 2 ? "message" : "text", entry.ptr, "u1");
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, "{\"type\":\"message\",\"id\":\"u2\",\"message\":{"
			       "\"role\":5,\"x\":%s}}", list.ptr);
		is_said(n <= RAMETI_GG_DEPTH_MAX - 3 ? "entry" : "text", entry.ptr, "u2");
	}
	ramet_buf_reset(&entry);
	ramet_buf_addf(&entry, "{\"type\":\"compaction\",\"id\":\"c1\",\"summary\":\"s\","
		       "\"firstKeptEntryId\":\"c1\",\"tokensBefore\":1,"
		       "\"systemMessage\":{\"x\":%s}}",
		       list.ptr);
	is_said("text", entry.ptr, "c1");
	ramet_buf_release(&list);
	ramet_buf_release(&entry);
}

static void record__nested_too_deep_is_none(void **state)
{
	struct ramet_buf list = RAMET_BUF_INIT(TEXT_MAX), lines = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_session *s;
	uint32_t n;

	(void)state;
	for (n = RAMETI_GG_DEPTH_MAX - 2; n < RAMETI_GG_DEPTH_MAX; n++) {
		ramet_buf_reset(&lines);
		ramet_buf_add_str(&lines, "{\"type\":\"message\",\"message\":{\"id\":\"u\","
					  "\"role\":\"user\",\"content\":[],\"x\":");
		ramet_buf_add_str(&lines, nested(&list, n));
		ramet_buf_add_str(&lines, "}}\n{\"type\":\"cost\"}\n");
		ramet_buf_reset(&gg_text);
		ramet_buf_add(&gg_text, ramet_buf_bytes(&lines));
		s = gg_open();
		has_finding(s, "malformed", n > RAMETI_GG_DEPTH_MAX - 2);
		ramet_session_close(s);
	}
	ramet_buf_release(&list);
	ramet_buf_release(&lines);
}

static void carried__text_that_is_no_entry_is_shown_as_it_is(void **state)
{
	static const char *const texts[] = { "", "x", "{", "[]", "{}", "{\\\"type\\\":7}" };
	struct ramet_buf scratch = RAMET_BUF_INIT(4096);
	struct ramet_session *s;
	struct ramet_bytes json;
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)snprintf(line, sizeof(line), "{\"type\":\"ramet.entry\",\"entry\":\"%s\"}\n",
			       texts[i]);
		ramet_buf_reset(&gg_text);
		ramet_buf_add_str(&gg_text, line);
		s = gg_open();
		assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
		assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, NULL),
				 0);
		assert_non_null(strstr(json.ptr, "\"ramet.raw\""));
		ramet_session_close(s);
	}
	ramet_buf_release(&scratch);
}

/* ---- memory ---- */

static void memory__may_run_out_anywhere(void **state)
{
	struct ramet_buf list = RAMET_BUF_INIT(TEXT_MAX), entry = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_open_opts opts = { .format = "ggcode", .threads = 1 };
	struct ramet_bytes none = { NULL, 0 }, json;
	unsigned n, reached = 1;
	int r;

	(void)state;
	ramet_buf_addf(&entry, DEEP("u1"), nested(&list, RAMETI_GG_DEPTH_MAX));
	ramet_buf_release(&gg_text);
	for (n = 1; reached && n < 1000; n++) {
		struct ramet_session *s = NULL;
		struct rameti_encoder e;

		failing_memory_start(n);
		r = rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL);
		if (r >= 0)
			r = rameti_codec_ggcode.encode(&e, ramet_buf_bytes(&entry), &gg_text, NULL);
		rameti_encoder_release(&e);
		if (r >= 0)
			r = ramet_session_open_bytes(&s, ramet_buf_bytes(&gg_text), &opts, NULL);
		if (r >= 0)
			r = ramet_tree_entry(ramet_session_tree(s), 0, &out, &json, NULL);
		ramet_session_close(s);
		ramet_buf_release(&out);
		ramet_buf_release(&gg_text);
		reached = (unsigned)failing_memory_stop();
		assert_true(r >= 0 || r == RAMET_ENOMEM);
	}
	assert_true(n > 20 && n < 1000);
	ramet_buf_release(&list);
	ramet_buf_release(&entry);
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
		cmocka_unit_test(compaction__keeps_the_system_message),
		cmocka_unit_test(encode__carries_as_a_text_what_is_too_deep),
		cmocka_unit_test(record__nested_too_deep_is_none),
		cmocka_unit_test(carried__text_that_is_no_entry_is_shown_as_it_is),
		cmocka_unit_test(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

/*
 * test_pi_write.c - the exact bytes of entries and headers as pi writes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "codec/codec.h"

#define ID "\"id\":\"0123abcd\""
#define PLACE ID ",\"parentId\":\"p0\",\"timestamp\":\"2026-01-02T03:04:05.006Z\""
#define TIME "\"2026-01-02T03:04:05.006Z\""

static struct rameti_draft draft(const char *type, const char *members)
{
	struct rameti_draft d = { .type = ramet_bytes_of(type),
				  .members = ramet_bytes_of(members),
				  .id = ramet_bytes_of("0123abcd"),
				  .parent = ramet_bytes_of("p0"),
				  .timestamp = ramet_bytes_of(TIME), { NULL, 0 } };

	return d;
}

static void check_draft(const struct rameti_draft *d, const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	(void)rameti_codec_pi.write_entry(d, &b, NULL);
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_string_equal(b.ptr, want);
	ramet_buf_release(&b);
}

static void check(const char *type, const char *members, const char *want)
{
	struct rameti_draft d = draft(type, members);

	check_draft(&d, want);
}

static void entry__begins_with_its_place(void **state)
{
	static const char *const types[] = {
		"message", "model_change",   "thinking_level_change", "usage",	      "compaction",
		"label",   "branch_summary", "context_edit",	      "session_info", "future_type",
		"customs", "custom_",
	};
	struct ramet_buf want = RAMET_BUF_INIT(1000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		ramet_buf_reset(&want);
		ramet_buf_addf(&want, "{\"type\":\"%s\"," PLACE ",\"a\":1,\"b\":{\"c\":[2]}}",
			       types[i]);
		check(types[i], "\"a\":1,\"b\":{\"c\":[2]}", want.ptr);
	}
	ramet_buf_release(&want);
}

static void entry__custom_ones_begin_with_their_own_members(void **state)
{
	(void)state;
	check("custom", "\"customType\":\"x\",\"data\":null",
	      "{\"type\":\"custom\",\"customType\":\"x\",\"data\":null," PLACE "}");
	check("custom_message", "\"customType\":\"x\",\"display\":true",
	      "{\"type\":\"custom_message\",\"customType\":\"x\",\"display\":true," PLACE "}");
}

static void entry__may_have_no_members_parent_or_time(void **state)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_draft d = draft("label", "");

	(void)state;
	check_draft(&d, "{\"type\":\"label\"," PLACE "}");
	d.parent = none;
	check_draft(&d, "{\"type\":\"label\"," ID ",\"parentId\":null,\"timestamp\":" TIME "}");
	d.timestamp = none;
	check_draft(&d, "{\"type\":\"label\"," ID ",\"parentId\":null}");
	d.type = ramet_bytes_of("custom");
	check_draft(&d, "{\"type\":\"custom\"," ID ",\"parentId\":null}");
	d.members = ramet_bytes_of("\"customType\":\"x\"");
	check_draft(&d, "{\"type\":\"custom\",\"customType\":\"x\"," ID ",\"parentId\":null}");
	d.parent = ramet_bytes_of("");                   /* an empty id is an id */
	check_draft(&d, "{\"type\":\"custom\",\"customType\":\"x\"," ID ",\"parentId\":\"\"}");
	d.timestamp = ramet_bytes_of("1764547218428");   /* raw: numbers stay numbers */
	check_draft(&d, "{\"type\":\"custom\",\"customType\":\"x\"," ID
			",\"parentId\":\"\",\"timestamp\":1764547218428}");
}

static void entry__escapes_texts_as_javascript_does(void **state)
{
	struct rameti_draft d = draft("t\"y\n", "\"a\":\"\\u0000 is kept\"");

	(void)state;
	d.id = (struct ramet_bytes){ "a\0b\\", 4 };
	d.parent = ramet_bytes_of("\xc3\xa9\x1f\xed\xa0\xbd\xe2\x80\xa8");
	check_draft(&d, "{\"type\":\"t\\\"y\\n\",\"id\":\"a\\u0000b\\\\\",\"parentId\":"
			"\"\xc3\xa9\\u001f\\ud83d\xe2\x80\xa8\",\"timestamp\":" TIME
			",\"a\":\"\\u0000 is kept\"}");
}

/* The message as the one member, and as the value of that member. */
static void entry__takes_a_message_by_itself(void **state)
{
	static const char members[] = "\"message\":{\"a\":1,\"role\":\"us\\u0065r\"}";
	struct rameti_draft d = draft("message", members);
	struct rameti_found as_members[RAMETI_SCAN_WANTS_MAX], alone[RAMETI_SCAN_WANTS_MAX];
	struct ramet_buf b = RAMET_BUF_INIT(1000), c = RAMET_BUF_INIT(1000);
	size_t n = rameti_codec_pi.n_wants;

	(void)state;
	ramet_buf_add_str(&b, "before\n");
	ramet_buf_add_str(&c, "before\n");
	d.role = (struct ramet_bytes){ d.members.ptr + 24, 11 };
	assert_int_equal(rameti_pi_write_entry(&d, &b, as_members), 1);
	d.members = ramet_bytes_of(members + 10);
	d.role = (struct ramet_bytes){ d.members.ptr + 14, 11 };
	assert_int_equal(rameti_pi_write_entry(&d, &c, alone), 1);
	assert_string_equal(b.ptr, "before\n{\"type\":\"message\"," PLACE
				   ",\"message\":{\"a\":1,\"role\":\"us\\u0065r\"}}");
	assert_string_equal(c.ptr, b.ptr);
	assert_memory_equal(alone, as_members, n * sizeof(*alone));
	ramet_buf_release(&b);
	ramet_buf_release(&c);
}

static void entry__is_appended_without_a_newline(void **state)
{
	struct rameti_draft d = draft("label", "");
	struct ramet_buf b = RAMET_BUF_INIT(1000), tight = RAMET_BUF_INIT(40);

	(void)state;
	ramet_buf_add_str(&b, "before\n");
	(void)rameti_pi_write_entry(&d, &b, NULL);
	assert_string_equal(b.ptr, "before\n{\"type\":\"label\"," PLACE "}");
	(void)rameti_pi_write_entry(&d, &tight, NULL);
	assert_int_equal(ramet_buf_status(&tight), RAMET_ELIMIT);
	ramet_buf_release(&b);
	ramet_buf_release(&tight);
}

static void check_header(const struct rameti_draft_header *h, const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	rameti_codec_pi.write_header(h, &b);
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_string_equal(b.ptr, want);
	ramet_buf_release(&b);
}

#define HEADER "{\"type\":\"session\",\"version\":3,\"id\":\"s-1\",\"timestamp\":"

static void header__has_the_members_it_is_given(void **state)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_draft_header h = { ramet_bytes_of("s-1"), none, none, 1767323045006 };

	(void)state;
	check_header(&h, HEADER TIME "}");
	h.cwd = ramet_bytes_of("/w \"x\"\t\xc3\xa9");
	check_header(&h, HEADER TIME ",\"cwd\":\"/w \\\"x\\\"\\t\xc3\xa9\"}");
	h.parent_session = ramet_bytes_of("/s/a.jsonl");
	check_header(&h, HEADER TIME ",\"cwd\":\"/w \\\"x\\\"\\t\xc3\xa9\","
			 "\"parentSession\":\"/s/a.jsonl\"}");
	h.cwd = none;
	check_header(&h, HEADER TIME ",\"parentSession\":\"/s/a.jsonl\"}");
	h.cwd = ramet_bytes_of("");                      /* pi's empty cwd is not a missing one */
	h.parent_session = none;
	h.time_ms = 0;
	check_header(&h, HEADER "\"1970-01-01T00:00:00.000Z\",\"cwd\":\"\"}");
}

/* ---- what is written is read ---- */

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json, (void)err;
	return RAMET_EINVAL;
}

static void entry__is_read_as_it_was_meant(void **state)
{
	struct rameti_draft d = draft("message", "\"message\":{\"role\":\"user\"}");
	struct rameti_draft_header h = { .id = ramet_bytes_of("s-1"), .time_ms = 5 };
	struct ramet_buf b = RAMET_BUF_INIT(10000);
	struct rameti_scanner *scanner;
	struct rameti_reader reader;
	struct rameti_batch batch;
	struct ramet_bytes text;
	uint32_t len, i;
	int end;

	(void)state;
	rameti_pi_write_header(&h, &b);
	ramet_buf_add_char(&b, '\n');
	d.id = (struct ramet_bytes){ "\0\"\xed\xa0\xbd", 5 };
	d.parent = (struct ramet_bytes){ NULL, 0 };
	(void)rameti_pi_write_entry(&d, &b, NULL);
	ramet_buf_add_char(&b, '\n');
	d.parent = d.id;
	d.id = ramet_bytes_of("next");
	d.type = ramet_bytes_of("custom");
	d.members = ramet_bytes_of("\"customType\":\"x\"");
	(void)rameti_pi_write_entry(&d, &b, NULL);
	ramet_buf_add_char(&b, '\n');
	assert_int_equal(rameti_scanner_new(&scanner, rameti_codec_pi.wants,
					    rameti_codec_pi.n_wants, 0, NULL), 0);
	rameti_batch_init(&batch);
	text = ramet_buf_bytes(&b);
	for (i = 0; i < 3; i++, text.ptr += len + 1, text.len -= len + 1)
		assert_int_equal(rameti_batch_line(&batch, &rameti_codec_pi, scanner, text,
						   (uint64_t)(text.ptr - b.ptr), &len, &end), 0);
	assert_int_equal(rameti_reader_init(&reader, &rameti_codec_pi, 1, no_entry, NULL, NULL), 0);
	assert_int_equal(rameti_reader_feed(&reader, &batch, NULL), 0);
	assert_int_equal(rameti_reader_finish(&reader, NULL), 0);
	assert_int_equal(reader.findings.n, 0);
	assert_true(reader.header.version == 3);
	assert_int_equal(ramet_tree_count(reader.tree), 2);
	assert_true(ramet_bytes_eq(ramet_tree_id(reader.tree, 0), d.parent));
	assert_int_equal(ramet_tree_row(reader.tree, 0)->type, RAMET_ENTRY_MESSAGE);
	assert_int_equal(ramet_tree_row(reader.tree, 0)->role, RAMET_ROLE_USER);
	assert_int_equal(ramet_tree_row(reader.tree, 1)->type, RAMET_ENTRY_CUSTOM);
	assert_int_equal(ramet_tree_row(reader.tree, 1)->parent, 0);
	assert_int_equal(ramet_tree_row(reader.tree, 1)->time_ms, 1767323045006);
	rameti_reader_release(&reader);
	rameti_batch_release(&batch);
	rameti_scanner_free(scanner);
	ramet_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry__begins_with_its_place),
		cmocka_unit_test(entry__custom_ones_begin_with_their_own_members),
		cmocka_unit_test(entry__may_have_no_members_parent_or_time),
		cmocka_unit_test(entry__escapes_texts_as_javascript_does),
		cmocka_unit_test(entry__takes_a_message_by_itself),
		cmocka_unit_test(entry__is_appended_without_a_newline),
		cmocka_unit_test(header__has_the_members_it_is_given),
		cmocka_unit_test(entry__is_read_as_it_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

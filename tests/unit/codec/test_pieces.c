/*
 * test_pieces.c - records that make any number of entries: rows and line numbers, ids that are made
 * or stored, what is noted, what is no record, and memory that runs out anywhere.
 *
 * The format here: {"n":COUNT} makes that many entries; "id" gives the first its id and the others
 * ID.1, ID.2, ...; {"name":TEXT} is noted; {"bad":...} is no record. An unfinished line does not
 * count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "codec/carry.h"
#include "codec/codec.h"
#include "failing.h"

#define TEXT_MAX (1u << 20)

static int begin(struct rameti_reader *r, struct ramet_bytes name, struct ramet_error *err)
{
	struct rameti_draft_header h = { .id = name, .time_ms = 0 };

	return rameti_reader_set_header(r, &h, err);
}

static int add_pieces(struct rameti_batch *b, const struct ramet_json *o)
{
	struct ramet_buf id = RAMET_BUF_INIT(4096);
	struct ramet_row row = { .type = RAMET_ENTRY_MESSAGE, .time_ms = 5 };
	int i, e = 0, n = (int)ramet_json_number(ramet_json_get(o, "n"));

	for (i = 0; !e && i < n; i++) {
		ramet_buf_reset(&id);
		ramet_json_text(ramet_json_get(o, "id"), &id);
		if (id.len && i)
			ramet_buf_addf(&id, ".%d", i);
		e = ramet_buf_status(&id) < 0 ? RAMET_ENOMEM :
						rameti_batch_piece(b, &row, ramet_buf_bytes(&id));
	}
	ramet_buf_release(&id);
	return e;
}

static int pieces(struct rameti_batch *b, struct ramet_bytes line, const struct rameti_found *found)
{
	const struct ramet_json *o;
	int e = ramet_json_parse(&b->doc, line, 0, NULL);

	(void)found;
	if (e < 0)
		return e == RAMET_ENOMEM ? e : 1;
	o = ramet_json_root(&b->doc);
	if (ramet_json_get(o, "bad") || !b->line_terminated)
		return 1;
	if (ramet_json_get(o, "name"))
		e = rameti_batch_note(b, line);
	return e < 0 ? e : add_pieces(b, o);
}

static int note(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err)
{
	struct rameti_draft_header h = { .id = { "renamed", 7 }, .time_ms = (int64_t)line.len };

	return rameti_reader_set_header(r, &h, err);
}

static void adjust(struct rameti_reader *r, struct ramet_bytes line, struct ramet_row *row)
{
	(void)r;
	(void)line;
	row->type = RAMET_ENTRY_CUSTOM;
}

static int entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		 struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err)
{
	(void)line;
	ramet_buf_reset(scratch);
	rameti_piece_begin(r, row, "message", scratch);
	ramet_buf_addf(scratch, ",\"piece\":%u}", rameti_reader_piece(r, row));
	*json = ramet_buf_bytes(scratch);
	return ramet_buf_status(scratch) < 0 ? rameti_fail_nomem(err) : 0;
}

static const struct rameti_want wants[] = { { -1, { "n", 1 } } };
static const struct rameti_codec codec = {
	.name = "counted", .wants = wants, .n_wants = 1, .begin = begin,
	.pieces = pieces,  .note = note,   .adjust = adjust, .entry = entry,
};

/* ---- a text and its reader ---- */

static struct rameti_reader r;
static struct ramet_buf text;

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json;
	return rameti_fail(err, RAMET_EIO, "nothing is read here");
}

static int scan_all(struct rameti_batch *b, struct rameti_scanner *scanner)
{
	struct ramet_bytes left = ramet_buf_bytes(&text);
	uint64_t offset = 0;
	uint32_t len;
	int terminated, e = 0;

	while (!e && left.len) {
		e = rameti_batch_line(b, &codec, scanner, left, offset, &len, &terminated);
		if (e < 0)
			break;
		len += (uint32_t)terminated;
		left.ptr += len;
		left.len -= len;
		offset += len;
	}
	return e;
}

static int read_again(struct ramet_error *err)
{
	struct rameti_scanner *scanner = NULL;
	struct rameti_batch batch;
	int e;

	rameti_batch_init(&batch);
	e = rameti_reader_init(&r, &codec, 7, no_entry, NULL, err);
	if (!e)
		e = begin(&r, ramet_bytes_of("first"), err);
	if (!e)
		e = rameti_scanner_new(&scanner, wants, 1, 0, err);
	if (!e)
		e = scan_all(&batch, scanner);
	if (!e)
		e = rameti_reader_make_room(&r, &batch, err);
	if (!e)
		e = rameti_reader_feed(&r, &batch, err);
	if (!e)
		e = rameti_reader_finish(&r, err);
	rameti_scanner_free(scanner);
	rameti_batch_release(&batch);
	return e;
}

static void reads(const char *quoted)
{
	ramet_buf_init(&text, TEXT_MAX);
	ramet_buf_add_str(&text, quoted);
	for (char *p = text.ptr; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	assert_int_equal(read_again(NULL), 0);
}

static void release(void)
{
	rameti_reader_release(&r);
	ramet_buf_release(&text);
}

/* "id@line<parent", with ? for an id that was made. */
static void is_tree(const char *want)
{
	struct ramet_buf got = RAMET_BUF_INIT(TEXT_MAX);
	uint32_t row;

	for (row = 0; row < ramet_tree_count(r.tree); row++) {
		struct ramet_bytes id = ramet_tree_id(r.tree, row);
		uint32_t parent = ramet_tree_row(r.tree, row)->parent;

		ramet_buf_addf(&got, "%s%.*s@%u<", row ? " " : "", id.len == 8 ? 1 : (int)id.len,
			       id.len == 8 ? "?" : id.ptr, (unsigned)rameti_tree_line(r.tree, row));
		assert_int_equal(parent, row ? row - 1 : RAMET_NONE);
		ramet_buf_addf(&got, "%d", (int)parent);
	}
	assert_string_equal(got.len ? got.ptr : "", want);
	ramet_buf_release(&got);
}

static void has_finding(const char *code, uint64_t line)
{
	uint32_t i;

	for (i = 0; i < r.findings.n; i++)
		if (!strcmp(r.findings.items[i].code, code) && r.findings.items[i].line == line)
			return;
	fail_msg("no finding %s in line %u", code, (unsigned)line);
}

/* ---- promises ---- */

static void pieces__hang_from_one_another_and_know_their_lines(void **state)
{
	(void)state;
	reads("{'n':2,'id':'a'}\n{'n':0}\n\n{'n':1}\n{'n':3,'id':'b'}\n{'n':1,'id':'c'}\n");
	is_tree("a@1<-1 a.1@1<0 ?@4<1 b@5<2 b.1@5<3 b.2@5<4 c@6<5");
	assert_int_equal(rameti_reader_piece(&r, 1), 1);
	assert_int_equal(rameti_reader_piece(&r, 2), 0);
	assert_int_equal(rameti_reader_piece(&r, 5), 2);
	release();
}

static void pieces__made_ids_are_all_different_and_the_same_again(void **state)
{
	char first[64][9];
	uint32_t i, j;

	(void)state;
	reads("{'n':40}\n{'n':24}\n");
	for (i = 0; i < 64; i++) {
		struct ramet_bytes id = ramet_tree_id(r.tree, i);

		assert_int_equal(id.len, 8);
		memcpy(first[i], id.ptr, 8);
		first[i][8] = '\0';
		for (j = 0; j < i; j++)
			assert_string_not_equal(first[i], first[j]);
	}
	release();
	reads("{'n':40}\n{'n':24}\n{'n':1}\n");
	for (i = 0; i < 64; i++)
		assert_true(ramet_bytes_is(ramet_tree_id(r.tree, i), first[i]));
	release();
}

static void pieces__told_twice_count_once(void **state)
{
	(void)state;
	reads("{'n':2,'id':'a'}\n{'n':2,'id':'a'}\n{'n':1,'id':'b'}\n");
	is_tree("a@1<-1 a.1@1<0 b@3<1");
	has_finding("duplicate-id", 2);
	release();
}

static void pieces__what_is_no_record_is_told_and_its_neighbours_stay(void **state)
{
	(void)state;
	reads("{'n':1,'id':'a'}\n{'bad':1,'n':2}\nno\n[1]\n{'n':1,'id':'b'}\n{'n':1,'id':'c'}");
	is_tree("a@1<-1 b@5<0");
	has_finding("malformed", 2);
	has_finding("malformed", 3);
	has_finding("malformed", 4);
	has_finding("torn-tail", 6);
	release();
}

static void pieces__noted_lines_make_the_header(void **state)
{
	(void)state;
	reads("{'n':1,'id':'a'}\n");
	assert_true(ramet_bytes_is(r.header.id, "first"));
	assert_int_equal(ramet_tree_row(r.tree, 0)->type, RAMET_ENTRY_MESSAGE);
	release();
	reads("{'n':1,'id':'a'}\n{'n':2,'name':'x'}\n{'n':1,'id':'b'}\n");
	assert_true(ramet_bytes_is(r.header.id, "renamed"));
	assert_int_equal(ramet_tree_row(r.tree, 0)->type, RAMET_ENTRY_MESSAGE);
	assert_int_equal(ramet_tree_row(r.tree, 1)->type, RAMET_ENTRY_CUSTOM);
	assert_int_equal(ramet_tree_row(r.tree, 2)->type, RAMET_ENTRY_CUSTOM);
	assert_int_equal(ramet_tree_row(r.tree, 3)->type, RAMET_ENTRY_MESSAGE);
	release();
}

static void pieces__nothing_is_a_session_too(void **state)
{
	(void)state;
	reads("");
	assert_int_equal(ramet_tree_count(r.tree), 0);
	assert_true(ramet_bytes_is(r.header.id, "first"));
	release();
}

static void pieces__are_handed_out_as_entries(void **state)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_bytes json, line = { "", 0 };

	(void)state;
	reads("{'n':2,'id':'a\\n'}\n");
	assert_int_equal(codec.entry(&r, 1, line, &scratch, &json, NULL), 0);
	assert_string_equal(scratch.ptr, "{\"type\":\"message\",\"id\":\"a\\n.1\",\"parentId\":"
					 "\"a\\n\",\"timestamp\":\"1970-01-01T00:00:00.005Z\","
					 "\"piece\":1}");
	ramet_buf_release(&scratch);
	release();
}

static void pieces__survive_every_failing_allocation(void **state)
{
	unsigned n;
	int e = RAMET_ENOMEM;

	(void)state;
	for (n = 1; e == RAMET_ENOMEM; n++) {
		struct ramet_error err = { 0 };

		failing_memory_start(n);
		ramet_buf_init(&text, TEXT_MAX);
		ramet_buf_add_str(&text, "{\"n\":2,\"id\":\"a\"}\n{\"name\":1,\"n\":3}\n"
					 "{\"bad\":1}\n{\"n\":1,\"id\":\"a\"}\n");
		e = ramet_buf_status(&text) < 0 ? RAMET_ENOMEM : read_again(&err);
		assert_true(e == 0 || e == RAMET_ENOMEM);
		release();
		if (!failing_memory_stop())
			break;
		assert_true(n < 500);
	}
	assert_int_equal(e, 0);
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces__hang_from_one_another_and_know_their_lines),
		cmocka_unit_test(pieces__made_ids_are_all_different_and_the_same_again),
		cmocka_unit_test(pieces__told_twice_count_once),
		cmocka_unit_test(pieces__what_is_no_record_is_told_and_its_neighbours_stay),
		cmocka_unit_test(pieces__noted_lines_make_the_header),
		cmocka_unit_test(pieces__nothing_is_a_session_too),
		cmocka_unit_test(pieces__are_handed_out_as_entries),
		cmocka_unit_test(pieces__survive_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

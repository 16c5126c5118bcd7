/*
 * test_reader_pieces.c - readers of formats whose records make any number of entries: what is
 * packed comes back, records that were just written, ids that were told before; and memory that
 * runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "codec/codec.h"
#include "damaged.h"
#include "failing.h"

#define TEXT_MAX (1u << 20)

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json;
	return rameti_fail(err, RAMET_EIO, "nothing is read here");
}

static int scan(const struct rameti_codec *codec, struct ramet_bytes text, uint64_t offset,
		struct rameti_batch *b)
{
	struct rameti_scanner *scanner = NULL;
	uint32_t len;
	int terminated, r = rameti_scanner_new(&scanner, codec->wants, codec->n_wants, 0, NULL);

	while (!r && text.len) {
		r = rameti_batch_line(b, codec, scanner, text, offset, &len, &terminated);
		if (r)
			break;
		len += (uint32_t)terminated;
		text.ptr += len;
		text.len -= len;
		offset += len;
	}
	rameti_scanner_free(scanner);
	return r;
}

/* A reader of the text; 0, or the error, and there is none. */
static int read_text(struct rameti_reader *r, const struct rameti_codec *codec,
		     struct ramet_bytes name, struct ramet_bytes text)
{
	struct rameti_batch b;
	int e = rameti_reader_init(r, codec, 7, no_entry, NULL, NULL);

	rameti_batch_init(&b);
	if (!e)
		e = codec->begin(r, name, NULL);
	if (!e)
		e = scan(codec, text, 0, &b);
	if (!e)
		e = rameti_reader_feed(r, &b, NULL);
	if (!e)
		e = rameti_reader_finish(r, NULL);
	rameti_batch_release(&b);
	if (e)
		rameti_reader_release(r);
	return e;
}

static const struct {
	const struct rameti_codec *codec;
	const char *name, *text;
} files[] = {
	{ &rameti_codec_ggcode, "20260801-100000-abcd",
	  "{'type':'meta','session_id':'s','title':'T','workspace':'/w','created_at':"
	  "'2026-08-01T10:00:00Z'}\n{'type':'message','message':{'id':'a','role':'user','content':"
	  "[{'type':'tool_result','tool_id':'1'},{'type':'text','text':'t'}]}}\n{'type':"
	  "'checkpoint','checkpoint_summary_msg_id':'S','checkpoint_last_msg_id':'a'}\n{'type':"
	  "'message','message':{'id':'S','role':'system','content':[{'type':'text','text':"
	  "'[Previous conversation summary]\\nx'}]}}\nbroken\n\n" },
	{ &rameti_codec_yoi, "01a01180-11e8-7201-80c0-ffee00000001",
	  "{'kind':'segment_start','ts':1000,'session_id':'s','system_prompt':'P','config':{},"
	  "'history':[{'kind':'message','role':'user','content':[]}]}\n{'kind':'user_input','ts':2,"
	  "'segments':[],'ramet':'{\\\"id\\\":\\\"own\\\"}'}\n{'kind':'turn_end','ts':3,"
	  "'turn_count':1}\n{'kind':'torn" },
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static void is_same(const struct rameti_reader *a, const struct rameti_reader *b)
{
	assert_memory_equal(a->state, b->state, sizeof(a->state));
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&a->kept), ramet_buf_bytes(&b->kept)));
	assert_true(ramet_bytes_eq(a->header.json, b->header.json));
	assert_true(ramet_bytes_eq(a->header.id, b->header.id));
	assert_true(ramet_bytes_eq(a->header.cwd, b->header.cwd));
	assert_true(a->header.created_ms == b->header.created_ms);
	assert_int_equal(a->n_lines, b->n_lines);
	assert_int_equal(a->prev, b->prev);
	assert_int_equal(a->findings.n, b->findings.n);
}

static struct ramet_tree *empty_tree(void)
{
	struct ramet_tree *t = NULL;

	assert_int_equal(rameti_tree_new(&t, 7, no_entry, NULL, NULL), 0);
	return t;
}

static void pack__comes_back_with_what_the_codec_knows(void **state)
{
	struct ramet_buf packed = RAMET_BUF_INIT(TEXT_MAX);
	struct rameti_reader a, b;
	struct ramet_tree *tree;
	unsigned n;
	int r, reached;
	size_t i;

	(void)state;
	for (i = 0; i < N_FILES; i++) {
		assert_int_equal(read_text(&a, files[i].codec, ramet_bytes_of(files[i].name),
					   ramet_bytes_of(damaged_quoted(files[i].text))), 0);
		assert_true(a.findings.n > 0);
		ramet_buf_reset(&packed);
		rameti_reader_pack(&a, &packed);
		for (n = 1, reached = 1; reached; n++) {
			tree = NULL;
			failing_memory_start(n);
			r = rameti_tree_new(&tree, 7, no_entry, NULL, NULL);
			if (!r)
				r = rameti_reader_unpack(&b, files[i].codec, tree,
							 ramet_buf_bytes(&packed), NULL);
			if (!r) {
				is_same(&a, &b);
				rameti_reader_release(&b);
			}
			reached = failing_memory_stop();
			assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		}
		for (n = 0; n < packed.len; n++) {
			struct ramet_bytes part = { packed.ptr, n };

			assert_true(rameti_reader_unpack(&b, files[i].codec, empty_tree(), part,
							 NULL) < 0);
		}
		rameti_reader_release(&a);
	}
	ramet_buf_release(&packed);
}

static void reading__survives_every_failing_allocation(void **state)
{
	struct rameti_reader r;
	unsigned n;
	int e, reached;
	size_t i;

	(void)state;
	for (i = 0; i < N_FILES; i++)
		for (n = 1, reached = 1; reached; n++) {
			failing_memory_start(n);
			e = read_text(&r, files[i].codec, ramet_bytes_of(files[i].name),
				      ramet_bytes_of(damaged_quoted(files[i].text)));
			if (!e)
				rameti_reader_release(&r);
			reached = failing_memory_stop();
			assert_int_equal(e, reached ? RAMET_ENOMEM : 0);
		}
}

/* ---- names of files ---- */

static void begin__takes_the_time_from_the_name(void **state)
{
	static const struct {
		const char *name;
		int has_time;
	} cases[] = {
		{ "20260801-100000-abcd", 1 }, { "20260801-100000_abcd", 0 },
		{ "20260801_100000-abcd", 0 }, { "2026x801-100000-abcd", 0 },
		{ "20260801-10/000-abcd", 0 }, { "20260801-10000", 0 },
		{ "20261301-100000-abcd", 0 }, { "", 0 },
	};
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_reader r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(&r, &rameti_codec_ggcode, ramet_bytes_of(cases[i].name),
					   none), 0);
		assert_true(ramet_bytes_is(r.header.id, cases[i].name));
		assert_int_equal(r.header.created_ms == INT64_C(1785578400000), cases[i].has_time);
		rameti_reader_release(&r);
	}
	assert_int_equal(read_text(&r, &rameti_codec_ggcode, none, none), 0);
	assert_int_equal(r.header.id.len, 0);
	rameti_reader_release(&r);
}

/* ---- records just written ---- */

static void made__is_what_reading_would_have_told(void **state)
{
	static const char *const ids[] = { "p", "p--1", "p--2" };
	struct ramet_bytes name = { "n", 1 }, none = { NULL, 0 };
	struct rameti_reader r;
	struct rameti_batch b;
	unsigned n;
	int e, reached = 1;
	uint32_t i;

	(void)state;
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		rameti_batch_init(&b);
		e = rameti_batch_made(&b, ramet_bytes_of("p"), 3, 10);
		if (!e)
			e = rameti_batch_made(&b, ramet_bytes_of("none"), 0, 20);
		if (!e)
			assert_int_equal(b.n, 3);
		rameti_batch_release(&b);
		reached = failing_memory_stop();
		assert_int_equal(e, reached ? RAMET_ENOMEM : 0);
	}
	assert_int_equal(read_text(&r, &rameti_codec_ggcode, name, none), 0);
	rameti_batch_init(&b);
	assert_int_equal(rameti_batch_made(&b, ramet_bytes_of("p"), 3, 10), 0);
	assert_int_equal(rameti_reader_make_room(&r, &b, NULL), 0);
	assert_int_equal(rameti_reader_feed(&r, &b, NULL), 0);
	assert_int_equal(ramet_tree_count(r.tree), 3);
	for (i = 0; i < 3; i++) {
		assert_true(ramet_bytes_is(ramet_tree_id(r.tree, i), ids[i]));
		assert_int_equal(ramet_tree_row(r.tree, i)->parent, i ? i - 1 : RAMET_NONE);
	}
	rameti_batch_release(&b);
	rameti_reader_release(&r);
}

/* ---- ids ---- */

#define SAID(id)                                                                                   \
	"{\"type\":\"message\",\"message\":{\"id\":\"" id "\",\"role\":\"user\",\"content\":[]}}\n"
#define UNNAMED "{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":[]}}\n"

static void id__told_twice_is_passed_over_unless_it_was_made(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(TEXT_MAX), made = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_bytes name = { "n", 1 };
	struct rameti_reader r;

	(void)state;
	assert_int_equal(read_text(&r, &rameti_codec_ggcode, name,
				   ramet_bytes_of(SAID("a") UNNAMED SAID("a") UNNAMED)), 0);
	assert_int_equal(ramet_tree_count(r.tree), 3);
	assert_int_equal(r.findings.n, 1);
	assert_string_equal(r.findings.items[0].code, "duplicate-id");
	ramet_buf_add(&made, ramet_tree_id(r.tree, 1));
	rameti_reader_release(&r);
	/* somebody's own id is one that the second entry would be given: that one gets another */
	ramet_buf_addf(&text, SAID("%s") UNNAMED UNNAMED, made.ptr);
	assert_int_equal(read_text(&r, &rameti_codec_ggcode, name, ramet_buf_bytes(&text)), 0);
	assert_int_equal(ramet_tree_count(r.tree), 3);
	assert_int_equal(r.findings.n, 0);
	assert_false(ramet_bytes_eq(ramet_tree_id(r.tree, 0), ramet_tree_id(r.tree, 1)));
	rameti_reader_release(&r);
	/* the second has a made id; who comes with it later as his own gets another */
	ramet_buf_reset(&text);
	ramet_buf_addf(&text, SAID("x") UNNAMED SAID("%s") SAID("%s"), made.ptr, made.ptr);
	assert_int_equal(read_text(&r, &rameti_codec_ggcode, name, ramet_buf_bytes(&text)), 0);
	assert_int_equal(ramet_tree_count(r.tree), 4);
	assert_int_equal(r.findings.n, 0);
	assert_true(ramet_bytes_eq(ramet_tree_id(r.tree, 1), ramet_buf_bytes(&made)));
	assert_false(ramet_bytes_eq(ramet_tree_id(r.tree, 2), ramet_tree_id(r.tree, 1)));
	rameti_reader_release(&r);
	ramet_buf_release(&text);
	ramet_buf_release(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pack__comes_back_with_what_the_codec_knows),
		cmocka_unit_test(reading__survives_every_failing_allocation),
		cmocka_unit_test(begin__takes_the_time_from_the_name),
		cmocka_unit_test(made__is_what_reading_would_have_told),
		cmocka_unit_test(id__told_twice_is_passed_over_unless_it_was_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_reader_pack.c - what a reader knows beside its tree, packed and unpacked: the same, and it
 * reads on as if nothing had been; what is cut or does not fit is refused as a whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "codec/codec.h"

#define TEXT_MAX (1u << 20)
#define HEAD_OF(version) "{'type':'session'" version ",'id':'s1','cwd':'/w'}\n"
#define LINE(id, parent) "{'type':'message','id':" id ",'parentId':" parent "}\n"

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json;
	return rameti_fail(err, RAMET_EIO, "nothing is read here");
}

static void feed(struct rameti_reader *r, const char *text, uint64_t offset)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	struct rameti_scanner *scanner = NULL;
	struct rameti_batch batch;
	struct ramet_bytes left;
	uint32_t len;
	int terminated;

	ramet_buf_add_str(&b, text);
	for (char *p = b.ptr; p && (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	rameti_batch_init(&batch);
	assert_int_equal(rameti_scanner_new(&scanner, r->codec->wants, r->codec->n_wants, 0, NULL),
			 0);
	for (left = ramet_buf_bytes(&b); left.len;) {
		assert_int_equal(rameti_batch_line(&batch, r->codec, scanner, left, offset, &len,
						   &terminated), 0);
		len += (uint32_t)terminated;
		left.ptr += len;
		left.len -= len;
		offset += len;
	}
	assert_int_equal(rameti_reader_feed(r, &batch, NULL), 0);
	assert_int_equal(rameti_reader_finish(r, NULL), 0);
	rameti_scanner_free(scanner);
	rameti_batch_release(&batch);
	ramet_buf_release(&b);
}

static void read_text(struct rameti_reader *r, const char *text)
{
	assert_int_equal(rameti_reader_init(r, &rameti_codec_pi, 7, no_entry, NULL, NULL), 0);
	feed(r, text, 0);
}

static void same_findings(const struct ramet_findings *a, const struct ramet_findings *b)
{
	uint32_t i;

	assert_int_equal(a->n, b->n);
	assert_int_equal(a->n_dropped, b->n_dropped);
	for (i = 0; i < a->n; i++) {
		assert_int_equal(a->items[i].severity, b->items[i].severity);
		assert_string_equal(a->items[i].code, b->items[i].code);
		assert_int_equal(a->items[i].line, b->items[i].line);
		assert_true(a->items[i].offset == b->items[i].offset);
		assert_true(ramet_bytes_eq(a->items[i].text, b->items[i].text));
		assert_int_equal(!a->items[i].id.ptr, !b->items[i].id.ptr);
		assert_true(ramet_bytes_eq(a->items[i].id, b->items[i].id));
	}
}

static void same(const struct rameti_reader *a, const struct rameti_reader *b)
{
	uint32_t i;

	assert_true(ramet_bytes_eq(ramet_buf_bytes(&a->header_raw),
				   ramet_buf_bytes(&b->header_raw)));
	assert_true(ramet_bytes_eq(a->header.json, b->header.json));
	assert_true(ramet_bytes_eq(a->header.id, b->header.id));
	assert_true(ramet_bytes_eq(a->header.cwd, b->header.cwd));
	assert_true(a->header.version == b->header.version);
	assert_int_equal(a->header.line, b->header.line);
	assert_int_equal(a->header.offset, b->header.offset);
	assert_int_equal(a->header.length, b->header.length);
	assert_int_equal(a->have_header, b->have_header);
	assert_int_equal(a->n_lines, b->n_lines);
	assert_int_equal(a->prev, b->prev);
	assert_int_equal(a->n_blank, b->n_blank);
	assert_int_equal(a->n_crlf, b->n_crlf);
	assert_int_equal(a->n_listed, b->n_listed);
	for (i = 0; i < a->n_listed; i++)
		assert_int_equal(a->listed[i], b->listed[i]);
	for (i = 0; rameti_tree_waiting(a->tree, i).ptr; i++)
		assert_true(ramet_bytes_eq(rameti_tree_waiting(a->tree, i),
					   rameti_tree_waiting(b->tree, i)));
	assert_null(rameti_tree_waiting(b->tree, i).ptr);
	same_findings(&a->findings, &b->findings);
}

static const char *const texts[] = {
	HEAD_OF(",'version':3"),
	HEAD_OF(",'version':3") LINE("'a'", "null") LINE("'b'", "'a'"),
	HEAD_OF("") "{'type':'message'}\n\n{'type':'x'}\n{'type':'session','id':'t'}\n7\n",
	"\n  \nno\n0\n" HEAD_OF(",'version':2") "{'a':1}{'b':2}\n\r\n" LINE("'a'", "'gone'")
		LINE("'b'", "'later'") LINE("'c'", "''") "[]\n{'torn",
	HEAD_OF(",'version':3,'parentSession':'/p','more':[1,2]") LINE("7", "null") "null\n\n\n",
};
#define N_TEXTS (sizeof(texts) / sizeof(*texts))

static void pack(const struct rameti_reader *r, struct ramet_buf *out)
{
	ramet_buf_init(out, TEXT_MAX);
	rameti_reader_pack(r, out);
	assert_int_equal(ramet_buf_status(out), 0);
}

static struct ramet_tree *empty_tree(void)
{
	struct ramet_tree *t = NULL;

	assert_int_equal(rameti_tree_new(&t, 7, no_entry, NULL, NULL), 0);
	return t;
}

static void reader_pack__comes_back(void **state)
{
	struct rameti_reader a, b;
	struct ramet_buf packed, more;
	size_t i;

	(void)state;
	for (i = 0; i < N_TEXTS; i++) {
		read_text(&a, texts[i]);
		pack(&a, &packed);
		assert_int_equal(rameti_reader_unpack(&b, &rameti_codec_pi, empty_tree(),
						      ramet_buf_bytes(&packed), NULL), 0);
		same(&a, &b);
		pack(&b, &more);
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&packed), ramet_buf_bytes(&more)));
		rameti_reader_release(&a);
		rameti_reader_release(&b);
		ramet_buf_release(&packed);
		ramet_buf_release(&more);
	}
}

/* What comes later is numbered, found and counted as if the reader were the old one. */
static void reader_pack__reads_on(void **state)
{
	static const char more[] = "\n\r\nbad\n" HEAD_OF("") "{'type':'message','id':3}\n{'torn";
	struct rameti_reader a, b;
	struct ramet_tree *tree;
	struct ramet_buf packed;
	struct ramet_bytes text;
	uint32_t n;
	size_t i;

	(void)state;
	for (i = 0; i + 1 < N_TEXTS; i++) {
		read_text(&a, texts[i]);
		pack(&a, &packed);
		/* the tree is not what this is about: both go on with an empty one */
		assert_int_equal(rameti_reader_unpack(&b, &rameti_codec_pi, empty_tree(),
						      ramet_buf_bytes(&packed), NULL), 0);
		tree = a.tree;
		a.tree = empty_tree();
		for (n = 0; (text = rameti_tree_waiting(tree, n)).ptr; n++)
			assert_int_equal(rameti_tree_add_waiting(a.tree, text, NULL), 0);
		rameti_tree_free(tree);
		a.prev = b.prev = RAMET_NONE;
		feed(&a, more, 5000);
		feed(&b, more, 5000);
		same(&a, &b);
		rameti_reader_release(&a);
		rameti_reader_release(&b);
		ramet_buf_release(&packed);
	}
}

static void reader_pack__refuses_what_is_cut_or_too_long(void **state)
{
	struct rameti_reader a, b;
	struct ramet_buf packed;
	struct ramet_error err;
	size_t i, len;
	int r;

	(void)state;
	for (i = 0; i < N_TEXTS; i++) {
		read_text(&a, texts[i]);
		pack(&a, &packed);
		ramet_buf_add_char(&packed, '\0');
		for (len = 0; len <= packed.len; len++) {
			struct ramet_bytes part = { packed.ptr, len };

			if (len == packed.len - 1)
				continue;
			r = rameti_reader_unpack(&b, &rameti_codec_pi, empty_tree(), part, &err);
			assert_true(r == RAMET_EFORMAT || r == RAMET_EJSON);     /* the header */
			assert_int_equal(err.code, r);
		}
		rameti_reader_release(&a);
		ramet_buf_release(&packed);
	}
}

/* Any byte changed: refused, or something else, but nothing runs off. */
static void reader_pack__survives_any_bytes(void **state)
{
	struct rameti_reader a, b;
	struct ramet_buf packed;
	size_t i, at;
	int r;

	(void)state;
	for (i = 0; i < N_TEXTS; i++) {
		read_text(&a, texts[i]);
		pack(&a, &packed);
		for (at = 0; at < packed.len * 8; at++) {
			packed.ptr[at / 8] ^= (char)(1 << at % 8);
			r = rameti_reader_unpack(&b, &rameti_codec_pi, empty_tree(),
						 ramet_buf_bytes(&packed), NULL);
			assert_true(r == 0 || r == RAMET_EFORMAT || r == RAMET_EJSON);
			if (r == 0)
				rameti_reader_release(&b);
			packed.ptr[at / 8] ^= (char)(1 << at % 8);
		}
		rameti_reader_release(&a);
		ramet_buf_release(&packed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_pack__comes_back),
		cmocka_unit_test(reader_pack__reads_on),
		cmocka_unit_test(reader_pack__refuses_what_is_cut_or_too_long),
		cmocka_unit_test(reader_pack__survives_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

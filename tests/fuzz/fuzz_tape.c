/*
 * fuzz_tape.c - texts of any bytes through the parser, the getters, the decoder and the editor.
 *
 * What must hold: it accepts what the slow twin accepts, nodes nest, decoded strings written again
 * decode to the same, and an edited object is still JSON with the new value in it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "json/index_priv.h"

#define ROOM ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_string(const struct ramet_json *v)
{
	struct ramet_buf text = RAMET_BUF_INIT(ROOM), raw = RAMET_BUF_INIT(ROOM),
			 again = RAMET_BUF_INIT(ROOM);

	ramet_json_text(v, &text);
	assert(rameti_json_raw_is(ramet_json_raw(v), ramet_buf_bytes(&text)));
	ramet_buf_add_json_string(&raw, ramet_buf_bytes(&text));
	assert(rameti_utf8_valid(ramet_buf_bytes(&raw)));
	rameti_json_decode(ramet_buf_bytes(&raw), &again);
	assert(ramet_bytes_eq(ramet_buf_bytes(&text), ramet_buf_bytes(&again)));
	ramet_buf_release(&text);
	ramet_buf_release(&raw);
	ramet_buf_release(&again);
}

static void check_number(const struct ramet_json *v)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(ROOM);
	struct ramet_json_writer w;
	double x = ramet_json_number(v);

	ramet_json_writer_init(&w, &b);
	ramet_json_add_double(&w, x);
	assert(ramet_json_parse(&doc, ramet_buf_bytes(&b), RAMET_JSON_STRICT, NULL) == 0);
	assert(x - x != 0 || ramet_json_number(ramet_json_root(&doc)) == x);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&b);
}

static void check_edit(struct ramet_bytes text, const struct ramet_json *object)
{
	const struct ramet_json_edit edits[] = { { { "a", 1 }, { "[0]", 3 } },
						 { { "id", 2 }, { NULL, 0 } } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(ROOM);

	assert(ramet_json_edit(&b, text, object, edits, 2, NULL) == 0);
	assert(ramet_json_parse(&doc, ramet_buf_bytes(&b), 0, NULL) == 0);
	if (object->ptr == text.ptr) {
		assert(ramet_bytes_is(ramet_json_raw(ramet_json_get(ramet_json_root(&doc), "a")),
				      "[0]"));
		assert(!ramet_json_get(ramet_json_root(&doc), "id"));
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&b);
}

static void check_nodes(const struct ramet_json_doc *doc, struct ramet_bytes text)
{
	uint32_t i, edits = 0;

	for (i = 0; i < doc->n_nodes; i++) {
		const struct ramet_json *v = &doc->nodes[i], *child;
		uint32_t n = 0, span = 1;

		assert(v->ptr >= text.ptr && v->ptr + v->len <= text.ptr + text.len && v->len);
		for (child = ramet_json_next(v, NULL); child;
		     child = ramet_json_next(v, child), n++)
			span += child->span;
		assert(span == v->span);
		assert(ramet_json_count(v) == (v->kind == RAMET_JSON_OBJECT ? n / 2 : n));
		if (v->kind == RAMET_JSON_STRING)
			check_string(v);
		if (v->kind == RAMET_JSON_NUMBER)
			check_number(v);
		if (v->kind == RAMET_JSON_OBJECT && edits++ < 8)
			check_edit(text, v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint64_t words[RAMETI_DEPTH_WORDS];
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes text = { (const char *)data, len };
	struct ramet_error err;
	uint32_t at;
	int trouble, r;

	if (!data)
		text.ptr = "";
	r = ramet_json_parse(&doc, text, 0, &err);
	trouble = (int)rameti_json_explain(text.ptr, (uint32_t)len, words, &at);
	assert((r == 0) == (trouble == RAMETI_TROUBLE_NONE));
	assert(r == 0 || err.offset == at);
	if (r == 0)
		check_nodes(&doc, text);
	r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, &err);
	assert((r == 0) == (!trouble && rameti_utf8_valid(text)));
	ramet_json_doc_release(&doc);
	return 0;
}

/*
 * Any bytes as a JSON text: the tape is well-formed, its spans lie inside the text, getters
 * answer on every node, what is written back parses again to the same shape, and edits change
 * what they name.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ramet/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int ok)
{
	if (!ok)
		abort();
}

static void check_nodes(const struct ramet_json_doc *doc, struct ramet_bytes text)
{
	uint32_t i;

	must(doc->n_nodes > 0 && doc->nodes[0].span == doc->n_nodes);
	for (i = 0; i < doc->n_nodes; i++) {
		const struct ramet_json *v = &doc->nodes[i];

		must(v->span >= 1 && v->span <= doc->n_nodes - i);
		must(v->ptr >= text.ptr && v->ptr + v->len <= text.ptr + text.len && v->len > 0);
		must(v->kind > RAMET_JSON_NONE && v->kind <= RAMET_JSON_OBJECT);
		(void)ramet_json_number(v);
		(void)ramet_json_truthy(v);
		must(ramet_json_get(v, "\x01 no such key") == NULL || v->kind == RAMET_JSON_OBJECT);
	}
}

/* Write the raw text again, made valid UTF-8: it parses to as many nodes. */
static void write_again(const struct ramet_json_doc *doc)
{
	struct ramet_buf out = RAMET_BUF_INIT(64u << 20);
	struct ramet_json_doc again = RAMET_JSON_DOC_INIT;

	ramet_buf_add_json_raw(&out, ramet_json_raw(ramet_json_root(doc)));
	if (ramet_buf_status(&out) == 0) {
		must(ramet_json_parse(&again, ramet_buf_bytes(&out), RAMET_JSON_STRICT, NULL) == 0);
		must(again.n_nodes == doc->n_nodes);
	}
	ramet_json_doc_release(&again);
	ramet_buf_release(&out);
}

static void edit(const struct ramet_json_doc *doc, struct ramet_bytes text)
{
	const struct ramet_json_edit edits[] = { { { "id", 2 }, { "[1]", 3 } },
						 { { "x", 1 }, { NULL, 0 } } };
	const struct ramet_json *root = ramet_json_root(doc);
	struct ramet_buf out = RAMET_BUF_INIT(64u << 20);
	struct ramet_json_doc changed = RAMET_JSON_DOC_INIT;

	if (ramet_json_edit(&out, text, root, edits, 2, NULL) == 0 && ramet_buf_status(&out) == 0) {
		must(ramet_json_parse(&changed, ramet_buf_bytes(&out), 0, NULL) == 0);
		must(ramet_json_count(ramet_json_get(ramet_json_root(&changed), "id")) == 1);
		must(ramet_json_get(ramet_json_root(&changed), "x") == NULL);
	}
	ramet_json_doc_release(&changed);
	ramet_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text = { (const char *)data, len };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf decoded = RAMET_BUF_INIT(64u << 20);
	uint32_t i;

	if (ramet_json_parse(&doc, text, 0, NULL) == 0) {
		check_nodes(&doc, text);
		write_again(&doc);
		if (ramet_json_kind(ramet_json_root(&doc)) == RAMET_JSON_OBJECT)
			edit(&doc, text);
		for (i = 0; i < doc.n_nodes; i++)
			ramet_json_text(&doc.nodes[i], &decoded);
		must(ramet_buf_status(&decoded) == 0);
	}
	ramet_buf_release(&decoded);
	ramet_json_doc_release(&doc);
	return 0;
}

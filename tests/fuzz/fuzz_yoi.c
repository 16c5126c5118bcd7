/*
 * Any bytes as a log of yoi's: reading, every entry, and each entry written again in two
 * generations; what is written must read back as the same entry, and be what the original reads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/yoi.h"
#include "ramet.h"

#define OUT_MAX (64u << 20)
#define ROWS_MAX 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct ramet_session *opened(struct ramet_bytes text)
{
	struct ramet_open_opts opts = { .format = "yoi" };
	struct ramet_session *s;

	return ramet_session_open_bytes(&s, text, &opts, NULL) < 0 ? NULL : s;
}

/* The entry's own members and its time, without where it stands. */
static void essence(struct ramet_bytes json, struct ramet_buf *out)
{
	static const struct ramet_json_edit edits[] = { { { "parentId", 8 }, { NULL, 0 } },
							{ { "id", 2 }, { NULL, 0 } } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf edited = RAMET_BUF_INIT(OUT_MAX), valid = edited;

	rameti_utf8_add(&valid, json);
	if (ramet_json_parse(&doc, ramet_buf_bytes(&valid), 0, NULL) ||
	    ramet_json_edit(&edited, ramet_buf_bytes(&valid), ramet_json_root(&doc), edits, 2,
			    NULL))
		abort();
	if (ramet_json_parse(&doc, ramet_buf_bytes(&edited), 0, NULL))
		abort();
	rameti_json_add_compact(out, ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	ramet_buf_release(&edited);
	ramet_buf_release(&valid);
}

static void check_readable(struct ramet_bytes left, int gen)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	char why[200];

	while (left.len) {
		struct ramet_bytes one = { left.ptr, rameti_scan_newline(left) };

		if (one.len == left.len)
			abort();
		left.ptr += one.len + 1;
		left.len -= one.len + 1;
		if (ramet_json_parse(&doc, one, RAMET_JSON_STRICT, NULL) ||
		    rameti_yoi_strict(ramet_json_root(&doc), gen, why, sizeof(why)))
			abort();
	}
	ramet_json_doc_release(&doc);
}

/* One entry as a file of its own, and back. */
static void there_and_back(struct ramet_bytes json, int gen)
{
	struct ramet_bytes none = { NULL, 0 }, again;
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX), want = out, got = out, scratch = out;
	struct rameti_encoder e;
	struct ramet_session *s;

	if (rameti_encoder_init(&e, &rameti_codec_yoi, NULL, none, NULL) < 0)
		return;
	e.dialect = gen;
	if (rameti_codec_yoi.encode(&e, json, &out, NULL) < 0)
		abort();
	rameti_encoder_release(&e);
	check_readable(ramet_buf_bytes(&out), gen);
	s = opened(ramet_buf_bytes(&out));
	if (!s || ramet_tree_count(ramet_session_tree(s)) != 1 ||
	    ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &again, NULL) < 0)
		abort();
	essence(json, &want);
	essence(again, &got);
	if (!ramet_bytes_eq(ramet_buf_bytes(&want), ramet_buf_bytes(&got)))
		abort();
	ramet_session_close(s);
	ramet_buf_release(&out);
	ramet_buf_release(&want);
	ramet_buf_release(&got);
	ramet_buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_session *s = opened((struct ramet_bytes){ (const char *)data, len });
	struct ramet_context *c;
	struct ramet_bytes json;
	uint32_t i, n;

	if (!s)
		return 0;
	n = ramet_tree_count(ramet_session_tree(s));
	for (i = 0; i < n && i < ROWS_MAX; i++) {
		if (ramet_tree_entry(ramet_session_tree(s), i, &scratch, &json, NULL) < 0)
			abort();
		there_and_back(json, RAMETI_YOI_G1);
		there_and_back(json, RAMETI_YOI_G2);
	}
	if (!ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), NULL))
		ramet_context_free(c);
	ramet_session_close(s);
	ramet_buf_release(&scratch);
	return 0;
}

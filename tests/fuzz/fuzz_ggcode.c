/*
 * Any bytes as a session file of ggcode: reading, every entry, the context; then each entry is
 * written again, and what was written must be read without a fault.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "ramet.h"

#define OUT_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct ramet_open_opts opts = { .format = "ggcode", .threads = 1 };

/* All entries as records, into out. */
static void write_again(const struct ramet_session *s, struct ramet_buf *out)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf scratch = RAMET_BUF_INIT(OUT_MAX);
	struct rameti_encoder e;
	struct ramet_bytes json;
	uint32_t i;

	if (rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL) < 0)
		abort();
	for (i = 0; i < ramet_tree_count(t); i++) {
		if (ramet_tree_entry(t, i, &scratch, &json, NULL) < 0)
			abort();
		if (rameti_codec_ggcode.encode(&e, json, out, NULL) < 0)
			abort();
	}
	rameti_encoder_release(&e);
	ramet_buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text = { (const char *)data, len };
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX), view = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_session *s, *again;
	struct ramet_context *c;
	const struct ramet_findings *f;
	uint32_t i;

	(void)ramet_codec_sniff(text);
	if (ramet_session_open_bytes(&s, text, &opts, NULL) < 0)
		return 0;
	if (!ramet_context_new(&c, ramet_session_tree(s), ramet_tree_leaf(ramet_session_tree(s)),
			       NULL)) {
		(void)ramet_context_write(c, &view, NULL);
		ramet_context_free(c);
	}
	write_again(s, &out);
	if (!ramet_session_open_bytes(&again, ramet_buf_bytes(&out), &opts, NULL)) {
		f = ramet_session_findings(again);
		for (i = 0; i < f->n; i++)
			if (ramet_bytes_is(ramet_bytes_of(f->items[i].code), "malformed"))
				abort();
		ramet_session_close(again);
	}
	ramet_session_close(s);
	ramet_buf_release(&out);
	ramet_buf_release(&view);
	return 0;
}

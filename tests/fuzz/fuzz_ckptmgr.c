/*
 * fuzz_ckptmgr.c - state files of the snapshot manager: whatever parses is written again as JSON
 * with the same sessions, and a session that went to entries and back stays what it is.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/ckptmgr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUF RAMET_BUF_INIT(64u << 20)

static void must(int so)
{
	if (!so)
		abort();
}

/* The entries of a session given as text; 0 when it is one. */
static int entries_of(struct ramet_bytes session, struct ramet_bytes id, struct ramet_buf *out,
		      size_t *rest)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_ckpt_session s;
	int r = ramet_json_parse(&doc, session, 0, NULL);

	must(!r);
	r = rameti_ckpt_view(ramet_json_root(&doc), id, &s, NULL);
	ramet_buf_reset(out);
	if (!r)
		r = rameti_ckpt_entries(&s, id, out, rest, NULL);
	ramet_json_doc_release(&doc);
	return r;
}

static void there_and_back(struct ramet_bytes session, struct ramet_bytes id)
{
	struct ramet_buf text = BUF, again = BUF, made = BUF, new_id = BUF;
	size_t rest = 0, rest_again = 0;

	if (entries_of(session, id, &text, &rest) < 0)
		goto out;
	/* what is odd in the file is put right once */
	must(!rameti_ckpt_new_session(ramet_buf_bytes(&text), 1, &new_id, &made, NULL));
	must(!entries_of(ramet_buf_bytes(&made), ramet_buf_bytes(&new_id), &text, &rest));
	ramet_buf_reset(&made);
	ramet_buf_reset(&new_id);
	must(!rameti_ckpt_new_session(ramet_buf_bytes(&text), 1, &new_id, &made, NULL));
	must(!entries_of(ramet_buf_bytes(&made), ramet_buf_bytes(&new_id), &again, &rest_again));
	must(text.len - rest == again.len - rest_again &&
	     !memcmp(text.ptr + rest, again.ptr + rest_again, text.len - rest));
out:
	ramet_buf_release(&text);
	ramet_buf_release(&again);
	ramet_buf_release(&made);
	ramet_buf_release(&new_id);
}

static void write_again(const struct rameti_ckpt *c)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf out = BUF;
	struct rameti_ckpt again = RAMETI_CKPT_INIT;
	uint32_t n = ramet_json_count(c->sessions);

	must(!rameti_ckpt_write(c, ramet_bytes_of("new"), ramet_bytes_of("{}"),
				ramet_bytes_of("b"), 7, &out, NULL));
	must(!rameti_ckpt_parse(&again, ramet_buf_bytes(&out), NULL));
	must(rameti_ckpt_get(again.sessions, ramet_bytes_of("new")) != NULL);
	must(ramet_json_count(again.sessions) >= (n ? n - 1 : 0));
	must(ramet_json_text_is(rameti_ckpt_get(again.counters, none), "") ||
	     rameti_ckpt_get(again.counters, ramet_bytes_of("b")) != NULL);
	rameti_ckpt_release(&again);
	ramet_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ramet_bytes text = { (const char *)data, size };
	struct rameti_ckpt c = RAMETI_CKPT_INIT;
	struct ramet_buf id = BUF;
	const struct ramet_json *key = NULL, *value;

	if (rameti_ckpt_parse(&c, text, NULL) == 0) {
		write_again(&c);
		if (ramet_json_kind(c.sessions) == RAMET_JSON_OBJECT)
			key = ramet_json_next(c.sessions, NULL);
		for (; key; key = ramet_json_next(c.sessions, value)) {
			value = ramet_json_next(c.sessions, key);
			ramet_buf_reset(&id);
			rameti_ckpt_decode(ramet_json_raw(key), &id);
			there_and_back(ramet_json_raw(value), ramet_buf_bytes(&id));
		}
	}
	rameti_ckpt_release(&c);
	ramet_buf_release(&id);
	return 0;
}

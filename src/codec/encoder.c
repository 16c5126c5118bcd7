/*
 * codec/encoder.c - what writes entries as records of another system: making one, letting it go.
 *
 * The records themselves are each codec's own; see struct rameti_codec. Works in memory only.
 */
#include "codec/codec.h"

#include <string.h>

#include "base/error.h"

int rameti_encoder_init(struct rameti_encoder *e, const struct rameti_codec *codec,
			const struct rameti_reader *r, struct ramet_bytes last,
			struct ramet_error *err)
{
	size_t i;

	memset(e, 0, sizeof(*e));
	e->codec = codec;
	e->reader = r;
	ramet_buf_init(&e->id, SIZE_MAX / 2);
	ramet_buf_init(&e->scratch, SIZE_MAX / 2);
	ramet_buf_init(&e->text, SIZE_MAX / 2);
	ramet_buf_init(&e->ids, SIZE_MAX / 2);
	ramet_buf_init(&e->front, SIZE_MAX / 2);
	for (i = 0; i < sizeof(e->work) / sizeof(e->work[0]); i++)
		ramet_buf_init(&e->work[i], SIZE_MAX / 2);
	rameti_map_init(&e->places, 0);
	ramet_buf_init(&e->entry_id, SIZE_MAX / 2);
	e->made = -1;
	if (r)
		ramet_buf_add(&e->id, r->header.id);
	if (ramet_buf_status(&e->id) < 0)
		return rameti_fail_nomem(err);
	return r && codec->resume ? codec->resume(e, r, last, err) : 0;
}

void rameti_encoder_release(struct rameti_encoder *e)
{
	size_t i;

	for (i = 0; i < sizeof(e->work) / sizeof(e->work[0]); i++)
		ramet_buf_release(&e->work[i]);
	ramet_buf_release(&e->id);
	ramet_buf_release(&e->scratch);
	ramet_buf_release(&e->text);
	ramet_buf_release(&e->ids);
	ramet_buf_release(&e->front);
	rameti_map_release(&e->places);
	ramet_buf_release(&e->entry_id);
	ramet_json_doc_release(&e->doc);
}

int rameti_encoder_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
			 struct rameti_apart *is)
{
	static const char start[] = "{\"type\":\"message\",";
	size_t from = out->len;
	int r = -1;

	if (entry.len < sizeof(start) || memcmp(entry.ptr, start, sizeof(start) - 1))
		return 0;
	memset(e->count, 0, sizeof(e->count));
	ramet_buf_reset(&e->text);
	ramet_buf_reset(&e->ids);
	e->made = -1;
	if (!ramet_buf_status(&e->id))
		r = e->codec->encode(e, entry, out, NULL);
	is->said = r;
	is->made = e->made;
	is->id = ramet_buf_bytes(&e->entry_id);
	if (r >= 0 && r != RAMETI_UNSAID && !ramet_buf_status(out))
		return 1;
	ramet_buf_truncate(out, from);
	return 0;
}

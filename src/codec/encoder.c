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
	memset(e, 0, sizeof(*e));
	e->codec = codec;
	e->reader = r;
	ramet_buf_init(&e->id, SIZE_MAX / 2);
	ramet_buf_init(&e->scratch, SIZE_MAX / 2);
	ramet_buf_init(&e->text, SIZE_MAX / 2);
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
	ramet_buf_release(&e->id);
	ramet_buf_release(&e->scratch);
	ramet_buf_release(&e->text);
	ramet_buf_release(&e->entry_id);
	ramet_json_doc_release(&e->doc);
}

/*
 * codec/pirust_priv.h - what reading and writing of pi_agent_rust's lines share.
 */
#ifndef RAMETI_CODEC_PIRUST_PRIV_H
#define RAMETI_CODEC_PIRUST_PRIV_H

#include "codec/codec.h"
#include "codec/pi_priv.h"

/* customType of an entry that carries another one: data.entry is its text. */
#define RAMETI_PIRUST_ENTRY "ramet.entry"
/* Member of a message that had to be said otherwise: the text of the one that was meant. */
#define RAMETI_PIRUST_MESSAGE "ramet.message"

/* After pi's members: */
enum { RAMETI_PIRUST_CUSTOM_TYPE = RAMETI_PI_WANTS, RAMETI_PIRUST_WANTS };

/* What a member must be. Optional ones may be missing or null. */
enum rameti_pirust_kind {
	RAMETI_PIRUST_TEXT,
	RAMETI_PIRUST_I32,
	RAMETI_PIRUST_I64,
	RAMETI_PIRUST_U64,
	RAMETI_PIRUST_FLOAT,
	RAMETI_PIRUST_BOOL,
	RAMETI_PIRUST_ANY,
	RAMETI_PIRUST_BLOCKS,                    /* a list of blocks */
	RAMETI_PIRUST_CONTENT,                   /* a text or a list of blocks */
	RAMETI_PIRUST_USAGE,
	RAMETI_PIRUST_COST,
	RAMETI_PIRUST_STOP,
	RAMETI_PIRUST_MESSAGE_OBJECT
};
struct rameti_pirust_field {
	const char *key;
	uint8_t len, kind, optional;
};
#define RAMETI_PIRUST_FIELD(key, kind, optional) { key, sizeof(key) - 1, kind, optional }
/* Members of an object, in the order they are written; key NULL ends. */
struct rameti_pirust_shape {
	const char *name;
	struct rameti_pirust_field fields[12];
};
/* Is this the key of that field? */
int rameti_pirust_is_key(const struct ramet_json *key, const struct rameti_pirust_field *f);
/* Has the object what the shape asks for, each member once, so that the original reads it? */
int rameti_pirust_fits(const struct ramet_json *object, const struct rameti_pirust_field *fields);
/* The shape of this name, or NULL. */
const struct rameti_pirust_shape *rameti_pirust_shape(const struct rameti_pirust_shape *shapes,
						      size_t n, const struct ramet_json *name);
/* Does the original's JSON reader take all of the object (whole: but for those members): no
 * unpaired surrogate, no number beyond a double, no deep nesting? Valid UTF-8 is the caller's to
 * see. */
int rameti_pirust_tame(const struct ramet_json *entry, int whole);

/* A message that the original reads, in place of one that it does not; appended. 0; 1: there is
 * none, since its role has no place there. */
int rameti_pirust_fit_message(const struct ramet_json *message, struct ramet_buf *out);

int rameti_pirust_write_entry(const struct rameti_draft *d, struct ramet_buf *out,
			      struct rameti_found *found);
int rameti_pirust_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
			struct ramet_buf *scratch, struct ramet_buf *out);
void rameti_pirust_write_header(const struct rameti_draft_header *h, struct ramet_buf *out);

#endif

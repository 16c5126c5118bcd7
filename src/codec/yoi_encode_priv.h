/*
 * codec/yoi_encode_priv.h - an entry on its way to yoi's records.
 */
#ifndef RAMETI_CODEC_YOI_ENCODE_PRIV_H
#define RAMETI_CODEC_YOI_ENCODE_PRIV_H

#include <string.h>

#include "codec/yoi_priv.h"

/* count[RAMETI_YOI_FLAGS] of the encoder, and how many items the history has. */
enum { RAMETI_YOI_FLAGS, RAMETI_YOI_ITEMS };
#define RAMETI_YOI_HAS_ITEMS 1u
#define RAMETI_YOI_HAS_PROMPT 2u

/* One entry on its way. */
struct rameti_yoi_work {
	struct rameti_encoder *e;
	const struct ramet_json *entry;
	struct ramet_buf *out; /* records, each with a newline */
	uint64_t ts;
	int gen, floats;
	uint32_t n; /* records so far */
	int unsaid; /* this one cannot be one of yoi's records */
	int sure; /* the original reads them: all that the entry gave to them are texts */
};

/* A record: its kind and time, members, its end. */
void rameti_yoi_put_begin(struct rameti_yoi_work *w, const char *kind);
void rameti_yoi_put_end(struct rameti_yoi_work *w);
static inline void rameti_yoi_put_raw(struct rameti_yoi_work *w, const char *text)
{
	ramet_buf_add(w->out, (struct ramet_bytes){ text, strlen(text) });
}
void rameti_yoi_put_key(struct rameti_yoi_work *w, const char *key, const struct ramet_json *v);
/* A start without history. prompt NULL: none. config NULL: the last one, or all unset. */
void rameti_yoi_put_start(struct rameti_yoi_work *w, const struct ramet_bytes *prompt,
			  const struct ramet_json *config, const struct ramet_json *start);
/* The records of a message entry; of any entry: none for what yoi has no record for. */
void rameti_yoi_put_message(struct rameti_yoi_work *w);
void rameti_yoi_put_records(struct rameti_yoi_work *w);
int rameti_yoi_is_one_of(const struct ramet_json *v, const char *const *names);

#endif

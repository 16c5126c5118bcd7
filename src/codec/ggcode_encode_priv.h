/*
 * codec/ggcode_encode_priv.h - an entry on its way to ggcode's records.
 */
#ifndef RAMETI_CODEC_GGCODE_ENCODE_PRIV_H
#define RAMETI_CODEC_GGCODE_ENCODE_PRIV_H

#include "codec/ggcode_priv.h"

/* Members that every entry is asked for. */
enum rameti_gg_common {
	RAMETI_GG_HAS_TYPE,
	RAMETI_GG_HAS_ID,
	RAMETI_GG_HAS_TIMESTAMP,
	RAMETI_GG_HAS_MESSAGE,
	RAMETI_GG_N_COMMON
};

struct rameti_gg_job {
	struct rameti_encoder *e;
	const struct ramet_json *entry, *common[RAMETI_GG_N_COMMON];
	/* the entry's id, decoded; its time, quoted; its systemMessage, compact */
	struct ramet_buf *id, *work, *more, *time, *system;
	int64_t ms;
	int spoken; /* RAMETI_GG_SPOKEN: what is kept may begin here */
	int made; /* how many entries are found in what was written; -1: not known */
};

static inline const struct ramet_json *rameti_gg_job_get(const struct rameti_gg_job *j,
							 const char *key)
{
	return ramet_json_get(j->entry, key);
}

static inline struct ramet_bytes rameti_gg_text_in(const struct ramet_json *v, struct ramet_buf *to)
{
	ramet_buf_reset(to);
	ramet_json_text(v, to);
	return ramet_buf_bytes(to);
}

/* All answer enum rameti_said; out that fails is asked about by the caller. */
void rameti_gg_put_record(const struct rameti_gg_job *j, const struct rameti_gg_record *g,
			  struct ramet_buf *out);
/* A message record around j->work, which is as `told` says (enum rameti_gg_told). */
int rameti_gg_put_message(struct rameti_gg_job *j, int told, struct ramet_bytes id,
			  struct ramet_bytes entry, struct ramet_buf *out);
/* An entry that ggcode has no record for, as it is; too deep for its decoder: as a text. */
int rameti_gg_put_carried(struct rameti_gg_job *j, struct ramet_buf *out);
/* A message that sums up what was before, in j->work; out NULL: only there. */
void rameti_gg_put_summary(struct rameti_gg_job *j, struct ramet_bytes id,
			   const struct ramet_json *summary, struct ramet_buf *out);
int rameti_gg_put_compaction(struct rameti_gg_job *j, struct ramet_buf *out);

#endif

/*
 * codec/ggcode_priv.h - what the files of the ggcode codec share.
 */
#ifndef RAMETI_CODEC_GGCODE_PRIV_H
#define RAMETI_CODEC_GGCODE_PRIV_H

#include "codec/carry.h"
#include "codec/ggcode.h"

/* places of reader->state */
enum rameti_gg_state {
	/* the record noted last makes a compaction */
	RAMETI_GG_USABLE,
	/* hash of the summary's id that a checkpoint named, and a bit above it */
	RAMETI_GG_AWAITED,
	/* the finding about that is the n-th, from 1 */
	RAMETI_GG_ALARM
};
/* reader->kept: the line of the last meta record */

/* places of encoder->count */
enum rameti_gg_count {
	RAMETI_GG_TURN, /* of usage */
	RAMETI_GG_SEEN, /* bytes of the first lines it goes on behind that were looked at */
	RAMETI_GG_GAP /* 1: between the first and the last of those lines are others */
};
/* encoder->text, ids and places: the entries before, see ggcode_written.c; encoder->scratch: the
 * line of the last meta record, when there is one that the reader does not know */

#define RAMETI_GG_SUMMARY "ramet.summary"
#define RAMETI_GG_CONFIG "ramet.config"
#define RAMETI_GG_TUNNEL "ramet.tunnel_event"
#define RAMETI_GG_CARRIER "ramet.entry" /* type of a record that ggcode passes over */
/* What a compaction's own summary message is called: the compaction's id and this. */
#define RAMETI_GG_SUMMARY_END ".summary"
#define RAMETI_GG_API "ggcode"

/* The record that a piece comes from, by its type's name. */
enum rameti_gg_type {
	RAMETI_GG_OTHER,
	RAMETI_GG_MESSAGE,
	RAMETI_GG_META,
	RAMETI_GG_CHECKPOINT,
	RAMETI_GG_USAGE,
	RAMETI_GG_TUNNEL_EVENT,
	RAMETI_GG_CARRIED, /* an entry of pi's is in it as it is */
	RAMETI_GG_CARRIED_TEXT /* as a text, since it is nested too deep; if it is one */
};
enum rameti_gg_type rameti_gg_type_of(const struct ramet_json *record);
/* What is carried; NULL: nothing. */
const struct ramet_json *rameti_gg_carried(const struct ramet_json *record);
/* What is carried as a text, parsed; NULL: it is no entry. ENOMEM. */
int rameti_gg_carried_text(const struct ramet_json *record, struct ramet_json_doc *doc,
			   struct ramet_buf *text, const struct ramet_json **entry,
			   struct ramet_error *err);

/* codec->pieces for a line that it recognises at a glance: 1 done, 0 look closer, ENOMEM. */
int rameti_gg_quick(struct rameti_batch *b, struct ramet_bytes line);

/* codec->entry for a line that it recognises at a glance, added to out: 1; 0: look closer, and out
 * may have something in it. */
int rameti_gg_glance(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		     struct ramet_buf *out);
int rameti_gg_entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		    struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err);
/* The message that an entry shows. with_rest: also members of it that ggcode does not know. meta:
 * the line of the last meta record. */
void rameti_gg_show_message(const struct rameti_gg_part *p, int with_rest, int64_t ms,
			    struct ramet_bytes meta, struct ramet_buf *out);
/* Its time, if it has one, and its brace. */
void rameti_gg_show_end(struct ramet_buf *out, int64_t ms);
/* What pi notes of an assistant's message and ggcode does not. calls: it calls a tool. */
void rameti_gg_show_made(struct ramet_buf *out, struct ramet_bytes meta, int calls);
/* ,"provider":...,"model":... of that record */
void rameti_gg_show_model(struct ramet_bytes meta, struct ramet_buf *out);
/* ,"key": and ,"key":value as it is, or nothing; a text: "" when it is missing */
void rameti_gg_add_key(struct ramet_buf *out, const char *key);
void rameti_gg_add_value(struct ramet_buf *out, const char *key, const struct ramet_json *v);
void rameti_gg_show_text(struct ramet_buf *out, const char *key, const struct ramet_json *v);
extern const char *const rameti_gg_message_keys[];

int rameti_gg_encode(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct ramet_error *err);
int rameti_gg_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		    struct rameti_apart *is);
void rameti_gg_join(struct rameti_encoder *e, const struct rameti_apart *is);
int rameti_gg_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
		    struct ramet_buf *scratch, struct ramet_buf *out);
/* What an entry that was written is. */
enum rameti_gg_written {
	RAMETI_GG_AS_MESSAGE = 1, /* one of ggcode's messages */
	RAMETI_GG_SPOKEN = 2, /* what a compaction keeps may begin with it */
	RAMETI_GG_UNKNOWN = 4, /* no entry: lines that the encoder does not know */
	RAMETI_GG_SAME_RECORD = 8 /* it stands in the record of the one before */
};
/* An entry was written under this id; what: of rameti_gg_written. */
void rameti_gg_log_id(struct rameti_encoder *e, struct ramet_bytes id, int what);
/* Is there an entry of this id? *before: the last message before it, or before the end; without
 * one, or when it is not known, ptr is NULL. */
int rameti_gg_find_id(struct rameti_encoder *e, struct ramet_bytes id, struct ramet_bytes *before);
/* What a compaction keeps begins with the entry `kept`. Empty: a checkpoint of this summary and
 * last message says so; else the id of the first message of it, as far as it is known. Valid until
 * the next entry is logged. */
struct ramet_bytes rameti_gg_unsaid_kept(struct rameti_encoder *e, struct ramet_bytes summary,
					 struct ramet_bytes last, struct ramet_bytes kept);
int rameti_gg_resume(struct rameti_encoder *e, const struct rameti_reader *r,
		     struct ramet_bytes last, struct ramet_error *err);
/* The meta record just written at out[from...) is the last one. */
void rameti_gg_keep_meta(struct rameti_encoder *e, const struct ramet_buf *out, size_t from);
int rameti_gg_start(struct rameti_encoder *e, const struct rameti_draft_header *h,
		    struct ramet_buf *out, struct ramet_error *err);
/* What rameti_gg_add_message did. */
enum rameti_gg_told {
	RAMETI_GG_TOLD_NOT = 0, /* it has no such form */
	RAMETI_GG_TOLD, /* whether the decoder takes it has to be looked at */
	RAMETI_GG_TOLD_PARTLY, /* so here; and members that it would take for others are left out */
	RAMETI_GG_TOLD_SURELY /* it does, and finds one entry in it */
};
/* Values with more nodes may be nested too deep for a record around them. */
#define RAMETI_GG_USUAL_SPAN (RAMETI_GG_DEPTH_MAX - 100)
/* "id":..., of a message; nothing when it is empty */
void rameti_gg_add_id(struct ramet_buf *out, struct ramet_bytes id);
/* A message of pi's as ggcode's, appended; enum rameti_gg_told. */
int rameti_gg_add_message(struct ramet_buf *out, const struct ramet_json *message,
			  struct ramet_bytes id, struct ramet_buf *scratch);
/* The same, told surely, of a whole entry that is known to be valid JSON, at a glance: 1 with its
 * id and time; 0: look closer, and something may stand in both buffers. */
int rameti_gg_tell(struct ramet_bytes entry, struct ramet_bytes *id, int64_t *ms,
		   struct ramet_buf *message, struct ramet_buf *rest);
/* Token counts of a usage object, as the one and the other have them. */
void rameti_gg_add_tokens(struct ramet_buf *out, const struct ramet_json *usage);
void rameti_gg_show_tokens(struct ramet_buf *out, const struct ramet_json *usage);
/* What a usage record tells of such an entry. time: quoted. */
void rameti_gg_add_usage(struct ramet_buf *out, const struct ramet_json *entry,
			 struct ramet_bytes time, uint64_t turn);
/* A whole number of up to 18 digits, which the original's 64 bits hold for sure; empty: 0, or it is
 * none. */
struct ramet_bytes rameti_gg_number(const struct ramet_json *v);
/* A member that is a count: whole, not negative. */
int64_t rameti_gg_count_of(const struct ramet_json *object, const char *key);
/* Other members of an object, each as ,"key":value; names: those left out, NULL at the end. */
void rameti_gg_add_others(struct ramet_buf *out, const struct ramet_json *object,
			  const char *const *names);
/* The record names this session; all else in it stays as it is. Memory that runs out is the
 * buffer's failure. */
void rameti_gg_own_record(struct ramet_buf *record, struct ramet_bytes id);

#endif

/*
 * codec/ggcode.h - records of ggcode's session files: reading their members as the original does,
 * and writing them to the byte. For the codec and for the layout (docs/format/ggcode.md).
 */
#ifndef RAMETI_CODEC_GGCODE_H
#define RAMETI_CODEC_GGCODE_H

#include "codec/codec.h"

/* ---- reading ---- */

#define RAMETI_GG_DEPTH_MAX 10000u /* containers in one another, the outermost too: Go's limit */
/* Is this value nested deeper? */
int rameti_gg_is_deeper(const struct ramet_json *v, uint32_t depth);
/* May the original's decoder take this value for a record: each member it knows of the right type,
 * times valid, nothing nested too deep? Keys count without regard to case. */
int rameti_gg_record_fits(const struct ramet_json *record);
/* The same of a line. Without memory to tell, out has failed. */
int rameti_gg_line_fits(struct ramet_bytes line, struct ramet_buf *out);
/* The same for an entry of index.json. */
int rameti_gg_index_fits(const struct ramet_json *entry);
/* A member as that decoder finds it: without regard to case, the last of several. NULL: none, or
 * null. */
const struct ramet_json *rameti_gg_get(const struct ramet_json *object, const char *key);
/* Is this a key of that name, without regard to case? */
int rameti_gg_key_is(const struct ramet_json *key, const char *name);

/* A time: seconds since 1970 UTC, and the zone it was written in. */
struct rameti_gg_time {
	int64_t seconds;
	uint32_t nanos;
	int32_t zone_minutes;
};
#define RAMETI_GG_ZERO_TIME INT64_C(-62135596800) /* its seconds */
/* RFC 3339 as Go reads it; 1 when it is one. */
int rameti_gg_time_parse(struct ramet_bytes text, struct rameti_gg_time *t);
/* The time of a member (not a time: zero), and in milliseconds: RAMET_TIME_NONE for zero. */
void rameti_gg_time_of(const struct ramet_json *v, struct rameti_gg_time *t);
int64_t rameti_gg_time_ms(const struct rameti_gg_time *t);
/* Quoted, as Go writes it: UTC, zeros at the end of the fraction dropped. RAMET_TIME_NONE: zero. */
void rameti_gg_add_time(struct ramet_buf *out, int64_t ms);

#define RAMETI_GG_SUMMARY_MARK "[Previous conversation summary]"

/* What one entry shows of a message: its blocks from first on. */
struct rameti_gg_part {
	const struct ramet_json *message, *content;
	const struct ramet_json *first; /* NULL: no block */
	uint32_t n;
	uint8_t type, role; /* of the row */
	uint8_t user, started;
	const struct ramet_json *next;
};
void rameti_gg_parts(struct rameti_gg_part *p, const struct ramet_json *message);
/* 1: the next one; 0: there is none. */
int rameti_gg_part_next(struct rameti_gg_part *p);
/* The text of a compaction summary in a message, marker and all; 0: it is no such message. */
int rameti_gg_summary(const struct ramet_json *message, struct ramet_buf *text);
/* Messages of a legacy checkpoint's list that are not its summary, one after the other. */
const struct ramet_json *rameti_gg_listed_next(const struct ramet_json *list,
					       const struct ramet_json *message);
const struct ramet_json *rameti_gg_listed_summary(const struct ramet_json *list);

/* ---- writing ---- */

/* A string as Go's encoder writes it, < > & as they are (html 0) or escaped. */
void rameti_gg_add_text(struct ramet_buf *out, struct ramet_bytes text, int html);
/* The decoded text of a JSON string in that form. */
void rameti_gg_add_string(struct ramet_buf *out, const struct ramet_json *v);

/* A record's members that are not filler: raw JSON, ptr NULL: left out; texts (of a meta record)
 * decoded, empty: left out. */
struct rameti_gg_record {
	const char *type;
	struct ramet_bytes title, preview, workspace, vendor, endpoint, model;
	struct ramet_bytes token_usage, created_at, updated_at; /* raw; ptr NULL: zero */
	struct ramet_bytes message, timestamp; /* raw */
	const char *payload_key; /* tunnel_event, cost, ... */
	struct ramet_bytes payload; /* raw */
	struct ramet_bytes permission_mode;
	struct ramet_bytes sidebar_visible, context_window, max_tokens; /* raw */
	struct ramet_bytes summary_id, last_id;
	struct ramet_bytes checkpoint_tokens, checkpoint_messages; /* raw */
	struct ramet_bytes first_kept; /* of a compaction of pi's: text, where last_id cannot say */
	struct ramet_bytes system_message; /* raw: of a compaction of pi's */
	struct ramet_bytes entry; /* raw: what is carried along */
	int tunnel_events_complete;
};
/* A line. dialect 1: as version 1.3.33 wrote it. */
void rameti_gg_add_record(struct ramet_buf *out, const struct rameti_gg_record *g,
			  struct ramet_bytes session_id, int dialect);

/* The fields of a session as its last meta record has them, from that line. Texts are in `texts`
 * (decoded), raw members point into the line. */
struct rameti_gg_meta {
	struct rameti_gg_record record;
	struct ramet_json_doc doc;
	struct ramet_buf texts;
};
int rameti_gg_meta_init(struct rameti_gg_meta *m, struct ramet_bytes line, struct ramet_error *err);
void rameti_gg_meta_release(struct rameti_gg_meta *m);

#endif

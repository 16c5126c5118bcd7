/*
 * codec/yoi.h - pieces that the readers and writers of yoi's records share.
 *
 * A *record* is the object of one line; hashed generations put hash and prev_hash before its own
 * members. Format: docs/format/yoi.md.
 */
#ifndef RAMETI_CODEC_YOI_H
#define RAMETI_CODEC_YOI_H

#include "codec/codec.h"

/* Oldest first; those from G0 to G1D are hashed. */
enum rameti_yoi_gen {
	RAMETI_YOI_NONE = 0,
	RAMETI_YOI_G0,
	RAMETI_YOI_G1, /* items tagged "type" */
	RAMETI_YOI_G1B, /* "kind"; without id and status */
	RAMETI_YOI_G1C, /* user_input has segments */
	RAMETI_YOI_G1D, /* an item a record */
	RAMETI_YOI_BRIDGE, /* session_start, no hash */
	RAMETI_YOI_G2, /* segment_start */
	RAMETI_YOI_G3 /* annotated_... */
};

enum rameti_yoi_kind {
	RAMETI_YOI_UNKNOWN = 0,
	RAMETI_YOI_SESSION_START,
	RAMETI_YOI_SEGMENT_START,
	RAMETI_YOI_USER_INPUT,
	RAMETI_YOI_ASSISTANT_ITEMS,
	RAMETI_YOI_TOOL_RESULTS,
	RAMETI_YOI_HOOK_ITEMS,
	RAMETI_YOI_SYSTEM_ITEMS,
	RAMETI_YOI_ASSISTANT_ITEM,
	RAMETI_YOI_TOOL_RESULT,
	RAMETI_YOI_SYSTEM_ITEM,
	RAMETI_YOI_INVOKE,
	RAMETI_YOI_TURN_END,
	RAMETI_YOI_RUN_COMPLETED,
	RAMETI_YOI_RUN_ERRORED,
	RAMETI_YOI_RUN_OUTCOME,
	RAMETI_YOI_ABANDONED,
	RAMETI_YOI_CONFIG_CHANGED,
	RAMETI_YOI_LLM_USAGE,
	RAMETI_YOI_EXTENSION,
	RAMETI_YOI_LOCKED,
	RAMETI_YOI_UNLOCKED,
	RAMETI_YOI_A_START, /* G3: annotated_... */
	RAMETI_YOI_A_USER_INPUT,
	RAMETI_YOI_A_ASSISTANT_ITEM,
	RAMETI_YOI_A_TOOL_RESULT,
	RAMETI_YOI_A_SYSTEM_ITEM,
	RAMETI_YOI_SEGMENTS_CHECKPOINT,
	RAMETI_YOI_RUN_CHECKPOINT
};
/* raw: the kind as it stands in the line, with its quotes. */
int rameti_yoi_kind_of(struct ramet_bytes raw);
static inline int rameti_yoi_is_start(int kind)
{
	return kind == RAMETI_YOI_SESSION_START || kind == RAMETI_YOI_SEGMENT_START ||
	       kind == RAMETI_YOI_A_START;
}

/* ---- text as the original prints it (yoi_text.c) ---- */

/* How floats look that need an exponent: 1e16 (its older library), 1e+16 (its newer one), or
 * written out, which both read and neither hashes differently. */
enum rameti_yoi_floats { RAMETI_YOI_FLOATS_OLD, RAMETI_YOI_FLOATS_NEW, RAMETI_YOI_FLOATS_PLAIN };
static inline int rameti_yoi_floats_of(int gen)
{
	return gen < RAMETI_YOI_BRIDGE ? RAMETI_YOI_FLOATS_PLAIN : RAMETI_YOI_FLOATS_NEW;
}
void rameti_yoi_add_double(struct ramet_buf *out, double x, int floats);
void rameti_yoi_add_float(struct ramet_buf *out, float x, int floats);
/* A text, or "" for another kind. A lone surrogate, which the original cannot have, becomes
 * U+FFFD. */
void rameti_yoi_add_text(struct ramet_buf *out, struct ramet_bytes text);
void rameti_yoi_add_string(struct ramet_buf *out, const struct ramet_json *v);
/* Any value, members sorted, numbers as the original has them. 1: it would not read it (too deep,
 * a number beyond the range), and what was appended is of no use; ENOMEM. */
#define RAMETI_YOI_DEPTH 120 /* the original stops at 128, lines count too */
int rameti_yoi_add_value(struct ramet_buf *out, const struct ramet_json *v, int floats);
/* A request's configuration: its six members, those that are missing null. */
void rameti_yoi_add_config(struct ramet_buf *out, const struct ramet_json *config, int floats);
/* An integer of 64 bits; 0: it is none. */
int rameti_yoi_u64(const struct ramet_json *v, uint64_t *n);
int rameti_yoi_i64(const struct ramet_json *v, int64_t *n);

/* ---- items (yoi_items.c) ---- */

enum rameti_yoi_item {
	RAMETI_YOI_ITEM_OTHER = 0,
	RAMETI_YOI_ITEM_USER,
	RAMETI_YOI_ITEM_ASSISTANT,
	RAMETI_YOI_ITEM_SYSTEM,
	RAMETI_YOI_ITEM_CALL,
	RAMETI_YOI_ITEM_RESULT,
	RAMETI_YOI_ITEM_REASONING
};
/* The item in an element of a list: G3 wraps it. */
const struct ramet_json *rameti_yoi_unwrap(const struct ramet_json *element);
int rameti_yoi_item_of(const struct ramet_json *item);
/* The same from its raw tag and role (len 0: missing). */
int rameti_yoi_item_named(struct ramet_bytes tag, struct ramet_bytes role);
/* Of an assistant: message, call or reasoning. */
static inline int rameti_yoi_is_assistant(int item)
{
	return item == RAMETI_YOI_ITEM_ASSISTANT || item == RAMETI_YOI_ITEM_CALL ||
	       item == RAMETI_YOI_ITEM_REASONING;
}
/* An item as this generation prints it; item of any generation. */
void rameti_yoi_add_item(struct ramet_buf *out, const struct ramet_json *item, int gen);
/* {"type"|"kind":"message","role":ROLE,"content":[one text]} */
void rameti_yoi_add_message(struct ramet_buf *out, const char *role, struct ramet_bytes text,
			    int gen);
/* The text that input segments, or a system item, are when replayed; appended. */
void rameti_yoi_join_segments(struct ramet_buf *text, const struct ramet_json *segments,
			      int hashed);
void rameti_yoi_system_text(struct ramet_buf *text, const struct ramet_json *item, int hashed);

/* ---- records as entries (yoi_pieces.c) ---- */

enum rameti_yoi_what {
	RAMETI_YOI_P_RAW = 0, /* a record without an equivalent */
	RAMETI_YOI_P_RAW_ITEM,
	RAMETI_YOI_P_START,
	RAMETI_YOI_P_PROMPT,
	RAMETI_YOI_P_ASSISTANT, /* a run of items */
	RAMETI_YOI_P_ITEM, /* any other item */
	RAMETI_YOI_P_INPUT, /* segments */
	RAMETI_YOI_P_NOTE, /* a system item */
	RAMETI_YOI_P_RECORD /* the record is the piece */
};
struct rameti_yoi_piece {
	int what, type, role;
	const struct ramet_json *item; /* the first */
	uint32_t n; /* of a run */
};
/* A record being walked. */
struct rameti_yoi_record {
	const struct ramet_json *object;
	int kind, hashed;
	int stage; /* private from here on */
	const struct ramet_json *list, *at;
};
/* object: any object with a kind. */
void rameti_yoi_record_init(struct rameti_yoi_record *rec, const struct ramet_json *object);
int rameti_yoi_record_next(struct rameti_yoi_record *rec, struct rameti_yoi_piece *piece);
/* Type and role of what a record with a single piece makes, item as rameti_yoi_item_of says. */
void rameti_yoi_single(int kind, int item, struct rameti_yoi_piece *piece);
/* The item of a record that has one, or NULL. */
const struct ramet_json *rameti_yoi_single_item(const struct rameti_yoi_record *rec);
/* The entry's own members, `"message":{...}` and so on. line: of the record. */
int rameti_yoi_add_members(struct ramet_buf *out, const struct rameti_yoi_record *rec,
			   const struct rameti_yoi_piece *piece, struct ramet_bytes line,
			   struct ramet_error *err);
/* What our own member "ramet" of a record holds: the entry it was made of, a header, nothing. */
#define RAMETI_YOI_OURS "ramet"
#define RAMETI_YOI_CARRIER "ramet.entry"

/* ---- chains (yoi_chain.c) ---- */

/* A line {"hash":"...","prev_hash":...,MEMBERS} as the original prints it. */
struct rameti_yoi_link {
	uint8_t hash[32], prev[32]; /* prev: zeros when null */
	int has_prev;
	struct ramet_bytes rest; /* MEMBERS}: hashed with a { before it */
};
/* 1 when line is one. */
int rameti_yoi_link_of(struct ramet_bytes line, struct rameti_yoi_link *link);
/* From any hashed line, whatever the order of its members: hash and prev; rest as it would be
 * printed is not known (len 0). 1 when it has a hash. */
int rameti_yoi_link_loose(const struct ramet_json *object, struct rameti_yoi_link *link);
int rameti_yoi_hash(const uint8_t prev[32], struct ramet_bytes json, uint8_t hash[32]);
/* A record as a line: hashed behind chain (which moves on) for hashed generations. */
int rameti_yoi_add_line(struct ramet_buf *out, struct ramet_bytes json, int gen, uint8_t chain[32],
			int *has_chain);
int rameti_yoi_unhex(struct ramet_bytes text, uint8_t out[32]); /* 1: 64 hex digits, any case */

/* Would the original of that generation read this record (parsed strictly)? 1: no, and why. */
int rameti_yoi_strict(const struct ramet_json *object, int gen, char *why, size_t why_len);
/* The same before it is hashed. */
int rameti_yoi_strict_record(const struct ramet_json *object, int gen, char *why, size_t why_len);

/* Which generation's record this is, as far as it tells; 0: any. */
int rameti_yoi_gen_of(const struct ramet_json *object);
int rameti_yoi_gen_join(int a, int b); /* of two hashed records: the file's */
/* Of a file, from its first bytes; 0: none of ours; ENOMEM. */
int rameti_yoi_sniff_gen(struct ramet_bytes head);

#endif

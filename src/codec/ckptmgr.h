/*
 * codec/ckptmgr.h - the state file of the snapshot manager: one JSON text with many sessions.
 *
 * In memory only. A state is never changed in place: a call makes a new text of it, in which every
 * value that was not changed stands byte for byte as before. docs/format/ckptmgr.md.
 */
#ifndef RAMETI_CODEC_CKPTMGR_H
#define RAMETI_CODEC_CKPTMGR_H

#include "ramet/json.h"

/* ---- json: as the original writes it ---- */

/* A string's bytes, also those that are not UTF-8; appended. */
void rameti_ckpt_decode(struct ramet_bytes raw, struct ramet_buf *out);
/* Bytes as a string: <, >, & and line separators escaped, what is not UTF-8 as it is. */
void rameti_ckpt_add_string(struct ramet_buf *out, struct ramet_bytes text);

enum rameti_ckpt_how {
	RAMETI_CKPT_OWN = 0, /* as the original writes it: keys sorted, each once */
	RAMETI_CKPT_KEEP = 1, /* tokens and their order as they are */
	RAMETI_CKPT_COMPACT = 2 /* OWN, in one line without blanks */
};
/* A value on a line that is indented depth steps; numbers as they are. ENOMEM. */
int rameti_ckpt_add_value(struct ramet_buf *out, const struct ramet_json *v, unsigned depth,
			  int how);

/* A member to be set; value.ptr NULL: removed. Values are finished texts. */
struct rameti_ckpt_edit {
	struct ramet_bytes key, value;
};
enum rameti_ckpt_members {
	RAMETI_CKPT_MAP, /* keys as they are; new ones where they belong among sorted ones */
	RAMETI_CKPT_RECORD /* keys without regard to case; new ones at the end */
};
/* An object (NULL or no object: an empty one) with edits applied; other members byte for byte. */
void rameti_ckpt_add_object(struct ramet_buf *out, const struct ramet_json *o, unsigned depth,
			    const struct rameti_ckpt_edit *edits, size_t n, int members);
/* A list (NULL or none: an empty one) with items, texts joined by the caller, at its end. */
void rameti_ckpt_add_list(struct ramet_buf *out, const struct ramet_json *list, unsigned depth,
			  struct ramet_bytes items);
/* A line end and its indentation. */
void rameti_ckpt_newline(struct ramet_buf *out, unsigned depth);

/* A member of a record, whatever its case; of several the last. */
const struct ramet_json *rameti_ckpt_member(const struct ramet_json *o, const char *name);
/* A member of a map by its decoded key; of several the last. */
const struct ramet_json *rameti_ckpt_get(const struct ramet_json *map, struct ramet_bytes key);

/* ---- states ---- */

#define RAMETI_CKPT_SESSION_DEPTH 2u             /* of a session's value */
#define RAMETI_CKPT_MEMBER_DEPTH 3u              /* of its members' values */
#define RAMETI_CKPT_MESSAGE_DEPTH 4u             /* of a message; of a checkpoint's list */
/* The checkpoint in which entries are carried that no message can say. */
#define RAMETI_CKPT_RAW "ramet.raw"

struct rameti_ckpt {
	struct ramet_json_doc doc;
	const struct ramet_json *root, *sessions, *counters; /* NULL: not there */
};
#define RAMETI_CKPT_INIT { RAMET_JSON_DOC_INIT, NULL, NULL, NULL }
/* text is borrowed while the state is used; empty: an empty state. EFORMAT for what is not a state,
 * with the offset if it is not JSON. */
int rameti_ckpt_parse(struct rameti_ckpt *c, struct ramet_bytes text, struct ramet_error *err);
void rameti_ckpt_release(struct rameti_ckpt *c);

/* A session; its parts are NULL where there is nothing. */
struct rameti_ckpt_session {
	const struct ramet_json *value;          /* NULL: not there yet */
	const struct ramet_json *created, *updated, *messages, *turns, *checkpoints, *files;
};
/* 1: there, 0: not; EFORMAT when it is not what a session is. */
int rameti_ckpt_find(const struct rameti_ckpt *c, struct ramet_bytes id,
		     struct rameti_ckpt_session *s, struct ramet_error *err);
/* The session that this value is; ENOMEM never, EFORMAT. id is for the message. */
int rameti_ckpt_view(const struct ramet_json *value, struct ramet_bytes id,
		     struct rameti_ckpt_session *s, struct ramet_error *err);
uint64_t rameti_ckpt_turns(const struct rameti_ckpt_session *s);
/* Nanoseconds since 1970 of a time, INT64_MIN without one. */
int64_t rameti_ckpt_time_ns(const struct ramet_json *v);
/* As the original writes it, in quotes. */
void rameti_ckpt_add_time(struct ramet_buf *out, int64_t ns);

/* What is to become of a session's members; ptr NULL: stays (of a new session: empty). */
struct rameti_ckpt_change {
	struct ramet_bytes messages, checkpoints, files, turns; /* finished texts */
	struct ramet_bytes more;                 /* `,\n"key": value` of others, of a new one */
	int64_t created_ns;                      /* of a new one */
	int64_t updated_ns;
};
/* The session's text after the change. */
void rameti_ckpt_add_session(struct ramet_buf *out, const struct rameti_ckpt_session *s,
			     struct ramet_bytes id, const struct rameti_ckpt_change *change);
/* The state with this session text (ptr NULL: removed); and with this counter, if it is not 0.
 * A session id.ptr NULL: none is changed. */
int rameti_ckpt_write(const struct rameti_ckpt *c, struct ramet_bytes id,
		      struct ramet_bytes session, struct ramet_bytes counter_of, uint64_t counter,
		      struct ramet_buf *out, struct ramet_error *err);

/* ---- messages ---- */

/* A message of a state as one of pi's, appended. calls: the last message before it that calls
 * tools, or NULL. Exact: what it says otherwise it has in its member "ramet.message" too.
 * ENOMEM. */
int rameti_ckpt_to_pi(const struct ramet_json *m, const struct ramet_json *calls,
		      struct ramet_buf *out);
/* A message of pi's as one of a state, in one line; appended. 1: it has no place there. ENOMEM. */
int rameti_ckpt_from_pi(const struct ramet_json *m, struct ramet_buf *out);

/* ---- entries ---- */

/* The lines of a session as pi's: a header, what the session is, its entries in a chain; appended.
 * *rest (may be NULL) says where what may grow begins. ENOMEM, EFORMAT. */
int rameti_ckpt_entries(const struct rameti_ckpt_session *s, struct ramet_bytes id,
			struct ramet_buf *out, size_t *rest, struct ramet_error *err);
/* What appending these lines (without a header) makes of a session; change's texts are in text.
 * Whatever is no message of the state is carried. EFORMAT, ENOMEM. */
int rameti_ckpt_append(const struct rameti_ckpt_session *s, struct ramet_bytes lines,
		       struct rameti_ckpt_change *change, struct ramet_buf text[4],
		       struct ramet_error *err);
/* A whole session of lines with a header: its text; its id appended to id. now_ns: for times that
 * are not told. */
int rameti_ckpt_new_session(struct ramet_bytes lines, int64_t now_ns, struct ramet_buf *id,
			    struct ramet_buf *out, struct ramet_error *err);
/* How an entry is said: enum rameti_said. */
int rameti_ckpt_says(struct ramet_bytes entry);

#endif

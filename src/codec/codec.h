/*
 * codec/codec.h - formats kept one JSON object a line: from lines to rows and back.
 *
 * Reading goes in two steps, so that many threads can do the first. *Facts*: each line alone
 * becomes a row or an oddity, gathered in a batch (rameti_batch_line). *Reading*: batches, in
 * file order, are fed to a reader, which finds the header, numbers lines, makes ids for old
 * versions, builds the tree and reports findings. Codecs work on bytes in memory only.
 */
#ifndef RAMETI_CODEC_CODEC_H
#define RAMETI_CODEC_CODEC_H

#include "base/map.h"
#include "json/scan.h"
#include "model/tree.h"
#include "ramet/codec.h"

/* What became of a line that is no entry. */
enum rameti_odd_kind {
	RAMETI_ODD_BLANK,
	RAMETI_ODD_HEADER, /* an object with type "session" */
	RAMETI_ODD_SCALAR, /* JSON, but not an object, and true to JavaScript */
	RAMETI_ODD_FALSY, /* null, false, 0, "" */
	RAMETI_ODD_BAD,
	RAMETI_ODD_GLUED, /* BAD: an object, then another one */
	RAMETI_ODD_TOO_LONG,
	RAMETI_ODD_BOM, /* not a line: a byte order mark at the start of the file */
	/* of formats with pieces: */
	RAMETI_ODD_NOTE, /* not a line: the header learns from the line that follows */
	RAMETI_ODD_SAME_LINE, /* not a line: the next row stands in the line of the row before */
	RAMETI_ODD_SILENT /* a record that makes no entry */
};
struct rameti_odd {
	uint8_t kind, trouble;                   /* trouble: enum rameti_line_trouble */
	uint8_t terminated, bad_utf8;
	uint32_t at_row;                         /* rows of the batch before it */
	uint32_t error_at;
	uint64_t line;                           /* in the batch, from 0 */
	uint64_t offset, length;                 /* in the file */
	size_t text_at, text_len;                /* a header's text in batch->text */
};

/* A kind of fault of a line that does become an entry. */
struct rameti_mark {
	const char *code;
	uint32_t row;
	uint8_t severity;
};

/* Lines of one stretch of the file, in order. */
struct rameti_batch {
	struct ramet_row *rows;                  /* facts only */
	uint32_t *id_len,
		*parent_len; /* decoded ids one after the other in text: id, parent, id, ... */
	uint32_t n, cap, cap_id, cap_parent;
	struct rameti_odd *odd;
	uint32_t n_odd, cap_odd;
	struct rameti_mark *marks;
	uint32_t n_marks, cap_marks;
	struct ramet_buf ids, text;
	uint64_t n_lines;
	uint8_t tail_open;                       /* the last line has no newline */
	uint8_t tail_is_row;
	/* of formats with pieces, for the line being looked at: */
	/* free for codec->pieces to use, and what scans texts inside of lines */
	struct ramet_json_doc doc;
	struct ramet_buf inside;
	struct rameti_scanner *scanner;
	struct ramet_row line_row;               /* offset, length, crc, flags of its rows */
	uint32_t line_first; /* its first row */
	uint8_t line_terminated;
};
void rameti_batch_init(struct rameti_batch *b);
void rameti_batch_reset(struct rameti_batch *b);     /* empty, keeps memory */
void rameti_batch_release(struct rameti_batch *b);

struct rameti_reader;

/* An entry to be written. Members of its own are given as the inside of a JSON object
 * ("a":1,"b":2), without white space; or as an object, which is then the one member `message`.
 * Times are raw JSON. */
struct rameti_draft {
	struct ramet_bytes type, members;
	struct ramet_bytes id, parent;           /* parent.ptr NULL: null */
	struct ramet_bytes timestamp;            /* empty: left out */
	/* of a message whose members are compact: where its role stands in members (raw), and that
	 * no member a reader looks for stands there twice; len 0: not known */
	struct ramet_bytes role;
	/* of an entry that is only carried: a text to be put into its members, at this place
	 * (ptr NULL: none); within_text: for a codec that carries entries as texts, and escaped
	 * for that */
	struct ramet_bytes insert;
	size_t insert_at;
	int within_text;
	/* the whole entry, parsed, whose members outside of the four above are `members`; NULL: not
	 * at hand. Codecs that say from_entry do without members when it is valid UTF-8 */
	const struct ramet_json *entry;
};
/* The header of a new session, in the current version. */
struct rameti_draft_header {
	struct ramet_bytes id, cwd, parent_session; /* cwd, parent_session.ptr NULL: left out */
	int64_t time_ms;
};

/* What writes entries as records of another system; made by rameti_encoder_init. Codecs keep in
 * it what the next record depends on. */
struct rameti_encoder {
	const struct rameti_codec *codec;
	const struct rameti_reader *reader;      /* of what it goes on behind; NULL: a new file */
	struct ramet_buf id;                     /* of the session, as its records name it */
	int dialect;                             /* the codec's own numbering; 0: its newest */
	int from_codec; /* entries are as a codec's `entry` gives them: valid JSON */
	/* hash of the last record, of those that have one */
	unsigned char chain[32];
	int has_chain;
	uint64_t count[4];                       /* the codec's own */
	/* How many entries the record encoded last makes: of ids ID, ID--1, ID--2 and so on, where
	 * entry_id is the first. Set by encode; -1: not known without reading it. */
	int made;
	struct ramet_buf entry_id;
	struct ramet_json_doc doc;
	struct ramet_buf scratch, text, ids;
	struct ramet_buf front; /* of the lines that `carry` makes; once the id is known */
	struct ramet_buf work[5];                /* of one entry, kept for the next one */
	struct rameti_map places; /* of ids, as far as they were looked for */
	size_t n_places;
};
/* An entry that was encoded apart from those before it. */
struct rameti_apart {
	int said, made;                          /* enum rameti_said; as the encoder's */
	uint64_t note;                           /* the codec's own */
	struct ramet_bytes id;                   /* the encoder's entry_id, borrowed from it */
};
/* How an entry was written. */
enum rameti_said {
	RAMETI_SAID = 0,                         /* in the format's own records */
	RAMETI_CARRIED, /* in a record that the format's own program passes over */
	RAMETI_UNSAID                            /* not at all */
};
/* What becomes of a last line without its end when one is appended. */
enum rameti_tail {
	RAMETI_TAIL_END = 0,                     /* it is ended, and stays as it is */
	RAMETI_TAIL_CUT, /* it does not count: cut away, kept aside */
	RAMETI_TAIL_REFUSE                       /* only repair may touch it */
};

/* A format. Those that have `pieces` are lines of records, each hanging from the one before: a
 * record makes any number of entries, which are handed out as pi's by `entry`. The others are
 * pi's own lines, or nearly so. */
struct rameti_codec {
	const char *name;
	int (*sniff)(struct ramet_bytes head); /* is this the start of such a file? */
	const struct rameti_want *wants;
	size_t n_wants;
	/* The entry in this scanned line of kind OBJECT: fills row's facts (not offset, length,
	 * crc), appends the decoded id and parent id to ids. 0 an entry, 1 a header. */
	int (*facts)(struct ramet_bytes line, const struct rameti_found *found,
		     struct ramet_row *row, struct ramet_buf *ids, uint32_t *id_len,
		     uint32_t *parent_len);
	/* A header's line: is it one (else RAMET_EFORMAT), and what does it say. */
	int (*header)(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err);
	/* The entry of row as the current version has it, from its stored line. */
	int (*entry)(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		     struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err);
	int from_entry;                          /* struct rameti_draft */
	/* Lines, without newline, exactly as the original program writes them. An entry's answers 1
	 * when found (n_wants of them) says what scanning the line would find. */
	int (*write_entry)(const struct rameti_draft *d, struct ramet_buf *out,
			   struct rameti_found *found);
	void (*write_header)(const struct rameti_draft_header *h, struct ramet_buf *out);

	/* ---- records of other systems ---- */

	int may_lack_time;                       /* a record without a time is a sound one */
	/* Before the first line: the header as far as the name of the file (without directory and
	 * extension; may be empty) tells it, by rameti_reader_set_header. */
	int (*begin)(struct rameti_reader *r, struct ramet_bytes name, struct ramet_error *err);
	/* The record in this valid object's line, from this line alone: rameti_batch_piece for each
	 * entry, in order; before them rameti_batch_note, if `note` has to see the line. 0; 1: not
	 * a record, as it stands (a torn tail, or malformed); ENOMEM. found as wants asks. */
	int (*pieces)(struct rameti_batch *b, struct ramet_bytes line,
		      const struct rameti_found *found);
	/* A noted line, in file order, before its entries are in the tree. EFORMAT, ENOMEM. */
	int (*note)(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err);
	/* A last word on an entry of a noted line before it is added; NULL: none. */
	void (*adjust)(struct rameti_reader *r, struct ramet_bytes line, struct ramet_row *row);

	/* Go on behind the last line of a file (without newline; ptr NULL: a file without
	 * records). */
	int (*resume)(struct rameti_encoder *e, const struct rameti_reader *r,
		      struct ramet_bytes last, struct ramet_error *err);
	/* The records that a new file starts with (whole lines); may be none. */
	int (*start)(struct rameti_encoder *e, const struct rameti_draft_header *h,
		     struct ramet_buf *out, struct ramet_error *err);
	/* An entry of the current version of pi as records (whole lines), appended to out. enum
	 * rameti_said, or an error. */
	int (*encode)(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		      struct ramet_error *err);
	/* An entry whose records are the same whatever stands before them, by an encoder of its
	 * own, which has the id and the dialect of the one that goes through all: 1; 0: it is
	 * none, or memory ran out, and nothing was added. join: that one learns of what was
	 * written. NULL: every entry in its turn. */
	int (*apart)(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct rameti_apart *is);
	void (*join)(struct rameti_encoder *e, const struct rameti_apart *is);
	int carries_text;                        /* `carry` makes a text of the entry */
	/* The line that carries this custom entry as it is; its members are compact and valid
	 * UTF-8. Nothing that is encoded later refers to it. NULL: by write_entry. */
	int (*carry)(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
		     struct ramet_buf *scratch, struct ramet_buf *out);
	/* enum rameti_tail of this file; NULL: END */
	int (*tail)(const struct rameti_reader *r);
};
extern const struct rameti_codec rameti_codec_pi;
extern const struct rameti_codec rameti_codec_ggcode;
extern const struct rameti_codec rameti_codec_yoi;
extern const struct rameti_codec rameti_codec_pirust;
int rameti_pi_write_entry(const struct rameti_draft *d, struct ramet_buf *out,
			  struct rameti_found *found);
void rameti_draft_add_members(const struct rameti_draft *d, struct ramet_buf *out);
void rameti_pi_write_header(const struct rameti_draft_header *h, struct ramet_buf *out);
const struct rameti_codec *rameti_codec_find(const char *name);
const struct rameti_codec *rameti_codec_sniffed(struct ramet_bytes head);

/* Scan one line of text (which starts there and may go on beyond it) into the batch; offset is
 * its place in the file. *len is the line's length without newline. One scanner a thread, made
 * with the codec's wants. ENOMEM. */
int rameti_batch_line(struct rameti_batch *b, const struct rameti_codec *codec,
		      struct rameti_scanner *scanner, struct ramet_bytes text, uint64_t offset,
		      uint32_t *len, int *terminated);
/* The same for a line that was just written, from what is known of it: an entry, in full, without
 * its newline. */
int rameti_batch_written(struct rameti_batch *b, const struct rameti_codec *codec,
			 struct ramet_bytes line, uint64_t offset,
			 const struct rameti_found *found);
/* A record that was just encoded, from what is known of it: it makes n entries, of ids ID, ID--1
 * and so on, of which nothing else is told. */
int rameti_batch_made(struct rameti_batch *b, struct ramet_bytes id, int n, uint64_t offset);
/* A line too long to look at. */
int rameti_batch_too_long(struct rameti_batch *b, uint64_t offset, uint64_t len, int terminated);
int rameti_batch_odd(struct rameti_batch *b, const struct rameti_odd *odd);
/* For codec->pieces: the present line makes this entry. Of row type, role, time_ms and flags (0)
 * count; id: empty for one that is made when it is read. */
int rameti_batch_piece(struct rameti_batch *b, const struct ramet_row *row, struct ramet_bytes id);
int rameti_batch_note(struct rameti_batch *b, struct ramet_bytes line);
/* A legal oddity of the next piece, by its code in docs/findings.md. */
int rameti_batch_mark(struct rameti_batch *b, const char *code, int severity);

/* ---- reading: batches to a tree ---- */

/* Positions in pi's list of parsed lines that are no row (version 1 counts by them). */
struct rameti_reader {
	const struct rameti_codec *codec;
	struct ramet_tree *tree;
	struct ramet_findings findings;
	struct ramet_header header;
	int have_header;
	struct ramet_buf header_text;            /* what header's bytes point into */
	struct ramet_buf header_raw;             /* its line as stored */
	uint64_t n_lines;                        /* lines fed so far */
	uint32_t *listed;                        /* at_row of each parsed line that is no row */
	uint32_t n_listed, cap_listed;
	uint32_t prev;                           /* version 1, pieces: the row before */
	int n_blank, n_crlf;                     /* reported once */
	/* of formats with pieces: */
	uint64_t state[4];                       /* the codec's own */
	struct ramet_buf noted;                  /* the line noted last */
	uint64_t noted_at;                       /* its offset */
	struct ramet_buf parent_id;              /* of the entry being added */
	/* of pirust: where its header says the session goes on; "": before the first entry */
	struct ramet_buf leaf_id;
	int has_leaf_id;
	struct ramet_buf kept;                   /* the codec's own; part of the index */
};
/* entry, user: as for rameti_tree_new. */
int rameti_reader_init(struct rameti_reader *r, const struct rameti_codec *codec, uint64_t seed,
		       ramet_entry_fn *entry, void *user, struct ramet_error *err);
void rameti_reader_release(struct rameti_reader *r);
/* EFORMAT when the first value is not a header. */
int rameti_reader_feed(struct rameti_reader *r, const struct rameti_batch *b,
		       struct ramet_error *err);
/* Room for all that a batch without oddities brings: feeding it cannot fail then. ENOMEM,
 * ELIMIT. */
int rameti_reader_make_room(struct rameti_reader *r, const struct rameti_batch *b,
			    struct ramet_error *err);
/* After the last batch: EFORMAT without a header; settles the tree. */
int rameti_reader_finish(struct rameti_reader *r, struct ramet_error *err);

/* The row to go on from after opening: the last one, unless the header names another. RAMET_NONE:
 * before the first. */
uint32_t rameti_reader_leaf(const struct rameti_reader *r);

/* All that a reader knows beside the arrays of its tree, appended to out; and a reader that
 * knows it again, for a tree that is taken over (also on failure). EFORMAT. */
void rameti_reader_pack(const struct rameti_reader *r, struct ramet_buf *out);
int rameti_reader_unpack(struct rameti_reader *r, const struct rameti_codec *codec,
			 struct ramet_tree *tree, struct ramet_bytes packed,
			 struct ramet_error *err);

/* For codec->begin and note: this is the header now. */
int rameti_reader_set_header(struct rameti_reader *r, const struct rameti_draft_header *h,
			     struct ramet_error *err);
/* For codec->entry: the how-manieth entry of its line a row is, from 0. */
uint32_t rameti_reader_piece(const struct rameti_reader *r, uint32_t row);

/* An encoder for a new file (reader NULL) or behind what a reader has read, whose last line is
 * `last`. */
int rameti_encoder_init(struct rameti_encoder *e, const struct rameti_codec *codec,
			const struct rameti_reader *r, struct ramet_bytes last,
			struct ramet_error *err);
void rameti_encoder_release(struct rameti_encoder *e);
/* What `apart` of a codec begins with: a message, as pi writes it, encoded; e's counts and texts
 * tell of it alone. 1; 0: something else, or it failed: nothing was added. */
int rameti_encoder_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
			 struct rameti_apart *is);

/* Version 1: the made id of a row, 8 hex digits and NUL. */
int rameti_made_id(const struct rameti_reader *r, uint32_t row, unsigned attempt, char out[9]);

#endif

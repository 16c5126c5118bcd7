/*
 * store/target.h - a new session of any format, made of entries and records.
 *
 * Its file appears when all of it is there; what has not ended leaves nothing behind.
 */
#ifndef RAMETI_STORE_TARGET_H
#define RAMETI_STORE_TARGET_H

#include "base/behind.h"
#include "codec/codec.h"
#include "json/scan.h"
#include "store/home.h"
#include "store/layout.h"

/* Where an entry is taken apart for a codec that has no encoder. */
struct rameti_target_work {
	struct ramet_json_doc doc;
	struct ramet_buf members, texts[3];
};

struct rameti_target {
	const struct rameti_codec *codec;
	const struct rameti_layout *layout;
	const struct rameti_home *home;          /* NULL: a file of its own */
	struct ramet_buf path;                   /* where it goes: a file, or that of the home */
	struct rameti_encoder encoder;
	struct rameti_scanner *scanner;
	struct rameti_batch batch;
	struct rameti_reader reader;             /* of what is written, when records make entries */
	struct rameti_newfile file;
	struct rameti_behind behind;             /* what writes it, while it grows */
	struct ramet_buf out;                    /* lines not written yet; all of them for a home */
	size_t counted;                          /* bytes of out whose rows are counted */
	size_t from;                             /* where in out the last thing told begins */
	struct rameti_target_work work;
	uint32_t rows;                           /* entries that reading it will find */
	uint64_t size;                           /* bytes */
	struct ramet_buf head, last; /* of lines of the format itself: the first ones, the last */
	int behind_line;                         /* last stands at the end */
	int sync, dry, as_stored, memory;
	int settled;                             /* nobody asks for rows any more */
};

struct rameti_target_opts {
	const char *format;
	/* a file that does not exist, a directory (one that does not exist ends in a slash),
	 * FILE of a home (with or without its scheme); NULL: where the format's own program
	 * keeps its sessions */
	const char *place;
	int sync;
	int dry;                                 /* count, write nothing */
	int memory; /* nothing is written: when it ends, out holds all of it */
	int in_dir; /* place is a directory, made if missing, but for a home */
	int as_stored; /* all that it starts with comes as lines of the format itself */
};
/* t need not be initialised. header: with an id that suits the format; line: the stored header of
 * this format to be used as it is (ptr NULL: none). ECONFLICT when the place is taken. */
int rameti_target_begin(struct rameti_target *t, const struct rameti_target_opts *opts,
			const struct rameti_draft_header *header, struct ramet_bytes line,
			struct ramet_error *err);
/* An entry as pi writes it. enum rameti_said. */
int rameti_target_entry(struct rameti_target *t, struct ramet_bytes entry, struct ramet_error *err);
/* The same of one that target_apart.c has written already: these lines. */
int rameti_target_apart(struct rameti_target *t, struct ramet_bytes entry, struct ramet_bytes lines,
			const struct rameti_apart *is, struct ramet_error *err);
/* Entries that are written apart, by another thread, as far as nothing before them matters. t has
 * begun. 1: they can be; 0: they cannot, or there is no memory for it. */
struct rameti_target_aside {
	const struct rameti_codec *codec;
	struct rameti_encoder encoder;
	struct rameti_target_work work;
};
int rameti_target_aside_init(struct rameti_target_aside *a, const struct rameti_target *t);
/* 1: the entry's lines are added to out. 0: it has to wait for its turn. */
int rameti_target_aside_entry(struct rameti_target_aside *a, struct ramet_bytes entry,
			      struct ramet_buf *out, struct rameti_apart *is);
void rameti_target_aside_release(struct rameti_target_aside *a);
/* Behind all entries (settled): a custom entry that only carries something, with members that are
 * compact and valid UTF-8. ms: its timestamp. */
int rameti_target_carry(struct rameti_target *t, const struct rameti_draft *d, int64_t ms,
			struct ramet_error *err);
/* Pi's entries all say what they hang from, near their start. */
int rameti_target_says_parent(struct ramet_bytes entry);
/* A line of this very format. */
int rameti_target_line(struct rameti_target *t, struct ramet_bytes line, struct ramet_error *err);
/* It is there; its path or URL is appended. */
int rameti_target_end(struct rameti_target *t, struct ramet_buf *path, struct ramet_error *err);
/* It failed: what was made for it alone goes. Then it is released. */
void rameti_target_give_up(struct rameti_target *t);
void rameti_target_release(struct rameti_target *t);
/* An entry through the writer of a codec without an encoder, added to out: enum rameti_said. */
int rameti_target_draft(const struct rameti_codec *codec, struct rameti_target_work *w,
			struct ramet_bytes entry, struct ramet_buf *out, struct ramet_error *err);
void rameti_target_work_init(struct rameti_target_work *w);
void rameti_target_work_release(struct rameti_target_work *w);
/* Its path, as the options and the format say. ECONFLICT when there is such a file. */
int rameti_target_find_path(struct rameti_target *t, const struct rameti_target_opts *opts,
			    const struct rameti_draft_header *h, struct ramet_error *err);

/* The name of a format, and what holds it; NULL home: files of codec's lines. EINVAL. */
int rameti_format_find(const char *name, const struct rameti_codec **codec,
		       const struct rameti_home **home, struct ramet_error *err);
/* Does an id suit a format? Else a new one is made by its layout. */
int rameti_format_takes_id(const char *format, struct ramet_bytes id);
int rameti_format_new_id(const char *format, struct ramet_buf *id, struct ramet_error *err);

#endif

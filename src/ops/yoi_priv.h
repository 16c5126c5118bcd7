/*
 * ops/yoi_priv.h - what yoi's own calls share: a log in memory, and the handle on one.
 */
#ifndef RAMETI_OPS_YOI_PRIV_H
#define RAMETI_OPS_YOI_PRIV_H

#include "base/file.h"
#include "codec/yoi.h"
#include "ramet/yoi.h"

#define RAMETI_YOI_PATH_MAX 65536u

/* A whole log. */
struct rameti_yoi_text {
	struct ramet_buf text;
	int gen; /* as it looks; 0: empty or not ours */
	size_t counted; /* bytes that count: not a bare torn tail */
};
int rameti_yoi_load(struct rameti_yoi_text *t, const char *path, int gen, struct ramet_error *err);
void rameti_yoi_unload(struct rameti_yoi_text *t);

/* Its records, one after the other. */
struct rameti_yoi_walk {
	struct ramet_bytes left; /* what was not looked at yet */
	struct ramet_bytes line; /* what is left of the present line */
	struct ramet_json_doc doc;
	int strict;
	/* the present one: */
	const struct ramet_json *object; /* NULL: no record */
	struct ramet_bytes raw;
	const char *text; /* where everything starts */
	uint64_t number; /* of the line, from 1 */
	int part; /* the how-manieth of its line, from 0 */
	struct ramet_error why; /* of no record */
};
void rameti_yoi_walk_init(struct rameti_yoi_walk *w, struct ramet_bytes text, int strict);
void rameti_yoi_walk_release(struct rameti_yoi_walk *w);
/* 1 one more, 0 the end, ENOMEM. Blank lines are passed over; a line that is no record comes once
 * for each stretch of it that is none (strict: once, as a whole). */
int rameti_yoi_walk_next(struct rameti_yoi_walk *w, struct ramet_error *err);

/* Where a log is. */
enum rameti_yoi_shape { RAMETI_YOI_FLAT, RAMETI_YOI_DIRECTORY, RAMETI_YOI_WORKER };

struct ramet_yoi_log {
	char *path, *dir;
	char session[RAMET_YOI_ID_SIZE], segment[RAMET_YOI_ID_SIZE];
	char head[RAMET_YOI_HASH_SIZE];
	int gen, shape;
	struct ramet_yoi_opts opts; /* without its texts */
	/* where it ended: */
	uint64_t size, n_records, turn_count;
	uint32_t last_len, last_crc; /* of the last line, with its newline */
	uint8_t chain[32];
	int has_chain;
};

/* Records as they are put together. */
uint64_t rameti_yoi_now(void);
void rameti_yoi_begin_record(struct ramet_buf *out, const char *kind, uint64_t ts);
void rameti_yoi_add_key(struct ramet_buf *out, const char *key, struct ramet_bytes text);
void rameti_yoi_add_usage(struct ramet_buf *out, const struct ramet_yoi_usage *u, uint64_t ts);

/* A start with a state behind it, to be the first lines of a file. */
struct rameti_yoi_origin {
	const char *key; /* forked_from, compacted_from; NULL: none */
	const char *id, *at_hash;
	uint64_t at_turn;
};
int rameti_yoi_add_start(struct ramet_buf *records, const struct ramet_yoi_log *log,
			 const struct ramet_yoi_start *start, const struct rameti_yoi_origin *from,
			 struct ramet_error *err);
int rameti_yoi_add_rest(struct ramet_buf *records, const struct ramet_yoi_state *state,
			struct ramet_error *err);

/* A new log: its names are chosen, its records written. like: whose session a segment belongs to,
 * or NULL. */
int rameti_yoi_log_new(struct ramet_yoi_log **out, const char *dir,
		       const struct ramet_yoi_log *like, const struct ramet_yoi_opts *opts,
		       struct ramet_error *err);
int rameti_yoi_log_store(struct ramet_yoi_log *log, struct ramet_bytes records,
			 struct ramet_error *err);
/* Records, each with a newline, behind the log. */
int rameti_yoi_log_append(struct ramet_yoi_log *log, struct ramet_bytes records,
			  struct ramet_error *err);
/* Lock the log; it is where the handle left it (follow: or the handle goes along): else
 * ECONFLICT. */
int rameti_yoi_log_lock(struct ramet_yoi_log *log, struct rameti_file *f, struct ramet_error *err);
void rameti_yoi_log_unlock(struct rameti_file *f);
/* What the text of its file says about where it ends. */
int rameti_yoi_log_note(struct ramet_yoi_log *log, const struct rameti_yoi_text *t,
			struct ramet_error *err);
/* Where the last line of a text begins, its newline counted in. */
size_t rameti_yoi_last_line(struct ramet_bytes text);
/* Records as lines behind the log; *end: the handle when they are written, told by
 * rameti_yoi_log_moved. */
int rameti_yoi_to_lines(const struct ramet_yoi_log *log, struct ramet_bytes records,
			struct ramet_yoi_log *end, struct ramet_buf *lines,
			struct ramet_error *err);
void rameti_yoi_log_moved(struct ramet_yoi_log *log, const struct ramet_yoi_log *end,
			  struct ramet_bytes lines);
/* Each of these records one that the original would read, and no empty line. */
int rameti_yoi_check_records(struct ramet_bytes records, int gen, struct ramet_error *err);

int rameti_yoi_is_id(const char *text);
/* The session id that a worker's directory says; "" when dir is none. */
int rameti_yoi_worker_session(const char *dir, char id[RAMET_YOI_ID_SIZE], int *is_worker,
			      struct ramet_error *err);

#endif

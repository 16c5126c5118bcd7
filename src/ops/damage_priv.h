/*
 * ops/damage_priv.h - what has to be done to a session file so that it reads without damage.
 */
#ifndef RAMETI_OPS_DAMAGE_PRIV_H
#define RAMETI_OPS_DAMAGE_PRIV_H

#include "base/file.h"
#include "codec/codec.h"
#include "ramet/ops.h"

enum rameti_header_state {
	RAMETI_HEADER_NONE,                      /* no value yet */
	RAMETI_HEADER_GOOD,
	RAMETI_HEADER_LATE                       /* an entry stands before any header */
};

/* Actions in file order, and what making a header needs to know. */
struct rameti_plan {
	struct ramet_repair_action *actions;
	uint32_t n, cap;
	uint32_t n_salvage;                      /* actions that are only done to salvage */
	uint64_t n_lost;                         /* bytes dropped */
	uint64_t size;                           /* of the file that was looked at */
	uint64_t n_records;                      /* that stay; of pi's, what only pi writes so */
	int tail_cut;                            /* its last line is cut off */
	struct ramet_buf header;                 /* a line to be put in front; empty: none */
	/* while it is made */
	const struct rameti_codec *codec;        /* with pieces: it says what is a record */
	struct rameti_batch batch;
	struct rameti_scanner *scanner;
	uint64_t line;
	int header_state, has_ids, has_hooks;
	int64_t first_ms;                        /* time of the first entry that has one */
};
/* Look at bytes [0, size) of a file of this format. path gives a made header its id, mtime_ms the
 * time when no entry does. plan is empty; release it after a failure too. */
int rameti_plan_make(struct rameti_plan *plan, const struct rameti_codec *codec,
		     const struct rameti_file *f, uint64_t size, size_t max_line,
		     struct ramet_error *err);
int rameti_plan_header(struct rameti_plan *plan, const char *path, int64_t mtime_ms,
		       struct ramet_error *err);
void rameti_plan_release(struct rameti_plan *plan);

/* ---- between damage.c and parts.c ---- */

int rameti_plan_add(struct rameti_plan *plan, int kind, const char *code, int salvage,
		    uint64_t offset, uint64_t length);
/* An object at this offset, in a line that has its end or not: *stays unless it is a header that
 * cannot be used, or no record of the format as it stands there. */
int rameti_plan_see(struct rameti_plan *plan, struct ramet_bytes object, uint64_t offset,
		    int terminated, int *stays);
/* Drop one that does not stay. */
int rameti_plan_reject(struct rameti_plan *plan, uint64_t offset, uint64_t length, int terminated);
/* A line that is no JSON value: keep the objects in it, each as a line, drop the rest. ENOMEM,
 * ELIMIT. */
int rameti_plan_part(struct rameti_plan *plan, struct ramet_bytes line, uint64_t offset,
		     int terminated);

#endif

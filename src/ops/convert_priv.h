/*
 * ops/convert_priv.h - what the files that convert sessions share.
 */
#ifndef RAMETI_OPS_CONVERT_PRIV_H
#define RAMETI_OPS_CONVERT_PRIV_H

#include "codec/carry.h"
#include "ramet/ops.h"
#include "store/birth.h"
#include "store/records.h"
#include "store/target.h"

/* A stored line of some format that the source carries: it stands for n entries of the source from
 * row `at` on. */
struct rameti_cover {
	uint32_t at, n, row;                     /* row: the entry that carries it */
	/* torn: no line of the format any more; stale: its numbers say nothing any more */
	int header, torn, stale;
	const struct rameti_codec *codec;        /* of the line; NULL: not known */
	int object, needless; /* the line is one; it is of no use any more */
};
/* What is to be done with the source's rows. */
struct rameti_convert_plan {
	struct rameti_cover *covers; /* of the target's format: by at, then as they were written */
	struct rameti_cover *others; /* of other formats, that are still needed; by row */
	uint32_t n_covers, cap_covers, n_others, cap_others;
	/* a bit a row: covered, carrying a line of no use any more, or made by a conversion
	 * and not by anybody */
	uint8_t *skip;
	/* the source was of the target's format once, and of this one in between, whose lines are
	 * nearly pi's; NULL: it was not */
	const struct rameti_codec *by;
	uint8_t *carriers;                       /* a bit a row: it carries a line */
	/* a bit a row: it is skipped, and no line of the target's format stands for it */
	uint8_t *gone;
	uint32_t n_gone;
	uint8_t *began; /* a bit a row: gone, but on the way back its line is needed */
	uint8_t *off;                            /* a bit a row: not on the branch; NULL: all are */
	uint8_t *unmade; /* a bit a row: skipped, or off the branch: its entry is not looked at */
	uint32_t n, root;                        /* of the branch: its first row */
	int linear;
};
/* lean: no carried line is needed, but those of the target's format. linear: the target is a home
 * without branches, which takes entries only: other lines stay carried. */
int rameti_convert_plan(struct rameti_convert_plan *p, struct ramet_session *s, const char *to,
			uint32_t leaf, int lean, int linear, struct ramet_error *err);
void rameti_convert_plan_release(struct rameti_convert_plan *p);
/* The stored line that a row carries, decoded, into out (reset first). */
int rameti_convert_record(const struct ramet_session *s, uint32_t row, struct ramet_json_doc *doc,
			  struct ramet_buf *scratch, struct ramet_buf *out,
			  struct ramet_error *err);

/* ---- convert_carry.c: stored lines that go along, or come back ---- */

/* What became of one stored line. */
struct rameti_convert_fate {
	uint32_t at, n;                          /* entries of the target */
	uint32_t first;                          /* row of the source that it makes, or the next */
	uint8_t makes;                           /* it makes one */
	uint8_t carry;                           /* the line itself is to be carried */
};

/* More than there are types or roles. */
#define RAMETI_CONVERT_NAMES 16

struct rameti_convert {
	struct ramet_session *s;
	const struct ramet_tree *tree;
	const struct ramet_convert_opts *opts;
	struct ramet_convert_report *report;
	const struct rameti_codec *to;
	const struct rameti_home *home;          /* of the target; NULL: a file */
	struct rameti_convert_plan plan;
	struct rameti_target target;
	struct rameti_records records;
	struct rameti_id_maker ids;
	struct ramet_json_doc doc;
	struct ramet_buf scratch, record, entry, text;
	/* the id that the next entry hangs from: that of a row, or (RAMET_NONE) in last, as JSON;
	 * behind all entries it is in parent, decoded */
	uint32_t last_row;
	struct ramet_buf last, parent;
	/* of convert_refs.c; was_led: it changed what an entry of this record names */
	struct ramet_buf ref, refs, led;
	int was_led;
	uint8_t kinds[RAMETI_CONVERT_NAMES][RAMETI_CONVERT_NAMES]; /* of the report; 0: none yet */
	struct rameti_convert_fate *fates;       /* of the lines, in order */
	uint32_t n_fates, cap_fates, next_cover;
	uint32_t *begins, *ends; /* rows of the target before and behind each row of the source */
	uint8_t *stays;                          /* a bit a row: its line is not carried */
	uint32_t start_rows;                     /* entries that a new file starts with */
	int from_chain, to_chain, has_last;
	struct ramet_buf *memory; /* where the new session goes; NULL: to its place */
	int64_t carry_ms;                        /* when carried lines were made: as JSON, too */
	char carry_time[48];
	int header_of_lines; /* the header is only worth carrying with lines */
	struct ramet_buf id, header_line, number;
};

/* The next entry hangs from this row's. */
void rameti_convert_set_last_row(struct rameti_convert *c, uint32_t row);
/* The id of the entry that the next one hangs from, as JSON; null: none. */
int rameti_convert_last(struct rameti_convert *c, struct ramet_bytes *raw, struct ramet_error *err);
/* Lines of the target's format that stand before this row, as they were. */
int rameti_convert_restore(struct rameti_convert *c, uint32_t row, struct ramet_error *err);
/* A header of the target's format that the source carries in *row, into record: 1 there is one. */
int rameti_convert_carried_header(struct rameti_convert *c, uint32_t *row, struct ramet_error *err);
/* A row that carries a line of another format: *json becomes the same with the numbers of the
 * target's rows. */
int rameti_convert_renumber(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
			    struct ramet_error *err);
/* What an entry names by id where that is gone: *json becomes the same with what is there. */
int rameti_convert_refs(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
			struct ramet_error *err);
/* The same of a line that comes back for this row, which c->doc holds. */
int rameti_convert_refs_restored(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
				 struct ramet_error *err);
/* The same of a line that only passes through: 1: *line is it, and is another one. */
int rameti_convert_refs_carried(struct rameti_convert *c, const struct rameti_cover *o,
				struct ramet_bytes *line, struct ramet_error *err);
/* Does the target tell fewer of the entries, or more, that a carried line stands for, or none of
 * those around it? Then its numbers do not lead back. */
int rameti_convert_is_lessened(const struct rameti_convert *c, uint32_t row);
/* Behind all entries: the stored lines they came from. */
int rameti_convert_carry(struct rameti_convert *c, struct ramet_error *err);

#endif

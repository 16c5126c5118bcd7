/*
 * model/tree.h - building a tree: rows added in file order, derived columns kept valid.
 */
#ifndef RAMETI_MODEL_TREE_H
#define RAMETI_MODEL_TREE_H

#include "base/mapping.h"
#include "ramet/model.h"

/* seed: any number, against chosen hash collisions. The callback answers ramet_tree_entry. */
int rameti_tree_new(struct ramet_tree **out, uint64_t seed, ramet_entry_fn *entry, void *user,
		    struct ramet_error *err);
void rameti_tree_free(struct ramet_tree *t);
/* Append an entry: the facts of row (derived columns are computed here), its decoded id (ignored
 * with RAMET_ROW_NO_ID) and decoded parent id (ignored without RAMET_ROW_HAS_PARENT). ENOMEM,
 * ELIMIT. */
int rameti_tree_add(struct ramet_tree *t, const struct ramet_row *row, struct ramet_bytes id,
		    struct ramet_bytes parent, struct ramet_error *err);
/* About so many rows will come: make room at once. Only for speed; what fails is made up for
 * later. */
void rameti_tree_reserve(struct ramet_tree *t, uint32_t rows);
/* Room for so many rows whose ids have so many bytes together: the next adds cannot fail if their
 * parents are in the tree. ENOMEM, ELIMIT. */
int rameti_tree_make_room(struct ramet_tree *t, uint32_t rows, size_t ids_len,
			  struct ramet_error *err);
/* From now on entries are asked for with this user. */
void rameti_tree_set_user(struct ramet_tree *t, void *user);
/* An entry with this id comes soon: have its place in the id table at hand. Only for speed. */
void rameti_tree_expect(const struct ramet_tree *t, struct ramet_bytes id);
/* After a batch of adds: recompute derived columns if an id came again, an orphan found its
 * parent or a loop closed. Until then the tree must not be read. */
int rameti_tree_settle(struct ramet_tree *t, struct ramet_error *err);

/* Lines of the file that are no entry (header, blank, damaged), told before the next add, so that
 * rameti_tree_line can say where a row stands (1-based). ENOMEM. */
int rameti_tree_skip_lines(struct ramet_tree *t, uint64_t n, struct ramet_error *err);
uint64_t rameti_tree_line(const struct ramet_tree *t, uint32_t row);

/* ---- a tree as arrays, to be kept in a file and mapped again ---- */

enum rameti_tree_part {
	RAMETI_TREE_ROWS,
	RAMETI_TREE_ID_END,
	RAMETI_TREE_LINK,
	RAMETI_TREE_IDS,
	RAMETI_TREE_SLOTS,
	RAMETI_TREE_GAPS,
	RAMETI_TREE_LABELS,
	RAMETI_TREE_NAMES,
	RAMETI_TREE_PARTS
};
struct rameti_tree_image {
	const void *ptr[RAMETI_TREE_PARTS];      /* borrowed from the tree */
	size_t len[RAMETI_TREE_PARTS];           /* bytes */
	uint32_t n, n_ids;
	uint64_t extra_lines, seed;
};
void rameti_tree_image(const struct ramet_tree *t, struct rameti_tree_image *image);
/* Texts that orphans wait for, in order: ptr NULL past the last. */
struct ramet_bytes rameti_tree_waiting(const struct ramet_tree *t, uint32_t i);
/* A tree again: maps hold the parts (taken over, also on failure), image their lengths, sums a
 * CRC-32C of each of their pages, part after part (copied). ENOMEM, EFORMAT. */
int rameti_tree_from_image(struct ramet_tree **out, const struct rameti_tree_image *image,
			   struct rameti_mapping maps[RAMETI_TREE_PARTS], const uint32_t *sums,
			   ramet_entry_fn *entry, void *user, struct ramet_error *err);
/* Then the texts, in the same order. */
int rameti_tree_add_waiting(struct ramet_tree *t, struct ramet_bytes text, struct ramet_error *err);
/* Check all pages: before an array is walked as a whole, or looked at by several threads. */
void rameti_tree_prove_all(const struct ramet_tree *t);
/* Did a page not match its sum? Then nothing the tree says counts. */
int rameti_tree_broken(const struct ramet_tree *t);
int rameti_tree_fail_broken(struct ramet_error *err);
/* r, but ECONFLICT instead of success when the answer came from a broken tree. */
int rameti_tree_answer(const struct ramet_tree *t, int r, struct ramet_error *err);

/* The decoded parent id of a row: empty without one. */
struct ramet_bytes rameti_tree_parent_id(const struct ramet_tree *t, uint32_t row);
/* Rows of type label / session_info in file order, borrowed. */
const uint32_t *rameti_tree_label_rows(const struct ramet_tree *t, uint32_t *n);
const uint32_t *rameti_tree_name_rows(const struct ramet_tree *t, uint32_t *n);

/* Is this a message of the user or the assistant? */
static inline int rameti_is_talk(const struct ramet_row *row)
{
	return row->role == RAMET_ROLE_USER || row->role == RAMET_ROLE_ASSISTANT;
}

/* Append a finding; text printf-like. Beyond RAMET_FINDINGS_MAX only counted. ENOMEM. */
int rameti_finding_add(struct ramet_findings *f, int severity, const char *code, uint64_t line,
		       uint64_t offset, struct ramet_bytes id, const char *fmt, ...)
	RAMET_PRINTF(7, 8);

/* A copy of a finding, its code too. ENOMEM. */
int rameti_finding_copy(struct ramet_findings *f, const struct ramet_finding *from);

/* The time member of an entry as pi reads it: text by rameti_time_parse, a number as it is, null 0,
 * missing or anything else RAMET_TIME_NONE. */
int64_t rameti_entry_time(const struct ramet_json *timestamp);

/* The text that a model reads in place of a bash run or a summary, appended. */
void rameti_message_retold(const struct ramet_json *m, int role, struct ramet_buf *text);

#endif

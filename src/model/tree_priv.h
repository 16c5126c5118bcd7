/*
 * model/tree_priv.h - what a tree is made of, for the files that build and walk it.
 */
#ifndef RAMETI_MODEL_TREE_PRIV_H
#define RAMETI_MODEL_TREE_PRIV_H

#include "base/map.h"
#include "model/tree.h"

#define RAMETI_ROWS_MAX 0x7fffffffu
#define RAMETI_LINK_WAITS 0x80000000u            /* the rest is the number of a text in `waiting` */

struct rameti_id_slot {
	uint32_t hash;                           /* seeded, of the id's bytes */
	uint32_t row1; /* row + 1 of the last entry with this id; 0 empty */
};

/* From row at_row on, a row's line number is row + 1 + extra. */
struct rameti_line_gap {
	uint32_t at_row;
	uint64_t extra;
};

/* Pages of arrays that came from an image are checked against their sums when they are first
 * touched; one that does not match is emptied, and the tree is broken. */
struct rameti_tree_proof {
	uint32_t *sums;
	uint8_t *seen;
	uint32_t first[RAMETI_TREE_PARTS]; /* number of each part's first page in sums and seen */
	uint32_t pages[RAMETI_TREE_PARTS];
	size_t len[RAMETI_TREE_PARTS];           /* bytes under sums */
	int broken;
};

struct ramet_tree {
	struct ramet_row *rows;
	uint32_t n, cap;
	/* beside the rows: where the id ends in `ids`, and what the parent id means: RAMET_NONE,
	 * any row with that id, or RAMETI_LINK_WAITS | number of the text an orphan waits for */
	uint32_t *id_end, *link;
	uint32_t cap_id_end, cap_link;
	char *ids;
	size_t ids_len, ids_cap;
	struct rameti_id_slot *slots;
	uint32_t n_slots, n_ids;
	struct rameti_map waiting;
	struct rameti_line_gap *gaps;
	uint32_t n_gaps, cap_gaps;
	uint64_t extra_lines;
	uint32_t *labels, *names;
	uint32_t n_labels, cap_labels, n_names, cap_names;
	uint64_t seed;
	ramet_entry_fn *entry;
	void *user;
	int unsettled;
	struct rameti_mapping maps[RAMETI_TREE_PARTS];   /* base NULL: that array is on the heap */
	struct rameti_tree_proof *proof;         /* NULL: all arrays were made here */
};

/* Check the pages that hold bytes [at, at + len) of a part, if they came from an image. */
void rameti_tree_prove_bytes(const struct ramet_tree *t, int part, size_t at, size_t len);
static inline void rameti_tree_prove(const struct ramet_tree *t, int part, size_t at, size_t len)
{
	if (t->proof)
		rameti_tree_prove_bytes(t, part, at, len);
}
static inline void rameti_tree_prove_row(const struct ramet_tree *t, uint32_t row)
{
	rameti_tree_prove(t, RAMETI_TREE_ROWS, (size_t)row * sizeof(struct ramet_row),
			  sizeof(struct ramet_row));
}
/* The array of a part moves to the heap with room for cap items of size bytes, of which n are in
 * use. */
int rameti_tree_leave_map(struct ramet_tree *t, int part, void **items, size_t n, size_t cap,
			  size_t size);
void rameti_tree_free_part(struct ramet_tree *t, int part, void *items);

/* Derived columns of one row from its parent's (parent RAMET_NONE: a root). */
void rameti_row_derive(struct ramet_row *rows, uint32_t row, uint32_t parent);
/* All derived columns anew from ids and links; duplicates, orphans and loops as docs/format/pi.md
 * says. */
int rameti_tree_derive(struct ramet_tree *t, struct ramet_error *err);

#endif

/*
 * ops/told.h - which entries were told already, when one file after the other has the same name.
 */
#ifndef RAMETI_OPS_TOLD_H
#define RAMETI_OPS_TOLD_H

#include "base/map.h"
#include "ramet/model.h"

/* Ids, and how often an entry of that id was told: a file may hold an id more than once. */
struct rameti_told {
	struct rameti_map before;                /* in any one file that was */
	struct rameti_map here;                  /* met so far in the present one */
};
void rameti_told_init(struct rameti_told *t);
void rameti_told_release(struct rameti_told *t);
/* Rows [0, n) of this tree were told or passed over; another file comes next. ENOMEM, ELIMIT: ask
 * again. */
int rameti_told_keep(struct rameti_told *t, const struct ramet_tree *tree, uint32_t n,
		     struct ramet_error *err);
/* Is this entry new? To be asked once for each row of a file, in order. 1, 0, ENOMEM, ELIMIT. */
int rameti_told_is_new(struct rameti_told *t, const struct ramet_tree *tree, uint32_t row,
		       struct ramet_error *err);

/* Rows [0, n) of the present file were asked for; those after them will be again. */
int rameti_told_rewind(struct rameti_told *t, const struct ramet_tree *tree, uint32_t n,
		       struct ramet_error *err);

#endif

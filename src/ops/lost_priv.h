/*
 * ops/lost_priv.h - the file of the bytes that repair could not place.
 */
#ifndef RAMETI_OPS_LOST_PRIV_H
#define RAMETI_OPS_LOST_PRIV_H

#include "ops/damage_priv.h"
#include "ops/original_priv.h"

/* Every stretch that the plan drops, as a JSON line in PATH.lost, or PATH.lost.2 and so on, whose
 * path is then in where. It survives a power cut. On failure nothing is there, and where is
 * empty. */
int rameti_lost_write(struct ramet_buf *where, const struct rameti_plan *plan,
		      const struct rameti_original *old, struct ramet_error *err);

#endif

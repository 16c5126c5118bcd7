/*
 * model/context.h - contexts of other entries than those a leaf has.
 */
#ifndef RAMETI_MODEL_CONTEXT_H
#define RAMETI_MODEL_CONTEXT_H

#include "ramet/model.h"

/* What these rows of one path show, nothing left out, every compaction with its summary and edits
 * among the rows applied: a context without settings. n is at least 1. */
int rameti_context_of_rows(struct ramet_context **out, const struct ramet_tree *t,
			   const uint32_t *rows, uint32_t n, struct ramet_error *err);

#endif

/*
 * model/cut.h - where a compaction cuts a context.
 */
#ifndef RAMETI_MODEL_CUT_H
#define RAMETI_MODEL_CUT_H

#include "ramet/model.h"

/* Places in c->selected: [begin, turn) is summarised, [turn, at) too, but by itself, since it is
 * the beginning of a turn that is cut; from at on everything is kept. turn == at: no turn is
 * cut. */
struct rameti_cut {
	uint32_t begin, turn, at;
};
/* keep_tokens: about so much is kept. at == begin: there is nothing that could be summarised. */
int rameti_cut_find(const struct ramet_context *c, uint64_t keep_tokens, struct rameti_cut *cut,
		    struct ramet_error *err);
/* The messages that the entries [from, to) give: [*first, *end). */
void rameti_cut_messages(const struct ramet_context *c, uint32_t from, uint32_t to, uint32_t *first,
			 uint32_t *end);

#endif

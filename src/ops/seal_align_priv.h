/*
 * ops/seal_align_priv.h - the lines that a seal covered, laid beside those that are there.
 */
#ifndef RAMETI_OPS_SEAL_ALIGN_PRIV_H
#define RAMETI_OPS_SEAL_ALIGN_PRIV_H

#include "ops/seal_data_priv.h"
#include "ramet/model.h"

struct rameti_seal_line {
	uint8_t hash[RAMETI_SEAL_HASH];
	uint64_t offset;
	uint32_t number;                         /* in the file, from 1 */
	int is_seal;
};

struct rameti_seal_alignment {
	const struct rameti_seal_line *lines;    /* from where the seal begins, up to the seal */
	size_t n_lines;
	uint64_t seal_line, seal_offset;
	size_t end;                              /* out: so many of lines it covered */
};
/* Find what changed, is missing or came in; a finding for each, in file order, at most 20, and the
 * number of the rest. ENOMEM. */
int rameti_seal_align(struct rameti_seal_alignment *a, const struct rameti_seal *seal,
		      struct ramet_findings *f);

#endif

/*
 * ops/seal_lines_priv.h - the hashes of a file's lines, in file order, by several threads.
 */
#ifndef RAMETI_OPS_SEAL_LINES_PRIV_H
#define RAMETI_OPS_SEAL_LINES_PRIV_H

#include "base/file.h"
#include "ops/seal_data_priv.h"

struct rameti_hashed_line {
	uint8_t hash[RAMETI_SEAL_HASH];          /* of nothing for a line of more than max_line */
	uint64_t offset;
	uint64_t len;                            /* so many bytes are hashed */
};

struct rameti_seal_lines;
/* The lines of the file's first size bytes. The file must stay open, and the struct where it is.
 * threads 0: as many as there are processors. */
int rameti_seal_lines_new(struct rameti_seal_lines **out, const struct rameti_file *f,
			  uint64_t size, size_t max_line, unsigned threads,
			  struct ramet_error *err);
/* 1 one more, 0 the end, or why it cannot be read. */
int rameti_seal_lines_next(struct rameti_seal_lines *l, struct rameti_hashed_line *line,
			   struct ramet_error *err);
void rameti_seal_lines_free(struct rameti_seal_lines *l);

#endif

/*
 * base/lines.h - the bounded line reader: lines of a file in order, each whole in memory, in
 * blocks.
 *
 * Reads with pread, so the file position is nobody's business; never maps the file. A line longer
 * than max_line is not kept: it is reported with too_long set and its true length, at the cost of
 * one block of memory.
 */
#ifndef RAMETI_BASE_LINES_H
#define RAMETI_BASE_LINES_H

#include "base/file.h"

struct rameti_lines {
	const struct rameti_file *file;
	/* next byte to deliver; read no further than end */
	uint64_t at, end;
	size_t max_line;
	char *block;
	/* block[from, to) holds bytes [at, at + to - from) */
	size_t cap, from, to;
};
struct rameti_lines_item {
	/* without newline, valid until the next call; empty if too_long */
	struct ramet_bytes text;
	uint64_t offset, len;                    /* of the text in the file */
	int terminated, too_long;
};
int rameti_lines_open(struct rameti_lines *l, const struct rameti_file *f, uint64_t from,
		      uint64_t end, size_t max_line, struct ramet_error *err);
int rameti_lines_next(struct rameti_lines *l, struct rameti_lines_item *item,
		      struct ramet_error *err);
/* Go on at this byte, which is not before the next one, without reading those in between. */
void rameti_lines_seek(struct rameti_lines *l, uint64_t at);
void rameti_lines_close(struct rameti_lines *l);

#endif

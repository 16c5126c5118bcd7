/*
 * store/source.h - the bytes of one session: a file or a piece of memory, read by position.
 */
#ifndef RAMETI_STORE_SOURCE_H
#define RAMETI_STORE_SOURCE_H

#include "base/file.h"

struct rameti_source {
	struct rameti_file file;                 /* fd < 0: memory */
	struct ramet_bytes memory;
	uint64_t size;                           /* bytes that count; a file may have grown since */
};
#define RAMETI_SOURCE_INIT { RAMETI_FILE_INIT, { NULL, 0 }, 0 }

/* Exactly len bytes at `at` into to. EIO when the file is shorter now. */
int rameti_source_read(const struct rameti_source *s, void *to, size_t len, uint64_t at,
		       struct ramet_error *err);
/* The present size of the file (or memory). */
int rameti_source_size(const struct rameti_source *s, uint64_t *size, struct ramet_error *err);

#endif

/*
 * base/mapping.h - an array that begins in a file and goes on in memory.
 */
#ifndef RAMETI_BASE_MAPPING_H
#define RAMETI_BASE_MAPPING_H

#include "base/file.h"

#define RAMETI_PAGE 4096u                        /* offsets in the file are multiples of it */

struct rameti_mapping {
	void *base;                              /* NULL: none */
	size_t len, room;                        /* bytes of the file; bytes that may be used */
};
#define RAMETI_MAPPING_INIT { NULL, 0, 0 }

/* Map len bytes of the file from offset on, privately: what is written there stays here.
 * more: bytes that can be added behind them, which are zero. Pages nobody touches cost
 * nothing. The file must not become shorter while it is mapped. ENOMEM, EIO. */
int rameti_mapping_new(struct rameti_mapping *m, const struct rameti_file *f, uint64_t offset,
		       size_t len, size_t more, struct ramet_error *err);
void rameti_mapping_release(struct rameti_mapping *m);

#endif

/*
 * store/load.h - the exact scan of a whole source: every line of it, through a codec, into a
 * reader.
 */
#ifndef RAMETI_STORE_LOAD_H
#define RAMETI_STORE_LOAD_H

#include "codec/codec.h"
#include "store/source.h"

/* Scan bytes [0, source->size) and feed them to the reader in file order. Large sources are
 * scanned by several threads (0: as many as processors). A torn last line is looked at once more
 * after 20 ms, in case it is being written just now; source->size then covers what was added. */
int rameti_load(struct rameti_reader *r, struct rameti_source *source, size_t max_line,
		unsigned threads, struct ramet_error *err);
/* Go on: bytes [source->size, size), which begin a line, fed to the reader; source->size is size
 * afterwards, or more when a torn last line was looked at once more. */
int rameti_load_more(struct rameti_reader *r, struct rameti_source *source, uint64_t size,
		     size_t max_line, struct ramet_error *err);

#endif

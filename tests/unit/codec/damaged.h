/*
 * damaged.h - everything that can be wrong with a line of JSON, one thing at a time.
 */
#ifndef TESTS_UNIT_CODEC_DAMAGED_H
#define TESTS_UNIT_CODEC_DAMAGED_H

#include "codec/codec.h"
#include "ramet.h"

/* fn sees the line itself; it cut off behind each byte; each byte in turn replaced; each value
 * replaced by values of every kind; each member gone, twice there, under other names or in another
 * spelling; white space behind each value. Returns how many lines that were. The line itself has
 * to be an object. */
unsigned damaged_each(struct ramet_bytes line, void (*fn)(void *user, struct ramet_bytes line),
		      void *user);
/* The same, but only those that are still JSON. */
unsigned damaged_legal(struct ramet_bytes line, void (*fn)(void *user, struct ramet_bytes line),
		       void *user);

/* Text with ' for ". Valid until the next call. */
const char *damaged_quoted(const char *text);

/* This text as a session of the format: it opens or is refused as no such file; each entry is a
 * JSON object with the id of its row; each entry encoded again and read again is there under the
 * same id, without a finding of damage. Returns how many entries there were, -1: refused. */
int damaged_check(const char *format, struct ramet_bytes text);
/* The latter alone: an entry of pi's, however odd, as records of the format, in a dialect.
 * Returns enum rameti_said. */
int damaged_encode(const char *format, int dialect, struct ramet_bytes entry);

/* Opens, shows all entries, encodes all entries, with the n-th allocation failing, for every n:
 * ENOMEM, or as if nothing had happened. exactly: the records, too; else one may say more than it
 * has to. */
void damaged_memory(const char *format, const char *text, int exactly);

#endif

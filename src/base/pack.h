/*
 * base/pack.h - numbers and bytes in a file of our own: little-endian, one after the other.
 */
#ifndef RAMETI_BASE_PACK_H
#define RAMETI_BASE_PACK_H

#include "ramet/base.h"

void rameti_pack_u32(struct ramet_buf *b, uint32_t n);
void rameti_pack_u64(struct ramet_buf *b, uint64_t n);
/* A length of 64 bits, then the bytes. */
void rameti_pack_bytes(struct ramet_buf *b, struct ramet_bytes bytes);

/* Reading: past the end everything is 0 or empty, and bad is set. Bytes are borrowed. */
struct rameti_unpack {
	struct ramet_bytes left;
	int bad;
};
uint32_t rameti_unpack_u32(struct rameti_unpack *u);
uint64_t rameti_unpack_u64(struct rameti_unpack *u);
struct ramet_bytes rameti_unpack_bytes(struct rameti_unpack *u);

#endif

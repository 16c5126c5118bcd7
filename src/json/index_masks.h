/*
 * index_masks.h - what the bytes of one block are: a bit per byte, the first byte lowest.
 */
#ifndef RAMETI_JSON_INDEX_MASKS_H
#define RAMETI_JSON_INDEX_MASKS_H

#include <string.h>
#include "json/index_priv.h"

#define KERNEL_INLINE static inline __attribute__((always_inline))

struct masks {
	uint64_t quote, backslash;
	uint64_t op;                             /* { } [ ] : , */
	uint64_t space;                          /* space, tab, newline, carriage return */
	uint64_t control;                        /* below 0x20 */
	uint64_t high;                           /* 0x80 and above */
};

/* Bytes that a backslash escapes; a run of backslashes may cross block borders. */
KERNEL_INLINE uint64_t rameti_escaped_bytes(uint64_t backslash, uint64_t *carry)
{
	const uint64_t odd = UINT64_C(0xaaaaaaaaaaaaaaaa);
	uint64_t start = backslash & ~*carry;
	uint64_t codes = (((start << 1) | odd) - start) ^ odd;
	uint64_t escaped = codes ^ (backslash | *carry);

	*carry = (codes & backslash) >> 63;
	return escaped;
}

#endif

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

#endif

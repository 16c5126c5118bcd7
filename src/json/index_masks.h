/*
 * index_masks.h - what the bytes of one block are: a bit per byte, the first byte lowest.
 */
#ifndef RAMETI_JSON_INDEX_MASKS_H
#define RAMETI_JSON_INDEX_MASKS_H

#include <string.h>
#include "json/index_priv.h"

#define KERNEL_INLINE static inline __attribute__((always_inline))

/* block_flatten one bit at a time, eight in a row: what is written beyond the end does not count. */
#define FLATTEN_EIGHT(out, at, bits)                                                                   \
	do {                                                                                           \
		uint32_t *to_ = (out);                                                                 \
		do {                                                                                   \
			FLATTEN_ONE(to_, 0, at, bits);                                                 \
			FLATTEN_ONE(to_, 1, at, bits);                                                 \
			FLATTEN_ONE(to_, 2, at, bits);                                                 \
			FLATTEN_ONE(to_, 3, at, bits);                                                 \
			FLATTEN_ONE(to_, 4, at, bits);                                                 \
			FLATTEN_ONE(to_, 5, at, bits);                                                 \
			FLATTEN_ONE(to_, 6, at, bits);                                                 \
			FLATTEN_ONE(to_, 7, at, bits);                                                 \
			to_ += 8;                                                                      \
		} while (__builtin_expect((bits) != 0, 0));                                            \
	} while (0)
#define FLATTEN_ONE(to, i, at, bits)                                                                   \
	((to)[i] = (at) + (uint32_t)((bits) ? __builtin_ctzll(bits) : 64), (bits) &= (bits) - 1)

struct masks {
	uint64_t quote, backslash;
	uint64_t op;                             /* { } [ ] : , */
	uint64_t space;                          /* space, tab, newline, carriage return */
	uint64_t control;                        /* below 0x20 */
	uint64_t high;                           /* 0x80 and above */
};

#endif

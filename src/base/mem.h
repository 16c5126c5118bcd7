/*
 * base/mem.h - overflow-safe sizes, arenas, growing arrays.
 */
#ifndef RAMETI_BASE_MEM_H
#define RAMETI_BASE_MEM_H

#include "ramet/base.h"

/* a * b, or SIZE_MAX on overflow (which no allocation grants). */
size_t rameti_mul(size_t a, size_t b);
size_t rameti_add(size_t a, size_t b);

/* An arena: many small pieces that go together. Pieces are 16-byte aligned; max bounds the sum. */
struct rameti_arena {
	struct rameti_arena_block *blocks;
	size_t used, max;
};
#define RAMETI_ARENA_INIT(max_len) { NULL, 0, (max_len) }
void rameti_arena_init(struct rameti_arena *a, size_t max_len);
/* NULL: no memory or over max */
void *rameti_arena_alloc(struct rameti_arena *a, size_t len);
/* A copy with a NUL behind it (not counted in len). ptr NULL on failure. */
struct ramet_bytes rameti_arena_dup(struct rameti_arena *a, struct ramet_bytes bytes);
void rameti_arena_release(struct rameti_arena *a);

/* Make room for one more in a growing array of size-byte items: doubles *cap (from 16), at most
 * max items. 0, RAMET_ENOMEM or RAMET_ELIMIT; the array is untouched on failure.
 *     r = rameti_grow((void **)&v->items, &v->cap, v->n, sizeof(*v->items), MAX); */
int rameti_grow(void **items, uint32_t *cap, uint32_t n, size_t size, uint32_t max);

#endif

/*
 * base/mem.c - overflow-safe sizes, arenas, growing arrays.
 *
 * An arena is a list of blocks, the newest first; pieces are cut from the newest only. Blocks
 * double from 1 KiB to 1 MiB; a piece larger than a quarter of the next block gets a block of its
 * own behind the newest, so that a large piece never wastes the rest of a block. used is the sum
 * of the pieces' rounded sizes, never above max.
 */
#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define ARENA_ALIGN 16
#define ARENA_FIRST 1024
#define ARENA_LARGEST (1024 * 1024)

struct rameti_arena_block {
	struct rameti_arena_block *next;
	char *data;                              /* aligned, inside this allocation */
	size_t used, cap;
};

size_t rameti_mul(size_t a, size_t b)
{
	return b && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

size_t rameti_add(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

void rameti_arena_init(struct rameti_arena *a, size_t max_len)
{
	struct rameti_arena fresh = RAMETI_ARENA_INIT(max_len);

	*a = fresh;
}

static struct rameti_arena_block *block_new(size_t cap)
{
	struct rameti_arena_block *b;
	size_t over;

	b = ramet_alloc(rameti_add(cap, sizeof(*b) + ARENA_ALIGN));
	if (!b)
		return NULL;
	b->next = NULL;
	b->data = (char *)(b + 1);
	over = (size_t)((uintptr_t)b->data % ARENA_ALIGN);
	if (over)
		b->data += ARENA_ALIGN - over;
	b->used = 0;
	b->cap = cap;
	return b;
}

/* A block with room for len: the new newest one, or one of its own behind the newest. */
static struct rameti_arena_block *block_add(struct rameti_arena *a, size_t len)
{
	size_t cap = ARENA_FIRST;
	int own;
	struct rameti_arena_block *b;

	if (a->blocks)
		cap = a->blocks->cap < ARENA_LARGEST / 2 ? a->blocks->cap * 2 : ARENA_LARGEST;
	own = len > cap / 4;
	b = block_new(own ? len : cap);
	if (!b)
		return NULL;
	if (own && a->blocks) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

void *rameti_arena_alloc(struct rameti_arena *a, size_t len)
{
	struct rameti_arena_block *b = a->blocks;
	void *piece;

	if (len > SIZE_MAX - ARENA_ALIGN)
		return NULL;
	len = len ? (len + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN : ARENA_ALIGN;
	if (len > a->max - a->used)
		return NULL;
	if (!b || len > b->cap - b->used)
		b = block_add(a, len);
	if (!b)
		return NULL;
	piece = b->data + b->used;
	b->used += len;
	a->used += len;
	return piece;
}

struct ramet_bytes rameti_arena_dup(struct rameti_arena *a, struct ramet_bytes bytes)
{
	struct ramet_bytes copy = { NULL, 0 };
	char *ptr = rameti_arena_alloc(a, rameti_add(bytes.len, 1));

	if (!ptr)
		return copy;
	if (bytes.len)
		memcpy(ptr, bytes.ptr, bytes.len);
	ptr[bytes.len] = '\0';
	copy.ptr = ptr;
	copy.len = bytes.len;
	return copy;
}

void rameti_arena_release(struct rameti_arena *a)
{
	struct rameti_arena_block *b = a->blocks, *next;

	for (; b; b = next) {
		next = b->next;
		ramet_free(b);
	}
	rameti_arena_init(a, a->max);
}

int rameti_grow(void **items, uint32_t *cap, uint32_t n, size_t size, uint32_t max)
{
	uint32_t more;
	void *ptr;

	assert(n <= *cap);
	if (n < *cap)
		return 0;
	if (n >= max)
		return RAMET_ELIMIT;
	more = *cap > UINT32_MAX / 2 ? UINT32_MAX : *cap * 2;
	if (more < 16)
		more = 16;
	if (more > max)
		more = max;
	ptr = ramet_realloc(*items, rameti_mul(more, size));
	if (!ptr)
		return RAMET_ENOMEM;
	*items = ptr;
	*cap = more;
	return 0;
}

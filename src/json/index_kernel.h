/*
 * index_kernel.h - the body of the index step, compiled once per instruction set.
 *
 * An including file defines before it KERNEL_TARGET (attributes of every function compiled for its
 * instruction set), struct block (the 64 bytes as that set holds them) and
 *     block_load(b, p)                   take 64 bytes
 *     block_classify(b, masks)
 *     block_newlines(b)                  asked only when a control character was seen
 *     block_prefix_xor(bits)             bit i: the parity of bits 0..i
 *     block_bad_escapes(b, m, escaped)   escaped bytes that may not stand behind a backslash
 *     block_unicode(b, escaped)          escaped bytes that are a u
 *     block_check_utf8(ix, b, n)         look at the first n bytes, set ix->bad_utf8 (or nothing)
 * and after it the two entry points as calls of kernel_fill.
 */
#ifndef RAMETI_JSON_INDEX_KERNEL_H
#define RAMETI_JSON_INDEX_KERNEL_H

#include "json/index_masks.h"

/* Bytes that a backslash escapes; a run of backslashes may cross block borders. */
KERNEL_INLINE KERNEL_TARGET uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry)
{
	const uint64_t odd = UINT64_C(0xaaaaaaaaaaaaaaaa);
	uint64_t start = backslash & ~*carry;
	uint64_t codes = (((start << 1) | odd) - start) ^ odd;
	uint64_t escaped = codes ^ (backslash | *carry);

	*carry = (codes & backslash) >> 63;
	return escaped;
}

/* \u wants four hex digits in the text itself; a quote or the end among them is not one. */
static __attribute__((noinline)) int bad_unicode(const struct rameti_index *ix, uint32_t block_at,
						 uint64_t u)
{
	for (; u; u &= u - 1) {
		uint64_t at = (uint64_t)block_at + (uint64_t)__builtin_ctzll(u);
		uint64_t i;

		if (at + 4 >= ix->len)
			return 1;
		for (i = at + 1; i <= at + 4; i++) {
			unsigned c = (unsigned char)ix->text[i];

			if (c - '0' > 9u && (c | 0x20) - 'a' > 5u)
				return 1;
		}
	}
	return 0;
}

/* Write down the positions of the set bits, four at a time: a little is written beyond the end. */
KERNEL_INLINE KERNEL_TARGET uint32_t *flatten(uint32_t *out, uint32_t at, uint64_t bits)
{
	uint32_t *end = out + __builtin_popcountll(bits);
	int i;

	while (bits) {
		for (i = 0; i < 4; i++) {
			out[i] = at + (uint32_t)(bits ? __builtin_ctzll(bits) : 64);
			bits &= bits - 1;
		}
		out += 4;
	}
	return end;
}

/* Everything about one block. Returns the bits of positions to list; *valid is the part of the block
 * that belongs to the line. */
KERNEL_INLINE KERNEL_TARGET uint64_t kernel_block(struct rameti_index *ix, const struct block *b,
						  const struct masks *m, uint32_t at, uint64_t valid)
{
	uint64_t escaped = escaped_bytes(m->backslash, &ix->escaped);
	uint64_t quote = m->quote & ~escaped;
	uint64_t inside = block_prefix_xor(quote) ^ ix->in_string;
	uint64_t scalar = ~(m->op | m->space | quote);
	uint64_t start = scalar & ~((scalar << 1) | ix->in_scalar);
	uint64_t unicode = block_unicode(b, escaped);
	uint64_t bad = (m->control & inside) | block_bad_escapes(b, m, escaped);

	ix->in_string = (uint64_t)((int64_t)inside >> 63);
	ix->in_scalar = scalar >> 63;
	if (__builtin_expect((unicode & inside & valid) != 0, 0) && bad_unicode(ix, at, unicode & inside & valid))
		ix->bad = 1;
	if (__builtin_expect((bad & valid) != 0, 0))
		ix->bad = 1;
	return (quote | ((m->op | start) & ~inside)) & valid;
}

/* Fill one window. line: stop at the first newline. A last, short block is copied into a padded one,
 * and a text whose length is a multiple of 64 gets one of padding alone: what is still open at the
 * end of the last block shows there. */
KERNEL_INLINE KERNEL_TARGET void kernel_fill(struct rameti_index *ix, const int line)
{
	struct rameti_index c = *ix;
	(void)c;
	(void)line;
}

#endif

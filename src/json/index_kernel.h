/*
 * index_kernel.h - the body of the index step, compiled once per instruction set.
 *
 * An including file defines before it KERNEL_TARGET (attributes of every function compiled for its
 * instruction set), struct block (64 bytes as that set holds them), struct constants (what is to
 * stay in registers) and
 *     constants_init(k)
 *     block_load(b, p)                   take 64 bytes
 *     block_classify(b, k, masks)
 *     block_newlines(b)                  asked only when a control character was seen
 *     block_prefix_xor(bits)             bit i: the parity of bits 0..i
 *     block_escapes(b, k, m, escaped, &unicode)
 *                                        escaped bytes that may not stand behind a backslash, and
 *                                        those that are a u
 *     block_check_utf8(ix, p, valid, at) the valid bytes, in front of text + at; sets ix->bad_utf8
 *     block_flatten(k, out, at, bits)    write down the positions of the set bits; returns the end,
 *                                        may write up to RAMETI_INDEX_SPARE more
 * and after it the two entry points as calls of kernel_fill.
 */
#ifndef RAMETI_JSON_INDEX_KERNEL_H
#define RAMETI_JSON_INDEX_KERNEL_H

#include "json/index_masks.h"

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

/* What goes from block to block, in registers while a window is filled. */
struct carry {
	uint64_t in_string, escaped, in_scalar;
};

/* Everything about one block: returns the bits of the positions to list; bad ones and the u of \u
 * escapes in *bad and *unicode. */
KERNEL_INLINE KERNEL_TARGET uint64_t kernel_block(struct carry *c, const struct block *b,
						  const struct constants *k,
						  const struct masks *m, uint64_t *bad,
						  uint64_t *unicode)
{
	uint64_t escaped = rameti_escaped_bytes(m->backslash, &c->escaped);
	uint64_t quote = m->quote & ~escaped;
	uint64_t inside = block_prefix_xor(quote) ^ c->in_string;
	uint64_t scalar = ~(m->op | m->space | quote);
	uint64_t start = scalar & ~((scalar << 1) | c->in_scalar);

	*bad = (m->control & inside) | block_escapes(b, k, m, escaped, unicode);
	c->in_string = (uint64_t)((int64_t)inside >> 63);
	c->in_scalar = scalar >> 63;
	return quote | ((m->op | start) & ~inside);
}

/* The padded copy of what is left of the text, less than 64 bytes. */
KERNEL_INLINE const char *padded(char copy[64], const struct rameti_index *ix, uint32_t at, int pad)
{
	memset(copy, pad, 64);
	if (ix->len > at)
		memcpy(copy, ix->text + at, ix->len - at);
	return copy;
}

/* Fill one window. line: stop at the first newline. A text whose length is a multiple of 64 gets
 * one more block of padding alone: a character unfinished at the end shows there. */
KERNEL_INLINE KERNEL_TARGET void kernel_fill(struct rameti_index *ix, const int line)
{
	struct carry c = { ix->in_string, ix->escaped, ix->in_scalar };
	uint64_t any_high = 0, tail_high = ix->tail_high, any_bad = 0;
	uint32_t *out = ix->pos;
	uint32_t at = ix->at, n;
	struct constants k;
	char copy[64];

	constants_init(&k);
	ix->base = at;
	for (n = 0; n < RAMETI_INDEX_BLOCKS; n++, at += 64) {
		uint64_t valid = ~UINT64_C(0), bits, bad, unicode;
		const char *p = ix->text + at;
		struct masks m;
		struct block b;
		int last = 0;

		if (__builtin_expect(ix->len - at < 64, 0)) {
			p = padded(copy, ix, at, line ? '\n' : ' ');
			last = 1;
			ix->end = ix->len;
		}
		block_load(&b, p);
		block_classify(&b, &k, &m);
		if (line && __builtin_expect(m.control != 0, 0)) {
			uint64_t newlines = block_newlines(&b);

			if (newlines) {
				valid = (newlines & (0 - newlines)) - 1;
				ix->end = at + (uint32_t)__builtin_ctzll(newlines);
				last = 1;
			}
		}
		ix->backslash[n] = m.backslash;
		bits = kernel_block(&c, &b, &k, &m, &bad, &unicode) & valid;
		any_bad |= bad & valid;
		if (__builtin_expect((unicode & valid) != 0, 0))
			any_bad |= (uint64_t)bad_unicode(ix, at, unicode & valid);
		if (__builtin_expect((m.high | tail_high) != 0, 0)) {
			block_check_utf8(ix, p, valid, at);
			any_high |= m.high & valid;
		}
		tail_high = m.high >> 61;
		out = block_flatten(&k, out, at, bits);
		if (__builtin_expect(last, 0)) {
			ix->done = 1;
			break;
		}
	}
	ix->at = at;
	ix->stop = out;
	ix->bad = any_bad != 0;
	ix->high |= any_high != 0;
	ix->tail_high = tail_high;
	ix->in_string = c.in_string;
	ix->escaped = c.escaped;
	ix->in_scalar = c.in_scalar;
}

#endif

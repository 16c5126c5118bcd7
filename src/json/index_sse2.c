/*
 * index_sse2.c - the index step with SSE2, which every x86-64 has. Nothing elsewhere.
 *
 * Without byte shuffles: classes by comparing, and UTF-8 over the whole line at its end.
 */
#include "json/index_masks.h"

#if defined(__SSE2__)
#include <emmintrin.h>

#define KERNEL_TARGET

struct block {
	__m128i v[4];
};

struct constants {
	int none;
};

KERNEL_INLINE void constants_init(struct constants *k)
{
	k->none = 0;
}

KERNEL_INLINE void block_load(struct block *b, const char *p)
{
	int i;

	for (i = 0; i < 4; i++)
		b->v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
}

KERNEL_INLINE __m128i equal(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

KERNEL_INLINE uint64_t bits_of(__m128i v, int i)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << (16 * i);
}

KERNEL_INLINE void block_classify(const struct block *b, const struct constants *k, struct masks *m)
{
	const __m128i low = _mm_set1_epi8(0x1f);
	int i;

	(void)k;
	memset(m, 0, sizeof(*m));
	for (i = 0; i < 4; i++) {
		__m128i v = b->v[i], folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
		__m128i op = _mm_or_si128(_mm_or_si128(equal(folded, '{'), equal(folded, '}')),
					  _mm_or_si128(equal(v, ':'), equal(v, ',')));
		__m128i space = _mm_or_si128(_mm_or_si128(equal(v, ' '), equal(v, '\t')),
					     _mm_or_si128(equal(v, '\n'), equal(v, '\r')));

		m->quote |= bits_of(equal(v, '"'), i);
		m->backslash |= bits_of(equal(v, '\\'), i);
		m->op |= bits_of(op, i);
		m->space |= bits_of(space, i);
		m->control |= bits_of(_mm_cmpeq_epi8(_mm_max_epu8(v, low), low), i);
		m->high |= bits_of(v, i);
	}
}

KERNEL_INLINE uint64_t equal_bits(const struct block *b, char c)
{
	uint64_t bits = 0;
	int i;

	for (i = 0; i < 4; i++)
		bits |= bits_of(equal(b->v[i], c), i);
	return bits;
}

KERNEL_INLINE uint64_t block_newlines(const struct block *b)
{
	return equal_bits(b, '\n');
}

KERNEL_INLINE uint64_t block_prefix_xor(uint64_t bits)
{
	bits ^= bits << 1;
	bits ^= bits << 2;
	bits ^= bits << 4;
	bits ^= bits << 8;
	bits ^= bits << 16;
	return bits ^ (bits << 32);
}

KERNEL_INLINE uint64_t block_escapes(const struct block *b, const struct constants *k,
				     const struct masks *m, uint64_t escaped, uint64_t *unicode)
{
	uint64_t good = m->quote | m->backslash;
	int i;

	(void)k;
	*unicode = 0;
	if (!escaped)
		return 0;
	*unicode = escaped & equal_bits(b, 'u');
	good |= *unicode;
	for (i = 0; i < 4; i++) {
		__m128i v = b->v[i];
		__m128i g = _mm_or_si128(_mm_or_si128(equal(v, '/'), equal(v, 'b')),
					 _mm_or_si128(equal(v, 'f'), equal(v, 'n')));

		g = _mm_or_si128(g, _mm_or_si128(equal(v, 'r'), equal(v, 't')));
		good |= bits_of(g, i);
	}
	return escaped & ~good;
}

KERNEL_INLINE uint32_t *block_flatten(const struct constants *k, uint32_t *out, uint32_t at,
				      uint64_t bits)
{
	uint32_t *end = out + __builtin_popcountll(bits);

	(void)k;
	while (bits) {
		int i;

		for (i = 0; i < 4; i++) {
			out[i] = at + (uint32_t)(bits ? __builtin_ctzll(bits) : 64);
			bits &= bits - 1;
		}
		out += 4;
	}
	return end;
}

KERNEL_INLINE void block_check_utf8(struct rameti_index *ix, const char *p, uint64_t valid,
				    uint32_t at)
{
	(void)ix, (void)p, (void)valid, (void)at; /* checked over the whole line at its end */
}

#include "json/index_kernel.h"

static void fill_line(struct rameti_index *ix)
{
	kernel_fill(ix, 1);
}

static void fill_text(struct rameti_index *ix)
{
	kernel_fill(ix, 0);
}

const struct rameti_index_level *rameti_index_sse2(void)
{
	static const struct rameti_index_level level = {
		"sse2", fill_line, fill_text, rameti_utf8_valid_plain, 0
	};

	return &level;
}

#else

const struct rameti_index_level *rameti_index_sse2(void)
{
	return NULL;
}

#endif

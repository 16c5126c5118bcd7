/*
 * index_avx512.c - the index step with AVX-512 (BW, VBMI2), where comparisons give masks and a mask
 * gives positions without a branch. Asked for only where the processor has it; nothing elsewhere.
 *
 * Its UTF-8 checks are those of index_avx2.c.
 */
#include "json/index_masks.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNEL_TARGET                                                                              \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,pclmul,bmi,bmi2,"        \
			      "popcnt")))

struct block {
	__m512i v;
};

struct constants {
	__m512i quote, backslash, fold, r, u;
	__m512i spaces, ops, escapes;            /* by low nibble, the same in all quarters */
	__m512i order;                           /* bytes 0..63 */
};

/* The compiler would make the vectors anew in every round; it cannot when it does not know them. */
#define KEEP(v) __asm__("" : "+v"(v))

KERNEL_INLINE KERNEL_TARGET void constants_init(struct constants *k)
{
	k->quote = _mm512_set1_epi8('"');
	k->backslash = _mm512_set1_epi8('\\');
	k->fold = _mm512_set1_epi8(0x20);
	k->r = _mm512_set1_epi8('r');
	k->u = _mm512_set1_epi8('u');
	/* space, tab, newline, return; the others cannot be equal to what they stand for */
	k->spaces = _mm512_broadcast_i32x4(_mm_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100,
							 '\t', '\n', 112, 100, '\r', 100, 100));
	/* : , and { } with [ ] folded onto them */
	k->ops = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
	/* b t u f n /, and r apart, because it shares b's nibble */
	k->escapes = _mm512_broadcast_i32x4(
		_mm_setr_epi8(-1, 0, 'b', 0, 't', 'u', 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
	k->order = _mm512_set_epi64(0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928,
				    0x2726252423222120, 0x1f1e1d1c1b1a1918, 0x1716151413121110,
				    0x0f0e0d0c0b0a0908, 0x0706050403020100);
	KEEP(k->quote);
	KEEP(k->backslash);
	KEEP(k->fold);
	KEEP(k->r);
	KEEP(k->u);
	KEEP(k->spaces);
	KEEP(k->ops);
	KEEP(k->escapes);
	KEEP(k->order);
}

KERNEL_INLINE KERNEL_TARGET void block_load(struct block *b, const char *p)
{
	b->v = _mm512_loadu_si512(p);
}

/* Is the table's entry for a byte's low nibble what the byte shows? Never for 0x80 and above. */
KERNEL_INLINE KERNEL_TARGET uint64_t in_table(__m512i v, __m512i shown, __m512i table)
{
	return _mm512_cmpeq_epi8_mask(shown, _mm512_shuffle_epi8(table, v));
}

KERNEL_INLINE KERNEL_TARGET void block_classify(const struct block *b, const struct constants *k,
						struct masks *m)
{
	const __m512i v = b->v;

	m->quote = _mm512_cmpeq_epi8_mask(v, k->quote);
	m->backslash = _mm512_cmpeq_epi8_mask(v, k->backslash);
	m->op = in_table(v, _mm512_or_si512(v, k->fold), k->ops);
	m->space = in_table(v, v, k->spaces);
	m->control = _mm512_cmplt_epu8_mask(v, k->fold);
	m->high = _mm512_movepi8_mask(v);
}

KERNEL_INLINE KERNEL_TARGET uint64_t block_newlines(const struct block *b)
{
	return _mm512_cmpeq_epi8_mask(b->v, _mm512_set1_epi8('\n'));
}

KERNEL_INLINE KERNEL_TARGET uint64_t block_prefix_xor(uint64_t bits)
{
	__m128i x = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8(-1), 0);

	return (uint64_t)_mm_cvtsi128_si64(x);
}

KERNEL_INLINE KERNEL_TARGET uint64_t block_escapes(const struct block *b, const struct constants *k,
						   const struct masks *m, uint64_t escaped,
						   uint64_t *unicode)
{
	uint64_t good = in_table(b->v, b->v, k->escapes) | _mm512_cmpeq_epi8_mask(b->v, k->r);

	*unicode = escaped & _mm512_cmpeq_epi8_mask(b->v, k->u);
	return escaped & ~(good | m->quote | m->backslash);
}

KERNEL_INLINE KERNEL_TARGET void put_sixteen(uint32_t *out, __m512i base, __m128i bytes)
{
	_mm512_storeu_si512(out, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(bytes)));
}

KERNEL_INLINE KERNEL_TARGET uint32_t *block_flatten(const struct constants *k, uint32_t *out,
						    uint32_t at, uint64_t bits)
{
	__m512i order = _mm512_maskz_compress_epi8(bits, k->order);
	__m512i base = _mm512_set1_epi32((int)at);
	int n = __builtin_popcountll(bits);

	put_sixteen(out, base, _mm512_castsi512_si128(order));
	put_sixteen(out + 16, base, _mm512_extracti32x4_epi32(order, 1));
	if (__builtin_expect(n > 32, 0)) {
		put_sixteen(out + 32, base, _mm512_extracti32x4_epi32(order, 2));
		put_sixteen(out + 48, base, _mm512_extracti32x4_epi32(order, 3));
	}
	return out + n;
}

#define block_check_utf8 rameti_utf8_check_avx2
#include "json/index_kernel.h"

static KERNEL_TARGET void fill_line(struct rameti_index *ix)
{
	kernel_fill(ix, 1);
}

static KERNEL_TARGET void fill_text(struct rameti_index *ix)
{
	kernel_fill(ix, 0);
}

const struct rameti_index_level *rameti_index_avx512(void)
{
	static const struct rameti_index_level level = {
		"avx512", fill_line, fill_text, rameti_utf8_valid_avx2, 1
	};

	if (rameti_index_avx2() && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512vbmi2"))
		return &level;
	return NULL;
}

#else

const struct rameti_index_level *rameti_index_avx512(void)
{
	return NULL;
}

#endif

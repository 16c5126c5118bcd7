/*
 * index_avx2.c - the index step with AVX2, carry-less multiplication and BMI, and a UTF-8 validator
 * of the same kind. Compiled for them by function attribute; asked for only where the processor has
 * them. Nothing on other machines.
 *
 * UTF-8 is checked by looking every pair of neighbouring bytes up in three nibble tables (Keiser
 * and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021).
 */
#include "json/index_masks.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNEL_TARGET __attribute__((target("avx2,pclmul,bmi,bmi2,popcnt")))

struct block {
	__m256i v[2];
};

KERNEL_INLINE KERNEL_TARGET __m256i load(const char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

struct constants {
	__m256i quote, backslash, fold, low, r, u;
	__m256i spaces, ops, escapes;            /* by low nibble, the same in both halves */
};

/* The compiler would make the vectors anew in every round; it cannot when it does not know them. */
#define KEEP(v) __asm__("" : "+x"(v))

KERNEL_INLINE KERNEL_TARGET __m256i both(__m128i v)
{
	return _mm256_broadcastsi128_si256(v);
}

KERNEL_INLINE KERNEL_TARGET void constants_init(struct constants *k)
{
	k->quote = _mm256_set1_epi8('"');
	k->backslash = _mm256_set1_epi8('\\');
	k->fold = _mm256_set1_epi8(0x20);
	k->low = _mm256_set1_epi8(0x1f);
	k->r = _mm256_set1_epi8('r');
	k->u = _mm256_set1_epi8('u');
	/* space, tab, newline, return; the others cannot be equal to what they stand for */
	k->spaces = both(_mm_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112,
				       100, '\r', 100, 100));
	/* : , and { } with [ ] folded onto them */
	k->ops = both(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
	/* b t u f n /, and r apart, because it shares b's nibble */
	k->escapes =
		both(_mm_setr_epi8(-1, 0, 'b', 0, 't', 'u', 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
	KEEP(k->quote);
	KEEP(k->backslash);
	KEEP(k->fold);
	KEEP(k->low);
	KEEP(k->r);
	KEEP(k->u);
	KEEP(k->spaces);
	KEEP(k->ops);
	KEEP(k->escapes);
}

KERNEL_INLINE KERNEL_TARGET void block_load(struct block *b, const char *p)
{
	b->v[0] = load(p);
	b->v[1] = load(p + 32);
}

KERNEL_INLINE KERNEL_TARGET __m256i equal(__m256i v, char c)
{
	return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
}

KERNEL_INLINE KERNEL_TARGET uint64_t bits_of(__m256i low, __m256i high)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

/* Is the table's entry for a byte's low nibble what the byte shows? Never for 0x80 and above. */
KERNEL_INLINE KERNEL_TARGET __m256i in_table(__m256i v, __m256i shown, __m256i table)
{
	return _mm256_cmpeq_epi8(shown, _mm256_shuffle_epi8(table, v));
}

KERNEL_INLINE KERNEL_TARGET void block_classify(const struct block *b, const struct constants *k,
						struct masks *m)
{
	const __m256i v0 = b->v[0], v1 = b->v[1];

	m->quote = bits_of(_mm256_cmpeq_epi8(v0, k->quote), _mm256_cmpeq_epi8(v1, k->quote));
	m->backslash =
		bits_of(_mm256_cmpeq_epi8(v0, k->backslash), _mm256_cmpeq_epi8(v1, k->backslash));
	m->op = bits_of(in_table(v0, _mm256_or_si256(v0, k->fold), k->ops),
			in_table(v1, _mm256_or_si256(v1, k->fold), k->ops));
	m->space = bits_of(in_table(v0, v0, k->spaces), in_table(v1, v1, k->spaces));
	m->control = bits_of(_mm256_cmpeq_epi8(_mm256_max_epu8(v0, k->low), k->low),
			     _mm256_cmpeq_epi8(_mm256_max_epu8(v1, k->low), k->low));
	m->high = bits_of(v0, v1);
}

KERNEL_INLINE KERNEL_TARGET uint64_t block_newlines(const struct block *b)
{
	return bits_of(equal(b->v[0], '\n'), equal(b->v[1], '\n'));
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
	const __m256i v0 = b->v[0], v1 = b->v[1];
	__m256i g0 = _mm256_or_si256(in_table(v0, v0, k->escapes), _mm256_cmpeq_epi8(v0, k->r));
	__m256i g1 = _mm256_or_si256(in_table(v1, v1, k->escapes), _mm256_cmpeq_epi8(v1, k->r));

	*unicode = escaped & bits_of(_mm256_cmpeq_epi8(v0, k->u), _mm256_cmpeq_epi8(v1, k->u));
	return escaped & ~(bits_of(g0, g1) | m->quote | m->backslash);
}

/* For each byte the numbers of its set bits in order, a byte each. */
#define BIT(b, i)                                                                                  \
	((uint64_t)((b) >> (i)&1) * (i) << 8 * __builtin_popcount((b) & ((1u << (i)) - 1)))
#define BITS(b) (BIT(b, 1) | BIT(b, 2) | BIT(b, 3) | BIT(b, 4) | BIT(b, 5) | BIT(b, 6) | BIT(b, 7))
#define BITS_4(b) BITS(b), BITS((b) + 1), BITS((b) + 2), BITS((b) + 3)
#define BITS_16(b) BITS_4(b), BITS_4((b) + 4), BITS_4((b) + 8), BITS_4((b) + 12)
#define BITS_64(b) BITS_16(b), BITS_16((b) + 16), BITS_16((b) + 32), BITS_16((b) + 48)
static const uint64_t set_bits[256] = { BITS_64(0u), BITS_64(64u), BITS_64(128u), BITS_64(192u) };

/* One byte's worth; *out moves on by what counts. */
KERNEL_INLINE KERNEL_TARGET uint32_t *put_byte(uint32_t *out, __m256i base, unsigned byte)
{
	__m128i bits = _mm_loadl_epi64((const __m128i *)(const void *)&set_bits[byte]);

	_mm256_storeu_si256((__m256i *)(void *)out,
			    _mm256_add_epi32(base, _mm256_cvtepu8_epi32(bits)));
	return out + __builtin_popcount(byte);
}

/* Without a branch on how many there are, which cannot be predicted; but much text has none. */
KERNEL_INLINE KERNEL_TARGET uint32_t *block_flatten(const struct constants *k, uint32_t *out,
						    uint32_t at, uint64_t bits)
{
	const __m256i eight = _mm256_set1_epi32(8);
	__m256i base = _mm256_set1_epi32((int)at);
	int i;

	(void)k;
	if (!bits)
		return out;
	for (i = 0; i < 8; i++, bits >>= 8) {
		out = put_byte(out, base, bits & 0xff);
		base = _mm256_add_epi32(base, eight);
	}
	return out;
}

/* ---- UTF-8 ---- */

enum {
	TOO_SHORT = 1 << 0, TOO_LONG = 1 << 1, OVERLONG_3 = 1 << 2, TOO_LARGE = 1 << 3,
	SURROGATE = 1 << 4, OVERLONG_2 = 1 << 5, TOO_LARGE_1000 = 1 << 6, OVERLONG_4 = 1 << 6,
	TWO_CONTS = 1 << 7, CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS
};

#define TABLE(name, ...) static const uint8_t name[16] = { __VA_ARGS__ }
TABLE(byte_1_high, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
      TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
      TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
TABLE(byte_1_low, CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY, CARRY,
      CARRY | TOO_LARGE, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE, CARRY | TOO_LARGE | TOO_LARGE_1000,
      CARRY | TOO_LARGE | TOO_LARGE_1000);
TABLE(byte_2_high, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
      TOO_SHORT, TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
      TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
      TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
      TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT, TOO_SHORT,
      TOO_SHORT);

KERNEL_INLINE KERNEL_TARGET __m256i look_up(const uint8_t table[16], __m256i nibbles)
{
	__m128i t = _mm_loadu_si128((const __m128i *)(const void *)table);

	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), nibbles);
}

/* Not zero where v, standing behind before (whose last three bytes count), is not UTF-8. */
KERNEL_INLINE KERNEL_TARGET __m256i utf8_errors(__m256i v, __m256i before)
{
	const __m256i nibble = _mm256_set1_epi8(0x0f);
	__m256i joint = _mm256_permute2x128_si256(before, v, 0x21);
	__m256i v1 = _mm256_alignr_epi8(v, joint, 15);
	__m256i v2 = _mm256_alignr_epi8(v, joint, 14);
	__m256i v3 = _mm256_alignr_epi8(v, joint, 13);
	__m256i a = look_up(byte_1_high, _mm256_and_si256(_mm256_srli_epi16(v1, 4), nibble));
	__m256i b = look_up(byte_1_low, _mm256_and_si256(v1, nibble));
	__m256i c = look_up(byte_2_high, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
	__m256i third = _mm256_subs_epu8(v2, _mm256_set1_epi8((char)(0xe0 - 0x80)));
	__m256i fourth = _mm256_subs_epu8(v3, _mm256_set1_epi8((char)(0xf0 - 0x80)));
	__m256i must =
		_mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

	return _mm256_xor_si256(must, _mm256_and_si256(_mm256_and_si256(a, b), c));
}

/* All ones in the first n of 32 bytes. */
KERNEL_INLINE KERNEL_TARGET __m256i first_bytes(int n)
{
	const __m256i order =
		_mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
				 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);

	return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)n), order);
}

KERNEL_TARGET __attribute__((noinline)) void rameti_utf8_check_avx2(struct rameti_index *ix,
								     const char *p, uint64_t valid,
								     uint32_t at)
{
	__m256i before = _mm256_setzero_si256(), v0 = load(p), v1 = load(p + 32), errors;

	if (at)
		before = load(ix->text + at - 32);
	if (~valid) { /* the newline's block: what follows is not ours */
		int n = __builtin_popcountll(valid);

		v0 = _mm256_and_si256(v0, first_bytes(n < 32 ? n : 32));
		v1 = _mm256_and_si256(v1, first_bytes(n < 32 ? 0 : n - 32));
	}
	errors = _mm256_or_si256(utf8_errors(v0, before), utf8_errors(v1, v0));
	ix->bad_utf8 |= (uint8_t)!_mm256_testz_si256(errors, errors);
}

KERNEL_TARGET int rameti_utf8_valid_avx2(const char *text, size_t len)
{
	__m256i before = _mm256_setzero_si256(), errors = before, v;
	char copy[32] = { 0 };
	size_t i;
	int tail = 0;

	for (i = 0; len - i >= 32; i += 32) {
		int high;

		v = load(text + i);
		high = _mm256_movemask_epi8(v);
		if (high | tail)
			errors = _mm256_or_si256(errors, utf8_errors(v, before));
		tail = (int)((unsigned)high >> 29);
		before = v;
	}
	memcpy(copy, text + i, len - i);
	errors = _mm256_or_si256(errors, utf8_errors(load(copy), before));
	return _mm256_testz_si256(errors, errors);
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

const struct rameti_index_level *rameti_index_avx2(void)
{
	static const struct rameti_index_level level = { "avx2", fill_line, fill_text,
							 rameti_utf8_valid_avx2, 1 };

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
	    __builtin_cpu_supports("popcnt"))
		return &level;
	return NULL;
}

#else

const struct rameti_index_level *rameti_index_avx2(void)
{
	return NULL;
}

#endif

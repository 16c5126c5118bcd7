/*
 * string_avx512.c - the inside of a JSON string, written and read with AVX-512 (BW, VL, VBMI2): a
 * mask says which bytes are to be spread or to go. Asked for only where the processor has it.
 *
 * The text is valid UTF-8, and a string that is read is one that the scan or the parser accepted.
 */
#include "json/escape_priv.h"
#include "json/index_masks.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET                                                                                     \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi,bmi2,popcnt")))
#define HALF 32u
#define STEP 64u

static inline uint64_t low_bits(size_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* Letters for the control characters that have one; *rest keeps those that have none. */
static inline TARGET __m256i with_letters(__m256i v, __mmask32 *rest)
{
	static const char says[] = "\bb\ff\nn\rr\tt";
	__mmask32 is;
	unsigned i;

	for (i = 0; says[i]; i += 2) {
		is = _mm256_mask_cmpeq_epi8_mask(*rest, v, _mm256_set1_epi8(says[i]));
		v = _mm256_mask_set1_epi8(v, is, says[i + 1]);
		*rest &= ~is;
	}
	return v;
}

/* 32 bytes with a backslash in front of each whose bit is set; where that ends, of the first n. */
static inline TARGET char *spread(char *to, __m256i v, uint32_t special, unsigned n)
{
	const uint64_t second = UINT64_C(0xaaaaaaaaaaaaaaaa);
	uint64_t places = _pdep_u64(special, second >> 1) | second;
	__m512i out = _mm512_mask_expand_epi8(_mm512_set1_epi8('\\'), _pext_u64(second, places),
					      _mm512_castsi256_si512(v));

	_mm512_storeu_si512(to, out);
	return to + n + (unsigned)__builtin_popcount(special);
}

static TARGET char *escape(char *to, const char *p, const char *end)
{
	const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
	const __m256i control = _mm256_set1_epi8(0x20);
	__mmask32 all, low, special;
	unsigned n;
	__m256i v;

	for (; p != end; p += n) {
		n = (size_t)(end - p) < HALF ? (unsigned)(end - p) : HALF;
		all = (__mmask32)low_bits(n);
		v = _mm256_maskz_loadu_epi8(all, p);
		low = _mm256_mask_cmplt_epu8_mask(all, v, control);
		special = low | _mm256_cmpeq_epi8_mask(v, quote) | _mm256_cmpeq_epi8_mask(v, slash);
		if (!special) {
			_mm256_storeu_si256((__m256i *)(void *)to, v);
			to += n;
			continue;
		}
		if (low)
			v = with_letters(v, &low);
		to = low ? rameti_escape_sse2(to, p, p + n) : spread(to, v, special, n);
	}
	return to;
}

/* What the letters behind a backslash stand for, where that is not themselves. */
static inline TARGET __m512i without_letters(__m512i v, __mmask64 escaped)
{
	static const char says[] = "b\bf\fn\nr\rt\t";
	__mmask64 is;
	unsigned i;

	for (i = 0; says[i]; i += 2) {
		is = _mm512_mask_cmpeq_epi8_mask(escaped, v, _mm512_set1_epi8(says[i]));
		v = _mm512_mask_set1_epi8(v, is, says[i + 1]);
	}
	return v;
}

static TARGET char *unescape(char *to, const char **from, const char *end)
{
	const __m512i slash = _mm512_set1_epi8('\\'), quote = _mm512_set1_epi8('"');
	uint64_t backslash, quotes, escaped, stop = 0, carry;
	const char *p;
	size_t n;
	__m512i v;

	for (p = *from; p != end && !stop; p += n) {
		n = (size_t)(end - p) < STEP ? (size_t)(end - p) : STEP;
		v = _mm512_maskz_loadu_epi8(low_bits(n), p);
		backslash = _mm512_cmpeq_epi8_mask(v, slash);
		quotes = _mm512_cmpeq_epi8_mask(v, quote);
		if (backslash | quotes) {
			carry = 0;
			escaped = rameti_escaped_bytes(backslash, &carry);
			if (escaped & ~(backslash | quotes))
				v = without_letters(v, escaped);
			stop = quotes & ~escaped;
			stop |= _mm512_mask_cmpeq_epi8_mask(escaped, v, _mm512_set1_epi8('u')) >> 1;
			backslash &= ~escaped;
			if (backslash >> (n - 1) & 1)
				n--;                     /* what it escapes is not seen yet */
			if (stop)
				n = (size_t)__builtin_ctzll(stop);
			v = _mm512_maskz_compress_epi8(~backslash, v);
		}
		backslash &= low_bits(n);
		if ((size_t)(end - p) >= STEP)           /* then there is room for all of it */
			_mm512_storeu_si512(to, v);
		else
			_mm512_mask_storeu_epi8(to, low_bits(n), v);
		to += n - (unsigned)__builtin_popcountll(backslash);
		if (!n)
			break;
	}
	*from = p;
	return to;
}

static int is_here(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

rameti_escape_fn *rameti_escape_avx512(void)
{
	return is_here() ? escape : NULL;
}

rameti_unescape_fn *rameti_unescape_avx512(void)
{
	return is_here() ? unescape : NULL;
}

#else

rameti_escape_fn *rameti_escape_avx512(void)
{
	return NULL;
}

rameti_unescape_fn *rameti_unescape_avx512(void)
{
	return NULL;
}

#endif

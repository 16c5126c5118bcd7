/*
 * escape_avx2.c - the inside of a JSON string, 32 bytes at a time with AVX2. Compiled for it by
 * function attribute; asked for only where the processor has it. Nothing on other machines.
 *
 * Text that is JSON itself has a quote every few bytes, so none of them is jumped to: each four
 * bytes go through a shuffle that puts the backslashes between them. The text is valid UTF-8.
 */
#include "json/escape_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,popcnt")))
#define STEP 32u

/* By which of four bytes are special: where each byte of the outcome comes from; 4: a backslash. */
static const uint8_t from[16][8] = {
	{ 0, 1, 2, 3, 4, 4, 4, 4 },
	{ 4, 0, 1, 2, 3, 4, 4, 4 },
	{ 0, 4, 1, 2, 3, 4, 4, 4 },
	{ 4, 0, 4, 1, 2, 3, 4, 4 },
	{ 0, 1, 4, 2, 3, 4, 4, 4 },
	{ 4, 0, 1, 4, 2, 3, 4, 4 },
	{ 0, 4, 1, 4, 2, 3, 4, 4 },
	{ 4, 0, 4, 1, 4, 2, 3, 4 },
	{ 0, 1, 2, 4, 3, 4, 4, 4 },
	{ 4, 0, 1, 2, 4, 3, 4, 4 },
	{ 0, 4, 1, 2, 4, 3, 4, 4 },
	{ 4, 0, 4, 1, 2, 4, 3, 4 },
	{ 0, 1, 4, 2, 4, 3, 4, 4 },
	{ 4, 0, 1, 4, 2, 4, 3, 4 },
	{ 0, 4, 1, 4, 2, 4, 3, 4 },
	{ 4, 0, 4, 1, 4, 2, 4, 3 },
};

/* Four bytes and a backslash in front of each whose bit is set; where that ends. 8 are written. */
static inline TARGET char *put_four(char *to, const char *p, unsigned bits)
{
	uint32_t four;
	__m128i v;

	memcpy(&four, p, sizeof(four));
	v = _mm_cvtsi64_si128((int64_t)(four | (uint64_t)'\\' << 32));
	v = _mm_shuffle_epi8(v, _mm_loadl_epi64((const __m128i *)(const void *)from[bits]));
	_mm_storel_epi64((__m128i *)(void *)to, v);
	return to + 4 + __builtin_popcount(bits);
}

static TARGET char *escape(char *to, const char *p, const char *end)
{
	const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
	const __m256i control = _mm256_set1_epi8(0x1f);
	unsigned i, bits;
	__m256i v, low;

	for (; (size_t)(end - p) >= STEP; p += STEP) {
		v = _mm256_loadu_si256((const __m256i *)(const void *)p);
		low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, control), v);
		if (_mm256_movemask_epi8(low)) {
			to = rameti_escape_sse2(to, p, p + STEP);
			continue;
		}
		bits = (unsigned)_mm256_movemask_epi8(
			_mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, slash)));
		if (!bits) {
			_mm256_storeu_si256((__m256i *)(void *)to, v);
			to += STEP;
			continue;
		}
		for (i = 0; i < STEP; i += 4)
			to = put_four(to, p + i, bits >> i & 15);
	}
	return rameti_escape_sse2(to, p, end);
}

rameti_escape_fn *rameti_escape_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? escape : NULL;
}

#else

rameti_escape_fn *rameti_escape_avx2(void)
{
	return NULL;
}

#endif

/*
 * escape_sse2.c - the inside of a JSON string, sixteen bytes at a time with SSE2, else one by one.
 *
 * Each step is copied whole and looked at; where a byte has to be escaped, the next step begins
 * behind it. The text is valid UTF-8.
 */
#include "json/escape_priv.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What stands for a special character of valid text, from to on; where that ends. */
static char *put_escape(char *to, unsigned char c)
{
	static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',
					    ['\r'] = 'r', ['\t'] = 't' };
	static const char hex[] = "0123456789abcdef";

	*to++ = '\\';
	if (c >= 0x20 || letters[c]) {
		*to++ = c >= 0x20 ? (char)c : letters[c];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = hex[c >> 4];
	to[4] = hex[c & 15];
	return to + 5;
}

/* How much is looked at at a time, and a bit for each byte of it that has to be escaped. */
#if defined(__SSE2__)
#define STEP 16u
static unsigned copy_step(char *to, const char *from)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)from);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

	_mm_storeu_si128((__m128i *)(void *)to, v);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}
#else
#define STEP 1u
static unsigned copy_step(char *to, const char *from)
{
	*to = *from;
	return (unsigned char)*from < 0x20 || *from == '"' || *from == '\\';
}
#endif

char *rameti_escape_sse2(char *to, const char *p, const char *end)
{
	unsigned bits;
	size_t n;

	while ((size_t)(end - p) >= STEP) {
		bits = copy_step(to, p);
		n = bits ? (unsigned)__builtin_ctz(bits) : STEP;
		to += n;
		p += n;
		if (bits)
			to = put_escape(to, (unsigned char)*p++);
	}
	for (; p != end; p++) {
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\')
			to = put_escape(to, (unsigned char)*p);
		else
			*to++ = *p;
	}
	return to;
}

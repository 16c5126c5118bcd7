/*
 * walk_priv.h - pieces that the scan's and the tape's walk share: checking scalars, remembering
 * what kinds of containers are open.
 */
#ifndef RAMETI_JSON_WALK_PRIV_H
#define RAMETI_JSON_WALK_PRIV_H

#include <string.h>
#include "json/index_priv.h"

#define RAMETI_LIKELY(x) __builtin_expect(!!(x), 1)
#define RAMETI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WALK_INLINE static inline __attribute__((always_inline))

/* Kinds of the open containers, a bit each (1: object), the innermost lowest in bits; every 64
 * levels go to words. */
struct rameti_bitstack {
	uint64_t bits;
	uint32_t depth;
	uint64_t *words;
};

WALK_INLINE int rameti_bitstack_push(struct rameti_bitstack *s, unsigned is_object)
{
	if (RAMETI_UNLIKELY(s->depth >= RAMET_JSON_DEPTH_MAX))
		return 0;
	if (RAMETI_UNLIKELY((s->depth & 63) == 0))
		s->words[s->depth >> 6] = s->bits;
	s->bits = s->bits << 1 | is_object;
	s->depth++;
	return 1;
}

/* Only when depth is not 0. */
WALK_INLINE void rameti_bitstack_pop(struct rameti_bitstack *s)
{
	s->depth--;
	if (RAMETI_UNLIKELY((s->depth & 63) == 0))
		s->bits = s->words[s->depth >> 6];
	else
		s->bits >>= 1;
}

/* May c stand behind a number or a word? The walk refuses the structural ones that do not fit. */
WALK_INLINE int rameti_ends_scalar(char c)
{
	static const uint8_t ends[256] = { ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, [' '] = 1,
					   [','] = 1,  [']'] = 1,  ['}'] = 1 };

	return ends[(unsigned char)c];
}

/* How many of eight bytes, from the first, are digits. */
WALK_INLINE unsigned rameti_eight_digits(const char *p)
{
	const uint64_t zeros = UINT64_C(0x3030303030303030), low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t w, other;

	memcpy(&w, p, 8);
	w ^= zeros;
	other = (((w & low7) + UINT64_C(0x7676767676767676)) | w) & ~low7;
	return other ? (unsigned)__builtin_ctzll(other) >> 3 : 8;
}

/* First byte at or after p that is not a digit. Sixteen bytes without a branch: how long numbers
 * are cannot be predicted. */
WALK_INLINE const char *rameti_skip_digits(const char *p, const char *end)
{
	while (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && RAMETI_LIKELY(end - p >= 16)) {
		unsigned first = rameti_eight_digits(p), second = rameti_eight_digits(p + 8);
		unsigned n = first + (first == 8 ? second : 0);

		p += n;
		if (RAMETI_LIKELY(n < 16))
			return p;
	}
	while (p < end && (unsigned)(*p - '0') <= 9)
		p++;
	return p;
}

/* End of the number at p, NULL if it is none. */
WALK_INLINE const char *rameti_number_end(const char *p, const char *end)
{
	const char *digits;

	if (*p == '-')
		p++;
	digits = p;
	p = rameti_skip_digits(p, end);
	if (p == digits || (p - digits > 1 && *digits == '0'))
		return NULL;
	if (p < end && *p == '.') {
		digits = p + 1;
		p = rameti_skip_digits(digits, end);
		if (p == digits)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		digits = p + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		p = rameti_skip_digits(digits, end);
		if (p == digits)
			return NULL;
	}
	return p;
}

WALK_INLINE const char *rameti_word_end(const char *p, const char *end, const char *word, long len)
{
	return end - p >= len && !memcmp(p, word, (size_t)len) ? p + len : NULL;
}

/* End of the number, true, false or null at p, and its kind; NULL if it is none of them or
 * something else sticks to it. end bounds what may be read. */
WALK_INLINE const char *rameti_scalar_end(const char *p, const char *end, uint8_t *kind)
{
	switch (*p) {
	case 't':
		*kind = RAMET_JSON_TRUE;
		p = rameti_word_end(p, end, "true", 4);
		break;
	case 'f':
		*kind = RAMET_JSON_FALSE;
		p = rameti_word_end(p, end, "false", 5);
		break;
	case 'n':
		*kind = RAMET_JSON_NULL;
		p = rameti_word_end(p, end, "null", 4);
		break;
	default:
		*kind = RAMET_JSON_NUMBER;
		p = rameti_number_end(p, end);
	}
	if (p && p < end && !rameti_ends_scalar(*p))
		return NULL;
	return p;
}

#endif

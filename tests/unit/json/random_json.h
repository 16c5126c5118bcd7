/*
 * random_json.h - random JSON text for tests, and damage for it; the same seed, the same text.
 */
#ifndef TEST_RANDOM_JSON_H
#define TEST_RANDOM_JSON_H

#include <stdint.h>
#include <string.h>
#include "ramet/base.h"

struct rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct rng *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static inline const char *rng_pick(struct rng *r, const char *const *from, uint32_t n)
{
	return from[rng_next(r, n)];
}
#define PICK(r, list) rng_pick((r), (list), (uint32_t)(sizeof(list) / sizeof(*(list))))

static inline void random_string(struct rng *r, struct ramet_buf *b)
{
	static const char *const parts[] = {
		"a",
		"type",
		"id",
		"message",
		"role",
		" ",
		"\\n",
		"\\\\",
		"\\\"",
		"\\u00e9",
		"\\ud83d\\ude00",
		"\\ud800",
		"\xc3\xa9",
		"\xe2\x80\xa8",
		"\xf0\x9f\x98\x80",
		"{",
		"}",
		"[",
		"]",
		":",
		",",
		"the quick brown fox jumps over the lazy dog and then over something else again",
		"\\/",
		"\\b\\f\\r\\t",
		"\\\\\\\\\\\\",
		"\x7f",
		"0"
	};
	uint32_t n = rng_next(r, 5);

	ramet_buf_add_char(b, '"');
	while (n--)
		ramet_buf_add_str(b, PICK(r, parts));
	ramet_buf_add_char(b, '"');
}

static inline void random_space(struct rng *r, struct ramet_buf *b, int newlines)
{
	static const char *const spaces[] = { " ", "\t", "\r", "   ", "\n" };

	if (rng_next(r, 8) == 0)
		ramet_buf_add_str(b, spaces[rng_next(r, newlines ? 5 : 4)]);
}

static inline void random_scalar(struct rng *r, struct ramet_buf *b)
{
	static const char *const scalars[] = { "0",
					       "-0",
					       "1",
					       "12",
					       "-3.25",
					       "1e5",
					       "1E+400",
					       "2e-400",
					       "12345678901234567890123",
					       "true",
					       "false",
					       "null",
					       "0.1",
					       "1764547218428",
					       "0.00030000000000000003",
					       "1.5e-7" };

	if (rng_next(r, 2))
		random_string(r, b);
	else
		ramet_buf_add_str(b, PICK(r, scalars));
}

/* One value without recursion: a word of choices, containers closed on the way back. */
static inline void random_value(struct rng *r, struct ramet_buf *b, int newlines)
{
	static const char *const keys[] = { "\"type\"",	    "\"id\"",	    "\"message\"",
					    "\"role\"",	    "\"\"",	    "\"timestamp\"",
					    "\"content\"",  "\"\\u0069d\"", "\"rol\\u0065\"",
					    "\"parentId\"", "\"__proto__\"" };
	char stack[64];
	uint32_t depth = 0, budget = 1 + rng_next(r, 30), fresh = 0;

	random_space(r, b, newlines);
	for (;;) {
		int closing = depth && (budget == 0 || rng_next(r, 6) == 0);

		if (closing) {
			ramet_buf_add_char(b, stack[--depth]);
			fresh = 0;
		} else {
			if (depth && !fresh)
				ramet_buf_add_char(b, ',');
			random_space(r, b, newlines);
			if (depth && stack[depth - 1] == '}') {
				if (rng_next(r, 2))
					ramet_buf_add_str(b, PICK(r, keys));
				else
					random_string(r, b);
				random_space(r, b, newlines);
				ramet_buf_add_char(b, ':');
				random_space(r, b, newlines);
			}
			budget -= budget > 0;
			if (depth < 60 && budget && rng_next(r, 3) == 0) {
				int object = rng_next(r, 3) != 0;

				ramet_buf_add_char(b, object ? '{' : '[');
				stack[depth++] = object ? '}' : ']';
				fresh = 1;
				random_space(r, b, newlines);
				continue;
			}
			random_scalar(r, b);
			fresh = 0;
		}
		random_space(r, b, newlines);
		if (!depth)
			return;
	}
}

/* Change, drop, double or insert a few bytes. */
static inline void damage(struct rng *r, struct ramet_buf *b)
{
	static const char bytes[] = "\"\\{}[]:,0-.eEtfnu \t\r\xff\x80\xc3\xe2\xed\xa0\xf4\x01\x1f"
				    "a";
	uint32_t n = 1 + rng_next(r, 3);

	while (n-- && b->len) {
		size_t at = rng_next(r, (uint32_t)b->len);

		switch (rng_next(r, 4)) {
		case 0:
			b->ptr[at] = bytes[rng_next(r, sizeof(bytes))];
			break;
		case 1:
			memmove(b->ptr + at, b->ptr + at + 1, b->len - at - 1);
			ramet_buf_truncate(b, b->len - 1);
			break;
		case 2:
			ramet_buf_truncate(b, at);
			break;
		default:
			ramet_buf_add_char(b, ' ');
			memmove(b->ptr + at + 1, b->ptr + at, b->len - at - 1);
			b->ptr[at] = bytes[rng_next(r, sizeof(bytes))];
		}
	}
}

#endif

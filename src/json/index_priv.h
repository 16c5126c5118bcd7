/*
 * index_priv.h - the index step: where are the structural characters, quotes and scalar starts?
 *
 * An index walks a text in windows of RAMETI_INDEX_BLOCKS blocks of 64 bytes, so its memory is
 * fixed whatever the length. Per window it lists positions in order; inside strings nothing is
 * listed, so after an opening quote the next position is always its closing quote. It checks what
 * needs no grammar: control characters in strings, escapes, UTF-8. The walk checks the rest.
 */
#ifndef RAMETI_JSON_INDEX_PRIV_H
#define RAMETI_JSON_INDEX_PRIV_H

#include "json/scan.h"

#define RAMETI_INDEX_BLOCKS 64u
#define RAMETI_INDEX_WINDOW (RAMETI_INDEX_BLOCKS * 64u)
#define RAMETI_INDEX_SPARE 64u                   /* the flattening step writes a little beyond */
#define RAMETI_INDEX_LEN_MAX (UINT32_MAX - RAMETI_INDEX_WINDOW)
#define RAMETI_DEPTH_WORDS (RAMET_JSON_DEPTH_MAX / 64 + 2)

struct rameti_index;

/* One way to fill a window: reads from ix->at on, sets pos, n and stop, moves the carries along. */
struct rameti_index_level {
	const char *name;
	void (*fill_line)(struct rameti_index *ix);      /* stops at the first newline */
	void (*fill_text)(struct rameti_index *ix);      /* a newline is white space */
	int (*utf8_valid)(const char *text, size_t len);
	int checks_utf8; /* bad_utf8 comes out of fill; else only high does */
};

struct rameti_index {
	const struct rameti_index_level *level;
	const char *text;
	uint32_t len;                            /* bytes that may be read */
	uint32_t at;                             /* the next block starts here */
	uint32_t end;                            /* once done: length of the line or text */
	uint32_t base;                           /* where this window starts */
	const uint32_t *stop;                    /* pos + number of positions */
	uint8_t done, bad; /* bad: control character or wrong escape in a string */
	uint8_t high, bad_utf8;
	uint32_t last_escape; /* last backslash before this window + 1, 0: none */
	uint64_t in_string;                      /* carries from block to block: all ones inside */
	uint64_t escaped;                        /* 1: the next byte is escaped */
	uint64_t in_scalar;                      /* 1: the last byte was part of a scalar */
	uint64_t tail_high;                      /* not 0: a character may be unfinished */
	uint64_t backslash[RAMETI_INDEX_BLOCKS]; /* a bit per byte */
	uint32_t pos[RAMETI_INDEX_WINDOW + RAMETI_INDEX_SPARE];
};

/* A level, or NULL where the machine (or the compiler's target) lacks it. */
const struct rameti_index_level *rameti_index_plain(void);
const struct rameti_index_level *rameti_index_sse2(void);
const struct rameti_index_level *rameti_index_avx2(void);
const struct rameti_index_level *rameti_index_avx512(void);
/* simd as in rameti_scanner_new; NULL if not available. */
const struct rameti_index_level *rameti_index_level(int simd);

/* rameti_utf8_valid without vectors, and with AVX2 (only where the machine has it). */
int rameti_utf8_valid_plain(const char *text, size_t len);
int rameti_utf8_valid_avx2(const char *text, size_t len);
/* Check 64 bytes at p, which stand at `at` in ix's text, as far as they are valid; with AVX2. */
void rameti_utf8_check_avx2(struct rameti_index *ix, const char *p, uint64_t valid, uint32_t at);

/* Start on a text of at most RAMETI_INDEX_LEN_MAX bytes; pos is left as it is. */
void rameti_index_start(struct rameti_index *ix, const char *text, uint32_t len);
/* The next window with a position in it: 1, or 0 at the end or when something is bad. */
int rameti_index_more_line(struct rameti_index *ix);
int rameti_index_more_text(struct rameti_index *ix);
/* After done: was there invalid UTF-8 before ix->end? */
int rameti_index_bad_utf8(const struct rameti_index *ix);

/* Last backslash in the window's blocks 0..block (of the last one only the bits in mask) + 1, or
 * the one before the window; looks no further back than `from`. */
static inline uint32_t rameti_index_escape_before(const struct rameti_index *ix, uint32_t block,
						  uint64_t mask, uint32_t from)
{
	uint64_t bits = ix->backslash[block] & mask;
	uint32_t at = ix->base + (block << 6);

	while (!bits && block && at > from) {
		bits = ix->backslash[--block];
		at -= 64;
	}
	return bits ? at + 64 - (uint32_t)__builtin_clzll(bits) : block ? 0 : ix->last_escape;
}

/* Is a backslash inside the string whose closing quote, `close`, is the newest position taken? */
static inline int rameti_index_has_escape(const struct rameti_index *ix, uint32_t open,
					  uint32_t close)
{
	uint32_t off = close - ix->base;
	uint64_t below = (UINT64_C(1) << (off & 63)) - 1;

	return rameti_index_escape_before(ix, off >> 6, below, open) > open + 1;
}

/* ---- explain.c: the exact, slow answer, asked only when the fast one is "no" ---- */

/* Why is text (one line or a whole text, len bytes) not one JSON value, and at which byte?
 * RAMETI_TROUBLE_NONE if it is. words has room for RAMETI_DEPTH_WORDS. */
enum rameti_line_trouble rameti_json_explain(const char *text, uint32_t len, uint64_t *words,
					     uint32_t *error_at);
/* Does String.prototype.trim() leave nothing of text? */
int rameti_json_is_blank(const char *text, uint32_t len);

#endif

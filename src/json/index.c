/*
 * index.c - which index step, and moving it from window to window.
 */
#include "json/index_priv.h"

#include <string.h>

#define SHORT 40u

const struct rameti_index_level *rameti_index_level(int simd)
{
	const struct rameti_index_level *level;

	switch (simd) {
	case 0:
		level = rameti_index_avx512();
		if (!level)
			level = rameti_index_avx2();
		if (!level)
			level = rameti_index_sse2();
		return level ? level : rameti_index_plain();
	case 1:
		return rameti_index_plain();
	case 2:
		return rameti_index_sse2();
	case 3:
		return rameti_index_avx2();
	case 4:
		return rameti_index_avx512();
	}
	return NULL;
}

void rameti_index_start(struct rameti_index *ix, const char *text, uint32_t len)
{
	ix->text = text;
	ix->len = len;
	ix->at = ix->end = ix->base = 0;
	ix->stop = ix->pos;
	ix->done = ix->bad = ix->high = ix->bad_utf8 = 0;
	ix->last_escape = 0;
	ix->in_string = ix->escaped = ix->in_scalar = ix->tail_high = 0;
}

/* Fill windows until one has a position in it. */
static int more(struct rameti_index *ix, void (*fill)(struct rameti_index *ix))
{
	while (!ix->done && !ix->bad) {
		if (ix->at > ix->base)
			ix->last_escape = rameti_index_escape_before(
				ix, (ix->at - ix->base - 1) >> 6, ~UINT64_C(0), ix->base);
		fill(ix);
		if (ix->stop > ix->pos)
			return !ix->bad;
	}
	return 0;
}

int rameti_index_more_line(struct rameti_index *ix)
{
	return more(ix, ix->level->fill_line);
}

int rameti_index_more_text(struct rameti_index *ix)
{
	return more(ix, ix->level->fill_text);
}

int rameti_index_bad_utf8(const struct rameti_index *ix)
{
	if (ix->level->checks_utf8)
		return ix->bad_utf8;
	return ix->high && !ix->level->utf8_valid(ix->text, ix->end);
}

/* Ids and times are short, and ASCII. */
static int is_short_ascii(struct ramet_bytes text)
{
	unsigned char all = 0;
	size_t i;

	if (text.len > SHORT)
		return 0;
	for (i = 0; i < text.len; i++)
		all |= (unsigned char)text.ptr[i];
	return all < 0x80;
}

int rameti_utf8_valid(struct ramet_bytes text)
{
	return is_short_ascii(text) || rameti_index_level(0)->utf8_valid(text.ptr, text.len);
}

/*
 * ops/seal_align.c - which line broke: the short hashes in a seal beside those of the lines.
 *
 * Both lists are gone through once. Where they differ, the nearest way to make the next two lines
 * fit again is taken for what happened: two lines changed places, some are missing, some came
 * in; else this one changed. The answer is a guess where much was changed, and right for a single
 * accident.
 */
#include "ops/seal_align_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/tree.h"

#define FAR 256                                  /* lines missing or put in at one place */
#define TOLD_MAX 20

struct aligning {
	const struct rameti_seal_line *lines;
	size_t n_lines;
	uint8_t (*want)[RAMETI_SEAL_SHORT];
	size_t n_want;
	size_t i, j;                             /* in want, in lines */
	uint64_t seal_line, seal_offset, told, rest;
	struct ramet_findings *f;
};

static int fits(const struct aligning *a, size_t i, size_t j)
{
	return i < a->n_want && j < a->n_lines &&
	       !memcmp(a->want[i], a->lines[j].hash, RAMETI_SEAL_SHORT);
}

/* Does it go on from here: this line and the next one, if there is one? */
static int goes_on(const struct aligning *a, size_t i, size_t j)
{
	return fits(a, i, j) && (i + 1 == a->n_want || fits(a, i + 1, j + 1));
}

/* At the line j, or at the seal behind the last one. */
static int tell(struct aligning *a, size_t j, const char *text)
{
	const struct ramet_bytes no_id = { NULL, 0 };
	int behind = j >= a->n_lines;

	if (a->told++ >= TOLD_MAX) {
		a->rest++;
		return 0;
	}
	return rameti_finding_add(a->f, RAMET_DAMAGE, "seal",
				  behind ? a->seal_line : a->lines[j].number,
				  behind ? a->seal_offset : a->lines[j].offset, no_id,
				  "%s (seal in line %llu)", text, (unsigned long long)a->seal_line);
}

static int tell_missing(struct aligning *a, size_t n)
{
	char text[80] = "a line that was sealed is missing before this one";

	if (n > 1)
		(void)snprintf(text, sizeof(text),
			       "%zu lines that were sealed are missing before this one", n);
	a->i += n;
	return tell(a, a->j, text);
}

static int tell_new(struct aligning *a, size_t n)
{
	char text[80] = "this line was put in after the sealing";
	size_t at = a->j;

	if (n > 1)
		(void)snprintf(text, sizeof(text),
			       "%zu lines, from this one on, were put in after the sealing", n);
	a->j += n;
	return tell(a, at, text);
}

/* The lists differ here: what happened? */
static int step(struct aligning *a)
{
	size_t d;
	int r;

	if (a->j >= a->n_lines)
		return tell_missing(a, a->n_want - a->i);
	if (fits(a, a->i, a->j + 1) && fits(a, a->i + 1, a->j)) {
		r = tell(a, a->j, "this line and the next one changed places after the sealing");
		a->i += 2;
		a->j += 2;
		return r;
	}
	/* most often one line changed, and those behind it still fit */
	for (d = goes_on(a, a->i + 1, a->j + 1) ? FAR : 1; d < FAR; d++) {
		if (goes_on(a, a->i + d, a->j))
			return tell_missing(a, d);
		if (goes_on(a, a->i, a->j + d))
			return tell_new(a, d);
	}
	r = tell(a, a->j, "this line was changed after the sealing");
	a->i++;
	a->j++;
	return r;
}

static int tell_rest(struct aligning *a)
{
	const struct ramet_bytes no_id = { NULL, 0 };

	if (!a->rest)
		return 0;
	return rameti_finding_add(a->f, RAMET_DAMAGE, "seal", a->seal_line, a->seal_offset, no_id,
				  "%llu more differences before this seal",
				  (unsigned long long)a->rest);
}

int rameti_seal_align(struct rameti_seal_alignment *to, const struct rameti_seal *seal,
		      struct ramet_findings *f)
{
	struct aligning a = {
		.lines = to->lines, .n_lines = to->n_lines,
		.n_want = (size_t)seal->count,
		.seal_line = to->seal_line, .seal_offset = to->seal_offset, .f = f
	};
	int r = 0;
	size_t i;

	a.want = ramet_alloc(rameti_mul(a.n_want, sizeof(*a.want)));
	if (!a.want)
		return RAMET_ENOMEM;
	for (i = 0; i < a.n_want; i++)
		(void)rameti_seal_unhex(seal->hashes.ptr + 8 * i, sizeof(*a.want), a.want[i]);
	while (!r && a.i < a.n_want)
		if (fits(&a, a.i, a.j)) {
			a.i++;
			a.j++;
		} else {
			r = step(&a);
		}
	if (!r)
		r = tell_rest(&a);
	to->end = a.j;
	ramet_free(a.want);
	return r;
}

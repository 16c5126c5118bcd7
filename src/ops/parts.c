/*
 * ops/parts.c - a line that is no JSON value, taken apart: the objects in it become lines, the
 * rest is dropped.
 *
 * NUL bytes part a line, and nothing is ever joined over them: what stood there is gone. Between
 * objects that stand one behind the other only a line end is missing. Behind something that is no
 * object, one is looked for that is an entry as agents write it and is followed by nothing but
 * objects up to the end of the stretch, so that a piece of a torn entry is not taken for an entry.
 */
#include "ops/damage_priv.h"

#include <string.h>
#include "codec/begins.h"

#define WINDOW 4096u
#define BUDGET 16u                               /* times a stretch's length is looked at */

struct parting {
	struct rameti_plan *plan;
	struct ramet_bytes line;
	uint64_t offset;
	int terminated;
	int has_nul;
	int n_kept;
	size_t dropped_to;                       /* the last action drops up to here */
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t skip_blank(struct ramet_bytes text)
{
	size_t at = 0;

	while (at < text.len && is_blank(text.ptr[at]))
		at++;
	return at;
}

/* How long the object at the start of text is, with blanks around it; 0: there is none. text has no
 * NUL and no newline. It is looked at in growing pieces, so that a line of many small objects
 * does not cost its square. */
static size_t object_len(struct rameti_plan *p, struct ramet_bytes text)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	size_t blank = skip_blank(text), size = WINDOW;
	struct rameti_line l;

	if (blank == text.len || text.ptr[blank] != '{')
		return 0;
	for (;; size *= 4) {
		struct ramet_bytes piece = { text.ptr, size < text.len ? size : text.len };

		if (rameti_scan_line(p->scanner, piece, &l, found) < 0)
			return 0;
		if (l.kind == RAMETI_LINE_OBJECT)
			return l.len;
		if (l.kind == RAMETI_LINE_BAD && l.trouble == RAMETI_TROUBLE_MORE)
			return l.error_at;
		if (piece.len == text.len || l.kind != RAMETI_LINE_BAD ||
		    (l.trouble != RAMETI_TROUBLE_UNFINISHED && l.error_at + 16 < piece.len))
			return 0;
	}
}

/* Nothing but objects up to the end? *cost grows by what was looked at. */
static int all_objects(struct rameti_plan *p, struct ramet_bytes text, uint64_t *cost)
{
	size_t n;

	*cost += text.len;
	while (text.len > skip_blank(text)) {
		n = object_len(p, text);
		if (!n)
			return 0;
		text.ptr += n;
		text.len -= n;
	}
	return 1;
}

/* Where, behind the start of text, entries begin that go on to its end; its length if nowhere. */
static size_t next_entry(struct rameti_plan *p, struct ramet_bytes text)
{
	uint64_t cost = 0, most = (uint64_t)text.len * BUDGET;
	struct ramet_bytes rest;
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (cost <= most && (at = memchr(at + 1, '{', (size_t)(end - at - 1))) != NULL) {
		rest.ptr = at;
		rest.len = (size_t)(end - at);
		if (rameti_record_begins(p->codec, rest) && all_objects(p, rest, &cost))
			return (size_t)(at - text.ptr);
		if (rest.len == 1)
			break;
	}
	return text.len;
}

static int drop(struct parting *t, const char *code, int salvage, size_t from, size_t to)
{
	t->dropped_to = to;
	return rameti_plan_add(t->plan, RAMET_REPAIR_DROP, code, salvage, t->offset + from,
			       to - from);
}

static int drop_garbage(struct parting *t, size_t from, size_t to)
{
	const char *code = !t->terminated ? "torn-tail" : t->has_nul ? "nul-run" : "malformed";

	return drop(t, code, t->terminated, from, to);
}

static int keep(struct parting *t, size_t from, size_t to)
{
	struct ramet_bytes object = { t->line.ptr + from, to - from };
	int stays, r = rameti_plan_see(t->plan, object, t->offset + from, t->terminated, &stays);

	if (r < 0)
		return r;
	if (!stays) {
		t->dropped_to = to;
		return rameti_plan_reject(t->plan, t->offset + from, to - from, t->terminated);
	}
	if (!t->n_kept++)
		return 0;
	return rameti_plan_add(t->plan, RAMET_REPAIR_NEWLINE, "glued", 0, t->offset + from, 0);
}

/* Bytes [from, to) of the line, without NUL. */
static int part_stretch(struct parting *t, size_t from, size_t to)
{
	struct ramet_bytes text;
	size_t n;
	int r = 0;

	while (!r && from < to) {
		text.ptr = t->line.ptr + from;
		text.len = to - from;
		n = object_len(t->plan, text);
		if (n) {
			r = keep(t, from, from + n);
		} else if (skip_blank(text) == text.len) {
			n = text.len;
			r = drop(t, t->has_nul ? "nul-run" : "malformed", 0, from, to);
		} else {
			n = next_entry(t->plan, text);
			r = drop_garbage(t, from, from + n);
		}
		from += n;
	}
	return r;
}

static size_t nul_run(struct ramet_bytes line, size_t from)
{
	size_t to = from;

	while (to < line.len && !line.ptr[to])
		to++;
	return to;
}

int rameti_plan_part(struct rameti_plan *plan, struct ramet_bytes line, uint64_t offset,
		     int terminated)
{
	struct parting t = { .plan = plan, .line = line, .offset = offset,
			     .terminated = terminated };
	size_t at = 0, to;
	const char *nul;
	int r = 0;

	t.has_nul = memchr(line.ptr, 0, line.len) != NULL;
	while (!r && at < line.len) {
		to = nul_run(line, at);
		if (to > at) {
			r = drop(&t, "nul-run", 0, at, to);
		} else {
			nul = memchr(line.ptr + at, 0, line.len - at);
			to = nul ? (size_t)(nul - line.ptr) : line.len;
			r = part_stretch(&t, at, to);
		}
		at = to;
	}
	if (r < 0)
		return r;
	if (t.n_kept && !terminated)
		return rameti_plan_add(plan, RAMET_REPAIR_NEWLINE, "no-newline", 0,
				       offset + line.len, 0);
	/* nothing of the line stays: its end goes too */
	if (!t.n_kept && terminated) {
		plan->actions[plan->n - 1].length++;
		plan->n_lost++;
	}
	return 0;
}

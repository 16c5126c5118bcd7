/*
 * model/labels.c - the labels now set, replayed in file order from the entries that say so.
 *
 * An entry whose target is no text sets nothing; one whose label is no text clears. Looking a row
 * up is a binary search, since a file can hold as many labels as entries.
 */
#include "model/tree.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/map.h"

#define LABELS_MAX 0x7fffffffu

struct place {
	uint32_t target_row, at;                 /* a label's target and where it is in items */
};

/* What a struct ramet_labels owns beside its items. */
struct owned {
	struct rameti_arena arena;
	/* ordered by target_row; unknown targets left out */
	struct place *places;
	uint32_t n_places;
};

struct replay {
	const struct ramet_tree *tree;
	struct ramet_labels *out;
	struct rameti_arena *arena;
	struct rameti_map map;                   /* target to place in items */
	struct ramet_buf scratch, target, text;
	struct ramet_json_doc doc;
	uint32_t cap;
};

static int set_label(struct replay *p, uint32_t row, const struct ramet_json *timestamp)
{
	struct ramet_labels *out = p->out;
	struct ramet_label l;
	uint32_t at;

	l.target = rameti_arena_dup(p->arena, ramet_buf_bytes(&p->target));
	l.text = rameti_arena_dup(p->arena, ramet_buf_bytes(&p->text));
	l.timestamp = timestamp ? rameti_arena_dup(p->arena, ramet_json_raw(timestamp))
				: ramet_bytes_of("");
	l.row = row;
	l.target_row = ramet_tree_find(p->tree, l.target);
	if (!l.target.ptr || !l.text.ptr || !l.timestamp.ptr)
		return RAMET_ENOMEM;
	if (rameti_map_get(&p->map, l.target, &at)) {
		out->items[at] = l;
		return 0;
	}
	if (rameti_grow((void **)&out->items, &p->cap, out->n, sizeof(l), LABELS_MAX) < 0 ||
	    rameti_map_set(&p->map, l.target, out->n) < 0)
		return RAMET_ENOMEM;
	out->items[out->n++] = l;
	return 0;
}

/* A cleared label leaves its place empty (row RAMET_NONE) until the end. */
static void clear_label(struct replay *p)
{
	uint32_t at;

	if (!rameti_map_get(&p->map, ramet_buf_bytes(&p->target), &at))
		return;
	rameti_map_remove(&p->map, ramet_buf_bytes(&p->target));
	p->out->items[at].row = RAMET_NONE;
}

static int replay_one(struct replay *p, uint32_t row, struct ramet_error *err)
{
	const struct ramet_json *e, *label;
	struct ramet_bytes json;
	int r = ramet_tree_entry(p->tree, row, &p->scratch, &json, err);

	if (!r)
		r = ramet_json_parse(&p->doc, json, 0, err);
	if (r < 0)
		return r;
	e = ramet_json_root(&p->doc);
	label = ramet_json_get(e, "label");
	if (ramet_json_kind(ramet_json_get(e, "targetId")) != RAMET_JSON_STRING)
		return 0;
	ramet_buf_reset(&p->target);
	ramet_buf_reset(&p->text);
	ramet_json_text(ramet_json_get(e, "targetId"), &p->target);
	ramet_json_text(label, &p->text);
	if (ramet_buf_status(&p->target) < 0 || ramet_buf_status(&p->text) < 0)
		return rameti_fail_nomem(err);
	if (!p->text.len)
		clear_label(p);
	else if (set_label(p, row, ramet_json_get(e, "timestamp")) < 0)
		return rameti_fail_nomem(err);
	return 0;
}

static void drop_cleared(struct ramet_labels *labels)
{
	uint32_t i, n = 0;

	for (i = 0; i < labels->n; i++)
		if (labels->items[i].row != RAMET_NONE)
			labels->items[n++] = labels->items[i];
	labels->n = n;
}

static int by_target(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->target_row < y->target_row ? -1 : x->target_row > y->target_row;
}

static int order_places(struct ramet_labels *labels)
{
	struct owned *o = labels->priv;
	uint32_t i;

	o->places = rameti_arena_alloc(&o->arena, rameti_mul(labels->n, sizeof(*o->places)));
	if (!o->places)
		return RAMET_ENOMEM;
	for (i = 0; i < labels->n; i++) {
		if (labels->items[i].target_row == RAMET_NONE)
			continue;
		o->places[o->n_places].target_row = labels->items[i].target_row;
		o->places[o->n_places++].at = i;
	}
	qsort(o->places, o->n_places, sizeof(*o->places), by_target);
	return 0;
}

int ramet_tree_labels(const struct ramet_tree *t, struct ramet_labels *labels,
		      struct ramet_error *err)
{
	struct ramet_labels fresh = RAMET_LABELS_INIT;
	struct owned *o = ramet_calloc(1, sizeof(*o));
	struct replay p;
	const uint32_t *rows;
	uint32_t i, n;
	int r = 0;

	if (!o)
		return rameti_fail_nomem(err);
	rameti_arena_init(&o->arena, SIZE_MAX / 2);
	fresh.priv = o;
	memset(&p, 0, sizeof(p));
	p.tree = t;
	p.out = &fresh;
	p.arena = &o->arena;
	rameti_map_init(&p.map, 0);
	ramet_buf_init(&p.scratch, SIZE_MAX / 2);
	ramet_buf_init(&p.target, SIZE_MAX / 2);
	ramet_buf_init(&p.text, SIZE_MAX / 2);
	rows = rameti_tree_label_rows(t, &n);
	for (i = 0; !r && i < n; i++)
		r = replay_one(&p, rows[i], err);
	drop_cleared(&fresh);
	r = rameti_tree_answer(t, r, err);
	if (!r && order_places(&fresh) < 0)
		r = rameti_fail_nomem(err);
	rameti_map_release(&p.map);
	ramet_buf_release(&p.scratch);
	ramet_buf_release(&p.target);
	ramet_buf_release(&p.text);
	ramet_json_doc_release(&p.doc);
	if (r < 0) {
		ramet_labels_release(&fresh);
		return r;
	}
	ramet_labels_release(labels);
	*labels = fresh;
	return 0;
}

const struct ramet_label *ramet_labels_find(const struct ramet_labels *labels, uint32_t target_row)
{
	const struct owned *o = labels->priv;
	struct place wanted = { target_row, 0 };
	const struct place *found = NULL;

	if (o && o->n_places)
		found = bsearch(&wanted, o->places, o->n_places, sizeof(wanted), by_target);
	return found ? &labels->items[found->at] : NULL;
}

void ramet_labels_release(struct ramet_labels *labels)
{
	struct owned *o = labels->priv;

	if (o)
		rameti_arena_release(&o->arena);
	ramet_free(o);
	ramet_free(labels->items);
	labels->items = NULL;
	labels->n = 0;
	labels->priv = NULL;
}

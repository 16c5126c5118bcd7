/*
 * model/labels.c - the labels now set and the session's name, replayed from the few entries that
 * say so.
 */
#include "model/tree.h"

#include <string.h>
#include "base/error.h"
#include "base/map.h"

#define LABELS_MAX 0x7fffffffu

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

int ramet_tree_labels(const struct ramet_tree *t, struct ramet_labels *labels,
		      struct ramet_error *err)
{
	struct ramet_labels fresh = RAMET_LABELS_INIT;
	struct replay p;
	const uint32_t *rows;
	uint32_t i, n;
	int r = 0;

	memset(&p, 0, sizeof(p));
	p.tree = t;
	p.out = &fresh;
	rameti_map_init(&p.map, 0);
	ramet_buf_init(&p.scratch, SIZE_MAX / 2);
	ramet_buf_init(&p.target, SIZE_MAX / 2);
	ramet_buf_init(&p.text, SIZE_MAX / 2);
	p.arena = fresh.priv = ramet_calloc(1, sizeof(*p.arena));
	if (p.arena)
		rameti_arena_init(p.arena, SIZE_MAX / 2);
	else
		r = rameti_fail_nomem(err);
	rows = rameti_tree_label_rows(t, &n);
	for (i = 0; !r && i < n; i++)
		r = replay_one(&p, rows[i], err);
	drop_cleared(&fresh);
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
	uint32_t i;

	for (i = 0; i < labels->n; i++)
		if (labels->items[i].target_row == target_row)
			return &labels->items[i];
	return NULL;
}

void ramet_labels_release(struct ramet_labels *labels)
{
	if (labels->priv)
		rameti_arena_release(labels->priv);
	ramet_free(labels->priv);
	ramet_free(labels->items);
	labels->items = NULL;
	labels->n = 0;
	labels->priv = NULL;
}

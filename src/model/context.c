/*
 * model/context.c - the context at a leaf: which entries are selected, which settings are in
 * force.
 *
 * Costs the size of the context, not of the history: derived columns name the compaction, model
 * and level in force, and the walk up stops where the compaction begins to keep. Entries are
 * parsed only where they contribute. project.c turns the selection into messages.
 */
#include "model/context.h"

#include "base/error.h"
#include "base/map.h"
#include "model/context_priv.h"

#define ROWS_MAX 0x7fffffffu
#define ARENA_MAX ((size_t)1 << 40)

int rameti_context_parse(struct rameti_context_work *w, uint32_t row,
			 const struct ramet_json **root, struct ramet_error *err)
{
	struct ramet_bytes json;
	int r = ramet_tree_entry(w->c->tree, row, &w->scratch, &json, err);

	if (!r)
		r = ramet_json_parse(&w->doc, json, 0, err);
	if (!r)
		*root = ramet_json_root(&w->doc);
	return r;
}

/* A copy of a value's raw text; ptr NULL for a missing one. */
int rameti_context_keep(struct rameti_context_work *w, const struct ramet_json *v,
			struct ramet_bytes *kept, struct ramet_error *err)
{
	struct ramet_bytes none = { NULL, 0 };

	*kept = v ? rameti_arena_dup(w->arena, ramet_json_raw(v)) : none;
	return v && !kept->ptr ? rameti_fail_nomem(err) : 0;
}

int rameti_context_written(struct ramet_buf *out, size_t before, int r, struct ramet_error *err)
{
	if (!out)
		return r;
	if (!r && ramet_buf_status(out) == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	else if (!r && ramet_buf_status(out) < 0)
		r = rameti_fail(err, ramet_buf_status(out),
				"the answer does not fit into its buffer");
	if (r < 0)
		ramet_buf_truncate(out, before);
	return r;
}

static int read_settings(struct rameti_context_work *w, struct ramet_error *err)
{
	struct ramet_context *c = w->c;
	const struct ramet_row *leaf = ramet_tree_row(c->tree, c->leaf);
	const struct ramet_json *e = NULL, *m;
	int r = 0;

	c->thinking_level = ramet_bytes_of("\"off\"");
	if (leaf->level != RAMET_NONE) {
		r = rameti_context_parse(w, leaf->level, &e, err);
		if (!r)
			r = rameti_context_keep(w, ramet_json_get(e, "thinkingLevel"),
						&c->thinking_level, err);
	}
	if (r < 0 || leaf->model == RAMET_NONE)
		return r;
	r = rameti_context_parse(w, leaf->model, &e, err);
	if (r < 0)
		return r;
	m = ramet_json_get(e, "message");
	c->has_model = 1;
	if (ramet_tree_row(c->tree, leaf->model)->type == RAMET_ENTRY_MODEL_CHANGE)
		m = e;
	r = rameti_context_keep(w, ramet_json_get(m, "provider"), &c->provider, err);
	if (!r)
		r = rameti_context_keep(w, ramet_json_get(m, m == e ? "modelId" : "model"),
					&c->model_id, err);
	return r;
}

/* ---- selection ---- */

struct rows {
	uint32_t *items;
	uint32_t n, cap;
};

static int push(struct rows *v, uint32_t row)
{
	int r = rameti_grow((void **)&v->items, &v->cap, v->n, sizeof(*v->items), ROWS_MAX);

	if (!r)
		v->items[v->n++] = row;
	return r;
}

/* Rows from `from` up to `stop` (not included), the nearest first. */
static int climb(const struct ramet_tree *t, uint32_t from, uint32_t stop, struct rows *v)
{
	int r = 0;

	for (; !r && from != stop && from != RAMET_NONE; from = ramet_tree_row(t, from)->parent)
		r = push(v, from);
	return r;
}

/* The row before the compaction, on its path, that has the id it keeps from; RAMET_NONE: nothing
 * is kept. */
static int first_kept(struct rameti_context_work *w, uint32_t compaction, uint32_t *kept,
		      struct ramet_error *err)
{
	const struct ramet_tree *t = w->c->tree;
	const struct ramet_json *e = NULL, *id;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t at, wanted;
	int r = rameti_context_parse(w, compaction, &e, err);

	*kept = RAMET_NONE;
	if (r < 0)
		return r;
	id = ramet_json_get(e, "firstKeptEntryId");
	if (ramet_json_kind(id) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(id, &text);
	if (ramet_buf_status(&text) < 0)
		r = rameti_fail_nomem(err);
	/* the tree holds an id once, so being on the path is being that row */
	wanted = ramet_tree_find(t, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
	if (r < 0 || wanted == RAMET_NONE)
		return r;
	for (at = ramet_tree_row(t, compaction)->parent; at != RAMET_NONE && at != wanted;)
		at = ramet_tree_row(t, at)->depth > ramet_tree_row(t, wanted)->depth
			     ? ramet_tree_row(t, at)->parent
			     : RAMET_NONE;
	*kept = at;
	return 0;
}

static int is_system(const struct ramet_row *row)
{
	return row->type == RAMET_ENTRY_MESSAGE && row->role == RAMET_ROLE_SYSTEM;
}

static int add_kept(struct rameti_context_work *w, uint32_t compaction, struct rows *v,
		    struct ramet_error *err)
{
	const struct ramet_tree *t = w->c->tree;
	uint32_t kept, at = ramet_tree_row(t, compaction)->parent;
	int r = first_kept(w, compaction, &kept, err);

	if (r < 0 || kept == RAMET_NONE)
		return r;
	for (;; at = ramet_tree_row(t, at)->parent) {
		if (!is_system(ramet_tree_row(t, at)) && push(v, at) < 0)
			return rameti_fail_nomem(err);
		if (at == kept)
			return 0;
	}
}

/* Selected rows in reverse: after the compaction, kept, the compaction itself. */
static int select_rows(struct rameti_context_work *w, struct rows *v, struct ramet_error *err)
{
	struct ramet_context *c = w->c;
	uint32_t compaction = ramet_tree_row(c->tree, c->leaf)->compaction;
	int r = climb(c->tree, c->leaf, compaction, v);

	if (r < 0)
		return rameti_fail_nomem(err);
	if (compaction == RAMET_NONE)
		return 0;
	r = add_kept(w, compaction, v, err);
	if (!r && push(v, compaction) < 0)
		r = rameti_fail_nomem(err);
	return r;
}

static int fill_selected(struct rameti_context_work *w, const struct rows *v,
			 struct ramet_error *err)
{
	struct ramet_context *c = w->c;
	uint32_t i;

	c->selected = rameti_arena_alloc(w->arena, rameti_mul(v->n, sizeof(*c->selected)));
	if (!c->selected)
		return rameti_fail_nomem(err);
	for (i = 0; i < v->n; i++) {
		c->selected[i].row = v->items[v->n - 1 - i];
		c->selected[i].first = c->selected[i].n = 0;
	}
	c->n_selected = v->n;
	return 0;
}

static int build(struct rameti_context_work *w, struct ramet_error *err)
{
	struct rows v = { NULL, 0, 0 };
	int r = read_settings(w, err);

	if (!r)
		r = select_rows(w, &v, err);
	if (!r)
		r = fill_selected(w, &v, err);
	if (!r)
		r = rameti_context_project(w, err);
	ramet_free(v.items);
	return r;
}

static int begin(struct rameti_context_work *w, const struct ramet_tree *t, uint32_t leaf,
		 struct ramet_error *err)
{
	struct ramet_context *c = ramet_calloc(1, sizeof(*c));

	w->arena = ramet_calloc(1, sizeof(*w->arena));
	if (!c || !w->arena) {
		ramet_free(c);
		ramet_free(w->arena);
		return rameti_fail_nomem(err);
	}
	rameti_arena_init(w->arena, ARENA_MAX);
	c->priv = w->arena;
	c->tree = t;
	c->leaf = leaf;
	c->thinking_level = ramet_bytes_of("\"off\"");
	w->c = c;
	return 0;
}

/* The end of building: r, and the context if all went well. */
static int end(struct rameti_context_work *w, struct ramet_context **out, int r)
{
	ramet_buf_release(&w->scratch);
	ramet_json_doc_release(&w->doc);
	if (r < 0)
		ramet_context_free(w->c);
	else
		*out = w->c;
	return r;
}

int ramet_context_new(struct ramet_context **out, const struct ramet_tree *t, uint32_t leaf,
		      struct ramet_error *err)
{
	struct rameti_context_work w = RAMETI_CONTEXT_WORK_INIT;
	int r;

	if (leaf != RAMET_NONE && leaf >= ramet_tree_count(t))
		return rameti_fail(err, RAMET_EINVAL, "row %u does not exist", (unsigned)leaf);
	r = begin(&w, t, leaf, err);
	if (!r && leaf != RAMET_NONE)
		r = rameti_tree_answer(t, build(&w, err), err);
	return end(&w, out, r);
}

int rameti_context_of_rows(struct ramet_context **out, const struct ramet_tree *t,
			   const uint32_t *rows, uint32_t n, struct ramet_error *err)
{
	struct rameti_context_work w = RAMETI_CONTEXT_WORK_INIT;
	uint32_t i;
	int r = begin(&w, t, rows[n - 1], err);

	w.all_summaries = 1;
	if (!r) {
		w.c->selected = rameti_arena_alloc(w.arena, rameti_mul(n, sizeof(*w.c->selected)));
		r = w.c->selected ? 0 : rameti_fail_nomem(err);
	}
	for (i = 0; !r && i < n; i++)
		w.c->selected[w.c->n_selected++] = (struct ramet_selected){ rows[i], 0, 0 };
	if (!r)
		r = rameti_tree_answer(t, rameti_context_project(&w, err), err);
	return end(&w, out, r);
}

void ramet_context_free(struct ramet_context *c)
{
	if (!c)
		return;
	rameti_arena_release(c->priv);
	ramet_free(c->priv);
	ramet_free(c->messages);
	ramet_free(c);
}

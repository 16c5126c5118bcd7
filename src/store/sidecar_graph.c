/*
 * store/sidecar_graph.c - which ids there are and who hangs from whom.
 *
 * Parents may come after their children. Nothing here recurses: loops are looked for by walking up
 * and marking where each walk has been.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

#define NAMES_MAX ((size_t)1 << 32)

/* A row whose parent was not there yet. */
struct rameti_sc_wait {
	uint32_t row;
	struct ramet_bytes parent;
};

void rameti_sc_graph_init(struct rameti_sc_graph *g)
{
	memset(g, 0, sizeof(*g));
	rameti_map_init(&g->ids, 0x5c1d);
	rameti_arena_init(&g->names, NAMES_MAX);
}

void rameti_sc_graph_release(struct rameti_sc_graph *g)
{
	rameti_map_release(&g->ids);
	rameti_arena_release(&g->names);
	ramet_free(g->parents);
	ramet_free(g->waits);
	rameti_sc_graph_init(g);
}

static int wait_for(struct rameti_sc_graph *g, struct ramet_bytes parent, struct ramet_error *err)
{
	struct ramet_bytes name = rameti_arena_dup(&g->names, parent);
	int r;

	if (!name.ptr)
		return rameti_fail_nomem(err);
	r = rameti_grow((void **)&g->waits, &g->cap_waits, g->n_waits, sizeof(*g->waits),
			RAMET_NONE - 1);
	if (r < 0)
		return rameti_fail(err, r, "too many entries");
	g->waits[g->n_waits++] = (struct rameti_sc_wait){ g->n, name };
	return 0;
}

int rameti_sc_graph_add(struct rameti_sc_graph *g, struct ramet_bytes id, struct ramet_bytes parent,
			struct ramet_error *err)
{
	uint32_t row = RAMET_NONE;
	int r;

	if (rameti_map_get(&g->ids, id, NULL))
		return rameti_fail(err, RAMET_EFORMAT, "id %.*s is there twice", RAMET_FMT(id));
	r = rameti_grow((void **)&g->parents, &g->cap, g->n, sizeof(*g->parents), RAMET_NONE - 1);
	if (r < 0)
		return rameti_fail(err, r, "too many entries");
	if (parent.ptr && !rameti_map_get(&g->ids, parent, &row)) {
		r = wait_for(g, parent, err);
		if (r < 0)
			return r;
	}
	r = rameti_map_set(&g->ids, id, g->n);
	if (r < 0)
		return rameti_fail(err, r, "too many entries");
	g->parents[g->n++] = row;
	return 0;
}

/* marks: 0 not seen, else the number of the walk that came by. */
static int find_loop(const struct rameti_sc_graph *g, uint32_t *marks, struct ramet_error *err)
{
	uint32_t i, row;

	for (i = 0; i < g->n; i++) {
		for (row = i; row != RAMET_NONE && !marks[row]; row = g->parents[row])
			marks[row] = i + 1;
		if (row != RAMET_NONE && marks[row] == i + 1)
			return rameti_fail(err, RAMET_EFORMAT,
					   "entry %u is its own ancestor", (unsigned)row + 1);
	}
	return 0;
}

static uint64_t count_branches(const struct rameti_sc_graph *g, uint32_t *children)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < g->n; i++)
		if (g->parents[i] != RAMET_NONE && ++children[g->parents[i]] == 2)
			n++;
	return n;
}

int rameti_sc_graph_finish(struct rameti_sc_graph *g, uint64_t *branches, struct ramet_error *err)
{
	uint32_t *scratch, i;
	int r = 0;

	for (i = 0; i < g->n_waits; i++) {
		struct rameti_sc_wait *w = &g->waits[i];

		if (!rameti_map_get(&g->ids, w->parent, &g->parents[w->row]))
			return rameti_fail(err, RAMET_EFORMAT,
					   "entry %u has a parent %.*s that is not there",
					   (unsigned)w->row + 1, RAMET_FMT(w->parent));
	}
	scratch = ramet_calloc((size_t)g->n + 1, sizeof(*scratch));
	if (!scratch)
		return rameti_fail_nomem(err);
	if (g->n_waits)                              /* else parents stand before their children */
		r = find_loop(g, scratch, err);
	if (!r) {
		memset(scratch, 0, ((size_t)g->n + 1) * sizeof(*scratch));
		*branches = count_branches(g, scratch);
	}
	ramet_free(scratch);
	return r;
}

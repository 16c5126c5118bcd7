/*
 * model/preorder.c - the tree in preorder: roots in file order, children by time.
 *
 * Children are sorted as a stable JavaScript sort does it, where an unreadable time compares as
 * equal to every other. That comparison is no order, so the result depends on the algorithm:
 * below 64 children it is the one V8 uses (a run, then binary insertion), from 64 on a merge of
 * such pieces. Shadowed rows are left out. Linear memory, no recursion.
 */
#include "model/tree_priv.h"

#include <string.h>
#include "base/error.h"

#define RUN 64u

/* Children of all rows in one array: those of row r are items[start[r] .. start[r + 1]). */
struct kids {
	uint32_t *start, *items, *roots;
	uint32_t n_roots;
};

static int later(const struct ramet_tree *t, uint32_t a, uint32_t b)
{
	int64_t x = t->rows[a].time_ms, y = t->rows[b].time_ms;

	return x != RAMET_TIME_NONE && y != RAMET_TIME_NONE && x > y;
}

/* The length of the run at the front, made ascending if it is strictly descending. */
static uint32_t make_run(const struct ramet_tree *t, uint32_t *v, uint32_t n)
{
	uint32_t len = 2, i;
	int down = later(t, v[0], v[1]);

	while (len < n && later(t, v[len - 1], v[len]) == down)
		len++;
	for (i = 0; down && i < len / 2; i++) {
		uint32_t swap = v[i];

		v[i] = v[len - 1 - i];
		v[len - 1 - i] = swap;
	}
	return len;
}

static void sort_piece(const struct ramet_tree *t, uint32_t *v, uint32_t n)
{
	uint32_t at, lo, hi, mid, pivot;

	if (n < 2)
		return;
	for (at = make_run(t, v, n); at < n; at++) {
		pivot = v[at];
		for (lo = 0, hi = at; lo < hi;) {
			mid = lo + (hi - lo) / 2;
			if (later(t, v[mid], pivot))
				hi = mid;
			else
				lo = mid + 1;
		}
		memmove(v + lo + 1, v + lo, (at - lo) * sizeof(*v));
		v[lo] = pivot;
	}
}

static void merge(const struct ramet_tree *t, uint32_t *to, const uint32_t *a, uint32_t n_a,
		  const uint32_t *b, uint32_t n_b)
{
	while (n_a && n_b) {
		if (later(t, *a, *b)) {
			*to++ = *b++;
			n_b--;
		} else {
			*to++ = *a++;
			n_a--;
		}
	}
	memcpy(to, n_a ? a : b, (n_a ? n_a : n_b) * sizeof(*to));
}

static void sort_children(const struct ramet_tree *t, uint32_t *v, uint32_t n, uint32_t *spare)
{
	uint32_t at, width, half;

	if (n < RUN) {
		sort_piece(t, v, n);
		return;
	}
	for (at = 0; at < n; at += RUN / 2)
		sort_piece(t, v + at, n - at < RUN / 2 ? n - at : RUN / 2);
	for (width = RUN / 2; width < n; width *= 2) {
		for (at = 0; at < n; at += 2 * width) {
			half = n - at < width ? n - at : width;
			merge(t, spare + at, v + at, half, v + at + half,
			      n - at - half < width ? n - at - half : width);
		}
		memcpy(v, spare, n * sizeof(*v));
	}
}

static int in_tree(const struct ramet_row *r)
{
	return !(r->flags & RAMET_ROW_SHADOWED);
}

static int kids_new(const struct ramet_tree *t, struct kids *k)
{
	size_t n = t->n;
	uint32_t i, p, most = 0, *spare;

	k->start = ramet_calloc(n + 2, sizeof(*k->start));
	k->items = ramet_alloc(rameti_mul(n + 1, sizeof(*k->items)));
	k->roots = ramet_alloc(rameti_mul(n + 1, sizeof(*k->roots)));
	k->n_roots = 0;
	if (!k->start || !k->items || !k->roots)
		return RAMET_ENOMEM;
	/* counts two places up, then sums, so that filling leaves start[] right */
	for (i = 0; i < n; i++) {
		if (!in_tree(&t->rows[i]))
			continue;
		if (t->rows[i].parent == RAMET_NONE)
			k->roots[k->n_roots++] = i;
		else
			k->start[t->rows[i].parent + 2]++;
	}
	for (i = 2; i < n + 2; i++) {
		most = k->start[i] > most ? k->start[i] : most;
		k->start[i] += k->start[i - 1];
	}
	for (i = 0; i < n; i++) {
		p = t->rows[i].parent;
		if (p != RAMET_NONE && in_tree(&t->rows[i]))
			k->items[k->start[p + 1]++] = i;
	}
	spare = ramet_alloc(rameti_mul((size_t)most + 1, sizeof(*spare)));
	if (!spare)
		return RAMET_ENOMEM;
	for (i = 0; i < n; i++)
		sort_children(t, k->items + k->start[i], k->start[i + 1] - k->start[i], spare);
	ramet_free(spare);
	return 0;
}

static void kids_release(struct kids *k)
{
	ramet_free(k->start);
	ramet_free(k->items);
	ramet_free(k->roots);
}

/* stack holds rows still to visit, the next one on top; it never needs more than n places. */
static uint32_t walk(const struct ramet_tree *t, const struct kids *k, struct ramet_node *nodes,
		     uint32_t *stack)
{
	uint32_t n = 0, top = 0, i, row;

	for (i = k->n_roots; i > 0; i--)
		stack[top++] = k->roots[i - 1];
	while (top) {
		struct ramet_node *node = &nodes[n++];

		row = stack[--top];
		node->row = row;
		node->parent = t->rows[row].parent;
		node->depth = t->rows[row].depth;
		node->n_children = k->start[row + 1] - k->start[row];
		for (i = k->start[row + 1]; i > k->start[row]; i--)
			stack[top++] = k->items[i - 1];
	}
	return n;
}

int ramet_tree_preorder(const struct ramet_tree *t, struct ramet_nodes *nodes,
			struct ramet_error *err)
{
	struct kids k = { NULL, NULL, NULL, 0 };
	struct ramet_node *items = ramet_alloc(rameti_mul((size_t)t->n + 1, sizeof(*items)));
	uint32_t *stack = ramet_alloc(rameti_mul((size_t)t->n + 1, sizeof(*stack)));
	int r;

	rameti_tree_prove_all(t);
	r = kids_new(t, &k);
	if (!r && rameti_tree_broken(t)) {
		r = rameti_tree_fail_broken(err);
	} else if (!r && items && stack) {
		ramet_nodes_release(nodes);
		nodes->n = walk(t, &k, items, stack);
		nodes->items = items;
		items = NULL;
	} else {
		r = rameti_fail_nomem(err);
	}
	kids_release(&k);
	ramet_free(items);
	ramet_free(stack);
	return r;
}

void ramet_nodes_release(struct ramet_nodes *nodes)
{
	ramet_free(nodes->items);
	nodes->items = NULL;
	nodes->n = 0;
}

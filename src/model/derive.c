/*
 * model/derive.c - all derived columns computed anew, for the sessions that plain appending
 * cannot describe: an id that occurs again, a parent that stands behind its child, a loop of
 * parents.
 *
 * Rules: of equal ids the last occurrence is in the tree, at its own parent; a parent that does
 * not exist makes a root; in a loop the row first in the file loses its link and is a root.
 * Linear time, no recursion.
 */
#include "model/tree_priv.h"

#include "base/error.h"

enum { UNSEEN, OPEN, DONE };

static void link_rows(struct ramet_tree *t)
{
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		struct ramet_row *r = &t->rows[i];

		r->flags &= (uint16_t)~(RAMET_ROW_ORPHAN | RAMET_ROW_LOOP);
		r->parent = RAMET_NONE;
		if (t->link[i] == RAMET_NONE)
			continue;
		r->parent = ramet_tree_find(t, rameti_tree_parent_id(t, i));
		if (r->parent == RAMET_NONE)
			r->flags |= RAMET_ROW_ORPHAN;
		if (r->flags & RAMET_ROW_SHADOWED)
			r->parent = RAMET_NONE;
	}
}

/* The loop that row is part of loses the link of its first row. */
static void cut_loop(struct ramet_tree *t, uint32_t row)
{
	uint32_t at, first = row;

	for (at = t->rows[row].parent; at != row; at = t->rows[at].parent)
		if (at < first)
			first = at;
	t->rows[first].parent = RAMET_NONE;
	t->rows[first].flags |= RAMET_ROW_LOOP;
}

static void cut_loops(struct ramet_tree *t, uint8_t *state)
{
	uint32_t i, at, in;

	for (i = 0; i < t->n; i++) {
		for (at = i; at != RAMET_NONE && state[at] == UNSEEN; at = t->rows[at].parent)
			state[at] = OPEN;
		in = at != RAMET_NONE && state[at] == OPEN ? at : RAMET_NONE;
		/* All of the loop is done before its link goes: the walk needs the whole ring. */
		for (at = i; at != RAMET_NONE && state[at] == OPEN; at = t->rows[at].parent)
			state[at] = DONE;
		if (in != RAMET_NONE)
			cut_loop(t, in);
	}
}

/* Parents before children: climb to a row that is done, then come back down. */
static void derive_rows(struct ramet_tree *t, uint8_t *state, uint32_t *stack)
{
	uint32_t i, at, n = 0;

	for (i = 0; i < t->n; i++)
		state[i] = UNSEEN;
	for (i = 0; i < t->n; i++) {
		for (at = i; at != RAMET_NONE && state[at] == UNSEEN; at = t->rows[at].parent) {
			state[at] = DONE;
			stack[n++] = at;
		}
		while (n) {
			at = stack[--n];
			rameti_row_derive(t->rows, at, t->rows[at].parent);
		}
	}
}

int rameti_tree_derive(struct ramet_tree *t, struct ramet_error *err)
{
	uint8_t *state = ramet_calloc(t->n ? t->n : 1, 1);
	uint32_t *stack = ramet_alloc(rameti_mul(t->n ? t->n : 1, sizeof(*stack)));
	int r = 0;

	rameti_tree_prove_all(t);
	if (state && stack) {
		link_rows(t);
		cut_loops(t, state);
		derive_rows(t, state, stack);
	} else {
		r = rameti_fail_nomem(err);
	}
	ramet_free(state);
	ramet_free(stack);
	return r;
}

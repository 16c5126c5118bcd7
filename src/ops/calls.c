/*
 * ops/calls.c - tool calls that were never answered.
 *
 * A call is answered by a tool result with its id anywhere below it, on any branch. Nearly all
 * results stand a few entries below their call, so that is tried first; what is left is decided
 * exactly, by places in a preorder, at a cost of the size of the tree.
 */
#include "ops/whole_priv.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/map.h"

#define NEAR 16u                                 /* so far up a call is looked for at once */
#define NEAR_CALLS 64u                           /* and among so many of one message */

struct answer {
	uint32_t id;                             /* number of the id */
	uint32_t place;                          /* in the preorder */
};
/* Every row's place in a preorder, and how many messages of people stand before each place. */
struct places {
	uint32_t *in, *out; /* a row's places are [in, out); in RAMET_NONE: not in the tree */
	uint32_t *talk;
};

static struct ramet_bytes id_of(const struct rameti_items *v, const struct rameti_item *item)
{
	return (struct ramet_bytes){ v->ids.ptr ? v->ids.ptr + item->id_at : "",
				     item->id_len };
}

/* ---- near ---- */

/* The first item of this row, or n. */
static uint32_t first_of(const struct rameti_items *v, uint32_t row)
{
	uint32_t low = 0, high = v->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (v->items[mid].row < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int answer_at(struct rameti_items *v, uint32_t row, struct ramet_bytes id)
{
	uint32_t i = first_of(v, row), end = v->n - i < NEAR_CALLS ? v->n : i + NEAR_CALLS;
	int found = 0;

	for (; i < end && v->items[i].row == row; i++) {
		if (v->items[i].kind != RAMETI_ITEM_CALL ||
		    !ramet_bytes_eq(id_of(v, &v->items[i]), id))
			continue;
		v->items[i].answered = 1;
		found = 1;
	}
	return found;
}

static void answer_near(const struct ramet_tree *t, struct rameti_items *v)
{
	uint32_t i, row, steps;

	for (i = 0; i < v->n; i++) {
		if (v->items[i].kind != RAMETI_ITEM_RESULT)
			continue;
		row = ramet_tree_row(t, v->items[i].row)->parent;
		for (steps = 0; row != RAMET_NONE && steps < NEAR; steps++) {
			if (ramet_tree_row(t, row)->role == RAMET_ROLE_ASSISTANT &&
			    answer_at(v, row, id_of(v, &v->items[i])))
				break;
			row = ramet_tree_row(t, row)->parent;
		}
	}
}

/* ---- exactly ---- */

static int is_open(const struct rameti_item *item)
{
	return item->kind == RAMETI_ITEM_CALL && !item->answered;
}

static void places_release(struct places *p)
{
	ramet_free(p->in);
	ramet_free(p->out);
	ramet_free(p->talk);
}

/* The tree in preorder, children in any order, without a stack: child and next are lists of
 * children; going up follows the parents. */
static void walk(const struct ramet_tree *t, struct places *p, const uint32_t *child,
		 const uint32_t *next)
{
	uint32_t row, root, at = 0, n = ramet_tree_count(t);

	for (root = 0; root < n; root++) {
		if (ramet_tree_row(t, root)->parent != RAMET_NONE ||
		    ramet_tree_row(t, root)->flags & RAMET_ROW_SHADOWED)
			continue;
		for (row = root;;) {
			p->in[row] = at;
			p->talk[at + 1] = p->talk[at] +
					  (ramet_tree_row(t, row)->role == RAMET_ROLE_USER ||
					   ramet_tree_row(t, row)->role == RAMET_ROLE_ASSISTANT);
			at++;
			if (child[row] != RAMET_NONE) {
				row = child[row];
				continue;
			}
			p->out[row] = at;
			while (row != root && next[row] == RAMET_NONE) {
				row = ramet_tree_row(t, row)->parent;
				p->out[row] = at;
			}
			if (row == root)
				break;
			row = next[row];
		}
	}
}

static int find_places(const struct ramet_tree *t, struct places *p)
{
	uint32_t i, n = ramet_tree_count(t);
	uint32_t *child = ramet_calloc(n, sizeof(*child)), *next = ramet_calloc(n, sizeof(*next));
	int r = RAMET_ENOMEM;

	p->in = ramet_calloc(n, sizeof(*p->in));
	p->out = ramet_calloc(n, sizeof(*p->out));
	p->talk = ramet_calloc((size_t)n + 1, sizeof(*p->talk));
	if (child && next && p->in && p->out && p->talk) {
		memset(child, 0xff, (size_t)n * sizeof(*child));
		memset(next, 0xff, (size_t)n * sizeof(*next));
		memset(p->in, 0xff, (size_t)n * sizeof(*p->in));
		for (i = n; i-- > 0;) {
			uint32_t parent = ramet_tree_row(t, i)->parent;

			if (parent == RAMET_NONE ||
			    ramet_tree_row(t, i)->flags & RAMET_ROW_SHADOWED)
				continue;
			next[i] = child[parent];
			child[parent] = i;
		}
		walk(t, p, child, next);
		r = 0;
	}
	ramet_free(child);
	ramet_free(next);
	return r;
}

static int by_id_then_place(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Is there an answer to id at one of the places [from, to)? */
static int has_answer(const struct answer *answers, uint32_t n, uint32_t id, uint32_t from,
		      uint32_t to)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (answers[mid].id < id || (answers[mid].id == id && answers[mid].place < from))
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && answers[low].id == id && answers[low].place < to;
}

/* Number the ids of open calls; those of results get the same numbers. */
static int number_ids(const struct rameti_items *v, struct rameti_map *ids)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < v->n; i++)
		if (is_open(&v->items[i]) &&
		    !rameti_map_get(ids, id_of(v, &v->items[i]), NULL))
			r = rameti_map_set(ids, id_of(v, &v->items[i]), ids->n_items);
	return r;
}

static uint32_t gather_answers(const struct rameti_items *v, const struct rameti_map *ids,
			       const struct places *p, struct answer *answers)
{
	uint32_t i, id, n = 0;

	for (i = 0; i < v->n; i++) {
		const struct rameti_item *item = &v->items[i];

		if (item->kind != RAMETI_ITEM_RESULT || p->in[item->row] == RAMET_NONE ||
		    !rameti_map_get(ids, id_of(v, item), &id))
			continue;
		answers[n].id = id;
		answers[n++].place = p->in[item->row];
	}
	qsort(answers, n, sizeof(*answers), by_id_then_place);
	return n;
}

static int answer_far(struct rameti_items *v, const struct places *p)
{
	struct answer *answers = ramet_calloc(v->n, sizeof(*answers));
	struct rameti_map ids;
	uint32_t i, id = 0, n;
	int r = answers ? 0 : RAMET_ENOMEM;

	rameti_map_init(&ids, v->n);
	if (!r)
		r = number_ids(v, &ids);
	if (!r) {
		n = gather_answers(v, &ids, p, answers);
		for (i = 0; i < v->n; i++) {
			struct rameti_item *item = &v->items[i];

			if (!is_open(item) || !rameti_map_get(&ids, id_of(v, item), &id))
				continue;
			item->answered = p->in[item->row] == RAMET_NONE ||
					 has_answer(answers, n, id, p->in[item->row],
						    p->out[item->row]);
		}
	}
	rameti_map_release(&ids);
	ramet_free(answers);
	return r;
}

static int report(const struct ramet_tree *t, const struct rameti_items *v,
		  const struct places *p, const struct rameti_item *item, struct ramet_findings *f)
{
	const struct ramet_row *row = ramet_tree_row(t, item->row);
	struct ramet_bytes id = id_of(v, item), none = { NULL, 0 };
	int went_on = p->talk[p->out[item->row]] > p->talk[p->in[item->row] + 1];
	const char *what = item->broken_off ? "the message was broken off" :
			   went_on ? "the conversation went on without its result" :
				     "nothing came after it";
	int shown = id.len > 60 ? 60 : (int)id.len;

	return rameti_finding_add(f, went_on && !item->broken_off ? RAMET_WARNING : RAMET_INFO,
				  "unanswered-call", rameti_tree_line(t, item->row), row->offset,
				  row->flags & RAMET_ROW_NO_ID ? none : ramet_tree_id(t, item->row),
				  "tool call %.*s has no result; %s", shown, id.ptr, what);
}

int rameti_calls_check(const struct ramet_tree *tree, struct rameti_items *items,
		       struct ramet_findings *f, struct ramet_error *err)
{
	struct places p = { NULL, NULL, NULL };
	uint32_t i, n_open = 0;
	int r;

	answer_near(tree, items);
	for (i = 0; i < items->n; i++)
		n_open += (uint32_t)is_open(&items->items[i]);
	if (!n_open)
		return 0;
	r = find_places(tree, &p);
	if (!r)
		r = answer_far(items, &p);
	for (i = 0; !r && i < items->n; i++)
		if (is_open(&items->items[i]))
			r = report(tree, items, &p, &items->items[i], f);
	places_release(&p);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

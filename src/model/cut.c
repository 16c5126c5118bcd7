/*
 * model/cut.c - where a compaction cuts a context: the newest entries that together have about as
 * many tokens as are to be kept stay, all before them is summarised.
 *
 * The rules are pi's. A cut stands before an entry that shows a message of a person, an answer, a
 * bash run or a summary, never before a tool's result, which would lose its call; then entries that
 * show nothing are taken along, back to the message before them. Where the cut falls into a turn,
 * the beginning of that turn is told apart. What an earlier compaction kept can be cut; that
 * compaction itself stands before everything here.
 */
#include "model/cut.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/context_priv.h"
#include "model/tokens.h"

struct cutting {
	const struct ramet_context *c;
	struct rameti_counting count;
	struct rameti_context_work work;         /* to read edits with */
	struct ramet_context view;
	uint32_t begin;
	int reached;                             /* there was more than is to be kept */
};

static int entry_type(const struct cutting *x, uint32_t at)
{
	return ramet_tree_row(x->c->tree, x->c->selected[at].row)->type;
}

static int can_lead(int role)
{
	switch (role) {
	case RAMET_ROLE_USER:
	case RAMET_ROLE_ASSISTANT:
	case RAMET_ROLE_BASH_EXECUTION:
	case RAMET_ROLE_CUSTOM:
	case RAMET_ROLE_BRANCH_SUMMARY:
	case RAMET_ROLE_COMPACTION_SUMMARY:
		return 1;
	default:
		return 0;
	}
}

static int begins_turn(int role)
{
	return can_lead(role) && role != RAMET_ROLE_ASSISTANT;
}

/* Does a message of this entry pass the test? */
static int shows(const struct cutting *x, uint32_t at, int (*test)(int role))
{
	const struct ramet_selected *s = &x->c->selected[at];
	uint32_t i;

	for (i = s->first; i < s->first + s->n; i++)
		if (test(x->c->messages[i].role))
			return 1;
	return 0;
}

static int is_candidate(const struct cutting *x, uint32_t at)
{
	return entry_type(x, at) != RAMET_ENTRY_COMPACTION && shows(x, at, can_lead);
}

/* The first candidate in [from, to), or `to`. */
static uint32_t candidate(const struct cutting *x, uint32_t from, uint32_t to)
{
	while (from < to && !is_candidate(x, from))
		from++;
	return from;
}

/* The entry with which the budget is used up; x->reached says whether there is one. */
static int spend(struct cutting *x, uint64_t keep, uint32_t *at, struct ramet_error *err)
{
	const struct ramet_context *c = x->c;
	uint64_t sum = 0;
	uint32_t i, k;
	int r = 0;

	for (i = c->n_selected; !r && !x->reached && i > x->begin; i--) {
		const struct ramet_selected *s = &c->selected[i - 1];

		for (k = s->first; !r && k < s->first + s->n; k++)
			r = rameti_tokens_add(&x->count, c->messages[k].json, c->messages[k].role,
					      &sum, err);
		x->reached = s->n && sum >= keep;
		*at = i - 1;
	}
	return r;
}

/* ---- an answer that was taken back at the end ---- */

/* 1: an edit of [from, end) aims at one of these entries, or takes something out; 0: at another. */
static int edit_fits(struct cutting *x, uint32_t from, uint32_t edit, struct ramet_error *err)
{
	const struct ramet_tree *t = x->c->tree;
	const struct ramet_json *e;
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t target, i;
	int r = rameti_context_parse(&x->work, x->c->selected[edit].row, &e, err);

	if (r < 0)
		return r;
	if (ramet_json_kind(ramet_json_get(e, "replacement")) == RAMET_JSON_NULL)
		return 1;
	ramet_json_text(ramet_json_get(e, "targetId"), &id);
	if (ramet_buf_status(&id) < 0)
		r = rameti_fail_nomem(err);
	target = ramet_tree_find(t, ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	for (i = from; !r && i < x->c->n_selected; i++)
		r = x->c->selected[i].row == target;
	return r;
}

static int is_answer(const struct cutting *x, uint32_t at)
{
	const struct ramet_row *row = ramet_tree_row(x->c->tree, x->c->selected[at].row);

	return row->type == RAMET_ENTRY_MESSAGE && row->role == RAMET_ROLE_ASSISTANT;
}

/* Is there nothing behind the cut but an answer that an edit took out, and what belongs to it? Then
 * the message before it, which will be sent again, is summarised too. 1 or 0. */
static int only_taken_back(struct cutting *x, uint32_t cut, struct ramet_error *err)
{
	const struct ramet_context *c = x->c;
	uint32_t i;
	int answers = 0, r = 1;

	for (i = cut + 1; i < c->n_selected; i++) {
		if (c->selected[i].n || entry_type(x, i) == RAMET_ENTRY_COMPACTION)
			return 0;
		answers += is_answer(x, i);
	}
	if (!answers)
		return 0;
	for (i = cut + 1; r > 0 && i < c->n_selected; i++)
		if (entry_type(x, i) == RAMET_ENTRY_CONTEXT_EDIT)
			r = edit_fits(x, cut + 1, i, err);
	return r;
}

/* ---- the cut ---- */

static int cut_at(struct cutting *x, uint64_t keep, uint32_t *cut, struct ramet_error *err)
{
	uint32_t n = x->c->n_selected, first = candidate(x, x->begin, n), at = 0;
	int r = spend(x, keep, &at, err);

	*cut = first;
	if (r < 0 || first == n) {
		*cut = x->begin;                 /* nowhere to cut */
		return r;
	}
	if (x->reached) {
		*cut = candidate(x, at, n);
		while (*cut == n || !is_candidate(x, *cut))
			--*cut;                  /* the last one */
		r = only_taken_back(x, *cut, err);
		if (r > 0)
			++*cut;
	}
	while (r >= 0 && *cut > x->begin && !x->c->selected[*cut - 1].n &&
	       entry_type(x, *cut - 1) != RAMET_ENTRY_COMPACTION)
		--*cut;
	return r < 0 ? r : 0;
}

/* Where the turn begins that is cut at `at`; at itself when none is. */
static uint32_t turn_of(const struct cutting *x, uint32_t at)
{
	uint32_t i;

	if (at == x->c->n_selected || shows(x, at, begins_turn))
		return at;
	for (i = at; i > x->begin; i--)
		if (shows(x, i - 1, begins_turn))
			return i - 1;
	return at;
}

int rameti_cut_find(const struct ramet_context *c, uint64_t keep_tokens, struct rameti_cut *cut,
		    struct ramet_error *err)
{
	struct cutting x = {
		.c = c, .count = RAMETI_COUNTING_INIT, .work = RAMETI_CONTEXT_WORK_INIT,
		.view = *c,
	};
	uint32_t at = 0;
	int r;

	x.work.c = &x.view;
	x.begin = c->n_selected && entry_type(&x, 0) == RAMET_ENTRY_COMPACTION;
	r = cut_at(&x, keep_tokens, &at, err);
	rameti_counting_release(&x.count);
	ramet_buf_release(&x.work.scratch);
	ramet_json_doc_release(&x.work.doc);
	if (r < 0)
		return r;
	cut->begin = x.begin;
	cut->at = at;
	cut->turn = turn_of(&x, at);
	return 0;
}

void rameti_cut_messages(const struct ramet_context *c, uint32_t from, uint32_t to, uint32_t *first,
			 uint32_t *end)
{
	*first = from < c->n_selected ? c->selected[from].first : c->n_messages;
	*end = to < c->n_selected ? c->selected[to].first : c->n_messages;
}

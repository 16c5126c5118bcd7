/*
 * model/stats.c - totals over the whole file: messages, tokens, cost; abandoned branches included.
 */
#include "model/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/map.h"

#define KEYS_MAX 0x7fffffffu

struct totalling {
	struct ramet_stats *out;
	struct rameti_map keys;                  /* breakdown key to place in rows */
	uint32_t cap;
	struct ramet_buf scratch, key;
	struct ramet_json_doc doc;
};

static double number(const struct ramet_json *object, const char *key)
{
	double x = ramet_json_number(ramet_json_get(object, key));

	return isfinite(x) ? x : 0;
}

static int breakdown_row(struct totalling *p, uint32_t *at)
{
	struct ramet_stats *s = p->out;
	struct ramet_bytes key = ramet_buf_bytes(&p->key);

	if (ramet_buf_status(&p->key) < 0)
		return RAMET_ENOMEM;
	if (rameti_map_get(&p->keys, key, at))
		return 0;
	if (rameti_grow((void **)&s->breakdown, &p->cap, s->n_breakdown, sizeof(*s->breakdown),
			KEYS_MAX) < 0)
		return RAMET_ENOMEM;
	*at = s->n_breakdown;
	memset(&s->breakdown[*at], 0, sizeof(s->breakdown[*at]));
	s->breakdown[*at].key = rameti_arena_dup(s->priv, key);
	if (!s->breakdown[*at].key.ptr || rameti_map_set(&p->keys, key, *at) < 0)
		return RAMET_ENOMEM;
	s->n_breakdown++;
	return 0;
}

/* Add a usage object to the totals and to the row of p->key. */
static int add_usage(struct totalling *p, const struct ramet_json *usage)
{
	struct ramet_stats *s = p->out;
	double input = number(usage, "input"), output = number(usage, "output");
	double read = number(usage, "cacheRead"), write = number(usage, "cacheWrite");
	double cost = number(ramet_json_get(usage, "cost"), "total");
	uint32_t at;

	if (ramet_json_kind(usage) != RAMET_JSON_OBJECT)
		return 0;
	if (breakdown_row(p, &at) < 0)
		return RAMET_ENOMEM;
	s->input += input;
	s->output += output;
	s->cache_read += read;
	s->cache_write += write;
	s->cost += cost;
	s->breakdown[at].cost += cost;
	s->breakdown[at].tokens += input + output + read + write;
	return 0;
}

/* "provider/model" */
static void model_key(struct totalling *p, const struct ramet_json *provider,
		      const struct ramet_json *model)
{
	ramet_buf_reset(&p->key);
	ramet_json_text(provider, &p->key);
	ramet_buf_add_char(&p->key, '/');
	ramet_json_text(model, &p->key);
}

static void other_key(struct totalling *p)
{
	ramet_buf_reset(&p->key);
	ramet_buf_add_str(&p->key, "Tools/summaries");
}

static uint64_t tool_calls(const struct ramet_json *content)
{
	const struct ramet_json *block = NULL;
	uint64_t n = 0;

	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (block = ramet_json_next(content, block)) != NULL)
		n += ramet_json_text_is(ramet_json_get(block, "type"), "toolCall") ? 1u : 0u;
	return n;
}

static int add_message(struct totalling *p, const struct ramet_json *m, int role)
{
	const struct ramet_json *model = ramet_json_get(m, "responseModel");

	switch (role) {
	case RAMET_ROLE_USER:
		p->out->user_messages++;
		return 0;
	case RAMET_ROLE_ASSISTANT:
		p->out->assistant_messages++;
		p->out->tool_calls += tool_calls(ramet_json_get(m, "content"));
		if (!ramet_json_truthy(model))
			model = ramet_json_get(m, "model");
		model_key(p, ramet_json_get(m, "provider"), model);
		return add_usage(p, ramet_json_get(m, "usage"));
	case RAMET_ROLE_TOOL_RESULT:
		p->out->tool_results++;
		other_key(p);
		return add_usage(p, ramet_json_get(m, "usage"));
	default:
		return 0;
	}
}

static int add_entry(struct totalling *p, const struct ramet_row *row, const struct ramet_json *e)
{
	switch (row->type) {
	case RAMET_ENTRY_MESSAGE:
		return add_message(p, ramet_json_get(e, "message"), row->role);
	case RAMET_ENTRY_USAGE:
		model_key(p, ramet_json_get(e, "provider"), ramet_json_get(e, "model"));
		return add_usage(p, ramet_json_get(e, "usage"));
	default:
		other_key(p);
		return add_usage(p, ramet_json_get(e, "usage"));
	}
}

static int counts(const struct ramet_row *row)
{
	switch (row->type) {
	case RAMET_ENTRY_MESSAGE:
		return row->role == RAMET_ROLE_ASSISTANT || row->role == RAMET_ROLE_TOOL_RESULT ||
		       row->role == RAMET_ROLE_USER;
	case RAMET_ENTRY_USAGE:
	case RAMET_ENTRY_COMPACTION:
	case RAMET_ENTRY_BRANCH_SUMMARY:
		return 1;
	default:
		return 0;
	}
}

static int total_all(struct totalling *p, const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_bytes json;
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < ramet_tree_count(t); i++) {
		const struct ramet_row *row = ramet_tree_row(t, i);

		p->out->total_messages += row->type == RAMET_ENTRY_MESSAGE;
		if (!counts(row))
			continue;
		r = ramet_tree_entry(t, i, &p->scratch, &json, err);
		if (!r)
			r = ramet_json_parse(&p->doc, json, 0, err);
		if (!r && add_entry(p, row, ramet_json_root(&p->doc)) < 0)
			r = rameti_fail_nomem(err);
	}
	return r;
}

struct ranked {
	struct ramet_stats_row row;
	uint32_t seen;                           /* its place in first-seen order */
};

static int by_cost(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->row.cost != y->row.cost)
		return x->row.cost > y->row.cost ? -1 : 1;
	return x->seen < y->seen ? -1 : 1;
}

/* Rows that say nothing go; the costliest come first, equal ones as they were first seen. */
static int sort_breakdown(struct ramet_stats *s)
{
	struct ranked *list = ramet_alloc(rameti_mul((size_t)s->n_breakdown + 1, sizeof(*list)));
	uint32_t i, n = 0;

	if (!list)
		return RAMET_ENOMEM;
	for (i = 0; i < s->n_breakdown; i++) {
		if (!(s->breakdown[i].cost > 0 || s->breakdown[i].tokens > 0))
			continue;
		list[n].row = s->breakdown[i];
		list[n].seen = n;
		n++;
	}
	qsort(list, n, sizeof(*list), by_cost);
	for (i = 0; i < n; i++)
		s->breakdown[i] = list[i].row;
	s->n_breakdown = n;
	ramet_free(list);
	return 0;
}

int ramet_stats_new(struct ramet_stats **out, const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_stats *s = ramet_calloc(1, sizeof(*s));
	struct totalling p;
	int r = 0;

	memset(&p, 0, sizeof(p));
	if (s)
		s->priv = ramet_calloc(1, sizeof(struct rameti_arena));
	if (!s || !s->priv) {
		ramet_free(s);
		return rameti_fail_nomem(err);
	}
	rameti_arena_init(s->priv, SIZE_MAX / 2);
	p.out = s;
	rameti_map_init(&p.keys, 0);
	ramet_buf_init(&p.scratch, SIZE_MAX / 2);
	ramet_buf_init(&p.key, SIZE_MAX / 2);
	r = rameti_tree_answer(t, total_all(&p, t, err), err);
	s->total = s->input + s->output + s->cache_read + s->cache_write;
	if (!r && sort_breakdown(s) < 0)
		r = rameti_fail_nomem(err);
	rameti_map_release(&p.keys);
	ramet_buf_release(&p.scratch);
	ramet_buf_release(&p.key);
	ramet_json_doc_release(&p.doc);
	if (r < 0)
		ramet_stats_free(s);
	else
		*out = s;
	return r;
}

void ramet_stats_free(struct ramet_stats *s)
{
	if (!s)
		return;
	rameti_arena_release(s->priv);
	ramet_free(s->priv);
	ramet_free(s->breakdown);
	ramet_free(s);
}

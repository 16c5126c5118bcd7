/*
 * ops/summary_plan.c - what plans of summaries keep, and whether a session is still where one was
 * made.
 *
 * Rows may get other numbers when a file is read anew, so a plan remembers ids and compares those.
 */
#include "ops/summary_priv.h"

#include "base/error.h"

#define PLAN_MAX ((size_t)1 << 40)

struct rameti_plan *rameti_plan_new(const struct ramet_session *s)
{
	struct rameti_plan *p = ramet_calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	rameti_arena_init(&p->arena, PLAN_MAX);
	rameti_files_init(&p->files);
	p->n_rows = ramet_tree_count(ramet_session_tree(s));
	return p;
}

void rameti_plan_free(struct rameti_plan *p)
{
	if (!p)
		return;
	ramet_context_free(p->context);
	rameti_files_release(&p->files);
	rameti_arena_release(&p->arena);
	ramet_free(p);
}

int rameti_plan_keep_id(struct rameti_plan *p, const struct ramet_tree *t, uint32_t row,
			struct ramet_bytes *id, struct ramet_error *err)
{
	if (row == RAMET_NONE || ramet_tree_row(t, row)->flags & RAMET_ROW_NO_ID)
		return 0;
	*id = rameti_arena_dup(&p->arena, ramet_tree_id(t, row));
	return id->ptr ? 0 : rameti_fail_nomem(err);
}

int rameti_plan_messages(struct rameti_plan *p, uint32_t from, uint32_t to,
			 struct ramet_message **messages, uint32_t *n,
			 struct ramet_error *err)
{
	struct ramet_message *list;
	uint32_t i, count = 0;

	list = rameti_arena_alloc(&p->arena, rameti_mul((size_t)(to - from) + 1, sizeof(*list)));
	if (!list)
		return rameti_fail_nomem(err);
	for (i = from; i < to; i++)
		if (p->context->messages[i].role != RAMET_ROLE_SYSTEM)
			list[count++] = p->context->messages[i];
	*messages = list;
	*n = count;
	return 0;
}

/* The decoded summary, if it is wanted and a text. */
static int keep_summary(struct rameti_plan *p, const struct ramet_json *entry,
			struct ramet_bytes *summary, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	if (!summary || ramet_json_kind(ramet_json_get(entry, "summary")) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(ramet_json_get(entry, "summary"), &text);
	if (ramet_buf_status(&text) == 0)
		*summary = rameti_arena_dup(&p->arena, ramet_buf_bytes(&text));
	if (!summary->ptr)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&text);
	return r;
}

int rameti_plan_add_details(struct rameti_plan *p, uint32_t row, struct ramet_bytes *summary,
			    struct ramet_error *err)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes json;
	int r = ramet_tree_entry(p->context->tree, row, &scratch, &json, err);

	if (!r)
		r = ramet_json_parse(&doc, json, 0, err);
	if (!r)
		r = rameti_files_add_details(&p->files, ramet_json_root(&doc), err);
	if (!r)
		r = keep_summary(p, ramet_json_root(&doc), summary, err);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	return r;
}

int rameti_plan_check(const struct rameti_plan *p, struct ramet_session *s, struct ramet_error *err)
{
	const char *path = ramet_session_path(s) ? ramet_session_path(s) : "";
	const struct ramet_tree *t;
	uint32_t leaf, i, n;
	int r = ramet_session_refresh(s, err);

	if (r < 0)
		return r;
	t = ramet_session_tree(s);
	leaf = ramet_session_leaf(s);
	n = ramet_tree_count(t);
	if (leaf == RAMET_NONE ? p->leaf_id.ptr != NULL
			       : !ramet_bytes_eq(ramet_tree_id(t, leaf), p->leaf_id))
		return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
				      "the leaf has moved since the plan was made");
	for (i = p->n_rows; i < n; i++)
		if (ramet_tree_row(t, i)->parent == leaf)
			return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
					      "the session has grown since the plan was made");
	return 0;
}

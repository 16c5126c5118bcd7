/*
 * model/check.c - what the tree shows to be odd: repeated ids, lost parents, loops, times that do
 * not parse, and entries that point at nothing.
 */
#include "model/tree.h"

#include "base/error.h"

struct checking {
	const struct ramet_tree *tree;
	struct ramet_findings *out;
	struct ramet_buf scratch, text;
	struct ramet_json_doc doc;
	int failed;
};

static int report(struct checking *p, uint32_t row, const char *code, const char *text)
{
	struct ramet_bytes none = { NULL, 0 };
	int no_id = !!(ramet_tree_row(p->tree, row)->flags & RAMET_ROW_NO_ID);

	return rameti_finding_add(p->out, RAMET_WARNING, code, rameti_tree_line(p->tree, row),
				  ramet_tree_row(p->tree, row)->offset,
				  no_id ? none : ramet_tree_id(p->tree, row), "%s", text);
}

static int check_row(struct checking *p, uint32_t row)
{
	const struct ramet_row *r = ramet_tree_row(p->tree, row);
	int e = 0;

	if (r->flags & RAMET_ROW_SHADOWED)
		e = report(p, row, "duplicate-id", "the id occurs again later; that entry counts");
	if (!e && (r->flags & RAMET_ROW_ORPHAN))
		e = report(p, row, "orphan", "the parent does not exist; the entry is a root");
	if (!e && (r->flags & RAMET_ROW_LOOP))
		e = report(p, row, "loop", "its parents form a circle; the entry is a root");
	if (!e && r->time_ms == RAMET_TIME_NONE && !(r->flags & RAMET_ROW_UNTIMED))
		e = report(p, row, "bad-time", "the time is missing or does not parse");
	return e;
}

/* Does the text member name an entry? A missing one does not. Failing to decode it says yes and is
 * left in p->failed, since the next text resets the buffer. */
static int names_entry(struct checking *p, const struct ramet_json *id)
{
	ramet_buf_reset(&p->text);
	ramet_json_text(id, &p->text);
	if (ramet_buf_status(&p->text) < 0) {
		p->failed = 1;
		return 1;
	}
	return ramet_json_kind(id) == RAMET_JSON_STRING &&
	       ramet_tree_find(p->tree, ramet_buf_bytes(&p->text)) != RAMET_NONE;
}

static int good_replacement(const struct ramet_json *v)
{
	int content = ramet_json_kind(ramet_json_get(v, "content"));

	return ramet_json_kind(v) == RAMET_JSON_NULL || content == RAMET_JSON_STRING ||
	       content == RAMET_JSON_ARRAY;
}

static int check_pointer(struct checking *p, uint32_t row, const struct ramet_json *e)
{
	int r = 0;

	switch (ramet_tree_row(p->tree, row)->type) {
	case RAMET_ENTRY_LABEL:
		if (!names_entry(p, ramet_json_get(e, "targetId")))
			r = report(p, row, "dangling-target",
				   "the label names an entry that does not exist");
		return r;
	case RAMET_ENTRY_CONTEXT_EDIT:
		if (!good_replacement(ramet_json_get(e, "replacement")))
			r = report(p, row, "bad-edit",
				   "the replacement is neither null nor has content");
		if (!r && !names_entry(p, ramet_json_get(e, "targetId")))
			r = report(p, row, "dangling-target",
				   "the edit names an entry that does not exist");
		return r;
	default:
		if (ramet_json_get(e, "firstKeptEntryId") &&
		    !names_entry(p, ramet_json_get(e, "firstKeptEntryId")))
			r = report(p, row, "dangling-target",
				   "the first kept entry does not exist; nothing is kept");
		return r;
	}
}

static int points(const struct ramet_row *r)
{
	return r->type == RAMET_ENTRY_LABEL || r->type == RAMET_ENTRY_CONTEXT_EDIT ||
	       r->type == RAMET_ENTRY_COMPACTION;
}

static int check_one(struct checking *p, uint32_t row, struct ramet_error *err)
{
	struct ramet_bytes json;
	int r = check_row(p, row);

	if (r < 0)
		return rameti_fail_nomem(err);
	if (!points(ramet_tree_row(p->tree, row)))
		return 0;
	r = ramet_tree_entry(p->tree, row, &p->scratch, &json, err);
	if (!r)
		r = ramet_json_parse(&p->doc, json, 0, err);
	if (!r && (check_pointer(p, row, ramet_json_root(&p->doc)) < 0 || p->failed))
		r = rameti_fail_nomem(err);
	return r;
}

int ramet_tree_check(const struct ramet_tree *t, struct ramet_findings *f, struct ramet_error *err)
{
	struct checking p = { t, f, RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2),
			      RAMET_JSON_DOC_INIT, 0 };
	uint64_t n_dropped = f->n_dropped;
	uint32_t i, n = f->n;
	int r = 0;

	for (i = 0; !r && i < ramet_tree_count(t); i++)
		r = check_one(&p, i, err);
	r = rameti_tree_answer(t, r, err);
	if (r < 0) {
		f->n = n;
		f->n_dropped = n_dropped;
	}
	ramet_buf_release(&p.scratch);
	ramet_buf_release(&p.text);
	ramet_json_doc_release(&p.doc);
	return r;
}

/*
 * ops/view.c - a second handle on a session, to read from while the first is written to.
 *
 * Lines of a file never change, and a handle knows the rows it has read: so a second one, opened
 * now, is a view that no append disturbs, and no lock is held while it is read. A session that is
 * in no file is copied.
 */
#include "ops/peek_priv.h"
#include "ramet/ops.h"

#include "base/error.h"

/* What has to be known to find the place again. */
struct place {
	struct ramet_buf path, leaf_id;
	int has_leaf, has_id;
};

static void note(const struct ramet_session *s, struct place *p)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t leaf = ramet_session_leaf(s);

	if (ramet_session_path(s))
		ramet_buf_add_str(&p->path, ramet_session_path(s));
	p->has_leaf = leaf != RAMET_NONE;
	p->has_id = p->has_leaf && !(ramet_tree_row(t, leaf)->flags & RAMET_ROW_NO_ID);
	if (p->has_id)
		ramet_buf_add(&p->leaf_id, ramet_tree_id(t, leaf));
}

/* A leaf without an id was the last entry, and nobody can have hung anything there. */
static int go_to(struct ramet_session *view, const struct place *p, struct ramet_error *err)
{
	uint32_t row = RAMET_NONE;

	if (p->has_leaf && !p->has_id)
		return 0;
	if (p->has_leaf)
		row = ramet_tree_find(ramet_session_tree(view), ramet_buf_bytes(&p->leaf_id));
	if (p->has_leaf && row == RAMET_NONE)
		return rameti_fail_at(err, RAMET_ECONFLICT, p->path.ptr, 0, RAMET_NO_OFFSET,
				      "the leaf is not in the file any more");
	return ramet_session_branch(view, row, err);
}

static int open_view(struct ramet_session **out, int in_file, const struct ramet_buf *text,
		     const struct place *p, struct ramet_error *err)
{
	struct ramet_session *view;
	int r;

	if (in_file)
		r = ramet_session_open(&view, p->path.ptr, NULL, err);
	else
		r = ramet_session_open_bytes(&view, ramet_buf_bytes(text), NULL, err);
	if (r < 0)
		return r;
	r = go_to(view, p, err);
	if (r < 0)
		ramet_session_close(view);
	else
		*out = view;
	return r;
}

/* The header and the entries, as the current version has them, as one text. */
static int write_all(const struct ramet_session *s, struct ramet_buf *text, struct ramet_error *err)
{
	const struct ramet_header *h = ramet_session_header(s);
	const struct ramet_json_edit edit = { { "version", 7 }, { "3", 1 } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint32_t row = 0;
	int r = ramet_json_parse(&doc, rameti_json_trimmed(h->json), 0, err);

	if (!r && h->version < 3)
		r = ramet_json_edit(text, rameti_json_trimmed(h->json), ramet_json_root(&doc),
				    &edit, 1, err);
	else if (!r)
		ramet_buf_add(text, rameti_json_trimmed(h->json));
	ramet_json_doc_release(&doc);
	ramet_buf_add_char(text, '\n');
	while (!r && row != RAMET_NONE)
		r = ramet_report_entries(s, row, SIZE_MAX / 2, text, &row, err);
	if (!r && ramet_buf_status(text) < 0)
		r = rameti_fail_nomem(err);
	return r;
}

int ramet_session_view(struct ramet_session **out, struct ramet_session *s, struct ramet_error *err)
{
	struct place p = { .path = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int in_file, r = 0;

	ramet_buf_init(&p.leaf_id, SIZE_MAX / 2);
	ramet_session_lock(s);
	in_file = ramet_session_stored(s) && ramet_session_path(s);
	note(s, &p);
	if (!in_file)
		r = write_all(s, &text, err);
	ramet_session_unlock(s);
	if (!r && (ramet_buf_status(&p.path) < 0 || ramet_buf_status(&p.leaf_id) < 0))
		r = rameti_fail_nomem(err);
	if (!r)
		r = open_view(out, in_file, &text, &p, err);
	ramet_buf_release(&p.path);
	ramet_buf_release(&p.leaf_id);
	ramet_buf_release(&text);
	return r;
}

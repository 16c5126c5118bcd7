/*
 * store/pirust_tree.c - what pi_agent_rust tells of a tree: its branches, and those beside the path
 * to a leaf. Rows whose id comes again later are not in the tree; orphans count as roots.
 */
#include "ramet/pirust.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "json/scan.h"
#include "model/tree.h"
#include "store/birth.h"

#define PREVIEW_MAX 60
#define PREVIEW_KEPT 57

int ramet_pirust_new_id(const struct ramet_tree *t, char *id, struct ramet_error *err)
{
	struct rameti_id_maker m;
	uint32_t random;
	int r = rameti_random(NULL, &random, sizeof(random), err);

	if (r < 0)
		return r;
	rameti_id_start(&m, random);
	return rameti_id_next(&m, t, id, err);
}

/* ---- children ---- */

/* The first child of each row, in file order, and how many there are; roots are those of row n. */
struct children {
	uint32_t *first, *count, n;
};

static int is_in_tree(const struct ramet_tree *t, uint32_t row)
{
	return !(ramet_tree_row(t, row)->flags & RAMET_ROW_SHADOWED);
}

static uint32_t parent_or(const struct ramet_tree *t, uint32_t row, uint32_t none)
{
	uint32_t parent = ramet_tree_row(t, row)->parent;

	return parent == RAMET_NONE ? none : parent;
}

static int children_init(struct children *c, const struct ramet_tree *t, struct ramet_error *err)
{
	uint32_t row, parent;

	c->n = ramet_tree_count(t);
	c->first = ramet_calloc((size_t)c->n + 1, sizeof(*c->first));
	c->count = ramet_calloc((size_t)c->n + 1, sizeof(*c->count));
	if (!c->first || !c->count)
		return rameti_fail_nomem(err);
	for (row = 0; row <= c->n; row++)
		c->first[row] = RAMET_NONE;
	for (row = c->n; row-- > 0;) {
		if (!is_in_tree(t, row))
			continue;
		parent = parent_or(t, row, c->n);
		c->first[parent] = row;
		c->count[parent]++;
	}
	return 0;
}

static void children_release(struct children *c)
{
	ramet_free(c->first);
	ramet_free(c->count);
}

/* ---- all branches ---- */

static void list_rows(const struct ramet_tree *t, const struct children *c,
		      struct ramet_branch_info *info)
{
	uint32_t row;

	for (row = 0; row < c->n; row++) {
		if (!is_in_tree(t, row))
			continue;
		if (!c->count[row])
			info->leaves[info->n_leaves++] = row;
		else if (c->count[row] > 1)
			info->branch_points[info->n_branch_points++] = row;
	}
}

int ramet_branch_info_get(const struct ramet_tree *t, uint32_t leaf, struct ramet_branch_info *out,
			  struct ramet_error *err)
{
	struct ramet_branch_info info = RAMET_BRANCH_INFO_INIT;
	struct children c;
	int r = children_init(&c, t, err);

	info.n_entries = ramet_tree_count(t);
	info.leaf = leaf;
	if (!r) {
		info.leaves = ramet_calloc((size_t)c.n + 1, sizeof(*info.leaves));
		info.branch_points = ramet_calloc((size_t)c.n + 1, sizeof(*info.branch_points));
		r = info.leaves && info.branch_points ? 0 : rameti_fail_nomem(err);
	}
	if (!r)
		list_rows(t, &c, &info);
	children_release(&c);
	if (!r)
		r = rameti_tree_answer(t, 0, err);
	if (r < 0)
		ramet_branch_info_release(&info);
	else
		*out = info;
	return r;
}

void ramet_branch_info_release(struct ramet_branch_info *info)
{
	ramet_free(info->leaves);
	ramet_free(info->branch_points);
	*info = (struct ramet_branch_info)RAMET_BRANCH_INFO_INIT;
}

/* ---- a preview of a branch ---- */

/* The text of a message: its content, or the texts in it a line each. */
static void add_text(const struct ramet_json *message, struct ramet_buf *out)
{
	const struct ramet_json *content = ramet_json_get(message, "content"), *item = NULL, *text;

	ramet_json_text(content, out);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		item = ramet_json_next(content, NULL);
	for (; item; item = ramet_json_next(content, item)) {
		text = ramet_json_get(item, "text");
		if (out->len && text)
			ramet_buf_add_char(out, '\n');
		ramet_json_text(text, out);
	}
}

/* How many bytes the first max characters have; all of them when there are no more. */
static size_t first_chars(struct ramet_bytes text, size_t max)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (((unsigned char)text.ptr[i] & 0xc0) != 0x80 && !max--)
			break;
	return i;
}

static void cut(struct ramet_bytes text, struct ramet_buf *out)
{
	ramet_buf_reset(out);
	if (first_chars(text, PREVIEW_MAX) == text.len) {
		ramet_buf_add(out, text);
		return;
	}
	text.len = first_chars(text, PREVIEW_KEPT);
	ramet_buf_add(out, text);
	ramet_buf_add_str(out, "...");
}

struct preview {
	struct ramet_buf scratch, text, out;
	struct ramet_json_doc doc;
};

/* What is shown of one user message; 1, or 0 when it is blank. */
static int preview_of(const struct ramet_tree *t, uint32_t row, struct preview *p,
		      struct ramet_error *err)
{
	struct ramet_bytes json, text;
	int r = ramet_tree_entry(t, row, &p->scratch, &json, err);

	if (!r)
		r = ramet_json_parse(&p->doc, json, 0, err);
	if (r < 0)
		return r;
	ramet_buf_reset(&p->text);
	add_text(ramet_json_get(ramet_json_root(&p->doc), "message"), &p->text);
	if (ramet_buf_status(&p->text) < 0)
		return rameti_fail_nomem(err);
	text = rameti_utf8_trim(ramet_buf_bytes(&p->text));
	cut(text, &p->out);
	return ramet_buf_status(&p->out) < 0 ? rameti_fail_nomem(err) : text.len > 0;
}

/* ---- one way on ---- */

static int describe(const struct ramet_tree *t, struct ramet_sibling *s, struct preview *p,
		    struct rameti_arena *arena, struct ramet_error *err)
{
	struct ramet_path path = RAMET_PATH_INIT;
	uint32_t i;
	int r = ramet_tree_path(t, s->leaf, &path, err), found = 0;

	for (i = 0; !r && i < path.n; i++) {
		const struct ramet_row *row = ramet_tree_row(t, path.rows[i]);

		s->n_messages += row->type == RAMET_ENTRY_MESSAGE;
		if (found || row->type != RAMET_ENTRY_MESSAGE || row->role != RAMET_ROLE_USER)
			continue;
		found = preview_of(t, path.rows[i], p, err);
		r = found < 0 ? found : 0;
	}
	ramet_path_release(&path);
	if (r < 0)
		return r;
	s->preview = rameti_arena_dup(arena, found ? ramet_buf_bytes(&p->out) :
						     ramet_bytes_of("(empty)"));
	return s->preview.ptr ? 0 : rameti_fail_nomem(err);
}

/* The nearest row at or above leaf that has brothers, or RAMET_NONE. */
static uint32_t forked_at(const struct ramet_tree *t, const struct children *c, uint32_t leaf)
{
	while (leaf != RAMET_NONE && c->count[parent_or(t, leaf, c->n)] < 2)
		leaf = ramet_tree_row(t, leaf)->parent;
	return leaf;
}

static int fill(const struct ramet_tree *t, const struct children *c, uint32_t on_path,
		struct ramet_siblings *s, struct ramet_error *err)
{
	uint32_t parent = parent_or(t, on_path, c->n), row;
	struct preview p = { RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2),
			     RAMET_BUF_INIT(1024), RAMET_JSON_DOC_INIT };
	struct ramet_sibling *item;
	int r = 0;

	s->parent = parent == c->n ? RAMET_NONE : parent;
	s->items = ramet_calloc(c->count[parent], sizeof(*s->items));
	if (!s->items)
		return rameti_fail_nomem(err);
	for (row = c->first[parent]; !r && row < c->n; row++) {
		if (!is_in_tree(t, row) || parent_or(t, row, c->n) != parent)
			continue;
		item = &s->items[s->n++];
		item->root = item->leaf = row;
		while (c->first[item->leaf] != RAMET_NONE)
			item->leaf = c->first[item->leaf];
		item->current = row == on_path;
		r = describe(t, item, &p, s->priv, err);
	}
	ramet_buf_release(&p.scratch);
	ramet_buf_release(&p.text);
	ramet_buf_release(&p.out);
	ramet_json_doc_release(&p.doc);
	return r;
}

int ramet_siblings_get(const struct ramet_tree *t, uint32_t leaf, struct ramet_siblings *out,
		       struct ramet_error *err)
{
	struct ramet_siblings s = RAMET_SIBLINGS_INIT;
	struct rameti_arena *arena = ramet_calloc(1, sizeof(*arena));
	struct children c;
	int r = children_init(&c, t, err);

	s.priv = arena;
	if (arena)
		rameti_arena_init(arena, SIZE_MAX / 2);
	else
		r = rameti_fail_nomem(err);
	if (!r && leaf != RAMET_NONE)
		leaf = is_in_tree(t, leaf) ? forked_at(t, &c, leaf) : RAMET_NONE;
	if (!r && leaf != RAMET_NONE)
		r = fill(t, &c, leaf, &s, err);
	if (!r)
		r = rameti_tree_answer(t, 0, err);
	children_release(&c);
	if (r < 0)
		ramet_siblings_release(&s);
	else
		*out = s;
	return r;
}

void ramet_siblings_release(struct ramet_siblings *s)
{
	if (s->priv)
		rameti_arena_release(s->priv);
	ramet_free(s->priv);
	ramet_free(s->items);
	*s = (struct ramet_siblings)RAMET_SIBLINGS_INIT;
}

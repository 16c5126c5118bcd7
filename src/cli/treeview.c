/*
 * cli/treeview.c - a session drawn as a tree, a line an entry.
 *
 * The path to the leaf is the trunk: it keeps the leftmost column from the root to the end, and
 * other branches hang off it, each before the trunk goes on. Elsewhere a branch point's children
 * are drawn one level in. So only branch points indent, and what is current is a straight line.
 * Runs without anything to tell apart are folded into one line.
 *
 * A chain is a longest run of entries with one child each; chains wait on a stack of our own, so
 * the depth of a session costs memory, never recursion. Levels too far to the right are not drawn.
 */
#include "cli/treeview.h"

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/entryline.h"

#include <string.h>

#define FOLD_LEAST 4                             /* fewer lines are not worth a fold */
#define TAIL 2                                   /* entries shown before the end of a chain */
#define LABEL_CELLS 24
#define LEAF_MARK "  ◀ leaf"
#define LEAF_CELLS 8

/* A chain that waits to be drawn. */
struct chain {
	uint32_t node, level;
	char connector;                          /* 'T' more below, 'L' the last, 0 none */
};

struct view {
	struct out *out;
	const struct ramet_session *session;
	const struct ramet_tree *tree;
	struct ramet_nodes nodes;
	struct ramet_labels labels;
	uint32_t *node_of_row, *size;            /* size: nodes of the subtree */
	uint8_t *active;
	uint32_t leaf;                           /* node, or RAMET_NONE */
	struct chain *stack;
	uint32_t n_stack, cap_stack;
	uint32_t *run;                           /* nodes of the chain being drawn */
	uint32_t n_run, cap_run;
	char *levels;                            /* '|' or ' ' per level */
	uint32_t cap_levels;
	int all;
};

static const struct ramet_row *row_of(const struct view *v, uint32_t node)
{
	return ramet_tree_row(v->tree, v->nodes.items[node].row);
}

/* ---- getting ready ---- */

static int allocate(struct view *v, struct ramet_error *err)
{
	uint32_t n = v->nodes.n, rows = ramet_tree_count(v->tree);

	v->node_of_row = ramet_calloc((size_t)rows + 1, sizeof(*v->node_of_row));
	v->size = ramet_calloc((size_t)n + 1, sizeof(*v->size));
	v->active = ramet_calloc((size_t)n + 1, 1);
	return v->node_of_row && v->size && v->active ? 0 : rameti_fail_nomem(err);
}

/* Children stand behind their parents, so one pass from the end sums up subtrees. */
static void measure(struct view *v)
{
	uint32_t leaf = ramet_session_leaf(v->session), rows = ramet_tree_count(v->tree);

	for (uint32_t i = 0; i < rows; i++)
		v->node_of_row[i] = RAMET_NONE;
	for (uint32_t i = 0; i < v->nodes.n; i++)
		v->node_of_row[v->nodes.items[i].row] = i;
	for (uint32_t i = v->nodes.n; i-- > 0;) {
		uint32_t parent = v->nodes.items[i].parent;

		v->size[i]++;
		if (parent != RAMET_NONE)
			v->size[v->node_of_row[parent]] += v->size[i];
	}
	v->leaf = leaf == RAMET_NONE ? RAMET_NONE : v->node_of_row[leaf];
	for (uint32_t i = v->leaf; i != RAMET_NONE;) {
		uint32_t parent = v->nodes.items[i].parent;

		v->active[i] = 1;
		i = parent == RAMET_NONE ? RAMET_NONE : v->node_of_row[parent];
	}
}

static int push(struct view *v, uint32_t node, uint32_t level, char connector,
		struct ramet_error *err)
{
	int r = rameti_grow((void **)&v->stack, &v->cap_stack, v->n_stack, sizeof(*v->stack),
			    UINT32_MAX);

	if (r < 0)
		return rameti_fail_nomem(err);
	v->stack[v->n_stack++] = (struct chain){ node, level, connector };
	return 0;
}

/* ---- lines ---- */

/* Levels that fit: a third of the width, two cells each. */
static uint32_t most_levels(const struct out *o)
{
	size_t most = o->width ? o->width / 6 : 100;

	return most < 4 ? 4 : (uint32_t)most;
}

/* The branch lines left of an entry; answers their cells. */
static size_t add_graph(struct view *v, uint32_t level, char connector)
{
	struct out *o = v->out;
	uint32_t drawn = connector ? level - 1 : level, most = most_levels(o), from = 0;

	out_style(o, STYLE_DIM);
	if (level > most) {
		from = level - most + 1;
		out_str(o, "⋯ ");
	}
	for (uint32_t i = from; i < drawn; i++)
		out_str(o, v->levels[i] == '|' ? "│ " : "  ");
	if (connector)
		out_str(o, connector == 'T' ? "├─" : "└─");
	out_style(o, STYLE_NONE);
	return 2 * (size_t)(level > most ? most : level);
}

static size_t add_label(struct view *v, uint32_t row)
{
	const struct ramet_label *label = ramet_labels_find(&v->labels, row);
	size_t cells;

	if (!label)
		return 0;
	out_style(v->out, STYLE_LABEL);
	out_str(v->out, "[");
	cells = out_safe(v->out, label->text, LABEL_CELLS);
	out_str(v->out, "]");
	out_style(v->out, STYLE_NONE);
	out_str(v->out, " ");
	return cells + 3;
}

static int print_entry(struct view *v, uint32_t node, uint32_t level, char connector,
		       struct ramet_error *err)
{
	struct out *o = v->out;
	uint32_t row = v->nodes.items[node].row;
	size_t used = ENTRY_ID_CELLS + 2 + 2 + ENTRY_WORD_CELLS + 2;
	int r;

	entry_add_id(o, ramet_tree_id(v->tree, row), ENTRY_ID_CELLS);
	out_str(o, "  ");
	used += add_graph(v, level, connector);
	out_styled(o, v->active[node] ? STYLE_BOLD : STYLE_DIM,
		   v->active[node] ? "● " : "○ ");
	entry_add_word(o, row_of(v, node));
	used += add_label(v, row) + (node == v->leaf ? LEAF_CELLS : 0);
	r = entry_add_text(o, v->session, row, out_room(o, used, 8), err);
	if (node == v->leaf)
		out_styled(o, STYLE_LEAF, LEAF_MARK);
	out_newline(o);
	return r;
}

struct counts {
	uint32_t all, user, assistant, tool;
};

static void add_count(struct ramet_buf *text, uint32_t n, const char *one, const char *many)
{
	if (!n)
		return;
	ramet_buf_add_str(text, text->len ? ", " : "");
	ramet_buf_addf(text, "%u %s", (unsigned)n, n == 1 ? one : many);
}

static void print_fold(struct view *v, const struct counts *c, uint32_t level)
{
	struct out *o = v->out;
	struct ramet_buf text = RAMET_BUF_INIT(1024), kinds = RAMET_BUF_INIT(1024);
	uint32_t other = c->all - c->user - c->assistant - c->tool;
	size_t used;

	add_count(&kinds, c->user, "user", "user");
	add_count(&kinds, c->assistant, "assistant", "assistant");
	add_count(&kinds, c->tool, "tool result", "tool results");
	add_count(&kinds, other, "other", "other");
	ramet_buf_addf(&text, "… %u entries (%.*s)", (unsigned)c->all,
		       RAMET_FMT(ramet_buf_bytes(&kinds)));
	text_add_blanks(&o->buf, ENTRY_ID_CELLS + 2);
	used = add_graph(v, level, 0) + ENTRY_ID_CELLS + 2 + 2;
	out_style(o, STYLE_DIM);
	out_str(o, "│ ");
	out_safe(o, ramet_buf_bytes(&text), out_room(o, used, 8));
	out_style(o, STYLE_NONE);
	out_newline(o);
	ramet_buf_release(&text);
	ramet_buf_release(&kinds);
}

/* ---- chains ---- */

static void count(struct counts *c, const struct ramet_row *row)
{
	c->all++;
	if (row->type != RAMET_ENTRY_MESSAGE)
		return;
	c->user += row->role == RAMET_ROLE_USER;
	c->assistant += row->role == RAMET_ROLE_ASSISTANT;
	c->tool += row->role == RAMET_ROLE_TOOL_RESULT;
}

static int is_landmark(const struct view *v, uint32_t node)
{
	const struct ramet_row *row = row_of(v, node);

	return row->type == RAMET_ENTRY_COMPACTION || row->type == RAMET_ENTRY_BRANCH_SUMMARY ||
	       node == v->leaf || ramet_labels_find(&v->labels, v->nodes.items[node].row) != NULL;
}

static int collect(struct view *v, uint32_t node, struct ramet_error *err)
{
	v->n_run = 0;
	for (;;) {
		int r = rameti_grow((void **)&v->run, &v->cap_run, v->n_run, sizeof(*v->run),
				    UINT32_MAX);

		if (r < 0)
			return rameti_fail_nomem(err);
		v->run[v->n_run++] = node;
		if (v->nodes.items[node].n_children != 1)
			return 0;
		node++;
	}
}

/* The first of run[from..] that must be seen: the end of what may be folded. */
static uint32_t next_seen(const struct view *v, uint32_t from, int *user_seen)
{
	uint32_t i;

	for (i = from; i < v->n_run; i++) {
		const struct ramet_row *row = row_of(v, v->run[i]);
		int first_user = !*user_seen && row->role == RAMET_ROLE_USER;

		if (v->all || i == 0 || i + TAIL >= v->n_run || first_user ||
		    is_landmark(v, v->run[i])) {
			*user_seen |= first_user;
			break;
		}
	}
	return i;
}

static int print_run(struct view *v, const struct chain *c, struct ramet_error *err)
{
	int user_seen = 0, r = 0;
	uint32_t i = 0;

	while (i < v->n_run && r == 0 && !out_broken(v->out)) {
		uint32_t seen = next_seen(v, i, &user_seen);
		struct counts counts = { 0, 0, 0, 0 };

		if (seen - i >= FOLD_LEAST) {
			for (; i < seen; i++)
				count(&counts, row_of(v, v->run[i]));
			print_fold(v, &counts, c->level);
		}
		for (; i <= seen && i < v->n_run && r == 0; i++)
			r = print_entry(v, v->run[i], c->level, i ? 0 : c->connector, err);
	}
	return r;
}

/* The level of a chain says on the lines below its first whether more follow it. */
static int enter_level(struct view *v, const struct chain *c, struct ramet_error *err)
{
	int r;

	if (!c->connector)
		return 0;
	r = rameti_grow((void **)&v->levels, &v->cap_levels, c->level - 1, 1, UINT32_MAX);
	if (r < 0)
		return rameti_fail_nomem(err);
	v->levels[c->level - 1] = c->connector == 'T' ? '|' : ' ';
	return 0;
}

/* Children wait in reverse; the one on the path to the leaf waits longest, in its own column. */
static int push_children(struct view *v, const struct chain *c, struct ramet_error *err)
{
	uint32_t parent = v->run[v->n_run - 1], n = v->nodes.items[parent].n_children;
	uint32_t child = parent + 1, trunk = RAMET_NONE, first = v->n_stack;
	int r = 0;

	for (uint32_t i = 0; i < n; i++, child += v->size[child])
		if (v->active[child])
			trunk = child;
	if (trunk != RAMET_NONE)
		r = push(v, trunk, c->level, 0, err);
	child = parent + 1;
	first = v->n_stack;
	for (uint32_t i = 0; i < n && r == 0; i++, child += v->size[child])
		if (child != trunk)
			r = push(v, child, c->level + 1,
				 i + 1 < n || trunk != RAMET_NONE ? 'T' : 'L', err);
	for (uint32_t a = first, b = v->n_stack; r == 0 && a + 1 < b; a++) {
		struct chain swap = v->stack[a];

		v->stack[a] = v->stack[--b];
		v->stack[b] = swap;
	}
	return r;
}

/* Roots in file order, each a trunk of its own. */
static int push_roots(struct view *v, struct ramet_error *err)
{
	int r = 0;

	for (uint32_t i = v->nodes.n; i-- > 0 && r == 0;)
		if (v->nodes.items[i].parent == RAMET_NONE)
			r = push(v, i, 0, 0, err);
	return r;
}

static int draw(struct view *v, struct ramet_error *err)
{
	int r = push_roots(v, err);

	for (uint32_t roots = 0; v->n_stack && r == 0 && !out_broken(v->out);) {
		struct chain c = v->stack[--v->n_stack];

		if (v->nodes.items[c.node].parent == RAMET_NONE && roots++)
			out_newline(v->out);             /* another tree, not the next entry */
		r = enter_level(v, &c, err);
		if (r == 0)
			r = collect(v, c.node, err);
		if (r == 0)
			r = print_run(v, &c, err);
		if (r == 0)
			r = push_children(v, &c, err);
	}
	return r;
}

static void release(struct view *v)
{
	ramet_nodes_release(&v->nodes);
	ramet_labels_release(&v->labels);
	ramet_free(v->node_of_row);
	ramet_free(v->size);
	ramet_free(v->active);
	ramet_free(v->stack);
	ramet_free(v->run);
	ramet_free(v->levels);
}

int treeview_print(struct out *o, const struct ramet_session *s, const struct treeview_opts *opts,
		   struct ramet_error *err)
{
	struct view v = { .out = o, .session = s, .tree = ramet_session_tree(s), .all = opts->all };
	int r = ramet_tree_preorder(v.tree, &v.nodes, err);

	if (r == 0)
		r = ramet_tree_labels(v.tree, &v.labels, err);
	if (r == 0)
		r = allocate(&v, err);
	if (r == 0) {
		measure(&v);
		r = draw(&v, err);
	}
	release(&v);
	return r;
}

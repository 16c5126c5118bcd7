/*
 * ops/report_branches.c - the branches of a session, one for each entry without children.
 *
 * What a branch shares with others is counted (entries, messages, modified); what it is known by
 * (firstMessage, label) is taken from its own part only, below the last fork. Everything is carried
 * down the tree in preorder, so the whole takes one visit per entry however many branches share it.
 */
#include "ops/modified_priv.h"
#include "ops/report_priv.h"

#include "base/error.h"
#include "base/mem.h"

/* What is known at one row of the path down to it. */
struct at_row {
	double talk_ms;                          /* greatest message time, 0 none */
	uint32_t messages, n_children;
	uint32_t fork;                           /* nearest ancestor with more than one child */
	uint32_t first, label;                   /* rows below that fork, or RAMET_NONE */
};

struct branches {
	const struct ramet_tree *tree;
	struct ramet_nodes nodes;
	struct ramet_labels labels;
	struct rameti_peek peek;
	struct ramet_json_doc doc;
	struct ramet_buf text;
	struct at_row *at;                       /* by row */
	uint32_t *leaves, n_leaves, current;
};

/* The text of the message that was just read, in x->text. */
static int read_text(struct branches *x, struct ramet_error *err)
{
	struct ramet_json content = rameti_peek_get(&x->peek, RAMETI_SEEK_CONTENT);

	ramet_buf_reset(&x->text);
	return rameti_content_text(&x->doc, &content, " ", &x->text, err);
}

static int visit_talk(struct branches *x, uint32_t row, struct at_row *at, struct ramet_error *err)
{
	const struct ramet_row *facts = ramet_tree_row(x->tree, row);
	double ms;
	int r = rameti_peek_read(&x->peek, row, err);

	if (r < 0)
		return r;
	ms = rameti_message_time(&x->peek, facts);
	at->talk_ms = ms > at->talk_ms ? ms : at->talk_ms;
	if (at->first != RAMET_NONE || facts->role != RAMET_ROLE_USER)
		return 0;
	r = read_text(x, err);
	if (!r && x->text.len)
		at->first = row;
	return r;
}

static int visit(struct branches *x, const struct ramet_node *node, struct ramet_error *err)
{
	const struct ramet_row *facts = ramet_tree_row(x->tree, node->row);
	struct at_row *at = &x->at[node->row];

	if (node->parent == RAMET_NONE) {
		at->talk_ms = 0;
		at->messages = 0;
		at->fork = at->first = at->label = RAMET_NONE;
	} else {
		*at = x->at[node->parent];
		if (at->n_children > 1) {
			at->fork = node->parent;
			at->first = at->label = RAMET_NONE;
		}
	}
	at->n_children = node->n_children;
	at->messages += facts->type == RAMET_ENTRY_MESSAGE;
	if (ramet_labels_find(&x->labels, node->row))
		at->label = node->row;
	if (!node->n_children)
		x->leaves[x->n_leaves++] = node->row;
	return rameti_is_talk(facts) ? visit_talk(x, node->row, at, err) : 0;
}

/* ---- newest first: a heap sort, so that it needs no memory and has no bad input ---- */

static int64_t modified_ms(const struct branches *x, uint32_t leaf)
{
	if (x->at[leaf].talk_ms > 0)
		return rameti_date_ms(x->at[leaf].talk_ms);
	return ramet_tree_row(x->tree, leaf)->time_ms;
}

/* Does a come before b: changed later, or at the same time but later in the file. */
static int newer(const struct branches *x, uint32_t a, uint32_t b)
{
	int64_t ta = modified_ms(x, a), tb = modified_ms(x, b);

	return ta != tb ? ta > tb : a > b;
}

/* The heap leaves[0, n) with the newest last: let the one at i sink to its place. */
static void sink(struct branches *x, uint32_t i, uint32_t n)
{
	uint32_t child, row = x->leaves[i];

	while (i < n / 2) {
		child = 2 * i + 1;
		if (child + 1 < n && newer(x, x->leaves[child], x->leaves[child + 1]))
			child++;
		if (!newer(x, row, x->leaves[child]))
			break;
		x->leaves[i] = x->leaves[child];
		i = child;
	}
	x->leaves[i] = row;
}

static void sort_leaves(struct branches *x)
{
	uint32_t i, swap;

	for (i = x->n_leaves / 2; i > 0; i--)
		sink(x, i - 1, x->n_leaves);
	for (i = x->n_leaves; i > 1; i--) {
		swap = x->leaves[0];
		x->leaves[0] = x->leaves[i - 1];
		x->leaves[i - 1] = swap;
		sink(x, 0, i - 1);
	}
}

/* ---- writing ---- */

static int write_branch(struct branches *x, uint32_t leaf, struct ramet_json_writer *w,
			struct ramet_error *err)
{
	const struct at_row *at = &x->at[leaf];
	int r = 0;

	ramet_json_open_object(w);
	ramet_json_key(w, "leaf");
	rameti_write_id(w, x->tree, leaf);
	ramet_json_key(w, "entries");
	ramet_json_add_int(w, (int64_t)ramet_tree_row(x->tree, leaf)->depth + 1);
	ramet_json_key(w, "messages");
	ramet_json_add_int(w, at->messages);
	ramet_json_key(w, "forkedAt");
	rameti_write_id(w, x->tree, at->fork);
	ramet_json_key(w, "modified");
	rameti_write_time(w, modified_ms(x, leaf));
	if (at->first != RAMET_NONE) {
		r = rameti_peek_read(&x->peek, at->first, err);
		if (!r)
			r = read_text(x, err);
		rameti_write_member(w, "firstMessage", ramet_buf_bytes(&x->text));
	}
	if (at->label != RAMET_NONE)
		rameti_write_member(w, "label", ramet_labels_find(&x->labels, at->label)->text);
	ramet_json_key(w, "current");
	ramet_json_add_bool(w, leaf == x->current);
	ramet_json_close_object(w);
	return r;
}

static int branches_get(struct branches *x, struct ramet_error *err)
{
	uint32_t i;
	int r = ramet_tree_preorder(x->tree, &x->nodes, err);

	if (!r)
		r = ramet_tree_labels(x->tree, &x->labels, err);
	if (!r)
		r = rameti_peek_open(&x->peek, x->tree, rameti_message_wants, RAMETI_SEEK_N, err);
	if (r < 0)
		return r;
	x->at = ramet_calloc((size_t)ramet_tree_count(x->tree) + 1, sizeof(*x->at));
	x->leaves = ramet_calloc((size_t)x->nodes.n + 1, sizeof(*x->leaves));
	if (!x->at || !x->leaves)
		return rameti_fail_nomem(err);
	for (i = 0; !r && i < x->nodes.n; i++)
		r = visit(x, &x->nodes.items[i], err);
	if (!r)
		sort_leaves(x);
	return r;
}

static void branches_release(struct branches *x)
{
	ramet_nodes_release(&x->nodes);
	ramet_labels_release(&x->labels);
	rameti_peek_close(&x->peek);
	ramet_json_doc_release(&x->doc);
	ramet_buf_release(&x->text);
	ramet_free(x->at);
	ramet_free(x->leaves);
}

int ramet_report_branches(const struct ramet_session *s, struct ramet_buf *out,
			  struct ramet_error *err)
{
	struct branches x = {
		.tree = ramet_session_tree(s), .current = ramet_session_leaf(s),
		.nodes = RAMET_NODES_INIT, .labels = RAMET_LABELS_INIT,
		.peek = RAMETI_PEEK_INIT, .doc = RAMET_JSON_DOC_INIT,
		.text = RAMET_BUF_INIT(SIZE_MAX / 2),
	};
	struct ramet_json_writer w;
	size_t start = out->len;
	uint32_t i;
	int r = branches_get(&x, err);

	ramet_json_writer_init(&w, out);
	ramet_json_open_array(&w);
	for (i = 0; !r && i < x.n_leaves && !ramet_buf_status(out); i++)
		r = write_branch(&x, x.leaves[i], &w, err);
	ramet_json_close_array(&w);
	branches_release(&x);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	return rameti_report_end(out, start, r, err);
}

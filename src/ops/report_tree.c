/*
 * ops/report_tree.c - the tree in preorder.
 *
 * A loop over an array: depth costs nothing. An entry is read only when its type or role is none of
 * ours, to tell it as it is stored.
 */
#include "ops/report_priv.h"

#include "model/tree.h"

#define KEY(text) { text, sizeof(text) - 1 }

enum { TYPE, MESSAGE, ROLE, N_WANTS };
static const struct rameti_want wants[N_WANTS] = {
	[TYPE] = { -1, KEY("type") },
	[MESSAGE] = { -1, KEY("message") },
	[ROLE] = { MESSAGE, KEY("role") },
};

struct tree_report {
	const struct ramet_tree *tree;
	struct ramet_nodes nodes;
	struct ramet_labels labels;
	struct rameti_peek peek;
	struct ramet_buf text;
	struct ramet_json_writer w;
};

/* A type or role by its name, or as the entry that was just read has it. */
static int write_name(struct tree_report *x, const char *key, const char *name, unsigned want,
		      struct ramet_error *err)
{
	if (!name[0])
		return rameti_write_found(&x->w, key, rameti_peek_get(&x->peek, want), &x->text,
					  err);
	rameti_write_member(&x->w, key, ramet_bytes_of(name));
	return 0;
}

static int write_type(struct tree_report *x, uint32_t row, struct ramet_error *err)
{
	const struct ramet_row *facts = ramet_tree_row(x->tree, row);
	const char *type = ramet_entry_type_name(facts->type);
	const char *role = facts->role == RAMET_ROLE_NONE ? NULL : ramet_role_name(facts->role);
	int r = 0;

	if (!type[0] || (role && !role[0])) {
		if (!x->peek.scanner)
			r = rameti_peek_open(&x->peek, x->tree, wants, N_WANTS, err);
		if (!r)
			r = rameti_peek_read(&x->peek, row, err);
	}
	if (!r)
		r = write_name(x, "type", type, TYPE, err);
	if (!r && role)
		r = write_name(x, "role", role, ROLE, err);
	return r;
}

static int write_node(struct tree_report *x, const struct ramet_node *node, struct ramet_error *err)
{
	const struct ramet_label *label = ramet_labels_find(&x->labels, node->row);
	int r;

	ramet_json_open_object(&x->w);
	ramet_json_key(&x->w, "id");
	rameti_write_id(&x->w, x->tree, node->row);
	ramet_json_key(&x->w, "parent");
	rameti_write_id(&x->w, x->tree, node->parent);
	ramet_json_key(&x->w, "depth");
	ramet_json_add_int(&x->w, node->depth);
	r = write_type(x, node->row, err);
	if (label) {
		ramet_json_key(&x->w, "label");
		ramet_json_add_text(&x->w, label->text);
	}
	if (label && label->timestamp.len) {
		ramet_json_key(&x->w, "labelTimestamp");
		ramet_json_add_raw(&x->w, label->timestamp);
	}
	ramet_json_close_object(&x->w);
	return r;
}

int ramet_report_tree(const struct ramet_session *s, struct ramet_buf *out,
		      struct ramet_error *err)
{
	struct tree_report x = {
		.tree = ramet_session_tree(s),
		.nodes = RAMET_NODES_INIT, .labels = RAMET_LABELS_INIT,
		.peek = RAMETI_PEEK_INIT, .text = RAMET_BUF_INIT(SIZE_MAX / 2),
	};
	size_t start = out->len;
	uint32_t i;
	int r;

	r = ramet_tree_preorder(x.tree, &x.nodes, err);
	if (!r)
		r = ramet_tree_labels(x.tree, &x.labels, err);
	ramet_json_writer_init(&x.w, out);
	ramet_json_open_array(&x.w);
	for (i = 0; !r && i < x.nodes.n && !ramet_buf_status(out); i++)
		r = write_node(&x, &x.nodes.items[i], err);
	ramet_json_close_array(&x.w);
	ramet_nodes_release(&x.nodes);
	ramet_labels_release(&x.labels);
	rameti_peek_close(&x.peek);
	ramet_buf_release(&x.text);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	return rameti_report_end(out, start, r, err);
}

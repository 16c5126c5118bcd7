/*
 * ops/compact.c - compaction: what of a context is to be summarised, and storing the summary.
 *
 * Planning reads the context only, so its cost is that of the context. Nothing here calls a model:
 * the text is handed out, the summary comes back. A summary is only stored at the place it was
 * planned for, for else it would hide entries that its writer never saw.
 */
#include "ops/summary_priv.h"

#include <string.h>

#include "base/error.h"
#include "model/cut.h"
#include "model/tokens.h"
#include "model/tree.h"

#define KEEP_TOKENS 20000u                       /* pi's keepRecentTokens */

int ramet_message_tokens(struct ramet_bytes message, uint64_t *tokens, struct ramet_error *err)
{
	struct rameti_counting n = RAMETI_COUNTING_INIT;
	struct ramet_buf role = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *root;
	uint64_t sum = 0;
	int r = ramet_json_parse(&n.doc, message, 0, err);

	root = r < 0 ? NULL : ramet_json_root(&n.doc);
	if (!r && ramet_json_kind(root) != RAMET_JSON_OBJECT)
		r = rameti_fail(err, RAMET_EFORMAT, "a message is an object");
	ramet_json_text(ramet_json_get(root, "role"), &role);
	if (!r && ramet_buf_status(&role) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_tokens_add(&n, message, ramet_role_of(ramet_buf_bytes(&role)), &sum,
				      err);
	ramet_buf_release(&role);
	rameti_counting_release(&n);
	if (!r)
		*tokens = sum;
	return r;
}

/* ---- planning ---- */

static int count_tokens(const struct ramet_message *messages, uint32_t n, uint64_t *tokens,
			struct ramet_error *err)
{
	struct rameti_counting count = RAMETI_COUNTING_INIT;
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < n; i++)
		r = rameti_tokens_add(&count, messages[i].json, messages[i].role, tokens, err);
	rameti_counting_release(&count);
	return r;
}

static int note_files(struct rameti_plan *p, uint32_t from, uint32_t to, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint32_t i;
	int r = 0;

	for (i = from; !r && i < to; i++)
		r = rameti_files_add_message(&p->files, &doc, &p->context->messages[i], err);
	ramet_json_doc_release(&doc);
	return r;
}

static int list_files(struct rameti_plan *p, struct ramet_compact_plan *plan,
		      struct ramet_error *err)
{
	struct ramet_bytes *read, *modified;
	int r = rameti_files_list(&p->files, 0, &p->arena, &read, &plan->n_read_files, err);

	if (!r)
		r = rameti_files_list(&p->files, 1, &p->arena, &modified, &plan->n_modified_files,
				      err);
	if (r < 0)
		return r;
	plan->read_files = read;
	plan->modified_files = modified;
	return 0;
}

static int nothing(struct ramet_compact_plan *plan, const char *why)
{
	plan->first_kept = RAMET_NONE;
	plan->why = why;
	return 0;
}

/* The entries that stay begin here. */
static int keep_from(struct rameti_plan *p, struct ramet_compact_plan *plan, uint32_t at,
		     struct ramet_error *err)
{
	const struct ramet_context *c = p->context;

	plan->first_kept = c->selected[at].row;
	if (ramet_tree_row(c->tree, plan->first_kept)->flags & RAMET_ROW_NO_ID)
		return rameti_fail(err, RAMET_EFORMAT,
				   "the entry that would be kept first has no id");
	return rameti_plan_keep_id(p, c->tree, plan->first_kept, &p->kept_id, err);
}

/* Everything about a cut that takes something away. */
static int fill(struct rameti_plan *p, struct ramet_compact_plan *plan,
		const struct rameti_cut *cut, struct ramet_error *err)
{
	const struct ramet_context *c = p->context;
	struct ramet_message *messages, *turn_messages;
	uint32_t first, turn, at, i;
	int r;

	rameti_cut_messages(c, cut->begin, cut->turn, &first, &turn);
	rameti_cut_messages(c, cut->turn, cut->at, &turn, &at);
	r = rameti_plan_messages(p, first, turn, &messages, &plan->n_messages, err);
	if (!r)
		r = rameti_plan_messages(p, turn, at, &turn_messages, &plan->n_turn_messages, err);
	if (r < 0)
		return r;
	plan->messages = messages;
	plan->turn_messages = turn_messages;
	if (!plan->n_messages && !plan->n_turn_messages)
		return nothing(plan, "nothing to compact");
	if (cut->turn != cut->at)
		plan->turn = c->selected[cut->turn].row;
	r = keep_from(p, plan, cut->at, err);
	for (i = first; !r && i < at; i++)
		if (c->messages[i].role != RAMET_ROLE_SYSTEM)
			r = count_tokens(&c->messages[i], 1, &plan->tokens_summarized, err);
	if (!r)
		r = count_tokens(&c->messages[at], c->n_messages - at, &plan->tokens_kept, err);
	/* unless an edit took that summary out */
	if (!r && cut->begin && c->selected[0].n)
		r = rameti_plan_add_details(p, c->selected[0].row, &plan->previous, err);
	if (!r)
		r = note_files(p, first, at, err);
	return r < 0 ? r : list_files(p, plan, err);
}

static int make(struct rameti_plan *p, struct ramet_compact_plan *plan, uint64_t keep,
		const struct ramet_tree *t, struct ramet_error *err)
{
	struct rameti_cut cut;
	int r;

	if (plan->leaf == RAMET_NONE)
		return nothing(plan, "nothing to compact");
	r = rameti_plan_keep_id(p, t, plan->leaf, &p->leaf_id, err);
	if (!r)
		r = ramet_context_new(&p->context, t, plan->leaf, err);
	if (!r)
		r = ramet_context_tokens(p->context, &plan->tokens_before, err);
	if (r < 0)
		return r;
	if (ramet_tree_row(t, plan->leaf)->type == RAMET_ENTRY_COMPACTION)
		return nothing(plan, "already compacted");
	r = rameti_cut_find(p->context, keep, &cut, err);
	return r < 0 ? r : fill(p, plan, &cut, err);
}

int ramet_compact_plan(const struct ramet_session *s, uint32_t leaf,
		       const struct ramet_compact_opts *opts, struct ramet_compact_plan *plan,
		       struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_compact_plan made;
	struct rameti_plan *p;
	int r;

	if (leaf != RAMET_NONE && leaf >= ramet_tree_count(t))
		return rameti_fail(err, RAMET_EINVAL, "row %u does not exist", (unsigned)leaf);
	memset(&made, 0, sizeof(made));
	made.leaf = leaf;
	made.first_kept = made.turn = RAMET_NONE;
	made.priv = p = rameti_plan_new(s);
	if (!p)
		return rameti_fail_nomem(err);
	r = make(p, &made, opts && opts->keep_tokens ? opts->keep_tokens : KEEP_TOKENS, t, err);
	r = rameti_tree_answer(t, r, err);
	if (r < 0)
		rameti_plan_free(p);
	else
		*plan = made;
	return r;
}

void ramet_compact_plan_release(struct ramet_compact_plan *plan)
{
	rameti_plan_free(plan->priv);
	memset(plan, 0, sizeof(*plan));
	plan->leaf = plan->first_kept = plan->turn = RAMET_NONE;
}

/* ---- telling it ---- */

int ramet_compact_text(const struct ramet_compact_plan *plan, struct ramet_buf *out,
		       struct ramet_error *err)
{
	size_t start = out->len;
	int r = rameti_summary_block("conversation", plan->messages, plan->n_messages, start,
				     out, err);

	if (!r) {
		rameti_summary_text_block("previous-summary", plan->previous, start, out);
		r = rameti_summary_block("turn-prefix", plan->turn_messages, plan->n_turn_messages,
					 start, out, err);
	}
	return rameti_report_end(out, start, r, err);
}

static struct rameti_file_lists lists(const struct ramet_compact_plan *plan)
{
	const struct rameti_file_lists l = {
		plan->read_files, plan->modified_files, plan->n_read_files, plan->n_modified_files,
	};

	return l;
}

static void add_number(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static int write_plan(struct ramet_json_writer *w, const struct ramet_session *s,
		      const struct ramet_compact_plan *plan, int with_text, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct rameti_file_lists l = lists(plan);
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = with_text ? ramet_compact_text(plan, &text, err) : 0;

	if (plan->turn != RAMET_NONE) {
		ramet_json_key(w, "turnId");
		rameti_write_id(w, t, plan->turn);
	}
	add_number(w, "tokensBefore", plan->tokens_before);
	add_number(w, "tokensSummarized", plan->tokens_summarized);
	add_number(w, "tokensKept", plan->tokens_kept);
	add_number(w, "messages", plan->n_messages);
	add_number(w, "turnMessages", plan->n_turn_messages);
	rameti_write_member(w, "previousSummary", plan->previous);
	rameti_summary_members(&l, w);
	if (with_text)
		rameti_write_member(w, "text", ramet_buf_bytes(&text));
	ramet_buf_release(&text);
	return r;
}

int ramet_report_compact_plan(const struct ramet_session *s, const struct ramet_compact_plan *plan,
			      int with_text, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t start = out->len;
	int r = 0;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	ramet_json_key(&w, "leafId");
	rameti_write_id(&w, ramet_session_tree(s), plan->leaf);
	ramet_json_key(&w, "firstKeptEntryId");
	rameti_write_id(&w, ramet_session_tree(s), plan->first_kept);
	if (plan->first_kept == RAMET_NONE)
		rameti_write_member(&w, "reason", ramet_bytes_of(plan->why));
	else
		r = write_plan(&w, s, plan, with_text, err);
	ramet_json_close_object(&w);
	return rameti_report_end(out, start, r, err);
}

/* ---- storing the summary ---- */

static int append(struct ramet_session *s, const struct ramet_compact_plan *plan,
		  const struct ramet_summary *summary, char *id, struct ramet_error *err)
{
	int r;

	ramet_session_lock(s);
	r = rameti_plan_check(plan->priv, s, err);
	if (!r)
		r = ramet_session_append_compaction(s, summary, id, err);
	ramet_session_unlock(s);
	return r;
}

int ramet_compact_apply(struct ramet_session *s, const struct ramet_compact_plan *plan,
			const struct ramet_written_summary *written, char *id,
			struct ramet_error *err)
{
	const struct rameti_file_lists l = lists(plan);
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf details = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_summary summary = { .usage = written->usage };
	int r;

	if (plan->first_kept == RAMET_NONE)
		return rameti_fail(err, RAMET_EINVAL, "%s", plan->why ? plan->why : "no plan");
	r = rameti_summary_compose("", written, &l, &text, err);
	rameti_summary_details(&l, &details);
	if (!r && ramet_buf_status(&details) < 0)
		r = rameti_fail_nomem(err);
	summary.summary = ramet_buf_bytes(&text);
	summary.details = ramet_buf_bytes(&details);
	summary.first_kept = ((const struct rameti_plan *)plan->priv)->kept_id;
	summary.tokens_before = (double)plan->tokens_before;
	if (!r)
		r = append(s, plan, &summary, id, err);
	ramet_buf_release(&text);
	ramet_buf_release(&details);
	return r;
}

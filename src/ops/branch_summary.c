/*
 * ops/branch_summary.c - what is left behind on the way from one entry to another, to be
 * summarised, and storing the summary at the other end.
 *
 * Left are the entries from the old leaf up to the last one that both paths have, whatever was
 * compacted on the way. Results of tools are not told: their calls and the answers are. With a
 * limit the newest messages count, and a summary that just does not fit is taken all the same.
 */
#include "ops/summary_priv.h"

#include <string.h>

#include "base/error.h"
#include "model/context.h"
#include "model/tokens.h"
#include "model/tree.h"

/* The sentence that pi puts before a summary of a branch. */
#define HEAD                                                                                       \
	"The user explored a different conversation branch before returning here.\n"               \
	"Summary of that exploration:\n\n"

/* ---- the entries ---- */

static uint32_t depth(const struct ramet_tree *t, uint32_t row)
{
	return row == RAMET_NONE ? 0 : ramet_tree_row(t, row)->depth + 1;
}

static uint32_t parent(const struct ramet_tree *t, uint32_t row)
{
	return ramet_tree_row(t, row)->parent;
}

static uint32_t common(const struct ramet_tree *t, uint32_t a, uint32_t b)
{
	while (a != b) {
		uint32_t da = depth(t, a), db = depth(t, b);

		if (da >= db)
			a = parent(t, a);
		if (db >= da)
			b = parent(t, b);
	}
	return a;
}

static int collect(struct rameti_plan *p, struct ramet_branch_summary_plan *plan,
		   const struct ramet_tree *t, struct ramet_error *err)
{
	uint32_t *rows, i, row = plan->from;

	plan->ancestor = common(t, plan->from, plan->target);
	plan->n_rows = depth(t, plan->from) - depth(t, plan->ancestor);
	rows = rameti_arena_alloc(&p->arena, rameti_mul((size_t)plan->n_rows + 1, sizeof(*rows)));
	if (!rows)
		return rameti_fail_nomem(err);
	for (i = plan->n_rows; i > 0; i--, row = parent(t, row))
		rows[i - 1] = row;
	plan->rows = rows;
	return 0;
}

/* ---- the messages ---- */

struct measuring {
	struct rameti_counting count;
	struct ramet_json_doc doc;
	uint64_t max, sum;
	uint32_t first;                          /* message from which on there is room */
	int full;
};

static int is_summary(const struct ramet_row *row)
{
	return row->type == RAMET_ENTRY_COMPACTION || row->type == RAMET_ENTRY_BRANCH_SUMMARY;
}

/* One message more, towards the older ones. */
static int measure(struct rameti_plan *p, struct measuring *m, uint32_t at, struct ramet_error *err)
{
	const struct ramet_message *message = &p->context->messages[at];
	uint64_t tokens = 0;
	int r;

	if (message->role == RAMET_ROLE_TOOL_RESULT) {
		m->first = at;
		return 0;
	}
	r = rameti_files_add_message(&p->files, &m->doc, message, err);
	if (!r)
		r = rameti_tokens_add(&m->count, message->json, message->role, &tokens, err);
	if (r < 0)
		return r;
	if (m->max && m->sum + tokens > m->max) {
		m->full = 1;
		if (!is_summary(ramet_tree_row(p->context->tree, message->row)) ||
		    (double)m->sum >= (double)m->max * 0.9)
			return 0;
	}
	m->sum += tokens;
	m->first = at;
	return 0;
}

/* Messages and the lists of summaries on the way; *first: the oldest message there is room for. */
static int look_through(struct rameti_plan *p, const struct ramet_branch_summary_plan *plan,
			struct measuring *m, struct ramet_error *err)
{
	const struct ramet_tree *t = p->context->tree;
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < plan->n_rows; i++)
		if (ramet_tree_row(t, plan->rows[i])->type == RAMET_ENTRY_BRANCH_SUMMARY)
			r = rameti_plan_add_details(p, plan->rows[i], NULL, err);
	m->first = p->context->n_messages;
	for (i = m->first; !r && !m->full && i > 0; i--)
		r = measure(p, m, i - 1, err);
	return r;
}

/* The messages without results of tools. */
static void drop_results(struct ramet_message *messages, uint32_t *n)
{
	uint32_t i, kept = 0;

	for (i = 0; i < *n; i++)
		if (messages[i].role != RAMET_ROLE_TOOL_RESULT)
			messages[kept++] = messages[i];
	*n = kept;
}

static int fill(struct rameti_plan *p, struct ramet_branch_summary_plan *plan, uint64_t max,
		const struct ramet_tree *t, struct ramet_error *err)
{
	struct measuring m = { .count = RAMETI_COUNTING_INIT, .max = max };
	struct ramet_message *messages = NULL;
	int r = rameti_context_of_rows(&p->context, t, plan->rows, plan->n_rows, err);

	if (!r)
		r = look_through(p, plan, &m, err);
	if (!r)
		r = rameti_plan_messages(p, m.first, p->context->n_messages, &messages,
					 &plan->n_messages, err);
	rameti_counting_release(&m.count);
	ramet_json_doc_release(&m.doc);
	if (r < 0)
		return r;
	drop_results(messages, &plan->n_messages);
	plan->messages = messages;
	plan->tokens = m.sum;
	return 0;
}

static int list_files(struct rameti_plan *p, struct ramet_branch_summary_plan *plan,
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

static int make(struct rameti_plan *p, struct ramet_branch_summary_plan *plan, uint64_t max,
		const struct ramet_tree *t, struct ramet_error *err)
{
	int r = rameti_plan_keep_id(p, t, plan->from, &p->leaf_id, err);

	if (!r)
		r = rameti_plan_keep_id(p, t, plan->target, &p->kept_id, err);
	if (!r)
		r = collect(p, plan, t, err);
	if (!r && plan->n_rows)
		r = fill(p, plan, max, t, err);
	return r < 0 ? r : list_files(p, plan, err);
}

static int check_row(const struct ramet_tree *t, uint32_t row, struct ramet_error *err)
{
	if (row != RAMET_NONE && row >= ramet_tree_count(t))
		return rameti_fail(err, RAMET_EINVAL, "row %u does not exist", (unsigned)row);
	return 0;
}

int ramet_branch_summary_plan(const struct ramet_session *s, uint32_t from, uint32_t target,
			      const struct ramet_branch_summary_opts *opts,
			      struct ramet_branch_summary_plan *plan, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_branch_summary_plan made;
	struct rameti_plan *p;
	int r = check_row(t, from, err);

	if (!r)
		r = check_row(t, target, err);
	if (r < 0)
		return r;
	memset(&made, 0, sizeof(made));
	made.from = from;
	made.target = target;
	made.ancestor = RAMET_NONE;
	made.priv = p = rameti_plan_new(s);
	if (!p)
		return rameti_fail_nomem(err);
	r = rameti_tree_answer(t, make(p, &made, opts ? opts->max_tokens : 0, t, err), err);
	if (r < 0)
		rameti_plan_free(p);
	else
		*plan = made;
	return r;
}

void ramet_branch_summary_plan_release(struct ramet_branch_summary_plan *plan)
{
	rameti_plan_free(plan->priv);
	memset(plan, 0, sizeof(*plan));
	plan->from = plan->target = plan->ancestor = RAMET_NONE;
}

/* ---- telling it ---- */

int ramet_branch_summary_text(const struct ramet_branch_summary_plan *plan, struct ramet_buf *out,
			      struct ramet_error *err)
{
	size_t start = out->len;
	int r = rameti_summary_block("conversation", plan->messages, plan->n_messages, start, out,
				     err);

	return rameti_report_end(out, start, r, err);
}

static struct rameti_file_lists lists(const struct ramet_branch_summary_plan *plan)
{
	const struct rameti_file_lists l = {
		plan->read_files, plan->modified_files, plan->n_read_files, plan->n_modified_files,
	};

	return l;
}

static void write_row(struct ramet_json_writer *w, const char *key, const struct ramet_tree *t,
		      uint32_t row)
{
	ramet_json_key(w, key);
	rameti_write_id(w, t, row);
}

int ramet_report_branch_summary(const struct ramet_session *s,
				const struct ramet_branch_summary_plan *plan, int with_text,
				struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct rameti_file_lists l = lists(plan);
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_writer w;
	size_t start = out->len;
	uint32_t i;
	int r = with_text ? ramet_branch_summary_text(plan, &text, err) : 0;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	write_row(&w, "leafId", t, plan->from);
	write_row(&w, "targetId", t, plan->target);
	write_row(&w, "ancestorId", t, plan->ancestor);
	ramet_json_key(&w, "entries");
	ramet_json_open_array(&w);
	for (i = 0; i < plan->n_rows; i++)
		rameti_write_id(&w, t, plan->rows[i]);
	ramet_json_close_array(&w);
	ramet_json_key(&w, "messages");
	ramet_json_add_int(&w, plan->n_messages);
	ramet_json_key(&w, "tokens");
	ramet_json_add_int(&w, (int64_t)plan->tokens);
	rameti_summary_members(&l, &w);
	if (with_text) {
		ramet_json_key(&w, "text");
		ramet_json_add_text(&w, ramet_buf_bytes(&text));
	}
	ramet_json_close_object(&w);
	ramet_buf_release(&text);
	return rameti_report_end(out, start, r, err);
}

/* ---- storing the summary ---- */

static int append(struct ramet_session *s, const struct rameti_plan *p,
		  const struct ramet_summary *summary, char *id, struct ramet_error *err)
{
	uint32_t target = RAMET_NONE;
	int r;

	ramet_session_lock(s);
	r = rameti_plan_check(p, s, err);
	if (!r && p->kept_id.ptr)
		r = ramet_tree_resolve(ramet_session_tree(s), p->kept_id, &target, err);
	if (!r)
		r = ramet_session_branch_with_summary(s, target, summary, id, err);
	ramet_session_unlock(s);
	return r;
}

int ramet_branch_summary_apply(struct ramet_session *s,
			       const struct ramet_branch_summary_plan *plan,
			       const struct ramet_written_summary *written, char *id,
			       struct ramet_error *err)
{
	const struct rameti_file_lists l = lists(plan);
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf details = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_summary summary = { .usage = written->usage };
	int r = rameti_summary_compose(HEAD, written, &l, &text, err);

	rameti_summary_details(&l, &details);
	if (!r && ramet_buf_status(&details) < 0)
		r = rameti_fail_nomem(err);
	if (!r && !plan->priv)
		r = rameti_fail(err, RAMET_EINVAL, "no plan");
	summary.summary = ramet_buf_bytes(&text);
	summary.details = ramet_buf_bytes(&details);
	if (!r)
		r = append(s, plan->priv, &summary, id, err);
	ramet_buf_release(&text);
	ramet_buf_release(&details);
	return r;
}

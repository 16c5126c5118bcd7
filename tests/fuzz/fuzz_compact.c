/*
 * Any bytes as a session: the first two bytes choose budgets, the rest is the file. Plans of
 * compactions and branch summaries, their texts and storing summaries must end without a crash; a
 * plan that cuts has something to summarise, and what it keeps is on the path.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "ramet.h"

#define OUT_MAX (64u << 20)
#define LEAVES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int ok)
{
	if (!ok)
		abort();
}

static int is_on_path(const struct ramet_tree *t, uint32_t row, uint32_t leaf)
{
	while (leaf != RAMET_NONE && leaf != row)
		leaf = ramet_tree_row(t, leaf)->parent;
	return leaf == row;
}

static void compact(const struct ramet_session *s, uint32_t leaf, uint64_t keep,
		    struct ramet_buf *out)
{
	const struct ramet_compact_opts opts = { .keep_tokens = keep };
	struct ramet_compact_plan plan;

	ramet_buf_reset(out);
	if (ramet_compact_plan(s, leaf, &opts, &plan, NULL) < 0)
		return;
	if (plan.first_kept != RAMET_NONE) {
		must(plan.n_messages + plan.n_turn_messages > 0 && !plan.why);
		must(is_on_path(ramet_session_tree(s), plan.first_kept, leaf));
		must(plan.turn == RAMET_NONE ||
		     is_on_path(ramet_session_tree(s), plan.turn, plan.first_kept));
	} else {
		must(plan.why != NULL);
	}
	must(ramet_report_compact_plan(s, &plan, 1, out, NULL) == 0);
	ramet_compact_plan_release(&plan);
}

static void leave(const struct ramet_session *s, uint32_t from, uint32_t target, uint64_t max,
		  struct ramet_buf *out)
{
	const struct ramet_branch_summary_opts opts = { .max_tokens = max };
	struct ramet_branch_summary_plan plan;

	ramet_buf_reset(out);
	if (ramet_branch_summary_plan(s, from, target, &opts, &plan, NULL) < 0)
		return;
	must(plan.ancestor == RAMET_NONE ||
	     is_on_path(ramet_session_tree(s), plan.ancestor, target));
	must(ramet_report_branch_summary(s, &plan, 1, out, NULL) == 0);
	ramet_branch_summary_plan_release(&plan);
}

static void store(struct ramet_session *s, uint64_t keep)
{
	const struct ramet_written_summary summary = { .text = ramet_bytes_of("x") };
	const struct ramet_compact_opts opts = { .keep_tokens = keep };
	struct ramet_compact_plan plan;

	if (ramet_compact_plan(s, ramet_session_leaf(s), &opts, &plan, NULL) < 0)
		return;
	if (ramet_compact_apply(s, &plan, &summary, NULL, NULL) == 0)
		must(ramet_compact_apply(s, &plan, &summary, NULL, NULL) == RAMET_ECONFLICT);
	ramet_compact_plan_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_session *s;
	uint32_t n, i;

	if (len < 2)
		return 0;
	if (ramet_session_open_bytes(&s, (struct ramet_bytes){ (const char *)data + 2, len - 2 },
				     NULL, NULL) < 0)
		return 0;
	n = ramet_tree_count(ramet_session_tree(s));
	for (i = 0; i < LEAVES && i < n; i++) {
		compact(s, n - 1 - i, data[0], &out);
		leave(s, n - 1 - i, (data[1] * i) % n, data[1], &out);
	}
	store(s, data[0]);
	ramet_session_close(s);
	ramet_buf_release(&out);
	return 0;
}

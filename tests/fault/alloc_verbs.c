/*
 * alloc_verbs.c - the calls of ramet/ops.h; and those of all headers that cannot allocate.
 */
#include "alloc.h"

#include <string.h>

CALL(report_info, ramet_report_info(st->s, &st->out, ERR))
CALL(report_entries, ramet_report_entries(st->old, 0, 1000, &st->out, &st->outs.row, ERR))
CALL(report_tree, ramet_report_tree(st->s, &st->out, ERR))
CALL(report_path, ramet_report_path(st->s, ramet_session_leaf(st->s), &st->out, ERR))
CALL(report_branches, ramet_report_branches(st->s, &st->out, ERR))
CALL(report_stats, ramet_report_stats(st->s, &st->out, ERR))
CALL(report_list_item, ramet_report_list_item(&st->list.items[0], &st->out, ERR))
CALL(report_findings, ramet_report_findings(&st->found, &st->out, ERR))
CALL(session_check, ramet_session_check(st->odd, &st->outs.findings, ERR))
CALL(report_fork_messages, ramet_report_fork_messages(st->s, &st->out, ERR))
CALL(export_jsonl,
     ramet_export_jsonl(st->s, ramet_session_leaf(st->s), 1000, &st->out, ERR))

static int ignore(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	(void)user;
	(void)bytes;
	(void)err;
	return 0;
}

CALL(export_jsonl_to,
     ramet_export_jsonl_to(st->s, ramet_session_leaf(st->s), 1000, ignore, NULL, ERR))
CALL(session_view, ramet_session_view(&st->outs.session, st->s, ERR))
CALL(session_view_memory, ramet_session_view(&st->outs.session, st->mem, ERR))
CALL(fork_plan, ramet_fork_plan(st->s, 1, &st->outs.plan, ERR))
CALL(entry_excerpt, ramet_entry_excerpt(st->s, 1, 100, &st->out, ERR))
CALL(migrate, ramet_migrate(st->old_path, 0, &st->outs.migration, ERR))
CALL(session_trash, ramet_session_trash(st->odd_path, &st->out, ERR))
CALL(session_remove, ramet_session_remove(st->odd_path, ERR))

static struct ramet_fork_opts fork_opts(const struct stage *st)
{
	const struct ramet_fork_opts o = { .dir = st->new_path, .level = RAMET_LEVEL_NONE };

	return o;
}

static int call_fork(struct stage *st)
{
	const struct ramet_fork_opts o = fork_opts(st);

	return ramet_fork(&st->outs.session, st->s, &o, ERR);
}

static int call_fork_odd(struct stage *st)
{
	const struct ramet_fork_opts o = fork_opts(st);

	return ramet_fork(&st->outs.session, st->old, &o, ERR);
}

static int call_fork_branch(struct stage *st)
{
	const struct ramet_fork_opts o = fork_opts(st);

	return ramet_fork_branch(&st->outs.session, st->s, ramet_session_leaf(st->s), &o, ERR);
}

CALL(fork_branch_memory, ramet_fork_branch(&st->outs.session, st->mem, 0, NULL, ERR))

/* ---- summaries ---- */

#define MESSAGE                                                                                    \
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\",\"arguments\":{"        \
	"\"\u00e4\":[\"\u00e4\"]}}]}"

static int call_compact_plan(struct stage *st)
{
	const struct ramet_compact_opts little = { .keep_tokens = 1 };

	return ramet_compact_plan(st->s, ramet_session_leaf(st->s), &little, &st->outs.compact,
				  ERR);
}

static int call_compact_apply(struct stage *st)
{
	const struct ramet_written_summary w = { .text = TEXT("so far") };

	return ramet_compact_apply(st->s, &st->compact, &w, st->outs.ids[0], ERR);
}

static int call_branch_summary_apply(struct stage *st)
{
	const struct ramet_written_summary w = { .text = TEXT("left"), .usage = TEXT("{}") };

	return ramet_branch_summary_apply(st->s, &st->leave, &w, st->outs.ids[0], ERR);
}

CALL(message_tokens, ramet_message_tokens(TEXT(MESSAGE), &st->outs.n, ERR))
CALL(compact_text, ramet_compact_text(&st->compact, &st->out, ERR))
CALL(report_compact_plan, ramet_report_compact_plan(st->s, &st->compact, 1, &st->out, ERR))
CALL(branch_summary_plan,
     ramet_branch_summary_plan(st->s, ramet_session_leaf(st->s), 2, NULL, &st->outs.leave, ERR))
CALL(branch_summary_text, ramet_branch_summary_text(&st->leave, &st->out, ERR))
CALL(report_branch_summary, ramet_report_branch_summary(st->s, &st->leave, 1, &st->out, ERR))

/* ---- verify, repair, seal ---- */

CALL(verify, ramet_verify(st->odd_path, NULL, &st->outs.verdict, ERR))
CALL(report_verdict, ramet_report_verdict(&st->verdict, "path", &st->out, ERR))
CALL(report_repair, ramet_report_repair(&st->plan, "path", &st->out, ERR))
CALL(seal_key_new, ramet_seal_key_new(st->new_key, ERR))
CALL(seal_key_read, ramet_seal_key_read(st->pub_path, st->outs.key, ERR))

static int call_repair(struct stage *st)
{
	const struct ramet_repair_opts o = { .salvage = 1 };

	return ramet_repair(st->odd_path, &o, &st->outs.repair, ERR);
}

static int call_session_seal(struct stage *st)
{
	const struct ramet_seal_opts o = { .key = st->key_path };

	return ramet_session_seal(st->s, &o, &st->outs.sealed, ERR);
}

/* ---- queues: what the call itself allocates, and what the thread does for it ---- */

CALL(autosave_new, ramet_autosave_new(&st->outs.queue, NULL, ERR))
CALL(autosave_flush, ramet_autosave_flush(st->queue, NULL, 5000, ERR))
CALL(autosave_leave, ramet_autosave_leave(st->queue, st->s, 5000, ERR))
CALL(autosave_stop, ramet_autosave_stop(st->queue, 5000, ERR))

static int call_autosave_add(struct stage *st)
{
	struct ramet_autosave_ticket *ticket = NULL;
	const struct ramet_autosave_add_opts o = { .ticket = &ticket };
	int r = ramet_autosave_add(st->queue, st->s,
				   TEXT("{\"role\":\"user\",\"content\":\"y\"}"), &o, ERR);

	ramet_autosave_ticket_free(ticket);
	return r;
}

/* ---- watching ---- */

static int call_watch_open(struct stage *st)
{
	int r = ramet_watch_open(&st->outs.watch, st->watched, NULL, ERR);

	if (!r)
		st->watched = NULL;                  /* it is the watch's now */
	return r;
}

static int call_watch_next(struct stage *st)
{
	struct ramet_watch_news news;
	int r = ramet_watch_next(st->watch, 0, &news, ERR);

	st->outs.n = r > 0 ? news.n : 0;
	return r < 0 ? r : 0;
}

static int call_watch_again(struct stage *st)
{
	struct ramet_watch_news news;
	int r = ramet_watch_next(st->watch, 0, &news, ERR);

	return r < 0 ? r : ramet_watch_again(st->watch, 0, ERR);
}

const struct alloc_call alloc_ops[] = {
	ROW(report_info, ALLOC_VARIES),
	ROW(report_entries, 0),
	ROW(report_tree, 0),
	ROW(report_path, 0),
	ROW(report_branches, 0),
	ROW(report_stats, 0),
	ROW(report_list_item, ALLOC_VARIES),
	ROW(report_findings, 0),
	ROW(session_check, 0),
	ROW(report_fork_messages, 0),
	ROW(export_jsonl, 0),
	ROW(export_jsonl_to, 0),
	ROW(session_view, 0),
	{ "ramet_session_view in memory", call_session_view_memory, 0 },
	ROW(fork_plan, 0),
	ROW(message_tokens, 0),
	ROW(compact_plan, 0),
	ROW(compact_text, 0),
	ROW(report_compact_plan, 0),
	ROW(compact_apply, ALLOC_ONCE),
	ROW(branch_summary_plan, 0),
	ROW(branch_summary_text, 0),
	ROW(report_branch_summary, 0),
	ROW(branch_summary_apply, ALLOC_ONCE),
	ROW(entry_excerpt, 0),
	ROW(fork, 0),
	{ "ramet_fork of version 1", call_fork_odd, 0 },
	ROW(fork_branch, ALLOC_VARIES),
	{ "ramet_fork_branch in memory", call_fork_branch_memory, 0 },
	ROW(migrate, ALLOC_ONCE),
	ROW(session_trash, ALLOC_VARIES | ALLOC_ONCE),
	ROW(session_remove, ALLOC_ONCE),
	ROW(verify, 0),
	ROW(report_verdict, 0),
	ROW(repair, ALLOC_ONCE),
	ROW(report_repair, 0),
	ROW(session_seal, ALLOC_KEYS),
	ROW(seal_key_new, ALLOC_ONCE),
	ROW(seal_key_read, ALLOC_KEYS),
	ROW(autosave_new, 0),
	ROW(autosave_add, ALLOC_QUEUE),
	ROW(autosave_flush, ALLOC_QUEUE | ALLOC_THREAD),
	ROW(autosave_leave, ALLOC_QUEUE | ALLOC_THREAD),
	ROW(autosave_stop, ALLOC_QUEUE | ALLOC_THREAD),
	ROW(watch_open, ALLOC_ONCE),
	ROW(watch_next, ALLOC_WATCH),
	ROW(watch_again, ALLOC_WATCH),
	{ NULL, NULL, 0 }
};

/* Calls that cannot allocate: getters, and those that let go.
 *
 * NONE: ramet_set_allocator ramet_free ramet_version ramet_code_name ramet_error_print
 * ramet_bytes_of ramet_bytes_eq ramet_bytes_is ramet_buf_init ramet_buf_bytes ramet_buf_status
 * ramet_buf_reset ramet_buf_truncate ramet_buf_release ramet_codec_name ramet_codec_sniff
 * ramet_json_doc_release ramet_json_root ramet_json_kind ramet_json_get ramet_json_get_bytes
 * ramet_json_count ramet_json_next ramet_json_raw ramet_json_plain ramet_json_text_is
 * ramet_json_number ramet_json_truthy ramet_json_writer_init ramet_entry_type_name
 * ramet_role_name ramet_entry_type_of ramet_role_of ramet_tree_count ramet_tree_row
 * ramet_tree_id ramet_tree_find ramet_tree_leaf ramet_path_release ramet_nodes_release
 * ramet_labels_find ramet_labels_release ramet_context_free ramet_stats_free
 * ramet_findings_release ramet_severity_name ramet_session_close ramet_session_tree
 * ramet_session_header ramet_session_path ramet_session_format ramet_session_findings
 * ramet_session_cwd ramet_session_dir ramet_session_stored ramet_session_leaf
 * ramet_session_lock ramet_session_unlock ramet_store_close ramet_list_release
 * ramet_compact_plan_release ramet_branch_summary_plan_release
 * ramet_session_id_valid ramet_fork_plan_release ramet_session_head ramet_session_on_conflict
 * ramet_session_others ramet_verdict_release ramet_repair_release ramet_watch_session
 * ramet_watch_close ramet_autosave_free ramet_autosave_get_metrics ramet_autosave_mode_find
 * ramet_autosave_mode_name ramet_autosave_opts_env ramet_autosave_ticket_free
 * ramet_autosave_trigger_name ramet_autosave_wait */

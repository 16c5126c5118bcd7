/*
 * alloc_systems.c - the calls that belong to one system (include/ramet/{ggcode,yoi,pirust}.h), and
 * conversion.
 *
 * What a call fills is its own here and released at once; how much there was goes into the outs.
 */
#include "alloc.h"

#include <stdio.h>
#include <string.h>

#include "ramet.h"

#define WHAT(n_) (st->outs.n = (uint64_t)(n_))

/* ---- ggcode ---- */

static int call_ggcode_dir(struct stage *st)
{
	return ramet_ggcode_dir(&st->out, ERR);
}

CALL(ggcode_new_id, ramet_ggcode_new_id(&st->out, ERR))
CALL(ggcode_path, ramet_ggcode_path(st->gg_dir, TEXT("some-id"), &st->out, ERR))
CALL(ggcode_workspace, ramet_ggcode_workspace(TEXT(" /tmp/ "), &st->out, ERR))
CALL(ggcode_title, ramet_ggcode_title(TEXT("sort the list, please"), &st->out))
CALL(ggcode_truncate, ramet_ggcode_truncate(TEXT("sort the list, please"), 8, &st->out))
CALL(ggcode_endpoint_key, ramet_ggcode_endpoint_key(TEXT(" a "), TEXT("b"), &st->out))

static int call_ggcode_info_read(struct stage *st)
{
	struct ramet_ggcode_info info;
	int r;

	memset(&info, 0, sizeof(info));
	r = ramet_ggcode_info_read(st->gg_path, &info, ERR);
	if (!r)
		WHAT(info.message_count);
	ramet_ggcode_info_release(&info);
	return r;
}

static int call_ggcode_list(struct stage *st)
{
	struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;
	int r = ramet_ggcode_list(st->gg_dir, NULL, &list, ERR);

	if (!r)
		WHAT(list.n);
	ramet_ggcode_list_release(&list);
	return r;
}

static int keep_count(void *user, const struct ramet_ggcode_item *item, int result)
{
	(void)item;
	*(uint64_t *)user += result == 0;
	return 0;
}

static int call_ggcode_cleanup(struct stage *st)
{
	uint64_t n = 0;
	int r = ramet_ggcode_cleanup(st->gg_dir, INT64_MAX / 2, 1, keep_count, &n, ERR);

	if (r >= 0)
		WHAT(n);
	return r;
}

static int call_ggcode_ensure_meta(struct stage *st)
{
	const struct ramet_ggcode_fields fields = { .title = TEXT("t") };

	return ramet_ggcode_ensure_meta(st->gg_dir, TEXT("20260901-101500-00a1b2c3d4e5f608"),
					&fields, ERR);
}

static int call_ggcode_save(struct stage *st)
{
	const struct ramet_ggcode_fields fields = { .title = TEXT("another") };

	return ramet_ggcode_save(st->gg, &fields, ERR);
}

CALL(ggcode_append_checkpoint,
     ramet_ggcode_append_checkpoint(st->gg, TEXT("so far"), TEXT(""), 10, ERR))
CALL(ggcode_append_tunnel_event,
     ramet_ggcode_append_tunnel_event(st->gg, TEXT("{\"type\":\"x\"}"), ERR))
CALL(ggcode_append_metric, ramet_ggcode_append_metric(st->gg, TEXT("{}"), ERR))
CALL(ggcode_append_usage, ramet_ggcode_append_usage(st->gg, TEXT("{\"input_tokens\":1}"), ERR))
CALL(ggcode_export_markdown, ramet_ggcode_export_markdown(st->gg_path, NULL, &st->out, ERR))

#define STAGE_GG TEXT("20260901-101500-00a1b2c3d4e5f607")

CALL(ggcode_delete, ramet_ggcode_delete(st->gg_dir, STAGE_GG, ERR))

static int call_ggcode_lock_take(struct stage *st)
{
	struct ramet_ggcode_lock *lock = NULL;
	int r = ramet_ggcode_lock_take(&lock, st->gg_dir, STAGE_GG, NULL, ERR);

	ramet_ggcode_lock_release(lock);
	return r;
}

static int call_ggcode_lock_ask(struct stage *st)
{
	int64_t holder = 0;

	return ramet_ggcode_lock_ask(st->gg_dir, STAGE_GG, &holder, ERR);
}

static int call_ggcode_search(struct stage *st)
{
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;
	int r = ramet_ggcode_search(st->gg_dir, TEXT("list"), 0, &hits, ERR);

	if (!r)
		WHAT(hits.n);
	ramet_ggcode_hits_release(&hits);
	return r;
}

/* ---- pi_agent_rust ---- */

CALL(pirust_encode_cwd, ramet_pirust_encode_cwd(TEXT("/a/b"), &st->out))
CALL(pirust_sessions_root, ramet_pirust_sessions_root(&st->out, ERR))
CALL(pirust_file_name, ramet_pirust_file_name(TEXT("0123456789"), 1000, &st->out))
CALL(pirust_share_url, ramet_pirust_share_url(TEXT("gist"), &st->out))

static int call_sidecar_create(struct stage *st)
{
	return ramet_sidecar_create(st->pr_path, NULL, NULL, ERR);
}

/* ---- yoi ---- */

#define YOI_DIR st->yoi_dir

static int no_more(void *user, const char *id)
{
	(void)user;
	(void)id;
	return 0;
}

static int no_trace(void *user, const struct ramet_yoi_trace *t)
{
	(void)user;
	(void)t;
	return 0;
}

static int call_yoi_generation(struct stage *st)
{
	int generation = 0;
	int r = ramet_yoi_generation(st->yoi_path, &generation, ERR);

	if (!r)
		WHAT(generation);
	return r;
}

static int call_yoi_create_compacted(struct stage *st)
{
	const struct ramet_yoi_opts opts = { .level = RAMET_LEVEL_NONE };
	const struct ramet_yoi_start start = { .system_prompt = TEXT("p") };
	struct ramet_yoi_log *log = NULL;
	int r = ramet_yoi_create_compacted(&log, YOI_DIR, st->yoi_path, &start, &opts, ERR);

	ramet_yoi_close(log);
	return r;
}

static int call_yoi_fork(struct stage *st)
{
	const struct ramet_yoi_opts opts = { .level = RAMET_LEVEL_NONE };
	const struct ramet_yoi_start start = { .system_prompt = TEXT("p") };
	struct ramet_yoi_log *log = NULL;
	int r = ramet_yoi_fork(&log, YOI_DIR, &start, &opts, ERR);

	ramet_yoi_close(log);
	return r;
}

static int call_yoi_save_usage(struct stage *st)
{
	const struct ramet_yoi_usage usage = { .input_total_tokens = 5 };

	return ramet_yoi_save_usage(st->yoi, &usage, ERR);
}

static int call_yoi_hash(struct stage *st)
{
	char hash[RAMET_YOI_HASH_SIZE];

	return ramet_yoi_hash(NULL, TEXT("{\"kind\":\"turn_end\"}"), hash, ERR);
}

static int call_yoi_find_segment(struct stage *st)
{
	char session[RAMET_YOI_ID_SIZE];

	return ramet_yoi_find_segment(YOI_DIR, STAGE_SEGMENT, session, ERR);
}

static int call_yoi_trace_append(struct stage *st)
{
	const struct ramet_yoi_trace t = { .ts = 5, .event = TEXT("{\"type\":\"x\"}") };

	return ramet_yoi_trace_append(st->trace_path, RAMET_YOI_ANY, &t, ERR);
}

CALL(yoi_save_config, ramet_yoi_save_config(st->yoi, TEXT(STAGE_CONFIG), ERR))
CALL(yoi_save_extension, ramet_yoi_save_extension(st->yoi, TEXT("d"), TEXT("{\"b\":1}"), ERR))
CALL(yoi_save_input,
     ramet_yoi_save_input(st->yoi, TEXT("[{\"kind\":\"text\",\"content\":\"x\"}]"), TEXT(""),
			  ERR))
CALL(yoi_save_run_errored, ramet_yoi_save_run_errored(st->yoi, 0, TEXT("why"), ERR))
CALL(yoi_build_chain,
     ramet_yoi_build_chain(TEXT("{\"kind\":\"turn_end\"}\n{\"kind\":\"turn_end\"}\n"), &st->out,
			   ERR))
CALL(yoi_head_hash, ramet_yoi_head_hash(st->hashed_path, &st->out, ERR))
CALL(yoi_list_segments, ramet_yoi_list_segments(YOI_DIR, STAGE_SEGMENT, no_more, NULL, ERR))
CALL(yoi_trace_path, ramet_yoi_trace_path(st->yoi_path, &st->out, ERR))
CALL(yoi_trace_read, ramet_yoi_trace_read(st->trace_path, no_trace, NULL, ERR))

/* ---- from one to another ---- */

static int convert_to(struct stage *st, const char *format)
{
	const struct ramet_convert_opts opts = { .to = format, .dry = 1 };
	struct ramet_convert_report report;
	int r;

	memset(&report, 0, sizeof(report));
	r = ramet_convert(st->s, &opts, &report, ERR);
	if (!r)
		WHAT(report.said + report.carried);
	ramet_convert_report_release(&report);
	return r;
}

static int call_convert(struct stage *st)
{
	return convert_to(st, "ggcode");
}

static int call_convert_yoi(struct stage *st)
{
	return convert_to(st, "yoi");
}

static int call_convert_pirust(struct stage *st)
{
	return convert_to(st, "pirust");
}

static int call_convert_file(struct stage *st)
{
	const struct ramet_convert_opts opts = { .to = "ggcode", .place = st->new_path,
						 .level = RAMET_LEVEL_NONE };
	struct ramet_convert_report report;
	int r;

	memset(&report, 0, sizeof(report));
	r = ramet_convert(st->s, &opts, &report, ERR);
	ramet_convert_report_release(&report);
	return r;
}

static int call_export_md(struct stage *st)
{
	return ramet_export_md(st->s, ramet_session_leaf(st->s), &st->out, ERR);
}

#define SYS ALLOC_SYSTEMS

const struct alloc_call alloc_systems[] = {
	ROW(ggcode_dir, ALLOC_VARIES),
	ROW(ggcode_new_id, ALLOC_VARIES),
	ROW(ggcode_path, SYS | ALLOC_VARIES),
	ROW(ggcode_workspace, 0),
	ROW(ggcode_title, ALLOC_SILENT),
	ROW(ggcode_truncate, ALLOC_SILENT),
	ROW(ggcode_endpoint_key, ALLOC_SILENT),
	ROW(ggcode_info_read, SYS),
	ROW(ggcode_list, SYS),
	ROW(ggcode_cleanup, SYS),
	ROW(ggcode_ensure_meta, SYS | ALLOC_VARIES),
	ROW(ggcode_save, SYS),
	ROW(ggcode_append_checkpoint, SYS),
	ROW(ggcode_append_tunnel_event, SYS),
	ROW(ggcode_append_metric, SYS),
	ROW(ggcode_append_usage, SYS),
	ROW(ggcode_export_markdown, SYS),
	ROW(ggcode_delete, SYS | ALLOC_ONCE | ALLOC_CHANGES),
	ROW(ggcode_lock_take, SYS),
	ROW(ggcode_lock_ask, SYS),
	ROW(ggcode_search, SYS),
	ROW(pirust_encode_cwd, ALLOC_SILENT),
	ROW(pirust_sessions_root, ALLOC_VARIES),
	ROW(pirust_file_name, ALLOC_SILENT),
	ROW(pirust_share_url, ALLOC_SILENT),
	ROW(sidecar_create, SYS),
	ROW(yoi_generation, SYS),
	ROW(yoi_create_compacted, SYS | ALLOC_VARIES),
	ROW(yoi_fork, SYS | ALLOC_VARIES),
	ROW(yoi_save_usage, SYS),
	ROW(yoi_save_config, SYS),
	ROW(yoi_save_extension, SYS),
	ROW(yoi_save_input, SYS),
	ROW(yoi_save_run_errored, SYS),
	ROW(yoi_hash, SYS),
	ROW(yoi_build_chain, SYS),
	ROW(yoi_head_hash, SYS),
	ROW(yoi_list_segments, SYS),
	ROW(yoi_find_segment, SYS),
	ROW(yoi_trace_path, SYS | ALLOC_VARIES),
	ROW(yoi_trace_read, SYS),
	ROW(yoi_trace_append, SYS | ALLOC_VARIES),
	ROW(export_md, ALLOC_PIECEMEAL),
	ROW(convert, 0),
	{ "ramet_convert (yoi)", call_convert_yoi, 0 },
	{ "ramet_convert (pirust)", call_convert_pirust, 0 },
	{ "ramet_convert (a file)", call_convert_file, ALLOC_ONCE },
	{ NULL, NULL, 0 }
};

/* Calls whose own unit tests let every allocation fail (run_names.py looks there):
 *
 * ELSEWHERE tests/unit/store/test_pirust_tree.c: ramet_branch_info_get ramet_siblings_get
 * ramet_pirust_new_id
 * ELSEWHERE tests/unit/store/test_pirust_index.c: ramet_pirust_index_list
 * ramet_pirust_index_refresh ramet_pirust_index_reindex ramet_pirust_index_remove
 * ramet_pirust_index_synced ramet_pirust_index_update
 * ELSEWHERE tests/unit/store/test_sidecar_faults.c: ramet_sidecar_checkpoint ramet_sidecar_migrate
 * ramet_sidecar_next ramet_sidecar_open ramet_sidecar_recover ramet_sidecar_rollback
 * ramet_sidecar_rollback_to ramet_sidecar_status ramet_sidecar_verify
 * ELSEWHERE tests/unit/store/test_ckptmgr.c: ramet_ckptmgr_clone ramet_ckptmgr_get
 * ramet_ckptmgr_get_files ramet_ckptmgr_get_or_create ramet_ckptmgr_list ramet_ckptmgr_new_fork_id
 * ramet_ckptmgr_open ramet_ckptmgr_put_files ramet_ckptmgr_remove ramet_ckptmgr_rewind
 * ramet_ckptmgr_set_state ramet_ckptmgr_snapshot ramet_ckptmgr_state
 * ELSEWHERE tests/unit/store/test_yoi_log.c: ramet_yoi_create ramet_yoi_ensure_head ramet_yoi_find
 * ramet_yoi_fork_at_hash ramet_yoi_fork_at_turn ramet_yoi_list_sessions ramet_yoi_open
 * ramet_yoi_restore ramet_yoi_rewind ramet_yoi_save_delta ramet_yoi_save_record
 * ramet_yoi_save_run_completed ramet_yoi_save_turn_end ramet_yoi_state_write ramet_yoi_truncate
 * ramet_yoi_verify */

/* Calls that cannot allocate:
 *
 * NONE: ramet_branch_info_release ramet_siblings_release ramet_ckptmgr_close
 * ramet_ckptmgr_list_release ramet_ckptmgr_session_release ramet_convert_report_release
 * ramet_ggcode_hits_release ramet_ggcode_id_valid ramet_ggcode_info_release
 * ramet_ggcode_list_release ramet_ggcode_lock_release ramet_sidecar_close ramet_sidecar_mode
 * ramet_sidecar_mode_name ramet_sidecar_mode_parse ramet_sidecar_selected
 * ramet_sidecar_state_name ramet_sidecar_total ramet_yoi_close ramet_yoi_generation_name
 * ramet_yoi_head ramet_yoi_log_generation ramet_yoi_new_id ramet_yoi_path ramet_yoi_records
 * ramet_yoi_segment_id ramet_yoi_session_id ramet_yoi_state_release */

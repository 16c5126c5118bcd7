/*
 * store/layout_ggcode_record.c - ggcode's own records: fields of a session, checkpoints, events.
 *
 * Each call writes behind what is there, under the session's lock; none rewrites a file, none does
 * nothing without saying so, and none looks whether the user has said anything yet: the original's
 * gate loses renames and usage. A record that its decoder would refuse is not written.
 */
#include "store/layout_ggcode_priv.h"

#include <string.h>

#include "base/add.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"
#include "codec/carry.h"
#include "store/layout.h"
#include "store/session_priv.h"

static int is_ours(const struct ramet_session *s, struct ramet_error *err)
{
	if (!strcmp(ramet_session_format(s), "ggcode"))
		return 0;
	return rameti_fail(err, RAMET_EINVAL, "not a session of ggcode");
}

/* A record as it is, by a custom entry that the codec writes as that record. */
static int append_record(struct ramet_session *s, const struct rameti_gg_record *g,
			 struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX),
			 data = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r;

	rameti_gg_add_record(&line, g, s->reader.header.id, 0);
	r = rameti_gg_done(&line, err);
	if (!r)
		ramet_buf_truncate(&line, line.len - 1);
	if (!r)
		r = ramet_json_parse(&doc, ramet_buf_bytes(&line), 0, err);
	if (r == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	else if (r == RAMET_EJSON || (!r && (memchr(line.ptr, '\n', line.len) ||
					     !rameti_gg_record_fits(ramet_json_root(&doc)))))
		r = rameti_fail(err, RAMET_EINVAL, "not what ggcode's %s holds", g->type);
	ADD(&data, "{\"format\":\"ggcode\",\"entries\":0,\"record\":");
	ramet_buf_add_json_string(&data, ramet_buf_bytes(&line));
	ADD(&data, "}");
	if (!r)
		r = rameti_gg_done(&data, err);
	if (!r)
		r = ramet_session_append_custom(s, ramet_bytes_of(RAMETI_RAW_TYPE),
						ramet_buf_bytes(&data), NULL, err);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&line);
	ramet_buf_release(&data);
	return r;
}

static int append_payload(struct ramet_session *s, const char *type, const char *key,
			  struct ramet_bytes payload, struct ramet_error *err)
{
	struct rameti_gg_record g = { .type = type, .payload_key = key, .payload = payload };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = is_ours(s, err);

	if (!r)
		r = ramet_json_parse(&doc, payload, 0, err);
	if (!r && strcmp(type, "cost") != 0 &&
	    ramet_json_kind(ramet_json_root(&doc)) != RAMET_JSON_OBJECT)
		r = rameti_fail(err, RAMET_EINVAL, "not an object");
	if (!r) {
		ramet_session_lock(s);
		r = append_record(s, &g, err);
		ramet_session_unlock(s);
	}
	ramet_json_doc_release(&doc);
	return r;
}

int ramet_ggcode_append_tunnel_event(struct ramet_session *s, struct ramet_bytes event,
				     struct ramet_error *err)
{
	return append_payload(s, "tunnel_event", "tunnel_event", event, err);
}

int ramet_ggcode_append_metric(struct ramet_session *s, struct ramet_bytes metric,
			       struct ramet_error *err)
{
	return append_payload(s, "metric", "metric_event", metric, err);
}

int ramet_ggcode_append_usage(struct ramet_session *s, struct ramet_bytes usage,
			      struct ramet_error *err)
{
	return append_payload(s, "usage", "usage_entry", usage, err);
}

/* ---- the session's fields ---- */

static int set(struct ramet_bytes *to, struct ramet_bytes wanted)
{
	if (!wanted.ptr || ramet_bytes_eq(*to, wanted))
		return 0;
	*to = wanted;
	return 1;
}

static int set_fields(struct rameti_gg_record *g, const struct ramet_ggcode_fields *f)
{
	return set(&g->title, f->title) + set(&g->preview, f->preview) +
	       set(&g->workspace, f->workspace) + set(&g->vendor, f->vendor) +
	       set(&g->endpoint, f->endpoint) + set(&g->model, f->model) +
	       set(&g->permission_mode, f->permission_mode);
}

static int save_locked(struct ramet_session *s, const struct ramet_ggcode_fields *fields,
		       struct ramet_error *err)
{
	struct ramet_buf now = RAMET_BUF_INIT(128), created = RAMET_BUF_INIT(128);
	struct rameti_reader *r = &s->reader;
	struct rameti_gg_meta m;
	int changed, e;

	e = ramet_session_stored(s) ? ramet_session_refresh(s, err) : 0;
	if (e >= 0)
		e = rameti_gg_meta_init(&m, ramet_buf_bytes(&r->kept), err);
	if (e < 0)
		return e;
	if (!r->kept.len)
		m.record.workspace = r->header.cwd;
	changed = set_fields(&m.record, fields);
	rameti_gg_add_time(&now, rameti_now_ms(NULL));
	rameti_gg_add_time(&created, r->header.created_ms);
	m.record.updated_at = ramet_buf_bytes(&now);
	if (!m.record.created_at.ptr)
		m.record.created_at = ramet_buf_bytes(&created);
	if (ramet_buf_status(&now) < 0 || ramet_buf_status(&created) < 0)
		e = rameti_fail_nomem(err);
	else if (changed)
		e = append_record(s, &m.record, err);
	rameti_gg_meta_release(&m);
	ramet_buf_release(&now);
	ramet_buf_release(&created);
	if (!e && fields->cost.ptr) {
		changed = 1;
		e = append_payload(s, "cost", "cost", fields->cost, err);
	}
	return e < 0 ? e : changed != 0;
}

int ramet_ggcode_save(struct ramet_session *s, const struct ramet_ggcode_fields *fields,
		      struct ramet_error *err)
{
	int r = is_ours(s, err);

	if (r < 0)
		return r;
	ramet_session_lock(s);
	r = save_locked(s, fields, err);
	ramet_session_unlock(s);
	return r;
}

static int write_new(const char *path, struct ramet_bytes line, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int r = rameti_newfile_open(&n, path, 0600, err);

	if (!r)
		r = rameti_newfile_write(&n, line, err);
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	return r;
}

int ramet_ggcode_ensure_meta(const char *dir, struct ramet_bytes id,
			     const struct ramet_ggcode_fields *fields, struct ramet_error *err)
{
	struct rameti_gg_record g = { .type = "meta" };
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX), time = RAMET_BUF_INIT(128),
			 line = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct rameti_gg_listed l = { .id = id };
	int r = ramet_ggcode_path(dir, id, &path, err);

	(void)set_fields(&g, fields);
	rameti_gg_add_time(&time, rameti_now_ms(NULL));
	g.created_at = g.updated_at = ramet_buf_bytes(&time);
	rameti_gg_add_record(&line, &g, id, 0);
	if (!r)
		r = rameti_gg_done(&line, err);
	if (!r)
		r = rameti_dir_make(NULL, dir, 1, err);
	if (!r)
		r = write_new(path.ptr, ramet_buf_bytes(&line), err);
	if (!r) {
		l.title = g.title, l.preview = g.preview, l.workspace = g.workspace;
		l.vendor = g.vendor, l.endpoint = g.endpoint, l.model = g.model;
		l.created_at = l.updated_at = ramet_buf_bytes(&time);
		/* a cache: listing finds the file without it */
		(void)rameti_gg_index_put(NULL, dir, &l, NULL);
	}
	ramet_buf_release(&path);
	ramet_buf_release(&time);
	ramet_buf_release(&line);
	return r == RAMET_ECONFLICT ? 0 : r < 0 ? r : 1;
}

/* ---- checkpoints ---- */

/* The first message behind the record of this row; empty: there is none. */
static struct ramet_bytes message_behind(const struct ramet_tree *t, uint32_t row)
{
	uint64_t at = ramet_tree_row(t, row)->offset;
	uint32_t n = ramet_tree_count(t);

	for (; row < n; row++)
		if (ramet_tree_row(t, row)->offset > at &&
		    ramet_tree_row(t, row)->type == RAMET_ENTRY_MESSAGE)
			return ramet_tree_id(t, row);
	return (struct ramet_bytes){ NULL, 0 };
}

int ramet_ggcode_append_checkpoint(struct ramet_session *s, struct ramet_bytes summary,
				   struct ramet_bytes last, int64_t tokens, struct ramet_error *err)
{
	struct ramet_summary c = { .summary = summary, .tokens_before = (double)tokens };
	uint32_t row = RAMET_NONE;
	int r = is_ours(s, err);

	if (r < 0)
		return r;
	ramet_session_lock(s);
	if (last.len) {
		row = ramet_tree_find(s->reader.tree, last);
		if (row == RAMET_NONE)
			r = rameti_fail(err, RAMET_ENOTFOUND, "no message %.*s in the session",
					(int)(last.len < 100 ? last.len : 100), last.ptr);
		else
			c.first_kept = message_behind(s->reader.tree, row);
	}
	if (!r)
		r = ramet_session_append_compaction(s, &c, NULL, err);
	ramet_session_unlock(s);
	return r;
}

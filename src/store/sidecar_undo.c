/*
 * store/sidecar_undo.c - a store cut back to one of its checkpoints.
 *
 * What stays is read and compared with the checkpoint first. Then the sidecar is marked dirty (the
 * JSONL has more than it from here on), the index of what stays is staged, an intent is written,
 * and from that moment the rollback happens, if need be at the next call that writes: index,
 * segments, newer checkpoints, manifest, event, and the intent goes. Every step may be done twice.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"

#define SCHEMA "pi.session_store_v2.rollback_intent.v1"
#define INTENT "tmp/rollback.intent.json"
#define STAGE "tmp/offsets.rollback.stage"
#define INDEX "index/offsets.jsonl"

struct intent {
	struct rameti_sc_checkpoint checkpoint;
	char migration_id[64], correlation[SC_ID], index_sha[SC_HEX];
	uint64_t index_len;
	int has_manifest;
	char session_id[SC_ID], source_format[SC_NAME], created[SC_TIME];
};

static void add_intent(struct ramet_buf *b, const struct intent *t)
{
	struct ramet_buf c = RAMET_BUF_INIT(SC_DOC_MAX);

	rameti_sc_checkpoint_add(&c, &t->checkpoint);
	ramet_buf_addf(b, "{\"schema\":\"" SCHEMA "\",\"checkpoint\":%.*s",
		       RAMET_FMT(ramet_buf_bytes(&c)));
	ramet_buf_addf(b,
		       ",\"migrationId\":\"%s\",\"correlationId\":\"%s\","
		       "\"retainedIndexSha256\":\"%s\",\"retainedIndexBytes\":%llu",
		       t->migration_id, t->correlation, t->index_sha,
		       (unsigned long long)t->index_len);
	if (t->has_manifest)
		ramet_buf_addf(b,
			       ",\"manifest\":{\"sessionId\":\"%s\",\"sourceFormat\":\"%s\","
			       "\"createdAt\":\"%s\"}",
			       t->session_id, t->source_format, t->created);
	ramet_buf_add_str(b, "}\n");
	ramet_buf_release(&c);
}

static int get_manifest(const struct ramet_json *v, struct intent *t)
{
	t->has_manifest = ramet_json_kind(v) == RAMET_JSON_OBJECT;
	if (!t->has_manifest)
		return 1;
	return rameti_sc_text(ramet_json_get(v, "sessionId"), t->session_id,
			      sizeof(t->session_id)) &&
	       rameti_sc_id_ok(ramet_bytes_of(t->session_id)) &&
	       rameti_sc_text(ramet_json_get(v, "sourceFormat"), t->source_format,
			      sizeof(t->source_format)) &&
	       rameti_sc_id_ok(ramet_bytes_of(t->source_format)) &&
	       rameti_sc_text(ramet_json_get(v, "createdAt"), t->created, sizeof(t->created)) &&
	       rameti_sc_time_ok(ramet_bytes_of(t->created));
}

static int get_intent(const struct ramet_json *root, struct intent *t, struct ramet_error *err)
{
	int r = rameti_sc_checkpoint_parse(ramet_json_raw(ramet_json_get(root, "checkpoint")),
					   &t->checkpoint, err);

	if (r < 0)
		return r;
	if (ramet_json_text_is(ramet_json_get(root, "schema"), SCHEMA) &&
	    rameti_sc_text(ramet_json_get(root, "migrationId"), t->migration_id,
			   sizeof(t->migration_id)) &&
	    rameti_sc_uuid_ok(ramet_bytes_of(t->migration_id)) &&
	    rameti_sc_text(ramet_json_get(root, "correlationId"), t->correlation,
			   sizeof(t->correlation)) &&
	    rameti_sc_correlation_ok(ramet_bytes_of(t->correlation)) &&
	    rameti_sc_hex64(ramet_json_get(root, "retainedIndexSha256"), t->index_sha) &&
	    rameti_sc_u64(ramet_json_get(root, "retainedIndexBytes"), &t->index_len) &&
	    get_manifest(ramet_json_get(root, "manifest"), t))
		return 0;
	return rameti_fail(err, RAMET_EFORMAT, "rollback intent cannot be read");
}

/* ENOTFOUND: there is none. */
static int read_intent(const struct rameti_env *env, const char *dir, struct intent *t,
		       struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX + 1);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_error why;
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, INTENT, err);

	memset(t, 0, sizeof(*t));
	if (!r)
		r = rameti_sc_read_small(env, path, SC_DOC_MAX, &text, err);
	if (!r) {
		r = ramet_json_parse(&doc, ramet_buf_bytes(&text), RAMET_JSON_STRICT, &why);
		if (r == RAMET_ENOMEM)
			r = rameti_fail_nomem(err);
		else if (r < 0)
			r = rameti_fail(err, RAMET_EFORMAT, "rollback intent is not JSON");
		else
			r = get_intent(ramet_json_root(&doc), t, err);
	}
	if (r == RAMET_EFORMAT)
		rameti_error_set_path(err, path);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return r;
}

/* ---- doing it ---- */

/* 1: the file is the retained index; ENOMEM, EIO. */
static int is_retained(const struct rameti_env *env, const char *path, const struct intent *t,
		       struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	char sha[SC_HEX];
	int r = rameti_sc_read_small(env, path, (size_t)t->index_len, &text, err);

	if (!r) {
		rameti_sc_sha(ramet_buf_bytes(&text), sha);
		r = text.len == t->index_len && !strcmp(sha, t->index_sha);
	}
	ramet_buf_release(&text);
	return r >= 0 || r == RAMET_ENOMEM || r == RAMET_EIO ? r : 0;
}

static int publish_index(const struct rameti_env *env, const char *dir, const struct intent *t,
			 struct ramet_error *err)
{
	char stage[SC_PATH], index[SC_PATH];
	int r = rameti_sc_join(stage, dir, STAGE, err);

	if (!r)
		r = rameti_sc_join(index, dir, INDEX, err);
	if (r < 0)
		return r;
	r = is_retained(env, stage, t, err);
	if (r < 0)
		return r;
	if (r) {
		if (env->rename(env->user, stage, index) < 0)
			return rameti_fail_sys(err, errno, index, "cannot replace");
		r = rameti_dir_sync(env, index, err);
		return r < 0 ? r : rameti_dir_sync(env, stage, err);
	}
	r = is_retained(env, index, t, err);
	if (r)
		return r < 0 ? r : 0;
	return rameti_fail_at(err, RAMET_EFORMAT, stage, 0, RAMET_NO_OFFSET,
			      "the index that should stay is not there");
}

struct clearing {
	const struct rameti_env *env;
	const char *dir;
	uint64_t last;                           /* numbers above it go */
	uint64_t (*number)(const char *name);
	char path[SC_PATH];
	char victim[SC_PATH];                    /* "": none was found */
};

static int find_newer(void *user, const char *name, unsigned char type)
{
	struct clearing *c = user;

	(void)type;
	if (c->number(name) <= c->last)
		return 0;
	return rameti_sc_join(c->victim, c->path, name, NULL) < 0 ? RAMET_ELIMIT : 1;
}

/* One after the other, since a directory that changes is not walked on. */
static int clear_newer(struct clearing *c, const char *sub, struct ramet_sidecar_report *report,
		       struct ramet_error *err)
{
	int r = rameti_sc_join(c->path, c->dir, sub, err);

	while (!r) {
		r = rameti_dir_each(c->env, c->path, find_newer, c, err);
		if (r <= 0)
			return r == RAMET_ENOTFOUND ? 0 : r;
		r = rameti_sc_set_aside(c->env, c->victim, 0, report, err);
	}
	return r;
}

/* The last segment that stays ends where its last frame does: rebuilding cuts it. */
static int cut(const struct rameti_env *env, const char *dir, const struct intent *t,
	       struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct clearing c = { env, dir, 0, rameti_sc_segment_number, "", "" };
	struct rameti_sc_scan s;
	char path[SC_PATH];
	struct stat st;
	int r;

	memset(&s, 0, sizeof(s));
	r = rameti_sc_scan_until(&s, env, dir, t->checkpoint.head_seq, err);
	if (!r && strcmp(s.facts.chain, t->checkpoint.chain))
		r = rameti_fail_at(err, RAMET_EFORMAT, dir, 0, RAMET_NO_OFFSET,
				   "frames are not those of the checkpoint");
	c.last = s.facts.head_segment;
	if (!r)
		r = clear_newer(&c, "segments", report, err);
	if (!r)
		r = rameti_sc_segment_path(path, dir, c.last, err);
	if (!r)
		r = rameti_sc_stat(env, path, &st, err);
	if (!r && (uint64_t)st.st_size > s.facts.last_size) {
		r = rameti_sc_set_aside(env, path, 1, report, err);
		if (!r)
			r = rameti_sc_shorten(env, path, s.facts.last_size, 0, err);
	}
	c.last = t->checkpoint.seq;
	c.number = rameti_sc_checkpoint_number;
	return r < 0 ? r : clear_newer(&c, "checkpoints", report, err);
}

static int write_manifest(const struct rameti_env *env, const char *dir, const struct intent *t,
			  struct ramet_error *err)
{
	struct rameti_sc_manifest m;
	struct rameti_sc_scan s;
	int r;

	memset(&s, 0, sizeof(s));
	s.skip_manifest = 1;
	r = rameti_sc_scan(&s, env, dir, err);
	if (r < 0 || !t->has_manifest)
		return r;
	memset(&m, 0, sizeof(m));
	m.facts = s.facts;
	memcpy(m.session_id, t->session_id, sizeof(m.session_id));
	memcpy(m.source_format, t->source_format, sizeof(m.source_format));
	memcpy(m.created, t->created, sizeof(m.created));
	rameti_time_format(rameti_now_ms(env), m.updated);
	return rameti_sc_manifest_write(env, dir, &m, err);
}

static int record(const struct rameti_env *env, const char *dir, const struct intent *t,
		  struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_event e = { "rollback", "", dir, "native_v2", "native_v2",
				     t->correlation, "", 1, 1, 1 };
	char ref[SC_NAME];

	(void)snprintf(ref, sizeof(ref), "checkpoints/%016llu.json",
		       (unsigned long long)t->checkpoint.seq);
	e.source = ref;
	memcpy(e.id, t->migration_id, sizeof(e.id) - 1);
	e.id[sizeof(e.id) - 1] = '\0';
	if (report)
		memcpy(report->migration_id, e.id, sizeof(report->migration_id));
	return rameti_sc_ledger_record(env, dir, &e, err);
}

static int carry_out(const struct rameti_env *env, const char *dir, const struct intent *t,
		     struct ramet_sidecar_report *report, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = publish_index(env, dir, t, err);

	if (!r)
		r = cut(env, dir, t, report, err);
	if (!r)
		r = write_manifest(env, dir, t, err);
	if (!r)
		r = record(env, dir, t, report, err);
	if (!r)
		r = rameti_sc_join(path, dir, INTENT, err);
	if (!r && env->unlink(env->user, path) < 0)
		r = rameti_fail_sys(err, errno, path, "cannot remove");
	if (!r)
		r = rameti_dir_sync(env, path, err);
	if (!r && report)
		report->changed = 1;
	return r;
}

int rameti_sc_undo_finish(const struct rameti_env *env, const char *dir,
			  struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct ramet_error why;
	struct intent t;
	int r = read_intent(env, dir, &t, &why);

	if (r == RAMET_ENOTFOUND)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = carry_out(env, dir, &t, report, err);
	return r < 0 ? r : 1;
}

/* ---- beginning it ---- */

/* The rows of the first entries, as a file of their own. */
static int stage(const struct rameti_env *env, const char *dir, struct intent *t,
		 struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_sc_index x;
	struct rameti_sc_row row;
	char path[SC_PATH];
	uint64_t i;
	int r = rameti_sc_index_open(&x, env, dir, err);

	if (r < 0)
		return r;
	for (i = 0; i < t->checkpoint.head_seq && (r = rameti_sc_index_next(&x, &row, err)) > 0;
	     i++)
		rameti_sc_row_add(&text, &row);
	rameti_sc_index_close(&x);
	r = r < 0 ? r : rameti_sc_status(&text, err);
	if (!r) {
		rameti_sc_sha(ramet_buf_bytes(&text), t->index_sha);
		t->index_len = text.len;
		r = rameti_sc_join(path, dir, "tmp", err);
	}
	if (!r)
		r = rameti_dir_make(env, path, 1, err);
	if (!r)
		r = rameti_sc_join(path, dir, STAGE, err);
	if (!r)
		r = rameti_sc_put(env, path, ramet_buf_bytes(&text), 1, err);
	ramet_buf_release(&text);
	return r;
}

static int prepare(const struct rameti_sc_place *p, uint64_t seq, struct intent *t,
		   struct ramet_error *err)
{
	struct rameti_sc_manifest m;
	struct rameti_sc_scan s;
	int r;

	memset(&s, 0, sizeof(s));
	memset(t, 0, sizeof(*t));
	r = rameti_sc_checkpoint_read(p->env, p->dir, seq, &t->checkpoint, err);
	if (!r && !t->checkpoint.head_seq)
		r = rameti_fail(err, RAMET_EFORMAT, "checkpoint of an empty store");
	if (!r)
		r = rameti_sc_scan_until(&s, p->env, p->dir, t->checkpoint.head_seq, err);
	if (!r && (strcmp(s.facts.chain, t->checkpoint.chain) ||
		   strcmp(s.facts.head_id, t->checkpoint.head_id)))
		r = rameti_fail_at(err, RAMET_EFORMAT, p->dir, 0, RAMET_NO_OFFSET,
				   "frames are not those of the checkpoint");
	if (r < 0)
		return r;
	if (rameti_sc_manifest_read(p->env, p->dir, &m, NULL) == 0) {
		t->has_manifest = 1;
		memcpy(t->session_id, m.session_id, sizeof(t->session_id));
		memcpy(t->source_format, m.source_format, sizeof(t->source_format));
		memcpy(t->created, m.created, sizeof(t->created));
	}
	return 0;
}

static int begin(const struct rameti_sc_place *p, struct intent *t, const char *correlation,
		 struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX);
	char path[SC_PATH];
	int r = rameti_uuid4(p->env, t->migration_id, err);

	if (!r && correlation)
		(void)snprintf(t->correlation, sizeof(t->correlation), "%s", correlation);
	else if (!r)
		(void)snprintf(t->correlation, sizeof(t->correlation), "ramet-%s",
			       t->migration_id);
	if (!r)
		r = rameti_sc_state_write(p->env, p->dir, NULL, err);
	if (!r)
		r = stage(p->env, p->dir, t, err);
	if (!r)
		r = rameti_sc_join(path, p->dir, INTENT, err);
	add_intent(&text, t);
	if (!r)
		r = rameti_sc_status(&text, err);
	if (!r)
		r = rameti_sc_put(p->env, path, ramet_buf_bytes(&text), 1, err);
	ramet_buf_release(&text);
	return r;
}

static int roll_back(const struct rameti_sc_place *p, uint64_t seq,
		     const struct ramet_sidecar_opts *o, struct ramet_sidecar_report *report,
		     struct ramet_error *err)
{
	struct intent t;
	int r = prepare(p, seq, &t, err);

	if (r < 0)
		return r;
	report->changed = 1;
	report->n_entries = t.checkpoint.head_seq;
	report->state = RAMET_SIDECAR_STALE;
	if (o && o->dry_run)
		return 0;
	r = begin(p, &t, o ? o->correlation_id : NULL, err);
	if (!r)
		r = carry_out(p->env, p->dir, &t, report, err);
	if (!r)
		report->entry_count_match = report->hash_chain_match = report->index_consistent = 1;
	return r;
}

int ramet_sidecar_rollback_to(const char *session, uint64_t checkpoint,
			      const struct ramet_sidecar_opts *opts,
			      struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT, store = RAMETI_SC_LOCK_INIT;
	uint32_t ms = opts ? opts->lock_ms : 0;
	int dry = opts && opts->dry_run;
	struct ramet_sidecar_report done;
	struct rameti_sc_place p;
	int r;

	memset(&done, 0, sizeof(done));
	if (opts && opts->correlation_id &&
	    !rameti_sc_correlation_ok(ramet_bytes_of(opts->correlation_id)))
		return rameti_fail(err, RAMET_EINVAL,
				   "a correlation id has 8 to 128 of letters, digits, . _ : -");
	r = rameti_sc_place_init(&p, session, err);
	if (!r)
		r = rameti_sc_check_dirs(p.env, p.dir, err);
	if (!r && !dry)
		r = rameti_sc_lock_session(&lock, &p, ms, err);
	if (!r && !dry)
		r = rameti_sc_lock_store(&store, p.env, p.dir, ms, err);
	if (!r && !dry)
		r = rameti_sc_undo_finish(p.env, p.dir, &done, err);
	if (r >= 0)
		r = roll_back(&p, checkpoint, opts, &done, err);
	rameti_sc_unlock(&store);
	rameti_sc_unlock(&lock);
	if (!r && report)
		*report = done;
	return r;
}

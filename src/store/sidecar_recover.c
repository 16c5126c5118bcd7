/*
 * store/sidecar_recover.c - putting right what an interrupted call left.
 *
 * In this order: leftover directories, a rollback that was begun, then the sidecar itself. It is
 * kept where its frames are the JSONL's, and then only what is about it (index, manifest, state) is
 * made anew; else it goes the way of everything that is replaced: removed if the JSONL has all of
 * it, else moved aside.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"

struct recovery {
	const struct rameti_sc_place *p;
	const struct ramet_sidecar_opts *o;
	struct ramet_sidecar_report *report;
	struct rameti_sc_source source;
	int has_source;
};

/* ---- leftovers ---- */

/* Without a sidecar in place, the one that was moved away comes back. */
static int restore(struct recovery *v, const struct rameti_sc_leftovers *l, struct ramet_error *err)
{
	const struct rameti_env *env = v->p->env;
	uint32_t i;
	int r = rameti_sc_exists(env, v->p->dir, err);

	for (i = 0; !r && i < l->n; i++) {
		if (l->kinds[i] != SC_BACKUP)
			continue;
		if (env->rename_new(env->user, l->items[i], v->p->dir) < 0)
			return rameti_fail_sys(err, errno, l->items[i], "cannot move back");
		v->report->changed = 1;
		l->items[i][0] = '\0';
		r = rameti_dir_sync(env, v->p->dir, err);
		return r;
	}
	return r < 0 ? r : 0;
}

static int clear_leftovers(struct recovery *v, struct ramet_error *err)
{
	struct rameti_sc_leftovers l;
	uint32_t i;
	int r = rameti_sc_leftovers(&l, v->p, err);

	if (!r)
		r = restore(v, &l, err);
	for (i = 0; !r && i < l.n; i++) {
		if (l.kinds[i] == SC_KEPT || !l.items[i][0])
			continue;
		r = rameti_sc_dispose(v->p, l.items[i], v->has_source ? &v->source : NULL,
				      v->report, err);
	}
	rameti_sc_leftovers_release(&l);
	return r;
}

/* ---- the sidecar ---- */

/* 1: the frames are the JSONL's, in *s; 0: they are not. */
static int frames_agree(struct recovery *v, struct rameti_sc_scan *s, struct ramet_error *err)
{
	const struct rameti_sc_place *p = v->p;
	int r;

	memset(s, 0, sizeof(*s));
	s->skip_manifest = 1;
	s->source = &v->source;
	r = rameti_sc_scan(s, p->env, p->dir, err);
	if (r == RAMET_EFORMAT || (!r && s->index_missing && v->source.n)) {
		r = rameti_sc_rebuild(p->env, p->dir, v->report, err);
		if (!r)
			r = rameti_sc_scan(s, p->env, p->dir, err);
	}
	if (r == RAMET_EFORMAT || r == RAMET_ELIMIT)
		return 0;
	if (r < 0)
		return r;
	return s->facts.n_entries == v->source.n && s->n_same_ids == v->source.n &&
	       s->n_same_shas == v->source.n;
}

static int write_manifest(struct recovery *v, const struct rameti_sc_scan *s,
			  struct ramet_error *err)
{
	struct rameti_sc_manifest m, old;
	const struct rameti_sc_place *p = v->p;

	if (!rameti_sc_uuid_ok(ramet_bytes_of(v->source.header.id)))
		return rameti_fail_at(err, RAMET_EFORMAT, p->jsonl, 1, RAMET_NO_OFFSET,
				      "session id is no UUID, which the original refuses");
	memset(&m, 0, sizeof(m));
	m.facts = s->facts;
	memcpy(m.session_id, v->source.header.id, sizeof(m.session_id));
	memcpy(m.source_format, "jsonl_v3", 9);
	rameti_time_format(rameti_now_ms(p->env), m.updated);
	memcpy(m.created, m.updated, sizeof(m.created));
	if (rameti_sc_manifest_read(p->env, p->dir, &old, NULL) == 0)
		memcpy(m.created, old.created, sizeof(m.created));
	return rameti_sc_manifest_write(p->env, p->dir, &m, err);
}

/* 1: mended, 0: cannot be. */
static int mend(struct recovery *v, struct ramet_error *err)
{
	struct rameti_sc_scan s;
	int r = v->has_source ? frames_agree(v, &s, err) : 0;

	if (r <= 0)
		return r;
	r = write_manifest(v, &s, err);
	if (!r)
		r = rameti_sc_source_unchanged(&v->source, v->p, err);
	if (!r)
		r = rameti_sc_state_write(v->p->env, v->p->dir, &v->source.print, err);
	if (r < 0)
		return r;
	v->report->changed = 1;
	v->report->state = RAMET_SIDECAR_MIGRATED;
	v->report->n_entries = s.facts.n_entries;
	v->report->n_segments = s.facts.n_segments;
	v->report->bytes = s.facts.bytes;
	v->report->entry_count_match = v->report->hash_chain_match = 1;
	v->report->index_consistent = 1;
	return 1;
}

static int take_away(struct recovery *v, struct ramet_error *err)
{
	const struct rameti_env *env = v->p->env;
	char gone[SC_PATH];
	int r = rameti_sc_beside(v->p, "gone", gone, err);

	if (!r && env->rename_new(env->user, v->p->dir, gone) < 0)
		r = rameti_fail_sys(err, errno, v->p->dir, "cannot rename");
	if (!r)
		r = rameti_dir_sync(env, gone, err);
	if (!r)
		r = rameti_sc_dispose(v->p, gone, v->has_source ? &v->source : NULL, v->report,
				      err);
	v->report->state = RAMET_SIDECAR_UNMIGRATED;
	return r;
}

/* It would be tried for ever: it keeps its bytes under another name. */
static int drop_intent(struct recovery *v, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_join(path, v->p->dir, "tmp/rollback.intent.json", err);

	return r < 0 ? r : rameti_sc_set_aside(v->p->env, path, 0, v->report, err);
}

/* 1: it is sound now; 0: it is not. */
static int mend_in_place(struct recovery *v, struct ramet_error *err)
{
	const struct rameti_sc_place *p = v->p;
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct ramet_sidecar_check c;
	int r = rameti_sc_check_dirs(p->env, p->dir, err);

	if (r == RAMET_EFORMAT)                              /* no directory, or links in it */
		return 0;
	if (!r)
		r = rameti_sc_lock_store(&lock, p->env, p->dir, v->o->lock_ms, err);
	if (!r)
		r = rameti_sc_undo_finish(p->env, p->dir, v->report, err);
	if (r == RAMET_EFORMAT)                              /* an intent that cannot be done */
		r = drop_intent(v, err);
	if (r >= 0)
		r = rameti_sc_judge(p, 0, &c, err);
	if (!r && c.state == RAMET_SIDECAR_MIGRATED) {
		v->report->state = c.state;
		v->report->n_entries = c.n_entries;
		v->report->n_segments = c.n_segments;
		v->report->bytes = c.bytes;
		v->report->entry_count_match = v->report->hash_chain_match = 1;
		v->report->index_consistent = r = 1;
	} else if (!r) {
		r = mend(v, err);
	}
	rameti_sc_unlock(&lock);
	return r;
}

static int recover(struct recovery *v, struct ramet_error *err)
{
	int r = clear_leftovers(v, err), there;

	if (r < 0)
		return r;
	there = rameti_sc_exists(v->p->env, v->p->dir, err);
	if (there < 0)
		return there;
	r = there ? mend_in_place(v, err) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	if (v->o->migrate && there && rameti_sc_check_dirs(v->p->env, v->p->dir, NULL) < 0) {
		r = take_away(v, err);                       /* nothing that could be replaced */
		there = 0;
	}
	if (!r && v->o->migrate)
		return rameti_sc_migrate_locked(v->p, v->o, 1, v->report, err);
	return !r && there ? take_away(v, err) : r;
}

static int rehearse(struct recovery *v, struct ramet_error *err)
{
	struct rameti_sc_leftovers l;
	struct ramet_sidecar_check c;
	uint32_t i;
	int r = rameti_sc_judge(v->p, 0, &c, err);

	if (r < 0)
		return r;
	v->report->state = c.state;
	v->report->n_entries = c.n_entries;
	v->report->changed = c.state != RAMET_SIDECAR_MIGRATED &&
			     (c.state != RAMET_SIDECAR_UNMIGRATED || v->o->migrate);
	r = rameti_sc_leftovers(&l, v->p, err);
	for (i = 0; i < l.n; i++)
		v->report->changed |= l.kinds[i] != SC_KEPT;
	rameti_sc_leftovers_release(&l);
	return r;
}

int ramet_sidecar_recover(const char *session, const struct ramet_sidecar_opts *opts,
			  struct ramet_sidecar_report *report, struct ramet_error *err)
{
	static const struct ramet_sidecar_opts defaults;
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct ramet_sidecar_report done;
	struct rameti_sc_place p;
	struct recovery v = { .p = &p, .o = opts ? opts : &defaults, .report = &done };
	struct stat st;
	int r;

	memset(&done, 0, sizeof(done));
	rameti_sc_source_init(&v.source);
	r = rameti_sc_place_init(&p, session, err);
	if (!r)
		r = rameti_sc_stat(p.env, p.jsonl, &st, err);
	if (!r && v.o->dry_run) {
		r = rehearse(&v, err);
	} else if (!r) {
		r = rameti_sc_lock_session(&lock, &p, v.o->lock_ms, err);
		if (!r) {
			v.has_source = !rameti_sc_source_read(&v.source, &p, NULL, NULL, NULL);
			r = recover(&v, err);
		}
	}
	rameti_sc_unlock(&lock);
	rameti_sc_source_release(&v.source);
	if (!r && report)
		*report = done;
	return r;
}

/*
 * store/sidecar_migrate.c - a sidecar made from its JSONL, and one taken away.
 *
 * Under the session's lock: build beside the place, read back and compare, then install. Whatever
 * fails before that leaves the old sidecar as it was. A draft that failed is removed, since all of
 * it came from the JSONL.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"

static const struct ramet_sidecar_opts defaults;

static int check_opts(const struct ramet_sidecar_opts *o, struct ramet_error *err)
{
	const char *id = o->correlation_id;

	if (!id || rameti_sc_correlation_ok(ramet_bytes_of(id)))
		return 0;
	return rameti_fail(err, RAMET_EINVAL,
			   "a correlation id has 8 to 128 of letters, digits, . _ : -");
}

static void fill_report(struct ramet_sidecar_report *report, const struct rameti_sc_scan *s,
			const struct rameti_sc_source *src)
{
	report->state = RAMET_SIDECAR_MIGRATED;
	report->n_entries = s->facts.n_entries;
	report->n_segments = s->facts.n_segments;
	report->bytes = s->facts.bytes;
	report->n_compacted = src->n_compacted;
	report->n_ids_made = src->n_ids_made;
	report->entry_count_match = report->hash_chain_match = report->index_consistent = 1;
}

/* The draft says what the JSONL says. */
static int check_draft(const struct rameti_sc_place *p, const char *draft,
		       const struct rameti_sc_source *src, struct ramet_sidecar_report *report,
		       struct ramet_error *err)
{
	struct rameti_sc_scan s;
	int r;

	memset(&s, 0, sizeof(s));
	s.source = src;
	r = rameti_sc_scan(&s, p->env, draft, err);
	if (r < 0)
		return r;
	if (s.facts.n_entries != src->n || s.n_same_ids != src->n || s.n_same_shas != src->n)
		return rameti_fail_at(err, RAMET_EIO, draft, 0, RAMET_NO_OFFSET,
				      "what was written does not read back");
	fill_report(report, &s, src);
	return rameti_sc_source_unchanged(src, p, err);
}

static int record(const struct rameti_sc_place *p, const char *draft, const char *correlation,
		  struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_event e = { "completed", p->jsonl, p->dir, "jsonl_v3", "native_v2",
				     correlation, "", 1, 1, 1 };
	int r = rameti_sc_ledger_record(p->env, draft, &e, err);

	if (!r)
		memcpy(report->migration_id, e.id, sizeof(report->migration_id));
	return r;
}

static int make(const struct rameti_sc_place *p, const char *draft,
		const struct ramet_sidecar_opts *o, int event, struct rameti_sc_source *src,
		struct ramet_sidecar_report *report, struct ramet_error *err)
{
	uint64_t n_left;
	int r = rameti_sc_build(p, draft, o->segment_limit, src, err);

	if (!r)
		r = check_draft(p, draft, src, report, err);
	if (!r && rameti_sc_check_dirs(p->env, p->dir, NULL) == 0)
		r = rameti_sc_ledger_carry(p->env, p->dir, draft, &n_left, err);
	if (!r && event)
		r = record(p, draft, o->correlation_id, report, err);
	return r;
}

int rameti_sc_migrate_locked(const struct rameti_sc_place *p, const struct ramet_sidecar_opts *o,
			     int event, struct ramet_sidecar_report *report,
			     struct ramet_error *err)
{
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct rameti_sc_source src;
	char draft[SC_PATH];
	int r = rameti_sc_beside(p, "staging", draft, err);

	if (r < 0)
		return r;
	rameti_sc_source_init(&src);
	if (rameti_sc_check_dirs(p->env, p->dir, NULL) == 0)
		r = rameti_sc_lock_store(&lock, p->env, p->dir, o->lock_ms, err);
	if (!r) {
		r = make(p, draft, o, event, &src, report, err);
		if (!r)
			r = rameti_sc_install(p, draft, &src, report, err);
		if (r < 0 && rameti_sc_exists(p->env, draft, NULL) > 0)
			(void)rameti_sc_remove(p->env, draft, NULL); /* else recover does */
	}
	if (!r)
		report->changed = 1;
	rameti_sc_unlock(&lock);
	rameti_sc_source_release(&src);
	return r;
}

/* All that can fail but the writing. */
static int rehearse(const struct rameti_sc_place *p, const struct ramet_sidecar_opts *o,
		    struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_source src;
	struct rameti_sc_scan s;
	int r;

	memset(&s, 0, sizeof(s));
	rameti_sc_source_init(&src);
	r = rameti_sc_build(p, NULL, o->segment_limit, &src, err);
	s.facts.n_entries = src.n;
	if (!r)
		fill_report(report, &s, &src);
	if (!r)
		report->changed = 1;
	rameti_sc_source_release(&src);
	return r;
}

static int migrate(const char *session, const struct ramet_sidecar_opts *o, int event,
		   struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct ramet_sidecar_report done;
	struct rameti_sc_place p;
	struct stat st;
	int r;

	o = o ? o : &defaults;
	memset(&done, 0, sizeof(done));
	r = check_opts(o, err);
	if (!r)
		r = rameti_sc_place_init(&p, session, err);
	if (!r)
		r = rameti_sc_stat(p.env, p.jsonl, &st, err);
	if (!r && !o->dry_run)
		r = rameti_sc_lock_session(&lock, &p, o->lock_ms, err);
	if (!r)
		r = o->dry_run ? rehearse(&p, o, &done, err) :
				 rameti_sc_migrate_locked(&p, o, event, &done, err);
	rameti_sc_unlock(&lock);
	if (!r && report)
		*report = done;
	return r;
}

int ramet_sidecar_create(const char *session, const struct ramet_sidecar_opts *opts,
			 struct ramet_sidecar_report *report, struct ramet_error *err)
{
	return migrate(session, opts, 0, report, err);
}

int ramet_sidecar_migrate(const char *session, const struct ramet_sidecar_opts *opts,
			  struct ramet_sidecar_report *report, struct ramet_error *err)
{
	return migrate(session, opts, 1, report, err);
}

/* ---- taking it away ---- */

static int take_away(const struct rameti_sc_place *p, const struct ramet_sidecar_opts *o,
		     struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct rameti_sc_source src;
	char gone[SC_PATH];
	int known, r = 0;

	rameti_sc_source_init(&src);
	known = rameti_sc_source_read(&src, p, NULL, NULL, NULL) == 0;
	if (o->dry_run) {
		report->changed = 1;
		report->n_removed = known && rameti_sc_redundant(p->env, p->dir, &src);
		report->n_kept = !report->n_removed;
		goto out;
	}
	if (rameti_sc_check_dirs(p->env, p->dir, NULL) == 0)
		r = rameti_sc_lock_store(&lock, p->env, p->dir, o->lock_ms, err);
	if (!r)
		r = rameti_sc_beside(p, "gone", gone, err);
	if (!r && p->env->rename_new(p->env->user, p->dir, gone) < 0)
		r = rameti_fail_sys(err, errno, p->dir, "cannot rename");
	if (!r)
		r = rameti_dir_sync(p->env, gone, err);
	if (!r)
		r = rameti_sc_dispose(p, gone, known ? &src : NULL, report, err);
out:
	rameti_sc_unlock(&lock);
	rameti_sc_source_release(&src);
	return r;
}

int ramet_sidecar_rollback(const char *session, const struct ramet_sidecar_opts *opts,
			   struct ramet_sidecar_report *report, struct ramet_error *err)
{
	const struct ramet_sidecar_opts *o = opts ? opts : &defaults;
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT;
	struct ramet_sidecar_report done;
	struct rameti_sc_place p;
	int there = 0, r = rameti_sc_place_init(&p, session, err);

	memset(&done, 0, sizeof(done));
	if (!r)
		there = rameti_sc_exists(p.env, p.dir, err);
	if (there < 0)
		r = there;
	if (!r && there && !o->dry_run)
		r = rameti_sc_lock_session(&lock, &p, o->lock_ms, err);
	if (!r && there)
		r = take_away(&p, o, &done, err);
	rameti_sc_unlock(&lock);
	if (!r && report)
		*report = done;
	return r;
}

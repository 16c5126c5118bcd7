/*
 * store/sidecar_status.c - what is the state of a sidecar, and does it say what the JSONL says?
 *
 * Looks only; nothing is locked, made or mended. The order of the questions is the original's: is
 * there one, is it whole enough to be looked at, was the JSONL changed since, is it sound. A sound
 * one that nobody vouches for is compared with the JSONL.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

const char *ramet_sidecar_state_name(int state)
{
	static const char *const names[] = { "unmigrated", "partial", "corrupt", "stale",
					     "migrated" };

	return state >= 0 && state < 5 ? names[state] : "unknown";
}

static void wrong(struct ramet_sidecar_check *c, int state, const struct ramet_error *why)
{
	c->state = state;
	if (!c->why.code)
		c->why = *why;
}

static void copy_facts(struct ramet_sidecar_check *c, const struct rameti_sc_scan *s)
{
	c->n_entries = s->facts.n_entries;
	c->n_messages = s->facts.n_messages;
	c->n_branches = s->facts.n_branches;
	c->n_compactions = s->facts.n_compactions;
	c->n_segments = s->facts.n_segments;
	c->bytes = s->facts.bytes;
	memcpy(c->chain_hash, s->facts.chain, sizeof(c->chain_hash));
}

/* Failures that are about the machine, not about the sidecar. */
static int is_outer(int r)
{
	return r == RAMET_ENOMEM || r == RAMET_EIO;
}

static int count_rest(const struct rameti_sc_place *p, struct ramet_sidecar_check *c,
		      struct ramet_error *err)
{
	struct rameti_sc_leftovers l;
	uint64_t *seqs = NULL;
	uint32_t n = 0;
	int r = rameti_sc_leftovers(&l, p, err);

	c->n_leftovers = l.n;
	rameti_sc_leftovers_release(&l);
	if (!r && rameti_sc_check_dirs(p->env, p->dir, NULL) == 0) {
		r = rameti_sc_checkpoints(p->env, p->dir, &seqs, &n, err);
		c->n_checkpoints = n;
		r = r == RAMET_ENOTFOUND || r == RAMET_EFORMAT ? 0 : r;
	}
	ramet_free(seqs);
	return r;
}

static int has_file(const struct rameti_sc_place *p, const char *name, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_join(path, p->dir, name, err);

	return r < 0 ? r : rameti_sc_exists(p->env, path, err);
}

struct judging {
	const struct rameti_sc_place *p;
	struct ramet_sidecar_check *c;
	struct rameti_sc_source source;
	int has_source;
	struct ramet_error source_why;
};

static int read_source(struct judging *j, struct ramet_error *err)
{
	int r = rameti_sc_source_read(&j->source, j->p, NULL, NULL, &j->source_why);

	j->has_source = !r;
	j->c->n_jsonl = j->source.n;
	if (!is_outer(r))
		return 0;
	if (err)
		*err = j->source_why;
	return r;
}

static void set_answers(struct judging *j, const struct rameti_sc_scan *s, int scan_ok)
{
	struct ramet_sidecar_check *c = j->c;
	uint64_t n = s->facts.n_entries;

	c->index_consistent = scan_ok;
	if (!j->has_source)
		return;
	c->entry_count_match = scan_ok && n == j->source.n && s->n_same_ids == n;
	c->hash_chain_match = scan_ok && n == j->source.n && s->n_same_shas == n;
	if (scan_ok && s->has_manifest &&
	    (strcmp(s->manifest.session_id, j->source.header.id) ||
	     strcmp(s->manifest.source_format, "jsonl_v3"))) {
		c->index_consistent = 0;
		(void)rameti_fail_at(&c->why, RAMET_EFORMAT, j->p->dir, 0, RAMET_NO_OFFSET,
				     "manifest is of another session");
	}
}

static void conclude(struct judging *j, const struct rameti_sc_scan *s, int fresh)
{
	struct ramet_sidecar_check *c = j->c;
	struct ramet_error why;

	if (fresh == SC_STALE)
		c->state = RAMET_SIDECAR_STALE;
	else if (s->index_missing && (!j->has_source || j->source.n)) {
		(void)rameti_fail_at(&why, RAMET_EFORMAT, j->p->dir, 0, RAMET_NO_OFFSET,
				     "index is missing");
		c->why.code = 0;
		wrong(c, RAMET_SIDECAR_PARTIAL, &why);
	} else if (!c->index_consistent)
		c->state = RAMET_SIDECAR_CORRUPT;
	else if (!c->has_manifest && c->has_source_state) {
		(void)rameti_fail_at(&why, RAMET_EFORMAT, j->p->dir, 0, RAMET_NO_OFFSET,
				     "manifest is missing");
		wrong(c, RAMET_SIDECAR_CORRUPT, &why);
	} else if (!j->has_source)
		wrong(c, RAMET_SIDECAR_CORRUPT, &j->source_why);
	else if (!c->entry_count_match || !c->hash_chain_match) {
		(void)rameti_fail_at(&why, RAMET_EFORMAT, j->p->dir, 0, RAMET_NO_OFFSET,
				     "entries are not those of the JSONL");
		wrong(c, fresh == SC_UNSURE ? RAMET_SIDECAR_STALE : RAMET_SIDECAR_CORRUPT, &why);
	} else
		c->state = RAMET_SIDECAR_MIGRATED;
}

static int look(struct judging *j, int compare, struct ramet_error *err)
{
	struct rameti_sc_scan scan;
	struct ramet_error why;
	struct stat now;
	int fresh, sound, r = rameti_sc_stat(j->p->env, j->p->jsonl, &now, err);

	if (!r)
		r = rameti_sc_fresh(j->p, j->p->dir, &now, &fresh, &j->c->has_source_state,
				    &j->c->why, err);
	if (r < 0)
		return r;
	if (fresh != SC_STALE)
		j->c->why.code = 0;
	memset(&scan, 0, sizeof(scan));
	if (fresh != SC_STALE || compare) {
		r = read_source(j, err);
		scan.source = j->has_source ? &j->source : NULL;
	}
	if (r < 0)
		return r;
	r = rameti_sc_scan(&scan, j->p->env, j->p->dir, &why);
	if (is_outer(r)) {
		if (err)
			*err = why;
		return r;
	}
	sound = !r;
	if (!sound && !j->c->why.code)
		j->c->why = why;
	copy_facts(j->c, &scan);
	r = has_file(j->p, "manifest.json", err);
	if (r < 0)
		return r;
	j->c->has_manifest = r;
	set_answers(j, &scan, sound);
	conclude(j, &scan, fresh);
	return 0;
}

int rameti_sc_judge(const struct rameti_sc_place *p, int compare, struct ramet_sidecar_check *c,
		    struct ramet_error *err)
{
	struct judging j = { .p = p, .c = c };
	struct ramet_error why;
	int r;

	memset(c, 0, sizeof(*c));
	rameti_sc_source_init(&j.source);
	r = rameti_sc_check_dirs(p->env, p->dir, &why);
	if (r == RAMET_ENOTFOUND) {
		c->state = RAMET_SIDECAR_UNMIGRATED;
		r = compare ? read_source(&j, err) : 0;
		if (compare && !j.has_source)
			c->why = j.source_why;
	} else if (r == RAMET_EFORMAT) {
		wrong(c, RAMET_SIDECAR_CORRUPT, &why);
		r = 0;
	} else if (r < 0) {
		if (err)
			*err = why;
	} else {
		r = has_file(p, "segments", err);
		if (r == 0)
			c->state = RAMET_SIDECAR_PARTIAL;
		else if (r > 0)
			r = look(&j, compare, err);
	}
	rameti_sc_source_release(&j.source);
	return r < 0 ? r : count_rest(p, c, err);
}

static int judge(const char *session, int compare, struct ramet_sidecar_check *check,
		 struct ramet_error *err)
{
	struct rameti_sc_place p;
	struct ramet_sidecar_check c;
	struct stat st;
	int r = rameti_sc_place_init(&p, session, err);

	if (!r)
		r = rameti_sc_stat(p.env, p.jsonl, &st, err);
	if (!r)
		r = rameti_sc_judge(&p, compare, &c, err);
	if (!r)
		*check = c;
	return r;
}

int ramet_sidecar_status(const char *session, struct ramet_sidecar_check *check,
			 struct ramet_error *err)
{
	return judge(session, 0, check, err);
}

int ramet_sidecar_verify(const char *session, struct ramet_sidecar_check *check,
			 struct ramet_error *err)
{
	return judge(session, 1, check, err);
}

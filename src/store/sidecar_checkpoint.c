/*
 * store/sidecar_checkpoint.c - markers for an end that a sidecar had: number, head and chain hash.
 *
 * A checkpoint holds no data: it names a prefix of the frames. A number that is taken is never
 * written over, and no checkpoint is behind the one after it.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define SCHEMA "pi.session_store_v2.checkpoint.v1"
#define CHECKPOINTS_MAX 1000000u

static void add_compact(struct ramet_buf *b, const struct rameti_sc_checkpoint *c)
{
	ramet_buf_addf(b,
		       "{\"schema\":\"" SCHEMA "\",\"checkpointSeq\":%llu,\"at\":\"%s\","
		       "\"headEntrySeq\":%llu,\"headEntryId\":\"%s\","
		       "\"snapshotRef\":\"checkpoints/%016llu.json\","
		       "\"compactedBeforeEntrySeq\":0,\"chainHash\":\"%s\",\"reason\":\"%s\"}",
		       (unsigned long long)c->seq, c->at, (unsigned long long)c->head_seq,
		       c->head_id, (unsigned long long)c->seq, c->chain, c->reason);
}

void rameti_sc_checkpoint_add(struct ramet_buf *out, const struct rameti_sc_checkpoint *c)
{
	struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);

	add_compact(&b, c);
	rameti_sc_pretty(out, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

static int bad(struct ramet_error *err, const char *what)
{
	return rameti_fail(err, RAMET_EFORMAT, "checkpoint %s", what);
}

static int get_all(const struct ramet_json *root, struct rameti_sc_checkpoint *c,
		   struct ramet_error *err)
{
	struct rameti_sc_field v[] = { { "schema", NULL },	 { "checkpointSeq", NULL },
				       { "at", NULL },		 { "headEntrySeq", NULL },
				       { "headEntryId", NULL },	 { "chainHash", NULL },
				       { "reason", NULL } };
	int r = rameti_sc_fields(root, v, 7, err);

	if (r < 0)
		return r;
	if (!ramet_json_text_is(v[0].value, SCHEMA))
		return bad(err, "has an unknown schema");
	if (!rameti_sc_u64(v[1].value, &c->seq) || !rameti_sc_u64(v[3].value, &c->head_seq) ||
	    !rameti_sc_text(v[2].value, c->at, sizeof(c->at)) ||
	    !rameti_sc_text(v[4].value, c->head_id, sizeof(c->head_id)) ||
	    !rameti_sc_hex64(v[5].value, c->chain) ||
	    !rameti_sc_text(v[6].value, c->reason, sizeof(c->reason)))
		return bad(err, "lacks a member");
	if (!rameti_sc_time_ok(ramet_bytes_of(c->at)) ||
	    (c->head_id[0] && !rameti_sc_id_ok(ramet_bytes_of(c->head_id))))
		return bad(err, "has a bad time or id");
	return 0;
}

int rameti_sc_checkpoint_parse(struct ramet_bytes text, struct rameti_sc_checkpoint *c,
			       struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_error why;
	int r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, &why);

	memset(c, 0, sizeof(*c));
	if (r < 0)
		r = r == RAMET_ENOMEM ? rameti_fail_nomem(err) : bad(err, "is not JSON");
	else
		r = get_all(ramet_json_root(&doc), c, err);
	ramet_json_doc_release(&doc);
	return r;
}

static int checkpoint_path(char path[SC_PATH], const char *dir, uint64_t seq,
			   struct ramet_error *err)
{
	char name[48];

	(void)snprintf(name, sizeof(name), "checkpoints/%016llu.json", (unsigned long long)seq);
	return rameti_sc_join(path, dir, name, err);
}

int rameti_sc_checkpoint_read(const struct rameti_env *env, const char *dir, uint64_t seq,
			      struct rameti_sc_checkpoint *c, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX + 1);
	char path[SC_PATH];
	int r = checkpoint_path(path, dir, seq, err);

	if (!r)
		r = rameti_sc_read_small(env, path, SC_DOC_MAX, &text, err);
	if (r == RAMET_ENOTFOUND)
		r = rameti_fail_at(err, RAMET_ENOTFOUND, path, 0, RAMET_NO_OFFSET,
				   "there is no such checkpoint");
	if (!r)
		r = rameti_sc_checkpoint_parse(ramet_buf_bytes(&text), c, err);
	if (!r && c->seq != seq)
		r = bad(err, "has another number than its file");
	if (r == RAMET_EFORMAT)
		rameti_error_set_path(err, path);
	ramet_buf_release(&text);
	return r;
}

struct listing {
	uint64_t *seqs;
	uint32_t n, cap;
	struct ramet_error *err;
};

static int on_checkpoint(void *user, const char *name, unsigned char type)
{
	struct listing *l = user;
	uint64_t seq = rameti_sc_checkpoint_number(name);
	int r;

	(void)type;
	if (!seq)
		return 0;
	r = rameti_grow((void **)&l->seqs, &l->cap, l->n, sizeof(*l->seqs), CHECKPOINTS_MAX);
	if (r < 0)
		return rameti_fail(l->err, r, "too many checkpoints");
	l->seqs[l->n++] = seq;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int rameti_sc_checkpoints(const struct rameti_env *env, const char *dir, uint64_t **seqs,
			  uint32_t *n, struct ramet_error *err)
{
	struct listing l = { NULL, 0, 0, err };
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, "checkpoints", err);

	if (!r)
		r = rameti_dir_each(env, path, on_checkpoint, &l, err);
	if (r < 0) {
		ramet_free(l.seqs);
		return r;
	}
	if (l.n)
		qsort(l.seqs, l.n, sizeof(*l.seqs), by_number);
	*seqs = l.seqs;
	*n = l.n;
	return 0;
}

/* ---- making one ---- */

static int reason_ok(const char *reason)
{
	static const char *const names[] = { "periodic", "manual", "pre_migration",
					     "post_migration", "recovery" };
	size_t i;

	for (i = 0; i < 5; i++)
		if (!strcmp(reason, names[i]))
			return 1;
	return 0;
}

/* The next number, behind a checkpoint that is not ahead of the store. */
static int next_number(const struct rameti_sc_place *p, uint64_t n_entries, uint64_t *seq,
		       struct ramet_error *err)
{
	struct rameti_sc_checkpoint last;
	uint64_t *seqs = NULL;
	uint32_t n = 0;
	int r = rameti_sc_checkpoints(p->env, p->dir, &seqs, &n, err);

	*seq = n ? seqs[n - 1] + 1 : 1;
	ramet_free(seqs);
	if (r < 0 || !n)
		return r;
	r = rameti_sc_checkpoint_read(p->env, p->dir, *seq - 1, &last, err);
	if (!r && last.head_seq > n_entries)
		r = bad(err, "before it is ahead of the store");
	return r;
}

static int make(const struct rameti_sc_place *p, const char *reason, uint64_t *seq,
		struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX);
	struct rameti_sc_checkpoint c;
	struct rameti_sc_scan s;
	char path[SC_PATH];
	int r;

	memset(&s, 0, sizeof(s));
	memset(&c, 0, sizeof(c));
	r = rameti_sc_scan(&s, p->env, p->dir, err);
	if (!r && !s.facts.n_entries)
		r = rameti_fail(err, RAMET_EINVAL, "there is no entry to set a checkpoint at");
	if (!r)
		r = next_number(p, s.facts.n_entries, &c.seq, err);
	if (r < 0)
		return r;
	c.head_seq = s.facts.n_entries;
	memcpy(c.head_id, s.facts.head_id, sizeof(c.head_id));
	memcpy(c.chain, s.facts.chain, sizeof(c.chain));
	(void)snprintf(c.reason, sizeof(c.reason), "%s", reason);
	rameti_time_format(rameti_now_ms(p->env), c.at);
	rameti_sc_checkpoint_add(&text, &c);
	r = rameti_sc_status(&text, err);
	if (!r)
		r = checkpoint_path(path, p->dir, c.seq, err);
	if (!r)
		r = rameti_sc_put(p->env, path, ramet_buf_bytes(&text), 0, err);
	ramet_buf_release(&text);
	if (!r)
		*seq = c.seq;
	return r;
}

int ramet_sidecar_checkpoint(const char *session, const char *reason,
			     const struct ramet_sidecar_opts *opts, uint64_t *seq,
			     struct ramet_error *err)
{
	struct rameti_sc_lock lock = RAMETI_SC_LOCK_INIT, store = RAMETI_SC_LOCK_INIT;
	uint32_t ms = opts ? opts->lock_ms : 0;
	struct rameti_sc_place p;
	uint64_t made = 0;
	int r;

	if (!reason_ok(reason))
		return rameti_fail(err, RAMET_EINVAL, "unknown reason for a checkpoint");
	r = rameti_sc_place_init(&p, session, err);
	if (!r)
		r = rameti_sc_check_dirs(p.env, p.dir, err);
	if (!r)
		r = rameti_sc_lock_session(&lock, &p, ms, err);
	if (!r)
		r = rameti_sc_lock_store(&store, p.env, p.dir, ms, err);
	if (!r)
		r = rameti_sc_undo_finish(p.env, p.dir, NULL, err);
	if (r >= 0)
		r = make(&p, reason, &made, err);
	rameti_sc_unlock(&store);
	rameti_sc_unlock(&lock);
	if (!r && seq)
		*seq = made;
	return r;
}

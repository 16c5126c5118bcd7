/*
 * ops/autosave.c - the callers' side of the autosave queue: adding, waiting, leaving, stopping.
 *
 * An entry is checked and copied before it is queued, so that what waits can be stored, and an add
 * that fails leaves nothing behind. Nothing is ever dropped: an entry is reported once, stored or
 * handed back. The queue touches no session but from its thread.
 */
#include "ops/autosave_priv.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include "base/error.h"
#include "base/mem.h"
#include "store/messages.h"

#define INTERVAL_MS 1000u
#define RETRY_MS 100u
#define RETRY_MAX_MS 5000u
#define MAX_LINES 256u
#define MAX_BYTES ((uint64_t)16 << 20)

/* ---- making one ---- */

static void fill_in(struct ramet_autosave_opts *o)
{
	o->interval_ms = o->interval_ms ? o->interval_ms : INTERVAL_MS;
	o->max_lines = o->max_lines ? o->max_lines : MAX_LINES;
	o->max_bytes = o->max_bytes ? o->max_bytes : MAX_BYTES;
	if (!o->threshold_lines)
		o->threshold_lines = (o->max_lines + 1) / 2;
	if (!o->threshold_bytes)
		o->threshold_bytes = (o->max_bytes + 1) / 2;
	o->retry_ms = o->retry_ms ? o->retry_ms : RETRY_MS;
	o->retry_max_ms = o->retry_max_ms ? o->retry_max_ms : RETRY_MAX_MS;
	if (o->retry_max_ms < o->retry_ms)
		o->retry_max_ms = o->retry_ms;
}

/* The thread takes no signals: they are the program's. */
static int start(struct ramet_autosave *q)
{
	sigset_t all, before;
	int sys;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&q->thread, NULL, rameti_autosave_run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sys;
}

static void release(struct ramet_autosave *q)
{
	struct rameti_autosave_slot *slot;

	while ((slot = q->slots)) {
		q->slots = slot->next;
		ramet_free(slot);
	}
	pthread_cond_destroy(&q->work);
	pthread_cond_destroy(&q->progress);
	pthread_cond_destroy(&q->room);
	pthread_mutex_destroy(&q->lock);
	ramet_free(q);
}

int ramet_autosave_new(struct ramet_autosave **out, const struct ramet_autosave_opts *opts,
		       struct ramet_error *err)
{
	struct ramet_autosave *q;
	int sys;

	if (opts && !ramet_autosave_mode_name(opts->mode))
		return rameti_fail(err, RAMET_EINVAL, "no such autosave mode");
	q = ramet_calloc(1, sizeof(*q));
	if (!q)
		return rameti_fail_nomem(err);
	if (opts)
		q->opts = *opts;
	fill_in(&q->opts);
	pthread_mutex_init(&q->lock, NULL);
	(void)rameti_autosave_cond_init(&q->work);   /* these cannot fail on Linux */
	(void)rameti_autosave_cond_init(&q->progress);
	(void)rameti_autosave_cond_init(&q->room);
	sys = start(q);
	if (sys) {
		release(q);
		return rameti_fail_sys(err, sys, NULL, "cannot start a thread");
	}
	*out = q;
	return 0;
}

void ramet_autosave_free(struct ramet_autosave *q, uint32_t wait_ms)
{
	if (!q)
		return;
	(void)ramet_autosave_stop(q, wait_ms, NULL); /* what was not stored was handed back */
	pthread_join(q->thread, NULL);
	release(q);
}

/* ---- adding ---- */

static int check_json(struct ramet_json_doc *doc, struct ramet_bytes json, unsigned flags,
		      int *ends_turn, struct ramet_error *err)
{
	const char *what = flags & RAMET_AUTOSAVE_ENTRY ? "entry" : "message";
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	const struct ramet_json *o;
	int role, r = ramet_json_parse(doc, json, RAMET_JSON_STRICT, &why);

	if (r == RAMET_EJSON)
		return rameti_fail_at(err, r, NULL, 0, why.offset, "the %s: %s", what, why.text);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	o = ramet_json_root(doc);
	if (ramet_json_kind(o) != RAMET_JSON_OBJECT)
		return rameti_fail(err, RAMET_EINVAL, "the %s has the wrong type", what);
	if (flags & RAMET_AUTOSAVE_ENTRY) {
		if (ramet_json_kind(ramet_json_get(o, "type")) != RAMET_JSON_STRING)
			return rameti_fail(err, RAMET_EINVAL, "the entry has no type");
		*ends_turn = rameti_entry_ends_turn(o);
		return 0;
	}
	r = rameti_message_check(o, &role, err);
	if (!r)
		*ends_turn = rameti_message_ends_turn(o, role);
	return r;
}

/* A copy, with what was asked for. */
static int entry_new(struct rameti_autosave_entry **out, struct ramet_bytes json,
		     const struct ramet_autosave_add_opts *opts, struct ramet_error *err)
{
	struct rameti_autosave_entry *e = ramet_alloc(rameti_add(sizeof(*e), json.len));
	int r = e ? 0 : rameti_fail_nomem(err);

	if (r < 0)
		return r;
	memset(e, 0, sizeof(*e));
	e->tag = opts->tag;
	e->flags = opts->flags;
	e->len = json.len;
	memcpy(e->json, json.ptr, json.len);
	if (opts->ticket)
		r = rameti_autosave_ticket_new(&e->ticket, err);
	if (r < 0)
		ramet_free(e);
	else
		*out = e;
	return r;
}

static void entry_free(struct rameti_autosave_entry *e)
{
	const struct ramet_error none = { .code = RAMET_ECANCELED };

	if (e->ticket) {
		rameti_autosave_ticket_tell(e->ticket, NULL, &none);
		ramet_autosave_ticket_free(e->ticket);
	}
	ramet_free(e);
}

static struct rameti_autosave_slot *find_slot(const struct ramet_autosave *q,
					      const struct ramet_session *s)
{
	struct rameti_autosave_slot *slot;

	for (slot = q->slots; slot && slot->session != s; slot = slot->next)
		;
	return slot;
}

static int in_callback(const struct ramet_autosave *q)
{
	return q->telling && pthread_equal(q->teller, pthread_self());
}

static int refuse_in_callback(const struct ramet_autosave *q, struct ramet_error *err)
{
	if (!in_callback(q))
		return 0;
	return rameti_fail(err, RAMET_EINVAL, "a callback of the queue cannot wait for it");
}

/* Is anything taken for this session at all? */
static int accepts(const struct ramet_autosave *q, const struct ramet_session *s,
		   struct ramet_error *err)
{
	const struct rameti_autosave_slot *slot = find_slot(q, s);

	if (q->stopping)
		return rameti_fail(err, RAMET_ECANCELED, "the autosave queue was stopped");
	if (slot && slot->failed) {
		if (err)
			*err = slot->why;
		return slot->why.code;
	}
	if (slot && slot->leaving)
		return rameti_fail(err, RAMET_ECANCELED, "the session is leaving the queue");
	return 0;
}

static int has_room(const struct ramet_autosave *q, size_t len)
{
	return !q->m.waiting || (q->m.waiting < q->opts.max_lines && len <= q->opts.max_bytes &&
				 q->m.waiting_bytes <= q->opts.max_bytes - len);
}

static int wait_for_room(struct ramet_autosave *q, const struct ramet_session *s, size_t len,
			 const struct ramet_autosave_add_opts *opts, struct ramet_error *err)
{
	int64_t until = RAMETI_NEVER_MS;
	int r = accepts(q, s, err), late = opts->flags & RAMET_AUTOSAVE_NOWAIT || in_callback(q);

	if (!r && !late && !has_room(q, len)) {
		until = rameti_autosave_until(opts->wait_ms ? opts->wait_ms : RAMET_WAIT_FOREVER);
		q->m.blocked++;
	}
	while (!r && !late && !has_room(q, len)) {
		q->n_blocked++;
		pthread_cond_signal(&q->work);       /* what is held goes now */
		late = rameti_autosave_cond_wait(&q->room, &q->lock, until) == ETIMEDOUT;
		q->n_blocked--;
		r = accepts(q, s, err);
	}
	if (r || has_room(q, len))
		return r;
	q->m.refused++;
	return rameti_fail(err, RAMET_ECONFLICT, "the autosave queue is full");
}

/* The session's slot, made if need be. */
static int have_slot(struct ramet_autosave *q, struct ramet_session *s,
		     struct rameti_autosave_slot **out, struct ramet_error *err)
{
	struct rameti_autosave_slot *slot = find_slot(q, s);

	if (!slot) {
		slot = ramet_calloc(1, sizeof(*slot));
		if (!slot)
			return rameti_fail_nomem(err);
		slot->session = s;
		slot->next = q->slots;
		q->slots = slot;
		q->m.sessions++;
	}
	*out = slot;
	return 0;
}

static void put(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
		struct rameti_autosave_entry *e, int ends_turn)
{
	struct ramet_autosave_metrics *m = &q->m;

	e->seq = ++q->seq;
	e->added_ms = rameti_autosave_now_ms();
	if (ends_turn)
		slot->turn_seq = e->seq;
	rameti_autosave_push(&slot->waiting, e);
	m->queued++;
	m->waiting++;
	m->waiting_bytes += e->len;
	if (m->waiting > m->high_water)
		m->high_water = m->waiting;
	if (m->waiting_bytes > m->high_water_bytes)
		m->high_water_bytes = m->waiting_bytes;
	pthread_cond_signal(&q->work);
}

int ramet_autosave_add(struct ramet_autosave *q, struct ramet_session *s, struct ramet_bytes json,
		       const struct ramet_autosave_add_opts *opts, struct ramet_error *err)
{
	static const struct ramet_autosave_add_opts none;
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_autosave_ticket *ticket;
	struct rameti_autosave_slot *slot = NULL;
	struct rameti_autosave_entry *e = NULL;
	int ends_turn = 0, r;

	opts = opts ? opts : &none;
	r = check_json(&doc, json, opts->flags, &ends_turn, err);
	ramet_json_doc_release(&doc);
	if (!r)
		r = entry_new(&e, json, opts, err);
	if (r < 0)
		return r;
	ticket = e->ticket;                          /* told and gone as soon as it is put */
	pthread_mutex_lock(&q->lock);
	r = wait_for_room(q, s, json.len, opts, err);
	if (!r)
		r = have_slot(q, s, &slot, err);
	if (!r)
		put(q, slot, e, ends_turn || opts->flags & RAMET_AUTOSAVE_TURN_END);
	pthread_mutex_unlock(&q->lock);
	if (r < 0)
		entry_free(e);
	else if (opts->ticket)
		*opts->ticket = ticket;
	return r;
}

/* ---- waiting for all ---- */

/* Is all up to seq stored, durable and told? */
static int is_flushed(const struct rameti_autosave_slot *slot, uint64_t seq)
{
	return !(slot->waiting.n && slot->waiting.first->seq <= seq) &&
	       !(slot->flight_seq && slot->flight_seq <= seq) &&
	       !(slot->dirty_seq && slot->dirty_seq <= seq);
}

/* Are they all, or one of them? *failed: a session whose failure is to be told, or NULL. */
static int all_flushed(const struct ramet_autosave *q, const struct ramet_session *s, uint64_t seq,
		       const struct rameti_autosave_slot **failed)
{
	const struct rameti_autosave_slot *slot;

	*failed = NULL;
	for (slot = q->slots; slot; slot = slot->next) {
		if (s && slot->session != s)
			continue;
		if (!is_flushed(slot, seq))
			return 0;
		if (slot->failed)
			*failed = slot;
	}
	return 1;
}

static void want_flush(struct ramet_autosave *q, const struct ramet_session *s)
{
	struct rameti_autosave_slot *slot;

	for (slot = q->slots; slot; slot = slot->next)
		if (!s || slot->session == s) {
			slot->flush_seq = q->seq;
			slot->retry_at_ms = 0;
		}
	pthread_cond_signal(&q->work);
}

int ramet_autosave_flush(struct ramet_autosave *q, struct ramet_session *s, uint32_t wait_ms,
			 struct ramet_error *err)
{
	int64_t until = rameti_autosave_until(wait_ms);
	const struct rameti_autosave_slot *failed = NULL;
	uint64_t seq;
	int r, late = 0, done = 0;

	pthread_mutex_lock(&q->lock);
	r = refuse_in_callback(q, err);
	seq = q->seq;
	if (!r)
		want_flush(q, s);
	while (!r && !(done = all_flushed(q, s, seq, &failed)) && !late)
		late = rameti_autosave_cond_wait(&q->progress, &q->lock, until) == ETIMEDOUT;
	if (!r && !done) {
		r = rameti_fail(err, RAMET_ECONFLICT, "not all is stored in time");
	} else if (!r && failed) {
		r = failed->why.code;
		if (err)
			*err = failed->why;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

/* ---- the end of a session, and of the queue ---- */

/* Nothing of it waits or is on its way to the disk. */
static int has_left(const struct ramet_autosave *q, const struct rameti_autosave_slot *slot)
{
	return !slot->waiting.n && !slot->flight_seq &&
	       !(slot->dirty_seq && q->opts.mode != RAMET_AUTOSAVE_NONE);
}

/* The time is up: what waits goes back to where it came from. Does the session stay in use? */
static int leave_late(struct ramet_autosave *q, struct ramet_session *s, uint32_t *n)
{
	struct rameti_autosave_slot *slot = find_slot(q, s);

	slot->time_up = 1;
	*n = rameti_autosave_hand_back(q, slot, "no time was left");
	slot = find_slot(q, s);
	return slot && !has_left(q, slot);
}

int ramet_autosave_leave(struct ramet_autosave *q, struct ramet_session *s, uint32_t wait_ms,
			 struct ramet_error *err)
{
	int64_t until = rameti_autosave_until(wait_ms);
	struct rameti_autosave_slot *slot = NULL;
	uint32_t n = 0;
	int r, late = 0;

	pthread_mutex_lock(&q->lock);
	r = refuse_in_callback(q, err);
	while (!r && (slot = find_slot(q, s)) && !has_left(q, slot) && !late) {
		if (!slot->leaving)
			slot->retry_at_ms = 0;
		slot->leaving = 1;
		pthread_cond_signal(&q->work);
		late = rameti_autosave_cond_wait(&q->progress, &q->lock, until) == ETIMEDOUT;
	}
	if (slot && !has_left(q, slot) && leave_late(q, s, &n))
		r = rameti_fail(err, RAMET_ECONFLICT, "the session is still being written");
	slot = r ? NULL : find_slot(q, s);
	if (slot && slot->failed) {
		r = slot->why.code;
		if (err)
			*err = slot->why;
	}
	if (!r && n)
		r = rameti_fail(err, RAMET_ECANCELED, "%u entries were handed back", (unsigned)n);
	if (slot)
		rameti_autosave_slot_free(q, slot);
	pthread_mutex_unlock(&q->lock);
	return r;
}

static void hand_back_all(struct ramet_autosave *q)
{
	struct rameti_autosave_slot *slot = q->slots;

	while (slot) {
		/* the list may have changed while callbacks ran */
		if (rameti_autosave_hand_back(q, slot, "the queue was stopped"))
			slot = q->slots;
		else
			slot = slot->next;
	}
}

int ramet_autosave_stop(struct ramet_autosave *q, uint32_t wait_ms, struct ramet_error *err)
{
	int64_t until = rameti_autosave_until(wait_ms);
	struct rameti_autosave_slot *slot;
	int r, late = 0;

	pthread_mutex_lock(&q->lock);
	r = refuse_in_callback(q, err);
	if (!r && !q->stopping)
		for (slot = q->slots; slot; slot = slot->next)
			slot->retry_at_ms = 0;
	if (!r)
		q->stopping = 1;
	pthread_cond_signal(&q->work);
	pthread_cond_broadcast(&q->room);
	while (!r && !q->ended && !late)
		late = rameti_autosave_cond_wait(&q->progress, &q->lock, until) == ETIMEDOUT;
	if (!r && !q->ended) {
		q->time_up = 1;
		hand_back_all(q);
		pthread_cond_signal(&q->work);
		r = rameti_fail(err, RAMET_ECONFLICT, "not all is stored in time");
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

/* ---- counters ---- */

void ramet_autosave_get_metrics(struct ramet_autosave *q, struct ramet_autosave_metrics *m)
{
	pthread_mutex_lock(&q->lock);
	*m = q->m;
	pthread_mutex_unlock(&q->lock);
}

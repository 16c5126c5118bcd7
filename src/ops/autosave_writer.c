/*
 * ops/autosave_writer.c - the queue's thread: what is due, written with one append, made durable,
 * and told.
 *
 * The queue's lock is never held while a session is appended to or a callback runs. A session's
 * entries leave its slot in their order. What could not be stored is put back in front only when
 * it is certain that nothing of it is stored (a full disk, a batch refused for one of its
 * entries); after any other failure nothing more is tried for that session.
 */
#include "ops/autosave_priv.h"

#include <errno.h>
#include <string.h>
#include "base/error.h"

/* ---- entries ---- */

void rameti_autosave_push(struct rameti_autosave_list *l, struct rameti_autosave_entry *e)
{
	e->next = NULL;
	if (l->last)
		l->last->next = e;
	else
		l->first = e;
	l->last = e;
	l->n++;
	l->bytes += e->len;
}

struct rameti_autosave_entry *rameti_autosave_pop(struct rameti_autosave_list *l)
{
	struct rameti_autosave_entry *e = l->first;

	if (!e)
		return NULL;
	l->first = e->next;
	if (!l->first)
		l->last = NULL;
	l->n--;
	l->bytes -= e->len;
	return e;
}

static void put_back(struct rameti_autosave_list *l, struct rameti_autosave_list *front)
{
	if (!front->n)
		return;
	front->last->next = l->first;
	l->first = front->first;
	if (!l->last)
		l->last = front->last;
	l->n += front->n;
	l->bytes += front->bytes;
	memset(front, 0, sizeof(*front));
}

void rameti_autosave_count_out(struct ramet_autosave *q, const struct rameti_autosave_list *l,
			       int code)
{
	q->m.waiting -= l->n;
	q->m.waiting_bytes -= l->bytes;
	if (code < 0)
		q->m.failed += l->n;
	else
		q->m.written += l->n;
	if (code == RAMET_EUNKNOWN)
		q->m.unknown += l->n;
	pthread_cond_broadcast(&q->room);
}

/* ---- telling ---- */

/* One callback at a time, none with the lock held. */
static void tell_begin(struct ramet_autosave *q)
{
	while (q->telling)
		pthread_cond_wait(&q->progress, &q->lock);
	q->telling = 1;
	q->teller = pthread_self();
	pthread_mutex_unlock(&q->lock);
}

static void tell_end(struct ramet_autosave *q)
{
	pthread_mutex_lock(&q->lock);
	q->telling = 0;
	pthread_cond_broadcast(&q->progress);
}

void rameti_autosave_tell(struct ramet_autosave *q, struct ramet_session *s,
			  struct rameti_autosave_list *l, char (*ids)[RAMET_ID_SIZE],
			  const struct ramet_error *err)
{
	struct rameti_autosave_entry *e;
	size_t i;

	tell_begin(q);
	for (i = 0; (e = rameti_autosave_pop(l)); i++) {
		struct ramet_autosave_done d = {
			s, e->tag, { e->json, e->len }, e->flags, ids ? ids[i] : NULL, err
		};

		if (q->opts.done)
			q->opts.done(q->opts.user, &d);
		rameti_autosave_ticket_tell(e->ticket, d.id, err);
		ramet_free(e);
	}
	tell_end(q);
}

static void tell_trouble(struct ramet_autosave *q, struct ramet_session *s,
			 const struct ramet_error *err)
{
	if (!q->opts.trouble)
		return;
	tell_begin(q);
	q->opts.trouble(q->opts.user, s, err);
	tell_end(q);
}

uint32_t rameti_autosave_hand_back(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
				   const char *why)
{
	struct rameti_autosave_list rest = slot->waiting;
	struct ramet_error err;
	uint32_t n = rest.n;

	memset(&slot->waiting, 0, sizeof(slot->waiting));
	slot->alone = 0;
	if (!n)
		return 0;
	(void)rameti_fail(&err, RAMET_ECANCELED, "not stored: %s", why);
	rameti_autosave_count_out(q, &rest, err.code);
	rameti_autosave_tell(q, slot->session, &rest, NULL, &err);
	return n;
}

/* ---- slots ---- */

static void unlink_slot(struct ramet_autosave *q, struct rameti_autosave_slot *slot)
{
	struct rameti_autosave_slot **at;

	for (at = &q->slots; *at != slot; at = &(*at)->next)
		;
	*at = slot->next;
}

void rameti_autosave_slot_free(struct ramet_autosave *q, struct rameti_autosave_slot *slot)
{
	unlink_slot(q, slot);
	q->m.sessions--;
	ramet_free(slot);
	pthread_cond_broadcast(&q->progress);
}

/* After it was served: behind the others, or forgotten when nothing is to be remembered. */
static void served(struct ramet_autosave *q, struct rameti_autosave_slot *slot)
{
	struct rameti_autosave_slot **at;

	slot->flight_seq = 0;
	pthread_cond_broadcast(&q->progress);
	if (!slot->waiting.n && !slot->dirty_seq && !slot->failed && !slot->leaving) {
		rameti_autosave_slot_free(q, slot);
		return;
	}
	unlink_slot(q, slot);
	for (at = &q->slots; *at; at = &(*at)->next)
		;
	*at = slot;
	slot->next = NULL;
}

/* The slot's session is not to be trusted with more: what waits is handed back later. */
static void fail_slot(struct rameti_autosave_slot *slot, const struct ramet_error *err)
{
	slot->failed = 1;
	slot->why = *err;
	slot->dirty_seq = 0;
}

/* ---- writing ---- */

/* The next entries that go with one append. */
static void take_batch(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
		       struct rameti_autosave_list *batch)
{
	struct rameti_autosave_entry *e;

	memset(batch, 0, sizeof(*batch));
	while ((e = slot->waiting.first) && batch->n < RAMETI_AUTOSAVE_BATCH) {
		if (batch->n && (slot->alone || e->flags & RAMET_AUTOSAVE_ENTRY ||
				 batch->first->flags & RAMET_AUTOSAVE_ENTRY ||
				 batch->bytes + e->len > RAMETI_AUTOSAVE_BATCH_LEN))
			break;
		q->batch[batch->n] = (struct ramet_bytes){ e->json, e->len };
		rameti_autosave_push(batch, rameti_autosave_pop(&slot->waiting));
	}
	slot->alone -= slot->alone > 0;
	slot->flight_seq = batch->first->seq;
}

/* Without the lock. */
static int store(struct ramet_autosave *q, struct ramet_session *s,
		 const struct rameti_autosave_list *batch, struct ramet_error *err)
{
	int r;

	if (batch->first->flags & RAMET_AUTOSAVE_ENTRY)
		r = ramet_session_append_entry(s, q->batch[0], q->ids[0], err);
	else
		r = ramet_session_append_messages(s, q->batch, batch->n, q->ids, err);
	if (!r && q->opts.mode == RAMET_AUTOSAVE_EACH)
		r = ramet_session_sync(s, err);
	return r;
}

/* Is it certain that nothing of it is stored, and worth another try? */
static int disk_is_full(const struct ramet_error *err)
{
	return err->code == RAMET_EIO && (err->sys == ENOSPC || err->sys == EDQUOT);
}

/* Is it an entry's own fault? An unknown file is ENOTFOUND too, with an errno. */
static int is_refusal(const struct ramet_error *err)
{
	return err->code == RAMET_EJSON || err->code == RAMET_EINVAL || err->code == RAMET_ELIMIT ||
	       (err->code == RAMET_ENOTFOUND && !err->sys);
}

static void note_stored(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
			struct rameti_autosave_list *batch)
{
	q->m.flushes_ok++;
	q->m.coalesced += batch->n - 1;
	q->m.bytes += batch->bytes;
	slot->pause_ms = 0;
	if (q->opts.mode != RAMET_AUTOSAVE_EACH && !slot->dirty_seq) {
		slot->dirty_seq = batch->first->seq;
		slot->sync_by_ms = q->opts.mode == RAMET_AUTOSAVE_INTERVAL ?
					   rameti_autosave_now_ms() + q->opts.interval_ms :
					   RAMETI_NEVER_MS;
	}
	rameti_autosave_count_out(q, batch, 0);
	rameti_autosave_tell(q, slot->session, batch, q->ids, NULL);
}

/* Keep it for later; the first time it is told. */
static void put_off(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
		    struct rameti_autosave_list *batch, const struct ramet_error *err)
{
	int first = !slot->pause_ms;

	put_back(&slot->waiting, batch);
	q->m.retries++;
	if (first)
		slot->pause_ms = q->opts.retry_ms;
	else if (slot->pause_ms < q->opts.retry_max_ms / 2)
		slot->pause_ms *= 2;
	else
		slot->pause_ms = q->opts.retry_max_ms;
	slot->retry_at_ms = rameti_autosave_now_ms() + slot->pause_ms;
	if (first)
		tell_trouble(q, slot->session, err);
}

static void note_not_stored(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
			    struct rameti_autosave_list *batch, const struct ramet_error *err)
{
	q->m.flushes_failed++;
	if (disk_is_full(err) && !q->time_up && !slot->time_up) {
		put_off(q, slot, batch, err);
		return;
	}
	if (is_refusal(err) && batch->n > 1) {
		slot->alone = batch->n;              /* each on its own shows which it was */
		put_back(&slot->waiting, batch);
		return;
	}
	if (!is_refusal(err))
		fail_slot(slot, err);
	rameti_autosave_count_out(q, batch, err->code);
	rameti_autosave_tell(q, slot->session, batch, NULL, err);
	if (slot->failed)
		(void)rameti_autosave_hand_back(q, slot, "its session has failed");
}

static void write_some(struct ramet_autosave *q, struct rameti_autosave_slot *slot, int trigger)
{
	struct ramet_error err = { .offset = RAMET_NO_OFFSET };
	struct rameti_autosave_list batch;
	uint64_t begun_us, took_us;
	int r;

	take_batch(q, slot, &batch);
	q->m.flushes++;
	q->m.last_trigger = trigger;
	q->m.last_entries = batch.n;
	pthread_mutex_unlock(&q->lock);
	begun_us = rameti_autosave_now_us();
	r = store(q, slot->session, &batch, &err);
	took_us = rameti_autosave_now_us() - begun_us;
	pthread_mutex_lock(&q->lock);
	q->m.last_us = took_us;
	if (r < 0)
		note_not_stored(q, slot, &batch, &err);
	else
		note_stored(q, slot, &batch);
	served(q, slot);
}

static void sync_slot(struct ramet_autosave *q, struct rameti_autosave_slot *slot, int trigger)
{
	struct ramet_error err = { .offset = RAMET_NO_OFFSET };
	int r;

	slot->flight_seq = slot->dirty_seq;
	q->m.last_trigger = trigger;
	pthread_mutex_unlock(&q->lock);
	r = ramet_session_sync(slot->session, &err);
	pthread_mutex_lock(&q->lock);
	slot->dirty_seq = 0;
	q->m.syncs += !r;
	q->m.syncs_failed += r < 0;
	if (r < 0) {
		fail_slot(slot, &err);
		tell_trouble(q, slot->session, &err);
		(void)rameti_autosave_hand_back(q, slot, "its session has failed");
	}
	served(q, slot);
}

/* ---- what is due ---- */

static void wake_at(int64_t *wake_ms, int64_t at_ms)
{
	if (at_ms < *wake_ms)
		*wake_ms = at_ms;
}

/* Why the slot's written entries are to be made durable now: a trigger, or NEVER. */
static int sync_due(const struct ramet_autosave *q, const struct rameti_autosave_slot *slot,
		    int64_t now_ms, int64_t *wake_ms)
{
	const struct rameti_autosave_entry *first = slot->waiting.first;

	if (!slot->dirty_seq)
		return RAMET_AUTOSAVE_NEVER;
	if (slot->sync_by_ms <= now_ms)
		return RAMET_AUTOSAVE_PERIODIC;
	if (slot->flush_seq >= slot->dirty_seq && (!first || first->seq > slot->flush_seq))
		return RAMET_AUTOSAVE_MANUAL;
	if ((q->stopping || slot->leaving) && !first && q->opts.mode != RAMET_AUTOSAVE_NONE)
		return RAMET_AUTOSAVE_SHUTDOWN;
	wake_at(wake_ms, slot->sync_by_ms);
	return RAMET_AUTOSAVE_NEVER;
}

/* Why its next entries are to be written now. */
static int write_due(const struct ramet_autosave *q, const struct rameti_autosave_slot *slot,
		     int64_t now_ms, int64_t *wake_ms)
{
	const struct rameti_autosave_list *l = &slot->waiting;

	if (!l->n)
		return RAMET_AUTOSAVE_NEVER;
	if (slot->pause_ms && slot->retry_at_ms > now_ms) {
		wake_at(wake_ms, slot->retry_at_ms);
		return RAMET_AUTOSAVE_NEVER;
	}
	if (q->stopping || slot->leaving)
		return RAMET_AUTOSAVE_SHUTDOWN;
	if (slot->flush_seq >= l->first->seq)
		return RAMET_AUTOSAVE_MANUAL;
	if (slot->turn_seq >= l->first->seq)
		return RAMET_AUTOSAVE_TURN_END;
	if (!q->opts.hold_ms)
		return RAMET_AUTOSAVE_AT_ONCE;
	if (q->n_blocked || l->n >= q->opts.threshold_lines || l->bytes >= q->opts.threshold_bytes)
		return RAMET_AUTOSAVE_THRESHOLD;
	if (l->first->added_ms + q->opts.hold_ms <= now_ms)
		return RAMET_AUTOSAVE_PERIODIC;
	wake_at(wake_ms, l->first->added_ms + q->opts.hold_ms);
	return RAMET_AUTOSAVE_NEVER;
}

/* Serve the first slot that needs it. 0: none does before *wake_ms. */
static int serve(struct ramet_autosave *q, int64_t *wake_ms)
{
	struct rameti_autosave_slot *slot;
	int64_t now_ms = rameti_autosave_now_ms();
	int trigger;

	*wake_ms = RAMETI_NEVER_MS;
	for (slot = q->slots; slot; slot = slot->next) {
		trigger = sync_due(q, slot, now_ms, wake_ms);
		if (trigger) {
			sync_slot(q, slot, trigger);
			return 1;
		}
		trigger = write_due(q, slot, now_ms, wake_ms);
		if (trigger) {
			write_some(q, slot, trigger);
			return 1;
		}
	}
	return 0;
}

static int is_drained(const struct ramet_autosave *q)
{
	const struct rameti_autosave_slot *slot;

	for (slot = q->slots; slot; slot = slot->next)
		if (slot->waiting.n)
			return 0;
	return 1;
}

void *rameti_autosave_run(void *queue)
{
	struct ramet_autosave *q = queue;
	int64_t wake_ms;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		if (serve(q, &wake_ms))
			continue;
		if (q->stopping && is_drained(q))
			break;
		(void)rameti_autosave_cond_wait(&q->work, &q->lock, wake_ms);
	}
	q->ended = 1;
	pthread_cond_broadcast(&q->progress);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

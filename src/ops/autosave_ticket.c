/*
 * ops/autosave_ticket.c - waiting for one entry, and the clock of the queue.
 *
 * A ticket has two shares, the queue's and the caller's, and goes with the last: it is good for
 * an answer also when the queue is gone.
 */
#include "ops/autosave_priv.h"

#include <errno.h>
#include <string.h>
#include "base/env.h"
#include "base/error.h"

/* ---- time ---- */

static void now(struct timespec *ts)
{
	const struct rameti_env *env = rameti_env_default();

	if (env->clock_gettime(env->user, CLOCK_MONOTONIC, ts) < 0) {
		ts->tv_sec = INT32_MAX;              /* no clock, no waiting */
		ts->tv_nsec = 0;
	}
}

int64_t rameti_autosave_now_ms(void)
{
	return (int64_t)(rameti_autosave_now_us() / 1000);
}

uint64_t rameti_autosave_now_us(void)
{
	struct timespec ts;

	now(&ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t rameti_autosave_until(uint32_t wait_ms)
{
	return wait_ms == RAMET_WAIT_FOREVER ? RAMETI_NEVER_MS : rameti_autosave_now_ms() + wait_ms;
}

int rameti_autosave_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t kind;
	int r = pthread_condattr_init(&kind);

	if (r)
		return r;
	pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
	r = pthread_cond_init(c, &kind);
	pthread_condattr_destroy(&kind);
	return r;
}

int rameti_autosave_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms)
{
	struct timespec until;

	if (until_ms == RAMETI_NEVER_MS)
		return pthread_cond_wait(c, lock);
	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	return pthread_cond_timedwait(c, lock, &until);
}

/* ---- tickets ---- */

struct ramet_autosave_ticket {
	pthread_mutex_t lock;
	pthread_cond_t told;
	int shares, known;
	char id[RAMET_ID_SIZE];
	struct ramet_error why;                  /* code 0: stored */
};

int rameti_autosave_ticket_new(struct ramet_autosave_ticket **out, struct ramet_error *err)
{
	struct ramet_autosave_ticket *t = ramet_calloc(1, sizeof(*t));

	if (!t)
		return rameti_fail_nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	if (rameti_autosave_cond_init(&t->told)) {
		pthread_mutex_destroy(&t->lock);
		ramet_free(t);
		return rameti_fail_nomem(err);
	}
	t->shares = 2;
	*out = t;
	return 0;
}

/* With the lock held, which goes with it. */
static void let_go(struct ramet_autosave_ticket *t)
{
	int last = --t->shares == 0;

	pthread_mutex_unlock(&t->lock);
	if (!last)
		return;
	pthread_cond_destroy(&t->told);
	pthread_mutex_destroy(&t->lock);
	ramet_free(t);
}

void rameti_autosave_ticket_tell(struct ramet_autosave_ticket *t, const char *id,
				 const struct ramet_error *err)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->known = 1;
	if (err)
		t->why = *err;
	else
		memcpy(t->id, id, RAMET_ID_SIZE);
	pthread_cond_broadcast(&t->told);
	let_go(t);
}

void ramet_autosave_ticket_free(struct ramet_autosave_ticket *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	let_go(t);
}

int ramet_autosave_wait(struct ramet_autosave_ticket *t, uint32_t wait_ms, char *id,
			struct ramet_error *err)
{
	int64_t until = rameti_autosave_until(wait_ms);
	int r;

	pthread_mutex_lock(&t->lock);
	while (!t->known && !rameti_autosave_cond_wait(&t->told, &t->lock, until))
		;
	if (!t->known) {
		r = rameti_fail(err, RAMET_ECONFLICT, "not known in time");
	} else {
		r = t->why.code;
		if (r < 0 && err)
			*err = t->why;
		if (!r && id)
			memcpy(id, t->id, RAMET_ID_SIZE);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

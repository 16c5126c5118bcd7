/*
 * base/behind.c - a new file written by a thread of its own, so that the next part is made
 * meanwhile.
 *
 * One part is being written and one is being made, never more: who makes them faster than the
 * disk takes them waits. Where no thread is to be had, writing is done at once.
 */
#include "base/behind.h"

#include "base/error.h"

static void *run(void *user)
{
	struct rameti_behind *b = user;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		while (!b->busy && !b->stop)
			pthread_cond_wait(&b->changed, &b->lock);
		if (!b->busy)
			break;
		pthread_mutex_unlock(&b->lock);
		if (!b->r)                       /* nobody else looks at it while this is busy */
			b->r = rameti_newfile_write(b->file, ramet_buf_bytes(&b->text), &b->err);
		pthread_mutex_lock(&b->lock);
		b->busy = 0;
		/* who waits must not wake up to a lock that is held */
		pthread_mutex_unlock(&b->lock);
		pthread_cond_broadcast(&b->changed);
		pthread_mutex_lock(&b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static int start(struct rameti_behind *b)
{
	if (pthread_mutex_init(&b->lock, NULL))
		return -1;
	if (pthread_cond_init(&b->changed, NULL)) {
		pthread_mutex_destroy(&b->lock);
		return -1;
	}
	b->started = !pthread_create(&b->thread, NULL, run, b);
	if (b->started)
		return 0;
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	return -1;
}

/* Until nothing is being written. Held: the lock. */
static void wait(struct rameti_behind *b)
{
	while (b->busy)
		pthread_cond_wait(&b->changed, &b->lock);
}

static int outcome(const struct rameti_behind *b, struct ramet_error *err)
{
	if (b->r < 0 && err)
		*err = b->err;
	return b->r;
}

int rameti_behind_write(struct rameti_behind *b, struct rameti_newfile *file,
			struct ramet_buf *bytes, struct ramet_error *err)
{
	struct ramet_buf given = *bytes;
	int r;

	if (!b->started)
		b->file = file;
	if (!b->started && start(b) < 0) {
		r = rameti_newfile_write(file, ramet_buf_bytes(bytes), err);
		ramet_buf_reset(bytes);
		return r;
	}
	pthread_mutex_lock(&b->lock);
	wait(b);
	*bytes = b->text;
	b->text = given;
	r = outcome(b, err);
	b->busy = 1;
	pthread_mutex_unlock(&b->lock);
	pthread_cond_broadcast(&b->changed);
	ramet_buf_reset(bytes);
	return r;
}

int rameti_behind_end(struct rameti_behind *b, struct ramet_error *err)
{
	if (b->started) {
		pthread_mutex_lock(&b->lock);
		b->stop = 1;
		pthread_cond_broadcast(&b->changed);
		pthread_mutex_unlock(&b->lock);
		(void)pthread_join(b->thread, NULL);
		pthread_cond_destroy(&b->changed);
		pthread_mutex_destroy(&b->lock);
		b->started = b->stop = 0;
	}
	return outcome(b, err);
}

void rameti_behind_release(struct rameti_behind *b)
{
	(void)rameti_behind_end(b, NULL);
	ramet_buf_release(&b->text);
}

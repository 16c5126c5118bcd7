/*
 * ops/autosave_priv.h - what the autosave queue is made of, for its callers' side and its thread.
 *
 * A slot is a session the queue knows: with entries that wait, with some that are written and not
 * yet durable, with one failure behind it, or being left. Sequence numbers grow over the whole
 * queue and are never 0.
 */
#ifndef RAMETI_OPS_AUTOSAVE_PRIV_H
#define RAMETI_OPS_AUTOSAVE_PRIV_H

#include <pthread.h>
#include "ramet/ops.h"

#define RAMETI_AUTOSAVE_BATCH 256u               /* entries a write, at most */
#define RAMETI_AUTOSAVE_BATCH_LEN ((size_t)32 << 20)

struct rameti_autosave_entry {
	struct rameti_autosave_entry *next;
	uint64_t seq;
	int64_t added_ms;
	void *tag;
	struct ramet_autosave_ticket *ticket;
	unsigned flags;
	size_t len;
	char json[];
};

struct rameti_autosave_list {
	struct rameti_autosave_entry *first, *last;
	uint32_t n;
	size_t bytes;
};

struct rameti_autosave_slot {
	struct rameti_autosave_slot *next;
	struct ramet_session *session;
	struct rameti_autosave_list waiting;
	uint64_t flight_seq;                     /* first one being written or told of; 0: none */
	uint64_t dirty_seq;                      /* first one not yet durable; 0: none */
	uint64_t flush_seq, turn_seq;            /* write all up to here now */
	int64_t sync_by_ms, retry_at_ms;
	uint32_t pause_ms;                       /* before the next try; 0: the disk is not full */
	uint32_t alone;                          /* so many next ones go one by one */
	int failed;                              /* nothing more is tried: why */
	int leaving, time_up;                    /* time_up: nothing is put back */
	struct ramet_error why;
};

struct ramet_autosave {
	pthread_mutex_t lock;                    /* of all below */
	pthread_cond_t work;                     /* the thread has something to look at */
	pthread_cond_t progress;                 /* something was written, told or left */
	pthread_cond_t room;                     /* somebody may add again */
	pthread_t thread;
	struct ramet_autosave_opts opts;         /* with defaults filled in */
	struct rameti_autosave_slot *slots;      /* served last stands last */
	struct ramet_autosave_metrics m;
	uint64_t seq;                            /* the last one given */
	uint32_t n_blocked;                      /* callers waiting for room */
	int stopping, time_up, ended;
	int telling;                             /* a callback may be running, in: */
	pthread_t teller;
	/* of the thread alone: */
	struct ramet_bytes batch[RAMETI_AUTOSAVE_BATCH];
	char ids[RAMETI_AUTOSAVE_BATCH][RAMET_ID_SIZE];
};

/* ---- time ---- */

#define RAMETI_NEVER_MS INT64_MAX
/* Monotonic. */
int64_t rameti_autosave_now_ms(void);
uint64_t rameti_autosave_now_us(void);
/* When wait_ms are over; RAMETI_NEVER_MS for RAMET_WAIT_FOREVER. */
int64_t rameti_autosave_until(uint32_t wait_ms);
int rameti_autosave_cond_init(pthread_cond_t *c);
/* 0, or ETIMEDOUT when until_ms is past. */
int rameti_autosave_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms);

/* ---- entries ---- */

void rameti_autosave_push(struct rameti_autosave_list *l, struct rameti_autosave_entry *e);
struct rameti_autosave_entry *rameti_autosave_pop(struct rameti_autosave_list *l);
int rameti_autosave_ticket_new(struct ramet_autosave_ticket **out, struct ramet_error *err);
/* What became of it: err NULL: stored under id. Lets go of the queue's share. t may be NULL. */
void rameti_autosave_ticket_tell(struct ramet_autosave_ticket *t, const char *id,
				 const struct ramet_error *err);

/* ---- the thread's side; all called with the lock held, which they may let go of meanwhile ---- */

/* They were written (failed 0), or are reported with an error. */
void rameti_autosave_count_out(struct ramet_autosave *q, const struct rameti_autosave_list *l,
			       int code);
/* Report and free them. ids, err: one is NULL. Callbacks come one at a time. */
void rameti_autosave_tell(struct ramet_autosave *q, struct ramet_session *s,
			  struct rameti_autosave_list *l, char (*ids)[RAMET_ID_SIZE],
			  const struct ramet_error *err);
/* Hand back all that waits and is not being written. The number of entries. */
uint32_t rameti_autosave_hand_back(struct ramet_autosave *q, struct rameti_autosave_slot *slot,
				   const char *why);
/* Forget a session of which nothing waits. */
void rameti_autosave_slot_free(struct ramet_autosave *q, struct rameti_autosave_slot *slot);
/* Start routine. */
void *rameti_autosave_run(void *queue);

#endif

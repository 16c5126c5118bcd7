/*
 * autosave_given.h - a disk that does as it is told, sessions on it, and what a queue said of them.
 */
#ifndef TESTS_OPS_AUTOSAVE_GIVEN_H
#define TESTS_OPS_AUTOSAVE_GIVEN_H

#include <stdatomic.h>
#include "base/env.h"
#include "store/written.h"

#define SESSIONS 3
#define TOLD_MAX 4096
#define SOON 10000u                              /* ms: should never be over */

/* In force from make_all to drop_all. */
extern struct rameti_env env;
/* disk_full: the errno of writes, or 0. hanging: writes that hang now. */
extern atomic_int disk_full, sync_fails, disk_slow_ms, disk_hangs, hanging, n_writes, n_syncs;

extern char *dir;
extern struct ramet_session *s[SESSIONS];
extern struct ramet_autosave *q;
extern struct ramet_autosave_opts opts;          /* of the next queue */

/* What the queue's callbacks said, in order. */
struct told {
	struct ramet_session *session;
	int tag, code;
	char id[RAMET_ID_SIZE], json[64];
};
extern struct told told[TOLD_MAX];
extern unsigned n_told, n_trouble;
extern int last_trouble, last_trouble_sys;
unsigned how_many_told(void);                    /* while the queue runs */

int make_all(void **state);
int drop_all(void **state);
/* So many sessions in files with one message, and a queue. */
void given_queue(int n_sessions, int level);
void free_queue(void);                           /* without time for anything */
struct ramet_autosave_metrics metrics(void);     /* they add up */
void sleep_ms(int ms);
void wait_for(atomic_int *what);

/* A message that says tag. Asserts nothing: for any thread. */
int add_with(struct ramet_session *session, int tag, unsigned flags,
	     struct ramet_autosave_ticket **ticket, struct ramet_error *err);
int add(struct ramet_session *session, int tag);
void add_many(struct ramet_session *session, int from, int to);

/* The tags in a session's file, in order; reads the file, not the handle. */
unsigned tags_of(const struct ramet_session *session, int *tags, unsigned max);
/* In the file stand from, from + 1, ... to - 1, once each. */
void file_has(const struct ramet_session *session, int from, int to);
/* The queue said of from, ... to - 1, in this order and from the n-th telling on, that. */
void told_of(unsigned n, int from, int to, int code);

#endif

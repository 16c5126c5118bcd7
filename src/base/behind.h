/*
 * base/behind.h - a new file written by a thread of its own, so that the next part is made
 * meanwhile.
 */
#ifndef RAMETI_BASE_BEHIND_H
#define RAMETI_BASE_BEHIND_H

#include <pthread.h>

#include "base/newfile.h"

/* All zero but text, which is RAMET_BUF_INIT: nothing is under way. */
struct rameti_behind {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct rameti_newfile *file;
	struct ramet_buf text;                   /* being written while busy; the thread's then */
	int started, busy, stop, r;
	struct ramet_error err;                  /* of r, the first failure */
};

/* Write bytes behind what was given before: they are taken, and bytes is empty afterwards. The file
 * is the thread's until rameti_behind_end. Returns what failed by now: it failed for good. */
int rameti_behind_write(struct rameti_behind *b, struct rameti_newfile *file,
			struct ramet_buf *bytes, struct ramet_error *err);
/* All of it is written, or what failed. May be called again, or where nothing was written. */
int rameti_behind_end(struct rameti_behind *b, struct ramet_error *err);
/* Lets go of everything; ends it if that has not been done. */
void rameti_behind_release(struct rameti_behind *b);

#endif

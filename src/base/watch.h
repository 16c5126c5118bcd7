/*
 * base/watch.h - waiting until something happens to a file, by its name.
 *
 * Told by the system (inotify on the file and on its directory), and looking now and then all the
 * same: file systems shared with other machines tell only what this one does. Where the system
 * tells nothing, looking more often takes its place.
 */
#ifndef RAMETI_BASE_WATCH_H
#define RAMETI_BASE_WATCH_H

#include "base/env.h"

#define RAMETI_WATCH_POLL_MS 250u
#define RAMETI_WATCH_SLOW_MS 1000u               /* between looks where the system tells */

struct rameti_watch {
	const struct rameti_env *env;            /* NULL: the default */
	char *path, *dir;
	int fd;                                  /* of inotify; -1: the system does not tell */
	int file_wd, dir_wd;                     /* -1: not watched */
	int file_known; /* watched, or missing: then the directory tells when it comes */
	uint32_t poll_ms;
	int64_t begun_ms, slept_ms;
};
#define RAMETI_WATCH_INIT { NULL, NULL, NULL, -1, -1, -1, 0, 0, 0, 0 }

/* Watch a name; w->env may be set before. The file need not be there, nor its directory. poll_ms:
 * how often to look where the system does not tell; 0: RAMETI_WATCH_POLL_MS. Whatever happens after
 * this call is noticed by waiting: open first, then look. ENOMEM. */
int rameti_watch_open(struct rameti_watch *w, const char *path, uint32_t poll_ms,
		      struct ramet_error *err);
void rameti_watch_close(struct rameti_watch *w);

/* Milliseconds since opening, for the deadline of a wait. */
int64_t rameti_watch_now(const struct rameti_watch *w);
/* Wait until rameti_watch_now is `until` (INT64_MAX: for ever). 1: look, something may have
 * happened, and what happens from now on is noticed by the next call; 0: the time is over. EIO. */
int rameti_watch_wait(struct rameti_watch *w, int64_t until, struct ramet_error *err);

#endif

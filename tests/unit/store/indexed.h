/*
 * indexed.h - sessions large enough for an index, their index files, and whether what is read
 * through one is what a scan gives.
 */
#ifndef TESTS_STORE_INDEXED_H
#define TESTS_STORE_INDEXED_H

#include "store/index.h"
#include "store/session_priv.h"
#include "written.h"

/* A directory for sessions, one for the cache, and a clock that is an hour ahead, so that files
 * just written count as old: setup and teardown of each test. */
int indexed_setup(void **state);
int indexed_teardown(void **state);
/* From now on the clock is so many seconds ahead. */
void indexed_clock(long ahead);
/* The real calls but for the clock. */
const struct rameti_env *indexed_env(void);

extern char *indexed_dir;                        /* all of it */
const char *indexed_sessions(void);              /* the sessions' directory, nothing else */
const char *indexed_session(void);               /* path of the session of most tests */
const char *indexed_cache(void);                 /* where indexes are; may not be there yet */
const char *indexed_file(const char *session);   /* its index; "" when it has none */

/* What a session can be like: a name and its lines (' for ") without the first ones that make it
 * large; NULL past the last. */
struct shape {
	const char *name, *header, *lines;
};
extern const struct shape shapes[];
/* Write a session of that shape with n messages of about len bytes before its own lines. */
void make_session(const char *path, const struct shape *shape, unsigned n, unsigned len);
/* One that is just large enough. */
void make_shape(const char *path, const struct shape *shape);
/* n lines of that kind appended: entries that hang from each other, labels, names. */
void add_many(const char *path, unsigned n, unsigned first);

/* Open with an index if there is one; without, and without making one. */
struct ramet_session *scanned(const char *path);
/* Did the tree come from an index? */
int from_index(const struct ramet_session *s);
/* What can be asked of a session, by number; and all of it in one text: the first failure, with its
 * error. */
#define N_REPORTS 11u
int report_one(const struct ramet_session *s, unsigned which, struct ramet_buf *out,
	       struct ramet_error *err);
int report_all(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err);
/* State, findings, leaf and all reports of an open session are those of a scan of its file. */
void assert_as_scanned(const struct ramet_session *s);
/* Opening it gives what a scan gives, through an index or not. Closes it again. */
void assert_opens_from_index(const char *path);
void assert_opens_by_scan(const char *path);
/* Open and close: now there is an index. */
void make_index(const char *path);

#endif

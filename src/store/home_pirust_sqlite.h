/*
 * store/home_pirust_sqlite.h - a session of pi_agent_rust in a SQLite file of its own
 * (NAME.sqlite): docs/format/pirust-sqlite.md.
 *
 * A handle belongs to one thread at a time and must not cross fork(2). Reading takes no lock and
 * writes nothing; every change is made under the lock the original takes (FILE.lock).
 */
#ifndef RAMETI_STORE_HOME_PIRUST_SQLITE_H
#define RAMETI_STORE_HOME_PIRUST_SQLITE_H

#include "ramet/store.h"

struct rameti_pirust_sqlite;

/* Errors of all calls: as for store/home_sqlite.h. EFORMAT for what is not such a session. */
int rameti_pirust_sqlite_open(struct rameti_pirust_sqlite **out, const char *path,
			      const struct ramet_open_opts *opts, struct ramet_error *err);
void rameti_pirust_sqlite_close(struct rameti_pirust_sqlite *h);

/* Its header and entries, each with a newline; appended. Line breaks inside a row go. */
int rameti_pirust_sqlite_load(struct rameti_pirust_sqlite *h, struct ramet_buf *text,
			      struct ramet_error *err);
/* What others stored behind that: 1, or 0. ECONFLICT when what was loaded is no longer there. */
int rameti_pirust_sqlite_more(struct rameti_pirust_sqlite *h, struct ramet_buf *text,
			      struct ramet_error *err);
/* Store lines behind all that was loaded, and keep the meta rows and the session index in step. A
 * leafId in the header goes, since it would hide them. ECONFLICT when others came in between, or
 * hold the lock; EFORMAT when the rows are not numbered 1 to n, which the original refuses. */
int rameti_pirust_sqlite_append(struct rameti_pirust_sqlite *h, struct ramet_bytes lines, int sync,
				struct ramet_error *err);
int rameti_pirust_sqlite_sync(struct rameti_pirust_sqlite *h, struct ramet_error *err);

/* A new file from a header and entries, a line each. ECONFLICT when there is a session already. */
int rameti_pirust_sqlite_create(const char *path, struct ramet_bytes text, int sync,
				struct ramet_error *err);
/* What a list says of it; info and its texts are gone after fn returns. */
int rameti_pirust_sqlite_info(const char *path, int with_text,
			      int (*fn)(void *user, const struct ramet_session_info *info),
			      void *user, struct ramet_error *err);
/* Remove the file and its place in the index; its lock stays. id: ptr NULL, or it must be its. */
int rameti_pirust_sqlite_remove(const char *path, struct ramet_bytes id, struct ramet_error *err);

#endif

/*
 * store/home_sqlite.h - many sessions of format "pi" in one SQLite database (sqlite:FILE#ID).
 *
 * A handle belongs to one thread at a time and must not cross fork(2). It reads through short
 * connections that leave nothing beside the file (base/sql.h), and opens the one it writes with at
 * the first change. The tables: docs/format/sqlite.md.
 *
 * Errors of all calls: EFORMAT for what is no such database (it is not touched) or is damaged,
 * EVERSION for one of a newer version, ECONFLICT when another program keeps it locked too long,
 * ENOTFOUND, EIO, ELIMIT, ENOMEM; of those that write also EUNKNOWN: a sync failed, what was being
 * written may be there after a power cut or not, and the handle writes no more.
 */
#ifndef RAMETI_STORE_HOME_SQLITE_H
#define RAMETI_STORE_HOME_SQLITE_H

#include "ramet/store.h"

struct rameti_sqlite;

struct rameti_sqlite_opts {
	int create;                              /* make the file when it is missing or empty */
	int level;                               /* enum ramet_level */
	uint32_t lock_ms;                        /* 0: five seconds */
};
/* ENOTFOUND without create for a file that is missing. */
int rameti_sqlite_open(struct rameti_sqlite **out, const char *path,
		       const struct rameti_sqlite_opts *opts, struct ramet_error *err);
/* The last program to close folds what stands beside the file into it. */
void rameti_sqlite_close(struct rameti_sqlite *h);

/* Where a session ends. session: its key, which no other session ever has. */
struct rameti_sqlite_end {
	int64_t session, seq; /* seq: number of its last line, 0: there is but a header */
};
/* What reading found: numbers that have no line, and lines that are not what was written. */
struct rameti_sqlite_damage {
	uint64_t n_missing, n_changed;
	int64_t first_missing, first_changed;    /* their first numbers, from 1 */
};

/* The session as the JSONL file it would be: header and lines, each with a newline; appended.
 * damage may be NULL. ENOTFOUND for the id. */
int rameti_sqlite_load(struct rameti_sqlite *h, struct ramet_bytes id, struct ramet_buf *text,
		       struct rameti_sqlite_end *end, struct rameti_sqlite_damage *damage,
		       struct ramet_error *err);
/* The lines behind *end, which is moved. ECONFLICT when the session was removed or is shorter. */
int rameti_sqlite_load_more(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			    struct ramet_buf *text, struct rameti_sqlite_damage *damage,
			    struct ramet_error *err);

/* Text that is given: lines that end in a newline, which the last may lack. EINVAL for one without
 * a line, or with a line of zero bytes. */

/* A new session in one transaction: its header and lines. ECONFLICT when there is one with its id;
 * EFORMAT for a header that is none. */
int rameti_sqlite_create(struct rameti_sqlite *h, struct ramet_bytes text,
			 struct rameti_sqlite_end *end, struct ramet_error *err);
/* Append lines in one transaction, durable as the level says, or with `sync` in any case. *end is
 * where the caller believes the session ends, and then where it does. ECONFLICT when that is not
 * so: others appended (end->seq is the real one then) or removed the session (*end untouched). */
int rameti_sqlite_append(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			 struct ramet_bytes text, int sync, struct ramet_error *err);
/* Put another header and other lines in the place of a session that still ends at *end. The header
 * must have its id. ECONFLICT as append. */
int rameti_sqlite_replace(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			  struct ramet_bytes text, struct ramet_error *err);
/* ENOTFOUND. */
int rameti_sqlite_remove(struct rameti_sqlite *h, struct ramet_bytes id, struct ramet_error *err);
/* All that was committed survives a power cut. */
int rameti_sqlite_sync(struct rameti_sqlite *h, struct ramet_error *err);

/* The session with this id, else the only one whose id begins so; its id is appended. EAMBIGUOUS
 * names two. */
int rameti_sqlite_find(struct rameti_sqlite *h, struct ramet_bytes id_or_prefix,
		       struct ramet_buf *id, struct ramet_error *err);
/* What a list says of each session, in no order; info and its texts are gone after fn returns. Its
 * path is "sqlite:FILE#ID". with_text reads the lines too. fn returning non-zero ends the walk with
 * that value. */
int rameti_sqlite_list(struct rameti_sqlite *h, int with_text,
		       int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		       struct ramet_error *err);
/* Does the database hold together: structure, numbers, checksums, what the lists say? 1, or 0 with
 * a line for each thing that is wrong, at most 100, appended. */
int rameti_sqlite_check(struct rameti_sqlite *h, struct ramet_buf *report,
			struct ramet_error *err);

#endif

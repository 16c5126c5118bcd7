/*
 * store/pirust_index_priv.h - the session index of pi_agent_rust, for the files that make it.
 */
#ifndef RAMETI_STORE_PIRUST_INDEX_PRIV_H
#define RAMETI_STORE_PIRUST_INDEX_PRIV_H

#include "base/file.h"
#include "base/sql.h"
#include "store/pirust_index.h"

/* Where an index is. */
struct rameti_pindex_place {
	struct ramet_buf root, db, lock;
};
/* root NULL: the sessions root. */
int rameti_pindex_place_init(struct rameti_pindex_place *p, const char *root,
			     struct ramet_error *err);
void rameti_pindex_place_release(struct rameti_pindex_place *p);

/* The lock of both generations of the original. */
struct rameti_pindex_lock {
	const char *path;
	struct rameti_file file;                 /* the older kind */
	int is_dir;                              /* the newer kind is held */
};
/* ECONFLICT after wait_ms. */
int rameti_pindex_lock(struct rameti_pindex_lock *l, const char *path, uint32_t wait_ms,
		       struct ramet_error *err);
void rameti_pindex_unlock(struct rameti_pindex_lock *l);

/* A row to be, with texts of its own. */
struct rameti_pindex_row {
	struct rameti_pirust_facts facts;
	int64_t mtime_ms;
	uint64_t size;
};
/* Time and size of a session, with what stands beside a database. ENOTFOUND, EIO, ENOMEM. */
int rameti_pindex_measure(const char *session, struct rameti_pindex_row *row,
			  struct ramet_error *err);
/* Read a session's facts. EFORMAT. */
int rameti_pindex_read(const char *session, struct rameti_pindex_row *row,
		       struct ramet_error *err);
int rameti_pindex_is_session_name(const char *name);

/* Is there an index in this database? EFORMAT for another one; 1, or 0 when it is empty. */
int rameti_pindex_is_one(struct rameti_sql *db, struct ramet_error *err);
/* Open it for writing, under the lock, in a transaction; make it when it is missing. */
int rameti_pindex_begin(struct rameti_sql **db, const struct rameti_pindex_place *p,
			struct rameti_pindex_lock *lock, uint32_t wait_ms,
			struct ramet_error *err);
/* r: how it went so far. Commits or rolls back, lets go of everything; the first failure. */
int rameti_pindex_end(struct rameti_sql *db, struct rameti_pindex_lock *lock, int r,
		      struct ramet_error *err);
int rameti_pindex_put(struct rameti_sql *db, const char *path,
		      const struct rameti_pindex_row *row, struct ramet_error *err);
int rameti_pindex_delete(struct rameti_sql *db, const char *path, struct ramet_error *err);

#endif

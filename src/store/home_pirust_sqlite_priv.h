/*
 * store/home_pirust_sqlite_priv.h - a handle on a SQLite session of pi_agent_rust, for the files
 * that read and write it.
 */
#ifndef RAMETI_STORE_HOME_PIRUST_SQLITE_PRIV_H
#define RAMETI_STORE_HOME_PIRUST_SQLITE_PRIV_H

#include "base/file.h"
#include "base/sql.h"
#include "store/home_pirust_sqlite.h"
#include "store/pirust_facts.h"

struct rameti_pirust_sqlite {
	char *path;                              /* no link */
	int level, dead;
	uint32_t lock_ms;
	/* what was loaded */
	int64_t seq;                             /* of the last row */
	int gaps;                                /* rows are not numbered 1 to n */
	struct ramet_buf last_id;                /* raw JSON; empty: the row has none */
	uint32_t last_sum;
	struct ramet_buf session_id;
	struct rameti_pirust_facts facts;
	/* to write with */
	struct rameti_file lock;
	struct rameti_sql *db;
};

/* Is this database one? EFORMAT. */
int rameti_pirust_sqlite_is_one(struct rameti_sql *db, struct ramet_error *err);
/* The header's line, appended. EFORMAT when there is none, or more than one. */
int rameti_pirust_sqlite_header(struct rameti_sql *db, struct ramet_buf *line,
				struct ramet_error *err);
/* Call fn for each entry behind seq `after`, in order; 0, or what fn returned. */
int rameti_pirust_sqlite_rows(struct rameti_sql *db, int64_t after,
			      int (*fn)(void *user, int64_t seq, struct ramet_bytes json,
					struct ramet_error *err),
			      void *user, struct ramet_error *err);
/* Is the last row that was loaded still there? ECONFLICT. */
int rameti_pirust_sqlite_same(struct rameti_pirust_sqlite *h, struct rameti_sql *db,
			      struct ramet_error *err);
/* Remember the last row. */
int rameti_pirust_sqlite_note(struct rameti_pirust_sqlite *h, int64_t seq, struct ramet_bytes json,
			      struct ramet_error *err);

#endif

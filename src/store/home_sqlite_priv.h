/*
 * store/home_sqlite_priv.h - a handle on a database of sessions, for the files that write and read
 * it.
 */
#ifndef RAMETI_STORE_HOME_SQLITE_PRIV_H
#define RAMETI_STORE_HOME_SQLITE_PRIV_H

#include "base/sql.h"
#include "codec/pi_list.h"
#include "store/home_sqlite.h"

#define RAMETI_SQLITE_APPLICATION 0x72616d74     /* "ramt" */
#define RAMETI_SQLITE_VERSION 1

struct rameti_sqlite {
	char *path;
	int level, dead;
	uint32_t lock_ms;
	struct rameti_pi_list list;              /* what lists say, from lines */
	struct ramet_buf text;
	/* to write with; NULL before the first change */
	struct rameti_sql *db;
	struct rameti_stmt *get_state, *put_state, *put_first, *add_line;
};

/* Open the connection that writes, if it is not; create: make the file and its tables. EUNKNOWN
 * when the handle is dead. */
int rameti_sqlite_start(struct rameti_sqlite *h, int create, struct ramet_error *err);

typedef int rameti_sqlite_fn(void *user, struct rameti_sql *db, struct ramet_error *err);
/* Call fn in a transaction that reads: through the connection that writes if it is open. fn may be
 * called again, as rameti_sql_read says. */
int rameti_sqlite_read(struct rameti_sqlite *h, rameti_sqlite_fn *fn, void *user,
		       struct ramet_error *err);
/* Is this database ours? 1 yes, 0 it is empty; EFORMAT, EVERSION. */
int rameti_sqlite_is_ours(struct rameti_sql *db, struct ramet_error *err);
/* Of a line as it is stored. */
int64_t rameti_sqlite_sum(struct ramet_bytes line);

#endif

/*
 * base/sql_none.c - takes the place of sql.c in a build without SQLite: nothing can be opened.
 */
#include "base/sql.h"

#include "base/error.h"

int rameti_sql_open(struct rameti_sql **out, const char *path, unsigned flags, uint32_t wait_ms,
		    struct ramet_error *err)
{
	(void)out;
	(void)flags;
	(void)wait_ms;
	return rameti_fail_at(err, RAMET_EIO, path, 0, RAMET_NO_OFFSET,
			      "databases need SQLite, which this build is without");
}

void rameti_sql_close(struct rameti_sql *db)
{
	(void)db;
}

/* Nothing below is ever reached: there is no connection to call it with. */

const char *rameti_sql_path(const struct rameti_sql *db)
{
	(void)db;
	return "";
}

int rameti_sql_exec(struct rameti_sql *db, const char *text, struct ramet_error *err)
{
	(void)db;
	(void)text;
	return rameti_fail(err, RAMET_EIO, "no SQLite");
}

int rameti_sql_number(struct rameti_sql *db, const char *text, int64_t *n,
		      struct ramet_error *err)
{
	(void)n;
	return rameti_sql_exec(db, text, err);
}

int rameti_sql_use_wal(struct rameti_sql *db, struct ramet_error *err)
{
	return rameti_sql_exec(db, "", err);
}

int rameti_sql_begin(struct rameti_sql *db, struct ramet_error *err)
{
	return rameti_sql_exec(db, "", err);
}

int rameti_sql_commit(struct rameti_sql *db, struct ramet_error *err)
{
	return rameti_sql_exec(db, "", err);
}

void rameti_sql_rollback(struct rameti_sql *db)
{
	(void)db;
}

int rameti_sql_sync(struct rameti_sql *db, struct ramet_error *err)
{
	return rameti_sql_exec(db, "", err);
}

int64_t rameti_sql_changes(struct rameti_sql *db)
{
	(void)db;
	return 0;
}

int rameti_sql_prepare(struct rameti_stmt **out, struct rameti_sql *db, const char *text,
		       struct ramet_error *err)
{
	(void)out;
	return rameti_sql_exec(db, text, err);
}

void rameti_stmt_free(struct rameti_stmt *st)
{
	(void)st;
}

void rameti_stmt_bind_int(struct rameti_stmt *st, int at, int64_t n)
{
	(void)st;
	(void)at;
	(void)n;
}

void rameti_stmt_bind_number(struct rameti_stmt *st, int at, double x)
{
	rameti_stmt_bind_int(st, at, (int64_t)x);
}

void rameti_stmt_bind_text(struct rameti_stmt *st, int at, struct ramet_bytes text)
{
	(void)st;
	(void)at;
	(void)text;
}

void rameti_stmt_bind_blob(struct rameti_stmt *st, int at, struct ramet_bytes bytes)
{
	rameti_stmt_bind_text(st, at, bytes);
}

int rameti_stmt_step(struct rameti_stmt *st, struct ramet_error *err)
{
	(void)st;
	return rameti_fail(err, RAMET_EIO, "no SQLite");
}

int rameti_stmt_run(struct rameti_stmt *st, struct ramet_error *err)
{
	return rameti_stmt_step(st, err);
}

void rameti_stmt_reset(struct rameti_stmt *st)
{
	(void)st;
}

int64_t rameti_stmt_int(struct rameti_stmt *st, int at)
{
	(void)st;
	return at;
}

double rameti_stmt_number(struct rameti_stmt *st, int at)
{
	(void)st;
	return at;
}

int rameti_stmt_is_null(struct rameti_stmt *st, int at)
{
	(void)st;
	return !at;
}

struct ramet_bytes rameti_stmt_bytes(struct rameti_stmt *st, int at)
{
	(void)st;
	(void)at;
	return ramet_bytes_of("");
}

/*
 * base/sql.h - the one door to SQLite 3, which is opened at the first use.
 *
 * A connection and its statements belong to one thread at a time and must not cross fork(2). No
 * other code may open a database file: closing any descriptor of it would take away the locks of
 * every connection that this process has on it.
 *
 * Errors: ECONFLICT when another program keeps the file locked for longer than the caller waits,
 * EFORMAT for what is no database, is damaged or lacks what a statement names, ENOTFOUND, EIO
 * (read-only, full, failing media; also without SQLite), ENOMEM, ELIMIT (a value or the file too
 * large), EUNKNOWN when making a commit durable failed.
 */
#ifndef RAMETI_BASE_SQL_H
#define RAMETI_BASE_SQL_H

#include "base/env.h"

struct rameti_sql;
struct rameti_stmt;

enum rameti_sql_flags {
	RAMETI_SQL_READ = 0,
	RAMETI_SQL_WRITE = 1,
	RAMETI_SQL_CREATE = 2, /* WRITE, and a file that is missing is made, mode 0600 */
	RAMETI_SQL_STILL = 4 /* READ, and nobody changes it meanwhile: no lock, no file beside it */
};

/* Nothing of the file is read yet but whether it is one: a directory or device is EFORMAT. Links
 * are followed first, so that the files beside it stand beside the file. wait_ms: how long to wait
 * for others at each lock. Triggers, views, extensions and attached databases are off. */
int rameti_sql_open(struct rameti_sql **out, const char *path, unsigned flags, uint32_t wait_ms,
		    struct ramet_error *err);
void rameti_sql_close(struct rameti_sql *db);        /* after its statements; NULL is fine */
const char *rameti_sql_path(const struct rameti_sql *db);
/* Statements without parameters; rows are thrown away. */
int rameti_sql_exec(struct rameti_sql *db, const char *text, struct ramet_error *err);
/* The first column of the first row, 0 without one. */
int rameti_sql_number(struct rameti_sql *db, const char *text, int64_t *n,
		      struct ramet_error *err);
/* WAL mode from here on, if nobody else has the database open; else it stays as it is. */
int rameti_sql_use_wal(struct rameti_sql *db, struct ramet_error *err);
/* BEGIN IMMEDIATE, ECONFLICT if the file has lost its name; COMMIT, or on failure ROLLBACK;
 * ROLLBACK, which is fine without a BEGIN. */
int rameti_sql_begin(struct rameti_sql *db, struct ramet_error *err);
int rameti_sql_commit(struct rameti_sql *db, struct ramet_error *err);
void rameti_sql_rollback(struct rameti_sql *db);
/* What was committed without a sync survives a power cut. EUNKNOWN. */
int rameti_sql_sync(struct rameti_sql *db, struct ramet_error *err);

int rameti_sql_prepare(struct rameti_stmt **out, struct rameti_sql *db, const char *text,
		       struct ramet_error *err);
void rameti_stmt_free(struct rameti_stmt *st);
/* Parameters from 1; bytes are borrowed until the next reset; ptr NULL binds NULL. A failure is
 * told by step. */
void rameti_stmt_bind_int(struct rameti_stmt *st, int at, int64_t n);
void rameti_stmt_bind_number(struct rameti_stmt *st, int at, double x);
void rameti_stmt_bind_text(struct rameti_stmt *st, int at, struct ramet_bytes text);
void rameti_stmt_bind_blob(struct rameti_stmt *st, int at, struct ramet_bytes bytes);
/* 1 a row, 0 the end (the statement is reset), or negative (too). */
int rameti_stmt_step(struct rameti_stmt *st, struct ramet_error *err);
/* One step that yields no row. */
int rameti_stmt_run(struct rameti_stmt *st, struct ramet_error *err);
void rameti_stmt_reset(struct rameti_stmt *st);
/* Columns from 0 of the present row, borrowed until the next step. */
int64_t rameti_stmt_int(struct rameti_stmt *st, int at);
double rameti_stmt_number(struct rameti_stmt *st, int at);
struct ramet_bytes rameti_stmt_bytes(struct rameti_stmt *st, int at);       /* NULL: ptr NULL */
int rameti_stmt_is_null(struct rameti_stmt *st, int at);
int64_t rameti_sql_changes(struct rameti_sql *db);   /* rows the last statement changed */

/* Call fn on a connection that reads, in one transaction. A database that nobody is writing to is
 * read without leaving any file beside it and without touching a lock; should it have changed
 * meanwhile, fn is called once more, and what it made the first time must not count. */
int rameti_sql_read(const char *path, uint32_t wait_ms,
		    int (*fn)(void *user, struct rameti_sql *db, struct ramet_error *err),
		    void *user, struct ramet_error *err);

#endif

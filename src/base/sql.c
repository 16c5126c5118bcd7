/*
 * base/sql.c - connections and statements of SQLite 3, which is opened at the first use.
 *
 * Linking SQLite into the command would make it start later, whatever it is asked to do. Paths are
 * always handed over as URIs, so that no name means anything but a file. A database may come from
 * anywhere: what its schema could run (triggers, views, functions with effects) is off. A file
 * that can only be read is refused for writing at once, where SQLite would go on until the first
 * change. Nothing of the library's own state is changed: the program around us may use it too.
 */
#include "base/sql.h"

#include <dlfcn.h>
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"

#define LIBRARY "libsqlite3.so.0"
#define FILE_MODE 0600

/* What is called in SQLite. */
#define CALLS(X)                                                                                   \
	X(sqlite3_open_v2)                                                                         \
	X(sqlite3_close_v2)                                                                        \
	X(sqlite3_db_config)                                                                       \
	X(sqlite3_limit)                                                                           \
	X(sqlite3_db_readonly)                                                                     \
	X(sqlite3_busy_timeout)                                                                    \
	X(sqlite3_extended_result_codes)                                                           \
	X(sqlite3_extended_errcode)                                                                \
	X(sqlite3_system_errno)                                                                    \
	X(sqlite3_errmsg)                                                                          \
	X(sqlite3_get_autocommit)                                                                  \
	X(sqlite3_file_control)                                                                    \
	X(sqlite3_changes)                                                                         \
	X(sqlite3_exec)                                                                            \
	X(sqlite3_prepare_v2)                                                                      \
	X(sqlite3_finalize)                                                                        \
	X(sqlite3_reset)                                                                           \
	X(sqlite3_step)                                                                            \
	X(sqlite3_bind_int64)                                                                      \
	X(sqlite3_bind_double)                                                                     \
	X(sqlite3_bind_text64)                                                                     \
	X(sqlite3_bind_blob64)                                                                     \
	X(sqlite3_bind_null)                                                                       \
	X(sqlite3_column_type)                                                                     \
	X(sqlite3_column_int64)                                                                    \
	X(sqlite3_column_double)                                                                   \
	X(sqlite3_column_text)                                                                     \
	X(sqlite3_column_blob)                                                                     \
	X(sqlite3_column_bytes)

struct rameti_sql {
	void *library;
	sqlite3 *db;
	char *path;
	uint32_t wait_ms;
#define POINTER(name) __typeof__(name) *name;
	CALLS(POINTER)
#undef POINTER
};

struct rameti_stmt {
	struct rameti_sql *sql;
	sqlite3_stmt *st;
	int failed;                              /* of a binding; told by the next step */
};

static int find_calls(struct rameti_sql *s)
{
	void *p;

	s->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!s->library)
		return 0;
#define FIND(name)                                                                                 \
	p = dlsym(s->library, #name);                                                              \
	if (!p)                                                                                    \
		return 0;                                                                          \
	memcpy(&s->name, &p, sizeof(p));
	CALLS(FIND)
#undef FIND
	return 1;
}

/* ---- errors ---- */

static int fail_input(const struct rameti_sql *s, int rc, struct ramet_error *err)
{
	const char *why = s->sqlite3_errmsg(s->db);

	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return rameti_fail_at(err, RAMET_EFORMAT, s->path, 0, RAMET_NO_OFFSET,
				      "is not a database");
	case SQLITE_CORRUPT:
		return rameti_fail_at(err, RAMET_EFORMAT, s->path, 0, RAMET_NO_OFFSET,
				      "the database is damaged: %s", why);
	case SQLITE_TOOBIG:
		return rameti_fail_at(err, RAMET_ELIMIT, s->path, 0, RAMET_NO_OFFSET, "%s", why);
	case SQLITE_CONSTRAINT:
		return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET, "%s",
				      why);
	default:
		return rameti_fail_at(err, RAMET_EFORMAT, s->path, 0, RAMET_NO_OFFSET,
				      "not the database it should be: %s", why);
	}
}

static int fail_read_only(const struct rameti_sql *s, int rc, struct ramet_error *err)
{
	const char *text = "the database is read-only";
	int code = RAMET_EIO;

	if (rc == SQLITE_READONLY_DBMOVED) {
		code = RAMET_ECONFLICT;
		text = "another program removed or replaced the database";
	} else if (rc != SQLITE_READONLY && rc != SQLITE_READONLY_DIRECTORY) {
		text = "another program left a change unfinished, which a writer must put right";
	}
	(void)rameti_fail_at(err, code, s->path, 0, RAMET_NO_OFFSET, "%s", text);
	if (err)
		err->sys = code == RAMET_EIO ? EROFS : 0;
	return code;
}

/* The file is there, and one that has to be beside it cannot be made. */
static int fail_beside(const struct rameti_sql *s, struct ramet_error *err)
{
	(void)rameti_fail_at(err, RAMET_EIO, s->path, 0, RAMET_NO_OFFSET,
			     "its -wal file cannot be read where nothing can be written");
	if (err)
		err->sys = EROFS;
	return RAMET_EIO;
}

/* rc: what SQLite answered, extended. */
static int fail(const struct rameti_sql *s, int rc, struct ramet_error *err)
{
	int sys = s->sqlite3_system_errno(s->db);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return rameti_fail_nomem(err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
				      "the database is locked by another program");
	case SQLITE_READONLY:
		return fail_read_only(s, rc, err);
	case SQLITE_FULL:
		return rameti_fail_sys(err, sys ? sys : ENOSPC, s->path, "cannot write");
	case SQLITE_CANTOPEN:
		if (sys == ENOENT)
			return fail_beside(s, err);
		return rameti_fail_sys(err, sys ? sys : EACCES, s->path, "cannot open");
	case SQLITE_INTERRUPT:
		return rameti_fail(err, RAMET_ECANCELED, "canceled");
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return rameti_fail_nomem(err);
		return rameti_fail_sys(err, sys && sys != ENOENT ? sys : EIO, s->path,
				       "cannot use the database");
	default:
		return fail_input(s, rc, err);
	}
}

static int fail_unknown(const struct rameti_sql *s, struct ramet_error *err)
{
	int sys = s->sqlite3_system_errno(s->db);

	(void)rameti_fail_sys(err, sys ? sys : EIO, s->path,
			      "cannot sync, so whether it is stored is unknown");
	if (err)
		err->code = RAMET_EUNKNOWN;
	return RAMET_EUNKNOWN;
}

static int fail_now(const struct rameti_sql *s, struct ramet_error *err)
{
	return fail(s, s->sqlite3_extended_errcode(s->db), err);
}

/* ---- opening ---- */

static int make_file(const char *path, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int r = rameti_newfile_open(&n, path, FILE_MODE, err);

	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	return r == RAMET_ECONFLICT ? 0 : r;             /* another program was faster */
}

/* Is there a file, or can there be one? */
static int look(const char *path, unsigned flags, struct ramet_error *err)
{
	struct stat st;
	int r = rameti_path_stat(NULL, path, &st, err);

	if (r == RAMET_ENOTFOUND && (flags & RAMETI_SQL_CREATE))
		return make_file(path, err);
	if (r < 0)
		return r;
	return S_ISREG(st.st_mode) ? 0 :
				     rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
						    S_ISDIR(st.st_mode) ? "is a directory" :
									  "is not a regular file");
}

static int is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("/._-", c));
}

static void add_uri(const char *path, unsigned flags, struct ramet_buf *uri)
{
	ramet_buf_add_str(uri, *path == '/' ? "file://" : "file:./");
	for (; *path; path++) {
		if (is_plain(*path))
			ramet_buf_add_char(uri, *path);
		else
			ramet_buf_addf(uri, "%%%02X", (unsigned)(unsigned char)*path);
	}
	if (flags & RAMETI_SQL_STILL)
		ramet_buf_add_str(uri, "?immutable=1");
}

static void make_safe(struct rameti_sql *s, uint32_t wait_ms)
{
	int was;

	s->sqlite3_extended_result_codes(s->db, 1);
	s->sqlite3_busy_timeout(s->db, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
	s->sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &was);
	s->sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &was);
	s->sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, &was);
	s->sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &was);
	s->sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
}

static int connect_to(struct rameti_sql *s, const char *path, unsigned flags, uint32_t wait_ms,
		      struct ramet_error *err)
{
	int writing = (flags & (RAMETI_SQL_WRITE | RAMETI_SQL_CREATE)) != 0;
	struct ramet_buf uri = RAMET_BUF_INIT(SIZE_MAX / 2);
	int rc, r = 0;

	add_uri(path, flags, &uri);
	if (ramet_buf_status(&uri) < 0) {
		ramet_buf_release(&uri);
		return rameti_fail_nomem(err);
	}
	rc = s->sqlite3_open_v2(uri.ptr, &s->db,
				SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
				(writing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY), NULL);
	ramet_buf_release(&uri);
	if (!s->db)
		return rameti_fail_nomem(err);
	if (rc != SQLITE_OK)
		return fail(s, rc, err);
	s->wait_ms = wait_ms;
	make_safe(s, wait_ms);
	if (writing && s->sqlite3_db_readonly(s->db, "main"))
		r = fail(s, SQLITE_READONLY, err);
	return r;
}

int rameti_sql_open(struct rameti_sql **out, const char *path, unsigned flags, uint32_t wait_ms,
		    struct ramet_error *err)
{
	struct ramet_buf real = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_sql *s = ramet_calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rameti_fail_nomem(err);
	r = rameti_path_follow(NULL, path, &real, err);
	if (!r)
		r = look(real.ptr, flags, err);
	if (!r && !find_calls(s))
		r = rameti_fail(err, RAMET_EIO, "databases need %s, which is not here", LIBRARY);
	if (!r) {
		s->path = ramet_buf_detach(&real, NULL);
		r = connect_to(s, s->path, flags, wait_ms, err);
	}
	ramet_buf_release(&real);
	if (r < 0)
		rameti_sql_close(s);
	else
		*out = s;
	return r;
}

void rameti_sql_close(struct rameti_sql *s)
{
	if (!s)
		return;
	if (s->db)
		(void)s->sqlite3_close_v2(s->db);    /* what was acknowledged is stored by now */
	if (s->library)
		(void)dlclose(s->library);           /* stays loaded, as its own state wants it */
	ramet_free(s->path);
	ramet_free(s);
}

const char *rameti_sql_path(const struct rameti_sql *s)
{
	return s->path;
}

/* ---- whole statements ---- */

int rameti_sql_exec(struct rameti_sql *s, const char *text, struct ramet_error *err)
{
	int rc = s->sqlite3_exec(s->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail_now(s, err);
}

int rameti_sql_number(struct rameti_sql *s, const char *text, int64_t *n,
		      struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, s, text, err);

	if (r < 0)
		return r;
	r = rameti_stmt_step(st, err);
	if (r >= 0)
		*n = r ? rameti_stmt_int(st, 0) : 0;
	rameti_stmt_free(st);
	return r < 0 ? r : 0;
}

int rameti_sql_use_wal(struct rameti_sql *s, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int is_wal, r = rameti_sql_prepare(&st, s, "PRAGMA journal_mode", err);

	if (r < 0)
		return r;
	r = rameti_stmt_step(st, err);
	is_wal = r > 0 && ramet_bytes_is(rameti_stmt_bytes(st, 0), "wal");
	rameti_stmt_free(st);
	if (r < 0 || is_wal)
		return r < 0 ? r : 0;
	r = rameti_sql_exec(s, "PRAGMA journal_mode=WAL", err);
	return r == RAMET_ECONFLICT ? 0 : r;             /* the next to open it will do it */
}

static int64_t ticks(void)
{
	const struct rameti_env *env = rameti_env_default();
	struct timespec ts;

	if (env->clock_gettime(env->user, CLOCK_MONOTONIC, &ts) < 0)
		return INT64_MAX;                        /* no clock, no waiting */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* SQLite does not wait for some of its locks: then it is asked again. */
static int begin_in_time(struct rameti_sql *s, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct timespec pause = { 0, 2000000L };
	int64_t now = ticks();
	int64_t until = now == INT64_MAX ? now : now + s->wait_ms;
	int r;

	while ((r = rameti_sql_exec(s, "BEGIN IMMEDIATE", err)) == RAMET_ECONFLICT &&
	       ticks() < until)
		(void)env->nanosleep(env->user, &pause);
	return r;
}

int rameti_sql_begin(struct rameti_sql *s, struct ramet_error *err)
{
	int moved = 0, r = begin_in_time(s, err);

	if (r < 0)
		return r;
	(void)s->sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (!moved)
		return 0;
	rameti_sql_rollback(s);
	return fail(s, SQLITE_READONLY_DBMOVED, err);
}

int rameti_sql_commit(struct rameti_sql *s, struct ramet_error *err)
{
	int rc = s->sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	int r;

	if (rc == SQLITE_OK)
		return 0;
	rc = s->sqlite3_extended_errcode(s->db);
	r = rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC ? fail_unknown(s, err) :
								       fail(s, rc, err);
	rameti_sql_rollback(s);
	return r;
}

void rameti_sql_rollback(struct rameti_sql *s)
{
	if (!s->sqlite3_get_autocommit(s->db))
		(void)s->sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);  /* or closing does */
}

int rameti_sql_sync(struct rameti_sql *s, struct ramet_error *err)
{
	sqlite3_file *log = NULL;
	int rc = s->sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (rc == SQLITE_OK && log && log->pMethods)
		rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	return rc == SQLITE_OK ? 0 : fail_unknown(s, err);
}

int64_t rameti_sql_changes(struct rameti_sql *s)
{
	return s->sqlite3_changes(s->db);
}

/* ---- statements ---- */

int rameti_sql_prepare(struct rameti_stmt **out, struct rameti_sql *s, const char *text,
		       struct ramet_error *err)
{
	struct rameti_stmt *st = ramet_calloc(1, sizeof(*st));
	int r;

	if (!st)
		return rameti_fail_nomem(err);
	st->sql = s;
	if (s->sqlite3_prepare_v2(s->db, text, -1, &st->st, NULL) != SQLITE_OK) {
		r = fail_now(s, err);
		ramet_free(st);
		return r;
	}
	*out = st;
	return 0;
}

void rameti_stmt_free(struct rameti_stmt *st)
{
	if (!st)
		return;
	(void)st->sql->sqlite3_finalize(st->st);             /* says again what step said */
	ramet_free(st);
}

static void note(struct rameti_stmt *st, int rc)
{
	if (rc != SQLITE_OK && !st->failed)
		st->failed = rc;
}

void rameti_stmt_bind_int(struct rameti_stmt *st, int at, int64_t n)
{
	note(st, st->sql->sqlite3_bind_int64(st->st, at, n));
}

void rameti_stmt_bind_number(struct rameti_stmt *st, int at, double x)
{
	note(st, st->sql->sqlite3_bind_double(st->st, at, x));
}

void rameti_stmt_bind_text(struct rameti_stmt *st, int at, struct ramet_bytes text)
{
	note(st, text.ptr ? st->sql->sqlite3_bind_text64(st->st, at, text.ptr, text.len,
							 SQLITE_STATIC, SQLITE_UTF8) :
			    st->sql->sqlite3_bind_null(st->st, at));
}

void rameti_stmt_bind_blob(struct rameti_stmt *st, int at, struct ramet_bytes bytes)
{
	note(st, bytes.ptr ? st->sql->sqlite3_bind_blob64(st->st, at, bytes.ptr, bytes.len,
							  SQLITE_STATIC) :
			     st->sql->sqlite3_bind_null(st->st, at));
}

int rameti_stmt_step(struct rameti_stmt *st, struct ramet_error *err)
{
	int rc = st->failed ? st->failed : st->sql->sqlite3_step(st->st);
	int r;

	if (rc == SQLITE_ROW)
		return 1;
	r = rc == SQLITE_DONE ? 0 : fail(st->sql, rc, err);
	rameti_stmt_reset(st);
	return r;
}

int rameti_stmt_run(struct rameti_stmt *st, struct ramet_error *err)
{
	int r = rameti_stmt_step(st, err);

	if (r > 0)
		rameti_stmt_reset(st);
	return r < 0 ? r : 0;
}

void rameti_stmt_reset(struct rameti_stmt *st)
{
	(void)st->sql->sqlite3_reset(st->st);                /* says again what step said */
	st->failed = 0;
}

int64_t rameti_stmt_int(struct rameti_stmt *st, int at)
{
	return st->sql->sqlite3_column_int64(st->st, at);
}

double rameti_stmt_number(struct rameti_stmt *st, int at)
{
	return st->sql->sqlite3_column_double(st->st, at);
}

int rameti_stmt_is_null(struct rameti_stmt *st, int at)
{
	return st->sql->sqlite3_column_type(st->st, at) == SQLITE_NULL;
}

struct ramet_bytes rameti_stmt_bytes(struct rameti_stmt *st, int at)
{
	int kind = st->sql->sqlite3_column_type(st->st, at);
	struct ramet_bytes b = { NULL, 0 };

	if (kind == SQLITE_NULL)
		return b;
	b.ptr = kind == SQLITE_BLOB ? st->sql->sqlite3_column_blob(st->st, at) :
				      (const char *)st->sql->sqlite3_column_text(st->st, at);
	b.len = (size_t)st->sql->sqlite3_column_bytes(st->st, at);
	if (!b.ptr)
		b = ramet_bytes_of("");              /* bytes of length 0 have no place */
	return b;
}

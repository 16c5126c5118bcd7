/*
 * store/pirust_index.c - the session index of pi_agent_rust: its database, and rows one at a time.
 *
 * The index is a cache of what the sessions say. A database at its place that is another's is not
 * touched. Rows are written as the original writes them: absolute paths, times in milliseconds.
 */
#include "store/pirust_index_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/lines.h"
#include "store/home_pirust_sqlite_priv.h"

#define WAIT_MS 5000u
#define NOTE_WAIT_MS 500u
#define PATH_LEN_MAX ((size_t)1 << 20)

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS sessions(path TEXT PRIMARY KEY, id TEXT NOT NULL, "
	"cwd TEXT NOT NULL, timestamp TEXT NOT NULL, message_count INTEGER NOT NULL, "
	"last_modified_ms INTEGER NOT NULL, size_bytes INTEGER NOT NULL, name TEXT);"
	"CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);";

/* ---- places ---- */

int rameti_pindex_place_init(struct rameti_pindex_place *p, const char *root,
			     struct ramet_error *err)
{
	int r = 0;

	ramet_buf_init(&p->root, PATH_LEN_MAX);
	ramet_buf_init(&p->db, PATH_LEN_MAX);
	ramet_buf_init(&p->lock, PATH_LEN_MAX);
	if (root)
		ramet_buf_add_str(&p->root, root);
	else
		r = ramet_pirust_sessions_root(&p->root, err);
	if (!r && ramet_buf_status(&p->root) < 0)
		r = rameti_fail_nomem(err);
	if (r < 0)
		return r;
	ramet_buf_addf(&p->db, "%s/session-index.sqlite", p->root.ptr);
	ramet_buf_addf(&p->lock, "%s/session-index.lock", p->root.ptr);
	return ramet_buf_status(&p->db) < 0 || ramet_buf_status(&p->lock) < 0 ?
		       rameti_fail_nomem(err) : 0;
}

void rameti_pindex_place_release(struct rameti_pindex_place *p)
{
	ramet_buf_release(&p->root);
	ramet_buf_release(&p->db);
	ramet_buf_release(&p->lock);
}

/* A path as rows have it: from the root on. */
static int whole_path(const char *path, struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	char cwd[4096];
	int r;

	if (*path != '/' && !env->getcwd(env->user, cwd, sizeof(cwd)))
		return rameti_fail(err, RAMET_EIO, "no working directory");
	r = rameti_path_normalize(ramet_bytes_of(path), *path == '/' ? "/" : cwd, NULL, out, err);
	return !r && ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : r;
}

static int ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && !strcmp(name + len - n, end);
}

int rameti_pindex_is_session_name(const char *name)
{
	return (ends_in(name, ".jsonl") || ends_in(name, ".sqlite")) &&
	       strncmp(name, "session-index.", sizeof("session-index.") - 1) != 0;
}

/* ---- what a session says ---- */

int rameti_pindex_measure(const char *session, struct rameti_pindex_row *row,
			  struct ramet_error *err)
{
	static const char *const behind[] = { "", "-wal", "-shm" };
	size_t i, n = ends_in(session, ".sqlite") ? sizeof(behind) / sizeof(behind[0]) : 1;
	struct ramet_buf name = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	int64_t ms;
	int r = 0;

	row->mtime_ms = 0;
	row->size = 0;
	for (i = 0; !r && i < n; i++) {
		ramet_buf_reset(&name);
		ramet_buf_addf(&name, "%s%s", session, behind[i]);
		r = ramet_buf_status(&name) < 0 ? rameti_fail_nomem(err) :
						  rameti_path_stat(NULL, name.ptr, &st, err);
		if (r) {
			r = r == RAMET_ENOTFOUND && i ? 0 : r;
			continue;
		}
		ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		row->mtime_ms = !i || ms > row->mtime_ms ? ms : row->mtime_ms;
		row->size += (uint64_t)st.st_size;
	}
	ramet_buf_release(&name);
	return r;
}

static int read_lines(const struct rameti_file *f, struct rameti_pirust_facts *facts,
		      struct ramet_error *err)
{
	struct rameti_lines_item item;
	struct rameti_lines lines;
	struct stat st;
	int first = 1, r = rameti_file_stat(f, &st, err);

	if (!r)
		r = rameti_lines_open(&lines, f, 0, (uint64_t)st.st_size, RAMETI_PIRUST_LINE_MAX,
				      err);
	if (r < 0)
		return r;
	while ((r = rameti_lines_next(&lines, &item, err)) > 0) {
		r = first ? rameti_pirust_facts_header(facts, item.text, err) :
			    rameti_pirust_facts_line(facts, item.text, err);
		if (r < 0 || !facts->has_header)
			break;
		first = 0;
	}
	rameti_lines_close(&lines);
	return r < 0 ? r : 0;
}

static int take_row(void *user, int64_t seq, struct ramet_bytes json, struct ramet_error *err)
{
	(void)seq;
	return rameti_pirust_facts_line(user, json, err);
}

static int read_database(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct ramet_buf header = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_pirust_facts *facts = user;
	int r = rameti_pirust_sqlite_is_one(db, err);

	rameti_pirust_facts_begin(facts);
	if (!r)
		r = rameti_pirust_sqlite_header(db, &header, err);
	if (!r)
		r = rameti_pirust_facts_header(facts, ramet_buf_bytes(&header), err);
	ramet_buf_release(&header);
	return r < 0 ? r : rameti_pirust_sqlite_rows(db, 0, take_row, facts, err);
}

int rameti_pindex_read(const char *session, struct rameti_pindex_row *row, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	int r = rameti_pindex_measure(session, row, err);

	rameti_pirust_facts_begin(&row->facts);
	if (r < 0)
		return r;
	if (ends_in(session, ".sqlite")) {
		r = rameti_sql_read(session, WAIT_MS, read_database, &row->facts, err);
	} else {
		r = rameti_file_open(&f, session, RAMETI_FILE_READ, err);
		if (!r)
			r = read_lines(&f, &row->facts, err);
		(void)rameti_file_close(&f);                 /* read only: nothing to lose */
	}
	if (!r && !row->facts.has_header)
		r = rameti_fail_at(err, RAMET_EFORMAT, session, 0, RAMET_NO_OFFSET,
				   "not a session");
	return r;
}

/* ---- the database ---- */

static const char columns_text[] =
	"SELECT count(*) FROM pragma_table_info('sessions') WHERE name IN ('path','id','cwd',"
	"'timestamp','message_count','last_modified_ms','size_bytes','name')";

int rameti_pindex_is_one(struct rameti_sql *db, struct ramet_error *err)
{
	int64_t all = 0, ours = 0;
	int r = rameti_sql_number(db, "SELECT count(*) FROM sqlite_master", &all, err);

	if (!r)
		r = rameti_sql_number(db, columns_text, &ours, err);
	if (r < 0)
		return r;
	if (all && ours != 8)
		return rameti_fail_at(err, RAMET_EFORMAT, rameti_sql_path(db), 0, RAMET_NO_OFFSET,
				      "is a database, but not a session index");
	return ours == 8;
}

static int check(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	int r = rameti_pindex_is_one(db, err);

	(void)user;
	return r < 0 ? r : 0;
}

static int open_locked(struct rameti_sql **db, const struct rameti_pindex_place *p,
		       uint32_t wait_ms, struct ramet_error *err)
{
	int r = rameti_sql_read(p->db.ptr, wait_ms, check, NULL, err);

	if (r < 0 && r != RAMET_ENOTFOUND)
		return r;
	r = rameti_sql_open(db, p->db.ptr, RAMETI_SQL_CREATE, wait_ms, err);
	if (r < 0)
		return r;
	r = rameti_sql_use_wal(*db, err);
	if (!r)
		r = rameti_sql_exec(*db, "PRAGMA synchronous=NORMAL; "
					 "PRAGMA wal_autocheckpoint=1000; PRAGMA foreign_keys=ON",
				    err);
	if (!r)
		r = rameti_sql_begin(*db, err);
	if (!r)
		r = rameti_sql_exec(*db, schema, err);
	if (r < 0)
		rameti_sql_close(*db);
	return r;
}

int rameti_pindex_begin(struct rameti_sql **db, const struct rameti_pindex_place *p,
			struct rameti_pindex_lock *lock, uint32_t wait_ms, struct ramet_error *err)
{
	int r = rameti_pindex_lock(lock, p->lock.ptr, wait_ms, err);

	if (r < 0)
		return r;
	r = open_locked(db, p, wait_ms, err);
	if (r < 0)
		rameti_pindex_unlock(lock);
	return r;
}

static int put_time(struct rameti_sql *db, struct ramet_error *err)
{
	struct rameti_stmt *st;
	char now[24];
	int r = rameti_sql_prepare(&st, db, "INSERT OR REPLACE INTO meta(key, value) "
					    "VALUES('last_sync_epoch_ms', ?1)", err);

	if (r < 0)
		return r;
	(void)snprintf(now, sizeof(now), "%" PRId64, rameti_now_ms(NULL));
	rameti_stmt_bind_text(st, 1, ramet_bytes_of(now));
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

int rameti_pindex_end(struct rameti_sql *db, struct rameti_pindex_lock *lock, int r,
		      struct ramet_error *err)
{
	if (!r)
		r = put_time(db, err);
	if (r < 0)
		rameti_sql_rollback(db);
	else
		r = rameti_sql_commit(db, err);
	rameti_sql_close(db);
	rameti_pindex_unlock(lock);
	return r;
}

static struct ramet_bytes text(const struct ramet_buf *b)
{
	return b->len ? ramet_buf_bytes(b) : ramet_bytes_of("");
}

int rameti_pindex_put(struct rameti_sql *db, const char *path, const struct rameti_pindex_row *row,
		      struct ramet_error *err)
{
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "INSERT OR REPLACE INTO sessions(path, id, cwd, "
					    "timestamp, message_count, last_modified_ms, "
					    "size_bytes, name) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
				   err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, ramet_bytes_of(path));
	rameti_stmt_bind_text(st, 2, text(&row->facts.id));
	rameti_stmt_bind_text(st, 3, text(&row->facts.cwd));
	rameti_stmt_bind_text(st, 4, text(&row->facts.timestamp));
	rameti_stmt_bind_int(st, 5, (int64_t)row->facts.n_messages);
	rameti_stmt_bind_int(st, 6, row->mtime_ms);
	rameti_stmt_bind_int(st, 7, (int64_t)row->size);
	rameti_stmt_bind_text(st, 8, row->facts.name.len ? ramet_buf_bytes(&row->facts.name) :
							   none);
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

int rameti_pindex_delete(struct rameti_sql *db, const char *path, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "DELETE FROM sessions WHERE path=?1", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, ramet_bytes_of(path));
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

/* ---- one session ---- */

/* Put (row given) or delete its row. */
static int change(const char *root, const char *session, const struct rameti_pindex_row *row,
		  uint32_t wait_ms, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_pindex_place p;
	struct rameti_pindex_lock lock;
	struct rameti_sql *db;
	int r = rameti_pindex_place_init(&p, root, err);

	if (!r)
		r = whole_path(session, &path, err);
	if (!r)
		r = rameti_pindex_begin(&db, &p, &lock, wait_ms, err);
	if (!r)
		r = rameti_pindex_end(db, &lock,
				      row ? rameti_pindex_put(db, path.ptr, row, err) :
					    rameti_pindex_delete(db, path.ptr, err), err);
	rameti_pindex_place_release(&p);
	ramet_buf_release(&path);
	return r;
}

int ramet_pirust_index_update(const char *root, const char *session, struct ramet_error *err)
{
	struct rameti_pindex_row row;
	int r = rameti_pirust_facts_init(&row.facts, err);

	if (!r)
		r = rameti_pindex_read(session, &row, err);
	if (!r)
		r = change(root, session, &row, WAIT_MS, err);
	rameti_pirust_facts_release(&row.facts);
	return r;
}

int ramet_pirust_index_remove(const char *root, const char *session, struct ramet_error *err)
{
	return change(root, session, NULL, WAIT_MS, err);
}

/* The directory two above a session, if an index is there; empty if not. */
static void find_root(const char *session, struct ramet_buf *root)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX), dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_pindex_place p;
	struct stat st;

	if (!whole_path(session, &path, NULL)) {
		rameti_path_dir(path.ptr, &dir);
		if (ramet_buf_status(&dir) == 0)
			rameti_path_dir(dir.ptr, root);
	}
	if (root->len && ramet_buf_status(root) == 0) {
		if (rameti_pindex_place_init(&p, root->ptr, NULL) < 0 ||
		    rameti_path_stat(NULL, p.db.ptr, &st, NULL) < 0)
			ramet_buf_reset(root);
		rameti_pindex_place_release(&p);
	}
	ramet_buf_release(&path);
	ramet_buf_release(&dir);
}

int rameti_pirust_index_there(const char *session)
{
	struct ramet_buf root = RAMET_BUF_INIT(PATH_LEN_MAX);
	int there;

	find_root(session, &root);
	there = root.len > 0;
	ramet_buf_release(&root);
	return there;
}

void rameti_pirust_index_note(const char *session, const struct rameti_pirust_facts *facts)
{
	struct ramet_buf root = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_pindex_row row;

	find_root(session, &root);
	if (root.len) {
		row.facts = *facts;                      /* lent */
		if (!rameti_pindex_measure(session, &row, NULL))
			(void)change(root.ptr, session, &row, NOTE_WAIT_MS, NULL);
	}
	ramet_buf_release(&root);
}

void rameti_pirust_index_renew(const char *session)
{
	struct ramet_buf root = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_pindex_row row;

	find_root(session, &root);
	if (root.len && !rameti_pirust_facts_init(&row.facts, NULL)) {
		if (!rameti_pindex_read(session, &row, NULL))
			(void)change(root.ptr, session, &row, NOTE_WAIT_MS, NULL);
		rameti_pirust_facts_release(&row.facts);
	}
	ramet_buf_release(&root);
}

void rameti_pirust_index_forget(const char *session)
{
	struct ramet_buf root = RAMET_BUF_INIT(PATH_LEN_MAX);

	find_root(session, &root);
	if (root.len)
		(void)change(root.ptr, session, NULL, NOTE_WAIT_MS, NULL);
	ramet_buf_release(&root);
}

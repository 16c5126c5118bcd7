/*
 * store/home_sqlite.c - a SQLite database with sessions: making it, knowing it, opening it.
 *
 * A database of another program is refused before anything is opened for writing. Until the first
 * change a handle has nothing open at all.
 */
#include "store/home_sqlite_priv.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

#define WAIT_MS 5000u
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* Small and often changed things stand apart from those that may be large. */
static const char schema[] =
	"CREATE TABLE sessions("
	"key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, cwd TEXT, "
	"parent_session TEXT, created_ms INTEGER, first_message TEXT, header BLOB NOT NULL);"
	"CREATE TABLE state("
	"session INTEGER PRIMARY KEY REFERENCES sessions(key), last_seq INTEGER NOT NULL, "
	"size INTEGER NOT NULL, message_count INTEGER NOT NULL, name TEXT, talk_ms REAL, "
	"modified_ms INTEGER, changed_ms INTEGER NOT NULL);"
	"CREATE TABLE entries("
	"session INTEGER NOT NULL REFERENCES sessions(key), seq INTEGER NOT NULL, "
	"crc32c INTEGER, line BLOB NOT NULL, PRIMARY KEY(session, seq)) WITHOUT ROWID;"
	"PRAGMA application_id=" TEXT(RAMETI_SQLITE_APPLICATION) ";"
	"PRAGMA user_version=" TEXT(RAMETI_SQLITE_VERSION) ";";

int64_t rameti_sqlite_sum(struct ramet_bytes line)
{
	return rameti_crc32c(0, line.ptr, line.len);
}

/* ---- the database ---- */

int rameti_sqlite_is_ours(struct rameti_sql *db, struct ramet_error *err)
{
	int64_t application = 0, version = 0, tables = 0;
	int r = rameti_sql_number(db, "PRAGMA application_id", &application, err);

	if (!r)
		r = rameti_sql_number(db, "PRAGMA user_version", &version, err);
	if (!r && !application)
		r = rameti_sql_number(db, "SELECT count(*) FROM sqlite_master", &tables, err);
	if (r < 0)
		return r;
	if (!application && !version && !tables)
		return 0;
	if (application != RAMETI_SQLITE_APPLICATION || version < 1)
		return rameti_fail_at(err, RAMET_EFORMAT, rameti_sql_path(db), 0, RAMET_NO_OFFSET,
				      "is a database, but not one with sessions of ramet");
	if (version > RAMETI_SQLITE_VERSION)
		return rameti_fail_at(err, RAMET_EVERSION, rameti_sql_path(db), 0, RAMET_NO_OFFSET,
				      "was made by a newer version of ramet");
	return 1;
}

static int check(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	int *ours = user;
	int r = rameti_sqlite_is_ours(db, err);

	*ours = r > 0;
	return r < 0 ? r : 0;
}

/* Whoever comes second finds the tables there. */
static int make_tables(struct rameti_sql *db, struct ramet_error *err)
{
	int r = rameti_sql_begin(db, err);

	if (r < 0)
		return r;
	r = rameti_sqlite_is_ours(db, err);
	if (!r)
		r = rameti_sql_exec(db, schema, err);
	if (r < 0) {
		rameti_sql_rollback(db);
		return r;
	}
	return rameti_sql_commit(db, err);
}

static void let_go(struct rameti_sqlite *h)
{
	rameti_stmt_free(h->get_state);
	rameti_stmt_free(h->put_state);
	rameti_stmt_free(h->put_first);
	rameti_stmt_free(h->add_line);
	h->get_state = h->put_state = h->put_first = h->add_line = NULL;
	rameti_sql_close(h->db);
	h->db = NULL;
}

static int prepare(struct rameti_sqlite *h, struct ramet_error *err)
{
	int r = rameti_sql_prepare(&h->get_state, h->db,
				   "SELECT last_seq, size, message_count, name, talk_ms, "
				   "modified_ms, (SELECT first_message IS NOT NULL FROM sessions "
				   "WHERE key=?1) FROM state WHERE session=?1", err);

	if (!r)
		r = rameti_sql_prepare(&h->put_state, h->db,
				       "INSERT OR REPLACE INTO state "
				       "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)", err);
	if (!r)
		r = rameti_sql_prepare(&h->put_first, h->db,
				       "UPDATE sessions SET first_message=?2 WHERE key=?1", err);
	if (!r)
		r = rameti_sql_prepare(&h->add_line, h->db,
				       "INSERT INTO entries VALUES(?1,?2,?3,?4)", err);
	return r;
}

static int set_up(struct rameti_sqlite *h, int create, struct ramet_error *err)
{
	int r = 0;

	if (create)
		r = rameti_sql_exec(h->db, "PRAGMA page_size=8192; PRAGMA synchronous=FULL", err);
	if (!r && create)
		r = make_tables(h->db, err);
	/* where there is no WAL the journal stays, which is as safe */
	if (!r)
		r = rameti_sql_use_wal(h->db, err);
	if (!r)
		r = rameti_sql_exec(h->db, "PRAGMA secure_delete=ON", err);
	if (!r)
		r = rameti_sql_exec(h->db, h->level == RAMET_LEVEL_EACH ?
						   "PRAGMA synchronous=FULL" :
						   "PRAGMA synchronous=NORMAL", err);
	return r < 0 ? r : prepare(h, err);
}

int rameti_sqlite_start(struct rameti_sqlite *h, int create, struct ramet_error *err)
{
	int r;

	if (h->dead)
		return rameti_fail_at(err, RAMET_EUNKNOWN, h->path, 0, RAMET_NO_OFFSET,
				      "a sync failed: what was written may be lost");
	if (h->db)
		return 0;
	r = rameti_sql_open(&h->db, h->path, create ? RAMETI_SQL_CREATE : RAMETI_SQL_WRITE,
			    h->lock_ms, err);
	if (r < 0)
		return r;
	r = set_up(h, create, err);
	if (r < 0)
		let_go(h);
	return r;
}

/* Is it a database of ours; with create, one that is missing or empty becomes one. */
static int enter(struct rameti_sqlite *h, int create, struct ramet_error *err)
{
	struct stat st;
	int ours = 0, r = rameti_path_stat(NULL, h->path, &st, err);

	if (r == RAMET_ENOTFOUND && create)
		return rameti_sqlite_start(h, 1, err);
	if (!r)
		r = rameti_sql_read(h->path, h->lock_ms, check, &ours, err);
	if (r < 0 || ours)
		return r;
	return create ? rameti_sqlite_start(h, 1, err) :
			rameti_fail_at(err, RAMET_EFORMAT, h->path, 0, RAMET_NO_OFFSET,
				       "is an empty database");
}

int rameti_sqlite_open(struct rameti_sqlite **out, const char *path,
		       const struct rameti_sqlite_opts *opts, struct ramet_error *err)
{
	static const struct rameti_sqlite_opts defaults;
	struct rameti_sqlite *h = ramet_calloc(1, sizeof(*h));
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	if (!h)
		return rameti_fail_nomem(err);
	opts = opts ? opts : &defaults;
	h->level = opts->level;
	h->lock_ms = opts->lock_ms ? opts->lock_ms : WAIT_MS;
	ramet_buf_init(&h->text, SIZE_MAX / 2);
	ramet_buf_add_str(&name, path);
	h->path = ramet_buf_detach(&name, NULL);
	ramet_buf_release(&name);
	r = h->path ? rameti_pi_list_init(&h->list, 1, err) : rameti_fail_nomem(err);
	if (!r)
		r = enter(h, opts->create, err);
	if (r < 0)
		rameti_sqlite_close(h);
	else
		*out = h;
	return r;
}

void rameti_sqlite_close(struct rameti_sqlite *h)
{
	if (!h)
		return;
	let_go(h);
	if (h->list.header_scanner)
		rameti_pi_list_release(&h->list);
	ramet_buf_release(&h->text);
	ramet_free(h->path);
	ramet_free(h);
}

/*
 * store/home_pirust_sqlite_write.c - SQLite sessions of pi_agent_rust: making one, appending,
 * removing.
 *
 * Under the lock of the original and in one transaction each. Only the rows that are new are
 * written, where the original may write all of them anew. What it would refuse to read is not
 * written: lines over its limit, and rows behind a gap in the numbers.
 */
#include "store/home_pirust_sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"
#include "store/pirust_index.h"

#define WAIT_MS 5000u

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS pi_session_header(id TEXT PRIMARY KEY, json TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS pi_session_entries(seq INTEGER PRIMARY KEY, "
	"json TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS pi_session_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);";

/* ---- the lock and the connection ---- */

static int take_lock(struct rameti_file *lock, const char *path, uint32_t wait_ms,
		     struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(lock->env);
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	ramet_buf_addf(&name, "%s.lock", path);
	r = ramet_buf_status(&name) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r && lock->fd < 0) {
		do
			lock->fd = env->open(env->user, name.ptr,
					     O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
					     0600);
		while (lock->fd < 0 && errno == EINTR);
		if (lock->fd < 0)
			r = rameti_fail_sys(err, errno, name.ptr, "cannot open the lock");
	}
	if (!r)
		r = rameti_file_lock(lock, wait_ms, err);
	if (r < 0)
		rameti_error_set_path(err, name.ptr ? name.ptr : path);
	ramet_buf_release(&name);
	return r;
}

static int set_up(struct rameti_sql *db, int level, struct ramet_error *err)
{
	int r = rameti_sql_use_wal(db, err);

	if (!r)
		r = rameti_sql_exec(db, "PRAGMA foreign_keys=ON", err);
	return r < 0 ? r : rameti_sql_exec(db, level == RAMET_LEVEL_EACH ?
							 "PRAGMA synchronous=FULL" :
							 "PRAGMA synchronous=NORMAL", err);
}

static int start_writing(struct rameti_pirust_sqlite *h, struct ramet_error *err)
{
	int r;

	if (h->dead)
		return rameti_fail_at(err, RAMET_EUNKNOWN, h->path, 0, RAMET_NO_OFFSET,
				      "a sync failed: what was written may be lost");
	if (h->gaps)
		return rameti_fail_at(err, RAMET_EFORMAT, h->path, 0, RAMET_NO_OFFSET,
				      "its rows are not numbered from 1 on without a gap");
	r = take_lock(&h->lock, h->path, h->lock_ms, err);
	if (r < 0 || h->db)
		return r;
	r = rameti_sql_open(&h->db, h->path, RAMETI_SQL_WRITE, h->lock_ms, err);
	if (!r)
		r = set_up(h->db, h->level, err);
	if (r < 0) {
		rameti_sql_close(h->db);
		h->db = NULL;
		rameti_file_unlock(&h->lock);
	}
	return r;
}

/* ---- rows ---- */

/* Take the next line off text. 0: there is none. */
static int cut_line(struct ramet_bytes *text, struct ramet_bytes *line)
{
	size_t len = rameti_scan_newline(*text);

	*line = (struct ramet_bytes){ text->ptr, len };
	if (!text->len)
		return 0;
	len += len < text->len;
	text->ptr += len;
	text->len -= len;
	return 1;
}

static int check_line(struct ramet_bytes line, struct ramet_error *err)
{
	if (!line.len)
		return rameti_fail(err, RAMET_EINVAL, "an empty line cannot be stored");
	if (line.len > RAMETI_PIRUST_LINE_MAX)
		return rameti_fail(err, RAMET_ELIMIT, "pi_agent_rust reads lines up to %zu bytes",
				   RAMETI_PIRUST_LINE_MAX);
	return 0;
}

/* Rows behind h's last; what they say is gathered in h->facts. */
static int add_rows(struct rameti_pirust_sqlite *h, struct rameti_sql *db,
		    struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_bytes line;
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "INSERT INTO pi_session_entries(seq, json) "
					    "VALUES(?1, ?2)", err);

	if (r < 0)
		return r;
	while (!r && cut_line(&text, &line)) {
		r = check_line(line, err);
		rameti_stmt_bind_int(st, 1, h->seq + 1);
		rameti_stmt_bind_text(st, 2, line);
		if (!r)
			r = rameti_stmt_run(st, err);
		if (!r)
			r = rameti_pirust_sqlite_note(h, h->seq + 1, line, err);
	}
	rameti_stmt_free(st);
	return r;
}

/* The last row of the database must be the last that was loaded. */
static int expect(struct rameti_pirust_sqlite *h, struct ramet_error *err)
{
	int64_t last = 0;
	int r = rameti_pirust_sqlite_same(h, h->db, err);

	if (!r)
		r = rameti_sql_number(h->db, "SELECT max(seq) FROM pi_session_entries", &last, err);
	if (!r && last != h->seq)
		r = rameti_fail_at(err, RAMET_ECONFLICT, h->path, 0, RAMET_NO_OFFSET,
				   "another program wrote to the session; nothing was stored");
	return r;
}

/* ---- meta rows ---- */

static int count_row(void *user, int64_t seq, struct ramet_bytes json, struct ramet_error *err)
{
	(void)seq;
	return rameti_pirust_facts_line(user, json, err);
}

/* The stored count and name are taken over where they are, else everything is counted. Both stand
 * for the rows before those that were added. */
static int gather_meta(struct rameti_pirust_sqlite *h, struct rameti_sql *db,
		       struct ramet_error *err)
{
	struct rameti_stmt *st;
	int known, r = rameti_sql_prepare(&st, db, "SELECT (SELECT CAST(value AS INTEGER) FROM "
						   "pi_session_meta WHERE key='message_count'), "
						   "(SELECT value FROM pi_session_meta WHERE "
						   "key='name')", err);

	if (r < 0)
		return r;
	r = rameti_stmt_step(st, err);
	known = r > 0 && !rameti_stmt_is_null(st, 0) && !rameti_stmt_is_null(st, 1);
	if (known) {
		h->facts.n_messages = (uint64_t)rameti_stmt_int(st, 0);
		ramet_buf_add(&h->facts.name, rameti_stmt_bytes(st, 1));
	}
	rameti_stmt_free(st);
	if (r < 0)
		return r;
	if (ramet_buf_status(&h->facts.name) < 0)
		return rameti_fail_nomem(err);
	return known ? 0 : rameti_pirust_sqlite_rows(db, 0, count_row, &h->facts, err);
}

static int put_meta(struct rameti_pirust_sqlite *h, struct rameti_sql *db, struct ramet_error *err)
{
	char count[24];
	size_t n = sizeof(count);
	uint64_t left = h->facts.n_messages;
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "INSERT INTO pi_session_meta(key, value) VALUES"
					    "('message_count', ?1), ('name', ?2) ON CONFLICT(key) "
					    "DO UPDATE SET value=excluded.value", err);

	if (r < 0)
		return r;
	do
		count[--n] = (char)('0' + left % 10);
	while (left /= 10);
	rameti_stmt_bind_text(st, 1, (struct ramet_bytes){ count + n, sizeof(count) - n });
	rameti_stmt_bind_text(st, 2, h->facts.name.len ? ramet_buf_bytes(&h->facts.name) :
							 ramet_bytes_of(""));
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

/* ---- the header ---- */

static int change_header(struct rameti_sql *db, struct ramet_bytes json, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "UPDATE pi_session_header SET json=?1", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, json);
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

/* A leafId says where the session stands; without one it stands at its last entry. */
static int drop_leaf(struct rameti_sql *db, struct ramet_error *err)
{
	struct ramet_json_edit edit = { ramet_bytes_of("leafId"), { NULL, 0 } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf line = RAMET_BUF_INIT(SIZE_MAX / 2),
			 without = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes text;
	const struct ramet_json *o;
	int r = rameti_pirust_sqlite_header(db, &line, err);

	text = ramet_buf_bytes(&line);
	text.len -= text.len > 0;                            /* its newline */
	if (!r)
		r = ramet_json_parse(&doc, text, 0, NULL);
	o = ramet_json_root(&doc);
	if (!r && ramet_json_get(o, "leafId")) {
		r = ramet_json_edit(&without, text, o, &edit, 1, err);
		if (!r)
			r = change_header(db, ramet_buf_bytes(&without), err);
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&line);
	ramet_buf_release(&without);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return r == RAMET_EJSON ? 0 : r;                 /* no header that could have one */
}

/* Reads the header for the index too. */
static int read_header(struct rameti_pirust_sqlite *h, struct rameti_sql *db,
		       struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_pirust_sqlite_header(db, &line, err);

	if (!r)
		r = rameti_pirust_facts_header(&h->facts, ramet_buf_bytes(&line), err);
	ramet_buf_release(&line);
	return r;
}

/* ---- appending ---- */

static int write_rows(struct rameti_pirust_sqlite *h, struct ramet_bytes lines,
		      struct ramet_error *err)
{
	int r = rameti_sql_exec(h->db, schema, err);

	rameti_pirust_facts_begin(&h->facts);            /* a failure before may stick to them */
	if (!r)
		r = expect(h, err);
	rameti_pirust_facts_begin(&h->facts);
	if (!r)
		r = read_header(h, h->db, err);
	if (!r)
		r = gather_meta(h, h->db, err);
	if (!r)
		r = drop_leaf(h->db, err);
	if (!r)
		r = add_rows(h, h->db, lines, err);
	return r < 0 ? r : put_meta(h, h->db, err);
}

static int store(struct rameti_pirust_sqlite *h, struct ramet_bytes lines, int sync,
		 struct ramet_error *err)
{
	int r = rameti_sql_begin(h->db, err);

	if (r < 0)
		return r;
	r = write_rows(h, lines, err);
	if (r < 0) {
		rameti_sql_rollback(h->db);
		return r;
	}
	r = rameti_sql_commit(h->db, err);
	if (!r && sync && h->level != RAMET_LEVEL_EACH)
		r = rameti_sql_sync(h->db, err);
	return r;
}

int rameti_pirust_sqlite_append(struct rameti_pirust_sqlite *h, struct ramet_bytes lines, int sync,
				struct ramet_error *err)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t sum = h->last_sum;
	int64_t seq = h->seq;
	int r;

	ramet_buf_add(&id, ramet_buf_bytes(&h->last_id));
	if (ramet_buf_status(&id) < 0)
		return rameti_fail_nomem(err);
	r = start_writing(h, err);
	if (!r) {
		r = store(h, lines, sync, err);
		rameti_file_unlock(&h->lock);
	}
	if (!r)
		rameti_pirust_index_note(h->path, &h->facts);
	h->dead |= r == RAMET_EUNKNOWN;
	if (r < 0) {
		h->seq = seq;
		h->last_sum = sum;
		ramet_buf_release(&h->last_id);
		h->last_id = id;
		return r;
	}
	ramet_buf_release(&id);
	return 0;
}

int rameti_pirust_sqlite_sync(struct rameti_pirust_sqlite *h, struct ramet_error *err)
{
	int r;

	if (h->dead)
		return start_writing(h, err);
	r = h->db ? rameti_sql_sync(h->db, err) : 0;
	h->dead |= r == RAMET_EUNKNOWN;
	return r;
}

/* ---- making one ---- */

static int put_header(struct rameti_pirust_sqlite *h, struct ramet_bytes header,
		      struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, h->db, "INSERT INTO pi_session_header(id, json) "
					       "VALUES(?1, ?2)", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, ramet_buf_bytes(&h->facts.id));
	rameti_stmt_bind_text(st, 2, header);
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

/* In a database that must be empty. */
static int fill(struct rameti_pirust_sqlite *h, struct ramet_bytes header, struct ramet_bytes lines,
		struct ramet_error *err)
{
	int64_t n = 0;
	int r = rameti_sql_begin(h->db, err);

	if (r < 0)
		return r;
	r = rameti_sql_number(h->db, "SELECT count(*) FROM sqlite_master", &n, err);
	if (!r && n)
		r = rameti_fail_at(err, RAMET_ECONFLICT, h->path, 0, RAMET_NO_OFFSET,
				   "there is a database already");
	if (!r)
		r = rameti_sql_exec(h->db, schema, err);
	if (!r)
		r = put_header(h, header, err);
	if (!r)
		r = add_rows(h, h->db, lines, err);
	if (!r)
		r = put_meta(h, h->db, err);
	if (!r)
		return rameti_sql_commit(h->db, err);
	rameti_sql_rollback(h->db);
	return r;
}

static int make(struct rameti_pirust_sqlite *h, struct ramet_bytes text, int sync,
		struct ramet_error *err)
{
	struct ramet_bytes header;
	int r;

	(void)cut_line(&text, &header);
	r = rameti_pirust_facts_header(&h->facts, header, err);
	if (!r && (!h->facts.has_header || !h->facts.id.len))
		r = rameti_fail(err, RAMET_EFORMAT, "not the header of a session");
	if (!r)
		r = take_lock(&h->lock, h->path, h->lock_ms, err);
	if (!r)
		r = rameti_sql_open(&h->db, h->path, RAMETI_SQL_CREATE, h->lock_ms, err);
	if (!r)
		r = rameti_sql_exec(h->db, "PRAGMA synchronous=FULL", err);
	if (!r)
		r = fill(h, header, text, err);
	if (!r)
		r = set_up(h->db, sync ? RAMET_LEVEL_EACH : RAMET_LEVEL_NONE, err);
	return r;
}

int rameti_pirust_sqlite_create(const char *path, struct ramet_bytes text, int sync,
				struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct rameti_pirust_sqlite h = { .lock = RAMETI_FILE_INIT, .lock_ms = WAIT_MS,
					  .path = (char *)(uintptr_t)path,
					  .last_id = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct stat st;
	int r = rameti_path_stat(NULL, path, &st, err), was_there = !r && st.st_size;

	if (was_there)
		return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
				      "there is a file already");
	if (r < 0 && r != RAMET_ENOTFOUND)
		return r;
	r = rameti_pirust_facts_init(&h.facts, err);
	if (!r)
		r = make(&h, text, sync, err);
	rameti_sql_close(h.db);
	if (r < 0 && r != RAMET_ECONFLICT && r != RAMET_EUNKNOWN && h.db)
		(void)env->unlink(env->user, path);          /* empty, and ours */
	if (!r)
		rameti_pirust_index_note(path, &h.facts);
	(void)rameti_file_close(&h.lock);                    /* nothing is written to it */
	rameti_pirust_facts_release(&h.facts);
	ramet_buf_release(&h.last_id);
	return r;
}

/* ---- removing ---- */

static int check_id(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct ramet_bytes *id = user;
	struct rameti_stmt *st;
	int same = 0, r = rameti_pirust_sqlite_is_one(db, err);

	if (r < 0 || !id->ptr)
		return r;
	r = rameti_sql_prepare(&st, db, "SELECT id FROM pi_session_header", err);
	if (r < 0)
		return r;
	r = rameti_stmt_step(st, err);
	if (r > 0)
		same = ramet_bytes_eq(rameti_stmt_bytes(st, 0), *id);
	rameti_stmt_free(st);
	if (r >= 0 && !same)
		return rameti_fail(err, RAMET_ENOTFOUND, "holds another session");
	return r < 0 ? r : 0;
}

/* The file first: what stands beside it means nothing without it. */
static int remove_files(const char *path, struct ramet_error *err)
{
	static const char *const behind[] = { "", "-wal", "-shm", "-journal" };
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i;
	int r = 0;

	for (i = 0; !r && i < sizeof(behind) / sizeof(behind[0]); i++) {
		ramet_buf_reset(&name);
		ramet_buf_addf(&name, "%s%s", path, behind[i]);
		if (ramet_buf_status(&name) < 0)
			r = rameti_fail_nomem(err);
		else if (env->unlink(env->user, name.ptr) < 0 && (errno != ENOENT || !i))
			r = rameti_fail_sys(err, errno, name.ptr, "cannot remove");
	}
	ramet_buf_release(&name);
	return r < 0 ? r : rameti_dir_sync(NULL, path, err);
}

int rameti_pirust_sqlite_remove(const char *path, struct ramet_bytes id, struct ramet_error *err)
{
	struct rameti_file lock = RAMETI_FILE_INIT;
	struct stat st;
	int r = rameti_path_stat(NULL, path, &st, err);

	if (!r)
		r = take_lock(&lock, path, WAIT_MS, err);
	if (!r)
		r = rameti_sql_read(path, WAIT_MS, check_id, &id, err);
	if (!r)
		r = remove_files(path, err);
	if (!r)
		rameti_pirust_index_forget(path);
	(void)rameti_file_close(&lock);                      /* nothing is written to it */
	return r;
}

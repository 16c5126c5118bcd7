/*
 * store/pirust_index_list.c - the session index of pi_agent_rust: reading it, and bringing all of
 * it in step with the files.
 *
 * Files are looked at before the lock is taken, so that it is held for one transaction only. A
 * session that is written meanwhile has another time or size than its row: the next refresh sees
 * it. Links to directories are not followed, links to files are.
 */
#include "store/pirust_index_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define WAIT_MS 15000u
#define LIST_WAIT_MS 5000u
#define MANY_MAX 0x7fffffffu

/* ---- reading rows ---- */

struct rows {
	const char *cwd;
	struct ramet_pirust_index_row *items;
	uint32_t n, cap;
	struct rameti_arena texts;
	int64_t synced_ms;
};

static void forget_rows(struct rows *rows)
{
	rameti_arena_release(&rows->texts);
	rows->n = 0;
}

static void release_rows(struct rows *rows)
{
	forget_rows(rows);
	ramet_free(rows->items);
}

static struct ramet_bytes keep(struct rows *rows, struct ramet_bytes text, int *failed)
{
	if (!text.ptr)
		return text;
	text = rameti_arena_dup(&rows->texts, text);
	*failed |= !text.ptr;
	return text;
}

static int add_row(struct rows *rows, struct rameti_stmt *st, struct ramet_error *err)
{
	struct ramet_pirust_index_row row;
	int failed = 0;

	if (rameti_grow((void **)&rows->items, &rows->cap, rows->n, sizeof(row), MANY_MAX) < 0)
		return rameti_fail_nomem(err);
	row.path = keep(rows, rameti_stmt_bytes(st, 0), &failed);
	row.id = keep(rows, rameti_stmt_bytes(st, 1), &failed);
	row.cwd = keep(rows, rameti_stmt_bytes(st, 2), &failed);
	row.timestamp = keep(rows, rameti_stmt_bytes(st, 3), &failed);
	row.message_count = (uint64_t)rameti_stmt_int(st, 4);
	row.last_modified_ms = rameti_stmt_int(st, 5);
	row.size = (uint64_t)rameti_stmt_int(st, 6);
	row.name = keep(rows, rameti_stmt_bytes(st, 7), &failed);
	if (failed)
		return rameti_fail_nomem(err);
	rows->items[rows->n++] = row;
	return 0;
}

static const char list_text[] =
	"SELECT path, id, cwd, timestamp, message_count, last_modified_ms, size_bytes, name "
	"FROM sessions WHERE ?1 IS NULL OR cwd=?1 ORDER BY last_modified_ms DESC, path";

static int read_rows(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct rows *rows = user;
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_stmt *st;
	int e = 0, r = rameti_pindex_is_one(db, err);

	forget_rows(rows);
	if (r <= 0)
		return r;
	r = rameti_sql_prepare(&st, db, list_text, err);
	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, rows->cwd ? ramet_bytes_of(rows->cwd) : none);
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		e = add_row(rows, st, err);
	rameti_stmt_free(st);
	return e < 0 ? e : r;
}

int ramet_pirust_index_list(const char *root, const char *cwd,
			    int (*fn)(void *user, const struct ramet_pirust_index_row *row),
			    void *user, struct ramet_error *err)
{
	struct rows rows = { .cwd = cwd, .texts = RAMETI_ARENA_INIT(SIZE_MAX / 2) };
	struct rameti_pindex_place p;
	uint32_t i;
	int r = rameti_pindex_place_init(&p, root, err);

	if (!r)
		r = rameti_sql_read(p.db.ptr, LIST_WAIT_MS, read_rows, &rows, err);
	for (i = 0; !r && i < rows.n; i++)
		r = fn(user, &rows.items[i]);
	release_rows(&rows);
	rameti_pindex_place_release(&p);
	return r;
}

static int read_synced(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	int64_t *at = user;
	int r = rameti_pindex_is_one(db, err);

	if (r > 0)
		r = rameti_sql_number(db, "SELECT CAST(value AS INTEGER) FROM meta WHERE "
					  "key='last_sync_epoch_ms'", at, err);
	return r;
}

int ramet_pirust_index_synced(const char *root, int64_t *at_ms, struct ramet_error *err)
{
	struct rameti_pindex_place p;
	int64_t at = 0;
	int r = rameti_pindex_place_init(&p, root, err);

	if (!r)
		r = rameti_sql_read(p.db.ptr, LIST_WAIT_MS, read_synced, &at, err);
	if (!r)
		*at_ms = at > 0 ? at : RAMET_TIME_NONE;
	rameti_pindex_place_release(&p);
	return r;
}

/* ---- walking ---- */

struct names {
	struct ramet_bytes *items;
	uint32_t n, cap;
};
struct walk {
	struct names dirs, files;                /* paths, in texts */
	const char *dir;
	struct rameti_arena texts;
	struct ramet_buf path;
};

static int add_name(struct walk *w, struct names *names)
{
	struct ramet_bytes kept = rameti_arena_dup(&w->texts, ramet_buf_bytes(&w->path));

	if (!kept.ptr || rameti_grow((void **)&names->items, &names->cap, names->n,
				     sizeof(*names->items), MANY_MAX) < 0)
		return RAMET_ENOMEM;
	names->items[names->n++] = kept;
	return 0;
}

static int is_sidecar(const char *name)
{
	size_t len = strlen(name);

	return strstr(name, ".v2.") || (len > 3 && !strcmp(name + len - 3, ".v2"));
}

static int meet(void *user, const char *name, unsigned char type)
{
	struct walk *w = user;
	struct stat st;

	ramet_buf_reset(&w->path);
	ramet_buf_addf(&w->path, "%s/%s", w->dir, name);
	if (ramet_buf_status(&w->path) < 0)
		return RAMET_ENOMEM;
	if (type == DT_DIR)
		return is_sidecar(name) ? 0 : add_name(w, &w->dirs);
	if (!rameti_pindex_is_session_name(name))
		return 0;
	if (type == DT_LNK && (rameti_path_stat(NULL, w->path.ptr, &st, NULL) < 0 ||
			       !S_ISREG(st.st_mode)))
		return 0;
	return type == DT_REG || type == DT_LNK ? add_name(w, &w->files) : 0;
}

static void release_walk(struct walk *w)
{
	ramet_free(w->dirs.items);
	ramet_free(w->files.items);
	rameti_arena_release(&w->texts);
	ramet_buf_release(&w->path);
}

/* All session files below root. Directories below it that cannot be read are left out. */
static int walk_all(struct walk *w, const char *root, struct ramet_error *err)
{
	uint32_t i;
	int r;

	ramet_buf_add_str(&w->path, root);
	r = ramet_buf_status(&w->path) < 0 ? RAMET_ENOMEM : add_name(w, &w->dirs);
	for (i = 0; !r && i < w->dirs.n; i++) {
		w->dir = w->dirs.items[i].ptr;
		r = rameti_dir_each(NULL, w->dir, meet, w, i ? NULL : err);
		if (i && r != RAMET_ENOMEM)
			r = 0;
	}
	return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : r;
}

/* ---- in step ---- */

struct stepping {
	struct rows old;
	struct walk walk;
	struct rameti_pindex_row row;
	struct ramet_pirust_index_report report;
	uint8_t *keep;                           /* of the old rows: it is still right */
	uint8_t *fresh;                          /* of the files: it is to be read */
};

static int by_path(const void *a, const void *b)
{
	const struct ramet_pirust_index_row *x = a, *y = b;

	return strcmp(x->path.ptr, y->path.ptr);
}

static struct ramet_pirust_index_row *find_row(const struct rows *rows, struct ramet_bytes path)
{
	struct ramet_pirust_index_row key;

	key.path = path;
	return rows->n ? bsearch(&key, rows->items, rows->n, sizeof(key), by_path) : NULL;
}

/* Which rows stay, and which files are to be read. */
static int compare(struct stepping *s, int everything, struct ramet_error *err)
{
	struct ramet_pirust_index_row *row;
	uint32_t i;
	int r;

	s->keep = ramet_calloc(s->old.n + 1, 1);
	s->fresh = ramet_calloc(s->walk.files.n + 1, 1);
	if (!s->keep || !s->fresh)
		return rameti_fail_nomem(err);
	if (s->old.n)
		qsort(s->old.items, s->old.n, sizeof(*s->old.items), by_path);
	for (i = 0; i < s->walk.files.n; i++) {
		row = find_row(&s->old, s->walk.files.items[i]);
		r = rameti_pindex_measure(s->walk.files.items[i].ptr, &s->row, NULL);
		if (r == RAMET_ENOMEM)
			return rameti_fail_nomem(err);
		if (!r && row && !everything && row->last_modified_ms == s->row.mtime_ms &&
		    row->size == s->row.size)
			s->keep[row - s->old.items] = 1;
		else
			s->fresh[i] = (uint8_t)!r;
	}
	return 0;
}

static int delete_rows(struct stepping *s, struct rameti_sql *db, struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < s->old.n; i++) {
		if (s->keep[i])
			continue;
		r = rameti_pindex_delete(db, s->old.items[i].path.ptr, err);
		s->report.n_removed++;
	}
	s->report.n_same = s->old.n - s->report.n_removed;
	return r;
}

/* A file that was read after its row was deleted is no row that went. */
static int put_rows(struct stepping *s, struct rameti_sql *db, struct rameti_pindex_row *rows,
		    struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < s->walk.files.n; i++) {
		if (!rows[i].facts.has_header)
			continue;
		r = rameti_pindex_put(db, s->walk.files.items[i].ptr, &rows[i], err);
		s->report.n_read++;
		if (find_row(&s->old, s->walk.files.items[i]))
			s->report.n_removed--;
	}
	s->report.n_rows = s->report.n_same + s->report.n_read;
	return r;
}

/* Read the files that are new; rows[i].facts.has_header says which are sessions. */
static int read_files(struct stepping *s, struct rameti_pindex_row *rows, struct ramet_error *err)
{
	struct ramet_error why;
	uint32_t i;
	int r;

	for (i = 0; i < s->walk.files.n; i++) {
		if (!s->fresh[i])
			continue;
		r = rameti_pirust_facts_init(&rows[i].facts, err);
		if (r < 0)
			return r;
		r = rameti_pindex_read(s->walk.files.items[i].ptr, &rows[i], &why);
		rameti_scanner_free(rows[i].facts.scanner);
		rows[i].facts.scanner = NULL;
		if (r == RAMET_ENOMEM)
			return rameti_fail_nomem(err);
		rows[i].facts.has_header &= r == 0;
		s->report.n_skipped += r < 0;
	}
	return 0;
}

static int write_all(struct stepping *s, const struct rameti_pindex_place *p,
		     struct ramet_error *err)
{
	struct rameti_pindex_row *rows = ramet_calloc(s->walk.files.n + 1, sizeof(*rows));
	struct rameti_pindex_lock lock;
	struct rameti_sql *db;
	uint32_t i;
	int r = rows ? read_files(s, rows, err) : rameti_fail_nomem(err);

	if (!r)
		r = rameti_pindex_begin(&db, p, &lock, WAIT_MS, err);
	if (!r) {
		r = delete_rows(s, db, err);
		if (!r)
			r = put_rows(s, db, rows, err);
		r = rameti_pindex_end(db, &lock, r, err);
	}
	for (i = 0; rows && i < s->walk.files.n; i++)
		rameti_pirust_facts_release(&rows[i].facts);
	ramet_free(rows);
	return r;
}

static int step(const char *root, int everything, struct ramet_pirust_index_report *report,
		struct ramet_error *err)
{
	struct stepping s;
	struct rameti_pindex_place p;
	int r;

	memset(&s, 0, sizeof(s));
	rameti_arena_init(&s.old.texts, SIZE_MAX / 2);
	rameti_arena_init(&s.walk.texts, SIZE_MAX / 2);
	ramet_buf_init(&s.walk.path, SIZE_MAX / 2);
	r = rameti_pindex_place_init(&p, root, err);
	if (!r)
		r = walk_all(&s.walk, p.root.ptr, err);
	if (!r) {
		r = rameti_sql_read(p.db.ptr, LIST_WAIT_MS, read_rows, &s.old, err);
		r = r == RAMET_ENOTFOUND ? 0 : r;
	}
	if (!r)
		r = compare(&s, everything, err);
	if (!r)
		r = write_all(&s, &p, err);
	if (!r && report)
		*report = s.report;
	release_rows(&s.old);
	release_walk(&s.walk);
	ramet_free(s.keep);
	ramet_free(s.fresh);
	rameti_pindex_place_release(&p);
	return r;
}

int ramet_pirust_index_refresh(const char *root, struct ramet_pirust_index_report *report,
			       struct ramet_error *err)
{
	return step(root, 0, report, err);
}

int ramet_pirust_index_reindex(const char *root, struct ramet_pirust_index_report *report,
			       struct ramet_error *err)
{
	return step(root, 1, report, err);
}

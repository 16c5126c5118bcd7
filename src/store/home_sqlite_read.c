/*
 * store/home_sqlite_read.c - sessions in a SQLite database: reading, finding, listing, checking.
 *
 * Nothing here writes. What a reading found is given out only when the reading is over and was of
 * one state of the database. Lines that are missing or differ from their checksum are counted and
 * told; their neighbours are read as ever.
 */
#include "store/home_sqlite_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define SESSIONS_MAX 0x7fffffffu

int rameti_sqlite_read(struct rameti_sqlite *h, rameti_sqlite_fn *fn, void *user,
		       struct ramet_error *err)
{
	int r;

	if (!h->db)
		return rameti_sql_read(h->path, h->lock_ms, fn, user, err);
	r = rameti_sql_exec(h->db, "BEGIN", err);
	if (!r)
		r = fn(user, h->db, err);
	rameti_sql_rollback(h->db);
	return r;
}

/* Begin a statement about one session. */
static int prepare_for(struct rameti_stmt **st, struct rameti_sql *db, const char *text,
		       int64_t session, struct ramet_error *err)
{
	int r = rameti_sql_prepare(st, db, text, err);

	if (!r)
		rameti_stmt_bind_int(*st, 1, session);
	return r;
}

/* ---- one session ---- */

struct loading {
	struct ramet_bytes id;                   /* ptr NULL: end.session is the key */
	struct rameti_sqlite_end end;
	int64_t after;
	struct ramet_buf *text;
	size_t before;                           /* what stood in text at the start */
	struct rameti_sqlite_damage damage;
};

static void note(uint64_t *n, int64_t *first, uint64_t more, int64_t seq)
{
	if (!*n && more)
		*first = seq;
	*n += more;
}

/* The row of a line: its number, checksum and bytes. */
static void take_line(struct loading *l, struct rameti_stmt *st)
{
	struct ramet_bytes line = rameti_stmt_bytes(st, 2);
	int64_t seq = rameti_stmt_int(st, 0);

	note(&l->damage.n_missing, &l->damage.first_missing, (uint64_t)(seq - l->end.seq - 1),
	     l->end.seq + 1);
	if (!rameti_stmt_is_null(st, 1) && rameti_stmt_int(st, 1) != rameti_sqlite_sum(line))
		note(&l->damage.n_changed, &l->damage.first_changed, 1, seq);
	ramet_buf_add(l->text, line);
	ramet_buf_add_char(l->text, '\n');
	l->end.seq = seq;
}

static int buf_failed(const struct ramet_buf *b, struct ramet_error *err)
{
	int r = ramet_buf_status(b);

	if (r == RAMET_ELIMIT)
		return rameti_fail(err, r, "the session is larger than %zu bytes", b->max);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

static int load_lines(struct loading *l, struct rameti_sql *db, int64_t last_seq,
		      struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = prepare_for(&st, db, "SELECT seq, crc32c, line FROM entries WHERE session=?1 AND "
				     "seq>?2 ORDER BY seq", l->end.session, err);

	if (r < 0)
		return r;
	rameti_stmt_bind_int(st, 2, l->after);
	l->end.seq = l->after;
	while ((r = rameti_stmt_step(st, err)) > 0 && ramet_buf_status(l->text) == 0)
		take_line(l, st);
	rameti_stmt_free(st);
	if (r >= 0)
		r = buf_failed(l->text, err);
	if (!r && last_seq > l->end.seq)
		note(&l->damage.n_missing, &l->damage.first_missing,
		     (uint64_t)(last_seq - l->end.seq), l->end.seq + 1);
	if (last_seq > l->end.seq)
		l->end.seq = last_seq;
	return r;
}

static int load_header(struct loading *l, struct rameti_sql *db, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "SELECT key, header FROM sessions WHERE id=?1", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, l->id);
	r = rameti_stmt_step(st, err);
	if (r > 0) {
		l->end.session = rameti_stmt_int(st, 0);
		ramet_buf_add(l->text, rameti_stmt_bytes(st, 1));
		ramet_buf_add_char(l->text, '\n');
	}
	rameti_stmt_free(st);
	if (!r)
		return rameti_fail(err, RAMET_ENOTFOUND, "no session with this id");
	return r < 0 ? r : 0;
}

/* The number its last line should have. */
static int last_seq(struct rameti_sql *db, int64_t session, int64_t *seq, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = prepare_for(&st, db, "SELECT last_seq FROM state WHERE session=?1", session, err);

	if (r < 0)
		return r;
	r = rameti_stmt_step(st, err);
	if (r > 0)
		*seq = rameti_stmt_int(st, 0);
	rameti_stmt_free(st);
	return r;
}

static int load(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct loading *l = user;
	int64_t seq = 0;
	int r = 0;

	ramet_buf_truncate(l->text, l->before);
	memset(&l->damage, 0, sizeof(l->damage));
	if (l->id.ptr)
		r = load_header(l, db, err);
	if (!r)
		r = last_seq(db, l->end.session, &seq, err);
	if (!r && !l->id.ptr)
		return rameti_fail(err, RAMET_ECONFLICT, "another program removed the session");
	if (r >= 0 && seq < l->after)
		return rameti_fail(err, RAMET_ECONFLICT, "another program wrote the session anew");
	return r < 0 ? r : load_lines(l, db, seq, err);
}

static int run_load(struct rameti_sqlite *h, struct loading *l, struct rameti_sqlite_end *end,
		    struct rameti_sqlite_damage *damage, struct ramet_error *err)
{
	int r = rameti_sqlite_read(h, load, l, err);

	if (r < 0) {
		ramet_buf_truncate(l->text, l->before);
		rameti_error_set_path(err, h->path);
		return r;
	}
	*end = l->end;
	if (damage)
		*damage = l->damage;
	return 0;
}

int rameti_sqlite_load(struct rameti_sqlite *h, struct ramet_bytes id, struct ramet_buf *text,
		       struct rameti_sqlite_end *end, struct rameti_sqlite_damage *damage,
		       struct ramet_error *err)
{
	struct loading l = { .id = id, .text = text, .before = text->len };

	return run_load(h, &l, end, damage, err);
}

int rameti_sqlite_load_more(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			    struct ramet_buf *text, struct rameti_sqlite_damage *damage,
			    struct ramet_error *err)
{
	struct loading l = { .end = *end, .after = end->seq, .text = text, .before = text->len };

	return run_load(h, &l, end, damage, err);
}

/* ---- finding ---- */

struct finding {
	struct ramet_bytes wanted;
	struct ramet_buf first, second;
	int n;
};

static int begins_so(struct ramet_bytes id, struct ramet_bytes prefix)
{
	return id.len >= prefix.len && !memcmp(id.ptr, prefix.ptr, prefix.len);
}

static int find(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct finding *f = user;
	struct ramet_bytes id;
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, db, "SELECT id FROM sessions WHERE id>=?1 ORDER BY id "
					    "LIMIT 2", err);

	if (r < 0)
		return r;
	f->n = 0;
	ramet_buf_reset(&f->first);
	ramet_buf_reset(&f->second);
	rameti_stmt_bind_text(st, 1, f->wanted);
	while ((r = rameti_stmt_step(st, err)) > 0) {
		id = rameti_stmt_bytes(st, 0);
		if (!begins_so(id, f->wanted))
			continue;
		ramet_buf_add(f->n++ ? &f->second : &f->first, id);
		if (id.len == f->wanted.len)
			break;                       /* it is the one */
	}
	rameti_stmt_free(st);
	if (r >= 0 && (ramet_buf_status(&f->first) < 0 || ramet_buf_status(&f->second) < 0))
		r = rameti_fail_nomem(err);
	return r < 0 ? r : 0;
}

static int judge(const struct rameti_sqlite *h, const struct finding *f, struct ramet_buf *id,
		 struct ramet_error *err)
{
	if (!f->n && !f->wanted.len)
		return rameti_fail_at(err, RAMET_ENOTFOUND, h->path, 0, RAMET_NO_OFFSET,
				      "holds no session");
	if (!f->n)
		return rameti_fail_at(err, RAMET_ENOTFOUND, h->path, 0, RAMET_NO_OFFSET,
				      "no session with an id that begins with '%.*s'",
				      RAMET_FMT(f->wanted));
	if (f->n > 1)
		return rameti_fail_at(err, RAMET_EAMBIGUOUS, h->path, 0, RAMET_NO_OFFSET,
				      "more than one session begins so: %s and %s", f->first.ptr,
				      f->second.ptr);
	ramet_buf_add(id, ramet_buf_bytes(&f->first));
	return ramet_buf_status(id) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_sqlite_find(struct rameti_sqlite *h, struct ramet_bytes id_or_prefix,
		       struct ramet_buf *id, struct ramet_error *err)
{
	struct finding f = { id_or_prefix, RAMET_BUF_INIT(SIZE_MAX / 2),
			     RAMET_BUF_INIT(SIZE_MAX / 2), 0 };
	int r;

	if (!f.wanted.ptr)
		f.wanted = ramet_bytes_of("");
	r = rameti_sqlite_read(h, find, &f, err);
	if (!r)
		r = judge(h, &f, id, err);
	ramet_buf_release(&f.first);
	ramet_buf_release(&f.second);
	return r;
}

/* ---- listing ---- */

struct listing {
	struct rameti_sqlite *h;
	int with_text;
	struct ramet_session_info *items;
	uint32_t n, cap;
	struct rameti_arena texts;
};

static void forget(struct listing *l)
{
	rameti_arena_release(&l->texts);
	l->n = 0;
}

static struct ramet_bytes keep(struct listing *l, struct ramet_bytes text, int *failed)
{
	struct ramet_bytes kept = { NULL, 0 };

	if (!text.ptr)
		return kept;
	kept = rameti_arena_dup(&l->texts, text);
	*failed |= !kept.ptr;
	return kept;
}

/* All that was said, as a list of files has it. */
static int read_text(struct listing *l, struct rameti_sql *db, int64_t session,
		     struct ramet_error *err)
{
	struct rameti_pi_list *list = &l->h->list;
	struct rameti_stmt *st;
	int e = 0, r = prepare_for(&st, db, "SELECT line FROM entries WHERE session=?1 "
					    "ORDER BY seq", session, err);

	if (r < 0)
		return r;
	rameti_pi_list_begin(list);
	list->state = RAMETI_PI_LIST_SESSION;
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		e = rameti_pi_list_lines(list, rameti_stmt_bytes(st, 0), err);
	rameti_stmt_free(st);
	return e < 0 ? e : r;
}

static int64_t time_of(struct rameti_stmt *st, int at)
{
	return rameti_stmt_is_null(st, at) ? RAMET_TIME_NONE : rameti_stmt_int(st, at);
}

static const char list_text[] =
	"SELECT s.key, s.id, s.cwd, s.parent_session, s.created_ms, s.first_message, t.size, "
	"t.message_count, t.name, t.modified_ms, t.changed_ms "
	"FROM sessions AS s JOIN state AS t ON t.session=s.key";

static int add_info(struct listing *l, struct rameti_sql *db, struct rameti_stmt *st,
		    struct ramet_error *err)
{
	struct ramet_session_info info;
	struct ramet_bytes first = rameti_stmt_bytes(st, 5);
	int failed = 0;
	int r = rameti_grow((void **)&l->items, &l->cap, l->n, sizeof(*l->items), SESSIONS_MAX);

	if (!r && l->with_text)
		r = read_text(l, db, rameti_stmt_int(st, 0), err);
	if (r < 0)
		return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : r;
	memset(&info, 0, sizeof(info));
	info.id = keep(l, rameti_stmt_bytes(st, 1), &failed);
	info.cwd = keep(l, rameti_stmt_bytes(st, 2), &failed);
	info.parent_session = keep(l, rameti_stmt_bytes(st, 3), &failed);
	info.created_ms = time_of(st, 4);
	info.first_message = keep(l, first.len ? first : ramet_bytes_of("(no messages)"), &failed);
	info.size = (uint64_t)rameti_stmt_int(st, 6);
	info.message_count = (uint64_t)rameti_stmt_int(st, 7);
	info.name = keep(l, rameti_stmt_bytes(st, 8), &failed);
	info.mtime_ms = rameti_stmt_int(st, 10);
	info.modified_ms = rameti_stmt_is_null(st, 9) ? info.mtime_ms : rameti_stmt_int(st, 9);
	if (l->with_text)
		info.all_text = keep(l, l->h->list.all_text.len ?
						ramet_buf_bytes(&l->h->list.all_text) :
						ramet_bytes_of(""), &failed);
	ramet_buf_reset(&l->h->text);
	ramet_buf_addf(&l->h->text, "sqlite:%s#%.*s", l->h->path, RAMET_FMT(info.id));
	info.path = keep(l, ramet_buf_bytes(&l->h->text), &failed);
	info.format = "sqlite";
	if (failed || ramet_buf_status(&l->h->text) < 0)
		return rameti_fail_nomem(err);
	l->items[l->n++] = info;
	return 0;
}

static int gather(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct listing *l = user;
	struct rameti_stmt *st;
	int e = 0, r = rameti_sql_prepare(&st, db, list_text, err);

	if (r < 0)
		return r;
	forget(l);
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		e = add_info(l, db, st, err);
	rameti_stmt_free(st);
	return e < 0 ? e : r;
}

int rameti_sqlite_list(struct rameti_sqlite *h, int with_text,
		       int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		       struct ramet_error *err)
{
	struct listing l = { h, with_text, NULL, 0, 0, RAMETI_ARENA_INIT(SIZE_MAX / 2) };
	uint32_t i;
	int r = rameti_sqlite_read(h, gather, &l, err);

	for (i = 0; !r && i < l.n; i++)
		r = fn(user, &l.items[i]);
	forget(&l);
	ramet_free(l.items);
	return r;
}

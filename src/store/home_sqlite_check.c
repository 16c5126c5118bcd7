/*
 * store/home_sqlite_check.c - does a database of sessions hold together?
 *
 * SQLite checks its own structure; what it cannot see is looked at here: lines that are missing or
 * not what was written, and lists that say something else than the lines. Nothing is changed.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "store/home_sqlite_priv.h"

#define REPORT_MAX 100

struct checking {
	struct rameti_sqlite *h;
	struct ramet_buf *report;
	size_t before;
	unsigned n;
};

static const char walk_text[] =
	"SELECT s.key, s.id, s.header, t.last_seq, t.size, t.message_count, t.name, "
	"s.first_message FROM sessions AS s LEFT JOIN state AS t ON t.session=s.key ORDER BY s.key";
static const char strays_text[] =
	"SELECT count(*) FROM (SELECT session FROM state UNION SELECT session FROM entries) "
	"WHERE session NOT IN (SELECT key FROM sessions)";

/* The next line of the report; 0: it is full. */
static int say(struct checking *c)
{
	return c->n++ < REPORT_MAX;
}

static int check_structure(struct checking *c, struct rameti_sql *db, struct ramet_error *err)
{
	struct rameti_stmt *st;
	struct ramet_bytes text;
	int r = rameti_sql_prepare(&st, db, "PRAGMA integrity_check", err);

	if (r < 0)
		return r;
	while ((r = rameti_stmt_step(st, err)) > 0) {
		text = rameti_stmt_bytes(st, 0);
		if (!ramet_bytes_is(text, "ok") && say(c))
			ramet_buf_addf(c->report, "%.*s\n", RAMET_FMT(text));
	}
	rameti_stmt_free(st);
	return r;
}

static int check_strays(struct checking *c, struct rameti_sql *db, struct ramet_error *err)
{
	int64_t n = 0;
	int r = rameti_sql_number(db, strays_text, &n, err);

	if (!r && n && say(c))
		ramet_buf_addf(c->report, "%" PRId64 " session(s) without a header\n", n);
	return r;
}

/* What its lines are: counted, and what lists say of them in h->list. */
struct counted {
	int64_t last, size;
	uint64_t n_changed, n_missing;
};

static int count_lines(struct checking *c, struct rameti_sql *db, int64_t session,
		       struct counted *k, struct ramet_error *err)
{
	struct rameti_stmt *st;
	struct ramet_bytes line;
	int64_t seq;
	int e = 0;
	int r = rameti_sql_prepare(&st, db, "SELECT seq, crc32c, line FROM entries WHERE "
					    "session=?1 ORDER BY seq", err);

	if (r < 0)
		return r;
	rameti_pi_list_begin(&c->h->list);
	c->h->list.state = RAMETI_PI_LIST_SESSION;
	rameti_stmt_bind_int(st, 1, session);
	while (!e && (r = rameti_stmt_step(st, err)) > 0) {
		seq = rameti_stmt_int(st, 0);
		line = rameti_stmt_bytes(st, 2);
		k->n_changed += !rameti_stmt_is_null(st, 1) &&
				rameti_stmt_int(st, 1) != rameti_sqlite_sum(line);
		k->n_missing += seq != k->last + 1;
		k->last = seq;
		k->size += (int64_t)line.len + 1;
		e = rameti_pi_list_lines(&c->h->list, line, err);
	}
	rameti_stmt_free(st);
	return e < 0 ? e : r;
}

static int lists_are_right(const struct rameti_pi_list *l, struct rameti_stmt *st)
{
	return rameti_stmt_int(st, 5) == (int64_t)l->message_count &&
	       ramet_bytes_eq(rameti_stmt_bytes(st, 6), ramet_buf_bytes(&l->name)) &&
	       ramet_bytes_eq(rameti_stmt_bytes(st, 7), ramet_buf_bytes(&l->first_message));
}

static int check_session(struct checking *c, struct rameti_sql *db, struct rameti_stmt *st,
			 struct ramet_error *err)
{
	struct ramet_bytes id = rameti_stmt_bytes(st, 1);
	struct counted k = { 0, 0, 0, 0 };
	int r;

	k.size = (int64_t)rameti_stmt_bytes(st, 2).len + 1;
	r = count_lines(c, db, rameti_stmt_int(st, 0), &k, err);
	if (r < 0)
		return r;
	if (k.n_changed && say(c))
		ramet_buf_addf(c->report, "%.*s: %" PRIu64 " line(s) are not what was written\n",
			       RAMET_FMT(id), k.n_changed);
	if ((k.n_missing || rameti_stmt_int(st, 3) > k.last) && say(c))
		ramet_buf_addf(c->report, "%.*s: lines are missing\n", RAMET_FMT(id));
	if (rameti_stmt_is_null(st, 3) && say(c))
		ramet_buf_addf(c->report, "%.*s: its state is missing\n", RAMET_FMT(id));
	else if (!rameti_stmt_is_null(st, 3) && !k.n_changed && !k.n_missing &&
		 (rameti_stmt_int(st, 3) < k.last || rameti_stmt_int(st, 4) != k.size ||
		  !lists_are_right(&c->h->list, st)) && say(c))
		ramet_buf_addf(c->report, "%.*s: its state is not that of its lines\n",
			       RAMET_FMT(id));
	return 0;
}

static int check_all(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct checking *c = user;
	struct rameti_stmt *st;
	int e = 0, r;

	c->n = 0;
	ramet_buf_truncate(c->report, c->before);
	r = check_structure(c, db, err);
	if (!r)
		r = check_strays(c, db, err);
	if (!r)
		r = rameti_sql_prepare(&st, db, walk_text, err);
	if (r < 0)
		return r;
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		e = check_session(c, db, st, err);
	rameti_stmt_free(st);
	if (!e && r >= 0 && ramet_buf_status(c->report) < 0)
		return rameti_fail_nomem(err);
	return e < 0 ? e : r;
}

int rameti_sqlite_check(struct rameti_sqlite *h, struct ramet_buf *report,
			struct ramet_error *err)
{
	struct checking c = { h, report, report->len, 0 };
	int r = rameti_sqlite_read(h, check_all, &c, err);

	return r < 0 ? r : !c.n;
}

/*
 * store/home_sqlite_write.c - sessions in a SQLite database: everything that changes one.
 *
 * Each change is one transaction, so a killed program leaves either all of it or nothing. Lines are
 * stored byte for byte, with their checksums, and what lists say of a session is kept in step in
 * the same transaction. Lines are only added; replacing and removing a session are the only calls
 * that take any away.
 */
#include "store/home_sqlite_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define SEQ_MAX ((int64_t)1 << 53)

static int begin(struct rameti_sqlite *h, struct ramet_error *err)
{
	int r = rameti_sqlite_start(h, 0, err);

	return r < 0 ? r : rameti_sql_begin(h->db, err);
}

static int unknown(struct rameti_sqlite *h, int r)
{
	if (r == RAMET_EUNKNOWN)
		h->dead = 1;
	return r;
}

/* The end of every change. */
static int finish(struct rameti_sqlite *h, int r, int sync, struct ramet_error *err)
{
	if (r < 0) {
		rameti_sql_rollback(h->db);
		return r;
	}
	r = rameti_sql_commit(h->db, err);
	if (!r && sync && h->level != RAMET_LEVEL_EACH)
		r = rameti_sql_sync(h->db, err);
	return unknown(h, r);
}

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

static int check_lines(struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_bytes line;

	if (!text.len)
		return rameti_fail(err, RAMET_EINVAL, "no line to store");
	while (cut_line(&text, &line))
		if (!line.len)
			return rameti_fail(err, RAMET_EINVAL, "an empty line cannot be stored");
	return 0;
}

/* Text for whoever looks at it with other tools, unless it is none. */
static void bind_line(struct rameti_stmt *st, int at, struct ramet_bytes line)
{
	if (rameti_utf8_valid(line) && !memchr(line.ptr, '\0', line.len))
		rameti_stmt_bind_text(st, at, line);
	else
		rameti_stmt_bind_blob(st, at, line);
}

static int add_line(struct rameti_sqlite *h, const struct rameti_sqlite_end *end,
		    struct ramet_bytes line, struct ramet_error *err)
{
	int r;

	rameti_stmt_bind_int(h->add_line, 1, end->session);
	rameti_stmt_bind_int(h->add_line, 2, end->seq);
	rameti_stmt_bind_int(h->add_line, 3, rameti_sqlite_sum(line));
	bind_line(h->add_line, 4, line);
	r = rameti_stmt_run(h->add_line, err);
	return r < 0 ? r : rameti_pi_list_lines(&h->list, line, err);
}

/* The lines of text behind *end, which moves; their sizes are added to *size. */
static int add_lines(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
		     struct ramet_bytes text, int64_t *size, struct ramet_error *err)
{
	struct ramet_bytes line;
	int r = 0;

	while (!r && cut_line(&text, &line)) {
		end->seq++;
		*size += (int64_t)line.len + 1;
		r = add_line(h, end, line, err);
	}
	return r;
}

/* What a list says, beside what h->list has gathered. */
struct said {
	int64_t last_seq, size, modified_ms;
	int has_first;
};

static struct ramet_bytes or_null(const struct ramet_buf *b)
{
	struct ramet_bytes text = { b->len ? b->ptr : NULL, b->len };

	return text;
}

static int put_state(struct rameti_sqlite *h, const struct rameti_sqlite_end *end,
		     const struct said *s, struct ramet_error *err)
{
	struct rameti_stmt *st = h->put_state;
	int64_t now = rameti_now_ms(NULL);
	int r = 0;

	rameti_stmt_bind_int(st, 1, end->session);
	rameti_stmt_bind_int(st, 2, end->seq);
	rameti_stmt_bind_int(st, 3, s->size);
	rameti_stmt_bind_int(st, 4, (int64_t)h->list.message_count);
	rameti_stmt_bind_text(st, 5, or_null(&h->list.name));
	rameti_stmt_bind_number(st, 6, h->list.talk_ms);
	if (s->modified_ms != RAMET_TIME_NONE)
		rameti_stmt_bind_int(st, 7, s->modified_ms);
	else
		rameti_stmt_bind_text(st, 7, (struct ramet_bytes){ NULL, 0 });
	rameti_stmt_bind_int(st, 8, now);
	r = rameti_stmt_run(st, err);
	if (r < 0 || s->has_first || !h->list.first_message.len)
		return r;
	rameti_stmt_bind_int(h->put_first, 1, end->session);
	rameti_stmt_bind_text(h->put_first, 2, ramet_buf_bytes(&h->list.first_message));
	return rameti_stmt_run(h->put_first, err);
}

/* Read what the lists say of a session into h->list and *s. 0: it is gone. */
static int get_state(struct rameti_sqlite *h, int64_t session, struct said *s,
		     struct ramet_error *err)
{
	struct rameti_stmt *st = h->get_state;
	int r;

	rameti_stmt_bind_int(st, 1, session);
	r = rameti_stmt_step(st, err);
	if (r <= 0)
		return r;
	rameti_pi_list_begin(&h->list);
	h->list.state = RAMETI_PI_LIST_SESSION;
	s->last_seq = rameti_stmt_int(st, 0);
	s->size = rameti_stmt_int(st, 1);
	h->list.message_count = (uint64_t)rameti_stmt_int(st, 2);
	ramet_buf_add(&h->list.name, rameti_stmt_bytes(st, 3));
	h->list.talk_ms = rameti_stmt_number(st, 4);
	s->modified_ms = rameti_stmt_is_null(st, 5) ? RAMET_TIME_NONE : rameti_stmt_int(st, 5);
	s->has_first = (int)rameti_stmt_int(st, 6);
	if (s->has_first)                        /* so that no other is looked for */
		ramet_buf_add_char(&h->list.first_message, '-');
	rameti_stmt_reset(st);
	return ramet_buf_status(&h->list.name) < 0 || ramet_buf_status(&h->list.first_message) < 0 ?
		       rameti_fail_nomem(err) : 1;
}

static int conflict(const struct rameti_sqlite *h, const char *what, struct ramet_error *err)
{
	return rameti_fail_at(err, RAMET_ECONFLICT, h->path, 0, RAMET_NO_OFFSET,
			      "another program %s; nothing was stored", what);
}

/* Does the session still end there? Its state is read then. */
static int expect(struct rameti_sqlite *h, struct rameti_sqlite_end *end, struct said *s,
		  struct ramet_error *err)
{
	int r = get_state(h, end->session, s, err);

	if (r < 0)
		return r;
	if (!r)
		return conflict(h, "removed the session", err);
	if (s->last_seq < 0 || s->last_seq > SEQ_MAX)
		return rameti_fail_at(err, RAMET_EFORMAT, h->path, 0, RAMET_NO_OFFSET,
				      "no line can have the number %" PRId64, s->last_seq);
	if (s->last_seq == end->seq)
		return 0;
	end->seq = s->last_seq;
	return conflict(h, "wrote to the session", err);
}

int rameti_sqlite_append(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			 struct ramet_bytes text, int sync, struct ramet_error *err)
{
	struct rameti_sqlite_end at = *end;
	struct said s;
	int r = check_lines(text, err);

	if (!r)
		r = begin(h, err);
	if (r < 0)
		return r;
	r = expect(h, &at, &s, err);
	if (r < 0) {
		rameti_sql_rollback(h->db);
		*end = at;
		return r;
	}
	r = add_lines(h, &at, text, &s.size, err);
	if (!r) {
		if (h->list.talk_ms > 0)
			s.modified_ms = rameti_pi_list_modified(&h->list, RAMET_TIME_NONE);
		r = put_state(h, &at, &s, err);
	}
	r = finish(h, r, sync, err);
	if (!r)
		*end = at;
	return r;
}

/* ---- whole sessions ---- */

/* Take the header off text and read it into h->list. */
static int take_header(struct rameti_sqlite *h, struct ramet_bytes *text,
		       struct ramet_bytes *header, struct ramet_error *err)
{
	size_t used;
	int r = check_lines(*text, err);

	rameti_pi_list_begin(&h->list);
	if (!r) {
		(void)cut_line(text, header);
		r = rameti_pi_list_header(&h->list, *header, &used, err);
	}
	if (!r && (h->list.state != RAMETI_PI_LIST_SESSION || !h->list.id.len))
		r = rameti_fail(err, RAMET_EFORMAT, "not the header of a session");
	return r;
}

static const char insert_text[] =
	"INSERT INTO sessions(id, cwd, parent_session, created_ms, header) VALUES(?1,?2,?3,?4,?5) "
	"ON CONFLICT DO NOTHING RETURNING key";
static const char update_text[] =
	"UPDATE sessions SET (cwd, parent_session, created_ms, header, first_message) = "
	"(?2,?3,?4,?5,NULL) WHERE key=?6 AND id=?1 RETURNING key";

/* Put the header that h->list has read in a row of sessions; key 0: a new one, told in *key. */
static int put_header(struct rameti_sqlite *h, struct ramet_bytes header, int64_t *key,
		      struct ramet_error *err)
{
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, h->db, *key ? update_text : insert_text, err);

	if (r < 0)
		return r;
	rameti_stmt_bind_text(st, 1, ramet_buf_bytes(&h->list.id));
	rameti_stmt_bind_text(st, 2, h->list.has_cwd ? ramet_buf_bytes(&h->list.cwd) : none);
	rameti_stmt_bind_text(st, 3, h->list.has_parent_session ?
					     ramet_buf_bytes(&h->list.parent_session) : none);
	if (h->list.created_ms != RAMET_TIME_NONE)
		rameti_stmt_bind_int(st, 4, h->list.created_ms);
	bind_line(st, 5, header);
	if (*key)
		rameti_stmt_bind_int(st, 6, *key);
	r = rameti_stmt_step(st, err);
	if (r > 0)
		*key = rameti_stmt_int(st, 0);
	rameti_stmt_free(st);
	return r;
}

/* lines: behind the header that h->list has read. */
static int put_session(struct rameti_sqlite *h, struct ramet_bytes header,
		       struct ramet_bytes lines, struct rameti_sqlite_end *end,
		       struct ramet_error *err)
{
	struct said s = { 0, 0, 0, 0 };
	int fresh = !end->session;
	int r = put_header(h, header, &end->session, err);

	if (!r)
		return rameti_fail_at(err, fresh ? RAMET_ECONFLICT : RAMET_EINVAL, h->path, 0,
				      RAMET_NO_OFFSET,
				      fresh ? "there is a session with this id already" :
					      "the header has the id of another session");
	if (r < 0)
		return r;
	end->seq = 0;
	s.size = (int64_t)header.len + 1;
	r = add_lines(h, end, lines, &s.size, err);
	if (r < 0)
		return r;
	s.modified_ms = rameti_pi_list_modified(&h->list, RAMET_TIME_NONE);
	return put_state(h, end, &s, err);
}

int rameti_sqlite_create(struct rameti_sqlite *h, struct ramet_bytes text,
			 struct rameti_sqlite_end *end, struct ramet_error *err)
{
	struct rameti_sqlite_end at = { 0, 0 };
	struct ramet_bytes header = { NULL, 0 };
	int r = take_header(h, &text, &header, err);

	if (!r)
		r = begin(h, err);
	if (r < 0)
		return r;
	r = finish(h, put_session(h, header, text, &at, err), 1, err);
	if (!r)
		*end = at;
	return r;
}

static int run_for(struct rameti_sqlite *h, const char *text, int64_t key, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int r = rameti_sql_prepare(&st, h->db, text, err);

	if (r < 0)
		return r;
	rameti_stmt_bind_int(st, 1, key);
	r = rameti_stmt_run(st, err);
	rameti_stmt_free(st);
	return r;
}

int rameti_sqlite_replace(struct rameti_sqlite *h, struct rameti_sqlite_end *end,
			  struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_sqlite_end at = *end;
	struct ramet_bytes header = { NULL, 0 };
	struct said s;
	int r = begin(h, err);

	if (r < 0)
		return r;
	r = expect(h, &at, &s, err);
	if (r < 0) {
		rameti_sql_rollback(h->db);
		*end = at;
		return r;
	}
	r = take_header(h, &text, &header, err);
	if (!r)
		r = run_for(h, "DELETE FROM entries WHERE session=?1", at.session, err);
	if (!r)
		r = put_session(h, header, text, &at, err);
	r = finish(h, r, 1, err);
	if (!r)
		*end = at;
	return r;
}

static int remove_key(struct rameti_sqlite *h, int64_t key, struct ramet_error *err)
{
	int r = run_for(h, "DELETE FROM entries WHERE session=?1", key, err);

	if (!r)
		r = run_for(h, "DELETE FROM state WHERE session=?1", key, err);
	return r < 0 ? r : run_for(h, "DELETE FROM sessions WHERE key=?1", key, err);
}

int rameti_sqlite_remove(struct rameti_sqlite *h, struct ramet_bytes id, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int64_t key = 0;
	int r = begin(h, err);

	if (r < 0)
		return r;
	r = rameti_sql_prepare(&st, h->db, "SELECT key FROM sessions WHERE id=?1", err);
	if (!r) {
		rameti_stmt_bind_text(st, 1, id);
		r = rameti_stmt_step(st, err);
		key = r > 0 ? rameti_stmt_int(st, 0) : 0;
		rameti_stmt_free(st);
	}
	if (r > 0)
		r = remove_key(h, key, err);
	else if (!r)
		r = rameti_fail_at(err, RAMET_ENOTFOUND, h->path, 0, RAMET_NO_OFFSET,
				   "no session with this id");
	return finish(h, r, 1, err);
}

int rameti_sqlite_sync(struct rameti_sqlite *h, struct ramet_error *err)
{
	if (h->dead)
		return rameti_sqlite_start(h, 0, err);
	return h->db ? unknown(h, rameti_sql_sync(h->db, err)) : 0;
}

/*
 * store/home_pirust_sqlite.c - SQLite sessions of pi_agent_rust: reading, listing, and their place
 * among the homes.
 *
 * Rows are handed out as they are, in the order of their numbers, also where the original would
 * refuse the session for one bad row or a gap. Nothing here writes.
 */
#include "store/home_pirust_sqlite_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "codec/codec.h"
#include "codec/pi_list.h"
#include "store/home.h"

#define WAIT_MS 5000u

/* ---- rows ---- */

int rameti_pirust_sqlite_is_one(struct rameti_sql *db, struct ramet_error *err)
{
	int64_t n = 0;
	int r = rameti_sql_number(db, "SELECT count(*) FROM sqlite_master WHERE type='table' AND "
				      "name IN ('pi_session_header','pi_session_entries')", &n,
				  err);

	if (!r && n != 2)
		r = rameti_fail_at(err, RAMET_EFORMAT, rameti_sql_path(db), 0, RAMET_NO_OFFSET,
				   "is a database, but not a session of pi_agent_rust");
	return r;
}

/* One line of it: line breaks between tokens go. */
static int add_line(struct ramet_bytes json, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	size_t at = out->len;
	int r = 0;

	if (!memchr(json.ptr, '\n', json.len)) {
		ramet_buf_add(out, json);
	} else {
		r = ramet_json_parse(&doc, json, 0, NULL);
		if (!r)
			rameti_json_add_compact(out, ramet_json_root(&doc));
		else
			ramet_buf_add(out, json);
		for (; out->ptr && at < out->len; at++)
			if (out->ptr[at] == '\n')
				out->ptr[at] = ' ';
		ramet_json_doc_release(&doc);
	}
	ramet_buf_add_char(out, '\n');
	if (ramet_buf_status(out) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "the session is larger than %zu bytes",
				   out->max);
	return r == RAMET_ENOMEM || ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_pirust_sqlite_header(struct rameti_sql *db, struct ramet_buf *line,
				struct ramet_error *err)
{
	struct rameti_stmt *st;
	int e = 0, n = 0;
	int r = rameti_sql_prepare(&st, db, "SELECT json FROM pi_session_header LIMIT 2", err);

	if (r < 0)
		return r;
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		if (!n++)
			e = add_line(rameti_stmt_bytes(st, 0), line, err);
	rameti_stmt_free(st);
	if (e < 0 || r < 0)
		return e < 0 ? e : r;
	return n == 1 ? 0 :
			rameti_fail_at(err, RAMET_EFORMAT, rameti_sql_path(db), 0, RAMET_NO_OFFSET,
				       n ? "has more than one header" : "has no header");
}

int rameti_pirust_sqlite_rows(struct rameti_sql *db, int64_t after,
			      int (*fn)(void *user, int64_t seq, struct ramet_bytes json,
					struct ramet_error *err),
			      void *user, struct ramet_error *err)
{
	struct rameti_stmt *st;
	int e = 0, r = rameti_sql_prepare(&st, db, "SELECT seq, json FROM pi_session_entries WHERE "
						   "seq>?1 ORDER BY seq", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_int(st, 1, after);
	while (!e && (r = rameti_stmt_step(st, err)) > 0)
		e = fn(user, rameti_stmt_int(st, 0), rameti_stmt_bytes(st, 1), err);
	rameti_stmt_free(st);
	return e ? e : r;
}

/* ---- where a handle stands ---- */

int rameti_pirust_sqlite_note(struct rameti_pirust_sqlite *h, int64_t seq, struct ramet_bytes json,
			      struct ramet_error *err)
{
	int r = rameti_pirust_facts_line(&h->facts, json, err);

	if (r < 0)
		return r;
	ramet_buf_reset(&h->last_id);
	ramet_buf_add(&h->last_id, ramet_buf_bytes(&h->facts.entry_id));
	h->last_sum = rameti_crc32c(0, json.ptr, json.len);
	h->gaps |= seq != h->seq + 1;
	h->seq = seq;
	return ramet_buf_status(&h->last_id) < 0 ? rameti_fail_nomem(err) : 0;
}

static int is_last(struct rameti_pirust_sqlite *h, struct ramet_bytes json, struct ramet_error *err)
{
	int r = rameti_pirust_facts_line(&h->facts, json, err);

	if (r < 0)
		return r;
	if (h->last_id.len || h->facts.entry_id.len)
		return ramet_bytes_eq(ramet_buf_bytes(&h->last_id),
				      ramet_buf_bytes(&h->facts.entry_id));
	return h->last_sum == rameti_crc32c(0, json.ptr, json.len);
}

/* The original may have stored the same entries anew in other words, so ids are compared. */
int rameti_pirust_sqlite_same(struct rameti_pirust_sqlite *h, struct rameti_sql *db,
			      struct ramet_error *err)
{
	struct rameti_stmt *st;
	struct ramet_bytes json;
	int same = 0, r = rameti_sql_prepare(&st, db, "SELECT (SELECT json FROM pi_session_entries "
						      "WHERE seq=?1), (SELECT id FROM "
						      "pi_session_header)", err);

	if (r < 0)
		return r;
	rameti_stmt_bind_int(st, 1, h->seq);
	r = rameti_stmt_step(st, err);
	if (r > 0) {
		json = rameti_stmt_bytes(st, 0);
		same = ramet_bytes_eq(rameti_stmt_bytes(st, 1), ramet_buf_bytes(&h->session_id));
		if (same && h->seq)
			r = same = json.ptr ? is_last(h, json, err) : 0;
	}
	rameti_stmt_free(st);
	if (r < 0)
		return r;
	return same ? 0 :
		      rameti_fail_at(err, RAMET_ECONFLICT, h->path, 0, RAMET_NO_OFFSET,
				     "another program stored another session here");
}

/* ---- loading ---- */

struct loading {
	struct rameti_pirust_sqlite *h;
	struct ramet_buf *text;
	size_t before;
	int from_start;
	/* where the handle stood */
	int64_t seq;
	struct ramet_buf last_id;
	uint32_t last_sum;
	int gaps;
};

static int add_row(void *user, int64_t seq, struct ramet_bytes json, struct ramet_error *err)
{
	struct loading *l = user;
	int r = add_line(json, l->text, err);

	return r < 0 ? r : rameti_pirust_sqlite_note(l->h, seq, json, err);
}

static int start(struct loading *l, struct rameti_sql *db, struct ramet_error *err)
{
	struct rameti_pirust_sqlite *h = l->h;
	struct rameti_stmt *st;
	int r = rameti_pirust_sqlite_is_one(db, err);

	if (!r)
		r = rameti_pirust_sqlite_header(db, l->text, err);
	if (!r)
		r = rameti_sql_prepare(&st, db, "SELECT id FROM pi_session_header", err);
	if (r < 0)
		return r;
	ramet_buf_reset(&h->session_id);
	h->seq = h->gaps = 0;
	r = rameti_stmt_step(st, err);
	if (r > 0)
		ramet_buf_add(&h->session_id, rameti_stmt_bytes(st, 0));
	rameti_stmt_free(st);
	if (r >= 0 && ramet_buf_status(&h->session_id) < 0)
		return rameti_fail_nomem(err);
	return r < 0 ? r : 0;
}

/* Back to where it stood. */
static int take_back(struct loading *l, struct ramet_error *err)
{
	struct rameti_pirust_sqlite *h = l->h;

	ramet_buf_truncate(l->text, l->before);
	h->seq = l->seq;
	h->last_sum = l->last_sum;
	h->gaps = l->gaps;
	ramet_buf_reset(&h->last_id);
	ramet_buf_add(&h->last_id, ramet_buf_bytes(&l->last_id));
	return ramet_buf_status(&h->last_id) < 0 ? rameti_fail_nomem(err) : 0;
}

static int load(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct loading *l = user;
	int r = take_back(l, err);

	rameti_pirust_facts_begin(&l->h->facts);
	if (!r)
		r = l->from_start ? start(l, db, err) : rameti_pirust_sqlite_same(l->h, db, err);
	return r < 0 ? r : rameti_pirust_sqlite_rows(db, l->h->seq, add_row, l, err);
}

static int run_load(struct loading *l, struct ramet_error *err)
{
	struct rameti_pirust_sqlite *h = l->h;
	int r;

	l->seq = h->seq;
	l->last_sum = h->last_sum;
	l->gaps = h->gaps;
	ramet_buf_init(&l->last_id, SIZE_MAX / 2);
	ramet_buf_add(&l->last_id, ramet_buf_bytes(&h->last_id));
	if (ramet_buf_status(&l->last_id) < 0)
		return rameti_fail_nomem(err);
	if (h->db) {
		r = rameti_sql_exec(h->db, "BEGIN", err);
		if (!r)
			r = load(l, h->db, err);
		rameti_sql_rollback(h->db);
	} else {
		r = rameti_sql_read(h->path, h->lock_ms, load, l, err);
	}
	if (r < 0) {
		(void)take_back(l, NULL);
		rameti_error_set_path(err, h->path);
	}
	ramet_buf_release(&l->last_id);
	return r;
}

int rameti_pirust_sqlite_load(struct rameti_pirust_sqlite *h, struct ramet_buf *text,
			      struct ramet_error *err)
{
	struct loading l = { .h = h, .text = text, .before = text->len, .from_start = 1 };

	return run_load(&l, err);
}

int rameti_pirust_sqlite_more(struct rameti_pirust_sqlite *h, struct ramet_buf *text,
			      struct ramet_error *err)
{
	struct loading l = { .h = h, .text = text, .before = text->len };
	int r = run_load(&l, err);

	return r < 0 ? r : h->seq > l.seq;
}

/* ---- handles ---- */

int rameti_pirust_sqlite_open(struct rameti_pirust_sqlite **out, const char *path,
			      const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct rameti_pirust_sqlite *h = ramet_calloc(1, sizeof(*h));
	struct ramet_buf real = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int r;

	if (!h)
		return rameti_fail_nomem(err);
	h->lock.fd = -1;
	h->level = opts ? opts->level : 0;
	h->lock_ms = opts && opts->lock_ms ? opts->lock_ms : WAIT_MS;
	ramet_buf_init(&h->last_id, SIZE_MAX / 2);
	ramet_buf_init(&h->session_id, SIZE_MAX / 2);
	r = rameti_path_follow(NULL, path, &real, err);
	if (!r)
		r = rameti_path_stat(NULL, real.ptr, &st, err);
	if (!r) {
		h->path = ramet_buf_detach(&real, NULL);
		r = rameti_pirust_facts_init(&h->facts, err);
	}
	ramet_buf_release(&real);
	if (r < 0)
		rameti_pirust_sqlite_close(h);
	else
		*out = h;
	return r;
}

void rameti_pirust_sqlite_close(struct rameti_pirust_sqlite *h)
{
	if (!h)
		return;
	rameti_sql_close(h->db);
	(void)rameti_file_close(&h->lock);               /* nothing is written to it */
	if (h->facts.scanner)
		rameti_pirust_facts_release(&h->facts);
	ramet_buf_release(&h->last_id);
	ramet_buf_release(&h->session_id);
	ramet_free(h->path);
	ramet_free(h);
}

/* ---- what a list says ---- */

struct looking {
	const char *path;
	struct rameti_pi_list list;
	struct rameti_pirust_facts facts;
	struct ramet_buf header, parent;
	int has_parent;
};

static int look_row(void *user, int64_t seq, struct ramet_bytes json, struct ramet_error *err)
{
	struct looking *l = user;
	int r = rameti_pi_list_lines(&l->list, json, err);

	(void)seq;
	return r < 0 ? r : rameti_pirust_facts_line(&l->facts, json, err);
}

/* Forks name what they came from in a member of this dialect. */
static int look_parent(struct looking *l, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *from;
	int r = ramet_json_parse(&doc, ramet_buf_bytes(&l->header), 0, NULL);

	from = r ? NULL : ramet_json_get(ramet_json_root(&doc), "branchedFrom");
	if (ramet_json_kind(from) == RAMET_JSON_STRING) {
		ramet_json_text(from, &l->parent);
		l->has_parent = 1;
	}
	ramet_json_doc_release(&doc);
	return r == RAMET_ENOMEM || ramet_buf_status(&l->parent) < 0 ? rameti_fail_nomem(err) : 0;
}

static int look(void *user, struct rameti_sql *db, struct ramet_error *err)
{
	struct looking *l = user;
	size_t used;
	int r = rameti_pirust_sqlite_is_one(db, err);

	ramet_buf_reset(&l->header);
	ramet_buf_reset(&l->parent);
	l->has_parent = 0;
	rameti_pi_list_begin(&l->list);
	rameti_pirust_facts_begin(&l->facts);
	if (!r)
		r = rameti_pirust_sqlite_header(db, &l->header, err);
	if (!r)
		r = rameti_pi_list_header(&l->list, ramet_buf_bytes(&l->header), &used, err);
	if (!r && l->list.state != RAMETI_PI_LIST_SESSION)
		r = rameti_fail_at(err, RAMET_EFORMAT, l->path, 0, RAMET_NO_OFFSET,
				   "its header is not one");
	if (!r)
		r = look_parent(l, err);
	return r < 0 ? r : rameti_pirust_sqlite_rows(db, 0, look_row, l, err);
}

/* The file and what stands beside it, as the original adds them up. */
static int measure(const char *path, struct ramet_session_info *info, struct ramet_error *err)
{
	static const char *const behind[] = { "", "-wal", "-shm" };
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int64_t ms;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < sizeof(behind) / sizeof(behind[0]); i++) {
		ramet_buf_reset(&name);
		ramet_buf_addf(&name, "%s%s", path, behind[i]);
		r = ramet_buf_status(&name) < 0 ? rameti_fail_nomem(err) :
						  rameti_path_stat(NULL, name.ptr, &st, err);
		if (r == RAMET_ENOTFOUND && i) {
			r = 0;
			continue;
		}
		ms = r ? 0 : (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		info->size += r ? 0 : (uint64_t)st.st_size;
		info->mtime_ms = ms > info->mtime_ms || !i ? ms : info->mtime_ms;
	}
	ramet_buf_release(&name);
	return r;
}

/* Texts end in a NUL. */
static struct ramet_bytes told(const struct ramet_buf *b, int there)
{
	struct ramet_bytes none = { NULL, 0 };

	if (!there)
		return none;
	return b->len ? ramet_buf_bytes(b) : ramet_bytes_of("");
}

static int tell(struct looking *l, int with_text,
		int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		struct ramet_error *err)
{
	struct ramet_session_info info;
	int r;

	memset(&info, 0, sizeof(info));
	r = measure(l->path, &info, err);
	if (r < 0)
		return r;
	info.path = ramet_bytes_of(l->path);
	info.id = told(&l->list.id, 1);
	info.cwd = told(&l->list.cwd, l->list.has_cwd);
	info.name = told(&l->facts.name, l->facts.name.len > 0);
	info.parent_session = l->has_parent ? told(&l->parent, 1) :
					      told(&l->list.parent_session,
						   l->list.has_parent_session);
	info.first_message = l->list.first_message.len ? told(&l->list.first_message, 1) :
							 ramet_bytes_of("(no messages)");
	info.all_text = told(&l->list.all_text, with_text);
	info.created_ms = l->list.created_ms;
	info.modified_ms = rameti_pi_list_modified(&l->list, info.mtime_ms);
	info.message_count = l->list.message_count;
	info.format = "pirust";
	return fn(user, &info);
}

int rameti_pirust_sqlite_info(const char *path, int with_text,
			      int (*fn)(void *user, const struct ramet_session_info *info),
			      void *user, struct ramet_error *err)
{
	struct looking l = { .path = path, .header = RAMET_BUF_INIT(SIZE_MAX / 2),
			     .parent = RAMET_BUF_INIT(SIZE_MAX / 2) };
	int r = rameti_pi_list_init(&l.list, with_text, err);

	if (r < 0)
		return r;
	r = rameti_pirust_facts_init(&l.facts, err);
	if (!r)
		r = rameti_sql_read(path, WAIT_MS, look, &l, err);
	if (!r)
		r = tell(&l, with_text, fn, user, err);
	rameti_pirust_facts_release(&l.facts);
	rameti_pi_list_release(&l.list);
	ramet_buf_release(&l.header);
	ramet_buf_release(&l.parent);
	return r;
}

/* ---- as a home ---- */

static int door_open(void **state, const char *file, struct ramet_bytes id,
		     const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct rameti_pirust_sqlite *h;
	int r = rameti_pirust_sqlite_open(&h, file, opts, err);

	(void)id;                                        /* there is but one */
	if (!r)
		*state = h;
	return r;
}

static void door_close(void *state)
{
	rameti_pirust_sqlite_close(state);
}

static int door_load(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	return rameti_pirust_sqlite_load(state, text, err);
}

static int door_more(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	return rameti_pirust_sqlite_more(state, text, err);
}

static int door_append(void *state, struct ramet_bytes lines, size_t n, int sync,
		       struct ramet_error *err)
{
	(void)n;
	return rameti_pirust_sqlite_append(state, lines, sync, err);
}

static int door_sync(void *state, struct ramet_error *err)
{
	return rameti_pirust_sqlite_sync(state, err);
}

/* The original refuses the session then. */
static int door_damage(void *state, struct ramet_findings *f, struct ramet_error *err)
{
	const struct rameti_pirust_sqlite *h = state;
	struct ramet_bytes none = { NULL, 0 };

	if (h->gaps && rameti_finding_add(f, RAMET_DAMAGE, "chain", 0, 0, none,
					  "the rows are not numbered from 1 on without a gap") < 0)
		return rameti_fail_nomem(err);
	return 0;
}

/* The schema of such a database stands in its first page. */
static int door_sniff(struct ramet_bytes head)
{
	static const char magic[] = "SQLite format 3", table[] = "pi_session_header";

	return head.len > sizeof(magic) && !memcmp(head.ptr, magic, sizeof(magic)) &&
	       memmem(head.ptr, head.len, table, sizeof(table) - 1) != NULL;
}

const struct rameti_home rameti_home_pirust_sqlite = {
	.format = "pirust",
	.ext = ".sqlite",
	.codec = &rameti_codec_pirust,
	.open = door_open,
	.close = door_close,
	.load = door_load,
	.more = door_more,
	.append = door_append,
	.sync = door_sync,
	.create = rameti_pirust_sqlite_create,
	.each = rameti_pirust_sqlite_info,
	.remove = rameti_pirust_sqlite_remove,
	.sniff = door_sniff,
	.damage = door_damage,
};

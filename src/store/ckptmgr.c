/*
 * store/ckptmgr.c - the snapshot manager's calls: each one change of the state as it is now.
 *
 * The clock is read as often as the original reads it: once when a session is made, once when it is
 * touched.
 */
#include "ramet/ckptmgr.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "store/ckptmgr_priv.h"

#define LIST_DEPTH RAMETI_CKPT_MEMBER_DEPTH
#define KEY(text) { text, sizeof(text) - 1 }

int ramet_ckptmgr_open(struct ramet_ckptmgr **out, const char *path,
		       const struct ramet_ckptmgr_opts *opts, struct ramet_error *err)
{
	struct ramet_ckptmgr *m = ramet_calloc(1, sizeof(*m));
	struct rameti_ckpt state = RAMETI_CKPT_INIT;
	int r;

	if (!m)
		return rameti_fail_nomem(err);
	r = rameti_ckptfile_init(&m->file, path, opts ? opts->lock_ms : 0, err);
	m->file.no_sync = opts && opts->no_sync;
	if (!r)
		r = rameti_ckptfile_read(&m->file, &state, NULL, err);
	rameti_ckpt_release(&state);
	if (r < 0)
		ramet_ckptmgr_close(m);
	else
		*out = m;
	return r;
}

void ramet_ckptmgr_close(struct ramet_ckptmgr *m)
{
	if (!m)
		return;
	rameti_ckptfile_release(&m->file);
	ramet_free(m);
}

int ramet_ckptmgr_state(struct ramet_ckptmgr *m, struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_ckpt state = RAMETI_CKPT_INIT;
	int r = rameti_ckptfile_read(&m->file, &state, NULL, err);

	rameti_ckpt_release(&state);
	if (r < 0)
		return r;
	ramet_buf_add(out, ramet_buf_bytes(&m->file.text));
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- changes ---- */

struct call {
	const struct ramet_ckptmgr *m;
	struct ramet_bytes id, other;            /* other: key, or the session to clone to */
	struct ramet_bytes json;
	uint64_t turns;
	int flag;                                /* replace; was it created */
	const struct ramet_ckptmgr_file *files;
	size_t n_files;
	uint64_t fork;
	struct ramet_buf *made, *to;             /* the fork's id, and where it will go */
};

static int64_t now_ns(const struct call *c)
{
	return rameti_ckptfile_now_ns(&c->m->file);
}

/* The state with a session changed. */
static int write_session(const struct rameti_ckpt *state, const struct rameti_ckpt_session *s,
			 struct ramet_bytes id, const struct rameti_ckpt_change *change,
			 struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	rameti_ckpt_add_session(&text, s, id, change);
	r = ramet_buf_status(&text) < 0 ? rameti_fail_nomem(err) :
					  rameti_ckpt_write(state, id, ramet_buf_bytes(&text), none,
							    0, out, err);
	ramet_buf_release(&text);
	return r;
}

static int create_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	struct call *c = user;
	struct rameti_ckpt_change change = { .created_ns = 0 };
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	c->flag = !r;
	if (r)
		return r;
	change.created_ns = change.updated_ns = now_ns(c);
	return write_session(state, &s, c->id, &change, out, err);
}

int ramet_ckptmgr_get_or_create(struct ramet_ckptmgr *m, struct ramet_bytes id,
				struct ramet_ckptmgr_session *session, int *created,
				struct ramet_error *err)
{
	struct call c = { .m = m, .id = rameti_ckptmgr_id(id) };
	int r = rameti_ckptfile_change(&m->file, create_it, &c, err);

	if (!r && created)
		*created = c.flag;
	return r < 0 || !session ? r : ramet_ckptmgr_get(m, id, session, err);
}

/* A list of objects, as the original writes it. */
static int add_messages(struct ramet_bytes json, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *list, *item = NULL;
	int r = ramet_json_parse(&doc, json, 0, err);

	list = ramet_json_root(&doc);
	if (!r && ramet_json_kind(list) != RAMET_JSON_ARRAY)
		r = rameti_fail(err, RAMET_EINVAL, "messages are a list");
	if (!r)
		item = ramet_json_next(list, NULL);
	for (; !r && item; item = ramet_json_next(list, item))
		if (ramet_json_kind(item) != RAMET_JSON_OBJECT)
			r = rameti_fail(err, RAMET_EINVAL, "a message is an object");
	if (!r)
		r = rameti_ckpt_add_value(out, list, LIST_DEPTH, RAMETI_CKPT_OWN) < 0 ?
			    rameti_fail_nomem(err) :
			    0;
	ramet_json_doc_release(&doc);
	return r;
}

static int set_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		  struct ramet_error *err)
{
	struct call *c = user;
	struct rameti_ckpt_change change = { .messages = c->json };
	struct ramet_buf turns = RAMET_BUF_INIT(64);
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	if (r < 0)
		return r;
	if (!r)
		change.created_ns = now_ns(c);
	change.updated_ns = now_ns(c);
	ramet_buf_addf(&turns, "%llu", (unsigned long long)c->turns);
	change.turns = ramet_buf_bytes(&turns);
	r = ramet_buf_status(&turns) < 0 ? rameti_fail_nomem(err) :
					   write_session(state, &s, c->id, &change, out, err);
	ramet_buf_release(&turns);
	return r;
}

int ramet_ckptmgr_set_state(struct ramet_ckptmgr *m, struct ramet_bytes id,
			    struct ramet_bytes messages, uint64_t turns, struct ramet_error *err)
{
	struct call c = { .m = m, .id = rameti_ckptmgr_id(id), .turns = turns };
	struct ramet_buf list = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = add_messages(messages, &list, err);

	c.json = ramet_buf_bytes(&list);
	if (!r && turns > 999999999999999999)
		r = rameti_fail(err, RAMET_EINVAL, "too many turns");
	if (!r)
		r = rameti_ckptfile_change(&m->file, set_it, &c, err);
	ramet_buf_release(&list);
	return r;
}

static int remove_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct call *c = user;

	if (!rameti_ckpt_get(state->sessions, c->id))
		return rameti_ckptmgr_fail_missing(c->id, err);
	return rameti_ckpt_write(state, c->id, none, none, 0, out, err);
}

int ramet_ckptmgr_remove(struct ramet_ckptmgr *m, struct ramet_bytes id, struct ramet_error *err)
{
	struct call c = { .m = m, .id = id };

	return rameti_ckptfile_change(&m->file, remove_it, &c, err);
}

/* ---- checkpoints ---- */

/* A list of messages at another depth; missing or null: an empty one. */
static int add_copy(const struct ramet_json *list, unsigned depth, struct ramet_buf *out,
		    struct ramet_error *err)
{
	if (ramet_json_kind(list) != RAMET_JSON_ARRAY)
		ramet_buf_add_str(out, "[]");
	else
		(void)rameti_ckpt_add_value(out, list, depth, RAMETI_CKPT_KEEP);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

/* The map with one key set, as the new text of it. */
static int set_key(const struct ramet_json *map, struct ramet_bytes key, struct ramet_bytes value,
		   struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_ckpt_edit edit = { key, value };

	rameti_ckpt_add_object(out, map, RAMETI_CKPT_MEMBER_DEPTH, &edit, 1, RAMETI_CKPT_MAP);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static int check_key(struct ramet_bytes key, struct ramet_error *err)
{
	if (!key.len || ramet_bytes_is(key, RAMETI_CKPT_RAW))
		return rameti_fail(err, RAMET_EINVAL, "not a key for a checkpoint");
	return 0;
}

static int keep_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		   struct ramet_error *err)
{
	struct call *c = user;
	struct ramet_buf list = RAMET_BUF_INIT(SIZE_MAX / 2), map = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_change change = { .created_ns = 0 };
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	if (!r)
		r = rameti_ckptmgr_fail_missing(c->id, err);
	if (r == 1)
		r = add_copy(s.messages, RAMETI_CKPT_MESSAGE_DEPTH, &list, err);
	if (!r)
		r = set_key(s.checkpoints, c->other, ramet_buf_bytes(&list), &map, err);
	if (!r) {
		change.checkpoints = ramet_buf_bytes(&map);
		change.updated_ns = now_ns(c);
		r = write_session(state, &s, c->id, &change, out, err);
	}
	ramet_buf_release(&list);
	ramet_buf_release(&map);
	return r;
}

int ramet_ckptmgr_snapshot(struct ramet_ckptmgr *m, struct ramet_bytes id, struct ramet_bytes key,
			   struct ramet_error *err)
{
	struct call c = { .m = m, .id = id, .other = key };
	int r = check_key(key, err);

	return r < 0 ? r : rameti_ckptfile_change(&m->file, keep_it, &c, err);
}

static int rewind_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	struct call *c = user;
	struct ramet_buf list = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_change change = { .created_ns = 0 };
	const struct ramet_json *kept;
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	if (!r)
		return rameti_ckptmgr_fail_missing(c->id, err);
	if (r < 0)
		return r;
	kept = rameti_ckpt_get(s.checkpoints, c->other);
	if (!kept)
		return rameti_ckptmgr_fail_no_checkpoint(err);
	r = add_copy(kept, LIST_DEPTH, &list, err);
	if (!r) {
		change.messages = ramet_buf_bytes(&list);
		change.updated_ns = now_ns(c);
		r = write_session(state, &s, c->id, &change, out, err);
	}
	ramet_buf_release(&list);
	return r;
}

int ramet_ckptmgr_rewind(struct ramet_ckptmgr *m, struct ramet_bytes id, struct ramet_bytes key,
			 struct ramet_error *err)
{
	struct call c = { .m = m, .id = id, .other = key };
	int r = check_key(key, err);

	return r < 0 ? r : rameti_ckptfile_change(&m->file, rewind_it, &c, err);
}

/* ---- files ---- */

static int by_path(const void *a, const void *b)
{
	const struct ramet_ckptmgr_file *x = *(const struct ramet_ckptmgr_file *const *)a;
	const struct ramet_ckptmgr_file *y = *(const struct ramet_ckptmgr_file *const *)b;
	size_t len = x->path.len < y->path.len ? x->path.len : y->path.len;
	int c = len ? memcmp(x->path.ptr, y->path.ptr, len) : 0;

	return c ? c : (x->path.len < y->path.len ? -1 : x->path.len > y->path.len);
}

static int add_files(const struct call *c, struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_ckptmgr_file **sorted = ramet_calloc(c->n_files + 1, sizeof(*sorted));
	size_t i;

	if (!sorted)
		return rameti_fail_nomem(err);
	for (i = 0; i < c->n_files; i++)
		sorted[i] = &c->files[i];
	qsort(sorted, c->n_files, sizeof(*sorted), by_path);
	ramet_buf_add_char(out, '{');
	for (i = 0; i < c->n_files; i++) {
		if (i)
			ramet_buf_add_char(out, ',');
		rameti_ckpt_newline(out, RAMETI_CKPT_MESSAGE_DEPTH + 1);
		rameti_ckpt_add_string(out, sorted[i]->path);
		ramet_buf_add_str(out, ": ");
		if (sorted[i]->content.ptr)
			rameti_ckpt_add_string(out, sorted[i]->content);
		else
			ramet_buf_add_str(out, "null");
	}
	if (c->n_files)
		rameti_ckpt_newline(out, RAMETI_CKPT_MESSAGE_DEPTH);
	ramet_buf_add_char(out, '}');
	ramet_free(sorted);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static int put_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		  struct ramet_error *err)
{
	struct call *c = user;
	struct ramet_buf map = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_change change = { .created_ns = 0 };
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	if (!r)
		return rameti_ckptmgr_fail_no_checkpoint(err);
	if (r == 1)
		r = set_key(s.files, c->other, c->json, &map, err);
	if (!r) {
		change.files = ramet_buf_bytes(&map);
		change.updated_ns = now_ns(c);
		r = write_session(state, &s, c->id, &change, out, err);
	}
	ramet_buf_release(&map);
	return r;
}

int ramet_ckptmgr_put_files(struct ramet_ckptmgr *m, struct ramet_bytes id, struct ramet_bytes key,
			    const struct ramet_ckptmgr_file *files, size_t n,
			    struct ramet_error *err)
{
	struct call c = { .m = m, .id = id, .other = key, .files = files, .n_files = n };
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	int r = check_key(key, err);

	if (!r)
		r = add_files(&c, &text, err);
	c.json = ramet_buf_bytes(&text);
	if (!r)
		r = rameti_ckptfile_change(&m->file, put_it, &c, err);
	ramet_buf_release(&text);
	return r;
}

/* ---- clones and forks ---- */

/* The new session: the old one's members, but for id and times. */
static int add_clone(const struct call *c, const struct rameti_ckpt_session *s,
		     struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_ckpt_edit edits[6] = { { KEY("ID"), { NULL, 0 } },
					     { KEY("CreatedAt"), { NULL, 0 } },
					     { KEY("UpdatedAt"), { NULL, 0 } },
					     { KEY("Messages"), KEY("[]") },
					     { KEY("Checkpoints"), KEY("{}") },
					     { KEY("FileCheckpoints"), KEY("{}") } };
	const struct ramet_json *old[3] = { s->messages, s->checkpoints, s->files };
	struct ramet_buf time = RAMET_BUF_INIT(64), id = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i;

	rameti_ckpt_add_time(&time, now_ns(c));
	rameti_ckpt_add_string(&id, c->other);
	edits[0].value = ramet_buf_bytes(&id);
	edits[1].value = edits[2].value = ramet_buf_bytes(&time);
	for (i = 0; i < 3; i++)
		if (ramet_json_kind(old[i]) >= RAMET_JSON_ARRAY)
			edits[3 + i].value = ramet_json_raw(old[i]);
	rameti_ckpt_add_object(out, s->value, RAMETI_CKPT_SESSION_DEPTH, edits, 6,
			       RAMETI_CKPT_RECORD);
	if (ramet_buf_status(&time) < 0 || ramet_buf_status(&id) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&time);
	ramet_buf_release(&id);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static int clone_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		    struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct call *c = user;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, c->id, &s, err);

	if (!r)
		r = rameti_ckptmgr_fail_missing(c->id, err);
	if (r < 0)
		return r;
	if (!c->flag && rameti_ckpt_get(state->sessions, c->other))
		return rameti_fail(err, RAMET_ECONFLICT, "there is a session \"%.*s\" already",
				   (int)(c->other.len < 80 ? c->other.len : 80), c->other.ptr);
	r = add_clone(c, &s, &text, err);
	if (!r)
		r = rameti_ckpt_write(state, c->other, ramet_buf_bytes(&text), none, 0, out, err);
	ramet_buf_release(&text);
	return r;
}

int ramet_ckptmgr_clone(struct ramet_ckptmgr *m, struct ramet_bytes from, struct ramet_bytes to,
			int replace, struct ramet_error *err)
{
	struct call c = { .m = m, .id = from, .other = to, .flag = replace };

	if (!from.len || !to.len)
		return rameti_fail(err, RAMET_EINVAL, "a session without an id cannot be cloned");
	return rameti_ckptfile_change(&m->file, clone_it, &c, err);
}

static void add_fork_id(struct ramet_buf *b, struct ramet_bytes base, uint64_t n)
{
	ramet_buf_reset(b);
	ramet_buf_add(b, base);
	ramet_buf_addf(b, "#fork-%llu", (unsigned long long)n);
}

static int fork_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		   struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct call *c = user;
	const struct ramet_json *count = rameti_ckpt_get(state->counters, c->id);
	struct rameti_ckpt_session s = { .turns = count };
	int r = 0;

	c->fork = rameti_ckpt_turns(&s);
	if (count && ramet_json_kind(count) != RAMET_JSON_NULL && !c->fork &&
	    !ramet_bytes_is(ramet_json_raw(count), "0"))
		return rameti_fail(err, RAMET_EFORMAT, "a fork counter that is no number");
	do {
		c->fork++;
		add_fork_id(c->made, c->id, c->fork);
		if (ramet_buf_status(c->made) < 0)
			r = rameti_fail_nomem(err);
	} while (!r && rameti_ckpt_get(state->sessions, ramet_buf_bytes(c->made)));
	/* a number that was drawn is told */
	if (!r && ramet_buf_reserve(c->to, c->made->len) < 0)
		r = rameti_fail(err, ramet_buf_status(c->to), "no room for the id");
	return r < 0 ? r : rameti_ckpt_write(state, none, none, c->id, c->fork, out, err);
}

int ramet_ckptmgr_new_fork_id(struct ramet_ckptmgr *m, struct ramet_bytes base,
			      struct ramet_buf *id, struct ramet_error *err)
{
	struct ramet_buf made = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct call c = { .m = m, .id = rameti_ckptmgr_id(base), .made = &made, .to = id };
	int r = rameti_ckptfile_change(&m->file, fork_it, &c, err);

	if (!r)
		ramet_buf_add(id, ramet_buf_bytes(&made));
	ramet_buf_release(&made);
	return r;
}

/*
 * store/home_ckptmgr.c - ckptmgr:FILE as one of the homes of store/home.h: the sessions of a
 * snapshot manager's state file, as chains of entries.
 *
 * Keeps what the session was when it was read or written last; if it only grew since, what is new
 * is the rest, else somebody rewound or replaced it, and the handle has to be opened anew.
 */
#include <string.h>

#include "base/error.h"
#include "codec/ckptmgr.h"
#include "codec/codec.h"
#include "codec/pi_list.h"
#include "store/ckptmgr_file.h"
#include "store/home.h"

struct door {
	struct rameti_ckptfile file;
	struct rameti_ckpt first;                /* as it was opened, until it is loaded */
	int has_first;
	struct ramet_buf id;
	struct ramet_buf rest;                   /* its entries without the head */
};

static void leave(void *state)
{
	struct door *d = state;

	if (!d)
		return;
	rameti_ckpt_release(&d->first);
	rameti_ckptfile_release(&d->file);
	ramet_buf_release(&d->id);
	ramet_buf_release(&d->rest);
	ramet_free(d);
}

/* ---- which session ---- */


static int is_start(struct ramet_bytes start, struct ramet_bytes id)
{
	return !start.ptr || (id.len >= start.len && !memcmp(id.ptr, start.ptr, start.len));
}

/* The decoded id of each session by turns; its value in *value. */
static int next_id(const struct rameti_ckpt *state, const struct ramet_json **value,
		   struct ramet_buf *id, struct ramet_error *err)
{
	const struct ramet_json *key, *last;

	if (ramet_json_kind(state->sessions) != RAMET_JSON_OBJECT)
		return 0;
	for (last = *value;; last = *value) {
		key = ramet_json_next(state->sessions, last);
		if (!key)
			return 0;
		*value = ramet_json_next(state->sessions, key);
		ramet_buf_reset(id);
		rameti_ckpt_decode(ramet_json_raw(key), id);
		if (ramet_buf_status(id) < 0)
			return rameti_fail_nomem(err);
		/* of equal keys the last one is the session */
		if (rameti_ckpt_get(state->sessions, ramet_buf_bytes(id)) == *value)
			return 1;
	}
}

static int search(const struct rameti_ckpt *state, struct ramet_bytes id, struct ramet_buf *found,
		  struct ramet_error *err)
{
	struct ramet_buf each = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *value = NULL;
	unsigned n = 0;
	int r = 0;

	if (id.ptr && rameti_ckpt_get(state->sessions, id)) {
		ramet_buf_add(found, id);
		return ramet_buf_status(found) < 0 ? rameti_fail_nomem(err) : 0;
	}
	while ((r = next_id(state, &value, &each, err)) > 0) {
		if (!is_start(id, ramet_buf_bytes(&each)))
			continue;
		if (!n++)
			ramet_buf_add(found, ramet_buf_bytes(&each));
	}
	if (!r && !n)
		r = rameti_fail(err, RAMET_ENOTFOUND, "no such session in it");
	if (!r && n > 1)
		r = rameti_fail(err, RAMET_EAMBIGUOUS, "%u sessions in it: name one behind #", n);
	if (!r && ramet_buf_status(found) < 0)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&each);
	return r;
}

static int enter(void **state, const char *file, struct ramet_bytes id,
		 const struct ramet_open_opts *opts, struct ramet_error *err)
{
	static const struct rameti_ckpt none = RAMETI_CKPT_INIT;
	struct door *d = ramet_calloc(1, sizeof(*d));
	int r, there = 0;

	if (!d)
		return rameti_fail_nomem(err);
	d->first = none;
	ramet_buf_init(&d->id, SIZE_MAX / 2);
	ramet_buf_init(&d->rest, SIZE_MAX / 2);
	r = rameti_ckptfile_init(&d->file, file, opts ? opts->lock_ms : 0, err);
	if (!r)
		r = rameti_ckptfile_read(&d->file, &d->first, &there, err);
	if (!r && !there)
		r = rameti_fail_at(err, RAMET_ENOTFOUND, file, 0, RAMET_NO_OFFSET, "no such file");
	if (!r)
		r = search(&d->first, id, &d->id, err);
	d->has_first = !r;
	if (r < 0)
		leave(d);
	else
		*state = d;
	return r;
}

/* ---- reading ---- */

/* The session as lines; those that may grow are in text from *rest on. */
static int lines_of(struct door *d, struct ramet_buf *text, size_t *rest, struct ramet_error *err)
{
	static const struct rameti_ckpt none = RAMETI_CKPT_INIT;
	struct rameti_ckpt now = d->first;
	struct rameti_ckpt_session s;
	int r = 0;

	d->first = none;
	if (!d->has_first)
		r = rameti_ckptfile_read(&d->file, &now, NULL, err);
	d->has_first = 0;
	if (!r)
		r = rameti_ckpt_find(&now, ramet_buf_bytes(&d->id), &s, err);
	if (!r)
		r = rameti_fail(err, RAMET_ECONFLICT, "the session was removed");
	if (r == 1)
		r = rameti_ckpt_entries(&s, ramet_buf_bytes(&d->id), text, rest, err);
	rameti_ckpt_release(&now);
	return r;
}

static int keep_rest(struct door *d, struct ramet_bytes rest, struct ramet_error *err)
{
	ramet_buf_reset(&d->rest);
	ramet_buf_add(&d->rest, rest);
	return ramet_buf_status(&d->rest) < 0 ? rameti_fail_nomem(err) : 0;
}

static int load(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	struct door *d = state;
	size_t rest = 0;
	int r = lines_of(d, text, &rest, err);

	if (r < 0)
		return r;
	return keep_rest(d, (struct ramet_bytes){ text->ptr + rest, text->len - rest }, err);
}

static int more(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	struct door *d = state;
	struct ramet_buf now = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes rest;
	size_t from = 0, old = d->rest.len;
	int r = lines_of(d, &now, &from, err), is_more = 0;

	rest = r < 0 ? ramet_bytes_of("") :
		       (struct ramet_bytes){ now.ptr + from, now.len - from };
	if (!r && (rest.len < old || (old && memcmp(rest.ptr, d->rest.ptr, old))))
		r = rameti_fail(err, RAMET_ECONFLICT,
				"the session was rewound or replaced: open it anew");
	if (!r && rest.len > old) {
		is_more = 1;
		ramet_buf_add(text, (struct ramet_bytes){ rest.ptr + old, rest.len - old });
		r = ramet_buf_status(text) < 0 ? rameti_fail_nomem(err) : keep_rest(d, rest, err);
	}
	ramet_buf_release(&now);
	return r < 0 ? r : is_more;
}

/* ---- writing ---- */

struct appending {
	struct door *d;
	struct ramet_bytes lines;
	struct ramet_buf rest;                   /* afterwards */
};

static int is_as_known(struct door *d, const struct rameti_ckpt_session *s,
		       struct ramet_error *err)
{
	struct ramet_buf now = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t from = 0;
	int r = rameti_ckpt_entries(s, ramet_buf_bytes(&d->id), &now, &from, err);

	if (!r && (now.len - from != d->rest.len ||
		   (d->rest.len && memcmp(now.ptr + from, d->rest.ptr, d->rest.len))))
		r = rameti_fail(err, RAMET_ECONFLICT, "others changed the session");
	ramet_buf_release(&now);
	return r;
}

/* What the session will be read as when it is this. */
static int rest_of(struct appending *a, struct ramet_bytes session, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf now = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes id = ramet_buf_bytes(&a->d->id);
	struct rameti_ckpt_session s;
	size_t from = 0;
	int r = ramet_json_parse(&doc, session, 0, err);

	if (!r)
		r = rameti_ckpt_view(ramet_json_root(&doc), id, &s, err);
	if (!r)
		r = rameti_ckpt_entries(&s, id, &now, &from, err);
	ramet_buf_reset(&a->rest);
	if (!r)
		ramet_buf_add(&a->rest, (struct ramet_bytes){ now.ptr + from, now.len - from });
	if (!r && ramet_buf_status(&a->rest) < 0)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&now);
	ramet_json_doc_release(&doc);
	return r;
}

static int write_lines(struct appending *a, const struct rameti_ckpt *state,
		       const struct rameti_ckpt_session *s, struct ramet_buf *out,
		       struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf text[4] = { RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2),
				     RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct ramet_buf session = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_change change = { .created_ns = 0 };
	struct ramet_bytes id = ramet_buf_bytes(&a->d->id);
	int i, r = rameti_ckpt_append(s, a->lines, &change, text, err);

	if (!r) {
		change.updated_ns = rameti_ckptfile_now_ns(&a->d->file);
		change.created_ns = change.updated_ns;
		rameti_ckpt_add_session(&session, s, id, &change);
		if (ramet_buf_status(&session) < 0)
			r = rameti_fail_nomem(err);
	}
	if (!r)
		r = rest_of(a, ramet_buf_bytes(&session), err);
	if (!r)
		r = rameti_ckpt_write(state, id, ramet_buf_bytes(&session), none, 0, out, err);
	ramet_buf_release(&session);
	for (i = 0; i < 4; i++)
		ramet_buf_release(&text[i]);
	return r;
}

static int append_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	struct appending *a = user;
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_find(state, ramet_buf_bytes(&a->d->id), &s, err);

	if (!r)
		r = rameti_fail(err, RAMET_ECONFLICT, "the session was removed");
	if (r == 1)
		r = is_as_known(a->d, &s, err);
	return r < 0 ? r : write_lines(a, state, &s, out, err);
}

static int append(void *state, struct ramet_bytes lines, size_t n, int sync,
		  struct ramet_error *err)
{
	struct appending a = { .d = state, .lines = lines };
	struct ramet_buf swap;
	int r;

	(void)n;
	ramet_buf_init(&a.rest, SIZE_MAX / 2);
	a.d->file.no_sync = !sync;
	r = rameti_ckptfile_change(&a.d->file, append_it, &a, err);
	if (!r) {                                /* in doubt, it is found as others' */
		swap = a.d->rest;
		a.d->rest = a.rest;
		a.rest = swap;
	}
	ramet_buf_release(&a.rest);
	return r;
}

struct creating {
	struct rameti_ckptfile *file;
	struct ramet_bytes lines;
};

static int create_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct creating *c = user;
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2), session = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_ckpt_new_session(c->lines, rameti_ckptfile_now_ns(c->file), &id, &session,
					err);

	if (!r && rameti_ckpt_get(state->sessions, ramet_buf_bytes(&id)))
		r = rameti_fail(err, RAMET_ECONFLICT, "it has a session of that id");
	if (!r)
		r = rameti_ckpt_write(state, ramet_buf_bytes(&id), ramet_buf_bytes(&session), none,
				      0, out, err);
	ramet_buf_release(&id);
	ramet_buf_release(&session);
	return r;
}

static int create(const char *file, struct ramet_bytes text, int sync, struct ramet_error *err)
{
	struct rameti_ckptfile f;
	struct creating c = { &f, text };
	int r = rameti_ckptfile_init(&f, file, 0, err);

	f.no_sync = !sync;
	if (!r)
		r = rameti_ckptfile_change(&f, create_it, &c, err);
	rameti_ckptfile_release(&f);
	return r;
}

static int remove_it(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
		     struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 }, *id = user;

	if (!rameti_ckpt_get(state->sessions, *id))
		return rameti_fail(err, RAMET_ENOTFOUND, "no such session in it");
	return rameti_ckpt_write(state, *id, none, none, 0, out, err);
}

static int remove_one(const char *file, struct ramet_bytes id, struct ramet_error *err)
{
	struct rameti_ckptfile f;
	int r = rameti_ckptfile_init(&f, file, 0, err);

	if (!r)
		r = rameti_ckptfile_change(&f, remove_it, &id, err);
	rameti_ckptfile_release(&f);
	return r;
}

/* ---- listing ---- */

struct listing {
	const char *file;
	struct rameti_pi_list list;
	struct ramet_buf text;
	int (*fn)(void *user, const struct ramet_session_info *info);
	void *user;
	int with_text;
};

static void tell(struct listing *l, const struct rameti_ckpt_session *s, struct ramet_bytes id,
		 struct ramet_session_info *info)
{
	const struct rameti_pi_list *list = &l->list;
	int64_t updated = rameti_ckpt_time_ns(s->updated);

	memset(info, 0, sizeof(*info));
	info->path = ramet_bytes_of(l->file);
	info->id = id;
	info->first_message = ramet_buf_bytes(&list->first_message);
	if (list->name.len)
		info->name = ramet_buf_bytes(&list->name);
	if (list->has_cwd)
		info->cwd = ramet_buf_bytes(&list->cwd);
	if (list->has_parent_session)
		info->parent_session = ramet_buf_bytes(&list->parent_session);
	if (l->with_text)
		info->all_text = ramet_buf_bytes(&list->all_text);
	info->created_ms = list->created_ms;
	info->modified_ms = updated == INT64_MIN ? list->created_ms : updated / 1000000;
	info->mtime_ms = info->modified_ms == RAMET_TIME_NONE ? 0 : info->modified_ms;
	info->message_count = list->message_count;
	info->size = s->value->len;
	info->format = "ckptmgr";
}

/* A damaged one is left out, as other stores do. */
static int list_one(struct listing *l, const struct ramet_json *value, struct ramet_bytes id,
		    struct ramet_error *err)
{
	struct ramet_session_info info;
	struct rameti_ckpt_session s;
	struct ramet_bytes rest;
	size_t used = 0;
	int r = rameti_ckpt_view(value, id, &s, NULL);

	if (r < 0)
		return 0;
	ramet_buf_reset(&l->text);
	rameti_pi_list_begin(&l->list);
	r = rameti_ckpt_entries(&s, id, &l->text, NULL, err);
	rest = ramet_buf_bytes(&l->text);
	if (!r)
		r = rameti_pi_list_header(&l->list, rest, &used, err);
	rest.ptr += used;
	rest.len -= used;
	if (!r)
		r = rameti_pi_list_lines(&l->list, rest, err);
	if (r < 0)
		return r;
	tell(l, &s, id, &info);
	return l->fn(l->user, &info);
}

static int each(const char *file, int with_text,
		int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		struct ramet_error *err)
{
	struct listing l = { .file = file, .fn = fn, .user = user, .with_text = with_text };
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt now = RAMETI_CKPT_INIT;
	const struct ramet_json *value = NULL;
	struct rameti_ckptfile f;
	int there = 0, r = rameti_ckptfile_init(&f, file, 0, err);

	ramet_buf_init(&l.text, SIZE_MAX / 2);
	if (!r)
		r = rameti_ckptfile_read(&f, &now, &there, err);
	if (!r && !there)
		r = rameti_fail_at(err, RAMET_ENOTFOUND, file, 0, RAMET_NO_OFFSET, "no such file");
	if (!r)
		r = rameti_pi_list_init(&l.list, with_text, err);
	if (!r) {
		while (!r && (r = next_id(&now, &value, &id, err)) > 0)
			r = list_one(&l, value, ramet_buf_bytes(&id), err);
		rameti_pi_list_release(&l.list);
	}
	ramet_buf_release(&l.text);
	ramet_buf_release(&id);
	rameti_ckpt_release(&now);
	rameti_ckptfile_release(&f);
	return r;
}

/* An object that begins with one of the two maps of a state. */
static int sniff(struct ramet_bytes head)
{
	static const char *const names[] = { "\"sessions\"", "\"fork_counters\"" };
	size_t i, at = 0;

	while (at < head.len && head.ptr[at] && strchr(" \t\r\n", head.ptr[at]))
		at++;
	if (at == head.len || head.ptr[at++] != '{')
		return 0;
	while (at < head.len && head.ptr[at] && strchr(" \t\r\n", head.ptr[at]))
		at++;
	for (i = 0; i < 2; i++)
		if (head.len - at > strlen(names[i]) &&
		    !memcmp(head.ptr + at, names[i], strlen(names[i])))
			return 1;
	return 0;
}

const struct rameti_home rameti_home_ckptmgr = {
	.format = "ckptmgr",
	.scheme = "ckptmgr:",
	.linear = 1,
	.says = rameti_ckpt_says,
	.open = enter,
	.close = leave,
	.load = load,
	.more = more,
	.append = append,
	.create = create,
	.each = each,
	.remove = remove_one,
	.sniff = sniff,
};

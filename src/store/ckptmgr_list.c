/*
 * store/ckptmgr_list.c - what the snapshot manager's sessions are: copies of them, lists, files.
 */
#include "store/ckptmgr_priv.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"

struct ramet_bytes rameti_ckptmgr_id(struct ramet_bytes id)
{
	return id.len ? id : ramet_bytes_of("default");
}

int rameti_ckptmgr_fail_missing(struct ramet_bytes id, struct ramet_error *err)
{
	return rameti_fail(err, RAMET_ENOTFOUND, "no session \"%.*s\"",
			   (int)(id.len < 80 ? id.len : 80), id.ptr ? id.ptr : "");
}

int rameti_ckptmgr_fail_no_checkpoint(struct ramet_error *err)
{
	return rameti_fail(err, RAMET_ENOTFOUND, "no checkpoint");
}

/* ---- copies ---- */

static struct ramet_bytes raw_or(const struct ramet_json *v, const char *none)
{
	return v ? ramet_json_raw(v) : ramet_bytes_of(none);
}

/* The parts of a session one after the other in one buffer. */
static int copy_session(struct ramet_ckptmgr_session *to, const struct rameti_ckpt_session *s,
			struct ramet_bytes id, struct ramet_error *err)
{
	const struct ramet_bytes from[5] = { id, raw_or(s->messages, "null"),
					     raw_or(s->checkpoints, "{}"), raw_or(s->files, "{}"),
					     ramet_json_raw(s->value) };
	struct ramet_bytes *const parts[5] = { &to->id, &to->messages, &to->checkpoints,
					       &to->file_checkpoints, &to->json };
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i, at = 0;

	for (i = 0; i < 5; i++) {
		ramet_buf_add(&b, from[i]);
		ramet_buf_add_char(&b, '\0');
	}
	if (ramet_buf_status(&b) < 0) {
		ramet_buf_release(&b);
		return rameti_fail_nomem(err);
	}
	to->priv = ramet_buf_detach(&b, NULL);
	ramet_buf_release(&b);
	for (i = 0; i < 5; at += from[i++].len + 1) {
		parts[i]->ptr = (const char *)to->priv + at;
		parts[i]->len = from[i].len;
	}
	to->created_ns = rameti_ckpt_time_ns(s->created);
	to->updated_ns = rameti_ckpt_time_ns(s->updated);
	if (to->updated_ns == INT64_MIN)
		to->updated_ns = to->created_ns;
	to->user_turns = rameti_ckpt_turns(s);
	return 0;
}

void ramet_ckptmgr_session_release(struct ramet_ckptmgr_session *s)
{
	ramet_free(s->priv);
	memset(s, 0, sizeof(*s));
}

int ramet_ckptmgr_get(struct ramet_ckptmgr *m, struct ramet_bytes id,
		      struct ramet_ckptmgr_session *out, struct ramet_error *err)
{
	struct rameti_ckpt state = RAMETI_CKPT_INIT;
	struct ramet_ckptmgr_session copy = RAMET_CKPTMGR_SESSION_INIT;
	struct rameti_ckpt_session s;
	int r = rameti_ckptfile_read(&m->file, &state, NULL, err);

	id = rameti_ckptmgr_id(id);
	if (!r)
		r = rameti_ckpt_find(&state, id, &s, err);
	if (!r)
		r = rameti_ckptmgr_fail_missing(id, err);
	if (r == 1)
		r = copy_session(&copy, &s, id, err);
	rameti_ckpt_release(&state);
	if (!r)
		*out = copy;
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct ramet_ckptmgr_session *x = a, *y = b;
	size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
	int c;

	if (x->updated_ns != y->updated_ns)
		return x->updated_ns > y->updated_ns ? -1 : 1;
	c = len ? memcmp(x->id.ptr, y->id.ptr, len) : 0;
	return c ? c : (x->id.len < y->id.len ? -1 : x->id.len > y->id.len);
}

static int list_all(const struct rameti_ckpt *state, struct ramet_ckptmgr_list *list,
		    struct ramet_error *err)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *key = NULL, *value;
	struct rameti_ckpt_session s;
	int r = 0;

	list->items = ramet_calloc((size_t)ramet_json_count(state->sessions) + 1,
				   sizeof(*list->items));
	if (!list->items)
		return rameti_fail_nomem(err);
	if (ramet_json_kind(state->sessions) == RAMET_JSON_OBJECT)
		key = ramet_json_next(state->sessions, NULL);
	for (; !r && key; key = ramet_json_next(state->sessions, value)) {
		value = ramet_json_next(state->sessions, key);
		ramet_buf_reset(&id);
		rameti_ckpt_decode(ramet_json_raw(key), &id);
		if (ramet_buf_status(&id) < 0)
			r = rameti_fail_nomem(err);
		/* of equal keys the last one is the session */
		if (r < 0 || rameti_ckpt_get(state->sessions, ramet_buf_bytes(&id)) != value)
			continue;
		r = rameti_ckpt_view(value, ramet_buf_bytes(&id), &s, err);
		if (!r)
			r = copy_session(&list->items[list->n], &s, ramet_buf_bytes(&id), err);
		list->n += !r;
	}
	ramet_buf_release(&id);
	return r;
}

int ramet_ckptmgr_list(struct ramet_ckptmgr *m, struct ramet_ckptmgr_list *out,
		       struct ramet_error *err)
{
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;
	struct rameti_ckpt state = RAMETI_CKPT_INIT;
	int r = rameti_ckptfile_read(&m->file, &state, NULL, err);

	if (!r)
		r = list_all(&state, &list, err);
	rameti_ckpt_release(&state);
	if (r < 0) {
		ramet_ckptmgr_list_release(&list);
		return r;
	}
	qsort(list.items, list.n, sizeof(*list.items), newest_first);
	*out = list;
	return 0;
}

void ramet_ckptmgr_list_release(struct ramet_ckptmgr_list *list)
{
	while (list->n)
		ramet_ckptmgr_session_release(&list->items[--list->n]);
	ramet_free(list->items);
	list->items = NULL;
}

/* ---- files ---- */

/* One file of a checkpoint, decoded. */
static int tell_file(const struct ramet_json *key, const struct ramet_json *value,
		     int (*fn)(void *user, const struct ramet_ckptmgr_file *file), void *user,
		     struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2), text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_ckptmgr_file file = { { NULL, 0 }, { NULL, 0 } };
	int r;

	rameti_ckpt_decode(ramet_json_raw(key), &path);
	if (ramet_json_kind(value) == RAMET_JSON_STRING) {
		rameti_ckpt_decode(ramet_json_raw(value), &text);
		file.content = text.len ? ramet_buf_bytes(&text) : ramet_bytes_of("");
	}
	file.path = ramet_buf_bytes(&path);
	if (ramet_buf_status(&path) < 0 || ramet_buf_status(&text) < 0)
		r = rameti_fail_nomem(err);
	else if (!file.content.ptr && ramet_json_kind(value) != RAMET_JSON_NULL)
		r = rameti_fail(err, RAMET_EFORMAT, "a file that is no text");
	else
		r = fn(user, &file);
	ramet_buf_release(&path);
	ramet_buf_release(&text);
	return r;
}

int ramet_ckptmgr_get_files(struct ramet_ckptmgr *m, struct ramet_bytes id, struct ramet_bytes key,
			    int (*fn)(void *user, const struct ramet_ckptmgr_file *file),
			    void *user, struct ramet_error *err)
{
	struct rameti_ckpt state = RAMETI_CKPT_INIT;
	const struct ramet_json *map = NULL, *k = NULL, *value;
	struct rameti_ckpt_session s;
	int r = rameti_ckptfile_read(&m->file, &state, NULL, err);

	if (!r)
		r = rameti_ckpt_find(&state, id, &s, err);
	if (r == 1) {
		r = 0;
		map = rameti_ckpt_get(s.files, key);
	}
	if (!r && ramet_json_kind(map) != RAMET_JSON_OBJECT)
		r = rameti_ckptmgr_fail_no_checkpoint(err);
	if (!r)
		k = ramet_json_next(map, NULL);
	for (; !r && k; k = ramet_json_next(map, value)) {
		value = ramet_json_next(map, k);
		r = tell_file(k, value, fn, user, err);
	}
	rameti_ckpt_release(&state);
	return r;
}

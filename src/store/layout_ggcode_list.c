/*
 * store/layout_ggcode_list.c - the sessions of a ggcode directory: listing, deleting, cleaning up.
 *
 * Listing reads the index, and the files that it lacks; it writes, rewrites and deletes nothing.
 * What it tells is what ggcode's picker shows once its maintenance has run. Deleting asks for the
 * session's lock, holds the file's while it works, and takes the session out of the index.
 */
#include "store/layout_ggcode_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/newfile.h"
#include "store/layout.h"

#define ITEMS_MAX 0x7fffffffu
#define LOCK_WAIT_MS 5000

struct listing {
	struct rameti_arena texts;
	struct rameti_map files; /* ids that have one; 1: the index has it, too */
	struct ramet_ggcode_item *items;
	uint32_t n, cap;
	const char *dir;
	struct ramet_error *err;
};

static int add_file(void *user, const char *name, unsigned char type)
{
	struct ramet_bytes id = rameti_gg_id_of(name);
	struct listing *l = user;

	if (type == DT_DIR || !rameti_layout_ggcode.is_name(name))
		return 0;
	return rameti_map_set(&l->files, id, 0);
}

static int64_t time_of(const struct ramet_json *v)
{
	struct rameti_gg_time t;

	rameti_gg_time_of(v, &t);
	return rameti_gg_time_ms(&t);
}

static int new_item(struct listing *l, struct ramet_ggcode_item **item)
{
	int r = rameti_grow((void **)&l->items, &l->cap, l->n, sizeof(*l->items), ITEMS_MAX);

	if (r < 0)
		return r;
	*item = &l->items[l->n++];
	memset(*item, 0, sizeof(**item));
	return 0;
}

/* An entry of the index whose file is there. */
static int add_indexed(struct listing *l, const struct ramet_json *entry)
{
	static const char *const keys[9] = { "id",	  "title",	"preview",
					     "workspace", "vendor",	"endpoint",
					     "model",	  "created_at", "updated_at" };
	struct ramet_ggcode_item *i = NULL;
	struct ramet_bytes *to[9];
	struct ramet_bytes id = { NULL, 0 };
	uint32_t known;
	int k, r = rameti_gg_keep_text(&l->texts, rameti_gg_get(entry, "id"), &id);

	if (r || !rameti_map_get(&l->files, id, &known) || known)
		return r;
	r = rameti_map_set(&l->files, id, 1);
	if (!r)
		r = new_item(l, &i);
	if (r < 0)
		return r;
	to[0] = &i->id, to[1] = &i->title, to[2] = &i->preview, to[3] = &i->workspace;
	to[4] = &i->vendor, to[5] = &i->endpoint, to[6] = &i->model;
	to[7] = &i->created_at, to[8] = &i->updated_at;
	for (k = 0; !r && k < 9; k++)
		r = rameti_gg_keep_text(&l->texts, rameti_gg_get(entry, keys[k]), to[k]);
	i->created_ms = time_of(rameti_gg_get(entry, "created_at"));
	i->updated_ms = time_of(rameti_gg_get(entry, "updated_at"));
	i->msg_count = (int64_t)ramet_json_number(rameti_gg_get(entry, "msg_count"));
	i->indexed = 1;
	return r;
}

static int add_index(struct listing *l, struct ramet_ggcode_list *list)
{
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root = NULL, *entry = NULL;
	int r = rameti_gg_index_read(NULL, l->dir, &text, &doc, &root, l->err);

	list->index_unreadable = r == RAMET_EFORMAT;
	if (r == RAMET_EFORMAT)
		r = 0;
	while (!r && root && (entry = ramet_json_next(root, entry)) != NULL)
		r = add_indexed(l, entry);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return r;
}

/* What a file without an entry says; its time is that of its last message, not "now". */
static int from_info(struct listing *l, const struct ramet_ggcode_info *f,
		     struct ramet_ggcode_item *i)
{
	const struct ramet_bytes from[9] = { f->id,	   f->title,	  f->preview,
					     f->workspace, f->vendor,	  f->endpoint,
					     f->model,	   f->created_at, f->updated_at };
	struct ramet_bytes *const to[9] = { &i->id,	   &i->title,	   &i->preview,
					    &i->workspace, &i->vendor,	   &i->endpoint,
					    &i->model,	   &i->created_at, &i->updated_at };
	struct ramet_buf title = RAMET_BUF_INIT(4096);
	int k, r = 0;

	for (k = 0; !r && k < 9; k++)
		r = rameti_gg_keep(&l->texts, from[k], to[k]);
	if (!r && !i->title.len && f->first_text.len) {
		r = ramet_ggcode_truncate(f->first_text, 60, &title);
		if (!r)
			r = rameti_gg_keep(&l->texts, ramet_buf_bytes(&title), &i->title);
	}
	i->created_ms = f->created_ms;
	i->updated_ms = f->updated_ms != RAMET_TIME_NONE ? f->updated_ms : f->last_message_ms;
	i->msg_count = (int64_t)f->message_count;
	ramet_buf_release(&title);
	return r;
}

static int add_unlisted(struct listing *l, struct ramet_bytes id)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_ggcode_item *item = NULL;
	struct ramet_ggcode_info info;
	int r;

	ramet_buf_add_str(&path, l->dir);
	ramet_buf_add_char(&path, '/');
	ramet_buf_add(&path, id);
	ramet_buf_add_str(&path, ".jsonl");
	r = rameti_gg_done(&path, l->err);
	if (!r)
		r = ramet_ggcode_info_read(path.ptr, &info, l->err);
	ramet_buf_release(&path);
	if (r < 0) /* it vanished, or cannot be read: not listed */
		return r == RAMET_ENOMEM ? r : 0;
	r = new_item(l, &item);
	if (!r)
		r = from_info(l, &info, item);
	ramet_ggcode_info_release(&info);
	return r;
}

static int newer(const void *a, const void *b)
{
	const struct ramet_ggcode_item *x = a, *y = b;
	size_t n = x->id.len < y->id.len ? x->id.len : y->id.len;
	int d;

	if (x->updated_ms != y->updated_ms)
		return x->updated_ms < y->updated_ms ? 1 : -1;
	d = memcmp(x->id.ptr, y->id.ptr, n);
	return d ? -d : (x->id.len < y->id.len) - (x->id.len > y->id.len);
}

/* Only those of one working directory stay. */
static int of_workspace(struct listing *l, const char *workspace)
{
	struct ramet_buf want = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX),
			 has = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	int r = ramet_ggcode_workspace(ramet_bytes_of(workspace), &want, l->err);
	uint32_t i, n = 0;

	for (i = 0; !r && i < l->n; i++) {
		ramet_buf_reset(&has);
		r = ramet_ggcode_workspace(l->items[i].workspace, &has, l->err);
		if (!r && ramet_bytes_eq(ramet_buf_bytes(&has), ramet_buf_bytes(&want)))
			l->items[n++] = l->items[i];
	}
	l->n = n;
	ramet_buf_release(&want);
	ramet_buf_release(&has);
	return r;
}

static int gather(struct listing *l, const char *workspace, struct ramet_ggcode_list *list)
{
	const struct rameti_map_item *f;
	uint32_t at = 0;
	int r = rameti_dir_each(NULL, l->dir, add_file, l, l->err);

	if (!r)
		r = add_index(l, list);
	while (!r && (f = rameti_map_next(&l->files, &at)) != NULL)
		if (!f->value)
			r = add_unlisted(l, f->key);
	if (!r && workspace)
		r = of_workspace(l, workspace);
	return r == RAMET_ENOMEM ? rameti_fail_nomem(l->err) : r;
}

int ramet_ggcode_list(const char *dir, const char *workspace, struct ramet_ggcode_list *list,
		      struct ramet_error *err)
{
	struct listing l = { .texts = RAMETI_ARENA_INIT(RAMETI_GG_TEXTS_MAX),
			     .dir = dir,
			     .err = err };
	struct rameti_arena *texts = ramet_alloc(sizeof(*texts));
	int r;

	if (!texts)
		return rameti_fail_nomem(err);
	rameti_map_init(&l.files, 0x67676c73);
	list->index_unreadable = 0;
	r = gather(&l, workspace, list);
	rameti_map_release(&l.files);
	if (r < 0) {
		rameti_arena_release(&l.texts);
		ramet_free(l.items);
		ramet_free(texts);
		return r;
	}
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), newer);
	*texts = l.texts;
	list->items = l.items;
	list->n = l.n;
	list->priv = texts;
	return 0;
}

void ramet_ggcode_list_release(struct ramet_ggcode_list *list)
{
	if (list->priv)
		rameti_arena_release(list->priv);
	ramet_free(list->priv);
	ramet_free(list->items);
	memset(list, 0, sizeof(*list));
}

/* ---- deleting ---- */

/* Both locks are held. */
static int remove_file(const char *path, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int r = rameti_layout_ggcode.removed(env, path, err);

	if (r < 0 && r != RAMET_EFORMAT)
		return r;
	if (env->unlink(env->user, path) < 0 && errno != ENOENT)
		return rameti_fail_sys(err, errno, path, "cannot remove");
	return rameti_dir_sync(env, path, err);
}

static int delete_locked(const char *dir, struct ramet_bytes id, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct rameti_file lock = RAMETI_FILE_INIT;
	struct stat st;
	size_t len;
	int r = ramet_ggcode_path(dir, id, &path, err);

	len = path.len;
	/* no lock file for a session that is not there */
	if (!r)
		r = rameti_path_stat(NULL, path.ptr, &st, err);
	if (r == RAMET_ENOTFOUND)
		r = rameti_layout_ggcode.removed(NULL, path.ptr, err);
	else if (!r) {
		ramet_buf_add_str(&path, rameti_layout_ggcode.lock_suffix);
		r = rameti_gg_done(&path, err);
		if (!r)
			r = rameti_gg_lock(&lock, NULL, path.ptr, LOCK_WAIT_MS, err);
		ramet_buf_truncate(&path, len);
		if (!r)
			r = remove_file(path.ptr, err);
		if (lock.fd >= 0)
			(void)rameti_file_close(&lock);
	}
	ramet_buf_release(&path);
	return r;
}

int ramet_ggcode_delete(const char *dir, struct ramet_bytes id, struct ramet_error *err)
{
	struct ramet_ggcode_lock *lock = NULL;
	int r = ramet_ggcode_lock_take(&lock, dir, id, NULL, err);

	if (r < 0)
		return r;
	r = delete_locked(dir, id, err);
	ramet_ggcode_lock_release(lock);
	return r;
}

/* ---- cleaning up ---- */

/* The file's own last time counts, too: the index may lag behind. */
static int is_old(const char *dir, const struct ramet_ggcode_item *item, int64_t before_ms)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_ggcode_info info;
	int old = 0, r;

	if (item->updated_ms == RAMET_TIME_NONE || item->updated_ms >= before_ms)
		return 0;
	r = ramet_ggcode_path(dir, item->id, &path, NULL);
	if (!r)
		r = ramet_ggcode_info_read(path.ptr, &info, NULL);
	if (!r) {
		old = (info.last_message_ms == RAMET_TIME_NONE ||
		       info.last_message_ms < before_ms) &&
		      (info.updated_ms == RAMET_TIME_NONE || info.updated_ms < before_ms);
		ramet_ggcode_info_release(&info);
	}
	ramet_buf_release(&path);
	return r == RAMET_ENOMEM ? r : old;
}

int ramet_ggcode_cleanup(const char *dir, int64_t before_ms, int dry_run,
			 int (*fn)(void *user, const struct ramet_ggcode_item *item, int result),
			 void *user, struct ramet_error *err)
{
	struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;
	int r = ramet_ggcode_list(dir, NULL, &list, err), n = 0, result;
	uint32_t i;

	for (i = 0; !r && i < list.n; i++) {
		result = is_old(dir, &list.items[i], before_ms);
		if (result < 0)
			r = rameti_fail_nomem(err);
		if (result <= 0)
			continue;
		if (!dry_run)
			result = ramet_ggcode_delete(dir, list.items[i].id, NULL);
		else
			result = ramet_ggcode_lock_ask(dir, list.items[i].id, NULL, NULL) == 1
					 ? RAMET_ECONFLICT
					 : 0;
		n += !result;
		if (fn && fn(user, &list.items[i], result))
			break;
	}
	ramet_ggcode_list_release(&list);
	return r < 0 ? r : n;
}

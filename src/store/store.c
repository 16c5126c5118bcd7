/*
 * store/store.c - opening a place with sessions, and the files in it.
 *
 * A directory is flat (its *.jsonl files are the sessions) or nested (each directory in it is one).
 * Files are found anew at every call, so a store may be kept open while sessions come and go. Opens
 * directories only; makes none.
 */
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "store/layout_pi.h"

#define PATH_LEN_MAX ((size_t)1 << 20)
#define NAMES_MAX 0x7fffffffu

static char *text_dup(struct ramet_bytes text)
{
	struct ramet_buf b = RAMET_BUF_INIT(PATH_LEN_MAX);
	char *copy;

	ramet_buf_add(&b, text);
	copy = ramet_buf_detach(&b, NULL);
	ramet_buf_release(&b);
	return copy;
}

/* ---- opening ---- */

static int open_pi(struct ramet_store *st, int this_project, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX), cwd = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	st->shape = this_project ? RAMETI_STORE_FLAT : RAMETI_STORE_NESTED;
	if (this_project) {
		r = rameti_pi_path(ramet_bytes_of(st->cwd ? st->cwd : "."), NULL, &cwd, err);
		if (!r)
			r = ramet_pi_session_dir(ramet_buf_bytes(&cwd), &dir, err);
	} else {
		r = ramet_pi_sessions_root(&dir, err);
	}
	if (!r) {
		st->dir = ramet_buf_detach(&dir, NULL);
		r = st->dir ? 0 : rameti_fail_nomem(err);
	}
	ramet_buf_release(&cwd);
	ramet_buf_release(&dir);
	return r;
}

/* Is this directory, by its path, pi's sessions root? 1, 0 or ENOMEM. */
static int is_pi_root(const char *dir, struct ramet_error *err)
{
	struct ramet_buf a = RAMET_BUF_INIT(PATH_LEN_MAX), b = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = ramet_pi_sessions_root(&a, NULL);

	if (!r)
		r = rameti_pi_path(ramet_bytes_of(dir), NULL, &b, NULL);
	if (!r)
		r = ramet_bytes_eq(ramet_buf_bytes(&a), ramet_buf_bytes(&b));
	else
		r = r == RAMET_ENOMEM ? rameti_fail_nomem(err) : 0;
	ramet_buf_release(&a);
	ramet_buf_release(&b);
	return r;
}

static int starts_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static int open_dir(struct ramet_store *st, const char *url, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_bytes text = ramet_bytes_of(url);
	struct stat found;
	int r = 0;

	if (starts_with(url, "file://"))
		r = rameti_pi_path(text, NULL, &path, err);
	else
		for (ramet_buf_add(&path, text); path.len > 1 && path.ptr[path.len - 1] == '/';)
			ramet_buf_truncate(&path, path.len - 1);
	if (!r) {
		st->dir = ramet_buf_detach(&path, NULL);
		r = st->dir ? 0 : rameti_fail_nomem(err);
	}
	ramet_buf_release(&path);
	if (!r)
		r = rameti_path_stat(NULL, st->dir, &found, err);
	if (!r && !S_ISDIR(found.st_mode))
		r = rameti_fail_at(err, RAMET_EFORMAT, st->dir, 0, RAMET_NO_OFFSET,
				   "is not a directory with sessions");
	if (!r)
		r = is_pi_root(st->dir, err);
	if (r > 0)
		st->shape = RAMETI_STORE_NESTED;
	return r < 0 ? r : 0;
}

int ramet_store_open(struct ramet_store **out, const char *url, const struct ramet_store_opts *opts,
		     struct ramet_error *err)
{
	struct ramet_store *st;
	int r = 0;

	if (url && !*url)
		return rameti_fail(err, RAMET_EINVAL, "a store needs a name");
	if (url && (starts_with(url, "sqlite:") || starts_with(url, "postgres:") ||
		    starts_with(url, "postgresql:")))
		return rameti_fail(err, RAMET_EINVAL, "no such kind of store: %s", url);
	st = ramet_calloc(1, sizeof(*st));
	if (!st)
		return rameti_fail_nomem(err);
	if (opts && opts->cwd && *opts->cwd) {
		st->cwd = text_dup(ramet_bytes_of(opts->cwd));
		r = st->cwd ? 0 : rameti_fail_nomem(err);
	}
	if (!r && (!url || !strcmp(url, "pi")))
		r = open_pi(st, opts && opts->this_project, err);
	else if (!r)
		r = open_dir(st, url, err);
	if (r < 0)
		ramet_store_close(st);
	else
		*out = st;
	return r;
}

void ramet_store_close(struct ramet_store *st)
{
	if (!st)
		return;
	ramet_free(st->dir);
	ramet_free(st->cwd);
	ramet_free(st);
}

/* ---- names in a directory ---- */

struct names {
	const char *dir;
	const char **files, **dirs;              /* in texts */
	uint32_t n_files, cap_files, n_dirs, cap_dirs;
	struct rameti_arena texts;
};

static int is_session_name(const char *name)
{
	static const char suffix[] = ".jsonl";
	size_t len = strlen(name), n = sizeof(suffix) - 1;

	return len >= n && !memcmp(name + len - n, suffix, n);
}

/* What a name of unknown kind, or a link, leads to; DT_UNKNOWN when that cannot be told. */
static unsigned char kind_of(const char *dir, const char *name)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	unsigned char kind = DT_UNKNOWN;
	struct stat st;

	ramet_buf_addf(&path, "%s/%s", dir, name);
	if (!ramet_buf_status(&path) && !rameti_path_stat(NULL, path.ptr, &st, NULL))
		kind = S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
	ramet_buf_release(&path);
	return kind;
}

static int add_name(struct names *l, const char *name, const char ***to, uint32_t *n,
		    uint32_t *cap)
{
	struct ramet_bytes copy = rameti_arena_dup(&l->texts, ramet_bytes_of(name));
	int r = RAMET_ENOMEM;

	if (copy.ptr)
		r = rameti_grow((void **)to, cap, *n, sizeof(**to), NAMES_MAX);
	if (!r)
		(*to)[(*n)++] = copy.ptr;
	return r;
}

static int take_name(void *user, const char *name, unsigned char type)
{
	struct names *l = user;
	int is_session = is_session_name(name);

	if (type == DT_UNKNOWN || (type == DT_LNK && !is_session))
		type = kind_of(l->dir, name);
	if (type == DT_DIR)
		return add_name(l, name, &l->dirs, &l->n_dirs, &l->cap_dirs);
	return is_session ? add_name(l, name, &l->files, &l->n_files, &l->cap_files) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_release(struct names *l)
{
	ramet_free((void *)l->files);
	ramet_free((void *)l->dirs);
	rameti_arena_release(&l->texts);
}

/* What is not there is empty: also a name that no directory can have. */
static int names_read(struct names *l, const char *dir, struct ramet_error *err)
{
	struct ramet_error why = { 0 };
	int r;

	memset(l, 0, sizeof(*l));
	rameti_arena_init(&l->texts, SIZE_MAX);
	l->dir = dir;
	r = rameti_dir_each(NULL, dir, take_name, l, &why);
	if (r == RAMET_ENOTFOUND || (r == RAMET_EIO && why.sys == ENAMETOOLONG))
		r = 0;
	else if (r == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	else if (r < 0 && err)
		*err = why;
	if (r < 0) {
		names_release(l);
		return r;
	}
	if (l->n_files)
		qsort((void *)l->files, l->n_files, sizeof(*l->files), by_name);
	if (l->n_dirs)
		qsort((void *)l->dirs, l->n_dirs, sizeof(*l->dirs), by_name);
	return 0;
}

/* ---- candidates ---- */

static int add_candidate(struct rameti_candidates *c, const char *dir, const char *name,
			 int at_home, int with_mtime)
{
	struct rameti_candidate *item;
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_bytes copy = { NULL, 0 };
	struct stat st;
	int r = rameti_grow((void **)&c->items, &c->cap, c->n, sizeof(*c->items), NAMES_MAX);

	ramet_buf_addf(&path, "%s/%s", strcmp(dir, "/") ? dir : "", name);
	if (!r && !ramet_buf_status(&path))
		copy = rameti_arena_dup(&c->texts, ramet_buf_bytes(&path));
	ramet_buf_release(&path);
	if (!copy.ptr)
		return RAMET_ENOMEM;
	item = &c->items[c->n++];
	memset(item, 0, sizeof(*item));
	item->path = copy.ptr;
	item->name = copy.ptr + copy.len - strlen(name);
	item->at_home = (uint8_t)at_home;
	if (with_mtime && !rameti_path_stat(NULL, item->path, &st, NULL))
		item->mtime = st.st_mtim;
	return 0;
}

/* Is dir the default directory of the filter's cwd? */
static int is_home(const struct rameti_cwd_filter *f, const char *dir, int *is,
		   struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	*is = 0;
	if (!f->home)
		return 0;
	r = rameti_pi_path(ramet_bytes_of(dir), NULL, &path, err);
	if (!r)
		*is = ramet_bytes_is(ramet_buf_bytes(&path), f->home);
	ramet_buf_release(&path);
	return r;
}

static int add_files(struct rameti_candidates *c, const struct names *l,
		     const struct rameti_cwd_filter *filter, int with_mtime,
		     struct ramet_error *err)
{
	int at_home, r = is_home(filter, l->dir, &at_home, err);
	uint32_t i;

	for (i = 0; !r && i < l->n_files; i++)
		if (add_candidate(c, l->dir, l->files[i], at_home, with_mtime) < 0)
			r = rameti_fail_nomem(err);
	return r;
}

static int add_dir(struct rameti_candidates *c, const char *root, const char *name,
		   const struct rameti_cwd_filter *filter, int with_mtime, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct names l;
	int r;

	ramet_buf_addf(&path, "%s/%s", strcmp(root, "/") ? root : "", name);
	r = ramet_buf_status(&path) < 0 ? rameti_fail_nomem(err) : names_read(&l, path.ptr, err);
	if (!r) {
		r = add_files(c, &l, filter, with_mtime, err);
		names_release(&l);
	}
	ramet_buf_release(&path);
	return r == RAMET_ENOMEM ? r : 0;
}

int rameti_store_gather(const struct ramet_store *st, const struct rameti_cwd_filter *filter,
			enum rameti_mtime_wish wish, struct rameti_candidates *c,
			struct ramet_error *err)
{
	struct names l;
	uint32_t i;
	int r, with_mtime;

	memset(c, 0, sizeof(*c));
	rameti_arena_init(&c->texts, SIZE_MAX);
	r = names_read(&l, st->dir, err);
	if (r < 0)
		return r;
	c->nested = st->shape == RAMETI_STORE_NESTED ||
		    (st->shape == RAMETI_STORE_ANY && !l.n_files);
	with_mtime = wish == RAMETI_MTIME_YES || (wish == RAMETI_MTIME_NESTED && c->nested);
	if (!c->nested)
		r = add_files(c, &l, filter, with_mtime, err);
	for (i = 0; c->nested && !r && i < l.n_dirs; i++)
		r = add_dir(c, st->dir, l.dirs[i], filter, with_mtime, err);
	names_release(&l);
	if (r < 0)
		rameti_candidates_release(c);
	return r;
}

void rameti_candidates_release(struct rameti_candidates *c)
{
	ramet_free(c->items);
	rameti_arena_release(&c->texts);
	memset(c, 0, sizeof(*c));
}

int rameti_candidate_newer(const struct rameti_candidate *a, const struct rameti_candidate *b)
{
	if (a->mtime.tv_sec != b->mtime.tv_sec)
		return a->mtime.tv_sec > b->mtime.tv_sec ? -1 : 1;
	if (a->mtime.tv_nsec != b->mtime.tv_nsec)
		return a->mtime.tv_nsec > b->mtime.tv_nsec ? -1 : 1;
	return 0;
}

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
	if (!r)
		st->dir = ramet_buf_detach(&dir, NULL);
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

/* A tool's own place: not there yet is an empty one. */
static int open_layout(struct ramet_store *st, const struct rameti_layout *layout,
		       struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = layout->root(&dir, err);

	if (!r) {
		st->dir = ramet_buf_detach(&dir, NULL);
		r = st->dir ? 0 : rameti_fail_nomem(err);
	}
	ramet_buf_release(&dir);
	st->layout = layout;
	st->shape = !layout->depth    ? RAMETI_STORE_FLAT :
		    layout->is_dir_name ? RAMETI_STORE_BOTH :
					  RAMETI_STORE_NESTED;
	return r;
}

static const struct rameti_layout *layout_named(const char *name)
{
	const struct rameti_layout *l = rameti_layout_of(name);

	return !strcmp(l->format, name) && l->root ? l : NULL;
}

/* sqlite:FILE and the like; the file has to be there. */
static int open_home_file(struct ramet_store *st, const struct rameti_home_path *where,
			  struct ramet_error *err)
{
	struct stat found;
	int r;

	st->home = where->home;
	st->dir = text_dup(where->file);
	if (!st->dir)
		return rameti_fail_nomem(err);
	r = rameti_path_stat(NULL, st->dir, &found, err);
	if (!r && !S_ISREG(found.st_mode))
		r = rameti_fail_at(err, RAMET_EFORMAT, st->dir, 0, RAMET_NO_OFFSET,
				   "is not a file with sessions");
	return r;
}

static int open_one(struct ramet_store **out, const char *url, const struct ramet_store_opts *opts,
		    struct ramet_error *err)
{
	struct ramet_store *st = ramet_calloc(1, sizeof(*st));
	struct rameti_home_path where;
	int r = 0;

	if (!st)
		return rameti_fail_nomem(err);
	if (opts && opts->cwd && *opts->cwd) {
		st->cwd = text_dup(ramet_bytes_of(opts->cwd));
		r = st->cwd ? 0 : rameti_fail_nomem(err);
	}
	if (!r && !strcmp(url, "pi"))
		r = open_pi(st, opts && opts->this_project, err);
	else if (!r && layout_named(url))
		r = open_layout(st, layout_named(url), err);
	else if (!r && rameti_home_path(url, &where) && where.home->scheme)
		r = open_home_file(st, &where, err);
	else if (!r)
		r = open_dir(st, url, err);
	if (r < 0)
		ramet_store_close(st);
	else
		*out = st;
	return r;
}

/* ---- all of them ---- */

static int is_listed(const struct ramet_store *first, const struct ramet_store *st)
{
	for (; first; first = first->next)
		if (!strcmp(first->dir, st->dir))
			return 1;
	return 0;
}

/* One more place, unless it is there already; one that is missing or odd is left out. */
static int add_place(struct ramet_store *first, const char *url,
		     const struct ramet_store_opts *opts, struct ramet_error *err)
{
	struct ramet_store *st = NULL, *last = first;
	int r = open_one(&st, url, opts, NULL);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0 || is_listed(first, st)) {
		ramet_store_close(r < 0 ? NULL : st);
		return 0;
	}
	while (last->next)
		last = last->next;
	last->next = st;
	return 0;
}

/* Lines of the file ramet/stores in the configuration directory: one place each, # a remark. */
static int add_configured(struct ramet_store *first, const struct ramet_store_opts *opts,
			  struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	const char *config = env->getenv(env->user, "XDG_CONFIG_HOME");
	const char *home = env->getenv(env->user, "HOME");
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX), text = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_file f = RAMETI_FILE_INIT;
	char *line, *next;
	int r = 0;

	if (config && config[0] == '/')
		ramet_buf_addf(&path, "%s/ramet/stores", config);
	else if (home && *home)
		ramet_buf_addf(&path, "%s/.config/ramet/stores", home);
	if (ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	else if (path.len)
		r = rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, err);
	if (!r && path.len)
		r = rameti_file_read_all(&f, &text, err);
	ramet_buf_add_char(&text, '\n');
	if (!r && ramet_buf_status(&text) < 0)
		r = rameti_fail_nomem(err);
	if (r == RAMET_ENOTFOUND)
		r = 0;
	for (line = text.ptr; !r && line && (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		if (*line && *line != '#')
			r = add_place(first, line, opts, err);
	}
	(void)rameti_file_close(&f);             /* read only */
	ramet_buf_release(&path);
	ramet_buf_release(&text);
	return r;
}

static int open_all(struct ramet_store **out, const struct ramet_store_opts *opts,
		    struct ramet_error *err)
{
	static const char *const tools[] = { "pirust", "ggcode", "yoi" };
	struct ramet_store *st = NULL;
	int r = open_one(&st, "pi", opts, err);
	size_t i;

	for (i = 0; !r && i < sizeof(tools) / sizeof(tools[0]); i++)
		r = add_place(st, tools[i], opts, err);
	if (!r)
		r = add_configured(st, opts, err);
	if (r < 0)
		ramet_store_close(st);
	else
		*out = st;
	return r;
}

int ramet_store_open(struct ramet_store **out, const char *url, const struct ramet_store_opts *opts,
		     struct ramet_error *err)
{
	if (url && !*url)
		return rameti_fail(err, RAMET_EINVAL, "a store needs a name");
	if (url && (starts_with(url, "postgres:") || starts_with(url, "postgresql:")))
		return rameti_fail(err, RAMET_EINVAL, "no such kind of store: %s", url);
	if (!url && opts && opts->this_project)
		url = "pi";
	return url ? open_one(out, url, opts, err) : open_all(out, opts, err);
}

void ramet_store_close(struct ramet_store *st)
{
	struct ramet_store *next;

	for (; st; st = next) {
		next = st->next;
		ramet_free(st->dir);
		ramet_free(st->cwd);
		ramet_free(st);
	}
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
	static const char suffix[] = ".jsonl", trace[] = ".trace.jsonl", sqlite[] = ".sqlite";
	size_t len = strlen(name), n = sizeof(suffix) - 1, t = sizeof(trace) - 1;

	if (len > t && !memcmp(name + len - t, trace, t))
		return 0;
	if (len >= n && !memcmp(name + len - n, suffix, n))
		return 1;
	n = sizeof(sqlite) - 1;
	return len > n && !memcmp(name + len - n, sqlite, n) &&
	       strncmp(name, "session-index.", strlen("session-index."));
}

/* Does a name of unknown kind, or a link, lead to a directory? 1, 0 (also when that cannot be told)
 * or negative. */
static int leads_to_dir(const char *dir, const char *name)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	int r;

	ramet_buf_addf(&path, "%s/%s", dir, name);
	r = ramet_buf_status(&path);
	if (!r)
		r = !rameti_path_stat(NULL, path.ptr, &st, NULL) && S_ISDIR(st.st_mode);
	ramet_buf_release(&path);
	return r;
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
	int is_session = is_session_name(name), is_dir = type == DT_DIR;

	if (type == DT_UNKNOWN || (type == DT_LNK && !is_session))
		is_dir = leads_to_dir(l->dir, name);
	if (is_dir < 0)
		return is_dir;
	if (is_dir)
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
	} else if (err) {
		c->unread = r;
		c->why = *err;
	}
	ramet_buf_release(&path);
	return r == RAMET_ENOMEM ? r : 0;
}

static int gather_dirs(const struct ramet_store *st, const struct names *l,
		       const struct rameti_cwd_filter *filter, int with_mtime,
		       struct rameti_candidates *c, struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < l->n_dirs; i++)
		if (!st->layout || !st->layout->is_dir_name ||
		    st->layout->is_dir_name(l->dirs[i]))
			r = add_dir(c, st->dir, l->dirs[i], filter, with_mtime, err);
	return r;
}

static int gather_one(const struct ramet_store *st, const struct rameti_cwd_filter *filter,
		      enum rameti_mtime_wish wish, struct rameti_candidates *c,
		      struct ramet_error *err)
{
	struct names l;
	int r, nested, with_mtime;

	if (st->home)
		return rameti_store_gather_home(st, c, err);
	r = names_read(&l, st->dir, err);
	if (r < 0)
		return r;
	nested = st->shape == RAMETI_STORE_NESTED || st->shape == RAMETI_STORE_BOTH ||
		 (st->shape == RAMETI_STORE_ANY && !l.n_files);
	c->nested |= nested;
	with_mtime = wish == RAMETI_MTIME_YES || (wish == RAMETI_MTIME_NESTED && c->nested);
	if (!nested || st->shape == RAMETI_STORE_BOTH)
		r = add_files(c, &l, filter, with_mtime, err);
	if (!r && nested)
		r = gather_dirs(st, &l, filter, with_mtime, c, err);
	names_release(&l);
	return r;
}

int rameti_store_gather(const struct ramet_store *st, const struct rameti_cwd_filter *filter,
			enum rameti_mtime_wish wish, struct rameti_candidates *c,
			struct ramet_error *err)
{
	int r = 0, first = 1;

	memset(c, 0, sizeof(*c));
	rameti_arena_init(&c->texts, SIZE_MAX);
	c->nested = st->next != NULL;
	/* of several places, one that cannot be read is left out */
	for (; !r && st; st = st->next, first = 0) {
		r = gather_one(st, filter, wish, c, first ? err : NULL);
		if (r == RAMET_ENOMEM)
			r = rameti_fail_nomem(err);
		else if (r < 0 && !first)
			r = 0;
	}
	if (r < 0)
		rameti_candidates_release(c);
	return r;
}

int ramet_store_files(struct ramet_store *st, int (*fn)(void *user, const char *path), void *user,
		      struct ramet_error *err)
{
	static const struct rameti_cwd_filter all;
	struct rameti_candidates c;
	struct ramet_error why;
	uint32_t i;
	int r = rameti_store_gather(st, &all, RAMETI_MTIME_NO, &c, &why);

	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	for (i = 0; !r && i < c.n; i++)
		r = fn(user, c.items[i].path);
	if (!r && c.unread) {
		r = c.unread;
		if (err)
			*err = c.why;
	}
	rameti_candidates_release(&c);
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

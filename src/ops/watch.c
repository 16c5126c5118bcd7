/*
 * ops/watch.c - a session grows: its new entries, told once each, whatever others do to the file.
 *
 * Invariants: the file is watched before it is looked at, so that no entry is missed; between two
 * looks that find nothing there is a wait; the present session stays open until its successor is,
 * so that its inode is not given to another file. Rows [0, next) were told or passed over; when
 * another file comes their ids are kept.
 *
 * Refuses to give up: whatever happens to the file, it waits until there is a session of that name.
 */
#include "ramet/ops.h"

#include <limits.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "base/watch.h"
#include "ops/told.h"

#define BATCH 16384u                             /* rows told at once */
#define ID_LIMIT ((size_t)1 << 30)

struct ramet_watch {
	struct ramet_session *session;
	struct rameti_watch file;
	struct rameti_told told;
	dev_t dev;                               /* of the file that session is */
	ino_t ino;
	uint32_t next;
	struct ramet_buf last_id;                /* of row next - 1 */
	int lost;                                /* no session of the name now */
	int anew;                                /* opened anew, not yet looked at again */
	int doubted;                             /* rows were given back: look, then wait */
	struct stat refused;                     /* what was no session; st_ino 0: nothing */
	struct ramet_error why;
	uint32_t n, rows[BATCH];
};

static const struct rameti_env *env_of(const struct ramet_watch *w)
{
	return rameti_env_or_default(w->file.env);
}

static const struct ramet_tree *tree_of(const struct ramet_watch *w)
{
	return ramet_session_tree(w->session);
}

/* ---- rows ---- */

/* The next rows that were not told before, at most BATCH. */
static int gather(struct ramet_watch *w, struct ramet_error *err)
{
	uint32_t count = ramet_tree_count(tree_of(w));
	int r = 0;

	for (w->n = 0; r >= 0 && w->next < count && w->n < BATCH; w->next++) {
		r = rameti_told_is_new(&w->told, tree_of(w), w->next, err);
		if (r < 0)
			break;
		if (r)
			w->rows[w->n++] = w->next;
	}
	return r < 0 && !w->n ? r : 0;
}

/* Remember the last entry, and make it the leaf: refreshing then never goes over to a file that
 * lacks it. */
static int note_last(struct ramet_watch *w, struct ramet_error *err)
{
	ramet_buf_reset(&w->last_id);
	if (w->next) {
		ramet_buf_add(&w->last_id, ramet_tree_id(tree_of(w), w->next - 1));
		/* an entry without an id cannot be it, and need not */
		(void)ramet_session_branch(w->session, w->next - 1, NULL);
	}
	return ramet_buf_status(&w->last_id) < 0 ? rameti_fail_nomem(err) : 0;
}

/* Refreshing may have read another file, should it have come at that very moment: go on behind the
 * entry that was the last one. */
static void find_place(struct ramet_watch *w)
{
	const struct ramet_tree *t = tree_of(w);
	struct ramet_bytes id = ramet_buf_bytes(&w->last_id);
	uint32_t count = ramet_tree_count(t), row;

	if (!w->next ||
	    (w->next <= count && ramet_bytes_eq(ramet_tree_id(t, w->next - 1), id)))
		return;
	row = ramet_tree_find(t, id);
	if (row != RAMET_NONE)
		w->next = row + 1;
	else if (w->next > count)
		w->next = count;
}

/* ---- another file ---- */

/* What the name means now. With times: only where nobody writes, since asking for them makes the
 * next write slower. */
static int place(const struct ramet_watch *w, int with_times, struct stat *st)
{
	const struct rameti_env *env = env_of(w);

	return with_times ? env->stat(env->user, w->file.path, st) :
			    env->stat_place(env->user, w->file.path, 1, st);
}

static int is_other(const struct ramet_watch *w)
{
	struct stat st;

	return place(w, 0, &st) < 0 || st.st_dev != w->dev || st.st_ino != w->ino;
}

static int same_times(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* What was refused need not be read again until it is another or has changed. */
static int still_refused(const struct ramet_watch *w, const struct stat *st)
{
	const struct stat *was = &w->refused;

	return st->st_ino == was->st_ino && st->st_dev == was->st_dev &&
	       st->st_size == was->st_size && same_times(&st->st_mtim, &was->st_mtim) &&
	       same_times(&st->st_ctim, &was->st_ctim);
}

static int tell(struct ramet_watch *w, int event, struct ramet_watch_news *news)
{
	news->event = event;
	news->rows = w->rows;
	news->n = event == RAMET_WATCH_LOST ? 0 : w->n;
	news->text = event == RAMET_WATCH_LOST ? w->why.text : "";
	return 1;
}

static int lose(struct ramet_watch *w, const struct stat *st, struct ramet_watch_news *news)
{
	w->refused = *st;
	if (w->lost)
		return 0;
	w->lost = 1;
	return tell(w, RAMET_WATCH_LOST, news);
}

/* From now on it is this session; r from opening it passed by. */
static int go_on_with(struct ramet_watch *w, struct ramet_session *fresh, const struct stat *st,
		      struct ramet_error *err)
{
	int r = rameti_told_keep(&w->told, tree_of(w), w->next, err);

	if (r < 0) {
		ramet_session_close(fresh);
		return r;
	}
	ramet_session_close(w->session);
	w->session = fresh;
	w->dev = st->st_dev;
	w->ino = st->st_ino;
	w->next = 0;
	w->lost = 0;
	w->anew = 1;
	memset(&w->refused, 0, sizeof(w->refused));
	return gather(w, err);
}

/* Open what the name means now. 1: told in *news; 0: still no session. */
static int open_anew(struct ramet_watch *w, int event, struct ramet_watch_news *news,
		     struct ramet_error *err)
{
	struct ramet_open_opts opts = { .no_cache = 1 };     /* in doubt, every line is read */
	struct ramet_session *fresh = NULL;
	struct stat st;
	int r;

	memset(&st, 0, sizeof(st));
	if (place(w, 1, &st) < 0)
		memset(&st, 0, sizeof(st));
	else if (w->lost && still_refused(w, &st))
		return 0;
	r = ramet_session_open(&fresh, w->file.path, &opts, &w->why);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0)
		return lose(w, &st, news);
	r = go_on_with(w, fresh, &st, err);
	return r < 0 ? r : tell(w, event, news);
}

/* ---- looking ---- */

/* 1: told in *news; 0: nothing new. */
static int look(struct ramet_watch *w, struct ramet_watch_news *news, struct ramet_error *err)
{
	int anew = w->anew, doubted = w->doubted;
	int r = doubted ? 0 : gather(w, err);

	w->doubted = 0;
	if (r < 0 || w->n)
		return r < 0 ? r : tell(w, RAMET_WATCH_GREW, news);
	if (w->lost)
		return open_anew(w, RAMET_WATCH_BACK, news, err);
	if (is_other(w))
		return open_anew(w, RAMET_WATCH_REPLACED, news, err);
	r = note_last(w, err);
	if (r < 0)
		return r;
	w->anew = 0;
	r = ramet_session_refresh(w->session, &w->why);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0 && anew)
		return 0;                        /* it changes all the time: not without waiting */
	if (r < 0)
		return open_anew(w, is_other(w) ? RAMET_WATCH_REPLACED : RAMET_WATCH_CHANGED, news,
				 err);
	find_place(w);
	r = doubted ? 0 : gather(w, err);
	return r < 0 || !w->n ? r : tell(w, RAMET_WATCH_GREW, news);
}

int ramet_watch_next(struct ramet_watch *w, int64_t timeout_ms, struct ramet_watch_news *news,
		     struct ramet_error *err)
{
	int64_t now = rameti_watch_now(&w->file), until = INT64_MAX;
	int r;

	if (timeout_ms >= 0 && timeout_ms < INT64_MAX - now)
		until = now + timeout_ms;
	do {
		r = look(w, news, err);
		if (r == 0)
			r = rameti_watch_wait(&w->file, until, err);
		else
			return r;
	} while (r > 0);
	return r;
}

int ramet_watch_again(struct ramet_watch *w, uint32_t i, struct ramet_error *err)
{
	if (i >= w->n)
		return 0;
	w->next = w->rows[i];
	w->n = 0;
	w->doubted = 1;
	return rameti_told_rewind(&w->told, tree_of(w), w->next, err);
}

/* ---- opening ---- */

/* Watch that file, whatever directory the process goes to later. */
static int watch_path(struct ramet_watch *w, const char *path, uint32_t poll_ms,
		      struct ramet_error *err)
{
	const struct rameti_env *env = env_of(w);
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	char here[PATH_MAX];
	int r;

	if (path[0] != '/' && env->getcwd(env->user, here, sizeof(here)) && here[0] == '/')
		ramet_buf_addf(&b, "%s/", here);
	ramet_buf_add_str(&b, path);
	r = ramet_buf_status(&b) < 0 ? rameti_fail_nomem(err) :
				       rameti_watch_open(&w->file, b.ptr, poll_ms, err);
	ramet_buf_release(&b);
	return r;
}

int ramet_watch_open(struct ramet_watch **out, struct ramet_session *s,
		     const struct ramet_watch_opts *opts, struct ramet_error *err)
{
	struct rameti_watch file = RAMETI_WATCH_INIT;
	const char *path = ramet_session_path(s);
	struct ramet_watch *w;
	struct stat st;
	int r;

	if (!path || !ramet_session_stored(s))
		return rameti_fail(err, RAMET_EINVAL, "the session has no file to watch");
	w = ramet_calloc(1, sizeof(*w));
	if (!w)
		return rameti_fail_nomem(err);
	w->file = file;
	rameti_told_init(&w->told);
	ramet_buf_init(&w->last_id, ID_LIMIT);
	r = watch_path(w, path, opts ? opts->poll_ms : 0, err);
	if (r < 0) {
		ramet_watch_close(w);
		return r;
	}
	w->session = s;
	if (!place(w, 0, &st)) {
		w->dev = st.st_dev;
		w->ino = st.st_ino;
	}
	w->next = ramet_tree_count(tree_of(w));
	if (!opts || opts->from < w->next)
		w->next = opts ? opts->from : 0;
	*out = w;
	return 0;
}

struct ramet_session *ramet_watch_session(const struct ramet_watch *w)
{
	return w->session;
}

void ramet_watch_close(struct ramet_watch *w)
{
	if (!w)
		return;
	ramet_session_close(w->session);
	rameti_watch_close(&w->file);
	rameti_told_release(&w->told);
	ramet_buf_release(&w->last_id);
	ramet_free(w);
}

/*
 * store/list.c - listing a store: its files read by a few threads, the result sorted.
 *
 * The result depends on the files only, not on threads: sorted by time, newest first, and among
 * equal times by the order in which files are started (one directory: names descending; many: file
 * time descending, then names descending, then directories). The caller's thread reads too and is
 * the only one that calls back. Files that are not sessions or cannot be read are left out.
 */
#include "store/store_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"

#define THREADS_MAX 8u
#define FILES_PER_THREAD 2u                      /* with fewer, a thread costs more than it gives */
#define PARTIAL_FLAT 10u
#define PARTIAL_NESTED 100u
#define PARTIAL_SHARE 32u                        /* long lists: only after so much more of it */

struct run {
	pthread_mutex_t lock;
	pthread_cond_t done;
	const struct ramet_list_opts *opts;
	struct rameti_candidates files;          /* in start order */
	struct rameti_cwd_filter filter;
	struct ramet_session_info *infos;        /* one a file; path.ptr NULL: left out or unread */
	uint32_t *order;                         /* files in the order they were finished */
	uint32_t next, n_done, n_told;
	uint32_t partial_at;                     /* n_told when the last partial list was given */
	int stop, newest_told;
	int status;                              /* the first failure */
	struct ramet_error err;
};

/* ---- order ---- */

static int by_name_down(const void *a, const void *b)
{
	const struct rameti_candidate *x = a, *y = b;

	return strcmp(y->name, x->name);
}

static int by_time_down(const void *a, const void *b)
{
	const struct rameti_candidate *x = a, *y = b;
	int r = rameti_candidate_newer(x, y);

	if (!r)
		r = strcmp(y->name, x->name);
	return r ? r : strcmp(x->path, y->path);
}

struct key {
	int64_t modified_ms;
	uint32_t file;
};

static int by_modified_down(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->modified_ms != y->modified_ms)
		return x->modified_ms > y->modified_ms ? -1 : 1;
	return x->file < y->file ? -1 : 1;
}

/* The sessions among the first n finished files, sorted; *items is new, its texts are borrowed. */
static int sorted(struct run *run, uint32_t n, struct ramet_session_info **items, uint64_t *n_items)
{
	struct key *keys = ramet_calloc((size_t)n + 1, sizeof(*keys));
	struct ramet_session_info *list = ramet_calloc((size_t)n + 1, sizeof(*list));
	uint32_t i, m = 0;

	if (!keys || !list) {
		ramet_free(keys);
		ramet_free(list);
		return RAMET_ENOMEM;
	}
	for (i = 0; i < n; i++) {
		if (!run->infos[run->order[i]].path.ptr)
			continue;
		keys[m].file = run->order[i];
		keys[m++].modified_ms = run->infos[run->order[i]].modified_ms;
	}
	qsort(keys, m, sizeof(*keys), by_modified_down);
	for (i = 0; i < m; i++)
		list[i] = run->infos[keys[i].file];
	ramet_free(keys);
	*items = list;
	*n_items = m;
	return 0;
}

/* ---- reading ---- */

static void fail(struct run *run, int status, const struct ramet_error *err)
{
	if (!run->status) {
		run->status = status;
		run->err = *err;
	}
	run->stop = 1;
}

/* The next file to read, or the number of files when there is nothing left to do. */
static uint32_t take_file(struct run *run)
{
	uint32_t i = run->files.n;

	pthread_mutex_lock(&run->lock);
	if (!run->stop && run->next < run->files.n)
		i = run->next++;
	pthread_mutex_unlock(&run->lock);
	return i;
}

/* Only memory can end the whole list; a file that cannot be read is left out. */
static void give_file(struct run *run, uint32_t i, int status, const struct ramet_error *err)
{
	pthread_mutex_lock(&run->lock);
	if (status == RAMET_ENOMEM)
		fail(run, status, err);
	run->order[run->n_done++] = i;
	pthread_cond_signal(&run->done);
	pthread_mutex_unlock(&run->lock);
}

static int read_file(struct run *run, struct rameti_info_reader *r)
{
	struct ramet_error err = { 0 };
	uint32_t i = take_file(run);
	int status;

	if (i == run->files.n)
		return 0;
	status = rameti_info_read(r, &run->files.items[i], &run->infos[i], &err);
	give_file(run, i, status, &err);
	return 1;
}

static int start(struct run *run, struct rameti_info_reader *r)
{
	struct ramet_error err = { 0 };
	int e = rameti_info_reader_init(r, run->opts->with_text, &err);

	if (e < 0) {
		pthread_mutex_lock(&run->lock);
		fail(run, e, &err);
		pthread_mutex_unlock(&run->lock);
		return 0;
	}
	r->filter = &run->filter;
	return 1;
}

static void *work(void *arg)
{
	struct run *run = arg;
	struct rameti_info_reader r;

	if (!start(run, &r))
		return NULL;
	while (read_file(run, &r))
		;
	rameti_info_reader_release(&r);
	return NULL;
}

/* ---- progress ---- */

/* As pi gives them; but each is sorted anew, so that in a long list they become rarer. */
static int partial_due(struct run *run, uint32_t loaded)
{
	uint32_t every = run->files.nested ? PARTIAL_NESTED : PARTIAL_FLAT;

	if (loaded == run->files.n)
		return 1;
	if (!run->files.nested && loaded == 1)
		return 1;
	if (run->files.nested && run->order[loaded - 1] == 0) {
		run->newest_told = 1;
		return 1;
	}
	return (run->newest_told || !run->files.nested) && loaded % every == 0 &&
	       loaded - run->partial_at >= loaded / PARTIAL_SHARE;
}

static int tell(struct run *run, uint32_t loaded)
{
	struct ramet_session_info *partial = NULL;
	uint64_t n = 0;
	int r = 0;

	if (partial_due(run, loaded)) {
		if (sorted(run, loaded, &partial, &n) < 0)
			return RAMET_ENOMEM;
		run->partial_at = loaded;
	}
	if (run->opts->progress(run->opts->user, loaded, run->files.n, partial, n))
		r = RAMET_ECANCELED;
	ramet_free(partial);
	return r;
}

/* Tell of every file finished by now. Entries of order below n_done do not change any more. */
static void tell_all(struct run *run)
{
	struct ramet_error err = { 0 };
	uint32_t n_done;
	int r = 0, stop;

	pthread_mutex_lock(&run->lock);
	n_done = run->n_done;
	stop = run->stop;
	pthread_mutex_unlock(&run->lock);
	if (!run->opts->progress || stop)
		return;
	while (!r && run->n_told < n_done)
		r = tell(run, ++run->n_told);
	if (!r)
		return;
	if (r == RAMET_ECANCELED)
		rameti_fail(&err, r, "canceled");
	else
		rameti_fail_nomem(&err);
	pthread_mutex_lock(&run->lock);
	fail(run, r, &err);
	pthread_mutex_unlock(&run->lock);
}

/* All files are handed out; others may still read theirs. */
static void wait_and_tell(struct run *run)
{
	int more = 1;

	while (more) {
		tell_all(run);
		pthread_mutex_lock(&run->lock);
		while (!run->stop && run->n_done < run->files.n && run->n_done == run->n_told)
			pthread_cond_wait(&run->done, &run->lock);
		more = !run->stop && run->n_told < run->files.n;
		pthread_mutex_unlock(&run->lock);
	}
}

static unsigned n_threads(const struct run *run)
{
	long n = run->opts->threads ? (long)run->opts->threads : sysconf(_SC_NPROCESSORS_ONLN);

	if (!run->opts->threads && n > (long)(run->files.n / FILES_PER_THREAD))
		n = (long)(run->files.n / FILES_PER_THREAD);
	if (n > (long)THREADS_MAX)
		n = (long)THREADS_MAX;
	return n < 1 ? 1 : (unsigned)n;
}

static void read_files(struct run *run)
{
	pthread_t ids[THREADS_MAX];
	struct rameti_info_reader r;
	unsigned i, n = 0, want = n_threads(run);

	while (n + 1 < want && !pthread_create(&ids[n], NULL, work, run))
		n++;
	if (start(run, &r)) {
		while (read_file(run, &r))
			tell_all(run);
		if (run->opts->progress)
			wait_and_tell(run);
		rameti_info_reader_release(&r);
	}
	for (i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
}

/* ---- the list ---- */

static int run_init(struct run *run, struct ramet_store *st, const struct ramet_list_opts *opts,
		    struct ramet_error *err)
{
	int r;

	memset(run, 0, sizeof(*run));
	run->opts = opts;
	r = rameti_cwd_filter_init(&run->filter, st, opts->cwd, err);
	if (!r)
		r = rameti_store_gather(st, &run->filter, RAMETI_MTIME_NESTED, &run->files, err);
	if (r < 0)
		return r;
	if (run->files.n)
		qsort(run->files.items, run->files.n, sizeof(*run->files.items),
		      run->files.nested ? by_time_down : by_name_down);
	run->infos = ramet_calloc((size_t)run->files.n + 1, sizeof(*run->infos));
	run->order = ramet_calloc((size_t)run->files.n + 1, sizeof(*run->order));
	return run->infos && run->order ? 0 : rameti_fail_nomem(err);
}

static void run_release(struct run *run, int keep_texts)
{
	uint32_t i;

	for (i = 0; !keep_texts && run->infos && i < run->files.n; i++)
		rameti_info_release(&run->infos[i]);
	ramet_free(run->infos);
	ramet_free(run->order);
	rameti_candidates_release(&run->files);
	rameti_cwd_filter_release(&run->filter);
}

int ramet_store_list(struct ramet_store *st, const struct ramet_list_opts *opts,
		     struct ramet_list *list, struct ramet_error *err)
{
	static const struct ramet_list_opts defaults;
	struct ramet_session_info *items = NULL;
	uint64_t n = 0;
	struct run run;
	int r = run_init(&run, st, opts ? opts : &defaults, err);

	if (!r) {
		pthread_mutex_init(&run.lock, NULL);
		pthread_cond_init(&run.done, NULL);
		read_files(&run);
		pthread_cond_destroy(&run.done);
		pthread_mutex_destroy(&run.lock);
		r = run.status;
		if (r < 0 && err)
			*err = run.err;
		if (!r && sorted(&run, run.n_done, &items, &n) < 0)
			r = rameti_fail_nomem(err);
	}
	run_release(&run, !r);
	if (!r) {
		list->items = items;
		list->n = n;
		list->priv = NULL;
	}
	return r;
}

void ramet_list_release(struct ramet_list *list)
{
	struct ramet_list empty = RAMET_LIST_INIT;
	uint64_t i;

	for (i = 0; i < list->n; i++)
		rameti_info_release(&list->items[i]);
	ramet_free(list->items);
	*list = empty;
}

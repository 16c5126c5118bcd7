/*
 * procs_threads.c - eight threads on eight sessions, and eight threads on one handle.
 *
 * On one handle all entries are one line from first to last, since each hangs from the leaf that
 * the append before it made. A ninth thread holds the lock of the session and reads along.
 */
#include "procs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8u

struct thread {
	pthread_t id;
	unsigned w, lines;
	struct ramet_session *s;
	struct tolds told;
	char path[PROCS_PATH];
};
struct watcher {
	struct ramet_session *s;
	int stop;
	uint64_t looks;
};

static void *write_on(void *user)
{
	struct thread *o = user;
	struct told one = { TOLD_STORED, "", { o->w, 0, 0 } };
	struct ramet_error err = { .code = 0 };
	unsigned i;
	int r = 0;

	for (i = 0; i < o->lines && r >= 0; i++) {
		one.mark.n = i;
		one.mark.size = i % 50 == 49 ? 60000 : 300 + i % 700;
		r = say(o->s, &one.mark, one.id, &err);
		if (r < 0)
			fault("thread %u: %s: %s", o->w, ramet_code_name(r), err.text);
		else
			tolds_add(&o->told, &one);
		if (i % 64 == 0)
			(void)ramet_session_sync(o->s, NULL);
		if (i % 64 == 32)
			(void)ramet_session_refresh(o->s, NULL);
	}
	return NULL;
}

/* The last row is whole, and its path goes to the first one. */
static void *read_on(void *user)
{
	struct watcher *o = user;
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t before = 0;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
		const struct ramet_tree *t;
		uint32_t last;

		ramet_session_lock(o->s);
		t = ramet_session_tree(o->s);
		last = ramet_tree_leaf(t);
		if (last == RAMET_NONE || last < before)
			fault("the last row was %u and is %u", before, last);
		else if (ramet_tree_entry(t, last, &scratch, &json, NULL) < 0 ||
			 ramet_tree_row(t, last)->depth != last)
			fault("row %u is not whole", last);
		before = last;
		ramet_session_unlock(o->s);
		o->looks++;
		pause_us(200);
	}
	ramet_buf_release(&scratch);
	return NULL;
}

static void start_all(struct thread *threads)
{
	unsigned i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i].id, NULL, write_on, &threads[i]))
			give_up("pthread_create");
}

static void join_all(struct thread *threads)
{
	unsigned i;

	for (i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i].id, NULL);
}

static void eight_sessions(const char *dir, unsigned lines)
{
	struct thread threads[THREADS];
	struct rules rules = { .only_told = 1, .chain = CHAIN_ALL, .index = 1 };
	uint64_t begun = now_us();
	unsigned i;

	memset(threads, 0, sizeof(threads));
	for (i = 0; i < THREADS; i++) {
		struct thread *o = &threads[i];

		o->w = i;
		o->lines = lines;
		(void)snprintf(o->path, sizeof(o->path), "%s/thread%u.jsonl", dir, i);
		put_session(o->path, 3, 99, 1, 300, &o->told);
		o->s = open_session(o->path, (int)(i % 3), (int)(i & 1));
		if (!o->s)
			return;
	}
	start_all(threads);
	join_all(threads);
	begun = now_us() - begun;
	for (i = 0; i < THREADS; i++) {
		ramet_session_close(threads[i].s);
		rules.told = &threads[i].told;
		check_file(threads[i].path, &rules, NULL);
		(void)unlink(threads[i].path);
		tolds_release(&threads[i].told);
	}
	row("8 threads, 8 sessions", "%u entries each in %.1f s", lines, (double)begun / 1e6);
}

static void one_handle(const char *dir, unsigned lines, int level)
{
	static const char *const names[] = { "each", "turn", "none" };
	struct thread threads[THREADS];
	struct tolds all = { NULL, 0, 0 };
	struct rules rules = { .told = &all, .only_told = 1, .chain = CHAIN_ALL, .index = 1 };
	const char *path = path_in(dir, "handle.jsonl");
	struct watcher w = { NULL, 0, 0 };
	uint64_t begun = now_us();
	char what[64];
	pthread_t watcher;
	unsigned i;
	size_t k;

	put_session(path, 3, 99, 1, 300, &all);
	w.s = open_session(path, level, 0);
	if (!w.s || pthread_create(&watcher, NULL, read_on, &w))
		return;
	memset(threads, 0, sizeof(threads));
	for (i = 0; i < THREADS; i++) {
		threads[i].w = i;
		threads[i].lines = lines;
		threads[i].s = w.s;
	}
	start_all(threads);
	join_all(threads);
	begun = now_us() - begun;
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
	(void)pthread_join(watcher, NULL);
	ramet_session_close(w.s);
	for (i = 0; i < THREADS; i++) {
		for (k = 0; k < threads[i].told.n; k++)
			tolds_add(&all, &threads[i].told.items[k]);
		tolds_release(&threads[i].told);
	}
	check_file(path, &rules, NULL);
	(void)unlink(path);
	tolds_release(&all);
	(void)snprintf(what, sizeof(what), "8 threads, one handle, %s", names[level]);
	row(what, "%u entries each in %.1f s, %llu looks meanwhile", lines, (double)begun / 1e6,
	    (unsigned long long)w.looks);
}

void procs_threads(const char *dir, unsigned lines)
{
	eight_sessions(dir, lines);
	one_handle(dir, lines, RAMET_LEVEL_EACH);
	one_handle(dir, lines, RAMET_LEVEL_NONE);
}

/*
 * autosave_given.c - a disk that does as it is told, sessions on it, and what a queue said of them.
 */
#include "autosave_given.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "store/temp_dir.h"

/* ---- a disk that does as it is told ---- */

struct rameti_env env;
atomic_int disk_full, sync_fails, disk_slow_ms, disk_hangs, hanging, n_writes, n_syncs;

void sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	if (ms > 0)
		(void)nanosleep(&t, NULL);
}

static ssize_t disk_write(void *user, int fd, const void *from, size_t len)
{
	(void)user;
	n_writes++;
	sleep_ms(disk_slow_ms);
	hanging++;
	while (disk_hangs)
		sleep_ms(1);
	hanging--;
	if (disk_full) {
		errno = disk_full;
		return -1;
	}
	return rameti_env_posix()->write(NULL, fd, from, len);
}

static int disk_fdatasync(void *user, int fd)
{
	(void)user;
	n_syncs++;
	if (sync_fails) {
		errno = EIO;
		return -1;
	}
	return rameti_env_posix()->fdatasync(NULL, fd);
}

/* ---- sessions, a queue, and what it tells ---- */

char *dir;
struct ramet_session *s[SESSIONS];
struct ramet_autosave *q;
struct ramet_autosave_opts opts;

static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
struct told told[TOLD_MAX];
unsigned n_told, n_trouble;
int last_trouble, last_trouble_sys;
static atomic_int told_at_once;                  /* callbacks running */

static void on_done(void *user, const struct ramet_autosave_done *d)
{
	struct told *t;

	(void)user;
	if (told_at_once++)
		abort();
	pthread_mutex_lock(&told_lock);
	t = &told[n_told++];
	t->session = d->session;
	t->tag = (int)(intptr_t)d->tag;
	t->code = d->err ? d->err->code : 0;
	if (!d->id == !d->err || (d->err && !*d->err->text))
		abort();
	(void)snprintf(t->id, sizeof(t->id), "%s", d->id ? d->id : "");
	(void)snprintf(t->json, sizeof(t->json), "%.*s", RAMET_FMT(d->json));
	pthread_mutex_unlock(&told_lock);
	told_at_once--;
}

static void on_trouble(void *user, struct ramet_session *session, const struct ramet_error *err)
{
	(void)user;
	(void)session;
	pthread_mutex_lock(&told_lock);
	n_trouble++;
	last_trouble = err->code;
	last_trouble_sys = err->sys;
	pthread_mutex_unlock(&told_lock);
}

unsigned how_many_told(void)
{
	unsigned n;

	pthread_mutex_lock(&told_lock);
	n = n_told;
	pthread_mutex_unlock(&told_lock);
	return n;
}

int make_all(void **state)
{
	(void)state;
	dir = temp_dir_new();
	memset(s, 0, sizeof(s));
	memset(&opts, 0, sizeof(opts));
	memset(told, 0, sizeof(told));
	n_told = n_trouble = 0;
	last_trouble = last_trouble_sys = 0;
	disk_full = sync_fails = disk_slow_ms = disk_hangs = hanging = n_writes = n_syncs = 0;
	opts.done = on_done;
	opts.trouble = on_trouble;
	opts.retry_ms = 2;
	opts.retry_max_ms = 8;
	env = *rameti_env_posix();
	env.write = disk_write;
	env.fdatasync = disk_fdatasync;
	rameti_env_use(&env);
	q = NULL;
	return 0;
}

void free_queue(void)
{
	ramet_autosave_free(q, 0);
	q = NULL;
}

int drop_all(void **state)
{
	int i;

	(void)state;
	disk_full = sync_fails = disk_slow_ms = disk_hangs = 0;
	free_queue();
	for (i = 0; i < SESSIONS; i++)
		ramet_session_close(s[i]);
	rameti_env_use(NULL);
	temp_dir_remove(dir);
	return 0;
}

void given_queue(int n_sessions, int level)
{
	char name[24];
	int i;

	for (i = 0; i < n_sessions; i++) {
		const struct ramet_open_opts o = { .level = level, .no_cache = 1 };

		(void)snprintf(name, sizeof(name), "s%d.jsonl", i);
		put(temp_path(dir, name), HEAD MESSAGE("u0", "null", U("zero")));
		must(ramet_session_open(&s[i], temp_path(dir, name), &o, &why));
	}
	must(ramet_autosave_new(&q, &opts, &why));
}

struct ramet_autosave_metrics metrics(void)
{
	struct ramet_autosave_metrics m;

	ramet_autosave_get_metrics(q, &m);
	assert_int_equal(m.queued, m.written + m.failed + m.waiting);
	return m;
}

int add_with(struct ramet_session *session, int tag, unsigned flags,
		    struct ramet_autosave_ticket **ticket, struct ramet_error *err)
{
	const struct ramet_autosave_add_opts o = { flags, 0, (void *)(intptr_t)tag, ticket };
	char json[64];
	int n = snprintf(json, sizeof(json), "{\"role\":\"user\",\"content\":\"%d\"}", tag);

	return ramet_autosave_add(q, session, (struct ramet_bytes){ json, (size_t)n }, &o, err);
}

int add(struct ramet_session *session, int tag)
{
	return add_with(session, tag, 0, NULL, &why);
}

void add_many(struct ramet_session *session, int from, int to)
{
	for (; from < to; from++)
		must(add(session, from));
}

unsigned tags_of(const struct ramet_session *session, int *tags, unsigned max)
{
	struct ramet_session *fresh = opened(ramet_session_path(session));
	const struct ramet_tree *t = ramet_session_tree(fresh);
	uint32_t row;
	unsigned n = 0;

	for (row = 1; row < ramet_tree_count(t); row++) {
		const char *at = strstr(entry_of(fresh, row).ptr, "\"content\":\"");

		assert_int_equal(ramet_tree_row(t, row)->parent, row - 1);
		assert_non_null(at);
		assert_true(n < max);
		tags[n++] = (int)strtoul(at + 11, NULL, 10);
	}
	ramet_session_close(fresh);
	return n;
}

void file_has(const struct ramet_session *session, int from, int to)
{
	int tags[TOLD_MAX];
	unsigned i, n = tags_of(session, tags, TOLD_MAX);

	assert_int_equal(n, to - from);
	for (i = 0; i < n; i++)
		assert_int_equal(tags[i], from + (int)i);
}

void told_of(unsigned n, int from, int to, int code)
{
	for (; from < to; from++, n++) {
		assert_true(n < n_told);
		assert_int_equal(told[n].tag, from);
		assert_int_equal(told[n].code, code);
	}
}

void wait_for(atomic_int *what)
{
	int i;

	for (i = 0; i < 10000 && !*what; i++)
		sleep_ms(1);
	assert_true(*what);
}

/*
 * base/sql_read.c - reading a database without leaving a trace.
 *
 * A database in WAL mode that is opened the usual way gets two files beside it, even by a reader,
 * and a reader that is the last to go leaves them there. So a database with nothing in such files
 * is read as one that nobody changes; whether that was so is looked up afterwards: a writer
 * changes the database itself only after its changes have stood in the file beside it. Everything
 * else is read the usual way, with the locks that go with it.
 */
#include "base/sql.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

/* What a file system's clock may not tell apart; and how often to try. */
#define TICK_MS 12
#define TRIES 3

struct place {
	struct ramet_buf path, wal, journal;
};

static int place_init(struct place *p, const char *path, struct ramet_error *err)
{
	int r;

	ramet_buf_init(&p->path, SIZE_MAX / 2);
	ramet_buf_init(&p->wal, SIZE_MAX / 2);
	ramet_buf_init(&p->journal, SIZE_MAX / 2);
	r = rameti_path_follow(NULL, path, &p->path, err);
	if (r < 0)
		return r;
	ramet_buf_addf(&p->wal, "%s-wal", p->path.ptr);
	ramet_buf_addf(&p->journal, "%s-journal", p->path.ptr);
	return ramet_buf_status(&p->wal) < 0 || ramet_buf_status(&p->journal) < 0 ?
		       rameti_fail_nomem(err) : 0;
}

static void place_release(struct place *p)
{
	ramet_buf_release(&p->path);
	ramet_buf_release(&p->wal);
	ramet_buf_release(&p->journal);
}

/* Is there nothing in this file? */
static int is_empty(const char *path)
{
	struct stat st;
	int r = rameti_path_stat(NULL, path, &st, NULL);

	return r == RAMET_ENOTFOUND || (!r && !st.st_size);
}

static void pause_a_tick(void)
{
	const struct rameti_env *env = rameti_env_default();
	struct timespec ts = { 0, TICK_MS * 1000000L };

	(void)env->nanosleep(env->user, &ts);
}

/* Was it changed so lately that a change from now on could have the same time? */
static int is_fresh(const struct stat *st)
{
	int64_t now = rameti_now_ms(NULL), s = st->st_mtim.tv_sec, age;

	if (now == RAMETI_TIME_NONE)
		return 1;
	if (s < now / 1000 - 1 || s > now / 1000 + 1)
		return 0;
	age = now - (s * 1000 + st->st_mtim.tv_nsec / 1000000);
	return age >= -TICK_MS && age < TICK_MS;
}

/* 1: nobody is in the middle of changing it, and it looks like *st. */
static int is_quiet(const struct place *p, struct stat *st, struct ramet_error *err)
{
	int r = rameti_path_stat(NULL, p->path.ptr, st, err);

	if (r < 0)
		return r;
	if (!is_empty(p->wal.ptr) || !is_empty(p->journal.ptr))
		return 0;
	if (!is_fresh(st))
		return 1;
	pause_a_tick();                          /* or a later change would have the same time */
	r = rameti_path_stat(NULL, p->path.ptr, st, err);
	return r < 0 ? r : is_empty(p->wal.ptr) && is_empty(p->journal.ptr);
}

static int is_same(const struct place *p, const struct stat *was)
{
	struct stat st;

	return !rameti_path_stat(NULL, p->path.ptr, &st, NULL) && is_empty(p->journal.ptr) &&
	       st.st_dev == was->st_dev && st.st_ino == was->st_ino &&
	       st.st_size == was->st_size && st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == was->st_mtim.tv_nsec &&
	       st.st_ctim.tv_sec == was->st_ctim.tv_sec &&
	       st.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
}

static int read_once(const char *path, unsigned flags, uint32_t wait_ms,
		     int (*fn)(void *user, struct rameti_sql *db, struct ramet_error *err),
		     void *user, struct ramet_error *err)
{
	struct rameti_sql *db;
	int r = rameti_sql_open(&db, path, flags, wait_ms, err);

	if (r < 0)
		return r;
	r = rameti_sql_exec(db, "BEGIN", err);
	if (!r)
		r = fn(user, db, err);
	rameti_sql_rollback(db);
	rameti_sql_close(db);
	return r;
}

int rameti_sql_read(const char *path, uint32_t wait_ms,
		    int (*fn)(void *user, struct rameti_sql *db, struct ramet_error *err),
		    void *user, struct ramet_error *err)
{
	struct ramet_error first;
	struct place p;
	struct stat st;
	int i, r = place_init(&p, path, err), done = 0;

	for (i = 0; !r && !done && i < TRIES; i++) {
		r = is_quiet(&p, &st, err);
		if (r <= 0)
			break;
		r = read_once(p.path.ptr, RAMETI_SQL_STILL, wait_ms, fn, user, &first);
		done = is_same(&p, &st);
		if (done && r < 0 && err)
			*err = first;
		if (!done)
			r = 0;
	}
	if (!r && !done)
		r = read_once(p.path.ptr, RAMETI_SQL_READ, wait_ms, fn, user, err);
	if (r < 0)
		rameti_error_set_path(err, path);
	place_release(&p);
	return r;
}

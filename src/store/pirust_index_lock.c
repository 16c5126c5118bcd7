/*
 * store/pirust_index_lock.c - the lock of pi_agent_rust's session index, of both generations.
 *
 * The newer one is a directory: who made it holds it, and one that was not touched for ten seconds
 * is left over. The older one is flock on a file of the same name, which stays behind; while there
 * is such a file, its flock is taken, so that the older program is kept out, and one that is left
 * over gives way to the directory. What is held here is held for one short transaction, so that
 * nothing has to be refreshed; should somebody break it all the same, the database has locks of
 * its own.
 */
#include "store/pirust_index_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/error.h"

#define STALE_MS 10000
#define PAUSE_MS 20
#define DIR_MODE 0700

static const struct rameti_env *system_calls(void)
{
	return rameti_env_default();
}

static int is_stale(const struct stat *st)
{
	int64_t ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

	return rameti_now_ms(NULL) - ms > STALE_MS;
}

/* An old lock file. 1: its flock is ours. */
static int try_file(struct rameti_pindex_lock *l, struct ramet_error *err)
{
	const struct rameti_env *env = system_calls();
	struct stat st, now;
	int fd, r;

	do
		fd = env->open(env->user, l->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == ENOENT || errno == EISDIR ?
			       0 : rameti_fail_sys(err, errno, l->path, "cannot open the lock");
	do
		r = env->flock(env->user, fd, LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EINTR);
	if (r < 0 || env->fstat(env->user, fd, &st) < 0 ||
	    env->lstat(env->user, l->path, &now) < 0 ||
	    st.st_dev != now.st_dev || st.st_ino != now.st_ino) {
		(void)env->close(env->user, fd);
		return 0;
	}
	if (is_stale(&st)) {
		(void)env->unlink(env->user, l->path);       /* the directory takes its place */
		(void)env->close(env->user, fd);
		return 0;
	}
	l->file.fd = fd;
	return 1;
}

/* 1: locked; 0: not now. */
static int try_once(struct rameti_pindex_lock *l, struct ramet_error *err)
{
	const struct rameti_env *env = system_calls();
	struct stat st;

	if (env->mkdir(env->user, l->path, DIR_MODE) == 0) {
		l->is_dir = 1;
		return 1;
	}
	if (errno != EEXIST)
		return rameti_fail_sys(err, errno, l->path, "cannot make the lock");
	if (env->lstat(env->user, l->path, &st) < 0)
		return 0;                                /* it was let go just now */
	if (S_ISREG(st.st_mode))
		return try_file(l, err);
	if (S_ISDIR(st.st_mode) && is_stale(&st))
		(void)env->rmdir(env->user, l->path);
	return 0;
}

static int64_t ticks(void)
{
	const struct rameti_env *env = system_calls();
	struct timespec ts;

	if (env->clock_gettime(env->user, CLOCK_MONOTONIC, &ts) < 0)
		return INT64_MAX;                        /* no clock, no waiting */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int rameti_pindex_lock(struct rameti_pindex_lock *l, const char *path, uint32_t wait_ms,
		       struct ramet_error *err)
{
	const struct rameti_env *env = system_calls();
	struct timespec pause = { 0, PAUSE_MS * 1000000L };
	int64_t now = ticks();
	int64_t until = now == INT64_MAX ? now : now + wait_ms;
	int r;

	l->path = path;
	l->file = (struct rameti_file)RAMETI_FILE_INIT;
	l->is_dir = 0;
	while (!(r = try_once(l, err)) && ticks() < until)
		(void)env->nanosleep(env->user, &pause);
	if (r)
		return r < 0 ? r : 0;
	return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
			      "another program holds the lock of the session index");
}

void rameti_pindex_unlock(struct rameti_pindex_lock *l)
{
	const struct rameti_env *env = system_calls();

	if (l->is_dir)
		(void)env->rmdir(env->user, l->path);        /* or it is stale in ten seconds */
	(void)rameti_file_close(&l->file);
	l->is_dir = 0;
}

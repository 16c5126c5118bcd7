/*
 * base/watch.c - waiting until something happens to a file, by its name.
 *
 * Invariants: watches are set anew before every "look", so that nothing can happen between looking
 * and waiting without being told; every way through the loop sleeps or has been told something. A
 * watch that cannot be had is no error: looking now and then takes its place, and the next look
 * asks for it again. Reads nothing of the file and changes nothing.
 */
#include "base/watch.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"

#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define DIR_EVENTS                                                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF |     \
	 IN_ONLYDIR)
#define READS_MAX 64                             /* in a row, then it is time to look */

static const struct rameti_env *env_of(const struct rameti_watch *w)
{
	return rameti_env_or_default(w->env);
}

static int64_t clock_ms(const struct rameti_watch *w)
{
	const struct rameti_env *env = env_of(w);
	struct timespec ts;

	if (env->clock_gettime(env->user, CLOCK_MONOTONIC, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A clock that stands still does not make a wait endless: what was slept counts too. */
int64_t rameti_watch_now(const struct rameti_watch *w)
{
	int64_t ms = clock_ms(w) - w->begun_ms;

	return ms > w->slept_ms ? ms : w->slept_ms;
}

/* ---- watches ---- */

static void be_told_nothing(struct rameti_watch *w)
{
	const struct rameti_env *env = env_of(w);

	if (w->fd >= 0)
		(void)env->close(env->user, w->fd);          /* holds nothing */
	w->fd = w->file_wd = w->dir_wd = -1;
}

/* Watch what a name means now, no longer what it meant. */
static void set(struct rameti_watch *w, int *wd, const char *path, uint32_t events)
{
	const struct rameti_env *env = env_of(w);
	int fresh = env->inotify_add_watch(env->user, w->fd, path, events), sys = errno;

	if (*wd >= 0 && *wd != fresh)
		(void)env->inotify_rm_watch(env->user, w->fd, *wd);  /* gone already, perhaps */
	*wd = fresh;
	errno = sys;
}

/* The directory first: a file that comes after that is told by it. */
static void set_watches(struct rameti_watch *w)
{
	if (w->fd < 0)
		return;
	set(w, &w->dir_wd, w->dir, DIR_EVENTS);
	set(w, &w->file_wd, w->path, FILE_EVENTS);
	w->file_known = w->file_wd >= 0 || errno == ENOENT;
}

/* How long to wait at most before looking. */
static int64_t interval(const struct rameti_watch *w)
{
	if (w->fd < 0 || w->dir_wd < 0 || !w->file_known)
		return w->poll_ms;
	return w->poll_ms > RAMETI_WATCH_SLOW_MS ? w->poll_ms : RAMETI_WATCH_SLOW_MS;
}

/* Of what happens in the directory only what happens to this name counts. */
static int concerns(const struct rameti_watch *w, const struct inotify_event *e, const char *name)
{
	if (e->wd < 0 || (e->wd == w->file_wd && e->wd != w->dir_wd))
		return 1;
	return e->wd == w->dir_wd && (!e->len || !strcmp(name, rameti_path_base(w->path)));
}

static int any_concerns(const struct rameti_watch *w, const char *at, const char *end)
{
	struct inotify_event e;

	for (; (size_t)(end - at) >= sizeof(e); at += sizeof(e) + e.len) {
		memcpy(&e, at, sizeof(e));
		if ((size_t)(end - at) - sizeof(e) < e.len)
			break;
		if (concerns(w, &e, at + sizeof(e)))
			return 1;
	}
	return 0;
}

/* Take all that the system has to tell: 1 if it concerns the file. */
static int hear(struct rameti_watch *w)
{
	const struct rameti_env *env = env_of(w);
	int i, told = 0;
	char events[4096];

	for (i = 0; i < READS_MAX; i++) {
		ssize_t n = env->read(env->user, w->fd, events, sizeof(events));

		if (n > 0)
			told |= any_concerns(w, events, events + n);
		else if (n < 0 && errno == EAGAIN)
			return told;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (i < READS_MAX)
		be_told_nothing(w);
	return 1;
}

/* ---- waiting ---- */

/* 1 told something, 0 not. Outcome of a wait that was interrupted: not. */
static int wait_ms(struct rameti_watch *w, int64_t ms, struct ramet_error *err)
{
	const struct rameti_env *env = env_of(w);
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int r = env->poll(env->user, &p, w->fd >= 0, (int)ms);

	if (r > 0)
		return hear(w);
	if (r == 0)
		w->slept_ms += ms;
	else if (errno != EINTR)
		return rameti_fail_sys(err, errno, w->path, "cannot wait");
	return 0;
}

int rameti_watch_wait(struct rameti_watch *w, int64_t until, struct ramet_error *err)
{
	int64_t now = rameti_watch_now(w), look = now + interval(w);
	int r = 0;

	for (; !r && now < look; now = rameti_watch_now(w)) {
		if (now >= until)
			return 0;
		r = wait_ms(w, (look < until ? look : until) - now, err);
	}
	if (r < 0)
		return r;
	set_watches(w);
	return 1;
}

/* ---- opening ---- */

int rameti_watch_open(struct rameti_watch *w, const char *path, uint32_t poll_ms,
		      struct ramet_error *err)
{
	const struct rameti_env *env = env_of(w);
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);

	ramet_buf_add_str(&b, path);
	w->path = ramet_buf_status(&b) < 0 ? NULL : ramet_buf_detach(&b, NULL);
	rameti_path_dir(path, &b);
	w->dir = ramet_buf_status(&b) < 0 ? NULL : ramet_buf_detach(&b, NULL);
	ramet_buf_release(&b);
	if (!w->path || !w->dir) {
		rameti_watch_close(w);
		return rameti_fail_nomem(err);
	}
	w->poll_ms = poll_ms ? poll_ms : RAMETI_WATCH_POLL_MS;
	if (w->poll_ms > INT32_MAX)
		w->poll_ms = INT32_MAX;
	w->slept_ms = 0;
	w->begun_ms = clock_ms(w);
	w->file_wd = w->dir_wd = -1;
	w->fd = env->inotify_init1(env->user, IN_CLOEXEC | IN_NONBLOCK);
	set_watches(w);
	return 0;
}

void rameti_watch_close(struct rameti_watch *w)
{
	be_told_nothing(w);
	ramet_free(w->path);
	ramet_free(w->dir);
	w->path = w->dir = NULL;
}

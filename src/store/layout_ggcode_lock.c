/*
 * store/layout_ggcode_lock.c - "this session is open in a process": ID.lock, as ggcode takes it.
 *
 * flock without waiting, then a look whether the path still names the file that was locked: in
 * doubt there is no lock. The file holds the process id and is removed while it is locked. Asking
 * makes and removes nothing: the original takes and removes a stale file then.
 */
#include "store/layout_ggcode_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

#define TRIES 3

struct ramet_ggcode_lock {
	struct rameti_file file;
	struct ramet_buf path;
};

static int lock_path(const char *dir, struct ramet_bytes id, struct ramet_buf *path,
		     struct ramet_error *err)
{
	int r = ramet_ggcode_path(dir, id, path, err);

	if (r < 0)
		return r;
	ramet_buf_truncate(path, path->len - strlen(".jsonl"));
	ramet_buf_add_str(path, ".lock");
	return rameti_gg_done(path, err);
}

static int64_t read_holder(const struct rameti_file *f)
{
	char text[19];                           /* what is longer is no process */
	int64_t n = rameti_file_read_at(f, text, sizeof(text) - 1, 0, NULL), pid = 0;
	int i;

	for (i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid;
}

/* 0 locked, 1 somebody has it, or an error. */
static int try_lock(const struct rameti_file *f, int op)
{
	int r;

	do
		r = f->env->flock(f->env->user, f->fd, op | LOCK_NB);
	while (r < 0 && errno == EINTR);
	return r < 0 ? (errno == EWOULDBLOCK ? 1 : RAMET_EIO) : 0;
}

/* Does the path still name this file? */
static int is_named(const struct rameti_file *f, const char *path)
{
	struct stat a, b;

	return f->env->fstat(f->env->user, f->fd, &a) == 0 &&
	       f->env->stat(f->env->user, path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int write_holder(const struct rameti_file *f)
{
	const struct rameti_env *env = f->env;
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)getpid());
	ssize_t n;
	int r;

	do
		r = env->ftruncate(env->user, f->fd, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return r;
	do
		n = env->pwrite(env->user, f->fd, text, (size_t)len, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n < len)
		errno = ENOSPC;
	return n < len ? -1 : env->fsync(env->user, f->fd);
}

int rameti_gg_fail_held(const char *path, int64_t pid, struct ramet_error *err)
{
	if (pid)
		return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
				      "process %lld has the session open", (long long)pid);
	return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
			      "another process has the session open");
}

static int take(struct ramet_ggcode_lock *l, int64_t *holder, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int tries, r;

	l->file.env = env;
	for (tries = 0; tries < TRIES; tries++) {
		do
			l->file.fd = env->open(env->user, l->path.ptr,
					       O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
		while (l->file.fd < 0 && errno == EINTR);
		if (l->file.fd < 0)
			return rameti_fail_sys(err, errno, l->path.ptr, "cannot open");
		r = try_lock(&l->file, LOCK_EX);
		if (r == 1) {
			int64_t pid = read_holder(&l->file);

			if (holder)
				*holder = pid;
			(void)rameti_file_close(&l->file);
			return rameti_gg_fail_held(l->path.ptr, pid, err);
		}
		if (!r && is_named(&l->file, l->path.ptr)) {
			if (!write_holder(&l->file))
				return 0;
			r = rameti_fail_sys(err, errno, l->path.ptr, "cannot write");
			(void)rameti_file_close(&l->file);
			return r;
		}
		(void)rameti_file_close(&l->file);
	}
	return rameti_fail_at(err, RAMET_EIO, l->path.ptr, 0, RAMET_NO_OFFSET,
			      "cannot tell whether the lock was taken");
}

int ramet_ggcode_lock_take(struct ramet_ggcode_lock **out, const char *dir, struct ramet_bytes id,
			   int64_t *holder, struct ramet_error *err)
{
	struct ramet_ggcode_lock *l = ramet_calloc(1, sizeof(*l));
	int r;

	if (!l)
		return rameti_fail_nomem(err);
	l->file.fd = -1;
	ramet_buf_init(&l->path, RAMETI_GG_PATH_MAX);
	r = lock_path(dir, id, &l->path, err);
	if (!r)
		r = take(l, holder, err);
	if (r < 0) {
		ramet_buf_release(&l->path);
		ramet_free(l);
		return r;
	}
	*out = l;
	return 0;
}

int ramet_ggcode_lock_ask(const char *dir, struct ramet_bytes id, int64_t *holder,
			  struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct rameti_file f = RAMETI_FILE_INIT;
	int r = lock_path(dir, id, &path, err);

	f.env = rameti_env_default();
	if (!r)
		r = rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, err);
	if (!r) {
		/* a shared lock is refused by the holder's, and lets go at once */
		r = try_lock(&f, LOCK_SH);
		if (r == 1 && holder)
			*holder = read_holder(&f);
		if (r < 0)
			r = rameti_fail_sys(err, errno, path.ptr, "cannot lock");
		(void)rameti_file_close(&f);
	}
	ramet_buf_release(&path);
	return r == RAMET_ENOTFOUND ? 0 : r;
}

void ramet_ggcode_lock_release(struct ramet_ggcode_lock *l)
{
	if (!l)
		return;
	/* somebody may have put another file there: that is not ours to remove */
	if (is_named(&l->file, l->path.ptr))
		(void)l->file.env->unlink(l->file.env->user, l->path.ptr);
	(void)rameti_file_close(&l->file);
	ramet_buf_release(&l->path);
	ramet_free(l);
}

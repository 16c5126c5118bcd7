/*
 * base/newfile.c - files that appear whole or not at all.
 *
 * Bytes go into a file without a name where the system has such files, else under a temporary name
 * beside the target. Only when all of them are there does it get its name, in one step. Names that
 * are taken are never written over unless the caller says so. What fails leaves nothing behind but,
 * after a crash, a temporary name that no reader takes for a session.
 */
#include "base/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"

#define HELD_MAX (256u << 10)
#define TEMP_TRIES 16

static int open_again(const struct rameti_env *env, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = env->open(env->user, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* The directory of this path; f->env is set. */
static int open_dir(struct rameti_file *f, const char *path, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	rameti_path_dir(path, &dir);
	if (ramet_buf_status(&dir) < 0)
		r = rameti_fail_nomem(err);
	else
		f->fd = open_again(f->env, dir.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (!r && f->fd < 0)
		r = rameti_fail_sys(err, errno, dir.ptr, "cannot open directory");
	ramet_buf_release(&dir);
	return r;
}

static int sync_dir(const struct rameti_file *f, const char *path, struct ramet_error *err)
{
	struct ramet_error why;
	int r = rameti_file_sync(f, 0, &why);

	/* some file systems have no such call for directories, and need none */
	if (r < 0 && (why.sys == EINVAL || why.sys == ENOTSUP))
		return 0;
	return r < 0 ? rameti_fail_sys(err, why.sys, path, "cannot sync the directory of it") : 0;
}

int rameti_dir_sync(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct rameti_file f = { rameti_env_or_default(env), -1 };
	int r = open_dir(&f, path, err);

	if (!r)
		r = sync_dir(&f, path, err);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	return r;
}

static int is_dir(const struct rameti_env *env, const char *path)
{
	struct stat st;

	return env->stat(env->user, path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One directory, whose parent is there. */
static int make_one(const struct rameti_env *env, const char *path, int sync,
		    struct ramet_error *err)
{
	if (env->mkdir(env->user, path, 0700) < 0) {
		int why = errno;

		if (why == EEXIST && is_dir(env, path))
			return 0;
		return rameti_fail_sys(err, why == EEXIST ? ENOTDIR : why, path,
				       "cannot make directory");
	}
	return sync ? rameti_dir_sync(env, path, err) : 0;
}

int rameti_dir_make(const struct rameti_env *env, const char *path, int sync,
		    struct ramet_error *err)
{
	size_t len = strlen(path), at;
	char *part;
	int r = 0;

	env = rameti_env_or_default(env);
	if (is_dir(env, path))
		return 0;
	part = ramet_alloc(len + 1);
	if (!part)
		return rameti_fail_nomem(err);
	for (at = 1; !r && at <= len; at++) {
		if (at < len && path[at] != '/')
			continue;
		memcpy(part, path, at);
		part[at] = '\0';
		if (part[at - 1] != '/' && !is_dir(env, part))
			r = make_one(env, part, sync, err);
	}
	ramet_free(part);
	return r;
}

/* ---- the file ---- */

/* DIR/.NAME.xxxxxxxx.part */
static int temp_name(struct rameti_newfile *n, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint8_t random[4];
	char hex[9];
	int r = rameti_random(n->file.env, random, sizeof(random), err);

	if (r < 0)
		return r;
	rameti_hex(random, sizeof(random), hex);
	rameti_path_dir(n->path, &b);
	ramet_buf_addf(&b, "/.%.180s.%s.part", rameti_path_base(n->path), hex);
	ramet_free(n->temp);
	n->temp = ramet_buf_detach(&b, NULL);
	ramet_buf_release(&b);
	return n->temp ? 0 : rameti_fail_nomem(err);
}

static int open_named(struct rameti_newfile *n, const struct rameti_env *env,
		      struct ramet_error *err)
{
	int tries, r;

	for (tries = 0; tries < TEMP_TRIES; tries++) {
		r = temp_name(n, err);
		if (r < 0)
			return r;
		n->file.fd = open_again(env, n->temp,
					O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC |
						O_NOCTTY,
					0600);
		if (n->file.fd >= 0)
			return 0;
		r = errno;
		ramet_free(n->temp);
		n->temp = NULL;
		if (r != EEXIST)
			return rameti_fail_sys(err, r, n->path, "cannot create");
	}
	return rameti_fail_at(err, RAMET_ECONFLICT, n->path, 0, RAMET_NO_OFFSET,
			      "no free temporary name");
}

static int open_nameless(struct rameti_newfile *n, const struct rameti_env *env,
			 struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	rameti_path_dir(n->path, &dir);
	if (ramet_buf_status(&dir) < 0)
		r = rameti_fail_nomem(err);
	else
		n->file.fd = open_again(env, dir.ptr, O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC,
					0600);
	ramet_buf_release(&dir);
	return r;
}

int rameti_newfile_open(struct rameti_newfile *n, const char *path, mode_t mode,
			struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(n->file.env);
	size_t len = strlen(path) + 1;
	int r;

	n->path = ramet_alloc(len);
	if (!n->path)
		return rameti_fail_nomem(err);
	memcpy(n->path, path, len);
	r = open_nameless(n, env, err);
	if (!r && n->file.fd < 0)
		r = open_named(n, env, err);
	if (!r && mode != 0600 && env->fchmod(env->user, n->file.fd, mode) < 0)
		r = rameti_fail_sys(err, errno, path, "cannot set the mode");
	if (r < 0)
		rameti_newfile_abort(n);
	return r;
}

static int write_out(struct rameti_newfile *n, struct ramet_bytes bytes, struct ramet_error *err)
{
	uint64_t done = 0;
	int r = rameti_file_append(&n->file, bytes, &done, err);

	while (!r && done < bytes.len) {                     /* nobody else sees it: go on */
		bytes.ptr += done;
		bytes.len -= (size_t)done;
		r = rameti_file_append(&n->file, bytes, &done, err);
	}
	if (r < 0)
		rameti_error_set_path(err, n->path);
	return r;
}

static int flush(struct rameti_newfile *n, struct ramet_error *err)
{
	int r = n->held.len ? write_out(n, ramet_buf_bytes(&n->held), err) : 0;

	ramet_buf_truncate(&n->held, 0);
	return r;
}

int rameti_newfile_write(struct rameti_newfile *n, struct ramet_bytes bytes,
			 struct ramet_error *err)
{
	int r = 0;

	if (n->held.len + bytes.len > HELD_MAX)
		r = flush(n, err);
	if (r < 0)
		return r;
	n->size += bytes.len;
	if (bytes.len > HELD_MAX)
		return write_out(n, bytes, err);
	ramet_buf_add(&n->held, bytes);
	return ramet_buf_status(&n->held) < 0 ? rameti_fail_nomem(err) : 0;
}

/* Give the nameless file this name; it must be free. 0 or -1 and errno. */
static int link_nameless(struct rameti_newfile *n, const struct rameti_env *env, const char *name)
{
	char fd_path[64];

	(void)snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", n->file.fd);
	return env->linkat(env->user, AT_FDCWD, fd_path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* From its temporary name to a free one, also where renaming cannot be told to spare what is
 * there. */
static int name_temp(struct rameti_newfile *n, const struct rameti_env *env)
{
	if (env->rename_new(env->user, n->temp, n->path) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
		return -1;
	if (env->linkat(env->user, AT_FDCWD, n->temp, AT_FDCWD, n->path, 0) < 0)
		return -1;
	(void)env->unlink(env->user, n->temp);       /* a second name, harmless if it stays */
	return 0;
}

static int name_new(struct rameti_newfile *n, const struct rameti_env *env, struct ramet_error *err)
{
	int r = n->temp ? name_temp(n, env) : link_nameless(n, env, n->path);

	if (r == 0)
		return 0;
	if (errno == EEXIST)
		return rameti_fail_at(err, RAMET_ECONFLICT, n->path, 0, RAMET_NO_OFFSET,
				      "there is a file of this name already");
	return rameti_fail_sys(err, errno, n->path, "cannot create");
}

static int name_over(struct rameti_newfile *n, const struct rameti_env *env,
		     struct ramet_error *err)
{
	int r;

	if (!n->temp) {
		r = temp_name(n, err);
		if (r < 0)
			return r;
		if (link_nameless(n, env, n->temp) < 0) {
			r = rameti_fail_sys(err, errno, n->path, "cannot create");
			ramet_free(n->temp);
			n->temp = NULL;
			return r;
		}
	}
	if (env->rename(env->user, n->temp, n->path) < 0)
		return rameti_fail_sys(err, errno, n->path, "cannot replace");
	return 0;
}

/* What another program appended to the old file after `size`: behind the new one. */
static int carry(struct rameti_newfile *n, const struct rameti_file *old, uint64_t size,
		 uint64_t *carried, struct ramet_error *err)
{
	struct ramet_buf more = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int64_t got = 0;
	int r = rameti_file_stat(old, &st, err);

	if (!r && (uint64_t)st.st_size > size) {
		size_t len = (size_t)((uint64_t)st.st_size - size);

		r = ramet_buf_reserve(&more, len) < 0 ? rameti_fail_nomem(err) : 0;
		got = r < 0 ? r : rameti_file_read_at(old, more.ptr, len, size, err);
		r = got < 0 ? (int)got : 0;
	}
	if (!r && got > 0)
		r = write_out(n, (struct ramet_bytes){ more.ptr, (size_t)got }, err);
	*carried += r < 0 ? 0 : (uint64_t)got;
	ramet_buf_release(&more);
	return r;
}

int rameti_newfile_commit_over(struct rameti_newfile *n, const struct rameti_file *old,
			       uint64_t size, uint64_t *carried, struct ramet_error *err)
{
	int r = flush(n, err);

	*carried = 0;
	if (!r)
		r = carry(n, old, size, carried, err);       /* nearly all that can come */
	n->size += *carried;
	size += *carried;
	if (!r)
		r = rameti_newfile_commit(n, RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	if (r < 0 && r != RAMET_EUNKNOWN)
		return r;
	/* and what came while renaming */
	if (!carry(n, old, size, carried, err) && !rameti_file_sync(&n->file, 0, err))
		return r;
	if (err)
		err->code = RAMET_EUNKNOWN;
	return RAMET_EUNKNOWN;
}

int rameti_newfile_commit(struct rameti_newfile *n, unsigned flags, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(n->file.env);
	struct rameti_file dir = { env, -1 };
	int r = flush(n, err);

	if (!r && (flags & RAMETI_NEWFILE_SYNC)) {
		r = rameti_file_sync(&n->file, 0, err);
		if (!r)
			r = open_dir(&dir, n->path, err);    /* while nothing has a name yet */
		if (r < 0)
			rameti_error_set_path(err, n->path);
	}
	if (!r)
		r = flags & RAMETI_NEWFILE_REPLACE ? name_over(n, env, err) : name_new(n, env, err);
	if (!r) {
		ramet_free(n->temp);
		n->temp = NULL;
	}
	if (!r && (flags & RAMETI_NEWFILE_SYNC) && sync_dir(&dir, n->path, err) < 0) {
		r = RAMET_EUNKNOWN;
		if (err)
			err->code = r;
	}
	(void)rameti_file_close(&dir);                       /* read only: nothing to lose */
	return r;
}

void rameti_newfile_abort(struct rameti_newfile *n)
{
	const struct rameti_env *env = rameti_env_or_default(n->file.env);

	if (n->file.fd >= 0)
		(void)rameti_file_close(&n->file);           /* what it holds is not wanted */
	if (n->temp)
		(void)env->unlink(env->user, n->temp);
	ramet_free(n->temp);
	ramet_free(n->path);
	n->temp = n->path = NULL;
	ramet_buf_release(&n->held);
	n->size = 0;
}

/*
 * base/file.c - opening, reading, appending to and locking files; walking directories.
 *
 * Only regular files are opened, and opening never waits: a FIFO nobody writes to, a terminal or a
 * socket is refused by name. Interrupted calls are repeated and short reads go on, so a short count
 * means the end of the file. Reads are positional; the descriptor's own position is never used.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/error.h"

#define READ_STEP (64 * 1024)
#define READ_LARGEST (size_t)0x40000000          /* one call; Linux moves less than 2 GiB at once */
#define LINKS_MAX 40
#define LINK_MAX_LEN 4096
#define LOCK_PAUSE_FIRST_NS 250000L
#define LOCK_PAUSE_LAST_NS 8000000L

static const char *kind_text(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "is a directory";
	case S_IFIFO: return "is a FIFO, not a file";
	case S_IFSOCK: return "is a socket, not a file";
	case S_IFCHR:
	case S_IFBLK: return "is a device, not a file";
	default: return "is not a regular file";
	}
}

static int refuse(const char *path, mode_t mode, struct ramet_error *err)
{
	return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET, "%s", kind_text(mode));
}

/* open(2) said no; where the reason is what the path names, say that instead. */
static int fail_open(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	int sys = errno;
	struct stat st;

	if ((sys == EISDIR || sys == ENXIO || sys == ENODEV) &&
	    env->stat(env->user, path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse(path, st.st_mode, err);
	return rameti_fail_sys(err, sys, path, "cannot open");
}

static int open_again(const struct rameti_env *env, const char *path, int flags)
{
	int fd;

	do
		fd = env->open(env->user, path, flags, 0);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int rameti_file_open(struct rameti_file *f, const char *path, enum rameti_file_mode mode,
		     struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd, r;

	flags |= mode == RAMETI_FILE_APPEND ? O_RDWR | O_APPEND | O_NOATIME : O_RDONLY;
	fd = open_again(env, path, flags);
	if (fd < 0 && errno == EPERM)                        /* of another user */
		fd = open_again(env, path, flags & ~O_NOATIME);
	if (fd < 0)
		return fail_open(env, path, err);
	if (env->fstat(env->user, fd, &st) < 0)
		r = rameti_fail_sys(err, errno, path, "cannot stat");
	else
		r = S_ISREG(st.st_mode) ? 0 : refuse(path, st.st_mode, err);
	if (r < 0) {
		(void)env->close(env->user, fd);
		return r;
	}
	f->fd = fd;
	return 0;
}

int rameti_file_close(struct rameti_file *f)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	int fd = f->fd;

	f->fd = -1;
	if (fd < 0 || env->close(env->user, fd) == 0 || errno == EINTR)
		return 0;
	return RAMET_EIO;
}

int rameti_file_stat(const struct rameti_file *f, struct stat *st, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	struct stat fresh;

	if (env->fstat(env->user, f->fd, &fresh) < 0)
		return rameti_fail_sys(err, errno, NULL, "cannot stat");
	*st = fresh;
	return 0;
}

int64_t rameti_file_read_at(const struct rameti_file *f, void *to, size_t len, uint64_t at,
			    struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	size_t done = 0, step;
	ssize_t n;

	if (at > INT64_MAX || len > INT64_MAX - at)
		return rameti_fail(err, RAMET_EINVAL, "offset beyond the largest possible file");
	while (done < len) {
		step = len - done < READ_LARGEST ? len - done : READ_LARGEST;
		n = env->pread(env->user, f->fd, (char *)to + done, step, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)rameti_fail_sys(err, errno, NULL, "cannot read");
			if (err)
				err->offset = at + done;
			return RAMET_EIO;
		}
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

/* How many bytes to ask for next: what the file's size says, else a step; never past out's max.
 * 0 when out is full to the brim. */
static size_t next_step(const struct ramet_buf *out, uint64_t known_end, uint64_t at)
{
	uint64_t want = known_end > at ? known_end - at : READ_STEP;
	size_t room = out->max - out->len;

	return want < room ? (size_t)want : room;
}

static int read_on(const struct rameti_file *f, struct ramet_buf *out, uint64_t size,
		   struct ramet_error *err)
{
	uint64_t at = 0;
	char probe;
	size_t step;
	int64_t n;

	do {
		step = next_step(out, size, at);
		if (step && ramet_buf_reserve(out, step) < 0)
			return rameti_fail_nomem(err);
		n = rameti_file_read_at(f, step ? out->ptr + out->len : &probe, step ? step : 1, at,
					err);
		if (n < 0)
			return (int)n;
		if (n > 0 && !step)
			return rameti_fail(err, RAMET_ELIMIT, "larger than %zu bytes", out->max);
		out->len += (size_t)n;
		at += (uint64_t)n;
	} while (n > 0);
	if (out->ptr)
		out->ptr[out->len] = '\0';
	return 0;
}

int rameti_file_read_all(const struct rameti_file *f, struct ramet_buf *out,
			 struct ramet_error *err)
{
	size_t before = out->len;
	struct stat st;
	int r;

	if (out->status)
		return rameti_fail(err, out->status, "the buffer has failed before");
	r = rameti_file_stat(f, &st, err);
	if (r < 0)
		return r;
	if (st.st_size > 0 && (uint64_t)st.st_size > out->max - out->len)
		return rameti_fail(err, RAMET_ELIMIT, "larger than %zu bytes", out->max);
	r = read_on(f, out, st.st_size > 0 ? (uint64_t)st.st_size : 0, err);
	if (r < 0)
		ramet_buf_truncate(out, before);
	return r;
}

int rameti_file_append(const struct rameti_file *f, struct ramet_bytes bytes, uint64_t *done,
		       struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	size_t step = bytes.len < READ_LARGEST ? bytes.len : READ_LARGEST;
	ssize_t n;

	*done = 0;
	do
		n = env->write(env->user, f->fd, bytes.ptr, step);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && step))
		return rameti_fail_sys(err, n < 0 ? errno : ENOSPC, NULL, "cannot write");
	*done = (uint64_t)n;
	return 0;
}

int rameti_file_sync(const struct rameti_file *f, int data_only, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	int r;

	do
		r = data_only ? env->fdatasync(env->user, f->fd) : env->fsync(env->user, f->fd);
	while (r < 0 && errno == EINTR);
	return r < 0 ? rameti_fail_sys(err, errno, NULL, "cannot sync") : 0;
}

static int64_t monotonic_ms(const struct rameti_env *env)
{
	struct timespec ts;

	if (env->clock_gettime(env->user, CLOCK_MONOTONIC, &ts) < 0)
		return INT64_MAX;                        /* no clock, no waiting */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int rameti_file_lock(const struct rameti_file *f, uint32_t wait_ms, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	struct timespec pause = { 0, LOCK_PAUSE_FIRST_NS };
	int64_t now, until = 0;

	while (env->flock(env->user, f->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return rameti_fail_sys(err, errno, NULL, "cannot lock");
		now = monotonic_ms(env);
		if (!until)
			until = now == INT64_MAX ? now : now + wait_ms;
		if (now >= until)
			return rameti_fail(err, RAMET_ECONFLICT,
					   "another program holds the lock of the file");
		env->nanosleep(env->user, &pause);
		if (pause.tv_nsec < LOCK_PAUSE_LAST_NS)
			pause.tv_nsec *= 2;
	}
	return 0;
}

void rameti_file_unlock(const struct rameti_file *f)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);

	while (env->flock(env->user, f->fd, LOCK_UN) < 0 && errno == EINTR)
		; /* nothing else can be done about it: closing lets go as well */
}

static unsigned char type_of_mode(mode_t mode)
{
	return (unsigned char)IFTODT(mode);
}

/* Some file systems do not tell the type with the name. */
static unsigned char look_up_type(const struct rameti_env *env, const char *dir, const char *name)
{
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX);
	unsigned char type = DT_UNKNOWN;
	struct stat st;

	ramet_buf_addf(&path, "%s/%s", dir, name);
	if (ramet_buf_status(&path) == 0 && env->lstat(env->user, path.ptr, &st) == 0)
		type = type_of_mode(st.st_mode);
	ramet_buf_release(&path);
	return type;
}

int rameti_dir_each(const struct rameti_env *env, const char *path,
		    int (*fn)(void *user, const char *name, unsigned char type), void *user,
		    struct ramet_error *err)
{
	char name[256];
	unsigned char type;
	void *dir;
	int r, more;

	env = rameti_env_or_default(env);
	dir = env->opendir(env->user, path);
	if (!dir)
		return rameti_fail_sys(err, errno, path, "cannot open directory");
	for (r = 0; r == 0 && (more = env->readdir(env->user, dir, name, &type)) != 0;) {
		if (more < 0) {
			r = rameti_fail_sys(err, errno, path, "cannot read directory");
		} else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			if (type == DT_UNKNOWN)
				type = look_up_type(env, path, name);
			r = fn(user, name, type);
		}
	}
	(void)env->closedir(env->user, dir);         /* read only: nothing to lose */
	return r;
}

int rameti_path_stat(const struct rameti_env *env, const char *path, struct stat *st,
		     struct ramet_error *err)
{
	struct stat fresh;

	env = rameti_env_or_default(env);
	if (env->stat(env->user, path, &fresh) < 0)
		return rameti_fail_sys(err, errno, path, "cannot stat");
	*st = fresh;
	return 0;
}

/* One step: what the link says, from where it stands. */
static int follow_link(const struct rameti_env *env, struct ramet_buf *path,
		       struct ramet_error *err)
{
	char text[LINK_MAX_LEN];
	ssize_t n = env->readlink(env->user, path->ptr, text, sizeof(text));

	if (n < 0)
		return rameti_fail_sys(err, errno, path->ptr, "cannot read link");
	if ((size_t)n == sizeof(text))
		return rameti_fail_at(err, RAMET_ELIMIT, path->ptr, 0, RAMET_NO_OFFSET,
				      "a link that is too long");
	ramet_buf_truncate(path,
			   *text == '/' ? 0 : (size_t)(rameti_path_base(path->ptr) - path->ptr));
	ramet_buf_add(path, (struct ramet_bytes){ text, (size_t)n });
	return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_path_follow(const struct rameti_env *env, const char *path, struct ramet_buf *out,
		       struct ramet_error *err)
{
	struct ramet_buf at = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int links, r = 0;

	env = rameti_env_or_default(env);
	ramet_buf_add_str(&at, path);
	if (ramet_buf_status(&at) < 0)
		r = rameti_fail_nomem(err);
	for (links = 0; !r; links++) {
		if (env->lstat(env->user, at.ptr, &st) < 0) {
			if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
				r = rameti_fail_sys(err, errno, at.ptr, "cannot stat");
			break;
		}
		if (!S_ISLNK(st.st_mode))
			break;
		r = links < LINKS_MAX ? follow_link(env, &at, err) :
					rameti_fail_at(err, RAMET_ELIMIT, path, 0, RAMET_NO_OFFSET,
						       "too many links");
	}
	if (!r) {
		ramet_buf_add(out, ramet_buf_bytes(&at));
		r = ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
	}
	ramet_buf_release(&at);
	return r;
}

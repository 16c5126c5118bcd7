/*
 * failing.c - memory and system calls that fail on demand.
 */
#include "failing.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- memory ---- */

static struct {
	unsigned n, calls;
	long live;
} memory;

static void *counted_realloc(void *user, void *ptr, size_t size)
{
	void *fresh;

	(void)user;
	if (++memory.calls == memory.n)
		return NULL;
	fresh = realloc(ptr, size);
	if (fresh && !ptr)
		memory.live++;
	return fresh;
}

static void counted_free(void *user, void *ptr)
{
	(void)user;
	if (ptr)
		memory.live--;
	free(ptr);
}

void failing_memory_start(unsigned n)
{
	static const struct ramet_allocator counted = { counted_realloc, counted_free, NULL };

	memset(&memory, 0, sizeof(memory));
	memory.n = n;
	ramet_set_allocator(&counted);
}

int failing_memory_stop(void)
{
	ramet_set_allocator(NULL);
	assert_int_equal(memory.live, 0);
	return memory.n && memory.calls >= memory.n;
}

/* ---- system calls ---- */

static const struct rameti_env *real(void)
{
	return rameti_env_posix();
}

static int fails(struct failing_env *f)
{
	if (++f->calls != f->fail_at)
		return 0;
	errno = f->sys;
	return 1;
}

static int fails_or_interrupted(struct failing_env *f)
{
	if (fails(f))
		return 1;
	if (!f->interrupt)
		return 0;
	f->interrupted = !f->interrupted;
	errno = EINTR;
	return f->interrupted;
}

static int fake_open(void *user, const char *path, int flags, mode_t mode)
{
	struct failing_env *f = user;
	int fd;

	if (fails_or_interrupted(f))
		return -1;
	fd = real()->open(NULL, path, flags, mode);
	f->open_fds += fd >= 0;
	return fd;
}

static int fake_close(void *user, int fd)
{
	struct failing_env *f = user;
	int failed = fails(f);

	f->open_fds--;
	return real()->close(NULL, fd) < 0 || failed ? -1 : 0;
}

static ssize_t fake_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	struct failing_env *f = user;

	if (fails_or_interrupted(f))
		return -1;
	return real()->pread(NULL, fd, to, f->longest && len > f->longest ? f->longest : len, at);
}

static int fake_fstat(void *user, int fd, struct stat *st)
{
	return fails(user) ? -1 : real()->fstat(NULL, fd, st);
}

static int fake_stat(void *user, const char *path, struct stat *st)
{
	return fails(user) ? -1 : real()->stat(NULL, path, st);
}

static int fake_stat_place(void *user, const char *path, int follow, struct stat *st)
{
	return fails(user) ? -1 : real()->stat_place(NULL, path, follow, st);
}

static int fake_lstat(void *user, const char *path, struct stat *st)
{
	return fails(user) ? -1 : real()->lstat(NULL, path, st);
}

static ssize_t fake_write(void *user, int fd, const void *from, size_t len)
{
	struct failing_env *f = user;

	if (fails_or_interrupted(f))
		return -1;
	return real()->write(NULL, fd, from, f->longest && len > f->longest ? f->longest : len);
}

static int fake_fsync(void *user, int fd)
{
	return fails_or_interrupted(user) ? -1 : real()->fsync(NULL, fd);
}

static int fake_fdatasync(void *user, int fd)
{
	return fails_or_interrupted(user) ? -1 : real()->fdatasync(NULL, fd);
}

static int fake_flock(void *user, int fd, int op)
{
	return fails_or_interrupted(user) ? -1 : real()->flock(NULL, fd, op);
}

static int fake_rename(void *user, const char *from, const char *to)
{
	return fails(user) ? -1 : real()->rename(NULL, from, to);
}

static int fake_rename_new(void *user, const char *from, const char *to)
{
	return fails(user) ? -1 : real()->rename_new(NULL, from, to);
}

static int fake_linkat(void *user, int from_dir, const char *from, int to_dir, const char *to,
		       int flags)
{
	return fails(user) ? -1 : real()->linkat(NULL, from_dir, from, to_dir, to, flags);
}

static int fake_unlink(void *user, const char *path)
{
	struct failing_env *f = user;

	if (!fails(f))
		return real()->unlink(NULL, path);
	f->kept_names++;
	return -1;
}

static int fake_mkdir(void *user, const char *path, mode_t mode)
{
	return fails(user) ? -1 : real()->mkdir(NULL, path, mode);
}

static int fake_fchmod(void *user, int fd, mode_t mode)
{
	return fails(user) ? -1 : real()->fchmod(NULL, fd, mode);
}

static ssize_t fake_readlink(void *user, const char *path, char *to, size_t len)
{
	return fails(user) ? -1 : real()->readlink(NULL, path, to, len);
}

static void *fake_opendir(void *user, const char *path)
{
	struct failing_env *f = user;
	void *dir = fails(f) ? NULL : real()->opendir(NULL, path);

	f->open_fds += dir != NULL;
	return dir;
}

static int fake_readdir(void *user, void *dir, char name[256], unsigned char *d_type)
{
	struct failing_env *f = user;
	int r;

	if (fails(f))
		return -1;
	r = real()->readdir(NULL, dir, name, d_type);
	if (f->no_types)
		*d_type = DT_UNKNOWN;
	return r;
}

static int fake_closedir(void *user, void *dir)
{
	struct failing_env *f = user;
	int failed = fails(f);

	f->open_fds--;
	return real()->closedir(NULL, dir) < 0 || failed ? -1 : 0;
}

static int fake_clock_gettime(void *user, clockid_t clock, struct timespec *ts)
{
	struct failing_env *f = user;

	if (fails(f))
		return -1;
	if (!f->now.tv_sec)
		return real()->clock_gettime(NULL, clock, ts);
	*ts = f->now;
	return 0;
}

static ssize_t fake_getrandom(void *user, void *to, size_t len)
{
	struct failing_env *f = user;

	if (fails_or_interrupted(f))
		return -1;
	if (f->longest && len > f->longest)
		len = f->longest;
	if (f->random_byte < 0)
		return real()->getrandom(NULL, to, len);
	memset(to, f->random_byte, len);
	return (ssize_t)len;
}

void failing_env_init(struct failing_env *f, unsigned fail_at, int sys)
{
	memset(f, 0, sizeof(*f));
	f->env = *real();
	f->env.user = f;
	f->env.open = fake_open;
	f->env.close = fake_close;
	f->env.pread = fake_pread;
	f->env.fstat = fake_fstat;
	f->env.stat = fake_stat;
	f->env.stat_place = fake_stat_place;
	f->env.lstat = fake_lstat;
	f->env.write = fake_write;
	f->env.fsync = fake_fsync;
	f->env.fdatasync = fake_fdatasync;
	f->env.flock = fake_flock;
	f->env.rename = fake_rename;
	f->env.rename_new = fake_rename_new;
	f->env.linkat = fake_linkat;
	f->env.unlink = fake_unlink;
	f->env.mkdir = fake_mkdir;
	f->env.fchmod = fake_fchmod;
	f->env.readlink = fake_readlink;
	f->env.opendir = fake_opendir;
	f->env.readdir = fake_readdir;
	f->env.closedir = fake_closedir;
	f->env.clock_gettime = fake_clock_gettime;
	f->env.getrandom = fake_getrandom;
	f->fail_at = fail_at;
	f->sys = sys;
	f->random_byte = -1;
}

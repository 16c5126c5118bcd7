/*
 * base/env_posix.c - the table of system calls as POSIX has them.
 *
 * Nothing is added here: no retries, no defaults, no logging. What a call means when it fails is
 * decided by file.c, clock.c and their like, so that a test's table sees every single call.
 */
#include "base/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int sys_open(void *user, const char *path, int flags, mode_t mode)
{
	(void)user;
	return open(path, flags, mode);
}

static int sys_openat(void *user, int dir_fd, const char *path, int flags, mode_t mode)
{
	(void)user;
	return openat(dir_fd, path, flags, mode);
}

static int sys_close(void *user, int fd)
{
	(void)user;
	return close(fd);
}

static ssize_t sys_read(void *user, int fd, void *to, size_t len)
{
	(void)user;
	return read(fd, to, len);
}

static ssize_t sys_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	(void)user;
	return pread(fd, to, len, at);
}

static ssize_t sys_write(void *user, int fd, const void *from, size_t len)
{
	(void)user;
	return write(fd, from, len);
}

static ssize_t sys_pwrite(void *user, int fd, const void *from, size_t len, off_t at)
{
	(void)user;
	return pwrite(fd, from, len, at);
}

static int sys_fsync(void *user, int fd)
{
	(void)user;
	return fsync(fd);
}

static int sys_fdatasync(void *user, int fd)
{
	(void)user;
	return fdatasync(fd);
}

static int sys_ftruncate(void *user, int fd, off_t len)
{
	(void)user;
	return ftruncate(fd, len);
}

static int sys_fstat(void *user, int fd, struct stat *st)
{
	(void)user;
	return fstat(fd, st);
}

static int sys_stat(void *user, const char *path, struct stat *st)
{
	(void)user;
	return stat(path, st);
}

static int sys_lstat(void *user, const char *path, struct stat *st)
{
	(void)user;
	return lstat(path, st);
}

static int sys_stat_place(void *user, const char *path, int follow, struct stat *st)
{
	struct statx x;

	(void)user;
	if (statx(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW,
		  STATX_TYPE | STATX_INO | STATX_SIZE, &x) < 0)
		return -1;
	memset(st, 0, sizeof(*st));
	st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	st->st_ino = (ino_t)x.stx_ino;
	st->st_mode = x.stx_mode;
	st->st_size = (off_t)x.stx_size;
	return 0;
}

static void *sys_mmap(void *user, void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	(void)user;
	return mmap(at, len, prot, flags, fd, from);
}

static int sys_munmap(void *user, void *at, size_t len)
{
	(void)user;
	return munmap(at, len);
}

static int sys_flock(void *user, int fd, int op)
{
	(void)user;
	return flock(fd, op);
}

static off_t sys_lseek(void *user, int fd, off_t at, int whence)
{
	(void)user;
	return lseek(fd, at, whence);
}

static int sys_rename(void *user, const char *from, const char *to)
{
	(void)user;
	return rename(from, to);
}

static int sys_rename_new(void *user, const char *from, const char *to)
{
	(void)user;
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

static int sys_linkat(void *user, int from_dir, const char *from, int to_dir, const char *to,
		      int flags)
{
	(void)user;
	return linkat(from_dir, from, to_dir, to, flags);
}

static int sys_unlink(void *user, const char *path)
{
	(void)user;
	return unlink(path);
}

static int sys_rmdir(void *user, const char *path)
{
	(void)user;
	return rmdir(path);
}

static int sys_mkdir(void *user, const char *path, mode_t mode)
{
	(void)user;
	return mkdir(path, mode);
}

static int sys_fchmod(void *user, int fd, mode_t mode)
{
	(void)user;
	return fchmod(fd, mode);
}

static ssize_t sys_readlink(void *user, const char *path, char *to, size_t len)
{
	(void)user;
	return readlink(path, to, len);
}

static void *sys_opendir(void *user, const char *path)
{
	(void)user;
	return opendir(path);
}

static int sys_readdir(void *user, void *dir, char name[256], unsigned char *d_type)
{
	const struct dirent *d;
	size_t len;

	(void)user;
	errno = 0;
	d = readdir(dir);
	if (!d)
		return errno ? -1 : 0;
	len = strlen(d->d_name);
	if (len >= 256) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, d->d_name, len + 1);
	*d_type = d->d_type;
	return 1;
}

static int sys_closedir(void *user, void *dir)
{
	(void)user;
	return closedir(dir);
}

static int sys_clock_gettime(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	return clock_gettime(clock, ts);
}

static int sys_nanosleep(void *user, const struct timespec *ts)
{
	(void)user;
	return nanosleep(ts, NULL);
}

static ssize_t sys_getrandom(void *user, void *to, size_t len)
{
	(void)user;
	return getrandom(to, len, 0);
}

static const char *sys_getenv(void *user, const char *name)
{
	(void)user;
	return getenv(name);
}

static char *sys_getcwd(void *user, char *to, size_t len)
{
	(void)user;
	return getcwd(to, len);
}

static int sys_inotify_init1(void *user, int flags)
{
	(void)user;
	return inotify_init1(flags);
}

static int sys_inotify_add_watch(void *user, int fd, const char *path, uint32_t mask)
{
	(void)user;
	return inotify_add_watch(fd, path, mask);
}

static int sys_inotify_rm_watch(void *user, int fd, int wd)
{
	(void)user;
	return inotify_rm_watch(fd, wd);
}

static int sys_poll(void *user, struct pollfd *fds, unsigned n, int timeout_ms)
{
	(void)user;
	return poll(fds, n, timeout_ms);
}

static const struct rameti_env posix = {
	.open = sys_open,
	.openat = sys_openat,
	.close = sys_close,
	.read = sys_read,
	.pread = sys_pread,
	.write = sys_write,
	.pwrite = sys_pwrite,
	.fsync = sys_fsync,
	.fdatasync = sys_fdatasync,
	.ftruncate = sys_ftruncate,
	.fstat = sys_fstat,
	.stat = sys_stat,
	.lstat = sys_lstat,
	.stat_place = sys_stat_place,
	.mmap = sys_mmap,
	.munmap = sys_munmap,
	.flock = sys_flock,
	.lseek = sys_lseek,
	.rename = sys_rename,
	.rename_new = sys_rename_new,
	.linkat = sys_linkat,
	.unlink = sys_unlink,
	.rmdir = sys_rmdir,
	.mkdir = sys_mkdir,
	.fchmod = sys_fchmod,
	.readlink = sys_readlink,
	.opendir = sys_opendir,
	.readdir = sys_readdir,
	.closedir = sys_closedir,
	.clock_gettime = sys_clock_gettime,
	.nanosleep = sys_nanosleep,
	.getrandom = sys_getrandom,
	.getenv = sys_getenv,
	.getcwd = sys_getcwd,
	.inotify_init1 = sys_inotify_init1,
	.inotify_add_watch = sys_inotify_add_watch,
	.inotify_rm_watch = sys_inotify_rm_watch,
	.poll = sys_poll,
};

static const struct rameti_env *in_use = &posix;

const struct rameti_env *rameti_env_posix(void)
{
	return &posix;
}

const struct rameti_env *rameti_env_default(void)
{
	return in_use;
}

void rameti_env_use(const struct rameti_env *env)
{
	in_use = env ? env : &posix;
}

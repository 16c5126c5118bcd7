/*
 * base/env.h - the only door to the operating system: a table of calls that tests replace.
 *
 * Every member behaves as the POSIX call of its name (-1 and errno on failure). Handles carry a
 * pointer to the table they were opened with; NULL means rameti_env_default(). Code outside base/
 * reaches the system through file.h, clock.h, dir.h and friends, never directly.
 */
#ifndef RAMETI_BASE_ENV_H
#define RAMETI_BASE_ENV_H

#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include "ramet/base.h"

struct rameti_env {
	void *user;
	int (*open)(void *user, const char *path, int flags, mode_t mode);
	int (*openat)(void *user, int dir_fd, const char *path, int flags, mode_t mode);
	int (*close)(void *user, int fd);
	ssize_t (*read)(void *user, int fd, void *to, size_t len);
	ssize_t (*pread)(void *user, int fd, void *to, size_t len, off_t at);
	ssize_t (*write)(void *user, int fd, const void *from, size_t len);
	ssize_t (*pwrite)(void *user, int fd, const void *from, size_t len, off_t at);
	int (*fsync)(void *user, int fd);
	int (*fdatasync)(void *user, int fd);
	int (*ftruncate)(void *user, int fd, off_t len);
	int (*fstat)(void *user, int fd, struct stat *st);
	int (*stat)(void *user, const char *path, struct stat *st);
	int (*lstat)(void *user, const char *path, struct stat *st);
	/* stat (follow) or lstat, but only st_dev, st_ino, st_mode's type and st_size: asking for
	 * times costs the next write */
	int (*stat_place)(void *user, const char *path, int follow, struct stat *st);
	void *(*mmap)(void *user, void *at, size_t len, int prot, int flags, int fd, off_t from);
	int (*munmap)(void *user, void *at, size_t len);
	int (*flock)(void *user, int fd, int op);
	off_t (*lseek)(void *user, int fd, off_t at, int whence);
	int (*rename)(void *user, const char *from, const char *to);
	int (*rename_new)(void *user, const char *from, const char *to); /* EEXIST if there */
	int (*linkat)(void *user, int from_dir, const char *from, int to_dir, const char *to,
		      int flags);
	int (*unlink)(void *user, const char *path);
	int (*rmdir)(void *user, const char *path);
	int (*mkdir)(void *user, const char *path, mode_t mode);
	int (*fchmod)(void *user, int fd, mode_t mode);
	ssize_t (*readlink)(void *user, const char *path, char *to, size_t len);
	/* directory reading: names one at a time; 1 a name, 0 the end, -1 error */
	void *(*opendir)(void *user, const char *path);
	int (*readdir)(void *user, void *dir, char name[256], unsigned char *d_type);
	int (*closedir)(void *user, void *dir);
	int (*clock_gettime)(void *user, clockid_t clock, struct timespec *ts);
	int (*nanosleep)(void *user, const struct timespec *ts);
	ssize_t (*getrandom)(void *user, void *to, size_t len);
	const char *(*getenv)(void *user, const char *name);
	char *(*getcwd)(void *user, char *to, size_t len);
	/* waiting until a file changes */
	int (*inotify_init1)(void *user, int flags);
	int (*inotify_add_watch)(void *user, int fd, const char *path, uint32_t mask);
	int (*inotify_rm_watch)(void *user, int fd, int wd);
	int (*poll)(void *user, struct pollfd *fds, unsigned n, int timeout_ms);
};

const struct rameti_env *rameti_env_posix(void);         /* the real calls */
const struct rameti_env *rameti_env_default(void);       /* those, but for tests */
/* For tests: what rameti_env_default answers from now on, in every thread; NULL: the real calls. */
void rameti_env_use(const struct rameti_env *env);
static inline const struct rameti_env *rameti_env_or_default(const struct rameti_env *env)
{
	return env ? env : rameti_env_default();
}

#endif

/*
 * crash_env.c - the table of calls of the file system in memory.
 *
 * It does what the library may expect of Linux and no more; what it does not know fails with
 * ENOSYS or EINVAL, so that a new call is noticed. Descriptors begin at 1000: one that reaches the
 * real system by mistake is not valid there.
 */
#include "crash_fs_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_FD 1000
#define DEVICE 77
#define TICK_NS 1000000

/* ---- descriptors ---- */

static int new_fd(struct crash_fs *fs, unsigned node, int flags)
{
	unsigned i;
	void *grown;

	for (i = 0; i < fs->n_fds && fs->fds[i].node; i++)
		;
	if (i == fs->n_fds) {
		grown = realloc(fs->fds, (i + 1) * sizeof(*fs->fds));
		if (!grown)
			abort();
		fs->fds = grown;
		fs->n_fds++;
	}
	fs->fds[i] = (struct crash_fd){ node, flags, 0 };
	fs->nodes[node].opens++;
	return FIRST_FD + (int)i;
}

static struct crash_fd *fd_of(struct crash_fs *fs, int fd)
{
	if (fd >= FIRST_FD && (unsigned)(fd - FIRST_FD) < fs->n_fds &&
	    fs->fds[fd - FIRST_FD].node)
		return &fs->fds[fd - FIRST_FD];
	errno = EBADF;
	return NULL;
}

static struct crash_node *node_of(struct crash_fs *fs, int fd)
{
	struct crash_fd *f = fd_of(fs, fd);

	return f ? &fs->nodes[f->node] : NULL;
}

static int refuse(int why)
{
	errno = why;
	return -1;
}

static int crash_open(void *user, const char *path, int flags, mode_t mode)
{
	struct crash_fs *fs = user;
	struct crash_place at;
	int fd;

	if (crash_look_up(fs, path, &at) < 0)
		return -1;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		if (!at.node || !fs->nodes[at.node].is_dir)
			return refuse(at.node ? ENOTDIR : ENOENT);
		return new_fd(fs, crash_new_node(fs, 0, mode & 07777), flags & ~O_DIRECTORY);
	}
	if (!at.node && !(flags & O_CREAT))
		return refuse(ENOENT);
	if (at.node && (flags & O_CREAT) && (flags & O_EXCL))
		return refuse(EEXIST);
	if (at.node && fs->nodes[at.node].is_dir && (flags & O_ACCMODE) != O_RDONLY)
		return refuse(EISDIR);
	if (at.node && !fs->nodes[at.node].is_dir && (flags & O_DIRECTORY))
		return refuse(ENOTDIR);
	if (!at.node) {
		at.node = crash_new_node(fs, 0, mode & 07777);
		crash_set_name(fs, at.dir, at.name, at.node);
	}
	fd = new_fd(fs, at.node, flags);
	if ((flags & O_TRUNC) && fs->nodes[at.node].len) {
		crash_log(fs, CRASH_TRUNCATE, at.node)->at = 0;
		crash_node_resize(&fs->nodes[at.node], 0, 0);
	}
	return fd;
}

static int crash_openat(void *user, int dir_fd, const char *path, int flags, mode_t mode)
{
	if (dir_fd != AT_FDCWD && *path != '/')
		return refuse(ENOSYS);
	return crash_open(user, path, flags, mode);
}

static int crash_close(void *user, int fd)
{
	struct crash_fs *fs = user;
	struct crash_fd *f = fd_of(fs, fd);

	if (!f)
		return -1;
	fs->nodes[f->node].opens--;
	if (fs->nodes[f->node].locked_by == fd)
		fs->nodes[f->node].locked_by = 0;
	f->node = 0;
	return 0;
}

/* ---- bytes ---- */

static ssize_t crash_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	struct crash_node *n = node_of(user, fd);

	if (!n)
		return -1;
	if (n->is_dir)
		return refuse(EISDIR);
	if ((size_t)at >= n->len)
		return 0;
	len = len < n->len - (size_t)at ? len : n->len - (size_t)at;
	memcpy(to, n->data + at, len);
	return (ssize_t)len;
}

static ssize_t crash_read(void *user, int fd, void *to, size_t len)
{
	struct crash_fd *f = fd_of(user, fd);
	ssize_t n = f ? crash_pread(user, fd, to, len, (off_t)f->at) : -1;

	if (n > 0)
		f->at += (size_t)n;
	return n;
}

static ssize_t crash_pwrite(void *user, int fd, const void *from, size_t len, off_t at)
{
	struct crash_fs *fs = user;
	struct crash_fd *f = fd_of(fs, fd);

	if (!f)
		return -1;
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return refuse(EBADF);
	if (f->flags & O_APPEND)
		at = (off_t)fs->nodes[f->node].len;          /* as Linux does */
	if (!len)
		return 0;
	crash_log_write(fs, f->node, (size_t)at, from, len);
	crash_node_write(&fs->nodes[f->node], (size_t)at, from, len);
	fs->nodes[f->node].time_ns = fs->now_ns;
	f->at = (size_t)at + len;
	return (ssize_t)len;
}

static ssize_t crash_write(void *user, int fd, const void *from, size_t len)
{
	struct crash_fd *f = fd_of(user, fd);

	return f ? crash_pwrite(user, fd, from, len, (off_t)f->at) : -1;
}

static int crash_ftruncate(void *user, int fd, off_t len)
{
	struct crash_fs *fs = user;
	struct crash_node *n = node_of(fs, fd);

	if (!n)
		return -1;
	crash_log(fs, CRASH_TRUNCATE, fs->fds[fd - FIRST_FD].node)->at = (size_t)len;
	crash_node_resize(n, (size_t)len, 0);
	n->time_ns = fs->now_ns;
	return 0;
}

static off_t crash_lseek(void *user, int fd, off_t at, int whence)
{
	struct crash_fd *f = fd_of(user, fd);
	struct crash_fs *fs = user;

	if (!f)
		return -1;
	if (whence == SEEK_CUR)
		at += (off_t)f->at;
	else if (whence == SEEK_END)
		at += (off_t)fs->nodes[f->node].len;
	if (at < 0)
		return refuse(EINVAL);
	f->at = (size_t)at;
	return at;
}

static int crash_fsync(void *user, int fd)
{
	struct crash_fd *f = fd_of(user, fd);
	struct crash_fs *fs = user;
	int fails;

	if (!f)
		return -1;
	fails = fs->fail_syncs && !fs->nodes[f->node].is_dir;
	(void)crash_log(fs, fails ? CRASH_FAILED_SYNC : CRASH_SYNC, f->node);
	fs->fail_syncs -= (unsigned)fails;
	return fails ? refuse(EIO) : 0;
}

static void *crash_mmap(void *user, void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	struct crash_node *n = fd < 0 ? NULL : node_of(user, fd);
	char *p;

	if (fd < 0)
		return mmap(at, len, prot, flags, fd, from);
	if (!n || ((flags & MAP_SHARED) && (prot & PROT_WRITE))) {
		errno = n ? ENODEV : EBADF;
		return MAP_FAILED;
	}
	flags = (flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_ANONYMOUS;
	p = mmap(at, len, prot | PROT_WRITE, flags, -1, 0);
	if (p != MAP_FAILED)
		(void)crash_pread(user, fd, p, len, from);
	if (p != MAP_FAILED && !(prot & PROT_WRITE))
		(void)mprotect(p, len, prot);
	return p;
}

static int crash_munmap(void *user, void *at, size_t len)
{
	(void)user;
	return munmap(at, len);
}

/* ---- what is there ---- */

static void fill_stat(const struct crash_fs *fs, unsigned node, struct stat *st)
{
	const struct crash_node *n = &fs->nodes[node];

	memset(st, 0, sizeof(*st));
	st->st_dev = DEVICE;
	st->st_ino = 100 + node;
	st->st_mode = n->mode | (n->is_dir ? S_IFDIR : S_IFREG);
	st->st_nlink = n->is_dir ? 2 : n->links;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_size = n->is_dir ? 4096 : (off_t)n->len;
	st->st_blksize = 4096;
	st->st_mtim.tv_sec = (time_t)(n->time_ns / 1000000000);
	st->st_mtim.tv_nsec = (long)(n->time_ns % 1000000000);
	st->st_ctim = st->st_atim = st->st_mtim;
}

static int crash_fstat(void *user, int fd, struct stat *st)
{
	struct crash_fd *f = fd_of(user, fd);

	if (f)
		fill_stat(user, f->node, st);
	return f ? 0 : -1;
}

static int crash_stat(void *user, const char *path, struct stat *st)
{
	unsigned node = crash_must_be(user, path);

	if (node)
		fill_stat(user, node, st);
	return node ? 0 : -1;
}

static int crash_stat_place(void *user, const char *path, int follow, struct stat *st)
{
	(void)follow;                                        /* there are no links here */
	return crash_stat(user, path, st);
}

static int crash_flock(void *user, int fd, int op)
{
	struct crash_node *n = node_of(user, fd);

	if (!n)
		return -1;
	if ((op & ~LOCK_NB) == LOCK_UN) {
		n->locked_by = n->locked_by == fd ? 0 : n->locked_by;
		return 0;
	}
	if (n->locked_by && n->locked_by != fd)
		return refuse(EWOULDBLOCK);
	n->locked_by = fd;
	return 0;
}

static int crash_fchmod(void *user, int fd, mode_t mode)
{
	struct crash_node *n = node_of(user, fd);

	if (n)
		n->mode = mode & 07777;
	return n ? 0 : -1;
}

static ssize_t crash_readlink(void *user, const char *path, char *to, size_t len)
{
	(void)to;
	(void)len;
	return crash_must_be(user, path) ? refuse(EINVAL) : -1;
}

/* ---- names ---- */

static int rename_to(struct crash_fs *fs, const char *from, const char *to, int spare)
{
	struct crash_place a, b;
	struct crash_op *op;

	if (crash_look_up(fs, from, &a) < 0 || crash_look_up(fs, to, &b) < 0)
		return -1;
	if (!a.node || (b.node && spare))
		return refuse(a.node ? EEXIST : ENOENT);
	if (a.node == b.node)
		return 0;
	if (b.node && fs->nodes[b.node].is_dir)
		return refuse(EISDIR);
	op = crash_log(fs, CRASH_NAME, a.node);
	op->dir = b.dir;
	op->name = b.name;
	op->was = b.node;
	op->dir2 = a.dir;
	op->name2 = a.name;
	crash_dir_set(fs, b.dir, b.name, a.node);
	crash_dir_set(fs, a.dir, a.name, CRASH_NONE);
	return 0;
}

static int crash_rename(void *user, const char *from, const char *to)
{
	return rename_to(user, from, to, 0);
}

static int crash_rename_new(void *user, const char *from, const char *to)
{
	return rename_to(user, from, to, 1);
}

static int crash_linkat(void *user, int from_dir, const char *from, int to_dir, const char *to,
			int flags)
{
	static const char fds[] = "/proc/self/fd/";
	struct crash_fs *fs = user;
	struct crash_fd *f;
	struct crash_place at;
	unsigned node;

	(void)flags;
	if ((from_dir != AT_FDCWD && *from != '/') || (to_dir != AT_FDCWD && *to != '/'))
		return refuse(ENOSYS);
	if (!strncmp(from, fds, sizeof(fds) - 1)) {
		f = fd_of(fs, (int)strtoul(from + sizeof(fds) - 1, NULL, 10));
		node = f ? f->node : CRASH_NONE;
	} else {
		node = crash_must_be(fs, from);
	}
	if (!node || crash_look_up(fs, to, &at) < 0)
		return -1;
	if (at.node || fs->nodes[node].is_dir)
		return refuse(at.node ? EEXIST : EPERM);
	crash_set_name(fs, at.dir, at.name, node);
	return 0;
}

static int crash_unlink(void *user, const char *path)
{
	struct crash_fs *fs = user;
	struct crash_place at;

	if (crash_look_up(fs, path, &at) < 0)
		return -1;
	if (!at.node || fs->nodes[at.node].is_dir)
		return refuse(at.node ? EISDIR : ENOENT);
	crash_set_name(fs, at.dir, at.name, CRASH_NONE);
	return 0;
}

static int crash_rmdir(void *user, const char *path)
{
	struct crash_fs *fs = user;
	struct crash_place at;

	if (crash_look_up(fs, path, &at) < 0)
		return -1;
	if (!at.node || !fs->nodes[at.node].is_dir)
		return refuse(at.node ? ENOTDIR : ENOENT);
	if (fs->nodes[at.node].n_names)
		return refuse(ENOTEMPTY);
	crash_set_name(fs, at.dir, at.name, CRASH_NONE);
	return 0;
}

static int crash_mkdir(void *user, const char *path, mode_t mode)
{
	struct crash_fs *fs = user;
	struct crash_place at;

	if (crash_look_up(fs, path, &at) < 0)
		return -1;
	if (at.node)
		return refuse(EEXIST);
	at.node = crash_new_node(fs, 1, mode & 07777);
	crash_set_name(fs, at.dir, at.name, at.node);
	return 0;
}

struct walk {
	unsigned node, at;
};

static void *crash_opendir(void *user, const char *path)
{
	struct crash_fs *fs = user;
	unsigned node = crash_must_be(fs, path);
	struct walk *w;

	if (!node)
		return NULL;
	if (!fs->nodes[node].is_dir) {
		errno = ENOTDIR;
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (w)
		w->node = node;
	return w;
}

static int crash_readdir(void *user, void *dir, char name[256], unsigned char *d_type)
{
	struct crash_fs *fs = user;
	struct walk *w = dir;
	const struct crash_node *d = &fs->nodes[w->node];

	if (w->at >= d->n_names)
		return 0;
	(void)snprintf(name, 256, "%s", crash_name_text(d->names[w->at].name));
	*d_type = fs->nodes[d->names[w->at].node].is_dir ? DT_DIR : DT_REG;
	w->at++;
	return 1;
}

static int crash_closedir(void *user, void *dir)
{
	(void)user;
	free(dir);
	return 0;
}

/* ---- the rest ---- */

static int crash_clock(void *user, clockid_t clock, struct timespec *ts)
{
	struct crash_fs *fs = user;

	(void)clock;
	fs->now_ns += TICK_NS;
	ts->tv_sec = (time_t)(fs->now_ns / 1000000000);
	ts->tv_nsec = (long)(fs->now_ns % 1000000000);
	return 0;
}

static int crash_sleep(void *user, const struct timespec *ts)
{
	struct crash_fs *fs = user;

	fs->now_ns += (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
	fs->sleeps++;
	return 0;
}

static ssize_t crash_random(void *user, void *to, size_t len)
{
	struct crash_fs *fs = user;
	size_t i;

	for (i = 0; i < len; i++) {
		fs->random = fs->random * 6364136223846793005u + 1442695040888963407u;
		((unsigned char *)to)[i] = (unsigned char)(fs->random >> 56);
	}
	return (ssize_t)len;
}

static const char *crash_getenv(void *user, const char *name)
{
	(void)user;
	return !strcmp(name, "HOME") ? CRASH_HOME : NULL;
}

static char *crash_getcwd(void *user, char *to, size_t len)
{
	(void)user;
	return snprintf(to, len, "%s", CRASH_HOME) < (int)len ? to : NULL;
}

void crash_fs_mount(struct crash_fs *fs)
{
	static struct rameti_env env;

	if (!fs) {
		rameti_env_use(NULL);
		return;
	}
	env = *rameti_env_posix();
	env.user = fs;
	env.open = crash_open;
	env.openat = crash_openat;
	env.close = crash_close;
	env.read = crash_read;
	env.pread = crash_pread;
	env.write = crash_write;
	env.pwrite = crash_pwrite;
	env.fsync = crash_fsync;
	env.fdatasync = crash_fsync;
	env.ftruncate = crash_ftruncate;
	env.fstat = crash_fstat;
	env.stat = crash_stat;
	env.lstat = crash_stat;
	env.stat_place = crash_stat_place;
	env.mmap = crash_mmap;
	env.munmap = crash_munmap;
	env.flock = crash_flock;
	env.lseek = crash_lseek;
	env.rename = crash_rename;
	env.rename_new = crash_rename_new;
	env.linkat = crash_linkat;
	env.unlink = crash_unlink;
	env.rmdir = crash_rmdir;
	env.mkdir = crash_mkdir;
	env.fchmod = crash_fchmod;
	env.readlink = crash_readlink;
	env.opendir = crash_opendir;
	env.readdir = crash_readdir;
	env.closedir = crash_closedir;
	env.clock_gettime = crash_clock;
	env.nanosleep = crash_sleep;
	env.getrandom = crash_random;
	env.getenv = crash_getenv;
	env.getcwd = crash_getcwd;
	rameti_env_use(&env);
}

/*
 * faulty.c - the system calls of the whole process: counted by kind, failing on demand.
 */
#include "faulty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	struct rameti_env env;
	struct faults f;
	/* calls come from any thread */
	_Atomic unsigned calls[FAULT_KINDS], all;
	_Atomic unsigned file_syncs;
	_Atomic long open_fds;
	_Atomic int reached;
	int interrupted;
} in_force;

const char *fault_name(int kind)
{
	static const char *const names[FAULT_KINDS] = {
		"open",	    "openat",	 "close",      "read",	    "pread",  "write", "pwrite",
		"fsync",    "fdatasync", "ftruncate",  "fstat",	    "stat",   "lstat", "flock",
		"lseek",    "rename",	 "rename_new", "linkat",    "unlink", "mkdir", "fchmod",
		"readlink", "opendir",	 "readdir",    "getrandom", "getcwd", "mmap",
		"clock_gettime"
	};

	return kind < FAULT_KINDS ? names[kind] : "any";
}

static const struct rameti_env *real(void)
{
	return rameti_env_posix();
}

static int interrupts(int kind)
{
	static const unsigned may = 1u << FAULT_OPEN | 1u << FAULT_OPENAT | 1u << FAULT_READ |
				    1u << FAULT_PREAD | 1u << FAULT_WRITE | 1u << FAULT_PWRITE |
				    1u << FAULT_FTRUNCATE | 1u << FAULT_FLOCK | 1u << FAULT_RANDOM;

	if (!in_force.f.interrupt || !(may >> kind & 1))
		return 0;
	in_force.interrupted = !in_force.interrupted;
	errno = EINTR;
	return in_force.interrupted;
}

/* Is it this call's turn? */
static int hit(int kind)
{
	unsigned n = ++in_force.calls[kind], all = ++in_force.all;

	if (in_force.f.kind == FAULT_ANY)
		n = all;
	else if (in_force.f.kind != kind)
		return 0;
	if (!in_force.f.n || !(n == in_force.f.n || (in_force.f.for_ever && n > in_force.f.n)))
		return 0;
	in_force.reached = 1;
	return 1;
}

static int cuts(void)
{
	return in_force.f.cut || in_force.f.cut_last;
}

static int fails(int kind)
{
	if (interrupts(kind))
		return 1;
	if (!hit(kind))
		return 0;
	if (in_force.f.die && !cuts())
		_exit(in_force.f.die);
	if (in_force.f.meanwhile && !cuts()) {
		in_force.f.meanwhile(in_force.f.user);
		return 0;
	}
	errno = in_force.f.sys;
	return 1;
}

static int opened_fd(int fd)
{
	in_force.open_fds += fd >= 0;
	return fd;
}

static int lacks(int what)
{
	errno = what == 1 ? EOPNOTSUPP : EINVAL;
	return in_force.f.poor >= what;
}

static int faulty_open(void *user, const char *path, int flags, mode_t mode)
{
	(void)user;
	if ((flags & O_TMPFILE) == O_TMPFILE && lacks(1))
		return -1;
	return fails(FAULT_OPEN) ? -1 : opened_fd(real()->open(NULL, path, flags, mode));
}

static int faulty_openat(void *user, int dir_fd, const char *path, int flags, mode_t mode)
{
	(void)user;
	return fails(FAULT_OPENAT) ? -1
				   : opened_fd(real()->openat(NULL, dir_fd, path, flags, mode));
}

static int faulty_close(void *user, int fd)
{
	int failed = fails(FAULT_CLOSE), sys = errno, r;

	(void)user;
	in_force.open_fds--;
	r = real()->close(NULL, fd);
	if (failed)
		errno = sys;
	return failed ? -1 : r;
}

/* How many bytes may be moved: -1 it fails. */
static ssize_t allowed(int kind, size_t len)
{
	size_t most = in_force.f.cut;

	if (!fails(kind))
		return (ssize_t)len;
	if (errno == EINTR || !cuts())
		return -1;
	if (in_force.f.cut_last)
		most = len > in_force.f.cut_last ? len - in_force.f.cut_last : 1;
	return (ssize_t)(most < len ? most : len);
}

/* A transfer of n bytes of len took place. */
static ssize_t moved(ssize_t r, ssize_t n, size_t len)
{
	if (n == (ssize_t)len)
		return r;
	if (in_force.f.die)
		_exit(in_force.f.die);
	if (in_force.f.meanwhile)
		in_force.f.meanwhile(in_force.f.user);
	return r;
}

static ssize_t faulty_read(void *user, int fd, void *to, size_t len)
{
	ssize_t n = allowed(FAULT_READ, len);

	(void)user;
	return n < 0 ? -1 : moved(real()->read(NULL, fd, to, (size_t)n), n, len);
}

static ssize_t faulty_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	ssize_t n = allowed(FAULT_PREAD, len);

	(void)user;
	return n < 0 ? -1 : moved(real()->pread(NULL, fd, to, (size_t)n, at), n, len);
}

static ssize_t faulty_write(void *user, int fd, const void *from, size_t len)
{
	ssize_t n = allowed(FAULT_WRITE, len);

	(void)user;
	return n < 0 ? -1 : moved(real()->write(NULL, fd, from, (size_t)n), n, len);
}

static ssize_t faulty_pwrite(void *user, int fd, const void *from, size_t len, off_t at)
{
	ssize_t n = allowed(FAULT_PWRITE, len);

	(void)user;
	return n < 0 ? -1 : moved(real()->pwrite(NULL, fd, from, (size_t)n, at), n, len);
}

static void count_sync(int fd)
{
	struct stat st;

	in_force.file_syncs += real()->fstat(NULL, fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int faulty_fsync(void *user, int fd)
{
	(void)user;
	count_sync(fd);
	return fails(FAULT_FSYNC) ? -1 : real()->fsync(NULL, fd);
}

static int faulty_fdatasync(void *user, int fd)
{
	(void)user;
	count_sync(fd);
	return fails(FAULT_FDATASYNC) ? -1 : real()->fdatasync(NULL, fd);
}

static int faulty_ftruncate(void *user, int fd, off_t len)
{
	(void)user;
	return fails(FAULT_FTRUNCATE) ? -1 : real()->ftruncate(NULL, fd, len);
}

static int faulty_fstat(void *user, int fd, struct stat *st)
{
	(void)user;
	return fails(FAULT_FSTAT) ? -1 : real()->fstat(NULL, fd, st);
}

static int faulty_stat(void *user, const char *path, struct stat *st)
{
	(void)user;
	return fails(FAULT_STAT) ? -1 : real()->stat(NULL, path, st);
}

static int faulty_stat_place(void *user, const char *path, int follow, struct stat *st)
{
	(void)user;
	return fails(FAULT_STAT) ? -1 : real()->stat_place(NULL, path, follow, st);
}

static int faulty_lstat(void *user, const char *path, struct stat *st)
{
	(void)user;
	return fails(FAULT_LSTAT) ? -1 : real()->lstat(NULL, path, st);
}

static int faulty_flock(void *user, int fd, int op)
{
	(void)user;
	return fails(FAULT_FLOCK) ? -1 : real()->flock(NULL, fd, op);
}

static off_t faulty_lseek(void *user, int fd, off_t at, int whence)
{
	(void)user;
	return fails(FAULT_LSEEK) ? -1 : real()->lseek(NULL, fd, at, whence);
}

static int faulty_rename(void *user, const char *from, const char *to)
{
	(void)user;
	return fails(FAULT_RENAME) ? -1 : real()->rename(NULL, from, to);
}

static int faulty_rename_new(void *user, const char *from, const char *to)
{
	(void)user;
	if (lacks(2))
		return -1;
	return fails(FAULT_RENAME_NEW) ? -1 : real()->rename_new(NULL, from, to);
}

static int faulty_linkat(void *user, int from_dir, const char *from, int to_dir, const char *to,
			 int flags)
{
	(void)user;
	return fails(FAULT_LINKAT) ? -1 : real()->linkat(NULL, from_dir, from, to_dir, to, flags);
}

static int faulty_unlink(void *user, const char *path)
{
	(void)user;
	return fails(FAULT_UNLINK) ? -1 : real()->unlink(NULL, path);
}

static int faulty_mkdir(void *user, const char *path, mode_t mode)
{
	(void)user;
	return fails(FAULT_MKDIR) ? -1 : real()->mkdir(NULL, path, mode);
}

static int faulty_fchmod(void *user, int fd, mode_t mode)
{
	(void)user;
	return fails(FAULT_FCHMOD) ? -1 : real()->fchmod(NULL, fd, mode);
}

static ssize_t faulty_readlink(void *user, const char *path, char *to, size_t len)
{
	(void)user;
	return fails(FAULT_READLINK) ? -1 : real()->readlink(NULL, path, to, len);
}

static void *faulty_opendir(void *user, const char *path)
{
	void *dir = fails(FAULT_OPENDIR) ? NULL : real()->opendir(NULL, path);

	(void)user;
	in_force.open_fds += dir != NULL;
	return dir;
}

static int faulty_closedir(void *user, void *dir)
{
	(void)user;
	in_force.open_fds--;
	return real()->closedir(NULL, dir);
}

static int faulty_readdir(void *user, void *dir, char name[256], unsigned char *d_type)
{
	(void)user;
	return fails(FAULT_READDIR) ? -1 : real()->readdir(NULL, dir, name, d_type);
}

static ssize_t faulty_getrandom(void *user, void *to, size_t len)
{
	ssize_t n = allowed(FAULT_RANDOM, len);

	(void)user;
	return n < 0 ? -1 : moved(real()->getrandom(NULL, to, (size_t)n), n, len);
}

static void *faulty_mmap(void *user, void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	(void)user;
	return fails(FAULT_MMAP) ? MAP_FAILED :
				   real()->mmap(NULL, at, len, prot, flags, fd, from);
}

static int faulty_clock_gettime(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	return fails(FAULT_CLOCK) ? -1 : real()->clock_gettime(NULL, clock, ts);
}

static int faulty_nanosleep(void *user, const struct timespec *ts)
{
	(void)user;
	return in_force.f.hasty ? 0 : real()->nanosleep(NULL, ts);
}

static char *faulty_getcwd(void *user, char *to, size_t len)
{
	(void)user;
	return fails(FAULT_GETCWD) ? NULL : real()->getcwd(NULL, to, len);
}

static void faulty_env(struct rameti_env *e)
{
	*e = *real();
	e->open = faulty_open;
	e->openat = faulty_openat;
	e->close = faulty_close;
	e->read = faulty_read;
	e->pread = faulty_pread;
	e->write = faulty_write;
	e->pwrite = faulty_pwrite;
	e->fsync = faulty_fsync;
	e->fdatasync = faulty_fdatasync;
	e->ftruncate = faulty_ftruncate;
	e->fstat = faulty_fstat;
	e->stat = faulty_stat;
	e->stat_place = faulty_stat_place;
	e->lstat = faulty_lstat;
	e->flock = faulty_flock;
	e->lseek = faulty_lseek;
	e->rename = faulty_rename;
	e->rename_new = faulty_rename_new;
	e->linkat = faulty_linkat;
	e->unlink = faulty_unlink;
	e->mkdir = faulty_mkdir;
	e->fchmod = faulty_fchmod;
	e->readlink = faulty_readlink;
	e->opendir = faulty_opendir;
	e->readdir = faulty_readdir;
	e->closedir = faulty_closedir;
	e->mmap = faulty_mmap;
	e->clock_gettime = faulty_clock_gettime;
	e->nanosleep = faulty_nanosleep;
	e->getrandom = faulty_getrandom;
	e->getcwd = faulty_getcwd;
}

void faults_start(const struct faults *f)
{
	rameti_env_use(NULL);
	memset(&in_force, 0, sizeof(in_force));
	faulty_env(&in_force.env);
	in_force.f = *f;
	rameti_env_use(&in_force.env);
}

int faults_stop(void)
{
	rameti_env_use(NULL);
	return in_force.reached;
}

unsigned faults_calls(int kind)
{
	return kind == FAULT_ANY ? in_force.all : in_force.calls[kind];
}

unsigned faults_file_syncs(void)
{
	return in_force.file_syncs;
}

long faults_open_fds(void)
{
	return in_force.open_fds;
}

/* ---- memory ---- */

static _Atomic unsigned allocations;             /* from any thread */
static unsigned fail_at;

static void *scarce_realloc(void *user, void *ptr, size_t size)
{
	(void)user;
	return ++allocations == fail_at ? NULL : realloc(ptr, size);
}

static void scarce_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

void scarce_start(unsigned n)
{
	static const struct ramet_allocator scarce = { scarce_realloc, scarce_free, NULL };

	allocations = 0;
	fail_at = n;
	ramet_set_allocator(&scarce);
}

int scarce_stop(void)
{
	ramet_set_allocator(NULL);
	return fail_at && allocations >= fail_at;
}

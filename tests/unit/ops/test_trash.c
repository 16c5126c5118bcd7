/*
 * Tests of ops/trash.c. A fake table of system calls makes the directory vol a file system of its
 * own, on which all is tried, and lets every call fail once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/env.h"
#include "ramet/ops.h"

#define SESSION "{\"type\":\"session\",\"version\":3,\"id\":\"s1\",\"cwd\":\"/w\"}\n"
#define VOL_DEV 4242
#define PATH_SIZE 1024

static char top[64];                             /* the test's directory */
static struct {
	unsigned calls, fail_at;
	int sys;
	const char *home, *data;                 /* in top; NULL: not set */
	const char *replace;                     /* this file is replaced at the next fsync */
	int no_rename_new, short_writes, turn, exdev;
	int endless, long_target, no_cwd;        /* links that lead to themselves, or far */
	long live, allocations, fail_allocation;
} fake;

/* ---- paths and files ---- */

/* "TOP/name", in one of a few buffers. */
static const char *at(const char *name)
{
	static char paths[8][2 * PATH_SIZE];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static const char *own(const char *dir, const char *rest)
{
	static char names[4][PATH_SIZE];
	static unsigned next;
	char *name = names[next++ % 4];

	(void)snprintf(name, PATH_SIZE, "%s%lu%s", dir, (unsigned long)getuid(), rest);
	return name;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

static const char *contents(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

static int is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static unsigned count_names(const char *name)
{
	DIR *dir = opendir(at(name));
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return dir ? n - 2 : 0;
}

/* ---- the fake ---- */

static const struct rameti_env *real(void)
{
	return rameti_env_posix();
}

static int fails(void)
{
	if (++fake.calls != fake.fail_at)
		return 0;
	errno = fake.sys;
	return 1;
}

static int is_on_vol(const char *path)
{
	size_t len = strlen(top);

	return !strncmp(path, top, len) && !strncmp(path + len, "/vol", 4) &&
	       (path[len + 4] == '/' || !path[len + 4]);
}

static int fake_stat(void *user, const char *path, struct stat *st)
{
	if (fails() || real()->stat(user, path, st) < 0)
		return -1;
	if (is_on_vol(path))
		st->st_dev = VOL_DEV;
	return 0;
}

static int fake_lstat(void *user, const char *path, struct stat *st)
{
	if (fails() || real()->lstat(user, path, st) < 0)
		return -1;
	if (is_on_vol(path) || path[0] != '/')
		st->st_dev = VOL_DEV;
	return 0;
}

static int fake_open(void *user, const char *path, int flags, mode_t mode)
{
	if (fake.short_writes && (fake.turn ^= 1)) {
		errno = EINTR;
		return -1;
	}
	return fails() ? -1 : real()->open(user, path, flags, mode);
}

static int fake_close(void *user, int fd)
{
	int failed = fails();

	return real()->close(user, fd) < 0 || failed ? -1 : 0;
}

static ssize_t fake_pread(void *user, int fd, void *to, size_t len, off_t where)
{
	return fails() ? -1 : real()->pread(user, fd, to, len, where);
}

static ssize_t fake_write(void *user, int fd, const void *from, size_t len)
{
	if (fake.short_writes && (fake.turn ^= 1)) {
		errno = EINTR;
		return -1;
	}
	return fails() ? -1 : real()->write(user, fd, from, fake.short_writes ? 1 : len);
}

static int fake_fsync(void *user, int fd)
{
	if (fake.replace) {
		put("other", SESSION);
		assert_int_equal(rename(at("other"), at(fake.replace)), 0);
		fake.replace = NULL;
	}
	return fails() ? -1 : real()->fsync(user, fd);
}

static int fake_fstat(void *user, int fd, struct stat *st)
{
	return fails() ? -1 : real()->fstat(user, fd, st);
}

static int fake_rename(void *user, const char *from, const char *to)
{
	if (fails())
		return -1;
	if (is_on_vol(from) != is_on_vol(to) || fake.exdev) {
		fake.exdev = 0;
		errno = EXDEV;
		return -1;
	}
	return real()->rename(user, from, to);
}

static int fake_rename_new(void *user, const char *from, const char *to)
{
	if (fake.no_rename_new) {
		errno = EINVAL;
		return -1;
	}
	assert_false(is_there(to));
	return fake_rename(user, from, to);
}

static int fake_unlink(void *user, const char *path)
{
	return fails() ? -1 : real()->unlink(user, path);
}

static int fake_mkdir(void *user, const char *path, mode_t mode)
{
	return fails() ? -1 : real()->mkdir(user, path, mode);
}

static ssize_t fake_readlink(void *user, const char *path, char *to, size_t len)
{
	if (fake.endless || fake.long_target) {
		memset(to, '/', len);
		memcpy(to, path, strlen(path));
		return fake.long_target ? (ssize_t)len : (ssize_t)strlen(path);
	}
	return fails() ? -1 : real()->readlink(user, path, to, len);
}

static char *fake_getcwd(void *user, char *to, size_t len)
{
	return fails() || fake.no_cwd ? NULL : real()->getcwd(user, to, len);
}

/* 2026-03-02T09:00:05Z */
static int fake_clock_gettime(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	(void)clock;
	*ts = (struct timespec){ 1772442005, 0 };
	return fails() ? -1 : 0;
}

static const char *fake_getenv(void *user, const char *name)
{
	(void)user;
	if (!strcmp(name, "HOME") && fake.home)
		return at(fake.home);
	if (!strcmp(name, "XDG_DATA_HOME") && fake.data)
		return fake.data[0] == '.' ? fake.data : at(fake.data);
	return NULL;
}

static void *counted_realloc(void *user, void *ptr, size_t size)
{
	void *fresh;

	(void)user;
	if (++fake.allocations == fake.fail_allocation)
		return NULL;
	fresh = realloc(ptr, size);
	fake.live += fresh && !ptr;
	return fresh;
}

static void counted_free(void *user, void *ptr)
{
	(void)user;
	fake.live -= ptr != NULL;
	free(ptr);
}

static struct rameti_env table;

static int begin(void **state)
{
	static const struct ramet_allocator counted = { counted_realloc, counted_free, NULL };

	(void)state;
	(void)setenv("TZ", "XYZ-2", 1);          /* two hours ahead of UTC */
	(void)snprintf(top, sizeof(top), "/tmp/ramet-trash-XXXXXX");
	assert_non_null(mkdtemp(top));
	memset(&fake, 0, sizeof(fake));
	make_dir("home", 0700);
	make_dir("vol", 0700);
	make_dir("vol/a", 0700);
	fake.home = "home";
	table = *real();
	table.stat = fake_stat;
	table.lstat = fake_lstat;
	table.fstat = fake_fstat;
	table.open = fake_open;
	table.close = fake_close;
	table.pread = fake_pread;
	table.write = fake_write;
	table.fsync = fake_fsync;
	table.rename = fake_rename;
	table.rename_new = fake_rename_new;
	table.unlink = fake_unlink;
	table.mkdir = fake_mkdir;
	table.readlink = fake_readlink;
	table.getcwd = fake_getcwd;
	table.clock_gettime = fake_clock_gettime;
	table.getenv = fake_getenv;
	rameti_env_use(&table);
	ramet_set_allocator(&counted);
	return 0;
}

static void remove_tree(const char *path)
{
	struct dirent *d;
	char inner[PATH_SIZE * 2];
	DIR *dir;

	if (remove(path) == 0)
		return;
	dir = opendir(path);
	while (dir && (d = readdir(dir)) != NULL) {
		(void)snprintf(inner, sizeof(inner), "%s/%s", path, d->d_name);
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			remove_tree(inner);
	}
	if (dir)
		(void)closedir(dir);
	(void)remove(path);
}

static int end(void **state)
{
	(void)state;
	rameti_env_use(NULL);
	ramet_set_allocator(NULL);
	assert_int_equal(fake.live, 0);
	remove_tree(top);
	return 0;
}

/* ---- asserting ---- */

/* It went there, with this in its info file (NULL: not looked at). */
static void assert_trashed(const char *path, const char *dir, const char *name, const char *info)
{
	struct ramet_buf where = RAMET_BUF_INIT(4096);
	struct ramet_error err = { 0 };
	char wanted[PATH_SIZE];

	if (ramet_session_trash(path, &where, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	(void)snprintf(wanted, sizeof(wanted), "%s/%s/files/%s", top, dir, name);
	assert_string_equal(where.ptr, wanted);
	assert_string_equal(contents(wanted), SESSION);
	(void)snprintf(wanted, sizeof(wanted), "%s/%s/info/%s.trashinfo", top, dir, name);
	assert_true(is_there(wanted));
	if (info)
		assert_string_equal(contents(wanted), info);
	assert_false(is_there(path));
	ramet_buf_release(&where);
}

static void assert_refused(const char *path, int code, const char *says)
{
	struct ramet_buf where = RAMET_BUF_INIT(4096);
	struct ramet_error err = { 0 };

	assert_int_equal(ramet_session_trash(path, &where, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" is not in \"%s\"", says, err.text);
	assert_int_equal(where.len, 0);
	ramet_buf_release(&where);
}

/* ---- where it goes ---- */

static void trash__goes_home(void **state)
{
	struct stat st;
	char info[PATH_SIZE];

	(void)state;
	put("home/s.jsonl", SESSION);
	(void)snprintf(info, sizeof(info),
		       "[Trash Info]\nPath=%s\nDeletionDate=2026-03-02T11:00:05\n",
		       at("home/s.jsonl"));
	assert_trashed(at("home/s.jsonl"), "home/.local/share/Trash", "s.jsonl", info);
	assert_int_equal(stat(at("home/.local/share/Trash/info"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(at("home/.local/share/Trash/info/s.jsonl.trashinfo"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void trash__heeds_the_data_directory(void **state)
{
	(void)state;
	put("s.jsonl", SESSION);
	fake.data = "elsewhere/data";
	assert_trashed(at("s.jsonl"), "elsewhere/data/Trash", "s.jsonl", NULL);
	put("s.jsonl", SESSION);
	fake.data = "./relative";
	assert_trashed(at("s.jsonl"), "home/.local/share/Trash", "s.jsonl", NULL);
}

static void trash__goes_to_the_top_of_another_file_system(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash-", ""), "s.jsonl",
		       "[Trash Info]\nPath=a/s.jsonl\nDeletionDate=2026-03-02T11:00:05\n");
	assert_false(is_there(at("home/.local")));
}

static void trash__takes_the_shared_one_if_it_is_safe(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	make_dir("vol/.Trash", 0777);
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash-", ""), "s.jsonl", NULL);
	assert_int_equal(count_names("vol/.Trash"), 0);
	assert_int_equal(chmod(at("vol/.Trash"), 01777), 0);
	put("vol/a/s.jsonl", SESSION);
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash/", ""), "s.jsonl",
		       "[Trash Info]\nPath=a/s.jsonl\nDeletionDate=2026-03-02T11:00:05\n");
}

static void trash__follows_no_link_at_the_top(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	make_dir("vol/b", 01777);
	assert_int_equal(symlink(at("vol/b"), at("vol/.Trash")), 0);
	assert_int_equal(symlink(at("vol/b"), at(own("vol/.Trash-", ""))), 0);
	assert_refused(at("vol/a/s.jsonl"), RAMET_ENOTFOUND, "no trash");
	assert_int_equal(count_names("vol/b"), 0);
	assert_string_equal(contents(at("vol/a/s.jsonl")), SESSION);
}

static void trash__may_be_nowhere(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	put(own("vol/.Trash-", ""), "a file");
	fake.home = NULL;
	assert_refused(at("vol/a/s.jsonl"), RAMET_ENOTFOUND, "no trash");
	assert_string_equal(contents(at("vol/a/s.jsonl")), SESSION);
}

/* That it is missing would be no reason to delete for good. */
static void trash__says_why_it_cannot_be_used(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(4096);
	struct ramet_error err = { 0 };

	(void)state;
	make_dir("vol/home", 0700);
	put("vol/a/s.jsonl", SESSION);
	put(own("vol/.Trash-", ""), "a file");
	put("vol/home/.local", "a file");
	fake.home = "vol/home";
	assert_true(ramet_session_trash(at("vol/a/s.jsonl"), &where, &err) < 0);
	assert_non_null(strstr(err.text, "cannot use the trash"));
	assert_int_not_equal(err.sys, 0);
	assert_non_null(strstr(err.path, "vol/home/.local"));
	assert_string_equal(contents(at("vol/a/s.jsonl")), SESSION);
	assert_int_equal(unlink(at("vol/home/.local")), 0);
	make_dir("vol/home/.local", 0700);
	make_dir("vol/home/.local/share", 0700);
	make_dir("vol/home/.local/share/Trash", 0700);
	put("vol/home/.local/share/Trash/files", "a file");
	assert_true(ramet_session_trash(at("vol/a/s.jsonl"), &where, &err) < 0);
	assert_non_null(strstr(err.text, "cannot use the trash"));
	assert_int_not_equal(err.sys, 0);
	assert_int_equal(where.len, 0);
	ramet_buf_release(&where);
}

/* One st_dev can stand for two file systems, as with bind mounts. */
static void trash__tries_the_next_one(void **state)
{
	(void)state;
	make_dir("vol/home", 0700);
	put("vol/a/s.jsonl", SESSION);
	fake.home = "vol/home";
	fake.exdev = 1;
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash-", ""), "s.jsonl", NULL);
	assert_int_equal(count_names("vol/home/.local/share/Trash/info"), 0);
}

/* ---- names ---- */

static void trash__says_where_it_really_was(void **state)
{
	char info[PATH_SIZE], path[PATH_SIZE];

	(void)state;
	make_dir("real", 0700);
	make_dir("real/deep", 0700);
	assert_int_equal(symlink("real/deep", at("link")), 0);
	assert_int_equal(symlink(at("link"), at("again")), 0);
	put("real/s.jsonl", SESSION);
	(void)snprintf(info, sizeof(info),
		       "[Trash Info]\nPath=%s\nDeletionDate=2026-03-02T11:00:05\n",
		       at("real/s.jsonl"));
	(void)snprintf(path, sizeof(path), "%s//again/./../s.jsonl", top);
	assert_trashed(path, "home/.local/share/Trash", "s.jsonl", info);
}

static void trash__knows_relative_paths(void **state)
{
	char here[PATH_SIZE];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	put("vol/a/s.jsonl", SESSION);
	assert_int_equal(chdir(at("vol/a")), 0);
	assert_trashed("s.jsonl", own("vol/.Trash-", ""), "s.jsonl",
		       "[Trash Info]\nPath=a/s.jsonl\nDeletionDate=2026-03-02T11:00:05\n");
	put("vol/a/s.jsonl", SESSION);
	fake.no_cwd = 1;
	assert_refused("s.jsonl", RAMET_EIO, "working directory");
	assert_int_equal(chdir(here), 0);
}

static void trash__stops_at_a_loop_of_links(void **state)
{
	(void)state;
	put("s.jsonl", SESSION);
	make_dir("d", 0700);
	put("d/s.jsonl", SESSION);
	assert_int_equal(symlink("loop", at("loop")), 0);
	assert_refused(at("loop/s.jsonl"), RAMET_EIO, "cannot stat");
	assert_int_equal(symlink("d", at("endless")), 0);
	fake.endless = 1;
	assert_refused(at("endless/s.jsonl"), RAMET_ELIMIT, "too many links");
}

static void trash__refuses_a_link_that_is_too_long(void **state)
{
	(void)state;
	put("home/s.jsonl", SESSION);
	assert_int_equal(symlink("home", at("long")), 0);
	fake.long_target = 1;
	assert_refused(at("long/s.jsonl"), RAMET_ELIMIT, "too long");
}

static void trash__escapes_the_path(void **state)
{
	(void)state;
	put("vol/a/a b%\xc3\xa9\n=~.jsonl", SESSION);
	assert_trashed(at("vol/a/a b%\xc3\xa9\n=~.jsonl"), own("vol/.Trash-", ""),
		       "a b%\xc3\xa9\n=~.jsonl",
		       "[Trash Info]\nPath=a/a%20b%25%C3%A9%0A%3D~.jsonl\n"
		       "DeletionDate=2026-03-02T11:00:05\n");
}

static void trash__gives_every_file_a_name_of_its_own(void **state)
{
	const char *dir = own("vol/.Trash-", "");

	(void)state;
	for (int i = 0; i < 2; i++) {
		put("vol/a/s.jsonl", SESSION);
		assert_trashed(at("vol/a/s.jsonl"), dir, i ? "s.jsonl.2" : "s.jsonl", NULL);
	}
	put(own("vol/.Trash-", "/files/s.jsonl.3"), "not listed");
	put(own("vol/.Trash-", "/info/s.jsonl.4.trashinfo"), "reserved");
	put("vol/a/s.jsonl", SESSION);
	fake.no_rename_new = 1;
	assert_trashed(at("vol/a/s.jsonl"), dir, "s.jsonl.5", NULL);
	assert_string_equal(contents(at(own("vol/.Trash-", "/files/s.jsonl.3"))), "not listed");
	assert_int_equal(count_names(own("vol/.Trash-", "/info")), 4);
}

static void trash__gives_up_after_many_names(void **state)
{
	char name[PATH_SIZE];

	(void)state;
	put("vol/a/s.jsonl", SESSION);
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash-", ""), "s.jsonl", NULL);
	for (unsigned i = 2; i <= 1000; i++) {
		(void)snprintf(name, sizeof(name), "%s/s.jsonl.%u.trashinfo",
			       own("vol/.Trash-", "/info"), i);
		put(name, "");
	}
	put("vol/a/s.jsonl", SESSION);
	assert_refused(at("vol/a/s.jsonl"), RAMET_ECONFLICT, "too many");
}

static void trash__cuts_a_long_name(void **state)
{
	char name[256], path[PATH_SIZE];
	struct ramet_buf where = RAMET_BUF_INIT(4096);
	struct ramet_error err = { 0 };

	(void)state;
	name[0] = 'a';
	for (size_t i = 1; i < 255; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[255] = '\0';
	(void)snprintf(path, sizeof(path), "vol/a/%s", name);
	put(path, SESSION);
	if (ramet_session_trash(at(path), &where, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(contents(where.ptr), SESSION);
	assert_int_equal(strlen(strrchr(where.ptr, '/') + 1), 239);
	ramet_buf_release(&where);
}

/* ---- what is refused ---- */

typedef void refused_fn(const char *path, int code, const char *says);

static void assert_not_removed(const char *path, int code, const char *says)
{
	struct ramet_error err = { 0 };

	assert_int_equal(ramet_session_remove(path, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" is not in \"%s\"", says, err.text);
}

static void assert_refuses(refused_fn *refused)
{
	put("s.jsonl", SESSION);
	put("text.jsonl", "hello\n");
	put("empty.jsonl", "");
	assert_int_equal(symlink("s.jsonl", at("link.jsonl")), 0);
	assert_int_equal(mkfifo(at("pipe.jsonl"), 0600), 0);
	refused(at("link.jsonl"), RAMET_EFORMAT, "symbolic link");
	refused(at("home"), RAMET_EFORMAT, "is a directory");
	refused(at("pipe.jsonl"), RAMET_EFORMAT, "not a regular file");
	refused(at("text.jsonl"), RAMET_EFORMAT, "not a session");
	refused(at("empty.jsonl"), RAMET_EFORMAT, "not a session");
	refused(at("nothing.jsonl"), RAMET_ENOTFOUND, "cannot stat");
	assert_true(is_there(at("link.jsonl")));
	assert_true(is_there(at("pipe.jsonl")));
	assert_string_equal(contents(at("s.jsonl")), SESSION);
	assert_string_equal(contents(at("text.jsonl")), "hello\n");
	assert_string_equal(contents(at("empty.jsonl")), "");
}

static void trash__refuses_what_is_no_session(void **state)
{
	(void)state;
	assert_refuses(assert_refused);
	assert_false(is_there(at("home/.local")));
}

/* A caller tells "no trash" from "no such file" by the errno. */
static void trash__tells_a_missing_file(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(100);
	struct ramet_error err = { 0 };

	(void)state;
	assert_int_equal(ramet_session_trash(at("nothing"), &where, &err), RAMET_ENOTFOUND);
	assert_int_equal(err.sys, ENOENT);
}

static void trash__notices_another_file(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	fake.replace = "vol/a/s.jsonl";
	assert_refused(at("vol/a/s.jsonl"), RAMET_ECONFLICT, "replaced");
	assert_true(is_there(at("vol/a/s.jsonl")));
	assert_int_equal(count_names(own("vol/.Trash-", "/info")), 0);
}

/* ---- what fails ---- */

static void trash__survives_interrupts_and_short_writes(void **state)
{
	(void)state;
	put("vol/a/s.jsonl", SESSION);
	fake.short_writes = 1;
	assert_trashed(at("vol/a/s.jsonl"), own("vol/.Trash-", ""), "s.jsonl",
		       "[Trash Info]\nPath=a/s.jsonl\nDeletionDate=2026-03-02T11:00:05\n");
}

/* Whole at one place or at the other, and an info file only beside a file. */
static void assert_one_of_both(int r, const struct ramet_buf *where)
{
	unsigned infos = count_names(own("vol/.Trash-", "/info")) +
			 count_names("vol/home/.local/share/Trash/info");

	if (r < 0) {
		assert_string_equal(contents(at("vol/a/s.jsonl")), SESSION);
		assert_int_equal(where->len, 0);
		assert_int_equal(infos, 0);
		return;
	}
	assert_false(is_there(at("vol/a/s.jsonl")));
	assert_string_equal(contents(where->ptr), SESSION);
	assert_int_equal(infos, 1);
}

static int trash_anew(struct ramet_error *err)
{
	struct ramet_buf where = RAMET_BUF_INIT(4096);
	int r;

	remove_tree(at("vol"));
	make_dir("vol", 0700);
	make_dir("vol/a", 0700);
	make_dir("vol/home", 0700);
	assert_int_equal(symlink("a", at("vol/link")), 0);
	put("vol/a/s.jsonl", SESSION);
	fake.calls = 0;
	fake.allocations = 0;
	r = ramet_session_trash(at("vol/link/s.jsonl"), &where, err);
	fake.fail_allocation = 0;
	fake.fail_at = 0;
	assert_one_of_both(r, &where);
	ramet_buf_release(&where);
	return r;
}

static void trash__survives_every_failing_call(void **state)
{
	unsigned n, failed = 0;

	(void)state;
	fake.home = "vol/home";
	fake.sys = EIO;
	for (n = 1; n < 200; n++) {
		struct ramet_error err = { 0 };
		int r;

		fake.fail_at = n;
		r = trash_anew(&err);
		if (fake.calls < n)
			break;
		failed += r < 0;
		if (r < 0)
			assert_int_equal(err.code, r);
	}
	assert_true(n > 30 && n < 200);
	assert_true(failed > 15);
}

static void trash__survives_no_memory(void **state)
{
	long n, failed = 0;
	int r;

	(void)state;
	fake.home = "vol/home";
	/* without memory to look at its format, the file is taken for one of pi's */
	for (n = 1; n < 60; n++) {
		struct ramet_error err = { 0 };

		fake.fail_allocation = n;
		r = trash_anew(&err);
		failed += r < 0;
		if (r < 0)
			assert_int_equal(r, RAMET_ENOMEM);
	}
	assert_int_equal(r, 0);
	assert_true(failed > 5);
}

static void trash__keeps_the_limit_of_where(void **state)
{
	struct ramet_buf where = RAMET_BUF_INIT(10);
	struct ramet_error err = { 0 };

	(void)state;
	put("vol/a/s.jsonl", SESSION);
	assert_int_equal(ramet_session_trash(at("vol/a/s.jsonl"), &where, &err), RAMET_ELIMIT);
	assert_true(is_there(at("vol/a/s.jsonl")));
	ramet_buf_release(&where);
}

/* ---- for good ---- */

static void remove__removes(void **state)
{
	struct ramet_error err = { 0 };

	(void)state;
	put("s.jsonl", SESSION);
	put("s.jsonl.trace", "beside it");
	assert_int_equal(ramet_session_remove(at("s.jsonl"), &err), 0);
	assert_false(is_there(at("s.jsonl")));
	assert_true(is_there(at("s.jsonl.trace")));
}

static void remove__refuses_what_is_no_session(void **state)
{
	(void)state;
	assert_refuses(assert_not_removed);
}

static void remove__survives_every_failing_call(void **state)
{
	unsigned n;
	int r = -1;

	(void)state;
	fake.sys = EACCES;
	for (n = 1; r < 0 || fake.calls >= n; n++) {
		struct ramet_error err = { 0 };

		put("s.jsonl", SESSION);
		fake.calls = 0;
		fake.fail_at = n;
		r = ramet_session_remove(at("s.jsonl"), &err);
		assert_int_equal(is_there(at("s.jsonl")), r < 0);
		assert_true(n < 100);
	}
	assert_true(n > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trash__goes_home),
		TEST(trash__heeds_the_data_directory),
		TEST(trash__goes_to_the_top_of_another_file_system),
		TEST(trash__takes_the_shared_one_if_it_is_safe),
		TEST(trash__follows_no_link_at_the_top),
		TEST(trash__may_be_nowhere),
		TEST(trash__says_why_it_cannot_be_used),
		TEST(trash__tries_the_next_one),
		TEST(trash__says_where_it_really_was),
		TEST(trash__knows_relative_paths),
		TEST(trash__stops_at_a_loop_of_links),
		TEST(trash__refuses_a_link_that_is_too_long),
		TEST(trash__escapes_the_path),
		TEST(trash__gives_every_file_a_name_of_its_own),
		TEST(trash__gives_up_after_many_names),
		TEST(trash__cuts_a_long_name),
		TEST(trash__refuses_what_is_no_session),
		TEST(trash__tells_a_missing_file),
		TEST(trash__notices_another_file),
		TEST(trash__survives_interrupts_and_short_writes),
		TEST(trash__survives_every_failing_call),
		TEST(trash__survives_no_memory),
		TEST(trash__keeps_the_limit_of_where),
		TEST(remove__removes),
		TEST(remove__refuses_what_is_no_session),
		TEST(remove__survives_every_failing_call),
	};

	return cmocka_run_group_tests_name("trash", tests, NULL, NULL);
}

/*
 * test_newfile.c - new files are there whole or not at all, on systems with and without nameless
 * files, whatever call fails.
 */
#include "base/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

/* ---- systems ---- */

/* What a system has: nameless files; a rename that spares what is there; neither. */
enum way {
	NAMELESS,
	NAMED,
	LINKED,
	WAYS
};

static struct rameti_env below;                  /* the calls under those that a test replaces */

static int open_named_only(void *user, const char *path, int flags, mode_t mode)
{
	if ((flags & O_TMPFILE) != O_TMPFILE)
		return below.open(user, path, flags, mode);
	errno = EOPNOTSUPP;
	return -1;
}

static int rename_new_unknown(void *user, const char *from, const char *to)
{
	(void)user, (void)from, (void)to;
	errno = EINVAL;
	return -1;
}

static void system_init(struct failing_env *fe, enum way way, unsigned fail_at, int sys)
{
	failing_env_init(fe, fail_at, sys);
	below = fe->env;
	if (way != NAMELESS)
		fe->env.open = open_named_only;
	if (way == LINKED)
		fe->env.rename_new = rename_new_unknown;
}

/* ---- the directory that the files are in ---- */

static const char *const NAME = "dir/file";

static int drop(void *user, const char *name, unsigned char type)
{
	char path[300];

	(void)user, (void)type;
	snprintf(path, sizeof(path), "dir/%s", name);
	if (unlink(scratch_path(path)) < 0)
		(void)rmdir(scratch_path(path));
	return 0;
}

/* Empty, or with a file of this text. */
static const char *fresh_dir(const char *old)
{
	(void)mkdir(scratch_path("dir"), 0700);
	(void)rameti_dir_each(NULL, scratch_path("dir"), drop, NULL, NULL);
	if (old)
		scratch_file(NAME, old, strlen(old));
	return scratch_path(NAME);
}

struct names {
	unsigned n, parts;
};

static int count_name(void *user, const char *name, unsigned char type)
{
	struct names *names = user;
	size_t len = strlen(name);

	(void)type;
	names->n++;
	names->parts += name[0] == '.' && len > 5 && !strcmp(name + len - 5, ".part");
	return 0;
}

static struct names names_now(void)
{
	struct names names = { 0, 0 };

	assert_int_equal(rameti_dir_each(NULL, scratch_path("dir"), count_name, &names, NULL), 0);
	return names;
}

static int is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void assert_holds(const char *path, struct ramet_bytes want)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 24);
	struct rameti_file f = RAMETI_FILE_INIT;

	assert_int_equal(rameti_file_open(&f, path, RAMETI_FILE_READ, NULL), 0);
	assert_int_equal(rameti_file_read_all(&f, &b, NULL), 0);
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&b), want));
	(void)rameti_file_close(&f);
	ramet_buf_release(&b);
}

static void assert_text(const char *path, const char *want)
{
	assert_holds(path, ramet_bytes_of(want));
}

static void add(struct rameti_newfile *n, const char *text)
{
	assert_int_equal(rameti_newfile_write(n, ramet_bytes_of(text), NULL), 0);
}

/* ---- what a new file is ---- */

static void newfile__has_no_name_until_it_is_whole(void **state)
{
	struct failing_env fe;
	char text[8];
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		struct rameti_newfile n = RAMETI_NEWFILE_INIT;
		const char *path = fresh_dir(NULL);

		system_init(&fe, (enum way)way, 0, 0);
		n.file.env = &fe.env;
		assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
		assert_int_equal(fcntl(n.file.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		add(&n, "one ");
		add(&n, "two");
		assert_int_equal(n.size, 7);
		assert_int_equal(names_now().n, way != NAMELESS);
		assert_int_equal(names_now().parts, way != NAMELESS);
		assert_int_equal(rameti_newfile_commit(&n, way ? 0 : RAMETI_NEWFILE_SYNC, NULL), 0);
		assert_text(path, "one two");
		assert_int_equal(write(n.file.fd, "!", 1), 1);       /* still open, at its end */
		assert_int_equal(rameti_file_read_at(&n.file, text, 8, 0, NULL), 8);
		assert_memory_equal(text, "one two!", 8);
		rameti_newfile_abort(&n);
		rameti_newfile_abort(&n);
		assert_int_equal(n.file.fd, -1);
		assert_text(path, "one two!");
		assert_int_equal(names_now().n, 1);
		assert_int_equal(fe.open_fds, 0);
	}
}

static void newfile__leaves_nothing_when_given_up(void **state)
{
	struct failing_env fe;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		struct rameti_newfile n = RAMETI_NEWFILE_INIT;

		system_init(&fe, (enum way)way, 0, 0);
		n.file.env = &fe.env;
		assert_int_equal(rameti_newfile_open(&n, fresh_dir(NULL), 0600, NULL), 0);
		add(&n, "never");
		rameti_newfile_abort(&n);
		assert_int_equal(names_now().n, 0);
		assert_int_equal(n.size, 0);
		assert_int_equal(fe.open_fds, 0);
		assert_int_equal(rameti_newfile_open(&n, scratch_path(NAME), 0600, NULL), 0);
		assert_int_equal(rameti_newfile_commit(&n, 0, NULL), 0);      /* used again */
		assert_text(scratch_path(NAME), "");
		rameti_newfile_abort(&n);
	}
}

static void check_taken(struct failing_env *fe, const char *path)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_error err;

	n.file.env = &fe->env;
	assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
	add(&n, "mine");
	assert_int_equal(rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, &err), RAMET_ECONFLICT);
	assert_string_equal(err.text, "there is a file of this name already");
	assert_string_equal(err.path, path);
	rameti_newfile_abort(&n);
	assert_int_equal(names_now().n, 1);
}

static void newfile__spares_a_name_that_is_taken(void **state)
{
	struct failing_env fe;
	const char *path;
	char to[16];
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		system_init(&fe, (enum way)way, 0, 0);
		path = fresh_dir("theirs");
		check_taken(&fe, path);
		assert_text(path, "theirs");
		path = fresh_dir(NULL);
		assert_int_equal(symlink("nowhere", path), 0);
		check_taken(&fe, path);
		assert_int_equal(readlink(path, to, sizeof(to)), 7);
		assert_false(is_there(scratch_path("dir/nowhere")));
		path = fresh_dir(NULL);
		assert_int_equal(mkdir(path, 0700), 0);
		check_taken(&fe, path);
	}
}

static void newfile__replaces_when_told(void **state)
{
	struct rameti_file old = RAMETI_FILE_INIT;
	struct failing_env fe;
	char text[8];
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		struct rameti_newfile n = RAMETI_NEWFILE_INIT;
		const char *path = fresh_dir("old");

		system_init(&fe, (enum way)way, 0, 0);
		n.file.env = &fe.env;
		assert_int_equal(rameti_file_open(&old, path, RAMETI_FILE_READ, NULL), 0);
		assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
		add(&n, "new one");
		assert_int_equal(rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE, NULL), 0);
		rameti_newfile_abort(&n);
		assert_text(path, "new one");
		assert_int_equal(rameti_file_read_at(&old, text, 8, 0, NULL), 3);
		assert_memory_equal(text, "old", 3);
		assert_int_equal(names_now().n, 1);
		(void)rameti_file_close(&old);
		path = fresh_dir(NULL);                      /* nothing to replace: fine */
		assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
		assert_int_equal(rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE, NULL), 0);
		rameti_newfile_abort(&n);
		assert_text(path, "");
		assert_int_equal(names_now().n, 1);
		assert_int_equal(fe.open_fds, 0);
	}
}

static void newfile__does_not_replace_a_directory(void **state)
{
	struct failing_env fe;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		struct rameti_newfile n = RAMETI_NEWFILE_INIT;
		const char *path = fresh_dir(NULL);
		struct ramet_error err;

		assert_int_equal(mkdir(path, 0700), 0);
		system_init(&fe, (enum way)way, 0, 0);
		n.file.env = &fe.env;
		assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
		assert_int_equal(rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE, &err),
				 RAMET_EIO);
		assert_string_equal(err.text, "cannot replace: is a directory");
		rameti_newfile_abort(&n);
		assert_int_equal(names_now().n, 1);
		assert_int_equal(fe.open_fds, 0);
	}
}

static void newfile__has_the_mode_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0644, 0664, 0777, 0400, 0000 };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct failing_env fe;
	mode_t before = umask(0);
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < WAYS * 6 * 4; i++) {
		struct rameti_newfile n = RAMETI_NEWFILE_INIT;
		const char *path = fresh_dir(NULL);
		mode_t mode = modes[i / 4 % 6];

		system_init(&fe, (enum way)(i / 24), 0, 0);
		n.file.env = &fe.env;
		(void)umask(masks[i % 4] & 0177);
		assert_int_equal(rameti_newfile_open(&n, path, mode, NULL), 0);
		assert_int_equal(rameti_newfile_commit(&n, 0, NULL), 0);
		rameti_newfile_abort(&n);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, mode);
	}
	(void)umask(before);
}

static void newfile__says_where_there_is_no_directory(void **state)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_error err;

	(void)state;
	(void)fresh_dir("file");
	assert_int_equal(rameti_newfile_open(&n, scratch_path("none/f"), 0600, &err),
			 RAMET_ENOTFOUND);
	assert_string_equal(err.path, scratch_path("none/f"));
	assert_int_equal(rameti_newfile_open(&n, scratch_path("dir/file/f"), 0600, &err),
			 RAMET_ENOTFOUND);
	assert_null(n.path);
	assert_int_equal(n.file.fd, -1);
}

static void newfile__tries_other_names_for_the_while_but_not_for_ever(void **state)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct failing_env fe;
	struct ramet_error err;
	char longest[256];

	(void)state;
	(void)fresh_dir(NULL);
	scratch_file("dir/.file.11111111.part", "x", 1);
	system_init(&fe, NAMED, 0, 0);
	n.file.env = &fe.env;
	fe.random_byte = 0x11;
	assert_int_equal(rameti_newfile_open(&n, scratch_path(NAME), 0600, &err), RAMET_ECONFLICT);
	assert_string_equal(err.text, "no free temporary name");
	assert_text(scratch_path("dir/.file.11111111.part"), "x");
	fe.random_byte = 0x12;
	assert_int_equal(rameti_newfile_open(&n, scratch_path(NAME), 0600, NULL), 0);
	assert_true(is_there(scratch_path("dir/.file.12121212.part")));
	rameti_newfile_abort(&n);
	assert_int_equal(names_now().n, 1);
	(void)fresh_dir(NULL);
	memset(longest, 'n', 255);
	memcpy(longest, "dir/", 4);
	longest[255] = '\0';                             /* 251 bytes: no room for a prefix */
	assert_int_equal(rameti_newfile_open(&n, scratch_path(longest), 0600, NULL), 0);
	assert_int_equal(rameti_newfile_commit(&n, 0, NULL), 0);
	assert_true(is_there(scratch_path(longest)));
	rameti_newfile_abort(&n);
}

/* ---- large ones ---- */

#define LARGE (3u << 20)

static char *large_text(void)
{
	char *text = ramet_alloc(LARGE);
	size_t i;

	assert_non_null(text);
	for (i = 0; i < LARGE; i++)
		text[i] = (char)('a' + i % 23 + (i >> 16) % 3);
	return text;
}

static void newfile__takes_pieces_of_any_size_in_order(void **state)
{
	static const size_t sizes[] = { 1, 262143, 262144, 262145, 0, 7, 1000000, 262144, 3, 999 };
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	char *text = large_text();
	const char *path = fresh_dir(NULL);
	struct failing_env fe;
	size_t i, done = 0;

	(void)state;
	system_init(&fe, NAMELESS, 0, 0);
	fe.longest = 9999;
	fe.interrupt = 1;
	n.file.env = &fe.env;
	assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct ramet_bytes piece = { text + done, sizes[i] };

		assert_int_equal(rameti_newfile_write(&n, piece, NULL), 0);
		done += sizes[i];
		assert_int_equal(n.size, done);
	}
	assert_int_equal(rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, NULL), 0);
	rameti_newfile_abort(&n);
	assert_holds(path, (struct ramet_bytes){ text, done });
	ramet_free(text);
}

/* ---- what survives a power cut ---- */

static struct {
	const char *path;
	unsigned before, after;                  /* syncs before the name is there, and after */
} synced;

static int noted_fsync(void *user, int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (is_there(synced.path)) {
		assert_true(S_ISDIR(st.st_mode));
		synced.after++;
	} else {
		assert_true(S_ISREG(st.st_mode) && st.st_size == 5);
		synced.before++;
	}
	return below.fsync(user, fd);
}

static void newfile__syncs_the_bytes_then_the_name_when_told(void **state)
{
	struct failing_env fe;
	unsigned flags;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		for (flags = 0; flags < 4; flags++) {
			struct rameti_newfile n = RAMETI_NEWFILE_INIT;

			system_init(&fe, (enum way)way, 0, 0);
			fe.env.fsync = noted_fsync;
			n.file.env = &fe.env;
			memset(&synced, 0, sizeof(synced));
			synced.path = fresh_dir(NULL);
			assert_int_equal(rameti_newfile_open(&n, synced.path, 0600, NULL), 0);
			add(&n, "bytes");
			assert_int_equal(rameti_newfile_commit(&n, flags, NULL), 0);
			rameti_newfile_abort(&n);
			assert_int_equal(synced.before, !!(flags & RAMETI_NEWFILE_SYNC));
			assert_int_equal(synced.after, !!(flags & RAMETI_NEWFILE_SYNC));
		}
	}
}

/* ---- whole or absent, whatever fails ---- */

static int make_file(const struct rameti_env *env, const char *path, struct ramet_bytes text,
		     unsigned flags, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_bytes first = { text.ptr, 10 }, rest = { text.ptr + 10, text.len - 10 };
	int r;

	n.file.env = env;
	r = rameti_newfile_open(&n, path, 0644, err);
	if (!r)
		r = rameti_newfile_write(&n, first, err);
	if (!r)
		r = rameti_newfile_write(&n, rest, err);
	if (!r)
		r = rameti_newfile_commit(&n, flags, err);
	rameti_newfile_abort(&n);
	return r;
}

/* The new text stands there after success and doubt, what was there before otherwise. */
static void check_outcome(int r, const char *path, struct ramet_bytes text, const char *old,
			  unsigned kept_names)
{
	int done = r == 0 || r == RAMET_EUNKNOWN;

	if (done)
		assert_holds(path, text);
	else if (old)
		assert_text(path, old);
	else
		assert_false(is_there(path));
	assert_int_equal(names_now().n, (unsigned)(done || old) + kept_names);
}

static void check_failing_calls(enum way way, unsigned flags, int sys)
{
	const char *old = flags & RAMETI_NEWFILE_REPLACE ? "old text" : NULL;
	char *text = large_text();
	struct ramet_bytes bytes = { text, 300000 };
	struct failing_env fe;
	struct ramet_error err;
	unsigned n = 0;
	int r;

	do {
		const char *path = fresh_dir(old);

		system_init(&fe, way, ++n, sys);
		memset(&err, 0, sizeof(err));
		r = make_file(&fe.env, path, bytes, flags, &err);
		assert_int_equal(fe.open_fds, 0);
		assert_int_equal(err.code, r);
		assert_true(r == 0 || r == RAMET_EIO || r == RAMET_EUNKNOWN);
		assert_true(r == 0 || err.sys == sys);
		assert_true(r != RAMET_EUNKNOWN || (flags & RAMETI_NEWFILE_SYNC));
		check_outcome(r, path, bytes, old, fe.kept_names);
	} while (fe.calls >= n);
	assert_int_equal(r, 0);
	assert_true(n > 5);
	ramet_free(text);
}

static void newfile__is_whole_or_absent_whatever_call_fails(void **state)
{
	static const int reasons[] = { EIO, ENOSPC, EACCES };
	unsigned flags, i;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++)
		for (flags = 0; flags < 4; flags++)
			for (i = 0; i < 3; i++)
				check_failing_calls((enum way)way, flags, reasons[i]);
}

static void newfile__is_whole_or_absent_when_memory_is_short(void **state)
{
	struct ramet_bytes text = { "a file's text", 13 };
	struct failing_env fe;
	unsigned n, flags;
	int way, r, reached;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		for (flags = 0, n = 0; flags < 4; n = r < 0 ? n : 0, flags += r == 0) {
			const char *old = flags & RAMETI_NEWFILE_REPLACE ? "old text" : NULL;
			const char *path = fresh_dir(old);

			system_init(&fe, (enum way)way, 0, 0);
			failing_memory_start(++n);
			r = make_file(&fe.env, path, text, flags, NULL);
			reached = failing_memory_stop();
			assert_true(reached ? r == RAMET_ENOMEM || r == RAMET_EUNKNOWN : r == 0);
			assert_int_equal(fe.open_fds, 0);
			check_outcome(r, path, text, old, 0);
		}
	}
}

/* ---- in the place of a file that others still write to ---- */

static struct {
	const char *path;
	const char *before, *after;              /* the renaming */
} meanwhile;

static void append_to_old(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int rename_meanwhile(void *user, const char *from, const char *to)
{
	int fd = open(meanwhile.path, O_WRONLY | O_APPEND), r, sys;

	assert_true(fd >= 0);
	append_to_old(fd, meanwhile.before);
	r = below.rename(user, from, to);
	sys = errno;
	append_to_old(fd, meanwhile.after);
	(void)close(fd);
	errno = sys;
	return r;
}

/* The old file is "old"; "+1" is appended behind its first size bytes, "+2" and "+3" around the
 * renaming. */
static int replace_busy(struct failing_env *fe, const char *path, uint64_t *carried,
			struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct rameti_file old = RAMETI_FILE_INIT;
	uint64_t size = 3;
	int r;

	scratch_file(NAME, "old+1", 5);
	meanwhile.path = path;
	meanwhile.before = "+2";
	meanwhile.after = "+3";
	fe->env.rename = rename_meanwhile;
	n.file.env = &fe->env;
	assert_int_equal(rameti_file_open(&old, path, RAMETI_FILE_READ, NULL), 0);
	old.env = &fe->env;
	r = rameti_newfile_open(&n, path, 0600, err);
	if (!r)
		r = rameti_newfile_write(&n, ramet_bytes_of("new"), err);
	if (!r)
		r = rameti_newfile_commit_over(&n, &old, size, carried, err);
	rameti_newfile_abort(&n);
	old.env = NULL;
	(void)rameti_file_close(&old);
	return r;
}

static void commit_over__carries_what_others_append_meanwhile(void **state)
{
	struct failing_env fe;
	uint64_t carried;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		const char *path = fresh_dir(NULL);

		system_init(&fe, (enum way)way, 0, 0);
		fe.longest = 1;
		fe.interrupt = 1;
		carried = 99;
		assert_int_equal(replace_busy(&fe, path, &carried, NULL), 0);
		assert_text(path, "new+1+2+3");
		assert_int_equal(carried, 6);
		assert_int_equal(names_now().n, 1);
		assert_int_equal(fe.open_fds, 0);
	}
}

static void commit_over__carries_nothing_where_nothing_came(void **state)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct rameti_file old = RAMETI_FILE_INIT;
	const char *path = fresh_dir("shrunk");
	uint64_t carried = 99;

	(void)state;
	assert_int_equal(rameti_file_open(&old, path, RAMETI_FILE_READ, NULL), 0);
	assert_int_equal(rameti_newfile_open(&n, path, 0600, NULL), 0);
	add(&n, "new");
	assert_int_equal(rameti_newfile_commit_over(&n, &old, 1000, &carried, NULL), 0);
	rameti_newfile_abort(&n);
	(void)rameti_file_close(&old);
	assert_int_equal(carried, 0);
	assert_text(path, "new");
}

/* After doubt, the new file holds the new text and a part of what was carried. */
static void check_in_doubt(const char *path)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	char text[16];
	int64_t len;

	assert_int_equal(rameti_file_open(&f, path, RAMETI_FILE_READ, NULL), 0);
	len = rameti_file_read_at(&f, text, sizeof(text), 0, NULL);
	assert_true(len >= 5 && len <= 9);
	assert_memory_equal(text, "new+1+2+3", (size_t)len);
	(void)rameti_file_close(&f);
}

/* What others appended depends on how far it came. */
static void check_old(const char *path)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	char text[16];
	int64_t len;

	assert_int_equal(rameti_file_open(&f, path, RAMETI_FILE_READ, NULL), 0);
	len = rameti_file_read_at(&f, text, sizeof(text), 0, NULL);
	assert_true(len == 5 || len == 9);
	assert_memory_equal(text, "old+1+2+3", (size_t)len);
	(void)rameti_file_close(&f);
}

static void commit_over__never_loses_the_old_file_to_a_failing_call(void **state)
{
	struct failing_env fe;
	struct ramet_error err;
	uint64_t carried = 0;
	unsigned n, doubts;
	int way, r;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		n = doubts = 0;
		do {
			const char *path = fresh_dir(NULL);

			system_init(&fe, (enum way)way, ++n, EIO);
			memset(&err, 0, sizeof(err));
			r = replace_busy(&fe, path, &carried, &err);
			assert_int_equal(err.code, r);
			assert_int_equal(fe.open_fds, 0);
			if (r == RAMET_EUNKNOWN)
				check_in_doubt(path);
			else if (r == 0)
				assert_text(path, "new+1+2+3");
			else
				check_old(path);
			doubts += r == RAMET_EUNKNOWN;
			assert_int_equal(names_now().n, 1 + fe.kept_names);
		} while (fe.calls >= n);
		assert_int_equal(r, 0);
		assert_true(doubts >= 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newfile__has_no_name_until_it_is_whole),
		cmocka_unit_test(newfile__leaves_nothing_when_given_up),
		cmocka_unit_test(newfile__spares_a_name_that_is_taken),
		cmocka_unit_test(newfile__replaces_when_told),
		cmocka_unit_test(newfile__does_not_replace_a_directory),
		cmocka_unit_test(newfile__has_the_mode_asked_for),
		cmocka_unit_test(newfile__says_where_there_is_no_directory),
		cmocka_unit_test(newfile__tries_other_names_for_the_while_but_not_for_ever),
		cmocka_unit_test(newfile__takes_pieces_of_any_size_in_order),
		cmocka_unit_test(newfile__syncs_the_bytes_then_the_name_when_told),
		cmocka_unit_test(newfile__is_whole_or_absent_whatever_call_fails),
		cmocka_unit_test(newfile__is_whole_or_absent_when_memory_is_short),
		cmocka_unit_test(commit_over__carries_what_others_append_meanwhile),
		cmocka_unit_test(commit_over__carries_nothing_where_nothing_came),
		cmocka_unit_test(commit_over__never_loses_the_old_file_to_a_failing_call),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

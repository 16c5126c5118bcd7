/*
 * test_file.c - opening, reading, appending, locking, walking directories; also with calls that
 * fail.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

static void file__opens_and_reads_a_file(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(100);
	struct ramet_error err;
	struct stat st;
	char text[8];

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("a", "hello", 5), RAMETI_FILE_READ,
					  &err), 0);
	assert_int_equal(fcntl(f.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(rameti_file_stat(&f, &st, &err), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(rameti_file_read_at(&f, text, 3, 1, &err), 3);
	assert_memory_equal(text, "ell", 3);
	assert_int_equal(rameti_file_read_at(&f, text, 8, 3, &err), 2);
	assert_int_equal(rameti_file_read_at(&f, text, 8, 99, &err), 0);
	assert_int_equal(rameti_file_read_at(&f, text, 8, UINT64_MAX, &err), RAMET_EINVAL);
	ramet_buf_add_str(&b, "> ");
	assert_int_equal(rameti_file_read_all(&f, &b, &err), 0);
	assert_string_equal(b.ptr, "> hello");
	assert_int_equal(rameti_file_close(&f), 0);
	assert_int_equal(f.fd, -1);
	assert_int_equal(rameti_file_close(&f), 0);
	ramet_buf_release(&b);
}

static void file__append_writes_behind_the_end(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	char text[3];

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("b", "x", 1), RAMETI_FILE_APPEND, NULL),
			 0);
	assert_int_equal(write(f.fd, "y", 1), 1);
	assert_int_equal(rameti_file_read_at(&f, text, 3, 0, NULL), 2);
	assert_memory_equal(text, "xy", 2);
	rameti_file_close(&f);
}

/* To leave its time of access alone is for the file's owner. */
static void file__append_opens_files_of_other_users(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 1, EPERM);
	f.env = &fe.env;
	assert_int_equal(rameti_file_open(&f, scratch_file("b", "x", 1), RAMETI_FILE_APPEND, NULL),
			 0);
	assert_int_equal(fcntl(f.fd, F_GETFL) & (O_APPEND | O_NOATIME), O_APPEND);
	rameti_file_close(&f);
	failing_env_init(&fe, 1, EACCES);
	assert_int_equal(rameti_file_open(&f, scratch_file("b", "x", 1), RAMETI_FILE_APPEND, NULL),
			 RAMET_EIO);
	assert_int_equal(fe.calls, 1);
}

static void check_refused(const char *path, int code, const char *text)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_error err;
	int mode;

	for (mode = RAMETI_FILE_READ; mode <= RAMETI_FILE_APPEND; mode++) {
		assert_int_equal(rameti_file_open(&f, path, (enum rameti_file_mode)mode, &err),
				 code);
		assert_string_equal(err.text, text);
		assert_string_equal(err.path, path);
		assert_int_equal(f.fd, -1);
	}
}

static void file__refuses_what_is_no_file_without_waiting(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	alarm(20);
	assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
	strncpy(name.sun_path, scratch_path("socket"), sizeof(name.sun_path) - 1);
	assert_int_equal(bind(s, (struct sockaddr *)&name, sizeof(name)), 0);
	check_refused(scratch_path("fifo"), RAMET_EFORMAT, "is a FIFO, not a file");
	check_refused(scratch_path("socket"), RAMET_EFORMAT, "is a socket, not a file");
	check_refused(scratch_path(""), RAMET_EFORMAT, "is a directory");
	check_refused("/dev/null", RAMET_EFORMAT, "is a device, not a file");
	check_refused(scratch_path("none"), RAMET_ENOTFOUND,
		      "cannot open: no such file or directory");
	close(s);
	alarm(0);
}

static void file__read_all_keeps_to_the_limit(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(4), exact = RAMET_BUF_INIT(5);
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("c", "12345", 5), RAMETI_FILE_READ,
					  &err), 0);
	assert_int_equal(rameti_file_read_all(&f, &b, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "larger than 4 bytes");
	assert_int_equal(b.len, 0);
	assert_int_equal(rameti_file_read_all(&f, &exact, &err), 0);
	assert_string_equal(exact.ptr, "12345");
	rameti_file_close(&f);
	assert_int_equal(rameti_file_open(&f, "/proc/self/status", RAMETI_FILE_READ, &err), 0);
	assert_int_equal(rameti_file_read_all(&f, &b, &err),
			 RAMET_ELIMIT);     /* says its size is 0 */
	b.max = 1 << 20;
	ramet_buf_reset(&b);
	assert_int_equal(rameti_file_read_all(&f, &b, &err), 0);
	assert_true(b.len > 100 && strlen(b.ptr) == b.len);
	rameti_file_close(&f);
	ramet_buf_release(&b);
	ramet_buf_release(&exact);
}

/* Open, stat, read all, close: 0 or the first failure. */
static int read_through(const struct rameti_env *env, const char *path, struct ramet_buf *b,
			struct ramet_error *err)
{
	struct rameti_file f = { env, -1 };
	int r;

	r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);
	if (r < 0)
		return r;
	r = rameti_file_read_all(&f, b, err);
	if (rameti_file_close(&f) < 0 && r == 0)
		r = RAMET_EIO;
	return r;
}

static void file__survives_every_failing_call(void **state)
{
	const char *path = scratch_file("d", "some text", 9);
	struct ramet_buf b = RAMET_BUF_INIT(100);
	struct failing_env fe;
	struct ramet_error err;
	unsigned n = 0;
	int r;

	(void)state;
	do {
		failing_env_init(&fe, ++n, EACCES);
		fe.longest = 2;
		memset(&err, 0, sizeof(err));
		r = read_through(&fe.env, path, &b, &err);
		assert_int_equal(fe.open_fds, 0);
		assert_int_equal(r, fe.calls >= n ? RAMET_EIO : 0);
		if (r < 0 && b.len == 0)         /* else it was close that failed */
			assert_int_equal(err.sys, EACCES);
		ramet_buf_reset(&b);
	} while (r < 0);
	assert_true(n > 8);
	ramet_buf_release(&b);
}

static void file__interrupted_and_short_calls_go_on(void **state)
{
	const char *path = scratch_file("e", "some text", 9);
	struct ramet_buf b = RAMET_BUF_INIT(100);
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.longest = 1;
	fe.interrupt = 1;
	assert_int_equal(read_through(&fe.env, path, &b, NULL), 0);
	assert_string_equal(b.ptr, "some text");
	ramet_buf_release(&b);
}

static void file__survives_every_failing_allocation(void **state)
{
	const char *path = scratch_file("f", "some text", 9);
	struct ramet_buf b = RAMET_BUF_INIT(1000000);
	unsigned n = 0;
	int r;

	(void)state;
	do {
		failing_memory_start(++n);
		r = read_through(NULL, path, &b, NULL);
		ramet_buf_release(&b);
		assert_int_equal(r, failing_memory_stop() ? RAMET_ENOMEM : 0);
	} while (r < 0);
	assert_true(n > 1);
}

/* ---- appending ---- */

static void open_append(struct rameti_file *f, const struct rameti_env *env, const char *path)
{
	f->env = env;
	assert_int_equal(rameti_file_open(f, path, RAMETI_FILE_APPEND, NULL), 0);
}

static void append__is_one_write_and_says_how_much(void **state)
{
	const char *path = scratch_file("appended", "x", 1);
	struct rameti_file f = RAMETI_FILE_INIT;
	struct failing_env fe;
	uint64_t done = 99;
	char text[16];

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.interrupt = 1;
	open_append(&f, &fe.env, path);
	assert_int_equal(rameti_file_append(&f, ramet_bytes_of("abc"), &done, NULL), 0);
	assert_int_equal(done, 3);
	fe.longest = 2;                                  /* the rest is the caller's decision */
	assert_int_equal(rameti_file_append(&f, ramet_bytes_of("def"), &done, NULL), 0);
	assert_int_equal(done, 2);
	assert_int_equal(rameti_file_append(&f, ramet_bytes_of(""), &done, NULL), 0);
	assert_int_equal(done, 0);
	assert_int_equal(rameti_file_read_at(&f, text, sizeof(text), 0, NULL), 6);
	assert_memory_equal(text, "xabcde", 6);
	assert_int_equal(rameti_file_close(&f), 0);
}

static ssize_t write_nothing(void *user, int fd, const void *from, size_t len)
{
	(void)user, (void)fd, (void)from, (void)len;
	return 0;
}

static void append__says_why_nothing_is_there(void **state)
{
	static const int reasons[] = { ENOSPC, EDQUOT, EIO, EFBIG };
	const char *path = scratch_file("full", "x", 1);
	struct rameti_file f = RAMETI_FILE_INIT;
	struct failing_env fe;
	struct ramet_error err;
	uint64_t done;
	size_t i;

	(void)state;
	failing_env_init(&fe, 0, 0);
	open_append(&f, &fe.env, path);
	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		fe.fail_at = fe.calls + 1;
		fe.sys = reasons[i];
		done = 99;
		assert_int_equal(rameti_file_append(&f, ramet_bytes_of("ab"), &done, &err),
				 RAMET_EIO);
		assert_int_equal(err.sys, reasons[i]);
		assert_int_equal(done, 0);
	}
	fe.env.write = write_nothing;                    /* no error, but no bytes either */
	assert_int_equal(rameti_file_append(&f, ramet_bytes_of("ab"), &done, &err), RAMET_EIO);
	assert_int_equal(err.sys, ENOSPC);
	assert_int_equal(rameti_file_close(&f), 0);
}

static void sync__is_repeated_when_interrupted_and_says_what_fails(void **state)
{
	const char *path = scratch_file("synced", "x", 1);
	struct rameti_file f = RAMETI_FILE_INIT;
	struct failing_env fe;
	struct ramet_error err;
	int data_only;

	(void)state;
	for (data_only = 0; data_only < 2; data_only++) {
		failing_env_init(&fe, 0, EIO);
		open_append(&f, &fe.env, path);
		fe.interrupt = 1;
		assert_int_equal(rameti_file_sync(&f, data_only, NULL), 0);
		fe.fail_at = fe.calls + 1;
		assert_int_equal(rameti_file_sync(&f, data_only, &err), RAMET_EIO);
		assert_int_equal(err.sys, EIO);
		assert_string_equal(err.text, "cannot sync: input/output error");
		(void)rameti_file_close(&f);
	}
}

/* ---- locks ---- */

/* A table whose time passes only in sleep; after so many ms somebody lets go of let_go. */
static struct {
	int64_t now_ns, let_go_at_ms;
	struct rameti_file *let_go;
	unsigned sleeps;
} slow;

static int slow_clock(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user;
	assert_int_equal(clock, CLOCK_MONOTONIC);
	ts->tv_sec = 1000 + slow.now_ns / 1000000000;
	ts->tv_nsec = slow.now_ns % 1000000000;
	return 0;
}

static int slow_sleep(void *user, const struct timespec *ts)
{
	(void)user;
	assert_true(ts->tv_sec == 0 && ts->tv_nsec > 0 && ts->tv_nsec <= 16000000);
	slow.now_ns += ts->tv_nsec;
	slow.sleeps++;
	if (slow.let_go && slow.now_ns >= slow.let_go_at_ms * 1000000) {
		rameti_file_unlock(slow.let_go);
		slow.let_go = NULL;
	}
	return 0;
}

static void lock__is_one_holders_at_a_time(void **state)
{
	const char *path = scratch_file("locked", "", 0);
	struct rameti_file a = RAMETI_FILE_INIT, b = RAMETI_FILE_INIT;
	struct ramet_error err;

	(void)state;
	open_append(&a, NULL, path);
	open_append(&b, NULL, path);
	assert_int_equal(rameti_file_lock(&a, 0, NULL), 0);
	assert_int_equal(rameti_file_lock(&a, 0, NULL), 0);      /* its own: no matter */
	assert_int_equal(rameti_file_lock(&b, 0, &err), RAMET_ECONFLICT);
	assert_string_equal(err.text, "another program holds the lock of the file");
	assert_int_equal(flock(b.fd, LOCK_EX | LOCK_NB), -1);    /* it is flock's */
	rameti_file_unlock(&a);
	assert_int_equal(rameti_file_lock(&b, 0, NULL), 0);
	assert_int_equal(rameti_file_lock(&a, 1, NULL), RAMET_ECONFLICT);
	(void)rameti_file_close(&b);                             /* closing lets go */
	assert_int_equal(rameti_file_lock(&a, 0, NULL), 0);
	(void)rameti_file_close(&a);
}

static void lock__waits_as_long_as_it_may(void **state)
{
	const char *path = scratch_file("waited", "", 0);
	struct rameti_file holder = RAMETI_FILE_INIT, f = RAMETI_FILE_INIT;
	struct failing_env fe;

	(void)state;
	failing_env_init(&fe, 0, 0);
	fe.env.clock_gettime = slow_clock;
	fe.env.nanosleep = slow_sleep;
	fe.interrupt = 1;
	open_append(&holder, NULL, path);
	open_append(&f, &fe.env, path);
	assert_int_equal(rameti_file_lock(&holder, 0, NULL), 0);
	memset(&slow, 0, sizeof(slow));
	assert_int_equal(rameti_file_lock(&f, 100, NULL), RAMET_ECONFLICT);
	assert_in_range(slow.now_ns, 100000000, 120000000);
	assert_in_range(slow.sleeps, 5, 30);                     /* longer and longer ones */
	memset(&slow, 0, sizeof(slow));
	slow.let_go = &holder;
	slow.let_go_at_ms = 70;
	assert_int_equal(rameti_file_lock(&f, 100, NULL), 0);
	assert_in_range(slow.now_ns, 70000000, 90000000);
	assert_int_equal(rameti_file_lock(&holder, 0, NULL), RAMET_ECONFLICT);
	(void)rameti_file_close(&f);
	(void)rameti_file_close(&holder);
}

static void lock__says_what_fails_and_does_not_wait_without_a_clock(void **state)
{
	const char *path = scratch_file("nolock", "", 0);
	struct rameti_file holder = RAMETI_FILE_INIT, f = RAMETI_FILE_INIT;
	struct failing_env fe;
	struct ramet_error err;
	unsigned n;

	(void)state;
	failing_env_init(&fe, 0, ENOLCK);
	open_append(&f, &fe.env, path);
	fe.fail_at = fe.calls + 1;
	assert_int_equal(rameti_file_lock(&f, 5000, &err), RAMET_EIO);
	assert_int_equal(err.sys, ENOLCK);
	open_append(&holder, NULL, path);
	assert_int_equal(rameti_file_lock(&holder, 0, NULL), 0);
	for (n = 2; n < 5; n += 2) {                             /* behind each flock: the clock */
		fe.fail_at = fe.calls + n;
		assert_int_equal(rameti_file_lock(&f, 10, NULL), RAMET_ECONFLICT);
	}
	(void)rameti_file_close(&f);
	(void)rameti_file_close(&holder);
}

/* ---- directories ---- */

struct seen {
	unsigned n, dirs, files, links;
	int stop_with;
};

static int note(void *user, const char *name, unsigned char type)
{
	struct seen *s = user;

	assert_string_not_equal(name, ".");
	assert_string_not_equal(name, "..");
	s->n++;
	s->dirs += type == DT_DIR;
	s->files += type == DT_REG;
	s->links += type == DT_LNK;
	return s->stop_with;
}

static const char *some_dir(void)
{
	const char *dir = scratch_path("walk");

	mkdir(dir, 0700);
	mkdir(scratch_path("walk/sub"), 0700);
	(void)symlink("nowhere", scratch_path("walk/link"));
	scratch_file("walk/file", "", 0);
	return dir;
}

static void dir__tells_names_and_types(void **state)
{
	struct failing_env fe;
	struct seen s = { 0, 0, 0, 0, 0 };
	const char *dir = some_dir();

	(void)state;
	assert_int_equal(rameti_dir_each(NULL, dir, note, &s, NULL), 0);
	failing_env_init(&fe, 0, 0);
	fe.no_types = 1;
	assert_int_equal(rameti_dir_each(&fe.env, dir, note, &s, NULL), 0);
	assert_int_equal(s.n, 6);
	assert_int_equal(s.dirs, 2);
	assert_int_equal(s.files, 2);
	assert_int_equal(s.links, 2);
	s.stop_with = 5;
	assert_int_equal(rameti_dir_each(NULL, dir, note, &s, NULL), 5);
	assert_int_equal(s.n, 7);
}

static void dir__says_what_is_wrong(void **state)
{
	struct ramet_error err;
	struct seen s = { 0, 0, 0, 0, 0 };
	const char *dir = some_dir();
	struct failing_env fe;
	unsigned n;

	(void)state;
	assert_int_equal(rameti_dir_each(NULL, scratch_path("no"), note, &s, &err),
			 RAMET_ENOTFOUND);
	assert_int_equal(rameti_dir_each(NULL, scratch_path("walk/file"), note, &s, &err),
			 RAMET_ENOTFOUND);
	for (n = 1; n < 7; n++) {
		failing_env_init(&fe, n, EIO);
		assert_int_equal(rameti_dir_each(&fe.env, dir, note, &s, &err), RAMET_EIO);
		assert_string_equal(err.path, dir);
		assert_int_equal(fe.open_fds, 0);
	}
}

static void path_stat__leaves_the_output_alone_on_failure(void **state)
{
	struct ramet_error err;
	struct stat st = { .st_size = 77 };

	(void)state;
	assert_int_equal(rameti_path_stat(NULL, scratch_path("nothing"), &st, &err),
			 RAMET_ENOTFOUND);
	assert_int_equal(st.st_size, 77);
	assert_int_equal(rameti_path_stat(NULL, scratch_file("g", "1", 1), &st, &err), 0);
	assert_int_equal(st.st_size, 1);
}

static void file__says_what_a_path_names_only_if_that_is_why(void **state)
{
	static const int reasons[] = { EISDIR, ENXIO, ENODEV };
	const char *path = scratch_file("h", "x", 1);
	struct ramet_error err;
	struct failing_env fe;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct rameti_file f = { &fe.env, -1 };

		failing_env_init(&fe, 1, reasons[i]);
		assert_int_equal(rameti_file_open(&f, path, RAMETI_FILE_READ, &err), RAMET_EIO);
		assert_int_equal(err.sys, reasons[i]);
		failing_env_init(&fe, 1, reasons[i]);
		assert_int_equal(rameti_file_open(&f, scratch_path("none"), RAMETI_FILE_READ, &err),
				 RAMET_EIO);
		assert_int_equal(err.sys, reasons[i]);
	}
}

static void file__places_beyond_the_largest_file_are_refused(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	char text[8];

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("i", "x", 1), RAMETI_FILE_READ, NULL),
			 0);
	assert_int_equal(rameti_file_read_at(&f, text, 8, (uint64_t)INT64_MAX - 7, NULL),
			 RAMET_EINVAL);
	(void)rameti_file_close(&f);
}

static void file__read_all_leaves_a_buffer_that_failed_and_one_without_need(void **state)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf none = RAMET_BUF_INIT(0), failed = RAMET_BUF_INIT(1);
	struct ramet_error err;

	(void)state;
	assert_int_equal(rameti_file_open(&f, scratch_file("j", "", 0), RAMETI_FILE_READ, NULL), 0);
	assert_int_equal(rameti_file_read_all(&f, &none, NULL), 0);
	assert_null(none.ptr);
	ramet_buf_add_str(&failed, "too long");
	assert_int_equal(rameti_file_read_all(&f, &failed, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "the buffer has failed before");
	(void)rameti_file_close(&f);
	ramet_buf_release(&failed);
}

/* A name whose type cannot be had is told all the same. */
static void dir__a_type_that_cannot_be_had_is_unknown(void **state)
{
	struct seen s = { 0, 0, 0, 0, 0 };
	const char *dir = some_dir();
	struct failing_env fe;
	unsigned n, fewer = 0;

	(void)state;
	for (n = 1; n < 12; n++) {
		memset(&s, 0, sizeof(s));
		failing_env_init(&fe, n, EACCES);
		fe.no_types = 1;
		if (!rameti_dir_each(&fe.env, dir, note, &s, NULL) && s.n == 3)
			fewer += s.dirs + s.files + s.links == 2;
	}
	assert_int_equal(fewer, 3);
	memset(&s, 0, sizeof(s));
	failing_env_init(&fe, 0, 0);
	fe.no_types = 1;
	failing_memory_start(1);
	assert_int_equal(rameti_dir_each(&fe.env, dir, note, &s, NULL), 0);
	assert_int_equal(failing_memory_stop(), 1);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.dirs + s.files + s.links, 2);
}

static ssize_t long_link(void *user, const char *path, char *to, size_t len)
{
	(void)user, (void)path;
	memset(to, 'a', len);
	return (ssize_t)len;
}

static void path_follow__says_why_it_stops(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	char to[300];
	struct ramet_error err;
	struct failing_env fe;
	unsigned n, reached = 1;
	const char *link = scratch_path("link");

	(void)state;
	memset(to, 't', sizeof(to) - 1);
	to[sizeof(to) - 1] = '\0';
	assert_int_equal(symlink(to, link), 0);
	failing_env_init(&fe, 0, 0);
	fe.env.readlink = long_link;
	assert_int_equal(rameti_path_follow(&fe.env, link, &b, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "a link that is too long");
	for (n = 1; reached; n++) {
		int r;

		failing_memory_start(n);
		r = rameti_path_follow(NULL, link, &b, &err);
		ramet_buf_release(&b);
		reached = (unsigned)failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	assert_true(n > 3);
	(void)unlink(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file__opens_and_reads_a_file),
		cmocka_unit_test(file__append_writes_behind_the_end),
		cmocka_unit_test(file__append_opens_files_of_other_users),
		cmocka_unit_test(file__refuses_what_is_no_file_without_waiting),
		cmocka_unit_test(file__read_all_keeps_to_the_limit),
		cmocka_unit_test(file__survives_every_failing_call),
		cmocka_unit_test(file__interrupted_and_short_calls_go_on),
		cmocka_unit_test(file__survives_every_failing_allocation),
		cmocka_unit_test(append__is_one_write_and_says_how_much),
		cmocka_unit_test(append__says_why_nothing_is_there),
		cmocka_unit_test(sync__is_repeated_when_interrupted_and_says_what_fails),
		cmocka_unit_test(lock__is_one_holders_at_a_time),
		cmocka_unit_test(lock__waits_as_long_as_it_may),
		cmocka_unit_test(lock__says_what_fails_and_does_not_wait_without_a_clock),
		cmocka_unit_test(dir__tells_names_and_types),
		cmocka_unit_test(dir__says_what_is_wrong),
		cmocka_unit_test(path_stat__leaves_the_output_alone_on_failure),
		cmocka_unit_test(file__says_what_a_path_names_only_if_that_is_why),
		cmocka_unit_test(file__places_beyond_the_largest_file_are_refused),
		cmocka_unit_test(file__read_all_leaves_a_buffer_that_failed_and_one_without_need),
		cmocka_unit_test(dir__a_type_that_cannot_be_had_is_unknown),
		cmocka_unit_test(path_follow__says_why_it_stops),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

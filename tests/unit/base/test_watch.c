/*
 * test_watch.c - whatever happens to a name is noticed, what happens beside it is not, and nothing
 * needs the system to tell.
 */
#include "base/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

#define SOON 200                                 /* told by the system: well before a slow look */
#define NOT 60

static struct rameti_watch w;

/* ---- systems ---- */

static struct {
	int no_init, no_add, no_read, no_poll, no_clock, interrupts;
	unsigned polls;
} sys;
static struct failing_env calls;

static int may_init(void *user, int flags)
{
	errno = sys.no_init;
	return sys.no_init ? -1 : rameti_env_posix()->inotify_init1(user, flags);
}

static int may_add(void *user, int fd, const char *path, uint32_t mask)
{
	errno = sys.no_add;
	return sys.no_add ? -1 : rameti_env_posix()->inotify_add_watch(user, fd, path, mask);
}

static ssize_t may_read(void *user, int fd, void *to, size_t len)
{
	errno = sys.no_read;
	return sys.no_read ? -1 : rameti_env_posix()->read(user, fd, to, len);
}

static int may_poll(void *user, struct pollfd *fds, unsigned n, int timeout_ms)
{
	sys.polls++;
	if (sys.interrupts && sys.interrupts--) {
		errno = EINTR;
		return -1;
	}
	errno = sys.no_poll;
	return sys.no_poll ? -1 : rameti_env_posix()->poll(user, fds, n, timeout_ms);
}

static int may_clock(void *user, clockid_t clock, struct timespec *ts)
{
	errno = sys.no_clock;
	return sys.no_clock ? -1 : rameti_env_posix()->clock_gettime(user, clock, ts);
}

static int start(void **state)
{
	static const struct rameti_watch none = RAMETI_WATCH_INIT;

	(void)state;
	memset(&sys, 0, sizeof(sys));
	w = none;
	failing_env_init(&calls, 0, 0);
	calls.env.inotify_init1 = may_init;
	calls.env.inotify_add_watch = may_add;
	calls.env.read = may_read;
	calls.env.poll = may_poll;
	calls.env.clock_gettime = may_clock;
	w.env = &calls.env;
	return mkdir(scratch_path("d"), 0700);
}

static int end(void **state)
{
	(void)state;
	rameti_watch_close(&w);
	(void)unlink(scratch_path("d/f"));
	(void)unlink(scratch_path("d/other"));
	(void)unlink(scratch_path("f"));
	return rmdir(scratch_path("d"));
}

/* ---- what is done, and what is noticed ---- */

static void put(const char *name, const char *text)
{
	(void)scratch_file(name, text, strlen(text));
}

static void add(const char *name, const char *text)
{
	FILE *f = fopen(scratch_path(name), "ab");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void watch(const char *name, uint32_t poll_ms)
{
	assert_int_equal(rameti_watch_open(&w, scratch_path(name), poll_ms, NULL), 0);
}

static int waits(int64_t ms)
{
	return rameti_watch_wait(&w, rameti_watch_now(&w) + ms, NULL);
}

/* Told until nothing is left. */
static void told(void)
{
	assert_int_equal(waits(SOON), 1);
	while (waits(NOT) > 0)
		;
}

static void watch__notices_what_happens_to_a_file(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	assert_int_equal(waits(NOT), 0);
	add("d/f", "two");
	told();
	assert_int_equal(truncate(scratch_path("d/f"), 1), 0);
	told();
	put("f", "three");
	assert_int_equal(rename(scratch_path("f"), scratch_path("d/f")), 0);
	told();
	add("d/f", "the new one");
	told();
	assert_int_equal(unlink(scratch_path("d/f")), 0);
	told();
	put("d/f", "again");
	told();
	assert_int_equal(rename(scratch_path("d/f"), scratch_path("f")), 0);
	told();
	assert_int_equal(linkat(AT_FDCWD, scratch_path("f"), AT_FDCWD, scratch_path("d/f"), 0), 0);
	told();
}

static void watch__notices_what_happened_before_the_wait(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	add("d/f", "two");
	assert_int_equal(waits(SOON), 1);
	put("f", "three");
	assert_int_equal(rename(scratch_path("f"), scratch_path("d/f")), 0);
	add("d/f", "four");
	told();
}

static void watch__waits_for_what_is_not_there(void **state)
{
	(void)state;
	watch("d/f", 0);
	assert_int_equal(waits(NOT), 0);
	put("d/f", "one");
	told();
	assert_int_equal(unlink(scratch_path("d/f")), 0);
	assert_int_equal(rmdir(scratch_path("d")), 0);
	told();
	/* from now on it has to look */
	assert_int_equal(waits(RAMETI_WATCH_POLL_MS * 2), 1);
	assert_int_equal(mkdir(scratch_path("d"), 0700), 0);
	put("d/f", "two");
	assert_int_equal(waits(RAMETI_WATCH_POLL_MS * 2), 1);
	add("d/f", "three");
	told();
}

static void watch__does_not_mind_the_neighbours(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	put("d/other", "x");
	assert_int_equal(rename(scratch_path("d/other"), scratch_path("d/ff")), 0);
	assert_int_equal(unlink(scratch_path("d/ff")), 0);
	assert_int_equal(waits(NOT), 0);
}

static void watch__forgets_the_file_that_was(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	assert_int_equal(rename(scratch_path("d/f"), scratch_path("d/other")), 0);
	put("d/f", "two");
	told();
	add("d/other", "x");
	assert_int_equal(waits(NOT), 0);
}

static void watch__looks_now_and_then_all_the_same(void **state)
{
	int64_t begun;

	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	begun = rameti_watch_now(&w);
	assert_int_equal(rameti_watch_wait(&w, INT64_MAX, NULL), 1);
	assert_in_range(rameti_watch_now(&w) - begun, RAMETI_WATCH_SLOW_MS,
			RAMETI_WATCH_SLOW_MS * 3);
	assert_in_range(sys.polls, 1, 3);
}

/* ---- systems that do not tell ---- */

static void looks_often(void)
{
	int64_t begun;

	sys.polls = 0;
	begun = rameti_watch_now(&w);
	assert_int_equal(waits(SOON * 10), 1);
	assert_int_equal(waits(SOON * 10), 1);
	assert_in_range(rameti_watch_now(&w) - begun, 40, SOON * 10);
	assert_in_range(sys.polls, 2, 4);
	assert_int_equal(waits(5), 0);
	assert_int_equal(waits(0), 0);
	assert_int_equal(waits(-1), 0);
}

static void watch__needs_no_system_that_tells(void **state)
{
	(void)state;
	put("d/f", "one");
	sys.no_init = ENOSYS;
	watch("d/f", 20);
	looks_often();
}

static void watch__needs_no_room_for_watches(void **state)
{
	(void)state;
	put("d/f", "one");
	sys.no_add = ENOSPC;
	watch("d/f", 20);
	looks_often();
	/* asks again at every look */
	sys.no_add = 0;
	assert_int_equal(waits(SOON), 1);
	assert_int_equal(waits(NOT), 0);
	add("d/f", "two");
	told();
}

static void watch__goes_on_without_a_system_that_fails(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 20);
	sys.no_read = EIO;
	add("d/f", "two");
	assert_int_equal(waits(SOON), 1);
	looks_often();
}

static void watch__tells_that_it_cannot_wait(void **state)
{
	struct ramet_error err;

	(void)state;
	watch("d/f", 20);
	sys.no_poll = ENOMEM;
	assert_int_equal(rameti_watch_wait(&w, INT64_MAX, &err), RAMET_ENOMEM);
	sys.no_poll = EFAULT;
	assert_int_equal(rameti_watch_wait(&w, INT64_MAX, &err), RAMET_EIO);
	assert_int_equal(err.sys, EFAULT);
}

static void watch__outlasts_signals(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", 0);
	sys.interrupts = 5;
	assert_int_equal(waits(NOT), 0);
	sys.interrupts = 5;
	add("d/f", "two");
	told();
}

static void watch__ends_without_a_clock(void **state)
{
	(void)state;
	put("d/f", "one");
	sys.no_clock = EINVAL;
	watch("d/f", 20);
	assert_int_equal(waits(NOT), 0);
	assert_int_equal(rameti_watch_wait(&w, INT64_MAX, NULL), 1);
}

static void watch__gives_everything_back(void **state)
{
	struct ramet_error err;
	unsigned n;
	int r;

	(void)state;
	rameti_watch_close(&w);
	for (n = 1; n < 10; n++) {
		failing_memory_start(n);
		r = rameti_watch_open(&w, scratch_path("d/f"), 0, &err);
		assert_true(r == 0 || (r == RAMET_ENOMEM && err.code == r));
		rameti_watch_close(&w);
		if (!failing_memory_stop())
			break;
	}
	assert_in_range(n, 2, 9);
}

/* ---- what the system tells ---- */

static struct {
	char text[200];
	size_t len;
	int sys, left;                           /* an errno, or times the text is told */
} said;

static void say(int wd, uint32_t claimed_len, const char *name, size_t len)
{
	struct inotify_event e = { .wd = wd, .mask = IN_CREATE, .len = claimed_len };

	memcpy(said.text + said.len, &e, sizeof(e));
	memcpy(said.text + said.len + sizeof(e), name, len);
	said.len += sizeof(e) + len;
}

static ssize_t read_said(void *user, int fd, void *to, size_t len)
{
	(void)user, (void)fd, (void)len;
	if (said.left == 0) {
		errno = said.sys;
		return said.sys ? -1 : 0;
	}
	if (said.left > 0)
		said.left--;
	memcpy(to, said.text, said.len);
	return (ssize_t)said.len;
}

static int poll_said(void *user, struct pollfd *fds, unsigned n, int timeout_ms)
{
	(void)user, (void)fds, (void)timeout_ms;
	sys.polls++;
	return n && said.len ? 1 : 0;
}

static int is_told(int wd, uint32_t claimed_len, const char *name, size_t len)
{
	said.len = 0;
	said.sys = EAGAIN;
	said.left = 1;
	say(wd, claimed_len, name, len);
	sys.polls = 0;
	return waits(RAMETI_WATCH_SLOW_MS * 2) == 1 && sys.polls == 1;
}

static void watch__takes_what_is_said_of_its_name_only(void **state)
{
	(void)state;
	put("d/f", "one");
	calls.env.read = read_said;
	calls.env.poll = poll_said;
	watch("d/f", 0);
	said.len = 0;
	assert_true(is_told(-1, 0, "", 0));              /* some were lost */
	assert_true(is_told(w.file_wd, 0, "", 0));
	assert_true(is_told(w.dir_wd, 0, "", 0));        /* the directory itself */
	assert_true(is_told(w.dir_wd, 4, "f\0\0", 4));
	assert_false(is_told(w.dir_wd, 4, "g\0\0", 4));
	assert_false(is_told(w.file_wd + w.dir_wd + 1, 0, "", 0));   /* of a watch given up */
	assert_false(is_told(w.dir_wd, 400, "f\0\0", 4));    /* longer than what was read */
	assert_true(w.fd >= 0);
}

static void watch__of_a_name_that_is_its_own_directory(void **state)
{
	(void)state;
	calls.env.read = read_said;
	calls.env.poll = poll_said;
	watch("d/.", 0);
	assert_int_equal(w.file_wd, w.dir_wd);
	assert_true(is_told(w.dir_wd, 0, "", 0));
	assert_false(is_told(w.dir_wd, 4, "g\0\0", 4));
}

static void watch__does_not_listen_for_ever(void **state)
{
	(void)state;
	put("d/f", "one");
	calls.env.read = read_said;
	calls.env.poll = poll_said;
	watch("d/f", 20);
	said.len = 0;
	say(w.file_wd, 0, "", 0);
	said.left = -1;                                  /* no end */
	assert_int_equal(waits(SOON), 1);
	assert_true(w.fd >= 0);
	said.left = 3;                                   /* then the end of a file that has none */
	said.sys = 0;
	assert_int_equal(waits(SOON), 1);
	assert_int_equal(w.fd, -1);
}

static void watch__interrupted_while_listening_goes_on(void **state)
{
	(void)state;
	put("d/f", "one");
	calls.env.read = read_said;
	calls.env.poll = poll_said;
	watch("d/f", 20);
	said.len = 0;
	say(w.file_wd, 0, "", 0);
	said.left = 0;
	said.sys = EINTR;
	assert_int_equal(waits(SOON), 1);
	assert_true(w.fd >= 0);
}

static void watch__an_endless_pause_is_cut_to_what_can_be_waited(void **state)
{
	(void)state;
	put("d/f", "one");
	watch("d/f", UINT32_MAX);
	assert_true(w.poll_ms == INT32_MAX);
	assert_int_equal(waits(5), 0);
}

static void watch__of_a_file_that_cannot_be_watched_looks_often(void **state)
{
	(void)state;
	/* a name in what is no directory: neither there nor missing */
	put("d/f", "one");
	watch("d/f/x", 20);
	looks_often();
}

#define with_directory(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_directory(watch__notices_what_happens_to_a_file),
		with_directory(watch__notices_what_happened_before_the_wait),
		with_directory(watch__waits_for_what_is_not_there),
		with_directory(watch__does_not_mind_the_neighbours),
		with_directory(watch__forgets_the_file_that_was),
		with_directory(watch__looks_now_and_then_all_the_same),
		with_directory(watch__needs_no_system_that_tells),
		with_directory(watch__needs_no_room_for_watches),
		with_directory(watch__goes_on_without_a_system_that_fails),
		with_directory(watch__tells_that_it_cannot_wait),
		with_directory(watch__outlasts_signals),
		with_directory(watch__ends_without_a_clock),
		with_directory(watch__gives_everything_back),
		with_directory(watch__takes_what_is_said_of_its_name_only),
		with_directory(watch__of_a_name_that_is_its_own_directory),
		with_directory(watch__does_not_listen_for_ever),
		with_directory(watch__interrupted_while_listening_goes_on),
		with_directory(watch__an_endless_pause_is_cut_to_what_can_be_waited),
		with_directory(watch__of_a_file_that_cannot_be_watched_looks_often),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

/*
 * bench/bench_log.c - the log engine: threads, batches and catching up, each against what the
 * system itself takes.
 *
 *     bench_log threads N MESSAGES DIR     N threads, a session each, level `each`; and by turns,
 *         50 lines each, the same lines by write and fdatasync: the disk is not always as fast
 *     bench_log batch N MESSAGES DIR       one thread, N messages a call, level `each`
 *     bench_log catchup N SESSION -        another descriptor appends a line, N times; refresh
 *
 * Prints one JSON line: milliseconds in all, for threads those of both; for catchup the median
 * microseconds of a refresh.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ramet.h"

#define LINES_MAX 100000
#define THREADS_MAX 64
#define TURN 50u

static struct ramet_bytes lines[LINES_MAX], stored[LINES_MAX]; /* messages, and their entries */
static size_t n_lines;

struct job {
	pthread_t thread;
	struct ramet_session *session;
	pthread_barrier_t *turn;
	double ms[2];
	int fd, failed;
};

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static size_t split(struct ramet_bytes text, struct ramet_bytes *into)
{
	size_t n = 0;

	while (text.len && n < LINES_MAX) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		into[n].ptr = text.ptr;
		into[n++].len = len;
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
	return n;
}

static int read_all(const char *path, struct ramet_buf *text)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, NULL);

	if (r < 0)
		return r;
	r = rameti_file_read_all(&f, text, NULL) < 0 ? -1 : 0;
	return rameti_file_close(&f) < 0 ? -1 : r;
}

static int append(struct job *j, size_t first, size_t n, size_t a_call)
{
	size_t i, k;

	for (i = first; i < first + n && !j->failed; i += k) {
		k = first + n - i < a_call ? first + n - i : a_call;
		j->failed = ramet_session_append_messages(j->session, lines + i, k, NULL, NULL) < 0;
	}
	return j->failed;
}

static int write_lines(struct job *j, size_t first, size_t n)
{
	size_t i;

	for (i = first; i < first + n && !j->failed; i++)
		j->failed = write(j->fd, stored[i].ptr, stored[i].len + 1) < 0 ||
			    fdatasync(j->fd) < 0;
	return j->failed;
}

static void add_time(struct job *j, int which, double start)
{
	(void)pthread_barrier_wait(j->turn);         /* until the slowest is done */
	j->ms[which] += now_ms() - start;
}

static void *run_turns(void *arg)
{
	struct job *j = arg;
	double start;
	size_t i, n;

	for (i = 0; i < n_lines; i += n) {
		n = n_lines - i < TURN ? n_lines - i : TURN;
		(void)pthread_barrier_wait(j->turn);
		start = now_ms();
		(void)append(j, i, n, 1);
		add_time(j, 0, start);
		(void)pthread_barrier_wait(j->turn);
		start = now_ms();
		(void)write_lines(j, i, n);
		add_time(j, 1, start);
	}
	return NULL;
}

static int open_both(struct job *j, const char *dir, size_t number)
{
	const struct ramet_create_opts opts = { .dir = dir, .write_now = 1 };
	char path[RAMET_ERROR_PATH];

	(void)snprintf(path, sizeof(path), "%s/bare-%zu", dir, number);
	j->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return ramet_session_create(&j->session, "/home/dev/project", &opts, NULL) < 0 || j->fd < 0;
}

static int close_both(struct job *j)
{
	ramet_session_close(j->session);
	return j->failed | (close(j->fd) < 0);
}

/* The lines of a session that holds them all. */
static int store(const char *dir, struct ramet_buf *text)
{
	struct job j = { .fd = -1 };
	int failed = open_both(&j, dir, THREADS_MAX) || append(&j, 0, n_lines, n_lines) ||
		     read_all(ramet_session_path(j.session), text) < 0;
	struct ramet_bytes all = ramet_buf_bytes(text);
	const char *end = all.len ? memchr(all.ptr, '\n', all.len) : NULL;

	if (end) {
		all.len -= (size_t)(end + 1 - all.ptr);
		all.ptr = end + 1;
	}
	failed |= !end || split(all, stored) != n_lines;
	return failed | close_both(&j);
}

static int run_threads(size_t n, const char *dir)
{
	static struct job jobs[THREADS_MAX];
	struct ramet_buf text = RAMET_BUF_INIT((size_t)1 << 30);
	pthread_barrier_t turn;
	size_t i;
	int failed = store(dir, &text) || pthread_barrier_init(&turn, NULL, (unsigned)n) != 0;

	for (i = 0; i < n; i++) {
		jobs[i].turn = &turn;
		failed |= open_both(&jobs[i], dir, i);
	}
	for (i = 0; i < n && !failed; i++)
		failed = pthread_create(&jobs[i].thread, NULL, run_turns, &jobs[i]) != 0;
	for (i = 0; i < n && !failed; i++)
		(void)pthread_join(jobs[i].thread, NULL);
	for (i = 0; i < n; i++)
		failed |= close_both(&jobs[i]);
	(void)printf("{\"ms\":[%.3f,%.3f],\"lines\":%zu}\n", jobs[0].ms[0], jobs[0].ms[1],
		     n * n_lines);
	ramet_buf_release(&text);
	return failed;
}

static int run_batches(size_t a_call, const char *dir)
{
	struct job j = { .fd = -1 };
	double start;
	int failed = open_both(&j, dir, 0);

	start = now_ms();
	if (!failed)
		failed = append(&j, 0, n_lines, a_call);
	(void)printf("{\"ms\":%.3f,\"lines\":%zu}\n", now_ms() - start, n_lines);
	return failed | close_both(&j);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int catch_up(size_t n, const char *path)
{
	static const char format[] =
		"{\"type\":\"custom\",\"customType\":\"bench\",\"id\":\"other%03zu\","
		"\"parentId\":null,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n";
	struct ramet_session *s = NULL;
	double us[1000];
	char line[256];
	size_t i;
	int r = ramet_session_open(&s, path, NULL, NULL);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	for (i = 0; r >= 0 && fd >= 0 && i < n && i < 1000; i++) {
		int len = snprintf(line, sizeof(line), format, i);

		r = write(fd, line, (size_t)len) == len ? 0 : -1;
		us[i] = now_ms();
		r = r < 0 ? r : ramet_session_refresh(s, NULL);
		us[i] = (now_ms() - us[i]) * 1e3;
	}
	ramet_session_close(s);
	(void)close(fd);
	qsort(us, i, sizeof(*us), by_size);
	(void)printf("{\"us\":%.1f}\n", i ? us[i / 2] : 0.0);
	return r != 1;
}

int main(int argc, char **argv)
{
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);
	size_t n = argc == 5 ? (size_t)strtoul(argv[2], NULL, 10) : 0;

	if (!n || n > 1000) {
		(void)fputs("usage: bench_log threads|batch|catchup N FILE DIR\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "catchup"))
		return catch_up(n, argv[3]);
	if (read_all(argv[3], &b) < 0)
		return 1;
	n_lines = split(ramet_buf_bytes(&b), lines);
	if (!strcmp(argv[1], "batch"))
		return run_batches(n, argv[4]);
	return run_threads(n < THREADS_MAX ? n : THREADS_MAX, argv[4]);
}

/*
 * bench/bench_log.c - the log engine: threads, batches and catching up, each against what the
 * system itself takes.
 *
 *     bench_log threads N MESSAGES DIR     N threads, a session each, level `each`
 *     bench_log floor N MESSAGES DIR       the same bytes by write and fdatasync
 *     bench_log batch N MESSAGES DIR       one thread, N messages a call, level `each`
 *     bench_log catchup N SESSION -        another descriptor appends a line, N times; refresh
 *
 * Prints one JSON line: milliseconds in all; for catchup the median microseconds of a refresh.
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

static struct ramet_bytes lines[LINES_MAX];
static size_t n_lines;

struct job {
	pthread_t thread;
	struct ramet_session *session;
	char path[RAMET_ERROR_PATH];
	size_t batch;
	int fd, failed;
};

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void split(struct ramet_bytes text)
{
	while (text.len && n_lines < LINES_MAX) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		lines[n_lines].ptr = text.ptr;
		lines[n_lines++].len = len;
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
}

static void *append_all(void *arg)
{
	struct job *j = arg;
	size_t i, n;

	for (i = 0; i < n_lines && !j->failed; i += n) {
		n = n_lines - i < j->batch ? n_lines - i : j->batch;
		j->failed = ramet_session_append_messages(j->session, lines + i, n, NULL, NULL) < 0;
	}
	return NULL;
}

static void *write_all(void *arg)
{
	struct job *j = arg;
	size_t i;

	for (i = 0; i < n_lines && !j->failed; i++)
		j->failed = write(j->fd, lines[i].ptr, lines[i].len + 1) < 0 ||
			    fdatasync(j->fd) < 0;
	return NULL;
}

static int prepare(struct job *j, const char *dir, int bare)
{
	const struct ramet_create_opts opts = { .dir = dir, .write_now = 1 };

	if (!bare)
		return ramet_session_create(&j->session, "/home/dev/project", &opts, NULL);
	j->fd = open(j->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return j->fd;
}

static int run_jobs(size_t n, size_t batch, const char *dir, int bare)
{
	static struct job jobs[THREADS_MAX];
	double start;
	size_t i;
	int failed = 0;

	for (i = 0; i < n; i++) {
		jobs[i].batch = batch;
		(void)snprintf(jobs[i].path, sizeof(jobs[i].path), "%s/bare-%zu", dir, i);
		failed |= prepare(&jobs[i], dir, bare) < 0;
	}
	start = now_ms();
	if (n == 1 && !failed)
		(void)(bare ? write_all : append_all)(&jobs[0]);
	for (i = 0; i < n && n > 1 && !failed; i++)
		failed = pthread_create(&jobs[i].thread, NULL, bare ? write_all : append_all,
					&jobs[i]) != 0;
	for (i = 0; i < n && n > 1 && !failed; i++)
		(void)pthread_join(jobs[i].thread, NULL);
	start = now_ms() - start;
	for (i = 0; i < n; i++) {
		failed |= jobs[i].failed;
		ramet_session_close(jobs[i].session);
		if (bare)
			(void)close(jobs[i].fd);
	}
	(void)printf("{\"ms\":%.3f,\"lines\":%zu}\n", start, n * n_lines);
	return failed;
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
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);
	size_t n = argc == 5 ? (size_t)strtoul(argv[2], NULL, 10) : 0;

	if (!n || n > 1000) {
		(void)fputs("usage: bench_log threads|floor|batch|catchup N FILE DIR\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "catchup"))
		return catch_up(n, argv[3]);
	if (rameti_file_open(&f, argv[3], RAMETI_FILE_READ, NULL) < 0 ||
	    rameti_file_read_all(&f, &b, NULL) < 0)
		return 1;
	split(ramet_buf_bytes(&b));
	if (!strcmp(argv[1], "batch"))
		return run_jobs(1, n, argv[4], 0);
	return run_jobs(n < THREADS_MAX ? n : THREADS_MAX, 1, argv[4], !strcmp(argv[1], "floor"));
}

/*
 * bench/bench_sqlite.c - appends to a session in a database (sqlite:FILE#ID), level `each`.
 *
 *     bench_sqlite N MESSAGES DIR        N messages a call
 *
 * Prints one JSON line: the milliseconds of the appends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "ramet.h"
#include "store/home_sqlite.h"

#define LINES_MAX 100000
#define HEADER                                                                                     \
	"{\"type\":\"session\",\"version\":3,\"id\":\"bench\","                                    \
	"\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n"

static struct ramet_bytes lines[LINES_MAX];
static size_t n_lines;

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

static int make(const char *path, struct ramet_error *err)
{
	struct rameti_sqlite_opts opts = { 1, RAMET_LEVEL_EACH, 0 };
	struct rameti_sqlite_end end;
	struct rameti_sqlite *h;
	int r = rameti_sqlite_open(&h, path, &opts, err);

	if (r < 0)
		return r;
	r = rameti_sqlite_create(h, ramet_bytes_of(HEADER), &end, err);
	rameti_sqlite_close(h);
	return r;
}

static int run(const char *dir, size_t batch, struct ramet_error *err)
{
	char path[RAMET_ERROR_PATH], url[RAMET_ERROR_PATH + 16];
	struct ramet_session *s;
	double start;
	size_t i, n;
	int r;

	(void)snprintf(path, sizeof(path), "%s/bench.db", dir);
	(void)snprintf(url, sizeof(url), "sqlite:%s#bench", path);
	r = make(path, err);
	if (!r)
		r = ramet_session_open(&s, url, NULL, err);
	if (r < 0)
		return r;
	start = now_ms();
	for (i = 0; !r && i < n_lines; i += n) {
		n = n_lines - i < batch ? n_lines - i : batch;
		r = ramet_session_append_messages(s, lines + i, n, NULL, err);
	}
	if (!r)
		(void)printf("{\"ms\":%.3f}\n", now_ms() - start);
	ramet_session_close(s);
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH];
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_error err;
	size_t batch;
	int r;

	if (argc != 4 || sscanf(argv[1], "%zu", &batch) != 1 || !batch) {
		(void)fputs("usage: bench_sqlite N MESSAGES DIR\n", stderr);
		return 2;
	}
	r = rameti_file_open(&f, argv[2], RAMETI_FILE_READ, &err);
	if (!r)
		r = rameti_file_read_all(&f, &b, &err);
	if (!r) {
		split(ramet_buf_bytes(&b));
		r = run(argv[3], batch, &err);
	}
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		(void)fprintf(stderr, "bench_sqlite: %s\n", text);
	}
	(void)rameti_file_close(&f);
	ramet_buf_release(&b);
	return r < 0;
}

/*
 * bench/bench_append.c - appends messages to a new session, once, in a fresh process.
 *
 *     bench_append one|batch|each MESSAGES DIR       a message a line, to a new session in DIR
 *     bench_append floor[-each|-write] SESSION DIR   the lines of a session, bare system calls
 *
 * one: a call a message; batch: a call a hundred messages; both at level `none`. each: as one, at
 * level `each`. floor: lock, two stats, read of the tail, write, unlock; floor-each: write and
 * fdatasync; floor-write: write alone. Prints one JSON line: the time of the appends alone and the
 * size and path of the file.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ramet.h"

#define BATCH 100
#define LINES_MAX 100000

struct lines {
	struct ramet_bytes at[LINES_MAX]; /* without their newlines */
	size_t n;
};

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int print(double ms, size_t n, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		return 1;
	}
	(void)printf("{\"ms\":%.3f,\"entries\":%zu,\"bytes\":%" PRIu64 ",\"path\":\"%s\"}\n", ms, n,
		     (uint64_t)st.st_size, path);
	return 0;
}

static void split(struct ramet_bytes text, struct lines *lines)
{
	while (text.len && lines->n < LINES_MAX) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - (const char *)text.ptr) : text.len;

		lines->at[lines->n].ptr = text.ptr;
		lines->at[lines->n++].len = len;
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
}

static int append(struct ramet_session *s, const struct lines *lines, size_t batch,
		  struct ramet_error *err)
{
	char ids[BATCH][RAMET_ID_SIZE];
	size_t i, n;
	int r = 0;

	for (i = 0; r >= 0 && i < lines->n; i += n) {
		n = lines->n - i < batch ? lines->n - i : batch;
		r = batch == 1 ? ramet_session_append_message(s, lines->at[i], ids[0], err)
			       : ramet_session_append_messages(s, lines->at + i, n, ids, err);
	}
	return r;
}

static int run(const char *mode, const struct lines *lines, const char *dir)
{
	struct ramet_create_opts opts = { .dir = dir, .level = RAMET_LEVEL_NONE };
	struct ramet_session *s;
	struct ramet_error err;
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH];
	double start;
	int r;

	if (!strcmp(mode, "each"))
		opts.level = RAMET_LEVEL_EACH;
	r = ramet_session_create(&s, "/home/dev/project", &opts, &err);
	if (r >= 0) {
		start = now_ms();
		r = append(s, lines, !strcmp(mode, "batch") ? BATCH : 1, &err);
		if (r >= 0)
			r = print(now_ms() - start, lines->n, ramet_session_path(s));
		ramet_session_close(s);
	}
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		(void)fprintf(stderr, "bench_append: %s\n", text);
	}
	return r != 0;
}

/* What an append asks of the system, and no more: is the name still this file, and where does it
 * end? */
static int bare_append(int fd, const char *path, struct ramet_bytes line)
{
	struct stat st, named;
	char tail[64];

	return flock(fd, LOCK_EX) < 0 || stat(path, &named) < 0 || fstat(fd, &st) < 0 ||
	       named.st_ino != st.st_ino ||
	       pread(fd, tail, sizeof(tail), st.st_size - (off_t)sizeof(tail)) < 0 ||
	       write(fd, line.ptr, line.len + 1) < 0 || flock(fd, LOCK_UN) < 0;
}

static int bare_append_each(int fd, const char *path, struct ramet_bytes line)
{
	(void)path;
	return write(fd, line.ptr, line.len + 1) < 0 || fdatasync(fd) < 0;
}

static int bare_write(int fd, const char *path, struct ramet_bytes line)
{
	(void)path;
	return write(fd, line.ptr, line.len + 1) < 0;
}

static int run_floor(const char *mode, const struct lines *lines, const char *dir)
{
	int (*bare)(int, const char *, struct ramet_bytes) = bare_append;
	char path[RAMET_ERROR_PATH];
	double start;
	size_t i;
	int fd, bad;

	if (!strcmp(mode, "floor-each"))
		bare = bare_append_each;
	else if (!strcmp(mode, "floor-write"))
		bare = bare_write;
	(void)snprintf(path, sizeof(path), "%s/floor.jsonl", dir);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bad = fd < 0 || write(fd, lines->at[0].ptr, lines->at[0].len + 1) < 0;
	start = now_ms();
	for (i = 1; !bad && i < lines->n; i++)
		bad = bare(fd, path, lines->at[i]);
	if (bad) {
		perror(path);
		return 1;
	}
	bad = print(now_ms() - start, lines->n - 1, path);
	(void)close(fd);
	return bad;
}

int main(int argc, char **argv)
{
	static struct lines lines;
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);
	struct ramet_error err;
	int bad;

	if (argc != 4) {
		(void)fputs("usage: bench_append one|batch|each|floor[-each|-write] FILE DIR\n",
			    stderr);
		return 2;
	}
	if (rameti_file_open(&f, argv[2], RAMETI_FILE_READ, &err) < 0 ||
	    rameti_file_read_all(&f, &b, &err) < 0) {
		(void)fprintf(stderr, "bench_append: cannot read %s\n", argv[2]);
		return 1;
	}
	split(ramet_buf_bytes(&b), &lines);
	if (!strncmp(argv[1], "floor", 5))
		bad = run_floor(argv[1], &lines, argv[3]);
	else
		bad = run(argv[1], &lines, argv[3]);
	(void)rameti_file_close(&f);
	ramet_buf_release(&b);
	return bad;
}

/*
 * bench/bench_ggcode.c - one message appended to a directory of ggcode's, its index kept in step.
 *
 *     bench_ggcode make DIR SESSIONS      a directory with this many sessions, all in the index
 *     bench_ggcode append ROUNDS DIR      by turns: a handle's first append; its second, while the
 *         index may wait; a bare append with fdatasync and an atomic replace of the same index; a
 *         bare append alone
 *
 * Prints one JSON line: {"ms":[...]}, medians, in this order. Opening a session is not counted.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ramet.h"

#define ROUNDS_MAX 1000
#define PATH_LEN 4096
#define ID_LEN 64
enum { FIRST, SECOND, BARE, BARE_APPEND, N_TIMES };
static double times[N_TIMES][ROUNDS_MAX];

static const char message[] =
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Why is the parser slow when "
	"a stale token is left in the queue? Look at `src/queue.c`, and say what you would change. "
	"\\u201cRetry\\u201d was not the reason the last time: 12 of 40 runs failed.\"}],"
	"\"timestamp\":1772355600000}";
static char *index_text;
static size_t index_len;

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int complain(const struct ramet_error *err)
{
	char text[2048];

	ramet_error_print(err, text, sizeof(text));
	(void)fprintf(stderr, "bench_ggcode: %s\n", text);
	return 1;
}

static void session_id(char *id, unsigned i)
{
	(void)snprintf(id, ID_LEN, "20260301-%06u-%016x", i % 240000, i);
}

static void session_path(char *path, const char *dir, unsigned i)
{
	char id[ID_LEN];

	session_id(id, i);
	(void)snprintf(path, PATH_LEN, "%s/%s.jsonl", dir, id);
}

static void put_message(FILE *f, const char *id, unsigned i, unsigned k)
{
	(void)fprintf(f,
		      "{\"type\":\"message\",\"session_id\":\"%s\","
		      "\"timestamp\":\"2026-03-01T10:00:00Z\",\"message\":{\"id\":\"%08x\","
		      "\"role\":\"%s\",\"content\":[{\"type\":\"text\","
		      "\"text\":\"text %u of session %u\"}]}}\n",
		      id, k, k % 2 ? "assistant" : "user", k, i);
}

static int put_session(const char *dir, unsigned i, FILE *index)
{
	char path[PATH_LEN], id[ID_LEN];
	FILE *f;
	unsigned k;

	session_id(id, i);
	session_path(path, dir, i);
	f = fopen(path, "wb");
	if (!f)
		return -1;
	(void)fprintf(f,
		      "{\"type\":\"meta\",\"session_id\":\"%s\",\"title\":\"Session %u\","
		      "\"workspace\":\"/home/dev/project%u\","
		      "\"created_at\":\"2026-03-01T10:00:00Z\","
		      "\"updated_at\":\"2026-03-01T10:00:00Z\"}\n",
		      id, i, i % 20);
	for (k = 0; k < 20; k++)
		put_message(f, id, i, k);
	(void)fprintf(index,
		      "%s\n  {\n    \"id\": \"%s\",\n    \"title\": \"Session %u\",\n"
		      "    \"created_at\": \"2026-03-01T10:00:00Z\",\n"
		      "    \"updated_at\": \"2026-03-01T10:00:00Z\",\n    \"msg_count\": 20,\n"
		      "    \"workspace\": \"/home/dev/project%u\",\n"
		      "    \"vendor\": \"anthropic\",\n"
		      "    \"endpoint\": \"default\",\n    \"model\": \"model-4\"\n  }",
		      i ? "," : "", id, i, i % 20);
	return fclose(f);
}

static int make(const char *dir, unsigned n)
{
	char path[PATH_LEN];
	FILE *index;
	unsigned i;

	(void)snprintf(path, sizeof(path), "%s/index.json", dir);
	if ((mkdir(dir, 0700) < 0 && access(dir, W_OK) < 0) || !(index = fopen(path, "wb"))) {
		perror(dir);
		return 1;
	}
	(void)fputs("[", index);
	for (i = 0; i < n; i++)
		if (put_session(dir, i, index) < 0) {
			perror(dir);
			return 1;
		}
	(void)fputs("\n]", index);
	return fclose(index) != 0;
}

static int load_index(const char *dir)
{
	char path[PATH_LEN];
	struct stat st;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/index.json", dir);
	f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) < 0)
		return -1;
	index_len = (size_t)st.st_size;
	free(index_text);
	index_text = calloc(1, index_len + 1);
	if (!index_text || fread(index_text, 1, index_len, f) != index_len)
		return -1;
	return fclose(f);
}

static int write_synced(const char *path, int flags, const char *text, size_t len, int data_only)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len ||
	    (data_only ? fdatasync(fd) : fsync(fd)) < 0)
		return -1;
	return close(fd);
}

/* What is measured against: the least that survives a power cut. */
static int bare(const char *dir, int with_index, double *ms)
{
	char log[PATH_LEN], tmp[PATH_LEN], index[PATH_LEN];
	double start = now_ms();
	int fd, r;

	(void)snprintf(log, sizeof(log), "%s/bare", dir);
	(void)snprintf(tmp, sizeof(tmp), "%s/bare.tmp", dir);
	(void)snprintf(index, sizeof(index), "%s/bare.index", dir);
	r = write_synced(log, O_APPEND, message, sizeof(message) - 1, 1);
	if (!r && with_index) {
		r = write_synced(tmp, O_TRUNC, index_text, index_len, 0);
		if (!r)
			r = rename(tmp, index);
		fd = r ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0 || close(fd) < 0)
			r = -1;
	}
	*ms = now_ms() - start;
	return r;
}

static int append(const char *dir, unsigned i, double *first, double *second)
{
	struct ramet_open_opts opts = { .no_cache = 1, .level = RAMET_LEVEL_EACH };
	struct ramet_bytes m = { message, sizeof(message) - 1 };
	double *const ms[2] = { first, second };
	struct ramet_session *s;
	struct ramet_error err;
	char path[PATH_LEN];
	int k, r;

	session_path(path, dir, i);
	r = ramet_session_open(&s, path, &opts, &err);
	if (r < 0)
		return complain(&err);
	for (k = 0; !r && k < 2; k++) {
		double start = now_ms();

		r = ramet_session_append_message(s, m, NULL, &err);
		*ms[k] = now_ms() - start;
	}
	ramet_session_close(s);
	return r < 0 ? complain(&err) : 0;
}

static int measure(const char *dir, int rounds)
{
	int i, r = load_index(dir);

	for (i = 0; !r && i < rounds; i++) {
		r = append(dir, (unsigned)i * 7 % 1000, &times[FIRST][i], &times[SECOND][i]);
		if (!r)
			r = bare(dir, 1, &times[BARE][i]);
		if (!r)
			r = bare(dir, 0, &times[BARE_APPEND][i]);
	}
	if (r) {
		perror(dir);
		return 1;
	}
	(void)fputs("{\"ms\":[", stdout);
	for (i = 0; i < N_TIMES; i++) {
		qsort(times[i], (size_t)rounds, sizeof(times[i][0]), by_value);
		(void)printf("%s%.4f", i ? "," : "", times[i][rounds / 2]);
	}
	(void)puts("]}");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n;

	if (argc == 4 && !strcmp(argv[1], "make") && (n = strtoul(argv[3], NULL, 10)) < 1000000)
		return make(argv[2], (unsigned)n);
	if (argc == 4 && !strcmp(argv[1], "append")) {
		n = strtoul(argv[2], NULL, 10);
		if (n > 0 && n <= ROUNDS_MAX)
			return measure(argv[3], (int)n);
	}
	(void)fputs("usage: bench_ggcode make DIR SESSIONS | append ROUNDS DIR\n", stderr);
	return 2;
}

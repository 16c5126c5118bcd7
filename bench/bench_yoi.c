/*
 * bench/bench_yoi.c - yoi's logs: loading one, and checking the chain of a hashed one.
 *
 *     bench_yoi load FILE      {"ms":...}: open and close, no index
 *     bench_yoi verify FILE    {"verify":MB/s,"sha256":MB/s}: the chain, and SHA-256 of its bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "ramet.h"

#define ROUNDS 21

static struct ramet_error err;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *ms)
{
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	return ms[ROUNDS / 2];
}

/* Of work that only computes, the round that was disturbed least. */
static double best(double *ms)
{
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	return ms[0];
}

static int load(const char *path)
{
	struct ramet_open_opts opts = { .no_cache = 1, .threads = 1 };
	double ms[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct ramet_session *s;
		double start = now_ms();

		if (ramet_session_open(&s, path, &opts, &err) < 0)
			return -1;
		ms[i] = now_ms() - start;
		ramet_session_close(s);
	}
	printf("{\"ms\":%.3f}\n", median(ms));
	return 0;
}

static int verify(const char *path)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	double checked[ROUNDS], hashed[ROUNDS];
	struct ramet_yoi_verdict v;
	uint8_t sum[32];
	int i;

	if (rameti_file_open(&f, path, RAMETI_FILE_READ, &err) < 0 ||
	    rameti_file_read_all(&f, &text, &err) < 0)
		return -1;
	for (i = 0; i < ROUNDS; i++) {
		struct ramet_bytes all = ramet_buf_bytes(&text);
		double start = now_ms();

		if (ramet_yoi_verify(path, &v, NULL, &err) < 0 || !v.intact)
			return -1;
		checked[i] = now_ms() - start;
		start = now_ms();
		if (rameti_sha256(&all, 1, sum) < 0)
			return -1;
		hashed[i] = now_ms() - start;
	}
	printf("{\"verify\":%.1f,\"sha256\":%.1f}\n", (double)text.len / 1e3 / best(checked),
	       (double)text.len / 1e3 / best(hashed));
	ramet_buf_release(&text);
	return rameti_file_close(&f);
}

int main(int argc, char **argv)
{
	int r = argc != 3 ? -1 : !strcmp(argv[1], "load") ? load(argv[2]) : verify(argv[2]);

	if (r < 0)
		fprintf(stderr, "bench_yoi: %s\n", err.text);
	return r < 0;
}

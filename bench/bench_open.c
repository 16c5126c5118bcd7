/*
 * bench/bench_open.c - opens a session once, as a whole process, and tells about it.
 *
 *     bench_open FILE            open and close: nothing is printed (for timing the process)
 *     bench_open --report FILE   one JSON line: open time, private memory, time of a context
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ramet.h"

#define ROUNDS 101

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Private memory of this process in kB. */
static long private_kb(void)
{
	char line[256];
	long sum = 0, kb;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %ld", &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &kb) == 1)
			sum += kb;
	fclose(f);
	return sum;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int report(const struct ramet_session *s, double open_us, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	long kb = private_kb();
	double us[ROUNDS], start;
	uint32_t messages = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct ramet_context *c;

		start = now_us();
		if (ramet_context_new(&c, t, ramet_tree_leaf(t), err) < 0)
			return -1;
		us[i] = now_us() - start;
		messages = c->n_messages;
		ramet_context_free(c);
	}
	qsort(us, ROUNDS, sizeof(us[0]), by_value);
	printf("{\"openMs\":%.3f,\"privateKb\":%ld,\"entries\":%u,\"contextMessages\":%u,"
	       "\"contextUs\":%.1f}\n",
	       open_us / 1e3, kb, (unsigned)ramet_tree_count(t), (unsigned)messages,
	       us[ROUNDS / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	int r, want = argc == 3 && !strcmp(argv[1], "--report");
	struct ramet_open_opts opts = { 0 };
	struct ramet_session *s;
	struct ramet_error err;
	char text[1500];
	double start = now_us();

	if (argc != 2 + want) {
		fputs("usage: bench_open [--report] FILE\n", stderr);
		return 2;
	}
	/* BENCH_INDEX=1: with the index of the cache */
	opts.no_cache = !getenv("BENCH_INDEX");
	r = ramet_session_open(&s, argv[argc - 1], &opts, &err);
	if (r >= 0) {
		if (want)
			r = report(s, now_us() - start, &err);
		ramet_session_close(s);
	}
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "bench_open: %s\n", text);
		return 1;
	}
	return 0;
}

/*
 * bench/bench_sidecar.c - reads a V2 sidecar: all of it, its end, the active path.
 *
 *     bench_sidecar make SESSION N     a session of N entries and its sidecar
 *     bench_sidecar MODE SESSION       open it as full, active, tail or tail:N and read what comes
 *
 * Prints one JSON line: the time of opening and reading, and how many entries came.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ramet.h"

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int complain(const struct ramet_error *err)
{
	char text[2048];

	ramet_error_print(err, text, sizeof(text));
	(void)fprintf(stderr, "bench_sidecar: %s\n", text);
	return 1;
}

static int number(const char *text, unsigned *n)
{
	return sscanf(text, "%u", n) == 1;
}

static void put_entry(FILE *f, unsigned i)
{
	static const char words[] = "the quick brown fox jumps over the lazy dog and back again ";
	unsigned k;

	(void)fprintf(f, "{\"type\":\"message\",\"id\":\"%08x\",", i);
	if (i > 1)
		(void)fprintf(f, "\"parentId\":\"%08x\",", i - 1);
	(void)fprintf(f,
		      "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"message\":{\"role\":\"user\","
		      "\"content\":\"message %u ",
		      i);
	for (k = 0; k < i % 40; k++)
		(void)fputs(words, f);
	(void)fputs("\",\"timestamp\":1772355600000}}\n", f);
}

static int make(const char *path, unsigned n)
{
	struct ramet_error err;
	FILE *f = fopen(path, "wb");
	unsigned i;

	if (!f) {
		perror(path);
		return 1;
	}
	(void)fputs("{\"type\":\"session\",\"version\":3,"
		    "\"id\":\"5b0f6c1e-0000-4000-8000-000000000001\","
		    "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n",
		    f);
	for (i = 1; i <= n; i++)
		put_entry(f, i);
	if (fclose(f) != 0) {
		perror(path);
		return 1;
	}
	return ramet_sidecar_create(path, NULL, NULL, &err) < 0 ? complain(&err) : 0;
}

static int read_it(const char *mode, const char *path)
{
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_AUTO };
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	struct ramet_error err;
	uint64_t n = 0, bytes = 0;
	double start = now_ms();
	int r;

	if (ramet_sidecar_mode_parse(mode, &o.mode, &o.tail, &err) < 0 ||
	    ramet_sidecar_open(&s, path, &o, &err) < 0)
		return complain(&err);
	while ((r = ramet_sidecar_next(s, &e, &err)) > 0) {
		n++;
		bytes += e.payload.len;
	}
	ramet_sidecar_close(s);
	if (r < 0)
		return complain(&err);
	(void)printf("{\"ms\":%.3f,\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
		     now_ms() - start, n, bytes);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n;

	if (argc == 4 && !strcmp(argv[1], "make") && number(argv[3], &n))
		return make(argv[2], n);
	if (argc == 3)
		return read_it(argv[1], argv[2]);
	(void)fprintf(stderr, "usage: bench_sidecar make SESSION N | MODE SESSION\n");
	return 2;
}

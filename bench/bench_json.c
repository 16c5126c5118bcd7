/*
 * bench_json.c - how fast are the exact scan and the tape over a file of JSON lines?
 *
 *     bench_json FILE [ROUNDS]
 *
 * Holds FILE in memory, runs each measure ROUNDS times (10) and prints the median, a line per
 * measure: name, seconds, GB/s. Lines that are no JSON are counted, not hidden.
 */
#include "base/file.h"
#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WANT(parent, name) { (parent), { (name), sizeof(name) - 1 } }

static const struct rameti_want wants[] = {
	WANT(-1, "type"), WANT(-1, "id"), WANT(-1, "parentId"), WANT(-1, "timestamp"),
	WANT(-1, "message"), WANT(4, "role"), WANT(4, "timestamp"), WANT(4, "content"),
};
#define ROUNDS_MAX 100
#define N_WANTS (sizeof(wants) / sizeof(*wants))

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds of each round of a measure. */
struct times {
	double s[ROUNDS_MAX];
	int n;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *name, struct times *t, size_t len, uint64_t lines, uint64_t bad)
{
	double median;

	qsort(t->s, (size_t)t->n, sizeof(t->s[0]), by_value);
	median = t->s[t->n / 2];
	(void)printf("%-12s %8.4f s %7.2f GB/s %9llu lines %llu bad\n", name, median,
		     (double)len / median * 1e-9, (unsigned long long)lines,
		     (unsigned long long)bad);
}

static void scan_all(struct rameti_scanner *s, struct ramet_bytes text, uint64_t *lines,
		     uint64_t *bad)
{
	struct rameti_found found[N_WANTS];
	struct rameti_line line;
	size_t n;

	*lines = *bad = 0;
	while (text.len) {
		(void)rameti_scan_line(s, text, &line, found);
		n = line.len + line.terminated;
		text.ptr += n;
		text.len -= n;
		++*lines;
		*bad += line.kind == RAMETI_LINE_BAD;
	}
}

/* The lines, found beforehand: a parser is handed them, as JSON.parse is. */
static struct ramet_bytes *split(struct ramet_bytes text, uint64_t *n_lines)
{
	struct ramet_bytes *lines = NULL;
	uint64_t n = 0;

	while (text.len) {
		size_t len = rameti_scan_newline(text);

		if ((n & (n - 1)) == 0)
			lines = ramet_realloc(lines, (n ? 2 * n : 1) * sizeof(*lines));
		if (!lines)
			break;
		lines[n].ptr = text.ptr;
		lines[n++].len = len;
		len += len < text.len;
		text.ptr += len;
		text.len -= len;
	}
	*n_lines = lines ? n : 0;
	return lines;
}

static void bench_newlines(struct ramet_bytes all, int rounds)
{
	struct times times = { { 0 }, 0 };
	double t;
	uint64_t lines = 0;

	while (rounds--) {
		struct ramet_bytes text = all;

		t = now();
		for (lines = 0; text.len; lines++) {
			size_t n = rameti_scan_newline(text);

			n += n < text.len;
			text.ptr += n;
			text.len -= n;
		}
		times.s[times.n++] = now() - t;
	}
	report("newlines", &times, all.len, lines, 0);
}

static void bench_scan(struct ramet_bytes text, int rounds, int simd)
{
	static const char *const names[] = { "scan", "scan-plain", "scan-sse2", "scan-avx2",
					     "scan-avx512" };
	struct rameti_scanner *s;
	struct times times = { { 0 }, 0 };
	double t;
	uint64_t lines = 0, bad = 0;

	if (rameti_scanner_new(&s, wants, N_WANTS, simd, NULL) < 0)
		return;
	while (rounds--) {
		t = now();
		scan_all(s, text, &lines, &bad);
		times.s[times.n++] = now() - t;
	}
	report(names[simd], &times, text.len, lines, bad);
	rameti_scanner_free(s);
}

static void bench_tape(struct ramet_bytes text, int rounds)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct times times = { { 0 }, 0 };
	double t;
	uint64_t n, i, bad = 0;
	struct ramet_bytes *lines = split(text, &n);

	while (rounds--) {
		t = now();
		for (i = bad = 0; i < n; i++)
			bad += ramet_json_parse(&doc, lines[i], 0, NULL) < 0;
		times.s[times.n++] = now() - t;
	}
	report("tape", &times, text.len, n, bad);
	ramet_json_doc_release(&doc);
	ramet_free(lines);
}

int main(int argc, char **argv)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_error err;
	char line[RAMET_ERROR_TEXT + RAMET_ERROR_PATH];
	int rounds = argc > 2 ? (int)strtoul(argv[2], NULL, 10) : 10, simd;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "usage: bench_json FILE [ROUNDS]\n");
		return 2;
	}
	if (rameti_file_open(&f, argv[1], RAMETI_FILE_READ, &err) < 0 ||
	    rameti_file_read_all(&f, &b, &err) < 0) {
		ramet_error_print(&err, line, sizeof(line));
		(void)fprintf(stderr, "%s\n", line);
		return 3;
	}
	bench_newlines(ramet_buf_bytes(&b), rounds);
	for (simd = 1; simd <= 4; simd++)
		bench_scan(ramet_buf_bytes(&b), rounds, simd);
	bench_tape(ramet_buf_bytes(&b), rounds);
	(void)rameti_file_close(&f);
	ramet_buf_release(&b);
	return 0;
}

/*
 * bench/bench_formats.c - the other systems' formats, timed in this process, by turns with what
 * they are measured against.
 *
 *     bench_formats make SESSION FORMAT OUT      the last branch as a session of this format alone
 *     bench_formats hashed SESSION OUT           a session of segments as a hashed log of yoi's
 *     bench_formats load ROUNDS FILE...          open each, by turns
 *     bench_formats verify ROUNDS FILE           a hashed log, and SHA-256 over its bytes
 *     bench_formats convert ROUNDS FILE FORMAT OUT
 *         open and convert; and a validating read of FILE, line by line, and a write of what it
 *         became
 *
 * Prints one JSON line: {"ms":[...]}, medians (of convert: the quarter that is quickest), in the
 * order named here.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ramet.h"

#define FILES_MAX 8
#define ROUNDS_MAX 1000

struct times {
	double ms[FILES_MAX][ROUNDS_MAX];
	int n, rounds;
};
static struct times times;

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

/* Of each, how long the one in so many took that was as quick or quicker. */
static int show_times(int one_in)
{
	int i;

	(void)fputs("{\"ms\":[", stdout);
	for (i = 0; i < times.n; i++) {
		qsort(times.ms[i], (size_t)times.rounds, sizeof(times.ms[i][0]), by_value);
		(void)printf("%s%.4f", i ? "," : "", times.ms[i][times.rounds / one_in]);
	}
	(void)puts("]}");
	return 0;
}

static int complain(const struct ramet_error *err)
{
	char text[2048];

	ramet_error_print(err, text, sizeof(text));
	(void)fprintf(stderr, "bench_formats: %s\n", text);
	return 1;
}

static int read_all(const char *path, struct ramet_buf *out)
{
	char chunk[1 << 16];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ramet_buf_reset(out);
	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		ramet_buf_add(out, (struct ramet_bytes){ chunk, (size_t)n });
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		perror(path);
	return n < 0 || ramet_buf_status(out) < 0;
}

static int write_all(const char *path, struct ramet_bytes text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = 0;

	for (; fd >= 0 && text.len; text.ptr += n, text.len -= (size_t)n) {
		n = write(fd, text.ptr, text.len);
		if (n < 0)
			break;
	}
	if (fd < 0 || n < 0)
		perror(path);
	return fd < 0 || close(fd) < 0 || n < 0;
}

static int open_session(struct ramet_session **s, const char *path, struct ramet_error *err)
{
	const struct ramet_open_opts opts = { .no_cache = 1, .level = RAMET_LEVEL_NONE };

	return ramet_session_open(s, path, &opts, err);
}

/* Open and convert; the milliseconds it took. */
static int convert(const char *path, struct ramet_convert_opts *opts, double *ms,
		   uint64_t *entries)
{
	struct ramet_convert_report report;
	double start = now_ms();
	struct ramet_session *s;
	struct ramet_error err;
	int r = open_session(&s, path, &err);

	if (r < 0)
		return complain(&err);
	opts->level = RAMET_LEVEL_NONE;
	if (opts->one_branch)
		opts->leaf = ramet_session_leaf(s);
	r = ramet_convert(s, opts, &report, &err);
	*entries = report.entries;
	ramet_convert_report_release(&report);
	ramet_session_close(s);
	*ms = now_ms() - start;
	return r < 0 ? complain(&err) : 0;
}

static int make(const char *path, const char *to, const char *out)
{
	struct ramet_convert_opts opts = { .to = to, .place = out, .lean = 1, .one_branch = 1 };
	uint64_t entries;
	double ms;
	int r = convert(path, &opts, &ms, &entries);

	if (!r)
		(void)printf("{\"ms\":[%.3f],\"entries\":%llu}\n", ms, (unsigned long long)entries);
	return r;
}

static int make_hashed(const char *path, const char *out)
{
	struct ramet_buf from = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_buf to = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_error err;
	int r = read_all(path, &from);

	if (!r && ramet_yoi_build_chain(ramet_buf_bytes(&from), &to, &err) < 0)
		r = complain(&err);
	if (!r)
		r = write_all(out, ramet_buf_bytes(&to));
	ramet_buf_release(&from);
	ramet_buf_release(&to);
	return r;
}

static int load(char **paths, int n)
{
	struct ramet_session *s;
	struct ramet_error err;
	double start;
	int i, k;

	times.n = n;
	for (i = 0; i < times.rounds; i++)
		for (k = 0; k < n; k++) {
			start = now_ms();
			if (open_session(&s, paths[k], &err) < 0)
				return complain(&err);
			times.ms[k][i] = now_ms() - start;
			ramet_session_close(s);
		}
	return show_times(2);
}

static int verify(const char *path)
{
	struct ramet_buf text = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_yoi_verdict v;
	struct ramet_error err;
	unsigned char hash[32];
	double start;
	int i, r = read_all(path, &text);

	times.n = 2;
	for (i = 0; !r && i < times.rounds; i++) {
		start = now_ms();
		if (ramet_yoi_verify(path, &v, NULL, &err) < 0 || !v.hashed || !v.intact)
			r = complain(&err);
		times.ms[0][i] = now_ms() - start;
		start = now_ms();
		r |= !EVP_Digest(text.ptr, text.len, hash, NULL, EVP_sha256(), NULL);
		times.ms[1][i] = now_ms() - start;
	}
	ramet_buf_release(&text);
	return r ? 1 : show_times(2);
}

/* Every line of one file as JSON, and another text into a new file. */
static int floor_of(const char *from, struct ramet_bytes to, struct ramet_json_doc *doc,
		    struct ramet_buf *text, const char *path, double *ms)
{
	double start = now_ms();
	struct ramet_bytes left, line;
	struct ramet_error err;
	int r = read_all(from, text);

	for (left = ramet_buf_bytes(text); !r && left.len;) {
		const char *end = memchr(left.ptr, '\n', left.len);

		line.ptr = left.ptr;
		line.len = end ? (size_t)(end - left.ptr) : left.len;
		if (ramet_json_parse(doc, line, 0, &err) < 0)
			return complain(&err);
		left.ptr += line.len + (end != NULL);
		left.len -= line.len + (end != NULL);
	}
	r = r || write_all(path, to);
	*ms = now_ms() - start;
	return r;
}

/* By turns. Memory that a machine has not given to anybody before can be ten times as slow at the
 * first touch, and which run gets it is chance: so it is not the median that counts, but the
 * quarter that is quickest. */
static int convert_loop(const char *path, const char *to, const char *out)
{
	struct ramet_buf text = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_buf source = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_convert_opts opts = { .to = to, .place = out };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint64_t entries = 0;
	int i, k, r = 0;

	times.n = 2;
	for (k = 0; !r && k <= times.rounds; k++) {
		i = k ? k - 1 : 0;
		(void)unlink(out);
		r = convert(path, &opts, &times.ms[0][i], &entries);
		if (!r && !k)
			r = read_all(out, &text);
		(void)unlink(out);
		if (!r)
			r = floor_of(path, ramet_buf_bytes(&text), &doc, &source, out,
				     &times.ms[1][i]);
	}
	(void)unlink(out);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	ramet_buf_release(&source);
	return r ? 1 : show_times(4);
}

static int is(const char *mode, const char *name, int argc, int least)
{
	return !strcmp(mode, name) && argc >= least;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";

	if (is(mode, "make", argc, 5))
		return make(argv[2], argv[3], argv[4]);
	if (is(mode, "hashed", argc, 4))
		return make_hashed(argv[2], argv[3]);
	times.rounds = argc > 2 ? (int)strtoul(argv[2], NULL, 10) : 0;
	if (times.rounds > 0 && times.rounds <= ROUNDS_MAX && argc <= 3 + FILES_MAX) {
		if (is(mode, "load", argc, 4))
			return load(argv + 3, argc - 3);
		if (is(mode, "verify", argc, 4))
			return verify(argv[3]);
		if (is(mode, "convert", argc, 6))
			return convert_loop(argv[3], argv[4], argv[5]);
	}
	(void)fputs("usage: bench_formats make SESSION FORMAT OUT | hashed SESSION OUT |\n"
		    "       load|verify|convert ROUNDS FILE...\n",
		    stderr);
	return 2;
}

/*
 * bench/bench_fork.c - forks a session, once, in a fresh process.
 *
 *     bench_fork all|all-each SESSION DIR         open it and fork it with all its branches
 *     bench_fork branch|branch-each SESSION DIR   fork its longest path (opened before)
 *     bench_fork floor|floor-each FILE DIR        read and write the same bytes, nothing else
 *     bench_fork leaf SESSION DIR                 the id at the end of the longest path
 *
 * -each: synced before it is done; otherwise at level `none`. Prints one JSON line: the time, the
 * part of it that opening took, and the size and path of the new file.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ramet.h"

#define CHUNK ((size_t)1 << 20)

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int print(double ms, double open_ms, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		return 1;
	}
	(void)printf("{\"ms\":%.3f,\"openMs\":%.3f,\"bytes\":%" PRIu64 ",\"path\":\"%s\"}\n", ms,
		     open_ms, (uint64_t)st.st_size, path);
	return 0;
}

static uint32_t deepest(const struct ramet_tree *t)
{
	uint32_t row, best = ramet_tree_leaf(t);

	for (row = 0; row < ramet_tree_count(t); row++)
		if (ramet_tree_row(t, row)->depth > ramet_tree_row(t, best)->depth)
			best = row;
	return best;
}

static int print_leaf(const struct ramet_tree *t)
{
	uint32_t row = deepest(t);
	struct ramet_bytes id = ramet_tree_id(t, row);

	(void)printf("{\"leaf\":\"%.*s\",\"depth\":%u,\"entries\":%u}\n", RAMET_FMT(id),
		     (unsigned)ramet_tree_row(t, row)->depth, (unsigned)ramet_tree_count(t));
	return 0;
}

static int fork_it(const char *mode, struct ramet_session *s, const char *dir, double start,
		   struct ramet_error *err)
{
	struct ramet_fork_opts opts = { .dir = dir, .level = RAMET_LEVEL_NONE };
	const struct ramet_tree *t = ramet_session_tree(s);
	double open_ms = now_ms() - start;
	struct ramet_session *made;
	uint32_t leaf;
	int r;

	if (strstr(mode, "-each"))
		opts.level = RAMET_LEVEL_EACH;
	if (!strncmp(mode, "branch", 6)) {
		leaf = deepest(t);
		start = now_ms();
		open_ms = 0;
		r = ramet_fork_branch(&made, s, leaf, &opts, err);
	} else {
		r = ramet_fork(&made, s, &opts, err);
	}
	if (r < 0)
		return r;
	r = print(now_ms() - start, open_ms, ramet_session_path(made));
	ramet_session_close(made);
	return r;
}

static int run(const char *mode, const char *path, const char *dir)
{
	struct ramet_session *s;
	struct ramet_error err;
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH];
	double start = now_ms();
	int r = ramet_session_open(&s, path, NULL, &err);

	if (r >= 0) {
		r = !strcmp(mode, "leaf") ? print_leaf(ramet_session_tree(s))
					  : fork_it(mode, s, dir, start, &err);
		ramet_session_close(s);
	}
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		(void)fprintf(stderr, "bench_fork: %s\n", text);
	}
	return r != 0;
}

static int run_floor(int each, const char *from, const char *dir)
{
	static char chunk[CHUNK];
	char path[RAMET_ERROR_PATH];
	double start = now_ms();
	ssize_t n = -1;
	int in, out, bad;

	(void)snprintf(path, sizeof(path), "%s/floor.jsonl", dir);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in >= 0 && out >= 0)
		while ((n = read(in, chunk, CHUNK)) > 0)
			if (write(out, chunk, (size_t)n) != n)
				break;
	bad = n != 0 || (each && fsync(out) < 0);
	if (bad)
		perror(path);
	else
		bad = print(now_ms() - start, 0, path);
	(void)close(in);
	(void)close(out);
	return bad;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		(void)fputs("usage: bench_fork all|branch|floor|leaf[-each] SESSION DIR\n", stderr);
		return 2;
	}
	if (!strncmp(argv[1], "floor", 5))
		return run_floor(!strcmp(argv[1], "floor-each"), argv[2], argv[3]);
	return run(argv[1], argv[2], argv[3]);
}

/*
 * procs_mark.c - messages that can be made again, pipes, chance, files: what all parts work with.
 */
#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_FRAME 200u                          /* bytes of a line that are not the filling */
#define FAULTS_SHOWN 12u

/* ---- messages ---- */

static void fill(const struct mark *m, struct ramet_buf *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
	uint32_t i, len = m->size > LINE_FRAME ? m->size - LINE_FRAME : 0;
	uint32_t at = m->w * 17 + m->n * 5;
	char *to;

	if (ramet_buf_reserve(out, len) < 0)
		give_up("memory");
	to = out->ptr + out->len;
	for (i = 0; i < len; i++)
		to[i] = letters[(at + i + (i >> 6) * 3) & 63];
	to[len] = '\0';
	out->len += len;
}

void mark_message(const struct mark *m, struct ramet_buf *out)
{
	int answer = m->n & 1;

	ramet_buf_add_str(out, answer ? "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
					"\"text\":\"" :
					"{\"role\":\"user\",\"content\":\"");
	ramet_buf_addf(out, "w%u n%u s%u ", m->w, m->n, m->size);
	fill(m, out);
	ramet_buf_add_str(out, answer ? "\"}],\"stopReason\":\"stop\",\"timestamp\":1}" :
					"\",\"timestamp\":1}");
	if (ramet_buf_status(out) < 0)
		give_up("memory");
}

void tolds_add(struct tolds *t, const struct told *one)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->items = ramet_realloc(t->items, t->cap * sizeof(*t->items));
		if (!t->items)
			give_up("memory");
	}
	t->items[t->n++] = *one;
}

void tolds_release(struct tolds *t)
{
	ramet_free(t->items);
	*t = (struct tolds){ NULL, 0, 0 };
}

void tell(int to, enum told_kind kind, const char *id, const struct mark *m)
{
	struct told t;

	memset(&t, 0, sizeof(t));
	t.kind = kind;
	if (id)
		(void)snprintf(t.id, sizeof(t.id), "%s", id);
	if (m)
		t.mark = *m;
	if (write(to, &t, sizeof(t)) != (ssize_t)sizeof(t))
		_exit(3);
}

void hear_all(int from, struct tolds *t)
{
	struct told one;
	size_t have = 0;
	ssize_t n;

	while ((n = read(from, (char *)&one + have, sizeof(one) - have)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			give_up("a pipe");
		have += (size_t)n;
		if (have < sizeof(one))
			continue;
		have = 0;
		if (one.kind != TOLD_READY)
			tolds_add(t, &one);
	}
	if (have)
		fault("half a report in a pipe");
}

/* ---- failures ---- */

static unsigned n_faults, n_before, n_passed, n_failed;

void fault(const char *format, ...)
{
	va_list list;

	if (__atomic_fetch_add(&n_faults, 1, __ATOMIC_RELAXED) >= FAULTS_SHOWN)
		return;
	va_start(list, format);
	(void)fputs("FAIL  ", stdout);
	(void)vfprintf(stdout, format, list);
	(void)fputc('\n', stdout);
	va_end(list);
	(void)fflush(stdout);
}

unsigned faults_so_far(void)
{
	return n_faults;
}

void cases(unsigned passed, unsigned failed)
{
	n_passed += passed;
	n_failed += failed;
}

void row(const char *what, const char *format, ...)
{
	int ok = n_faults == n_before;
	va_list list;

	printf("%s  %-36s ", ok ? "ok  " : "FAIL", what);
	va_start(list, format);
	(void)vprintf(format, list);
	va_end(list);
	(void)fputc('\n', stdout);
	cases(ok, !ok);
	n_before = n_faults;
	(void)fflush(stdout);
}

void give_up(const char *what)
{
	(void)fprintf(stderr, "procs: %s: %s\n", what, strerror(errno));
	_exit(2);
}

void print_sum(void)
{
	printf("%u passed, %u failed\n", n_passed, n_failed);
}

/* ---- chance ---- */

static uint64_t state = 88172645463325252u;

void chance_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
}

uint32_t chance(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

uint32_t chance_size(void)
{
	uint32_t kind = chance(100);

	if (kind < 55)
		return 200 + chance(2000);
	if (kind < 82)
		return 2000 + chance(60000);
	if (kind < 94)
		return 64000 + chance(900000);
	return 1000000 + chance(3000000);
}

void pause_us(uint32_t us)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* ---- files ---- */

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("mmap");
	return p;
}

const char *path_in(const char *dir, const char *name)
{
	static char paths[8][PROCS_PATH];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	(void)snprintf(path, PROCS_PATH, "%s/%s", dir, name);
	return path;
}

void make_dir(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		give_up(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void write_text(const char *path, struct ramet_bytes text)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f))
		give_up(path);
}

int read_text(const char *path, struct ramet_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && ramet_buf_reserve(out, (size_t)st.st_size + 1) == 0)
		while ((n = read(fd, out->ptr + out->len, out->cap - out->len - 1)) > 0)
			out->len += (size_t)n;
	(void)close(fd);
	if (out->ptr)
		out->ptr[out->len] = '\0';
	return n < 0 ? -1 : 0;
}

static void put_entry(struct ramet_buf *b, int version, const struct told *t)
{
	char parent[32] = "null";

	if (t->mark.n)
		(void)snprintf(parent, sizeof(parent), "\"%02x%06x\"", t->mark.w & 255,
			       t->mark.n - 1);
	ramet_buf_add_str(b, "{\"type\":\"message\",");
	if (version > 1)
		ramet_buf_addf(b, "\"id\":\"%s\",\"parentId\":%s,", t->id, parent);
	ramet_buf_add_str(b, "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"message\":");
	mark_message(&t->mark, b);
	ramet_buf_add_str(b, "}\n");
}

void put_session(const char *path, int version, uint32_t w, uint32_t n, uint32_t size,
		 struct tolds *t)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct told one = { TOLD_STORED, "", { w, 0, size } };

	ramet_buf_add_str(&b, "{\"type\":\"session\",");
	if (version > 1)
		ramet_buf_addf(&b, "\"version\":%d,", version);
	ramet_buf_add_str(&b, "\"id\":\"s1\",\"timestamp\":\"2026-03-01T10:00:00.000Z\","
			      "\"cwd\":\"/w\"}\n");
	for (; one.mark.n < n; one.mark.n++) {
		(void)snprintf(one.id, sizeof(one.id), "%02x%06x", w & 255, one.mark.n);
		put_entry(&b, version, &one);
		if (t)
			tolds_add(t, &one);
	}
	write_text(path, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

unsigned count_sessions(const char *dir, char one[PROCS_PATH])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 6, ".jsonl"))
			continue;
		(void)snprintf(one, PROCS_PATH, "%s/%s", dir, e->d_name);
		n++;
	}
	if (d)
		(void)closedir(d);
	return n;
}

void limit_files(uint64_t bytes)
{
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
		give_up("getrlimit");
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		give_up("setrlimit");
}

/* ---- handles ---- */

struct ramet_session *open_session(const char *path, int level, int no_cache)
{
	const struct ramet_open_opts opts = { .level = level, .create = 1, .no_cache = no_cache };
	struct ramet_session *s = NULL;
	struct ramet_error err = { .code = 0 };
	char text[512];

	if (ramet_session_open(&s, path, &opts, &err) == 0)
		return s;
	ramet_error_print(&err, text, sizeof(text));
	fault("cannot open: %s", text);
	return NULL;
}

int say(struct ramet_session *s, const struct mark *m, char id[RAMET_ID_SIZE],
	struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	mark_message(m, &b);
	r = ramet_session_append_message(s, ramet_buf_bytes(&b), id, err);
	ramet_buf_release(&b);
	return r;
}

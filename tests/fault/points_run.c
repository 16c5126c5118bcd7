/*
 * points_run.c - every call of every scenario fails in every way.
 *
 *     points [quick] [--only TEXT] [--step N]
 *
 * Each scenario runs once without a fault, to see which calls it makes; then once for each kind
 * of call, each place and each way to fail, in a fresh directory. To be killed means that a child
 * exits in that call; the parent looks at what is left. quick: every 7th point. Prints a table;
 * exits with 1 when something did not hold.
 */
#include "points.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/store/temp_dir.h"

#define STATUS_KILLED 77
#define QUICK_STEP 7u

static struct ledger *ledger;
static char *base;
static unsigned turn, step = 1;
static _Atomic long live; /* allocations; a queue has a thread */

/* ---- memory is counted ---- */

static void *counted_realloc(void *user, void *ptr, size_t size)
{
	void *fresh = realloc(ptr, size);

	(void)user;
	live += fresh && !ptr;
	return fresh;
}

static void counted_free(void *user, void *ptr)
{
	(void)user;
	live -= ptr != NULL;
	free(ptr);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- one point ---- */

static struct world *there;

static void others_append(void *user)
{
	world_others(there, user != NULL);
}

static struct faults faults_of(const struct scenario *s, const struct point *p)
{
	static const int errors[] = { 0, EIO, EIO, ENOSPC, ENOSPC, EDQUOT, EDQUOT, EINTR };
	struct faults f = { .kind = p->kind, .n = p->n, .sys = EIO, .hasty = 1, .poor = s->poor };

	f.for_ever = way_lasts(p->way);
	f.die = way_kills(p->way) ? STATUS_KILLED : 0;
	if (p->way <= WAY_EINTR)
		f.sys = errors[p->way];
	if (p->way == WAY_SHORT || p->way == WAY_SHORT_ON || p->way == WAY_SHORT_OTHERS ||
	    p->way == WAY_KILL_SHORT)
		f.cut = 37;
	if (p->way == WAY_SHORT_LAST || p->way == WAY_KILL_LAST)
		f.cut_last = 1;
	if (p->way == WAY_OTHERS || p->way == WAY_OTHERS_TORN || p->way == WAY_SHORT_OTHERS)
		f.meanwhile = others_append;
	f.user = p->way == WAY_OTHERS_TORN ? base : NULL;
	return f;
}

/* In memory where there is such a place: what a disk keeps is another test's matter. */
static char *new_dir(void)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	const char *chosen = getenv("TMPDIR");
	char *dir = NULL;
	int i;

	for (i = chosen && *chosen ? -1 : 0; i < 2; i++) {
		if (asprintf(&dir, "%s/ramet-points-XXXXXX", i < 0 ? chosen : places[i]) > 0 &&
		    mkdtemp(dir))
			return dir;
	}
	perror("no temporary directory");
	exit(2);
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	memset(ledger, 0, sizeof(*ledger));
	w->ledger = ledger;
	ramet_buf_init(&w->given, 1u << 20);
	(void)snprintf(w->dir, sizeof(w->dir), "%s/s", base);
	(void)snprintf(w->forks, sizeof(w->forks), "%s/forks", base);
	(void)snprintf(w->path, sizeof(w->path), "%s/s/s.jsonl", base);
	(void)mkdir(w->dir, 0700);
	(void)mkdir(w->forks, 0700);
	(void)setenv("HOME", base, 1);
	(void)setenv("XDG_CACHE_HOME", temp_path(base, "cache"), 1);
	(void)setenv("XDG_DATA_HOME", temp_path(base, "data"), 1);
	there = w;
}

/* In a child that exits in the call: 1 if it did. */
static int run_killed(const struct scenario *s, struct world *w, const struct faults *f)
{
	int status = 0;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		faults_start(f);
		s->run(w);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("fork");
		exit(2);
	}
	if (WIFSIGNALED(status))
		check_fail(w, "died of signal %d", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_KILLED;
}

static void look_after(struct world *w, const struct scenario *s, const struct point *p)
{
	const struct faults none = { .hasty = 1 };

	faults_start(&none);
	check_world(w, s, p);
	(void)faults_stop();
}

/* 1 if the call was reached. calls: how many of each kind, for WAY_NONE. */
static int run_point(const struct scenario *s, const struct point *p, unsigned *calls)
{
	const struct faults f = faults_of(s, p);
	unsigned fds = open_descriptors();
	long before = live;
	struct world w;
	int kind, reached = 1;

	base = new_dir();
	world_init(&w);
	check_begin(s, p);
	w.patience_ms = way_lasts(p->way) ? 5 : 5000;
	s->given(&w);
	if (way_kills(p->way)) {
		reached = run_killed(s, &w, &f);
	} else {
		faults_start(&f);
		s->run(&w);
		reached = faults_stop();
		for (kind = 0; calls && kind <= FAULT_ANY; kind++)
			calls[kind] = kind == FAULT_KINDS ? 0 : faults_calls(kind);
	}
	look_after(&w, s, p);
	ramet_buf_release(&w.given);
	if (open_descriptors() != fds)
		check_fail(&w, "descriptors: %u, then %u", fds, open_descriptors());
	if (live != before)
		check_fail(&w, "%ld pieces of memory are lost", live - before);
	live = before;
	temp_dir_remove(base);
	return reached;
}

/* ---- all of them ---- */

static int transfers(int kind)
{
	return kind == FAULT_READ || kind == FAULT_PREAD || kind == FAULT_WRITE ||
	       kind == FAULT_PWRITE || kind == FAULT_RANDOM;
}

static int interruptible(int kind)
{
	return transfers(kind) || kind == FAULT_OPEN || kind == FAULT_OPENAT ||
	       kind == FAULT_FSYNC || kind == FAULT_FDATASYNC || kind == FAULT_FTRUNCATE ||
	       kind == FAULT_FLOCK || kind == FAULT_CLOSE;
}

static int applies(enum way way, int kind)
{
	int writes = kind == FAULT_WRITE || kind == FAULT_PWRITE;

	switch (way) {
	case WAY_NONE:
		return 0;
	case WAY_EINTR:
		return interruptible(kind);
	case WAY_SHORT:
	case WAY_SHORT_ON:
		return transfers(kind);
	case WAY_SHORT_LAST:
		return transfers(kind) && kind != FAULT_RANDOM;
	case WAY_SHORT_OTHERS:
	case WAY_KILL_SHORT:
	case WAY_KILL_LAST:
		return writes;
	case WAY_ALL_ON:
	case WAY_OTHERS:
	case WAY_OTHERS_TORN:
		return kind == FAULT_ANY;
	default:
		return kind < FAULT_KINDS;
	}
}

struct score {
	unsigned points, failed;
};

static void try_point(const struct scenario *s, const struct point *p, struct score *score)
{
	if (turn++ % step)
		return;
	if (!run_point(s, p, NULL))
		return;
	score->points++;
	score->failed += check_failed_now() != 0;
}

static struct score run_scenario(const struct scenario *s)
{
	unsigned calls[FAULT_ANY + 1] = { 0 };
	struct point p = { FAULT_ANY, 0, WAY_NONE };
	struct score score = { 0, 0 };
	int way;

	(void)run_point(s, &p, calls);
	score.failed += check_failed_now() != 0;
	for (p.kind = 0; p.kind <= FAULT_ANY; p.kind++)
		for (way = WAY_NONE; way < WAYS; way++)
			for (p.n = 1; applies(way, p.kind) && p.n <= calls[p.kind]; p.n++) {
				p.way = way;
				try_point(s, &p, &score);
			}
	return score;
}

static void run_table(const struct scenario *s, const char *only, struct score *all)
{
	struct score one;

	for (; s->name; s++) {
		if (only && !strstr(s->name, only))
			continue;
		one = run_scenario(s);
		all->points += one.points;
		all->failed += one.failed;
		printf("%-34s %6u points %6u failed\n", s->name, one.points, one.failed);
		(void)fflush(stdout);
	}
}

static int run_all(const char *only)
{
	struct score all = { 0, 0 };

	run_table(point_scenarios, only, &all);
	run_table(point_formats, only, &all);
	printf("%-34s %6u points %6u failed\n", "fault points in all", all.points, all.failed);
	printf("%u passed, %u failed\n", all.points - all.failed, all.failed);
	return all.failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct ramet_allocator counted = { counted_realloc, counted_free, NULL };
	const char *only = NULL;
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "quick"))
			step = QUICK_STEP;
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else if (!strcmp(argv[i], "--step") && i + 1 < argc)
			step = (unsigned)strtoul(argv[++i], NULL, 10);
	step = step ? step : 1;
	ramet_set_allocator(&counted);
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (ledger == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	return run_all(only);
}

/*
 * crash_run.c - power cuts: workloads, every image a cut may leave, and what must hold in each.
 *
 *     crash_run [quick|long|soak] [--only TEXT] [--seed N] [--stop]
 *
 * Named workloads with all tears; all workloads of one, two and three common steps on several
 * places and levels, cut within their last step (the earlier cuts are those of the shorter
 * workload); and random longer ones. --only: the named ones whose name has
 * this text. --stop: to the first violation. The last line is
 * "N passed, N failed": workloads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crash_work.h"

#define SHOWN_MAX 6u

enum { EACH = RAMET_LEVEL_EACH, TURN = RAMET_LEVEL_TURN, NONE = RAMET_LEVEL_NONE };

struct named {
	const char *name;
	enum crash_place place;
	int levels[2];
	const char *steps;                       /* separated by blanks */
};

static const struct named workloads[] = {
	{ "append, each", CRASH_FRESH, { EACH, EACH }, "user assistant user" },
	{ "append, turn", CRASH_FRESH, { TURN, EACH }, "user assistant user" },
	{ "append, none", CRASH_FRESH, { NONE, EACH }, "user assistant sync user" },
	{ "append to old, each", CRASH_OLD, { EACH, EACH }, "user assistant user" },
	{ "append to old, turn", CRASH_OLD, { TURN, EACH }, "user assistant user" },
	{ "append to old, none", CRASH_OLD, { NONE, EACH }, "user assistant sync" },
	{ "append many", CRASH_OLD, { EACH, EACH }, "many many" },
	{ "append many, none", CRASH_OLD, { NONE, EACH }, "many sync many" },
	{ "large lines", CRASH_OLD, { EACH, EACH }, "large user" },
	{ "two handles, each", CRASH_OLD, { EACH, EACH }, "user other user other" },
	{ "two handles, none and each", CRASH_OLD, { NONE, EACH }, "user other user other" },
	{ "two handles, none and each, new", CRASH_NO_DIR, { NONE, EACH }, "user other" },
	{ "two handles, turn and none", CRASH_OLD, { TURN, NONE }, "other user assistant" },
	{ "after a torn tail", CRASH_TORN, { EACH, EACH }, "user assistant" },
	{ "after a missing line end", CRASH_NO_END, { EACH, EACH }, "user assistant" },
	{ "into a file of zero bytes", CRASH_ZERO, { EACH, EACH }, "user assistant" },
	{ "into a missing directory", CRASH_NO_DIR, { EACH, EACH }, "user assistant" },
	{ "missing directory, none", CRASH_NO_DIR, { NONE, EACH }, "user sync" },
	{ "missing directory, turn", CRASH_NO_DIR, { TURN, EACH }, "user assistant" },
	{ "write, then append", CRASH_FRESH, { EACH, EACH }, "write user" },
	{ "create", CRASH_OLD, { EACH, EACH }, "create create" },
	{ "first message", CRASH_OLD, { EACH, EACH }, "first" },
	{ "first message, none", CRASH_OLD, { NONE, EACH }, "first" },
	{ "branch with summary", CRASH_OLD, { EACH, EACH }, "summary user summary" },
	{ "label", CRASH_OLD, { EACH, EACH }, "label user label" },
	{ "fork", CRASH_OLD, { EACH, EACH }, "fork user fork" },
	{ "fork, none", CRASH_OLD, { NONE, EACH }, "user fork sync" },
	{ "fork of a branch", CRASH_OLD, { EACH, EACH }, "fork_branch user fork_branch" },
	{ "migrate version 1", CRASH_V1, { EACH, EACH }, "migrate user" },
	{ "migrate version 2", CRASH_V2, { EACH, EACH }, "migrate user" },
	{ "append to version 2", CRASH_V2, { EACH, EACH }, "user migrate" },
	{ "append to version 2, none", CRASH_V2, { NONE, EACH }, "user migrate" },
	{ "repair of a torn tail", CRASH_TORN, { EACH, EACH }, "repair user" },
	{ "repair in the middle", CRASH_HOLED, { EACH, EACH }, "repair user" },
	{ "repair after an append", CRASH_TORN, { NONE, EACH }, "user repair" },
	{ "failed sync, then recovery", CRASH_OLD, { EACH, EACH }, "user doubt user" },
	{ "failed sync, two handles", CRASH_OLD, { EACH, EACH }, "other doubt other user" },
	{ "index of a large session", CRASH_LARGE, { EACH, EACH }, "wait user wait reopen user" },
	{ "index, none", CRASH_LARGE, { NONE, EACH }, "wait user reopen wait user reopen" },
	{ "index, two handles", CRASH_LARGE, { NONE, EACH }, "wait user other reopen user" },
	{ "remove", CRASH_OLD, { EACH, EACH }, "user remove" },
	{ "trash", CRASH_OLD, { EACH, EACH }, "user trash" },
};

/* ---- images that were seen ---- */

struct seen {
	uint64_t *slots;
	size_t n, cap;
};

static int is_new(struct seen *s, uint64_t h)
{
	size_t i, at;

	h += !h;
	if (s->n * 2 >= s->cap) {
		struct seen more = { calloc(s->cap ? s->cap * 2 : 1024, sizeof(h)), 0,
				     s->cap ? s->cap * 2 : 1024 };

		if (!more.slots)
			abort();
		for (i = 0; i < s->cap; i++)
			if (s->slots[i])
				(void)is_new(&more, s->slots[i]);
		free(s->slots);
		*s = more;
	}
	for (at = h & (s->cap - 1); s->slots[at]; at = (at + 1) & (s->cap - 1))
		if (s->slots[at] == h)
			return 0;
	s->slots[at] = h;
	s->n++;
	return 1;
}

/* ---- one workload ---- */

struct tally {
	unsigned long workloads, failed, operations, images, violations, shown;
	int stop;
};

struct trial {
	const struct crash_work *w;
	const char *name;
	uint64_t phase;
	struct seen seen;
	struct tally *all;
	unsigned long images, violations;
};

static void show(struct trial *t, const struct crash_cut *cut, size_t at, const char *why)
{
	char text[4000] = "", op[200] = "";

	t->violations++;
	if (t->all->shown++ >= SHOWN_MAX)
		return;
	if (cut)
		crash_describe(cut, text, sizeof(text));
	if (at)
		crash_describe_op(&t->w->run->ops[at - 1], op, sizeof(op));
	printf("VIOLATION %s: cut after operation %zu of %zu (%s)%s\n  %s\n%s", t->name, at,
	       t->w->run->n_ops, op, cut ? "" : ", process killed", why, text);
	fflush(stdout);
}

static int try_image(void *user, const struct crash_cut *cut)
{
	struct trial *t = user;
	char why[600];

	if (!is_new(&t->seen, crash_hash(cut->image) + t->phase))
		return 0;
	t->images++;
	if (crash_check(&t->w->oracle, cut->image, cut->at, 0, why, sizeof(why)))
		show(t, cut, cut->at, why);
	return t->violations && t->all->stop;
}

static void try_killed(struct trial *t, size_t at)
{
	struct crash_fs *image = crash_fs_new();
	char why[600];

	crash_killed(image, t->w->start, t->w->run, at);
	t->images++;
	if (crash_check(&t->w->oracle, image, at, 1, why, sizeof(why)))
		show(t, NULL, at, why);
	crash_fs_free(image);
}

static void try_cuts(struct trial *t, size_t from, const struct crash_scope *scope)
{
	size_t at;
	int r = 0;

	for (at = from; !r && at <= t->w->run->n_ops; at++) {
		t->phase = crash_oracle_phase(&t->w->oracle, at) * 0x9e3779b97f4a7c15u;
		try_killed(t, at);
		r = crash_images(t->w->start, t->w->run, at, scope, try_image, t);
	}
}

static struct trial run_one(const char *name, enum crash_place place, const int levels[2],
			    const unsigned *steps, size_t n, int last_only,
			    const struct crash_scope *scope, struct tally *all)
{
	struct crash_work w;
	struct trial t = { .w = &w, .name = name, .all = all };

	if (crash_work_run(&w, place, levels, steps, n) < 0) {
		printf("VIOLATION %s: %s\n", name, w.failed);
		t.violations++;
	} else {
		try_cuts(&t, last_only ? w.last_begun : 0, scope);
	}
	all->workloads++;
	all->failed += t.violations > 0;
	all->operations += w.run->n_ops;
	all->images += t.images;
	all->violations += t.violations;
	crash_work_release(&w);
	free(t.seen.slots);
	t.seen.slots = NULL;
	return t;
}

static int stopped(const struct tally *all)
{
	return all->stop && all->violations;
}

/* ---- all of them ---- */

static size_t parse_steps(const char *text, unsigned *steps)
{
	char name[32];
	size_t n = 0;
	int used;

	for (; n < CRASH_OPS_MAX && sscanf(text, "%31s%n", name, &used) == 1; text += used)
		steps[n++] = crash_step_of(name);
	return n;
}

static void row(const char *name, size_t steps, unsigned long operations, unsigned long images,
		unsigned long violations)
{
	printf("%-34s %6zu %8lu %9lu %6lu\n", name, steps, operations, images, violations);
	fflush(stdout);
}

static void run_named(const char *only, const struct crash_scope *scope, struct tally *all)
{
	unsigned steps[CRASH_OPS_MAX];
	size_t i, n;

	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]) && !stopped(all); i++) {
		const struct named *x = &workloads[i];
		unsigned long before = all->operations;
		struct crash_scope here = *scope;
		struct trial t;

		if (only && !strstr(x->name, only))
			continue;
		if (x->place == CRASH_LARGE) {       /* each image takes a millisecond */
			here.byte_step = here.byte_step > 1 ? 0 : 32;
			here.combinations /= 16;
			here.samples /= 4;
		}
		n = parse_steps(x->steps, steps);
		t = run_one(x->name, x->place, x->levels, steps, n, 0, &here, all);
		row(x->name, n, all->operations - before, t.images, t.violations);
	}
}

static void describe_steps(char *to, size_t len, enum crash_place place, const int levels[2],
			   const unsigned *steps, size_t n)
{
	static const char *const places[] = { "fresh", "no dir", "zero", "old",
					      "torn", "no end", "holed", "v1", "v2", "large" };
	static const char *const names[] = { "each", "turn", "none" };
	size_t i, used;

	used = (size_t)snprintf(to, len, "%s, %s, %s:", places[place], names[levels[0]],
				names[levels[1]]);
	for (i = 0; i < n && used < len; i++)
		used += (size_t)snprintf(to + used, len - used, " %s", crash_steps[steps[i]].name);
}

/* Every sequence of n common steps. */
static void run_sequences(size_t n, unsigned every, const struct crash_scope *scope,
			  struct tally *all)
{
	static const struct {
		enum crash_place place;
		int levels[2];
	} grounds[] = {
		{ CRASH_NO_DIR, { EACH, EACH } }, { CRASH_OLD, { EACH, NONE } },
		{ CRASH_FRESH, { TURN, EACH } },  { CRASH_TORN, { TURN, NONE } },
		{ CRASH_NO_DIR, { NONE, TURN } }, { CRASH_OLD, { NONE, EACH } },
		{ CRASH_ZERO, { EACH, TURN } },
	};
	struct tally part = { .stop = all->stop, .shown = all->shown };
	size_t g, i, number, total = 1;
	unsigned steps[8];
	char name[200];

	for (i = 0; i < n; i++)
		total *= crash_n_common;
	for (g = 0; g < sizeof(grounds) / sizeof(grounds[0]); g++)
		for (number = g % every; number < total && !stopped(&part); number += every) {
			size_t rest = number;

			for (i = 0; i < n; i++, rest /= crash_n_common)
				steps[i] = (unsigned)(rest % crash_n_common);
			describe_steps(name, sizeof(name), grounds[g].place, grounds[g].levels,
				       steps, n);
			(void)run_one(name, grounds[g].place, grounds[g].levels, steps, n, 1,
				      scope, &part);
		}
	(void)snprintf(name, sizeof(name), "%s%lu of %zu step%s", every > 1 ? "" : "all ",
		       part.workloads, n, n > 1 ? "s" : "");
	row(name, n, part.operations, part.images, part.violations);
	all->workloads += part.workloads;
	all->failed += part.failed;
	all->operations += part.operations;
	all->images += part.images;
	all->violations += part.violations;
	all->shown = part.shown;
}

static unsigned pick(uint64_t *state, unsigned n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((*state >> 33) % n);
}

static void run_random(unsigned n, uint64_t seed, struct crash_scope scope, struct tally *all)
{
	struct tally part = { .stop = all->stop, .shown = all->shown };
	unsigned steps[CRASH_OPS_MAX], i, k, len;
	int levels[2];
	char name[400];

	for (i = 0; i < n && !stopped(&part); i++) {
		uint64_t state = seed * 1000003 + i;
		enum crash_place place = (enum crash_place)pick(&state, CRASH_NO_END + 1);

		len = 4 + pick(&state, 9);
		levels[0] = (int)pick(&state, 3);
		levels[1] = (int)pick(&state, 3);
		for (k = 0; k < len; k++)
			steps[k] = pick(&state, crash_n_common + 2);
		scope.seed = state;
		describe_steps(name, sizeof(name), place, levels, steps, len);
		(void)run_one(name, place, levels, steps, len, 0, &scope, &part);
	}
	row("random, 4 to 12 steps", 0, part.operations, part.images, part.violations);
	all->workloads += part.workloads;
	all->failed += part.failed;
	all->operations += part.operations;
	all->images += part.images;
	all->violations += part.violations;
	all->shown = part.shown;
}

static void run_formats(int quick, const char *only, struct tally *all)
{
	const struct crash_scope scope = { .byte_step = quick ? 61 : 3,
					   .combinations = quick ? 8 : 100,
					   .samples = quick ? 4 : 30 };
	unsigned failed = 0;

	if (stopped(all))
		return;
	all->workloads += crash_formats(&scope, only, &failed);
	all->failed += failed;
	all->violations += failed;
}

int main(int argc, char **argv)
{
	const char *form = argc > 1 && argv[1][0] != '-' ? argv[1] : "quick";
	int quick = !strcmp(form, "quick"), soak = !strcmp(form, "soak"), i;
	struct crash_scope named = { .byte_step = quick ? 61 : 1, .combinations = quick ? 12 : 1000,
				     .samples = quick ? 6 : 200 };
	struct crash_scope short_ones = { .byte_step = 0, .combinations = quick ? 10 : 20,
					  .samples = 4 };
	const size_t tears[] = { 0, 1, 7, soak ? 31 : 0 };   /* by the number of steps */
	struct crash_scope random = { .byte_step = 0, .combinations = 8, .samples = 16 };
	struct tally all = { .stop = 0 };
	struct timespec begin, end;
	const char *only = NULL;
	uint64_t seed = 1;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--stop"))
			all.stop = 1;
		if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[i + 1];
		if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	printf("%-34s %6s %8s %9s %6s\n", "workload", "steps", "calls", "images", "broken");
	run_named(only, &named, &all);
	run_formats(quick, only, &all);
	for (i = 1; i <= 3 && !only && !stopped(&all); i++) {
		short_ones.byte_step = quick ? 0 : tears[i];
		run_sequences((size_t)i, quick && i > 1 ? i > 2 ? 1009 : 61 : 1, &short_ones,
			      &all);
	}
	if (!only && !stopped(&all))
		run_random(quick ? 10 : soak ? 20000 : 1000, seed, random, &all);
	clock_gettime(CLOCK_MONOTONIC, &end);
	row("total", 0, all.operations, all.images, all.violations);
	printf("%.1f s, %lu workloads; %lu openings again for a damaged index\n",
	       (double)(end.tv_sec - begin.tv_sec) +
		       (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
	       all.workloads, crash_second_openings);
	printf("%lu passed, %lu failed\n", all.workloads - all.failed, all.failed);
	return all.failed > 0;
}

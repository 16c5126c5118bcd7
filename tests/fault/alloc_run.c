/*
 * alloc_run.c - every public call while memory runs out: the first, second, ... allocation of a
 * call fails, that one alone and it and all later ones, until the call succeeds.
 *
 *     alloc_run [quick] [--only TEXT]
 *
 * A call that fails says ENOMEM, has put nothing out, has changed nothing, has lost nothing, and
 * works when it is made again. Prints a table; exits with 1 when something did not hold.
 */
#include "alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"

#define KEPT "kept"
#define SHOWN_MAX 60u
#define PLACES_MAX 100000u

static struct {
	_Atomic unsigned n; /* a queue has a thread */
	_Atomic unsigned fail_at;
	_Atomic int for_ever, reached;
	_Atomic long live;
} memory;

static const struct alloc_call *at;
static unsigned failures, failed_now, quick;

static void *scarce_realloc(void *user, void *ptr, size_t size)
{
	unsigned n = ++memory.n;
	void *fresh;

	(void)user;
	if (memory.fail_at && (n == memory.fail_at || (memory.for_ever && n > memory.fail_at))) {
		memory.reached = 1;
		return NULL;
	}
	fresh = realloc(ptr, size);
	memory.live += fresh && !ptr;
	return fresh;
}

static void scarce_free(void *user, void *ptr)
{
	(void)user;
	memory.live -= ptr != NULL;
	free(ptr);
}

/* Nobody is just ending the torn line of the odd session. */
static int no_pause(void *user, const struct timespec *ts)
{
	(void)user;
	(void)ts;
	return 0;
}

static void fail(unsigned n, int for_ever, const char *what)
{
	failed_now++;
	if (failures++ < SHOWN_MAX)
		printf("FAILED %s, allocation %u%s: %s\n", at->name, n, for_ever ? " for ever" : "",
		       what);
}

/* ---- one place ---- */

static int call_scarce(struct stage *st, unsigned n, int for_ever)
{
	int r;

	memory.n = 0;
	memory.fail_at = n;
	memory.for_ever = for_ever;
	memory.reached = 0;
	r = at->call(st);
	memory.fail_at = 0;
	return r;
}

static int same(const struct ramet_buf *a, const struct ramet_buf *b)
{
	return ramet_bytes_eq(ramet_buf_bytes(a), ramet_buf_bytes(b));
}

static void prepare(struct stage *st)
{
	ramet_buf_add_str(&st->out, KEPT);
	ramet_buf_add_str(&st->other, KEPT);
}

/* It said no: what it said, and that nothing came out. */
static void after_failure(const struct stage *st, int r, unsigned n, int for_ever)
{
	static const struct outs none;
	struct outs outs = st->outs;

	if (r != RAMET_ENOMEM && !(at->flags & ALLOC_THREAD))
		fail(n, for_ever, ramet_code_name(r));
	if (!(at->flags & ALLOC_SILENT) && (st->err.code != r || !*st->err.text))
		fail(n, for_ever, "the error says something else");
	if (!outs.findings.n && !outs.findings.n_dropped)
		memset(&outs.findings, 0, sizeof(outs.findings)); /* room for more of them */
	if (memcmp(&outs, &none, sizeof(none)) != 0)
		fail(n, for_ever, "an output was touched");
	if (!(at->flags & ALLOC_PIECEMEAL) && (!ramet_bytes_is(ramet_buf_bytes(&st->out), KEPT) ||
					       !ramet_bytes_is(ramet_buf_bytes(&st->other), KEPT)))
		fail(n, for_ever, "bytes were put out");
}

/* With memory again it gives what it always gives. */
static void works(struct stage *st, unsigned n, int for_ever, const struct ramet_buf *expected)
{
	struct ramet_buf outs = RAMET_BUF_INIT(1u << 24);

	prepare(st);
	if (at->call(st) < 0)
		fail(n, for_ever, "does not work afterwards");
	stage_outs(st, &outs);
	if (!(at->flags & ALLOC_VARIES) && !same(&outs, expected))
		fail(n, for_ever, "gives something else afterwards");
	ramet_buf_release(&outs);
}

/* 0 when the call makes fewer allocations than that. */
static int try_place(unsigned n, int for_ever, const struct ramet_buf *expected)
{
	struct ramet_buf before = RAMET_BUF_INIT(1u << 24), after = RAMET_BUF_INIT(1u << 24);
	struct ramet_buf outs = RAMET_BUF_INIT(1u << 24);
	long live = memory.live;
	struct stage st;
	int r, reached;

	stage_init(&st, at->flags);
	prepare(&st);
	stage_state(&st, &before);
	r = call_scarce(&st, n, for_ever);
	reached = memory.reached;
	if (r < 0) {
		after_failure(&st, r, n, for_ever);
		stage_state(&st, &after);
		if (!(at->flags & (ALLOC_CHANGES | ALLOC_THREAD)) && !same(&before, &after))
			fail(n, for_ever, "something has changed");
		stage_forget(&st);
		if (!(at->flags & ALLOC_THREAD))
			works(&st, n, for_ever, expected);
	} else {
		stage_outs(&st, &outs);
		if (!(at->flags & ALLOC_VARIES) && !same(&outs, expected))
			fail(n, for_ever, "succeeds with another answer");
		stage_state(&st, &after); /* everything can still be read */
		stage_forget(&st);
		if (!(at->flags & ALLOC_ONCE)) {
			prepare(&st);
			if (at->call(&st) < 0)
				fail(n, for_ever, "does not work again after success");
		}
	}
	stage_release(&st);
	ramet_buf_release(&before);
	ramet_buf_release(&after);
	ramet_buf_release(&outs);
	if (memory.live != live)
		fail(n, for_ever, "memory is lost");
	memory.live = live;
	return reached;
}

/* ---- one call ---- */

/* What it gives when nothing fails. */
static void expect(struct ramet_buf *expected)
{
	struct stage st;

	stage_init(&st, at->flags);
	prepare(&st);
	if (at->call(&st) < 0) {
		fail(0, 0, "fails without a cause");
		printf("     %s\n", st.err.text);
	}
	stage_outs(&st, expected);
	stage_release(&st);
}

static unsigned try_call(void)
{
	struct ramet_buf expected = RAMET_BUF_INIT(1u << 24);
	unsigned n, places = 0;
	int for_ever;

	expect(&expected);
	for (for_ever = 0; for_ever < 2; for_ever++)
		for (n = 1; n < PLACES_MAX; n += quick && n > 8 ? 5 : 1) {
			if (!try_place(n, for_ever, &expected))
				break;
			places++;
		}
	ramet_buf_release(&expected);
	return places;
}

static unsigned try_table(const char *name, const struct alloc_call *table, const char *only)
{
	unsigned calls = 0, places = 0, before = failures, bad = 0;

	for (at = table; at->name; at++) {
		if (only && !strstr(at->name, only))
			continue;
		failed_now = 0;
		places += try_call();
		bad += failed_now != 0;
		calls++;
	}
	printf("%-10s %4u calls %6u places %5u failed\n", name, calls, places, failures - before);
	(void)fflush(stdout);
	return calls << 16 | bad;
}

int main(int argc, char **argv)
{
	static const struct ramet_allocator scarce = { scarce_realloc, scarce_free, NULL };
	static const struct {
		const char *name;
		const struct alloc_call *table;
	} tables[] = { { "base", alloc_base },
		       { "model", alloc_model },
		       { "store", alloc_store },
		       { "writing", alloc_writes },
		       { "ops", alloc_ops },
		       { "systems", alloc_systems } };
	static struct rameti_env hasty;
	const char *only = NULL;
	unsigned calls = 0, bad = 0, got;
	size_t t;
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "quick"))
			quick = 1;
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
	hasty = *rameti_env_posix();
	hasty.nanosleep = no_pause;
	rameti_env_use(&hasty);
	ramet_set_allocator(&scarce);
	for (t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		got = try_table(tables[t].name, tables[t].table, only);
		calls += got >> 16;
		bad += got & 0xffff;
	}
	printf("%u passed, %u failed\n", calls - bad, bad);
	return bad ? 1 : 0;
}

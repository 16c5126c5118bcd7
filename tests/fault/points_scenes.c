/*
 * points_scenes.c - the standard scenarios: what is there, a few calls, what must hold after them.
 *
 * A call that fails does not end a scenario unless nothing is left to call with, so that each
 * shows how handles go on.
 */
#include "points.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "whole.h"

#define GIVEN 6u

static struct ramet_bytes mark_of(const struct record *rec)
{
	return ramet_bytes_of(rec->mark);
}

static struct held *open_at(struct world *w, int level, int create)
{
	const struct ramet_open_opts opts = {
		.level = level, .lock_ms = 50, .create = create, .dir = w->forks
	};
	struct ramet_session *s = NULL;

	if (world_said(w, NULL, ramet_session_open(&s, w->path, &opts, &w->why)) < 0)
		return NULL;
	return world_hold(w, s);
}

static void given_talk(struct world *w)
{
	world_put(w, w->path, 3, GIVEN, "");
}

static void given_nothing(struct world *w)
{
	(void)w;
}

/* ---- new sessions ---- */

static void run_create(struct world *w)
{
	char dir[POINT_PATH + 8];
	const struct ramet_create_opts opts = { .id = "n1", .dir = dir, .lock_ms = 50 };
	struct ramet_session *s = NULL;
	struct record *rec;
	struct held *h;

	(void)snprintf(dir, sizeof(dir), "%s/deep", w->dir);
	if (world_said(w, NULL, ramet_session_create(&s, "/w", &opts, &w->why)) < 0)
		return;
	h = world_hold(w, s);
	(void)snprintf(w->path, sizeof(w->path), "%s", ramet_session_path(s));
	rec = world_mark(w, w->path);
	world_told(
		w, h, rec, 1,
		ramet_session_append_model(s, ramet_bytes_of("p"), mark_of(rec), rec->id, &w->why));
	(void)world_say(w, h, "user");
	(void)world_say(w, h, "assistant");
}

static void given_empty(struct world *w)
{
	FILE *f = fopen(w->path, "wb");

	if (f)
		(void)fclose(f);
}

static void run_empty(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 1);

	if (!h)
		return;
	(void)world_say(w, h, "user");
	(void)world_say(w, h, "assistant");
}

/* ---- appends ---- */

static void run_each(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	unsigned i;

	for (i = 0; h && i < 3; i++)
		(void)world_say(w, h, i % 2 ? "assistant" : "user");
}

static void run_none(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_NONE, 0);
	unsigned i;

	for (i = 0; h && i < 4; i++) {
		(void)world_say(w, h, i % 2 ? "assistant" : "user");
		if (i % 2)
			(void)world_said(w, h, ramet_session_sync(h->s, &w->why));
	}
}

static void say_many(struct world *w, struct held *h)
{
	struct ramet_bytes messages[20];
	char ids[20][RAMET_ID_SIZE] = { "" };
	struct record *first = NULL;
	unsigned i;
	int r;

	for (i = 0; i < 20; i++) {
		struct record *rec = world_mark(w, w->path);

		first = first ? first : rec;
		messages[i] = world_message(i % 2 ? "assistant" : "user", rec->mark);
	}
	r = ramet_session_append_messages(h->s, messages, 20, ids, &w->why);
	for (i = 0; !r && i < 20; i++)
		memcpy(first[i].id, ids[i], RAMET_ID_SIZE);
	world_told(w, h, first, 20, r);
}

static void run_many(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);

	if (!h)
		return;
	say_many(w, h);
	say_many(w, h);
}

static void given_torn(struct world *w)
{
	world_put(w, w->path, 3, GIVEN, "{\"type\":\"message\",\"id\":\"torn\",\"par");
}

static void run_two(struct world *w)
{
	struct held *a = open_at(w, RAMET_LEVEL_EACH, 0);
	struct held *b = open_at(w, RAMET_LEVEL_NONE, 0);
	unsigned i;

	for (i = 0; a && b && i < 4; i++)
		(void)world_say(w, i % 2 ? b : a, i % 2 ? "assistant" : "user");
	if (a && b)
		(void)world_said(w, a, ramet_session_refresh(a->s, &w->why));
}

/* ---- other entries ---- */

static void run_branch(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	struct ramet_summary b = { .from_hook = 0 };
	struct record *rec;

	if (!h)
		return;
	rec = world_mark(w, w->path);
	b.summary = mark_of(rec);
	world_told(w, h, rec, 1, ramet_session_branch_with_summary(h->s, 1, &b, rec->id, &w->why));
	rec = world_mark(w, w->path);
	world_told(w, h, rec, 1,
		   ramet_session_append_label(h->s, 2, mark_of(rec), rec->id, &w->why));
	rec = world_mark(w, w->path);
	world_told(w, h, rec, 1, ramet_session_append_name(h->s, mark_of(rec), rec->id, &w->why));
	(void)world_said(w, h, ramet_session_branch(h->s, 3, &w->why));
	(void)world_say(w, h, "user");
}

static void run_compact(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	struct ramet_summary c = { .tokens_before = 1000 };
	struct ramet_context *context = NULL;
	char text[64];
	struct record *rec;

	if (!h)
		return;
	(void)world_said(w, h, ramet_session_branch(h->s, GIVEN - 1, &w->why));
	rec = world_mark(w, w->path);
	c.summary = mark_of(rec);
	c.first_kept = ramet_bytes_of("g004");
	world_told(w, h, rec, 1, ramet_session_append_compaction(h->s, &c, rec->id, &w->why));
	rec = world_mark(w, w->path);
	(void)snprintf(text, sizeof(text), "{\"content\":\"%s\"}", rec->mark);
	world_told(
		w, h, rec, 1,
		ramet_session_append_context_edit(h->s, 4, ramet_bytes_of(text), rec->id, &w->why));
	(void)world_say(w, h, "user");
	(void)world_said(w, h,
			 ramet_context_new(&context, ramet_session_tree(h->s),
					   ramet_session_leaf(h->s), &w->why));
	ramet_context_free(context);
}

/* ---- new sessions from old ones ---- */

/* All that the ledger says about the source holds in the copy too. */
static void copy_records(struct world *w, const char *path, unsigned n)
{
	const struct ledger *l = w->ledger;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct record *rec;

		if (l->items[i].told != TOLD_STORED || l->items[i].foreign)
			continue;
		rec = world_mark(w, path);
		memcpy(rec->mark, l->items[i].mark, sizeof(rec->mark));
		memcpy(rec->id, l->items[i].id, sizeof(rec->id));
		rec->told = TOLD_STORED;
	}
}

static void end_fork(struct world *w, struct held *source, struct ramet_session *made, int r,
		     unsigned n)
{
	struct held *h;

	(void)world_said(w, source, r);
	if (r != RAMET_EUNKNOWN)
		w->ledger->making = 0;
	if (r < 0)
		return;
	h = world_hold(w, made);
	copy_records(w, ramet_session_path(made), n);
	(void)world_say(w, h, "user");
}

static void run_fork(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	const struct ramet_fork_opts opts = { .dir = w->forks, .id = "f1" };
	struct ramet_session *made = NULL;
	int r;

	if (!h)
		return;
	w->ledger->making = 1;
	w->ledger->n_making = GIVEN;
	r = ramet_fork(&made, h->s, &opts, &w->why);
	end_fork(w, h, made, r, GIVEN);
	(void)world_say(w, h, "user");
}

static void run_fork_branch(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	struct ramet_session *made = NULL;
	struct record *rec;
	int r;

	if (!h)
		return;
	rec = world_mark(w, w->path);
	r = ramet_session_append_label(h->s, 1, mark_of(rec), rec->id, &w->why);
	world_told(w, h, rec, 1, r);
	w->ledger->making = 1;
	w->ledger->n_making = 4 + (r == 0);
	r = ramet_fork_branch(&made, h->s, 3, NULL, &w->why);
	end_fork(w, h, made, r, 4);
	(void)world_say(w, h, "user");
}

/* ---- migration ---- */

static void given_old(struct world *w)
{
	world_put(w, w->path, 1, GIVEN, "");
	w->rewritten = 1;
}

static void run_migrate(struct world *w)
{
	struct ramet_migration done = { .to = 0 };
	struct held *h = NULL;

	if (world_said(w, NULL, ramet_migrate(w->path, 0, &done, &w->why)) >= 0)
		h = open_at(w, RAMET_LEVEL_EACH, 0);
	if (h)
		(void)world_say(w, h, "user");
}

static int same_bytes(const char *path, struct ramet_bytes text)
{
	static char found[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(found, 1, sizeof(found), f) : 0;

	if (f)
		(void)fclose(f);
	return n >= text.len && !memcmp(found, text.ptr, text.len);
}

/* The original is at its name or at the one it is kept under, with all its bytes. */
static void check_migrated(struct world *w, const struct point *p)
{
	char kept[POINT_PATH + 8];

	(void)p;
	(void)snprintf(kept, sizeof(kept), "%s.v1", w->path);
	if (!same_bytes(w->path, ramet_buf_bytes(&w->given)) &&
	    !same_bytes(kept, ramet_buf_bytes(&w->given)))
		check_fail(w, "the original is nowhere");
}

/* ---- readers ---- */

#define OTHER "other.jsonl"

/* Two sessions; what a reader gets of them when nothing fails. */
static void given_two_files(struct world *w)
{
	char other[POINT_PATH + 16];

	(void)snprintf(other, sizeof(other), "%s/" OTHER, w->dir);
	world_put(w, other, 3, GIVEN, "");
	world_put(w, w->path, 3, GIVEN, "");
}

static void check_context(struct world *w, struct held *h, uint32_t leaf)
{
	const struct ledger *l = w->ledger;
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct ramet_context *c = NULL;
	unsigned i;
	int r = ramet_context_new(&c, ramet_session_tree(h->s), leaf, &w->why);

	if (!r)
		r = ramet_context_write(c, &out, &w->why);
	for (i = 0; !r && i < l->n; i++)
		if (!strcmp(l->items[i].path, w->path) && *l->items[i].id == 'g' &&
		    !strstr(out.ptr, l->items[i].mark))
			check_fail(w, "entry %s is not in the context", l->items[i].id);
	(void)world_said(w, h, r);
	ramet_context_free(c);
	ramet_buf_release(&out);
}

static void check_listed(struct world *w)
{
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	int r = ramet_store_open(&st, w->dir, NULL, &w->why);

	if (!r)
		r = ramet_store_list(st, NULL, &list, &w->why);
	if (!r && list.n > 2)
		check_fail(w, "the list has %llu sessions", (unsigned long long)list.n);
	(void)world_said(w, NULL, r);
	ramet_list_release(&list);
	ramet_store_close(st);
}

/* All that was written by then is there. */
static void check_refreshed(struct world *w, struct held *h)
{
	const struct ledger *l = w->ledger;
	uint32_t i, n = 0;
	int r;

	for (i = 0; i < l->n; i++)
		n += l->items[i].told == TOLD_STORED && !strcmp(l->items[i].path, w->path);
	r = world_said(w, h, ramet_session_refresh(h->s, &w->why));
	if (r >= 0 && ramet_tree_count(ramet_session_tree(h->s)) < n)
		check_fail(w, "refreshed, and %u of %u entries",
			   ramet_tree_count(ramet_session_tree(h->s)), n);
}

static void run_readers(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);

	if (!h)
		return;
	check_context(w, h, GIVEN - 1);
	world_others(w, 0);
	check_listed(w);
	check_refreshed(w, h);
	world_others(w, 0);
	world_others(w, 0);
	check_refreshed(w, h);
	check_context(w, h, GIVEN - 1);
	check_refreshed(w, h);
}

/* ---- repair, seals ---- */

/* Lines of rubbish in front of the end, and half an entry. */
static void given_damaged(struct world *w)
{
	world_put(w, w->path, 3, GIVEN, "rubbish\n{\"type\":\"message\",\"id\":\"torn\",\"par");
	w->rewritten = 1;
}

static void run_repair(struct world *w)
{
	const struct ramet_repair_opts opts = { .salvage = 1 };
	struct ramet_repair done;
	struct held *h = NULL;
	int r;

	memset(&done, 0, sizeof(done));
	r = ramet_repair(w->path, &opts, &done, &w->why);
	if (!r && !done.done)
		check_fail(w, "nothing was repaired");
	ramet_repair_release(&done);
	if (world_said(w, NULL, r) >= 0)
		h = open_at(w, RAMET_LEVEL_EACH, 0);
	if (h)
		(void)world_say(w, h, "user");
}

static void check_repaired(struct world *w, const struct point *p)
{
	char kept[POINT_PATH + 16];

	(void)p;
	(void)snprintf(kept, sizeof(kept), "%s.damaged", w->path);
	if (!same_bytes(w->path, ramet_buf_bytes(&w->given)) &&
	    !same_bytes(kept, ramet_buf_bytes(&w->given)))
		check_fail(w, "the original is nowhere");
}

static void run_seal(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	struct ramet_sealed done;

	if (!h)
		return;
	(void)world_say(w, h, "user");
	(void)world_said(w, h, ramet_session_seal(h->s, NULL, &done, &w->why));
	(void)world_say(w, h, "assistant");
	(void)world_said(w, h, ramet_session_seal(h->s, NULL, &done, &w->why));
}

/* Whatever got through is what was written. */
static void check_sealed(struct world *w, const struct point *p)
{
	struct ramet_verdict v;
	uint32_t i;

	(void)p;
	memset(&v, 0, sizeof(v));
	if (ramet_verify(w->path, NULL, &v, &w->why) < 0)
		check_fail(w, "cannot be verified: %s", w->why.text);
	for (i = 0; i < v.findings.n; i++)
		if (!strcmp(v.findings.items[i].code, "seal") &&
		    v.findings.items[i].severity == RAMET_DAMAGE)
			check_fail(w, "a seal is broken: %.*s",
				   RAMET_FMT(v.findings.items[i].text));
	ramet_verdict_release(&v);
}

/* ---- a session with an index ---- */

static void given_large(struct world *w)
{
	const struct timespec old[2] = { { 1000000, 0 }, { 1000000, 0 } };

	w->filler = 300u << 10;
	given_talk(w);
	(void)utimensat(AT_FDCWD, w->path, old, 0);
}

static void run_indexed(struct world *w)
{
	struct held *h = open_at(w, RAMET_LEVEL_NONE, 0);
	unsigned i;

	if (h)
		world_drop(w, h); /* the index is made */
	for (i = 0; i < 2; i++) {
		h = open_at(w, RAMET_LEVEL_NONE, 0);
		if (!h)
			continue;
		check_context(w, h, GIVEN);
		(void)world_say(w, h, "user");
		if (!i)
			world_drop(w, h);
	}
}

/* ---- a queue ---- */

static void told_by_queue(void *user, const struct ramet_autosave_done *d)
{
	struct world *w = user;
	struct record *rec = d->tag;
	int r = d->err ? d->err->code : 0;

	if (d->id)
		(void)snprintf(rec->id, sizeof(rec->id), "%s", d->id);
	if (d->err)
		w->why = *d->err;
	world_told(w, &w->held[0], rec, 1, r);
}

static void run_queue(struct world *w)
{
	const struct ramet_autosave_opts opts = {
		.retry_ms = 1, .retry_max_ms = 1, .done = told_by_queue, .user = w
	};
	struct held *h = open_at(w, RAMET_LEVEL_EACH, 0);
	struct ramet_autosave *q = NULL;
	struct ramet_error why;
	unsigned i;

	if (!h || world_said(w, h, ramet_autosave_new(&q, &opts, &w->why)) < 0)
		return;
	for (i = 0; i < 3; i++) {
		struct record *rec = world_mark(w, w->path);
		const struct ramet_autosave_add_opts add = { .tag = rec };

		if (ramet_autosave_add(q, h->s, world_message("user", rec->mark), &add, &why) < 0)
			rec->told = TOLD_FAILED;
		(void)ramet_autosave_flush(q, h->s, w->patience_ms, &why);
	}
	while (ramet_autosave_leave(q, h->s, w->patience_ms, &why) == RAMET_ECONFLICT)
		;
	ramet_autosave_free(q, w->patience_ms);
}

const struct scenario point_scenarios[] = {
	{ "create and first message", 0, given_nothing, run_create, NULL },
	{ "  no nameless files", 1, given_nothing, run_create, NULL },
	{ "  nor sparing renames", 2, given_nothing, run_create, NULL },
	{ "  into a file of zero bytes", 0, given_empty, run_empty, NULL },
	{ "append at level each", 0, given_talk, run_each, NULL },
	{ "append at level none and sync", 0, given_talk, run_none, NULL },
	{ "append 20 messages at once", 0, given_talk, run_many, NULL },
	{ "append after a torn tail", 0, given_torn, run_each, NULL },
	{ "two handles by turns", 0, given_talk, run_two, NULL },
	{ "branch, summary, label, name", 0, given_talk, run_branch, NULL },
	{ "compaction and context edit", 0, given_talk, run_compact, NULL },
	{ "fork", 0, given_talk, run_fork, NULL },
	{ "  no nameless files", 1, given_talk, run_fork, NULL },
	{ "fork of a branch", 0, given_talk, run_fork_branch, NULL },
	{ "migrate", 0, given_old, run_migrate, check_migrated },
	{ "  no nameless files", 1, given_old, run_migrate, check_migrated },
	{ "open, context, list, refresh", 0, given_two_files, run_readers, NULL },
	{ "open and append with an index", 0, given_large, run_indexed, NULL },
	{ "repair", 0, given_damaged, run_repair, check_repaired },
	{ "  no nameless files", 1, given_damaged, run_repair, check_repaired },
	{ "seal", 0, given_talk, run_seal, check_sealed },
	{ "through a queue", 0, given_talk, run_queue, NULL },
	{ NULL, 0, NULL, NULL, NULL }
};

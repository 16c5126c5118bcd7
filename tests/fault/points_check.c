/*
 * points_check.c - what must hold after a fault, whatever the scenario was.
 *
 * Acknowledged entries are in their file, once each and in order; failed ones are not; nothing
 * that was there before has changed; handles go on or say why not; nobody finds a session that
 * nobody made; the next open and append work.
 */
#include "points.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "whole.h"

#define SHOWN_MAX 60u

static struct {
	const struct scenario *scenario;
	struct point point;
	unsigned failures, now;
} at;

const char *way_name(enum way way)
{
	static const char *const names[WAYS] = { "no fault",
						 "EIO",
						 "EIO for ever",
						 "ENOSPC",
						 "ENOSPC for ever",
						 "EDQUOT",
						 "EDQUOT for ever",
						 "EINTR",
						 "short",
						 "short for ever",
						 "short by a byte",
						 "short, others behind it",
						 "kill",
						 "kill in the middle",
						 "kill before the last byte",
						 "EIO for ever, every call",
						 "others append",
						 "others die appending" };

	return names[way];
}

int way_kills(enum way way)
{
	return way == WAY_KILL || way == WAY_KILL_SHORT || way == WAY_KILL_LAST;
}

int way_lasts(enum way way)
{
	return way == WAY_EIO_ON || way == WAY_ENOSPC_ON || way == WAY_EDQUOT_ON ||
	       way == WAY_SHORT_ON || way == WAY_ALL_ON;
}

int way_harmless(enum way way, int kind)
{
	int reads = kind == FAULT_READ || kind == FAULT_PREAD || kind == FAULT_RANDOM;
	int shortens = way == WAY_SHORT || way == WAY_SHORT_ON || way == WAY_SHORT_LAST;

	return way == WAY_NONE || way == WAY_EINTR || way == WAY_OTHERS || way == WAY_OTHERS_TORN ||
	       (shortens && reads);
}

/* Half a line may be in a file. */
static int tears(enum way way)
{
	return way == WAY_SHORT || way == WAY_SHORT_ON || way == WAY_SHORT_LAST ||
	       way == WAY_SHORT_OTHERS || way == WAY_KILL_SHORT || way == WAY_KILL_LAST ||
	       way == WAY_OTHERS_TORN;
}

void check_begin(const struct scenario *s, const struct point *p)
{
	at.scenario = s;
	at.point = *p;
	at.now = 0;
}

void check_fail(const struct world *w, const char *format, ...)
{
	va_list args;

	at.now++;
	if (at.failures++ >= SHOWN_MAX)
		return;
	printf("FAILED %s: %s %u, %s: ", at.scenario->name, fault_name(at.point.kind), at.point.n,
	       way_name(at.point.way));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (w->ledger->failed)
		printf(" (first error: %s)", w->ledger->first);
	printf("\n");
}

unsigned check_failures(void)
{
	return at.failures;
}

int check_failed_now(void)
{
	return at.now != 0;
}

/* ---- handles ---- */

static int equals_fresh(struct world *w, const struct ramet_session *s)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	struct ramet_session *fresh = NULL;
	int r = ramet_session_open(&fresh, ramet_session_path(s), &opts, &w->why);

	if (r < 0)
		check_fail(w, "cannot be opened: %s", w->why.text);
	else if (whole_differs(s, fresh))
		check_fail(w, "the handle and a fresh reading differ");
	ramet_session_close(fresh);
	return !r;
}

/* The fault is gone: the next append works, or is refused for a reason and changes nothing. */
static void goes_on(struct world *w, struct held *h, const struct point *p)
{
	/* in doubt the file is written anew first */
	int recovered = h->unknown && ramet_session_recover(h->s, &w->why) == 0;
	uint32_t n = ramet_tree_count(ramet_session_tree(h->s));
	unsigned failed = h->failed;
	struct ramet_error why;
	struct record *rec = world_mark(w, ramet_session_path(h->s));
	int r = ramet_session_append_message(h->s, world_message("user", rec->mark), rec->id, &why);

	w->why = why;
	world_told(w, h, rec, 1, r);
	if (!r) {
		(void)equals_fresh(w, h->s);
		return;
	}
	/* and a lock that could not be let go is in the way of the other handle */
	if (r == RAMET_ECONFLICT && (w->headless || p->kind == FAULT_FLOCK))
		return;
	if (!failed || recovered || !way_lasts(p->way))
		check_fail(w, "the handle does not go on: %s: %s", ramet_code_name(r), why.text);
	if (ramet_tree_count(ramet_session_tree(h->s)) < n)
		check_fail(w, "the handle lost entries");
}

static void close_handles(struct world *w, const struct point *p)
{
	unsigned i;

	for (i = 0; i < HELD_MAX; i++) {
		if (!w->held[i].s)
			continue;
		goes_on(w, &w->held[i], p);
		world_drop(w, &w->held[i]);
	}
}

/* ---- files ---- */

static unsigned times_in(const char *text, const char *mark, const char **where)
{
	unsigned n = 0;

	for (; (text = strstr(text, mark)) != NULL; text += strlen(mark), n++)
		*where = text;
	return n;
}

/* Is `id` the id of the entry (a line of text) that `where` is in? */
static int has_id(const char *text, const char *where, const char *id)
{
	char member[64];
	const char *found;

	while (where > text && where[-1] != '\n')
		where--;
	(void)snprintf(member, sizeof(member), "\"id\":\"%s\"", id);
	found = strstr(where, member);
	return found && found < strchrnul(where, '\n');
}

static void check_records(struct world *w, const char *path, const char *text)
{
	const struct ledger *l = w->ledger;
	const char *where = text, *last = text;
	unsigned i, n;

	for (i = 0; i < l->n; i++) {
		const struct record *rec = &l->items[i];

		if (strcmp(rec->path, path) != 0)
			continue;
		n = times_in(text, rec->mark, &where);
		if (rec->told == TOLD_STORED && n != 1)
			check_fail(w, "%s entry %s %s is there %u times",
				   rec->foreign ? "another program's" : "acknowledged", rec->mark,
				   rec->id, n);
		else if (rec->told == TOLD_STORED && *rec->id && !has_id(text, where, rec->id))
			check_fail(w, "entry %s has another id than %s", rec->mark, rec->id);
		else if (rec->told == TOLD_FAILED && n)
			check_fail(w, "the failed entry %s can be read", rec->mark);
		else if (n > 1)
			check_fail(w, "entry %s is there %u times", rec->mark, n);
		if (rec->told == TOLD_STORED && n && !rec->foreign && where < last)
			check_fail(w, "entry %s stands before an earlier one", rec->mark);
		if (rec->told == TOLD_STORED && n && !rec->foreign)
			last = where;
	}
}

static int any_stored(const struct ledger *l, const char *path)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->items[i].told == TOLD_STORED && !strcmp(l->items[i].path, path))
			return 1;
	return 0;
}

static void check_findings(struct world *w, const struct ramet_session *s, enum way way)
{
	const struct ramet_findings *f = ramet_session_findings(s);

	if (f->n && !w->torn && !tears(way))
		check_fail(w, "finding %s at %llu", f->items[0].code,
			   (unsigned long long)f->items[0].offset);
}

/* What was in the file at the start is its beginning still. */
static void check_given(struct world *w, const char *path)
{
	struct ramet_buf *b = &w->given;
	static char text[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (n < b->len || memcmp(text, b->ptr, b->len) != 0)
		check_fail(w, "bytes of the file have changed");
	if (f)
		(void)fclose(f);
}

/* Whoever opens it next can append. */
static void append_fresh(struct world *w, const char *path)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 50 };
	struct ramet_session *s = NULL;
	struct ramet_migration done;
	struct held *h;
	int r = ramet_session_open(&s, path, &opts, &w->why);

	if (!r && ramet_session_header(s)->version < 2) {
		ramet_session_close(s);
		s = NULL;
		r = ramet_migrate(path, 0, &done, &w->why);
		if (!r)
			r = ramet_session_open(&s, path, &opts, &w->why);
	}
	if (r < 0) {
		check_fail(w, "cannot be opened again: %s", w->why.text);
		return;
	}
	h = world_hold(w, s);
	if (world_say(w, h, "assistant") < 0)
		check_fail(w, "the next open cannot append");
	else
		(void)equals_fresh(w, s);
	world_drop(w, h);
}

/* The file that a path or a URL means. */
static const char *file_of(const char *path)
{
	static char file[POINT_PATH];

	if (strncmp(path, "ckptmgr:", 8) != 0)
		return path;
	(void)snprintf(file, sizeof(file), "%.*s", (int)strcspn(path + 8, "#"), path + 8);
	return file;
}

static void check_file(struct world *w, const char *path, const struct point *p)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	struct ramet_buf text = RAMET_BUF_INIT(1u << 30);
	struct ramet_session *s = NULL;
	struct stat st;

	if (stat(file_of(path), &st) < 0) {
		if (any_stored(w->ledger, path))
			check_fail(w, "%s is gone", path);
		return;
	}
	if (!w->rewritten && w->given.len && !strcmp(path, w->path))
		check_given(w, path);
	if (w->headless || (!st.st_size && !any_stored(w->ledger, path)))
		return;
	if (ramet_session_open(&s, path, &opts, &w->why) < 0) {
		check_fail(w, "%s cannot be opened: %s", path, w->why.text);
		return;
	}
	ramet_buf_add_str(&text, "\n");
	if (whole_entries(s, &text, &w->why) < 0)
		check_fail(w, "cannot be read: %s", w->why.text);
	else
		check_records(w, path, text.ptr);
	check_findings(w, s, p->way);
	ramet_session_close(s);
	ramet_buf_release(&text);
	append_fresh(w, path);
}

static void check_files(struct world *w, const struct point *p)
{
	const struct ledger *l = w->ledger;
	unsigned i, k, n = l->n;

	for (i = 0; i < n; i++) {
		for (k = 0; k < i && strcmp(l->items[k].path, l->items[i].path) != 0; k++)
			;
		if (k == i && *l->items[i].path)
			check_file(w, l->items[i].path, p);
	}
}

/* ---- names ---- */

static struct {
	struct world *w;
	unsigned n_sessions;
} walk;

static int ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* A session that no call said it had made: one whose making was cut short, and then whole. */
static void check_stray(const char *path)
{
	struct world *w = walk.w;
	const struct ledger *l = w->ledger;
	struct ramet_session *s = NULL;

	if (!l->making)
		check_fail(w, "a session nobody made: %s", path);
	else if (ramet_session_open(&s, path, NULL, &w->why) < 0)
		check_fail(w, "half a session: %s: %s", path, w->why.text);
	else if (ramet_tree_count(ramet_session_tree(s)) != l->n_making ||
		 ramet_session_findings(s)->n)
		check_fail(w, "a session with %u of %u entries: %s",
			   ramet_tree_count(ramet_session_tree(s)), l->n_making, path);
	ramet_session_close(s);
}

static int check_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const struct ledger *l = walk.w->ledger;
	const char *name = path + ftw->base;
	unsigned i;

	if (type != FTW_F)
		return 0;
	if (*name == '.' || strstr(name, ".part") || strstr(name, ".tmp")) {
		if (!way_kills(at.point.way) && at.point.kind != FAULT_UNLINK &&
		    at.point.way != WAY_ALL_ON)
			check_fail(walk.w, "a temporary file stays: %s", name);
		if (ends_with(name, ".jsonl"))
			check_fail(walk.w, "a temporary file like a session's: %s", name);
		return 0;
	}
	if (!ends_with(name, ".jsonl") || !st->st_size || strstr(path, ".v2/"))
		return 0;
	walk.n_sessions++;
	for (i = 0; i < l->n && strcmp(l->items[i].path, path) != 0; i++)
		;
	if (i == l->n)
		check_stray(path);
	return 0;
}

/* Readers see the sessions of a directory, and nothing else. */
static void check_list(struct world *w, const char *dir)
{
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	struct stat dir_st;

	walk.w = w;
	walk.n_sessions = 0;
	if (stat(dir, &dir_st) < 0)
		return;
	(void)nftw(dir, check_name, 16, FTW_PHYS);
	if (ramet_store_open(&st, dir, NULL, &w->why) < 0 ||
	    ramet_store_list(st, NULL, &list, &w->why) < 0)
		check_fail(w, "cannot be listed: %s", w->why.text);
	else if (list.n != walk.n_sessions && !w->headless)
		check_fail(w, "the list has %llu sessions, not %u", (unsigned long long)list.n,
			   walk.n_sessions);
	ramet_list_release(&list);
	ramet_store_close(st);
}

static int check_cached(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	if (type == FTW_F && (*name == '.' || strstr(name, ".part")) && !way_kills(at.point.way) &&
	    at.point.kind != FAULT_UNLINK && at.point.way != WAY_ALL_ON)
		check_fail(walk.w, "a temporary file stays in the cache: %s", name);
	return 0;
}

static void check_cache(struct world *w)
{
	walk.w = w;
	(void)nftw(getenv("XDG_CACHE_HOME"), check_cached, 16, FTW_PHYS);
}

void check_world(struct world *w, const struct scenario *s, const struct point *p)
{
	if (way_harmless(p->way, p->kind) && w->ledger->failed && !w->headless)
		check_fail(w, "a call failed");
	if (!way_kills(p->way))
		close_handles(w, p);
	check_list(w, w->dir);
	check_list(w, w->forks);
	check_cache(w);
	if (s->check)
		s->check(w, p);
	check_files(w, p);
	check_list(w, w->dir);
}

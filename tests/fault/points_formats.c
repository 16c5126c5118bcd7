/*
 * points_formats.c - scenarios in the formats of other systems: create, append, many, two handles,
 * convert.
 *
 * The session at the start is made by the library without a fault; how many entries a new session
 * and a converted one have is found out beside it.
 */
#include "points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ramet.h"

#define GIVEN 6u

static const char *format_of(const struct world *w)
{
	return w->format;
}

/* Where sessions of the format go below dir. */
static const char *place_in(const struct world *w, const char *dir)
{
	static char place[2][POINT_PATH + 16];
	static unsigned turn;
	char *to = place[turn++ % 2];

	(void)snprintf(to, sizeof(place[0]), strcmp(w->format, "ckptmgr") ? "%s" : "%s/s.json",
		       dir);
	return to;
}

static const char *probe_dir(const struct world *w)
{
	static char dir[POINT_PATH + 16];

	(void)snprintf(dir, sizeof(dir), "%s/../probe", w->dir);
	(void)mkdir(dir, 0700);
	return dir;
}

static void must_do(struct world *w, int r)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "cannot be prepared: %s\n", w->why.text);
	exit(2);
}

static struct ramet_session *create_in(struct world *w, const char *dir, int *r)
{
	const struct ramet_create_opts opts = {
		.dir = place_in(w, dir), .format = format_of(w), .write_now = 1, .lock_ms = 50
	};
	struct ramet_session *s = NULL;

	*r = ramet_session_create(&s, "/w", &opts, &w->why);
	return s;
}

/* ---- what is there ---- */

static void read_given(struct world *w)
{
	char part[4096];
	FILE *f = fopen(w->path, "rb");
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		ramet_buf_add(&w->given, (struct ramet_bytes){ part, n });
	if (f)
		(void)fclose(f);
	w->rewritten = !f;                               /* in a file of many */
}

/* So many entries stand in front of the first message. */
static void given_none(struct world *w, const char *format)
{
	struct ramet_session *s;
	int r;

	w->format = format;
	s = create_in(w, probe_dir(w), &r);
	must_do(w, r);
	w->ledger->n_making = ramet_tree_count(ramet_session_tree(s));
	ramet_session_close(s);
}

static void given_talk(struct world *w, const char *format)
{
	struct ramet_session *s;
	unsigned i;
	int r;

	w->format = format;
	s = create_in(w, w->dir, &r);
	must_do(w, r);
	(void)snprintf(w->path, sizeof(w->path), "%s", ramet_session_path(s));
	for (i = 0; i < GIVEN; i++) {
		struct record *rec = world_mark(w, w->path);

		must_do(w, ramet_session_append_message(
				   s, world_message(i % 2 ? "assistant" : "user", rec->mark),
				   rec->id, &w->why));
		rec->told = TOLD_STORED;
	}
	ramet_session_close(s);
	read_given(w);
}

#define GIVEN_OF(name)                                                                             \
	static void none_of_##name(struct world *w) { given_none(w, #name); }                      \
	static void talk_of_##name(struct world *w) { given_talk(w, #name); }

GIVEN_OF(pirust)
GIVEN_OF(ggcode)
GIVEN_OF(yoi)
GIVEN_OF(ckptmgr)

static void talk_with_sidecar(struct world *w)
{
	given_talk(w, "pirust");
	must_do(w, ramet_sidecar_create(w->path, NULL, NULL, &w->why));
}

/* ---- calls ---- */

static struct held *open_it(struct world *w, int level)
{
	const struct ramet_open_opts opts = { .level = level, .lock_ms = 50 };
	struct ramet_session *s = NULL;

	if (world_said(w, NULL, ramet_session_open(&s, w->path, &opts, &w->why)) < 0)
		return NULL;
	return world_hold(w, s);
}

static void run_create(struct world *w)
{
	struct ramet_session *s;
	struct held *h;
	int r;

	w->ledger->making = 1;
	s = create_in(w, w->dir, &r);
	if (r != RAMET_EUNKNOWN && !r)
		w->ledger->making = 0;
	if (world_said(w, NULL, r) < 0)
		return;
	h = world_hold(w, s);
	(void)snprintf(w->path, sizeof(w->path), "%s", ramet_session_path(s));
	(void)world_say(w, h, "user");
	(void)world_say(w, h, "assistant");
}

static void run_append(struct world *w)
{
	struct held *h = open_it(w, RAMET_LEVEL_EACH);
	unsigned i;

	for (i = 0; h && i < 3; i++)
		(void)world_say(w, h, i % 2 ? "assistant" : "user");
}

static void run_many(struct world *w)
{
	struct held *h = open_it(w, RAMET_LEVEL_EACH);
	struct ramet_bytes messages[8];
	struct record *first = NULL;
	unsigned i;

	for (i = 0; i < 8; i++) {
		struct record *rec = world_mark(w, w->path);

		first = first ? first : rec;
		messages[i] = world_message(i % 2 ? "assistant" : "user", rec->mark);
	}
	if (h)
		world_told(w, h, first, 8,
			   ramet_session_append_messages(h->s, messages, 8, NULL, &w->why));
	if (h)
		(void)world_say(w, h, "user");
}

static void run_two(struct world *w)
{
	struct held *a = open_it(w, RAMET_LEVEL_EACH), *b = open_it(w, RAMET_LEVEL_NONE);
	unsigned i;

	for (i = 0; a && b && i < 4; i++)
		(void)world_say(w, i % 2 ? b : a, i % 2 ? "assistant" : "user");
	if (a && b)
		(void)world_said(w, a, ramet_session_refresh(a->s, &w->why));
}

/* ---- converting a session of pi's ---- */

static int convert_to(struct world *w, struct ramet_session *s, const char *dir,
		      struct ramet_convert_report *report)
{
	const struct ramet_convert_opts opts = { .to = format_of(w), .place = place_in(w, dir),
						 .lean = 1 };

	memset(report, 0, sizeof(*report));
	return ramet_convert(s, &opts, report, &w->why);
}

static void given_source(struct world *w, const char *format)
{
	struct ramet_convert_report report;
	struct ramet_session *s = NULL, *made = NULL;

	world_put(w, w->path, 3, GIVEN, "");
	w->format = format;
	must_do(w, ramet_session_open(&s, w->path, NULL, &w->why));
	must_do(w, convert_to(w, s, probe_dir(w), &report));
	must_do(w, ramet_session_open(&made, report.path.ptr, NULL, &w->why));
	w->ledger->n_making = ramet_tree_count(ramet_session_tree(made));
	ramet_convert_report_release(&report);
	ramet_session_close(made);
	ramet_session_close(s);
	w->format = NULL;                                /* what others append is pi's */
	w->to = format;
}

#define SOURCE_FOR(name)                                                                           \
	static void source_for_##name(struct world *w) { given_source(w, #name); }

SOURCE_FOR(pirust)
SOURCE_FOR(ggcode)
SOURCE_FOR(yoi)
SOURCE_FOR(ckptmgr)

/* All that was stored is in the new session too, and it takes more. */
static void use_converted(struct world *w, const char *path)
{
	struct ramet_session *s = NULL;
	unsigned i;

	for (i = 0; i < GIVEN; i++) {
		struct record *rec = world_mark(w, path);

		memcpy(rec->mark, w->ledger->items[i].mark, sizeof(rec->mark));
		rec->told = TOLD_STORED;
	}
	if (world_said(w, NULL, ramet_session_open(&s, path, NULL, &w->why)) >= 0)
		(void)world_say(w, world_hold(w, s), "user");
}

static void run_convert(struct world *w)
{
	struct held *h = open_it(w, RAMET_LEVEL_EACH);
	struct ramet_convert_report report;
	int r;

	if (!h)
		return;
	w->ledger->making = 1;
	w->format = w->to;
	r = convert_to(w, h->s, w->forks, &report);
	w->format = NULL;
	if (r != RAMET_EUNKNOWN)
		w->ledger->making = 0;
	if (world_said(w, h, r) >= 0)
		use_converted(w, report.path.ptr);
	ramet_convert_report_release(&report);
	(void)world_say(w, h, "user");
}

#define SCENES_OF(name, title)                                                                     \
	{ title ": create", 0, none_of_##name, run_create, NULL },                                 \
	{ title ": append", 0, talk_of_##name, run_append, NULL },                                 \
	{ title ": many at once", 0, talk_of_##name, run_many, NULL },                             \
	{ title ": two handles", 0, talk_of_##name, run_two, NULL },                               \
	{ title ": convert to it", 0, source_for_##name, run_convert, NULL }

const struct scenario point_formats[] = {
	SCENES_OF(pirust, "pirust"),
	{ "  beside a sidecar: append", 0, talk_with_sidecar, run_append, NULL },
	{ "  beside a sidecar: two handles", 0, talk_with_sidecar, run_two, NULL },
	SCENES_OF(ggcode, "ggcode"),
	SCENES_OF(yoi, "yoi"),
	SCENES_OF(ckptmgr, "ckptmgr"),
	{ NULL, 0, NULL, NULL, NULL }
};

/*
 * cli/listing.c - reads lists of sessions and draws them as a table.
 *
 * The id column is as wide as it must be for every shown prefix to fit one session only, so what is
 * seen can be typed. A place that a person named must exist; of the usual ones any may be
 * missing.
 */
#include "cli/listing.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_LEAST 8
#define ID_MOST 64                               /* ids of every system fit in */
#define PROGRESS_AFTER_MS 500
#define PROGRESS_EVERY_MS 100

/* ---- reading ---- */

struct progress {
	int64_t started_ms, shown_ms;            /* shown 0: never */
	int wanted;
};

static void say_progress(const char *text)
{
	const struct rameti_env *env = rameti_env_default();

	(void)!env->write(env->user, STDERR_FILENO, text, strlen(text));
}

static int on_progress(void *user, uint64_t loaded, uint64_t total,
		       const struct ramet_session_info *partial, uint64_t n_partial)
{
	struct progress *p = user;
	int64_t now = rameti_now_ms(NULL);
	char text[96];

	(void)partial;
	(void)n_partial;
	if (now - p->started_ms < PROGRESS_AFTER_MS || now - p->shown_ms < PROGRESS_EVERY_MS)
		return 0;
	p->shown_ms = now;
	(void)snprintf(text, sizeof(text), "\r\033[Kreading sessions: %llu of %llu",
		       (unsigned long long)loaded, (unsigned long long)total);
	say_progress(text);
	return 0;
}

/* NULL: the usual places. */
static int read_place(const char *place, const struct listing_opts *opts, struct progress *p,
		      struct ramet_list *list, struct ramet_error *err)
{
	struct ramet_list_opts how = {
		.cwd = opts->cwd, .with_text = opts->with_text,
		.progress = p->wanted ? on_progress : NULL, .user = p
	};
	struct ramet_store *store;
	struct stat st;
	int r;

	if (place && rameti_path_stat(NULL, place, &st, NULL) == 0 && S_ISREG(st.st_mode))
		return ramet_session_info_read(place, opts->with_text, list, err);
	r = ramet_store_open(&store, place, NULL, err);
	if (r < 0)
		return r;
	r = ramet_store_list(store, &how, list, err);
	ramet_store_close(store);
	return r;
}

static int newer_first(const void *a, const void *b)
{
	const struct ramet_session_info *x = *(const struct ramet_session_info *const *)a;
	const struct ramet_session_info *y = *(const struct ramet_session_info *const *)b;

	if (x->modified_ms != y->modified_ms)
		return x->modified_ms < y->modified_ms ? 1 : -1;
	return x < y ? -1 : x > y;
}

/* One store keeps the order it has; several are merged. */
static int merge(struct listing *l, struct ramet_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_lists; i++)
		n += l->lists[i].n;
	l->items = ramet_calloc(n + 1, sizeof(*l->items));
	if (!l->items)
		return rameti_fail_nomem(err);
	for (size_t i = 0; i < l->n_lists; i++)
		for (uint64_t k = 0; k < l->lists[i].n; k++)
			l->items[l->n++] = &l->lists[i].items[k];
	if (l->n_lists > 1)
		qsort(l->items, l->n, sizeof(*l->items), newer_first);
	return 0;
}

/* ---- what is left out ---- */

struct unread {
	uint64_t n_files;
	int look;                                /* 0: only count */
};

static int on_file(void *user, const char *path)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct unread *u = user;
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	int r;

	u->n_files++;
	if (!u->look || resolve_is_url(path))
		return 0;
	r = rameti_file_open(&f, path, RAMETI_FILE_READ, &why);
	if (!r)
		(void)rameti_file_close(&f);     /* read only */
	/* not: it is gone meanwhile, a link to itself, or no file */
	if (r == RAMET_EIO && why.sys != ELOOP) {
		ramet_error_print(&why, text, sizeof(text));
		out_complain(text);
	}
	return 0;
}

/* A session that may not be read would seem gone. Files are looked at only where more of them are
 * than sessions were found; a directory that may not be read is told too. */
static void complain_of(const char *place, uint64_t n_found)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	struct ramet_store *store = NULL;
	struct unread u = { 0, 0 };

	if ((place && resolve_is_url(place)) || ramet_store_open(&store, place, NULL, NULL) < 0)
		return;
	if (ramet_store_files(store, on_file, &u, &why) == RAMET_EIO) {
		ramet_error_print(&why, text, sizeof(text));
		out_complain(text);
	}
	u.look = 1;
	if (u.n_files > n_found)
		(void)ramet_store_files(store, on_file, &u, NULL); /* told already */
	ramet_store_close(store);
}

static int read_places(struct listing *l, const struct listing_opts *opts, struct ramet_error *err)
{
	struct progress p = { rameti_now_ms(NULL), 0, isatty(STDERR_FILENO) };
	int r = 0;

	l->lists = ramet_calloc(opts->n_places, sizeof(*l->lists));
	if (!l->lists)
		return rameti_fail_nomem(err);
	for (l->n_lists = 0; l->n_lists < opts->n_places && r == 0; l->n_lists++) {
		const char *place = opts->places[l->n_lists];

		r = read_place(place, opts, &p, &l->lists[l->n_lists], err);
		if (r == RAMET_ENOTFOUND && !place && opts->n_places > 1)
			r = 0;                           /* no home directory, but another place */
	}
	if (p.shown_ms)
		say_progress("\r\033[K");
	for (size_t i = 0; i < l->n_lists && r == 0 && opts->complain; i++)
		complain_of(opts->places[i], l->lists[i].n);
	return r == 0 ? merge(l, err) : r;
}

/* Without a place: the home directory's, and the one directory that the environment may name. */
int listing_read(struct listing *l, const struct listing_opts *opts, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *usual[2] = { NULL, NULL };
	struct listing_opts how = *opts;
	struct stat st;
	int r = 0;

	if (!how.n_places) {
		r = ramet_pi_session_dir_override(&dir, err);
		usual[1] = dir.ptr;
		how.places = usual;
		how.n_places = r > 0 && rameti_path_stat(NULL, dir.ptr, &st, NULL) == 0 ? 2 : 1;
	}
	if (r >= 0)
		r = read_places(l, &how, err);
	ramet_buf_release(&dir);
	return r;
}

void listing_release(struct listing *l)
{
	for (size_t i = 0; i < l->n_lists; i++)
		ramet_list_release(&l->lists[i]);
	ramet_free(l->lists);
	ramet_free(l->items);
	*l = (struct listing)LISTING_INIT;
}

/* ---- the table ---- */

static int by_id(const void *a, const void *b)
{
	const struct ramet_bytes *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = n ? memcmp(x->ptr, y->ptr, n) : 0;

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t common_prefix(struct ramet_bytes a, struct ramet_bytes b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

/* So many bytes tell every id from its neighbours in order. Equal ids are nobody's fault here. */
static size_t unique_length(const struct listing *l)
{
	struct ramet_bytes *ids = ramet_calloc(l->n + 1, sizeof(*ids));
	size_t need = ID_LEAST;

	if (!ids)
		return need;
	for (size_t i = 0; i < l->n; i++)
		ids[i] = l->items[i]->id;
	qsort(ids, l->n, sizeof(*ids), by_id);
	for (size_t i = 1; i < l->n; i++) {
		size_t same = common_prefix(ids[i - 1], ids[i]);

		if (same >= need && same < ids[i].len)
			need = same + 1;
	}
	ramet_free(ids);
	return need < ID_MOST ? need : ID_MOST;
}

/* 0 when there is only one. */
static size_t widest_project(const struct listing *l, size_t most)
{
	struct ramet_buf shown = RAMET_BUF_INIT(CLI_TEXT_MAX);
	size_t widest = 0;
	int several = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t cells;

		several |= !ramet_bytes_eq(l->items[i]->cwd, l->items[0]->cwd);
		ramet_buf_reset(&shown);
		cells = resolve_add_path(&shown, l->items[i]->cwd, most);
		if (cells > widest)
			widest = cells;
	}
	ramet_buf_release(&shown);
	return several ? widest : 0;
}

static size_t count_cells(const struct listing *l)
{
	size_t cells = 4;

	for (size_t i = 0; i < l->n; i++) {
		size_t digits = 1;

		for (uint64_t n = l->items[i]->message_count / 10; n; n /= 10)
			digits++;
		if (digits > cells)
			cells = digits;
	}
	return cells;
}

/* 0 when all are of one. */
static size_t widest_format(const struct listing *l)
{
	size_t widest = 6;
	int several = 0;

	for (size_t i = 0; i < l->n; i++) {
		several |= strcmp(l->items[i]->format, l->items[0]->format) != 0;
		if (strlen(l->items[i]->format) > widest)
			widest = strlen(l->items[i]->format);
	}
	return several ? widest : 0;
}

void listing_layout(struct listing_table *t, const struct listing *l, const struct out *o,
		    int numbered)
{
	size_t most = o->width ? o->width / 5 : 40;

	memset(t, 0, sizeof(*t));
	t->now_ms = rameti_now_ms(NULL);
	t->count_cells = count_cells(l);
	t->id_cells = unique_length(l);
	t->number_cells = numbered ? 3 : 0;
	t->format_cells = widest_format(l);
	t->project_cells = widest_project(l, most);
	if (t->project_cells && t->project_cells < 7)
		t->project_cells = 7;
}

static size_t used_cells(const struct listing_table *t)
{
	size_t used = 4 + 2 + t->count_cells + 2 + 6 + 2 + t->id_cells + 2;

	used += t->format_cells ? t->format_cells + 2 : 0;
	used += t->project_cells ? t->project_cells + 2 : 0;
	return used + (t->number_cells ? t->number_cells + 2 : 0);
}

void listing_print_head(struct out *o, const struct listing_table *t)
{
	out_style(o, STYLE_DIM);
	text_add_blanks(&o->buf, t->number_cells ? t->number_cells + 2 : 0);
	out_str(o, " AGE  ");
	text_add_cell(&o->buf, ramet_bytes_of("MSGS"), t->count_cells, 1);
	out_str(o, "    SIZE  ID");
	text_add_blanks(&o->buf, t->id_cells);
	if (t->format_cells) {
		out_str(o, "FORMAT");
		text_add_blanks(&o->buf, t->format_cells - 6 + 2);
	}
	if (t->project_cells) {
		out_str(o, "PROJECT");
		text_add_blanks(&o->buf, t->project_cells - 7 + 2);
	}
	out_str(o, "SESSION");
	out_style(o, STYLE_NONE);
	out_newline(o);
}

/* Figures share one scratch buffer: each is made, put into its cell, and forgotten. */
static void add_figures(struct out *o, const struct listing_table *t,
			const struct ramet_session_info *s)
{
	struct ramet_buf b = RAMET_BUF_INIT(256);

	age_add(&b, t->now_ms, s->modified_ms);
	text_add_cell(&o->buf, ramet_buf_bytes(&b), 4, 1);
	ramet_buf_reset(&b);
	ramet_buf_addf(&b, "%llu", (unsigned long long)s->message_count);
	out_str(o, "  ");
	text_add_cell(&o->buf, ramet_buf_bytes(&b), t->count_cells, 1);
	ramet_buf_reset(&b);
	age_add_size(&b, s->size);
	out_str(o, "  ");
	text_add_cell(&o->buf, ramet_buf_bytes(&b), 6, 1);
	out_str(o, "  ");
	ramet_buf_release(&b);
}

static void add_project(struct out *o, const struct listing_table *t, struct ramet_bytes cwd)
{
	size_t used;

	if (!t->project_cells)
		return;
	used = resolve_add_path(&o->buf, cwd, t->project_cells);
	text_add_blanks(&o->buf, t->project_cells - used + 2);
}

void listing_print_row(struct out *o, const struct listing_table *t,
		       const struct ramet_session_info *s, size_t number)
{
	struct ramet_bytes id = s->id;
	size_t room = out_room(o, used_cells(t), 10);
	char text[24];

	if (t->number_cells) {
		(void)snprintf(text, sizeof(text), "%*u  ", (int)t->number_cells, (unsigned)number);
		out_styled(o, STYLE_BOLD, text);
	}
	add_figures(o, t, s);
	if (id.len > t->id_cells)
		id.len = t->id_cells;
	out_style(o, STYLE_DIM);
	text_add_cell(&o->buf, id, t->id_cells, 0);
	out_style(o, STYLE_NONE);
	out_str(o, "  ");
	if (t->format_cells) {
		text_add_cell(&o->buf, ramet_bytes_of(s->format), t->format_cells, 0);
		out_str(o, "  ");
	}
	add_project(o, t, s->cwd);
	if (s->name.len)
		out_style(o, STYLE_BOLD);
	out_safe(o, s->name.len ? s->name : s->first_message, room);
	if (s->name.len)
		out_style(o, STYLE_NONE);
	out_newline(o);
}

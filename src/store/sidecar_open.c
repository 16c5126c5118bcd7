/*
 * store/sidecar_open.c - reading a sidecar in place of the JSONL: all of it, a path, or its end.
 *
 * What is given is selected by index rows, which are read from the end of the file; frames are read
 * one at a time when they are asked for. Opening believes the manifest, the rows it reads and the
 * size of the last segment only where they agree with one another; next checks every frame it
 * gives.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "json/scan.h"

#define TAIL_DEFAULT 256u
#define LAZY_DEFAULT 10000u

struct ramet_sidecar {
	struct rameti_sc_place place;
	int mode, even_stale, has_manifest, done, path;
	uint64_t total, selected, at;
	struct stat jsonl;
	struct rameti_sc_frames frames;
	struct rameti_sc_manifest manifest;
	struct rameti_sc_index index;            /* full: */
	int has_index;
	struct rameti_sc_facts facts;
	struct rameti_sc_row *rows;              /* else: newest first until they are turned */
	uint32_t n_rows, cap_rows;
	struct rameti_sc_row last;
};

const char *ramet_sidecar_mode_name(int mode)
{
	static const char *const names[] = { "auto", "full", "active", "tail" };

	return mode >= 0 && mode < 4 ? names[mode] : "unknown";
}

/* Digits only, all of them. */
static int number_of(struct ramet_bytes text, uint64_t *n)
{
	size_t i;

	*n = 0;
	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || *n > UINT64_MAX / 10 - 9)
			return 0;
		*n = *n * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	return text.len > 0;
}

int ramet_sidecar_mode_parse(const char *text, int *mode, uint64_t *tail, struct ramet_error *err)
{
	struct ramet_bytes t = rameti_utf8_trim(ramet_bytes_of(text));
	char low[32];
	size_t i;

	if (t.len >= sizeof(low))
		return rameti_fail(err, RAMET_EINVAL, "unknown mode of opening a sidecar");
	for (i = 0; i < t.len; i++)
		low[i] = (char)(t.ptr[i] >= 'A' && t.ptr[i] <= 'Z' ? t.ptr[i] + 32 : t.ptr[i]);
	low[t.len] = '\0';
	if (!strcmp(low, "full")) {
		*mode = RAMET_SIDECAR_FULL;
	} else if (!strcmp(low, "active") || !strcmp(low, "active_path") ||
		   !strcmp(low, "active-path")) {
		*mode = RAMET_SIDECAR_ACTIVE_PATH;
	} else if (!strcmp(low, "tail")) {
		*mode = RAMET_SIDECAR_TAIL;
		*tail = TAIL_DEFAULT;
	} else if (!strncmp(low, "tail:", 5) && number_of(ramet_bytes_of(low + 5), tail)) {
		*mode = RAMET_SIDECAR_TAIL;
	} else {
		return rameti_fail(err, RAMET_EINVAL, "unknown mode of opening a sidecar");
	}
	return 0;
}

/* ---- is it to be believed ---- */

static int check_fresh(struct ramet_sidecar *s, int *has_state, struct ramet_error *err)
{
	struct ramet_sidecar_check c;
	struct ramet_error why;
	int fresh, r = rameti_sc_fresh(&s->place, s->place.dir, &s->jsonl, &fresh, has_state, &why,
				       err);

	if (r < 0 || fresh == SC_FRESH || s->even_stale)
		return r;
	if (fresh == SC_STALE)
		return rameti_fail_at(err, RAMET_ECONFLICT, s->place.dir, 0, RAMET_NO_OFFSET,
				      "sidecar is stale: %s", why.text);
	r = rameti_sc_judge(&s->place, 1, &c, err);
	if (r < 0 || c.state == RAMET_SIDECAR_MIGRATED)
		return r;
	if (c.state == RAMET_SIDECAR_STALE)
		return rameti_fail_at(err, RAMET_ECONFLICT, s->place.dir, 0, RAMET_NO_OFFSET,
				      "sidecar is stale: it has other entries than the JSONL");
	if (err)
		*err = c.why;
	return c.why.code ? c.why.code : rameti_fail(err, RAMET_EFORMAT, "sidecar is damaged");
}

static int read_manifest(struct ramet_sidecar *s, int may_lack, struct ramet_error *err)
{
	int r = rameti_sc_manifest_read(s->place.env, s->place.dir, &s->manifest, err);

	s->has_manifest = !r;
	if (r == RAMET_ENOTFOUND && may_lack)
		return 0;
	return r == RAMET_ENOTFOUND ? rameti_fail_at(err, RAMET_EFORMAT, s->place.dir, 0,
						     RAMET_NO_OFFSET, "manifest is missing") :
				      r;
}

/* The row that ends the index, the segment it names and the manifest agree. */
static int check_end(struct ramet_sidecar *s, struct ramet_error *err)
{
	const struct rameti_sc_facts *m = &s->manifest.facts;
	int r = 0;

	if (s->total)
		r = rameti_sc_frames_enter(&s->frames, s->last.segment_seq, err);
	if (!r)
		r = rameti_sc_frames_covered(&s->frames, s->last.offset + s->last.len, err);
	if (!r)
		r = rameti_sc_no_strays(s->place.env, s->place.dir,
					s->total ? s->last.segment_seq : 0, err);
	if (r < 0 || !s->has_manifest)
		return r;
	if (m->n_entries != s->total || m->head_segment != (s->total ? s->last.segment_seq : 0) ||
	    m->n_segments != m->head_segment ||
	    (s->total && (strcmp(m->head_id, s->last.id) || m->last_crc != s->last.crc32c)))
		return rameti_fail_at(err, RAMET_EFORMAT, s->place.dir, 0, RAMET_NO_OFFSET,
				      "manifest has another head than the index");
	return 0;
}

static int read_end(struct ramet_sidecar *s, struct ramet_error *err)
{
	struct rameti_sc_back b;
	int r = rameti_sc_back_open(&b, s->place.env, s->place.dir, err);

	if (r == RAMET_ENOTFOUND)
		return 0;
	if (r < 0)
		return r;
	r = rameti_sc_back_next(&b, &s->last, err);
	rameti_sc_back_close(&b);
	if (r < 0)
		return r;
	if (!r)
		return rameti_fail_at(err, RAMET_EFORMAT, b.path, 0, RAMET_NO_OFFSET,
				      "index is empty");
	s->total = s->last.entry_seq;
	return 0;
}

/* ---- selecting ---- */

static int push(struct ramet_sidecar *s, const struct rameti_sc_row *row, struct ramet_error *err)
{
	int r = rameti_grow((void **)&s->rows, &s->cap_rows, s->n_rows, sizeof(*s->rows),
			    RAMET_NONE - 1);

	if (r < 0)
		return rameti_fail(err, r, "too many entries");
	s->rows[s->n_rows++] = *row;
	return 0;
}

/* The next row towards the front, checked to stand before the one of *row. 0: there is none. */
static int step_back(struct rameti_sc_back *b, struct rameti_sc_row *row, int first,
		     struct ramet_error *err)
{
	struct rameti_sc_row before;
	int r = rameti_sc_back_next(b, &before, err), e = 0;

	if (!first && r >= 0)
		e = rameti_sc_row_follows(r ? &before : NULL, row, err);
	if (e < 0)
		rameti_error_set_path(err, b->path);
	if (r > 0 && !e)
		*row = before;
	return e < 0 ? e : r;
}

static int select_tail(struct ramet_sidecar *s, uint64_t n, struct ramet_error *err)
{
	struct rameti_sc_back b;
	struct rameti_sc_row row;
	int r = rameti_sc_back_open(&b, s->place.env, s->place.dir, err), first = 1;

	if (r < 0)
		return r;
	while (s->n_rows < n && (r = step_back(&b, &row, first, err)) > 0) {
		first = 0;
		r = push(s, &row, err);
		if (r < 0)
			break;
	}
	rameti_sc_back_close(&b);
	return r < 0 ? r : 0;
}

/* From leaf to its root through rows that stand before their children. 1 done, 0 not that way:
 * the leaf is unknown (no rows) or a parent comes later. */
static int climb(struct ramet_sidecar *s, const char *leaf, struct ramet_error *err)
{
	struct rameti_sc_back b;
	struct rameti_sc_row row;
	char want[SC_ID];
	int r = rameti_sc_back_open(&b, s->place.env, s->place.dir, err), first = 1;

	if (r < 0)
		return r;
	memcpy(want, leaf, strlen(leaf) + 1);
	while (want[0] && (r = step_back(&b, &row, first, err)) > 0) {
		first = 0;
		if (strcmp(row.id, want))
			continue;
		r = push(s, &row, err);
		if (!r)
			r = rameti_sc_frames_parent(&s->frames, &row, want, err);
		if (r < 0)
			break;
	}
	rameti_sc_back_close(&b);
	return r < 0 ? r : !want[0];
}

/* The same through a map of all ids. */
static int climb_by_map(struct ramet_sidecar *s, const char *leaf, struct ramet_error *err)
{
	struct rameti_sc_index x;
	struct rameti_sc_row row, *rows = NULL;
	struct rameti_map ids;
	char want[SC_ID];
	uint32_t n = 0, cap = 0, at;
	int r = rameti_sc_index_open(&x, s->place.env, s->place.dir, err);

	if (r < 0)
		return r;
	s->n_rows = 0;
	rameti_map_init(&ids, 0x5c1e);
	while ((r = rameti_sc_index_next(&x, &row, err)) > 0) {
		r = rameti_grow((void **)&rows, &cap, n, sizeof(*rows), RAMET_NONE - 1);
		if (!r)
			r = rameti_map_set(&ids, ramet_bytes_of(row.id), n);
		if (r < 0) {
			(void)rameti_fail(err, r, "too many entries");
			break;
		}
		rows[n++] = row;
	}
	memcpy(want, leaf, strlen(leaf) + 1);
	while (!r && want[0]) {
		if (!rameti_map_get(&ids, ramet_bytes_of(want), &at) || s->n_rows == n)
			r = rameti_fail_at(err, RAMET_EFORMAT, s->place.dir, 0, RAMET_NO_OFFSET,
					   "%.128s %s", want,
					   s->n_rows == n ? "is its own ancestor" :
							    "is a parent that is not there");
		if (!r)
			r = push(s, &rows[at], err);
		if (!r)
			r = rameti_sc_frames_parent(&s->frames, &rows[at], want, err);
	}
	rameti_sc_index_close(&x);
	rameti_map_release(&ids);
	ramet_free(rows);
	return r;
}

/* ENOTFOUND: no such leaf. */
static int select_path(struct ramet_sidecar *s, const char *leaf, struct ramet_error *err)
{
	int r;

	s->mode = RAMET_SIDECAR_ACTIVE_PATH;
	s->path = 1;
	if (!*leaf)
		return 0;
	if (!rameti_sc_id_ok(ramet_bytes_of(leaf)))
		return rameti_fail(err, RAMET_ENOTFOUND, "no entry with that id");
	r = climb(s, leaf, err);
	if (!r && !s->n_rows)
		return rameti_fail(err, RAMET_ENOTFOUND, "no entry with id %s", leaf);
	return r ? (r < 0 ? r : 0) : climb_by_map(s, leaf, err);
}

static int select_all(struct ramet_sidecar *s, struct ramet_error *err)
{
	int r = rameti_sc_index_open(&s->index, s->place.env, s->place.dir, err);

	s->mode = RAMET_SIDECAR_FULL;
	s->selected = s->total;
	s->has_index = !r;
	return r;
}

/* What the environment asks for; what cannot be read there counts as unset. */
static void choose(const struct ramet_sidecar *s, int *mode, uint64_t *tail)
{
	const struct rameti_env *env = s->place.env;
	const char *text = env->getenv(env->user, "PI_SESSION_V2_OPEN_MODE");
	uint64_t lazy = LAZY_DEFAULT, n;

	if (text && ramet_sidecar_mode_parse(text, mode, tail, NULL) == 0)
		return;
	text = env->getenv(env->user, "PI_SESSION_V2_LAZY_THRESHOLD");
	if (text && number_of(ramet_bytes_of(text), &n))
		lazy = n;
	*mode = lazy && s->total > lazy ? RAMET_SIDECAR_ACTIVE_PATH : RAMET_SIDECAR_FULL;
}

static void turn(struct ramet_sidecar *s)
{
	uint32_t i;

	for (i = 0; i < s->n_rows / 2; i++) {
		struct rameti_sc_row row = s->rows[i];

		s->rows[i] = s->rows[s->n_rows - 1 - i];
		s->rows[s->n_rows - 1 - i] = row;
	}
	s->selected = s->n_rows;
}

static int select_entries(struct ramet_sidecar *s, const struct ramet_sidecar_open_opts *o,
			  const struct rameti_sc_header *h, struct ramet_error *err)
{
	const char *theirs = h->has_leaf ? h->leaf.ptr : NULL;
	const char *leaf = o->leaf ? o->leaf : theirs;
	int mode = o->mode, r;
	uint64_t tail = o->tail;

	if (mode == RAMET_SIDECAR_AUTO)
		choose(s, &mode, &tail);
	if (mode == RAMET_SIDECAR_FULL || !s->total)
		return select_all(s, err);
	s->mode = mode;
	if (mode == RAMET_SIDECAR_TAIL && tail && (!leaf || !*leaf)) {
		r = select_tail(s, tail, err);
	} else {
		r = select_path(s, leaf ? leaf : s->last.id, err);
		if (r == RAMET_ENOTFOUND && !o->leaf) {
			s->mode = mode;
			s->path = mode != RAMET_SIDECAR_TAIL || !tail;
			r = s->path ? select_path(s, s->last.id, err) : select_tail(s, tail, err);
		}
	}
	if (!r)
		turn(s);
	return r;
}

/* ---- the calls ---- */

static int open_here(struct ramet_sidecar *s, const struct ramet_sidecar_open_opts *o,
		     struct ramet_error *err)
{
	struct rameti_sc_header h = { "", RAMET_BUF_INIT(1 << 20), 0 };
	struct rameti_sc_place *p = &s->place;
	int has_state = 0, r = rameti_sc_stat(p->env, p->jsonl, &s->jsonl, err);

	if (r < 0)
		return r;
	r = rameti_sc_check_dirs(p->env, p->dir, err);
	if (r == RAMET_ENOTFOUND)
		return rameti_fail_at(err, r, p->dir, 0, RAMET_NO_OFFSET, "there is no sidecar");
	if (!r)
		r = check_fresh(s, &has_state, err);
	if (!r)
		r = read_manifest(s, !has_state || s->even_stale, err);
	if (!r)
		r = rameti_sc_header_read(p, &h, err);
	if (!r && s->has_manifest && strcmp(h.id, s->manifest.session_id) && !s->even_stale)
		r = rameti_fail_at(err, RAMET_EFORMAT, p->dir, 0, RAMET_NO_OFFSET,
				   "manifest is of another session");
	if (!r)
		r = read_end(s, err);
	if (!r)
		r = check_end(s, err);
	if (!r)
		r = select_entries(s, o, &h, err);
	ramet_buf_release(&h.leaf);
	return r;
}

int ramet_sidecar_open(struct ramet_sidecar **out, const char *session,
		       const struct ramet_sidecar_open_opts *opts, struct ramet_error *err)
{
	static const struct ramet_sidecar_open_opts defaults;
	struct ramet_sidecar *s = ramet_calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rameti_fail_nomem(err);
	opts = opts ? opts : &defaults;
	s->even_stale = opts->even_stale;
	rameti_sc_facts_init(&s->facts);
	r = rameti_sc_place_init(&s->place, session, err);
	rameti_sc_frames_init(&s->frames, s->place.env, s->place.dir);
	if (!r)
		r = open_here(s, opts, err);
	if (r < 0)
		ramet_sidecar_close(s);
	else
		*out = s;
	return r;
}

void ramet_sidecar_close(struct ramet_sidecar *s)
{
	if (!s)
		return;
	rameti_sc_frames_release(&s->frames);
	if (s->has_index)
		rameti_sc_index_close(&s->index);
	ramet_free(s->rows);
	ramet_free(s);
}

int ramet_sidecar_mode(const struct ramet_sidecar *s)
{
	return s->mode;
}

uint64_t ramet_sidecar_total(const struct ramet_sidecar *s)
{
	return s->total;
}

uint64_t ramet_sidecar_selected(const struct ramet_sidecar *s)
{
	return s->selected;
}

/* A path hangs together: each entry is the child of the one before, the first of nobody. */
static int check_link(const struct ramet_sidecar *s, const struct rameti_sc_frame *f,
		      struct ramet_error *err)
{
	if (s->at == 0 ? !f->parent.ptr : ramet_bytes_is(f->parent, s->rows[s->at - 1].id))
		return 0;
	return rameti_fail_at(err, RAMET_EFORMAT, s->frames.path, 0, s->rows[s->at].offset,
			      "frame has another parent than it seemed to have");
}

static int next_row(struct ramet_sidecar *s, struct rameti_sc_row *row, struct ramet_error *err)
{
	int r;

	if (s->mode != RAMET_SIDECAR_FULL) {
		if (s->at >= s->n_rows)
			return 0;
		*row = s->rows[s->at];
		return 1;
	}
	r = rameti_sc_index_next(&s->index, row, err);
	if (r >= 0 && s->frames.segment && s->at &&
	    (!r || s->frames.segment != row->segment_seq) &&
	    rameti_sc_frames_covered(&s->frames, s->facts.last_size, err) < 0)
		return RAMET_EFORMAT;
	return r;
}

static int finish(struct ramet_sidecar *s, struct ramet_error *err)
{
	struct stat now;
	int r = 0;

	s->done = 1;
	if (s->mode == RAMET_SIDECAR_FULL && s->has_manifest) {
		s->facts.n_branches = s->manifest.facts.n_branches;
		r = rameti_sc_manifest_matches(&s->manifest, &s->facts, err);
		if (r < 0)
			rameti_error_set_path(err, s->place.dir);
	}
	if (!r && !s->even_stale)
		r = rameti_sc_stat(s->place.env, s->place.jsonl, &now, err);
	if (!r && !s->even_stale && !rameti_sc_same_file(&now, &s->jsonl))
		r = rameti_fail_at(err, RAMET_ECONFLICT, s->place.jsonl, 0, RAMET_NO_OFFSET,
				   "was changed by another program meanwhile");
	return r;
}

int ramet_sidecar_next(struct ramet_sidecar *s, struct ramet_sidecar_entry *e,
		       struct ramet_error *err)
{
	struct rameti_sc_row row;
	struct rameti_sc_frame f;
	int r = s->done ? 0 : next_row(s, &row, err);

	if (r == 0)
		return s->done ? 0 : finish(s, err);
	if (r > 0)
		r = rameti_sc_frames_get(&s->frames, &row, &f, err);
	if (!r && s->path)
		r = check_link(s, &f, err);
	if (r < 0)
		return r;
	if (s->mode == RAMET_SIDECAR_FULL)
		rameti_sc_facts_add(&s->facts, &row, &f);
	s->at++;
	e->seq = row.entry_seq;
	e->id = f.id;
	e->parent = f.parent;
	e->type = f.type;
	e->payload = f.payload;
	memcpy(e->sha256, f.sha, sizeof(e->sha256));
	return 1;
}

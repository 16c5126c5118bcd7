/*
 * crash_check.c - opens what a power cut has left, with the library, and compares.
 *
 * P1 what was promised is there; P3 nothing is read that was never written; P4 a line that stands
 * whole in the file is read; P6 files that change as a whole are as before or as after; and
 * afterwards an append works, is read, and leaves the rest as it was.
 */
#include "crash_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 256u
#define PATHS_MAX 32u

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *copy_of(const void *bytes, size_t len)
{
	char *copy = must(calloc(1, len + 1));

	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

/* ---- the oracle ---- */

void crash_oracle_release(struct crash_oracle *o)
{
	size_t i;

	for (i = 0; i < o->n_promises; i++) {
		free(o->promises[i].path);
		free(o->promises[i].alt);
		free(o->promises[i].line);
	}
	for (i = 0; i < o->n_changes; i++) {
		free(o->changes[i].path);
		free(o->changes[i].before);
		free(o->changes[i].after);
	}
	for (i = 0; i < o->n_paths; i++)
		free(o->paths[i]);
	free(o->promises);
	free(o->changes);
	free(o->paths);
	free(o->known);
	memset(o, 0, sizeof(*o));
}

void crash_know_path(struct crash_oracle *o, const char *path)
{
	size_t i;

	for (i = 0; i < o->n_paths; i++)
		if (!strcmp(o->paths[i], path))
			return;
	o->paths = crash_grow(o->paths, &o->cap_paths, o->n_paths + 1, sizeof(*o->paths));
	o->paths[o->n_paths++] = copy_of(path, strlen(path));
}

static uint64_t line_hash(const void *line, size_t len)
{
	return crash_mix(7, line, len);
}

/* Headers are known as well, but never as entries. */
static uint64_t header_hash(const void *line, size_t len)
{
	return crash_mix(11, line, len);
}

/* The bytes of a file; a pointer also when it has none. */
static const char *text_of(const struct crash_node *n)
{
	return n->data ? (const char *)n->data : "";
}

static int is_header(const char *line, size_t len)
{
	static const char start[] = "{\"type\":\"session\",";

	return len >= sizeof(start) - 1 && !memcmp(line, start, sizeof(start) - 1);
}

void crash_know_lines(struct crash_oracle *o, const void *bytes, size_t len)
{
	const char *p = bytes, *end, *eol;

	if (!len)
		return;
	for (end = p + len; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol ? eol : end;
		if (eol == p || p[0] != '{' || eol[-1] != '}')
			continue;
		o->known = crash_grow(o->known, &o->cap_known, o->n_known + 1, sizeof(*o->known));
		o->known[o->n_known++] = is_header(p, (size_t)(eol - p)) ?
						 header_hash(p, (size_t)(eol - p)) :
						 line_hash(p, (size_t)(eol - p));
	}
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int is_known(const struct crash_oracle *o, uint64_t hash)
{
	return o->n_known &&
	       bsearch(&hash, o->known, o->n_known, sizeof(hash), by_number) != NULL;
}

struct crash_promise *crash_promise(struct crash_oracle *o, const char *path, const char *line,
				    size_t len, size_t from)
{
	struct crash_promise *p;

	crash_know_path(o, path);
	o->promises = crash_grow(o->promises, &o->cap_promises, o->n_promises + 1, sizeof(*p));
	p = &o->promises[o->n_promises++];
	p->path = copy_of(path, strlen(path));
	p->line = copy_of(line, len);
	p->len = len;
	p->hash = line_hash(line, len);
	p->from = from;
	p->until = CRASH_EVER;
	return p;
}

struct crash_change *crash_change(struct crash_oracle *o, const char *path, const void *before,
				  size_t before_len, const struct crash_fs *after, size_t from)
{
	const struct crash_node *n = &after->nodes[crash_find(after, path)];
	struct crash_change *c;

	crash_know_path(o, path);
	o->changes = crash_grow(o->changes, &o->cap_changes, o->n_changes + 1, sizeof(*c));
	c = &o->changes[o->n_changes++];
	c->path = copy_of(path, strlen(path));
	c->before = before ? copy_of(before, before_len) : NULL;
	c->before_len = before_len;
	c->after = copy_of(n->data, n->len);
	c->after_len = n->len;
	c->from = from;
	c->done = after->n_ops;
	c->until = CRASH_EVER;
	return c;
}

static void know_open_tail(struct crash_oracle *o, const struct crash_node *n)
{
	const char *bytes = text_of(n), *p = bytes + n->len;

	while (p > bytes && p[-1] != '\n')
		p--;
	if (p < bytes + n->len && o->n_tails < sizeof(o->open_tails) / sizeof(o->open_tails[0]))
		o->open_tails[o->n_tails++] = line_hash(p, (size_t)(bytes + n->len - p));
}

void crash_oracle_finish(struct crash_oracle *o, const struct crash_fs *start,
			 const struct crash_fs *run)
{
	size_t i;

	for (i = CRASH_ROOT; i < start->n_nodes; i++) {
		crash_know_lines(o, start->nodes[i].data, start->nodes[i].len);
		if (start->nodes[i].len)
			know_open_tail(o, &start->nodes[i]);
	}
	for (i = 0; i < run->n_ops; i++)
		if (run->ops[i].kind == CRASH_WRITE)
			crash_know_lines(o, run->bytes + run->ops[i].data, run->ops[i].len);
	if (o->n_known)
		qsort(o->known, o->n_known, sizeof(*o->known), by_number);
}

uint64_t crash_oracle_phase(const struct crash_oracle *o, size_t at)
{
	uint64_t phase = 0;
	size_t i;

	for (i = 0; i < o->n_promises; i++)
		phase = phase * 3 + (at >= o->promises[i].from) + (at > o->promises[i].until);
	for (i = 0; i < o->n_changes; i++)
		phase = phase * 5 + (at >= o->changes[i].from) + (at >= o->changes[i].done) +
			(at > o->changes[i].until);
	return phase;
}

/* ---- one image ---- */

struct look {
	const struct crash_oracle *o;
	struct crash_fs *image;
	size_t at;
	const char *path;
	/* as the file has it: its whole lines that are entries */
	size_t n_whole;
	uint64_t whole[ROWS_MAX];
	int has_header, is_current, exists;
	size_t size;
	/* as the library reads it */
	int opened;
	size_t n_rows, n_known;
	uint64_t rows[ROWS_MAX];
	char *why;
	size_t why_len;
};

static int broken(struct look *l, const char *rule, const char *what, const struct ramet_error *err)
{
	(void)snprintf(l->why, l->why_len, "%s: %s: %.120s%s%s", rule,
		       l->path ? l->path : "", what, err ? ": " : "", err ? err->text : "");
	return 1;
}

static void read_raw(struct look *l)
{
	static const char current[] = "\"version\":3";
	unsigned node = crash_find(l->image, l->path);
	const struct crash_node *n = &l->image->nodes[node];
	const char *p = text_of(n), *end = node ? p + n->len : p, *eol;
	size_t line = 0;

	l->exists = node != CRASH_NONE;
	l->size = node ? n->len : 0;
	l->n_whole = 0;
	l->has_header = l->is_current = 0;
	for (; node && p < end; p = eol + 1, line++) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			break;
		if (!line && is_header(p, (size_t)(eol - p))) {
			l->has_header = is_known(l->o, header_hash(p, (size_t)(eol - p)));
			l->is_current = memmem(p, (size_t)(eol - p), current,
					       sizeof(current) - 1) != NULL;
			continue;
		}
		if (l->n_whole < ROWS_MAX &&
		    is_known(l->o, line_hash(p, (size_t)(eol - p))))
			l->whole[l->n_whole++] = line_hash(p, (size_t)(eol - p));
	}
}

static int read_rows(struct look *l, struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row;
	int r = 0;

	l->n_rows = l->n_known = 0;
	for (row = 0; !r && row < ramet_tree_count(t) && row < ROWS_MAX; row++) {
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		if (r < 0)
			break;
		l->rows[l->n_rows++] = line_hash(json.ptr, json.len);
		l->n_known += is_known(l->o, l->rows[row]);
	}
	ramet_buf_release(&scratch);
	return r;
}

unsigned long crash_second_openings;

static int is_index_damage(int r, const struct ramet_error *err)
{
	int is = r == RAMET_ECONFLICT && strstr(err->text, "index") != NULL;

	crash_second_openings += (unsigned long)is;
	return is;
}

/* Open and read all. A part of the index that turns out to be damaged when it is needed is told as
 * such, and the session is to be opened anew: once. */
static int open_and_read(struct look *l, struct ramet_session **s, struct ramet_error *err)
{
	int r = ramet_session_open(s, l->path, NULL, err);

	l->opened = !r;
	l->n_rows = l->n_known = 0;
	r = r < 0 ? r : read_rows(l, *s, err);
	if (!l->opened || !is_index_damage(r, err))
		return r;
	ramet_session_close(*s);
	*s = NULL;
	r = ramet_session_open(s, l->path, NULL, err);
	return r < 0 ? r : read_rows(l, *s, err);
}

static int has(const uint64_t *hashes, size_t n, uint64_t hash)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (hashes[i] == hash)
			return 1;
	return 0;
}

static int in_force(const struct crash_promise *p, size_t at)
{
	return at >= p->from && at <= p->until;
}

/* P1, for one session. */
static int check_promises(struct look *l)
{
	size_t i;

	for (i = 0; i < l->o->n_promises; i++) {
		const struct crash_promise *p = &l->o->promises[i];

		if (!in_force(p, l->at) || strcmp(p->path, l->path))
			continue;
		if (!l->exists && p->alt && crash_find(l->image, p->alt))
			continue;                            /* it has a path of its own */
		if (!has(l->whole, l->n_whole, p->hash))
			return broken(l, "P1 lost", p->line, NULL);
		if (l->is_current && !has(l->rows, l->n_rows, p->hash))
			return broken(l, "P1 not read", p->line, NULL);
	}
	return 0;
}

/* P4; a last line without its end may be read or not. */
static int check_whole_lines(struct look *l)
{
	size_t i, n = l->is_current ? l->n_known : l->n_rows;

	if (n < l->n_whole || n > l->n_whole + 1)
		return broken(l, "P4", "a whole line is not read", NULL);
	for (i = 0; l->is_current && i < l->n_whole; i++)
		if (!has(l->rows, l->n_rows, l->whole[i]))
			return broken(l, "P4", "a whole line is not read", NULL);
	return 0;
}

static int check_reading(struct look *l)
{
	struct ramet_session *s = NULL;
	struct ramet_error err = { .sys = 0 };
	int r = open_and_read(l, &s, &err), bad = 0;

	if (l->opened) {
		if (r < 0)
			bad = broken(l, "P4", "an entry cannot be read", &err);
		else if (l->is_current && l->n_known < l->n_rows)
			bad = broken(l, "P3", "an entry that was never written", NULL);
		else
			bad = check_whole_lines(l);
	} else if (l->has_header) {
		bad = broken(l, "P4", "cannot be opened", &err);
	} else if (r != RAMET_EFORMAT && r != RAMET_ENOTFOUND) {
		bad = broken(l, "P8", "opening failed", &err);
	}
	ramet_session_close(s);
	return bad;
}

static int append_once(const struct look *l, char *id, struct ramet_error *err)
{
	static const char text[] = "{\"role\":\"user\",\"content\":\"after the power came back\"}";
	struct ramet_bytes message = { text, sizeof(text) - 1 };
	struct ramet_open_opts opts = { .create = 1 };
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, l->path, &opts, err);

	if (!r)
		r = ramet_session_append_message(s, message, id, err);
	ramet_session_close(s);
	return r;
}

/* An append to what is left, or to a fresh session where nothing is. */
static int check_next(struct look *l)
{
	struct ramet_session *s = NULL;
	struct ramet_error err = { .sys = 0 };
	char id[RAMET_ID_SIZE];
	size_t before = l->n_rows;
	int r, bad = 0;

	if (!l->opened && l->size)
		return 0;                                /* no session */
	if (l->opened && !l->is_current)
		return 0;                                /* perhaps of version 1 */
	r = append_once(l, id, &err);
	if (is_index_damage(r, &err))
		r = append_once(l, id, &err);
	if (r < 0)
		return broken(l, "next", "cannot append", &err);
	r = open_and_read(l, &s, &err);
	if (r < 0)
		bad = broken(l, "next", "cannot be read after an append", &err);
	else if (l->n_rows != before + 1 || l->n_known != before)
		bad = broken(l, "next", "an append changed what is read", NULL);
	else if (ramet_tree_find(ramet_session_tree(s), ramet_bytes_of(id)) != l->n_rows - 1)
		bad = broken(l, "next", "the new entry is not the last one", NULL);
	ramet_session_close(s);
	return bad;
}

static int starts_with(const struct crash_node *n, const char *bytes, size_t len)
{
	return n->len >= len && (!len || !memcmp(n->data, bytes, len));
}

/* P6. */
static int check_changes(struct look *l)
{
	size_t i;

	for (i = 0; i < l->o->n_changes; i++) {
		const struct crash_change *c = &l->o->changes[i];
		unsigned node = crash_find(l->image, c->path);
		const struct crash_node *n = &l->image->nodes[node];

		l->path = c->path;
		if (l->at < c->from || l->at > c->until)
			continue;
		if (node && starts_with(n, c->after, c->after_len))
			continue;
		if (l->at >= c->done)
			return broken(l, "P6", "a finished change is undone", NULL);
		if (c->loose)
			continue;
		if (c->before ? node && n->len == c->before_len &&
					starts_with(n, c->before, c->before_len) :
				!node)
			continue;
		return broken(l, "P6", "neither before nor after", NULL);
	}
	return 0;
}

/* A process that is killed, or one that reads, never meets half a line of ours. */
static int check_whole(struct look *l, const struct crash_fs *image)
{
	unsigned node = crash_find(image, l->path);
	const struct crash_node *n = &image->nodes[node];
	const char *p, *end;

	if (!node || !n->len || n->data[n->len - 1] == '\n')
		return 0;
	end = text_of(n) + n->len;
	for (p = end; p > (const char *)n->data && p[-1] != '\n'; p--)
		;
	if (!is_known(l->o, line_hash(p, (size_t)(end - p))) ||
	    has(l->o->open_tails, l->o->n_tails, line_hash(p, (size_t)(end - p))))
		return 0;                                /* it was so before */
	return broken(l, "P7", "a line without its end can be seen", NULL);
}

static int left_open(const struct crash_fs *fs)
{
	unsigned i;

	for (i = 0; i < fs->n_fds; i++)
		if (fs->fds[i].node)
			return 1;
	return 0;
}

/* After all was read, since a file may have two names: then one append is enough. */
static int check_appends(struct look *l, const struct look *seen, size_t n)
{
	unsigned nodes[PATHS_MAX];
	size_t i, k, n_nodes = 0;
	int bad = 0;

	for (i = 0; !bad && i < n; i++) {
		nodes[n_nodes] = crash_find(l->image, seen[i].path);
		for (k = 0; k < n_nodes && (!nodes[k] || nodes[k] != nodes[n_nodes]); k++)
			;
		if (k < n_nodes++)
			continue;
		*l = seen[i];
		bad = check_next(l);
	}
	return bad;
}

int crash_check(const struct crash_oracle *o, struct crash_fs *image, size_t at, int killed,
		char *why, size_t why_len)
{
	static struct look seen[PATHS_MAX];
	struct look l = { .o = o, .image = image, .at = at, .why = why, .why_len = why_len };
	size_t i, n = o->n_paths < PATHS_MAX ? o->n_paths : PATHS_MAX;
	int bad = check_changes(&l);

	crash_fs_mount(image);
	for (i = 0; !bad && i < n; i++) {
		l.path = o->paths[i];
		read_raw(&l);
		bad = killed && check_whole(&l, image);
		if (!bad)
			bad = check_reading(&l);
		if (!bad)
			bad = check_promises(&l);
		seen[i] = l;
	}
	if (!bad)
		bad = check_appends(&l, seen, n);
	if (!bad && left_open(image))
		bad = broken(&l, "leak", "a descriptor is still open", NULL);
	crash_fs_mount(NULL);
	return bad;
}

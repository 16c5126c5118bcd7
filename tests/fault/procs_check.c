/*
 * procs_check.c - the oracle: what must be in a file, line by line, and what the library makes of
 * it.
 *
 * The lines are read without the library, by the one form that appends have. What was
 * acknowledged must stand there byte for byte, once, in its writer's order; a line that is not an
 * entry must be of a kind that the rules allow; nothing follows an entry on its line.
 */
#include "procs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char entry_start[] = "{\"type\":\"message\",\"id\":\"";

/* An entry as it stands in the file. */
struct seen {
	struct ramet_bytes line;
	const char *id, *parent;                 /* parent NULL: null */
	size_t id_len, parent_len;
	struct mark mark;
	unsigned at;                             /* in file order */
};
struct look {
	const char *path;
	struct ramet_buf text, made;
	struct seen *seen;
	size_t cap;
	struct counts counts;
};

static int skip(const char **at, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *at) < len || memcmp(*at, text, len))
		return 0;
	*at += len;
	return 1;
}

static int number(const char **at, const char *end, uint32_t *n)
{
	const char *start = *at;

	for (*n = 0; *at < end && **at >= '0' && **at <= '9'; ++*at)
		*n = *n * 10 + (uint32_t)(**at - '0');
	return *at > start;
}

static int quoted(const char **at, const char *end, const char **text, size_t *len)
{
	const char *stop = memchr(*at, '"', (size_t)(end - *at));

	if (!stop)
		return 0;
	*text = *at;
	*len = (size_t)(stop - *at);
	*at = stop + 1;
	return 1;
}

static int parse_mark(const char *at, const char *end, struct mark *m)
{
	if (!skip(&at, end, "{\"role\":\"user\",\"content\":\"") &&
	    !skip(&at, end, "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\""))
		return 0;
	return skip(&at, end, "w") && number(&at, end, &m->w) && skip(&at, end, " n") &&
	       number(&at, end, &m->n) && skip(&at, end, " s") && number(&at, end, &m->size) &&
	       skip(&at, end, " ");
}

/* A whole entry of ours, every byte of it. */
static int parse_entry(struct look *k, const char *at, const char *end, struct seen *s)
{
	const char *text;
	size_t len;

	if (!skip(&at, end, entry_start) || !quoted(&at, end, &s->id, &s->id_len) ||
	    !skip(&at, end, ",\"parentId\":"))
		return 0;
	s->parent = NULL;
	s->parent_len = 0;
	if (!skip(&at, end, "null") &&
	    (!skip(&at, end, "\"") || !quoted(&at, end, &s->parent, &s->parent_len)))
		return 0;
	if (!skip(&at, end, ",\"timestamp\":\"") || !quoted(&at, end, &text, &len) ||
	    !skip(&at, end, ",\"message\":") || !parse_mark(at, end, &s->mark))
		return 0;
	ramet_buf_reset(&k->made);
	mark_message(&s->mark, &k->made);
	ramet_buf_add_char(&k->made, '}');
	return (size_t)(end - at) == k->made.len && !memcmp(at, k->made.ptr, k->made.len);
}

static void keep(struct look *k, struct seen *s)
{
	if (k->counts.entries == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 256;
		k->seen = ramet_realloc(k->seen, k->cap * sizeof(*k->seen));
		if (!k->seen)
			give_up("memory");
	}
	s->at = k->counts.entries;
	k->seen[k->counts.entries++] = *s;
}

static int is_json(struct ramet_bytes line)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, line, 0, NULL);

	ramet_json_doc_release(&doc);
	return r == 0;
}

static void look_at(struct look *k, unsigned number_of, const char *at, const char *end)
{
	struct ramet_bytes line = { at, (size_t)(end - at) };
	struct seen s;

	if (parse_entry(k, at, end, &s)) {
		s.line = line;
		keep(k, &s);
	} else if (!line.len) {
		k->counts.blanks++;
	} else if (*at == '#') {
		k->counts.spoiled++;
	} else if (is_json(line)) {
		k->counts.others++;
	} else {
		k->counts.parts++;
		if (memmem(at, line.len, "}{\"type\":\"", 10) ||
		    (memmem(at + 1, line.len - 1, entry_start, sizeof(entry_start) - 1)))
			fault("%s:%u: two lines are glued together", k->path, number_of);
	}
}

static void look_at_all(struct look *k)
{
	const char *at = k->text.ptr, *end = at + k->text.len, *stop;
	unsigned n = 1;

	if (!skip(&at, end, "{\"type\":\"session\"")) {
		fault("%s: no header", k->path);
		return;
	}
	for (at = k->text.ptr; at < end; at = stop + 1, n++) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		if (n > 1)
			look_at(k, n, at, stop);
	}
}

/* ---- entries against what was told ---- */

static int by_mark(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->mark.w != y->mark.w)
		return x->mark.w < y->mark.w ? -1 : 1;
	return x->mark.n == y->mark.n ? 0 : x->mark.n < y->mark.n ? -1 : 1;
}

static int compare_ids(const struct seen *x, const char *id, size_t len)
{
	int r = memcmp(x->id, id, x->id_len < len ? x->id_len : len);

	return r ? r : x->id_len == len ? 0 : x->id_len < len ? -1 : 1;
}

static int by_id(const void *a, const void *b)
{
	const struct seen *y = b;

	return compare_ids(a, y->id, y->id_len);
}

/* Sorted by writer and number: no two of the same, and each writer's in its order. */
static void check_order(struct look *k)
{
	unsigned i;

	qsort(k->seen, k->counts.entries, sizeof(*k->seen), by_mark);
	for (i = 1; i < k->counts.entries; i++) {
		const struct seen *a = &k->seen[i - 1], *b = a + 1;

		if (a->mark.w != b->mark.w)
			continue;
		if (a->mark.n == b->mark.n)
			fault("%s: w%u n%u is there twice", k->path, a->mark.w, a->mark.n);
		else if (a->at > b->at)
			fault("%s: w%u n%u stands before n%u", k->path, a->mark.w, b->mark.n,
			      a->mark.n);
	}
}

/* Sorted by id. */
static const struct seen *find(const struct look *k, const char *id, size_t len)
{
	size_t low = 0, high = k->counts.entries;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int r = compare_ids(&k->seen[mid], id, len);

		if (!r)
			return &k->seen[mid];
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int has_mark(const struct look *k, const struct mark *m)
{
	unsigned i;

	for (i = 0; i < k->counts.entries; i++)
		if (k->seen[i].mark.w == m->w && k->seen[i].mark.n == m->n)
			return 1;
	return 0;
}

static void check_told(struct look *k, const struct tolds *told, int only_told)
{
	unsigned stored = 0;
	size_t i;

	qsort(k->seen, k->counts.entries, sizeof(*k->seen), by_id);
	for (i = 1; i < k->counts.entries; i++)
		if (!by_id(&k->seen[i - 1], &k->seen[i]))
			fault("%s: the id %.*s is there twice", k->path, (int)k->seen[i].id_len,
			      k->seen[i].id);
	for (i = 0; told && i < told->n; i++) {
		const struct told *t = &told->items[i];
		const struct seen *s = find(k, t->id, strlen(t->id));

		if (t->kind == TOLD_FAILED) {
			if (has_mark(k, &t->mark))
				fault("%s: w%u n%u failed and is there", k->path, t->mark.w,
				      t->mark.n);
			continue;
		}
		stored++;
		if (!s)
			fault("%s: lost: w%u n%u, id %s, acknowledged", k->path, t->mark.w,
			      t->mark.n, t->id);
		else if (s->mark.w != t->mark.w || s->mark.n != t->mark.n ||
			 s->mark.size != t->mark.size)
			fault("%s: id %s is w%u n%u, not w%u n%u", k->path, t->id, s->mark.w,
			      s->mark.n, t->mark.w, t->mark.n);
	}
	if (only_told && stored != k->counts.entries)
		fault("%s: %u entries, %u were acknowledged", k->path, k->counts.entries, stored);
}

/* ---- parents ---- */

static int by_place(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int hangs_from(const struct seen *child, const struct seen *parent)
{
	return child->parent && child->parent_len == parent->id_len &&
	       !memcmp(child->parent, parent->id, parent->id_len);
}

#define WRITERS_MAX 64u

static void check_chain(struct look *k, enum chain chain)
{
	const struct seen *last[WRITERS_MAX] = { NULL }, *before;
	unsigned i, w;

	qsort(k->seen, k->counts.entries, sizeof(*k->seen), by_place);
	for (i = 1; i < k->counts.entries; i++) {
		k->counts.turns += k->seen[i].mark.w != k->seen[i - 1].mark.w;
		if (chain == CHAIN_FREE)
			continue;
		w = k->seen[i].mark.w % WRITERS_MAX;
		last[k->seen[i - 1].mark.w % WRITERS_MAX] = &k->seen[i - 1];
		before = chain == CHAIN_ALL ? &k->seen[i - 1] : last[w];
		if (before && !hangs_from(&k->seen[i], before))
			fault("%s: w%u n%u does not hang from w%u n%u", k->path, k->seen[i].mark.w,
			      k->seen[i].mark.n, before->mark.w, before->mark.n);
	}
}

static void check_kinds(const struct look *k, const struct rules *rules)
{
	const struct counts *c = &k->counts;

	if (c->parts > rules->parts)
		fault("%s: %u unfinished lines, at most %u were expected", k->path, c->parts,
		      rules->parts);
	if (c->spoiled && !rules->spoiled)
		fault("%s: %u spoiled lines", k->path, c->spoiled);
	if (c->blanks && !rules->blanks)
		fault("%s: %u blank lines", k->path, c->blanks);
	if (c->others && !rules->others)
		fault("%s: %u lines of somebody else", k->path, c->others);
}

/* ---- what the library says ---- */

#define ODD_ROWS                                                                                   \
	(RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED | RAMET_ROW_ORPHAN | RAMET_ROW_LOOP |                \
	 RAMET_ROW_BAD_UTF8)

static struct ramet_session *open_to_read(const struct look *k, int no_cache)
{
	const struct ramet_open_opts opts = { .no_cache = no_cache };
	struct ramet_session *s = NULL;
	struct ramet_error err = { .code = 0 };

	if (ramet_session_open(&s, k->path, &opts, &err) < 0)
		fault("%s: cannot be opened: %s", k->path, err.text);
	return s;
}

static void check_row(const struct look *k, const struct ramet_tree *t, uint32_t row,
		      struct ramet_buf *scratch)
{
	const struct seen *e = &k->seen[row];
	struct ramet_bytes id = ramet_tree_id(t, row), json;
	struct ramet_error err = { .code = 0 };

	if (ramet_tree_row(t, row)->flags & ODD_ROWS)
		fault("%s: row %u has the flags %x", k->path, row, ramet_tree_row(t, row)->flags);
	if (id.len != e->id_len || memcmp(id.ptr, e->id, id.len))
		fault("%s: row %u is not entry %.*s", k->path, row, (int)e->id_len, e->id);
	else if (ramet_tree_entry(t, row, scratch, &json, &err) < 0)
		fault("%s: entry %.*s: %s", k->path, (int)e->id_len, e->id, err.text);
	else if (!ramet_bytes_eq(json, e->line))
		fault("%s: entry %.*s reads as something else", k->path, (int)e->id_len, e->id);
}

static void check_rows(const struct look *k, int no_cache)
{
	struct ramet_session *s = open_to_read(k, no_cache);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_tree *t;
	uint32_t i, n;

	if (!s)
		return;
	t = ramet_session_tree(s);
	n = ramet_tree_count(t);
	if (n != k->counts.entries + k->counts.others)
		fault("%s: %u rows, %u entries in the file%s", k->path, n,
		      k->counts.entries + k->counts.others, no_cache ? "" : ", by the index");
	else if (!k->counts.others)
		for (i = 0; i < k->counts.entries; i++)
			check_row(k, t, i, &scratch);
	if (!k->counts.parts && !k->counts.spoiled && !k->counts.blanks &&
	    ramet_session_findings(s)->n)
		fault("%s: %s: %.*s", k->path, ramet_session_findings(s)->items[0].code,
		      RAMET_FMT(ramet_session_findings(s)->items[0].text));
	ramet_buf_release(&scratch);
	ramet_session_close(s);
}

static void check_verdict(const struct look *k)
{
	struct ramet_verdict v;
	struct ramet_error err = { .code = 0 };
	int whole = !k->counts.parts && !k->counts.spoiled;

	if (ramet_verify(k->path, NULL, &v, &err) < 0) {
		fault("%s: verify: %s", k->path, err.text);
		return;
	}
	if (v.n_entries < k->counts.entries || (whole && (!v.intact || !v.complete)))
		fault("%s: verify: %u entries, intact %d, complete %d", k->path, v.n_entries,
		      v.intact, v.complete);
	ramet_verdict_release(&v);
}

void check_file(const char *path, const struct rules *rules, struct counts *counts)
{
	struct look k = { .path = path, .text = RAMET_BUF_INIT(SIZE_MAX / 2),
			  .made = RAMET_BUF_INIT(SIZE_MAX / 2) };
	unsigned before = faults_so_far();

	if (read_text(path, &k.text) < 0) {
		fault("%s: cannot be read", path);
	} else {
		k.counts.bytes = k.text.len;
		look_at_all(&k);
		check_kinds(&k, rules);
		check_order(&k);
		check_told(&k, rules->told, rules->only_told);
		check_chain(&k, rules->chain);
	}
	if (faults_so_far() == before) {
		check_rows(&k, 1);
		if (rules->index)
			check_rows(&k, 0);
		check_verdict(&k);
	}
	if (counts)
		*counts = k.counts;
	ramet_buf_release(&k.text);
	ramet_buf_release(&k.made);
	ramet_free(k.seen);
}

/*
 * crash_image.c - the images of a power cut: which operations are durable, and every choice of
 * what is left of the others.
 *
 * For one write that is not durable all its tears are made. For several, all combinations of
 * coarse tears, and all tears of one with the others there, lost or zeros. Writes to files that
 * have no name in an image make no difference and are left out.
 */
#include "crash_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_ALL 6u                             /* so many changes of names: all subsets */
#define UNITS_ALL 6u
#define UNIT_SAMPLES 24u
#define OTHERS_ALL 27u
#define LONG_WRITE 8192u                         /* from here on fewer tears */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- one image ---- */

/* Nothing that completes a line: without checksums in the format nobody could tell such a one. */
static const char stale_text[] = "e\n\xff{\"type\":\n]\x01[";

/* The file has at least len bytes. */
static void extend(struct crash_node *n, size_t len, int stale)
{
	size_t from = n->len;

	if (len <= n->len)
		return;
	crash_node_resize(n, len, 0);
	for (; stale && from < len; from++)
		n->data[from] = (unsigned char)stale_text[from % (sizeof(stale_text) - 1)];
}

static void write_units(struct crash_node *n, const struct crash_op *op, const unsigned char *from,
			const struct crash_choice *c)
{
	size_t first = op->at / c->k, unit, begin, end;

	for (unit = first; unit * c->k < op->at + op->len; unit++) {
		if (!(c->mask >> (unit - first) & 1))
			continue;
		begin = unit * c->k > op->at ? unit * c->k : op->at;
		end = (unit + 1) * c->k < op->at + op->len ? (unit + 1) * c->k : op->at + op->len;
		crash_node_write(n, begin, from + (begin - op->at), end - begin);
	}
}

static void apply_write(struct crash_node *n, const struct crash_op *op, const unsigned char *from,
			const struct crash_choice *c)
{
	if (c->part == CRASH_LOST)
		return;
	extend(n, op->at, c->stale);                 /* an earlier write may be lost */
	if (c->part == CRASH_BEGIN || c->part == CRASH_END || c->part == CRASH_UNITS)
		extend(n, op->at + op->len, c->stale);
	if (c->part == CRASH_WHOLE)
		crash_node_write(n, op->at, from, op->len);
	else if (c->part == CRASH_UP_TO || c->part == CRASH_BEGIN)
		crash_node_write(n, op->at, from, c->k);
	else if (c->part == CRASH_END)
		crash_node_write(n, op->at + c->k, from + c->k, op->len - c->k);
	else
		write_units(n, op, from, c);
}

static void apply_name(struct crash_fs *fs, const struct crash_op *op)
{
	if (op->node)
		crash_dir_set(fs, op->dir, op->name, op->node);
	else if (crash_dir_get(fs, op->dir, op->name) == op->was)
		crash_dir_set(fs, op->dir, op->name, CRASH_NONE);
	if (op->dir2 && crash_dir_get(fs, op->dir2, op->name2) == op->node)
		crash_dir_set(fs, op->dir2, op->name2, CRASH_NONE);
}

static void apply(struct crash_fs *fs, const struct crash_fs *run, const struct crash_op *op,
		  const struct crash_choice *c)
{
	if (op->kind == CRASH_WRITE)
		apply_write(&fs->nodes[op->node], op, run->bytes + op->data, c);
	else if (op->kind == CRASH_TRUNCATE && c->part != CRASH_LOST)
		crash_node_resize(&fs->nodes[op->node], op->at, 0);
	else if (op->kind == CRASH_NAME && c->part != CRASH_LOST)
		apply_name(fs, op);
}

/* The nodes of the run that the start does not have, without names and bytes. */
static void begin(struct crash_fs *image, const struct crash_fs *start, const struct crash_fs *run)
{
	size_t cap = image->cap_nodes;
	unsigned i;

	crash_fs_copy(image, start);
	cap = image->cap_nodes;
	image->nodes = crash_grow(image->nodes, &cap, run->n_nodes, sizeof(*image->nodes));
	image->cap_nodes = (unsigned)cap;
	for (i = start->n_nodes; i < run->n_nodes; i++) {
		struct crash_node *n = &image->nodes[i];

		n->is_dir = run->nodes[i].is_dir;
		n->mode = run->nodes[i].mode;
		n->links = n->opens = 0;
		n->locked_by = 0;
		n->len = n->n_names = 0;
		n->time_ns = run->nodes[i].time_ns;
	}
	image->n_nodes = run->n_nodes;
	image->now_ns = run->now_ns;
	image->random = start->random ^ 0x5bd1e995u;         /* ids nobody has had */
}

static void build(const struct crash_cut *cut)
{
	size_t i;

	begin(cut->image, cut->start, cut->run);
	for (i = 0; i < cut->at; i++)
		apply(cut->image, cut->run, &cut->run->ops[i], &cut->choices[i]);
}

void crash_killed(struct crash_fs *image, const struct crash_fs *start, const struct crash_fs *run,
		  size_t at)
{
	const struct crash_choice whole = { .part = CRASH_WHOLE };
	size_t i;

	begin(image, start, run);
	for (i = 0; i < at; i++)
		apply(image, run, &run->ops[i], &whole);
}

/* ---- hashes ---- */

uint64_t crash_mix(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t word;

	h ^= len * 0x9e3779b97f4a7c15u;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (; len; p++, len--)
		h = (h ^ *p) * 0x100000001b3u;
	return h ^ h >> 29;
}

uint64_t crash_hash(const struct crash_fs *fs)
{
	unsigned stack[64], n = 0, i;
	uint64_t path[64], sum = 0, h;

	path[n] = 1;
	stack[n++] = CRASH_ROOT;
	while (n) {
		const struct crash_node *d = &fs->nodes[stack[--n]];
		uint64_t here = path[n];

		for (i = 0; i < d->n_names; i++) {
			const struct crash_node *c = &fs->nodes[d->names[i].node];

			h = crash_mix(here, &d->names[i].name, sizeof(unsigned));
			if (c->is_dir && n < 64) {
				path[n] = h;
				stack[n++] = d->names[i].node;
			}
			sum += c->is_dir ? h : crash_mix(h, c->data, c->len);
		}
	}
	return sum;
}

/* ---- which operations are durable ---- */

static int made_durable(const struct crash_fs *run, size_t op, size_t at)
{
	const struct crash_op *o = &run->ops[op];
	unsigned a = o->kind == CRASH_NAME ? o->dir : o->node, b = o->dir2;
	size_t i;

	for (i = op + 1; i < at; i++) {
		const struct crash_op *s = &run->ops[i];

		if (s->kind == CRASH_FAILED_SYNC && s->node == a)
			return 0;
		if (s->kind == CRASH_SYNC && (s->node == a || (b && s->node == b)))
			return 1;
	}
	return 0;
}

static void find_pending(struct crash_cut *cut)
{
	size_t i;

	for (i = 0; i < cut->at; i++) {
		cut->choices[i] = (struct crash_choice){ .part = CRASH_WHOLE };
		if (cut->run->ops[i].kind < CRASH_SYNC && !made_durable(cut->run, i, cut->at))
			cut->pending[cut->n_pending++] = i;
	}
}

/* ---- all choices ---- */

struct maker {
	struct crash_cut cut;
	const struct crash_scope *scope;
	size_t *names, n_names, *writes, n_writes; /* of the pending ones */
	uint64_t random;
	unsigned char *reached;                  /* nodes that have a name in this image */
	int (*fn)(void *user, const struct crash_cut *cut);
	void *user;
};

static int emit(struct maker *m)
{
	build(&m->cut);
	return m->fn(m->user, &m->cut);
}

#define COARSE 10u
static struct crash_choice coarse(const struct crash_op *op, unsigned i)
{
	size_t len = op->len, sector = 512 - op->at % 512;
	const struct crash_choice all[COARSE] = {
		{ .part = CRASH_LOST },
		{ .part = CRASH_WHOLE },
		{ .part = CRASH_BEGIN },
		{ .part = CRASH_BEGIN, .stale = 1 },
		{ .part = CRASH_UP_TO, .k = len - 1 },
		{ .part = CRASH_UP_TO, .k = len / 2 },
		{ .part = CRASH_UP_TO, .k = 1 },
		{ .part = CRASH_BEGIN, .k = len - 1 },
		{ .part = CRASH_BEGIN, .k = len / 2, .stale = 1 },
		{ .part = CRASH_END, .k = sector < len ? sector : len / 2 },
	};

	if (op->kind != CRASH_WRITE)
		return all[i % 2];
	return all[i];
}

static unsigned n_coarse(const struct crash_op *op)
{
	return op->kind == CRASH_WRITE ? COARSE : 2;
}

static const struct crash_op *op_of(const struct maker *m, size_t pending)
{
	return &m->cut.run->ops[pending];
}

static struct crash_choice by_chance(struct maker *m, const struct crash_op *op)
{
	uint64_t r = next_random(&m->random);
	struct crash_choice c = coarse(op, (unsigned)(r % n_coarse(op)));

	if (op->kind == CRASH_WRITE && op->len > 1 && (r >> 8) % 3 == 0) {
		c.part = (r >> 16) % 2 ? CRASH_UP_TO : (r >> 17) % 2 ? CRASH_BEGIN : CRASH_END;
		c.stale = (r >> 18) % 4 == 0;
		c.k = 1 + (r >> 24) % (op->len - 1);
	} else if (op->kind == CRASH_WRITE && (r >> 8) % 3 == 1) {
		c.part = CRASH_UNITS;
		c.stale = (r >> 18) % 4 == 0;
		c.k = (r >> 20) % 2 ? 512 : 4096;
		c.mask = r >> 24;
	}
	return c;
}

/* All combinations of these choices for the writes but `except` (SIZE_MAX: none), then fn. */
static int combine(struct maker *m, size_t except, unsigned most, int (*fn)(struct maker *m))
{
	unsigned at[64] = { 0 };
	size_t i;
	int r;

	for (;;) {
		for (i = 0; i < m->n_writes; i++)
			if (i != except)
				m->cut.choices[m->writes[i]] =
					coarse(op_of(m, m->writes[i]), at[i]);
		r = fn(m);
		if (r)
			return r;
		for (i = 0; i < m->n_writes; i++) {
			unsigned n = n_coarse(op_of(m, m->writes[i]));

			if (i == except)
				continue;
			if (++at[i] < (n < most ? n : most))
				break;
			at[i] = 0;
		}
		if (i == m->n_writes)
			return 0;
	}
}

/* n combinations: nothing, everything, then by chance. */
static int sample_writes(struct maker *m, size_t n, size_t except)
{
	size_t i, k;
	int r = 0;

	for (k = 0; !r && k < n; k++) {
		for (i = 0; i < m->n_writes; i++)
			if (i != except)
				m->cut.choices[m->writes[i]] =
					k < 2 && except == SIZE_MAX ?
						coarse(op_of(m, m->writes[i]), (unsigned)k) :
						by_chance(m, op_of(m, m->writes[i]));
		r = emit(m);
	}
	return r;
}

/* How many combinations, at most limit + 1. */
static size_t count_combinations(const struct maker *m, size_t except, unsigned most, size_t limit)
{
	size_t i, n = 1;

	for (i = 0; i < m->n_writes && n <= limit; i++) {
		unsigned c = n_coarse(op_of(m, m->writes[i]));

		n *= i == except ? 1 : c < most ? c : most;
	}
	return n;
}

/* With this choice for one write: the others there, lost or zeros. */
static int with_others(struct maker *m, size_t write, struct crash_choice c)
{
	m->cut.choices[m->writes[write]] = c;
	if (op_of(m, m->writes[write])->len >= LONG_WRITE)
		return sample_writes(m, 1, write);
	if (count_combinations(m, write, 3, OTHERS_ALL) <= OTHERS_ALL && m->n_writes <= 64)
		return combine(m, write, 3, emit);
	return sample_writes(m, 2, write);
}

static int tear_bytes(struct maker *m, size_t write)
{
	const struct crash_op *op = op_of(m, m->writes[write]);
	size_t k, step = m->scope->byte_step * (op->len < LONG_WRITE ? 1 : op->len / 128);
	int r = 0;

	for (k = 1; !r && step && k < op->len; k += step) {
		const struct crash_choice tears[] = {
			{ .part = CRASH_UP_TO, .k = k },
			{ .part = CRASH_BEGIN, .k = k },
			{ .part = CRASH_BEGIN, .k = k, .stale = 1 },
			{ .part = CRASH_END, .k = k },
		};
		size_t i;

		for (i = 0; !r && i < sizeof(tears) / sizeof(tears[0]); i++)
			r = with_others(m, write, tears[i]);
	}
	return r;
}

static int tear_units(struct maker *m, size_t write, size_t unit)
{
	const struct crash_op *op = op_of(m, m->writes[write]);
	size_t n = op->len ? (op->at + op->len - 1) / unit - op->at / unit + 1 : 0;
	struct crash_choice c = { .part = CRASH_UNITS, .k = unit };
	uint64_t i, last = n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
	int r = 0;

	if (n < 2 || !m->scope->byte_step)
		return 0;
	for (i = 1; !r && i < (n <= UNITS_ALL ? last : UNIT_SAMPLES); i++) {
		c.mask = n <= UNITS_ALL ? i : next_random(&m->random) & last;
		c.stale = 0;
		r = with_others(m, write, c);
		c.stale = 1;
		if (!r)
			r = with_others(m, write, c);
	}
	return r;
}

static int all_writes(struct maker *m)
{
	size_t i;
	int r;

	if (!m->n_writes)
		return emit(m);
	if (m->n_writes <= 64 &&
	    count_combinations(m, SIZE_MAX, COARSE, m->scope->combinations) <=
		    m->scope->combinations)
		r = combine(m, SIZE_MAX, COARSE, emit);
	else
		r = sample_writes(m, m->scope->samples, SIZE_MAX);
	for (i = 0; !r && i < m->n_writes; i++) {
		if (op_of(m, m->writes[i])->kind != CRASH_WRITE)
			continue;
		r = tear_bytes(m, i);
		if (!r)
			r = tear_units(m, i, 512);
		if (!r)
			r = tear_units(m, i, 4096);
	}
	return r;
}

/* ---- names first, then the writes to what has one ---- */

static void find_reached(struct maker *m)
{
	unsigned stack[64], n = 0, i;

	memset(m->reached, 0, m->cut.run->n_nodes);
	for (i = 0; i < m->n_writes; i++)
		m->cut.choices[m->writes[i]].part = CRASH_LOST;
	build(&m->cut);
	stack[n++] = CRASH_ROOT;
	while (n) {
		const struct crash_node *d = &m->cut.image->nodes[stack[--n]];

		for (i = 0; i < d->n_names; i++) {
			m->reached[d->names[i].node] = 1;
			if (m->cut.image->nodes[d->names[i].node].is_dir && n < 64)
				stack[n++] = d->names[i].node;
		}
	}
}

static int with_names(struct maker *m)
{
	size_t i, all = 0;

	for (i = 0; i < m->cut.n_pending; i++)
		if (op_of(m, m->cut.pending[i])->kind != CRASH_NAME)
			m->writes[all++] = m->cut.pending[i];
	m->n_writes = all;
	find_reached(m);
	for (i = m->n_writes = 0; i < all; i++)
		if (m->reached[op_of(m, m->writes[i])->node])
			m->writes[m->n_writes++] = m->writes[i];
	return all_writes(m);
}

static int all_names(struct maker *m)
{
	size_t i, k, n = m->n_names;
	int every = n <= NAMES_ALL, r = 0;
	size_t most = every ? (size_t)1 << n : m->scope->samples;

	for (k = 0; !r && k < most; k++) {
		uint64_t mask = every ? ~(uint64_t)k : k ? next_random(&m->random) : UINT64_MAX;

		for (i = 0; i < n; i++)
			m->cut.choices[m->names[i]].part =
				mask >> i % 64 & 1 ? CRASH_WHOLE : CRASH_LOST;
		r = with_names(m);
	}
	return r;
}

static void *room(size_t n, size_t size)
{
	size_t cap = 0;

	return crash_grow(NULL, &cap, n + 1, size);
}

int crash_images(const struct crash_fs *start, const struct crash_fs *run, size_t at,
		 const struct crash_scope *scope,
		 int (*fn)(void *user, const struct crash_cut *cut), void *user)
{
	struct maker m = { .cut = { .start = start, .run = run, .at = at }, .scope = scope };
	size_t i;
	int r;

	m.fn = fn;
	m.user = user;
	m.random = (scope->seed + 1) * 0x9e3779b97f4a7c15u + at;
	m.cut.choices = room(at, sizeof(*m.cut.choices));
	m.cut.pending = room(at, sizeof(*m.cut.pending));
	m.names = room(at, sizeof(*m.names));
	m.writes = room(at, sizeof(*m.writes));
	m.reached = room(run->n_nodes, 1);
	m.cut.image = crash_fs_new();
	find_pending(&m.cut);
	for (i = 0; i < m.cut.n_pending; i++)
		if (op_of(&m, m.cut.pending[i])->kind == CRASH_NAME)
			m.names[m.n_names++] = m.cut.pending[i];
	r = all_names(&m);
	crash_fs_free(m.cut.image);
	free(m.cut.choices);
	free(m.cut.pending);
	free(m.names);
	free(m.writes);
	free(m.reached);
	return r;
}

/* ---- for people ---- */

void crash_describe_op(const struct crash_op *op, char *to, size_t len)
{
	static const char *const kinds[] = { "write", "truncate", "name", "sync",
					     "failed sync" };

	if (op->kind != CRASH_NAME)
		(void)snprintf(to, len, "%s #%u at %zu len %zu", kinds[op->kind], op->node, op->at,
			       op->len);
	else if (op->dir2)
		(void)snprintf(to, len, "rename #%u/%.40s to #%u/%.40s", op->dir2,
			       crash_name_text(op->name2), op->dir, crash_name_text(op->name));
	else
		(void)snprintf(to, len, "%s #%u/%.60s = #%u", op->node ? "name" : "unname", op->dir,
			       crash_name_text(op->name), op->node ? op->node : op->was);
}

void crash_describe(const struct crash_cut *cut, char *to, size_t len)
{
	static const char *const parts[] = { "lost", "whole", "up to", "begin", "end", "units" };
	size_t i, used = 0;
	char op[200];

	*to = '\0';
	for (i = 0; i < cut->n_pending && used + 1 < len; i++) {
		const struct crash_choice *c = &cut->choices[cut->pending[i]];

		crash_describe_op(&cut->run->ops[cut->pending[i]], op, sizeof(op));
		used += (size_t)snprintf(to + used, len - used, "    %zu %s: %s%s",
					 cut->pending[i], op, parts[c->part],
					 c->stale ? " (stale)" : "");
		if (used + 1 < len && c->part >= CRASH_UP_TO)
			used += (size_t)snprintf(to + used, len - used, " %zu mask %llx", c->k,
						 (unsigned long long)c->mask);
		if (used + 1 < len)
			used += (size_t)snprintf(to + used, len - used, "\n");
	}
}

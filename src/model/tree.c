/*
 * model/tree.c - rows and the id table: adding entries, finding them, walking to the root.
 *
 * Invariants: every row with an id has a slot, or a later row with the same id has it; `link` never
 * changes its meaning once set; derived columns are valid unless `unsettled`. The id table is keyed
 * by a seed, so that chosen ids cannot make it slow. Nothing here parses JSON or does I/O.
 */
#include "model/tree_priv.h"

#include <string.h>
#include "base/error.h"

static uint64_t load_le(const char *p, size_t n)
{
	uint64_t x = 0;

	memcpy(&x, p, n);
	return x;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	a *= b;
	return a ^ a >> 29;
}

static uint32_t seeded_hash(uint64_t seed, struct ramet_bytes id)
{
	uint64_t h = seed ^ (id.len * 0x9e3779b97f4a7c15u);
	const char *p = id.ptr;
	size_t left = id.len;

	for (; left >= 8; left -= 8, p += 8)
		h = mix(h ^ load_le(p, 8), 0xd6e8feb86659fd93u);
	if (left)
		h = mix(h ^ load_le(p, left), 0xa0761d6478bd642fu);
	h = mix(h ^ seed, 0xe7037ed1a0b428dbu);
	return (uint32_t)(h ^ (h >> 32));
}

int rameti_tree_new(struct ramet_tree **out, uint64_t seed, ramet_entry_fn *entry, void *user,
		    struct ramet_error *err)
{
	struct ramet_tree *t = ramet_calloc(1, sizeof(*t));

	if (!t)
		return rameti_fail_nomem(err);
	t->seed = seed;
	t->entry = entry;
	t->user = user;
	rameti_map_init(&t->waiting, (uint32_t)(seed ^ seed >> 32));
	*out = t;
	return 0;
}

void rameti_tree_free(struct ramet_tree *t)
{
	if (!t)
		return;
	rameti_tree_free_part(t, RAMETI_TREE_ROWS, t->rows);
	rameti_tree_free_part(t, RAMETI_TREE_ID_END, t->id_end);
	rameti_tree_free_part(t, RAMETI_TREE_LINK, t->link);
	rameti_tree_free_part(t, RAMETI_TREE_IDS, t->ids);
	rameti_tree_free_part(t, RAMETI_TREE_SLOTS, t->slots);
	rameti_tree_free_part(t, RAMETI_TREE_GAPS, t->gaps);
	rameti_tree_free_part(t, RAMETI_TREE_LABELS, t->labels);
	rameti_tree_free_part(t, RAMETI_TREE_NAMES, t->names);
	if (t->proof) {
		ramet_free(t->proof->sums);
		ramet_free(t->proof->seen);
	}
	ramet_free(t->proof);
	rameti_map_release(&t->waiting);
	ramet_free(t);
}

uint32_t ramet_tree_count(const struct ramet_tree *t)
{
	return t->n;
}

const struct ramet_row *ramet_tree_row(const struct ramet_tree *t, uint32_t row)
{
	if (row >= t->n)
		return NULL;
	rameti_tree_prove_row(t, row);
	return &t->rows[row];
}

uint32_t ramet_tree_leaf(const struct ramet_tree *t)
{
	return t->n ? t->n - 1 : RAMET_NONE;
}

struct ramet_bytes ramet_tree_id(const struct ramet_tree *t, uint32_t row)
{
	struct ramet_bytes id = { NULL, 0 };
	uint32_t start, end;

	if (row >= t->n)
		return id;
	rameti_tree_prove(t, RAMETI_TREE_ID_END, (size_t)(row ? row - 1 : 0) * sizeof(*t->id_end),
			  2 * sizeof(*t->id_end));
	start = row ? t->id_end[row - 1] : 0;
	end = t->id_end[row];
	if (end < start || end > t->ids_len)
		return id;                               /* of a broken image */
	rameti_tree_prove(t, RAMETI_TREE_IDS, start, end - start);
	id.ptr = t->ids + start;
	id.len = end - start;
	return id;
}

struct ramet_bytes rameti_tree_parent_id(const struct ramet_tree *t, uint32_t row)
{
	struct ramet_bytes none = { NULL, 0 };

	if (row >= t->n)
		return none;
	rameti_tree_prove(t, RAMETI_TREE_LINK, (size_t)row * sizeof(*t->link), sizeof(*t->link));
	if (t->link[row] == RAMET_NONE)
		return none;
	if (t->link[row] & RAMETI_LINK_WAITS)
		return rameti_tree_waiting(t, t->link[row] & ~RAMETI_LINK_WAITS);
	return ramet_tree_id(t, t->link[row]);
}

/* The slot that holds id, or the empty one where it would go. Needs a table with room. */
static struct rameti_id_slot *find_slot(const struct ramet_tree *t, struct ramet_bytes id,
					uint32_t hash)
{
	uint32_t i = hash & (t->n_slots - 1);

	for (;; i = (i + 1) & (t->n_slots - 1)) {
		struct rameti_id_slot *s = &t->slots[i];

		rameti_tree_prove(t, RAMETI_TREE_SLOTS, (size_t)i * sizeof(*s), sizeof(*s));
		if (!s->row1)
			return s;
		if (s->hash == hash && ramet_bytes_eq(ramet_tree_id(t, s->row1 - 1), id))
			return s;
	}
}

uint32_t ramet_tree_find(const struct ramet_tree *t, struct ramet_bytes id)
{
	if (!t->n_slots)
		return RAMET_NONE;
	return find_slot(t, id, seeded_hash(t->seed, id))->row1 - 1;      /* 0 - 1 is RAMET_NONE */
}

void rameti_tree_expect(const struct ramet_tree *t, struct ramet_bytes id)
{
	if (t->n_slots)
		__builtin_prefetch(&t->slots[seeded_hash(t->seed, id) & (t->n_slots - 1)], 1);
}

static int resize_slots(struct ramet_tree *t, uint32_t n)
{
	struct rameti_id_slot *slots = ramet_calloc(n, sizeof(*slots));
	uint32_t i, at;

	if (!slots)
		return RAMET_ENOMEM;
	rameti_tree_prove(t, RAMETI_TREE_SLOTS, 0, t->n_slots * sizeof(*slots));
	for (i = 0; i < t->n_slots; i++) {
		if (!t->slots[i].row1)
			continue;
		for (at = t->slots[i].hash & (n - 1); slots[at].row1; at = (at + 1) & (n - 1))
			;
		slots[at] = t->slots[i];
	}
	rameti_tree_free_part(t, RAMETI_TREE_SLOTS, t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

/* Does a table of n places hold this many ids and stay fast? */
static int slots_suffice(uint32_t n, uint32_t ids)
{
	return (uint64_t)ids * 8 <= (uint64_t)n * 5;
}

static void widen(void **items, uint32_t *cap, uint32_t want, size_t size)
{
	void *wider = want > *cap ? ramet_realloc(*items, rameti_mul(want, size)) : NULL;

	if (!wider)
		return;
	*items = wider;
	*cap = want;
}

void rameti_tree_reserve(struct ramet_tree *t, uint32_t rows)
{
	uint32_t n = t->n_slots ? t->n_slots : 64;

	if (rows > RAMETI_ROWS_MAX || t->proof)
		return;
	widen((void **)&t->rows, &t->cap, rows, sizeof(*t->rows));
	widen((void **)&t->id_end, &t->cap_id_end, rows, sizeof(*t->id_end));
	widen((void **)&t->link, &t->cap_link, rows, sizeof(*t->link));
	while (!slots_suffice(n, rows) && n < (1u << 31))
		n *= 2;
	if (n > t->n_slots)
		(void)resize_slots(t, n);        /* without memory it grows when it must */
}

static int grow_ids(struct ramet_tree *t, size_t more)
{
	size_t cap = t->ids_cap ? t->ids_cap : 4096;
	char *ids;

	if (more > UINT32_MAX - 1 - t->ids_len)
		return RAMET_ELIMIT;
	if (t->ids && t->ids_len + more <= t->ids_cap)
		return 0;
	while (cap < t->ids_len + more)
		cap *= 2;
	if (t->maps[RAMETI_TREE_IDS].base) {
		void *moved = t->ids;

		if (rameti_tree_leave_map(t, RAMETI_TREE_IDS, &moved, t->ids_len, cap, 1) < 0)
			return RAMET_ENOMEM;
		ids = moved;
	} else {
		ids = ramet_realloc(t->ids, cap);
	}
	if (!ids)
		return RAMET_ENOMEM;
	t->ids = ids;
	t->ids_cap = cap;
	return 0;
}

static int room(struct ramet_tree *t, int part, void **items, uint32_t *cap, uint32_t n,
		uint32_t more, size_t size)
{
	int r = more > RAMETI_ROWS_MAX - n ? RAMET_ELIMIT : 0;

	if (!r && *cap < n + more && t->maps[part].base) {
		uint32_t wider = n + more > RAMETI_ROWS_MAX / 2 ? RAMETI_ROWS_MAX : (n + more) * 2;

		r = rameti_tree_leave_map(t, part, items, n, wider, size);
		*cap = r < 0 ? *cap : wider;
	}
	while (!r && *cap < n + more)
		r = rameti_grow(items, cap, *cap, size, RAMETI_ROWS_MAX);
	return r;
}

/* Nearly always: room was made for a whole batch. */
static int has_room(const struct ramet_tree *t, uint32_t n, size_t ids_len)
{
	return n <= RAMETI_ROWS_MAX - t->n && t->n + n <= t->cap && t->n + n <= t->cap_id_end &&
	       t->n + n <= t->cap_link && t->n_labels + n <= t->cap_labels &&
	       t->n_names + n <= t->cap_names && t->ids && ids_len <= t->ids_cap - t->ids_len &&
	       ids_len <= UINT32_MAX - 1 - t->ids_len &&
	       slots_suffice(t->n_slots, t->n_ids + n);
}

/* Room for more rows everywhere, so that adding cannot fail half-way. */
static int reserve(struct ramet_tree *t, uint32_t n, size_t ids_len)
{
	int r;

	if (has_room(t, n, ids_len))
		return 0;
	r = room(t, RAMETI_TREE_ROWS, (void **)&t->rows, &t->cap, t->n, n, sizeof(*t->rows));
	if (!r)
		r = room(t, RAMETI_TREE_ID_END, (void **)&t->id_end, &t->cap_id_end, t->n, n,
			 sizeof(*t->id_end));
	if (!r)
		r = room(t, RAMETI_TREE_LINK, (void **)&t->link, &t->cap_link, t->n, n,
			 sizeof(*t->link));
	if (!r)
		r = room(t, RAMETI_TREE_LABELS, (void **)&t->labels, &t->cap_labels, t->n_labels, n,
			 sizeof(*t->labels));
	if (!r)
		r = room(t, RAMETI_TREE_NAMES, (void **)&t->names, &t->cap_names, t->n_names, n,
			 sizeof(*t->names));
	if (!r)
		r = grow_ids(t, ids_len);
	while (!r && !slots_suffice(t->n_slots, t->n_ids + n))
		r = resize_slots(t, t->n_slots ? t->n_slots * 2 : 64);
	return r;
}

static int fail_room(int r, struct ramet_error *err)
{
	return rameti_fail(err, r,
			   r == RAMET_ELIMIT ? "too many entries or ids" : "out of memory");
}

int rameti_tree_make_room(struct ramet_tree *t, uint32_t rows, size_t ids_len,
			  struct ramet_error *err)
{
	int r = reserve(t, rows, ids_len);

	return r < 0 ? fail_room(r, err) : 0;
}

void rameti_tree_set_user(struct ramet_tree *t, void *user)
{
	t->user = user;
}

/* What the parent's id means; an unknown one is remembered as waited for. */
static int link_parent(struct ramet_tree *t, struct ramet_bytes parent, uint32_t *link)
{
	uint32_t at = t->n ? t->n - 1 : RAMET_NONE;
	int r = 0;

	if (at != RAMET_NONE)
		rameti_tree_prove_row(t, at);
	/* nearly always the entry before */
	if (at == RAMET_NONE || (t->rows[at].flags & RAMET_ROW_NO_ID) ||
	    !ramet_bytes_eq(ramet_tree_id(t, at), parent))
		at = ramet_tree_find(t, parent);
	if (at == RAMET_NONE) {
		if (!rameti_map_get(&t->waiting, parent, &at)) {
			at = t->waiting.n_items;
			r = rameti_map_set(&t->waiting, parent, at);
		}
		at |= RAMETI_LINK_WAITS;
	}
	*link = at;
	return r;
}

void rameti_row_derive(struct ramet_row *rows, uint32_t row, uint32_t parent)
{
	struct ramet_row *r = &rows[row];
	const struct ramet_row *p = parent == RAMET_NONE ? NULL : &rows[parent];

	r->parent = parent;
	r->depth = p ? p->depth + 1 : 0;
	r->compaction = r->type == RAMET_ENTRY_COMPACTION ? row : p ? p->compaction : RAMET_NONE;
	r->level = r->type == RAMET_ENTRY_THINKING_LEVEL_CHANGE ? row : p ? p->level : RAMET_NONE;
	r->edit = r->type == RAMET_ENTRY_CONTEXT_EDIT ? row : p ? p->edit : RAMET_NONE;
	if (r->type == RAMET_ENTRY_MODEL_CHANGE ||
	    (r->type == RAMET_ENTRY_MESSAGE && r->role == RAMET_ROLE_ASSISTANT))
		r->model = row;
	else
		r->model = p ? p->model : RAMET_NONE;
}

/* Enter the id of the last row; an earlier entry with the same id leaves the tree. */
static void enter_id(struct ramet_tree *t, uint32_t row, struct ramet_bytes id)
{
	uint32_t hash = seeded_hash(t->seed, id);
	struct rameti_id_slot *s = find_slot(t, id, hash);

	if (s->row1) {
		rameti_tree_prove_row(t, s->row1 - 1);
		t->rows[s->row1 - 1].flags |= RAMET_ROW_SHADOWED;
		t->unsettled = 1;
	} else {
		t->n_ids++;
	}
	if (t->waiting.n_live && rameti_map_get(&t->waiting, id, NULL))
		t->unsettled = 1;
	s->hash = hash;
	s->row1 = row + 1;
}

int rameti_tree_add(struct ramet_tree *t, const struct ramet_row *facts, struct ramet_bytes id,
		    struct ramet_bytes parent, struct ramet_error *err)
{
	int has_id = !(facts->flags & RAMET_ROW_NO_ID),
	    has_parent = !!(facts->flags & RAMET_ROW_HAS_PARENT);
	uint32_t row = t->n, link = RAMET_NONE;
	struct ramet_row *r;
	int e = reserve(t, 1, has_id ? id.len : 0);

	if (!e && has_parent)
		e = link_parent(t, parent, &link);
	if (e < 0)
		return fail_room(e, err);
	if (has_id && id.len)
		memcpy(t->ids + t->ids_len, id.ptr, id.len);
	t->ids_len += has_id ? id.len : 0;
	t->id_end[row] = (uint32_t)t->ids_len;
	t->link[row] = link;
	r = &t->rows[row];
	*r = *facts;
	if (link != RAMET_NONE && (link & RAMETI_LINK_WAITS)) {
		r->flags |= RAMET_ROW_ORPHAN;
		link = RAMET_NONE;
	}
	if (link != RAMET_NONE)
		rameti_tree_prove_row(t, link);
	rameti_row_derive(t->rows, row, link);
	t->n++;
	if (has_id)
		enter_id(t, row, ramet_tree_id(t, row));
	if (r->type == RAMET_ENTRY_LABEL)
		t->labels[t->n_labels++] = row;
	else if (r->type == RAMET_ENTRY_SESSION_INFO)
		t->names[t->n_names++] = row;
	return 0;
}

int rameti_tree_settle(struct ramet_tree *t, struct ramet_error *err)
{
	int r = t->unsettled ? rameti_tree_derive(t, err) : 0;

	if (!r)
		t->unsettled = 0;
	return r;
}

int rameti_tree_skip_lines(struct ramet_tree *t, uint64_t n, struct ramet_error *err)
{
	struct rameti_line_gap *last = t->n_gaps ? &t->gaps[t->n_gaps - 1] : NULL;

	if (!last || last->at_row != t->n) {
		if (room(t, RAMETI_TREE_GAPS, (void **)&t->gaps, &t->cap_gaps, t->n_gaps, 1,
			 sizeof(*t->gaps)) < 0)
			return rameti_fail_nomem(err);
		last = &t->gaps[t->n_gaps++];
		memset(last, 0, sizeof(*last));      /* it may be written to an index as it is */
		last->at_row = t->n;
	}
	t->extra_lines += n;
	last->extra = t->extra_lines;
	return 0;
}

uint64_t rameti_tree_line(const struct ramet_tree *t, uint32_t row)
{
	uint32_t lo = 0, hi = t->n_gaps;

	rameti_tree_prove(t, RAMETI_TREE_GAPS, 0, hi * sizeof(*t->gaps));

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->gaps[mid].at_row <= row)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint64_t)row + 1 + (lo ? t->gaps[lo - 1].extra : 0);
}

const uint32_t *rameti_tree_label_rows(const struct ramet_tree *t, uint32_t *n)
{
	*n = t->n_labels;
	rameti_tree_prove(t, RAMETI_TREE_LABELS, 0, t->n_labels * sizeof(*t->labels));
	return t->labels;
}

const uint32_t *rameti_tree_name_rows(const struct ramet_tree *t, uint32_t *n)
{
	*n = t->n_names;
	rameti_tree_prove(t, RAMETI_TREE_NAMES, 0, t->n_names * sizeof(*t->names));
	return t->names;
}

int rameti_tree_fail_broken(struct ramet_error *err)
{
	return rameti_fail(err, RAMET_ECONFLICT,
			   "the index of the session was damaged: open the session anew");
}

int ramet_tree_entry(const struct ramet_tree *t, uint32_t row, struct ramet_buf *scratch,
		     struct ramet_bytes *json, struct ramet_error *err)
{
	if (row >= t->n)
		return rameti_fail(err, RAMET_EINVAL, "row %u does not exist", (unsigned)row);
	rameti_tree_prove_row(t, row);
	if (rameti_tree_broken(t))
		return rameti_tree_fail_broken(err);
	return t->entry(t->user, row, scratch, json, err);
}

int ramet_tree_path(const struct ramet_tree *t, uint32_t leaf, struct ramet_path *path,
		    struct ramet_error *err)
{
	uint32_t n, at, *rows = NULL;

	if (leaf != RAMET_NONE && leaf >= t->n)
		return rameti_fail(err, RAMET_EINVAL, "row %u does not exist", (unsigned)leaf);
	if (leaf != RAMET_NONE)
		rameti_tree_prove_row(t, leaf);
	n = leaf == RAMET_NONE ? 0 : t->rows[leaf].depth + 1;
	if (n) {
		rows = ramet_alloc(rameti_mul(n, sizeof(*rows)));
		if (!rows)
			return rameti_fail_nomem(err);
	}
	for (at = n; at > 0 && leaf != RAMET_NONE; leaf = t->rows[leaf].parent) {
		rameti_tree_prove_row(t, leaf);
		rows[--at] = leaf;
	}
	if (at || rameti_tree_broken(t)) {
		ramet_free(rows);
		return rameti_tree_fail_broken(err);
	}
	ramet_path_release(path);
	path->rows = rows;
	path->n = n;
	return 0;
}

void ramet_path_release(struct ramet_path *path)
{
	ramet_free(path->rows);
	path->rows = NULL;
	path->n = 0;
}

static int has_prefix(struct ramet_bytes text, struct ramet_bytes prefix)
{
	return text.len >= prefix.len && !memcmp(text.ptr, prefix.ptr, prefix.len);
}

int ramet_tree_resolve(const struct ramet_tree *t, struct ramet_bytes id, uint32_t *row,
		       struct ramet_error *err)
{
	uint32_t i, found = ramet_tree_find(t, id);
	struct ramet_bytes first, other;

	if (found == RAMET_NONE)
		rameti_tree_prove_all(t);
	if (rameti_tree_broken(t))
		return rameti_tree_fail_broken(err);
	for (i = 0; found == RAMET_NONE && id.len && i < t->n; i++)
		if (!(t->rows[i].flags & (RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED)) &&
		    has_prefix(ramet_tree_id(t, i), id))
			found = i;
	if (found == RAMET_NONE)
		return rameti_fail(err, RAMET_ENOTFOUND, "no entry %.*s",
				   (int)(id.len < 80 ? id.len : 80), id.ptr);
	first = ramet_tree_id(t, found);
	for (; first.len != id.len && i < t->n; i++) {
		other = ramet_tree_id(t, i);
		if (!(t->rows[i].flags & (RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED)) &&
		    has_prefix(other, id))
			return rameti_fail(err, RAMET_EAMBIGUOUS,
					   "entry id %.*s fits more than one: %.*s, %.*s",
					   (int)(id.len < 40 ? id.len : 40), id.ptr,
					   (int)(first.len < 40 ? first.len : 40), first.ptr,
					   (int)(other.len < 40 ? other.len : 40), other.ptr);
	}
	*row = found;
	return 0;
}

/*
 * model/tree_image.c - trees kept as arrays in a file and mapped again.
 *
 * Nothing of an image is believed before its page has matched its sum. A page that does not
 * is emptied (rows without parent, no ids), so that nobody runs off, and the tree says from
 * then on that it is broken; whoever asked for an entry is told.
 */
#include "model/tree_priv.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/hash.h"

static const size_t item_size[RAMETI_TREE_PARTS] = {
	[RAMETI_TREE_ROWS] = sizeof(struct ramet_row),
	[RAMETI_TREE_ID_END] = sizeof(uint32_t),
	[RAMETI_TREE_LINK] = sizeof(uint32_t),
	[RAMETI_TREE_IDS] = 1,
	[RAMETI_TREE_SLOTS] = sizeof(struct rameti_id_slot),
	[RAMETI_TREE_GAPS] = sizeof(struct rameti_line_gap),
	[RAMETI_TREE_LABELS] = sizeof(uint32_t),
	[RAMETI_TREE_NAMES] = sizeof(uint32_t),
};

void rameti_tree_image(const struct ramet_tree *t, struct rameti_tree_image *image)
{
	const void *ptr[RAMETI_TREE_PARTS] = { t->rows,	 t->id_end, t->link,   t->ids,
					       t->slots, t->gaps,   t->labels, t->names };
	const size_t n[RAMETI_TREE_PARTS] = { t->n,	  t->n,	     t->n,	  t->ids_len,
					      t->n_slots, t->n_gaps, t->n_labels, t->n_names };
	int i;

	for (i = 0; i < RAMETI_TREE_PARTS; i++) {
		image->ptr[i] = ptr[i];
		image->len[i] = n[i] * item_size[i];
	}
	rameti_tree_prove_all(t);
	image->n = t->n;
	image->n_ids = t->n_ids;
	image->extra_lines = t->extra_lines;
	image->seed = t->seed;
}

struct ramet_bytes rameti_tree_waiting(const struct ramet_tree *t, uint32_t i)
{
	const struct ramet_bytes none = { NULL, 0 };

	return i < t->waiting.n_items ? t->waiting.items[i].key : none;
}

int rameti_tree_add_waiting(struct ramet_tree *t, struct ramet_bytes text, struct ramet_error *err)
{
	if (rameti_map_set(&t->waiting, text, t->waiting.n_items) < 0)
		return rameti_fail_nomem(err);
	return 0;
}

/* ---- proof ---- */

/* Rows that say nothing and lead nowhere. */
static void empty_rows(struct ramet_row *rows, size_t n)
{
	size_t i;

	memset(rows, 0, n * sizeof(*rows));
	for (i = 0; i < n; i++) {
		rows[i].flags = RAMET_ROW_NO_ID;
		rows[i].parent = rows[i].compaction = rows[i].model = rows[i].level =
			rows[i].edit = RAMET_NONE;
	}
}

static void empty_page(int part, char *page, size_t len)
{
	if (part == RAMETI_TREE_ROWS)
		empty_rows((struct ramet_row *)(void *)page, len / sizeof(struct ramet_row));
	else if (part == RAMETI_TREE_LINK)
		memset(page, 0xff, len);             /* RAMET_NONE */
	else
		memset(page, 0, len);
}

static void prove_page(const struct ramet_tree *t, int part, uint32_t page)
{
	struct rameti_tree_proof *p = t->proof;
	uint32_t number = p->first[part] + page;
	size_t at = (size_t)page * RAMETI_PAGE, len = p->len[part] - at;
	char *text = (char *)t->maps[part].base + at;

	rameti_bit_set(p->seen, number);
	len = len < RAMETI_PAGE ? len : RAMETI_PAGE;
	if (rameti_crc32c(0, text, len) == p->sums[number])
		return;
	p->broken = 1;
	empty_page(part, text, len);
}

void rameti_tree_prove_bytes(const struct ramet_tree *t, int part, size_t at, size_t len)
{
	const struct rameti_tree_proof *p = t->proof;
	uint32_t page, last;

	if (!t->maps[part].base || !len || at >= p->len[part])
		return;
	last = (uint32_t)((at + len - 1) / RAMETI_PAGE);
	for (page = (uint32_t)(at / RAMETI_PAGE); page <= last && page < p->pages[part]; page++) {
		uint32_t number = p->first[part] + page;

		if (!rameti_bit(p->seen, number))
			prove_page(t, part, page);
	}
}

void rameti_tree_prove_all(const struct ramet_tree *t)
{
	int part;

	for (part = 0; t->proof && part < RAMETI_TREE_PARTS; part++)
		rameti_tree_prove_bytes(t, part, 0, t->proof->len[part]);
}

int rameti_tree_broken(const struct ramet_tree *t)
{
	return t->proof && t->proof->broken;
}

int rameti_tree_answer(const struct ramet_tree *t, int r, struct ramet_error *err)
{
	return r >= 0 && rameti_tree_broken(t) ? rameti_tree_fail_broken(err) : r;
}

/* ---- from a file ---- */

static int make_proof(struct ramet_tree *t, const struct rameti_tree_image *image,
		      const uint32_t *sums)
{
	struct rameti_tree_proof *p = ramet_calloc(1, sizeof(*p));
	uint32_t n = 0;
	int i;

	t->proof = p;
	for (i = 0; p && i < RAMETI_TREE_PARTS; i++) {
		p->first[i] = n;
		p->len[i] = image->len[i];
		p->pages[i] = (uint32_t)((image->len[i] + RAMETI_PAGE - 1) / RAMETI_PAGE);
		n += p->pages[i];
	}
	if (!p)
		return RAMET_ENOMEM;
	p->sums = ramet_alloc(rameti_mul((size_t)n + 1, sizeof(*p->sums)));
	p->seen = ramet_calloc(n / 8 + 1, 1);
	if (!p->sums || !p->seen)
		return RAMET_ENOMEM;
	memcpy(p->sums, sums, n * sizeof(*sums));
	return 0;
}

/* Items of a part that fit into its mapping. */
static uint32_t room_of(const struct ramet_tree *t, int part)
{
	size_t n = t->maps[part].room / item_size[part];

	return n < RAMETI_ROWS_MAX ? (uint32_t)n : RAMETI_ROWS_MAX;
}

static uint32_t used(const struct rameti_tree_image *image, int part)
{
	return (uint32_t)(image->len[part] / item_size[part]);
}

static void take_parts(struct ramet_tree *t, const struct rameti_tree_image *image)
{
	t->rows = t->maps[RAMETI_TREE_ROWS].base;
	t->id_end = t->maps[RAMETI_TREE_ID_END].base;
	t->link = t->maps[RAMETI_TREE_LINK].base;
	t->ids = t->maps[RAMETI_TREE_IDS].base;
	t->slots = t->maps[RAMETI_TREE_SLOTS].base;
	t->gaps = t->maps[RAMETI_TREE_GAPS].base;
	t->labels = t->maps[RAMETI_TREE_LABELS].base;
	t->names = t->maps[RAMETI_TREE_NAMES].base;
	t->cap = room_of(t, RAMETI_TREE_ROWS);
	t->cap_id_end = room_of(t, RAMETI_TREE_ID_END);
	t->cap_link = room_of(t, RAMETI_TREE_LINK);
	t->ids_cap = t->maps[RAMETI_TREE_IDS].room;
	t->cap_gaps = room_of(t, RAMETI_TREE_GAPS);
	t->cap_labels = room_of(t, RAMETI_TREE_LABELS);
	t->cap_names = room_of(t, RAMETI_TREE_NAMES);
	t->n = image->n;
	t->n_ids = image->n_ids;
	t->ids_len = image->len[RAMETI_TREE_IDS];
	t->n_slots = used(image, RAMETI_TREE_SLOTS);
	t->n_gaps = used(image, RAMETI_TREE_GAPS);
	t->n_labels = used(image, RAMETI_TREE_LABELS);
	t->n_names = used(image, RAMETI_TREE_NAMES);
	t->extra_lines = image->extra_lines;
}

/* Do the lengths make a tree at all? */
static int fits(const struct rameti_tree_image *image)
{
	uint32_t slots = used(image, RAMETI_TREE_SLOTS);
	int i;

	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		if (image->len[i] % item_size[i] || image->len[i] / item_size[i] > UINT32_MAX - 1)
			return 0;
	return image->n < RAMETI_ROWS_MAX && used(image, RAMETI_TREE_ROWS) == image->n &&
	       used(image, RAMETI_TREE_ID_END) == image->n &&
	       used(image, RAMETI_TREE_LINK) == image->n && image->n_ids <= image->n &&
	       !(slots & (slots - 1)) && (slots > image->n_ids || !slots);
}

int rameti_tree_from_image(struct ramet_tree **out, const struct rameti_tree_image *image,
			   struct rameti_mapping maps[RAMETI_TREE_PARTS], const uint32_t *sums,
			   ramet_entry_fn *entry, void *user, struct ramet_error *err)
{
	struct ramet_tree *t = NULL;
	int i, r = rameti_tree_new(&t, image->seed, entry, user, err);

	if (r < 0) {
		for (i = 0; i < RAMETI_TREE_PARTS; i++)
			rameti_mapping_release(&maps[i]);
		return r;
	}
	for (i = 0; i < RAMETI_TREE_PARTS; i++) {
		t->maps[i] = maps[i];
		maps[i] = (struct rameti_mapping)RAMETI_MAPPING_INIT;
	}
	if (!fits(image))
		r = rameti_fail(err, RAMET_EFORMAT, "not an index");
	else if (make_proof(t, image, sums) < 0)
		r = rameti_fail_nomem(err);
	if (r < 0) {
		rameti_tree_free(t);
		return r;
	}
	take_parts(t, image);
	*out = t;
	return 0;
}

int rameti_tree_leave_map(struct ramet_tree *t, int part, void **items, size_t n, size_t cap,
			  size_t size)
{
	void *heap = ramet_alloc(rameti_mul(cap, size));

	if (!heap)
		return RAMET_ENOMEM;
	rameti_tree_prove(t, part, 0, n * size);
	if (n)
		memcpy(heap, *items, n * size);
	rameti_mapping_release(&t->maps[part]);
	*items = heap;
	return 0;
}

void rameti_tree_free_part(struct ramet_tree *t, int part, void *items)
{
	if (t->maps[part].base)
		rameti_mapping_release(&t->maps[part]);
	else
		ramet_free(items);
}

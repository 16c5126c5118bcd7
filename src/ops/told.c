/*
 * ops/told.c - which entries were told already, when one file after the other has the same name.
 *
 * Invariants: nothing is kept while the first file lasts, so that watching costs no memory until it
 * is replaced; the k-th entry of an id is new when no file before held k of them. An entry without
 * an id is known by its bytes' length and checksum.
 */
#include "ops/told.h"

#include <string.h>
#include "base/error.h"

void rameti_told_init(struct rameti_told *t)
{
	rameti_map_init(&t->before, 0);
	rameti_map_init(&t->here, 0);
}

void rameti_told_release(struct rameti_told *t)
{
	rameti_map_release(&t->before);
	rameti_map_release(&t->here);
}

static struct ramet_bytes key_of(const struct ramet_tree *tree, uint32_t row, char room[9])
{
	const struct ramet_row *facts = ramet_tree_row(tree, row);

	if (!(facts->flags & RAMET_ROW_NO_ID))
		return ramet_tree_id(tree, row);
	room[0] = '\0';
	memcpy(room + 1, &facts->length, 4);
	memcpy(room + 5, &facts->crc32c, 4);
	return (struct ramet_bytes){ room, 9 };
}

/* One more entry of this key; how many it are now. Negative: out of memory. */
static int64_t count(struct rameti_map *m, struct ramet_bytes key, struct ramet_error *err)
{
	uint32_t n = 0;
	int r;

	(void)rameti_map_get(m, key, &n);
	r = rameti_map_set(m, key, n + 1);
	if (r == RAMET_ELIMIT)
		return rameti_fail(err, r, "too many entries to remember");
	return r < 0 ? rameti_fail_nomem(err) : (int64_t)n + 1;
}

int rameti_told_keep(struct rameti_told *t, const struct ramet_tree *tree, uint32_t n,
		     struct ramet_error *err)
{
	struct rameti_map met;
	uint32_t row, had;
	int64_t times = 0;
	char room[9];

	rameti_map_init(&met, 0);
	for (row = 0; row < n && times >= 0; row++) {
		struct ramet_bytes key = key_of(tree, row, room);

		times = count(&met, key, err);
		had = 0;
		(void)rameti_map_get(&t->before, key, &had);
		if (times > (int64_t)had)
			times = count(&t->before, key, err);
	}
	rameti_map_release(&met);
	if (times < 0)
		return (int)times;
	rameti_map_release(&t->here);
	rameti_map_init(&t->here, 0);
	return 0;
}

int rameti_told_is_new(struct rameti_told *t, const struct ramet_tree *tree, uint32_t row,
		       struct ramet_error *err)
{
	char room[9];
	struct ramet_bytes key = key_of(tree, row, room);
	uint32_t had = 0;
	int64_t times;

	if (!rameti_map_get(&t->before, key, &had))
		return 1;
	times = count(&t->here, key, err);
	return times < 0 ? (int)times : times > (int64_t)had;
}

int rameti_told_rewind(struct rameti_told *t, const struct ramet_tree *tree, uint32_t n,
		       struct ramet_error *err)
{
	uint32_t row;
	int r = 0;

	rameti_map_release(&t->here);
	rameti_map_init(&t->here, 0);
	for (row = 0; row < n && r >= 0; row++)
		r = rameti_told_is_new(t, tree, row, err);
	return r < 0 ? r : 0;
}

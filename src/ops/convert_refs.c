/*
 * ops/convert_refs.c - entries that name one which the target does not tell.
 *
 * Lines that a conversion carried are entries, so what was appended later may hang from one, or
 * keep from one on. When they go back to lines, the entry before them, or the first one behind
 * them, takes their place: nothing that was said hangs from nothing.
 */
#include "ops/convert_priv.h"

#include "base/bits.h"
#include "base/error.h"

#define REFS_MAX 4

static int is_gone(const struct rameti_convert *c, uint32_t row)
{
	return row != RAMET_NONE && rameti_bit(c->plan.gone, row);
}

static uint32_t parent_of(const struct rameti_convert *c, uint32_t row)
{
	return ramet_tree_row(c->tree, row)->parent;
}

static uint32_t before(const struct rameti_convert *c, uint32_t row)
{
	while (is_gone(c, row))
		row = parent_of(c, row);
	return row;
}

/* The first one behind `from` on the way to row. */
static uint32_t behind(const struct rameti_convert *c, uint32_t from, uint32_t row)
{
	uint32_t found = RAMET_NONE;

	for (row = parent_of(c, row); row != RAMET_NONE && row != from; row = parent_of(c, row))
		if (!is_gone(c, row))
			found = row;
	return row == from ? found : RAMET_NONE;
}

/* The row that a member names; RAMET_NONE: none that is gone. */
static uint32_t named(struct rameti_convert *c, const struct ramet_json *v)
{
	uint32_t row;

	ramet_buf_reset(&c->ref);
	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return RAMET_NONE;
	ramet_json_text(v, &c->ref);
	row = ramet_tree_find(c->tree, ramet_buf_bytes(&c->ref));
	return is_gone(c, row) ? row : RAMET_NONE;
}

/* Which other one the member is to name, as JSON behind what refs holds; 0: it stays. */
static int choose(struct rameti_convert *c, const struct ramet_json *entry, const char *key,
		  uint32_t row)
{
	int is_parent = key[0] == 'p', is_kept = key[1] == 'i';
	uint32_t from = named(c, ramet_json_get(entry, key)), to;

	if (from == RAMET_NONE)
		return 0;
	to = is_kept ? behind(c, from, row) : before(c, from);
	if (to == RAMET_NONE && !is_parent)
		return 0;
	if (to == RAMET_NONE)
		ramet_buf_add_str(&c->refs, "null");
	else
		ramet_buf_add_json_string(&c->refs, ramet_tree_id(c->tree, to));
	return 1;
}

static int is_asked(const struct rameti_convert *c, uint32_t row)
{
	unsigned type = ramet_tree_row(c->tree, row)->type;

	return type == RAMET_ENTRY_COMPACTION || type == RAMET_ENTRY_LABEL ||
	       type == RAMET_ENTRY_BRANCH_SUMMARY ||
	       (!c->from_chain && is_gone(c, parent_of(c, row)));
}

/* In the entry that c->doc holds: the members from keys[first] on. */
static int lead(struct rameti_convert *c, uint32_t row, size_t first, struct ramet_bytes *json,
		struct ramet_error *err)
{
	static const char *const keys[REFS_MAX] = { "parentId", "firstKeptEntryId", "targetId",
						    "fromId" };
	const struct ramet_json *root = ramet_json_root(&c->doc);
	struct ramet_json_edit edits[REFS_MAX];
	size_t ends[REFS_MAX], n = 0, i;
	int r;

	ramet_buf_reset(&c->refs);
	for (i = first; i < REFS_MAX; i++)
		if (choose(c, root, keys[i], row)) {
			edits[n].key = ramet_bytes_of(keys[i]);
			ends[n++] = c->refs.len;
		}
	if (ramet_buf_status(&c->refs) < 0 || ramet_buf_status(&c->ref) < 0)
		return rameti_fail_nomem(err);
	for (i = 0; i < n; i++) {
		size_t from = i ? ends[i - 1] : 0;

		edits[i].value = (struct ramet_bytes){ c->refs.ptr + from, ends[i] - from };
	}
	if (!n)
		return 0;
	c->was_led = 1;
	ramet_buf_reset(&c->led);
	r = ramet_json_edit(&c->led, *json, root, edits, n, err);
	*json = ramet_buf_bytes(&c->led);
	return r;
}

int rameti_convert_refs(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
			struct ramet_error *err)
{
	int r;

	if (!c->plan.n_gone || !is_asked(c, row))
		return 0;
	r = ramet_json_parse(&c->doc, *json, 0, err);
	return r < 0 ? r : lead(c, row, c->from_chain ? 1 : 0, json, err);
}

int rameti_convert_refs_restored(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
				 struct ramet_error *err)
{
	return c->plan.n_gone ? lead(c, row, 0, json, err) : 0;
}

int rameti_convert_refs_carried(struct rameti_convert *c, const struct rameti_cover *o,
				struct ramet_bytes *line, struct ramet_error *err)
{
	int r, before = c->was_led;

	if (!c->plan.n_gone || !o->n || !o->codec || o->codec->pieces)
		return 0;
	r = rameti_convert_record(c->s, o->row, &c->doc, &c->text, &c->record, err);
	*line = ramet_buf_bytes(&c->record);
	if (!r && ramet_json_parse(&c->doc, *line, 0, err) == RAMET_ENOMEM)
		r = RAMET_ENOMEM;
	c->was_led = 0;
	if (!r)
		r = lead(c, o->at, 0, line, err);
	r = r < 0 ? r : c->was_led;
	c->was_led = before;
	return r;
}

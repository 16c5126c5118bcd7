/*
 * ops/convert_carry.c - stored lines of a session that is converted: carried along, or given back.
 *
 * Such a line stands in an entry `ramet.raw` that says of which format it is and for which entries
 * it stands, by their number. A line that comes back is written as it was; one that only passes
 * through keeps its bytes and gets the numbers of the new session's entries.
 */
#include "ops/convert_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "ops/peek_priv.h"
#include "store/birth.h"

int rameti_convert_set_last(struct rameti_convert *c, struct ramet_bytes id,
			    struct ramet_error *err)
{
	ramet_buf_reset(&c->last);
	ramet_buf_add_json_string(&c->last, id);
	c->has_last = 1;
	return ramet_buf_status(&c->last) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- lines that come back ---- */

/* Lines of the target's format that stand before this row, as they were. */
int rameti_convert_restore(struct rameti_convert *c, uint32_t row, struct ramet_error *err)
{
	const struct rameti_cover *cover;
	int r = 0;

	for (; !r && c->next_cover < c->plan.n_covers; c->next_cover++) {
		cover = &c->plan.covers[c->next_cover];
		if (cover->at > row)
			break;
		if (cover->header)
			continue;
		if (cover->n)
			c->begins[cover->at] = c->target.rows;
		r = rameti_convert_record(c->s, cover->row, &c->doc, &c->scratch, &c->record, err);
		if (!r)
			r = rameti_target_line(&c->target, ramet_buf_bytes(&c->record), err);
		c->report->restored += !r;
		if (r || !cover->n || c->to_chain)
			continue;
		r = ramet_json_parse(&c->doc, ramet_buf_bytes(&c->record), 0, err);
		if (!r && ramet_json_get(ramet_json_root(&c->doc), "id")) {
			ramet_buf_reset(&c->last);
			ramet_buf_add(&c->last, ramet_json_raw(ramet_json_get(
							ramet_json_root(&c->doc), "id")));
			c->has_last = 1;
			if (ramet_buf_status(&c->last) < 0)
				r = rameti_fail_nomem(err);
		}
	}
	return r;
}

/* A header of the target's format that the source carries, the oldest one, into record: 1 there is
 * one. */
int rameti_convert_carried_header(struct rameti_convert *c, struct ramet_error *err)
{
	const struct rameti_cover *oldest = NULL;
	uint32_t i;
	int r;

	for (i = 0; i < c->plan.n_covers; i++)
		if (c->plan.covers[i].header &&
		    (!oldest || c->plan.covers[i].row < oldest->row))
			oldest = &c->plan.covers[i];
	if (!oldest)
		return 0;
	r = rameti_convert_record(c->s, oldest->row, &c->doc, &c->scratch, &c->record, err);
	return r < 0 ? r : 1;
}

/* ---- lines that pass through ---- */

static int by_row(const void *key, const void *item)
{
	uint32_t row = *(const uint32_t *)key;
	const struct rameti_cover *c = item;

	return row < c->row ? -1 : row > c->row;
}

/* Numbers of the target for what a carried line stands for. */
static void renumbered(const struct rameti_convert *c, const struct rameti_cover *o, uint32_t *at,
		       uint32_t *n)
{
	*at = o->at < o->row ? c->begins[o->at] : c->target.rows;
	*n = o->n ? c->ends[o->at + o->n - 1] - *at : 0;
}

int rameti_convert_is_lessened(const struct rameti_convert *c, uint32_t row)
{
	const struct rameti_cover *o = c->plan.others;
	uint32_t at, n;

	o = o ? bsearch(&row, o, c->plan.n_others, sizeof(*o), by_row) : NULL;
	if (!o)
		return 0;
	renumbered(c, o, &at, &n);
	return n != o->n || (!o->n && !o->header && c->plan.off);
}

int rameti_convert_renumber(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
			    struct ramet_error *err)
{
	struct ramet_json_edit edits[2] = { { { "at", 2 }, { NULL, 0 } },
					    { { "entries", 7 }, { NULL, 0 } } };
	const struct rameti_cover *o = c->plan.others;
	const struct ramet_json *root, *data;
	size_t len;
	uint32_t at, n;
	int r;

	o = o ? bsearch(&row, o, c->plan.n_others, sizeof(*o), by_row) : NULL;
	if (!o)
		return 0;
	renumbered(c, o, &at, &n);
	if (at == o->at && n == o->n)
		return 0;
	r = ramet_json_parse(&c->doc, *json, 0, err);
	if (r < 0)
		return r;
	root = ramet_json_root(&c->doc);
	data = ramet_json_get(root, "data");
	ramet_buf_reset(&c->number);
	ramet_buf_addf(&c->number, "%u", at);
	len = c->number.len;
	ramet_buf_addf(&c->number, "%u", n);
	if (ramet_buf_status(&c->number) < 0)
		return rameti_fail_nomem(err);
	edits[0].value = (struct ramet_bytes){ c->number.ptr, len };
	edits[1].value = (struct ramet_bytes){ c->number.ptr + len, c->number.len - len };
	ramet_buf_reset(&c->data);
	r = ramet_json_edit(&c->data, ramet_json_raw(data), data, edits, 2, err);
	if (r < 0)
		return r;
	edits[0].key = ramet_bytes_of("data");
	edits[0].value = ramet_buf_bytes(&c->data);
	ramet_buf_reset(&c->text);
	r = ramet_json_edit(&c->text, *json, root, edits, 1, err);
	*json = ramet_buf_bytes(&c->text);
	return r;
}

/* ---- lines that go along ---- */

/* The line as a member: a text, or its bytes when it is none. */
static void add_line_member(struct ramet_buf *b, struct ramet_bytes line)
{
	char hex[3];
	size_t i;

	if (rameti_utf8_valid(line)) {
		ramet_buf_add_str(b, "\"record\":");
		ramet_buf_add_json_string(b, line);
		return;
	}
	ramet_buf_add_str(b, "\"hex\":\"");
	for (i = 0; i < line.len; i++) {
		rameti_hex((const uint8_t *)line.ptr + i, 1, hex);
		ramet_buf_add_str(b, hex);
	}
	ramet_buf_add_char(b, '"');
}

/* When the last entry was made, quoted. */
static struct ramet_bytes last_time(const struct rameti_convert *c, char text[48])
{
	int64_t ms = ramet_session_header(c->s)->created_ms;
	uint32_t last = ramet_tree_leaf(c->tree);
	struct ramet_bytes out = { text, 0 };

	if (last != RAMET_NONE && ramet_tree_row(c->tree, last)->time_ms != RAMET_TIME_NONE)
		ms = ramet_tree_row(c->tree, last)->time_ms;
	text[0] = '"';
	rameti_time_format(ms == RAMET_TIME_NONE ? 0 : ms, text + 1);
	out.len = strlen(text);
	text[out.len++] = '"';
	return out;
}

static int write_raw(struct rameti_convert *c, struct ramet_bytes line,
		     const struct rameti_convert_fate *f, int header, struct ramet_error *err)
{
	struct rameti_draft d = { .type = ramet_bytes_of("custom") };
	struct ramet_buf *b = &c->text;
	char id[RAMET_ID_SIZE], time[48];
	int r = rameti_id_next(&c->ids, c->tree, id, err);

	if (r < 0)
		return r;
	ramet_buf_reset(b);
	ramet_buf_addf(b,
		       "\"customType\":\"" RAMETI_RAW_TYPE "\",\"data\":{\"format\":\"%s\","
		       "\"at\":%u,\"entries\":%u,",
		       rameti_session_codec(c->s)->name, f->at, f->n);
	if (header)
		ramet_buf_add_str(b, "\"header\":true,");
	add_line_member(b, line);
	ramet_buf_add_char(b, '}');
	ramet_buf_reset(&c->record);
	if (c->has_last)
		rameti_json_decode(ramet_buf_bytes(&c->last), &c->record);
	if (ramet_buf_status(&c->record) < 0 || ramet_buf_status(&c->last) < 0)
		return rameti_fail_nomem(err);
	d.members = ramet_buf_bytes(b);
	d.id = ramet_bytes_of(id);
	d.timestamp = last_time(c, time);
	d.parent = c->has_last ? ramet_buf_bytes(&c->record) : d.parent;
	ramet_buf_reset(&c->entry);
	rameti_pi_write_entry(&d, &c->entry, NULL);
	if (ramet_buf_status(b) < 0 || ramet_buf_status(&c->entry) < 0)
		return rameti_fail_nomem(err);
	r = rameti_convert_set_last(c, d.id, err);
	if (!r)
		r = rameti_target_entry(&c->target, ramet_buf_bytes(&c->entry), err);
	c->report->lines += r >= 0;
	return r < 0 ? r : 0;
}

static int carries_any(const struct rameti_convert *c)
{
	uint32_t i;

	for (i = 0; i < c->n_fates; i++)
		if (c->fates[i].carry)
			return 1;
	return 0;
}

/* In a tree the last line is the leaf: what is carried hangs from the leaf that the source has. */
static int hang_from_leaf(struct rameti_convert *c, struct ramet_error *err)
{
	uint32_t leaf = ramet_session_leaf(c->s);

	if (c->to_chain || c->from_chain || leaf == RAMET_NONE ||
	    rameti_convert_bit(c->plan.skip, leaf) || rameti_convert_bit(c->plan.off, leaf) ||
	    (ramet_tree_row(c->tree, leaf)->flags & RAMET_ROW_NO_ID))
		return 0;
	return rameti_convert_set_last(c, ramet_tree_id(c->tree, leaf), err);
}

int rameti_convert_carry(struct rameti_convert *c, struct ramet_error *err)
{
	const struct rameti_convert_fate start = { 0, c->start_rows, 1 };
	struct rameti_record record;
	uint32_t i;
	int r = rameti_records_open(&c->records, c->s, err);

	c->target.settled = 1;
	if (!r)
		r = hang_from_leaf(c, err);
	if (c->header_of_lines && !carries_any(c))
		ramet_buf_reset(&c->header_line);
	/* a chain has no header line: its session's id stands for one */
	if (!r && c->from_chain && c->header_line.len)
		r = write_raw(c, ramet_session_header(c->s)->id, &start, 1, err);
	for (i = 0; !r && i < c->n_fates; i++) {
		r = rameti_records_next(&c->records, &record, err);
		if (r != 1)
			break;
		r = 0;
		if (record.is_header && c->header_line.len)
			r = write_raw(c, record.line, &start, 1, err);
		else if (c->fates[i].carry)
			r = write_raw(c, record.stored, &c->fates[i], 0, err);
	}
	rameti_records_close(&c->records);
	return r;
}

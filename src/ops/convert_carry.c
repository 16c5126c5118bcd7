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

#include "base/add.h"
#include "base/bits.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/span.h"
#include "ops/peek_priv.h"
#include "store/birth.h"

void rameti_convert_set_last_row(struct rameti_convert *c, uint32_t row)
{
	c->last_row = row;
	c->has_last = 1;
}

static int set_last_raw(struct rameti_convert *c, struct ramet_bytes raw, struct ramet_error *err)
{
	ramet_buf_reset(&c->last);
	ramet_buf_add(&c->last, raw);
	c->last_row = RAMET_NONE;
	c->has_last = 1;
	return ramet_buf_status(&c->last) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_convert_last(struct rameti_convert *c, struct ramet_bytes *raw, struct ramet_error *err)
{
	*raw = ramet_bytes_of("null");
	if (!c->has_last)
		return 0;
	if (c->last_row != RAMET_NONE) {
		ramet_buf_reset(&c->last);
		ramet_buf_add_json_string(&c->last, ramet_tree_id(c->tree, c->last_row));
	}
	*raw = ramet_buf_bytes(&c->last);
	return ramet_buf_status(&c->last) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- lines that come back ---- */

/* The line in record. In a tree it is where the next one hangs from, and hangs from what is
 * there. */
static int restore_line(struct rameti_convert *c, const struct rameti_cover *cover,
			struct ramet_error *err)
{
	struct ramet_bytes line = ramet_buf_bytes(&c->record);
	const struct ramet_json *id;
	int r = 0;

	if (cover->n && !c->to_chain) {
		r = ramet_json_parse(&c->doc, line, 0, err);
		id = ramet_json_get(ramet_json_root(&c->doc), "id");
		if (!r && id)
			r = set_last_raw(c, ramet_json_raw(id), err);
		if (!r)
			r = rameti_convert_refs_restored(c, cover->at, &line, err);
	}
	if (!r)
		r = rameti_target_line(&c->target, line, err);
	c->report->restored += !r;
	return r;
}

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
			r = restore_line(c, cover, err);
	}
	return r;
}

/* A header of the target's format that the source carries, the oldest one, into record: 1 there is
 * one. */
int rameti_convert_carried_header(struct rameti_convert *c, uint32_t *row, struct ramet_error *err)
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
	*row = oldest->row;
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
	if (!o || o->stale)
		return 0;
	renumbered(c, o, &at, &n);
	return n != o->n || (!o->n && !o->header && c->plan.off);
}

#define EDITS_MAX 5u

/* The members of a carrier that are others in the target; their values are in c->number. */
static int renumbered_members(struct rameti_convert *c, const struct rameti_cover *o,
			      struct ramet_json_edit edits[EDITS_MAX], struct ramet_error *err)
{
	const char *keys[EDITS_MAX] = { "at", "entries", "row", "session" };
	size_t ends[EDITS_MAX], i, n_edits = o->header ? 4 : 2;
	struct ramet_bytes line;
	uint32_t at, n;
	int led;

	if (o->stale) {                      /* for good */
		edits[0] = (struct ramet_json_edit){ { "row", 3 }, ramet_bytes_of("null") };
		return o->header;
	}
	led = rameti_convert_refs_carried(c, o, &line, err);
	renumbered(c, o, &at, &n);
	if (led < 0 || (!led && !o->header && at == o->at && n == o->n))
		return led;
	ramet_buf_reset(&c->number);
	ramet_buf_addf(&c->number, "%u", at);
	ends[0] = c->number.len;
	ramet_buf_addf(&c->number, "%u", n);
	ends[1] = c->number.len;
	if (o->header) {
		ramet_buf_addf(&c->number, "%u", c->target.rows);
		ends[2] = c->number.len;
		if (!c->to_chain)            /* a chain's id is the name of its file */
			ramet_buf_add_json_string(&c->number,
						  ramet_buf_bytes(&c->target.encoder.id));
		ends[3] = c->number.len;
	} else if (led) {
		keys[n_edits] = "record";
		ramet_buf_add_json_string(&c->number, line);
		ends[n_edits++] = c->number.len;
	}
	if (ramet_buf_status(&c->number) < 0)
		return rameti_fail_nomem(err);
	for (i = 0; i < n_edits; i++) {
		size_t from = i ? ends[i - 1] : 0;

		edits[i].key = ramet_bytes_of(keys[i]);
		edits[i].value = (struct ramet_bytes){ c->number.ptr + from, ends[i] - from };
		if (!edits[i].value.len)
			edits[i].value.ptr = NULL;       /* no such member */
	}
	return (int)n_edits;
}

int rameti_convert_renumber(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
			    struct ramet_error *err)
{
	const struct rameti_cover *o = c->plan.others;
	const struct ramet_json *root, *data;
	struct ramet_json_edit edits[EDITS_MAX];
	int r, n;

	o = o ? bsearch(&row, o, c->plan.n_others, sizeof(*o), by_row) : NULL;
	n = o ? renumbered_members(c, o, edits, err) : 0;
	if (n <= 0)
		return n;
	r = ramet_json_parse(&c->doc, *json, 0, err);
	if (r < 0)
		return r;
	root = ramet_json_root(&c->doc);
	data = ramet_json_get(root, "data");
	ramet_buf_reset(&c->text);
	r = ramet_json_edit(&c->text, *json, data, edits, (size_t)n, err);
	*json = ramet_buf_bytes(&c->text);
	return r;
}

/* ---- lines that go along ---- */

/* What a carried line is, besides. */
enum { HEADER = 1, VALID = 2, TORN = 4, QUOTED = 8 };

/* The line as a member: a text, or its bytes when it is none. VALID: it is known to be one; QUOTED:
 * it is one as the target needs it, and only put in when the entry is written. */
static void add_line_member(struct rameti_convert *c, struct ramet_buf *b, struct rameti_draft *d,
			    struct ramet_bytes line, unsigned is)
{
	char hex[3];
	size_t i;

	if (is & QUOTED || is & VALID || rameti_utf8_valid(line)) {
		ADD(b, "\"record\":");
		if (is & QUOTED) {
			d->insert = line;
			d->insert_at = b->len;
			d->within_text = c->target.codec->carries_text;
		} else {
			rameti_json_add_valid(b, line);
		}
		return;
	}
	ADD(b, "\"hex\":\"");
	for (i = 0; i < line.len; i++) {
		rameti_hex((const uint8_t *)line.ptr + i, 1, hex);
		ramet_buf_add_str(b, hex);
	}
	ramet_buf_add_char(b, '"');
}

/* When the last entry was made, for all that is carried behind it. */
static void set_time(struct rameti_convert *c)
{
	uint32_t last = ramet_tree_leaf(c->tree);
	size_t len;

	c->carry_ms = ramet_session_header(c->s)->created_ms;
	if (last != RAMET_NONE && ramet_tree_row(c->tree, last)->time_ms != RAMET_TIME_NONE)
		c->carry_ms = ramet_tree_row(c->tree, last)->time_ms;
	if (c->carry_ms == RAMET_TIME_NONE)
		c->carry_ms = 0;
	c->carry_time[0] = '"';
	rameti_time_format(c->carry_ms, c->carry_time + 1);
	len = strlen(c->carry_time);
	memcpy(c->carry_time + len, "\"", 2);
}

static int write_raw(struct rameti_convert *c, struct ramet_bytes line,
		     const struct rameti_convert_fate *f, unsigned is, struct ramet_error *err)
{
	struct rameti_draft d = { .type = ramet_bytes_of("custom") };
	struct ramet_buf *b = &c->text;
	char id[RAMET_ID_SIZE];
	int r = rameti_id_next(&c->ids, c->tree, id, err);

	if (r < 0)
		return r;
	ramet_buf_reset(b);
	ADD(b, "\"customType\":\"" RAMETI_RAW_TYPE "\",\"data\":{\"format\":\"");
	ramet_buf_add_str(b, rameti_session_codec(c->s)->name);
	ADD(b, "\",\"at\":");
	rameti_span_add_count(b, f->at);
	ADD(b, ",\"entries\":");
	rameti_span_add_count(b, f->n);
	ADD(b, ",");
	if (is & TORN)
		ADD(b, "\"torn\":true,");
	if (is & HEADER)
		ramet_buf_addf(b, "\"header\":true,\"row\":%u,", c->target.rows);
	if (is & HEADER && !c->to_chain) {
		ADD(b, "\"session\":");
		ramet_buf_add_json_string(b, ramet_buf_bytes(&c->target.encoder.id));
		ramet_buf_add_char(b, ',');
	}
	add_line_member(c, b, &d, line, is);
	ramet_buf_add_char(b, '}');
	if (ramet_buf_status(b) < 0)
		return rameti_fail_nomem(err);
	d.members = ramet_buf_bytes(b);
	d.id = ramet_bytes_of(id);
	d.timestamp = ramet_bytes_of(c->carry_time);
	if (c->has_last)
		d.parent = ramet_buf_bytes(&c->parent);
	r = rameti_target_carry(&c->target, &d, c->carry_ms, err);
	if (r < 0)
		return r;
	c->report->lines++;
	c->has_last = 1;
	ramet_buf_reset(&c->parent);
	ramet_buf_add(&c->parent, d.id);
	return ramet_buf_status(&c->parent) < 0 ? rameti_fail_nomem(err) : 0;
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
	struct ramet_bytes raw;
	int r;

	if (!c->to_chain && !c->from_chain && leaf != RAMET_NONE &&
	    !rameti_bit(c->plan.skip, leaf) && !rameti_bit(c->plan.off, leaf) &&
	    !(ramet_tree_row(c->tree, leaf)->flags & RAMET_ROW_NO_ID))
		rameti_convert_set_last_row(c, leaf);
	r = rameti_convert_last(c, &raw, err);
	if (!r && c->has_last)
		rameti_json_decode(raw, &c->parent);
	return r < 0 || ramet_buf_status(&c->parent) == 0 ? r : rameti_fail_nomem(err);
}

/* A stored line that goes along. In a tree it may name what will not be there. */
static int carry_line(struct rameti_convert *c, const struct rameti_record *record,
		      const struct rameti_convert_fate *f, unsigned is, struct ramet_error *err)
{
	struct ramet_bytes line = record->stored, quoted;
	int r = 0;

	if (record->n == 1 && c->plan.n_gone && !c->from_chain) {
		line = record->line;
		r = rameti_convert_refs(c, record->first, &line, err);
	}
	if (rameti_record_is_valid(&c->records, record))
		is |= VALID;
	if (line.ptr == record->stored.ptr && line.len == record->stored.len &&
	    rameti_records_quoted(&c->records, &quoted)) {
		line = quoted;
		is |= QUOTED;
	}
	return r < 0 ? r : write_raw(c, line, f, is, err);
}

/* Is the last line cut off, where a line is none without its end? It would be one if it came
 * back. */
static int ends_torn(const struct rameti_convert *c)
{
	const struct ramet_findings *f = ramet_session_findings(c->s);
	uint32_t i;

	for (i = 0; rameti_session_cuts_tail(c->s) && i < f->n; i++)
		if (!strcmp(f->items[i].code, "torn-tail"))
			return 1;
	return 0;
}

/* Is the line the one that was read before in its place? */
static int is_that(const struct rameti_convert *c, uint32_t i, const struct rameti_record *record)
{
	return i < c->n_fates && c->fates[i].first == record->first &&
	       c->fates[i].makes == (record->n > 0);
}

static int fail_changed(const struct rameti_convert *c, struct ramet_error *err)
{
	return rameti_fail_at(err, RAMET_ECONFLICT, ramet_session_path(c->s), 0, RAMET_NO_OFFSET,
			      "the file was changed while it was open");
}

int rameti_convert_carry(struct rameti_convert *c, struct ramet_error *err)
{
	struct rameti_ahead_job job = { .makes = RAMETI_AHEAD_QUOTED };
	const struct rameti_convert_fate start = { .n = c->start_rows };
	struct rameti_record record;
	uint32_t i;
	int r = rameti_records_open(&c->records, c->s, err), torn = ends_torn(c);

	if (c->target.codec->carries_text)
		job.makes |= RAMETI_AHEAD_TWICE;
	if (!r) {
		rameti_records_pass(&c->records, c->stays);
		rameti_records_ahead(&c->records, &job);
	}
	c->target.settled = 1;
	set_time(c);
	if (!r)
		r = hang_from_leaf(c, err);
	if (c->header_of_lines && !carries_any(c))
		ramet_buf_reset(&c->header_line);
	/* a chain has no header line: its session's id stands for one */
	if (!r && c->from_chain && c->header_line.len)
		r = write_raw(c, ramet_session_header(c->s)->id, &start, HEADER, err);
	for (i = 0; !r && i < c->n_fates; i++) {
		r = rameti_records_next(&c->records, &record, err);
		if (r != 1)
			break;
		i += record.passed;
		r = is_that(c, i, &record) ? 0 : fail_changed(c, err);
		if (r < 0)
			break;
		if (record.is_header && c->header_line.len)
			r = write_raw(c, record.line, &start, HEADER, err);
		else if (c->fates[i].carry)
			r = carry_line(c, &record, &c->fates[i],
				       torn && !record.n && i == c->n_fates - 1 ? TORN : 0, err);
	}
	for (; !r && i < c->n_fates; i++)
		if (c->fates[i].carry)
			r = fail_changed(c, err);
	rameti_records_close(&c->records);
	return r;
}

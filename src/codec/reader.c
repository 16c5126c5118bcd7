/*
 * codec/reader.c - batches of lines, in file order, become a header, a tree and findings.
 *
 * The first parsed value decides whether this is a session; lines before it that do not parse are
 * skipped and reported. Later header lines are no entries. For version 1 the reader makes ids and
 * links each entry to the one before it.
 */
#include "codec/codec.h"

#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define LISTED_MAX 0x7fffffffu
#define MADE_ATTEMPTS 16u
#define MADE_ID_LEN 8u

int rameti_reader_init(struct rameti_reader *r, const struct rameti_codec *codec, uint64_t seed,
		       ramet_entry_fn *entry, void *user, struct ramet_error *err)
{
	memset(r, 0, sizeof(*r));
	r->codec = codec;
	r->prev = RAMET_NONE;
	ramet_buf_init(&r->header_text, SIZE_MAX / 2);
	ramet_buf_init(&r->header_raw, SIZE_MAX / 2);
	ramet_buf_init(&r->noted, SIZE_MAX / 2);
	ramet_buf_init(&r->parent_id, SIZE_MAX / 2);
	ramet_buf_init(&r->leaf_id, SIZE_MAX / 2);
	ramet_buf_init(&r->kept, SIZE_MAX / 2);
	return rameti_tree_new(&r->tree, seed, entry, user, err);
}

void rameti_reader_release(struct rameti_reader *r)
{
	rameti_tree_free(r->tree);
	r->tree = NULL;
	ramet_findings_release(&r->findings);
	ramet_buf_release(&r->header_text);
	ramet_buf_release(&r->header_raw);
	ramet_buf_release(&r->noted);
	ramet_buf_release(&r->parent_id);
	ramet_buf_release(&r->leaf_id);
	ramet_buf_release(&r->kept);
	ramet_free(r->listed);
	r->listed = NULL;
	r->n_listed = r->cap_listed = 0;
}

int rameti_made_id(const struct rameti_reader *r, uint32_t row, unsigned attempt, char out[9])
{
	char ordinal[32];
	uint8_t sum[32];
	struct ramet_bytes pieces[2] = { ramet_buf_bytes(&r->header_raw), { ordinal, 0 } };

	pieces[1].len =
		(size_t)snprintf(ordinal, sizeof(ordinal), "\n%u\n%u", (unsigned)row, attempt);
	if (rameti_sha256(pieces, 2, sum) < 0)
		return RAMET_ENOMEM;
	rameti_hex(sum, 4, out);
	return 0;
}

static int list_non_row(struct rameti_reader *r)
{
	int e = rameti_grow((void **)&r->listed, &r->cap_listed, r->n_listed, sizeof(*r->listed),
			    LISTED_MAX);

	if (e < 0)
		return e;
	r->listed[r->n_listed++] = ramet_tree_count(r->tree);
	return 0;
}

static int find(struct rameti_reader *r, int severity, const char *code, uint64_t line,
		uint64_t offset, const char *text)
{
	struct ramet_bytes none = { NULL, 0 };

	return rameti_finding_add(&r->findings, severity, code, line, offset, none, "%s", text);
}

static int find_bad(struct rameti_reader *r, const struct rameti_odd *o, uint64_t line)
{
	uint64_t at = o->offset + o->error_at;

	if (r->codec->pieces && o->trouble == RAMETI_TROUBLE_NONE && o->terminated &&
	    o->kind != RAMETI_ODD_GLUED)
		return find(r, RAMET_DAMAGE, "malformed", line, o->offset,
			    "not a record of this format; the line was skipped");
	if (o->text_len && o->terminated)
		return find(r, RAMET_DAMAGE, "malformed", line, o->offset,
			    "ramet's '#': a write that failed; the line was skipped");
	if (o->trouble == RAMETI_TROUBLE_NUL)
		return find(r, RAMET_DAMAGE, "nul-run", line, o->offset,
			    "a line with NUL bytes was skipped");
	if (o->kind == RAMETI_ODD_GLUED)
		return find(r, RAMET_DAMAGE, "glued", line, at,
			    "another value begins here; the whole line was skipped");
	if (!o->terminated)
		return find(r, RAMET_DAMAGE, "torn-tail", line, o->offset,
			    "the last line is cut off and was skipped");
	if (o->trouble == RAMETI_TROUBLE_DEPTH)
		return find(r, RAMET_DAMAGE, "malformed", line, at,
			    "nested too deeply; the line was skipped");
	return find(r, RAMET_DAMAGE, "malformed", line, at,
		    "not valid JSON from here; the line was skipped");
}

static int feed_header(struct rameti_reader *r, const struct rameti_batch *b,
		       const struct rameti_odd *o, uint64_t line, struct ramet_error *err)
{
	struct ramet_bytes text = { b->text.ptr + o->text_at, o->text_len };
	int e = list_non_row(r);

	if (e < 0)
		return rameti_fail_nomem(err);
	if (r->have_header)
		return find(r, RAMET_WARNING, "second-header", line, o->offset,
			    "another header; it was ignored") < 0
			       ? rameti_fail_nomem(err)
			       : 0;
	if (o->bad_utf8 &&
	    find(r, RAMET_DAMAGE, "bad-utf8", line, o->offset, "invalid UTF-8 in the header") < 0)
		return rameti_fail_nomem(err);
	ramet_buf_add(&r->header_raw, text);
	if (ramet_buf_status(&r->header_raw) < 0)
		return rameti_fail_nomem(err);
	e = r->codec->header(r, ramet_buf_bytes(&r->header_raw), err);
	if (e < 0) {
		if (err && e == RAMET_EFORMAT) {
			err->line = line;
			err->offset = o->offset;
		}
		return e;
	}
	r->header.line = line;
	r->header.offset = o->offset;
	r->header.length = o->length;
	r->have_header = 1;
	return 0;
}

static int feed_note(struct rameti_reader *r, const struct rameti_batch *b,
		     const struct rameti_odd *o, struct ramet_error *err)
{
	struct ramet_bytes line = { b->text.ptr + o->text_at, o->text_len };

	ramet_buf_reset(&r->noted);
	ramet_buf_add(&r->noted, line);
	if (ramet_buf_status(&r->noted) < 0)
		return rameti_fail_nomem(err);
	r->noted_at = o->offset;
	return r->codec->note(r, line, err);
}

static int feed_odd(struct rameti_reader *r, const struct rameti_batch *b,
		    const struct rameti_odd *o, struct ramet_error *err)
{
	uint64_t line = r->n_lines + o->line + 1;
	int e = 0;

	switch (o->kind) {
	case RAMETI_ODD_BOM:
		e = find(r, RAMET_WARNING, "bom", 1, 0,
			 "a byte order mark stands before the header");
		return e < 0 ? rameti_fail_nomem(err) : 0;
	case RAMETI_ODD_NOTE:
		return feed_note(r, b, o, err);
	case RAMETI_ODD_SAME_LINE:
		return rameti_tree_skip_lines(r->tree, UINT64_MAX, err);     /* one less */
	case RAMETI_ODD_SILENT:
		break;
	case RAMETI_ODD_HEADER:
		e = feed_header(r, b, o, line, err);
		if (e < 0)
			return e;
		break;
	case RAMETI_ODD_BLANK:
		if (r->have_header && (o->terminated || o->length) && !r->n_blank++)
			e = find(r, RAMET_INFO, "blank-line", line, o->offset,
				 "blank lines are skipped");
		break;
	case RAMETI_ODD_SCALAR:
		if (!r->have_header)
			return rameti_fail_at(err, RAMET_EFORMAT, NULL, line, o->offset,
					      "not a session: the first value is not a header");
		e = list_non_row(r);
		/* fall through */
	case RAMETI_ODD_FALSY:
		if (!e)
			e = find(r, RAMET_DAMAGE, "malformed", line, o->offset,
				 "not an object; the line was skipped");
		break;
	case RAMETI_ODD_TOO_LONG:
		e = find(r, RAMET_DAMAGE, "malformed", line, o->offset,
			 "longer than the limit; the line was skipped");
		break;
	default:
		e = find_bad(r, o, line);
	}
	if (e < 0)
		return rameti_fail_nomem(err);
	/* an empty stretch after the last newline is no line */
	if (o->kind == RAMETI_ODD_BLANK && !o->terminated && !o->length)
		return 0;
	return rameti_tree_skip_lines(r->tree, 1, err);
}

/* Version 1: a new id for every entry, its parent is the entry before. */
static int add_made(struct rameti_reader *r, struct ramet_row *row, struct ramet_error *err)
{
	struct ramet_bytes prev = { NULL, 0 };
	char id[9], before[9];
	unsigned attempt;

	for (attempt = 0; attempt < MADE_ATTEMPTS; attempt++) {
		if (rameti_made_id(r, ramet_tree_count(r->tree), attempt, id) < 0)
			return rameti_fail_nomem(err);
		if (ramet_tree_find(r->tree, ramet_bytes_of(id)) == RAMET_NONE)
			break;
	}
	if (r->prev != RAMET_NONE) {
		prev = ramet_tree_id(r->tree, r->prev);
		if (prev.len != sizeof(before) - 1)
			return rameti_tree_fail_broken(err);         /* from a damaged index */
		memcpy(before, prev.ptr, prev.len);      /* adding may move the tree's ids */
		prev.ptr = before;
	}
	row->id_at = 0;
	row->flags &= RAMET_ROW_BAD_UTF8;
	row->flags |= (uint16_t)(attempt << 12 | (prev.ptr ? RAMET_ROW_HAS_PARENT : 0));
	row->id_hash = rameti_id_hash(ramet_bytes_of(id));
	row->parent_hash = prev.ptr ? rameti_id_hash(prev) : 0;
	r->prev = ramet_tree_count(r->tree);
	return rameti_tree_add(r->tree, row, ramet_bytes_of(id), prev, err);
}

/* ---- records of other systems ---- */

/* An id for the row-th entry that no other made id of the session is: its steps are a
 * permutation. Each format has its own, since a conversion takes ids along. */
static void chain_id(const struct rameti_reader *r, uint32_t row, unsigned attempt, char out[9])
{
	uint32_t x = row + 0x6a09e667u + attempt * 0x9e3779b9u;
	uint8_t b[4];
	int i;

	x ^= rameti_crc32c(0, r->codec->name, strlen(r->codec->name));
	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	x ^= x >> 16;
	for (i = 0; i < 4; i++)
		b[i] = (uint8_t)(x >> (8 * i));
	rameti_hex(b, 4, out);
}

static int is_made(const struct rameti_reader *r, uint32_t row, struct ramet_bytes id)
{
	char made[9];
	unsigned attempt;

	for (attempt = 0; attempt < MADE_ATTEMPTS; attempt++) {
		chain_id(r, row, attempt, made);
		if (ramet_bytes_is(id, made))
			return 1;
	}
	return 0;
}

/* An entry hangs from the one before it. One whose id is there already is the same one told
 * again: it is passed over; but one that only has an id as we made one gets another. */
static int add_chained(struct rameti_reader *r, struct ramet_row *row, struct ramet_bytes id,
		       struct ramet_error *err)
{
	struct ramet_bytes prev = { NULL, 0 };
	uint32_t n = ramet_tree_count(r->tree), same = RAMET_NONE;
	char made[9];
	unsigned attempt = 0;

	if (!(row->flags & RAMET_ROW_NO_ID))
		same = ramet_tree_find(r->tree, id);
	if ((row->flags & RAMET_ROW_NO_ID) || (same != RAMET_NONE && is_made(r, same, id))) {
		do
			chain_id(r, n, attempt, made);
		while (ramet_tree_find(r->tree, ramet_bytes_of(made)) != RAMET_NONE &&
		       ++attempt < MADE_ATTEMPTS);
		id = ramet_bytes_of(made);
		row->flags &= (uint16_t)~RAMET_ROW_NO_ID;
		row->id_hash = rameti_id_hash(id);
	} else if (same != RAMET_NONE) {
		if (rameti_finding_add(&r->findings, RAMET_WARNING, "duplicate-id",
				       rameti_tree_line(r->tree, n), row->offset, id,
				       "an entry with this id came before; it was passed over") < 0)
			return rameti_fail_nomem(err);
		return rameti_tree_skip_lines(r->tree, 1, err);
	}
	if (row->time_ms == RAMET_TIME_NONE && r->codec->may_lack_time)
		row->flags |= RAMET_ROW_UNTIMED;
	if (r->codec->adjust && r->noted.len && r->noted_at == row->offset)
		r->codec->adjust(r, ramet_buf_bytes(&r->noted), row);
	if (r->prev != RAMET_NONE) {
		prev = ramet_tree_id(r->tree, r->prev);
		ramet_buf_reset(&r->parent_id);
		ramet_buf_add(&r->parent_id, prev);
		if (ramet_buf_status(&r->parent_id) < 0)
			return rameti_fail_nomem(err);
		prev = ramet_buf_bytes(&r->parent_id);
		row->flags |= RAMET_ROW_HAS_PARENT;
		row->parent_hash = rameti_id_hash(prev);
	}
	r->prev = n;
	return rameti_tree_add(r->tree, row, id, prev, err);
}

int rameti_reader_set_header(struct rameti_reader *r, const struct rameti_draft_header *d,
			     struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(SIZE_MAX / 2);
	int e;

	rameti_pi_write_header(d, &json);
	if (ramet_buf_status(&json) < 0) {
		ramet_buf_release(&json);
		return rameti_fail_nomem(err);
	}
	ramet_buf_reset(&r->header_text);
	e = rameti_codec_pi.header(r, ramet_buf_bytes(&json), err);
	ramet_buf_release(&json);
	r->have_header = !e;
	return e;
}

uint32_t rameti_reader_piece(const struct rameti_reader *r, uint32_t row)
{
	uint64_t at = ramet_tree_row(r->tree, row)->offset;
	uint32_t n = 0;

	while (n < row && ramet_tree_row(r->tree, row - n - 1)->offset == at)
		n++;
	return n;
}

static int feed_row(struct rameti_reader *r, const struct ramet_row *facts, struct ramet_bytes id,
		    struct ramet_bytes parent, struct ramet_error *err)
{
	struct ramet_row row = *facts;

	if (!r->have_header)
		return rameti_fail_at(err, RAMET_EFORMAT, NULL, rameti_tree_line(r->tree, 0),
				      row.offset,
				      "not a session: the first value is not a header");
	if (r->codec->pieces)
		return add_chained(r, &row, id, err);
	if (r->header.version < 3 && row.role == RAMET_ROLE_HOOK_MESSAGE)
		row.role = RAMET_ROLE_CUSTOM;
	if (r->header.version < 2)
		return add_made(r, &row, err);
	return rameti_tree_add(r->tree, &row, id, parent, err);
}

/* An oddity of an entry that is sound: without memory for it, it is only counted, so that what was
 * stored is always shown. */
static void feed_mark(struct rameti_reader *r, const struct rameti_mark *m, uint32_t row)
{
	const char *text = "invalid UTF-8 in a text; it is shown as U+FFFD";
	uint64_t line = rameti_tree_line(r->tree, row),
		 offset = ramet_tree_row(r->tree, row)->offset;

	if (!strcmp(m->code, "crlf")) {
		if (r->n_crlf++)
			return;
		text = "lines end in CR LF";
	} else if (!strcmp(m->code, "unknown-type")) {
		text = "an entry of a type we do not know; it is kept";
	} else if (!strcmp(m->code, "duplicate-key")) {
		text = "a member occurs more than once; the last one counts";
	}
	if (rameti_finding_add(&r->findings, m->severity, m->code, line, offset,
			       ramet_tree_id(r->tree, row), "%s", text) < 0)
		r->findings.n_dropped++;
}

/* How far the reader looks ahead for ids, in rows: the id table is larger than the nearest
 * cache. */
#define AHEAD 12u

int rameti_reader_feed(struct rameti_reader *r, const struct rameti_batch *b,
		       struct ramet_error *err)
{
	const char *ids = b->ids.ptr ? b->ids.ptr : "";
	const char *coming = ids;
	uint32_t i, o = 0, m = 0, ahead = 0, before;
	int e = 0;

	for (i = 0; !e && i <= b->n; i++) {
		struct ramet_bytes id, parent;

		for (; !e && o < b->n_odd && b->odd[o].at_row == i; o++)
			e = feed_odd(r, b, &b->odd[o], err);
		if (e < 0 || i == b->n)
			break;
		for (; ahead < b->n && ahead < i + AHEAD; ahead++) {
			id.ptr = coming;
			id.len = b->id_len[ahead];
			rameti_tree_expect(r->tree, id);
			coming += id.len + b->parent_len[ahead];
		}
		id.ptr = ids;
		id.len = b->id_len[i];
		parent.ptr = ids + id.len;
		parent.len = b->parent_len[i];
		ids += id.len + parent.len;
		before = ramet_tree_count(r->tree);
		e = feed_row(r, &b->rows[i], id, parent, err);
		for (; !e && m < b->n_marks && b->marks[m].row == i; m++)
			if (ramet_tree_count(r->tree) != before)
				feed_mark(r, &b->marks[m], before);
	}
	if (e < 0)
		return e;
	r->n_lines += b->n_lines;
	if (b->tail_open && b->tail_is_row && ramet_tree_count(r->tree)) {
		i = ramet_tree_count(r->tree) - 1;
		e = find(r, RAMET_INFO, "no-newline", rameti_tree_line(r->tree, i),
			 ramet_tree_row(r->tree, i)->offset,
			 "the last line is complete but has no newline");
	}
	return e < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_reader_make_room(struct rameti_reader *r, const struct rameti_batch *b,
			    struct ramet_error *err)
{
	size_t ids_len = 0;
	uint32_t i;

	for (i = 0; i < b->n; i++)
		ids_len += b->id_len[i] ? b->id_len[i] : MADE_ID_LEN;
	return rameti_tree_make_room(r->tree, b->n, ids_len, err);
}

int rameti_reader_finish(struct rameti_reader *r, struct ramet_error *err)
{
	if (!r->have_header)
		return rameti_fail(err, RAMET_EFORMAT, "not a session: no header");
	return rameti_tree_settle(r->tree, err);
}

uint32_t rameti_reader_leaf(const struct rameti_reader *r)
{
	uint32_t row = RAMET_NONE;

	if (r->has_leaf_id && r->leaf_id.len)
		row = ramet_tree_find(r->tree, ramet_buf_bytes(&r->leaf_id));
	if (row != RAMET_NONE || (r->has_leaf_id && !r->leaf_id.len))
		return row;
	return ramet_tree_leaf(r->tree);
}

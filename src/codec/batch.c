/*
 * codec/batch.c - lines of one stretch of a file, each looked at alone: rows and oddities.
 *
 * Needs nothing but the lines, so that several threads can fill batches of one file. Keeps the
 * text of header lines and the decoded ids; everything else stays in the file.
 */
#include "codec/codec.h"

#include <string.h>
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define ITEMS_MAX 0x7fffffffu

void rameti_batch_init(struct rameti_batch *b)
{
	memset(b, 0, sizeof(*b));
	ramet_buf_init(&b->ids, SIZE_MAX / 2);
	ramet_buf_init(&b->text, SIZE_MAX / 2);
	ramet_buf_init(&b->inside, SIZE_MAX / 2);
}

void rameti_batch_reset(struct rameti_batch *b)
{
	b->n = b->n_odd = b->n_marks = 0;
	b->n_lines = 0;
	b->tail_open = b->tail_is_row = 0;
	ramet_buf_reset(&b->ids);
	ramet_buf_reset(&b->text);
}

void rameti_batch_release(struct rameti_batch *b)
{
	ramet_free(b->rows);
	ramet_free(b->id_len);
	ramet_free(b->parent_len);
	ramet_free(b->odd);
	ramet_free(b->marks);
	ramet_buf_release(&b->ids);
	ramet_buf_release(&b->text);
	ramet_json_doc_release(&b->doc);
	ramet_buf_release(&b->inside);
	rameti_scanner_free(b->scanner);
	rameti_batch_init(b);
}

int rameti_batch_odd(struct rameti_batch *b, const struct rameti_odd *odd)
{
	int r = rameti_grow((void **)&b->odd, &b->cap_odd, b->n_odd, sizeof(*b->odd), ITEMS_MAX);

	if (r < 0)
		return r;
	b->odd[b->n_odd] = *odd;
	b->odd[b->n_odd].at_row = b->n;
	b->odd[b->n_odd++].line = b->n_lines;
	return 0;
}

int rameti_batch_mark(struct rameti_batch *b, const char *code, int severity)
{
	int r = rameti_grow((void **)&b->marks, &b->cap_marks, b->n_marks, sizeof(*b->marks),
			    ITEMS_MAX);

	if (r < 0)
		return r;
	b->marks[b->n_marks].code = code;
	b->marks[b->n_marks].row = b->n;
	b->marks[b->n_marks++].severity = (uint8_t)severity;
	return 0;
}

static int room_for_row(struct rameti_batch *b)
{
	int r = rameti_grow((void **)&b->rows, &b->cap, b->n, sizeof(*b->rows), ITEMS_MAX);

	if (!r)
		r = rameti_grow((void **)&b->id_len, &b->cap_id, b->n, sizeof(*b->id_len),
				ITEMS_MAX);
	if (!r)
		r = rameti_grow((void **)&b->parent_len, &b->cap_parent, b->n,
				sizeof(*b->parent_len), ITEMS_MAX);
	return r;
}

/* A legal oddity of an entry's line. */
static int mark_entry(struct rameti_batch *b, const struct rameti_codec *codec,
		      struct ramet_bytes line, const struct rameti_found *found,
		      const struct ramet_row *row)
{
	size_t i;
	int r = 0;

	if (line.ptr[line.len - 1] == '\r')
		r = rameti_batch_mark(b, "crlf", RAMET_INFO);
	if (!r && (row->flags & RAMET_ROW_BAD_UTF8))
		r = rameti_batch_mark(b, "bad-utf8", RAMET_DAMAGE);
	if (!r && row->type == RAMET_ENTRY_OTHER)
		r = rameti_batch_mark(b, "unknown-type", RAMET_INFO);
	for (i = 0; !r && i < codec->n_wants; i++) {
		if (found[i].seen < 2)
			continue;
		r = rameti_batch_mark(b, "duplicate-key", RAMET_WARNING);
		break;
	}
	return r;
}

/* ---- records that make any number of entries ---- */

int rameti_batch_piece(struct rameti_batch *b, const struct ramet_row *row, struct ramet_bytes id)
{
	const struct rameti_odd same = { .kind = RAMETI_ODD_SAME_LINE };
	struct ramet_row *to;
	int r = room_for_row(b);

	if (!r && b->n > b->line_first)
		r = rameti_batch_odd(b, &same);
	if (r < 0)
		return r;
	to = &b->rows[b->n];
	*to = b->line_row;
	to->type = row->type;
	to->role = row->role;
	to->time_ms = row->time_ms;
	to->flags |= row->flags | (id.len ? 0 : RAMET_ROW_NO_ID);
	ramet_buf_add(&b->ids, id);
	if (id.len)
		to->id_hash = rameti_id_hash(id);
	b->id_len[b->n] = (uint32_t)id.len;
	b->parent_len[b->n++] = 0;
	return ramet_buf_status(&b->ids) < 0 ? RAMET_ENOMEM : 0;
}

int rameti_batch_note(struct rameti_batch *b, struct ramet_bytes line)
{
	struct rameti_odd odd = { .kind = RAMETI_ODD_NOTE, .offset = b->line_row.offset };

	odd.text_at = b->text.len;
	odd.text_len = line.len;
	ramet_buf_add(&b->text, line);
	return ramet_buf_status(&b->text) < 0 ? RAMET_ENOMEM : rameti_batch_odd(b, &odd);
}

/* The record of a line; what it brings is taken back when it is none. */
static int add_record(struct rameti_batch *b, const struct rameti_codec *codec,
		      struct ramet_bytes line, const struct rameti_line *l,
		      const struct rameti_found *found, struct rameti_odd *odd)
{
	uint32_t n = b->n, n_odd = b->n_odd, n_marks = b->n_marks;
	size_t ids = b->ids.len;
	int r = 0;

	memset(&b->line_row, 0, sizeof(b->line_row));
	b->line_row.offset = odd->offset;
	b->line_row.length = l->len;
	b->line_row.flags = l->bad_utf8 ? RAMET_ROW_BAD_UTF8 : 0;
	b->line_row.crc32c = rameti_crc32c(0, line.ptr, line.len);
	b->line_first = n;
	b->line_terminated = l->terminated;
	if (line.ptr[line.len - 1] == '\r')
		r = rameti_batch_mark(b, "crlf", RAMET_INFO);
	if (!r && l->bad_utf8)
		r = rameti_batch_mark(b, "bad-utf8", RAMET_DAMAGE);
	if (!r)
		r = codec->pieces(b, line, found);
	if (r < 0)
		return r;
	b->tail_is_row = b->n > n;
	if (!r && b->n > n)
		return 0;
	b->n = n;
	b->n_marks = n_marks;
	b->n_odd = r ? n_odd : b->n_odd;
	ramet_buf_truncate(&b->ids, ids);
	odd->kind = r ? RAMETI_ODD_BAD : RAMETI_ODD_SILENT;
	return rameti_batch_odd(b, odd);
}

static int add_header(struct rameti_batch *b, struct rameti_odd *odd, struct ramet_bytes line)
{
	odd->kind = RAMETI_ODD_HEADER;
	odd->text_at = b->text.len;
	odd->text_len = line.len;
	ramet_buf_add(&b->text, line);
	return ramet_buf_status(&b->text);
}

static int is_falsy(struct ramet_bytes line)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int falsy =
		!ramet_json_parse(&doc, line, 0, NULL) && !ramet_json_truthy(ramet_json_root(&doc));

	ramet_json_doc_release(&doc);
	return falsy;
}

static int odd_kind(const struct rameti_line *l, struct ramet_bytes line)
{
	if (l->kind == RAMETI_LINE_BLANK)
		return RAMETI_ODD_BLANK;
	if (l->kind == RAMETI_LINE_VALUE)
		return line.len < 64 && is_falsy(line) ? RAMETI_ODD_FALSY : RAMETI_ODD_SCALAR;
	if (l->trouble == RAMETI_TROUBLE_MORE && l->error_at < line.len &&
	    line.ptr[l->error_at] == '{')
		return RAMETI_ODD_GLUED;
	return RAMETI_ODD_BAD;
}

/* No object. Of one that begins as we mark a write that failed (store/log.c), that is kept. */
static int add_other(struct rameti_batch *b, const struct rameti_line *l, struct ramet_bytes line,
		     struct rameti_odd *odd)
{
	odd->kind = (uint8_t)odd_kind(l, line);
	if (odd->kind == RAMETI_ODD_BAD && *line.ptr == '#') {
		odd->text_at = b->text.len;
		odd->text_len = 1;
		ramet_buf_add_char(&b->text, '#');
	}
	return ramet_buf_status(&b->text) < 0 ? RAMET_ENOMEM : rameti_batch_odd(b, odd);
}

/* An object: an entry or a header. */
static int add_object(struct rameti_batch *b, const struct rameti_codec *codec,
		      struct ramet_bytes line, const struct rameti_line *l,
		      const struct rameti_found *found, struct rameti_odd *odd)
{
	struct ramet_row row;
	uint32_t id_len = 0, parent_len = 0;
	int r;

	if (codec->pieces)
		return add_record(b, codec, line, l, found, odd);
	r = room_for_row(b);
	if (r < 0)
		return r;
	memset(&row, 0, sizeof(row));
	row.offset = odd->offset;
	row.length = l->len;
	row.flags = l->bad_utf8 ? RAMET_ROW_BAD_UTF8 : 0;
	row.crc32c = rameti_crc32c(0, line.ptr, line.len);
	if (codec->facts(line, found, &row, &b->ids, &id_len, &parent_len))
		return add_header(b, odd, line) < 0 ? RAMET_ENOMEM : rameti_batch_odd(b, odd);
	r = mark_entry(b, codec, line, found, &row);
	if (r < 0 || ramet_buf_status(&b->ids) < 0)
		return RAMET_ENOMEM;
	b->id_len[b->n] = id_len;
	b->parent_len[b->n] = parent_len;
	b->rows[b->n++] = row;
	b->tail_is_row = 1;
	return 0;
}

int rameti_batch_line(struct rameti_batch *b, const struct rameti_codec *codec,
		      struct rameti_scanner *scanner, struct ramet_bytes text, uint64_t offset,
		      uint32_t *len, int *terminated)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	struct rameti_odd odd = { 0 };
	struct ramet_bytes line = text;
	struct rameti_line l;
	int r = rameti_scan_line(scanner, text, &l, found);

	if (r < 0)
		return r;
	line.len = l.len;
	odd.offset = offset;
	odd.length = l.len;
	odd.trouble = l.trouble;
	odd.terminated = l.terminated;
	odd.bad_utf8 = l.bad_utf8;
	odd.error_at = l.error_at;
	b->tail_is_row = 0;
	b->tail_open = !l.terminated;
	r = l.kind == RAMETI_LINE_OBJECT ? add_object(b, codec, line, &l, found, &odd) :
					   add_other(b, &l, line, &odd);
	b->n_lines++;
	*len = l.len;
	*terminated = l.terminated;
	return r;
}

int rameti_batch_written(struct rameti_batch *b, const struct rameti_codec *codec,
			 struct ramet_bytes line, uint64_t offset, const struct rameti_found *found)
{
	struct rameti_line l = { .len = (uint32_t)line.len, .kind = RAMETI_LINE_OBJECT,
				 .terminated = 1 };
	struct rameti_odd odd = { .offset = offset, .length = line.len, .terminated = 1 };
	int r;

	b->tail_open = 0;
	r = add_object(b, codec, line, &l, found, &odd);
	b->n_lines++;
	return r;
}

int rameti_batch_made(struct rameti_batch *b, struct ramet_bytes id, int n, uint64_t offset)
{
	struct ramet_row row = { .type = RAMET_ENTRY_OTHER };
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	int i, r = 0;

	memset(&b->line_row, 0, sizeof(b->line_row));
	b->line_row.offset = offset;
	b->line_first = b->n;
	b->line_terminated = 1;
	b->tail_open = 0;
	for (i = 0; !r && i < n; i++) {
		ramet_buf_reset(&name);
		if (i) {
			ramet_buf_add(&name, id);
			ramet_buf_addf(&name, "--%d", i);
		}
		r = ramet_buf_status(&name);
		if (!r)
			r = rameti_batch_piece(b, &row, i ? ramet_buf_bytes(&name) : id);
	}
	b->n_lines++;
	ramet_buf_release(&name);
	return r < 0 ? RAMET_ENOMEM : 0;
}

int rameti_batch_too_long(struct rameti_batch *b, uint64_t offset, uint64_t len, int terminated)
{
	struct rameti_odd odd = { 0 };
	int r;

	odd.kind = RAMETI_ODD_TOO_LONG;
	odd.offset = offset;
	odd.length = len;
	odd.terminated = (uint8_t)terminated;
	b->tail_is_row = 0;
	b->tail_open = !terminated;
	r = rameti_batch_odd(b, &odd);
	b->n_lines++;
	return r;
}

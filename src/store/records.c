/*
 * store/records.c - a session from its first line to its last, each line read once.
 *
 * Rows stand in file order, so the rows of a line are those that come next and begin where it does.
 */
#include "store/records_priv.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/tree.h"
#include "store/session_priv.h"

int rameti_records_open(struct rameti_records *r, struct ramet_session *s, struct ramet_error *err)
{
	int e;

	memset(r, 0, sizeof(*r));
	r->s = s;
	r->in_file = s->source.size > 0;
	if (!r->in_file)
		return 0;
	e = rameti_lines_open(&r->lines, &s->source.file, 0, s->source.size,
			      rameti_session_max_line(s), err);
	r->opened = !e;
	return e;
}

void rameti_records_ahead(struct rameti_records *r, const struct rameti_ahead_job *job)
{
	if (r->s->source.size + r->s->text.len < RAMETI_RECORDS_MUCH)
		return;                                  /* not worth a thread */
	/* two threads look at the rows from now on: that must not change them */
	rameti_tree_prove_all(r->s->reader.tree);
	if (!rameti_tree_broken(r->s->reader.tree))
		r->ahead = rameti_ahead_start(r, job);
}

void rameti_records_close(struct rameti_records *r)
{
	if (r->ahead)
		rameti_ahead_end(r->ahead);
	r->ahead = NULL;
	if (r->opened)
		rameti_lines_close(&r->lines);
}

/* The next line, blank or not: 1, 0 at the end. */
static int next_line(struct rameti_records *r, struct ramet_bytes *line, uint64_t *offset,
		     struct ramet_error *err)
{
	struct ramet_bytes text = ramet_buf_bytes(&r->s->text);
	struct rameti_lines_item item;
	const char *end;
	int e;

	if (r->in_file) {
		e = rameti_lines_next(&r->lines, &item, err);
		*line = item.text;
		*offset = item.offset;
		if (e)
			return e;
		r->in_file = 0;
	}
	if (r->at >= text.len)
		return 0;
	line->ptr = text.ptr + r->at;
	end = memchr(line->ptr, '\n', text.len - r->at);
	line->len = end ? (size_t)(end - line->ptr) : text.len - r->at;
	*offset = r->s->source.size + r->at;
	r->at += line->len + 1;
	return 1;
}

static int is_blank(struct ramet_bytes line)
{
	while (line.len && memchr(" \t\r", line.ptr[line.len - 1], 3))
		line.len--;
	return !line.len;
}

void rameti_records_pass(struct rameti_records *r, const uint8_t *rows)
{
	r->pass = rows;
}

/* The lines that are to be passed over, as far as one follows the other. */
static uint32_t pass(struct rameti_records *r)
{
	const struct ramet_tree *t = r->s->reader.tree;
	uint32_t n = ramet_tree_count(t), passed = 0;
	const struct ramet_row *row;
	uint64_t at;

	if (!r->pass || !r->in_file)
		return 0;
	for (at = r->lines.at; r->row < n; passed++) {
		row = ramet_tree_row(t, r->row);
		if (row->offset != at || !rameti_bit(r->pass, r->row))
			break;
		at += (uint64_t)row->length + 1;
		while (r->row < n && ramet_tree_row(t, r->row)->offset == row->offset)
			r->row++;
	}
	if (passed)
		rameti_lines_seek(&r->lines, at);
	return passed;
}

int rameti_records_read(struct rameti_records *r, struct rameti_record *record,
			struct ramet_error *err)
{
	const struct rameti_reader *reader = &r->s->reader;
	uint32_t n = ramet_tree_count(reader->tree);
	uint64_t offset;
	int e;

	record->passed = 0;
	do {
		record->passed += pass(r);
		e = next_line(r, &record->line, &offset, err);
		if (e <= 0)
			return e;
	} while (is_blank(record->line));
	record->stored = record->line;
	if (!offset && reader->codec->pieces && record->line.len > 3 &&
	    !memcmp(record->line.ptr, "\xef\xbb\xbf", 3)) {
		record->line.ptr += 3;                   /* a byte order mark */
		record->line.len -= 3;
		offset = 3;
	}
	record->first = r->row;
	while (r->row < n && ramet_tree_row(reader->tree, r->row)->offset == offset)
		r->row++;
	record->n = r->row - record->first;
	record->is_header = !record->n && !reader->codec->pieces &&
			    reader->header.offset >= offset &&
			    reader->header.offset - offset < record->line.len;
	if (record->is_header) { /* a byte order mark may stand before it */
		record->line.ptr += reader->header.offset - offset;
		record->line.len -= (size_t)(reader->header.offset - offset);
	}
	record->is_before = !record->is_header && !reader->codec->pieces && !record->n &&
			    offset < reader->header.offset;
	if (record->n && rameti_crc32c(0, record->line.ptr, record->line.len) !=
				 ramet_tree_row(reader->tree, record->first)->crc32c)
		return rameti_fail_at(err, RAMET_ECONFLICT, r->s->path, 0, offset,
				      "the file was changed while it was open");
	return 1;
}

int rameti_records_next(struct rameti_records *r, struct rameti_record *record,
			struct ramet_error *err)
{
	return r->ahead ? rameti_ahead_next(r->ahead, record, err) :
			  rameti_records_read(r, record, err);
}

int rameti_records_entry(struct rameti_records *r, const struct rameti_record *record, uint32_t row,
			 struct ramet_buf *scratch, struct ramet_bytes *json,
			 struct ramet_error *err)
{
	if (r->ahead && rameti_ahead_entry(r->ahead, row, json))
		return 0;
	return rameti_records_make(r, record, row, scratch, json, err);
}

int rameti_records_make(struct rameti_records *r, const struct rameti_record *record, uint32_t row,
			struct ramet_buf *scratch, struct ramet_bytes *json,
			struct ramet_error *err)
{
	return r->s->reader.codec->entry(&r->s->reader, row, record->line, scratch, json, err);
}

int rameti_records_apart(const struct rameti_records *r, uint32_t row, struct ramet_bytes *lines,
			 struct rameti_apart *is)
{
	return r->ahead && rameti_ahead_apart(r->ahead, row, lines, is);
}

int rameti_records_quoted(const struct rameti_records *r, struct ramet_bytes *json)
{
	return r->ahead && rameti_ahead_quoted(r->ahead, json);
}

int rameti_record_is_valid(const struct rameti_records *r, const struct rameti_record *record)
{
	const struct ramet_tree *t = r->s->reader.tree;

	return record->n && !(ramet_tree_row(t, record->first)->flags & RAMET_ROW_BAD_UTF8);
}

struct ramet_bytes rameti_session_header_line(const struct ramet_session *s)
{
	return ramet_buf_bytes(&s->reader.header_raw);
}

int rameti_session_cuts_tail(const struct ramet_session *s)
{
	return s->codec->tail && s->codec->tail(&s->reader) == RAMETI_TAIL_CUT;
}

const struct rameti_codec *rameti_session_codec(const struct ramet_session *s)
{
	return s->codec;
}

const struct rameti_home *rameti_session_home(const struct ramet_session *s)
{
	return s->home;
}

const char *rameti_session_home_file(const struct ramet_session *s)
{
	return s->home_file;
}

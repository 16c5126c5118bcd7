/*
 * store/session_read.c - the entries of an open session, each read when it is asked for.
 *
 * Lines are read again then and checked against their row's checksum, so that a file changed by
 * another program is noticed and never half believed.
 */
#include "store/session_priv.h"

#include "base/error.h"
#include "base/hash.h"

#define WINDOW (128u << 10) /* bytes read ahead when entries are asked for in order */
#define AHEAD_ROWS 32u                           /* so far apart still counts as in order */

/* Fill the window from a row on, when rows are read one after the other. */
static int fill_window(struct ramet_session *s, const struct ramet_row *row,
		       struct ramet_error *err)
{
	uint64_t left = s->source.size - row->offset;
	int r;

	if (!s->window)
		s->window = ramet_alloc(WINDOW);
	if (!s->window)
		return rameti_fail_nomem(err);
	s->window_len = 0;
	r = rameti_source_read(&s->source, s->window, left < WINDOW ? (size_t)left : WINDOW,
			       row->offset, err);
	if (r < 0)
		return r;
	s->window_at = row->offset;
	s->window_len = left < WINDOW ? (size_t)left : WINDOW;
	return 0;
}

static int in_window(const struct ramet_session *s, const struct ramet_row *row)
{
	return s->window_len && row->offset >= s->window_at &&
	       row->offset + row->length <= s->window_at + s->window_len;
}

/* The stored line of a row: in memory, in the window, or read into s->line. */
static int read_line(struct ramet_session *s, const struct ramet_row *row, struct ramet_bytes *line,
		     struct ramet_error *err)
{
	int r = 0;

	line->len = row->length;
	if (row->offset >= s->source.size) {
		line->ptr = s->text.ptr + (row->offset - s->source.size);
		return 0;
	}
	if (in_window(s, row)) {
		line->ptr = s->window + (row->offset - s->window_at);
		return 0;
	}
	ramet_buf_reset(&s->line);
	if (ramet_buf_reserve(&s->line, row->length) < 0)
		return rameti_fail_nomem(err);
	r = rameti_source_read(&s->source, s->line.ptr, row->length, row->offset, err);
	s->line.len = row->length;
	s->line.ptr[s->line.len] = '\0';
	line->ptr = s->line.ptr;
	return r;
}

/* Give the stored line itself away: a read line changes hands without a copy. */
static int hand_out(struct ramet_session *s, struct ramet_bytes line, struct ramet_buf *scratch,
		    struct ramet_bytes *json, struct ramet_error *err)
{
	struct ramet_buf swap = *scratch;

	if (line.len > scratch->max)
		return rameti_fail(err, RAMET_ELIMIT,
				   "an entry of %zu bytes is over the caller's limit", line.len);
	ramet_buf_reset(scratch);
	if (line.ptr != s->line.ptr) {
		ramet_buf_add(scratch, line);
	} else {
		scratch->ptr = s->line.ptr;
		scratch->len = s->line.len;
		scratch->cap = s->line.cap;
		s->line.ptr = swap.ptr;
		s->line.cap = swap.cap;
		s->line.len = 0;
	}
	if (ramet_buf_status(scratch) < 0)
		return rameti_fail_nomem(err);
	*json = ramet_buf_bytes(scratch);
	return 0;
}

/* A line is not what its row says: the file was changed, or the index was wrong. */
static int fail_changed(struct ramet_session *s, uint32_t row, struct ramet_error *err)
{
	s->index_doubt = 1;
	return rameti_fail_at(err, RAMET_ECONFLICT, NULL, rameti_tree_line(s->reader.tree, row),
			      ramet_tree_row(s->reader.tree, row)->offset,
			      "the file was changed while it was open");
}

static int read_entry(struct ramet_session *s, uint32_t number, struct ramet_buf *scratch,
		      struct ramet_bytes *json, struct ramet_error *err)
{
	const struct ramet_row *row = ramet_tree_row(s->reader.tree, number);
	struct ramet_bytes line;
	int r = 0;

	if (row->offset < s->source.size && number - s->last_row - 1 < AHEAD_ROWS &&
	    row->length < WINDOW && !in_window(s, row))
		r = fill_window(s, row, err);
	s->last_row = number;
	if (!r)
		r = read_line(s, row, &line, err);
	if (!r && rameti_crc32c(0, line.ptr, line.len) != row->crc32c)
		r = fail_changed(s, number, err);
	if (r < 0) {
		rameti_error_set_path(err, s->path);
		return r;
	}
	r = s->reader.codec->entry(&s->reader, number, line, scratch, json, err);
	if (!r && json->ptr == line.ptr)
		r = hand_out(s, line, scratch, json, err);
	return r;
}

int rameti_session_entry(void *user, uint32_t number, struct ramet_buf *scratch,
			 struct ramet_bytes *json, struct ramet_error *err)
{
	struct ramet_session *s = user;
	int r;

	pthread_mutex_lock(&s->reading);
	r = read_entry(s, number, scratch, json, err);
	pthread_mutex_unlock(&s->reading);
	return r;
}

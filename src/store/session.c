/*
 * store/session.c - one session opened for reading: its source, reader and tree.
 *
 * Lines are read again when somebody asks for an entry, and checked against their row's checksum,
 * so that a file changed by another program is noticed and never half believed. Writes nothing.
 */
#include "ramet/store.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "store/load.h"

#define WINDOW (128u << 10) /* bytes read ahead when entries are asked for in order */

struct ramet_session {
	struct rameti_source source;
	struct rameti_reader reader;
	char *path;
	struct ramet_buf line;                   /* the stored line asked for last */
	char *window; /* holds source bytes [window_at, window_at + window_len) */
	uint64_t window_at;
	size_t window_len;
	uint32_t last_row;
};

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
	return row->offset >= s->window_at &&
	       row->offset + row->length <= s->window_at + s->window_len;
}

/* The stored line of a row: in memory, in the window, or read into s->line. */
static int read_line(struct ramet_session *s, const struct ramet_row *row, struct ramet_bytes *line,
		     struct ramet_error *err)
{
	int r = 0;

	line->len = row->length;
	if (s->source.file.fd < 0) {
		line->ptr = s->source.memory.ptr + row->offset;
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

/* The tree's callback. */
static int session_entry(void *user, uint32_t number, struct ramet_buf *scratch,
			 struct ramet_bytes *json, struct ramet_error *err)
{
	struct ramet_session *s = user;
	const struct ramet_row *row = ramet_tree_row(s->reader.tree, number);
	struct ramet_bytes line;
	int r = 0;

	if (s->source.file.fd >= 0 && number == s->last_row + 1 && row->length < WINDOW &&
	    !in_window(s, row))
		r = fill_window(s, row, err);
	s->last_row = number;
	if (!r)
		r = read_line(s, row, &line, err);
	if (!r && rameti_crc32c(0, line.ptr, line.len) != row->crc32c)
		r = rameti_fail_at(err, RAMET_ECONFLICT, NULL,
				   rameti_tree_line(s->reader.tree, number), row->offset,
				   "the file was changed while it was open");
	if (r < 0) {
		rameti_error_set_path(err, s->path);
		return r;
	}
	r = s->reader.codec->entry(&s->reader, number, line, scratch, json, err);
	if (!r && json->ptr == line.ptr && s->source.file.fd >= 0)
		r = hand_out(s, line, scratch, json, err);
	return r;
}

static int session_new(struct ramet_session **out, struct ramet_error *err)
{
	struct ramet_session *s = ramet_calloc(1, sizeof(*s));

	if (!s)
		return rameti_fail_nomem(err);
	s->source.file.fd = -1;
	s->last_row = RAMET_NONE - 1;
	ramet_buf_init(&s->line, SIZE_MAX / 2);
	*out = s;
	return 0;
}

static int session_load(struct ramet_session *s, const struct ramet_open_opts *opts,
			struct ramet_error *err)
{
	size_t max_line = opts && opts->max_line && opts->max_line < RAMET_JSON_LEN_MAX
				  ? (size_t)opts->max_line
				  : RAMET_JSON_LEN_MAX;
	uint64_t seed;
	int r = rameti_random(s->source.file.env, &seed, sizeof(seed), err);

	if (!r)
		r = rameti_source_size(&s->source, &s->source.size, err);
	if (!r)
		r = rameti_reader_init(&s->reader, &rameti_codec_pi, seed, session_entry, s, err);
	if (!r)
		r = rameti_load(&s->reader, &s->source, max_line, opts ? opts->threads : 0, err);
	return r;
}

int ramet_session_open(struct ramet_session **out, const char *path,
		       const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	size_t len = strlen(path) + 1;
	int r = session_new(&s, err);

	if (r < 0)
		return r;
	s->path = ramet_alloc(len);
	r = s->path ? 0 : rameti_fail_nomem(err);
	if (!r) {
		memcpy(s->path, path, len);
		r = rameti_file_open(&s->source.file, path, RAMETI_FILE_READ, err);
	}
	if (!r)
		r = session_load(s, opts, err);
	if (r < 0) {
		rameti_error_set_path(err, path);
		ramet_session_close(s);
		return r;
	}
	*out = s;
	return 0;
}

int ramet_session_open_bytes(struct ramet_session **out, struct ramet_bytes text,
			     const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	int r = session_new(&s, err);

	if (r < 0)
		return r;
	ramet_buf_add(&s->line, text);
	r = ramet_buf_status(&s->line) < 0 ? rameti_fail_nomem(err) : 0;
	s->source.memory = ramet_buf_bytes(&s->line);
	if (!r)
		r = session_load(s, opts, err);
	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void ramet_session_close(struct ramet_session *s)
{
	if (!s)
		return;
	if (s->source.file.fd >= 0)
		(void)rameti_file_close(&s->source.file);           /* read only: nothing to lose */
	rameti_reader_release(&s->reader);
	ramet_buf_release(&s->line);
	ramet_free(s->window);
	ramet_free(s->path);
	ramet_free(s);
}

const struct ramet_tree *ramet_session_tree(const struct ramet_session *s)
{
	return s->reader.tree;
}

const struct ramet_header *ramet_session_header(const struct ramet_session *s)
{
	return &s->reader.header;
}

const char *ramet_session_path(const struct ramet_session *s)
{
	return s->path;
}

const char *ramet_session_format(const struct ramet_session *s)
{
	return s->reader.codec->name;
}

const struct ramet_findings *ramet_session_findings(const struct ramet_session *s)
{
	return &s->reader.findings;
}

struct ramet_bytes ramet_session_cwd(const struct ramet_session *s, struct ramet_bytes fallback)
{
	return s->reader.header.cwd.len ? s->reader.header.cwd : fallback;
}

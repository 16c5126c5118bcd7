/*
 * ops/whole.c - a session file read whole: every line of it, by the exact scan.
 *
 * Unlike opening, a file without a header, or without any byte, is read too, as if a header of the
 * current version stood before it. Nothing is written and no index is asked.
 */
#include "ops/whole_priv.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "store/home.h"
#include "store/load.h"

#define HEAD_LEN 65536u

/* The callback of the tree. What is borrowed must not be w->line, which the next call fills. */
static int entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		 struct ramet_error *err)
{
	struct rameti_whole *w = user;
	const struct ramet_row *at = ramet_tree_row(w->reader.tree, row);
	struct ramet_bytes line = { NULL, at->length };
	int r;

	ramet_buf_reset(&w->line);
	if (ramet_buf_reserve(&w->line, at->length) < 0)
		return rameti_fail_nomem(err);
	r = rameti_source_read(&w->source, w->line.ptr, at->length, at->offset, err);
	if (r < 0)
		return r;
	line.ptr = w->line.ptr;
	r = w->reader.codec->entry(&w->reader, row, line, scratch, json, err);
	if (r < 0 || json->ptr != line.ptr)
		return r;
	ramet_buf_reset(scratch);
	ramet_buf_add(scratch, line);
	*json = ramet_buf_bytes(scratch);
	return ramet_buf_status(scratch) < 0 ? rameti_fail_nomem(err) : 0;
}

/* What makes no sense as lines may be a file of many sessions. */
static int find_codec(struct rameti_whole *w, const char *path, const struct rameti_codec **codec,
		      struct ramet_error *err)
{
	size_t len = w->source.size < HEAD_LEN ? (size_t)w->source.size : HEAD_LEN;
	struct ramet_bytes head = { NULL, len };
	int r;

	if (ramet_buf_reserve(&w->line, len) < 0)
		return rameti_fail_nomem(err);
	r = rameti_source_read(&w->source, w->line.ptr, len, 0, err);
	if (r < 0)
		return r;
	head.ptr = w->line.ptr;
	*codec = rameti_codec_sniffed(head);
	if (!*codec)
		*codec = &rameti_codec_pi;
	return *codec == &rameti_codec_pi ? rameti_home_foreign(head, path, err) : 0;
}

static int start(struct rameti_whole *w, const struct rameti_codec *codec, struct ramet_error *err)
{
	uint64_t seed;
	int r = rameti_random(w->source.file.env, &seed, sizeof(seed), err);

	rameti_reader_release(&w->reader);
	if (!r)
		r = rameti_reader_init(&w->reader, codec, seed, entry, w, err);
	return !r && codec->begin ? codec->begin(&w->reader, ramet_bytes_of(""), err) : r;
}

/* Once more, with a header that is not there. */
static int load_without_header(struct rameti_whole *w, size_t max_line, unsigned threads,
			       struct ramet_error *err)
{
	int r = start(w, w->reader.codec, err);

	if (r < 0)
		return r;
	w->reader.have_header = 1;
	w->reader.header.version = 3;
	if (!w->source.size)
		return rameti_reader_finish(&w->reader, err);
	return rameti_load(&w->reader, &w->source, max_line, threads, err);
}

int rameti_whole_open(struct rameti_whole *w, const char *path, size_t max_line, unsigned threads,
		      struct ramet_error *err)
{
	static const struct rameti_source none = RAMETI_SOURCE_INIT;
	const struct rameti_codec *codec = NULL;
	int r;

	memset(w, 0, sizeof(*w));
	w->source = none;
	ramet_buf_init(&w->line, SIZE_MAX / 2);
	r = rameti_file_open(&w->source.file, path, RAMETI_FILE_READ, err);
	if (!r)
		r = rameti_source_size(&w->source, &w->source.size, err);
	if (!r)
		r = find_codec(w, path, &codec, err);
	if (!r)
		r = start(w, codec, err);
	if (r < 0)
		return r;
	r = rameti_load(&w->reader, &w->source, max_line, threads, &w->why);
	w->refused = r == RAMET_EFORMAT;
	if (w->refused)
		return load_without_header(w, max_line, threads, err);
	if (r < 0 && err)
		*err = w->why;
	return r;
}

void rameti_whole_close(struct rameti_whole *w)
{
	rameti_reader_release(&w->reader);
	ramet_buf_release(&w->line);
	(void)rameti_file_close(&w->source.file);            /* read only: nothing to lose */
}

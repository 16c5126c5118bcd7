/*
 * store/sidecar_rebuild.c - the offset index made anew from the segments.
 *
 * First everything is looked at, then things are changed: segments, then the index; doing it again
 * after a crash gives the same. Only frames that are good in themselves and stand where they say
 * get a row. What stands behind the last of them is cut off, and the segment as it was keeps the
 * name .bak. Garbage that is not at the end of a segment stops it before anything is changed.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"

#define ASIDE_MAX 10000

int rameti_sc_set_aside(const struct rameti_env *env, const char *path, int link,
			struct ramet_sidecar_report *report, struct ramet_error *err)
{
	char to[SC_PATH + 16];
	int i, failed = 1, why = EEXIST;

	for (i = 0; i < ASIDE_MAX && failed && why == EEXIST; i++) {
		(void)snprintf(to, sizeof(to), i ? "%s.bak.%d" : "%s.bak", path, i);
		failed = link ? env->linkat(env->user, AT_FDCWD, path, AT_FDCWD, to, 0) :
				env->rename_new(env->user, path, to);
		why = failed ? errno : 0;
	}
	if (failed)
		return rameti_fail_sys(err, why, path, "cannot move aside");
	rameti_sc_note_kept(report, to);
	return rameti_dir_sync(env, to, err);
}

/* What was found. */
struct plan {
	const struct rameti_env *env;
	const char *dir;
	uint64_t *segments;                      /* their numbers, sorted */
	uint32_t n_segments, cap_segments;
	struct rameti_sc_row prev;               /* entry_seq 0: none yet */
	struct rameti_newfile index;
	uint64_t cut_segment, cut_at;            /* 0: nothing is cut */
	uint64_t *unended;                       /* segments that lack their last newline */
	uint32_t n_unended, cap_unended;
	struct ramet_json_doc doc;
	struct ramet_buf record, text;
	char path[SC_PATH];
	struct ramet_error *err;
};

static int add_number(uint64_t **to, uint32_t *cap, uint32_t *n, uint64_t number,
		      struct ramet_error *err)
{
	int r = rameti_grow((void **)to, cap, *n, sizeof(**to), SC_SEGMENTS_MAX);

	if (r < 0)
		return rameti_fail(err, r, "too many files");
	(*to)[(*n)++] = number;
	return 0;
}

static int on_segment(void *user, const char *name, unsigned char type)
{
	struct plan *p = user;
	uint64_t number = rameti_sc_segment_number(name);

	(void)type;
	if (!number)
		return 0;
	return add_number(&p->segments, &p->cap_segments, &p->n_segments, number, p->err);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int list_segments(struct plan *p, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_join(path, p->dir, "segments", err);

	p->err = err;
	if (!r)
		r = rameti_dir_each(p->env, path, on_segment, p, err);
	if (r == RAMET_ENOTFOUND)
		return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				      "there is no such directory");
	if (!r && p->n_segments)
		qsort(p->segments, p->n_segments, sizeof(*p->segments), by_number);
	return r;
}

static int add_row(struct plan *p, const struct rameti_sc_row *row, struct ramet_error *err)
{
	int r;

	ramet_buf_reset(&p->text);
	rameti_sc_row_add(&p->text, row);
	r = rameti_sc_status(&p->text, err);
	if (!r)
		r = rameti_newfile_write(&p->index, ramet_buf_bytes(&p->text), err);
	p->prev = *row;
	return r;
}

/* 1: the frame belongs there; 0: it is no good frame, or one of another place. */
static int take_frame(struct plan *p, const struct rameti_lines_item *item, uint64_t segment,
		      int *misplaced, struct ramet_error *err)
{
	struct rameti_sc_row row = { 0 };
	struct rameti_sc_frame f;
	struct ramet_error why;
	int r;

	ramet_buf_reset(&p->record);
	ramet_buf_add(&p->record, item->text);
	ramet_buf_add_char(&p->record, '\n');
	r = rameti_sc_status(&p->record, err);
	if (r < 0)
		return r;
	*misplaced = 0;
	r = rameti_sc_frame_parse(&p->doc, ramet_buf_bytes(&p->record), &f, &why);
	if (r < 0)
		return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : 0;
	row.entry_seq = f.entry_seq;
	row.segment_seq = f.segment_seq;
	row.frame_seq = f.frame_seq;
	row.offset = item->offset;
	row.len = p->record.len;
	row.crc32c = rameti_crc32c(0, p->record.ptr, p->record.len);
	memcpy(row.id, f.id.ptr, f.id.len);
	*misplaced = f.segment_seq != segment ||
		     rameti_sc_row_follows(p->prev.entry_seq ? &p->prev : NULL, &row, NULL) < 0;
	if (*misplaced)
		return 0;
	r = add_row(p, &row, err);
	return r < 0 ? r : 1;
}

/* 1 go on, 0 cut here, negative an error. */
static int take_line(struct plan *p, const struct rameti_lines_item *item, uint64_t segment,
		     uint64_t size, struct ramet_error *err)
{
	uint64_t end = item->offset + item->len + (uint64_t)item->terminated;
	int misplaced = 0, r = 0;

	if (item->too_long)
		return rameti_fail_at(err, RAMET_EFORMAT, p->path, 0, item->offset,
				      "line longer than 100 MiB");
	r = take_frame(p, item, segment, &misplaced, err);
	if (r > 0 && !item->terminated)
		return add_number(&p->unended, &p->cap_unended, &p->n_unended, segment, err) < 0 ?
			       RAMET_ENOMEM :
			       1;
	if (r != 0)
		return r;
	if (!misplaced && end < size)
		return rameti_fail_at(err, RAMET_EFORMAT, p->path, 0, item->offset,
				      "garbage that is not at the end of a segment");
	p->cut_segment = segment;
	p->cut_at = item->offset;
	return 0;
}

static int read_segment(struct plan *p, uint64_t segment, struct ramet_error *err)
{
	struct rameti_file f = { p->env, -1 };
	struct rameti_lines lines;
	struct rameti_lines_item item;
	struct stat st;
	int r = rameti_sc_segment_path(p->path, p->dir, segment, err);

	memset(&lines, 0, sizeof(lines));
	if (!r)
		r = rameti_sc_open(&f, p->path, err);
	if (r < 0)
		return r;
	r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)st.st_size, (size_t)SC_LINE_MAX,
				      err);
	while (!r && !p->cut_segment && (r = rameti_lines_next(&lines, &item, err)) > 0) {
		r = take_line(p, &item, segment, (uint64_t)st.st_size, err);
		r = r < 0 ? r : 0;
	}
	rameti_lines_close(&lines);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	return r;
}

static int look(struct plan *p, struct ramet_error *err)
{
	uint32_t i;
	int r = list_segments(p, err);

	for (i = 0; !r && i < p->n_segments && !p->cut_segment; i++) {
		uint64_t before = p->prev.entry_seq;

		if (p->segments[i] != i + 1) {               /* one is missing */
			p->cut_segment = p->segments[i];
			break;
		}
		r = read_segment(p, p->segments[i], err);
		/* one without a frame: only the last may be, and it goes */
		if (!r && !p->cut_segment && p->prev.entry_seq == before)
			p->cut_segment = p->segments[i];
	}
	return r;
}

/* ---- changing ---- */

int rameti_sc_shorten(const struct rameti_env *env, const char *path, uint64_t len, int newline,
		      struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct rameti_file f = { env, -1 };
	char *block = ramet_alloc(1 << 16);
	uint64_t at = 0;
	int r = block ? rameti_sc_open(&f, path, err) : rameti_fail_nomem(err);

	n.file.env = env;
	if (!r)
		r = rameti_newfile_open(&n, path, 0600, err);
	while (!r && at < len) {
		size_t want = len - at < 1 << 16 ? (size_t)(len - at) : 1 << 16;
		int64_t got = rameti_file_read_at(&f, block, want, at, err);

		if (got >= 0 && (size_t)got != want)
			r = rameti_fail_at(err, RAMET_ECONFLICT, path, 0, at, "became shorter");
		else
			r = got < 0 ? (int)got :
				      rameti_newfile_write(
					      &n, (struct ramet_bytes){ block, want }, err);
		at += want;
	}
	if (!r && newline)
		r = rameti_newfile_write(&n, (struct ramet_bytes){ "\n", 1 }, err);
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	if (f.fd >= 0)
		(void)rameti_file_close(&f);                 /* read only: nothing to lose */
	ramet_free(block);
	return r;
}

static int end_segments(struct plan *p, struct ramet_sidecar_report *report,
			struct ramet_error *err)
{
	char path[SC_PATH];
	struct stat st;
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < p->n_unended; i++) {
		r = rameti_sc_segment_path(path, p->dir, p->unended[i], err);
		if (!r)
			r = rameti_sc_stat(p->env, path, &st, err);
		if (!r)
			r = rameti_sc_shorten(p->env, path, (uint64_t)st.st_size, 1, err);
		if (!r && report)
			report->changed = 1;
	}
	return r;
}

static int cut_segments(struct plan *p, struct ramet_sidecar_report *report,
			struct ramet_error *err)
{
	char path[SC_PATH];
	uint32_t i;
	int r = 0;

	for (i = 0; !r && p->cut_segment && i < p->n_segments; i++) {
		int here = p->segments[i] == p->cut_segment && p->cut_at > 0;

		if (p->segments[i] < p->cut_segment)
			continue;
		r = rameti_sc_segment_path(path, p->dir, p->segments[i], err);
		if (!r)
			r = rameti_sc_set_aside(p->env, path, here, report, err);
		if (!r && here)
			r = rameti_sc_shorten(p->env, path, p->cut_at, 0, err);
	}
	return r;
}

static int put_index(struct plan *p, struct ramet_sidecar_report *report, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_join(path, p->dir, "index/offsets.jsonl", err);

	if (r < 0)
		return r;
	if (p->prev.entry_seq) {
		if (report)
			report->changed = 1;
		return rameti_newfile_commit(&p->index,
					     RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	}
	r = rameti_sc_exists(p->env, path, err);             /* a store without entries has none */
	return r > 0 ? rameti_sc_set_aside(p->env, path, 0, report, err) : r;
}

int rameti_sc_rebuild(const struct rameti_env *env, const char *dir,
		      struct ramet_sidecar_report *report, struct ramet_error *err)
{
	struct plan p;
	char path[SC_PATH];
	int r;

	memset(&p, 0, sizeof(p));
	p.env = env;
	p.dir = dir;
	p.index = (struct rameti_newfile)RAMETI_NEWFILE_INIT;
	p.index.file.env = env;
	ramet_buf_init(&p.record, SC_LINE_MAX + 2);
	ramet_buf_init(&p.text, SC_ROW_MAX);
	r = rameti_sc_check_dirs(env, dir, err);
	if (!r)
		r = rameti_sc_join(path, dir, "index", err);
	if (!r)
		r = rameti_dir_make(env, path, 1, err);
	if (!r)
		r = rameti_sc_join(path, dir, "index/offsets.jsonl", err);
	if (!r)
		r = rameti_newfile_open(&p.index, path, 0600, err);
	if (!r)
		r = look(&p, err);
	if (!r)
		r = end_segments(&p, report, err);
	if (!r)
		r = cut_segments(&p, report, err);
	if (!r)
		r = put_index(&p, report, err);
	rameti_newfile_abort(&p.index);
	ramet_buf_release(&p.record);
	ramet_buf_release(&p.text);
	ramet_json_doc_release(&p.doc);
	ramet_free(p.segments);
	ramet_free(p.unended);
	return r;
}

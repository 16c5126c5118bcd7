/*
 * store/recent.c - the session to go on with: the one whose file was changed last.
 *
 * By the time of the file, not of its messages, as pi continues; reads headers only, newest file
 * first, until one is a session that the filter lets pass.
 */
#include "store/store_priv.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"

/* Newest first; files of the same time in directory order. */
static int by_time(const void *a, const void *b)
{
	const struct rameti_candidate *x = a, *y = b;
	int r = rameti_candidate_newer(x, y);

	return r ? r : strcmp(x->path, y->path);
}

/* 0 found, ENOTFOUND, ENOMEM. */
static int look(const struct rameti_candidates *c, const struct rameti_cwd_filter *filter,
		uint32_t *which, struct ramet_error *err)
{
	struct rameti_info_reader r;
	struct stat st;
	uint32_t i;
	int e = rameti_info_reader_init(&r, 0, err);

	if (e < 0)
		return e;
	r.header_only = 1;
	r.header_max = RAMETI_HEADER_SCAN_MAX;
	r.filter = filter;
	e = RAMET_ENOTFOUND;
	for (i = 0; e && e != RAMET_ENOMEM && i < c->n; i++)
		e = rameti_info_scan(&r, &c->items[i], &st, NULL);
	rameti_info_reader_release(&r);
	if (e == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (e)
		return rameti_fail(err, RAMET_ENOTFOUND, "no session here yet");
	*which = i - 1;
	return 0;
}

int ramet_store_recent(struct ramet_store *st, const char *cwd, struct ramet_buf *path,
		       struct ramet_error *err)
{
	struct rameti_cwd_filter filter;
	struct rameti_candidates c;
	uint32_t which = 0;
	int r = rameti_cwd_filter_init(&filter, st, cwd, err);

	memset(&c, 0, sizeof(c));
	if (!r)
		r = rameti_store_gather(st, &filter, RAMETI_MTIME_YES, &c, err);
	if (!r && c.n)
		qsort(c.items, c.n, sizeof(*c.items), by_time);
	if (!r)
		r = look(&c, &filter, &which, err);
	if (!r) {
		ramet_buf_add_str(path, c.items[which].path);
		r = ramet_buf_status(path);
	}
	if (r == RAMET_ELIMIT)
		rameti_fail(err, r, "the path is too long");
	else if (r == RAMET_ENOMEM)
		rameti_fail_nomem(err);
	rameti_candidates_release(&c);
	rameti_cwd_filter_release(&filter);
	return r;
}

/*
 * store/find.c - the session with an id.
 *
 * Reads headers only and trusts no file name: the id is what the header says. Two ways of asking:
 * as people do (a whole id or the start of one, refused when it fits two sessions), and as pi does
 * (exact id, the first file that has it).
 */
#include "store/store_priv.h"

#include <assert.h>
#include <string.h>
#include "base/error.h"

/* What fits so far: whole ids count before starts of ids. */
struct search {
	struct ramet_bytes wanted;
	uint32_t whole[2], start[2];             /* the first two files of each kind */
	uint32_t n_whole, n_start;
	struct ramet_buf id[2];                  /* of start[] */
	int only_first;                          /* the first whole id ends it */
};

static int note(struct search *s, const struct rameti_pi_list *l, uint32_t file)
{
	struct ramet_bytes id = ramet_buf_bytes(&l->id);

	if (ramet_bytes_eq(id, s->wanted)) {
		assert(s->n_whole < 2);              /* the second one ended it */
		s->whole[s->n_whole++] = file;
	} else if (s->n_start < 2 && id.len > s->wanted.len &&
		   !memcmp(id.ptr, s->wanted.ptr, s->wanted.len)) {
		ramet_buf_add(&s->id[s->n_start], id);
		s->start[s->n_start++] = file;
	}
	return s->n_whole == (s->only_first ? 1 : 2);
}

static int look(struct search *s, const struct rameti_candidates *c,
		const struct rameti_cwd_filter *filter, uint64_t header_max,
		struct ramet_error *err)
{
	struct rameti_info_reader r;
	struct stat st;
	uint32_t i;
	int e = rameti_info_reader_init(&r, 0, err), found = 0;

	if (e < 0)
		return e;
	r.header_only = 1;
	r.header_max = header_max;
	r.filter = filter;
	for (i = 0; !found && i < c->n; i++) {
		e = rameti_info_scan(&r, &c->items[i], &st, NULL);
		if (e == RAMET_ENOMEM)
			break;
		if (!e)
			found = note(s, &r.list, i);
	}
	rameti_info_reader_release(&r);
	return e == RAMET_ENOMEM ? rameti_fail_nomem(err) : 0;
}

static int ambiguous(const struct search *s, const struct rameti_candidates *c,
		     struct ramet_error *err)
{
	if (s->n_whole)
		return rameti_fail_at(err, RAMET_EAMBIGUOUS, c->items[s->whole[0]].path, 0,
				      RAMET_NO_OFFSET, "another session has the same id: %s",
				      c->items[s->whole[1]].path);
	return rameti_fail(err, RAMET_EAMBIGUOUS, "two sessions start so: %.*s and %.*s",
			   RAMET_FMT(ramet_buf_bytes(&s->id[0])),
			   RAMET_FMT(ramet_buf_bytes(&s->id[1])));
}

static int settle(const struct search *s, const struct rameti_candidates *c, struct ramet_buf *path,
		  struct ramet_error *err)
{
	uint32_t n = s->n_whole ? s->n_whole : s->n_start;

	if (!n || (s->only_first && !s->n_whole))
		return rameti_fail(err, RAMET_ENOTFOUND, "no session with the id %.*s",
				   RAMET_FMT(s->wanted));
	if (n > 1)
		return ambiguous(s, c, err);
	ramet_buf_add_str(path, c->items[s->n_whole ? s->whole[0] : s->start[0]].path);
	if (ramet_buf_status(path) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "the path is too long");
	return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
}

static int find(struct ramet_store *st, struct search *s, const char *cwd, uint64_t header_max,
		struct ramet_buf *path, struct ramet_error *err)
{
	struct rameti_cwd_filter filter;
	struct rameti_candidates c;
	int r = rameti_cwd_filter_init(&filter, st, cwd, err);

	memset(&c, 0, sizeof(c));
	ramet_buf_init(&s->id[0], SIZE_MAX / 2);
	ramet_buf_init(&s->id[1], SIZE_MAX / 2);
	if (!r)
		r = rameti_store_gather(st, &filter, RAMETI_MTIME_NO, &c, err);
	if (!r)
		r = look(s, &c, &filter, header_max, err);
	if (!r)
		r = settle(s, &c, path, err);
	ramet_buf_release(&s->id[0]);
	ramet_buf_release(&s->id[1]);
	rameti_candidates_release(&c);
	rameti_cwd_filter_release(&filter);
	return r;
}

int ramet_store_find(struct ramet_store *st, struct ramet_bytes id_or_prefix,
		     struct ramet_buf *path, struct ramet_error *err)
{
	struct search s;

	if (!id_or_prefix.len)
		return rameti_fail(err, RAMET_EINVAL, "an empty session id");
	memset(&s, 0, sizeof(s));
	s.wanted = id_or_prefix;
	return find(st, &s, NULL, 0, path, err);
}

int ramet_store_find_exact(struct ramet_store *st, struct ramet_bytes id, const char *cwd,
			   struct ramet_buf *path, struct ramet_error *err)
{
	struct search s;

	memset(&s, 0, sizeof(s));
	s.wanted = id;
	s.only_first = 1;
	return find(st, &s, cwd, RAMETI_HEADER_SCAN_MAX, path, err);
}

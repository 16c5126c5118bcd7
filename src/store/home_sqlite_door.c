/*
 * store/home_sqlite_door.c - sqlite:FILE as one of the homes of store/home.h.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "codec/codec.h"
#include "store/home.h"
#include "store/home_sqlite_priv.h"

struct door {
	struct rameti_sqlite *h;
	struct rameti_sqlite_end end;
	struct rameti_sqlite_damage damage;
	struct ramet_buf id;
};

static void leave(void *state)
{
	struct door *d = state;

	if (!d)
		return;
	rameti_sqlite_close(d->h);
	ramet_buf_release(&d->id);
	ramet_free(d);
}

static int enter(void **state, const char *file, struct ramet_bytes id,
		 const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct rameti_sqlite_opts o = { 0, opts ? opts->level : 0, opts ? opts->lock_ms : 0 };
	struct door *d = ramet_calloc(1, sizeof(*d));
	int r;

	if (!d)
		return rameti_fail_nomem(err);
	ramet_buf_init(&d->id, SIZE_MAX / 2);
	r = rameti_sqlite_open(&d->h, file, &o, err);
	if (!r)
		r = rameti_sqlite_find(d->h, id, &d->id, err);
	if (r < 0)
		leave(d);
	else
		*state = d;
	return r;
}

static int load(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	struct door *d = state;

	return rameti_sqlite_load(d->h, ramet_buf_bytes(&d->id), text, &d->end, &d->damage, err);
}

static int damage(void *state, struct ramet_findings *f, struct ramet_error *err)
{
	const struct rameti_sqlite_damage *found = &((struct door *)state)->damage;
	struct ramet_bytes none = { NULL, 0 };
	int r = 0;

	if (found->n_changed)
		r = rameti_finding_add(f, RAMET_DAMAGE, "hash", 0, 0, none,
				       "%" PRIu64 " line(s) are not what was written, the first is "
				       "number %" PRId64, found->n_changed, found->first_changed);
	if (!r && found->n_missing)
		r = rameti_finding_add(f, RAMET_DAMAGE, "chain", 0, 0, none,
				       "%" PRIu64 " line(s) are missing, the first is number %"
				       PRId64, found->n_missing, found->first_missing);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

static int check(const char *file, struct ramet_buf *report, struct ramet_error *err)
{
	const struct rameti_sqlite_opts opts = { 0 };
	struct rameti_sqlite *h = NULL;
	int r = rameti_sqlite_open(&h, file, &opts, err);

	if (!r)
		r = rameti_sqlite_check(h, report, err);
	rameti_sqlite_close(h);
	return r;
}

static int more(void *state, struct ramet_buf *text, struct ramet_error *err)
{
	struct door *d = state;
	int64_t seq = d->end.seq;
	int r = rameti_sqlite_load_more(d->h, &d->end, text, NULL, err);

	return r < 0 ? r : d->end.seq > seq;
}

static int append(void *state, struct ramet_bytes lines, size_t n, int sync,
		  struct ramet_error *err)
{
	struct door *d = state;
	struct rameti_sqlite_end end = d->end;
	int r = rameti_sqlite_append(d->h, &end, lines, sync, err);

	(void)n;
	if (!r)
		d->end = end;
	return r;
}

static int sync_all(void *state, struct ramet_error *err)
{
	struct door *d = state;

	return rameti_sqlite_sync(d->h, err);
}

static int create(const char *file, struct ramet_bytes text, int sync, struct ramet_error *err)
{
	struct rameti_sqlite_opts o = { 1, sync ? RAMET_LEVEL_EACH : RAMET_LEVEL_NONE, 0 };
	struct rameti_sqlite_end end;
	struct rameti_sqlite *h;
	int r = rameti_sqlite_open(&h, file, &o, err);

	if (r < 0)
		return r;
	r = rameti_sqlite_create(h, text, &end, err);
	rameti_sqlite_close(h);
	return r;
}

static int each(const char *file, int with_text,
		int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		struct ramet_error *err)
{
	struct rameti_sqlite *h;
	int r = rameti_sqlite_open(&h, file, NULL, err);

	if (r < 0)
		return r;
	r = rameti_sqlite_list(h, with_text, fn, user, err);
	rameti_sqlite_close(h);
	return r;
}

static int remove_one(const char *file, struct ramet_bytes id, struct ramet_error *err)
{
	struct rameti_sqlite *h;
	int r = rameti_sqlite_open(&h, file, NULL, err);

	if (r < 0)
		return r;
	r = rameti_sqlite_remove(h, id, err);
	rameti_sqlite_close(h);
	return r;
}

/* A database says in its first bytes whose it is. */
static int sniff(struct ramet_bytes head)
{
	static const char magic[] = "SQLite format 3";
	static const char ours[] = "ramt";

	return head.len >= 72 && !memcmp(head.ptr, magic, sizeof(magic)) &&
	       !memcmp(head.ptr + 68, ours, 4);
}

const struct rameti_home rameti_home_sqlite = {
	.format = "sqlite",
	.scheme = "sqlite:",
	.codec = &rameti_codec_pi,
	.open = enter,
	.close = leave,
	.load = load,
	.more = more,
	.append = append,
	.sync = sync_all,
	.create = create,
	.each = each,
	.remove = remove_one,
	.sniff = sniff,
	.damage = damage,
	.check = check,
};

/*
 * store/other.c - what a list says about a session that is not pi's own lines: what it says about
 * the same session told by pi.
 *
 * Only asked when a file is none of pi's. When the header is enough, records are read as far as
 * the format has one elsewhere than in the name of the file.
 */
#include "store/store_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "store/home.h"
#include "store/layout.h"
#include "store/session_priv.h"

#define HEAD_LEN 2048

static void copy(struct ramet_buf *to, struct ramet_bytes text)
{
	ramet_buf_reset(to);
	ramet_buf_add(to, text);
}

static int feed_header(struct rameti_info_reader *r, const struct ramet_session *s,
		       struct ramet_buf *line, struct ramet_error *err)
{
	size_t used;

	ramet_buf_add(line, ramet_session_header(s)->json);
	ramet_buf_add_char(line, '\n');
	if (ramet_buf_status(line) < 0)
		return rameti_fail_nomem(err);
	return rameti_pi_list_header(&r->list, ramet_buf_bytes(line), &used, err);
}

static int feed_entries(struct rameti_info_reader *r, const struct ramet_session *s,
			struct ramet_buf *line, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row;
	int e = 0;

	for (row = 0; !e && row < ramet_tree_count(t); row++) {
		e = ramet_tree_entry(t, row, &scratch, &json, err);
		if (e < 0)
			break;
		ramet_buf_reset(line);
		ramet_buf_add(line, json);
		ramet_buf_add_char(line, '\n');
		if (ramet_buf_status(line) < 0)
			e = rameti_fail_nomem(err);
		if (!e)
			e = rameti_pi_list_lines(&r->list, ramet_buf_bytes(line), err);
	}
	ramet_buf_release(&scratch);
	return e;
}

/* 1 when the filter does not let it pass. */
static int read_session(struct rameti_info_reader *r, const struct rameti_candidate *c,
			struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(SIZE_MAX / 2);
	int pass = 1, e = feed_header(r, s, &line, err);

	r->format = ramet_session_format(s);
	if (!e && r->list.state != RAMETI_PI_LIST_SESSION)
		e = rameti_fail(err, RAMET_EFORMAT, "not a session");
	if (!e && !c->at_home)
		pass = rameti_cwd_filter_pass(r->filter, ramet_buf_bytes(&r->list.cwd), err);
	if (pass < 0)
		e = pass;
	if (!e && pass && !r->header_only)
		e = feed_entries(r, s, &line, err);
	ramet_buf_release(&line);
	return e < 0 ? e : !pass;
}

/* Of formats whose records have no header, the name says the id: 1 done, 0 not such a file. */
static int read_name(struct rameti_info_reader *r, const struct rameti_candidate *c,
		     struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_bytes name = { c->name, strlen(c->name) };
	const struct rameti_codec *codec = NULL;
	struct rameti_reader reader;
	char head[HEAD_LEN];
	const char *dot;
	int64_t n = 0;
	int e = rameti_file_open(&f, c->path, RAMETI_FILE_READ, err);

	if (!e)
		n = rameti_file_read_at(&f, head, sizeof(head), 0, err);
	(void)rameti_file_close(&f);             /* read only */
	if (e < 0 || n < 0) {
		rameti_error_set_path(err, c->path);
		return e < 0 ? e : (int)n;
	}
	if (n > 0)
		codec = rameti_codec_sniffed((struct ramet_bytes){ head, (size_t)n });
	if (!codec || !codec->begin)
		return 0;
	dot = memrchr(name.ptr, '.', name.len);
	if (dot && dot != name.ptr)
		name.len = (size_t)(dot - name.ptr);
	e = rameti_reader_init(&reader, codec, 0, NULL, NULL, err);
	if (!e)
		e = codec->begin(&reader, name, err);
	if (!e) {
		copy(&r->list.id, reader.header.id);
		r->list.state = RAMETI_PI_LIST_SESSION;
		r->format = codec->name;
		e = ramet_buf_status(&r->list.id) < 0 ? rameti_fail_nomem(err) : 1;
	}
	rameti_reader_release(&reader);
	return e;
}

int rameti_info_other(struct rameti_info_reader *r, const struct rameti_candidate *c,
		      struct ramet_error *err)
{
	struct ramet_open_opts opts = { .threads = 1 };
	struct ramet_session *s = NULL;
	int e = 0;

	rameti_pi_list_begin(&r->list);
	if (r->header_only && !(r->filter && r->filter->cwd))
		e = read_name(r, c, err);
	if (e)
		return e < 0 ? e : 0;
	e = ramet_session_open(&s, c->path, &opts, err);
	if (!e)
		e = read_session(r, c, s, err);
	ramet_session_close(s);
	return e;
}

int rameti_info_ready(struct rameti_info_reader *r, const struct rameti_candidate *c,
		      struct ramet_error *err)
{
	const struct ramet_session_info *info = c->ready;
	struct rameti_pi_list *l = &r->list;
	int pass = 1;

	if (l->with_text)
		return rameti_info_other(r, c, err);         /* a home's list has no texts */
	rameti_pi_list_begin(l);
	copy(&l->id, info->id);
	copy(&l->cwd, info->cwd);
	copy(&l->name, info->name);
	copy(&l->parent_session, info->parent_session);
	copy(&l->first_message, info->first_message);
	l->has_cwd = info->cwd.ptr != NULL;
	l->has_parent_session = info->parent_session.ptr != NULL;
	l->created_ms = info->created_ms;
	l->talk_ms = (double)info->modified_ms;
	l->message_count = info->message_count;
	l->state = RAMETI_PI_LIST_SESSION;
	r->format = info->format;
	if (ramet_buf_status(&l->id) < 0 || ramet_buf_status(&l->cwd) < 0 ||
	    ramet_buf_status(&l->first_message) < 0 || ramet_buf_status(&l->name) < 0)
		return rameti_fail_nomem(err);
	if (!c->at_home)
		pass = rameti_cwd_filter_pass(r->filter, info->cwd, err);
	return pass < 0 ? pass : !pass;
}

struct reading {
	struct rameti_info_reader *r;
	struct rameti_candidate c;
	struct stat *st;
	struct ramet_error *err;
	int status;
};

static int take_one(void *user, const struct ramet_session_info *info)
{
	struct reading *x = user;

	x->c.ready = info;
	x->st->st_size = (off_t)info->size;
	x->st->st_mtim.tv_sec = info->mtime_ms / 1000;
	x->st->st_mtim.tv_nsec = info->mtime_ms % 1000 * 1000000;
	x->status = rameti_info_ready(x->r, &x->c, x->err);
	return 1;
}

int rameti_info_in_home(struct rameti_info_reader *r, const struct rameti_candidate *c,
			const struct rameti_home_path *where, struct stat *st,
			struct ramet_error *err)
{
	struct ramet_buf file = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct reading x = { r, *c, st, err, RAMET_EFORMAT };
	int e;

	if (where->id.ptr || r->list.with_text)
		return rameti_info_other(r, c, err);
	ramet_buf_add(&file, where->file);
	e = ramet_buf_status(&file) < 0 ? rameti_fail_nomem(err) :
					  where->home->each(file.ptr, 0, take_one, &x, err);
	ramet_buf_release(&file);
	if (e == 0)
		return rameti_fail_at(err, RAMET_EFORMAT, c->path, 0, RAMET_NO_OFFSET,
				      "there is no session in it");
	return e < 0 ? e : x.status;
}

/* ---- the sessions of a home ---- */

struct gathering {
	struct rameti_candidates *c;
	const struct rameti_home *home;
	const char *file;
	int status;
};

static struct ramet_bytes dup_text(struct gathering *g, struct ramet_bytes text)
{
	struct ramet_bytes none = { NULL, 0 };

	if (!text.ptr)
		return none;
	text = rameti_arena_dup(&g->c->texts, text);
	g->status |= text.ptr ? 0 : RAMET_ENOMEM;
	return text;
}

static int take(void *user, const struct ramet_session_info *info)
{
	struct gathering *g = user;
	struct ramet_session_info *copied = rameti_arena_alloc(&g->c->texts, sizeof(*copied));
	struct ramet_buf url = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_candidate *item;
	struct ramet_bytes path;

	if (!copied || rameti_grow((void **)&g->c->items, &g->c->cap, g->c->n,
				   sizeof(*g->c->items), 0x7fffffffu) < 0)
		return g->status = RAMET_ENOMEM;
	ramet_buf_addf(&url, "%s%s#", g->home->scheme, g->file);
	ramet_buf_add(&url, info->id);
	path = ramet_buf_status(&url) < 0 ? (struct ramet_bytes){ NULL, 0 } :
					    dup_text(g, ramet_buf_bytes(&url));
	ramet_buf_release(&url);
	*copied = *info;
	copied->path = path;
	copied->id = dup_text(g, info->id);
	copied->cwd = dup_text(g, info->cwd);
	copied->name = dup_text(g, info->name);
	copied->parent_session = dup_text(g, info->parent_session);
	copied->first_message = dup_text(g, info->first_message);
	if (g->status < 0 || !path.ptr)
		return g->status = RAMET_ENOMEM;
	item = &g->c->items[g->c->n++];
	memset(item, 0, sizeof(*item));
	item->path = path.ptr;
	item->name = path.ptr;
	item->ready = copied;
	item->mtime.tv_sec = info->mtime_ms / 1000;
	item->mtime.tv_nsec = info->mtime_ms % 1000 * 1000000;
	return 0;
}

int rameti_store_gather_home(const struct ramet_store *st, struct rameti_candidates *c,
			     struct ramet_error *err)
{
	struct gathering g = { c, st->home, st->dir, 0 };
	int r = st->home->each(st->dir, 0, take, &g, err);

	return g.status < 0 ? rameti_fail_nomem(err) : r;
}

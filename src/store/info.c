/*
 * store/info.c - one session file read for a list.
 *
 * Reads forward in blocks that stay in the processor's cache between reading and scanning, and no
 * further than the file reached when it was opened. Memory: one block, or the longest line. A line
 * beyond the limit is passed over, as a line that does not parse is. Writes nothing, locks nothing.
 */
#include "store/store_priv.h"

#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "store/layout_pi.h"

#define BLOCK ((size_t)256 << 10)
#define DIALECT_HEAD 2048
#define HEAD ((size_t)8 << 10)                   /* a header is nearly always in here */
#define LINE_MAX_LEN ((size_t)RAMET_JSON_LEN_MAX)

/* ---- whose sessions ---- */

int rameti_cwd_filter_init(struct rameti_cwd_filter *f, const struct ramet_store *st,
			   const char *cwd, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT((size_t)1 << 20), home = path;
	int r;

	memset(f, 0, sizeof(*f));
	f->base = st->cwd;
	if (!cwd || !*cwd)
		return 0;
	r = rameti_pi_path(ramet_bytes_of(cwd), f->base, &path, err);
	if (r < 0)
		return r;
	/* without a home directory there is no default directory either */
	r = ramet_pi_session_dir(ramet_buf_bytes(&path), &home, NULL);
	if (!r)
		f->home = ramet_buf_detach(&home, NULL);
	if (r != RAMET_ENOMEM)
		f->cwd = ramet_buf_detach(&path, NULL);
	ramet_buf_release(&home);
	ramet_buf_release(&path);
	return f->cwd ? 0 : rameti_fail_nomem(err);
}

void rameti_cwd_filter_release(struct rameti_cwd_filter *f)
{
	ramet_free(f->cwd);
	ramet_free(f->home);
	memset(f, 0, sizeof(*f));
}

int rameti_cwd_filter_pass(const struct rameti_cwd_filter *f, struct ramet_bytes cwd,
			   struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT((size_t)1 << 20);
	int r;

	if (!f || !f->cwd)
		return 1;
	if (!cwd.len)
		return 0;
	r = rameti_pi_path(cwd, f->base, &path, NULL);
	if (r == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	else
		r = !r && ramet_bytes_is(ramet_buf_bytes(&path), f->cwd);
	ramet_buf_release(&path);
	return r;
}

/* ---- reading ---- */

int rameti_info_reader_init(struct rameti_info_reader *r, int with_text, struct ramet_error *err)
{
	memset(r, 0, sizeof(*r));
	return rameti_pi_list_init(&r->list, with_text, err);
}

void rameti_info_reader_release(struct rameti_info_reader *r)
{
	rameti_pi_list_release(&r->list);
	ramet_free(r->text);
	r->text = NULL;
	r->cap = 0;
}

/* What is under way in one file: text[0, have) are the bytes before `at`. */
struct walk {
	struct rameti_info_reader *r;
	const struct rameti_candidate *candidate;
	struct rameti_file file;
	uint64_t at, end;
	size_t have;
	int skipping, done, passed;              /* skipping: inside a line that is too long */
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int make_room(struct rameti_info_reader *r, size_t cap, struct ramet_error *err)
{
	char *text;

	if (cap <= r->cap)
		return 0;
	text = ramet_realloc(r->text, cap);
	if (!text)
		return rameti_fail_nomem(err);
	r->text = text;
	r->cap = cap;
	return 0;
}

/* The header is there: is this file wanted, and is there more to ask of it? */
static int after_header(struct walk *w, struct ramet_error *err)
{
	struct rameti_pi_list *l = &w->r->list;
	int pass = 1;

	if (l->state == RAMETI_PI_LIST_OTHER)
		w->done = 1;
	if (l->state != RAMETI_PI_LIST_SESSION)
		return 0;
	if (!w->candidate->at_home)
		pass = rameti_cwd_filter_pass(w->r->filter, ramet_buf_bytes(&l->cwd), err);
	if (pass < 0)
		return pass;
	w->passed = pass;
	w->done = !pass || w->r->header_only;
	return 0;
}

static int feed(struct walk *w, struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_pi_list *l = &w->r->list;
	size_t used;
	int r = 0;

	if (l->state == RAMETI_PI_LIST_LOOKING) {
		r = rameti_pi_list_header(l, text, &used, err);
		if (!r)
			r = after_header(w, err);
		if (r < 0)
			return r;
		text.ptr += used;
		text.len -= used;
	}
	if (!w->done && l->state == RAMETI_PI_LIST_SESSION)
		r = rameti_pi_list_lines(l, text, err);
	return r;
}

/* Whole lines in text[0, have); the rest of a line stays for the next block. */
static int feed_block(struct walk *w, struct ramet_error *err)
{
	struct rameti_info_reader *r = w->r;
	struct ramet_bytes lines = { r->text, w->have };
	const char *last = w->at < w->end ? memrchr(r->text, '\n', w->have) : NULL;
	int e;

	if (w->at < w->end && !last) {
		if (w->have < r->cap)
			return 0;
		if (r->cap < LINE_MAX_LEN)
			return make_room(r, min_size(r->cap * 2, LINE_MAX_LEN), err);
		w->skipping = 1;
		w->have = 0;
		return 0;
	}
	if (last)
		lines.len = (size_t)(last + 1 - r->text);
	e = feed(w, lines, err);
	w->have -= lines.len;
	if (!e && w->have)
		memmove(r->text, r->text + lines.len, w->have);
	return e;
}

/* Drop what is left of a line that is too long. */
static void skip_block(struct walk *w)
{
	struct ramet_bytes text = { w->r->text, w->have };
	size_t skip = rameti_scan_newline(text);

	w->skipping = skip == w->have;
	skip += !w->skipping;
	w->have -= skip;
	memmove(w->r->text, w->r->text + skip, w->have);
}

static int walk_lines(struct walk *w, struct ramet_error *err)
{
	struct rameti_info_reader *r = w->r;
	uint64_t left;
	int64_t got;
	size_t want;
	int e = make_room(r, r->header_only ? HEAD : BLOCK, err);

	while (!e && !w->done && w->at < w->end) {
		left = w->end - w->at;
		want = r->cap - w->have;
		got = rameti_file_read_at(&w->file, r->text + w->have,
					  left < want ? (size_t)left : want, w->at, err);
		if (got < 0)
			return (int)got;
		w->have += (size_t)got;
		w->at = got ? w->at + (uint64_t)got : w->end;    /* 0: shorter than it was */
		if (w->skipping)
			skip_block(w);
		if (!w->skipping)
			e = feed_block(w, err);
	}
	return e;
}

static uint64_t end_of(const struct rameti_info_reader *r, const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size;

	return r->header_only && r->header_max && size > r->header_max ? r->header_max : size;
}

/* Whose lines are these? The first of them tell. */
static int codec_of(const struct walk *w, const struct rameti_codec **codec,
		    struct ramet_error *err)
{
	char head[DIALECT_HEAD];
	int64_t n = rameti_file_read_at(&w->file, head, sizeof(head), 0, err);
	const struct rameti_codec *found = NULL;

	if (n < 0)
		return (int)n;
	if (n)
		found = rameti_codec_sniffed((struct ramet_bytes){ head, (size_t)n });
	*codec = found ? found : &rameti_codec_pi;
	return 0;
}

int rameti_info_scan(struct rameti_info_reader *r, const struct rameti_candidate *c,
		     struct stat *st, struct ramet_error *err)
{
	struct walk w = { r, c, RAMETI_FILE_INIT, 0, 0, 0, 0, 0, 0 };
	const struct rameti_codec *codec = &rameti_codec_pi;
	struct rameti_home_path home;
	int e;

	memset(st, 0, sizeof(*st));
	if (c->ready)
		return rameti_info_ready(r, c, err);
	if (rameti_home_path(c->path, &home))
		return rameti_info_in_home(r, c, &home, st, err);
	rameti_pi_list_begin(&r->list);
	if (r->cap > BLOCK) {
		ramet_free(r->text);
		r->text = NULL;
		r->cap = 0;
	}
	e = rameti_file_open(&w.file, c->path, RAMETI_FILE_READ, err);
	if (e < 0)
		return e;
	e = rameti_file_stat(&w.file, st, err);
	w.end = e < 0 ? 0 : end_of(r, st);
	if (!e)
		e = walk_lines(&w, err);
	if (!e && ((w.passed && !r->header_only) || r->list.state != RAMETI_PI_LIST_SESSION))
		e = codec_of(&w, &codec, err);
	r->format = codec->name;
	(void)rameti_file_close(&w.file);        /* read only: nothing to lose */
	if (!e && codec->pieces)
		return rameti_info_other(r, c, err);
	if (!e && r->list.state != RAMETI_PI_LIST_SESSION)
		e = rameti_fail_at(err, RAMET_EFORMAT, c->path, 0, RAMET_NO_OFFSET,
				   "not a session");
	else if (e < 0)
		rameti_error_set_path(err, c->path);
	return e < 0 ? e : !w.passed;
}

/* ---- what a list says ---- */

static void keep(char **to, struct ramet_bytes *out, struct ramet_bytes text)
{
	out->ptr = *to;
	out->len = text.len;
	if (text.len)
		memcpy(*to, text.ptr, text.len);
	(*to)[text.len] = '\0';
	*to += text.len + 1;
}

/* All texts in one allocation, which starts with the path. */
static int keep_texts(const struct rameti_pi_list *l, struct ramet_bytes path,
		      struct ramet_session_info *info, struct ramet_error *err)
{
	struct ramet_bytes first = ramet_buf_bytes(&l->first_message);
	char *to;

	if (!first.len)
		first = ramet_bytes_of("(no messages)");
	to = ramet_alloc(path.len + l->id.len + l->cwd.len + l->parent_session.len + l->name.len +
			 first.len + l->all_text.len + 7);
	if (!to)
		return rameti_fail_nomem(err);
	keep(&to, &info->path, path);
	keep(&to, &info->id, ramet_buf_bytes(&l->id));
	keep(&to, &info->cwd, ramet_buf_bytes(&l->cwd));
	if (l->has_parent_session)
		keep(&to, &info->parent_session, ramet_buf_bytes(&l->parent_session));
	if (l->name.len)
		keep(&to, &info->name, ramet_buf_bytes(&l->name));
	keep(&to, &info->first_message, first);
	if (l->with_text)
		keep(&to, &info->all_text, ramet_buf_bytes(&l->all_text));
	return 0;
}

int rameti_info_read(struct rameti_info_reader *r, const struct rameti_candidate *c,
		     struct ramet_session_info *info, struct ramet_error *err)
{
	struct ramet_session_info got;
	struct stat st;
	int e = rameti_info_scan(r, c, &st, err);

	if (e)
		return e;
	memset(&got, 0, sizeof(got));
	e = keep_texts(&r->list, ramet_bytes_of(c->path), &got, err);
	if (e < 0)
		return e;
	got.created_ms = r->list.created_ms;
	got.mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	got.modified_ms = rameti_pi_list_modified(&r->list, got.mtime_ms);
	got.message_count = r->list.message_count;
	got.size = (uint64_t)st.st_size;
	if (c->ready) {
		got.mtime_ms = c->ready->mtime_ms;
		got.modified_ms = c->ready->modified_ms;
		got.size = c->ready->size;
	}
	got.format = r->format;
	*info = got;
	return 0;
}

void rameti_info_release(struct ramet_session_info *info)
{
	ramet_free((void *)(uintptr_t)info->path.ptr);
	memset(info, 0, sizeof(*info));
}

int ramet_session_info_read(const char *path, int with_text, struct ramet_list *one,
			    struct ramet_error *err)
{
	struct rameti_candidate c = { path, path, { 0, 0 }, 0, NULL };
	struct rameti_info_reader r;
	struct ramet_session_info *info = ramet_calloc(1, sizeof(*info));
	int e;

	if (!info)
		return rameti_fail_nomem(err);
	e = rameti_info_reader_init(&r, with_text, err);
	if (!e) {
		e = rameti_info_read(&r, &c, info, err);
		rameti_info_reader_release(&r);
	}
	if (e < 0) {
		ramet_free(info);
		return e;
	}
	one->items = info;
	one->n = 1;
	one->priv = NULL;
	return 0;
}

/*
 * store/layout_ggcode.c - where ggcode keeps its sessions, and how it names them.
 *
 * One flat directory, ID.jsonl each, and index.json, which every append keeps in step: at once when
 * the session's own fields changed, else at most every five seconds a handle. The index is a cache:
 * that it cannot be written never fails an append, and one that cannot be parsed is left alone.
 */
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/newfile.h"
#include "store/layout_ggcode_priv.h"
#include "store/session_priv.h"

#define DEBOUNCE_MS 5000
#define ID_MAX 128
#define TITLE_MAX 60
#define LINKS_MAX 255
enum { INDEXED_AT = 3 }; /* place in reader->state: when the index was last written */

int rameti_gg_done(const struct ramet_buf *b, struct ramet_error *err)
{
	int r = ramet_buf_status(b);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return r < 0 ? rameti_fail(err, r, "too long") : 0;
}

/* ---- places ---- */

int ramet_ggcode_dir(struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	const char *home = env->getenv(env->user, "HOME");

	if (!home || !*home)
		return rameti_fail(err, RAMET_ENOTFOUND, "no home directory: HOME is not set");
	ramet_buf_add_str(out, home);
	ramet_buf_add_str(out, "/.ggcode/sessions");
	return rameti_gg_done(out, err);
}

int ramet_ggcode_id_valid(struct ramet_bytes id)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";
	size_t i;

	if (!id.len || id.len > ID_MAX || *id.ptr == '-')
		return 0;
	for (i = 0; i < id.len && id.ptr[i] && strchr(legal, id.ptr[i]); i++)
		;
	return i == id.len;
}

static int new_id(const struct rameti_env *env, struct ramet_buf *id, struct ramet_error *err)
{
	int64_t now_ms = rameti_now_ms(env);
	time_t now = (time_t)(now_ms / 1000);
	unsigned char random[8];
	char hex[17];
	struct tm tm;
	int r = rameti_random(env, random, sizeof(random), err);

	if (r < 0)
		return r;
	if (now_ms == RAMETI_TIME_NONE || !localtime_r(&now, &tm))
		return rameti_fail(err, RAMET_EIO, "the clock gives no usable time");
	rameti_hex(random, sizeof(random), hex);
	ramet_buf_addf(id, "%04d%02d%02d-%02d%02d%02d-%s", tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, hex);
	return rameti_gg_done(id, err);
}

int ramet_ggcode_new_id(struct ramet_buf *out, struct ramet_error *err)
{
	return new_id(NULL, out, err);
}

int ramet_ggcode_path(const char *dir, struct ramet_bytes id, struct ramet_buf *out,
		      struct ramet_error *err)
{
	if (!ramet_ggcode_id_valid(id))
		return rameti_fail(err, RAMET_EINVAL,
				   "not an id for ggcode: 1 to %d letters, digits, _ and -",
				   ID_MAX);
	ramet_buf_add_str(out, dir);
	ramet_buf_add_char(out, '/');
	ramet_buf_add(out, id);
	ramet_buf_add_str(out, ".jsonl");
	return rameti_gg_done(out, err);
}

static int new_path(const char *dir, const struct rameti_draft_header *h, struct ramet_buf *out,
		    struct ramet_error *err)
{
	int r = rameti_dir_make(NULL, dir, 1, err);

	return r < 0 ? r : ramet_ggcode_path(dir, h->id, out, err);
}

static int is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && !strcmp(name + n - 6, ".jsonl");
}

struct ramet_bytes rameti_gg_id_of(const char *path)
{
	struct ramet_bytes id = ramet_bytes_of(rameti_path_base(path));

	if (is_name(id.ptr))
		id.len -= 6;
	return id;
}

struct ramet_bytes rameti_gg_trim(struct ramet_bytes text)
{
	static const char *const more[] = {
		"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
		"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
		"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"
	};
	static const char plain[] = "\t\n\v\f\r ";
	size_t i, n;

	for (n = 1; n;) {
		n = text.len && memchr(plain, *text.ptr, sizeof(plain) - 1) ? 1 : 0;
		for (i = 0; !n && i < sizeof(more) / sizeof(more[0]); i++)
			if (text.len >= strlen(more[i]) &&
			    !memcmp(text.ptr, more[i], strlen(more[i])))
				n = strlen(more[i]);
		text.ptr += n;
		text.len -= n;
	}
	for (n = 1; n; text.len -= n) {
		n = text.len && memchr(plain, text.ptr[text.len - 1], sizeof(plain) - 1) ? 1 : 0;
		for (i = 0; !n && i < sizeof(more) / sizeof(more[0]); i++)
			if (text.len >= strlen(more[i]) &&
			    !memcmp(text.ptr + text.len - strlen(more[i]), more[i],
				    strlen(more[i])))
				n = strlen(more[i]);
	}
	return text;
}

/* ---- working directories ---- */

/* Cut the last component off, or go one further up where that cannot be told. */
static void go_up(struct ramet_buf *at)
{
	size_t n = at->len;

	while (n && at->ptr[n - 1] != '/')
		n--;
	if (!at->len || !strcmp(at->ptr + n, "..")) {
		ramet_buf_add_str(at, at->len ? "/.." : "..");
		return;
	}
	if (n == at->len)
		return; /* the root */
	ramet_buf_truncate(at, n > 1 ? n - 1 : n);
}

/* Put what a link says before what is left of the path. */
static int follow(const struct rameti_env *env, struct ramet_buf *at, struct ramet_buf *left,
		  size_t used)
{
	struct ramet_buf all = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	char link[PATH_MAX];
	ssize_t n = env->readlink(env->user, at->ptr, link, sizeof(link));

	if (n < 0 || n == (ssize_t)sizeof(link))
		return RAMET_EIO;
	ramet_buf_add(&all, (struct ramet_bytes){ link, (size_t)n });
	ramet_buf_add_char(&all, '/');
	ramet_buf_add_str(&all, left->ptr + used);
	ramet_buf_reset(left);
	ramet_buf_add(left, ramet_buf_bytes(&all));
	if (ramet_buf_status(&all) < 0)
		left->status = ramet_buf_status(&all);
	ramet_buf_release(&all);
	go_up(at);
	if (*link == '/') {
		ramet_buf_reset(at);
		ramet_buf_add_char(at, '/');
	}
	return ramet_buf_status(left);
}

/* All links of a path resolved; it has to be there. left is used up. */
static int resolve(struct ramet_buf *left, struct ramet_buf *at)
{
	const struct rameti_env *env = rameti_env_default();
	struct stat st;
	size_t i = 0, n, before;
	int links = 0, r = 0;

	if (left->len && *left->ptr == '/')
		ramet_buf_add_char(at, '/');
	while (!r && i < left->len) {
		n = strcspn(left->ptr + i, "/");
		before = i;
		i += n + (left->ptr[i + n] == '/');
		if (!n || (n == 1 && left->ptr[before] == '.'))
			continue;
		if (n == 2 && !memcmp(left->ptr + before, "..", 2)) {
			go_up(at);
			continue;
		}
		if (at->len && at->ptr[at->len - 1] != '/')
			ramet_buf_add_char(at, '/');
		ramet_buf_add(at, (struct ramet_bytes){ left->ptr + before, n });
		if (ramet_buf_status(at) < 0)
			return ramet_buf_status(at);
		if (env->lstat(env->user, at->ptr, &st) < 0)
			return RAMET_ENOTFOUND;
		if (S_ISLNK(st.st_mode)) {
			if (++links > LINKS_MAX)
				return RAMET_ENOTFOUND;
			r = follow(env, at, left, i);
			i = 0;
		}
	}
	if (!at->len)
		ramet_buf_add_char(at, '.');
	return r ? r : ramet_buf_status(at);
}

int ramet_ggcode_workspace(struct ramet_bytes path, struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf left = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_buf at = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	char here[PATH_MAX] = "/";
	int r;

	if (!env->getcwd(env->user, here, sizeof(here)) && !path.ptr)
		return rameti_fail(err, RAMET_EIO, "cannot tell the working directory");
	path = rameti_gg_trim(path.ptr ? path : ramet_bytes_of(here));
	if (!path.len)
		return 0;
	ramet_buf_add(&left, path);
	r = ramet_buf_status(&left);
	if (!r)
		r = memchr(path.ptr, '\0', path.len) ? RAMET_EINVAL : resolve(&left, &at);
	if (!r)
		ramet_buf_add(out, ramet_buf_bytes(&at));
	ramet_buf_release(&left);
	ramet_buf_release(&at);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0)
		return rameti_path_normalize(path, here, NULL, out, err);
	return rameti_gg_done(out, err);
}

/* ---- the index kept in step ---- */

int rameti_gg_lock(struct rameti_file *f, const struct rameti_env *env, const char *path,
		   uint32_t wait_ms, struct ramet_error *err)
{
	const struct rameti_env *e = rameti_env_or_default(env);
	int r;

	f->env = e;
	do
		f->fd = e->open(e->user, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	while (f->fd < 0 && errno == EINTR);
	if (f->fd < 0)
		return rameti_fail_sys(err, errno, path, "cannot open");
	r = rameti_file_lock(f, wait_ms, err);
	if (r < 0) {
		rameti_error_set_path(err, path);
		(void)rameti_file_close(f);
	}
	return r;
}

/* Message records: the first row of each line, but for those of a checkpoint's list. A summary is a
 * row of type custom that has the role of its message. */
static int64_t count_messages(const struct ramet_tree *t)
{
	uint32_t i, n = ramet_tree_count(t);
	const struct ramet_row *row;
	uint64_t at = UINT64_MAX;
	int64_t messages = 0;

	for (i = 0; i < n; i++) {
		row = ramet_tree_row(t, i);
		if (row->offset != at)
			messages +=
				row->type == RAMET_ENTRY_MESSAGE ||
				row->type == RAMET_ENTRY_CUSTOM_MESSAGE ||
				row->type == RAMET_ENTRY_BRANCH_SUMMARY ||
				(row->type == RAMET_ENTRY_CUSTOM && row->role == RAMET_ROLE_SYSTEM);
		at = row->offset;
	}
	return messages;
}

/* The first text of the user, as the original makes a title of it; may be none. */
static void first_title(const struct ramet_tree *t, struct ramet_buf *title)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2),
			 text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *content, *block = NULL;
	struct ramet_bytes json;
	uint32_t i, n = ramet_tree_count(t);

	for (i = 0; i < n && ramet_tree_row(t, i)->role != RAMET_ROLE_USER; i++)
		;
	if (i < n && !ramet_tree_entry(t, i, &scratch, &json, NULL) &&
	    !ramet_json_parse(&doc, json, 0, NULL)) {
		content =
			ramet_json_get(ramet_json_get(ramet_json_root(&doc), "message"), "content");
		while (!text.len && (block = ramet_json_next(content, block)) != NULL)
			ramet_json_text(ramet_json_get(block, "text"), &text);
		(void)ramet_ggcode_truncate(ramet_buf_bytes(&text), TITLE_MAX, title);
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	ramet_buf_release(&text);
}

static int changes_fields(const struct ramet_tree *t, uint32_t first)
{
	uint32_t i, n = ramet_tree_count(t);

	for (i = first; i < n; i++)
		if (ramet_tree_row(t, i)->type == RAMET_ENTRY_SESSION_INFO)
			return 1;
	return 0;
}

static struct ramet_bytes given(struct ramet_bytes text)
{
	return text.len ? text : (struct ramet_bytes){ NULL, 0 };
}

static int put(struct ramet_session *s, int64_t now, struct ramet_error *err)
{
	const struct rameti_reader *r = &s->reader;
	struct rameti_gg_listed l = { .id = rameti_gg_id_of(s->abs_path) };
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX), updated = RAMET_BUF_INIT(128),
			 created = RAMET_BUF_INIT(128), title = RAMET_BUF_INIT(4096);
	struct rameti_gg_meta m;
	int e = rameti_gg_meta_init(&m, ramet_buf_bytes(&r->kept), err);

	if (e < 0)
		return e;
	rameti_path_dir(s->abs_path, &dir);
	rameti_gg_add_time(&updated, now);
	rameti_gg_add_time(&created,
			   r->header.created_ms != RAMET_TIME_NONE ? r->header.created_ms : now);
	first_title(r->tree, &title);
	l.title = given(m.record.title);
	l.fallback_title = ramet_buf_bytes(&title);
	l.preview = given(m.record.preview);
	l.created_at = m.record.created_at;
	l.fallback_created_at = ramet_buf_bytes(&created);
	l.updated_at = ramet_buf_bytes(&updated);
	l.workspace = given(m.record.workspace.len ? m.record.workspace : r->header.cwd);
	l.vendor = given(m.record.vendor);
	l.endpoint = given(m.record.endpoint);
	l.model = given(m.record.model);
	l.msg_count = count_messages(r->tree);
	e = rameti_gg_done(&dir, err);
	if (!e)
		e = rameti_gg_index_put(s->source.file.env, dir.ptr, &l, err);
	rameti_gg_meta_release(&m);
	ramet_buf_release(&dir);
	ramet_buf_release(&updated);
	ramet_buf_release(&created);
	ramet_buf_release(&title);
	return e;
}

/* Is there a list of sessions to be kept in step? Always in ggcode's own directory;
 * elsewhere, where one is. */
static int has_index(const struct rameti_env *env, const char *path)
{
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_buf own = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct stat st;
	int yes;

	rameti_path_dir(path, &dir);
	yes = !ramet_ggcode_dir(&own, NULL) &&
	      ramet_bytes_eq(ramet_buf_bytes(&dir), ramet_buf_bytes(&own));
	ramet_buf_add_str(&dir, "/index.json");
	if (!yes && ramet_buf_status(&dir) == 0)
		yes = !rameti_path_stat(env, dir.ptr, &st, NULL);
	ramet_buf_release(&dir);
	ramet_buf_release(&own);
	return yes;
}

static void after(struct ramet_session *s, uint32_t first)
{
	const struct ramet_bytes none = { NULL, 0 };
	int64_t now = rameti_now_ms(s->source.file.env);
	struct rameti_reader *r = &s->reader;
	struct ramet_error err;
	int64_t since;

	if (!s->abs_path || now == RAMETI_TIME_NONE)
		return;
	since = now - (int64_t)r->state[INDEXED_AT];
	if ((r->state[INDEXED_AT] && since >= 0 && since < DEBOUNCE_MS &&
	     !changes_fields(r->tree, first)) ||
	    !has_index(s->source.file.env, s->abs_path))
		return;
	if (put(s, now, &err) < 0 &&
	    rameti_finding_add(&r->findings, RAMET_WARNING, "tool-index", 0, 0, none,
			       "ggcode's list of sessions was not brought up to date: %.150s",
			       err.text) < 0)
		r->findings.n_dropped++;
	r->state[INDEXED_AT] = (uint64_t)now;
}

static int may_go(const char *path, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_bytes id = rameti_gg_id_of(path);
	int64_t holder = 0;
	int r;

	if (!ramet_ggcode_id_valid(id))          /* nobody can lock it */
		return 0;
	rameti_path_dir(path, &dir);
	r = rameti_gg_done(&dir, err);
	if (!r)
		r = ramet_ggcode_lock_ask(dir.ptr, id, &holder, err);
	ramet_buf_release(&dir);
	return r == 1 ? rameti_gg_fail_held(path, holder, err) : r;
}

static int removed(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	int r;

	rameti_path_dir(path, &dir);
	r = rameti_gg_done(&dir, err);
	if (!r)
		r = rameti_gg_index_drop(env, dir.ptr, rameti_gg_id_of(path), err);
	ramet_buf_release(&dir);
	return r;
}

const struct rameti_layout rameti_layout_ggcode = {
	.format = "ggcode",
	.lock_suffix = ".flock",
	.after = after,
	.has_list = has_index,
	.may_go = may_go,
	.removed = removed,
	.root = ramet_ggcode_dir,
	.is_name = is_name,
	.new_id = new_id,
	.new_path = new_path,
	.id_valid = ramet_ggcode_id_valid,
};

/*
 * store/session.c - one session: its bytes, reader and tree; opening, taking over, letting go.
 * Writes nothing.
 */
#include "store/session_priv.h"

#include <limits.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "store/home.h"
#include "store/layout_pi.h"
#include "store/index.h"
#include "store/load.h"

#define NO_ROW_BEFORE 0x7fffffffu
#define PATH_LEN_MAX ((size_t)1 << 20)
#define HEAD_LEN (64u << 10)                     /* of a file, to tell its format */

/* ---- opening ---- */

static void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t kind;

	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &kind);
	pthread_mutexattr_destroy(&kind);
}

static char *detached(struct ramet_buf *b)
{
	char *text = ramet_buf_status(b) < 0 ? NULL : ramet_buf_detach(b, NULL);

	ramet_buf_release(b);
	return text;
}

/* A relative path from the root on; without a working directory it stays as it is. */
static int keep_place(struct ramet_session *s, const char *path, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(s->source.file.env);
	struct ramet_buf b = RAMET_BUF_INIT(PATH_LEN_MAX);
	char here[PATH_MAX];

	if (path[0] == '/' || !env->getcwd(env->user, here, sizeof(here)) || here[0] != '/')
		return 0;
	ramet_buf_addf(&b, "%s/%s", here, path);
	s->place = detached(&b);
	return s->place ? 0 : rameti_fail_nomem(err);
}

void rameti_session_shorten(const struct ramet_session *s, struct ramet_error *err)
{
	size_t len = s->place ? strlen(s->place) - strlen(s->path) : 0;

	if (err && len && !strncmp(err->path, s->place, len))
		memmove(err->path, err->path + len, strlen(err->path + len) + 1);
}

/* Where the file is, whatever directory the process goes to later. */
static int keep_paths(struct ramet_session *s, const char *path, const char *dir,
		      struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	ramet_buf_add_str(&b, path);
	s->path = detached(&b);
	if (!s->path)
		return rameti_fail_nomem(err);
	r = keep_place(s, path, err);
	if (r < 0)
		return r;
	if (rameti_pi_path(ramet_bytes_of(path), NULL, &b, NULL) < 0) {
		ramet_buf_reset(&b);
		ramet_buf_add_str(&b, path);         /* no working directory: as it is */
	}
	s->abs_path = detached(&b);
	r = dir ? rameti_pi_path(ramet_bytes_of(dir), NULL, &b, err) : 0;
	if (!dir && s->abs_path)
		rameti_path_dir(s->abs_path, &b);
	s->dir = detached(&b);
	if (r < 0)
		return r;
	return s->abs_path && s->dir ? 0 : rameti_fail_nomem(err);
}

int rameti_session_new(struct ramet_session **out, const char *path,
		       const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct ramet_session *s = ramet_calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return rameti_fail_nomem(err);
	lock_init(&s->lock);
	lock_init(&s->reading);
	s->codec = &rameti_codec_pi;
	s->layout = &rameti_layout_pi;
	s->source.file.fd = -1;
	s->log.lock.fd = -1;
	s->last_row = NO_ROW_BEFORE;
	s->leaf = RAMET_NONE;
	ramet_buf_init(&s->line, SIZE_MAX / 2);
	ramet_buf_init(&s->text, SIZE_MAX / 2);
	ramet_buf_init(&s->lines, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&s->members, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&s->entry, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&s->cwd, PATH_LEN_MAX);
	rameti_batch_init(&s->batch);
	if (opts)
		s->opts = *opts;
	if (path)
		r = keep_paths(s, path, opts ? opts->dir : NULL, err);
	if (!r && opts && opts->cwd)
		r = rameti_pi_path(ramet_bytes_of(opts->cwd), NULL, &s->cwd, err);
	s->opts.dir = s->opts.cwd = NULL;
	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	*out = s;
	return 0;
}

int rameti_session_choose(struct ramet_session *s, struct ramet_bytes head,
			  struct ramet_error *err)
{
	const char *format = s->opts.format;
	const struct rameti_codec *codec = format ? rameti_codec_find(format) :
						    rameti_codec_sniffed(head);

	if (!codec && format)
		return rameti_fail(err, RAMET_EINVAL, "no such format: %.40s", format);
	if (!format && s->path && (!codec || codec == &rameti_codec_pi) &&
	    rameti_home_foreign(head, s->path, err) < 0)
		return RAMET_EFORMAT;
	if (!format && s->path && (!codec || codec == &rameti_codec_pi) &&
	    rameti_layout_pirust.owns_name(rameti_path_base(s->path)))
		codec = &rameti_codec_pirust;
	s->codec = codec ? codec : &rameti_codec_pi; /* which says what is wrong with it */
	s->layout = rameti_layout_of(s->codec->name);
	if (format)
		s->opts.format = s->codec->name;     /* the text that was given may go */
	return 0;
}

static int choose_by_head(struct ramet_session *s, uint64_t size, struct ramet_error *err)
{
	size_t len = size < HEAD_LEN ? (size_t)size : HEAD_LEN;
	struct ramet_bytes head;
	int64_t n;

	if (ramet_buf_reserve(&s->line, len) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(&s->source.file, s->line.ptr, len, 0, err);
	head.ptr = s->line.ptr;
	head.len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? (int)n : rameti_session_choose(s, head, err);
}

/* The name of the file without directory and extension. */
static struct ramet_bytes stem_of(const struct ramet_session *s)
{
	struct ramet_bytes name = ramet_bytes_of(s->path ? rameti_path_base(s->path) : "");
	const char *dot = name.len ? memrchr(name.ptr, '.', name.len) : NULL;

	if (dot && dot != name.ptr)
		name.len = (size_t)(dot - name.ptr);
	return name;
}

static int start_reader(struct ramet_session *s, struct ramet_error *err)
{
	uint64_t seed;
	int r = rameti_random(s->source.file.env, &seed, sizeof(seed), err);

	if (!r)
		r = rameti_reader_init(&s->reader, s->codec, seed, rameti_session_entry, s, err);
	return !r && s->codec->begin ? s->codec->begin(&s->reader, stem_of(s), err) : r;
}

void rameti_session_note_rows(struct ramet_session *s)
{
	const struct ramet_tree *t = s->reader.tree;
	uint32_t i;

	s->leaf = rameti_reader_leaf(&s->reader);
	for (i = 0; i < ramet_tree_count(t) && !s->has_talk; i++)
		s->has_talk = rameti_is_talk(ramet_tree_row(t, i));
}

size_t rameti_session_max_line(const struct ramet_session *s)
{
	return s->opts.max_line && s->opts.max_line < RAMET_JSON_LEN_MAX ?
		       (size_t)s->opts.max_line :
		       RAMET_JSON_LEN_MAX;
}

int rameti_session_load(struct ramet_session *s, struct ramet_error *err)
{
	struct rameti_source memory = RAMETI_SOURCE_INIT;
	size_t max_line = rameti_session_max_line(s);
	int r = start_reader(s, err);

	if (!r && s->source.file.fd < 0) {
		memory.memory = ramet_buf_bytes(&s->text);
		memory.size = s->text.len;
		r = rameti_load(&s->reader, &memory, max_line, s->opts.threads, err);
	} else if (!r) {
		r = rameti_source_size(&s->source, &s->source.size, err);
		if (!r)
			r = rameti_load(&s->reader, &s->source, max_line, s->opts.threads, err);
	}
	if (!r)
		rameti_session_note_rows(s);
	return r;
}

/* What stands behind the part that the index covers. */
static int load_tail(struct ramet_session *s, uint64_t size)
{
	int r = 0;

	if (size > s->source.size)
		r = rameti_load_more(&s->reader, &s->source, size, rameti_session_max_line(s),
				     NULL);
	if (!r)
		rameti_session_note_rows(s);
	return r;
}

static int load_file(struct ramet_session *s, struct ramet_error *err)
{
	struct stat st;
	int r = rameti_file_stat(&s->source.file, &st, err);

	if (r < 0)
		return r;
	/* to see later whether the name still means this file */
	s->log.dev = st.st_dev;
	s->log.ino = st.st_ino;
	s->log.mtime = st.st_mtim;
	s->log.ctime = st.st_ctim;
	r = choose_by_head(s, (uint64_t)st.st_size, err);
	if (r < 0)
		return r;
	if (s->opts.create && !st.st_size && !s->codec->pieces) {
		s->into_empty = 1;
		return rameti_session_begin(s, NULL, NULL, err);
	}
	r = s->opts.no_cache ? 0 : rameti_index_load(s, &st);
	if (r == 1 && load_tail(s, (uint64_t)st.st_size) < 0) {
		rameti_reader_release(&s->reader);
		s->indexed = s->source.size = 0;
		r = 0;
	}
	r = r == 1 ? 0 : rameti_session_load(s, err);
	if (!r)
		r = rameti_log_note_tail(s, err);
	s->stored = !r;
	if (!r && !s->opts.no_cache)
		rameti_index_save(s); /* now: appending makes it cover a part of the file */
	return r;
}

int ramet_session_open(struct ramet_session **out, const char *path,
		       const struct ramet_open_opts *opts, struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	struct rameti_home_path where;
	int r = rameti_session_new(&s, path, opts, err);

	if (r < 0)
		return r;
	r = rameti_home_path(path, &where);
	if (r == 1)
		r = rameti_session_open_home(s, &where, err);
	else
		r = rameti_file_open(&s->source.file, path, RAMETI_FILE_READ, err);
	if (!r && !s->home)
		r = load_file(s, err);
	else if (r == RAMET_ENOTFOUND && s->opts.create && !s->home &&
		 !rameti_home_path(path, &where))
		r = rameti_session_begin(s, NULL, NULL, err);
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
	int r = rameti_session_new(&s, NULL, opts, err);

	if (r < 0)
		return r;
	ramet_buf_add(&s->text, text);
	r = ramet_buf_status(&s->text) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r)
		r = rameti_session_choose(s, text, err);
	if (!r)
		r = rameti_session_load(s, err);
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
	if (s->stored && s->reader.tree && !s->opts.no_cache)
		rameti_index_save(s);
	/* what was acknowledged is as durable as its level promises: nothing to lose */
	(void)rameti_file_close(&s->source.file);
	(void)rameti_file_close(&s->log.lock);
	if (s->home)
		s->home->close(s->home_state);
	ramet_free(s->home_file);
	rameti_encoder_release(&s->encoder);
	ramet_buf_release(&s->entry);
	rameti_reader_release(&s->reader);
	rameti_batch_release(&s->batch);
	rameti_scanner_free(s->scanner);
	ramet_json_doc_release(&s->doc);
	ramet_buf_release(&s->line);
	ramet_buf_release(&s->text);
	ramet_buf_release(&s->lines);
	ramet_buf_release(&s->members);
	ramet_buf_release(&s->cwd);
	ramet_free(s->window);
	ramet_free(s->path);
	ramet_free(s->place);
	ramet_free(s->abs_path);
	ramet_free(s->dir);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->reading);
	ramet_free(s);
}

/* ---- taking over ---- */

/* The row in another reader's tree that is our leaf. */
static int find_leaf(const struct ramet_session *s, const struct rameti_reader *r, uint32_t *leaf,
		     struct ramet_error *err)
{
	struct ramet_bytes id;

	*leaf = RAMET_NONE;
	if (s->leaf == RAMET_NONE)
		return 0;
	if (ramet_tree_row(s->reader.tree, s->leaf)->flags & RAMET_ROW_NO_ID) {
		*leaf = ramet_tree_leaf(r->tree);
		return 0;
	}
	id = ramet_tree_id(s->reader.tree, s->leaf);
	*leaf = ramet_tree_find(r->tree, id);
	if (*leaf != RAMET_NONE)
		return 0;
	return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
			      "another program replaced the file, and entry %.*s is not in it",
			      (int)(id.len < 80 ? id.len : 80), id.ptr);
}

int rameti_session_adopt(struct ramet_session *s, struct ramet_session *fresh,
			 struct ramet_error *err)
{
	struct rameti_source source = s->source;
	struct rameti_reader reader = s->reader;
	uint32_t leaf;
	int r, follows = rameti_session_follows(s);

	if (!ramet_bytes_eq(reader.header.id, fresh->reader.header.id))
		return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
				      "another program put another session in its place");
	r = find_leaf(s, &fresh->reader, &leaf, err);
	if (r < 0)
		return r;
	s->source = fresh->source;
	s->reader = fresh->reader;
	s->codec = fresh->codec;
	s->layout = fresh->layout;
	s->indexed = fresh->indexed;
	fresh->stored = 0;                           /* what it is left with is not indexed */
	/* reading says nothing about what is on the disk */
	fresh->log.unsynced |= s->log.unsynced;
	fresh->log.doubtful |= s->log.doubtful;
	(void)rameti_file_close(&fresh->log.lock);
	fresh->log.lock = s->log.lock;
	s->log = fresh->log;
	fresh->log.lock.fd = -1;
	s->encoder_end = 0;
	fresh->source = source;
	fresh->reader = reader;
	rameti_tree_set_user(s->reader.tree, s);
	s->leaf = follows ? ramet_tree_leaf(s->reader.tree) : leaf;
	s->has_talk = fresh->has_talk;
	s->stale = 0;
	s->window_len = 0;
	s->last_row = NO_ROW_BEFORE;
	return 0;
}

/* ---- getters ---- */

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
	return s->home ? s->home->format : s->reader.codec->name;
}

const struct ramet_findings *ramet_session_findings(const struct ramet_session *s)
{
	return &s->reader.findings;
}

struct ramet_bytes ramet_session_cwd(const struct ramet_session *s, struct ramet_bytes fallback)
{
	if (s->cwd.len)
		return ramet_buf_bytes(&s->cwd);
	return s->reader.header.cwd.len ? s->reader.header.cwd : fallback;
}

const char *ramet_session_dir(const struct ramet_session *s)
{
	return s->dir;
}

int ramet_session_stored(const struct ramet_session *s)
{
	return s->stored;
}

uint32_t ramet_session_leaf(const struct ramet_session *s)
{
	return s->leaf;
}

void ramet_session_lock(struct ramet_session *s)
{
	pthread_mutex_lock(&s->lock);
}

void ramet_session_unlock(struct ramet_session *s)
{
	pthread_mutex_unlock(&s->lock);
}

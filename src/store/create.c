/*
 * store/create.c - new sessions: in memory first, then a file that appears whole.
 *
 * The file gets a name that nobody has; what is there already is never touched. Directories
 * are made when the file is, not before.
 */
#include "store/session_priv.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"
#include "store/layout_pi.h"
#include "store/target.h"

#define PATH_LEN_MAX ((size_t)1 << 20)

static int make_session_id(const char *given, char made[37], struct ramet_bytes *id,
			   struct ramet_error *err)
{
	static struct rameti_uuid7 generator;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int r;

	if (given) {
		*id = ramet_bytes_of(given);
		if (ramet_session_id_valid(*id))
			return 0;
		return rameti_fail(err, RAMET_EINVAL,
				   "\"%.60s\" cannot be the id of a session: letters and digits, "
				   "with - _ . between them", given);
	}
	pthread_mutex_lock(&lock);
	r = rameti_uuid7(&generator, NULL, made, err);
	pthread_mutex_unlock(&lock);
	*id = ramet_bytes_of(made);
	return r;
}

/* The absolute form of a path for a header; ptr NULL for none. */
static int absolute(const char *path, struct ramet_buf *b, struct ramet_bytes *out,
		    struct ramet_error *err)
{
	int r;

	out->ptr = NULL;
	out->len = 0;
	if (!path)
		return 0;
	r = rameti_pi_path(ramet_bytes_of(path), NULL, b, err);
	*out = ramet_buf_bytes(b);
	return r;
}

/* The header line at the end of text. */
static int add_header(struct ramet_session *s, const char *cwd, int64_t now_ms,
		      const struct ramet_create_opts *opts, struct ramet_error *err)
{
	struct rameti_draft_header h = { .time_ms = now_ms };
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX), parent = RAMET_BUF_INIT(PATH_LEN_MAX);
	char made[37];
	int r = make_session_id(opts ? opts->id : NULL, made, &h.id, err);

	if (!r && s->cwd.len)
		h.cwd = ramet_buf_bytes(&s->cwd);
	else if (!r)
		r = absolute(cwd ? cwd : ".", &dir, &h.cwd, err);
	if (!r)
		r = absolute(opts ? opts->parent_session : NULL, &parent, &h.parent_session, err);
	if (!r) {
		rameti_codec_pi.write_header(&h, &s->text);
		ramet_buf_add_char(&s->text, '\n');
		r = ramet_buf_status(&s->text) < 0 ? rameti_fail_nomem(err) : 0;
	}
	ramet_buf_release(&dir);
	ramet_buf_release(&parent);
	return r;
}

static int usable_now(int64_t *now_ms, struct ramet_error *err)
{
	*now_ms = rameti_now_ms(NULL);
	if (*now_ms == RAMETI_TIME_NONE)
		return rameti_fail(err, RAMET_EIO, "the clock gives no usable time");
	return 0;
}

int rameti_session_begin(struct ramet_session *s, const char *cwd,
			 const struct ramet_create_opts *opts, struct ramet_error *err)
{
	struct rameti_file file = s->source.file;
	int64_t now_ms;
	int r = usable_now(&now_ms, err);

	if (!r)
		r = add_header(s, cwd, now_ms, opts, err);
	s->source.file.fd = -1;                              /* what is there is read from text */
	if (!r)
		r = rameti_session_load(s, err);
	s->source.file = file;
	return r;
}

/* ---- in a directory ---- */

static void add_file_name(struct ramet_buf *b, const struct ramet_header *h)
{
	char time[32], *p;

	rameti_time_format(h->created_ms, time);
	for (p = time; *p; p++)
		if (*p == ':' || *p == '.')
			*p = '-';
	ramet_buf_addf(b, "/%s_", time);
	ramet_buf_add(b, h->id);
	ramet_buf_add_str(b, ".jsonl");
}

/* The directory of opts, or pi's for this working directory. */
static int home_of(const char *cwd, const char *dir, struct ramet_buf *b, struct ramet_error *err)
{
	struct ramet_buf abs = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	if (dir)
		return rameti_pi_path(ramet_bytes_of(dir), NULL, b, err);
	r = rameti_pi_path(ramet_bytes_of(cwd ? cwd : "."), NULL, &abs, err);
	if (!r)
		r = ramet_pi_session_dir(ramet_buf_bytes(&abs), b, err);
	ramet_buf_release(&abs);
	return r;
}

/* A session in memory gets the path that its file will have. */
static int give_path(struct ramet_session *s, struct ramet_buf *dir, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX), copy = RAMET_BUF_INIT(PATH_LEN_MAX);

	ramet_buf_add(&path, ramet_buf_bytes(dir));
	if (path.len == 1)
		ramet_buf_truncate(&path, 0);                /* the root has its slash */
	add_file_name(&path, &s->reader.header);
	ramet_buf_add(&copy, ramet_buf_bytes(&path));
	if (ramet_buf_status(&path) < 0 || ramet_buf_status(&copy) < 0) {
		ramet_buf_release(&path);
		ramet_buf_release(&copy);
		return rameti_fail_nomem(err);
	}
	s->path = ramet_buf_detach(&path, NULL);
	s->abs_path = ramet_buf_detach(&copy, NULL);
	s->dir = ramet_buf_detach(dir, NULL);
	return 0;
}

/* The directory of opts, absolute as pi's; what is a home's stays as it is. */
static int place_of(const struct ramet_create_opts *opts, struct ramet_buf *b, const char **place,
		    struct ramet_error *err)
{
	const struct rameti_codec *codec;
	const struct rameti_home *home;
	struct rameti_home_path where;
	int r = rameti_format_find(opts->format, &codec, &home, err);

	*place = opts->dir;
	if (r < 0 || !opts->dir || home || rameti_home_path(opts->dir, &where))
		return r;
	r = rameti_pi_path(ramet_bytes_of(opts->dir), NULL, b, err);
	*place = b->ptr;
	return r;
}

/* Of another format: its file is made at once. */
static int create_other(struct ramet_session **out, const char *cwd,
			const struct ramet_create_opts *opts, struct ramet_error *err)
{
	struct rameti_target_opts where = { .format = opts->format,
					    .in_dir = 1,
					    .sync = opts->level != RAMET_LEVEL_NONE };
	struct ramet_open_opts open = { .level = opts->level, .lock_ms = opts->lock_ms };
	struct ramet_buf id = RAMET_BUF_INIT(4096), dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_buf parent = RAMET_BUF_INIT(PATH_LEN_MAX), path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_buf place = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_target t = { .file = RAMETI_NEWFILE_INIT };
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_draft_header h = { .id = none };
	int r = usable_now(&h.time_ms, err);

	if (!r && opts->id)
		ramet_buf_add_str(&id, opts->id);
	else if (!r)
		r = rameti_format_new_id(opts->format, &id, err);
	if (!r && ramet_buf_status(&id) < 0)
		r = rameti_fail_nomem(err);
	h.id = ramet_buf_bytes(&id);
	if (!r && !rameti_format_takes_id(opts->format, h.id))
		r = rameti_fail(err, RAMET_EINVAL,
				"\"%.60s\" cannot be the id of a session of the format %s",
				opts->id, opts->format);
	if (!r)
		r = absolute(cwd ? cwd : ".", &dir, &h.cwd, err);
	if (!r)
		r = absolute(opts->parent_session, &parent, &h.parent_session, err);
	if (!r)
		r = place_of(opts, &place, &where.place, err);
	if (!r)
		r = rameti_target_begin(&t, &where, &h, none, err);
	if (!r)
		r = rameti_target_end(&t, &path, err);
	if (r < 0)
		rameti_target_give_up(&t);
	if (!r)
		open.format = t.home ? NULL : t.codec->name;
	rameti_target_release(&t);
	if (!r)
		r = ramet_session_open(out, path.ptr, &open, err);
	ramet_buf_release(&id);
	ramet_buf_release(&dir);
	ramet_buf_release(&parent);
	ramet_buf_release(&place);
	ramet_buf_release(&path);
	return r;
}

int ramet_session_create(struct ramet_session **out, const char *cwd,
			 const struct ramet_create_opts *opts, struct ramet_error *err)
{
	struct ramet_open_opts open = { .level = opts ? opts->level : 0,
					.lock_ms = opts ? opts->lock_ms : 0 };
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_session *s = NULL;
	int r;

	if (opts && opts->format && strcmp(opts->format, "pi"))
		return create_other(out, cwd, opts, err);
	r = rameti_session_new(&s, NULL, &open, err);
	if (r < 0)
		return r;
	r = home_of(cwd, opts ? opts->dir : NULL, &dir, err);
	if (!r)
		r = rameti_session_begin(s, cwd, opts, err);
	if (!r)
		r = give_path(s, &dir, err);
	if (!r && opts && opts->write_now)
		r = rameti_session_store(s, err);
	ramet_buf_release(&dir);
	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	*out = s;
	return 0;
}

int ramet_session_continue(struct ramet_session **out, const char *cwd,
			   const struct ramet_create_opts *opts, struct ramet_error *err)
{
	struct ramet_store_opts where = { .cwd = cwd, .this_project = 1 };
	struct ramet_open_opts open = { .cwd = cwd ? cwd : ".",
					.level = opts ? opts->level : 0,
					.lock_ms = opts ? opts->lock_ms : 0 };
	const char *dir = opts ? opts->dir : NULL;
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_store *st = NULL;
	int r = ramet_store_open(&st, dir ? dir : "pi", &where, err);

	if (!r)
		r = ramet_store_recent(st, dir ? open.cwd : NULL, &path, err);
	ramet_store_close(st);
	if (!r)
		r = ramet_session_open(out, path.ptr, &open, err);
	else if (r == RAMET_ENOTFOUND)
		r = ramet_session_create(out, cwd, opts, err);
	ramet_buf_release(&path);
	return r;
}

/* ---- in memory ---- */

int ramet_session_create_memory(struct ramet_session **out, const char *cwd,
				struct ramet_bytes entries, const struct ramet_create_opts *opts,
				struct ramet_error *err)
{
	struct ramet_open_opts open = { .cwd = cwd };
	struct ramet_session *s = NULL;
	int64_t now_ms;
	int r = ramet_session_open_bytes(out, entries, &open, err);

	if (r != RAMET_EFORMAT)
		return r;
	r = rameti_session_new(&s, NULL, &open, err);
	if (!r)
		r = usable_now(&now_ms, err);
	if (!r)
		r = add_header(s, cwd, now_ms, opts, err);
	if (!r) {
		ramet_buf_add(&s->text, entries);
		r = ramet_buf_status(&s->text) < 0 ? rameti_fail_nomem(err) : 0;
	}
	if (!r)
		r = rameti_session_load(s, err);
	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	*out = s;
	return 0;
}

/* ---- the file appears ---- */

void rameti_session_bind(struct ramet_session *s, struct rameti_file *f, uint64_t size, int synced)
{
	struct stat st;

	s->source.file.fd = f->fd;
	f->fd = -1;
	s->source.size = size;
	ramet_buf_release(&s->text);
	s->stored = 1;
	s->into_empty = 0;
	s->log.named = synced;
	s->log.unsynced = !synced;
	s->stale |= rameti_log_note_tail(s, NULL) < 0;
	/* without its inode the file counts as replaced, and is read anew by the next append */
	if (rameti_file_stat(&s->source.file, &st, NULL) == 0) {
		s->log.dev = st.st_dev;
		s->log.ino = st.st_ino;
		s->log.appending = 1;
	}
}

/* In place of a file of zero bytes, unless somebody wrote to it meanwhile. */
static int store_over_empty(struct ramet_session *s, struct rameti_newfile *n,
			    struct ramet_error *err)
{
	enum rameti_look look = RAMETI_LOOK_SAME;
	uint64_t size = 0, carried;
	int r = rameti_log_begin(s, err);

	if (r < 0)
		return r;
	r = rameti_log_look(s, &look, &size, err);
	if (!r && (look != RAMETI_LOOK_SAME || size))
		r = rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
				   "another program wrote to the empty file");
	if (!r)
		r = rameti_newfile_commit_over(n, &s->source.file, 0, &carried, err);
	rameti_log_end(s);
	if (!r || r == RAMET_EUNKNOWN) {
		(void)rameti_file_close(&s->source.file);    /* of zero bytes */
		s->stale = carried > 0;
	}
	return r;
}

/* The name that appears: for an empty file behind a link the file, not the link. */
static int store_path(const struct ramet_session *s, struct ramet_buf *path, mode_t *mode,
		      struct ramet_error *err)
{
	struct stat st;
	int r;

	*mode = 0600;
	if (!s->into_empty) {
		ramet_buf_add_str(path, rameti_session_place(s));
		return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
	}
	r = rameti_path_follow(s->source.file.env, rameti_session_place(s), path, err);
	if (!r && rameti_file_stat(&s->source.file, &st, NULL) == 0)
		*mode = st.st_mode & 07777;
	return r;
}

int rameti_session_store(struct ramet_session *s, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX), dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	int sync = s->opts.level != RAMET_LEVEL_NONE;
	mode_t mode;
	int r = store_path(s, &path, &mode, err);

	n.file.env = s->source.file.env;
	if (!r) {
		rameti_path_dir(path.ptr, &dir);
		/* its name at any level: a later sync reaches only the names in it */
		r = ramet_buf_status(&dir) < 0 ? rameti_fail_nomem(err) :
						 rameti_dir_make(n.file.env, dir.ptr, 1, err);
	}
	if (!r)
		r = rameti_newfile_open(&n, path.ptr, mode, err);
	if (!r)
		r = rameti_newfile_write(&n, ramet_buf_bytes(&s->text), err);
	if (!r && s->into_empty)
		r = store_over_empty(s, &n, err);
	else if (!r)
		r = rameti_newfile_commit(&n, sync ? RAMETI_NEWFILE_SYNC : 0, err);
	if (n.file.fd >= 0 && (!r || r == RAMET_EUNKNOWN)) {
		rameti_session_bind(s, &n.file, s->text.len, sync && !r);
		s->log.doubtful = r == RAMET_EUNKNOWN;
	}
	rameti_session_shorten(s, r < 0 ? err : NULL);
	rameti_newfile_abort(&n);
	ramet_buf_release(&path);
	ramet_buf_release(&dir);
	return r;
}

int ramet_session_write(struct ramet_session *s, struct ramet_error *err)
{
	enum rameti_look look;
	uint64_t size;
	int r;

	ramet_session_lock(s);
	if (s->home)
		r = 0;
	else if (!s->path)
		r = rameti_fail(err, RAMET_EINVAL, "a session in memory has no file");
	else if (!s->stored)
		r = rameti_session_store(s, err);
	else
		r = rameti_log_look(s, &look, &size, err);   /* is it still there? */
	ramet_session_unlock(s);
	return r;
}

int ramet_session_sync(struct ramet_session *s, struct ramet_error *err)
{
	int r = 0;

	ramet_session_lock(s);
	if (s->home)
		r = s->home->sync ? s->home->sync(s->home_state, err) : 0;
	else if (s->stored && s->log.doubtful)
		r = rameti_session_writable(s, err);
	else if (s->stored)
		r = rameti_log_sync(s, err);
	ramet_session_unlock(s);
	return r;
}

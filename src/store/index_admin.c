/*
 * store/index_admin.c - indexes for people: is there one, does it hold, make it anew, remove it.
 *
 * Nothing here is needed for reading or writing a session. Only files with the name of an index are
 * ever removed.
 */
#include "store/index.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/index_cap.h"

#define PATH_LEN_MAX ((size_t)1 << 20)

/* A handle that has the file open and has read nothing. Closing it writes nothing. */
static int open_unread(struct ramet_session **out, const char *path, struct stat *st,
		       struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	int r = rameti_session_new(&s, path, NULL, err);

	if (r < 0)
		return r;
	r = rameti_file_open(&s->source.file, path, RAMETI_FILE_READ, err);
	if (!r)
		r = rameti_file_stat(&s->source.file, st, err);
	if (!r)
		r = rameti_layout_of_file(&s->layout, path, err);
	if (r < 0) {
		rameti_error_set_path(err, path);
		ramet_session_close(s);
		return r;
	}
	s->codec = rameti_codec_find(s->layout->format);
	*out = s;
	return 0;
}

/* No index is an answer, too. */
static int examine(struct ramet_session *s, const struct stat *st, struct ramet_index_info *info,
		   struct ramet_error *err)
{
	struct rameti_index_facts facts = { .why = NULL };
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	int r = rameti_index_examine(s, st, &facts, &why);

	if (r < 0 && r != RAMET_ENOTFOUND && r != RAMET_EFORMAT) {
		if (err)
			*err = why;
		return r;
	}
	info->present = !r;
	info->why = facts.why;
	info->size = facts.size;
	info->covered = facts.covered;
	info->session_size = (uint64_t)st->st_size;
	info->n_entries = facts.n_entries;
	return 0;
}

int ramet_index_status(const char *session, struct ramet_index_info *info, struct ramet_buf *path,
		       struct ramet_error *err)
{
	struct ramet_buf own = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct ramet_session *s = NULL;
	struct stat st;
	int r = open_unread(&s, session, &st, err);

	if (!r)
		r = rameti_index_path(&st, &own, err);
	if (!r)
		r = examine(s, &st, info, err);
	if (!r && path)
		ramet_buf_add(path, ramet_buf_bytes(&own));
	ramet_session_close(s);
	ramet_buf_release(&own);
	return r;
}

int ramet_index_rebuild(const char *session, struct ramet_error *err)
{
	const struct ramet_open_opts opts = { .no_cache = 1 };
	struct ramet_session *s = NULL;
	int due, r = ramet_session_open(&s, session, &opts, err);

	if (r < 0)
		return r;
	due = rameti_index_due(s);
	r = due ? rameti_index_write(s, err) : ramet_index_clear(session, NULL, err);
	ramet_session_close(s);
	return r < 0 ? r : due;
}

/* ---- all of them ---- */

struct visit {
	const char *dir;
	struct ramet_index_total total;
	int remove;
	struct ramet_error *err;
};

/* One file: counted, or removed and then counted. */
static int visit_file(struct visit *v, const char *path)
{
	const struct rameti_env *env = rameti_env_default();
	struct stat st;

	if (env->lstat(env->user, path, &st) < 0)
		return 0;                            /* somebody was quicker */
	if (v->remove && env->unlink(env->user, path) < 0)
		return errno == ENOENT ? 0 : rameti_fail_sys(v->err, errno, path, "cannot remove");
	v->total.n++;
	v->total.size += (uint64_t)st.st_size;
	return 0;
}

static int visit_name(void *user, const char *name, unsigned char type)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct visit *v = user;
	int r = 0;

	(void)type;
	if (!rameti_index_is_name(name))
		return 0;
	ramet_buf_addf(&path, "%s/%s", v->dir, name);
	r = ramet_buf_status(&path) < 0 ? rameti_fail_nomem(v->err) : visit_file(v, path.ptr);
	ramet_buf_release(&path);
	return r;
}

static int visit_all(struct visit *v, struct ramet_buf *dir)
{
	struct ramet_buf own = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = rameti_index_dir(&own, v->err);

	v->dir = own.ptr;
	if (!r)
		r = rameti_dir_each(NULL, own.ptr, visit_name, v, v->err);
	if (r == RAMET_ENOTFOUND && own.len)
		r = 0;                               /* no directory, no index */
	if (!r && dir)
		ramet_buf_add(dir, ramet_buf_bytes(&own));
	ramet_buf_release(&own);
	return r;
}

int ramet_index_count(struct ramet_index_total *total, struct ramet_buf *dir,
		      struct ramet_error *err)
{
	struct visit v = { .err = err };
	int r = visit_all(&v, dir);

	v.total.limit = RAMETI_INDEX_CAP;
	if (!r)
		*total = v.total;
	return r;
}

static int clear_one(struct visit *v, const char *session)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	int r = rameti_path_stat(NULL, session, &st, v->err);

	if (r < 0)
		rameti_error_set_path(v->err, session);
	if (!r)
		r = rameti_index_path(&st, &path, v->err);
	if (!r)
		r = visit_file(v, path.ptr);
	ramet_buf_release(&path);
	return r;
}

int ramet_index_clear(const char *session, struct ramet_index_total *removed,
		      struct ramet_error *err)
{
	struct visit v = { .remove = 1, .err = err };
	int r = session ? clear_one(&v, session) : visit_all(&v, NULL);

	v.total.limit = RAMETI_INDEX_CAP;
	if (!r && removed)
		*removed = v.total;
	return r;
}

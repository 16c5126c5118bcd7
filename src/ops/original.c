/*
 * ops/original.c - the file that is replaced by a new one stays beside it, under a name that no
 * tool takes for a session. Names that are taken are never written over.
 */
#include "ops/original_priv.h"

#include <errno.h>
#include <fcntl.h>

#include "base/error.h"
#include "base/newfile.h"

#define LOCK_WAIT_MS 5000
#define KEPT_TRIES 1000

int rameti_original_hold(struct rameti_original *o, const char *path, struct ramet_error *err)
{
	struct stat now;
	int r = rameti_path_follow(NULL, path, &o->path, err);

	if (!r)
		r = rameti_file_open(&o->file, o->path.ptr, RAMETI_FILE_APPEND, err);
	if (!r)
		r = rameti_file_lock(&o->file, LOCK_WAIT_MS, err);
	if (!r)
		r = rameti_file_stat(&o->file, &o->st, err);
	if (!r)
		r = rameti_path_stat(NULL, path, &now, err);
	if (!r && (now.st_ino != o->st.st_ino || now.st_dev != o->st.st_dev))
		r = rameti_fail(err, RAMET_ECONFLICT, "another program replaced the file");
	if (r < 0)
		rameti_error_set_path(err, path);
	return r;
}

static void name_kept(struct rameti_original *o, const char *suffix, unsigned attempt)
{
	ramet_buf_reset(&o->kept);
	ramet_buf_add(&o->kept, ramet_buf_bytes(&o->path));
	ramet_buf_addf(&o->kept, ".%s", suffix);
	if (attempt > 1)
		ramet_buf_addf(&o->kept, ".%u", attempt);
}

/* Where files cannot have two names: a copy. */
static int copy(const struct rameti_original *o, struct ramet_error *err)
{
	struct rameti_newfile to = RAMETI_NEWFILE_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_file_read_all(&o->file, &text, err);

	if (!r)
		r = rameti_newfile_open(&to, o->kept.ptr, o->st.st_mode & 07777, err);
	if (!r)
		r = rameti_newfile_write(&to, ramet_buf_bytes(&text), err);
	if (!r)
		r = rameti_newfile_commit(&to, RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&to);
	ramet_buf_release(&text);
	return r;
}

/* Its second name, and its bytes: nobody may have synced those. */
static int make_durable(const struct rameti_original *o, const struct rameti_env *env,
			struct ramet_error *err)
{
	int r = rameti_file_sync(&o->file, 0, err);

	return r < 0 ? r : rameti_dir_sync(env, o->kept.ptr, err);
}

/* The original under this second name: 0, 1 when it is taken. */
static int keep_as(struct rameti_original *o, const struct rameti_env *env, struct ramet_error *err)
{
	int r = 0;

	if (env->linkat(env->user, AT_FDCWD, o->path.ptr, AT_FDCWD, o->kept.ptr, 0) == 0)
		r = make_durable(o, env, err);
	else if (errno == EEXIST)
		return 1;
	else if (errno != EPERM && errno != ENOTSUP && errno != EMLINK && errno != ENOSYS)
		return rameti_fail_sys(err, errno, o->kept.ptr, "cannot keep the original");
	else
		return (r = copy(o, err)) == RAMET_ECONFLICT ? 1 : r;
	if (r < 0)
		rameti_original_unkeep(o);
	return r;
}

int rameti_original_keep(struct rameti_original *o, const char *suffix, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(o->file.env);
	unsigned attempt;
	int r;

	for (attempt = 1; attempt < KEPT_TRIES; attempt++) {
		name_kept(o, suffix, attempt);
		if (ramet_buf_status(&o->kept) < 0)
			return rameti_fail_nomem(err);
		r = keep_as(o, env, err);
		if (r <= 0)
			return r;
	}
	return rameti_fail_at(err, RAMET_ECONFLICT, o->path.ptr, 0, RAMET_NO_OFFSET,
			      "no free name to keep the original under");
}

void rameti_original_unkeep(struct rameti_original *o)
{
	const struct rameti_env *env = rameti_env_or_default(o->file.env);

	(void)env->unlink(env->user, o->kept.ptr);
}

void rameti_original_release(struct rameti_original *o)
{
	(void)rameti_file_close(&o->file);           /* what was written to it was only carried */
	ramet_buf_release(&o->path);
	ramet_buf_release(&o->kept);
}

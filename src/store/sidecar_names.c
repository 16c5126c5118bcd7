/*
 * store/sidecar_names.c - where the parts of a V2 sidecar are, and how they are opened and locked.
 *
 * The sidecar stands beside the file itself, also when the session was named by a link to it. In a
 * sidecar nothing is taken through a link and nothing but regular files and directories is touched.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"

#define LOCK_MS 5000u

const char *const rameti_sc_dirs[] = { "segments",   "index", "checkpoints",
				       "migrations", "tmp",   NULL };

static int fits(int n, const char *path, struct ramet_error *err)
{
	if (n >= 0 && n < SC_PATH)
		return 0;
	return rameti_fail_at(err, RAMET_ELIMIT, path, 0, RAMET_NO_OFFSET, "path is too long");
}

int rameti_sc_join(char out[SC_PATH], const char *dir, const char *name, struct ramet_error *err)
{
	return fits(snprintf(out, SC_PATH, "%s/%s", dir, name), dir, err);
}

int rameti_sc_segment_path(char out[SC_PATH], const char *dir, uint64_t seq,
			   struct ramet_error *err)
{
	return fits(snprintf(out, SC_PATH, "%s/segments/%016llu.seg", dir,
			     (unsigned long long)seq),
		    dir, err);
}

/* NAME.v2 for NAME.jsonl: without its last extension, "session" if nothing is left. */
static int sidecar_path(char out[SC_PATH], const char *jsonl, struct ramet_error *err)
{
	const char *base = rameti_path_base(jsonl), *dot = strrchr(base, '.');
	size_t len = dot && dot > base ? (size_t)(dot - jsonl) : strlen(jsonl);

	if (!*base)
		return fits(snprintf(out, SC_PATH, "%ssession.v2", jsonl), jsonl, err);
	return fits(snprintf(out, SC_PATH, "%.*s.v2", (int)len, jsonl), jsonl, err);
}

int rameti_sc_place_init(struct rameti_sc_place *p, const char *session, struct ramet_error *err)
{
	struct ramet_buf real = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	p->env = rameti_env_default();
	p->jsonl[0] = p->dir[0] = '\0';
	r = rameti_path_follow(p->env, session, &real, err);
	if (!r && real.len > SC_PATH - 64)           /* what stands beside it has a longer name */
		r = fits(-1, session, err);
	if (!r) {
		memcpy(p->jsonl, real.ptr, real.len + 1);
		r = sidecar_path(p->dir, p->jsonl, err);
	}
	ramet_buf_release(&real);
	return r;
}

int rameti_sc_beside(const struct rameti_sc_place *p, const char *kind, char out[SC_PATH],
		     struct ramet_error *err)
{
	uint8_t random[16];
	char hex[33];
	int r = rameti_random(p->env, random, sizeof(random), err);

	if (r < 0)
		return r;
	rameti_hex(random, sizeof(random), hex);
	return fits(snprintf(out, SC_PATH, "%s.%s.%s", p->dir, kind, hex), p->dir, err);
}

int rameti_sc_stat(const struct rameti_env *env, const char *path, struct stat *st,
		   struct ramet_error *err)
{
	if (env->lstat(env->user, path, st) == 0)
		return 0;
	return rameti_fail_sys(err, errno, path, "cannot stat");
}

int rameti_sc_exists(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct stat st;
	int r = rameti_sc_stat(env, path, &st, err);

	return r == RAMET_ENOTFOUND ? 0 : r < 0 ? r : 1;
}

int rameti_sc_open(struct rameti_file *f, const char *path, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
	struct stat st;
	int r;

	f->env = env;
	do
		f->fd = env->open(env->user, path, flags, 0);
	while (f->fd < 0 && errno == EINTR);
	if (f->fd < 0 && errno == ELOOP)
		return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				      "is a symbolic link");
	if (f->fd < 0)
		return rameti_fail_sys(err, errno, path, "cannot open");
	r = rameti_file_stat(f, &st, err);
	if (!r && !S_ISREG(st.st_mode))
		r = rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				   "is not a regular file");
	if (r < 0) {
		rameti_error_set_path(err, path);
		(void)rameti_file_close(f);                  /* read only: nothing to lose */
	}
	return r;
}

int rameti_sc_read_small(const struct rameti_env *env, const char *path, size_t max,
			 struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_file f = { env, -1 };
	struct stat st;
	int64_t got = 0;
	int r = rameti_sc_open(&f, path, err);

	if (r < 0)
		return r;
	r = rameti_file_stat(&f, &st, err);
	if (!r && (uint64_t)st.st_size > max)
		r = rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				   "is larger than %zu bytes", max);
	if (!r && ramet_buf_reserve(out, (size_t)st.st_size) < 0)
		r = rameti_fail_nomem(err);
	if (!r && st.st_size > 0)
		got = rameti_file_read_at(&f, out->ptr + out->len, (size_t)st.st_size, 0, err);
	if (!r && got < 0)
		r = (int)got;
	if (!r && got > 0) {
		out->len += (size_t)got;
		out->ptr[out->len] = '\0';
	}
	if (r < 0)
		rameti_error_set_path(err, path);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	return r;
}

static int check_dir(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct stat st;
	int r = rameti_sc_stat(env, path, &st, err);

	if (r < 0 || S_ISDIR(st.st_mode))
		return r;
	return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET, "is %s",
			      S_ISLNK(st.st_mode) ? "a symbolic link" : "not a directory");
}

int rameti_sc_check_dirs(const struct rameti_env *env, const char *dir, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = check_dir(env, dir, err), i;

	for (i = 0; !r && rameti_sc_dirs[i]; i++) {
		r = rameti_sc_join(path, dir, rameti_sc_dirs[i], err);
		if (!r)
			r = check_dir(env, path, err);
		if (r == RAMET_ENOTFOUND)
			r = 0;
	}
	return r;
}

/* Sixteen digits, then ext, then nothing. */
static uint64_t number_of(const char *name, const char *ext)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 16; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(name[i] - '0');
	}
	return strcmp(name + 16, ext) ? 0 : n;
}

uint64_t rameti_sc_segment_number(const char *name)
{
	return number_of(name, ".seg");
}

uint64_t rameti_sc_checkpoint_number(const char *name)
{
	return number_of(name, ".json");
}

int rameti_sc_put(const struct rameti_env *env, const char *path, struct ramet_bytes text,
		  int replace, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	unsigned flags = RAMETI_NEWFILE_SYNC | (replace ? RAMETI_NEWFILE_REPLACE : 0);
	int r;

	n.file.env = env;
	r = rameti_newfile_open(&n, path, 0600, err);
	if (!r)
		r = rameti_newfile_write(&n, text, err);
	if (!r)
		r = rameti_newfile_commit(&n, flags, err);
	rameti_newfile_abort(&n);
	return r;
}

/* ---- locks ---- */

static int lock_file(struct rameti_sc_lock *l, const struct rameti_env *env, const char *path,
		     uint32_t ms, struct ramet_error *err)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
	struct stat st;
	int r;

	l->file.env = env;
	do
		l->file.fd = env->open(env->user, path, flags, 0600);
	while (l->file.fd < 0 && errno == EINTR);
	if (l->file.fd < 0)
		return rameti_fail_sys(err, errno, path, "cannot open the lock file");
	r = rameti_file_stat(&l->file, &st, err);
	if (!r && !S_ISREG(st.st_mode))
		r = rameti_fail(err, RAMET_EFORMAT, "lock is not a regular file");
	if (!r)
		r = rameti_file_lock(&l->file, ms ? ms : LOCK_MS, err);
	if (r < 0) {
		rameti_error_set_path(err, path);
		(void)rameti_file_close(&l->file);           /* nothing was written */
	}
	return r;
}

int rameti_sc_lock_session(struct rameti_sc_lock *l, const struct rameti_sc_place *p, uint32_t ms,
			   struct ramet_error *err)
{
	char path[SC_PATH];
	int r = fits(snprintf(path, sizeof(path), "%s.lock", p->jsonl), p->jsonl, err);

	return r < 0 ? r : lock_file(l, p->env, path, ms, err);
}

int rameti_sc_lock_store(struct rameti_sc_lock *l, const struct rameti_env *env, const char *dir,
			 uint32_t ms, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, "store.mutation.lock", err);

	return r < 0 ? r : lock_file(l, env, path, ms, err);
}

void rameti_sc_unlock(struct rameti_sc_lock *l)
{
	if (l->file.fd < 0)
		return;
	rameti_file_unlock(&l->file);
	(void)rameti_file_close(&l->file);                   /* nothing was written */
}

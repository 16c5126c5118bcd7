/*
 * ops/migrate.c - a session file rewritten in the current version, in one step.
 *
 * The new file is written beside the old one and takes its name when it is complete; the old
 * one keeps its bytes under another name. Nobody ever sees half of it. Lines that are no
 * entry stay in the old file only; what another program appends meanwhile is carried over as
 * it is.
 */
#include "ops/report_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"
#include "store/birth.h"

#define CURRENT 3
#define LOCK_WAIT_MS 5000
#define KEPT_TRIES 1000

struct migrating {
	struct ramet_session *s;
	struct rameti_file old;                  /* locked */
	struct stat st;
	struct ramet_buf path, kept;             /* behind links; the original's new name */
	struct rameti_newfile file;
};

/* Lines that are in the file, and in no entry. */
static uint64_t dropped_lines(const struct ramet_session *s)
{
	static const char *const codes[] = { "malformed", "torn-tail", "glued", "nul-run",
					     "second-header" };
	const struct ramet_findings *f = ramet_session_findings(s);
	uint64_t n = f->n_dropped;
	uint32_t i;
	size_t k;

	for (i = 0; i < f->n; i++)
		for (k = 0; k < sizeof(codes) / sizeof(codes[0]); k++)
			n += !strcmp(f->items[i].code, codes[k]);
	return n;
}

/* The old file, locked, and still the one that was read. */
static int hold_old(struct migrating *m, const char *path, struct ramet_error *err)
{
	struct stat now;
	int r = rameti_path_follow(NULL, path, &m->path, err);

	if (!r)
		r = rameti_file_open(&m->old, m->path.ptr, RAMETI_FILE_APPEND, err);
	if (!r)
		r = rameti_file_lock(&m->old, LOCK_WAIT_MS, err);
	if (!r)
		r = rameti_file_stat(&m->old, &m->st, err);
	if (!r)
		r = rameti_path_stat(NULL, path, &now, err);
	if (!r)
		r = ramet_session_refresh(m->s, err);
	if (r >= 0 && (now.st_ino != m->st.st_ino || now.st_dev != m->st.st_dev))
		r = rameti_fail(err, RAMET_ECONFLICT, "another program replaced the file");
	if (r < 0)
		rameti_error_set_path(err, path);
	return r < 0 ? r : 0;
}

static int write_current(struct migrating *m, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(m->s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json = rameti_json_trimmed(ramet_session_header(m->s)->json);
	uint32_t row, n = ramet_tree_count(t);
	int r = rameti_newfile_open(&m->file, m->path.ptr, m->st.st_mode & 07777, err);

	for (row = 0; !r; row++) {
		r = rameti_newfile_write(&m->file, json, err);
		if (!r)
			r = rameti_newfile_write(&m->file, ramet_bytes_of("\n"), err);
		if (r < 0 || row == n)
			break;
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		json = r < 0 ? json : rameti_json_trimmed(json);
	}
	ramet_buf_release(&scratch);
	return r;
}

/* PATH.v1, or PATH.v1.2 and so on: the name that is not taken yet. */
static void name_kept(struct migrating *m, double version, unsigned attempt)
{
	ramet_buf_reset(&m->kept);
	ramet_buf_add(&m->kept, ramet_buf_bytes(&m->path));
	ramet_buf_addf(&m->kept, ".v%.4g", version);
	if (attempt > 1)
		ramet_buf_addf(&m->kept, ".%u", attempt);
}

/* Where files cannot have two names: a copy. */
static int copy_old(struct migrating *m, struct ramet_error *err)
{
	struct rameti_newfile copy = RAMETI_NEWFILE_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_file_read_all(&m->old, &text, err);

	if (!r)
		r = rameti_newfile_open(&copy, m->kept.ptr, m->st.st_mode & 07777, err);
	if (!r)
		r = rameti_newfile_write(&copy, ramet_buf_bytes(&text), err);
	if (!r)
		r = rameti_newfile_commit(&copy, RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&copy);
	ramet_buf_release(&text);
	return r;
}

/* The original under this second name: 0, 1 when it is taken. */
static int keep_as(struct migrating *m, const struct rameti_env *env, struct ramet_error *err)
{
	int r = 0;

	if (env->linkat(env->user, AT_FDCWD, m->path.ptr, AT_FDCWD, m->kept.ptr, 0) == 0)
		r = rameti_dir_sync(env, m->kept.ptr, err);
	else if (errno == EEXIST)
		return 1;
	else if (errno == EPERM || errno == ENOTSUP || errno == EMLINK || errno == ENOSYS)
		return copy_old(m, err);
	else
		return rameti_fail_sys(err, errno, m->kept.ptr, "cannot keep the original");
	if (r < 0)
		(void)env->unlink(env->user, m->kept.ptr);   /* the original still has its name */
	return r;
}

static int keep_old(struct migrating *m, double version, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	unsigned attempt;
	int r;

	for (attempt = 1; attempt < KEPT_TRIES; attempt++) {
		name_kept(m, version, attempt);
		if (ramet_buf_status(&m->kept) < 0)
			return rameti_fail_nomem(err);
		r = keep_as(m, env, err);
		if (r <= 0)
			return r;
	}
	return rameti_fail_at(err, RAMET_ECONFLICT, m->path.ptr, 0, RAMET_NO_OFFSET,
			      "no free name to keep the original under");
}

static int migrate(struct migrating *m, const char *path, struct ramet_migration *done,
		   struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int r = hold_old(m, path, err);

	if (!r)
		r = write_current(m, err);
	if (!r)
		r = keep_old(m, done->from, err);
	if (r < 0)
		return r;
	done->n_entries = ramet_tree_count(ramet_session_tree(m->s));
	r = rameti_newfile_commit_over(&m->file, &m->old, rameti_session_size(m->s),
				       &done->n_carried, err);
	if (r < 0 && r != RAMET_EUNKNOWN)
		(void)env->unlink(env->user, m->kept.ptr);   /* the original still has its name */
	else if (m->kept.len < sizeof(done->kept))
		memcpy(done->kept, m->kept.ptr, m->kept.len + 1);
	return r;
}

int ramet_migrate(const char *path, int dry_run, struct ramet_migration *done,
		  struct ramet_error *err)
{
	struct migrating m = { .old = RAMETI_FILE_INIT, .file = RAMETI_NEWFILE_INIT };
	struct ramet_migration result = { .to = CURRENT };
	int r = ramet_session_open(&m.s, path, NULL, err);

	if (r < 0)
		return r;
	ramet_buf_init(&m.path, SIZE_MAX / 2);
	ramet_buf_init(&m.kept, SIZE_MAX / 2);
	result.from = ramet_session_header(m.s)->version;
	result.n_entries = ramet_tree_count(ramet_session_tree(m.s));
	if (result.from >= CURRENT) {
		result.to = result.from;
	} else {
		result.n_dropped = dropped_lines(m.s);
		if (!dry_run)
			r = migrate(&m, path, &result, err);
	}
	rameti_newfile_abort(&m.file);
	(void)rameti_file_close(&m.old);             /* what was written to it was only carried */
	ramet_session_close(m.s);
	ramet_buf_release(&m.path);
	ramet_buf_release(&m.kept);
	if (!r)
		*done = result;
	return r;
}

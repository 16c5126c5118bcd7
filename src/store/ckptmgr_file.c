/*
 * store/ckptmgr_file.c - reading and replacing the snapshot manager's state file.
 *
 * A change is made to the file as it is under flock(2), and its text takes the file's place in one
 * step; whoever waited for the lock finds that the name means another file, and starts over. The
 * original takes no lock and writes in place: when the file changed since it was read the change
 * is made again, and a text that does not parse is looked at once more after a pause. What does not
 * parse then is never written over.
 */
#include "store/ckptmgr_file.h"

#include <errno.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"

#define TEXT_MAX RAMET_JSON_LEN_MAX
#define LOCK_WAIT_MS 5000u
#define PATH_LEN_MAX ((size_t)1 << 20)
#define TRIES_MAX 64
#define PAUSE_NS 20000000L
#define AGAIN 1

int rameti_ckptfile_init(struct rameti_ckptfile *f, const char *path, uint32_t lock_ms,
			 struct ramet_error *err)
{
	struct ramet_buf copy = RAMET_BUF_INIT(PATH_LEN_MAX);

	memset(f, 0, sizeof(*f));
	f->env = rameti_env_default();
	f->lock_ms = lock_ms ? lock_ms : LOCK_WAIT_MS;
	ramet_buf_init(&f->text, TEXT_MAX);
	if (!path || !path[strspn(path, " \t\r\n")])
		return 0;
	ramet_buf_add_str(&copy, path);
	f->path = ramet_buf_detach(&copy, NULL);
	ramet_buf_release(&copy);
	return f->path ? 0 : rameti_fail_nomem(err);
}

void rameti_ckptfile_release(struct rameti_ckptfile *f)
{
	ramet_free(f->path);
	f->path = NULL;
	ramet_buf_release(&f->text);
}

int64_t rameti_ckptfile_now_ns(const struct rameti_ckptfile *f)
{
	struct timespec ts = { 0, 0 };

	if (f->env->clock_gettime(f->env->user, CLOCK_REALTIME, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- reading ---- */

static void take_pause(const struct rameti_ckptfile *f)
{
	const struct timespec pause = { 0, PAUSE_NS };

	(void)f->env->nanosleep(f->env->user, &pause);
}

static int fail_here(const struct rameti_ckptfile *f, int r, struct ramet_error *err)
{
	rameti_error_set_path(r < 0 ? err : NULL, f->path);
	return r;
}

/* All of an open file, parsed; once more when somebody may just be writing it. */
static int read_state(struct rameti_ckptfile *f, const struct rameti_file *file,
		      struct rameti_ckpt *state, struct ramet_error *err)
{
	int tries, r;

	for (tries = 0;; tries++) {
		ramet_buf_reset(&f->text);
		r = rameti_file_read_all(file, &f->text, err);
		if (!r)
			r = rameti_ckpt_parse(state, ramet_buf_bytes(&f->text), err);
		if (r != RAMET_EFORMAT || tries)
			return r;
		take_pause(f);
	}
}

int rameti_ckptfile_read(struct rameti_ckptfile *f, struct rameti_ckpt *state, int *there,
			 struct ramet_error *err)
{
	struct rameti_file file = { f->env, -1 };
	int r;

	if (there)
		*there = 0;
	if (!f->path)
		return rameti_ckpt_parse(state, ramet_buf_bytes(&f->text), err);
	r = rameti_file_open(&file, f->path, RAMETI_FILE_READ, err);
	if (r == RAMET_ENOTFOUND) {
		ramet_buf_reset(&f->text);
		return rameti_ckpt_parse(state, ramet_buf_bytes(&f->text), err);
	}
	if (!r && there)
		*there = 1;
	if (!r)
		r = read_state(f, &file, state, err);
	(void)rameti_file_close(&file);                      /* read only: nothing to lose */
	return fail_here(f, r, err);
}

/* ---- changing ---- */

struct change {
	struct rameti_ckptfile *f;
	rameti_ckptfile_fn *fn;
	void *user;
	struct ramet_buf real, out;              /* real: the file itself, no link to it */
	struct rameti_file file;
	struct rameti_ckpt state;
	struct stat st;
};

/* What the change makes of the state; 1: nothing. */
static int make_text(struct change *c, struct ramet_error *err)
{
	int r;

	ramet_buf_reset(&c->out);
	r = c->fn(c->user, &c->state, &c->out, err);
	if (ramet_buf_status(&c->out) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "a state of more than %u bytes",
				   (unsigned)TEXT_MAX);
	return r;
}

static int make_directory(const struct change *c, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	rameti_path_dir(c->real.ptr, &dir);
	r = ramet_buf_status(&dir) < 0 ? rameti_fail_nomem(err) :
					 rameti_dir_make(c->f->env, dir.ptr, !c->f->no_sync, err);
	ramet_buf_release(&dir);
	return r;
}

static int put(struct change *c, mode_t mode, unsigned flags, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int r;

	/* what takes the place of durable sessions must be durable itself */
	if (!c->f->no_sync || (flags & RAMETI_NEWFILE_REPLACE))
		flags |= RAMETI_NEWFILE_SYNC;
	n.file.env = c->f->env;
	r = rameti_newfile_open(&n, c->real.ptr, mode, err);
	if (!r)
		r = rameti_newfile_write(&n, ramet_buf_bytes(&c->out), err);
	if (!r)
		r = rameti_newfile_commit(&n, flags, err);
	rameti_newfile_abort(&n);
	return r;
}

/* There is no file yet. Whoever else makes it first is met when it is done again. */
static int change_nothing(struct change *c, struct ramet_error *err)
{
	int r;

	ramet_buf_reset(&c->f->text);
	r = rameti_ckpt_parse(&c->state, ramet_buf_bytes(&c->f->text), err);
	if (!r)
		r = make_text(c, err);
	if (r)
		return r < 0 ? r : 0;
	r = make_directory(c, err);
	if (!r)
		r = put(c, 0600, 0, err);
	return r == RAMET_ECONFLICT ? AGAIN : r;
}

static int is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Locked, and still the file of that name; c->st says how it is. AGAIN when it is another. */
static int lock_current(struct change *c, struct ramet_error *err)
{
	struct stat named;
	int r = rameti_file_lock(&c->file, c->f->lock_ms, err);

	if (!r)
		r = rameti_file_stat(&c->file, &c->st, err);
	if (!r)
		r = rameti_path_stat(c->f->env, c->real.ptr, &named, err);
	if (r == RAMET_ENOTFOUND)
		return AGAIN;
	return r < 0 || (named.st_dev == c->st.st_dev && named.st_ino == c->st.st_ino) ? r : AGAIN;
}

static int change_file(struct change *c, struct ramet_error *err)
{
	struct stat now;
	int r = lock_current(c, err);

	if (!r)
		r = read_state(c->f, &c->file, &c->state, err);
	if (r)
		return r;
	r = make_text(c, err);
	if (r)
		return r < 0 ? r : 0;
	r = rameti_path_stat(c->f->env, c->real.ptr, &now, err);
	if (r < 0)
		return r == RAMET_ENOTFOUND ? AGAIN : r;
	if (!is_same(&c->st, &now))
		return AGAIN;
	return put(c, c->st.st_mode & 0777, RAMETI_NEWFILE_REPLACE, err);
}

static int change_once(struct change *c, struct ramet_error *err)
{
	int r;

	ramet_buf_reset(&c->real);
	r = rameti_path_follow(c->f->env, c->f->path, &c->real, err);
	if (r < 0)
		return r;
	c->file.env = c->f->env;
	r = rameti_file_open(&c->file, c->real.ptr, RAMETI_FILE_READ, err);
	if (r == RAMET_ENOTFOUND)
		return change_nothing(c, err);
	if (!r)
		r = change_file(c, err);
	(void)rameti_file_close(&c->file);                   /* read only; the lock goes too */
	return r;
}

static int change_memory(struct change *c, struct ramet_error *err)
{
	int r = rameti_ckpt_parse(&c->state, ramet_buf_bytes(&c->f->text), err);

	if (!r)
		r = make_text(c, err);
	return r;
}

int rameti_ckptfile_change(struct rameti_ckptfile *f, rameti_ckptfile_fn *fn, void *user,
			   struct ramet_error *err)
{
	struct change c = { .f = f, .fn = fn, .user = user, .file = RAMETI_FILE_INIT,
			    .state = RAMETI_CKPT_INIT };
	struct ramet_buf swap;
	int tries, r = AGAIN;

	ramet_buf_init(&c.real, PATH_LEN_MAX);
	ramet_buf_init(&c.out, TEXT_MAX);
	if (!f->path)
		r = change_memory(&c, err);
	else
		for (tries = 0; r == AGAIN && tries < TRIES_MAX; tries++)
			r = change_once(&c, err);
	if (f->path && r == AGAIN)
		r = rameti_fail(err, RAMET_ECONFLICT, "other programs keep changing the file");
	if ((!r || r == RAMET_EUNKNOWN) && c.out.len) {
		swap = f->text;
		f->text = c.out;
		c.out = swap;
	}
	rameti_ckpt_release(&c.state);
	ramet_buf_release(&c.real);
	ramet_buf_release(&c.out);
	return fail_here(f, r == AGAIN ? 0 : r, err);
}

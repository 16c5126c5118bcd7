/*
 * ops/trash.c - taking a session file away: into the desktop's trash, or for good.
 *
 * The trash is that of freedesktop.org's specification 1.0: the one in the home directory for files
 * on the same file system, else one at the top of the file's own. First a .trashinfo of a name
 * nobody has is written, then the file is renamed; when that fails the .trashinfo goes again. So
 * the file is always whole, at its old place or at its new one.
 *
 * Refuses everything that is not a regular file with a session in it, and links to one. Copies
 * nothing from one file system to another, overwrites nothing in the trash, follows no link at the
 * top of a file system, and touches nothing beside the session but what is its own
 * (store/layout.h): that follows it into the trash, each as an item of its own, and when that fails
 * stays where a restored session finds it; for good it goes first, so that it can be tried again.
 * Refuses what its own program has open.
 */
#include "ramet/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"
#include "ops/forget_priv.h"
#include "ops/real_path_priv.h"

#define PATH_LIMIT ((size_t)64 << 10)
#define TRIES_MAX 1000u                          /* names tried in the trash */
/* what a file name may have (255) without ".1000" and ".trashinfo" */
#define NAME_LIMIT ((size_t)240)

/* The file to be taken away. */
struct victim {
	const struct rameti_env *env;
	const char *path;                        /* as given */
	struct stat st;
	struct ramet_buf real;                   /* absolute, no link on the way */
	size_t dir_len;                          /* of its directory in real; 0: the root */
	dev_t dev;                               /* of its directory */
};

/* Its name; one that is too long for the trash is cut at a character. */
static struct ramet_bytes name_of(const struct victim *v)
{
	struct ramet_bytes name = { v->real.ptr + v->dir_len + 1, v->real.len - v->dir_len - 1 };

	if (name.len <= NAME_LIMIT)
		return name;
	name.len = NAME_LIMIT;
	while (name.len > NAME_LIMIT - 4 && (name.ptr[name.len] & 0xc0) == 0x80)
		name.len--;
	return name;
}

static int refuse(const struct victim *v, int code, const char *text, struct ramet_error *err)
{
	return rameti_fail_at(err, code, v->path, 0, RAMET_NO_OFFSET, "%s", text);
}

/* ---- is it a session ---- */

static int check_session(struct victim *v, struct ramet_error *err)
{
	struct ramet_list one = RAMET_LIST_INIT;
	int r;

	if (v->env->lstat(v->env->user, v->path, &v->st) < 0)
		return rameti_fail_sys(err, errno, v->path, "cannot stat");
	if (S_ISLNK(v->st.st_mode))
		return refuse(v, RAMET_EFORMAT,
			      "is a symbolic link; neither it nor its target is touched", err);
	if (S_ISDIR(v->st.st_mode))
		return refuse(v, RAMET_EFORMAT, "is a directory", err);
	if (!S_ISREG(v->st.st_mode))
		return refuse(v, RAMET_EFORMAT, "is not a regular file", err);
	r = ramet_session_info_read(v->path, 0, &one, err);
	ramet_list_release(&one);
	return r;
}

/* The name still stands for the file that was looked at. */
static int check_same(const struct victim *v, const char *path, struct ramet_error *err)
{
	struct stat now;

	if (v->env->lstat(v->env->user, path, &now) < 0)
		return rameti_fail_sys(err, errno, v->path, "cannot stat");
	if (now.st_dev != v->st.st_dev || now.st_ino != v->st.st_ino)
		return refuse(v, RAMET_ECONFLICT, "was replaced by another program", err);
	return 0;
}

/* ---- where it really lies ---- */

static int find_real(struct victim *v, struct ramet_error *err)
{
	int r = rameti_real_path(v->env, v->path, &v->real, err);

	v->dir_len = rameti_parent_len(&v->real, v->real.len);
	return r;
}

/* stat of the first len bytes of a path, 0 being the root. */
static int stat_prefix(const struct rameti_env *env, struct ramet_buf *path, size_t len,
		       struct stat *st, struct ramet_error *err)
{
	char behind = path->ptr[len];
	int r;

	path->ptr[len] = '\0';
	r = rameti_path_stat(env, len ? path->ptr : "/", st, err);
	path->ptr[len] = behind;
	return r;
}

static int find_device(struct victim *v, struct ramet_error *err)
{
	struct stat st;
	int r = stat_prefix(v->env, &v->real, v->dir_len, &st, err);

	if (!r)
		v->dev = st.st_dev;
	return r;
}

/* ---- the trash directories ---- */

/* A trash: its directory, and how much of a path the .trashinfo leaves out. */
struct trash {
	struct ramet_buf dir;
	size_t left_out;
};

/* Is there a directory now, with a name that survives a power cut? links: may it be one. */
static int have_directory(const struct victim *v, const char *path, int links, struct stat *st)
{
	const struct rameti_env *env = v->env;
	int (*look)(void *, const char *, struct stat *) = links ? env->stat : env->lstat;
	int r = look(env->user, path, st);

	if (r < 0 && errno == ENOENT &&
	    (env->mkdir(env->user, path, 0700) == 0 || errno == EEXIST) &&
	    rameti_dir_sync(env, path, NULL) == 0)
		r = look(env->user, path, st);
	return r == 0 && S_ISDIR(st->st_mode);
}

static int have_both(const struct victim *v, struct trash *t)
{
	static const char *const names[] = { "/files", "/info" };
	size_t len = t->dir.len, i;
	struct stat st;
	int have = 1;

	for (i = 0; i < 2 && have; i++) {
		ramet_buf_add_str(&t->dir, names[i]);
		have = !ramet_buf_status(&t->dir) && have_directory(v, t->dir.ptr, 1, &st);
		ramet_buf_truncate(&t->dir, len);
	}
	return have;
}

/* Would a directory be on the victim's file system? The nearest one that is there tells. */
static int on_same_device(const struct victim *v, struct ramet_buf *dir)
{
	size_t len = dir->len;
	struct stat st;
	int r = stat_prefix(v->env, dir, len, &st, NULL);

	while (r == RAMET_ENOTFOUND && len) {
		len = rameti_parent_len(dir, len);
		r = stat_prefix(v->env, dir, len, &st, NULL);
	}
	return r == 0 && st.st_dev == v->dev;
}

/* Each of these: 1 the trash is there, 0 it is not, or ENOMEM, which may also stand in the
 * status of t->dir. why: what stands in the way of one that should be there. */

static int find_home(struct victim *v, struct trash *t, struct ramet_error *why)
{
	const char *data = v->env->getenv(v->env->user, "XDG_DATA_HOME");
	const char *home = v->env->getenv(v->env->user, "HOME");
	int r;

	if (data && data[0] == '/')              /* a relative one is to be ignored */
		ramet_buf_addf(&t->dir, "%s/Trash", data);
	else if (home && home[0] == '/')
		ramet_buf_addf(&t->dir, "%s/.local/share/Trash", home);
	else
		return 0;
	t->left_out = 0;
	if (ramet_buf_status(&t->dir) < 0 || !on_same_device(v, &t->dir))
		return 0;
	r = rameti_dir_make(v->env, t->dir.ptr, 1, why);
	errno = ENOTDIR;                         /* when nothing fails: it is something else */
	if (!r && !have_both(v, t))
		r = rameti_fail_sys(why, errno, t->dir.ptr, "cannot make");
	return r == RAMET_ENOMEM ? r : r == 0;
}

/* The mount point above the victim becomes the beginning of t->dir. */
static void find_top(struct victim *v, struct trash *t)
{
	size_t len = v->dir_len, up;
	struct stat st;

	while (len) {
		up = rameti_parent_len(&v->real, len);
		if (stat_prefix(v->env, &v->real, up, &st, NULL) < 0 || st.st_dev != v->dev)
			break;
		len = up;
	}
	ramet_buf_add(&t->dir, (struct ramet_bytes){ v->real.ptr, len });
	t->left_out = len + 1;
}

/* A directory of this user's own: somebody else may have put something else there. */
static int have_own(const struct victim *v, struct trash *t)
{
	struct stat st;

	return !ramet_buf_status(&t->dir) && have_directory(v, t->dir.ptr, 0, &st) &&
	       st.st_uid == getuid() && st.st_dev == v->dev && have_both(v, t);
}

static int find_shared(struct victim *v, struct trash *t, struct ramet_error *why)
{
	struct stat st;

	(void)why;
	find_top(v, t);
	ramet_buf_add_str(&t->dir, "/.Trash");
	if (ramet_buf_status(&t->dir) < 0 || v->env->lstat(v->env->user, t->dir.ptr, &st) < 0 ||
	    !S_ISDIR(st.st_mode) || !(st.st_mode & S_ISVTX))
		return 0;
	ramet_buf_addf(&t->dir, "/%lu", (unsigned long)getuid());
	return have_own(v, t);
}

static int find_private(struct victim *v, struct trash *t, struct ramet_error *why)
{
	(void)why;
	find_top(v, t);
	ramet_buf_addf(&t->dir, "/.Trash-%lu", (unsigned long)getuid());
	return have_own(v, t);
}

/* ---- moving into one ---- */

struct move {
	const struct victim *v;
	const struct trash *t;
	struct ramet_buf info, file, text;       /* two paths, and what goes into info */
};

static void add_escaped(struct ramet_buf *out, struct ramet_bytes path)
{
	static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "-_.!~*'()/";

	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] && strchr(kept, path.ptr[i]))
			ramet_buf_add_char(out, path.ptr[i]);
		else
			ramet_buf_addf(out, "%%%02X", (unsigned)(unsigned char)path.ptr[i]);
	}
}

static int compose_info(struct move *m, struct ramet_error *err)
{
	struct ramet_bytes path = ramet_buf_bytes(&m->v->real);
	int64_t now = rameti_now_ms(m->v->env);
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	char date[64];

	if (now == RAMETI_TIME_NONE || !localtime_r(&seconds, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return rameti_fail(err, RAMET_EIO, "the clock does not answer");
	path.ptr += m->t->left_out;
	path.len -= m->t->left_out;
	ramet_buf_add_str(&m->text, "[Trash Info]\nPath=");
	add_escaped(&m->text, path);
	ramet_buf_addf(&m->text, "\nDeletionDate=%s\n", date);
	return rameti_path_status(&m->text, err);
}

/* The paths of the n-th try. */
static int compose_paths(struct move *m, unsigned n, struct ramet_error *err)
{
	struct ramet_bytes name = name_of(m->v);
	int r;

	ramet_buf_reset(&m->info);
	ramet_buf_reset(&m->file);
	ramet_buf_add(&m->info, ramet_buf_bytes(&m->t->dir));
	ramet_buf_add(&m->file, ramet_buf_bytes(&m->t->dir));
	ramet_buf_add_str(&m->info, "/info/");
	ramet_buf_add_str(&m->file, "/files/");
	ramet_buf_add(&m->info, name);
	ramet_buf_add(&m->file, name);
	if (n > 1)
		ramet_buf_addf(&m->info, ".%u", n);
	if (n > 1)
		ramet_buf_addf(&m->file, ".%u", n);
	ramet_buf_add_str(&m->info, ".trashinfo");
	r = rameti_path_status(&m->info, err);
	return r < 0 ? r : rameti_path_status(&m->file, err);
}

static void drop_info(const struct move *m)
{
	(void)m->v->env->unlink(m->v->env->user, m->info.ptr); /* the cause is told already */
}

/* Open a new info file for a name that no file has either. The descriptor, or negative. */
static int open_info(struct move *m, struct ramet_error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	const struct rameti_env *env = m->v->env;
	struct stat st;
	int fd, r;

	for (unsigned n = 1; n <= TRIES_MAX; n++) {
		r = compose_paths(m, n, err);
		if (r < 0)
			return r;
		if (env->lstat(env->user, m->file.ptr, &st) == 0)
			continue;
		do
			fd = env->open(env->user, m->info.ptr, flags, 0600);
		while (fd < 0 && errno == EINTR);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return rameti_fail_sys(err, errno, m->info.ptr, "cannot create");
	}
	return refuse(m->v, RAMET_ECONFLICT, "the trash has too many files of this name", err);
}

static int fill_info(const struct move *m, int fd, struct ramet_error *err)
{
	const struct rameti_env *env = m->v->env;
	struct ramet_bytes left = ramet_buf_bytes(&m->text);
	ssize_t n;

	while (left.len) {
		n = env->write(env->user, fd, left.ptr, left.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rameti_fail_sys(err, n < 0 ? errno : EIO, m->info.ptr,
					       "cannot write");
		left.ptr += n;
		left.len -= (size_t)n;
	}
	if (env->fsync(env->user, fd) < 0)
		return rameti_fail_sys(err, errno, m->info.ptr, "cannot sync");
	return 0;
}

static int write_info(struct move *m, struct ramet_error *err)
{
	const struct rameti_env *env = m->v->env;
	int fd = open_info(m, err), r;

	if (fd < 0)
		return fd;
	r = fill_info(m, fd, err);
	if (env->close(env->user, fd) < 0 && errno != EINTR && !r)
		r = rameti_fail_sys(err, errno, m->info.ptr, "cannot close");
	if (r < 0)
		drop_info(m);
	return r;
}

/* Not every file system can rename without replacing; there the look before must do. */
static int rename_to(const struct rameti_env *env, const char *from, const char *to)
{
	int r = env->rename_new(env->user, from, to);

	if (r < 0 && (errno == EINVAL || errno == ENOSYS))
		r = env->rename(env->user, from, to);
	return r;
}

/* 0 it is there; 1 this trash is on another file system after all. */
static int rename_file(struct move *m, struct ramet_error *err)
{
	const char *real = m->v->real.ptr;
	int r = check_same(m->v, real, err);

	if (!r && rename_to(m->v->env, real, m->file.ptr) < 0)
		r = errno == EXDEV ? 1 : rameti_fail_sys(err, errno, m->v->path, "cannot move");
	if (r)
		drop_info(m);
	return r;
}

static int move_into(const struct victim *v, const struct trash *t, struct ramet_buf *where,
		     struct ramet_error *err)
{
	struct move m = {
		v, t, RAMET_BUF_INIT(PATH_LIMIT), RAMET_BUF_INIT(PATH_LIMIT),
		RAMET_BUF_INIT(4 * PATH_LIMIT)
	};
	int r = compose_info(&m, err);

	if (!r)                                  /* room for the answer before anything happens */
		r = compose_paths(&m, TRIES_MAX, err);
	if (!r && ramet_buf_reserve(where, m.file.len) < 0)
		r = rameti_path_status(where, err);
	if (!r)
		r = write_info(&m, err);
	if (!r)
		r = rename_file(&m, err);
	if (!r)
		ramet_buf_add(where, ramet_buf_bytes(&m.file));
	ramet_buf_release(&m.info);
	ramet_buf_release(&m.file);
	ramet_buf_release(&m.text);
	return r;
}

/* ---- the verbs ---- */

static int move_to_trash(struct victim *v, struct ramet_buf *where, struct ramet_error *err)
{
	static int (*const find[])(struct victim *, struct trash *, struct ramet_error *) = {
		find_home, find_shared, find_private
	};
	struct ramet_error why = { .code = 0 };
	int r = 1;

	for (size_t i = 0; i < sizeof(find) / sizeof(find[0]) && r == 1; i++) {
		struct trash t = { RAMET_BUF_INIT(PATH_LIMIT), 0 };
		int found = find[i](v, &t, &why);

		if (found == RAMET_ENOMEM || ramet_buf_status(&t.dir) == RAMET_ENOMEM)
			r = rameti_fail_nomem(err);
		else if (found)
			r = move_into(v, &t, where, err);
		ramet_buf_release(&t.dir);
	}
	if (r == 1 && why.code)
		r = rameti_fail_sys(err, why.sys ? why.sys : EIO, why.path,
				    "cannot use the trash");
	if (r == 1)
		r = refuse(v, RAMET_ENOTFOUND, "there is no trash on its file system", err);
	return r;
}

/* What is the session's own, which is in the trash by now: what cannot follow stays. */
static int trash_side(void *user, const char *side)
{
	const struct victim *session = user;
	struct victim v = { .env = session->env, .path = side, .real = RAMET_BUF_INIT(PATH_LIMIT),
			    .dir_len = session->dir_len, .dev = session->dev };
	struct ramet_buf where = RAMET_BUF_INIT(PATH_LIMIT);

	ramet_buf_add_str(&v.real, side);
	if (!ramet_buf_status(&v.real) && v.env->lstat(v.env->user, side, &v.st) == 0 &&
	    (S_ISDIR(v.st.st_mode) || S_ISREG(v.st.st_mode)))
		(void)move_to_trash(&v, &where, NULL);
	ramet_buf_release(&v.real);
	ramet_buf_release(&where);
	return 0;
}

/* Refused while its own program has the session open. */
static int find_layout(const struct rameti_layout **layout, const char *path,
		       struct ramet_error *err)
{
	int r = rameti_layout_of_file(layout, path, err);

	return r < 0 || !(*layout)->may_go ? r : (*layout)->may_go(path, err);
}

int ramet_session_trash(const char *path, struct ramet_buf *where, struct ramet_error *err)
{
	struct victim v = {
		.env = rameti_env_default(), .path = path, .real = RAMET_BUF_INIT(PATH_LIMIT)
	};
	const struct rameti_layout *layout = NULL;
	struct rameti_home_path home;
	int r;

	if (rameti_home_path(path, &home))
		return rameti_fail_at(err, RAMET_ENOTFOUND, path, 0, RAMET_NO_OFFSET,
				      "there is no trash for what is in a database or a file of "
				      "many");
	r = check_session(&v, err);
	if (!r)
		r = find_layout(&layout, path, err);
	if (!r)
		r = find_real(&v, err);
	if (!r)
		r = find_device(&v, err);
	if (!r)
		r = move_to_trash(&v, where, err);
	if (!r && layout->sides)
		(void)layout->sides(v.real.ptr, trash_side, &v, NULL);
	if (!r)
		rameti_forget_tell(layout, path);
	ramet_buf_release(&v.real);
	return r;
}

int ramet_session_remove(const char *path, struct ramet_error *err)
{
	struct victim v = { .env = rameti_env_default(), .path = path };
	const struct rameti_layout *layout = NULL;
	struct rameti_home_path home;
	int r;

	if (rameti_home_path(path, &home))
		return rameti_forget_in_home(&home, err);
	r = check_session(&v, err);
	if (!r)
		r = find_layout(&layout, path, err);
	if (!r)
		r = check_same(&v, path, err);
	if (!r)
		r = rameti_forget_sides(layout, path, err);
	if (!r && v.env->unlink(v.env->user, path) < 0)
		r = rameti_fail_sys(err, errno, path, "cannot remove");
	if (r < 0)
		return r;
	rameti_forget_tell(layout, path);
	if (layout->vacated)
		layout->vacated(v.env, path);
	return 0;
}

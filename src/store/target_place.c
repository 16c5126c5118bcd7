/*
 * store/target_place.c - where a new session of any format goes: into a file that does not exist
 * yet, named as the format's own program names its files, unless the caller names it.
 *
 * What is there already is refused; a directory that is missing is made.
 */
#include "store/target.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/layout_pi.h"
#include "store/session_priv.h"

#define PATH_LEN_MAX ((size_t)1 << 20)

static int is_directory(const char *path)
{
	struct stat st;

	return !rameti_path_stat(NULL, path, &st, NULL) && S_ISDIR(st.st_mode);
}

static int pi_path(const char *dir, const struct rameti_draft_header *h, struct ramet_buf *out,
		   struct ramet_error *err)
{
	char time[40], *p;
	int r = 0;

	if (dir)
		ramet_buf_add_str(out, dir);
	else
		r = ramet_pi_session_dir(h->cwd, out, err);
	rameti_time_format(h->time_ms, time);
	for (p = time; *p; p++)
		if (*p == ':' || *p == '.')
			*p = '-';
	ramet_buf_addf(out, "/%s_", time);
	ramet_buf_add(out, h->id);
	ramet_buf_add_str(out, ".jsonl");
	return r;
}

static int layout_path(const struct rameti_layout *l, const char *dir,
		       const struct rameti_draft_header *h, struct ramet_buf *out,
		       struct ramet_error *err)
{
	struct ramet_buf root = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = 0;

	if (!l->new_path)
		return pi_path(dir, h, out, err);
	if (!dir)
		r = l->root(&root, err);
	if (!r && ramet_buf_status(&root) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = l->new_path(dir ? dir : root.ptr, h, out, err);
	ramet_buf_release(&root);
	return r;
}

/* A home's file, without the scheme that may stand in front of it. */
static int home_path(const struct rameti_home *home, const char *place, struct ramet_buf *out,
		     struct ramet_error *err)
{
	size_t len = home->scheme ? strlen(home->scheme) : 0;

	if (!place)
		return rameti_fail(err, RAMET_EINVAL,
				   "which file? The format %s has no usual place", home->format);
	if (len && !strncmp(place, home->scheme, len))
		place += len;
	ramet_buf_add_str(out, place);
	return 0;
}

/* Does the place say where a directory is, there already or not? */
static int is_place_dir(const struct rameti_target_opts *opts)
{
	size_t len = strlen(opts->place);

	return opts->in_dir || (len && opts->place[len - 1] == '/') || is_directory(opts->place);
}

/* In a directory, whose name may end in slashes. */
static int path_in_dir(struct rameti_target *t, const char *place,
		       const struct rameti_draft_header *h, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	size_t len = strlen(place);
	int r;

	while (len > 1 && place[len - 1] == '/')
		len--;
	ramet_buf_add(&dir, (struct ramet_bytes){ place, len });
	r = ramet_buf_status(&dir) < 0 ? rameti_fail_nomem(err) :
					 rameti_dir_make(NULL, dir.ptr, 1, err);
	if (!r)
		r = layout_path(t->layout, dir.ptr, h, &t->path, err);
	ramet_buf_release(&dir);
	return r;
}

int rameti_target_find_path(struct rameti_target *t, const struct rameti_target_opts *opts,
			    const struct rameti_draft_header *h, struct ramet_error *err)
{
	struct stat st;
	int r = 0;

	if (t->home)
		r = home_path(t->home, opts->place, &t->path, err);
	else if (!opts->place)
		r = layout_path(t->layout, NULL, h, &t->path, err);
	else if (is_place_dir(opts))
		r = path_in_dir(t, opts->place, h, err);
	else
		ramet_buf_add_str(&t->path, opts->place);
	if (!r && ramet_buf_status(&t->path) < 0)
		r = rameti_fail_nomem(err);
	if (!r && !t->home && !rameti_path_stat(NULL, t->path.ptr, &st, NULL))
		r = rameti_fail_at(err, RAMET_ECONFLICT, t->path.ptr, 0, RAMET_NO_OFFSET,
				   "there is a file of this name already");
	return r;
}

/*
 * store/layout_yoi.c - where yoi keeps its logs, and what they are called.
 *
 * Older versions: ROOT/<session>.jsonl. Newer: ROOT/<session>/<segment>.jsonl, or in a worker's
 * directory session/segments/<segment>.jsonl beside session/session.json. Every log is one session
 * here; its id is the name of its file. Other files are none of ours. yoi takes no lock on a log;
 * we take flock on it.
 */
#include "store/layout.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"

#define PATH_LEN_MAX 65536u
#define UUID_LEN 36u

/* Any UUID with hyphens, of any version and case; or its digits alone. */
static int is_uuid(struct ramet_bytes text)
{
	size_t i, digits = 0;

	for (i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		int hyphen = text.len == UUID_LEN && (i == 8 || i == 13 || i == 18 || i == 23);

		if (hyphen ? c != '-' : !strchr("0123456789abcdefABCDEF", c) || !c)
			return 0;
		digits += !hyphen;
	}
	return digits == 32;
}

static int yoi_id_valid(struct ramet_bytes id)
{
	return id.len == UUID_LEN && is_uuid(id);
}

static int yoi_is_name(const char *name)
{
	struct ramet_bytes stem = ramet_bytes_of(name);

	if (stem.len < 6 || strcmp(name + stem.len - 6, ".jsonl") != 0)
		return 0;
	stem.len -= 6;
	return is_uuid(stem);
}

static int yoi_is_dir_name(const char *name)
{
	return is_uuid(ramet_bytes_of(name)) || !strcmp(name, "session") ||
	       !strcmp(name, "segments");
}

/* ---- places ---- */

static int is_dir(const struct rameti_env *env, const char *path)
{
	struct stat st;

	return !rameti_path_stat(env, path, &st, NULL) && S_ISDIR(st.st_mode);
}

/* $VAR and what stands behind it; 0: the variable is not set. */
static int from_env(const struct rameti_env *env, const char *var, const char *behind,
		    struct ramet_buf *out)
{
	const char *value = env->getenv(env->user, var);

	ramet_buf_reset(out);
	if (!value || !*value)
		return 0;
	ramet_buf_add_str(out, value);
	ramet_buf_add_str(out, behind);
	return 1;
}

/* The first that is set; a home's directory only if it is there. */
static int find_root(const struct rameti_env *env, struct ramet_buf *path)
{
	static const struct {
		const char *var, *behind;
		int must_be;
	} places[] = {
		{ "YOI_DATA_DIR", "/sessions", 0 },
		{ "YOI_HOME", "/sessions", 0 },
		{ "INSOMNIA_DATA_DIR", "/sessions", 0 },
		{ "INSOMNIA_HOME", "/sessions", 0 },
		{ "XDG_DATA_HOME", "/yoi/sessions", 1 },
		{ "HOME", "/.local/share/yoi/sessions", 1 },
		{ "HOME", "/.insomnia/sessions", 1 },
		{ "XDG_DATA_HOME", "/yoi/sessions", 0 },
		{ "HOME", "/.local/share/yoi/sessions", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (from_env(env, places[i].var, places[i].behind, path) && path->ptr &&
		    (!places[i].must_be || is_dir(env, path->ptr)))
			return 1;
	return 0;
}

static int yoi_root(struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = 0;

	if (!find_root(env, &path))
		r = rameti_fail(err, RAMET_ENOTFOUND,
				"neither YOI_DATA_DIR, YOI_HOME nor HOME is set");
	ramet_buf_add(out, ramet_buf_bytes(&path));
	if (!r && (ramet_buf_status(out) < 0 || ramet_buf_status(&path) < 0))
		r = rameti_fail_nomem(err);
	ramet_buf_release(&path);
	return r;
}

static int yoi_new_id(const struct rameti_env *env, struct ramet_buf *id, struct ramet_error *err)
{
	struct rameti_uuid7 generator = { 0 };
	char text[37];
	int r = rameti_uuid7(&generator, env, text, err);

	if (!r)
		ramet_buf_add_str(id, text);
	return r ? r : ramet_buf_status(id) < 0 ? rameti_fail_nomem(err) : 0;
}

/* A worker's directory owns one session of yoi's, under an id we did not make. */
static int refuse_worker(const char *dir, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	int r = 0;

	ramet_buf_add_str(&path, dir);
	ramet_buf_add_str(&path, "/session/session.json");
	if (ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	else
		r = rameti_path_stat(NULL, path.ptr, &st, err);
	if (!r)
		r = rameti_fail_at(err, RAMET_ECONFLICT, dir, 0, RAMET_NO_OFFSET,
				   "a worker's directory takes segments of its own session only");
	else if (r == RAMET_ENOTFOUND)
		r = 0;
	ramet_buf_release(&path);
	return r;
}

/* A new session is one of the newer kind: its directory, and its first segment of the same id. */
static int yoi_new_path(const char *dir, const struct rameti_draft_header *h, struct ramet_buf *out,
			struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = refuse_worker(dir, err);

	if (r < 0)
		return r;
	ramet_buf_add_str(&path, dir);
	ramet_buf_add_char(&path, '/');
	ramet_buf_add(&path, h->id);
	r = ramet_buf_status(&path) < 0 ? rameti_fail_nomem(err)
					: rameti_dir_make(NULL, path.ptr, 1, err);
	if (!r) {
		ramet_buf_add_char(&path, '/');
		ramet_buf_add(&path, h->id);
		ramet_buf_add_str(&path, ".jsonl");
		ramet_buf_add(out, ramet_buf_bytes(&path));
		if (ramet_buf_status(&path) < 0 || ramet_buf_status(out) < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_buf_release(&path);
	return r;
}

/* ---- taking away ---- */

/* The trace beside a log. */
static int yoi_sides(const char *path, int (*fn)(void *user, const char *side), void *user,
		     struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf trace = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	int r = 0;

	ramet_buf_add_str(&trace, path);
	if (trace.len > 6 && !strcmp(trace.ptr + trace.len - 6, ".jsonl"))
		ramet_buf_truncate(&trace, trace.len - 6);
	ramet_buf_add_str(&trace, ".trace.jsonl");
	if (ramet_buf_status(&trace) < 0)
		r = rameti_fail_nomem(err);
	else if (env->lstat(env->user, trace.ptr, &st) == 0 && S_ISREG(st.st_mode))
		r = fn(user, trace.ptr);
	ramet_buf_release(&trace);
	return r;
}

static int yoi_remove_side(const char *side, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();

	if (env->unlink(env->user, side) < 0 && errno != ENOENT)
		return rameti_fail_sys(err, errno, side, "cannot remove");
	return 0;
}

/* A session of the newer kind has a directory of its own. It stays where somebody may be in it: for
 * a path without a directory. */
static void yoi_vacated(const struct rameti_env *env, const char *path)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);

	env = rameti_env_or_default(env);
	rameti_path_dir(path, &dir);
	if (!ramet_buf_status(&dir) && is_uuid(ramet_bytes_of(rameti_path_base(dir.ptr))))
		(void)env->rmdir(env->user, dir.ptr);        /* not if anything is in it */
	ramet_buf_release(&dir);
}

const struct rameti_layout rameti_layout_yoi = {
	.format = "yoi",
	.sides = yoi_sides,
	.remove_side = yoi_remove_side,
	.vacated = yoi_vacated,
	.root = yoi_root,
	.depth = 2,
	.is_name = yoi_is_name,
	.is_dir_name = yoi_is_dir_name,
	.new_id = yoi_new_id,
	.new_path = yoi_new_path,
	.id_valid = yoi_id_valid,
};

/*
 * store/sidecar_beside.c - the directories beside a session's file that are its own, for whoever
 * takes the session away.
 *
 * A directory is the session's own by its name and by what is in it: a sidecar has parts of one,
 * what was left of one has 32 random digits in its name, attachments are named by their hashes.
 * A link to a directory is nobody's, and stays. What no sidecar has makes removing fail before
 * anything is gone.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/sidecar.h"

#define HEX_LEN 64

/* ---- is it one ---- */

static int is_dir(const struct rameti_env *env, const char *path)
{
	struct stat st;

	return rameti_sc_stat(env, path, &st, NULL) == 0 && S_ISDIR(st.st_mode);
}

static int has_parts(const struct rameti_env *env, const char *dir)
{
	static const char *const parts[] = { "manifest.json", "source-state.json", "index",
					     "segments" };
	char path[SC_PATH];
	size_t i;

	if (rameti_sc_check_dirs(env, dir, NULL) < 0)
		return 0;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (rameti_sc_join(path, dir, parts[i], NULL) == 0 &&
		    rameti_sc_exists(env, path, NULL) == 1)
			return 1;
	return 0;
}

/* 1 stops the walk: no attachment, nor one that was being written. */
static int is_no_blob(void *user, const char *name, unsigned char type)
{
	static const char pending[] = ".pending-";

	(void)user;
	(void)type;
	if (!strncmp(name, pending, sizeof(pending) - 1))
		return 0;
	return strlen(name) != HEX_LEN || strspn(name, "0123456789abcdef") != HEX_LEN;
}

static int is_blobs(const struct rameti_env *env, const char *dir)
{
	return is_dir(env, dir) && rameti_dir_each(env, dir, is_no_blob, NULL, NULL) == 0;
}

/* ---- all of them ---- */

static int each_leftover(const struct rameti_sc_place *p, int (*fn)(void *user, const char *dir),
			 void *user, struct ramet_error *err)
{
	struct rameti_sc_leftovers l;
	int r = rameti_sc_leftovers(&l, p, err);
	uint32_t i;

	for (i = 0; !r && i < l.n; i++)
		if (is_dir(p->env, l.items[i]))
			r = fn(user, l.items[i]);
	rameti_sc_leftovers_release(&l);
	return r;
}

int rameti_sidecar_each(const char *path, int (*fn)(void *user, const char *dir), void *user,
			struct ramet_error *err)
{
	static const char ext[] = ".jsonl";
	size_t len = strlen(path), n = sizeof(ext) - 1;
	struct rameti_sc_place p;
	char blobs[SC_PATH];
	int r;

	/* NAME.sqlite has none; where a name does not fit, nothing is */
	if (len <= n || len > SC_PATH - 64 || strcmp(path + len - n, ext) != 0)
		return 0;
	r = rameti_sc_place_init(&p, path, err);
	if (!r && has_parts(p.env, p.dir))
		r = fn(user, p.dir);
	if (!r)
		r = each_leftover(&p, fn, user, err);
	if (r)
		return r;
	len = (size_t)snprintf(blobs, sizeof(blobs), "%s.blobs", p.jsonl);
	return len < sizeof(blobs) && is_blobs(p.env, blobs) ? fn(user, blobs) : 0;
}

/* ---- removing one ---- */

struct looking {
	const struct rameti_env *env;
	const char *dir;
	int top;
	struct ramet_error *err;
};

static int refuse_dir(void *user, const char *name, unsigned char type)
{
	const struct looking *k = user;
	char path[SC_PATH];
	int r = rameti_sc_join(path, k->dir, name, k->err), i;

	(void)type;
	for (i = 0; k->top && rameti_sc_dirs[i]; i++)
		if (!strcmp(name, rameti_sc_dirs[i]))
			return 0;
	if (r < 0 || !is_dir(k->env, path))
		return r;
	return rameti_fail_at(k->err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
			      "a directory that no sidecar has: nothing was removed");
}

int rameti_sidecar_remove(const char *dir, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct looking top = { env, dir, 1, err };
	char path[SC_PATH];
	int i, r = rameti_dir_each(env, dir, refuse_dir, &top, err);

	for (i = 0; !r && rameti_sc_dirs[i]; i++) {
		struct looking part = { env, path, 0, err };

		r = rameti_sc_join(path, dir, rameti_sc_dirs[i], err);
		if (!r && is_dir(env, path))
			r = rameti_dir_each(env, path, refuse_dir, &part, err);
	}
	return r < 0 ? r : rameti_sc_remove(env, dir, err);
}

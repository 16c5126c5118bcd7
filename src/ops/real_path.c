/*
 * ops/real_path.c - where a path really leads: absolute, without links, "." and ".." in it.
 *
 * Every part is looked at, and has to be there. Refuses paths longer than 64 kB and more than 40
 * links.
 */
#include "ops/real_path_priv.h"

#include <errno.h>
#include <string.h>
#include "base/error.h"

#define PATH_LIMIT ((size_t)64 << 10)
#define LINKS_MAX 40

int rameti_path_status(const struct ramet_buf *b, struct ramet_error *err)
{
	int status = ramet_buf_status(b);

	if (!status)
		return 0;
	if (status == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return rameti_fail(err, RAMET_ELIMIT, "path longer than %zu bytes", b->max);
}

/* Take the next part of a path. */
static int next_part(struct ramet_bytes *rest, struct ramet_bytes *part)
{
	const char *slash;

	while (rest->len && *rest->ptr == '/') {
		rest->ptr++;
		rest->len--;
	}
	slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
	part->ptr = rest->ptr;
	part->len = slash ? (size_t)(slash - rest->ptr) : rest->len;
	rest->ptr += part->len;
	rest->len -= part->len;
	return part->len > 0;
}

size_t rameti_parent_len(const struct ramet_buf *path, size_t len)
{
	while (len > 0 && path->ptr[--len] != '/')
		;
	return len;
}

/* A path under way: real is done, todo still holds the parts from rest on. */
struct walk {
	const struct rameti_env *env;
	struct ramet_buf *real, todo;
	struct ramet_bytes rest;
	int links;
};

/* real ends in a link: go on with its target and then the rest. */
static int follow(struct walk *w, size_t before, struct ramet_error *err)
{
	struct ramet_buf todo = RAMET_BUF_INIT(PATH_LIMIT);
	char target[4096];
	ssize_t len = w->env->readlink(w->env->user, w->real->ptr, target, sizeof(target));

	if (len < 0)
		return rameti_fail_sys(err, errno, w->real->ptr, "cannot read the link");
	if ((size_t)len == sizeof(target) || ++w->links > LINKS_MAX)
		return rameti_fail_at(err, RAMET_ELIMIT, w->real->ptr, 0, RAMET_NO_OFFSET,
				      "too many links, or too long a one");
	ramet_buf_add(&todo, (struct ramet_bytes){ target, (size_t)len });
	ramet_buf_add_char(&todo, '/');
	ramet_buf_add(&todo, w->rest);
	ramet_buf_release(&w->todo);
	w->todo = todo;
	w->rest = ramet_buf_bytes(&w->todo);
	ramet_buf_truncate(w->real, len && target[0] == '/' ? 0 : before);
	return rameti_path_status(&w->todo, err);
}

static int step(struct walk *w, struct ramet_bytes part, struct ramet_error *err)
{
	size_t before = w->real->len;
	struct stat st;
	int r;

	if (ramet_bytes_is(part, "."))
		return 0;
	if (ramet_bytes_is(part, "..")) {
		ramet_buf_truncate(w->real, rameti_parent_len(w->real, before));
		return 0;
	}
	ramet_buf_add_char(w->real, '/');
	ramet_buf_add(w->real, part);
	r = rameti_path_status(w->real, err);
	if (r < 0)
		return r;
	if (w->env->lstat(w->env->user, w->real->ptr, &st) < 0)
		return rameti_fail_sys(err, errno, w->real->ptr, "cannot stat");
	return S_ISLNK(st.st_mode) ? follow(w, before, err) : 0;
}

int rameti_real_path(const struct rameti_env *env, const char *path, struct ramet_buf *real,
		     struct ramet_error *err)
{
	struct walk w = { env, real, RAMET_BUF_INIT(PATH_LIMIT), { NULL, 0 }, 0 };
	struct ramet_bytes part;
	char here[4096];
	int r = 0;

	if (path[0] != '/') {
		if (!env->getcwd(env->user, here, sizeof(here)) || here[0] != '/')
			return rameti_fail(err, RAMET_EIO, "the working directory is gone");
		ramet_buf_add_str(&w.todo, here);
		ramet_buf_add_char(&w.todo, '/');
	}
	ramet_buf_add_str(&w.todo, path);
	r = rameti_path_status(&w.todo, err);
	w.rest = ramet_buf_bytes(&w.todo);
	while (!r && next_part(&w.rest, &part))
		r = step(&w, part, err);
	ramet_buf_release(&w.todo);
	return r;
}

/*
 * base/path.c - paths as text; no file system is asked and links are not followed.
 *
 * A result is absolute, has no "." or ".." component, no doubled and no trailing slash (but for "/"
 * itself). ".." above the root stays at the root. Bytes that are not UTF-8 pass unchanged.
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"

static int is_absolute(struct ramet_bytes path)
{
	return path.len && path.ptr[0] == '/';
}

/* Cut the last component off what stands behind base; nothing happens at the root. */
static void drop_last(struct ramet_buf *out, size_t base)
{
	size_t len = out->len;

	while (len > base && out->ptr[--len] != '/')
		;
	ramet_buf_truncate(out, len);
}

/* out[base, ...) holds "" (the root) or components that each begin with a slash. */
static void add_components(struct ramet_buf *out, size_t base, struct ramet_bytes path)
{
	struct ramet_bytes part;
	const char *slash;

	while (path.len) {
		slash = memchr(path.ptr, '/', path.len);
		part.ptr = path.ptr;
		part.len = slash ? (size_t)(slash - path.ptr) : path.len;
		path.ptr += part.len + (slash != NULL);
		path.len -= part.len + (slash != NULL);
		if (ramet_bytes_is(part, "..")) {
			drop_last(out, base);
		} else if (part.len && !ramet_bytes_is(part, ".")) {
			ramet_buf_add_char(out, '/');
			ramet_buf_add(out, part);
		}
	}
}

static int is_home(struct ramet_bytes path)
{
	return path.len && path.ptr[0] == '~' && (path.len == 1 || path.ptr[1] == '/');
}

int rameti_path_normalize(struct ramet_bytes path, const char *cwd, const char *home,
			  struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_bytes before = ramet_bytes_of(cwd), head = { "", 0 };
	size_t base = out->len;

	if (path.len && memchr(path.ptr, '\0', path.len))
		return rameti_fail(err, RAMET_EINVAL, "path contains a zero byte");
	if (home && is_home(path)) {
		head = ramet_bytes_of(home);
		path.ptr++;
		path.len--;
	}
	if (!is_absolute(head.len ? head : path) && !is_absolute(before))
		return rameti_fail(err, RAMET_EINVAL, "relative path without a base directory");
	if (!is_absolute(head.len ? head : path))
		add_components(out, base, before);
	add_components(out, base, head);
	add_components(out, base, path);
	if (out->len == base)
		ramet_buf_add_char(out, '/');
	if (ramet_buf_status(out) == 0)
		return 0;
	ramet_buf_truncate(out, base);
	return ramet_buf_status(out) == RAMET_ELIMIT
		       ? rameti_fail(err, RAMET_ELIMIT, "path longer than %zu bytes", out->max)
		       : rameti_fail_nomem(err);
}

const char *rameti_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void rameti_path_dir(const char *path, struct ramet_buf *out)
{
	size_t len = (size_t)(rameti_path_base(path) - path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len)
		ramet_buf_add(out, (struct ramet_bytes){ path, len });
	else
		ramet_buf_add_char(out, '.');
}

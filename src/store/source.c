/*
 * store/source.c - reading a session's bytes by position. Never maps the file, so that another
 * program's truncation is an error and not a fault.
 */
#include "store/source.h"

#include <string.h>
#include "base/error.h"

int rameti_source_read(const struct rameti_source *s, void *to, size_t len, uint64_t at,
		       struct ramet_error *err)
{
	int64_t n;

	if (s->file.fd < 0) {
		if (at > s->memory.len || len > s->memory.len - at)
			return rameti_fail(err, RAMET_EIO, "read past the end");
		if (len)
			memcpy(to, s->memory.ptr + at, len);
		return 0;
	}
	n = rameti_file_read_at(&s->file, to, len, at, err);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return rameti_fail_at(err, RAMET_EIO, NULL, 0, at,
				      "the file became shorter while it was read");
	return 0;
}

int rameti_source_size(const struct rameti_source *s, uint64_t *size, struct ramet_error *err)
{
	struct stat st;
	int r;

	if (s->file.fd < 0) {
		*size = s->memory.len;
		return 0;
	}
	r = rameti_file_stat(&s->file, &st, err);
	if (!r)
		*size = (uint64_t)st.st_size;
	return r;
}

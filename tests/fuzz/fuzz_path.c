/*
 * fuzz_path.c - paths as text.
 *
 * The input is up to three texts parted by newlines: a path, a working directory, a home. What must
 * hold for every path that is taken: it is absolute, has no empty, "." or ".." component, and
 * normalizing it again changes nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

static void check_normal(const char *path)
{
	const char *part = path, *end;

	assert(path[0] == '/');
	if (!path[1])
		return;
	for (; *part; part = end) {
		assert(*part++ == '/');
		end = part + strcspn(part, "/");
		assert(end > part);
		assert(!(end - part == 1 && part[0] == '.'));
		assert(!(end - part == 2 && part[0] == '.' && part[1] == '.'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_buf out = RAMET_BUF_INIT(len % 2 ? 4096 : 64), again = RAMET_BUF_INIT(4096);
	struct ramet_bytes path = { NULL, 0 };
	char *text = malloc(len + 1), *cwd, *home = NULL;
	struct ramet_error err;

	memcpy(text, data, len);
	text[len] = '\0';
	path.ptr = text;
	cwd = memchr(text, '\n', len);
	path.len = cwd ? (size_t)(cwd - text) : len;
	if (cwd) {
		cwd++;
		home = strchr(cwd, '\n');
	}
	if (home)
		*home++ = '\0';
	if (rameti_path_normalize(path, cwd, home, &out, &err) == 0) {
		check_normal(out.ptr);
		assert(rameti_path_normalize(ramet_buf_bytes(&out), NULL, home, &again, &err) == 0);
		assert(ramet_bytes_eq(ramet_buf_bytes(&out), ramet_buf_bytes(&again)));
		assert(strchr(rameti_path_base(out.ptr), '/') == NULL);
	} else {
		assert(out.len == 0 && err.code < 0 && err.text[0]);
	}
	ramet_buf_release(&again);
	ramet_buf_release(&out);
	free(text);
	return 0;
}

/*
 * fuzz_id.c - texts that people type and files hold: session ids, working directories, file URLs.
 *
 * Nothing here may touch the disk. What must hold: a directory name never holds a slash, a path is
 * absolute and normal (resolving it again changes nothing), a valid id is safe inside a file name.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ramet/store.h"
#include "store/layout_pi.h"

#define ROOM ((size_t)1 << 20)

static void check_dir_name(struct ramet_bytes text)
{
	struct ramet_buf b = RAMET_BUF_INIT(ROOM);

	if (ramet_pi_dir_name(text, &b, NULL) == 0) {
		assert(b.len >= 4 && !memcmp(b.ptr, "--", 2));
		assert(!memcmp(b.ptr + b.len - 2, "--", 2));
		assert(!memchr(b.ptr, '/', b.len) && strlen(b.ptr) == b.len);
	} else {
		assert(b.len == 0);
	}
	ramet_buf_release(&b);
}

static void check_path(struct ramet_bytes text, const char *cwd)
{
	struct ramet_buf b = RAMET_BUF_INIT(ROOM), again = RAMET_BUF_INIT(ROOM);

	if (rameti_pi_path(text, cwd, &b, NULL) == 0) {
		assert(b.len && b.ptr[0] == '/' && (b.len == 1 || b.ptr[b.len - 1] != '/'));
		assert(!strstr(b.ptr, "//") && !strstr(b.ptr, "/../") && !strstr(b.ptr, "/./"));
		assert(rameti_pi_path(ramet_buf_bytes(&b), cwd, &again, NULL) == 0);
		assert(ramet_bytes_eq(ramet_buf_bytes(&b), ramet_buf_bytes(&again)));
	}
	ramet_buf_release(&again);
	ramet_buf_release(&b);
}

static void check_url(struct ramet_bytes text)
{
	struct ramet_buf b = RAMET_BUF_INIT(ROOM);

	if (rameti_file_url_path(text, &b, NULL) == 0)
		assert(b.len && b.ptr[0] == '/' && b.len <= text.len);
	else
		assert(b.len == 0);
	ramet_buf_release(&b);
}

static void check_id(struct ramet_bytes text)
{
	if (!ramet_session_id_valid(text))
		return;
	assert(text.len && text.ptr[0] != '.' && text.ptr[0] != '-');
	assert(!memchr(text.ptr, '/', text.len) && !memchr(text.ptr, '\0', text.len));
}

/* A store by that name, where there is none: the answer is an error, never a crash. */
static void check_store_url(struct ramet_bytes text)
{
	static const char nowhere[] = "/nonexistent/ramet-fuzz/";
	struct ramet_store *st = NULL;
	struct ramet_error err;
	char url[4096];

	if (text.len > sizeof(url) - sizeof(nowhere) || memchr(text.ptr, '\0', text.len))
		return;
	memcpy(url, nowhere, sizeof(nowhere) - 1);
	if (text.len)
		memcpy(url + sizeof(nowhere) - 1, text.ptr, text.len);
	url[sizeof(nowhere) - 1 + text.len] = '\0';
	if (ramet_store_open(&st, url, NULL, &err) == 0)
		ramet_store_close(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text = { (const char *)data, len };

	setenv("HOME", "/home/ada", 1);
	setenv("PI_CODING_AGENT_DIR", "/nonexistent/agent", 1);
	check_id(text);
	check_dir_name(text);
	check_path(text, "/w/x");
	check_path(text, "/");
	check_url(text);
	check_store_url(text);
	return 0;
}

/*
 * given.c - small sessions in memory and reports compared as whole strings.
 */
#include "given.h"

#include <stdlib.h>
#include <string.h>

struct ramet_session *given_bytes(struct ramet_bytes text)
{
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };

	if (ramet_session_open_bytes(&s, text, NULL, &err) < 0)
		fail_msg("cannot open: %s", err.text);
	return s;
}

const char *quoted(const char *text)
{
	static struct ramet_buf kept[8];
	static int turn;
	struct ramet_buf *b = &kept[turn++ % 8];
	char *p;

	b->max = SIZE_MAX / 2;
	ramet_buf_reset(b);
	ramet_buf_add_str(b, text);
	for (p = b->ptr; p && (p = strchr(p, '\'')) != NULL; p++)
		*p = '"';
	assert_int_equal(ramet_buf_status(b), 0);
	return b->ptr ? b->ptr : "";
}

struct ramet_session *given(const char *text)
{
	return given_bytes(ramet_bytes_of(quoted(text)));
}

void assert_report(report_fn *fn, const char *text, const char *expected)
{
	struct ramet_session *s = given(text);
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct ramet_error err = { 0 };

	if (fn(s, &out, &err) < 0)
		fail_msg("failed: %s", err.text);
	assert_string_equal(out.ptr, quoted(expected));
	ramet_buf_release(&out);
	ramet_session_close(s);
}

/* ---- allocations that fail ---- */

static long n_live, n_until_failure = -1;

static void *counting_realloc(void *user, void *ptr, size_t size)
{
	void *fresh;

	(void)user;
	if (n_until_failure == 0)
		return NULL;
	if (n_until_failure > 0)
		n_until_failure--;
	fresh = (realloc)(ptr, size);
	if (fresh && !ptr)
		n_live++;
	return fresh;
}

static void counting_free(void *user, void *ptr)
{
	(void)user;
	if (ptr)
		n_live--;
	(free)(ptr);
}

void assert_survives_no_memory(report_fn *fn, const char *text)
{
	const struct ramet_allocator counting = { counting_realloc, counting_free, NULL };
	struct ramet_session *s;
	long n, before;
	int r = -1;

	ramet_set_allocator(&counting);
	s = given(text);
	for (n = 0; r < 0; n++) {
		struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
		struct ramet_error err = { 0 };

		before = n_live;
		ramet_buf_add_str(&out, "kept");
		n_until_failure = n;
		r = fn(s, &out, &err);
		n_until_failure = -1;
		if (r < 0) {
			assert_int_equal(r, RAMET_ENOMEM);
			assert_int_equal(err.code, RAMET_ENOMEM);
			assert_string_equal(out.ptr, "kept");
		}
		ramet_buf_release(&out);
		if (r < 0)
			assert_int_equal(n_live, before);
		assert_true(n < 100000);
	}
	assert_true(n > 1);
	ramet_session_close(s);
}

void assert_keeps_limit(report_fn *fn, const char *text)
{
	struct ramet_session *s = given(text);
	size_t max = 4;
	int r = -1;

	for (; r < 0; max++) {
		struct ramet_buf out = RAMET_BUF_INIT(max);
		struct ramet_error err = { 0 };

		ramet_buf_add_str(&out, "kept");
		r = fn(s, &out, &err);
		assert_true(out.len <= max);
		if (r < 0) {
			assert_int_equal(r, RAMET_ELIMIT);
			assert_int_equal(err.code, RAMET_ELIMIT);
			assert_string_equal(out.ptr, "kept");
		}
		ramet_buf_release(&out);
	}
	ramet_session_close(s);
}

/*
 * base/buf.c - byte slices and the growing buffer.
 *
 * Invariants: len <= max; when ptr is not NULL, cap > len and ptr[len] is NUL. status is 0 or the
 * first failure, and after a failure nothing is added until reset or release. An addition is made
 * whole or not at all. Refuses: bytes that lie inside the buffer they are added to.
 */
#include "ramet/base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUF_FIRST 64

struct ramet_bytes ramet_bytes_of(const char *text)
{
	struct ramet_bytes b = { text, text ? strlen(text) : 0 };

	return b;
}

int ramet_bytes_eq(struct ramet_bytes a, struct ramet_bytes b)
{
	return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int ramet_bytes_is(struct ramet_bytes a, const char *text)
{
	return ramet_bytes_eq(a, ramet_bytes_of(text));
}

void ramet_buf_init(struct ramet_buf *b, size_t max_len)
{
	struct ramet_buf fresh = RAMET_BUF_INIT(max_len);

	*b = fresh;
}

static int fail(struct ramet_buf *b, int code)
{
	b->status = code;
	return code;
}

/* need counts the NUL and is at most max + 1. */
static int grow(struct ramet_buf *b, size_t need)
{
	size_t cap = b->cap > BUF_FIRST / 2 ? b->cap : BUF_FIRST / 2;
	char *ptr;

	cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	if (cap > b->max)
		cap = b->max == SIZE_MAX ? SIZE_MAX : b->max + 1;
	if (cap < need)
		cap = need;
	ptr = ramet_realloc(b->ptr, cap);
	if (!ptr)
		return fail(b, RAMET_ENOMEM);
	b->ptr = ptr;
	b->cap = cap;
	b->ptr[b->len] = '\0';
	return 0;
}

int ramet_buf_reserve(struct ramet_buf *b, size_t more)
{
	if (b->status)
		return b->status;
	if (more < b->cap - b->len)                  /* also keeps the room for the NUL */
		return 0;
	if (more > b->max - b->len)
		return fail(b, RAMET_ELIMIT);
	if (more >= SIZE_MAX - b->len)
		return fail(b, RAMET_ENOMEM);
	return grow(b, b->len + more + 1);
}

/* The same, asked without a call where there is room. */
static inline int has_room(struct ramet_buf *b, size_t more)
{
	return (!b->status && more < b->cap - b->len) || ramet_buf_reserve(b, more) == 0;
}

void ramet_buf_add(struct ramet_buf *b, struct ramet_bytes bytes)
{
	if (!has_room(b, bytes.len) || !bytes.len)
		return;
	memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
	b->len += bytes.len;
	b->ptr[b->len] = '\0';
}

void ramet_buf_add_str(struct ramet_buf *b, const char *text)
{
	ramet_buf_add(b, ramet_bytes_of(text));
}

void ramet_buf_add_char(struct ramet_buf *b, char c)
{
	if (!has_room(b, 1))
		return;
	b->ptr[b->len++] = c;
	b->ptr[b->len] = '\0';
}

/* How long the text is; printed if it fits into the room there is. */
static int print(struct ramet_buf *b, const char *fmt, va_list args) RAMET_PRINTF(2, 0);
static int print(struct ramet_buf *b, const char *fmt, va_list args)
{
	size_t room = b->cap - b->len;
	int len = vsnprintf(room ? b->ptr + b->len : NULL, room, fmt, args);

	if (room && (len < 0 || (size_t)len >= room))
		b->ptr[b->len] = '\0';
	return len;
}

void ramet_buf_addf(struct ramet_buf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	if (b->status)
		return;
	va_start(args, fmt);
	len = print(b, fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len >= b->cap - b->len) {
		if (ramet_buf_reserve(b, (size_t)len) < 0)
			return;
		va_start(args, fmt);
		len = print(b, fmt, args);
		va_end(args);
	}
	if (len < 0)
		b->status = RAMET_EINVAL;
	else
		b->len += (size_t)len;
}

struct ramet_bytes ramet_buf_bytes(const struct ramet_buf *b)
{
	struct ramet_bytes bytes = { b->ptr ? b->ptr : "", b->len };

	return bytes;
}

int ramet_buf_status(const struct ramet_buf *b)
{
	return b->status;
}

void ramet_buf_reset(struct ramet_buf *b)
{
	b->status = 0;
	ramet_buf_truncate(b, 0);
}

void ramet_buf_truncate(struct ramet_buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->ptr)
		b->ptr[len] = '\0';
}

char *ramet_buf_detach(struct ramet_buf *b, size_t *len)
{
	char *ptr;

	if (b->status || (!b->ptr && ramet_buf_reserve(b, 0) < 0))
		return NULL;
	ptr = b->ptr;
	if (len)
		*len = b->len;
	ramet_buf_init(b, b->max);
	return ptr;
}

void ramet_buf_release(struct ramet_buf *b)
{
	ramet_free(b->ptr);
	ramet_buf_init(b, b->max);
}

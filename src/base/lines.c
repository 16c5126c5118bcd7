/*
 * base/lines.c - the bounded line reader.
 *
 * Invariant: block[from, to) holds the bytes [at, at + to - from) of the file. The block starts at
 * 64 KiB and doubles only while a line that is within the limit does not fit, and never beyond what
 * is left to read. A line over the limit is counted and dropped block by block. A file that ends
 * before `end` ends there. After an error the reader stands somewhere inside a line: close it.
 */
#include "base/lines.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

#define BLOCK_FIRST (64 * 1024)

static size_t smaller(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

int rameti_lines_open(struct rameti_lines *l, const struct rameti_file *f, uint64_t from,
		      uint64_t end, size_t max_line, struct ramet_error *err)
{
	size_t cap = smaller(end > from ? end - from : 0, BLOCK_FIRST);
	char *block = ramet_alloc(cap);

	if (!block)
		return rameti_fail_nomem(err);
	l->file = f;
	l->at = from;
	l->end = end > from ? end : from;
	l->max_line = max_line;
	l->block = block;
	l->cap = cap;
	l->from = l->to = 0;
	return 0;
}

void rameti_lines_close(struct rameti_lines *l)
{
	ramet_free(l->block);
	memset(l, 0, sizeof(*l));
}

/* Make room behind the held bytes: move them to the front, or get a larger block. */
static int make_room(struct rameti_lines *l, struct ramet_error *err)
{
	size_t cap;
	char *block;

	if (l->from) {
		memmove(l->block, l->block + l->from, l->to - l->from);
		l->to -= l->from;
		l->from = 0;
	}
	if (l->to < l->cap)
		return 0;
	cap = smaller(l->end - l->at, l->cap > SIZE_MAX / 2 ? SIZE_MAX : l->cap * 2);
	block = ramet_realloc(l->block, cap);
	if (!block)
		return rameti_fail_nomem(err);
	l->block = block;
	l->cap = cap;
	return 0;
}

/* More bytes behind the held ones: 1 there are, 0 the end. */
static int fill(struct rameti_lines *l, struct ramet_error *err)
{
	uint64_t behind = l->at + (l->to - l->from);
	int64_t n;
	int r;

	if (behind >= l->end)
		return 0;
	r = make_room(l, err);
	if (r < 0)
		return r;
	n = rameti_file_read_at(l->file, l->block + l->to, smaller(l->end - behind, l->cap - l->to),
				behind, err);
	if (n < 0)
		return (int)n;
	l->to += (size_t)n;
	if (n == 0)
		l->end = behind;
	return n > 0;
}

static void advance(struct rameti_lines *l, size_t n)
{
	l->from += n;
	l->at += n;
}

void rameti_lines_seek(struct rameti_lines *l, uint64_t at)
{
	size_t held = l->to - l->from;

	at = at < l->end ? at : l->end;
	assert(at >= l->at);
	if (at - l->at <= held) {
		advance(l, (size_t)(at - l->at));
		return;
	}
	l->from = l->to = 0;
	l->at = at;
}

/* The held bytes begin a line over the limit: count it to its end, keep nothing. */
static int skip(struct rameti_lines *l, struct rameti_lines_item *item, struct ramet_error *err)
{
	struct rameti_lines_item found = { { "", 0 }, l->at, 0, 0, 1 };
	const char *newline;
	size_t held;
	int more = 1;

	while (more > 0 && !found.terminated) {
		held = l->to - l->from;
		newline = held ? memchr(l->block + l->from, '\n', held) : NULL;
		if (newline)
			held = (size_t)(newline - (l->block + l->from));
		found.terminated = newline != NULL;
		found.len += held;
		advance(l, held + (newline != NULL));
		if (!newline)
			more = fill(l, err);
	}
	if (more < 0)
		return more;
	*item = found;
	return 1;
}

int rameti_lines_next(struct rameti_lines *l, struct rameti_lines_item *item,
		      struct ramet_error *err)
{
	const char *newline = NULL;
	size_t seen = 0, len;
	int more = 1;

	for (;;) {
		if (l->to - l->from > seen)
			newline = memchr(l->block + l->from + seen, '\n', l->to - l->from - seen);
		seen = l->to - l->from;
		if (newline || !more || seen > l->max_line)
			break;
		more = fill(l, err);
		if (more < 0)
			return more;
	}
	len = newline ? (size_t)(newline - (l->block + l->from)) : seen;
	if (len > l->max_line)
		return skip(l, item, err);
	if (!newline && !len)
		return 0;
	item->text.ptr = l->block + l->from;
	item->text.len = len;
	item->offset = l->at;
	item->len = len;
	item->terminated = newline != NULL;
	item->too_long = 0;
	advance(l, len + (newline != NULL));
	return 1;
}

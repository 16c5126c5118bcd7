/*
 * fuzz_lines.c - the line reader over a file in memory.
 *
 * The first four bytes choose the line limit, where to begin and end, and how short each read is.
 * What must hold: the lines and their newlines cover the range without gap or overlap, no line
 * holds a newline, and exactly the lines over the limit are too long.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/lines.h"

struct content {
	const uint8_t *data;
	size_t len, longest;
	unsigned calls;
};

static ssize_t read_content(void *user, int fd, void *to, size_t len, off_t at)
{
	struct content *c = user;

	(void)fd;
	if (c->calls++ % 3 == 2) {
		errno = EINTR;
		return -1;
	}
	if ((uint64_t)at >= c->len)
		return 0;
	if (len > c->len - (size_t)at)
		len = c->len - (size_t)at;
	if (len > c->longest)
		len = c->longest;
	memcpy(to, c->data + at, len);
	return (ssize_t)len;
}

/* One item; returns where the next line begins. */
static uint64_t check(const struct content *c, const struct rameti_lines_item *item, uint64_t at,
		      uint64_t end, size_t max_line)
{
	uint64_t stop = at + item->len;

	assert(item->offset == at && stop <= end && (item->len || item->terminated));
	assert(!memchr(c->data + at, '\n', item->len));
	assert(item->terminated ? stop < end && c->data[stop] == '\n' : stop == end);
	assert(item->too_long == (item->len > max_line));
	if (item->too_long)
		assert(!item->text.len);
	else
		assert(item->text.len == item->len && !memcmp(item->text.ptr, c->data + at,
							      item->len));
	return stop + (item->terminated != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rameti_env env = *rameti_env_default();
	struct rameti_file f = { &env, 0 };
	struct rameti_lines_item item;
	struct rameti_lines l;
	struct content c;
	uint64_t at, end;
	size_t max_line;
	int r;

	if (len < 4)
		return 0;
	c.data = data + 4;
	c.len = len - 4;
	c.longest = data[3] ? data[3] : SIZE_MAX;
	c.calls = 0;
	max_line = data[0] < 250 ? data[0] : SIZE_MAX;
	at = data[1] < c.len ? data[1] : c.len;
	end = data[2] < c.len - at ? c.len - data[2] : c.len;
	env.user = &c;
	env.pread = read_content;
	if (rameti_lines_open(&l, &f, at, data[2] ? end : UINT64_MAX, max_line, NULL) < 0)
		return 0;
	while ((r = rameti_lines_next(&l, &item, NULL)) > 0)
		at = check(&c, &item, at, end, max_line);
	assert(r == 0 && at == end);
	rameti_lines_close(&l);
	return 0;
}

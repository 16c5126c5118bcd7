/*
 * codec/span.c - strings that may be copied as they stand; numbers in digits.
 *
 * Looks at parsed values only. A doubtful string is told to be none that may be copied.
 */
#include "codec/span.h"

#include <string.h>

#include "json/scan.h"

static int is_usual_escape(char letter)
{
	static const uint8_t usual[256] = { ['"'] = 1, ['\\'] = 1, ['b'] = 1, ['f'] = 1,
					    ['n'] = 1, ['r'] = 1,  ['t'] = 1 };

	return usual[(unsigned char)letter];
}

int rameti_span_is_usual(const struct ramet_json *v)
{
	const char *p, *end;

	if (ramet_json_kind(v) != RAMET_JSON_STRING || (v->flags & RAMET_JSON_BAD_UTF8))
		return 0;
	if (!(v->flags & RAMET_JSON_HAS_ESCAPE))
		return 1;
	end = v->ptr + v->len - 1;
	for (p = v->ptr + 1; (p = memchr(p, '\\', (size_t)(end - p))) != NULL; p += 2)
		if (!is_usual_escape(p[1]))
			return 0;
	return 1;
}

void rameti_span_add_member(struct ramet_buf *out, const struct ramet_json *key)
{
	const struct ramet_json *value = key + 1;
	struct ramet_bytes both = { key->ptr, (size_t)key->len + 1 + value->len };

	ramet_buf_add_char(out, ',');
	if (key->ptr + both.len == value->ptr + value->len && rameti_json_is_compact(value)) {
		ramet_buf_add(out, both);
		return;
	}
	ramet_buf_add(out, ramet_json_raw(key));
	ramet_buf_add_char(out, ':');
	rameti_json_add_compact(out, value);
}

void rameti_span_add_count(struct ramet_buf *out, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	ramet_buf_add(out, (struct ramet_bytes){ digits + i, sizeof(digits) - i });
}

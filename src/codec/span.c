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

/* Which it would be hangs on the length alone. */
int rameti_span_is_common(const struct ramet_json *key)
{
	static const char *const of_len[] = { [2] = "id", [4] = "type", [8] = "parentId",
					      [9] = "timestamp" };
	size_t len = key->len - 2;

	if (key->flags & RAMET_JSON_HAS_ESCAPE)
		return ramet_json_text_is(key, "id") || ramet_json_text_is(key, "type") ||
		       ramet_json_text_is(key, "parentId") || ramet_json_text_is(key, "timestamp");
	return len < sizeof(of_len) / sizeof(of_len[0]) && of_len[len] &&
	       !memcmp(key->ptr + 1, of_len[len], len);
}

void rameti_span_add_own_members(struct ramet_buf *out, const struct ramet_json *entry)
{
	const struct ramet_json *key, *value, *end = entry + entry->span;
	size_t start = out->len;

	for (key = entry + 1; key < end; key = value + value->span) {
		value = key + 1;
		if (rameti_span_is_common(key))
			continue;
		if (out->len > start)
			ramet_buf_add_char(out, ',');
		ramet_buf_add(out, ramet_json_raw(key));
		ramet_buf_add_char(out, ':');
		ramet_buf_add(out, ramet_json_raw(value));
	}
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

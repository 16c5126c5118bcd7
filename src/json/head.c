/*
 * head.c - the two cheap looks at a line: where it ends, and what type a line written by pi has.
 *
 * The head look is for listing only. It proves nothing about the rest of the line.
 */
#include "json/scan.h"

#include <string.h>

size_t rameti_scan_newline(struct ramet_bytes text)
{
	const char *p = text.len ? memchr(text.ptr, '\n', text.len) : NULL;

	return p ? (size_t)(p - text.ptr) : text.len;
}

/* Move behind `what` if it is there. */
static int skip(struct ramet_bytes *text, const char *what)
{
	size_t len = strlen(what);

	if (text->len < len || memcmp(text->ptr, what, len) != 0)
		return 0;
	text->ptr += len;
	text->len -= len;
	return 1;
}

/* Move behind a string without escapes, control characters or high bytes. */
static int skip_plain(struct ramet_bytes *text, struct ramet_bytes *value)
{
	size_t i;

	if (!skip(text, "\""))
		return 0;
	for (i = 0; i < text->len && text->ptr[i] != '"'; i++)
		if (text->ptr[i] == '\\' || (signed char)text->ptr[i] < 0x20)
			return 0;
	if (i == text->len)
		return 0;
	*value = (struct ramet_bytes){ text->ptr, i };
	text->ptr += i + 1;
	text->len -= i + 1;
	return 1;
}

int rameti_scan_head_type(struct ramet_bytes text, struct ramet_bytes *type)
{
	struct ramet_bytes found, other;

	if (!skip(&text, "{\"type\":") || !skip_plain(&text, &found))
		return 0;
	if (!skip(&text, ",\"customType\":")) {
		if (!skip(&text, ",\"id\":") || !skip_plain(&text, &other) ||
		    !skip(&text, ",\"parentId\":"))
			return 0;
		if (!skip(&text, "null") && !skip_plain(&text, &other))
			return 0;
		if (!skip(&text, ",\"timestamp\":") || !skip_plain(&text, &other))
			return 0;
	}
	*type = found;
	return 1;
}

/*
 * utf8.c - UTF-8 as JavaScript's decoder sees it: what is valid, how long an invalid sequence is,
 * and text with U+FFFD in the place of each.
 *
 * Strict: overlong forms, surrogates and everything above U+10FFFF are invalid.
 */
#include "json/index_priv.h"

#include <string.h>

/* Length a lead byte announces, and the range of the byte behind it; 0 for what is no lead byte. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c < 0xe0)
		return 2;
	if (c == 0xe0)
		*low = 0xa0;
	if (c == 0xed)
		*high = 0x9f;
	if (c < 0xf0)
		return 3;
	if (c == 0xf0)
		*low = 0x90;
	if (c == 0xf4)
		*high = 0x8f;
	return 4;
}

size_t rameti_utf8_bad_len(struct ramet_bytes text, size_t *char_len)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	unsigned char low, high;
	size_t i, n;

	*char_len = 0;
	if (!text.len)
		return 0;
	n = lead(s[0], &low, &high);
	if (!n)
		return 1;
	for (i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (i == text.len || s[i] < low || s[i] > high)
			return i;
	*char_len = n;
	return 0;
}

/* How many bytes from the start are plain ASCII. */
static size_t ascii_len(const char *text, size_t len)
{
	size_t i = 0;
	uint64_t w;

	for (; len - i >= 8; i += 8) {
		memcpy(&w, text + i, 8);
		if (w & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < len && (unsigned char)text[i] < 0x80)
		i++;
	return i;
}

/* How many bytes from the start are valid. */
static size_t valid_len(const char *text, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		i += ascii_len(text + i, len - i);
		if (i == len || rameti_utf8_bad_len((struct ramet_bytes){ text + i, len - i }, &n))
			break;
		i += n;
	}
	return i;
}

int rameti_utf8_valid_plain(const char *text, size_t len)
{
	return valid_len(text, len) == len;
}

void rameti_utf8_add(struct ramet_buf *b, struct ramet_bytes text)
{
	while (text.len) {
		size_t n = valid_len(text.ptr, text.len), char_len;

		ramet_buf_add(b, (struct ramet_bytes){ text.ptr, n });
		text.ptr += n;
		text.len -= n;
		if (!text.len)
			return;
		n = rameti_utf8_bad_len(text, &char_len);
		ramet_buf_add_str(b, "\xef\xbf\xbd");
		text.ptr += n;
		text.len -= n;
	}
}

size_t rameti_utf16_len(struct ramet_bytes text)
{
	size_t i, n = 0;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		n += (size_t)((c & 0xc0) != 0x80) + (size_t)(c >= 0xf0);
	}
	return n;
}

size_t rameti_utf8_space(struct ramet_bytes text)
{
	const unsigned char *s = (const unsigned char *)text.ptr;

	if (!text.len)
		return 0;
	if ((s[0] >= 9 && s[0] <= 13) || s[0] == ' ')
		return 1;
	if (text.len >= 2 && s[0] == 0xc2 && s[1] == 0xa0)
		return 2;
	if (text.len < 3)
		return 0;
	if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x80 && s[2] <= 0x8a)
		return 3;
	if (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3) ||
	    !memcmp(s, "\xe2\x80\xaf", 3) || !memcmp(s, "\xe1\x9a\x80", 3) ||
	    !memcmp(s, "\xe2\x81\x9f", 3) || !memcmp(s, "\xe3\x80\x80", 3) ||
	    !memcmp(s, "\xef\xbb\xbf", 3))
		return 3;
	return 0;
}

struct ramet_bytes rameti_utf8_trim(struct ramet_bytes text)
{
	struct ramet_bytes tail;
	size_t n;

	while ((n = rameti_utf8_space(text)) > 0) {
		text.ptr += n;
		text.len -= n;
	}
	for (n = 1; n <= 3 && n <= text.len; n++) {
		tail.ptr = text.ptr + text.len - n;
		tail.len = n;
		if (rameti_utf8_space(tail) == n) {
			text.len -= n;
			n = 0;
		}
	}
	return text;
}

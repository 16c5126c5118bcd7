/*
 * codec/begins.c - tells the start of a record from the start of a value inside one.
 *
 * Behind a piece of a torn record a whole one may stand. What looks like its start must not be the
 * inside of the torn one: a content block, an item, an entry that a record carries. So the first
 * members have to be exactly those that a program writes, without white space.
 */
#include "codec/begins.h"

#include <string.h>
#include "codec/yoi.h"

#define HASH_DIGITS 64

static int skip(struct ramet_bytes *text, const char *what)
{
	size_t len = strlen(what);

	if (text->len < len || memcmp(text->ptr, what, len) != 0)
		return 0;
	text->ptr += len;
	text->len -= len;
	return 1;
}

/* The string that goes on here, up to its closing quote, which is next then. */
static int take_string(struct ramet_bytes *text, struct ramet_bytes *string)
{
	const char *end = text->len ? memchr(text->ptr, '"', text->len) : NULL;

	if (!end)
		return 0;
	string->ptr = text->ptr;
	string->len = (size_t)(end - text->ptr);
	text->ptr = end;
	text->len -= string->len;
	return 1;
}

static int pi_begins(struct ramet_bytes text)
{
	struct ramet_bytes type;

	return skip(&text, "{\"type\":\"") && take_string(&text, &type) &&
	       ramet_entry_type_of(type) != RAMET_ENTRY_OTHER;
}

/* An entry that is carried begins with type and id; a record has no id. */
static int ggcode_begins(struct ramet_bytes text)
{
	static const char *const types[] = { "message", "meta",	  "checkpoint",	  "usage",
					     "metric",	"cost", "tunnel_event", "ramet.entry" };
	struct ramet_bytes type;
	size_t i;

	if (!skip(&text, "{\"type\":\"") || !take_string(&text, &type) ||
	    !skip(&text, "\",\"") || skip(&text, "id\""))
		return 0;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (ramet_bytes_is(type, types[i]))
			return 1;
	return 0;
}

/* Hashed, or a kind that is known and its time: an item has a kind too, but no time. */
static int yoi_begins(struct ramet_bytes text)
{
	struct ramet_bytes name;

	if (skip(&text, "{\"hash\":\""))
		return take_string(&text, &name) && name.len == HASH_DIGITS &&
		       skip(&text, "\",\"prev_hash\":");
	if (!skip(&text, "{\"kind\":\"") || !take_string(&text, &name))
		return 0;
	name.ptr--;                              /* with its quotes */
	name.len += 2;
	return rameti_yoi_kind_of(name) && skip(&text, "\",\"ts\":");
}

int rameti_record_begins(const struct rameti_codec *codec, struct ramet_bytes text)
{
	if (codec == &rameti_codec_ggcode)
		return ggcode_begins(text);
	if (codec == &rameti_codec_yoi)
		return yoi_begins(text);
	return pi_begins(text);
}

/* What is not the start of one of pi's lines either. */
static const struct rameti_codec *format_of_line(struct ramet_bytes line)
{
	struct ramet_bytes type, text = line;

	if (yoi_begins(line))
		return &rameti_codec_yoi;
	if (skip(&text, "{\"type\":\"") && take_string(&text, &type) &&
	    skip(&text, "\",\"session_id\":\"") && ggcode_begins(line))
		return &rameti_codec_ggcode;
	return NULL;
}

const struct rameti_codec *rameti_record_format(struct ramet_bytes head)
{
	const struct rameti_codec *codec = NULL;

	(void)skip(&head, "\xef\xbb\xbf");
	while (!codec && head.len) {
		size_t n = rameti_scan_newline(head);
		struct ramet_bytes line = head;

		if (skip(&line, "{\"type\":\"session\""))
			break;
		codec = format_of_line((struct ramet_bytes){ head.ptr, n });
		n += n < head.len;
		head.ptr += n;
		head.len -= n;
	}
	return codec;
}

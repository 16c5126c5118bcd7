/*
 * edit.c - an object's text with some members changed and every other byte as it was.
 *
 * Walks the members once and copies what lies between changes. A removed member takes one comma
 * with it: the one in front of it, or for the first members that are left out the one behind.
 */
#include "ramet/json.h"

#include "base/error.h"
#include "json/scan.h"

#include <string.h>

/* The edit of this key, or NULL; of equal edits the last rules. */
static const struct ramet_json_edit *edit_of(const struct ramet_json *key,
					     const struct ramet_json_edit *edits, size_t n_edits)
{
	while (n_edits--)
		if (rameti_json_raw_is(ramet_json_raw(key), edits[n_edits].key))
			return &edits[n_edits];
	return NULL;
}

/* Is the value behind this key what the key means: no equal key comes later? */
static int is_last(const struct ramet_json *object, const struct ramet_json *key,
		   const struct ramet_json_edit *edit)
{
	return ramet_json_get_bytes(object, edit->key) == key + 1;
}

static struct ramet_bytes from_to(const char *from, const char *to)
{
	return (struct ramet_bytes){ from, (size_t)(to - from) };
}

/* The members that are there. Returns what is to be copied from on; *kept says if any stayed. */
static const char *edit_members(struct ramet_buf *out, const struct ramet_json *object,
				const char *copied, const struct ramet_json_edit *edits, size_t n_edits,
				int *kept)
{
	const struct ramet_json *end = object + object->span, *key, *value;
	const char *before = object->ptr + 1;            /* end of what stands in front of this member */

	for (key = object + 1; key < end; key = value + value->span) {
		const struct ramet_json_edit *e = edit_of(key, edits, n_edits);

		value = key + 1;
		if (e && !e->value.ptr) {
			ramet_buf_add(out, from_to(copied, before));
			copied = value->ptr + value->len;
			if (!*kept && value + value->span < end) /* the first: up to the next key */
				copied = value[value->span].ptr;
		} else {
			*kept = 1;
			if (e && is_last(object, key, e)) {
				ramet_buf_add(out, from_to(copied, value->ptr));
				ramet_buf_add(out, e->value);
				copied = value->ptr + value->len;
			}
		}
		before = value->ptr + value->len;
		if (before < copied)
			before = copied;
	}
	return copied;
}

/* Is this edit a new member: not there, not removed, not said again later? */
static int is_new(const struct ramet_json *object, const struct ramet_json_edit *edits, size_t i,
		  size_t n_edits)
{
	size_t j;

	if (!edits[i].value.ptr || ramet_json_get_bytes(object, edits[i].key))
		return 0;
	for (j = i + 1; j < n_edits; j++)
		if (ramet_bytes_eq(edits[j].key, edits[i].key))
			return 0;
	return 1;
}

/* End of the last member, or of the opening brace: new members go there. */
static const char *members_end(const struct ramet_json *object)
{
	const struct ramet_json *last = NULL, *v;

	for (v = ramet_json_next(object, NULL); v; v = ramet_json_next(object, v))
		last = v;
	return last ? last->ptr + last->len : object->ptr + 1;
}

int ramet_json_edit(struct ramet_buf *out, struct ramet_bytes text, const struct ramet_json *object,
		    const struct ramet_json_edit *edits, size_t n_edits, struct ramet_error *err)
{
	const char *copied = text.ptr, *tail;
	size_t i;
	int kept = 0;

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT || object->ptr < text.ptr ||
	    object->ptr + object->len > text.ptr + text.len)
		return rameti_fail(err, RAMET_EINVAL, "the edited node is no object of this text");
	copied = edit_members(out, object, copied, edits, n_edits, &kept);
	tail = members_end(object);
	if (copied < tail) {
		ramet_buf_add(out, from_to(copied, tail));
		copied = tail;
	}
	for (i = 0; i < n_edits; i++) {
		if (!is_new(object, edits, i, n_edits))
			continue;
		if (kept)
			ramet_buf_add_char(out, ',');
		kept = 1;
		ramet_buf_add_json_string(out, edits[i].key);
		ramet_buf_add_char(out, ':');
		ramet_buf_add(out, edits[i].value);
	}
	ramet_buf_add(out, from_to(copied, text.ptr + text.len));
	return ramet_buf_status(out);
}

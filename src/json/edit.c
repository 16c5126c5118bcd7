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

/* The edits, and for each the value it means: the last one of its key. */
struct plan {
	const struct ramet_json_edit *edits;
	size_t n;
	const struct ramet_json **values;
};

/* Number of this key's edit, or p->n; of equal edits the last rules. */
static size_t edit_of(const struct plan *p, const struct ramet_json *key)
{
	size_t i;

	for (i = p->n; i--;)
		if (rameti_json_raw_is(ramet_json_raw(key), p->edits[i].key))
			return i;
	return p->n;
}

static struct ramet_bytes from_to(const char *from, const char *to)
{
	return (struct ramet_bytes){ from, (size_t)(to - from) };
}

/* The members that are there. Returns what is to be copied from on; *kept says if any stayed. */
static const char *edit_members(struct ramet_buf *out, const struct ramet_json *object,
				const char *copied, const struct plan *plan, int *kept)
{
	const struct ramet_json *end = object + object->span, *key, *value;
	const char *before = object->ptr + 1; /* end of what stands in front of this member */

	for (key = object + 1; key < end; key = value + value->span) {
		size_t i = edit_of(plan, key);

		value = key + 1;
		if (i < plan->n && !plan->edits[i].value.ptr) {
			ramet_buf_add(out, from_to(copied, before));
			copied = value->ptr + value->len;
			if (!*kept && value + value->span < end) /* the first: up to the next key */
				copied = value[value->span].ptr;
		} else {
			*kept = 1;
			if (i < plan->n && plan->values[i] == value) {
				ramet_buf_add(out, from_to(copied, value->ptr));
				ramet_buf_add(out, plan->edits[i].value);
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
static int is_new(const struct plan *p, size_t i)
{
	size_t j;

	if (!p->edits[i].value.ptr || p->values[i])
		return 0;
	for (j = i + 1; j < p->n; j++)
		if (ramet_bytes_eq(p->edits[j].key, p->edits[i].key))
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

static void edit_object(struct ramet_buf *out, struct ramet_bytes text,
			const struct ramet_json *object, const struct plan *plan)
{
	const char *copied, *tail = members_end(object);
	size_t i;
	int kept = 0;

	copied = edit_members(out, object, text.ptr, plan, &kept);
	if (copied < tail) {
		ramet_buf_add(out, from_to(copied, tail));
		copied = tail;
	}
	for (i = 0; i < plan->n; i++) {
		if (!is_new(plan, i))
			continue;
		if (kept)
			ramet_buf_add_char(out, ',');
		kept = 1;
		ramet_buf_add_json_string(out, plan->edits[i].key);
		ramet_buf_add_char(out, ':');
		ramet_buf_add(out, plan->edits[i].value);
	}
	ramet_buf_add(out, from_to(copied, text.ptr + text.len));
}

int ramet_json_edit(struct ramet_buf *out, struct ramet_bytes text, const struct ramet_json *object,
		    const struct ramet_json_edit *edits, size_t n_edits, struct ramet_error *err)
{
	struct plan plan = { edits, n_edits, NULL };
	size_t i;

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT || object->ptr < text.ptr ||
	    object->ptr + object->len > text.ptr + text.len)
		return rameti_fail(err, RAMET_EINVAL, "the edited node is no object of this text");
	plan.values = ramet_calloc(n_edits + 1, sizeof(struct ramet_json *));
	if (!plan.values)
		return rameti_fail_nomem(err);
	for (i = 0; i < n_edits; i++)
		plan.values[i] = ramet_json_get_bytes(object, edits[i].key);
	edit_object(out, text, object, &plan);
	ramet_free(plan.values);
	if (ramet_buf_status(out) < 0)
		return rameti_fail(err, ramet_buf_status(out), "no room for the edited json");
	return 0;
}

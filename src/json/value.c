/*
 * value.c - questions to a parsed text. NULL and wrong kinds are answered with "nothing".
 */
#include "ramet/json.h"

#include "json/scan.h"

#include <string.h>

int ramet_json_kind(const struct ramet_json *v)
{
	return v ? v->kind : RAMET_JSON_NONE;
}

struct ramet_bytes ramet_json_raw(const struct ramet_json *v)
{
	return v ? (struct ramet_bytes){ v->ptr, v->len } : (struct ramet_bytes){ NULL, 0 };
}

uint32_t ramet_json_count(const struct ramet_json *container)
{
	int kind = ramet_json_kind(container);

	return kind == RAMET_JSON_ARRAY || kind == RAMET_JSON_OBJECT ? container->n : 0;
}

const struct ramet_json *ramet_json_next(const struct ramet_json *container,
					 const struct ramet_json *v)
{
	if (!ramet_json_count(container))
		return NULL;
	v = v ? v + v->span : container + 1;
	return v < container + container->span ? v : NULL;
}

/* Does the string node say `text`? Without flags it holds neither escapes nor bad bytes. */
static inline int says(const struct ramet_json *node, struct ramet_bytes text)
{
	if (node->flags)
		return rameti_json_raw_is(ramet_json_raw(node), text);
	/* most are told apart by their length and their first letter */
	return node->len == text.len + 2 &&
	       (!text.len ||
		(node->ptr[1] == *text.ptr && !memcmp(node->ptr + 1, text.ptr, text.len)));
}

const struct ramet_json *ramet_json_get_bytes(const struct ramet_json *object,
					      struct ramet_bytes key)
{
	const struct ramet_json *found = NULL, *v, *end;

	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return NULL;
	if (!key.ptr)
		key.ptr = "";
	end = object + object->span;
	for (v = object + 1; v < end; v = v + 1 + v[1].span)
		if (says(v, key))
			found = v + 1;
	return found;
}

void rameti_json_pick(const struct ramet_json *object, const struct ramet_bytes *names, size_t n,
		      const struct ramet_json **found)
{
	const struct ramet_json *v, *end;
	size_t i;

	for (i = 0; i < n; i++)
		found[i] = NULL;
	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return;
	end = object + object->span;
	for (v = object + 1; v < end; v = v + 1 + v[1].span)
		for (i = 0; i < n; i++)
			if (says(v, names[i])) {
				found[i] = v + 1;
				break;
			}
}

const struct ramet_json *ramet_json_get(const struct ramet_json *object, const char *key)
{
	return ramet_json_get_bytes(object, (struct ramet_bytes){ key, strlen(key) });
}

struct ramet_bytes ramet_json_plain(const struct ramet_json *v)
{
	if (ramet_json_kind(v) != RAMET_JSON_STRING || v->flags)
		return (struct ramet_bytes){ NULL, 0 };
	return (struct ramet_bytes){ v->ptr + 1, v->len - 2 };
}

int ramet_json_text_is(const struct ramet_json *v, const char *text)
{
	return ramet_json_kind(v) == RAMET_JSON_STRING &&
	       says(v, (struct ramet_bytes){ text, strlen(text) });
}

int ramet_json_truthy(const struct ramet_json *v)
{
	switch (ramet_json_kind(v)) {
	case RAMET_JSON_TRUE:
	case RAMET_JSON_ARRAY:
	case RAMET_JSON_OBJECT:
		return 1;
	case RAMET_JSON_NUMBER:
		return ramet_json_number(v) != 0;
	case RAMET_JSON_STRING:
		return v->len > 2;
	default:
		return 0;
	}
}

/*
 * model/files.c - the files that tool calls name: what was read, what was changed.
 *
 * pi's tools read, write and edit, with the path as a text; calls that ran inside a tool's result
 * count too. Whoever changed a file need not be told that it was read.
 */
#include "model/conversation.h"

#include <stdlib.h>

#include "base/error.h"

enum { READ = 0, CHANGED = 1 };

void rameti_files_init(struct rameti_files *f)
{
	rameti_map_init(&f->paths, 0);
}

void rameti_files_release(struct rameti_files *f)
{
	rameti_map_release(&f->paths);
}

static int note(struct rameti_files *f, const struct ramet_json *path, uint32_t what)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t known = READ;
	int r;

	if (ramet_json_kind(path) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(path, &text);
	r = ramet_buf_status(&text);
	if (!r && text.len) {
		rameti_map_get(&f->paths, ramet_buf_bytes(&text), &known);
		r = rameti_map_set(&f->paths, ramet_buf_bytes(&text), known | what);
	}
	ramet_buf_release(&text);
	return r;
}

static int note_call(struct rameti_files *f, const struct ramet_json *call)
{
	const struct ramet_json *name = ramet_json_get(call, "name"),
				*path = ramet_json_get(ramet_json_get(call, "arguments"), "path");

	if (ramet_json_text_is(name, "read"))
		return note(f, path, READ);
	if (ramet_json_text_is(name, "write") || ramet_json_text_is(name, "edit"))
		return note(f, path, CHANGED);
	return 0;
}

static int note_calls(struct rameti_files *f, const struct ramet_json *list, const char *type)
{
	const struct ramet_json *v = NULL;
	int r = 0;

	while (!r && ramet_json_kind(list) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(list, v)) != NULL)
		if (!type || ramet_json_text_is(ramet_json_get(v, "type"), type))
			r = note_call(f, v);
	return r;
}

int rameti_files_add_message(struct rameti_files *f, struct ramet_json_doc *doc,
			     const struct ramet_message *m, struct ramet_error *err)
{
	const struct ramet_json *root;
	int r;

	if (m->role != RAMET_ROLE_ASSISTANT && m->role != RAMET_ROLE_TOOL_RESULT)
		return 0;
	r = ramet_json_parse(doc, m->json, 0, err);
	if (r < 0)
		return r;
	root = ramet_json_root(doc);
	if (m->role == RAMET_ROLE_ASSISTANT)
		r = note_calls(f, ramet_json_get(root, "content"), "toolCall");
	else
		r = note_calls(f, ramet_json_get(ramet_json_get(root, "nestedCalls"), "calls"),
			       NULL);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

static int note_list(struct rameti_files *f, const struct ramet_json *list, uint32_t what)
{
	const struct ramet_json *v = NULL;
	int r = 0;

	while (!r && ramet_json_kind(list) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(list, v)) != NULL)
		r = note(f, v, what);
	return r;
}

int rameti_files_add_details(struct rameti_files *f, const struct ramet_json *entry,
			     struct ramet_error *err)
{
	const struct ramet_json *details = ramet_json_get(entry, "details");
	int r;

	/* what an extension made says what it likes */
	if (ramet_json_truthy(ramet_json_get(entry, "fromHook")))
		return 0;
	r = note_list(f, ramet_json_get(details, "readFiles"), READ);
	if (!r)
		r = note_list(f, ramet_json_get(details, "modifiedFiles"), CHANGED);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

/* Bytes in the order that JavaScript gives to UTF-16: characters beyond the first plane come before
 * those from U+E000 on. */
static int rank(unsigned char c)
{
	return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int by_utf16(const void *a, const void *b)
{
	const struct ramet_bytes *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len, i;

	for (i = 0; i < n; i++)
		if (x->ptr[i] != y->ptr[i])
			return rank((unsigned char)x->ptr[i]) - rank((unsigned char)y->ptr[i]);
	return (x->len > y->len) - (x->len < y->len);
}

int rameti_files_list(const struct rameti_files *f, int changed, struct rameti_arena *a,
		      struct ramet_bytes **list, uint32_t *n, struct ramet_error *err)
{
	const struct rameti_map_item *item;
	struct ramet_bytes *found;
	uint32_t i = 0, count = 0;

	found = rameti_arena_alloc(a, rameti_mul(f->paths.n_live + 1u, sizeof(*found)));
	if (!found)
		return rameti_fail_nomem(err);
	while ((item = rameti_map_next(&f->paths, &i)) != NULL) {
		if ((item->value == CHANGED) != changed)
			continue;
		found[count] = rameti_arena_dup(a, item->key);
		if (!found[count++].ptr)
			return rameti_fail_nomem(err);
	}
	if (count)
		qsort(found, count, sizeof(*found), by_utf16);
	*list = found;
	*n = count;
	return 0;
}

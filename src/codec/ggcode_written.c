/*
 * codec/ggcode_written.c - what an encoder has written already: ids in order, in e->text, each with
 * a byte that says whether it is a message and its length; what was there before is in the
 * encoder's reader. Nothing is ever taken out.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "model/tree.h"

void rameti_gg_log_id(struct rameti_encoder *e, struct ramet_bytes id, int message)
{
	ramet_buf_add_char(&e->text, message ? 1 : 0);
	ramet_buf_add(&e->text, (struct ramet_bytes){ (const char *)&id.len, sizeof(id.len) });
	ramet_buf_add(&e->text, id);
}

/* 1: this encoder wrote it; *before: the message before it, or before the end. */
static int find_written(const struct rameti_encoder *e, struct ramet_bytes id,
			struct ramet_bytes *before)
{
	const char *p = ramet_buf_bytes(&e->text).ptr, *end = p + e->text.len;
	struct ramet_bytes item;

	*before = (struct ramet_bytes){ NULL, 0 };
	for (; p < end; p = item.ptr + item.len) {
		memcpy(&item.len, p + 1, sizeof(item.len));
		item.ptr = p + 1 + sizeof(item.len);
		if (item.len == id.len && id.len && !memcmp(item.ptr, id.ptr, id.len))
			return 1;
		if (*p)
			*before = item;
	}
	return 0;
}

/* The last message in the file before a row. */
static struct ramet_bytes message_before(const struct rameti_reader *r, uint32_t row)
{
	const struct ramet_row *facts;

	while (row--) {
		facts = ramet_tree_row(r->tree, row);
		if (facts->type != RAMET_ENTRY_MESSAGE)
			continue;
		return ramet_tree_id(r->tree, row - rameti_reader_piece(r, row));
	}
	return (struct ramet_bytes){ NULL, 0 };
}

/* Is there an entry of this id? *before: the last message before it, or before the end. */
int rameti_gg_find_id(const struct rameti_encoder *e, struct ramet_bytes id,
		      struct ramet_bytes *before)
{
	const struct rameti_reader *r = e->reader;
	uint32_t row = r && id.len ? ramet_tree_find(r->tree, id) : RAMET_NONE;
	int found;

	if (row != RAMET_NONE) {
		*before = message_before(r, row);
		return 1;
	}
	found = find_written(e, id, before);
	if (!before->ptr && r)
		*before = message_before(r, ramet_tree_count(r->tree));
	return found;
}

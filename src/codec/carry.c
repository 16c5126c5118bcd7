/*
 * codec/carry.c - entries as they are handed out by codecs whose records make any number of them.
 *
 * An entry's id and parent are always those of its row: a carried one keeps every other byte.
 */
#include "codec/carry.h"

#include "base/add.h"
#include "base/clock.h"
#include "base/error.h"

static void add_parent(const struct rameti_reader *r, uint32_t row, struct ramet_buf *out)
{
	uint32_t parent = ramet_tree_row(r->tree, row)->parent;

	if (parent == RAMET_NONE)
		ADD(out, "null");
	else
		ramet_buf_add_json_string(out, ramet_tree_id(r->tree, parent));
}

void rameti_piece_begin(const struct rameti_reader *r, uint32_t row, const char *type,
			struct ramet_buf *out)
{
	int64_t ms = ramet_tree_row(r->tree, row)->time_ms;
	char time[40];

	ADD(out, "{\"type\":\"");
	ramet_buf_add_str(out, type);
	ADD(out, "\",\"id\":");
	ramet_buf_add_json_string(out, ramet_tree_id(r->tree, row));
	ADD(out, ",\"parentId\":");
	add_parent(r, row, out);
	if (ms == RAMET_TIME_NONE)
		return;
	rameti_time_format(ms, time);
	ADD(out, ",\"timestamp\":\"");
	ramet_buf_add_str(out, time);
	ramet_buf_add_char(out, '"');
}

static int text_of(const struct ramet_json *v, struct ramet_buf *out)
{
	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(v, out);
	return 1;
}

/* What a text names, by a table of names; none when it is no text. */
static int named(const struct ramet_json *v, int (*of)(struct ramet_bytes), int none)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	int x = text_of(v, &b) ? of(ramet_buf_bytes(&b)) : none;

	ramet_buf_release(&b);
	return x;
}

int rameti_carried_row(const struct ramet_json *entry, struct ramet_row *row, struct ramet_buf *id)
{
	const struct ramet_json *message = ramet_json_get(entry, "message");

	row->type = (uint8_t)named(ramet_json_get(entry, "type"), ramet_entry_type_of,
				   RAMET_ENTRY_OTHER);
	if (ramet_json_kind(entry) != RAMET_JSON_OBJECT || row->type == RAMET_ENTRY_HEADER)
		return 1;
	if (row->type == RAMET_ENTRY_MESSAGE)
		row->role = (uint8_t)named(ramet_json_get(message, "role"), ramet_role_of,
					   RAMET_ROLE_NONE);
	row->time_ms = rameti_entry_time(ramet_json_get(entry, "timestamp"));
	text_of(ramet_json_get(entry, "id"), id);
	return 0;
}

int rameti_carried_entry(const struct rameti_reader *r, uint32_t row,
			 const struct ramet_json *entry, struct ramet_buf *out,
			 struct ramet_error *err)
{
	struct ramet_json_edit edits[2] = { { { "id", 2 }, { NULL, 0 } },
					    { { "parentId", 8 }, { NULL, 0 } } };
	struct ramet_buf values = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t id_len;
	int e;

	ramet_buf_add_json_string(&values, ramet_tree_id(r->tree, row));
	id_len = values.len;
	add_parent(r, row, &values);
	if (ramet_buf_status(&values) < 0) {
		ramet_buf_release(&values);
		return rameti_fail_nomem(err);
	}
	edits[0].value = (struct ramet_bytes){ values.ptr, id_len };
	edits[1].value = (struct ramet_bytes){ values.ptr + id_len, values.len - id_len };
	e = ramet_json_edit(out, ramet_json_raw(entry), entry, edits, 2, err);
	ramet_buf_release(&values);
	return e;
}

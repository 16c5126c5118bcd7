/*
 * codec/yoi_ours.c - what records of yoi's carry of ours: an entry of pi's or its id, as the
 * text of a member that yoi passes over.
 *
 * A text that is no JSON object carries nothing; the record then tells what it says itself.
 */
#include "codec/yoi_priv.h"

#include <string.h>

#include "codec/carry.h"
#include "json/scan.h"

int rameti_yoi_ours_parse(struct rameti_yoi_ours *ours, const struct ramet_json *v)
{
	const struct ramet_json *type;
	int r;

	ours->what = RAMETI_YOI_OURS_NONE;
	ramet_buf_reset(&ours->text);
	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(v, &ours->text);
	if (ramet_buf_status(&ours->text) < 0)
		return RAMET_ENOMEM;
	if (!ours->text.len) {
		ours->what = RAMETI_YOI_OURS_SILENT;
		return 0;
	}
	r = ramet_json_parse(&ours->doc, ramet_buf_bytes(&ours->text), 0, NULL);
	if (r == RAMET_ENOMEM)
		return r;
	if (r || ramet_json_kind(ramet_json_root(&ours->doc)) != RAMET_JSON_OBJECT)
		return 0;
	type = ramet_json_get(ramet_json_root(&ours->doc), "type");
	if (ramet_json_text_is(type, "session"))
		ours->what = RAMETI_YOI_OURS_HEADER;
	else if (type)
		ours->what = RAMETI_YOI_OURS_ENTRY;
	else if (ramet_json_get(ramet_json_root(&ours->doc), "id"))
		ours->what = RAMETI_YOI_OURS_ID;
	return 0;
}

void rameti_yoi_ours_init(struct rameti_yoi_ours *ours)
{
	memset(ours, 0, sizeof(*ours));
	ramet_buf_init(&ours->text, SIZE_MAX / 2);
}

void rameti_yoi_ours_release(struct rameti_yoi_ours *ours)
{
	ramet_buf_release(&ours->text);
	ramet_json_doc_release(&ours->doc);
}

static int is_carrier(const struct rameti_yoi_record *rec)
{
	return rec->kind == RAMETI_YOI_EXTENSION &&
	       ramet_json_text_is(ramet_json_get(rec->object, "domain"), RAMETI_YOI_CARRIER);
}

/* Its own member, or the payload of an extension that carries an entry. */
static const struct ramet_json *ours_in(const struct rameti_yoi_record *rec)
{
	if (is_carrier(rec))
		return ramet_json_get(ramet_json_get(rec->object, "payload"), "entry");
	return ramet_json_get(rec->object, RAMETI_YOI_OURS);
}

int rameti_yoi_ours_of(struct rameti_yoi_ours *ours, const struct rameti_yoi_record *rec)
{
	int r = rameti_yoi_ours_parse(ours, ours_in(rec));

	if ((is_carrier(rec) && ours->what != RAMETI_YOI_OURS_ENTRY) ||
	    (ours->what == RAMETI_YOI_OURS_HEADER && !rameti_yoi_is_start(rec->kind)))
		ours->what = RAMETI_YOI_OURS_NONE;
	return r;
}

/* ---- told as it stands ---- */

static const char *over(const char *p, const char *end, struct ramet_bytes text)
{
	if (!p || (size_t)(end - p) < text.len || memcmp(p, text.ptr, text.len) != 0)
		return NULL;
	return p + text.len;
}

/* Is the text of an entry the entry, with the row's id and parent? */
static int is_as_told(const struct rameti_reader *r, uint32_t row, struct ramet_bytes text)
{
	const struct ramet_row *of = ramet_tree_row(r->tree, row);
	const char *p = text.ptr, *end = p + text.len;
	const size_t from = RAMETI_YOI_TYPE_AT + 1;

	if (text.len < from)
		return 0;
	p = memchr(p + from, '"', text.len - from);
	p = over(p, end, ramet_bytes_of("\",\"id\":\""));
	p = over(p, end, ramet_tree_id(r->tree, row));
	p = over(p, end, ramet_bytes_of("\",\"parentId\":"));
	if (of->parent == RAMET_NONE)
		return over(p, end, ramet_bytes_of("null,")) != NULL;
	p = over(p, end, ramet_bytes_of("\""));
	p = over(p, end, ramet_tree_id(r->tree, of->parent));
	return over(p, end, ramet_bytes_of("\",")) != NULL;
}

/* What stands between the mark and the end of the line, if both are there. */
static struct ramet_bytes between(struct ramet_bytes line, struct ramet_bytes mark,
				  struct ramet_bytes end)
{
	struct ramet_bytes none = { NULL, 0 }, inside;

	if (line.len < end.len || memcmp(line.ptr + line.len - end.len, end.ptr, end.len) != 0)
		return none;
	inside.ptr = memmem(line.ptr, line.len - end.len, mark.ptr, mark.len);
	if (!inside.ptr)
		return none;
	inside.ptr += mark.len;
	inside.len = (size_t)(line.ptr + line.len - end.len - inside.ptr);
	return inside;
}

int rameti_yoi_line_as_told(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
			    struct ramet_buf *out)
{
	const unsigned needed = RAMETI_YOI_PLAIN | RAMETI_YOI_LAST;
	unsigned flags = ramet_tree_row(r->tree, row)->flags;
	struct ramet_bytes inside;

	ramet_buf_reset(out);
	if ((flags & (needed | RAMET_ROW_BAD_UTF8)) != needed)
		return 0;
	inside = between(line, ramet_bytes_of(RAMETI_YOI_LAST_OWN), ramet_bytes_of("\"}"));
	if (!inside.ptr)
		inside = between(line, ramet_bytes_of(RAMETI_YOI_LAST_CARRIED),
				 ramet_bytes_of("\"}}"));
	/* a mark that stands elsewhere is ended by a quotation mark before the end of the line */
	if (inside.len && rameti_json_decode_inside(inside, out) == inside.len &&
	    ramet_buf_status(out) == 0 && is_as_told(r, row, ramet_buf_bytes(out)))
		return 1;
	ramet_buf_reset(out);
	return 0;
}

int rameti_yoi_as_told(const struct rameti_reader *r, uint32_t row,
		       const struct rameti_yoi_record *rec, struct ramet_buf *out)
{
	const struct ramet_json *v = ours_in(rec);

	if (!(ramet_tree_row(r->tree, row)->flags & RAMETI_YOI_PLAIN) ||
	    ramet_json_kind(v) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(v, out);
	if (ramet_buf_status(out) == 0 && is_as_told(r, row, ramet_buf_bytes(out)))
		return 1;
	ramet_buf_reset(out);
	return 0;
}

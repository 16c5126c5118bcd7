/*
 * codec/ckptmgr_new.c - a whole new session of a state, from lines with a header.
 *
 * One that came from a state takes its times, turns and unknown members from the entry that tells
 * them; the header of any other is carried.
 */
#include "codec/ckptmgr_adding.h"

#include <string.h>
#include "base/error.h"
#include "json/scan.h"

static int nomem(struct rameti_ckpt_adding *a)
{
	return rameti_fail_nomem(a->err);
}

static int is_text(const struct ramet_json *v)
{
	return ramet_json_kind(v) == RAMET_JSON_STRING;
}

static int is_null(const struct ramet_json *v)
{
	return v && ramet_json_kind(v) == RAMET_JSON_NULL;
}

int rameti_ckpt_adding_config(struct rameti_ckpt_adding *a, const struct ramet_json *session)
{
	struct rameti_ckpt_session s;

	if (rameti_ckpt_view(session, ramet_bytes_of("config"), &s, NULL) < 0)
		return 0;
	a->has_config = 1;
	if (rameti_ckpt_time_ns(s.created) != INT64_MIN)
		a->created_ns = rameti_ckpt_time_ns(s.created);
	if (rameti_ckpt_time_ns(s.updated) != INT64_MIN)
		a->updated_ns = rameti_ckpt_time_ns(s.updated);
	if (s.turns) {
		a->turns = rameti_ckpt_turns(&s);
		a->has_turns = 1;
	}
	a->null_messages = is_null(s.messages);
	a->null_turns = is_null(s.turns);
	a->null_checkpoints = is_null(s.checkpoints);
	a->null_files = is_null(s.files);
	rameti_ckpt_add_unknown(session, &a->more);
	return ramet_buf_status(&a->more) < 0 ? nomem(a) : 0;
}

/* The header: the id, and when it was made. */
static int take_header(struct rameti_ckpt_adding *a, struct ramet_bytes line, struct ramet_buf *id)
{
	const struct ramet_json *o;
	int r = ramet_json_parse(&a->doc, line, 0, NULL);

	o = ramet_json_root(&a->doc);
	if (r == RAMET_ENOMEM)
		return nomem(a);
	if (r < 0 || !ramet_json_text_is(ramet_json_get(o, "type"), "session") ||
	    !is_text(ramet_json_get(o, "id")))
		return rameti_fail(a->err, RAMET_EFORMAT, "not a session: no header");
	rameti_ckpt_decode(ramet_json_raw(ramet_json_get(o, "id")), id);
	if (rameti_ckpt_time_ns(ramet_json_get(o, "timestamp")) != INT64_MIN)
		a->created_ns = rameti_ckpt_time_ns(ramet_json_get(o, "timestamp"));
	a->header = line;
	return ramet_buf_status(id) < 0 ? nomem(a) : 0;
}

/* Without a config the header is kept as it is, in front of all other items. */
static int keep_header(struct rameti_ckpt_adding *a)
{
	struct ramet_buf others = a->items;
	uint32_t n = a->n;
	int r;

	if (a->has_config)
		return 0;
	ramet_buf_init(&a->items, SIZE_MAX / 2);
	a->n = 0;
	r = rameti_ckpt_adding_carry(a, "header", a->header, NULL);
	a->n = n;
	if (!r && others.len) {
		ramet_buf_add_char(&a->items, ',');
		rameti_ckpt_newline(&a->items, RAMETI_CKPT_MESSAGE_DEPTH + 1);
		ramet_buf_add(&a->items, ramet_buf_bytes(&others));
	}
	ramet_buf_release(&others);
	return !r && ramet_buf_status(&a->items) < 0 ? nomem(a) : r;
}

static void or_else(struct ramet_bytes *value, int null, const char *none)
{
	if (!value->ptr)
		*value = ramet_bytes_of(null ? "null" : none);
}

/* The session's text, with the items or without. */
static int write_new(struct rameti_ckpt_adding *a, int with_items, struct ramet_bytes id,
		     struct ramet_buf *out)
{
	struct ramet_buf text[4] = { RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2),
				     RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct rameti_ckpt_change change;
	int i, r;

	memset(&change, 0, sizeof(change));
	r = with_items ? rameti_ckpt_adding_items(a) : 0;
	if (!r)
		r = rameti_ckpt_adding_finish(a, &change, text);
	change.created_ns = a->created_ns;
	change.updated_ns = a->updated_ns;
	change.more = ramet_buf_bytes(&a->more);
	if (!r) {
		or_else(&change.messages, a->null_messages, "[]");
		or_else(&change.turns, a->null_turns, "0");
		or_else(&change.checkpoints, a->null_checkpoints, "{}");
		or_else(&change.files, a->null_files, "{}");
		rameti_ckpt_add_session(out, a->s, id, &change);
	}
	if (!r && ramet_buf_status(out) < 0)
		r = nomem(a);
	for (i = 0; i < 4; i++)
		ramet_buf_release(&text[i]);
	return r;
}

/* Is this session read as these lines? 1, 0, ENOMEM. */
static int reads_as(struct rameti_ckpt_adding *a, struct ramet_bytes session, struct ramet_bytes id,
		    struct ramet_bytes lines)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_ckpt_session s;
	int r = ramet_json_parse(&a->doc, session, 0, NULL);

	if (!r)
		r = rameti_ckpt_view(ramet_json_root(&a->doc), id, &s, NULL);
	if (!r)
		r = rameti_ckpt_entries(&s, id, &text, NULL, NULL);
	if (!r)
		r = ramet_bytes_eq(ramet_buf_bytes(&text), lines);
	ramet_buf_release(&text);
	return r == RAMET_ENOMEM ? nomem(a) : r > 0;
}

int rameti_ckpt_new_session(struct ramet_bytes lines, int64_t now_ns, struct ramet_buf *id,
			    struct ramet_buf *out, struct ramet_error *err)
{
	static const struct rameti_ckpt_session none;
	size_t before = out->len;
	struct ramet_bytes line = lines;
	struct rameti_ckpt_adding a;
	int r, whole = 0;

	rameti_ckpt_adding_init(&a, &none, err);
	a.created = 1;
	a.created_ns = a.updated_ns = now_ns;
	line.len = rameti_scan_newline(lines);
	r = take_header(&a, line, id);
	if (!r)
		r = rameti_ckpt_adding_lines(
			&a, (struct ramet_bytes){ lines.ptr + line.len, lines.len - line.len });
	if (!r)
		r = keep_header(&a);
	/* one that came from a state may need no items to be the same again */
	if (!r && !a.n_carried) {
		r = write_new(&a, 0, ramet_buf_bytes(id), out);
		if (!r)
			r = whole = reads_as(
				&a, (struct ramet_bytes){ out->ptr + before, out->len - before },
				ramet_buf_bytes(id), lines);
		if (!whole)
			ramet_buf_truncate(out, before);
	}
	if (r >= 0 && !whole)
		r = write_new(&a, 1, ramet_buf_bytes(id), out);
	rameti_ckpt_adding_release(&a);
	return r < 0 ? r : 0;
}

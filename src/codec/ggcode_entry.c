/*
 * codec/ggcode_entry.c - records of ggcode as entries of pi.
 *
 * An entry is made from its stored line alone, but for a compaction, which takes its summary's text
 * and the first entry kept from the tree.
 */
#include "codec/ggcode_priv.h"

#include "base/add.h"
#include "base/error.h"
#include "json/scan.h"

/* ---- compactions ---- */

/* Without memory to tell, out has failed. */
static uint32_t find_row(const struct rameti_reader *r, const struct ramet_json *id,
			 struct ramet_buf *out)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t row = RAMET_NONE;

	ramet_json_text(id, &text);
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	else if (text.len)
		row = ramet_tree_find(r->tree, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
	return row;
}

/* The first message behind the record of `last` and before `end`; end: there is none. */
static uint32_t first_behind(const struct rameti_reader *r, uint32_t last, uint32_t end)
{
	uint64_t at = ramet_tree_row(r->tree, last)->offset;
	const struct ramet_row *row;

	for (; last < end; last++) {
		row = ramet_tree_row(r->tree, last);
		if (row->offset > at &&
		    (row->type == RAMET_ENTRY_MESSAGE || row->type == RAMET_ENTRY_CUSTOM_MESSAGE ||
		     row->type == RAMET_ENTRY_BRANCH_SUMMARY))
			break;
	}
	return last;
}

/* Behind the last message that was summed up; without one, behind the summary; unless it is said
 * which one it is. */
static uint32_t first_kept(const struct rameti_reader *r, uint32_t row,
			   const struct ramet_json *record, struct ramet_buf *out)
{
	uint32_t last = find_row(r, ramet_json_get(record, "firstKeptEntryId"), out);

	if (last != RAMET_NONE && last < row)
		return last;
	last = find_row(r, rameti_gg_get(record, "checkpoint_last_msg_id"), out);
	if (last == RAMET_NONE || last >= row)
		last = find_row(r, rameti_gg_get(record, "checkpoint_summary_msg_id"), out);
	return last == RAMET_NONE || last >= row ? row : first_behind(r, last, row);
}

static struct ramet_bytes without_mark(struct ramet_bytes text)
{
	size_t n = sizeof(RAMETI_GG_SUMMARY_MARK) - 1;

	n += text.len > n && text.ptr[n] == '\n';
	if (text.len < n)
		return text;
	return (struct ramet_bytes){ text.ptr + n, text.len - n };
}

/* The summary that a row of this session tells, appended. */
static int add_summary_of(const struct rameti_reader *r, uint32_t row, struct ramet_buf *text,
			  struct ramet_error *err)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root, *content, *block = NULL;
	struct ramet_bytes json;
	int e = ramet_tree_entry(r->tree, row, &scratch, &json, err);

	if (!e)
		e = ramet_json_parse(&doc, json, 0, err);
	if (!e) {
		root = ramet_json_root(&doc);
		ramet_json_text(ramet_json_get(ramet_json_get(root, "data"), "summary"), text);
		/* a message without the marker may be named, too */
		content = ramet_json_get(ramet_json_get(root, "message"), "content");
		while (!text->len && (block = ramet_json_next(content, block)) != NULL)
			ramet_json_text(ramet_json_get(block, "text"), text);
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	return e;
}

static void legacy_summary(const struct ramet_json *list, struct ramet_buf *text)
{
	struct ramet_buf whole = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *m = rameti_gg_listed_summary(list);

	if (m)
		(void)rameti_gg_summary(m, &whole);
	ramet_buf_add(text, without_mark(ramet_buf_bytes(&whole)));
	if (ramet_buf_status(&whole) < 0)
		text->status = RAMET_ENOMEM;
	ramet_buf_release(&whole);
}

/* All but the summary, from the checkpoint's record. */
static void show_rest(const struct rameti_reader *r, uint32_t row, const struct ramet_json *record,
		      int behind, struct ramet_buf *out)
{
	const struct ramet_json *id = rameti_gg_get(record, "checkpoint_summary_msg_id");
	const struct ramet_json *tokens = rameti_gg_get(record, "checkpoint_tokens");
	const struct ramet_json *system = ramet_json_get(record, "systemMessage");
	uint32_t kept = row;

	if (id && id->len > 2)
		kept = first_kept(r, row, record, out);
	ADD(out, ",\"firstKeptEntryId\":");
	ramet_buf_add_json_string(out, ramet_tree_id(r->tree, kept));
	rameti_gg_add_key(out, "tokensBefore");
	if (tokens)
		ramet_buf_add(out, ramet_json_raw(tokens));
	else
		ADD(out, "0");
	ADD(out, ",\"details\":{\"format\":\"ggcode\"");
	rameti_gg_add_value(out, "summaryId", id);
	rameti_gg_add_value(out, "lastId", rameti_gg_get(record, "checkpoint_last_msg_id"));
	if (behind)
		ADD(out, ",\"behind\":true");
	ADD(out, "}");
	if (ramet_json_kind(system) == RAMET_JSON_OBJECT)
		rameti_gg_add_value(out, "systemMessage", system);
	ADD(out, "}");
}

/* The front, the summary, and what stands in rest. */
static int add_compaction(const struct rameti_reader *r, uint32_t row,
			  const struct ramet_buf *summary, const struct ramet_buf *rest,
			  struct ramet_buf *out, struct ramet_error *err)
{
	if (ramet_buf_status(summary) < 0 || ramet_buf_status(rest) < 0)
		return rameti_fail_nomem(err);
	rameti_piece_begin(r, row, "compaction", out);
	rameti_gg_add_key(out, "summary");
	ramet_buf_add_json_string(out, ramet_buf_bytes(summary));
	ramet_buf_add(out, ramet_buf_bytes(rest));
	return 0;
}

/* Everything that is needed of the record is written before the tree is asked, which may overwrite
 * the line. */
static int show_compaction(const struct rameti_reader *r, uint32_t row,
			   const struct ramet_json *record, struct ramet_buf *out,
			   struct ramet_error *err)
{
	const struct ramet_json *id = rameti_gg_get(record, "checkpoint_summary_msg_id");
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2), rest = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t named = find_row(r, id, &rest);
	int e = 0;

	show_rest(r, row, record, 0, &rest);
	if (!id || id->len <= 2)
		legacy_summary(rameti_gg_get(record, "checkpoint_messages"), &text);
	else if (named != RAMET_NONE && named < row)
		e = add_summary_of(r, named, &text, err);
	if (!e)
		e = add_compaction(r, row, &text, &rest, out, err);
	ramet_buf_release(&text);
	ramet_buf_release(&rest);
	return e;
}

/* Is the entry at this row the checkpoint that names the message of `row`? Then rest has what it
 * says. */
static int is_checkpoint_of(const struct rameti_reader *r, uint32_t at, uint32_t row,
			    struct ramet_buf *rest)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2),
			 text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *record = NULL, *id;
	struct ramet_bytes json;
	int is = 0, e = ramet_tree_entry(r->tree, at, &scratch, &json, NULL);

	if (!e)
		e = ramet_json_parse(&doc, json, 0, NULL);
	if (!e) {
		record = ramet_json_get(ramet_json_root(&doc), "data");
		ramet_json_text(ramet_json_get(record, "record"), &text);
		e = ramet_buf_status(&text);
	}
	if (!e && text.len)
		e = ramet_json_parse(&doc, ramet_buf_bytes(&text), 0, NULL);
	if (!e && text.len) {
		record = ramet_json_root(&doc);
		id = rameti_gg_get(record, "checkpoint_summary_msg_id");
		is = ramet_json_kind(id) == RAMET_JSON_STRING &&
		     rameti_json_raw_is(ramet_json_raw(id), ramet_tree_id(r->tree, row));
	}
	if (is)
		show_rest(r, row, record, 1, rest);
	if (e == RAMET_ENOMEM)
		rest->status = e;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	ramet_buf_release(&text);
	return is;
}

#define LOOK_BACK 256u

/* A summary behind the checkpoint that names it makes the compaction. */
static int show_late_summary(const struct rameti_reader *r, uint32_t row,
			     const struct ramet_json *message, struct ramet_buf *out,
			     struct ramet_error *err)
{
	struct ramet_buf whole = RAMET_BUF_INIT(SIZE_MAX / 2), text = RAMET_BUF_INIT(SIZE_MAX / 2),
			 rest = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t at = row, left = LOOK_BACK;
	int e;

	(void)rameti_gg_summary(message, &whole);
	ramet_buf_add(&text, without_mark(ramet_buf_bytes(&whole)));
	while (at && left--)
		if (ramet_tree_row(r->tree, --at)->type == RAMET_ENTRY_CUSTOM &&
		    is_checkpoint_of(r, at, row, &rest))
			break;
	if (!rest.len)
		show_rest(r, row, NULL, 1, &rest);
	e = ramet_buf_status(&whole) < 0 ? rameti_fail_nomem(err)
					 : add_compaction(r, row, &text, &rest, out, err);
	ramet_buf_release(&whole);
	ramet_buf_release(&text);
	ramet_buf_release(&rest);
	return e;
}

/* ---- other records ---- */

static void begin_custom(const struct rameti_reader *r, uint32_t row, const char *custom_type,
			 struct ramet_buf *out)
{
	rameti_piece_begin(r, row, "custom", out);
	ADD(out, ",\"customType\":\"");
	ramet_buf_add_str(out, custom_type);
	ADD(out, "\",\"data\":");
}

static void show_raw(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		     struct ramet_buf *out)
{
	begin_custom(r, row, RAMETI_RAW_TYPE, out);
	ADD(out, "{\"format\":\"ggcode\",\"entries\":0,\"record\":");
	ramet_buf_add_json_string(out, line);
	ADD(out, "}}");
}

/* The message itself stands beside its summary when that does not say all. */
static void show_summary(const struct rameti_reader *r, uint32_t row,
			 const struct ramet_json *message, struct ramet_buf *out)
{
	static const char *const text_keys[] = { "type", "text", NULL };
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2), more = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *content = rameti_gg_get(message, "content");
	const size_t mark = sizeof(RAMETI_GG_SUMMARY_MARK) - 1;

	(void)rameti_gg_summary(message, &text);
	rameti_gg_add_others(&more, message, rameti_gg_message_keys);
	rameti_gg_add_others(&more, ramet_json_next(content, NULL), text_keys);
	begin_custom(r, row, RAMETI_GG_SUMMARY, out);
	ADD(out, "{\"summary\":");
	ramet_buf_add_json_string(out, without_mark(ramet_buf_bytes(&text)));
	if (more.len || ramet_json_count(content) != 1 || text.len <= mark ||
	    text.ptr[mark] != '\n')
		rameti_gg_add_value(out, "message", message);
	ADD(out, "}}");
	if (ramet_buf_status(&text) < 0 || ramet_buf_status(&more) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
	ramet_buf_release(&more);
}

static void show_usage(const struct rameti_reader *r, uint32_t row, const struct ramet_json *record,
		       struct ramet_buf *out)
{
	static const char *const known[] = {
		"timestamp", "source", "vendor", "model", "usage", NULL
	};
	const struct ramet_json *u = rameti_gg_get(record, "usage_entry");

	rameti_piece_begin(r, row, "usage", out);
	rameti_gg_show_text(out, "kind", rameti_gg_get(u, "source"));
	rameti_gg_show_text(out, "provider", rameti_gg_get(u, "vendor"));
	rameti_gg_show_text(out, "model", rameti_gg_get(u, "model"));
	rameti_gg_add_key(out, "usage");
	rameti_gg_show_tokens(out, rameti_gg_get(u, "usage"));
	rameti_gg_add_others(out, u, known);
	ADD(out, "}");
}

/* The record itself, then its model, then its title. */
static void show_meta(const struct rameti_reader *r, uint32_t row, const struct ramet_json *record,
		      struct ramet_buf *out)
{
	switch (ramet_tree_row(r->tree, row)->type) {
	case RAMET_ENTRY_SESSION_INFO:
		rameti_piece_begin(r, row, "session_info", out);
		rameti_gg_show_text(out, "name", rameti_gg_get(record, "title"));
		break;
	case RAMET_ENTRY_MODEL_CHANGE:
		rameti_piece_begin(r, row, "model_change", out);
		rameti_gg_show_text(out, "provider", rameti_gg_get(record, "vendor"));
		rameti_gg_show_text(out, "modelId", rameti_gg_get(record, "model"));
		rameti_gg_add_value(out, "endpoint", rameti_gg_get(record, "endpoint"));
		break;
	default:
		begin_custom(r, row, RAMETI_GG_CONFIG, out);
		ADD(out, "{\"format\":\"ggcode\"");
		rameti_gg_add_value(out, "record", record);
		ADD(out, "}");
	}
	ADD(out, "}");
}

static void show_tunnel(const struct rameti_reader *r, uint32_t row,
			const struct ramet_json *record, struct ramet_buf *out)
{
	begin_custom(r, row, RAMETI_GG_TUNNEL, out);
	rameti_json_add_compact(out, rameti_gg_get(record, "tunnel_event"));
	ADD(out, "}");
}

/* ---- one entry ---- */

/* The n-th entry of a message; 0: it has fewer. */
static int nth_part(struct rameti_gg_part *p, const struct ramet_json *message, uint32_t *n)
{
	rameti_gg_parts(p, message);
	while (rameti_gg_part_next(p))
		if (!(*n)--)
			return 1;
	++*n;
	return 0;
}

static void show_part(const struct rameti_reader *r, uint32_t row, const struct rameti_gg_part *p,
		      int first, struct ramet_buf *out)
{
	if (p->type == RAMET_ENTRY_CUSTOM) {
		show_summary(r, row, p->message, out);
		return;
	}
	rameti_piece_begin(r, row, "message", out);
	rameti_gg_add_key(out, "message");
	rameti_gg_show_message(p, first, ramet_tree_row(r->tree, row)->time_ms,
			       ramet_buf_bytes(&r->kept), out);
	ADD(out, "}");
}

/* A message of a legacy checkpoint's list. */
static int show_listed(const struct rameti_reader *r, uint32_t row, uint32_t n,
		       const struct ramet_json *record, struct ramet_buf *out)
{
	const struct ramet_json *list = rameti_gg_get(record, "checkpoint_messages"), *m = NULL;
	struct rameti_gg_part p;

	while ((m = rameti_gg_listed_next(list, m)) != NULL) {
		if (!nth_part(&p, m, &n))
			continue;
		show_part(r, row, &p, 1, out);
		return 1;
	}
	return 0;
}

/* 1: it is no entry. */
static int show_carried_text(const struct rameti_reader *r, uint32_t row,
			     const struct ramet_json *record, struct ramet_buf *out,
			     struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *entry;
	int e = rameti_gg_carried_text(record, &doc, &text, &entry, err);

	if (!e)
		e = entry ? rameti_carried_entry(r, row, entry, out, err) : 1;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return e;
}

static int show(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		const struct ramet_json *record, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t n = rameti_reader_piece(r, row);
	struct rameti_gg_part p;

	switch (rameti_gg_type_of(record)) {
	case RAMETI_GG_CARRIED:
		return rameti_carried_entry(r, row, rameti_gg_carried(record), out, err);
	case RAMETI_GG_CARRIED_TEXT: {
		int e = show_carried_text(r, row, record, out, err);

		if (e <= 0)
			return e;
		break;
	}
	case RAMETI_GG_MESSAGE: {
		uint32_t left = n;

		if (!nth_part(&p, rameti_gg_get(record, "message"), &left))
			break;
		if (ramet_tree_row(r->tree, row)->type == RAMET_ENTRY_COMPACTION)
			return show_late_summary(r, row, p.message, out, err);
		show_part(r, row, &p, !n, out);
		return 0;
	}
	case RAMETI_GG_META:
		show_meta(r, row, record, out);
		return 0;
	case RAMETI_GG_USAGE:
		show_usage(r, row, record, out);
		return 0;
	case RAMETI_GG_TUNNEL_EVENT:
		show_tunnel(r, row, record, out);
		return 0;
	case RAMETI_GG_CHECKPOINT:
		if (n && show_listed(r, row, n - 1, record, out))
			return 0;
		if (!n && ramet_tree_row(r->tree, row)->type == RAMET_ENTRY_COMPACTION)
			return show_compaction(r, row, record, out, err);
		break;
	default:
		break;
	}
	show_raw(r, row, line, out);
	return 0;
}

static int look_closer(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		       struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int e = ramet_json_parse(&doc, line, 0, err);

	if (!e)
		e = show(r, row, line, ramet_json_root(&doc), out, err);
	ramet_json_doc_release(&doc);
	return e;
}

int rameti_gg_entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		    struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err)
{
	int e = 0;

	ramet_buf_reset(scratch);
	if (!rameti_gg_glance(r, row, line, scratch)) {
		ramet_buf_reset(scratch);
		e = look_closer(r, row, line, scratch, err);
	}
	if (!e && ramet_buf_status(scratch) < 0)
		e = rameti_fail_nomem(err);
	if (!e)
		*json = ramet_buf_bytes(scratch);
	return e;
}

/*
 * ops/fork_messages.c - user messages that a session can be forked from.
 *
 * All branches, file order, only messages with text; text blocks follow each other without anything
 * between them, as in pi. An entry without id cannot be named and is left out.
 */
#include "ops/modified_priv.h"
#include "ops/report_priv.h"

static int write_message(struct rameti_peek *p, uint32_t row, struct ramet_json_doc *doc,
			 struct ramet_buf *text, struct ramet_json_writer *w,
			 struct ramet_error *err)
{
	struct ramet_json content;
	int r = rameti_peek_read(p, row, err);

	if (r < 0)
		return r;
	content = rameti_peek_get(p, RAMETI_SEEK_CONTENT);
	ramet_buf_reset(text);
	r = rameti_content_text(doc, &content, "", text, err);
	if (r < 0 || !text->len)
		return r;
	ramet_json_open_object(w);
	ramet_json_key(w, "entryId");
	rameti_write_id(w, p->tree, row);
	ramet_json_key(w, "text");
	ramet_json_add_text(w, ramet_buf_bytes(text));
	ramet_json_close_object(w);
	return 0;
}

int ramet_report_fork_messages(const struct ramet_session *s, struct ramet_buf *out,
			       struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct rameti_peek p = RAMETI_PEEK_INIT;
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_writer w;
	size_t start = out->len;
	uint32_t i, n = ramet_tree_count(t);
	int r = rameti_peek_open(&p, t, rameti_message_wants, RAMETI_SEEK_N, err);

	ramet_json_writer_init(&w, out);
	ramet_json_open_array(&w);
	for (i = 0; !r && i < n && !ramet_buf_status(out); i++) {
		const struct ramet_row *row = ramet_tree_row(t, i);

		if (row->role == RAMET_ROLE_USER && !(row->flags & RAMET_ROW_NO_ID))
			r = write_message(&p, i, &doc, &text, &w, err);
	}
	ramet_json_close_array(&w);
	rameti_peek_close(&p);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	return rameti_report_end(out, start, r, err);
}

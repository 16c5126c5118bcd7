/*
 * ops/content.c - the text of a message's content.
 *
 * The content of a message is a text or an array of blocks, of which only those of type "text" have
 * text here. A block whose text is missing counts as an empty one, as in a JavaScript join.
 */
#include "ops/report_priv.h"

#include "base/error.h"

static void add_blocks(const struct ramet_json *blocks, const char *sep, struct ramet_buf *out)
{
	const struct ramet_json *b = NULL;
	int n = 0;

	while ((b = ramet_json_next(blocks, b)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(b, "type"), "text"))
			continue;
		if (n++)
			ramet_buf_add_str(out, sep);
		ramet_json_text(ramet_json_get(b, "text"), out);
	}
}

int rameti_content_text(struct ramet_json_doc *doc, const struct ramet_json *content,
			const char *sep, struct ramet_buf *out, struct ramet_error *err)
{
	int r = 0;

	if (content->kind == RAMET_JSON_STRING) {
		ramet_json_text(content, out);
	} else if (content->kind == RAMET_JSON_ARRAY) {
		r = ramet_json_parse(doc, ramet_json_raw(content), 0, err);
		if (!r)
			add_blocks(ramet_json_root(doc), sep, out);
	}
	if (!r && ramet_buf_status(out) < 0)
		r = rameti_fail(err, ramet_buf_status(out), "no room for the text of a message");
	return r;
}

/*
 * ops/report_entries.c - the entries in file order, one a line, as the current version has them.
 *
 * Everything in the file is told, entries with a repeated id too. Invalid UTF-8 becomes U+FFFD so
 * that every line is JSON; all other bytes are those of the file. One entry is in memory at a time.
 */
#include "ops/report_priv.h"

#include "model/tree.h"

int ramet_report_entries(const struct ramet_session *s, uint32_t from, size_t max_len,
			 struct ramet_buf *out, uint32_t *next, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row = from, n = ramet_tree_count(t);
	size_t start = out->len;
	int r = 0;

	while (!r && row < n && !ramet_buf_status(out)) {
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		if (r < 0)
			break;
		ramet_buf_add_json_raw(out, rameti_json_trimmed(json));
		ramet_buf_add_char(out, '\n');
		row++;
		if (out->len - start >= max_len)
			break;
	}
	ramet_buf_release(&scratch);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	r = rameti_report_end(out, start, r, err);
	if (!r)
		*next = row < n ? row : RAMET_NONE;
	return r;
}

/*
 * model/name.c - the name of a session and the time of an entry, read as pi reads them.
 */
#include "model/tree.h"

#include "base/clock.h"
#include "base/error.h"
#include "json/scan.h"

#define TIME_TEXT_MAX 4096

/* The name an entry gives: 1 it says what the name is (empty: none), 0 it is no text and says
 * nothing. */
static int read_name(const struct ramet_json *name, struct ramet_buf *text)
{
	int kind = ramet_json_kind(name);

	ramet_json_text(name, text);
	return kind == RAMET_JSON_STRING || kind == RAMET_JSON_NULL || kind == RAMET_JSON_NONE;
}

int ramet_tree_name(const struct ramet_tree *t, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2),
			 text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes json, name = { NULL, 0 };
	uint32_t n;
	const uint32_t *rows = rameti_tree_name_rows(t, &n);
	int r = 0, found = 0;

	while (!r && !found && n > 0) {
		r = ramet_tree_entry(t, rows[--n], &scratch, &json, err);
		if (!r)
			r = ramet_json_parse(&doc, json, 0, err);
		if (!r)
			found = read_name(ramet_json_get(ramet_json_root(&doc), "name"), &text);
	}
	r = rameti_tree_answer(t, r, err);
	if (!r && ramet_buf_status(&text) < 0)
		r = rameti_fail_nomem(err);
	if (!r) {
		name = rameti_utf8_trim(ramet_buf_bytes(&text));
		ramet_buf_add(out, name);
		r = ramet_buf_status(out);
		if (r < 0)
			rameti_fail(err, r, "the name does not fit into its buffer");
	}
	ramet_buf_release(&scratch);
	ramet_buf_release(&text);
	ramet_json_doc_release(&doc);
	return r < 0 ? r : name.len > 0;
}

int64_t rameti_entry_time(const struct ramet_json *v)
{
	struct ramet_bytes plain = ramet_json_plain(v);
	struct ramet_buf text = RAMET_BUF_INIT(TIME_TEXT_MAX);
	double x;
	int64_t ms;

	switch (ramet_json_kind(v)) {
	case RAMET_JSON_STRING:
		if (plain.ptr && plain.len <= TIME_TEXT_MAX)
			return rameti_time_parse(plain);
		ramet_json_text(v, &text);
		ms = ramet_buf_status(&text) < 0 ? RAMET_TIME_NONE
						 : rameti_time_parse(ramet_buf_bytes(&text));
		ramet_buf_release(&text);
		return ms;
	case RAMET_JSON_NUMBER:
		x = ramet_json_number(v);
		return x >= -8.64e15 && x <= 8.64e15 ? (int64_t)x : RAMET_TIME_NONE;
	case RAMET_JSON_NULL:
	case RAMET_JSON_FALSE:
		return 0;
	case RAMET_JSON_TRUE:
		return 1;
	default:
		return RAMET_TIME_NONE;
	}
}

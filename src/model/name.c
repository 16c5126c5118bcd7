/*
 * model/name.c - the name of a session and the time of an entry, read as pi reads them.
 */
#include "model/tree.h"

#include "base/clock.h"
#include "base/error.h"

/* Length of the character at the front that String.prototype.trim() takes away, or 0. */
static size_t space_at(struct ramet_bytes t)
{
	static const char *const wide[] = { "\xc2\xa0",	    "\xe1\x9a\x80", "\xe2\x80\xa8",
					    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
					    "\xe3\x80\x80", "\xef\xbb\xbf" };
	const unsigned char *p = (const unsigned char *)t.ptr;
	size_t i;

	if (!t.len)
		return 0;
	if (p[0] == ' ' || (p[0] >= 9 && p[0] <= 13))
		return 1;
	if (t.len >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a)
		return 3;
	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		struct ramet_bytes w = ramet_bytes_of(wide[i]), head = { t.ptr, w.len };

		if (t.len >= w.len && ramet_bytes_eq(w, head))
			return w.len;
	}
	return 0;
}

static struct ramet_bytes trim(struct ramet_bytes t)
{
	size_t n, back;

	while ((n = space_at(t)) > 0) {
		t.ptr += n;
		t.len -= n;
	}
	for (back = 1; back <= 3 && back <= t.len;) {
		struct ramet_bytes end = { t.ptr + t.len - back, back };

		if (space_at(end) != back) {
			back++;
			continue;
		}
		t.len -= back;
		back = 1;
	}
	return t;
}

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
	if (!r && ramet_buf_status(&text) < 0)
		r = rameti_fail_nomem(err);
	if (!r) {
		name = trim(ramet_buf_bytes(&text));
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
	struct ramet_buf text = RAMET_BUF_INIT(4096);
	double x;
	int64_t ms;

	switch (ramet_json_kind(v)) {
	case RAMET_JSON_STRING:
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

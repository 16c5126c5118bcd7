/*
 * ops/report.c - what all reports share: how they end, how they write ids and times.
 *
 * A report appends to the caller's buffer, whose limit is the only limit, and leaves the buffer as
 * it was when it fails.
 */
#include "ops/report_priv.h"

#include "base/clock.h"
#include "base/error.h"

#define DATE_MAX_MS 8640000000000000             /* the last moment a JavaScript date can be */

int rameti_report_end(struct ramet_buf *out, size_t start, int r, struct ramet_error *err)
{
	int status = ramet_buf_status(out);

	if (!r && status == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	else if (!r && status < 0)
		r = rameti_fail(err, status, "the output is longer than its limit");
	if (r < 0)
		ramet_buf_truncate(out, start);
	return r;
}

void rameti_write_time(struct ramet_json_writer *w, int64_t ms)
{
	char text[32];

	if (ms == RAMET_TIME_NONE || ms > DATE_MAX_MS || ms < -DATE_MAX_MS) {
		ramet_json_add_null(w);
		return;
	}
	rameti_time_format(ms, text);
	ramet_json_add_cstr(w, text);
}

void rameti_write_id(struct ramet_json_writer *w, const struct ramet_tree *t, uint32_t row)
{
	if (row == RAMET_NONE || ramet_tree_row(t, row)->flags & RAMET_ROW_NO_ID)
		ramet_json_add_null(w);
	else
		ramet_json_add_text(w, ramet_tree_id(t, row));
}

void rameti_write_member(struct ramet_json_writer *w, const char *key, struct ramet_bytes text)
{
	if (!text.ptr)
		return;
	ramet_json_key(w, key);
	ramet_json_add_text(w, text);
}

int rameti_write_found(struct ramet_json_writer *w, const char *key, struct ramet_json v,
		       struct ramet_buf *scratch, struct ramet_error *err)
{
	if (v.kind != RAMET_JSON_STRING)
		return 0;
	ramet_buf_reset(scratch);
	ramet_json_text(&v, scratch);
	if (ramet_buf_status(scratch) < 0)
		return rameti_fail_nomem(err);
	ramet_json_key(w, key);
	ramet_json_add_text(w, ramet_buf_bytes(scratch));
	return 0;
}

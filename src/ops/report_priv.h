/*
 * ops/report_priv.h - what all reports share: how they end, how they write ids and times.
 */
#ifndef RAMETI_OPS_REPORT_PRIV_H
#define RAMETI_OPS_REPORT_PRIV_H

#include "ops/peek_priv.h"
#include "ramet/ops.h"

/* The one way out of a report that began at out->len == start: passes r on, or the buffer's failure
 * (then err is filled); on failure out is cut back to start. */
int rameti_report_end(struct ramet_buf *out, size_t start, int r, struct ramet_error *err);

/* ISO text, or null for what is no date. */
void rameti_write_time(struct ramet_json_writer *w, int64_t ms);
/* The id of a row, or null: RAMET_NONE, or a row without id. */
void rameti_write_id(struct ramet_json_writer *w, const struct ramet_tree *t, uint32_t row);
/* A member that is left out when text.ptr is NULL. */
void rameti_write_member(struct ramet_json_writer *w, const char *key, struct ramet_bytes text);
/* A member from a value that was found: its decoded text; left out when it is no text. ENOMEM. */
int rameti_write_found(struct ramet_json_writer *w, const char *key, struct ramet_json v,
		       struct ramet_buf *scratch, struct ramet_error *err);
/* Two lists as one in line order, each thing once: the reader's words go before the tree's. What
 * out held goes. */
int rameti_findings_join(const struct ramet_findings *reader, const struct ramet_findings *tree,
			 struct ramet_findings *out, struct ramet_error *err);
/* The array of ramet_report_findings. */
void rameti_write_findings(struct ramet_json_writer *w, const struct ramet_findings *f);

/* The text of a message's content, appended: a text as it is, of an array the text blocks with sep
 * between them; nothing of anything else. content comes from a peek or a parsed text. */
int rameti_content_text(struct ramet_json_doc *doc, const struct ramet_json *content,
			const char *sep, struct ramet_buf *out, struct ramet_error *err);

#endif

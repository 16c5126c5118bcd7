/*
 * store/records_priv.h - what records.c and records_ahead.c share.
 */
#ifndef RAMETI_STORE_RECORDS_PRIV_H
#define RAMETI_STORE_RECORDS_PRIV_H

#include "store/records.h"

/* rameti_records_next and _entry, done by the caller. */
int rameti_records_read(struct rameti_records *r, struct rameti_record *record,
			struct ramet_error *err);
int rameti_records_make(struct rameti_records *r, const struct rameti_record *record, uint32_t row,
			struct ramet_buf *scratch, struct ramet_bytes *json,
			struct ramet_error *err);

/* As rameti_records_ahead says; NULL: there is no memory for it, or no thread. */
struct rameti_ahead *rameti_ahead_start(struct rameti_records *r,
					const struct rameti_ahead_job *job);
int rameti_ahead_next(struct rameti_ahead *a, struct rameti_record *record,
		      struct ramet_error *err);
/* An entry of the record that was handed out last: 1; 0: it was not made. */
int rameti_ahead_entry(struct rameti_ahead *a, uint32_t row, struct ramet_bytes *json);
/* What was made of it: as above. */
int rameti_ahead_apart(const struct rameti_ahead *a, uint32_t row, struct ramet_bytes *lines,
		       struct rameti_apart *is);
/* Its stored line as a JSON string: as above. */
int rameti_ahead_quoted(const struct rameti_ahead *a, struct ramet_bytes *json);
void rameti_ahead_end(struct rameti_ahead *a);

#endif

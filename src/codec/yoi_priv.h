/*
 * codec/yoi_priv.h - what the files of this codec share among themselves.
 */
#ifndef RAMETI_CODEC_YOI_PRIV_H
#define RAMETI_CODEC_YOI_PRIV_H

#include "codec/yoi.h"

/* What the member "ramet" of a record says. */
enum rameti_yoi_ours_what {
	RAMETI_YOI_OURS_NONE,
	RAMETI_YOI_OURS_ID, /* of the first entry it makes */
	RAMETI_YOI_OURS_SILENT, /* it makes none, the record before it said all */
	RAMETI_YOI_OURS_HEADER, /* nor does this one: the session's header */
	RAMETI_YOI_OURS_ENTRY /* the entry it makes, whatever else the record says */
};
struct rameti_yoi_ours {
	int what;
	struct ramet_buf text;
	struct ramet_json_doc doc; /* of text */
};
void rameti_yoi_ours_init(struct rameti_yoi_ours *ours);
void rameti_yoi_ours_release(struct rameti_yoi_ours *ours);
int rameti_yoi_ours_parse(struct rameti_yoi_ours *ours, const struct ramet_json *v);
int rameti_yoi_ours_of(struct rameti_yoi_ours *ours, const struct rameti_yoi_record *rec);
/* Flag of a row of an entry whose text begins as ours do, {"type":"T","id":"I","parentId":P, and
 * says none of that twice; and where T stands with its quotation marks. */
#define RAMETI_YOI_PLAIN 0x80u
#define RAMETI_YOI_TYPE_AT 8u
/* Flag of one whose text also ends its line, as where ours end: the member behind the others of the
 * record, or of what an extension carries. */
#define RAMETI_YOI_LAST 0x100u
/* Where it begins then, the quotation mark included; a line may hold the same elsewhere, too. */
#define RAMETI_YOI_LAST_OWN ",\"" RAMETI_YOI_OURS "\":\""
#define RAMETI_YOI_LAST_CARRIED ",\"payload\":{\"entry\":\""
/* 1: the entry of a row with both flags is in out, by a look at the line alone; 0: out is empty. */
int rameti_yoi_line_as_told(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
			    struct ramet_buf *out);
/* The same of one with the first flag, by its parsed record. */
int rameti_yoi_as_told(const struct rameti_reader *r, uint32_t row,
		       const struct rameti_yoi_record *rec, struct ramet_buf *out);

int rameti_yoi_reader_gen(const struct rameti_reader *r);
int rameti_yoi_resume(struct rameti_encoder *e, const struct rameti_reader *r,
		      struct ramet_bytes last, struct ramet_error *err);
int rameti_yoi_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
		     struct ramet_buf *scratch, struct ramet_buf *out);
int rameti_yoi_start(struct rameti_encoder *e, const struct rameti_draft_header *h,
		     struct ramet_buf *out, struct ramet_error *err);
int rameti_yoi_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct rameti_apart *is);
void rameti_yoi_join(struct rameti_encoder *e, const struct rameti_apart *is);
int rameti_yoi_encode(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		      struct ramet_error *err);

#endif

/*
 * codec/carry.h - what codecs with pieces share: the front of an entry, and entries of pi's that a
 * record of another system carries as they are.
 */
#ifndef RAMETI_CODEC_CARRY_H
#define RAMETI_CODEC_CARRY_H

#include "codec/codec.h"

/* {"type":...,"id":...,"parentId":...,"timestamp":... of a row, appended to out: members of its own
 * and the closing brace follow. */
void rameti_piece_begin(const struct rameti_reader *r, uint32_t row, const char *type,
			struct ramet_buf *out);

/* Facts of an entry that is carried: type, role and time into row, its id appended to id. 1 when
 * this is no entry. */
int rameti_carried_row(const struct ramet_json *entry, struct ramet_row *row, struct ramet_buf *id);
/* That entry as it is handed out: with the row's id and parent. Appended to out. */
int rameti_carried_entry(const struct rameti_reader *r, uint32_t row,
			 const struct ramet_json *entry, struct ramet_buf *out,
			 struct ramet_error *err);

/* A custom entry `ramet.raw`: the record of another format that the entries before it came from.
 * data: {"format":F,"entries":N,"record":TEXT}. */
#define RAMETI_RAW_TYPE "ramet.raw"

#endif

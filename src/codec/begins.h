/*
 * codec/begins.h - where a record may begin in the middle of damage.
 */
#ifndef RAMETI_CODEC_BEGINS_H
#define RAMETI_CODEC_BEGINS_H

#include "codec/codec.h"

/* Do the first members of a record of this format stand here, in the order in which its own
 * program writes them, and such as no value inside a record has them? Only the start is looked
 * at. */
int rameti_record_begins(const struct rameti_codec *codec, struct ramet_bytes text);
/* The format with pieces that the start of a file's lines tells, where no line of it is whole;
 * NULL: none, or a header of pi's stands before it. head: the file's first bytes, which are no
 * other format's to rameti_codec_sniffed than perhaps pi's. */
const struct rameti_codec *rameti_record_format(struct ramet_bytes head);

#endif

/*
 * codec/span.h - what the writers of records do most: strings that may be copied as they stand
 * instead of being decoded and encoded, and plain numbers.
 */
#ifndef RAMETI_CODEC_SPAN_H
#define RAMETI_CODEC_SPAN_H

#include "ramet/json.h"

/* A string of valid UTF-8 whose escapes are all of two bytes and those that every writer here
 * makes: \" \\ \b \f \n \r \t. Encoding what it says as JSON.stringify does gives it again. */
int rameti_span_is_usual(const struct ramet_json *v);
/* ,"key":value of an object's member, by its key: both as they stand, without white space. */
void rameti_span_add_member(struct ramet_buf *out, const struct ramet_json *key);
/* Is it the key of a member that every entry has: type, id, parentId, timestamp? */
int rameti_span_is_common(const struct ramet_json *key);
/* All members of an entry but the four that every one has (type, id, parentId, timestamp), as the
 * inside of an object. */
void rameti_span_add_own_members(struct ramet_buf *out, const struct ramet_json *entry);
/* A number in digits. */
void rameti_span_add_count(struct ramet_buf *out, uint64_t n);

#endif

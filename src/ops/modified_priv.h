/*
 * ops/modified_priv.h - when was a session last talked in?
 */
#ifndef RAMETI_OPS_MODIFIED_PRIV_H
#define RAMETI_OPS_MODIFIED_PRIV_H

#include "model/tree.h"
#include "ops/peek_priv.h"

/* What a peek must look for to answer rameti_message_time; other wants may follow. */
enum { RAMETI_SEEK_MESSAGE, RAMETI_SEEK_TIME, RAMETI_SEEK_CONTENT, RAMETI_SEEK_N };
extern const struct rameti_want rameti_message_wants[RAMETI_SEEK_N];

/* The time of the talk row that p has just read, in milliseconds: its message's number, else the
 * entry's time. 0: it has none, or no content, and does not count. */
double rameti_message_time(const struct rameti_peek *p, const struct ramet_row *row);
/* Such a time as a whole number; RAMET_TIME_NONE beyond what a date can be. */
int64_t rameti_date_ms(double ms);

/* As listing says it: the greatest time of a user or assistant message on any branch; without one
 * the header's time; without that the file's; RAMET_TIME_NONE if there is none either (in memory).
 * ENOMEM, or what reading an entry fails with. */
int rameti_session_modified(const struct ramet_session *s, int64_t *ms, struct ramet_error *err);

#endif

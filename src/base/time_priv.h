/*
 * base/time_priv.h - the parts of a date between reading (time_parse.c) and reckoning (time.c).
 */
#ifndef RAMETI_BASE_TIME_PRIV_H
#define RAMETI_BASE_TIME_PRIV_H

#include "base/clock.h"

struct rameti_time_parts {
	int day[3], n_day, month, iso;           /* month 0: none was named */
	int time[4], n_time, half;               /* half -1: neither am nor pm */
	int sign, hour, minute;                  /* sign 0: no zone; hour, minute -1: not read */
};
#define RAMETI_TIME_PARTS_INIT { .half = -1, .hour = -1, .minute = -1 }

/* 1: the text has the form of a date; whether its numbers make one is not decided yet. */
int rameti_time_read(struct ramet_bytes text, struct rameti_time_parts *p);

#endif

/*
 * cli/age.h - figures for people: ages, dates, sizes, counts, money. Each appends to out.
 */
#ifndef RAMETI_CLI_AGE_H
#define RAMETI_CLI_AGE_H

#include "ramet/base.h"

/* now 5m 3h 2d 1w 4mo 1y; +3d for what lies ahead; - for RAMET_TIME_NONE. */
void age_add(struct ramet_buf *out, int64_t now_ms, int64_t then_ms);
/* Local time: 2026-03-02 10:00:05; - for RAMET_TIME_NONE. */
void age_add_date(struct ramet_buf *out, int64_t time_ms);
#define AGE_SHORT_DATE_CELLS 11
/* 03-02 10:00, the same width always; blanks for RAMET_TIME_NONE. */
void age_add_short_date(struct ramet_buf *out, int64_t time_ms);
/* 512 B, 1.2 kB, 34 MB. */
void age_add_size(struct ramet_buf *out, uint64_t bytes);
/* 1,234,567 */
void age_add_count(struct ramet_buf *out, double n);
/* $0.0042, $1.25, $1,234.50 */
void age_add_cost(struct ramet_buf *out, double dollars);

#endif

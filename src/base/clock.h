/*
 * base/clock.h - time, random bytes and ids. The clock and the random source come from env.h.
 */
#ifndef RAMETI_BASE_CLOCK_H
#define RAMETI_BASE_CLOCK_H

#include "base/env.h"

#define RAMETI_TIME_NONE INT64_MIN               /* unreadable or missing time */

int64_t rameti_now_ms(const struct rameti_env *env);         /* since 1970 UTC */
int rameti_random(const struct rameti_env *env, void *to, size_t len, struct ramet_error *err);

/* Text forms with 36 characters and NUL. v7 never goes back within one generator. */
struct rameti_uuid7 {
	int64_t last_ms;
	uint64_t counter;                        /* 41 bits, random start */
	int started;
};
int rameti_uuid4(const struct rameti_env *env, char out[37], struct ramet_error *err);
int rameti_uuid7(struct rameti_uuid7 *g, const struct rameti_env *env, char out[37],
		 struct ramet_error *err);

/* As JavaScript's Date.parse: the ISO forms exactly (days 29-31 roll over in short months,
 * 24:00:00, fraction digits beyond three are cut, expanded years, no zone with a time means local
 * time, a date alone UTC) and the older forms V8 also takes ("Mar 2, 2026 10:00", RFC 2822,
 * 2026/03/02). RAMETI_TIME_NONE if it does not parse. Result within +-8.64e15. */
int64_t rameti_time_parse(struct ramet_bytes text);
/* 2026-03-02T09:00:00.123Z as toISOString writes it; out has room for 32. "" for
 * RAMETI_TIME_NONE. */
void rameti_time_format(int64_t ms, char out[32]);

#endif

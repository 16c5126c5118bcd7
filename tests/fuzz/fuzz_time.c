/*
 * fuzz_time.c - times as text.
 *
 * What must hold: a time that is read lies in JavaScript's range, and its ISO text is read back as
 * the same time.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text = { (const char *)data, len };
	int64_t ms = rameti_time_parse(text);
	char out[32];

	rameti_time_format(ms, out);
	if (ms == RAMETI_TIME_NONE) {
		assert(!out[0]);
		return 0;
	}
	assert(ms >= -INT64_C(8640000000000000) && ms <= INT64_C(8640000000000000));
	assert(strlen(out) == 24 || strlen(out) == 27);
	assert(rameti_time_parse(ramet_bytes_of(out)) == ms);
	return 0;
}

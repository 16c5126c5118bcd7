/*
 * cli/member.c - members of JSON objects, for people.
 */
#include "cli/member.h"

#include "base/clock.h"

struct ramet_bytes member_text(const struct ramet_json *object, const char *key,
			       struct ramet_buf *scratch)
{
	ramet_buf_reset(scratch);
	ramet_json_text(ramet_json_get(object, key), scratch);
	return ramet_buf_bytes(scratch);
}

int64_t member_time(const struct ramet_json *object, const char *key, struct ramet_buf *scratch)
{
	struct ramet_bytes text = member_text(object, key, scratch);

	return text.len ? rameti_time_parse(text) : RAMET_TIME_NONE;
}

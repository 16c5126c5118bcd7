/*
 * cli/member.h - members of JSON objects, for people: decoded, safe, or nothing.
 */
#ifndef RAMETI_CLI_MEMBER_H
#define RAMETI_CLI_MEMBER_H

#include "ramet.h"
#include "cli/out.h"

/* The decoded text of object's member, in scratch (reset first); empty for anything but a text. */
struct ramet_bytes member_text(const struct ramet_json *object, const char *key,
			       struct ramet_buf *scratch);
/* A time given as ISO text; RAMET_TIME_NONE for anything else. */
int64_t member_time(const struct ramet_json *object, const char *key, struct ramet_buf *scratch);

#endif

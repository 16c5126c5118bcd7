/*
 * ramet/codec.h - formats: bytes to entries and back.
 *
 * Codecs are found by name or by looking at the first bytes; their pages are docs/format/NAME.md.
 */
#ifndef RAMET_CODEC_H
#define RAMET_CODEC_H

#include <ramet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The header of a session, as the current version of its format has it. */
struct ramet_header {
	struct ramet_bytes json;                 /* migrated in memory, without newline */
	struct ramet_bytes id, cwd, timestamp,
		parent_session; /* decoded; ptr NULL when not a text */
	int64_t created_ms; /* RAMET_TIME_NONE if the timestamp does not parse */
	double version;                          /* as stored; 1 when missing */
	uint64_t line, offset, length;           /* where it stands in the file */
};

/* Name of the n-th codec, NULL past the last: "pi". */
RAMET_API const char *ramet_codec_name(unsigned n);
/* Name of the codec that recognises these first bytes of a file (up to 1 MiB), or NULL. */
RAMET_API const char *ramet_codec_sniff(struct ramet_bytes head);

#ifdef __cplusplus
}
#endif
#endif

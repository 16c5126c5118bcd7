/*
 * ops/original_priv.h - a session file that is about to be replaced: held, and kept under another
 * name.
 */
#ifndef RAMETI_OPS_ORIGINAL_PRIV_H
#define RAMETI_OPS_ORIGINAL_PRIV_H

#include "base/file.h"

struct rameti_original {
	struct rameti_file file;                 /* open for appending, locked */
	struct stat st;
	struct ramet_buf path, kept;             /* behind links; its new name */
};
#define RAMETI_ORIGINAL_INIT                                                                       \
	{                                                                                          \
		.file = RAMETI_FILE_INIT, .path = RAMET_BUF_INIT(SIZE_MAX / 2),                    \
		.kept = RAMET_BUF_INIT(SIZE_MAX / 2)                                               \
	}

/* Lock the file that path names. ECONFLICT when another program holds the lock too long or has
 * replaced the file. */
int rameti_original_hold(struct rameti_original *o, const char *path, struct ramet_error *err);
/* A second name for it, PATH.SUFFIX or PATH.SUFFIX.2 and so on, whichever is free; a copy where
 * files cannot have two names. It survives a power cut. */
int rameti_original_keep(struct rameti_original *o, const char *suffix, struct ramet_error *err);
/* Replacing it failed: only its old name stays. */
void rameti_original_unkeep(struct rameti_original *o);
/* Lets go of the lock. Fine twice. */
void rameti_original_release(struct rameti_original *o);

#endif

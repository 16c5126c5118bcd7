/*
 * store/sidecar.h - what the rest of the library knows of pi_agent_rust's V2 sidecars.
 */
#ifndef RAMETI_STORE_SIDECAR_H
#define RAMETI_STORE_SIDECAR_H

#include "base/env.h"
#include "ramet/pirust.h"

/* Before bytes of a session file change: its sidecar, if it has one, is no longer to be believed.
 * path: the file itself, no link to it. Call it under the lock of the session. One look where
 * there is no sidecar; one open and read where it says so already; else a replaced file, durable,
 * as far as can be told. EIO, ENOMEM, ELIMIT. */
int rameti_sidecar_mark_dirty(const struct rameti_env *env, const char *path,
			      struct ramet_error *err);

/* The directories beside NAME.jsonl that are its own: the sidecar NAME.v2, those that were to
 * become one or were one (NAME.v2.staging.HEX and so on), and attachments (NAME.jsonl.blobs).
 * Only what is a directory, and looks like what its name says; never a link. path: no link;
 * it may be gone. fn other than 0 ends it with that. */
int rameti_sidecar_each(const char *path, int (*fn)(void *user, const char *dir), void *user,
			struct ramet_error *err);
/* Remove one of these for good. EFORMAT, and nothing is removed, when a directory is in it that no
 * sidecar has. */
int rameti_sidecar_remove(const char *dir, struct ramet_error *err);

#endif

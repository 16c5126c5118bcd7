/*
 * store/sidecar.h - what the rest of the library knows of pi_agent_rust's V2 sidecars.
 */
#ifndef RAMETI_STORE_SIDECAR_H
#define RAMETI_STORE_SIDECAR_H

#include "ramet/pirust.h"

/* Before bytes of a session file change: its sidecar, if it has one, is no longer to be believed.
 * path: the file itself, no link to it. Call it under the lock of the session. One failed open
 * where there is no sidecar; one open and read where it says so already; else a replaced file,
 * durable. EIO, ENOMEM, ELIMIT, and EUNKNOWN, which is as good as done. */
int rameti_sidecar_mark_dirty(const char *path, struct ramet_error *err);

#endif

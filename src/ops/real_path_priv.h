/*
 * ops/real_path_priv.h - where a path really leads.
 */
#ifndef RAMETI_OPS_REAL_PATH_PRIV_H
#define RAMETI_OPS_REAL_PATH_PRIV_H

#include "base/env.h"

/* The path from the root on without links, "." and ".." in it; appended, empty for the root. What
 * it names must be there. ELIMIT, ENOTFOUND, EIO, ENOMEM. */
int rameti_real_path(const struct rameti_env *env, const char *path, struct ramet_buf *real,
		     struct ramet_error *err);
/* Did all fit into a path: 0, ENOMEM, ELIMIT. */
int rameti_path_status(const struct ramet_buf *path, struct ramet_error *err);
/* The first len bytes of such a path without its last part; 0: the root. */
size_t rameti_parent_len(const struct ramet_buf *path, size_t len);

#endif

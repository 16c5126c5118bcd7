/*
 * store/layout_pi.h - pi's paths: texts that stand for a place, made absolute and normal.
 */
#ifndef RAMETI_STORE_LAYOUT_PI_H
#define RAMETI_STORE_LAYOUT_PI_H

#include "ramet/store.h"

/* Append path as pi resolves it: ~ and ~/ are the home directory, a file:// URL is its path, what
 * is relative starts at cwd (NULL: the process's); "." ".." and needless slashes go. EINVAL. */
int rameti_pi_path(struct ramet_bytes path, const char *cwd, struct ramet_buf *out,
		   struct ramet_error *err);
/* The path that a file:// URL stands for, appended; text is what follows "file://". EINVAL. */
int rameti_file_url_path(struct ramet_bytes text, struct ramet_buf *out, struct ramet_error *err);

#endif

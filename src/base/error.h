/*
 * base/error.h - filling a struct ramet_error, once, where most is known.
 */
#ifndef RAMETI_BASE_ERROR_H
#define RAMETI_BASE_ERROR_H

#include "ramet/base.h"

/* Each fills err (when not NULL) and returns code, so that `return rameti_fail(...)` reads well. */
int rameti_fail(struct ramet_error *err, int code, const char *fmt, ...) RAMET_PRINTF(3, 4);
int rameti_fail_at(struct ramet_error *err, int code, const char *path, uint64_t line,
		   uint64_t offset, const char *fmt, ...) RAMET_PRINTF(6, 7);
/* From errno: EIO, ENOTFOUND for ENOENT/ENOTDIR, ENOMEM for ENOMEM; text is "WHAT: strerror
 * text". */
int rameti_fail_sys(struct ramet_error *err, int sys, const char *path, const char *what);
int rameti_fail_nomem(struct ramet_error *err);
void rameti_error_set_path(struct ramet_error *err, const char *path);   /* only if none is set */

#endif

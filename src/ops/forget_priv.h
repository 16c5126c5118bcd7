/*
 * ops/forget_priv.h - what else has to know that a session is taken away.
 */
#ifndef RAMETI_OPS_FORGET_PRIV_H
#define RAMETI_OPS_FORGET_PRIV_H

#include "store/home.h"
#include "store/layout.h"

/* Its tool's own files forget the session. The session is gone by then: what fails there is no
 * failure of the removal. */
void rameti_forget_tell(const struct rameti_layout *layout, const char *path);
/* For good: what stands beside it and is its own. Before the session, so that it is
 * still there when this fails. EFORMAT, EIO, ENOMEM. */
int rameti_forget_sides(const struct rameti_layout *layout, const char *path,
			struct ramet_error *err);
/* A session that is a part of a file. ENOTFOUND, EIO, ECONFLICT, ENOMEM. */
int rameti_forget_in_home(const struct rameti_home_path *home, struct ramet_error *err);

#endif

/*
 * ops/fork_priv.h - what the ways to fork share.
 */
#ifndef RAMETI_OPS_FORK_PRIV_H
#define RAMETI_OPS_FORK_PRIV_H

#include "ramet/ops.h"
#include "store/birth.h"

/* Begin a session that names source as the one it came from. dir NULL: pi's of its cwd. */
int rameti_fork_begin(struct rameti_birth *b, const struct ramet_session *source,
		      enum rameti_birth_place place, const struct ramet_fork_opts *opts,
		      const char *dir, struct ramet_error *err);

/* May its rows be taken over as they are, for lines that do not change? */
int rameti_fork_plain(const struct ramet_session *source);

/* Is this no file of pi's? Then its forks are made by rameti_fork_other: the path to leaf
 * (RAMET_NONE: nothing) or all entries. Called with the lock held. */
int rameti_fork_is_other(const struct ramet_session *source);
int rameti_fork_other(struct ramet_session **out, struct ramet_session *source, uint32_t leaf,
		      int all, const struct ramet_fork_opts *opts, struct ramet_error *err);

#endif

/*
 * store/ckptmgr_file.h - the snapshot manager's state file: read whole, changed whole.
 */
#ifndef RAMETI_STORE_CKPTMGR_FILE_H
#define RAMETI_STORE_CKPTMGR_FILE_H

#include "base/env.h"
#include "codec/ckptmgr.h"

struct rameti_ckptfile {
	const struct rameti_env *env;
	char *path;                              /* NULL: in memory */
	struct ramet_buf text;                   /* the state as it was read or written last */
	uint32_t lock_ms;
	int no_sync;
};
int rameti_ckptfile_init(struct rameti_ckptfile *f, const char *path, uint32_t lock_ms,
			 struct ramet_error *err);
void rameti_ckptfile_release(struct rameti_ckptfile *f);

/* The state as it is now; *there (may be NULL): is there a file. A missing or empty one is an
 * empty state. EFORMAT. state is released by the caller and borrows from f until the next call. */
int rameti_ckptfile_read(struct rameti_ckptfile *f, struct rameti_ckpt *state, int *there,
			 struct ramet_error *err);

/* Makes a new text of a state, which may have to be done again: 0; 1: nothing to change. */
typedef int rameti_ckptfile_fn(void *user, const struct rameti_ckpt *state, struct ramet_buf *out,
			       struct ramet_error *err);
/* Change the state: others' changes are in it, and nobody else's can come in between. */
int rameti_ckptfile_change(struct rameti_ckptfile *f, rameti_ckptfile_fn *fn, void *user,
			   struct ramet_error *err);
int64_t rameti_ckptfile_now_ns(const struct rameti_ckptfile *f);

#endif

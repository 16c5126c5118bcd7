/*
 * store/ckptmgr_priv.h - what the snapshot manager's calls share.
 */
#ifndef RAMETI_STORE_CKPTMGR_PRIV_H
#define RAMETI_STORE_CKPTMGR_PRIV_H

#include "ramet/ckptmgr.h"
#include "store/ckptmgr_file.h"

struct ramet_ckptmgr {
	struct rameti_ckptfile file;
};

/* "default" for an empty id */
struct ramet_bytes rameti_ckptmgr_id(struct ramet_bytes id);
int rameti_ckptmgr_fail_missing(struct ramet_bytes id, struct ramet_error *err);
int rameti_ckptmgr_fail_no_checkpoint(struct ramet_error *err);

#endif

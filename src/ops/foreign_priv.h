/*
 * ops/foreign_priv.h - files that are no session: what to say of them.
 */
#ifndef RAMETI_OPS_FOREIGN_PRIV_H
#define RAMETI_OPS_FOREIGN_PRIV_H

#include "ramet/base.h"

/* EFORMAT when a file with these first bytes is one of many sessions, with the words for it; 0. */
int rameti_foreign_home(struct ramet_bytes head, const char *path, struct ramet_error *err);

#endif

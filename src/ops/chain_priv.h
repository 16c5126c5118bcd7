/*
 * ops/chain_priv.h - what the chain of hashes in a log of yoi's says.
 */
#ifndef RAMETI_OPS_CHAIN_PRIV_H
#define RAMETI_OPS_CHAIN_PRIV_H

#include "ramet/ops.h"

/* The findings "hash" and "chain" of ramet_yoi_verify, appended; none for a log without hashes. */
int rameti_chain_findings(const char *path, struct ramet_findings *out, struct ramet_error *err);

#endif

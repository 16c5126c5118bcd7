/*
 * ops/seal_priv.h - seals checked while somebody reads a session's lines in file order.
 */
#ifndef RAMETI_OPS_SEAL_PRIV_H
#define RAMETI_OPS_SEAL_PRIV_H

#include "ramet/ops.h"

struct rameti_seal_sum {
	uint64_t n_seals, n_signed, n_copied;    /* copied: of another session's header */
	uint64_t n_sealed, n_unsealed;           /* lines under a seal; behind the last one */
};

struct rameti_seal_check;
/* key: an Ed25519 public key (32 bytes) that signatures must be of, or NULL: they are only checked
 * to be well-formed. */
int rameti_seal_check_new(struct rameti_seal_check **out, const uint8_t *key,
			  struct ramet_error *err);
void rameti_seal_check_free(struct rameti_seal_check *c);
/* The header's line, then every other line in file order, as stored, without its newline.
 * entry: its type and customType say `ramet.seal`. What does not hold becomes a finding of
 * code `seal` that names the line. ENOMEM. */
int rameti_seal_check_header(struct rameti_seal_check *c, struct ramet_bytes line,
			     struct ramet_error *err);
int rameti_seal_check_line(struct rameti_seal_check *c, struct ramet_bytes line, uint64_t number,
			   uint64_t offset, int is_seal, struct ramet_findings *f,
			   struct ramet_error *err);
/* The same of a line that somebody hashed (32 bytes). seal: its text if it is one, or ptr NULL. */
int rameti_seal_check_hash(struct rameti_seal_check *c, const uint8_t *hash,
			   struct ramet_bytes seal, uint64_t number, uint64_t offset,
			   struct ramet_findings *f, struct ramet_error *err);
void rameti_seal_check_sum(const struct rameti_seal_check *c, struct rameti_seal_sum *sum);

#endif

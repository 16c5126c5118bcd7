/*
 * codec/ckptmgr_priv.h - what both directions between sessions of a state and entries share.
 */
#ifndef RAMETI_CODEC_CKPTMGR_PRIV_H
#define RAMETI_CODEC_CKPTMGR_PRIV_H

#include "codec/ckptmgr.h"
#include "codec/codec.h"

#define RAMETI_CKPT_CONFIG_TYPE "ramet.config"
#define RAMETI_CKPT_CHECKPOINT_TYPE "ramet.checkpoint"
#define RAMETI_CKPT_FORMAT "ckptmgr"
#define RAMETI_CKPT_CONFIG_ID "s0"

/* CRC-32C of a message in one line: which message an item of the carried ones stands for. */
int rameti_ckpt_sum(const struct ramet_json *m, uint32_t *sum);
/* Does a checkpoint's list hold just the messages before this place? *n: how many. 1, 0, ENOMEM. */
int rameti_ckpt_is_prefix(const struct ramet_json *list, const uint32_t *sums, uint32_t n_sums,
			  uint32_t *n);
/* The id of the entry of a checkpoint. */
void rameti_ckpt_checkpoint_id(struct ramet_bytes key, char id[10]);
/* Is this entry (custom, of type) one that was made of a state? Its data, or NULL. */
const struct ramet_json *rameti_ckpt_own_data(const struct ramet_json *entry, const char *type);

/* Members of a session that the original does not know, as rameti_ckpt_change's more; appended. */
void rameti_ckpt_add_unknown(const struct ramet_json *session, struct ramet_buf *out);

/* The line of a message (without newline), as rameti_ckpt_entries writes it. timestamp: raw. */
int rameti_ckpt_message_line(const struct ramet_json *m, const struct ramet_json *calls,
			     struct ramet_bytes id, struct ramet_bytes parent,
			     struct ramet_bytes timestamp, struct ramet_buf *out);

#endif

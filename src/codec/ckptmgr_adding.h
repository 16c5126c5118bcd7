/*
 * codec/ckptmgr_adding.h - lines on their way into a session of a state.
 */
#ifndef RAMETI_CODEC_CKPTMGR_ADDING_H
#define RAMETI_CODEC_CKPTMGR_ADDING_H

#include "base/mem.h"
#include "codec/ckptmgr_priv.h"

/* A message of the session as it will be: text borrowed or in the arena. */
struct rameti_ckpt_held {
	struct ramet_bytes text;
	uint32_t sum;
};

struct rameti_ckpt_adding {
	const struct rameti_ckpt_session *s;
	struct rameti_ckpt_held *held;
	uint32_t n, cap, n_old;
	struct rameti_arena arena;
	struct ramet_buf messages, items;        /* new ones, joined */
	struct ramet_buf checkpoints, files;     /* the maps as they are now; empty: unchanged */
	struct ramet_json_doc doc, calls_doc, map_doc;
	const struct ramet_json *calls;
	uint64_t turns;
	int created;                             /* lines begin with a header */
	struct ramet_bytes header;               /* that has to be kept */
	int has_config;
	struct ramet_buf more;
	int64_t created_ns, updated_ns;
	int has_turns;
	int null_messages, null_turns, null_checkpoints, null_files; /* where there are none */
	uint32_t n_carried;
	struct ramet_error *err;
};

/* Of a session that is there, or of none (all NULL). */
void rameti_ckpt_adding_init(struct rameti_ckpt_adding *a, const struct rameti_ckpt_session *s,
			     struct ramet_error *err);
void rameti_ckpt_adding_release(struct rameti_ckpt_adding *a);
/* Take lines in; a header among them is passed over. EFORMAT, ENOMEM. */
int rameti_ckpt_adding_lines(struct rameti_ckpt_adding *a, struct ramet_bytes lines);
/* What the session is beside messages and checkpoints, from the entry that tells it. ENOMEM. */
int rameti_ckpt_adding_config(struct rameti_ckpt_adding *a, const struct ramet_json *session);
/* An item that carries this text under a name. sum: of the message that it stands for, or NULL. */
int rameti_ckpt_adding_carry(struct rameti_ckpt_adding *a, const char *name,
			     struct ramet_bytes line, const uint32_t *sum);
/* The new items, behind those that are there. */
int rameti_ckpt_adding_items(struct rameti_ckpt_adding *a);
/* The finished texts of the change, in text; those that stay as they are have ptr NULL. */
int rameti_ckpt_adding_finish(struct rameti_ckpt_adding *a, struct rameti_ckpt_change *change,
			      struct ramet_buf text[4]);

#endif

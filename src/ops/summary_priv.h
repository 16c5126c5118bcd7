/*
 * ops/summary_priv.h - what compactions and branch summaries share: texts, file lists, going back
 * to the place a plan was made for.
 */
#ifndef RAMETI_OPS_SUMMARY_PRIV_H
#define RAMETI_OPS_SUMMARY_PRIV_H

#include "model/conversation.h"
#include "ops/report_priv.h"

/* What a plan keeps for itself. */
struct rameti_plan {
	struct rameti_arena arena;
	struct ramet_context *context;
	struct rameti_files files;
	struct ramet_bytes leaf_id, kept_id;     /* ptr NULL: no such row */
	uint32_t n_rows;                         /* of the tree, when the plan was made */
};
/* NULL: no memory. */
struct rameti_plan *rameti_plan_new(const struct ramet_session *s);
void rameti_plan_free(struct rameti_plan *p);
/* Keep the id of a row; of RAMET_NONE and of one without an id nothing. ENOMEM. */
int rameti_plan_keep_id(struct rameti_plan *p, const struct ramet_tree *t, uint32_t row,
			struct ramet_bytes *id, struct ramet_error *err);
/* The messages [from, to) of the context, system messages left out, in the arena. */
int rameti_plan_messages(struct rameti_plan *p, uint32_t from, uint32_t to,
			 struct ramet_message **messages, uint32_t *n,
			 struct ramet_error *err);
/* Note the lists of the summary in this row. */
int rameti_plan_add_details(struct rameti_plan *p, uint32_t row, struct ramet_bytes *summary,
			    struct ramet_error *err);
/* Is the session where the plan was made? With the session's lock held. ECONFLICT. */
int rameti_plan_check(const struct rameti_plan *p, struct ramet_session *s,
		      struct ramet_error *err);

/* A block <NAME>...</NAME> for messages or a text; an empty line before it if out has something
 * since start. Nothing for nothing. */
int rameti_summary_block(const char *name, const struct ramet_message *messages, uint32_t n,
			 size_t start, struct ramet_buf *out,
			 struct ramet_error *err);
void rameti_summary_text_block(const char *name, struct ramet_bytes text, size_t start,
			       struct ramet_buf *out);

/* The lists of a plan, for what follows. */
struct rameti_file_lists {
	const struct ramet_bytes *read, *modified;
	uint32_t n_read, n_modified;
};
/* The text as it is stored: head, the text without white space around it, then the lists unless it
 * wants none. EINVAL when it is empty. */
int rameti_summary_compose(const char *head, const struct ramet_written_summary *w,
			   const struct rameti_file_lists *l, struct ramet_buf *out,
			   struct ramet_error *err);
/* {"readFiles","modifiedFiles"}, and the same as members of an object being written. */
void rameti_summary_details(const struct rameti_file_lists *l, struct ramet_buf *out);
void rameti_summary_members(const struct rameti_file_lists *l, struct ramet_json_writer *w);

#endif

/*
 * model/context_priv.h - what the files that build a context share.
 */
#ifndef RAMETI_MODEL_CONTEXT_PRIV_H
#define RAMETI_MODEL_CONTEXT_PRIV_H

#include "base/mem.h"
#include "model/tree.h"

struct rameti_context_work {
	struct ramet_context *c;
	struct rameti_arena *arena;              /* owned by the context */
	struct ramet_buf scratch;
	struct ramet_json_doc doc;               /* the entry parsed last */
	uint32_t cap_messages;
	int all_summaries; /* of every compaction, not only of the leading one; no checkpoints */
};
#define RAMETI_CONTEXT_WORK_INIT                                                                   \
	{ NULL, NULL, RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_JSON_DOC_INIT, 0, 0 }
int rameti_context_parse(struct rameti_context_work *w, uint32_t row,
			 const struct ramet_json **root, struct ramet_error *err);
int rameti_context_keep(struct rameti_context_work *w, const struct ramet_json *v,
			struct ramet_bytes *kept, struct ramet_error *err);
/* The end of writing to out, which may be NULL: r, or what went wrong with the buffer. After a
 * failure it has `before` bytes again. */
int rameti_context_written(struct ramet_buf *out, size_t before, int r, struct ramet_error *err);
/* Selected rows to messages, edits applied. */
int rameti_context_project(struct rameti_context_work *w, struct ramet_error *err);

/* The text that a model reads in place of a bash run or a summary, appended. */
void rameti_message_retold(const struct ramet_json *m, int role, struct ramet_buf *text);

#endif

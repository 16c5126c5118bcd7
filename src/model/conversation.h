/*
 * model/conversation.h - messages as one text, and the files that their tool calls name.
 */
#ifndef RAMETI_MODEL_CONVERSATION_H
#define RAMETI_MODEL_CONVERSATION_H

#include "base/map.h"
#include "ramet/model.h"

/* Append messages as a summariser reads them, blocks with an empty line between them. EJSON,
 * ENOMEM, ELIMIT. */
int rameti_conversation_add(const struct ramet_message *messages, uint32_t n,
			    struct ramet_buf *out, struct ramet_error *err);

/* Paths, each once: changed (0: only read). */
struct rameti_files {
	struct rameti_map paths;
};
void rameti_files_init(struct rameti_files *f);
void rameti_files_release(struct rameti_files *f);
/* Note what the tool calls of a message read, write or edit. EJSON, ENOMEM. */
int rameti_files_add_message(struct rameti_files *f, struct ramet_json_doc *doc,
			     const struct ramet_message *m, struct ramet_error *err);
/* Note the lists of a summary that was made before: entry is the whole entry. ENOMEM. */
int rameti_files_add_details(struct rameti_files *f, const struct ramet_json *entry,
			     struct ramet_error *err);
/* The paths that were (changed 1) or were not (0) changed, in order, copied into a. */
int rameti_files_list(const struct rameti_files *f, int changed, struct rameti_arena *a,
		      struct ramet_bytes **list, uint32_t *n, struct ramet_error *err);

#endif

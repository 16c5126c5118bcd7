/*
 * ops/whole_priv.h - a session file read whole, also one that opening refuses.
 */
#ifndef RAMETI_OPS_WHOLE_PRIV_H
#define RAMETI_OPS_WHOLE_PRIV_H

#include "codec/codec.h"
#include "store/source.h"

struct rameti_whole {
	struct rameti_source source;
	struct rameti_reader reader;             /* with the tree and what reading found odd */
	struct ramet_buf line;
	/* opening refuses the file, and why; it was read as if a header stood before it */
	int refused;
	struct ramet_error why;
};
/* Scan every line; no index is asked. w must stay where it is until rameti_whole_close, which is
 * due after a failure too. */
int rameti_whole_open(struct rameti_whole *w, const char *path, size_t max_line, unsigned threads,
		      struct ramet_error *err);
void rameti_whole_close(struct rameti_whole *w);

/* What an item is, of those that verifying looks at. */
enum rameti_item_kind { RAMETI_ITEM_CALL, RAMETI_ITEM_RESULT, RAMETI_ITEM_SEAL };
struct rameti_item {
	uint32_t row;
	uint32_t id_len;                         /* of the call's id */
	uint64_t id_at;                          /* in rameti_items.ids */
	uint8_t kind;
	uint8_t broken_off;                      /* the message was aborted, or ended in an error */
	uint8_t answered;
};
/* Tool calls, tool results and seals, in file order. */
struct rameti_items {
	struct rameti_item *items;
	uint32_t n, cap;
	struct ramet_buf ids;                    /* decoded */
};
#define RAMETI_ITEMS_INIT { NULL, 0, 0, RAMET_BUF_INIT(SIZE_MAX / 2) }
/* By several threads when the file is large. */
int rameti_items_gather(const struct rameti_whole *w, unsigned threads, struct rameti_items *items,
			struct ramet_error *err);
void rameti_items_release(struct rameti_items *items);
/* Findings `unanswered-call`, appended. */
int rameti_calls_check(const struct ramet_tree *tree, struct rameti_items *items,
		       struct ramet_findings *f, struct ramet_error *err);

#endif

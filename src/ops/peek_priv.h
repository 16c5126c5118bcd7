/*
 * ops/peek_priv.h - a few members of an entry, found by the exact scanner; nothing is built.
 */
#ifndef RAMETI_OPS_PEEK_PRIV_H
#define RAMETI_OPS_PEEK_PRIV_H

#include "json/scan.h"
#include "ramet/store.h"

/* Reads entries one after the other. Close after a failed open too. */
struct rameti_peek {
	const struct ramet_tree *tree;
	struct rameti_scanner *scanner;          /* NULL: not open */
	struct ramet_buf scratch;
	struct ramet_bytes json;                 /* the entry read last, no white space around it */
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	size_t n_wants;
};
#define RAMETI_PEEK_INIT { .scanner = NULL }

/* wants must live as long as the peek. */
int rameti_peek_open(struct rameti_peek *p, const struct ramet_tree *tree,
		     const struct rameti_want *wants, size_t n_wants, struct ramet_error *err);
void rameti_peek_close(struct rameti_peek *p);
/* p->json and what rameti_peek_get answers hold until the next read. */
int rameti_peek_read(struct rameti_peek *p, uint32_t row, struct ramet_error *err);
/* The value of a wanted member; kind RAMET_JSON_NONE: not there. Of containers only the raw text
 * (ramet_json_raw) is known, not what is inside. */
struct ramet_json rameti_peek_get(const struct rameti_peek *p, unsigned want);

/* Bytes without JSON's white space at both ends. */
struct ramet_bytes rameti_json_trimmed(struct ramet_bytes json);

#endif

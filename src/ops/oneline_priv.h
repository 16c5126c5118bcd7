/*
 * ops/oneline_priv.h - any text as one harmless line of bounded length.
 */
#ifndef RAMETI_OPS_ONELINE_PRIV_H
#define RAMETI_OPS_ONELINE_PRIV_H

#include "ramet/base.h"

/* Text added piece by piece. White space, control characters (C0, DEL, C1) and those that turn the
 * direction of writing become one blank together, none at the ends; what is no character (invalid
 * UTF-8, lone surrogates) becomes U+FFFD. So no terminal escape gets through. */
struct rameti_oneline {
	struct ramet_buf *out;
	size_t left;                             /* bytes that may still be added */
	int blank, started;
	int full;                                /* something did not fit: nothing more is added */
};
void rameti_oneline_init(struct rameti_oneline *l, struct ramet_buf *out, size_t max_len);
void rameti_oneline_add(struct rameti_oneline *l, struct ramet_bytes text);
void rameti_oneline_add_str(struct rameti_oneline *l, const char *text);

#endif

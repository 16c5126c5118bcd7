/*
 * model/tokens.h - estimates of single messages.
 */
#ifndef RAMETI_MODEL_TOKENS_H
#define RAMETI_MODEL_TOKENS_H

#include "ramet/model.h"

/* What counting needs beside the message; reusable. */
struct rameti_counting {
	struct ramet_json_doc doc;
	struct ramet_buf text, quoted;
	int failed;                              /* a text could not be decoded */
};
#define RAMETI_COUNTING_INIT                                                                       \
	{ RAMET_JSON_DOC_INIT, RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_BUF_INIT(SIZE_MAX / 2), 0 }
void rameti_counting_release(struct rameti_counting *n);
/* Add the estimate of a message with this role to *tokens. EJSON, ENOMEM. */
int rameti_tokens_add(struct rameti_counting *n, struct ramet_bytes message, int role,
		      uint64_t *tokens, struct ramet_error *err);

#endif

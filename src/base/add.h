/*
 * base/add.h - a literal text behind what a buffer holds, copied in place: its length is known when
 * it is compiled.
 */
#ifndef RAMETI_BASE_ADD_H
#define RAMETI_BASE_ADD_H

#include <string.h>

#include "ramet/base.h"

/* A NUL stands behind the len bytes. */
static inline void rameti_add_literal(struct ramet_buf *b, const char *text, size_t len)
{
	if (b->status || len >= b->cap - b->len) {
		ramet_buf_add(b, (struct ramet_bytes){ text, len });
		return;
	}
	memcpy(b->ptr + b->len, text, len + 1);
	b->len += len;
}

#define ADD(out, text) rameti_add_literal(out, "" text, sizeof(text) - 1)

#endif

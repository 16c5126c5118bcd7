/*
 * json/escape_priv.h - valid text as the inside of a JSON string, a block at a time.
 */
#ifndef RAMETI_JSON_ESCAPE_PRIV_H
#define RAMETI_JSON_ESCAPE_PRIV_H

#include <stdint.h>

#define RAMETI_ESCAPE_BLOCK 512u
#define RAMETI_ESCAPE_STEP 16u
/* Room for a block: each byte may take six, and a step is copied whole. */
#define RAMETI_ESCAPED_MAX (6 * RAMETI_ESCAPE_BLOCK + RAMETI_ESCAPE_STEP)

/* At most a block from p to end, into to; where that ends there. */
typedef char *rameti_escape_fn(char *to, const char *p, const char *end);
char *rameti_escape_sse2(char *to, const char *p, const char *end);
rameti_escape_fn *rameti_escape_avx2(void);      /* NULL: not on this machine */

#endif

/*
 * json/escape_priv.h - valid text as the inside of a JSON string, a block at a time; and back.
 */
#ifndef RAMETI_JSON_ESCAPE_PRIV_H
#define RAMETI_JSON_ESCAPE_PRIV_H

#include <stdint.h>

#define RAMETI_ESCAPE_BLOCK 512u
/* Room for n bytes: each may take six, and a step is copied whole. */
#define RAMETI_ESCAPED_LEN(n) (6 * (n) + 64)
#define RAMETI_ESCAPED_MAX RAMETI_ESCAPED_LEN(RAMETI_ESCAPE_BLOCK)

/* At most a block from p to end, into to; where that ends there. */
typedef char *rameti_escape_fn(char *to, const char *p, const char *end);
char *rameti_escape_sse2(char *to, const char *p, const char *end);
rameti_escape_fn *rameti_escape_avx2(void);      /* NULL: not on this machine */
rameti_escape_fn *rameti_escape_avx512(void);

/* The inside of a string from *p to end, decoded into to, which has room for as much; where that
 * ends there. Stops, and leaves *p there, at the backslash of a \u, at one that is the last byte,
 * and at a quotation mark that none escapes. */
typedef char *rameti_unescape_fn(char *to, const char **p, const char *end);
char *rameti_unescape_plain(char *to, const char **p, const char *end);
rameti_unescape_fn *rameti_unescape_avx512(void); /* NULL: not on this machine */

#endif

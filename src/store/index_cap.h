/*
 * store/index_cap.h - what the indexes take up together.
 */
#ifndef RAMETI_STORE_INDEX_CAP_H
#define RAMETI_STORE_INDEX_CAP_H

#include <stdint.h>

#define RAMETI_INDEX_CAP ((uint64_t)2 << 30)     /* bytes */

/* The name of an index: two hexadecimal numbers with a - between them, then .idx. */
int rameti_index_is_name(const char *name);
/* When the indexes in this directory exceed so many bytes, the oldest go, but for `keep`. */
void rameti_index_cap(const char *dir, const char *keep, uint64_t cap);

#endif

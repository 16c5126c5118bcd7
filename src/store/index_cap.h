/*
 * store/index_cap.h - what the indexes take up together.
 */
#ifndef RAMETI_STORE_INDEX_CAP_H
#define RAMETI_STORE_INDEX_CAP_H

/* When the files of this directory exceed the cap, the oldest go, but for `keep`. */
void rameti_index_cap(const char *dir, const char *keep);

#endif

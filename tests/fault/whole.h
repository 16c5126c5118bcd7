/*
 * whole.h - all of a session as one text, to compare before with after and here with there.
 */
#ifndef TESTS_FAULT_WHOLE_H
#define TESTS_FAULT_WHOLE_H

#include "ramet/ops.h"

/* Header, rows, ids, entries, tree, labels, name and contexts, appended to out. Not the leaf, and
 * nothing of what the handle found odd. 0 or what failed. */
int whole_state(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err);
/* Only the entries, a line each, appended to out. */
int whole_entries(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err);
/* Do they differ; -1 when one cannot be read. */
int whole_differs(const struct ramet_session *a, const struct ramet_session *b);

#endif

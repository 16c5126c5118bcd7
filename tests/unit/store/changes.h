/*
 * changes.h - a document that is good, and what is said of it after one change.
 *
 * In texts ' stands for ".
 */
#ifndef TESTS_STORE_CHANGES_H
#define TESTS_STORE_CHANGES_H

#include "ramet/base.h"

struct change {
	const char *from, *to; /* from NULL: the end of a table */
};
typedef int parse_fn(struct ramet_bytes text, struct ramet_error *err);

/* base with its first `from` replaced, all as they are; valid until the next call. */
struct ramet_bytes changed(const char *base, const char *from, const char *to);
/* base is taken; after each change it is EFORMAT with a text. */
void refuses_each(parse_fn *parse, const char *base, const struct change *c);
void takes_each(parse_fn *parse, const char *base, const struct change *c);
/* ENOMEM for each allocation that fails, and nothing else. */
void says_when_memory_is_short(parse_fn *parse, const char *base);

#endif

/*
 * scratch.h - a directory of its own for the tests of files.
 */
#ifndef TESTS_UNIT_BASE_SCRATCH_H
#define TESTS_UNIT_BASE_SCRATCH_H

#include <stddef.h>

/* cmocka setup and teardown of a group: makes and removes the directory. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* DIR/name; the text is valid for the next 15 calls. "" is the directory itself. */
const char *scratch_path(const char *name);
/* Writes a file and gives its path. */
const char *scratch_file(const char *name, const void *data, size_t len);

#endif

/*
 * temp_dir.h - a directory of its own for each test, with files of known content and time.
 */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <stddef.h>

#define TEMP_PATH 4096

/* Make a directory; its path, free with temp_dir_remove. */
char *temp_dir_new(void);
void temp_dir_remove(char *dir);
/* "DIR/name", in one of a few static buffers. */
const char *temp_path(const char *dir, const char *name);
/* Write a file, directories before it as needed; modified so many seconds (and ns) after 1970. */
void temp_file(const char *dir, const char *name, const char *text, size_t len, long mtime,
	       long mtime_ns);
/* A session: a header with this id and cwd (NULL: none), then lines (may be NULL). */
void temp_session(const char *dir, const char *name, const char *id, const char *cwd,
		  const char *lines, long mtime);
void temp_mkdir(const char *dir, const char *name);

#endif

/*
 * cli/text.h - text from sessions made fit for a terminal: safe, measured in cells, cut, wrapped.
 *
 * Nothing that a session holds can move the cursor, change colours or turn the reading direction:
 * control characters become visible signs, bidirectional overrides U+FFFD, and zero-width
 * characters are left out. What these calls append is valid UTF-8.
 */
#ifndef RAMETI_CLI_TEXT_H
#define RAMETI_CLI_TEXT_H

#include "ramet/base.h"

#define TEXT_ALL SIZE_MAX                        /* do not cut */

/* One line: runs of white space become one blank, none at either end; cut to max_cells with an
 * ellipsis as its last cell. Answers the cells appended. */
size_t text_add_line(struct ramet_buf *out, struct ramet_bytes text, size_t max_cells);
/* The same, but a text too long loses its beginning, and white space is kept: for paths. */
size_t text_add_path(struct ramet_buf *out, struct ramet_bytes path, size_t max_cells);
/* One line exactly `cells` wide: cut, or padded behind (right 0) or before it (right 1). */
void text_add_cell(struct ramet_buf *out, struct ramet_bytes text, size_t cells, int right);
void text_add_blanks(struct ramet_buf *out, size_t n);

/* Cells that text_add_line would append without a limit. */
size_t text_cells(struct ramet_bytes text);

/* Take the next line of *rest that fits into `cells` (broken at a blank where possible), append it
 * without its newline; 0 when nothing is left. Tabs go to the next multiple of 4. */
int text_next_line(struct ramet_bytes *rest, size_t cells, struct ramet_buf *out);

/* JSON for a terminal: characters that JSON allows raw and terminals obey become \uXXXX. */
void text_add_json(struct ramet_buf *out, struct ramet_bytes json);

#endif

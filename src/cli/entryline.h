/*
 * cli/entryline.h - one entry as one line: what it is called, its colour, its text.
 */
#ifndef RAMETI_CLI_ENTRYLINE_H
#define RAMETI_CLI_ENTRYLINE_H

#include "ramet.h"
#include "cli/out.h"

#define ENTRY_WORD_CELLS 9                       /* the longest word: "assistant" */
#define ENTRY_ID_CELLS 8                         /* as much of an id as a line shows */

/* "user", "tool", "compacted", ... */
const char *entry_word(const struct ramet_row *row);
enum style entry_style(const struct ramet_row *row);
/* The first cells of an id, padded to exactly `cells`. */
void entry_add_id(struct out *o, struct ramet_bytes id, size_t cells);
/* The word, coloured and padded, and two blanks. */
void entry_add_word(struct out *o, const struct ramet_row *row);
/* Its excerpt in at most `cells`. */
int entry_add_text(struct out *o, const struct ramet_session *s, uint32_t row, size_t cells,
		   struct ramet_error *err);
/* "   12  id        date         word       text" and the end of the line. */
int entry_add_line(struct out *o, const struct ramet_session *s, uint32_t row,
		   struct ramet_error *err);

#endif

/*
 * cli/pick.h - a person picks a session from a list, or answers another question.
 */
#ifndef RAMETI_CLI_PICK_H
#define RAMETI_CLI_PICK_H

#include "cli/cli.h"

/* Ask at the terminal; the path is appended. ENOTFOUND: no sessions; ECANCELED: none picked. */
int pick_session(struct cli *cli, struct ramet_buf *path, struct ramet_error *err);

/* One line from standard input without its newline, in answer (reset first); 1, or 0 at the end. */
int pick_read_answer(struct ramet_buf *answer);

#endif

/*
 * cli/pick.h - a person picks a session from a list.
 */
#ifndef RAMETI_CLI_PICK_H
#define RAMETI_CLI_PICK_H

#include "cli/cli.h"

/* Ask at the terminal; the path is appended. ENOTFOUND: no sessions; ECANCELED: none picked. */
int pick_session(struct cli *cli, struct ramet_buf *path, struct ramet_error *err);

#endif

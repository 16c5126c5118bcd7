/*
 * cli/answer.h - what a command that writes answers with: ids, paths, small JSON objects.
 */
#ifndef RAMETI_CLI_ANSWER_H
#define RAMETI_CLI_ANSWER_H

#include "ramet.h"
#include "cli/cli.h"

/* The id of a new entry on a line of its own, with --json as {"id":...}. */
void answer_id(struct cli *cli, struct ramet_bytes id);
/* A text of a session on one line, with --json as {KEY:...}. */
void answer_text(struct cli *cli, const char *key, struct ramet_bytes text);
/* A path: byte for byte, but made safe on a terminal. */
void answer_path(struct cli *cli, const char *path);
/* A JSON object that is complete, as a line. ENOMEM. */
int answer_json(struct cli *cli, const struct ramet_buf *json, struct ramet_error *err);

/* Members of an object that is being written. A row gives its id, RAMET_NONE null; an absent text
 * (ptr NULL) or path (NULL, "") nothing. */
void answer_add_text(struct ramet_json_writer *w, const char *key, struct ramet_bytes text);
void answer_add_path(struct ramet_json_writer *w, const char *key, const char *path);
void answer_add_row(struct ramet_json_writer *w, const char *key, const struct ramet_session *s,
		    uint32_t row);

#endif

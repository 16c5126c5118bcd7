/*
 * cli/feed.h - messages and entries from the command line or standard input into a session.
 */
#ifndef RAMETI_CLI_FEED_H
#define RAMETI_CLI_FEED_H

#include "ramet.h"
#include "cli/cli.h"

/* Append one value: an object with a text "role" is a message, which gets a timestamp if it has
 * none; one with a text "type" an entry. Its id is printed once it is stored. EINVAL for anything
 * else, EJSON, and what appending says. */
int feed_one(struct cli *cli, struct ramet_session *s, struct ramet_bytes json,
	     struct ramet_error *err);
/* The same for each line of standard input, up to the first that fails: the error names that line,
 * all before it is stored and printed. Ids are written before more input is waited for. */
int feed_input(struct cli *cli, struct ramet_session *s, struct ramet_error *err);
/* All of a file, or of standard input for "-", appended to text. ENOTFOUND, EFORMAT, EIO,
 * ELIMIT. */
int feed_text(const char *file, struct ramet_buf *text, struct ramet_error *err);

#endif

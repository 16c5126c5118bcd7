/*
 * cli/feed.h - messages and entries from the command line or standard input into a session.
 */
#ifndef RAMETI_CLI_FEED_H
#define RAMETI_CLI_FEED_H

#include "ramet.h"
#include "cli/cli.h"

/* The session that is fed. A new one's file may be made by somebody else just before it is stored:
 * then it is opened anew, which closes *session and puts another in its place. */
struct feed_to {
	struct ramet_session **session;
	int (*open_again)(void *user, struct ramet_error *err);
	void *user;
};

/* Append one value: an object with a text "role" is a message, which gets a timestamp if it has
 * none; one with a text "type" an entry. Its id is printed once it is stored. What is stored, but
 * will not be read as it was meant, is complained of on standard error. EINVAL for anything else,
 * EJSON, and what appending says. */
int feed_one(struct cli *cli, const struct feed_to *to, struct ramet_bytes json,
	     struct ramet_error *err);
/* The same for each line of standard input, up to the first that fails: the error names that line,
 * all before it is stored and printed. Ids are written before more input is waited for. */
int feed_input(struct cli *cli, const struct feed_to *to, struct ramet_error *err);
/* All of a file or a pipe, or of standard input for "-", appended to text. ENOTFOUND, EFORMAT, EIO,
 * ELIMIT. */
int feed_text(const char *file, struct ramet_buf *text, struct ramet_error *err);
/* Can it be read only once: standard input, a pipe? */
int feed_reads_once(const char *file);

#endif

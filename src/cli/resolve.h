/*
 * cli/resolve.h - the words for sessions and entries, made into handles.
 */
#ifndef RAMETI_CLI_RESOLVE_H
#define RAMETI_CLI_RESOLVE_H

#include "ramet.h"
#include "cli/cli.h"

/* Open the session that the command line names as its first word: a path, an id or the prefix of one, or
 * @last. Without a word it is picked from a list when a person is at the terminal. The caller closes it.
 * CLI_USAGE without a word, ENOTFOUND, EAMBIGUOUS, and what opening says. */
int resolve_session(struct cli *cli, struct ramet_session **out, struct ramet_error *err);

/* The row of --leaf: an id, the prefix of one, or null for the place before the first entry. Without
 * the option the session's leaf. ENOTFOUND, EAMBIGUOUS. */
int resolve_leaf(const struct cli *cli, const struct ramet_session *s, uint32_t *leaf,
		 struct ramet_error *err);

/* The stores' default directory filter: an absolute form of a directory given by hand. */
int resolve_directory(const char *given, struct ramet_buf *out, struct ramet_error *err);

/* The home directory, "" when unknown; and a path with ~ in place of it, cut to `cells` from its end. */
const char *resolve_home(void);
size_t resolve_add_path(struct ramet_buf *out, struct ramet_bytes path, size_t cells);

#endif

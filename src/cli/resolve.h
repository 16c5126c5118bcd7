/*
 * cli/resolve.h - the words for sessions and entries, made into handles.
 */
#ifndef RAMETI_CLI_RESOLVE_H
#define RAMETI_CLI_RESOLVE_H

#include "ramet.h"
#include "base/file.h"
#include "cli/cli.h"

/* Open the session that the command line names as its first word: a path, an id or the prefix of
 * one, or @last. Without a word it is picked from a list when a person is at the terminal, else
 * that is CLI_USAGE. ENOTFOUND, EAMBIGUOUS, and what opening says. The caller closes it. */
int resolve_session(struct cli *cli, struct ramet_session **out, struct ramet_error *err);

/* The same for commands that write: the first word must be there. With opts->create a path (a word
 * with a slash in it, or .jsonl at its end) need not exist yet. */
int resolve_session_with(struct cli *cli, const struct ramet_open_opts *opts,
			 struct ramet_session **out, struct ramet_error *err);
/* Does this word name a session, or sessions, in a file of many: sqlite:FILE#ID? */
int resolve_is_url(const char *word);
/* Only the path of the session that a word names, absolute; appended. A word that is a path need
 * not exist. */
int resolve_path(const struct cli *cli, const char *word, struct ramet_buf *path,
		 struct ramet_error *err);

/* The same for commands about a file: EINVAL for a session in a file of many, which has no `what`
 * ("an index"). */
int resolve_file(const struct cli *cli, const char *word, const char *what, struct ramet_buf *path,
		 struct ramet_error *err);

/* The row that a word names: the id of an entry, the prefix of one, or null for the place before
 * the first entry (RAMET_NONE). ENOTFOUND, EAMBIGUOUS. */
int resolve_entry(const struct ramet_session *s, const char *word, uint32_t *row,
		  struct ramet_error *err);
/* The row of --leaf: an id, the prefix of one, or null for the place before the first entry.
 * Without the option the session's leaf. ENOTFOUND, EAMBIGUOUS. */
int resolve_leaf(const struct cli *cli, const struct ramet_session *s, uint32_t *leaf,
		 struct ramet_error *err);

/* The absolute form of a directory given by hand, as sessions name theirs. */
int resolve_directory(const char *given, struct ramet_buf *out, struct ramet_error *err);

/* The directory for a new session of the working directory cwd, appended: store is a directory,
 * used flat, or pi; NULL: where pi would put it, PI_CODING_AGENT_SESSION_DIR counted in. */
int resolve_store_dir(const char *store, const char *cwd, struct ramet_buf *dir,
		      struct ramet_error *err);
/* May a new session in this directory have this id (NULL: any)? Until *hold is closed no other
 * ramet gives one an id of its own there; the directory is made for that. CLI_USAGE for what cannot
 * be an id, ECONFLICT when a session there has it. */
int resolve_free_id(const char *dir, const char *id, struct rameti_file *hold,
		    struct ramet_error *err);

/* The name of the format that a file's first bytes tell; NULL: none, or it cannot be read. */
const char *resolve_format(const char *path);

/* The home directory, "" when unknown; a path with ~ in place of it, without its beginning if it
 * has more than `cells`. */
const char *resolve_home(void);
size_t resolve_add_path(struct ramet_buf *out, struct ramet_bytes path, size_t cells);

#endif

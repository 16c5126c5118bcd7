/*
 * ramet/ops.h - verbs on sessions, and the JSON shapes that the command and the bindings promise.
 *
 * Every ramet_report_* appends one JSON value (or, where said, one a line) to out. The shapes are
 * documented in docs/guide/json.md and versioned with the library.
 */
#ifndef RAMET_OPS_H
#define RAMET_OPS_H

#include <ramet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* {"format","path","header","entries","leafId","name","messageCount","created","modified",
 * "findings"}; path only for a file. */
RAMET_API int ramet_report_info(const struct ramet_session *s, struct ramet_buf *out,
				struct ramet_error *err);
/* The entries from row `from` on in file order, one a line; stops after about max_len bytes, with
 * *next the row to go on from (RAMET_NONE at the end), so that output needs no memory for the
 * whole. */
RAMET_API int ramet_report_entries(const struct ramet_session *s, uint32_t from, size_t max_len,
				   struct ramet_buf *out, uint32_t *next, struct ramet_error *err);
/* Preorder array of {"id","parent","depth","type","role","label","labelTimestamp"}. */
RAMET_API int ramet_report_tree(const struct ramet_session *s, struct ramet_buf *out,
				struct ramet_error *err);
/* Array of ids from root to leaf. */
RAMET_API int ramet_report_path(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out,
				struct ramet_error *err);
/* Array of branches:
 * {"leaf","entries","messages","forkedAt","modified","firstMessage","label","current"}, one
 * for each entry without children, newest first. forkedAt: nearest ancestor with more than
 * one child. */
RAMET_API int ramet_report_branches(const struct ramet_session *s, struct ramet_buf *out,
				    struct ramet_error *err);
RAMET_API int ramet_report_stats(const struct ramet_session *s, struct ramet_buf *out,
				 struct ramet_error *err);
/* One object, no newline: path id cwd name parentSessionPath created modified messageCount
 * firstMessage format (and allMessagesText when there). */
RAMET_API int ramet_report_list_item(const struct ramet_session_info *info, struct ramet_buf *out,
				     struct ramet_error *err);
/* Array of {"severity","code","line","offset","id","text"}. */
RAMET_API int ramet_report_findings(const struct ramet_findings *f, struct ramet_buf *out,
				    struct ramet_error *err);
/* All findings of a session: the reader's and the tree's, in line order. Release f afterwards. */
RAMET_API int ramet_session_check(const struct ramet_session *s, struct ramet_findings *f,
				  struct ramet_error *err);

/* User messages that can be forked from: [{"entryId","text"}] in file order. */
RAMET_API int ramet_report_fork_messages(const struct ramet_session *s, struct ramet_buf *out,
					 struct ramet_error *err);
/* The path to leaf as a session of its own: header line (same id, given time, cwd, no parent),
 * then the entries with parentId re-chained. now_ms: the header's time. */
RAMET_API int ramet_export_jsonl(const struct ramet_session *s, uint32_t leaf, int64_t now_ms,
				 struct ramet_buf *out, struct ramet_error *err);

/* ---- new sessions from old ones ---- */

struct ramet_fork_opts {
	const char *cwd;                         /* NULL: the source's */
	/* NULL: where the source's forks go (a branch), pi's directory of cwd (all) */
	const char *dir;
	const char *id;                          /* NULL: a new UUID, version 7 */
	int level;                               /* enum ramet_level */
};
/* All branches, also what others appended meanwhile, under a new header that names the
 * source; ids stay, the current version is written. The file appears at once, whole. Lines
 * that are no entry are not copied: findings of the source say which. */
RAMET_API int ramet_fork(struct ramet_session **out, struct ramet_session *source,
			 const struct ramet_fork_opts *opts, struct ramet_error *err);
/* The path to leaf alone: its label entries are taken out and the rest is linked again; labels now
 * set on it are made anew at the end, with their times. Appears as a new session does: at once when
 * it holds a conversation. A source in memory gives a session in memory. */
RAMET_API int ramet_fork_branch(struct ramet_session **out, struct ramet_session *source,
				uint32_t leaf, const struct ramet_fork_opts *opts,
				struct ramet_error *err);

/* What forking at an entry means: before a user message, whose text is to be edited, and at
 * any other entry. */
struct ramet_fork_plan {
	/* the new session ends here; RAMET_NONE: it is empty */
	uint32_t leaf;
	uint32_t n_entries;                      /* on the path to leaf */
	int has_text;                            /* a user message was left out: its text */
	struct ramet_buf text;
};
RAMET_API int ramet_fork_plan(const struct ramet_session *s, uint32_t row,
			      struct ramet_fork_plan *plan, struct ramet_error *err);
RAMET_API void ramet_fork_plan_release(struct ramet_fork_plan *plan);

/* ---- migration ---- */

struct ramet_migration {
	double from, to;                         /* versions; equal: nothing to do */
	uint32_t n_entries;                      /* entries that the new file has */
	/* lines that are no entry and stay in the original */
	uint64_t n_dropped;
	uint64_t n_carried;                      /* bytes another program appended meanwhile */
	char kept[RAMET_ERROR_PATH];             /* the original's new name; "" for a dry run */
};
/* Rewrite a session file in the current version: a new file takes its place in one step, the
 * original stays beside it under the name kept. dry_run: only say what would happen. */
RAMET_API int ramet_migrate(const char *path, int dry_run, struct ramet_migration *done,
			    struct ramet_error *err);

/* ---- removal ---- */

/* Move a session file to the trash of the desktop (freedesktop.org's specification 1.0), from
 * where it can be restored; its new path is appended to where. EFORMAT for what is not a
 * session; ENOTFOUND with err->sys 0 when there is no trash on its file system (nothing is
 * done). */
RAMET_API int ramet_session_trash(const char *path, struct ramet_buf *where,
				  struct ramet_error *err);
/* Remove a session file for good. EFORMAT for what is not a session. */
RAMET_API int ramet_session_remove(const char *path, struct ramet_error *err);

/* ---- verify and repair ---- */

/* ---- seals ---- */

/* ---- autosave ---- */

/* ---- watching a session grow ---- */

/* ---- texts ---- */

/* The first text of an entry for people: message text, command, summary, name, ... with white
 * space runs and control characters as one blank, cut to max_len bytes at a character; appended. */
RAMET_API int ramet_entry_excerpt(const struct ramet_session *s, uint32_t row, size_t max_len,
				  struct ramet_buf *out, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

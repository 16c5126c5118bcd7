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

/* The first text of an entry for people: message text, command, summary, name, ... with white
 * space runs and control characters as one blank, cut to max_len bytes at a character; appended. */
RAMET_API int ramet_entry_excerpt(const struct ramet_session *s, uint32_t row, size_t max_len,
				  struct ramet_buf *out, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

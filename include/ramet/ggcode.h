/*
 * ramet/ggcode.h - what belongs to ggcode alone: names, titles, its index, its session locks.
 *
 * Sessions themselves are opened and appended to as any others (ramet/store.h); an append keeps
 * ggcode's index.json in step. Nothing here writes while reading, and nothing deletes as a side
 * effect. Format and differences: docs/format/ggcode.md.
 */
#ifndef RAMET_GGCODE_H
#define RAMET_GGCODE_H

#include <ramet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- names and places; everything is appended to out ---- */

/* $HOME/.ggcode/sessions; nothing is made. ENOTFOUND without HOME. */
RAMET_API int ramet_ggcode_dir(struct ramet_buf *out, struct ramet_error *err);
/* 1 to 128 of A-Z a-z 0-9 _ -, the first not '-'. */
RAMET_API int ramet_ggcode_id_valid(struct ramet_bytes id);
/* YYYYMMDD-HHMMSS- in local time and 16 hexadecimal digits. EIO. */
RAMET_API int ramet_ggcode_new_id(struct ramet_buf *out, struct ramet_error *err);
/* DIR/ID.jsonl; EINVAL for an id that is not valid (the original maps all of those to one name). */
RAMET_API int ramet_ggcode_path(const char *dir, struct ramet_bytes id, struct ramet_buf *out,
				struct ramet_error *err);
/* A working directory as ggcode records it: trimmed, links resolved if it is there (a relative one
 * stays relative then), else absolute. ptr NULL: that of the process. EIO. */
RAMET_API int ramet_ggcode_workspace(struct ramet_bytes path, struct ramet_buf *out,
				     struct ramet_error *err);

/* The title that ggcode derives from the first text of the user; may be none. */
RAMET_API int ramet_ggcode_title(struct ramet_bytes text, struct ramet_buf *out);
/* At most max code points: a longer text ends in "..." (without, if max is under 4). Negative: as
 * it is. */
RAMET_API int ramet_ggcode_truncate(struct ramet_bytes text, int max, struct ramet_buf *out);
/* "VENDOR/ENDPOINT", both trimmed, or the one that is not empty; may be none. */
RAMET_API int ramet_ggcode_endpoint_key(struct ramet_bytes vendor, struct ramet_bytes endpoint,
					struct ramet_buf *out);

/* ---- what a session file says ---- */

struct ramet_ggcode_tokens {
	int64_t input, output, cache_read, cache_write, prompt_total;
};
struct ramet_ggcode_endpoint {
	struct ramet_bytes key; /* empty: neither vendor nor endpoint */
	struct ramet_ggcode_tokens usage; /* summed up */
	uint64_t n_usage, n_metrics;
};
/* Texts end in a NUL that len does not count; they and the lists go with the info. */
struct ramet_ggcode_info {
	struct ramet_bytes id; /* from the file's name */
	struct ramet_bytes title, preview, workspace, vendor, endpoint, model, permission_mode;
	struct ramet_bytes created_at, updated_at; /* as written; empty: not told */
	int64_t created_ms, updated_ms; /* RAMET_TIME_NONE: not told */
	int64_t last_message_ms; /* of the last message that has a time */
	struct ramet_ggcode_tokens usage;
	int sidebar_visible; /* -1: not told */
	int64_t context_window, max_tokens, last_turn_index;
	int tunnel_events_complete, has_meta;
	uint64_t message_count, n_tunnel_events; /* messages told twice, by id, count once */
	int user_interaction; /* has the user said anything in words */
	struct ramet_bytes cost; /* raw JSON of the last cost record */
	struct ramet_bytes first_text, last_text; /* of the user, trimmed */
	struct ramet_ggcode_endpoint *endpoints; /* in the order they appear */
	uint32_t n_endpoints;
	uint64_t n_skipped; /* lines that are no records */
	void *priv;
};
/* ENOTFOUND, EIO, ENOMEM; an empty file says nothing and is fine. */
RAMET_API int ramet_ggcode_info_read(const char *path, struct ramet_ggcode_info *info,
				     struct ramet_error *err);
RAMET_API void ramet_ggcode_info_release(struct ramet_ggcode_info *info);

/* ---- the list ---- */

struct ramet_ggcode_item {
	struct ramet_bytes id, title, preview, workspace, vendor, endpoint, model; /* NUL behind */
	struct ramet_bytes created_at, updated_at;
	int64_t created_ms, updated_ms;
	int64_t msg_count;
	int indexed; /* 0: only its file tells of it */
};
struct ramet_ggcode_list {
	struct ramet_ggcode_item *items; /* newest first, then by id */
	uint32_t n;
	int index_unreadable; /* it was passed over, and left as it is */
	void *priv;
};
#define RAMET_GGCODE_LIST_INIT                                                                     \
	{                                                                                          \
		NULL, 0, 0, NULL                                                                   \
	}
/* The sessions of a directory as ggcode's index tells of them: those whose file is gone are left
 * out, those that it lacks are read. workspace NULL: all; else those of this one, normalised.
 * ENOTFOUND, EIO. */
RAMET_API int ramet_ggcode_list(const char *dir, const char *workspace,
				struct ramet_ggcode_list *list, struct ramet_error *err);
RAMET_API void ramet_ggcode_list_release(struct ramet_ggcode_list *list);

/* Remove a session and its place in the index, under its locks; a file that is gone is fine.
 * ECONFLICT when a process has it open (its number is in the text) or holds a lock. */
RAMET_API int ramet_ggcode_delete(const char *dir, struct ramet_bytes id, struct ramet_error *err);
/* Of the sessions not changed since before_ms, by the index and by their file: fn for each, with
 * what became of it (0: deleted, or would be in a dry run; ECONFLICT: in use; another failure).
 * fn returning non-zero stops. Counts those deleted. */
RAMET_API int ramet_ggcode_cleanup(const char *dir, int64_t before_ms, int dry_run,
				   int (*fn)(void *user, const struct ramet_ggcode_item *item,
					     int result),
				   void *user, struct ramet_error *err);

/* ---- who has a session open ---- */

struct ramet_ggcode_lock;
/* Take ID.lock as ggcode does. ECONFLICT: *holder (may be NULL) is the process that has it, 0 if it
 * does not say. EINVAL, EIO. */
RAMET_API int ramet_ggcode_lock_take(struct ramet_ggcode_lock **out, const char *dir,
				     struct ramet_bytes id, int64_t *holder,
				     struct ramet_error *err);
/* 1 somebody has it, 0 nobody. Nothing is removed or made. */
RAMET_API int ramet_ggcode_lock_ask(const char *dir, struct ramet_bytes id, int64_t *holder,
				    struct ramet_error *err);
/* The lock's file goes while it is held. NULL is fine. */
RAMET_API void ramet_ggcode_lock_release(struct ramet_ggcode_lock *lock);

/* ---- records ---- */

/* The session's own fields: texts with ptr NULL stay as they are. */
struct ramet_ggcode_fields {
	struct ramet_bytes title, preview, workspace, vendor, endpoint, model, permission_mode;
	struct ramet_bytes cost; /* JSON: a cost record */
};
/* A meta record as the first line of a file that is not there yet; 1: made, 0: it is there. */
RAMET_API int ramet_ggcode_ensure_meta(const char *dir, struct ramet_bytes id,
				       const struct ramet_ggcode_fields *fields,
				       struct ramet_error *err);
/* Save: a meta record with what changed, behind all that is there; 1: written, 0: nothing changed.
 * Never rewrites, never deletes. */
RAMET_API int ramet_ggcode_save(struct ramet_session *s, const struct ramet_ggcode_fields *fields,
				struct ramet_error *err);
/* A compaction: summary message and checkpoint in one write. last: id of the last message in it;
 * empty: all. */
RAMET_API int ramet_ggcode_append_checkpoint(struct ramet_session *s, struct ramet_bytes summary,
					     struct ramet_bytes last, int64_t tokens,
					     struct ramet_error *err);
/* Events, metrics, usages as ggcode's JSON objects. EINVAL for what it could not read. */
RAMET_API int ramet_ggcode_append_tunnel_event(struct ramet_session *s, struct ramet_bytes event,
					       struct ramet_error *err);
RAMET_API int ramet_ggcode_append_metric(struct ramet_session *s, struct ramet_bytes metric,
					 struct ramet_error *err);
RAMET_API int ramet_ggcode_append_usage(struct ramet_session *s, struct ramet_bytes usage,
					struct ramet_error *err);

/* ---- export and search ---- */

struct ramet_ggcode_markdown_opts {
	const char *vendor_name, *endpoint_name; /* shown instead; NULL: as stored */
	int long_fences; /* a fence longer than any run of ` inside; ggcode's is always three */
};
/* The whole session in ggcode's own Markdown. ENOTFOUND, EIO. */
RAMET_API int ramet_ggcode_export_markdown(const char *path,
					   const struct ramet_ggcode_markdown_opts *opts,
					   struct ramet_buf *out, struct ramet_error *err);

struct ramet_ggcode_hit {
	struct ramet_bytes session_id, title, role, snippet, timestamp;
	int64_t time_ms;
};
struct ramet_ggcode_hits {
	struct ramet_ggcode_hit *items; /* newest first */
	uint32_t n;
	void *priv;
};
#define RAMET_GGCODE_HITS_INIT                                                                     \
	{                                                                                          \
		NULL, 0, NULL                                                                      \
	}
/* As ggcode searches: the first text of each message that has the query, whatever its case; over
 * decoded text and all sessions. max 0: all. */
RAMET_API int ramet_ggcode_search(const char *dir, struct ramet_bytes query, uint32_t max,
				  struct ramet_ggcode_hits *hits, struct ramet_error *err);
RAMET_API void ramet_ggcode_hits_release(struct ramet_ggcode_hits *hits);

#ifdef __cplusplus
}
#endif
#endif

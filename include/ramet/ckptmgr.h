/*
 * ramet/ckptmgr.h - the snapshot manager: many sessions with checkpoints in one JSON state file.
 *
 * The calls are those of a small session package for Go agents, and its file is read and written
 * as it is (docs/format/ckptmgr.md). Here a session is a copy, not something shared: what a caller
 * does to it changes nothing until ramet_ckptmgr_set_state.
 *
 * Every call looks at the file as it is then, and every change is made to that, under flock(2) on
 * the file, and takes its place whole and durable. So two programs never take away each other's
 * sessions, draw the same fork id, or see half a file. A file that cannot be read is never written
 * over. Values that a call does not change keep their bytes, also members nobody knows.
 *
 * An empty id means "default" where a call says so. Errors: EINVAL, ENOTFOUND, ECONFLICT (the lock
 * is held too long, or the file keeps changing), EFORMAT (damaged: nothing is written), EJSON,
 * ELIMIT, EIO, ENOMEM, EUNKNOWN (written, but a power cut may undo it).
 */
#ifndef RAMET_CKPTMGR_H
#define RAMET_CKPTMGR_H

#include <ramet/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A manager; it belongs to one thread at a time. */
struct ramet_ckptmgr;
struct ramet_ckptmgr_opts {
	uint32_t lock_ms;                        /* to wait for the lock; 0: five seconds */
	int no_sync; /* do not wait until changes survive a power cut */
};
/* path: the state file, which need not exist; NULL or blank: in memory only. opts may be NULL.
 * EFORMAT for a file that is no state. */
RAMET_API int ramet_ckptmgr_open(struct ramet_ckptmgr **out, const char *path,
				 const struct ramet_ckptmgr_opts *opts, struct ramet_error *err);
RAMET_API void ramet_ckptmgr_close(struct ramet_ckptmgr *m);
/* The whole state as its file has it; appended. */
RAMET_API int ramet_ckptmgr_state(struct ramet_ckptmgr *m, struct ramet_buf *out,
				  struct ramet_error *err);

/* A copy of a session; texts live until it is released. Times are INT64_MIN when missing. */
struct ramet_ckptmgr_session {
	struct ramet_bytes id;
	int64_t created_ns, updated_ns;          /* nanoseconds since 1970 UTC */
	struct ramet_bytes messages; /* JSON: a list; "null" of a session that never had any */
	uint64_t user_turns;
	struct ramet_bytes checkpoints;          /* JSON: key to list of messages */
	struct ramet_bytes file_checkpoints;     /* JSON: key to path to content or null */
	struct ramet_bytes json;                 /* all of it, as it is stored */
	void *priv;
};
#define RAMET_CKPTMGR_SESSION_INIT { { NULL, 0 }, 0, 0, { NULL, 0 }, 0, { NULL, 0 }, { NULL, 0 },  \
				     { NULL, 0 }, NULL }
RAMET_API void ramet_ckptmgr_session_release(struct ramet_ckptmgr_session *s);

/* Empty id: "default". get: ENOTFOUND. get_or_create makes one with both times now and no messages;
 * session may be NULL; *created (may be NULL) says if it did. */
RAMET_API int ramet_ckptmgr_get(struct ramet_ckptmgr *m, struct ramet_bytes id,
				struct ramet_ckptmgr_session *session, struct ramet_error *err);
RAMET_API int ramet_ckptmgr_get_or_create(struct ramet_ckptmgr *m, struct ramet_bytes id,
					  struct ramet_ckptmgr_session *session, int *created,
					  struct ramet_error *err);
struct ramet_ckptmgr_list {
	struct ramet_ckptmgr_session *items;     /* newest update first, then by id */
	uint32_t n;
};
#define RAMET_CKPTMGR_LIST_INIT { NULL, 0 }
/* EFORMAT if one of them is damaged; ramet_ckptmgr_get gives the others. */
RAMET_API int ramet_ckptmgr_list(struct ramet_ckptmgr *m, struct ramet_ckptmgr_list *list,
				 struct ramet_error *err);
RAMET_API void ramet_ckptmgr_list_release(struct ramet_ckptmgr_list *list);

/* Messages (a JSON list of objects) and turns of a session, which is made when it is not there;
 * empty id: "default". */
RAMET_API int ramet_ckptmgr_set_state(struct ramet_ckptmgr *m, struct ramet_bytes id,
				      struct ramet_bytes messages, uint64_t user_turns,
				      struct ramet_error *err);
RAMET_API int ramet_ckptmgr_remove(struct ramet_ckptmgr *m, struct ramet_bytes id,
				   struct ramet_error *err);

/* Keep the present messages under a key (in place of what it had), and go back to them; other
 * checkpoints and the number of turns stay. ENOTFOUND: no such session; "no checkpoint". EINVAL for
 * an empty key, or the one that carries entries of ramet ("ramet.raw"). */
RAMET_API int ramet_ckptmgr_snapshot(struct ramet_ckptmgr *m, struct ramet_bytes id,
				     struct ramet_bytes key, struct ramet_error *err);
RAMET_API int ramet_ckptmgr_rewind(struct ramet_ckptmgr *m, struct ramet_bytes id,
				   struct ramet_bytes key, struct ramet_error *err);

/* Contents of files under a key, in place of what it had. */
struct ramet_ckptmgr_file {
	struct ramet_bytes path;                 /* relative, with slashes */
	struct ramet_bytes content;              /* any bytes; ptr NULL: the file was absent */
};
/* EINVAL for an empty key, ENOTFOUND for a session that is not there ("no checkpoint"). */
RAMET_API int ramet_ckptmgr_put_files(struct ramet_ckptmgr *m, struct ramet_bytes id,
				      struct ramet_bytes key,
				      const struct ramet_ckptmgr_file *files, size_t n,
				      struct ramet_error *err);
/* fn is called for each file, its bytes borrowed for the call; another result than 0 ends it. */
RAMET_API int ramet_ckptmgr_get_files(struct ramet_ckptmgr *m, struct ramet_bytes id,
				      struct ramet_bytes key,
				      int (*fn)(void *user, const struct ramet_ckptmgr_file *file),
				      void *user, struct ramet_error *err);

/* A copy of a session with everything in it, both times now. ECONFLICT when `to` is there, unless
 * replace; EINVAL for empty ids. */
RAMET_API int ramet_ckptmgr_clone(struct ramet_ckptmgr *m, struct ramet_bytes from,
				  struct ramet_bytes to, int replace, struct ramet_error *err);
/* BASE#fork-N, counted per base, which need not exist (empty: "default"); appended to id. Numbers
 * whose session exists are passed over. */
RAMET_API int ramet_ckptmgr_new_fork_id(struct ramet_ckptmgr *m, struct ramet_bytes base,
					struct ramet_buf *id, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

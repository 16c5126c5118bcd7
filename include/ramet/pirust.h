/*
 * ramet/pirust.h - what belongs to pi_agent_rust alone: names, branches, V2 sidecar, session index.
 *
 * Formats: docs/format/pirust.md, docs/format/pirust-v2.md, docs/format/pirust-sqlite.md.
 */
#ifndef RAMET_PIRUST_H
#define RAMET_PIRUST_H

#include <ramet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sessions ----
 *
 * The names and places of pi_agent_rust, and what it tells of a tree. Sessions themselves are
 * opened and appended to as any others (ramet/store.h). */

/* The name of a working directory's folder: "/home/u/p" is "--home-u-p--"; appended. ENOMEM,
 * ELIMIT. */
RAMET_API int ramet_pirust_encode_cwd(struct ramet_bytes cwd, struct ramet_buf *out);
/* Where sessions are: PI_SESSIONS_DIR, else as pi's (ramet_pi_sessions_root); appended. */
RAMET_API int ramet_pirust_sessions_root(struct ramet_buf *out, struct ramet_error *err);
/* The name of the file of a session with this id that is first saved now; appended. */
RAMET_API int ramet_pirust_file_name(struct ramet_bytes id, int64_t now_ms, struct ramet_buf *out);

#define RAMET_PIRUST_SHARE_VIEWER_URL "https://buildwithpi.ai/session/"
/* Where a shared session is looked at: PI_SHARE_VIEWER_URL or the above, '#', and the gist;
 * appended. ENOMEM, ELIMIT. */
RAMET_API int ramet_pirust_share_url(struct ramet_bytes gist, struct ramet_buf *out);

/* A new id for an entry: eight hexadecimal digits that no entry of the tree has, or a whole UUID
 * when they are used up. id: RAMET_ID_SIZE bytes. EIO. */
RAMET_API int ramet_pirust_new_id(const struct ramet_tree *t, char *id, struct ramet_error *err);

/* How a session branches. leaf is RAMET_NONE before the first entry. */
struct ramet_branch_info {
	uint32_t n_entries;
	uint32_t leaf;
	uint32_t *leaves;                        /* rows without children, in file order */
	uint32_t *branch_points;                 /* rows with more than one child */
	uint32_t n_leaves, n_branch_points;
};
#define RAMET_BRANCH_INFO_INIT { 0, RAMET_NONE, NULL, NULL, 0, 0 }
RAMET_API int ramet_branch_info_get(const struct ramet_tree *t, uint32_t leaf,
				    struct ramet_branch_info *info, struct ramet_error *err);
RAMET_API void ramet_branch_info_release(struct ramet_branch_info *info);

/* One of the ways that lead on from where the path to a leaf forked last. */
struct ramet_sibling {
	uint32_t root;                           /* the child of the fork */
	uint32_t leaf;                           /* reached by taking the first child each time */
	uint64_t n_messages;                     /* on the whole path to that leaf */
	int current;                             /* is the path to the given leaf this one? */
	struct ramet_bytes preview; /* start of the first user message with text, or "(empty)" */
};
struct ramet_siblings {
	uint32_t parent;                         /* RAMET_NONE: they are roots */
	struct ramet_sibling *items;             /* in file order */
	uint32_t n;                              /* 0: nothing forked on the path */
	void *priv;
};
#define RAMET_SIBLINGS_INIT { RAMET_NONE, NULL, 0, NULL }
RAMET_API int ramet_siblings_get(const struct ramet_tree *t, uint32_t leaf,
				 struct ramet_siblings *siblings, struct ramet_error *err);
RAMET_API void ramet_siblings_release(struct ramet_siblings *siblings);

/* ---- the V2 sidecar ----
 *
 * Beside NAME.jsonl stands the directory NAME.v2 with a copy of the entries in checked frames. The
 * JSONL is always the session; the sidecar is read only where it is known to agree with it. Every
 * call here takes the path of the JSONL (a link to one is followed) and nothing in a sidecar is
 * ever taken through a link.
 *
 * Reading calls change nothing. Writing calls take the locks of the original (NAME.jsonl.lock, and
 * store.mutation.lock in the sidecar), are durable when they return, and leave either the state
 * before or the state after; what a killed process leaves, ramet_sidecar_recover puts right. They
 * remove nothing of which there is no other copy: that is moved aside, to NAME.v2.kept.HEX for a
 * directory and to FILE.bak for a file in one.
 *
 * Errors common to all: ENOTFOUND for a JSONL or sidecar that is not there, EFORMAT for what is
 * damaged (path, line or offset say where), ECONFLICT when another program holds a lock too long
 * or changed the JSONL meanwhile, ELIMIT, EIO, ENOMEM. EUNKNOWN from a writing call: all is in
 * place, but a power cut may undo it. */

enum ramet_sidecar_state {
	RAMET_SIDECAR_UNMIGRATED = 0, /* there is none */
	RAMET_SIDECAR_PARTIAL, /* no segments, or no index although there are entries */
	RAMET_SIDECAR_CORRUPT, /* it does not agree with itself or with the JSONL */
	RAMET_SIDECAR_STALE, /* the JSONL went on without it */
	RAMET_SIDECAR_MIGRATED /* every byte of it was checked, and it is the JSONL's */
};
/* "unmigrated", "partial", "corrupt", "stale", "migrated". */
RAMET_API const char *ramet_sidecar_state_name(int state);

/* What the facts of a sidecar are, and what was found wrong with it. */
struct ramet_sidecar_check {
	int state;                               /* enum ramet_sidecar_state */
	/* the three answers of the original's verification; state does not depend on them alone */
	int entry_count_match;                   /* the same ids in the same order */
	int hash_chain_match;                    /* the same payloads */
	int index_consistent; /* frames, index, manifest, segments and graph agree */
	int has_manifest, has_source_state; /* version 0.1.8 of the original wrote neither */
	uint64_t n_entries, n_messages, n_branches, n_compactions, n_segments, n_checkpoints;
	uint64_t n_jsonl;                        /* entries of the JSONL */
	uint64_t bytes;                          /* of all frames */
	uint32_t n_leftovers; /* unfinished or moved-aside directories beside the sidecar */
	char chain_hash[65];                     /* as far as the frames are good */
	struct ramet_error why; /* the first thing that is wrong; why.code 0: nothing */
};
/* Look at it; every frame is read. A damaged sidecar is an answer, not a failure. ENOTFOUND for
 * a JSONL that is not there. */
RAMET_API int ramet_sidecar_status(const char *session, struct ramet_sidecar_check *check,
				   struct ramet_error *err);
/* The same, and it is compared with the JSONL even where status need not (stale, damaged). */
RAMET_API int ramet_sidecar_verify(const char *session, struct ramet_sidecar_check *check,
				   struct ramet_error *err);

/* ---- reading one ---- */

enum ramet_sidecar_mode {
	/* as the environment says: PI_SESSION_V2_OPEN_MODE (full, active, tail, tail:N), else all
	 * entries, or the active path when there are more than PI_SESSION_V2_LAZY_THRESHOLD
	 * (10000 by default, 0: no matter how many) */
	RAMET_SIDECAR_AUTO = 0,
	RAMET_SIDECAR_FULL,
	RAMET_SIDECAR_ACTIVE_PATH,
	RAMET_SIDECAR_TAIL
};
/* "auto", "full", "active", "tail". */
RAMET_API const char *ramet_sidecar_mode_name(int mode);
/* Read a mode as the environment variable has it: case and blanks around it do not matter; tail
 * alone is tail:256. EINVAL. */
RAMET_API int ramet_sidecar_mode_parse(const char *text, int *mode, uint64_t *tail,
				       struct ramet_error *err);

struct ramet_sidecar_open_opts {
	int mode;                                /* enum ramet_sidecar_mode */
	uint64_t tail; /* last entries of a tail; 0 of a non-empty store: the active path */
	/* where the active path ends; NULL: at the leafId of the JSONL's header if the sidecar
	 * has it, else at the last entry. "": before the first entry */
	const char *leaf;
	/* read it although it is stale, or not known to be fresh: never for the session itself */
	int even_stale;
};
struct ramet_sidecar;

/* An entry of a sidecar; all bytes are borrowed until the next call with the handle. */
struct ramet_sidecar_entry {
	uint64_t seq;                            /* from 1 */
	struct ramet_bytes id, parent, type;     /* parent.ptr NULL: it has none */
	struct ramet_bytes payload;              /* the entry, one JSON object in one line */
	char sha256[65];                         /* of the payload */
};
/* Open it if it is known to be the JSONL's present content: its state file says so, or it was
 * compared with the JSONL, entry for entry (which a sidecar without a state file needs each time).
 * ENOTFOUND: there is none. ECONFLICT: it is stale. EFORMAT: it is damaged. In all three cases the
 * JSONL is what is to be read. Tail and active path read the end of the index and the frames they
 * give, but for a path whose parents come after their children. */
RAMET_API int ramet_sidecar_open(struct ramet_sidecar **out, const char *session,
				 const struct ramet_sidecar_open_opts *opts,
				 struct ramet_error *err);
RAMET_API void ramet_sidecar_close(struct ramet_sidecar *s);
/* The mode that was chosen, entries of the store, and entries that next gives in all. */
RAMET_API int ramet_sidecar_mode(const struct ramet_sidecar *s);
RAMET_API uint64_t ramet_sidecar_total(const struct ramet_sidecar *s);
RAMET_API uint64_t ramet_sidecar_selected(const struct ramet_sidecar *s);
/* 1 and the next entry, oldest first; 0 at the end. Each frame is checked before it is given: its
 * CRC-32C, place, ids, length and SHA-256. At the end of a full reading the sums of the whole store
 * are checked too, and in any mode that the JSONL did not change meanwhile (ECONFLICT). EFORMAT:
 * what was given so far is not to be believed either. */
RAMET_API int ramet_sidecar_next(struct ramet_sidecar *s, struct ramet_sidecar_entry *e,
				 struct ramet_error *err);

/* ---- making, repairing and removing one ---- */

struct ramet_sidecar_opts {
	int dry_run;                             /* check all that can be, change nothing */
	int migrate;                             /* recover: make a new one where there is none */
	uint64_t segment_limit;                  /* bytes; 0: 64 MiB. For tests */
	uint32_t lock_ms;                        /* 0: five seconds */
	const char *correlation_id; /* of events: 8 to 128 of [A-Za-z0-9._:-]; NULL: a new one */
};
struct ramet_sidecar_report {
	int state;                               /* afterwards */
	int changed;                             /* was anything done (or would be, in a dry run) */
	uint64_t n_entries, n_segments, bytes;
	uint64_t n_compacted; /* lines that had white space, which the frames leave out */
	uint64_t n_ids_made;                     /* lines without an id */
	int entry_count_match, hash_chain_match, index_consistent;
	uint32_t n_kept, n_removed; /* directories and files moved aside; copies removed */
	char migration_id[37]; /* of the event; "": none was recorded */
	char kept[RAMET_ERROR_PATH]; /* the last of what was moved aside; "": nothing */
};
/* Make a sidecar of the JSONL, in a directory beside its place; it is checked against the JSONL and
 * only then takes that place. An older one is removed if all it has is in the new one, else moved
 * aside. Every line must be an entry that the original reads: EFORMAT with the line for one that is
 * not, EVERSION for a header without version 3. migrate also records the event. report may be
 * NULL. */
RAMET_API int ramet_sidecar_create(const char *session, const struct ramet_sidecar_opts *opts,
				   struct ramet_sidecar_report *report, struct ramet_error *err);
RAMET_API int ramet_sidecar_migrate(const char *session, const struct ramet_sidecar_opts *opts,
				    struct ramet_sidecar_report *report, struct ramet_error *err);
/* Put right whatever an interrupted call left: unfinished directories, a half-done rollback, a torn
 * or missing index (made anew from the frames; what does not belong there is kept as .bak), a
 * missing or wrong manifest, a state that is not known. What agrees with the JSONL then is
 * migrated; what does not is moved aside, and with opts->migrate made anew. */
RAMET_API int ramet_sidecar_recover(const char *session, const struct ramet_sidecar_opts *opts,
				    struct ramet_sidecar_report *report, struct ramet_error *err);
/* Take the sidecar away: removed if the JSONL has all of it, else moved aside. Fine when there is
 * none. */
RAMET_API int ramet_sidecar_rollback(const char *session, const struct ramet_sidecar_opts *opts,
				     struct ramet_sidecar_report *report, struct ramet_error *err);

/* A marker for the present end of a sound sidecar. reason: "manual", "periodic", "pre_migration",
 * "post_migration" or "recovery". *seq (may be NULL): its number. EINVAL for an empty store. */
RAMET_API int ramet_sidecar_checkpoint(const char *session, const char *reason,
				       const struct ramet_sidecar_opts *opts, uint64_t *seq,
				       struct ramet_error *err);
/* Cut the store back to a checkpoint. Segments and checkpoints behind it are moved aside, the event
 * is recorded, and the sidecar is stale from then on, since the JSONL has more. EFORMAT, and
 * nothing changed, unless all frames up to it are good and its chain hash is theirs. */
RAMET_API int ramet_sidecar_rollback_to(const char *session, uint64_t checkpoint,
					const struct ramet_sidecar_opts *opts,
					struct ramet_sidecar_report *report,
					struct ramet_error *err);

/* ---- the session index ----
 *
 * A SQLite database at the sessions root with a row for each session; a cache, made anew from the
 * sessions at any time. root: the directory it is in, NULL: ramet_pirust_sessions_root. The calls
 * that write take the lock of the original (the directory session-index.lock, and the file of that
 * name that its older versions lock) for as long as the database is written; listing takes none.
 * Errors common to all: ENOTFOUND, EFORMAT for what is no such index, ECONFLICT when another
 * program holds the lock too long, EIO, ENOMEM. Format: docs/format/pirust-sqlite.md. */

struct ramet_pirust_index_row {
	struct ramet_bytes path, id, cwd, timestamp; /* timestamp: as in the header */
	struct ramet_bytes name;                 /* ptr NULL: it has none */
	uint64_t message_count, size;
	int64_t last_modified_ms;
};
/* The rows of this working directory (its exact text; NULL: of all), last modified first. ENOTFOUND
 * without an index. fn returning non-zero ends the walk with that value; the row is borrowed. */
RAMET_API int ramet_pirust_index_list(const char *root, const char *cwd,
				      int (*fn)(void *user,
						const struct ramet_pirust_index_row *row),
				      void *user, struct ramet_error *err);

struct ramet_pirust_index_report {
	uint64_t n_rows;                         /* afterwards */
	uint64_t n_same, n_read, n_removed;      /* rows kept, files read, rows without a file */
	uint64_t n_skipped;                      /* files that are no session */
};
/* Bring it in step with the files below root: what has another time or size is read, what is gone
 * is removed. reindex reads everything. Made when it is missing. report may be NULL. */
RAMET_API int ramet_pirust_index_refresh(const char *root, struct ramet_pirust_index_report *report,
					 struct ramet_error *err);
RAMET_API int ramet_pirust_index_reindex(const char *root, struct ramet_pirust_index_report *report,
					 struct ramet_error *err);
/* One session was written, or removed: its row. EFORMAT for a file that is no session. */
RAMET_API int ramet_pirust_index_update(const char *root, const char *session,
					struct ramet_error *err);
RAMET_API int ramet_pirust_index_remove(const char *root, const char *session,
					struct ramet_error *err);
/* When it was last written to, since 1970 UTC; RAMET_TIME_NONE: it does not say. ENOTFOUND. */
RAMET_API int ramet_pirust_index_synced(const char *root, int64_t *at_ms, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

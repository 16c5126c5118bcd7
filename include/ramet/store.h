/*
 * ramet/store.h - where sessions live: opening one, appending to it, listing many.
 *
 * Reading never writes: only the calls under "writing" change a session file or its directory.
 *
 * Threads: the calls under "writing" may come from any thread, each takes the session's own lock.
 * What a session hands out (its tree, rows, header, findings) is borrowed until the next of those
 * calls: to read while other threads may append, hold ramet_session_lock around the reading.
 */
#ifndef RAMET_STORE_H
#define RAMET_STORE_H

#include <ramet/codec.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ramet_session;

/* Which appends survive a power cut; a killed process loses nothing acknowledged at any level. */
enum ramet_level {
	RAMET_LEVEL_EACH = 0, /* every append that returned */
	RAMET_LEVEL_TURN, /* those up to the last end of a turn, and up to ramet_session_sync */
	RAMET_LEVEL_NONE /* those up to ramet_session_sync, and what the system chose to write */
};

struct ramet_open_opts {
	uint64_t max_line;                       /* bytes, 256 kB or more; 0: RAMET_JSON_LEN_MAX */
	unsigned threads; /* for scanning large files; 0: as many as there are processors */
	int no_cache;                            /* neither use nor write an index */
	const char *format; /* a codec's name; NULL: what the first bytes look like */
	/* for writing: */
	int create; /* a file that is missing or of zero bytes becomes a fresh session at this path
		     */
	const char *cwd; /* instead of the header's, and for a fresh header; NULL: the header's */
	const char *dir; /* where forks of it go; NULL: the directory of the file */
	int level;                               /* enum ramet_level */
	uint32_t lock_ms; /* how long to wait for another writer; 0: five seconds */
};

/* Open a session file: one exact scan of every line, or of those that an index in the cache
 * directory does not cover yet. Nothing of the session is written, not even by create.
 * EFORMAT for what is not a session (no header, empty, a directory, a FIFO), ENOTFOUND, EIO,
 * ELIMIT. */
RAMET_API int ramet_session_open(struct ramet_session **out, const char *path,
				 const struct ramet_open_opts *opts, struct ramet_error *err);
/* The same for the bytes of a session in memory (the `mem` store); they are copied. */
RAMET_API int ramet_session_open_bytes(struct ramet_session **out, struct ramet_bytes text,
				       const struct ramet_open_opts *opts, struct ramet_error *err);
RAMET_API void ramet_session_close(struct ramet_session *s);

RAMET_API const struct ramet_tree *ramet_session_tree(const struct ramet_session *s);
RAMET_API const struct ramet_header *ramet_session_header(const struct ramet_session *s);
RAMET_API const char *ramet_session_path(const struct ramet_session *s);     /* NULL in memory */
RAMET_API const char *ramet_session_format(const struct ramet_session *s);   /* "pi" */
/* What reading found odd, in file order (line faults; ramet_tree_check adds the tree's). */
RAMET_API const struct ramet_findings *ramet_session_findings(const struct ramet_session *s);
/* The working directory asked for when opening, else the header's if it is a non-empty text, else
 * fallback. */
RAMET_API struct ramet_bytes ramet_session_cwd(const struct ramet_session *s,
					       struct ramet_bytes fallback);
/* The directory its forks go to; NULL in memory. */
RAMET_API const char *ramet_session_dir(const struct ramet_session *s);
/* Is it in a file (1), or still in memory only (0): always 0 without a path. */
RAMET_API int ramet_session_stored(const struct ramet_session *s);
/* The row the next entry hangs from: after opening the last one; RAMET_NONE before the first.
 * Should it have no id, the next entry hangs from the last one before it that has. */
RAMET_API uint32_t ramet_session_leaf(const struct ramet_session *s);

/* ---- writing ----
 *
 * A new session lives in memory until it holds a user or assistant message; then its file
 * appears, whole, under a name nobody has yet. From there on every append is one write, made
 * under a lock of the file, behind what others appended meanwhile, and made durable as the
 * level says before the call returns. An append that fails is not stored and not in the tree;
 * RAMET_EUNKNOWN alone says that nobody knows. Sessions of version 1 are read-only until
 * ramet_migrate (EVERSION).
 *
 * Errors of every append: EJSON and EINVAL for what is given (with err->offset in it),
 * ENOTFOUND for an unknown target, ECONFLICT when the file was removed, cut or replaced by
 * another program or stays locked, EIO, ELIMIT, ENOMEM. Formats: docs/format/pi.md. */

#define RAMET_ID_SIZE 72                         /* room for an entry's id, with its NUL */

struct ramet_create_opts {
	const char *id;                          /* NULL: a new UUID, version 7 */
	const char *parent_session;              /* path of the session it came from; NULL: none */
	const char *dir; /* NULL: pi's directory of the cwd; made when the file is */
	/* the header at once, without waiting for a message; other formats than pi's always do */
	int write_now;
	const char *format;                      /* NULL: "pi" */
	int level;                               /* enum ramet_level */
	uint32_t lock_ms;
};
/* A new session with the file name its format gives it. cwd NULL: the process's. dir NULL:
 * where the format's own program keeps sessions; for "sqlite" and "ckptmgr" it is the file
 * that holds them. EINVAL for an id that the format (for pi: ramet_session_id_valid) refuses. */
RAMET_API int ramet_session_create(struct ramet_session **out, const char *cwd,
				   const struct ramet_create_opts *opts, struct ramet_error *err);
/* A session that never has a file. entries: lines of a session, with or without a header in front
 * (without, a new one is put there); may be empty. Of opts only id and parent_session count. */
RAMET_API int ramet_session_create_memory(struct ramet_session **out, const char *cwd,
					  struct ramet_bytes entries,
					  const struct ramet_create_opts *opts,
					  struct ramet_error *err);
/* Open the most recent session of cwd as pi does (ramet_store_recent), or create one. */
RAMET_API int ramet_session_continue(struct ramet_session **out, const char *cwd,
				     const struct ramet_create_opts *opts, struct ramet_error *err);

/* One lock per session, held by every call under "writing"; it may be taken again by the
 * thread that holds it. */
RAMET_API void ramet_session_lock(struct ramet_session *s);
RAMET_API void ramet_session_unlock(struct ramet_session *s);

/* What an append does when others appended since this handle last looked (which is when it was
 * opened, appended to or refreshed): */
enum ramet_conflict {
	RAMET_CONFLICT_BRANCH = 0, /* hang under the leaf it has: a sibling branch grows */
	RAMET_CONFLICT_APPEND, /* if the leaf was the last entry, hang under theirs */
	RAMET_CONFLICT_REFUSE /* ECONFLICT, nothing is written, theirs are taken in; the leaf stays,
				 and the next append goes through */
};
/* Formats without branches (ggcode, yoi, ckptmgr): a leaf that was the last entry follows theirs
 * whatever the policy, and an append to one that was moved elsewhere is EINVAL. */
RAMET_API void ramet_session_on_conflict(struct ramet_session *s, int policy);
/* How many entries of others were taken in since the handle was opened. Programs that take no lock
 * (pi) can still come in between: then both entries are stored, as siblings. */
RAMET_API uint64_t ramet_session_others(const struct ramet_session *s);
/* Where a session ends, to be kept and asked about later: the end of the last line and the
 * CRC-32C of the last entry's line. */
struct ramet_head {
	uint64_t end;
	uint32_t crc32c;
};
RAMET_API void ramet_session_head(const struct ramet_session *s, struct ramet_head *head);

/* Moving the leaf; nothing is written, so that it is forgotten when the session is closed
 * (ramet_session_append_leaf keeps it). RAMET_NONE: before the first entry. EINVAL for a row that
 * cannot have children. */
RAMET_API int ramet_session_branch(struct ramet_session *s, uint32_t row, struct ramet_error *err);

/* Appends: a child of the leaf, which becomes the new leaf. id: RAMET_ID_SIZE bytes for the
 * id of the new entry, or NULL. JSON that is given is kept token by token; white space around
 * tokens goes, since an entry is one line. Texts that are missing (ptr NULL) leave their
 * member out. */
RAMET_API int ramet_session_append_message(struct ramet_session *s, struct ramet_bytes message,
					   char *id, struct ramet_error *err);
/* Many messages, each the child of the one before, with one write: all of them or none. ids: n of
 * them, or NULL. */
RAMET_API int ramet_session_append_messages(struct ramet_session *s,
					    const struct ramet_bytes *messages, size_t n,
					    char (*ids)[RAMET_ID_SIZE], struct ramet_error *err);
RAMET_API int ramet_session_append_thinking_level(struct ramet_session *s, struct ramet_bytes level,
						  char *id, struct ramet_error *err);
RAMET_API int ramet_session_append_model(struct ramet_session *s, struct ramet_bytes provider,
					 struct ramet_bytes model_id, char *id,
					 struct ramet_error *err);

struct ramet_usage_entry {
	struct ramet_bytes kind, provider, model, note;
	struct ramet_bytes usage;                /* a JSON object */
};
RAMET_API int ramet_session_append_usage(struct ramet_session *s, const struct ramet_usage_entry *u,
					 char *id, struct ramet_error *err);

struct ramet_summary {
	struct ramet_bytes summary;
	struct ramet_bytes details, usage;       /* JSON, or missing */
	int from_hook; /* 0: left out, 1: true, -1: false */
	/* of a compaction: */
	struct ramet_bytes first_kept; /* id of the first entry that stays; missing: none stays */
	double tokens_before;
};
/* Takes the replayed system message of the present context along, when there is one. */
RAMET_API int ramet_session_append_compaction(struct ramet_session *s,
					      const struct ramet_summary *c, char *id,
					      struct ramet_error *err);
/* Go to target (RAMET_NONE: before the first entry) and hang a summary of what was left there. */
RAMET_API int ramet_session_branch_with_summary(struct ramet_session *s, uint32_t target,
						const struct ramet_summary *b, char *id,
						struct ramet_error *err);

/* data: JSON, or missing. */
RAMET_API int ramet_session_append_custom(struct ramet_session *s, struct ramet_bytes custom_type,
					  struct ramet_bytes data, char *id,
					  struct ramet_error *err);
struct ramet_custom_message {
	struct ramet_bytes custom_type;
	struct ramet_bytes content;              /* JSON: a text or a list of blocks */
	struct ramet_bytes details;              /* JSON, or missing */
	int display;
};
RAMET_API int ramet_session_append_custom_message(struct ramet_session *s,
						  const struct ramet_custom_message *m, char *id,
						  struct ramet_error *err);
/* Line breaks become blanks, white space around it goes; empty clears the name. */
RAMET_API int ramet_session_append_name(struct ramet_session *s, struct ramet_bytes name, char *id,
					struct ramet_error *err);
/* label missing: the label is cleared. */
RAMET_API int ramet_session_append_label(struct ramet_session *s, uint32_t target,
					 struct ramet_bytes label, char *id,
					 struct ramet_error *err);
/* What the context shows of target from here on: null (nothing) or {"content":...}. EINVAL for a
 * target that is not on the path to the leaf or shows no content of its own. */
RAMET_API int ramet_session_append_context_edit(struct ramet_session *s, uint32_t target,
						struct ramet_bytes replacement, char *id,
						struct ramet_error *err);
/* Keep the present leaf: a custom entry `ramet.leaf` under it, which becomes the last line. */
RAMET_API int ramet_session_append_leaf(struct ramet_session *s, char *id, struct ramet_error *err);
/* An entry of any type, as a JSON object: type, then members of its own; id, parentId and
 * timestamp are made here, and refused when given. Types known to this library must have what
 * their call above asks for. */
RAMET_API int ramet_session_append_entry(struct ramet_session *s, struct ramet_bytes entry,
					 char *id, struct ramet_error *err);

/* Make the file of a new session now (see write_now). Fine when it is there. */
RAMET_API int ramet_session_write(struct ramet_session *s, struct ramet_error *err);
/* After this everything acknowledged survives a power cut, at any level. */
RAMET_API int ramet_session_sync(struct ramet_session *s, struct ramet_error *err);
/* After EUNKNOWN: write the whole file anew beside the old one, every acknowledged line
 * checked, and let it take the name; then the handle goes on. Whether the append that said
 * EUNKNOWN is in it can be seen afterwards. Fine when there is no doubt. */
RAMET_API int ramet_session_recover(struct ramet_session *s, struct ramet_error *err);
/* Take in what others appended. 1: there was something new, 0: not. The leaf stays; in formats
 * without branches (ggcode, yoi, ckptmgr) one that was the last entry is so afterwards. */
RAMET_API int ramet_session_refresh(struct ramet_session *s, struct ramet_error *err);

/* ---- index ----
 *
 * What a scan of a large file found is kept in the cache directory ($XDG_CACHE_HOME or
 * ~/.cache, in it ramet/index), so that the next opening reads only what is new
 * (docs/format/index.md). Opening and closing a session take care of it, and nothing is lost
 * with it; these calls are for people. */

struct ramet_index_info {
	int present;                             /* 0: there is none */
	const char *why; /* it is of no use, and will be made anew; NULL: it holds */
	uint64_t size;                           /* bytes of the index */
	uint64_t covered, session_size; /* bytes of the session that it covers, and has */
	uint32_t n_entries;                      /* covered */
};
/* Look at the index of a session file, all of it; its place is appended to path (may be NULL).
 * ENOTFOUND without a cache directory or a file of that name, EFORMAT, EIO. */
RAMET_API int ramet_index_status(const char *session, struct ramet_index_info *info,
				 struct ramet_buf *path, struct ramet_error *err);

struct ramet_index_total {
	uint64_t n, size;                        /* indexes and their bytes */
	uint64_t limit; /* bytes; beyond, the oldest are removed */
};
/* All indexes together; their directory is appended to dir (may be NULL) and need not exist.
 * ENOTFOUND without a cache directory, EIO. */
RAMET_API int ramet_index_count(struct ramet_index_total *total, struct ramet_buf *dir,
				struct ramet_error *err);

/* Scan a session and write its index anew. 1: written; 0: it has none, since it is small or its
 * last line unfinished, and one that was there is removed. As opening, ECONFLICT, EIO. */
RAMET_API int ramet_index_rebuild(const char *session, struct ramet_error *err);
/* Remove the index of a session file, or with NULL those of all; *removed (may be NULL) says what
 * was. ENOTFOUND, EIO. */
RAMET_API int ramet_index_clear(const char *session, struct ramet_index_total *removed,
				struct ramet_error *err);

/* ---- listing and finding ---- */

/* What a list says about a session. Texts have ptr NULL when absent; each ends in a NUL that len
 * does not count, so that path can be opened as it is. */
struct ramet_session_info {
	struct ramet_bytes path, id, cwd, name, parent_session, first_message, all_text;
	int64_t created_ms, modified_ms;         /* RAMET_TIME_NONE: unreadable */
	int64_t mtime_ms;                        /* of the file */
	uint64_t message_count, size;
	const char *format;
};

struct ramet_list_opts {
	const char *cwd;                         /* only this working directory's; NULL: all */
	int with_text;                           /* fill all_text too */
	unsigned threads;                        /* 0: as many as there are processors */
	/* After each file: how many of how many are read; now and then also a sorted partial list
	 * (else NULL, 0). Called from one thread at a time. Returning non-zero cancels
	 * (ECANCELED). */
	int (*progress)(void *user, uint64_t loaded, uint64_t total,
			const struct ramet_session_info *partial, uint64_t n_partial);
	void *user;
};

/* A place with sessions. url: a directory (with *.jsonl in it one flat store, else every
 * directory in it is one), "pi" (the sessions root of pi), or NULL: all that are found in the
 * home directory. ENOTFOUND for a directory that does not exist, but for "pi" and NULL. */
struct ramet_store;
struct ramet_store_opts {
	const char *cwd;                         /* NULL: the process's working directory */
	int this_project;                        /* with "pi": only the default directory of cwd */
};
RAMET_API int ramet_store_open(struct ramet_store **out, const char *url,
			       const struct ramet_store_opts *opts, struct ramet_error *err);
RAMET_API void ramet_store_close(struct ramet_store *st);

struct ramet_list {
	struct ramet_session_info *items;        /* newest modified first */
	uint64_t n;
	void *priv;
};
#define RAMET_LIST_INIT { NULL, 0, NULL }
/* Files that are not sessions are left out. A directory that is gone by now is an empty list
 * (opening a missing one is ENOTFOUND). ECANCELED. */
RAMET_API int ramet_store_list(struct ramet_store *st, const struct ramet_list_opts *opts,
			       struct ramet_list *list, struct ramet_error *err);
RAMET_API void ramet_list_release(struct ramet_list *list);
/* The path of each file of the store that should be a session, also of those that a list leaves
 * out because they cannot be read as one; of a file of many, FILE#ID of each session. A
 * directory's come in the order of their names. fn other than 0 ends it with that. ENOTFOUND,
 * EIO, ENOMEM. */
RAMET_API int ramet_store_files(struct ramet_store *st, int (*fn)(void *user, const char *path),
				void *user, struct ramet_error *err);

/* Path of the session with this id, else of the only one whose id starts with it; appended to path.
 * Reads headers only. ENOTFOUND; EAMBIGUOUS names the first two. */
RAMET_API int ramet_store_find(struct ramet_store *st, struct ramet_bytes id_or_prefix,
			       struct ramet_buf *path, struct ramet_error *err);
/* As pi finds by id: exact, headers only, first in directory order; with cwd, as in listing. */
RAMET_API int ramet_store_find_exact(struct ramet_store *st, struct ramet_bytes id, const char *cwd,
				     struct ramet_buf *path, struct ramet_error *err);
/* As pi continues: greatest file time among valid sessions (cwd NULL or "": any). ENOTFOUND. */
RAMET_API int ramet_store_recent(struct ramet_store *st, const char *cwd, struct ramet_buf *path,
				 struct ramet_error *err);

/* What pi's list says about one file. ENOTFOUND/EFORMAT when it would be left out. */
RAMET_API int ramet_session_info_read(const char *path, int with_text, struct ramet_list *one,
				      struct ramet_error *err);

/* pi's directories: the agent directory, its sessions root and the default session directory of a
 * working directory, from the environment (PI_CODING_AGENT_DIR, HOME). Appended to out; nothing
 * is made. */
RAMET_API int ramet_pi_agent_dir(struct ramet_buf *out, struct ramet_error *err);
RAMET_API int ramet_pi_sessions_root(struct ramet_buf *out, struct ramet_error *err);
RAMET_API int ramet_pi_dir_name(struct ramet_bytes cwd, struct ramet_buf *out,
				struct ramet_error *err);
RAMET_API int ramet_pi_session_dir(struct ramet_bytes cwd, struct ramet_buf *out,
				   struct ramet_error *err);
/* PI_CODING_AGENT_SESSION_DIR if set (a flat directory), else empty: 1 set, 0 not. */
RAMET_API int ramet_pi_session_dir_override(struct ramet_buf *out, struct ramet_error *err);
/* May a caller choose this session id? */
RAMET_API int ramet_session_id_valid(struct ramet_bytes id);

#ifdef __cplusplus
}
#endif
#endif

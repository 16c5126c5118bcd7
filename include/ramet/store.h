/*
 * ramet/store.h - where sessions live: opening one, listing many.
 *
 * Reading never writes: no call in this header changes a session file or its directory. Handles
 * belong to one thread at a time.
 */
#ifndef RAMET_STORE_H
#define RAMET_STORE_H

#include <ramet/codec.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ramet_session;

struct ramet_open_opts {
	uint64_t max_line;                       /* bytes, 256 kB or more; 0: RAMET_JSON_LEN_MAX */
	unsigned threads; /* for scanning large files; 0: as many as there are processors */
};

/* Open a session file for reading: one exact scan of every line. EFORMAT for what is not a session
 * (no header, empty, a directory, a FIFO), ENOTFOUND, EIO, ELIMIT. */
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
/* The header's working directory if it is a non-empty text, else fallback. */
RAMET_API struct ramet_bytes ramet_session_cwd(const struct ramet_session *s,
					       struct ramet_bytes fallback);

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

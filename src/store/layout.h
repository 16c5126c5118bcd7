/*
 * store/layout.h - one tool's directory: names, locks, and the files it keeps beside sessions.
 *
 * A layout goes with a format. The log engine asks it for the lock and tells it of what was
 * written; listing and creating ask it for places and names. Everything but `format` may be NULL.
 */
#ifndef RAMETI_STORE_LAYOUT_H
#define RAMETI_STORE_LAYOUT_H

#include "base/env.h"
#include "base/newfile.h"
#include "codec/codec.h"
#include "ramet/store.h"

struct rameti_layout {
	const char *format;
	/* appends take flock on the session's path with this behind it; NULL: on the session */
	const char *lock_suffix;

	/* Under the lock, before a byte is written: a failure stops the append.
	 * RAMETI_LOG_AGAIN: the file was replaced by this, look anew. path: of the session's file
	 * itself, where a link to it leads. */
	int (*before)(const struct rameti_env *env, const char *path, struct ramet_error *err);
	/* Under the lock, rows from `first` on are stored: keep the tool's own files in step. A
	 * failure there does not make the append one. */
	void (*after)(struct ramet_session *s, uint32_t first);
	/* Is there a list of the tool's that `after` would bring up to date? path: absolute. NULL:
	 * there always may be. */
	int (*has_list)(const struct rameti_env *env, const char *path);
	/* May the session be taken away? ECONFLICT while its program has it open. */
	int (*may_go)(const char *path, struct ramet_error *err);
	/* The session's file was removed: its place in the tool's index. */
	int (*removed)(const struct rameti_env *env, const char *path, struct ramet_error *err);
	/* The directories and files beside the session's file that are its own; the file itself may
	 * be gone. fn other than 0 ends it with that. */
	int (*sides)(const char *path, int (*fn)(void *user, const char *side), void *user,
		     struct ramet_error *err);
	/* Remove one of these for good; nothing is removed when there is in it what is not the
	 * tool's (EFORMAT). */
	int (*remove_side)(const char *side, struct ramet_error *err);
	/* The session was deleted for good, or a new one was not made: a directory made for it
	 * alone goes when it is empty. */
	void (*vacated)(const struct rameti_env *env, const char *path);

	/* Where the tool keeps its sessions, from the environment; appended. ENOTFOUND. */
	int (*root)(struct ramet_buf *out, struct ramet_error *err);
	/* Below that: sessions in it (0), in directories in it (1), or in directories of those (2).
	 * Where several may be, the deepest. */
	int depth;
	/* May a file of this name be a session? Directories it may not enter are told by
	 * is_dir_name. */
	int (*is_name)(const char *name);
	int (*is_dir_name)(const char *name);
	/* An id for a new session as the tool makes them; appended. */
	int (*new_id)(const struct rameti_env *env, struct ramet_buf *id, struct ramet_error *err);
	/* The path of a new session below a directory of this layout (its root, or one given), with
	 * directories it makes for it; appended. */
	int (*new_path)(const char *dir, const struct rameti_draft_header *h, struct ramet_buf *out,
			struct ramet_error *err);
	/* The name of a new session's file, where its directory is settled; NULL: ID.jsonl. */
	int (*new_name)(struct ramet_bytes id, int64_t now_ms, struct ramet_buf *out);
	/* Is a file of this name the tool's, where the first bytes do not tell? */
	int (*owns_name)(const char *name);
	/* What an id for a session here must be; NULL: ramet_session_id_valid. */
	int (*id_valid)(struct ramet_bytes id);
};
extern const struct rameti_layout rameti_layout_pi;
extern const struct rameti_layout rameti_layout_ggcode;
extern const struct rameti_layout rameti_layout_yoi;
extern const struct rameti_layout rameti_layout_pirust;
/* The layout of a format; never NULL. */
const struct rameti_layout *rameti_layout_of(const char *format);
/* A new file is not made: it is given up, and a directory made for it alone goes. l NULL, path
 * empty: it was not begun. */
void rameti_layout_give_up(const struct rameti_layout *l, struct rameti_newfile *f,
			   const char *path);
/* That of the format a file seems to have. A file that cannot be read is no guess: ENOTFOUND, EIO,
 * EFORMAT for what is no regular file, ENOMEM. */
int rameti_layout_of_file(const struct rameti_layout **out, const char *path,
			  struct ramet_error *err);

#endif

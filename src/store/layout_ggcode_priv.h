/*
 * store/layout_ggcode_priv.h - what the files of ggcode's layout share.
 */
#ifndef RAMETI_STORE_LAYOUT_GGCODE_PRIV_H
#define RAMETI_STORE_LAYOUT_GGCODE_PRIV_H

#include "base/file.h"
#include "base/mem.h"
#include "codec/ggcode.h"
#include "ramet/ggcode.h"

#define RAMETI_GG_PATH_MAX ((size_t)1 << 20)
#define RAMETI_GG_TEXTS_MAX ((size_t)1 << 31)
#define RAMETI_GG_INDEX "/index.json"

/* b, or why it failed */
int rameti_gg_done(const struct ramet_buf *b, struct ramet_error *err);
/* The id in a session's path: the name without directory and extension. */
struct ramet_bytes rameti_gg_id_of(const char *path);
/* White space as Go's strings.TrimSpace sees it. */
struct ramet_bytes rameti_gg_trim(struct ramet_bytes text);

/* A lock file beside something: open or made (0600), locked. wait_ms as rameti_file_lock. */
int rameti_gg_lock(struct rameti_file *f, const struct rameti_env *env, const char *path,
		   uint32_t wait_ms, struct ramet_error *err);

/* ECONFLICT: this process has the session open; 0: one that did not say which it is. */
int rameti_gg_fail_held(const char *path, int64_t pid, struct ramet_error *err);

/* Each record of a file, in order. fn returning non-zero ends the walk with that. *skipped (may be
 * NULL): lines that are no records. */
int rameti_gg_walk(const struct rameti_env *env, const char *path,
		   int (*fn)(void *user, struct ramet_bytes line, const struct ramet_json *record),
		   void *user, uint64_t *skipped, struct ramet_error *err);
/* A text in an arena; ENOMEM. */
int rameti_gg_keep(struct rameti_arena *a, struct ramet_bytes text, struct ramet_bytes *to);
int rameti_gg_keep_text(struct rameti_arena *a, const struct ramet_json *v, struct ramet_bytes *to);

/* ---- the index ---- */

/* What an entry says; ptr NULL: keep what the index has. Times raw, quoted. */
struct rameti_gg_listed {
	struct ramet_bytes id, title, preview, created_at, updated_at, workspace, vendor, endpoint,
		model;
	/* when neither the file nor the index has one */
	struct ramet_bytes fallback_title, fallback_created_at;
	int64_t msg_count;
};
/* Put an entry into the index of a directory, under its lock. EFORMAT: it cannot be parsed, and
 * stays as it is. */
int rameti_gg_index_put(const struct rameti_env *env, const char *dir,
			const struct rameti_gg_listed *l, struct ramet_error *err);
/* Take one out; fine if it is not there. */
int rameti_gg_index_drop(const struct rameti_env *env, const char *dir, struct ramet_bytes id,
			 struct ramet_error *err);
/* The index in doc and text; root NULL: there is none, or it holds nothing. EFORMAT. */
int rameti_gg_index_read(const struct rameti_env *env, const char *dir, struct ramet_buf *text,
			 struct ramet_json_doc *doc, const struct ramet_json **root,
			 struct ramet_error *err);

#endif

/*
 * store/sidecar_priv.h - the parts of a V2 sidecar, shared by the files sidecar*.c.
 *
 * rameti_sc_ stands for "sidecar". All texts that a sidecar holds outside of payloads have small
 * limits, so they are kept in place.
 */
#ifndef RAMETI_STORE_SIDECAR_PRIV_H
#define RAMETI_STORE_SIDECAR_PRIV_H

#include "base/file.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/map.h"
#include "ramet/json.h"
#include "store/sidecar.h"

#define SC_PATH 4352
#define SC_ID 129                                /* an id of at most 128, and its NUL */
#define SC_TIME 48
#define SC_NAME 40
#define SC_LINE_MAX ((uint64_t)100 << 20)
#define SC_SEGMENT_MAX ((uint64_t)64 << 20)
#define SC_SEGMENTS_MAX 1000000u
#define SC_ROW_MAX 4096u
#define SC_DOC_MAX ((size_t)1 << 20)
#define SC_STATE_MAX 4096u
#define SC_HEX 65

/* ---- names.c: where things are ---- */

struct rameti_sc_place {
	const struct rameti_env *env;
	char jsonl[SC_PATH], dir[SC_PATH];       /* the file itself; its sidecar */
};
int rameti_sc_place_init(struct rameti_sc_place *p, const char *session, struct ramet_error *err);
int rameti_sc_join(char out[SC_PATH], const char *dir, const char *name, struct ramet_error *err);
int rameti_sc_segment_path(char out[SC_PATH], const char *dir, uint64_t seq,
			   struct ramet_error *err);
/* DIR.KIND.32hex, a name nobody has */
int rameti_sc_beside(const struct rameti_sc_place *p, const char *kind, char out[SC_PATH],
		     struct ramet_error *err);
/* lstat; ENOTFOUND, EIO */
int rameti_sc_stat(const struct rameti_env *env, const char *path, struct stat *st,
		   struct ramet_error *err);
/* 1: is there (whatever it is), 0: not */
int rameti_sc_exists(const struct rameti_env *env, const char *path, struct ramet_error *err);
/* A regular file, not through a link: EFORMAT else. */
int rameti_sc_open(struct rameti_file *f, const char *path, struct ramet_error *err);
int rameti_sc_read_small(const struct rameti_env *env, const char *path, size_t max,
			 struct ramet_buf *out, struct ramet_error *err);
/* It and the five directories in it are directories, where they are there. */
int rameti_sc_check_dirs(const struct rameti_env *env, const char *dir, struct ramet_error *err);
/* The five directories; *name is NULL at the end. */
extern const char *const rameti_sc_dirs[];
/* The number of a segment file's name, 0 if it is none. */
uint64_t rameti_sc_segment_number(const char *name);
uint64_t rameti_sc_checkpoint_number(const char *name);
/* A file that appears whole, durable, mode 0600. */
int rameti_sc_put(const struct rameti_env *env, const char *path, struct ramet_bytes text,
		  int replace, struct ramet_error *err);

struct rameti_sc_lock {
	struct rameti_file file;
};
#define RAMETI_SC_LOCK_INIT { RAMETI_FILE_INIT }
int rameti_sc_lock_session(struct rameti_sc_lock *l, const struct rameti_sc_place *p, uint32_t ms,
			   struct ramet_error *err);
int rameti_sc_lock_store(struct rameti_sc_lock *l, const struct rameti_env *env, const char *dir,
			 uint32_t ms, struct ramet_error *err);
void rameti_sc_unlock(struct rameti_sc_lock *l);

/* ---- text.c: small pieces of JSON ---- */

struct rameti_sc_field {
	const char *key;
	const struct ramet_json *value;          /* filled in; NULL: absent */
};
/* 0; EFORMAT for what is no object or has a wanted key twice. Other keys are passed over. */
int rameti_sc_fields(const struct ramet_json *object, struct rameti_sc_field *f, size_t n,
		     struct ramet_error *err);
int rameti_sc_u64(const struct ramet_json *v, uint64_t *out);            /* 1 or 0 */
int rameti_sc_text(const struct ramet_json *v, char *out, size_t room);  /* 1 or 0 */
int rameti_sc_hex64(const struct ramet_json *v, char out[SC_HEX]);       /* 1 or 0 */
int rameti_sc_id_ok(struct ramet_bytes id);
int rameti_sc_time_ok(struct ramet_bytes text);
int rameti_sc_uuid_ok(struct ramet_bytes text);
int rameti_sc_correlation_ok(struct ramet_bytes text);
/* Number of an entry type, from 0; -1: not one of the eight. */
int rameti_sc_type(struct ramet_bytes type);
enum { SC_MESSAGE, SC_COMPACTION = 3 };
void rameti_sc_sha(struct ramet_bytes bytes, char out[SC_HEX]);
/* chain = hex of SHA-256(chain, sha) */
void rameti_sc_chain(char chain[SC_HEX], const char sha[SC_HEX]);
void rameti_sc_chain_start(char chain[SC_HEX]);
/* Compact JSON with line breaks and two blanks a level. */
void rameti_sc_pretty(struct ramet_buf *out, struct ramet_bytes compact);
int rameti_sc_status(const struct ramet_buf *b, struct ramet_error *err);

/* ---- frame.c, index.c: records ---- */

struct rameti_sc_row {
	uint64_t entry_seq, segment_seq, frame_seq, offset, len;
	uint32_t crc32c;
	char id[SC_ID];
};
void rameti_sc_row_add(struct ramet_buf *b, const struct rameti_sc_row *row);
int rameti_sc_row_parse(struct ramet_json_doc *doc, struct ramet_bytes line,
			struct rameti_sc_row *row, struct ramet_error *err);
/* Does row come right behind prev (NULL: is it the first)? EFORMAT. */
int rameti_sc_row_follows(const struct rameti_sc_row *prev, const struct rameti_sc_row *row,
			  struct ramet_error *err);

struct rameti_sc_frame {
	uint64_t segment_seq, frame_seq, entry_seq;
	struct ramet_bytes id, parent, type, time, payload;  /* parent.ptr NULL: none */
	char sha[SC_HEX];
};
void rameti_sc_frame_add(struct ramet_buf *b, const struct rameti_sc_frame *f);
/* A whole record with its newline: everything but its place in the store is checked. */
int rameti_sc_frame_parse(struct ramet_json_doc *doc, struct ramet_bytes record,
			  struct rameti_sc_frame *f, struct ramet_error *err);

/* Reads frames by their rows; one segment is open at a time. */
struct rameti_sc_frames {
	const struct rameti_env *env;
	const char *dir;
	struct rameti_file file;
	uint64_t segment, size;                  /* which is open, 0 none; its size */
	char path[SC_PATH];
	struct ramet_buf record;
	struct ramet_json_doc doc;
};
void rameti_sc_frames_init(struct rameti_sc_frames *r, const struct rameti_env *env,
			   const char *dir);
void rameti_sc_frames_release(struct rameti_sc_frames *r);
int rameti_sc_frames_enter(struct rameti_sc_frames *r, uint64_t segment, struct ramet_error *err);
int rameti_sc_frames_get(struct rameti_sc_frames *r, const struct rameti_sc_row *row,
			 struct rameti_sc_frame *f, struct ramet_error *err);
/* The open segment (if one is) has no bytes behind its last frame. */
int rameti_sc_frames_covered(const struct rameti_sc_frames *r, uint64_t end,
			     struct ramet_error *err);
/* The parent of a frame without reading all of it: a hint, to be confirmed by get. parent[0] 0:
 * none. */
int rameti_sc_frames_parent(struct rameti_sc_frames *r, const struct rameti_sc_row *row,
			    char parent[SC_ID], struct ramet_error *err);

/* Rows from the last to the first. */
struct rameti_sc_back {
	struct rameti_file file;
	char path[SC_PATH];
	char *block;
	size_t n;                                /* bytes of block, which stand at `at` */
	uint64_t at;
	int started;
	struct ramet_json_doc doc;
};
/* ENOTFOUND: no index */
int rameti_sc_back_open(struct rameti_sc_back *b, const struct rameti_env *env, const char *dir,
			struct ramet_error *err);
int rameti_sc_back_next(struct rameti_sc_back *b, struct rameti_sc_row *row,
			struct ramet_error *err);
void rameti_sc_back_close(struct rameti_sc_back *b);

/* Rows from the first on, each checked to follow. An index that is missing has no rows. */
struct rameti_sc_index {
	struct rameti_file file;
	char path[SC_PATH];
	struct rameti_lines lines;
	struct ramet_json_doc doc;
	struct rameti_sc_row prev;
	uint64_t n;
	int missing;
};
int rameti_sc_index_open(struct rameti_sc_index *x, const struct rameti_env *env, const char *dir,
			 struct ramet_error *err);
int rameti_sc_index_next(struct rameti_sc_index *x, struct rameti_sc_row *row,
			 struct ramet_error *err);
void rameti_sc_index_close(struct rameti_sc_index *x);

/* ---- graph.c: ids and parents ---- */

struct rameti_sc_graph {
	struct rameti_map ids;
	uint32_t *parents, n, cap;               /* RAMET_NONE: none */
	struct rameti_sc_wait *waits;            /* parents that were not there yet */
	uint32_t n_waits, cap_waits;
	struct rameti_arena names;
};
void rameti_sc_graph_init(struct rameti_sc_graph *g);
void rameti_sc_graph_release(struct rameti_sc_graph *g);
/* EFORMAT: an id that is there already. */
int rameti_sc_graph_add(struct rameti_sc_graph *g, struct ramet_bytes id, struct ramet_bytes parent,
			struct ramet_error *err);
/* All parents are there and nobody is its own ancestor: EFORMAT else. *branches: parents with more
 * than one child. */
int rameti_sc_graph_finish(struct rameti_sc_graph *g, uint64_t *branches, struct ramet_error *err);

/* ---- manifest.c ---- */

struct rameti_sc_facts {
	uint64_t n_entries, n_messages, n_branches, n_compactions, n_segments, bytes;
	uint64_t head_segment, last_size;        /* of the last segment */
	char head_id[SC_ID], chain[SC_HEX];
	uint32_t last_crc;
};
void rameti_sc_facts_init(struct rameti_sc_facts *f);
/* One more frame. */
void rameti_sc_facts_add(struct rameti_sc_facts *f, const struct rameti_sc_row *row,
			 const struct rameti_sc_frame *frame);

struct rameti_sc_manifest {
	char session_id[SC_ID], source_format[SC_NAME], created[SC_TIME], updated[SC_TIME];
	struct rameti_sc_facts facts;
};
void rameti_sc_manifest_add(struct ramet_buf *b, const struct rameti_sc_manifest *m);
/* Checked as far as it can be alone: hash, names, invariants. */
int rameti_sc_manifest_parse(struct ramet_bytes text, struct rameti_sc_manifest *m,
			     struct ramet_error *err);
/* ENOTFOUND: there is none. */
int rameti_sc_manifest_read(const struct rameti_env *env, const char *dir,
			    struct rameti_sc_manifest *m, struct ramet_error *err);
int rameti_sc_manifest_write(const struct rameti_env *env, const char *dir,
			     const struct rameti_sc_manifest *m, struct ramet_error *err);
int rameti_sc_manifest_matches(const struct rameti_sc_manifest *m, const struct rameti_sc_facts *f,
			       struct ramet_error *err);

/* ---- state.c: is it the JSONL's? ---- */

struct rameti_sc_print {                         /* of the JSONL */
	uint64_t len;
	char sha[SC_HEX];
	struct stat st;
};
struct rameti_sc_state {
	int clean, has_print, has_identity;
	struct rameti_sc_print print;
};
enum rameti_sc_freshness {
	SC_STALE,
	SC_UNSURE,                               /* nobody wrote down what it was made from */
	SC_FRESH
};
void rameti_sc_state_add(struct ramet_buf *b, const struct rameti_sc_state *s);
int rameti_sc_state_parse(struct ramet_bytes text, struct rameti_sc_state *s,
			  struct ramet_error *err);
/* print NULL: dirty */
int rameti_sc_state_write(const struct rameti_env *env, const char *dir,
			  const struct rameti_sc_print *print, struct ramet_error *err);
/* now: of the JSONL, lstat; has_state may be NULL. why (may be NULL): why it is stale */
int rameti_sc_fresh(const struct rameti_sc_place *p, const char *dir, const struct stat *now,
		    int *fresh, int *has_state, struct ramet_error *why, struct ramet_error *err);
int rameti_sc_same_file(const struct stat *a, const struct stat *b);

/* ---- source.c: the JSONL, strictly ---- */

struct rameti_sc_header {
	char id[SC_ID];
	struct ramet_buf leaf;
	int has_leaf;
};
/* EVERSION for another version than 3. */
int rameti_sc_header_parse(struct ramet_json_doc *doc, struct ramet_bytes line,
			   struct rameti_sc_header *h, struct ramet_error *err);
int rameti_sc_header_read(const struct rameti_sc_place *p, struct rameti_sc_header *h,
			  struct ramet_error *err);

struct rameti_sc_source {
	struct rameti_sc_header header;
	struct rameti_sc_graph graph;
	uint8_t (*shas)[32];                     /* of the payloads */
	uint32_t n, cap;
	struct rameti_sc_print print;
	uint64_t n_branches, n_compacted, n_ids_made;
};
void rameti_sc_source_init(struct rameti_sc_source *s);
void rameti_sc_source_release(struct rameti_sc_source *s);
/* Read all of it; each entry is given to fn (may be NULL) with id, parent, type, payload, sha. */
int rameti_sc_source_read(struct rameti_sc_source *s, const struct rameti_sc_place *p,
			  int (*fn)(void *user, const struct rameti_sc_frame *entry,
				    struct ramet_error *err),
			  void *user, struct ramet_error *err);
/* ECONFLICT if the file is not what was read. */
int rameti_sc_source_unchanged(const struct rameti_sc_source *s, const struct rameti_sc_place *p,
			       struct ramet_error *err);
/* shape.c: an entry of one of the eight types with the members it must have. */
int rameti_sc_shape(const struct ramet_json *entry, struct ramet_error *err);

/* ---- scan.c: a whole store ---- */

struct rameti_sc_scan {
	struct rameti_sc_facts facts;
	struct rameti_sc_manifest manifest;
	int skip_manifest;                       /* set before: it is not looked at */
	int has_manifest, index_missing;
	/* compared with the source, if there is one: entries up to the first difference */
	const struct rameti_sc_source *source;
	uint64_t n_same_ids, n_same_shas;
	struct rameti_sc_row last;
};
/* Every frame, the graph, stray segments and the manifest. EFORMAT where it does not agree; facts
 * are as far as it went. Of the source only the two counts are filled in. */
int rameti_sc_scan(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
		   struct ramet_error *err);
/* The same up to an entry (and no stray segments, graph or manifest). */
int rameti_sc_scan_until(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
			 uint64_t until, struct ramet_error *err);
/* No segment beyond these. */
int rameti_sc_no_strays(const struct rameti_env *env, const char *dir, uint64_t n_segments,
			struct ramet_error *err);

/* ---- build.c, install.c ---- */

/* Make dir (which is not there) from the JSONL: all but the event. */
int rameti_sc_build(const struct rameti_sc_place *p, const char *dir, uint64_t segment_limit,
		    struct rameti_sc_source *source, struct ramet_error *err);
/* dir takes the sidecar's place; what was there is disposed of. */
int rameti_sc_install(const struct rameti_sc_place *p, const char *dir,
		      const struct rameti_sc_source *source, struct ramet_sidecar_report *report,
		      struct ramet_error *err);
/* Remove it if the source (NULL: nothing) has all of it, else rename it to .kept. */
int rameti_sc_dispose(const struct rameti_sc_place *p, const char *dir,
		      const struct rameti_sc_source *source, struct ramet_sidecar_report *report,
		      struct ramet_error *err);
/* Remove a tree that holds nothing of worth; what is unknown in it stays, and EIO. */
int rameti_sc_remove(const struct rameti_env *env, const char *dir, struct ramet_error *err);
/* Is every frame in it in the source, and nothing else of worth? Its events are not counted. */
int rameti_sc_redundant(const struct rameti_env *env, const char *dir,
			const struct rameti_sc_source *source);
/* Directories beside the sidecar: kinds staging, backup, gone, kept. */
struct rameti_sc_leftovers {
	char (*items)[SC_PATH];
	uint8_t *kinds;
	uint32_t n, cap;
};
enum { SC_STAGING, SC_BACKUP, SC_GONE, SC_KEPT };
int rameti_sc_leftovers(struct rameti_sc_leftovers *l, const struct rameti_sc_place *p,
			struct ramet_error *err);
void rameti_sc_leftovers_release(struct rameti_sc_leftovers *l);
/* migrate.c: under the session's lock. */
int rameti_sc_migrate_locked(const struct rameti_sc_place *p, const struct ramet_sidecar_opts *o,
			     int event, struct ramet_sidecar_report *report,
			     struct ramet_error *err);

/* ---- ledger.c ---- */

struct rameti_sc_event {
	const char *phase, *source, *target, *source_format, *target_format, *correlation;
	char id[37];                             /* "": a new one */
	int entry_count_match, hash_chain_match, index_consistent;
};
/* Behind those that are there, unless its id is there already: the file is replaced. */
int rameti_sc_ledger_record(const struct rameti_env *env, const char *dir,
			    struct rameti_sc_event *e, struct ramet_error *err);
/* Put the events of one sidecar's ledger into another's that has none (NULL: only count). *n_left:
 * lines that the original would not read, which stay behind. */
int rameti_sc_ledger_carry(const struct rameti_env *env, const char *from, const char *to,
			   uint64_t *n_left, struct ramet_error *err);
int rameti_sc_event_ok(struct ramet_json_doc *doc, struct ramet_bytes line);

/* ---- checkpoint.c, undo.c ---- */

struct rameti_sc_checkpoint {
	uint64_t seq, head_seq;
	char at[SC_TIME], head_id[SC_ID], chain[SC_HEX], reason[SC_NAME];
};
void rameti_sc_checkpoint_add(struct ramet_buf *b, const struct rameti_sc_checkpoint *c);
int rameti_sc_checkpoint_parse(struct ramet_bytes text, struct rameti_sc_checkpoint *c,
			       struct ramet_error *err);
int rameti_sc_checkpoint_read(const struct rameti_env *env, const char *dir, uint64_t seq,
			      struct rameti_sc_checkpoint *c, struct ramet_error *err);
/* Numbers of the files, sorted; the caller frees. */
int rameti_sc_checkpoints(const struct rameti_env *env, const char *dir, uint64_t **seqs,
			  uint32_t *n, struct ramet_error *err);
/* Finish a rollback that was begun. 1: there was one, 0: none. */
int rameti_sc_undo_finish(const struct rameti_env *env, const char *dir,
			  struct ramet_sidecar_report *report, struct ramet_error *err);

/* ---- rebuild.c ---- */

/* The index anew from the segments. What does not belong is kept as .bak. EFORMAT, and nothing
 * changed, for garbage that is not at the end of a segment. */
int rameti_sc_rebuild(const struct rameti_env *env, const char *dir,
		      struct ramet_sidecar_report *report, struct ramet_error *err);
/* path gets the name path.bak (or .bak.1, ...), as a second name (link) or its only one. */
int rameti_sc_set_aside(const struct rameti_env *env, const char *path, int link,
			struct ramet_sidecar_report *report, struct ramet_error *err);
/* The first len bytes of a segment, and perhaps a newline, in its place. */
int rameti_sc_shorten(const struct rameti_env *env, const char *path, uint64_t len, int newline,
		      struct ramet_error *err);
void rameti_sc_note_kept(struct ramet_sidecar_report *report, const char *path);

/* ---- status.c ---- */

/* What status and verify say of it; compare: with the JSONL in any case. */
int rameti_sc_judge(const struct rameti_sc_place *p, int compare, struct ramet_sidecar_check *c,
		    struct ramet_error *err);

#endif

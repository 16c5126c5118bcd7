/*
 * ramet/model.h - sessions as trees: rows, tree, path, context, labels, totals, findings.
 *
 * The model is pure: it does no I/O and reads no clock. It walks 64-byte rows, one per entry, and
 * gets the JSON of an entry through one callback, only for the entries it needs. Rows are
 * numbered in file order from 0; RAMET_NONE is "no row". The rules are those of
 * docs/format/pi.md.
 */
#ifndef RAMET_MODEL_H
#define RAMET_MODEL_H

#include <ramet/base.h>
#include <ramet/json.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ramet_entry_type {
	RAMET_ENTRY_OTHER = 0,                   /* a type we do not know, or none */
	RAMET_ENTRY_MESSAGE,
	RAMET_ENTRY_MODEL_CHANGE,
	RAMET_ENTRY_THINKING_LEVEL_CHANGE,
	RAMET_ENTRY_USAGE,
	RAMET_ENTRY_COMPACTION,
	RAMET_ENTRY_BRANCH_SUMMARY,
	RAMET_ENTRY_CUSTOM,
	RAMET_ENTRY_CUSTOM_MESSAGE,
	RAMET_ENTRY_CONTEXT_EDIT,
	RAMET_ENTRY_LABEL,
	RAMET_ENTRY_SESSION_INFO,
	RAMET_ENTRY_HEADER                       /* never in a row */
};

enum ramet_role {
	RAMET_ROLE_NONE = 0,                     /* not a message entry, or no role */
	RAMET_ROLE_SYSTEM,
	RAMET_ROLE_USER,
	RAMET_ROLE_ASSISTANT,
	RAMET_ROLE_TOOL_RESULT,
	RAMET_ROLE_BASH_EXECUTION,
	RAMET_ROLE_CUSTOM,
	RAMET_ROLE_HOOK_MESSAGE,
	RAMET_ROLE_BRANCH_SUMMARY,
	RAMET_ROLE_COMPACTION_SUMMARY,
	RAMET_ROLE_OTHER
};
RAMET_API const char *ramet_entry_type_name(int type);       /* "message"; "" for OTHER */
RAMET_API const char *ramet_role_name(int role);             /* "user"; "" for NONE and OTHER */
RAMET_API int ramet_entry_type_of(struct ramet_bytes name);
RAMET_API int ramet_role_of(struct ramet_bytes name);

enum ramet_row_flags {
	RAMET_ROW_NO_ID = 1, /* an object without a text id: no children */
	RAMET_ROW_HAS_PARENT = 2, /* parentId is a non-empty text (or another true value) */
	RAMET_ROW_SHADOWED = 4, /* the same id occurs again later: not in the tree */
	RAMET_ROW_ORPHAN = 8, /* parentId names no entry: a root */
	RAMET_ROW_LOOP = 16, /* its link closed a loop and was cut: a root */
	RAMET_ROW_BAD_UTF8 = 32,
	RAMET_ROW_UNTIMED = 64, /* its record has no time, as its format allows */
	RAMET_ROW_MADE_ATTEMPT = 0xf000 /* which attempt gave the made id (version 1) */
};
#define RAMET_TIME_NONE INT64_MIN                /* a time that is missing or does not parse */

/* One entry: 64 bytes. Facts come from its line alone and never change; derived columns are row
 * numbers of the nearest such entry at or above this one (RAMET_NONE: none). */
struct ramet_row {
	uint64_t offset;
	int64_t time_ms;                         /* since 1970 UTC, or RAMET_TIME_NONE */
	uint32_t length;                         /* bytes of the line without its newline */
	uint32_t crc32c;                         /* of those bytes */
	uint32_t id_hash, parent_hash;           /* of the decoded ids */
	uint32_t id_at; /* of the raw id text in the line; 0: the id is made */
	uint8_t type, role;
	uint16_t flags;
	uint32_t parent, depth, compaction, model, level, edit;
};

struct ramet_tree;

/* Where the JSON of an entry comes from: *json is its object as the current format version has it,
 * without newline, either borrowed for as long as the tree lives or written into scratch (which the
 * callback resets). Errors are passed up. */
typedef int ramet_entry_fn(void *user, uint32_t row, struct ramet_buf *scratch,
			   struct ramet_bytes *json, struct ramet_error *err);

RAMET_API uint32_t ramet_tree_count(const struct ramet_tree *t);          /* rows */
RAMET_API const struct ramet_row *ramet_tree_row(const struct ramet_tree *t, uint32_t row);
/* Decoded id, borrowed; empty for RAMET_ROW_NO_ID (ask the flag: "" is a legal id). */
RAMET_API struct ramet_bytes ramet_tree_id(const struct ramet_tree *t, uint32_t row);
RAMET_API uint32_t ramet_tree_find(const struct ramet_tree *t,
				   struct ramet_bytes id); /* or RAMET_NONE */
/* An id, or else a prefix of exactly one id. ENOTFOUND, EAMBIGUOUS. */
RAMET_API int ramet_tree_resolve(const struct ramet_tree *t, struct ramet_bytes id_or_prefix,
				 uint32_t *row, struct ramet_error *err);
RAMET_API uint32_t ramet_tree_leaf(const struct ramet_tree *t); /* the last row, or RAMET_NONE */
RAMET_API int ramet_tree_entry(const struct ramet_tree *t, uint32_t row, struct ramet_buf *scratch,
			       struct ramet_bytes *json, struct ramet_error *err);

/* Rows from root to leaf. */
struct ramet_path {
	uint32_t *rows;
	uint32_t n;
};
#define RAMET_PATH_INIT { NULL, 0 }
RAMET_API int ramet_tree_path(const struct ramet_tree *t, uint32_t leaf, struct ramet_path *path,
			      struct ramet_error *err);
RAMET_API void ramet_path_release(struct ramet_path *path);

/* The tree in preorder as pi's getTree orders it: roots in file order, children by time (ties and
 * unreadable times keep file order). Rows without id are roots or children without children;
 * shadowed rows are left out. */
struct ramet_node {
	uint32_t row, parent;                    /* parent row in this tree or RAMET_NONE */
	uint32_t depth;                          /* 0 for roots */
	uint32_t n_children;
};
struct ramet_nodes {
	struct ramet_node *items;
	uint32_t n;
};
#define RAMET_NODES_INIT { NULL, 0 }
RAMET_API int ramet_tree_preorder(const struct ramet_tree *t, struct ramet_nodes *nodes,
				  struct ramet_error *err);
RAMET_API void ramet_nodes_release(struct ramet_nodes *nodes);

/* Labels now set, in first-set order (a label cleared and set again goes to the end). */
struct ramet_label {
	struct ramet_bytes target, text;         /* decoded */
	struct ramet_bytes timestamp; /* of the label entry: raw JSON, empty if it has none */
	uint32_t row;                            /* the label entry */
	uint32_t target_row;                     /* RAMET_NONE: no such entry */
};
struct ramet_labels {
	struct ramet_label *items;
	uint32_t n;
	void *priv;
};
#define RAMET_LABELS_INIT { NULL, 0, NULL }
RAMET_API int ramet_tree_labels(const struct ramet_tree *t, struct ramet_labels *labels,
				struct ramet_error *err);
RAMET_API const struct ramet_label *ramet_labels_find(const struct ramet_labels *labels,
						      uint32_t target_row);
RAMET_API void ramet_labels_release(struct ramet_labels *labels);

/* The session's name (last session_info, trimmed) appended to out; 1 if there is one, 0 if not. */
RAMET_API int ramet_tree_name(const struct ramet_tree *t, struct ramet_buf *out,
			      struct ramet_error *err);

/* ---- context ---- */

struct ramet_message {
	struct ramet_bytes json;
	uint32_t row;                            /* the entry it comes from */
	uint8_t role;
};
struct ramet_selected {
	uint32_t row, first, n; /* messages[first, first + n) come from this entry */
};
/* What the model sees at a leaf, before conversion. Everything is owned by the context. */
struct ramet_context {
	struct ramet_selected *selected;
	uint32_t n_selected;
	struct ramet_message *messages;
	uint32_t n_messages;
	struct ramet_bytes
		thinking_level; /* raw JSON; "\"off\"" by default; ptr NULL: not a value */
	int has_model;
	struct ramet_bytes provider, model_id;   /* raw JSON; ptr NULL: missing in the entry */
	uint32_t leaf;
	const struct ramet_tree *tree;
	void *priv;
};
/* leaf RAMET_NONE: the position before the first entry (an empty context). */
RAMET_API int ramet_context_new(struct ramet_context **out, const struct ramet_tree *t,
				uint32_t leaf, struct ramet_error *err);
RAMET_API void ramet_context_free(struct ramet_context *c);
/* {"messages":[...],"thinkingLevel":...,"model":{"provider","modelId"}|null} */
RAMET_API int ramet_context_write(const struct ramet_context *c, struct ramet_buf *out,
				  struct ramet_error *err);
/* [{"sourceId","type","messages":[...]}...] */
RAMET_API int ramet_context_write_projection(const struct ramet_context *c, struct ramet_buf *out,
					     struct ramet_error *err);
/* [message...] after conversion for the model */
RAMET_API int ramet_context_write_llm(const struct ramet_context *c, struct ramet_buf *out,
				      struct ramet_error *err);
/* The replayed system message as JSON, or "null"; and the prompt text it makes (out may be
 * NULL). */
RAMET_API int ramet_context_write_system(const struct ramet_context *c, struct ramet_buf *message,
					 struct ramet_buf *prompt, struct ramet_error *err);
RAMET_API int ramet_context_tokens(const struct ramet_context *c, uint64_t *tokens,
				   struct ramet_error *err);

/* ---- totals over the whole file ---- */

struct ramet_stats_row {
	struct ramet_bytes key;
	double cost, tokens;
};
struct ramet_stats {
	uint64_t user_messages, assistant_messages, tool_calls, tool_results, total_messages;
	double input, output, cache_read, cache_write, total, cost;
	struct ramet_stats_row *breakdown;       /* largest cost first */
	uint32_t n_breakdown;
	void *priv;
};
RAMET_API int ramet_stats_new(struct ramet_stats **out, const struct ramet_tree *t,
			      struct ramet_error *err);
RAMET_API void ramet_stats_free(struct ramet_stats *s);

/* ---- findings ---- */

enum ramet_severity { RAMET_INFO = 1, RAMET_WARNING, RAMET_DAMAGE };
/* Codes are texts; docs/findings.md lists them: malformed torn-tail glued nul-run bad-utf8 bom
 * no-header second-header duplicate-id orphan loop dangling-target bad-edit bad-time
 * unanswered-call seal ... */
struct ramet_finding {
	int severity;
	const char *code;
	uint64_t line, offset;                   /* line 0: the file as a whole */
	struct ramet_bytes id, text;             /* id: ptr NULL if it has none */
};
struct ramet_findings {
	struct ramet_finding *items;
	uint32_t n, cap;
	uint64_t n_dropped;                      /* beyond the limit, only counted */
	void *priv;
};
#define RAMET_FINDINGS_MAX 10000u
#define RAMET_FINDINGS_INIT { NULL, 0, 0, 0, NULL }
RAMET_API void ramet_findings_release(struct ramet_findings *f);
RAMET_API const char *ramet_severity_name(int severity);     /* info warning damage */
/* What the tree shows: duplicate-id, orphan, loop, dangling-target, bad-edit, bad-time;
 * appended. */
RAMET_API int ramet_tree_check(const struct ramet_tree *t, struct ramet_findings *f,
			       struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

/*
 * ramet/json.h - lossless JSON: a validating view in place, a writer, edits by span.
 *
 * Nothing here changes a byte it was not asked to change. Legal text is never refused for its
 * content: lone surrogate escapes, 23-digit integers, 1e400, -0 and duplicate keys (the last one
 * wins, as in JavaScript) are fine. No call recurses; limits are depth and length.
 */
#ifndef RAMET_JSON_H
#define RAMET_JSON_H

#include <ramet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAMET_JSON_DEPTH_MAX 100000u
#define RAMET_JSON_LEN_MAX (512u << 20)

enum ramet_json_kind {
	RAMET_JSON_NONE = 0,
	RAMET_JSON_NULL,
	RAMET_JSON_FALSE,
	RAMET_JSON_TRUE,
	RAMET_JSON_NUMBER,
	RAMET_JSON_STRING,
	RAMET_JSON_ARRAY,
	RAMET_JSON_OBJECT
};

enum ramet_json_flags {
	RAMET_JSON_STRICT = 1, /* refuse invalid UTF-8 in strings too */
	RAMET_JSON_HAS_ESCAPE = 1, /* on a string node: a backslash is inside */
	RAMET_JSON_BAD_UTF8 = 2 /* on the root node: invalid UTF-8 somewhere inside */
};

/* One value of a parsed text. Nodes lie in one array in document order: a container is
 * followed by its members (key node, value node, key node, ...) or items; node + node->span
 * is the next sibling. Nodes and the text they point into live until the document is parsed
 * anew or released. */
struct ramet_json {
	const char *ptr;                         /* first byte of the raw text, quotes included */
	uint32_t len;                            /* of the raw text */
	uint32_t span;                           /* nodes in this subtree, itself included */
	uint32_t n;                              /* members or items */
	uint8_t kind, flags;
	uint16_t reserved;
};

/* A parsed text; keeps its memory for the next parse. Init with RAMET_JSON_DOC_INIT. */
struct ramet_json_doc {
	struct ramet_json *nodes;
	uint32_t n_nodes, cap_nodes;
	void *stack;                             /* private */
	size_t cap_stack;
};
#define RAMET_JSON_DOC_INIT { NULL, 0, 0, NULL, 0 }

/* Parse one value with nothing but white space around it. text is borrowed as long as nodes are
 * used. flags: 0 tolerates invalid UTF-8 inside strings (RAMET_JSON_BAD_UTF8 is then set on the
 * root), RAMET_JSON_STRICT refuses it. EJSON with err->offset, ELIMIT, ENOMEM. */
RAMET_API int ramet_json_parse(struct ramet_json_doc *doc, struct ramet_bytes text, unsigned flags,
			       struct ramet_error *err);
RAMET_API void ramet_json_doc_release(struct ramet_json_doc *doc);
RAMET_API const struct ramet_json *ramet_json_root(const struct ramet_json_doc *doc);

/* Getters accept NULL and wrong kinds and answer "nothing" (NULL, 0, empty). */
RAMET_API int ramet_json_kind(const struct ramet_json *v);
RAMET_API const struct ramet_json *ramet_json_get(const struct ramet_json *object, const char *key);
RAMET_API const struct ramet_json *ramet_json_get_bytes(const struct ramet_json *object,
							struct ramet_bytes key);
RAMET_API uint32_t ramet_json_count(const struct ramet_json *container);
/* The items of an array, or keys and values of an object by turns: v = NULL starts, NULL ends. */
RAMET_API const struct ramet_json *ramet_json_next(const struct ramet_json *container,
						   const struct ramet_json *v);
RAMET_API struct ramet_bytes ramet_json_raw(const struct ramet_json *v);      /* as written */
/* Text of a string without escapes, borrowed; a string with escapes or bad UTF-8 needs
 * ramet_json_text. Answers empty for those and for every other kind. */
RAMET_API struct ramet_bytes ramet_json_plain(const struct ramet_json *v);
/* The decoded text of a string, appended to out as UTF-8. A lone surrogate becomes its three-byte
 * form (WTF-8); each maximal invalid sequence becomes U+FFFD. Nothing for other kinds. */
RAMET_API void ramet_json_text(const struct ramet_json *v, struct ramet_buf *out);
RAMET_API int ramet_json_text_is(const struct ramet_json *v, const char *text);
RAMET_API double ramet_json_number(const struct ramet_json *v); /* 0 if not a number */
/* Is the value true to JavaScript: not null, false, 0, -0, "" or nothing. */
RAMET_API int ramet_json_truthy(const struct ramet_json *v);

/* ---- writing: values appended to a buffer; the writer puts commas and colons ---- */
struct ramet_json_writer {
	struct ramet_buf *out;
	uint32_t depth;
	uint8_t need_comma, after_key;
};
RAMET_API void ramet_json_writer_init(struct ramet_json_writer *w, struct ramet_buf *out);
RAMET_API void ramet_json_open_object(struct ramet_json_writer *w);
RAMET_API void ramet_json_close_object(struct ramet_json_writer *w);
RAMET_API void ramet_json_open_array(struct ramet_json_writer *w);
RAMET_API void ramet_json_close_array(struct ramet_json_writer *w);
RAMET_API void ramet_json_key(struct ramet_json_writer *w, const char *key);
RAMET_API void ramet_json_key_bytes(struct ramet_json_writer *w, struct ramet_bytes key);
RAMET_API void ramet_json_add_text(struct ramet_json_writer *w, struct ramet_bytes text);
RAMET_API void ramet_json_add_cstr(struct ramet_json_writer *w, const char *text);  /* NULL: null */
RAMET_API void ramet_json_add_int(struct ramet_json_writer *w, int64_t n);
RAMET_API void ramet_json_add_double(struct ramet_json_writer *w,
				     double x); /* shortest form, as JavaScript */
RAMET_API void ramet_json_add_bool(struct ramet_json_writer *w, int b);
RAMET_API void ramet_json_add_null(struct ramet_json_writer *w);
/* A value that is JSON already: copied byte for byte, except that invalid UTF-8 becomes U+FFFD
 * (so that what we print is always JSON). */
RAMET_API void ramet_json_add_raw(struct ramet_json_writer *w, struct ramet_bytes json);

/* The lower-level pieces: text as a quoted string as JSON.stringify writes it; and raw JSON made
 * valid UTF-8. Three-byte surrogates in text are written as \udXXX. */
RAMET_API void ramet_buf_add_json_string(struct ramet_buf *b, struct ramet_bytes text);
RAMET_API void ramet_buf_add_json_raw(struct ramet_buf *b, struct ramet_bytes json);

/* ---- edits: the text of an object with some members changed, all other bytes as they were ---- */
struct ramet_json_edit {
	struct ramet_bytes key;                  /* decoded name of a member of the object */
	struct ramet_bytes value;                /* new raw JSON; ptr NULL removes the member */
};
/* Append text (whose parsed form is object: a node inside it) to out with the edits applied: an
 * existing member's value is replaced in place (the last one of equal keys; removal takes all of
 * them), a new one goes to the end of the object. EINVAL if node is not an object of text. */
RAMET_API int ramet_json_edit(struct ramet_buf *out, struct ramet_bytes text,
			      const struct ramet_json *object, const struct ramet_json_edit *edits,
			      size_t n_edits, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

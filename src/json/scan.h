/*
 * json/scan.h - the exact scan: is this line one JSON value, and where are the members we want?
 *
 * The scan validates the whole line (grammar, escapes, control characters, depth) without building
 * anything, and records the spans of wanted members at depth 1 and 2. It works in two steps: an
 * *index* step classifies bytes 64 at a time (AVX-512, AVX2, SSE2 or plain C, chosen at run time)
 * and yields the positions of structural characters, quotes and scalar starts; a *walk* step checks
 * the grammar over those positions. The tape view (ramet_json_parse) is the same walk with nodes
 * written down.
 */
#ifndef RAMETI_JSON_SCAN_H
#define RAMETI_JSON_SCAN_H

#include "ramet/json.h"

#define RAMETI_SCAN_WANTS_MAX 16

/* A member to look for: parent < 0 at the top level, else the index of an earlier top-level want
 * whose value is an object. Keys compare decoded ("\u0069d" is "id"). */
struct rameti_want {
	int parent;
	struct ramet_bytes key;
};

/* Where a wanted member's value is; kind RAMET_JSON_NONE: not there. Of equal keys the last wins,
 * and a later parent forgets what was found inside an earlier one. */
struct rameti_found {
	uint32_t at, len;                        /* raw value, quotes too, from line start */
	uint8_t kind, flags;                     /* RAMET_JSON_HAS_ESCAPE on strings */
	uint16_t seen;                           /* how often the key stood there, saturating */
};

enum rameti_line_kind {
	RAMETI_LINE_BLANK,                       /* nothing but white space as trim() sees it */
	RAMETI_LINE_OBJECT,
	RAMETI_LINE_VALUE,                       /* valid JSON but not an object */
	RAMETI_LINE_BAD                          /* not one JSON value; see error_at */
};

enum rameti_line_trouble {                       /* why a line is RAMETI_LINE_BAD */
	RAMETI_TROUBLE_NONE,
	RAMETI_TROUBLE_SYNTAX,
	RAMETI_TROUBLE_UNFINISHED,               /* ends inside a value */
	RAMETI_TROUBLE_MORE,                     /* a value, then something else (glued values) */
	RAMETI_TROUBLE_NUL,                      /* holds NUL bytes */
	RAMETI_TROUBLE_DEPTH
};

struct rameti_line {
	uint32_t len;                            /* bytes before the newline or the end of text */
	uint8_t kind, trouble;
	uint8_t terminated;                      /* a newline follows */
	uint8_t bad_utf8;                        /* invalid UTF-8 inside; 0 when kind is BAD */
	uint32_t error_at;                       /* when BAD: first byte that does not fit */
};

/* A scanner owns the depth stack and the index buffer; reusable, one thread at a time. */
struct rameti_scanner;
/* simd: 0 the best the machine has; 1 plain C, 2 SSE2, 3 AVX2, 4 AVX-512 (EINVAL if the machine
 * lacks it). */
int rameti_scanner_new(struct rameti_scanner **out, const struct rameti_want *wants, size_t n_wants,
		       int simd, struct ramet_error *err);
void rameti_scanner_free(struct rameti_scanner *s);

/* Scan one line: it ends at the first newline byte in text or at text's end. text.len may be far
 * beyond the line (the rest of a block); the scan reads no byte at or after text.ptr + text.len.
 * found must have room for n_wants. Of text only the first 4 GiB - 4 KiB are looked at; callers cut
 * lines at RAMET_JSON_LEN_MAX. ENOMEM is the only failure. */
int rameti_scan_line(struct rameti_scanner *s, struct ramet_bytes text, struct rameti_line *line,
		     struct rameti_found *found);

/* The head fast path, for listing only: if text starts exactly as pi writes an entry
 * ({"type":"T","id":"...","parentId":...,"timestamp":"..." or {"type":"T","customType":...) give T
 * raw without its quotes. 1 found, 0 not that shape. Proves nothing about the rest of the line. */
int rameti_scan_head_type(struct ramet_bytes text, struct ramet_bytes *type);

/* First newline in text, or text.len; vectorised. */
size_t rameti_scan_newline(struct ramet_bytes text);

/* Is text valid UTF-8 (surrogates and overlong forms are not)? */
int rameti_utf8_valid(struct ramet_bytes text);
/* Length of the maximal invalid sequence (1..3) at text.ptr as JavaScript's decoder counts it, or 0
 * when a valid character stands there, whose length then is in *char_len. */
size_t rameti_utf8_bad_len(struct ramet_bytes text, size_t *char_len);
/* Append text with each maximal invalid sequence replaced by U+FFFD. */
void rameti_utf8_add(struct ramet_buf *b, struct ramet_bytes text);
/* Length of the white space character at the start as String.prototype.trim() sees it, 0 if it is
 * none; and what trim() leaves. */
size_t rameti_utf8_space(struct ramet_bytes text);
struct ramet_bytes rameti_utf8_trim(struct ramet_bytes text);
/* Length in UTF-16 code units of decoded text (WTF-8), as JavaScript's .length. */
size_t rameti_utf16_len(struct ramet_bytes text);

/* Decode a raw string value (quotes included) as ramet_json_text does. */
void rameti_json_decode(struct ramet_bytes raw, struct ramet_buf *out);
/* The same for the inside of one, of valid UTF-8, up to its end or to a quotation mark that ends
 * it; returns how many bytes of it that was. */
size_t rameti_json_decode_inside(struct ramet_bytes text, struct ramet_buf *out);
/* Append a parsed value without the white space around its tokens; every token as it is. */
void rameti_json_add_compact(struct ramet_buf *b, const struct ramet_json *v);
/* Where a member's value begins in what that appends of its object. */
size_t rameti_json_compact_at(const struct ramet_json *o, const struct ramet_json *value);
/* Is there no such white space? */
int rameti_json_is_compact(const struct ramet_json *v);
/* A string as ramet_buf_add_json_string adds it, of text that is known to be valid UTF-8. */
void rameti_json_add_valid(struct ramet_buf *b, struct ramet_bytes text);
/* The same without the quotation marks: a part of a string. */
void rameti_json_add_inside(struct ramet_buf *b, struct ramet_bytes text);
/* As ramet_json_get_bytes for n names at once: found[i] is what names[i] is the key of. */
void rameti_json_pick(const struct ramet_json *object, const struct ramet_bytes *names, size_t n,
		      const struct ramet_json **found);
/* Does the raw string value decode to text? No allocation. */
int rameti_json_raw_is(struct ramet_bytes raw, struct ramet_bytes text);
/* Does what it decodes to begin with text? No allocation. */
int rameti_json_raw_begins(struct ramet_bytes raw, struct ramet_bytes text);

#endif

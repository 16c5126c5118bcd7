/*
 * small_tree.h - trees over a few entries written in the test, and answers compared as whole texts.
 *
 * In every text ' stands for ", so that JSON can be read. Entries are parted by newlines.
 */
#ifndef TESTS_MODEL_SMALL_TREE_H
#define TESTS_MODEL_SMALL_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "model/tree.h"

/* Members before and after what a test is about. parent is raw JSON; second is "05". */
#define ENTRY(type, id, parent, second, more)                                                      \
	"{'type':'" type "','id':'" id "','parentId':" parent ",'timestamp':'2026-03-01T10:00:"    \
	second "Z'" more "}\n"
#define MESSAGE(id, parent, message) ENTRY("message", id, parent, "00", ",'message':{" message "}")
#define USER(id, parent, text) MESSAGE(id, parent, "'role':'user','content':'" text "'")
#define ANSWER(id, parent, text)                                                                   \
	MESSAGE(id, parent, "'role':'assistant','content':[{'type':'text','text':'" text "'}]")
#define EDIT(id, parent, target, replacement)                                                      \
	ENTRY("context_edit", id, parent, "01",                                                    \
	      ",'targetId':'" target "','replacement':" replacement)
#define COMPACTION(id, parent, kept, more)                                                         \
	ENTRY("compaction", id, parent, "02",                                                      \
	      ",'summary':'S','firstKeptEntryId':'" kept "','tokensBefore':9" more)

struct small_tree {
	struct ramet_tree *tree;
	struct ramet_buf text;
	struct ramet_bytes *lines;
	uint32_t n_lines;
	unsigned calls;                          /* of the entry callback */
	unsigned fail_call;                      /* that call answers EIO; 0: none */
	int borrowed;                            /* hand out the bytes themselves, no copy */
};

/* A failure to build fails the test. */
void small_tree_init(struct small_tree *s, const char *entries);
void small_tree_init_bytes(struct small_tree *s, struct ramet_bytes entries);
void small_tree_release(struct small_tree *s);
/* The row of an id; "-" is RAMET_NONE, "" the last row. */
uint32_t small_tree_row(const struct small_tree *s, const char *id);

/* What a test asks of a context; the same shape for every ramet_context_write call. */
typedef int small_tree_fn(const struct ramet_context *c, struct ramet_buf *out,
			  struct ramet_error *err);
int write_message(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);
int write_prompt(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);
int write_tokens(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);
/* Ids of the selected entries with the number of messages of each: "a1 b0 c2". */
int write_selection(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);
/* The messages alone, one after the other with a newline behind each. */
int write_messages(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);

/* The answer at that leaf is exactly this (' for "). */
void assert_answer(const char *entries, const char *leaf, small_tree_fn *fn, const char *expected);
void assert_answer_bytes(struct ramet_bytes entries, const char *leaf, small_tree_fn *fn,
			 const char *expected);

/* Call work(s, err) with the first, second, ... allocation failing until it succeeds: each time it
 * must answer ENOMEM and give all memory back. */
typedef int small_tree_work(struct small_tree *s, struct ramet_error *err);
void assert_survives_no_memory(const char *entries, small_tree_work *work);

/* Entries with every member of the wrong kind, missing or huge, one chain; caller releases. */
void hostile_entries(struct ramet_buf *out);

#endif

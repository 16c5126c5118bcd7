/*
 * written.h - session files of a test: made, compared whole, and compared with a fresh reading.
 *
 * In texts of these tests ' stands for ", so that JSON can be read.
 */
#ifndef TESTS_STORE_WRITTEN_H
#define TESTS_STORE_WRITTEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ramet/ops.h"

#define U(text) "{'role':'user','content':'" text "'}"
#define A(text) "{'role':'assistant','content':[{'type':'text','text':'" text "'}]}"
#define HEAD_OF(version)                                                                           \
	"{'type':'session'" version                                                                \
	",'id':'s1','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define HEAD HEAD_OF(",'version':3")
/* more: raw members, a comma in front */
#define LINE(type, id, parent, more)                                                               \
	"{'type':'" type "','id':'" id "','parentId':" parent                                      \
	",'timestamp':'2026-03-01T10:00:01.000Z'" more "}\n"
#define MESSAGE(id, parent, message) LINE("message", id, parent, ",'message':" message)

/* The error of the last call in must() or refused(): pass &why to it. */
extern struct ramet_error why;
#define must(call)                                                                                 \
	(memset(&why, 0, sizeof(why)), check_result((call), 0, #call, __FILE__, __LINE__))
/* Fails with this code, which *err says too, in one line. */
#define refused(call, code)                                                                        \
	(memset(&why, 0, sizeof(why)), check_result((call), (code), #call, __FILE__, __LINE__))
int check_result(int r, int expected, const char *call, const char *file, int line);

/* text with " for '; valid until the next but 31. */
const char *dq(const char *text);
struct ramet_bytes js(const char *text); /* the same, as bytes */
struct ramet_bytes raw(const char *text); /* as it is; NULL: missing */

/* Whole files. bytes_of is valid until the next but 7, with a NUL that len does not count. */
struct ramet_bytes bytes_of(const char *path);
void put_bytes(const char *path, struct ramet_bytes text);
void put(const char *path, const char *text);
void add_to(const char *path, const char *text);
int exists(const char *path);
unsigned mode_of(const char *path);
/* The names in a directory, sorted, joined by a blank: valid until the next call. */
const char *names_in(const char *dir);

/* actual is this text, where <now> stands for a time of the last minute, <ms> for the last <now>
 * in milliseconds, <id> for eight hex digits and <uuid> for a UUID of version 7. */
void assert_text(struct ramet_bytes actual, const char *format, ...) RAMET_PRINTF(2, 3);
#define assert_file(path, ...) assert_text(bytes_of(path), __VA_ARGS__)
/* text begins with prefix; the rest. */
struct ramet_bytes rest_after(struct ramet_bytes text, struct ramet_bytes prefix);

struct ramet_session *opened(const char *path);
/* A session in dir with cwd /w and id s1; its file is not there yet. */
struct ramet_session *created(const char *dir);
/* Row of an id; fails the test when there is none. */
uint32_t row_of(const struct ramet_session *s, const char *id);
const char *leaf_id(const struct ramet_session *s); /* "" for none; valid until the next */
struct ramet_bytes entry_of(const struct ramet_session *s, uint32_t row); /* as bytes_of */

/* Header, rows, ids, entries, name, labels, tree and the context at every row are equal. */
void assert_same_state(const struct ramet_session *a, const struct ramet_session *b);
/* A fresh reading of its file gives the same, the leaf too (or not: it was moved). */
void assert_reopens_same(const struct ramet_session *s);
void assert_reopens_same_but_leaf(const struct ramet_session *s);

#endif

/*
 * given.h - small sessions in memory and reports compared as whole strings.
 *
 * In every text of these tests ' stands for ", so that JSON can be read.
 */
#ifndef TESTS_OPS_GIVEN_H
#define TESTS_OPS_GIVEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "ramet/ops.h"

#define HEADER                                                                                     \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T10:00:00.000Z',"          \
	"'cwd':'/w'}\n"
/* parent is raw JSON; time is minutes and seconds of the hour: "01:00.000" */
#define ENTRY(type, id, parent, time, more)                                                        \
	"{'type':'" type "','id':'" id "','parentId':" parent ",'timestamp':'2026-03-01T10:" time  \
	"Z'" more "}\n"
#define USER(id, parent, time, text)                                                               \
	ENTRY("message", id, parent, time, ",'message':{'role':'user','content':'" text "'}")
#define REPLY(id, parent, time, text)                                                              \
	ENTRY("message", id, parent, time,                                                         \
	      ",'message':{'role':'assistant','content':[{'type':'text','text':'" text "'}]}")

/* A session with this text; a failure fails the test. */
struct ramet_session *given(const char *text);
struct ramet_session *given_bytes(struct ramet_bytes text);
/* text with " for '; valid until the next but seven. */
const char *quoted(const char *text);

typedef int report_fn(const struct ramet_session *s, struct ramet_buf *out,
		      struct ramet_error *err);
/* The report of a session with this text is exactly that. */
void assert_report(report_fn *fn, const char *text, const char *expected);

/* Call fn with the first, second, ... allocation failing until it succeeds: each time it must
 * answer ENOMEM, say so in err, leave the buffer's bytes alone and give all memory back. */
void assert_survives_no_memory(report_fn *fn, const char *text);
/* The same for any buffer limit below what the report needs. */
void assert_keeps_limit(report_fn *fn, const char *text);

#endif

/*
 * cli/summary.h - plans of summaries on the screen, and summaries that come back.
 */
#ifndef RAMETI_CLI_SUMMARY_H
#define RAMETI_CLI_SUMMARY_H

#include "ramet.h"
#include "cli/cli.h"

#define SUMMARY_HEAD_CELLS 11

/* "HEAD      ", and then what a line says. */
void summary_head(struct out *o, const char *head);
/* "HEAD      about N tokens" */
void summary_tokens(struct out *o, const char *head, const char *about, uint64_t tokens);
/* "HEAD      N messages, about N tokens" */
void summary_messages(struct out *o, const char *head, uint64_t n, uint64_t tokens);
/* "HEAD      N entries" */
void summary_entries(struct out *o, const char *head, uint32_t n);
/* A line for an entry; RAMET_NONE: none. */
int summary_entry(struct out *o, const char *head, const struct ramet_session *s, uint32_t row,
		  struct ramet_error *err);
/* A line for each path, the head before the first. */
void summary_paths(struct out *o, const char *head, const struct ramet_bytes *paths, uint32_t n);
/* What a summariser should read: byte for byte where it goes to a program. ENOMEM. */
int summary_print(struct out *o, const struct ramet_buf *text, struct ramet_error *err);

/* Open the session. What comes from standard input or a pipe can be read once only, so that for
 * those no index is used, which might turn out to be damaged. */
int summary_open(struct cli *cli, const char *file, struct ramet_session **out,
		 struct ramet_error *err);
/* With --expect: is that entry the leaf? From then on what others append is a conflict. */
int summary_expect(struct cli *cli, struct ramet_session *s, struct ramet_error *err);
/* The summary in a file, a pipe or on standard input ("-"). */
int summary_read(const char *file, struct ramet_buf *text, struct ramet_error *err);

#endif

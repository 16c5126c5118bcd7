/*
 * cli/place.h - the words for stores, places and formats: what may be one, said before anything is
 * looked up or made.
 */
#ifndef RAMETI_CLI_PLACE_H
#define RAMETI_CLI_PLACE_H

#include "ramet.h"
#include "cli/cli.h"

/* A word for a session or a place: CLI_USAGE when a tool's name and a colon stand in front of it.
 * NULL is none. */
int place_check(const char *word, struct ramet_error *err);
/* The same for a word for a store, which is no format without a place of its own either, and no
 * prefix without a file behind it. */
int place_check_store(const char *word, struct ramet_error *err);
/* Is it the name of a tool with a directory of its own: pi, pirust, ggcode, yoi? NULL is none. */
int place_is_tool(const char *word);
/* "sqlite:" or "ckptmgr:" of a format whose sessions are in a file of many, or NULL. */
const char *place_scheme(const char *format);
/* CLI_USAGE for what is no format's name. */
int place_check_format(const char *format, struct ramet_error *err);
/* Where a session of this format is to go: place_check, and CLI_USAGE for a format that has no
 * usual place, without one, and for a file of many of another format. place may be NULL. */
int place_check_target(const char *format, const char *place, struct ramet_error *err);
/* Where something that is no session of its own is to go, a plain file: place_check, and CLI_USAGE
 * for a file of many. */
int place_check_file(const char *word, struct ramet_error *err);
/* What a call returned; CLI_USAGE when it refused the id that was asked for, with what it may
 * be. */
int place_given_id(int r, const char *id, struct ramet_error *err);

#endif

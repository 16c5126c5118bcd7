/*
 * cli/out.h - standard output: buffered, coloured and paged as the terminal and the options say.
 *
 * Calls never fail; the first failure is remembered and told by out_close. On a terminal the first
 * screenful is held back: only when more comes is a pager started.
 */
#ifndef RAMETI_CLI_OUT_H
#define RAMETI_CLI_OUT_H

#include <sys/types.h>
#include "cli/options.h"
#include "cli/text.h"

enum style {
	STYLE_NONE = 0,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_USER,
	STYLE_ASSISTANT,
	STYLE_TOOL,
	STYLE_SYSTEM,
	STYLE_SUMMARY,
	STYLE_LABEL,
	STYLE_LEAF,
	STYLE_WARNING,
	STYLE_DAMAGE
};

struct out {
	struct ramet_buf buf;                    /* append text that is safe already */
	int fd, sys;                             /* where to; the first errno of a failed write */
	int begun;                               /* something was passed on */
	int terminal, colour;
	size_t width, rows;                      /* width 0: no limit */
	int may_page;
	const char *pager_text;                  /* a command line, or "less" found in PATH */
	pid_t pager;                             /* 0: none runs */
	struct ramet_buf hint;                   /* shown at the end, to a person */
};

/* Colour, width and pager as options and environment want them. CLI_USAGE; close o even so. */
int out_open(struct out *o, const struct args *a, struct ramet_error *err);
/* Write what is left, wait for the pager. EIO names standard output; a reader that went away is
 * RAMET_ECANCELED with err->sys EPIPE, or fine when it is the pager. */
int out_close(struct out *o, struct ramet_error *err);

/* Can anything be written at all? Asked before something is stored whose answer would be
 * lost. EIO. */
int out_ready(const struct out *o, struct ramet_error *err);
/* Forget what is held back; 0 when something was passed on already. */
int out_take_back(struct out *o);
/* Has writing failed? Then there is no point in going on. */
int out_broken(const struct out *o);

void out_str(struct out *o, const char *text);
void out_styled(struct out *o, enum style style, const char *text);
/* Begin a style (STYLE_NONE ends it); nothing without colour. */
void out_style(struct out *o, enum style style);
/* Hostile text, made safe, as one line of at most max_cells; the cells it took. */
size_t out_safe(struct out *o, struct ramet_bytes text, size_t max_cells);
/* Show now what is held back, without a pager: before a question. */
void out_flush(struct out *o);
/* The end of a line, without blanks before it; the only place where output is passed on. */
void out_newline(struct out *o);
/* JSON values with their newlines; onto a terminal in a form that it does not obey. */
void out_json(struct out *o, struct ramet_bytes json);

/* Cells left of a line of which `used` are taken: at least `least`. */
size_t out_room(const struct out *o, size_t used, size_t least);

/* One line on standard error, made safe, behind "ramet: ". */
void out_complain(const char *text);

#endif

/*
 * cli/listing.h - sessions of several places as one table.
 */
#ifndef RAMETI_CLI_LISTING_H
#define RAMETI_CLI_LISTING_H

#include "ramet.h"
#include "cli/out.h"

/* Sessions of all places, newest first; the items are borrowed from the lists behind them. */
struct listing {
	const struct ramet_session_info **items;
	size_t n;
	struct ramet_list *lists;
	size_t n_lists;
};
#define LISTING_INIT { NULL, 0, NULL, 0 }

struct listing_opts {
	const char *const *places;               /* directories, files, tools' names */
	size_t n_places;                         /* 0: everything in the home directory */
	const char *cwd;                         /* only sessions of this directory; NULL: all */
	int with_text;
	int complain;                            /* on standard error, of what may not be read */
};
/* Progress goes to standard error when that is a terminal and it takes long. ENOTFOUND names the
 * place. */
int listing_read(struct listing *l, const struct listing_opts *opts, struct ramet_error *err);
void listing_release(struct listing *l);

/* How the table is laid out for these sessions at this width. */
struct listing_table {
	size_t count_cells, id_cells;
	size_t project_cells;                    /* 0: no such column */
	size_t format_cells;                     /* 0: all are of one format */
	size_t number_cells;                     /* 0: lines are not numbered */
	int64_t now_ms;
};
/* numbered: a column for listing_print_row's number. */
void listing_layout(struct listing_table *t, const struct listing *l, const struct out *o,
		    int numbered);
void listing_print_head(struct out *o, const struct listing_table *t);
void listing_print_row(struct out *o, const struct listing_table *t,
		       const struct ramet_session_info *s, size_t number);

#endif

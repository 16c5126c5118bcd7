/*
 * cli/treeview.h - a session drawn as a tree.
 */
#ifndef RAMETI_CLI_TREEVIEW_H
#define RAMETI_CLI_TREEVIEW_H

#include "ramet.h"
#include "cli/out.h"

struct treeview_opts {
	int all;                                 /* fold nothing */
};
int treeview_print(struct out *o, const struct ramet_session *s, const struct treeview_opts *opts,
		   struct ramet_error *err);

#endif

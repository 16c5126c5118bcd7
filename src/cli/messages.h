/*
 * cli/messages.h - messages as a person reads them.
 */
#ifndef RAMETI_CLI_MESSAGES_H
#define RAMETI_CLI_MESSAGES_H

#include "ramet.h"
#include "cli/out.h"

struct messages_opts {
	int all;                                 /* long tool output too */
};
/* One message, given as the parsed object: a heading with its role, then its text and calls. */
void messages_print(struct out *o, const struct ramet_json *message,
		    const struct messages_opts *opts);
/* The same for its JSON text. EJSON, ENOMEM. */
int messages_print_json(struct out *o, struct ramet_bytes json, const struct messages_opts *opts,
			struct ramet_error *err);

#endif

/*
 * cli/messages.h - messages as a person reads them.
 */
#ifndef RAMETI_CLI_MESSAGES_H
#define RAMETI_CLI_MESSAGES_H

#include "ramet.h"
#include "cli/out.h"

/* Where a message stands in a session: shown behind its heading. */
struct messages_place {
	const char *role;                        /* instead of the message's; NULL: its own */
	int64_t time_ms;
	struct ramet_bytes id, label;            /* hostile, like the message; empty: none */
	const char *note;                        /* before them, if it fits; NULL: none */
};

struct messages_opts {
	int all;                                 /* long tool output too */
	int brief;                               /* calls, thinking, images: a line each */
	int thinking;                            /* its text, even if brief */
	const struct messages_place *place;      /* NULL: none is shown */
};
/* One message, given as the parsed object: a heading with its role, then its text and calls. */
void messages_print(struct out *o, const struct ramet_json *message,
		    const struct messages_opts *opts);
/* The place alone, "  2026-03-02 09:00:05  3f2a11bc  [label]", and its cells. */
void messages_add_place(struct out *o, const struct messages_place *place);
size_t messages_place_cells(const struct out *o, const struct messages_place *place);
/* The same for its JSON text. EJSON, ENOMEM. */
int messages_print_json(struct out *o, struct ramet_bytes json, const struct messages_opts *opts,
			struct ramet_error *err);

#endif

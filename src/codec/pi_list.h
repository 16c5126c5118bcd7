/*
 * codec/pi_list.h - what a list says about one session file of pi, from its lines.
 *
 * In memory, no I/O: the caller hands over the file's lines in order, as many whole lines at a time
 * as it likes; nothing of them is kept. First rameti_pi_list_header until it has decided, then
 * rameti_pi_list_lines for the rest. One object serves many files, one after the other.
 */
#ifndef RAMETI_CODEC_PI_LIST_H
#define RAMETI_CODEC_PI_LIST_H

#include "json/scan.h"
#include "ramet/codec.h"

/* Limit of all_text and of first_message, which are cut at a character. */
#define RAMETI_PI_LIST_TEXT_MAX ((size_t)64 << 20)

enum rameti_pi_list_state {
	RAMETI_PI_LIST_LOOKING,                  /* no value yet that decides */
	RAMETI_PI_LIST_SESSION,                  /* the header is read */
	RAMETI_PI_LIST_OTHER                     /* not a session */
};

struct rameti_pi_list {
	int state, with_text, started;
	int all_full;                            /* all_text has reached its limit */
	/* what the list says; texts are decoded */
	struct ramet_buf id, cwd, parent_session, name, first_message, all_text;
	int has_cwd, has_parent_session;
	int64_t created_ms;                      /* RAMET_TIME_NONE: does not parse */
	uint64_t message_count;
	/* private */
	int64_t header_ms;
	double talk_ms;
	struct rameti_scanner *header_scanner, *line_scanner;
	struct ramet_json_doc doc;
	struct ramet_buf text;
};
int rameti_pi_list_init(struct rameti_pi_list *l, int with_text, struct ramet_error *err);
void rameti_pi_list_release(struct rameti_pi_list *l);
/* Forget the file before; keeps memory. */
void rameti_pi_list_begin(struct rameti_pi_list *l);

/* Lines up to and with the one that decides whether this is a session; *used tells how many bytes
 * they have. text ends after a newline or at the end of the file. ENOMEM. */
int rameti_pi_list_header(struct rameti_pi_list *l, struct ramet_bytes text, size_t *used,
			  struct ramet_error *err);
/* Lines after the header. ENOMEM. */
int rameti_pi_list_lines(struct rameti_pi_list *l, struct ramet_bytes text,
			 struct ramet_error *err);
/* The greatest time of what the user and the assistant said, else the header's, else mtime_ms. */
int64_t rameti_pi_list_modified(const struct rameti_pi_list *l, int64_t mtime_ms);

#endif

/*
 * store/records.h - the stored lines of a session in file order, and the entries each makes.
 */
#ifndef RAMETI_STORE_RECORDS_H
#define RAMETI_STORE_RECORDS_H

#include "base/lines.h"
#include "codec/codec.h"
#include "ramet/store.h"
#include "store/home.h"

struct rameti_records {
	struct ramet_session *s;
	struct rameti_lines lines;
	int opened;
	int in_file;                             /* lines is open; then comes what is in memory */
	size_t at;                               /* in memory */
	uint32_t row;
	const uint8_t *pass;                     /* a bit a row; NULL: none is passed over */
	struct rameti_ahead *ahead;              /* NULL: nothing is read ahead */
};
struct rameti_record {
	struct ramet_bytes line;                 /* without its end; borrowed until the next one */
	struct ramet_bytes stored;               /* the same with a byte order mark before it */
	uint32_t first, n;                       /* rows it makes */
	uint32_t passed;                         /* lines before it, passed over */
	int is_header;                           /* then line begins where the header does */
	int is_before;                           /* it stands before the header */
};
/* The session is not appended to meanwhile. */
int rameti_records_open(struct rameti_records *r, struct ramet_session *s, struct ramet_error *err);
void rameti_records_close(struct rameti_records *r);
/* Before the first one: lines of rows whose bit is set are passed over, most of them unread. */
void rameti_records_pass(struct rameti_records *r, const uint8_t *rows);
/* What a thread makes of the lines that it reads ahead. */
enum rameti_ahead_makes {
	RAMETI_AHEAD_ENTRIES = 1,
	RAMETI_AHEAD_QUOTED = 2, /* the stored line as a JSON string, where it is valid UTF-8 */
	RAMETI_AHEAD_TWICE = 4 /* and that as the inside of one */
};
struct rameti_ahead_job {
	unsigned makes;                          /* of rameti_ahead_makes */
	const uint8_t *skip;                     /* a bit a row: nothing is made; NULL: none */
	/* With ENTRIES, in that thread: the lines an entry becomes, added to out: 1; 0: none. NULL:
	 * not asked for. */
	int (*apart)(void *user, struct ramet_bytes entry, struct ramet_buf *out,
		     struct rameti_apart *is);
	void *user;
};
/* Before the first one: a thread reads on from here while the caller is busy, if there is much to
 * read, and makes what it has the time for. r and what job points to stay where they are. */
void rameti_records_ahead(struct rameti_records *r, const struct rameti_ahead_job *job);
/* 1: the next line that is not blank; 0: the end. ECONFLICT when another program changed it. */
int rameti_records_next(struct rameti_records *r, struct rameti_record *record,
			struct ramet_error *err);
/* An entry of this record as the current version of pi has it; borrowed from the record or in
 * scratch. */
int rameti_records_entry(struct rameti_records *r, const struct rameti_record *record, uint32_t row,
			 struct ramet_buf *scratch, struct ramet_bytes *json,
			 struct ramet_error *err);
/* What job->apart made of that entry, if it did: 1. */
int rameti_records_apart(const struct rameti_records *r, uint32_t row, struct ramet_bytes *lines,
			 struct rameti_apart *is);
/* The stored line that was asked for last as a JSON string: 1; 0: it has to be made. */
int rameti_records_quoted(const struct rameti_records *r, struct ramet_bytes *json);
/* Is what was read valid UTF-8, as it was found when the session was read? */
int rameti_record_is_valid(const struct rameti_records *r, const struct rameti_record *record);
/* Is a line without its end none in this session, so that it goes with the next write? */
int rameti_session_cuts_tail(const struct ramet_session *s);
/* Its header as it is stored; empty for formats without a header line. */
struct ramet_bytes rameti_session_header_line(const struct ramet_session *s);
const struct rameti_codec *rameti_session_codec(const struct ramet_session *s);
/* Where it lives, or NULL for a file of its own and for memory; and in which file there. */
const struct rameti_home *rameti_session_home(const struct ramet_session *s);
const char *rameti_session_home_file(const struct ramet_session *s);

#endif

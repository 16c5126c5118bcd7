/*
 * store/index.h - the index of a session file: its rows, kept in the cache so that opening
 * costs what is new. See docs/format/index.md.
 *
 * An index is never needed and never believed: it must prove that the file begins with the
 * bytes it covers, and every page of it that is used must match its checksum. In doubt the
 * file is scanned.
 */
#ifndef RAMETI_STORE_INDEX_H
#define RAMETI_STORE_INDEX_H

#include "store/session_priv.h"

/* Files smaller than this are scanned as fast as an index is opened. */
#define RAMETI_INDEX_FILE_MIN ((uint64_t)256 << 10)

/* Appended to out: where indexes are kept, and where that of this file is. ENOTFOUND without
 * a cache directory. */
int rameti_index_dir(struct ramet_buf *out, struct ramet_error *err);
int rameti_index_path(const struct stat *st, struct ramet_buf *out, struct ramet_error *err);

/* Fill s->reader and s->source.size from the index of the file that s->source has open, and
 * has_talk. 1: done; 0: there is none that holds. */
int rameti_index_load(struct ramet_session *s, const struct stat *st);

/* What the head of an index says, and why it does not hold (NULL: it does). */
struct rameti_index_facts {
	uint64_t size, covered;
	uint32_t n_entries;
	const char *why;
};
/* Look at the index of that file, all of it. s is as for rameti_index_load, and only good for
 * closing afterwards. ENOTFOUND when there is none, EIO. */
int rameti_index_examine(struct ramet_session *s, const struct stat *st,
			 struct rameti_index_facts *facts, struct ramet_error *err);

/* Is one to be written: for a large file that was scanned, or grew much since? */
int rameti_index_due(const struct ramet_session *s);
/* Write the index now. EIO, ENOTFOUND, ECONFLICT, ENOMEM. */
int rameti_index_write(struct ramet_session *s, struct ramet_error *err);
/* Write the index when one is due; remove one that was found wrong. Failures do not matter. */
void rameti_index_save(struct ramet_session *s);

#endif

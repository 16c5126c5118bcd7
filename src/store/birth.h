/*
 * store/birth.h - a new session made of given lines: forks, branches, migrated copies.
 */
#ifndef RAMETI_STORE_BIRTH_H
#define RAMETI_STORE_BIRTH_H

#include "base/newfile.h"
#include "ramet/store.h"

enum rameti_birth_place {
	RAMETI_BIRTH_FILE,                       /* its file appears when all lines are there */
	/* with a path, but in memory until it holds talk */
	RAMETI_BIRTH_LATER,
	RAMETI_BIRTH_MEMORY
};
struct rameti_birth {
	struct ramet_session *s;                 /* the header, so far */
	struct rameti_newfile file;
	int place;
};
#define RAMETI_BIRTH_INIT { NULL, RAMETI_NEWFILE_INIT, RAMETI_BIRTH_MEMORY }

/* The session's header; cwd and opts as for ramet_session_create. */
int rameti_birth_begin(struct rameti_birth *b, enum rameti_birth_place place, const char *cwd,
		       const struct ramet_create_opts *opts, struct ramet_error *err);
/* One entry, without newline. */
int rameti_birth_line(struct rameti_birth *b, struct ramet_bytes line, struct ramet_error *err);
/* The same for the line of a row of another session, as it is stored there: nothing about it
 * needs to be found out again. Only for sessions in which nothing odd was found, of the
 * current version. */
int rameti_birth_row(struct rameti_birth *b, const struct ramet_tree *from, uint32_t row,
		     struct ramet_bytes line, struct ramet_error *err);
/* All lines are there: *out is the session. ECONFLICT when its name was taken meanwhile. */
int rameti_birth_end(struct rameti_birth *b, struct ramet_session **out, struct ramet_error *err);
/* Lets go; what has not ended leaves nothing behind. */
void rameti_birth_abort(struct rameti_birth *b);

/* ---- ids of new entries ---- */

/* A random start, then steps that come back to it only after all 2^32. */
struct rameti_id_maker {
	uint32_t at;
	unsigned tries;
};
void rameti_id_start(struct rameti_id_maker *m, uint32_t random);
/* An id that is not in the tree and that this maker has not given before. */
int rameti_id_next(struct rameti_id_maker *m, const struct ramet_tree *t, char id[RAMET_ID_SIZE],
		   struct ramet_error *err);

/* ---- of an open session ---- */

/* Absolute; NULL in memory. */
const char *rameti_session_abs_path(const struct ramet_session *s);
/* From now on appends go to this very file or fail with ECONFLICT; NULL ends that. 0, or
 * ECONFLICT when the handle has another file open. Called with the lock of the session held. */
int rameti_session_pin(struct ramet_session *s, const struct stat *st);
/* Bytes of its file that the tree covers. */
uint64_t rameti_session_size(const struct ramet_session *s);

#endif

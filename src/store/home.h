/*
 * store/home.h - places where a session is no file of its own: a database, a file of many.
 *
 * Such a session is pi's text in memory, taken from its home when it is opened; what is appended
 * goes there before it is shown. A path names one as FILE#ID, with the home's scheme in front
 * unless the file's name tells the home.
 */
#ifndef RAMETI_STORE_HOME_H
#define RAMETI_STORE_HOME_H

#include "codec/codec.h"
#include "ramet/store.h"

struct rameti_home {
	const char *format;                      /* what ramet_session_format answers */
	const char *scheme;                      /* "sqlite:", or NULL */
	const char *ext; /* files of this name hold one session and need no #ID; or NULL */
	const struct rameti_codec *codec;        /* of its lines; NULL: pi's */
	int linear;                              /* it has no branches */
	/* How it has an entry (enum rameti_said); NULL: as it is. */
	int (*says)(struct ramet_bytes entry);

	/* The session `id` (or the only one whose id starts with it; ptr NULL: the only one there
	 * is) of a file; what is needed to go on with it into *state. ENOTFOUND, EAMBIGUOUS,
	 * EFORMAT, EIO. */
	int (*open)(void **state, const char *file, struct ramet_bytes id,
		    const struct ramet_open_opts *opts, struct ramet_error *err);
	void (*close)(void *state);
	/* Its header and entries, one a line as pi writes them, appended. */
	int (*load)(void *state, struct ramet_buf *text, struct ramet_error *err);
	/* What others appended since, appended to text: 1; 0 nothing. ECONFLICT when what was
	 * loaded is no longer there. */
	int (*more)(void *state, struct ramet_buf *text, struct ramet_error *err);
	/* Store n lines behind all that was loaded; sync: durable afterwards. ECONFLICT when
	 * others came in between (then `more` has something), EUNKNOWN. */
	int (*append)(void *state, struct ramet_bytes lines, size_t n, int sync,
		      struct ramet_error *err);

	/* What was appended without sync is durable; NULL: it is. */
	int (*sync)(void *state, struct ramet_error *err);

	/* A new session of this text (header and entries); its id is the header's. The file is made
	 * when it is missing. ECONFLICT when it has one of that id. */
	int (*create)(const char *file, struct ramet_bytes text, int sync, struct ramet_error *err);
	/* What a list says of each session; fn other than 0 ends it with that. Its info is borrowed
	 * for the call. */
	int (*each)(const char *file, int with_text,
		    int (*fn)(void *user, const struct ramet_session_info *info), void *user,
		    struct ramet_error *err);
	int (*remove)(const char *file, struct ramet_bytes id, struct ramet_error *err);
	/* Is this such a file, by its first bytes? */
	int (*sniff)(struct ramet_bytes head);
	/* What loading found that the text does not show, appended: lines that are missing
	 * ("chain") or not what was written ("hash"). NULL: nothing. */
	int (*damage)(void *state, struct ramet_findings *f, struct ramet_error *err);
	/* Does the file hold together, whatever session is meant? 1, or 0 with a line for each
	 * thing that is wrong, appended. NULL: there is no more to it than its sessions. */
	int (*check)(const char *file, struct ramet_buf *report, struct ramet_error *err);
};
extern const struct rameti_home rameti_home_sqlite;
extern const struct rameti_home rameti_home_pirust_sqlite;
extern const struct rameti_home rameti_home_ckptmgr;

/* The home that a path speaks of, or NULL: it is a file with one session. id is what
 * follows the last '#' (ptr NULL: nothing). Both are borrowed from the path. */
struct rameti_home_path {
	const struct rameti_home *home;
	struct ramet_bytes file, id;
};
/* 1: it does; 0. */
int rameti_home_path(const char *path, struct rameti_home_path *out);
/* The n-th home, NULL past the last. */
const struct rameti_home *rameti_home_at(unsigned n);
/* EFORMAT when a file with these first bytes is one of many sessions: it names the path as it
 * should have been given. 0. */
int rameti_home_foreign(struct ramet_bytes head, const char *path, struct ramet_error *err);

#endif

/*
 * store/store_priv.h - a store inside: its directories, the files in them, and whose they are.
 */
#ifndef RAMETI_STORE_PRIV_H
#define RAMETI_STORE_PRIV_H

#include "base/env.h"
#include "base/mem.h"
#include "codec/pi_list.h"
#include "ramet/store.h"
#include "store/home.h"
#include "store/layout.h"

enum rameti_store_shape {
	RAMETI_STORE_ANY,                /* flat if files are in it, else nested */
	RAMETI_STORE_FLAT,
	RAMETI_STORE_NESTED,             /* each directory in it is one; files in it are ignored */
	RAMETI_STORE_BOTH                /* files in it, and in directories in it */
};
struct ramet_store {
	char *dir, *cwd;                 /* cwd NULL: the process's */
	int shape;
	const struct rameti_home *home;  /* dir is its file; NULL: a directory */
	const struct rameti_layout *layout;      /* of a tool's own place, or NULL */
	struct ramet_store *next;        /* more places, or NULL */
};

/* A file that may be a session. Texts belong to the candidates' arena. */
struct rameti_candidate {
	const char *path, *name;
	struct timespec mtime;           /* only when asked for; 0 if it cannot be told */
	int at_home;                     /* in the default directory of the filter's cwd */
	const struct ramet_session_info *ready;  /* of a home: what a list says; else NULL */
};
struct rameti_candidates {
	struct rameti_candidate *items;
	uint32_t n, cap;
	int nested;
	struct rameti_arena texts;
	int unread;                      /* why a directory was left out, or 0; then also: */
	struct ramet_error why;
};

/* "Sessions of this working directory": those in its default directory, and elsewhere those whose
 * header says so. Both are absolute and normal; cwd NULL: no filter. */
struct rameti_cwd_filter {
	char *cwd, *home;                /* home NULL: there is none */
	const char *base;                /* what relative paths start at; NULL: the process's */
};
/* cwd NULL or empty: no filter. */
int rameti_cwd_filter_init(struct rameti_cwd_filter *f, const struct ramet_store *st,
			   const char *cwd, struct ramet_error *err);
void rameti_cwd_filter_release(struct rameti_cwd_filter *f);
/* May a header's working directory pass? 1, 0, or ENOMEM. */
int rameti_cwd_filter_pass(const struct rameti_cwd_filter *f, struct ramet_bytes cwd,
			   struct ramet_error *err);

enum rameti_mtime_wish {
	RAMETI_MTIME_NO,
	RAMETI_MTIME_NESTED,             /* if the store is nested */
	RAMETI_MTIME_YES
};
/* The files of a store, names ascending, directory after directory. What is missing is empty;
 * directories of a nested store that cannot be read are left out. ENOMEM, EIO. */
int rameti_store_gather(const struct ramet_store *st, const struct rameti_cwd_filter *filter,
			enum rameti_mtime_wish wish, struct rameti_candidates *c,
			struct ramet_error *err);
void rameti_candidates_release(struct rameti_candidates *c);
/* Which was changed later: <0 a, >0 b, 0 neither. */
int rameti_candidate_newer(const struct rameti_candidate *a, const struct rameti_candidate *b);

/* ---- one file ---- */

#define RAMETI_HEADER_SCAN_MAX ((uint64_t)1 << 20)

/* What a thread needs to read files; memory is kept from file to file. */
struct rameti_info_reader {
	struct rameti_pi_list list;
	char *text;
	size_t cap;
	int header_only;
	uint64_t header_max;             /* header_only: bytes to look at; 0: all */
	const struct rameti_cwd_filter *filter;
	const char *format;              /* of the file read last */
};
int rameti_info_reader_init(struct rameti_info_reader *r, int with_text, struct ramet_error *err);
void rameti_info_reader_release(struct rameti_info_reader *r);
/* Read a file into r->list. 1: the filter does not let it pass. EFORMAT, ENOTFOUND, EIO, ENOMEM. */
int rameti_info_scan(struct rameti_info_reader *r, const struct rameti_candidate *c,
		     struct stat *st, struct ramet_error *err);
/* The same, and what a list says in *info, whose texts are one allocation: rameti_info_release. */
int rameti_info_read(struct rameti_info_reader *r, const struct rameti_candidate *c,
		     struct ramet_session_info *info, struct ramet_error *err);
void rameti_info_release(struct ramet_session_info *info);

/* Those two for what is not pi's: a file in another format; a session of a home. */
int rameti_info_other(struct rameti_info_reader *r, const struct rameti_candidate *c,
		      struct ramet_error *err);
int rameti_info_ready(struct rameti_info_reader *r, const struct rameti_candidate *c,
		      struct ramet_error *err);
int rameti_info_in_home(struct rameti_info_reader *r, const struct rameti_candidate *c,
			const struct rameti_home_path *where, struct stat *st,
			struct ramet_error *err);
int rameti_store_gather_home(const struct ramet_store *st, struct rameti_candidates *c,
			     struct ramet_error *err);

#endif

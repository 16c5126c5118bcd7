/*
 * base/newfile.h - a file that appears whole or not at all, and the directories it needs.
 */
#ifndef RAMETI_BASE_NEWFILE_H
#define RAMETI_BASE_NEWFILE_H

#include "base/file.h"

enum rameti_newfile_flags {
	/* take the place of what is there; else ECONFLICT if anything is */
	RAMETI_NEWFILE_REPLACE = 1,
	RAMETI_NEWFILE_SYNC = 2 /* the file and its name survive a power cut */
};

/* Being written, under no name or a temporary one that does not end like a session's. */
struct rameti_newfile {
	struct rameti_file file;                 /* open for reading and appending */
	char *path, *temp;                       /* temp NULL: no name yet */
	struct ramet_buf held;
	uint64_t size;                           /* bytes given so far */
};
#define RAMETI_NEWFILE_INIT { RAMETI_FILE_INIT, NULL, NULL, RAMET_BUF_INIT(SIZE_MAX / 2), 0 }

/* n was initialised with RAMETI_NEWFILE_INIT (n->file.env may be set). mode: exact permission bits.
 * The directory must be there (ENOTFOUND). */
int rameti_newfile_open(struct rameti_newfile *n, const char *path, mode_t mode,
			struct ramet_error *err);
int rameti_newfile_write(struct rameti_newfile *n, struct ramet_bytes bytes,
			 struct ramet_error *err);
/* The file gets its name; n->file stays open and is the caller's to take or to close with
 * rameti_newfile_abort. On failure nothing has changed, but for EUNKNOWN: the name is there, and a
 * power cut may take it away again. */
int rameti_newfile_commit(struct rameti_newfile *n, unsigned flags, struct ramet_error *err);
/* Take the place of `old`, of which n holds the first size bytes in some form: what another program
 * appended to it since is carried over, also what comes while the name changes hands. Survives a
 * power cut. *carried: how many bytes. EUNKNOWN: the new file is in place, but perhaps not all. */
int rameti_newfile_commit_over(struct rameti_newfile *n, const struct rameti_file *old,
			       uint64_t size, uint64_t *carried, struct ramet_error *err);
/* Lets go of everything; what has no name yet vanishes. Fine after commit, and twice. */
void rameti_newfile_abort(struct rameti_newfile *n);

/* Make a directory and those above it that are missing (mode 0700). With sync, each new name
 * survives a power cut. What is there may be a link to a directory. */
int rameti_dir_make(const struct rameti_env *env, const char *path, int sync,
		    struct ramet_error *err);
/* Make the names in the directory of this path survive a power cut. */
int rameti_dir_sync(const struct rameti_env *env, const char *path, struct ramet_error *err);

#endif

/*
 * base/file.h - files and directories through env.h, EINTR and short transfers taken care of.
 */
#ifndef RAMETI_BASE_FILE_H
#define RAMETI_BASE_FILE_H

#include "base/env.h"

enum rameti_file_mode {
	/* regular files only: others are refused without blocking */
	RAMETI_FILE_READ,
	RAMETI_FILE_APPEND
};

struct rameti_file {
	const struct rameti_env *env;            /* NULL: the default */
	int fd;                                  /* -1: not open */
};
#define RAMETI_FILE_INIT { NULL, -1 }

/* Open; f->env may be set before. READ opens O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK, then refuses
 * what is not a regular file with RAMET_EFORMAT ("is a directory", "is a FIFO, not a file", ...).
 * ENOTFOUND, EIO. */
int rameti_file_open(struct rameti_file *f, const char *path, enum rameti_file_mode mode,
		     struct ramet_error *err);
int rameti_file_close(struct rameti_file *f);
int rameti_file_stat(const struct rameti_file *f, struct stat *st, struct ramet_error *err);
/* Up to len bytes at `at`; short only at the end of the file. Count, or negative. */
int64_t rameti_file_read_at(const struct rameti_file *f, void *to, size_t len, uint64_t at,
			    struct ramet_error *err);
int rameti_file_read_all(const struct rameti_file *f, struct ramet_buf *out,
			 struct ramet_error *err);

/* One write(2) at the end of a file opened with APPEND; *done says how many bytes of it are there,
 * also on failure. Fewer than asked for without an error: the caller decides. EIO. */
int rameti_file_append(const struct rameti_file *f, struct ramet_bytes bytes, uint64_t *done,
		       struct ramet_error *err);
/* What is written survives a power cut. data_only: its times may not. EIO. */
int rameti_file_sync(const struct rameti_file *f, int data_only, struct ramet_error *err);
/* flock(2), polled until wait_ms are over: ECONFLICT then. unlock cannot fail. */
int rameti_file_lock(const struct rameti_file *f, uint32_t wait_ms, struct ramet_error *err);
void rameti_file_unlock(const struct rameti_file *f);

/* Names in a directory except . and .., any order. type is a DT_... value. fn returning non-zero
 * stops the walk with that value. A missing directory is ENOTFOUND. */
int rameti_dir_each(const struct rameti_env *env, const char *path,
		    int (*fn)(void *user, const char *name, unsigned char type), void *user,
		    struct ramet_error *err);

/* stat(2) by path; 0, ENOTFOUND or EIO. */
int rameti_path_stat(const struct rameti_env *env, const char *path, struct stat *st,
		     struct ramet_error *err);

/* Text-only path work (no file system): absolute and normal (. .. // and trailing / resolved
 * against cwd; leading ~ and ~/ against home when home is not NULL). EINVAL for NUL bytes
 * inside. */
int rameti_path_normalize(struct ramet_bytes path, const char *cwd, const char *home,
			  struct ramet_buf *out, struct ramet_error *err);
const char *rameti_path_base(const char *path);
/* What stands before the last slash: "." without one, "/" for a file in the root; appended. */
void rameti_path_dir(const char *path, struct ramet_buf *out);
/* The file that a path names when its last component is a link, or a link to one; appended. What is
 * missing stays as it is. ELIMIT after 40 links, EIO, ENOMEM. */
int rameti_path_follow(const struct rameti_env *env, const char *path, struct ramet_buf *out,
		       struct ramet_error *err);

#endif

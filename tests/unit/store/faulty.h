/*
 * faulty.h - the system calls of the whole process: counted by kind, failing on demand.
 */
#ifndef TESTS_STORE_FAULTY_H
#define TESTS_STORE_FAULTY_H

#include "base/env.h"

enum fault_kind {
	FAULT_OPEN,
	FAULT_OPENAT,
	FAULT_CLOSE,
	FAULT_READ,
	FAULT_PREAD,
	FAULT_WRITE,
	FAULT_PWRITE,
	FAULT_FSYNC,
	FAULT_FDATASYNC,
	FAULT_FTRUNCATE,
	FAULT_FSTAT,
	FAULT_STAT,
	FAULT_LSTAT,
	FAULT_FLOCK,
	FAULT_LSEEK,
	FAULT_RENAME,
	FAULT_RENAME_NEW,
	FAULT_LINKAT,
	FAULT_UNLINK,
	FAULT_MKDIR,
	FAULT_FCHMOD,
	FAULT_READLINK,
	FAULT_OPENDIR,
	FAULT_READDIR,
	FAULT_RANDOM,
	FAULT_GETCWD,
	FAULT_MMAP,
	FAULT_CLOCK,
	FAULT_KINDS,
	FAULT_ANY /* counts all of them together */
};
const char *fault_name(int kind);

struct faults {
	int kind;
	unsigned n; /* the n-th of that kind (from 1); 0: none */
	int for_ever; /* and all after it */
	int sys; /* errno */
	/* of a transfer: so many bytes are moved and no error said; 0: it fails */
	size_t cut;
	size_t cut_last; /* the same, but so many are left out */
	int die; /* the process exits with this status instead, after a cut transfer */
	int hasty; /* pauses end at once */
	int interrupt; /* every second call that may be interrupted is */
	/* a file system without: 1 nameless files, 2 also renaming that spares what is there */
	int poor;
	/* instead of failing, before that call; but after a cut transfer: */
	void (*meanwhile)(void *user);
	void *user;
};
/* From now on, for the whole process, and until faults_stop. */
void faults_start(const struct faults *f);
/* The real calls again. 1 if the n-th call was reached. */
int faults_stop(void);
unsigned faults_calls(int kind); /* since the last start */
unsigned faults_file_syncs(void); /* of files, not of directories */
/* Descriptors opened and not closed since the last start. */
long faults_open_fds(void);

/* From now on the n-th allocation (from 1) fails, once; 0: none does. */
void scarce_start(unsigned n);
/* The C library's memory again. 1 if the n-th allocation was reached. */
int scarce_stop(void);

#endif

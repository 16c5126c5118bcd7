/*
 * crash_image.h - what a power cut may leave of a file system.
 *
 * A sync of a file makes its bytes and its size durable, not its name; a sync of a directory its
 * names; after a sync that failed no later one helps what was written before. What is not durable
 * may be there or not, each on its own and in any order. A write may be there in part: up to any
 * byte, or in any of its sectors (512 bytes) and pages (4096); what is missing below the file's
 * size is zeros or old bytes of the disk. A change of names is there or not; a rename is one
 * change.
 */
#ifndef TESTS_FAULT_CRASH_IMAGE_H
#define TESTS_FAULT_CRASH_IMAGE_H

#include "crash_env.h"

enum crash_part {
	CRASH_LOST,
	CRASH_WHOLE,
	CRASH_UP_TO,                             /* the first k bytes, and the size they need */
	CRASH_BEGIN,                             /* those, but the size of all */
	CRASH_END,                               /* from byte k on */
	CRASH_UNITS /* the units of k bytes that mask names, by their place in the file */
};

/* What is left of one operation. Of names only CRASH_LOST and CRASH_WHOLE. */
struct crash_choice {
	enum crash_part part;
	int stale;                               /* missing bytes are old ones, not zeros */
	size_t k;
	uint64_t mask;
};

struct crash_scope {
	size_t byte_step;                        /* tear at every n-th byte; 0: at few */
	size_t combinations; /* of several unsynced writes: all if not more than this */
	size_t samples; /* else so many, by chance; also for more than 6 changes of names */
	uint64_t seed;
};

/* One image, of a cut after `at` operations; choices is for the operation of each number. */
struct crash_cut {
	const struct crash_fs *start, *run;
	size_t at;
	struct crash_choice *choices;
	size_t *pending, n_pending;              /* operations that are not durable */
	struct crash_fs *image;
};

/* Calls fn with every image in the scope. fn: non-zero stops, and is returned. */
int crash_images(const struct crash_fs *start, const struct crash_fs *run, size_t at,
		 const struct crash_scope *scope,
		 int (*fn)(void *user, const struct crash_cut *cut), void *user);
/* The image of a process that was killed: all that was done is there. */
void crash_killed(struct crash_fs *image, const struct crash_fs *start, const struct crash_fs *run,
		  size_t at);
/* Of all that has a name. */
uint64_t crash_hash(const struct crash_fs *fs);
uint64_t crash_mix(uint64_t h, const void *bytes, size_t len);
/* For people: the operation, and what is left of those that are not durable. */
void crash_describe_op(const struct crash_op *op, char *to, size_t len);
void crash_describe(const struct crash_cut *cut, char *to, size_t len);

#endif

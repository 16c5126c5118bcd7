/*
 * crash_check.h - what a session must still hold after a power cut, and whether an image holds it.
 */
#ifndef TESTS_FAULT_CRASH_CHECK_H
#define TESTS_FAULT_CRASH_CHECK_H

#include "crash_image.h"
#include "ramet/ops.h"

/* A line that must be readable in the session at path, or in the one at alt (NULL: none), in every
 * cut after operation `from` and not after `until`. */
struct crash_promise {
	char *path, *alt, *line;
	size_t len, from, until;
	uint64_t hash;
};

/* A file that is as before in cuts up to `from`, as after in those from `done` on, and one of the
 * two between. before NULL: absent. */
struct crash_change {
	char *path, *before, *after;
	size_t before_len, after_len, from, done, until;
	int loose;                               /* what was before was not durable itself */
};

struct crash_oracle {
	struct crash_promise *promises;
	struct crash_change *changes;
	char **paths;                            /* of sessions */
	uint64_t *known;                         /* hashes of all lines that were ever written */
	size_t n_promises, cap_promises, n_changes, cap_changes, n_paths, cap_paths, n_known,
		cap_known;
	uint64_t open_tails[8];                  /* last lines that had no end from the start */
	size_t n_tails;
};
#define CRASH_EVER SIZE_MAX

void crash_oracle_release(struct crash_oracle *o);
void crash_know_path(struct crash_oracle *o, const char *path);
void crash_know_lines(struct crash_oracle *o, const void *bytes, size_t len);
struct crash_promise *crash_promise(struct crash_oracle *o, const char *path, const char *line,
				    size_t len, size_t from);
struct crash_change *crash_change(struct crash_oracle *o, const char *path, const void *before,
				  size_t before_len, const struct crash_fs *after, size_t from);
/* All that is known once a run is over: call it before the first check. */
void crash_oracle_finish(struct crash_oracle *o, const struct crash_fs *start,
			 const struct crash_fs *run);
/* Which promises hold in a cut after `at` operations: the same number, the same promises. */
uint64_t crash_oracle_phase(const struct crash_oracle *o, size_t at);

/* How often an index was found damaged only when it was used. */
extern unsigned long crash_second_openings;

/* Is everything kept? 0, or 1 with what is not in why. The image is used up. killed: nothing was
 * lost, and then every file must also be whole. */
int crash_check(const struct crash_oracle *o, struct crash_fs *image, size_t at, int killed,
		char *why, size_t why_len);

#endif

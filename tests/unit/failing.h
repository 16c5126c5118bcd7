/*
 * failing.h - memory and system calls that fail on demand.
 */
#ifndef TESTS_UNIT_FAILING_H
#define TESTS_UNIT_FAILING_H

#include "base/env.h"

/* From now on every allocation is counted and the n-th (from 1) fails; 0: none does. */
void failing_memory_start(unsigned n);
/* The C library's memory again. 1 if the n-th allocation was reached. Asserts that all is freed. */
int failing_memory_stop(void);

/* A table around the real one. Every call is counted; the n-th (from 1) fails with errno sys.
 * longest bounds a transfer; interrupt makes every second transfer, open, sync or lock fail with
 * EINTR; no_types makes readdir say DT_UNKNOWN. */
struct failing_env {
	struct rameti_env env;
	unsigned calls, fail_at, open_fds;
	int sys, interrupt, interrupted, no_types;
	unsigned kept_names;                     /* unlinks that failed */
	size_t longest;
	struct timespec now;                     /* what the clock says; tv_sec 0: the real time */
	int random_byte;                         /* what getrandom gives; -1: real bytes */
};
void failing_env_init(struct failing_env *f, unsigned fail_at, int sys);

#endif

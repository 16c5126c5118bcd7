/*
 * crash_work.h - workloads: what is done to a session, and what that promises.
 */
#ifndef TESTS_FAULT_CRASH_WORK_H
#define TESTS_FAULT_CRASH_WORK_H

#include "crash_check.h"

#define CRASH_DIR "/home/u/sessions"
#define CRASH_PATH CRASH_DIR "/s.jsonl"
#define CRASH_OPS_MAX 64
#define CRASH_USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define CRASH_ASSISTANT(text)                                                                      \
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"

/* What is there at the beginning. */
enum crash_place {
	CRASH_FRESH,                             /* an empty directory */
	CRASH_NO_DIR,                            /* not even that */
	CRASH_ZERO,                              /* a file of zero bytes */
	CRASH_OLD,                               /* a session of three entries */
	CRASH_TORN,                              /* the same, and half a line */
	CRASH_NO_END,                            /* the same, its last line without its end */
	CRASH_HOLED,                             /* the same, with garbage in the middle */
	CRASH_V1,                                /* a session of version 1 */
	CRASH_V2,
	CRASH_LARGE                              /* large enough for an index in the cache */
};

/* A line that is acknowledged, and not yet promised to survive. */
struct crash_line {
	char *text;
	size_t len;
	int handle;
};

struct crash_work {
	struct crash_fs *start, *run;
	struct crash_oracle oracle;
	struct ramet_session *s[3];              /* the third: of step `first` alone */
	int levels[3];
	struct crash_line *lines;
	size_t n_lines, cap_lines, begun;        /* begun: operations before the present one */
	size_t last_begun;                       /* before the last one of the workload */
	unsigned n_texts;
	int gone;                                /* the file was removed */
	char path[256], failed[512];
};

/* One step. Returns 0, or negative when the library refused what must work. */
struct crash_step {
	const char *name;
	int (*run)(struct crash_work *w, struct ramet_error *err);
};
extern const struct crash_step crash_steps[];
extern const unsigned crash_n_steps;             /* the first crash_n_common fit anywhere */
extern const unsigned crash_n_common;
unsigned crash_step_of(const char *name);        /* aborts for an unknown one */

/* Do the steps on a file system of their own and fill start, run and oracle. 0, or -1 with what
 * went wrong in w->failed. */
int crash_work_run(struct crash_work *w, enum crash_place place, const int levels[2],
		   const unsigned *steps, size_t n);
void crash_work_release(struct crash_work *w);
/* Appends to sessions of other systems; how many workloads, and how many failed more. only: formats
 * whose name has this text, or NULL. */
unsigned crash_formats(const struct crash_scope *scope, const char *only, unsigned *failed);
/* Close a handle; what was not promised by then never is. */
void crash_forget(struct crash_work *w, int handle);

#endif

/*
 * crash_fs_priv.h - what crash_fs.c has for the table of calls.
 */
#ifndef TESTS_FAULT_CRASH_FS_PRIV_H
#define TESTS_FAULT_CRASH_FS_PRIV_H

#include "crash_env.h"

#define CRASH_HOME "/home/u"

/* A path taken apart: the directory that has its last name, that name, and its node if any. */
struct crash_place {
	unsigned dir, name, node;
};

/* 0, or -1 with errno; at->node may be CRASH_NONE, the directory is there. */
int crash_look_up(const struct crash_fs *fs, const char *path, struct crash_place *at);
/* The node of a path: CRASH_NONE with errno if there is none. */
unsigned crash_must_be(const struct crash_fs *fs, const char *path);
unsigned crash_new_node(struct crash_fs *fs, int is_dir, mode_t mode);

/* An operation at the end of the log; one that is thrown away when nothing is recorded. */
struct crash_op *crash_log(struct crash_fs *fs, enum crash_op_kind kind, unsigned node);
void crash_log_write(struct crash_fs *fs, unsigned node, size_t at, const void *from, size_t len);
/* Log a change of one name and make it. */
void crash_set_name(struct crash_fs *fs, unsigned dir, unsigned name, unsigned node);

#endif

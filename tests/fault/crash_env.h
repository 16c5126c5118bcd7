/*
 * crash_env.h - a file system in memory behind base/env.h, which remembers what was done to it.
 *
 * Every change and every sync is an operation in a log, so that crash_image.h can say what a
 * power cut may leave. The clock and the random bytes are the same in every run. There are no
 * symbolic links. One thread.
 */
#ifndef TESTS_FAULT_CRASH_ENV_H
#define TESTS_FAULT_CRASH_ENV_H

#include "base/env.h"

#define CRASH_ROOT 1u                            /* the node of "/" */
#define CRASH_NONE 0u

/* A name in a directory. Names are numbers: crash_name_text. */
struct crash_name {
	unsigned name, node;
};

/* A file or a directory. */
struct crash_node {
	int is_dir;
	mode_t mode;
	unsigned links, opens;
	int locked_by;                           /* descriptor; 0: nobody */
	unsigned char *data;
	size_t len, cap;
	struct crash_name *names;
	unsigned n_names, cap_names;
	int64_t time_ns;
};

enum crash_op_kind {
	CRASH_WRITE,                             /* len bytes at offset at of node */
	CRASH_TRUNCATE,                          /* node has at bytes */
	CRASH_NAME, /* (dir, name) is node, or gone; (dir2, name2) goes in the same step */
	CRASH_SYNC, /* what was done to node so far is durable */
	/* a sync that failed: what it was for is taken for written, and no later one helps */
	CRASH_FAILED_SYNC
};

struct crash_op {
	enum crash_op_kind kind;
	unsigned node;
	size_t at, len, data;                    /* data: where its bytes stand in fs->bytes */
	unsigned dir, name;
	unsigned was;                            /* the node whose name goes */
	unsigned dir2, name2;                    /* 0: none */
};

struct crash_fd {
	unsigned node;                           /* 0: free */
	int flags;
	size_t at;
};

struct crash_fs {
	struct crash_node *nodes;                /* from CRASH_ROOT on */
	unsigned n_nodes, cap_nodes;
	struct crash_fd *fds;
	unsigned n_fds;
	struct crash_op *ops;
	size_t n_ops, cap_ops;
	unsigned char *bytes;                    /* of all writes */
	size_t n_bytes, cap_bytes;
	int recording;
	unsigned fail_syncs;                     /* so many syncs of files fail from now on */
	uint64_t random;
	int64_t now_ns;
	unsigned long sleeps;
};

/* A root directory and nothing in it. */
struct crash_fs *crash_fs_new(void);
void crash_fs_free(struct crash_fs *fs);
/* to has the files of from, no open descriptors and an empty log; its memory is used again. */
void crash_fs_copy(struct crash_fs *to, const struct crash_fs *from);
/* From now on the process sees this file system; NULL: the real one. */
void crash_fs_mount(struct crash_fs *fs);

unsigned crash_name_of(const char *text, size_t len);
const char *crash_name_text(unsigned name);
/* The node of an absolute path, or CRASH_NONE. */
unsigned crash_find(const struct crash_fs *fs, const char *path);
/* Directories as for mkdir -p; a file with these bytes. Both are there before the log begins. */
unsigned crash_put_dir(struct crash_fs *fs, const char *path);
unsigned crash_put_file(struct crash_fs *fs, const char *path, const void *bytes, size_t len);

/* What the log's operations do to files and names. */
void crash_node_write(struct crash_node *n, size_t at, const void *from, size_t len);
void crash_node_resize(struct crash_node *n, size_t len, int fill);
void crash_dir_set(struct crash_fs *fs, unsigned dir, unsigned name, unsigned node);
unsigned crash_dir_get(const struct crash_fs *fs, unsigned dir, unsigned name);

/* Memory that is there. */
void *crash_grow(void *ptr, size_t *cap, size_t need, size_t size);

#endif

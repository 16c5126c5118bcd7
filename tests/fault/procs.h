/*
 * procs.h - real processes and threads at real files, against what each of them was told.
 *
 * Every message says who wrote it, its number and its length, so that it can be made again and
 * compared byte for byte. A writer reports each acknowledged id through a pipe, also one that is
 * killed; the oracle reads the file without the library first, then with it.
 */
#ifndef TESTS_FAULT_PROCS_H
#define TESTS_FAULT_PROCS_H

#include "ramet/ops.h"

#define PROCS_PATH 600

/* One message: by writer w, the n-th, about size bytes long as a line. */
struct mark {
	uint32_t w, n, size;
};
/* {"role":...}: user and assistant by turns, appended to out. */
void mark_message(const struct mark *m, struct ramet_buf *out);

enum told_kind {
	TOLD_STORED,                             /* acknowledged */
	TOLD_FAILED,                             /* told that it is not stored */
	TOLD_READY                               /* not an entry: the writer begins */
};
/* What a writer was told; goes through a pipe in one piece. */
struct told {
	uint32_t kind;
	char id[RAMET_ID_SIZE];
	struct mark mark;
};
struct tolds {
	struct told *items;
	size_t n, cap;
};
void tolds_add(struct tolds *t, const struct told *one);
void tolds_release(struct tolds *t);
/* Report to the pipe; the writer ends when nobody is there. id NULL: none. */
void tell(int to, enum told_kind kind, const char *id, const struct mark *m);
/* Everything that stands in the pipe until its end, added to t. */
void hear_all(int from, struct tolds *t);

/* ---- failures ---- */

/* Count and print a failure (the first few). */
void fault(const char *format, ...) RAMET_PRINTF(1, 2);
unsigned faults_so_far(void);
/* A line of the table, and a case that passed if no fault came since the line before. */
void row(const char *what, const char *format, ...) RAMET_PRINTF(2, 3);
/* So many cases of a row, of which the failed ones are given. */
void cases(unsigned passed, unsigned failed);
/* The last line: "N passed, N failed". */
void print_sum(void);
/* A failure of the test itself: says what and exits with 2. */
void give_up(const char *what) __attribute__((noreturn));

/* ---- chance ---- */

void chance_seed(uint64_t seed);
uint32_t chance(uint32_t below);                 /* 0 .. below - 1 */
/* 200 bytes to 4 MB, short ones more often. */
uint32_t chance_size(void);
void pause_us(uint32_t us);
uint64_t now_us(void);

/* Zeroed memory that child processes share; for munmap. */
void *share(size_t size);

/* ---- files ---- */

/* "DIR/name" in one of a few static buffers. */
const char *path_in(const char *dir, const char *name);
void make_dir(const char *path);
void remove_all(const char *path);
void write_text(const char *path, struct ramet_bytes text);
/* Appended to out; -1 when it cannot be read. */
int read_text(const char *path, struct ramet_buf *out);
/* A session of version 3 (or 1) with n entries of about size bytes by writer w, which are added to
 * t (NULL: not). */
void put_session(const char *path, int version, uint32_t w, uint32_t n, uint32_t size,
		 struct tolds *t);
/* How many session files are in a directory; the path of the last one in one. */
unsigned count_sessions(const char *dir, char one[PROCS_PATH]);
/* For all processes: how long the file may get; 0: as long as it likes. */
void limit_files(uint64_t bytes);

/* ---- the oracle ---- */

enum chain { CHAIN_FREE, CHAIN_WRITER /* under the writer's last */, CHAIN_ALL /* one line */ };

struct rules {
	const struct tolds *told;                /* all in the file, but for the failed ones */
	int only_told;                           /* and no other entry */
	unsigned parts;                          /* so many unfinished lines may be there */
	int spoiled, blanks, others;             /* may be there: lines of these kinds */
	enum chain chain;
	int index;                               /* the index must say the same */
};
/* What a file holds. */
struct counts {
	unsigned entries, others, parts, spoiled, blanks;
	unsigned turns;                          /* entries behind one of another writer */
	uint64_t bytes;
};
/* Is the file what it should be? Each thing that is wrong is a fault. counts may be NULL. */
void check_file(const char *path, const struct rules *rules, struct counts *counts);

/* ---- handles ---- */

struct ramet_session *open_session(const char *path, int level, int no_cache);
/* Append the message of a mark; what the library answered. */
int say(struct ramet_session *s, const struct mark *m, char id[RAMET_ID_SIZE],
	struct ramet_error *err);

/* ---- the parts; each returns when all its processes are gone ---- */

void procs_kill(const char *dir, unsigned rounds, const char *ramet);
struct writers {
	unsigned lines;                          /* of each of the four */
	uint32_t size;
	int policy;                              /* enum ramet_conflict */
};
void procs_writers(const char *dir, const struct writers *plan);
void procs_threads(const char *dir, unsigned lines);
/* Beside a writer without a lock, which is a command when there is one: the session's path is its
 * last argument. */
void procs_lockless(const char *dir, unsigned rounds, char **command);
/* dir: a small file system of its own. */
void procs_full(const char *dir, const char *ramet);
void procs_full_lockless(const char *dir, unsigned rounds);

#endif

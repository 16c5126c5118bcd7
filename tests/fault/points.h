/*
 * points.h - one fault at one call of a scenario, and what must hold afterwards.
 *
 * A scenario does a few calls of the library in a directory of its own and says in a ledger what
 * each was told to store and what it answered. The ledger is shared with the process that is killed
 * in some of the points, so the one that is left knows what was acknowledged.
 */
#ifndef TESTS_FAULT_POINTS_H
#define TESTS_FAULT_POINTS_H

#include "ramet/ops.h"
#include "../unit/store/faulty.h"

#define POINT_PATH 256
#define RECORDS_MAX 192
#define HELD_MAX 4

enum told {
	TOLD_NOTHING,                            /* the call never returned */
	TOLD_MEMORY,                             /* stored in memory, for the time being */
	TOLD_STORED,
	TOLD_FAILED,
	TOLD_UNKNOWN
};

/* Something that was to be stored. mark: a text that is in its entry and nowhere else. */
struct record {
	char path[POINT_PATH], id[RAMET_ID_SIZE], mark[16];
	int told, foreign;
};

struct ledger {
	unsigned n, n_marks;
	struct record items[RECORDS_MAX];
	unsigned failed, unknown;                /* calls that said so */
	char first[320];                         /* the first of them, for people */
	/* a fork being made, of a session with so many entries; 0: none */
	uint32_t making;
	uint32_t n_making;
};

enum way {
	WAY_NONE,                                /* no fault: how many calls there are */
	WAY_EIO,
	WAY_EIO_ON,                              /* and all later ones */
	WAY_ENOSPC,
	WAY_ENOSPC_ON,
	WAY_EDQUOT,
	WAY_EDQUOT_ON,
	WAY_EINTR,
	WAY_SHORT,
	WAY_SHORT_ON,
	WAY_SHORT_LAST,                          /* all but the last byte */
	WAY_SHORT_OTHERS,                        /* and another program writes behind it */
	WAY_KILL,
	WAY_KILL_SHORT,
	WAY_KILL_LAST,
	/* of all kinds together: */
	WAY_ALL_ON,                              /* nothing works any more */
	WAY_OTHERS,                              /* another program appends a line before it */
	WAY_OTHERS_TORN,                         /* another program dies while writing one */
	WAYS
};

struct point {
	int kind;
	unsigned n;
	enum way way;
};

struct held {
	struct ramet_session *s;
	unsigned failed, unknown;
};

/* What a scenario works in. */
struct world {
	char dir[POINT_PATH], path[POINT_PATH], forks[POINT_PATH];
	struct ledger *ledger;
	struct held held[HELD_MAX];
	struct ramet_buf given;                  /* the bytes of the file at the start */
	int torn;                                /* its last line is without an end */
	size_t tail_at;                          /* so far: a tail that is nobody's to end */
	/* the file was of zero bytes when another program wrote a line to it: no session */
	int headless;
	int rewritten;                           /* the scenario itself looks at the old bytes */
	size_t filler;                           /* bytes of an entry in front of the others */
	uint32_t patience_ms;                    /* for what waits for a disk to have room again */
	const char *format, *to;                 /* of path; NULL: pi's. Converted to */
	struct ramet_error why;
};

struct scenario {
	const char *name;
	int poor;                                /* as in struct faults */
	void (*given)(struct world *w);
	void (*run)(struct world *w);
	/* more than what must always hold; may be NULL */
	void (*check)(struct world *w, const struct point *p);
};
extern const struct scenario point_scenarios[], point_formats[];

/* ---- world: used by the scenarios ---- */

/* A file with a header and n entries, each in the ledger as stored, and a tail. version: of the
 * format. */
void world_put(struct world *w, const char *path, int version, unsigned n, const char *tail);
struct held *world_hold(struct world *w, struct ramet_session *s);
void world_drop(struct world *w, struct held *h);
/* A new record; the mark is in w->ledger->items[its number]. */
struct record *world_mark(struct world *w, const char *path);
/* What the call answered about the records from first on; h: the handle, or NULL. */
void world_told(struct world *w, struct held *h, struct record *first, size_t n, int r);
/* Some call that stores nothing answered r. */
int world_said(struct world *w, struct held *h, int r);
/* {"role":ROLE,"content":...MARK...} */
struct ramet_bytes world_message(const char *role, const char *mark);
/* Append a message with a mark; what the library answered. */
int world_say(struct world *w, struct held *h, const char *role);
/* Another program, which knows no lock, appends a line (or half a line) to w->path. */
void world_others(struct world *w, int torn);

/* ---- checks: each reports what is wrong with the point at hand ---- */

void check_begin(const struct scenario *s, const struct point *p);
void check_fail(const struct world *w, const char *format, ...) RAMET_PRINTF(2, 3);
unsigned check_failures(void);                   /* of all points so far */
int check_failed_now(void);                      /* of the point at hand */
/* Handles go on or say why not; every record is where it should be; files and names. */
void check_world(struct world *w, const struct scenario *s, const struct point *p);
const char *way_name(enum way way);
int way_kills(enum way way);
int way_lasts(enum way way);
int way_harmless(enum way way, int kind);       /* nothing may fail */

#endif

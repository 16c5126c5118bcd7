/*
 * homes.h - every place a session can live in, each with what it promises, and the one it is now.
 *
 * A case is written once and runs in every home that has what it needs.
 */
#ifndef TESTS_CONTRACT_HOMES_H
#define TESTS_CONTRACT_HOMES_H

#include <sys/types.h>

#include "temp_dir.h"
#include "written.h"

/* What a home has. */
enum {
	HAS_PATH = 1,                            /* it can be closed and opened again */
	HAS_LINES = 2,                           /* a session is a file of lines */
	HAS_BRANCHES = 4,
	HAS_DATABASE = 8,                        /* SQLite does its writing */
	/* an unfinished last line: it is put to the side; nothing is appended; else it is ended */
	HAS_TAIL_CUT = 16,
	HAS_TAIL_REFUSED = 32,
	HAS_MANY = 64,                           /* several sessions in one file */
	HAS_INDEX = 128,                         /* the tool keeps an index of its own */
	HAS_SIDECAR = 256
};
struct home {
	const char *name, *format;
	const char *file;                        /* of a home that is one file; else a directory */
	const char *scheme;                      /* in front of that; or NULL */
	unsigned has;
	int (*make)(struct ramet_session **out, const char *id);
	const char *unknown; /* a record the format does not know, as its program would write one */
	const char *lock_suffix; /* behind the path of what is locked with flock */
	const char *id;                          /* one that its program could choose */
};
extern const struct home homes[];
extern const struct home *home;                  /* of the case that runs */
extern char *home_dir;                           /* and where it is */

struct contract_case {
	const char *name;
	unsigned needs, spares;                  /* all of those, none of these */
	void (*run)(void);
};
/* Every case in every home; main's result. cases ends with a NULL name. RAMET_HOME names one. */
int run_cases(const struct contract_case *cases);

/* A new session; its path stays in made_path(). id NULL: one of its own. */
struct ramet_session *make(const char *id);
struct ramet_session *made_with_talk(void);      /* three entries */
const char *path_of(const struct ramet_session *s); /* valid until the next but 15 */
struct ramet_session *open_again(const char *path);
/* The file that holds the session of this path. */
const char *file_of(const char *path);
/* What ramet_store_open takes for this home. */
const char *store_url(void);

/* Append a message; its id, valid until the next but 7. */
const char *say(struct ramet_session *s, const char *message);
uint32_t count(const struct ramet_session *s);
/* Everything a session tells, as one text: valid until the next but 3. */
struct ramet_bytes whole(const struct ramet_session *s);
/* A fresh opening tells all the same, and hangs the next entry from the last one. */
void reopens_same(const struct ramet_session *s);
void assert_bytes_equal(struct ramet_bytes a, struct ramet_bytes b);
/* How often a text is in all the entries. */
unsigned times_in(const struct ramet_session *s, const char *text);
/* Every file below the home with its bytes, except locks: valid until the next but 3. */
struct ramet_bytes disk(void);
/* Does the list have this session? */
int listed(const char *path);

/* A child that does this and ends with 0; its exit is waited for. */
pid_t in_child(void (*run)(void *user), void *user);
void wait_for(pid_t child);

#endif

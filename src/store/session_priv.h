/*
 * store/session_priv.h - what a session handle holds, for the files that open it and append to it.
 *
 * Its bytes are those of the file up to source.size, then those of `text`, which are in no file yet
 * (a new session before its first message) or never will be (a session in memory).
 */
#ifndef RAMETI_STORE_SESSION_PRIV_H
#define RAMETI_STORE_SESSION_PRIV_H

#include <pthread.h>
#include "codec/codec.h"
#include "ramet/store.h"
#include "store/home.h"
#include "store/layout.h"
#include "store/source.h"

#define RAMETI_LOCK_WAIT_MS 5000u
#define RAMETI_TAIL_LEN 512u

/* What the handle knows of the file it appends to. */
struct rameti_log {
	int appending;                           /* source.file is open for appending */
	int is_link;                             /* the name was one when it was last looked at */
	dev_t dev;
	ino_t ino;
	struct timespec mtime, ctime;            /* of the file, before it was read */
	char tail[RAMETI_TAIL_LEN]; /* what stands right before source.size */
	size_t tail_len;
	int named;                               /* the directory entry is durable */
	int unsynced;                            /* written, not yet made durable */
	int doubtful; /* a sync failed: what was written since the last good one may be lost */
	int dead;                                /* a torn line of ours could not be ended */
	struct rameti_file lock; /* of layouts that lock another file than the session */
};

struct ramet_session {
	pthread_mutex_t lock;
	const struct rameti_codec *codec;
	const struct rameti_layout *layout;
	const struct rameti_home *home; /* NULL: a file of its own, or memory only */
	void *home_state;
	char *home_file;
	struct rameti_source source;
	struct rameti_reader reader;
	char *path;                              /* as given; NULL in memory */
	char *place; /* of a relative path: the same from the root, links and dots kept; or NULL */
	char *abs_path, *dir;                    /* NULL in memory */
	struct ramet_buf cwd;                    /* asked for when opening; empty: the header's */
	struct ramet_open_opts opts;             /* without its texts */
	uint32_t leaf;
	int stored;                              /* there is a file, with all but text */
	int into_empty;                          /* not stored; the file is there, of zero bytes */
	int has_talk;                            /* a user or assistant message is in it */
	uint64_t indexed;                        /* bytes that an index covers */
	uint64_t others;                         /* entries of others that were taken in */
	int on_conflict;                         /* enum ramet_conflict */
	int pinned;                              /* append to this very file or not at all */
	int index_doubt;                         /* a line was not what its row said */
	int stale; /* the file has more than the tree: load it anew */
	/* reading; an entry may ask for another one, and a thread that reads ahead for both */
	pthread_mutex_t reading;
	struct ramet_buf line;                   /* the stored line asked for last */
	char *window; /* holds source bytes [window_at, window_at + window_len) */
	uint64_t window_at;
	size_t window_len;
	uint32_t last_row;
	/* writing */
	struct ramet_buf text;                   /* bytes from source.size on */
	struct rameti_log log;
	struct rameti_scanner *scanner;
	struct rameti_batch batch;
	struct ramet_buf lines, members;         /* being made */
	struct rameti_encoder encoder;           /* of formats with pieces */
	uint64_t encoder_end; /* the encoder goes on behind this byte; 0: none is made */
	struct ramet_buf entry;                  /* what it encodes */
	struct ramet_json_doc doc;
	unsigned char random[64];
	unsigned n_random;                       /* bytes of it not yet used */
};

/* Each entry hangs from the one before it: the format or the home has no branches. */
static inline int rameti_session_is_line(const struct ramet_session *s)
{
	return s->codec->pieces || (s->home && s->home->linear);
}
/* Then a leaf that is the last entry stays that, whoever appends. */
static inline int rameti_session_follows(const struct ramet_session *s)
{
	return rameti_session_is_line(s) && s->leaf == ramet_tree_leaf(s->reader.tree);
}
/* What to open: the path as it was meant, wherever the process has gone since. */
static inline const char *rameti_session_place(const struct ramet_session *s)
{
	return s->place ? s->place : s->path;
}
/* A path of an error that lies where the session's own does is told as that was given. */
void rameti_session_shorten(const struct ramet_session *s, struct ramet_error *err);
/* A handle without bytes, or NULL. path NULL: in memory. */
int rameti_session_new(struct ramet_session **out, const char *path,
		       const struct ramet_open_opts *opts, struct ramet_error *err);
/* The tree's callback. */
int rameti_session_entry(void *user, uint32_t row, struct ramet_buf *scratch,
			 struct ramet_bytes *json, struct ramet_error *err);
/* Find out which format these first bytes are, unless it was told: s->codec and s->layout. */
int rameti_session_choose(struct ramet_session *s, struct ramet_bytes head,
			  struct ramet_error *err);
/* Read all bytes of the source or of text; the leaf is the last row then. */
int rameti_session_load(struct ramet_session *s, struct ramet_error *err);
size_t rameti_session_max_line(const struct ramet_session *s);
/* Take over what another handle of the same path has read; the leaf stays the entry it is.
 * ECONFLICT when it is another session or the leaf is gone. `fresh` is left empty. */
int rameti_session_adopt(struct ramet_session *s, struct ramet_session *fresh,
			 struct ramet_error *err);
/* The header of a new session as its first line, in text. */
int rameti_session_begin(struct ramet_session *s, const char *cwd,
			 const struct ramet_create_opts *opts, struct ramet_error *err);
/* The leaf is the last row; is there talk? */
void rameti_session_note_rows(struct ramet_session *s);
/* Bind a session to the file that was just committed with these size bytes in it; takes f. */
void rameti_session_bind(struct ramet_session *s, struct rameti_file *f, uint64_t size, int synced);

/* ---- appending: called with the lock held ---- */

/* One entry to append. */
struct rameti_piece {
	struct ramet_bytes type, members;        /* as in struct rameti_draft */
	struct ramet_bytes timestamp;            /* raw JSON; ptr NULL: now */
	char id[RAMET_ID_SIZE];                  /* "" : made here */
	/* of a message: its role in members, as struct rameti_draft has it */
	size_t role_at, role_len;
	int ends_turn;
	uint32_t batch_row;                      /* the last of its rows in the batch */
};
/* An id that no entry of the session has. */
int rameti_session_make_id(struct ramet_session *s, char id[RAMET_ID_SIZE],
			   struct ramet_error *err);
/* Append entries, each under the one before, the first under the leaf: all or none. The ids are in
 * the pieces afterwards. */
int rameti_session_append(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			  struct ramet_error *err);
/* Is appending possible at all: EVERSION, EUNKNOWN, EIO. */
int rameti_session_writable(const struct ramet_session *s, struct ramet_error *err);
/* Make the file of a session that is in text only. */
int rameti_session_store(struct ramet_session *s, struct ramet_error *err);

/* Open a session in a home; s->home is set. */
int rameti_session_open_home(struct ramet_session *s, const struct rameti_home_path *where,
			     struct ramet_error *err);
/* Take in what stands in s->text from `from` on. */
int rameti_session_take_text(struct ramet_session *s, size_t from, struct ramet_error *err);
/* What others appended to the home: 1 something, 0 nothing. */
int rameti_session_home_more(struct ramet_session *s, struct ramet_error *err);

/* ---- the file: called with the lock held ---- */

enum rameti_look {
	RAMETI_LOOK_SAME,
	RAMETI_LOOK_GREW,                        /* others appended */
	RAMETI_LOOK_OTHER                        /* another file has the name */
};
/* Open for appending if it is not yet, and lock. */
int rameti_log_begin(struct ramet_session *s, struct ramet_error *err);
void rameti_log_end(struct ramet_session *s);
/* What became of the file meanwhile. ECONFLICT when it is gone, shorter, or was changed in
 * place. */
int rameti_log_look(struct ramet_session *s, enum rameti_look *look, uint64_t *size,
		    struct ramet_error *err);
/* Tell the layout what is about to happen to the file, by its own name. */
int rameti_log_announce(struct ramet_session *s, struct ramet_error *err);
/* Remember what stands before source.size. */
int rameti_log_note_tail(struct ramet_session *s, struct ramet_error *err);
#define RAMETI_LOG_SOMEWHERE UINT64_MAX
#define RAMETI_LOG_AGAIN 1 /* somebody's unfinished line was in the way: taken back, try anew */
/* Write lines (which may be changed) at the end in one go; *at is where they begin, if that can be
 * told. After a failure the file has nothing of them that reads as an entry, or the log is dead. */
int rameti_log_write(struct ramet_session *s, struct ramet_bytes lines, uint64_t *at,
		     struct ramet_error *err);
/* The last line of the file that is not blank, without its end, into s->line; empty if there is
 * none. */
int rameti_log_last_line(struct ramet_session *s, struct ramet_bytes *line,
			 struct ramet_error *err);
/* Cut away an unfinished last line that does not count, and keep it in a file beside. */
int rameti_log_cut_tail(struct ramet_session *s, struct ramet_error *err);
/* Make the file's name durable, once. */
int rameti_log_name(struct ramet_session *s, struct ramet_error *err);
/* Make what was written durable. EUNKNOWN: the log is doubtful from then on. */
int rameti_log_sync(struct ramet_session *s, struct ramet_error *err);

/* ---- keeping up with others ---- */

/* Take in what stands in the file behind source.size, up to size. */
int rameti_session_catch_up(struct ramet_session *s, uint64_t size, struct ramet_error *err);
/* Read the file anew and take the place of what was known; no longer appending afterwards.
 * ECONFLICT as for adopting. */
int rameti_session_reload(struct ramet_session *s, struct ramet_error *err);

#endif

/*
 * ramet/ops.h - verbs on sessions, and the JSON shapes that the command and the bindings promise.
 *
 * Every ramet_report_* appends one JSON value (or, where said, one a line) to out. The shapes are
 * documented in docs/guide/json.md and versioned with the library.
 */
#ifndef RAMET_OPS_H
#define RAMET_OPS_H

#include <ramet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* {"format","path","header","entries","leafId","name","messageCount","created","modified",
 * "findings"}; path only for a file. */
RAMET_API int ramet_report_info(const struct ramet_session *s, struct ramet_buf *out,
				struct ramet_error *err);
/* The entries from row `from` on in file order, one a line; stops after about max_len bytes, with
 * *next the row to go on from (RAMET_NONE at the end), so that output needs no memory for the
 * whole. */
RAMET_API int ramet_report_entries(const struct ramet_session *s, uint32_t from, size_t max_len,
				   struct ramet_buf *out, uint32_t *next, struct ramet_error *err);
/* Preorder array of {"id","parent","depth","type","role","label","labelTimestamp"}. */
RAMET_API int ramet_report_tree(const struct ramet_session *s, struct ramet_buf *out,
				struct ramet_error *err);
/* Array of ids from root to leaf. */
RAMET_API int ramet_report_path(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out,
				struct ramet_error *err);
/* Array of branches:
 * {"leaf","entries","messages","forkedAt","modified","firstMessage","label","current"}, one
 * for each entry without children, newest first. forkedAt: nearest ancestor with more than
 * one child. */
RAMET_API int ramet_report_branches(const struct ramet_session *s, struct ramet_buf *out,
				    struct ramet_error *err);
RAMET_API int ramet_report_stats(const struct ramet_session *s, struct ramet_buf *out,
				 struct ramet_error *err);
/* One object, no newline: path id cwd name parentSessionPath created modified messageCount
 * firstMessage format (and allMessagesText when there). */
RAMET_API int ramet_report_list_item(const struct ramet_session_info *info, struct ramet_buf *out,
				     struct ramet_error *err);
/* Array of {"severity","code","line","offset","id","text"}. */
RAMET_API int ramet_report_findings(const struct ramet_findings *f, struct ramet_buf *out,
				    struct ramet_error *err);
/* All findings of a session: the reader's and the tree's, in line order. Release f afterwards. */
RAMET_API int ramet_session_check(const struct ramet_session *s, struct ramet_findings *f,
				  struct ramet_error *err);

/* User messages that can be forked from: [{"entryId","text"}] in file order. */
RAMET_API int ramet_report_fork_messages(const struct ramet_session *s, struct ramet_buf *out,
					 struct ramet_error *err);
/* The path to leaf as a session of its own: header line (same id, given time, cwd, no parent),
 * then the entries with parentId re-chained. now_ms: the header's time. */
RAMET_API int ramet_export_jsonl(const struct ramet_session *s, uint32_t leaf, int64_t now_ms,
				 struct ramet_buf *out, struct ramet_error *err);
/* The same, handed over piece by piece, so that it needs no memory for the whole. An error of write
 * ends it and is passed up. */
typedef int ramet_write_fn(void *user, struct ramet_bytes bytes, struct ramet_error *err);
RAMET_API int ramet_export_jsonl_to(const struct ramet_session *s, uint32_t leaf, int64_t now_ms,
				    ramet_write_fn *write, void *user, struct ramet_error *err);
/* The path to leaf as Markdown, in the structure that ggcode's export has (what is said, tool calls
 * and results; a title, the model), appended. */
RAMET_API int ramet_export_md(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out,
			      struct ramet_error *err);
/* A view: a handle of its own on what the session holds now, with the same leaf, to report and
 * export from without its lock, while others append. Of a file only a second opening, which an
 * index makes short (entries that came meanwhile may be in it, behind the leaf); of a session in
 * memory a copy. It is closed as any handle is, and not for writing. ENOTFOUND, ECONFLICT when
 * the leaf is gone from the file, and as opening. */
RAMET_API int ramet_session_view(struct ramet_session **out, struct ramet_session *s,
				 struct ramet_error *err);

/* ---- new sessions from old ones ---- */

struct ramet_fork_opts {
	const char *cwd;                         /* NULL: the source's */
	/* NULL: where the source's forks go (a branch), pi's directory of cwd (all) */
	const char *dir;
	const char *id;                          /* NULL: a new UUID, version 7 */
	int level;                               /* enum ramet_level */
};
/* All branches, also what others appended meanwhile, under a new header that names the
 * source; ids stay, the current version is written. The file appears at once, whole. Lines
 * that are no entry are not copied: findings of the source say which. */
RAMET_API int ramet_fork(struct ramet_session **out, struct ramet_session *source,
			 const struct ramet_fork_opts *opts, struct ramet_error *err);
/* The path to leaf alone: its label entries are taken out and the rest is linked again; labels now
 * set on it are made anew at the end, with their times. Appears as a new session does: at once when
 * it holds a conversation. A source in memory gives a session in memory. */
RAMET_API int ramet_fork_branch(struct ramet_session **out, struct ramet_session *source,
				uint32_t leaf, const struct ramet_fork_opts *opts,
				struct ramet_error *err);

/* What forking at an entry means: before a user message, whose text is to be edited, and at
 * any other entry. */
struct ramet_fork_plan {
	/* the new session ends here; RAMET_NONE: it is empty */
	uint32_t leaf;
	uint32_t n_entries;                      /* on the path to leaf */
	int has_text;                            /* a user message was left out: its text */
	struct ramet_buf text;
};
RAMET_API int ramet_fork_plan(const struct ramet_session *s, uint32_t row,
			      struct ramet_fork_plan *plan, struct ramet_error *err);
RAMET_API void ramet_fork_plan_release(struct ramet_fork_plan *plan);

/* ---- migration ---- */

struct ramet_migration {
	double from, to;                         /* versions; equal: nothing to do */
	uint32_t n_entries;                      /* entries that the new file has */
	/* lines that are no entry and stay in the original */
	uint64_t n_dropped;
	uint64_t n_carried;                      /* bytes another program appended meanwhile */
	char kept[RAMET_ERROR_PATH];             /* the original's new name; "" for a dry run */
};
/* Rewrite a session file in the current version: a new file takes its place in one step, the
 * original stays beside it under the name kept. dry_run: only say what would happen. */
RAMET_API int ramet_migrate(const char *path, int dry_run, struct ramet_migration *done,
			    struct ramet_error *err);

/* ---- removal ---- */

/* Move a session file to the trash of the desktop (freedesktop.org's specification 1.0), from
 * where it can be restored; its new path is appended to where. EFORMAT for what is not a
 * session; ENOTFOUND with err->sys 0 when there is no trash on its file system (nothing is
 * done). */
RAMET_API int ramet_session_trash(const char *path, struct ramet_buf *where,
				  struct ramet_error *err);
/* Remove a session file for good. EFORMAT for what is not a session. */
RAMET_API int ramet_session_remove(const char *path, struct ramet_error *err);

/* ---- verify and repair ---- */

struct ramet_verify_opts {
	/* the Ed25519 public key, 32 bytes, that signatures of seals must be of (when it signed
	 * nothing, the session is not intact); NULL: any */
	const unsigned char *key;
	uint64_t max_line;                       /* as for ramet_session_open */
	unsigned threads;
};
struct ramet_verdict {
	int intact;                              /* the bytes are what was written */
	int complete;                            /* there is no evidence that anything is missing */
	uint32_t n_entries;
	struct ramet_findings findings;          /* in line order */
	/* seals, and how many of them are signed, or copied from another session; lines under a
	 * seal, and behind the last one */
	uint64_t n_seals, n_signed, n_copied, n_sealed, n_unsealed;
};
/* Read every byte of a session file, also of one that opening refuses, and judge it. Nothing is
 * written, and no index is asked. Release v afterwards. ENOTFOUND, EIO; EFORMAT for what is no
 * regular file. */
RAMET_API int ramet_verify(const char *path, const struct ramet_verify_opts *opts,
			   struct ramet_verdict *v, struct ramet_error *err);
RAMET_API void ramet_verdict_release(struct ramet_verdict *v);
/* {"path","intact","complete","findings"} and, with seals, "seals":{"count","signed","copied",
 * "sealedLines","unsealedLines"}. path may be NULL. */
RAMET_API int ramet_report_verdict(const struct ramet_verdict *v, const char *path,
				   struct ramet_buf *out, struct ramet_error *err);

enum ramet_repair_kind {
	RAMET_REPAIR_DROP, /* bytes go to the .lost file */
	RAMET_REPAIR_NEWLINE, /* a line end is put in here */
	RAMET_REPAIR_HEADER /* a header is made */
};
struct ramet_repair_action {
	uint8_t kind;                            /* enum ramet_repair_kind */
	uint8_t salvage;                         /* only done when asked to salvage */
	const char *code;                        /* of the finding that it ends */
	/* in the file as it is; length: bytes that go, 0 for what is put in */
	uint64_t line, offset, length;
};
struct ramet_repair_opts {
	int dry_run;                             /* only say what would happen */
	int salvage;                             /* also where the damage is in the middle */
	uint64_t max_line;                       /* as for ramet_session_open */
};
struct ramet_repair {
	struct ramet_repair_action *actions;     /* in file order */
	uint32_t n_actions;
	uint32_t n_refused; /* of them need salvage, which was not asked for: nothing is done */
	int done;                                /* the file was written anew */
	uint64_t n_lost;                         /* bytes that go to the .lost file */
	uint64_t n_carried; /* bytes another program appended meanwhile, as they are */
	/* the original's new name, and where the lost bytes are; "" when there is none */
	char kept[RAMET_ERROR_PATH], lost[RAMET_ERROR_PATH];
	/* what stays: where the chain of a log with hashes is broken, in the file as it is now */
	struct ramet_findings findings;
};
/* Make a session file one that reads without damage. A new file takes its place in one step; the
 * original stays beside it as NAME.damaged, what could not be placed as NAME.lost (JSON lines, see
 * docs/guide/verify-and-repair.md). Entries keep every byte. Nothing to do, or refused: the file is
 * not touched. After a failure too, but for EUNKNOWN. Release result afterwards. ENOTFOUND,
 * EFORMAT for what is no regular file and for one without a whole entry, ECONFLICT, EIO, ELIMIT,
 * ENOMEM. */
RAMET_API int ramet_repair(const char *path, const struct ramet_repair_opts *opts,
			   struct ramet_repair *result, struct ramet_error *err);
RAMET_API void ramet_repair_release(struct ramet_repair *result);
/* {"path","repaired","refused","actions":[{"action","code","line","offset","bytes","salvage"}],
 * "findings","lostBytes","carried","kept","lost"}; path may be NULL. action: drop, newline or
 * header. */
RAMET_API int ramet_report_repair(const struct ramet_repair *result, const char *path,
				  struct ramet_buf *out, struct ramet_error *err);

/* ---- seals ----
 *
 * A seal is an entry that holds hashes of the lines before it, so that ramet verify can tell which
 * line was changed, removed or put in since. Without a signature it finds accidents only: who can
 * write the file can make the seal anew. docs/format/seal.md has the exact content. */

struct ramet_seal_opts {
	const char *key; /* a file with an Ed25519 private key as PEM; NULL: no signature */
};
struct ramet_sealed {
	uint64_t n_seals;                        /* appended now; 0: nothing was left to seal */
	uint64_t n_lines;                        /* newly covered */
	/* what the last seal covers: lines behind the header, and where the next one begins */
	uint64_t up_to, offset;
	char head[65];                           /* of the chain, in hexadecimal digits */
	char id[RAMET_ID_SIZE];                  /* of the last seal appended; "" for none */
	int is_signed;                           /* the last seal is */
};
/* Seal the lines that no seal of this session covers yet: one entry for each 50 000, appended below
 * the leaf. Only those lines are read; those under earlier seals are ramet_verify's business.
 * EINVAL for a session that is in no file, EFORMAT for a key that is none, and when the last seal
 * is damaged or its lines were moved; ECONFLICT and the errors of appending. */
RAMET_API int ramet_session_seal(struct ramet_session *s, const struct ramet_seal_opts *opts,
				 struct ramet_sealed *done, struct ramet_error *err);
/* A new key pair: the private key in a file of mode 0600, the public one in PATH.pub. ECONFLICT
 * when one of them is there already. */
RAMET_API int ramet_seal_key_new(const char *path, struct ramet_error *err);
/* The public key in a PEM file, as ramet_verify wants it. EFORMAT when there is none. */
RAMET_API int ramet_seal_key_read(const char *path, unsigned char key[32], struct ramet_error *err);

/* ---- autosave ----
 *
 * A thread that appends, behind a bounded queue: whoever adds goes on at once, what waits
 * together is stored with one write, and a full disk is waited out. One queue may serve many
 * sessions; the entries of each keep the order they were added in. An entry hangs from the leaf
 * its session has when it is written: move the leaf, and append past the queue, after a flush.
 *
 * Threads: every call may come from any thread. Callbacks come one at a time, from the queue's
 * thread, or from the one that calls leave, stop or free; they may add (a full queue refuses
 * then), but not flush, leave, stop or free (EINVAL; free: a deadlock), nor wait for a ticket.
 * Locks: the session's before the queue's. No callback is made with either held by the queue.
 * Who holds a session's lock adds with RAMET_AUTOSAVE_NOWAIT and does not flush. After fork(2)
 * the child leaves the parent's queue alone. */

struct ramet_autosave;
struct ramet_autosave_ticket;

#define RAMET_WAIT_FOREVER UINT32_MAX            /* for wait_ms of the calls below */

/* What it means that an entry is reported as stored. The level of the session holds besides. */
enum ramet_autosave_mode {
	RAMET_AUTOSAVE_EACH = 0, /* it survives a power cut */
	RAMET_AUTOSAVE_INTERVAL, /* interval_ms later it does (open sessions at RAMET_LEVEL_NONE) */
	RAMET_AUTOSAVE_NONE /* it survives the process; a power cut, what was flushed */
};

/* Why something was written, or made durable. */
enum ramet_autosave_trigger {
	RAMET_AUTOSAVE_NEVER = 0,                /* nothing was yet */
	RAMET_AUTOSAVE_AT_ONCE,                  /* hold_ms is 0 */
	RAMET_AUTOSAVE_MANUAL,                   /* ramet_autosave_flush */
	RAMET_AUTOSAVE_PERIODIC,                 /* hold_ms or interval_ms are over */
	RAMET_AUTOSAVE_THRESHOLD,                /* enough waits, or the queue is full */
	RAMET_AUTOSAVE_TURN_END,
	RAMET_AUTOSAVE_SHUTDOWN                  /* leave, stop or free */
};

/* What became of an entry. Borrowed until the callback returns. */
struct ramet_autosave_done {
	struct ramet_session *session;
	void *tag;                               /* as added */
	struct ramet_bytes json;                 /* as added */
	unsigned flags;                          /* as added */
	const char *id;                          /* NULL: not known to be stored */
	/* NULL: stored. ECANCELED: handed back without having been tried, because of an earlier
	 * failure or because time was up; EUNKNOWN: nobody knows; else as an append says, and it is
	 * not stored. */
	const struct ramet_error *err;
};

struct ramet_autosave_opts {
	int mode;                                /* enum ramet_autosave_mode */
	uint32_t interval_ms;                    /* of that mode; 0: 1000 */
	/* How long an entry waits for others to be written with; 0: not at all, what comes while
	 * the thread is writing goes into its next write. A turn's end is never held. */
	uint32_t hold_ms;
	uint32_t threshold_lines;                /* of a session are written though held; 0: */
	uint64_t threshold_bytes;                /* half of the two below */
	uint32_t max_lines;                      /* the queue is full with these; 0: 256 */
	uint64_t max_bytes; /* or these, but takes any one entry; 0: 16 MB */
	uint32_t retry_ms;                       /* first pause when the disk is full; 0: 100 */
	uint32_t retry_max_ms;                   /* it doubles up to this; 0: 5000 */
	/* Called once for each entry added, in the order of its session. May be NULL. */
	void (*done)(void *user, const struct ramet_autosave_done *d);
	/* Something is wrong with a session apart from one entry. May be NULL. EIO (err->sys is
	 * ENOSPC or EDQUOT): the disk is full, and tried again; told once until a write gets
	 * through. EUNKNOWN: a sync failed, what was reported as stored since the last one may be
	 * lost. */
	void (*trouble)(void *user, struct ramet_session *s, const struct ramet_error *err);
	void *user;
};

/* Counters since the queue was made; queued = written + failed + waiting. */
struct ramet_autosave_metrics {
	uint64_t queued;                         /* entries taken */
	uint64_t written;
	uint64_t failed;                         /* entries reported with an error */
	uint64_t unknown;                        /* of those, with EUNKNOWN */
	uint64_t waiting, waiting_bytes;         /* now; also what is just being written */
	uint64_t high_water, high_water_bytes;   /* the most that ever waited */
	uint64_t coalesced;                      /* written together with the one before */
	uint64_t bytes;                          /* written, of JSON as added */
	uint64_t blocked;                        /* adds that had to wait for room */
	uint64_t refused;                        /* adds that found no room (in time) */
	uint64_t flushes, flushes_ok, flushes_failed; /* writes: begun, done, not done */
	uint64_t retries;                        /* writes put off, the disk being full */
	uint64_t syncs, syncs_failed;            /* of INTERVAL, flush and shutdown */
	uint64_t sessions;                       /* the queue knows now */
	uint64_t last_entries;                   /* of the last write: how many, */
	uint64_t last_us;                        /* how long it took in microseconds, */
	int last_trigger;                        /* and why it was made */
};

/* Starts the thread. opts NULL: all defaults. EINVAL, EIO when there is no thread, ENOMEM. */
RAMET_API int ramet_autosave_new(struct ramet_autosave **out,
				 const struct ramet_autosave_opts *opts, struct ramet_error *err);
/* stop, then wait for a write that is still under way, however long the system takes. */
RAMET_API void ramet_autosave_free(struct ramet_autosave *q, uint32_t wait_ms);

#define RAMET_AUTOSAVE_ENTRY 1u                  /* json is an entry: ramet_session_append_entry */
#define RAMET_AUTOSAVE_TURN_END 2u               /* a turn ends here, whatever the message says */
#define RAMET_AUTOSAVE_NOWAIT 4u                 /* ECONFLICT when the queue is full */
struct ramet_autosave_add_opts {
	unsigned flags;
	uint32_t wait_ms;                        /* for room; 0: as long as it takes */
	void *tag;
	struct ramet_autosave_ticket **ticket;   /* not NULL: to wait for this entry */
};
/* Queue a copy of a message for a session, which must stay open until ramet_autosave_leave. A full
 * queue makes the caller wait. EJSON and EINVAL as for an append; ECONFLICT: no room (in time);
 * ECANCELED: the queue was stopped, or the session is being left; ENOMEM; and, once an append to
 * this session has failed for another reason than the entry itself, that failure, until it is left
 * (all that waited was handed back). After an error nothing was queued. */
RAMET_API int ramet_autosave_add(struct ramet_autosave *q, struct ramet_session *s,
				 struct ramet_bytes json,
				 const struct ramet_autosave_add_opts *opts,
				 struct ramet_error *err);

/* Wait until it is known what became of an entry: 0 stored, id (RAMET_ID_SIZE bytes, or NULL)
 * filled; ECONFLICT: not known in time, ask again; else what done is told. May outlive the
 * queue. */
RAMET_API int ramet_autosave_wait(struct ramet_autosave_ticket *t, uint32_t wait_ms, char *id,
				  struct ramet_error *err);
RAMET_API void ramet_autosave_ticket_free(struct ramet_autosave_ticket *t);

/* Write what was added so far (to s; NULL: to all sessions) and make it durable, in every mode; all
 * its callbacks have returned then. ECONFLICT: not done in time, and goes on. The failure of a
 * session that has failed. */
RAMET_API int ramet_autosave_flush(struct ramet_autosave *q, struct ramet_session *s,
				   uint32_t wait_ms, struct ramet_error *err);
/* Write what waits for s and forget the session; it may be closed, or appended to directly, then.
 * What is not written in time is handed back. ECONFLICT alone says that the session must stay open,
 * since a write or sync of it is still under way or to be made: nothing more can be added, leave it
 * again. Others, also the session's failure, are only told: it was left. ECANCELED: something was
 * handed back for want of time. */
RAMET_API int ramet_autosave_leave(struct ramet_autosave *q, struct ramet_session *s,
				   uint32_t wait_ms, struct ramet_error *err);
/* Write what waits, take no more, and end the thread. What is not written in time is handed
 * back, entry by entry: ECONFLICT. A write that is under way then reports later, at the latest
 * before ramet_autosave_free returns. */
RAMET_API int ramet_autosave_stop(struct ramet_autosave *q, uint32_t wait_ms,
				  struct ramet_error *err);

/* A consistent snapshot; never waits for a write. */
RAMET_API void ramet_autosave_get_metrics(struct ramet_autosave *q,
					  struct ramet_autosave_metrics *m);

/* "each", "interval", "none", and other agents' "strict", "balanced", "throughput" for the same;
 * case and white space around do not matter. EINVAL, *mode untouched. */
RAMET_API int ramet_autosave_mode_find(struct ramet_bytes name, int *mode);
RAMET_API const char *ramet_autosave_mode_name(int mode);        /* "each"; NULL: no such */
RAMET_API const char *ramet_autosave_trigger_name(int trigger);  /* "turn end"; NULL: no such */
/* Set mode from PI_SESSION_DURABILITY_MODE and max_lines from PI_SESSION_AUTOSAVE_MAX_PENDING (1
 * to 1 000 000), where they say something that makes sense; else they stay. */
RAMET_API void ramet_autosave_opts_env(struct ramet_autosave_opts *opts);

/* ---- watching a session grow ---- */

struct ramet_watch;                              /* belongs to one thread at a time */

struct ramet_watch_opts {
	/* how often to look where the system does not tell of changes; 0: 250 ms */
	uint32_t poll_ms;
	/* the first row to tell; RAMET_NONE: only what comes from now on */
	uint32_t from;
};
enum ramet_watch_event {
	RAMET_WATCH_GREW = 0,                    /* nothing but new entries */
	RAMET_WATCH_REPLACED,                    /* another file took its place and was opened */
	RAMET_WATCH_CHANGED, /* cut or changed in place, and opened anew */
	RAMET_WATCH_LOST, /* removed, or no session for now: text says why; it is waited for */
	RAMET_WATCH_BACK                         /* a session again, and opened */
};
/* Borrowed until the next call on the watch. */
struct ramet_watch_news {
	int event;                               /* enum ramet_watch_event */
	const uint32_t *rows;                    /* new entries, of ramet_watch_session's tree */
	uint32_t n;                              /* may be 0 but when it grew */
	const char *text;                        /* of RAMET_WATCH_LOST; else "" */
};
/* Watch the file of a session, which is the watch's from now on (after a failure it is still the
 * caller's). Nothing is written. EINVAL for a session without a file; ENOMEM. */
RAMET_API int ramet_watch_open(struct ramet_watch **out, struct ramet_session *s,
			       const struct ramet_watch_opts *opts, struct ramet_error *err);
/* The session as it is now, borrowed until the next ramet_watch_next. Its leaf moves along with
 * what is told. */
RAMET_API struct ramet_session *ramet_watch_session(const struct ramet_watch *w);
/* Wait for news, at most timeout_ms (negative: for ever, 0: only look). 1: there are some, 0: the
 * time is over. Entries are told once, by their ids, also when the file is replaced, written anew
 * or comes back; a line that is being written, once it is whole. After an error (ENOMEM, EIO) the
 * call can be made again. */
RAMET_API int ramet_watch_next(struct ramet_watch *w, int64_t timeout_ms,
			       struct ramet_watch_news *news, struct ramet_error *err);
/* The news' entries from rows[i] on could not be read (ECONFLICT, EIO: the file is being changed):
 * they are told again after the next look at it. */
RAMET_API int ramet_watch_again(struct ramet_watch *w, uint32_t i, struct ramet_error *err);
RAMET_API void ramet_watch_close(struct ramet_watch *w);

/* ---- compaction, branch summaries, fork plans ----
 *
 * What is to be summarised, and where the summary goes; who writes it is not this library's
 * business. The rules are pi's, so that both cut a session at the same place. A plan borrows from
 * its session: it holds until the session is written to by others than the calls here, refreshed or
 * closed. What forking at an entry means is ramet_fork_plan's to say, above. */

/* The estimate for one message: its characters (UTF-16 units) by four, rounded up; 4800 characters
 * for a picture. EJSON, EFORMAT for what is no object. */
RAMET_API int ramet_message_tokens(struct ramet_bytes message, uint64_t *tokens,
				   struct ramet_error *err);

struct ramet_compact_opts {
	uint64_t keep_tokens;                    /* about so much stays; 0: 20 000 */
};
/* Everything it points to is the plan's. */
struct ramet_compact_plan {
	uint32_t leaf;                           /* whose context is compacted */
	uint32_t first_kept; /* from this row on it stays; RAMET_NONE: nothing to compact */
	const char *why;                         /* then: why not; else NULL */
	/* where the turn begins that is cut; RAMET_NONE: the cut stands between turns */
	uint32_t turn;
	uint64_t tokens_before;                  /* of the context, as ramet_context_tokens */
	uint64_t tokens_summarized, tokens_kept; /* estimates of their messages */
	/* the messages to summarise, and those of the cut turn before the cut */
	const struct ramet_message *messages, *turn_messages;
	uint32_t n_messages, n_turn_messages;
	struct ramet_bytes previous;             /* the summary that is in force; ptr NULL: none */
	/* files that were only read, and that were changed, also before previous */
	const struct ramet_bytes *read_files, *modified_files;
	uint32_t n_read_files, n_modified_files;
	void *priv;
};
/* Plan a compaction of the context at leaf. Nothing to compact is no failure: see first_kept.
 * EINVAL for no such row. Release the plan afterwards. */
RAMET_API int ramet_compact_plan(const struct ramet_session *s, uint32_t leaf,
				 const struct ramet_compact_opts *opts,
				 struct ramet_compact_plan *plan, struct ramet_error *err);
RAMET_API void ramet_compact_plan_release(struct ramet_compact_plan *plan);
/* What a summariser should read, appended: the messages in <conversation>, the summary in force in
 * <previous-summary>, the beginning of a cut turn in <turn-prefix>; each only if there is any. */
RAMET_API int ramet_compact_text(const struct ramet_compact_plan *plan, struct ramet_buf *out,
				 struct ramet_error *err);
/* {"leafId","firstKeptEntryId","turnId","tokensBefore","tokensSummarized","tokensKept","messages",
 * "turnMessages","previousSummary","readFiles","modifiedFiles"}; {"leafId","firstKeptEntryId":null,
 * "reason"} when there is nothing to compact. with_text: and "text", as above. */
RAMET_API int ramet_report_compact_plan(const struct ramet_session *s,
					const struct ramet_compact_plan *plan, int with_text,
					struct ramet_buf *out, struct ramet_error *err);

/* A summary that was written for a plan. */
struct ramet_written_summary {
	struct ramet_bytes text;
	struct ramet_bytes usage;                /* a JSON object, or missing */
	int no_files;                            /* do not append the lists of files to it */
};
/* Append the compaction. ECONFLICT, and nothing is written, when the leaf is not the plan's any
 * more or others hung something under it since; EINVAL for an empty summary or a plan without a
 * cut; and the errors of appending. id as for appends. */
RAMET_API int ramet_compact_apply(struct ramet_session *s, const struct ramet_compact_plan *plan,
				  const struct ramet_written_summary *summary, char *id,
				  struct ramet_error *err);

struct ramet_branch_summary_opts {
	uint64_t max_tokens;                     /* of messages, the newest first; 0: no limit */
};
/* What is left behind on the way from one entry to another; it owns all it points to. */
struct ramet_branch_summary_plan {
	uint32_t from, target; /* RAMET_NONE: before the first entry */
	uint32_t ancestor;                       /* the last entry both paths have, or RAMET_NONE */
	const uint32_t *rows;                    /* from behind it to `from` */
	uint32_t n_rows;
	/* those within the limit; without results of tools, edits applied */
	const struct ramet_message *messages;
	uint32_t n_messages;
	uint64_t tokens;                         /* their estimate */
	const struct ramet_bytes *read_files, *modified_files;
	uint32_t n_read_files, n_modified_files;
	void *priv;
};
/* EINVAL for no such row. Release the plan afterwards. */
RAMET_API int ramet_branch_summary_plan(const struct ramet_session *s, uint32_t from,
					uint32_t target,
					const struct ramet_branch_summary_opts *opts,
					struct ramet_branch_summary_plan *plan,
					struct ramet_error *err);
RAMET_API void ramet_branch_summary_plan_release(struct ramet_branch_summary_plan *plan);
/* What a summariser should read, in <conversation>, appended; nothing when nothing is left. */
RAMET_API int ramet_branch_summary_text(const struct ramet_branch_summary_plan *plan,
					struct ramet_buf *out, struct ramet_error *err);
/* {"leafId","targetId","ancestorId","entries":[id...],"messages","tokens","readFiles",
 * "modifiedFiles"} and with_text "text". */
RAMET_API int ramet_report_branch_summary(const struct ramet_session *s,
					  const struct ramet_branch_summary_plan *plan,
					  int with_text, struct ramet_buf *out,
					  struct ramet_error *err);
/* Go to the target and hang the summary there, behind the sentence pi puts before one. ECONFLICT
 * when the leaf is not the plan's `from` any more; EINVAL for an empty summary. */
RAMET_API int ramet_branch_summary_apply(struct ramet_session *s,
					 const struct ramet_branch_summary_plan *plan,
					 const struct ramet_written_summary *summary, char *id,
					 struct ramet_error *err);

/* ---- conversion ----
 *
 * A session of any format as one of any other (docs/guide/convert.md). What the target says in its
 * own way is said so. What it cannot say it carries in records that its own program passes over,
 * and the stored lines are carried too, so that converting back gives them again, byte for byte. */

struct ramet_convert_opts {
	const char *to;                          /* a format's name */
	/* a file that does not exist, a directory, a file of many sessions (sqlite, ckptmgr);
	 * NULL: where the format's own program keeps its sessions */
	const char *place;
	const char *id;                          /* NULL: the source's, if the format takes it */
	int lean; /* without the stored lines: smaller, and only what is said comes back */
	int one_branch; /* only the path to the row `leaf` */
	uint32_t leaf;
	int dry;                                 /* find out what would be lost, write nothing */
	int level;                               /* enum ramet_level */
};
/* What became of entries of one kind ("message assistant", "custom ramet.leaf", ...). */
struct ramet_convert_kind {
	char kind[48];
	uint64_t said, carried, left_out;
};
#define RAMET_CONVERT_KINDS_MAX 64
struct ramet_convert_report {
	uint64_t entries;                        /* of the source */
	uint64_t said, carried, left_out;        /* them, by how the target has them */
	/* of those carried: not on the branch that a format without branches tells */
	uint64_t off_branch;
	uint64_t restored; /* lines that were carried here from this very format: as they were */
	uint64_t lines, bytes;                   /* of the target: stored lines carried; size */
	/* findings of damage in the source; lines that are no entries go along as they are */
	uint64_t damaged;
	struct ramet_convert_kind kinds[RAMET_CONVERT_KINDS_MAX];
	uint32_t n_kinds;
	struct ramet_buf path;                   /* of the new session; empty when dry */
	struct ramet_buf id;
};
/* EINVAL for a format nobody knows, ECONFLICT when the place is taken; the source's errors.
 * report: need not be initialised; released by the caller, also on failure. */
RAMET_API int ramet_convert(struct ramet_session *s, const struct ramet_convert_opts *opts,
			    struct ramet_convert_report *report, struct ramet_error *err);
RAMET_API void ramet_convert_report_release(struct ramet_convert_report *report);

/* ---- texts ---- */

/* The first text of an entry for people: message text, command, summary, name, ... with white
 * space runs and control characters as one blank, cut to max_len bytes at a character; appended. */
RAMET_API int ramet_entry_excerpt(const struct ramet_session *s, uint32_t row, size_t max_len,
				  struct ramet_buf *out, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

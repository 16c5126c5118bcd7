/*
 * ramet/yoi.h - what belongs to yoi alone: its logs as it writes and replays them.
 *
 * The calls of ramet/store.h open yoi's logs like any session. These here are its own: records in
 * its own words, complete replay, forks by hash or turn, the hash chain, traces. Format and rules:
 * docs/format/yoi.md.
 */
#ifndef RAMET_YOI_H
#define RAMET_YOI_H

#include <ramet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ramet_yoi_generation {
	RAMET_YOI_ANY = 0, /* not known, or: as the file is */
	RAMET_YOI_G0, /* read only */
	RAMET_YOI_G1, /* hashed */
	RAMET_YOI_G1B,
	RAMET_YOI_G1C,
	RAMET_YOI_G1D,
	RAMET_YOI_BRIDGE, /* two hours without segments and without hashes */
	RAMET_YOI_G2, /* segments; what is written unless asked otherwise */
	RAMET_YOI_G3 /* read only */
};
/* "G1"; "" for none. */
RAMET_API const char *ramet_yoi_generation_name(int generation);
/* Of a file, by its first lines: RAMET_YOI_ANY when it is none of yoi's, or empty. EIO, ENOTFOUND,
 * ENOMEM. */
RAMET_API int ramet_yoi_generation(const char *path, int *generation, struct ramet_error *err);

#define RAMET_YOI_ID_SIZE 37 /* a UUID with its NUL */
#define RAMET_YOI_HASH_SIZE 65 /* 64 hex digits and NUL */
/* A new UUID of version 7. Within a process they never go back. */
RAMET_API int ramet_yoi_new_id(char out[RAMET_YOI_ID_SIZE], struct ramet_error *err);

/* ---- replay ---- */

/* Everything a log says when all its records, or the first of them, are replayed. JSON texts are in
 * the form that the log's generation stores. Release with ramet_yoi_state_release. */
struct ramet_yoi_state {
	int generation;
	struct ramet_buf session_id; /* of segments; else empty */
	int has_prompt;
	struct ramet_buf system_prompt; /* a text, not JSON */
	struct ramet_buf config; /* an object; empty when no record set one */
	struct ramet_buf history; /* a list of items */
	struct ramet_buf usage, extensions; /* lists of objects */
	struct ramet_buf user_segments; /* a list of lists, of generations that have them */
	struct ramet_buf pod_scope; /* the last that is well formed; else empty */
	uint64_t turn_count, n_history, n_records;
	int interrupted; /* the last run did not end by itself */
	char head_hash[RAMET_YOI_HASH_SIZE]; /* as the last record has it; "" without */
	/* of a tolerant reading: */
	uint64_t n_skipped; /* lines or parts of lines that are no record */
	uint64_t torn; /* bytes of an unfinished last line that do not count */
};
struct ramet_yoi_restore_opts {
	int generation; /* whose rules; RAMET_YOI_ANY: what the file looks like */
	/* answer as the original does: the first record that it would not read is an error, with
	 * err->line (0 when it is not told), and nothing is restored */
	int strict;
	/* stop behind the record with this hash, behind the first end of this turn (turn 0: before
	 * anything but starts), or after so many records (0: all). ENOTFOUND when there is none
	 * such. */
	const char *at_hash;
	int by_turn;
	uint64_t at_turn;
	uint64_t n_records;
};
/* Replay a log. ENOTFOUND, EFORMAT, EIO, ELIMIT (over 512 MiB), ENOMEM. */
RAMET_API int ramet_yoi_restore(struct ramet_yoi_state *state, const char *path,
				const struct ramet_yoi_restore_opts *opts, struct ramet_error *err);
RAMET_API void ramet_yoi_state_release(struct ramet_yoi_state *state);
/* One JSON object, with the names yoi's program uses, appended. */
RAMET_API int ramet_yoi_state_write(const struct ramet_yoi_state *state, struct ramet_buf *out,
				    struct ramet_error *err);
/* Hash of the last record alone, whatever stands before it, appended as 64 hex digits; nothing for
 * a log without records. EFORMAT. */
RAMET_API int ramet_yoi_head_hash(const char *path, struct ramet_buf *out, struct ramet_error *err);

/* ---- logs ----
 *
 * A handle on one log that is written to. Every record is one write, its newline included, under
 * flock on the file, and durable as the level says when the call returns. A handle remembers where
 * the log ended: when somebody else wrote behind it, a call answers ECONFLICT and writes nothing
 * (ramet_yoi_ensure_head makes a fork then), unless opts.follow says to go on behind theirs. A log
 * whose last line is unfinished is refused (EFORMAT) in hashed generations; in the others that line
 * does not count, and is moved to PATH.torn first. */

struct ramet_yoi_log;
struct ramet_yoi_opts {
	int generation; /* of a new log: RAMET_YOI_ANY is G2 */
	const char *session_id, *segment_id; /* of a new log; NULL: new ones */
	int level; /* enum ramet_level */
	uint32_t lock_ms; /* 0: five seconds */
	int follow;
	/* forks: only prompt, configuration and history, as the original does. Without it the rest
	 * of the state goes into records behind the start: usage, extensions, turn count, whether
	 * the last run was interrupted. */
	int seed_only;
};
/* What a log starts with. Texts with ptr NULL: none; JSON that is missing: nothing set, no
 * items. */
struct ramet_yoi_start {
	struct ramet_bytes system_prompt;
	struct ramet_bytes config, history; /* JSON: an object, a list of items */
};

/* A new log below dir, which is made if it is missing: dir/SESSION.jsonl in hashed generations,
 * dir/SESSION/SEGMENT.jsonl in the others, or dir/session/segments/SEGMENT.jsonl where dir is a
 * worker's directory (dir/session/session.json then says which session; ECONFLICT for another).
 * ECONFLICT when the file is there. start NULL: an empty one. */
RAMET_API int ramet_yoi_create(struct ramet_yoi_log **out, const char *dir,
			       const struct ramet_yoi_start *start,
			       const struct ramet_yoi_opts *opts, struct ramet_error *err);
/* The same for what a compaction left of the log at source: the new one names it and where it
 * ended. In generations with segments it stays in the same session, else it is a new one. */
RAMET_API int ramet_yoi_create_compacted(struct ramet_yoi_log **out, const char *dir,
					 const char *source, const struct ramet_yoi_start *start,
					 const struct ramet_yoi_opts *opts,
					 struct ramet_error *err);
/* An existing log. */
RAMET_API int ramet_yoi_open(struct ramet_yoi_log **out, const char *path,
			     const struct ramet_yoi_opts *opts, struct ramet_error *err);
RAMET_API void ramet_yoi_close(struct ramet_yoi_log *log);

RAMET_API const char *ramet_yoi_path(const struct ramet_yoi_log *log);
RAMET_API const char *ramet_yoi_session_id(const struct ramet_yoi_log *log);
RAMET_API const char *ramet_yoi_segment_id(const struct ramet_yoi_log *log); /* "": hashed */
RAMET_API int ramet_yoi_log_generation(const struct ramet_yoi_log *log);
RAMET_API const char *ramet_yoi_head(const struct ramet_yoi_log *log); /* hash; "": not hashed */
RAMET_API uint64_t ramet_yoi_records(const struct ramet_yoi_log *log);

/* New history items (a JSON list), as the original sorts them into records. In generations with
 * segments the user's own are passed over: they were written when they were sent. All of it is one
 * write. */
RAMET_API int ramet_yoi_save_delta(struct ramet_yoi_log *log, struct ramet_bytes items,
				   struct ramet_error *err);
RAMET_API int ramet_yoi_save_turn_end(struct ramet_yoi_log *log, uint64_t turn_count,
				      struct ramet_error *err);
/* result: "finished", "paused", "limit_reached" or "yielded". */
RAMET_API int ramet_yoi_save_run_completed(struct ramet_yoi_log *log, int interrupted,
					   const char *result, struct ramet_error *err);
RAMET_API int ramet_yoi_save_run_errored(struct ramet_yoi_log *log, int interrupted,
					 struct ramet_bytes message, struct ramet_error *err);
struct ramet_yoi_usage {
	uint64_t history_len, input_total_tokens, cache_read_tokens, cache_write_tokens,
		output_tokens;
};
RAMET_API int ramet_yoi_save_usage(struct ramet_yoi_log *log, const struct ramet_yoi_usage *usage,
				   struct ramet_error *err);
RAMET_API int ramet_yoi_save_config(struct ramet_yoi_log *log, struct ramet_bytes config,
				    struct ramet_error *err);
/* payload: any JSON; its members are sorted, as the original does. */
RAMET_API int ramet_yoi_save_extension(struct ramet_yoi_log *log, struct ramet_bytes domain,
				       struct ramet_bytes payload, struct ramet_error *err);
/* The user's input: a JSON list of segments, or in G1 and G1B the text of one message.
 * extensions: a list, from G2 on, or missing. */
RAMET_API int ramet_yoi_save_input(struct ramet_yoi_log *log, struct ramet_bytes segments,
				   struct ramet_bytes extensions, struct ramet_error *err);
/* Any record, given as a JSON object that begins with its kind; "ts" is put behind it when it has
 * none. EINVAL for one that the original would not read. */
RAMET_API int ramet_yoi_save_record(struct ramet_yoi_log *log, struct ramet_bytes record,
				    struct ramet_error *err);

/* ---- forks ---- */

/* Is the log still where this handle left it? If not, the handle goes over to a new log with this
 * start, which names the old one and the place where they parted: a session in hashed generations,
 * a segment of the same session in the others. *forked: 1 then. */
RAMET_API int ramet_yoi_ensure_head(struct ramet_yoi_log *log, const struct ramet_yoi_start *start,
				    int *forked, struct ramet_error *err);
/* A new session, from a start alone. (The same as ramet_yoi_create: it names no parent.) */
RAMET_API int ramet_yoi_fork(struct ramet_yoi_log **out, const char *dir,
			     const struct ramet_yoi_start *start, const struct ramet_yoi_opts *opts,
			     struct ramet_error *err);
/* A new log with the state that the log at source had behind the record with this hash, or behind
 * the end of this turn (0: before the first). source stays as it is. ENOTFOUND for a hash or turn
 * that it does not have; EINVAL for a hash of a generation without, or a turn of a hashed one. */
RAMET_API int ramet_yoi_fork_at_hash(struct ramet_yoi_log **out, const char *dir,
				     const char *source, const char *hash,
				     const struct ramet_yoi_opts *opts, struct ramet_error *err);
RAMET_API int ramet_yoi_fork_at_turn(struct ramet_yoi_log **out, const char *dir,
				     const char *source, uint64_t turn,
				     const struct ramet_yoi_opts *opts, struct ramet_error *err);

/* Keep the first n records; the rest is moved to a file beside the log, whose path is appended to
 * kept (may be NULL), before the log is replaced as a whole. EINVAL beyond the end, EVERSION for
 * G0 and G3, ECONFLICT when the log went on without the handle. */
RAMET_API int ramet_yoi_truncate(struct ramet_yoi_log *log, uint64_t n, struct ramet_buf *kept,
				 struct ramet_error *err);
/* The same, to before the input-th user_input (from 0), and the invoke right before it. expected:
 * how many records the caller knows of; ECONFLICT when there are not so many. */
RAMET_API int ramet_yoi_rewind(struct ramet_yoi_log *log, uint64_t input, uint64_t expected,
			       struct ramet_buf *kept, struct ramet_error *err);

/* ---- the hash chain ---- */

/* Hash of a record whose text is json, behind the record with the hash prev (NULL or "": the
 * first). EINVAL for a prev that is none. */
RAMET_API int ramet_yoi_hash(const char *prev, struct ramet_bytes json,
			     char out[RAMET_YOI_HASH_SIZE], struct ramet_error *err);
/* Records, one JSON object a line, as hashed lines from the start, appended. EJSON, EINVAL for
 * what is no object with members. */
RAMET_API int ramet_yoi_build_chain(struct ramet_bytes records, struct ramet_buf *out,
				    struct ramet_error *err);

struct ramet_yoi_verdict {
	int generation, hashed;
	/* every record reads, every hash is its text's, every link leads to the one before */
	int intact;
	uint64_t n_records, n_bad_json, n_unhashed; /* unhashed: records without a usable hash */
	uint64_t n_wrong; /* hashes that are not their text's */
	uint64_t n_broken; /* links that do not lead to the record before */
	uint64_t n_glued; /* records behind another in one line */
	/* broken links that do lead to a record further up: interleaved writers, not tampering */
	uint64_t n_branches;
	uint64_t torn; /* bytes of an unfinished last line */
	uint64_t bad_line, bad_offset; /* of the first thing that is wrong; 0 and none */
	int relinks; /* after the first bad record all others link and hash again */
	uint64_t n_chains; /* chains the records form when each is followed to its parent */
	char head[RAMET_YOI_HASH_SIZE];
};
/* Check a log over its stored bytes. What is wrong goes to findings (codes `hash`, `chain` and
 * those of reading), if not NULL; they are the caller's to release. ENOTFOUND, EIO, ENOMEM. */
RAMET_API int ramet_yoi_verify(const char *path, struct ramet_yoi_verdict *v,
			       struct ramet_findings *findings, struct ramet_error *err);

/* ---- finding logs ---- */

/* fn gets one id after the other, newest first; non-zero stops, and is answered. */
typedef int ramet_yoi_id_fn(void *user, const char *id);
/* Sessions below dir: *.jsonl and directories, of all generations, or of one kind: 1 flat files,
 * 2 directories; 0 both. ENOTFOUND, EIO. */
RAMET_API int ramet_yoi_list_sessions(const char *dir, int shape, ramet_yoi_id_fn *fn, void *user,
				      struct ramet_error *err);
RAMET_API int ramet_yoi_list_segments(const char *dir, const char *session, ramet_yoi_id_fn *fn,
				      void *user, struct ramet_error *err);
/* Which session has this segment. ENOTFOUND. */
RAMET_API int ramet_yoi_find_segment(const char *dir, const char *segment,
				     char session[RAMET_YOI_ID_SIZE], struct ramet_error *err);
/* The file of a session (segment NULL or "": the flat one, or the newest of its segments) or
 * segment, appended. ENOTFOUND, EINVAL for what is no id. */
RAMET_API int ramet_yoi_find(const char *dir, const char *session, const char *segment,
			     struct ramet_buf *path, struct ramet_error *err);

/* ---- traces ---- */

/* The trace of a log stands beside it: NAME.trace.jsonl. Its path, appended. */
RAMET_API int ramet_yoi_trace_path(const char *log, struct ramet_buf *path,
				   struct ramet_error *err);
struct ramet_yoi_trace {
	uint64_t ts, turn;
	int has_llm_call;
	uint64_t llm_call;
	/* an event of the model's stream, raw JSON; or a step of the program with a label */
	struct ramet_bytes event, label, data; /* label decoded; data raw, may be missing */
	uint64_t line;
	struct ramet_bytes raw; /* the line; of one that is no trace alone (event, label missing) */
};
/* fn gets each line, borrowed; non-zero stops, and is answered. Unfinished last lines are given
 * too, with what they have. ENOTFOUND, EIO. */
typedef int ramet_yoi_trace_fn(void *user, const struct ramet_yoi_trace *t);
RAMET_API int ramet_yoi_trace_read(const char *path, ramet_yoi_trace_fn *fn, void *user,
				   struct ramet_error *err);
/* Append a line as this generation writes it (ANY: G2); ts 0: now. In G1 only events. Not synced: a
 * trace is for looking at. */
RAMET_API int ramet_yoi_trace_append(const char *path, int generation,
				     const struct ramet_yoi_trace *t, struct ramet_error *err);

#ifdef __cplusplus
}
#endif
#endif

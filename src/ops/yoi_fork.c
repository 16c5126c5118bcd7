/*
 * ops/yoi_fork.c - new logs of yoi's: fresh, compacted, forked; and logs cut short.
 *
 * A fork carries the whole state of the place it leaves: what its start has no member for stands in
 * records behind it. Every fork names its parent, also those the original makes without a name.
 * Parents are never written to. Cutting keeps what it cuts away, and replaces the file as a whole.
 */
#include "ops/yoi_priv.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/newfile.h"
#include "ramet/store.h"

#define TEXT_MAX (SIZE_MAX / 2)

/* A new log with these first records. */
static int make(struct ramet_yoi_log **out, const char *dir, const struct ramet_yoi_log *like,
		const struct ramet_yoi_start *start, const struct rameti_yoi_origin *from,
		const struct ramet_yoi_state *rest, const struct ramet_yoi_opts *opts,
		struct ramet_error *err)
{
	struct ramet_buf records = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_yoi_log *log = NULL;
	int r = rameti_yoi_log_new(&log, dir, like, opts, err);

	if (r < 0)
		return r;
	r = rameti_yoi_add_start(&records, log, start, from, err);
	if (!r && rest && !log->opts.seed_only)
		r = rameti_yoi_add_rest(&records, rest, err);
	if (!r)
		r = rameti_yoi_check_records(ramet_buf_bytes(&records), log->gen, err);
	if (!r)
		r = rameti_yoi_log_store(log, ramet_buf_bytes(&records), err);
	ramet_buf_release(&records);
	if (r < 0) {
		ramet_yoi_close(log);
		return r;
	}
	if (rest && !log->opts.seed_only)
		log->turn_count = rest->turn_count;
	*out = log;
	return 0;
}

int ramet_yoi_create(struct ramet_yoi_log **out, const char *dir,
		     const struct ramet_yoi_start *start, const struct ramet_yoi_opts *opts,
		     struct ramet_error *err)
{
	return make(out, dir, NULL, start, NULL, NULL, opts, err);
}

int ramet_yoi_fork(struct ramet_yoi_log **out, const char *dir, const struct ramet_yoi_start *start,
		   const struct ramet_yoi_opts *opts, struct ramet_error *err)
{
	return make(out, dir, NULL, start, NULL, NULL, opts, err);
}

/* How a fork names its parent, at the place where the handle is, or at one of these. */
static struct rameti_yoi_origin origin_at(const char *key, const struct ramet_yoi_log *source,
					  const char *hash, uint64_t turn)
{
	struct rameti_yoi_origin from = { .key = key };

	if (source->gen < RAMETI_YOI_BRIDGE) {
		from.id = source->session;
		from.at_hash = hash;
	} else {
		from.id = *source->segment ? source->segment : source->session;
		from.at_turn = turn;
	}
	if (!*from.id || (from.at_hash && !*from.at_hash))
		from.key = NULL; /* a file without a name of yoi's, or an empty one */
	return from;
}

/* The options of a fork: it is of its parent's generation unless told otherwise. */
static int open_source(struct ramet_yoi_log **source, const char *path,
		       const struct ramet_yoi_opts *given, struct ramet_yoi_opts *opts,
		       struct ramet_error *err)
{
	int r = ramet_yoi_open(source, path, NULL, err);

	memset(opts, 0, sizeof(*opts));
	if (given)
		*opts = *given;
	if (r < 0)
		return r;
	if (!opts->generation)
		opts->generation = (*source)->gen;
	if ((opts->generation < RAMETI_YOI_BRIDGE) != ((*source)->gen < RAMETI_YOI_BRIDGE)) {
		ramet_yoi_close(*source);
		return rameti_fail_at(err, RAMET_EINVAL, path, 0, RAMET_NO_OFFSET,
				      "a fork is of its parent's generation");
	}
	return 0;
}

int ramet_yoi_create_compacted(struct ramet_yoi_log **out, const char *dir, const char *source,
			       const struct ramet_yoi_start *start,
			       const struct ramet_yoi_opts *opts, struct ramet_error *err)
{
	struct rameti_yoi_origin from;
	struct ramet_yoi_state state;
	struct ramet_yoi_log *parent;
	struct ramet_yoi_opts own;
	int r = open_source(&parent, source, opts, &own, err);

	if (r < 0)
		return r;
	from = origin_at("compacted_from", parent, parent->head, parent->turn_count);
	r = ramet_yoi_restore(&state, source, NULL, err);
	if (!r) {
		r = make(out, dir, parent, start, &from, &state, &own, err);
		ramet_yoi_state_release(&state);
	}
	ramet_yoi_close(parent);
	return r;
}

static struct ramet_yoi_start start_of(const struct ramet_yoi_state *s)
{
	struct ramet_yoi_start start = { .config = ramet_buf_bytes(&s->config),
					 .history = ramet_buf_bytes(&s->history) };

	if (s->has_prompt) {
		start.system_prompt = ramet_buf_bytes(&s->system_prompt);
		if (!start.system_prompt.ptr)
			start.system_prompt.ptr = "";
	}
	return start;
}

static int fork_at(struct ramet_yoi_log **out, const char *dir, const char *source,
		   const struct ramet_yoi_restore_opts *at, const struct ramet_yoi_opts *opts,
		   struct ramet_error *err)
{
	struct rameti_yoi_origin from;
	struct ramet_yoi_start start;
	struct ramet_yoi_state state;
	struct ramet_yoi_log *parent;
	struct ramet_yoi_opts own;
	int r = open_source(&parent, source, opts, &own, err);

	if (r < 0)
		return r;
	if ((at->at_hash != NULL) != (parent->gen < RAMETI_YOI_BRIDGE))
		r = rameti_fail_at(err, RAMET_EINVAL, source, 0, RAMET_NO_OFFSET,
				   "places are hashes where there are hashes, else turns");
	if (!r)
		r = ramet_yoi_restore(&state, source, at, err);
	if (!r) {
		start = start_of(&state);
		from = origin_at("forked_from", parent, state.head_hash, at->at_turn);
		r = make(out, dir, parent, &start, &from, &state, &own, err);
		ramet_yoi_state_release(&state);
	}
	ramet_yoi_close(parent);
	return r;
}

int ramet_yoi_fork_at_hash(struct ramet_yoi_log **out, const char *dir, const char *source,
			   const char *hash, const struct ramet_yoi_opts *opts,
			   struct ramet_error *err)
{
	struct ramet_yoi_restore_opts at = { .at_hash = hash };

	return fork_at(out, dir, source, &at, opts, err);
}

int ramet_yoi_fork_at_turn(struct ramet_yoi_log **out, const char *dir, const char *source,
			   uint64_t turn, const struct ramet_yoi_opts *opts,
			   struct ramet_error *err)
{
	struct ramet_yoi_restore_opts at = { .by_turn = 1, .at_turn = turn };

	return fork_at(out, dir, source, &at, opts, err);
}

/* ---- a log that went on without its handle ---- */

int ramet_yoi_ensure_head(struct ramet_yoi_log *log, const struct ramet_yoi_start *start,
			  int *forked, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_yoi_opts opts = log->opts;
	struct rameti_yoi_origin from;
	struct ramet_yoi_log *other = NULL, old;
	int follow = log->opts.follow, r;

	*forked = 0;
	log->opts.follow = 0;
	r = rameti_yoi_log_lock(log, &f, err);
	log->opts.follow = follow;
	rameti_yoi_log_unlock(&f);
	if (r != RAMET_ECONFLICT)
		return r;
	opts.generation = log->gen;
	from = origin_at("forked_from", log, log->head, log->turn_count);
	r = make(&other, log->dir, log, start, &from, NULL, &opts, err);
	if (r < 0)
		return r;
	old = *log;
	*log = *other;
	*other = old;
	log->turn_count = old.turn_count;
	ramet_yoi_close(other);
	*forked = 1;
	return 0;
}

/* ---- cutting ---- */

/* What is cut away, beside the log under a name of its own. */
static int keep_rest(const struct ramet_yoi_log *log, struct ramet_bytes rest,
		     struct ramet_buf *path, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int i, r = RAMET_ECONFLICT;

	for (i = 0; i < 1000 && r == RAMET_ECONFLICT; i++) {
		ramet_buf_reset(path);
		ramet_buf_addf(path, i ? "%s.cut.%d" : "%s.cut", log->path, i);
		r = ramet_buf_status(path) < 0 ? rameti_fail_nomem(err)
					       : rameti_newfile_open(&n, path->ptr, 0600, err);
		if (!r)
			r = rameti_newfile_write(&n, rest, err);
		if (!r)
			r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
		rameti_newfile_abort(&n);
	}
	return r;
}

/* Offset behind the first n records that are whole lines; SIZE_MAX: there are fewer. */
static size_t end_of(const struct rameti_yoi_text *t, uint64_t n)
{
	struct ramet_bytes left = { t->text.ptr, t->counted };
	uint64_t seen = 0;

	while (left.len && seen < n) {
		struct ramet_bytes one = { left.ptr, rameti_scan_newline(left) };
		size_t step = one.len + (one.len < left.len);

		seen += rameti_utf8_trim(one).len > 0;
		left.ptr += step;
		left.len -= step;
	}
	return seen == n ? t->counted - left.len : SIZE_MAX;
}

static int replace(struct ramet_yoi_log *log, const struct rameti_file *f,
		   const struct rameti_yoi_text *t, size_t end, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct rameti_yoi_text kept = *t;
	struct stat st;
	int r = rameti_file_stat(f, &st, err);

	if (!r && (uint64_t)st.st_size != t->text.len)
		r = rameti_fail_at(err, RAMET_ECONFLICT, log->path, 0, RAMET_NO_OFFSET,
				   "another program wrote to it meanwhile");
	if (!r)
		r = rameti_newfile_open(&n, log->path, st.st_mode & 07777, err);
	if (!r)
		r = rameti_newfile_write(&n, (struct ramet_bytes){ t->text.ptr, end }, err);
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	kept.counted = end;
	return r ? r : rameti_yoi_log_note(log, &kept, err);
}

static int cut_text(struct ramet_yoi_log *log, const struct rameti_file *f,
		    const struct rameti_yoi_text *t, size_t end, struct ramet_buf *kept,
		    struct ramet_error *err)
{
	struct ramet_bytes rest = { t->text.ptr + end, t->text.len - end };
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	int r = 0;

	if (rest.len) {
		r = keep_rest(log, rest, &path, err);
		if (!r)
			r = replace(log, f, t, end, err);
		if (!r && kept)
			ramet_buf_add(kept, ramet_buf_bytes(&path));
	}
	ramet_buf_release(&path);
	return r ? r : kept && ramet_buf_status(kept) < 0 ? rameti_fail_nomem(err) : 0;
}

int ramet_yoi_truncate(struct ramet_yoi_log *log, uint64_t n, struct ramet_buf *kept,
		       struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct rameti_yoi_text t;
	size_t end;
	int r = rameti_yoi_log_lock(log, &f, err);

	if (r < 0)
		return r;
	r = rameti_yoi_load(&t, log->path, log->gen, err);
	if (!r) {
		end = end_of(&t, n);
		r = end == SIZE_MAX ? rameti_fail_at(err, RAMET_EINVAL, log->path, n,
						     RAMET_NO_OFFSET, "there are fewer records")
				    : cut_text(log, &f, &t, end, kept, err);
		rameti_yoi_unload(&t);
	}
	rameti_yoi_log_unlock(&f);
	return r;
}

/* How many records stand before the input-th user_input, and the invoke right before it. */
static int find_input(const struct ramet_yoi_log *log, uint64_t input, uint64_t *n,
		      struct ramet_error *err)
{
	struct rameti_yoi_record rec;
	struct rameti_yoi_walk w;
	struct rameti_yoi_text t;
	int r = rameti_yoi_load(&t, log->path, log->gen, err), found = 0, invoke = 0;
	uint64_t lines = 0;

	if (r < 0)
		return r;
	rameti_yoi_walk_init(&w, (struct ramet_bytes){ t.text.ptr, t.counted }, 0);
	while (!found && (r = rameti_yoi_walk_next(&w, err)) > 0) {
		rameti_yoi_record_init(&rec, w.object);
		if (rec.kind == RAMETI_YOI_USER_INPUT && !input--) {
			*n = lines - (uint64_t)invoke;
			found = 1;
		}
		invoke = rec.kind == RAMETI_YOI_INVOKE;
		lines += !w.part;
	}
	rameti_yoi_walk_release(&w);
	rameti_yoi_unload(&t);
	if (r < 0 || found)
		return r < 0 ? r : 0;
	return rameti_fail_at(err, RAMET_ENOTFOUND, log->path, 0, RAMET_NO_OFFSET,
			      "there are fewer user inputs");
}

int ramet_yoi_rewind(struct ramet_yoi_log *log, uint64_t input, uint64_t expected,
		     struct ramet_buf *kept, struct ramet_error *err)
{
	uint64_t n = 0;
	int r;

	if (log->n_records != expected)
		return rameti_fail_at(err, RAMET_ECONFLICT, log->path, 0, RAMET_NO_OFFSET,
				      "the log has %llu records, not %llu",
				      (unsigned long long)log->n_records,
				      (unsigned long long)expected);
	r = find_input(log, input, &n, err);
	return r ? r : ramet_yoi_truncate(log, n, kept, err);
}

/* ---- the chain ---- */

int ramet_yoi_hash(const char *prev, struct ramet_bytes json, char out[RAMET_YOI_HASH_SIZE],
		   struct ramet_error *err)
{
	uint8_t before[32] = { 0 }, hash[32];

	if (prev && *prev && !rameti_yoi_unhex(ramet_bytes_of(prev), before))
		return rameti_fail(err, RAMET_EINVAL, "not a hash: %.70s", prev);
	if (rameti_yoi_hash(before, json, hash) < 0)
		return rameti_fail_nomem(err);
	rameti_hex(hash, 32, out);
	return 0;
}

int ramet_yoi_build_chain(struct ramet_bytes records, struct ramet_buf *out,
			  struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint8_t chain[32];
	size_t before = out->len;
	int has_chain = 0, r = 0;

	while (!r && records.len) {
		struct ramet_bytes one = { records.ptr, rameti_scan_newline(records) };

		records.ptr += one.len + (one.len < records.len);
		records.len -= one.len + (one.len < records.len);
		one = rameti_utf8_trim(one);
		if (!one.len)
			continue;
		r = ramet_json_parse(&doc, one, RAMET_JSON_STRICT, err);
		if (!r && (ramet_json_kind(ramet_json_root(&doc)) != RAMET_JSON_OBJECT ||
			   !ramet_json_count(ramet_json_root(&doc)) ||
			   ramet_json_get(ramet_json_root(&doc), "hash")))
			r = rameti_fail(err, RAMET_EINVAL, "a record is an object without a hash");
		if (!r && rameti_yoi_add_line(out, one, RAMETI_YOI_G1, chain, &has_chain) < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_json_doc_release(&doc);
	if (r < 0)
		ramet_buf_truncate(out, before);
	return r;
}

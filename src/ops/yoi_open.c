/*
 * ops/yoi_open.c - a handle on a log of yoi's: an existing one opened, or a new one made.
 *
 * Where a log stands decides what it is: a flat file, a segment in its session's directory, or one
 * in a worker's. A new file appears whole or not at all, and never takes another's place. Refuses
 * generations that are only read.
 */
#include "ops/yoi_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/newfile.h"
#include "ramet/store.h"

/* ---- a handle ---- */

void ramet_yoi_close(struct ramet_yoi_log *log)
{
	if (!log)
		return;
	ramet_free(log->path);
	ramet_free(log->dir);
	ramet_free(log);
}

const char *ramet_yoi_path(const struct ramet_yoi_log *log)
{
	return log->path;
}

const char *ramet_yoi_session_id(const struct ramet_yoi_log *log)
{
	return log->session;
}

const char *ramet_yoi_segment_id(const struct ramet_yoi_log *log)
{
	return log->segment;
}

int ramet_yoi_log_generation(const struct ramet_yoi_log *log)
{
	return log->gen;
}

const char *ramet_yoi_head(const struct ramet_yoi_log *log)
{
	return log->head;
}

uint64_t ramet_yoi_records(const struct ramet_yoi_log *log)
{
	return log->n_records;
}

static void note_chain(struct ramet_yoi_log *log, const uint8_t hash[32])
{
	memcpy(log->chain, hash, 32);
	log->has_chain = 1;
	rameti_hex(hash, 32, log->head);
}

static void note_end(struct ramet_yoi_log *log, struct ramet_bytes text)
{
	size_t at = rameti_yoi_last_line(text);

	log->size = text.len;
	log->last_len = (uint32_t)(text.len - at);
	log->last_crc = rameti_crc32c(0, text.len ? text.ptr + at : "", log->last_len);
}

/* The file as another program left it: its records are counted anew. */
int rameti_yoi_log_note(struct ramet_yoi_log *log, const struct rameti_yoi_text *t,
			struct ramet_error *err)
{
	struct ramet_bytes all = { t->text.ptr, t->counted };
	struct rameti_yoi_record rec;
	struct rameti_yoi_link link;
	struct rameti_yoi_walk w;
	int r;

	log->n_records = log->turn_count = 0;
	log->has_chain = 0;
	*log->head = '\0';
	rameti_yoi_walk_init(&w, all, 0);
	while ((r = rameti_yoi_walk_next(&w, err)) > 0) {
		/* the original counts lines, whatever is in them */
		log->n_records += !w.part;
		if (!w.object)
			continue;
		rameti_yoi_record_init(&rec, w.object);
		if (rec.kind == RAMETI_YOI_TURN_END)
			(void)rameti_yoi_u64(ramet_json_get(w.object, "turn_count"),
					     &log->turn_count);
		if (log->gen < RAMETI_YOI_BRIDGE && rameti_yoi_link_loose(w.object, &link))
			note_chain(log, link.hash);
	}
	rameti_yoi_walk_release(&w);
	note_end(log, all);
	return r;
}

static int copy_text(char **to, const char *text)
{
	struct ramet_buf b = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);

	ramet_buf_add_str(&b, text);
	ramet_free(*to);
	*to = ramet_buf_detach(&b, NULL);
	ramet_buf_release(&b);
	return *to ? 0 : RAMET_ENOMEM;
}

/* The n-th directory above a path, appended. */
static void above(const char *path, int n, struct ramet_buf *out)
{
	struct ramet_buf a = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX), b = a;

	ramet_buf_add_str(&a, path);
	while (n-- > 0 && a.ptr) {
		ramet_buf_reset(&b);
		rameti_path_dir(a.ptr, &b);
		ramet_buf_reset(&a);
		ramet_buf_add(&a, ramet_buf_bytes(&b));
	}
	ramet_buf_add(out, ramet_buf_bytes(&a));
	ramet_buf_release(&a);
	ramet_buf_release(&b);
}

/* The name without its ending, if it is an id. */
static void id_of_name(const char *path, char id[RAMET_YOI_ID_SIZE])
{
	const char *base = rameti_path_base(path), *dot = strchr(base, '.');
	size_t len = dot ? (size_t)(dot - base) : strlen(base);

	*id = '\0';
	if (len != RAMET_YOI_ID_SIZE - 1)
		return;
	memcpy(id, base, len);
	id[len] = '\0';
	if (!rameti_yoi_is_id(id))
		*id = '\0';
}

/* session_id of the first start. */
static int session_of(const struct rameti_yoi_text *t, char id[RAMET_YOI_ID_SIZE],
		      struct ramet_error *err)
{
	struct ramet_bytes all = { t->text.ptr, t->counted };
	struct rameti_yoi_walk w;
	int r;

	rameti_yoi_walk_init(&w, all, 0);
	while ((r = rameti_yoi_walk_next(&w, err)) > 0 && !*id) {
		struct ramet_bytes text = ramet_json_plain(ramet_json_get(w.object, "session_id"));

		if (text.len != RAMET_YOI_ID_SIZE - 1)
			continue;
		memcpy(id, text.ptr, text.len);
		id[text.len] = '\0';
	}
	rameti_yoi_walk_release(&w);
	return r < 0 ? r : 0;
}

/* Which of the shapes this path has, and the directory that all of it stands in. */
static int find_place(struct ramet_yoi_log *log, const struct rameti_yoi_text *t,
		      struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	struct ramet_buf parent = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	int r = 0;

	above(log->path, 1, &parent);
	if (log->gen <= RAMETI_YOI_BRIDGE) {
		log->shape = RAMETI_YOI_FLAT;
		id_of_name(log->path, log->session);
	} else {
		id_of_name(log->path, log->segment);
		r = session_of(t, log->session, err);
		log->shape = parent.ptr && !strcmp(rameti_path_base(parent.ptr), "segments")
				     ? RAMETI_YOI_WORKER
				     : RAMETI_YOI_DIRECTORY;
		if (!*log->session && parent.ptr)
			id_of_name(parent.ptr, log->session);
	}
	above(log->path, log->shape == RAMETI_YOI_WORKER ? 3 : 1 + log->shape, &dir);
	if (!r && (!dir.ptr || copy_text(&log->dir, dir.ptr) < 0))
		r = rameti_fail_nomem(err);
	ramet_buf_release(&dir);
	ramet_buf_release(&parent);
	return r;
}

static int open_text(struct ramet_yoi_log *log, const struct rameti_yoi_text *t,
		     struct ramet_error *err)
{
	int r;

	log->gen = t->gen ? t->gen : log->opts.generation ? log->opts.generation : RAMETI_YOI_G2;
	if (log->gen == RAMETI_YOI_G0 || log->gen == RAMETI_YOI_G3)
		return rameti_fail_at(err, RAMET_EVERSION, log->path, 0, RAMET_NO_OFFSET,
				      "logs of this generation are only read");
	r = rameti_yoi_log_note(log, t, err);
	return r ? r : find_place(log, t, err);
}

int ramet_yoi_open(struct ramet_yoi_log **out, const char *path, const struct ramet_yoi_opts *opts,
		   struct ramet_error *err)
{
	struct ramet_yoi_log *log = ramet_calloc(1, sizeof(*log));
	struct rameti_yoi_text t;
	int r;

	if (!log)
		return rameti_fail_nomem(err);
	if (opts)
		log->opts = *opts;
	log->opts.session_id = log->opts.segment_id = NULL;
	r = rameti_yoi_load(&t, path, 0, err);
	if (r < 0) {
		ramet_yoi_close(log);
		return r;
	}
	r = copy_text(&log->path, path) < 0 ? rameti_fail_nomem(err) : open_text(log, &t, err);
	rameti_yoi_unload(&t);
	if (r < 0)
		ramet_yoi_close(log);
	else
		*out = log;
	return r;
}

/* ---- a new one ---- */

static int choose_path(struct ramet_yoi_log *log, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	int r = 0;

	if (log->shape == RAMETI_YOI_FLAT)
		ramet_buf_addf(&path, "%s/%s.jsonl", log->dir, log->session);
	else if (log->shape == RAMETI_YOI_WORKER)
		ramet_buf_addf(&path, "%s/session/segments/%s.jsonl", log->dir, log->segment);
	else
		ramet_buf_addf(&path, "%s/%s/%s.jsonl", log->dir, log->session, log->segment);
	if (ramet_buf_status(&path) < 0 || copy_text(&log->path, path.ptr) < 0)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&path);
	return r;
}

static int choose_id(char id[RAMET_YOI_ID_SIZE], const char *given, struct ramet_error *err)
{
	if (!given)
		return ramet_yoi_new_id(id, err);
	if (!rameti_yoi_is_id(given))
		return rameti_fail(err, RAMET_EINVAL, "not a UUID: %.40s", given);
	memcpy(id, given, RAMET_YOI_ID_SIZE);
	return 0;
}

static int choose_session(struct ramet_yoi_log *log, const struct ramet_yoi_log *like,
			  const char *given, struct ramet_error *err)
{
	char owner[RAMET_YOI_ID_SIZE] = "";
	int worker = 0, r;

	if (log->gen <= RAMETI_YOI_BRIDGE)
		return choose_id(log->session, given, err);
	log->shape = RAMETI_YOI_DIRECTORY;
	r = rameti_yoi_worker_session(log->dir, owner, &worker, err);
	if (r < 0)
		return r;
	if (worker)
		log->shape = RAMETI_YOI_WORKER;
	if (!given && like && *like->session)
		given = like->session;
	if (worker && given && strcmp(given, owner) != 0)
		return rameti_fail_at(err, RAMET_ECONFLICT, log->dir, 0, RAMET_NO_OFFSET,
				      "this worker owns session %s", owner);
	return choose_id(log->session, worker ? owner : given, err);
}

int rameti_yoi_log_new(struct ramet_yoi_log **out, const char *dir,
		       const struct ramet_yoi_log *like, const struct ramet_yoi_opts *opts,
		       struct ramet_error *err)
{
	struct ramet_yoi_log *log = ramet_calloc(1, sizeof(*log));
	const char *session = opts ? opts->session_id : NULL;
	const char *segment = opts ? opts->segment_id : NULL;
	int r;

	if (!log)
		return rameti_fail_nomem(err);
	if (opts)
		log->opts = *opts;
	log->opts.session_id = log->opts.segment_id = NULL;
	log->gen = log->opts.generation ? log->opts.generation : like ? like->gen : RAMETI_YOI_G2;
	if (log->gen <= RAMETI_YOI_G0 || log->gen >= RAMETI_YOI_G3)
		r = rameti_fail(err, RAMET_EVERSION, "logs of this generation are only read");
	else
		r = copy_text(&log->dir, dir) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r)
		r = choose_session(log, like, session, err);
	if (!r && log->gen > RAMETI_YOI_BRIDGE)
		r = choose_id(log->segment, segment, err);
	if (!r)
		r = choose_path(log, err);
	if (r < 0)
		ramet_yoi_close(log);
	else
		*out = log;
	return r;
}

int rameti_yoi_log_store(struct ramet_yoi_log *log, struct ramet_bytes records,
			 struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_buf dir = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	struct ramet_buf lines = RAMET_BUF_INIT(SIZE_MAX / 2);
	int sync = log->opts.level != RAMET_LEVEL_NONE;
	struct ramet_yoi_log end;
	int r = rameti_yoi_to_lines(log, records, &end, &lines, err);

	rameti_path_dir(log->path, &dir);
	if (!r && ramet_buf_status(&dir) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_dir_make(NULL, dir.ptr, sync, err);
	if (!r)
		r = rameti_newfile_open(&n, log->path, 0600, err);
	if (!r)
		r = rameti_newfile_write(&n, ramet_buf_bytes(&lines), err);
	if (!r)
		r = rameti_newfile_commit(&n, sync ? RAMETI_NEWFILE_SYNC : 0, err);
	if (!r)
		rameti_yoi_log_moved(log, &end, ramet_buf_bytes(&lines));
	rameti_newfile_abort(&n);
	ramet_buf_release(&lines);
	ramet_buf_release(&dir);
	return r;
}

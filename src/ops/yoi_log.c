/*
 * ops/yoi_log.c - appending to a log of yoi's.
 *
 * An append holds flock on the file, finds the log where the handle left it, and is one write. What
 * fails half-way is cut away again if nothing stands behind it. A bare torn tail, which counts for
 * nobody, is moved to PATH.torn first, but only if it does not grow for a moment: yoi itself takes
 * no lock. Refuses a torn tail of a hashed log.
 */
#include "ops/yoi_priv.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/newfile.h"
#include "ramet/store.h"

#define LOCK_MS 5000u
#define LOOK_AGAIN_NS 20000000
#define TRIES 8

/* ---- records as lines ---- */

/* Where the last line begins, its newline counted in. */
size_t rameti_yoi_last_line(struct ramet_bytes text)
{
	size_t at = text.len;

	while (at && text.ptr[at - 1] == '\n')
		at--;
	while (at && text.ptr[at - 1] != '\n')
		at--;
	return at;
}

/* Records as lines; *end: the chain behind them. */
int rameti_yoi_to_lines(const struct ramet_yoi_log *log, struct ramet_bytes records,
			struct ramet_yoi_log *end, struct ramet_buf *lines, struct ramet_error *err)
{
	*end = *log;
	while (records.len) {
		struct ramet_bytes one = { records.ptr, rameti_scan_newline(records) };

		records.ptr += one.len;
		records.len -= one.len;
		if (records.len) {
			records.ptr++;
			records.len--;
		}
		if (!one.len)
			continue;
		if (rameti_yoi_add_line(lines, one, log->gen, end->chain, &end->has_chain) < 0)
			return rameti_fail_nomem(err);
		end->n_records++;
	}
	if (end->has_chain)
		rameti_hex(end->chain, 32, end->head);
	return 0;
}

/* The last line is among these lines: the handle is behind them. */
void rameti_yoi_log_moved(struct ramet_yoi_log *log, const struct ramet_yoi_log *end,
			  struct ramet_bytes lines)
{
	size_t at = rameti_yoi_last_line(lines);
	uint64_t before = log->size;

	*log = *end;
	log->size = before + lines.len;
	log->last_len = (uint32_t)(lines.len - at);
	log->last_crc = rameti_crc32c(0, lines.ptr + at, log->last_len);
}

/* ---- appending ---- */

void rameti_yoi_log_unlock(struct rameti_file *f)
{
	if (f->fd < 0)
		return;
	rameti_file_unlock(f);
	(void)rameti_file_close(f); /* what counts was synced */
}

/* Open and lock the file that the path names now. */
static int lock_file(const struct ramet_yoi_log *log, struct rameti_file *f,
		     struct ramet_error *err)
{
	struct stat here, there;
	int i, r;

	for (i = 0; i < TRIES; i++) {
		r = rameti_file_open(f, log->path, RAMETI_FILE_APPEND, err);
		if (r < 0)
			return r;
		r = rameti_file_lock(f, log->opts.lock_ms ? log->opts.lock_ms : LOCK_MS, err);
		if (!r)
			r = rameti_file_stat(f, &here, err);
		if (!r)
			r = rameti_path_stat(f->env, log->path, &there, err);
		if (!r && here.st_ino == there.st_ino && here.st_dev == there.st_dev)
			return 0;
		rameti_yoi_log_unlock(f);
		if (r < 0)
			return r;
	}
	return rameti_fail_at(err, RAMET_ECONFLICT, log->path, 0, RAMET_NO_OFFSET,
			      "another program keeps replacing the file");
}

/* Is the last line still the one that was there? The log ends at log->size. */
static int same_end(const struct ramet_yoi_log *log, const struct rameti_file *f,
		    struct ramet_error *err)
{
	struct ramet_buf last = RAMET_BUF_INIT(SIZE_MAX / 2);
	int64_t n = 0;
	int same;

	if (ramet_buf_reserve(&last, log->last_len + 1) < 0)
		return rameti_fail_nomem(err);
	if (log->last_len)
		n = rameti_file_read_at(f, last.ptr, log->last_len, log->size - log->last_len, err);
	same = n == (int64_t)log->last_len &&
	       rameti_crc32c(0, log->last_len ? last.ptr : "", log->last_len) == log->last_crc;
	ramet_buf_release(&last);
	return n < 0 ? (int)n : same;
}

/* Bytes behind the last newline. */
static int tail_of(const struct rameti_file *f, uint64_t size, struct ramet_buf *tail,
		   struct ramet_error *err)
{
	char block[8192];
	uint64_t at = size, start = 0;
	int64_t n;

	while (at) {
		size_t len = at < sizeof(block) ? (size_t)at : sizeof(block);
		const char *newline;

		n = rameti_file_read_at(f, block, len, at - len, err);
		if (n < 0)
			return (int)n;
		newline = memrchr(block, '\n', (size_t)n);
		if (newline) {
			start = at - len + (size_t)(newline - block) + 1;
			break;
		}
		at -= len;
	}
	if (ramet_buf_reserve(tail, (size_t)(size - start) + 1) < 0)
		return rameti_fail_nomem(err);
	n = start < size ? rameti_file_read_at(f, tail->ptr, (size_t)(size - start), start, err)
			 : 0;
	if (n < 0)
		return (int)n;
	tail->len = (size_t)n;
	return 0;
}

static int cut(const struct rameti_file *f, uint64_t size, const char *path,
	       struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);

	if (env->ftruncate(env->user, f->fd, (off_t)size) < 0)
		return rameti_fail_sys(err, errno, path, "cannot cut");
	return 0;
}

static void look_again(const struct rameti_file *f)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	struct timespec wait = { 0, LOOK_AGAIN_NS };

	(void)env->nanosleep(env->user, &wait);
}

/* What was cut away before stays: each has a name of its own. */
static int keep_torn(const struct ramet_yoi_log *log, struct ramet_bytes tail,
		     struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int i, r = RAMET_ECONFLICT;

	for (i = 0; i < 1000 && r == RAMET_ECONFLICT; i++) {
		ramet_buf_reset(&path);
		ramet_buf_addf(&path, i ? "%s.torn.%d" : "%s.torn", log->path, i);
		if (ramet_buf_status(&path) < 0)
			r = rameti_fail_nomem(err);
		else
			r = rameti_newfile_open(&n, path.ptr, 0600, err);
		if (!r)
			r = rameti_newfile_write(&n, tail, err);
		if (!r)
			r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
		rameti_newfile_abort(&n);
	}
	ramet_buf_release(&path);
	return r;
}

/* A line without its end: refused, or moved away once it is known to be dead. */
static int settle_tail(const struct ramet_yoi_log *log, const struct rameti_file *f, uint64_t *size,
		       struct ramet_error *err)
{
	struct ramet_buf tail = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int r = tail_of(f, *size, &tail, err);

	if (!r && tail.len && log->gen < RAMETI_YOI_BRIDGE)
		r = rameti_fail_at(err, RAMET_EFORMAT, log->path, 0, *size - tail.len,
				   "the last line is unfinished; repair it first");
	if (!r && tail.len) {
		look_again(f);
		r = rameti_file_stat(f, &st, err);
		if (!r && (uint64_t)st.st_size != *size)
			r = rameti_fail_at(err, RAMET_ECONFLICT, log->path, 0, *size,
					   "another program is writing");
		if (!r)
			r = keep_torn(log, ramet_buf_bytes(&tail), err);
		if (!r)
			r = cut(f, *size - tail.len, log->path, err);
		if (!r)
			*size -= tail.len;
	}
	ramet_buf_release(&tail);
	return r;
}

/* Somebody wrote behind the handle. */
static int catch_up(struct ramet_yoi_log *log, struct ramet_error *err)
{
	struct rameti_yoi_text t;
	int r;

	if (!log->opts.follow)
		return rameti_fail_at(err, RAMET_ECONFLICT, log->path, 0, log->size,
				      "the log is not where it was left");
	r = rameti_yoi_load(&t, log->path, log->gen, err);
	if (r < 0)
		return r;
	r = rameti_yoi_log_note(log, &t, err);
	rameti_yoi_unload(&t);
	return r;
}

int rameti_yoi_log_lock(struct ramet_yoi_log *log, struct rameti_file *f, struct ramet_error *err)
{
	struct stat st;
	uint64_t size = 0;
	int r = lock_file(log, f, err);

	if (r < 0)
		return r;
	r = rameti_file_stat(f, &st, err);
	if (!r) {
		size = (uint64_t)st.st_size;
		r = settle_tail(log, f, &size, err);
	}
	if (!r) {
		r = size == log->size ? same_end(log, f, err) : 0;
		r = r < 0 ? r : r ? 0 : catch_up(log, err);
	}
	if (r < 0)
		rameti_yoi_log_unlock(f);
	return r;
}

/* A part of our line stands at the end of the file, and perhaps something behind it. */
static int take_back(const struct ramet_yoi_log *log, const struct rameti_file *f, uint64_t done,
		     int code, struct ramet_error *err)
{
	struct stat st;

	if (!done)
		return code;
	if (rameti_file_stat(f, &st, NULL) < 0 || (uint64_t)st.st_size != log->size + done ||
	    cut(f, log->size, log->path, NULL) < 0)
		return rameti_fail_at(err, RAMET_EUNKNOWN, log->path, 0, log->size,
				      "a record is half written");
	return code;
}

static int write_lines(struct ramet_yoi_log *log, const struct rameti_file *f,
		       struct ramet_bytes lines, struct ramet_error *err)
{
	uint64_t done = 0;
	int r = rameti_file_append(f, lines, &done, err);

	if (!r && done < lines.len)
		r = rameti_fail_at(err, RAMET_EIO, log->path, 0, log->size, "a short write");
	if (r < 0) {
		rameti_error_set_path(err, log->path);
		return take_back(log, f, done, r, err);
	}
	if (log->opts.level == RAMET_LEVEL_NONE)
		return 0;
	if (rameti_file_sync(f, 1, err) < 0)
		return rameti_fail_at(err, RAMET_EUNKNOWN, log->path, 0, log->size,
				      "the records are written, but may not survive a power cut");
	return 0;
}

int rameti_yoi_log_append(struct ramet_yoi_log *log, struct ramet_bytes records,
			  struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf lines = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_yoi_log end;
	int r = rameti_yoi_check_records(records, log->gen, err);

	if (r < 0 || !records.len)
		return r;
	r = rameti_yoi_log_lock(log, &f, err);
	if (r < 0)
		return r;
	r = rameti_yoi_to_lines(log, records, &end, &lines, err);
	if (!r)
		r = write_lines(log, &f, ramet_buf_bytes(&lines), err);
	if (!r)
		rameti_yoi_log_moved(log, &end, ramet_buf_bytes(&lines));
	rameti_yoi_log_unlock(&f);
	ramet_buf_release(&lines);
	return r;
}

/*
 * store/log.c - the file a session is appended to: lock it, look at it, write once, make it
 * durable.
 *
 * Other programs may append without a lock, so the file is never cut and nothing that was
 * written before is written over: a line of ours that did not get through is ended where it
 * stands, as one line that is no entry. What a failed sync leaves in doubt is never called
 * stored.
 */
#include "store/session_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/newfile.h"

static const struct rameti_env *env_of(const struct ramet_session *s)
{
	return rameti_env_or_default(s->source.file.env);
}

static int fail_path(const struct ramet_session *s, int r, struct ramet_error *err)
{
	rameti_session_shorten(s, err);
	rameti_error_set_path(err, s->path);
	return r;
}

static int conflict(const struct ramet_session *s, const char *what, struct ramet_error *err)
{
	return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
			      "another program %s; nothing was stored", what);
}

/* The descriptor that reads becomes one that appends, if the name still means the same file. */
static int open_for_appending(struct ramet_session *s, struct ramet_error *err)
{
	struct rameti_file f = { s->source.file.env, -1 };
	struct stat st;
	int r = rameti_file_open(&f, rameti_session_place(s), RAMETI_FILE_APPEND, err);

	if (r == RAMET_ENOTFOUND)
		return conflict(s, "removed the file", err);
	if (r == RAMET_EFORMAT)
		return conflict(s, "replaced the file by something else", err);
	if (!r)
		r = rameti_file_stat(&f, &st, err);
	if (r < 0) {
		(void)rameti_file_close(&f);         /* nothing was written to it */
		return fail_path(s, r, err);
	}
	if (s->source.file.fd >= 0 && (st.st_dev != s->log.dev || st.st_ino != s->log.ino)) {
		(void)rameti_file_close(&f);         /* looking finds out that it is another */
		return 0;
	}
	(void)rameti_file_close(&s->source.file);            /* was only read */
	s->source.file.fd = f.fd;
	s->log.dev = st.st_dev;
	s->log.ino = st.st_ino;
	s->log.appending = 1;
	return 0;
}

int rameti_log_begin(struct ramet_session *s, struct ramet_error *err)
{
	int r = s->log.appending ? 0 : open_for_appending(s, err);

	if (r < 0 || !s->log.appending)
		return r;
	r = rameti_file_lock(&s->source.file,
			     s->opts.lock_ms ? s->opts.lock_ms : RAMETI_LOCK_WAIT_MS, err);
	return r < 0 ? fail_path(s, r, err) : 0;
}

void rameti_log_end(struct ramet_session *s)
{
	if (s->log.appending)
		rameti_file_unlock(&s->source.file);
}

static int read_tail(const struct ramet_session *s, char *to, size_t len,
		     struct ramet_error *err)
{
	int64_t n = rameti_file_read_at(&s->source.file, to, len, s->source.size - len, err);

	if (n >= 0 && (size_t)n < len)
		return conflict(s, "cut the file shorter", err);
	return n < 0 ? fail_path(s, (int)n, err) : 0;
}

int rameti_log_note_tail(struct ramet_session *s, struct ramet_error *err)
{
	size_t len = s->source.size < RAMETI_TAIL_LEN ? (size_t)s->source.size : RAMETI_TAIL_LEN;
	int r = read_tail(s, s->log.tail, len, err);

	s->log.tail_len = r < 0 ? 0 : len;
	return r;
}

int rameti_log_look(struct ramet_session *s, enum rameti_look *look, uint64_t *size,
		    struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	char tail[RAMETI_TAIL_LEN];
	struct stat st;
	int r;

	if (env->stat_place(env->user, rameti_session_place(s), &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return conflict(s, "removed the file", err);
		return rameti_fail_sys(err, errno, s->path, "cannot stat");
	}
	/* the descriptor's own inode never changes: one call tells both */
	if (st.st_dev != s->log.dev || st.st_ino != s->log.ino) {
		*look = RAMETI_LOOK_OTHER;
		return 0;
	}
	*size = (uint64_t)st.st_size;
	if (*size < s->source.size)
		return conflict(s, "cut the file shorter", err);
	r = read_tail(s, tail, s->log.tail_len, err);
	if (r < 0)
		return r;
	if (memcmp(tail, s->log.tail, s->log.tail_len))
		return conflict(s, "changed the file in place", err);
	*look = *size > s->source.size ? RAMETI_LOOK_GREW : RAMETI_LOOK_SAME;
	return 0;
}

/* ---- a write that did not get through ---- */

/* Make one line out of what got through, one that is no entry: its own line ends become
 * blanks, its first byte no JSON, its last byte the end of the line. A line end in front of
 * it, which ends a line of somebody else, stays; glued: there was none, and is one now. */
static struct ramet_bytes spoil(struct ramet_bytes lines, uint64_t done, int glued)
{
	char *start = (char *)(uintptr_t)lines.ptr, *at = start, *end = start + done, *p;

	if (at < end && glued)
		*at = '\n';
	if (at < end && *at == '\n')
		at++;
	for (p = at; p < end; p++)
		if (*p == '\n')
			*p = ' ';
	if (at < end)
		*at = '#';
	if (at < end)
		end[-1] = '\n';
	return (struct ramet_bytes){ start, (size_t)(end - start) };
}

/* Through a second descriptor, since one that appends can write nowhere else. */
static int write_over(struct ramet_session *s, struct ramet_bytes bytes, uint64_t at)
{
	const struct rameti_env *env = env_of(s);
	const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
	int fd = env->open(env->user, rameti_session_place(s), flags, 0), r = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (env->fstat(env->user, fd, &st) == 0 && st.st_dev == s->log.dev &&
	    st.st_ino == s->log.ino)
		for (r = 0; !r && bytes.len;) {
			ssize_t n = env->pwrite(env->user, fd, bytes.ptr, bytes.len, (off_t)at);

			if (n < 0 && errno == EINTR)
				continue;
			r = n <= 0 ? -1 : 0;
			bytes.ptr += n > 0 ? n : 0;
			bytes.len -= n > 0 ? (size_t)n : 0;
			at += n > 0 ? (uint64_t)n : 0;
		}
	if (env->close(env->user, fd) < 0)
		r = -1;
	return r;
}

/* `done` bytes of lines stand in the file, from at on. */
static void take_back(struct ramet_session *s, struct ramet_bytes lines, uint64_t done, uint64_t at,
		      int glued)
{
	if (done && write_over(s, spoil(lines, done, glued), at) < 0)
		s->log.dead = 1;
}

/* A writer without a lock was quicker, and did not end its line: ours would be the rest of it. */
static int is_glued(const struct ramet_session *s, struct ramet_bytes lines, uint64_t at)
{
	char before = 0;

	if (at == s->source.size || at == RAMETI_LOG_SOMEWHERE || lines.ptr[0] == '\n')
		return 0;
	return rameti_file_read_at(&s->source.file, &before, 1, at - 1, NULL) != 1 ||
	       before != '\n';
}

int rameti_log_write(struct ramet_session *s, struct ramet_bytes lines, uint64_t *at,
		     struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	uint64_t done;
	off_t end;
	int r = rameti_file_append(&s->source.file, lines, &done, err);

	if (r < 0)
		return fail_path(s, r, err);
	/* where it really went: another program may have been quicker */
	end = env->lseek(env->user, s->source.file.fd, 0, SEEK_CUR);
	*at = end < (off_t)done ? RAMETI_LOG_SOMEWHERE : (uint64_t)end - done;
	s->log.unsynced = 1;
	if (done == lines.len && is_glued(s, lines, *at)) {
		take_back(s, lines, done, *at, 1);
		(void)conflict(s, "was in the middle of a line", err);
		return s->log.dead ? RAMET_ECONFLICT : RAMETI_LOG_AGAIN;
	}
	if (done == lines.len)
		return 0;
	if (*at == RAMETI_LOG_SOMEWHERE)
		s->log.dead = 1;
	else
		take_back(s, lines, done, *at, 0);
	if (s->log.dead)
		return rameti_fail_at(err, RAMET_EUNKNOWN, s->path, 0, RAMET_NO_OFFSET,
				      "outcome unknown: cannot write all of it, nor take it back");
	return rameti_fail_sys(err, ENOSPC, s->path, "cannot write all of it");
}

/* A sync failed: what it was for may be lost, and asking again proves nothing. */
static int doubt(struct ramet_session *s, const struct ramet_error *why, struct ramet_error *err)
{
	s->log.doubtful = 1;
	(void)rameti_fail_at(err, RAMET_EUNKNOWN, s->path, 0, s->source.size,
			     "outcome unknown: %s; it may be lost from here on", why->text);
	if (err)
		err->sys = why->sys;
	return RAMET_EUNKNOWN;
}

int rameti_log_name(struct ramet_session *s, struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	int r = s->log.named ? 0 : rameti_dir_sync(env, rameti_session_place(s), err);

	s->log.named |= !r;
	return r;
}

int rameti_log_sync(struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_error why = { .sys = 0 };
	int r = rameti_log_name(s, err);             /* may fail: nobody relied on it yet */

	if (r < 0)
		return fail_path(s, r, err);
	r = s->log.unsynced ? rameti_file_sync(&s->source.file, 1, &why) : 0;
	if (r < 0)
		return doubt(s, &why, err);
	s->log.unsynced = 0;
	return 0;
}

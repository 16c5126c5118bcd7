/*
 * store/log.c - the file a session is appended to: lock it, look at it, write once, make it
 * durable.
 *
 * Other programs may append without a lock, so nothing that was written before is cut or written
 * over: a line of ours that did not get through is ended where it stands, as one line that is no
 * entry. A format's own program may refuse files with such a line, but passes over blank ones
 * (yoi): there it becomes a blank one. What a failed sync leaves in doubt is never called stored.
 */
#include "store/session_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/newfile.h"

#define READ_BACK ((size_t)64 << 10)
#define KEEP_TRIES 100u

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

/* The file whose lock the layout's own program takes; made when it is missing. */
static int open_lock(struct ramet_session *s, struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	ramet_buf_add_str(&path, rameti_session_place(s));
	ramet_buf_add_str(&path, s->layout->lock_suffix);
	if (ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	s->log.lock.env = s->source.file.env;
	while (!r && s->log.lock.fd < 0) {
		s->log.lock.fd = env->open(env->user, path.ptr,
					   O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
					   0600);
		if (s->log.lock.fd < 0 && errno != EINTR)
			break;
	}
	if (!r && s->log.lock.fd < 0)
		r = rameti_fail_sys(err, errno, path.ptr, "cannot open the lock");
	ramet_buf_release(&path);
	return r;
}

static const struct rameti_file *lock_of(const struct ramet_session *s)
{
	return s->layout->lock_suffix ? &s->log.lock : &s->source.file;
}

int rameti_log_begin(struct ramet_session *s, struct ramet_error *err)
{
	int r = s->log.appending ? 0 : open_for_appending(s, err);

	if (!r && s->log.appending && s->layout->lock_suffix && s->log.lock.fd < 0)
		r = open_lock(s, err);
	if (r < 0 || !s->log.appending)
		return r;
	r = rameti_file_lock(lock_of(s), s->opts.lock_ms ? s->opts.lock_ms : RAMETI_LOCK_WAIT_MS,
			     err);
	return r < 0 ? fail_path(s, r, err) : 0;
}

void rameti_log_end(struct ramet_session *s)
{
	if (s->log.appending && lock_of(s)->fd >= 0)
		rameti_file_unlock(lock_of(s));
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

/* Was the file's last line unfinished, in a format whose writers put such a line aside? */
static int may_lose_tail(const struct ramet_session *s)
{
	return s->log.tail_len && s->log.tail[s->log.tail_len - 1] != '\n' && s->codec->tail &&
	       s->codec->tail(&s->reader) == RAMETI_TAIL_CUT;
}

int rameti_log_look(struct ramet_session *s, enum rameti_look *look, uint64_t *size,
		    struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	const char *place = rameti_session_place(s);
	char tail[RAMETI_TAIL_LEN];
	struct stat st;
	int r = env->stat_place(env->user, place, 0, &st);

	s->log.is_link = r == 0 && S_ISLNK(st.st_mode);
	if (s->log.is_link)
		r = env->stat_place(env->user, place, 1, &st);
	if (r < 0) {
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
	*look = RAMETI_LOOK_OTHER;
	if (*size < s->source.size && may_lose_tail(s))
		return 0;
	if (*size < s->source.size)
		return conflict(s, "cut the file shorter", err);
	r = read_tail(s, tail, s->log.tail_len, err);
	if (r < 0)
		return r;
	if (memcmp(tail, s->log.tail, s->log.tail_len) && may_lose_tail(s))
		return 0;
	if (memcmp(tail, s->log.tail, s->log.tail_len))
		return conflict(s, "changed the file in place", err);
	*look = *size > s->source.size ? RAMETI_LOOK_GREW : RAMETI_LOOK_SAME;
	return 0;
}

int rameti_log_announce(struct ramet_session *s, struct ramet_error *err)
{
	const struct rameti_env *env = s->source.file.env;
	struct ramet_buf real = RAMET_BUF_INIT(SIZE_MAX / 2);
	const char *path = rameti_session_place(s);
	int r = 0;

	if (!s->layout->before)
		return 0;
	if (s->log.is_link) {
		r = rameti_path_follow(env, path, &real, err);
		path = real.ptr;
	}
	if (!r)
		r = s->layout->before(env, path, err);
	ramet_buf_release(&real);
	return r;
}

/* ---- the last line ---- */

/* Bytes from *at to the end of the file (or of the text) into s->line, where *at is at least `want`
 * bytes before it. */
static int read_back(struct ramet_session *s, size_t want, struct ramet_bytes *bytes,
		     struct ramet_error *err)
{
	uint64_t size = s->source.size;
	size_t len = want < size ? want : (size_t)size;
	int64_t n;

	if (s->text.len) {
		*bytes = ramet_buf_bytes(&s->text);
		return 0;
	}
	ramet_buf_reset(&s->line);
	if (ramet_buf_reserve(&s->line, len) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(&s->source.file, s->line.ptr, len, size - len, err);
	if (n >= 0 && (size_t)n < len)
		return conflict(s, "cut the file shorter", err);
	bytes->ptr = s->line.ptr;
	bytes->len = len;
	return n < 0 ? fail_path(s, (int)n, err) : 0;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int rameti_log_last_line(struct ramet_session *s, struct ramet_bytes *line,
			 struct ramet_error *err)
{
	uint64_t all = s->text.len ? s->text.len : s->source.size;
	struct ramet_bytes b = { NULL, 0 };
	const char *start = NULL;
	size_t want;
	int r;

	for (want = READ_BACK;; want *= 4) {
		r = read_back(s, want, &b, err);
		if (r < 0)
			return r;
		want = b.len > want ? b.len : want;
		while (b.len && is_space(b.ptr[b.len - 1]))
			b.len--;
		start = b.len ? memrchr(b.ptr, '\n', b.len) : NULL;
		if (start || want >= all)
			break;
	}
	line->ptr = !b.len ? NULL : start ? start + 1 : b.ptr;
	line->len = !b.len ? 0 : b.len - (size_t)(line->ptr - b.ptr);
	return 0;
}

/* The unfinished line from `at` on, in a file beside the session. */
static int keep_aside(struct ramet_session *s, struct ramet_bytes torn, uint64_t at,
		      struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2);
	unsigned tries;
	int r = RAMET_ECONFLICT;

	for (tries = 0; r == RAMET_ECONFLICT && tries < KEEP_TRIES; tries++) {
		n.file.env = s->source.file.env;
		ramet_buf_reset(&path);
		ramet_buf_addf(&path, "%s.torn-%llu", rameti_session_place(s),
			       (unsigned long long)at);
		if (tries)
			ramet_buf_addf(&path, ".%u", tries);
		r = ramet_buf_status(&path) < 0 ? rameti_fail_nomem(err) :
						  rameti_newfile_open(&n, path.ptr, 0600, err);
		if (!r)
			r = rameti_newfile_write(&n, torn, err);
		if (!r)
			r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
		rameti_newfile_abort(&n);
	}
	ramet_buf_release(&path);
	return r;
}

int rameti_log_cut_tail(struct ramet_session *s, struct ramet_error *err)
{
	const struct rameti_env *env = env_of(s);
	struct ramet_bytes b;
	const char *end = NULL;
	struct stat st;
	size_t want;
	int r;

	for (want = READ_BACK;; want *= 4) {
		r = read_back(s, want, &b, err);
		if (r < 0)
			return r;
		end = memrchr(b.ptr, '\n', b.len);      /* the unfinished line is not empty */
		if (end || want >= s->source.size)
			break;
	}
	if (end) {
		b.len -= (size_t)(end + 1 - b.ptr);
		b.ptr = end + 1;
	}
	r = b.len ? keep_aside(s, b, s->source.size - b.len, err) : 0;
	if (!r)
		r = rameti_file_stat(&s->source.file, &st, err);
	if (r < 0)
		return r;
	if ((uint64_t)st.st_size != s->source.size) {        /* somebody went on meanwhile */
		(void)conflict(s, "was in the middle of a line", err);
		return RAMETI_LOG_AGAIN;
	}
	while ((r = env->ftruncate(env->user, s->source.file.fd,
				   (off_t)(s->source.size - b.len))) < 0 && errno == EINTR)
		;
	if (r < 0)
		return rameti_fail_sys(err, errno, s->path, "cannot cut the unfinished line away");
	s->source.size -= b.len;
	s->log.unsynced = 1;
	s->window_len = 0;
	r = rameti_log_note_tail(s, err);
	/* it was a line of its own, and is none any more */
	return r < 0 ? r : rameti_tree_skip_lines(s->reader.tree, UINT64_MAX, err);
}

/* ---- a write that did not get through ---- */

/* Make one line out of what got through (done > 0), one that is no entry: its own line ends become
 * blanks, its first byte mark, which begins no JSON, its last byte the end of the line. Is mark a
 * blank, all of the line is. A line end in front of it, which ends a line of somebody else, stays;
 * glued: there was none, and is one now. */
static struct ramet_bytes spoil(struct ramet_bytes lines, uint64_t done, int glued, char mark)
{
	char *start = (char *)(uintptr_t)lines.ptr, *at = start, *end = start + done, *p;

	if (glued)
		*at = '\n';
	if (*at == '\n')
		at++;
	for (p = at; p < end; p++)
		if (*p == '\n' || mark == ' ')
			*p = ' ';
	if (at < end)
		*at = mark;
	if (at < end)
		end[-1] = '\n';
	return (struct ramet_bytes){ start, (size_t)(end - start) };
}

/* Through a second descriptor, since one that appends can write nowhere else. */
static int write_over(struct ramet_session *s, struct ramet_bytes bytes, uint64_t at)
{
	const struct rameti_env *env = env_of(s);
	const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
	struct stat st;
	int fd, r = -1;

	do
		fd = env->open(env->user, rameti_session_place(s), flags, 0);
	while (fd < 0 && errno == EINTR);
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
	const char mark = s->codec->tail ? ' ' : '#';

	if (done && write_over(s, spoil(lines, done, glued, mark), at) < 0)
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

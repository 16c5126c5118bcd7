/*
 * store/recover.c - after a failed sync: what may be lost is written anew, into a new file.
 *
 * A sync that failed may have thrown away what it was for, and says so only once; asking
 * again proves nothing, and reading back shows the memory of the system, not the disk. So the
 * whole file is written again beside the old one, every line that was acknowledged since the
 * last good sync is checked against its row, and only then the new file takes the name.
 */
#include "store/session_priv.h"

#include "base/error.h"
#include "base/newfile.h"

#define BLOCK ((size_t)1 << 20)
#define PATH_LEN_MAX ((size_t)1 << 20)

/* Every row must still be what it was: lines are read again and checked. */
static int check_rows(struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row, n = ramet_tree_count(s->reader.tree);
	int r = 0;

	s->window_len = 0;
	for (row = 0; !r && row < n; row++)
		r = ramet_tree_entry(s->reader.tree, row, &scratch, &json, err);
	ramet_buf_release(&scratch);
	return r;
}

static int copy(const struct ramet_session *s, struct rameti_newfile *n, uint64_t size,
		struct ramet_error *err)
{
	char *block = ramet_alloc(BLOCK);
	uint64_t at = 0;
	int r = block ? 0 : rameti_fail_nomem(err);

	while (!r && at < size) {
		size_t len = size - at < BLOCK ? (size_t)(size - at) : BLOCK;

		r = rameti_source_read(&s->source, block, len, at, err);
		if (!r)
			r = rameti_newfile_write(n, (struct ramet_bytes){ block, len }, err);
		at += len;
	}
	ramet_free(block);
	return r;
}

static int write_anew(struct ramet_session *s, struct rameti_newfile *n, const struct stat *st,
		      struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	uint64_t carried;
	int r = rameti_path_follow(s->source.file.env, rameti_session_place(s), &path, err);

	n->file.env = s->source.file.env;
	if (!r)
		r = rameti_newfile_open(n, path.ptr, st->st_mode & 07777, err);
	if (!r)
		r = copy(s, n, (uint64_t)st->st_size, err);
	if (!r)
		r = rameti_newfile_commit_over(n, &s->source.file, (uint64_t)st->st_size, &carried,
					       err);
	ramet_buf_release(&path);
	return r;
}

static int recover(struct ramet_session *s, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	enum rameti_look look = RAMETI_LOOK_SAME;
	struct stat st;
	uint64_t size;
	int r = rameti_log_begin(s, err);

	if (r < 0)
		return r;
	r = rameti_log_look(s, &look, &size, err);
	if (!r && look == RAMETI_LOOK_OTHER)
		r = rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
				   "another program replaced the file");
	if (!r)
		r = rameti_file_stat(&s->source.file, &st, err);
	if (!r)
		r = check_rows(s, err);
	if (!r)
		r = write_anew(s, &n, &st, err);
	rameti_log_end(s);
	rameti_newfile_abort(&n);
	if (r < 0)
		return r;
	s->log.doubtful = s->log.unsynced = 0;
	r = rameti_session_reload(s, err);
	s->log.named = 1;
	return r;
}

int ramet_session_recover(struct ramet_session *s, struct ramet_error *err)
{
	int r = 0;

	ramet_session_lock(s);
	if (s->stored && s->log.doubtful)
		r = recover(s, err);
	ramet_session_unlock(s);
	return r;
}

/*
 * store/follow.c - a handle keeps up with its file: what others appended, or put in its
 * place.
 *
 * Rows only grow, so what a handle knows stays true; only a file that was replaced is read
 * anew, and then it must be the same session and still have the leaf.
 */
#include "store/session_priv.h"

#include "base/error.h"
#include "store/load.h"

/* Read the file anew and take the place of what was known. */
int rameti_session_reload(struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_session *fresh = NULL;
	struct ramet_open_opts opts = s->opts;
	uint32_t before = ramet_tree_count(s->reader.tree);
	int r;

	opts.create = 0;
	opts.no_cache = 1;                                   /* in doubt, every line is read */
	r = ramet_session_open(&fresh, rameti_session_place(s), &opts, err);
	if (r == RAMET_EFORMAT || r == RAMET_ENOTFOUND)
		r = rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
				   "another program replaced the file by what is no session");
	if (!r)
		r = rameti_session_adopt(s, fresh, err);
	if (!r && ramet_tree_count(s->reader.tree) > before)
		s->others += ramet_tree_count(s->reader.tree) - before;
	rameti_session_shorten(s, r < 0 ? err : NULL);
	ramet_session_close(fresh);
	return r;
}

void ramet_session_on_conflict(struct ramet_session *s, int policy)
{
	ramet_session_lock(s);
	s->on_conflict = policy;
	ramet_session_unlock(s);
}

uint64_t ramet_session_others(const struct ramet_session *s)
{
	return s->others;
}

void ramet_session_head(const struct ramet_session *s, struct ramet_head *head)
{
	const struct ramet_tree *t = s->reader.tree;
	uint32_t last = ramet_tree_leaf(t);

	head->end = s->source.size + s->text.len;
	head->crc32c = last == RAMET_NONE ? 0 : ramet_tree_row(t, last)->crc32c;
}

int rameti_session_catch_up(struct ramet_session *s, uint64_t size, struct ramet_error *err)
{
	uint32_t row = ramet_tree_count(s->reader.tree);
	int r, follows = rameti_session_follows(s);

	/* an unfinished last line may have grown: only a fresh look tells */
	if (s->log.tail_len && s->log.tail[s->log.tail_len - 1] != '\n')
		return rameti_session_reload(s, err);
	r = rameti_load_more(&s->reader, &s->source, size, rameti_session_max_line(s), err);
	if (follows)
		s->leaf = ramet_tree_leaf(s->reader.tree);
	if (!r)
		r = rameti_log_note_tail(s, err);
	if (r < 0) {
		s->stale = 1;
		rameti_error_set_path(err, s->path);
		return r;
	}
	s->others += ramet_tree_count(s->reader.tree) - row;
	for (; row < ramet_tree_count(s->reader.tree); row++)
		s->has_talk |= rameti_is_talk(ramet_tree_row(s->reader.tree, row));
	return 0;
}

static int refresh(struct ramet_session *s, struct ramet_error *err)
{
	enum rameti_look look = RAMETI_LOOK_OTHER;
	uint64_t size = 0;
	int r = 0;

	if (s->home)
		return rameti_session_home_more(s, err);
	if (!s->stored)
		return 0;
	if (!s->stale)
		r = rameti_log_look(s, &look, &size, err);
	if (r < 0 || look == RAMETI_LOOK_SAME)
		return r;
	if (look == RAMETI_LOOK_GREW)
		r = rameti_session_catch_up(s, size, err);
	else
		r = rameti_session_reload(s, err);
	return r < 0 ? r : 1;
}

int ramet_session_refresh(struct ramet_session *s, struct ramet_error *err)
{
	int r;

	ramet_session_lock(s);
	r = refresh(s, err);
	ramet_session_unlock(s);
	return r;
}

/*
 * store/home.c - sessions that live in a database or in a file of many: their paths, opening one,
 * keeping up with it.
 *
 * The text of such a session is in memory, and only grows: rows never lose what they point at.
 */
#include "store/home.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "store/load.h"
#include "store/session_priv.h"

static const struct rameti_home *const homes[] = {
	&rameti_home_sqlite,
	&rameti_home_ckptmgr,
	&rameti_home_pirust_sqlite,
};
#define N_HOMES (sizeof(homes) / sizeof(homes[0]))

const struct rameti_home *rameti_home_at(unsigned n)
{
	return n < N_HOMES ? homes[n] : NULL;
}

int rameti_home_foreign(struct ramet_bytes head, const char *path, struct ramet_error *err)
{
	unsigned i;

	for (i = 0; i < N_HOMES; i++)
		if (homes[i]->scheme && homes[i]->sniff && homes[i]->sniff(head))
			return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
					      "is a file of many sessions: give it as %s%.120s",
					      homes[i]->scheme, path);
	return 0;
}

static int ends_in(struct ramet_bytes text, const char *end)
{
	size_t len = strlen(end);

	return text.len > len && !memcmp(text.ptr + text.len - len, end, len);
}

/* What cannot be looked at may be there: whoever opens it is told. */
static int is_there(struct ramet_bytes name)
{
	struct ramet_buf file = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct stat st;
	int is;

	ramet_buf_add(&file, name);
	is = name.len && (ramet_buf_status(&file) < 0 ||
			  rameti_path_stat(NULL, file.ptr, &st, NULL) != RAMET_ENOTFOUND);
	ramet_buf_release(&file);
	return is;
}

/* The '#' of FILE#ID, or NULL. An id may have one too: then the last whose file is there. */
static const char *id_mark(struct ramet_bytes text)
{
	const char *last = memrchr(text.ptr, '#', text.len), *hash = last;
	struct ramet_bytes file = text;

	for (; hash; hash = memrchr(text.ptr, '#', file.len)) {
		file.len = (size_t)(hash - text.ptr);
		if (is_there(file))
			return hash;
	}
	return last;
}

int rameti_home_path(const char *path, struct rameti_home_path *out)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_bytes all = ramet_bytes_of(path);
	const char *hash;
	size_t i, len;

	for (i = 0; i < N_HOMES; i++) {
		out->home = homes[i];
		out->file = all;
		out->id = none;
		len = homes[i]->scheme ? strlen(homes[i]->scheme) : 0;
		if (len && !strncmp(path, homes[i]->scheme, len)) {
			out->file.ptr += len;
			out->file.len -= len;
			hash = id_mark(out->file);
			if (!hash)
				return 1;
			out->id.ptr = hash + 1;
			out->id.len = (size_t)(out->file.ptr + out->file.len - out->id.ptr);
			out->file.len = (size_t)(hash - out->file.ptr);
			return 1;
		}
		if (homes[i]->ext && ends_in(all, homes[i]->ext))
			return 1;
	}
	return 0;
}

/* From the root on, with the scheme in front: where errors and forks say it is. */
static int keep_url(struct ramet_session *s, const struct rameti_home_path *where,
		    const char *file, struct ramet_error *err)
{
	struct ramet_buf url = RAMET_BUF_INIT(SIZE_MAX / 2);

	ramet_buf_add_str(&url, where->home->scheme ? where->home->scheme : "");
	ramet_buf_add_str(&url, file);
	if (where->home->scheme) {
		ramet_buf_add_char(&url, '#');
		ramet_buf_add(&url, s->reader.header.id);
	}
	if (ramet_buf_status(&url) < 0) {
		ramet_buf_release(&url);
		return rameti_fail_nomem(err);
	}
	ramet_free(s->abs_path);
	s->abs_path = ramet_buf_detach(&url, NULL);
	ramet_free(s->place);
	s->place = NULL;
	return 0;
}

int rameti_session_open_home(struct ramet_session *s, const struct rameti_home_path *where,
			     struct ramet_error *err)
{
	struct ramet_buf file = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	ramet_buf_add(&file, where->file);
	r = ramet_buf_status(&file) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r)
		r = where->home->open(&s->home_state, file.ptr, where->id, &s->opts, err);
	if (!r) {
		s->home = where->home;
		if (s->home->codec)
			s->codec = s->home->codec;
		s->opts.no_cache = 1;
		r = s->home->load(s->home_state, &s->text, err);
	}
	if (!r)
		r = rameti_session_load(s, err);
	if (!r && s->home->damage)
		r = s->home->damage(s->home_state, &s->reader.findings, err);
	if (!r)
		r = keep_url(s, where, file.ptr, err);
	s->stored = !r;
	if (!r)
		s->home_file = ramet_buf_detach(&file, NULL);
	ramet_buf_release(&file);
	return r;
}

int rameti_session_take_text(struct ramet_session *s, size_t from, struct ramet_error *err)
{
	struct rameti_source memory = RAMETI_SOURCE_INIT;
	uint32_t row = ramet_tree_count(s->reader.tree);
	int r, follows = rameti_session_follows(s);

	memory.memory = ramet_buf_bytes(&s->text);
	memory.size = from;
	r = rameti_load_more(&s->reader, &memory, s->text.len, rameti_session_max_line(s), err);
	if (follows)
		s->leaf = ramet_tree_leaf(s->reader.tree);
	s->others += ramet_tree_count(s->reader.tree) - row;
	for (; row < ramet_tree_count(s->reader.tree); row++)
		s->has_talk |= rameti_is_talk(ramet_tree_row(s->reader.tree, row));
	return r;
}

int rameti_session_home_more(struct ramet_session *s, struct ramet_error *err)
{
	size_t before = s->text.len;
	int r = s->home->more(s->home_state, &s->text, err);

	if (r <= 0)
		return r;
	r = rameti_session_take_text(s, before, err);
	return r < 0 ? r : 1;
}

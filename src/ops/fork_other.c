/*
 * ops/fork_other.c - forks of sessions that are not files of pi's: in the same format, where the
 * format's own program finds them.
 *
 * Entries are told anew, each record naming the new session; a home of many keeps the fork in the
 * same file. The source is only read; the new session appears when all of it is there.
 */
#include "ops/fork_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "codec/carry.h"
#include "ops/peek_priv.h"
#include "store/birth.h"
#include "store/records.h"
#include "store/target.h"

int rameti_fork_is_other(const struct ramet_session *source)
{
	return ramet_session_path(source) &&
	       (rameti_session_home(source) || rameti_session_codec(source) != &rameti_codec_pi);
}

/* Is the source where its tool keeps sessions? Then forks go there as well. */
static int is_at_home(const struct ramet_session *source, const char *format)
{
	const struct rameti_layout *l = rameti_layout_of(format);
	struct ramet_buf root = RAMET_BUF_INIT(SIZE_MAX / 2);
	const char *path = rameti_session_abs_path(source);
	int yes = l->root && path && !l->root(&root, NULL) && root.len &&
		  !strncmp(path, root.ptr, root.len) && path[root.len] == '/';

	ramet_buf_release(&root);
	return yes;
}

/* In the source's own directory, named as the format's program names its files. */
static void add_file_beside(const struct ramet_session *source,
			    const struct rameti_draft_header *h, struct ramet_buf *place)
{
	const struct rameti_layout *l = rameti_layout_of(ramet_session_format(source));

	ramet_buf_add_str(place, ramet_session_dir(source));
	ramet_buf_add_char(place, '/');
	if (l->new_name) {
		(void)l->new_name(h->id, h->time_ms, place); /* place remembers a failure */
		return;
	}
	ramet_buf_add(place, h->id);
	ramet_buf_add_str(place, ".jsonl");
}

/* Where the fork goes; empty: where the tool keeps its sessions. */
static int find_place(const struct ramet_session *source, const struct ramet_fork_opts *opts,
		      const struct rameti_draft_header *h, struct ramet_buf *place,
		      struct ramet_error *err)
{
	const struct rameti_home *home = rameti_session_home(source);
	const char *dir = opts && opts->dir ? opts->dir : NULL, *own = ramet_session_dir(source);

	if (dir && own && !strcmp(dir, own))
		dir = NULL;                              /* beside the source */
	if (home && home->scheme)
		ramet_buf_add_str(place, rameti_session_home_file(source));
	else if (home)                           /* one session a file */
		ramet_buf_addf(place, "%s/%.*s%s", dir ? dir : own, RAMET_FMT(h->id), home->ext);
	else if (dir)
		ramet_buf_add_str(place, dir);
	else if (!is_at_home(source, ramet_session_format(source)))
		add_file_beside(source, h, place);
	return ramet_buf_status(place) < 0 ? rameti_fail_nomem(err) : 0;
}

/* Lines that a conversion carried belong to the session they were carried into. In a fork
 * they stand for nothing: what it tells goes back as it is told here. */
static int loosen(const struct ramet_row *row, struct ramet_bytes *json, struct ramet_json_doc *doc,
		  struct ramet_buf *buf, struct ramet_error *err)
{
	const struct ramet_json_edit no_row = { { "row", 3 }, ramet_bytes_of("null") };
	const struct ramet_json *data;
	int r;

	if (row->type != RAMET_ENTRY_CUSTOM ||
	    !memmem(json->ptr, json->len, RAMETI_RAW_TYPE, strlen(RAMETI_RAW_TYPE)))
		return 0;
	r = ramet_json_parse(doc, *json, 0, err);
	if (r < 0)
		return r;
	data = ramet_json_get(ramet_json_root(doc), "data");
	if (ramet_json_kind(ramet_json_get(data, "header")) != RAMET_JSON_TRUE)
		return 0;
	ramet_buf_reset(buf);
	r = ramet_json_edit(buf, *json, data, &no_row, 1, err);
	*json = ramet_buf_bytes(buf);
	return r;
}

static int copy(struct rameti_target *t, const struct ramet_session *source, uint32_t leaf,
		int all, struct ramet_error *err)
{
	const struct ramet_tree *tree = ramet_session_tree(source);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2), buf = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_bytes json;
	uint32_t i, row, n = all ? ramet_tree_count(tree) : 0;
	int r = 0;

	if (!all && leaf != RAMET_NONE) {
		r = ramet_tree_path(tree, leaf, &path, err);
		n = path.n;
	}
	for (i = 0; !r && i < n; i++) {
		row = all ? i : path.rows[i];
		r = ramet_tree_entry(tree, row, &scratch, &json, err);
		if (!r) {
			json = rameti_json_trimmed(json);
			r = loosen(ramet_tree_row(tree, row), &json, &doc, &buf, err);
		}
		if (!r)
			r = rameti_target_entry(t, json, err);
		if (r == RAMETI_UNSAID)
			r = rameti_fail(err, RAMET_EINVAL, "the format has no place for an entry");
		r = r < 0 ? r : 0;
	}
	ramet_path_release(&path);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	ramet_buf_release(&buf);
	return r;
}

static int choose_id(const char *format, const struct ramet_fork_opts *opts, struct ramet_buf *id,
		     struct ramet_error *err)
{
	if (!opts || !opts->id)
		return rameti_format_new_id(format, id, err);
	ramet_buf_add_str(id, opts->id);
	if (!rameti_format_takes_id(format, ramet_buf_bytes(id)))
		return rameti_fail(err, RAMET_EINVAL,
				   "\"%.60s\" cannot be the id of a session of the format %s",
				   opts->id, format);
	return ramet_buf_status(id) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_fork_other(struct ramet_session **out, struct ramet_session *source, uint32_t leaf,
		      int all, const struct ramet_fork_opts *opts, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	const char *parent = rameti_session_abs_path(source);
	struct ramet_buf id = RAMET_BUF_INIT(4096), place = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_target_opts where = { .format = ramet_session_format(source) };
	struct rameti_draft_header h = { .cwd = ramet_session_cwd(source, none) };
	struct ramet_open_opts open = { .level = opts ? opts->level : 0 };
	struct rameti_target t = { .file = RAMETI_NEWFILE_INIT };
	int r = choose_id(where.format, opts, &id, err);

	h.id = ramet_buf_bytes(&id);
	h.time_ms = rameti_now_ms(NULL);
	if (!r)
		r = find_place(source, opts, &h, &place, err);
	if (parent)
		h.parent_session = ramet_bytes_of(parent);
	if (opts && opts->cwd)
		h.cwd = ramet_bytes_of(opts->cwd);
	where.place = place.len ? place.ptr : NULL;
	where.sync = !opts || opts->level != RAMET_LEVEL_NONE;
	if (!r && opts && opts->dir && where.place && !rameti_session_home(source) &&
	    !strcmp(opts->dir, where.place))
		r = rameti_dir_make(NULL, place.ptr, 1, err);
	if (!r)
		r = rameti_target_begin(&t, &where, &h, none, err);
	if (!r)
		r = copy(&t, source, leaf, all, err);
	if (!r)
		r = rameti_target_end(&t, &path, err);
	if (!r)
		r = ramet_session_open(out, path.ptr, &open, err);
	rameti_target_release(&t);
	ramet_buf_release(&id);
	ramet_buf_release(&place);
	ramet_buf_release(&path);
	return r;
}
